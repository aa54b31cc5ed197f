//! Dates and times as text and as numbers, as MySQL reads and writes them.

use std::fmt::Write;

use allod_storage::schema::ZERO_DATETIME;

use super::calendar::{Civil, DAY_US, SECOND_US, TIME_US_MAX, civil};
use super::dates::any_day;

/// Hour, minute, second and microsecond of a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub micro: i64,
}

/// The parts of a duration that is not negative; the hours may exceed a day.
#[inline]
pub(crate) fn clock(us: i64) -> Clock {
    let s = us / SECOND_US;
    Clock { hour: s / 3600, minute: s / 60 % 60, second: s % 60, micro: us % SECOND_US }
}

/// Day number and microseconds within the day.
#[inline]
pub(crate) fn split(us: i64) -> (i64, i64) {
    (us.div_euclid(DAY_US), us.rem_euclid(DAY_US))
}

/// Microseconds rounded to `fsp` digits of a second.
pub(crate) fn round_fsp(us: i64, fsp: u8) -> i64 {
    let unit = 10i64.pow(u32::from(6 - fsp.min(6)));
    if unit == 1 {
        return us;
    }
    let (floor, rest) = (us.div_euclid(unit), us.rem_euclid(unit));
    // A TIME may be negative and rounds away from zero then.
    let up = if us < 0 { rest * 2 > unit } else { rest * 2 >= unit };
    (floor + i64::from(up)).saturating_mul(unit)
}

/// A reader of digits and punctuation.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    /// Up to `most` digits: their value and their number.
    fn number(&mut self, most: usize) -> Option<(i64, usize)> {
        let n = self.rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if n == 0 {
            return None;
        }
        let value = self.rest[..n].iter().fold(0i64, |v, d| v * 10 + i64::from(d - b'0'));
        self.rest = &self.rest[n..];
        Some((value, n))
    }

    fn eat(&mut self, test: impl Fn(u8) -> bool) -> bool {
        match self.rest.split_first() {
            Some((b, rest)) if test(*b) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The fraction of a second behind its point, rounded to microseconds.
    fn fraction(&mut self) -> i64 {
        let n = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let digit = |i: usize| if i < n { i64::from(self.rest[i] - b'0') } else { 0 };
        let us = (0..6).fold(0, |v, i| v * 10 + digit(i)) + i64::from(digit(6) >= 5);
        self.rest = &self.rest[n..];
        us
    }
}

/// Two-digit years: 70 to 99 are of the last century.
fn century(year: i64, digits: usize) -> i64 {
    match (digits, year) {
        (0..=2, 0..=69) => year + 2000,
        (0..=2, _) => year + 1900,
        _ => year,
    }
}

/// A DATE or DATETIME, perhaps one that no calendar has ([`super::dates`]): `2024-1-31 12:00:00.5`, any punctuation between the
/// parts, or only digits. Microseconds since 1970.
pub(crate) fn parse_datetime(text: &str) -> Option<i64> {
    read_datetime(text, false).map(|(us, _)| us)
}

/// The one that a text begins with, and whether something behind it was no part of it.
pub(crate) fn parse_datetime_told(text: &str) -> Option<(i64, bool)> {
    read_datetime(text, true)
}

/// `begins`: what stands behind it does not matter.
fn read_datetime(text: &str, begins: bool) -> Option<(i64, bool)> {
    let text = text.trim().as_bytes();
    let leading = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = Cursor { rest: text };
    let (year, month, day);
    let mut time = [0i64; 3];
    let mut micro = 0;
    let mut truncated = false;
    if leading > 4 {
        // Only digits: YYMMDD, YYYYMMDD, and the same with a time, of which the last part may lack a digit.
        let year_digits = if matches!(leading, 8 | 14) { 4 } else { 2 };
        if leading > 14 || leading == 13 {
            return None;
        }
        year = century(at.number(year_digits)?.0, year_digits);
        month = at.number(2)?.0;
        day = at.number(2)?.0;
        let mut parts = 0;
        while parts < 3 && at.rest.len() > text.len() - leading {
            let most = at.rest.len() - (text.len() - leading);
            time[parts] = at.number(most.min(2))?.0;
            parts += 1;
        }
        if at.eat(|b| b == b'.') {
            match leading {
                11.. => micro = at.fraction(),
                // What stands behind the point of a date, or of hours and minutes, is what is missing.
                _ => {
                    let from = if matches!(leading, 5 | 6 | 8) { 0 } else { 2 };
                    let most = (at.rest.len().div_ceil(2)).min(3 - from);
                    for part in time.iter_mut().skip(from).take(most) {
                        *part = at.number(2).map_or(0, |(part, _)| part);
                    }
                    truncated = !at.rest.is_empty();
                    at.rest = &[];
                }
            }
        }
    } else {
        let (y, digits) = at.number(4)?;
        year = century(y, digits);
        if !at.eat(|b| b.is_ascii_punctuation()) {
            return None;
        }
        month = at.number(2)?.0;
        if !at.eat(|b| b.is_ascii_punctuation()) {
            return None;
        }
        day = at.number(2)?.0;
        if at.eat(|b| b == b'T' || b == b't' || b == b' ') {
            while at.eat(|b| b == b' ') {}
            for (i, part) in time.iter_mut().enumerate() {
                if i > 0 && !at.eat(|b| b.is_ascii_punctuation() && b != b'.') {
                    break;
                }
                *part = at.number(2)?.0;
            }
        }
        if at.eat(|b| b == b'.') {
            micro = at.fraction();
        }
    }
    truncated |= !at.rest.is_empty();
    // Behind digits alone there is nothing that could be left out.
    let begins = begins && leading <= 4;
    if !(begins || at.rest.is_empty()) || time[0] > 23 || time[1] > 59 || time[2] > 59 {
        return None;
    }
    // `00-00-00` is the same, for there is no month 0 of the year 2000.
    if matches!(year, 0 | 2000) && (month, day, time, micro) == (0, 0, [0; 3], 0) && text[0] == b'0' {
        return Some((ZERO_DATETIME, truncated));
    }
    let days = any_day(year, month, day)?;
    Some((days * DAY_US + ((time[0] * 60 + time[1]) * 60 + time[2]) * SECOND_US + micro, truncated))
}

/// A TIME: `[-][D ]hh:mm:ss[.fraction]`, `hh:mm`, `hhmmss`, or seconds; a datetime gives its time. Clipped to ±838:59:59.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    read_time(text).filter(|read| !read.truncated).map(|read| read.us)
}

/// The TIME that a text begins with, and whether it is not all that the text says.
pub(crate) fn parse_time_told(text: &str) -> Option<(i64, bool)> {
    read_time(text).map(|read| (read.us, read.truncated || read.clipped))
}

/// A TIME as it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeRead {
    pub us: i64,
    /// Whether something behind it was no part of it.
    pub truncated: bool,
    /// Whether it is the longest one in place of a longer one.
    pub clipped: bool,
}

/// The TIME that a text begins with.
pub(crate) fn read_time(text: &str) -> Option<TimeRead> {
    let trimmed = text.trim();
    let (negative, body) = match trimmed.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, trimmed),
    };
    if !negative
        && body.len() > 10
        && (body.contains([' ', 'T', 't']) || !body.contains(':'))
        && let Some(us) = parse_datetime(body)
    {
        return Some(TimeRead { us: split(us).1, truncated: false, clipped: false });
    }
    let mut at = Cursor { rest: body.as_bytes() };
    let (first, digits) = at.number(18)?;
    let mut seconds;
    if at.eat(|b| b == b' ') {
        // Days in front.
        let hours = at.number(3)?.0 + first.min(1000) * 24;
        seconds = hours * 3600;
        let mut unit = 60;
        while unit > 0 && at.eat(|b| b == b':') {
            let part = at.number(2)?.0;
            if part > 59 {
                return None;
            }
            seconds += part * unit;
            unit /= 60;
        }
    } else if at.eat(|b| b == b':') {
        let minute = at.number(2)?.0;
        let second = if at.eat(|b| b == b':') { at.number(2)?.0 } else { 0 };
        if minute > 59 || second > 59 {
            return None;
        }
        seconds = first.min(10_000) * 3600 + minute * 60 + second;
    } else {
        seconds = number_to_seconds(first)?;
        if digits > 7 {
            seconds = TIME_US_MAX / SECOND_US + 1;
        }
    }
    let micro = if at.eat(|b| b == b'.') { at.fraction() } else { 0 };
    // So long a text is a moment, or nothing.
    if !at.rest.is_empty() && body.len() >= 12 {
        return None;
    }
    let whole = seconds * SECOND_US + micro;
    let us = whole.min(TIME_US_MAX);
    Some(TimeRead {
        us: if negative { -us } else { us },
        truncated: !at.rest.is_empty(),
        clipped: whole > TIME_US_MAX,
    })
}

/// hhmmss as seconds.
fn number_to_seconds(v: i64) -> Option<i64> {
    let (minute, second) = (v / 100 % 100, v % 100);
    (minute < 60 && second < 60).then_some(v / 10_000 * 3600 + minute * 60 + second)
}

/// The TIME that a number of the form hhmmss stands for.
pub(crate) fn time_from_number(v: i64) -> Option<i64> {
    // So many digits are those of a datetime, whose time is meant.
    if v >= 10_000_000_000 {
        return datetime_from_number(v).map(|us| split(us).1);
    }
    let us = number_to_seconds(v.checked_abs()?)?.checked_mul(SECOND_US)?;
    let us = us.min(TIME_US_MAX);
    Some(if v < 0 { -us } else { us })
}

/// The DATETIME that a number of the form YYYYMMDD or YYYYMMDDhhmmss (or with two digits of the year) stands for.
pub(crate) fn datetime_from_number(v: i64) -> Option<i64> {
    if v == 0 {
        return Some(ZERO_DATETIME);
    }
    if v < 0 {
        return None;
    }
    let (date, time) = if v > 99_999_999 { (v / 1_000_000, v % 1_000_000) } else { (v, 0) };
    // Between the years of two digits and those of four there is nothing.
    if date < 101 || (691_232..=700_100).contains(&date) || (991_232..=10_000_100).contains(&date) {
        return None;
    }
    let year = if date < 1_000_000 { century(date / 10_000, 2) } else { date / 10_000 };
    let days = any_day(year, date / 100 % 100, date % 100)?;
    if time / 10_000 > 23 {
        return None;
    }
    Some(days * DAY_US + number_to_seconds(time)? * SECOND_US)
}

/// YYYYMMDD.
pub(crate) fn date_number(days: i64) -> i64 {
    let Civil { year, month, day } = civil(days);
    (year * 100 + month) * 100 + day
}

/// YYYYMMDDhhmmss.
pub(crate) fn datetime_number(us: i64) -> i64 {
    let (days, rest) = split(us);
    date_number(days) * 1_000_000 + clock_number(rest)
}

/// hhmmss, with the sign of the time.
pub(crate) fn time_number(us: i64) -> i64 {
    let v = clock_number(us.saturating_abs());
    if us < 0 { -v } else { v }
}

fn clock_number(us: i64) -> i64 {
    let c = clock(us);
    (c.hour * 100 + c.minute) * 100 + c.second
}

/// `2024-01-31`.
pub(crate) fn write_date(days: i64, out: &mut String) {
    let Civil { year, month, day } = civil(days);
    let written = write!(out, "{year:04}-{month:02}-{day:02}");
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// `2024-01-31 12:00:00`, with `fsp` digits of the fraction.
pub(crate) fn write_datetime(us: i64, fsp: u8, out: &mut String) {
    let (days, rest) = split(us);
    write_date(days, out);
    out.push(' ');
    write_clock(rest, fsp, out);
}

/// `-12:00:00`, with `fsp` digits of the fraction.
pub(crate) fn write_time(us: i64, fsp: u8, out: &mut String) {
    if us < 0 {
        out.push('-');
    }
    write_clock(us.saturating_abs(), fsp, out);
}

fn write_clock(us: i64, fsp: u8, out: &mut String) {
    let c = clock(us);
    let mut written = write!(out, "{:02}:{:02}:{:02}", c.hour, c.minute, c.second);
    if fsp > 0 {
        let digits = c.micro / 10i64.pow(u32::from(6 - fsp.min(6)));
        written = written.and_then(|()| write!(out, ".{digits:0width$}", width = usize::from(fsp.min(6))));
    }
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::super::dates::Dates;
    use super::*;

    fn show(text: &str) -> Option<String> {
        parse_datetime(text).filter(|us| Dates::REGULAR.has(*us)).map(|us| {
            let mut out = String::new();
            write_datetime(us, 6, &mut out);
            out
        })
    }

    #[test]
    fn datetimes_are_read_in_all_their_forms() {
        for (text, want) in [
            ("2024-02-29", Some("2024-02-29 00:00:00.000000")),
            ("2024-2-9", Some("2024-02-09 00:00:00.000000")),
            ("24-02-09", Some("2024-02-09 00:00:00.000000")),
            ("70-02-09", Some("1970-02-09 00:00:00.000000")),
            ("20240209", Some("2024-02-09 00:00:00.000000")),
            ("240209", Some("2024-02-09 00:00:00.000000")),
            ("20240209101112", Some("2024-02-09 10:11:12.000000")),
            ("2402091011", Some("2024-02-09 10:11:00.000000")),
            ("240209101", Some("2024-02-09 10:01:00.000000")),
            ("24029", Some("2024-02-09 00:00:00.000000")),
            ("170102034", Some("2017-01-02 03:04:00.000000")),
            ("17011", Some("2017-01-01 00:00:00.000000")),
            ("1701020304.1", Some("2017-01-02 03:04:01.000000")),
            ("1701020304.111", Some("2017-01-02 03:04:11.000000")),
            ("150101.a", Some("2015-01-01 00:00:00.000000")),
            ("150101.1a1", Some("2015-01-01 01:00:00.000000")),
            ("970101.111", Some("1997-01-01 11:01:00.000000")),
            ("970101.11111", Some("1997-01-01 11:11:01.000000")),
            ("970101.111a1", Some("1997-01-01 11:01:00.000000")),
            ("2402091011121", None),
            ("2024/02/09 10:11", Some("2024-02-09 10:11:00.000000")),
            ("2024-02-09T10:11:12.5", Some("2024-02-09 10:11:12.500000")),
            (" 2024-02-09 10:11:12.1234567 ", Some("2024-02-09 10:11:12.123457")),
            ("2023-02-29", None),
            ("2024-13-01", None),
            ("2024-01-01 24:00:00", None),
            ("2024-01-01x", None),
            ("abc", None),
            ("", None),
            ("2024", None),
        ] {
            assert_eq!(show(text).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn times_are_read_in_all_their_forms() {
        for (text, want) in [
            ("10:11:12", Some(36_672_000_000)),
            ("10:11", Some(36_660_000_000)),
            ("-1:00:00.5", Some(-3_600_500_000)),
            ("1 10:00:00", Some(122_400_000_000)),
            ("101112", Some(36_672_000_000)),
            ("12", Some(12_000_000)),
            ("2024-01-01 00:00:01", Some(1_000_000)),
            ("999:00:00", Some(TIME_US_MAX)),
            ("10:61:00", None),
            ("x", None),
        ] {
            assert_eq!(parse_time(text), want, "{text:?}");
        }
    }

    #[test]
    fn numbers_stand_for_dates() {
        assert_eq!(datetime_from_number(20_240_229).map(datetime_number), Some(20_240_229_000_000));
        assert_eq!(datetime_from_number(240_229).map(datetime_number), Some(20_240_229_000_000));
        assert_eq!(datetime_from_number(20_240_229_101_112).map(datetime_number), Some(20_240_229_101_112));
        assert_eq!(datetime_from_number(20_240_230).map(datetime_number), Some(20_240_230_000_000));
        assert_eq!(datetime_from_number(20_241_300), None);
        assert_eq!(round_fsp(1_500_000, 0), 2_000_000);
        assert_eq!(round_fsp(-1_500_000, 0), -2_000_000);
        assert_eq!(round_fsp(1_449_999, 1), 1_400_000);
    }
}
