//! Transactions that wait for locks of a region.

use tokio::sync::oneshot;

use crate::key::Key;
use crate::schema::Timestamp;

/// Who waits. Whoever stops waiting drops the other end of `wake`, and is forgotten at the next occasion.
pub(super) struct Waiter {
    pub(super) key: Key,
    /// The transaction that holds the lock.
    pub(super) holder: Timestamp,
    /// The transaction that waits.
    pub(super) waiter: Timestamp,
    pub(super) wake: oneshot::Sender<()>,
}

/// Those of one region.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: Vec<Waiter>,
    /// Who need not wait any more, to be told.
    released: Vec<Waiter>,
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn add(&mut self, waiter: Waiter) {
        self.waiting.push(waiter);
    }

    /// Finds those whose wait is over: for whom `holds` says that the key is not held by the holder.
    pub(super) fn release(&mut self, holds: impl Fn(&Key, Timestamp) -> bool) {
        let all = std::mem::take(&mut self.waiting).into_iter().filter(|waiter| !waiter.wake.is_closed());
        let (waiting, released): (Vec<Waiter>, Vec<Waiter>) =
            all.partition(|waiter| holds(&waiter.key, waiter.holder));
        self.waiting = waiting;
        self.released.extend(released);
    }

    /// Tells them, the oldest transaction first: it goes before the others.
    pub(super) fn wake(&mut self) {
        self.released.sort_by_key(|waiter| waiter.waiter);
        for waiter in self.released.drain(..) {
            // Who has stopped waiting does not hear it.
            let _ = waiter.wake.send(());
        }
    }
}
