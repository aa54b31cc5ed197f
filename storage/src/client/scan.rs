//! Snapshot scans: ranges are cut by region into tasks; each task opens its region's snapshot at the timestamp. A task whose
//! region has changed is cut again, and its parts go on in its place, so that the order of keys is kept.

use std::sync::Arc;

use super::backoff::{Backoff, BackoffKind, Budget};
use super::locks::Reading;
use super::region_cache::CachedRegion;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::error::{Error, Result};
use crate::key::{Key, KeyRange};
use crate::mvcc::{RegionScan, ZoneFilter};
use crate::rpc::{Body, Read, Reply, ScanBody};
use crate::schema::{SpaceId, Timestamp};

/// Rows of a space at a timestamp.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// The space.
    pub space: SpaceId,
    /// Only keys in these; in any order, and they may overlap. Empty = all keys.
    pub ranges: Arc<[KeyRange]>,
    /// As of when.
    pub ts: Timestamp,
    /// Blocks in which no row can satisfy all of these may be left out.
    pub zone: Arc<[ZoneFilter]>,
    /// Greatest key first.
    pub descending: bool,
}

impl ScanRequest {
    /// All rows, in key order.
    pub fn all(space: SpaceId, ts: Timestamp) -> ScanRequest {
        ScanRequest { space, ranges: [].into(), ts, zone: [].into(), descending: false }
    }

    /// What to scan: sorted, disjoint, none empty, within the space.
    fn normal_ranges(&self) -> Arc<[KeyRange]> {
        let next_space = self.space.0.wrapping_add(1).to_be_bytes();
        let here = |key: &Key| key.space() == Some(self.space) || key.as_bytes() == next_space;
        // As a plan's ranges are.
        let normal = self.ranges.windows(2).all(|pair| pair[0].end < pair[1].start)
            && self.ranges.iter().all(|r| !r.is_empty() && here(&r.start) && here(&r.end));
        if normal && !self.ranges.is_empty() {
            return Arc::clone(&self.ranges);
        }
        let space = KeyRange::of_space(self.space);
        if self.ranges.is_empty() {
            return [space].into();
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
        ranges.into()
    }
}

/// Ranges within one region, as far as the client knows.
struct Task {
    /// Which of the scans that are opened together.
    scan: usize,
    region: CachedRegion,
    ranges: Arc<[KeyRange]>,
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
        let mut backoff = self.backoff("scan", Budget::Read);
        let mut scans: Vec<Vec<RegionScan>> = requests.iter().map(|_| Vec::with_capacity(1)).collect();
        // Whoever reads several at once reads them at one time; who does not, one after the other.
        let mut rest = tasks.into_iter().peekable();
        while let Some(ts) = rest.peek().map(|task| requests[task.scan].ts) {
            let mut of_ts = Vec::with_capacity(rest.len());
            while let Some(task) = rest.next_if(|task| requests[task.scan].ts == ts) {
                of_ts.push(task);
            }
            let opened = self
                .read_past_locks(&mut backoff, ts, of_ts, async |client, backoff, reading, ignore| {
                    client.scan_tasks(backoff, reading, requests, ignore).await
                })
                .await?;
            opened.into_iter().for_each(|(at, opened)| scans[at].push(opened));
        }
        scans.iter_mut().zip(requests).filter(|(_, r)| r.descending).for_each(|(scans, _)| scans.reverse());
        Ok(scans)
    }
}

impl Client {
    /// Opens one region's tasks, in as many parts as it has been split into meanwhile, in key order.
    async fn scan_tasks(
        &mut self,
        backoff: &mut Backoff,
        reading: &mut Reading<Task, (usize, RegionScan)>,
        requests: &[ScanRequest],
        ignore: &[Timestamp],
    ) -> Result<()> {
        while let Some(mut task) = reading.todo.pop() {
            let ScanRequest { ts, ref zone, descending, .. } = requests[task.scan];
            let body = Body::Scan(Arc::new(ScanBody {
                ranges: Arc::clone(&task.ranges),
                ts,
                zone: Arc::clone(zone),
                descending,
                ignore: ignore.to_vec(),
                own: self.own.clone(),
            }));
            match self.send(backoff, &mut task.region, &body).await? {
                Sent::Reply(Reply::Scan(Read::Rows(scan))) => reading.done.push((task.scan, scan)),
                Sent::Reply(Reply::Scan(Read::Locked(locks))) => {
                    reading.locks = locks;
                    reading.todo.push(task);
                    break;
                }
                Sent::Reply(Reply::Scan(Read::Ingesting)) => {
                    self.wait(backoff, BackoffKind::RegionScheduling, "an ingest under way").await?;
                    reading.todo.push(task);
                }
                Sent::Reply(Reply::Scan(Read::TooOld { safe_ts })) => {
                    return Err(Error::SnapshotTooOld { ts, safe_ts });
                }
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {
                    let parts = self.split_ranges(backoff, &task.ranges).await?;
                    let scan = task.scan;
                    let parts = parts.into_iter().rev();
                    reading.todo.extend(parts.map(|(region, ranges)| Task { scan, region, ranges }));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_and_joined() {
        let key = |n: u8| Key::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 9, n]);
        let range = |a, b| KeyRange { start: key(a), end: key(b) };
        let mut request = ScanRequest::all(SpaceId(9), Timestamp(1));
        assert_eq!(*request.normal_ranges(), [KeyRange::of_space(SpaceId(9))]);
        request.ranges =
            [range(20, 30), range(1, 5), range(4, 4), range(3, 8), range(8, 9), range(21, 22)].into();
        assert_eq!(*request.normal_ranges(), [range(1, 9), range(20, 30)]);
        request.ranges = [range(4, 4)].into();
        assert!(request.normal_ranges().is_empty());
    }
}
