//! A TIMESTAMP stays the moment that it is held as, until something is made of what clocks show then.
//!
//! ```sql
//! set time_zone = 'Europe/Berlin'
//! where ts < '2024-07-01 12:00:00'         -- clock_of(ts) < '2024-07-01 12:00:00' becomes ts < '2024-07-01 10:00:00'
//! where a.ts = b.ts                        -- of the moments, which keys have
//! where unix_timestamp(ts) = 0             -- of the moment itself
//! select ts from t order by ts limit 10    -- clock_of of ten rows, in the order of a key
//! insert into u select ts from t           -- clock_of of nothing
//! ```
//! A projection of `clock_of(ts)` lets `ts` through in its place, and so do joins, groups and the rest of the plan; whoever uses
//! the column asks `clock_of` of it, and if nobody has, the root does.
//!
//! What would break it is the hour that clocks show twice. A time of that hour is equal to two moments, and one that clocks skip to
//! none (`held`): a constant is compared with what is shown, as everywhere. But two TIMESTAMPs are compared, sorted, grouped and
//! stored as moments, so that an answer does not depend on the way to it: MySQL does so where it has a key or puts rows into a
//! temporary table, MariaDB always; where they have none, MySQL and TiDB compare what is shown, and take two moments an hour apart
//! for one.

mod held;

use hashbrown::HashMap;

use super::Context;
use super::simplify::conjuncts;
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, AggregateFunction, Expr, Function, WindowCall};
use crate::logical::{Join, JoinKind, Plan, SortKey, Window};
use crate::zone::Zone;
use held::{clock_of, held};

/// Columns of a plan that are what clocks show: each with the zone, and the column of the moment that is there in its place.
type Shown = HashMap<ColumnId, (Zone, ColumnId)>;

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    let mut any = false;
    plan.walk(&mut |node| {
        node.visit_own_exprs(&mut |e| e.walk(&mut |part| any |= clock_of(part).is_some()));
    });
    if any { told(plan, cx) } else { plan }
}

/// The plan with the columns that it has.
fn told(plan: Plan, cx: &mut Context) -> Plan {
    let columns = plan.columns();
    let (plan, shown) = lifted(plan, cx);
    tell(plan, &shown, columns, cx)
}

/// Shows what clocks show.
fn tell(plan: Plan, shown: &Shown, columns: Vec<ColumnId>, cx: &Context) -> Plan {
    if !columns.iter().any(|id| shown.contains_key(id)) {
        return plan;
    }
    let column = |id: ColumnId| (id, said(Expr::column(id, cx.columns.ty(id).clone()), shown));
    Plan::Project { input: Box::new(plan), exprs: columns.into_iter().map(column).collect() }
}

/// An expression over what there is in place of shown columns.
fn said(e: Expr, shown: &Shown) -> Expr {
    e.transform(&mut |part| match part {
        Expr::Column { id, ty } => match shown.get(&id) {
            Some((zone, moment)) => {
                Expr::call(Function::ClockOf(*zone), vec![Expr::column(*moment, ty.clone())], ty)
            }
            None => Expr::Column { id, ty },
        },
        other @ (Expr::Constant { .. } | Expr::Call { .. }) => held(other),
    })
}

/// The plan with moments in place of what clocks show, and what they are in place of.
fn lifted(plan: Plan, cx: &mut Context) -> (Plan, Shown) {
    match plan {
        Plan::Project { input, exprs } => {
            let (input, below) = lifted(*input, cx);
            let mut columns = Kept::over(&input);
            for (id, e) in exprs {
                columns.add(id, said(e, &below));
            }
            (Plan::Project { input: Box::new(input), exprs: columns.exprs }, columns.shown)
        }
        Plan::Aggregate { input, group_by, aggregates } => {
            let (input, below) = lifted(*input, cx);
            let mut groups = Kept::over(&input);
            for (id, e) in group_by {
                groups.add(id, said(e, &below));
            }
            let (group_by, mut shown) = (groups.exprs, groups.shown);
            let of_moments = |(id, call): (ColumnId, AggregateCall)| {
                let args = call.args.into_iter().map(|e| said(e, &below)).collect();
                aggregate(id, AggregateCall { args, ..call }, &mut shown, cx)
            };
            let aggregates = aggregates.into_iter().map(of_moments).collect();
            (Plan::Aggregate { input: Box::new(input), group_by, aggregates }, shown)
        }
        Plan::Sort { input, keys } => {
            let (input, shown) = lifted(*input, cx);
            let keys = keys.into_iter().map(|key| SortKey { expr: moment(said(key.expr, &shown)), ..key });
            (Plan::Sort { keys: keys.collect(), input: Box::new(input) }, shown)
        }
        Plan::Window { input, window } if mixes_orders(&window) => lifted(parted(*input, window), cx),
        Plan::Window { input, window } => {
            // Bounds by value are counted from what clocks show, which then is the order, too, within partitions of moments.
            let by_value = window.calls.iter().any(|(_, call)| is_by_value(call));
            let (input, shown) = match *input {
                Plan::Sort { input, keys } if by_value => {
                    let (input, shown) = lifted(*input, cx);
                    let said = |key: SortKey| {
                        let is_partition = window.partition_by.contains(&key.expr);
                        let shown = said(key.expr, &shown);
                        SortKey { expr: if is_partition { moment(shown) } else { shown }, ..key }
                    };
                    let keys = keys.into_iter().map(said).collect();
                    (Plan::Sort { input: Box::new(input), keys }, shown)
                }
                input => lifted(input, cx),
            };
            let mut window = window.map(&mut |e| said(e, &shown));
            window.partition_by = window.partition_by.into_iter().map(moment).collect();
            if !by_value {
                window.order_by.iter_mut().for_each(|key| key.expr = moment(key.expr.clone()));
            }
            (Plan::Window { input: Box::new(input), window }, shown)
        }
        Plan::Join(join) => {
            let (left, mut of_left) = lifted(*join.left, cx);
            let (right, of_right) = lifted(*join.right, cx);
            if join.kind == JoinKind::Left {
                of_right.values().for_each(|(_, moment)| cx.columns.set_nullable(*moment));
            }
            let mut both = of_left.clone();
            both.extend(of_right);
            let all = |exprs: Vec<Expr>| exprs.into_iter().map(|e| said(e, &both)).collect();
            let (on, null_aware) = (all(join.on), all(join.null_aware));
            if join.kind.keeps_right() {
                of_left = both;
            }
            let (left, right) = (Box::new(left), Box::new(right));
            (Plan::Join(Join { left, right, on, null_aware, ..join }), of_left)
        }
        Plan::Union { inputs, columns, recursion: None } => union(inputs, columns, cx),
        // The one side uses columns of the other, and the plan of a round the rows of the round before.
        whole @ (Plan::Apply { .. } | Plan::Union { recursion: Some(_), .. }) => {
            let plan = whole.map_children(&mut |child| told(child, cx));
            (plan.map_own_exprs(&mut |e| e.transform(&mut held)), Shown::new())
        }
        Plan::Scan(mut scan) => {
            scan.predicates =
                conjuncts(scan.predicates.into_iter().map(|e| e.transform(&mut held)).collect());
            (Plan::Scan(scan), Shown::new())
        }
        same @ (Plan::Filter { .. }
        | Plan::Limit { .. }
        | Plan::Lock { .. }
        | Plan::MaxOneRow { .. }
        | Plan::Values { .. }
        | Plan::CteScan { .. }) => {
            let mut shown = Shown::new();
            let plan = same.map_children(&mut |child| {
                let (child, below) = lifted(child, cx);
                shown = below;
                child
            });
            if let Plan::MaxOneRow { .. } = plan {
                shown.values().for_each(|(_, moment)| cx.columns.set_nullable(*moment));
            }
            (plan.map_own_exprs(&mut |e| said(e, &shown)), shown)
        }
    }
}

/// Columns of a projection or a group.
struct Kept {
    /// Those of the input.
    below: ColumnSet,
    exprs: Vec<(ColumnId, Expr)>,
    done: ColumnSet,
    shown: Shown,
}

impl Kept {
    fn over(input: &Plan) -> Kept {
        Kept { below: input.column_set(), exprs: vec![], done: ColumnSet::new(), shown: Shown::new() }
    }

    /// Lets a moment through in place of what clocks show, unless it is one of a row around this plan.
    fn add(&mut self, id: ColumnId, e: Expr) {
        let column = clock_of(&e).and_then(|(zone, moment)| Some((zone, moment.as_column()?, moment)));
        let (id, e) = match column.filter(|(_, column, _)| self.below.contains(*column)) {
            Some((zone, column, moment)) => {
                self.shown.insert(id, (zone, column));
                (column, moment.clone())
            }
            None => (id, e),
        };
        if !self.done.contains(id) {
            self.done.insert(id);
            self.exprs.push((id, e));
        }
    }
}

/// The moment, of what clocks show.
fn moment(e: Expr) -> Expr {
    clock_of(&e).map(|(_, moment)| moment.clone()).unwrap_or(e)
}

/// An aggregate of moments, where it is one of them or their number.
fn aggregate(
    id: ColumnId,
    mut call: AggregateCall,
    shown: &mut Shown,
    cx: &mut Context,
) -> (ColumnId, AggregateCall) {
    match (&call.function, call.args.first().and_then(clock_of)) {
        (AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::AnyValue, Some((zone, _))) => {
            let column = cx.columns.add_computed("", call.ty.clone());
            shown.insert(id, (zone, column));
            call.args = call.args.into_iter().map(moment).collect();
            (column, call)
        }
        (AggregateFunction::Count | AggregateFunction::ApproxCountDistinct, _) => {
            call.args = call.args.into_iter().map(moment).collect();
            (id, call)
        }
        _ => (id, call),
    }
}

/// Whether its frame has bounds by value.
fn is_by_value(call: &WindowCall) -> bool {
    call.frame.key.is_some()
}

/// Whether some calls go by what clocks show, and others, which go by moments, are beside them.
fn mixes_orders(window: &Window) -> bool {
    let by_value = window.calls.iter().filter(|(_, call)| is_by_value(call)).count();
    (1..window.calls.len()).contains(&by_value)
}

/// The same in two steps, of which the second has the calls by value.
fn parted(input: Plan, window: Window) -> Plan {
    let (by_value, others) = window.calls.into_iter().partition(|(_, call)| is_by_value(call));
    let (partition_by, order_by) = (window.partition_by, window.order_by);
    let first = Window { partition_by: partition_by.clone(), order_by: order_by.clone(), calls: others };
    let second = Window { partition_by, order_by, calls: by_value };
    let keys = match &input {
        Plan::Sort { keys, .. } => keys.clone(),
        _ => Vec::new(),
    };
    let first = Box::new(Plan::Window { input: Box::new(input), window: first });
    let sorted = if keys.is_empty() { first } else { Box::new(Plan::Sort { keys, input: first }) };
    Plan::Window { input: sorted, window: second }
}

/// UNION ALL: of moments where all inputs have moments of one zone.
fn union(inputs: Vec<(Plan, Vec<ColumnId>)>, columns: Vec<ColumnId>, cx: &mut Context) -> (Plan, Shown) {
    let inputs: Vec<_> = inputs.into_iter().map(|(plan, ids)| (lifted(plan, cx), ids)).collect();
    let zone = |at: usize| {
        let mut zones =
            inputs.iter().map(|((_, shown), ids): &(_, Vec<ColumnId>)| shown.get(&ids[at]).map(|of| of.0));
        let first = zones.next()??;
        zones.all(|zone| zone == Some(first)).then_some(first)
    };
    let zones: Vec<Option<Zone>> = (0..columns.len()).map(zone).collect();
    let mut of_union = Shown::new();
    let mut place = |(id, zone): (ColumnId, &Option<Zone>)| match zone {
        Some(zone) => {
            let moment = cx.columns.add_computed("", cx.columns.ty(id).clone());
            of_union.insert(id, (*zone, moment));
            moment
        }
        None => id,
    };
    let columns = columns.into_iter().zip(&zones).map(&mut place).collect();
    let mut told = Vec::with_capacity(inputs.len());
    for ((plan, shown), ids) in inputs {
        let own = ids.iter().zip(&zones).map(|(id, zone)| match (zone, shown.get(id)) {
            (Some(_), Some((_, moment))) => *moment,
            _ => *id,
        });
        let own: Vec<ColumnId> = own.collect();
        let mut all: Vec<ColumnId> = Vec::with_capacity(own.len());
        own.iter().for_each(|id| {
            if !all.contains(id) {
                all.push(*id)
            }
        });
        told.push((tell(plan, &shown, all, cx), own));
    }
    (Plan::Union { inputs: told, columns, recursion: None }, of_union)
}
