//! Statements about transactions: names and options, as data for the session.

use std::sync::Arc;

use super::Bound;
use crate::parse::{ModeSyntax, TransactionSyntax};

/// A statement about the session's transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionControl {
    /// BEGIN, START TRANSACTION.
    Begin {
        /// `None` = as the session's variables say.
        mode: Option<TransactionMode>,
        /// START TRANSACTION READ ONLY.
        read_only: bool,
    },
    /// COMMIT.
    Commit {
        /// AND CHAIN: another transaction of the same kind begins at once.
        chain: bool,
    },
    /// ROLLBACK.
    Rollback {
        /// AND CHAIN.
        chain: bool,
    },
    /// SAVEPOINT name.
    Savepoint(Arc<str>),
    /// ROLLBACK TO SAVEPOINT name.
    RollbackTo(Arc<str>),
    /// RELEASE SAVEPOINT name.
    Release(Arc<str>),
}

/// When a transaction finds out that it is in another's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionMode {
    /// When it commits.
    Optimistic,
    /// When it writes.
    Pessimistic,
}

pub(super) fn bind(syntax: &TransactionSyntax) -> Bound {
    let name = |name: &String| -> Arc<str> { name.as_str().into() };
    Bound::Transaction(match syntax {
        TransactionSyntax::Begin { mode, read_only } => {
            let mode = mode.map(|mode| match mode {
                ModeSyntax::Optimistic => TransactionMode::Optimistic,
                ModeSyntax::Pessimistic => TransactionMode::Pessimistic,
            });
            TransactionControl::Begin { mode, read_only: *read_only }
        }
        TransactionSyntax::Commit { chain } => TransactionControl::Commit { chain: *chain },
        TransactionSyntax::Rollback { chain } => TransactionControl::Rollback { chain: *chain },
        TransactionSyntax::Savepoint(savepoint) => TransactionControl::Savepoint(name(savepoint)),
        TransactionSyntax::RollbackTo(savepoint) => TransactionControl::RollbackTo(name(savepoint)),
        TransactionSyntax::Release(savepoint) => TransactionControl::Release(name(savepoint)),
    })
}
