//! Folding delta into base, while writers go on.
//!
//! 1. The owner applies [`Command::BeginFold`](super::Command::BeginFold), which says up to when all is folded, and publishes
//!    what that is.
//! 2. [`Compaction::build`] makes the new base: of each key the newest change up to then. Chunks without such changes are
//!    taken over as they are; one of which only rows were replaced is patched, column by column ([`Chunk::patched`]); others
//!    are built anew. One that has grown too large becomes two of one size, and small ones that lie side by side become
//!    one, so that chunks stay few, wherever rows come and go. This is the slow part, and it needs nobody.
//! 3. The owner applies [`Command::Install`](super::Command::Install): the new base takes the place of the old, and delta is
//!    what came since. If base is not the one that was begun with (an ingest, a split, a merge), nothing is done.
//!
//! What was becomes a past, for those who read as of then: see the essay of `mvcc/past.rs`. Pasts that end before the *safe
//! timestamp* go: no reader below it will come any more, and no transaction that holds a lock anywhere began before it (see
//! [`RegionSnapshot::oldest_lock_ts`](super::RegionSnapshot::oldest_lock_ts)).

use std::sync::Arc;

use crate::chunk::patch::Replacements;
use crate::chunk::{BuildError, Chunk, ChunkLimit, CommitColumn, rebuild};
use crate::key::{Key, KeyRange};
use crate::mvcc::{
    Base, BaseRows, Folding, Past, Pick, Plan, Records, Versions, Write, merge_piece, with_fold,
};
use crate::schema::{ColumnDef, SpaceSchema, Timestamp};

use super::RegionSnapshot;

/// A last chunk that has this many times the rows that come behind it is not built anew for them.
const APPEND_TO: usize = 4;

/// Chunks side by side that have no more than this part of the rows, and of the bytes, of a large one are made one chunk.
const JOIN_BELOW: usize = 4;

/// A compaction that is to be done.
#[derive(Clone, Debug)]
pub struct Compaction {
    snapshot: Arc<RegionSnapshot>,
    folding: Arc<Folding>,
    safe_ts: Timestamp,
    limit: ChunkLimit,
}

/// A compaction's result.
#[derive(Clone, Debug)]
pub struct Compacted {
    folding: Arc<Folding>,
    base: Base,
    past: Arc<[Past]>,
    safe_ts: Timestamp,
}

impl Compaction {
    /// Of a region as it is in the snapshot; `None` if no fold has begun there.
    pub fn plan(snapshot: Arc<RegionSnapshot>, safe_ts: Timestamp, limit: ChunkLimit) -> Option<Compaction> {
        let safe_ts = safe_ts.max(snapshot.safe_ts());
        let folding = Arc::clone(snapshot.records().folding.as_ref()?);
        Some(Compaction { snapshot, folding, safe_ts, limit })
    }

    /// Makes the new base. An error means that the data is not what its schema says.
    pub fn build(self) -> Result<Compacted, BuildError> {
        let Folding { base, delta, at, .. } = &*self.folding;
        let schema = self.snapshot.schema();
        let mut new = Vec::with_capacity(base.len());
        let segments = segments(base, self.snapshot.range());
        for joined in segments.chunk_by(side_by_side(self.limit)) {
            // Records of rollbacks and locks leave delta without a trace in base.
            let is_changed = |range: &KeyRange| {
                let mut changes = delta.range::<_, Key>(&range.start..&range.end);
                changes.any(|(_, versions)| versions.data_at(*at).is_some())
            };
            if joined.iter().any(|(_, range)| is_changed(range)) {
                self.fold(schema, joined, &mut new)?;
            } else {
                new.extend(joined.iter().filter_map(|(chunk, _)| chunk.clone()));
            }
        }
        let past = &self.snapshot.records().past;
        let past = with_fold(past, &self.folding, self.snapshot.range(), self.safe_ts);
        Ok(Compacted { folding: self.folding, base: new.into(), past, safe_ts: self.safe_ts })
    }

    /// Segments side by side, as one.
    fn fold(
        &self,
        schema: &SpaceSchema,
        joined: &[(Option<Chunk>, KeyRange)],
        out: &mut Vec<Chunk>,
    ) -> Result<(), BuildError> {
        let like: Vec<Chunk> = joined.iter().filter_map(|(chunk, _)| chunk.clone()).collect();
        let (mut sets, mut times) = (Vec::with_capacity(joined.len()), Vec::new());
        for (chunk, range) in joined {
            let mut base = rows_of(chunk);
            let mut plan = self.merge(&base, range);
            if let Some(old) = chunk.as_ref().filter(|_| joined.len() == 1) {
                if let Some(rows) = plan.replaced(0) {
                    let with = Replacements { rows: &rows, times: plan.delta_ts() };
                    let fresh =
                        |ordinal: usize| plan.delta_column(ordinal, &schema.columns[ordinal].ty.arrow());
                    if let Some(patched) = old.patched(schema, &with, fresh) {
                        out.push(patched);
                        return Ok(());
                    }
                }
                if let Some(behind) = plan.behind(old.rows())
                    && old.rows() >= APPEND_TO * behind.rows
                {
                    out.push(old.clone());
                    (base, plan) = (None, behind);
                }
            }
            if plan.rows > 0 {
                let columns = schema.columns.iter().enumerate();
                let column =
                    |(ordinal, def): (usize, &ColumnDef)| plan.column(&base, ordinal, &def.ty.arrow());
                sets.push(columns.map(column).collect());
                times.extend(plan.commit_ts(&base));
            }
        }
        let newest = times.iter().copied().max().unwrap_or(0);
        // All readers to come are at the safe timestamp or later: rows before it need not be told apart.
        let commit = if newest <= self.safe_ts.0 {
            CommitColumn::Uniform(Timestamp(newest))
        } else {
            CommitColumn::PerRow(times)
        };
        out.extend(rebuild(schema, sets, commit, self.limit, &like)?);
        Ok(())
    }

    fn merge(&self, base: &BaseRows, range: &KeyRange) -> Plan {
        let at = self.folding.at;
        let pick = |_: &Key, in_base: Option<Timestamp>, versions: &Versions| match versions.data_at(at) {
            Some(version) if in_base.is_none_or(|ts| ts < version.commit_ts) => match &version.write {
                Write::Put(row) => Pick::Delta(row.clone(), version.commit_ts),
                Write::Delete | Write::Lock | Write::Rollback => Pick::Nothing,
            },
            _ => Pick::Base,
        };
        merge_piece(base, &self.folding.delta, range, Timestamp::MAX, pick)
    }
}

fn rows_of(chunk: &Option<Chunk>) -> BaseRows {
    chunk.as_ref().map(|chunk| (chunk.clone(), 0..chunk.rows()))
}

/// The chunks of base, each with the keys from its first (for the first chunk the region's) up to the next chunk's.
fn segments(base: &[Chunk], range: &KeyRange) -> Vec<(Option<Chunk>, KeyRange)> {
    if base.is_empty() {
        return vec![(None, range.clone())];
    }
    let start = |i: usize| if i == 0 { range.start.clone() } else { base[i].first_key().clone() };
    let end = |i: usize| base.get(i + 1).map_or_else(|| range.end.clone(), |next| next.first_key().clone());
    base.iter()
        .enumerate()
        .map(|(i, chunk)| (Some(chunk.clone()), KeyRange { start: start(i), end: end(i) }))
        .collect()
}

/// Whether a segment goes with those before it, asked one after the other: together they are small.
fn side_by_side<T>(limit: ChunkLimit) -> impl FnMut(&(Option<Chunk>, T), &(Option<Chunk>, T)) -> bool {
    let size = |chunk: &Option<Chunk>| chunk.as_ref().map_or((0, 0), |chunk| (chunk.rows(), chunk.bytes()));
    let mut held = (0, 0);
    move |(last, _), (next, _)| {
        let (before, next) = (if held == (0, 0) { size(last) } else { held }, size(next));
        let both = (before.0 + next.0, before.1 + next.1);
        let fits = both.0 <= limit.rows / JOIN_BELOW && both.1 <= limit.bytes / JOIN_BELOW;
        held = if fits { both } else { next };
        fits
    }
}

/// Puts a new base in place; whether it still fits. Costs a few reference counts: writers wait for this.
pub(super) fn install(records: &mut Records, compacted: Compacted) -> bool {
    let Compacted { folding, base, past, safe_ts } = compacted;
    let is_done = records.end_fold(&folding, base, past);
    if is_done {
        records.forget(safe_ts);
    }
    is_done
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use arrow::record_batch::RecordBatch;

    use super::*;
    use crate::chunk::BLOCK_ROWS;
    use crate::key::KeyEncoder;
    use crate::mvcc::RowRef;
    use crate::percolator::{Commit, Mutation, MutationOp, Prewrite};
    use crate::region::{Command, Epoch, RegionState};
    use crate::schema::{ColumnType, RegionId, SpaceId, SqlType};

    const LIMIT: ChunkLimit = ChunkLimit { rows: BLOCK_ROWS, bytes: usize::MAX };

    struct World {
        region: RegionState,
        now: u64,
        limit: ChunkLimit,
    }

    impl World {
        fn new(limit: ChunkLimit) -> World {
            let column = ColumnDef::new("id", ColumnType::not_null(SqlType::BIGINT));
            let id = SpaceId(3);
            let schema = SpaceSchema { id, columns: vec![column], key: vec![0], unique_prefix: None };
            let range = KeyRange::of_space(id);
            let region = RegionState::new(RegionId(1), Epoch::default(), range, Arc::new(schema));
            World { region, now: 10, limit }
        }

        /// Rows that come or go, in one transaction, and a fold.
        fn change(&mut self, ids: impl Iterator<Item = i64>, come: bool) {
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
            let fields = vec![Field::new("id", DataType::Int64, false)];
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![ids]).unwrap();
            let batch = Arc::new(batch);
            let schema = Arc::clone(self.region.snapshot().schema());
            let keys = KeyEncoder::new(&schema).bind(batch.columns()).unwrap();
            let mutation = |row: usize| Mutation {
                key: keys.key(row),
                op: match come {
                    true => MutationOp::Put(RowRef { batch: Arc::clone(&batch), row: row as u32 }),
                    false => MutationOp::Delete,
                },
            };
            let mutations: Vec<Mutation> = (0..batch.num_rows()).map(mutation).collect();
            let keys: Vec<Key> = mutations.iter().map(|m| m.key.clone()).collect();
            let (start_ts, commit_ts) = (Timestamp(self.now), Timestamp(self.now + 1));
            self.now += 10;
            self.region.apply(Command::Prewrite(Prewrite {
                txn_size: keys.len(),
                primary: keys[0].clone(),
                mutations,
                start_ts,
                ttl_ms: 1000,
                min_commit_ts: Timestamp(0),
                pessimistic: None,
                async_commit: None,
            }));
            self.region.apply(Command::Commit(Commit { keys, start_ts, commit_ts }));
            self.region.apply(Command::BeginFold(Timestamp(self.now)));
            let safe_ts = Timestamp(self.now);
            let fold = Compaction::plan(self.region.snapshot(), safe_ts, self.limit).expect("it has begun");
            self.region.apply(Command::Install(fold.build().unwrap()));
        }

        fn chunks(&self) -> Vec<usize> {
            self.region.snapshot().records().base.iter().map(Chunk::rows).collect()
        }
    }

    #[test]
    fn chunks_stay_few_wherever_rows_come_and_go() {
        let mut world = World::new(LIMIT);
        let rows = 4 * BLOCK_ROWS as i64;
        world.change((0..rows).map(|i| 1000 * i), true);
        assert_eq!(world.chunks(), [BLOCK_ROWS; 4], "what is new comes in full chunks");
        for round in 1..=30 {
            world.change((0..4).map(|i| 1000 * i * (rows / 4) + round), true);
            let chunks = world.chunks();
            let now = (rows + 4 * round) as usize;
            assert_eq!(chunks.iter().sum::<usize>(), now);
            // What was full has been cut in two halves.
            assert!(chunks.len() <= now.div_ceil(BLOCK_ROWS / 2), "after round {round}: {chunks:?}");
        }
        for round in 0..40 {
            let gone = (0..rows).filter(|i| i % 40 == round && i % 400 != round);
            world.change(gone.map(|i| 1000 * i), false);
        }
        let chunks = world.chunks();
        assert!(
            chunks.len() <= 1 + 2 * chunks.iter().sum::<usize>() / (BLOCK_ROWS / JOIN_BELOW),
            "{chunks:?}"
        );
    }

    /// Chunks that are full by their bytes are left alone by a fold of others.
    #[test]
    fn chunks_of_wide_rows_are_not_joined() {
        let bytes = 64 * BLOCK_ROWS;
        let mut world = World::new(ChunkLimit { rows: 1000 * BLOCK_ROWS, bytes });
        world.change((0..40 * BLOCK_ROWS as i64).map(|i| 10 * i), true);
        let keys = |world: &World| -> Vec<Key> {
            world.region.snapshot().records().base.iter().map(|chunk| chunk.first_key().clone()).collect()
        };
        let before = keys(&world);
        assert!(before.len() > 3, "{:?}", world.chunks());
        world.change([5].into_iter(), true);
        let after = keys(&world);
        assert_eq!(before[2..], after[after.len() - (before.len() - 2)..], "{:?}", world.chunks());
    }
}
