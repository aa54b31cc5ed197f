//! CHECK, OPTIMIZE, REPAIR and CHECKSUM TABLE, and what ALTER TABLE asks of that kind for partitions.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source, Statement};

/// What is done for a table's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Statistics are made anew: ALTER TABLE … ANALYZE PARTITION.
    Analyze,
    /// Its indexes are held against its rows.
    Check,
    /// What is slow by now is made quick: statistics, for rows are folded unasked.
    Optimize,
    /// ALTER TABLE … REBUILD PARTITION: nothing, for the same reason.
    Rebuild,
    /// Nothing: there is nothing to repair with.
    Repair,
}

/// A statement about tables' health.
#[derive(Clone, Debug)]
pub(crate) struct UpkeepSyntax {
    pub what: Upkeep,
    pub tables: Vec<ObjectName>,
    /// Empty = all of them.
    pub partitions: Vec<Ident>,
}

impl Source<'_> {
    /// From `CHECK`, `OPTIMIZE` or `REPAIR` on.
    pub(super) fn upkeep(&mut self, what: Upkeep) -> Result<Statement, Failure> {
        self.parser.next_token();
        let _ = self.word("NO_WRITE_TO_BINLOG") || self.word("LOCAL");
        let tables = self.tables()?;
        // How thorough it is to be: as it is.
        while ["QUICK", "FAST", "MEDIUM", "EXTENDED", "CHANGED", "USE_FRM"].iter().any(|how| self.word(how)) {
        }
        if what == Upkeep::Check && self.word("FOR") {
            self.expect_word("UPGRADE")?;
        }
        Ok(Statement::Upkeep(UpkeepSyntax { what, tables, partitions: Vec::new() }))
    }

    /// Behind `ALTER TABLE t … PARTITION`: names, or ALL.
    pub(super) fn upkeep_of(&mut self, what: Upkeep, table: ObjectName) -> Result<Statement, Failure> {
        let _ = self.word("NO_WRITE_TO_BINLOG") || self.word("LOCAL");
        let partitions = match self.word("ALL") {
            true => Vec::new(),
            false => self.parser.parse_comma_separated(|p| p.parse_identifier())?,
        };
        Ok(Statement::Upkeep(UpkeepSyntax { what, tables: vec![table], partitions }))
    }

    /// From `CHECKSUM` on.
    pub(super) fn checksum(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let tables = self.tables()?;
        let quick = self.word("QUICK");
        let _ = !quick && self.word("EXTENDED");
        Ok(Statement::TableChecksums { tables, quick })
    }

    fn tables(&mut self) -> Result<Vec<ObjectName>, Failure> {
        if !self.word("TABLES") {
            self.expect_word("TABLE")?;
        }
        let mut tables = vec![self.parser.parse_object_name(false)?];
        while self.parser.consume_token(&Token::Comma) {
            tables.push(self.parser.parse_object_name(false)?);
        }
        Ok(tables)
    }
}
