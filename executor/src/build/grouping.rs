//! GROUP BY, and HAVING above it.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_planner::physical::{Aggregation, Node, Plan};
use allod_storage::schema::TableDescriptor;

use super::{Builder, Filters, kept};
use crate::aggregate::{AggregateForm, AggregateSink};
use crate::error::Result;
use crate::pipeline::{Batches, Pipeline, Source};
use crate::selection::Filter;

impl Builder {
    /// `having`: the selection above, if there is one.
    pub(super) fn aggregate(
        &mut self,
        plan: &Plan,
        aggregation: &Aggregation,
        ordered: bool,
        filters: &Filters,
        having: Option<(&Plan, &[Expr])>,
    ) -> Result<Pipeline> {
        // Rows of a group that is filtered out may as well never get there.
        let group = |id: ColumnId| match aggregation.group_by.iter().find(|(out, _)| *out == id)?.1 {
            Expr::Column { id, .. } => Some(id),
            Expr::Constant { .. } | Expr::Call { .. } => None,
        };
        let pipeline = self.input(&aggregation.input, &filters.map(group))?;
        let columns = &pipeline.columns;
        let form = self.form(plan, columns, || {
            let form = AggregateForm::new(aggregation, columns, ordered)?;
            Ok(if side_by_side(aggregation) { form.side_by_side() } else { form })
        })?;
        let group_ids = aggregation.group_by.iter().map(|(id, _)| *id);
        let columns: Vec<ColumnId> =
            group_ids.chain(aggregation.aggregates.iter().map(|(id, _)| *id)).collect();
        let having = match having {
            Some((selection, predicates)) => {
                let output = kept(selection, &columns);
                let filter = self.form(selection, &columns, || Filter::new(predicates, &columns, &output))?;
                Some((selection.id, filter, output))
            }
            None => None,
        };
        let mut sink = AggregateSink::new(Arc::clone(&form), &self.runner.context);
        if let Some((_, filter, _)) = &having
            && form.settles()
        {
            sink = sink.having(Arc::clone(filter));
        }
        let groups = self.runner.run(&pipeline, Some(plan.id), sink)?;
        groups.tell(&mut self.scratch.notices)?;
        self.runner.book_memory(plan.id, groups.memory_bytes());
        let mut pipeline = Pipeline::new(plan.id, Arc::clone(&groups) as Arc<dyn Source>, columns);
        let mut above = plan.id;
        if let Some((selection, filter, output)) = having {
            pipeline.push(selection, filter, output);
            above = selection;
        }
        let early = groups.early();
        if early.groups > 0 {
            pipeline.then(above, Arc::new(Batches::new(early.batches.clone())));
            if self.runner.context.analyze && above != plan.id {
                self.runner.measured.entry(plan.id).or_default().meter.rows += early.groups;
            }
        }
        Ok(pipeline)
    }
}

/// Whether the rows of a group come side by side, task after task: a scan of one key after the other is grouped by the first
/// columns of the key. It is asked once for a plan and what runs as it does with other values: of these none reads other
/// partitions.
fn side_by_side(aggregation: &Aggregation) -> bool {
    let column = |expr: &Expr| match expr {
        Expr::Column { id, .. } => Some(*id),
        Expr::Constant { .. } | Expr::Call { .. } => None,
    };
    let by: Option<Vec<ColumnId>> = aggregation.group_by.iter().map(|(_, expr)| column(expr)).collect();
    let (Some(mut by), mut plan) = (by, &*aggregation.input) else { return false };
    loop {
        let (table, ordinals, key, partitions) = match &plan.node {
            Node::Selection { input, .. } | Node::TableReader { input } | Node::IndexReader { input } => {
                plan = input;
                continue;
            }
            Node::Projection { input, exprs } => {
                let below = |id: &ColumnId| column(&exprs.iter().find(|(out, _)| out == id)?.1);
                let Some(ids) = by.iter().map(below).collect() else { return false };
                (by, plan) = (ids, input);
                continue;
            }
            Node::TableScan(scan) => (&scan.table, &scan.ordinals, scan.table.key.clone(), &scan.partitions),
            Node::IndexScan(scan) => {
                let held = scan.table.index_ordinals(scan.index);
                let key = (0..held.len()).collect();
                (&scan.table, &scan.ordinals, key, &scan.partitions)
            }
            _ => return false,
        };
        let ordinal = |id: &ColumnId| Some(ordinals[plan.columns.iter().position(|column| column == id)?]);
        let Some(mut by) = by.iter().map(ordinal).collect::<Option<Vec<usize>>>() else { return false };
        by.sort_unstable();
        by.dedup();
        let first = key.get(..by.len()).is_some_and(|first| first.iter().all(|column| by.contains(column)));
        let parts = partitions.as_ref().map_or(table.partitions.len(), Vec::len);
        return first && table.temporary.is_none() && (parts <= 1 || is_dealt_by(table, &plan.node, &by));
    }
}

/// Whether rows that agree in these columns of what is scanned are all in one partition.
fn is_dealt_by(table: &TableDescriptor, scan: &Node, by: &[usize]) -> bool {
    let in_table: Vec<usize> = match scan {
        Node::IndexScan(scan) => {
            let held = table.index_ordinals(scan.index);
            by.iter().filter_map(|&ordinal| held.get(ordinal).copied()).collect()
        }
        _ => by.to_vec(),
    };
    let dealt_by = table.partitioning.as_ref().map(|scheme| &scheme.columns);
    dealt_by.is_some_and(|columns| columns.iter().all(|column| in_table.contains(column)))
}
