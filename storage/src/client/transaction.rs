//! A transaction's writes, buffered in key order until it commits.

use std::collections::BTreeMap;

use super::Client;
use super::commit::{CommitOutcome, commit};
use crate::error::Result;
use crate::key::Key;
use crate::mvcc::RowRef;
use crate::pd::Pin;
use crate::percolator::{Mutation, MutationOp};
use crate::schema::Timestamp;

/// Buffered writes. Dropping it leaves no trace.
pub struct Transaction {
    start_ts: Timestamp,
    mutations: BTreeMap<Key, MutationOp>,
    /// What its conflicts are found by is kept until it ends.
    _pin: Pin,
}

impl Transaction {
    pub(super) fn new(start_ts: Timestamp, pin: Pin) -> Transaction {
        Transaction { start_ts, mutations: BTreeMap::new(), _pin: pin }
    }

    /// The timestamp it reads at; also its identity.
    pub fn start_ts(&self) -> Timestamp {
        self.start_ts
    }

    /// Keys it writes.
    pub fn len(&self) -> usize {
        self.mutations.len()
    }

    /// Whether it writes nothing.
    pub fn is_empty(&self) -> bool {
        self.mutations.is_empty()
    }

    /// Writes a row, whether or not there is one.
    pub fn put(&mut self, key: Key, row: RowRef) {
        let op = match self.mutations.get(&key) {
            // It must still not be there for others.
            Some(MutationOp::Insert(_)) => MutationOp::Insert(row),
            Some(MutationOp::Put(_) | MutationOp::Delete | MutationOp::Lock) | None => MutationOp::Put(row),
        };
        self.mutations.insert(key, op);
    }

    /// Writes a row; at commit there must be none (but for what this transaction deleted itself).
    pub fn insert(&mut self, key: Key, row: RowRef) {
        let op = match self.mutations.get(&key) {
            Some(MutationOp::Delete) => MutationOp::Put(row),
            Some(MutationOp::Put(_) | MutationOp::Insert(_) | MutationOp::Lock) | None => {
                MutationOp::Insert(row)
            }
        };
        self.mutations.insert(key, op);
    }

    /// Deletes a row, if there is one.
    pub fn delete(&mut self, key: Key) {
        let op = match self.mutations.get(&key) {
            // Nothing was there, and nothing shall be: only see to it that nobody else changed that.
            Some(MutationOp::Insert(_)) => MutationOp::Lock,
            Some(MutationOp::Put(_) | MutationOp::Delete | MutationOp::Lock) | None => MutationOp::Delete,
        };
        self.mutations.insert(key, op);
    }

    /// Commits. An error means that nothing was changed.
    pub async fn commit(self, client: &mut Client) -> Result<CommitOutcome> {
        let Transaction { start_ts, mutations, _pin } = self;
        let mutations: Vec<Mutation> = mutations.into_iter().map(|(key, op)| Mutation { key, op }).collect();
        commit(client, start_ts, mutations).await
    }
}
