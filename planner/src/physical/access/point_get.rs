//! Rows by whole keys: of the table, or of a unique index.
//!
//! What would break it: a unique index one of whose columns is NULL may hold many such rows, so keys with NULL are ranges.

use std::sync::Arc;

use allod_storage::schema::Datum;

use super::Path;
use super::site::{Site, ids, operator};
use crate::cost;
use crate::physical::{Node, PointGet};
use crate::prune;
use crate::ranges::key_ranges;

/// More keys than this are read as ranges.
const POINTS_MAX: usize = 1024;

/// The rows of the wanted keys of the table (`index` = `None`) or of a unique index.
pub(super) fn path(site: &Site, index: Option<usize>) -> Option<Path> {
    let scan = site.scan;
    // Whose entries say in which partition their rows are: a double read.
    if index.is_some_and(|i| scan.table.is_global(i)) {
        return None;
    }
    let columns = index.map_or(&scan.table.key, |i| &scan.table.indexes[i].columns);
    let key = site.key_columns(columns);
    if key.len() != columns.len() {
        return None;
    }
    let found = key_ranges(&key, &scan.predicates)?;
    let keys = found.points.as_ref().filter(|keys| keys.len() <= POINTS_MAX)?;
    if keys.iter().flatten().any(Datum::is_null) {
        return None;
    }
    let predicates = site.left_over(&found.covered);
    let wanted = site.wanted(&predicates);
    let shown = ids(&wanted).into_iter().filter(|id| site.needed.contains(*id)).collect();
    let serves = keys.len() <= 1;
    let order = if serves { site.order.to_vec() } else { vec![] };
    let done = |plan, cost| Path { plan, cost, order, index };
    let (keys, places) = placed(site, columns, keys)?;
    if keys.is_empty() {
        return Some(done(operator(0.0, shown, Node::Values { rows: vec![] }), 0.0));
    }
    let rows = keys.len() as f64;
    let reads = if index.is_some() { 2.0 } else { 1.0 };
    let cost = cost::look_up(rows * reads);
    let node = Node::PointGet(PointGet {
        table: Arc::clone(&scan.table),
        alias: Arc::clone(&scan.alias),
        block: scan.block,
        index,
        ordinals: wanted.iter().map(|(_, ordinal)| *ordinal).collect(),
        keys,
        places,
        dealing: scan.dealing.clone(),
        lock: None,
    });
    let plan = operator(rows, ids(&wanted), node);
    let plan = site.selection(plan, predicates, site.profile.rows.min(rows), site.needed);
    Some(done(plan, cost))
}

/// The keys that are in one of the partitions that are left, and where each is; no places if the partition expression cannot
/// be evaluated for one of them, so that all partitions must be asked. `None` if they must not all be asked.
fn placed(
    site: &Site,
    columns: &[usize],
    keys: &[Vec<Datum>],
) -> Option<(Vec<Vec<Datum>>, Option<Vec<usize>>)> {
    let Some(function) = &site.scan.dealing else { return Some((keys.to_vec(), None)) };
    let left = |p: &usize| site.partitions.as_ref().is_none_or(|left| left.contains(p));
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        match prune::place(function, columns, key) {
            None => return site.partitions.is_none().then(|| (keys.to_vec(), None)),
            Some(place) => found.extend(place.filter(left).map(|place| (key.clone(), place))),
        }
    }
    let (keys, places) = found.into_iter().unzip();
    Some((keys, Some(places)))
}
