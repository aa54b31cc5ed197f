//! What flows between operators.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

/// A few thousand rows as Arrow columns: dense, no selection vector. String columns are `Utf8View` or
/// `Dictionary(UInt16, Utf8View)`, decimals `Decimal64(18, s)` or `Decimal128(38, s)`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The columns, each `rows` long.
    pub columns: Vec<ArrayRef>,
    /// Number of rows; there may be no columns.
    pub rows: usize,
}

impl Batch {
    /// `count` rows from row `offset` on; no copy.
    pub fn slice(&self, offset: usize, count: usize) -> Batch {
        if offset == 0 && count == self.rows {
            return self.clone();
        }
        Batch { columns: self.columns.iter().map(|c| c.slice(offset, count)).collect(), rows: count }
    }

    /// Bytes of the values in these rows, wherever the buffers that hold them began; for memory accounts.
    pub fn bytes(&self) -> u64 {
        self.columns.iter().map(|c| array_bytes(c)).sum()
    }
}

fn array_bytes(array: &ArrayRef) -> u64 {
    let rows = array.len() as u64;
    match array.data_type() {
        DataType::Utf8View => rows * 16 + array.as_string_view().total_buffer_bytes_used() as u64,
        DataType::BinaryView => rows * 16 + array.as_binary_view().total_buffer_bytes_used() as u64,
        DataType::Dictionary(_, _) => rows * 2,
        other => rows * other.primitive_width().unwrap_or(1) as u64,
    }
}
