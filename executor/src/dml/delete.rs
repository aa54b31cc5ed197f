//! DELETE: rows that go.

use std::collections::BTreeMap;
use std::sync::Arc;

use allod_planner::physical::Target;
use allod_storage::schema::TableId;
use arrow::array::ArrayRef;

use super::changes::{Changes, into_mutations};
use super::foreign::Heeded;
use super::refused::Refusals;
use super::rows::{Held, Rows, Schemas};
use super::update::that_are_there;
use super::{Done, door, foreign};
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::execute::Affected;

/// Deletes rows: `columns` are all columns of each target's old row, one target after the other. A row goes once, however often
/// it was found, and under however many names of its table. With IGNORE a row that others refer to stays.
pub(super) fn run(
    builder: &mut Builder,
    targets: &[Target],
    schemas: &[Schemas],
    ignore: bool,
    mut columns: &[ArrayRef],
) -> Result<Done> {
    let mut changes: BTreeMap<TableId, Changes<'_>> = BTreeMap::new();
    let mut growth = Vec::with_capacity(targets.len());
    let foreign = targets.first().and_then(|target| target.foreign.as_deref());
    for (Target { table, partition, .. }, schemas) in targets.iter().zip(schemas) {
        let Some((own, rest)) = columns.split_at_checked(table.columns.len()) else {
            return Err(Error::Plan(format!("rows of {} without all their columns", table.name)));
        };
        columns = rest;
        let old = door(table.columns.iter().map(|c| &c.ty), &that_are_there(table, own))?;
        let old = Arc::new(Rows::with_schemas(table, schemas, old, partition.as_deref())?);
        let memory = &builder.runner.context.memory;
        let changes = changes.entry(table.id).or_insert_with(|| match foreign {
            Some(_) => Changes::following(table, memory),
            None => Changes::new(table, memory),
        });
        let mut deleted = 0;
        let refused = match foreign.filter(|_| ignore) {
            Some(foreign) => {
                let gone: Vec<Held> =
                    (0..old.len()).map(|row| Held { rows: Arc::clone(&old), row }).collect();
                Some(Refusals::of_gone(builder, foreign, table, &gone)?)
            }
            None => None,
        };
        for row in 0..old.len() {
            if let Some(needed) = refused.as_ref().and_then(|refused| refused.needed(row)) {
                builder.warnings.push(needed);
                continue;
            }
            deleted += u64::from(changes.delete(&old, row)?);
        }
        growth.push((0, deleted));
    }
    let rows = growth.iter().map(|(_, deleted)| deleted).sum();
    let affected = Affected { rows, matched: rows, ..Affected::default() };
    let heeded = foreign.map(|foreign| foreign::hold(builder, foreign, &mut changes));
    let Heeded { growth: others, relied } = heeded.transpose()?.unwrap_or_default();
    growth.extend(others);
    Ok(Done { affected, growth, mutations: into_mutations(changes), relied })
}
