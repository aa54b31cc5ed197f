//! What a client counted. Each worker counts for itself; who joins them adds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::backoff::BackoffTally;
use crate::rpc::RegionErrorKind;

/// Counters of one client, or the sum of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Requests sent, to stores and to the placement driver.
    pub rpcs: u64,
    /// Requests whose answer did not come in time.
    pub timeouts: u64,
    /// Locks met by reads.
    pub locks_met: u64,
    /// Regions that were looked up again because what was known of them was too old (see
    /// [`region_cache_ttl`](crate::cluster::ClusterConfig::region_cache_ttl)).
    pub expired: u64,
    /// Waits, by kind.
    pub backoff: BackoffTally,
    region_errors: [u64; RegionErrorKind::COUNT],
}

impl ClientStats {
    /// How often stores answered with this region error.
    pub fn region_errors(&self, kind: RegionErrorKind) -> u64 {
        self.region_errors[kind as usize]
    }

    /// The region errors that stores answered with, and how often.
    pub fn region_errors_met(&self) -> impl Iterator<Item = (RegionErrorKind, u64)> + '_ {
        let kinds = RegionErrorKind::ALL.into_iter().map(|kind| (kind, self.region_errors(kind)));
        kinds.filter(|&(_, times)| times > 0)
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &ClientStats) {
        self.zip(other, |own, other| own + other);
    }

    /// What was counted since a moment at which the same client had counted `earlier`.
    pub fn since(&self, earlier: &ClientStats) -> ClientStats {
        let mut difference = self.clone();
        difference.zip(earlier, u64::saturating_sub);
        difference
    }

    fn zip(&mut self, other: &ClientStats, f: impl Fn(u64, u64) -> u64) {
        let mut other = other.counters();
        self.for_each_mut(|own| *own = f(*own, other.next().unwrap_or(0)));
    }

    /// All counters, always in the same order.
    fn counters(&self) -> impl Iterator<Item = u64> + '_ {
        let ClientStats { rpcs, timeouts, locks_met, expired, backoff, region_errors } = self;
        [*rpcs, *timeouts, *locks_met, *expired]
            .into_iter()
            .chain(region_errors.iter().copied())
            .chain(backoff.counters())
    }

    /// As [`counters`](ClientStats::counters), in the same order.
    fn for_each_mut(&mut self, mut f: impl FnMut(&mut u64)) {
        let ClientStats { rpcs, timeouts, locks_met, expired, backoff, region_errors } = self;
        [rpcs, timeouts, locks_met, expired].into_iter().for_each(&mut f);
        region_errors.iter_mut().for_each(&mut f);
        backoff.for_each_counter(f);
    }

    /// Whether any part of the cluster was not what the client had thought, or did not answer.
    pub(crate) fn met_region_errors(&self) -> bool {
        self.timeouts > 0 || self.region_errors_in_all() > 0
    }

    /// How often stores answered with any region error.
    pub fn region_errors_in_all(&self) -> u64 {
        self.region_errors.iter().sum()
    }

    pub(crate) fn region_error(&mut self, kind: RegionErrorKind) {
        self.region_errors[kind as usize] += 1;
    }
}

/// Counters in a [`ClientStats`].
const COUNTERS: usize = 4 + RegionErrorKind::COUNT + BackoffTally::COUNTERS;
/// Clients are spread over so many sums, lest those that end at the same time write to one place.
const SUMS: usize = 16;

/// The sum of what clients counted that are no more: plain counters, to which each client adds once, when it ends.
pub(crate) struct Bequeathed(Box<[Sum]>);

/// On cache lines of its own.
#[repr(align(128))]
struct Sum([AtomicU64; COUNTERS]);

impl Default for Bequeathed {
    fn default() -> Bequeathed {
        Bequeathed((0..SUMS).map(|_| Sum([const { AtomicU64::new(0) }; COUNTERS])).collect())
    }
}

/// What the clients of one piece of work counted, and their forks: all of them, also those that were dropped before anybody
/// asked what they had counted. Complete when they are all gone.
#[derive(Clone)]
pub struct Tally(Arc<Bequeathed>);

impl Tally {
    pub(super) fn new() -> Tally {
        Tally(Arc::default())
    }

    pub(super) fn add(&self, stats: &ClientStats, number: u64) {
        self.0.add(stats, number);
    }

    /// What was counted by those that are gone.
    pub fn sum(&self) -> ClientStats {
        self.0.sum()
    }
}

impl Bequeathed {
    /// Adds what a client counted; `number` is the client's.
    pub(crate) fn add(&self, stats: &ClientStats, number: u64) {
        let sum = &self.0[number as usize % SUMS];
        for (counter, n) in sum.0.iter().zip(stats.counters()).filter(|(_, n)| *n > 0) {
            counter.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(crate) fn sum(&self) -> ClientStats {
        let mut stats = ClientStats::default();
        for sum in &self.0 {
            let mut counters = sum.0.iter();
            stats.for_each_mut(|own| *own += counters.next().map_or(0, |n| n.load(Ordering::Relaxed)));
        }
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::BackoffKind;

    #[test]
    fn sums_and_differences_are_those_of_every_counter() {
        let mut one =
            ClientStats { rpcs: 5, timeouts: 1, locks_met: 2, expired: 7, ..ClientStats::default() };
        one.region_error(RegionErrorKind::EpochNotMatch);
        one.backoff.record(BackoffKind::RegionMiss, 14);
        one.backoff.record(BackoffKind::MaxTsNotSynced, 2);
        assert_eq!(one.counters().count(), COUNTERS);
        let mut two = one.clone();
        two.merge(&one);
        two.region_error(RegionErrorKind::ProposalInMergingMode);
        assert_eq!((two.rpcs, two.expired, two.region_errors(RegionErrorKind::EpochNotMatch)), (10, 14, 2));
        assert_eq!(two.backoff.slept_ms(BackoffKind::RegionMiss), 28);
        let mut rest = one.clone();
        rest.region_error(RegionErrorKind::ProposalInMergingMode);
        assert_eq!(two.since(&one), rest);
        let left = Bequeathed::default();
        for (number, stats) in [(1, &one), (2, &two), (17, &ClientStats::default())] {
            left.add(stats, number);
        }
        two.merge(&one);
        assert_eq!(left.sum(), two);
    }
}
