//! A column of which some rows are replaced.
//!
//! Most of what writers do to a table replaces rows that are there. The column that comes of that has the old one's values
//! save in some places: it is copied as a block of memory and the places are written over, which takes a hundredth of the
//! time that it takes to take it apart into runs and put it together again. Of strings only the views are copied; the new
//! ones lie in buffers of their own behind the old buffers. Codes of a dictionary stay codes if the dictionary has the new
//! values.
//!
//! The same serves a fold, for a whole chunk ([`Chunk::patched`]), and a scan, for the part of a block that it reads.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanBufferBuilder, DictionaryArray,
    PrimitiveArray, UInt16Array, UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use super::{Chunk, ChunkData, CommitTimes, column_bytes, dictionary};
use crate::schema::{SpaceSchema, Timestamp};

/// A column of strings with more buffers than this has them made one: most of what is in them is of rows long replaced.
const BUFFERS_MAX: usize = 24;

/// Rows that take the place of others.
pub(crate) struct Replacements<'a> {
    /// Whose place, ascending.
    pub(crate) rows: &'a [u32],
    /// When each was committed.
    pub(crate) times: &'a [Timestamp],
}

/// The column with `fresh`, which has one value for each of `rows`, in the place of these. `None` if it cannot be in the
/// form that `base` is in: `base` is a dictionary that lacks a value.
pub(crate) fn patch(base: &ArrayRef, rows: &[u32], fresh: &ArrayRef) -> Option<ArrayRef> {
    Some(match base.data_type() {
        DataType::Int64 => numbers::<Int64Type>(base, rows, fresh),
        DataType::UInt64 => numbers::<UInt64Type>(base, rows, fresh),
        DataType::Float64 => numbers::<Float64Type>(base, rows, fresh),
        DataType::Decimal64(..) => numbers::<Decimal64Type>(base, rows, fresh),
        DataType::Decimal128(..) => numbers::<Decimal128Type>(base, rows, fresh),
        DataType::Date32 => numbers::<Date32Type>(base, rows, fresh),
        DataType::Timestamp(..) => numbers::<TimestampMicrosecondType>(base, rows, fresh),
        DataType::Duration(_) => numbers::<DurationMicrosecondType>(base, rows, fresh),
        DataType::Utf8View | DataType::BinaryView => views(base, rows, fresh)?,
        DataType::Dictionary(..) => codes(base, rows, fresh)?,
        _ => return None,
    })
}

fn numbers<T: ArrowPrimitiveType>(base: &ArrayRef, rows: &[u32], fresh: &ArrayRef) -> ArrayRef {
    let (base, fresh) = (base.as_primitive::<T>(), fresh.as_primitive::<T>());
    let mut values = base.values().to_vec();
    for (&row, &value) in rows.iter().zip(fresh.values()) {
        values[row as usize] = value;
    }
    let nulls = nulls(base.nulls(), base.len(), rows, fresh.nulls());
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(base.data_type().clone()))
}

fn nulls(
    base: Option<&NullBuffer>,
    len: usize,
    rows: &[u32],
    fresh: Option<&NullBuffer>,
) -> Option<NullBuffer> {
    if base.is_none() && fresh.is_none_or(|fresh| fresh.null_count() == 0) {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(len);
    match base {
        Some(base) => valid.append_buffer(base.inner()),
        None => valid.append_n(len, true),
    }
    for (i, &row) in rows.iter().enumerate() {
        valid.set_bit(row as usize, fresh.is_none_or(|fresh| fresh.is_valid(i)));
    }
    Some(NullBuffer::new(valid.finish())).filter(|nulls| nulls.null_count() > 0)
}

/// Through the kernels, which take views to be what they are: to make an array of views anew is to look at every string, to
/// see that it is one.
fn views(base: &ArrayRef, rows: &[u32], fresh: &ArrayRef) -> Option<ArrayRef> {
    let both = concat(&[base.as_ref(), fresh.as_ref()]).ok()?;
    let mut order: Vec<u32> = (0..base.len() as u32).collect();
    for (place, &row) in (base.len() as u32..).zip(rows) {
        order[row as usize] = place;
    }
    let patched = take(&both, &UInt32Array::from(order), None).ok()?;
    Some(match patched.data_type() {
        DataType::Utf8View if patched.as_string_view().data_buffers().len() > BUFFERS_MAX => {
            Arc::new(patched.as_string_view().gc())
        }
        DataType::BinaryView if patched.as_binary_view().data_buffers().len() > BUFFERS_MAX => {
            Arc::new(patched.as_binary_view().gc())
        }
        _ => patched,
    })
}

fn codes(base: &ArrayRef, rows: &[u32], fresh: &ArrayRef) -> Option<ArrayRef> {
    let base = base.as_dictionary::<UInt16Type>();
    let values = base.values().as_string_view();
    // A dictionary's values ascend.
    let code = |row: usize| -> Option<Option<u16>> {
        let Some(text) = dictionary::str_at(fresh, row) else { return Some(None) };
        let (mut low, mut high) = (0, values.len());
        while low < high {
            let middle = low.midpoint(high);
            if values.value(middle) < text { low = middle + 1 } else { high = middle }
        }
        (low < values.len() && values.value(low) == text).then_some(Some(low as u16))
    };
    let fresh: Option<UInt16Array> = (0..fresh.len()).map(code).collect();
    let (keys, fresh): (ArrayRef, ArrayRef) = (Arc::new(base.keys().clone()), Arc::new(fresh?));
    let keys = numbers::<UInt16Type>(&keys, rows, &fresh);
    let patched =
        DictionaryArray::try_new(keys.as_primitive::<UInt16Type>().clone(), Arc::clone(base.values()));
    Some(Arc::new(patched.ok()?))
}

/// Whether the rows have these values already, as far as that is quick to see.
pub(crate) fn is_same(base: &ArrayRef, rows: &[u32], fresh: &ArrayRef) -> bool {
    fn same<T: ArrowPrimitiveType>(base: &ArrayRef, rows: &[u32], fresh: &ArrayRef) -> bool {
        let (base, fresh) = (base.as_primitive::<T>(), fresh.as_primitive::<T>());
        base.null_count() == 0
            && fresh.null_count() == 0
            && rows.iter().zip(fresh.values()).all(|(&row, &value)| base.values()[row as usize].is_eq(value))
    }
    match base.data_type() {
        DataType::Int64 => same::<Int64Type>(base, rows, fresh),
        DataType::UInt64 => same::<UInt64Type>(base, rows, fresh),
        DataType::Float64 => same::<Float64Type>(base, rows, fresh),
        DataType::Decimal64(..) => same::<Decimal64Type>(base, rows, fresh),
        DataType::Decimal128(..) => same::<Decimal128Type>(base, rows, fresh),
        DataType::Date32 => same::<Date32Type>(base, rows, fresh),
        DataType::Timestamp(..) => same::<TimestampMicrosecondType>(base, rows, fresh),
        DataType::Duration(_) => same::<DurationMicrosecondType>(base, rows, fresh),
        DataType::Utf8View | DataType::Dictionary(..) => rows
            .iter()
            .enumerate()
            .all(|(i, &row)| dictionary::str_at(base, row as usize) == dictionary::str_at(fresh, i)),
        _ => false,
    }
}

impl Chunk {
    /// The chunk with rows replaced by others that have the same keys; `fresh` makes a column of them. Columns in which
    /// nothing changes are shared, and so is all that has to do with keys. `None` if it takes more than that: a string that
    /// a dictionary lacks, a NULL where there may be none, a key column behind those that make keys unique, or if this is a window on a part of a chunk.
    pub(crate) fn patched(
        &self,
        schema: &SpaceSchema,
        with: &Replacements<'_>,
        fresh: impl Fn(usize) -> ArrayRef,
    ) -> Option<Chunk> {
        let data = &*self.data;
        if (self.start, self.end) != (0, data.rows) {
            return None;
        }
        let mut columns = data.columns.clone();
        let mut zones = data.zones.clone();
        for (ordinal, column) in columns.iter_mut().enumerate() {
            let fresh = fresh(ordinal);
            if !schema.columns[ordinal].ty.nullable && fresh.null_count() > 0 {
                return None;
            }
            if !is_same(column, with.rows, &fresh) {
                // The columns of a key may go beyond what makes it unique.
                if schema.key.contains(&ordinal) {
                    return None;
                }
                *column = patch(column, with.rows, &fresh)?;
                zones.set(ordinal, column, data.rows);
            }
        }
        let mut times = match &data.commit {
            CommitTimes::Uniform(ts) => vec![ts.0; data.rows],
            CommitTimes::PerRow { times, .. } => times.to_vec(),
        };
        for (&row, ts) in with.rows.iter().zip(with.times) {
            times[row as usize] = ts.0;
        }
        let newest = with.times.iter().copied().fold(self.newest_ts(), Timestamp::max);
        let data = ChunkData {
            bytes: columns.iter().map(column_bytes).sum(),
            columns,
            zones,
            commit: CommitTimes::PerRow { times: times.into(), oldest: self.oldest_ts(), newest },
            keys: data.keys.clone(),
            marks: data.marks.clone(),
            first_keys: data.first_keys.clone(),
            rows: data.rows,
        };
        Some(Chunk { data: Arc::new(data), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::{BinaryViewArray, Float64Array, Int64Array, StringViewArray};
    use proptest::prelude::*;

    use super::*;

    const TEXTS: [&str; 5] =
        ["", "red", "a colour with quite a long name", "another one that is long", "b\0"];

    /// Columns of each form, of values that follow from these numbers; `None` = NULL.
    fn columns(values: &[Option<u8>]) -> Vec<ArrayRef> {
        let text = |v: u8| TEXTS[usize::from(v) % TEXTS.len()];
        let texts = || values.iter().map(|v| v.map(text));
        let plain = StringViewArray::from_iter(texts());
        vec![
            Arc::new(Int64Array::from_iter(values.iter().map(|v| v.map(i64::from)))),
            Arc::new(Float64Array::from_iter(values.iter().map(|v| v.map(|v| f64::from(v) - 2.0)))),
            Arc::new(BinaryViewArray::from_iter(texts().map(|t| t.map(str::as_bytes)))),
            Arc::new(plain),
        ]
    }

    fn values() -> impl Strategy<Value = Option<u8>> {
        prop_oneof![4 => (0..9u8).prop_map(Some), 1 => Just(None)]
    }

    proptest! {
        #[test]
        fn what_is_patched_is_what_is_taken_from_both(
            base in prop::collection::vec(values(), 1..80),
            replaced in prop::collection::btree_map(0..80u32, values(), 0..20),
            cut in 0..10usize,
            rounds in 1..40usize,
        ) {
            let cut = cut.min(base.len() - 1);
            let replaced: BTreeMap<u32, Option<u8>> =
                replaced.into_iter().filter(|(row, _)| (*row as usize) < base.len() - cut).collect();
            let rows: Vec<u32> = replaced.keys().copied().collect();
            let fresh = columns(&replaced.values().copied().collect::<Vec<_>>());
            let len = base.len() - cut;
            for (base, fresh) in columns(&base).iter().zip(&fresh) {
                // Part of a longer column, as a scan has it.
                let base = base.slice(cut, len);
                let both = concat(&[&base, fresh]).unwrap();
                let order = (0..len as u32).map(|row| match rows.binary_search(&row) {
                    Ok(at) => (len + at) as u32,
                    Err(_) => row,
                });
                let expected = take(&both, &order.collect::<arrow::array::UInt32Array>(), None).unwrap();
                let mut patched = base.clone();
                // Again and again: buffers of strings do not pile up.
                for _ in 0..rounds {
                    patched = patch(&patched, &rows, fresh).unwrap();
                    prop_assert_eq!(&patched, &expected);
                }
                prop_assert!(patched.as_string_view_opt().is_none_or(|p| p.data_buffers().len() <= BUFFERS_MAX));
                let has_nulls = base.null_count() + fresh.null_count() > 0;
                let is_compared = *base.data_type() != DataType::BinaryView;
                prop_assert!(has_nulls || is_same(&patched, &rows, fresh) == is_compared);
            }
        }
    }

    #[test]
    fn codes_stay_codes_if_the_dictionary_has_the_values() {
        let plain: Vec<ArrayRef> = vec![Arc::new(StringViewArray::from_iter(
            (0..40).map(|i| (i % 7 > 0).then_some(["red", "green", "blue"][i % 3])),
        ))];
        let coded: ArrayRef = Arc::new(dictionary::encode(&plain, None).unwrap());
        let fresh = |texts: [Option<&str>; 3]| -> ArrayRef { Arc::new(StringViewArray::from_iter(texts)) };
        let patched = patch(&coded, &[0, 5, 39], &fresh([Some("blue"), None, Some("red")])).unwrap();
        assert!(matches!(patched.data_type(), DataType::Dictionary(..)));
        for row in 0..40 {
            let expected = match row {
                0 => Some("blue"),
                5 => None,
                39 => Some("red"),
                _ => dictionary::str_at(&plain[0], row),
            };
            assert_eq!(dictionary::str_at(&patched, row), expected, "row {row}");
        }
        for unknown in ["a", "c", "z"] {
            assert!(patch(&coded, &[0, 5, 39], &fresh([Some("blue"), None, Some(unknown)])).is_none());
        }
    }
}
