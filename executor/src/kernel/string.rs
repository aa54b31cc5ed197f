//! Functions of strings. Positions and lengths count characters.

use std::ops::Range;

use allod_planner::expr::Function;
use allod_planner::partition::crc32;
use allod_storage::schema::{SqlType, unpadded};
use arrow::array::{Array, BinaryViewBuilder, StringViewBuilder, make_view};
use regex::Regex;

use super::cast::PACKET_MAX;
use super::function::{Failure, Outcome, Prepared, build_bytes, bytes, ints, text, unfit};
use super::like::Matcher;
use super::notice::Notices;
use super::program::Node;
use super::unchecked::views_over;
use super::value::{Binary, Column, Strings, Value};
use crate::error::{Error, Result};

/// The longest string that a function makes; beyond it the result is NULL, as with MySQL's max_allowed_packet.
pub(super) const BYTES_MAX: usize = 64 << 20;

/// Compiles a pattern of REGEXP: case matters, as in binary collations.
pub(crate) fn regex(pattern: &str) -> Result<Regex> {
    let built = regex::RegexBuilder::new(pattern).size_limit(1 << 22).build();
    built.map_err(|e| Error::Regexp { message: e.to_string().replace('\n', " ") })
}

/// LIKE.
pub(crate) fn like(node: &Node, escape: Option<char>, args: &[Value], rows: usize) -> Outcome {
    let s = text(&args[0], rows)?;
    if let Prepared::Like(matcher) = &node.prepared {
        return Ok(Value::Bool(s.test(rows, |s| matcher.matches(s))));
    }
    let patterns = text(&args[1], rows)?;
    let mut last: Option<(String, Matcher)> = None;
    let matches = Column::from_options((0..rows).map(|row| {
        let (s, pattern) = (s.get(row)?, patterns.get(row)?);
        if last.as_ref().is_none_or(|(known, _)| known != pattern) {
            last = Some((pattern.to_owned(), Matcher::new(pattern, escape)));
        }
        last.as_ref().map(|(_, matcher)| i64::from(matcher.matches(s)))
    }));
    Ok(Value::Bool(matches.test(rows, |m| m != 0)))
}

/// REGEXP.
pub(crate) fn regexp(node: &Node, args: &[Value], rows: usize) -> Outcome {
    let s = text(&args[0], rows)?;
    if let Prepared::Regexp(regex) = &node.prepared {
        return Ok(Value::Bool(s.test(rows, |s| regex.is_match(s))));
    }
    let patterns = text(&args[1], rows)?;
    let mut last: Option<(String, Regex)> = None;
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let (Some(s), Some(pattern)) = (s.get(row), patterns.get(row)) else {
            out.push(None);
            continue;
        };
        if last.as_ref().is_none_or(|(known, _)| known != pattern) {
            last = Some((pattern.to_owned(), regex(pattern)?));
        }
        out.push(last.as_ref().map(|(_, regex)| i64::from(regex.is_match(s))));
    }
    Ok(Value::Bool(Column::from_options(out.into_iter()).test(rows, |m| m != 0)))
}

/// A string for each row, written into a buffer that is reused; None is NULL.
pub(crate) fn build(rows: usize, mut write: impl FnMut(usize, &mut String) -> Option<()>) -> Value {
    let mut out = StringViewBuilder::with_capacity(rows);
    let mut line = String::new();
    for row in 0..rows {
        line.clear();
        match write(row, &mut line) {
            Some(()) if line.len() <= BYTES_MAX => out.append_value(&line),
            _ => out.append_null(),
        }
    }
    Value::String(Strings::Views(out.finish()))
}

/// A part of each string, as a byte range on character borders; None is NULL. Long parts point into the same buffers.
pub(crate) fn slice(
    strings: &Strings,
    rows: usize,
    part: impl Fn(usize, &str) -> Option<Range<usize>>,
) -> Value {
    let Strings::Views(views) = strings else {
        return build(rows, |row, out| {
            let s = strings.get(row)?;
            out.push_str(&s[part(row, s)?]);
            Some(())
        });
    };
    let mut parts = Vec::with_capacity(rows);
    let mut valid = Vec::with_capacity(rows);
    for (row, view) in views.views().iter().enumerate() {
        let range = if views.is_null(row) { None } else { part(row, views.value(row)) };
        valid.push(range.is_some());
        parts.push(match range {
            Some(range) => {
                let bytes = &views.value(row).as_bytes()[range.clone()];
                // A view's upper half: which buffer, and where in it.
                let (buffer, offset) = ((view >> 64) as u32, (view >> 96) as u32);
                make_view(bytes, buffer, offset.wrapping_add(range.start as u32))
            }
            None => 0,
        });
    }
    Value::String(Strings::Views(views_over(views, parts.into(), super::value::nulls_from(&valid))))
}

/// The byte at which character `n` begins, or the end.
pub(super) fn char_start(s: &str, n: usize) -> usize {
    // The characters in front decide; what is behind is not looked at.
    let front = &s.as_bytes()[..n.min(s.len())];
    if front.is_ascii() {
        return front.len();
    }
    s.char_indices().nth(n).map_or(s.len(), |(at, _)| at)
}

/// The bytes of SUBSTRING(s, position, length).
fn substring(s: &str, position: i64, length: Option<i64>) -> Range<usize> {
    let count = || if s.is_ascii() { s.len() } else { s.chars().count() };
    let first = match position {
        0 => return 0..0,
        1.. => usize::try_from(position - 1).unwrap_or(usize::MAX),
        _ => match count().checked_sub(usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX)) {
            Some(first) => first,
            None => return 0..0,
        },
    };
    let start = char_start(s, first);
    let end = match length {
        None => s.len(),
        Some(..=0) => start,
        Some(n) => start + char_start(&s[start..], usize::try_from(n).unwrap_or(usize::MAX)),
    };
    start..end
}

/// Evaluates a string function whose result has type `sql`.
pub(crate) fn apply(function: &Function, args: &[Value], sql: &SqlType, rows: usize) -> Outcome {
    let bytes = args.iter().any(|a| matches!(a, Value::Bytes(_)));
    match function {
        // Bytes have no case.
        Function::Upper | Function::Lower if bytes && sql.is_binary() => Ok(args[0].clone()),
        Function::CharLength | Function::Locate | Function::StrCmp if bytes => spelled(function, args, rows),
        _ if bytes && sql.is_binary() && function.keeps_bytes() => {
            let Value::String(letters) = spelled(function, args, rows)? else { return Ok(Value::Null) };
            Ok(build_bytes(rows, |row| Some(letters.get(row)?.chars().map(|c| c as u8).collect::<Vec<u8>>())))
        }
        _ => of_text(function, args, rows),
    }
}

/// Tells of results that are NULL because they would be longer than a packet may be.
pub(crate) fn tell_overflow(
    function: &Function,
    result: &Value,
    args: &[Value],
    rows: usize,
    notices: &mut Notices,
) -> Result<(), Failure> {
    let (name, count) = match function {
        Function::Lpad => ("lpad", 1),
        Function::Rpad => ("rpad", 1),
        Function::Repeat => ("repeat", 1),
        Function::Space => ("space", 0),
        _ => return Ok(()),
    };
    if result.nulls().is_none_or(|n| n.null_count() == 0) {
        return Ok(());
    }
    let counts = ints(&args[count], rows);
    for row in (0..rows).filter(|row| result.is_null(*row) && args.iter().all(|arg| !arg.is_null(*row))) {
        if counts.get(row).is_some_and(|n| n > 0) {
            notices.converted(row, Error::PacketOverflow { function: name, limit: PACKET_MAX })?;
        }
    }
    Ok(())
}

/// A function of bytes, by way of texts in which each byte is a character: their positions are those of the bytes.
fn spelled(function: &Function, args: &[Value], rows: usize) -> Outcome {
    let letters = |bytes: &[u8]| bytes.iter().map(|b| char::from(*b)).collect::<String>();
    let spell = |arg: &Value| match arg {
        Value::Bytes(_) | Value::String(_) => {
            let bytes = bytes(arg, rows)?;
            Ok(match arg {
                Value::Bytes(Binary::One(b)) => Value::String(Strings::One(letters(b).into())),
                Value::String(Strings::One(s)) => Value::String(Strings::One(letters(s.as_bytes()).into())),
                _ => build(rows, |row, out| {
                    out.push_str(&letters(bytes.get(row)?));
                    Some(())
                }),
            })
        }
        other => Ok(other.clone()),
    };
    let args = args.iter().map(spell).collect::<Result<Vec<Value>, Failure>>()?;
    of_text(function, &args, rows)
}

fn of_text(function: &Function, args: &[Value], rows: usize) -> Outcome {
    match function {
        Function::Length
        | Function::BitLength
        | Function::Hex
        | Function::Crc32
        | Function::Ascii
        | Function::Ord => of_bytes(function, args, rows),
        Function::CharLength => Ok(Value::Int(text(&args[0], rows)?.map(rows, |s| s.chars().count() as i64))),
        Function::Substring | Function::Left | Function::Right | Function::SubstringIndex => {
            parts(function, args, rows)
        }
        Function::Trim | Function::TrimLeading | Function::TrimTrailing => trim(function, args, rows),
        Function::Upper => each(args, rows, |s, out| out.extend(s.chars().map(upper))),
        Function::Lower => each(args, rows, |s, out| out.extend(s.chars().map(lower))),
        Function::Reverse => each(args, rows, |s, out| out.extend(s.chars().rev())),
        Function::Concat => {
            let all = args.iter().map(|a| text(a, rows)).collect::<Result<Vec<_>, _>>()?;
            Ok(build(rows, |row, out| {
                for s in &all {
                    out.push_str(s.get(row)?);
                }
                Some(())
            }))
        }
        Function::ConcatWs => concat_ws(args, rows),
        Function::Replace => {
            let (s, from, to) = (text(&args[0], rows)?, text(&args[1], rows)?, text(&args[2], rows)?);
            Ok(build(rows, |row, out| {
                let (s, from, to) = (s.get(row)?, from.get(row)?, to.get(row)?);
                if from.is_empty() {
                    out.push_str(s);
                    return Some(());
                }
                let mut rest = s;
                while let Some(at) = rest.find(from) {
                    out.push_str(&rest[..at]);
                    out.push_str(to);
                    rest = &rest[at + from.len()..];
                }
                out.push_str(rest);
                Some(())
            }))
        }
        Function::Locate => locate(args, rows),
        Function::Lpad | Function::Rpad => pad(*function == Function::Lpad, args, rows),
        Function::Repeat => {
            let (s, n) = (text(&args[0], rows)?, ints(&args[1], rows));
            Ok(build(rows, |row, out| {
                let (s, n) = (s.get(row)?, usize::try_from(n.get(row)?.max(0)).ok()?);
                if s.len().checked_mul(n)? > BYTES_MAX {
                    return None;
                }
                out.extend(std::iter::repeat_n(s, n));
                Some(())
            }))
        }
        Function::Space => {
            let n = ints(&args[0], rows);
            Ok(build(rows, |row, out| {
                let n = usize::try_from(n.get(row)?.max(0)).ok().filter(|n| *n <= BYTES_MAX)?;
                out.extend(std::iter::repeat_n(' ', n));
                Some(())
            }))
        }
        Function::StrCmp => {
            // Texts, or sort keys and other bytes.
            let padded = args.iter().all(|a| matches!(a, Value::String(_)));
            let counts = |bytes| if padded { unpadded(bytes) } else { bytes };
            let (a, b) = (bytes(&args[0], rows)?, bytes(&args[1], rows)?);
            let order = |row| Some(counts(a.get(row)?).cmp(counts(b.get(row)?)) as i64);
            Ok(Value::Int(Column::from_options((0..rows).map(order))))
        }
        Function::Insert => insert(args, rows),
        Function::Bin | Function::Oct => {
            use std::fmt::Write;
            let n = ints(&args[0], rows);
            Ok(build(rows, |row, out| {
                let n = n.get(row)? as u64;
                if *function == Function::Bin { write!(out, "{n:b}") } else { write!(out, "{n:o}") }.ok()
            }))
        }
        Function::Unhex => {
            let s = text(&args[0], rows)?;
            let mut out = BinaryViewBuilder::with_capacity(rows);
            for row in 0..rows {
                match s.get(row).and_then(unhex) {
                    Some(bytes) => out.append_value(bytes),
                    None => out.append_null(),
                }
            }
            Ok(Value::Bytes(Binary::Views(out.finish())))
        }
        Function::Conv => {
            let (s, from, to) = (text(&args[0], rows)?, ints(&args[1], rows), ints(&args[2], rows));
            Ok(build(rows, |row, out| conv(s.get(row)?, from.get(row)?, to.get(row)?, out)))
        }
        _ => Err(unfit(function)),
    }
}

fn each(args: &[Value], rows: usize, f: impl Fn(&str, &mut String)) -> Outcome {
    let s = text(&args[0], rows)?;
    Ok(build(rows, |row, out| {
        f(s.get(row)?, out);
        Some(())
    }))
}

/// Functions of a string's bytes.
fn of_bytes(function: &Function, args: &[Value], rows: usize) -> Outcome {
    if *function == Function::Hex
        && let Some(v) = args[0].to_int()
    {
        use std::fmt::Write;
        return Ok(build(rows, |row, out| write!(out, "{:X}", v.get(row)? as u64).ok()));
    }
    let strings;
    let bytes: &dyn Fn(usize) -> Option<Vec<u8>> = match &args[0] {
        Value::Bytes(v) => &|row| (!args[0].is_null(row)).then(|| v.value(row).to_vec()),
        other => {
            strings = text(other, rows)?;
            if *function == Function::Length {
                return Ok(Value::Int(strings.map(rows, |s| s.len() as i64)));
            }
            &|row| strings.get(row).map(|s| s.as_bytes().to_vec())
        }
    };
    if *function == Function::Hex {
        use std::fmt::Write;
        return Ok(build(rows, |row, out| {
            for b in bytes(row)? {
                write!(out, "{b:02X}").ok()?;
            }
            Some(())
        }));
    }
    Ok(Value::Int(Column::from_options((0..rows).map(|row| {
        let b = bytes(row)?;
        Some(match function {
            Function::Length => b.len() as i64,
            Function::BitLength => b.len() as i64 * 8,
            Function::Crc32 => i64::from(crc32(&b)),
            Function::Ord if !matches!(args[0], Value::Bytes(_)) => {
                // The first character's bytes as a number; of bytes it is the first one.
                let n = std::str::from_utf8(&b).ok().and_then(|s| s.chars().next()).map_or(1, char::len_utf8);
                b.iter().take(n).fold(0, |v, b| v << 8 | i64::from(*b))
            }
            _ => b.first().map_or(0, |b| i64::from(*b)),
        })
    }))))
}

/// Functions whose result is a part of their first argument.
fn parts(function: &Function, args: &[Value], rows: usize) -> Outcome {
    let s = text(&args[0], rows)?;
    if *function == Function::SubstringIndex {
        let (delimiter, count) = (text(&args[1], rows)?, ints(&args[2], rows));
        return Ok(slice(&s, rows, |row, s| {
            let (delimiter, count) = (delimiter.get(row)?, count.get(row)?);
            if delimiter.is_empty() || count == 0 {
                return Some(0..0);
            }
            let nth = usize::try_from(count.unsigned_abs() - 1).ok()?;
            Some(if count > 0 {
                0..s.match_indices(delimiter).nth(nth).map_or(s.len(), |(at, _)| at)
            } else {
                s.rmatch_indices(delimiter).nth(nth).map_or(0, |(at, _)| at + delimiter.len())..s.len()
            })
        }));
    }
    let n = ints(&args[1], rows);
    let length = args.get(2).map(|v| ints(v, rows));
    Ok(slice(&s, rows, |row, s| {
        let n = n.get(row)?;
        Some(match function {
            Function::Left => substring(s, 1, Some(n)),
            Function::Right if n <= 0 => 0..0,
            Function::Right => match substring(s, -n, None) {
                // Asked for more than there is: all of it.
                empty if empty.is_empty() => 0..s.len(),
                part => part,
            },
            _ => match &length {
                None => substring(s, n, None),
                Some(length) => substring(s, n, Some(length.get(row)?)),
            },
        })
    }))
}

fn trim(function: &Function, args: &[Value], rows: usize) -> Outcome {
    let s = text(&args[0], rows)?;
    let what = match args.get(1) {
        Some(v) => text(v, rows)?,
        None => Strings::One(" ".into()),
    };
    Ok(slice(&s, rows, |row, s| {
        let what = what.get(row)?;
        if what.is_empty() {
            return Some(0..s.len());
        }
        let (mut start, mut end) = (0, s.len());
        if *function != Function::TrimTrailing {
            while s[start..end].starts_with(what) {
                start += what.len();
            }
        }
        if *function != Function::TrimLeading {
            while s[start..end].ends_with(what) {
                end -= what.len();
            }
        }
        Some(start..end)
    }))
}

fn concat_ws(args: &[Value], rows: usize) -> Outcome {
    let Some((separator, members)) = args.split_first() else { return Ok(Value::Null) };
    if matches!(separator, Value::Null) {
        return Ok(Value::Null);
    }
    let separator = text(separator, rows)?;
    let present = members.iter().filter(|m| !matches!(m, Value::Null));
    let members = present.map(|a| text(a, rows)).collect::<Result<Vec<_>, _>>()?;
    Ok(build(rows, |row, out| {
        let separator = separator.get(row)?;
        for (i, s) in members.iter().filter_map(|m| m.get(row)).enumerate() {
            if i > 0 {
                out.push_str(separator);
            }
            out.push_str(s);
        }
        Some(())
    }))
}

/// LOCATE(needle, s, position).
fn locate(args: &[Value], rows: usize) -> Outcome {
    let (needle, s) = (text(&args[0], rows)?, text(&args[1], rows)?);
    let position = args.get(2).map_or(Column::one(1), |v| ints(v, rows));
    Ok(Value::Int(Column::from_options((0..rows).map(|row| {
        let (needle, s, position) = (needle.get(row)?, s.get(row)?, position.get(row)?);
        let Ok(skip) = usize::try_from(position - 1) else { return Some(0) };
        let start = char_start(s, skip);
        if skip > s.chars().count() {
            return Some(0);
        }
        Some(match s[start..].find(needle) {
            Some(at) => s[..start + at].chars().count() as i64 + 1,
            None => 0,
        })
    }))))
}

fn pad(left: bool, args: &[Value], rows: usize) -> Outcome {
    let (s, n) = (text(&args[0], rows)?, ints(&args[1], rows));
    let pad = match args.get(2) {
        Some(v) => text(v, rows)?,
        None => Strings::One(" ".into()),
    };
    Ok(build(rows, |row, out| {
        let (s, n, pad) = (s.get(row)?, usize::try_from(n.get(row)?).ok()?, pad.get(row)?);
        let have = s.chars().count();
        if have >= n {
            out.push_str(&s[..char_start(s, n)]);
            return Some(());
        }
        if n > BYTES_MAX {
            return None;
        }
        if pad.is_empty() {
            // Nothing to pad with: the empty string.
            return Some(());
        }
        let padding = pad.chars().cycle().take(n - have);
        if left {
            out.extend(padding);
            out.push_str(s);
        } else {
            out.push_str(s);
            out.extend(padding);
        }
        Some(())
    }))
}

/// INSERT(s, position, length, new).
fn insert(args: &[Value], rows: usize) -> Outcome {
    let (s, new) = (text(&args[0], rows)?, text(&args[3], rows)?);
    let (position, length) = (ints(&args[1], rows), ints(&args[2], rows));
    Ok(build(rows, |row, out| {
        let (s, new) = (s.get(row)?, new.get(row)?);
        let (position, length) = (position.get(row)?, length.get(row)?);
        let chars = s.chars().count() as i64;
        if position < 1 || position > chars {
            out.push_str(s);
            return Some(());
        }
        let start = char_start(s, usize::try_from(position - 1).ok()?);
        let end = match usize::try_from(length) {
            Ok(length) => start + char_start(&s[start..], length),
            Err(_) => s.len(),
        };
        out.push_str(&s[..start]);
        out.push_str(new);
        out.push_str(&s[end..]);
        Some(())
    }))
}

fn unhex(s: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    // An odd number of digits lacks a leading 0.
    let padded = if s.len() % 2 == 1 { format!("0{s}") } else { s.to_owned() };
    let (pairs, _) = padded.as_bytes().as_chunks::<2>();
    pairs.iter().map(|[a, b]| Some(digit(*a)? << 4 | digit(*b)?)).collect()
}

/// CONV(s, from, to): a negative base means signed numbers.
fn conv(s: &str, from: i64, to: i64, out: &mut String) -> Option<()> {
    let base = |v: i64| u32::try_from(v.unsigned_abs()).ok().filter(|b| (2..=36).contains(b));
    let (from_base, to_base) = (base(from)?, base(to)?);
    let s = s.trim_start();
    let (negative, digits) = match s.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, s.strip_prefix('+').unwrap_or(s)),
    };
    let mut v = 0u64;
    for digit in digits.chars().map_while(|c| c.to_digit(from_base)) {
        v = v.saturating_mul(u64::from(from_base)).saturating_add(u64::from(digit));
    }
    let v = if negative { v.wrapping_neg() } else { v };
    let (minus, mut v) =
        if to < 0 && (v as i64) < 0 { (true, (v as i64).unsigned_abs()) } else { (false, v) };
    let mut reversed = Vec::new();
    loop {
        let digit = char::from_digit((v % u64::from(to_base)) as u32, to_base)?;
        reversed.push(digit.to_ascii_uppercase());
        v /= u64::from(to_base);
        if v == 0 {
            break;
        }
    }
    if minus {
        out.push('-');
    }
    out.extend(reversed.iter().rev());
    Some(())
}

/// MySQL maps a character to one character: `ß` has no upper case.
pub(super) fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    mapped.next().filter(|_| mapped.len() == 0).unwrap_or(c)
}

pub(super) fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    mapped.next().filter(|_| mapped.len() == 0).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substrings_by_the_manual() {
        for (s, position, length, want) in [
            ("Quadratically", 5, None, "ratically"),
            ("foobarbar", 4, None, "barbar"),
            ("Quadratically", 5, Some(6), "ratica"),
            ("Sakila", -3, None, "ila"),
            ("Sakila", -5, Some(3), "aki"),
            ("Sakila", -4, Some(2), "ki"),
            ("Sakila", 0, None, ""),
            ("Sakila", 99, None, ""),
            ("Sakila", -99, None, ""),
            ("Sakila", 2, Some(0), ""),
            ("Sakila", 2, Some(-1), ""),
            ("äöü", 2, Some(1), "ö"),
            ("äöü", -1, None, "ü"),
            ("äöü", i64::MAX, Some(i64::MAX), ""),
            ("äöü", i64::MIN, None, ""),
        ] {
            assert_eq!(&s[substring(s, position, length)], want, "SUBSTRING({s:?}, {position}, {length:?})");
        }
    }

    #[test]
    fn checks_and_bases() {
        assert_eq!(crc32(b"MySQL"), 3_259_397_556);
        assert_eq!(crc32(b"mysql"), 2_501_908_538);
        let conv = |s, from, to| {
            let mut out = String::new();
            conv(s, from, to, &mut out).map(|()| out)
        };
        assert_eq!(conv("a", 16, 2).as_deref(), Some("1010"));
        assert_eq!(conv("6E", 18, 8).as_deref(), Some("172"));
        assert_eq!(conv("-17", 10, -18).as_deref(), Some("-H"));
        assert_eq!(conv("1", 1, 10), None);
        assert_eq!(unhex("4D7953514C").as_deref(), Some(&b"MySQL"[..]));
        assert_eq!(unhex("GG"), None);
        assert_eq!(unhex("F").as_deref(), Some(&[15u8][..]));
    }
}
