//! What flows between operators, and how rows of it are picked, joined together and made presentable.
//!
//! A string column may be dictionary codes and a decimal column may be in its narrow or wide form, batch by batch. Whoever
//! keeps or hands out rows of several batches brings them to one form first: [`concat`] does, and [`to_door`] makes exactly
//! the type that `SqlType::arrow` promises at the library's door.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, BooleanBufferBuilder, Decimal64Array,
    Decimal128Array, DictionaryArray, PrimitiveArray, StringViewArray, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ByteViewType, DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use crate::error::{Error, Result};
use crate::kernel::unchecked::{codes_over, views_over, views_together};

/// A few thousand rows as Arrow columns: dense, no selection vector. String columns are `Utf8View` or
/// `Dictionary(UInt16, Utf8View)`, decimals `Decimal64(18, s)` or `Decimal128(38, s)`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The columns, each `rows` long.
    pub columns: Vec<ArrayRef>,
    /// Number of rows; there may be no columns.
    pub rows: usize,
}

/// Which rows of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// None of them.
    None,
    /// Some, by position, ascending.
    Rows(Vec<u32>),
}

/// The position that means "no row" to [`take_or_null`].
pub const NO_ROW: u32 = u32::MAX;

impl Selection {
    /// How many rows of a batch of `rows`.
    pub fn count(&self, rows: usize) -> usize {
        match self {
            Selection::All => rows,
            Selection::None => 0,
            Selection::Rows(picked) => picked.len(),
        }
    }

    /// The rows whose bit is set.
    pub fn from_bits(bits: &BooleanBuffer) -> Selection {
        let count = bits.count_set_bits();
        if count == 0 {
            return Selection::None;
        }
        if count == bits.len() {
            return Selection::All;
        }
        let mut picked = Vec::with_capacity(count);
        picked.extend(bits.set_indices_u32());
        Selection::Rows(picked)
    }
}

/// Bytes of the values in these columns, wherever the buffers that hold them began; for memory accounts.
pub fn bytes_of(columns: &[ArrayRef]) -> u64 {
    columns.iter().map(array_bytes).sum()
}

impl Batch {
    /// A batch of columns that are all `rows` long.
    pub fn new(columns: Vec<ArrayRef>, rows: usize) -> Batch {
        debug_assert!(columns.iter().all(|c| c.len() == rows), "columns of a batch are equally long");
        Batch { columns, rows }
    }

    /// Bytes of the values in these rows, wherever the buffers that hold them began; for memory accounts.
    pub fn bytes(&self) -> u64 {
        bytes_of(&self.columns)
    }

    /// `count` rows from row `offset` on; no copy.
    pub fn slice(&self, offset: usize, count: usize) -> Batch {
        if offset == 0 && count == self.rows {
            return self.clone();
        }
        Batch { columns: self.columns.iter().map(|c| c.slice(offset, count)).collect(), rows: count }
    }

    /// The rows at these positions, in this order.
    pub fn take(&self, rows: &[u32]) -> Batch {
        Batch { columns: self.columns.iter().map(|c| take(c, rows)).collect(), rows: rows.len() }
    }

    /// The selected rows of all columns.
    pub fn select(self, selection: &Selection) -> Batch {
        match selection {
            Selection::All => self,
            Selection::None => self.slice(0, 0),
            Selection::Rows(rows) => self.take(rows),
        }
    }
}

/// The selected rows of some columns, by position.
pub fn take_batch(batch: &Batch, selection: &Selection, columns: &[usize]) -> Batch {
    let picked = columns.iter().map(|&c| Arc::clone(&batch.columns[c])).collect();
    Batch { columns: picked, rows: batch.rows }.select(selection)
}

/// Position of each wanted column in a batch whose columns are `input`.
pub fn positions(input: &[ColumnId], wanted: &[ColumnId]) -> Result<Vec<usize>> {
    wanted.iter().map(|id| position(input, *id)).collect()
}

/// Position of a column in a batch whose columns are `input`.
pub fn position(input: &[ColumnId], wanted: ColumnId) -> Result<usize> {
    let found = input.iter().position(|have| *have == wanted);
    found.ok_or_else(|| Error::Plan(format!("column {wanted} is not in the input")))
}

/// The values at these positions, in this order.
pub fn take(array: &ArrayRef, rows: &[u32]) -> ArrayRef {
    match array.data_type() {
        DataType::Int64 => primitive::<Int64Type>(array, rows),
        DataType::UInt64 => primitive::<UInt64Type>(array, rows),
        DataType::Float64 => primitive::<Float64Type>(array, rows),
        DataType::Date32 => primitive::<Date32Type>(array, rows),
        DataType::Decimal64(_, _) => primitive::<Decimal64Type>(array, rows),
        DataType::Decimal128(_, _) => primitive::<Decimal128Type>(array, rows),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            primitive::<TimestampMicrosecondType>(array, rows)
        }
        DataType::Duration(TimeUnit::Microsecond) => primitive::<DurationMicrosecondType>(array, rows),
        DataType::Utf8View => views(array.as_string_view(), rows),
        DataType::BinaryView => views(array.as_binary_view(), rows),
        DataType::Dictionary(_, _) if array.as_dictionary_opt::<UInt16Type>().is_some() => {
            let codes = array.as_dictionary::<UInt16Type>();
            let picked = gather(codes.keys().values(), rows);
            codes_over(codes, picked, gather_nulls(array.nulls(), rows))
        }
        _ => {
            let rows = arrow::array::UInt32Array::from(rows.to_vec());
            arrow::compute::take(array, &rows, None).expect("positions are within the array")
        }
    }
}

/// The values at these positions; [`NO_ROW`] gives NULL. For the side of an outer join that found no match.
pub fn take_or_null(array: &ArrayRef, rows: &[u32]) -> ArrayRef {
    if !rows.contains(&NO_ROW) {
        return take(array, rows);
    }
    if array.is_empty() {
        return new_null_array(array.data_type(), rows.len());
    }
    // Take any row in place of none, and mark it NULL afterwards.
    let present: Vec<u32> = rows.iter().map(|&r| if r == NO_ROW { 0 } else { r }).collect();
    let taken = take(array, &present);
    let found = NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), |i| rows[i] != NO_ROW));
    with_nulls(&taken, NullBuffer::union(taken.nulls(), Some(&found)))
}

/// The same values under another null buffer.
pub(crate) fn with_nulls(array: &ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    if array.data_type() == &DataType::Null {
        return Arc::clone(array);
    }
    let data = array.to_data().into_builder().nulls(nulls).build();
    arrow::array::make_array(data.expect("a null buffer of the array's length fits it"))
}

/// The values at these positions. A filter that keeps nearly all rows leaves long runs, so positions are looked at some
/// at a time: consecutive ones are copied as a block.
pub(crate) fn gather<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    const RUN: usize = 16;
    let mut out = Vec::with_capacity(rows.len());
    let (runs, rest) = rows.as_chunks::<RUN>();
    for run in runs {
        let first = run[0];
        let consecutive =
            || run.iter().zip(0u32..).fold(0, |all, (r, i)| all | (r.wrapping_sub(first) ^ i)) == 0;
        if run[RUN - 1].wrapping_sub(first) == RUN as u32 - 1 && consecutive() {
            out.extend_from_slice(&values[first as usize..first as usize + RUN]);
        } else {
            out.extend(run.iter().map(|&r| values[r as usize]));
        }
    }
    out.extend(rest.iter().map(|&r| values[r as usize]));
    out
}

pub(crate) fn gather_nulls(nulls: Option<&NullBuffer>, rows: &[u32]) -> Option<NullBuffer> {
    let nulls = nulls.filter(|n| n.null_count() > 0)?;
    let picked = BooleanBuffer::collect_bool(rows.len(), |i| nulls.is_valid(rows[i] as usize));
    Some(NullBuffer::new(picked)).filter(|n| n.null_count() > 0)
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef, rows: &[u32]) -> ArrayRef {
    let values = ScalarBuffer::from(gather(array.as_primitive::<T>().values(), rows));
    let nulls = gather_nulls(array.nulls(), rows);
    Arc::new(PrimitiveArray::<T>::new(values, nulls).with_data_type(array.data_type().clone()))
}

fn views<T: ByteViewType>(array: &arrow::array::GenericByteViewArray<T>, rows: &[u32]) -> ArrayRef {
    let picked = ScalarBuffer::from(gather(array.views(), rows));
    Arc::new(views_over(array, picked, gather_nulls(array.nulls(), rows)))
}

/// A string column as plain views, whichever form it came in. Other columns are returned as they are.
pub fn decode(array: &ArrayRef) -> ArrayRef {
    let Some(codes) = array.as_dictionary_opt::<UInt16Type>() else { return Arc::clone(array) };
    let values = codes.values().as_string_view();
    let picked: Vec<u128> = if values.is_empty() {
        vec![0; codes.len()]
    } else {
        let views = values.views();
        codes.keys().values().iter().map(|&c| views[c as usize]).collect()
    };
    Arc::new(views_over(values, ScalarBuffer::from(picked), array.nulls().cloned()))
}

/// A decimal column in its wide form. Other columns are returned as they are.
pub fn widen(array: &ArrayRef) -> ArrayRef {
    let DataType::Decimal64(_, scale) = *array.data_type() else { return Arc::clone(array) };
    let values: Vec<i128> =
        array.as_primitive::<Decimal64Type>().values().iter().map(|&v| i128::from(v)).collect();
    let wide = Decimal128Array::new(ScalarBuffer::from(values), array.nulls().cloned());
    Arc::new(wide.with_data_type(DataType::Decimal128(38, scale)))
}

/// The columns one after another, in one form: codes if all share a dictionary, the narrow decimal if all are narrow.
///
/// # Panics
/// If there are none, or their families differ.
pub fn concat(arrays: &[ArrayRef]) -> ArrayRef {
    let first = arrays.first().expect("there is something to put together");
    if arrays.len() == 1 {
        return Arc::clone(first);
    }
    if let Some(joined) = concat_codes(arrays) {
        return joined;
    }
    let wide = arrays.iter().any(|a| matches!(a.data_type(), DataType::Decimal128(_, _)));
    let plain: Vec<ArrayRef> = arrays.iter().map(|a| if wide { widen(a) } else { decode(a) }).collect();
    let views: Option<Vec<_>> = plain.iter().map(|a| a.as_string_view_opt()).collect();
    if let Some(views) = views {
        return Arc::new(views_together(&views, nulls_together(&plain)));
    }
    let views: Option<Vec<_>> = plain.iter().map(|a| a.as_binary_view_opt()).collect();
    if let Some(views) = views {
        return Arc::new(views_together(&views, nulls_together(&plain)));
    }
    let plain: Vec<&dyn Array> = plain.iter().map(|a| a.as_ref()).collect();
    arrow::compute::concat(&plain).expect("columns of one family are put together")
}

/// Which rows of the arrays are there, one after another.
fn nulls_together(arrays: &[ArrayRef]) -> Option<NullBuffer> {
    if arrays.iter().all(|a| a.null_count() == 0) {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(arrays.iter().map(|a| a.len()).sum());
    for array in arrays {
        match array.nulls() {
            Some(nulls) => valid.append_buffer(nulls.inner()),
            None => valid.append_n(array.len(), true),
        }
    }
    Some(NullBuffer::new(valid.finish()))
}

/// Dictionary columns that share their dictionary.
fn concat_codes(arrays: &[ArrayRef]) -> Option<ArrayRef> {
    let parts: Option<Vec<_>> = arrays.iter().map(|a| a.as_dictionary_opt::<UInt16Type>()).collect();
    let parts = parts?;
    let first = *parts.first()?;
    if !parts.iter().all(|p| same_dictionary(p, first)) {
        return None;
    }
    let mut codes = Vec::with_capacity(parts.iter().map(|p| p.len()).sum());
    for part in &parts {
        codes.extend_from_slice(part.keys().values());
    }
    Some(codes_over(first, codes, nulls_together(arrays)))
}

/// Whether two columns' codes mean the same strings because they share the dictionary.
pub fn same_dictionary(a: &DictionaryArray<UInt16Type>, b: &DictionaryArray<UInt16Type>) -> bool {
    let (a, b) = (a.values(), b.values());
    std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
        || (a.len() == b.len() && a.as_string_view().views().ptr_eq(b.as_string_view().views()))
}

/// All rows of the batches, in order.
///
/// # Panics
/// If there are none.
pub fn concat_batches(batches: &[Batch]) -> Batch {
    let width = batches.first().expect("there is something to put together").columns.len();
    let column = |c: usize| concat(&batches.iter().map(|b| Arc::clone(&b.columns[c])).collect::<Vec<_>>());
    Batch { columns: (0..width).map(column).collect(), rows: batches.iter().map(|b| b.rows).sum() }
}

/// Exactly the array type that holds `ty` at the library's door: strings as views, decimals in the form their precision
/// asks for.
pub fn to_door(array: &ArrayRef, ty: &ColumnType) -> Result<ArrayRef> {
    let want = ty.arrow();
    if array.data_type() == &want {
        return Ok(Arc::clone(array));
    }
    match (array.data_type(), &want) {
        (DataType::Dictionary(_, _), DataType::Utf8View) => Ok(decode(array)),
        (DataType::Decimal64(_, a), DataType::Decimal128(_, b)) if a == b => Ok(widen(array)),
        (DataType::Decimal128(_, a), DataType::Decimal64(_, b)) if a == b => narrow(array, ty),
        (DataType::Null, _) => Ok(new_null_array(&want, array.len())),
        (have, want) => Err(Error::Plan(format!("a column of type {have} where {want} is due"))),
    }
}

fn narrow(array: &ArrayRef, ty: &ColumnType) -> Result<ArrayRef> {
    let wide = array.as_primitive::<Decimal128Type>();
    let mut values = Vec::with_capacity(wide.len());
    for (row, &v) in wide.values().iter().enumerate() {
        match i64::try_from(v) {
            Ok(v) => values.push(v),
            Err(_) if wide.is_null(row) => values.push(0),
            Err(_) => {
                return Err(Error::OutOfRange { ty: "DECIMAL", expression: ty.sql.to_string().into() });
            }
        }
    }
    let out = Decimal64Array::new(ScalarBuffer::from(values), array.nulls().cloned());
    Ok(Arc::new(out.with_data_type(ty.arrow())))
}

/// A column of NULLs of the type that holds `sql`.
pub fn null_column(sql: &SqlType, rows: usize) -> ArrayRef {
    match sql.arrow() {
        DataType::Utf8View => Arc::new(StringViewArray::new_null(rows)),
        DataType::BinaryView => Arc::new(BinaryViewArray::new_null(rows)),
        other => new_null_array(&other, rows),
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

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Int64Array, UInt16Array};

    use super::*;

    fn strings(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(values.iter().copied().collect::<StringViewArray>())
    }

    fn codes(values: &ArrayRef, codes: &[Option<u16>]) -> ArrayRef {
        let keys = codes.iter().copied().collect::<UInt16Array>();
        Arc::new(DictionaryArray::<UInt16Type>::new(keys, Arc::clone(values)))
    }

    fn decimals(values: &[i64]) -> ArrayRef {
        let array = Decimal64Array::from_iter_values(values.iter().copied());
        Arc::new(array.with_precision_and_scale(18, 2).unwrap())
    }

    #[test]
    fn runs_and_single_rows_are_gathered_alike() {
        let values: Vec<i64> = (0..500).map(|v| v * 7).collect();
        let all = 0..500u32;
        let repeated = std::iter::repeat_n(3u32, 40);
        // From 16 up to 31 in another order: ends of a run, and no run.
        let swapped = (16..32u32).map(|r| {
            if r == 20 {
                25
            } else if r == 25 {
                20
            } else {
                r
            }
        });
        let thinned = (0..500u32).filter(|r| r % 37 != 0);
        for rows in [
            all.clone().collect::<Vec<_>>(),
            all.rev().collect(),
            thinned.collect(),
            repeated.collect(),
            swapped.collect(),
        ] {
            let expected: Vec<i64> = rows.iter().map(|&r| i64::from(r) * 7).collect();
            assert_eq!(gather(&values, &rows), expected);
        }
    }

    #[test]
    fn takes_agree_with_arrow_for_every_kind() {
        let words = strings(&[Some("a"), Some("a string beyond twelve bytes"), Some("")]);
        let kinds: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4)])),
            Arc::new(Date32Array::from(vec![1, 2, 3, 4])),
            decimals(&[1, -2, 3, -4]),
            widen(&decimals(&[1, -2, 3, -4])),
            strings(&[Some("a string beyond twelve bytes"), None, Some("b"), Some("")]),
            codes(&words, &[Some(2), None, Some(1), Some(0)]),
        ];
        for array in kinds {
            // Slices too: their buffers begin in the middle of others.
            for array in [Arc::clone(&array), array.slice(1, 3)] {
                let rows = [2u32, 0, 0, 1];
                let want =
                    arrow::compute::take(&array, &arrow::array::UInt32Array::from(rows.to_vec()), None);
                assert_eq!(&take(&array, &rows), &want.unwrap());
                let missing = take_or_null(&array, &[1, NO_ROW]);
                assert_eq!(&missing.slice(0, 1), &array.slice(1, 1));
                assert!(missing.is_null(1));
            }
        }
        assert_eq!(take_or_null(&strings(&[]), &[NO_ROW, NO_ROW]).null_count(), 2);
    }

    #[test]
    fn columns_of_different_forms_are_joined_in_one() {
        let words = strings(&[Some("x"), Some("y")]);
        let (a, b) = (codes(&words, &[Some(1), None]), codes(&words, &[Some(0)]));
        let shared = concat(&[Arc::clone(&a), b]);
        assert!(matches!(shared.data_type(), DataType::Dictionary(_, _)));
        assert_eq!(&decode(&shared), &strings(&[Some("y"), None, Some("x")]));
        let plain = concat(&[a, strings(&[Some("z")])]);
        assert_eq!(&plain, &strings(&[Some("y"), None, Some("z")]));
        let mixed = concat(&[decimals(&[1]), widen(&decimals(&[2]))]);
        assert_eq!(&mixed, &widen(&decimals(&[1, 2])));
        assert_eq!(concat(&[decimals(&[1]), decimals(&[2])]).data_type(), &DataType::Decimal64(18, 2));
    }

    #[test]
    fn the_door_has_one_form_per_type() {
        let decimal = |precision| ColumnType::nullable(SqlType::Decimal { precision, scale: 2 });
        let wide = to_door(&decimals(&[5, -5]), &decimal(30)).unwrap();
        assert_eq!(wide.data_type(), &DataType::Decimal128(38, 2));
        assert_eq!(&to_door(&wide, &decimal(10)).unwrap(), &decimals(&[5, -5]));
        let words = strings(&[Some("x")]);
        let text = ColumnType::nullable(SqlType::varchar(1));
        assert_eq!(&to_door(&codes(&words, &[Some(0), None]), &text).unwrap(), &strings(&[Some("x"), None]));
        let too_wide: ArrayRef =
            Arc::new(Decimal128Array::from(vec![i128::MAX / 4]).with_precision_and_scale(38, 2).unwrap());
        assert!(matches!(to_door(&too_wide, &decimal(10)), Err(Error::OutOfRange { .. })));
        assert!(matches!(to_door(&words, &decimal(10)), Err(Error::Plan(_))));
    }

    #[test]
    fn selections_know_the_easy_cases() {
        let bits = |b: &[bool]| Selection::from_bits(&BooleanBuffer::from(b));
        assert_eq!(bits(&[true, true]), Selection::All);
        assert_eq!(bits(&[false, false]), Selection::None);
        assert_eq!(bits(&[false, true]), Selection::Rows(vec![1]));
    }
}
