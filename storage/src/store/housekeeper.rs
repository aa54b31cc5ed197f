//! Who folds large deltas: a thread of its own, where answers are immediate.
//!
//! To fold 65,536 versions into a million rows takes hundreds of milliseconds. The writer that happens to bring the last
//! version should not pay for all of them, so it posts the region's name here and goes on. The thread is started by the
//! first region that is posted, and ends with its cluster. A simulated cluster has none: there whoever brings the last
//! version folds, on the spot, and the same seed gives the same run.
//!
//! What is too young to be folded (somebody may still read what was before it) will be old enough once the cluster's
//! history has passed. Then the thread looks again, whether or not anyone has written meanwhile: a table that was filled
//! and then only read must not stay slow to read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::Stores;
use crate::schema::RegionId;

/// The least time between two looks at what is too young.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The way to the thread.
pub(super) struct Housekeeper {
    history: Duration,
    mailbox: OnceLock<Sender<RegionId>>,
}

impl Housekeeper {
    /// What a fold leaves behind is looked at again after `history`.
    pub(super) fn new(history: Duration) -> Housekeeper {
        Housekeeper { history: history.max(PAUSE_MIN), mailbox: OnceLock::new() }
    }

    /// Has a region swept; false if there is no thread for it.
    pub(super) fn post(&self, stores: &Arc<Stores>, region: RegionId) -> bool {
        let mailbox = self.mailbox.get_or_init(|| {
            let (post, mailbox) = unbounded();
            let (stores, history) = (Arc::downgrade(stores), self.history);
            let thread = std::thread::Builder::new().name("allod-housekeeper".into());
            // Without a thread the mailbox has no other end, and posting fails.
            let _ = thread.spawn(move || run(&stores, &mailbox, history));
            post
        });
        mailbox.send(region).is_ok()
    }
}

fn run(stores: &Weak<Stores>, mailbox: &Receiver<RegionId>, history: Duration) {
    let mut waiting: Vec<(Instant, RegionId)> = Vec::new();
    loop {
        let next = waiting.iter().map(|(at, _)| *at).min();
        let posted = match next {
            Some(at) => mailbox.recv_deadline(at),
            None => mailbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match posted {
            Ok(region) => waiting.push((Instant::now(), region)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        let due: Vec<RegionId> =
            waiting.extract_if(.., |(at, _)| *at <= now).map(|(_, region)| region).collect();
        for region in due {
            let Some(stores) = stores.upgrade() else { return };
            // A region whose data cannot be folded must not keep the others from being swept.
            let more = catch_unwind(AssertUnwindSafe(|| stores.sweep(region))).unwrap_or(false);
            if more && waiting.iter().all(|(_, other)| *other != region) {
                waiting.push((now + history, region));
            }
        }
    }
}
