//! Snapshot scans: ranges are cut by region into tasks; each task opens its region's snapshot at the timestamp. A task whose
//! region has changed is cut again, and its parts go on in its place, so that the order of keys is kept.

use std::sync::Arc;

use super::backoff::{Backoff, BackoffKind, Budget};
use super::locks::LockWaits;
use super::region_cache::CachedRegion;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::error::{Error, Result};
use crate::key::KeyRange;
use crate::mvcc::{RegionScan, ZoneFilter};
use crate::rpc::{Body, Read, Reply, ScanBody};
use crate::schema::{SpaceId, Timestamp};

/// Rows of a space at a timestamp.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// The space.
    pub space: SpaceId,
    /// Only keys in these; in any order, and they may overlap. Empty = all keys.
    pub ranges: Vec<KeyRange>,
    /// As of when.
    pub ts: Timestamp,
    /// Blocks in which no row can satisfy all of these may be left out.
    pub zone: Vec<ZoneFilter>,
    /// Greatest key first.
    pub descending: bool,
}

impl ScanRequest {
    /// All rows, in key order.
    pub fn all(space: SpaceId, ts: Timestamp) -> ScanRequest {
        ScanRequest { space, ranges: Vec::new(), ts, zone: Vec::new(), descending: false }
    }

    /// What to scan: sorted, disjoint, none empty, within the space.
    fn normal_ranges(&self) -> Vec<KeyRange> {
        let space = KeyRange::of_space(self.space);
        if self.ranges.is_empty() {
            return vec![space];
        }
        let mut ranges: Vec<KeyRange> = self.ranges.iter().filter_map(|r| r.intersect(&space)).collect();
        ranges.sort_unstable_by(|a, b| a.start.cmp(&b.start));
        ranges.dedup_by(|next, kept| {
            let joined = next.start <= kept.end;
            if joined && next.end > kept.end {
                kept.end = next.end.clone();
            }
            joined
        });
        ranges
    }
}

/// Ranges within one region, as far as the client knows.
struct Task {
    /// Which of the scans that are opened together.
    scan: usize,
    region: CachedRegion,
    ranges: Vec<KeyRange>,
}

impl Client {
    /// Opens a scan: the views of the regions it touches, in key order (the other way round if descending). Locks are
    /// resolved and region errors retried in here; reading the views can do neither.
    pub async fn scan(&mut self, request: &ScanRequest) -> Result<Vec<RegionScan>> {
        let mut opened = self.scan_all(std::slice::from_ref(request)).await?;
        Ok(opened.swap_remove(0))
    }

    /// Opens several scans, as [`scan`](Client::scan) opens each: what they wait for, they wait for together.
    pub async fn scan_all(&mut self, requests: &[ScanRequest]) -> Result<Vec<Vec<RegionScan>>> {
        let mut backoff = self.backoff("scan", Budget::BuildTasks);
        let mut tasks = Vec::with_capacity(requests.len());
        for (scan, request) in requests.iter().enumerate() {
            let parts = self.split_ranges(&mut backoff, &request.normal_ranges()).await?;
            tasks.extend(parts.into_iter().map(|(region, ranges)| Task { scan, region, ranges }));
        }
        let zones: Vec<Arc<[ZoneFilter]>> = requests.iter().map(|r| r.zone.as_slice().into()).collect();
        let mut backoff = self.backoff("scan", Budget::Read);
        let opened = self
            .fan_out(&mut backoff, tasks, async |client, backoff, task| {
                let (at, request) = (task.scan, &requests[task.scan]);
                let opened = client.scan_task(backoff, task, request.ts, &zones[at], request.descending);
                Ok((at, opened.await?))
            })
            .await?;
        let mut scans: Vec<Vec<RegionScan>> = requests.iter().map(|_| Vec::with_capacity(1)).collect();
        opened.into_iter().for_each(|(at, opened)| scans[at].extend(opened));
        scans.iter_mut().zip(requests).filter(|(_, r)| r.descending).for_each(|(scans, _)| scans.reverse());
        Ok(scans)
    }
}

impl Client {
    /// Opens one task, in as many parts as its region has been split into meanwhile, in key order.
    async fn scan_task(
        &mut self,
        backoff: &mut Backoff,
        task: Task,
        ts: Timestamp,
        zone: &Arc<[ZoneFilter]>,
        descending: bool,
    ) -> Result<Vec<RegionScan>> {
        let mut scans = Vec::with_capacity(1);
        let mut ignore = Vec::new();
        let mut waits = LockWaits::default();
        // A stack: the next task in key order is on top.
        let mut tasks = vec![task];
        while let Some(mut task) = tasks.pop() {
            let body = Body::Scan(Arc::new(ScanBody {
                ranges: task.ranges.clone(),
                ts,
                zone: Arc::clone(zone),
                descending,
                ignore: ignore.clone(),
                own: self.own.clone(),
            }));
            match self.send(backoff, &mut task.region, &body).await? {
                Sent::Reply(Reply::Scan(Read::Rows(scan))) => scans.push(scan),
                Sent::Reply(Reply::Scan(Read::Locked(locks))) => {
                    self.resolve_for_read(backoff, locks, ts, &mut ignore, &mut waits).await?;
                    tasks.push(task);
                }
                Sent::Reply(Reply::Scan(Read::Ingesting)) => {
                    self.wait(backoff, BackoffKind::RegionScheduling, "an ingest under way").await?;
                    tasks.push(task);
                }
                Sent::Reply(Reply::Scan(Read::TooOld { safe_ts })) => {
                    return Err(Error::SnapshotTooOld { ts, safe_ts });
                }
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {
                    let parts = self.split_ranges(backoff, &task.ranges).await?;
                    let scan = task.scan;
                    tasks.extend(parts.into_iter().rev().map(|(region, ranges)| Task {
                        scan,
                        region,
                        ranges,
                    }));
                }
            }
        }
        Ok(scans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    #[test]
    fn ranges_are_sorted_and_joined() {
        let key = |n: u8| Key::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 9, n]);
        let range = |a, b| KeyRange { start: key(a), end: key(b) };
        let mut request = ScanRequest::all(SpaceId(9), Timestamp(1));
        assert_eq!(request.normal_ranges(), [KeyRange::of_space(SpaceId(9))]);
        request.ranges =
            vec![range(20, 30), range(1, 5), range(4, 4), range(3, 8), range(8, 9), range(21, 22)];
        assert_eq!(request.normal_ranges(), [range(1, 9), range(20, 30)]);
        request.ranges = vec![range(4, 4)];
        assert!(request.normal_ranges().is_empty());
    }
}
