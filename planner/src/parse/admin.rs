//! ADMIN CHECK and CHECKSUM, ADMIN CANCEL DDL JOBS, SPLIT TABLE and SHOW TABLE … REGIONS: TiDB's statements about what lies below tables.

use sqlparser::ast::{Expr, Ident, ObjectName};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source, Statement};
use crate::account::AccountChange;
use crate::error::Error;

/// A table, some of its partitions (none named = all), and perhaps an index of it.
#[derive(Clone, Debug)]
pub(crate) struct SpacesSyntax {
    pub table: ObjectName,
    pub partitions: Vec<Ident>,
    pub index: Option<Ident>,
}

/// Where regions are to begin.
#[derive(Clone, Debug)]
pub(crate) enum SplitSyntax {
    /// BETWEEN (…) AND (…) REGIONS n.
    Between { low: Vec<Expr>, high: Vec<Expr>, regions: u64 },
    /// BY (…), (…).
    By(Vec<Vec<Expr>>),
}

impl Source<'_> {
    /// From `ADMIN` on.
    pub(super) fn admin(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let whole = |table| SpacesSyntax { table, partitions: vec![], index: None };
        if self.word("SHOW") {
            let show = self.admin_show()?;
            return self.shown_where(show);
        }
        if self.word("CANCEL") {
            self.expect_word("DDL")?;
            self.expect_word("JOBS")?;
            return Ok(Statement::CancelJobs(
                self.parser.parse_comma_separated(|parser| parser.parse_literal_uint())?,
            ));
        }
        // What it would read again never is out of date here.
        if self.word("RELOAD") {
            let what =
                ["BINDINGS", "OPT_RULE_BLACKLIST", "EXPR_PUSHDOWN_BLACKLIST", "STATISTICS", "STATS_EXTENDED"];
            if what.iter().any(|what| self.word(what)) {
                return Ok(Statement::Account(Box::new(AccountChange::Flush)));
            }
        }
        if self.word("CHECKSUM") {
            self.expect_word("TABLE")?;
            let tables = self.parser.parse_comma_separated(|p| p.parse_object_name(false))?;
            return Ok(Statement::Checksum(tables.into_iter().map(whole).collect()));
        }
        if !self.word("CHECK") {
            let what = self.parser.peek_token_ref().token.to_string();
            return Err(Failure::Ours(Error::NotSupported(format!("ADMIN {what}"))));
        }
        if self.word("INDEX") {
            let table = self.parser.parse_object_name(false)?;
            let index = Some(self.parser.parse_identifier()?);
            let of = SpacesSyntax { table, partitions: vec![], index };
            if self.parser.peek_token_ref().token != Token::LParen {
                return Ok(Statement::Check(vec![of]));
            }
            let runs = self.parser.parse_comma_separated(run)?;
            return Ok(Statement::CheckIndexRuns { of, runs });
        }
        self.expect_word("TABLE")?;
        let tables = self.parser.parse_comma_separated(|p| p.parse_object_name(false))?;
        Ok(Statement::Check(tables.into_iter().map(whole).collect()))
    }

    /// From `SPLIT` on.
    pub(super) fn split(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        if self.word("REGION") {
            self.expect_word("FOR")?;
        }
        self.word("PARTITION");
        self.expect_word("TABLE")?;
        let spaces = self.spaces()?;
        let at = if self.word("BETWEEN") {
            let low = values(&mut self.parser)?;
            self.expect_word("AND")?;
            let high = values(&mut self.parser)?;
            self.expect_word("REGIONS")?;
            SplitSyntax::Between { low, high, regions: self.parser.parse_literal_uint()? }
        } else {
            self.expect_word("BY")?;
            SplitSyntax::By(self.parser.parse_comma_separated(values)?)
        };
        Ok(Statement::Split { spaces, at })
    }

    /// A table's name, and what may follow it.
    pub(super) fn spaces(&mut self) -> Result<SpacesSyntax, Failure> {
        let table = self.parser.parse_object_name(false)?;
        let mut partitions = vec![];
        if self.word("PARTITION") {
            self.parser.expect_token(&Token::LParen)?;
            partitions = self.parser.parse_comma_separated(|p| p.parse_identifier())?;
            self.parser.expect_token(&Token::RParen)?;
        }
        let index = if self.word("INDEX") { Some(self.parser.parse_identifier()?) } else { None };
        Ok(SpacesSyntax { table, partitions, index })
    }
}

/// `(1, 5)`: from the one to below the other, whole numbers.
fn run(parser: &mut Parser) -> Result<(i64, i64), ParserError> {
    let mut number = |before: &Token| {
        parser.expect_token(before)?;
        let negative = parser.consume_token(&Token::Minus);
        let value = i64::try_from(parser.parse_literal_uint()?).unwrap_or(i64::MAX);
        Ok::<_, ParserError>(if negative { -value } else { value })
    };
    let run = (number(&Token::LParen)?, number(&Token::Comma)?);
    parser.expect_token(&Token::RParen)?;
    Ok(run)
}

/// `(a, b)`.
fn values(parser: &mut Parser) -> Result<Vec<Expr>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let list = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RParen)?;
    Ok(list)
}
