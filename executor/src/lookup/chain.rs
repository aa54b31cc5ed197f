//! What stands between a looked-up scan and the join: selections, projections, groupings, run over the rows of each batch of
//! lookups.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_planner::physical::{Aggregation, Node, Plan};
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::Int64Type;

use super::fetch::Found;
use crate::aggregate::{AggregateForm, AggregateSink};
use crate::batch::{Batch, Selection, concat_batches, null_column, positions};
use crate::error::{Error, Result};
use crate::kernel::{Predicate, Program};
use crate::pipeline::{Context, Meter, Sink, Worker, since};

/// Operators from the scan upwards.
pub(crate) struct Chain {
    /// Columns that come out.
    pub columns: Vec<ColumnId>,
    steps: Vec<Step>,
}

struct Step {
    /// Plan node.
    plan: u32,
    work: Work,
}

enum Work {
    Select { predicate: Predicate, output: Vec<usize> },
    Project(Program),
    Group { form: Arc<AggregateForm>, types: Vec<SqlType> },
}

/// The number of the lookup, as a column to group by.
const LOOKUP: ColumnId = ColumnId(u32::MAX - 101);

impl Chain {
    /// Of rows with these columns.
    pub fn new(columns: Vec<ColumnId>) -> Chain {
        Chain { columns, steps: Vec::new() }
    }

    /// Whether rows come out as they go in.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a selection.
    pub fn select(&mut self, plan: &Plan, predicates: &[Expr]) -> Result<()> {
        let wanted = match plan.columns.iter().all(|id| self.columns.contains(id)) {
            true => plan.columns.clone(),
            false => self.columns.clone(),
        };
        let predicate = Predicate::compile(predicates, &self.columns)?;
        let output = positions(&self.columns, &wanted)?;
        self.add(plan.id, Work::Select { predicate, output }, wanted);
        Ok(())
    }

    /// Adds a projection.
    pub fn project(&mut self, plan: &Plan, exprs: &[(ColumnId, Expr)]) -> Result<()> {
        let program = Program::compile_all(exprs.iter().map(|(_, e)| e), &self.columns)?;
        self.add(plan.id, Work::Project(program), exprs.iter().map(|(id, _)| *id).collect());
        Ok(())
    }

    /// Adds a grouping. Groups of different lookups stay apart.
    pub fn group(&mut self, plan: &Plan, aggregation: &Aggregation) -> Result<()> {
        let lookup = Expr::column(LOOKUP, ColumnType::not_null(SqlType::BIGINT));
        let mut aggregation = Aggregation {
            // What comes in is in the batch.
            input: Box::new(Plan {
                id: plan.id,
                rows: plan.rows,
                cost: plan.cost,
                columns: Vec::new(),
                node: Node::Values { rows: vec![] },
            }),
            group_by: aggregation.group_by.clone(),
            aggregates: aggregation.aggregates.clone(),
        };
        aggregation.group_by.insert(0, (LOOKUP, lookup));
        let input: Vec<ColumnId> = std::iter::once(LOOKUP).chain(self.columns.iter().copied()).collect();
        let exprs = aggregation.group_by.iter().skip(1).map(|(id, e)| (*id, e.ty()));
        let output: Vec<_> =
            exprs.chain(aggregation.aggregates.iter().map(|(id, call)| (*id, &call.ty))).collect();
        let types = output.iter().map(|(_, ty)| ty.sql.clone()).collect();
        let columns = output.iter().map(|(id, _)| *id).collect();
        // In the order of their first rows, and so in the order of lookups.
        let form = Arc::new(AggregateForm::new(&aggregation, &input, true)?);
        self.add(plan.id, Work::Group { form, types }, columns);
        Ok(())
    }

    fn add(&mut self, plan: u32, work: Work, columns: Vec<ColumnId>) {
        self.steps.push(Step { plan, work });
        self.columns = columns;
    }

    /// Runs the rows through all steps. `meters`, one for each step, receive what comes out of it.
    pub fn run(
        &self,
        found: &mut Found,
        worker: &mut Worker,
        meters: &mut [Meter],
        context: &Context,
    ) -> Result<()> {
        for (step, meter) in self.steps.iter().zip(meters) {
            let started = context.clock();
            match &step.work {
                Work::Select { predicate, output } => {
                    let batch = Batch { columns: std::mem::take(&mut found.columns), rows: found.rows };
                    let selection = match found.rows {
                        0 => Selection::None,
                        _ => predicate.select(&batch, &mut worker.scratch)?,
                    };
                    found.columns = output.iter().map(|&at| Arc::clone(&batch.columns[at])).collect();
                    match selection {
                        Selection::All => {}
                        Selection::None => found.keep(&[]),
                        Selection::Rows(rows) => found.keep(&rows),
                    }
                }
                Work::Project(program) => {
                    let batch = Batch { columns: std::mem::take(&mut found.columns), rows: found.rows };
                    found.columns = program.eval_all(&batch, &mut worker.scratch)?;
                }
                Work::Group { form, types } => group(found, form, types, context, worker)?,
            }
            meter.rows += found.rows as u64;
            meter.batches += u64::from(found.rows > 0);
            meter.time += since(started);
        }
        Ok(())
    }

    /// The plan nodes, from the scan upwards.
    pub fn plans(&self) -> impl Iterator<Item = u32> + '_ {
        self.steps.iter().map(|step| step.plan)
    }
}

fn group(
    found: &mut Found,
    form: &Arc<AggregateForm>,
    types: &[SqlType],
    context: &Context,
    worker: &mut Worker,
) -> Result<()> {
    found.straighten();
    let none = |found: &mut Found| {
        found.columns = types.iter().map(|ty| null_column(ty, 0)).collect();
        (found.rows, found.lookups, found.partitions) = (0, Vec::new(), None);
    };
    if found.rows == 0 {
        none(found);
        return Ok(());
    }
    // The rows of a batch are grouped by the worker that looked them up.
    let context = Context { workers: 1, ..context.clone() };
    let sink = AggregateSink::new(Arc::clone(form), &context);
    let mut local = sink.local();
    let numbers: ArrayRef = Arc::new(found.lookups.iter().map(|&l| i64::from(l)).collect::<Int64Array>());
    let columns = std::iter::once(numbers).chain(found.columns.drain(..)).collect();
    sink.consume(&mut local, worker, Batch { columns, rows: found.rows })?;
    let grouped = sink.finish(vec![local])?;
    grouped.tell(&mut worker.scratch.notices)?;
    let batches = grouped.batches();
    if batches.is_empty() {
        none(found);
        return Ok(());
    }
    let mut groups = concat_batches(batches);
    let numbers = groups.columns.remove(0);
    let numbers = numbers
        .as_primitive_opt::<Int64Type>()
        .filter(|n| n.null_count() == 0)
        .ok_or_else(|| Error::Panic("a group has lost its lookup".into()))?;
    found.lookups = numbers.values().iter().map(|&n| n as u32).collect();
    (found.columns, found.rows, found.partitions) = (groups.columns, groups.rows, None);
    Ok(())
}
