//! The shapes of tidb.md B, from plans by hand.

use std::sync::Arc;

use allod_storage::schema::{
    ColumnDef, ColumnType, Datum, IndexDescriptor, IndexId, PartitionDescriptor, PartitionScheme, SpaceId,
    SqlType, TableDescriptor, TableId,
};

use super::{dot, explain};
use crate::bind::bind_partition;
use crate::column::{ColumnId, ColumnInfo, Columns};
use crate::expr::{Expr, Function};
use crate::options::PruneMode;
use crate::physical::{
    IndexJoin, IndexJoinVariant, IndexLookUp, IndexMerge, IndexMergePart, IndexScan, JoinKind, Lookup,
    LookupKey, MergeJoin, Node, Plan, PointGet, Query, Range, Ranges, Routing, Side, StatementLimits,
    TableScan,
};
use crate::zone::Zone;

fn bigint() -> ColumnType {
    ColumnType::nullable(SqlType::BIGINT)
}

/// `name (a INT, b INT, KEY (a))` in some hash partitions by `a`.
fn table(name: &str, partitions: u64) -> Arc<TableDescriptor> {
    let def = |name: &str, hidden| ColumnDef { hidden, ..ColumnDef::new(name, bigint()) };
    Arc::new(TableDescriptor {
        id: TableId(1),
        database: "d".into(),
        name: name.into(),
        columns: vec![def("a", false), def("b", false), def("_tidb_rowid", true)],
        key: vec![2],
        clustered: false,
        indexes: vec![IndexDescriptor {
            id: IndexId(1),
            name: "a".into(),
            unique: false,
            columns: vec![0],
            options: Default::default(),
            state: Default::default(),
        }],
        partitioning: (partitions > 1).then(|| PartitionScheme::hash("a", vec![0])),
        partitions: (0..partitions)
            .map(|p| PartitionDescriptor {
                name: format!("p{p}").into(),
                records: SpaceId(100 + p * 10),
                indexes: vec![SpaceId(101 + p * 10)],
                comment: "".into(),
                placement: None,
            })
            .collect(),
        comment: "".into(),
        constraints: Default::default(),
        collation: Default::default(),
        options: Default::default(),
        temporary: None,
        numbering: Default::default(),
    })
}

/// A statement over `t1` and the partitioned `t2`, whose columns are numbered a, b, row id.
struct Made {
    columns: Columns,
    t1: Arc<TableDescriptor>,
    t2: Arc<TableDescriptor>,
}

impl Made {
    fn new() -> Made {
        let mut columns = Columns::default();
        for (table, name) in ["t1", "t2"].iter().flat_map(|t| ["a", "b", "_tidb_rowid"].map(|c| (t, c))) {
            columns.add(ColumnInfo {
                qualifier: Some(format!("d.{table}").into()),
                name: name.into(),
                ty: bigint(),
                origin: None,
            });
        }
        Made { columns, t1: table("t1", 1), t2: table("t2", 4) }
    }

    fn query(&self, root: Plan) -> Query {
        Query {
            root,
            ctes: vec![],
            output: vec![],
            columns: Arc::new(self.columns.clone()),
            limits: StatementLimits::default(),
            warnings: vec![],
            prune_mode: PruneMode::Dynamic,
            blocks: 1,
        }
    }

    fn text(&self, root: Plan) -> Vec<String> {
        let row = |r: super::ExplainRow| {
            [&r.id, &r.est_rows, r.task, &r.access_object, &r.operator_info].join("\t").trim_end().to_string()
        };
        explain(&self.query(root), true, Zone::UTC).into_iter().map(row).collect()
    }
}

fn column(id: u32) -> Expr {
    Expr::column(ColumnId(id), bigint())
}

fn compare(function: Function, a: Expr, b: Expr) -> Expr {
    Expr::call(function, vec![a, b], ColumnType::nullable(SqlType::BOOL))
}

fn int(v: i64) -> Expr {
    Expr::constant(Datum::Int(v), SqlType::BIGINT)
}

fn plan(id: u32, rows: f64, columns: &[u32], node: Node) -> Plan {
    Plan { id, rows, cost: rows * 2.0, columns: columns.iter().map(|&c| ColumnId(c)).collect(), node }
}

fn table_scan(id: u32, rows: f64, table: &Arc<TableDescriptor>, first: u32, ranges: Ranges) -> Plan {
    let scan = TableScan {
        table: Arc::clone(table),
        alias: Arc::clone(&table.name),
        block: 1,
        ordinals: vec![0, 1, 2],
        partitions: None,
        ranges,
        zone: vec![],
        keep_order: false,
        descending: false,
        pseudo: true,
    };
    plan(id, rows, &[first, first + 1, first + 2], Node::TableScan(scan))
}

fn index_scan(id: u32, rows: f64, table: &Arc<TableDescriptor>, first: u32, ranges: Ranges) -> Plan {
    let scan = IndexScan {
        table: Arc::clone(table),
        alias: Arc::clone(&table.name),
        block: 1,
        index: 0,
        ordinals: vec![0, 1],
        partitions: None,
        ranges,
        keep_order: false,
        descending: false,
        pseudo: true,
    };
    plan(id, rows, &[first, first + 2], Node::IndexScan(scan))
}

fn select(id: u32, rows: f64, input: Plan, predicate: Expr) -> Plan {
    let columns = input.columns.iter().map(|c| c.0).collect::<Vec<_>>();
    plan(id, rows, &columns, Node::Selection { input: Box::new(input), predicates: vec![predicate] })
}

fn reader(id: u32, input: Plan) -> Plan {
    let (rows, columns) = (input.rows, input.columns.iter().map(|c| c.0).collect::<Vec<_>>());
    plan(id, rows, &columns, Node::TableReader { input: Box::new(input) })
}

fn lookup(prefix: Expr, table: &TableDescriptor, routed: bool) -> Lookup {
    let function = bind_partition(table).expect("the expression is a column").map(Arc::new);
    Lookup {
        prefix: vec![LookupKey { value: prefix.clone(), null_safe: false }],
        points: vec![],
        low: vec![],
        high: vec![],
        routing: function.filter(|_| routed).map(|function| Routing { function, values: vec![(0, prefix)] }),
    }
}

fn index_join(made: &Made, routed: bool, variant: IndexJoinVariant) -> Plan {
    let outer = select(17, 3323.33, table_scan(16, 10_000.0, &made.t1, 0, Ranges::All), less(1, 10));
    // Of one lookup.
    let (found, passed) = (12_500.0 / outer.rows, 4154.17 / outer.rows);
    let entries = index_scan(9, found, &made.t2, 3, Ranges::Lookup(lookup(column(0), &made.t2, routed)));
    let rows = select(11, passed, table_scan(10, found, &made.t2, 3, Ranges::Handles), less(4, 20));
    let double_read = Node::IndexLookUp(IndexLookUp {
        index: Box::new(entries),
        table: Box::new(rows),
        routing: None,
        handle: vec![ColumnId(5)],
        keep_order: false,
        limit: None,
    });
    let join = IndexJoin {
        kind: JoinKind::Anti,
        left: Box::new(reader(18, outer)),
        right: Box::new(plan(12, passed, &[3, 4, 5], double_read)),
        outer: Side::Left,
        variant,
        keys: vec![(column(0), column(3))],
        residual: vec![],
        null_aware: vec![],
        mirrored: false,
    };
    plan(13, 2658.67, &[0, 1, 2], Node::IndexJoin(join))
}

fn less(id: u32, v: i64) -> Expr {
    compare(Function::Lt, column(id), int(v))
}

#[test]
fn an_index_join_is_shown_as_tidb_shows_it() {
    let made = Made::new();
    let expected = [
        "IndexJoin_13\t2658.67\troot\t\tanti semi join, inner:IndexLookUp_12, outer key:d.t1.a, inner key:d.t2.a, equal cond:eq(d.t1.a, d.t2.a)",
        "├─TableReader_18(Build)\t3323.33\troot\t\tdata:Selection_17",
        "│ └─Selection_17\t3323.33\tcop[tikv]\t\tlt(d.t1.b, 10)",
        "│   └─TableFullScan_16\t10000.00\tcop[tikv]\ttable:t1\tkeep order:false, stats:pseudo",
        "└─IndexLookUp_12(Probe)\t4154.17\troot\tpartition:all",
        "  ├─IndexRangeScan_9(Build)\t12500.00\tcop[tikv]\ttable:t2, index:a(a)\trange: decided by [eq(d.t2.a, d.t1.a)], keep order:false, stats:pseudo",
        "  └─Selection_11(Probe)\t4154.17\tcop[tikv]\t\tlt(d.t2.b, 20)",
        "    └─TableRowIDScan_10\t12500.00\tcop[tikv]\ttable:t2\tkeep order:false, stats:pseudo",
    ];
    assert_eq!(made.text(index_join(&made, false, IndexJoinVariant::Ordered)), expected);
    let hash = IndexJoinVariant::Hash { keep_outer_order: false };
    let routed = made.text(index_join(&made, true, hash));
    assert!(routed[0].starts_with("IndexHashJoin_13\t"), "{}", routed[0]);
    assert_eq!(
        routed[4],
        "└─IndexLookUp_12(Probe)\t4154.17\troot\tpartition:all, pruned per task by [d.t1.a]"
    );
}

#[test]
fn bounds_and_other_conditions_of_an_index_join_are_shown() {
    let made = Made::new();
    let mut plan = index_join(&made, false, IndexJoinVariant::Ordered);
    let Node::IndexJoin(join) = &mut plan.node else { panic!("made above") };
    join.kind = JoinKind::Inner;
    join.residual = vec![compare(Function::Gt, column(4), column(1))];
    let Node::IndexLookUp(read) = &mut join.right.node else { panic!("made above") };
    read.limit = Some((0, 10));
    let Node::IndexScan(scan) = &mut read.index.node else { panic!("made above") };
    let Ranges::Lookup(lookup) = &mut scan.ranges else { panic!("made above") };
    lookup.low.push((column(1), false));
    lookup.high.push((int(7), true));
    scan.partitions = Some(vec![0, 2]);
    let text = made.text(plan);
    assert!(text[0].ends_with("equal cond:eq(d.t1.a, d.t2.a), other cond:gt(d.t2.b, d.t1.b)"), "{}", text[0]);
    assert_eq!(
        text[4],
        "└─IndexLookUp_12(Probe)\t4154.17\troot\tpartition:p0,p2\tlimit embedded(offset:0, count:10)"
    );
    let decided =
        "range: decided by [eq(d.t2.a, d.t1.a) gt(d.t2._tidb_rowid, d.t1.b) le(d.t2._tidb_rowid, 7)]";
    assert!(text[5].contains(decided), "{}", text[5]);
}

#[test]
fn merge_joins_and_unions_of_partitions() {
    let made = Made::new();
    let one = |id, partition| {
        let mut scan = table_scan(id, 10_000.0, &made.t2, 3, Ranges::All);
        let Node::TableScan(of) = &mut scan.node else { panic!("made above") };
        of.partitions = Some(vec![partition]);
        reader(id + 1, scan)
    };
    let union = plan(5, 20_000.0, &[3, 4, 5], Node::PartitionUnion { inputs: vec![one(6, 0), one(8, 1)] });
    let join = MergeJoin {
        kind: JoinKind::Inner,
        left: Box::new(reader(2, table_scan(3, 10_000.0, &made.t1, 0, Ranges::All))),
        right: Box::new(union),
        keys: vec![(column(0), column(3))],
        descending: false,
        residual: vec![compare(Function::Lt, column(1), column(4))],
        null_aware: vec![],
        mirrored: false,
    };
    let expected = [
        "MergeJoin_1\t12500.00\troot\t\tinner join, left key:d.t1.a, right key:d.t2.a, other cond:lt(d.t1.b, d.t2.b)",
        "├─PartitionUnion_5(Build)\t20000.00\troot",
        "│ ├─TableReader_7\t10000.00\troot\t\tdata:TableFullScan_6",
        "│ │ └─TableFullScan_6\t10000.00\tcop[tikv]\ttable:t2, partition:p0\tkeep order:false, stats:pseudo",
        "│ └─TableReader_9\t10000.00\troot\t\tdata:TableFullScan_8",
        "│   └─TableFullScan_8\t10000.00\tcop[tikv]\ttable:t2, partition:p1\tkeep order:false, stats:pseudo",
        "└─TableReader_2(Probe)\t10000.00\troot\t\tdata:TableFullScan_3",
        "  └─TableFullScan_3\t10000.00\tcop[tikv]\ttable:t1\tkeep order:false, stats:pseudo",
    ];
    assert_eq!(made.text(plan(1, 12_500.0, &[0, 1, 2, 3, 4, 5], Node::MergeJoin(join))), expected);
}

#[test]
fn index_merges_and_points() {
    let made = Made::new();
    let range = |v| {
        Ranges::Fixed(vec![Range {
            low: vec![Datum::Int(v)],
            low_inclusive: true,
            high: vec![Datum::Int(v)],
            high_inclusive: true,
        }])
    };
    let part = |id, v| IndexMergePart {
        plan: index_scan(id, 10.0, &made.t2, 3, range(v)),
        handle: vec![ColumnId(5)],
    };
    let merge = IndexMerge {
        partial: vec![part(2, 1), part(3, 5)],
        table: Box::new(table_scan(4, 20.0, &made.t2, 3, Ranges::Handles)),
        intersection: false,
    };
    let expected = [
        "IndexMerge_1\t20.00\troot\tpartition:all\ttype: union",
        "├─IndexRangeScan_2(Build)\t10.00\tcop[tikv]\ttable:t2, index:a(a)\trange:[1,1], keep order:false, stats:pseudo",
        "├─IndexRangeScan_3(Build)\t10.00\tcop[tikv]\ttable:t2, index:a(a)\trange:[5,5], keep order:false, stats:pseudo",
        "└─TableRowIDScan_4(Probe)\t20.00\tcop[tikv]\ttable:t2\tkeep order:false, stats:pseudo",
    ];
    assert_eq!(made.text(plan(1, 20.0, &[3, 4, 5], Node::IndexMerge(merge))), expected);
    let get = PointGet {
        lock: None,
        table: Arc::clone(&made.t2),
        alias: "t2".into(),
        block: 1,
        index: Some(0),
        ordinals: vec![0, 1],
        keys: vec![vec![Datum::Int(1)]],
        places: Some(vec![1]),
        dealing: None,
    };
    let text = made.text(plan(1, 1.0, &[3, 4], Node::PointGet(get)));
    assert_eq!(text, ["Point_Get_1\t1.00\troot\ttable:t2, partition:p1, index:a(a)"]);
}

#[test]
fn lines_know_their_parents_and_make_a_graph() {
    let made = Made::new();
    let rows = explain(&made.query(index_join(&made, false, IndexJoinVariant::Ordered)), true, Zone::UTC);
    let parents: Vec<_> = rows.iter().map(|r| r.parent).collect();
    assert_eq!(parents, [None, Some(0), Some(1), Some(2), Some(0), Some(4), Some(4), Some(6)]);
    assert_eq!((&*rows[4].name, &*rows[4].est_cost), ("IndexLookUp_12(Probe)", "2.50"));
    let expected = "
digraph IndexJoin_13 {
subgraph cluster13{
node [style=filled, color=lightgrey]
color=black
label = \"root\"
\"IndexJoin_13\" -> \"TableReader_18\"
\"IndexJoin_13\" -> \"IndexLookUp_12\"
}
subgraph cluster17{
node [style=filled, color=lightgrey]
color=black
label = \"cop\"
\"Selection_17\" -> \"TableFullScan_16\"
}
subgraph cluster9{
node [style=filled, color=lightgrey]
color=black
label = \"cop\"
\"IndexRangeScan_9\"
}
subgraph cluster11{
node [style=filled, color=lightgrey]
color=black
label = \"cop\"
\"Selection_11\" -> \"TableRowIDScan_10\"
}
\"TableReader_18\" -> \"Selection_17\"
\"IndexLookUp_12\" -> \"IndexRangeScan_9\"
\"IndexLookUp_12\" -> \"Selection_11\"
}
";
    assert_eq!(dot(&rows), expected);
}
