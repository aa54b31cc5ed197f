//! STR_TO_DATE: dates and times read by a format.
//!
//! A text that ends before its format leaves the rest of the parts 0; one that goes on behind it is read so far, and a warning.
//! A week (`%U %u %V %v`) and the name or number of its day are a date; `%V` goes with `%X`, `%v` with `%x`, the others with a
//! year.

use std::iter::Peekable;
use std::str::Chars;

use allod_storage::schema::SqlType;

use super::calendar::{self, DAY_US, DAYS_BEFORE_1970, DAYS_MAX, MONTHS, SECOND_US, WEEKDAYS, civil, days};
use super::dates::{Dates, any_day};
use super::function::{Failure, Outcome, text};
use super::notice::Notices;
use super::value::{Column, Value};
use crate::error::Error;

/// STR_TO_DATE(s, format): NULL, and said, where the text is not of the format or is no date.
pub(super) fn str_to_date(args: &[Value], sql: &SqlType, rows: usize, notices: &mut Notices) -> Outcome {
    let (s, format) = (text(&args[0], rows)?, text(&args[1], rows)?);
    // Without zero dates nobody makes one of parts, whoever may read it.
    let dates = notices.rules().dates;
    let dates = Dates { zero_in: dates.zero, ..dates };
    let kind = match sql {
        SqlType::Date => "date",
        SqlType::Time(_) => "time",
        _ => "datetime",
    };
    let mut read = |row: usize| -> Result<Option<i64>, Failure> {
        let (Some(s), Some(format)) = (s.get(row), format.get(row)) else { return Ok(None) };
        let Some((value, whole)) =
            read_format(s, format).and_then(|(p, whole)| Some((p.value(sql, dates)?, whole)))
        else {
            let (ty, value) = ("datetime", s.to_owned());
            notices.converted(row, Error::WrongValueForFunction { ty, value, function: "str_to_date" })?;
            return Ok(None);
        };
        if !whole {
            notices.warn(row, Error::TruncatedWrongValue { ty: kind, value: s.to_owned() });
        }
        Ok(Some(value))
    };
    let values = (0..rows).map(&mut read).collect::<Result<Vec<Option<i64>>, Failure>>()?;
    let values = values.into_iter();
    Ok(match sql {
        SqlType::Date => Value::Date(Column::from_options(values.map(|day| day.map(|day| day as i32)))),
        SqlType::Time(_) => Value::Time(Column::from_options(values)),
        _ => Value::DateTime(Column::from_options(values)),
    })
}

/// What was read; the parts that the text or the format does not have are 0.
#[derive(Clone, Copy, Debug, Default)]
struct Parsed {
    year: i64,
    month: i64,
    day: i64,
    /// Microseconds of the day.
    time: i64,
}

impl Parsed {
    /// Days or microseconds of this type, if it is one of these dates.
    fn value(self, sql: &SqlType, dates: Dates) -> Option<i64> {
        let moment = |time: i64| {
            let us = any_day(self.year, self.month, self.day)? * DAY_US + time;
            dates.has(us).then_some(us)
        };
        match sql {
            SqlType::Date => moment(0).map(|us| us / DAY_US),
            SqlType::Time(_) => Some(self.time),
            _ => moment(self.time),
        }
    }
}

/// A week of a year, as a format names it.
#[derive(Clone, Copy)]
struct Week {
    number: i64,
    /// `%U`, `%V`: it begins with a Sunday.
    sunday_first: bool,
    /// `%V`, `%v`: its year is that of `%X`, `%x`.
    own_year: bool,
}

/// What stands in the text.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A number of up to so many digits.
    fn number(&mut self, most: usize) -> Option<i64> {
        self.counted(most).map(|(number, _)| number)
    }

    /// The same and how many digits there were.
    fn counted(&mut self, most: usize) -> Option<(i64, usize)> {
        let n = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, after) = self.rest.split_at(n);
        self.rest = after;
        digits.parse().ok().map(|number| (number, n))
    }

    /// Which of these names it is, or the first three letters of which.
    fn name(&mut self, names: &[&str], short: bool) -> Option<i64> {
        let length = |name: &str| if short { 3 } else { name.len() };
        let at = names.iter().position(|name| {
            let name = &name[..length(name)];
            self.rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
        })?;
        self.rest = &self.rest[length(names[at])..];
        Some(at as i64)
    }

    fn literal(&mut self, ch: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(ch)?;
        Some(())
    }

    fn skip(&mut self, test: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(test);
    }
}

/// The parts of a clock as they are read.
#[derive(Default)]
struct Clock {
    hour: i64,
    minute: i64,
    second: i64,
    micro: i64,
    /// Whether hours are those of half a day.
    twelve: bool,
    /// AM or PM.
    afternoon: Option<bool>,
}

impl Clock {
    /// `%T`, `%r`: a whole clock, as far as the text goes.
    fn read(&mut self, at: &mut Reader<'_>, twelve: bool) -> Option<()> {
        self.twelve |= twelve;
        self.hour = at.number(2)?;
        for part in [&mut self.minute, &mut self.second] {
            if at.rest.is_empty() {
                return Some(());
            }
            at.literal(':')?;
            *part = at.number(2)?;
        }
        at.skip(char::is_whitespace);
        if twelve && !at.rest.is_empty() {
            self.afternoon = Some(at.name(&["AM", "PM"], false)? == 1);
        }
        Some(())
    }

    /// Microseconds of the day.
    fn micros(&self) -> Option<i64> {
        let mut hour = self.hour;
        if self.twelve || self.afternoon.is_some() {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 };
        }
        let real = hour <= 23 && self.minute <= 59 && self.second <= 59;
        real.then(|| ((hour * 60 + self.minute) * 60 + self.second) * SECOND_US + self.micro)
    }
}

/// The parts, and whether nothing but blanks stands behind them.
fn read_format(s: &str, format: &str) -> Option<(Parsed, bool)> {
    let mut p = Parsed::default();
    let mut clock = Clock::default();
    let mut at = Reader { rest: s };
    let (mut nth_day, mut weekday, mut week) = (None, None, None::<Week>);
    // The year of `%X` or `%x`, and whether its weeks begin with a Sunday.
    let mut week_year = None;
    let mut chars: Peekable<Chars<'_>> = format.chars().peekable();
    while let Some(ch) = chars.next() {
        // Blanks in front of a part do not count.
        at.skip(char::is_whitespace);
        if at.rest.is_empty() {
            break;
        }
        if ch.is_whitespace() {
            continue;
        }
        let Some(part) = chars.next_if(|_| ch == '%') else {
            at.literal(ch)?;
            continue;
        };
        match part {
            'Y' => {
                p.year = match at.counted(4)? {
                    (year, 1 | 2) => of_two_digits(year),
                    (year, _) => year,
                }
            }
            'y' => p.year = of_two_digits(at.number(2)?),
            'm' | 'c' => p.month = at.number(2)?,
            'd' | 'e' => p.day = at.number(2)?,
            'D' => {
                p.day = at.number(2)?;
                // st, nd, rd, th.
                let end = at.rest.char_indices().nth(2).map_or(at.rest.len(), |(end, _)| end);
                at.rest = &at.rest[end..];
            }
            'j' => nth_day = Some(at.number(3)?),
            'M' => p.month = at.name(&MONTHS, false)? + 1,
            'b' => p.month = at.name(&MONTHS, true)? + 1,
            'W' => weekday = Some(at.name(&WEEKDAYS, false)?),
            'a' => weekday = Some(at.name(&WEEKDAYS, true)?),
            // 0 is Sunday.
            'w' => weekday = Some((at.number(1).filter(|n| *n < 7)? + 6) % 7),
            'U' | 'u' | 'V' | 'v' => {
                let own_year = part.eq_ignore_ascii_case(&'v');
                let number = at.number(2)?;
                if number > 53 || own_year && number == 0 {
                    return None;
                }
                week = Some(Week { number, sunday_first: part.is_ascii_uppercase(), own_year });
            }
            'X' | 'x' => week_year = Some((at.number(4)?, part == 'X')),
            'H' | 'k' => clock.hour = at.number(2)?,
            'h' | 'I' | 'l' => {
                clock.twelve = true;
                clock.hour = at.number(2)?;
            }
            'i' => clock.minute = at.number(2)?,
            's' | 'S' => clock.second = at.number(2)?,
            'f' => {
                let (v, digits) = at.counted(6)?;
                clock.micro = v * 10i64.pow(6 - digits as u32);
            }
            'p' => clock.afternoon = Some(at.name(&["AM", "PM"], false)? == 1),
            'T' | 'r' => clock.read(&mut at, part == 'r')?,
            '.' => at.skip(|c| c.is_ascii_punctuation()),
            '@' => at.skip(char::is_alphabetic),
            '#' => at.skip(|c| c.is_ascii_digit()),
            '%' => at.literal('%')?,
            _ => return None,
        }
    }
    p.time = clock.micros()?;
    let date = match (nth_day, week, weekday) {
        (Some(nth), ..) if nth > 0 => Some(days(p.year, 1, 1) + nth - 1),
        (_, Some(week), Some(weekday)) => Some(day_of_week(week, weekday, (p.year, week_year))?),
        _ => None,
    };
    if let Some(day) = date {
        let date = civil(day);
        (p.year, p.month, p.day) = (date.year, date.month, date.day);
    }
    at.skip(char::is_whitespace);
    Some((p, at.rest.is_empty()))
}

/// Years of two digits: 70 to 99 are of the last century.
fn of_two_digits(year: i64) -> i64 {
    if year < 70 { year + 2000 } else { year + 1900 }
}

/// The day of a week of a year, 0 being Monday. `year`: `%Y`, and that of `%X` or `%x`.
fn day_of_week(week: Week, weekday: i64, (year, week_year): (i64, Option<(i64, bool)>)) -> Option<i64> {
    let year = match (week.own_year, week_year) {
        (true, Some((year, sunday_first))) if sunday_first == week.sunday_first => year,
        (false, None) => year,
        _ => return None,
    };
    let new_year = days(year, 1, 1);
    let monday_based = calendar::weekday(new_year);
    // From New Year to the first day of week 1, and within the week: weeks of Sundays begin with the first one, others with the
    // week that has most of its days in the year.
    let (first, within) = match week.sunday_first {
        true => ((7 - (monday_based + 1) % 7) % 7, (weekday + 1) % 7),
        false => (if monday_based <= 3 { 0 } else { 7 } - monday_based, weekday),
    };
    let day = new_year + first + (week.number - 1) * 7 + within;
    (day + DAYS_BEFORE_1970 > 0 && day <= DAYS_MAX).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::super::clock::parse_datetime;
    use super::*;

    fn us(text: &str) -> i64 {
        parse_datetime(text).unwrap()
    }

    #[test]
    fn reads_by_the_manual() {
        let read = |s, f| read_format(s, f).and_then(|(p, _)| p.value(&SqlType::DateTime(0), Dates::REGULAR));
        assert_eq!(read("01,5,2013", "%d,%m,%Y"), Some(us("2013-05-01")));
        assert_eq!(read("May 1, 2013", "%M %d,%Y"), Some(us("2013-05-01")));
        assert_eq!(read("2024-02-30", "%Y-%m-%d"), None);
        assert_eq!(read("10:11 PM 2024-01-01", "%h:%i %p %Y-%m-%d"), Some(us("2024-01-01 22:11:00")));
        assert_eq!(read("abc", "%Y"), None);
        assert_eq!(read("200442 Monday", "%X%V %W"), Some(us("2004-10-18")));
        assert!(read_format("09:30:17a", "%h:%i:%s").is_some_and(|(_, whole)| !whole));
    }
}
