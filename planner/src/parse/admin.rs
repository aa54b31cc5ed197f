//! ADMIN CHECK, SPLIT TABLE and SHOW TABLE … REGIONS: TiDB's statements about what lies below tables.

use sqlparser::ast::{Expr, Ident, ObjectName};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source, Statement};
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
        if !self.word("CHECK") {
            let what = self.parser.peek_token_ref().token.to_string();
            return Err(Failure::Ours(Error::NotSupported(format!("ADMIN {what}"))));
        }
        if self.word("INDEX") {
            let table = self.parser.parse_object_name(false)?;
            let index = Some(self.parser.parse_identifier()?);
            return Ok(Statement::Check(vec![SpacesSyntax { table, partitions: vec![], index }]));
        }
        self.expect_word("TABLE")?;
        let tables = self.parser.parse_comma_separated(|p| p.parse_object_name(false))?;
        let whole = |table| SpacesSyntax { table, partitions: vec![], index: None };
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

/// `(a, b)`.
fn values(parser: &mut Parser) -> Result<Vec<Expr>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let list = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RParen)?;
    Ok(list)
}
