//! Counts, sums, averages. Exact sums are 128 bits wide; more is an overflow of DECIMAL.
//!
//! With few groups, consecutive rows often go to the same group, and each addition would wait for the one before it to
//! reach memory. So rows take turns in four lanes of sums, in 64 bits where the values leave room, and the lanes are added
//! up at the end of the batch.

use std::sync::Arc;

use allod_planner::expr::is_cut_off;
use allod_storage::schema::SqlType;
use arrow::array::{Array, ArrayRef, AsArray, Decimal64Array, Decimal128Array, Float64Array, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Decimal64Type, Decimal128Type, Float64Type, Int64Type, UInt64Type};

use super::Rows;
use crate::error::{Error, Result};

/// Lanes pay up to this many groups: all of them stay in the first-level cache.
const LANE_GROUPS_MAX: usize = 512;
const LANES: usize = 4;
/// Values of less than this many bits do not overflow 64 bits when the rows of a batch are added.
const LANE_VALUE_BITS: u32 = 44;
const LANE_ROWS_MAX: usize = 1 << (63 - LANE_VALUE_BITS);

/// The error of a sum that does not fit.
#[cold]
pub(super) fn overflow() -> Error {
    Error::OutOfRange { ty: "DECIMAL", expression: "sum".into() }
}

pub(super) fn count(counts: &mut [i64], nulls: Option<&NullBuffer>, rows: Rows<'_>, lanes: &mut Vec<i64>) {
    let nulls = nulls.filter(|n| n.null_count() > 0);
    match (rows.groups, nulls) {
        (None, nulls) => counts[0] += (rows.count - nulls.map_or(0, NullBuffer::null_count)) as i64,
        (Some(groups), None) if counts.len() <= LANE_GROUPS_MAX => {
            in_lanes(groups, counts.len(), lanes, |_| 1, |group, sum| counts[group] += sum);
        }
        (Some(groups), None) => groups.iter().for_each(|&g| counts[g as usize] += 1),
        (Some(_), nulls) => rows.each(nulls, |_, group| counts[group] += 1),
    }
}

/// Adds `value(row)` to its group in four lanes and hands the sums to `add`.
#[inline]
fn in_lanes(
    groups: &[u32],
    count: usize,
    lanes: &mut Vec<i64>,
    value: impl Fn(usize) -> i64,
    mut add: impl FnMut(usize, i64),
) {
    lanes.clear();
    lanes.resize(count * LANES, 0);
    let (fours, rest) = groups.as_chunks::<LANES>();
    for (i, four) in fours.iter().enumerate() {
        for (lane, &group) in four.iter().enumerate() {
            lanes[group as usize * LANES + lane] += value(i * LANES + lane);
        }
    }
    for (lane, &group) in rest.iter().enumerate() {
        lanes[group as usize * LANES + lane] += value(fours.len() * LANES + lane);
    }
    for (group, sums) in lanes.as_chunks::<LANES>().0.iter().enumerate() {
        add(group, sums.iter().sum());
    }
}

pub(super) fn exact(sums: &mut [i128], arg: &ArrayRef, rows: Rows<'_>, lanes: &mut Vec<i64>) -> Result<()> {
    let nulls = arg.nulls();
    match arg.data_type() {
        DataType::Int64 => narrow(sums, arg.as_primitive::<Int64Type>().values(), nulls, rows, lanes),
        DataType::Decimal64(_, _) => {
            narrow(sums, arg.as_primitive::<Decimal64Type>().values(), nulls, rows, lanes);
        }
        DataType::UInt64 => {
            let values = arg.as_primitive::<UInt64Type>().values();
            rows.each(nulls, |row, group| sums[group] += i128::from(values[row]));
        }
        DataType::Decimal128(_, _) => {
            return wide(sums, arg.as_primitive::<Decimal128Type>().values(), nulls, rows);
        }
        DataType::Null => {}
        other => return Err(Error::Plan(format!("the exact sum of {other}"))),
    }
    Ok(())
}

fn narrow(
    sums: &mut [i128],
    values: &[i64],
    nulls: Option<&NullBuffer>,
    rows: Rows<'_>,
    lanes: &mut Vec<i64>,
) {
    let nulls = nulls.filter(|n| n.null_count() > 0);
    if let Some(nulls) = nulls {
        rows.each(Some(nulls), |row, group| sums[group] += i128::from(values[row]));
        return;
    }
    let small = values.len() <= LANE_ROWS_MAX
        && values.iter().fold(0, |all, v| all | (v ^ (v >> 63))) < 1 << LANE_VALUE_BITS;
    match rows.groups {
        None if small => sums[0] += i128::from(values.iter().sum::<i64>()),
        None => sums[0] += values.iter().map(|&v| i128::from(v)).sum::<i128>(),
        Some(groups) if small && sums.len() <= LANE_GROUPS_MAX => {
            let count = sums.len();
            in_lanes(groups, count, lanes, |row| values[row], |group, sum| sums[group] += i128::from(sum));
        }
        Some(groups) => {
            for (&v, &group) in values.iter().zip(groups) {
                sums[group as usize] += i128::from(v);
            }
        }
    }
}

fn wide(sums: &mut [i128], values: &[i128], nulls: Option<&NullBuffer>, rows: Rows<'_>) -> Result<()> {
    let mut exact = true;
    rows.each(nulls, |row, group| {
        let (sum, overflow) = sums[group].overflowing_add(values[row]);
        sums[group] = sum;
        exact &= !overflow;
    });
    if exact { Ok(()) } else { Err(overflow()) }
}

pub(super) fn float(sums: &mut [f64], arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
    if arg.data_type() == &DataType::Null {
        return Ok(());
    }
    let Some(values) = arg.as_primitive_opt::<Float64Type>() else {
        return Err(Error::Plan(format!("the sum of {} as a double", arg.data_type())));
    };
    let (nulls, values) = (values.nulls(), values.values());
    rows.each(nulls, |row, group| sums[group] += values[row]);
    Ok(())
}

pub(super) fn finish_count(counts: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(counts.to_vec()))
}

pub(super) fn finish_exact(sums: &[i128], nulls: Option<NullBuffer>, ty: &SqlType) -> Result<ArrayRef> {
    decimal(sums.to_vec(), nulls, ty)
}

/// A column of decimals (or integers, if that is what the type says).
fn decimal(values: Vec<i128>, nulls: Option<NullBuffer>, ty: &SqlType) -> Result<ArrayRef> {
    let narrow = |values: &[i128]| -> Result<Vec<i64>> {
        values.iter().map(|&v| i64::try_from(v).map_err(|_| overflow())).collect()
    };
    match ty.arrow() {
        DataType::Decimal128(_, scale) => {
            let limit = 10i128.pow(38);
            if values.iter().any(|v| v.unsigned_abs() >= limit as u128) {
                return Err(overflow());
            }
            let array = Decimal128Array::new(values.into(), nulls);
            Ok(Arc::new(array.with_data_type(DataType::Decimal128(38, scale))))
        }
        form @ DataType::Decimal64(_, _) => {
            Ok(Arc::new(Decimal64Array::new(narrow(&values)?.into(), nulls).with_data_type(form)))
        }
        DataType::Int64 => Ok(Arc::new(Int64Array::new(narrow(&values)?.into(), nulls))),
        other => Err(Error::Plan(format!("an exact sum of type {other}"))),
    }
}

pub(super) fn finish_float(sums: &[f64], nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    all_finite(sums)?;
    Ok(Arc::new(Float64Array::new(sums.to_vec().into(), nulls)))
}

/// What once was too great stays so, whatever else was added.
fn all_finite(sums: &[f64]) -> Result<()> {
    match sums.iter().all(|sum| sum.is_finite()) {
        true => Ok(()),
        false => Err(Error::OutOfRange { ty: "DOUBLE", expression: "sum".into() }),
    }
}

/// sum / count to the scale of `ty`, cut off behind whole words and else with halves away from zero; NULL over no rows.
pub(super) fn average_exact(sums: &[i128], counts: &[i64], scale: u8, ty: &SqlType) -> Result<ArrayRef> {
    let SqlType::Decimal { scale: to, .. } = ty else {
        return Err(Error::Plan(format!("an exact average of type {ty}")));
    };
    let power = |digits: u8| 10i128.checked_pow(u32::from(digits)).ok_or_else(overflow);
    // Of a sum with more digits than the average the count is as much greater.
    let (power, unit) = (power(to.saturating_sub(scale))?, power(scale.saturating_sub(*to))?);
    let mut averages = Vec::with_capacity(sums.len());
    for (&sum, &count) in sums.iter().zip(counts) {
        if count == 0 {
            averages.push(0);
            continue;
        }
        let count = i128::from(count).checked_mul(unit).ok_or_else(overflow)?;
        // Whole part first: the sum times the power might not fit where the average does.
        let whole = (sum / count).checked_mul(power).ok_or_else(overflow)?;
        let rest = (sum % count).checked_mul(power).ok_or_else(overflow)?;
        let half = if !is_cut_off(*to) && (rest % count).abs() >= count - (rest % count).abs() {
            rest.signum()
        } else {
            0
        };
        averages.push(whole + rest / count + half);
    }
    let nulls = Some(counts.iter().map(|&n| n > 0).collect::<NullBuffer>()).filter(|n| n.null_count() > 0);
    decimal(averages, nulls, ty)
}

pub(super) fn average_float(sums: &[f64], counts: &[i64]) -> Result<ArrayRef> {
    all_finite(sums)?;
    let averages = sums.iter().zip(counts).map(|(sum, &n)| (n > 0).then(|| sum / n as f64));
    Ok(Arc::new(averages.collect::<Float64Array>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_round_halves_away_from_zero() {
        let ty = SqlType::Decimal { precision: 20, scale: 4 };
        let averages = average_exact(&[1, -1, 5, 0, 200_003], &[32, 32, 3, 0, 2], 0, &ty).unwrap();
        let averages = averages.as_primitive::<Decimal128Type>();
        // 0.03125, -0.03125, 1.66667, NULL, 100001.5
        assert_eq!(averages.values()[..3], [313, -313, 16_667]);
        assert!(averages.is_null(3));
        assert_eq!(averages.value(4), 1_000_015_000);
    }

    #[test]
    fn averages_of_whole_words_are_cut_off() {
        let average = |sums: &[i128], scale, to| {
            let averages =
                average_exact(sums, &[3, 3], scale, &SqlType::Decimal { precision: 30, scale: to }).unwrap();
            averages.as_primitive::<Decimal128Type>().values().to_vec()
        };
        assert_eq!(average(&[2, -2], 0, 9), [666_666_666, -666_666_666]);
        assert_eq!(average(&[2, -2], 0, 8), [66_666_667, -66_666_667]);
        // Of sums with more digits than the average has.
        assert_eq!(average(&[5_000_000_000, -4_500_000_000], 9, 4), [16_667, -15_000]);
    }

    #[test]
    fn lanes_add_up_as_one_row_after_the_other() {
        let groups: Vec<u32> = (0..1003).map(|i| i * i % 7).collect();
        for big in [1i64, 1 << 53] {
            let values: Vec<i64> = (0..1003).map(|i| (i - 500) * big / 1000).collect();
            let array: ArrayRef = Arc::new(Int64Array::from(values.clone()));
            let mut sums = vec![0i128; 7];
            let rows = Rows { count: 1003, groups: Some(&groups) };
            exact(&mut sums, &array, rows, &mut Vec::new()).unwrap();
            let mut expected = vec![0i128; 7];
            for (g, v) in groups.iter().zip(values) {
                expected[*g as usize] += i128::from(v);
            }
            assert_eq!(sums, expected);
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let wide: ArrayRef = Arc::new(Decimal128Array::from(vec![i128::MAX, 1]));
        let rows = Rows { count: 2, groups: None };
        assert!(exact(&mut [0], &wide, rows, &mut Vec::new()).is_err());
        let ty = SqlType::Decimal { precision: 38, scale: 0 };
        assert!(finish_exact(&[10i128.pow(38)], None, &ty).is_err());
    }
}
