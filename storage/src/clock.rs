//! Where "now" comes from: the wall clock, or tokio's, which a simulation can pause and turn.

use std::time::{SystemTime, UNIX_EPOCH};

/// A source of milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// The operating system's.
    Wall,
    /// Tokio's, counted from a fixed date, so that a run does not depend on the day.
    Simulated {
        /// When the cluster was made.
        start: tokio::time::Instant,
    },
}

/// 2024-01-01 00:00:00 UTC: the day on which every simulation starts.
const SIMULATION_START_MS: u64 = 1_704_067_200_000;

impl Clock {
    /// Tokio's clock from now on. Reads the paused clock if the caller is in a runtime that has one.
    pub(crate) fn simulated() -> Clock {
        Clock::Simulated { start: tokio::time::Instant::now() }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        match self {
            // A clock before 1970 is one that was never set: time starts then.
            Clock::Wall => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64),
            Clock::Simulated { start } => SIMULATION_START_MS + start.elapsed().as_millis() as u64,
        }
    }
}
