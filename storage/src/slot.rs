//! The newest version of something that its owner replaces about as often as others look at it.
//!
//! `ArcSwap`, which publishes what is seldom replaced, is made for readers: they write nothing that other readers read, and for
//! that a writer goes through the places of all threads that have ever read. With twenty threads that is 2.5 µs: a tenth of an
//! update of one row, which publishes four times, and more with every thread. Here a version is a value in a channel with one
//! place. To replace it is to take it out and to put the next one in; to read it is to take it out, keep a reference and put it
//! back.
//!
//! **Whoever reads after a version was set, or after he has seen it, sees nothing older.** Versions are numbered, and the number of
//! the newest is told before it is put into its place. Who finds the place taken when he puts his back leaves the newer of the
//! two there, and who has taken one that is older than what was told when he began looks again: the newest is on its way, or in
//! another reader's hands. So a reader waits while another is between two steps of his, in which no work is done, and lets others
//! run meanwhile. Where readers are many they meet, and should look elsewhere while nothing is replaced: `crate::calm`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// The place.
pub struct Slot<T> {
    put: Sender<Version<T>>,
    take: Receiver<Version<T>>,
    /// The newest version's number; only the owner counts.
    newest: AtomicU64,
}

struct Version<T> {
    number: u64,
    value: Arc<T>,
}

impl<T> Slot<T> {
    /// With a first version.
    pub fn new(first: Arc<T>) -> Slot<T> {
        let (put, take) = bounded(1);
        let slot = Slot { put, take, newest: AtomicU64::new(0) };
        slot.set(first);
        slot
    }

    /// For the one owner: the next version.
    pub fn set(&self, next: Arc<T>) {
        let number = self.newest.load(Ordering::Relaxed) + 1;
        // Out with the last one; if a reader has it there is nothing to take.
        let last = self.take.try_recv();
        self.newest.store(number, Ordering::SeqCst);
        self.leave(Version { number, value: next });
        // What nobody else reads any more is freed when the next one can be read.
        drop(last);
    }

    /// The number of the newest version. Whoever takes it and then gets a version gets that one or a newer one.
    pub(crate) fn number(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// The newest version.
    pub fn get(&self) -> Arc<T> {
        let newest = self.number();
        loop {
            if let Ok(version) = self.take.try_recv() {
                let found = (version.number >= newest).then(|| Arc::clone(&version.value));
                self.leave(version);
                if let Some(value) = found {
                    return value;
                }
            }
            // Somebody is between taking out and putting in.
            std::thread::yield_now();
        }
    }

    /// Puts a version in, unless there is a newer one.
    fn leave(&self, mut version: Version<T>) {
        // What is not left there may be the last hold of much, which is freed when all can read again.
        let mut older = Vec::new();
        while let Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) =
            self.put.try_send(version)
        {
            version = match self.take.try_recv() {
                Ok(other) if other.number > back.number => {
                    older.push(back);
                    other
                }
                Ok(other) => {
                    older.push(other);
                    back
                }
                Err(_) => back,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_later_sees_nothing_older() {
        const LAST: u64 = 20_000;
        let slot = Slot::new(Arc::new(0));
        let told = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut last = 0;
                    loop {
                        let before = told.load(Ordering::SeqCst).max(last);
                        let seen = *slot.get();
                        assert!(seen >= before, "{seen} after {before} was told or seen");
                        last = seen;
                        if seen == LAST {
                            break;
                        }
                    }
                });
            }
            scope.spawn(|| {
                for version in 1..=LAST {
                    slot.set(Arc::new(version));
                    told.store(version, Ordering::SeqCst);
                }
            });
        });
        assert_eq!(*slot.get(), LAST);
    }
}
