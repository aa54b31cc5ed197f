//! Index merges and unions of partitions over a real cluster.

use allod_planner::physical::{IndexMerge, IndexMergePart, IndexScan};

use super::*;

fn ranged(from: i64, to: i64) -> Ranges {
    Ranges::Fixed(vec![Range {
        low: vec![int(from)],
        low_inclusive: true,
        high: vec![int(to)],
        high_inclusive: true,
    }])
}

/// Rows `(id, id * 3, NULL)`.
fn filled(table: &Arc<TableDescriptor>) -> Fixture {
    let mut f = Fixture::new(&[table]);
    let rows: Vec<Row> = (0..200).map(|id| vec![int(id), int(id * 3), Datum::Null]).collect();
    f.insert(table, &rows).unwrap();
    f
}

/// Entries of the unique index on `a`, and the column of them that is the table's key.
fn by_a(f: &mut Fixture, table: &Arc<TableDescriptor>, ranges: Ranges) -> IndexMergePart {
    let columns = f.ids(&[bigint(), ColumnType::not_null(SqlType::BIGINT)]);
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
    let handle = vec![columns[1]];
    IndexMergePart { plan: f.node(columns, Node::IndexScan(scan)), handle }
}

/// Records by the table's own key.
fn by_id(f: &mut Fixture, table: &Arc<TableDescriptor>, ranges: Ranges) -> IndexMergePart {
    let mut plan = f.scan(table);
    if let Node::TableScan(scan) = &mut plan.node {
        scan.ranges = ranges;
    }
    let handle = vec![plan.columns[0]];
    IndexMergePart { plan, handle }
}

#[test]
fn an_index_merge_yields_each_row_once_and_checks_it_again() {
    for partitions in [1, 3] {
        let table = table(partitions);
        let mut f = filled(&table);
        for intersection in [false, true] {
            // a BETWEEN 30 AND 60 means id BETWEEN 10 AND 20.
            let partial = vec![by_a(&mut f, &table, ranged(30, 60)), by_id(&mut f, &table, ranged(15, 25))];
            let mut rows = f.scan(&table);
            if let Node::TableScan(scan) = &mut rows.node {
                scan.ranges = Ranges::Handles;
            }
            let columns = rows.columns.clone();
            let below = Expr::call(
                Function::Lt,
                vec![f.column(columns[0]), Expr::constant(int(18), SqlType::BIGINT)],
                ColumnType::nullable(SqlType::BOOL),
            );
            let table_side =
                f.node(columns.clone(), Node::Selection { input: Box::new(rows), predicates: vec![below] });
            let merge = IndexMerge { partial, table: Box::new(table_side), intersection };
            let plan = f.node(columns, Node::IndexMerge(merge));
            let mut got = f.rows(plan);
            got.sort_by_key(|row| row[0].to_string());
            let from = if intersection { 15 } else { 10 };
            let expected: Vec<Row> = (from..18).map(|id| vec![int(id), int(id * 3), Datum::Null]).collect();
            assert_eq!(got, expected, "{partitions} partitions, {intersection}");
        }
    }
}

#[test]
fn a_union_of_partitions_yields_what_one_scan_does() {
    let table = table(3);
    let mut f = filled(&table);
    let output = f.scan(&table).columns;
    let inputs = (0..3)
        .map(|p| {
            let mut scan = f.scan(&table);
            if let Node::TableScan(of) = &mut scan.node {
                of.partitions = Some(vec![p]);
            }
            scan.columns = output.clone();
            let columns = output.clone();
            f.node(columns, Node::TableReader { input: Box::new(scan) })
        })
        .collect();
    let plan = f.node(output, Node::PartitionUnion { inputs });
    let mut got = f.rows(plan);
    got.sort_by_key(|row| format!("{:>5}", row[0].to_string()));
    let expected: Vec<Row> = (0..200).map(|id| vec![int(id), int(id * 3), Datum::Null]).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_point_touches_one_partition_and_one_region() {
    let table = table(3);
    let mut f = filled(&table);
    let columns = f.ids(&[bigint(), bigint()]);
    let get = PointGet {
        lock: None,
        table: Arc::clone(&table),
        alias: Arc::clone(&table.name),
        block: 1,
        index: None,
        ordinals: vec![0, 1],
        keys: vec![vec![int(5)]],
        places: Some(vec![2]),
        dealing: None,
    };
    let plan = f.node(columns, Node::PointGet(get));
    let id = plan.id;
    let mut execution = f.start(plan, vec![]);
    assert_eq!(drain(&mut execution).unwrap(), [[int(5), int(15)]]);
    let detail = &execution.metrics()[&id].detail;
    let cop = detail.cop.as_ref().unwrap();
    assert_eq!((cop.times.len(), cop.regions.len(), cop.rows), (1, 1, 1));
    assert_eq!(cop.partitions, [2].into());
    assert_eq!(detail.rpc.as_ref().unwrap().region_errors_in_all(), 0);
}

#[test]
fn a_limit_reads_tens_of_rows_and_no_block() {
    for descending in [false, true] {
        let table = table(1);
        let mut f = Fixture::new(&[&table]);
        let rows: Vec<Row> = (0..5000).map(|id| vec![int(id), int(id * 3), Datum::Null]).collect();
        f.insert(&table, &rows).unwrap();
        let mut scan = f.scan(&table);
        let (columns, scanned) = (scan.columns.clone(), scan.id);
        if let Node::TableScan(of) = &mut scan.node {
            (of.keep_order, of.descending) = (true, descending);
        }
        let reader = f.node(columns.clone(), Node::TableReader { input: Box::new(scan) });
        let read = reader.id;
        let limit = Node::Limit { input: Box::new(reader), offset: 2, count: Some(10) };
        let plan = f.node(columns, limit);
        let mut execution = f.start(plan, vec![]);
        let got: Vec<Datum> =
            drain(&mut execution).unwrap().into_iter().map(|mut row| row.remove(0)).collect();
        let expected: Vec<Datum> = (2..12).map(|at| int(if descending { 4999 - at } else { at })).collect();
        assert_eq!(got, expected);
        let metrics = execution.metrics();
        assert!(metrics[&scanned].rows <= 400, "{} rows were read", metrics[&scanned].rows);
        let cop = metrics[&read].detail.cop.as_ref().unwrap();
        assert_eq!((cop.regions.len(), cop.partitions.len()), (1, 1));
    }
}
