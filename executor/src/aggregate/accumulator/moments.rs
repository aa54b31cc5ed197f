//! Variances, by Welford's and Chan's formulas: numerically stable, and mergeable.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Decimal64Type, Decimal128Type, Float64Type, Int64Type, UInt64Type};

use super::Rows;
use crate::error::{Error, Result};

/// Which measure of spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::aggregate) struct Spread {
    /// Divide by one less than the count.
    pub sample: bool,
    /// The root of it.
    pub deviation: bool,
}

/// Of the values of one group.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::aggregate) struct Moments {
    count: f64,
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
}

impl Moments {
    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let distance = value - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (value - self.mean);
    }

    pub fn merge(&mut self, other: &Moments) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        self.squares += other.squares + distance * distance * self.count * other.count / count;
        self.mean += distance * other.count / count;
        self.count = count;
    }

    fn value(&self, spread: Spread) -> Option<f64> {
        let divisor = self.count - f64::from(u8::from(spread.sample));
        if self.count == 0.0 || divisor <= 0.0 {
            return None;
        }
        let variance = self.squares / divisor;
        Some(if spread.deviation { variance.sqrt() } else { variance })
    }
}

pub(super) fn update(all: &mut [Moments], arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
    let nulls = arg.nulls();
    match arg.data_type() {
        DataType::Float64 => {
            let values = arg.as_primitive::<Float64Type>().values();
            rows.each(nulls, |row, group| all[group].add(values[row]));
        }
        DataType::Int64 => {
            let values = arg.as_primitive::<Int64Type>().values();
            rows.each(nulls, |row, group| all[group].add(values[row] as f64));
        }
        DataType::UInt64 => {
            let values = arg.as_primitive::<UInt64Type>().values();
            rows.each(nulls, |row, group| all[group].add(values[row] as f64));
        }
        DataType::Decimal64(_, scale) => {
            let (values, unit) =
                (arg.as_primitive::<Decimal64Type>().values(), 10f64.powi(i32::from(*scale)));
            rows.each(nulls, |row, group| all[group].add(values[row] as f64 / unit));
        }
        DataType::Decimal128(_, scale) => {
            let (values, unit) =
                (arg.as_primitive::<Decimal128Type>().values(), 10f64.powi(i32::from(*scale)));
            rows.each(nulls, |row, group| all[group].add(values[row] as f64 / unit));
        }
        DataType::Null => {}
        other => return Err(Error::Plan(format!("the variance of {other}"))),
    }
    Ok(())
}

pub(super) fn finish(all: &[Moments], spread: Spread) -> ArrayRef {
    Arc::new(all.iter().map(|m| m.value(spread)).collect::<Float64Array>())
}
