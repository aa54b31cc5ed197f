//! UPDATE: old rows and what they become.
//!
//! All old rows go before any new one comes, for a new row may take the key of an old one. So the rows of a table are collected
//! first ([`TableUpdate`]). A join may find a row more than once: what it becomes is what the first time says. If the table is
//! updated under two names, what each of them assigns is done to the row one after the other. UPDATE IGNORE changes rows one after
//! another, as INSERT IGNORE inserts them ([`View`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allod_planner::foreign::ForeignKeys;
use allod_planner::partition::PartitionFunction;
use allod_planner::physical::Target;
use allod_storage::key::Key;
use allod_storage::schema::{TableDescriptor, TableId};
use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{interleave, or};

use super::changes::{Changes, duplicate, into_mutations};
use super::checks::violations;
use super::foreign::Heeded;
use super::insert::{given_number, is_unsigned, numbering};
use super::refused::Refusals;
use super::rows::{Held, Rows, Schemas, gather, refusals};
use super::view::View;
use super::{Done, door, foreign, generate_by, not_null};
use crate::batch::take;
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::execute::{Affected, Destination, RowIds};
use crate::kernel::Scratch;

/// Updates rows: `columns` are for each target all columns of the old row, then the visible ones of the new row. Numbers that
/// come into an AUTO_INCREMENT column are passed by those that are given out later, as in TiDB.
pub(super) fn run(
    builder: &mut Builder,
    targets: &[Target],
    schemas: &[Schemas],
    (ignore, row_ids): (bool, &dyn RowIds),
    mut columns: &[ArrayRef],
    destination: Destination,
) -> Result<Done> {
    let mut affected = Affected::default();
    let mut updates: BTreeMap<TableId, TableUpdate<'_>> = BTreeMap::new();
    for (target, schemas) in targets.iter().zip(schemas) {
        let table = &*target.table;
        let width = table.columns.len() + table.visible_columns().count();
        let Some((own, rest)) = columns.split_at_checked(width) else {
            return Err(Error::Plan(format!("rows of {} without all their columns", table.name)));
        };
        columns = rest;
        let partition = target.partition.as_deref();
        let update = updates.entry(table.id).or_insert_with(|| TableUpdate::new(table, partition));
        update.add((target, schemas), own, ignore, &mut affected, &mut builder.scratch)?;
        update.observe(target, row_ids);
    }
    let foreign = targets.first().and_then(|target| target.foreign.as_deref());
    let mut changes = BTreeMap::new();
    for (id, update) in updates {
        let memory = &builder.runner.context.memory;
        let mut own = match foreign {
            Some(_) => Changes::following(update.table, memory),
            None => Changes::new(update.table, memory),
        };
        match ignore {
            false => update.finish(destination, &mut own)?,
            true => affected.rows -= update.finish_one_by_one(builder, foreign, destination, &mut own)?,
        }
        changes.insert(id, own);
    }
    let mut growth = vec![(0, 0); targets.len()];
    let heeded = foreign.map(|foreign| foreign::hold(builder, foreign, &mut changes));
    let Heeded { growth: others, relied } = heeded.transpose()?.unwrap_or_default();
    growth.extend(others);
    Ok(Done { affected, growth, mutations: into_mutations(changes), relied })
}

/// The rows of one table that are updated.
struct TableUpdate<'a> {
    table: &'a TableDescriptor,
    partition: Option<&'a PartitionFunction>,
    rows: Vec<Updated>,
    /// By the key of the old row.
    places: BTreeMap<Key, usize>,
    /// UPDATE IGNORE: what rows that stay as they are would have violated.
    violated: Vec<Error>,
}

/// A row and what it becomes.
struct Updated {
    old: Held,
    new: Held,
    changed: bool,
}

impl<'a> TableUpdate<'a> {
    /// Notes the numbers of rows whose number was assigned to.
    fn observe(&self, target: &Target, row_ids: &dyn RowIds) {
        let table = self.table;
        let auto = target.assigned.iter().copied().find(|ordinal| table.columns[*ordinal].auto_increment);
        let Some(ordinal) = auto else { return };
        let ty = &table.columns[ordinal].ty.sql;
        let (kind, random, _) = numbering(table, ty);
        for Updated { new, .. } in self.rows.iter().filter(|row| row.changed) {
            let given = given_number(&new.rows.columns()[ordinal], new.row);
            row_ids.observe(kind, random.map_or(given, |random| random.count(given, is_unsigned(ty))));
        }
    }

    fn new(table: &'a TableDescriptor, partition: Option<&'a PartitionFunction>) -> TableUpdate<'a> {
        TableUpdate { table, partition, rows: Vec::new(), places: BTreeMap::new(), violated: Vec::new() }
    }

    /// The rows that the statement found under one of the table's names: columns of the old ones, then the visible columns of
    /// the new ones.
    fn add(
        &mut self,
        (target, schemas): (&Target, &Schemas),
        columns: &[ArrayRef],
        ignore: bool,
        affected: &mut Affected,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let (table, partition) = (self.table, target.partition.as_deref());
        let width = table.columns.len();
        let columns = that_are_there(table, columns);
        let old = door(table.columns.iter().map(|c| &c.ty), &columns[..width])?;
        let visible: Vec<usize> = table.visible_columns().collect();
        let given = door(visible.iter().map(|&o| &table.columns[o].ty), &columns[width..])?;
        let found = Arc::new(Rows::with_schemas(table, schemas, old.clone(), partition)?);
        let mut seen = BTreeSet::new();
        let first: Vec<u32> =
            (0..found.len()).filter(|&row| seen.insert(found.key(row, 0))).map(|row| row as u32).collect();
        drop(seen);

        // What each of them is by now: another name of the table may have changed it.
        let is = |row: &u32| {
            let known = self.places.get(&found.key(*row as usize, 0));
            known.map(|&at| self.rows[at].new.clone())
        };
        let again = !self.places.is_empty() && first.iter().any(|row| is(row).is_some());
        let old = if again {
            let held = |row: &u32| is(row).unwrap_or(Held { rows: Arc::clone(&found), row: *row as usize });
            gather(table, &first.iter().map(held).collect::<Vec<_>>())?
        } else if first.len() == found.len() {
            old
        } else {
            old.iter().map(|column| take(column, &first)).collect()
        };
        let mut new = old.clone();
        for (&ordinal, column) in visible.iter().zip(&given) {
            if !again || target.assigned.contains(&ordinal) {
                let all = first.len() == found.len();
                new[ordinal] = if all { Arc::clone(column) } else { take(column, &first) };
            }
        }
        let mut new = generate_by(table, target.generated.as_deref(), new, scratch)?;
        let mut refused = if ignore { refusals(table, &new, partition)? } else { Vec::new() };
        if !refused.is_empty() {
            let places =
                refused.iter().enumerate().map(|(row, refusal)| (usize::from(refusal.is_some()), row));
            let places: Vec<(usize, usize)> = places.collect();
            let stay = |(new, old): (&ArrayRef, &ArrayRef)| interleave(&[&**new, &**old], &places);
            new = new.iter().zip(&old).map(stay).collect::<std::result::Result<_, _>>()?;
        }
        let mut changed = BooleanArray::from(vec![false; first.len()]);
        for (before, after) in old.iter().zip(&new) {
            if !Arc::ptr_eq(before, after) {
                changed = or(&changed, &distinct(before, after)?)?;
            }
        }
        not_null(table, &new)?;
        let mut violations = violations(target.checks.as_deref(), &new)?.into_iter();
        let new = Arc::new(Rows::with_schemas(table, schemas, new, partition)?);
        for (row, &at) in first.iter().enumerate() {
            let mut stays = !changed.value(row);
            if let Some(violated) = violations.next().flatten().filter(|_| !stays) {
                if !ignore {
                    return Err(violated);
                }
                self.violated.push(violated);
                stays = true;
            }
            self.violated.extend(refused.get_mut(row).and_then(Option::take));
            let changed = !stays;
            affected.matched += 1;
            affected.rows += u64::from(changed);
            let old = Held { rows: Arc::clone(&found), row: at as usize };
            let new = if stays { old.clone() } else { Held { rows: Arc::clone(&new), row } };
            let key = old.key(0);
            match self.places.get(&key) {
                None => {
                    self.places.insert(key, self.rows.len());
                    self.rows.push(Updated { old, new, changed });
                }
                Some(&known) if changed => {
                    let known = &mut self.rows[known];
                    (known.new, known.changed) = (new, true);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// All that has been found, as changes of keys.
    fn finish(self, destination: Destination, changes: &mut Changes<'_>) -> Result<()> {
        for Updated { old, new, changed } in &self.rows {
            if *changed {
                changes.replace_old(old, new)?;
            } else if destination == Destination::Transaction {
                changes.keep(old)?;
            }
        }
        for Updated { old, new, .. } in self.rows.iter().filter(|row| row.changed) {
            changes.replace_new(old, new)?;
        }
        Ok(())
    }
}

impl TableUpdate<'_> {
    /// UPDATE IGNORE: rows change one after another, and one whose new key is taken by then, or that would break a foreign key,
    /// stays as it is, with a warning. Returns how many those are.
    fn finish_one_by_one(
        self,
        builder: &mut Builder,
        foreign: Option<&ForeignKeys>,
        destination: Destination,
        changes: &mut Changes<'_>,
    ) -> Result<u64> {
        let reservation = builder.runner.context.memory.reservation();
        let mut view = View::new(self.table, self.partition, reservation);
        builder.warnings.extend(self.violated);
        for Updated { old, .. } in &self.rows {
            view.came(&old.rows, old.row);
        }
        // Rows that were found together are together.
        for rows in self.rows.chunk_by(|a, b| Arc::ptr_eq(&a.new.rows, &b.new.rows)) {
            let which: Vec<usize> = rows.iter().filter(|row| row.changed).map(|row| row.new.row).collect();
            view.learn(builder, &rows[0].new.rows, &which)?;
        }
        let mut refused = match foreign {
            Some(foreign) => {
                let olds: Vec<Held> = self.rows.iter().map(|row| row.old.clone()).collect();
                let news: Vec<Held> = self.rows.iter().map(|row| row.new.clone()).collect();
                Some(Refusals::of(builder, foreign, self.table, (Some(&olds), &news))?)
            }
            None => None,
        };
        let mut kept = 0;
        for (row, Updated { old, new, changed }) in self.rows.iter().enumerate() {
            if *changed {
                view.removed(old);
                let refusal = match view.first_taken(&new.rows, new.row) {
                    Some((key, _)) => {
                        let wanted = new.rows.row(new.row, 0);
                        Some(duplicate(self.table, &key, Some(&wanted)))
                    }
                    None => refused.as_mut().map(|refused| refused.comes(row, new)).transpose()?.flatten(),
                };
                let Some(refusal) = refusal else {
                    changes.alter(old, new)?;
                    view.came(&new.rows, new.row);
                    continue;
                };
                view.came(&old.rows, old.row);
                builder.warnings.push(refusal);
                kept += 1;
            }
            if destination == Destination::Transaction {
                changes.keep_key(old.key(0))?;
            }
        }
        Ok(kept)
    }
}

/// Without those that an outer join did not find: no column of a table's key is NULL in a row that is there.
pub(super) fn that_are_there(table: &TableDescriptor, columns: &[ArrayRef]) -> Vec<ArrayRef> {
    let keys: Vec<_> = table.key.iter().map(|&at| columns[at].logical_nulls()).collect();
    let rows = columns.first().map_or(0, |column| column.len());
    if keys.iter().all(|nulls| nulls.as_ref().is_none_or(|n| n.null_count() == 0)) {
        return columns.to_vec();
    }
    let is_there = |row: &usize| keys.iter().all(|nulls| nulls.as_ref().is_none_or(|n| n.is_valid(*row)));
    let there: Vec<u32> = (0..rows).filter(is_there).map(|row| row as u32).collect();
    columns.iter().map(|column| take(column, &there)).collect()
}
