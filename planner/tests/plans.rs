//! Golden plans: each file of `plans` holds queries and what becomes of them, one file a subject. A line that begins with
//! `#` is a comment, one that begins with `>` a statement (CREATE TABLE for all that follow, or a query); the lines below
//! a query are its plan; `> set name = 'value'` sets a variable of the session. UPDATE=1 writes the plans.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::fmt::Write;
use std::path::Path;

use support::{Tables, golden, golden_dir, render};

fn run(name: &str) {
    let path = golden_dir().join(Path::new(name));
    let script = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut tables = Tables::default();
    let mut actual = String::new();
    for line in script.lines() {
        if let Some(statement) = line.strip_prefix("> ") {
            writeln!(actual, "{line}").expect("a string takes everything");
            if statement.starts_with("create") {
                tables.create(statement);
            } else if statement.starts_with("set") {
                tables.set(statement);
            } else {
                let query = tables.plan(statement);
                actual.push_str(&render(&query));
                for warning in &query.warnings {
                    writeln!(actual, "Warning {}: {}", warning.code, warning.message)
                        .expect("a string takes everything");
                }
                actual.push('\n');
            }
        } else if line.starts_with('#') {
            writeln!(actual, "{line}").expect("a string takes everything");
        }
    }
    golden(&path, &actual);
}

#[test]
fn access_paths() {
    run("access.txt");
}

#[test]
fn partitions() {
    run("partitions.txt");
}

#[test]
fn static_pruning() {
    run("static_pruning.txt");
}

#[test]
fn predicates() {
    run("predicates.txt");
}

#[test]
fn subqueries() {
    run("subqueries.txt");
}

#[test]
fn joins() {
    run("joins.txt");
}

#[test]
fn aggregation() {
    run("aggregation.txt");
}

#[test]
fn order_and_limit() {
    run("limits.txt");
}

#[test]
fn locks() {
    run("locks.txt");
}

#[test]
fn window() {
    run("window.txt");
}

#[test]
fn changes() {
    run("changes.txt");
}

#[test]
fn hints() {
    run("hints.txt");
}

#[test]
fn key_ranges() {
    run("ranges.txt");
}

#[test]
fn double_reads() {
    run("index_lookup.txt");
}

#[test]
fn merges_of_indexes() {
    run("index_merge.txt");
}

#[test]
fn orders_of_keys() {
    run("order.txt");
}

#[test]
fn index_joins() {
    run("index_join.txt");
}

#[test]
fn merge_joins() {
    run("merge_join.txt");
}

#[test]
fn orders_and_early_stops() {
    run("early_stop.txt");
}

#[test]
fn generated_columns() {
    run("generated.txt");
}

#[test]
fn keys_on_parts_of_columns() {
    run("key_parts.txt");
}
