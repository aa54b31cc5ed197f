//! Bulk ingest into a region: whole chunks, at one timestamp, without locks.
//!
//! Chunks that lie between those that are there are just put in their places. Where they overlap, the chunks concerned
//! are merged into new ones. A key that has any history here does not go to base but to delta, as one more version, so
//! that older readers see what they saw.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;

use crate::chunk::{BuildError, Chunk, ChunkLimit, CommitColumn, rebuild};
use crate::key::Key;
use crate::mvcc::{LockInfo, Records, RowRef, Version, Write};
use crate::schema::{SpaceSchema, Timestamp};

/// What became of an ingest. Unless it is done, nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub enum IngestOutcome {
    /// All rows are there.
    Done,
    /// There is a row with that key.
    DuplicateKey {
        /// The key.
        key: Key,
    },
    /// A transaction is at work on the key.
    Locked(LockInfo),
    /// The key was changed after the timestamp of the ingest.
    WriteConflict {
        /// The key.
        key: Key,
        /// When it was changed.
        commit_ts: Timestamp,
    },
    /// The rows could not be built into chunks.
    Failed(BuildError),
    /// It was given up before.
    Abandoned,
}

/// Applies an ingest.
pub(super) fn ingest(records: &mut Records, schema: &SpaceSchema, chunks: Vec<Chunk>) -> IngestOutcome {
    let mut base = records.base.to_vec();
    let mut with_history = Vec::new();
    for chunk in &chunks {
        let rows = match check(records, chunk) {
            Ok(rows) => rows,
            Err(outcome) => return outcome,
        };
        for clean in without(chunk, &rows) {
            if let Err(error) = place(&mut base, schema, clean) {
                return IngestOutcome::Failed(error);
            }
        }
        if rows.is_empty() {
            continue;
        }
        match as_batch(schema, chunk) {
            Ok(batch) => with_history.push((chunk, rows, Arc::new(batch))),
            Err(error) => return IngestOutcome::Failed(error),
        }
    }
    let newest_ts = chunks.iter().map(Chunk::newest_ts).max().unwrap_or_default();
    records.newest_ts = records.newest_ts.max(newest_ts);
    records.base = base.into();
    records.has_grown = true;
    for (chunk, rows, batch) in with_history {
        for row in rows {
            let write = Write::Put(RowRef { batch: Arc::clone(&batch), row: row as u32 });
            let version = Version { commit_ts: chunk.commit_ts(row), start_ts: Timestamp(0), write };
            records.add_version(&chunk.key(row), version);
        }
    }
    IngestOutcome::Done
}

/// The rows of a chunk whose keys have a history, ascending, if nothing forbids the chunk.
fn check(records: &Records, chunk: &Chunk) -> Result<Vec<usize>, IngestOutcome> {
    let span = chunk.first_key().clone()..=chunk.last_key().clone();
    for (key, lock) in records.locks.range::<_, Key>(span.clone()) {
        if chunk.find(key.as_bytes()).is_some() {
            return Err(IngestOutcome::Locked(lock.info(key)));
        }
    }
    let mut rows = Vec::new();
    for (key, _) in records.delta.range::<_, Key>(span) {
        if let Some(row) = chunk.find(key.as_bytes()) {
            rows.push(row);
        }
    }
    for old in records.base.iter().filter(|old| overlap(old, chunk)) {
        // The smaller of the two is walked.
        if old.rows() < chunk.rows() {
            rows.extend((0..old.rows()).filter_map(|row| chunk.find(old.key(row).as_bytes())));
        } else {
            rows.extend((0..chunk.rows()).filter(|&row| old.find(chunk.key(row).as_bytes()).is_some()));
        }
    }
    rows.sort_unstable();
    rows.dedup();
    for &row in &rows {
        let key = chunk.key(row);
        if let Some((_, commit_ts)) = records.newest_commit(&key, chunk.commit_ts(row))
            && commit_ts > chunk.commit_ts(row)
        {
            return Err(IngestOutcome::WriteConflict { key, commit_ts });
        }
        if records.exists(&key) {
            return Err(IngestOutcome::DuplicateKey { key });
        }
    }
    Ok(rows)
}

fn overlap(a: &Chunk, b: &Chunk) -> bool {
    a.first_key() <= b.last_key() && b.first_key() <= a.last_key()
}

/// The chunk without some of its rows, which ascend.
pub(super) fn without(chunk: &Chunk, rows: &[usize]) -> Vec<Chunk> {
    let mut from = 0;
    let mut pieces = Vec::new();
    for &row in rows {
        pieces.extend(chunk.slice(from, row));
        from = row + 1;
    }
    pieces.extend(chunk.slice(from, chunk.rows()));
    pieces
}

/// Puts a chunk in its place, merging it with those that it overlaps.
pub(super) fn place(base: &mut Vec<Chunk>, schema: &SpaceSchema, chunk: Chunk) -> Result<(), BuildError> {
    let from = base.partition_point(|old| old.last_key() < chunk.first_key());
    let to = base.partition_point(|old| old.first_key() <= chunk.last_key());
    if from >= to {
        // One that comes in pieces is whole again in the end.
        let before = from.checked_sub(1);
        match before.and_then(|at| Some((at, base[at].joined(&chunk)?))) {
            Some((at, joined)) => base[at] = joined,
            None => base.insert(from, chunk),
        }
        return Ok(());
    }
    // A neighbour that is wholly on one side of a gap need not be merged: cut the chunk at the gap's edges instead.
    if let Some(pieces) = fit_into_gaps(&base[from..to], &chunk) {
        for piece in pieces {
            place(base, schema, piece)?;
        }
        return Ok(());
    }
    let mut parts = base[from..to].to_vec();
    parts.push(chunk);
    let sets = parts.iter().map(|part| columns(schema, part)).collect();
    let times = parts.iter().flat_map(|part| (0..part.rows()).map(|row| part.commit_ts(row).0)).collect();
    let merged = rebuild(schema, sets, CommitColumn::PerRow(times), ChunkLimit::default(), &parts)?;
    base.splice(from..to, merged);
    Ok(())
}

/// The chunk cut into pieces between the old ones, if it has no rows within any of them.
fn fit_into_gaps(old: &[Chunk], chunk: &Chunk) -> Option<Vec<Chunk>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for neighbour in old {
        let cut = chunk.lower_bound(neighbour.first_key().as_bytes());
        if chunk.lower_bound(neighbour.last_key().as_bytes()) != cut {
            return None;
        }
        pieces.extend(chunk.slice(from, cut));
        from = cut;
    }
    pieces.extend(chunk.slice(from, chunk.rows()));
    Some(pieces)
}

fn columns(schema: &SpaceSchema, chunk: &Chunk) -> Vec<ArrayRef> {
    (0..schema.columns.len()).map(|ordinal| chunk.column(ordinal, 0, chunk.rows())).collect()
}

/// The chunk's rows as a batch, not copied, for versions to point into.
pub(super) fn as_batch(schema: &SpaceSchema, chunk: &Chunk) -> Result<RecordBatch, BuildError> {
    let columns = columns(schema, chunk);
    let fields = schema.columns.iter().zip(&columns).map(|(def, column)| {
        arrow::datatypes::Field::new(def.name.as_ref(), column.data_type().clone(), def.ty.nullable)
    });
    let arrow_schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(arrow_schema, columns)
        .map_err(|error| BuildError::Column { ordinal: 0, reason: error.to_string() })
}
