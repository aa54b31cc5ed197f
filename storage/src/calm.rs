//! A version that is looked at all the time, and replaced seldom for a while, and then as often as it is looked at.
//!
//! A [`Slot`] costs a writer as little as a reader, but in it readers meet: two sessions that look every quarter of a microsecond
//! wait for each other more than they read. In an `ArcSwap` readers write nothing that others read, but each new version costs
//! microseconds. So there are both. All versions go through the slot. The owner puts one into the `ArcSwap`, the **calm** place,
//! too if it is the first one for some milliseconds, and not one that is replaced at once ([`Calm::show`]); and what was the last
//! one of many is put there when a reader has told that nothing came after it for as long ([`Calm::is_restless`],
//! [`Calm::settle`]). While the calm version's number is the newest's, readers look there. So a region that is updated all the
//! time is read from its slot, and any other from its calm place.
//!
//! **Whoever reads after a version was set, or after he has seen it, sees nothing older**: the slot sees to that, and in the calm
//! place a version stands before its number does. What is superseded is held there for some milliseconds, or, if nothing is set
//! any more, until the next reader comes. It may be the last hold of much, so the owner gets it back, to free it when he is the
//! owner no longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

use crate::slot::Slot;

/// The two places.
pub(crate) struct Calm<T> {
    slot: Slot<T>,
    /// When the newest version was set.
    set_at: AtomicU64,
    calm: ArcSwap<T>,
    /// The number of the calm version, or for a moment that of the one before it.
    number: AtomicU64,
}

/// A moment, by a clock that goes on every few milliseconds.
#[derive(Clone, Copy)]
struct Tick(u64);

impl Tick {
    fn now() -> Tick {
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::MonotonicCoarse;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(clock);
        // Four milliseconds, however fine the clock is.
        Tick(now.tv_sec.cast_unsigned() * 250 + now.tv_nsec.cast_unsigned() / 4_000_000)
    }
}

impl<T> Calm<T> {
    /// With a first version.
    pub(crate) fn new(first: Arc<T>) -> Calm<T> {
        let slot = Slot::new(Arc::clone(&first));
        let number = AtomicU64::new(slot.number());
        Calm { slot, set_at: AtomicU64::new(0), calm: ArcSwap::new(first), number }
    }

    /// For the one owner: the next version. What is superseded by it in the calm place.
    pub(crate) fn set(&self, next: Arc<T>) -> Option<Arc<T>> {
        self.set_at(next, Tick::now())
    }

    fn set_at(&self, next: Arc<T>, now: Tick) -> Option<Arc<T>> {
        if self.set_at.load(Ordering::Relaxed) == now.0 {
            // Nothing is written that readers look at to find the slot.
            self.slot.set(next);
            return None;
        }
        self.set_at.store(now.0, Ordering::Relaxed);
        self.slot.set(Arc::clone(&next));
        Some(self.calm_down(next))
    }

    /// For the one owner: the next version, which he is about to replace.
    pub(crate) fn show(&self, next: Arc<T>) {
        self.slot.set(next);
    }

    /// For the one owner: nothing comes after the newest version for now. What is superseded by it in the calm place.
    pub(crate) fn settle(&self) -> Option<Arc<T>> {
        self.is_behind().then(|| self.calm_down(self.slot.get()))
    }

    /// Puts the newest version into the calm place. Only the owner sets, so its number stays the newest meanwhile.
    fn calm_down(&self, newest: Arc<T>) -> Arc<T> {
        let superseded = self.calm.swap(newest);
        self.number.store(self.slot.number(), Ordering::SeqCst);
        superseded
    }

    /// Whether the calm place holds what is superseded.
    pub(crate) fn is_behind(&self) -> bool {
        self.number.load(Ordering::SeqCst) != self.slot.number()
    }

    /// Whether readers meet in the slot for no reason: nothing has come after the newest version for some time.
    pub(crate) fn is_restless(&self) -> bool {
        self.is_restless_at(Tick::now)
    }

    fn is_restless_at(&self, now: impl FnOnce() -> Tick) -> bool {
        self.is_behind() && self.set_at.load(Ordering::Relaxed) != now().0
    }

    /// The newest version, for a moment.
    pub(crate) fn peek(&self) -> Guard<Arc<T>> {
        match self.is_calm() {
            true => self.calm.load(),
            false => Guard::from_inner(self.slot.get()),
        }
    }

    /// The newest version, to keep.
    pub(crate) fn get(&self) -> Arc<T> {
        match self.is_calm() {
            true => self.calm.load_full(),
            false => self.slot.get(),
        }
    }

    /// Whether what stands in the calm place is as new as what was newest when this was asked.
    fn is_calm(&self) -> bool {
        let newest = self.slot.number();
        self.number.load(Ordering::SeqCst) >= newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_later_sees_nothing_older() {
        const LAST: u64 = 20_000;
        let place = Calm::new(Arc::new(0));
        let told = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for reader in 0..3 {
                let (place, told) = (&place, &told);
                scope.spawn(move || {
                    let mut last = 0;
                    while last != LAST {
                        let before = told.load(Ordering::SeqCst).max(last);
                        let seen = if reader == 0 { *place.get() } else { **place.peek() };
                        assert!(seen >= before, "{seen} after {before} was told or seen");
                        last = seen;
                    }
                });
            }
            scope.spawn(|| {
                for version in 1..=LAST {
                    // Now and then the first of its moment, now and then settled.
                    match version % 5 {
                        0 => place.show(Arc::new(version)),
                        _ => drop(place.set_at(Arc::new(version), Tick(version / 7))),
                    }
                    told.store(version, Ordering::SeqCst);
                    if version % 11 == 0 {
                        place.settle();
                    }
                }
            });
        });
        assert_eq!(*place.get(), LAST);
    }

    #[test]
    fn what_is_seldom_replaced_is_calm_and_what_was_often_settles() {
        let place = Calm::new(Arc::new(0));
        let is_calm = |place: &Calm<i32>| Arc::ptr_eq(&place.calm.load(), &place.slot.get());
        place.set_at(Arc::new(1), Tick(10));
        assert!(is_calm(&place) && !place.is_restless_at(|| Tick(20)));
        place.set_at(Arc::new(2), Tick(10));
        assert!(!is_calm(&place) && **place.peek() == 2);
        assert!(!place.is_restless_at(|| Tick(10)) && place.is_restless_at(|| Tick(11)));
        place.settle();
        assert!(is_calm(&place) && !place.is_restless_at(|| Tick(11)) && **place.peek() == 2);
        // What is only shown makes nothing restless that is set in the same moment.
        place.show(Arc::new(3));
        assert!(!is_calm(&place) && **place.peek() == 3);
        place.set_at(Arc::new(4), Tick(11));
        assert!(is_calm(&place) && **place.peek() == 4);
    }

    #[test]
    fn what_was_superseded_is_let_go() {
        let (first, second) = (Arc::new(1), Arc::new(2));
        let place = Calm::new(Arc::clone(&first));
        place.set_at(Arc::clone(&second), Tick(1));
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 3));
        place.set_at(Arc::new(3), Tick(1));
        let superseded = place.set_at(Arc::new(4), Tick(2));
        assert!(superseded.is_some_and(|superseded| Arc::ptr_eq(&superseded, &second)));
        assert_eq!(Arc::strong_count(&second), 1);
    }
}
