//! Statistics: collected in parallel from the columns themselves, published like any change of the schema.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use rayon::prelude::*;

use allod_planner::bind::TableName;
use allod_planner::stats::{ColumnCollector, TableStats};
use allod_storage::client::{Client, ScanRequest};
use allod_storage::runtime::aside;
use allod_storage::schema::{TableDescriptor, TableId};

use super::ddl::entry;
use super::growth::Seen;
use super::version::Entry;
use super::{Catalog, Waiting};
use crate::error::{Error, Result};

/// One run of ANALYZE over a table.
#[derive(Clone, Debug)]
pub(crate) struct Analysis {
    pub database: Arc<str>,
    pub table: Arc<str>,
    pub began_us: i64,
    pub ended_us: Option<i64>,
    /// How many rows it has read, when it has ended.
    pub rows: u64,
    /// Why it failed.
    pub error: Option<String>,
}

impl Analysis {
    fn new(database: Arc<str>, table: Arc<str>) -> Analysis {
        Analysis { database, table, began_us: now_us(), ended_us: None, rows: 0, error: None }
    }

    fn ended(self, rows: u64, error: Option<&Error>) -> Analysis {
        Analysis { ended_us: Some(now_us()), rows, error: error.map(ToString::to_string), ..self }
    }
}

fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// What was seen of a table's rows so far. One per worker, merged at the end.
pub(crate) struct StatsCollector {
    rows: u64,
    columns: Vec<ColumnCollector>,
}

impl StatsCollector {
    /// For rows of this table.
    pub fn new(table: &TableDescriptor) -> StatsCollector {
        StatsCollector {
            rows: 0,
            columns: table.columns.iter().map(|c| ColumnCollector::new(&c.ty)).collect(),
        }
    }

    /// Takes in rows: every column of the table, in order.
    pub fn add(&mut self, columns: &[ArrayRef]) {
        self.rows += columns.first().map_or(0, |c| c.len() as u64);
        for (collector, column) in self.columns.iter_mut().zip(columns) {
            collector.add(column);
        }
    }

    /// Both together.
    pub fn merge(mut self, other: StatsCollector) -> StatsCollector {
        self.rows += other.rows;
        for (mine, its) in self.columns.iter_mut().zip(other.columns) {
            mine.merge(its);
        }
        self
    }

    /// What was seen.
    pub fn finish(self) -> TableStats {
        let columns = self.columns.into_par_iter().map(|c| Arc::new(c.finish())).collect();
        TableStats { pseudo: false, rows: self.rows, columns, ..TableStats::pseudo() }
    }
}

impl Catalog {
    /// Reads a whole table and publishes what it learned.
    pub fn analyze(&self, name: &TableName, client: &mut Client, waiting: &mut Waiting) -> Result<()> {
        let version = self.load();
        let entry = entry(&version, name)?;
        let before = entry.counters.growth.seen();
        let (database, table) = (&entry.descriptor.database, &entry.descriptor.name);
        let begun = Analysis::new(Arc::clone(database), Arc::clone(table));
        let running = self.analyses.enter(begun.clone());
        let stats = collect(&entry.descriptor, client, waiting);
        let rows = stats.as_ref().map_or(0, |stats| stats.rows);
        let outcome = stats.and_then(|stats| self.set_stats(&entry.descriptor, stats, before, waiting));
        self.analyses.replace(running, begun.ended(rows, outcome.as_ref().err()));
        outcome
    }

    /// Publishes statistics of a table, unless it was replaced by another meanwhile. `before`: the rows that it was believed
    /// to have when they were counted.
    pub fn set_stats(
        &self,
        table: &TableDescriptor,
        stats: TableStats,
        before: Seen,
        waiting: &mut Waiting,
    ) -> Result<()> {
        let mut lease = self.lease(waiting)?;
        let version = lease.version();
        let same: TableId = table.id;
        let entry = version.entry(&table.database, &table.name).filter(|e| e.descriptor.id == same);
        if let Some(entry) = entry {
            entry.counters.growth.counted(before, stats.rows);
            let told = self.cluster.last_timestamp();
            let stats = TableStats { told, analyzed: Some(told), ..stats };
            lease.publish(version.with_table(Entry { stats: Arc::new(stats), ..entry.clone() }));
        }
        Ok(())
    }
}

/// What there is to learn of a table.
pub(super) fn collect(table: &TableDescriptor, client: &mut Client, waiting: &Waiting) -> Result<TableStats> {
    let runtime = client.runtime();
    let ordinals: Vec<usize> = (0..table.columns.len()).collect();
    let (ts, _pin) = runtime.block_on(client.snapshot())?;
    let cancel = waiting.cancel();
    let mut total = StatsCollector::new(table);
    for partition in &table.partitions {
        let regions = runtime.block_on(client.scan(&ScanRequest::all(partition.records, ts)))?;
        let new = || StatsCollector::new(table);
        let count = || {
            regions
                .par_iter()
                .flat_map(|region| region.morsels().into_par_iter().map(move |morsel| (region, morsel)))
                .try_fold(new, |mut collector, (region, morsel)| {
                    cancel.check()?;
                    collector.add(&region.read(&morsel, &ordinals).columns);
                    Ok(collector)
                })
                .try_reduce(new, |one, other| Ok(one.merge(other)))
        };
        // Whoever asks waits; its thread may have others to serve.
        let seen: Result<StatsCollector> = aside(count);
        total = total.merge(seen?);
    }
    Ok(total.finish())
}
