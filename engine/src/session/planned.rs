//! A statement that is planned and may run, once or many times.

use std::sync::Arc;

use allod_executor::Prepared;
use allod_planner::bind::{Dml, SkipLocked};
use allod_planner::expr::FunctionUsage;
use allod_planner::parse::Command;
use allod_planner::physical;
use allod_planner::template::Template;
use allod_storage::schema::{Datum, TableDescriptor, Timestamp};

use crate::catalog::{Entry, SequenceEntry};
use crate::result::{Column, Header, Warning};

/// A planned statement that has not begun.
#[derive(Clone)]
pub(super) struct Planned {
    pub query: Arc<physical::Query>,
    pub prepared: Arc<Prepared>,
    pub dml: Option<Dml>,
    pub header: Header,
    /// Whether it reads or changes rows, and so is part of a transaction.
    pub uses_tables: bool,
    /// The tables whose rows its locking clauses lock.
    pub locked: Arc<[Arc<TableDescriptor>]>,
    /// SKIP LOCKED: what it locks as its rows come.
    pub skip: Option<SkipLocked>,
    /// It reads what there was at this time.
    pub as_of: Option<Timestamp>,
    /// Functions that it uses, counted at each execution.
    pub usage: Arc<FunctionUsage>,
    /// The sequences that its expressions ask.
    pub sequences: Arc<[SequenceEntry]>,
    /// Whether its expressions assign to user variables, or read those that its statement assigns to.
    pub assigns: bool,
    /// Of all of its rows, which are counted, those that are shown: what to skip, and what to take then.
    pub uncut: Option<(u64, Option<u64>)>,
    /// Whether its hints are those of a binding.
    pub from_binding: bool,
    /// Whether TiDB would have kept its plan if it comes as text.
    pub told: bool,
    /// As what it is counted.
    pub command: Option<Command>,
    /// The number of the version that it was planned with. Not that version itself, which holds the descriptors of all tables.
    pub version: u64,
    /// The tables that it writes to, each once, in that version.
    pub targets: Arc<[(Arc<TableDescriptor>, Option<Entry>)]>,
}

impl Planned {
    /// The same statement with other values in its plan; `None` if they are not of the kind that its columns hold.
    pub fn filled(&self, template: &Template, params: &[Datum]) -> Option<Planned> {
        let query = Arc::new(template.fill(&self.query, params)?);
        let prepared = self.prepared.with_values(Arc::clone(&query), Arc::clone(template.rewritten()));
        Some(Planned { query, prepared: Arc::new(prepared), ..self.clone() })
    }

    /// Whether it reads what is committed by now, and not what the transaction's snapshot holds: it locks what it reads.
    pub fn is_of_now(&self) -> bool {
        self.dml.is_some() || self.skip.is_some() || !self.locked.is_empty()
    }

    /// The tables that it writes to, and those whose rows it locks.
    pub fn written(&self) -> impl Iterator<Item = &Arc<TableDescriptor>> {
        self.targets.iter().map(|(table, _)| table).chain(&*self.locked)
    }

    /// The columns of its rows.
    pub fn columns(&self) -> Arc<[Column]> {
        self.header.columns()
    }

    /// What planning had to say, for SHOW WARNINGS; the same each time a kept plan runs.
    pub fn warnings(&self) -> Vec<Warning> {
        let warning = |w: &physical::PlanWarning| Warning {
            level: "Warning",
            code: w.code,
            message: w.message.clone(),
        };
        self.query.warnings.iter().map(warning).collect()
    }
}
