//! Statements about transactions: names and options, as data for the session.

use std::sync::Arc;

use allod_storage::schema::Datum;

use super::Bound;
use super::binder::Binder;
use crate::error::Error;
use crate::parse::{AfterSyntax, CharacteristicsSyntax, ModeSyntax, ScopeSyntax, TransactionSyntax};

/// A statement about the session's transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionControl {
    /// BEGIN, START TRANSACTION.
    Begin {
        /// `None` = as the session's variables say.
        mode: Option<TransactionMode>,
        /// What is said of this one.
        characteristics: Characteristics,
    },
    /// COMMIT.
    Commit(AfterTransaction),
    /// ROLLBACK.
    Rollback(AfterTransaction),
    /// SAVEPOINT name.
    Savepoint(Arc<str>),
    /// ROLLBACK TO SAVEPOINT name.
    RollbackTo(Arc<str>),
    /// RELEASE SAVEPOINT name.
    Release(Arc<str>),
    /// SET TRANSACTION.
    Set {
        /// Of which transactions it speaks.
        scope: TransactionScope,
        /// What it says of them.
        characteristics: Characteristics,
    },
}

/// What happens behind the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTransaction {
    /// What comes next.
    Nothing,
    /// AND CHAIN: another transaction of the same kind begins at once.
    Chain,
    /// RELEASE: the connection ends.
    Release,
}

/// When a transaction finds out that it is in another's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionMode {
    /// When it commits.
    Optimistic,
    /// When it writes.
    Pessimistic,
}

/// What is said of transactions to come; `None` = nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Characteristics {
    /// The level of isolation, as the variable `transaction_isolation` has it: `REPEATABLE-READ`.
    pub isolation: Option<&'static str>,
    /// READ ONLY (or READ WRITE).
    pub read_only: Option<bool>,
    /// AS OF TIMESTAMP: a time, or a timestamp of the cluster as a number.
    pub as_of: Option<Datum>,
}

/// Of which transactions SET TRANSACTION speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionScope {
    /// Those of sessions to come.
    Global,
    /// Those of this session.
    Session,
    /// The next one.
    Next,
}

impl Binder<'_> {
    /// A statement about transactions.
    pub(super) fn transaction(&mut self, syntax: &TransactionSyntax) -> Result<Bound, Error> {
        let name = |name: &String| -> Arc<str> { name.as_str().into() };
        Ok(Bound::Transaction(match syntax {
            TransactionSyntax::Begin { mode, characteristics } => {
                let mode = mode.map(|mode| match mode {
                    ModeSyntax::Optimistic => TransactionMode::Optimistic,
                    ModeSyntax::Pessimistic => TransactionMode::Pessimistic,
                });
                TransactionControl::Begin { mode, characteristics: self.characteristics(characteristics)? }
            }
            TransactionSyntax::Commit(said) => TransactionControl::Commit(after(*said)),
            TransactionSyntax::Rollback(said) => TransactionControl::Rollback(after(*said)),
            TransactionSyntax::Savepoint(savepoint) => TransactionControl::Savepoint(name(savepoint)),
            TransactionSyntax::RollbackTo(savepoint) => TransactionControl::RollbackTo(name(savepoint)),
            TransactionSyntax::Release(savepoint) => TransactionControl::Release(name(savepoint)),
            TransactionSyntax::Set { scope, characteristics } => {
                let scope = match scope {
                    ScopeSyntax::Global => TransactionScope::Global,
                    ScopeSyntax::Session => TransactionScope::Session,
                    ScopeSyntax::Next => TransactionScope::Next,
                };
                TransactionControl::Set { scope, characteristics: self.characteristics(characteristics)? }
            }
        }))
    }

    fn characteristics(&mut self, syntax: &CharacteristicsSyntax) -> Result<Characteristics, Error> {
        let CharacteristicsSyntax { isolation, read_only, as_of } = syntax;
        let as_of = as_of.as_ref().map(|time| self.time_of(time)).transpose()?;
        Ok(Characteristics { isolation: *isolation, read_only: *read_only, as_of })
    }

    fn time_of(&mut self, time: &sqlparser::ast::Expr) -> Result<Datum, Error> {
        self.in_block(|binder| binder.constant(time, "AS OF TIMESTAMP"))
    }

    /// The time that a query's AS OF TIMESTAMP clauses name, if it has any. They speak of all its tables, and say the same.
    pub(super) fn as_of(&mut self, tables: usize) -> Result<Option<Datum>, Error> {
        let parsed = self.parsed;
        let times: Vec<Datum> =
            parsed.as_of.iter().map(|time| self.time_of(time)).collect::<Result<_, Error>>()?;
        if times.windows(2).any(|pair| pair[0] != pair[1]) || (!times.is_empty() && times.len() < tables) {
            return Err(Error::AsOf("can not set different time in the as of".into()));
        }
        Ok(times.into_iter().next())
    }
}

fn after(said: AfterSyntax) -> AfterTransaction {
    match said {
        AfterSyntax::Nothing => AfterTransaction::Nothing,
        AfterSyntax::Chain => AfterTransaction::Chain,
        AfterSyntax::Release => AfterTransaction::Release,
    }
}
