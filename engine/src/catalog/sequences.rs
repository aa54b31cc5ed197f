//! Sequences come, change and go: nothing but a new version of the schema, but for where their numbers begin again.

use std::sync::Arc;

use allod_planner::bind::TableName;
use allod_planner::catalog::Catalog as _;
use allod_planner::sequence::{Sequence, SequenceClause, SequenceId, SequenceOptions};

use super::Lease;
use super::ddl::{Notes, database, no_notes, taken, unless};
use super::numbers::Numbers;
use super::version::{SequenceEntry, Version};
use crate::error::{Error, Result, code};

impl Lease<'_> {
    pub(super) fn create_sequence(
        &mut self,
        name: &TableName,
        options: SequenceOptions,
        comment: &Arc<str>,
        if_not_exists: bool,
    ) -> Notes {
        let version = self.version();
        let database = database(&version, name)?;
        if let Some(error) = taken(&version, name) {
            return unless(if_not_exists, error);
        }
        let (id, name, comment) = (SequenceId(self.id()), Arc::clone(&name.table), Arc::clone(comment));
        let definition = Arc::new(Sequence { id, database, name, options, comment });
        let entry = SequenceEntry { definition, numbers: Arc::new(Numbers::new(options)) };
        self.publish(version.with_sequence(entry));
        no_notes()
    }

    pub(super) fn alter_sequence(
        &mut self,
        name: &TableName,
        clauses: &[SequenceClause],
        comment: Option<&Arc<str>>,
        if_exists: bool,
    ) -> Notes {
        let version = self.version();
        let Some(entry) = sequence(&version, name)? else {
            let message = format!("table '{}.{}' doesn't exist", name.database, name.table);
            return unless(if_exists, Error::new(code::NO_SUCH_TABLE, message));
        };
        let old = &entry.definition;
        let (options, restart) = old.options.altered(clauses);
        let options = options.checked(&old.database, &old.name)?;
        let comment = comment.unwrap_or(&old.comment);
        let definition = Sequence { options, comment: Arc::clone(comment), ..(**old).clone() };
        let numbers = Arc::clone(&entry.numbers);
        if options != old.options || restart.is_some() {
            numbers.alter(options, restart);
        }
        self.publish(version.with_sequence(SequenceEntry { definition: Arc::new(definition), numbers }));
        no_notes()
    }

    /// Drops those that exist, then complains of the others.
    pub(super) fn drop_sequences(&mut self, sequences: &[TableName], if_exists: bool) -> Notes {
        let mut version = (*self.version()).clone();
        let mut missing = Vec::new();
        for name in sequences {
            match sequence(&version, name) {
                Ok(Some(_)) => version = version.without_sequence(&name.database, &name.table),
                Ok(None) => missing.push(format!("{}.{}", name.database, name.table)),
                Err(error) => {
                    self.publish(version);
                    return Err(error);
                }
            }
        }
        self.publish(version);
        if missing.is_empty() {
            return no_notes();
        }
        let unknown = format!("unknown SEQUENCE: '{}'", missing.join(","));
        unless(if_exists, Error::new(code::UNKNOWN_SEQUENCE, unknown))
    }
}

/// The sequence of this name; an error if it is something else's.
fn sequence<'v>(version: &'v Version, name: &TableName) -> Result<Option<&'v SequenceEntry>> {
    let TableName { database, table } = name;
    if version.entry(database, table).is_some() || version.view(database, table).is_some() {
        let message = format!("'{database}.{table}' is not SEQUENCE");
        return Err(Error::new(code::WRONG_OBJECT, message));
    }
    Ok(version.sequence_entry(database, table))
}
