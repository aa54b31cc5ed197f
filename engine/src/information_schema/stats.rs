//! What ANALYZE has learned of tables, for SHOW STATS_META and its like and for the tables `mysql.stats_…`.
//!
//! Columns have statistics, and an index of one column has those of its column. A value that a histogram's bucket holds alone, more than
//! once, is one of the most frequent (`stats_topn`); the rest are buckets.

use allod_planner::expr::printed;
use allod_planner::stats::{Bucket, ColumnStats};
use allod_storage::schema::{Datum, SqlType, TableDescriptor, Timestamp};

use super::{Facts, Rows, entries, number, text};
use crate::catalog::{Entry, Version};

/// Statistics of a column, or of an index of that column alone.
pub(crate) struct Known<'a> {
    pub entry: &'a Entry,
    pub name: &'a str,
    pub is_index: bool,
    /// Of the column or the index, within its table.
    pub id: u64,
    pub ty: &'a SqlType,
    pub stats: &'a ColumnStats,
}

/// Those of all tables that were analysed.
pub(crate) fn known(version: &Version) -> impl Iterator<Item = Known<'_>> {
    entries(version).flat_map(|entry| {
        let table: &TableDescriptor = &entry.descriptor;
        let of = move |ordinal: usize, name, is_index, id| {
            let stats = entry.stats.columns.get(ordinal)?;
            Some(Known { entry, name, is_index, id, ty: &table.columns[ordinal].ty.sql, stats })
        };
        let columns = table
            .visible_columns()
            .zip(1..)
            .filter_map(move |(ordinal, id)| of(ordinal, &*table.columns[ordinal].name, false, id));
        let indexes = table.indexes.iter().filter_map(move |index| match index.columns.as_slice() {
            [column] => of(*column, &*index.name, true, index.id.0),
            _ => None,
        });
        columns.chain(indexes)
    })
}

impl Known<'_> {
    /// The values that have a bucket for themselves, more than once; and the other buckets, which count anew.
    pub fn buckets(&self) -> (Vec<(&Datum, u64)>, Vec<Bucket>) {
        let (mut frequent, mut rest) = (Vec::new(), Vec::<Bucket>::new());
        let mut before = 0;
        for bucket in &self.stats.histogram {
            let rows = bucket.cumulative - before;
            before = bucket.cumulative;
            if bucket.distinct <= 1 && rows > 1 {
                frequent.push((&bucket.upper, rows));
            } else {
                let cumulative = rest.last().map_or(0, |last| last.cumulative) + rows;
                rest.push(Bucket { cumulative, ..bucket.clone() });
            }
        }
        (frequent, rest)
    }

    /// A value as it is shown.
    pub fn shown(&self, value: &Datum) -> Datum {
        text(printed(value, self.ty).as_ref().unwrap_or(value).to_string())
    }

    fn place(&self) -> Vec<Datum> {
        let mut place = place(self.entry);
        place.extend([text(self.name), number(u64::from(self.is_index))]);
        place
    }
}

/// When a table's statistics were told last.
pub(crate) fn told(entry: &Entry) -> Timestamp {
    if entry.stats.told == Timestamp::default() { entry.since } else { entry.stats.told }
}

/// How many rows there are; and how many came and went since they were counted.
pub(crate) fn counts(entry: &Entry) -> [u64; 2] {
    [entry.live_rows(), entry.counters.growth.changed()]
}

/// Database, table, partition.
fn place(entry: &Entry) -> Vec<Datum> {
    [&*entry.descriptor.database, &*entry.descriptor.name, ""].map(text).to_vec()
}

/// SHOW STATS_META.
pub(crate) const META: &[&str] = &[
    "Db_name",
    "Table_name",
    "Partition_name",
    "Update_time",
    "Modify_count",
    "Row_count",
    "Last_analyze_time",
];

/// Its rows.
pub(crate) fn meta(version: &Version, facts: &Facts) -> Rows {
    let row = |entry: &Entry| {
        let [rows, changed] = counts(entry);
        let mut row = place(entry);
        row.push(facts.moment_of(told(entry)));
        row.extend([changed, rows].map(number));
        row.push(entry.stats.analyzed.map_or(Datum::Null, |at| facts.moment_of(at)));
        row
    };
    entries(version).map(row).collect()
}

/// SHOW STATS_HEALTHY.
pub(crate) const HEALTHY: &[&str] = &["Db_name", "Table_name", "Partition_name", "Healthy"];

/// Its rows: which part of the rows, in hundredths, is what it was when they were counted.
pub(crate) fn healthy(version: &Version) -> Rows {
    let row = |entry: &Entry| {
        let [rows, changed] = counts(entry);
        let healthy = match (rows, changed) {
            (_, 0) => 100,
            (rows, changed) if changed < rows => 100 - changed.saturating_mul(100) / rows,
            _ => 0,
        };
        let mut row = place(entry);
        row.push(number(healthy));
        row
    };
    entries(version).filter(|entry| !entry.stats.pseudo).map(row).collect()
}

/// SHOW STATS_LOCKED.
pub(crate) const LOCKED: &[&str] = &["Db_name", "Table_name", "Partition_name", "Status"];

/// Its rows: the tables that ANALYZE passes over.
pub(crate) fn locked(version: &Version) -> Rows {
    let row = |entry: &Entry| {
        let mut row = place(entry);
        row.push(text("locked"));
        row
    };
    entries(version).filter(|entry| entry.stats_locked).map(row).collect()
}

/// SHOW STATS_HISTOGRAMS.
pub(crate) const HISTOGRAMS: &[&str] = &[
    "Db_name",
    "Table_name",
    "Partition_name",
    "Column_name",
    "Is_index",
    "Update_time",
    "Distinct_count",
    "Null_count",
    "Avg_col_size",
    "Correlation",
    "Load_status",
    "Total_mem_usage",
    "Hist_mem_usage",
    "Topn_mem_usage",
    "Cms_mem_usage",
];

/// Its rows.
pub(crate) fn histograms(version: &Version, facts: &Facts) -> Rows {
    let row = |known: Known<'_>| {
        let bytes = (known.stats.histogram.len() * size_of::<Bucket>()) as u64;
        let mut row = known.place();
        row.push(facts.moment_of(told(known.entry)));
        row.extend([known.stats.distinct, known.stats.nulls].map(number));
        // Whether values follow the order of rows is not looked at.
        row.extend([text(format!("{:.2}", known.stats.width)), Datum::Null, text("allLoaded")]);
        row.extend([bytes, bytes, 0, 0].map(number));
        row
    };
    known(version).map(row).collect()
}

/// SHOW STATS_BUCKETS.
pub(crate) const BUCKETS: &[&str] = &[
    "Db_name",
    "Table_name",
    "Partition_name",
    "Column_name",
    "Is_index",
    "Bucket_id",
    "Count",
    "Repeats",
    "Lower_Bound",
    "Upper_Bound",
    "Ndv",
];

/// Its rows.
pub(crate) fn buckets(version: &Version) -> Rows {
    let rows = |known: Known<'_>| {
        let (_, buckets) = known.buckets();
        let row = |(id, bucket): (u64, Bucket)| {
            let mut row = known.place();
            row.extend([id, bucket.cumulative, bucket.repeats].map(number));
            row.extend([known.shown(&bucket.lower), known.shown(&bucket.upper), number(bucket.distinct)]);
            row
        };
        (0..).zip(buckets).map(row).collect::<Rows>()
    };
    known(version).flat_map(rows).collect()
}

/// SHOW STATS_TOPN.
pub(crate) const TOP_N: &[&str] =
    &["Db_name", "Table_name", "Partition_name", "Column_name", "Is_index", "Value", "Count"];

/// Its rows.
pub(crate) fn top_n(version: &Version) -> Rows {
    let rows = |known: Known<'_>| {
        let (frequent, _) = known.buckets();
        let row = |(value, count): (&Datum, u64)| {
            let mut row = known.place();
            row.extend([known.shown(value), number(count)]);
            row
        };
        frequent.into_iter().map(row).collect::<Rows>()
    };
    known(version).flat_map(rows).collect()
}
