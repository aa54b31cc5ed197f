//! Entries of an index that holds every wanted column.

use super::Path;
use super::site::{Direction, Site, reader};

/// The index alone, in any order and, if that serves, in its order; none if it does not hold what is wanted.
pub(super) fn paths(site: &Site, position: usize) -> Vec<Path> {
    let key = site.index_key(position);
    let ordered = site.direction(&key, is_unique(site, position));
    [Some(Direction::ANY), ordered]
        .into_iter()
        .flatten()
        .filter_map(|direction| path(site, position, &key, direction))
        .collect()
}

/// Whether no two entries agree on the columns of the key.
pub(super) fn is_unique(site: &Site, position: usize) -> bool {
    let table = &site.scan.table;
    let index = &table.indexes[position];
    !index.unique || index.columns.iter().all(|&o| !table.columns[o].ty.nullable)
}

fn path(site: &Site, position: usize, key: &[usize], direction: Direction) -> Option<Path> {
    let narrowed = site.narrowed(key);
    let wanted = site.wanted(&narrowed.rest);
    let rows = if narrowed.rest.is_empty() { site.profile.rows } else { narrowed.rows };
    let spaces = site.index_spaces(position);
    let cost = site.scan_cost(&narrowed, rows, wanted.len(), direction, spaces);
    let scan = site.index_scan(position, &wanted, narrowed.ranges, direction, rows)?;
    let plan = reader(site.selection(scan, narrowed.rest, site.profile.rows, site.needed), true);
    let order = site.order_of(key, direction);
    Some(Path { plan, cost, order, index: Some(position) })
}
