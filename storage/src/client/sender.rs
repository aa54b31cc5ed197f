//! One request to one region, and what its errors mean.
//!
//! TiDB's table: some errors say whom to ask instead or that the store needs time, and the request is sent again in place;
//! others say that the region is not what the client thought, and the caller must cut its work by region anew. The client
//! then waits for a moment, for the news may not have reached the placement driver yet.

use std::time::Duration;

use std::sync::Arc;

use super::backoff::{Backoff, BackoffKind};
use super::region_cache::{CacheNews, CachedRegion, RegionView, expiry};
use super::{Client, unexpected};
use crate::error::{Error, Result};
use crate::key::{Key, KeyRange};
use crate::pd::RegionInfo;
use crate::rpc::{Body, PdReply, PdRequest, RegionError, Reply, Request};
use crate::runtime::checkpoint;
use crate::schema::SpaceId;

/// How often a request is sent to the same region, one redirection or pause after the other, before its place is looked up.
const IN_PLACE_MAX: usize = 10;
/// Regions that the placement driver is asked for at a time.
const LOAD_LIMIT: usize = 128;
/// Who may be interrupted looks this often whether it is.
const PAUSE: Duration = Duration::from_millis(50);

/// What became of a request.
pub(super) enum Sent {
    /// It reached its region.
    Reply(Reply),
    /// The region is not what it was thought to be: locate again.
    Relocate,
}

impl Client {
    /// Sends a request to a region. Waits as the table says; an error means that the budget is used up.
    pub(super) async fn send(
        &mut self,
        backoff: &mut Backoff,
        region: &mut CachedRegion,
        body: &Body,
    ) -> Result<Sent> {
        backoff.about(region.info.id);
        for _ in 0..IN_PLACE_MAX {
            let request = Request {
                to: region.leader,
                region: region.info.id,
                epoch: region.info.epoch,
                body: body.clone(),
            };
            self.stats.rpcs += 1;
            checkpoint();
            let error = match self.shared.transport.send(request).await {
                Ok(Ok(reply)) => return Ok(Sent::Reply(reply)),
                Ok(Err(error)) => error,
                Err(_lost) => {
                    self.stats.timeouts += 1;
                    self.forget(&region.info);
                    self.wait(backoff, BackoffKind::TikvRpc, "no answer from the store").await?;
                    return Ok(Sent::Relocate);
                }
            };
            self.stats.region_error(error.kind());
            if !self.handle_region_error(backoff, region, &error).await? {
                self.wait(backoff, BackoffKind::RegionMiss, error.kind().name()).await?;
                return Ok(Sent::Relocate);
            }
        }
        self.forget(&region.info);
        self.wait(backoff, BackoffKind::RegionMiss, "sent from one store to the next").await?;
        Ok(Sent::Relocate)
    }

    /// Whether the request is to be sent again in place.
    async fn handle_region_error(
        &mut self,
        backoff: &mut Backoff,
        region: &mut CachedRegion,
        error: &RegionError,
    ) -> Result<bool> {
        match error {
            RegionError::NotLeader { leader: Some(leader) } if region.info.peers.contains(leader) => {
                self.learn(CacheNews::Leader(Arc::clone(&region.info), *leader));
                region.leader = *leader;
                Ok(true)
            }
            RegionError::NotLeader { leader: None } => {
                let peers = &region.info.peers;
                let at = peers.iter().position(|&p| p == region.leader).map_or(0, |i| (i + 1) % peers.len());
                region.leader = peers.get(at).copied().unwrap_or(region.leader);
                self.wait(backoff, BackoffKind::RegionScheduling, error.kind().name()).await?;
                Ok(true)
            }
            RegionError::EpochNotMatch { current } => {
                let behind =
                    current.iter().any(|now| now.id == region.info.id && now.is_older_than(&region.info));
                if behind {
                    self.wait(backoff, BackoffKind::RegionMiss, error.kind().name()).await?;
                    return Ok(true);
                }
                self.forget(&region.info);
                self.found(current.clone());
                Ok(false)
            }
            RegionError::NotLeader { leader: Some(_) }
            | RegionError::RegionNotFound
            | RegionError::KeyNotInRegion
            | RegionError::StoreNotMatch => {
                self.forget(&region.info);
                Ok(false)
            }
            RegionError::ServerIsBusy => {
                self.wait(backoff, BackoffKind::ServerBusy, error.kind().name()).await?;
                Ok(true)
            }
            RegionError::StaleCommand => {
                self.wait(backoff, BackoffKind::StaleCommand, error.kind().name()).await?;
                Ok(true)
            }
            RegionError::ProposalInMergingMode => {
                self.wait(backoff, BackoffKind::RegionScheduling, error.kind().name()).await?;
                Ok(true)
            }
        }
    }

    /// Sends a question to the placement driver, until it is answered or the budget is used up.
    pub(super) async fn ask(&mut self, backoff: &mut Backoff, request: PdRequest) -> Result<PdReply> {
        loop {
            self.stats.rpcs += 1;
            match self.shared.transport.ask(request.clone()).await {
                Ok(PdReply::Refused(error)) => return Err(error),
                Ok(reply) => return Ok(reply),
                Err(_lost) => {
                    self.stats.timeouts += 1;
                    self.wait(backoff, BackoffKind::PdRpc, "no answer from the placement driver").await?;
                }
            }
        }
    }

    /// Waits for a trouble to pass, and counts that.
    pub(super) async fn wait(
        &mut self,
        backoff: &mut Backoff,
        kind: BackoffKind,
        trouble: &'static str,
    ) -> Result<()> {
        let pause = backoff.next(kind, trouble, &mut self.random).map_err(Error::Exhausted)?;
        self.stats.backoff.record(kind, pause.as_millis() as u64);
        self.interrupt.check()?;
        let mut left = pause;
        if self.interrupt.is_some() {
            while left > PAUSE {
                self.shared.transport.sleep(PAUSE).await;
                self.interrupt.check()?;
                left -= PAUSE;
            }
        }
        self.shared.transport.sleep(left).await;
        self.interrupt.check()
    }

    /// The region that holds a key.
    pub(super) async fn locate(&mut self, backoff: &mut Backoff, key: &Key) -> Result<CachedRegion> {
        let now_ms = self.shared.transport.now_ms();
        if let Some(region) = self.view.locate(key.as_bytes(), now_ms) {
            return Ok(region.clone());
        }
        self.locate_uncached(backoff, key, &key.successor()).await
    }

    /// As `locate`, when it is not in this worker's view: another worker may have found it, else the placement driver knows.
    /// Loads the regions up to `end` while it is at it.
    async fn locate_uncached(&mut self, backoff: &mut Backoff, key: &Key, end: &Key) -> Result<CachedRegion> {
        let now_ms = self.shared.transport.now_ms();
        self.stats.expired += u64::from(self.view.is_expired(key, now_ms));
        let shared = self.shared.cache.peek().locate(key.as_bytes(), now_ms).cloned();
        if let Some(region) = shared {
            // All of it: what others know of other regions is as good as what they know of this one.
            self.view = RegionView::clone(&self.shared.cache.peek());
            return Ok(region);
        }
        loop {
            let range = KeyRange { start: key.clone(), end: end.clone() };
            let reply = self.ask(backoff, PdRequest::Regions { range, limit: LOAD_LIMIT }).await?;
            let PdReply::Regions(regions) = reply else { return Err(unexpected(&reply)) };
            let loaded =
                regions.iter().find(|info| info.range.contains(key.as_bytes())).map(CachedRegion::fresh);
            self.found(regions);
            let now_ms = self.shared.transport.now_ms();
            // However short its life in the cache may be, what was just loaded is good for now.
            if let Some(region) = self.view.locate(key.as_bytes(), now_ms).cloned().or(loaded) {
                return Ok(region);
            }
            // A hole: regions that split report one after the other. Or there is nothing at all.
            self.schema_of(backoff, key.space().unwrap_or_default()).await?;
            self.wait(backoff, BackoffKind::RegionMiss, "no region holds the key").await?;
        }
    }

    /// The schema of a space.
    pub(super) async fn schema_of(
        &mut self,
        backoff: &mut Backoff,
        space: SpaceId,
    ) -> Result<Arc<crate::schema::SpaceSchema>> {
        match self.ask(backoff, PdRequest::Schema(space)).await? {
            PdReply::Schema(Some(schema)) => Ok(schema),
            PdReply::Schema(None) => Err(Error::UnknownSpace(space)),
            other => Err(unexpected(&other)),
        }
    }

    /// Cuts ranges by region. Ranges are sorted and disjoint; so is what comes out.
    pub(super) async fn split_ranges(
        &mut self,
        backoff: &mut Backoff,
        ranges: &Arc<[KeyRange]>,
    ) -> Result<Vec<(CachedRegion, Arc<[KeyRange]>)>> {
        let now_ms = self.shared.transport.now_ms();
        if let [first, .., last] | [first @ last] = &**ranges
            && let Some(region) = self.view.locate(first.start.as_bytes(), now_ms)
            && last.end <= region.info.range.end
        {
            // As nearly always: all of them lie in one region.
            return Ok(vec![(region.clone(), Arc::clone(ranges))]);
        }
        let mut tasks: Vec<(CachedRegion, Vec<KeyRange>)> = Vec::new();
        for range in &**ranges {
            let mut start = range.start.clone();
            while start < range.end {
                let last = tasks.last().map(|(region, _)| region).filter(|r| start < r.info.range.end);
                if last.is_none() {
                    let now_ms = self.shared.transport.now_ms();
                    let region = match self.view.locate(start.as_bytes(), now_ms) {
                        Some(region) => region.clone(),
                        None => self.locate_uncached(backoff, &start, &range.end).await?,
                    };
                    tasks.push((region, Vec::new()));
                }
                let Some((region, parts)) = tasks.last_mut() else { break };
                let end = region.info.range.end.clone().min(range.end.clone());
                parts.push(KeyRange { start, end: end.clone() });
                start = end;
            }
        }
        Ok(tasks.into_iter().map(|(region, ranges)| (region, ranges.into())).collect())
    }

    /// Cuts items by the region of their keys, by which they are sorted.
    pub(super) async fn split_keys<T>(
        &mut self,
        backoff: &mut Backoff,
        items: Vec<T>,
        key: impl Fn(&T) -> &Key,
    ) -> Result<Vec<(CachedRegion, Vec<T>)>> {
        let mut groups: Vec<(CachedRegion, Vec<T>)> = Vec::new();
        for item in items {
            match groups.last_mut().filter(|(region, _)| region.info.range.contains(key(&item).as_bytes())) {
                Some((_, group)) => group.push(item),
                None => groups.push((self.locate(backoff, key(&item)).await?, vec![item])),
            }
        }
        Ok(groups)
    }

    /// Takes in regions as they described themselves, or as the placement driver did.
    pub(super) fn found(&mut self, regions: Vec<Arc<RegionInfo>>) {
        let expires_ms =
            expiry(self.shared.transport.now_ms(), self.shared.region_cache_ttl_ms, &mut self.random);
        self.learn(CacheNews::Found(regions, expires_ms));
    }

    /// Takes in news of regions, and passes it on.
    fn learn(&mut self, news: CacheNews) {
        self.view.learn(&news);
        self.shared.cache.post(news);
    }

    fn forget(&mut self, region: &Arc<RegionInfo>) {
        self.learn(CacheNews::Stale(Arc::clone(region)));
    }
}
