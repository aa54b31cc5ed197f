//! EXPLAIN and EXPLAIN ANALYZE, in TiDB's columns and formats.

mod detail;
#[cfg(test)]
mod formats;

use std::collections::BTreeMap;
use std::time::Duration;

use allod_executor::{Cancel, OperatorMetrics};
use allod_planner::account::Privilege;
use allod_planner::bind::ExplainFormat;
use allod_planner::physical::Query;
use allod_planner::zone::Zone;
use allod_planner::{ExplainRow, explain, explain_dot, explain_hints};
use serde_json::Value;

use super::Session;
use super::statement::Planned;
use crate::accounts;
use crate::error::{Error, Result, code};
use crate::result::ResultSet;

impl Session {
    /// The plan; for ANALYZE the statement is run to its end (a write is done) and what was measured is added.
    pub(super) fn explain(
        &mut self,
        planned: &Planned,
        analyze: bool,
        format: ExplainFormat,
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let warnings = planned.warnings();
        let metrics = if analyze { Some(self.run_measured(planned, cancel)?) } else { None };
        Ok(formatted(&planned.query, self.zone(), format, metrics.as_ref())?.with_warnings(warnings))
    }

    /// Runs a statement to its end and says what was measured of its operators, each by its number.
    pub(super) fn run_measured(
        &mut self,
        planned: &Planned,
        cancel: &Cancel,
    ) -> Result<BTreeMap<u32, OperatorMetrics>> {
        let cancel = &self.limited(planned, cancel);
        Ok(match planned.dml {
            Some(_) => self.change(planned, cancel, true)?.metrics,
            None if !planned.locked.is_empty() && self.locks_rows() => {
                self.query_and_lock(planned, cancel, true)?.metrics
            }
            None => {
                let mut running = self.start(planned, cancel, true)?;
                running.try_for_each(|batch| batch.map(drop))?;
                running.execution.metrics()
            }
        })
    }

    /// EXPLAIN FOR CONNECTION: the plan of the statement that runs there, or ran there last.
    pub(super) fn explain_other(&self, connection: u64, format: ExplainFormat) -> Result<ResultSet> {
        let processes = self.database.shared().processes.list();
        let unknown = || Error::new(code::NO_SUCH_THREAD, format!("unknown thread id: {connection}"));
        let process = processes.get(&connection).ok_or_else(unknown)?;
        if process.who().user != self.identity.login_name() && !self.identity.rights.has(Privilege::Process) {
            return Err(accounts::needs("PROCESS"));
        }
        match process.doing().plan.get() {
            Some(query) => formatted(query, self.zone(), format, None),
            None => table(&[], Figures::of(format)),
        }
    }
}

/// A plan in a format, with what was measured of it.
fn formatted(
    query: &Query,
    zone: Zone,
    format: ExplainFormat,
    metrics: Option<&BTreeMap<u32, OperatorMetrics>>,
) -> Result<ResultSet> {
    let rows = explain(query, !matches!(format, ExplainFormat::Brief | ExplainFormat::PlanTree), zone);
    let shown: Vec<Shown> = rows.iter().map(|row| Shown::new(row, metrics)).collect();
    match format {
        ExplainFormat::Row
        | ExplainFormat::Brief
        | ExplainFormat::PlanCache
        | ExplainFormat::Verbose
        | ExplainFormat::CostTrace
        | ExplainFormat::PlanTree => table(&shown, Figures::of(format)),
        ExplainFormat::Hint => ResultSet::text(&["hint"], vec![vec![Some(explain_hints(query))]]),
        ExplainFormat::Dot => ResultSet::text(&["dot contents"], vec![vec![Some(explain_dot(&rows))]]),
        ExplainFormat::Json => {
            let mut text = String::new();
            nested(&shown, None, 0, &mut text);
            ResultSet::text(&["TiDB_JSON"], vec![vec![Some(text)]])
        }
    }
}

/// A line with what was measured of its operator, if the statement was run.
struct Shown<'a> {
    row: &'a ExplainRow,
    run: Option<Run>,
}

/// What EXPLAIN ANALYZE adds, as text.
struct Run {
    rows: String,
    info: String,
    memory: String,
    disk: &'static str,
}

impl<'a> Shown<'a> {
    /// An operator that never ran has done nothing, in no time.
    fn new(row: &'a ExplainRow, metrics: Option<&BTreeMap<u32, OperatorMetrics>>) -> Shown<'a> {
        let run = metrics.map(|metrics| {
            let m = metrics.get(&row.plan).cloned().unwrap_or_default();
            let memory = if m.memory_bytes > 0 { bytes(m.memory_bytes) } else { "N/A".to_string() };
            Run { rows: m.rows.to_string(), info: execution_info(&m, row), memory, disk: "N/A" }
        });
        Shown { row, run }
    }
}

/// Which estimates a format shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Figures {
    None,
    Rows,
    Costs,
    /// And what they are made of.
    CostsOfParts,
}

impl Figures {
    fn of(format: ExplainFormat) -> Figures {
        match format {
            ExplainFormat::PlanTree => Figures::None,
            ExplainFormat::Verbose => Figures::Costs,
            ExplainFormat::CostTrace => Figures::CostsOfParts,
            ExplainFormat::Row
            | ExplainFormat::Brief
            | ExplainFormat::PlanCache
            | ExplainFormat::Dot
            | ExplainFormat::Json
            | ExplainFormat::Hint => Figures::Rows,
        }
    }
}

/// `own(12.50) + Selection_3(499.00)`: what an operator costs by itself, and its inputs. Where it does not need all that an input
/// could give, under a limit, or needs it more than once, that is in its own part.
fn parts(shown: &[Shown<'_>], at: usize) -> String {
    let cost = |row: &ExplainRow| row.est_cost.parse::<f64>().unwrap_or_default();
    // A change of rows has none.
    if shown[at].row.est_cost.parse::<f64>().is_err() {
        return shown[at].row.est_cost.clone();
    }
    let inputs = shown.iter().map(|s| s.row).filter(|row| row.parent == Some(at));
    let own = inputs.clone().fold(cost(shown[at].row), |own, input| own - cost(input));
    let inputs = inputs.map(|row| {
        let name = row.name.split('(').next().unwrap_or_default();
        format!(" + {name}({})", row.est_cost)
    });
    format!("own({own:.2}){}", inputs.collect::<String>())
}

/// One row a line. The columns are TiDB's: `id, [estRows], [estCost], [costFormula], [actRows], task, access object, [execution
/// info], operator info, [memory, disk]`.
fn table(shown: &[Shown<'_>], figures: Figures) -> Result<ResultSet> {
    let analyze = shown.iter().any(|s| s.run.is_some());
    let mut names = vec!["id"];
    names.extend((figures >= Figures::Rows).then_some("estRows"));
    names.extend((figures >= Figures::Costs).then_some("estCost"));
    names.extend((figures == Figures::CostsOfParts).then_some("costFormula"));
    names.extend(analyze.then_some("actRows"));
    names.extend(["task", "access object"]);
    names.extend(analyze.then_some("execution info"));
    names.push("operator info");
    names.extend(analyze.then_some(["memory", "disk"]).into_iter().flatten());
    let cells = shown.iter().enumerate().map(|(at, Shown { row, run })| {
        let mut cells = vec![row.id.clone()];
        cells.extend((figures >= Figures::Rows).then(|| row.est_rows.clone()));
        cells.extend((figures >= Figures::Costs).then(|| row.est_cost.clone()));
        cells.extend((figures == Figures::CostsOfParts).then(|| parts(shown, at)));
        cells.extend(run.as_ref().map(|run| run.rows.clone()));
        cells.extend([row.task.to_string(), row.access_object.clone()]);
        cells.extend(run.as_ref().map(|run| run.info.clone()));
        cells.push(row.operator_info.clone());
        cells.extend(run.iter().flat_map(|run| [run.memory.clone(), run.disk.to_string()]));
        cells.into_iter().map(Some).collect()
    });
    ResultSet::text(&names, cells.collect())
}

/// The inputs of line `parent` (of none: the roots) as TiDB nests them; what is empty is left out. Written by hand, so that
/// people find what an operator is before what it cost.
fn nested(shown: &[Shown<'_>], parent: Option<usize>, depth: usize, out: &mut String) {
    let inputs: Vec<usize> = (0..shown.len()).filter(|&at| shown[at].row.parent == parent).collect();
    if inputs.is_empty() {
        return out.push_str("[]");
    }
    let (outer, inner) = ("    ".repeat(depth), "    ".repeat(depth + 1));
    out.push('[');
    for (number, &at) in inputs.iter().enumerate() {
        let Shown { row, run } = &shown[at];
        let of_run = |get: fn(&Run) -> &str| run.as_ref().map_or("", get);
        let members = [
            ("id", &*row.name),
            ("estRows", &row.est_rows),
            ("actRows", of_run(|run| &run.rows)),
            ("taskType", row.task),
            ("accessObject", &row.access_object),
            ("operatorInfo", &row.operator_info),
            ("estCost", &row.est_cost),
            ("executeInfo", of_run(|run| &run.info)),
            ("memoryInfo", of_run(|run| &run.memory)),
            ("diskInfo", of_run(|run| run.disk)),
        ];
        let members = members.iter().filter(|(_, text)| !text.is_empty());
        let members: Vec<String> =
            members.map(|(key, text)| format!("{inner}    \"{key}\": {}", Value::from(*text))).collect();
        out.push_str(if number > 0 { ",\n" } else { "\n" });
        out.push_str(&format!("{inner}{{\n{}", members.join(",\n")));
        if shown.iter().any(|s| s.row.parent == Some(at)) {
            out.push_str(&format!(",\n{inner}    \"subOperators\": "));
            nested(shown, Some(at), depth + 2, out);
        }
        out.push_str(&format!("\n{inner}}}"));
    }
    out.push_str(&format!("\n{outer}]"));
}

/// `time:1.2ms, loops:3, …` for one operator.
fn execution_info(m: &OperatorMetrics, row: &ExplainRow) -> String {
    let mut parts = vec![format!("time:{}", duration(m.time)), format!("loops:{}", m.loops)];
    if m.tasks > 0 {
        parts.push(format!("tasks:{}", m.tasks));
    }
    if m.workers > 0 {
        parts.push(format!("workers:{}", m.workers));
    }
    parts.extend(detail::parts(&m.detail, &row.name));
    parts.join(", ")
}

/// `1.23ms`, in the largest unit that leaves a digit before the point.
pub(super) fn duration(time: Duration) -> String {
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

    #[test]
    fn json_is_nested_and_leaves_out_what_is_empty() {
        let row = |name: &str, parent, task| ExplainRow {
            plan: 1,
            parent,
            name: name.into(),
            id: name.into(),
            est_rows: "1.00".into(),
            est_cost: "0.00".into(),
            task,
            access_object: String::new(),
            operator_info: "x".into(),
        };
        let rows = [row("TableReader_1", None, "root"), row("TableFullScan_2", Some(0), "cop[tikv]")];
        let shown: Vec<Shown> = rows.iter().map(|row| Shown::new(row, None)).collect();
        let expected = serde_json::json!([{
            "id": "TableReader_1", "estRows": "1.00", "taskType": "root", "operatorInfo": "x", "estCost": "0.00",
            "subOperators": [
                {"id": "TableFullScan_2", "estRows": "1.00", "taskType": "cop[tikv]", "operatorInfo": "x",
                    "estCost": "0.00"}
            ]
        }]);
        let mut text = String::new();
        nested(&shown, None, 0, &mut text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected, "{text}");
        assert!(
            text.starts_with("[\n    {\n        \"id\": \"TableReader_1\",\n        \"estRows\""),
            "{text}"
        );
    }
}
