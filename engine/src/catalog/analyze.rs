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
use super::version::Entry;
use super::{Catalog, Waiting};
use crate::error::Result;

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
        TableStats { pseudo: false, rows: self.rows, columns }
    }
}

impl Catalog {
    /// Reads a whole table and publishes what it learned.
    pub fn analyze(&self, name: &TableName, client: &mut Client, waiting: &mut Waiting) -> Result<()> {
        let version = self.load();
        let entry = entry(&version, name)?;
        let before = entry.live_rows();
        let stats = collect(&entry.descriptor, client, waiting)?;
        self.set_stats(&entry.descriptor, stats, before, waiting)
    }

    /// Publishes statistics of a table, unless it was replaced by another meanwhile. `before`: the rows that it was believed
    /// to have when they were counted.
    pub fn set_stats(
        &self,
        table: &TableDescriptor,
        stats: TableStats,
        before: u64,
        waiting: &mut Waiting,
    ) -> Result<()> {
        let mut lease = self.lease(waiting)?;
        let version = lease.version();
        let same: TableId = table.id;
        let entry = version.entry(&table.database, &table.name).filter(|e| e.descriptor.id == same);
        if let Some(entry) = entry {
            entry.counters.growth.counted(before, stats.rows);
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
