//! Values of one type as keys of a column of another.
//!
//! An equality holds for a key only if the value is in the column's type unchanged. A bound need not be: it is moved to the
//! nearest value of the type on the side of the rows that it admits, so `c > 1.5` on an integer column begins at 2, and
//! `c < 300` on a column that ends at 255 has all of it.

use std::sync::Arc;

use allod_storage::schema::{SqlType, nearest_double};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringViewArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, UInt64Type,
};

use crate::batch::{decode, null_column};
use crate::error::{Error, Result};

const DAY_US: i128 = 86_400_000_000;

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// The column equals it.
    Equal,
    /// The column is greater, or not less if the bound is inclusive.
    Low {
        /// Whether the value itself is within.
        inclusive: bool,
    },
    /// The column is less, or not greater if the bound is inclusive.
    High {
        /// Whether the value itself is within.
        inclusive: bool,
    },
}

/// A column of keys.
#[derive(Debug)]
pub(super) struct Converted {
    /// Of the stored type; NULL where the value was.
    pub values: ArrayRef,
    /// Whether a bound is within. (Bounds of numbers and times are moved until they are.)
    pub inclusive: bool,
    /// Rows for which some row of the column can be found; `None` = all. NULLs count as such.
    pub possible: Option<BooleanBuffer>,
}

/// Values as keys of a column of type `to`. Strings are no numbers and no times: whoever made the expression has cast them.
pub(super) fn convert(array: &ArrayRef, to: &SqlType, wanted: Use) -> Result<Converted> {
    let inclusive = match wanted {
        Use::Equal => true,
        Use::Low { inclusive } | Use::High { inclusive } => inclusive,
    };
    let unchanged = |values: ArrayRef| Ok(Converted { values, inclusive, possible: None });
    let form = to.arrow();
    if array.data_type() == &DataType::Null {
        return unchanged(null_column(to, array.len()));
    }
    match form {
        DataType::Utf8View | DataType::BinaryView => {
            let plain = decode(array);
            if plain.data_type() == &form {
                return unchanged(plain);
            }
            text(&plain, &form, inclusive)
        }
        _ if array.data_type() == &form && inclusive => unchanged(Arc::clone(array)),
        _ => number(array, to, wanted),
    }
}

/// Bytes as text or the other way round. Bytes that are no text are above or below every text in the way that bytes are.
fn text(array: &ArrayRef, form: &DataType, inclusive: bool) -> Result<Converted> {
    match (array.data_type(), form) {
        (DataType::Utf8View, DataType::BinaryView) => {
            Ok(Converted { values: arrow::compute::cast(array, form)?, inclusive, possible: None })
        }
        (DataType::BinaryView, DataType::Utf8View) => {
            let bytes = array.as_binary_view();
            let read = |row: usize| std::str::from_utf8(bytes.value(row)).ok();
            let possible =
                BooleanBuffer::collect_bool(bytes.len(), |row| bytes.is_null(row) || read(row).is_some());
            let values: StringViewArray = (0..bytes.len())
                .map(|row| if bytes.is_null(row) { None } else { Some(read(row).unwrap_or_default()) })
                .collect();
            Ok(Converted { values: Arc::new(values), inclusive, possible: Some(possible) })
        }
        (from, to) => Err(Error::Plan(format!("keys of type {to} from values of type {from}"))),
    }
}

/// A number without loss, in units of the target: the greatest unit that is not above it, and whether it is just that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Units {
    floor: i128,
    exact: bool,
}

impl Units {
    /// The unit to look for, if there is one between `min` and `max`.
    fn settle(self, wanted: Use, min: i128, max: i128) -> Option<i128> {
        match wanted {
            Use::Equal => (self.exact && (min..=max).contains(&self.floor)).then_some(self.floor),
            Use::Low { inclusive } => {
                let low = self.floor.saturating_add(i128::from(!(self.exact && inclusive)));
                (low <= max).then_some(low.max(min))
            }
            Use::High { inclusive } => {
                let high = self.floor.saturating_sub(i128::from(self.exact && !inclusive));
                (high >= min).then_some(high.min(max))
            }
        }
    }
}

/// `value * 10^-from` in units of `10^-to`.
fn rescaled(value: i128, from: i8, to: i8) -> Units {
    let power = 10i128.checked_pow(u32::from(from.abs_diff(to)));
    if to >= from {
        let product = power.and_then(|p| value.checked_mul(p));
        // Beyond what any column holds.
        let floor = product.unwrap_or(if value < 0 { i128::MIN } else { i128::MAX });
        return Units { floor, exact: product.is_some() || value == 0 };
    }
    match power {
        Some(power) => Units { floor: value.div_euclid(power), exact: value.rem_euclid(power) == 0 },
        None => Units { floor: if value < 0 { -1 } else { 0 }, exact: value == 0 },
    }
}

/// A double in units of `10^-scale`, compared as doubles are.
fn from_double(value: f64, scale: i8) -> Units {
    let power = 10f64.powi(i32::from(scale));
    let back = |units: i128| units as f64 / power;
    let mut floor = (value * power).floor() as i128;
    // The product was rounded: one step in either direction.
    if back(floor) > value {
        floor = floor.saturating_sub(1);
    } else if scale > 0 && back(floor.saturating_add(1)) <= value {
        floor = floor.saturating_add(1);
    }
    Units { floor, exact: back(floor) == value }
}

/// Values as whole numbers of units, by row.
enum Source<'a> {
    Int(&'a [i64]),
    UInt(&'a [u64]),
    Narrow(&'a [i64], i8),
    Wide(&'a [i128], i8),
    Double(&'a [f64]),
    Days(&'a [i32]),
    Micros(&'a [i64]),
    Time(&'a [i64]),
}

impl<'a> Source<'a> {
    fn of(array: &'a ArrayRef) -> Option<Source<'a>> {
        Some(match array.data_type() {
            DataType::Int64 => Source::Int(array.as_primitive::<Int64Type>().values()),
            DataType::UInt64 => Source::UInt(array.as_primitive::<UInt64Type>().values()),
            DataType::Decimal64(_, scale) => {
                Source::Narrow(array.as_primitive::<Decimal64Type>().values(), *scale)
            }
            DataType::Decimal128(_, scale) => {
                Source::Wide(array.as_primitive::<Decimal128Type>().values(), *scale)
            }
            DataType::Float64 => Source::Double(array.as_primitive::<Float64Type>().values()),
            DataType::Date32 => Source::Days(array.as_primitive::<Date32Type>().values()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Source::Micros(array.as_primitive::<TimestampMicrosecondType>().values())
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                Source::Time(array.as_primitive::<DurationMicrosecondType>().values())
            }
            _ => return None,
        })
    }

    fn is_number(&self) -> bool {
        !matches!(self, Source::Days(_) | Source::Micros(_) | Source::Time(_))
    }

    /// The value at a row in units of `10^-scale`; `None` if it is no number.
    fn units(&self, row: usize, scale: i8) -> Option<Units> {
        Some(match self {
            Source::Int(v) => rescaled(i128::from(v[row]), 0, scale),
            Source::UInt(v) => rescaled(i128::from(v[row]), 0, scale),
            Source::Narrow(v, from) => rescaled(i128::from(v[row]), *from, scale),
            Source::Wide(v, from) => rescaled(v[row], *from, scale),
            Source::Double(v) if v[row].is_nan() => return None,
            Source::Double(v) => from_double(v[row], scale),
            Source::Days(v) => Units { floor: i128::from(v[row]), exact: true },
            Source::Micros(v) | Source::Time(v) => Units { floor: i128::from(v[row]), exact: true },
        })
    }

    fn double(&self, row: usize) -> f64 {
        match self {
            Source::Int(v) => v[row] as f64,
            Source::UInt(v) => v[row] as f64,
            Source::Narrow(v, scale) => nearest_double(v[row].into(), scale.unsigned_abs()),
            Source::Wide(v, scale) => nearest_double(v[row], scale.unsigned_abs()),
            Source::Double(v) => v[row],
            Source::Days(v) => f64::from(v[row]),
            Source::Micros(v) | Source::Time(v) => v[row] as f64,
        }
    }
}

fn number(array: &ArrayRef, to: &SqlType, wanted: Use) -> Result<Converted> {
    let form = to.arrow();
    let misfit = || Error::Plan(format!("keys of type {form} from values of type {}", array.data_type()));
    let source = Source::of(array).ok_or_else(misfit)?;
    let nulls = array.nulls();
    let rows = array.len();
    let (int, long) = ((i128::from(i64::MIN), i128::from(i64::MAX)), (i128::MIN, i128::MAX));
    let scaled = |scale: i8| {
        let source = &source;
        move |row: usize| source.units(row, scale)
    };
    match (&form, &source) {
        (DataType::Int64, s) if s.is_number() => {
            let settle = |row| scaled(0)(row)?.settle(wanted, int.0, int.1);
            Ok(whole::<Int64Type>(rows, nulls, form, settle, |v| v as i64))
        }
        (DataType::UInt64, s) if s.is_number() => {
            let settle = |row| scaled(0)(row)?.settle(wanted, 0, i128::from(u64::MAX));
            Ok(whole::<UInt64Type>(rows, nulls, form, settle, |v| v as u64))
        }
        (&DataType::Decimal64(_, scale), s) if s.is_number() => {
            let settle = |row| scaled(scale)(row)?.settle(wanted, int.0, int.1);
            Ok(whole::<Decimal64Type>(rows, nulls, form, settle, |v| v as i64))
        }
        (&DataType::Decimal128(_, scale), s) if s.is_number() => {
            let settle = |row| scaled(scale)(row)?.settle(wanted, long.0, long.1);
            Ok(whole::<Decimal128Type>(rows, nulls, form, settle, |v| v))
        }
        (DataType::Float64, s) if s.is_number() => {
            let values = (0..rows).map(|row| {
                let value = s.double(row) + 0.0;
                match wanted {
                    Use::Low { inclusive: false } => value.next_up(),
                    Use::High { inclusive: false } => value.next_down(),
                    _ => value,
                }
            });
            let values = PrimitiveArray::<Float64Type>::new(values.collect(), nulls.cloned());
            Ok(Converted { values: Arc::new(values), inclusive: true, possible: None })
        }
        (DataType::Date32, Source::Days(_) | Source::Micros(_)) => {
            let days = |row: usize| match &source {
                Source::Micros(v) => {
                    let us = i128::from(v[row]);
                    Some(Units { floor: us.div_euclid(DAY_US), exact: us.rem_euclid(DAY_US) == 0 })
                }
                other => other.units(row, 0),
            };
            let (min, max) = (i128::from(i32::MIN), i128::from(i32::MAX));
            let settle = |row| days(row)?.settle(wanted, min, max);
            Ok(whole::<Date32Type>(rows, nulls, form, settle, |v| v as i32))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, None), Source::Days(_) | Source::Micros(_)) => {
            let micros = |row: usize| match &source {
                Source::Days(v) => Some(Units { floor: i128::from(v[row]) * DAY_US, exact: true }),
                other => other.units(row, 0),
            };
            let settle = |row| micros(row)?.settle(wanted, int.0, int.1);
            Ok(whole::<TimestampMicrosecondType>(rows, nulls, form, settle, |v| v as i64))
        }
        (DataType::Duration(TimeUnit::Microsecond), Source::Time(_)) => {
            let settle = |row| scaled(0)(row)?.settle(wanted, int.0, int.1);
            Ok(whole::<DurationMicrosecondType>(rows, nulls, form, settle, |v| v as i64))
        }
        _ => Err(misfit()),
    }
}

/// A column of what `settle` gives for each row.
fn whole<T: ArrowPrimitiveType>(
    rows: usize,
    nulls: Option<&NullBuffer>,
    form: DataType,
    settle: impl Fn(usize) -> Option<i128>,
    native: impl Fn(i128) -> T::Native,
) -> Converted {
    let mut values = Vec::with_capacity(rows);
    let mut impossible = Vec::new();
    for row in 0..rows {
        let value = settle(row);
        if value.is_none() && nulls.is_none_or(|n| n.is_valid(row)) {
            impossible.push(row);
        }
        values.push(native(value.unwrap_or(0)));
    }
    let possible = (!impossible.is_empty()).then(|| {
        let mut possible = vec![true; rows];
        impossible.iter().for_each(|&row| possible[row] = false);
        BooleanBuffer::from(possible)
    });
    let values = PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls.cloned()).with_data_type(form);
    Converted { values: Arc::new(values), inclusive: true, possible }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryViewArray, Date32Array, Float64Array, Int64Array, UInt64Array};

    use super::*;
    use crate::values::datum;

    fn shown(array: ArrayRef, to: SqlType, wanted: Use) -> Vec<String> {
        let converted = convert(&array, &to, wanted).unwrap();
        assert_eq!(converted.values.data_type(), &to.arrow());
        (0..array.len())
            .map(|row| match &converted.possible {
                Some(possible) if !possible.value(row) => "-".to_owned(),
                _ => datum(&converted.values, row).unwrap().to_string(),
            })
            .collect()
    }

    fn ints(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn doubles(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn decimals(values: &[i128], scale: i8) -> ArrayRef {
        let array = PrimitiveArray::<Decimal128Type>::from_iter_values(values.iter().copied());
        Arc::new(array.with_data_type(DataType::Decimal128(38, scale)))
    }

    const LOW: Use = Use::Low { inclusive: true };
    const ABOVE: Use = Use::Low { inclusive: false };
    const HIGH: Use = Use::High { inclusive: true };
    const BELOW: Use = Use::High { inclusive: false };

    #[test]
    fn equal_means_unchanged() {
        let unsigned = SqlType::BIGINT_UNSIGNED;
        assert_eq!(shown(ints(&[-1, 0, 7]), unsigned.clone(), Use::Equal), ["-", "0", "7"]);
        let big: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 5]));
        assert_eq!(shown(big, SqlType::BIGINT, Use::Equal), ["-", "5"]);
        let halves = doubles(&[1.5, 2.0, 1e30, f64::NAN, f64::INFINITY, -0.0]);
        assert_eq!(shown(halves, SqlType::BIGINT, Use::Equal), ["-", "2", "-", "-", "-", "0"]);
        let cents = SqlType::Decimal { precision: 10, scale: 2 };
        assert_eq!(shown(decimals(&[1250, 1255], 3), cents.clone(), Use::Equal), ["1.25", "-"]);
        // As doubles a tenth is a tenth.
        assert_eq!(shown(doubles(&[0.1, 0.105]), cents.clone(), Use::Equal), ["0.10", "-"]);
        assert_eq!(shown(decimals(&[i128::MAX / 4], 0), cents, Use::Equal), ["-"]);
        assert_eq!(shown(decimals(&[300, 350], 2), SqlType::BIGINT, Use::Equal), ["3", "-"]);
        assert_eq!(shown(ints(&[3]), SqlType::Double, Use::Equal), ["3"]);
    }

    #[test]
    fn bounds_are_moved_towards_the_rows_they_admit() {
        let halves = || doubles(&[1.5, 2.0, -1.5, 1e30, -1e30]);
        let max = i64::MAX.to_string();
        let min = i64::MIN.to_string();
        assert_eq!(shown(halves(), SqlType::BIGINT, LOW), ["2", "2", "-1", "-", &min]);
        assert_eq!(shown(halves(), SqlType::BIGINT, ABOVE), ["2", "3", "-1", "-", &min]);
        assert_eq!(shown(halves(), SqlType::BIGINT, HIGH), ["1", "2", "-2", &max, "-"]);
        assert_eq!(shown(halves(), SqlType::BIGINT, BELOW), ["1", "1", "-2", &max, "-"]);
        assert_eq!(
            shown(ints(&[i64::MAX, i64::MIN]), SqlType::BIGINT, ABOVE),
            ["-", &(i64::MIN + 1).to_string()]
        );
        assert_eq!(shown(ints(&[-5, 5]), SqlType::BIGINT_UNSIGNED, LOW), ["0", "5"]);
        assert_eq!(shown(ints(&[-5, 0]), SqlType::BIGINT_UNSIGNED, BELOW), ["-", "-"]);
    }

    #[test]
    fn days_and_moments() {
        let noon = DAY_US as i64 / 2;
        let moments =
            |us: Vec<i64>| -> ArrayRef { Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from(us)) };
        let days = |use_: Use| {
            let converted = convert(&moments(vec![0, noon, -noon]), &SqlType::Date, use_).unwrap();
            let values = converted.values.as_primitive::<Date32Type>().values().to_vec();
            (values, converted.possible.map(|p| p.iter().collect::<Vec<_>>()))
        };
        assert_eq!(days(Use::Equal), (vec![0, 0, 0], Some(vec![true, false, false])));
        assert_eq!(days(LOW), (vec![0, 1, 0], None));
        assert_eq!(days(BELOW), (vec![-1, 0, -1], None));
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![2]));
        let converted = convert(&dates, &SqlType::DateTime(0), Use::Equal).unwrap();
        assert_eq!(converted.values.as_primitive::<TimestampMicrosecondType>().value(0), 2 * DAY_US as i64);
        assert!(matches!(convert(&dates, &SqlType::BIGINT, Use::Equal), Err(Error::Plan(_))));
    }

    #[test]
    fn bytes_that_are_no_text_equal_no_text() {
        let bytes: ArrayRef = Arc::new(BinaryViewArray::from(vec![Some(&b"a"[..]), Some(&[0xff]), None]));
        let converted = convert(&bytes, &SqlType::varchar(5), Use::Equal).unwrap();
        assert_eq!(converted.possible.unwrap().iter().collect::<Vec<_>>(), [true, false, true]);
    }
}
