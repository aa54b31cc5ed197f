//! Double reads: index entries first, then the rows that they point to.
//!
//! The index side is a pipeline of its own; the lookup of rows is an operator of it. A batch of entries becomes a batch of
//! keys, sorted, and rows come back in the order of the table's key. If the order of the index is asked for they are put
//! back into it; if not, they go on as they came, which copies nothing. Tasks are in index order in any case.
//!
//! An entry whose row is missing is an index that does not fit its table: error 8133, never a row less.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use allod_planner::column::ColumnId;
use allod_planner::physical::{IndexLookUp, Node, Plan};
use allod_storage::client::{Client, Tally};
use allod_storage::schema::Timestamp;

use crate::batch::{Batch, take};
use crate::error::Result;
use crate::lookup::{
    Chain, Cost, Fetch, Fetched, Found, KeyMaker, Keys, Lane, Lanes, Lookups, Pace, TableSide,
};
use crate::metrics::{Detail, IndexLookUpRun};
use crate::pipeline::{Coalescer, Context, Flow, Measured, Operator, Output, Stage, Worker, since};

/// The second half of a double read, over batches of index entries.
pub(crate) struct RowLookup {
    shared: Arc<RowLookupForm>,
    lookups: Lookups,
}

/// The table side of a double read, compiled.
pub(crate) struct RowLookupForm {
    plan: u32,
    table: TableSide,
    chain: Chain,
    /// Rows come in the order of their entries.
    ordered: bool,
}

impl RowLookupForm {
    /// Compiles the table side of `plan` over entries with these columns.
    pub fn new(plan: &Plan, lookup: &IndexLookUp, entries: &[ColumnId]) -> Result<RowLookupForm> {
        let (table, chain) = TableSide::new(lookup, index_name(&lookup.index), entries, &plan.columns)?;
        let ordered = lookup.keep_order || !table.is_plain();
        Ok(RowLookupForm { plan: plan.id, ordered, table, chain })
    }
}

impl RowLookup {
    /// For one run. With it come the tallies of its requests, if the statement is analyzed.
    pub fn new(
        form: Arc<RowLookupForm>,
        client: &Client,
        ts: Timestamp,
        pace: Pace,
        context: &Context,
    ) -> (RowLookup, Vec<(u32, Tally)>) {
        let (lookups, tallies) = Lookups::new(client, ts, pace, context, &[form.table.access.plan]);
        (RowLookup { shared: form, lookups }, tallies)
    }

    /// The columns that come out.
    pub fn columns(&self) -> &[ColumnId] {
        &self.shared.chain.columns
    }
}

/// The name of the index at the bottom of an index side.
pub(crate) fn index_name(plan: &Plan) -> Arc<str> {
    match &plan.node {
        Node::IndexScan(scan) => Arc::clone(&scan.table.indexes[scan.index].name),
        _ => plan.children().first().map_or_else(|| "".into(), |child| index_name(child)),
    }
}

impl Fetch for RowLookupForm {
    fn keys(&self) -> &KeyMaker {
        &self.table.keys
    }

    fn counters(&self) -> (usize, usize) {
        (1, 1 + self.chain.plans().count())
    }

    async fn fetch(&self, keys: &Keys, lane: &mut Lane) -> Result<Found> {
        let found = self.table.rows(keys, lane).await?;
        lane.meters[0].rows += found.rows as u64;
        lane.meters[0].batches += 1;
        Ok(found)
    }
}

impl Operator for RowLookup {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(RowLookupStage {
            lanes: Lanes::new(Arc::clone(&self.shared), &self.lookups),
            landing: Landing {
                shared: Arc::clone(&self.shared),
                coalescer: self.lookups.pace().coalescer(),
                time: Duration::ZERO,
            },
        })
    }
}

struct RowLookupStage {
    lanes: Lanes<RowLookupForm>,
    landing: Landing,
}

struct Landing {
    shared: Arc<RowLookupForm>,
    coalescer: Coalescer,
    time: Duration,
}

impl Stage for RowLookupStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let RowLookupStage { lanes, landing } = self;
        lanes.push(batch, worker, &mut |fetched, worker| landing.emit(fetched, worker, out))
    }

    fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let RowLookupStage { lanes, landing } = self;
        let flow = lanes.flush(worker, &mut |fetched, worker| landing.emit(fetched, worker, out))?;
        let last = landing.coalescer.flush(worker, out)?;
        Ok(if flow == Flow::Stop { flow } else { last })
    }

    fn report(&mut self, book: &mut dyn FnMut(u32, Measured)) {
        let measures = self.lanes.measures();
        let shared = &self.landing.shared;
        let run = IndexLookUpRun {
            build: measures.construct,
            table_total: measures.fetch + std::mem::take(&mut self.landing.time),
            tasks: measures.tasks,
            concurrency: measures.lanes as usize,
            ..IndexLookUpRun::default()
        };
        let detail = Detail { index_lookup: Some(run), ..Detail::default() };
        let memory_bytes = measures.memory_bytes;
        book(shared.plan, Measured { detail, memory_bytes, ..Measured::default() });
        let mut cost = measures.cost.into_iter();
        let plans = std::iter::once(shared.table.access.plan).chain(shared.chain.plans());
        for (plan, mut meter) in plans.zip(measures.meters) {
            let cop = cost.next().map(Cost::shown);
            meter.time += cop.as_ref().map_or(Duration::ZERO, |cop| cop.requests);
            let (tasks, workers) = (measures.tasks, measures.lanes);
            let detail = Detail { cop, ..Detail::default() };
            book(plan, Measured { meter, tasks, workers, detail, ..Measured::default() });
        }
    }
}

impl Landing {
    fn emit(&mut self, fetched: &mut Fetched, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let started = worker.clock();
        let Fetched { batch, keys, found, lane } = fetched;
        let shared = &*self.shared;
        if shared.ordered {
            let place =
                Found { columns: Vec::new(), rows: 0, lookups: Vec::new(), order: None, partitions: None };
            let rows = std::mem::replace(found, place);
            *found = shared.table.beside_entries(rows, keys, batch, (0..batch.rows as u32).collect());
        } else if found.order.is_some() || keys.count != batch.rows {
            // In the order of the table's key; a row that several entries point to comes once for each.
            let mut order: Vec<u32> = (0..batch.rows).map(|row| found.row(keys.of(row) as usize)).collect();
            order.sort_unstable();
            found.lookups = order.clone();
            found.order = Some(order);
        }
        shared.chain.run(found, worker, &mut lane.meters[1..], lane.lookups.context())?;
        let columns = match &found.order {
            Some(order) => found.columns.iter().map(|c| take(c, order)).collect(),
            None => std::mem::take(&mut found.columns),
        };
        self.time += since(started);
        self.coalescer.push(Batch { columns, rows: found.lookups.len() }, worker, out)
    }
}
