//! What a region was before it was folded, for those who read as of then.
//!
//! **The problem.** A scan is fast where base is all there is: it hands out slices of columns. Writers make delta grow, and
//! every key in it costs a scan a merge. If only what nobody can read any more were folded into base, delta would hold
//! everything that was written in the last seconds, and a table whose rows have just been updated would be read row by row.
//!
//! **How it works.** A fold takes *all* that was committed up to a timestamp `F`, however young. Whoever reads at `F` or
//! later, which is nearly everybody, finds the new base and a small delta. For who reads earlier the region keeps what it
//! was: the old base and the delta that went into the new one are a [`Past`], which ends at `F`. Nothing is copied for that;
//! both are immutable, and parts of base that did not change are shared. A reader takes the first past that ends after its
//! timestamp, and else the present ([`Records::at`]), so it merges one base with one delta, whenever it reads.
//!
//! A fold is a reader at `F`, and what a reader may rely on is what makes it right: whatever commits here later commits
//! after `F`. Transactions that take their timestamp after their locks are published do so by the order of things; those in
//! async commit because the region's owner notes `F` as a read; and where there is a lock already that could still commit
//! earlier, `F` is chosen below that ([`Records::begin_fold`]). So a past, once made, has all there will ever be to read in
//! it.
//!
//! **Writers** go on while a new base is built, which takes milliseconds. The owner only remembers the delta as it was when
//! the fold began and from then on enters new versions in a second map, too: when the base is ready, that map *is* the new
//! delta. Neither beginning nor end costs more for a large delta, so no writer waits for one.
//!
//! **How transactions ended** is asked by their keys, and the answer may be in a past. A record of a transaction that began
//! at `S` is in the present or in a past that ends after `S`; so is the newest change of a key, if it is after `S`. A
//! transaction that has just begun looks at no past at all.
//!
//! **An end** comes to a past when nobody can read in it any more: it ends at or before the safe timestamp, and is dropped as
//! a whole. Until then pasts that follow one another are made one, the older base with both deltas, as long as that delta
//! is small beside the base (else a table would be kept once for each fold) and no ingest came between.
//!
//! **Example.** Base has a@3, delta a@10 and b@12. A fold at 15 makes base a@10 b@12, delta empty, and a past until 15: base
//! a@3, delta a@10 b@12. A reader at 11 reads in the past: a@10, no b. A reader at 20: the new base as it is. A transaction
//! that began at 11 and now writes b finds in the past that b was changed at 12, after it began.
//!
//! Left out: undo records (the newest version in base, older ones to be found from it), as InnoDB has them. They take less
//! memory where a few rows of many are updated, but every reader of the past would pay for what the present does; and
//! several levels of folded pieces, as in an LSM tree: to patch a column is cheap enough to do often (`chunk/patch.rs`).

use std::borrow::Cow;
use std::sync::Arc;

use super::{Base, Delta, Records, Version, Versions, Write};
use crate::key::{Key, KeyRange};
use crate::schema::Timestamp;

/// A past's delta may have this part of the rows of its base, before the next fold begins another.
const BASE_ROWS_PER_VERSION: usize = 8;
/// Or so many versions, if that is more.
const VERSIONS_FREE: usize = if cfg!(test) { 8 } else { 4096 };

/// See the module's essay.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    /// The keys that it is the past of. (Base and delta may have others, which are not to be looked at.)
    pub(crate) range: KeyRange,
    /// When the fold before was made: what is in `delta` was committed after that, save for records of rollbacks.
    pub(crate) since: Timestamp,
    /// Who reads before this reads here, if no other past ends between.
    pub(crate) until: Timestamp,
    pub(crate) base: Base,
    pub(crate) delta: Delta,
    /// In `delta`, about.
    pub(crate) versions: usize,
}

/// A fold that is under way: what it folds.
#[derive(Debug)]
pub(crate) struct Folding {
    /// What was committed up to here is folded.
    pub(crate) at: Timestamp,
    /// When the fold before was made.
    pub(crate) since: Timestamp,
    /// Whether rows have come into `base` since then.
    pub(crate) has_grown: bool,
    pub(crate) base: Base,
    pub(crate) delta: Delta,
    /// In `delta`.
    pub(crate) versions: usize,
    /// Nothing in `delta` was committed later.
    pub(crate) newest_ts: Timestamp,
}

impl Records {
    /// Whether a reader at `ts` reads the present.
    pub(crate) fn is_present(&self, ts: Timestamp) -> bool {
        self.past.last().is_none_or(|past| past.until <= ts)
    }

    /// What a reader at `ts` has to read, as far as this range of keys goes. The caller has made sure that `ts` is not below
    /// the safe timestamp. Locks are always the present ones.
    pub(crate) fn at(&self, ts: Timestamp, range: &KeyRange) -> Cow<'_, Records> {
        if self.is_present(ts) {
            return Cow::Borrowed(self);
        }
        let first = self.past.partition_point(|past| past.until <= ts);
        // Each key is read in the first past that has it, and what no past has in the present.
        let mut parts: Vec<(KeyRange, &Base, &Delta)> = Vec::with_capacity(1);
        let mut rest = vec![range.clone()];
        for past in &self.past[first..] {
            rest = rest
                .into_iter()
                .flat_map(|range| {
                    let Some(common) = range.intersect(&past.range) else { return [Some(range), None] };
                    let before = KeyRange { start: range.start, end: common.start.clone() };
                    let after = KeyRange { start: common.end.clone(), end: range.end };
                    parts.push((common, &past.base, &past.delta));
                    [before, after].map(|range| (!range.is_empty()).then_some(range))
                })
                .flatten()
                .collect();
            if rest.is_empty() {
                break;
            }
        }
        parts.extend(rest.into_iter().map(|range| (range, &self.base, &self.delta)));
        parts.sort_unstable_by(|a, b| a.0.start.cmp(&b.0.start));
        let base = parts.iter().flat_map(|(range, base, _)| base.iter().filter_map(|c| c.within(range)));
        let delta = match parts.as_slice() {
            [(_, _, delta)] => Delta::clone(delta),
            parts => {
                let within = |(range, _, delta): &(KeyRange, &Base, &Delta)| {
                    let own = |(key, versions): (&Key, &Arc<Versions>)| (key.clone(), Arc::clone(versions));
                    delta.range::<_, Key>(&range.start..&range.end).map(own).collect::<Vec<_>>()
                };
                parts.iter().flat_map(within).collect()
            }
        };
        Cow::Owned(Records {
            base: base.collect(),
            delta,
            past: Arc::default(),
            folding: None,
            recent: None,
            ..self.clone()
        })
    }

    /// The pasts that end after a timestamp and have this key, the latest first.
    pub(super) fn pasts_of<'a>(&'a self, key: &'a Key, after: Timestamp) -> impl Iterator<Item = &'a Past> {
        let later = self.past.iter().rev().take_while(move |past| past.until > after);
        later.filter(|past| past.range.contains(key.as_bytes()))
    }

    /// The first change of a key to be committed after a timestamp that is not below the safe one.
    pub(crate) fn first_change_after(&self, key: &Key, ts: Timestamp) -> Option<&Version> {
        let pasts = self.past.iter().filter(|past| past.until > ts && past.range.contains(key.as_bytes()));
        let pasts = pasts.map(|past| &past.delta);
        let changes = pasts.chain([&self.delta]).filter_map(|delta| delta.get(key)).flat_map(|v| v.iter());
        changes
            .filter(|change| change.is_data() && change.commit_ts > ts)
            .min_by_key(|change| change.commit_ts)
    }

    /// Begins a fold of what was committed up to `at`, or less if locks could still commit before that. When it began to
    /// be; `None` if there is nothing to fold. Another fold that has begun is then void.
    pub(crate) fn begin_fold(&mut self, at: Timestamp) -> Option<Timestamp> {
        // Pessimistic locks do not commit: what takes their place is published after this.
        let undecided = self.locks.values().filter(|lock| !lock.is_pessimistic());
        let at = undecided.fold(at, |at, lock| at.min(Timestamp(lock.min_commit_ts.0.saturating_sub(1))));
        if self.delta.is_empty() || at <= self.folded_ts {
            return None;
        }
        self.recent = Some(Delta::new());
        self.folding = Some(Arc::new(Folding {
            at,
            since: self.folded_ts,
            has_grown: self.has_grown,
            base: self.base.clone(),
            delta: self.delta.clone(),
            versions: self.versions,
            newest_ts: self.newest_ts,
        }));
        Some(at)
    }

    /// Ends a fold: base becomes `base`, delta what came since it began and what was too young for it. Whether that was done:
    /// not if base has changed meanwhile, or another fold has begun.
    pub(crate) fn end_fold(&mut self, fold: &Arc<Folding>, base: Base, past: Arc<[Past]>) -> bool {
        if !self.folding.as_ref().is_some_and(|folding| Arc::ptr_eq(folding, fold)) {
            return false;
        }
        let recent = self.abandon_fold();
        if !self.base.is(&fold.base) {
            return false;
        }
        self.versions -= fold.versions;
        self.delta = recent.unwrap_or_default();
        // A rollback is recorded at its transaction's beginning. One that began at this very time has no part in what is folded, and
        // a command of it may still come.
        let stays = |version: &&Version| {
            version.commit_ts > fold.at
                || version.commit_ts == fold.at && matches!(version.write, Write::Rollback)
        };
        if fold.newest_ts >= fold.at {
            for (key, versions) in &fold.delta {
                for version in versions.iter().filter(stays) {
                    self.add_version(key, version.clone());
                }
            }
        }
        (self.base, self.past, self.folded_ts, self.has_grown) = (base, past, fold.at, false);
        true
    }

    /// Ends a fold that comes to nothing.
    pub(crate) fn abandon_fold(&mut self) -> Option<Delta> {
        self.folding = None;
        self.recent.take()
    }

    /// Nobody reads below this any more, and no lock in the cluster is older: pasts that end before go.
    pub(crate) fn forget(&mut self, safe_ts: Timestamp) {
        self.safe_ts = self.safe_ts.max(safe_ts);
        if self.past.iter().any(|past| past.until <= self.safe_ts) {
            self.past = self.past.iter().filter(|past| past.until > self.safe_ts).cloned().collect();
        }
    }

    /// The same, to be published: without what only the owner needs.
    pub(crate) fn published(&self) -> Records {
        Records { recent: None, ..self.clone() }
    }
}

/// The pasts as they are to be when a fold is done: with one more, or with the last one made longer.
pub(crate) fn with_fold(
    past: &[Past],
    folding: &Folding,
    range: &KeyRange,
    safe_ts: Timestamp,
) -> Arc<[Past]> {
    let mut past: Vec<Past> = past.iter().filter(|past| past.until > safe_ts).cloned().collect();
    if folding.at <= safe_ts {
        return past.into();
    }
    let base_rows: usize = folding.base.rows();
    let most = VERSIONS_FREE.max(base_rows / BASE_ROWS_PER_VERSION);
    match past.last_mut() {
        // One whose beginning nobody needs any more is left to end. The older base has no rows that came into the younger one by an
        // ingest.
        Some(last)
            if last.range == *range
                && !folding.has_grown
                && last.until == folding.since
                && last.since > safe_ts
                && last.versions + folding.versions <= most =>
        {
            last.until = folding.at;
            last.versions += folding.versions;
            add_all(&mut last.delta, &folding.delta);
        }
        _ => past.push(Past {
            range: range.clone(),
            since: folding.since,
            until: folding.at,
            base: folding.base.clone(),
            delta: folding.delta.clone(),
            versions: folding.versions,
        }),
    }
    past.into()
}

/// Adds later versions to earlier ones.
fn add_all(delta: &mut Delta, later: &Delta) {
    for (key, versions) in later {
        match delta.get_mut(key) {
            Some(known) => {
                let known = Arc::make_mut(known);
                versions.iter().for_each(|version| known.add(version.clone()));
            }
            None => {
                delta.insert(key.clone(), Arc::clone(versions));
            }
        }
    }
}

/// The newest of these that is not a rollback: when it began and was committed.
pub(super) fn newest_commit(versions: &Versions) -> Option<(Timestamp, Timestamp)> {
    let newest = versions.iter().find(|v| !matches!(v.write, Write::Rollback))?;
    Some((newest.start_ts, newest.commit_ts))
}
