//! Transactions, readers and resolvers against each other, in any order, with every message late, lost or twice.
//!
//! One region a key. Whether a time to live is over is up to who asks: a resolver may come at any moment, which is the worst
//! that can happen, and a reader may find everybody alive and ask to pass. At
//! the end everything is resolved, and then: each transaction is committed on all of its keys at the same time or on none,
//! and as its coordinator said, if it said anything; what a reader saw at a time is what is there at that time; and no
//! transaction overwrote what it had not seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use imbl::OrdMap;
use proptest::prelude::*;

use super::*;
use crate::key::{KeyRange, encode_datums};
use crate::mvcc::{Record, RowRef, Visible};
use crate::schema::{Datum, SpaceId};

const KEYS: usize = 4;
const TXNS: usize = 3;

fn key(id: usize) -> Key {
    encode_datums(SpaceId(1), &[Datum::Int(id as i64)])
}

/// A row that says who wrote it.
fn row(start_ts: Timestamp) -> RowRef {
    let schema = Schema::new(vec![Field::new("by", DataType::Int64, false)]);
    let by = Int64Array::from(vec![start_ts.0 as i64]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(by)]).unwrap();
    RowRef { batch: Arc::new(batch), row: 0 }
}

/// A transaction and its coordinator.
struct Txn {
    start_ts: Timestamp,
    /// The first is the primary.
    keys: Vec<usize>,
    plan: Option<(Timestamp, Timestamp)>,
    /// `Some` = it locks keys before it writes them: those that it has, and when it looked at them.
    locked: Option<OrdMap<Key, Timestamp>>,
    /// First answers to prewrites, by key.
    answers: BTreeMap<usize, Timestamp>,
    said: Option<Said>,
    alive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Committed(Timestamp),
    Failed,
}

/// Somebody who met a lock.
struct Resolver {
    txn: usize,
    force: bool,
    /// Secondaries to be asked, and what the others said.
    asking: Option<(Vec<usize>, Timestamp)>,
    end: Option<Option<Timestamp>>,
    /// Keys to be finished.
    todo: Vec<usize>,
}

struct World {
    now: u64,
    regions: Vec<(Records, Timestamp)>,
    txns: Vec<Txn>,
    resolvers: Vec<Resolver>,
    /// Key, time, who had written what was seen.
    seen: Vec<(usize, Timestamp, Option<i64>)>,
    /// How often what happened.
    met: BTreeMap<&'static str, usize>,
}

impl World {
    fn tick(&mut self) -> Timestamp {
        self.now += 1;
        Timestamp(self.now)
    }

    fn met(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    fn prewrite_command(&self, txn: usize, key_at: usize) -> Prewrite {
        let t = &self.txns[txn];
        let async_commit = t.plan.map(|(_, max_commit_ts)| AsyncCommit {
            secondaries: if key_at == t.keys[0] {
                t.keys[1..].iter().map(|&k| key(k)).collect()
            } else {
                Arc::default()
            },
            max_commit_ts,
            max_read_ts: Timestamp(0),
        });
        Prewrite {
            mutations: vec![Mutation { key: key(key_at), op: MutationOp::Put(row(t.start_ts)) }],
            primary: key(t.keys[0]),
            start_ts: t.start_ts,
            ttl_ms: 1,
            txn_size: t.keys.len(),
            min_commit_ts: t.plan.map_or(Timestamp(0), |(min, _)| min),
            pessimistic: t.locked.as_ref().map(|locked| {
                let for_update_ts = locked.values().copied().max().unwrap_or(t.start_ts);
                Arc::new(Pessimistic { for_update_ts, locked: locked.clone() })
            }),
            async_commit,
        }
    }

    /// A pessimistic lock is asked for; `heard` = the answer arrives.
    fn lock(&mut self, txn: usize, nth: usize, heard: bool) {
        let for_update_ts = self.tick();
        let t = &mut self.txns[txn];
        let at = t.keys[nth % t.keys.len()];
        let Some(locked) = &mut t.locked else { return };
        if !t.alive || t.said.is_some() || !t.answers.is_empty() || locked.contains_key(&key(at)) {
            return;
        }
        let command = PessimisticLock {
            keys: vec![key(at)],
            primary: key(t.keys[0]),
            start_ts: t.start_ts,
            for_update_ts,
            ttl_ms: 1,
        };
        let outcome = pessimistic_lock(&mut self.regions[at].0, command);
        if heard && matches!(outcome, PessimisticLockOutcome::Done { .. }) {
            locked.insert(key(at), for_update_ts);
            self.met("locked");
        }
    }

    /// Somebody meets a pessimistic lock, and finds it worth nothing, or not.
    fn meet(&mut self, txn: usize, nth: usize) {
        self.tick();
        let t = &self.txns[txn];
        let at = t.keys[nth % t.keys.len()];
        let met = self.regions[at].0.locks.get(&key(at)).cloned();
        let Some(lock) = met.filter(|lock| lock.start_ts == t.start_ts && lock.is_pessimistic()) else {
            return;
        };
        let command = CheckTxnStatus {
            primary: lock.primary.clone(),
            lock_ts: t.start_ts,
            caller_start_ts: Timestamp(0),
            current_ts: Timestamp::MAX,
            rollback_if_not_exist: true,
            force_sync_commit: false,
            resolving_pessimistic: true,
        };
        let (start_ts, for_update_ts) = (t.start_ts, lock.for_update_ts);
        match check_txn_status(&mut self.regions[t.keys[0]].0, &command) {
            TxnStatus::AsyncCommit { .. } | TxnStatus::Alive { .. } => {}
            TxnStatus::Committed { .. }
            | TxnStatus::RolledBack(_)
            | TxnStatus::NotFound
            | TxnStatus::Stale => {
                let command = PessimisticRollback { keys: vec![key(at)], start_ts, for_update_ts };
                pessimistic_rollback(&mut self.regions[at].0, &command);
                self.met("taken away");
            }
        }
    }

    /// A prewrite arrives; `heard` = its answer does, too.
    fn prewrite(&mut self, txn: usize, nth: usize, heard: bool) {
        let at = self.txns[txn].keys[nth % self.txns[txn].keys.len()];
        let is_ready = |t: &Txn| t.locked.as_ref().is_none_or(|locked| locked.len() == t.keys.len());
        if !is_ready(&self.txns[txn]) {
            return self.lock(txn, nth, heard);
        }
        let mut command = self.prewrite_command(txn, at);
        if let Some(async_commit) = &mut command.async_commit {
            async_commit.max_read_ts = self.regions[at].1;
        }
        let outcome = prewrite(&mut self.regions[at].0, command);
        let t = &mut self.txns[txn];
        if !heard || !t.alive || t.said.is_some() {
            return;
        }
        match outcome {
            PrewriteOutcome::Done { min_commit_ts } => {
                let first = *t.answers.entry(at).or_insert(min_commit_ts);
                let committed = Some(Record::Committed(min_commit_ts));
                let ended = self.regions[at].0.record_of(&key(at), t.start_ts) == committed;
                assert!(first == min_commit_ts || ended, "asked twice, it promised twice");
            }
            PrewriteOutcome::Locked(locks) => {
                let other = self.txns.iter().position(|o| o.start_ts == locks[0].start_ts).unwrap();
                self.resolve(other);
            }
            refused => {
                // The key must be out of reach before anyone hears of the failure.
                let check = CheckSecondaryLocks { keys: vec![key(at)], start_ts: t.start_ts };
                let said = match check_secondary_locks(&mut self.regions[at].0, &check) {
                    SecondaryLocks::RolledBack => Some(Said::Failed),
                    SecondaryLocks::NotAsync | SecondaryLocks::Locked { .. } => None,
                    SecondaryLocks::Committed { commit_ts } => Some(Said::Committed(commit_ts)),
                };
                t.said = said;
                t.alive &= said.is_some();
                let _ = refused;
                self.met("refused");
            }
        }
    }

    /// The coordinator decides, if it can.
    fn decide(&mut self, txn: usize) {
        let commit_ts = self.tick();
        let t = &mut self.txns[txn];
        if !t.alive || t.said.is_some() || t.answers.len() < t.keys.len() {
            return;
        }
        if t.plan.is_some() && t.answers.values().all(|&ts| ts > Timestamp(0)) {
            t.said = t.answers.values().max().copied().map(Said::Committed);
            return self.met("async");
        }
        let primary = t.keys[0];
        let command = Commit { keys: vec![key(primary)], start_ts: t.start_ts, commit_ts };
        let was_async = t.plan.is_some();
        t.said = match commit(&mut self.regions[primary].0, &command) {
            CommitOutcome::Done { commit_ts } => Some(Said::Committed(commit_ts)),
            CommitOutcome::CommitTsExpired { .. } => None,
            CommitOutcome::RolledBack { .. } => Some(Said::Failed),
            CommitOutcome::NotFound { .. } => panic!("it was locked, and neither committed nor rolled back"),
        };
        self.met(if was_async { "fell back" } else { "two phases" });
    }

    /// The coordinator finishes a key.
    fn finish(&mut self, txn: usize, nth: usize) {
        let t = &self.txns[txn];
        let at = t.keys[nth % t.keys.len()];
        match t.said {
            Some(Said::Committed(commit_ts)) if t.alive => {
                let command = Commit { keys: vec![key(at)], start_ts: t.start_ts, commit_ts };
                let outcome = commit(&mut self.regions[at].0, &command);
                assert_eq!(outcome, CommitOutcome::Done { commit_ts });
            }
            Some(Said::Failed) if t.alive => {
                let command = Rollback { keys: vec![key(at)], start_ts: t.start_ts };
                let outcome = rollback(&mut self.regions[at].0, &command);
                assert_eq!(outcome, RollbackOutcome::Done);
            }
            _ => {}
        }
    }

    fn read(&mut self, at: usize, ago: u64) {
        let ts = Timestamp(self.tick().0.saturating_sub(ago));
        let (records, max_read) = &mut self.regions[at];
        *max_read = (*max_read).max(ts);
        let locks = records.blocking_locks(&KeyRange::point(&key(at)), ts, &[]);
        match locks.first() {
            None => self.seen.push((at, ts, self.visible(at, ts))),
            Some(lock) => {
                let txn = self.txns.iter().position(|t| t.start_ts == lock.start_ts).unwrap();
                self.met("blocked");
                if self.may_pass(txn, ts) {
                    self.seen.push((at, ts, self.visible(at, ts)));
                    self.met("passed");
                } else {
                    self.resolve(txn);
                }
            }
        }
    }

    /// Whether a transaction promises, while its time lasts, to commit later than a reader reads.
    fn may_pass(&mut self, txn: usize, ts: Timestamp) -> bool {
        let t = &self.txns[txn];
        let command = CheckTxnStatus {
            primary: key(t.keys[0]),
            lock_ts: t.start_ts,
            caller_start_ts: ts,
            current_ts: Timestamp(0),
            rollback_if_not_exist: false,
            force_sync_commit: false,
            resolving_pessimistic: false,
        };
        match check_txn_status(&mut self.regions[t.keys[0]].0, &command) {
            TxnStatus::Alive { min_commit_ts_pushed, .. } => min_commit_ts_pushed,
            TxnStatus::AsyncCommit { min_commit_ts, .. } => ts < min_commit_ts,
            TxnStatus::Committed { commit_ts } => ts < commit_ts,
            TxnStatus::RolledBack(_) | TxnStatus::NotFound | TxnStatus::Stale => false,
        }
    }

    fn visible(&self, at: usize, ts: Timestamp) -> Option<i64> {
        match self.regions[at].0.visible(&key(at), ts) {
            Visible::Delta(row) => Some(row.batch.column(0).as_primitive::<Int64Type>().value(0)),
            Visible::Nothing => None,
            Visible::Base { .. } => unreachable!("nothing is ever compacted"),
        }
    }

    fn resolve(&mut self, txn: usize) {
        self.resolvers.push(Resolver { txn, force: false, asking: None, end: None, todo: Vec::new() });
    }

    /// One message of a resolver. Whether it has come to an end.
    fn advance(&mut self, nth: usize, caller: Timestamp) -> bool {
        self.tick();
        let r = &mut self.resolvers[nth];
        let t = &self.txns[r.txn];
        if let Some(end) = r.end {
            let Some(at) = r.todo.pop() else { return true };
            let command = ResolveLock { start_ts: t.start_ts, commit_ts: end, keys: Some(vec![key(at)]) };
            resolve_lock(&mut self.regions[at].0, &command);
            return false;
        }
        let (end, what) = match &mut r.asking {
            None => {
                let command = CheckTxnStatus {
                    primary: key(t.keys[0]),
                    lock_ts: t.start_ts,
                    caller_start_ts: caller,
                    current_ts: Timestamp::MAX,
                    rollback_if_not_exist: true,
                    force_sync_commit: r.force,
                    resolving_pessimistic: false,
                };
                match check_txn_status(&mut self.regions[t.keys[0]].0, &command) {
                    TxnStatus::AsyncCommit { min_commit_ts, secondaries, .. } => {
                        let named: Vec<Key> = t.keys[1..].iter().map(|&k| key(k)).collect();
                        assert_eq!(secondaries.to_vec(), named);
                        r.asking = Some((t.keys[1..].to_vec(), min_commit_ts));
                        return false;
                    }
                    TxnStatus::Committed { commit_ts } => (Some(commit_ts), "found committed"),
                    TxnStatus::RolledBack(_) => (None, "rolled back"),
                    status @ (TxnStatus::Alive { .. } | TxnStatus::NotFound | TxnStatus::Stale) => {
                        panic!("{status:?}")
                    }
                }
            }
            Some((rest, so_far)) => match rest.pop() {
                None => (Some(*so_far), "recovered"),
                Some(at) => {
                    let command = CheckSecondaryLocks { keys: vec![key(at)], start_ts: t.start_ts };
                    match check_secondary_locks(&mut self.regions[at].0, &command) {
                        SecondaryLocks::Locked { min_commit_ts } => {
                            *so_far = min_commit_ts.max(*so_far);
                            return false;
                        }
                        SecondaryLocks::NotAsync => {
                            (r.force, r.asking) = (true, None);
                            self.met("forced");
                            return false;
                        }
                        SecondaryLocks::Committed { commit_ts } => (Some(commit_ts), "a secondary committed"),
                        SecondaryLocks::RolledBack => (None, "a secondary missing"),
                    }
                }
            },
        };
        r.end = Some(end);
        r.todo = t.keys.clone();
        self.met(what);
        false
    }

    fn check(&self) {
        let mut spans: Vec<(usize, Timestamp, Timestamp)> = Vec::new();
        for t in &self.txns {
            let ends: Vec<Option<Record>> =
                t.keys.iter().map(|&k| self.regions[k].0.record_of(&key(k), t.start_ts)).collect();
            let committed = ends.iter().flatten().find_map(|record| match record {
                Record::Committed(ts) => Some(*ts),
                Record::RolledBack => None,
            });
            if let Some(ts) = committed {
                assert!(ends.iter().all(|e| *e == Some(Record::Committed(ts))), "{ends:?}");
                assert!(ts > t.start_ts);
                let seen = |k| t.locked.as_ref().and_then(|l| l.get(&key(k)).copied()).unwrap_or(t.start_ts);
                spans.extend(t.keys.iter().map(|&k| (k, seen(k), ts)));
            }
            match t.said {
                Some(Said::Committed(ts)) => assert_eq!(committed, Some(ts), "{ends:?}"),
                Some(Said::Failed) => assert_eq!(committed, None, "{ends:?}"),
                None => {}
            }
        }
        for &(at, ts, value) in &self.seen {
            assert_eq!(self.visible(at, ts), value, "key {at} at {ts}");
        }
        for (i, a) in spans.iter().enumerate() {
            for b in &spans[i + 1..] {
                assert!(a.0 != b.0 || a.2 <= b.1 || b.2 <= a.1, "an update was lost: {a:?} {b:?}");
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Prewrite { txn: usize, nth: usize, heard: bool },
    Decide { txn: usize },
    Finish { txn: usize, nth: usize },
    Die { txn: usize },
    Meet { txn: usize, nth: usize },
    Read { at: usize, ago: u64 },
    Resolve { txn: usize },
    Advance { nth: usize, push: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let txn = || 0..TXNS;
    prop_oneof![
        12 => (txn(), 0..KEYS, prop::bool::weighted(0.8))
            .prop_map(|(txn, nth, heard)| Step::Prewrite { txn, nth, heard }),
        4 => txn().prop_map(|txn| Step::Decide { txn }),
        3 => (txn(), 0..KEYS).prop_map(|(txn, nth)| Step::Finish { txn, nth }),
        1 => txn().prop_map(|txn| Step::Die { txn }),
        5 => (0..KEYS, 0..4u64).prop_map(|(at, ago)| Step::Read { at, ago }),
        1 => txn().prop_map(|txn| Step::Resolve { txn }),
        1 => (txn(), 0..KEYS).prop_map(|(txn, nth)| Step::Meet { txn, nth }),
        6 => (0..4usize, any::<bool>()).prop_map(|(nth, push)| Step::Advance { nth, push }),
    ]
}

/// Keys of a transaction, and how it commits: `None` = in two phases, else how wide its window is; and whether it locks first.
type Shape = (Vec<usize>, Option<u64>, bool);

fn txn() -> impl Strategy<Value = Shape> {
    let keys = prop::sample::subsequence((0..KEYS).collect::<Vec<_>>(), 1..=KEYS).prop_shuffle();
    let window = prop_oneof![1 => Just(None), 1 => (0..6u64).prop_map(Some), 3 => Just(Some(1000))];
    (keys, window, prop::bool::weighted(0.3))
}

fn run(txns: &[Shape], steps: &[Step]) -> BTreeMap<&'static str, usize> {
    let mut world = World {
        now: 10,
        regions: (0..KEYS).map(|_| (Records::new(Vec::new()), Timestamp(0))).collect(),
        txns: Vec::new(),
        resolvers: Vec::new(),
        seen: Vec::new(),
        met: BTreeMap::new(),
    };
    for (keys, window, locks) in txns {
        let start_ts = world.tick();
        let plan = window.map(|window| (Timestamp(start_ts.0 + 1), Timestamp(start_ts.0 + window)));
        let (answers, said) = Default::default();
        let locked = locks.then(OrdMap::new);
        world.txns.push(Txn { start_ts, keys: keys.clone(), plan, locked, answers, said, alive: true });
    }
    for step in steps {
        match *step {
            Step::Prewrite { txn, nth, heard } => world.prewrite(txn, nth, heard),
            Step::Decide { txn } => world.decide(txn),
            Step::Finish { txn, nth } => world.finish(txn, nth),
            Step::Die { txn } => world.txns[txn].alive = false,
            Step::Read { at, ago } => world.read(at, ago),
            Step::Resolve { txn } => world.resolve(txn),
            Step::Meet { txn, nth } => world.meet(txn, nth),
            Step::Advance { nth, push } if !world.resolvers.is_empty() => {
                let nth = nth % world.resolvers.len();
                let caller = if push { Timestamp(world.now) } else { Timestamp(0) };
                if world.advance(nth, caller) {
                    world.resolvers.remove(nth);
                }
            }
            Step::Advance { .. } => {}
        }
    }
    for txn in 0..TXNS {
        world.resolve(txn);
    }
    while !world.resolvers.is_empty() {
        if world.advance(0, Timestamp(0)) {
            world.resolvers.remove(0);
        }
    }
    for txn in 0..TXNS {
        (0..KEYS).for_each(|nth| world.meet(txn, nth));
    }
    assert!(world.regions.iter().all(|(records, _)| records.locks.is_empty()), "locks outlive all resolvers");
    world.check();
    world.met
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn nobody_sees_half_a_transaction(
        txns in prop::collection::vec(txn(), TXNS..=TXNS),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        run(&txns, &steps);
    }
}

/// The model goes where it is meant to go.
#[test]
fn the_model_meets_everything() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeMap::<&str, usize>::new();
    let strategy = (prop::collection::vec(txn(), TXNS..=TXNS), prop::collection::vec(step(), 40..80));
    for _ in 0..400 {
        let (txns, steps) = strategy.new_tree(&mut runner).unwrap().current();
        for (what, times) in run(&txns, &steps) {
            *met.entry(what).or_default() += times;
        }
    }
    for what in [
        "locked",
        "taken away",
        "async",
        "two phases",
        "fell back",
        "refused",
        "blocked",
        "passed",
        "forced",
        "found committed",
        "rolled back",
        "recovered",
        "a secondary committed",
        "a secondary missing",
    ] {
        assert!(met.get(what).is_some_and(|&times| times > 3), "{what} in {met:?}");
    }
}
