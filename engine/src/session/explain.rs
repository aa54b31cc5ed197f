//! EXPLAIN and EXPLAIN ANALYZE, in TiDB's columns.

use std::collections::BTreeMap;
use std::time::Duration;

use allod_executor::{Cancel, OperatorMetrics};
use allod_planner::bind::ExplainFormat;
use allod_planner::{ExplainRow, explain};

use super::Session;
use super::statement::Planned;
use crate::error::Result;
use crate::result::ResultSet;

const EXPLAIN: [&str; 5] = ["id", "estRows", "task", "access object", "operator info"];
const EXPLAIN_ANALYZE: [&str; 9] = [
    "id",
    "estRows",
    "actRows",
    "task",
    "access object",
    "execution info",
    "operator info",
    "memory",
    "disk",
];

impl Session {
    /// The plan; for ANALYZE the statement is run to its end (a write is done) and what was measured is added.
    pub(super) fn explain(
        &mut self,
        planned: Planned,
        analyze: bool,
        format: ExplainFormat,
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let rows = explain(&planned.query, format != ExplainFormat::Brief);
        if !analyze {
            let cells = rows.into_iter().map(|row| {
                [row.id, row.est_rows, row.task.to_string(), row.access_object, row.operator_info]
                    .map(Some)
                    .to_vec()
            });
            return ResultSet::text(&EXPLAIN, cells.collect());
        }
        let mut running = self.start(planned, cancel, true)?;
        running.try_for_each(|batch| batch.map(drop))?;
        let metrics = running.execution.metrics();
        let cells = rows.into_iter().map(|row| analyzed(row, &metrics)).collect();
        ResultSet::text(&EXPLAIN_ANALYZE, cells)
    }
}

/// A line of EXPLAIN ANALYZE. An operator that never ran has done nothing, in no time.
fn analyzed(row: ExplainRow, metrics: &BTreeMap<u32, OperatorMetrics>) -> Vec<Option<String>> {
    let m = metrics.get(&row.plan).cloned().unwrap_or_default();
    let mut info = format!("time:{}, loops:{}", duration(m.time), m.loops);
    if m.tasks > 0 {
        info += &format!(", tasks:{}", m.tasks);
    }
    if m.workers > 0 {
        info += &format!(", workers:{}", m.workers);
    }
    let memory = if m.memory_bytes > 0 { bytes(m.memory_bytes) } else { "N/A".to_string() };
    [
        row.id,
        row.est_rows,
        m.rows.to_string(),
        row.task.to_string(),
        row.access_object,
        info,
        row.operator_info,
        memory,
        "N/A".to_string(),
    ]
    .map(Some)
    .to_vec()
}

/// `1.23ms`, in the largest unit that leaves a digit before the point.
fn duration(time: Duration) -> String {
    let ns = time.as_nanos() as f64;
    match ns {
        ..1e3 => format!("{ns}ns"),
        ..1e6 => format!("{:.1}µs", ns / 1e3),
        ..1e9 => format!("{:.2}ms", ns / 1e6),
        _ => format!("{:.2}s", ns / 1e9),
    }
}

/// `12.3 KB`, as TiDB writes it.
fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        ..1024.0 => format!("{n} Bytes"),
        ..1048576.0 => format!("{:.1} KB", n / 1024.0),
        ..1073741824.0 => format!("{:.1} MB", n / 1048576.0),
        _ => format!("{:.2} GB", n / 1073741824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_fitting_units() {
        assert_eq!(duration(Duration::from_nanos(500)), "500ns");
        assert_eq!(duration(Duration::from_micros(1500)), "1.50ms");
        assert_eq!(duration(Duration::from_millis(2500)), "2.50s");
        assert_eq!(
            (bytes(1000), bytes(2048), bytes(5 << 20)),
            ("1000 Bytes".into(), "2.0 KB".into(), "5.0 MB".into())
        );
    }
}
