//! Who folds large deltas: a thread of its own, where answers are immediate.
//!
//! To fold some thousand versions into a million rows takes some milliseconds where rows were replaced, and ten times that
//! where they came and went. The writer that happens to bring the last version should not pay for all of them, so it posts the
//! region here and goes on. The thread is started by the first region that is posted, and ends with its cluster. A simulated
//! cluster has none: there whoever brings the last version folds, on the spot, and the same seed gives the same run.
//!
//! A region is left alone for some time after it was folded, the longer the longer that took: so the thread takes at most a
//! fifth of a processor for each region, however fast it is written, and a version is folded with the more others.
//!
//! What a region was before it was folded is kept for those who may still read it (`mvcc/past.rs`). Nobody will once the
//! cluster's history has passed. Then the thread looks again, whether or not anyone has written meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::Stores;
use super::group::{Broom, Group};
use crate::schema::RegionId;

/// The least time between two looks at what was.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// And the most: history may become shorter meanwhile.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A region rests so many times as long as it was swept.
const REST: u32 = 4;

/// The way to the thread.
#[derive(Default)]
pub(super) struct Housekeeper(OnceLock<Sender<Broom>>);

/// A region to be looked at.
struct Task {
    at: Instant,
    group: Arc<Group>,
    /// Until it is done, nobody else is to keep house there.
    broom: Option<Broom>,
}

impl Housekeeper {
    /// Has a region swept; gives the broom back if there is no thread for it.
    pub(super) fn post(&self, stores: &Arc<Stores>, broom: Broom) -> Result<(), Broom> {
        let mailbox = self.0.get_or_init(|| {
            let (post, mailbox) = unbounded();
            let stores = Arc::downgrade(stores);
            let thread = std::thread::Builder::new().name("allod-housekeeper".into());
            // Without a thread the mailbox has no other end, and posting fails.
            let _ = thread.spawn(move || run(&stores, &mailbox));
            post
        });
        mailbox.send(broom).map_err(|refused| refused.0)
    }
}

fn run(stores: &Weak<Stores>, mailbox: &Receiver<Broom>) {
    let mut tasks: Vec<Task> = Vec::new();
    // Until when regions rest.
    let mut resting: Vec<(Instant, RegionId)> = Vec::new();
    loop {
        let next = tasks.iter().map(|task| task.at).min();
        let posted = match next {
            Some(at) => mailbox.recv_deadline(at),
            None => mailbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let now = Instant::now();
        resting.retain(|(until, _)| *until > now);
        match posted {
            Ok(broom) => {
                let group = Arc::clone(broom.group());
                let rest = resting.iter().find(|(_, region)| *region == group.id());
                tasks.push(Task { at: rest.map_or(now, |(until, _)| *until), group, broom: Some(broom) });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let due: Vec<Task> = tasks.extract_if(.., |task| task.at <= now).collect();
        for Task { group, broom, .. } in due {
            let Some(stores) = stores.upgrade() else { return };
            let Some(broom) = broom.or_else(|| group.take_broom()) else {
                tasks.push(Task { at: now + PAUSE_MIN, group, broom: None });
                continue;
            };
            let begun = Instant::now();
            // A region whose data cannot be folded must not keep the others from being swept.
            let more = catch_unwind(AssertUnwindSafe(|| stores.sweep(&group))).unwrap_or(false);
            let done = Instant::now();
            resting.push((done + REST * (done - begun), group.id()));
            drop(broom);
            if more && tasks.iter().all(|task| task.group.id() != group.id()) {
                let pause = stores.pd.history().clamp(PAUSE_MIN, PAUSE_MAX);
                tasks.push(Task { at: done + pause, group, broom: None });
            }
        }
    }
}
