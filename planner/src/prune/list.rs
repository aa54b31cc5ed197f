//! LIST and LIST COLUMNS: the partitions that list something possible, and DEFAULT unless all that is possible is listed.

use allod_storage::schema::Datum;

use super::Found;
use super::values::Known;
use crate::partition::PartitionFunction;
use crate::stats::histogram::Interval;

/// Members that a range of a column may have.
const MEMBERS_MAX: usize = 256;

pub(super) fn partitions(
    function: &PartitionFunction,
    lists: &[Vec<Vec<Datum>>],
    default: Option<usize>,
    known: &Known,
) -> Found {
    let mut hit = vec![false; function.partitions];
    // Few values: each is in one partition or in none.
    let single = function.scheme.expr.is_some();
    let tuples = if single {
        let image = known.image(MEMBERS_MAX);
        image.as_ref().and_then(|i| i.iter().map(|i| i.point().map(|v| vec![v.clone()])).collect())
    } else {
        known.tuples(MEMBERS_MAX)
    };
    if let Some(tuples) = tuples {
        let tuples: Vec<Vec<Datum>> = tuples;
        for at in tuples.iter().filter_map(|t| function.locate(t)) {
            hit[at] = true;
        }
        return Some(hit);
    }
    let possible: Vec<Option<Vec<Interval>>> = if single {
        vec![known.image(MEMBERS_MAX)]
    } else {
        (0..function.values.len()).map(|i| known.column(i).map(|set| set.intervals.clone())).collect()
    };
    if possible.iter().all(Option::is_none) {
        return None;
    }
    let may_be = |value: &Datum, set: &Option<Vec<Interval>>| {
        set.as_ref().is_none_or(|intervals| intervals.iter().any(|i| contains(i, value)))
    };
    for (at, tuples) in lists.iter().enumerate() {
        hit[at] = tuples.iter().any(|tuple| tuple.iter().zip(&possible).all(|(v, set)| may_be(v, set)));
    }
    if let Some(at) = default {
        hit[at] = true;
    }
    Some(hit)
}

fn contains(interval: &Interval, value: &Datum) -> bool {
    let above = interval.low.as_ref().is_none_or(|(low, inclusive)| {
        let order = value.compare(low);
        order.is_gt() || order.is_eq() && *inclusive
    });
    let below = interval.high.as_ref().is_none_or(|(high, inclusive)| {
        let order = value.compare(high);
        order.is_lt() || order.is_eq() && *inclusive
    });
    above && below
}
