//! Where the client believes the regions are.
//!
//! A [`RegionView`] is a plain value: regions by start key, each with the store that led it when last heard of. Every worker
//! owns one, so nothing it does to it can be seen by another. What workers learn they also tell to the owner of the
//! [shared cache](SharedCache), which publishes it for workers yet to come; they never wait for it.
//!
//! **Looking up changes nothing.** An entry past its time to live, or one that does not hold the key, reads as a miss; the
//! miss is followed by a load, and the load replaces the entry. (TiDB crash 5203: the look-up dropped the expired entry from
//! a map that all workers shared.) Nor does a look-up extend an entry's life, as it does upstream: one question to the
//! placement driver in ten minutes is not worth a write on every read.
//!
//! Versions decide, not order of arrival: news of a region older than what is known is rejected.

use std::sync::Arc;

use imbl::OrdMap;

use crate::key::Key;
use crate::owner::{Published, State};
use crate::pd::RegionInfo;
use crate::random::Random;
use crate::schema::StoreId;

/// A region, and what the client believes of it.
#[derive(Clone, Debug)]
pub(crate) struct CachedRegion {
    pub(crate) info: Arc<RegionInfo>,
    /// Whom to ask. Starts as the leader of `info`; a store that knows better may have corrected it.
    pub(crate) leader: StoreId,
    expires_ms: u64,
}

impl CachedRegion {
    fn new(info: &Arc<RegionInfo>, expires_ms: u64) -> CachedRegion {
        CachedRegion { info: Arc::clone(info), leader: info.leader, expires_ms }
    }

    /// Of what was heard this moment, for one use.
    pub(crate) fn fresh(info: &Arc<RegionInfo>) -> CachedRegion {
        CachedRegion::new(info, 0)
    }

    fn is_live(&self, now_ms: u64) -> bool {
        now_ms < self.expires_ms
    }
}

/// One worker's own view of the region map. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegionView(OrdMap<Key, CachedRegion>);

impl RegionView {
    /// The live entry of the region that holds a key.
    pub(crate) fn locate(&self, key: &[u8], now_ms: u64) -> Option<&CachedRegion> {
        let (_, entry) = self.0.get_prev(key)?;
        (key < entry.info.range.end.as_bytes() && entry.is_live(now_ms)).then_some(entry)
    }

    /// Whether the region that holds a key was known, too long ago.
    pub(crate) fn is_expired(&self, key: &Key, now_ms: u64) -> bool {
        self.0.get_prev(key).is_some_and(|(_, e)| *key < e.info.range.end && !e.is_live(now_ms))
    }

    /// Takes in news of a region, in place of all entries it overlaps. Rejected (`false`) if one of these is newer.
    pub(crate) fn insert(&mut self, info: &Arc<RegionInfo>, expires_ms: u64) -> bool {
        let overlapping = self.overlapping(info);
        let newer = |e: &CachedRegion| {
            if e.info.id == info.id {
                info.is_older_than(&e.info)
            } else {
                info.epoch.version < e.info.epoch.version
            }
        };
        if overlapping.iter().any(newer) {
            return false;
        }
        for entry in &overlapping {
            self.0.remove(&entry.info.range.start);
        }
        self.0.insert(info.range.start.clone(), CachedRegion::new(info, expires_ms));
        true
    }

    fn overlapping(&self, info: &RegionInfo) -> Vec<CachedRegion> {
        let before = self
            .0
            .get_prev(&info.range.start)
            .map(|(_, e)| e)
            .filter(|e| e.info.range.end > info.range.start);
        let mut found: Vec<CachedRegion> = before.into_iter().cloned().collect();
        for (start, entry) in self.0.range::<_, Key>(&info.range.start..&info.range.end) {
            if found.first().is_none_or(|f| f.info.range.start != *start) {
                found.push(entry.clone());
            }
        }
        found
    }

    /// Drops the entry of this very version of a region; a newer one stays.
    pub(crate) fn forget(&mut self, info: &RegionInfo) {
        if self.is_of(info) {
            self.0.remove(&info.range.start);
        }
    }

    /// Corrects the leader of this very version of a region.
    pub(crate) fn set_leader(&mut self, info: &RegionInfo, leader: StoreId) {
        if self.is_of(info)
            && let Some(entry) = self.0.get_mut(&info.range.start)
        {
            entry.leader = leader;
        }
    }

    fn is_of(&self, info: &RegionInfo) -> bool {
        self.0.get(&info.range.start).is_some_and(|e| e.info.id == info.id && e.info.epoch == info.epoch)
    }
}

/// When an entry loaded now expires: after its time to live and up to a tenth more, so that entries loaded together do not
/// expire together.
pub(crate) fn expiry(now_ms: u64, ttl_ms: u64, random: &mut Random) -> u64 {
    now_ms.saturating_add(ttl_ms).saturating_add(random.below(ttl_ms / 10))
}

/// What workers learnt and others may want to know.
#[derive(Clone, Debug)]
pub(crate) enum CacheNews {
    Found(Vec<Arc<RegionInfo>>, u64),
    Stale(Arc<RegionInfo>),
    Leader(Arc<RegionInfo>, StoreId),
}

impl RegionView {
    /// Takes in a piece of news: the same way in a worker's own view and in the shared one.
    pub(crate) fn learn(&mut self, news: &CacheNews) {
        match news {
            CacheNews::Found(regions, expires_ms) => {
                for info in regions {
                    self.insert(info, *expires_ms);
                }
            }
            CacheNews::Stale(info) => self.forget(info),
            CacheNews::Leader(info, leader) => self.set_leader(info, *leader),
        }
    }
}

/// The view that new workers start from.
#[derive(Default)]
pub(crate) struct SharedCache(RegionView);

impl State for SharedCache {
    type Command = CacheNews;
    type Reply = ();
    type View = RegionView;

    fn apply(&mut self, news: CacheNews, _: &Published<RegionView>) {
        self.0.learn(&news);
    }

    fn view(&self) -> Arc<RegionView> {
        Arc::new(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRange;
    use crate::region::Epoch;
    use crate::schema::{RegionId, SpaceId};

    fn key(n: u8) -> Key {
        Key::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 1, n])
    }

    fn region(id: u64, version: u64, start: u8, end: u8) -> Arc<RegionInfo> {
        Arc::new(RegionInfo {
            id: RegionId(id),
            space: SpaceId(1),
            unique_prefix: None,
            range: KeyRange { start: key(start), end: key(end) },
            epoch: Epoch { conf_ver: 1, version },
            term: 1,
            leader: StoreId(1),
            peers: [StoreId(1), StoreId(2)].into(),
        })
    }

    fn found(view: &RegionView, n: u8) -> Option<u64> {
        view.locate(key(n).as_bytes(), 0).map(|e| e.info.id.0)
    }

    #[test]
    fn expiry_is_a_predicate() {
        let mut view = RegionView::default();
        assert!(view.insert(&region(1, 1, 0, 100), 50));
        assert!(view.locate(key(5).as_bytes(), 49).is_some());
        assert!(view.locate(key(5).as_bytes(), 50).is_none());
        assert!(view.locate(key(5).as_bytes(), 49).is_some(), "the miss changed nothing");
    }

    #[test]
    fn newer_regions_replace_what_they_overlap() {
        let mut view = RegionView::default();
        view.insert(&region(1, 1, 0, 100), 50);
        assert!(view.insert(&region(2, 2, 40, 100), 50));
        assert_eq!((found(&view, 10), found(&view, 40)), (None, Some(2)));
        assert!(view.insert(&region(1, 2, 0, 40), 50));
        assert_eq!((found(&view, 10), found(&view, 39), found(&view, 99)), (Some(1), Some(1), Some(2)));
        assert!(!view.insert(&region(1, 1, 0, 100), 50), "older news is rejected");
        assert!(view.insert(&region(3, 3, 0, 100), 50), "a merge replaces both");
        assert_eq!((found(&view, 10), found(&view, 99), found(&view, 100)), (Some(3), Some(3), None));
    }

    #[test]
    fn a_worker_forgets_only_in_its_own_view_and_only_that_version() {
        let mut shared = RegionView::default();
        shared.insert(&region(1, 1, 0, 100), 50);
        let mut own = shared.clone();
        own.forget(&region(1, 1, 0, 100));
        assert_eq!((found(&own, 1), found(&shared, 1)), (None, Some(1)));
        own.insert(&region(1, 2, 0, 100), 50);
        own.forget(&region(1, 1, 0, 100));
        own.set_leader(&region(1, 1, 0, 100), StoreId(2));
        assert_eq!(own.locate(key(1).as_bytes(), 0).map(|e| e.leader), Some(StoreId(1)));
        own.set_leader(&region(1, 2, 0, 100), StoreId(2));
        assert_eq!(own.locate(key(1).as_bytes(), 0).map(|e| e.leader), Some(StoreId(2)));
    }
}
