//! The executor's only unsafe code: arrays put together from parts that were valid before, without checking them again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ByteView, DictionaryArray, GenericByteViewArray, MAX_INLINE_VIEW_LEN, PrimitiveArray,
};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
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

/// The arrays one after another. Buffers that several of them share are listed once: rows that were gathered from one column
/// many times over would else take its whole list along each time, and what is gathered of them that list of lists.
#[expect(unsafe_code, reason = "checking every view again costs more than putting them together")]
pub(crate) fn views_together<T: ByteViewType>(
    arrays: &[&GenericByteViewArray<T>],
    nulls: Option<NullBuffer>,
) -> GenericByteViewArray<T> {
    let mut views = Vec::with_capacity(arrays.iter().map(|array| array.len()).sum());
    let mut buffers: Vec<Buffer> = Vec::new();
    let mut known: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    let mut numbers: Vec<u32> = Vec::new();
    let mut list: &[Buffer] = &[];
    for array in arrays {
        if !std::ptr::eq(list, array.data_buffers()) {
            list = array.data_buffers();
            let number = |buffer: &Buffer| {
                *known.entry((buffer.as_ptr().addr(), buffer.len())).or_insert_with(|| {
                    buffers.push(buffer.clone());
                    buffers.len() as u32 - 1
                })
            };
            numbers = list.iter().map(number).collect();
        }
        if numbers.iter().zip(0..).all(|(&number, old)| number == old) {
            views.extend_from_slice(array.views());
            continue;
        }
        views.extend(array.views().iter().map(|&view| {
            let parts = ByteView::from(view);
            match numbers.get(parts.buffer_index as usize) {
                Some(&buffer_index) if parts.length > MAX_INLINE_VIEW_LEN => {
                    ByteView { buffer_index, ..parts }.as_u128()
                }
                _ => view,
            }
        }));
    }
    // SAFETY: each view is a copy of one of an array, and names the same buffer by its number in the new list.
    unsafe { GenericByteViewArray::new_unchecked(ScalarBuffer::from(views), buffers, nulls) }
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

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, StringViewArray};

    use super::*;
    use crate::batch::{concat, take};

    #[test]
    fn what_was_gathered_from_one_column_shares_its_buffers() {
        let texts = |from: i32, to: i32| -> ArrayRef {
            let text = |i: i32| match i % 5 {
                0 => None,
                1 => Some(format!("short {i}")),
                _ => Some(format!("a text that is too long for a view {i}")),
            };
            Arc::new((from..to).map(text).collect::<StringViewArray>())
        };
        let (a, b) = (texts(0, 50), texts(50, 90));
        let both = concat(&[Arc::clone(&a), Arc::clone(&b)]);
        assert_eq!(both.as_ref(), texts(0, 90).as_ref());
        let buffers = |array: &ArrayRef| array.as_string_view().data_buffers().len();
        assert_eq!(buffers(&both), buffers(&a) + buffers(&b));
        let rows: Vec<u32> = (0..90).rev().step_by(7).collect();
        let pieces =
            [take(&both, &rows), Arc::clone(&b), take(&both, &rows), a.slice(3, 9), take(&both, &[])];
        let joined = concat(&pieces);
        assert_eq!(buffers(&joined), buffers(&both));
        let plain: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        assert_eq!(joined.as_ref(), arrow::compute::concat(&plain).unwrap().as_ref());
    }
}
