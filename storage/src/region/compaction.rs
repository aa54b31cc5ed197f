//! Folding delta into base, while writers go on.
//!
//! 1. The owner applies [`Command::BeginFold`](super::Command::BeginFold), which says up to when all is folded, and publishes
//!    what that is.
//! 2. [`Compaction::build`] makes the new base: of each key the newest change up to then. Chunks without such changes are
//!    taken over as they are; one of which only rows were replaced is patched, column by column ([`Chunk::patched`]); others
//!    are built anew. This is the slow part, and it needs nobody.
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
use crate::mvcc::{BaseRows, Folding, Past, Pick, Plan, Records, Versions, Write, merge_piece, with_fold};
use crate::schema::{SpaceSchema, Timestamp};

use super::RegionSnapshot;

/// A last chunk that has this many times the rows that come behind it is not built anew for them.
const APPEND_TO: usize = 4;

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
    base: Arc<[Chunk]>,
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
        for (chunk, range) in segments(base, self.snapshot.range()) {
            let mut in_segment = delta.range::<_, Key>(&range.start..&range.end);
            // Records of rollbacks and locks leave delta without a trace in base.
            if in_segment.any(|(_, versions)| versions.data_at(*at).is_some()) {
                self.fold(schema, chunk, &range, &mut new)?;
            } else {
                new.extend(chunk);
            }
        }
        let past = &self.snapshot.records().past;
        let past = with_fold(past, &self.folding, self.snapshot.range(), self.safe_ts);
        Ok(Compacted { folding: self.folding, base: new.into(), past, safe_ts: self.safe_ts })
    }

    fn fold(
        &self,
        schema: &SpaceSchema,
        mut chunk: Option<Chunk>,
        range: &KeyRange,
        out: &mut Vec<Chunk>,
    ) -> Result<(), BuildError> {
        let like: Vec<Chunk> = chunk.iter().cloned().collect();
        let mut plan = self.merge(&rows_of(&chunk), range);
        if let Some(old) = &chunk
            && let Some(rows) = plan.replaced(0)
        {
            let with = Replacements { rows: &rows, times: plan.delta_ts() };
            let fresh = |ordinal: usize| plan.delta_column(ordinal, &schema.columns[ordinal].ty.arrow());
            if let Some(patched) = old.patched(schema, &with, fresh) {
                out.push(patched);
                return Ok(());
            }
        }
        if let Some(old) = &chunk
            && let Some(behind) = plan.behind(old.rows())
            && old.rows() >= APPEND_TO * behind.rows
        {
            out.extend(chunk.take());
            plan = behind;
        }
        if plan.rows == 0 {
            return Ok(());
        }
        let base = rows_of(&chunk);
        let columns = schema.columns.iter().enumerate();
        let columns = columns.map(|(ordinal, def)| plan.column(&base, ordinal, &def.ty.arrow())).collect();
        let times = plan.commit_ts(&base);
        let newest = times.iter().copied().max().unwrap_or(0);
        // All readers to come are at the safe timestamp or later: rows before it need not be told apart.
        let commit = if newest <= self.safe_ts.0 {
            CommitColumn::Uniform(Timestamp(newest))
        } else {
            CommitColumn::PerRow(times)
        };
        out.extend(rebuild(schema, vec![columns], commit, self.limit, &like)?);
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

/// Puts a new base in place; whether it still fits. Costs a few reference counts: writers wait for this.
pub(super) fn install(records: &mut Records, compacted: Compacted) -> bool {
    let Compacted { folding, base, past, safe_ts } = compacted;
    let is_done = records.end_fold(&folding, base, past);
    if is_done {
        records.forget(safe_ts);
    }
    is_done
}
