//! Spans of time: sums and differences of times, periods of months, time zones.
//!
//! A text is a time or a datetime, and which of the two is seen when it is read ([`Read`]); a sum with it is of the same
//! kind, and a difference of two kinds is NULL.

use allod_planner::expr::Span;
use allod_planner::zone::Zone;
use allod_storage::schema::SqlType;

use super::calendar::{DAY_US, DAYS_MAX, DAYS_MIN, SECOND_US, TIME_US_MAX};
use super::clock::{clock, parse_datetime, parse_time, split, write_datetime, write_time};
use super::dates::Dates;
use super::decimal::rescale;
use super::function::{Failure, Outcome, ints, text};
use super::notice::Notices;
use super::string::build;
use super::value::{Column, Value, zip_option};
use crate::error::Error;

/// Evaluates a function of spans whose result has type `sql`.
pub(crate) fn apply(
    span: Span,
    args: &[Value],
    sql: &SqlType,
    rows: usize,
    notices: &mut Notices,
) -> Outcome {
    match span {
        Span::AddTime => add(args, 1, sql, rows),
        Span::SubTime => add(args, -1, sql, rows),
        Span::TimeDiff => Ok(Value::Time(Column::from_options((0..rows).map(|row| {
            let difference = match (read_at(&args[0], row)?, read_at(&args[1], row)?) {
                (Read::Time(a), Read::Time(b)) | (Read::Moment(a), Read::Moment(b)) => a - b,
                (Read::Time(_), Read::Moment(_)) | (Read::Moment(_), Read::Time(_)) => return None,
            };
            Some(clip(difference))
        })))),
        Span::MakeTime => make_time(args, rows, notices),
        Span::PeriodAdd => {
            let (period, n) = (ints(&args[0], rows), ints(&args[1], rows));
            checked_periods(span, &[&period], rows)?;
            Ok(Value::Int(zip_option(&period, &n, rows, |period, n| {
                Some(period_of(months_of(period).wrapping_add(n)))
            })))
        }
        Span::PeriodDiff => {
            let (a, b) = (ints(&args[0], rows), ints(&args[1], rows));
            checked_periods(span, &[&a, &b], rows)?;
            Ok(Value::Int(zip_option(&a, &b, rows, |a, b| Some(months_of(a) - months_of(b)))))
        }
        Span::TimeFormat => {
            let format = text(&args[1], rows)?;
            let times = super::cast::times(&args[0], rows);
            Ok(build(rows, |row, out| write_format(times.get(row)?, format.get(row)?, out)))
        }
        Span::ConvertTz => {
            let (from, to) = (text(&args[1], rows)?, text(&args[2], rows)?);
            let (shown, system) = (super::cast::micros(&args[0], rows), text(&args[3], rows)?);
            let zone = |name: &str, row| match name.eq_ignore_ascii_case("SYSTEM") {
                true => Zone::of_name(system.get(row)?),
                false => Zone::of_name(name),
            };
            Ok(Value::DateTime(Column::from_options((0..rows).map(|row| {
                let (from, to) = (zone(from.get(row)?, row)?, zone(to.get(row)?, row)?);
                Some(convert(shown.get(row).filter(|us| Dates::REGULAR.has(*us))?, from, to))
            }))))
        }
    }
}

/// A time or a datetime.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Read {
    Time(i64),
    Moment(i64),
}

fn read_at(value: &Value, row: usize) -> Option<Read> {
    if value.is_null(row) {
        return None;
    }
    let moment = |us: i64| Some(Read::Moment(us)).filter(|_| Dates::REGULAR.has(us));
    match value {
        Value::Time(v) => Some(Read::Time(v.value(row))),
        Value::DateTime(v) => moment(v.value(row)),
        Value::Date(v) => moment(i64::from(v.value(row)) * DAY_US),
        Value::String(v) => read(v.value(row)),
        _ => None,
    }
}

/// Reads a text: `[-][days ]hh:mm:ss[.fraction]` and up to seven digits are times.
fn read(text: &str) -> Option<Read> {
    let body = text.trim();
    let body = body.strip_prefix('-').unwrap_or(body);
    let whole = body.split('.').next().unwrap_or(body);
    let timely = body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b' ' | b'.'));
    let packed = whole.bytes().all(|b| b.is_ascii_digit());
    if timely && (!packed || whole.len() <= 7) {
        return parse_time(text).map(Read::Time);
    }
    parse_datetime(text).filter(|us| Dates::REGULAR.has(*us)).map(Read::Moment)
}

fn clip(us: i64) -> i64 {
    us.clamp(-TIME_US_MAX, TIME_US_MAX)
}

/// ADDTIME, and SUBTIME with a negative sign.
fn add(args: &[Value], sign: i64, sql: &SqlType, rows: usize) -> Outcome {
    let by = Column::from_options((0..rows).map(|row| match read_at(&args[1], row)? {
        Read::Time(us) => Some(us * sign),
        Read::Moment(_) => None,
    }));
    let moved =
        |us: i64, by: i64| us.checked_add(by).filter(|us| (DAYS_MIN..=DAYS_MAX).contains(&split(*us).0));
    if sql.is_string() {
        return Ok(build(rows, |row, out| {
            let by = by.get(row)?;
            let fsp = |us: i64| if us % SECOND_US == 0 { 0 } else { 6 };
            match read_at(&args[0], row)? {
                Read::Time(us) => {
                    let us = clip(us + by);
                    write_time(us, fsp(us), out);
                }
                Read::Moment(us) => {
                    let us = moved(us, by)?;
                    write_datetime(us, fsp(us), out);
                }
            }
            Some(())
        }));
    }
    let sum = (0..rows).map(|row| match read_at(&args[0], row)? {
        Read::Time(us) => Some(clip(us + by.get(row)?)),
        Read::Moment(us) => moved(us, by.get(row)?),
    });
    let sum = Column::from_options(sum);
    Ok(if matches!(sql, SqlType::Time(_)) { Value::Time(sum) } else { Value::DateTime(sum) })
}

/// MAKETIME(hour, minute, second).
fn make_time(args: &[Value], rows: usize, notices: &mut Notices) -> Outcome {
    let (hours, minutes) = (ints(&args[0], rows), ints(&args[1], rows));
    let seconds = match &args[2] {
        Value::Decimal(d) => {
            let scale = d.scale();
            d.widened().map_option(rows, |v| i64::try_from(rescale(v, scale, 6)?).ok())
        }
        other => ints(other, rows).map_option(rows, |s| s.checked_mul(SECOND_US)),
    };
    let times = Column::from_options((0..rows).map(|row| {
        let (hour, minute, us) = (hours.get(row)?, minutes.get(row)?, seconds.get(row)?);
        if !(0..60).contains(&minute) || !(0..60 * SECOND_US).contains(&us) {
            return None;
        }
        let us = hour.saturating_abs().min(1000) * 3600 * SECOND_US + minute * 60 * SECOND_US + us;
        // Beyond the limit it is the limit, not its parts.
        if us > TIME_US_MAX {
            let value = format!("{hour:02}:{minute:02}:{:02}", us / SECOND_US % 60);
            notices.warn(row, Error::TruncatedWrongValue { ty: "time", value });
        }
        let us = us.min(TIME_US_MAX);
        Some(if hour < 0 { -us } else { us })
    }));
    Ok(Value::Time(times))
}

/// Fails if one is no period, YYMM or YYYYMM.
fn checked_periods(span: Span, periods: &[&Column<i64>], rows: usize) -> Result<(), Failure> {
    let real = |period: i64| period > 0 && (1..=12).contains(&(period % 100));
    let mut all = periods.iter().flat_map(|column| (0..rows).filter_map(|row| column.get(row)));
    if all.all(real) { Ok(()) } else { Err(Failure::Other(Error::BadArguments(span.name()))) }
}

/// Months of a period since the year 0.
fn months_of(period: i64) -> i64 {
    let year = match period / 100 {
        year @ 0..=69 => year + 2000,
        year @ 70..=99 => year + 1900,
        year => year,
    };
    year * 12 + period % 100 - 1
}

/// The period of a month, YYYYMM.
fn period_of(months: i64) -> i64 {
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let year = match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        _ => year,
    };
    year.wrapping_mul(100).wrapping_add(month)
}

/// TIME_FORMAT; None for a name of a month or day, which a time has not.
fn write_format(us: i64, format: &str, out: &mut String) -> Option<()> {
    use std::fmt::Write;
    let c = clock(us.abs());
    let (twelve, half) = ((c.hour % 24 + 11) % 12 + 1, if c.hour % 24 < 12 { "AM" } else { "PM" });
    if us < 0 {
        out.push('-');
    }
    let mut chars = format.chars();
    while let Some(ch) = chars.next() {
        if ch != '%' {
            out.push(ch);
            continue;
        }
        let written = match chars.next() {
            Some('H') => write!(out, "{:02}", c.hour),
            Some('k') => write!(out, "{}", c.hour),
            Some('h' | 'I') => write!(out, "{twelve:02}"),
            Some('l') => write!(out, "{twelve}"),
            Some('i') => write!(out, "{:02}", c.minute),
            Some('S' | 's') => write!(out, "{:02}", c.second),
            Some('f') => write!(out, "{:06}", c.micro),
            Some('p') => write!(out, "{half}"),
            Some('r') => write!(out, "{twelve:02}:{:02}:{:02} {half}", c.minute, c.second),
            Some('T') => write!(out, "{:02}:{:02}:{:02}", c.hour, c.minute, c.second),
            // There is no date: its numbers are 0.
            Some('Y') => write!(out, "0000"),
            Some('y' | 'm' | 'd') => write!(out, "00"),
            Some('c' | 'e') => write!(out, "0"),
            Some('M' | 'b' | 'a' | 'W' | 'w' | 'j' | 'D' | 'U' | 'u' | 'V' | 'v' | 'X' | 'x') => return None,
            Some(other) => write!(out, "{other}"),
            None => Ok(()),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
    Some(())
}

/// CONVERT_TZ; what no TIMESTAMP could hold stays as it is.
fn convert(local_us: i64, from: Zone, to: Zone) -> i64 {
    let utc_us = from.moments(local_us).chosen();
    if (0..32_536_771_200 * SECOND_US).contains(&utc_us) { to.local(utc_us) } else { local_us }
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::Function;

    use super::super::tests::{TEXT, check};
    use super::*;

    /// By MySQL's manual.
    #[test]
    fn sums_and_differences() {
        let (time, moment) = (SqlType::Time(6), SqlType::DateTime(6));
        for (span, args, sql, want) in [
            (
                Span::AddTime,
                &["'2007-12-31 23:59:59.999999'", "'1 1:1:1.000002'"][..],
                TEXT,
                "2008-01-02 01:01:01.000001",
            ),
            (Span::AddTime, &["'01:59:59.999999'", "'02:00:00.999998'"], TEXT, "04:00:00.999997"),
            (
                Span::SubTime,
                &["'2007-12-31 23:59:59.999999'", "'1 1:1:1.000002'"],
                TEXT,
                "2007-12-30 22:58:58.999997",
            ),
            (Span::SubTime, &["'01:59:59.999999'", "'02:00:00.999998'"], TEXT, "-00:00:00.999999"),
            (Span::AddTime, &["'10:00:00'", "'2000-01-01 00:00:00'"], TEXT, "NULL"),
            (Span::AddTime, &[":838:00:00", ":10:00:00"], time.clone(), "838:59:59"),
            (Span::SubTime, &["t'2020-01-01 00:00:00'", ":00:00:01"], moment.clone(), "2019-12-31 23:59:59"),
            (Span::AddTime, &["t'9999-12-31 23:59:59'", "'1'"], moment.clone(), "NULL"),
            (
                Span::TimeDiff,
                &["'2000-01-01 00:00:00'", "'2000-01-01 00:00:00.000001'"],
                time.clone(),
                "-00:00:00.000001",
            ),
            (
                Span::TimeDiff,
                &["'2008-12-31 23:59:59.000001'", "'2008-12-30 01:01:01.000002'"],
                time.clone(),
                "46:58:57.999999",
            ),
            (Span::TimeDiff, &[":10:00:00", "t'2020-01-01 00:00:00'"], time.clone(), "NULL"),
            (Span::MakeTime, &["12", "15", "30"], time.clone(), "12:15:30"),
            (Span::MakeTime, &["-1", "0", "0.50"], time.clone(), "-01:00:00.500000"),
            (Span::MakeTime, &["12", "60", "30"], time.clone(), "NULL"),
            (Span::MakeTime, &["900", "1", "1"], time, "838:59:59"),
            (Span::PeriodAdd, &["200801", "2"], SqlType::BIGINT, "200803"),
            (Span::PeriodAdd, &["9801", "-1"], SqlType::BIGINT, "199712"),
            (Span::PeriodDiff, &["200802", "200703"], SqlType::BIGINT, "11"),
            (Span::TimeFormat, &["'100:00:00'", "'%H %k %h %I %l'"], TEXT, "100 100 04 04 4"),
            (Span::TimeFormat, &["'-10:11:12'", "'%T %p'"], TEXT, "-10:11:12 AM"),
            (Span::TimeFormat, &["'10:11:12'", "'%M'"], TEXT, "NULL"),
            (
                Span::ConvertTz,
                &["t'2004-01-01 12:00:00'", "'+00:00'", "'+10:00'", "'UTC'"],
                moment.clone(),
                "2004-01-01 22:00:00",
            ),
            (
                Span::ConvertTz,
                &["t'2004-01-01 12:00:00'", "'UTC'", "'-01:30'", "'UTC'"],
                moment.clone(),
                "2004-01-01 10:30:00",
            ),
            (
                Span::ConvertTz,
                &["t'1960-01-01 12:00:00'", "'UTC'", "'+01:00'", "'UTC'"],
                moment.clone(),
                "1960-01-01 12:00:00",
            ),
            (Span::ConvertTz, &["t'2004-01-01 12:00:00'", "'+15:00'", "'UTC'", "'UTC'"], moment, "NULL"),
        ] {
            check(Function::Span(span), args, sql, want);
        }
    }

    #[test]
    fn texts_are_times_or_datetimes() {
        for (text, want) in [
            ("10:11:12", Some(Read::Time(36_672 * SECOND_US))),
            ("1 10:11:12", Some(Read::Time((86_400 + 36_672) * SECOND_US))),
            ("1112", Some(Read::Time(672 * SECOND_US))),
            ("2000-01-01", Some(Read::Moment(946_684_800 * SECOND_US))),
            ("20000101000000", Some(Read::Moment(946_684_800 * SECOND_US))),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(read(text), want, "{text:?}");
        }
    }
}
