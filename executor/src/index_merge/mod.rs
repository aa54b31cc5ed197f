//! Index merge: rows of one table by way of several of its indexes.
//!
//! ```text
//! a = 1 OR b = 5      IndexMerge (union)
//! ├─ index on a, [1,1]     handles 3, 7, 9
//! ├─ index on b, [5,5]     handles 2, 7
//! └─ table rows            handles 2, 3, 7, 9: each once; then the whole condition again
//! ```
//! Handles are the encoded keys of the table's records, so uniting is sorting without duplicates and intersecting is keeping
//! what every scan named. Indexes are local to a partition, so partitions are merged one by one. The builder drives it
//! (`build`): here is what it does with keys. The handles of one partition and the rows of all are held, on the statement's
//! account.

use allod_planner::expr::Expr;
use allod_planner::physical::{IndexMerge, Node, Plan};
use allod_storage::key::{Key, encode_datums};
use allod_storage::schema::{SpaceId, TableDescriptor};

use crate::build::partitions;
use crate::error::{Error, Result};
use crate::pipeline::Materialized;
use crate::values;

/// What the table's side of an index merge asks for.
pub(crate) struct Wanted<'a> {
    /// The scan at its bottom.
    pub scan: &'a Plan,
    /// The table.
    pub table: &'a TableDescriptor,
    /// For each output column of the scan the ordinal it comes from.
    pub ordinals: &'a [usize],
    /// Positions of the partitions to read.
    pub partitions: Vec<usize>,
    /// The selections above the scan, the lowest first.
    pub selections: Vec<(&'a Plan, &'a [Expr])>,
}

impl<'a> Wanted<'a> {
    /// Of a merge whose table side is a scan, maybe under selections.
    pub fn of(merge: &'a IndexMerge) -> Result<Wanted<'a>> {
        let mut selections = Vec::new();
        let mut plan = &*merge.table;
        while let Node::Selection { input, predicates } = &plan.node {
            selections.push((plan, predicates.as_slice()));
            plan = input;
        }
        selections.reverse();
        let Node::TableScan(scan) = &plan.node else {
            return Err(Error::Plan("the table's side of an index merge is a scan of it".into()));
        };
        Ok(Wanted {
            scan: plan,
            table: &scan.table,
            ordinals: &scan.ordinals,
            partitions: partitions(&scan.table, scan.partitions.as_deref()),
            selections,
        })
    }
}

/// The same plan with its scan in one partition; none if the scan leaves that partition out.
pub(crate) fn within(plan: &Plan, partition: usize) -> Plan {
    let mut plan = plan.clone();
    restrict(&mut plan, partition);
    plan
}

fn restrict(plan: &mut Plan, partition: usize) {
    match &mut plan.node {
        Node::TableScan(scan) => narrow(&mut scan.partitions, partition),
        Node::IndexScan(scan) => narrow(&mut scan.partitions, partition),
        Node::TableReader { input } | Node::IndexReader { input } | Node::Selection { input, .. } => {
            restrict(input, partition);
        }
        _ => {}
    }
}

fn narrow(partitions: &mut Option<Vec<usize>>, partition: usize) {
    let read = partitions.as_ref().is_none_or(|of| of.contains(&partition));
    *partitions = Some(if read { vec![partition] } else { vec![] });
}

/// The keys that any scan named, or that all did; ascending, each once. `parts` are the rows of each scan and where the
/// columns of the table's key are in them.
pub(crate) fn combine(
    parts: &[(Materialized, Vec<usize>)],
    records: SpaceId,
    intersection: bool,
) -> Result<Vec<Key>> {
    let mut combined: Option<Vec<Key>> = None;
    for (rows, handle) in parts {
        let mut keys = Vec::with_capacity(rows.rows);
        for batch in &rows.batches {
            for row in 0..batch.rows {
                let datums = handle.iter().map(|&at| values::datum(&batch.columns[at], row));
                keys.push(encode_datums(records, &datums.collect::<Result<Vec<_>>>()?));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        combined = Some(match combined {
            None => keys,
            Some(mut all) if intersection => {
                all.retain(|key| keys.binary_search(key).is_ok());
                all
            }
            Some(mut all) => {
                all.extend(keys);
                all.sort_unstable();
                all.dedup();
                all
            }
        });
    }
    Ok(combined.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allod_storage::schema::Datum;
    use arrow::array::Int64Array;

    use super::*;
    use crate::batch::Batch;

    #[test]
    fn handles_are_united_once_and_intersected() {
        let part = |values: &[i64]| {
            let batch = Batch::new(vec![Arc::new(Int64Array::from(values.to_vec()))], values.len());
            (Materialized::uncharged(vec![batch]), vec![0])
        };
        let keys = |values: &[i64]| -> Vec<Key> {
            values.iter().map(|&v| encode_datums(SpaceId(7), &[Datum::Int(v)])).collect()
        };
        let parts = [part(&[9, 3, 7, 3]), part(&[7, 2, 9]), part(&[7, 7])];
        assert_eq!(combine(&parts, SpaceId(7), false).unwrap(), keys(&[2, 3, 7, 9]));
        assert_eq!(combine(&parts, SpaceId(7), true).unwrap(), keys(&[7]));
        assert_eq!(combine(&parts[..2], SpaceId(7), true).unwrap(), keys(&[7, 9]));
    }
}
