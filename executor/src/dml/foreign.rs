//! Foreign keys: what a change of rows asks of other tables, and does to them.
//!
//! When a statement has changed its rows, and before anybody hears of it, they are looked at once more ([`hold`]). Rows that go or
//! get other values have their children looked for, by the index that the children's foreign key has. Where the key says CASCADE
//! or SET NULL these are changed in the same way, and looked at themselves, and so on; else they must not be there. Rows that came
//! or got other values must have parents. Both are asked when nothing changes any more, of the store at the statement's snapshot
//! with the statement's own changes on top, so a statement may break what it mends:
//!
//! ```text
//! t (id, up REFERENCES t (id))     INSERT INTO t VALUES (2, 1), (1, 1)     both come: 1 is there in the end
//! ```
//!
//! **Concurrency.** Who finds a parent locks it, as a key of this statement: a lock in a pessimistic transaction, a mark that
//! meets other writers' in any commit. Who lets a parent go writes to its key. So of a child that comes and a parent that goes at
//! the same time one finds the other's key taken, and runs again on a later snapshot, where it sees what the other has done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use allod_planner::foreign::{ForeignKeys, ForeignLink};
use allod_storage::client::LookupRequest;
use allod_storage::key::{Key, KeyEncoder, RowKeys};
use allod_storage::schema::{ReferenceAction, SpaceId, SpaceSchema, TableDescriptor, TableId};
use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{kernels::cmp::distinct, take};

use super::changes::Changes;
use super::checks::check;
use super::net::Turned;
use super::rows::{Held, Rows, gather};
use super::{door, generate, not_null, plan_error, record_keys};
use crate::build::Builder;
use crate::error::{Error, Result};

/// How far actions reach.
const DEPTH_MAX: usize = 15;

/// The changes of the tables of a statement.
pub(super) type AllChanges<'a> = BTreeMap<TableId, Changes<'a>>;

/// Values of some columns, different and in order, and for each of them the first of the rows that they were taken of.
pub(super) struct Values {
    columns: Vec<ArrayRef>,
    pub rows: Vec<u32>,
    pub keys: RowKeys,
}

/// What heeding foreign keys came to.
#[derive(Default)]
pub(super) struct Heeded {
    /// For each table how many rows came and went by actions.
    pub growth: Vec<(u64, u64)>,
    /// The keys of the rows that others refer to from now on.
    pub relied: BTreeSet<Key>,
}

/// Heeds the foreign keys. Adds to `changes` what actions do, and locks for parents.
pub(super) fn hold<'a>(
    builder: &mut Builder,
    foreign: &'a ForeignKeys,
    changes: &mut AllChanges<'a>,
) -> Result<Heeded> {
    let mut growth = vec![(0, 0); foreign.tables.len()];
    let mut queue = VecDeque::new();
    for (at, table) in foreign.tables.iter().enumerate() {
        if let Some(changes) = changes.get_mut(&table.table.id) {
            queue.push_back((at, changes.net().take_turned(), 0));
        }
    }
    let (mut wanted, mut forbidden) = (Vec::new(), Vec::new());
    while let Some((at, turned, depth)) = queue.pop_front() {
        for link in &foreign.links {
            if link.child == at {
                wanted.extend(
                    values(&foreign.tables[at].table, &link.columns, &came(&turned, &link.columns)?)?
                        .map(|v| (link, v)),
                );
            }
            let Some(parent) = link.parent.as_ref().filter(|parent| parent.table == at) else { continue };
            let (gone, changed) = went(&turned, &parent.columns)?;
            let olds: Vec<Held> = changed.iter().map(|(old, _)| old.clone()).collect();
            for (action, old, new) in [(link.on_delete, gone, None), (link.on_update, olds, Some(changed))] {
                let Some(values) = values(&foreign.tables[at].table, &parent.columns, &old)? else {
                    continue;
                };
                if !action.changes() {
                    forbidden.push((link, values));
                    continue;
                }
                let children =
                    find(builder, foreign, (link.child, &link.columns, link.space), &values, changes)?;
                if children.is_empty() {
                    continue;
                }
                if depth == DEPTH_MAX {
                    return Err(Error::CascadeDepth);
                }
                let memory = &builder.runner.context.memory;
                let child = &foreign.tables[link.child];
                let own =
                    changes.entry(child.table.id).or_insert_with(|| Changes::following(&child.table, memory));
                if new.is_none() && action == ReferenceAction::Cascade {
                    growth[link.child].1 += children.len() as u64;
                    for (_, held) in &children {
                        own.remove(&held.rows, held.row)?;
                    }
                } else {
                    let news: Option<Vec<Held>> = (action == ReferenceAction::Cascade)
                        .then(|| new.iter().flatten().map(|(_, new)| new.clone()).collect());
                    let of = |position: u32| values.rows[position as usize];
                    let from =
                        news.map(|news| (news, children.iter().map(|(p, _)| of(*p)).collect::<Vec<_>>()));
                    let olds: Vec<Held> = children.into_iter().map(|(_, held)| held).collect();
                    let parent = (&*foreign.tables[at].table, parent.columns.as_slice());
                    let new = renewed(foreign, link, &olds, parent, from)?;
                    for (row, old) in olds.iter().enumerate() {
                        own.replace_old(old, &Held { rows: Arc::clone(&new), row })?;
                    }
                    for (row, old) in olds.iter().enumerate() {
                        own.replace_new(old, &Held { rows: Arc::clone(&new), row })?;
                    }
                }
                queue.push_back((link.child, own.net().take_turned(), depth + 1));
            }
        }
        builder.runner.context.cancel.check()?;
    }
    for (link, values) in forbidden {
        if !find(builder, foreign, (link.child, &link.columns, link.space), &values, changes)?.is_empty() {
            return Err(Error::ParentRow { key: Arc::clone(&link.text) });
        }
    }
    let mut locked: BTreeSet<(usize, Key)> = BTreeSet::new();
    for (link, values) in wanted {
        let no_parent = || Error::NoParentRow { key: Arc::clone(&link.text) };
        let parent = link.parent.as_ref().ok_or_else(no_parent)?;
        let found = find(builder, foreign, (parent.table, &parent.columns, parent.space), &values, changes)?;
        let there: BTreeMap<u32, &Held> =
            found.iter().rev().map(|(position, held)| (*position, held)).collect();
        // What a row is no more needs no parent.
        let child = &foreign.tables[link.child].table;
        let missing = (0..values.rows.len() as u32).filter(|position| !there.contains_key(position));
        for position in missing {
            let key = values.keys.key(position as usize);
            let present =
                changes.get_mut(&child.id).map(|own| own.net().present().cloned().collect::<Vec<_>>());
            let still = encoded(child, &link.columns, &present.unwrap_or_default())?;
            if still.iter().flatten().any(|known| *known == key) {
                return Err(no_parent());
            }
        }
        locked.extend(there.into_values().map(|held| (parent.table, held.key(0))));
    }
    let relied = locked.iter().map(|(_, key)| key.clone()).collect();
    for (at, key) in locked {
        let table = &foreign.tables[at].table;
        let memory = &builder.runner.context.memory;
        changes.entry(table.id).or_insert_with(|| Changes::following(table, memory)).keep_key(key)?;
    }
    Ok(Heeded { growth, relied })
}

/// The rows that are new in these columns.
fn came(turned: &[Turned], columns: &[usize]) -> Result<Vec<Held>> {
    let mut came = Vec::new();
    for turned in turned {
        if let Some(after) = &turned.after
            && turned.before.as_ref().map_or(Ok(true), |before| differ(before, after, columns))?
        {
            came.push(after.clone());
        }
    }
    Ok(came)
}

/// The rows that are gone, and those that have other values in these columns, with what they are now.
fn went(turned: &[Turned], columns: &[usize]) -> Result<(Vec<Held>, Vec<(Held, Held)>)> {
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for turned in turned {
        match (&turned.before, &turned.after) {
            (Some(before), None) => gone.push(before.clone()),
            (Some(before), Some(after)) if differ(before, after, columns)? => {
                changed.push((before.clone(), after.clone()));
            }
            (Some(_) | None, _) => {}
        }
    }
    Ok((gone, changed))
}

pub(super) fn differ(a: &Held, b: &Held, columns: &[usize]) -> Result<bool> {
    for &column in columns {
        let one = |held: &Held| held.rows.columns()[column].slice(held.row, 1);
        if distinct(&one(a), &one(b))?.value(0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How values of these columns are compared, whatever the table.
fn encoder(table: &TableDescriptor, columns: &[usize]) -> KeyEncoder {
    let defs: Vec<_> = columns.iter().map(|&o| table.columns[o].clone()).collect();
    let key = (0..defs.len()).collect();
    KeyEncoder::new(&SpaceSchema { id: SpaceId(0), columns: defs, key, unique_prefix: None })
}

/// The values of some columns in some rows, without those with a NULL; `None` = there are none.
pub(super) fn values(table: &TableDescriptor, columns: &[usize], rows: &[Held]) -> Result<Option<Values>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let all = gather(table, rows)?;
    let all: Vec<ArrayRef> = columns.iter().map(|&o| Arc::clone(&all[o])).collect();
    let encoder = encoder(table, columns);
    let keys = encoder.bind(&all).map_err(plan_error)?;
    let whole = (0..rows.len()).filter(|&row| all.iter().all(|column| column.is_valid(row)));
    let mut by_key: BTreeMap<Key, u32> = BTreeMap::new();
    for row in whole {
        by_key.entry(keys.key(row)).or_insert(row as u32);
    }
    let rows: Vec<u32> = by_key.into_values().collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let at = UInt32Array::from(rows.clone());
    let columns = all.iter().map(|column| take(column, &at, None)).collect::<Result<Vec<_>, _>>()?;
    let keys = encoder.bind(&columns).map_err(plan_error)?;
    Ok(Some(Values { columns, rows, keys }))
}

/// The values of some columns in some rows, as keys; `None` where one is NULL.
pub(super) fn encoded(table: &TableDescriptor, columns: &[usize], rows: &[Held]) -> Result<Vec<Option<Key>>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let all = gather(table, rows)?;
    let all: Vec<ArrayRef> = columns.iter().map(|&o| Arc::clone(&all[o])).collect();
    let keys = encoder(table, columns).bind(&all).map_err(plan_error)?;
    let is_whole = |row: usize| all.iter().all(|column| column.is_valid(row));
    Ok((0..rows.len()).map(|row| is_whole(row).then(|| keys.key(row))).collect())
}

/// The rows of a table that have these values in `columns`, each with the position of its values, as the statement sees them by
/// now.
pub(super) fn find(
    builder: &mut Builder,
    foreign: &ForeignKeys,
    (at, columns, space): (usize, &[usize], usize),
    values: &Values,
    changes: &mut AllChanges<'_>,
) -> Result<Vec<(u32, Held)>> {
    let table = &foreign.tables[at].table;
    let runtime = builder.client.runtime();
    let partition = &table.partitions[0];
    let (id, ordinals) = match space {
        0 => (partition.records, (0..table.columns.len()).collect()),
        index => {
            let id = partition.indexes[index - 1];
            (id, table.index_space(index - 1, id).1)
        }
    };
    let request = LookupRequest {
        space: id,
        prefix: values.columns.clone(),
        low: None,
        high: None,
        lookups: values.rows.len(),
        ts: builder.ts,
        ordinals: (0..ordinals.len()).collect(),
        first_only: false,
    };
    let found = runtime.block_on(builder.client.lookup(&request))?;
    let mut rows = Vec::new();
    if found.rows > 0 && space == 0 {
        let columns = door(table.columns.iter().map(|c| &c.ty), &found.columns)?;
        let read = Arc::new(Rows::new(table, columns, None)?);
        let held = |(row, &position)| (position, Held { rows: Arc::clone(&read), row });
        rows.extend(found.positions.iter().enumerate().map(held));
    } else if found.rows > 0 {
        // An entry for each; their rows.
        let keys = record_keys(table, None, &ordinals, &found.columns)?;
        let mut positions: BTreeMap<Key, u32> = BTreeMap::new();
        positions.extend(keys.into_iter().zip(&found.positions).filter_map(|(key, &at)| Some((key?, at))));
        let keys: Vec<Key> = positions.keys().cloned().collect();
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let read = runtime.block_on(builder.client.get(partition.records, &keys, builder.ts, &all))?;
        let columns = door(table.columns.iter().map(|c| &c.ty), &read.columns)?;
        let batch = Arc::new(Rows::new(table, columns, None)?);
        for (row, &key) in read.positions.iter().enumerate() {
            rows.push((positions[&keys[key as usize]], Held { rows: Arc::clone(&batch), row }));
        }
    }
    let Some(own) = changes.get_mut(&table.id) else { return Ok(rows) };
    let net = own.net();
    rows.retain(|(_, held)| !net.is_superseded(&held.key(0)));
    let present: Vec<Held> = net.present().cloned().collect();
    let wanted: BTreeMap<Key, u32> = (0..values.rows.len()).map(|v| (values.keys.key(v), v as u32)).collect();
    for (held, key) in present.iter().zip(encoded(table, columns, &present)?) {
        if let Some(&position) = key.and_then(|key| wanted.get(&key)) {
            rows.push((position, held.clone()));
        }
    }
    Ok(rows)
}

/// What rows of a child become: with NULL in the columns of the key, or with what is there in `from`, the parents' new rows and for
/// each child which of them.
fn renewed(
    foreign: &ForeignKeys,
    link: &ForeignLink,
    olds: &[Held],
    (parent, columns): (&TableDescriptor, &[usize]),
    from: Option<(Vec<Held>, Vec<u32>)>,
) -> Result<Arc<Rows>> {
    let child = &foreign.tables[link.child];
    let table = &*child.table;
    let mut new = gather(table, olds)?;
    match from {
        None => {
            for &column in &link.columns {
                new[column] = new_null_array(new[column].data_type(), olds.len());
            }
        }
        Some((news, which)) => {
            let news = gather(parent, &news)?;
            let which = UInt32Array::from(which);
            for (&own, &theirs) in link.columns.iter().zip(columns) {
                new[own] = take(&news[theirs], &which, None)?;
            }
        }
    }
    let new = generate(table, child.generated.as_deref(), new)?;
    not_null(table, &new)?;
    check(child.checks.as_deref(), &new)?;
    Ok(Arc::new(Rows::new(table, new, None)?))
}
