//! Reads by way of indexes: entries first, then the rows that they point to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allod_planner::physical::{IndexLookUp, IndexMerge, Plan};

use super::{Builder, Filters, kept};
use crate::batch::{Batch, positions};
use crate::error::{Error, Result};
use crate::execute::Tuning;
use crate::index_lookup::{RowLookup, RowLookupForm, index_name};
use crate::index_merge;
use crate::lookup::Pace;
use crate::metrics::{CopTasks, Detail, IndexMergeRun};
use crate::pipeline::{Batches, Limit, Materialized, Pipeline};
use crate::projection::Pick;
use crate::selection::Filter;

/// Rows of the first lookup.
const FIRST_ROWS: usize = 1024;
/// The same if no limit above can have enough of them: what a batch costs by itself is then better spent once.
const FIRST_ROWS_OF_ALL: usize = 8192;
/// The same if a limit above wants fewer, where answers are immediate.
const FIRST_ROWS_MIN: usize = 4;
/// The same where each lookup is a round trip (TiDB's first batch).
const FIRST_ROWS_MIN_REMOTE: usize = 32;

impl Builder {
    pub(super) fn index_lookup(
        &mut self,
        plan: &Plan,
        lookup: &IndexLookUp,
        filters: &Filters,
    ) -> Result<Pipeline> {
        let above = self.wanted;
        self.wanted.partition = true;
        let mut pipeline = self.pipeline(&lookup.index, filters)?;
        if let Some(limit) = pipeline.limit {
            let skipped = lookup.limit.map_or(0, |(offset, _)| offset);
            let entries = self.entries(&mut pipeline, limit, skipped)?;
            pipeline = Pipeline::uncounted(Arc::new(Batches::keeping(entries)), pipeline.columns);
        }
        self.wanted = above;
        let Tuning { index_lookup_rows: rows_max, index_lookup_concurrency: concurrency, .. } = self.tuning;
        let pace = self.pace(rows_max, concurrency);
        let (client, context) = (&self.client, &self.runner.context);
        let columns = &pipeline.columns;
        let form = self.form(plan, columns, || RowLookupForm::new(plan, lookup, columns))?;
        let (rows, tallies) = RowLookup::new(form, client, self.ts, pace, context);
        self.runner.tallies.extend(tallies);
        let columns = rows.columns().to_vec();
        pipeline.push(plan.id, Arc::new(rows), columns);
        Ok(pipeline)
    }

    /// The index entries within a limit, without the first `skipped`: their rows are not wanted.
    fn entries(&mut self, pipeline: &mut Pipeline, limit: Limit, skipped: u64) -> Result<Materialized> {
        let branches = std::mem::take(&mut pipeline.branches);
        let left = Limit {
            offset: limit.offset.saturating_add(skipped),
            count: limit.count.map(|count| count.saturating_sub(skipped)),
            ..limit
        };
        let rest = Pipeline { branches, columns: pipeline.columns.clone(), limit: Some(left) };
        let entries = self.collect(rest)?;
        if self.runner.context.analyze && entries.rows > 0 {
            self.runner.measured.entry(limit.plan).or_default().meter.rows += skipped;
        }
        Ok(entries)
    }

    /// How lookups grow: from few rows on if few are wanted.
    pub(super) fn pace(&self, rows_max: usize, concurrency: usize) -> Pace {
        let least = match self.client.runtime().is_direct() {
            true => FIRST_ROWS_MIN,
            false => FIRST_ROWS_MIN_REMOTE,
        };
        let first_rows = match self.wanted.rows {
            Some(rows) => usize::try_from(rows).unwrap_or(usize::MAX).clamp(least, FIRST_ROWS),
            None => FIRST_ROWS_OF_ALL.min(rows_max),
        };
        Pace { first_rows, rows_max, concurrency, early: self.wanted.rows.is_some() }
    }

    /// The rows that the partial scans name, partition by partition, then the selection above the table's side.
    pub(super) fn index_merge(&mut self, plan: &Plan, merge: &IndexMerge) -> Result<Pipeline> {
        let wanted = index_merge::Wanted::of(merge)?;
        let mut batches = Vec::new();
        let mut rows_held = self.runner.context.memory.reservation();
        let mut keys_held = self.runner.context.memory.reservation();
        let mut run = IndexMergeRun::default();
        let since = |started: Option<Instant>| started.map_or(Duration::ZERO, |started| started.elapsed());
        for &partition in &wanted.partitions {
            let started = self.runner.context.clock();
            let mut parts = Vec::with_capacity(merge.partial.len());
            for part in &merge.partial {
                let one = index_merge::within(&part.plan, partition);
                let original = std::mem::replace(&mut self.original, false);
                let (rows, columns) = self.materialize(&one)?;
                self.original = original;
                parts.push((rows, positions(&columns, &part.handle)?));
            }
            run.fetch_handles += since(started);
            let started = self.runner.context.clock();
            let records = wanted.table.partitions[partition].records;
            let keys = index_merge::combine(&parts, records, merge.intersection)?;
            keys_held.resize(keys.iter().map(|key| key.as_bytes().len() as u64).sum())?;
            run.merge += since(started);
            if keys.is_empty() {
                continue;
            }
            run.tasks += 1;
            let runtime = self.client.runtime();
            let before = self.analyzed();
            let found = runtime.block_on(self.client.get(records, &keys, self.ts, wanted.ordinals))?;
            if let Some((started, before)) = before {
                let time = started.elapsed();
                run.fetch_rows += time;
                let cop = CopTasks {
                    times: vec![time],
                    requests: time,
                    rows: found.rows as u64,
                    regions: found.regions.iter().copied().collect(),
                    partitions: [partition].into(),
                };
                self.book_requests(wanted.scan.id, cop, &before);
            }
            // The index and the table are read at one timestamp: an entry without a row is damage.
            if found.rows != keys.len() {
                let indexes: Vec<_> = merge.partial.iter().map(|part| index_name(&part.plan)).collect();
                return Err(Error::LostRows {
                    table: Arc::clone(&wanted.table.name),
                    index: indexes.join(",").into(),
                    entries: keys.len() as u64,
                    rows: found.rows as u64,
                });
            }
            let batch = Batch::new(found.columns, found.rows);
            rows_held.grow(batch.bytes())?;
            batches.push(batch);
        }
        self.runner.book_memory(plan.id, rows_held.bytes());
        if self.runner.context.analyze {
            let detail = Detail { index_merge: Some(run), ..Detail::default() };
            self.runner.measured.entry(plan.id).or_default().detail.merge(detail);
        }
        let rows = batches.iter().map(|batch| batch.rows).sum();
        let source = Batches::keeping(Materialized { batches, rows, reservation: Some(rows_held) });
        let source = Arc::new(source);
        let mut pipeline = Pipeline::new(wanted.scan.id, source, wanted.scan.columns.clone());
        for (above, predicates) in &wanted.selections {
            let output = kept(above, &pipeline.columns);
            let filter = Filter::new(predicates, &pipeline.columns, &output)?;
            pipeline.push(above.id, Arc::new(filter), output);
        }
        let pick = Pick::new(positions(&pipeline.columns, &plan.columns)?);
        pipeline.push(plan.id, Arc::new(pick), plan.columns.clone());
        Ok(pipeline)
    }
}
