//! Retry state as a value.
//!
//! A [`Backoff`] belongs to one piece of work: it knows how long that work may wait in all (its budget), how long it has
//! waited so far, and for each kind of trouble how often. It does not sleep, and it is not shared: it is asked how long to
//! wait, and the one who asked does the waiting.
//!
//! Work that fans out gives each branch a [`fork`](Backoff::fork), by value, and takes them back with
//! [`merge`](Backoff::merge). Branches wait at the same time, so the parent's budget shrinks by the *longest* of them; the
//! counts tell what happened, so they grow by the *sum*. (TiDB crash 25778 was one such value shared by the branches; the
//! fix lost the counts of all but one.)
//!
//! Kinds, first and longest waits, jitter and budgets are TiDB's. Waits double per kind up to the cap. A busy server is
//! *excluded* from the budget (for at most ten minutes): it is alive and asks for time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Exhausted;
use crate::random::Random;
use crate::schema::RegionId;

/// A kind of trouble that passes, by TiDB's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackoffKind {
    /// A store did not answer.
    TikvRpc,
    /// A writer met a lock.
    TxnLock,
    /// A reader met a lock.
    TxnLockFast,
    /// A lock's transaction has not reached its primary key.
    TxnNotFound,
    /// The placement driver did not answer.
    PdRpc,
    /// The region is not what the client thought.
    RegionMiss,
    /// The region has no leader just now.
    RegionScheduling,
    /// The store asks for time.
    ServerBusy,
    /// The store's command queue had changed hands.
    StaleCommand,
    /// The new leader does not know the latest timestamp yet.
    MaxTsNotSynced,
}

/// How the wait varies, so that clients do not come back in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jitter {
    None,
    /// At least half of it.
    Equal,
}

impl BackoffKind {
    const COUNT: usize = 10;
    const ALL: [BackoffKind; BackoffKind::COUNT] = [
        BackoffKind::TikvRpc,
        BackoffKind::TxnLock,
        BackoffKind::TxnLockFast,
        BackoffKind::TxnNotFound,
        BackoffKind::PdRpc,
        BackoffKind::RegionMiss,
        BackoffKind::RegionScheduling,
        BackoffKind::ServerBusy,
        BackoffKind::StaleCommand,
        BackoffKind::MaxTsNotSynced,
    ];

    /// TiDB's name.
    pub fn name(self) -> &'static str {
        match self {
            BackoffKind::TikvRpc => "tikvRPC",
            BackoffKind::TxnLock => "txnLock",
            BackoffKind::TxnLockFast => "txnLockFast",
            BackoffKind::TxnNotFound => "txnNotFound",
            BackoffKind::PdRpc => "pdRPC",
            BackoffKind::RegionMiss => "regionMiss",
            BackoffKind::RegionScheduling => "regionScheduling",
            BackoffKind::ServerBusy => "tikvServerBusy",
            BackoffKind::StaleCommand => "staleCommand",
            BackoffKind::MaxTsNotSynced => "maxTsNotSynced",
        }
    }

    /// First wait, longest wait, jitter.
    fn schedule(self) -> (u64, u64, Jitter) {
        match self {
            BackoffKind::TikvRpc => (100, 2000, Jitter::Equal),
            BackoffKind::TxnLock => (100, 3000, Jitter::Equal),
            BackoffKind::TxnLockFast => (10, 3000, Jitter::Equal),
            BackoffKind::TxnNotFound => (2, 500, Jitter::None),
            BackoffKind::PdRpc => (500, 3000, Jitter::Equal),
            BackoffKind::RegionMiss | BackoffKind::RegionScheduling => (2, 500, Jitter::None),
            BackoffKind::ServerBusy => (2000, 10_000, Jitter::Equal),
            BackoffKind::StaleCommand => (2, 1000, Jitter::None),
            BackoffKind::MaxTsNotSynced => (2, 500, Jitter::None),
        }
    }

    /// The code of the error that ends the statement when this is what took longest.
    pub fn mysql_code(self) -> u16 {
        match self {
            BackoffKind::PdRpc => 9001,
            BackoffKind::TikvRpc => 9002,
            BackoffKind::ServerBusy => 9003,
            BackoffKind::TxnLock | BackoffKind::TxnLockFast | BackoffKind::TxnNotFound => 9004,
            BackoffKind::RegionMiss | BackoffKind::RegionScheduling => 9005,
            BackoffKind::StaleCommand => 9010,
            BackoffKind::MaxTsNotSynced => 9011,
        }
    }

    /// What that error says.
    pub(crate) fn failure(self) -> &'static str {
        match self {
            BackoffKind::PdRpc => "placement driver timeout",
            BackoffKind::TikvRpc => "store timeout",
            BackoffKind::ServerBusy => "store is busy",
            BackoffKind::TxnLock | BackoffKind::TxnLockFast | BackoffKind::TxnNotFound => {
                "resolve lock timeout"
            }
            BackoffKind::RegionMiss | BackoffKind::RegionScheduling => "region is unavailable",
            BackoffKind::StaleCommand => "store was asked too late",
            BackoffKind::MaxTsNotSynced => "store does not know the latest timestamp",
        }
    }

    fn excluded_from_budget(self) -> bool {
        self == BackoffKind::ServerBusy
    }
}

impl fmt::Display for BackoffKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often and how long, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackoffTally {
    times: [u64; BackoffKind::COUNT],
    slept_ms: [u64; BackoffKind::COUNT],
}

impl BackoffTally {
    /// How often a wait of this kind was needed.
    pub fn times(&self, kind: BackoffKind) -> u64 {
        self.times[kind as usize]
    }

    /// How long waits of this kind took in all.
    pub fn slept_ms(&self, kind: BackoffKind) -> u64 {
        self.slept_ms[kind as usize]
    }

    /// The kinds that occurred, with how often and how long.
    pub fn iter(&self) -> impl Iterator<Item = (BackoffKind, u64, u64)> + '_ {
        BackoffKind::ALL
            .into_iter()
            .map(|k| (k, self.times(k), self.slept_ms(k)))
            .filter(|&(_, times, _)| times > 0)
    }

    /// Adds what another counted.
    pub fn add(&mut self, other: &BackoffTally) {
        let mut counters = other.counters();
        self.for_each_counter(|own| *own += counters.next().unwrap_or(0));
    }

    pub(super) const COUNTERS: usize = 2 * BackoffKind::COUNT;

    /// All counters, always in the same order.
    pub(super) fn counters(&self) -> impl Iterator<Item = u64> + '_ {
        self.times.iter().chain(&self.slept_ms).copied()
    }

    /// As [`counters`](BackoffTally::counters), in the same order.
    pub(super) fn for_each_counter(&mut self, f: impl FnMut(&mut u64)) {
        self.times.iter_mut().chain(&mut self.slept_ms).for_each(f);
    }

    /// What was counted since the tally stood at `before`.
    pub fn since(&self, before: &BackoffTally) -> BackoffTally {
        let mut since = self.clone();
        for kind in BackoffKind::ALL {
            since.times[kind as usize] -= before.times(kind);
            since.slept_ms[kind as usize] -= before.slept_ms(kind);
        }
        since
    }

    pub(crate) fn record(&mut self, kind: BackoffKind, ms: u64) {
        self.times[kind as usize] += 1;
        self.slept_ms[kind as usize] += ms;
    }
}

/// As TiDB prints it: `regionMiss: 3 times, 14 ms`.
impl fmt::Display for BackoffTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (kind, times, slept_ms)) in self.iter().enumerate() {
            write!(f, "{}{kind}: {times} times, {slept_ms} ms", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// How much a client tries before it gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Budgets are TiDB's times this (`tidb_backoff_weight`); at least 1.
    pub weight: u32,
    /// A reader's first wait for a lock, in milliseconds (`tidb_backoff_lock_fast`).
    pub lock_fast_ms: u32,
}

impl Default for RetryPolicy {
    /// TiDB's.
    fn default() -> RetryPolicy {
        RetryPolicy { weight: 2, lock_fast_ms: 10 }
    }
}

/// What work may wait in all, before the client's weight is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    BuildTasks,
    Read,
    Timestamp,
    Prewrite,
    Commit,
    PessimisticLock,
    Garbage,
    Secondaries,
    Locate,
    /// Splitting, moving, loading: what an administrator does.
    Admin,
}

impl Budget {
    fn ms(self) -> u64 {
        match self {
            Budget::BuildTasks => 5000,
            Budget::Timestamp => 15_000,
            Budget::Read | Budget::Locate | Budget::PessimisticLock => 20_000,
            Budget::Prewrite | Budget::Commit | Budget::Admin => 40_000,
            Budget::Secondaries => 41_000,
            Budget::Garbage => 100_000,
        }
    }
}

/// A busy server is excluded from the budget, but not for longer than this.
const EXCLUDED_MS_MAX: u64 = 600_000;
const LAST_TROUBLES: usize = 3;

/// The retry state of one piece of work. See the module's essay.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    part: &'static str,
    region: Option<RegionId>,
    budget_ms: u64,
    lock_fast_ms: u32,
    /// All waits, those of the work this was forked from included.
    slept_ms: u64,
    excluded_ms: u64,
    /// `slept_ms` and `excluded_ms` at the fork.
    forked_at: (u64, u64),
    /// What is told of its waits; nothing before the first, as with nearly all work.
    history: Option<Box<History>>,
}

#[derive(Clone, Debug, Default)]
struct History {
    /// Waits of each kind since the fork: the exponent of the next.
    exponents: [u32; BackoffKind::COUNT],
    /// What the work that this was forked from had counted.
    inherited: BackoffTally,
    own: BackoffTally,
    last: Vec<Arc<str>>,
}

impl History {
    /// For a branch: its waits start from the first again, and it has no counts of its own yet.
    fn fork(&self) -> History {
        let mut inherited = self.inherited.clone();
        inherited.add(&self.own);
        History { inherited, last: self.last.clone(), ..History::default() }
    }

    /// The next wait of this kind.
    fn step(&mut self, kind: BackoffKind, lock_fast_ms: u32, random: &mut Random) -> u64 {
        let (base, cap, jitter) = kind.schedule();
        let base = if kind == BackoffKind::TxnLockFast { u64::from(lock_fast_ms.max(2)) } else { base };
        let exponent = &mut self.exponents[kind as usize];
        let ms = base.checked_shl(*exponent).unwrap_or(cap).min(cap);
        *exponent = (*exponent + 1).min(32);
        match jitter {
            Jitter::None => ms,
            Jitter::Equal => ms / 2 + random.below(ms / 2),
        }
    }
}

impl Backoff {
    pub(crate) fn new(part: &'static str, budget: Budget, policy: RetryPolicy) -> Backoff {
        Backoff {
            part,
            region: None,
            budget_ms: budget.ms() * u64::from(policy.weight.max(1)),
            lock_fast_ms: policy.lock_fast_ms,
            slept_ms: 0,
            excluded_ms: 0,
            forked_at: (0, 0),
            history: None,
        }
    }

    /// Names the region that the work is about, for the error.
    pub(crate) fn about(&mut self, region: RegionId) {
        self.region = Some(region);
    }

    /// How long to wait for this trouble to pass, or that there is no budget left for it. Adds the wait to the account.
    pub(crate) fn next(
        &mut self,
        kind: BackoffKind,
        trouble: impl Into<Arc<str>>,
        random: &mut Random,
    ) -> Result<Duration, Box<Exhausted>> {
        let history = self.history.get_or_insert_default();
        if history.last.len() == LAST_TROUBLES {
            history.last.remove(0);
        }
        history.last.push(trouble.into());
        let counted_ms = self.slept_ms - self.excluded_ms;
        let excluded_too_long = kind.excluded_from_budget()
            && self.excluded_ms >= EXCLUDED_MS_MAX
            && self.excluded_ms >= self.budget_ms;
        if counted_ms >= self.budget_ms || excluded_too_long {
            return Err(Box::new(self.exhausted(kind)));
        }
        let ms = history.step(kind, self.lock_fast_ms, random);
        self.slept_ms += ms;
        if kind.excluded_from_budget() {
            self.excluded_ms += ms;
        }
        history.own.record(kind, ms);
        Ok(Duration::from_millis(ms))
    }

    /// The error names the kind that took longest of those that count, not the one that happened to be last.
    fn exhausted(&self, kind: BackoffKind) -> Exhausted {
        let History { inherited: mut tally, own, last, .. } = *self.history.clone().unwrap_or_default();
        tally.add(&own);
        let counted = tally.iter().filter(|(k, _, _)| !k.excluded_from_budget());
        let worst = counted.max_by_key(|&(_, _, slept_ms)| slept_ms).map_or(kind, |(k, _, _)| k);
        let (part, region) = (self.part, self.region);
        Exhausted { part, region, slept_ms: self.slept_ms, worst, tally, last }
    }

    /// Whether there is anything to tell of it since the fork.
    pub(crate) fn has_waited(&self) -> bool {
        self.history.is_some()
    }

    /// For a branch that works at the same time as others: what is left of the budget, waits that start from the first
    /// again, and no counts of its own yet.
    pub(crate) fn fork(&self) -> Backoff {
        let history = self.history.as_ref().map(|history| Box::new(history.fork()));
        let Backoff { part, region, budget_ms, lock_fast_ms, slept_ms, excluded_ms, .. } = *self;
        let forked_at = (slept_ms, excluded_ms);
        Backoff { part, region, budget_ms, lock_fast_ms, slept_ms, excluded_ms, forked_at, history }
    }

    /// Takes the branches back: the account grows by the one that waited longest, the counts by all.
    pub(crate) fn merge(&mut self, branches: impl IntoIterator<Item = Backoff>) {
        let mut longest = (0, 0);
        for branch in branches {
            let (slept_ms, excluded_ms) = branch.forked_at;
            let waited = (branch.slept_ms - slept_ms, branch.excluded_ms - excluded_ms);
            longest = longest.max(waited);
            if let Some(history) = branch.history {
                self.history.get_or_insert_default().own.add(&history.own);
            }
        }
        self.slept_ms += longest.0;
        self.excluded_ms += longest.1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(weight: u32) -> RetryPolicy {
        RetryPolicy { weight, ..RetryPolicy::default() }
    }

    #[test]
    fn a_policy_gives_the_budget_and_a_readers_first_wait() {
        for (weight, lock_fast_ms) in [(1, 10), (3, 500)] {
            let mut random = Random::new(1);
            let policy = RetryPolicy { weight, lock_fast_ms };
            let mut parent = Backoff::new("test", Budget::BuildTasks, policy);
            let mut wait =
                |b: &mut Backoff, kind| b.next(kind, "", &mut random).map(|d| d.as_millis() as u64);
            for b in [&mut parent.fork(), &mut parent] {
                let first = wait(b, BackoffKind::TxnLockFast).expect("within budget");
                assert!((u64::from(lock_fast_ms) / 2..u64::from(lock_fast_ms)).contains(&first), "{first}");
            }
            while wait(&mut parent, BackoffKind::RegionMiss).is_ok() {}
            let budget_ms = 5000 * u64::from(weight);
            assert!((budget_ms..budget_ms + 500).contains(&parent.slept_ms), "{}", parent.slept_ms);
        }
    }

    fn backoff(budget: Budget) -> (Backoff, Random) {
        (Backoff::new("test", budget, weight(1)), Random::new(1))
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let (mut b, mut r) = backoff(Budget::Read);
        let waits: Vec<u128> = (0..10)
            .map(|_| b.next(BackoffKind::RegionMiss, "gone", &mut r).expect("within budget").as_millis())
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 500, 500]);
    }

    #[test]
    fn equal_jitter_waits_at_least_half() {
        for seed in 0..200 {
            let (mut b, mut r) = (Backoff::new("test", Budget::Commit, weight(2)), Random::new(seed));
            for n in 0..6 {
                let full = (100u128 << n).min(2000);
                let ms =
                    b.next(BackoffKind::TikvRpc, "no answer", &mut r).expect("within budget").as_millis();
                assert!((full / 2..full).contains(&ms), "{ms} of {full}");
            }
        }
    }

    #[test]
    fn the_error_names_what_took_longest_not_what_came_last() {
        let (mut b, mut r) = backoff(Budget::BuildTasks);
        b.about(RegionId(7));
        while b.slept_ms < 4500 {
            b.next(BackoffKind::RegionMiss, "epoch 3 is not 4", &mut r).expect("within budget");
        }
        let error = loop {
            if let Err(error) = b.next(BackoffKind::TxnLockFast, "a lock", &mut r) {
                break error;
            }
        };
        assert_eq!(
            (error.worst, error.mysql_code(), error.region),
            (BackoffKind::RegionMiss, 9005, Some(RegionId(7)))
        );
        let text = error.to_string();
        assert!(text.starts_with("region is unavailable: test of region r7 gave up"), "{text}");
        assert!(text.contains("txnLockFast: ") && text.contains("a lock"), "{text}");
    }

    #[test]
    fn a_busy_server_does_not_use_up_the_budget_for_ten_minutes() {
        let (mut b, mut r) = backoff(Budget::BuildTasks);
        while b.slept_ms < EXCLUDED_MS_MAX {
            b.next(BackoffKind::ServerBusy, "busy", &mut r).expect("excluded");
        }
        b.next(BackoffKind::RegionMiss, "moved", &mut r).expect("the budget is whole");
        let error = b.next(BackoffKind::ServerBusy, "busy", &mut r).expect_err("too long");
        assert_eq!(error.tally.times(BackoffKind::RegionMiss), 1);
    }

    #[test]
    fn branches_cost_the_longest_and_count_the_sum() {
        let (mut parent, mut r) = backoff(Budget::BuildTasks);
        parent.next(BackoffKind::RegionMiss, "x", &mut r).expect("within budget");
        let branches: Vec<Backoff> = (1..=3)
            .map(|n| {
                let mut branch = parent.fork();
                for _ in 0..n {
                    branch.next(BackoffKind::RegionMiss, "y", &mut r).expect("within budget");
                }
                branch
            })
            .collect();
        // A fork starts again from the first wait: 2, 2+4, 2+4+8.
        assert_eq!(branches.iter().map(|b| b.slept_ms - parent.slept_ms).collect::<Vec<_>>(), [2, 6, 14]);
        parent.merge(branches);
        assert_eq!(parent.slept_ms, 2 + 14);
        let own = &parent.history.as_ref().expect("its branches waited").own;
        assert_eq!(own.times(BackoffKind::RegionMiss), 1 + 6);
        assert_eq!(own.slept_ms(BackoffKind::RegionMiss), 2 + 2 + 6 + 14);
        let nested = parent.fork();
        parent.merge([nested]);
        assert_eq!(parent.slept_ms, 16, "a branch that did not wait costs nothing");
    }

    #[test]
    fn kinds_are_their_own_indexes() {
        for (i, kind) in BackoffKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, i);
        }
    }
}
