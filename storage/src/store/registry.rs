//! The regions that the stores hold, by id. Owned, and published as a persistent map.

use std::sync::Arc;

use imbl::HashMap;

use super::group::Group;
use crate::owner::{Owner, Published, State};
use crate::schema::{RegionId, SpaceId, Timestamp};

pub(super) type Groups = HashMap<RegionId, Arc<Group>>;

/// See the module's essay.
pub(super) struct Registry(Owner<Registered>);

#[derive(Default)]
struct Registered(Groups);

enum Change {
    Add(Vec<Arc<Group>>),
    Remove(Vec<RegionId>),
}

impl State for Registered {
    type Command = Change;
    type Reply = ();
    type View = Groups;

    fn apply(&mut self, change: Change, _: &Published<Groups>) {
        match change {
            Change::Add(groups) => self.0.extend(groups.into_iter().map(|g| (g.id(), g))),
            Change::Remove(ids) => {
                for id in ids {
                    self.0.remove(&id);
                }
            }
        }
    }

    fn view(&self) -> Arc<Groups> {
        Arc::new(self.0.clone())
    }
}

impl Registry {
    pub(super) fn new() -> Registry {
        Registry(Owner::new(Registered::default()))
    }

    /// All regions at this moment. For a moment, not across an `await`.
    pub(super) fn view(&self) -> arc_swap::Guard<Arc<Groups>> {
        self.0.peek()
    }

    pub(super) fn find(&self, id: RegionId) -> Option<Arc<Group>> {
        self.0.peek().get(&id).cloned()
    }

    /// Now or in a moment: until then requests to them are answered "region not found", and come again.
    pub(super) fn add(&self, groups: Vec<Arc<Group>>) {
        self.0.post(Change::Add(groups));
    }

    pub(super) fn remove(&self, ids: Vec<RegionId>) {
        self.0.post(Change::Remove(ids));
    }

    /// The regions of a space.
    pub(super) fn of_space(&self, space: SpaceId) -> Vec<RegionId> {
        self.0
            .view()
            .values()
            .filter(|group| group.view().info().space == space)
            .map(|group| group.id())
            .collect()
    }

    /// The earliest transaction that holds a lock in any region.
    pub(super) fn oldest_lock_ts(&self) -> Option<Timestamp> {
        self.0.view().values().filter_map(|g| g.view().snapshot().oldest_lock_ts()).min()
    }
}
