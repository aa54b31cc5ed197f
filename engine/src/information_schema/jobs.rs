//! `ddl_jobs` and `analyze_status`: the changes of the schema and the runs of ANALYZE that are remembered, the newest first.

use allod_storage::schema::Datum;

use super::Kind::{Moment, Number, Text};
use super::{Definition, Facts, Rows, number, text};
use crate::catalog::{Analysis, Catalog, Job, Version};

/// The only server.
const INSTANCE: &str = "127.0.0.1:4000";

pub(super) const JOBS: Definition = Definition {
    name: "ddl_jobs",
    columns: &[
        ("JOB_ID", Number),
        ("DB_NAME", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("JOB_TYPE", Text(64)),
        ("SCHEMA_STATE", Text(64)),
        ("SCHEMA_ID", Number),
        ("TABLE_ID", Number),
        ("ROW_COUNT", Number),
        ("CREATE_TIME", Moment(6)),
        ("START_TIME", Moment(6)),
        ("END_TIME", Moment(6)),
        ("STATE", Text(64)),
        ("QUERY", Text(65535)),
    ],
    rows: |version, facts| {
        let row = |(id, job): &(u64, std::sync::Arc<Job>)| {
            let mut cells = job_cells(version, facts, *id, job);
            cells.push(text(&job.statement));
            cells
        };
        Ok(facts.catalog.jobs.list().iter().rev().filter(|(_, job)| sees(facts, job)).map(row).collect())
    },
};

/// ADMIN SHOW DDL JOBS: all that run, and so many of those that have ended.
pub(crate) const SHOWN_JOBS: &[&str] = &[
    "JOB_ID",
    "DB_NAME",
    "TABLE_NAME",
    "JOB_TYPE",
    "SCHEMA_STATE",
    "SCHEMA_ID",
    "TABLE_ID",
    "ROW_COUNT",
    "CREATE_TIME",
    "START_TIME",
    "END_TIME",
    "STATE",
];

/// Its rows.
pub(crate) fn shown_jobs(version: &Version, facts: &Facts, ended: u64) -> Rows {
    let jobs = facts.catalog.jobs.list();
    let (past, running): (Vec<_>, Vec<_>) = jobs.iter().rev().partition(|(_, job)| job.stage.has_ended());
    let past = past.into_iter().take(usize::try_from(ended).unwrap_or(usize::MAX));
    running.into_iter().chain(past).map(|(id, job)| job_cells(version, facts, *id, job)).collect()
}

fn sees(facts: &Facts, job: &Job) -> bool {
    match &job.table {
        Some(table) => facts.rights.sees_table(&job.database, table),
        None => facts.rights.sees_database(&job.database),
    }
}

fn job_cells(version: &Version, facts: &Facts, id: u64, job: &Job) -> Vec<Datum> {
    let moment = |us: Option<i64>| us.map_or(Datum::Null, |us| facts.moment(us));
    vec![
        number(id),
        text(&job.database),
        text(job.table.as_deref().unwrap_or_default()),
        text(job.kind),
        text(Catalog::state_of(version, job)),
        // Databases have names and no numbers.
        Datum::Null,
        job.table_id.map_or(Datum::Null, number),
        number(job.rows),
        facts.moment(job.entered_us),
        moment(job.began_us),
        moment(job.ended_us),
        text(job.stage.name()),
    ]
}

pub(super) const ANALYSES: Definition = Definition {
    name: "analyze_status",
    columns: &[
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("PARTITION_NAME", Text(64)),
        ("JOB_INFO", Text(65535)),
        ("PROCESSED_ROWS", Number),
        ("START_TIME", Moment(0)),
        ("END_TIME", Moment(0)),
        ("STATE", Text(64)),
        ("FAIL_REASON", Text(65535)),
        ("INSTANCE", Text(512)),
        ("PROCESS_ID", Number),
        ("REMAINING_SECONDS", Text(512)),
        ("PROGRESS", Text(20)),
        ("ESTIMATED_TOTAL_ROWS", Number),
    ],
    rows: |_, facts| Ok(analyses(facts)),
};

/// SHOW ANALYZE STATUS.
pub(crate) const SHOWN_ANALYSES: &[&str] = &[
    "Table_schema",
    "Table_name",
    "Partition_name",
    "Job_info",
    "Processed_rows",
    "Start_time",
    "End_time",
    "State",
    "Fail_reason",
    "Instance",
    "Process_ID",
    "Remaining_seconds",
    "Progress",
    "Estimated_total_rows",
];

/// Its rows.
pub(crate) fn analyses(facts: &Facts) -> Rows {
    let second = |us: i64| facts.moment(us - us.rem_euclid(1_000_000));
    let row = |analysis: &Analysis| {
        let state = match (analysis.ended_us, &analysis.error) {
            (None, _) => "running",
            (Some(_), None) => "finished",
            (Some(_), Some(_)) => "failed",
        };
        let mut row = vec![
            text(&analysis.database),
            text(&analysis.table),
            text(""),
            text("analyze table all columns"),
            number(analysis.rows),
            second(analysis.began_us),
            analysis.ended_us.map_or(Datum::Null, second),
            text(state),
            analysis.error.as_ref().map_or(Datum::Null, text),
            text(INSTANCE),
        ];
        row.resize(SHOWN_ANALYSES.len(), Datum::Null);
        row
    };
    let seen =
        |analysis: &&std::sync::Arc<Analysis>| facts.rights.sees_table(&analysis.database, &analysis.table);
    facts.catalog.analyses.list().values().rev().filter(seen).map(|analysis| row(analysis)).collect()
}

/// The statements of jobs, for ADMIN SHOW DDL JOB QUERIES.
pub(crate) fn queries(facts: &Facts) -> Vec<(u64, Datum)> {
    facts.catalog.jobs.list().iter().rev().map(|(id, job)| (*id, text(&job.statement))).collect()
}
