//! EXPLAIN in TiDB's columns and words (tidb.md B).
//!
//! ```text
//! HashJoin_2          3323.33  root                inner join, equal:[eq(d.t1.a, d.t2.a)]
//! ├─TableReader_6(Build)  …    root                data:Selection_7
//! │ └─Selection_7     …        cop[tikv]           lt(d.t1.b, 10)
//! │   └─TableFullScan_8 …      cop[tikv]  table:t1 keep order:false, stats:pseudo
//! └─TableReader_3(Probe)  …
//! ```
//! The build side of a join comes first, whichever side of the SQL it is.

mod expr;

use allod_storage::schema::{Datum, TableDescriptor};

use crate::column::ColumnId;
use crate::physical::{
    Aggregation, HashJoin, IndexJoin, IndexJoinVariant, IndexScan, JoinKind, Node, Plan, PointGet, Query,
    Range, Ranges, Side, SortKey, TableScan,
};
use expr::Words;

/// One line of EXPLAIN.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainRow {
    /// Number of the operator ([`crate::physical::Plan::id`]), to look up what it did at run time.
    pub plan: u32,
    /// Name with number, behind the drawing of the tree; `(Build)` or `(Probe)` after it below a join.
    pub id: String,
    /// Estimated rows, two decimals.
    pub est_rows: String,
    /// Where it runs: `root` or `cop[tikv]`.
    pub task: &'static str,
    /// What it reads: table, partitions, index.
    pub access_object: String,
    /// Conditions, keys, functions.
    pub operator_info: String,
}

/// The lines of EXPLAIN; `numbered` is false for FORMAT = 'brief', which leaves out the numbers of the operators.
pub fn explain(query: &Query, numbered: bool) -> Vec<ExplainRow> {
    let mut writer = Writer { words: Words { columns: &query.columns }, numbered, rows: Vec::new() };
    writer.plan(&query.root, Place { indent: String::new(), branch: "", label: "", task: "root" });
    for (i, cte) in query.ctes.iter().enumerate() {
        let name = format!("CTE_{i}");
        writer.rows.push(ExplainRow {
            plan: cte.id,
            id: name,
            est_rows: rows(cte.rows),
            task: "root",
            access_object: String::new(),
            operator_info: "Non-Recursive CTE".into(),
        });
        writer.plan(cte, Place { indent: String::new(), branch: "└─", label: "(Seed Part)", task: "root" });
    }
    writer.rows
}

fn rows(rows: f64) -> String {
    format!("{rows:.2}")
}

struct Writer<'a> {
    words: Words<'a>,
    numbered: bool,
    rows: Vec<ExplainRow>,
}

/// Where in the drawing a line stands.
struct Place {
    /// The lines that pass by on the left.
    indent: String,
    /// How this one is tied to its parent.
    branch: &'static str,
    label: &'static str,
    task: &'static str,
}

impl Writer<'_> {
    fn plan(&mut self, plan: &Plan, place: Place) {
        let name = self.name(plan);
        self.rows.push(ExplainRow {
            plan: plan.id,
            id: format!("{}{}{name}{}", place.indent, place.branch, place.label),
            est_rows: rows(plan.rows),
            task: place.task,
            access_object: access_object(&plan.node),
            operator_info: self.info(plan),
        });
        let below = match place.branch {
            "├─" => format!("{}│ ", place.indent),
            "└─" => format!("{}  ", place.indent),
            _ => place.indent,
        };
        let task = match plan.node {
            Node::TableReader { .. } | Node::IndexReader { .. } => "cop[tikv]",
            _ => place.task,
        };
        let children = labelled_children(plan);
        let last = children.len().saturating_sub(1);
        for (i, (child, label)) in children.into_iter().enumerate() {
            let branch = if i == last { "└─" } else { "├─" };
            self.plan(child, Place { indent: below.clone(), branch, label, task });
        }
    }

    fn name(&self, plan: &Plan) -> String {
        let name = operator_name(&plan.node);
        if self.numbered { format!("{name}_{}", plan.id) } else { name.to_string() }
    }

    fn info(&self, plan: &Plan) -> String {
        let words = &self.words;
        match &plan.node {
            Node::Values { rows } => format!("rows:{}", rows.len()),
            Node::TableScan(scan) => scan_info(&scan.ranges, scan.keep_order, scan.descending, scan.pseudo),
            Node::IndexScan(scan) => scan_info(&scan.ranges, scan.keep_order, scan.descending, scan.pseudo),
            Node::TableReader { input } => format!("data:{}", self.name(input)),
            Node::IndexReader { input } => format!("index:{}", self.name(input)),
            Node::PointGet(get) => point_info(get),
            Node::Selection { predicates, .. } => words.list(predicates),
            Node::Projection { exprs, .. } => {
                let each = exprs.iter().map(|(id, e)| {
                    let text = words.expr(e);
                    if e.as_column() == Some(*id) { text } else { format!("{text}->{}", words.column(*id)) }
                });
                each.collect::<Vec<_>>().join(", ")
            }
            Node::IndexLookUp(_) | Node::IndexMerge(_) | Node::PartitionUnion { .. } => String::new(),
            Node::HashJoin(join) => self.join_info(join),
            Node::IndexJoin(join) => join_name(join.kind, false).to_string(),
            Node::MergeJoin(join) => join_name(join.kind, false).to_string(),
            Node::Apply(apply) => {
                let mut info = join_name(apply.kind, !apply.null_aware.is_empty()).to_string();
                if apply.on.is_empty() {
                    info = format!("CARTESIAN {info}");
                } else {
                    info = format!("{info}, other cond:{}", words.list(&apply.on));
                }
                info
            }
            Node::HashAgg(agg) | Node::StreamAgg(agg) => self.aggregate_info(agg),
            Node::Sort { keys, .. } => self.sort_keys(keys),
            Node::TopN { keys, offset, count, .. } => {
                format!("{}, offset:{offset}, count:{count}", self.sort_keys(keys))
            }
            Node::Limit { offset, count: Some(count), .. } => format!("offset:{offset}, count:{count}"),
            Node::Limit { offset, count: None, .. } => format!("offset:{offset}"),
            Node::Union { .. } | Node::MaxOneRow { .. } => String::new(),
            Node::CteScan { cte, .. } => format!("data:CTE_{cte}"),
            Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. } => "N/A".into(),
        }
    }

    fn join_info(&self, join: &HashJoin) -> String {
        let words = &self.words;
        let name = join_name(join.kind, !join.null_aware.is_empty());
        let mut parts =
            vec![if join.keys.is_empty() { format!("CARTESIAN {name}") } else { name.to_string() }];
        if !join.keys.is_empty() {
            let keys: Vec<String> =
                join.keys.iter().map(|(a, b)| format!("eq({}, {})", words.expr(a), words.expr(b))).collect();
            parts.push(format!("equal:[{}]", keys.join(" ")));
        }
        if !join.null_aware.is_empty() {
            parts.push(format!("null aware cond:{}", words.list(&join.null_aware)));
        }
        if !join.residual.is_empty() {
            parts.push(format!("other cond:{}", words.list(&join.residual)));
        }
        parts.join(", ")
    }

    fn aggregate_info(&self, agg: &Aggregation) -> String {
        let words = &self.words;
        let mut parts = Vec::new();
        if !agg.group_by.is_empty() {
            let keys: Vec<String> = agg.group_by.iter().map(|(_, e)| words.expr(e)).collect();
            parts.push(format!("group by:{}", keys.join(", ")));
        }
        for (id, call) in &agg.aggregates {
            parts.push(format!("funcs:{}->{}", words.aggregate(call), words.column(*id)));
        }
        parts.join(", ")
    }

    fn sort_keys(&self, keys: &[SortKey]) -> String {
        let each = keys.iter().map(|key| {
            let descending = if key.descending { ":desc" } else { "" };
            format!("{}{descending}", self.words.expr(&key.expr))
        });
        each.collect::<Vec<_>>().join(", ")
    }
}

fn operator_name(node: &Node) -> &'static str {
    match node {
        Node::Values { .. } => "TableDual",
        Node::TableScan(TableScan { ranges: Ranges::All, .. }) => "TableFullScan",
        Node::TableScan(TableScan { ranges: Ranges::Handles, .. }) => "TableRowIDScan",
        Node::TableScan(_) => "TableRangeScan",
        Node::IndexScan(IndexScan { ranges: Ranges::All, .. }) => "IndexFullScan",
        Node::IndexScan(_) => "IndexRangeScan",
        Node::TableReader { .. } => "TableReader",
        Node::IndexReader { .. } => "IndexReader",
        Node::PointGet(get) if get.keys.len() == 1 => "Point_Get",
        Node::PointGet(_) => "Batch_Point_Get",
        Node::Selection { .. } => "Selection",
        Node::Projection { .. } => "Projection",
        Node::IndexLookUp(_) => "IndexLookUp",
        Node::IndexMerge(_) => "IndexMerge",
        Node::PartitionUnion { .. } => "PartitionUnion",
        Node::HashJoin(_) => "HashJoin",
        Node::IndexJoin(IndexJoin { variant: IndexJoinVariant::Ordered, .. }) => "IndexJoin",
        Node::IndexJoin(_) => "IndexHashJoin",
        Node::MergeJoin(_) => "MergeJoin",
        Node::Apply(_) => "Apply",
        Node::HashAgg(_) => "HashAgg",
        Node::StreamAgg(_) => "StreamAgg",
        Node::Sort { .. } => "Sort",
        Node::TopN { .. } => "TopN",
        Node::Limit { .. } => "Limit",
        Node::Union { .. } => "Union",
        Node::MaxOneRow { .. } => "MaxOneRow",
        Node::CteScan { .. } => "CTEFullScan",
        Node::Insert { .. } => "Insert",
        Node::Update { .. } => "Update",
        Node::Delete { .. } => "Delete",
    }
}

fn labelled_children(plan: &Plan) -> Vec<(&Plan, &'static str)> {
    match &plan.node {
        Node::HashJoin(join) => match join.build {
            Side::Left => vec![(&join.left, "(Build)"), (&join.right, "(Probe)")],
            Side::Right => vec![(&join.right, "(Build)"), (&join.left, "(Probe)")],
        },
        Node::Apply(apply) => vec![(&apply.left, "(Build)"), (&apply.right, "(Probe)")],
        _ => plan.children().into_iter().map(|child| (child, "")).collect(),
    }
}

fn join_name(kind: JoinKind, null_aware: bool) -> &'static str {
    match (kind, null_aware) {
        (JoinKind::Inner, _) => "inner join",
        (JoinKind::Left, _) => "left outer join",
        (JoinKind::Semi, _) => "semi join",
        (JoinKind::Anti, false) => "anti semi join",
        (JoinKind::Anti, true) => "Null-aware anti semi join",
        (JoinKind::Mark(_), false) => "left outer semi join",
        (JoinKind::Mark(_), true) => "Null-aware left outer semi join",
    }
}

fn access_object(node: &Node) -> String {
    match node {
        Node::TableScan(scan) => format!("table:{}", scan.alias),
        Node::IndexScan(scan) => {
            format!("table:{}, index:{}", scan.alias, index_name(&scan.table, scan.index))
        }
        Node::TableReader { input } | Node::IndexReader { input } => partitions_read(input),
        Node::PointGet(get) => {
            let partitions = match &get.partitions {
                Some(of) if get.table.partitioning.is_some() => {
                    format!(", partition:{}", partition_names(&get.table, of))
                }
                Some(_) | None => String::new(),
            };
            let index = match get.index {
                Some(position) => format!(", index:{}", index_name(&get.table, position)),
                None if get.table.clustered && get.table.key.len() > 1 => {
                    format!(", clustered index:PRIMARY({})", column_names(&get.table, &get.table.key))
                }
                None => String::new(),
            };
            format!("table:{}{partitions}{index}", get.alias)
        }
        Node::Insert { table, .. } | Node::Update { table, .. } | Node::Delete { table, .. } => {
            format!("table:{}", table.name)
        }
        _ => String::new(),
    }
}

/// What a reader of a partitioned table touches: `partition:all`, the names, or `dual` for none.
fn partitions_read(plan: &Plan) -> String {
    let (table, partitions) = match &plan.node {
        Node::TableScan(scan) => (&scan.table, &scan.partitions),
        Node::IndexScan(scan) => (&scan.table, &scan.partitions),
        _ => return plan.children().first().map_or(String::new(), |child| partitions_read(child)),
    };
    match (&table.partitioning, partitions) {
        (None, _) => String::new(),
        (Some(_), None) => "partition:all".into(),
        (Some(_), Some(of)) => format!("partition:{}", partition_names(table, of)),
    }
}

fn partition_names(table: &TableDescriptor, of: &[usize]) -> String {
    if of.is_empty() {
        return "dual".into();
    }
    of.iter().map(|&i| &*table.partitions[i].name).collect::<Vec<_>>().join(",")
}

fn index_name(table: &TableDescriptor, position: usize) -> String {
    let index = &table.indexes[position];
    format!("{}({})", index.name, column_names(table, &index.columns))
}

fn column_names(table: &TableDescriptor, ordinals: &[usize]) -> String {
    ordinals.iter().map(|&o| &*table.columns[o].name).collect::<Vec<_>>().join(", ")
}

fn scan_info(ranges: &Ranges, keep_order: bool, descending: bool, pseudo: bool) -> String {
    let mut parts = Vec::new();
    if let Some(ranges) = ranges.fixed() {
        let texts: Vec<String> = ranges.iter().take(8).map(range_text).collect();
        let more = if ranges.len() > 8 { format!(", ...({} ranges)", ranges.len()) } else { String::new() };
        parts.push(format!("range:{}{more}", texts.join(", ")));
    }
    parts.push(format!("keep order:{keep_order}"));
    if descending {
        parts.push("desc".into());
    }
    if pseudo {
        parts.push("stats:pseudo".into());
    }
    parts.join(", ")
}

/// `[1,5)`, `(3,+inf]`, `[1 2,1 2]` for a prefix of two columns.
fn range_text(range: &Range) -> String {
    let width = range.low.len().max(range.high.len());
    let bound = |values: &[Datum], open: &str| {
        let mut texts: Vec<String> = values.iter().map(value_text).collect();
        if texts.len() < width {
            texts.push(open.into());
        }
        texts.join(" ")
    };
    let (opens, closes) =
        (if range.low_inclusive { '[' } else { '(' }, if range.high_inclusive { ']' } else { ')' });
    format!("{opens}{},{}{closes}", bound(&range.low, "-inf"), bound(&range.high, "+inf"))
}

fn value_text(value: &Datum) -> String {
    match value {
        Datum::String(s) => format!("{s:?}"),
        Datum::Bytes(_) => format!("0x{}", expr::hex(value)),
        other => other.to_string(),
    }
}

fn point_info(get: &PointGet) -> String {
    if get.index.is_some() || get.table.key.len() != 1 || !get.table.clustered {
        return if get.keys.len() > 1 { "keep order:false, desc:false".into() } else { String::new() };
    }
    let handles: Vec<String> = get.keys.iter().flatten().map(value_text).collect();
    match handles.as_slice() {
        [one] => format!("handle:{one}"),
        several => format!("handle:[{}], keep order:false, desc:false", several.join(" ")),
    }
}

impl Words<'_> {
    fn column(&self, id: ColumnId) -> String {
        self.columns.explain_name(id)
    }
}
