//! The order of inner joins, by cost.
//!
//! Inner joins that touch each other, with the filters and projections between them, are one set of relations and one set
//! of conjuncts. Semi and anti joins over them take part too: such a join is one more element, which can be joined as
//! soon as the relations that its condition names are there. A semi join whose inner side cannot match twice is an
//! ordinary relation. Up to [`EXHAUSTIVE_MAX`] elements every bushy tree without cross products is looked at (dynamic
//! programming over subsets); above that, the cheapest pair is joined again and again.
//!
//! Equalities form classes: from `a = b and b = c` follows `a = c`, so a and c may be joined first. A join of two sets
//! takes one equality of each class that both have a member of; the others follow.
//!
//! The number of rows of a set does not depend on how it was joined: it is computed once, by taking one relation out of
//! it, preferably one whose unique key the others hold (then each of their rows meets at most one of its).
//!
//! Hints may say what comes first (see [`super::leading`]): then only trees are looked at in which the named relations are
//! a chain of their own, with cross products if need be.
//!
//! What would break it: outer joins are not reordered (each is one relation here); a class member that meets its class
//! only through a third relation (`a.x = b.z and b.z = a.y`) needs `a.x = a.y` said on its own.

use hashbrown::HashMap;

use super::Context;
use super::push_predicates::push;
use super::simplify::{conjuncts, value};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::Expr;
use crate::logical::keys::bound_columns;
use crate::logical::predicate::{equality, equals};
use crate::logical::{Join, JoinKind, Plan};
use crate::stats::cardinality::{Profile, equality_part, semi_part};
use crate::stats::selectivity::selectivity;

/// Elements up to which every order is looked at.
const EXHAUSTIVE_MAX: usize = 10;

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    match &plan {
        Plan::Join(join) if joins_freely(join.kind) => order(plan, cx),
        Plan::Filter { input, predicates }
            if matches!(input.as_ref(), Plan::Join(join) if joins_freely(join.kind))
                && !in_turn(predicates) =>
        {
            order(plan, cx)
        }
        _ => plan.map_children(&mut |child| apply(child, cx)),
    }
}

fn joins_freely(kind: JoinKind) -> bool {
    matches!(kind, JoinKind::Inner | JoinKind::Semi | JoinKind::Anti)
}

/// A set of elements, as bits.
type Set = u64;

/// A semi or anti join over the relations.
struct Satellite {
    kind: JoinKind,
    on: Vec<Expr>,
    null_aware: Vec<Expr>,
    /// The relations that must be there first.
    needs: Set,
}

/// What joins the relations.
#[derive(Default)]
struct Graph {
    /// Relations, then inner sides of satellites.
    elements: Vec<Plan>,
    profiles: Vec<Profile>,
    columns: Vec<ColumnSet>,
    /// Number of relations.
    relations: usize,
    satellites: Vec<Satellite>,
    /// Columns that are equal, with their relations.
    classes: Vec<Vec<(usize, Expr)>>,
    /// The relations of each class.
    class_sets: Vec<Set>,
    /// Conjuncts over several relations that are not in a class: what they need, and whether they connect.
    conditions: Vec<(Set, Expr)>,
    /// The sets of relations that hints want made on the way: the first two of them, the first three, and so on.
    chain: Vec<Set>,
}

/// What is known of a set.
#[derive(Clone, Copy)]
struct Entry {
    cost: f64,
    /// The two parts it is best made of; a single element has none.
    split: Option<(Set, Set)>,
}

fn order(plan: Plan, cx: &mut Context) -> Plan {
    let mut parts = Parts::default();
    flatten(plan, &mut parts, cx);
    let Parts { relations, mut predicates, computed, mut satellites } = parts;
    // Conditions are written with what the relations yield.
    let by: HashMap<ColumnId, Expr> = computed.iter().cloned().collect();
    let resolve = |e: Expr| resolve(e, &by);
    predicates = conjuncts(predicates.into_iter().map(&resolve).collect());
    for (join, _) in &mut satellites {
        join.on = join.on.drain(..).map(&resolve).collect();
        join.null_aware = join.null_aware.drain(..).map(&resolve).collect();
    }
    let relations: Vec<Plan> = relations.into_iter().map(|r| apply(r, cx)).collect();
    let chain = cx.leading.chain(&relations);
    let mut graph = Graph::new(relations, predicates, cx);
    graph.lead(&chain);
    for (join, right) in satellites {
        let right = apply(right, cx);
        graph.add_satellite(join, right, cx);
    }
    let plan = if graph.elements.len() <= EXHAUSTIVE_MAX { exhaustive(&graph) } else { greedy(&graph) };
    if computed.is_empty() {
        return plan;
    }
    let mut exprs: Vec<(ColumnId, Expr)> =
        plan.columns().into_iter().map(|id| (id, Expr::column(id, cx.columns.ty(id).clone()))).collect();
    exprs.extend(computed.into_iter().map(|(id, e)| (id, self::resolve(e, &by))));
    Plan::Project { input: Box::new(plan), exprs }
}

/// Substitutes computed columns, those of projections below projections included.
fn resolve(e: Expr, by: &HashMap<ColumnId, Expr>) -> Expr {
    let mut e = e;
    while e.columns().iter().any(|id| by.contains_key(id)) {
        e = value(e.substitute(by));
    }
    e
}

#[derive(Default)]
struct Parts {
    relations: Vec<Plan>,
    predicates: Vec<Expr>,
    /// Columns that projections between the joins computed.
    computed: Vec<(ColumnId, Expr)>,
    /// Semi and anti joins without their left side, and their right side.
    satellites: Vec<(Join, Plan)>,
}

fn flatten(plan: Plan, parts: &mut Parts, cx: &Context) {
    match plan {
        Plan::Join(join) if join.kind == JoinKind::Inner => {
            parts.predicates.extend(join.on);
            flatten(*join.left, parts, cx);
            flatten(*join.right, parts, cx);
        }
        Plan::Join(join) if join.kind == JoinKind::Semi && matches_once(&join, cx) => {
            parts.predicates.extend(join.on);
            flatten(*join.left, parts, cx);
            flatten(*join.right, parts, cx);
        }
        Plan::Join(join) if joins_freely(join.kind) => {
            flatten(*join.left, parts, cx);
            let nothing = Plan::Values { rows: vec![], columns: vec![] };
            let (left, right) = (Box::new(nothing.clone()), Box::new(nothing));
            parts.satellites.push((Join { left, right, ..join }, *join.right));
        }
        Plan::Filter { input, predicates } if extends(&input) && !in_turn(&predicates) => {
            parts.predicates.extend(predicates);
            flatten(*input, parts, cx);
        }
        Plan::Project { input, exprs } if extends(&input) && !volatile(&exprs) => {
            parts.computed.extend(exprs.into_iter().filter(|(id, e)| e.as_column() != Some(*id)));
            flatten(*input, parts, cx);
        }
        relation => parts.relations.push(relation),
    }
}

/// Whether there are joins below that belong to the same set.
fn extends(plan: &Plan) -> bool {
    match plan {
        Plan::Join(join) => joins_freely(join.kind),
        Plan::Filter { input, predicates } => !in_turn(predicates) && extends(input),
        Plan::Project { input, exprs } => !volatile(exprs) && extends(input),
        _ => false,
    }
}

/// Whether something is computed that must stay with the rows it is computed for.
fn volatile(exprs: &[(ColumnId, Expr)]) -> bool {
    exprs.iter().any(|(_, e)| e.is_volatile())
}

/// Whether they are asked of what the joins leave, and in the order in which they stand.
fn in_turn(predicates: &[Expr]) -> bool {
    predicates.iter().any(Expr::in_turn)
}

/// Whether a left row can meet at most one right row.
fn matches_once(join: &Join, cx: &Context) -> bool {
    let (left, right) = (join.left.column_set(), join.right.column_set());
    let bound = bound_columns(&join.on, &right, &left);
    cx.unique_keys(&join.right).iter().any(|key| key.is_subset(&bound))
}

fn bit(element: usize) -> Set {
    1 << element
}

fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..64).filter(move |i| set >> i & 1 == 1)
}

impl Graph {
    fn new(relations: Vec<Plan>, predicates: Vec<Expr>, cx: &Context) -> Graph {
        let mut graph = Graph { relations: relations.len(), ..Graph::default() };
        let columns: Vec<ColumnSet> = relations.iter().map(Plan::column_set).collect();
        let mut own: Vec<Vec<Expr>> = vec![Vec::new(); relations.len()];
        let owner = |id: ColumnId| columns.iter().position(|c| c.contains(id));
        for e in predicates {
            let needs = needs(&e, &columns);
            let columns = equality(&e).and_then(|(a, b)| Some((a.as_column()?, b.as_column()?)));
            match columns {
                Some((a, b)) if needs.count_ones() == 2 => {
                    let (Some(ra), Some(rb), Some((ea, eb))) = (owner(a), owner(b), equality(&e)) else {
                        continue;
                    };
                    graph.add_to_classes((ra, ea.clone()), (rb, eb.clone()));
                }
                _ if needs.count_ones() <= 1 => {
                    own[needs.trailing_zeros() as usize % relations.len()].push(e)
                }
                _ => graph.conditions.push((needs, e)),
            }
        }
        let set_of =
            |class: &Vec<(usize, Expr)>| class.iter().fold(0, |set, (relation, _)| set | bit(*relation));
        graph.class_sets = graph.classes.iter().map(set_of).collect();
        // Two members of a class in one relation are equal too.
        for class in &graph.classes {
            for (i, (relation, e)) in class.iter().enumerate() {
                if let Some((_, first)) = class[..i].iter().find(|(other, _)| other == relation) {
                    own[*relation].push(equals(first.clone(), e.clone()));
                }
            }
        }
        for (relation, own) in relations.into_iter().zip(own) {
            let relation = if own.is_empty() { relation } else { push(relation, own) };
            graph.profiles.push(cx.estimate(&relation));
            graph.elements.push(relation);
        }
        graph.columns = columns;
        graph
    }

    fn add_to_classes(&mut self, a: (usize, Expr), b: (usize, Expr)) {
        let mut merged = vec![a, b];
        self.classes.retain(|class| {
            let touches =
                class.iter().any(|(_, e)| merged[..2].iter().any(|(_, m)| m.as_column() == e.as_column()));
            if touches {
                for member in class {
                    if !merged.iter().any(|(_, m)| m.as_column() == member.1.as_column()) {
                        merged.push(member.clone());
                    }
                }
            }
            !touches
        });
        self.classes.push(merged);
    }

    fn add_satellite(&mut self, join: Join, right: Plan, cx: &Context) {
        let mut needs_all = 0;
        for e in join.on.iter().chain(&join.null_aware) {
            needs_all |= needs(e, &self.columns[..self.relations]);
        }
        self.profiles.push(cx.estimate(&right));
        self.columns.push(right.column_set());
        self.elements.push(right);
        let Join { kind, on, null_aware, .. } = join;
        // A condition on nothing but the inner side still needs somebody to hold on to.
        let needs = if needs_all == 0 { bit(0) } else { needs_all };
        self.satellites.push(Satellite { kind, on, null_aware, needs });
    }

    fn satellite(&self, element: usize) -> Option<&Satellite> {
        self.satellites.get(element.wrapping_sub(self.relations)).filter(|_| element >= self.relations)
    }

    /// The satellite, if the set is just that.
    fn only_satellite(&self, set: Set) -> Option<&Satellite> {
        (set.count_ones() == 1).then(|| self.satellite(set.trailing_zeros() as usize)).flatten()
    }

    /// Begins with these relations.
    fn lead(&mut self, chain: &[usize]) {
        let mut set = 0;
        for (i, relation) in chain.iter().enumerate() {
            set |= bit(*relation);
            if i > 0 {
                self.chain.push(set);
            }
        }
    }

    /// Whether hints let these two sets be joined: a link of the chain with the next, or with all of the chain on one side.
    fn follows_hints(&self, a: Set, b: Set) -> bool {
        let Some(whole) = self.chain.last() else { return true };
        let set = a | b;
        let inside = set & whole;
        if inside == 0 {
            return true;
        }
        if inside != *whole {
            return self.is_link(a, b);
        }
        if set == *whole { self.is_link(a, b) } else { a & whole == *whole || b & whole == *whole }
    }

    /// Whether the two make a part of the chain out of a shorter one and one relation.
    fn is_link(&self, a: Set, b: Set) -> bool {
        let Some(at) = self.chain.iter().position(|set| *set == a | b) else { return false };
        let longer = if a.count_ones() >= b.count_ones() { a } else { b };
        longer.count_ones() == 1 || (at > 0 && self.chain[at - 1] == longer)
    }

    /// Whether the two sets may be joined without being crossed, as far as hints allow it; or hints ask for it.
    fn joinable(&self, a: Set, b: Set) -> bool {
        self.is_link(a, b) || (self.follows_hints(a, b) && self.connected(a, b))
    }

    /// Whether something other than a cross product joins the two sets.
    fn connected(&self, a: Set, b: Set) -> bool {
        for (satellite, other) in [(self.only_satellite(a), b), (self.only_satellite(b), a)] {
            if let Some(satellite) = satellite {
                return satellite.needs & other == satellite.needs;
            }
        }
        self.shares_class(a, b)
            || self.conditions.iter().any(|(needs, e)| {
                let spans = needs & !(a | b) == 0 && needs & a != 0 && needs & b != 0;
                spans && (equality(e).is_some() || self.is_one_row(a) || self.is_one_row(b))
            })
    }

    /// Whether an equality holds between the two sets.
    fn shares_class(&self, a: Set, b: Set) -> bool {
        self.class_sets.iter().any(|class| class & a != 0 && class & b != 0)
    }

    /// A single row may be joined to anything by any condition.
    fn is_one_row(&self, set: Set) -> bool {
        set.count_ones() == 1
            && self.profiles[set.trailing_zeros() as usize].keys.iter().any(|(key, _)| key.is_empty())
    }

    /// One equality of each class that has members on both sides, left member first. Where a class has several members on
    /// a side, the relation that has members of most classes is taken, so that a composite key is seen as one.
    fn equalities(&self, a: Set, b: Set) -> Vec<(&Expr, &Expr)> {
        let sets = self.classes.iter().zip(&self.class_sets);
        let shared: Vec<(&Vec<(usize, Expr)>, &Set)> =
            sets.filter(|(_, set)| **set & a != 0 && **set & b != 0).collect();
        let classes_of = |relation: usize| shared.iter().filter(|(_, set)| *set & bit(relation) != 0).count();
        let member = |class: &'_ [(usize, Expr)], set: Set| {
            let members = class.iter().enumerate().filter(|(_, (relation, _))| set & bit(*relation) != 0);
            members
                .max_by_key(|(i, (relation, _))| (classes_of(*relation), std::cmp::Reverse(*i)))
                .map(|(i, _)| i)
        };
        shared
            .iter()
            .filter_map(|(class, _)| Some((&class[member(class, a)?].1, &class[member(class, b)?].1)))
            .collect()
    }

    /// The other conditions that can be checked once the two sets are joined, and not before.
    fn new_conditions(&self, a: Set, b: Set) -> impl Iterator<Item = &Expr> {
        self.conditions.iter().filter_map(move |(needs, e)| {
            let ready = needs & !(a | b) == 0 && needs & !a != 0 && needs & !b != 0;
            ready.then_some(e)
        })
    }

    /// Rows of a set.
    fn rows(&self, set: Set, known: &mut HashMap<Set, f64>) -> f64 {
        if set.count_ones() == 1 {
            return self.profiles[set.trailing_zeros() as usize].rows;
        }
        if let Some(rows) = known.get(&set) {
            return *rows;
        }
        let out = self.last_of(set);
        let rest = set & !bit(out);
        let rest_rows = self.rows(rest, known);
        let rows = match self.satellite(out) {
            Some(satellite) => {
                let left = self.merged(satellite.needs & rest, rest_rows);
                let part = semi_part(&satellite.on, &left, &self.profiles[out]);
                let part = if satellite.kind == JoinKind::Anti { 1.0 - part } else { part };
                rest_rows * part.clamp(0.02, 1.0)
            }
            None => {
                let equalities = self.equalities(rest, bit(out));
                let left = self.merged(rest, rest_rows);
                let mut part = equality_part(&equalities, &left, &self.profiles[out]);
                let conditions: Vec<Expr> = self.new_conditions(rest, bit(out)).cloned().collect();
                if !conditions.is_empty() {
                    part *= selectivity(&conditions, &self.merged(set, rest_rows));
                }
                rest_rows * self.profiles[out].rows * part
            }
        };
        known.insert(set, rows);
        rows
    }

    /// Which element to take out of a set to estimate it: a satellite if there is one, else a relation whose unique key
    /// the others hold, else any that leaves the rest in one piece.
    fn last_of(&self, set: Set) -> usize {
        if let Some(satellite) = members(set).find(|i| *i >= self.relations) {
            return satellite;
        }
        let whole = |i: usize| self.in_one_piece(set & !bit(i));
        let keyed = |i: usize| {
            let equalities = self.equalities(set & !bit(i), bit(i));
            let bound: ColumnSet = equalities.iter().filter_map(|(_, e)| e.as_column()).collect();
            self.profiles[i].keys.iter().any(|(key, _)| !key.is_empty() && key.is_subset(&bound))
        };
        let best = members(set).find(|i| keyed(*i) && whole(*i)).or_else(|| members(set).find(|i| whole(*i)));
        best.unwrap_or(set.trailing_zeros() as usize)
    }

    fn in_one_piece(&self, set: Set) -> bool {
        let mut reached = set & set.wrapping_neg();
        loop {
            let more = members(set & !reached).filter(|i| self.connected(reached, bit(*i)));
            let grown = more.fold(reached, |set, i| set | bit(i));
            if grown == reached {
                return reached == set;
            }
            reached = grown;
        }
    }

    /// A profile that knows the columns of all relations of a set.
    fn merged(&self, set: Set, rows: f64) -> Profile {
        Profile::merged(members(set).map(|i| &self.profiles[i]), rows)
    }

    /// The cost of joining two sets once they are there.
    fn join_cost(&self, a: Set, b: Set, known: &mut HashMap<Set, f64>) -> f64 {
        let (rows_a, rows_b, out) = (self.rows(a, known), self.rows(b, known), self.rows(a | b, known));
        let satellite = self.only_satellite(b).or(self.only_satellite(a));
        let hashes = match satellite {
            Some(satellite) => satellite.on.iter().any(|e| equality(e).is_some()),
            None => self.shares_class(a, b) || self.new_conditions(a, b).any(|e| equality(e).is_some()),
        };
        if !hashes {
            return cost::nested_loops(rows_a, rows_b, out);
        }
        let keeps_unmatched = satellite.is_some_and(|satellite| satellite.kind == JoinKind::Anti);
        cost::hash_join(rows_a.min(rows_b), rows_a.max(rows_b), out, keeps_unmatched)
    }

    /// The plan that joins two plans.
    fn join(&self, (a, left): (Set, Plan), (b, right): (Set, Plan)) -> Plan {
        if self.only_satellite(a).is_some() && self.only_satellite(b).is_none() {
            return self.join((b, right), (a, left));
        }
        let (left, right) = (Box::new(left), Box::new(right));
        if let Some(satellite) = self.only_satellite(b) {
            let Satellite { kind, on, null_aware, .. } = satellite;
            let (on, null_aware) = (on.clone(), null_aware.clone());
            return Plan::Join(Join { kind: *kind, left, right, on, null_aware, mirrored: false });
        }
        let mut on: Vec<Expr> =
            self.equalities(a, b).into_iter().map(|(x, y)| equals(x.clone(), y.clone())).collect();
        on.extend(self.new_conditions(a, b).cloned());
        Plan::Join(Join { kind: JoinKind::Inner, left, right, on, null_aware: vec![], mirrored: false })
    }
}

/// The relations that an expression uses.
fn needs(e: &Expr, columns: &[ColumnSet]) -> Set {
    let used = e.column_set();
    columns.iter().enumerate().filter(|(_, c)| c.intersects(&used)).fold(0, |set, (i, _)| set | bit(i))
}

/// Dynamic programming over subsets: the best way to make a set is the best way to make two parts of it, joined.
fn exhaustive(graph: &Graph) -> Plan {
    let n = graph.elements.len();
    let all: Set = bit(n) - 1;
    let mut known = HashMap::new();
    let mut best: Vec<Option<Entry>> = vec![None; bit(n) as usize];
    for i in 0..n {
        best[bit(i) as usize] = Some(Entry { cost: 0.0, split: None });
    }
    // First without cross products; if the relations do not hang together, with them.
    for crossing in [false, true] {
        for set in 1..=all {
            if set.count_ones() < 2 {
                continue;
            }
            let low = set & set.wrapping_neg();
            let mut part = (set - 1) & set;
            while part != 0 {
                let other = set & !part;
                // Each pair once: the part that holds the lowest element.
                if part & low != 0
                    && let (Some(x), Some(y)) = (best[part as usize], best[other as usize])
                    && (graph.joinable(part, other) || (crossing && may_cross(graph, part, other)))
                {
                    let so_far = x.cost + y.cost;
                    if best[set as usize].is_some_and(|entry| entry.cost <= so_far) {
                        part = (part - 1) & set;
                        continue;
                    }
                    let cost = so_far + graph.join_cost(part, other, &mut known);
                    if best[set as usize].is_none_or(|entry| cost < entry.cost) {
                        best[set as usize] = Some(Entry { cost, split: Some((part, other)) });
                    }
                }
                part = (part - 1) & set;
            }
        }
        if best[all as usize].is_some() {
            break;
        }
    }
    assemble(all, &best, graph, &mut known)
}

/// A satellite is never crossed with anything: it waits for what it needs.
fn may_cross(graph: &Graph, a: Set, b: Set) -> bool {
    graph.only_satellite(a).is_none() && graph.only_satellite(b).is_none() && graph.follows_hints(a, b)
}

fn assemble(set: Set, best: &[Option<Entry>], graph: &Graph, known: &mut HashMap<Set, f64>) -> Plan {
    let Some(Entry { split: Some((a, b)), .. }) = best[set as usize] else {
        return graph.elements[set.trailing_zeros() as usize].clone();
    };
    // The larger input on the left, where it probes.
    let (a, b) = if graph.rows(a, known) >= graph.rows(b, known) { (a, b) } else { (b, a) };
    let (left, right) = (assemble(a, best, graph, known), assemble(b, best, graph, known));
    graph.join((a, left), (b, right))
}

/// Joins the cheapest pair until one is left.
fn greedy(graph: &Graph) -> Plan {
    let mut known = HashMap::new();
    let mut parts: Vec<(Set, Plan)> =
        graph.elements.iter().enumerate().map(|(i, plan)| (bit(i), plan.clone())).collect();
    while parts.len() > 1 {
        let mut best: Option<(f64, usize, usize)> = None;
        for crossing in [false, true] {
            for i in 0..parts.len() {
                for j in i + 1..parts.len() {
                    let (a, b) = (parts[i].0, parts[j].0);
                    if graph.joinable(a, b) || (crossing && may_cross(graph, a, b)) {
                        let cost = graph.join_cost(a, b, &mut known);
                        if best.is_none_or(|(least, ..)| cost < least) {
                            best = Some((cost, i, j));
                        }
                    }
                }
            }
            if best.is_some() {
                break;
            }
        }
        let Some((_, i, j)) = best else { break };
        let b = parts.swap_remove(j);
        let a = parts.swap_remove(i);
        let set = a.0 | b.0;
        let (a, b) = if graph.rows(a.0, &mut known) >= graph.rows(b.0, &mut known) { (a, b) } else { (b, a) };
        let joined = graph.join(a, b);
        parts.push((set, joined));
    }
    parts.swap_remove(0).1
}
