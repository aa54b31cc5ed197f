//! What happens to one message and its reply: a function of the seed, the message's number, and what is wrong.

use std::time::Duration;

use super::{RegionError, SimulatedConfig};
use crate::fault::{Conditions, HELD_BACK_MAX, LinkState, Node};
use crate::random::Random;

/// See the module's essay.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) there: Duration,
    pub(super) back: Duration,
    pub(super) request_lost: bool,
    pub(super) reply_lost: bool,
    /// It arrives a second time, so much later than the first.
    pub(super) again: Option<Duration>,
    /// It, or its reply, is overtaken by later ones.
    pub(super) held_back: bool,
    /// The store will not do it just now.
    pub(super) refused: Option<RegionError>,
    /// Of what servers say to each other because of it.
    pub(super) chance: Random,
}

impl Fate {
    /// That of the same message when it arrives once more, so much later.
    pub(super) fn repeated(&self, later: Duration) -> Fate {
        let Fate { there, back, request_lost, reply_lost, held_back, chance, .. } = self;
        let (there, chance) = (*there + later, chance.clone());
        let (back, request_lost, reply_lost, held_back) = (*back, *request_lost, *reply_lost, *held_back);
        Fate { there, back, request_lost, reply_lost, again: None, held_back, refused: None, chance }
    }

    /// Of the message with this number from a client to `to`, and of its reply.
    pub(super) fn of(number: u64, to: Node, config: &SimulatedConfig, now: &Conditions) -> Fate {
        let mut random = Random::new(now.seed() ^ number.wrapping_mul(0xA076_1D64_78BD_642F));
        let (out, home) = (now.link(Node::Client, to), now.link(to, Node::Client));
        // Links differ: the further the store's id, the longer the way, by up to half.
        let link = match to {
            Node::Store(store) => store.0 % 5,
            Node::Client | Node::Pd => 0,
        };
        let usual = config.latency + config.latency.mul_f64(link as f64 / 8.0);
        let mut one_way = |state: Option<&LinkState>| {
            let latency = state.and_then(|s| s.latency).unwrap_or(usual);
            let jitter = state.and_then(|s| s.jitter).unwrap_or(config.jitter);
            let way = latency + jitter.mul_f64(random.unit());
            let (chance, longer) = (random.unit(), random.unit());
            match chance < state.map_or(0.0, |s| s.reorder) {
                true => (way + (way * HELD_BACK_MAX).mul_f64(longer), true),
                false => (way, false),
            }
        };
        let ((there, out_held), (back, home_held)) = (one_way(out), one_way(home));
        let mut chance = |part: f64| random.unit() < part;
        let loss = |state: Option<&LinkState>| state.and_then(|s| s.loss).unwrap_or(config.loss);
        let (request_lost, reply_lost) = (chance(loss(out)), chance(loss(home)));
        let twice = chance(out.map_or(0.0, |s| s.duplicate));
        let busy = match to {
            Node::Store(store) => now.store(store).map_or(0.0, |s| s.busy),
            Node::Client | Node::Pd => 0.0,
        };
        let refused = match (chance(config.busy.max(busy)), chance(config.stale)) {
            (true, _) => Some(RegionError::ServerIsBusy),
            (false, true) => Some(RegionError::StaleCommand),
            (false, false) => None,
        };
        let again = twice.then(|| (there * HELD_BACK_MAX).mul_f64(random.unit()));
        let held_back = out_held || home_held;
        Fate { there, back, request_lost, reply_lost, again, held_back, refused, chance: random }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::schema::StoreId;

    const TO: Node = Node::Store(StoreId(2));

    fn fates(faults: &[&str]) -> Vec<Fate> {
        let mut now = Conditions::new(3, &[StoreId(1), StoreId(2)]);
        for text in faults {
            now.apply(&Fault::parse(text).expect("reads"), 0).expect("fits");
        }
        (0..4000).map(|number| Fate::of(number, TO, &SimulatedConfig::default(), &now)).collect()
    }

    fn count(fates: &[Fate], of: impl Fn(&Fate) -> bool) -> usize {
        fates.iter().filter(|fate| of(fate)).count()
    }

    #[test]
    fn each_fault_meets_its_part_of_messages_and_no_other() {
        let quiet = fates(&[]);
        let troubled = |f: &Fate| {
            f.request_lost || f.reply_lost || f.again.is_some() || f.held_back || f.refused.is_some()
        };
        assert_eq!(count(&quiet, troubled), 0);
        type Of = fn(&Fate) -> bool;
        let table: [(&str, Of); 6] = [
            ("link client -> 2 loss 0.25", |f| f.request_lost),
            ("link 2 -> client loss 0.25", |f| f.reply_lost),
            ("link client -> 2 duplicate 0.25", |f| f.again.is_some()),
            ("link client -> 2 reorder 0.25", |f| f.held_back),
            ("link 2 -> client reorder 0.25", |f| f.held_back),
            ("store 2 busy 0.25", |f| f.refused == Some(RegionError::ServerIsBusy)),
        ];
        for (fault, of) in table {
            let fates = fates(&[fault]);
            let met = count(&fates, of);
            assert!((900..1100).contains(&met), "{fault}: {met} of 4000");
            assert_eq!(count(&fates, troubled), met, "{fault}: nothing else");
        }
        // Faults of another store, or of the other direction only.
        let others = fates(&["store 1 busy", "link * -> 1 loss 1", "link 1 -> 2 loss 1"]);
        assert_eq!(count(&others, troubled), 0);
    }

    #[test]
    fn latency_is_that_of_the_link() {
        let usual = fates(&[]);
        assert!(usual.iter().all(|f| f.there < Duration::from_millis(1)));
        let slow = fates(&["link client -> 2 latency '20ms'"]);
        assert!(
            slow.iter().all(|f| f.there >= Duration::from_millis(20) && f.back < Duration::from_millis(1))
        );
        // Held back by different times, so that later messages overtake.
        let held = fates(&["link client -> 2 reorder 1"]);
        assert!(held.windows(2).any(|pair| pair[0].there > pair[1].there + Duration::from_millis(2)));
    }
}
