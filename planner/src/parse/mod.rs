//! Text to syntax.
//!
//! The grammar is that of the `sqlparser` library under a dialect of our own (`dialect`), with MySQL's and TiDB's
//! statements that it lacks parsed around it (`statement`). A text goes through three steps:
//!
//! 1. It becomes tokens, once, and is cut at the semicolons (`split`); every token keeps its place in the text, so
//!    every error and every name does.
//! 2. What would make the parser, or any later walk over its trees, recurse too deeply is refused here (`guard`): nested
//!    parentheses, and long chains of operators, which become trees as deep as the chain is long.
//! 3. Each statement is parsed by itself.
//!
//! This room and `bind` are the only ones that name the library's types.

mod account;
mod admin;
mod alter;
mod as_of;
mod batch;
mod binding;
mod change;
mod clustered;
mod command;
mod create_as;
mod dialect;
mod digits;
mod fault;
mod flashback;
mod guard;
mod hint;
mod items;
pub(crate) mod json_value;
mod kept;
mod lexing;
mod listing;
mod load_data;
mod locking;
mod numbers;
mod option;
mod outfile;
mod partition;
mod placement;
mod resource;
mod rewrite;
mod sequence;
mod set;
mod show;
mod simulate;
mod split;
mod statement;
mod tables;
mod temporary;
mod transaction;
mod type_name;
mod upkeep;
mod variable;
mod view;
mod words;

use std::sync::Arc;

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

use crate::error::{Error, Position};
use crate::sql_mode::Lexing;

pub(crate) use admin::{SpacesSyntax, SplitSyntax};
pub(crate) use alter::{AlterSyntax, CharsetOption, ColumnPlace};
pub(crate) use batch::BatchSyntax;
pub use batch::DryRun;
pub(crate) use binding::{BindingChange, BindingSyntax, WhichSyntax};
pub use binding::{Shape, normalized, shape};
pub(crate) use change::deletes_ignoring;
pub use command::Command;
pub(crate) use create_as::{NewRows, insert_of};
pub use fault::SyntaxFault;
pub use flashback::StatsChange;
pub(crate) use hint::{Blocks, HintBody, HintSyntax, StepSyntax, TableSyntax};
pub(crate) use items::select_item_texts;
pub use kept::{KeepRules, KeptText};
pub use listing::Listing;
pub use load_data::{LoadError, LoadField, LoadFormat, LoadInsert};
pub(crate) use locking::read_of;
pub(crate) use numbers::{NumbersSyntax, RandomSyntax};
pub(crate) use option::{TableOption, comment_of, key_options};
pub use outfile::OutFile;
pub(crate) use partition::{
    IntervalEnd, IntervalSyntax, PartitionBy, PartitionChangeSyntax, PartitionClause, PartitionDefinition,
    PartitionValues, Text,
};
pub(crate) use sequence::{SequenceSyntax, next_of, sequence_name};
pub(crate) use set::SetItem;
pub(crate) use show::ShowSyntax;
pub use show::{Absent, Shown};
pub use statement::SHOWN;
pub(crate) use statement::{PrepareSource, Statement, own_query};
pub(crate) use temporary::kind as temporary_kind;
pub(crate) use transaction::{
    AfterSyntax, CharacteristicsSyntax, ModeSyntax, ScopeSyntax, TransactionSyntax,
};
pub use upkeep::Upkeep;
pub(crate) use upkeep::UpkeepSyntax;
pub use view::ViewHow;
pub(crate) use view::{Edit, ViewSyntax};
pub use words::{OTHER_WORDS, RESERVED_WORDS};

/// Levels that the parser may nest.
const RECURSION_LIMIT: usize = 256;

/// One statement of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Its own text, without the semicolon.
    pub text: Arc<str>,
    /// Place of its first character in the whole text.
    pub start: Position,
    /// Number of `?` parameters.
    pub param_count: usize,
    /// Where they are, in order.
    pub(crate) params: Vec<Location>,
    /// Its query blocks and hints.
    pub(crate) blocks: hint::Blocks,
    /// The times of its AS OF TIMESTAMP clauses.
    pub(crate) as_of: Vec<ast::Expr>,
    /// The user variables that it assigns to with `:=`, in lower case.
    pub(crate) assigned: Vec<String>,
    pub(crate) statement: Statement,
    /// How the text was read.
    pub lexing: Lexing,
}

/// What a text means is in the text and in how it is read.
impl PartialEq for Parsed {
    fn eq(&self, other: &Parsed) -> bool {
        (&self.text, self.start, self.lexing) == (&other.text, other.start, other.lexing)
    }
}

impl Parsed {
    /// Whether it is TRACE.
    pub fn is_trace(&self) -> bool {
        matches!(self.statement, Statement::Trace { .. })
    }

    /// Whether it commits the session's transaction before it does anything, as MySQL's definitions do.
    pub fn commits_implicitly(&self) -> bool {
        self.statement.commits_implicitly()
    }

    /// Whether it is PREPARE, EXECUTE or DEALLOCATE PREPARE.
    pub fn is_of_prepared(&self) -> bool {
        use Statement as S;
        matches!(self.statement, S::Prepare { .. } | S::Execute { .. } | S::Deallocate { .. })
    }

    /// The tables that DROP TABLE names, with their databases if these are named too; none of another statement.
    pub fn dropped_tables(&self) -> Vec<(Option<&str>, &str)> {
        let Statement::Sql(sql) = &self.statement else { return Vec::new() };
        let ast::Statement::Drop { object_type: ast::ObjectType::Table, names, .. } = &**sql else {
            return Vec::new();
        };
        let named = names.iter().filter_map(|name| {
            let mut parts = name.0.iter().rev().filter_map(|part| part.as_ident());
            let table = parts.next()?;
            Some((parts.next(), table))
        });
        named.map(|(database, table)| (database.map(|d| d.value.as_str()), table.value.as_str())).collect()
    }

    /// The text of nothing, for expressions that are no part of a statement.
    pub(crate) fn empty() -> Parsed {
        let start = Position { line: 1, column: 1 };
        Parsed {
            text: "".into(),
            start,
            param_count: 0,
            params: vec![],
            blocks: hint::Blocks::default(),
            as_of: vec![],
            assigned: vec![],
            statement: Statement::Set(vec![]),
            lexing: Lexing::default(),
        }
    }
}

/// Parses a text of any number of statements separated by `;`. Positions in errors count from the start of the text.
pub fn parse(sql: &str) -> Result<Vec<Parsed>, Error> {
    parse_as(sql, Lexing::default())
}

/// The same where `sql_mode` says how the text is read.
pub fn parse_as(sql: &str, lexing: Lexing) -> Result<Vec<Parsed>, Error> {
    let pieces = tokenize_as(sql, lexing).map(|tokens| split::statements(sql, tokens));
    let parsed = pieces.and_then(|pieces| pieces.into_iter().map(|piece| parse_one(piece, lexing)).collect());
    parsed.map_err(|error: Error| error.within(sql, Position { line: 1, column: 1 }))
}

fn parse_one(piece: split::Piece, lexing: Lexing) -> Result<Parsed, Error> {
    guard::check(&piece.tokens)?;
    let placeholders = piece.tokens.iter().filter(|t| matches!(&t.token, Token::Placeholder(p) if p == "?"));
    let params: Vec<Location> = placeholders.map(|t| t.span.start).collect();
    let blocks = hint::blocks(&piece.tokens);
    let assigned = variable::assigned(&piece.tokens);
    let (statement, as_of) = match binding::parse(&piece, lexing)? {
        Some(statement) => (statement, Vec::new()),
        None => crate::stack::roomy(|| statement::parse(&piece))?,
    };
    let (text, param_count) = (piece.text.into(), params.len());
    Ok(Parsed { text, start: piece.start, param_count, params, blocks, as_of, assigned, statement, lexing })
}

/// Parses the text of one scalar expression (a partition expression kept in a descriptor).
pub(crate) fn parse_expression(text: &str) -> Result<ast::Expr, Error> {
    expression(text).map_err(|error| error.within(text, Position { line: 1, column: 1 }))
}

fn expression(text: &str) -> Result<ast::Expr, Error> {
    let tokens = tokenize(text)?;
    guard::check(&tokens)?;
    let mut parser = parser(tokens);
    let expr = parser.parse_expr().map_err(|e| syntax_error(e, None))?;
    match parser.peek_token().token {
        Token::EOF => Ok(expr),
        _ => Err(syntax_error(unexpected(&parser), None)),
    }
}

/// The tokens of a text of our own.
fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>, Error> {
    tokenize_as(sql, Lexing::default())
}

/// The tokens of a text. What stands in MySQL's comments of a version (`/*!50001 … */`) and in TiDB's (`/*T! … */`,
/// `/*T![feature] … */`) is part of it.
fn tokenize_as(sql: &str, lexing: Lexing) -> Result<Vec<TokenWithSpan>, Error> {
    let mut tokens = tokens_of(sql, lexing)?;
    let mut at = 0;
    while let Some(found) = tokens[at..].iter().position(|t| taken_in(&t.token).is_some()) {
        at += found;
        let Some(skipped) = taken_in(&tokens[at].token) else { break };
        let Token::Whitespace(Whitespace::MultiLineComment(text)) = &tokens[at].token else { break };
        // Behind the two characters that open the comment, and its mark.
        let start = tokens[at].span.start;
        let column = start.column + 2 + skipped as u64;
        let moved = |place: Location| match place.line {
            1 => Location { line: start.line, column: column + place.column - 1 },
            line => Location { line: start.line + line - 1, column: place.column },
        };
        let mut within = tokens_of(&text[skipped..], lexing)?;
        within.retain(|t| t.token != Token::EOF);
        for token in &mut within {
            token.span = Span { start: moved(token.span.start), end: moved(token.span.end) };
        }
        let length = within.len();
        tokens.splice(at..=at, within);
        at += length;
    }
    lexing::obey(&mut tokens, lexing);
    Ok(tokens)
}

/// The length of the mark, if it is a comment that is part of the statement.
fn taken_in(token: &Token) -> Option<usize> {
    let Token::Whitespace(Whitespace::MultiLineComment(text)) = token else { return None };
    if let Some(body) = text.strip_prefix('!') {
        return Some(text.len() - body.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    }
    let body = text.strip_prefix("T!")?;
    let body = match body.strip_prefix('[') {
        Some(features) => features.split_once(']')?.1,
        None => body,
    };
    // The mark is ASCII, but for what somebody writes between the brackets.
    let skipped = text.len() - body.len();
    text[..skipped].is_ascii().then_some(skipped)
}

fn tokens_of(sql: &str, lexing: Lexing) -> Result<Vec<TokenWithSpan>, Error> {
    let mut tokens = Tokenizer::new(lexing::quoting(lexing), sql)
        .tokenize_with_location()
        .map_err(|e: TokenizerError| Error::syntax(shortened(e.message), position(e.location)))?;
    digits::read(&mut tokens)?;
    signs(&mut tokens);
    integers(&mut tokens);
    counted_from(&mut tokens)?;
    variable::whole(&mut tokens);
    Ok(tokens)
}

/// `!!x`, `!~x`, `~~x`: signs one behind the other, which the library takes for operators of other dialects.
fn signs(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at < tokens.len() {
        let signs: &[Token] = match tokens[at].token {
            Token::DoubleExclamationMark => &[Token::ExclamationMark, Token::ExclamationMark],
            Token::ExclamationMarkTilde => &[Token::ExclamationMark, Token::Tilde],
            Token::DoubleTilde => &[Token::Tilde, Token::Tilde],
            Token::ExclamationMarkDoubleTilde => &[Token::ExclamationMark, Token::Tilde, Token::Tilde],
            _ => {
                at += 1;
                continue;
            }
        };
        let start = tokens[at].span.start;
        let place = |column: usize| Location { column: start.column + column as u64, ..start };
        let span = |n: usize| Span { start: place(n), end: place(n + 1) };
        let signs: Vec<TokenWithSpan> = signs
            .iter()
            .enumerate()
            .map(|(n, sign)| TokenWithSpan { token: sign.clone(), span: span(n) })
            .collect();
        let next = at + signs.len();
        tokens.splice(at..=at, signs);
        at = next;
    }
}

/// `CAST(x AS UNSIGNED INT)`, of which the library knows `INTEGER` only.
fn integers(tokens: &mut [TokenWithSpan]) {
    let mut sign = false;
    for t in tokens.iter_mut().filter(|t| !matches!(t.token, Token::Whitespace(_))) {
        let Token::Word(word) = &t.token else {
            sign = false;
            continue;
        };
        if sign && word.keyword == Keyword::INT {
            t.token = Token::make_keyword("INTEGER");
            sign = false;
            continue;
        }
        sign = matches!(word.keyword, Keyword::SIGNED | Keyword::UNSIGNED);
    }
}

/// `NTH_VALUE(x, n) FROM FIRST OVER …`, which says no more than without it.
fn counted_from(tokens: &mut [TokenWithSpan]) -> Result<(), Error> {
    let keyword = |t: &TokenWithSpan| match &t.token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let mut before: [(usize, Keyword); 2] = [(0, Keyword::NoKeyword); 2];
    for at in 0..tokens.len() {
        if matches!(tokens[at].token, Token::Whitespace(_)) {
            continue;
        }
        let word = keyword(&tokens[at]);
        if matches!(word, Keyword::OVER | Keyword::RESPECT | Keyword::IGNORE) {
            match before {
                [(_, Keyword::FROM), (_, Keyword::LAST)] => {
                    return Err(Error::NotSupported("FROM LAST".into()));
                }
                [(from, Keyword::FROM), (first, Keyword::FIRST)] => {
                    for said in [from, first] {
                        tokens[said].token = Token::Whitespace(Whitespace::Space);
                    }
                }
                _ => {}
            }
        }
        before = [before[1], (at, word)];
    }
    Ok(())
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(lexing::quoting(Lexing::default()))
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens)
}

/// The error for text behind the end of a statement.
fn unexpected(parser: &Parser) -> ParserError {
    let found = parser.peek_token();
    ParserError::ParserError(format!("Expected: end of statement, found: {found}{}", found.span.start))
}

pub(crate) fn position(location: Location) -> Option<Position> {
    // Line 0 stands for "nowhere".
    let line = u32::try_from(location.line).ok().filter(|l| *l > 0)?;
    Some(Position { line, column: u32::try_from(location.column).ok()? })
}

/// The library keeps the place of an error only as a suffix of its text, ` at Line: 3, Column: 13`. `end` is the place to
/// point at when the text ended too early.
fn syntax_error(error: ParserError, end: Option<Position>) -> Error {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            return Error::TooComplex(format!("more than {RECURSION_LIMIT} levels of nesting"));
        }
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
    };
    let located = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let position = Position { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? };
        Some((message, position))
    });
    let (message, position) = match located {
        Some((message, position)) => (message, Some(position).filter(|p| p.line > 0).or(end)),
        None => (text.as_str(), end),
    };
    let message = message.replace("Expected: ", "expected ").replace(", found: EOF", ", found the end");
    Error::syntax(shortened(message.replace(", found: ", ", found ")), position)
}

/// A message may quote a token, and a token may be as long as the text.
fn shortened(message: String) -> String {
    const MESSAGE_CHARS_MAX: usize = 200;
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

#[cfg(test)]
mod tests;
