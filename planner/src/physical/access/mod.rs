//! How the rows of one table are fetched: every way that is worth considering, with what it costs and in which order rows
//! come. The search above picks one.

mod choose;
mod filter;

use self::choose::{Access, choose};
use super::{Node, Plan};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::Expr;
use crate::hints::Hints;
use crate::logical::Scan;
use crate::options::Options;
use crate::stats::cardinality::{Profile, estimate, of_table};

pub(super) use filter::ordered;

/// What the choice of access paths depends on besides the table.
#[derive(Clone, Copy)]
pub(crate) struct AccessContext<'a> {
    /// Switches of the session.
    pub(crate) options: &'a Options,
    /// Hints of the statement.
    pub(crate) hints: &'a Hints,
}

#[allow(dead_code, reason = "the search by order and index reads them")]
/// A way to read a table: a whole subtree (reader, selection and all) that yields at least the needed columns.
pub(super) struct Path {
    pub(super) plan: Plan,
    /// What comes out.
    pub(super) profile: Profile,
    /// In the units of [`crate::cost`].
    pub(super) cost: f64,
    /// The order in which rows come (column, descending), most significant first; empty if there is none. Columns that are
    /// constant in all rows may be missing from it: a requirement is met if it is met without them.
    pub(super) order: Vec<(ColumnId, bool)>,
    /// The index that is read; `None` = the table's own key.
    pub(super) index: Option<usize>,
}

#[allow(dead_code, reason = "the search for index joins reads them")]
/// A way to read the scan as the inner side of an index join.
pub(super) struct LookupPath {
    /// A reader over a scan with [`super::Ranges::Lookup`].
    pub(super) plan: Plan,
    /// The equalities that are in the prefix.
    pub(super) used: Vec<usize>,
    /// The bounds that narrow the column after the prefix.
    pub(super) bounds_used: Vec<usize>,
    /// Rows that one lookup yields, after the selections of the path.
    pub(super) rows_per_lookup: f64,
    /// In the units of [`crate::cost`].
    pub(super) cost_per_lookup: f64,
    /// Whether a lookup yields one row at most.
    pub(super) unique: bool,
    /// The order of the rows of one lookup, ascending.
    pub(super) order: Vec<ColumnId>,
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
    let _ = (cx.options, cx.hints, order, wanted_rows);
    let profile = estimate(&crate::logical::Plan::Scan(scan.clone()), &[]);
    let columns = |predicates: &[Expr]| -> Vec<(ColumnId, usize)> {
        let mut wanted = ColumnSet::new();
        predicates.iter().for_each(|e| wanted.union_with(&e.column_set()));
        wanted.union_with(needed);
        scan.columns.iter().filter(|(id, _)| wanted.contains(*id)).copied().collect()
    };
    // What the access path checks by itself need not be read.
    let first = choose(scan, &columns(&scan.predicates));
    let wanted = columns(&first.predicates);
    let Access { node, rows, predicates } = choose(scan, &wanted);
    let cost = cost::scan(rows, wanted.len());
    let ids: Vec<ColumnId> = wanted.iter().map(|(id, _)| *id).collect();
    let shown: Vec<ColumnId> = ids.iter().copied().filter(|id| needed.contains(*id)).collect();
    let index = match &node {
        Node::PointGet(get) => get.index,
        Node::IndexScan(scan) => Some(scan.index),
        _ => None,
    };
    let path = |plan, profile| vec![Path { plan, profile, cost, order: vec![], index }];
    if let Node::PointGet(get) = &node
        && get.keys.is_empty()
    {
        return path(operator(0.0, shown, Node::Values { rows: vec![] }), profile);
    }
    let is_index = matches!(node, Node::IndexScan(_));
    let is_scan = is_index || matches!(node, Node::TableScan(_));
    // A scan without a filter yields what the profile says; a point get says itself.
    let rows = if predicates.is_empty() && is_scan { profile.rows } else { rows };
    let mut plan = operator(rows, ids, node);
    if !predicates.is_empty() {
        let predicates = ordered(predicates, &of_table(scan));
        plan = operator(profile.rows, shown, Node::Selection { input: Box::new(plan), predicates });
    }
    if is_scan {
        let (rows, columns) = (plan.rows, plan.columns.clone());
        let input = Box::new(plan);
        let node = if is_index { Node::IndexReader { input } } else { Node::TableReader { input } };
        plan = operator(rows, columns, node);
    }
    path(plan, profile)
}

#[allow(dead_code, reason = "the search for index joins calls it")]
/// Ways to read the scan as the inner side of an index join; none if no key fits. `equalities`: outer expression, inner
/// column, whether NULL equals NULL. `bounds`: other conjuncts of the join that compare an inner column with an expression
/// over the outer side. `outer_columns`: what the outer side yields.
pub(super) fn lookup_paths(
    cx: &AccessContext,
    scan: &Scan,
    needed: &ColumnSet,
    equalities: &[(Expr, ColumnId, bool)],
    bounds: &[Expr],
    outer_columns: &ColumnSet,
) -> Vec<LookupPath> {
    let _ = (cx, scan, needed, equalities, bounds, outer_columns);
    Vec::new()
}

fn operator(rows: f64, columns: Vec<ColumnId>, node: Node) -> Plan {
    Plan { id: 0, rows, cost: 0.0, columns, node }
}
