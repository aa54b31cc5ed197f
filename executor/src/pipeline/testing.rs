//! Sources and runs for the tests of this crate.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use arrow::array::{ArrayRef, Int64Array};

use super::*;
use crate::kernel::Rules;

/// A context that nobody limits.
pub(crate) fn context(workers: usize) -> Context {
    Context {
        memory: Memory::unlimited(),
        cancel: Cancel::new(),
        workers,
        analyze: true,
        columns: Arc::default(),
        rules: Rules::default(),
        sequences: None,
        named_locks: None,
        variables: None,
    }
}

/// A batch of BIGINT columns.
pub(crate) fn batch(columns: &[&[Option<i64>]]) -> Batch {
    let rows = columns.first().map_or(0, |c| c.len());
    let columns =
        columns.iter().map(|c| Arc::new(c.iter().copied().collect::<Int64Array>()) as ArrayRef).collect();
    Batch { columns, rows }
}

/// A pipeline over batches with columns 0, 1, …; each batch is a task.
pub(crate) fn pipeline(batches: Vec<Batch>) -> Pipeline {
    let width = batches.first().map_or(0, |b| b.columns.len());
    let columns = (0..width as u32).map(ColumnId).collect();
    Pipeline::new(0, Arc::new(Batches::new(batches)), columns)
}

/// Runs a pipeline and returns its batches in task order.
pub(crate) fn collect(pipeline: &Pipeline, workers: usize) -> Result<Vec<Batch>> {
    let mut runner = Runner::new(context(workers));
    let sink = Collect::new(&runner.context.memory);
    Ok(runner.run(pipeline, Some(99), sink)?.batches)
}

/// The rows of BIGINT batches.
pub(crate) fn rows(batches: &[Batch]) -> Vec<Vec<Option<i64>>> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int64Type;
    batches
        .iter()
        .flat_map(|b| {
            (0..b.rows).map(move |row| {
                b.columns
                    .iter()
                    .map(|c| c.as_primitive::<Int64Type>())
                    .map(|c| c.is_valid(row).then(|| c.value(row)))
                    .collect()
            })
        })
        .collect()
}
