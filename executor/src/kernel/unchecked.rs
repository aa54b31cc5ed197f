//! The executor's only unsafe code: arrays put together from parts that were valid before, without checking them again.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, GenericByteViewArray, PrimitiveArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{ByteViewType, UInt16Type};

/// An array of views that were copied out of `source`.
#[expect(unsafe_code, reason = "checking every view again costs more than the gather that made them")]
pub(crate) fn views_over<T: ByteViewType>(
    source: &GenericByteViewArray<T>,
    views: ScalarBuffer<u128>,
    nulls: Option<NullBuffer>,
) -> GenericByteViewArray<T> {
    // Taking a copy apart shares the list of buffers, which may be long: no count of theirs is touched.
    let (_, buffers, _) = source.clone().into_parts();
    // SAFETY: each view is a copy of one of `source`, whose buffers go along, so it points to valid data of type `T`.
    unsafe { GenericByteViewArray::new_unchecked(views, buffers, nulls) }
}

/// An array of codes that were copied out of `source`.
#[expect(unsafe_code, reason = "checking every code again costs as much as the gather that made them")]
pub(crate) fn codes_over(
    source: &DictionaryArray<UInt16Type>,
    codes: Vec<u16>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let keys = PrimitiveArray::<UInt16Type>::new(ScalarBuffer::from(codes), nulls);
    // SAFETY: each code is a copy of one of `source`, so it is within its dictionary.
    Arc::new(unsafe { DictionaryArray::new_unchecked(keys, Arc::clone(source.values())) })
}
