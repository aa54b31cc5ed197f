//! Rows in the order of storage: all of them, or ranges of the table's own key.

use super::Path;
use super::site::{Direction, Site, reader};

/// The table's records, in any order and, if that serves, in the order of the key.
pub(super) fn paths(site: &Site) -> Vec<Path> {
    let key = &site.scan.table.key;
    let ordered = site.direction(key, true);
    [Some(Direction::ANY), ordered].into_iter().flatten().map(|direction| path(site, direction)).collect()
}

fn path(site: &Site, direction: Direction) -> Path {
    let key = &site.scan.table.key;
    let narrowed = site.narrowed(key);
    let wanted = site.wanted(&narrowed.rest);
    // A scan without a filter yields what the profile says.
    let rows = if narrowed.rest.is_empty() { site.profile.rows } else { narrowed.rows };
    let cost = site.scan_cost(&narrowed, rows, wanted.len(), direction, site.partition_count());
    let scan = site.table_scan(&wanted, narrowed.ranges, direction, rows);
    let plan = reader(site.selection(scan, narrowed.rest, site.profile.rows, site.needed), false);
    let order = site.order_of(key, direction);
    Path { plan, cost, order, index: None }
}
