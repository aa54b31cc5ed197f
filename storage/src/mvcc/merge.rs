//! Laying delta over a piece of base.
//!
//! A [`Plan`] says, without touching any column but the key's, which rows come out and in which order: runs of base rows
//! and runs of delta rows. Columns are then put together one by one, only those that are wanted.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewBuilder, MutableArrayData, PrimitiveBuilder,
    StringViewBuilder, UInt32Array, make_array, new_empty_array, new_null_array,
};
use arrow::compute::take;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt64Type,
};

use super::{Delta, RowRef, Versions};
use crate::chunk::patch::{is_same, patch};
use crate::chunk::{Chunk, dictionary, view_block_bytes};
use crate::key::{Key, KeyRange};
use crate::schema::Timestamp;

/// A run of rows of a chunk, or none where base has no rows between the keys in question.
pub(crate) type BaseRows = Option<(Chunk, Range<usize>)>;

/// Which row comes out at a key that delta knows.
pub(crate) enum Pick {
    /// None.
    Nothing,
    /// The one in base.
    Base,
    /// This one, committed then.
    Delta(RowRef, Timestamp),
}

/// The rows that come out of a piece.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    runs: Vec<Run>,
    delta: Vec<RowRef>,
    delta_ts: Vec<Timestamp>,
    pub(crate) rows: usize,
    /// Whether base has a row that does not come out as it is and is not replaced by one of delta, or delta one that does not
    /// replace one of base.
    is_shifted: bool,
}

#[derive(Debug)]
enum Run {
    /// Rows of the chunk.
    Base(Range<usize>),
    /// Entries of `Plan::delta`.
    Delta(Range<usize>),
}

/// Plans the rows of a piece: the base rows and the delta keys in `range`. Base rows committed after `base_ts` are left
/// out; at a key that delta knows `pick` decides, given the commit timestamp of the row in base (if it is not left out).
pub(crate) fn merge_piece(
    base: &BaseRows,
    delta: &Delta,
    range: &KeyRange,
    base_ts: Timestamp,
    mut pick: impl FnMut(&Key, Option<Timestamp>, &Versions) -> Pick,
) -> Plan {
    let mut plan = Plan::default();
    let mut cursor = base.as_ref().map_or(0, |(_, rows)| rows.start);
    for (key, versions) in delta.range::<_, Key>(&range.start..&range.end) {
        let (mut in_base, mut found) = (None, false);
        if let Some((chunk, rows)) = base {
            let row;
            (row, found) = chunk.seek(key.as_bytes(), cursor..rows.end);
            plan.push_base(chunk, cursor..row, base_ts);
            cursor = row;
            if found {
                cursor += 1;
                in_base = Some((chunk, row)).filter(|_| chunk.commit_ts(row) <= base_ts);
            }
        }
        match (pick(key, in_base.map(|(chunk, row)| chunk.commit_ts(row)), versions), in_base) {
            (Pick::Base, Some((_, row))) => plan.push_run(row..row + 1),
            (Pick::Base | Pick::Nothing, _) => plan.is_shifted |= found,
            (Pick::Delta(row, commit_ts), _) => {
                plan.is_shifted |= !found;
                plan.push_delta(row, commit_ts);
            }
        }
    }
    if let Some((chunk, rows)) = base {
        plan.push_base(chunk, cursor..rows.end, base_ts);
    }
    plan
}

impl Plan {
    fn push_base(&mut self, chunk: &Chunk, rows: Range<usize>, base_ts: Timestamp) {
        if chunk.newest_ts() <= base_ts {
            return self.push_run(rows);
        }
        for row in rows {
            if chunk.commit_ts(row) <= base_ts {
                self.push_run(row..row + 1);
            } else {
                self.is_shifted = true;
            }
        }
    }

    fn push_run(&mut self, rows: Range<usize>) {
        if rows.is_empty() {
            return;
        }
        self.rows += rows.len();
        match self.runs.last_mut() {
            Some(Run::Base(last)) if last.end == rows.start => last.end = rows.end,
            _ => self.runs.push(Run::Base(rows)),
        }
    }

    fn push_delta(&mut self, row: RowRef, commit_ts: Timestamp) {
        let at = self.delta.len();
        self.rows += 1;
        self.delta.push(row);
        self.delta_ts.push(commit_ts);
        match self.runs.last_mut() {
            Some(Run::Delta(last)) => last.end = at + 1,
            _ => self.runs.push(Run::Delta(at..at + 1)),
        }
    }

    /// If what comes out are the base rows from `first` on, some of them replaced by rows of delta: which, counted from there.
    pub(crate) fn replaced(&self, first: usize) -> Option<Vec<u32>> {
        if self.is_shifted {
            return None;
        }
        let mut rows = Vec::with_capacity(self.delta.len());
        let mut next = 0;
        for run in &self.runs {
            match run {
                Run::Base(base) => next = (base.end - first) as u32,
                Run::Delta(delta) => {
                    rows.extend(next..next + delta.len() as u32);
                    next += delta.len() as u32;
                }
            }
        }
        Some(rows)
    }

    /// If what comes out are all `rows` of base and then some of delta: those of delta.
    pub(crate) fn behind(&self, rows: usize) -> Option<Plan> {
        let [Run::Base(base), Run::Delta(delta)] = self.runs.as_slice() else { return None };
        (*base == (0..rows)).then(|| Plan {
            runs: vec![Run::Delta(delta.clone())],
            delta: self.delta.clone(),
            delta_ts: self.delta_ts.clone(),
            rows: delta.len(),
            is_shifted: true,
        })
    }

    /// One column of the rows that are in delta.
    pub(crate) fn delta_column(&self, ordinal: usize, ty: &DataType) -> ArrayRef {
        gather_rows(&self.delta, ordinal, ty)
    }

    /// When those were committed.
    pub(crate) fn delta_ts(&self) -> &[Timestamp] {
        &self.delta_ts
    }

    /// One column of the rows.
    pub(crate) fn column(&self, base: &BaseRows, ordinal: usize, ty: &DataType) -> ArrayRef {
        match (self.runs.as_slice(), base) {
            ([], _) => new_empty_array(ty),
            ([Run::Base(rows)], Some((chunk, _))) => chunk.column(ordinal, rows.start, rows.len()),
            (_, Some((chunk, _))) if self.delta.is_empty() => {
                let column = chunk.column(ordinal, 0, chunk.rows());
                let rows = self.base_runs().flatten().map(|row| row as u32);
                take(&column, &UInt32Array::from_iter_values(rows), None)
                    .expect("the plan's rows are in the chunk")
            }
            (_, Some((chunk, rows))) if self.base_runs().next().is_some() => {
                let first = rows.start;
                let base = chunk.column(ordinal, first, rows.len());
                let delta = gather_rows(&self.delta, ordinal, ty);
                if let Some(replaced) = &self.replaced(first) {
                    // An update changes few columns.
                    if is_same(&base, replaced, &delta) {
                        return base;
                    }
                    let patched = patch(&base, replaced, &delta);
                    return patched
                        .or_else(|| patch(&dictionary::decode(base), replaced, &delta))
                        .expect("numbers and strings of either form can be patched");
                }
                let (base, delta) = (dictionary::decode(base).to_data(), delta.to_data());
                let mut out = MutableArrayData::new(vec![&base, &delta], false, self.rows);
                for run in &self.runs {
                    let (source, from, to) = match run {
                        Run::Base(rows) => (0, rows.start - first, rows.end - first),
                        Run::Delta(rows) => (1, rows.start, rows.end),
                    };
                    out.try_extend(source, from, to).expect("a block's rows do not overflow an offset");
                }
                make_array(out.freeze())
            }
            _ => gather_rows(&self.delta, ordinal, ty),
        }
    }

    /// When each of the rows was committed.
    pub(crate) fn commit_ts(&self, base: &BaseRows) -> Vec<u64> {
        let mut out = Vec::with_capacity(self.rows);
        for run in &self.runs {
            match (run, base) {
                (Run::Base(rows), Some((chunk, _))) => {
                    out.extend(rows.clone().map(|row| chunk.commit_ts(row).0))
                }
                (Run::Base(_), None) => {}
                (Run::Delta(rows), _) => out.extend(self.delta_ts[rows.clone()].iter().map(|ts| ts.0)),
            }
        }
        out
    }

    fn base_runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.runs.iter().filter_map(|run| match run {
            Run::Base(rows) => Some(rows.clone()),
            Run::Delta(_) => None,
        })
    }
}

/// One column of rows that lie in many batches.
pub(crate) fn gather_rows(rows: &[RowRef], ordinal: usize, ty: &DataType) -> ArrayRef {
    match ty {
        DataType::Int64 => gather_primitive::<Int64Type>(rows, ordinal, ty),
        DataType::UInt64 => gather_primitive::<UInt64Type>(rows, ordinal, ty),
        DataType::Float64 => gather_primitive::<Float64Type>(rows, ordinal, ty),
        DataType::Decimal64(..) => gather_primitive::<Decimal64Type>(rows, ordinal, ty),
        DataType::Decimal128(..) => gather_primitive::<Decimal128Type>(rows, ordinal, ty),
        DataType::Date32 => gather_primitive::<Date32Type>(rows, ordinal, ty),
        DataType::Timestamp(..) => gather_primitive::<TimestampMicrosecondType>(rows, ordinal, ty),
        DataType::Duration(_) => gather_primitive::<DurationMicrosecondType>(rows, ordinal, ty),
        DataType::Utf8View => {
            let mut out = StringViewBuilder::with_capacity(rows.len())
                .with_fixed_block_size(view_block_bytes(rows.len()));
            for RowRef { batch, row } in rows {
                out.append_option(dictionary::str_at(batch.column(ordinal), *row as usize));
            }
            Arc::new(out.finish())
        }
        DataType::BinaryView => {
            let mut out = BinaryViewBuilder::with_capacity(rows.len())
                .with_fixed_block_size(view_block_bytes(rows.len()));
            for RowRef { batch, row } in rows {
                let array = batch.column(ordinal).as_binary_view();
                let row = *row as usize;
                out.append_option(array.is_valid(row).then(|| array.value(row)));
            }
            Arc::new(out.finish())
        }
        other => new_null_array(other, rows.len()),
    }
}

fn gather_primitive<T: ArrowPrimitiveType>(rows: &[RowRef], ordinal: usize, ty: &DataType) -> ArrayRef {
    let mut out = PrimitiveBuilder::<T>::with_capacity(rows.len()).with_data_type(ty.clone());
    for RowRef { batch, row } in rows {
        let array = batch.column(ordinal).as_primitive::<T>();
        let row = *row as usize;
        out.append_option(array.is_valid(row).then(|| array.value(row)));
    }
    Arc::new(out.finish())
}
