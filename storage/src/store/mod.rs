//! The stores' side of a request: is it the right store, the right region, the right version of it? Then reads are answered
//! from the published snapshot, on the caller's thread; writes go to the region's owner.
//!
//! The replicas of a region are one [`Group`](group::Group), and that is one logical state machine: consensus is simulated,
//! not built. What stores are for is failing: each request names one, and only the store that leads the region answers.
//!
//! Housekeeping is done by the write that makes it necessary: it folds a delta that has grown too large into base, beside
//! the owner, and has a region that has grown too large split. Others go on meanwhile, and the same run does the same work.
//! In direct mode what is large is left to a thread of its own ([`housekeeper`]), and folded earlier: when there is one version
//! for every 128 rows of base. If writers outrun that thread, each of them waits a millisecond
//! before it goes on, so that what is kept in memory is bounded by what may be read, not by who is faster.

mod deadlock;
mod disturb;
mod group;
mod housekeeper;
mod max_read;
mod registry;
mod view;
mod waiters;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::chunk::ChunkLimit;
use crate::error::Error;
use crate::key::KeyRange;
use crate::mvcc::{Few, RowRun};
use crate::pd::{DirectoryCommand, DirectoryReply, Pd, RegionInfo};
use crate::region::{Compaction, Epoch, RegionSnapshot};
use crate::rpc::{AwaitLock, Awaited, Body, Call, PdReply, PdRequest, RegionError, Reply, Request, Response};
use crate::runtime::Runtime;
use crate::schema::{RegionId, SpaceSchema, StoreId, Timestamp};

pub(crate) use deadlock::Detector;
pub use deadlock::{Deadlock, LockWaits, PastDeadlock, Wait};

use group::{Group, GroupCommand};
use housekeeper::Housekeeper;
use registry::Registry;

/// Rows of a region, base and delta, from which on to fold it takes longer than to tell another thread.
const HAND_OVER_ROWS: usize = 4096;
/// A delta with fewer versions is not folded by another thread.
const VERSIONS_MIN: usize = 1024;
/// Nor one with fewer than one for so many rows of base.
const BASE_ROWS_PER_VERSION: usize = 128;
/// A writer that finds this many times the versions that are to be folded takes its time.
const BACKLOG: usize = 4;
/// So much of it: writers are then slower than whoever folds.
const PRESSURE: Duration = Duration::from_millis(1);

/// When housekeeping is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) region_bytes_max: usize,
    pub(crate) delta_rows_max: usize,
}

/// All stores of a cluster.
pub(crate) struct Stores {
    pd: Arc<Pd>,
    groups: Arc<Registry>,
    detector: Arc<Detector>,
    limits: Limits,
    /// `None` = whoever writes keeps house.
    housekeeper: Option<Housekeeper>,
}

impl Stores {
    /// If there may be a thread for it, it folds what is larger than a hand-over is worth.
    pub(crate) fn new(pd: Arc<Pd>, limits: Limits, by_a_thread: bool) -> Stores {
        let (groups, detector) = (Arc::new(Registry::new()), Arc::new(Detector::new()));
        Stores { pd, groups, detector, limits, housekeeper: by_a_thread.then(Housekeeper::default) }
    }

    pub(crate) fn pd(&self) -> &Arc<Pd> {
        &self.pd
    }

    /// Who knows who waits for whom.
    pub(crate) fn detector(&self) -> &Arc<Detector> {
        &self.detector
    }

    /// Answers a request, on the caller's thread if no other is just changing the region.
    pub(crate) fn handle(stores: &Arc<Stores>, request: Request) -> Call<Response> {
        if !stores.pd.stores().contains(&request.to) {
            return Call::ready(Err(RegionError::StoreNotMatch));
        }
        // Borrowed, not cloned: a count that all readers of a region write to is what they would wait for.
        let groups = stores.groups.view();
        let Some(group) = groups.get(&request.region) else {
            return Call::ready(Err(RegionError::RegionNotFound));
        };
        if group.view().is_ingesting() && !matches!(request.body, Body::FinishIngest { .. }) {
            stores.end_abandoned_ingest(group);
        }
        match &request.body {
            Body::Scan(scan) => {
                group.note_read(scan.ts);
                group.settle();
                Call::ready(group.view().scan(request.to, request.epoch, scan))
            }
            Body::Get(get) => {
                group.note_read(get.ts);
                group.settle();
                Call::ready(group.view().get(request.to, request.epoch, get))
            }
            Body::Lookup(lookup) => {
                group.note_read(lookup.lookups.ts);
                group.settle();
                Call::ready(group.view().lookup(request.to, request.epoch, lookup))
            }
            Body::Merge => stores.merge(Arc::clone(group), &request),
            Body::ScanLocks { before } => {
                Call::ready(group.view().scan_locks(request.to, request.epoch, *before))
            }
            Body::Compact => stores.compact(group, &request),
            Body::AwaitLock(wait) => stores.await_lock(Arc::clone(group), &request, wait),
            Body::Prewrite(_)
            | Body::OnePhase(_)
            | Body::PessimisticLock(_)
            | Body::PessimisticRollback(_)
            | Body::HeartBeat(_)
            | Body::Commit(_)
            | Body::Rollback(_)
            | Body::CheckTxnStatus(_)
            | Body::CheckSecondaryLocks(_)
            | Body::ResolveLock(_)
            | Body::PrepareIngest(_)
            | Body::FinishIngest { .. }
            | Body::Backfill { .. }
            | Body::Split(_)
            | Body::TransferLeader(_) => {
                // A region whose owner is gone answers as one that is not there.
                let call = group.call(GroupCommand::Request(request));
                if call.is_ready() {
                    Stores::keep_house(stores, group);
                }
                call
            }
        }
    }

    /// Answers a read of few rows if there is nothing to it; the reader has named the store, the region and its epoch.
    pub(crate) fn few(
        &self,
        (to, region, epoch): (StoreId, RegionId, Epoch),
        few: &Few<'_>,
        out: &mut Vec<RowRun>,
        next: &mut Vec<u8>,
    ) -> Option<usize> {
        let groups = self.groups.view();
        let group = groups.get(&region).filter(|_| self.pd.stores().contains(&to))?;
        group.note_read(few.ts);
        group.settle();
        group.view().few(to, epoch, few, out, next)
    }

    /// Waits until a lock is gone, unless that would be for ever. Whoever carries the request sees to it that this takes no
    /// longer than it may ([`Body::patience`]): to stop waiting is to drop the call.
    fn await_lock(&self, group: Arc<Group>, request: &Request, wait: &AwaitLock) -> Call<Response> {
        let (to, epoch) = (request.to, request.epoch);
        let AwaitLock { key, holder, expected, waiter, .. } = wait.clone();
        let (wake, woken) = oneshot::channel();
        let register = move |waiting: Option<deadlock::Waiting>| {
            let command = GroupCommand::AwaitLock { to, epoch, key, holder, expected, waiter, wake };
            group.call(command).then(move |registered| match registered {
                Ok(_) => Call::waiting(async move {
                    // An error means that the region has dropped the other end: look again, it says.
                    let awaited = woken.await.unwrap_or(Awaited::Released);
                    drop(waiting);
                    Ok(Reply::Awaited(awaited))
                }),
                Err(error) => Call::ready(Err(error)),
            })
        };
        if expected {
            // It holds nothing yet that there could be a circle through.
            return register(None);
        }
        let now_ms = self.pd.last_timestamp().physical_ms();
        let wait = Wait { waiter, holder, key: wait.key.clone() };
        self.detector.begin(wait, now_ms).then(move |begun| match begun {
            Ok(waiting) => register(Some(waiting)),
            Err(deadlock) => Call::ready(Ok(Reply::Awaited(Awaited::Deadlock(deadlock)))),
        })
    }

    /// Merges a region with its neighbour to the right. See the essay of `group` for how the two are never both, and never
    /// neither, the region of a key for good.
    fn merge(&self, left: Arc<Group>, request: &Request) -> Call<Response> {
        let before = match left.view().check(request.to, request.epoch) {
            Ok(info) => Arc::clone(info),
            Err(error) => return Call::ready(Err(error)),
        };
        let at = before.range.end.clone();
        let neighbour = self.pd.regions(&KeyRange::point(&at), 1).pop();
        let Some(neighbour) = neighbour.filter(|info| info.space == before.space) else {
            return Call::ready(Ok(Reply::Merged(None)));
        };
        let Some(right) = self.groups.find(neighbour.id) else {
            return Call::ready(Err(RegionError::ProposalInMergingMode));
        };
        let retire = GroupCommand::Retire { at, own: Arc::clone(&right), into: Arc::clone(&left) };
        right.call(retire).then(move |retired| match retired {
            Ok(_) => left.call(GroupCommand::Describe).map(move |now| match now {
                Ok(Reply::Merged(Some(now))) if now.range.end > before.range.end => {
                    Ok(Reply::Merged(Some(now)))
                }
                Ok(_) => Err(RegionError::ProposalInMergingMode),
                Err(error) => Err(error),
            }),
            // It is not where the directory said, or not at rest: again, in a moment.
            Err(_) => Call::ready(Err(RegionError::ProposalInMergingMode)),
        })
    }

    /// Ends an ingest whose time is up, as the region of its primary says. If another thread has that region just now, or
    /// the region has moved, the next request tries again.
    fn end_abandoned_ingest(&self, group: &Group) {
        let now_ms = self.pd.timestamp().physical_ms();
        let Some((primary, ingest)) = group.view().abandoned_ingest(now_ms) else { return };
        let region = self.pd.regions(&KeyRange::point(&primary), 1).pop();
        let Some(decider) = region.and_then(|info| self.groups.find(info.id)) else { return };
        let check = GroupCommand::CheckIngest { ingest, primary, now_ms };
        if let Some(Ok(Reply::IngestFinished(commit_ts))) = decider.call(check).into_ready() {
            group.post(GroupCommand::FinishIngest { ingest, commit_ts });
        }
    }

    /// Answers a request to the placement driver.
    pub(crate) fn pd_handle(&self, request: PdRequest) -> Call<PdReply> {
        match request {
            PdRequest::Timestamp => Call::ready(PdReply::Timestamp(self.pd.timestamp())),
            PdRequest::SafePoint => Call::ready(PdReply::Timestamp(self.pd.safe_point())),
            PdRequest::Regions { range, limit } => {
                Call::ready(PdReply::Regions(self.pd.regions(&range, limit)))
            }
            PdRequest::Schema(space) => Call::ready(PdReply::Schema(self.pd.schema(space))),
            PdRequest::CreateSpace(schema) => self.create_space(schema),
            PdRequest::DropSpace(space) => {
                let groups = Arc::clone(&self.groups);
                self.pd.update(DirectoryCommand::DropSpace(space)).map(move |reply| match reply {
                    DirectoryReply::Dropped => {
                        // Those, too, of which the directory has not heard.
                        groups.remove(groups.of_space(space));
                        PdReply::Done
                    }
                    // Gone before: who asks again because a reply was lost has what it wants.
                    DirectoryReply::Refused | DirectoryReply::Done => PdReply::Done,
                    DirectoryReply::Gone => PdReply::Refused(Error::Internal("the directory is gone".into())),
                })
            }
        }
    }

    /// A new space is one empty region.
    fn create_space(&self, schema: Arc<SpaceSchema>) -> Call<PdReply> {
        if let Some(known) = self.pd.schema(schema.id) {
            let same = known == schema;
            return Call::ready(if same {
                PdReply::Done
            } else {
                PdReply::Refused(Error::SpaceExists(schema.id))
            });
        }
        let peers = self.pd.place();
        let info = Arc::new(RegionInfo {
            id: self.pd.new_region_id(),
            space: schema.id,
            unique_prefix: schema.unique_prefix,
            range: KeyRange::of_space(schema.id),
            epoch: Epoch { conf_ver: 1, version: 1 },
            term: 1,
            leader: peers.first().copied().unwrap_or_default(),
            peers,
        });
        let group = Group::new(Arc::clone(&info), Arc::clone(&schema), Arc::clone(&self.pd), &self.groups);
        self.groups.add(vec![Arc::new(group)]);
        let (id, region, groups) = (schema.id, info.id, Arc::clone(&self.groups));
        self.pd.update(DirectoryCommand::CreateSpace(schema, info)).map(move |reply| match reply {
            DirectoryReply::Done | DirectoryReply::Dropped => PdReply::Done,
            DirectoryReply::Refused => {
                // Another call was faster.
                groups.remove(vec![region]);
                PdReply::Refused(Error::SpaceExists(id))
            }
            DirectoryReply::Gone => PdReply::Refused(Error::Internal("the directory is gone".into())),
        })
    }

    /// What may be forgotten: what no reader needs, and no transaction that still holds a lock anywhere.
    fn safe_ts(&self) -> Timestamp {
        // The safe point comes first: a transaction that locks after that also commits after it.
        let safe_point = self.pd.safe_point();
        let oldest_lock = self.groups.oldest_lock_ts();
        oldest_lock.map_or(safe_point, |lock| safe_point.min(Timestamp(lock.0.saturating_sub(1))))
    }

    /// Folds and splits a region that has grown too large, or has that done, unless another thread is at it.
    fn keep_house(stores: &Arc<Stores>, group: &Arc<Group>) {
        let view = group.view();
        let (versions, due) = (view.snapshot().delta_versions(), stores.due(group, view.snapshot()));
        let too_many = versions >= due;
        let too_large = view.snapshot().bytes_estimate() > stores.limits.region_bytes_max;
        if !(too_many || too_large) {
            return;
        }
        let is_slow = versions + view.snapshot().base_rows() >= HAND_OVER_ROWS;
        drop(view);
        if let Some(broom) = group.take_broom() {
            let posted = match &stores.housekeeper {
                Some(housekeeper) if is_slow => housekeeper.post(stores, broom),
                _ => Err(broom),
            };
            if let Err(_broom) = posted {
                if too_many {
                    // If another thread is the owner just now, the next write begins again.
                    let _ = stores.fold(group).into_ready();
                }
                if too_large {
                    stores.split_by_size(group.id());
                }
            }
        }
        if stores.housekeeper.is_some() && versions >= BACKLOG * due.max(stores.limits.delta_rows_max) {
            std::thread::sleep(PRESSURE);
        }
    }

    /// The number of versions from which on a region's delta is to be folded. Where somebody else does it, that is few
    /// beside the rows of base; but what could not be folded the last time is left alone until there is twice as much.
    fn due(&self, group: &Group, region: &RegionSnapshot) -> usize {
        let most = self.limits.delta_rows_max;
        let due = match self.housekeeper {
            Some(_) => most.min(VERSIONS_MIN.max(region.base_rows() / BASE_ROWS_PER_VERSION)),
            None => most,
        };
        group.fold_at(due)
    }

    /// The housekeeper's round of a region; whether there will be more to do when it is older.
    fn sweep(&self, group: &Arc<Group>) -> bool {
        if self.groups.find(group.id()).is_none() {
            // Dropped, or part of its neighbour.
            return false;
        }
        let view = group.view_to_keep();
        let is_due = view.snapshot().delta_versions() >= self.due(group, view.snapshot());
        let outlived = view.snapshot().oldest_past().is_some_and(|until| until <= self.safe_ts());
        let too_large = view.snapshot().bytes_estimate() > self.limits.region_bytes_max;
        drop(view);
        if is_due || outlived {
            Runtime::direct().block_on(self.fold(group));
        }
        if too_large {
            self.split_by_size(group.id());
        }
        group.view().snapshot().oldest_past().is_some()
    }

    /// Folds a region because somebody wants it.
    fn compact(&self, group: &Arc<Group>, request: &Request) -> Call<Response> {
        if let Err(error) = group.view().check(request.to, request.epoch) {
            return Call::ready(Err(error));
        }
        match group.take_broom() {
            Some(broom) => self.fold(group).map(move |()| {
                drop(broom);
                Ok(Reply::Resolved)
            }),
            // Somebody is just doing that, but may have begun before what is wanted now was old enough.
            None => Call::ready(Err(RegionError::ServerIsBusy)),
        }
    }

    /// Folds what a region's delta has, and lets go what nobody can read any more. The new base is built by whoever waits for
    /// the call, beside the owner.
    fn fold(&self, group: &Arc<Group>) -> Call<()> {
        // Before the fold: what is kept of the past begins where nobody reads below.
        let safe_ts = self.safe_ts();
        let begun = group.call(GroupCommand::BeginFold(self.pd.timestamp()));
        let group = Arc::clone(group);
        begun.then(move |_| {
            let begun = Arc::new(group.view().snapshot().clone());
            let compaction = Compaction::plan(Arc::clone(&begun), safe_ts, ChunkLimit::default());
            let end = match compaction.map(Compaction::build) {
                Some(Ok(compacted)) => GroupCommand::Install(compacted),
                // Data that cannot be built is data that its schema forbids, and writers are not the ones to tell: it stays
                // in delta.
                Some(Err(_)) => GroupCommand::AbandonFold,
                None => GroupCommand::Forget(safe_ts),
            };
            // Held until the end, so that what is replaced is not freed by the owner while writers wait for it.
            let replaced = group.view_to_keep();
            group.call(end).map(move |_| {
                group.set_fold_at(2 * group.view().snapshot().delta_versions());
                // Else what the region was would be kept until somebody looks at it.
                group.let_go();
                drop((begun, replaced));
            })
        })
    }

    /// Halves a region until its parts are small enough.
    fn split_by_size(&self, first: RegionId) {
        let mut regions = vec![first];
        while let Some(group) = regions.pop().and_then(|id| self.groups.find(id)) {
            let view = group.view();
            let snapshot = view.snapshot();
            if snapshot.bytes_estimate() <= self.limits.region_bytes_max {
                continue;
            }
            let Some(middle) = snapshot.middle_key() else { continue };
            drop(view);
            // If another thread is the owner just now, it splits later; the next write looks again.
            if let Some(Ok(Reply::Split(parts))) = group.call(GroupCommand::Split(middle)).into_ready()
                && parts.len() > 1
            {
                regions.extend(parts.iter().map(|part| part.id));
            }
        }
    }
}
