//! CREATE VIEW and ALTER VIEW, whose query is kept as a text.

use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token};

use super::split::Cursor;
use super::statement::{Failure, Source, Statement};
use super::{Parsed, parse_as, position, tokenize_as};
use crate::account::Who;
use crate::catalog::ViewOptions;
use crate::error::{Error, Position};
use crate::sql_mode::Lexing;

/// CREATE VIEW as syntax.
#[derive(Clone, Debug)]
pub(crate) struct ViewSyntax {
    pub name: ObjectName,
    /// Names of its columns; empty = those of the query.
    pub columns: Vec<Ident>,
    pub how: ViewHow,
    pub options: ViewOptions,
    pub query: Box<ast::Query>,
    /// The query as it is written.
    pub text: String,
    /// Where that begins.
    pub start: Position,
}

/// What becomes of a view that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewHow {
    /// CREATE VIEW: there must be none.
    Create,
    /// CREATE OR REPLACE VIEW: it goes.
    Replace,
    /// ALTER VIEW: it goes, and there must be one.
    Alter,
}

/// A piece of a text that another stands in for.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub from: Location,
    pub to: Location,
    pub text: String,
}

impl Edit {
    pub fn new(span: Span, text: String) -> Edit {
        Edit { from: span.start, to: span.end, text }
    }
}

impl Source<'_> {
    /// CREATE VIEW or ALTER VIEW, if it is one; otherwise nothing is consumed.
    pub(super) fn view(&mut self) -> Result<Option<Statement>, Failure> {
        let before = self.parser.index();
        let mut how = if self.word("ALTER") {
            ViewHow::Alter
        } else {
            self.expect_word("CREATE")?;
            ViewHow::Create
        };
        if how == ViewHow::Create && self.word("OR") && self.word("REPLACE") {
            how = ViewHow::Replace;
        }
        let mut options = ViewOptions::default();
        let is_view = loop {
            if self.word("ALGORITHM") {
                self.parser.expect_token(&Token::Eq)?;
                options.algorithm = self.one_of(&["UNDEFINED", "MERGE", "TEMPTABLE"])?;
            } else if self.word("DEFINER") {
                self.parser.expect_token(&Token::Eq)?;
                options.definer = match self.who()? {
                    Who::Current => None,
                    Who::Named(name) => Some(name.to_string()),
                };
            } else if self.word("SQL") {
                self.expect_word("SECURITY")?;
                options.security = self.one_of(&["DEFINER", "INVOKER"])?;
            } else {
                break self.word("VIEW");
            }
        };
        if !is_view {
            while self.parser.index() > before {
                self.parser.prev_token();
            }
            return Ok(None);
        }
        let name = self.parser.parse_object_name(false)?;
        let mut columns = vec![];
        if self.parser.consume_token(&Token::LParen) {
            columns = self.parser.parse_comma_separated(|p| p.parse_identifier())?;
            self.parser.expect_token(&Token::RParen)?;
        }
        self.parser.expect_keyword_is(Keyword::AS)?;
        let first = self.parser.peek_token_ref();
        let start = first.span.start;
        if first.token == Token::EOF {
            return Ok(self.parser.expected_ref("a query", first)?);
        }
        let query = self.parser.parse_query()?;
        // The text may go on behind it, with the end of a comment that it stands in.
        let last = self.parser.get_current_token().span.end;
        let next = self.parser.peek_token();
        if self.parser.parse_keyword(Keyword::WITH) {
            let scope = if self.word("LOCAL") { "LOCAL" } else { "CASCADED" };
            self.word("CASCADED");
            self.expect_word("CHECK")?;
            self.expect_word("OPTION")?;
            options.check = Some(scope);
        }
        let mut cursor = Cursor::new(self.text, self.start);
        let from = cursor.advance_to(start);
        let to = match next.token {
            _ if position(last).is_some() => cursor.advance_to(last),
            Token::EOF => self.text.len(),
            _ => cursor.advance_to(next.span.start),
        };
        let text = self.text[from..to].trim_end().to_owned();
        let start = position(start).unwrap_or(self.start);
        let view = ViewSyntax { name, columns, how, options, query, text, start };
        Ok(Some(Statement::CreateView(Box::new(view))))
    }

    pub(super) fn one_of(&mut self, words: &[&'static str]) -> Result<&'static str, Failure> {
        match words.iter().find(|word| self.word(word)) {
            Some(word) => Ok(word),
            None => Ok(self.parser.expected_ref(&words.join(" or "), self.parser.peek_token_ref())?),
        }
    }
}

impl ViewSyntax {
    /// The query by itself with these changes; refused if it needs something that only its statement has.
    pub fn definition(&self, mut edits: Vec<Edit>, lexing: Lexing) -> Result<Parsed, Error> {
        edits.sort_by_key(|e| (e.from.line, e.from.column));
        edits.dedup_by_key(|e| (e.from.line, e.from.column));
        let mut cursor = Cursor::new(&self.text, self.start);
        let (mut text, mut at) = (String::with_capacity(self.text.len()), 0);
        for Edit { from, to, text: new } in edits {
            let (from, to) = (cursor.advance_to(from), cursor.advance_to(to));
            text.push_str(&self.text[at..from]);
            text.push_str(&new);
            at = to;
        }
        text.push_str(&self.text[at..]);
        let variable = |token: &Token| match token {
            Token::Placeholder(_) | Token::AtSign => true,
            Token::Word(word) => word.quote_style.is_none() && word.value.starts_with('@'),
            _ => false,
        };
        if tokenize_as(&text, lexing)?.iter().any(|t| variable(&t.token)) {
            return Err(Error::ViewVariable);
        }
        let mut parsed = parse_as(&text, lexing)?;
        match (parsed.pop(), parsed.is_empty()) {
            (Some(parsed), true) if parsed.as_of.is_empty() => Ok(parsed),
            (Some(_), true) => Err(Error::NotSupported("AS OF TIMESTAMP in a view".into())),
            _ => Err(Error::Internal("the query of a view is one statement".into())),
        }
    }
}
