//! BEGIN, START TRANSACTION, COMMIT, ROLLBACK and savepoints, with the options that MySQL and TiDB give them.

use sqlparser::parser::ParserError;
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source};

/// A statement about transactions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TransactionSyntax {
    Begin { mode: Option<ModeSyntax>, read_only: bool },
    Commit { chain: bool },
    Rollback { chain: bool },
    Savepoint(String),
    RollbackTo(String),
    Release(String),
}

/// `BEGIN OPTIMISTIC`, `BEGIN PESSIMISTIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModeSyntax {
    Optimistic,
    Pessimistic,
}

impl Source<'_> {
    /// Behind `BEGIN`.
    pub(super) fn begin(&mut self) -> TransactionSyntax {
        self.word("WORK");
        let mode = match (self.word("OPTIMISTIC"), self.word("PESSIMISTIC")) {
            (true, _) => Some(ModeSyntax::Optimistic),
            (false, true) => Some(ModeSyntax::Pessimistic),
            (false, false) => None,
        };
        TransactionSyntax::Begin { mode, read_only: false }
    }

    /// Behind `START TRANSACTION`.
    pub(super) fn start_transaction(&mut self) -> Result<TransactionSyntax, Failure> {
        let (mut read_only, mut read_write) = (false, false);
        let mut first = true;
        loop {
            if self.word("WITH") {
                // Every transaction reads one snapshot, taken when it begins.
                self.expect_word("CONSISTENT")?;
                self.expect_word("SNAPSHOT")?;
            } else if self.word("READ") {
                if self.word("ONLY") {
                    read_only = true;
                } else {
                    self.expect_word("WRITE")?;
                    read_write = true;
                }
                if read_only && read_write {
                    let place = self.parser.peek_token().span.start;
                    let message = format!("Expected: either READ ONLY or READ WRITE{place}");
                    return Err(ParserError::ParserError(message).into());
                }
            } else if !first {
                let found = self.parser.next_token();
                return Ok(self.parser.expected("READ or WITH", found)?);
            }
            first = false;
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(TransactionSyntax::Begin { mode: None, read_only });
            }
        }
    }

    /// Behind `COMMIT` and `ROLLBACK`: whether another transaction is to begin at once.
    pub(super) fn chain(&mut self) -> Result<bool, Failure> {
        self.word("WORK");
        if !self.word("AND") {
            return Ok(false);
        }
        let no = self.word("NO");
        self.expect_word("CHAIN")?;
        Ok(!no)
    }

    /// Behind `ROLLBACK`.
    pub(super) fn rollback(&mut self) -> Result<TransactionSyntax, Failure> {
        let chain = self.chain()?;
        if !chain && self.word("TO") {
            self.word("SAVEPOINT");
            return Ok(TransactionSyntax::RollbackTo(self.parser.parse_identifier()?.value));
        }
        Ok(TransactionSyntax::Rollback { chain })
    }
}
