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
    use arrow::array::{AsArray, StringViewArray, StringViewBuilder};
    use proptest::prelude::*;

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

    /// Columns of texts of all lengths, with NULLs, that share buffers or do not, whole and in slices.
    fn pieces() -> impl Strategy<Value = Vec<ArrayRef>> {
        let text = prop_oneof![Just(0usize), 1..12usize, Just(12usize), Just(13usize), 14..60usize];
        let texts = prop::collection::vec(prop::option::weighted(0.8, (text, 0..26u8)), 0..20);
        let columns = prop::collection::vec((texts, 1..3u32), 1..4);
        let steps = prop::collection::vec((any::<usize>(), any::<[usize; 2]>(), 0..4u8), 1..9);
        (columns, steps).prop_map(|(columns, steps)| {
            let column = |(texts, blocks): (Vec<Option<(usize, u8)>>, u32)| -> ArrayRef {
                let mut builder = StringViewBuilder::new().with_fixed_block_size(blocks * 64);
                for text in texts {
                    builder.append_option(text.map(|(length, first)| {
                        (0..length)
                            .map(|at| char::from(b'a' + (usize::from(first) + at) as u8 % 26))
                            .collect::<String>()
                    }));
                }
                Arc::new(builder.finish())
            };
            let mut pool: Vec<ArrayRef> = columns.into_iter().map(column).collect();
            let mut pieces: Vec<ArrayRef> = Vec::new();
            for (which, [from, to], how) in steps {
                let array = Arc::clone(&pool[which % pool.len()]);
                let (from, to) = (from % (array.len() + 1), to % (array.len() + 1));
                let (from, to) = (from.min(to), from.max(to));
                let made = match how {
                    0 => array,
                    1 => array.slice(from, to - from),
                    2 => take(&array, &(from as u32..to as u32).rev().collect::<Vec<_>>()),
                    // What was put together is put together again.
                    _ => concat(&[array.slice(from, to - from), Arc::clone(&pool[0])]),
                };
                pool.push(Arc::clone(&made));
                pieces.push(made);
            }
            pieces
        })
    }

    proptest! {
        #[test]
        fn what_is_put_together_is_what_arrow_makes_of_it(pieces in pieces()) {
            let plain: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
            let wanted = arrow::compute::concat(&plain).unwrap();
            let joined = concat(&pieces);
            prop_assert_eq!(joined.as_ref(), wanted.as_ref());
            // Every view that is not checked is one that would be taken.
            let (views, buffers, nulls) = joined.as_string_view().clone().into_parts();
            let mut known: Vec<_> = buffers.iter().map(|buffer| (buffer.as_ptr(), buffer.len())).collect();
            known.sort_unstable();
            known.dedup();
            prop_assert!(pieces.len() == 1 || known.len() == buffers.len());
            prop_assert!(StringViewArray::try_new(views, buffers, nulls).is_ok());
            let bytes: Vec<ArrayRef> =
                pieces.iter().map(|piece| Arc::new(piece.as_string_view().clone().to_binary_view()) as ArrayRef).collect();
            let plain: Vec<&dyn Array> = bytes.iter().map(AsRef::as_ref).collect();
            let (joined, wanted) = (concat(&bytes), arrow::compute::concat(&plain).unwrap());
            prop_assert_eq!(joined.as_ref(), wanted.as_ref());
        }
    }
}
