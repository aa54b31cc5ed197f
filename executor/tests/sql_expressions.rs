//! Expressions from text to value: what the parser, the rewriter, folding and the kernels make of them together, against
//! MySQL 8.0's answers. Each line is computed twice: from columns, by the kernels, and from the same values as literals,
//! mostly by folding.

use std::sync::Arc;

use allod_executor::{Cancel, Environment, Numbered, Prepared, RowIds, Run, execute};
use allod_planner::catalog::{Catalog, Table};
use allod_planner::{Bound, PlanContext, bind, optimize, parse};
use allod_storage::cluster::{Cluster, ClusterConfig};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;

struct Nothing;

impl Catalog for Nothing {
    fn table(&self, _database: &str, _table: &str) -> Option<Table> {
        None
    }

    fn has_database(&self, _database: &str) -> bool {
        false
    }
}

impl RowIds for Nothing {
    fn allocate(&self, _what: Numbered, _n: u64, _max: u64) -> Option<Run> {
        None
    }

    fn observe(&self, _what: Numbered, _value: u64) {}
}

/// The values of the columns, as literals.
const COLUMNS: [(&str, &str); 9] = [
    ("i", "5"),
    ("n", "-7"),
    ("d", "2.50"),
    ("f", "1.5e0"),
    ("s", "'Hello'"),
    ("dt", "date '2024-02-29'"),
    ("ts", "timestamp '2024-02-29 13:14:15'"),
    ("z", "null"),
    ("tm", "time '10:11:12'"),
];

fn run(cluster: &Cluster, sql: &str) -> Result<String, String> {
    let parsed = parse(sql).map_err(|e| format!("parse: {e}"))?;
    let cx = PlanContext::new(&Nothing, None);
    let Bound::Query(bound) = bind(&parsed[0], &cx).map_err(|e| format!("bind: {e}"))? else {
        panic!("{sql}")
    };
    let query = optimize(bound, &cx).map_err(|e| format!("optimize: {e}"))?;
    let mut client = cluster.client();
    let runtime = client.runtime();
    let ts = runtime.block_on(client.timestamp()).expect("a timestamp");
    let environment = Environment {
        client,
        ts,
        pin: None,
        workers: 1,
        memory_limit_bytes: 1 << 30,
        cancel: Cancel::new(),
        row_ids: Arc::new(Nothing),
        sequences: None,
        named_locks: Arc::new(allod_executor::Nobody),
        variables: None,
        destination: allod_executor::Destination::Commit,
        rules: Default::default(),
        locking: allod_executor::Locking::Off,
        layouts: Arc::default(),
        analyze: false,
        tuning: allod_executor::Tuning::default(),
    };
    let query = Arc::new(query);
    let execution = execute(Arc::new(Prepared::new(query.clone())), environment);
    let batches: Vec<RecordBatch> = execution.collect::<Result<_, _>>().map_err(|e| format!("run: {e}"))?;
    let batch = batches.iter().find(|b| b.num_rows() > 0).ok_or("no rows")?;
    let (_, ty) = query.output_types().next().ok_or("no columns")?;
    assert_eq!(batch.column(0).data_type(), &ty.arrow(), "{sql}");
    if batch.column(0).is_null(0) {
        assert!(ty.nullable, "{sql}: NULL of type {ty}");
        return Ok("NULL".into());
    }
    let text = array_value_to_string(batch.column(0), 0).expect("it prints");
    let is_moment = matches!(batch.column(0).data_type(), DataType::Timestamp(..));
    Ok(if is_moment { text.replace('T', " ") } else { text })
}

#[test]
fn values_are_those_of_mysql() {
    let cluster = Cluster::new(ClusterConfig::default());
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = COLUMNS.iter().map(|(_, value)| *value).collect();
    let from = format!("from (values row({})) t ({})", values.join(", "), names.join(", "));
    let mut wrong = Vec::new();
    for line in include_str!("expressions.txt").lines().filter(|l| !l.starts_with("--") && !l.is_empty()) {
        let (expr, wanted) = line.rsplit_once(" => ").expect("every line has an arrow");
        let literal =
            COLUMNS.iter().fold(expr.to_owned(), |text, (name, value)| substitute(&text, name, value));
        for sql in [format!("select {expr} {from}"), format!("select {literal}")] {
            let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&cluster, &sql)))
                .unwrap_or(Err("panic".into()));
            let found = found.unwrap_or_else(|e| format!("error {e}"));
            if found != wanted.trim() && !(wanted.trim() == "error" && found.starts_with("error")) {
                wrong.push(format!("{sql}\n    found {found}\n    wanted {wanted}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Replaces a whole word outside quotes.
fn substitute(text: &str, name: &str, value: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars().chain([' ']) {
        if !quoted && (c.is_alphanumeric() || c == '_') {
            word.push(c);
            continue;
        }
        out.push_str(if word == name { value } else { &word });
        word.clear();
        quoted ^= c == '\'';
        out.push(c);
    }
    out.trim_end().to_owned()
}
