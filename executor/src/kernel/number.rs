//! Numbers as text, as MySQL reads and writes them: the longest prefix that is a number counts, and whoever must be strict
//! asks whether anything was left over.

use super::decimal::{WIDE_MAX, divide_round, power};

/// How much of the text was a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it, blanks around it aside.
    Whole,
    /// Only the beginning.
    Prefix,
    /// Nothing.
    Nothing,
    /// A number that is greater than all of its type, of which the greatest takes its place.
    Beyond,
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_whitespace()).count()
}

fn extent(bytes: &[u8], end: usize, found: bool) -> Extent {
    match found {
        false => Extent::Nothing,
        true if end + blanks(&bytes[end..]) == bytes.len() => Extent::Whole,
        true => Extent::Prefix,
    }
}

/// A decimal number's parts: sign, digits before and after the point, exponent.
struct Scan<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i32,
    start: usize,
    end: usize,
}

fn scan(bytes: &[u8]) -> Scan<'_> {
    let start = blanks(bytes);
    let mut at = start;
    let negative = bytes.get(at) == Some(&b'-');
    if matches!(bytes.get(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let whole = &bytes[at..at + digits(&bytes[at..])];
    at += whole.len();
    let mut fraction: &[u8] = &[];
    if bytes.get(at) == Some(&b'.') {
        fraction = &bytes[at + 1..at + 1 + digits(&bytes[at + 1..])];
        if !(whole.is_empty() && fraction.is_empty()) {
            at += 1 + fraction.len();
        }
    }
    let mut exponent = 0;
    if matches!(bytes.get(at), Some(b'e' | b'E')) && !(whole.is_empty() && fraction.is_empty()) {
        let minus = bytes.get(at + 1) == Some(&b'-');
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
        let from = at + 1 + sign;
        let power = &bytes[from..from + digits(&bytes[from..])];
        if !power.is_empty() {
            let value =
                power.iter().fold(0i32, |v, d| v.saturating_mul(10).saturating_add(i32::from(d - b'0')));
            exponent = if minus { -value } else { value };
            at = from + power.len();
        }
    }
    Scan { negative, whole, fraction, exponent, start, end: at }
}

/// The double that the text begins with; 0 if with none, the greatest if there is none so great.
pub(crate) fn double_prefix(bytes: &[u8]) -> (f64, Extent) {
    let parts = scan(bytes);
    if parts.whole.is_empty() && parts.fraction.is_empty() {
        return (0.0, Extent::Nothing);
    }
    let text = std::str::from_utf8(&bytes[parts.start..parts.end]).unwrap_or("0");
    let value: f64 = text.parse().unwrap_or(0.0);
    match value.is_finite() {
        true => (value, extent(bytes, parts.end, true)),
        false => (f64::MAX.copysign(value), Extent::Beyond),
    }
}

/// The integer that the text begins with; what follows the point or an exponent is left over.
pub(crate) fn int_prefix(bytes: &[u8]) -> (i128, Extent) {
    let start = blanks(bytes);
    let sign = usize::from(matches!(bytes.get(start), Some(b'-' | b'+')));
    let from = start + sign;
    let run = &bytes[from..from + digits(&bytes[from..])];
    let value = run.iter().fold(0i128, |v, d| v.saturating_mul(10).saturating_add(i128::from(d - b'0')));
    let value = if bytes.get(start) == Some(&b'-') { -value } else { value };
    (value, extent(bytes, from + run.len(), !run.is_empty()))
}

/// The decimal that the text begins with, rounded to `scale` digits after the point; beyond 38 digits it saturates.
pub(crate) fn decimal_prefix(bytes: &[u8], scale: u8) -> (i128, Extent) {
    let parts = scan(bytes);
    if parts.whole.is_empty() && parts.fraction.is_empty() {
        return (0, Extent::Nothing);
    }
    // The digits that count are those before place -scale; the one after them rounds.
    let keep = parts.whole.len() as i64 + i64::from(parts.exponent) + i64::from(scale);
    let mut value = 0i128;
    let mut all = parts.whole.iter().chain(parts.fraction);
    for _ in 0..keep.max(0) {
        let digit = all.next().map_or(0, |d| i128::from(d - b'0'));
        value = value.saturating_mul(10).saturating_add(digit);
        if value > WIDE_MAX {
            value = WIDE_MAX + 1;
            break;
        }
        if value == 0 && all.len_is_zero() {
            break;
        }
    }
    if keep >= 0 && value <= WIDE_MAX && all.next().is_some_and(|d| *d >= b'5') {
        value += 1;
    }
    (if parts.negative { -value } else { value }, extent(bytes, parts.end, true))
}

/// Whether an iterator has nothing more to give.
trait Exhausted {
    fn len_is_zero(&self) -> bool;
}

impl<I: Iterator + Clone> Exhausted for I {
    fn len_is_zero(&self) -> bool {
        self.clone().next().is_none()
    }
}

/// A double with `scale` digits after the point, through its shortest text as MySQL does it; None beyond 38 digits.
pub(crate) fn double_to_decimal(v: f64, scale: u8) -> Option<i128> {
    if !v.is_finite() {
        return None;
    }
    // Integers of moderate size are exact.
    if v == v.trunc() && v.abs() < 9e15 {
        return power(scale).and_then(|by| (v as i128).checked_mul(by)).filter(|v| v.abs() <= WIDE_MAX);
    }
    let (value, _) = decimal_prefix(format!("{v:e}").as_bytes(), scale);
    (value.abs() <= WIDE_MAX).then_some(value)
}

/// The digits of a finite double's shortest text and the power of ten that they are times of.
pub(crate) fn double_digits(v: f64) -> (i128, i32) {
    let text = format!("{v:e}");
    let parts = scan(text.as_bytes());
    let digits = parts.whole.iter().chain(parts.fraction);
    let magnitude = digits.fold(0i128, |all, d| all * 10 + i128::from(d - b'0'));
    let exponent = parts.exponent - parts.fraction.len() as i32;
    (if parts.negative { -magnitude } else { magnitude }, exponent)
}

/// A double as MySQL prints it: the shortest text that reads back the same, with an exponent below 10^-15 and from 10^15 on.
pub(crate) fn write_double(v: f64, out: &mut String) {
    use std::fmt::Write;
    let magnitude = v.abs();
    let written = if magnitude != 0.0 && !(1e-15..1e15).contains(&magnitude) {
        write!(out, "{v:e}")
    } else if v == 0.0 {
        write!(out, "0")
    } else {
        write!(out, "{v}")
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// A decimal as MySQL prints it.
pub(crate) fn write_decimal(value: i128, scale: u8, out: &mut String) {
    use std::fmt::Write;
    let unit = 10u128.pow(u32::from(scale.min(38)));
    let magnitude = value.unsigned_abs();
    if value < 0 {
        out.push('-');
    }
    let written = match scale {
        0 => write!(out, "{magnitude}"),
        _ => write!(out, "{}.{:0width$}", magnitude / unit, magnitude % unit, width = usize::from(scale)),
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// Rounds an integer to tens, hundreds, …: `places` digits before the point become 0.
pub(crate) fn round_places(v: i128, places: u32, away: bool) -> i128 {
    match 10i128.checked_pow(places) {
        None => 0,
        Some(unit) if away => divide_round(v, unit).saturating_mul(unit),
        Some(unit) => v / unit * unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        for (text, want, extent) in [
            ("12", 12.0, Extent::Whole),
            ("  -1.5e2 ", -150.0, Extent::Whole),
            ("12abc", 12.0, Extent::Prefix),
            ("1e", 1.0, Extent::Prefix),
            (".5", 0.5, Extent::Whole),
            ("5.", 5.0, Extent::Whole),
            (".", 0.0, Extent::Nothing),
            ("abc", 0.0, Extent::Nothing),
            ("", 0.0, Extent::Nothing),
            ("1e999", f64::MAX, Extent::Beyond),
        ] {
            assert_eq!(double_prefix(text.as_bytes()), (want, extent), "{text:?}");
        }
        assert_eq!(int_prefix(b" -42.9"), (-42, Extent::Prefix));
        assert_eq!(int_prefix(b"+7 "), (7, Extent::Whole));
        assert_eq!(int_prefix(b"-"), (0, Extent::Nothing));
    }

    #[test]
    fn decimals_round_half_away_from_zero() {
        for (text, scale, want) in [
            ("1.005", 2, 101),
            ("-1.005", 2, -101),
            ("1.004", 2, 100),
            ("1e3", 1, 10_000),
            ("15e-1", 0, 2),
            ("0.05", 0, 0),
            ("0.5", 0, 1),
            ("9e-40", 2, 0),
            ("0e99999999", 2, 0),
            ("12", 0, 12),
        ] {
            assert_eq!(decimal_prefix(text.as_bytes(), scale).0, want, "{text}");
        }
        assert!(decimal_prefix(b"1e50", 0).0 > WIDE_MAX);
        assert_eq!(double_to_decimal(0.1 + 0.2, 2), Some(30));
        assert_eq!(double_to_decimal(1.005, 2), Some(101));
        assert_eq!(double_to_decimal(-3.0, 2), Some(-300));
        assert_eq!(double_to_decimal(1e60, 0), None);
    }

    #[test]
    fn doubles_print_as_mysql_prints_them() {
        for (v, want) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (-0.0, "0"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (1.5e300, "1.5e300"),
            (1e-16, "1e-16"),
            (0.00001, "0.00001"),
        ] {
            let mut out = String::new();
            write_double(v, &mut out);
            assert_eq!(out, want);
        }
        let mut out = String::new();
        write_decimal(-5, 2, &mut out);
        assert_eq!(out, "-0.05");
    }
}
