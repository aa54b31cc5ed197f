//! From plan to pipelines.
//!
//! [`Builder::pipeline`] walks the plan top down and returns the pipeline that yields its rows. Where it meets an operator
//! that must see all of its input it runs that input's pipeline to the end, there and then, and goes on with a source over
//! what came of it. So a plan is cut, and everything below its last cut has run, by the time its pipeline is returned:
//!
//! ```text
//! Projection                                  2.  Scan orders -> Probe -> Projection        (returned, not yet run)
//!   HashJoin                                                      ^ table, filters
//!     TableScan customer   (build)            1.  Scan customer -> BuildSink                (run while walking)
//!     TableScan orders     (probe)
//! ```
//!
//! Since a join's build side runs before the walk goes down its probe side, what it learned of its keys goes down with it
//! ([`Filters`]) and reaches the scan as a plain value.

mod double_read;
mod grouping;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_planner::physical::JoinKind;
use allod_planner::physical::{
    Apply, HashJoin, IndexJoin, IndexScan, MergeJoin, Node, Plan, Query, Recursion, Side, SortKey, Window,
};
use allod_storage::client::{Client, ClientStats};
use allod_storage::mvcc::RegionScan;
use allod_storage::schema::{TableDescriptor, Timestamp};

use crate::apply::{self, Inner, NestedLoop};
use crate::batch::{self, Batch, null_column, position, positions};
use crate::error::{Error, Result};
use crate::execute::Tuning;
use crate::hash_join::{self, BuildForm, BuildSink};
use crate::index_join::{IndexJoinForm, IndexJoiner};
use crate::kernel::Scratch;
use crate::limit::TaskLimit;
use crate::lock::{Collector, Locking};
use crate::merge_join::{Merge, RightSide};
use crate::metrics::{CopTasks, Detail};
use crate::pipeline::{Batches, Collect, Limit, Materialized, Pipeline, Runner, RuntimeFilter, Source};
use crate::prepared::Prepared;
use crate::projection::{Pick, Project};
use crate::recursion::Rounds;
use crate::scan::{Ordered, PointLocks, Scan, ScanForm, ScanRun, point_get};
use crate::selection::Filter;
use crate::sort::{Sort, TopN};
use crate::values::literal_rows;
use crate::window::WindowForm;

/// Builds and runs the pipelines of one statement.
pub(crate) struct Builder {
    /// The statement.
    pub query: Arc<Query>,
    prepared: Arc<Prepared>,
    /// Whether the part of the plan that the walk is in is the prepared one, not one rewritten for this run.
    original: bool,
    /// For scans and point reads, on the statement's own thread; workers read region views and need none.
    pub client: Client,
    /// The snapshot that is read.
    pub ts: Timestamp,
    /// The workers.
    pub runner: Runner,
    /// Sizes of lookups.
    pub tuning: Tuning,
    /// What the statement wants locked.
    pub locks: Collector,
    /// As in [`Environment`](crate::Environment).
    pub layouts: Arc<[Arc<TableDescriptor>]>,
    /// What a change of rows passed over.
    pub warnings: Vec<Error>,
    /// Of what is computed on the statement's own thread.
    pub scratch: Scratch,
    /// Common table expressions that have been computed.
    ctes: Vec<Option<Arc<Materialized>>>,
    /// What is wanted of the part of the plan that the walk is in.
    wanted: Wanted,
}

/// What operators above want of a part of the plan.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    /// A limit stops after about as many rows.
    rows: Option<u64>,
    /// Each row costs much more than to read it: tasks of a scan are small.
    small_tasks: bool,
    /// An index scan carries the position of each entry's partition.
    partition: bool,
}

/// Filters on columns, on their way down to the scans that yield them.
#[derive(Clone, Default)]
struct Filters(Vec<(ColumnId, Arc<dyn RuntimeFilter>)>);

impl Filters {
    /// Those on a column that `rename` knows below, under its name there.
    fn map(&self, rename: impl Fn(ColumnId) -> Option<ColumnId>) -> Filters {
        Filters(self.0.iter().filter_map(|(id, f)| Some((rename(*id)?, Arc::clone(f)))).collect())
    }
}

/// Positions of the partitions to read.
pub(crate) fn partitions(table: &TableDescriptor, wanted: Option<&[usize]>) -> Vec<usize> {
    wanted.map_or_else(|| (0..table.partitions.len()).collect(), <[usize]>::to_vec)
}

/// Positions of the partitions whose entries are to be read: of a global index those of the first, which are all.
pub(crate) fn index_partitions(scan: &IndexScan) -> Vec<usize> {
    match scan.table.is_global(scan.index) {
        true => vec![0],
        false => partitions(&scan.table, scan.partitions.as_deref()),
    }
}

impl Builder {
    /// For one statement.
    pub fn new(
        prepared: Arc<Prepared>,
        client: Client,
        ts: Timestamp,
        runner: Runner,
        tuning: Tuning,
        locks: Collector,
    ) -> Builder {
        let query = Arc::clone(prepared.query());
        let ctes = query.ctes.iter().map(|_| None).collect();
        let wanted = Wanted::default();
        let scratch = runner.context.scratch();
        Builder {
            query,
            prepared,
            original: true,
            client,
            ts,
            runner,
            tuning,
            locks,
            layouts: Arc::default(),
            warnings: Vec::new(),
            scratch,
            ctes,
            wanted,
        }
    }

    /// What an operator is compiled to over batches with the columns `input`.
    pub(crate) fn form<T: Any + Send + Sync>(
        &self,
        plan: &Plan,
        input: &[ColumnId],
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        match self.original {
            true => self.prepared.form(plan.id, input, make),
            false => make().map(Arc::new),
        }
    }

    /// The pipeline of a whole plan; everything below its last breaker has run.
    pub fn build(&mut self, plan: &Plan) -> Result<Pipeline> {
        self.pipeline(plan, &Filters::default())
    }

    /// Runs a plan and keeps its rows, in order.
    pub fn materialize(&mut self, plan: &Plan) -> Result<(Materialized, Vec<ColumnId>)> {
        let pipeline = self.build(plan)?;
        let columns = pipeline.columns.clone();
        Ok((self.collect(pipeline)?, columns))
    }

    fn collect(&mut self, pipeline: Pipeline) -> Result<Materialized> {
        if pipeline.limit.is_some() {
            return self.runner.stream(pipeline).drain(&mut self.runner);
        }
        let sink = Collect::new(&self.runner.context.memory);
        self.runner.run(&pipeline, None, sink)
    }

    /// The pipeline of an input that will be run as a whole: a limit on it is settled first.
    fn input(&mut self, plan: &Plan, filters: &Filters) -> Result<Pipeline> {
        let pipeline = self.pipeline(plan, filters)?;
        if pipeline.limit.is_none() {
            return Ok(pipeline);
        }
        let columns = pipeline.columns.clone();
        let rows = self.collect(pipeline)?;
        Ok(Pipeline::uncounted(Arc::new(Batches::keeping(rows)), columns))
    }

    fn pipeline(&mut self, plan: &Plan, filters: &Filters) -> Result<Pipeline> {
        let above = self.wanted;
        self.wanted = above.below(plan);
        let pipeline = self.pipeline_of(plan, filters);
        self.wanted = above;
        pipeline
    }

    fn pipeline_of(&mut self, plan: &Plan, filters: &Filters) -> Result<Pipeline> {
        match &plan.node {
            Node::Values { rows } => {
                let batch = literal_rows(rows, plan.columns.len(), &mut self.scratch)?;
                let batches = if batch.rows > 0 { vec![batch] } else { vec![] };
                Ok(Pipeline::new(plan.id, Arc::new(Batches::new(batches)), plan.columns.clone()))
            }
            Node::TableScan(_) | Node::IndexScan(_) => self.scan(plan, None, filters),
            Node::TableReader { input } | Node::IndexReader { input } => self.pipeline(input, filters),
            Node::PointGet(get) => {
                let analyze = self.runner.context.analyze;
                let mut keys = Vec::new();
                let wanted = get.lock.map_or(Locking::Off, |_| self.locks.locking);
                let locks = PointLocks { wanted, keys: &mut keys };
                let (batches, detail) = point_get(get, &mut self.client, self.ts, analyze, locks)?;
                if let Some((strength, wait)) = get.lock.filter(|_| !keys.is_empty()) {
                    self.locks.keys(strength, wait, keys)?;
                }
                if analyze {
                    let measured = self.runner.measured.entry(plan.id).or_default();
                    measured.elapsed += detail.cop.iter().map(|cop| cop.requests).sum::<Duration>();
                    measured.detail.merge(detail);
                }
                Ok(Pipeline::new(plan.id, Arc::new(Batches::new(batches)), plan.columns.clone()))
            }
            Node::Selection { input, predicates } => {
                if matches!(input.node, Node::TableScan(_) | Node::IndexScan(_)) {
                    return self.scan(input, Some((plan, predicates)), filters);
                }
                if let Node::HashAgg(aggregation) = &input.node {
                    let above = self.wanted;
                    self.wanted = above.below(input);
                    let groups = self.aggregate(input, aggregation, false, filters, Some((plan, predicates)));
                    self.wanted = above;
                    return groups;
                }
                let mut pipeline = self.input(input, filters)?;
                let output = kept(plan, &pipeline.columns);
                let columns = &pipeline.columns;
                let filter = self.form(plan, columns, || Filter::new(predicates, columns, &output))?;
                pipeline.push(plan.id, filter, output);
                Ok(pipeline)
            }
            Node::Projection { input, exprs } => self.projection(plan, input, exprs, filters),
            Node::HashJoin(join) => self.hash_join(plan, join, filters),
            Node::IndexLookUp(lookup) => self.index_lookup(plan, lookup, filters),
            Node::IndexJoin(join) => self.index_join(plan, join, filters),
            Node::MergeJoin(join) => self.merge_join(plan, join, filters),
            Node::IndexMerge(merge) => self.index_merge(plan, merge),
            Node::PartitionUnion { inputs } => self.partition_union(plan, inputs, filters, None),
            Node::Apply(apply) => self.apply(plan, apply, filters),
            Node::HashAgg(aggregation) => self.aggregate(plan, aggregation, false, filters, None),
            Node::StreamAgg(aggregation) => self.aggregate(plan, aggregation, true, filters, None),
            Node::Sort { input, keys } => {
                let pipeline = self.input(input, filters)?;
                self.sort(plan.id, pipeline, keys)
            }
            Node::Window { input, window } => self.window(plan, input, window),
            Node::TopN { input, keys, offset, count } => {
                let pipeline = self.input(input, &Filters::default())?;
                let memory = &self.runner.context.memory;
                let sink = TopN::new(keys, *offset, *count, &pipeline.columns, memory)?;
                let top = self.runner.run(&pipeline, Some(plan.id), sink)?;
                self.runner.book_memory(plan.id, top.bytes());
                Ok(Pipeline::new(plan.id, Arc::new(top), pipeline.columns))
            }
            Node::Limit { input, offset, count } => {
                let enough = count.map(|count| offset.saturating_add(count));
                let mut pipeline = match &input.node {
                    Node::PartitionUnion { inputs } => {
                        self.partition_union(input, inputs, &Filters::default(), enough)?
                    }
                    _ => self.input(input, &Filters::default())?,
                };
                if let Some(rows) = enough {
                    let limit = TaskLimit { rows };
                    let columns = pipeline.columns.clone();
                    pipeline.push_uncounted(Arc::new(limit), columns);
                }
                pipeline.limit = Some(Limit { plan: plan.id, offset: *offset, count: *count });
                Ok(pipeline)
            }
            Node::Union { inputs, recursion: None } => self.union(plan, inputs, filters),
            Node::Union { inputs, recursion: Some(recursion) } => self.recursion(plan, inputs, recursion),
            Node::MaxOneRow { input } => self.max_one_row(plan, input),
            Node::CteScan { cte, source } => self.cte_scan(plan, *cte, source),
            Node::SelectLock { input, .. } if self.locks.locking == Locking::Off => {
                let mut pipeline = self.pipeline(input, filters)?;
                let columns = pipeline.columns.clone();
                let all = Pick::new((0..columns.len()).collect::<Vec<_>>());
                pipeline.push(plan.id, Arc::new(all), columns);
                Ok(pipeline)
            }
            Node::SelectLock { input, lock } => {
                let pipeline = self.pipeline(input, &Filters::default())?;
                let columns = pipeline.columns.clone();
                let rows = self.collect(pipeline)?;
                self.runner.book_memory(plan.id, rows.bytes());
                self.locks.rows(lock, &rows, &columns)?;
                Ok(Pipeline::new(plan.id, Arc::new(Batches::keeping(rows)), columns))
            }
            Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. } => {
                Err(Error::Plan("a change of rows is not the input of anything".into()))
            }
        }
    }

    fn projection(
        &mut self,
        plan: &Plan,
        input: &Plan,
        exprs: &[(ColumnId, Expr)],
        filters: &Filters,
    ) -> Result<Pipeline> {
        let source = |id: ColumnId| match exprs.iter().find(|(out, _)| *out == id)?.1 {
            Expr::Column { id, .. } => Some(id),
            Expr::Constant { .. } | Expr::Call { .. } => None,
        };
        // A projection keeps the number and order of rows, so a limit below may as well be applied above.
        let mut pipeline = self.pipeline(input, &filters.map(source))?;
        let plain: Option<Vec<ColumnId>> = exprs.iter().map(|(id, _)| source(*id)).collect();
        let output = exprs.iter().map(|(id, _)| *id).collect();
        match plain {
            Some(ids) => {
                let columns = &pipeline.columns;
                let pick = self.form(plan, columns, || Ok(Pick::new(positions(columns, &ids)?)))?;
                pipeline.push(plan.id, pick, output);
            }
            None => {
                let columns = &pipeline.columns;
                let project = self.form(plan, columns, || Project::new(exprs, columns))?;
                pipeline.push(plan.id, project, output);
            }
        }
        Ok(pipeline)
    }

    fn hash_join(&mut self, plan: &Plan, join: &HashJoin, filters: &Filters) -> Result<Pipeline> {
        let (build, probe) = match join.build {
            Side::Left => (&*join.left, &*join.right),
            Side::Right => (&*join.right, &*join.left),
        };
        // A filter speaks of rows of the join's output. It may run below on the side it comes from if a row of that side
        // that is missing takes only its own output rows with it: always on the left; on the right only in an inner join
        // (in a left join its loss would turn a match into a row of NULLs).
        let pass = |side: &Plan| match join.kind {
            JoinKind::Inner => filters.clone(),
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) => {
                if std::ptr::eq(side, &*join.left) { filters.clone() } else { Filters::default() }
            }
        };
        let build_pipeline = self.input(build, &pass(build))?;
        let columns = &build_pipeline.columns;
        let form = self.form(plan, columns, || BuildForm::new(join, columns))?;
        let sink = BuildSink::new(form, &self.runner.context);
        let built = self.runner.run(&build_pipeline, Some(plan.id), sink)?;
        self.runner.book_memory(plan.id, built.memory_bytes());
        drop(build_pipeline);
        let mut down = pass(probe);
        down.0.extend(built.filters());
        let mut pipeline = self.input(probe, &down)?;
        // Only a preserved build side has rows without any on the probe side.
        if pipeline.is_empty()
            && (matches!(join.kind, JoinKind::Inner | JoinKind::Semi) || join.build == Side::Right)
        {
            return Ok(Pipeline::empty(plan.columns.clone()));
        }
        let (operator, unmatched) =
            hash_join::probe(join, built, &pipeline.columns, &plan.columns, &self.runner.context)?;
        pipeline.push(plan.id, operator, plan.columns.clone());
        if let Some(source) = unmatched {
            pipeline.then(plan.id, source);
        }
        Ok(pipeline)
    }

    fn index_join(&mut self, plan: &Plan, join: &IndexJoin, filters: &Filters) -> Result<Pipeline> {
        let outer = match join.outer {
            Side::Left => &*join.left,
            Side::Right => &*join.right,
        };
        // A row of the outer side that is missing takes only its own output rows with it.
        let mut pipeline = self.input(outer, filters)?;
        if pipeline.is_empty() {
            return Ok(Pipeline::empty(plan.columns.clone()));
        }
        let Tuning { index_join_batch_rows: rows_max, index_join_concurrency: concurrency, .. } = self.tuning;
        let pace = self.pace(rows_max, concurrency);
        let (client, context) = (&self.client, &self.runner.context);
        let columns = &pipeline.columns;
        let form = self.form(plan, columns, || IndexJoinForm::new(plan, join, columns))?;
        let (joiner, tallies) = IndexJoiner::new(form, client, self.ts, pace, context);
        self.runner.tallies.extend(tallies);
        pipeline.push(plan.id, Arc::new(joiner), plan.columns.clone());
        Ok(pipeline)
    }

    fn sort(&mut self, id: u32, pipeline: Pipeline, keys: &[SortKey]) -> Result<Pipeline> {
        let sink = Sort::new(keys, &pipeline.columns, &self.runner.context.memory)?;
        let sorted = self.runner.run(&pipeline, Some(id), sink)?;
        self.runner.book_memory(id, sorted.memory_bytes());
        Ok(Pipeline::new(id, Arc::new(sorted), pipeline.columns))
    }

    fn window(&mut self, plan: &Plan, input: &Plan, window: &Window) -> Result<Pipeline> {
        let (rows, mut columns) = self.materialize(input)?;
        let started = self.runner.context.clock();
        let form = self.form(plan, &columns, || WindowForm::new(window, &columns))?;
        let rows = form.run(rows, &self.runner.context, &mut self.scratch)?;
        self.runner.book_memory(plan.id, rows.bytes());
        if let Some(started) = started {
            self.runner.measured.entry(plan.id).or_default().elapsed += started.elapsed();
        }
        columns.extend(window.columns());
        Ok(Pipeline::new(plan.id, Arc::new(Batches::keeping(rows)), columns))
    }

    fn union(
        &mut self,
        plan: &Plan,
        inputs: &[(Plan, Vec<ColumnId>)],
        filters: &Filters,
    ) -> Result<Pipeline> {
        let mut union = Pipeline { branches: Vec::new(), columns: plan.columns.clone(), limit: None };
        for (input, ids) in inputs {
            let below = |id: ColumnId| ids.get(plan.columns.iter().position(|out| *out == id)?).copied();
            let mut pipeline = self.input(input, &filters.map(below))?;
            let pick = Pick::new(positions(&pipeline.columns, ids)?);
            pipeline.push(plan.id, Arc::new(pick), plan.columns.clone());
            union.branches.extend(pipeline.branches);
        }
        Ok(union)
    }

    /// No partition is opened after those that have `enough` rows.
    fn partition_union(
        &mut self,
        plan: &Plan,
        inputs: &[Plan],
        filters: &Filters,
        enough: Option<u64>,
    ) -> Result<Pipeline> {
        let mut union = Pipeline { branches: Vec::new(), columns: plan.columns.clone(), limit: None };
        let mut rows = 0;
        for input in inputs {
            if enough.is_some_and(|enough| rows >= enough) {
                break;
            }
            let mut pipeline = self.input(input, filters)?;
            rows += rows_known(input, &pipeline);
            let pick = Pick::new(positions(&pipeline.columns, &plan.columns)?);
            pipeline.push(plan.id, Arc::new(pick), plan.columns.clone());
            union.branches.extend(pipeline.branches);
        }
        Ok(union)
    }

    /// The right side runs to its end and is kept, in its order; the left side streams past it.
    fn merge_join(&mut self, plan: &Plan, join: &MergeJoin, filters: &Filters) -> Result<Pipeline> {
        let right = match join.kind {
            JoinKind::Inner => self.input(&join.right, filters)?,
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) => {
                self.input(&join.right, &Filters::default())?
            }
        };
        let columns = right.columns.clone();
        let rows = self.collect(right)?;
        self.runner.book_memory(plan.id, rows.bytes());
        let right = RightSide::new(join, rows, &columns, &self.runner.context)?;
        // A left row that is filtered out later takes only its own output with it.
        let mut pipeline = self.input(&join.left, filters)?;
        let merge = Merge::new(join, right, &pipeline.columns, &plan.columns)?;
        pipeline.push(plan.id, Arc::new(merge), plan.columns.clone());
        Ok(pipeline)
    }

    fn max_one_row(&mut self, plan: &Plan, input: &Plan) -> Result<Pipeline> {
        let (rows, columns) = self.materialize(input)?;
        let batches = match rows.rows {
            0 => {
                let nulls =
                    columns.iter().map(|id| null_column(&self.query.columns.ty(*id).sql, 1)).collect();
                vec![Batch::new(nulls, 1)]
            }
            1 => rows.batches,
            _ => return Err(Error::SubqueryRows),
        };
        Ok(Pipeline::new(plan.id, Arc::new(Batches::new(batches)), columns))
    }

    /// WITH RECURSIVE (see [`crate::recursion`]).
    fn recursion(
        &mut self,
        plan: &Plan,
        inputs: &[(Plan, Vec<ColumnId>)],
        recursion: &Recursion,
    ) -> Result<Pipeline> {
        let [(seed, seed_columns), (step, step_columns)] = inputs else {
            return Err(Error::Plan("a recursion has rows to begin with and a step".into()));
        };
        let query = Arc::clone(&self.query);
        let keys = recursion.distinct.as_ref().map(|ids| {
            let key = |id: &ColumnId| Ok((position(&plan.columns, *id)?, &query.columns.ty(*id).sql));
            ids.iter().map(key).collect::<Result<Vec<_>>>()
        });
        let pick = positions(&plan.columns, &query.ctes[recursion.working].columns)?;
        let mut rounds = Rounds::new(recursion, keys.transpose()?, pick, &self.runner.context.memory);
        let mut made = self.round(plan, seed, seed_columns)?;
        while let Some(last) = rounds.add(made)? {
            self.ctes[recursion.working] = Some(Arc::new(last));
            made = self.round(plan, step, step_columns)?;
        }
        self.ctes[recursion.working] = None;
        let rows = rounds.into_rows();
        self.runner.book_memory(plan.id, rows.bytes());
        Ok(Pipeline::new(plan.id, Arc::new(Batches::keeping(rows)), plan.columns.clone()))
    }

    /// The rows that an input of a recursion makes now.
    fn round(&mut self, plan: &Plan, input: &Plan, columns: &[ColumnId]) -> Result<Materialized> {
        let mut pipeline = self.input(input, &Filters::default())?;
        let pick = Pick::new(positions(&pipeline.columns, columns)?);
        pipeline.push_uncounted(Arc::new(pick), plan.columns.clone());
        self.collect(pipeline)
    }

    fn cte_scan(&mut self, plan: &Plan, cte: usize, source: &[ColumnId]) -> Result<Pipeline> {
        let query = Arc::clone(&self.query);
        let definition = &query.ctes[cte];
        let rows = match &self.ctes[cte] {
            Some(rows) => Arc::clone(rows),
            None => {
                let mut pipeline = self.build(definition)?;
                let pick = Pick::new(positions(&pipeline.columns, &definition.columns)?);
                pipeline.push_uncounted(Arc::new(pick), definition.columns.clone());
                let rows = Arc::new(self.collect(pipeline)?);
                self.runner.book_memory(plan.id, rows.bytes());
                self.ctes[cte] = Some(Arc::clone(&rows));
                rows
            }
        };
        let pick = Pick::new(positions(&definition.columns, source)?);
        let batches = Arc::new(Batches::keeping(rows));
        let mut pipeline = Pipeline::uncounted(batches, definition.columns.clone());
        pipeline.push(plan.id, Arc::new(pick), plan.columns.clone());
        Ok(pipeline)
    }

    fn apply(&mut self, plan: &Plan, apply: &Apply, filters: &Filters) -> Result<Pipeline> {
        // Left rows that are filtered out later may as well never get there, whatever the kind; right rows are not asked.
        let left = self.input(&apply.left, filters)?;
        // Whether there is any row is all that matters if no condition looks at it.
        let only_exists = !apply.kind.keeps_right() && apply.on.is_empty() && apply.null_aware.is_empty();
        let right = match only_exists {
            true => Plan {
                node: Node::Limit { input: apply.right.clone(), offset: 0, count: Some(1) },
                ..(*apply.right).clone()
            },
            false => (*apply.right).clone(),
        };
        let mut table = Vec::new();
        let mut ranges = Vec::new();
        let mut rows = 0;
        let mut reservation = self.runner.context.memory.reservation();
        let mut right_columns = right.columns.clone();
        let mut run = |builder: &mut Builder, plan: &Plan| -> Result<()> {
            let original = std::mem::replace(&mut builder.original, false);
            let (inner, columns) = builder.materialize(plan)?;
            builder.original = original;
            right_columns = columns;
            let end = rows + inner.rows as u64;
            // A position that means "no row" must stay free.
            let fits = u32::try_from(end).ok().filter(|end| *end < batch::NO_ROW);
            let end_row = fits.ok_or_else(|| Error::Plan("the inner side has more than 2^32 rows".into()))?;
            ranges.push(rows as u32..end_row);
            rows = end;
            table.extend(inner.batches);
            if let Some(bytes) = inner.reservation {
                reservation.merge(bytes);
            }
            Ok(())
        };
        let left_columns = left.columns.clone();
        let numbered = !apply.correlated.is_empty();
        let mut pipeline = if numbered {
            let outer = self.collect(left)?;
            let at = positions(&left_columns, &apply.correlated)?;
            let types: Vec<_> =
                apply.correlated.iter().map(|id| self.query.columns.ty(*id).clone()).collect();
            let distinct = apply::distinct(outer.batches, &at, &types)?;
            for set in &distinct.sets {
                self.runner.context.cancel.check()?;
                let inner = apply::substitute(&right, &|expr| match &expr {
                    Expr::Column { id, ty } => match apply.correlated.iter().position(|c| c == id) {
                        Some(i) => Expr::Constant { value: set[i].clone(), ty: ty.clone() },
                        None => expr,
                    },
                    Expr::Constant { .. } | Expr::Call { .. } => expr,
                });
                run(self, &inner)?;
            }
            let kept =
                Materialized { batches: distinct.batches, rows: outer.rows, reservation: outer.reservation };
            Pipeline::uncounted(Arc::new(Batches::keeping(kept)), left_columns.clone())
        } else {
            run(self, &right)?;
            left
        };
        self.runner.book_memory(plan.id, reservation.bytes());
        let columns = if table.is_empty() {
            right_columns.iter().map(|id| null_column(&self.query.columns.ty(*id).sql, 0)).collect()
        } else {
            batch::concat_batches(&table).columns
        };
        let inner = Inner { columns, ranges, _reservation: reservation };
        let (on, null_aware) = (&apply.on, &apply.null_aware);
        let join =
            NestedLoop::new(apply.kind, on, null_aware, &left_columns, &right_columns, inner, numbered)?;
        let mut output = left_columns;
        match apply.kind {
            JoinKind::Inner | JoinKind::Left => output.extend(right_columns),
            JoinKind::Mark(mark) => output.push(mark),
            JoinKind::Semi | JoinKind::Anti => {}
        }
        pipeline.push(plan.id, Arc::new(join), output);
        Ok(pipeline)
    }

    /// A scan, with the selection directly above it if there is one.
    fn scan(
        &mut self,
        plan: &Plan,
        selection: Option<(&Plan, &[Expr])>,
        filters: &Filters,
    ) -> Result<Pipeline> {
        let filters = filters.0.iter().filter(|(id, _)| plan.columns.contains(id)).cloned();
        let (filtered, filters): (Vec<_>, Vec<_>) = filters.unzip();
        let with_partition = self.wanted.partition;
        // A scan has no input: what differs from run to run are the filters.
        let form =
            self.form(plan, &filtered, || ScanForm::new(plan, selection, &filtered, with_partition))?;
        let (regions, partitions) = self.open(&form, &filters)?;
        let run = ScanRun {
            reading: Arc::clone(&form.reading),
            filters,
            partition: form.with_partition.then_some(partitions),
            wanted_rows: self.wanted.rows,
        };
        let Runner { context, .. } = &self.runner;
        let source: Arc<dyn Source> = match &form.merge {
            Some(merge) => {
                Arc::new(Ordered::new(regions, run, &merge.sort, &merge.columns, &context.memory)?)
            }
            None => Arc::new(Scan::new(regions, run, context.workers, self.wanted.small_tasks)),
        };
        let columns = form.columns.clone();
        let mut pipeline = match selection {
            Some((above, _)) => Pipeline::fused(plan.id, above.id, source, columns),
            None => Pipeline::new(plan.id, source, columns),
        };
        if let Some(merge) = &form.merge {
            let pick: Arc<Pick> = Arc::clone(&merge.pick);
            pipeline.push_uncounted(pick, form.columns.clone());
        }
        Ok(pipeline)
    }

    /// The regions of a scan, with the positions of their partitions.
    fn open(
        &mut self,
        form: &ScanForm,
        filters: &[Arc<dyn RuntimeFilter>],
    ) -> Result<(Vec<RegionScan>, Vec<u32>)> {
        let (asked, requests) = form.requests(filters, self.ts);
        if requests.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let before = self.analyzed();
        let scans = self.client.runtime().block_on(self.client.scan_all(&requests))?;
        let of = |(partition, scans): (usize, Vec<_>)| scans.into_iter().map(move |s| (s, partition as u32));
        let opened: (Vec<RegionScan>, Vec<u32>) = asked.into_iter().zip(scans).flat_map(of).unzip();
        if let Some((started, before)) = before {
            let opening = started.elapsed();
            let regions = opened.0.iter().map(RegionScan::region);
            let measured = self.runner.measured.entry(form.id).or_default();
            for region in regions.clone() {
                // They were asked at the same time.
                measured.regions.entry(region).or_default().opening += opening;
            }
            let cop = CopTasks {
                requests: opening,
                regions: regions.collect(),
                partitions: opened.1.iter().map(|&partition| partition as usize).collect(),
                ..CopTasks::default()
            };
            self.book_requests(form.id, cop, &before);
        }
        Ok(opened)
    }

    /// The moment and what the statement's client has counted so far, if somebody wants to know.
    pub fn analyzed(&self) -> Option<(Instant, ClientStats)> {
        self.runner.context.analyze.then(|| (Instant::now(), self.client.stats().clone()))
    }

    /// Books requests that the statement's client made for a scan since it had counted `before`.
    fn book_requests(&mut self, scan: u32, cop: CopTasks, before: &ClientStats) {
        let rpc = Some(self.client.stats().since(before));
        let measured = self.runner.measured.entry(scan).or_default();
        measured.elapsed += cop.requests;
        measured.detail.merge(Detail { cop: Some(cop), rpc, ..Detail::default() });
    }
}

impl Wanted {
    /// What is wanted below a node.
    fn below(self, plan: &Plan) -> Wanted {
        match &plan.node {
            Node::Limit { offset, count, .. } => {
                let rows = count.map(|count| count.saturating_add(*offset));
                Wanted { rows, small_tasks: false, partition: self.partition }
            }
            Node::IndexJoin(join) => {
                let outer = match join.outer {
                    Side::Left => &join.left,
                    Side::Right => &join.right,
                };
                // As many rows come of one as the planner thinks.
                let share = (outer.rows / plan.rows.max(f64::MIN_POSITIVE)).min(1.0);
                let rows = self.rows.map(|rows| (rows as f64 * share).ceil() as u64);
                Wanted { rows, small_tasks: true, partition: false }
            }
            Node::IndexLookUp(_) => Wanted { small_tasks: true, ..self },
            Node::TableScan(_)
            | Node::IndexScan(_)
            | Node::TableReader { .. }
            | Node::IndexReader { .. }
            | Node::Selection { .. } => self,
            Node::Projection { .. } | Node::SelectLock { .. } => Wanted { partition: false, ..self },
            _ => Wanted::default(),
        }
    }
}

/// How many rows will come at least: of a limit that has been settled, and of a double read whose entries have been counted.
fn rows_known(plan: &Plan, pipeline: &Pipeline) -> u64 {
    let counted = match &plan.node {
        Node::Limit { .. } => true,
        Node::IndexLookUp(lookup) => lookup.limit.is_some(),
        _ => false,
    };
    let ready = pipeline.branches.iter().filter(|_| counted).filter_map(|branch| branch.source.ready());
    ready.flatten().map(|batch| batch.rows as u64).sum()
}

/// The columns of `input` that a selection lets out: those it names, in its order; all if it names others too.
pub(crate) fn kept(selection: &Plan, input: &[ColumnId]) -> Vec<ColumnId> {
    match selection.columns.iter().all(|id| input.contains(id)) {
        true => selection.columns.clone(),
        false => input.to_vec(),
    }
}
