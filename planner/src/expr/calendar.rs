//! Dates as day numbers and times as microseconds: parsing, fields, and adding intervals, as MySQL does them.
//!
//! The calendar is the proleptic Gregorian one, years 0 to 9999. Dates that it does not have (`0000-00-00`, `2020-00-10`) are
//! read by themselves, where `sql_mode` lets somebody write them.

use allod_storage::schema::{civil_from_days, days_in_month, irregular_day};

use super::TimeUnit;

/// Microseconds of a day.
pub const DAY_US: i64 = 86_400_000_000;
/// The greatest TIME, 838:59:59.
pub const TIME_MAX_US: i64 = (838 * 3600 + 59 * 60 + 59) * 1_000_000;

/// A date by its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 0 to 9999.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// From 1.
    pub day: i64,
}

impl Civil {
    /// The date of a day number.
    pub fn from_days(days: i64) -> Civil {
        let (year, month, day) = civil_from_days(days);
        Civil { year, month, day }
    }

    /// Days since 1970-01-01; `None` if there is no such date.
    pub fn days(self) -> Option<i64> {
        let Civil { year, month, day } = self;
        if !(0..=9999).contains(&year)
            || !(1..=12).contains(&month)
            || day < 1
            || day > days_in_month(year, month)
        {
            return None;
        }
        let y = year - i64::from(month <= 2);
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        Some(era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468)
    }
}

/// Whether a datetime is in the years 0 to 9999.
pub fn in_range(us: i64) -> bool {
    let days = us.div_euclid(DAY_US);
    (0..=9999).contains(&Civil::from_days(days).year)
}

/// Reads a date or a datetime; the flag says whether there was a time. Any punctuation separates the parts; without any,
/// 6, 8, 12 or 14 digits are `[YY]YYMMDD[hhmmss]`.
pub fn parse_datetime(text: &str) -> Option<(i64, bool)> {
    parse(text, Civil::days)
}

/// Reads an irregular date: with a zero month or day, or a day beyond its month.
pub fn parse_irregular(text: &str) -> Option<(i64, bool)> {
    parse(text, |date| irregular_day(date.year, date.month, date.day).map(i64::from))
}

fn parse(text: &str, day: impl Fn(Civil) -> Option<i64>) -> Option<(i64, bool)> {
    let text = text.trim();
    let (main, fraction) = match text.split_once('.') {
        // A point may also separate the parts of the date; a fraction follows seconds.
        Some((main, fraction)) if main.contains(':') || main.len() >= 12 => (main, parse_fraction(fraction)?),
        _ => (text, 0),
    };
    let (numbers, has_time) =
        if main.bytes().all(|b| b.is_ascii_digit()) { packed(main)? } else { delimited(main)? };
    let [year, month, of_month, hour, minute, second] = numbers;
    let days = day(Civil { year, month, day: of_month })?;
    let clock = clock_us(hour, minute, second).filter(|_| hour < 24)?;
    Some((days * DAY_US + clock + fraction, has_time))
}

/// Digits of a second's fraction that a text has, at most six.
pub fn fraction_digits(text: &str) -> u8 {
    match text.rsplit_once('.') {
        // A point may also separate the parts of the date.
        Some((main, fraction)) if main.contains(':') || !main.contains('.') => {
            fraction.bytes().take(6).take_while(u8::is_ascii_digit).count() as u8
        }
        _ => 0,
    }
}

/// The number of a day in MySQL's count, TO_DAYS. The year 0 has no 29th of February there, so before it the count is one ahead.
pub fn day_number(days: i64) -> i64 {
    const BEFORE_1970: i64 = 719_528;
    const BEFORE_MARCH: i64 = 60;
    let number = days + BEFORE_1970;
    number + i64::from(number < BEFORE_MARCH)
}

/// The microseconds of UNIX_TIMESTAMP at a moment: 0 before 1970 and after 3001-01-18.
pub fn unix_us(us: i64) -> i64 {
    const END_US: i64 = 32_536_771_200_000_000;
    if (0..END_US).contains(&us) { us } else { 0 }
}

/// Whether a text is the date of which every part is zero.
pub fn is_zero_date(text: &str) -> bool {
    let zeros = text.bytes().filter(|b| *b == b'0').count();
    zeros >= 6 && text.trim().bytes().all(|b| matches!(b, b'0' | b'-' | b':' | b' ' | b'.' | b'/' | b'T'))
}

/// Reads a number as a date: `YYYYMMDD`, `YYMMDD`, `YYYYMMDDhhmmss`.
pub fn number_to_datetime(number: i64) -> Option<(i64, bool)> {
    let digits = number.checked_ilog10()? + 1;
    let width = match digits {
        0..=6 => 6,
        7..=8 => 8,
        9..=12 => 12,
        _ => 14,
    };
    parse_datetime(&format!("{number:0width$}"))
}

fn packed(digits: &str) -> Option<([i64; 6], bool)> {
    let year_width = match digits.len() {
        6 | 12 => 2,
        8 | 14 => 4,
        _ => return None,
    };
    let mut out = [0; 6];
    let mut at = 0;
    for (i, slot) in out.iter_mut().enumerate() {
        let width = if i == 0 { year_width } else { 2 };
        if at >= digits.len() {
            break;
        }
        *slot = digits.get(at..at + width)?.parse().ok()?;
        at += width;
    }
    if year_width == 2 {
        out[0] = full_year(out[0]);
    }
    Some((out, digits.len() > 8))
}

fn delimited(text: &str) -> Option<([i64; 6], bool)> {
    let mut out = [0; 6];
    let mut count = 0;
    let mut year_width = 0;
    let mut rest = text;
    loop {
        let width = rest.bytes().take_while(u8::is_ascii_digit).count();
        if width == 0 || count == 6 || width > 4 || (count > 0 && width > 2) {
            return None;
        }
        out[count] = rest[..width].parse().ok()?;
        if count == 0 {
            year_width = width;
        }
        count += 1;
        rest = &rest[width..];
        if rest.is_empty() {
            break;
        }
        let skip = rest.bytes().take_while(|b| b.is_ascii_punctuation() || *b == b' ' || *b == b'T').count();
        if skip == 0 {
            return None;
        }
        rest = &rest[skip..];
    }
    if year_width <= 2 {
        out[0] = full_year(out[0]);
    }
    (count == 3 || count >= 4).then_some((out, count > 3))
}

fn full_year(two_digits: i64) -> i64 {
    if two_digits < 70 { 2000 + two_digits } else { 1900 + two_digits }
}

/// Microseconds of the digits behind the point, rounded to six.
fn parse_fraction(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return Some(0);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let six: i64 = format!("{digits:0<6}")[..6].parse().ok()?;
    let round = digits.as_bytes().get(6).is_some_and(|b| *b >= b'5');
    Some(six + i64::from(round))
}

fn clock_us(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (minute < 60 && second < 60).then_some((hour * 3600 + minute * 60 + second) * 1_000_000)
}

/// Reads a TIME: `[-][D ]hh:mm[:ss[.f]]`, or `[[hh]mm]ss` without colons.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let (main, fraction) =
        text.split_once('.').map_or(Some((text, 0)), |(m, f)| Some((m, parse_fraction(f)?)))?;
    let (days, clock) =
        main.split_once(' ').map_or(Some((0, main)), |(d, c)| Some((d.parse::<i64>().ok()?, c.trim())))?;
    let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse::<i64>().ok()).flatten();
    let parts: Vec<&str> = clock.split(':').collect();
    let us = match parts.as_slice() {
        [packed] if days == 0 => {
            let n = number(packed)?;
            clock_us(n / 10_000, n / 100 % 100, n % 100)?
        }
        [hour] => clock_us(number(hour)?, 0, 0)?,
        [hour, minute] => clock_us(number(hour)?, number(minute)?, 0)?,
        [hour, minute, second] => clock_us(number(hour)?, number(minute)?, number(second)?)?,
        _ => return None,
    };
    let us = days.checked_mul(DAY_US)?.checked_add(us)?.checked_add(fraction)?;
    (us <= TIME_MAX_US).then_some(if negative { -us } else { us })
}

/// Adds `n` units; `None` when the result leaves the years 0 to 9999. A month's end stays in its month.
pub fn add(us: i64, unit: TimeUnit, n: i64) -> Option<i64> {
    let by = |unit_us: i64| us.checked_add(n.checked_mul(unit_us)?);
    let months = |per: i64| {
        let Civil { year, month, day } = Civil::from_days(us.div_euclid(DAY_US));
        let total = (year * 12 + month - 1).checked_add(n.checked_mul(per)?)?;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        let days = Civil { year, month, day: day.min(days_in_month(year, month)) }.days()?;
        Some(days * DAY_US + us.rem_euclid(DAY_US))
    };
    let out = match unit {
        TimeUnit::Microsecond => by(1),
        TimeUnit::Second => by(1_000_000),
        TimeUnit::Minute => by(60_000_000),
        TimeUnit::Hour => by(3_600_000_000),
        TimeUnit::Day => by(DAY_US),
        TimeUnit::Week => by(7 * DAY_US),
        TimeUnit::Month => months(1),
        TimeUnit::Quarter => months(3),
        TimeUnit::Year => months(12),
        // Read as a count of one of the others.
        TimeUnit::SecondMicrosecond
        | TimeUnit::MinuteMicrosecond
        | TimeUnit::MinuteSecond
        | TimeUnit::HourMicrosecond
        | TimeUnit::HourSecond
        | TimeUnit::HourMinute
        | TimeUnit::DayMicrosecond
        | TimeUnit::DaySecond
        | TimeUnit::DayMinute
        | TimeUnit::DayHour
        | TimeUnit::YearMonth => None,
    }?;
    in_range(out).then_some(out)
}

/// A field of a datetime, as EXTRACT gives it.
pub fn field(us: i64, unit: TimeUnit) -> i64 {
    let date = || Civil::from_days(us.div_euclid(DAY_US));
    let clock = us.rem_euclid(DAY_US);
    match unit {
        TimeUnit::Microsecond => clock % 1_000_000,
        TimeUnit::Second => clock / 1_000_000 % 60,
        TimeUnit::Minute => clock / 60_000_000 % 60,
        TimeUnit::Hour => clock / 3_600_000_000,
        TimeUnit::Day => date().day,
        // Mode 0 of WEEK(): weeks begin on Sunday; the days before the first one are week 0.
        TimeUnit::Week => {
            let days = us.div_euclid(DAY_US);
            let first = Civil { year: date().year, month: 1, day: 1 }.days().unwrap_or(days);
            let until_sunday = (-(first + 4)).rem_euclid(7);
            let offset = days - first - until_sunday;
            if offset < 0 { 0 } else { offset / 7 + 1 }
        }
        TimeUnit::Month => date().month,
        TimeUnit::Quarter => (date().month + 2) / 3,
        TimeUnit::Year => date().year,
        TimeUnit::SecondMicrosecond
        | TimeUnit::MinuteMicrosecond
        | TimeUnit::MinuteSecond
        | TimeUnit::HourMicrosecond
        | TimeUnit::HourSecond
        | TimeUnit::HourMinute
        | TimeUnit::DayMicrosecond
        | TimeUnit::DaySecond
        | TimeUnit::DayMinute
        | TimeUnit::DayHour
        | TimeUnit::YearMonth => {
            unit.spanned().into_iter().fold(0, |all, part| all * part.room() + field(us, part))
        }
    }
}

/// The year and the week of YEARWEEK, by a day number and a mode of WEEK (MySQL's table of eight; here every day is in a week
/// 1 to 53, so the days before a year's first week are in the last of the year before).
pub fn year_and_week(day: i64, mode: i64) -> Option<(i64, i64)> {
    let monday = mode & 1 != 0;
    // Whether week 1 is the first that begins in the year, or the first with at least four days in it.
    let first_begins = (mode & 4 != 0) == monday;
    let week_one = |year: i64| {
        let new_year = Civil { year: 0, month: 1, day: 1 }.days()? + days_before_year(year);
        let weekday = if monday { (new_year + 3).rem_euclid(7) } else { (new_year + 4).rem_euclid(7) };
        let late = if first_begins { weekday != 0 } else { weekday > 3 };
        Some(new_year - weekday + if late { 7 } else { 0 })
    };
    let year = Civil::from_days(day).year;
    let year = if day < week_one(year)? {
        year - 1
    } else if day >= week_one(year + 1)? {
        year + 1
    } else {
        year
    };
    Some((year, (day - week_one(year)?) / 7 + 1))
}

/// Days from 1 January of the year 0 to that of another.
fn days_before_year(year: i64) -> i64 {
    let before = year - 1;
    // The year 0 is a leap year.
    year * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with MySQL's manual and MariaDB 10.11.
    #[test]
    fn weeks_of_years() {
        let day = |year, month, day| Civil { year, month, day }.days().unwrap();
        for (date, mode, expected) in [
            (day(1987, 1, 1), 0, (1986, 52)),
            (day(1987, 1, 1), 1, (1987, 1)),
            (day(2000, 1, 1), 0, (1999, 52)),
            (day(2000, 1, 1), 3, (1999, 52)),
            (day(2008, 12, 31), 1, (2009, 1)),
            (day(2008, 12, 31), 0, (2008, 52)),
            (day(2012, 1, 1), 0, (2012, 1)),
            (day(2012, 1, 1), 4, (2012, 1)),
            (day(2012, 1, 1), 5, (2011, 52)),
        ] {
            assert_eq!(year_and_week(date, mode), Some(expected), "{date} {mode}");
        }
        for year in [0, 1, 4, 100, 400, 1970, 2000, 2023, 9999] {
            assert_eq!(days_before_year(year), day(year, 1, 1) - day(0, 1, 1), "{year}");
        }
    }

    fn day(y: i64, m: i64, d: i64) -> i64 {
        Civil { year: y, month: m, day: d }.days().expect("a date") * DAY_US
    }

    #[test]
    fn day_numbers_are_consecutive() {
        let mut expected = Civil { year: 0, month: 1, day: 1 }.days().expect("a date");
        for year in 0..=9999 {
            for month in 1..=12 {
                for d in [1, days_in_month(year, month)] {
                    let date = Civil { year, month, day: d };
                    let days = date.days().expect("a date");
                    assert_eq!(Civil::from_days(days), date);
                    assert_eq!(days, expected + d - 1);
                }
                expected += days_in_month(year, month);
            }
        }
        assert_eq!(Civil { year: 1970, month: 1, day: 1 }.days(), Some(0));
        assert_eq!(Civil { year: 1999, month: 2, day: 29 }.days(), None);
    }

    #[test]
    fn many_ways_to_write_a_date() {
        let d = day(1994, 2, 3);
        for text in ["1994-02-03", "1994-2-3", "94.2.3", "19940203", "940203", " 1994/02/03 "] {
            assert_eq!(parse_datetime(text), Some((d, false)), "{text}");
        }
        let t = d + ((4 * 60 + 5) * 60 + 6) * 1_000_000;
        for text in ["1994-02-03 04:05:06", "1994-02-03T04:05:06", "19940203040506", "1994-02-03 4:5:6"] {
            assert_eq!(parse_datetime(text), Some((t, true)), "{text}");
        }
        assert_eq!(parse_datetime("1994-02-03 04:05:06.5"), Some((t + 500_000, true)));
        for text in [
            "",
            "abc",
            "1994-02-30",
            "1994-13-01",
            "0000-00-00",
            "1994-02-03 25:00:00",
            "1994-02",
            "1994-02-03x",
        ] {
            assert_eq!(parse_datetime(text), None, "{text}");
        }
        assert_eq!(number_to_datetime(19_940_203), Some((d, false)));
    }

    #[test]
    fn times_may_be_long_and_negative() {
        assert_eq!(parse_time("-1:00:00.5"), Some(-3_600_500_000));
        assert_eq!(parse_time("2 03:04"), Some(((51 * 60 + 4) * 60) * 1_000_000));
        assert_eq!(parse_time("101112"), Some(((10 * 60 + 11) * 60 + 12) * 1_000_000));
        assert_eq!(parse_time("839:00:00"), None);
        assert_eq!(parse_time("1:60:00"), None);
    }

    #[test]
    fn months_keep_their_ends() {
        assert_eq!(add(day(2020, 1, 31), TimeUnit::Month, 1), Some(day(2020, 2, 29)));
        assert_eq!(add(day(2020, 2, 29), TimeUnit::Year, -1), Some(day(2019, 2, 28)));
        assert_eq!(add(day(1993, 10, 1), TimeUnit::Quarter, 2), Some(day(1994, 4, 1)));
        assert_eq!(add(day(9999, 12, 31), TimeUnit::Day, 1), None);
        assert_eq!(add(day(2000, 1, 1), TimeUnit::Year, i64::MAX), None);
        assert_eq!(field(day(2008, 2, 20), TimeUnit::Week), 7);
        assert_eq!(field(day(1999, 1, 1), TimeUnit::Week), 0);
    }
}
