//! Assignments: SET, SELECT … INTO, `@a := x` within expressions; and FOUND_ROWS(), which is of the rows of the last query.
//!
//! The variables are the session's, as a plain map. A statement that assigns within expressions has a version of its own of
//! that map ([`Assigned`]): its one worker publishes the next version with each assignment, and what has come of it is the
//! session's when the statement has run to its end. Such a query has run to its end when it returns.

use std::sync::Arc;

use allod_executor::{Cancel, UserVariables};
use allod_planner::Parsed;
use allod_planner::bind::{Bound, SetTarget, SetValue, SetVariable};
use allod_planner::expr::{printed, type_of};
use allod_storage::schema::{Datum, SqlType};
use arc_swap::ArcSwap;
use arrow::array::RecordBatch;

use super::Session;
use super::running::Running;
use super::statement::Planned;
use crate::error::{Error, Result, code};
use crate::result::{Late, ResultSet, Warning, datum_at};
use crate::variables::is_of_plans;
use crate::variables::user::UserValues;

/// A value and its type.
type Typed = (Datum, SqlType);

/// The user variables of a statement that assigns to them.
#[derive(Debug)]
pub(super) struct Assigned(ArcSwap<UserValues>);

impl Assigned {
    /// As they are before it runs.
    pub fn new(values: &UserValues) -> Assigned {
        Assigned(ArcSwap::from_pointee(values.clone()))
    }
}

impl UserVariables for Assigned {
    fn get(&self, name: &str) -> Option<Typed> {
        self.0.load().get(name).cloned()
    }

    fn set(&self, name: &str, value: Datum, ty: &SqlType) {
        self.0.store(Arc::new(with(&self.0.load(), name, (value, ty.clone()))));
    }
}

/// The variables with another value of one of them. What clocks showed of a moment is no moment any more.
fn with(values: &UserValues, name: &str, (value, ty): Typed) -> UserValues {
    let ty = match ty {
        SqlType::Timestamp(fsp) => SqlType::DateTime(fsp),
        ty => ty,
    };
    match value {
        Datum::Null => values.without(name),
        value => values.update(name.into(), (value, ty)),
    }
}

/// What FOUND_ROWS() says.
pub(super) enum Found {
    /// This.
    Known(u64),
    /// What the query will have had that runs.
    Late(Late),
}

impl Default for Found {
    fn default() -> Found {
        Found::Known(0)
    }
}

impl Found {
    /// All rows of these batches.
    pub fn of(batches: &[RecordBatch]) -> Found {
        Found::Known(batches.iter().map(|batch| batch.num_rows() as u64).sum())
    }

    /// Their number; none of a query that has not ended.
    pub fn rows(&self) -> u64 {
        match self {
            Found::Known(rows) => *rows,
            Found::Late(late) => late.get().map_or(0, |ended| ended.rows),
        }
    }
}

/// The rows behind the first few, and no more than so many of them. The others are looked at all the same.
pub(super) struct Cut<I> {
    batches: I,
    skip: u64,
    left: u64,
}

impl<I> Cut<I> {
    /// What to skip, and what to take then; `None` = all.
    pub fn new(batches: I, (skip, take): (u64, Option<u64>)) -> Cut<I> {
        Cut { batches, skip, left: take.unwrap_or(u64::MAX) }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for Cut<I> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        loop {
            let batch = match self.batches.next()? {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            let skipped = self.skip.min(batch.num_rows() as u64);
            let taken = self.left.min(batch.num_rows() as u64 - skipped);
            (self.skip, self.left) = (self.skip - skipped, self.left - taken);
            if taken > 0 {
                return Some(Ok(batch.slice(skipped as usize, taken as usize)));
            }
        }
    }
}

impl Session {
    /// After a statement has run to its end: what its expressions assigned.
    pub(super) fn take_assigned(&mut self, running: &Running) {
        if let Some(assigned) = &running.assigned {
            self.variables.user = UserValues::clone(&assigned.0.load());
        }
    }

    /// SET: one after the other.
    pub(super) fn assign_all(
        &mut self,
        assignments: &[SetVariable],
        params: &[Datum],
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let mut warnings = Vec::new();
        for SetVariable { target, value } in assignments {
            let value = match value {
                SetValue::Default => None,
                SetValue::Constant(value) => Some((value.clone(), type_of(value))),
                SetValue::Query(query) => {
                    let (value, said) = self.value_of(query, params, cancel)?;
                    warnings.extend(said);
                    Some(value)
                }
            };
            warnings.extend(self.assign(target, value, cancel)?);
        }
        self.row_count = 0;
        Ok(ResultSet::done(0, 0).with_warnings(warnings))
    }

    /// The value of a query of one row and one column.
    fn value_of(
        &mut self,
        query: &Parsed,
        params: &[Datum],
        cancel: &Cancel,
    ) -> Result<(Typed, Vec<Warning>)> {
        let version = self.version();
        let catalog = self.catalog(&version);
        let bound = allod_planner::bind(query, &self.plan_context(&catalog, params))?;
        let (Bound::Query(query) | Bound::Into { query, .. }) = bound else {
            return Err(Error::internal("the value of a variable is a query"));
        };
        self.count(&Arc::new(query.usage.clone()));
        let planned = self.plan(query, &version, params)?;
        drop(version);
        self.join_transaction(&planned)?;
        // It is not a query of its own.
        let found = std::mem::take(&mut self.found);
        let mut result = self.query(&planned, cancel)?;
        let batches = result.by_ref().collect::<Result<Vec<_>>>()?;
        self.found = found;
        let (mut row, _) = first_row(&planned, &batches);
        let value = row.pop().unwrap_or((Datum::Null, SqlType::Null));
        Ok((value, result.warnings().to_vec()))
    }

    /// SELECT … INTO: the values of the one row; if there is none the variables stay as they are.
    pub(super) fn select_into(
        &mut self,
        planned: &Planned,
        names: &[Arc<str>],
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        self.join_transaction(planned)?;
        let mut result = self.query(planned, cancel)?;
        let batches = result.by_ref().collect::<Result<Vec<_>>>()?;
        let mut warnings = result.warnings().to_vec();
        let (values, rows) = first_row(planned, &batches);
        for (name, value) in names.iter().zip(values) {
            self.variables.user = with(&self.variables.user, name, value);
        }
        match rows {
            0 => {
                let message = "No data - zero rows fetched, selected, or processed".into();
                warnings.push(Warning { level: "Warning", code: code::NO_DATA, message });
            }
            1 => {}
            _ => return Err(Error::new(code::TOO_MANY_ROWS, "result consisted of more than one row")),
        }
        self.row_count = i64::try_from(rows).unwrap_or(i64::MAX);
        Ok(ResultSet::done(rows, 0).with_warnings(warnings))
    }

    /// One assignment; no value = DEFAULT.
    pub(super) fn assign(
        &mut self,
        target: &SetTarget,
        value: Option<Typed>,
        cancel: &Cancel,
    ) -> Result<Option<Warning>> {
        let name = match target {
            SetTarget::User(name) => {
                let value = value.unwrap_or((Datum::Null, SqlType::Null));
                self.variables.user = with(&self.variables.user, &name.to_lowercase(), value);
                return Ok(None);
            }
            SetTarget::Session(name) | SetTarget::Global(name) => name,
        };
        let value = value.as_ref().map(|(value, _)| value);
        if let SetTarget::Global(_) = target {
            self.settings += 1;
            let warning = self.database.set_global(name, value)?;
            self.variables.see_globals(self.database.shared().globals.load_full());
            return Ok(warning);
        }
        if name.eq_ignore_ascii_case("tidb_snapshot") {
            let time = value.filter(|v| !matches!(v, Datum::String(text) if text.is_empty()));
            self.snapshot = time.map(|time| self.time_of(time)).transpose()?;
        }
        if ["last_insert_id", "identity"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            self.settings += 1;
            self.last_insert_id = match value {
                Some(Datum::UInt(id)) => *id,
                Some(Datum::Int(id)) => id.unsigned_abs(),
                _ => 0,
            };
        }
        let (before, values) = (self.variables.settings().autocommit, self.variables.session().clone());
        let warning = self.variables.set(name, value)?;
        self.settings += u64::from(is_of_plans(name) && *self.variables.session() != values);
        self.client.retry_by(self.variables.settings().retry);
        self.client.commit_by(self.variables.settings().commit);
        // What was begun under autocommit = 0 ends with it.
        if !before && self.variables.settings().autocommit {
            self.commit(cancel)?;
        }
        Ok(warning)
    }
}

/// The values of the first row, as variables hold them, and the number of rows.
fn first_row(planned: &Planned, batches: &[RecordBatch]) -> (Vec<Typed>, u64) {
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return (Vec::new(), rows) };
    let columns = planned.columns();
    let value = |(array, ty): (&arrow::array::ArrayRef, &SqlType)| {
        let value = datum_at(array, 0);
        // Members are texts and bits are bytes to whoever asks no further.
        match printed(&value, ty).filter(|_| *ty != SqlType::Json) {
            Some(printed) => {
                let ty = type_of(&printed);
                (printed, ty)
            }
            None => (value, ty.clone()),
        }
    };
    let types = columns.iter().map(|column| &column.ty.sql);
    (batch.columns().iter().zip(types).map(value).collect(), rows)
}
