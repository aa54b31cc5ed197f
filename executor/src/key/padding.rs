//! Columns as they are compared by what knows nothing of texts: rows made comparable bytes.

use std::sync::Arc;

use allod_storage::schema::unpadded;
use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;

/// The column, or one of its texts without the blanks at their ends if any of them has some.
pub(crate) fn unpadded_column(column: &ArrayRef) -> ArrayRef {
    if column.data_type() != &DataType::Utf8View {
        return Arc::clone(column);
    }
    let texts = column.as_string_view();
    let ends_in_blank = |row: usize| texts.value(row).as_bytes().last() == Some(&b' ');
    if !(0..texts.len()).any(|row| texts.is_valid(row) && ends_in_blank(row)) {
        return Arc::clone(column);
    }
    let texts = texts.iter().map(|text| text.map(|text| &text[..unpadded(text.as_bytes()).len()]));
    Arc::new(texts.collect::<StringViewArray>())
}
