//! How messages between servers fare: from store to store, between stores and the placement driver.
//!
//! They are not sent one by one here, for consensus is simulated: what counts is how long it takes until an exchange has
//! come through. Servers are patient: what is lost is sent again, and what comes twice says nothing new.

use std::time::Duration;

use super::conditions::majority;
use super::{Conditions, LinkState, Node};
use crate::random::Random;
use crate::schema::StoreId;

/// Who hears nothing from another server asks again after this.
pub(crate) const ASK_AGAIN: Duration = Duration::from_millis(100);
/// So often at most; longer than that nobody waits anyway.
const ASKED_MAX: u32 = 50;
/// So many times its usual way is what a message is held back by, at most.
pub(crate) const HELD_BACK_MAX: u32 = 20;
/// How long a message takes that is held back on a link of which nothing else is known.
const WAY: Duration = Duration::from_millis(1);

impl LinkState {
    /// How long a message takes; `None` = it is lost.
    fn way(&self, random: &mut Random) -> Option<Duration> {
        if random.unit() < self.loss.unwrap_or(0.0) {
            return None;
        }
        let jitter = self.jitter.unwrap_or_default().mul_f64(random.unit());
        let way = self.latency.unwrap_or_default() + jitter;
        let is_held_back = random.unit() < self.reorder;
        Some(
            way + if is_held_back {
                (way.max(WAY) * HELD_BACK_MAX).mul_f64(random.unit())
            } else {
                Duration::ZERO
            },
        )
    }
}

impl Conditions {
    /// How long a message from one server to another takes if nothing is cut, with what is sent again: only what links were
    /// told to take. Both ways, if there is an answer.
    pub(crate) fn exchange(&self, ways: &[(Node, Node)], random: &mut Random) -> Duration {
        let links: Vec<&LinkState> = ways.iter().filter_map(|&(from, to)| self.link(from, to)).collect();
        let mut waited = Duration::ZERO;
        for _ in 0..ASKED_MAX {
            // All are asked, so that what one of them says does not change what the next one draws.
            let taken: Vec<Option<Duration>> = links.iter().map(|link| link.way(random)).collect();
            match taken.into_iter().sum::<Option<Duration>>() {
                Some(taken) => return waited + taken,
                None => waited += ASK_AGAIN,
            }
        }
        waited
    }

    /// How long a write waits until a majority of the replicas has it.
    pub(crate) fn quorum_delay(&self, leader: StoreId, peers: &[StoreId], random: &mut Random) -> Duration {
        let reached = peers.iter().filter(|&&peer| self.apart_since(leader, peer).is_none());
        let mut round_trips: Vec<Duration> = reached
            .map(|&peer| match peer == leader {
                true => Duration::ZERO,
                false => self.exchange(&there_and_back(Node::Store(leader), Node::Store(peer)), random),
            })
            .collect();
        round_trips.sort_unstable();
        let needed = majority(peers.len()).min(round_trips.len());
        needed.checked_sub(1).map_or(Duration::ZERO, |last| round_trips[last])
    }
}

/// A question and its answer.
pub(crate) fn there_and_back(from: Node, to: Node) -> [(Node, Node); 2] {
    [(from, to), (to, from)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    const PEERS: [StoreId; 3] = [StoreId(1), StoreId(2), StoreId(3)];

    fn delays(faults: &[&str], times: u64) -> Vec<u64> {
        let mut now = Conditions::new(1, &PEERS);
        for text in faults {
            now.apply(&Fault::parse(text).expect("reads"), 0).expect("fits");
        }
        let delay = |seed| now.quorum_delay(StoreId(1), &PEERS, &mut Random::new(seed)).as_millis() as u64;
        (0..times).map(delay).collect()
    }

    #[test]
    fn a_write_waits_for_the_faster_follower() {
        assert_eq!(delays(&[], 1), [0]);
        assert_eq!(delays(&["link 1 -> 3 latency '20ms'"], 1), [0], "store 2 is fast");
        assert_eq!(delays(&["link 1 -> 3 latency '20ms'", "link 1 -> 2 latency '7ms'"], 1), [7]);
        assert_eq!(delays(&["link 1 <-> 3 latency '20ms'", "store 2 crash"], 1), [40], "there and back");
    }

    #[test]
    fn what_is_lost_between_stores_is_sent_again_and_what_is_held_back_comes_late() {
        let lossy = delays(&["store 2 crash", "link 1 -> 3 loss 0.5"], 1000);
        let again: Vec<u64> = lossy.iter().map(|ms| ms / 100).collect();
        let (first, second) =
            (again.iter().filter(|n| **n == 0).count(), again.iter().filter(|n| **n == 1).count());
        assert!((450..550).contains(&first) && (200..300).contains(&second), "{first} {second}");
        assert!(lossy.iter().all(|ms| ms % 100 == 0));
        assert_eq!(
            delays(&["store 2 crash", "link 3 -> 1 loss 1"], 1),
            [5000],
            "until nobody waits any more"
        );
        assert!(delays(&["link 1 -> 3 loss 1"], 50).iter().all(|ms| *ms == 0), "store 2 hears all");
        let jittery = delays(&["store 2 crash", "link 1 -> 3 jitter '10ms'"], 200);
        assert!(jittery.iter().all(|ms| *ms <= 10) && jittery.iter().any(|ms| *ms >= 7));
        let held = delays(&["store 2 crash", "link 1 -> 3 reorder 0.5", "link 1 -> 3 latency '5ms'"], 200);
        assert!(held.contains(&5) && held.iter().any(|ms| *ms > 50), "{held:?}");
    }
}
