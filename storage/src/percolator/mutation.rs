//! What a transaction does to its keys.

use crate::key::Key;
use crate::mvcc::RowRef;

/// One key's change within a transaction.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// The key.
    pub key: Key,
    /// What happens to it.
    pub op: MutationOp,
}

/// What a transaction does to a key.
#[derive(Clone, Debug)]
pub enum MutationOp {
    /// Write the row, whether or not there is one.
    Put(RowRef),
    /// Write the row; there must be none.
    Insert(RowRef),
    /// Delete the row, if there is one.
    Delete,
    /// Change nothing, but conflict with whoever does.
    Lock,
    /// The same; there must be no row. (One was inserted and deleted again, and nobody looked.)
    Absent,
}
