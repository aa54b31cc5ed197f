//! What was done lately: changes of the schema, ANALYZE, slow statements.
//!
//! A history is a published map by number, of bounded length. Whoever does something enters it, and replaces what he has entered
//! when there is more to tell of it; when there are too many the oldest goes. Nobody waits: an entry is an immutable value, and the
//! map is swapped as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use imbl::OrdMap;

/// The newest of what was entered.
pub(crate) struct History<T> {
    entries: ArcSwap<OrdMap<u64, Arc<T>>>,
    next: AtomicU64,
    entries_max: usize,
}

impl<T> History<T> {
    /// One that keeps so many entries.
    pub fn new(entries_max: usize) -> History<T> {
        History { entries: ArcSwap::from_pointee(OrdMap::new()), next: AtomicU64::new(1), entries_max }
    }

    /// Enters something; its number, greater than all before.
    pub fn enter(&self, entry: T) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.replace(id, entry);
        id
    }

    /// Something else to tell of what has this number.
    pub fn replace(&self, id: u64, entry: T) {
        let entry = Arc::new(entry);
        self.entries.rcu(|entries| {
            let mut entries = entries.update(id, Arc::clone(&entry));
            while entries.len() > self.entries_max {
                entries = entries.without_min().1;
            }
            entries
        });
    }

    /// As if it had never been entered.
    pub fn forget(&self, id: u64) {
        self.entries.rcu(|entries| entries.without(&id));
    }

    /// How much was ever entered.
    pub fn entered(&self) -> u64 {
        self.next.load(Ordering::Relaxed) - 1
    }

    /// What is entered under a number, if it is still kept.
    pub fn get(&self, id: u64) -> Option<Arc<T>> {
        self.entries.load().get(&id).cloned()
    }

    /// The present version, the oldest first.
    pub fn list(&self) -> Arc<OrdMap<u64, Arc<T>>> {
        self.entries.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let history = History::new(2);
        let [a, b, c] = ["a", "b", "c"].map(|entry| history.enter(entry));
        assert_eq!(history.list().values().map(|entry| **entry).collect::<Vec<_>>(), ["b", "c"]);
        history.replace(b, "B");
        history.forget(c);
        assert_eq!([a, b, c].map(|id| history.get(id).map(|entry| *entry)), [None, Some("B"), None]);
    }
}
