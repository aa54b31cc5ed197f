//! The search for the cheapest plan: for each logical node the ways to run it, and of those the cheapest that gives what is
//! asked of it.
//!
//! What is asked is a [`Goal`]: an order of the rows, and how many of them will be fetched before a limit above has enough.
//! `best(node, columns, goal)` collects the candidates of the node's operator (one file each here); a candidate asks its
//! inputs for goals of their own and says in which order its rows come. Where the order is not the one that is asked for, a
//! Sort goes on top and its price with it. The cheapest is remembered by node and goal, so each pair is looked at once and
//! the whole search is linear in the size of the plan.
//!
//! ```text
//! select * from orders join lineitem on l_orderkey = o_orderkey order by o_custkey, o_orderkey, l_linenumber limit 10
//!
//! Limit 10            either TopN over the join in any order,
//!   Join              or a Limit over the join in this order, of which 10 rows are wanted: an index join keeps the order of
//!                     its outer rows, so it asks orders for (o_custkey, o_orderkey) and 3 rows: an ordered index gives
//!                     them for nearly nothing, and each brings its lineitems in the order of their key.
//! ```
//!
//! Costs are those of reading as many rows as are wanted. An operator that must see all its input first (sort, grouping, the
//! build side of a hash join) wants all of it; one that lets rows through passes the wish down.
//!
//! What was left out: orders by expressions, orders through UNION ALL, and different orders of joins under different
//! goals (the order of joins is fixed by a rule before).

mod aggregate;
mod cop;
mod hash_join;
mod hints;
mod index_join;
mod join;
mod limit;
mod lock;
mod merge_join;
mod order;
mod rows;
mod statement;
mod window;

use std::rc::Rc;

use hashbrown::HashMap;

use super::access::{self, AccessContext};
use super::{Node, Plan};
use crate::column::{ColumnId, Columns};
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::stats::cardinality::{Profile, estimate_node};
use crate::{cost, logical};
use order::{Facts, Order};

pub(crate) use hints::{Wishes, alias_of, is_named};
pub(crate) use statement::lower;

/// What is asked of a plan besides its rows.
#[derive(Clone, Debug, Default, PartialEq)]
struct Goal {
    /// The order in which rows must come; empty = any.
    order: Order,
    /// About how many rows will be fetched; `None` = all.
    wanted: Option<f64>,
}

impl Goal {
    fn order(order: Order) -> Goal {
        Goal { order, wanted: None }
    }

    fn wanted(wanted: Option<f64>) -> Goal {
        Goal { order: Order::new(), wanted }
    }

    /// The part of an output of so many rows that will be fetched.
    fn part(&self, rows: f64) -> f64 {
        self.wanted.map_or(1.0, |wanted| (wanted / rows.max(1e-9)).clamp(0.0, 1.0))
    }

    /// How many of `input` rows are fetched if the `output` rows made of them are fetched to this goal's measure.
    fn through(&self, input: f64, output: f64) -> Option<f64> {
        self.wanted.map(|_| (input * self.part(output)).max(1.0))
    }
}

/// A way to run a node.
#[derive(Clone, Debug)]
struct Candidate {
    /// The operators; the root's cost is the candidate's.
    plan: Plan,
    /// The order in which rows come; empty = nothing is known.
    order: Order,
}

impl Candidate {
    fn unordered(plan: Plan) -> Candidate {
        Candidate { plan, order: Order::new() }
    }
}

/// A node, the columns that are wanted of it, and the goal.
type Question = (usize, ColumnSet, Order, Option<u64>);

/// The state of one statement's search. Logical nodes are known by their addresses, which stand still meanwhile.
struct Search<'a> {
    access: AccessContext<'a>,
    wishes: Wishes,
    /// What columns are.
    columns: &'a mut Columns,
    /// Profiles of the common table expressions before the plan at hand.
    ctes: Vec<Profile>,
    profiles: HashMap<usize, Rc<Profile>>,
    facts: HashMap<usize, Rc<Facts>>,
    answers: HashMap<Question, Candidate>,
}

fn address(plan: &logical::Plan) -> usize {
    std::ptr::from_ref(plan) as usize
}

impl<'a> Search<'a> {
    fn new(access: AccessContext<'a>, wishes: Wishes, columns: &'a mut Columns) -> Search<'a> {
        Search {
            access,
            wishes,
            columns,
            ctes: Vec::new(),
            profiles: HashMap::new(),
            facts: HashMap::new(),
            answers: HashMap::new(),
        }
    }

    /// The cheapest plan that yields at least the needed columns of the node and meets the goal.
    fn best(&mut self, plan: &logical::Plan, needed: &ColumnSet, goal: &Goal) -> Candidate {
        let question = (address(plan), needed.clone(), goal.order.clone(), goal.wanted.map(f64::to_bits));
        if let Some(known) = self.answers.get(&question) {
            return known.clone();
        }
        let mut candidates = self.ways(plan, needed, goal);
        if !goal.order.is_empty() {
            let facts = self.facts(plan);
            candidates.retain(|c| facts.meets(&c.order, &goal.order));
            // Sorting needs the columns, and all rows.
            let mut with_keys = needed.clone();
            with_keys.extend(goal.order.iter().map(|(id, _)| *id));
            let any = self.best(plan, &with_keys, &Goal::default());
            candidates.push(limit::sorted(any, &goal.order, self.columns));
        }
        let cheapest = candidates.into_iter().min_by(|a, b| a.plan.cost.total_cmp(&b.plan.cost));
        let cheapest =
            cheapest.expect("every node can be run somehow, and every order can be had by sorting");
        self.answers.insert(question, cheapest.clone());
        cheapest
    }

    /// The ways to run a node; at least one if no order is asked for. Those that cannot give the order are there too.
    fn ways(&mut self, plan: &logical::Plan, needed: &ColumnSet, goal: &Goal) -> Vec<Candidate> {
        match plan {
            logical::Plan::Scan(scan) => self.scan(scan, needed, goal),
            logical::Plan::Filter { input, predicates } => self.filter(plan, input, predicates, needed, goal),
            logical::Plan::Project { input, exprs } => self.project(input, exprs, needed, goal),
            logical::Plan::Join(join) => self.join(plan, join, needed, goal),
            logical::Plan::Apply { join, correlated } => self.apply(plan, join, correlated, needed, goal),
            logical::Plan::Aggregate { input, group_by, aggregates } => {
                self.aggregate(plan, input, group_by, aggregates, goal)
            }
            logical::Plan::Sort { input, keys } => self.sort(input, keys, needed, goal),
            logical::Plan::Window { input, window } => self.window(input, window, needed),
            logical::Plan::Limit { input, offset, count } => {
                self.limit(plan, input, *offset, *count, needed, goal)
            }
            logical::Plan::Union { inputs, columns, recursion } => {
                self.union(plan, inputs, columns, recursion.as_ref(), goal)
            }
            logical::Plan::MaxOneRow { input } => self.max_one_row(input, needed),
            logical::Plan::Lock { input, lock } => self.lock(input, lock, needed, goal),
            logical::Plan::Values { rows, columns } => self.values(plan, rows, columns),
            logical::Plan::CteScan { cte, columns } => self.cte_scan(plan, *cte, columns, needed),
        }
    }

    /// What a node yields, in numbers.
    fn profile(&mut self, plan: &logical::Plan) -> Rc<Profile> {
        if let Some(known) = self.profiles.get(&address(plan)) {
            return Rc::clone(known);
        }
        for child in plan.children() {
            self.profile(child);
        }
        let below = |child: &logical::Plan| (*self.profiles[&address(child)]).clone();
        let profile = Rc::new(estimate_node(plan, &self.ctes, &below));
        self.profiles.insert(address(plan), Rc::clone(&profile));
        profile
    }

    /// What holds of all rows of a node.
    fn facts(&mut self, plan: &logical::Plan) -> Rc<Facts> {
        let known = self.facts.entry(address(plan)).or_insert_with(|| Rc::new(Facts::of(plan)));
        Rc::clone(known)
    }

    fn scan(&mut self, scan: &logical::Scan, needed: &ColumnSet, goal: &Goal) -> Vec<Candidate> {
        let paths = access::paths(&self.access, scan, needed, &goal.order, goal.wanted);
        let candidate = |path: access::Path| {
            let plan = Plan { cost: path.cost, ..path.plan };
            Candidate { plan, order: path.order }
        };
        paths.into_iter().map(candidate).collect()
    }
}

/// An operator; `cost` with its inputs'.
fn operator(rows: f64, cost: f64, columns: Vec<ColumnId>, node: Node) -> Plan {
    Plan { id: 0, rows, cost, columns, node }
}

fn columns_of<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> ColumnSet {
    let mut set = ColumnSet::new();
    exprs.into_iter().for_each(|e| set.union_with(&e.column_set()));
    set
}

fn kept(columns: &[ColumnId], needed: &ColumnSet) -> Vec<ColumnId> {
    columns.iter().copied().filter(|id| needed.contains(*id)).collect()
}

/// What it costs to let rows through an operator that looks at each.
fn passing(rows: f64, exprs: usize) -> f64 {
    cost::evaluate(rows, exprs)
}
