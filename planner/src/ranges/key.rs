//! Ranges over the leading columns of a key.

use std::cmp::Ordering;

use allod_storage::schema::{ColumnType, Datum};

use super::value::about_column;
use crate::column::ColumnId;
use crate::expr::{Expr, Function};
use crate::logical::predicate::args_of;
use crate::physical::Range;
use crate::stats::histogram::Interval;

/// More ranges than this are not made; the columns that would multiply them are left to a filter.
const RANGES_MAX: usize = 4096;
/// An OR of more branches over several columns is left to a filter.
const BRANCHES_MAX: usize = 1024;

/// Ranges over the leading columns of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyRanges {
    /// Sorted and disjoint.
    pub(crate) ranges: Vec<Range>,
    /// The conjuncts that the ranges were made of.
    pub(crate) used: Vec<usize>,
    /// Those of them that hold for every key in the ranges, and need not be checked again.
    pub(crate) covered: Vec<usize>,
    /// If every column of the key has points only: the keys.
    pub(crate) points: Option<Vec<Vec<Datum>>>,
    /// How many columns the ranges narrow, at least.
    pub(crate) width: usize,
}

/// A column of a key, as predicates know it.
#[derive(Clone, Debug)]
pub(crate) struct KeyColumn {
    /// The column that predicates speak of.
    pub(crate) id: ColumnId,
    /// Its type.
    pub(crate) ty: ColumnType,
    /// The key has no more than so many characters of it, or bytes.
    pub(crate) prefix: Option<u32>,
}

impl From<(ColumnId, ColumnType)> for KeyColumn {
    fn from((id, ty): (ColumnId, ColumnType)) -> KeyColumn {
        KeyColumn { id, ty, prefix: None }
    }
}

type Key = [KeyColumn];

/// The ranges of a key that the conjuncts leave; `None` if they leave all of it.
pub(crate) fn key_ranges(key: &Key, conjuncts: &[Expr]) -> Option<KeyRanges> {
    let all: Vec<&Expr> = conjuncts.iter().collect();
    let mut best = by_column(key, &all);
    for (i, e) in conjuncts.iter().enumerate() {
        let Some(branches) = args_of(e, &Function::Or) else { continue };
        let known = best.as_ref().is_some_and(|b| b.covered.contains(&i));
        if known || branches.len() > BRANCHES_MAX {
            continue;
        }
        let Some(united) = by_branch(key, &all, i, branches) else { continue };
        let rank = |r: &KeyRanges| (r.width, r.covered.len());
        if best.as_ref().is_none_or(|best| rank(&united) > rank(best)) {
            best = Some(united);
        }
    }
    best
}

/// Column by column: points make prefixes, the first wider column ends them.
fn by_column(key: &Key, conjuncts: &[&Expr]) -> Option<KeyRanges> {
    let mut prefixes: Vec<Vec<Datum>> = vec![vec![]];
    let (mut used, mut covered, mut width) = (Vec::new(), Vec::new(), 0);
    for KeyColumn { id, ty, prefix } in key {
        let Some(mut found) = about_column(conjuncts.iter().copied(), *id, ty) else { break };
        if let Some(length) = prefix {
            found = found.of_beginnings(*length);
        }
        let fits = prefixes.len().saturating_mul(found.values.intervals.len()) <= RANGES_MAX;
        if !fits {
            break;
        }
        width += 1;
        used.extend(found.used.into_iter().filter(|i| !covered.contains(i)).collect::<Vec<_>>());
        covered.extend(found.exact);
        match found.values.points() {
            Some(points) => {
                let longer = prefixes.iter().flat_map(|prefix| {
                    points.iter().map(move |p| prefix.iter().cloned().chain([(*p).clone()]).collect())
                });
                prefixes = longer.collect();
            }
            None => {
                let ranges = prefixes
                    .iter()
                    .flat_map(|prefix| found.values.intervals.iter().map(|i| range(prefix, i)))
                    .collect();
                return Some(KeyRanges { ranges, used: sorted(used), covered, points: None, width });
            }
        }
    }
    if width == 0 {
        return None;
    }
    let whole = prefixes.iter().all(|p| p.len() == key.len());
    let ranges = prefixes.iter().map(|p| Range {
        low: p.clone(),
        low_inclusive: true,
        high: p.clone(),
        high_inclusive: true,
    });
    let ranges = ranges.collect();
    Some(KeyRanges { ranges, used: sorted(used), covered, points: whole.then_some(prefixes), width })
}

fn sorted(mut used: Vec<usize>) -> Vec<usize> {
    used.sort_unstable();
    used.dedup();
    used
}

/// The ranges of the branches of conjunct `or`, each together with the other conjuncts, united.
fn by_branch(key: &Key, conjuncts: &[&Expr], or: usize, branches: &[Expr]) -> Option<KeyRanges> {
    let mut others: Vec<&Expr> = conjuncts.to_vec();
    others.remove(or);
    let mut united = KeyRanges {
        ranges: vec![],
        used: vec![or],
        covered: (0..others.len()).collect(),
        points: Some(vec![]),
        width: usize::MAX,
    };
    let mut exact = true;
    for branch in branches {
        let parts: &[Expr] = args_of(branch, &Function::And).unwrap_or(std::slice::from_ref(branch));
        let together: Vec<&Expr> = others.iter().copied().chain(parts).collect();
        let found = by_column(key, &together)?;
        exact &= (others.len()..together.len()).all(|i| found.covered.contains(&i));
        united.covered.retain(|i| found.covered.contains(i));
        united
            .used
            .extend(found.used.iter().filter(|i| **i < others.len()).map(|i| i + usize::from(*i >= or)));
        united.points = united.points.zip(found.points).map(|(mut all, more)| {
            all.extend(more);
            all
        });
        united.width = united.width.min(found.width);
        united.ranges.extend(found.ranges);
        if united.ranges.len() > RANGES_MAX {
            return None;
        }
    }
    united.used = sorted(united.used);
    united.covered = united.covered.into_iter().map(|i| i + usize::from(i >= or)).collect();
    if exact {
        united.covered.push(or);
    }
    if let Some(points) = &mut united.points {
        points.sort_by(|a, b| compare_values(a, b));
        points.dedup_by(|a, b| compare_values(a, b) == Ordering::Equal);
    }
    united.ranges = disjoint(united.ranges);
    Some(united)
}

fn range(prefix: &[Datum], interval: &Interval) -> Range {
    let bound = |bound: &Option<(Datum, bool)>| match bound {
        Some((value, inclusive)) => (prefix.iter().cloned().chain([value.clone()]).collect(), *inclusive),
        None => (prefix.to_vec(), true),
    };
    let (low, low_inclusive) = bound(&interval.low);
    let (high, high_inclusive) = bound(&interval.high);
    Range { low, low_inclusive, high, high_inclusive }
}

/// The order of keys by the values of their columns.
pub(crate) fn compare_values(a: &[Datum], b: &[Datum]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.compare(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// A place among keys: before or behind all keys that begin with a prefix.
#[derive(Clone, Copy)]
struct Edge<'a> {
    prefix: &'a [Datum],
    behind: bool,
}

impl Edge<'_> {
    fn compare(&self, other: &Edge) -> Ordering {
        compare_values(self.prefix, other.prefix).then_with(|| {
            let side = |edge: &Edge| if edge.behind { Ordering::Greater } else { Ordering::Less };
            match self.prefix.len().cmp(&other.prefix.len()) {
                // The shorter prefix takes in the longer one: its edges lie around all of it.
                Ordering::Less => side(self),
                Ordering::Greater => side(other).reverse(),
                Ordering::Equal => self.behind.cmp(&other.behind),
            }
        })
    }
}

fn low_edge(range: &Range) -> Edge<'_> {
    Edge { prefix: &range.low, behind: !range.low_inclusive }
}

fn high_edge(range: &Range) -> Edge<'_> {
    Edge { prefix: &range.high, behind: range.high_inclusive }
}

/// The ranges in order, those that overlap or adjoin made one.
pub(crate) fn disjoint(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.retain(|r| low_edge(r).compare(&high_edge(r)) == Ordering::Less);
    ranges.sort_by(|a, b| low_edge(a).compare(&low_edge(b)));
    let mut out: Vec<Range> = Vec::with_capacity(ranges.len());
    for next in ranges {
        match out.last_mut() {
            Some(last) if low_edge(&next).compare(&high_edge(last)).is_le() => {
                if high_edge(&next).compare(&high_edge(last)).is_gt() {
                    last.high = next.high;
                    last.high_inclusive = next.high_inclusive;
                }
            }
            Some(_) | None => out.push(next),
        }
    }
    out
}
