//! Variances, by the formulas of Youngs and Cramer and of Chan, as in TiDB: numerically stable, and mergeable.

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
    sum: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
}

impl Moments {
    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        if self.count > 1.0 {
            let distance = self.count * value - self.sum;
            self.squares += distance * distance / (self.count * (self.count - 1.0));
        }
    }

    pub fn merge(&mut self, other: &Moments) {
        if other.count == 0.0 || self.count == 0.0 {
            *self = if other.count == 0.0 { *self } else { *other };
            return;
        }
        let distance = other.count / self.count * self.sum - other.sum;
        let weight = self.count / other.count / (self.count + other.count);
        self.squares += other.squares + weight * distance * distance;
        self.sum += other.sum;
        self.count += other.count;
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
