//! What every path of a table needs to know, computed once: its profile, the partitions that are left, the keys as columns
//! of the plan; and the pieces of plan that paths are made of.

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum, KeyPart};

use super::filter::ordered;
use super::{AccessContext, zone};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::Expr;
use crate::logical::{self, Scan};
use crate::physical::{IndexLookUp, IndexScan, Node, Plan, Ranges, Routing, TableScan};
use crate::prune;
use crate::ranges::{KeyColumn, KeyRanges, column_values, key_ranges};
use crate::stats::cardinality::{Profile, estimate, of_table};
use crate::stats::selectivity::selectivity;

/// One table that is to be read.
pub(super) struct Site<'a> {
    pub(super) cx: &'a AccessContext<'a>,
    pub(super) scan: &'a Scan,
    /// Columns that the path must yield.
    pub(super) needed: &'a ColumnSet,
    /// An order that somebody above could use.
    pub(super) order: &'a [(ColumnId, bool)],
    /// After so many rows a limit above has enough.
    pub(super) wanted_rows: Option<f64>,
    /// The table without its predicates.
    pub(super) table: Profile,
    /// What the predicates leave.
    pub(super) profile: Profile,
    /// The partitions that are left; `None` = all.
    pub(super) partitions: Option<Vec<usize>>,
}

/// In which order a scan reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Direction {
    /// Whether rows must come in key order.
    pub(super) keep_order: bool,
    /// Whether in descending key order.
    pub(super) descending: bool,
}

impl Direction {
    /// Any order.
    pub(super) const ANY: Direction = Direction { keep_order: false, descending: false };
}

/// Ranges of a key, and what they leave to check.
pub(super) struct Narrowed {
    pub(super) ranges: Ranges,
    /// How many ranges.
    pub(super) count: usize,
    /// Predicates that are left for a filter.
    pub(super) rest: Vec<Expr>,
    /// Rows in the ranges.
    pub(super) rows: f64,
}

impl<'a> Site<'a> {
    pub(super) fn new(
        cx: &'a AccessContext<'a>,
        scan: &'a Scan,
        needed: &'a ColumnSet,
        order: &'a [(ColumnId, bool)],
        wanted_rows: Option<f64>,
    ) -> Site<'a> {
        let partitions = left(scan, &scan.predicates);
        let profile = estimate(&logical::Plan::Scan(scan.clone()), &[]);
        Site { cx, scan, needed, order, wanted_rows, table: of_table(scan), profile, partitions }
    }

    /// The same table; these conjuncts need not be checked, for they hold of every row that is asked for, but they prune.
    pub(super) fn known(self, implied: &[Expr]) -> Site<'a> {
        if implied.is_empty() {
            return self;
        }
        let all: Vec<Expr> = self.scan.predicates.iter().chain(implied).cloned().collect();
        Site { partitions: left(self.scan, &all), ..self }
    }

    /// The same table, of which only these partitions are read.
    pub(super) fn within(&self, partitions: Vec<usize>) -> Site<'a> {
        let all = self.scan.table.partitions.len().max(1) as f64;
        let known = self.partitions.as_ref().map_or(all, |p| p.len().max(1) as f64);
        let part = partitions.len() as f64 / known;
        let (mut table, mut profile) = (self.table.clone(), self.profile.clone());
        table.rows *= part;
        profile.rows *= part;
        Site { partitions: Some(partitions), table, profile, ..*self }
    }

    pub(super) fn id_of(&self, ordinal: usize) -> Option<ColumnId> {
        id_of(self.scan, ordinal)
    }

    /// The leading columns of a key that are whole columns which the plan knows.
    pub(super) fn key_of(&self, ordinals: &[usize]) -> Vec<(ColumnId, ColumnType)> {
        let column = |&o: &usize| Some((self.id_of(o)?, self.scan.table.columns[o].ty.clone()));
        ordinals.iter().map_while(column).collect()
    }

    /// The same, with those of which the key has the beginning.
    pub(super) fn key_columns(&self, ordinals: &[usize]) -> Vec<KeyColumn> {
        let columns = &self.scan.table.columns;
        let column = |&o: &usize| match self.scan.table.key_part(o) {
            KeyPart::Prefix(of, length) => {
                Some(KeyColumn { id: self.id_of(of)?, ty: columns[of].ty.clone(), prefix: Some(length) })
            }
            KeyPart::Column(_) | KeyPart::SortKey(..) | KeyPart::Expression(_) => {
                Some((self.id_of(o)?, columns[o].ty.clone()).into())
            }
        };
        ordinals.iter().map_while(column).collect()
    }

    /// Number of spaces that are read of an index.
    pub(super) fn index_spaces(&self, position: usize) -> usize {
        if self.scan.table.is_global(position) { 1 } else { self.partition_count() }
    }

    /// Number of partitions that are read.
    pub(super) fn partition_count(&self) -> usize {
        self.partitions.as_ref().map_or(self.scan.table.partitions.len(), Vec::len)
    }

    /// The columns that a scan must yield for these predicates and for what is above.
    pub(super) fn wanted(&self, predicates: &[Expr]) -> Vec<(ColumnId, usize)> {
        let mut wanted = self.needed.clone();
        predicates.iter().for_each(|e| wanted.union_with(&e.column_set()));
        self.scan.columns.iter().filter(|(id, _)| wanted.contains(*id)).copied().collect()
    }

    /// The columns of the table's key, which are its handle; `None` if the plan does not know one of them.
    pub(super) fn handle(&self) -> Option<Vec<(ColumnId, usize)>> {
        self.scan.table.key.iter().map(|&o| Some((self.id_of(o)?, o))).collect()
    }

    /// The columns of an index by which its entries are sorted and found: those of the index, and the table's key behind
    /// them if the index is not unique (a unique one has a key of just its own columns).
    pub(super) fn index_key(&self, position: usize) -> Vec<usize> {
        let index = &self.scan.table.indexes[position];
        if index.unique { index.columns.clone() } else { self.index_columns(position) }
    }

    /// The table columns that an index's space holds, in its order (see `TableDescriptor::index_space`).
    pub(super) fn index_columns(&self, position: usize) -> Vec<usize> {
        self.scan.table.index_ordinals(position)
    }

    /// The ranges of a key that the predicates leave.
    pub(super) fn narrowed(&self, key: &[usize]) -> Narrowed {
        let predicates = &self.scan.predicates;
        match key_ranges(&self.key_columns(key), predicates) {
            Some(found) => self.within_ranges(found),
            None => {
                Narrowed { ranges: Ranges::All, count: 1, rest: predicates.clone(), rows: self.table.rows }
            }
        }
    }

    /// What ranges leave to check, and how many rows they hold.
    pub(super) fn within_ranges(&self, found: KeyRanges) -> Narrowed {
        let predicates = &self.scan.predicates;
        let used: Vec<Expr> = found.used.iter().map(|&i| predicates[i].clone()).collect();
        let rows = self.table.rows * selectivity(&used, &self.table);
        let rest = self.left_over(&found.covered);
        Narrowed { count: found.ranges.len(), ranges: Ranges::Fixed(found.ranges), rest, rows }
    }

    /// The predicates that are not covered.
    pub(super) fn left_over(&self, covered: &[usize]) -> Vec<Expr> {
        let open = self.scan.predicates.iter().enumerate().filter(|(i, _)| !covered.contains(i));
        open.map(|(_, e)| e.clone()).collect()
    }

    /// The one value that the predicates leave to a column.
    pub(super) fn constant(&self, id: ColumnId, ty: &ColumnType) -> Option<Datum> {
        let (values, _) = column_values(&self.scan.predicates, id, ty)?;
        match values.points()?.as_slice() {
            [value] => Some((*value).clone()),
            _ => None,
        }
    }

    /// The part of what a path reads that is read until a limit above has enough; only a path whose order serves what is above
    /// is stopped.
    pub(super) fn part_read(&self, serves: bool) -> f64 {
        match self.wanted_rows {
            Some(wanted) if serves || self.order.is_empty() => (wanted / self.profile.rows.max(1.0)).min(1.0),
            Some(_) | None => 1.0,
        }
    }

    /// What it costs to scan ranges that hold so many rows, reading so many columns of each.
    pub(super) fn scan_cost(
        &self,
        narrowed: &Narrowed,
        rows: f64,
        columns: usize,
        direction: Direction,
        spaces: usize,
    ) -> f64 {
        let sorted = if direction.keep_order { cost::in_order(rows) } else { 0.0 };
        let all = cost::read(rows, columns, narrowed.rest.len()) + sorted;
        all * self.part_read(direction.keep_order) + cost::open(spaces, narrowed.count)
    }

    /// What an entry of a global index says of the partition that its row is in; `None` if the plan does not know a column of
    /// it.
    fn own_routing(&self) -> Option<Routing> {
        let function = Arc::clone(self.scan.dealing.as_ref()?);
        let column = |&o: &usize| {
            let ty = self.scan.table.columns[o].ty.clone();
            Some((o, Expr::column(self.id_of(o)?, ty)))
        };
        let values = function.scheme.columns.iter().map(column).collect::<Option<_>>()?;
        Some(Routing { function, values })
    }

    /// A table scan.
    pub(super) fn table_scan(
        &self,
        wanted: &[(ColumnId, usize)],
        ranges: Ranges,
        direction: Direction,
        rows: f64,
    ) -> Plan {
        self.table_scan_of(self.partitions.clone(), wanted, ranges, direction, rows)
    }

    /// A table scan of these partitions.
    fn table_scan_of(
        &self,
        partitions: Option<Vec<usize>>,
        wanted: &[(ColumnId, usize)],
        ranges: Ranges,
        direction: Direction,
        rows: f64,
    ) -> Plan {
        let zone = match ranges {
            Ranges::All | Ranges::Fixed(_) => zone::predicates(self.scan),
            Ranges::Lookup(_) | Ranges::Handles => vec![],
        };
        let node = Node::TableScan(TableScan {
            table: Arc::clone(&self.scan.table),
            alias: Arc::clone(&self.scan.alias),
            block: self.scan.block,
            ordinals: wanted.iter().map(|(_, ordinal)| *ordinal).collect(),
            partitions,
            ranges,
            zone,
            keep_order: direction.keep_order,
            descending: direction.descending,
            pseudo: self.scan.stats.pseudo,
        });
        operator(rows, ids(wanted), node)
    }

    /// A scan of an index; `None` if it does not hold every wanted column.
    pub(super) fn index_scan(
        &self,
        position: usize,
        wanted: &[(ColumnId, usize)],
        ranges: Ranges,
        direction: Direction,
        rows: f64,
    ) -> Option<Plan> {
        let space = self.index_columns(position);
        let at = |ordinal: &usize| space.iter().position(|o| o == ordinal);
        let ordinals = wanted.iter().map(|(_, ordinal)| at(ordinal)).collect::<Option<Vec<_>>>()?;
        let node = Node::IndexScan(IndexScan {
            table: Arc::clone(&self.scan.table),
            alias: Arc::clone(&self.scan.alias),
            block: self.scan.block,
            index: position,
            ordinals,
            partitions: self.partitions.clone().filter(|_| !self.scan.table.is_global(position)),
            ranges,
            keep_order: direction.keep_order,
            descending: direction.descending,
            pseudo: self.scan.stats.pseudo,
        });
        Some(operator(rows, ids(wanted), node))
    }

    /// A filter, if there is anything to filter; it yields the columns of `shown` alone.
    pub(super) fn selection(&self, input: Plan, predicates: Vec<Expr>, rows: f64, shown: &ColumnSet) -> Plan {
        if predicates.is_empty() {
            return input;
        }
        let columns = input.columns.iter().copied().filter(|id| shown.contains(*id)).collect();
        let predicates = ordered(predicates, &self.table);
        operator(rows, columns, Node::Selection { input: Box::new(input), predicates })
    }

    /// The two sides of a double read: predicates that the index can check, the others, and the plan of both. `None` if the
    /// handle is not known.
    pub(super) fn look_up(&self, position: usize, entries: Entries) -> Option<DoubleRead> {
        let Entries { ranges, rows: in_ranges, direction, rest, out_rows } = entries;
        let handle = self.handle()?;
        let routing = match self.scan.table.is_global(position) {
            true => Some(self.own_routing()?),
            false => None,
        };
        let space = self.index_columns(position);
        let held: ColumnSet = space.iter().filter_map(|&o| self.id_of(o)).collect();
        let (early, late): (Vec<Expr>, Vec<Expr>) =
            rest.into_iter().partition(|e| e.column_set().is_subset(&held));
        let found = in_ranges * selectivity(&early, &self.table);
        let shown: ColumnSet = handle.iter().map(|(id, _)| *id).collect();
        let mut shown = shown;
        routing.iter().flat_map(|r| &r.values).for_each(|(_, e)| shown.union_with(&e.column_set()));
        let mut read = shown.clone();
        early.iter().for_each(|e| read.union_with(&e.column_set()));
        let entry_columns: Vec<(ColumnId, usize)> =
            self.scan.columns.iter().filter(|(id, _)| read.contains(*id)).copied().collect();
        let wanted = self.wanted(&late);
        let index_cost = cost::read(in_ranges, entry_columns.len(), early.len());
        let table_cost = cost::fetch(found, self.table.rows, wanted.len(), late.len());
        let index = self.index_scan(position, &entry_columns, ranges, direction, in_ranges)?;
        let index = self.selection(index, early, found, &shown);
        // An entry of a global index may be of any partition.
        let partitions = if routing.is_some() { None } else { self.partitions.clone() };
        let table = self.table_scan_of(partitions, &wanted, Ranges::Handles, Direction::ANY, found);
        let out_rows = if late.is_empty() { found.max(out_rows.min(found)) } else { out_rows };
        let table = self.selection(table, late, out_rows, self.needed);
        let columns = table.columns.clone();
        let node = Node::IndexLookUp(IndexLookUp {
            index: Box::new(index),
            table: Box::new(table),
            handle: ids(&handle),
            routing,
            keep_order: direction.keep_order,
            limit: None,
        });
        Some(DoubleRead { plan: operator(out_rows, columns, node), index_cost, table_cost })
    }
}

/// What the index side of a double read reads.
pub(super) struct Entries {
    pub(super) ranges: Ranges,
    /// Entries in the ranges.
    pub(super) rows: f64,
    pub(super) direction: Direction,
    /// Predicates that are left.
    pub(super) rest: Vec<Expr>,
    /// Rows that come out in the end.
    pub(super) out_rows: f64,
}

/// A double read and what its sides cost, without opening them.
pub(super) struct DoubleRead {
    pub(super) plan: Plan,
    pub(super) index_cost: f64,
    pub(super) table_cost: f64,
}

/// The partitions that the statement asks for and that these conjuncts leave; `None` = all.
fn left(scan: &Scan, conjuncts: &[Expr]) -> Option<Vec<usize>> {
    let id_of = |ordinal: usize| id_of(scan, ordinal);
    let pruned = scan.dealing.as_ref().and_then(|d| prune::partitions(d, &scan.table, conjuncts, id_of));
    match (&scan.partitions, pruned) {
        (Some(asked), Some(pruned)) => Some(asked.iter().copied().filter(|p| pruned.contains(p)).collect()),
        (Some(asked), None) => Some(asked.clone()),
        (None, pruned) => pruned,
    }
}

fn id_of(scan: &Scan, ordinal: usize) -> Option<ColumnId> {
    scan.columns.iter().find(|(_, o)| *o == ordinal).map(|(id, _)| *id)
}

pub(super) fn ids(columns: &[(ColumnId, usize)]) -> Vec<ColumnId> {
    columns.iter().map(|(id, _)| *id).collect()
}

pub(super) fn operator(rows: f64, columns: Vec<ColumnId>, node: Node) -> Plan {
    Plan { id: 0, rows, cost: 0.0, columns, node }
}

/// A reader of the table above what runs beside the data.
pub(super) fn reader(input: Plan, is_index: bool) -> Plan {
    let (rows, columns) = (input.rows, input.columns.clone());
    let input = Box::new(input);
    let node = if is_index { Node::IndexReader { input } } else { Node::TableReader { input } };
    operator(rows, columns, node)
}
