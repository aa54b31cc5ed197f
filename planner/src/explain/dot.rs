//! `FORMAT = 'dot'`: the plan as a graph for Graphviz, a cluster for what runs at the root and one for each part that runs
//! beside the data.

use std::fmt::Write;

use super::ExplainRow;

/// The lines of [`explain`](super::explain) as a graph in TiDB's shape; one graph for the statement and one for each common
/// table expression.
pub fn dot(rows: &[ExplainRow]) -> String {
    let mut out = String::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.parent.is_none()) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\ndigraph {} {{\n", bare(row));
        let mut starts = vec![at];
        let mut crossings = String::new();
        while let Some(start) = starts.pop() {
            cluster(rows, start, &mut starts, &mut crossings, &mut out);
        }
        out.push_str(&crossings);
        out.push_str("}\n");
    }
    out
}

/// The operators that run where `start` does; what runs elsewhere goes on the list of further clusters.
fn cluster(
    rows: &[ExplainRow],
    start: usize,
    starts: &mut Vec<usize>,
    crossings: &mut String,
    out: &mut String,
) {
    let place = if rows[start].task == "root" { "root" } else { "cop" };
    let _ = write!(
        out,
        "subgraph cluster{}{{\nnode [style=filled, color=lightgrey]\ncolor=black\nlabel = \"{place}\"\n",
        rows[start].plan
    );
    let mut queue = std::collections::VecDeque::from([start]);
    let mut alone = true;
    let mut others = Vec::new();
    while let Some(at) = queue.pop_front() {
        for (child, row) in rows.iter().enumerate().filter(|(_, row)| row.parent == Some(at)) {
            let edge = format!("\"{}\" -> \"{}\"\n", bare(&rows[at]), bare(row));
            if row.task == rows[start].task {
                out.push_str(&edge);
                queue.push_back(child);
                alone = false;
            } else {
                crossings.push_str(&edge);
                others.push(child);
            }
        }
    }
    if alone {
        let _ = writeln!(out, "\"{}\"", bare(&rows[start]));
    }
    out.push_str("}\n");
    starts.extend(others.into_iter().rev());
}

/// The name without the label of an input.
fn bare(row: &ExplainRow) -> &str {
    row.name.split_once('(').map_or(&*row.name, |(name, _)| name)
}
