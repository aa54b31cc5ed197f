//! Dates and times: moments, intervals and their units.

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::{Rewriter, family};
use crate::expr::types::{self, Family};
use crate::expr::{Expr, Function, Span, TimeUnit, calendar, fold};

impl Rewriter {
    /// `expr + INTERVAL amount unit`, or minus.
    pub fn shift(&mut self, expr: Expr, amount: Expr, unit: TimeUnit, minus: bool) -> Expr {
        // A number with a fraction is read as it is written.
        let expr = if family(&expr) == Family::Decimal { self.text(expr) } else { expr };
        let written = family(&expr) == Family::String;
        // Months and weeks are counted from this day.
        let of_calendar = unit.is_of_days() && unit != TimeUnit::Day;
        let expr = match family(&expr) {
            Family::Time if of_calendar => self.today_at(expr, SqlType::DateTime(0)),
            _ => expr,
        };
        let (amount, unit) = match self.amount(amount, unit) {
            Some(known) => known,
            None => (Expr::constant(Datum::Null, SqlType::BIGINT), unit),
        };
        let known = [&expr, &amount].into_iter().all(|e| fold::constant(e).is_some());
        // A text stays one: whether it has a time of day is not known before it is read, nor whether it has a fraction before
        // it is moved.
        let stays = written && !(known && family(&amount) != Family::Decimal);
        let expr = if stays { expr } else { self.moment(expr) };
        let fraction = match &amount.ty().sql {
            SqlType::Decimal { scale, .. } => (*scale).min(6),
            _ => 0,
        };
        let fsp = match &expr.ty().sql {
            _ if unit.has_fraction() => 6,
            SqlType::DateTime(n) | SqlType::Timestamp(n) | SqlType::Time(n) => fraction.max(*n),
            _ => fraction,
        };
        let ty = match &expr.ty().sql {
            text if text.is_string() => types::string(types::text_length(&SqlType::DateTime(6))),
            SqlType::Date if unit.is_of_days() => SqlType::Date,
            SqlType::Time(_) => SqlType::Time(fsp),
            _ => SqlType::DateTime(fsp),
        };
        let function = if minus { Function::DateSub(unit) } else { Function::DateAdd(unit) };
        match self.call(function, vec![expr, amount], ty, true) {
            // What was a text shows a fraction only if there is one.
            Expr::Constant { value: Datum::DateTime(us), .. } if written => datetime(us),
            other => other,
        }
    }

    /// What clocks of the session show at a moment.
    pub fn clock_of(&mut self, moment: Expr) -> Expr {
        self.in_clocks(moment, Function::ClockOf(self.zone))
    }

    /// The moment when clocks of the session show this.
    pub(crate) fn moment_of(&mut self, shown: Expr) -> Expr {
        self.in_clocks(shown, Function::MomentOf(self.zone))
    }

    fn in_clocks(&mut self, expr: Expr, function: Function) -> Expr {
        if self.zone.is_utc() {
            return expr;
        }
        // A day is its midnight.
        let expr = if family(&expr) == Family::Date { self.cast(expr, &SqlType::DateTime(0)) } else { expr };
        let ColumnType { sql, nullable } = expr.ty().clone();
        self.call(function, vec![expr], sql, nullable)
    }

    /// A time of this day.
    pub(super) fn today_at(&mut self, time: Expr, sql: SqlType) -> Expr {
        let midnight = self.now_us().div_euclid(calendar::DAY_US) * calendar::DAY_US;
        let own = match &time.ty().sql {
            SqlType::Time(n) => *n,
            _ => 6,
        };
        let fsp = match &sql {
            SqlType::DateTime(n) => own.max(*n),
            _ => own,
        };
        let args = vec![Expr::constant(Datum::DateTime(midnight), SqlType::DateTime(0)), time];
        let moment = self.call(Function::Span(Span::AddTime), args, SqlType::DateTime(fsp), true);
        self.cast(moment, &sql)
    }

    /// The amount of an interval as the function wants it: a text for a compound unit, unless it is a constant, which is read
    /// here; else a number. `None` if a constant is no amount of the unit.
    fn amount(&mut self, amount: Expr, unit: TimeUnit) -> Option<(Expr, TimeUnit)> {
        if unit.ends().is_some() {
            let text = self.text(amount);
            let Some(Datum::String(known)) = fold::constant(&text) else { return Some((text, unit)) };
            let (simple, n) = unit.read(known)?;
            // Seconds keep the result without a fraction.
            let (simple, n) = match simple {
                TimeUnit::Microsecond if !unit.has_fraction() => (TimeUnit::Second, n / 1_000_000),
                other => (other, n),
            };
            return Some((Expr::constant(Datum::Int(n), SqlType::BIGINT), simple));
        }
        let amount = match (unit, family(&amount)) {
            (_, Family::Int) => amount,
            (TimeUnit::Second, family) if family != Family::Int && fold::constant(&amount).is_some() => {
                let text = self.text(amount.clone());
                match fold::constant(&text) {
                    Some(Datum::String(text)) => seconds_of(text),
                    _ => self.cast(amount, &SqlType::BIGINT),
                }
            }
            (TimeUnit::Second, Family::Decimal) => amount,
            (TimeUnit::Second, Family::String | Family::Double) if !reads_as_integer(&amount) => {
                self.cast(amount, &types::decimal(20, 6))
            }
            (_, Family::UInt) => self.counted(amount),
            _ => self.cast(amount, &SqlType::BIGINT),
        };
        Some((amount, unit))
    }

    /// EXTRACT(unit FROM expr).
    pub fn extract(&mut self, unit: TimeUnit, expr: Expr) -> Expr {
        let largest = unit.ends().map_or(unit, |(largest, _)| largest);
        let of_day =
            matches!(largest, TimeUnit::Hour | TimeUnit::Minute | TimeUnit::Second | TimeUnit::Microsecond);
        let expr = match family(&expr) {
            Family::Time => expr,
            Family::String if of_day => self.cast(expr, &SqlType::Time(6)),
            _ => self.moment(expr),
        };
        let nullable = expr.ty().nullable;
        self.call(Function::Extract(unit), vec![expr], SqlType::BIGINT, nullable)
    }

    /// A value where a date or datetime is wanted: a constant string is read as whichever it is.
    pub fn moment(&mut self, expr: Expr) -> Expr {
        match family(&expr) {
            Family::Date | Family::DateTime | Family::Time => expr,
            Family::Null => self.cast(expr, &SqlType::DateTime(0)),
            Family::String => {
                if let Some(Datum::String(s)) = fold::constant(&expr)
                    && let Some((us, has_time)) = calendar::parse_datetime(s)
                {
                    return read_moment(us, has_time, calendar::fraction_digits(s));
                }
                self.cast(expr, &SqlType::DateTime(6))
            }
            Family::Int
                if let Some(Datum::Int(n)) = fold::constant(&expr)
                    && let Some((us, has_time)) = calendar::number_to_datetime(*n) =>
            {
                read_moment(us, has_time, 0)
            }
            Family::Choice => {
                let text = self.text(expr);
                self.moment(text)
            }
            _ => self.cast(expr, &SqlType::DateTime(0)),
        }
    }
}

/// A date, or a datetime with so many digits of a second's fraction.
fn read_moment(us: i64, has_time: bool, fsp: u8) -> Expr {
    match has_time {
        true => Expr::constant(Datum::DateTime(us), SqlType::DateTime(fsp)),
        false => Expr::constant(Datum::Date(us.div_euclid(calendar::DAY_US) as i32), SqlType::Date),
    }
}

fn reads_as_integer(expr: &Expr) -> bool {
    matches!(fold::constant(expr), Some(Datum::String(s)) if s.trim().parse::<i64>().is_ok())
}

pub(super) fn datetime(us: i64) -> Expr {
    Expr::constant(Datum::DateTime(us), SqlType::DateTime(if us % 1_000_000 == 0 { 0 } else { 6 }))
}

/// The seconds that a text begins with: an integer, or a decimal of up to six digits of a fraction, cut and not rounded.
fn seconds_of(text: &str) -> Expr {
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    let fraction = rest.strip_prefix('.').map_or("", |rest| &rest[..digits(rest).min(6)]);
    let sign = if text.starts_with('-') { -1 } else { 1 };
    // What has more digits moves everything out of range.
    let value =
        format!("{whole}{fraction}").parse::<i128>().unwrap_or(if whole.is_empty() { 0 } else { 1 << 80 });
    match u8::try_from(fraction.len()) {
        Ok(scale @ 1..) => {
            let precision = (whole.len() + fraction.len()).clamp(1, 38) as u32;
            Expr::constant(
                Datum::Decimal { value: sign * value, scale },
                types::decimal(precision, u32::from(scale)),
            )
        }
        _ => match i64::try_from(sign * value) {
            Ok(n) => Expr::constant(Datum::Int(n), SqlType::BIGINT),
            Err(_) => Expr::constant(Datum::Null, SqlType::BIGINT),
        },
    }
}
