//! CREATE TABLE … `[IGNORE | REPLACE] [AS] query`.

use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source};
use super::{parser, syntax_error, tokenize};
use crate::error::Error;

/// What becomes of a row of the query whose key another one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewRows {
    /// It is an error.
    Unique,
    /// It is left out.
    Ignore,
    /// It takes the place of the other.
    Replace,
}

impl Source<'_> {
    /// Behind the definition of a table: the query that fills it, unless the library has found it already.
    pub(super) fn new_rows(&mut self, table: &mut ast::CreateTable) -> Result<NewRows, Failure> {
        if table.query.is_some() {
            return Ok(NewRows::Unique);
        }
        let how = match (self.word("IGNORE"), self.word("REPLACE")) {
            (true, _) => NewRows::Ignore,
            (false, true) => NewRows::Replace,
            (false, false) => NewRows::Unique,
        };
        let said = self.word("AS") || how != NewRows::Unique;
        let next = &self.parser.peek_token_ref().token;
        let begins = match next {
            Token::LParen => true,
            Token::Word(w) => matches!(w.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES),
            _ => false,
        };
        if said || begins {
            table.query = Some(self.parser.parse_query()?);
        }
        Ok(how)
    }
}

/// `INSERT INTO table (columns) query`.
pub(crate) fn insert_of(
    table: &ObjectName,
    columns: Vec<Ident>,
    query: &ast::Query,
    how: NewRows,
) -> Result<ast::Statement, Error> {
    let model = parser(tokenize("INSERT INTO t VALUES ()")?).parse_statement();
    let ast::Statement::Insert(model) = model.map_err(|e| syntax_error(e, None))? else {
        return Err(Error::Internal("an INSERT is one".into()));
    };
    Ok(ast::Statement::Insert(ast::Insert {
        table: ast::TableObject::TableName(table.clone()),
        columns: columns.into_iter().map(|name| ObjectName::from(vec![name])).collect(),
        source: Some(Box::new(query.clone())),
        ignore: how == NewRows::Ignore,
        replace_into: how == NewRows::Replace,
        ..model
    }))
}
