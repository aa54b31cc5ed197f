//! CREATE and DROP of temporary tables: what the library lacks of them.

use allod_storage::schema::Temporary;
use sqlparser::ast::{self, OnCommit};
use sqlparser::parser::Parser;

use super::statement::{Failure, Source, Statement};
use crate::error::Error;

impl Source<'_> {
    /// `DROP [GLOBAL] TEMPORARY TABLE`; nothing is read if it is something else.
    pub(super) fn drop_temporary(&mut self) -> Result<Option<Statement>, Failure> {
        let is = |source: &Self, at: usize, word: &str| {
            source.parser.peek_nth_token(at).token.to_string().eq_ignore_ascii_case(word)
        };
        let kind = if is(self, 1, "TEMPORARY") {
            Temporary::Local
        } else if is(self, 1, "GLOBAL") && is(self, 2, "TEMPORARY") {
            Temporary::Global
        } else {
            return Ok(None);
        };
        self.parser.next_token();
        self.word("GLOBAL");
        self.word("TEMPORARY");
        if !self.word("TABLES") {
            self.expect_word("TABLE")?;
        }
        let if_exists = self.word("IF");
        if if_exists {
            self.expect_word("EXISTS")?;
        }
        let names = self.parser.parse_comma_separated(|p: &mut Parser| p.parse_object_name(false))?;
        let _ = self.word("RESTRICT") || self.word("CASCADE");
        Ok(Some(Statement::DropTemporary { kind, if_exists, names }))
    }

    /// ON COMMIT … ROWS, which may also stand behind the partitions. Only global temporary tables have it, and all of them.
    pub(super) fn on_commit(&mut self, table: &mut ast::CreateTable) -> Result<(), Failure> {
        if table.on_commit.is_none() && self.word("ON") {
            self.expect_word("COMMIT")?;
            let deletes = self.word("DELETE");
            if !deletes {
                self.expect_word("PRESERVE")?;
            }
            self.expect_word("ROWS")?;
            table.on_commit = Some(if deletes { OnCommit::DeleteRows } else { OnCommit::PreserveRows });
        }
        let is_global = table.global == Some(true);
        if is_global == table.on_commit.is_some() && (table.temporary || !is_global) {
            return Ok(());
        }
        let message = "GLOBAL TEMPORARY and ON COMMIT DELETE ROWS must appear together";
        Err(Failure::Ours(Error::told_syntax(message, None)))
    }
}

/// Which kind of temporary table a definition makes, if it does.
pub(crate) fn kind(table: &ast::CreateTable) -> Option<Temporary> {
    match (table.temporary, table.global) {
        (false, _) => None,
        (true, Some(true)) => Some(Temporary::Global),
        (true, Some(false) | None) => Some(Temporary::Local),
    }
}
