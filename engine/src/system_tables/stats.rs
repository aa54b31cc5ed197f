//! `stats_meta`, `stats_histograms`, `stats_buckets`, `stats_top_n`: what ANALYZE has learned, in TiDB's columns.

use allod_storage::schema::{Datum, Timestamp};

use crate::information_schema::Definition;
use crate::information_schema::Kind::{Number, Text};
use crate::information_schema::stats::{Known, counts, known, told};
use crate::information_schema::{entries, number};

pub(super) const META: Definition = Definition {
    name: "stats_meta",
    columns: &[
        ("version", Number),
        ("table_id", Number),
        ("modify_count", Number),
        ("count", Number),
        ("snapshot", Number),
        ("last_stats_histograms_version", Number),
    ],
    rows: |version, _| {
        let row = |entry: &crate::catalog::Entry| {
            let [rows, changed] = counts(entry);
            let analyzed = entry.stats.analyzed.unwrap_or(Timestamp(0)).0;
            let id = entry.descriptor.id.0;
            [told(entry).0, id, changed, rows, analyzed, analyzed].map(number).to_vec()
        };
        Ok(entries(version).map(row).collect())
    },
};

pub(super) const HISTOGRAMS: Definition = Definition {
    name: "stats_histograms",
    columns: &[
        ("table_id", Number),
        ("is_index", Number),
        ("hist_id", Number),
        ("distinct_count", Number),
        ("null_count", Number),
        ("tot_col_size", Number),
        ("modify_count", Number),
        ("version", Number),
        ("stats_ver", Number),
    ],
    rows: |version, _| {
        let row = |known: Known<'_>| {
            let (entry, stats) = (known.entry, known.stats);
            // A size of a type, not of memory: it is not negative, and far below 2^63.
            let size = (stats.width * entry.stats.rows as f64) as u64;
            let mut row = place(&known);
            // The second version of TiDB's statistics: histograms and frequent values, no sketch.
            let cells = [stats.distinct, stats.nulls, size, counts(entry)[1], told(entry).0, 2];
            row.extend(cells.map(number));
            row
        };
        Ok(known(version).map(row).collect())
    },
};

pub(super) const BUCKETS: Definition = Definition {
    name: "stats_buckets",
    columns: &[
        ("table_id", Number),
        ("is_index", Number),
        ("hist_id", Number),
        ("bucket_id", Number),
        ("count", Number),
        ("repeats", Number),
        ("upper_bound", Text(65535)),
        ("lower_bound", Text(65535)),
        ("ndv", Number),
    ],
    rows: |version, _| {
        let rows = |known: Known<'_>| {
            let mut before = 0;
            let row = |(id, bucket): (u64, allod_planner::stats::Bucket)| {
                let mut row = place(&known);
                row.extend([id, bucket.cumulative - before, bucket.repeats].map(number));
                row.extend([known.shown(&bucket.upper), known.shown(&bucket.lower), number(bucket.distinct)]);
                before = bucket.cumulative;
                row
            };
            (0..).zip(known.buckets().1).map(row).collect::<Vec<_>>()
        };
        Ok(known(version).flat_map(rows).collect())
    },
};

pub(super) const TOP_N: Definition = Definition {
    name: "stats_top_n",
    columns: &[
        ("table_id", Number),
        ("is_index", Number),
        ("hist_id", Number),
        ("value", Text(65535)),
        ("count", Number),
    ],
    rows: |version, _| {
        let rows = |known: Known<'_>| {
            let row = |(value, count): (&Datum, u64)| {
                let mut row = place(&known);
                row.extend([known.shown(value), number(count)]);
                row
            };
            known.buckets().0.into_iter().map(row).collect::<Vec<_>>()
        };
        Ok(known(version).flat_map(rows).collect())
    },
};

fn place(known: &Known<'_>) -> Vec<Datum> {
    [known.entry.descriptor.id.0, u64::from(known.is_index), known.id].map(number).to_vec()
}
