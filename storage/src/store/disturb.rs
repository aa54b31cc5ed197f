//! What a simulation does to regions: elections, and changes at a chosen command. It does it the way clients do, with
//! requests that are right at the moment.

use std::sync::Arc;

use super::Stores;
use super::group::GroupCommand;
use crate::fault::RegionChange;
use crate::key::Key;
use crate::pd::RegionInfo;
use crate::rpc::{Body, Request};
use crate::schema::{RegionId, StoreId};

impl Stores {
    /// The region as it is now, if there is one.
    pub(crate) fn info(&self, region: RegionId) -> Option<Arc<RegionInfo>> {
        self.groups.find(region).map(|group| Arc::clone(group.view().info()))
    }

    /// Makes a replica the leader. Not if the region has changed since it was like `info`.
    pub(crate) async fn elect(stores: &Arc<Stores>, info: &RegionInfo, heir: StoreId) {
        Stores::request(stores, info, Body::TransferLeader(heir)).await;
    }

    /// Changes a region, if it can be. `key` is one of the command's, the last.
    pub(crate) async fn disturb(
        stores: &Arc<Stores>,
        region: RegionId,
        change: RegionChange,
        key: Option<Key>,
    ) {
        let Some(group) = stores.groups.find(region) else { return };
        let info = Arc::clone(group.view().info());
        match change {
            RegionChange::Split => {
                let middle = || group.view().snapshot().middle_key();
                let within = |key: &Key| *key > info.range.start && *key < info.range.end;
                if let Some(key) = key.filter(within).or_else(middle) {
                    Stores::request(stores, &info, Body::Split([key].into())).await;
                }
            }
            RegionChange::Merge => Stores::request(stores, &info, Body::Merge).await,
            RegionChange::MoveLeader => {
                let at = info.peers.iter().position(|&peer| peer == info.leader).map_or(0, |at| at + 1);
                if let Some(&next) = info.peers.get(at % info.peers.len().max(1)) {
                    Stores::request(stores, &info, Body::TransferLeader(next)).await;
                }
            }
            RegionChange::MoveReplica => {
                // Refused only by a region that is about to be no more.
                let _ = group.call(GroupCommand::MoveReplica).await;
            }
        }
    }

    /// What comes of it does not matter: a region that will not change just now stays as it is.
    async fn request(stores: &Arc<Stores>, info: &RegionInfo, body: Body) {
        let request = Request { to: info.leader, region: info.id, epoch: info.epoch, body };
        let _ = Stores::handle(stores, request).await;
    }
}
