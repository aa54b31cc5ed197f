//! PARTITION BY behind CREATE TABLE, and what ALTER TABLE does to partitions.
//!
//! ```text
//! PARTITION BY { [LINEAR] HASH (e) | [LINEAR] KEY [ALGORITHM = n] ([c, …]) | RANGE (e) | RANGE COLUMNS (c, …) | LIST (e) | LIST COLUMNS (c, …) }
//!   [PARTITIONS n]
//!   [(PARTITION p [VALUES LESS THAN { (v | MAXVALUE, …) | MAXVALUE } | VALUES IN (v | (v, …) | DEFAULT, …) | DEFAULT]
//!      [COMMENT 'text'] [ENGINE = x] …, …)]
//! ```
//! LINEAR is as good as nothing, with a warning, as in TiDB: it says only where rows lie, and there is nothing to gain from it
//! here. SUBPARTITION is read over, as in TiDB.

use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::split::Cursor;
use super::statement::{Failure, Source, Statement};
use super::upkeep::Upkeep;
use crate::bind::PartitionFault;

/// PARTITION BY.
#[derive(Clone, Debug)]
pub(crate) struct PartitionClause {
    pub by: PartitionBy,
    /// LINEAR.
    pub linear: bool,
    /// PARTITIONS n.
    pub count: Option<u64>,
    /// SUBPARTITION BY, which is read over.
    pub subpartitioned: bool,
    /// INTERVAL: partitions of one width.
    pub interval: Option<IntervalSyntax>,
    /// The partitions, if they are listed.
    pub definitions: Vec<PartitionDefinition>,
}

/// `INTERVAL (n [unit]) FIRST PARTITION LESS THAN (a) LAST PARTITION LESS THAN (z) [NULL PARTITION] [MAXVALUE PARTITION]`.
#[derive(Clone, Debug)]
pub(crate) struct IntervalSyntax {
    pub amount: ast::Expr,
    pub unit: Option<Ident>,
    pub first: Option<ast::Expr>,
    pub last: Option<ast::Expr>,
    pub null: bool,
    pub maxvalue: bool,
}

/// Which end of partitions of one width ALTER TABLE changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntervalEnd {
    /// FIRST PARTITION: what is before goes.
    First,
    /// LAST PARTITION: more come.
    Last,
    /// MERGE FIRST PARTITION: what is before becomes one.
    MergeFirst,
    /// SPLIT MAXVALUE PARTITION: more come out of the last one.
    SplitMaxvalue,
}

/// What rows are dealt by.
#[derive(Clone, Debug)]
pub(crate) enum PartitionBy {
    Hash(Text),
    /// Empty = the primary key.
    Key(Vec<Ident>),
    Range(Text),
    RangeColumns(Vec<Ident>),
    List(Text),
    ListColumns(Vec<Ident>),
}

/// An expression, and how it was written.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub text: String,
    pub expr: ast::Expr,
}

/// One partition.
#[derive(Clone, Debug)]
pub(crate) struct PartitionDefinition {
    pub name: Ident,
    pub values: PartitionValues,
    pub comment: String,
    pub placement: Option<String>,
    /// Whether it lists subpartitions, which are read over.
    pub subpartitioned: bool,
}

/// What a partition takes, as written.
#[derive(Clone, Debug)]
pub(crate) enum PartitionValues {
    Unsaid,
    /// `None` = MAXVALUE.
    LessThan(Vec<Option<ast::Expr>>),
    In {
        /// Tuples of one value have no parentheses of their own.
        tuples: Vec<ast::Expr>,
        default: bool,
    },
}

/// What ALTER TABLE does to partitions.
#[derive(Clone, Debug)]
pub(crate) enum PartitionChangeSyntax {
    Add {
        definitions: Vec<PartitionDefinition>,
        count: Option<u64>,
        /// Whether those that there are by name are left out.
        if_not_exists: bool,
    },
    Drop {
        names: Vec<Ident>,
        if_exists: bool,
    },
    /// Empty = ALL.
    Truncate(Vec<Ident>),
    Coalesce(u64),
    Reorganize {
        names: Vec<Ident>,
        into: Vec<PartitionDefinition>,
    },
    Exchange {
        partition: Ident,
        with: ObjectName,
        validation: bool,
    },
    /// `{ FIRST | LAST | MERGE FIRST | SPLIT MAXVALUE } PARTITION LESS THAN (bound)`.
    Interval {
        end: IntervalEnd,
        bound: ast::Expr,
    },
    /// PLACEMENT POLICY of a partition.
    Place {
        partition: Ident,
        policy: String,
    },
    Remove,
    By {
        clause: PartitionClause,
        /// UPDATE INDEXES: whether each is global from now on.
        indexes: Vec<(Ident, bool)>,
    },
}

impl Source<'_> {
    /// `PARTITION BY …` if it is next.
    pub(super) fn partition_clause(&mut self) -> Result<Option<PartitionClause>, Failure> {
        if !self.word("PARTITION") {
            return Ok(None);
        }
        self.expect_word("BY")?;
        self.partition_by().map(Some)
    }

    fn partition_by(&mut self) -> Result<PartitionClause, Failure> {
        let linear = self.word("LINEAR");
        let by = if self.word("HASH") {
            PartitionBy::Hash(self.partition_expression()?)
        } else if self.word("KEY") {
            if self.word("ALGORITHM") {
                self.parser.expect_token(&Token::Eq)?;
                self.parser.parse_literal_uint()?;
            }
            PartitionBy::Key(self.partition_columns()?)
        } else if linear {
            let found = self.parser.peek_token_ref();
            return Ok(self.parser.expected_ref("HASH or KEY", found)?);
        } else if self.word("RANGE") {
            match self.word("COLUMNS") {
                true => PartitionBy::RangeColumns(self.partition_columns()?),
                false => PartitionBy::Range(self.partition_expression()?),
            }
        } else if self.word("LIST") {
            match self.word("COLUMNS") {
                true => PartitionBy::ListColumns(self.partition_columns()?),
                false => PartitionBy::List(self.partition_expression()?),
            }
        } else {
            let found = self.parser.peek_token_ref();
            return Ok(self.parser.expected_ref("HASH, KEY, RANGE or LIST", found)?);
        };
        let interval = self.interval()?;
        let count = if self.word("PARTITIONS") { Some(self.parser.parse_literal_uint()?) } else { None };
        let subpartitioned = self.word("SUBPARTITION");
        if subpartitioned {
            self.subpartition_by()?;
        }
        let definitions = match self.parser.peek_token_ref().token {
            Token::LParen => self.partition_definitions()?,
            _ => Vec::new(),
        };
        let dealt = matches!(by, PartitionBy::Hash(_) | PartitionBy::Key(_));
        if subpartitioned && dealt || !subpartitioned && definitions.iter().any(|d| d.subpartitioned) {
            return Err(Failure::Ours(PartitionFault::Subpartition.into()));
        }
        Ok(PartitionClause { by, linear, count, subpartitioned, interval, definitions })
    }

    /// `INTERVAL (…) …`, if it is next.
    fn interval(&mut self) -> Result<Option<IntervalSyntax>, Failure> {
        if !self.word("INTERVAL") {
            return Ok(None);
        }
        self.parser.expect_token(&Token::LParen)?;
        let amount = self.parser.parse_expr()?;
        let unit = match &self.parser.peek_token_ref().token {
            Token::Word(_) => Some(self.parser.parse_identifier()?),
            _ => None,
        };
        self.parser.expect_token(&Token::RParen)?;
        let (mut first, mut last) = (None, None);
        if self.word("FIRST") {
            first = Some(self.less_than()?);
            self.expect_word("LAST")?;
            last = Some(self.less_than()?);
        }
        let null = self.word("NULL");
        if null {
            self.expect_word("PARTITION")?;
        }
        let maxvalue = self.word("MAXVALUE");
        if maxvalue {
            self.expect_word("PARTITION")?;
        }
        Ok(Some(IntervalSyntax { amount, unit, first, last, null, maxvalue }))
    }

    /// `PARTITION LESS THAN (bound)`.
    fn less_than(&mut self) -> Result<ast::Expr, Failure> {
        for word in ["PARTITION", "LESS", "THAN"] {
            self.expect_word(word)?;
        }
        self.parser.expect_token(&Token::LParen)?;
        let bound = self.parser.parse_expr()?;
        self.parser.expect_token(&Token::RParen)?;
        Ok(bound)
    }

    /// Behind `SUBPARTITION`.
    fn subpartition_by(&mut self) -> Result<(), Failure> {
        self.expect_word("BY")?;
        self.word("LINEAR");
        if self.word("HASH") {
            self.partition_expression()?;
        } else {
            self.expect_word("KEY")?;
            if self.word("ALGORITHM") {
                self.parser.expect_token(&Token::Eq)?;
                self.parser.parse_literal_uint()?;
            }
            self.partition_columns()?;
        }
        if self.word("SUBPARTITIONS") {
            self.parser.parse_literal_uint()?;
        }
        Ok(())
    }

    /// `(SUBPARTITION s …, …)`, if it is next.
    fn subpartitions(&mut self) -> Result<bool, Failure> {
        let below = matches!(&self.parser.peek_nth_token(1).token, Token::Word(w) if w.value.eq_ignore_ascii_case("SUBPARTITION"));
        if !below || !self.parser.consume_token(&Token::LParen) {
            return Ok(false);
        }
        loop {
            self.expect_word("SUBPARTITION")?;
            let _ = self.parser.parse_identifier()?;
            self.partition_options()?;
            if !self.parser.consume_token(&Token::Comma) {
                self.parser.expect_token(&Token::RParen)?;
                return Ok(true);
            }
        }
    }

    /// What is said of how a partition is kept; its comment and its placement policy.
    fn partition_options(&mut self) -> Result<(String, Option<String>), Failure> {
        let (mut comment, mut placement) = (String::new(), None);
        while let Token::Word(word) = &self.parser.peek_token_ref().token {
            match word.value.to_ascii_uppercase().as_str() {
                "COMMENT" => {
                    self.parser.next_token();
                    let _ = self.parser.consume_token(&Token::Eq);
                    comment = self.parser.parse_literal_string()?;
                }
                "PLACEMENT" => placement = self.placed()?,
                // Where and how it is kept: one answer to all of them here.
                "STORAGE" | "DATA" | "INDEX" => {
                    self.parser.next_token();
                }
                "ENGINE" | "DIRECTORY" | "MAX_ROWS" | "MIN_ROWS" | "TABLESPACE" | "NODEGROUP" => {
                    self.parser.next_token();
                    let _ = self.parser.consume_token(&Token::Eq);
                    self.parser.next_token();
                }
                _ => break,
            }
        }
        Ok((comment, placement))
    }

    /// `(expr)`, with its text.
    fn partition_expression(&mut self) -> Result<Text, Failure> {
        let open = self.parser.expect_token(&Token::LParen)?;
        let expr = self.parser.parse_expr()?;
        let close = self.parser.expect_token(&Token::RParen)?;
        let mut cursor = Cursor::new(self.text, self.start);
        let from = cursor.advance_to(open.span.end);
        let to = cursor.advance_to(close.span.start);
        Ok(Text { text: self.text[from..to].trim().to_owned(), expr })
    }

    /// `(a, b)`, possibly empty.
    fn partition_columns(&mut self) -> Result<Vec<Ident>, Failure> {
        self.parser.expect_token(&Token::LParen)?;
        if self.parser.consume_token(&Token::RParen) {
            return Ok(Vec::new());
        }
        let columns = self.parser.parse_comma_separated(|p| p.parse_identifier())?;
        self.parser.expect_token(&Token::RParen)?;
        Ok(columns)
    }

    /// `(PARTITION p …, …)`.
    fn partition_definitions(&mut self) -> Result<Vec<PartitionDefinition>, Failure> {
        self.parser.expect_token(&Token::LParen)?;
        let mut out = Vec::new();
        loop {
            self.expect_word("PARTITION")?;
            let name = self.parser.parse_identifier()?;
            let values = self.partition_values()?;
            let (comment, placement) = self.partition_options()?;
            let subpartitioned = self.subpartitions()?;
            out.push(PartitionDefinition { name, values, comment, placement, subpartitioned });
            if !self.parser.consume_token(&Token::Comma) {
                self.parser.expect_token(&Token::RParen)?;
                return Ok(out);
            }
        }
    }

    fn partition_values(&mut self) -> Result<PartitionValues, Failure> {
        if self.word("DEFAULT") {
            return Ok(PartitionValues::In { tuples: Vec::new(), default: true });
        }
        if !self.word("VALUES") {
            return Ok(PartitionValues::Unsaid);
        }
        if self.word("LESS") {
            self.expect_word("THAN")?;
            if self.word("MAXVALUE") {
                return Ok(PartitionValues::LessThan(vec![None]));
            }
            self.parser.expect_token(&Token::LParen)?;
            let mut bounds = Vec::new();
            loop {
                bounds.push(if self.word("MAXVALUE") { None } else { Some(self.parser.parse_expr()?) });
                if !self.parser.consume_token(&Token::Comma) {
                    self.parser.expect_token(&Token::RParen)?;
                    return Ok(PartitionValues::LessThan(bounds));
                }
            }
        }
        self.parser.expect_keyword_is(Keyword::IN)?;
        self.parser.expect_token(&Token::LParen)?;
        let (mut tuples, mut default) = (Vec::new(), false);
        loop {
            if self.word("DEFAULT") {
                default = true;
            } else {
                tuples.push(self.parser.parse_expr()?);
            }
            if !self.parser.consume_token(&Token::Comma) {
                self.parser.expect_token(&Token::RParen)?;
                return Ok(PartitionValues::In { tuples, default });
            }
        }
    }

    /// `ALTER TABLE t` followed by a change of partitions; nothing is consumed if something else follows.
    pub(super) fn alter_partitions(&mut self) -> Result<Option<Statement>, Failure> {
        let word = |s: &Self, n: usize| match s.parser.peek_nth_token(n).token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            _ => String::new(),
        };
        let qualified = self.parser.peek_nth_token(3).token == Token::Period;
        let at = if qualified { 5 } else { 3 };
        let ours = word(self, 1) == "TABLE"
            && match word(self, at).as_str() {
                "ADD" | "DROP" | "TRUNCATE" | "COALESCE" | "REORGANIZE" | "EXCHANGE" | "ANALYZE"
                | "CHECK" | "OPTIMIZE" | "REBUILD" | "REPAIR" => word(self, at + 1) == "PARTITION",
                "FIRST" | "LAST" => word(self, at + 1) == "PARTITION",
                "MERGE" => word(self, at + 1) == "FIRST",
                "SPLIT" => word(self, at + 1) == "MAXVALUE",
                "REMOVE" => word(self, at + 1) == "PARTITIONING",
                "PARTITION" => true,
                _ => false,
            };
        if !ours {
            return Ok(None);
        }
        self.parser.next_token();
        self.parser.next_token();
        let table = self.parser.parse_object_name(false)?;
        let verb = word(self, 0);
        self.parser.next_token();
        let end = match verb.as_str() {
            "FIRST" => Some(IntervalEnd::First),
            "LAST" => Some(IntervalEnd::Last),
            "MERGE" => Some(IntervalEnd::MergeFirst),
            "SPLIT" => Some(IntervalEnd::SplitMaxvalue),
            _ => None,
        };
        if let Some(end) = end {
            if matches!(end, IntervalEnd::MergeFirst | IntervalEnd::SplitMaxvalue) {
                self.parser.next_token();
            }
            let change = PartitionChangeSyntax::Interval { end, bound: self.less_than()? };
            return Ok(Some(Statement::AlterPartitions { table, change }));
        }
        if verb == "PARTITION" && word(self, 0) != "BY" {
            let partition = self.parser.parse_identifier()?;
            let Some(policy) = self.placed()? else {
                let found = self.parser.peek_token_ref();
                return Ok(self.parser.expected_ref("PLACEMENT POLICY", found)?);
            };
            let change = PartitionChangeSyntax::Place { partition, policy };
            return Ok(Some(Statement::AlterPartitions { table, change }));
        }
        self.parser.next_token();
        let upkeep = match verb.as_str() {
            "ANALYZE" => Some(Upkeep::Analyze),
            "CHECK" => Some(Upkeep::Check),
            "OPTIMIZE" => Some(Upkeep::Optimize),
            "REBUILD" => Some(Upkeep::Rebuild),
            "REPAIR" => Some(Upkeep::Repair),
            _ => None,
        };
        if let Some(what) = upkeep {
            return self.upkeep_of(what, table).map(Some);
        }
        let change = match verb.as_str() {
            "ADD" => {
                let if_not_exists = self.word("IF");
                if if_not_exists {
                    self.expect_word("NOT")?;
                    self.expect_word("EXISTS")?;
                }
                let _ = self.word("NO_WRITE_TO_BINLOG") || self.word("LOCAL");
                let (mut definitions, mut count) = (Vec::new(), None);
                if self.word("PARTITIONS") {
                    count = Some(self.parser.parse_literal_uint()?);
                } else {
                    definitions = self.partition_definitions()?;
                }
                PartitionChangeSyntax::Add { definitions, count, if_not_exists }
            }
            "DROP" => {
                let if_exists = self.word("IF");
                if if_exists {
                    self.expect_word("EXISTS")?;
                }
                PartitionChangeSyntax::Drop { names: self.partition_names()?, if_exists }
            }
            "TRUNCATE" => {
                let all = self.word("ALL");
                PartitionChangeSyntax::Truncate(if all { Vec::new() } else { self.partition_names()? })
            }
            "COALESCE" => PartitionChangeSyntax::Coalesce(self.parser.parse_literal_uint()?),
            "REORGANIZE" => {
                if self.parser.peek_token_ref().token == Token::EOF {
                    PartitionChangeSyntax::Reorganize { names: Vec::new(), into: Vec::new() }
                } else {
                    let names = self.partition_names()?;
                    self.expect_word("INTO")?;
                    PartitionChangeSyntax::Reorganize { names, into: self.partition_definitions()? }
                }
            }
            "EXCHANGE" => {
                let partition = self.parser.parse_identifier()?;
                self.expect_word("WITH")?;
                self.expect_word("TABLE")?;
                let with = self.parser.parse_object_name(false)?;
                let without = self.word("WITHOUT");
                if without || self.word("WITH") {
                    self.expect_word("VALIDATION")?;
                }
                PartitionChangeSyntax::Exchange { partition, with, validation: !without }
            }
            "REMOVE" => PartitionChangeSyntax::Remove,
            // `PARTITION BY`, of which both words are consumed.
            _ => PartitionChangeSyntax::By { clause: self.partition_by()?, indexes: self.update_indexes()? },
        };
        Ok(Some(Statement::AlterPartitions { table, change }))
    }

    /// `UPDATE INDEXES (i GLOBAL, j LOCAL)`, if it is next.
    fn update_indexes(&mut self) -> Result<Vec<(Ident, bool)>, Failure> {
        let mut indexes = Vec::new();
        if !self.word("UPDATE") {
            return Ok(indexes);
        }
        self.expect_word("INDEXES")?;
        self.parser.expect_token(&Token::LParen)?;
        loop {
            let name = self.parser.parse_identifier()?;
            let global = self.word("GLOBAL");
            if !global {
                self.expect_word("LOCAL")?;
            }
            indexes.push((name, global));
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        self.parser.expect_token(&Token::RParen)?;
        Ok(indexes)
    }

    fn partition_names(&mut self) -> Result<Vec<Ident>, Failure> {
        Ok(self.parser.parse_comma_separated(|p| p.parse_identifier())?)
    }
}

/// `INSERT INTO t PARTITION (p) (a, b) …` as `INSERT INTO t (a, b) PARTITION (p) …`, the order that the library knows.
pub(super) fn insert_statement(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let solid =
        |from: usize| (from..tokens.len()).find(|i| !matches!(tokens[*i].token, Token::Whitespace(_)));
    let closed = |open: usize| {
        let inside = tokens[open + 1..].iter().position(|t| matches!(t.token, Token::LParen | Token::RParen));
        inside.map(|i| open + 1 + i).filter(|i| tokens[*i].token == Token::RParen)
    };
    let swapped = || {
        // Before the rows come, PARTITION is no part of an expression.
        let word = |t: &TokenWithSpan| match &t.token {
            Token::Word(w) if w.quote_style.is_none() => Some(w.keyword),
            _ => None,
        };
        let rows = |k| {
            matches!(k, Keyword::VALUES | Keyword::VALUE | Keyword::SELECT | Keyword::SET | Keyword::WITH)
        };
        let end = tokens.iter().position(|t| word(t).is_some_and(rows)).unwrap_or(tokens.len());
        let at = tokens[..end].iter().position(|t| word(t) == Some(Keyword::PARTITION))?;
        let names = solid(at + 1).filter(|i| tokens[*i].token == Token::LParen)?;
        let names_end = closed(names)?;
        let columns = solid(names_end + 1).filter(|i| tokens[*i].token == Token::LParen && *i < end)?;
        let columns_end = closed(columns)?;
        let first = solid(columns + 1)?;
        if word(&tokens[first]).is_some_and(|k| rows(k) || k == Keyword::TABLE) {
            return None;
        }
        let pieces =
            [&tokens[..at], &tokens[columns..=columns_end], &tokens[at..columns], &tokens[columns_end + 1..]];
        Some(pieces.concat())
    };
    swapped().unwrap_or_else(|| tokens.to_vec())
}
