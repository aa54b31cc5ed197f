//! Backfill: rows as they were at a timestamp come into a space that others have been writing to since.
//!
//! The space holds what can be computed of other rows, an index. From some time on who writes those rows keeps it up; what
//! they were *at* a later time is read, and comes here in chunks. So there are three kinds of keys in a chunk:
//!
//! * Nobody has written to the key after `at`. What the chunk has is right. It goes to base, as of long ago: to nobody who
//!   writes to the key from now on, whenever he began, is it a change that he has not seen.
//! * Somebody has, and what he wrote is right, be it a row or that there is none.
//! * Somebody is about to. What the chunk has goes below that, and whether he commits or not, what is seen is right.
//!
//! "After `at`" is asked of delta and of pasts (`mvcc/past.rs`), for a deletion that was folded leaves nothing in base. The
//! caller keeps pinned what was at that time. Locks that may yet commit at or before `at` have to be out of the way before.
//!
//! **Unique keys.** Two rows, one in the chunk and one that came later, meet at one key. Either the first had left it by
//! then, maybe in the transaction that let the other come, or both were there, and the second was not refused since the first
//! was not in the index. That cannot be told here: the outcome names such keys ([`Overtaken`]), and when it happened; the caller
//! looks at the rows. A lock with another row is decided first. Who has locked a unique key and not written to it yet has looked
//! whether it is free, and may rely on that until his end: the row at such a key is left out, and the caller brings it again.
//!
//! ```text
//! at = 100, chunk: k -> 1         delta                      what is done
//!                                 k: deleted at 150          nothing: row 1 has left
//!                                 k: deleted at 50           k -> 1 is put at 51
//!                                 k -> 2 put at 150          nothing, but the caller asks whether row 1 was still there at 150
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ingest::{as_batch, place, without};
use crate::chunk::{BuildError, Chunk};
use crate::key::{Key, KeyEncoder};
use crate::mvcc::{LOCKS_TOLD_MAX, LockInfo, LockOp, Records, RowRef, Version, Write};
use crate::schema::{SpaceSchema, Timestamp};

/// What was always there was committed at this time.
pub(crate) const LONG_AGO: Timestamp = Timestamp(1);

/// What became of a backfill. Unless it is done, nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub enum BackfillOutcome {
    /// What others have written prevails, and the rest of the rows are there. Done again it changes nothing, and says the same.
    Done {
        /// The unique keys that other rows have.
        overtaken: Vec<Overtaken>,
        /// Locks on unique keys whose rows were left out.
        left_out: Vec<LockInfo>,
    },
    /// Transactions are at work on keys of it.
    Locked(Vec<LockInfo>),
    /// What was written after its timestamp may be forgotten.
    TooOld {
        /// The region's safe timestamp.
        safe_ts: Timestamp,
    },
    /// The rows could not be built into chunks.
    Failed(BuildError),
}

/// A unique key at which there is another row.
#[derive(Clone, Debug, PartialEq)]
pub struct Overtaken {
    /// The key.
    pub key: Key,
    /// Since when: the first change of the key after the backfill's timestamp.
    pub since: Timestamp,
}

/// Applies a backfill: chunks in key order, of rows as they were at `at`.
pub(super) fn backfill(
    records: &mut Records,
    schema: &SpaceSchema,
    at: Timestamp,
    chunks: &[Chunk],
) -> BackfillOutcome {
    if at < records.safe_ts {
        return BackfillOutcome::TooOld { safe_ts: records.safe_ts };
    }
    let is_unique = schema.unique_prefix.is_some();
    let locks = chunks.iter().flat_map(|chunk| undecided(records, chunk, at, is_unique));
    let locks: Vec<LockInfo> = locks.take(LOCKS_TOLD_MAX).collect();
    if !locks.is_empty() {
        return BackfillOutcome::Locked(locks);
    }
    match apply(records, schema, at, chunks) {
        Ok((overtaken, left_out)) => BackfillOutcome::Done { overtaken, left_out },
        Err(error) => BackfillOutcome::Failed(error),
    }
}

fn apply(
    records: &mut Records,
    schema: &SpaceSchema,
    at: Timestamp,
    chunks: &[Chunk],
) -> Result<(Vec<Overtaken>, Vec<LockInfo>), BuildError> {
    let mut base = records.base.to_vec();
    let (mut overtaken, mut left_out) = (Vec::new(), Vec::new());
    let mut to_delta = Vec::new();
    for chunk in chunks {
        let held = match schema.unique_prefix {
            Some(_) => held(records, chunk),
            None => BTreeMap::new(),
        };
        let known = known(records, chunk, at);
        let mut above = Vec::new();
        for &row in known.iter().filter(|row| !held.contains_key(row)) {
            let key = chunk.key(row);
            if let Some(first) = records.first_change_after(&key, at) {
                if schema.unique_prefix.is_some()
                    && let Write::Put(other) = &first.write
                    && !is_same(schema, chunk, row, other)?
                {
                    overtaken.push(Overtaken { key, since: first.commit_ts });
                }
            } else if !records.exists(&key) {
                above.push((row, key));
            }
        }
        let known: BTreeSet<usize> = known.into_iter().chain(held.keys().copied()).collect();
        left_out.extend(held.into_values());
        for piece in without(chunk, &known.into_iter().collect::<Vec<_>>()) {
            cut_at(&mut base, &piece);
            place(&mut base, schema, piece)?;
        }
        if !above.is_empty() {
            to_delta.push((Arc::new(as_batch(schema, chunk)?), above));
        }
    }
    records.base = base.into();
    records.has_grown = true;
    records.newest_ts = records.newest_ts.max(LONG_AGO);
    for (batch, rows) in to_delta {
        for (row, key) in rows {
            // Whoever has seen the row at this key has seen the deletion that was before it.
            let deleted = records.delta.get(&key).and_then(|versions| versions.iter().find(|v| v.is_data()));
            let commit_ts = deleted.map_or(LONG_AGO, |version| Timestamp(version.commit_ts.0 + 1));
            let write = Write::Put(RowRef { batch: Arc::clone(&batch), row: row as u32 });
            records.add_version(&key, Version { commit_ts, start_ts: Timestamp(0), write });
        }
    }
    Ok((overtaken, left_out))
}

/// The rows of a chunk whose keys somebody has locked to write to them later.
fn held(records: &Records, chunk: &Chunk) -> BTreeMap<usize, LockInfo> {
    let span = chunk.first_key().clone()..=chunk.last_key().clone();
    let locks = records.locks.range::<_, Key>(span).filter(|(_, lock)| lock.is_pessimistic());
    locks.filter_map(|(key, lock)| Some((chunk.find(key.as_bytes())?, lock.info(key)))).collect()
}

/// Locks on keys of a chunk of which something has to be known first.
fn undecided(records: &Records, chunk: &Chunk, at: Timestamp, is_unique: bool) -> Vec<LockInfo> {
    let span = chunk.first_key().clone()..=chunk.last_key().clone();
    let locks = records.locks.range::<_, Key>(span);
    let locks = locks.filter(|(_, lock)| lock.blocks(at) || is_unique && matches!(lock.op, LockOp::Put(_)));
    locks.filter(|(key, _)| chunk.find(key.as_bytes()).is_some()).map(|(key, lock)| lock.info(key)).collect()
}

/// The rows of a chunk whose keys somebody has written to, ascending.
fn known(records: &Records, chunk: &Chunk, at: Timestamp) -> Vec<usize> {
    let span = || chunk.first_key().clone()..=chunk.last_key().clone();
    let mut rows = BTreeSet::new();
    let pasts = records.past.iter().filter(|past| past.until > at).map(|past| &past.delta);
    for delta in pasts.chain([&records.delta]) {
        let keys = delta.range::<_, Key>(span()).map(|(key, _)| key);
        rows.extend(keys.filter_map(|key| chunk.find(key.as_bytes())));
    }
    for old in records.base.iter() {
        if old.last_key() < chunk.first_key() || chunk.last_key() < old.first_key() {
            continue;
        }
        let from = old.lower_bound(chunk.first_key().as_bytes());
        let within = from..old.lower_bound(chunk.last_key().successor().as_bytes());
        // The smaller of the two is walked.
        if within.len() < chunk.rows() {
            rows.extend(within.filter_map(|row| chunk.find(old.key(row).as_bytes())));
        } else {
            rows.extend((0..chunk.rows()).filter(|&row| old.find(chunk.key(row).as_bytes()).is_some()));
        }
    }
    rows.into_iter().collect()
}

/// Whether the row of a unique key is the one that the chunk has there: all columns of the key are the same.
fn is_same(schema: &SpaceSchema, chunk: &Chunk, row: usize, other: &RowRef) -> Result<bool, BuildError> {
    let whole = SpaceSchema { unique_prefix: None, ..schema.clone() };
    let encoder = KeyEncoder::new(&whole);
    Ok(encoder.bind(&chunk.row(row))?.key(0) == encoder.bind(other.batch.columns())?.key(other.row as usize))
}

/// Cuts the chunk of base that begins before this one and ends in it or behind it, and the other way round: only what lies
/// between the two cuts is to be merged with it.
fn cut_at(base: &mut Vec<Chunk>, chunk: &Chunk) {
    for edge in [chunk.first_key().clone(), chunk.last_key().successor()] {
        let Some(at) = base.partition_point(|old| *old.first_key() < edge).checked_sub(1) else { continue };
        let old = &base[at];
        let cut = old.lower_bound(edge.as_bytes());
        if cut < old.rows() {
            let pieces: Vec<Chunk> =
                [old.slice(0, cut), old.slice(cut, old.rows())].into_iter().flatten().collect();
            base.splice(at..=at, pieces);
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use arrow::record_batch::RecordBatch;
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::{BLOCK_ROWS, ChunkLimit, build_base};
    use crate::key::KeyRange;
    use crate::percolator::{Commit, Mutation, MutationOp, Prewrite, PrewriteOutcome};
    use crate::region::{Command, Compaction, Epoch, Outcome, RegionState};
    use crate::schema::{ColumnDef, ColumnType, IndexState, RegionId, SpaceId, SqlType};

    const SPACE: SpaceId = SpaceId(3);
    const ROWS: usize = 12;

    /// An index: a value, and the row that has it.
    fn schema(is_unique: bool) -> SpaceSchema {
        let column = ColumnDef::new("c", ColumnType::not_null(SqlType::BIGINT));
        let columns = vec![column.clone(), column];
        SpaceSchema { id: SPACE, columns, key: vec![0, 1], unique_prefix: is_unique.then_some(1) }
    }

    fn entries(of: &[(i64, i64)]) -> RecordBatch {
        let column = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let columns =
            vec![column(of.iter().map(|e| e.0).collect()), column(of.iter().map(|e| e.1).collect())];
        let fields = ["v", "row"].map(|name| Field::new(name, DataType::Int64, false)).to_vec();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// A row gets a value, or goes; in the older of the two states that writers may be in; committed only later.
        Write {
            row: usize,
            value: Option<i64>,
            older: bool,
            late: bool,
        },
        Fold,
    }

    fn step() -> impl Strategy<Value = Step> {
        let value = prop::option::weighted(0.7, 0..6i64);
        prop_oneof![
            8 => (0..ROWS, value, any::<bool>(), prop::bool::weighted(0.2))
                .prop_map(|(row, value, older, late)| Step::Write { row, value, older, late }),
            1 => Just(Step::Fold),
        ]
    }

    /// Rows, and the region that holds an index of them.
    struct World {
        schema: SpaceSchema,
        region: RegionState,
        now: u64,
        /// What each row was, from when on.
        rows: Vec<BTreeMap<u64, Option<i64>>>,
        pending: Option<(Timestamp, Vec<Key>, usize, Option<i64>)>,
    }

    impl World {
        fn new(is_unique: bool) -> World {
            let schema = schema(is_unique);
            let range = KeyRange::of_space(SPACE);
            let region = RegionState::new(RegionId(1), Epoch::default(), range, Arc::new(schema.clone()));
            World { schema, region, now: 10, rows: vec![BTreeMap::from([(0, None)]); ROWS], pending: None }
        }

        fn tick(&mut self) -> Timestamp {
            self.now += 10;
            Timestamp(self.now)
        }

        fn value_at(&self, row: usize, ts: Timestamp) -> Option<i64> {
            self.rows[row].range(..=ts.0).next_back().and_then(|(_, value)| *value)
        }

        fn key(&self, value: i64, row: usize) -> Key {
            KeyEncoder::new(&self.schema).bind(entries(&[(value, row as i64)]).columns()).unwrap().key(0)
        }

        fn settle(&mut self) {
            let Some((start_ts, keys, row, value)) = self.pending.take() else { return };
            let commit_ts = self.tick();
            if !keys.is_empty() {
                self.region.apply(Command::Commit(Commit { keys, start_ts, commit_ts }));
            }
            self.rows[row].insert(commit_ts.0, value);
        }

        fn write(&mut self, row: usize, value: Option<i64>, state: Option<IndexState>, late: bool) {
            if self.pending.is_some() {
                self.settle();
            }
            let start_ts = self.tick();
            let before = self.value_at(row, start_ts);
            if before == value {
                return;
            }
            let mut mutations = Vec::new();
            if let (Some(before), Some(_)) = (before, state) {
                mutations.push(Mutation { key: self.key(before, row), op: MutationOp::Delete });
            }
            if let (Some(value), Some(IndexState::WriteOnly)) = (value, state) {
                let row_ref = RowRef { batch: Arc::new(entries(&[(value, row as i64)])), row: 0 };
                let op = match self.schema.unique_prefix {
                    Some(_) => MutationOp::Insert(row_ref),
                    None => MutationOp::Put(row_ref),
                };
                mutations.push(Mutation { key: self.key(value, row), op });
            }
            let keys: Vec<Key> = mutations.iter().map(|m| m.key.clone()).collect();
            if let Some(primary) = keys.first().cloned() {
                let prewrite = Prewrite {
                    txn_size: keys.len(),
                    mutations,
                    primary,
                    start_ts,
                    ttl_ms: 1000,
                    min_commit_ts: Timestamp(0),
                    pessimistic: None,
                    async_commit: None,
                };
                match self.region.apply(Command::Prewrite(prewrite)) {
                    Outcome::Prewrite(PrewriteOutcome::Done { .. }) => {}
                    Outcome::Prewrite(PrewriteOutcome::AlreadyExists { .. }) => return,
                    other => panic!("{other:?}"),
                }
            }
            self.pending = Some((start_ts, keys, row, value));
            if !late {
                self.settle();
            }
        }

        fn fold(&mut self, safe_ts: Timestamp) {
            let at = self.tick();
            self.region.apply(Command::BeginFold(at));
            let limit = ChunkLimit { rows: BLOCK_ROWS, bytes: usize::MAX };
            if let Some(compaction) = Compaction::plan(self.region.snapshot(), safe_ts, limit) {
                self.region.apply(Command::Install(compaction.build().unwrap()));
            }
        }

        fn run(&mut self, steps: &[Step], states: [Option<IndexState>; 2], safe_ts: Timestamp) {
            for step in steps {
                match *step {
                    Step::Write { row, value, older, late } => {
                        self.write(row, value, states[usize::from(!older)], late);
                    }
                    Step::Fold => self.fold(safe_ts),
                }
            }
        }

        /// Whether it was done; not if two rows have one value.
        fn backfill(&mut self, at: Timestamp, rows_a_chunk: usize) -> bool {
            let there = (0..ROWS).filter_map(|row| Some((self.value_at(row, at)?, row as i64)));
            let there: Vec<(i64, i64)> = there.collect();
            let mut all =
                match build_base(&self.schema, vec![entries(&there)], ChunkLimit::default(), LONG_AGO) {
                    Ok(chunks) => chunks,
                    Err(BuildError::DuplicateKey { .. }) => return false,
                    Err(other) => panic!("{other}"),
                };
            while let Some(chunk) = all.pop() {
                let (now, rest) =
                    (chunk.slice(0, rows_a_chunk.min(chunk.rows())), chunk.slice(rows_a_chunk, chunk.rows()));
                all.extend(rest);
                let chunks: Arc<[Chunk]> = now.iter().cloned().collect();
                let mut outcome = self.region.apply(Command::Backfill(at, Arc::clone(&chunks)));
                if let Outcome::Backfill(BackfillOutcome::Locked(_)) = outcome {
                    self.settle();
                    outcome = self.region.apply(Command::Backfill(at, Arc::clone(&chunks)));
                }
                let again = self.region.apply(Command::Backfill(at, chunks));
                let (Outcome::Backfill(outcome), Outcome::Backfill(again)) = (outcome, again) else {
                    panic!("a backfill has an outcome of its own")
                };
                assert_eq!(outcome, again);
                let BackfillOutcome::Done { overtaken, left_out } = outcome else { panic!("{outcome:?}") };
                assert_eq!(left_out, []);
                for Overtaken { key, since } in overtaken {
                    let (value, row) = there.iter().find(|(v, r)| self.key(*v, *r as usize) == key).unwrap();
                    if self.value_at(*row as usize, since) == Some(*value) {
                        let both = (0..ROWS).filter(|&row| self.value_at(row, since) == Some(*value));
                        assert!(both.count() > 1, "nobody had the same value at {since:?}");
                        return false;
                    }
                }
            }
            true
        }

        fn index(&self) -> Vec<Key> {
            let scan = self.region.snapshot().scan(&[], Timestamp(self.now + 1), &[], false);
            let whole = KeyEncoder::new(&SpaceSchema { unique_prefix: None, ..self.schema.clone() });
            let mut keys = Vec::new();
            for morsel in scan.morsels() {
                let batch = scan.read(&morsel, &[0, 1]);
                let bound = whole.bind(&batch.columns).unwrap();
                keys.extend((0..batch.rows).map(|row| bound.key(row)));
            }
            keys
        }

        fn wanted(&self) -> Vec<Key> {
            let whole = KeyEncoder::new(&SpaceSchema { unique_prefix: None, ..self.schema.clone() });
            let now = Timestamp(self.now);
            let there = (0..ROWS).filter_map(|row| Some((self.value_at(row, now)?, row as i64)));
            let mut keys: Vec<Key> =
                there.map(|entry| whole.bind(entries(&[entry]).columns()).unwrap().key(0)).collect();
            keys.sort();
            keys
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn an_index_ends_up_as_its_rows_are(
            is_unique: bool,
            nobody in prop::collection::vec(step(), 0..12),
            deleting in prop::collection::vec(step(), 0..12),
            writing in prop::collection::vec(step(), 0..12),
            all in prop::collection::vec(step(), 0..8),
            meanwhile in prop::collection::vec(step(), 0..14),
            after in prop::collection::vec(step(), 0..14),
            rows_a_chunk in 1..ROWS,
        ) {
            let mut world = World::new(is_unique);
            let (delete, write) = (Some(IndexState::DeleteOnly), Some(IndexState::WriteOnly));
            for (steps, states) in [(&nobody, [None; 2]), (&deleting, [None, delete]), (&writing, [delete, write]), (&all, [write; 2])] {
                // Who is in has left before the next state but one.
                world.settle();
                let safe_ts = Timestamp(world.now);
                world.run(steps, states, safe_ts);
            }
            let at = world.tick();
            world.run(&meanwhile, [write; 2], at);
            if world.backfill(at, rows_a_chunk) {
                world.run(&after, [write; 2], at);
                world.settle();
                prop_assert_eq!(world.index(), world.wanted());
                world.fold(at);
                prop_assert_eq!(world.index(), world.wanted());
                let safe_ts = Timestamp(world.now);
                world.fold(safe_ts);
                prop_assert_eq!(world.index(), world.wanted());
            }
        }
    }
}
