//! What comes out of a walk, as Arrow columns.

use std::sync::Arc;

use allod_planner::physical::Query;
use allod_storage::mvcc::RowRun;
use allod_storage::schema::ColumnType;
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
    new_null_array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Float64Type, Int64Type, SchemaRef,
    TimestampMicrosecondType, UInt64Type,
};

use super::aggregate::{Running, Total};
use super::compile::At;
use super::walk::{Place, Tuple};
use crate::batch::{concat, to_door};

/// These columns of the tuples, of which there is at least one.
pub(super) fn rows(
    columns: &[At],
    tuples: &[Tuple],
    runs: &[RowRun],
    query: &Query,
    schema: &SchemaRef,
) -> Option<RecordBatch> {
    let types = query.output_types().map(|(_, ty)| ty);
    let columns = columns.iter().zip(types).map(|(&at, ty)| column(at, tuples, runs, ty));
    batch(columns, tuples.len(), schema)
}

/// The row of totals.
pub(super) fn totals(
    totals: &[Total],
    running: &[Running],
    query: &Query,
    schema: &SchemaRef,
) -> Option<RecordBatch> {
    let types = query.output_types().map(|(_, ty)| ty);
    let columns =
        totals.iter().zip(running).zip(types).map(|((total, running), ty)| total.finish(*running, ty));
    batch(columns, 1, schema)
}

fn batch(
    columns: impl Iterator<Item = Option<ArrayRef>>,
    rows: usize,
    schema: &SchemaRef,
) -> Option<RecordBatch> {
    let columns = columns.collect::<Option<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).ok()
}

fn column(at: At, tuples: &[Tuple], runs: &[RowRun], ty: &ColumnType) -> Option<ArrayRef> {
    let place = |tuple: &Tuple| tuple[at.source];
    if tuples.iter().any(|tuple| place(tuple).is_nowhere()) {
        let null = new_null_array(&ty.arrow(), 1);
        let one = |tuple: &Tuple| match place(tuple) {
            place if place.is_nowhere() => Some(ArrayRef::clone(&null)),
            place => {
                to_door(&runs[place.run as usize].column(at.ordinal).slice(place.row as usize, 1), ty).ok()
            }
        };
        return Some(concat(&tuples.iter().map(one).collect::<Option<Vec<_>>>()?));
    }
    let in_run = |place: Place| runs[place.run as usize].column(at.ordinal);
    let first = place(tuples.first()?);
    let array = in_run(first);
    // Rows side by side, as those of a scan, or only one: nothing is copied.
    let is_next = |pair: &[Tuple]| {
        let (a, b) = (place(&pair[0]), place(&pair[1]));
        a.run == b.run && a.row + 1 == b.row
    };
    if tuples.windows(2).all(is_next) {
        return to_door(&array.slice(first.row as usize, tuples.len()), ty).ok();
    }
    let places = || tuples.iter().map(|tuple| (in_run(place(tuple)), place(tuple).row as usize));
    let gathered = match array.data_type() {
        DataType::Int64 => gather::<Int64Type>(places()),
        DataType::UInt64 => gather::<UInt64Type>(places()),
        DataType::Float64 => gather::<Float64Type>(places()),
        DataType::Date32 => gather::<Date32Type>(places()),
        DataType::Decimal64(..) => gather::<Decimal64Type>(places()),
        DataType::Decimal128(..) => gather::<Decimal128Type>(places()),
        DataType::Timestamp(..) => gather::<TimestampMicrosecondType>(places()),
        _ => None,
    };
    let gathered = gathered
        .unwrap_or_else(|| concat(&places().map(|(array, row)| array.slice(row, 1)).collect::<Vec<_>>()));
    to_door(&gathered, ty).ok()
}

/// The values at these places, if all columns are of this type and hold no NULL.
fn gather<'a, T: ArrowPrimitiveType>(
    places: impl ExactSizeIterator<Item = (&'a ArrayRef, usize)> + Clone,
) -> Option<ArrayRef> {
    let ty = places.clone().next()?.0.data_type();
    let mut values = Vec::with_capacity(places.len());
    for (array, row) in places {
        if array.null_count() > 0 || array.data_type() != ty {
            return None;
        }
        values.push(array.as_primitive_opt::<T>()?.value(row));
    }
    Some(Arc::new(PrimitiveArray::<T>::new(values.into(), None).with_data_type(ty.clone())))
}
