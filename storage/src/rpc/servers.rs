//! What stores and the placement driver say to each other: reports of regions, and timestamps for commits in one phase.
//!
//! Where nothing is wrong with the link, it is said at once: the way is short, and simulations differ in nothing else.

use std::sync::Arc;

use tokio::time::sleep;

use super::simulated::{Network, Silence};
use crate::fault::{ASK_AGAIN, Conditions, Node, there_and_back};
use crate::pd::RegionInfo;
use crate::random::Random;
use crate::schema::StoreId;

impl Network {
    /// A store that leads a region tells the placement driver how it, and others with it, are now.
    pub(super) fn report(network: Arc<Network>, regions: Vec<Arc<RegionInfo>>) {
        let Some(first) = regions.first() else { return };
        let now = network.faults.view();
        if !is_disturbed(&now, first.leader) {
            return network.stores.pd().take_in(regions);
        }
        let handle = network.handle.clone();
        handle.spawn(network.repeat_report(regions));
    }

    /// Reports until it is heard; what changes meanwhile is told with it, by who leads the region then.
    async fn repeat_report(self: Arc<Network>, mut regions: Vec<Arc<RegionInfo>>) {
        while let Some(first) = regions.first() {
            let leader = Node::Store(first.leader);
            // So that no two reports are the same, and each run has the same ones.
            let mut random = Random::new(
                self.faults.view().seed() ^ first.id.0 ^ first.term << 20 ^ first.epoch.version << 40,
            );
            let can_speak = self.awake(first.leader).await.is_ok();
            let now = self.now().await;
            if can_speak && now.deaf_since(leader, Node::Pd).is_none() {
                self.travel.take(now.exchange(&[(leader, Node::Pd)], &mut random)).await;
                return self.stores.pd().take_in(regions);
            }
            sleep(ASK_AGAIN).await;
            // Those that are no more were taken over by others, which report that.
            regions = regions.iter().filter_map(|region| self.stores.info(region.id)).collect();
        }
    }

    /// A store asks the placement driver for the timestamp of a commit, and waits for as long as that takes.
    pub(super) async fn fetch_timestamp(&self, store: StoreId, chance: &mut Random) -> Result<(), Silence> {
        loop {
            let now = self.awake(store).await?;
            let ways = there_and_back(Node::Store(store), Node::Pd);
            if ways.iter().all(|&(from, to)| now.deaf_since(from, to).is_none()) {
                let taken = now.exchange(&ways, chance);
                if !taken.is_zero() {
                    self.travel.take(taken).await;
                }
                return Ok(());
            }
            sleep(ASK_AGAIN).await;
        }
    }
}

/// Whether what the store would say may be late.
fn is_disturbed(now: &Conditions, store: StoreId) -> bool {
    let (from, to) = (Node::Store(store), Node::Pd);
    let is_well =
        |store: StoreId| now.store(store).is_some_and(|s| s.down_ms.is_none() && s.stalled_ms.is_none());
    now.link(from, to).is_some() || now.deaf_since(from, to).is_some() || !is_well(store)
}
