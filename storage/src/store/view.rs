//! What everybody sees of a region: the answers to reads.

use std::sync::Arc;

use crate::key::{Key, KeyRange};
use crate::mvcc::{Few, LOCKS_TOLD_MAX, LockInfo, RowRun};
use crate::pd::RegionInfo;
use crate::region::{Epoch, RegionSnapshot};
use crate::rpc::{GetBody, LookupBody, PrepareIngest, Read, RegionError, Reply, Response, ScanBody};
use crate::schema::{StoreId, Timestamp};

/// A region at one moment.
pub(super) struct GroupView {
    pub(super) info: Arc<RegionInfo>,
    /// Whether it is about to be part of its neighbour.
    pub(super) retired: bool,
    pub(super) snapshot: RegionSnapshot,
    /// The ingest that the region waits for.
    pub(super) ingesting: Option<PrepareIngest>,
}

impl GroupView {
    pub(super) fn info(&self) -> &Arc<RegionInfo> {
        &self.info
    }

    pub(super) fn snapshot(&self) -> &RegionSnapshot {
        &self.snapshot
    }

    /// The ingest that the region has waited for in vain, if there is one: its primary, and when it began.
    pub(super) fn abandoned_ingest(&self, now_ms: u64) -> Option<(Key, Timestamp)> {
        let pending = self.ingesting.as_ref().filter(|pending| pending.until_ms <= now_ms)?;
        Some((pending.primary.clone(), pending.ingest))
    }

    /// Whether it waits for an ingest.
    pub(super) fn is_ingesting(&self) -> bool {
        self.ingesting.is_some()
    }

    /// The region as it is, if the request reached the store that leads it, and knows it as it is.
    pub(super) fn check(&self, to: StoreId, epoch: Epoch) -> Result<&Arc<RegionInfo>, RegionError> {
        match self.retired {
            true => Err(RegionError::RegionNotFound),
            false => check(&self.info, to, epoch).map(|()| &self.info),
        }
    }

    pub(super) fn scan(&self, to: StoreId, epoch: Epoch, scan: &ScanBody) -> Response {
        self.check(to, epoch)?;
        if !scan.ranges.iter().all(|range| self.info.range.covers(range)) {
            return Err(RegionError::KeyNotInRegion);
        }
        let read = self.read(
            scan.ts,
            || self.snapshot.blocking_locks(&scan.ranges, scan.ts, &scan.ignore),
            || self.snapshot.scan_over(&scan.ranges, scan.ts, &scan.zone, scan.descending, &scan.own),
        );
        Ok(Reply::Scan(read))
    }

    pub(super) fn get(&self, to: StoreId, epoch: Epoch, get: &GetBody) -> Response {
        self.check(to, epoch)?;
        check_keys(&self.info.range, &*get.keys)?;
        let read = self.read(
            get.ts,
            || self.snapshot.blocking_locks_at(&get.keys, get.ts, &get.ignore),
            || self.snapshot.get_over(&get.keys, get.ts, &get.ordinals, &get.own),
        );
        Ok(Reply::Get(read))
    }

    /// Locks of transactions that began before a timestamp, pessimistic ones among them.
    pub(super) fn scan_locks(&self, to: StoreId, epoch: Epoch, before: Timestamp) -> Response {
        self.check(to, epoch)?;
        let locks = self.snapshot.records().locks.iter().filter(|(_, lock)| lock.start_ts < before);
        Ok(Reply::Locks(locks.take(LOCKS_TOLD_MAX).map(|(key, lock)| lock.info(key)).collect()))
    }

    pub(super) fn lookup(&self, to: StoreId, epoch: Epoch, body: &LookupBody) -> Response {
        self.check(to, epoch)?;
        let LookupBody { lookups, rows, within, ignore } = body;
        let within = within.as_ref().unwrap_or(&self.info.range);
        if !self.info.range.covers(within) {
            return Err(RegionError::KeyNotInRegion);
        }
        if let Err(mismatch) = lookups.fit(self.snapshot.schema()) {
            return Ok(Reply::Unfit(mismatch));
        }
        let read = self.read(
            lookups.ts,
            || lookups.blocking_locks(rows.clone(), within, self.snapshot.records(), ignore),
            || self.snapshot.lookup(lookups, rows.clone(), within),
        );
        Ok(Reply::Lookup(read))
    }

    /// How many rows of a few there are, appended to `out`; `None` whenever there is more to say than that.
    pub(super) fn few(
        &self,
        to: StoreId,
        epoch: Epoch,
        few: &Few<'_>,
        out: &mut Vec<RowRun>,
        next: &mut Vec<u8>,
    ) -> Option<usize> {
        self.check(to, epoch).ok()?;
        let range = &self.info.range;
        if few.start < range.start.as_bytes() || range.end.as_bytes() < few.end || self.is_ingesting() {
            return None;
        }
        let (snapshot, records) = (&self.snapshot, self.snapshot.records());
        let is_plain = few.ts >= snapshot.safe_ts()
            && records.is_present(few.ts)
            && !records.is_locked(few.start, few.end, few.ts);
        is_plain.then(|| few.read(records, out, next))
    }

    fn read<T>(
        &self,
        ts: Timestamp,
        locks: impl FnOnce() -> Vec<LockInfo>,
        rows: impl FnOnce() -> T,
    ) -> Read<T> {
        if ts < self.snapshot.safe_ts() {
            return Read::TooOld { safe_ts: self.snapshot.safe_ts() };
        }
        if self.ingesting.as_ref().is_some_and(|pending| pending.ingest < ts) {
            return Read::Ingesting;
        }
        let locks = locks();
        if locks.is_empty() { Read::Rows(rows()) } else { Read::Locked(locks) }
    }
}

/// Whether a request reached the store that leads the region, and knows the region as it is.
pub(super) fn check(info: &Arc<RegionInfo>, to: StoreId, epoch: Epoch) -> Result<(), RegionError> {
    if !info.peers.contains(&to) {
        return Err(RegionError::RegionNotFound);
    }
    if info.leader != to {
        return Err(RegionError::NotLeader { leader: Some(info.leader) });
    }
    if info.epoch != epoch {
        return Err(RegionError::EpochNotMatch { current: vec![Arc::clone(info)] });
    }
    Ok(())
}

pub(super) fn check_keys<'a>(
    range: &KeyRange,
    keys: impl IntoIterator<Item = &'a Key>,
) -> Result<(), RegionError> {
    match keys.into_iter().all(|key| range.contains(key.as_bytes())) {
        true => Ok(()),
        false => Err(RegionError::KeyNotInRegion),
    }
}
