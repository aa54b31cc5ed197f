//! BATCH: a change of many rows as many changes of some, each of which is committed by itself.
//!
//! ```sql
//! batch on id limit 1000 delete from t where v < 5
//! ```
//! First a query says which values the column has, in order. It is cut where so many rows have passed and another value begins,
//! and each piece is the change with `c BETWEEN first AND last` before its own condition. What fails leaves the pieces before it
//! done, as in TiDB.

use std::cmp::Ordering;
use std::sync::Arc;

use allod_executor::Cancel;
use allod_planner::bind::{Batch, DryRun, Variables};
use allod_storage::schema::{Datum, SqlType};

use super::Session;
use crate::error::{Error, Result, code};
use crate::result::ResultSet;

/// The values from which and up to which a piece goes.
type Piece = (Datum, Datum);

impl Session {
    pub(super) fn batch(&mut self, batch: &Batch, cancel: &Cancel) -> Result<ResultSet> {
        if self.in_transaction() || !self.autocommit() {
            let message = format!(
                "non-transactional DML can only run in auto-commit mode. auto-commit:{}, inTxn:{}",
                self.autocommit(),
                self.in_transaction()
            );
            return Err(Error::new(code::UNKNOWN, message));
        }
        if self.snapshot.is_some() {
            let message = "can't do non-transactional DML when tidb_snapshot is set";
            return Err(Error::new(code::UNKNOWN, message));
        }
        if batch.dry_run == DryRun::Query {
            return ResultSet::text(&["query statement"], vec![vec![Some(batch.query.to_string())]]);
        }
        let pieces = self.pieces(batch, cancel)?;
        if batch.dry_run == DryRun::Pieces {
            let mut shown: Vec<&Piece> = pieces.first().into_iter().collect();
            shown.extend(pieces.last().filter(|_| pieces.len() > 1));
            let text = |piece: &Piece| change_of(batch, piece, [literal(&piece.0), literal(&piece.1)]).0;
            let rows = shown.into_iter().map(|piece| vec![Some(text(piece))]).collect();
            return ResultSet::text(&["split statement examples"], rows);
        }
        for (at, piece) in pieces.iter().enumerate() {
            let (text, params) = change_of(batch, piece, ["?", "?"].map(str::to_owned));
            self.cancel = cancel.clone();
            let outcome = self.execute_with(&text, &params).and_then(ResultSet::collect_batches);
            self.cancel = Cancel::default();
            if let Err(error) = outcome {
                // What fails at once is likely to fail everywhere, and is told as it is.
                if at == 0 {
                    return Err(error);
                }
                let message = format!(
                    "non-transactional job failed, job id: {}, total jobs: {}. job range: [{}, {}], job sql: {}, err: {}",
                    at + 1,
                    pieces.len(),
                    literal(&piece.0),
                    literal(&piece.1),
                    change_of(batch, piece, [literal(&piece.0), literal(&piece.1)]).0,
                    error.message()
                );
                return Err(Error::new(code::BATCH_FAILED, message));
            }
        }
        let done = vec![Some(pieces.len().to_string()), Some("all succeeded".to_owned())];
        ResultSet::text(&["number of jobs", "job status"], vec![done])
    }

    /// Where it is cut.
    fn pieces(&mut self, batch: &Batch, cancel: &Cancel) -> Result<Vec<Piece>> {
        // All rows, however many of them the session wants to see of a query.
        let query = match self.variables.system("sql_select_limit", false) {
            None | Some(Datum::UInt(u64::MAX)) => Arc::clone(&batch.query),
            _ => format!("{} LIMIT {}", batch.query, u64::MAX).into(),
        };
        self.cancel = cancel.clone();
        let values = self.execute(&query);
        self.cancel = Cancel::default();
        let mut pieces = Pieces { batch, all: Vec::new(), rows: 0 };
        if matches!(batch.ty, SqlType::Timestamp(_)) {
            // They come in the order of moments. Where clocks are put back that is not the order of what they show.
            let mut shown = values?.rows().map(|row| Ok(row?.value(0))).collect::<Result<Vec<_>>>()?;
            shown.sort_by(Datum::compare);
            shown.into_iter().for_each(|value| pieces.add(value));
            return Ok(pieces.all);
        }
        for row in values?.rows() {
            pieces.add(row?.value(0));
        }
        Ok(pieces.all)
    }
}

/// What is cut, value by value.
struct Pieces<'b> {
    batch: &'b Batch,
    all: Vec<Piece>,
    /// Of the last one.
    rows: u64,
}

impl Pieces<'_> {
    /// Adds a row with this value, which is not less than those before.
    fn add(&mut self, value: Datum) {
        match self.all.last_mut() {
            Some((_, last)) if self.rows < self.batch.rows.get() || is_one(&self.batch.ty, last, &value) => {
                *last = value;
            }
            _ => {
                self.all.push((value.clone(), value));
                self.rows = 0;
            }
        }
        self.rows += 1;
    }
}

/// Whether BETWEEN takes two values of a column for the same.
fn is_one(ty: &SqlType, a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::String(a), Datum::String(b)) if !ty.collation().is_plain() => {
            ty.collation().sort_key(a) == ty.collation().sort_key(b)
        }
        _ => a.compare(b) == Ordering::Equal,
    }
}

/// The change of a piece, whose ends are written so; and what these stand for if they are parameters.
fn change_of(batch: &Batch, (first, last): &Piece, [from, to]: [String; 2]) -> (String, Vec<Datum>) {
    let Batch { column, head, condition, tail, .. } = batch;
    let (piece, params) = match (first.is_null(), last.is_null()) {
        (true, true) => (format!("{column} IS NULL"), vec![]),
        (true, false) => (format!("({column} IS NULL OR {column} <= {to})"), vec![last.clone()]),
        (false, _) => (format!("{column} BETWEEN {from} AND {to}"), vec![first.clone(), last.clone()]),
    };
    let condition = condition.as_ref().map_or(String::new(), |condition| format!(" AND ({condition})"));
    let space = if tail.is_empty() { "" } else { " " };
    (format!("{head} WHERE ({piece}{condition}){space}{tail}"), params)
}

/// A value as SQL.
fn literal(value: &Datum) -> String {
    let text = value.to_string();
    let is_number = matches!(
        value,
        Datum::Null | Datum::Int(_) | Datum::UInt(_) | Datum::Decimal { .. } | Datum::Double(_)
    );
    if is_number { text } else { format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")) }
}
