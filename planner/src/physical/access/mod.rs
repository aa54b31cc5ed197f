//! How the rows of one table are fetched: every way that is worth considering, with what it costs and in which order rows
//! come. The search above picks one.
//!
//! ```sql
//! key (a), index b (b), index c (c, d)
//! where a = 1                          -- Point_Get: one row, nothing else is considered
//! where b = 1                          -- TableReader: all rows and a filter; IndexLookUp: the entries of b, then the rows
//! where b = 1, only a and b wanted     -- IndexReader: the entries of b hold it all
//! where b = 1 or c = 2                 -- IndexMerge: the handles of both indexes united, then the rows
//! where c = 1 order by d limit 10      -- IndexLookUp in the order of c, which costs only what ten rows cost
//! ```
//! Each kind of path is a file; what they share is in [`site`]. Predicates that the ranges of a path hold exactly are not
//! checked again, all others stay as a Selection, on the index where the index holds their columns.
//!
//! Left out: skip scans (ranges on the second column of a key without the first), and row estimates from the number of
//! distinct combinations of several columns, which statistics do not have.

mod filter;
mod first;
mod hints;
mod index_look_up;
mod index_merge;
mod index_reader;
mod lookup;
mod order;
mod partition_union;
mod point_get;
mod site;
mod table_reader;
#[cfg(test)]
mod tests;
mod zone;

use self::hints::Allowed;
use self::site::{Site, ids, operator};
use super::{Node, Plan};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::hints::Hints;
use crate::logical::Scan;
use crate::options::Options;

pub(super) use filter::ordered;
pub(super) use first::{limited, of_partitions};
pub(crate) use hints::{unmatched, unmerged};
pub(super) use lookup::{LookupPath, looked_up, lookup_paths};

/// What the choice of access paths depends on besides the table.
#[derive(Clone, Copy)]
pub(crate) struct AccessContext<'a> {
    /// Switches of the session.
    pub(crate) options: &'a Options,
    /// Hints of the statement.
    pub(crate) hints: &'a Hints,
}

/// A way to read a table: a whole subtree (reader, selection and all) that yields at least the needed columns.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) plan: Plan,
    /// In the units of [`crate::cost`].
    pub(super) cost: f64,
    /// The order in which rows come (column, descending), most significant first; empty if there is none. Columns that are
    /// constant in all rows may be missing from it: a requirement is met if it is met without them.
    pub(super) order: Vec<(ColumnId, bool)>,
    /// The index that is read; `None` = the table's own key.
    pub(super) index: Option<usize>,
}

/// All ways worth considering; never none. `order`: an order that somebody above could use (empty = none); paths that give it
/// say so in [`Path::order`], others come too. `wanted_rows`: a limit above will stop after about so many rows; costs are
/// then of reading until so many have passed.
pub(super) fn paths(
    cx: &AccessContext,
    scan: &Scan,
    needed: &ColumnSet,
    order: &[(ColumnId, bool)],
    wanted_rows: Option<f64>,
) -> Vec<Path> {
    let site = Site::new(cx, scan, needed, order, wanted_rows);
    // Rows that agree on every column of an order are in it.
    let void = site.is_fixed(order);
    let site = if void { Site { order: &[], ..site } } else { site };
    let allowed = Allowed::of(cx, scan);
    let mut paths = match partition_union::parts(&site) {
        Some(parts) => partition_union::paths(&site, &parts, &allowed),
        None => within(&site, &allowed),
    };
    // Conditions on one key that contradict each other leave no range, whatever the others say.
    if paths.iter().any(|path| is_nothing(&path.plan)) {
        paths = vec![dual(&site)];
    }
    for path in &mut paths {
        path.plan.cost = path.cost;
        if void {
            path.order = order.to_vec();
        }
    }
    paths
}

/// The ways to read the partitions of a site as one.
fn within(site: &Site, allowed: &Allowed) -> Vec<Path> {
    let indexes = || (0..site.scan.table.indexes.len()).filter(|i| allowed.index(*i));
    let points = std::iter::once(None).chain(indexes().map(Some)).filter(|at| match at {
        None => allowed.own_key(),
        Some(i) => site.scan.table.indexes[*i].unique,
    });
    if let Some(path) = points.filter_map(|at| point_get::path(site, at)).next() {
        return vec![path];
    }
    let mut paths = index_merge::paths(site, allowed);
    if allowed.only_merge() && !paths.is_empty() {
        return paths;
    }
    if allowed.own_key() {
        paths.extend(table_reader::paths(site));
    }
    for position in indexes() {
        let covering = index_reader::paths(site, position);
        if covering.is_empty() {
            paths.extend(index_look_up::paths(site, position, allowed.names(position)));
        } else {
            paths.extend(covering);
        }
    }
    allowed.by_order(&mut paths);
    if paths.is_empty() {
        paths = table_reader::paths(site);
    }
    prefer_ranges(site, &mut paths);
    paths
}

/// Whether the scan that all rows of a path come from has no range. An index merge has several.
fn is_nothing(plan: &Plan) -> bool {
    let ranges = match &plan.node {
        Node::TableScan(scan) => &scan.ranges,
        Node::IndexScan(scan) => &scan.ranges,
        Node::TableReader { input } | Node::IndexReader { input } | Node::Selection { input, .. } => {
            return is_nothing(input);
        }
        Node::IndexLookUp(lookup) => return is_nothing(&lookup.index),
        _ => return false,
    };
    ranges.fixed().is_some_and(<[_]>::is_empty)
}

/// No row.
fn dual(site: &Site) -> Path {
    let plan = operator(0.0, ids(&site.wanted(&[])), Node::Values { rows: vec![] });
    Path { plan, cost: 0.0, order: site.order.to_vec(), index: None }
}

/// Where statistics are guesses, a range that begins with an equality beats a full scan whatever the guesses say
/// (`tidb_opt_prefer_range_scan`). Below a limit it does if all of it is less than the scan is expected to read until there are
/// enough rows, which it may never find.
fn prefer_ranges(site: &Site, paths: &mut Vec<Path>) {
    if !site.cx.options.prefer_range_scan || !site.scan.stats.pseudo && site.wanted_rows.is_none() {
        return;
    }
    let read = site.table.rows * site.part_read(true);
    let by_equality = |path: &Path| {
        let (ranges, rows) = scanned(&path.plan)?;
        let equal = |r: &super::Range| r.low.first().is_some_and(|low| r.high.first() == Some(low));
        (ranges.fixed()?.iter().all(equal) && (site.wanted_rows.is_none() || rows < read)).then_some(())
    };
    if paths.iter().any(|path| by_equality(path).is_some()) {
        let full = |path: &Path| matches!(scanned(&path.plan), Some((super::Ranges::All, _)));
        paths.retain(|path| !full(path) || !path.order.is_empty());
    }
}

/// The ranges of the first scan of a path, and its rows.
fn scanned(plan: &Plan) -> Option<(&super::Ranges, f64)> {
    match &plan.node {
        Node::TableScan(scan) => Some((&scan.ranges, plan.rows)),
        Node::IndexScan(scan) => Some((&scan.ranges, plan.rows)),
        _ => plan.children().first().and_then(|child| scanned(child)),
    }
}
