//! Folding delta into base, while writers go on.
//!
//! 1. [`Compaction::plan`] takes a snapshot and a safe timestamp: no reader below it will come any more, and no transaction
//!    that holds a lock anywhere began before it (see
//!    [`RegionSnapshot::oldest_lock_ts`](super::RegionSnapshot::oldest_lock_ts)).
//! 2. [`Compaction::build`] makes the new base: of each key the newest change up to the safe timestamp. Chunks without
//!    such changes are taken over as they are. This is the slow part, and it needs nobody.
//! 3. The owner applies [`Command::Install`](super::Command::Install): the new base takes the place of the old, and
//!    exactly those versions that were in the snapshot and not later than the safe timestamp leave delta. Versions that
//!    came since stay. If base is not the one that was planned with (an ingest, a split, a merge), nothing is done.

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use crate::chunk::{BuildError, Chunk, ChunkLimit, CommitColumn, rebuild};
use crate::key::{Key, KeyRange};
use crate::mvcc::{Delta, Pick, Records, Version, Versions, Write, merge_piece};
use crate::schema::{SpaceSchema, Timestamp};

use super::RegionSnapshot;

/// A compaction that is to be done.
#[derive(Clone, Debug)]
pub struct Compaction {
    snapshot: Arc<RegionSnapshot>,
    safe_ts: Timestamp,
    limit: ChunkLimit,
}

/// A compaction's result.
#[derive(Clone, Debug)]
pub struct Compacted {
    /// The base that it started from.
    old: Arc<[Chunk]>,
    new: Arc<[Chunk]>,
    /// The delta that it started from.
    folded: Delta,
    /// What of it is too young, and how many versions that are.
    left: Delta,
    left_versions: usize,
    safe_ts: Timestamp,
}

impl Compaction {
    /// Of a region as it is in the snapshot; `None` if there is nothing to fold.
    pub fn plan(snapshot: Arc<RegionSnapshot>, safe_ts: Timestamp, limit: ChunkLimit) -> Option<Compaction> {
        let safe_ts = safe_ts.max(snapshot.safe_ts());
        let has_work = snapshot.records().delta.values().any(|versions| is_due(versions, safe_ts));
        has_work.then_some(Compaction { snapshot, safe_ts, limit })
    }

    /// Makes the new base. An error means that the data is not what its schema says.
    pub fn build(self) -> Result<Compacted, BuildError> {
        let schema = self.snapshot.schema();
        let records = self.snapshot.records();
        let mut new = Vec::with_capacity(records.base.len());
        for (chunk, range) in segments(&records.base, self.snapshot.range()) {
            let mut in_segment = records.delta.range::<_, Key>(&range.start..&range.end);
            // Records of rollbacks and locks leave delta without a trace in base.
            if in_segment.any(|(_, versions)| versions.data_at(self.safe_ts).is_some()) {
                new.extend(self.fold(schema, chunk, &range)?);
            } else {
                new.extend(chunk);
            }
        }
        let kept = |(key, versions): (&Key, &Arc<Versions>)| {
            Some((key.clone(), young(versions, |v| v.commit_ts > self.safe_ts)?))
        };
        let left: Delta = records.delta.iter().filter_map(kept).collect();
        Ok(Compacted {
            old: Arc::clone(&records.base),
            new: new.into(),
            folded: records.delta.clone(),
            left_versions: left.values().map(|versions| versions.0.len()).sum(),
            left,
            safe_ts: self.safe_ts,
        })
    }

    fn fold(
        &self,
        schema: &SpaceSchema,
        chunk: Option<Chunk>,
        range: &KeyRange,
    ) -> Result<Vec<Chunk>, BuildError> {
        let like: Vec<Chunk> = chunk.iter().cloned().collect();
        let base = chunk.map(|chunk| {
            let rows = 0..chunk.rows();
            (chunk, rows)
        });
        let pick =
            |_: &Key, in_base: Option<Timestamp>, versions: &Versions| match versions.data_at(self.safe_ts) {
                Some(version) if in_base.is_none_or(|ts| ts < version.commit_ts) => match &version.write {
                    Write::Put(row) => Pick::Delta(row.clone(), version.commit_ts),
                    Write::Delete | Write::Lock | Write::Rollback => Pick::Nothing,
                },
                _ => Pick::Base,
            };
        let plan = merge_piece(&base, &self.snapshot.records().delta, range, Timestamp::MAX, pick);
        if plan.rows == 0 {
            return Ok(Vec::new());
        }
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
        rebuild(schema, vec![columns], commit, self.limit, &like)
    }
}

fn is_due(versions: &Versions, safe_ts: Timestamp) -> bool {
    versions.0.last().is_some_and(|oldest| oldest.commit_ts <= safe_ts)
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

/// The versions that are to stay, if any are.
fn young(versions: &Arc<Versions>, stays: impl Fn(&Version) -> bool) -> Option<Arc<Versions>> {
    if versions.0.iter().all(&stays) {
        return Some(Arc::clone(versions));
    }
    let some: Vec<Version> = versions.0.iter().filter(|v| stays(v)).cloned().collect();
    (!some.is_empty()).then(|| Arc::new(Versions(some)))
}

/// Puts a new base in place; whether it still fits. Costs what has changed since the compaction was planned, not what it
/// folded: writers wait for this.
pub(super) fn install(records: &mut Records, compacted: Compacted) -> bool {
    if !Arc::ptr_eq(&records.base, &compacted.old) {
        return false;
    }
    let Compacted { new, folded, left: mut delta, left_versions: mut versions, safe_ts, .. } = compacted;
    for change in folded.diff(&records.delta) {
        let (key, now) = match change {
            DiffItem::Add(key, now) => (key, Some(Arc::clone(now))),
            DiffItem::Update { old: (_, old), new: (key, now) } => {
                let is_folded = |v: &Version| {
                    v.commit_ts <= safe_ts
                        && old.0.iter().any(|f| f.start_ts == v.start_ts && f.commit_ts == v.commit_ts)
                };
                (key, young(now, |v| !is_folded(v)))
            }
            DiffItem::Remove(key, _) => (key, None),
        };
        versions += now.as_ref().map_or(0, |now| now.0.len());
        let before = match now {
            Some(now) => delta.insert(key.clone(), now),
            None => delta.remove(key),
        };
        versions -= before.map_or(0, |before| before.0.len());
    }
    (records.delta, records.versions) = (delta, versions);
    records.base = new;
    records.safe_ts = records.safe_ts.max(safe_ts);
    true
}
