//! RANGE and RANGE COLUMNS: a range of values reaches from the partition of its least to that of its greatest.

use std::cmp::Ordering;

use allod_storage::schema::{ColumnType, Datum, RangeBound};

use super::Found;
use super::values::{Known, closed};
use crate::column::ColumnId;
use crate::partition::PartitionFunction;
use crate::ranges::ValueSet;
use crate::stats::histogram::Interval;

/// Members that a range of a column may have below an expression.
const MEMBERS_MAX: usize = 64;

/// Prefixes of tuples that are looked at.
const PREFIXES_MAX: usize = 1024;

pub(super) fn partitions(function: &PartitionFunction, bounds: &[Vec<RangeBound>], known: &Known) -> Found {
    let mut hit = vec![false; function.partitions];
    if function.scheme.expr.is_some() {
        for interval in known.image(MEMBERS_MAX)? {
            reach(&mut hit, bounds, &[], &interval);
        }
        return Some(hit);
    }
    let types: Vec<(ColumnId, &ColumnType)> = known.types().collect();
    let mut prefixes: Vec<Vec<Datum>> = vec![vec![]];
    for i in 0..types.len() {
        let Some(values) = known.column(i) else { break };
        if prefixes.len().saturating_mul(values.intervals.len()) > PREFIXES_MAX {
            break;
        }
        let last = i + 1 == types.len();
        match values.points() {
            Some(points) if !last => {
                let longer = prefixes.iter().flat_map(|prefix| {
                    points.iter().map(move |p| prefix.iter().cloned().chain([(*p).clone()]).collect())
                });
                prefixes = longer.collect();
            }
            _ => {
                each(&mut hit, bounds, &prefixes, values);
                return Some(hit);
            }
        }
    }
    // What is left of the tuple may be anything.
    if prefixes.first().is_some_and(Vec::is_empty) {
        return None;
    }
    let anything = Interval::default();
    prefixes.iter().for_each(|prefix| reach(&mut hit, bounds, prefix, &anything));
    Some(hit)
}

fn each(hit: &mut [bool], bounds: &[Vec<RangeBound>], prefixes: &[Vec<Datum>], values: &ValueSet) {
    for prefix in prefixes {
        values.intervals.iter().for_each(|interval| reach(hit, bounds, prefix, interval));
    }
}

/// Marks the partitions of the tuples that begin with `prefix` and go on within the interval.
fn reach(hit: &mut [bool], bounds: &[Vec<RangeBound>], prefix: &[Datum], interval: &Interval) {
    let (low, high) = closed(interval);
    let below_all = interval.high.as_ref().is_some_and(|(high, _)| high.is_null());
    // The least such tuple has NULL where nothing is known; the greatest one something beyond every value.
    let least: Vec<&Datum> = prefix.iter().chain(low.as_ref()).collect();
    let null = Datum::Null;
    let greatest: Vec<&Datum> =
        prefix.iter().chain(if below_all { Some(&null) } else { high.as_ref() }).collect();
    let first = bounds.partition_point(|bound| compare(&least, bound, Ordering::Less) != Ordering::Less);
    let last = bounds.partition_point(|bound| compare(&greatest, bound, Ordering::Greater) != Ordering::Less);
    for at in first..=last {
        if let Some(hit) = hit.get_mut(at) {
            *hit = true;
        }
    }
}

/// A tuple of which only the beginning is known against a bound; `rest` is how what follows compares with a value.
fn compare(tuple: &[&Datum], bound: &[RangeBound], rest: Ordering) -> Ordering {
    for (i, bound) in bound.iter().enumerate() {
        let order = match (tuple.get(i), bound) {
            (_, RangeBound::MaxValue) => Ordering::Less,
            (Some(value), RangeBound::Value(bound)) => value.compare(bound),
            (None, RangeBound::Value(_)) => rest,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}
