//! The operator info: conditions, keys, functions, ranges.

use allod_storage::schema::Datum;

use super::access::{Scanned, scan_below};
use super::names::join_name;
use super::{Writer, expr};
use crate::column::ColumnId;
use crate::expr::{Bound, Expr, Function};
use crate::logical::Window;
use crate::physical::{
    Aggregation, HashJoin, IndexJoin, LockStrength, LockingWait, Lookup, LookupKey, MergeJoin, Node, Plan,
    PointGet, Range, Ranges, RowLock, Side, SortKey,
};

impl Writer<'_> {
    /// The operator info of an operator.
    pub(super) fn info(&self, plan: &Plan) -> String {
        let words = &self.words;
        match &plan.node {
            Node::Values { rows } => format!("rows:{}", rows.len()),
            Node::TableScan(scan) => self.scan_info(plan, scan.keep_order, scan.descending, scan.pseudo),
            Node::IndexScan(scan) => self.scan_info(plan, scan.keep_order, scan.descending, scan.pseudo),
            Node::TableReader { input } => format!("data:{}", self.name(input)),
            Node::IndexReader { input } => format!("index:{}", self.name(input)),
            Node::PointGet(get) => point_info(get),
            Node::Selection { predicates, .. } => words.list(predicates),
            Node::Projection { exprs, .. } => {
                let each = exprs.iter().map(|(id, e)| {
                    let text = words.expr(e);
                    let same = e.as_column() == Some(*id)
                        || matches!(e, Expr::Call { function: Function::ClockOf(_), .. });
                    if same { text } else { format!("{text}->{}", words.column(*id)) }
                });
                each.collect::<Vec<_>>().join(", ")
            }
            Node::IndexLookUp(lookup) => match lookup.limit {
                Some((offset, count)) => format!("limit embedded(offset:{offset}, count:{count})"),
                None => String::new(),
            },
            Node::IndexMerge(merge) if merge.intersection => "type: intersection".into(),
            Node::IndexMerge(_) => "type: union".into(),
            Node::PartitionUnion { .. } => String::new(),
            Node::HashJoin(join) => self.join_info(join),
            Node::IndexJoin(join) => self.index_join_info(join),
            Node::MergeJoin(join) => self.merge_join_info(join),
            Node::Apply(apply) => {
                let mut info = join_name(apply.kind, !apply.null_aware.is_empty(), false).to_string();
                if apply.on.is_empty() {
                    info = format!("CARTESIAN {info}");
                } else {
                    info = format!("{info}, other cond:{}", words.list(&apply.on));
                }
                info
            }
            Node::HashAgg(agg) | Node::StreamAgg(agg) => self.aggregate_info(agg),
            Node::Sort { keys, .. } => self.sort_keys(keys),
            Node::Window { window, .. } => self.window_info(window),
            Node::TopN { keys, offset, count, .. } => {
                format!("{}, offset:{offset}, count:{count}", self.sort_keys(keys))
            }
            Node::Limit { offset, count: Some(count), .. } => format!("offset:{offset}, count:{count}"),
            Node::Limit { offset, count: None, .. } => format!("offset:{offset}"),
            Node::Union { recursion: Some(recursion), .. } => {
                let rows = if recursion.distinct.is_some() { ", distinct" } else { "" };
                format!("rounds:CTE_{}{rows}", recursion.working)
            }
            Node::Union { recursion: None, .. } | Node::MaxOneRow { .. } => String::new(),
            Node::SelectLock { lock, .. } => lock_text(lock),
            Node::CteScan { cte, .. } => format!("data:CTE_{cte}"),
            Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. } => "N/A".into(),
        }
    }

    fn join_info(&self, join: &HashJoin) -> String {
        let words = &self.words;
        let name = join_name(join.kind, !join.null_aware.is_empty(), join.mirrored);
        let mut parts =
            vec![if join.keys.is_empty() { format!("CARTESIAN {name}") } else { name.to_string() }];
        if !join.keys.is_empty() {
            let equal = |(left, right): &(Expr, Expr)| {
                let (a, b) = if join.mirrored { (right, left) } else { (left, right) };
                format!("eq({}, {})", words.expr(a), words.expr(b))
            };
            let keys: Vec<String> = join.keys.iter().map(equal).collect();
            parts.push(format!("equal:[{}]", keys.join(" ")));
        }
        self.further_conditions(&join.null_aware, &join.residual, &mut parts);
        parts.join(", ")
    }

    /// `inner join, inner:IndexLookUp_12, outer key:d.t1.a, inner key:d.t2.a, equal cond:eq(d.t1.a, d.t2.a)`: the keys are
    /// those that are looked up, the conditions all equalities.
    fn index_join_info(&self, join: &IndexJoin) -> String {
        let words = &self.words;
        let inner = match join.outer {
            Side::Left => &join.right,
            Side::Right => &join.left,
        };
        let scan = scan_below(inner);
        let prefix = scan.as_ref().and_then(Scanned::lookup).map_or(&[][..], |lookup| &lookup.prefix);
        let looked_up: Vec<&(Expr, Expr)> =
            join.keys.iter().filter(|(outer, _)| prefix.iter().any(|key| key.value == *outer)).collect();
        let mut parts = vec![
            join_name(join.kind, !join.null_aware.is_empty(), join.mirrored).to_string(),
            format!("inner:{}", self.name(inner)),
        ];
        if !looked_up.is_empty() {
            let outer: Vec<String> = looked_up.iter().map(|(outer, _)| words.expr(outer)).collect();
            let inner: Vec<String> = looked_up.iter().map(|(_, inner)| words.expr(inner)).collect();
            parts.push(format!("outer key:{}", outer.join(", ")));
            parts.push(format!("inner key:{}", inner.join(", ")));
        }
        if !join.keys.is_empty() {
            let equal: Vec<String> =
                join.keys.iter().map(|(a, b)| format!("eq({}, {})", words.expr(a), words.expr(b))).collect();
            parts.push(format!("equal cond:{}", equal.join(", ")));
        }
        self.further_conditions(&join.null_aware, &join.residual, &mut parts);
        parts.join(", ")
    }

    /// `inner join, left key:d.t1.a, right key:d.t2.a`.
    fn merge_join_info(&self, join: &MergeJoin) -> String {
        let keys = |side: fn(&(Expr, Expr)) -> &Expr| {
            join.keys.iter().map(|key| self.words.expr(side(key))).collect::<Vec<_>>().join(", ")
        };
        let (left, right) = (keys(|(left, _)| left), keys(|(_, right)| right));
        let (left, right) = if join.mirrored { (right, left) } else { (left, right) };
        let mut parts = vec![
            join_name(join.kind, !join.null_aware.is_empty(), join.mirrored).to_string(),
            format!("left key:{left}"),
            format!("right key:{right}"),
        ];
        self.further_conditions(&join.null_aware, &join.residual, &mut parts);
        parts.join(", ")
    }

    fn further_conditions(&self, null_aware: &[Expr], residual: &[Expr], parts: &mut Vec<String>) {
        if !null_aware.is_empty() {
            parts.push(format!("null aware cond:{}", self.words.list(null_aware)));
        }
        if !residual.is_empty() {
            parts.push(format!("other cond:{}", self.words.list(residual)));
        }
    }

    fn aggregate_info(&self, agg: &Aggregation) -> String {
        let words = &self.words;
        let mut parts = Vec::new();
        if !agg.group_by.is_empty() {
            let keys: Vec<String> = agg.group_by.iter().map(|(_, e)| words.expr(e)).collect();
            parts.push(format!("group by:{}", keys.join(", ")));
        }
        for (id, call) in &agg.aggregates {
            parts.push(format!("funcs:{}->{}", words.aggregate(call), words.column(*id)));
        }
        parts.join(", ")
    }

    /// `row_number()->Column#5 over(partition by d.t.b order by d.t.a rows between current row and current row)`.
    fn window_info(&self, window: &Window) -> String {
        let words = &self.words;
        let calls = window.calls.iter().map(|(id, call)| {
            let mut over: Vec<String> = Vec::new();
            if !window.partition_by.is_empty() {
                over.push(format!("partition by {}", words.list(&window.partition_by)));
            }
            if !window.order_by.is_empty() {
                over.push(format!("order by {}", self.sort_keys(&window.order_by)));
            }
            if call.function.has_frame() {
                let unit = if call.frame.rows { "rows" } else { "range" };
                let (start, end) = (self.bound(&call.frame.start), self.bound(&call.frame.end));
                over.push(format!("{unit} between {start} and {end}"));
            }
            format!("{}->{} over({})", words.window_call(call), words.column(*id), over.join(" "))
        });
        calls.collect::<Vec<_>>().join(", ")
    }

    fn bound(&self, bound: &Bound) -> String {
        match bound {
            Bound::First => "unbounded preceding".into(),
            Bound::Last => "unbounded following".into(),
            Bound::Current => "current row".into(),
            Bound::Row(n) if *n < 0 => format!("{} preceding", n.unsigned_abs()),
            Bound::Row(n) => format!("{n} following"),
            Bound::Value(e) => self.words.expr(e),
        }
    }

    fn sort_keys(&self, keys: &[SortKey]) -> String {
        let each = keys.iter().map(|key| {
            let descending = if key.descending { ":desc" } else { "" };
            format!("{}{descending}", self.words.expr(&key.expr))
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn scan_info(&self, plan: &Plan, keep_order: bool, descending: bool, pseudo: bool) -> String {
        let mut parts = Vec::new();
        if let Some(scan) = Scanned::of(&plan.node) {
            match scan.ranges {
                Ranges::Fixed(ranges) => {
                    let shown = |range: &Range| self.range_text(&scan, range);
                    let texts: Vec<String> = ranges.iter().take(RANGES_SHOWN).map(shown).collect();
                    let more = match ranges.len() > RANGES_SHOWN {
                        true => format!(", ...({} ranges)", ranges.len()),
                        false => String::new(),
                    };
                    parts.push(format!("range:{}{more}", texts.join(", ")));
                }
                Ranges::Lookup(lookup) => {
                    parts.push(format!("range: decided by [{}]", self.deciding(&scan, lookup).join(" ")));
                }
                Ranges::All | Ranges::Handles => {}
            }
        }
        parts.push(format!("keep order:{keep_order}"));
        if descending {
            parts.push("desc".into());
        }
        if pseudo {
            parts.push("stats:pseudo".into());
        }
        parts.join(", ")
    }

    /// `[1,5)`, `(3,+inf]`, `[1 2,1 2]` for a prefix of two columns.
    fn range_text(&self, scan: &Scanned<'_>, range: &Range) -> String {
        let width = range.low.len().max(range.high.len());
        let shown = |(position, value): (usize, &Datum)| match scan.key_type(position) {
            Some(ty) => value_text(&self.words.value(value, ty)),
            None => value_text(value),
        };
        let bound = |values: &[Datum], open: &str| {
            let mut texts: Vec<String> = values.iter().enumerate().map(shown).collect();
            if texts.len() < width {
                texts.push(open.into());
            }
            texts.join(" ")
        };
        let (opens, closes) =
            (if range.low_inclusive { '[' } else { '(' }, if range.high_inclusive { ']' } else { ')' });
        format!("{opens}{},{}{closes}", bound(&range.low, "-inf"), bound(&range.high, "+inf"))
    }

    /// The conditions that decide the ranges of a lookup; for a table whose key is one integer TiDB names the outer
    /// expression alone.
    fn deciding(&self, scan: &Scanned<'_>, lookup: &Lookup) -> Vec<String> {
        let words = &self.words;
        let is_handle = scan.index.is_none()
            && scan.table.key.len() == 1
            && scan.table.columns[scan.table.key[0]].ty.sql.is_integer();
        let bound = |name: &str, e: &Expr| {
            format!("{name}({}, {})", scan.key_column(lookup.prefix.len()), words.expr(e))
        };
        let prefix = lookup.prefix.iter().enumerate().map(|(position, LookupKey { value, null_safe })| {
            let column = scan.key_column(position);
            let is_null = matches!(value, Expr::Constant { value: Datum::Null, .. });
            match null_safe {
                true if is_null => format!("isnull({column})"),
                true => format!("nulleq({column}, {})", words.expr(value)),
                false if is_handle => words.expr(value),
                false => format!("eq({column}, {})", words.expr(value)),
            }
        });
        let points = (!lookup.points.is_empty()).then(|| {
            let texts: Vec<String> = lookup.points.iter().map(value_text).collect();
            format!("in({}, {})", scan.key_column(lookup.prefix.len()), texts.join(", "))
        });
        let low = lookup.low.iter().map(|(e, inclusive)| bound(if *inclusive { "ge" } else { "gt" }, e));
        let high = lookup.high.iter().map(|(e, inclusive)| bound(if *inclusive { "le" } else { "lt" }, e));
        prefix.chain(points).chain(low).chain(high).collect()
    }
}

/// Ranges that are written out; of more only their number is.
const RANGES_SHOWN: usize = 8;

fn value_text(value: &Datum) -> String {
    match value {
        Datum::String(s) => format!("{s:?}"),
        Datum::Bytes(_) => format!("0x{}", expr::hex(value)),
        other => other.to_string(),
    }
}

/// TiDB's words: `for update 0`; the number is the seconds of WAIT.
fn lock_text(lock: &RowLock) -> String {
    let strength = match lock.strength {
        LockStrength::Update => "for update",
        LockStrength::Share => "for share",
    };
    match lock.wait {
        LockingWait::Wait => format!("{strength} 0"),
        LockingWait::No => format!("{strength} nowait 0"),
        LockingWait::Seconds(seconds) => format!("{strength} wait {seconds}"),
    }
}

fn point_info(get: &PointGet) -> String {
    let mut info = point_keys(get);
    if get.lock.is_some() {
        info += if info.is_empty() { "lock" } else { ", lock" };
    }
    info
}

fn point_keys(get: &PointGet) -> String {
    if get.index.is_some() || get.table.key.len() != 1 || !get.table.clustered {
        return if get.keys.len() > 1 { "keep order:false, desc:false".into() } else { String::new() };
    }
    let handles: Vec<String> = get.keys.iter().flatten().map(value_text).collect();
    match handles.as_slice() {
        [one] => format!("handle:{one}"),
        several => format!("handle:[{}], keep order:false, desc:false", several.join(" ")),
    }
}

impl expr::Words<'_> {
    fn column(&self, id: ColumnId) -> String {
        self.columns.explain_name(id)
    }
}
