//! How the rows of one table are fetched: by whole key, by ranges of the table's own key, by an index that holds every
//! wanted column, or by reading it all.
//!
//! What would break it: a range on an index of strings compared without a constant of that type; an IN list on a unique
//! index one of whose columns is nullable and NULL (a unique index may hold many such rows, so keys with NULL are ranges).

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum, TableDescriptor};

use crate::column::ColumnId;
use crate::cost;
use crate::expr::{Expr, Function};
use crate::logical::Scan;
use crate::logical::predicate::args_of;
use crate::physical::{IndexScan, Node, PointGet, Ranges, TableScan, ZonePredicate};
use crate::prune;
use crate::ranges::{KeyRanges, as_column_value, column_values, key_ranges};
use crate::stats::cardinality::{Profile, of_table};
use crate::stats::selectivity::{like_prefix, selectivity};

/// More keys than this are read as ranges.
const POINTS_MAX: usize = 1024;

/// How to read a table.
pub(super) struct Access {
    /// A scan, or a point get.
    pub(super) node: Node,
    /// Rows it yields, before the predicates that are left.
    pub(super) rows: f64,
    /// Predicates that are left for a filter.
    pub(super) predicates: Vec<Expr>,
}

/// The cheapest way to read `wanted` (columns of the scan) of the rows that the scan's predicates keep.
pub(super) fn choose(scan: &Scan, wanted: &[(ColumnId, usize)]) -> Access {
    let table = &scan.table;
    let id_of = |ordinal: usize| scan.columns.iter().find(|(_, o)| *o == ordinal).map(|(id, _)| *id);
    let key_of = |columns: &[usize]| -> Vec<(ColumnId, ColumnType)> {
        columns.iter().map_while(|&o| Some((id_of(o)?, table.columns[o].ty.clone()))).collect()
    };
    let partitions = partitions(scan, &id_of);
    let own_key = key_of(&table.key);
    let own = key_ranges(&own_key, &scan.predicates);
    if let Some(access) = point_get(scan, wanted, &own, own_key.len(), None, &partitions) {
        return access;
    }
    for (position, index) in table.indexes.iter().enumerate().filter(|(_, index)| index.unique) {
        let key = key_of(&index.columns);
        let ranges = key_ranges(&key, &scan.predicates);
        if let Some(access) = point_get(scan, wanted, &ranges, key.len(), Some(position), &partitions) {
            return access;
        }
    }
    let profile = of_table(scan);
    let mut best = table_scan(scan, wanted, own, partitions.clone(), &profile);
    let mut least = cost::scan(best.rows, wanted.len());
    for position in 0..table.indexes.len() {
        if let Some(access) = index_scan(scan, wanted, position, &key_of, &partitions, &profile) {
            let cost = cost::scan(access.rows, wanted.len());
            if cost < least {
                (best, least) = (access, cost);
            }
        }
    }
    best
}

/// The partitions that are asked for and can hold matching rows.
fn partitions(scan: &Scan, id_of: &impl Fn(usize) -> Option<ColumnId>) -> Option<Vec<usize>> {
    let pruned = prune::partitions(&scan.table, &scan.predicates, id_of);
    match (&scan.partitions, pruned) {
        (Some(asked), Some(pruned)) => Some(asked.iter().copied().filter(|p| pruned.contains(p)).collect()),
        (Some(asked), None) => Some(asked.clone()),
        (None, pruned) => pruned,
    }
}

fn left_over(predicates: &[Expr], covered: &[usize]) -> Vec<Expr> {
    let open = predicates.iter().enumerate().filter(|(i, _)| !covered.contains(i));
    open.map(|(_, e)| e.clone()).collect()
}

fn point_get(
    scan: &Scan,
    wanted: &[(ColumnId, usize)],
    ranges: &Option<KeyRanges>,
    key_columns: usize,
    index: Option<usize>,
    partitions: &Option<Vec<usize>>,
) -> Option<Access> {
    let whole = index.map_or(scan.table.key.len(), |i| scan.table.indexes[i].columns.len());
    let found = ranges.as_ref().filter(|_| key_columns == whole)?;
    let keys = found.points.as_ref().filter(|keys| keys.len() <= POINTS_MAX)?;
    if keys.iter().flatten().any(Datum::is_null) {
        return None;
    }
    let node = Node::PointGet(PointGet {
        table: Arc::clone(&scan.table),
        alias: Arc::clone(&scan.alias),
        index,
        ordinals: wanted.iter().map(|(_, ordinal)| *ordinal).collect(),
        keys: keys.clone(),
        partitions: partitions.clone(),
    });
    let predicates = left_over(&scan.predicates, &found.covered);
    Some(Access { node, rows: keys.len() as f64, predicates })
}

fn table_scan(
    scan: &Scan,
    wanted: &[(ColumnId, usize)],
    ranges: Option<KeyRanges>,
    partitions: Option<Vec<usize>>,
    profile: &Profile,
) -> Access {
    let (ranges, predicates, rows) = with_ranges(ranges, scan, profile);
    let node = Node::TableScan(TableScan {
        table: Arc::clone(&scan.table),
        alias: Arc::clone(&scan.alias),
        ordinals: wanted.iter().map(|(_, ordinal)| *ordinal).collect(),
        partitions,
        ranges,
        zone: zone_predicates(scan),
        keep_order: false,
        descending: false,
        pseudo: scan.stats.pseudo,
    });
    Access { node, rows, predicates }
}

/// The ranges, what is left to check, and how many rows the ranges hold.
fn with_ranges(ranges: Option<KeyRanges>, scan: &Scan, profile: &Profile) -> (Ranges, Vec<Expr>, f64) {
    let Some(KeyRanges { ranges, covered, .. }) = ranges else {
        return (Ranges::All, scan.predicates.clone(), profile.rows);
    };
    let used: Vec<Expr> = covered.iter().map(|&i| scan.predicates[i].clone()).collect();
    let rows = profile.rows * selectivity(&used, profile);
    (Ranges::Fixed(ranges), left_over(&scan.predicates, &covered), rows)
}

/// A scan of an index that has every wanted column and a range to narrow it.
fn index_scan(
    scan: &Scan,
    wanted: &[(ColumnId, usize)],
    position: usize,
    key_of: &impl Fn(&[usize]) -> Vec<(ColumnId, ColumnType)>,
    partitions: &Option<Vec<usize>>,
    profile: &Profile,
) -> Option<Access> {
    let space = index_columns(&scan.table, position);
    let at = |ordinal: &usize| space.iter().position(|o| o == ordinal);
    let ordinals = wanted.iter().map(|(_, ordinal)| at(ordinal)).collect::<Option<Vec<_>>>()?;
    let ranges = key_ranges(&key_of(&space), &scan.predicates)?;
    let (ranges, predicates, rows) = with_ranges(Some(ranges), scan, profile);
    let node = Node::IndexScan(IndexScan {
        table: Arc::clone(&scan.table),
        alias: Arc::clone(&scan.alias),
        index: position,
        ordinals,
        partitions: partitions.clone(),
        ranges,
        keep_order: false,
        descending: false,
        pseudo: scan.stats.pseudo,
    });
    Some(Access { node, rows, predicates })
}

/// The table columns that an index's space holds, in its order (see `TableDescriptor::index_space`).
pub(crate) fn index_columns(table: &TableDescriptor, position: usize) -> Vec<usize> {
    let mut ordinals = table.indexes[position].columns.clone();
    ordinals.extend(table.key.iter().filter(|k| !table.indexes[position].columns.contains(k)));
    ordinals
}

/// What the predicates say of single columns, as bounds for the blocks of storage.
fn zone_predicates(scan: &Scan) -> Vec<ZonePredicate> {
    let mut out = Vec::new();
    for (id, ordinal) in &scan.columns {
        let ty = ColumnType { nullable: false, ..scan.table.columns[*ordinal].ty.clone() };
        let from_values = column_values(&scan.predicates, *id, &ty).map(|(values, _)| {
            let low = values.intervals.first().and_then(|i| i.low.clone());
            let high = values.intervals.last().and_then(|i| i.high.clone());
            (low.map(|(v, _)| v), high.map(|(v, _)| v))
        });
        let from_prefix = || {
            let of = |e: &Expr| prefix_bounds(e, *id).map(|(low, high)| (Some(low), Some(high)));
            scan.predicates.iter().find_map(of)
        };
        match from_values.or_else(from_prefix) {
            Some((None, None)) | None => {}
            Some((low, high)) => {
                let fits = |v: &Datum| as_column_value(v, &ty.sql).is_some();
                if low.iter().chain(&high).all(fits) {
                    out.push(ZonePredicate { ordinal: *ordinal, low, high });
                }
            }
        }
    }
    out
}

/// `column LIKE 'abc%'` lies between `abc` and everything that begins with it.
fn prefix_bounds(e: &Expr, column: ColumnId) -> Option<(Datum, Datum)> {
    let Expr::Call { function: function @ Function::Like { escape }, .. } = e else { return None };
    let args = args_of(e, function)?;
    let (Some(id), Expr::Constant { value: Datum::String(pattern), .. }) = (args[0].as_column(), &args[1])
    else {
        return None;
    };
    let (prefix, _) = like_prefix(pattern, *escape);
    (id == column && !prefix.is_empty())
        .then(|| (Datum::string(prefix.as_str()), Datum::string(format!("{prefix}\u{10FFFF}"))))
}
