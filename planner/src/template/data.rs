//! The values that a plan holds, one after another.

use allod_storage::schema::{ColumnType, Datum, KeyPart, SqlType, TableDescriptor};

use crate::bind::Condition;
use crate::expr::{Expr, cast_datum, literal};
use crate::physical::{IndexScan, Node, Plan, PointGet, Range, Ranges, TableScan};
use crate::prune;
use crate::ranges::{as_column_value, compare_values, disjoint};

/// A double read of at most so many rows is as good as anything else.
const FEW_ROWS: f64 = 200.0;
/// By how much a double read may exceed what it was chosen for.
const FACTOR_MAX: f64 = 4.0;
/// A scan of at most so many rows is as good as a way by an index.
const SMALL_TABLE: f64 = 1000.0;

/// What the planner makes of a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    /// It is compared with a column of this type.
    Compared(SqlType),
    /// It is stored in a column of this type.
    Stored(SqlType),
    /// Nothing.
    AsItIs,
}

impl Way {
    /// Whether the plan holds a moment where the parameter says what clocks show.
    pub fn is_of_clocks(&self) -> bool {
        matches!(self, Way::Compared(SqlType::Timestamp(_)) | Way::Stored(SqlType::Timestamp(_)))
    }

    /// The value in the plan; `None` if it would not be one.
    pub fn take(&self, param: &Datum) -> Option<Datum> {
        if param.is_null() {
            return None;
        }
        match self {
            Way::Compared(ty) => as_column_value(param, ty),
            Way::Stored(ty) => cast_datum(param, ty),
            Way::AsItIs => Some(param.clone()),
        }
    }
}

/// What a value of a plan is there for.
pub(super) enum Slot<'a> {
    /// It is compared with a column of this type.
    Key(&'a SqlType),
    /// It is a constant of this type; `true` = which is stored in a column.
    Constant(&'a mut ColumnType, bool),
}

impl Slot<'_> {
    /// How a parameter becomes this value.
    pub fn way(&self, value: &Datum) -> Way {
        match self {
            Slot::Key(ty) => Way::Compared((*ty).clone()),
            // A text that a column takes as a member's number is not what prints as that member.
            Slot::Constant(ty, false) if ty.sql.is_choice() => Way::Compared(ty.sql.clone()),
            Slot::Constant(ty, false) if literal::datum(value.clone()).ty() == *ty => Way::AsItIs,
            Slot::Constant(ty, _) => Way::Stored(ty.sql.clone()),
        }
    }

    /// A parameter is there as it is.
    pub fn retype(self, value: &Datum) {
        if let Slot::Constant(ty, _) = self {
            *ty = literal::datum(value.clone()).ty().clone();
        }
    }
}

/// Other values of the same kinds and in the same order; each differs from its own and, if it can, from all others.
pub(super) fn others(params: &[Datum]) -> Option<Vec<Datum>> {
    let mut order: Vec<usize> = (0..params.len()).collect();
    order.sort_by(|a, b| params[*a].compare(&params[*b]));
    let mut others = params.to_vec();
    for (rank, i) in order.into_iter().enumerate() {
        others[i] = match &params[i] {
            Datum::Int(v) => Datum::Int(v.checked_add(rank as i64 + 1)?),
            Datum::UInt(v) => Datum::UInt(v.checked_add(rank as u64 + 1)?),
            Datum::String(text) => Datum::string(neighbour(text, rank)?),
            _ => return None,
        };
    }
    Some(others)
}

/// Another text, as long as this one if it is not empty. Of what may be a number or a date the first digit is another one.
fn neighbour(text: &str, rank: usize) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    if let Some(first) = chars.first_mut().filter(|c| c.is_ascii_digit()) {
        *first = ('1'..='9').cycle().skip(rank % 9).find(|c| c != first)?;
    } else {
        let last = chars.pop().map(|c| c.to_ascii_lowercase());
        chars.push(('a'..='z').cycle().skip(rank % 26).find(|c| last != Some(*c))?);
    }
    Some(chars.into_iter().collect())
}

/// Visits every value, always in the same order, with the plan nodes that are compiled with it; `None` if the plan has nodes
/// that are not looked into.
pub(super) fn each(plan: &mut Plan, visit: &mut impl FnMut(&[u32], &mut Datum, Slot)) -> Option<()> {
    node(plan, &mut Vec::new(), false, visit)
}

/// `above`: nodes that are compiled with this one. `stored`: what it computes is written to columns.
fn node(
    plan: &mut Plan,
    above: &mut Vec<u32>,
    stored: bool,
    visit: &mut impl FnMut(&[u32], &mut Datum, Slot),
) -> Option<()> {
    let depth = above.len();
    above.push(plan.id);
    let done = match &mut plan.node {
        Node::Values { rows } => {
            rows.iter_mut().flatten().for_each(|e| constants(e, stored, above, visit));
            Some(())
        }
        Node::TableScan(TableScan { table, ranges, zone, partitions, .. }) => {
            let table = &**table;
            let key = |i: usize| table.key.get(i).map(|o| &table.columns[*o].ty.sql);
            bounds(ranges, key, above, visit)?;
            for zone in zone {
                let ty = &table.columns.get(zone.ordinal)?.ty.sql;
                for value in [&mut zone.low, &mut zone.high].into_iter().flatten() {
                    visit(above, value, Slot::Key(ty));
                }
            }
            unpruned(table, partitions.as_deref())
        }
        Node::IndexScan(IndexScan { table, index, ranges, partitions, .. }) => {
            let table = &**table;
            let own = &table.indexes[*index].columns;
            let rest = || table.key.iter().filter(|k| !own.contains(k));
            let key = |i: usize| own.iter().chain(rest()).nth(i).map(|o| &table.columns[*o].ty.sql);
            bounds(ranges, key, above, visit)?;
            unpruned(table, partitions.as_deref())
        }
        Node::PointGet(get) => {
            let columns = match get.index {
                None => &get.table.key,
                Some(index) => &get.table.indexes[index].columns,
            };
            for (value, ordinal) in get.keys.iter_mut().flat_map(|key| key.iter_mut().zip(columns)) {
                visit(above, value, Slot::Key(&get.table.columns[*ordinal].ty.sql));
            }
            Some(())
        }
        Node::Selection { input, predicates } => {
            // A scan directly below is compiled with it.
            above.push(input.id);
            predicates.iter_mut().for_each(|e| constants(e, false, above, visit));
            above.pop();
            node(input, above, false, visit)
        }
        Node::Projection { input, exprs } => {
            exprs.iter_mut().for_each(|(_, e)| constants(e, stored, above, visit));
            above.truncate(depth);
            node(input, above, false, visit)
        }
        Node::HashAgg(agg) | Node::StreamAgg(agg) => {
            agg.group_by.iter_mut().for_each(|(_, e)| constants(e, false, above, visit));
            let args = agg.aggregates.iter_mut().flat_map(|(_, call)| &mut call.args);
            args.for_each(|e| constants(e, false, above, visit));
            above.truncate(depth);
            node(&mut agg.input, above, false, visit)
        }
        Node::Sort { input, keys } | Node::TopN { input, keys, .. } => {
            keys.iter_mut().for_each(|key| constants(&mut key.expr, false, above, visit));
            above.truncate(depth);
            node(input, above, false, visit)
        }
        Node::TableReader { input }
        | Node::IndexReader { input }
        | Node::Limit { input, .. }
        | Node::SelectLock { input, .. } => {
            above.truncate(depth);
            node(input, above, false, visit)
        }
        Node::IndexLookUp(lookup) => {
            node(&mut lookup.index, above, false, visit)?;
            node(&mut lookup.table, above, false, visit)
        }
        Node::Insert { source, .. } | Node::Update { source, .. } => {
            above.truncate(depth);
            node(source, above, true, visit)
        }
        Node::Delete { source, .. } => {
            above.truncate(depth);
            node(source, above, false, visit)
        }
        Node::IndexMerge(_)
        | Node::PartitionUnion { .. }
        | Node::HashJoin(_)
        | Node::IndexJoin(_)
        | Node::MergeJoin(_)
        | Node::Apply(_)
        | Node::Union { .. }
        | Node::Window { .. }
        | Node::MaxOneRow { .. }
        | Node::CteScan { .. } => None,
    };
    above.truncate(depth);
    done
}

/// A value may leave other partitions than another one.
fn unpruned(table: &TableDescriptor, partitions: Option<&[usize]>) -> Option<()> {
    (partitions.is_none() || table.partitions.len() <= 1).then_some(())
}

fn bounds<'t>(
    ranges: &mut Ranges,
    ty: impl Fn(usize) -> Option<&'t SqlType>,
    nodes: &[u32],
    visit: &mut impl FnMut(&[u32], &mut Datum, Slot),
) -> Option<()> {
    let Ranges::Fixed(ranges) = ranges else { return Some(()) };
    for range in ranges {
        for (i, value) in range.low.iter_mut().enumerate().chain(range.high.iter_mut().enumerate()) {
            visit(nodes, value, Slot::Key(ty(i)?));
        }
    }
    Some(())
}

fn constants(e: &mut Expr, stored: bool, nodes: &[u32], visit: &mut impl FnMut(&[u32], &mut Datum, Slot)) {
    match e {
        Expr::Column { .. } => {}
        Expr::Constant { value, ty } => visit(nodes, value, Slot::Constant(ty, stored)),
        Expr::Call { args, .. } => args.iter_mut().for_each(|e| constants(e, false, nodes, visit)),
    }
}

/// Whether the plan may be kept for other values, as far as it shows: bounds for blocks tell nothing of the members of a
/// list, a table that is not small is not scanned for one value because it was for another, where there is an index, and
/// different values may begin alike.
pub(super) fn suits(plan: &Plan, conditions: &[Condition]) -> bool {
    let about = |table: &TableDescriptor, ordinal: usize| {
        let name = table.columns[ordinal].name.to_lowercase();
        conditions.iter().find(|c| c.column == name)
    };
    let own = match &plan.node {
        Node::TableScan(scan) => {
            let table = &scan.table;
            let of_list = |ordinal| about(table, ordinal).is_some_and(|c| c.listed);
            let leading = table.indexes.iter().map(|i| &i.columns).chain([&table.key]);
            let of = |&o: &usize| match table.key_part(o) {
                KeyPart::Column(of) | KeyPart::Prefix(of, _) | KeyPart::SortKey(of, _) => of,
                KeyPart::Expression(_) => o,
            };
            let indexed = leading.filter_map(|c| c.first()).any(|o| about(table, of(o)).is_some());
            let all = matches!(scan.ranges, Ranges::All);
            let of_lists = scan.zone.iter().any(|zone| of_list(zone.ordinal));
            let passes_index = all && indexed && plan.rows > SMALL_TABLE;
            !of_lists && !passes_index
        }
        Node::IndexScan(scan) => {
            matches!(scan.ranges, Ranges::All) || !has_beginnings(&scan.table, scan.index)
        }
        Node::PointGet(get) => get.index.is_none_or(|index| !has_beginnings(&get.table, index)),
        _ => true,
    };
    own && plan.children().into_iter().all(|child| suits(child, conditions))
}

/// Whether the index has no more than the beginning of a column.
fn has_beginnings(table: &TableDescriptor, index: usize) -> bool {
    table.indexes[index]
        .columns
        .iter()
        .any(|&o| matches!(table.key_part(o), KeyPart::Prefix(..) | KeyPart::SortKey(..)))
}

/// Brings what depends on values into shape: keys and ranges in order and none of them twice, each key with its partition.
/// `false` if a range is empty, or if much more is to be read by way of an index than by the plan that is kept.
pub(super) fn settled(plan: &mut Plan, kept: &Plan) -> bool {
    let looks_up = matches!(plan.node, Node::IndexLookUp(_));
    let own = match (&mut plan.node, &kept.node) {
        (Node::PointGet(get), _) => placed(get),
        (Node::TableScan(scan), _) => in_order(&mut scan.ranges),
        (Node::IndexScan(scan), Node::IndexScan(_)) => in_order(&mut scan.ranges),
        _ => true,
    };
    if looks_up && !reads_as_much(plan, kept) {
        return false;
    }
    own && plan.children_mut().into_iter().zip(kept.children()).all(|(plan, kept)| settled(plan, kept))
}

fn placed(get: &mut PointGet) -> bool {
    if get.keys.len() > 1 {
        get.keys.sort_by(|a, b| compare_values(a, b));
        get.keys.dedup();
    }
    // Which partition a row is in depends on the values; there may be none that takes it.
    let Some(function) = get.dealing.clone() else { return true };
    let mut places = Vec::with_capacity(get.keys.len());
    let mut keys = std::mem::take(&mut get.keys);
    let mut known = true;
    let columns = get.key_columns();
    keys.retain(|key| match prune::place(&function, columns, key) {
        Some(place) => {
            places.extend(place);
            place.is_some()
        }
        None => {
            known = false;
            true
        }
    });
    (get.keys, get.places) = (keys, Some(places));
    known
}

fn in_order(ranges: &mut Ranges) -> bool {
    let Ranges::Fixed(ranges) = ranges else { return true };
    let wanted = ranges.len();
    *ranges = disjoint(std::mem::take(ranges));
    wanted == 0 || !ranges.is_empty()
}

/// Whether a double read finds not many more index entries than the one that is kept.
fn reads_as_much(plan: &Plan, kept: &Plan) -> bool {
    let (Some(new), Some(old)) = (index_scan(plan), index_scan(kept)) else { return true };
    let (Ranges::Fixed(new_ranges), Ranges::Fixed(old_ranges)) = (&new.1.ranges, &old.1.ranges) else {
        return true;
    };
    if new_ranges == old_ranges {
        return true;
    }
    let (Some(new), Some(before)) = (extent(new_ranges), extent(old_ranges)) else { return false };
    let factor = new / before;
    factor <= FACTOR_MAX || old.0 * factor <= FEW_ROWS
}

/// The scan of an index below, and how many rows it was thought to yield.
fn index_scan(plan: &Plan) -> Option<(f64, &IndexScan)> {
    match &plan.node {
        Node::IndexScan(scan) => Some((plan.rows, scan)),
        Node::IndexLookUp(lookup) => index_scan(&lookup.index),
        Node::Selection { input, .. } | Node::Limit { input, .. } => index_scan(input),
        _ => None,
    }
}

/// How many values the ranges hold of their last columns, together; `None` if that is not to be told.
fn extent(ranges: &[Range]) -> Option<f64> {
    let one = |range: &Range| {
        if range.low == range.high {
            return Some(1.0);
        }
        let ((Some(low), Some(high)), true) =
            ((range.low.last(), range.high.last()), range.low.len() == range.high.len())
        else {
            return None;
        };
        match (low, high) {
            (Datum::Int(low), Datum::Int(high)) => Some((*high as f64 - *low as f64).max(1.0)),
            (Datum::UInt(low), Datum::UInt(high)) => Some((*high as f64 - *low as f64).max(1.0)),
            _ => None,
        }
    };
    ranges.iter().map(one).sum()
}

/// The plan as if nobody had estimated anything.
pub(super) fn estimates_away(plan: &mut Plan) {
    (plan.rows, plan.cost) = (0.0, 0.0);
    plan.children_mut().into_iter().for_each(estimates_away);
}
