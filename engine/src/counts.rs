//! What SHOW STATUS counts: statements by their kind, and bytes of clients.
//!
//! A session counts for itself, in numbers of its own; what all sessions have counted is a row of atomic numbers for each lane of
//! threads, each number at the place that the kind says. Nobody reads them but SHOW STATUS.

use std::sync::atomic::{AtomicU64, Ordering};

use allod_planner::parse::Command;
use allod_storage::lanes::Lanes;

/// Places of the numbers: the commands, and behind them these.
const RECEIVED: usize = Command::ALL.len();
const SENT: usize = RECEIVED + 1;
const COUNT: usize = SENT + 1;

/// What one session has counted.
#[derive(Clone)]
pub(crate) struct Counts([u64; COUNT]);

/// What all have.
#[derive(Default)]
pub(crate) struct SharedCounts(Lanes<Row>);

struct Row([AtomicU64; COUNT]);

impl Default for Counts {
    fn default() -> Counts {
        Counts([0; COUNT])
    }
}

impl Default for Row {
    fn default() -> Row {
        Row(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Counts {
    /// A statement of this kind.
    pub fn command(&mut self, command: Command, all: &SharedCounts) {
        self.add(command as usize, 1, all);
    }

    /// Bytes that came from a client and went to it.
    pub fn bytes(&mut self, received: u64, sent: u64, all: &SharedCounts) {
        self.add(RECEIVED, received, all);
        self.add(SENT, sent, all);
    }

    fn add(&mut self, at: usize, n: u64, all: &SharedCounts) {
        self.0[at] += n;
        all.0.own().0[at].fetch_add(n, Ordering::Relaxed);
    }

    /// By the names of the status variables.
    pub fn list(&self) -> impl Iterator<Item = (String, u64)> {
        named(self.0)
    }
}

impl SharedCounts {
    /// By the names of the status variables.
    pub fn list(&self) -> impl Iterator<Item = (String, u64)> {
        let sum = |at: usize| self.0.all().map(|row| row.0[at].load(Ordering::Relaxed)).sum();
        named(std::array::from_fn(sum))
    }
}

fn named(counts: [u64; COUNT]) -> impl Iterator<Item = (String, u64)> {
    let bytes = [("Bytes_received", RECEIVED), ("Bytes_sent", SENT)].map(|(name, at)| (name.into(), at));
    let commands = Command::ALL.into_iter().zip(0..);
    let commands = commands.map(|(command, at)| (format!("Com_{}", command.name()), at));
    bytes.into_iter().chain(commands).map(move |(name, at): (String, usize)| (name, counts[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_and_all_count_alike() {
        let (mut one, mut other, all) = (Counts::default(), Counts::default(), SharedCounts::default());
        one.command(Command::Select, &all);
        other.command(Command::Select, &all);
        other.command(Command::UpdateSeveral, &all);
        one.bytes(10, 20, &all);
        let of = |list: Vec<(String, u64)>, wanted: &str| {
            list.into_iter().find(|(name, _)| name == wanted).map(|(_, n)| n)
        };
        let own = |name| of(one.list().collect(), name);
        let of_all = |name| of(all.list().collect(), name);
        assert_eq!((own("Com_select"), of_all("Com_select")), (Some(1), Some(2)));
        assert_eq!((own("Com_update_multi"), of_all("Com_update_multi")), (Some(0), Some(1)));
        assert_eq!((own("Bytes_sent"), of_all("Bytes_received")), (Some(20), Some(10)));
    }
}
