//! Texts made of numbers and texts.

use allod_planner::expr::{Writing, statement_text};
use allod_storage::schema::SqlType;
use hashbrown::HashMap;

use super::digest::of_statement as statement_digest;
use super::function::{Outcome, build_bytes, bytes, ints, text};
use super::locale;
use super::number;
use super::string::build;
use super::value::{Column, Value};

/// Digits behind the point that FORMAT shows at most.
const DIGITS_MAX: i64 = 30;

/// Evaluates a function that writes; `sql` is the first argument's type.
pub(crate) fn apply(writing: Writing, args: &[Value], sql: &SqlType, rows: usize) -> Outcome {
    match writing {
        Writing::Char => char_of_numbers(args, rows),
        Writing::Format => format(args, rows),
        Writing::Quote if sql.is_binary() => quote_bytes(&args[0], rows),
        Writing::Quote => quote(args, rows),
        Writing::Translate => translate(args, rows),
        Writing::WeightString => weight_string(args, sql, rows),
        Writing::Soundex => {
            let s = text(&args[0], rows)?;
            Ok(build(rows, |row, out| {
                soundex(s.get(row)?, out);
                Some(())
            }))
        }
        Writing::StatementDigest => of_statements(&args[0], rows, statement_digest),
        Writing::StatementText => of_statements(&args[0], rows, statement_text),
        Writing::DecodePlan => of_statements(&args[0], rows, |plan| {
            Some(super::plan_text::decoded(plan).unwrap_or_else(|| plan.to_owned()))
        }),
        Writing::FormatBytes => scaled(&BYTES, 1.0, args, rows),
        Writing::FormatPicoTime => scaled(&TIMES, 1.0, args, rows),
        Writing::FormatNanoTime => scaled(&TIMES, 1000.0, args, rows),
    }
}

/// What is made of statements; NULL for what cannot be read.
fn of_statements(statements: &Value, rows: usize, make: impl Fn(&str) -> Option<String>) -> Outcome {
    let statements = text(statements, rows)?;
    Ok(build(rows, |row, out| {
        out.push_str(&make(statements.get(row)?)?);
        Some(())
    }))
}

/// CHAR(n, …): each number's bytes without leading zeros.
fn char_of_numbers(args: &[Value], rows: usize) -> Outcome {
    let numbers: Vec<Option<Column<i64>>> =
        args.iter().map(|v| if matches!(v, Value::Null) { None } else { Some(ints(v, rows)) }).collect();
    Ok(build_bytes(rows, |row| {
        let mut out = Vec::new();
        for n in numbers.iter().flatten().filter_map(|n| n.get(row)) {
            let bytes = (n as u32).to_be_bytes();
            let first = bytes.iter().position(|b| *b != 0).unwrap_or(3);
            out.extend(&bytes[first..]);
        }
        Some(out)
    }))
}

/// FORMAT(x, digits[, locale]).
fn format(args: &[Value], rows: usize) -> Outcome {
    let digits = ints(&args[1], rows);
    let locales = match args.get(2) {
        Some(v) if !matches!(v, Value::Null) => Some(text(v, rows)?),
        _ => None,
    };
    let x = &args[0];
    Ok(build(rows, |row, out| {
        if x.is_null(row) {
            return None;
        }
        let digits = digits.get(row)?.clamp(0, DIGITS_MAX) as usize;
        let plain = match x {
            Value::Double(v) => {
                let v = v.value(row);
                // Too large for digits behind the point: as it prints otherwise.
                if v.abs() >= 1e15 { format!("{v:.digits$}") } else { round_half_even(v, digits) }
            }
            Value::Decimal(v) => {
                let (value, scale) = round_exact(v.value(row), v.scale(), digits);
                let mut text = String::new();
                number::write_decimal(value, scale, &mut text);
                pad_fraction(text, digits)
            }
            other => pad_fraction(super::cast::whole_at(other, row, false).0.to_string(), digits),
        };
        let locale = locales.as_ref().and_then(|l| l.get(row)).map_or(locale::DEFAULT, locale::of_name);
        locale.write(&plain, out);
        Some(())
    }))
}

/// A double rounded to so many digits; a half goes to the even digit, as C's rint does.
fn round_half_even(v: f64, digits: usize) -> String {
    let unit = 10f64.powi(digits as i32);
    let scaled = (v * unit).round_ties_even();
    let rounded = if scaled.is_finite() && digits <= 15 { scaled / unit } else { v };
    // Not -0.
    format!("{:.digits$}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// An exact number rounded to so many digits, if it has more; halves go away from zero.
fn round_exact(value: i128, scale: u8, digits: usize) -> (i128, u8) {
    match u8::try_from(digits) {
        Ok(wanted) if wanted < scale => {
            let unit = 10i128.pow(u32::from(scale - wanted));
            let (whole, rest) = (value / unit, value % unit);
            (whole + if rest.abs() * 2 >= unit { value.signum() } else { 0 }, wanted)
        }
        _ => (value, scale),
    }
}

/// Zeros behind the point up to so many digits.
fn pad_fraction(mut text: String, digits: usize) -> String {
    let have = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if have == 0 && digits > 0 {
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', digits.saturating_sub(have)));
    text
}

/// QUOTE: what a statement would need to hold to mean this text.
fn quote(args: &[Value], rows: usize) -> Outcome {
    let texts = if matches!(args[0], Value::Null) { None } else { Some(text(&args[0], rows)?) };
    Ok(build(rows, |row, out| {
        let Some(s) = texts.as_ref().and_then(|t| t.get(row)) else {
            out.push_str("NULL");
            return Some(());
        };
        out.push('\'');
        for c in s.chars() {
            match c {
                '\'' | '\\' => out.extend(['\\', c]),
                '\0' => out.push_str("\\0"),
                '\x1a' => out.push_str("\\Z"),
                other => out.push(other),
            }
        }
        out.push('\'');
        Some(())
    }))
}

/// The same of bytes, which need not be text.
fn quote_bytes(value: &Value, rows: usize) -> Outcome {
    let data = bytes(value, rows)?;
    Ok(build_bytes(rows, |row| {
        let Some(data) = data.get(row) else { return Some(b"NULL".to_vec()) };
        let mut out = vec![b'\''];
        for byte in data {
            match byte {
                b'\'' | b'\\' => out.extend([b'\\', *byte]),
                0 => out.extend(b"\\0"),
                0x1a => out.extend(b"\\Z"),
                other => out.push(*other),
            }
        }
        out.push(b'\'');
        Some(out)
    }))
}

/// TRANSLATE(s, from, to): each character of `from` becomes that at the same place of `to`, or nothing.
fn translate(args: &[Value], rows: usize) -> Outcome {
    let (s, from, to) = (text(&args[0], rows)?, text(&args[1], rows)?, text(&args[2], rows)?);
    let mut known: Option<(String, String, HashMap<char, Option<char>>)> = None;
    Ok(build(rows, |row, out| {
        let (s, from, to) = (s.get(row)?, from.get(row)?, to.get(row)?);
        if !known.as_ref().is_some_and(|(f, t, _)| f == from && t == to) {
            let mut map = HashMap::new();
            let mut targets = to.chars();
            for c in from.chars() {
                let target = targets.next();
                // The first of equal ones counts.
                map.entry(c).or_insert(target);
            }
            known = Some((from.to_owned(), to.to_owned(), map));
        }
        let (_, _, map) = known.as_ref()?;
        out.extend(s.chars().filter_map(|c| map.get(&c).copied().unwrap_or(Some(c))));
        Some(())
    }))
}

/// WEIGHT_STRING(s[, 'CHAR' or 'BINARY', n]): the bytes themselves, those of a text without the blanks at its end, which do
/// not count when it is compared.
fn weight_string(args: &[Value], sql: &SqlType, rows: usize) -> Outcome {
    let data = bytes(&args[0], rows)?;
    let kind = args.get(1).map(|v| text(v, rows)).transpose()?;
    let length = args.get(2).map_or(Column::one(0), |v| ints(v, rows));
    Ok(build_bytes(rows, |row| {
        let data = data.get(row)?;
        let length = usize::try_from(length.get(row)?).ok()?.min(super::string::BYTES_MAX);
        match kind.as_ref().and_then(|k| k.get(row)) {
            Some("BINARY") => {
                let mut out = data[..data.len().min(length)].to_vec();
                out.resize(length, 0);
                Some(out)
            }
            Some(_) => {
                let text = String::from_utf8_lossy(data);
                let mut out: String = text.chars().take(length).collect();
                let have = out.chars().count();
                out.extend(std::iter::repeat_n(' ', length - have));
                Some(out.into_bytes())
            }
            None if sql.is_binary() => Some(data.to_vec()),
            None if !sql.collation().is_plain() => {
                Some(sql.collation().sort_key(&String::from_utf8_lossy(data)))
            }
            None => {
                let end = data.iter().rposition(|b| *b != b' ').map_or(0, |at| at + 1);
                Some(data[..end].to_vec())
            }
        }
    }))
}

/// SOUNDEX: the first letter, and the groups that those behind it belong to; a group that repeats itself, vowels between or
/// not, counts once.
fn soundex(s: &str, out: &mut String) {
    const GROUPS: &[u8; 26] = b"01230120022455012623010202";
    let group = |c: char| match c.to_ascii_uppercase() {
        // Other letters count as vowels.
        c @ 'A'..='Z' => GROUPS[c as usize - 'A' as usize],
        _ => b'0',
    };
    let mut letters = s.chars().filter(|c| c.is_alphabetic());
    let Some(first) = letters.next() else { return };
    out.extend(first.to_uppercase());
    let mut last = group(first);
    let mut count = 1;
    for group in letters.map(group) {
        if group != b'0' && group != last {
            out.push(char::from(group));
            count += 1;
            last = group;
        }
    }
    out.extend(std::iter::repeat_n('0', 4usize.saturating_sub(count)));
}

/// Units and how many of the first one of them is.
type Units = [(f64, &'static str)];

const BYTES: [(f64, &str); 7] = [
    (1.0, "bytes"),
    (1024.0, "KiB"),
    (1_048_576.0, "MiB"),
    (1_073_741_824.0, "GiB"),
    (1_099_511_627_776.0, "TiB"),
    (1_125_899_906_842_624.0, "PiB"),
    (1_152_921_504_606_846_976.0, "EiB"),
];

const TIMES: [(f64, &str); 8] = [
    (1.0, "ps"),
    (1e3, "ns"),
    (1e6, "us"),
    (1e9, "ms"),
    (1e12, "s"),
    (6e13, "min"),
    (3.6e15, "h"),
    (8.64e16, "d"),
];

/// A number in the largest unit of which it is at least one; the smallest has no fraction.
fn scaled(units: &Units, factor: f64, args: &[Value], rows: usize) -> Outcome {
    let Some(numbers) = args[0].to_double() else { return Ok(Value::Null) };
    let width = if units[0].1 == "bytes" { 4 } else { 3 };
    Ok(build(rows, |row, out| {
        let number = numbers.get(row)? * factor;
        let (unit, name) =
            units.iter().rev().find(|(unit, _)| number.abs() >= *unit).copied().unwrap_or(units[0]);
        let value = number / unit;
        out.push_str(&if unit == 1.0 {
            format!("{:width$} {name}", value as i64)
        } else if value.abs() >= 100_000.0 {
            format!("{value:.2e} {name}")
        } else {
            format!("{value:.2} {name}")
        });
        Some(())
    }))
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::Function;

    use super::super::tests::{TEXT, check};
    use super::*;

    /// By MySQL's manual, TiDB's scripts and MariaDB 10.11.
    #[test]
    fn numbers_written_for_people() {
        for (args, want) in [
            (&["12332.123456", "4"][..], "12,332.1235"),
            (&["12332.1", "4"], "12,332.1000"),
            (&["12332.2", "0"], "12,332"),
            (&["12332.2", "2", "'de_DE'"], "12.332,20"),
            (&["-1234567", "-3"], "-1,234,567"),
            (&["999.995", "2"], "1,000.00"),
            (&["-0.5", "0"], "-1"),
            (&["0", "2"], "0.00"),
            (&["1234567e0", "1"], "1,234,567.0"),
            (&["25e-1", "0"], "2"),
            (&["NULL", "4"], "NULL"),
            (&["1", "NULL"], "NULL"),
        ] {
            check(Function::Writing(Writing::Format), args, TEXT, want);
        }
    }

    #[test]
    fn texts() {
        for (writing, args, want) in [
            (Writing::Quote, &["'Don\\'t!'"][..], "'Don\\\\\\'t!'"),
            (Writing::Quote, &["''"], "''"),
            (Writing::Quote, &["NULL"], "NULL"),
            (Writing::Soundex, &["'Hello'"], "H400"),
            (Writing::Soundex, &["'Quadratically'"], "Q36324"),
            (Writing::Soundex, &["'1'"], ""),
            (Writing::FormatBytes, &["512e0"], " 512 bytes"),
            (Writing::FormatBytes, &["18446644073709551615e0"], "16.00 EiB"),
            (Writing::FormatPicoTime, &["3501e0"], "3.50 ns"),
            (Writing::FormatPicoTime, &["188732396662000e0"], "3.15 min"),
            (Writing::FormatNanoTime, &["3501e0"], "3.50 us"),
            (Writing::Translate, &["'A.B.C'", "'AAa'", "'Zz'"], "Z.B.C"),
            (Writing::Translate, &["'aaaaabbbbb'", "'AAa'", "'Zz'"], "bbbbb"),
            (Writing::Translate, &["'ABC'", "''", "'Zzz'"], "ABC"),
            (Writing::Translate, &["'ABC'", "'AAa'", "NULL"], "NULL"),
        ] {
            check(Function::Writing(writing), args, TEXT, want);
        }
        let binary = SqlType::VarBinary(20);
        for (writing, args, want) in [
            (Writing::Char, &["77", "121", "83"][..], "4d7953"),
            (Writing::Char, &["97", "NULL", "100", "256", "89"], "6164010059"),
            (Writing::Char, &["0"], "00"),
            (Writing::Char, &["-1"], "ffffffff"),
            (Writing::Char, &["NULL"], ""),
            (Writing::WeightString, &["'ab '"], "6162"),
            (Writing::WeightString, &["'ab'", "'CHAR'", "3"], "616220"),
            (Writing::WeightString, &["'abc'", "'BINARY'", "2"], "6162"),
            (Writing::WeightString, &["'a'", "'BINARY'", "3"], "610000"),
        ] {
            check(Function::Writing(writing), args, binary.clone(), want);
        }
    }
}
