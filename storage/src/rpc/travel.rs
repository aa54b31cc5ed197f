//! How long a message is on its way, waited for.
//!
//! Tokio's timers tick in milliseconds and round up: a message that should take one takes two, and one of half a millisecond as
//! long. Where the runtime is somebody else's that is how it is: its clock may be a paused one, and then it is exact. A runtime
//! of our own has real time, and there a thread waits for the next of all messages, to a twentieth of a millisecond or better.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use tokio::sync::oneshot;

/// Who waits.
pub(crate) enum Travel {
    /// Tokio's timers.
    Timers,
    /// The thread that these go to.
    Courier(Sender<Due>),
}

/// A message on its way.
pub(crate) struct Due {
    at: Instant,
    arrived: oneshot::Sender<()>,
}

impl Travel {
    /// By a thread, which ends with this.
    ///
    /// # Panics
    /// If the operating system has no thread left.
    pub(crate) fn by_courier() -> Travel {
        let (sender, receiver) = unbounded();
        let courier = std::thread::Builder::new().name("allod-courier".into());
        let started = courier.spawn(move || deliver(&receiver));
        drop(started.expect("the operating system has a thread left for messages"));
        Travel::Courier(sender)
    }

    /// Lets so much time pass.
    pub(crate) async fn take(&self, duration: Duration) {
        match self {
            Travel::Timers => tokio::time::sleep(duration).await,
            Travel::Courier(_) if duration.is_zero() => {}
            Travel::Courier(courier) => {
                let Some(at) = Instant::now().checked_add(duration) else {
                    return std::future::pending().await;
                };
                let (arrived, arrival) = oneshot::channel();
                // The thread is there as long as the sender is; its end would be the end of the wait.
                let _ = courier.send(Due { at, arrived });
                let _ = arrival.await;
            }
        }
    }
}

/// The thread's work: each message at its time.
fn deliver(sent: &Receiver<Due>) {
    #[cfg(target_os = "linux")]
    {
        // Without it the system puts wakings off by up to 50 µs, to do several at once. It may refuse.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
    }
    let mut under_way: BinaryHeap<Reverse<Due>> = BinaryHeap::new();
    loop {
        let now = Instant::now();
        while under_way.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let arrived = under_way.pop().map(|Reverse(due)| due.arrived);
            // Who waited for it may have given up.
            let _ = arrived.map(|arrived| arrived.send(()));
        }
        let next = match under_way.peek() {
            Some(Reverse(due)) => sent.recv_deadline(due.at),
            None => sent.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(due) => under_way.push(Reverse(due)),
            Err(RecvTimeoutError::Timeout) => {}
            // Who waits holds what sends.
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    #[test]
    fn the_courier_brings_each_message_when_it_is_due_and_none_before() {
        let (travel, runtime) = (Travel::by_courier(), Runtime::simulated());
        let begin = Instant::now();
        let wait = |ms: u64| {
            let (travel, begin) = (&travel, begin);
            async move {
                travel.take(Duration::from_millis(ms)).await;
                (ms, begin.elapsed())
            }
        };
        // Told in another order than they are due.
        let waits = futures_util::future::join_all([30, 5, 0, 20, 10].map(wait));
        for (ms, took) in runtime.block_on(waits) {
            assert!(took >= Duration::from_millis(ms), "{ms} ms took {took:?}");
        }
    }

    #[test]
    fn who_gives_up_disturbs_nobody() {
        let (travel, runtime) = (Travel::by_courier(), Runtime::simulated());
        runtime.block_on(async {
            let given_up =
                tokio::time::timeout(Duration::from_millis(1), travel.take(Duration::from_millis(20)));
            assert!(given_up.await.is_err());
            travel.take(Duration::from_millis(30)).await;
        });
    }
}
