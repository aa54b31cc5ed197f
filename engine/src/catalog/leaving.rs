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
//! Who stays long has the change begin anew, as with an index that comes: up to the second step it can be taken back.

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
        // They have come within a moment. Should one of them outstay this statement, he may be refused a value that was given up.
        let _ = waiting.until(|| Ok(writers.have_left(&entry.writers).then_some(())));
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
