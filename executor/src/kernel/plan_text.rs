//! TIDB_DECODE_PLAN: a plan as TiDB's slow log and summaries of statements keep it.
//!
//! It is compressed text (Snappy, in base 64), an operator a line, with tabs between its depth, its kind and number (`5_13`), where
//! it runs, its rows, what it does, and perhaps what it took. What is made of it are the same columns in lines, as EXPLAIN has them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The operators by their numbers, from 1.
const OPERATORS: [&str; 60] = [
    "Selection",
    "Set",
    "Projection",
    "Aggregation",
    "StreamAgg",
    "HashAgg",
    "Show",
    "Join",
    "Union",
    "TableScan",
    "MemTableScan",
    "UnionScan",
    "IndexScan",
    "Sort",
    "TopN",
    "Limit",
    "HashJoin",
    "MergeJoin",
    "IndexJoin",
    "IndexMergeJoin",
    "IndexHashJoin",
    "Apply",
    "MaxOneRow",
    "Exists",
    "TableDual",
    "SelectLock",
    "Insert",
    "Update",
    "Delete",
    "IndexLookUp",
    "TableReader",
    "IndexReader",
    "Window",
    "TiKVSingleGather",
    "IndexMerge",
    "Point_Get",
    "ShowDDLJobs",
    "Batch_Point_Get",
    "ClusterMemTableReader",
    "DataSource",
    "LoadData",
    "TableSample",
    "TableFullScan",
    "TableRangeScan",
    "TableRowIDScan",
    "IndexFullScan",
    "IndexRangeScan",
    "ExchangeReceiver",
    "ExchangeSender",
    "CTEFullScan",
    "CTE",
    "CTETable",
    "PartitionUnion",
    "Shuffle",
    "ShuffleReceiver",
    "Foreign_Key_Check",
    "Foreign_Key_Cascade",
    "Expand",
    "ImportInto",
    "ScalarSubQuery",
];

/// Heads of the columns; those from the fifth on are there if the plan was run.
const HEADS: [&str; 8] =
    ["id", "task", "estRows", "operator info", "actRows", "execution info", "memory", "disk"];
const HEADS_OF_PLANS: usize = 4;

/// The most bytes that a plan may have when it is text again.
const BYTES_MAX: usize = 16 << 20;

/// The plan as a table; `None` if the text is none.
pub(super) fn decoded(plan: &str) -> Option<String> {
    if plan.is_empty() {
        return None;
    }
    let packed = BASE64_STANDARD.decode(plan).ok()?;
    if snap::raw::decompress_len(&packed).ok()? > BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(snap::raw::Decoder::new().decompress_vec(&packed).ok()?).ok()?;
    let operators: Vec<Operator> =
        text.lines().filter(|line| !line.is_empty()).map(Operator::read).collect::<Option<_>>()?;
    let depths: Vec<usize> = operators.iter().map(|operator| operator.depth).collect();
    let columns = operators.iter().map(|operator| operator.cells.len()).max()?.max(HEADS_OF_PLANS);
    let mut rows = vec![HEADS[..columns.min(HEADS.len())].iter().map(|head| (*head).to_owned()).collect()];
    for (at, operator) in operators.into_iter().enumerate() {
        let mut cells = operator.cells;
        cells[0].insert_str(0, &branch(&depths, at));
        rows.push(cells);
    }
    Some(table(&rows))
}

/// An operator: how deep in the tree it is, and its columns.
struct Operator {
    depth: usize,
    cells: Vec<String>,
}

impl Operator {
    fn read(line: &str) -> Option<Operator> {
        let mut fields = line.split('\t');
        let depth = fields.next()?.parse().ok()?;
        let (kind, number) = fields.next()?.split_once('_')?;
        let kind: usize = kind.parse().ok()?;
        let name = OPERATORS.get(kind.checked_sub(1)?)?;
        let task = task(fields.next()?)?;
        let mut cells = vec![format!("{name}_{number}"), task];
        cells.extend(fields.take(HEADS.len() - cells.len()).map(str::to_owned));
        Some(Operator { depth, cells })
    }
}

/// Where an operator runs: `0` = here, `1_0` = in TiKV, `2_1` = in TiFlash and so on.
fn task(field: &str) -> Option<String> {
    let (kind, store) = field.split_once('_').map_or((field, None), |(kind, store)| (kind, Some(store)));
    let kind = match kind {
        "0" => return Some("root".into()),
        "1" => "cop",
        "2" => "mpp",
        _ => return None,
    };
    Some(match store {
        None => kind.into(),
        Some("0") => format!("{kind}[tikv]"),
        Some("1") => format!("{kind}[tiflash]"),
        Some(_) => format!("{kind}[tidb]"),
    })
}

/// The lines of the tree in front of an operator.
fn branch(depths: &[usize], at: usize) -> String {
    let depth = depths[at];
    // Whether another operator hangs on the same place further down.
    let goes_on = |level: usize| {
        let below = depths[at + 1..].iter().find(|depth| **depth <= level);
        below == Some(&level)
    };
    let mut out = String::new();
    for level in 1..depth {
        out.push_str(if goes_on(level) { "│ " } else { "  " });
    }
    if depth > 0 {
        out.push_str(if goes_on(depth) { "├─" } else { "└─" });
    }
    out
}

/// Lines with a tab in front, and between columns that are as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cell = |(column, cell): (usize, &String)| match column == last {
            true => cell.clone(),
            false => format!("{cell:<width$}", width = widths[column]),
        };
        format!("\t{}", row.iter().enumerate().map(cell).collect::<Vec<_>>().join("\t"))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
