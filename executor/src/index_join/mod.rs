//! Index joins: for each batch of outer rows just those inner rows are read that can match.
//!
//! ```text
//! outer batch -> keys -> lookups -> inner rows, by lookup -> pairs -> conditions -> output, in outer order
//! ```
//!
//! The join is an operator of the outer side's pipeline, so it runs on every worker and an outer side of any size goes
//! through. What a worker does: `lookup` makes the keys and fetches; `matching` puts outer rows beside what their lookups
//! found. A row that is found has the number of its lookup, so nothing is hashed: outer row -> lookup -> run of inner rows.
//!
//! TiDB has two forms, IndexJoin and IndexHashJoin, because its inner workers must find the outer rows of an inner row again.
//! Here one form does for both: batches come back in the order in which they went out, and their rows are in outer order.
//!
//! Equalities that are in the lookup's prefix hold for what is found; the others, and range conditions, are conditions like
//! any other. A NULL, or a value that the inner column cannot have, asks for nothing and so matches nothing: an outer row of
//! an outer join still comes out, that of an anti join too.
//!
//! A worker that fails says so where it stands: the error goes up through the pipeline, the others stop at their next batch,
//! and what is under way is dropped with its futures. No queue can be waited at for ever, because there is none between
//! workers.

#[cfg(test)]
mod failure_tests;
mod matching;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{IndexJoin, JoinKind, Plan, Side};
use allod_storage::client::{Client, Tally};
use allod_storage::schema::{ColumnType, SqlType, Timestamp};

use self::matching::{Matcher, Scratchpad};
use crate::batch::Batch;
use crate::error::Result;
use crate::lookup::{Fetch, Fetched, Found, Inner, KeyMaker, Keys, Lane, Lanes, Lookups, Pace};
use crate::metrics::{Detail, IndexJoinRun};
use crate::pipeline::{Coalescer, Context, Flow, Measured, Operator, Output, Stage, Worker, since};

/// The join as an operator over outer batches.
pub(crate) struct IndexJoiner {
    shared: Arc<IndexJoinForm>,
    lookups: Lookups,
}

/// A join, compiled.
pub(crate) struct IndexJoinForm {
    plan: u32,
    inner: Inner,
    matcher: Matcher,
    first_only: bool,
}

impl IndexJoinForm {
    /// Compiles the join `plan` over outer batches with the columns `outer`.
    pub fn new(plan: &Plan, join: &IndexJoin, outer: &[ColumnId]) -> Result<IndexJoinForm> {
        let inner_plan = match join.outer {
            Side::Left => &join.right,
            Side::Right => &join.left,
        };
        let inner = Inner::new(inner_plan, outer)?;
        let mut conditions = unsettled(join, inner_plan, &inner);
        conditions.extend(join.residual.iter().cloned());
        let matcher =
            Matcher::new(join.kind, &conditions, &join.null_aware, outer, inner.columns(), &plan.columns)?;
        let first_only = matcher.is_existence() && inner.is_bare();
        Ok(IndexJoinForm { plan: plan.id, inner, matcher, first_only })
    }
}

impl IndexJoiner {
    /// For one run. With it come the tallies of its requests, by the scan that they are made for, if the statement is
    /// analyzed.
    pub fn new(
        form: Arc<IndexJoinForm>,
        client: &Client,
        ts: Timestamp,
        pace: Pace,
        context: &Context,
    ) -> (IndexJoiner, Vec<(u32, Tally)>) {
        let (lookups, tallies) = Lookups::new(client, ts, pace, context, &form.inner.scans());
        (IndexJoiner { shared: form, lookups }, tallies)
    }
}

/// The equalities that the lookup's prefix does not settle.
fn unsettled(join: &IndexJoin, inner_plan: &Plan, inner: &Inner) -> Vec<Expr> {
    let settled = |outer: &Expr, column: &Expr| {
        let Expr::Column { id, .. } = column else { return false };
        prefix_values(inner_plan)
            .into_iter()
            .zip(&inner.prefix)
            .any(|(value, key)| *key == Some(*id) && value == outer && same_family(outer, column))
    };
    let equal = |(outer, column): &(Expr, Expr)| {
        Expr::call(Function::Eq, vec![outer.clone(), column.clone()], ColumnType::nullable(SqlType::BOOL))
    };
    join.keys.iter().filter(|(outer, column)| !settled(outer, column)).map(equal).collect()
}

/// Whether equality of the two is equality of what is stored.
fn same_family(a: &Expr, b: &Expr) -> bool {
    let (a, b) = (&a.ty().sql, &b.ty().sql);
    let whole = |ty: &SqlType| ty.is_integer() || matches!(ty, SqlType::Decimal { .. });
    a.arrow() == b.arrow() || (whole(a) && whole(b)) || (a.is_temporal() && b.is_temporal())
}

/// The values of the prefix of the lookup at the bottom of an inner side.
fn prefix_values(plan: &Plan) -> Vec<&Expr> {
    use allod_planner::physical::{Node, Ranges};
    let ranges = match &plan.node {
        Node::TableScan(scan) => &scan.ranges,
        Node::IndexScan(scan) => &scan.ranges,
        Node::IndexLookUp(lookup) => return prefix_values(&lookup.index),
        _ => return plan.children().first().map_or_else(Vec::new, |child| prefix_values(child)),
    };
    match ranges {
        Ranges::Lookup(lookup) => lookup.prefix.iter().map(|part| &part.value).collect(),
        Ranges::All | Ranges::Fixed(_) | Ranges::Handles => Vec::new(),
    }
}

impl Fetch for IndexJoinForm {
    fn keys(&self) -> &KeyMaker {
        &self.inner.keys
    }

    fn counters(&self) -> (usize, usize) {
        (if self.inner.double.is_some() { 2 } else { 1 }, self.inner.plans().len())
    }

    async fn fetch(&self, keys: &Keys, lane: &mut Lane) -> Result<Found> {
        self.inner.fetch(keys, self.first_only, lane).await
    }
}

impl Operator for IndexJoiner {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(IndexJoinStage {
            lanes: Lanes::new(Arc::clone(&self.shared), &self.lookups),
            landing: Landing {
                shared: Arc::clone(&self.shared),
                pad: Scratchpad::default(),
                coalescer: self.lookups.pace().coalescer(),
                run: IndexJoinRun::default(),
            },
        })
    }
}

/// A worker's end.
struct IndexJoinStage {
    lanes: Lanes<IndexJoinForm>,
    landing: Landing,
}

/// What takes fetched rows.
struct Landing {
    shared: Arc<IndexJoinForm>,
    pad: Scratchpad,
    coalescer: Coalescer,
    run: IndexJoinRun,
}

impl Stage for IndexJoinStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let IndexJoinStage { lanes, landing } = self;
        lanes.push(batch, worker, &mut |fetched, worker| landing.join(fetched, worker, out))
    }

    fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let IndexJoinStage { lanes, landing } = self;
        let flow = lanes.flush(worker, &mut |fetched, worker| landing.join(fetched, worker, out))?;
        let last = landing.coalescer.flush(worker, out)?;
        Ok(if flow == Flow::Stop { flow } else { last })
    }

    fn report(&mut self, book: &mut dyn FnMut(u32, Measured)) {
        let measures = self.lanes.measures();
        let shared = &self.landing.shared;
        let mut run = std::mem::take(&mut self.landing.run);
        run.tasks += measures.tasks;
        run.concurrency = measures.lanes as usize;
        run.construct += measures.construct;
        run.fetch += measures.fetch;
        run.keys += measures.keys;
        run.total = run.construct + run.fetch + run.build;
        let detail = Detail { index_join: Some(run), ..Detail::default() };
        let memory_bytes = measures.memory_bytes;
        book(shared.plan, Measured { detail, memory_bytes, ..Measured::default() });
        shared.inner.book(measures, book);
    }
}

impl Landing {
    fn join(&mut self, fetched: &mut Fetched, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let started = worker.clock();
        let Fetched { batch, keys, found, lane } = fetched;
        self.shared.inner.finish(found, worker, lane)?;
        self.run.build += since(started);
        let started = worker.clock();
        let flow =
            self.shared.matcher.join(batch, keys, found, &mut self.pad, &mut self.coalescer, worker, out)?;
        self.run.probe += since(started);
        Ok(flow)
    }
}

impl Inner {
    /// Books what a worker measured of the inner side.
    fn book(&self, measures: crate::lookup::Measures, book: &mut dyn FnMut(u32, Measured)) {
        let (tasks, workers) = (measures.tasks, measures.lanes);
        let mut cost = measures.cost.into_iter();
        let scans = self.scans();
        for (plan, mut meter) in self.plans().into_iter().zip(measures.meters) {
            let mut detail = Detail::default();
            if scans.contains(&plan)
                && let Some(cost) = cost.next()
            {
                let cop = cost.shown();
                meter.time += cop.requests;
                detail.cop = Some(cop);
            }
            book(plan, Measured { meter, tasks, detail, workers, ..Measured::default() });
        }
    }
}

/// Whether a join's output needs nothing of the inner side but whether there is a row.
pub(crate) fn is_existence(kind: JoinKind) -> bool {
    match kind {
        JoinKind::Inner | JoinKind::Left => false,
        JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) => true,
    }
}
