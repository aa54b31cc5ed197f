//! Double read: entries of an index, then the rows they point to.
//!
//! Predicates on columns that the index holds are checked on its entries, so that fewer rows are fetched.

use super::Path;
use super::index_reader::is_unique;
use super::site::{Direction, Entries, Site};
use crate::cost;

/// The rows by way of the index, in any order and, if that serves, in its order. Without a range or an order the index
/// is of no use; `forced` makes the paths all the same.
pub(super) fn paths(site: &Site, position: usize, forced: bool) -> Vec<Path> {
    let key = site.index_key(position);
    let ordered = site.direction(&key, is_unique(site, position));
    [Some(Direction::ANY), ordered]
        .into_iter()
        .flatten()
        .filter_map(|direction| path(site, position, &key, direction, forced))
        .collect()
}

fn path(site: &Site, position: usize, key: &[usize], direction: Direction, forced: bool) -> Option<Path> {
    let narrowed = site.narrowed(key);
    if narrowed.ranges.fixed().is_none() && !direction.keep_order && !forced {
        return None;
    }
    let entries = Entries {
        ranges: narrowed.ranges,
        rows: narrowed.rows,
        direction,
        rest: narrowed.rest,
        out_rows: site.profile.rows,
    };
    let read = site.look_up(position, entries)?;
    let mut cost = read.index_cost + read.table_cost;
    if direction.keep_order {
        cost += cost::in_order(narrowed.rows);
    }
    let partitions = site.partition_count();
    let cost = cost * site.part_read(direction.keep_order)
        + cost::open(site.index_spaces(position), narrowed.count)
        + cost::open(partitions, 0);
    let order = site.order_of(key, direction);
    Some(Path { plan: read.plan, cost, order, index: Some(position) })
}
