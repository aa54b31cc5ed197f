//! Transactions that wait for locks of a region.
//!
//! When a lock goes away, the oldest of those who wait for it goes first, and the others are told whom they wait for now: they
//! would only find out that it was faster. They let it pass, a moment at most ([`Awaited::Next`]), for it may not want the lock
//! any more (`wake-up-delay-duration` in TiKV).
//!
//! ```text
//! 10 holds k; 12, 15 and 19 wait         10 commits
//! 12: released, locks k                  15, 19: the next is 12
//! 12 commits                             15: released; 19: the next is 15
//! ```

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::key::Key;
use crate::rpc::Awaited;
use crate::schema::Timestamp;

/// Who waits. Whoever stops waiting drops the other end of `wake`, and is forgotten at the next occasion.
pub(super) struct Waiter {
    pub(super) key: Key,
    /// The transaction that holds the lock.
    pub(super) holder: Timestamp,
    /// It does not hold it yet.
    pub(super) expected: bool,
    /// The transaction that waits.
    pub(super) waiter: Timestamp,
    pub(super) wake: oneshot::Sender<Awaited>,
}

/// What is at a key that somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// The lock of the transaction that is waited for.
    ByHolder,
    /// No such lock.
    No,
    /// The key is in another region now.
    Elsewhere,
}

/// Those of one region.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: Vec<Waiter>,
    /// Who is to be told what.
    told: Vec<(Waiter, Awaited)>,
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn add(&mut self, waiter: Waiter) {
        self.waiting.push(waiter);
    }

    /// Finds those whose wait is over.
    pub(super) fn release(&mut self, held: impl Fn(&Key, Timestamp) -> Held) {
        let mut over: Vec<Waiter> = Vec::new();
        for mut waiter in std::mem::take(&mut self.waiting) {
            match held(&waiter.key, waiter.holder) {
                _ if waiter.wake.is_closed() => {}
                Held::ByHolder => {
                    waiter.expected = false;
                    self.waiting.push(waiter);
                }
                Held::No if waiter.expected => self.waiting.push(waiter),
                Held::No => over.push(waiter),
                Held::Elsewhere => self.told.push((waiter, Awaited::Released)),
            }
        }
        let mut first: BTreeMap<Key, Timestamp> = BTreeMap::new();
        for waiter in &over {
            let oldest = first.entry(waiter.key.clone()).or_insert(waiter.waiter);
            *oldest = waiter.waiter.min(*oldest);
        }
        self.told.extend(over.into_iter().map(|waiter| {
            let next = first[&waiter.key];
            let awaited = if next == waiter.waiter { Awaited::Released } else { Awaited::Next(next) };
            (waiter, awaited)
        }));
    }

    /// Tells them, the oldest transaction first.
    pub(super) fn wake(&mut self) {
        self.told.sort_by_key(|(waiter, _)| waiter.waiter);
        for (waiter, awaited) in self.told.drain(..) {
            // Who has stopped waiting does not hear it.
            let _ = waiter.wake.send(awaited);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SpaceId;

    fn key(n: i64) -> Key {
        crate::key::encode_datums(SpaceId(1), &[crate::schema::Datum::Int(n)])
    }

    struct Line {
        waiters: Waiters,
        ends: BTreeMap<(Key, u64), oneshot::Receiver<Awaited>>,
    }

    impl Line {
        fn waits(&mut self, n: i64, waiter: u64, holder: u64, expected: bool) {
            let (wake, end) = oneshot::channel();
            let (waiter_ts, holder) = (Timestamp(waiter), Timestamp(holder));
            self.waiters.add(Waiter { key: key(n), holder, expected, waiter: waiter_ts, wake });
            self.ends.insert((key(n), waiter), end);
        }

        /// With these locks: who hears what.
        fn heard(&mut self, locks: &[(i64, u64)]) -> Vec<(i64, u64, Awaited)> {
            self.waiters.release(|at, holder| {
                let is_held = locks.iter().any(|(n, ts)| key(*n) == *at && Timestamp(*ts) == holder);
                if is_held { Held::ByHolder } else { Held::No }
            });
            self.waiters.wake();
            let mut heard = Vec::new();
            for n in 0..3 {
                for ((at, waiter), end) in &mut self.ends {
                    if *at == key(n)
                        && let Ok(awaited) = end.try_recv()
                    {
                        heard.push((n, *waiter, awaited));
                    }
                }
            }
            heard
        }
    }

    #[test]
    fn the_oldest_goes_first_and_the_others_wait_for_it() {
        let mut line = Line { waiters: Waiters::default(), ends: BTreeMap::new() };
        for waiter in [19, 12, 15] {
            line.waits(1, waiter, 10, false);
        }
        line.waits(2, 30, 10, false);
        assert_eq!(line.heard(&[(1, 10), (2, 10)]), []);
        let next = |ts| Awaited::Next(Timestamp(ts));
        let heard = line.heard(&[(2, 10)]);
        assert_eq!(heard, [(1, 12, Awaited::Released), (1, 15, next(12)), (1, 19, next(12))]);
        // Those who wait for 12 do so before and after it has the lock.
        line.waits(1, 15, 12, true);
        line.waits(1, 19, 12, true);
        assert_eq!(line.heard(&[(2, 10)]), []);
        assert_eq!(line.heard(&[(1, 12), (2, 10)]), []);
        assert_eq!(line.heard(&[(2, 10)]), [(1, 15, Awaited::Released), (1, 19, next(15))]);
        assert_eq!(line.heard(&[]), [(2, 30, Awaited::Released)]);
        assert!(line.waiters.is_empty());
    }

    #[test]
    fn who_has_stopped_waiting_is_nobodys_next() {
        let mut line = Line { waiters: Waiters::default(), ends: BTreeMap::new() };
        line.waits(1, 12, 10, false);
        line.waits(1, 15, 10, false);
        line.ends.remove(&(key(1), 12));
        assert_eq!(line.heard(&[]), [(1, 15, Awaited::Released)]);
    }

    #[test]
    fn all_are_told_that_the_key_is_elsewhere() {
        let mut line = Line { waiters: Waiters::default(), ends: BTreeMap::new() };
        line.waits(1, 12, 10, false);
        line.waits(1, 15, 12, true);
        line.waiters.release(|_, _| Held::Elsewhere);
        line.waiters.wake();
        for end in line.ends.values_mut() {
            assert_eq!(end.try_recv(), Ok(Awaited::Released));
        }
    }
}
