//! A transaction's writes, buffered in key order until it commits.
//!
//! The buffer is a persistent map, so a savepoint is a copy of it, and to go back is to take the copy. What the
//! transaction's reads see of it ([`OwnWrites`]) is kept beside it from when somebody first asks; the reads of a statement
//! take the version of the moment at which the statement begins:
//!
//! ```text
//! let mut transaction = client.begin(ts);
//! let reader = client.fork().seeing(transaction.own_writes());     a statement: it reads …
//! transaction.put(key, row);                                       … and then writes; `reader` does not see that
//! let savepoint = transaction.savepoint();
//! transaction.delete(key);
//! transaction.roll_back_to(&savepoint);                            the row is there again, for the next statement
//! transaction.commit(&mut client).await?;
//! ```

use std::sync::Arc;

use arrow::array::RecordBatch;
use imbl::OrdMap;

use super::Client;
use super::commit::{CommitOptions, CommitOutcome, commit};
use super::pessimistic::Held;
use crate::error::Result;
use crate::key::Key;
use crate::mvcc::{OwnWrites, RowRef};
use crate::pd::Pin;
use crate::percolator::{Mutation, MutationOp};
use crate::schema::Timestamp;

/// Buffered writes. Dropping it leaves no trace.
pub struct Transaction {
    start_ts: Timestamp,
    mutations: OrdMap<Key, MutationOp>,
    /// About how many bytes these are.
    bytes: usize,
    scales: Scales,
    /// The same for readers; `None` = nobody has asked so far.
    own: Option<OwnWrites>,
    /// `None` = as its client does.
    options: Option<CommitOptions>,
    /// `Some` = it locks what it writes.
    pub(super) held: Option<Held>,
    /// What its conflicts are found by is kept until it ends.
    pin: Pin,
}

/// What a transaction had written at a moment.
#[derive(Clone)]
pub struct Savepoint {
    mutations: OrdMap<Key, MutationOp>,
    bytes: usize,
    own: Option<OwnWrites>,
}

impl Transaction {
    pub(super) fn new(start_ts: Timestamp, pin: Pin) -> Transaction {
        let (mutations, options, scales) = Default::default();
        Transaction { start_ts, mutations, bytes: 0, scales, own: None, options, held: None, pin }
    }

    /// The timestamp it reads at; also its identity.
    pub fn start_ts(&self) -> Timestamp {
        self.start_ts
    }

    /// What keeps its snapshot readable: for reads that may outlive it.
    pub fn pin(&self) -> Pin {
        self.pin.clone()
    }

    /// Whether it locks what it writes ([`Client::begin_pessimistic`]).
    pub fn is_pessimistic(&self) -> bool {
        self.held.is_some()
    }

    /// What a statement that locks reads at: [`Client::see_newest`] makes it the present. Of a transaction that does not lock,
    /// its own timestamp.
    pub fn for_update_ts(&self) -> Timestamp {
        self.held.as_ref().map_or(self.start_ts, |held| held.for_update_ts)
    }

    /// Which ways it may take to commit, unless it is to be as its client does ([`Client::commit_by`]).
    pub fn set_commit_options(&mut self, options: CommitOptions) {
        self.options = Some(options);
    }

    /// Keys it writes.
    pub fn len(&self) -> usize {
        self.mutations.len()
    }

    /// About how many bytes of memory these keys and their rows take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it writes nothing.
    pub fn is_empty(&self) -> bool {
        self.mutations.is_empty()
    }

    /// Writes a row, whether or not there is one.
    pub fn put(&mut self, key: Key, row: RowRef) {
        let op = match self.mutations.get(&key) {
            // It must still not be there for others.
            Some(MutationOp::Insert(_) | MutationOp::Absent) => MutationOp::Insert(row),
            Some(MutationOp::Put(_) | MutationOp::Delete | MutationOp::Lock) | None => MutationOp::Put(row),
        };
        self.set(key, op);
    }

    /// Writes a row; at commit there must be none (but for what this transaction deleted itself).
    pub fn insert(&mut self, key: Key, row: RowRef) {
        let op = match self.mutations.get(&key) {
            Some(MutationOp::Delete) => MutationOp::Put(row),
            Some(MutationOp::Put(_) | MutationOp::Insert(_) | MutationOp::Lock | MutationOp::Absent)
            | None => MutationOp::Insert(row),
        };
        self.set(key, op);
    }

    /// Deletes a row, if there is one.
    pub fn delete(&mut self, key: Key) {
        let op = match self.mutations.get(&key) {
            // Nothing was there, and nothing shall be: only see to it that this is true.
            Some(MutationOp::Insert(_) | MutationOp::Absent) => MutationOp::Absent,
            Some(MutationOp::Put(_) | MutationOp::Delete | MutationOp::Lock) | None => MutationOp::Delete,
        };
        self.set(key, op);
    }

    /// Changes nothing at a key, but conflicts with whoever does.
    pub fn lock(&mut self, key: Key) {
        // What was written conflicts with the same others.
        if !self.mutations.contains_key(&key) {
            self.bytes += self.scales.weigh(&key, &MutationOp::Lock);
            self.mutations.insert(key, MutationOp::Lock);
        }
    }

    /// Writes what a statement came to.
    pub fn write(&mut self, mutations: Vec<Mutation>) {
        for Mutation { key, op } in mutations {
            match op {
                MutationOp::Put(row) => self.put(key, row),
                MutationOp::Insert(row) => self.insert(key, row),
                MutationOp::Delete => self.delete(key),
                MutationOp::Lock => self.lock(key),
                MutationOp::Absent => self.set(key, MutationOp::Absent),
            }
        }
    }

    fn set(&mut self, key: Key, op: MutationOp) {
        if let Some(own) = &mut self.own {
            show(own, &key, &op);
        }
        if let Some(before) = self.mutations.get(&key) {
            self.bytes = self.bytes.saturating_sub(self.scales.weigh(&key, before));
        }
        self.bytes += self.scales.weigh(&key, &op);
        self.mutations.insert(key, op);
    }

    /// What it has written so far, for a [`Client`] to see ([`Client::seeing`]). What is written later is not in it.
    pub fn own_writes(&mut self) -> OwnWrites {
        let mutations = &self.mutations;
        let own = self.own.get_or_insert_with(|| {
            let mut own = OwnWrites::default();
            mutations.iter().for_each(|(key, op)| show(&mut own, key, op));
            own
        });
        own.clone()
    }

    /// What it has written so far, to go back to.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { mutations: self.mutations.clone(), bytes: self.bytes, own: self.own.clone() }
    }

    /// Forgets what was written after a savepoint of this transaction.
    pub fn roll_back_to(&mut self, savepoint: &Savepoint) {
        let Savepoint { mutations, bytes, own } = savepoint.clone();
        (self.mutations, self.bytes, self.own) = (mutations, bytes, own);
    }

    /// Commits. An error means that nothing was changed; so does [`Error::Interrupted`](crate::error::Error::Interrupted), if the
    /// client is interrupted while that can still be said.
    pub async fn commit(mut self, client: &mut Client) -> Result<CommitOutcome> {
        let start_ts = self.start_ts;
        let options = self.options.unwrap_or(client.options);
        let Some(held) = self.held.take().filter(|held| held.primary.is_some()) else {
            return commit(client, start_ts, self.take_mutations(), options, None, false).await;
        };
        if self.mutations.is_empty() {
            // What it has locked it has only looked at.
            held.release(client, start_ts).await;
            return Ok(CommitOutcome::Committed(start_ts));
        }
        for key in held.locked.keys() {
            self.lock(key.clone());
        }
        // It is kept alive until this has ended.
        let locked = held.primary.clone().map(|primary| (primary, held.told()));
        commit(client, start_ts, self.take_mutations(), options, locked, false).await
    }

    fn take_mutations(&mut self) -> Vec<Mutation> {
        drop(self.own.take());
        let mutations = std::mem::take(&mut self.mutations);
        mutations.into_iter().map(|(key, op)| Mutation { key, op }).collect()
    }

    /// Gives back what it has locked. What it has written is forgotten, as if it were just dropped.
    pub async fn roll_back(mut self, client: &mut Client) {
        if let Some(held) = self.held.take() {
            held.release(client, self.start_ts).await;
        }
    }
}

/// Weighs changes. Those of one statement are mostly rows of one batch, of which each is taken to have an even share.
#[derive(Default)]
struct Scales {
    /// The last batch, and the share.
    last: Option<(Arc<RecordBatch>, usize)>,
}

impl Scales {
    /// About how many bytes a change takes until it is committed: its key, its place in the map, its row.
    fn weigh(&mut self, key: &Key, op: &MutationOp) -> usize {
        let row = match op {
            MutationOp::Put(row) | MutationOp::Insert(row) => self.share(&row.batch),
            MutationOp::Delete | MutationOp::Lock | MutationOp::Absent => 0,
        };
        size_of::<(Key, MutationOp)>() + key.as_bytes().len() + row
    }

    fn share(&mut self, batch: &Arc<RecordBatch>) -> usize {
        match &self.last {
            Some((known, share)) if Arc::ptr_eq(known, batch) => *share,
            Some(_) | None => {
                let share = batch.get_array_memory_size() / batch.num_rows().max(1);
                self.last = Some((Arc::clone(batch), share));
                share
            }
        }
    }
}

/// About how many bytes of memory changes take within a transaction.
pub fn bytes_of(changes: &[Mutation]) -> usize {
    let mut scales = Scales::default();
    changes.iter().map(|Mutation { key, op }| scales.weigh(key, op)).sum()
}

/// Shows readers of the transaction what it did to a key.
fn show(own: &mut OwnWrites, key: &Key, op: &MutationOp) {
    match op {
        MutationOp::Put(row) | MutationOp::Insert(row) => own.set(key.clone(), Some(row.clone())),
        MutationOp::Delete | MutationOp::Absent => own.set(key.clone(), None),
        // What is there for all.
        MutationOp::Lock => own.forget(key),
    }
}

impl Client {
    /// Commits a transaction of one statement: writes in key order, each key once, of what was read at `start_ts`. The caller
    /// keeps that pinned. It does not wait for locks that may last ([`Error::Blocked`](crate::error::Error::Blocked)). An error means that nothing
    /// was changed.
    pub async fn commit_at_once(
        &mut self,
        start_ts: Timestamp,
        mutations: Vec<Mutation>,
    ) -> Result<CommitOutcome> {
        commit(self, start_ts, mutations, self.options, None, true).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Cluster, ClusterConfig};
    use crate::schema::{Datum, SpaceId};

    #[test]
    fn what_is_buffered_is_weighed_and_what_is_taken_back_is_not() {
        let client = Cluster::new(ClusterConfig::default()).client();
        let mut transaction = client.begin(Timestamp(1));
        let key = |n: i64| crate::key::encode_datums(SpaceId(1), &[Datum::Int(n)]);
        let row = |rows: usize| {
            let column = arrow::array::StringArray::from(vec!["x".repeat(1000); rows]);
            let columns = [("s", Arc::new(column) as arrow::array::ArrayRef)];
            let batch = Arc::new(arrow::array::RecordBatch::try_from_iter(columns).expect("a batch"));
            RowRef { batch, row: 0 }
        };
        assert_eq!(transaction.bytes(), 0);
        transaction.put(key(1), row(1));
        let one = transaction.bytes();
        assert!((1000..1500).contains(&one), "{one}");
        // A row is its share of its batch, and what takes its place is weighed instead.
        transaction.put(key(1), row(100));
        assert!((1000..1500).contains(&transaction.bytes()), "{}", transaction.bytes());
        let savepoint = transaction.savepoint();
        let before = transaction.bytes();
        transaction.delete(key(1));
        transaction.lock(key(2));
        transaction.lock(key(2));
        let keys: usize = [key(1), key(2)].iter().map(|key| key.as_bytes().len()).sum();
        assert_eq!(transaction.bytes(), keys + 2 * size_of::<(Key, MutationOp)>());
        let changes = [1, 2].map(|n| Mutation { key: key(n), op: MutationOp::Delete });
        assert_eq!(bytes_of(&changes), transaction.bytes());
        transaction.roll_back_to(&savepoint);
        assert_eq!(transaction.bytes(), before);
    }
}
