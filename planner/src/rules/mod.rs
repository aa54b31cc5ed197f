//! Rewrites of the logical plan: one rule a file, one list, in this order.
//!
//! A rule is a function from a plan to a plan with the same rows (in any order, unless a Sort says otherwise) and at
//! least the same needed columns. Column ids never change meaning, so a rule may move operators about without renaming.
//! In debug builds the plan is checked after each rule and the guilty one is named.

mod aggregates;
mod decorrelate;
mod empty;
mod extremes;
mod generated;
mod group_below;
mod group_keys;
mod join_order;
mod leading;
mod limits;
mod marks;
mod moments;
mod projections;
mod prune_columns;
mod push_predicates;
mod reduce_aggregates;
mod simplify;

use crate::column::Columns;
use crate::column_set::ColumnSet;
use crate::hints::Hints;
use crate::logical::keys::unique_keys;
use crate::logical::{Plan, Query, check};
use crate::physical::PlanWarning;
use crate::stats::cardinality::{Profile, estimate};
use leading::Leading;

pub(crate) use extremes::extremes;
pub(crate) use prune_columns::cte_columns;

/// What rules may look at, and the arena they take new columns from.
pub(crate) struct Context<'a> {
    /// Columns of the statement.
    pub(crate) columns: &'a mut Columns,
    /// Profiles of the common table expressions before the plan at hand.
    pub(crate) cte_profiles: Vec<Profile>,
    /// Unique keys of the common table expressions.
    pub(crate) cte_keys: Vec<Vec<ColumnSet>>,
    /// What is asked of the root.
    pub(crate) required: ColumnSet,
    /// Hints on the order of joins.
    leading: Leading,
}

impl Context<'_> {
    pub(crate) fn estimate(&self, plan: &Plan) -> Profile {
        estimate(plan, &self.cte_profiles)
    }

    pub(crate) fn unique_keys(&self, plan: &Plan) -> Vec<ColumnSet> {
        unique_keys(plan, &self.cte_keys)
    }
}

type Rule = (&'static str, fn(Plan, &mut Context) -> Plan);

/// The rules in the order in which they run.
///
/// Predicates are brought into shape first, since every later rule reads them. Subqueries become joins before predicates
/// move, because a predicate on a subquery's value tells which outer joins are really inner; what clocks show is computed
/// as late as possible before anybody looks for columns, and where a correlated subquery is in the way once more when
/// predicates have moved. Predicates are at the scans before anything is estimated, and generated columns stand there for
/// what they hold. Aggregates are reduced, and brought below outer joins, before joins
/// are ordered, and predicates move once more because the reduction made new ones. Columns are pruned when nothing will ask
/// for another one.
const RULES: &[Rule] = &[
    ("simplify", simplify::apply),
    ("marks", marks::apply),
    ("decorrelate", decorrelate::apply),
    ("projections", projections::apply),
    ("moments", moments::apply),
    ("extremes", extremes::apply),
    ("push_predicates", push_predicates::apply),
    ("moments", moments::apply),
    ("generated", generated::apply),
    ("reduce_aggregates", reduce_aggregates::apply),
    ("push_predicates", push_predicates::apply),
    ("group_keys", group_keys::apply),
    ("group_below", group_below::apply),
    ("aggregates", aggregates::apply),
    ("join_order", join_order::apply),
    ("empty", empty::apply),
    ("projections", projections::apply),
    ("limits", limits::apply),
    ("prune_columns", prune_columns::apply),
    ("projections", projections::apply),
];

/// Runs all rules over a query, common table expressions first; says which hints could not be followed.
pub(crate) fn rewrite(mut query: Query, columns: &mut Columns, hints: &Hints) -> (Query, Vec<PlanWarning>) {
    let required = query.output.iter().map(|c| c.id).collect();
    let mut cx = Context {
        columns,
        cte_profiles: Vec::new(),
        cte_keys: Vec::new(),
        required: ColumnSet::new(),
        leading: Leading::new(&hints.list),
    };
    for at in 0..query.ctes.len() {
        cx.required = query.ctes[at].column_set();
        let plan = run(query.ctes[at].clone(), &mut cx, &query.ctes[..at]);
        cx.cte_profiles.push(cx.estimate(&plan));
        let keys = cx.unique_keys(&plan);
        cx.cte_keys.push(keys);
        query.ctes[at] = plan;
    }
    cx.required = required;
    query.plan = run(query.plan, &mut cx, &query.ctes);
    // What nobody reads of a common table expression need not be computed; later ones may read earlier ones.
    for at in (0..query.ctes.len()).rev() {
        let readers = query.ctes[at + 1..].iter().chain(std::iter::once(&query.plan));
        cx.required = cte_columns(at, readers);
        let plan = std::mem::replace(&mut query.ctes[at], Plan::Values { rows: vec![], columns: vec![] });
        query.ctes[at] = projections::apply(prune_columns::apply(plan, &mut cx), &mut cx);
    }
    (query, cx.leading.warnings())
}

fn run(mut plan: Plan, cx: &mut Context, ctes: &[Plan]) -> Plan {
    for (name, rule) in RULES {
        plan = rule(plan, cx);
        if cfg!(debug_assertions) {
            verify(name, &plan, cx, ctes);
        }
    }
    plan
}

fn verify(rule: &str, plan: &Plan, cx: &Context, ctes: &[Plan]) {
    let query = Query { plan: plan.clone(), ctes: ctes.to_vec(), output: vec![] };
    if let Err(broken) = check(&query) {
        panic!("rule {rule} broke the plan: {broken}\n{plan:#?}");
    }
    assert!(cx.required.is_subset(&plan.column_set()), "rule {rule} lost a column of the result\n{plan:#?}");
}
