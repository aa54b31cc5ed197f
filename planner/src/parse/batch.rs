//! `BATCH [ON c] LIMIT n [DRY RUN [QUERY]]` before DELETE, UPDATE and INSERT … SELECT: a change of many rows as many changes of some.
//!
//! The change is kept as a text with a gap where its condition stands: each piece of the work is that text with the values
//! of the rows that it is about in the gap.

use sqlparser::ast::{
    self, AssignmentTarget, FromTable, Ident, ObjectName, SetExpr, TableFactor, TableWithJoins,
};
use sqlparser::tokenizer::{Location, Token};

use super::split::Cursor;
use super::statement::{Failure, Source, Statement};
use crate::error::Error;

/// What of it is shown instead of done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// Nothing: it is done.
    No,
    /// The query that says where to cut.
    Query,
    /// The first and the last piece.
    Pieces,
}

/// The statement as syntax.
#[derive(Clone, Debug)]
pub(crate) struct BatchSyntax {
    /// By what it is cut.
    pub column: Option<Ident>,
    /// Rows of a piece.
    pub rows: u64,
    pub dry_run: DryRun,
    /// The one table that it reads.
    pub table: ObjectName,
    pub alias: Option<String>,
    /// What UPDATE gives values to.
    pub assigned: Vec<String>,
    /// Its text up to WHERE.
    pub head: String,
    /// What stands behind WHERE.
    pub condition: Option<String>,
    /// What stands behind that.
    pub tail: String,
}

/// What may stand behind a condition.
const BEHIND: [&str; 9] =
    ["GROUP", "HAVING", "ORDER", "LIMIT", "ON", "UNION", "EXCEPT", "INTERSECT", "WINDOW"];

impl Source<'_> {
    /// From `BATCH` on.
    pub(super) fn batch(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let mut column = None;
        if self.word("ON") {
            column = self.parser.parse_object_name(false)?.0.pop().and_then(|part| part.as_ident().cloned());
        }
        self.expect_word("LIMIT")?;
        let rows = self.parser.parse_literal_uint()?;
        let mut dry_run = DryRun::No;
        if self.word("DRY") {
            self.expect_word("RUN")?;
            dry_run = if self.word("QUERY") { DryRun::Query } else { DryRun::Pieces };
        }
        let (first, begin) = (self.parser.index(), self.parser.peek_token_ref().span.start);
        let change = self.parser.parse_statement()?;
        let (table, alias, assigned) = read(&change).map_err(Failure::Ours)?;
        let (condition, end) = self.condition_since(first);
        let mut cursor = Cursor::new(self.text, self.start);
        let mut until = |place: Option<Location>| match place {
            Some(place) => cursor.advance_to(place),
            None => self.text.len(),
        };
        let from = until(Some(begin));
        let cut = |from: usize, to: usize| self.text[from..to].trim().to_owned();
        let (head, condition, tail) = match condition {
            Some((place, behind)) => {
                let (place, behind, end) = (until(Some(place)), until(Some(behind)), until(end));
                (cut(from, place), Some(cut(behind, end)), cut(end, self.text.len()))
            }
            None => {
                let end = until(end);
                (cut(from, end), None, cut(end, self.text.len()))
            }
        };
        let batch = BatchSyntax { column, rows, dry_run, table, alias, assigned, head, condition, tail };
        Ok(Statement::Batch(Box::new(batch)))
    }

    /// Where WHERE and what is behind it begin, and where that ends, among the tokens from the first one on.
    fn condition_since(&mut self, first: usize) -> (Option<(Location, Location)>, Option<Location>) {
        let last = self.parser.index();
        while self.parser.index() > first {
            self.parser.prev_token();
        }
        let (mut depth, mut condition, mut end) = (0usize, None, None);
        // `ON` of INSERT … ON DUPLICATE KEY, and whatever stands behind the one table.
        while self.parser.index() < last {
            let token = self.parser.next_token();
            match &token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                Token::Word(w) if depth == 0 && w.quote_style.is_none() && end.is_none() => {
                    if condition.is_none() && w.value.eq_ignore_ascii_case("WHERE") {
                        condition = Some((token.span.start, token.span.end));
                    } else if BEHIND.iter().any(|word| w.value.eq_ignore_ascii_case(word)) {
                        end = Some(token.span.start);
                    }
                }
                _ => {}
            }
        }
        (condition, end)
    }
}

/// The one table that a change reads, what it is called there, and the columns that it gives values to.
fn read(change: &ast::Statement) -> Result<(ObjectName, Option<String>, Vec<String>), Error> {
    let wrong = |what: &str| Err(Error::Batch(format!("Non-transactional {what}")));
    let (table, assigned) = match change {
        ast::Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            if !delete.order_by.is_empty() {
                return wrong("statements don't support order by");
            }
            if delete.limit.is_some() {
                return wrong("statements don't support limit");
            }
            match (&from[..], delete.tables.is_empty() && delete.using.is_none()) {
                ([table], true) => (table, Vec::new()),
                _ => return wrong("delete doesn't support multiple tables"),
            }
        }
        ast::Statement::Update(update) => {
            if !update.order_by.is_empty() {
                return wrong("statements don't support order by");
            }
            if update.limit.is_some() {
                return wrong("statements don't support limit");
            }
            let names = update.assignments.iter().flat_map(|assignment| match &assignment.target {
                AssignmentTarget::ColumnName(name) => vec![name],
                AssignmentTarget::Tuple(names) => names.iter().collect(),
            });
            let last = |name: &ObjectName| Some(name.0.last()?.as_ident()?.value.to_lowercase());
            (&update.table, names.filter_map(last).collect())
        }
        ast::Statement::Insert(insert) => match insert.source.as_ref().map(|query| (query, &*query.body)) {
            Some((query, SetExpr::Select(select))) if select.from.len() == 1 => {
                if query.order_by.is_some() {
                    return wrong("statements don't support order by");
                }
                if query.limit_clause.is_some() {
                    return wrong("statements don't support limit");
                }
                (&select.from[0], Vec::new())
            }
            Some((_, SetExpr::Select(_))) => return wrong("insert doesn't support multiple tables"),
            _ => return wrong("insert supports insert select stmt only"),
        },
        _ => return wrong("DML supports delete, update and insert select only"),
    };
    let TableWithJoins { relation: TableFactor::Table { name, alias, .. }, joins } = table else {
        return wrong("DML supports tables only");
    };
    if !joins.is_empty() {
        return wrong("DML doesn't support multiple tables");
    }
    Ok((name.clone(), alias.as_ref().map(|alias| alias.name.value.clone()), assigned))
}
