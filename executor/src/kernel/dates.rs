//! Which dates there are beside those of the calendar: `0000-00-00`, those with a zero month or day, and days that their month
//! does not have. `sql_mode` says who may write them down; who has one already can ask for its parts and count nothing from it.

use allod_storage::schema::{FIRST_DAY, ZERO_DATETIME, irregular_day, irregular_parts};

use super::calendar::{DAY_US, DAYS_MAX, DAYS_MIN, SECOND_US, checked_days};
use super::clock;
use super::notice::Notices;
use super::value::{Column, Value};
use super::{cast, function::Failure};
use crate::error::Error;

/// Dates that a statement takes, beside those of the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    /// `0000-00-00`.
    pub zero: bool,
    /// `2020-00-10`, `2020-01-00`.
    pub zero_in: bool,
    /// `2020-02-31`.
    pub invalid: bool,
}

impl Dates {
    /// Those of the calendar alone.
    pub(crate) const REGULAR: Dates = Dates { zero: false, zero_in: false, invalid: false };

    /// Whether a moment is of one of them.
    pub(crate) fn has(self, us: i64) -> bool {
        let day = clock::split(us).0;
        if (DAYS_MIN..=DAYS_MAX).contains(&day) || us == ZERO_DATETIME {
            return us != ZERO_DATETIME || self.zero;
        }
        let (year, month, of_month) = irregular_parts(day);
        // A number between those of irregular dates is what rounding made of one.
        irregular_day(year, month, of_month).is_some_and(|known| i64::from(known) == day)
            && if month == 0 || of_month == 0 { self.zero_in } else { self.invalid }
    }
}

/// Fewer digits of a second's fraction, on the same day.
pub(super) fn rounded_within(us: i64, fsp: u8) -> i64 {
    let rounded = clock::round_fsp(us, fsp);
    if clock::split(rounded).0 == clock::split(us).0 { rounded } else { us - us.rem_euclid(SECOND_US) }
}

/// The day of such a date, in the calendar or not.
pub(crate) fn any_day(year: i64, month: i64, day: i64) -> Option<i64> {
    checked_days(year, month, day).or_else(|| irregular_day(year, month, day).map(i64::from))
}

/// NULL in place of irregular dates and moments for which `parts` says so, given the parts of the date; each of them is told.
pub(super) fn without(
    value: &Value,
    rows: usize,
    parts: impl Fn((i64, i64, i64)) -> bool,
    notices: &mut Notices,
) -> Result<Option<Value>, Failure> {
    let day = |row: usize| match value {
        Value::Date(v) => v.get(row).map(i64::from),
        Value::DateTime(v) => v.get(row).map(|us| us.div_euclid(DAY_US)),
        _ => None,
    };
    let refused =
        |row: usize| day(row).is_some_and(|day| day < i64::from(FIRST_DAY) && parts(irregular_parts(day)));
    if !matches!(value, Value::Date(_) | Value::DateTime(_)) || !(0..rows).any(refused) {
        return Ok(None);
    }
    let told = if cast::is_constant(value) { rows.min(1) } else { rows };
    for row in (0..told).filter(|row| refused(*row)) {
        let mut text = String::new();
        cast::write_at(value, row, 0, &mut text);
        notices.converted(row, Error::WrongValue { ty: "datetime", value: text })?;
    }
    Ok(Some(match value {
        Value::Date(v) => Value::Date(kept(v, rows, refused)),
        Value::DateTime(v) => Value::DateTime(kept(v, rows, refused)),
        other => other.clone(),
    }))
}

fn kept<T: arrow::datatypes::ArrowNativeType>(
    v: &Column<T>,
    rows: usize,
    refused: impl Fn(usize) -> bool,
) -> Column<T> {
    Column::from_options((0..rows).map(|row| v.get(row).filter(|_| !refused(row))))
}
