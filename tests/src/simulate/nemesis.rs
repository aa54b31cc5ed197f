//! What goes wrong in a run: a plan of faults, from a seed.
//!
//! Troubles come one after the other and overlap: each begins at some moment, lasts for a while, and ends. They are of one
//! kind each, with strength and duration by chance: stores crash in turn, stall, get slow or busy; links lose, repeat,
//! delay and reorder messages; nodes are parted; the placement driver's clock jumps. Regions split, merge and move all the
//! while, at commands of chosen kinds. At the end all is healed.

use std::time::Duration;

use allod_storage::fault::{CommandKind, Fault, LinkChange, Node, RegionChange, Step, StoreChange};
use allod_storage::schema::StoreId;

use crate::random::Random;

/// Commands at which regions change.
const COMMANDS: [CommandKind; 7] = [
    CommandKind::Get,
    CommandKind::Scan,
    CommandKind::Prewrite,
    CommandKind::OnePhase,
    CommandKind::Commit,
    CommandKind::CheckTxnStatus,
    CommandKind::ResolveLock,
];

/// A plan for a run of so many simulated milliseconds on a cluster of so many stores. In its last tenth all is well again.
pub fn plan(random: &mut Random, run_ms: u64, stores: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    let end_ms = run_ms - run_ms / 10;
    let mut add = |at_ms: u64, fault: Fault| {
        steps.push(Step { after: Duration::from_millis(at_ms.min(end_ms)), fault });
    };
    // Some runs are calmer than others.
    let pause_ms = 1000 + random.below(4000) as u64;
    let mut at_ms = random.below(1000) as u64;
    let mut turn = random.below(stores as usize) as u64;
    while at_ms < end_ms {
        turn += 1;
        let store = StoreId(turn % stores + 1);
        let until_ms = at_ms + 200 + random.below(4000) as u64;
        let (begin, end) = trouble(random, store, stores);
        add(at_ms, begin);
        add(until_ms, end);
        at_ms += random.below(2 * pause_ms as usize) as u64 + 1;
    }
    let mut at_ms = 0;
    while at_ms < end_ms {
        let change = *random.pick(&[
            RegionChange::Split,
            RegionChange::Split,
            RegionChange::Merge,
            RegionChange::Merge,
            RegionChange::MoveLeader,
            RegionChange::MoveReplica,
        ]);
        let command = Some(*random.pick(&COMMANDS));
        add(at_ms, Fault::Region { region: None, change, nth: 1 + random.below(5) as u64, command });
        at_ms += 50 + random.below(1500) as u64;
    }
    add(end_ms, Fault::Heal);
    // By time: what begins last must not be healed before.
    steps.sort_by_key(|step| (step.after, step.fault == Fault::Heal));
    steps
}

/// A trouble, and what ends it.
fn trouble(random: &mut Random, store: StoreId, stores: u64) -> (Fault, Fault) {
    let of_store = |change| Fault::Store { store: Some(store), change };
    let link = |from, to, both_ways, change| Fault::Link { from, to, both_ways, change };
    let every = |change| link(None, None, true, change);
    let at = Some(Node::Store(store));
    let part = random.below(20) as f64 / 100.0;
    match random.below(16) {
        0..=2 => (of_store(StoreChange::Crash), of_store(StoreChange::Restart)),
        3 | 4 => (of_store(StoreChange::Stall), of_store(StoreChange::Resume)),
        5 => {
            let slow = Duration::from_millis(1 + random.below(300) as u64);
            (of_store(StoreChange::Slow(slow)), of_store(StoreChange::Slow(Duration::ZERO)))
        }
        6 => (of_store(StoreChange::Busy(part)), of_store(StoreChange::Busy(0.0))),
        7 => (every(LinkChange::Loss(part)), every(LinkChange::Recover)),
        8 => (every(LinkChange::Duplicate(3.0 * part)), every(LinkChange::Recover)),
        9 => (every(LinkChange::Reorder(3.0 * part)), every(LinkChange::Recover)),
        10 => {
            let latency = Duration::from_millis(1 + random.below(700) as u64);
            (link(None, at, true, LinkChange::Latency(latency)), link(None, at, true, LinkChange::Recover))
        }
        // One way: requests arrive and replies do not, or the other way round.
        11 => {
            let (from, to) = if random.chance(50) { (at, None) } else { (None, at) };
            (link(from, to, false, LinkChange::Cut), link(from, to, false, LinkChange::Recover))
        }
        12 => {
            let mut sides = vec![Vec::new(), Vec::new()];
            let all = (1..=stores).map(|id| Node::Store(StoreId(id)));
            let others =
                [Node::Client, Node::Pd].into_iter().filter(|_| random.chance(50)).collect::<Vec<_>>();
            for node in all.chain(others) {
                sides[random.below(2)].push(node);
            }
            sides.retain(|side| !side.is_empty());
            (Fault::Partition(sides), Fault::Partition(Vec::new()))
        }
        13 => {
            let jitter = Duration::from_millis(1 + random.below(200) as u64);
            (every(LinkChange::Jitter(jitter)), every(LinkChange::Recover))
        }
        // One link: between servers, or of all clients with one of them.
        14 => {
            let mut nodes = vec![Node::Client, Node::Pd];
            nodes.extend((1..=stores).map(|id| Node::Store(StoreId(id))));
            let from = nodes.swap_remove(random.below(nodes.len()));
            let to = *random.pick(&nodes);
            let change = *random.pick(&[
                LinkChange::Cut,
                LinkChange::Loss(0.5),
                LinkChange::Latency(Duration::from_millis(100)),
                LinkChange::Reorder(0.5),
            ]);
            let ways = random.chance(50);
            (link(Some(from), Some(to), ways, change), link(Some(from), Some(to), ways, LinkChange::Recover))
        }
        _ => {
            let offset_ms = random.below(10_000) as i64 - 3000;
            (Fault::Clock { offset_ms }, Fault::Clock { offset_ms: 0 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allod_storage::fault::Conditions;

    #[test]
    fn every_kind_of_trouble_comes_and_all_of_it_ends() {
        let stores: Vec<StoreId> = (1..=5).map(StoreId).collect();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let plan = plan(&mut Random::new(seed), 60_000, 5);
            let mut conditions = Conditions::new(seed, &stores);
            conditions.schedule(&plan, 0).expect("the plan fits the cluster");
            conditions.advance(54_000);
            assert_eq!(conditions, Conditions::new(seed, &stores), "seed {seed}");
            let words = |step: &Step| {
                let text = step.fault.to_string();
                text.split(' ')
                    .filter(|w| w.chars().all(|c| c.is_ascii_uppercase()))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            seen.extend(plan.iter().map(words));
        }
        for kind in [
            "CRASH",
            "STALL",
            "SLOW",
            "BUSY",
            "LOSS",
            "DUPLICATE",
            "REORDER",
            "LATENCY",
            "JITTER",
            "CUT",
            "PARTITION",
            "OFFSET",
            "SPLIT",
            "MERGE",
            "LEADER",
            "REPLICA",
        ] {
            assert!(seen.iter().any(|words| words.contains(kind)), "{kind} never comes: {seen:?}");
        }
        assert!(
            seen.iter().any(|words| words.starts_with("LINK PD")),
            "links of the placement driver: {seen:?}"
        );
    }
}
