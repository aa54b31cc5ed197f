//! Dropping indexes while rows are read and written.
//!
//! The way that an index comes ([`super::online`]), back again:
//!
//! ```text
//! state          who writes a row              is beside                             since in between
//! public         keeps the index up, and queries read it
//! write-only     keeps the index up            those who read it, too: they find     -
//!                                              all that is written
//! delete-only    takes out the entry of the    those who keep it up: what they       all who plan with it have left
//!                row that goes                 put in is nobody's but theirs
//! -              does nothing to the index     those who delete only: nobody is      all of those have left who fail
//!                                              refused a value for an old entry      for a value that is there
//! ```
//!
//! With the first step the index is in no descriptor that queries are planned with. Who has planned with the one before, and has
//! not entered the table, is told that the schema has changed (8028); who reads by it at an older snapshot finds what was there
//! then, until nobody holds that descriptor. Nowhere is the table closed.
//!
//! Who stays long has the change begin anew, as with an index that comes: up to the second step it can be taken back. After that
//! it goes on without those who have come during the first one and stay. They keep up an index in which others take nothing out
//! any more: what may happen to them, until they leave, is that they are refused a value (1062) that its row has just given up.

use std::sync::Arc;

use allod_storage::schema::{IndexState, SpaceId, TableDescriptor};

use super::ddl::GRACE_FIRST;
use super::online::{Layouts, with_states};
use super::version::Entry;
use super::writers::Predecessors;
use super::{Lease, Waiting};
use crate::error::Result;

impl Lease<'_> {
    /// Takes indexes, by their positions, from a table. An error means that nothing has changed.
    pub(super) fn drop_indexes(
        &mut self,
        entry: &Entry,
        gone: &[usize],
        waiting: &mut Waiting,
    ) -> Result<()> {
        if self.grace.is_none() && !entry.writers.is_empty() {
            return Err(self.blocked_by(entry));
        }
        let old = &entry.descriptor;
        self.adding.push((Arc::clone(&old.database), Arc::clone(&old.name)));
        let spaces: Vec<SpaceId> = gone.iter().flat_map(|index| old.spaces_of_index(*index)).collect();
        let stays: Vec<usize> = (0..old.indexes.len()).filter(|index| !gone.contains(index)).collect();
        let rest = Arc::new(with_indexes(old, &stays));
        let all = with_indexes(old, &[&stays, gone].concat());
        let grace = self.grace.unwrap_or(GRACE_FIRST);
        let publish = |lease: &mut Self, state: Option<IndexState>| {
            let adding = state.map(|state| Arc::new(with_states(&all, stays.len(), |_| state)));
            let layouts = adding.map(|adding| Arc::new(Layouts::of(&rest, adding)));
            let version = lease.version();
            let now = Entry { descriptor: Arc::clone(&rest), layouts, ..entry.clone() };
            lease.publish(version.with_table(now));
        };

        publish(self, Some(IndexState::WriteOnly));
        let mut readers = Predecessors::default();
        let left = waiting.within(grace, || Ok(readers.have_left(&entry.writers).then_some(())));
        if !matches!(left, Ok(Some(()))) {
            let version = self.version().with_table(entry.clone());
            self.publish(version);
            left?;
            return Err(self.blocked_by(entry));
        }
        publish(self, Some(IndexState::DeleteOnly));
        let mut writers = Predecessors::default();
        // From here there is no way back, so nobody is asked whether it is to go on: those who have come within a moment have one to
        // leave, and are not waited for longer, since others may want to change the schema.
        let _ = waiting.within(grace, || Ok(writers.have_left(&entry.writers).then_some(())));
        publish(self, None);
        self.retire(spaces);
        Ok(())
    }
}

/// A table with these of its indexes, in this order.
fn with_indexes(table: &TableDescriptor, positions: &[usize]) -> TableDescriptor {
    let mut new = table.clone();
    new.indexes = positions.iter().map(|&at| table.indexes[at].clone()).collect();
    for (partition, old) in new.partitions.iter_mut().zip(&table.partitions) {
        partition.indexes = positions.iter().map(|&at| old.indexes[at]).collect();
    }
    new
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use crate::{Database, Session};

    /// Three transactions that write: DROP INDEX waits for the first one to begin and for the second one with its first step, and
    /// the third one comes meanwhile and stays. Whether the index was dropped beside it.
    fn dropped_beside_one_who_stays(database: &Database, round: i64) -> bool {
        let insert = |session: &mut Session, n: i64| {
            let id = 4 * round + n;
            session.run(&format!("insert into t values ({id}, {id})"))
        };
        // Whoever begins while a step is made may be told that the schema has changed, and begins anew.
        let begin = |n| {
            let mut sessions = (0..100).map(|_| database.session());
            let begun = sessions.find_map(|mut session| {
                session.run("begin").unwrap();
                insert(&mut session, n).is_ok().then_some(session)
            });
            begun.unwrap()
        };
        let comes = |look: &mut dyn FnMut() -> bool| {
            (0..200).any(|_| {
                std::thread::sleep(Duration::from_millis(1));
                look()
            })
        };
        let is_gone = || database.catalog().entry("test", "t").unwrap().descriptor.indexes.is_empty();
        let done = AtomicBool::new(false);
        let mut before = begin(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                database.session().run("alter table t drop index u").unwrap();
                done.store(true, Ordering::Release);
            });
            std::thread::sleep(Duration::from_millis(20));
            let mut first = begin(1);
            before.run("commit").unwrap();
            let begun = comes(&mut || is_gone());
            let mut between = begin(2);
            first.run("commit").unwrap();
            let dropped = begun && comes(&mut || done.load(Ordering::Acquire));
            if dropped {
                insert(&mut between, 3).unwrap();
            }
            between.run("commit").unwrap();
            dropped
        })
    }

    #[test]
    fn who_comes_while_an_index_leaves_is_not_waited_for_for_ever() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id int primary key, u int, unique u (u))").unwrap();
        // On a busy machine one of them may come too late: then the change begins anew.
        let dropped = (0..20).any(|round| {
            let dropped = dropped_beside_one_who_stays(&database, round);
            session.run("admin check table t").unwrap();
            // The index does not refuse anything any more.
            session.run("insert into t values (-1, 1)").unwrap();
            session.run("delete from t where id < 0").unwrap();
            session.run("alter table t add unique u (u)").unwrap();
            dropped
        });
        assert!(dropped);
    }
}
