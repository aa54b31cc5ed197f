//! Physical forms of a column: any of those that flow between operators into the one that is wanted.

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute;
use arrow::datatypes::{DataType, UInt16Type};

use crate::error::Result;

/// The same values in the form `to`: dictionary codes spelled out, decimals narrowed or widened. An array that already has
/// the form is not copied.
pub(crate) fn to_form(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let from = array.data_type();
    if from == to {
        return Ok(array.clone());
    }
    match (from, to) {
        (DataType::Dictionary(_, value), _) if value.as_ref() == to => {
            let codes = array.as_dictionary::<UInt16Type>();
            Ok(compute::take(codes.values(), codes.keys(), None)?)
        }
        (DataType::Null, _) => Ok(new_null_array(to, array.len())),
        (_, DataType::Null) => Ok(new_null_array(to, array.len())),
        _ => Ok(compute::cast_with_options(
            array,
            to,
            &compute::CastOptions { safe: false, ..Default::default() },
        )?),
    }
}
