//! What a client counted. Each worker counts for itself; who joins them adds.

use std::sync::Arc;

use super::backoff::BackoffTally;
use crate::owner::{Published, State};
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
    /// Waits, by kind.
    pub backoff: BackoffTally,
    region_errors: [u64; RegionErrorKind::COUNT],
}

impl ClientStats {
    /// How often stores answered with this region error.
    pub fn region_errors(&self, kind: RegionErrorKind) -> u64 {
        self.region_errors[kind as usize]
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &ClientStats) {
        self.rpcs += other.rpcs;
        self.timeouts += other.timeouts;
        self.locks_met += other.locks_met;
        self.backoff.add(&other.backoff);
        for (sum, n) in self.region_errors.iter_mut().zip(other.region_errors) {
            *sum += n;
        }
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

/// The sum of what clients counted that are no more.
#[derive(Default)]
pub(crate) struct Bequeathed(ClientStats);

impl State for Bequeathed {
    type Command = ClientStats;
    type Reply = ();
    type View = ClientStats;

    fn apply(&mut self, stats: ClientStats, _: &Published<ClientStats>) {
        self.0.merge(&stats);
    }

    fn view(&self) -> Arc<ClientStats> {
        Arc::new(self.0.clone())
    }
}
