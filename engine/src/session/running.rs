//! A statement that runs, and the tables that it writes to.

use std::sync::Arc;

use allod_executor::Execution;
use allod_storage::schema::TableDescriptor;

use super::assign::Assigned;
use crate::catalog::{Counters, Entered, Entry, Waiting, WriteGuard};
use crate::database::Database;
use crate::error::{Error, Result, code};

/// A statement that runs; a writer has its tables open for as long as this lives.
pub(super) struct Running {
    pub execution: Execution,
    /// Each once.
    pub writing: Vec<Writing>,
    /// For each of the plan's targets which of `writing` it is.
    pub targets: Vec<usize>,
    /// Where its user variables are, if it assigns to any.
    pub assigned: Option<Arc<Assigned>>,
}

/// A table that is being written to.
pub(super) struct Writing {
    pub table: Arc<TableDescriptor>,
    pub counters: Arc<Counters>,
    /// The form in which it is written to, if that is another.
    pub layout: Option<Arc<TableDescriptor>>,
    /// `None` = the session's transaction has entered the table.
    pub guard: Option<WriteGuard>,
}

impl Running {
    /// The tables that it writes to, in the forms in which it does.
    pub fn written(&self) -> Vec<&Arc<TableDescriptor>> {
        self.writing.iter().map(|writing| writing.layout.as_ref().unwrap_or(&writing.table)).collect()
    }
}

/// Enters a table as a writer, if it still is the table that the statement was planned for.
pub(super) fn enter(
    database: &Database,
    entry: Option<&Entry>,
    waiting: &mut Waiting,
) -> Result<(Entered, Arc<Counters>)> {
    let gone = || Error::new(code::SCHEMA_CHANGED, "the schema of the table was changed meanwhile");
    let entry = entry.ok_or_else(gone)?;
    let entered = database.shared().catalog.enter(entry, waiting)?.ok_or_else(gone)?;
    Ok((entered, Arc::clone(&entry.counters)))
}

impl Iterator for Running {
    type Item = Result<arrow::array::RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.execution.next().map(|batch| batch.map_err(Error::from))
    }
}
