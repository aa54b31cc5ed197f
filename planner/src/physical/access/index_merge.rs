//! Several indexes of one table at once: the handles of each, united for an OR and intersected for an AND, then the rows.
//!
//! ```sql
//! index a (a), index b (b)
//! where a = 1 or b = 2        -- the entries a = 1 and the entries b = 2
//! where a = 1 and b = 2       -- what is in both, if that is cheaper than fetching the rows of one
//! ```
//! What would break it: an OR with a branch that no index narrows (`a = 1 or c = 3`) needs every row. A branch that its
//! ranges hold only in part (`a = 1 and c > 2`) makes the whole OR a filter on the rows.

use super::Path;
use super::hints::Allowed;
use super::site::{Direction, Site, ids, operator};
use crate::column::ColumnId;
use crate::cost;
use crate::expr::{Expr, Function};
use crate::logical::predicate::args_of;
use crate::physical::{IndexMerge, IndexMergePart, Node, Plan, Ranges};
use crate::ranges::{KeyColumn, KeyRanges, key_ranges};
use crate::stats::selectivity::selectivity;

/// An OR of more branches is not merged.
const BRANCHES_MAX: usize = 64;

/// One partial scan.
struct Part {
    /// `None` = the table's own key.
    index: Option<usize>,
    found: KeyRanges,
    /// Entries in the ranges.
    rows: f64,
}

/// The cheapest union and the cheapest intersection, if there are any.
pub(super) fn paths(site: &Site, allowed: &Allowed) -> Vec<Path> {
    if !allowed.merges(site.cx.options.index_merge) || site.scan.predicates.is_empty() {
        return vec![];
    }
    let Some(handle) = site.handle() else { return vec![] };
    let unions = (0..site.scan.predicates.len()).filter_map(|i| union(site, allowed, i, &handle));
    let both = intersection(site, allowed, &handle);
    unions.chain(both).min_by(|a, b| a.cost.total_cmp(&b.cost)).into_iter().collect()
}

/// The best way to find the rows of these conjuncts alone.
fn part(site: &Site, allowed: &Allowed, conjuncts: &[Expr]) -> Option<Part> {
    let own = std::iter::once((None, site.scan.table.key.clone()));
    let indexes = (0..site.scan.table.indexes.len()).map(|i| (Some(i), site.index_key(i)));
    let ways = own.chain(indexes).filter(|(index, _)| allowed.in_merge(*index)).filter_map(|(index, key)| {
        let key: Vec<KeyColumn> = site.key_of(&key).into_iter().map(KeyColumn::from).collect();
        let found = key_ranges(&key, conjuncts)?;
        let used: Vec<Expr> = found.used.iter().map(|&i| conjuncts[i].clone()).collect();
        let rows = site.table.rows * selectivity(&used, &site.table);
        Some(Part { index, found, rows })
    });
    ways.min_by(|a, b| a.rows.total_cmp(&b.rows))
}

fn union(site: &Site, allowed: &Allowed, position: usize, handle: &[(ColumnId, usize)]) -> Option<Path> {
    let branches = args_of(&site.scan.predicates[position], &Function::Or)?;
    if branches.len() > BRANCHES_MAX {
        return None;
    }
    let mut parts: Vec<Part> = Vec::with_capacity(branches.len());
    let mut exact = true;
    for branch in branches {
        let conjuncts = args_of(branch, &Function::And).unwrap_or(std::slice::from_ref(branch));
        let part = part(site, allowed, conjuncts)?;
        exact &= part.found.covered.len() == conjuncts.len();
        parts.push(part);
    }
    // One key alone has ranges for the whole OR.
    if parts.iter().all(|p| p.index == parts[0].index) {
        return None;
    }
    let covered = if exact { vec![position] } else { vec![] };
    let missed: f64 = parts.iter().map(|p| 1.0 - (p.rows / site.table.rows.max(1.0)).min(1.0)).product();
    let rows = site.table.rows * (1.0 - missed);
    Some(path(site, parts, handle, Found { intersection: false, rows, rest: site.left_over(&covered) }))
}

/// Each conjunct by the index that finds the fewest rows for it; the two best together, if there are two.
fn intersection(site: &Site, allowed: &Allowed, handle: &[(ColumnId, usize)]) -> Option<Path> {
    let mut parts: Vec<(usize, Part)> = Vec::new();
    for (i, e) in site.scan.predicates.iter().enumerate() {
        // An index of its own for each: ranges of one key over several conjuncts are better than two reads of it.
        if let Some(part) = part(site, allowed, std::slice::from_ref(e))
            && part.index.is_some()
            && !parts.iter().any(|(_, known)| known.index == part.index)
        {
            parts.push((i, part));
        }
    }
    parts.sort_by(|(_, a), (_, b)| a.rows.total_cmp(&b.rows));
    parts.truncate(2);
    if parts.len() < 2 {
        return None;
    }
    let positions: Vec<usize> = parts.iter().map(|(i, _)| *i).collect();
    let covered = parts.iter().filter(|(_, p)| !p.found.covered.is_empty()).map(|(i, _)| *i);
    let rest = site.left_over(&covered.collect::<Vec<_>>());
    let both: Vec<Expr> = positions.iter().map(|&i| site.scan.predicates[i].clone()).collect();
    let rows = site.table.rows * selectivity(&both, &site.table);
    let parts = parts.into_iter().map(|(_, part)| part).collect();
    Some(path(site, parts, handle, Found { intersection: true, rows, rest }))
}

/// What the parts find together.
struct Found {
    intersection: bool,
    rows: f64,
    /// Predicates that are left for the rows.
    rest: Vec<Expr>,
}

fn path(site: &Site, parts: Vec<Part>, handle: &[(ColumnId, usize)], found: Found) -> Path {
    let Found { intersection, rows, rest } = found;
    let partitions = site.partition_count();
    let entries: f64 = parts.iter().map(|p| p.rows).sum();
    let rows = rows.min(entries);
    let wanted = site.wanted(&rest);
    let mut cost =
        cost::merge_handles(entries) + cost::fetch(rows, site.table.rows, wanted.len(), rest.len());
    let mut partial = Vec::with_capacity(parts.len());
    for part in parts {
        cost += cost::read(part.rows, handle.len(), 0) + cost::open(partitions, part.found.ranges.len());
        let plan = partial_scan(site, &part, handle);
        partial.push(IndexMergePart { plan, handle: ids(handle) });
    }
    cost += cost::open(partitions, 0);
    let out = if rest.is_empty() { rows } else { site.profile.rows.min(rows) };
    let table = site.table_scan(&wanted, Ranges::Handles, Direction::ANY, rows);
    let table = site.selection(table, rest, out, site.needed);
    let columns = table.columns.clone();
    let node = Node::IndexMerge(IndexMerge { partial, table: Box::new(table), intersection });
    Path { plan: operator(out, columns, node), cost, order: vec![], index: None }
}

fn partial_scan(site: &Site, part: &Part, handle: &[(ColumnId, usize)]) -> Plan {
    let ranges = Ranges::Fixed(part.found.ranges.clone());
    part.index
        .and_then(|i| site.index_scan(i, handle, ranges.clone(), Direction::ANY, part.rows))
        .unwrap_or_else(|| site.table_scan(handle, ranges, Direction::ANY, part.rows))
}
