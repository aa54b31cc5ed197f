//! Plans by hand, run over a real cluster in direct mode: what the operators come to together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allod_planner::column::{ColumnId, ColumnInfo, Columns};
use allod_planner::expr::{AggregateCall, AggregateFunction, Expr, Function, FunctionUsage};
use allod_planner::options::PruneMode;
use allod_planner::partition::PartitionFunction;
use allod_planner::physical::JoinKind;
use allod_planner::physical::{
    Aggregation, Apply, HashJoin, Node, OnDuplicate, OutputColumn, Plan, PointGet, Query, Range, Ranges,
    Side, SortKey, StatementLimits, TableScan, Target,
};
use allod_storage::client::Client;
use allod_storage::cluster::{Cluster, ClusterConfig};
use allod_storage::key::encode_datums;
use allod_storage::schema::{
    ColumnDef, ColumnType, Datum, IndexDescriptor, IndexId, PartitionDescriptor, PartitionScheme,
    ROW_ID_NAME, SpaceId, SqlType, TableDescriptor, TableId,
};

mod counts;
mod merges;

use crate::values::datum;
use crate::{
    Affected, Cancel, Destination, Environment, Error, Execution, Numbered, Prepared, RowIds, Run, execute,
};

/// Numbers from 1 on, for all tables.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl RowIds for Counter {
    fn allocate(&self, _what: Numbered, n: u64, _max: u64) -> Option<Run> {
        Some(Run { first: self.0.fetch_add(n, Ordering::Relaxed) + 1, step: 1 })
    }

    fn observe(&self, _what: Numbered, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

pub(crate) struct Fixture {
    pub(crate) cluster: Cluster,
    pub(crate) client: Client,
    pub(crate) row_ids: Arc<Counter>,
    pub(crate) columns: Columns,
    pub(crate) next_plan: u32,
    pub(crate) workers: usize,
    pub(crate) tuning: crate::Tuning,
    pub(crate) memory_limit_bytes: u64,
    pub(crate) cancel: Cancel,
}

pub(crate) type Row = Vec<Datum>;

pub(crate) fn int(v: i64) -> Datum {
    Datum::Int(v)
}

pub(crate) fn bigint() -> ColumnType {
    ColumnType::nullable(SqlType::BIGINT)
}

pub(crate) fn def(name: &str, sql: SqlType, nullable: bool) -> ColumnDef {
    let ty = ColumnType { sql, nullable };
    ColumnDef::new(name, ty)
}

/// `t (id BIGINT PRIMARY KEY, a BIGINT, s VARCHAR(40))` in partitions by `id`, with a unique index on `a` and a plain one
/// on `s, a` (so that a unique index over partitions is only checked within each).
fn table(partitions: usize) -> Arc<TableDescriptor> {
    let first = 100;
    Arc::new(TableDescriptor {
        id: TableId(1),
        database: "d".into(),
        name: "t".into(),
        columns: vec![
            def("id", SqlType::BIGINT, false),
            def("a", SqlType::BIGINT, true),
            def("s", SqlType::varchar(40), true),
        ],
        key: vec![0],
        clustered: true,
        indexes: vec![
            IndexDescriptor {
                id: IndexId(1),
                name: "ua".into(),
                unique: true,
                columns: vec![1],
                options: Default::default(),
                state: Default::default(),
            },
            IndexDescriptor {
                id: IndexId(2),
                name: "ks".into(),
                unique: false,
                columns: vec![2, 1],
                options: Default::default(),
                state: Default::default(),
            },
        ],
        partitioning: (partitions > 1).then(|| PartitionScheme::hash("id", vec![0])),
        partitions: (0..partitions as u64)
            .map(|p| PartitionDescriptor {
                name: format!("p{p}").into(),
                records: SpaceId(first + p * 10),
                indexes: vec![SpaceId(first + p * 10 + 1), SpaceId(first + p * 10 + 2)],
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

/// `h (v BIGINT, n BIGINT AUTO_INCREMENT)` without a key.
fn heap() -> Arc<TableDescriptor> {
    let mut n = def("n", SqlType::BIGINT, false);
    n.auto_increment = true;
    let mut row_id = def(ROW_ID_NAME, SqlType::BIGINT, false);
    row_id.hidden = true;
    Arc::new(TableDescriptor {
        id: TableId(2),
        database: "d".into(),
        name: "h".into(),
        columns: vec![def("v", SqlType::BIGINT, true), n, row_id],
        key: vec![2],
        clustered: false,
        indexes: vec![],
        partitioning: None,
        partitions: vec![PartitionDescriptor {
            name: "p0".into(),
            records: SpaceId(900),
            indexes: vec![],
            comment: "".into(),
            placement: None,
        }],
        comment: "".into(),
        constraints: Default::default(),
        collation: Default::default(),
        options: Default::default(),
        temporary: None,
        numbering: Default::default(),
    })
}

impl Fixture {
    pub(crate) fn new(tables: &[&TableDescriptor]) -> Fixture {
        Fixture::over(ClusterConfig::default(), tables)
    }

    pub(crate) fn over(config: ClusterConfig, tables: &[&TableDescriptor]) -> Fixture {
        let cluster = Cluster::new(config);
        let mut client = cluster.client();
        let runtime = client.runtime();
        for table in tables {
            for partition in &table.partitions {
                let mut spaces = vec![table.record_space(partition.records)];
                for (i, &id) in partition.indexes.iter().enumerate() {
                    spaces.push(table.index_space(i, id).0);
                }
                for space in spaces {
                    runtime.block_on(client.create_space(Arc::new(space))).unwrap();
                }
            }
        }
        Fixture {
            cluster,
            client,
            row_ids: Arc::default(),
            columns: Columns::default(),
            next_plan: 1,
            workers: 3,
            tuning: crate::Tuning::default(),
            memory_limit_bytes: 1 << 30,
            cancel: Cancel::new(),
        }
    }

    pub(crate) fn ids(&mut self, types: &[ColumnType]) -> Vec<ColumnId> {
        let info =
            |ty: &ColumnType| ColumnInfo { qualifier: None, name: "c".into(), ty: ty.clone(), origin: None };
        types.iter().map(|ty| self.columns.add(info(ty))).collect()
    }

    pub(crate) fn node(&mut self, columns: Vec<ColumnId>, node: Node) -> Plan {
        self.next_plan += 1;
        Plan { id: self.next_plan, rows: 0.0, cost: 0.0, columns, node }
    }

    pub(crate) fn column(&self, id: ColumnId) -> Expr {
        Expr::column(id, self.columns.ty(id).clone())
    }

    pub(crate) fn values(&mut self, types: &[ColumnType], rows: &[Row]) -> Plan {
        let columns = self.ids(types);
        let row = |row: &Row| {
            row.iter().zip(types).map(|(d, ty)| Expr::constant(d.clone(), ty.sql.clone())).collect()
        };
        let rows = rows.iter().map(row).collect();
        self.node(columns, Node::Values { rows })
    }

    pub(crate) fn scan(&mut self, table: &Arc<TableDescriptor>) -> Plan {
        let types: Vec<ColumnType> = table.columns.iter().map(|c| c.ty.clone()).collect();
        let columns = self.ids(&types);
        let scan = TableScan {
            table: Arc::clone(table),
            alias: Arc::clone(&table.name),
            block: 1,
            ordinals: (0..types.len()).collect(),
            partitions: None,
            ranges: Ranges::All,
            zone: vec![],
            keep_order: false,
            descending: false,
            pseudo: true,
        };
        self.node(columns, Node::TableScan(scan))
    }

    pub(crate) fn select(&mut self, input: Plan, predicates: Vec<Expr>) -> Plan {
        let columns = input.columns.clone();
        let selection = self.node(columns.clone(), Node::Selection { input: Box::new(input), predicates });
        self.node(columns, Node::TableReader { input: Box::new(selection) })
    }

    pub(crate) fn start(&mut self, root: Plan, ctes: Vec<Plan>) -> Execution {
        let prepared = self.prepare(root, ctes);
        execute(prepared, self.environment())
    }

    fn prepare(&self, root: Plan, ctes: Vec<Plan>) -> Arc<Prepared> {
        let change = matches!(root.node, Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. });
        let output = if change { vec![] } else { root.columns.clone() };
        let output = output.into_iter().map(|id| OutputColumn { id, name: "c".into() }).collect();
        let query = Query {
            root,
            ctes,
            output,
            columns: Arc::new(self.columns.clone()),
            limits: StatementLimits::default(),
            warnings: vec![],
            prune_mode: PruneMode::Dynamic,
            blocks: 1,
        };
        Arc::new(Prepared::new(Arc::new(query)))
    }

    pub(crate) fn environment(&mut self) -> Environment {
        let runtime = self.client.runtime();
        let (ts, pin) = runtime.block_on(self.client.snapshot()).unwrap();
        Environment {
            ts,
            pin: Some(pin),
            client: self.client.fork(),
            workers: self.workers,
            memory_limit_bytes: self.memory_limit_bytes,
            cancel: self.cancel.clone(),
            row_ids: self.row_ids.clone(),
            sequences: None,
            named_locks: Arc::new(crate::Nobody),
            variables: None,
            destination: Destination::Commit,
            layouts: Arc::default(),
            rules: Default::default(),
            locking: crate::lock::Locking::Off,
            analyze: true,
            tuning: self.tuning,
        }
    }

    pub(crate) fn rows(&mut self, root: Plan) -> Vec<Row> {
        // Once to have every operator compiled, and once with what is kept of that.
        let prepared = self.prepare(root, vec![]);
        let first = drain(&mut execute(Arc::clone(&prepared), self.environment())).unwrap();
        let again = drain(&mut execute(prepared, self.environment())).unwrap();
        assert_eq!(sorted(first), sorted(again.clone()), "a plan that runs again");
        again
    }

    pub(crate) fn change(&mut self, node: Node) -> Result<Affected, Error> {
        let root = self.node(vec![], node);
        let mut execution = self.start(root, vec![]);
        drain(&mut execution)?;
        Ok(execution.affected())
    }

    pub(crate) fn insert(&mut self, table: &Arc<TableDescriptor>, rows: &[Row]) -> Result<Affected, Error> {
        let types: Vec<ColumnType> =
            table.visible_columns().map(|o| ColumnType::nullable(table.columns[o].ty.sql.clone())).collect();
        let source = Box::new(self.values(&types, rows));
        self.change(Node::Insert {
            table: table.clone(),
            partition: partition(table),
            generated: None,
            checks: None,
            foreign: None,
            on_duplicate: OnDuplicate::Fail,
            source,
        })
    }

    /// Everything that is in the table and in each index of it.
    pub(crate) fn dump(&mut self, table: &Arc<TableDescriptor>) -> Vec<BTreeMap<String, Row>> {
        let mut spaces = vec![BTreeMap::new(); 1 + table.indexes.len()];
        let runtime = self.client.runtime();
        let ts = runtime.block_on(self.client.timestamp()).unwrap();
        for partition in &table.partitions {
            for (i, &space) in [partition.records].iter().chain(&partition.indexes).enumerate() {
                let width =
                    if i == 0 { table.columns.len() } else { table.index_space(i - 1, space).1.len() };
                let request = allod_storage::client::ScanRequest {
                    space,
                    ranges: [].into(),
                    ts,
                    zone: [].into(),
                    descending: false,
                };
                for region in runtime.block_on(self.client.scan(&request)).unwrap() {
                    for morsel in region.morsels() {
                        let batch = region.read(&morsel, &(0..width).collect::<Vec<_>>());
                        for row in 0..batch.rows {
                            let row: Row = batch.columns.iter().map(|c| datum(c, row).unwrap()).collect();
                            let shown = row.iter().map(|d| format!("{d} ")).collect::<String>();
                            assert!(spaces[i].insert(shown, row).is_none());
                        }
                    }
                }
            }
        }
        spaces
    }

    /// Asserts that the table holds exactly these rows and that its indexes hold exactly their entries.
    pub(crate) fn check(&mut self, table: &Arc<TableDescriptor>, expected: &[Row]) {
        let spaces = self.dump(table);
        assert_eq!(sorted(spaces[0].values().cloned().collect()), sorted(expected.to_vec()));
        for (i, entries) in spaces[1..].iter().enumerate() {
            let (_, ordinals) = table.index_space(i, SpaceId(0));
            let entry = |row: &Row| ordinals.iter().map(|&o| row[o].clone()).collect::<Row>();
            let wanted = sorted(expected.iter().map(entry).collect());
            assert_eq!(sorted(entries.values().cloned().collect()), wanted, "index {i}");
        }
    }
}

/// How the rows of a table are dealt whose partition expression is a column: what binding makes of it.
pub(crate) fn partition(table: &TableDescriptor) -> Option<Arc<PartitionFunction>> {
    let scheme = table.partitioning.clone()?;
    let column = |&o: &usize| Expr::column(ColumnId(o as u32), table.columns[o].ty.clone());
    Some(Arc::new(PartitionFunction {
        values: scheme.columns.iter().map(column).collect(),
        partitions: table.partitions.len(),
        scheme,
        allowed: None,
        usage: FunctionUsage::default(),
    }))
}

pub(crate) fn drain(execution: &mut Execution) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for batch in execution.by_ref() {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|c| datum(c, row).unwrap()).collect());
        }
    }
    Ok(rows)
}

pub(crate) fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| {
        a.iter().zip(b).map(|(x, y)| x.compare(y)).fold(std::cmp::Ordering::Equal, |o, c| o.then(c))
    });
    rows
}

pub(crate) fn call(function: Function, args: Vec<Expr>) -> Expr {
    Expr::call(function, args, ColumnType::nullable(SqlType::BOOL))
}

pub(crate) fn constant(v: i64) -> Expr {
    Expr::constant(int(v), SqlType::BIGINT)
}

fn data(n: i64) -> Vec<Row> {
    (0..n)
        .map(|i| {
            let a = if i % 10 == 9 { Datum::Null } else { int(i * 2) };
            vec![int(i), a, Datum::string(format!("string number {}", i % 7))]
        })
        .collect()
}

#[test]
fn inserts_reach_records_and_indexes_of_their_partitions() {
    for partitions in [1, 3] {
        let t = table(partitions);
        let mut f = Fixture::new(&[&t]);
        let affected = f.insert(&t, &data(500)).unwrap();
        assert_eq!((affected.rows, affected.records), (500, 500));
        f.check(&t, &data(500));
        let scan = f.scan(&t);
        assert_eq!(sorted(f.rows(scan)), data(500));
    }
}

#[test]
fn taken_keys_are_named_and_change_nothing() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(50)).unwrap();
    let string = |i: i64| Datum::string(format!("new {i}"));
    let error = f.insert(&t, &[vec![int(60), int(999), string(1)], vec![int(7), int(998), string(2)]]);
    assert!(
        matches!(&error, Err(Error::DuplicateEntry { value, key }) if value == "7" && key == "t.PRIMARY"),
        "{error:?}"
    );
    // In the partition of 3, where the row with a = 6 is.
    let error = f.insert(&t, &[vec![int(63), int(6), string(1)]]);
    assert!(
        matches!(&error, Err(Error::DuplicateEntry { value, key }) if value == "6" && key == "t.ua"),
        "{error:?}"
    );
    // Within one statement.
    let error = f.insert(&t, &[vec![int(70), int(1), string(1)], vec![int(70), int(3), string(1)]]);
    assert!(matches!(&error, Err(Error::DuplicateEntry { value, .. }) if value == "70"), "{error:?}");
    let error = f.insert(&t, &[vec![Datum::Null, int(1), string(1)]]);
    assert!(matches!(&error, Err(Error::AssignNull { column }) if &**column == "id"), "{error:?}");
    // NULLs never collide.
    f.insert(&t, &[vec![int(90), Datum::Null, string(1)], vec![int(93), Datum::Null, string(1)]]).unwrap();
    let mut expected = data(50);
    expected.push(vec![int(90), Datum::Null, string(1)]);
    expected.push(vec![int(93), Datum::Null, string(1)]);
    f.check(&t, &expected);
}

#[test]
fn rows_are_numbered() {
    let h = heap();
    let mut f = Fixture::new(&[&h]);
    let affected = f.insert(&h, &[vec![int(5), Datum::Null], vec![int(6), int(0)]]).unwrap();
    assert_eq!((affected.rows, affected.last_insert_id), (2, 1));
    let affected = f.insert(&h, &[vec![int(7), int(100)], vec![int(8), Datum::Null]]).unwrap();
    assert_eq!(affected.last_insert_id, 101);
    let scan = f.scan(&h);
    let rows: Vec<Row> = f.rows(scan).into_iter().map(|r| r[..2].to_vec()).collect();
    assert_eq!(
        sorted(rows),
        [vec![int(5), int(1)], vec![int(6), int(2)], vec![int(7), int(100)], vec![int(8), int(101)]]
    );
}

/// UPDATE t SET id = id + add, a = set WHERE id < below.
/// A table by itself, as what a statement changes.
fn target(table: &Arc<TableDescriptor>, assigned: &[usize]) -> Arc<[Target]> {
    let (partition, assigned) = (partition(table), assigned.to_vec());
    [Target { table: table.clone(), partition, generated: None, checks: None, foreign: None, assigned }]
        .into()
}

fn update(
    f: &mut Fixture,
    t: &Arc<TableDescriptor>,
    below: i64,
    add: i64,
    set: Option<Datum>,
) -> Result<Affected, Error> {
    let scan = f.scan(t);
    let old = scan.columns.clone();
    let predicate = call(Function::Lt, vec![f.column(old[0]), constant(below)]);
    let input = Box::new(f.select(scan, vec![predicate]));
    let new = f.ids(&[bigint(), bigint(), ColumnType::nullable(SqlType::varchar(40))]);
    let plus = Expr::call(Function::Plus, vec![f.column(old[0]), constant(add)], bigint());
    let a = set.map_or_else(|| f.column(old[1]), |d| Expr::constant(d, SqlType::BIGINT));
    let mut exprs: Vec<_> = old.iter().map(|id| (*id, f.column(*id))).collect();
    exprs.extend([(new[0], plus), (new[1], a), (new[2], f.column(old[2]))]);
    let columns = exprs.iter().map(|(id, _)| *id).collect();
    let source = Box::new(f.node(columns, Node::Projection { input, exprs }));
    f.change(Node::Update { targets: target(t, &[0, 1]), ignore: false, source })
}

#[test]
fn updates_move_rows_between_keys_and_partitions() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(60)).unwrap();
    // Every row takes the key of the next; the last one's is free.
    let affected = update(&mut f, &t, 1000, 1, None).unwrap();
    assert_eq!(affected, Affected { rows: 60, matched: 60, ..Affected::default() });
    let moved: Vec<Row> =
        data(60).into_iter().map(|r| vec![int(number(&r[0]) + 1), r[1].clone(), r[2].clone()]).collect();
    f.check(&t, &moved);
    // Nothing changes: found, not counted.
    let affected = update(&mut f, &t, 11, 0, None).unwrap();
    assert_eq!(affected, Affected { rows: 0, matched: 10, ..Affected::default() });
    let affected = update(&mut f, &t, 11, 0, Some(Datum::Null)).unwrap();
    assert_eq!(affected, Affected { rows: 9, matched: 10, ..Affected::default() });
    let expected: Vec<Row> = moved
        .into_iter()
        .map(|r| if number(&r[0]) < 11 { vec![r[0].clone(), Datum::Null, r[2].clone()] } else { r })
        .collect();
    f.check(&t, &expected);
    // On to a key that stays taken.
    let error = update(&mut f, &t, 2, 30, None);
    assert!(
        matches!(&error, Err(Error::DuplicateEntry { value, key }) if value == "31" && key == "t.PRIMARY"),
        "{error:?}"
    );
    f.check(&t, &expected);
}

fn number(d: &Datum) -> i64 {
    match d {
        Datum::Int(v) => *v,
        other => panic!("{other} is no integer"),
    }
}

#[test]
fn deletes_leave_nothing_behind() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(60)).unwrap();
    let scan = f.scan(&t);
    let predicate = call(Function::Ge, vec![f.column(scan.columns[0]), constant(20)]);
    let source = Box::new(f.select(scan, vec![predicate]));
    let affected = f.change(Node::Delete { targets: target(&t, &[]), ignore: false, source }).unwrap();
    assert_eq!(affected.rows, 40);
    f.check(&t, &data(20));
}

#[test]
fn of_two_statements_of_one_snapshot_the_second_conflicts() {
    let t = table(1);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(10)).unwrap();
    let statement = |f: &mut Fixture| {
        let scan = f.scan(&t);
        let source = Box::new(f.select(scan, vec![]));
        let root = f.node(vec![], Node::Delete { targets: target(&t, &[]), ignore: false, source });
        f.start(root, vec![])
    };
    let (mut first, mut second) = (statement(&mut f), statement(&mut f));
    drain(&mut first).unwrap();
    let error = drain(&mut second);
    assert!(matches!(&error, Err(Error::WriteConflict { table, .. }) if table == "d.t"), "{error:?}");
}

#[test]
fn points_are_found_by_primary_key_and_by_unique_index() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(60)).unwrap();
    let get = |index, ordinals: &[usize], keys: &[i64]| PointGet {
        lock: None,
        table: t.clone(),
        alias: "t".into(),
        block: 1,
        index,
        ordinals: ordinals.to_vec(),
        keys: keys.iter().map(|k| vec![int(*k)]).collect(),
        places: None,
        dealing: None,
    };
    let cases = [
        (
            get(None, &[2, 0], &[3, 1000, 4, 3]),
            vec![vec![data(60)[3][2].clone(), int(3)], vec![data(60)[4][2].clone(), int(4)]],
        ),
        (get(Some(0), &[1, 0], &[8, 7]), vec![vec![int(8), int(4)]]),
        (
            get(Some(0), &[2, 0], &[10, 12]),
            vec![vec![data(60)[5][2].clone(), int(5)], vec![data(60)[6][2].clone(), int(6)]],
        ),
    ];
    for (get, expected) in cases {
        let types: Vec<ColumnType> = get.ordinals.iter().map(|&o| t.columns[o].ty.clone()).collect();
        let columns = f.ids(&types);
        let plan = f.node(columns, Node::PointGet(get));
        let mut rows = f.rows(plan);
        rows.sort_by_key(|r| r.iter().find_map(|d| matches!(d, Datum::Int(_)).then(|| number(d))));
        assert_eq!(rows, expected);
    }
}

#[test]
fn a_point_whose_entry_has_lost_its_row_is_an_error() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(60)).unwrap();
    let runtime = f.client.runtime();
    let ts = runtime.block_on(f.client.timestamp()).unwrap();
    let mut transaction = f.client.begin(ts);
    for partition in &t.partitions {
        transaction.delete(encode_datums(partition.records, &[int(5)]));
    }
    runtime.block_on(transaction.commit(&mut f.client)).unwrap();
    // Row 5 has 10 in the unique index; the third column is only in the row.
    for (keys, lost) in [(vec![8, 12], false), (vec![10], true), (vec![8, 10, 12], true)] {
        let get = PointGet {
            lock: None,
            table: t.clone(),
            alias: "t".into(),
            block: 1,
            index: Some(0),
            ordinals: vec![2, 0],
            keys: keys.iter().map(|k| vec![int(*k)]).collect(),
            places: None,
            dealing: None,
        };
        let types: Vec<ColumnType> = get.ordinals.iter().map(|&o| t.columns[o].ty.clone()).collect();
        let columns = f.ids(&types);
        let plan = f.node(columns, Node::PointGet(get));
        let result = drain(&mut f.start(plan, vec![]));
        assert_eq!(
            matches!(result, Err(Error::LostRows { entries: 1.., rows, .. }) if rows < 3),
            lost,
            "{result:?}"
        );
        assert!(lost || result.is_ok(), "{result:?}");
    }
}

#[test]
fn ordered_scans_bring_partitions_together_and_ranges_hold() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(300)).unwrap();
    for descending in [false, true] {
        let mut plan = f.scan(&t);
        let Node::TableScan(scan) = &mut plan.node else { panic!("a scan") };
        scan.keep_order = true;
        scan.descending = descending;
        // The key is not among the columns.
        scan.ordinals = vec![2, 1];
        plan.columns = vec![plan.columns[2], plan.columns[1]];
        scan.ranges = Ranges::Fixed(vec![
            Range { low: vec![], low_inclusive: true, high: vec![int(10)], high_inclusive: false },
            Range { low: vec![int(50)], low_inclusive: false, high: vec![int(200)], high_inclusive: true },
        ]);
        let mut expected: Vec<Row> = data(300)
            .into_iter()
            .filter(|r| number(&r[0]) < 10 || (51..=200).contains(&number(&r[0])))
            .map(|r| vec![r[2].clone(), r[1].clone()])
            .collect();
        if descending {
            expected.reverse();
        }
        assert_eq!(f.rows(plan), expected);
    }
}

#[test]
fn limit_union_cte_and_max_one_row() {
    let t = table(1);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(300)).unwrap();
    // SELECT … LIMIT 7, 5 below a projection, then with something above it.
    let scan = f.scan(&t);
    let ids = scan.columns.clone();
    let limit = f.node(ids.clone(), Node::Limit { input: Box::new(scan), offset: 7, count: Some(5) });
    let exprs = vec![(ids[0], f.column(ids[0]))];
    let project = f.node(vec![ids[0]], Node::Projection { input: Box::new(limit), exprs });
    let five: Vec<Row> = (7..12).map(|i| vec![int(i)]).collect();
    assert_eq!(f.rows(project.clone()), five);
    let keys = vec![SortKey { expr: f.column(ids[0]), descending: true }];
    let sort = f.node(vec![ids[0]], Node::Sort { input: Box::new(project.clone()), keys });
    assert_eq!(f.rows(sort), five.iter().rev().cloned().collect::<Vec<_>>());

    // UNION ALL of a CTE, read twice under other names, and a literal row.
    let cte = project;
    let out = f.ids(&[bigint(), bigint()]);
    let read = |f: &mut Fixture, id| f.node(vec![id], Node::CteScan { cte: 0, source: vec![ids[0]] });
    let first = read(&mut f, out[0]);
    let second = read(&mut f, out[1]);
    let literal = f.values(&[bigint()], &[vec![int(-1)]]);
    let literal_id = literal.columns[0];
    let union_id = f.ids(&[bigint()]);
    let inputs = vec![(first, vec![out[0]]), (second, vec![out[1]]), (literal, vec![literal_id])];
    let union = f.node(union_id, Node::Union { inputs, recursion: None });
    let mut execution = f.start(union, vec![cte.clone()]);
    let expected: Vec<Row> = five.iter().chain(&five).cloned().chain([vec![int(-1)]]).collect();
    assert_eq!(drain(&mut execution).unwrap(), expected);

    let many = f.node(vec![ids[0]], Node::MaxOneRow { input: Box::new(cte.clone()) });
    assert!(matches!(drain(&mut f.start(many, vec![])), Err(Error::SubqueryRows)));
    let none = f.node(vec![ids[0]], Node::Limit { input: Box::new(cte.clone()), offset: 100, count: None });
    let none = f.node(vec![ids[0]], Node::MaxOneRow { input: Box::new(none) });
    assert_eq!(f.rows(none), [vec![Datum::Null]]);
}

#[test]
fn apply_runs_its_right_side_for_each_set_of_values() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(40)).unwrap();
    // SELECT o.v, t.id FROM o, LATERAL (SELECT id FROM t WHERE id < o.v ORDER BY id DESC LIMIT 2)
    let outer_rows: Vec<Row> =
        [3, 1, 3, 0].iter().map(|v| vec![int(*v)]).chain([vec![Datum::Null]]).collect();
    for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti] {
        let outer = f.values(&[bigint()], &outer_rows);
        let v = outer.columns[0];
        let scan = f.scan(&t);
        let id = scan.columns[0];
        let predicate = call(Function::Lt, vec![f.column(id), f.column(v)]);
        let inner = f.select(scan, vec![predicate]);
        let keys = vec![SortKey { expr: f.column(id), descending: true }];
        let columns = inner.columns.clone();
        let top = f.node(columns, Node::TopN { input: Box::new(inner), keys, offset: 0, count: 2 });
        let exprs = vec![(id, f.column(id))];
        let right = f.node(vec![id], Node::Projection { input: Box::new(top), exprs });
        let columns = if kind.keeps_right() { vec![v, id] } else { vec![v] };
        let apply = Apply {
            kind,
            left: Box::new(outer),
            right: Box::new(right),
            correlated: vec![v],
            on: vec![],
            null_aware: vec![],
        };
        let plan = f.node(columns, Node::Apply(apply));
        let row = |r: &[i64]| r.iter().map(|v| int(*v)).collect::<Row>();
        let mut expected = match kind {
            JoinKind::Semi => vec![row(&[3]), row(&[1]), row(&[3])],
            JoinKind::Anti => vec![row(&[0]), vec![Datum::Null]],
            _ => vec![row(&[3, 2]), row(&[3, 1]), row(&[1, 0]), row(&[3, 2]), row(&[3, 1])],
        };
        if kind == JoinKind::Left {
            expected.extend([vec![int(0), Datum::Null], vec![Datum::Null, Datum::Null]]);
        }
        assert_eq!(f.rows(plan), expected, "{kind:?}");
    }
}

#[test]
fn joins_and_groups_with_what_was_measured() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(400)).unwrap();
    // SELECT t.s, COUNT(*) FROM t JOIN few ON t.id = few.v WHERE t.id >= 5 GROUP BY t.s
    let few: Vec<Row> = (0..100).map(|i| vec![int(i * 3)]).collect();
    let build = f.values(&[bigint()], &few);
    let v = build.columns[0];
    let scan = f.scan(&t);
    let scan_id = scan.id;
    let (id, s) = (scan.columns[0], scan.columns[2]);
    let predicate = call(Function::Ge, vec![f.column(id), constant(5)]);
    let probe = f.select(scan, vec![predicate]);
    let columns = probe.columns.iter().copied().chain([v]).collect();
    let join = HashJoin {
        kind: JoinKind::Inner,
        left: Box::new(probe),
        right: Box::new(build),
        build: Side::Right,
        keys: vec![(f.column(id), f.column(v))],
        residual: vec![],
        null_aware: vec![],
        mirrored: false,
    };
    let join = f.node(columns, Node::HashJoin(join));
    let join_id = join.id;
    let count = f.ids(&[ColumnType::not_null(SqlType::BIGINT)])[0];
    let call = AggregateCall {
        function: AggregateFunction::CountAll,
        args: vec![],
        distinct: false,
        ty: ColumnType::not_null(SqlType::BIGINT),
    };
    let aggregation = Aggregation {
        input: Box::new(join),
        group_by: vec![(s, f.column(s))],
        aggregates: vec![(count, call)],
    };
    let root = f.node(vec![s, count], Node::HashAgg(aggregation));
    let root_id = root.id;
    let mut execution = f.start(root, vec![]);
    let rows = sorted(drain(&mut execution).unwrap());
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for i in (0..300).step_by(3).filter(|i| *i >= 5) {
        *expected.entry(format!("string number {}", i % 7)).or_default() += 1;
    }
    let expected: Vec<Row> = expected.into_iter().map(|(s, n)| vec![Datum::string(s), int(n)]).collect();
    assert_eq!(rows, expected);
    let metrics = execution.metrics();
    assert_eq!(metrics[&root_id].rows, 7);
    assert_eq!(metrics[&join_id].rows, 98);
    assert!(metrics[&join_id].memory_bytes > 0 && metrics[&root_id].memory_bytes > 0);
    assert!(metrics[&scan_id].rows <= 400 && metrics[&scan_id].rows >= 98);
    assert!(metrics[&root_id].time >= metrics[&join_id].time);
    assert!(execution.memory_peak_bytes() > 0);
}

#[test]
fn a_cancelled_statement_ends_with_its_error() {
    let t = table(1);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(10)).unwrap();
    let scan = f.scan(&t);
    let output = scan.columns.iter().map(|id| OutputColumn { id: *id, name: "c".into() }).collect();
    let query = Query {
        root: scan,
        ctes: vec![],
        output,
        columns: Arc::new(f.columns.clone()),
        limits: StatementLimits::default(),
        warnings: vec![],
        prune_mode: PruneMode::Dynamic,
        blocks: 1,
    };
    let environment = f.environment();
    let cancel = environment.cancel.clone();
    let mut execution = execute(Arc::new(Prepared::new(Arc::new(query))), environment);
    cancel.cancel();
    assert!(matches!(execution.next(), Some(Err(Error::Cancelled))));
    assert!(execution.next().is_none());
}

#[test]
fn the_memory_limit_ends_a_sort() {
    let t = table(1);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(2000)).unwrap();
    let scan = f.scan(&t);
    let columns = scan.columns.clone();
    let keys = vec![SortKey { expr: f.column(columns[2]), descending: false }];
    let sort = f.node(columns.clone(), Node::Sort { input: Box::new(scan), keys });
    let output = columns.iter().map(|id| OutputColumn { id: *id, name: "c".into() }).collect();
    let query = Query {
        root: sort,
        ctes: vec![],
        output,
        columns: Arc::new(f.columns.clone()),
        limits: StatementLimits::default(),
        warnings: vec![],
        prune_mode: PruneMode::Dynamic,
        blocks: 1,
    };
    let environment = Environment { memory_limit_bytes: 20_000, ..f.environment() };
    let mut execution = execute(Arc::new(Prepared::new(Arc::new(query))), environment);
    assert!(matches!(execution.next(), Some(Err(Error::Memory { limit: 20_000 }))));
}

#[test]
fn many_regions_give_what_one_gives() {
    let t = table(3);
    let mut f = Fixture::new(&[&t]);
    f.insert(&t, &data(300)).unwrap();
    let runtime = f.client.runtime();
    for partition in &t.partitions {
        for at in [10, 100, 101, 250] {
            runtime.block_on(f.client.split(&encode_datums(partition.records, &[int(at)]))).unwrap();
        }
    }
    let scan = f.scan(&t);
    assert_eq!(sorted(f.rows(scan)), data(300));
    update(&mut f, &t, 150, 1000, None).unwrap();
    let expected: Vec<Row> = data(300)
        .into_iter()
        .map(|r| {
            if number(&r[0]) < 150 { vec![int(number(&r[0]) + 1000), r[1].clone(), r[2].clone()] } else { r }
        })
        .collect();
    f.check(&t, &expected);
}
