//! HASH and KEY: the partitions of single values. A range counts as its members if it is shorter than the number of
//! partitions; a longer one reaches every partition anyway.

use allod_storage::schema::PartitionMethod;

use super::Found;
use super::values::{Known, members};
use crate::partition::PartitionFunction;

/// Members that a range of a column may have below an expression.
const MEMBERS_MAX: usize = 64;

pub(super) fn partitions(function: &PartitionFunction, known: &Known) -> Found {
    let count = function.partitions;
    let mut hit = vec![false; count];
    if function.scheme.method == PartitionMethod::Key {
        for tuple in known.tuples(count)? {
            hit[function.locate(&tuple)?] = true;
        }
        return Some(hit);
    }
    let bare = function.values.first()?.as_column().is_some();
    for interval in known.image(if bare { count } else { MEMBERS_MAX })? {
        let values = match interval.point() {
            Some(value) => vec![value.clone()],
            None => members(&interval, count)?,
        };
        for value in values {
            hit[function.locate(&[value])?] = true;
        }
    }
    Some(hit)
}
