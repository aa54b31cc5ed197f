//! From a plan to its form for a few rows, where it has one.
//!
//! The form has the shape of the plan and holds what does not depend on values: which columns are where. Keys and ranges stay
//! in the plan, which is walked along, so that one form serves a plan and its variants for other values.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_planner::physical::{
    HashJoin, IndexJoin, IndexLookUp, IndexScan, JoinKind, Lookup, Node, Plan, PointGet, Query, Ranges,
    Routing, Side, TableScan,
};
use allod_storage::schema::{PartitionMethod, SpaceId, TableDescriptor};
use arrow::datatypes::DataType;

use super::aggregate::{Total, is_whole};
use super::bounds::Bounds;
use super::filter::{Test, selected};
use super::order::{Direction, is_ordered};

/// Tables that a tuple has rows of, at most.
pub(super) const SOURCES_MAX: usize = 6;

/// Partitions that are merged, at most: of each some rows are read.
const MERGED_MAX: usize = 64;

/// A column of a tuple: which table's row, and the ordinal in its space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub source: usize,
    pub ordinal: usize,
}

/// A plan for a few rows.
#[derive(Debug)]
pub(super) struct Program {
    pub root: Op,
    pub output: Shape,
}

/// What is made of the tuples.
#[derive(Debug)]
pub(super) enum Shape {
    /// Rows of these columns, in the order of the query's output.
    Rows(Vec<At>),
    /// One row.
    Totals(Vec<Total>),
}

/// An operator; the plan node that it stands for is walked along.
#[derive(Debug)]
pub(super) enum Op {
    /// One that only names columns: its input.
    Pass(Box<Op>),
    /// Rows by whole key.
    Get { source: usize, rest: Option<Rest> },
    /// Rows in ranges of keys that pass; `merged`: those of all partitions in this order, which is that of each.
    Scan { source: usize, tests: Vec<Test>, merged: Option<Vec<(At, Direction)>>, rest: Option<Rest> },
    /// Tuples that pass.
    Filter(Box<Op>, Vec<Test>),
    /// For each tuple of one input the rows that it asks for; `keeps_outer`: or none, if there are none.
    Join { outer: Box<Op>, outer_is_left: bool, keeps_outer: bool, inner: Inner },
    /// All pairs of tuples that agree; the second input is kept. `keeps_probe`: a tuple without a partner stays.
    Pairs { probe: Box<Op>, build: Box<Op>, build_is_left: bool, keeps_probe: bool, keys: Vec<(At, At)> },
    /// All tuples in order, or the first ones.
    Sort(Box<Op>, Vec<(At, Direction)>),
    /// Of tuples with the same values the first one; they come in the order of these values, or side by side as they are.
    Distinct { input: Box<Op>, of: Vec<(At, Direction)>, side_by_side: bool },
    /// The first rows.
    Limit(Box<Op>),
}

/// The rows that entries of an index point to.
#[derive(Debug)]
pub(super) struct Rest {
    pub source: usize,
    /// Of the entries: the table's key.
    pub handle: Vec<usize>,
    pub tests: Vec<Test>,
    /// Of a global index: what of an entry tells where its row is.
    pub spread: Option<Spread>,
}

/// Rows of all partitions.
#[derive(Debug)]
pub(super) struct Spread {
    /// The value whose remainder is the partition.
    pub dealt_by: At,
    /// The records of each.
    pub records: Vec<SpaceId>,
}

/// What a join looks up.
#[derive(Debug)]
pub(super) struct Inner {
    pub table: Arc<TableDescriptor>,
    /// `None` = its records.
    pub index: Option<usize>,
    /// All partitions have the same one.
    pub is_global: bool,
    pub source: usize,
    pub tests: Vec<Test>,
    /// The values of the key's first columns.
    pub prefix: Vec<At>,
    /// Those of the next one.
    pub bounds: Bounds,
    /// Which partition has them, as the remainder of a value; `None` = any of them may.
    pub dealt_by: Option<At>,
    /// Partitions that are read, if not all.
    pub partitions: Option<Vec<usize>>,
    pub rest: Option<Rest>,
}

/// The form, if there is one.
pub(super) fn compile(query: &Query) -> Option<Program> {
    if !query.ctes.is_empty() {
        return None;
    }
    let mut compiler = Compiler { columns: Vec::new(), sources: 0 };
    let (plan, named) = match &query.root.node {
        Node::Projection { input, exprs } => (&**input, Some(exprs)),
        _ => (&query.root, None),
    };
    let mut totals = None;
    let input = match &plan.node {
        Node::HashAgg(agg) | Node::StreamAgg(agg) if agg.group_by.is_empty() => {
            totals = Some(&agg.aggregates);
            &*agg.input
        }
        _ => plan,
    };
    let root = compiler.op(input)?;
    // What the output is called below the projection.
    let inner = |id: ColumnId| match named {
        None => Some(id),
        Some(exprs) => exprs.iter().find(|(named, _)| *named == id).and_then(|(_, expr)| column(expr)),
    };
    let wanted = query.output.iter().map(|column| inner(column.id));
    let output = match totals {
        None => Shape::Rows(wanted.map(|id| compiler.at(id?)).collect::<Option<_>>()?),
        Some(aggregates) => {
            let total = |id: Option<ColumnId>| {
                let (_, call) = aggregates.iter().find(|(named, _)| Some(*named) == id)?;
                Total::of(call, |expr| compiler.at(column(expr)?))
            };
            Shape::Totals(wanted.map(total).collect::<Option<_>>()?)
        }
    };
    let root = if named.is_some() { Op::Pass(Box::new(root)) } else { root };
    let root = if totals.is_some() { Op::Pass(Box::new(root)) } else { root };
    Some(Program { root, output })
}

fn column(expr: &Expr) -> Option<ColumnId> {
    match expr {
        Expr::Column { id, .. } => Some(*id),
        Expr::Constant { .. } | Expr::Call { .. } => None,
    }
}

/// A key column whose values are encoded as they are, and compared as they are.
fn is_word(ty: &DataType) -> bool {
    matches!(ty, DataType::Int64 | DataType::UInt64 | DataType::Date32)
}

/// Whether a lookup says something of the column behind those whose values it has.
fn goes_on(lookup: &Lookup) -> bool {
    !lookup.points.is_empty() || !lookup.low.is_empty() || !lookup.high.is_empty()
}

struct Compiler {
    columns: Vec<(ColumnId, At)>,
    sources: usize,
}

impl Compiler {
    fn source(&mut self) -> Option<usize> {
        self.sources += 1;
        (self.sources <= SOURCES_MAX).then_some(self.sources - 1)
    }

    fn at(&self, id: ColumnId) -> Option<At> {
        self.columns.iter().find(|(known, _)| *known == id).map(|(_, at)| *at)
    }

    /// A column that tuples can be sorted by.
    fn ordered(&self, expr: &Expr) -> Option<At> {
        let id = column(expr)?;
        is_ordered(expr.ty()).then(|| self.at(id))?
    }

    fn tests(&self, predicates: &[Expr]) -> Option<Vec<Test>> {
        Test::of(predicates, |id| self.at(id))
    }

    fn name(&mut self, plan: &Plan, ordinals: &[usize], source: usize) {
        let named = plan.columns.iter().zip(ordinals);
        self.columns.extend(named.map(|(&id, &ordinal)| (id, At { source, ordinal })));
    }

    fn op(&mut self, plan: &Plan) -> Option<Op> {
        match &plan.node {
            Node::PointGet(get) => self.get(plan, get),
            Node::TableReader { input } => {
                let (plan, predicates, _) = selected(input);
                let Node::TableScan(scan) = &plan.node else { return None };
                let source = self.source()?;
                let merged = Scanned::of_table(scan)?.merged(source)?;
                self.name(plan, &scan.ordinals, source);
                Some(Op::Scan { source, tests: self.tests(predicates)?, merged, rest: None })
            }
            Node::IndexReader { input } => {
                let (plan, predicates, _) = selected(input);
                let Node::IndexScan(scan) = &plan.node else { return None };
                let source = self.source()?;
                let merged = Scanned::of_index(scan)?.merged(source)?;
                self.name(plan, &scan.ordinals, source);
                Some(Op::Scan { source, tests: self.tests(predicates)?, merged, rest: None })
            }
            Node::IndexLookUp(lookup) => {
                let (plan, predicates, _) = selected(&lookup.index);
                let Node::IndexScan(scan) = &plan.node else { return None };
                let (source, rest) = self.look_up(lookup, scan)?;
                let merged = Scanned::of_index(scan)?.merged(source)?;
                Some(Op::Scan { source, tests: self.tests(predicates)?, merged, rest: Some(rest) })
            }
            Node::Selection { input, predicates } => {
                let op = self.op(input)?;
                Some(Op::Filter(Box::new(op), self.tests(predicates)?))
            }
            Node::Projection { input, exprs } => {
                let op = self.op(input)?;
                for (id, expr) in exprs {
                    let at = self.at(column(expr)?)?;
                    self.columns.push((*id, at));
                }
                Some(Op::Pass(Box::new(op)))
            }
            Node::Limit { input, .. } => Some(Op::Limit(Box::new(self.op(input)?))),
            Node::Sort { input, keys } | Node::TopN { input, keys, .. } => {
                let op = self.op(input)?;
                let keys = keys.iter().map(|key| Some((self.ordered(&key.expr)?, Direction::of(key))));
                Some(Op::Sort(Box::new(op), keys.collect::<Option<_>>()?))
            }
            Node::HashAgg(agg) | Node::StreamAgg(agg) => {
                if !agg.aggregates.is_empty() || agg.group_by.is_empty() {
                    return None;
                }
                let op = self.op(&agg.input)?;
                let mut of = Vec::with_capacity(agg.group_by.len());
                for (id, expr) in &agg.group_by {
                    let at = self.ordered(expr)?;
                    self.columns.push((*id, at));
                    of.push((at, Direction::Ascending));
                }
                let side_by_side = matches!(plan.node, Node::StreamAgg(_));
                Some(Op::Distinct { input: Box::new(op), of, side_by_side })
            }
            Node::IndexJoin(join) => self.join(join),
            Node::HashJoin(join) => self.pairs(join),
            _ => None,
        }
    }

    fn get(&mut self, plan: &Plan, get: &PointGet) -> Option<Op> {
        let table = &get.table;
        if get.lock.is_some()
            || table.temporary.is_some()
            || (get.places.is_none() && table.partitions.len() > 1)
        {
            return None;
        }
        let source = self.source()?;
        let Some(index) = get.index else {
            self.name(plan, &get.ordinals, source);
            return Some(Op::Get { source, rest: None });
        };
        if table.indexes[index].options.global {
            return None;
        }
        let held = table.index_ordinals(index);
        let in_index = |wanted: &[usize]| -> Option<Vec<usize>> {
            wanted.iter().map(|o| held.iter().position(|h| h == o)).collect()
        };
        if let Some(ordinals) = in_index(&get.ordinals) {
            self.name(plan, &ordinals, source);
            return Some(Op::Get { source, rest: None });
        }
        let (handle, spread) = (in_index(&table.key)?, None);
        let rest = Rest { source: self.source()?, handle, tests: Vec::new(), spread };
        self.name(plan, &get.ordinals, rest.source);
        Some(Op::Get { source, rest: Some(rest) })
    }

    /// The sources of the entries and of the rows.
    fn look_up(&mut self, lookup: &IndexLookUp, scan: &IndexScan) -> Option<(usize, Rest)> {
        let (plan, predicates, None) = selected(&lookup.table) else { return None };
        let Node::TableScan(rows) = &plan.node else { return None };
        let source = self.source()?;
        self.name(selected(&lookup.index).0, &scan.ordinals, source);
        let handle = lookup.handle.iter().map(|&id| self.at(id).filter(|at| at.source == source));
        let handle = handle.map(|at| at.map(|at| at.ordinal)).collect::<Option<_>>()?;
        let spread = match &lookup.routing {
            None if scan.table.is_global(scan.index) => return None,
            None => None,
            Some(routing) => {
                let dealt_by = self.at(remainder_of(routing)?).filter(|at| at.source == source)?;
                let records = scan.table.partitions.iter().map(|place| place.records).collect();
                Some(Spread { dealt_by, records })
            }
        };
        let row = self.source()?;
        // A column that both have is the entry's.
        self.name(plan, &rows.ordinals, row);
        Some((source, Rest { source: row, handle, tests: self.tests(predicates)?, spread }))
    }

    fn join(&mut self, join: &IndexJoin) -> Option<Op> {
        // Whatever the variant, rows come in the order of the outer side.
        let is_plain = matches!(join.kind, JoinKind::Inner | JoinKind::Left);
        if !is_plain || !join.null_aware.is_empty() {
            return None;
        }
        let (outer, inner) = match join.outer {
            Side::Left => (&join.left, &join.right),
            Side::Right => (&join.right, &join.left),
        };
        let outer_op = self.op(outer)?;
        let inner = self.inner(inner, (&join.keys, &join.residual))?;
        let (outer_is_left, keeps_outer) = (join.outer == Side::Left, join.kind == JoinKind::Left);
        Some(Op::Join { outer: Box::new(outer_op), outer_is_left, keeps_outer, inner })
    }

    fn inner(&mut self, plan: &Plan, (keys, residual): (&[(Expr, Expr)], &[Expr])) -> Option<Inner> {
        let (table, index, lookup, partitions);
        let (source, tests, rest);
        match &plan.node {
            Node::TableReader { input } => {
                let (plan, predicates, None) = selected(input) else { return None };
                let Node::TableScan(scan) = &plan.node else { return None };
                (table, index, lookup, partitions) = (&scan.table, None, &scan.ranges, &scan.partitions);
                source = self.source()?;
                self.name(plan, &scan.ordinals, source);
                (tests, rest) = (self.tests(predicates)?, None);
            }
            Node::IndexReader { input } => {
                let (plan, predicates, None) = selected(input) else { return None };
                let Node::IndexScan(scan) = &plan.node else { return None };
                (table, index, lookup, partitions) =
                    (&scan.table, Some(scan.index), &scan.ranges, &scan.partitions);
                source = self.source()?;
                self.name(plan, &scan.ordinals, source);
                (tests, rest) = (self.tests(predicates)?, None);
            }
            Node::IndexLookUp(double) => {
                let (plan, predicates, None) = selected(&double.index) else { return None };
                let Node::IndexScan(scan) = &plan.node else { return None };
                (table, index, lookup, partitions) =
                    (&scan.table, Some(scan.index), &scan.ranges, &scan.partitions);
                let (entries, rows) = self.look_up(double, scan)?;
                (source, tests, rest) = (entries, self.tests(predicates)?, Some(rows));
            }
            _ => return None,
        }
        let Ranges::Lookup(lookup) = lookup else { return None };
        if table.temporary.is_some() {
            return None;
        }
        // The ordinals of the key in its space, and in the table.
        let (key, in_table): (Vec<usize>, Vec<usize>) = match index {
            None => (table.key.clone(), table.key.clone()),
            Some(at) => {
                let entry = &table.indexes[at];
                let length = lookup.prefix.len() + usize::from(goes_on(lookup));
                // Entries of partitions that are not read would have to be left out.
                let is_cut = table.is_global(at) && (partitions.is_some() || lookup.routing.is_some());
                if is_cut || (entry.unique && length > entry.columns.len()) {
                    return None;
                }
                let held = table.index_ordinals(at);
                ((0..held.len()).collect(), held)
            }
        };
        let Lookup { prefix, routing, .. } = lookup;
        // The values of points stay in the plan.
        if prefix.is_empty() || prefix.len() + usize::from(goes_on(lookup)) > key.len() {
            return None;
        }
        let next = in_table.get(prefix.len()).map(|&ordinal| table.columns[ordinal].ty.arrow());
        let bounds = Bounds::of(lookup, next.as_ref().filter(|ty| is_word(ty)), |id| self.at(id))?;
        let next = key.get(prefix.len()).map(|&ordinal| At { source, ordinal });
        let is_next = |id| next.is_some() && self.at(id) == next;
        if !residual.iter().all(|condition| Bounds::say(lookup, condition, is_next)) {
            return None;
        }
        let mut wanted = Vec::with_capacity(prefix.len());
        for (value, &ordinal) in prefix.iter().zip(&in_table) {
            let ty = table.columns[ordinal].ty.arrow();
            if value.null_safe || value.value.ty().arrow() != ty || !is_word(&ty) {
                return None;
            }
            wanted.push(self.at(column(&value.value)?)?);
        }
        // Every equality is one of the prefix.
        let is_looked_up = |(outer, inner): &(Expr, Expr)| {
            let here = column(inner).and_then(|id| self.at(id));
            prefix.iter().zip(key.iter().zip(&in_table)).any(|(value, (&ordinal, &in_table))| {
                let is_it = |at: At| match &rest {
                    Some(Rest { source, .. }) if at.source == *source => at.ordinal == in_table,
                    _ => at == At { source, ordinal },
                };
                value.value == *outer && here.is_some_and(is_it)
            })
        };
        if !keys.iter().all(is_looked_up) {
            return None;
        }
        let dealt_by = match routing {
            // The one there is, or all that are read.
            None => None,
            Some(routing) => Some(self.at(remainder_of(routing)?)?),
        };
        let is_global = index.is_some_and(|index| table.is_global(index));
        let (table, partitions) = (Arc::clone(table), partitions.clone());
        Some(Inner {
            table,
            index,
            is_global,
            source,
            tests,
            prefix: wanted,
            bounds,
            dealt_by,
            partitions,
            rest,
        })
    }

    fn pairs(&mut self, join: &HashJoin) -> Option<Op> {
        // Only the side that is not kept can be without a partner.
        let keeps_probe = join.kind == JoinKind::Left && join.build == Side::Right;
        if !(keeps_probe || join.kind == JoinKind::Inner)
            || !join.residual.is_empty()
            || !join.null_aware.is_empty()
        {
            return None;
        }
        let (left, right) = (self.op(&join.left)?, self.op(&join.right)?);
        let key = |(a, b): &(Expr, Expr)| {
            let is_plain = a.ty().arrow() == b.ty().arrow() && is_word(&a.ty().arrow());
            let (a, b) = (self.at(column(a)?)?, self.at(column(b)?)?);
            is_plain.then_some(match join.build {
                Side::Left => (b, a),
                Side::Right => (a, b),
            })
        };
        let keys = join.keys.iter().map(key).collect::<Option<Vec<_>>>()?;
        let build_is_left = join.build == Side::Left;
        let (build, probe) = if build_is_left { (left, right) } else { (right, left) };
        Some(Op::Pairs { probe: Box::new(probe), build: Box::new(build), build_is_left, keeps_probe, keys })
    }
}

/// The column of the outer row whose remainder is the partition, if it is that simple.
fn remainder_of(routing: &Routing) -> Option<ColumnId> {
    let Routing { function, values } = routing;
    let ([(ordinal, value)], [expr]) = (&**values, &*function.values) else { return None };
    let is_plain = function.scheme.method == PartitionMethod::Hash
        && function.allowed.is_none()
        && column(expr) == Some(ColumnId(*ordinal as u32))
        && value.ty().arrow() == DataType::Int64
        && expr.ty().arrow() == DataType::Int64;
    column(value).filter(|_| is_plain)
}

/// What is scanned, and how.
struct Scanned<'p> {
    table: &'p TableDescriptor,
    /// The columns of the key: their ordinals in its space, and in the table.
    key: Vec<(usize, usize)>,
    ranges: &'p Ranges,
    partitions: Option<&'p [usize]>,
    /// All partitions have the same one.
    is_global: bool,
    keep_order: bool,
    descending: bool,
}

impl<'p> Scanned<'p> {
    fn of_table(scan: &'p TableScan) -> Option<Scanned<'p>> {
        let TableScan { table, ranges, partitions, keep_order, descending, .. } = scan;
        let key = table.key.iter().map(|&ordinal| (ordinal, ordinal)).collect();
        Some(Scanned {
            table,
            key,
            ranges,
            partitions: partitions.as_deref(),
            is_global: false,
            keep_order: *keep_order,
            descending: *descending,
        })
    }

    fn of_index(scan: &'p IndexScan) -> Option<Scanned<'p>> {
        let IndexScan { table, index, ranges, partitions, keep_order, descending, .. } = scan;
        let is_global = table.is_global(*index);
        // Entries of partitions that are not read would have to be left out.
        if is_global && partitions.is_some() {
            return None;
        }
        let key = table.index_ordinals(*index).into_iter().enumerate().collect();
        Some(Scanned {
            table,
            key,
            ranges,
            partitions: partitions.as_deref(),
            is_global,
            keep_order: *keep_order,
            descending: *descending,
        })
    }

    /// The order in which rows of several partitions are merged; `None` inside: they need not be. `None` = it cannot be read row by row.
    fn merged(&self, source: usize) -> Option<Option<Vec<(At, Direction)>>> {
        if self.ranges.fixed().is_none() || self.table.temporary.is_some() || self.descending {
            return None;
        }
        let parts = self.partitions.map_or(self.table.partitions.len(), <[usize]>::len);
        if !self.keep_order || parts < 2 || self.is_global {
            return Some(None);
        }
        if parts > MERGED_MAX {
            return None;
        }
        // Of whole numbers the order of values is that of keys.
        let column = |&(ordinal, in_table): &(usize, usize)| {
            let is_plain = is_whole(&self.table.columns[in_table].ty.arrow());
            is_plain.then_some((At { source, ordinal }, Direction::Ascending))
        };
        self.key.iter().map(column).collect::<Option<_>>().map(Some)
    }
}
