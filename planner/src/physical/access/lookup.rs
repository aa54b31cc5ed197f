//! A table as the inner side of an index join: which keys can be looked up with what an outer row knows.
//!
//! ```sql
//! index i (a, b, c), where t.b = 5, join on t.a = o.x and t.c > o.y - 10
//!     -- prefix a = o.x, b = 5; c from o.y - 10 on
//! index i (a, b), where t.b in (1, 1000), join on t.a = o.x
//!     -- prefix a = o.x; points 1 and 1000 of b, so two lookups for each key
//! partition by hash (p), join on t.a = o.x and t.p = o.z
//!     -- the same, and o.z tells the partition of each key
//! ```
//! What would break it: an equality whose two sides agree only after a conversion that makes different values equal. A string
//! against a number, a decimal or a BIGINT against a double: no key. Integers of any signedness, decimals of any scale, dates
//! and datetimes compare by value, and the executor converts each value exactly (see [`Lookup`]).

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::AccessContext;
use super::hints::Allowed;
use super::site::{Direction, Entries, Site, reader};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::types::Family;
use crate::expr::{Expr, Function};
use crate::logical::Scan;
use crate::options::PruneMode;
use crate::physical::{Lookup, LookupKey, Plan, Ranges, Routing};
use crate::ranges::{column_values, subject};
use crate::stats::selectivity::selectivity;

/// The part of the entries under a prefix that a bound on the next column keeps.
const BOUND_KEEPS: f64 = 1.0 / 3.0;
/// More constants than this are read as one range.
const POINTS_MAX: usize = 64;

/// A way to read the scan as the inner side of an index join.
#[derive(Clone, Debug)]
pub(in crate::physical) struct LookupPath {
    /// A reader over a scan with [`super::Ranges::Lookup`].
    pub(in crate::physical) plan: Plan,
    /// The equalities that are in the prefix.
    pub(in crate::physical) used: Vec<usize>,
    /// Rows that one lookup yields, after the selections of the path.
    pub(in crate::physical) rows_per_lookup: f64,
    /// In the units of [`crate::cost`]; what is paid once for each statement is left out.
    pub(in crate::physical) cost_per_lookup: f64,
    /// Whether a lookup yields one row at most; the search goes by the number of rows.
    #[cfg(test)]
    pub(in crate::physical) unique: bool,
    /// The order of the rows of one lookup, ascending.
    pub(in crate::physical) order: Vec<ColumnId>,
    /// The index that is read; `None` = the table's own key.
    pub(in crate::physical) index: Option<usize>,
}

/// Ways to read the scan as the inner side of an index join; none if no key fits. `equalities`: outer expression, inner
/// column, whether NULL equals NULL. `bounds`: other conjuncts of the join that compare an inner column with an expression
/// over the outer side. `outer_columns`: what the outer side yields. `implied`: what holds of the inner rows because it holds of
/// the outer ones; it is not checked, but it prunes partitions.
///
/// Under static pruning there are none unless one partition is left (tidb.md A5).
pub(in crate::physical) fn lookup_paths(
    cx: &AccessContext,
    scan: &Scan,
    needed: &ColumnSet,
    equalities: &[(Expr, ColumnId, bool)],
    bounds: &[Expr],
    outer_columns: &ColumnSet,
    implied: &[Expr],
) -> Vec<LookupPath> {
    let site = Site::new(cx, scan, needed, &[], None).known(implied);
    let is_static = cx.options.prune_mode == PruneMode::Static && scan.table.partitioning.is_some();
    if is_static && site.partition_count() > 1 {
        return vec![];
    }
    let allowed = Allowed::of(cx, scan);
    let ask = Ask { site: &site, equalities, bounds, outer_columns };
    let own = allowed.own_key().then(|| ask.path(None)).flatten();
    let indexes = (0..scan.table.indexes.len()).filter(|i| allowed.index(*i));
    own.into_iter().chain(indexes.filter_map(|i| ask.path(Some(i)))).collect()
}

/// The inner column of one side of an equality: bare, or under a conversion that changes no value, so that a key of the
/// bare column serves.
pub(in crate::physical) fn looked_up(e: &Expr) -> Option<ColumnId> {
    subject(e)
}

/// What a join knows of the inner side's rows.
struct Ask<'a> {
    site: &'a Site<'a>,
    equalities: &'a [(Expr, ColumnId, bool)],
    bounds: &'a [Expr],
    outer_columns: &'a ColumnSet,
}

/// The leading columns of a key whose values are known, and the next one's bounds.
struct Prefix {
    lookup: Lookup,
    used: Vec<usize>,
    /// Whether the join bounds the column after them.
    bounded: bool,
    /// Predicates of the scan that the prefix holds exactly.
    covered: Vec<usize>,
    /// Number of columns.
    len: usize,
    /// Entries under one prefix.
    rows: f64,
}

impl Ask<'_> {
    fn path(&self, index: Option<usize>) -> Option<LookupPath> {
        let site = self.site;
        let table = &site.scan.table;
        let key = index.map_or_else(|| table.key.clone(), |i| site.index_key(i));
        let mut prefix = self.prefix(&key)?;
        if index.is_some_and(|i| table.is_global(i)) {
            // There is one space to look in.
            prefix.lookup.routing = None;
        }
        let whole = match index {
            None => table.key.len(),
            Some(i) if table.indexes[i].unique => table.indexes[i].columns.len(),
            Some(_) => usize::MAX,
        };
        // Several rows of a unique index may be NULL.
        let unique = prefix.len >= whole && prefix.lookup.prefix.iter().all(|key| !key.null_safe);
        let entries = if unique { prefix.rows.min(1.0) } else { prefix.rows };
        let rest = site.left_over(&prefix.covered);
        let out = entries * selectivity(&rest, &site.table);
        let order = key[prefix.len..].iter().map_while(|&o| site.id_of(o)).collect();
        let ranges = Ranges::Lookup(prefix.lookup);
        let (plan, cost) = self.plan(index, ranges, rest, entries, out)?;
        Some(LookupPath {
            plan,
            used: prefix.used,
            rows_per_lookup: out,
            cost_per_lookup: cost,
            #[cfg(test)]
            unique,
            order,
            index,
        })
    }

    fn plan(
        &self,
        index: Option<usize>,
        ranges: Ranges,
        rest: Vec<Expr>,
        entries: f64,
        out: f64,
    ) -> Option<(Plan, f64)> {
        let site = self.site;
        let wanted = site.wanted(&rest);
        let Ranges::Lookup(lookup) = &ranges else { return None };
        let finding = cost::look_up(lookup.points.len().max(1) as f64);
        let read = finding + cost::read(entries, wanted.len() + 1, rest.len());
        let Some(position) = index else {
            let scan = site.table_scan(&wanted, ranges, Direction::ANY, entries);
            return Some((reader(site.selection(scan, rest, out, site.needed), false), read));
        };
        if let Some(scan) = site.index_scan(position, &wanted, ranges.clone(), Direction::ANY, entries) {
            return Some((reader(site.selection(scan, rest, out, site.needed), true), read));
        }
        let entries = Entries { ranges, rows: entries, direction: Direction::ANY, rest, out_rows: out };
        let double = site.look_up(position, entries)?;
        Some((double.plan, finding + double.index_cost + double.table_cost))
    }

    /// The longest prefix of a key that the join and the scan's own predicates tell; `None` if the join tells nothing of it.
    fn prefix(&self, key: &[usize]) -> Option<Prefix> {
        let site = self.site;
        let columns = site.key_of(key);
        let mut prefix = Prefix {
            lookup: Lookup { prefix: vec![], points: vec![], low: vec![], high: vec![], routing: None },
            used: vec![],
            bounded: false,
            covered: vec![],
            len: 0,
            rows: 0.0,
        };
        let mut combinations = 1.0;
        for (id, ty) in &columns {
            if let Some(at) = self.equality(*id, ty) {
                let (outer, _, null_safe) = &self.equalities[at];
                combinations *= site.table.facet(*id).map_or(1.0, |f| f.distinct.max(1.0));
                prefix.lookup.prefix.push(LookupKey { value: outer.clone(), null_safe: *null_safe });
                prefix.used.push(at);
            } else if let Some((value, covered)) = self.constant(*id, ty) {
                let null_safe = value.is_null();
                let value = Expr::constant(value, ty.sql.clone());
                prefix.lookup.prefix.push(LookupKey { value, null_safe });
                prefix.covered.extend(covered);
            } else {
                break;
            }
            prefix.len += 1;
        }
        if let Some((id, ty)) = columns.get(prefix.len) {
            match self.points(*id, ty).filter(|_| !prefix.used.is_empty()) {
                Some((points, covered)) => {
                    prefix.lookup.points = points;
                    prefix.covered.extend(covered);
                }
                None => self.bound(*id, ty, &mut prefix),
            }
        }
        if prefix.used.is_empty() {
            return None;
        }
        prefix.covered.sort_unstable();
        prefix.covered.dedup();
        let known: Vec<Expr> = prefix.covered.iter().map(|&i| site.scan.predicates[i].clone()).collect();
        let rows = site.table.rows;
        let kept = rows * selectivity(&known, &site.table);
        prefix.rows = kept / combinations.min(rows.max(1.0)).max(1.0);
        if prefix.bounded {
            prefix.rows *= BOUND_KEEPS;
        }
        prefix.lookup.routing = self.routing();
        Some(prefix)
    }

    /// The first equality that gives the column a value.
    fn equality(&self, id: ColumnId, ty: &ColumnType) -> Option<usize> {
        self.equalities.iter().position(|(outer, inner, _)| {
            *inner == id
                && comparable(&outer.ty().sql, &ty.sql)
                && outer.column_set().is_subset(self.outer_columns)
        })
    }

    /// The one value that the scan's own predicates leave to a column, and those that say just that.
    fn constant(&self, id: ColumnId, ty: &ColumnType) -> Option<(Datum, Vec<usize>)> {
        let value = self.site.constant(id, ty)?;
        Some((value, self.saying(id, ty, |points| points == 1)))
    }

    /// The few values that they leave to it, if there are several, and those that say just that.
    fn points(&self, id: ColumnId, ty: &ColumnType) -> Option<(Vec<Datum>, Vec<usize>)> {
        let (values, _) = column_values(&self.site.scan.predicates, id, ty)?;
        let points: Vec<Datum> = values.points()?.into_iter().cloned().collect();
        let few = (2..=POINTS_MAX).contains(&points.len()) && !points.iter().any(Datum::is_null);
        few.then(|| (points, self.saying(id, ty, |_| true)))
    }

    /// The predicates that say of a column which values it has, and nothing besides. Each of them alone must leave so many
    /// points, or all together must be checked again.
    fn saying(&self, id: ColumnId, ty: &ColumnType, fits: impl Fn(usize) -> bool) -> Vec<usize> {
        let predicates = &self.site.scan.predicates;
        let alone = |e: &Expr| {
            let values = column_values(std::slice::from_ref(e), id, ty);
            let points = values.as_ref().and_then(|(values, _)| values.points());
            points.is_some_and(|points| fits(points.len())) && is_equality(e)
        };
        (0..predicates.len()).filter(|&i| alone(&predicates[i])).collect()
    }

    /// Bounds on the column after the prefix: from the join, and then from the scan's own predicates too.
    fn bound(&self, id: ColumnId, ty: &ColumnType, prefix: &mut Prefix) {
        for e in self.bounds {
            let Some((function, outer)) = self.comparison(e, id, ty) else { continue };
            match function {
                Function::Gt | Function::Ge => {
                    prefix.lookup.low.push((outer, function == Function::Ge));
                }
                Function::Lt | Function::Le => {
                    prefix.lookup.high.push((outer, function == Function::Le));
                }
                _ => continue,
            }
            prefix.bounded = true;
        }
        // The hull of what constants leave; the predicates themselves stay.
        let Some((values, _)) = column_values(&self.site.scan.predicates, id, ty) else { return };
        let bound = |bound: &Option<(Datum, bool)>| {
            let (value, inclusive) = bound.clone().filter(|(value, _)| !value.is_null())?;
            Some((Expr::constant(value, ty.sql.clone()), inclusive))
        };
        let (Some(first), Some(last)) = (values.intervals.first(), values.intervals.last()) else { return };
        // NULL lies below every bound.
        let null_will_do = matches!(first.low, Some((Datum::Null, true)));
        if !null_will_do {
            prefix.lookup.low.extend(bound(&first.low));
            prefix.lookup.high.extend(bound(&last.high));
        }
    }

    /// `column op outer`, whichever side the column stands on.
    fn comparison(&self, e: &Expr, id: ColumnId, ty: &ColumnType) -> Option<(Function, Expr)> {
        let Expr::Call { function, args, .. } = e else { return None };
        let [a, b] = args.as_slice() else { return None };
        let mirrored = match function {
            Function::Lt => Function::Gt,
            Function::Le => Function::Ge,
            Function::Gt => Function::Lt,
            Function::Ge => Function::Le,
            _ => return None,
        };
        let fits = |inner: &Expr, outer: &Expr| {
            subject(inner) == Some(id)
                && comparable(&outer.ty().sql, &ty.sql)
                && outer.column_set().is_subset(self.outer_columns)
        };
        if fits(a, b) {
            Some((function.clone(), b.clone()))
        } else if fits(b, a) {
            Some((mirrored, a.clone()))
        } else {
            None
        }
    }

    /// What an outer row says of every partition column; `None` if it leaves one open, or if one partition is left whatever it
    /// says.
    fn routing(&self) -> Option<Routing> {
        let table = &self.site.scan.table;
        let function = Arc::clone(self.site.scan.dealing.as_ref()?);
        let told = |&ordinal: &usize| {
            let id = self.site.id_of(ordinal)?;
            let ty = &table.columns[ordinal].ty;
            if let Some(at) = self.equality(id, ty) {
                return Some((ordinal, self.equalities[at].0.clone()));
            }
            let (value, _) = self.constant(id, ty)?;
            Some((ordinal, Expr::constant(value, ty.sql.clone())))
        };
        let values = function.scheme.columns.iter().map(told).collect::<Option<Vec<_>>>()?;
        if self.site.partition_count() <= 1 && values.iter().all(|(_, e)| e.column_set().is_empty()) {
            return None;
        }
        Some(Routing { function, values })
    }
}

/// Whether the predicate is `column = constant` or IS NULL, and nothing besides.
fn is_equality(e: &Expr) -> bool {
    let Expr::Call { function, .. } = e else { return false };
    matches!(function, Function::Eq | Function::NullEq | Function::In | Function::IsNull)
}

/// Whether values of the outer type compare with values of the inner one as they do after an exact conversion to the inner.
fn comparable(outer: &SqlType, inner: &SqlType) -> bool {
    let (outer_family, inner_family) = (Family::of(outer), Family::of(inner));
    let exact = |family| matches!(family, Family::Int | Family::UInt | Family::Decimal);
    let days = |family| matches!(family, Family::Date | Family::DateTime);
    outer_family != Family::Null
        && (outer_family == inner_family
            || exact(outer_family) && exact(inner_family)
            || days(outer_family) && days(inner_family))
}
