//! Bindings: CREATE, DROP and SET BINDING; and what two statements have in common that differ in values, hints and spaces.
//!
//! ```text
//! SELECT /*+ USE_INDEX(t, a) */ * FROM t USE INDEX (b) WHERE a IN (1, 2) AND b > 'x'
//! select * from `d` . `t` where `a` in ( ... ) and `b` > ?
//! ```
//!
//! A shape is made of tokens. What is a keyword in it is lower case, names are quoted, and tables have their databases before
//! them, so that whoever writes them and who does not mean the same.

use std::sync::Arc;

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::hint::HintComment;
use super::split::{Cursor, Piece};
use super::words::is_known;
use super::{Parsed, Statement, parse_as, tokenize_as};
use crate::error::Error;
use crate::sql_mode::Lexing;

/// Words that are no names unless they are quoted.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CROSS",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DIV",
    "DUPLICATE",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "FALSE",
    "FOR",
    "FROM",
    "GROUP",
    "HAVING",
    "IGNORE",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOCK",
    "MOD",
    "NATURAL",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "RECURSIVE",
    "REGEXP",
    "REPLACE",
    "RIGHT",
    "RLIKE",
    "ROLLUP",
    "SELECT",
    "SET",
    "SHARE",
    "STRAIGHT_JOIN",
    "TABLE",
    "THEN",
    "TRUE",
    "UNION",
    "UPDATE",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
    "XOR",
];
/// Where the tables of a FROM are over.
const BEHIND_TABLES: &[&str] = &[
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "SET",
    "VALUES",
    "SELECT",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "FOR",
];
/// With what a statement begins that may have a binding.
const VERBS: &[&str] = &["SELECT", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE"];

/// A statement without values and hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What is left of it.
    pub text: Arc<str>,
    /// Its tables, with their databases.
    pub tables: Vec<(Arc<str>, Arc<str>)>,
}

/// A statement about bindings.
#[derive(Clone, Debug)]
pub(crate) struct BindingSyntax {
    pub global: bool,
    pub change: BindingChange,
}

/// What it does.
#[derive(Clone, Debug)]
pub(crate) enum BindingChange {
    Create { of: String, bind: Box<Parsed> },
    Drop(WhichSyntax),
    Enable { which: WhichSyntax, enabled: bool },
}

/// Which binding is meant.
#[derive(Clone, Debug)]
pub(crate) enum WhichSyntax {
    /// That of a statement, as text.
    Of(String),
    /// That whose `Sql_digest` this is.
    Digest(String),
}

/// The statement, if it is one about bindings.
pub(super) fn parse(piece: &Piece, lexing: Lexing) -> Result<Option<Statement>, Error> {
    let solid: Vec<&TokenWithSpan> =
        piece.tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    let mut at = 1;
    let is = |at: usize, wanted: &str| solid.get(at).is_some_and(|t| is_word(&t.token, wanted));
    let Some(verb) = ["CREATE", "DROP", "SET"].into_iter().find(|verb| is(0, verb)) else { return Ok(None) };
    let global = is(at, "GLOBAL");
    at += usize::from(global || is(at, "SESSION"));
    if !is(at, "BINDING") {
        return Ok(None);
    }
    at += 1;
    let wrong = |message: &str| Error::syntax(message.to_owned(), None);
    let enabled = is(at, "ENABLED");
    at += usize::from(verb == "SET" && (enabled || is(at, "DISABLED")));
    if is(at, "FROM") {
        return Err(Error::NotSupported("bindings made of the history".into()));
    }
    if !is(at, "FOR") {
        return Err(wrong("expected FOR and a statement"));
    }
    at += 1;
    let text = |from: usize, to: Option<usize>| {
        let mut cursor = Cursor::new(piece.text, piece.start);
        let place = |at: usize| solid.get(at).map(|t| t.span.start);
        let from = place(from).map_or(piece.text.len(), |place| cursor.advance_to(place));
        let end = Location { line: u64::MAX, column: u64::MAX };
        let to = cursor.advance_to(to.and_then(place).unwrap_or(end));
        piece.text[from..to].trim().to_owned()
    };
    if is(at, "SQL") && is(at + 1, "DIGEST") {
        let digest = match solid.get(at + 2).map(|t| &t.token) {
            Some(Token::SingleQuotedString(digest) | Token::DoubleQuotedString(digest)) => digest.clone(),
            _ => return Err(wrong("expected a digest")),
        };
        let which = WhichSyntax::Digest(digest);
        let change = match verb {
            "DROP" => BindingChange::Drop(which),
            "SET" => BindingChange::Enable { which, enabled },
            _ => return Err(wrong("expected a statement")),
        };
        return Ok(Some(Statement::Binding(Box::new(BindingSyntax { global, change }))));
    }
    let using = (at..solid.len()).find(|&at| {
        is(at, "USING") && (VERBS.iter().any(|verb| is(at + 1, verb)) || is_open(&solid, at + 1))
    });
    let of = text(at, using);
    let change = match (verb, using) {
        ("CREATE", Some(using)) => {
            let mut bind = parse_as(&text(using + 1, None), lexing)?;
            match (bind.pop(), bind.is_empty()) {
                (Some(bind), true) => BindingChange::Create { of, bind: Box::new(bind.with_index_hints()?) },
                _ => return Err(wrong("expected one statement behind USING")),
            }
        }
        ("CREATE", None) => return Err(wrong("expected USING and a statement")),
        ("DROP", _) => BindingChange::Drop(WhichSyntax::Of(of)),
        _ => BindingChange::Enable { which: WhichSyntax::Of(of), enabled },
    };
    Ok(Some(Statement::Binding(Box::new(BindingSyntax { global, change }))))
}

/// The shape of a statement, perhaps behind an EXPLAIN; `None` if it is one that has no binding.
pub fn shape(text: &str, lexing: Lexing, database: Option<&str>) -> Result<Option<Shape>, Error> {
    let mut tokens = tokenize_as(text, lexing)?;
    tokens.retain(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    let is_verb =
        |t: &TokenWithSpan| VERBS.iter().any(|verb| is_word(&t.token, verb)) || t.token == Token::LParen;
    let Some(first) = tokens.first() else { return Ok(None) };
    let explained = ["EXPLAIN", "DESC", "DESCRIBE"].iter().any(|explain| is_word(&first.token, explain));
    let begin = if explained { tokens.iter().position(is_verb) } else { is_verb(first).then_some(0) };
    let Some(begin) = begin else { return Ok(None) };
    let mut shaper = Shaper::new(&tokens[begin..], database);
    while shaper.at < shaper.tokens.len() {
        shaper.step();
    }
    Ok(Some(Shape { text: shaper.out.join(" ").into(), tables: shaper.tables }))
}

/// A statement of any kind without its values, as TiDB writes it for digests; `None` if it cannot be read.
pub fn normalized(text: &str) -> Option<String> {
    let mut tokens = tokenize_as(text, Lexing::default()).ok()?;
    tokens.retain(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF | Token::SemiColon));
    let mut shaper = Shaper { is_word: is_known, ..Shaper::new(&tokens, None) };
    while shaper.at < shaper.tokens.len() {
        shaper.step();
    }
    Some(shaper.out.join(" "))
}

/// On its way through the tokens of a statement.
struct Shaper<'t> {
    tokens: &'t [TokenWithSpan],
    at: usize,
    database: Option<&'t str>,
    out: Vec<String>,
    tables: Vec<(Arc<str>, Arc<str>)>,
    /// Names of common table expressions, in lower case.
    ctes: Vec<String>,
    /// Whether a table comes next.
    wants_table: bool,
    /// For each level of parentheses whether it is among the tables of a FROM.
    in_from: Vec<bool>,
    /// Whether a word in upper case that has no quotes is no name.
    is_word: fn(&str) -> bool,
}

impl<'t> Shaper<'t> {
    fn new(tokens: &'t [TokenWithSpan], database: Option<&'t str>) -> Shaper<'t> {
        let ctes = tokens.windows(3).filter_map(|three| match &three[0].token {
            Token::Word(name) if is_word(&three[1].token, "AS") && three[2].token == Token::LParen => {
                Some(name.value.to_lowercase())
            }
            _ => None,
        });
        let with = tokens.first().is_some_and(|t| is_word(&t.token, "WITH"));
        let ctes = if with { ctes.collect() } else { Vec::new() };
        let (out, tables) = (Vec::new(), Vec::new());
        Shaper {
            tokens,
            at: 0,
            database,
            out,
            tables,
            ctes,
            wants_table: false,
            in_from: vec![false],
            is_word: |upper| KEYWORDS.contains(&upper),
        }
    }

    fn token(&self, ahead: usize) -> &'t Token {
        self.tokens.get(self.at + ahead).map_or(&Token::EOF, |t| &t.token)
    }

    fn step(&mut self) {
        if let Some(length) = index_hint(&self.tokens[self.at..]) {
            self.at += length;
            return;
        }
        match self.token(0) {
            token if is_value(token) => {
                // A sign in front of a number is part of it.
                let signed = |before: Option<&String>| before.is_none_or(|b| !b.ends_with(['`', '?', ')']));
                if matches!(self.out.last().map(String::as_str), Some("-" | "+"))
                    && signed(self.out.len().checked_sub(2).and_then(|at| self.out.get(at)))
                {
                    self.out.pop();
                }
                self.out.push("?".into());
            }
            Token::LParen => {
                if let Some(length) = value_list(&self.tokens[self.at..])
                    && matches!(self.out.last().map(String::as_str), Some("in" | "values"))
                {
                    self.at += length;
                    while *self.token(0) == Token::Comma
                        && let Some(length) = value_list(&self.tokens[self.at + 1..])
                    {
                        self.at += length + 1;
                    }
                    return self.out.push("( ... )".into());
                }
                self.in_from.push(self.wants_table);
                self.out.push("(".into());
            }
            Token::RParen => {
                if self.in_from.len() > 1 {
                    self.in_from.pop();
                }
                self.wants_table = false;
                self.out.push(")".into());
            }
            Token::Comma => {
                self.wants_table = self.in_from.last() == Some(&true);
                self.out.push(",".into());
            }
            Token::Word(word) => {
                let upper = word.value.to_ascii_uppercase();
                if word.quote_style.is_none() && (self.is_word)(&upper) {
                    self.keyword(&upper);
                } else {
                    return self.name(&word.value, word.quote_style.is_none());
                }
            }
            other => self.out.push(other.to_string()),
        }
        self.at += 1;
    }

    fn keyword(&mut self, upper: &str) {
        let level = self.in_from.len() - 1;
        match upper {
            "FROM" => {
                self.in_from[level] = true;
                self.wants_table = true;
            }
            "JOIN" | "STRAIGHT_JOIN" | "INTO" => self.wants_table = true,
            "UPDATE" if self.out.is_empty() => {
                self.in_from[level] = true;
                self.wants_table = true;
            }
            word if BEHIND_TABLES.contains(&word) => {
                self.in_from[level] = false;
                self.wants_table = false;
            }
            _ => {}
        }
        self.out.push(upper.to_ascii_lowercase());
    }

    fn name(&mut self, name: &str, plain: bool) {
        let lower = name.to_lowercase();
        self.at += 1;
        if !self.wants_table {
            let called = plain && *self.token(0) == Token::LParen;
            return self.out.push(if called { lower } else { format!("`{lower}`") });
        }
        self.wants_table = false;
        let (database, table) = match (self.token(0), self.token(1)) {
            (Token::Period, Token::Word(table)) => {
                self.at += 2;
                (Some(lower), table.value.to_lowercase())
            }
            _ if self.ctes.contains(&lower) => (None, lower),
            _ => (self.database.map(str::to_lowercase), lower),
        };
        match database {
            Some(database) => {
                self.out.push(format!("`{database}` . `{table}`"));
                self.tables.push((database.into(), table.into()));
            }
            None => self.out.push(format!("`{table}`")),
        }
    }
}

impl Parsed {
    /// The same statement with the hints of another one.
    pub fn hinted(&self, by: &Parsed) -> Parsed {
        let mut hinted = self.clone();
        hinted.blocks.comments.clone_from(&by.blocks.comments);
        hinted
    }

    /// With what it says behind its tables (`t USE INDEX (a)`) as hints of its blocks, too.
    fn with_index_hints(mut self) -> Result<Parsed, Error> {
        let mut tokens = tokenize_as(&self.text, self.lexing)?;
        tokens.retain(|t| !matches!(t.token, Token::Whitespace(_)));
        // The block of each level of parentheses.
        let (mut blocks, mut last) = (vec![0], 0);
        for at in 0..tokens.len() {
            match &tokens[at].token {
                Token::LParen => blocks.push(blocks.last().copied().unwrap_or(0)),
                Token::RParen if blocks.len() > 1 => drop(blocks.pop()),
                token if is_word(token, "SELECT") => {
                    last += 1;
                    blocks.last_mut().into_iter().for_each(|block| *block = last);
                }
                _ => {}
            }
            let Some(length) = index_hint(&tokens[at..]) else { continue };
            let Some(Token::Word(table)) = at.checked_sub(1).map(|before| &tokens[before].token) else {
                continue;
            };
            let names = tokens[at..at + length].iter().skip(2).filter_map(|t| match &t.token {
                Token::Word(name) => Some(format!("`{}`", name.value)),
                _ => None,
            });
            let indexes = names.collect::<Vec<_>>().join(", ");
            let verb = tokens[at].token.to_string().to_ascii_uppercase();
            let text = format!("{verb}_INDEX(`{}` {indexes})", table.value);
            self.blocks.comments.push(HintComment::of(blocks.last().copied().unwrap_or(0), text));
        }
        Ok(self)
    }
}

/// How many tokens `USE INDEX (a, b)` is, if that is next.
fn index_hint(tokens: &[TokenWithSpan]) -> Option<usize> {
    let word = |at: usize, wanted: &[&str]| {
        tokens.get(at).is_some_and(|t| wanted.iter().any(|wanted| is_word(&t.token, wanted)))
    };
    if !word(0, &["USE", "FORCE", "IGNORE"]) || !word(1, &["INDEX", "KEY"]) {
        return None;
    }
    let end = tokens.iter().position(|t| t.token == Token::RParen)?;
    Some(end + 1)
}

/// How many tokens a list of nothing but values is, with its parentheses, if that is next.
fn value_list(tokens: &[TokenWithSpan]) -> Option<usize> {
    if tokens.first()?.token != Token::LParen {
        return None;
    }
    let end = tokens.iter().position(|t| t.token == Token::RParen)?;
    let plain = |t: &Token| is_value(t) || matches!(t, Token::Comma | Token::Minus) || is_word(t, "NULL");
    (end > 1 && tokens[1..end].iter().all(|t| plain(&t.token))).then_some(end + 1)
}

fn is_value(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::Placeholder(_)
    )
}

fn is_open(solid: &[&TokenWithSpan], at: usize) -> bool {
    let select = |t: &&TokenWithSpan| is_word(&t.token, "SELECT") || is_word(&t.token, "WITH");
    solid.get(at).is_some_and(|t| t.token == Token::LParen) && solid.get(at + 1).is_some_and(select)
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted))
}
