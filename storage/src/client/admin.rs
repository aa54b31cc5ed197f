//! Spaces and regions: making, dropping, splitting, merging, moving, listing.

use std::sync::Arc;

use super::backoff::{Backoff, BackoffKind, Budget};
use super::sender::Sent;
use super::{Client, unexpected};
use crate::error::{Error, Result};
use crate::key::{Key, KeyRange};
use crate::pd::RegionInfo;
use crate::rpc::{Body, PdReply, PdRequest, Reply};
use crate::schema::{RegionId, SpaceId, SpaceSchema, StoreId};

/// How often the directory is asked for a region that it does not know.
const MISSED_MAX: usize = 5;

impl Client {
    /// Makes a space: one empty region, to begin with. Doing it again with the same schema changes nothing.
    pub async fn create_space(&mut self, schema: Arc<SpaceSchema>) -> Result<()> {
        let mut backoff = self.backoff("create space", Budget::Admin);
        self.ask(&mut backoff, PdRequest::CreateSpace(schema)).await.map(drop)
    }

    /// Drops a space and all that is in it. Views of it that are open go on. Doing it again changes nothing.
    pub async fn drop_space(&mut self, id: SpaceId) -> Result<()> {
        let mut backoff = self.backoff("drop space", Budget::Admin);
        self.ask(&mut backoff, PdRequest::DropSpace(id)).await.map(drop)
    }

    /// The regions of a space in key order, as the placement driver knows them.
    pub async fn regions(&mut self, space: SpaceId) -> Result<Vec<RegionInfo>> {
        let mut backoff = self.backoff("list regions", Budget::Locate);
        self.schema_of(&mut backoff, space).await?;
        let range = KeyRange::of_space(space);
        let regions = self.load_regions(&mut backoff, range).await?;
        Ok(regions.iter().map(|r| RegionInfo::clone(r)).collect())
    }

    pub(super) async fn load_regions(
        &mut self,
        backoff: &mut Backoff,
        range: KeyRange,
    ) -> Result<Vec<Arc<RegionInfo>>> {
        match self.ask(backoff, PdRequest::Regions { range, limit: usize::MAX }).await? {
            PdReply::Regions(regions) => Ok(regions),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a key the first of its region. If it is that already, nothing is done.
    pub async fn split(&mut self, key: &Key) -> Result<()> {
        let mut backoff = self.backoff("split", Budget::Admin);
        self.split_at(&mut backoff, vec![key.clone()]).await
    }

    /// As `split`, at many keys, ascending.
    pub(super) async fn split_at(&mut self, backoff: &mut Backoff, keys: Vec<Key>) -> Result<()> {
        let mut groups = self.split_keys(backoff, keys, |key| key).await?;
        while let Some((mut region, mut keys)) = groups.pop() {
            keys.retain(|key| *key != region.info.range.start);
            if keys.is_empty() {
                continue;
            }
            let body = Body::Split(keys.clone().into());
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::Split(parts)) => self.found(parts),
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => groups.extend(self.split_keys(backoff, keys, |key| key).await?),
            }
        }
        Ok(())
    }

    /// Merges the region of a key with its neighbour to the right; whether there was one, in the same space. Waits while
    /// rows are loaded into either.
    pub async fn merge(&mut self, key: &Key) -> Result<bool> {
        let mut backoff = self.backoff("merge", Budget::Admin);
        let mut region = self.locate(&mut backoff, key).await?;
        let before = Arc::clone(&region.info);
        loop {
            match self.send(&mut backoff, &mut region, &Body::Merge).await? {
                Sent::Reply(Reply::Merged(info)) => {
                    let merged = info.is_some();
                    self.found(info.into_iter().collect());
                    return Ok(merged);
                }
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => region = self.locate(&mut backoff, key).await?,
            }
            // It was done, and only the answer was lost.
            if region.info.id == before.id && region.info.range.end > before.range.end {
                return Ok(true);
            }
        }
    }

    /// Makes a store the leader of a region. It must hold a replica.
    pub async fn transfer_leader(&mut self, region: RegionId, to: StoreId) -> Result<()> {
        let mut backoff = self.backoff("transfer leader", Budget::Admin);
        let mut missed = 0;
        loop {
            let everything =
                KeyRange { start: Key::space_start(SpaceId(0)), end: Key::from_bytes(&[0xFF; 9]) };
            let regions = self.load_regions(&mut backoff, everything).await?;
            let Some(info) = regions.into_iter().find(|info| info.id == region) else {
                // The directory may not have heard of it yet; or it is part of its neighbour now.
                if missed == MISSED_MAX {
                    return Err(Error::NoReplica { region, store: to });
                }
                missed += 1;
                self.wait(&mut backoff, BackoffKind::RegionMiss, "no such region").await?;
                continue;
            };
            self.found(vec![Arc::clone(&info)]);
            let mut located = self.locate(&mut backoff, &info.range.start).await?;
            if located.info.id != region {
                self.wait(&mut backoff, BackoffKind::RegionMiss, "another region is in its place").await?;
                continue;
            }
            match self.send(&mut backoff, &mut located, &Body::TransferLeader(to)).await? {
                Sent::Reply(Reply::LeaderMoved(info)) => {
                    self.found(vec![info]);
                    return Ok(());
                }
                Sent::Reply(Reply::NoReplica) => return Err(Error::NoReplica { region, store: to }),
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {}
            }
        }
    }
}
