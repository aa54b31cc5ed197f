//! BIT_AND, BIT_OR, BIT_XOR. They are never NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};

use super::Rows;
use crate::error::{Error, Result};

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::aggregate) enum BitOp {
    /// &
    And,
    /// |
    Or,
    /// ^
    Xor,
}

impl BitOp {
    /// What it is over no rows.
    pub fn identity(self) -> u64 {
        match self {
            BitOp::And => u64::MAX,
            BitOp::Or | BitOp::Xor => 0,
        }
    }

    #[inline]
    pub fn apply(self, a: u64, b: u64) -> u64 {
        match self {
            BitOp::And => a & b,
            BitOp::Or => a | b,
            BitOp::Xor => a ^ b,
        }
    }
}

pub(super) fn update(op: BitOp, words: &mut [u64], arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
    match arg.data_type() {
        DataType::UInt64 => {
            let values = arg.as_primitive::<UInt64Type>().values();
            rows.each(arg.nulls(), |row, group| words[group] = op.apply(words[group], values[row]));
        }
        DataType::Int64 => {
            let values = arg.as_primitive::<Int64Type>().values();
            rows.each(arg.nulls(), |row, group| words[group] = op.apply(words[group], values[row] as u64));
        }
        DataType::Null => {}
        other => return Err(Error::Plan(format!("the bits of {other}"))),
    }
    Ok(())
}

pub(super) fn finish(words: &[u64]) -> ArrayRef {
    Arc::new(UInt64Array::from(words.to_vec()))
}
