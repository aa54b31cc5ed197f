//! EXPLAIN in TiDB's columns and words (tidb.md B).
//!
//! ```text
//! HashJoin_2          3323.33  root                inner join, equal:[eq(d.t1.a, d.t2.a)]
//! ├─TableReader_6(Build)  …    root                data:Selection_7
//! │ └─Selection_7     …        cop[tikv]           lt(d.t1.b, 10)
//! │   └─TableFullScan_8 …      cop[tikv]  table:t1 keep order:false, stats:pseudo
//! └─TableReader_3(Probe)  …
//! ```
//! The build side of a join comes first, whichever side of the SQL it is; of an index join that is the outer side, and of
//! a double read the index. [`explain`] makes the lines in the order in which they are shown, each with the position of its
//! parent: [`dot`] draws the same lines as a graph, and the engine nests them for `FORMAT = 'tidb_json'`.
//!
//! * `names`: what operators are called, and the order and labels of their inputs.
//! * `access`: the access object: table, partitions, index.
//! * `info`: the operator info: conditions, keys, ranges.
//! * `expr`: expressions.
//! * `hint`: the hints that pin a plan, FORMAT = 'hint'.
//!
//! In one thing this departs from TiDB: where the rows of an index join's outer side tell the partition, the access object
//! says so (`partition:all, pruned per task by [d.t1.a]`), while TiDB shows `partition:all` and no more.

mod access;
mod dot;
mod expr;
mod hint;
mod info;
mod names;
#[cfg(test)]
mod tests;

use crate::options::PruneMode;
use crate::physical::{Node, Plan, Query};
use crate::zone::Zone;
pub use dot::dot;
use expr::Words;
pub use hint::hints;

/// One line of EXPLAIN.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainRow {
    /// Number of the operator ([`crate::physical::Plan::id`]), to look up what it did at run time.
    pub plan: u32,
    /// Position of the line it is an input of; `None` for the root and for common table expressions.
    pub parent: Option<usize>,
    /// Name with number, and `(Build)` or `(Probe)` after it below a join.
    pub name: String,
    /// The name behind the drawing of the tree.
    pub id: String,
    /// Estimated rows of all runs, two decimals; `N/A` for a change of rows.
    pub est_rows: String,
    /// Estimated cost of one run, inputs included, two decimals; shown by FORMAT = 'verbose'.
    pub est_cost: String,
    /// Where it runs: `root` or `cop[tikv]`.
    pub task: &'static str,
    /// What it reads: table, partitions, index.
    pub access_object: String,
    /// Conditions, keys, functions.
    pub operator_info: String,
}

/// The lines of EXPLAIN; `numbered` is false for FORMAT = 'brief', which leaves out the numbers of the operators. Moments are shown
/// as clocks of this zone show them.
pub fn explain(query: &Query, numbered: bool, zone: Zone) -> Vec<ExplainRow> {
    let words = Words { columns: &query.columns, zone };
    let mut writer = Writer { words, numbered, rows: Vec::new() };
    let root = Place {
        indent: String::new(),
        branch: "",
        label: "",
        task: "root",
        parent: None,
        one_partition: query.prune_mode == PruneMode::Static,
        runs: 1.0,
    };
    writer.plan(&query.root, root.clone());
    for (i, cte) in query.ctes.iter().enumerate() {
        let name = format!("CTE_{i}");
        writer.rows.push(ExplainRow {
            plan: cte.id,
            parent: None,
            id: name.clone(),
            name,
            est_rows: figure(cte.rows),
            est_cost: figure(cte.cost),
            task: "root",
            access_object: String::new(),
            operator_info: "Non-Recursive CTE".into(),
        });
        let parent = Some(writer.rows.len() - 1);
        writer.plan(cte, Place { branch: "└─", label: "(Seed Part)", parent, ..root.clone() });
    }
    writer.rows
}

/// A figure of an operator; a change of rows has none.
fn estimate(plan: &Plan, value: f64) -> String {
    match plan.node {
        Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. } => "N/A".into(),
        _ => figure(value),
    }
}

/// Two decimals.
fn figure(value: f64) -> String {
    format!("{value:.2}")
}

struct Writer<'a> {
    words: Words<'a>,
    numbered: bool,
    rows: Vec<ExplainRow>,
}

/// Where in the drawing a line stands.
#[derive(Clone)]
struct Place {
    /// The lines that pass by on the left.
    indent: String,
    /// How this one is tied to its parent.
    branch: &'static str,
    label: &'static str,
    task: &'static str,
    parent: Option<usize>,
    /// Under static pruning, where a scan reads one partition and names it itself, as in TiDB.
    one_partition: bool,
    /// How often it is run: for each outer row of the index joins and applies above. What is estimated of one run is shown of all.
    runs: f64,
}

impl Writer<'_> {
    fn plan(&mut self, plan: &Plan, place: Place) {
        let name = format!("{}{}", self.name(plan), place.label);
        self.rows.push(ExplainRow {
            plan: plan.id,
            parent: place.parent,
            id: format!("{}{}{name}", place.indent, place.branch),
            name,
            est_rows: estimate(plan, plan.rows * place.runs),
            est_cost: estimate(plan, plan.cost),
            task: place.task,
            access_object: access::object(&plan.node, place.one_partition, &self.words),
            operator_info: self.info(plan),
        });
        let parent = Some(self.rows.len() - 1);
        let below = match place.branch {
            "├─" => format!("{}│ ", place.indent),
            "└─" => format!("{}  ", place.indent),
            _ => place.indent,
        };
        let task = match plan.node {
            Node::TableReader { .. }
            | Node::IndexReader { .. }
            | Node::IndexLookUp(_)
            | Node::IndexMerge(_) => "cop[tikv]",
            _ => place.task,
        };
        let one_partition = place.one_partition || matches!(plan.node, Node::PartitionUnion { .. });
        let children = names::labelled_children(plan);
        let last = children.len().saturating_sub(1);
        let outer = matches!(plan.node, Node::IndexJoin(_) | Node::Apply(_)).then(|| children[0].0.rows);
        for (i, (child, label)) in children.into_iter().enumerate() {
            let branch = if i == last { "└─" } else { "├─" };
            let indent = below.clone();
            let runs = place.runs * outer.filter(|_| i > 0).unwrap_or(1.0);
            self.plan(child, Place { indent, branch, label, task, parent, one_partition, runs });
        }
    }

    /// `HashJoin_13`, or `HashJoin` if operators are not numbered.
    fn name(&self, plan: &Plan) -> String {
        let name = names::operator_name(&plan.node);
        if self.numbered { format!("{name}_{}", plan.id) } else { name.to_string() }
    }
}
