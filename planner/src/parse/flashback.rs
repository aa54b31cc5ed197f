//! RECOVER TABLE, FLASHBACK TABLE and DATABASE; DROP, LOCK and UNLOCK STATS.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source, Statement};

/// What becomes of tables' statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsChange {
    /// DROP STATS: they are forgotten.
    Drop,
    /// LOCK STATS: ANALYZE passes over them.
    Lock,
    /// UNLOCK STATS.
    Unlock,
}

impl Source<'_> {
    /// From `RECOVER` on.
    pub(super) fn recover(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        self.expect_word("TABLE")?;
        if self.word("BY") {
            return Err(self.not_supported("RECOVER TABLE BY JOB"));
        }
        let table = self.parser.parse_object_name(false)?;
        // How many jobs TiDB looks through for it.
        if let Token::Number(..) = self.parser.peek_token_ref().token {
            self.parser.parse_literal_uint()?;
        }
        Ok(Statement::FlashbackTable { table, to: None })
    }

    /// From `FLASHBACK` on.
    pub(super) fn flashback(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        if self.word("CLUSTER") {
            return Err(self.not_supported("FLASHBACK CLUSTER"));
        }
        if self.word("DATABASE") || self.word("SCHEMA") {
            let name = self.parser.parse_identifier()?;
            return Ok(Statement::FlashbackDatabase { name, to: self.new_name()? });
        }
        self.expect_word("TABLE")?;
        let table = self.parser.parse_object_name(false)?;
        Ok(Statement::FlashbackTable { table, to: self.new_name()? })
    }

    fn new_name(&mut self) -> Result<Option<Ident>, Failure> {
        if !self.word("TO") {
            return Ok(None);
        }
        let is_time = matches!(&self.parser.peek_token_ref().token, Token::Word(w) if w.quote_style.is_none()
            && ["TIMESTAMP", "TSO"].iter().any(|time| w.value.eq_ignore_ascii_case(time)));
        if is_time && !matches!(self.parser.peek_nth_token(1).token, Token::EOF) {
            return Err(self.not_supported("FLASHBACK TO TIMESTAMP"));
        }
        Ok(Some(self.parser.parse_identifier()?))
    }

    /// Behind `DROP`, `LOCK` or `UNLOCK`, if STATS is next.
    pub(super) fn stats(&mut self, change: StatsChange) -> Result<Option<Statement>, Failure> {
        let is_it = matches!(&self.parser.peek_nth_token(1).token, Token::Word(w) if w.value.eq_ignore_ascii_case("STATS"));
        if !is_it {
            return Ok(None);
        }
        (0..2).for_each(|_| drop(self.parser.next_token()));
        let tables: Vec<ObjectName> = self.parser.parse_comma_separated(|p| p.parse_object_name(false))?;
        // They are those of the whole table, whatever part of it is named.
        if change == StatsChange::Drop {
            self.word("GLOBAL");
        }
        let mut partitions = Vec::new();
        if self.word("PARTITION") {
            let in_parentheses = self.parser.consume_token(&Token::LParen);
            partitions = self.parser.parse_comma_separated(|p| p.parse_identifier())?;
            if in_parentheses {
                self.parser.expect_token(&Token::RParen)?;
            }
        }
        Ok(Some(Statement::Stats { change, tables, partitions }))
    }
}
