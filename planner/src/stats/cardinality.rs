//! How many rows, and how many different values: the profile of what a logical plan yields.
//!
//! A join on columns that hold a whole unique key keeps, of each row of the other side, the part `rows / keys` that the
//! key's relation still has of its keys; this knows foreign keys without being told. Otherwise the classic formula holds:
//! divide by the larger number of distinct values, equality by equality.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashMap;

use super::selectivity::{selectivity, split_intervals};
use super::{ColumnStats, TableStats};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, AggregateFunction, Expr, Function};
use crate::logical::keys::bound_columns;
use crate::logical::predicate::{args_of, equality};
use crate::logical::{Join, JoinKind, Plan, Scan};

/// The rows of a plan, in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// How many.
    pub(crate) rows: f64,
    /// Whether guesses stand in for statistics somewhere below.
    pub(crate) pseudo: bool,
    /// Unique keys, and how many of each exist in the unfiltered relation that they come from.
    pub(crate) keys: Vec<(ColumnSet, f64)>,
    facets: HashMap<ColumnId, Facet>,
}

/// The values of one column, in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Facet {
    /// Distinct values, NULL not counted.
    pub(crate) distinct: f64,
    /// The part of the rows that is NULL.
    pub(crate) nulls: f64,
    /// Whether nothing is known.
    pub(crate) pseudo: bool,
    /// Statistics of the table column.
    pub(crate) stats: Option<Arc<ColumnStats>>,
    /// Mean and standard deviation, of a sum or count over a group.
    pub(crate) normal: Option<(f64, f64)>,
    /// The part of the table's values (as `stats` has them) that predicates on this column have left.
    pub(crate) kept: f64,
    /// Which filtered key this is: two columns of one domain have the same values, although each is only a part of
    /// what its statistics say (see [`key_domain`]).
    pub(crate) domain: Option<u64>,
}

impl Facet {
    fn computed(distinct: f64) -> Facet {
        Facet {
            distinct: distinct.max(1.0),
            nulls: 0.0,
            pseudo: false,
            stats: None,
            normal: None,
            kept: 1.0,
            domain: None,
        }
    }
}

/// TiDB's guess of the distinct values of a column of which nothing is known.
const PSEUDO_DISTINCT: f64 = 0.8;
/// An anti join, a semi join: at least this part stays.
const SEMI_LEAST: f64 = 0.01;
/// Keys to carry.
const KEYS_MAX: usize = 6;

impl Profile {
    fn of_rows(rows: f64) -> Profile {
        Profile { rows, pseudo: false, keys: Vec::new(), facets: HashMap::new() }
    }

    pub(crate) fn facet(&self, id: ColumnId) -> Option<&Facet> {
        self.facets.get(&id)
    }

    /// The columns and keys of several relations beside each other.
    pub(crate) fn merged<'p>(parts: impl Iterator<Item = &'p Profile>, rows: f64) -> Profile {
        let mut profile = Profile::of_rows(rows);
        for part in parts {
            profile.pseudo |= part.pseudo;
            profile.facets.extend(part.facets.iter().map(|(id, f)| (*id, f.clone())));
            profile.keys.extend(part.keys.iter().cloned());
        }
        profile
    }

    /// Distinct values of an expression.
    pub(crate) fn distinct(&self, e: &Expr) -> f64 {
        let of = |id: &ColumnId| self.facets.get(id).map_or(self.rows, |f| f.distinct);
        match e {
            Expr::Column { id, .. } => of(id),
            Expr::Constant { .. } => 1.0,
            Expr::Call { function, args, .. } => match function {
                Function::Extract(_) => args.iter().map(|a| self.distinct(a)).product::<f64>().min(10.0),
                Function::Case | Function::If => 3.0,
                _ => e.columns().iter().map(of).product::<f64>(),
            },
        }
        .clamp(1.0, self.rows.max(1.0))
    }

    /// After a filter.
    pub(crate) fn filtered(mut self, conjuncts: &[Expr]) -> Profile {
        if conjuncts.is_empty() {
            return self;
        }
        let kept = selectivity(conjuncts, &self);
        // For each narrowed column the distinct values that are left, and the part of its values that is kept.
        let mut narrowed: Vec<(ColumnId, f64, f64)> = Vec::new();
        let (intervals, rest) = split_intervals(conjuncts, &self);
        for (id, interval) in &intervals {
            let Some(facet) = self.facets.get(id) else { continue };
            let distinct = match (interval.point(), &facet.stats) {
                (Some(_), _) => 1.0,
                (None, Some(stats)) => facet.distinct * stats.fraction_in(interval),
                (None, None) => facet.distinct / 3.0,
            };
            let part = facet.stats.as_ref().map_or(1.0, |stats| stats.fraction_in(interval));
            narrowed.push((*id, distinct, part));
        }
        for e in rest {
            if let Some(args) = args_of(e, &Function::In)
                && let Some(id) = args[0].as_column()
            {
                let part = selectivity(std::slice::from_ref(e), &self);
                narrowed.push((id, args.len() as f64 - 1.0, part));
            }
        }
        let before = self.rows;
        self.rows = (before * kept).max(0.0);
        let rows = self.rows;
        for facet in self.facets.values_mut() {
            facet.distinct = surviving(facet.distinct, before, rows);
        }
        for (id, distinct, part) in narrowed {
            if let Some(facet) = self.facets.get_mut(&id) {
                facet.kept = (facet.kept * part).max(1e-9);
                facet.distinct = distinct.clamp(1.0, rows.max(1.0));
                facet.nulls = 0.0;
            }
        }
        self
    }

    /// Number of groups.
    pub(crate) fn groups(&self, keys: &[(ColumnId, Expr)]) -> f64 {
        if keys.is_empty() {
            return 1.0;
        }
        let combinations: f64 = keys.iter().map(|(_, e)| self.distinct(e)).product();
        if keys.len() == 1 {
            return combinations.min(self.rows).max(1.0);
        }
        drawn(combinations, self.rows).max(1.0)
    }

    fn limited(mut self, rows: f64) -> Profile {
        self.rows = self.rows.min(rows);
        let rows = self.rows.max(1.0);
        self.facets.values_mut().for_each(|f| f.distinct = f.distinct.min(rows));
        self
    }

    fn add_key(&mut self, key: ColumnSet, base: f64) {
        if self.keys.len() < KEYS_MAX && !self.keys.iter().any(|(known, _)| *known == key) {
            self.keys.push((key, base));
        }
    }
}

/// Distinct values seen in `draws` draws from `of` equally likely ones.
fn drawn(of: f64, draws: f64) -> f64 {
    if of <= 1.0 { of } else { of * (1.0 - (-draws / of).exp()) }
}

/// Distinct values left of `distinct` when `after` of `before` rows are kept at random.
fn surviving(distinct: f64, before: f64, after: f64) -> f64 {
    if after >= before || distinct <= 1.0 {
        return distinct.min(after.max(1.0));
    }
    let per_value = (before / distinct).max(1.0);
    let lost = (1.0 - after / before).powf(per_value);
    (distinct * (1.0 - lost)).clamp(1.0, after.max(1.0))
}

/// The profile of a plan; `ctes` holds those of the common table expressions' plans.
pub(crate) fn estimate(plan: &Plan, ctes: &[Profile]) -> Profile {
    estimate_node(plan, ctes, &|input| estimate(input, ctes))
}

/// The profile of a node, given those of its inputs.
pub(crate) fn estimate_node(plan: &Plan, ctes: &[Profile], of: &dyn Fn(&Plan) -> Profile) -> Profile {
    match plan {
        Plan::Scan(scan) => of_scan(scan),
        Plan::Values { rows, columns } => {
            let mut profile = Profile::of_rows(rows.len() as f64);
            profile.facets.extend(columns.iter().map(|id| (*id, Facet::computed(rows.len() as f64))));
            if rows.len() <= 1 {
                profile.add_key(ColumnSet::new(), 1.0);
            }
            profile
        }
        Plan::CteScan { cte, columns } => of_cte(ctes.get(*cte), columns),
        Plan::Filter { input, predicates } => of(input).filtered(predicates),
        Plan::Project { input, exprs } => projected(of(input), exprs),
        Plan::Join(join) | Plan::Apply { join, .. } => {
            let (left, right) = (of(&join.left), of(&join.right));
            joined(join, &left, &right)
        }
        Plan::Aggregate { input, group_by, aggregates } => aggregated(&of(input), group_by, aggregates),
        Plan::Sort { input, .. } | Plan::Lock { input, .. } => of(input),
        Plan::Window { input, window } => {
            let mut profile = of(input);
            let rows = profile.rows;
            profile.facets.extend(window.columns().map(|id| (id, Facet::computed(rows))));
            profile
        }
        Plan::Limit { input, offset, count } => {
            let input = of(input);
            let rows = (input.rows - *offset as f64).max(0.0);
            let rows = count.map_or(rows, |n| rows.min(n as f64));
            input.limited(rows)
        }
        Plan::MaxOneRow { input } => {
            let mut profile = of(input).limited(1.0);
            profile.rows = 1.0;
            profile.keys = vec![(ColumnSet::new(), 1.0)];
            profile
        }
        Plan::Union { inputs, columns, .. } => {
            let inputs: Vec<_> = inputs.iter().map(|(p, ids)| (of(p), ids)).collect();
            let mut profile = Profile::of_rows(inputs.iter().map(|(p, _)| p.rows).sum());
            profile.pseudo = inputs.iter().any(|(p, _)| p.pseudo);
            for (i, id) in columns.iter().enumerate() {
                let distinct =
                    inputs.iter().filter_map(|(p, ids)| p.facet(ids[i])).map(|f| f.distinct).sum::<f64>();
                profile.facets.insert(*id, Facet::computed(distinct));
            }
            profile
        }
    }
}

/// The profile of a table before any predicate.
pub(crate) fn of_table(scan: &Scan) -> Profile {
    let stats: &TableStats = &scan.stats;
    let mut rows = stats.rows as f64;
    if let Some(partitions) = &scan.partitions {
        rows *= partitions.len() as f64 / scan.table.partitions.len().max(1) as f64;
    }
    let mut profile = Profile { pseudo: stats.pseudo, ..Profile::of_rows(rows) };
    for (id, ordinal) in &scan.columns {
        let nullable = scan.table.columns[*ordinal].ty.nullable;
        let facet = match stats.columns.get(*ordinal) {
            Some(column) if !stats.pseudo => Facet {
                distinct: (column.distinct as f64).clamp(1.0, rows.max(1.0)),
                nulls: column.null_part(stats.rows as f64),
                pseudo: false,
                stats: Some(Arc::clone(column)),
                normal: None,
                kept: 1.0,
                domain: None,
            },
            _ => Facet {
                distinct: rows * PSEUDO_DISTINCT,
                nulls: if nullable { 1.0 / 1000.0 } else { 0.0 },
                pseudo: true,
                stats: None,
                normal: None,
                kept: 1.0,
                domain: None,
            },
        };
        profile.facets.insert(*id, facet);
    }
    let id_of = |ordinal: usize| scan.columns.iter().find(|(_, o)| *o == ordinal).map(|(id, _)| *id);
    let unique = scan.table.indexes.iter().filter(|i| i.unique).map(|i| &i.columns);
    for key in std::iter::once(&scan.table.key).chain(unique) {
        if key.iter().any(|&o| scan.table.columns[o].ty.nullable) {
            continue;
        }
        if let Some(key) = key.iter().map(|&o| id_of(o)).collect::<Option<ColumnSet>>() {
            if key.len() == 1 {
                for id in key.iter() {
                    if let Some(facet) = profile.facets.get_mut(&id) {
                        facet.distinct = rows.max(1.0);
                    }
                }
            }
            profile.add_key(key, rows.max(1.0));
        }
    }
    profile
}

fn of_scan(scan: &Scan) -> Profile {
    let table = of_table(scan);
    let one_per_key = rows_by_key(scan, &table);
    let mut profile = table.filtered(&scan.predicates);
    if let [key] = scan.table.key[..]
        && let Some((id, _)) = scan.columns.iter().find(|(_, ordinal)| *ordinal == key)
        && let Some(facet) = profile.facets.get_mut(id)
    {
        facet.domain = key_domain(scan);
    }
    match one_per_key {
        Some(rows) => profile.limited(rows),
        None => profile,
    }
}

/// A number for the set of keys that a filtered table has: the same for two scans of one table with equal predicates. A
/// semi join with a copy of a filtered table leaves exactly the keys that the table has, which the independence of
/// filters would take for a part of a part.
fn key_domain(scan: &Scan) -> Option<u64> {
    if scan.predicates.is_empty() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    scan.table.id.hash(&mut hasher);
    for e in &scan.predicates {
        e.walk(&mut |part| match part {
            Expr::Column { id, .. } => {
                scan.columns.iter().find(|(c, _)| c == id).map(|(_, o)| o).hash(&mut hasher)
            }
            Expr::Constant { value, .. } => value.to_string().hash(&mut hasher),
            Expr::Call { function, args, .. } => (function, args.len()).hash(&mut hasher),
        });
    }
    Some(hasher.finish())
}

/// At most how many rows equalities and IN lists on a whole unique key leave.
fn rows_by_key(scan: &Scan, profile: &Profile) -> Option<f64> {
    let choices = |ordinal: &usize| {
        let (id, _) = scan.columns.iter().find(|(_, o)| o == ordinal)?;
        scan.predicates.iter().find_map(|e| {
            let fixed = |x: &Expr| x.as_column() == Some(*id);
            let free_of = |x: &Expr| x.columns().iter().all(|c| profile.facet(*c).is_none());
            if let Some((a, b)) = equality(e) {
                return ((fixed(a) && free_of(b)) || (fixed(b) && free_of(a))).then_some(1.0);
            }
            let args = args_of(e, &Function::In)?;
            (fixed(&args[0]) && args[1..].iter().all(free_of)).then_some(args.len() as f64 - 1.0)
        })
    };
    // Equality is never true of NULL, so a nullable unique index counts too.
    let unique = scan.table.indexes.iter().filter(|i| i.unique).map(|i| &i.columns);
    std::iter::once(&scan.table.key)
        .chain(unique)
        .filter_map(|key| key.iter().map(choices).product::<Option<f64>>())
        .reduce(f64::min)
}

fn of_cte(cte: Option<&Profile>, columns: &[(ColumnId, ColumnId)]) -> Profile {
    let Some(source) = cte else { return Profile::of_rows(TableStats::PSEUDO_ROWS as f64) };
    let mut profile = Profile { pseudo: source.pseudo, ..Profile::of_rows(source.rows) };
    for (id, from) in columns {
        if let Some(facet) = source.facet(*from) {
            profile.facets.insert(*id, facet.clone());
        }
    }
    let renamed = |id: ColumnId| columns.iter().find(|(_, from)| *from == id).map(|(id, _)| *id);
    for (key, base) in &source.keys {
        if let Some(key) = key.iter().map(renamed).collect() {
            profile.add_key(key, *base);
        }
    }
    profile
}

/// After a projection.
pub(crate) fn projected(mut profile: Profile, exprs: &[(ColumnId, Expr)]) -> Profile {
    let mut renamed_keys = Vec::new();
    let renamed = |id: ColumnId| exprs.iter().find(|(_, e)| e.as_column() == Some(id)).map(|(out, _)| *out);
    for (key, base) in &profile.keys {
        if let Some(key) = key.iter().map(renamed).collect::<Option<ColumnSet>>() {
            renamed_keys.push((key, *base));
        }
    }
    for (id, e) in exprs {
        match e {
            Expr::Column { id: source, .. } if source == id => {}
            Expr::Column { id: source, .. } => {
                if let Some(facet) = profile.facets.get(source).cloned() {
                    profile.facets.insert(*id, facet);
                }
            }
            Expr::Constant { .. } | Expr::Call { .. } => {
                let facet = Facet::computed(profile.distinct(e));
                profile.facets.insert(*id, facet);
            }
        }
    }
    // Columns that are not among the outputs stay: nobody asks for them, and expressions over them may be moved here.
    profile.keys = renamed_keys;
    profile
}

/// After grouping.
pub(crate) fn aggregated(
    input: &Profile,
    group_by: &[(ColumnId, Expr)],
    aggregates: &[(ColumnId, AggregateCall)],
) -> Profile {
    let groups = input.groups(group_by);
    let mut profile = Profile { pseudo: input.pseudo, ..Profile::of_rows(groups) };
    for (id, e) in group_by {
        let facet = match e.as_column().and_then(|c| input.facet(c)) {
            Some(facet) => Facet { distinct: facet.distinct.min(groups), ..facet.clone() },
            None => Facet::computed(input.distinct(e).min(groups)),
        };
        profile.facets.insert(*id, facet);
    }
    let per_group = input.rows / groups.max(1.0);
    for (id, call) in aggregates {
        let mut facet = Facet::computed(groups);
        match call.function {
            AggregateFunction::CountAll | AggregateFunction::Count if !call.distinct => {
                facet.normal = Some((per_group, per_group.sqrt()));
                facet.distinct = (6.0 * per_group.sqrt() + 1.0).min(groups).max(1.0);
            }
            AggregateFunction::Sum => {
                // A compound Poisson sum: mean n E[x], variance n E[x^2].
                let stats =
                    call.args.first().and_then(Expr::as_column).and_then(|c| input.facet(c)?.stats.clone());
                if let Some((mean, square)) = stats.and_then(|s| moments(&s)) {
                    facet.normal = Some((per_group * mean, (per_group * square).sqrt()));
                }
            }
            AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::AnyValue => {
                if let Some(of) = call.args.first() {
                    facet.distinct = input.distinct(of).min(groups);
                }
            }
            AggregateFunction::CountAll
            | AggregateFunction::Count
            | AggregateFunction::Avg
            | AggregateFunction::BitAnd
            | AggregateFunction::BitOr
            | AggregateFunction::BitXor
            | AggregateFunction::StdDevPop
            | AggregateFunction::StdDevSamp
            | AggregateFunction::VarPop
            | AggregateFunction::VarSamp
            | AggregateFunction::JsonArrayAgg
            | AggregateFunction::JsonObjectAgg
            | AggregateFunction::GroupConcat(_)
            | AggregateFunction::ApproxCountDistinct
            | AggregateFunction::ApproxPercentile { .. } => {}
        }
        profile.facets.insert(*id, facet);
    }
    profile.add_key(group_by.iter().map(|(id, _)| *id).collect(), groups);
    profile
}

/// E[x] and E[x^2] of a number column.
fn moments(stats: &ColumnStats) -> Option<(f64, f64)> {
    let (mut mean, mut square) = (0.0, 0.0);
    for (value, weight) in stats.sample() {
        let x = value.as_f64()?;
        mean += weight * x;
        square += weight * x * x;
    }
    (!stats.histogram.is_empty()).then_some((mean, square))
}

/// After a join.
pub(crate) fn joined(join: &Join, left: &Profile, right: &Profile) -> Profile {
    let matching = match_profile(&join.on, left, right);
    let mut profile = Profile { pseudo: left.pseudo || right.pseudo, ..Profile::of_rows(0.0) };
    match join.kind {
        JoinKind::Inner | JoinKind::Left => {
            profile.rows = left.rows * right.rows * matching;
            if join.kind == JoinKind::Left {
                profile.rows = profile.rows.max(left.rows);
            }
            profile.facets.extend(left.facets.iter().map(|(id, f)| (*id, f.clone())));
            profile.facets.extend(right.facets.iter().map(|(id, f)| (*id, f.clone())));
            inherit_keys(&mut profile, join, left, right);
        }
        JoinKind::Semi | JoinKind::Anti => {
            let matched = semi_part(&join.on, left, right);
            let kept = if join.kind == JoinKind::Semi { matched } else { 1.0 - matched };
            profile.rows = left.rows * kept.max(SEMI_LEAST);
            profile.facets.clone_from(&left.facets);
            profile.keys.clone_from(&left.keys);
        }
        JoinKind::Mark(mark) => {
            profile.rows = left.rows;
            profile.facets.clone_from(&left.facets);
            profile.facets.insert(mark, Facet::computed(2.0));
            profile.keys.clone_from(&left.keys);
        }
    }
    share_domains(&mut profile, join, right);
    let rows = profile.rows.max(1.0);
    for facet in profile.facets.values_mut() {
        facet.distinct = facet.distinct.min(rows);
    }
    profile
}

/// Columns that an inner or semi join makes equal to a filtered key have that key's values.
fn share_domains(profile: &mut Profile, join: &Join, right: &Profile) {
    if !matches!(join.kind, JoinKind::Inner | JoinKind::Semi) {
        return;
    }
    for (a, b) in join.on.iter().filter_map(equality) {
        let (Some(a), Some(b)) = (a.as_column(), b.as_column()) else { continue };
        let of = |id| profile.facet(id).or(right.facet(id)).map(|f| (f.domain, f.distinct));
        let (Some((da, na)), Some((db, nb))) = (of(a), of(b)) else { continue };
        let Some(domain) = da.or(db) else { continue };
        for id in [a, b] {
            if let Some(facet) = profile.facets.get_mut(&id) {
                facet.domain = Some(domain);
                facet.distinct = na.min(nb);
            }
        }
    }
}

fn inherit_keys(profile: &mut Profile, join: &Join, left: &Profile, right: &Profile) {
    let (left_columns, right_columns) = (facet_columns(left), facet_columns(right));
    let covers = |p: &Profile, columns: &ColumnSet, other: &ColumnSet| {
        let bound = bound_columns(&join.on, columns, other);
        p.keys.iter().any(|(key, _)| key.is_subset(&bound))
    };
    if covers(right, &right_columns, &left_columns) {
        left.keys.iter().for_each(|(key, base)| profile.add_key(key.clone(), *base));
    }
    if join.kind == JoinKind::Inner && covers(left, &left_columns, &right_columns) {
        right.keys.iter().for_each(|(key, base)| profile.add_key(key.clone(), *base));
    }
    for ((l, lb), (r, rb)) in left.keys.iter().flat_map(|l| right.keys.iter().map(move |r| (l, r))) {
        let mut both = l.clone();
        both.union_with(r);
        profile.add_key(both, lb * rb);
    }
}

fn facet_columns(profile: &Profile) -> ColumnSet {
    profile.facets.keys().copied().collect()
}

/// The part of all pairs that satisfies the join condition.
pub(crate) fn match_profile(on: &[Expr], left: &Profile, right: &Profile) -> f64 {
    let (left_columns, right_columns) = (facet_columns(left), facet_columns(right));
    let (equalities, residual) = split_equalities(on, &left_columns, &right_columns);
    equality_part(&equalities, left, right) * residual_part(&residual, left, right)
}

/// Equalities between an expression over the left and one over the right side, and everything else.
pub(crate) fn split_equalities<'e>(
    on: &'e [Expr],
    left: &ColumnSet,
    right: &ColumnSet,
) -> (Vec<(&'e Expr, &'e Expr)>, Vec<&'e Expr>) {
    let (mut equalities, mut residual) = (Vec::new(), Vec::new());
    for e in on {
        let pair = equality(e).and_then(|(a, b)| {
            let (ca, cb) = (a.column_set(), b.column_set());
            let on_sides = |x: &ColumnSet, y: &ColumnSet| {
                !x.is_empty() && !y.is_empty() && x.is_subset(left) && y.is_subset(right)
            };
            if on_sides(&ca, &cb) {
                Some((a, b))
            } else if on_sides(&cb, &ca) {
                Some((b, a))
            } else {
                None
            }
        });
        match pair {
            Some(pair) => equalities.push(pair),
            None => residual.push(e),
        }
    }
    (equalities, residual)
}

/// The part of all pairs that agrees on the equalities.
pub(crate) fn equality_part(equalities: &[(&Expr, &Expr)], left: &Profile, right: &Profile) -> f64 {
    let mut part = 1.0;
    let mut open: Vec<bool> = vec![true; equalities.len()];
    let domain = |e: &Expr, of: &Profile| e.as_column().and_then(|id| of.facet(id)?.domain);
    for ((a, b), open) in equalities.iter().zip(&mut open) {
        if domain(a, left).is_some() && domain(a, left) == domain(b, right) {
            part /= left.distinct(a).max(right.distinct(b)).max(1.0);
            *open = false;
        }
    }
    // A whole unique key counts as one equality over as many values as there are keys.
    let sides = [(left, 0), (right, 1)];
    let best = sides
        .iter()
        .flat_map(|(profile, side)| profile.keys.iter().map(move |(key, base)| (key, *base, *side)))
        .filter(|(key, ..)| !key.is_empty())
        .filter_map(|(key, base, side)| {
            let of = |pair: &(&Expr, &Expr)| if side == 0 { pair.0.as_column() } else { pair.1.as_column() };
            let covered: Vec<usize> = (0..equalities.len())
                .filter(|&i| open[i] && of(&equalities[i]).is_some_and(|id| key.contains(id)))
                .collect();
            let ids: ColumnSet = covered.iter().filter_map(|&i| of(&equalities[i])).collect();
            // Values that predicates took from both sides alike are no chance to miss.
            let kept: f64 = covered.iter().map(|&i| kept_by_both(equalities[i], left, right)).product();
            (ids == *key).then_some((covered, base * kept))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((covered, base)) = best {
        part /= base.max(1.0);
        covered.into_iter().for_each(|i| open[i] = false);
    }
    for ((a, b), _) in equalities.iter().zip(&open).filter(|(_, open)| **open) {
        part /= left.distinct(a).max(right.distinct(b)).max(1.0);
    }
    part
}

/// The part of the values of an equality's columns that predicates have left on the side where they left more.
fn kept_by_both((a, b): (&Expr, &Expr), left: &Profile, right: &Profile) -> f64 {
    let kept = |e: &Expr, of: &Profile| e.as_column().and_then(|id| of.facet(id)).map_or(1.0, |f| f.kept);
    kept(a, left).max(kept(b, right))
}

fn residual_part(residual: &[&Expr], left: &Profile, right: &Profile) -> f64 {
    if residual.is_empty() {
        return 1.0;
    }
    let mut both = left.clone();
    both.facets.extend(right.facets.iter().map(|(id, f)| (*id, f.clone())));
    residual.iter().map(|e| selectivity(std::slice::from_ref(*e), &both)).product()
}

/// The part of the left rows that has a match.
pub(crate) fn semi_part(on: &[Expr], left: &Profile, right: &Profile) -> f64 {
    let (left_columns, right_columns) = (facet_columns(left), facet_columns(right));
    let (equalities, residual) = split_equalities(on, &left_columns, &right_columns);
    if right.rows < 1e-9 {
        return 0.0;
    }
    let (mut hit, mut keys) = (1.0, 1.0);
    for (a, b) in &equalities {
        let (l, r) = (left.distinct(a), right.distinct(b));
        hit *= (r / l.max(1.0)).min(1.0);
        keys *= r;
    }
    // Of the candidates that share the keys, at least one must satisfy the rest.
    let candidates = (right.rows / keys.min(right.rows).max(1.0)).max(1.0);
    let each = residual_part(&residual, left, right);
    let found = if residual.is_empty() { 1.0 } else { 1.0 - (1.0 - each).powf(candidates) };
    (hit * found).clamp(0.0, 1.0)
}
