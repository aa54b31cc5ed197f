//! Who waits for whom: a wait that would close a circle is refused.
//!
//! One graph for all regions, owned, kept in memory only: its edges are waits under way, and a wait that ends, however it
//! ends, takes its edge away. A transaction that begins to wait asks first whether the one that it would wait for already waits
//! for it, by itself or through others. If so it must not wait; it is told the circle and gives up (MySQL's 1213). The
//! others go on when it has. What is left out: choosing another victim than the one who came last.
//!
//! The graph and the last circles are published ([`LockWaits`]), for people who want to know what holds a statement up.
//!
//! Example: A waits for B (key x), B waits for C (key y). C wants to wait for A (key z): the circle is C, A, B.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, Vector};

use crate::key::Key;
use crate::owner::{Owner, Published, State};
use crate::rpc::Call;
use crate::schema::Timestamp;

/// A transaction waits for another, which holds a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who waits, by its start timestamp.
    pub waiter: Timestamp,
    /// For whom.
    pub holder: Timestamp,
    /// What that holds.
    pub key: Key,
}

/// A circle of waits: each holder is the next one's waiter, and the last one's holder the first one's waiter. The first is
/// the wait that would have closed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// At least two.
    pub circle: Vec<Wait>,
}

/// So many circles are remembered (TiDB: `deadlock-history-capacity`).
const DEADLOCKS_KEPT: usize = 10;

/// A circle that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastDeadlock {
    /// They are numbered from 1 on.
    pub number: u64,
    /// When, in milliseconds since 1970, by the clock of timestamps.
    pub at_ms: u64,
    /// The circle.
    pub deadlock: Deadlock,
}

/// Who waited for whom at a moment, and the last deadlocks by then.
#[derive(Clone, Debug, Default)]
pub struct LockWaits {
    waits: Waits,
    deadlocks: Vector<PastDeadlock>,
    found: u64,
}

impl LockWaits {
    /// In order of the waiters.
    pub fn waits(&self) -> impl Iterator<Item = &Wait> {
        self.waits.0.values().flatten().map(|(wait, _)| wait)
    }

    /// Oldest first.
    pub fn deadlocks(&self) -> impl Iterator<Item = &PastDeadlock> {
        self.deadlocks.iter()
    }
}

/// The graph: waits by their waiters. One that is there twice (a message came twice) is counted.
#[derive(Clone, Debug, Default)]
struct Waits(OrdMap<Timestamp, Vec<(Wait, usize)>>);

pub(crate) enum Command {
    Begin { wait: Wait, now_ms: u64 },
    End(Wait),
}

impl State for LockWaits {
    type Command = Command;
    type Reply = Option<Deadlock>;
    type View = LockWaits;

    fn apply(&mut self, command: Command, _: &Published<LockWaits>) -> Option<Deadlock> {
        match command {
            Command::Begin { wait, now_ms } => {
                let deadlock = self.waits.circle(&wait);
                match &deadlock {
                    None => self.waits.begin(wait),
                    Some(deadlock) => self.remember(deadlock.clone(), now_ms),
                }
                deadlock
            }
            Command::End(wait) => {
                self.waits.end(&wait);
                None
            }
        }
    }

    /// Both are persistent: a copy costs nothing.
    fn view(&self) -> Arc<LockWaits> {
        Arc::new(self.clone())
    }
}

impl LockWaits {
    fn remember(&mut self, deadlock: Deadlock, at_ms: u64) {
        self.found += 1;
        if self.deadlocks.len() == DEADLOCKS_KEPT {
            self.deadlocks.pop_front();
        }
        self.deadlocks.push_back(PastDeadlock { number: self.found, at_ms, deadlock });
    }
}

impl Waits {
    fn begin(&mut self, wait: Wait) {
        let waits = self.0.entry(wait.waiter).or_default();
        match waits.iter_mut().find(|(known, _)| *known == wait) {
            Some((_, times)) => *times += 1,
            None => waits.push((wait, 1)),
        }
    }

    fn end(&mut self, wait: &Wait) {
        let Some(waits) = self.0.get_mut(&wait.waiter) else { return };
        if let Some((_, times)) = waits.iter_mut().find(|(known, _)| known == wait) {
            *times -= 1;
        }
        waits.retain(|(_, times)| *times > 0);
        if waits.is_empty() {
            self.0.remove(&wait.waiter);
        }
    }

    /// The circle that a wait would close.
    fn circle(&self, wait: &Wait) -> Option<Deadlock> {
        if wait.holder == wait.waiter {
            return None;
        }
        // Depth first from the holder; how each transaction was reached.
        let mut reached: BTreeMap<Timestamp, &Wait> = BTreeMap::new();
        let mut next = vec![wait.holder];
        while let Some(at) = next.pop() {
            for (onward, _) in self.0.get(&at).into_iter().flatten() {
                if onward.holder == wait.waiter {
                    return Some(Deadlock { circle: way(wait, onward, &reached) });
                }
                if onward.holder != wait.holder && !reached.contains_key(&onward.holder) {
                    reached.insert(onward.holder, onward);
                    next.push(onward.holder);
                }
            }
        }
        None
    }
}

/// From the first wait to the last, by how each waiter was reached.
fn way(first: &Wait, last: &Wait, reached: &BTreeMap<Timestamp, &Wait>) -> Vec<Wait> {
    let mut circle = vec![last.clone()];
    let mut at = last.waiter;
    while at != first.holder
        && let Some(wait) = reached.get(&at)
    {
        circle.push(Wait::clone(wait));
        at = wait.waiter;
    }
    circle.push(first.clone());
    circle.reverse();
    circle
}

/// The detector, for everybody.
pub(crate) struct Detector(Owner<LockWaits>);

/// A wait that has begun. It ends when this is dropped.
pub(super) struct Waiting {
    detector: Arc<Detector>,
    wait: Option<Wait>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(wait) = self.wait.take() {
            self.detector.0.post(Command::End(wait));
        }
    }
}

impl Detector {
    pub(super) fn new() -> Detector {
        Detector(Owner::new(LockWaits::default()))
    }

    /// What it knows.
    pub(crate) fn view(&self) -> Arc<LockWaits> {
        self.0.view()
    }

    /// Begins to wait, unless that would close a circle.
    pub(super) fn begin(self: &Arc<Detector>, wait: Wait, now_ms: u64) -> Call<Result<Waiting, Deadlock>> {
        let detector = Arc::clone(self);
        self.0.call(Command::Begin { wait: wait.clone(), now_ms }).map(move |reply| match reply {
            Ok(Some(deadlock)) => Err(deadlock),
            // A detector that is gone detects nothing; waits have an end all the same.
            Ok(None) | Err(_) => Ok(Waiting { detector, wait: Some(wait) }),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait(waiter: u64, holder: u64) -> Wait {
        Wait {
            waiter: Timestamp(waiter),
            holder: Timestamp(holder),
            key: Key::from_bytes(&[waiter as u8, holder as u8]),
        }
    }

    #[test]
    fn the_circle_is_told_from_its_last_wait_on() {
        let mut waits = Waits::default();
        for w in [wait(1, 2), wait(2, 3), wait(2, 5), wait(5, 6)] {
            assert_eq!(waits.circle(&w), None);
            waits.begin(w);
        }
        let circle = vec![wait(3, 1), wait(1, 2), wait(2, 3)];
        assert_eq!(waits.circle(&wait(3, 1)), Some(Deadlock { circle }));
        // Once the middle one has what it wanted, there is none.
        waits.end(&wait(2, 3));
        assert_eq!(waits.circle(&wait(3, 1)), None);
    }

    #[test]
    fn the_last_circles_and_the_present_waits_are_published() {
        let detector = Arc::new(Detector::new());
        let begin = |w: Wait, now_ms| match detector.begin(w, now_ms).into_ready() {
            Some(begun) => begun,
            None => panic!("nobody else asks"),
        };
        let waiting = begin(wait(1, 2), 7);
        assert_eq!(detector.view().waits().cloned().collect::<Vec<_>>(), [wait(1, 2)]);
        assert!(detector.view().deadlocks().next().is_none());
        for n in 1..=12 {
            let circle = vec![wait(2, 1), wait(1, 2)];
            assert_eq!(begin(wait(2, 1), 100 + n).err(), Some(Deadlock { circle }));
        }
        let view = detector.view();
        drop(waiting);
        let told: Vec<(u64, u64)> = view.deadlocks().map(|d| (d.number, d.at_ms)).collect();
        assert_eq!(told, (3..=12).map(|n| (n, 100 + n)).collect::<Vec<_>>());
        // What was taken stays as it was.
        assert_eq!((view.waits().count(), detector.view().waits().count()), (1, 0));
    }

    /// Whether one transaction waits for another, by following all ways.
    fn waits_for(edges: &[(u64, u64)], from: u64, to: u64) -> bool {
        let mut seen = vec![from];
        let mut at = 0;
        while at < seen.len() {
            let waiter = seen[at];
            for &(_, holder) in edges.iter().filter(|e| e.0 == waiter) {
                if !seen.contains(&holder) {
                    seen.push(holder);
                }
            }
            at += 1;
        }
        from != to && seen.contains(&to)
    }

    proptest! {
        #[test]
        fn exactly_the_waits_that_close_a_circle_are_refused(
            steps in prop::collection::vec((0..7u64, 0..7u64, prop::bool::weighted(0.75)), 0..60),
        ) {
            let mut waits = Waits::default();
            let mut edges: Vec<(u64, u64)> = Vec::new();
            for (waiter, holder, begins) in steps.into_iter().filter(|s| s.0 != s.1) {
                let edge = wait(waiter, holder);
                if !begins {
                    waits.end(&edge);
                    edges.iter().position(|e| *e == (waiter, holder)).map(|at| edges.swap_remove(at));
                    continue;
                }
                let deadlock = waits.circle(&edge);
                prop_assert_eq!(deadlock.is_some(), waits_for(&edges, holder, waiter));
                match deadlock {
                    None => {
                        waits.begin(edge);
                        edges.push((waiter, holder));
                    }
                    Some(Deadlock { circle }) => {
                        prop_assert_eq!(&circle[0], &edge);
                        for (i, w) in circle.iter().enumerate() {
                            prop_assert_eq!(w.holder, circle[(i + 1) % circle.len()].waiter);
                            prop_assert!(i == 0 || edges.contains(&(w.waiter.0, w.holder.0)));
                        }
                    }
                }
            }
        }
    }
}
