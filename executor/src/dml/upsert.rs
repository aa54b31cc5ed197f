//! INSERT where a key that is taken is no error: REPLACE, INSERT IGNORE, ON DUPLICATE KEY UPDATE.
//!
//! Rows come one after another, and each meets what the ones before it have left: two rows of one REPLACE that share a key leave
//! the second. So the statement has a view of its own ([`View`]), of which it asks for the keys of all rows to
//! insert at once.
//!
//! ```text
//! row to insert ── its keys, primary first ── who has them? ── nobody            it comes
//!                                                           ── REPLACE           they go, it comes
//!                                                           ── IGNORE            a warning
//!                                                           ── DUPLICATE KEY     the first of them is changed
//! ```
//! What ON DUPLICATE KEY UPDATE assigns is computed for many rows at once, as long as none of them is about a row that another one
//! of them is about, and no assignment is to a column of a key.
//!
//! Changes are puts, not inserts: that a key is free was read at the statement's snapshot, and that it still is is what a commit or
//! a lock finds out anyway: then the statement runs again, and does not fail.

use std::collections::BTreeSet;
use std::sync::Arc;

use allod_planner::checks::RowChecks;
use allod_planner::column::ColumnId;
use allod_planner::foreign::ForeignKeys;
use allod_planner::generated::GeneratedColumns;
use allod_planner::partition::PartitionFunction;
use allod_planner::physical::{OnDuplicate, RowUpdate};
use allod_storage::key::Key;
use allod_storage::schema::TableDescriptor;
use arrow::array::{ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{or, take};

use super::changes::{Changes, duplicate};
use super::checks::violations;
use super::insert::{given_number, is_unsigned, numbering};
use super::refused::Refusals;
use super::rows::{Held, Rows, gather};
use super::view::View;
use super::{door, generate_by, not_null};
use crate::batch::Batch;
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::execute::{Affected, Destination, RowIds};
use crate::key::Exprs;

/// Rows whose assignments are computed at once, at most.
const RUN_ROWS: usize = 1024;

/// Rows to insert.
pub(super) struct Source<'a> {
    pub table: &'a TableDescriptor,
    pub partition: Option<&'a PartitionFunction>,
    /// Generated columns; `None` if the table has none.
    pub generated: Option<&'a GeneratedColumns>,
    /// CHECK constraints; `None` if none is enforced.
    pub checks: Option<&'a RowChecks>,
    /// Foreign keys; `None` if there are none to heed.
    pub foreign: Option<&'a ForeignKeys>,
    /// All columns of the table, in the forms that are stored.
    pub columns: Vec<ArrayRef>,
    /// What ON DUPLICATE KEY UPDATE needs besides.
    pub extra: Vec<ArrayRef>,
    /// What its expressions call the visible columns, and `extra`.
    pub ids: &'a [ColumnId],
    /// For each row whether the engine has numbered it; none = no row.
    pub numbered: Vec<bool>,
}

/// Inserts rows; what is in their way is dealt with as `on_duplicate` says.
pub(super) fn insert(
    builder: &mut Builder,
    source: Source<'_>,
    on_duplicate: &OnDuplicate,
    row_ids: &dyn RowIds,
    destination: Destination,
    changes: &mut Changes<'_>,
) -> Result<(Affected, (u64, u64))> {
    let new = Arc::new(Rows::new(source.table, source.columns.clone(), source.partition)?);
    let reservation = builder.runner.context.memory.reservation();
    let view = View::new(source.table, source.partition, reservation);
    let violations = violations(source.checks, &source.columns)?;
    let refused = match source.foreign.filter(|_| on_duplicate.ignores()) {
        Some(foreign) => {
            let rows: Vec<Held> = (0..new.len()).map(|row| Held { rows: Arc::clone(&new), row }).collect();
            Some(Refusals::of(builder, foreign, source.table, (None, &rows))?)
        }
        None => None,
    };
    let mut upsert = Upsert {
        builder,
        violations,
        refused,
        ignore: on_duplicate.ignores(),
        source,
        new,
        view,
        changes,
        destination,
        affected: Affected::default(),
        growth: (0, 0),
    };
    let rows: Vec<usize> = (0..upsert.new.len()).collect();
    let new = Arc::clone(&upsert.new);
    upsert.view.learn(upsert.builder, &new, &rows)?;
    match on_duplicate {
        OnDuplicate::Fail => return Err(Error::Plan("an insert that looks for nothing".into())),
        OnDuplicate::Skip => upsert.skip()?,
        OnDuplicate::Replace => upsert.replace()?,
        OnDuplicate::Update(update) => upsert.update(update, row_ids)?,
    }
    let affected = Affected { records: rows.len() as u64, ..upsert.affected };
    Ok((affected, upsert.growth))
}

struct Upsert<'b, 's, 'c, 'd> {
    builder: &'b mut Builder,
    source: Source<'s>,
    new: Arc<Rows>,
    /// The CHECK constraint that each row to insert violates; empty = none does.
    violations: Vec<Option<Error>>,
    /// Whether that is a warning.
    ignore: bool,
    /// Then also the foreign keys that rows to insert would break.
    refused: Option<Refusals<'s>>,
    view: View<'s>,
    changes: &'c mut Changes<'d>,
    destination: Destination,
    affected: Affected,
    /// Rows that came, and rows that went.
    growth: (u64, u64),
}

impl Upsert<'_, '_, '_, '_> {
    /// INSERT IGNORE.
    fn skip(&mut self) -> Result<()> {
        for row in 0..self.new.len() {
            match self.view.first_taken(&self.new, row) {
                None => self.arrives(row)?,
                Some((key, _)) => {
                    self.affected.duplicates += 1;
                    let wanted = self.new.row(row, 0);
                    self.builder.warnings.push(duplicate(self.source.table, &key, Some(&wanted)));
                    self.keep(key)?;
                }
            }
        }
        self.affected.matched = self.affected.rows;
        Ok(())
    }

    /// REPLACE.
    fn replace(&mut self) -> Result<()> {
        for row in 0..self.new.len() {
            let mut identical = false;
            for held in self.view.all_taken(&self.new, row) {
                // A row that is there as it is stays, and counts as one that came.
                if held.is_like(&self.new, row, self.source.table)? {
                    identical = true;
                    self.keep(held.key(0))?;
                    continue;
                }
                self.changes.remove(&held.rows, held.row)?;
                self.view.removed(&held);
                self.affected.rows += 1;
                self.growth.1 += 1;
                self.affected.duplicates += 1;
            }
            match identical {
                true => self.affected.rows += 1,
                false => self.arrives(row)?,
            }
        }
        self.affected.matched = self.affected.rows;
        Ok(())
    }

    /// A row whose keys are free.
    fn arrives(&mut self, row: usize) -> Result<()> {
        if let Some(violated) = self.violations.get_mut(row).and_then(Option::take) {
            if !self.ignore {
                return Err(violated);
            }
            self.affected.duplicates += 1;
            self.builder.warnings.push(violated);
            return Ok(());
        }
        let held = Held { rows: Arc::clone(&self.new), row };
        let refused = self.refused.as_mut().map(|refused| refused.comes(row, &held)).transpose()?;
        if let Some(refusal) = refused.flatten() {
            self.affected.duplicates += 1;
            self.builder.warnings.push(refusal);
            return Ok(());
        }
        self.changes.put(&self.new, row)?;
        self.view.came(&self.new, row);
        self.affected.rows += 1;
        self.growth.0 += 1;
        if self.affected.last_insert_id == 0 && self.source.numbered.get(row) == Some(&true) {
            self.affected.last_insert_id = number_of(self.source.table, &self.source.columns, row);
        }
        Ok(())
    }

    /// What is at a key was looked at, and others shall not change it before this transaction is done.
    fn keep(&mut self, key: Key) -> Result<()> {
        match self.destination {
            Destination::Transaction => self.changes.keep_key(key),
            Destination::Commit => Ok(()),
        }
    }

    /// ON DUPLICATE KEY UPDATE.
    fn update(&mut self, update: &RowUpdate, row_ids: &dyn RowIds) -> Result<()> {
        let table = self.source.table;
        let ids: Vec<ColumnId> = update.old.iter().chain(self.source.ids).copied().collect();
        let exprs = Exprs::compile(update.new.iter().map(|(_, e)| e), &ids)?;
        // What is generated may decide, too, and may depend on anything.
        let moves = self.source.generated.is_some()
            || update.new.iter().any(|(ordinal, _)| self.view.decides(*ordinal));
        let run_rows = if moves { 1 } else { RUN_ROWS };
        let mut run = Run::default();
        for row in 0..self.new.len() {
            if run.rows.len() >= run_rows {
                self.finish(&mut run, update, &exprs, row_ids)?;
            }
            let Some((_, held)) = self.view.first_taken(&self.new, row) else {
                self.arrives(row)?;
                self.affected.matched += 1;
                continue;
            };
            let held = if run.about.contains(&held.key(0)) {
                self.finish(&mut run, update, &exprs, row_ids)?;
                // No key has changed, so it is the same row, as it is by now.
                match self.view.first_taken(&self.new, row) {
                    Some((_, held)) => held,
                    None => return Err(Error::Plan(format!("a row of {} has lost its key", table.name))),
                }
            } else {
                held
            };
            run.about.insert(held.key(0));
            run.held.push(held);
            run.rows.push(row as u32);
        }
        self.finish(&mut run, update, &exprs, row_ids)
    }

    /// Changes the rows of a run.
    fn finish(
        &mut self,
        run: &mut Run,
        update: &RowUpdate,
        exprs: &Exprs,
        row_ids: &dyn RowIds,
    ) -> Result<()> {
        let Run { rows, held, about: _ } = std::mem::take(run);
        if rows.is_empty() {
            return Ok(());
        }
        let table = self.source.table;
        let old = gather(table, &held)?;
        let rows = UInt32Array::from(rows);
        let visible = table.visible_columns().map(|o| &self.source.columns[o]);
        let given = visible.chain(&self.source.extra).map(|column| take(column, &rows, None));
        let given: Vec<ArrayRef> = given.collect::<Result<_, _>>()?;
        let batch = Batch::new(old.iter().chain(&given).cloned().collect(), held.len());
        let computed = exprs.eval(&batch, &mut self.builder.scratch)?;
        let types = update.new.iter().map(|(ordinal, _)| &table.columns[*ordinal].ty);
        let computed = door(types, &computed)?;

        let mut columns = old.clone();
        for ((ordinal, _), column) in update.new.iter().zip(computed) {
            columns[*ordinal] = column;
        }
        let columns = generate_by(table, self.source.generated, columns, &mut self.builder.scratch)?;
        let mut violations = violations(self.source.checks, &columns)?.into_iter();
        let mut changed = BooleanArray::from(vec![false; held.len()]);
        for (before, after) in old.iter().zip(&columns) {
            if !Arc::ptr_eq(before, after) {
                changed = or(&changed, &distinct(before, after)?)?;
            }
        }
        not_null(table, &columns)?;
        let new = Arc::new(Rows::new(table, columns, self.source.partition)?);
        let asked: Vec<usize> = (0..new.len()).filter(|&row| changed.value(row)).collect();
        self.view.learn(self.builder, &new, &asked)?;
        let mut refused = match self.source.foreign.filter(|_| update.ignore) {
            Some(foreign) => {
                let news: Vec<Held> =
                    (0..new.len()).map(|row| Held { rows: Arc::clone(&new), row }).collect();
                Some(Refusals::of(self.builder, foreign, table, (Some(&held), &news))?)
            }
            None => None,
        };
        for (row, held) in held.iter().enumerate() {
            self.affected.matched += 1;
            let mut violated = violations.next().flatten();
            if let Some(refused) = refused.as_mut().filter(|_| changed.value(row) && violated.is_none()) {
                violated = refused.comes(row, &Held { rows: Arc::clone(&new), row })?;
            }
            if !changed.value(row) {
                self.keep(held.key(0))?;
                continue;
            }
            if let Some(violated) = violated {
                if !update.ignore {
                    return Err(violated);
                }
                self.builder.warnings.push(violated);
                self.keep(held.key(0))?;
                continue;
            }
            self.view.removed(held);
            if let Some((key, _)) = self.view.first_taken(&new, row) {
                let taken = duplicate(table, &key, Some(&new.row(row, 0)));
                if !update.ignore {
                    return Err(taken);
                }
                self.view.came(&held.rows, held.row);
                self.builder.warnings.push(taken);
                self.keep(key)?;
                continue;
            }
            self.changes.alter(held, &Held { rows: Arc::clone(&new), row })?;
            self.view.came(&new, row);
            self.affected.rows += 2;
            self.affected.matched += 1;
            self.affected.duplicates += 1;
            let auto = update.new.iter().find(|(ordinal, _)| table.columns[*ordinal].auto_increment);
            if let Some((ordinal, _)) = auto {
                let ty = &table.columns[*ordinal].ty.sql;
                let (kind, random, _) = numbering(table, ty);
                let given = given_number(&new.columns()[*ordinal], row);
                row_ids.observe(kind, random.map_or(given, |random| random.count(given, is_unsigned(ty))));
            }
        }
        Ok(())
    }
}

/// Rows to insert that met a row each, all of them different.
#[derive(Default)]
struct Run {
    rows: Vec<u32>,
    held: Vec<Held>,
    /// The keys of the rows that they met.
    about: BTreeSet<Key>,
}

/// The number that a row has in its column that is numbered; 0 if there is none.
fn number_of(table: &TableDescriptor, columns: &[ArrayRef], row: usize) -> u64 {
    let at = table.columns.iter().position(|column| column.auto_increment);
    at.map_or(0, |at| given_number(&columns[at], row))
}
