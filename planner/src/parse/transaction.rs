//! BEGIN, START TRANSACTION, COMMIT, ROLLBACK, savepoints and SET TRANSACTION, with the options that MySQL and TiDB give them.

use sqlparser::ast;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source};

/// A statement about transactions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TransactionSyntax {
    Begin { mode: Option<ModeSyntax>, characteristics: CharacteristicsSyntax },
    Commit(AfterSyntax),
    Rollback(AfterSyntax),
    Savepoint(String),
    RollbackTo(String),
    Release(String),
    Set { scope: ScopeSyntax, characteristics: CharacteristicsSyntax },
}

/// What is to happen behind the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterSyntax {
    Nothing,
    /// AND CHAIN: another one begins.
    Chain,
    /// RELEASE: the connection ends.
    Release,
}

/// What is said of a transaction that is to begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CharacteristicsSyntax {
    /// As the variable `transaction_isolation` has it.
    pub isolation: Option<&'static str>,
    pub read_only: Option<bool>,
    /// `READ ONLY AS OF TIMESTAMP`.
    pub as_of: Option<ast::Expr>,
}

/// Of which transactions SET TRANSACTION speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeSyntax {
    /// Those of sessions to come.
    Global,
    /// Those of this session.
    Session,
    /// The next one.
    Next,
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
        TransactionSyntax::Begin { mode, characteristics: CharacteristicsSyntax::default() }
    }

    /// Behind `START TRANSACTION`.
    pub(super) fn start_transaction(&mut self) -> Result<TransactionSyntax, Failure> {
        let mut characteristics = CharacteristicsSyntax::default();
        let mut first = true;
        loop {
            if self.word("WITH") {
                // Every transaction reads one snapshot, taken when it begins.
                self.expect_word("CONSISTENT")?;
                self.expect_word("SNAPSHOT")?;
            } else if self.word("READ") {
                self.access(&mut characteristics)?;
            } else if !first {
                let found = self.parser.next_token();
                return Ok(self.parser.expected("READ or WITH", found)?);
            }
            first = false;
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(TransactionSyntax::Begin { mode: None, characteristics });
            }
        }
    }

    /// Behind `SET TRANSACTION`.
    pub(super) fn characteristics(&mut self) -> Result<CharacteristicsSyntax, Failure> {
        let mut characteristics = CharacteristicsSyntax::default();
        loop {
            if characteristics.isolation.is_none() && self.word("ISOLATION") {
                self.expect_word("LEVEL")?;
                characteristics.isolation = Some(self.isolation()?);
            } else {
                self.expect_word("READ")?;
                self.access(&mut characteristics)?;
            }
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(characteristics);
            }
        }
    }

    /// Behind `READ`: `ONLY` or `WRITE`, once.
    fn access(&mut self, characteristics: &mut CharacteristicsSyntax) -> Result<(), Failure> {
        let read_only = self.word("ONLY");
        if !read_only {
            self.expect_word("WRITE")?;
        }
        if characteristics.read_only.replace(read_only).is_some() {
            let place = self.parser.peek_token().span.start;
            let message = format!("Expected: either READ ONLY or READ WRITE{place}");
            return Err(ParserError::ParserError(message).into());
        }
        if read_only && self.word("AS") {
            self.expect_word("OF")?;
            self.expect_word("TIMESTAMP")?;
            characteristics.as_of = Some(self.parser.parse_expr()?);
        }
        Ok(())
    }

    /// Behind `ISOLATION LEVEL`.
    fn isolation(&mut self) -> Result<&'static str, Failure> {
        if self.word("REPEATABLE") {
            self.expect_word("READ")?;
            return Ok("REPEATABLE-READ");
        }
        if self.word("SERIALIZABLE") {
            return Ok("SERIALIZABLE");
        }
        self.expect_word("READ")?;
        if self.word("COMMITTED") {
            return Ok("READ-COMMITTED");
        }
        self.expect_word("UNCOMMITTED")?;
        Ok("READ-UNCOMMITTED")
    }

    /// Behind `COMMIT` and `ROLLBACK`: `[WORK] [AND [NO] CHAIN] [[NO] RELEASE]`, but for both CHAIN and RELEASE.
    pub(super) fn after(&mut self) -> Result<AfterSyntax, Failure> {
        self.word("WORK");
        let mut after = AfterSyntax::Nothing;
        if self.word("AND") {
            let no = self.word("NO");
            self.expect_word("CHAIN")?;
            after = if no { AfterSyntax::Nothing } else { AfterSyntax::Chain };
        }
        if self.word("NO") {
            self.expect_word("RELEASE")?;
        } else if after == AfterSyntax::Nothing && self.word("RELEASE") {
            after = AfterSyntax::Release;
        }
        Ok(after)
    }

    /// Behind `ROLLBACK`.
    pub(super) fn rollback(&mut self) -> Result<TransactionSyntax, Failure> {
        let after = self.after()?;
        if after == AfterSyntax::Nothing && self.word("TO") {
            self.word("SAVEPOINT");
            return Ok(TransactionSyntax::RollbackTo(self.parser.parse_identifier()?.value));
        }
        Ok(TransactionSyntax::Rollback(after))
    }
}
