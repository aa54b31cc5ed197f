//! Functions of dates and times.

use std::borrow::Cow;

use allod_planner::expr::{Function, TimeUnit, calendar as written};
use allod_storage::schema::{SqlType, ZERO_DATE, days_in_month};

use super::calendar::{
    self, Civil, DAY_US, DAYS_BEFORE_1970, DAYS_MAX, DAYS_MIN, SECOND_US, TIME_US_MAX, add_months, civil,
    day_of_year, days, weekday,
};
use super::cast::{micros, micros_told, times, write_at};
use super::clock::{clock, split, write_date, write_datetime};
use super::decimal::{Decimals, rescale};
use super::function::{Failure, Outcome, ints, text, unfit};
use super::names::{self, Names};
use super::notice::Notices;
use super::string::build;
use super::value::{Column, Value, zip_map, zip_option};
use super::{date_reading, dates};
use crate::error::Error;

/// Evaluates a function of dates whose result has type `sql`.
pub(crate) fn apply(
    function: &Function,
    args: &[Value],
    sql: &SqlType,
    rows: usize,
    notices: &mut Notices,
) -> Outcome {
    let own: Cow<'_, [Value]>;
    let args = match function {
        // `2020-00-10` has parts, and nothing else that could be told of a date.
        Function::Extract(unit) if *unit != TimeUnit::Week => args,
        // And it is the moment 0.
        Function::UnixTimestamp => args,
        _ => {
            own = told_dates(function, args, rows, notices)?;
            &own
        }
    };
    let day = |i: usize| day_numbers(&args[i], rows);
    let int = |v: Column<i64>| Ok(Value::Int(v));
    if matches!(
        function,
        Function::DayOfWeek
            | Function::WeekDay
            | Function::DayOfYear
            | Function::WeekOfYear
            | Function::YearWeek
            | Function::DayName
            | Function::MonthName
            | Function::LastDay
            | Function::DateAdd(_)
            | Function::DateSub(_)
            | Function::DateFormat
            | Function::ToDays
            | Function::ToSeconds
            | Function::Extract(
                TimeUnit::Year | TimeUnit::Month | TimeUnit::Day | TimeUnit::Quarter | TimeUnit::Week
            )
    ) {
        tell_no_dates(args, rows, notices)?;
    }
    match function {
        Function::Extract(unit) => int(extract(*unit, &args[0], rows)),
        Function::DayOfWeek => int(day(0).map(|d| (weekday(d) + 1) % 7 + 1)),
        Function::WeekDay => int(day(0).map(weekday)),
        Function::DayOfYear => int(day(0).map(day_of_year)),
        Function::WeekOfYear => {
            let mode = args.get(1).map_or(Column::one(0), |m| ints(m, rows));
            int(zip_option(&day(0), &mode, rows, |d, mode| Some(calendar::week(d, mode).1)))
        }
        Function::YearWeek => {
            let mode = args.get(1).map_or(Column::one(0), |m| ints(m, rows));
            int(zip_option(&day(0), &mode, rows, |d, mode| {
                let (year, week) = calendar::week(d, mode | 2);
                Some(year * 100 + week)
            }))
        }
        Function::DayName => {
            let (day, names) = (day(0), names(args.get(1), rows)?);
            Ok(build(rows, |row, out| {
                out.push_str(names.day(weekday(day.get(row)?)));
                Some(())
            }))
        }
        Function::MonthName => {
            let (day, names) = (day(0), names(args.get(1), rows)?);
            Ok(build(rows, |row, out| {
                out.push_str(names.month(civil(day.get(row)?).month)?);
                Some(())
            }))
        }
        Function::LastDay => Ok(Value::Date(day(0).map(|d| {
            let Civil { year, month, .. } = civil(d);
            days(year, month, days_in_month(year, month)) as i32
        }))),
        Function::DateAdd(unit) => shift((*unit, 1), &args[0], &args[1], sql, rows, notices),
        Function::DateSub(unit) => shift((*unit, -1), &args[0], &args[1], sql, rows, notices),
        Function::DateDiff => int(zip_option(&day(0), &day(1), rows, |a, b| Some(a - b))),
        Function::TimestampDiff(unit) => {
            let (a, b) = (micros(&args[0], rows), micros(&args[1], rows));
            int(zip_option(&a, &b, rows, |a, b| Some(difference(*unit, a, b))))
        }
        Function::DateFormat => date_format(args, rows),
        Function::ToDays => int(day(0).map(written::day_number)),
        Function::ToSeconds => int(micros(&args[0], rows).map(|us| {
            let (day, rest) = split(us);
            written::day_number(day) * (DAY_US / SECOND_US) + rest / SECOND_US
        })),
        Function::FromDays => {
            let n = ints(&args[0], rows);
            let out = n.map_option(rows, |n| match n {
                // The year 0 has no days that are counted.
                ..=YEAR_ZERO_DAYS => Some(ZERO_DATE),
                n => {
                    let day = n.checked_sub(DAYS_BEFORE_1970)?;
                    (day <= DAYS_MAX).then_some(day as i32)
                }
            });
            Ok(Value::Date(out))
        }
        Function::UnixTimestamp => unix_timestamp(&args[0], sql, rows),
        Function::FromUnixTime => from_unix_time(args, rows),
        Function::MakeDate => {
            let (year, nth) = (ints(&args[0], rows), ints(&args[1], rows));
            Ok(Value::Date(zip_option(&year, &nth, rows, |year, nth| {
                let year = match year {
                    0..=69 => year + 2000,
                    70..=99 => year + 1900,
                    _ => year,
                };
                if !(0..=9999).contains(&year) || nth <= 0 || nth > 4_000_000 {
                    return None;
                }
                let day = days(year, 1, 1) + nth - 1;
                (day <= DAYS_MAX).then_some(day as i32)
            })))
        }
        Function::TimeToSec => int(times(&args[0], rows).map(|us| us / SECOND_US)),
        Function::SecToTime => {
            let us: Column<i64> = match &args[0] {
                Value::Decimal(d) => {
                    let scale = d.scale();
                    let us = |v| {
                        rescale(v, scale, 6).map_or(0, |us| us.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
                    };
                    d.widened().map(us)
                }
                other => ints(other, rows).map(|s| s.saturating_mul(SECOND_US)),
            };
            for row in
                (0..rows).filter(|row| us.get(*row).is_some_and(|us| us.saturating_abs() > TIME_US_MAX))
            {
                let mut value = String::new();
                write_at(&args[0], row, 0, &mut value);
                notices.warn(row, Error::TruncatedWrongValue { ty: "time", value });
            }
            Ok(Value::Time(us.map(|us| us.clamp(-TIME_US_MAX, TIME_US_MAX))))
        }
        Function::StrToDate => date_reading::str_to_date(args, sql, rows, notices),
        _ => Err(unfit(function)),
    }
}

/// Days of the year 0.
const YEAR_ZERO_DAYS: i64 = 365;

/// The arguments with NULL for each date that is none of the calendar and that the function can tell nothing of.
fn told_dates<'a>(
    function: &Function,
    args: &'a [Value],
    rows: usize,
    notices: &mut Notices,
) -> Result<Cow<'a, [Value]>, Failure> {
    let mut own = Cow::Borrowed(args);
    let month_only = matches!(function, Function::LastDay | Function::MonthName);
    let zero_day = function == &Function::MonthName || notices.rules().dates.zero;
    for (i, arg) in args.iter().enumerate() {
        let refused = |(_, month, day)| !month_only || month == 0 || (day == 0 && !zero_day);
        if let Some(told) = dates::without(arg, rows, refused, notices)? {
            own.to_mut()[i] = told;
        }
    }
    Ok(own)
}

/// Tells of texts that a function takes for dates and that are none.
fn tell_no_dates(args: &[Value], rows: usize, notices: &mut Notices) -> Result<(), Failure> {
    let texts = args.iter().take(1).filter(|arg| matches!(arg, Value::String(_)));
    texts.into_iter().try_for_each(|arg| micros_told(arg, rows, notices).map(drop))
}

/// Day numbers of dates and datetimes.
fn day_numbers(value: &Value, rows: usize) -> Column<i64> {
    match value {
        Value::Date(v) => v.map(i64::from),
        other => micros(other, rows).map(|us| split(us).0),
    }
}

fn extract(unit: TimeUnit, value: &Value, rows: usize) -> Column<i64> {
    if unit.ends().is_some() {
        let part = |part| match (part, value) {
            // A TIME has no days.
            (TimeUnit::Day, Value::Time(v)) => v.map(|_| 0),
            _ => extract(part, value, rows),
        };
        let together = |all, unit: TimeUnit| zip_map(&all, &part(unit), |all, part| all * unit.room() + part);
        return unit.spanned().into_iter().fold(Column::one(0), together);
    }
    match unit {
        TimeUnit::Year => match value {
            Value::Date(v) => v.map(|d| calendar::year(i64::from(d))),
            other => day_numbers(other, rows).map(calendar::year),
        },
        TimeUnit::Month => day_numbers(value, rows).map(|d| civil(d).month),
        TimeUnit::Quarter => day_numbers(value, rows).map(|d| (civil(d).month + 2) / 3),
        TimeUnit::Day => day_numbers(value, rows).map(|d| civil(d).day),
        TimeUnit::Week => day_numbers(value, rows).map(|d| calendar::week(d, 0).1),
        _ => {
            let of_day = match value {
                Value::Time(v) => v.clone(),
                Value::Date(v) => v.map(|_| 0),
                Value::DateTime(v) => v.map(|us| split(us).1),
                // Text and numbers may be either; with a date in front the time is meant.
                other => times(other, rows),
            };
            of_day.map(|us| {
                let c = clock(us.saturating_abs());
                let part = match unit {
                    TimeUnit::Hour => c.hour,
                    TimeUnit::Minute => c.minute,
                    TimeUnit::Second => c.second,
                    _ => c.micro,
                };
                if us < 0 { -part } else { part }
            })
        }
    }
}

/// The length of a unit that has one; of a compound one that of what it is counted in.
fn unit_us(unit: TimeUnit) -> Option<i64> {
    Some(match unit {
        TimeUnit::Microsecond
        | TimeUnit::SecondMicrosecond
        | TimeUnit::MinuteMicrosecond
        | TimeUnit::MinuteSecond
        | TimeUnit::HourMicrosecond
        | TimeUnit::HourSecond
        | TimeUnit::HourMinute
        | TimeUnit::DayMicrosecond
        | TimeUnit::DaySecond
        | TimeUnit::DayMinute
        | TimeUnit::DayHour => 1,
        TimeUnit::Second => SECOND_US,
        TimeUnit::Minute => 60 * SECOND_US,
        TimeUnit::Hour => 3600 * SECOND_US,
        TimeUnit::Day => DAY_US,
        TimeUnit::Week => 7 * DAY_US,
        TimeUnit::Month | TimeUnit::Quarter | TimeUnit::Year | TimeUnit::YearMonth => return None,
    })
}

/// Months of a unit that is made of months.
fn unit_months(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Year => 12,
        TimeUnit::Quarter => 3,
        _ => 1,
    }
}

/// The amounts of an interval in microseconds, or in months.
fn amounts(unit: TimeUnit, amount: &Value, rows: usize) -> Result<Column<i64>, Failure> {
    if unit.ends().is_some() {
        let text = text(amount, rows)?;
        return Ok(Column::from_options((0..rows).map(|row| unit.read(text.get(row)?).map(|(_, n)| n))));
    }
    Ok(match (amount, unit_us(unit)) {
        (Value::Decimal(d), Some(us)) if unit == TimeUnit::Second => {
            let us = i128::from(us);
            let scale = d.scale();
            d.widened().map_option(rows, |v| i64::try_from(rescale(v.checked_mul(us)?, scale, 0)?).ok())
        }
        (Value::Double(d), Some(us)) if unit == TimeUnit::Second => {
            d.map_option(rows, |v| Some(v * us as f64).filter(|v| v.abs() < 9e18).map(|v| v as i64))
        }
        (other, Some(us)) => ints(other, rows).map_option(rows, |v| v.checked_mul(us)),
        (other, None) => ints(other, rows).map_option(rows, |v| v.checked_mul(unit_months(unit))),
    })
}

/// A moment moved by microseconds, or by months.
fn moved(unit: TimeUnit, us: i64, by: i64) -> Option<i64> {
    if unit_us(unit).is_some() {
        let us = us.checked_add(by)?;
        return (DAYS_MIN..=DAYS_MAX).contains(&split(us).0).then_some(us);
    }
    let (day, rest) = split(us);
    Some(add_months(day, by)? * DAY_US + rest)
}

/// value + sign * INTERVAL amount unit.
fn shift(
    (unit, sign): (TimeUnit, i64),
    value: &Value,
    amount: &Value,
    sql: &SqlType,
    rows: usize,
    notices: &mut Notices,
) -> Outcome {
    let amounts = amounts(unit, amount, rows)?;
    if let (Value::Time(v), SqlType::Time(_)) = (value, sql) {
        let out = zip_option(v, &amounts, rows, |us, by| {
            us.checked_add(by.checked_mul(sign)?).filter(|us| us.abs() <= TIME_US_MAX)
        });
        return Ok(Value::Time(out));
    }
    if sql.is_string() {
        let texts = text(value, rows)?;
        let mut beyond = Vec::new();
        let out = build(rows, |row, out| {
            let (us, has_time) = written::parse_datetime(texts.get(row)?)?;
            let shifted = amounts.get(row).and_then(|by| moved(unit, us, by.checked_mul(sign)?));
            if shifted.is_none() {
                beyond.push(row);
            }
            let us = shifted?;
            if has_time || !unit.is_of_days() {
                write_datetime(us, if us % SECOND_US == 0 { 0 } else { 6 }, out);
            } else {
                write_date(split(us).0, out);
            }
            Some(())
        });
        tell_overflow(beyond.into_iter(), amount, &amounts, notices)?;
        return Ok(out);
    }
    let known = micros(value, rows);
    let moved = zip_option(&known, &amounts, rows, |us, by| moved(unit, us, by.checked_mul(sign)?));
    if moved.nulls.as_ref().is_some_and(|nulls| nulls.null_count() > 0) {
        let beyond = (0..rows).filter(|row| moved.is_null(*row) && !known.is_null(*row));
        tell_overflow(beyond, amount, &amounts, notices)?;
    }
    match sql {
        SqlType::Date => Ok(Value::Date(moved.map(|us| split(us).0 as i32))),
        _ => Ok(Value::DateTime(moved)),
    }
}

/// Says of these rows that there is no such date, if there was an interval at all.
fn tell_overflow(
    mut rows: impl Iterator<Item = usize>,
    amount: &Value,
    amounts: &Column<i64>,
    notices: &mut Notices,
) -> Result<(), Failure> {
    // A number without an amount is a large one, a text without an amount is no interval.
    let is_number = !matches!(amount, Value::String(_) | Value::Bytes(_));
    rows.try_for_each(|row| match !amount.is_null(row) && (is_number || !amounts.is_null(row)) {
        true => notices.converted(row, Error::DatetimeOverflow),
        false => Ok(()),
    })
}

/// b - a in whole units.
fn difference(unit: TimeUnit, a: i64, b: i64) -> i64 {
    if let Some(us) = unit_us(unit) {
        return b.saturating_sub(a) / us;
    }
    let (low, high, sign) = if a <= b { (a, b, 1) } else { (b, a, -1) };
    let ((low_day, low_rest), (high_day, high_rest)) = (split(low), split(high));
    let (from, to) = (civil(low_day), civil(high_day));
    let mut months = (to.year - from.year) * 12 + to.month - from.month;
    if (to.day, high_rest) < (from.day, low_rest) {
        months -= 1;
    }
    sign * months / unit_months(unit)
}

fn unix_timestamp(value: &Value, sql: &SqlType, rows: usize) -> Outcome {
    let us = micros(value, rows);
    let known = us.map(written::unix_us);
    match sql {
        SqlType::Decimal { scale, .. } => {
            let wide = known.map(i128::from);
            Ok(Value::Decimal(Decimals::wide(wide, 6).rescale(*scale)?))
        }
        SqlType::Double => Ok(Value::Double(known.map(|us| us as f64 / 1e6))),
        _ => Ok(Value::Int(known.map(|us| us / SECOND_US)).conform(sql)?),
    }
}

fn from_unix_time(args: &[Value], rows: usize) -> Outcome {
    let us = match &args[0] {
        Value::Decimal(d) => {
            let scale = d.scale();
            d.widened().map_option(rows, |v| i64::try_from(rescale(v, scale, 6)?).ok())
        }
        Value::Double(v) => {
            v.map_option(rows, |v| Some((v * 1e6).round()).filter(|v| v.abs() < 9e18).map(|v| v as i64))
        }
        other => ints(other, rows).map_option(rows, |v| v.checked_mul(SECOND_US)),
    };
    // MySQL ends at 3001-01-18.
    let moment = Value::DateTime(
        us.map_option(rows, |us| (0..32_536_771_200 * SECOND_US).contains(&us).then_some(us)),
    );
    match args.get(1) {
        Some(format) => date_format(&[moment, format.clone()], rows),
        None => Ok(moment),
    }
}

fn date_format(args: &[Value], rows: usize) -> Outcome {
    let us = micros(&args[0], rows);
    let format = text(&args[1], rows)?;
    let names = names(args.get(2), rows)?;
    Ok(build(rows, |row, out| {
        write_format(us.get(row)?, format.get(row)?, &names, out);
        Some(())
    }))
}

/// The words of the place that an argument says, which is the same for all rows; of en_US without one.
fn names(place: Option<&Value>, rows: usize) -> Result<Names, Failure> {
    let place = place.map(|place| text(place, rows)).transpose()?;
    Ok(Names::of(place.as_ref().and_then(|place| place.get(0)).unwrap_or(names::DEFAULT)))
}

/// DATE_FORMAT of one moment.
fn write_format(us: i64, format: &str, names: &Names, out: &mut String) {
    use std::fmt::Write;
    let (day, rest) = split(us);
    let Civil { year, month, day: of_month } = civil(day);
    let c = clock(rest);
    let twelve = (c.hour + 11) % 12 + 1;
    let half = if c.hour < 12 { "AM" } else { "PM" };
    let month_name = names.month(month).unwrap_or("");
    let of_week = weekday(day);
    let mut chars = format.chars();
    while let Some(ch) = chars.next() {
        if ch != '%' {
            out.push(ch);
            continue;
        }
        let written = match chars.next() {
            Some('a') => write!(out, "{}", names.day_short(of_week)),
            Some('b') => write!(out, "{}", names.month_short(month).unwrap_or("")),
            Some('c') => write!(out, "{month}"),
            Some('D') => write!(out, "{of_month}{}", ordinal(of_month)),
            Some('d') => write!(out, "{of_month:02}"),
            Some('e') => write!(out, "{of_month}"),
            Some('f') => write!(out, "{:06}", c.micro),
            Some('H') => write!(out, "{:02}", c.hour),
            Some('h' | 'I') => write!(out, "{twelve:02}"),
            Some('i') => write!(out, "{:02}", c.minute),
            Some('j') => write!(out, "{:03}", day_of_year(day)),
            Some('k') => write!(out, "{}", c.hour),
            Some('l') => write!(out, "{twelve}"),
            Some('M') => write!(out, "{month_name}"),
            Some('m') => write!(out, "{month:02}"),
            Some('p') => write!(out, "{half}"),
            Some('r') => write!(out, "{twelve:02}:{:02}:{:02} {half}", c.minute, c.second),
            Some('S' | 's') => write!(out, "{:02}", c.second),
            Some('T') => write!(out, "{:02}:{:02}:{:02}", c.hour, c.minute, c.second),
            Some('U') => write!(out, "{:02}", calendar::week(day, 0).1),
            Some('u') => write!(out, "{:02}", calendar::week(day, 1).1),
            Some('V') => write!(out, "{:02}", calendar::week(day, 2).1),
            Some('v') => write!(out, "{:02}", calendar::week(day, 3).1),
            Some('W') => write!(out, "{}", names.day(of_week)),
            Some('w') => write!(out, "{}", (of_week + 1) % 7),
            Some('X') => write!(out, "{:04}", calendar::week(day, 2).0),
            Some('x') => write!(out, "{:04}", calendar::week(day, 3).0),
            Some('Y') => write!(out, "{year:04}"),
            Some('y') => write!(out, "{:02}", year % 100),
            Some(other) => write!(out, "{other}"),
            None => Ok(()),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

fn ordinal(n: i64) -> &'static str {
    match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::parse_datetime;
    use super::*;

    fn us(text: &str) -> i64 {
        parse_datetime(text).unwrap()
    }

    #[test]
    fn formats_by_the_manual() {
        let show = |text: &str, format: &str| {
            let mut out = String::new();
            write_format(us(text), format, &Names::of(names::DEFAULT), &mut out);
            out
        };
        assert_eq!(show("2009-10-04 22:23:00", "%W %M %Y"), "Sunday October 2009");
        assert_eq!(show("2007-10-04 22:23:00", "%H:%i:%s"), "22:23:00");
        assert_eq!(show("1900-10-04 22:23:00", "%D %y %a %d %m %b %j"), "4th 00 Thu 04 10 Oct 277");
        assert_eq!(show("1997-10-04 22:23:00", "%H %k %I %r %T %S %w"), "22 22 10 10:23:00 PM 22:23:00 00 6");
        assert_eq!(show("1999-01-01", "%X %V"), "1998 52");
    }

    #[test]
    fn differences_by_the_manual() {
        let d = |unit, a, b| difference(unit, us(a), us(b));
        assert_eq!(d(TimeUnit::Month, "2003-02-01", "2003-05-01"), 3);
        assert_eq!(d(TimeUnit::Year, "2002-05-01", "2001-01-01"), -1);
        assert_eq!(d(TimeUnit::Minute, "2003-02-01", "2003-05-01 12:05:55"), 128_885);
        assert_eq!(d(TimeUnit::Month, "2003-01-31", "2003-02-28"), 0);
        assert_eq!(d(TimeUnit::Quarter, "2003-01-01", "2004-01-01"), 4);
    }
}
