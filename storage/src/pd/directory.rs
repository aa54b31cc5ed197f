//! Which spaces and regions there are, as the regions reported it.
//!
//! Owned, and published as persistent maps: a question is answered from the present version, on the asker's thread.

use std::sync::Arc;

use hashbrown::HashSet;
use imbl::OrdMap;

use crate::key::{Key, KeyRange};
use crate::owner::{Published, State};
use crate::region::Epoch;
use crate::schema::{RegionId, SpaceId, SpaceSchema, StoreId};

/// A region as others know it.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionInfo {
    /// Its id.
    pub id: RegionId,
    /// The space it is part of.
    pub space: SpaceId,
    /// The space's [`SpaceSchema::unique_prefix`]: how its keys are made.
    pub unique_prefix: Option<usize>,
    /// The keys it is responsible for.
    pub range: KeyRange,
    /// How often its range and its replicas changed.
    pub epoch: Epoch,
    /// How often its leader changed. Not part of the epoch, as in TiKV: a request that reaches the leader is right.
    pub term: u64,
    /// The store that answers for it.
    pub leader: StoreId,
    /// The stores that hold a replica, the leader among them.
    pub peers: Arc<[StoreId]>,
}

impl RegionInfo {
    /// Whether `other` is later news of the same region.
    pub(crate) fn is_older_than(&self, other: &RegionInfo) -> bool {
        let version = |i: &RegionInfo| (i.epoch.version, i.epoch.conf_ver, i.term);
        version(self) < version(other)
    }
}

/// The directory, as everybody sees it.
#[derive(Clone, Default)]
pub(crate) struct DirectoryView {
    pub(crate) spaces: OrdMap<SpaceId, Arc<SpaceSchema>>,
    by_start: OrdMap<Key, Arc<RegionInfo>>,
}

impl DirectoryView {
    /// The regions that overlap a range, in key order, at most `limit`.
    pub(crate) fn regions(&self, range: &KeyRange, limit: usize) -> Vec<Arc<RegionInfo>> {
        let before = self.by_start.get_prev(&range.start).map(|(start, _)| start.clone());
        let from = before.unwrap_or_else(|| range.start.clone());
        let overlapping = self.by_start.range::<_, Key>(&from..&range.end).map(|(_, info)| info);
        overlapping.filter(|info| info.range.intersect(range).is_some()).take(limit).cloned().collect()
    }
}

/// The directory, as its owner holds it.
#[derive(Default)]
pub(crate) struct Directory {
    view: DirectoryView,
    /// Spaces that are not to be, eight bytes each: no id is used twice, and the message that creates one may come again, or
    /// for the first time, after the one that drops it.
    dropped: HashSet<SpaceId>,
}

/// What its owner is told.
pub(crate) enum DirectoryCommand {
    /// There is a new space, all of it in this region.
    CreateSpace(Arc<SpaceSchema>, Arc<RegionInfo>),
    DropSpace(SpaceId),
    /// These regions are like this now.
    Report(Vec<Arc<RegionInfo>>),
}

/// What it answers.
pub(crate) enum DirectoryReply {
    Done,
    /// The space was there, and is dropped.
    Dropped,
    /// The space is there already, is not there, or has been dropped.
    Refused,
    /// There is no directory any more.
    Gone,
}

impl State for Directory {
    type Command = DirectoryCommand;
    type Reply = DirectoryReply;
    type View = DirectoryView;

    fn apply(&mut self, command: DirectoryCommand, _: &Published<DirectoryView>) -> DirectoryReply {
        let DirectoryView { spaces, by_start } = &mut self.view;
        match command {
            DirectoryCommand::CreateSpace(schema, region) => {
                if spaces.contains_key(&schema.id) || self.dropped.contains(&schema.id) {
                    return DirectoryReply::Refused;
                }
                spaces.insert(schema.id, schema);
                by_start.insert(region.range.start.clone(), region);
                DirectoryReply::Done
            }
            DirectoryCommand::DropSpace(space) => {
                self.dropped.insert(space);
                if spaces.remove(&space).is_none() {
                    return DirectoryReply::Refused;
                }
                let dropped = self.view.regions(&KeyRange::of_space(space), usize::MAX);
                for region in &dropped {
                    self.view.by_start.remove(&region.range.start);
                }
                DirectoryReply::Dropped
            }
            DirectoryCommand::Report(regions) => {
                for region in regions {
                    self.take_in(region);
                }
                DirectoryReply::Done
            }
        }
    }

    fn view(&self) -> Arc<DirectoryView> {
        Arc::new(self.view.clone())
    }
}

impl Directory {
    /// Reports may come late or out of order: what is known to be newer stays, and a space that was dropped stays dropped.
    fn take_in(&mut self, region: Arc<RegionInfo>) {
        if !self.view.spaces.contains_key(&region.space) {
            return;
        }
        let known = self.view.regions(&region.range, usize::MAX);
        let newer = |k: &Arc<RegionInfo>| {
            if k.id == region.id { region.is_older_than(k) } else { region.epoch.version < k.epoch.version }
        };
        if known.iter().any(newer) {
            return;
        }
        for old in known {
            self.view.by_start.remove(&old.range.start);
        }
        self.view.by_start.insert(region.range.start.clone(), region);
    }
}
