//! Who is writing to a table.
//!
//! DDL that changes a table needs a moment in which nobody writes to it. Statements are in for milliseconds, but transactions
//! may be in for minutes, and a table that is closed to newcomers all that while is closed to everybody. So DDL first waits,
//! with the table open, until those have left who were in when it came; only then does it close the table, and those who have
//! come meanwhile have a short time to leave. If they do not, the table is opened again, DDL waits for them in the same way, and
//! gives them twice as long the next time: however busy the table, it comes to its turn.
//!
//! ```text
//! writers   ──────────────┤    ├─────┤ ├──────        ├──┤  wait for the table to open ─┤
//! DDL        begins       └ those are out: closed ─ nobody is in ─ works ─ opens the table
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allod_storage::schema::TableDescriptor;

/// Counts those who write to a table: statements, transactions, loads.
///
/// A writer enters, then looks whether the table is still open; DDL closes the table, then looks whether anybody is in.
/// Both sides use the strictest memory ordering, so at least one of them sees the other.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    /// How often those who are in were told from those who come. Who enters is counted by whether this is even or odd.
    turns: AtomicU64,
    inside: [AtomicU64; 2],
}

/// Waits for those who are in, however many come after them.
#[derive(Debug, Default)]
pub(crate) struct Predecessors {
    /// The turn that told them from the others.
    turn: Option<u64>,
}

fn side(turn: u64) -> usize {
    usize::from(turn % 2 == 1)
}

impl Writers {
    /// Counts the caller in until the guard is dropped.
    pub fn enter(self: &Arc<Writers>) -> WriteGuard {
        let side = side(self.turns.load(Ordering::SeqCst));
        self.inside[side].fetch_add(1, Ordering::SeqCst);
        WriteGuard { writers: Arc::clone(self), side, held: None }
    }

    /// Whether nobody is in.
    pub fn is_empty(&self) -> bool {
        self.inside.iter().all(|inside| inside.load(Ordering::SeqCst) == 0)
    }
}

impl Predecessors {
    /// Whether all have left who were in when this was first asked.
    pub fn have_left(&mut self, writers: &Writers) -> bool {
        let is_empty = |side: usize| writers.inside[side].load(Ordering::SeqCst) == 0;
        let turn = match self.turn {
            Some(turn) => turn,
            None => {
                let now = writers.turns.load(Ordering::SeqCst);
                // Others wait for those of the turn before: one turn after the other.
                let is_free = is_empty(side(now + 1));
                let turned = is_free
                    && writers
                        .turns
                        .compare_exchange(now, now + 1, Ordering::SeqCst, Ordering::SeqCst)
                        .is_ok();
                if !turned {
                    return false;
                }
                *self.turn.insert(now)
            }
        };
        // There is only a second turn after it if all of them had left.
        writers.turns.load(Ordering::SeqCst) > turn + 1 || is_empty(side(turn))
    }
}

/// A writer's presence.
#[derive(Debug)]
pub(crate) struct WriteGuard {
    writers: Arc<Writers>,
    side: usize,
    /// Of which the spaces are not dropped meanwhile.
    held: Option<Arc<TableDescriptor>>,
}

impl WriteGuard {
    /// The same, and keeps the spaces that a descriptor names from being dropped.
    pub fn holding(mut self, table: Arc<TableDescriptor>) -> WriteGuard {
        self.held = Some(table);
        self
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        self.writers.inside[self.side].fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_in_is_told_from_who_comes() {
        let writers = Arc::new(Writers::default());
        assert!(writers.is_empty());
        assert!(Predecessors::default().have_left(&writers));
        let (old, older) = (writers.enter(), writers.enter());
        let mut before = Predecessors::default();
        assert!(!before.have_left(&writers));
        let new = writers.enter();
        drop(old);
        assert!(!before.have_left(&writers));
        // Another one who waits begins when these are out, and then has `new` to wait for.
        let mut second = Predecessors::default();
        assert!(!second.have_left(&writers));
        drop(older);
        assert!(!writers.is_empty());
        assert!(!second.have_left(&writers));
        let newest = writers.enter();
        // Whoever comes now is counted where the first ones were, but they have left all the same.
        assert!(before.have_left(&writers));
        drop(new);
        assert!(second.have_left(&writers) && !writers.is_empty());
        drop(newest);
        assert!(writers.is_empty());
    }
}
