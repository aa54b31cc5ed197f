//! `/*+ … */`: where hints stand, and their grammar.
//!
//! A hint comment counts directly behind SELECT, INSERT, REPLACE, UPDATE and DELETE; anywhere else it is a comment. It is
//! found among the tokens ([`blocks`]), along with the SELECTs of the statement, which number its query blocks. What stands
//! in it is parsed here by a grammar of its own, as in TiDB:
//!
//! ```text
//! hints   : hint [[,] hint …]
//! hint    : INL_JOIN ( [@block] table [, table …] )       and the other joins, LEADING
//!         | USE_INDEX ( [@block] table [,] [index, …] )   and the other index hints
//!         | HASH_AGG ( [@block] )                         and the others without arguments
//!         | MEMORY_QUOTA ( [@block] n MB|GB ) | MAX_EXECUTION_TIME ( [@block] n )
//!         | QB_NAME ( name [, step [. step …]] )          a block; or one of a view, by the way to it
//!         | SET_VAR ( name = value )
//! step    : [view] [@block]
//! table   : [database .] name [@block] [PARTITION ( name, … )]
//! ```
//!
//! A comment that does not follow the grammar is ignored as a whole, with the warning that TiDB gives (1064); a hint of
//! TiDB's or MySQL's that does nothing here, or that nobody knows, is ignored by itself (8061). A hint comment anywhere else
//! does nothing and is worth a warning (8066). Names become numbers of blocks in `bind`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Whitespace};

use crate::hints::{IndexMode, JoinMethod};
use crate::physical::PlanWarning;

/// Where the query blocks of a statement begin, and the hints that stand there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    /// Places of its SELECTs, in order.
    pub selects: Vec<Location>,
    /// The number of each: `sel_1`, ….
    numbers: Vec<u32>,
    /// Its hint comments.
    pub comments: Vec<HintComment>,
    /// Number of comments that look like hints and stand where there can be none.
    pub stray: usize,
}

/// A hint comment.
#[derive(Clone, Debug)]
pub(crate) struct HintComment {
    /// Number of the SELECT it stands behind, from 1; 0 = behind INSERT, UPDATE or DELETE.
    pub block: u32,
    /// What stands between `/*+` and `*/`.
    text: String,
    /// Where that begins.
    start: Location,
}

/// A hint as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HintSyntax {
    /// Its name as it is written.
    pub written: String,
    /// The name that TiDB shows, of all that mean the same.
    pub name: &'static str,
    /// `@block` before the arguments.
    pub block: Option<String>,
    pub body: HintBody,
}

/// What a hint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HintBody {
    Join {
        method: JoinMethod,
        wanted: bool,
        tables: Vec<TableSyntax>,
    },
    Leading(Vec<TableSyntax>),
    Index {
        mode: IndexMode,
        table: TableSyntax,
        indexes: Vec<String>,
    },
    IndexMerge {
        table: TableSyntax,
        indexes: Vec<String>,
    },
    NoIndexMerge,
    StraightJoin,
    HashAgg,
    StreamAgg,
    AggToCop,
    LimitToCop,
    /// Bytes.
    MemoryQuota(u64),
    /// Milliseconds.
    MaxExecutionTime(u64),
    BlockName(String),
    /// A name for a block of a view.
    ViewBlockName {
        name: String,
        way: Vec<StepSyntax>,
    },
    /// A session sees to it before the statement is planned ([`Blocks::variables`]).
    Variable {
        name: String,
        value: String,
    },
    /// So does it with this one ([`Blocks::resource_group`]).
    ResourceGroup(String),
}

/// A step on the way to a block of a view, `v@sel_2`: where the view is read, or at the end the block itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepSyntax {
    pub view: Option<String>,
    pub block: Option<String>,
}

/// A table in a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableSyntax {
    pub database: Option<String>,
    pub name: String,
    /// `@block` behind it.
    pub block: Option<String>,
}

/// What a hint's name stands for: its shape.
#[derive(Clone, Copy)]
enum Form {
    Join(JoinMethod, bool),
    Leading,
    Index(IndexMode),
    IndexMerge,
    Plain(Plain),
    MemoryQuota,
    MaxExecutionTime,
    BlockName,
    Variable,
    ResourceGroup,
    /// TiDB had it once.
    IndexMergeJoin,
    /// What it asks for is so, or is seen to elsewhere.
    Heeded,
    /// TiDB or MySQL has it; it does nothing here.
    Ignored,
}

#[derive(Clone, Copy)]
enum Plain {
    NoIndexMerge,
    StraightJoin,
    HashAgg,
    StreamAgg,
    AggToCop,
    LimitToCop,
}

/// Hints that nobody needs to hear of: any replica answers alike, subqueries become joins where that is cheaper, and what keeps
/// plans (`kept`) and the slow log read for themselves what is asked of them. The others leave it to the planner which of
/// several plans it takes, ask for what is so (a common table expression that is used once is merged), or speak of engines,
/// groups of resources and times of diagnosis that there are none of.
const HEEDED: &[&str] = &[
    "IGNORE_PLAN_CACHE",
    "READ_CONSISTENT_REPLICA",
    "USE_TOJA",
    "USE_PLAN_CACHE",
    "USE_CASCADES",
    "WRITE_SLOW_LOG",
    "NO_INDEX_MERGE_JOIN",
    "NO_DECORRELATE",
    "SEMI_JOIN_REWRITE",
    "MERGE",
    "MPP_1PHASE_AGG",
    "MPP_2PHASE_AGG",
    "NTH_PLAN",
    "FORCE_PLAN",
    "QUERY_TYPE",
    "TIME_RANGE",
    "SWAP_JOIN_INPUTS",
    "NO_SWAP_JOIN_INPUTS",
];

/// Hints of TiDB and MySQL that do nothing here.
const IGNORED: &[&str] = &[
    "SHUFFLE_JOIN",
    "BROADCAST_JOIN",
    "HYPO_INDEX",
    "READ_FROM_STORAGE",
    "NO_MERGE",
    "BKA",
    "NO_BKA",
    "BNL",
    "NO_BNL",
    "INDEX_MERGE",
    "MRR",
    "NO_MRR",
    "NO_ICP",
    "NO_RANGE_OPTIMIZATION",
    "SKIP_SCAN",
    "NO_SKIP_SCAN",
    "SEMIJOIN",
    "NO_SEMIJOIN",
    "SUBQUERY",
    "JOIN_FIXED_ORDER",
    "JOIN_ORDER",
    "JOIN_PREFIX",
    "JOIN_SUFFIX",
    "INDEX",
    "NO_INDEX",
    "JOIN_INDEX",
    "NO_JOIN_INDEX",
    "GROUP_INDEX",
    "NO_GROUP_INDEX",
    "DERIVED_CONDITION_PUSHDOWN",
    "NO_DERIVED_CONDITION_PUSHDOWN",
];

/// The canonical name and the shape of every hint that is known.
fn form(name: &str) -> Option<(&'static str, Form)> {
    use JoinMethod as J;
    Some(match name {
        "INL_JOIN" | "TIDB_INLJ" => ("INL_JOIN", Form::Join(J::Index, true)),
        "INL_HASH_JOIN" => ("INL_HASH_JOIN", Form::Join(J::IndexHash, true)),
        "HASH_JOIN" | "TIDB_HJ" => ("HASH_JOIN", Form::Join(J::Hash, true)),
        "HASH_JOIN_BUILD" => ("HASH_JOIN_BUILD", Form::Join(J::HashBuild, true)),
        "HASH_JOIN_PROBE" => ("HASH_JOIN_PROBE", Form::Join(J::HashProbe, true)),
        "MERGE_JOIN" | "TIDB_SMJ" => ("MERGE_JOIN", Form::Join(J::Merge, true)),
        "NO_INDEX_JOIN" => ("NO_INDEX_JOIN", Form::Join(J::Index, false)),
        "NO_INDEX_HASH_JOIN" => ("NO_INDEX_HASH_JOIN", Form::Join(J::IndexHash, false)),
        "NO_HASH_JOIN" => ("NO_HASH_JOIN", Form::Join(J::Hash, false)),
        "NO_MERGE_JOIN" => ("NO_MERGE_JOIN", Form::Join(J::Merge, false)),
        "LEADING" => ("LEADING", Form::Leading),
        "STRAIGHT_JOIN" => ("STRAIGHT_JOIN", Form::Plain(Plain::StraightJoin)),
        "USE_INDEX" => ("USE_INDEX", Form::Index(IndexMode::Use)),
        "FORCE_INDEX" => ("FORCE_INDEX", Form::Index(IndexMode::Force)),
        "IGNORE_INDEX" => ("IGNORE_INDEX", Form::Index(IndexMode::Ignore)),
        "ORDER_INDEX" => ("ORDER_INDEX", Form::Index(IndexMode::Order)),
        "NO_ORDER_INDEX" => ("NO_ORDER_INDEX", Form::Index(IndexMode::NoOrder)),
        "USE_INDEX_MERGE" => ("USE_INDEX_MERGE", Form::IndexMerge),
        "NO_INDEX_MERGE" => ("NO_INDEX_MERGE", Form::Plain(Plain::NoIndexMerge)),
        "HASH_AGG" => ("HASH_AGG", Form::Plain(Plain::HashAgg)),
        "STREAM_AGG" => ("STREAM_AGG", Form::Plain(Plain::StreamAgg)),
        "AGG_TO_COP" => ("AGG_TO_COP", Form::Plain(Plain::AggToCop)),
        "LIMIT_TO_COP" => ("LIMIT_TO_COP", Form::Plain(Plain::LimitToCop)),
        "MEMORY_QUOTA" => ("MEMORY_QUOTA", Form::MemoryQuota),
        "MAX_EXECUTION_TIME" => ("MAX_EXECUTION_TIME", Form::MaxExecutionTime),
        "SET_VAR" => ("SET_VAR", Form::Variable),
        "RESOURCE_GROUP" => ("RESOURCE_GROUP", Form::ResourceGroup),
        "QB_NAME" => ("QB_NAME", Form::BlockName),
        "INL_MERGE_JOIN" => ("INL_MERGE_JOIN", Form::IndexMergeJoin),
        _ if HEEDED.contains(&name) => ("", Form::Heeded),
        _ if IGNORED.contains(&name) => ("", Form::Ignored),
        _ => return None,
    })
}

/// Finds the SELECTs of a statement and the hint comments behind its verbs.
pub(super) fn blocks(tokens: &[TokenWithSpan]) -> Blocks {
    let mut out = Blocks::default();
    let mut depth = 0usize;
    // Behind the verb of the statement itself, UPDATE, INSERT and REPLACE are other things.
    let mut verb_seen = false;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(w) if w.quote_style.is_none() => {
                let block = match w.keyword {
                    Keyword::SELECT => {
                        out.selects.push(token.span.start);
                        out.selects.len() as u32
                    }
                    Keyword::INSERT | Keyword::REPLACE | Keyword::UPDATE | Keyword::DELETE
                        if depth == 0 && !verb_seen =>
                    {
                        0
                    }
                    _ => continue,
                };
                verb_seen |= depth == 0;
                let comments = tokens[at + 1..].iter().map_while(|t| match &t.token {
                    Token::Whitespace(space) => Some((space, t.span.start)),
                    _ => None,
                });
                for (space, start) in comments {
                    let Whitespace::MultiLineComment(comment) = space else { continue };
                    if let Some(text) = comment.strip_prefix('+') {
                        let start = Location { line: start.line, column: start.column + 3 };
                        out.comments.push(HintComment { block, text: text.to_owned(), start });
                    }
                }
            }
            _ => {}
        }
    }
    out.numbers = numbers(tokens, out.selects.len());
    for comment in &mut out.comments {
        if let Some(number) = (comment.block as usize).checked_sub(1).and_then(|at| out.numbers.get(at)) {
            comment.block = *number;
        }
    }
    let is_hint = |t: &TokenWithSpan| matches!(&t.token, Token::Whitespace(Whitespace::MultiLineComment(c)) if c.starts_with('+'));
    out.stray = tokens.iter().filter(|t| is_hint(t)).count() - out.comments.len();
    out
}

/// The number of each SELECT. They count in their order, but one behind WITH comes before those that are in it, unless
/// other ones follow it by UNION and its like.
fn numbers(tokens: &[TokenWithSpan], count: usize) -> Vec<u32> {
    let mut order: Vec<usize> = (0..count).collect();
    let words: Vec<&Token> =
        tokens.iter().map(|t| &t.token).filter(|t| !matches!(t, Token::Whitespace(_))).collect();
    let keyword = |token: &Token| match token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let mut first = 0;
    for (at, token) in words.iter().enumerate() {
        match keyword(token) {
            Keyword::SELECT => first += 1,
            // Elsewhere it has no name and query behind it: WITH ROLLUP.
            Keyword::WITH => {
                let named =
                    at + 1 + usize::from(words.get(at + 1).is_some_and(|t| keyword(t) == Keyword::RECURSIVE));
                let defines =
                    words.get(named + 1).is_some_and(|t| **t == Token::LParen || keyword(t) == Keyword::AS);
                if let (true, Some(main)) = (defines, reader(&words[at..], &keyword))
                    && let Some(from) = order.iter().position(|o| *o == first + main)
                    && let Some(to) = order.iter().position(|o| *o == first)
                    && to < from
                {
                    order[to..=from].rotate_right(1);
                }
            }
            _ => {}
        }
    }
    let mut numbers = vec![0; count];
    for (number, select) in (1..).zip(order) {
        numbers[select] = number;
    }
    numbers
}

/// Which of the SELECTs behind a WITH reads what is defined in it, if it is one alone.
fn reader(words: &[&Token], keyword: &dyn Fn(&Token) -> Keyword) -> Option<usize> {
    let (mut depth, mut selects, mut reader) = (0usize, 0, None);
    for token in words {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => break,
            Token::RParen => depth -= 1,
            _ => match keyword(token) {
                Keyword::SELECT => {
                    if depth == 0 && reader.is_none() {
                        reader = Some(selects);
                    }
                    selects += 1;
                }
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT if depth == 0 => return None,
                _ => {}
            },
        }
    }
    reader
}

impl Blocks {
    /// How many there are; a statement without a SELECT has one, too.
    pub fn count(&self) -> u32 {
        self.selects.len().max(1) as u32
    }

    /// The number of the block whose SELECT stands at a place.
    pub fn number(&self, select: Location) -> u32 {
        let before = self.selects.partition_point(|s| (s.line, s.column) < (select.line, select.column));
        // `TABLE t` has no SELECT of its own: it is the block that the next one would be.
        self.numbers.get(before).copied().unwrap_or(before as u32 + 1)
    }

    /// What SET_VAR asks for behind the statement's own verb.
    pub fn variables(&self) -> Vec<(String, String)> {
        let own = self.comments.iter().filter(|comment| comment.block <= 1);
        let hints = own.flat_map(|comment| comment.parse().0);
        let asked = hints.filter_map(|hint| match hint.body {
            HintBody::Variable { name, value } => Some((name, value)),
            _ => None,
        });
        asked.collect()
    }

    /// The resource group that the statement is in, by the last hint that names one.
    pub fn resource_group(&self) -> Option<String> {
        let hints = self.comments.iter().flat_map(|comment| comment.parse().0);
        let mut named = hints.filter_map(|hint| match hint.body {
            HintBody::ResourceGroup(name) => Some(name),
            _ => None,
        });
        named.next_back()
    }

    /// Whether a hint comment has this word in it.
    pub fn says(&self, hint: &str) -> bool {
        self.comments.iter().any(|comment| comment.text.to_ascii_lowercase().contains(hint))
    }
}

impl HintComment {
    /// A comment of a block that stands in no text.
    pub(super) fn of(block: u32, text: String) -> HintComment {
        HintComment { block, text, start: Location { line: 0, column: 0 } }
    }

    /// The hints of the comment, and what is wrong with them.
    pub fn parse(&self) -> (Vec<HintSyntax>, Vec<PlanWarning>) {
        let mut parser = HintParser { text: &self.text, at: 0, warnings: vec![] };
        let mut hints = vec![];
        match parser.hints(&mut hints) {
            Ok(()) => (hints, parser.warnings),
            Err(Wrong) => {
                let at = parser.skip_blanks();
                let (mut line, mut column) = (self.start.line, self.start.column);
                for c in self.text[..at].chars() {
                    (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
                }
                let near: String = self.text[at..].chars().chain("*/".chars()).take(80).collect();
                let message =
                    format!("Optimizer hint syntax error at line {line} column {column} near \"{near}\" ");
                (vec![], vec![PlanWarning { code: 1064, message }])
            }
        }
    }
}

/// The text does not follow the grammar from where the parser stands.
struct Wrong;

struct HintParser<'a> {
    text: &'a str,
    at: usize,
    warnings: Vec<PlanWarning>,
}

impl HintParser<'_> {
    fn hints(&mut self, out: &mut Vec<HintSyntax>) -> Result<(), Wrong> {
        loop {
            let begin = self.skip_blanks();
            let word = self.identifier()?;
            match form(&word.to_ascii_uppercase()) {
                Some((_, Form::Heeded)) => self.skip_arguments()?,
                Some((_, Form::Ignored)) => {
                    self.skip_arguments()?;
                    self.ignored(&word);
                }
                Some((name, Form::IndexMergeJoin)) => {
                    let arguments = self.skip_blanks();
                    self.skip_arguments()?;
                    let is_empty = !self.text[arguments..self.at].contains(char::is_alphanumeric);
                    let message = match is_empty {
                        true => format!(
                            "Hint {name}() is inapplicable. Please specify the table names in the arguments."
                        ),
                        false => "The INDEX MERGE JOIN hint is deprecated for usage, try other hints.".into(),
                    };
                    self.warnings.push(PlanWarning { code: 1815, message });
                }
                Some((name, form)) => out.extend(self.hint(word, name, form)?),
                None if self.peek() == Some('(') => {
                    self.skip_arguments()?;
                    self.ignored(&word);
                }
                None => {
                    self.at = begin;
                    return Err(Wrong);
                }
            }
            self.symbol(',');
            if self.skip_blanks() == self.text.len() {
                return Ok(());
            }
        }
    }

    fn ignored(&mut self, word: &str) {
        let message = format!("Optimizer hint {word} is not supported by Allod and is ignored");
        self.warnings.push(PlanWarning { code: 8061, message });
    }

    /// One hint behind its name; `None` if it says something impossible, which was noted.
    fn hint(&mut self, written: String, name: &'static str, form: Form) -> Result<Option<HintSyntax>, Wrong> {
        self.expect('(')?;
        if let Form::BlockName = form {
            let block = self.identifier()?;
            let body = match self.symbol(',') {
                true => HintBody::ViewBlockName { name: block, way: self.way()? },
                false => HintBody::BlockName(block),
            };
            self.expect(')')?;
            return Ok(Some(HintSyntax { written, name, block: None, body }));
        }
        if let Form::ResourceGroup = form {
            let body = HintBody::ResourceGroup(self.identifier()?);
            self.expect(')')?;
            return Ok(Some(HintSyntax { written, name, block: None, body }));
        }
        if let Form::Variable = form {
            let variable = self.identifier()?;
            self.expect('=')?;
            let body = HintBody::Variable { name: variable, value: self.value()? };
            self.expect(')')?;
            return Ok(Some(HintSyntax { written, name, block: None, body }));
        }
        let block = self.block()?;
        let body = match form {
            Form::Join(method, wanted) => Some(HintBody::Join { method, wanted, tables: self.tables()? }),
            Form::Leading => Some(HintBody::Leading(self.tables()?)),
            Form::Index(mode) => {
                let (table, indexes) = self.table_and_indexes()?;
                Some(HintBody::Index { mode, table, indexes })
            }
            Form::IndexMerge => {
                let (table, indexes) = self.table_and_indexes()?;
                Some(HintBody::IndexMerge { table, indexes })
            }
            Form::Plain(plain) => Some(match plain {
                Plain::NoIndexMerge => HintBody::NoIndexMerge,
                Plain::StraightJoin => HintBody::StraightJoin,
                Plain::HashAgg => HintBody::HashAgg,
                Plain::StreamAgg => HintBody::StreamAgg,
                Plain::AggToCop => HintBody::AggToCop,
                Plain::LimitToCop => HintBody::LimitToCop,
            }),
            Form::MaxExecutionTime => self.number(name)?.map(HintBody::MaxExecutionTime),
            Form::MemoryQuota => {
                let number = self.number(name)?;
                let begin = self.skip_blanks();
                let shift = match self.identifier()?.to_ascii_uppercase().as_str() {
                    "MB" => 20,
                    "GB" => 30,
                    _ => {
                        self.at = begin;
                        return Err(Wrong);
                    }
                };
                number.and_then(|n| self.quota(n, shift))
            }
            Form::BlockName
            | Form::Variable
            | Form::ResourceGroup
            | Form::IndexMergeJoin
            | Form::Heeded
            | Form::Ignored => None,
        };
        self.expect(')')?;
        Ok(body.map(|body| HintSyntax { written, name, block, body }))
    }

    fn quota(&mut self, n: u64, shift: u32) -> Option<HintBody> {
        let max = i64::MAX as u64;
        if n <= max >> shift {
            return Some(HintBody::MemoryQuota(n << shift));
        }
        let message = format!("Max value of MEMORY_QUOTA is {max} bytes, ignore this invalid limit");
        self.warnings.push(PlanWarning { code: 8063, message });
        None
    }

    fn way(&mut self) -> Result<Vec<StepSyntax>, Wrong> {
        let mut out = vec![];
        loop {
            let view = match self.peek() {
                Some('@' | '.' | ')') => None,
                _ => Some(self.identifier()?),
            };
            out.push(StepSyntax { view, block: self.block()? });
            if !self.symbol('.') {
                return Ok(out);
            }
        }
    }

    fn tables(&mut self) -> Result<Vec<TableSyntax>, Wrong> {
        let mut out = vec![];
        if self.peek() == Some(')') {
            return Ok(out);
        }
        loop {
            out.push(self.table()?);
            if !self.symbol(',') {
                return Ok(out);
            }
        }
    }

    fn table(&mut self) -> Result<TableSyntax, Wrong> {
        let mut name = self.identifier()?;
        let mut database = None;
        if self.symbol('.') {
            database = Some(name);
            name = self.identifier()?;
        }
        let block = self.block()?;
        let mark = self.at;
        // `PARTITION (p0)` narrows READ_FROM_STORAGE in TiDB and is only carried along elsewhere.
        match self.identifier() {
            Ok(word) if word.eq_ignore_ascii_case("partition") && self.peek() == Some('(') => {
                self.skip_arguments()?;
            }
            _ => self.at = mark,
        }
        Ok(TableSyntax { database, name, block })
    }

    fn table_and_indexes(&mut self) -> Result<(TableSyntax, Vec<String>), Wrong> {
        let table = self.table()?;
        self.symbol(',');
        let mut indexes = vec![];
        while self.peek() != Some(')') {
            if !indexes.is_empty() {
                self.expect(',')?;
            }
            indexes.push(self.identifier()?);
        }
        Ok((table, indexes))
    }

    /// `@name`, if it is next.
    fn block(&mut self) -> Result<Option<String>, Wrong> {
        if self.symbol('@') { self.identifier().map(Some) } else { Ok(None) }
    }

    /// A number; `None`, and a warning, if it is too large.
    fn number(&mut self, hint: &str) -> Result<Option<u64>, Wrong> {
        let at = self.skip_blanks();
        let digits = self.text[at..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(Wrong);
        }
        self.at = at + digits;
        let text = &self.text[at..self.at];
        let number = text.parse().ok();
        if number.is_none() {
            let message = format!("integer value is out of range in '{text}' of {hint}");
            self.warnings.push(PlanWarning { code: 8065, message });
        }
        Ok(number)
    }

    /// A word, or anything in backticks.
    fn identifier(&mut self) -> Result<String, Wrong> {
        let at = self.skip_blanks();
        let rest = &self.text[at..];
        if let Some(quoted) = rest.strip_prefix('`') {
            let end = quoted.find('`').ok_or(Wrong)?;
            self.at = at + end + 2;
            return Ok(quoted[..end].to_owned());
        }
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        if end == 0 {
            return Err(Wrong);
        }
        self.at = at + end;
        Ok(rest[..end].to_owned())
    }

    /// A text in quotes, or a word or number.
    fn value(&mut self) -> Result<String, Wrong> {
        let at = self.skip_blanks();
        let rest = &self.text[at..];
        let quote = rest.chars().next().ok_or(Wrong)?;
        if matches!(quote, '\'' | '"') {
            let end = rest[1..].find(quote).ok_or(Wrong)?;
            self.at = at + end + 2;
            return Ok(rest[1..=end].to_owned());
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-' | '+');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(Wrong);
        }
        self.at = at + end;
        Ok(rest[..end].to_owned())
    }

    /// Everything from `(` to its `)`.
    fn skip_arguments(&mut self) -> Result<(), Wrong> {
        self.expect('(')?;
        let mut depth = 1;
        while depth > 0 {
            let c = self.text[self.at..].chars().next().ok_or(Wrong)?;
            self.at += c.len_utf8();
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn skip_blanks(&mut self) -> usize {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.at
    }

    fn peek(&mut self) -> Option<char> {
        let at = self.skip_blanks();
        self.text[at..].chars().next()
    }

    fn symbol(&mut self, symbol: char) -> bool {
        let found = self.peek() == Some(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    fn expect(&mut self, symbol: char) -> Result<(), Wrong> {
        if self.symbol(symbol) { Ok(()) } else { Err(Wrong) }
    }
}

#[cfg(test)]
mod tests;
