//! Every kind of index join against a model that compares every pair of rows.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{AggregateCall, AggregateFunction, Expr, Function};
use allod_planner::physical::{
    Aggregation, IndexJoin, IndexJoinVariant, IndexLookUp, IndexScan, JoinKind, Lookup, LookupKey, Node,
    Plan, Ranges, Routing, Side, TableScan,
};
use allod_storage::cluster::{ClusterConfig, SimulatedConfig, TransportConfig};
use allod_storage::key::encode_datums;
use allod_storage::schema::{
    ColumnType, Datum, IndexDescriptor, IndexId, PartitionDescriptor, PartitionScheme, SpaceId, SqlType,
    TableDescriptor, TableId,
};

use crate::Tuning;
use crate::plan_tests::{Fixture, Row, bigint, call, def, int, partition, sorted};

fn partitions_of(first: u64, partitions: usize, indexes: u64) -> Vec<PartitionDescriptor> {
    (0..partitions as u64)
        .map(|p| PartitionDescriptor {
            name: format!("p{p}").into(),
            records: SpaceId(first + p * 10),
            indexes: (1..=indexes).map(|i| SpaceId(first + p * 10 + i)).collect(),
            comment: "".into(),
            placement: None,
        })
        .collect()
}

/// `r (k BIGINT, id BIGINT, s VARCHAR(40), v BIGINT, PRIMARY KEY (k, id))` with indexes on `s, v` and on `v`, in partitions
/// by `k`.
pub(crate) fn inner_table(partitions: usize) -> Arc<TableDescriptor> {
    let index = |id, name: &str, columns| IndexDescriptor {
        id: IndexId(id),
        name: name.into(),
        unique: false,
        columns,
        options: Default::default(),
        state: Default::default(),
    };
    Arc::new(TableDescriptor {
        id: TableId(7),
        database: "d".into(),
        name: "r".into(),
        columns: vec![
            def("k", SqlType::BIGINT, false),
            def("id", SqlType::BIGINT, false),
            def("s", SqlType::varchar(40), true),
            def("v", SqlType::BIGINT, true),
        ],
        key: vec![0, 1],
        clustered: true,
        indexes: vec![index(1, "sv", vec![2, 3]), index(2, "v", vec![3])],
        partitioning: (partitions > 1).then(|| PartitionScheme::hash("k", vec![0])),
        partitions: partitions_of(1000, partitions, 2),
        comment: "".into(),
        constraints: Default::default(),
        collation: Default::default(),
        options: Default::default(),
        temporary: None,
        numbering: Default::default(),
    })
}

/// `o (id BIGINT PRIMARY KEY, a BIGINT, b DECIMAL(20, 2), c VARCHAR(40), u BIGINT UNSIGNED)`.
pub(crate) fn outer_table() -> Arc<TableDescriptor> {
    Arc::new(TableDescriptor {
        id: TableId(8),
        database: "d".into(),
        name: "o".into(),
        columns: vec![
            def("id", SqlType::BIGINT, false),
            def("a", SqlType::BIGINT, true),
            def("b", SqlType::Decimal { precision: 20, scale: 2 }, true),
            def("c", SqlType::varchar(40), true),
            def("u", SqlType::BIGINT_UNSIGNED, true),
        ],
        key: vec![0],
        clustered: true,
        indexes: vec![],
        partitioning: None,
        partitions: partitions_of(5000, 1, 0),
        comment: "".into(),
        constraints: Default::default(),
        collation: Default::default(),
        options: Default::default(),
        temporary: None,
        numbering: Default::default(),
    })
}

fn word(n: i64) -> Datum {
    Datum::string(format!("the word number {n}"))
}

pub(crate) fn inner_rows() -> Vec<Row> {
    (0..150)
        .map(|i: i64| {
            let s = if i % 11 == 3 { Datum::Null } else { word(i % 9) };
            let v = if i % 13 == 5 { Datum::Null } else { int(i % 23 - 4) };
            vec![int(i % 29 - 3), int(i), s, v]
        })
        .collect()
}

pub(crate) fn outer_rows(n: i64) -> Vec<Row> {
    let one = |i: i64| {
        let a = match i % 31 {
            7 => Datum::Null,
            8 => int(i64::MAX),
            9 => int(i64::MIN),
            r => int((i * 7919 + r) % 37 - 5),
        };
        let b = match i % 17 {
            3 => Datum::Null,
            4 => Datum::Decimal { value: 10i128.pow(19) * 9, scale: 2 },
            5 => Datum::Decimal { value: 350, scale: 2 },
            r => Datum::Decimal { value: i128::from((i * 31 + r) % 25 - 4) * 100, scale: 2 },
        };
        let c = if i % 19 == 2 { Datum::Null } else { word((i * 13) % 12) };
        let u = match i % 23 {
            1 => Datum::Null,
            2 => Datum::UInt(u64::MAX),
            _ => Datum::UInt((i * 17 % 30) as u64),
        };
        vec![int(i), a, b, c, u]
    };
    (0..n).map(one).collect()
}

/// What the inner side is looked up by, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `k = a`, by the table's key.
    Key,
    /// `k = a AND id = u`: the whole key.
    WholeKey,
    /// `v = b`, through an index, double read.
    Decimal,
    /// `s = c`, from the index alone.
    Text,
    /// `s = c AND v > a AND v <= b`, bounds on the next column.
    Bounds,
    /// `s = c AND v IN (-2, 3, 4, 99)`: the scan alone sees to it.
    Points,
    /// `s <=> c`, double read.
    NullSafe,
    /// `k = a` and `v <> 3`, under a selection of `id` < 100 and a projection.
    Selected,
    /// `k = a` under GROUP BY k.
    Grouped,
    /// `v = a` through an index with a filter on both sides, and `k = u` not in the prefix.
    Filtered,
}

pub(crate) const SHAPES: [Shape; 10] = [
    Shape::Key,
    Shape::WholeKey,
    Shape::Decimal,
    Shape::Text,
    Shape::Bounds,
    Shape::Points,
    Shape::NullSafe,
    Shape::Selected,
    Shape::Grouped,
    Shape::Filtered,
];

/// One of them is nobody's.
const POINTS: [i64; 4] = [-2, 3, 4, 99];

const KINDS: [JoinKind; 5] =
    [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti, JoinKind::Mark(ColumnId(0))];

fn truth(f: Function, args: Vec<Expr>) -> Expr {
    call(f, args)
}

pub(crate) struct Case {
    pub f: Fixture,
    pub inner: Arc<TableDescriptor>,
    pub outer: Arc<TableDescriptor>,
}

impl Case {
    pub(crate) fn new(config: ClusterConfig, partitions: usize, regions: bool, outer: &[Row]) -> Case {
        let (inner, outer_table) = (inner_table(partitions), outer_table());
        let mut f = Fixture::over(config, &[&inner, &outer_table]);
        f.insert(&inner, &inner_rows()).unwrap();
        for rows in outer.chunks(5000) {
            f.insert(&outer_table, rows).unwrap();
        }
        if regions {
            let runtime = f.client.runtime();
            for partition in &inner.partitions {
                for k in [0, 5, 11, 20] {
                    let key = encode_datums(partition.records, &[int(k), int(40)]);
                    runtime.block_on(f.client.split(&key)).unwrap();
                }
                let key = encode_datums(partition.indexes[0], &[word(4), int(2)]);
                runtime.block_on(f.client.split(&key)).unwrap();
                let key = encode_datums(partition.indexes[1], &[int(6)]);
                runtime.block_on(f.client.split(&key)).unwrap();
            }
            for at in 1..outer.len() as i64 / 700 {
                let key = encode_datums(outer_table.partitions[0].records, &[int(at * 700)]);
                runtime.block_on(f.client.split(&key)).unwrap();
            }
        }
        Case { f, inner, outer: outer_table }
    }

    fn table_scan(&mut self, ordinals: &[usize], ranges: Ranges) -> Plan {
        let types: Vec<ColumnType> = ordinals.iter().map(|&o| self.inner.columns[o].ty.clone()).collect();
        let columns = self.f.ids(&types);
        let scan = TableScan {
            table: Arc::clone(&self.inner),
            alias: "r".into(),
            block: 1,
            ordinals: ordinals.to_vec(),
            partitions: None,
            ranges,
            zone: vec![],
            keep_order: false,
            descending: false,
            pseudo: true,
        };
        self.f.node(columns, Node::TableScan(scan))
    }

    /// All columns of the index's space: for `sv` s, v, k, id; for `v` v, k, id.
    pub(crate) fn index_scan(&mut self, index: usize, ranges: Ranges) -> Plan {
        let (space, held) = self.inner.index_space(index, SpaceId(0));
        let types: Vec<ColumnType> = space.columns.iter().map(|c| c.ty.clone()).collect();
        let columns = self.f.ids(&types);
        let scan = IndexScan {
            table: Arc::clone(&self.inner),
            alias: "r".into(),
            block: 1,
            index,
            ordinals: (0..held.len()).collect(),
            partitions: None,
            ranges,
            keep_order: false,
            descending: false,
            pseudo: true,
        };
        self.f.node(columns, Node::IndexScan(scan))
    }

    /// A double read by way of `index`; yields k, id, s, v.
    pub(crate) fn double(&mut self, index: Plan, handle: Vec<ColumnId>, keep_order: bool) -> Plan {
        let table = self.table_scan(&[0, 1, 2, 3], Ranges::Handles);
        let columns = table.columns.clone();
        let node = IndexLookUp {
            index: Box::new(index),
            table: Box::new(table),
            handle,
            routing: None,
            keep_order,
            limit: None,
        };
        self.f.node(columns, Node::IndexLookUp(node))
    }

    pub(crate) fn column(&self, id: ColumnId) -> Expr {
        self.f.column(id)
    }

    /// The join; its output columns are those of the outer side, then (if the kind keeps them) k, id, s, v of the inner.
    pub(crate) fn join(&mut self, shape: Shape, kind: JoinKind, outer_side: Side) -> Plan {
        let scan = self.f.scan(&self.outer.clone());
        let outer = self.f.select(scan, vec![]);
        self.join_over(outer, shape, kind, outer_side)
    }

    pub(crate) fn join_over(&mut self, outer: Plan, shape: Shape, kind: JoinKind, outer_side: Side) -> Plan {
        let o: Vec<Expr> = outer.columns.iter().map(|id| self.column(*id)).collect();
        let key = |value: &Expr, null_safe| LookupKey { value: value.clone(), null_safe };
        let lookup = |prefix: Vec<LookupKey>| Lookup {
            prefix,
            points: vec![],
            low: vec![],
            high: vec![],
            routing: None,
        };
        let by_k = |mut lookup: Lookup, several: bool| {
            let function = partition(&self.inner);
            let values = vec![(0, o[1].clone())];
            lookup.routing = function.filter(|_| several).map(|function| Routing { function, values });
            Ranges::Lookup(lookup)
        };
        let several = self.inner.partitions.len() > 1;
        let mut residual = Vec::new();
        let (mut inner, keys) = match shape {
            Shape::Key | Shape::Selected | Shape::Grouped => {
                let ranges = by_k(lookup(vec![key(&o[1], false)]), several);
                let scan = self.table_scan(&[0, 1, 2, 3], ranges);
                let k = self.column(scan.columns[0]);
                (scan, vec![(o[1].clone(), k)])
            }
            Shape::WholeKey => {
                let ranges = by_k(lookup(vec![key(&o[1], false), key(&o[4], false)]), several);
                let scan = self.table_scan(&[0, 1, 2, 3], ranges);
                let (k, id) = (self.column(scan.columns[0]), self.column(scan.columns[1]));
                let ty = ColumnType::nullable(SqlType::Decimal { precision: 20, scale: 0 });
                let wide = |e: Expr| Expr::call(Function::Cast, vec![e], ty.clone());
                (scan, vec![(o[1].clone(), k), (wide(o[4].clone()), wide(id))])
            }
            Shape::Decimal => {
                let index = self.index_scan(1, Ranges::Lookup(lookup(vec![key(&o[2], false)])));
                let handle = vec![index.columns[1], index.columns[2]];
                let rows = self.double(index, handle, false);
                let ty = ColumnType::nullable(SqlType::Decimal { precision: 20, scale: 2 });
                let v = Expr::call(Function::Cast, vec![self.column(rows.columns[3])], ty);
                (rows, vec![(o[2].clone(), v)])
            }
            Shape::Text | Shape::Bounds | Shape::Points => {
                let mut wanted = lookup(vec![key(&o[3], false)]);
                if shape == Shape::Bounds {
                    wanted.low = vec![(o[1].clone(), false)];
                    wanted.high = vec![(o[2].clone(), true)];
                }
                if shape == Shape::Points {
                    wanted.points = POINTS.map(int).to_vec();
                }
                let scan = self.index_scan(0, Ranges::Lookup(wanted));
                let c = scan.columns.clone();
                let (s, v) = (self.column(c[0]), self.column(c[1]));
                if shape == Shape::Bounds {
                    residual.push(truth(Function::Gt, vec![v.clone(), o[1].clone()]));
                    let ty = ColumnType::nullable(SqlType::Decimal { precision: 20, scale: 2 });
                    let v = Expr::call(Function::Cast, vec![v], ty);
                    residual.push(truth(Function::Le, vec![v, o[2].clone()]));
                }
                (scan, vec![(o[3].clone(), s)])
            }
            Shape::NullSafe => {
                let index = self.index_scan(0, Ranges::Lookup(lookup(vec![key(&o[3], true)])));
                let handle = vec![index.columns[2], index.columns[3]];
                let rows = self.double(index, handle, false);
                residual.push(truth(Function::NullEq, vec![o[3].clone(), self.column(rows.columns[2])]));
                (rows, vec![])
            }
            Shape::Filtered => {
                let index = self.index_scan(1, Ranges::Lookup(lookup(vec![key(&o[1], false)])));
                let handle = vec![index.columns[1], index.columns[2]];
                let id = self.column(index.columns[2]);
                let index = self
                    .selection(index, vec![truth(Function::Lt, vec![id, crate::plan_tests::constant(120)])]);
                let mut rows = self.double(index, handle, false);
                let Node::IndexLookUp(lookup) = &mut rows.node else { unreachable!() };
                let s = Expr::column(lookup.table.columns[2], ColumnType::nullable(SqlType::varchar(40)));
                let table = (*lookup.table).clone();
                let one = Expr::constant(word(1), SqlType::varchar(40));
                let selected = self.selection(table, vec![truth(Function::Ne, vec![s, one])]);
                let Node::IndexLookUp(lookup) = &mut rows.node else { unreachable!() };
                *lookup.table = selected;
                let (k, v) = (self.column(rows.columns[0]), self.column(rows.columns[3]));
                let ty = ColumnType::nullable(SqlType::Decimal { precision: 20, scale: 0 });
                let wide = |e: Expr| Expr::call(Function::Cast, vec![e], ty.clone());
                (rows, vec![(o[1].clone(), v), (wide(o[4].clone()), wide(k))])
            }
        };
        let columns = inner.columns.clone();
        inner = self.f.node(columns, Node::TableReader { input: Box::new(inner) });
        // In the order k, id, s, v.
        let mut wanted = inner.columns.clone();
        let mut keys = keys;
        if matches!(shape, Shape::Text | Shape::Bounds | Shape::Points) {
            wanted = vec![wanted[2], wanted[3], wanted[0], wanted[1]];
        }
        if shape == Shape::Selected {
            let (id, v) = (self.column(wanted[1]), self.column(wanted[3]));
            residual.push(truth(Function::Ne, vec![v, crate::plan_tests::constant(3)]));
            inner =
                self.selection(inner, vec![truth(Function::Lt, vec![id, crate::plan_tests::constant(100)])]);
            let fresh = self.f.ids(&self.inner.columns.iter().map(|c| c.ty.clone()).collect::<Vec<_>>());
            let exprs: Vec<_> =
                fresh.iter().zip(&wanted).map(|(new, old)| (*new, self.column(*old))).collect();
            keys = vec![(o[1].clone(), self.column(fresh[0]))];
            residual = vec![truth(Function::Ne, vec![self.column(fresh[3]), crate::plan_tests::constant(3)])];
            wanted = fresh.clone();
            inner = self.f.node(fresh, Node::Projection { input: Box::new(inner), exprs });
        }
        if shape == Shape::Grouped {
            let fresh =
                self.f.ids(&[bigint(), bigint(), ColumnType::nullable(SqlType::varchar(40)), bigint()]);
            let call = |function, arg: Option<Expr>, ty: &ColumnType| AggregateCall {
                function,
                args: arg.into_iter().collect(),
                distinct: false,
                ty: ty.clone(),
            };
            let text = ColumnType::nullable(SqlType::varchar(40));
            let aggregates = vec![
                (fresh[1], call(AggregateFunction::CountAll, None, &bigint())),
                (fresh[2], call(AggregateFunction::Max, Some(self.column(wanted[2])), &text)),
                (fresh[3], call(AggregateFunction::Min, Some(self.column(wanted[3])), &bigint())),
            ];
            let group_by = vec![(fresh[0], self.column(wanted[0]))];
            keys = vec![(o[1].clone(), self.column(fresh[0]))];
            wanted = fresh.clone();
            let aggregation = Aggregation { input: Box::new(inner), group_by, aggregates };
            inner = self.f.node(fresh, Node::HashAgg(aggregation));
        }
        let mut output = outer.columns.clone();
        let kind = match kind {
            JoinKind::Mark(_) => {
                let mark = self.f.ids(&[ColumnType::nullable(SqlType::BOOL)])[0];
                output.push(mark);
                JoinKind::Mark(mark)
            }
            kind => kind,
        };
        if matches!(kind, JoinKind::Inner | JoinKind::Left) {
            output.extend(wanted);
        }
        let (left, right) = match outer_side {
            Side::Left => (outer, inner),
            Side::Right => (inner, outer),
        };
        let join = IndexJoin {
            kind,
            left: Box::new(left),
            right: Box::new(right),
            outer: outer_side,
            variant: IndexJoinVariant::Ordered,
            keys,
            residual,
            null_aware: vec![],
            mirrored: false,
        };
        self.f.node(output, Node::IndexJoin(join))
    }

    pub(crate) fn selection(&mut self, input: Plan, predicates: Vec<Expr>) -> Plan {
        let columns = input.columns.clone();
        self.f.node(columns, Node::Selection { input: Box::new(input), predicates })
    }
}

fn equal(a: &Datum, b: &Datum) -> bool {
    *a != Datum::Null && *b != Datum::Null && a.compare(b).is_eq()
}

fn less(a: &Datum, b: &Datum) -> bool {
    *a != Datum::Null && *b != Datum::Null && a.compare(b).is_lt()
}

/// The inner rows that a shape sees.
fn visible(shape: Shape) -> Vec<Row> {
    let rows = inner_rows();
    match shape {
        Shape::Selected => rows.into_iter().filter(|r| less(&r[1], &int(100))).collect(),
        Shape::Filtered => rows
            .into_iter()
            .filter(|r| less(&r[1], &int(120)) && r[2] != Datum::Null && !equal(&r[2], &word(1)))
            .collect(),
        Shape::Grouped => {
            let mut keys: Vec<Datum> = rows.iter().map(|r| r[0].clone()).collect();
            keys.sort_by(|a, b| a.compare(b));
            keys.dedup();
            let group = |k: Datum| {
                let of: Vec<&Row> = rows.iter().filter(|r| r[0] == k).collect();
                let known = |c: usize| of.iter().map(move |r| r[c].clone()).filter(|d| *d != Datum::Null);
                let max = known(2).max_by(|a, b| a.compare(b)).unwrap_or(Datum::Null);
                let min = known(3).min_by(|a, b| a.compare(b)).unwrap_or(Datum::Null);
                vec![k, int(of.len() as i64), max, min]
            };
            keys.into_iter().map(group).collect()
        }
        _ => rows,
    }
}

fn matches(shape: Shape, o: &Row, r: &Row) -> bool {
    match shape {
        Shape::Key | Shape::Grouped => equal(&o[1], &r[0]),
        Shape::WholeKey => equal(&o[1], &r[0]) && equal(&o[4], &r[1]),
        Shape::Decimal => equal(&o[2], &r[3]),
        Shape::Text => equal(&o[3], &r[2]),
        Shape::Bounds => {
            equal(&o[3], &r[2]) && less(&o[1], &r[3]) && (less(&r[3], &o[2]) || equal(&r[3], &o[2]))
        }
        Shape::Points => equal(&o[3], &r[2]) && POINTS.iter().any(|v| equal(&int(*v), &r[3])),
        Shape::NullSafe => o[3] == r[2],
        Shape::Selected => equal(&o[1], &r[0]) && r[3] != Datum::Null && !equal(&r[3], &int(3)),
        Shape::Filtered => equal(&o[1], &r[3]) && equal(&o[4], &r[0]),
    }
}

/// What should come out: for each outer row, in order, its rows in any order.
pub(crate) fn model(shape: Shape, kind: JoinKind, outer: &[Row]) -> Vec<Vec<Row>> {
    let inner = visible(shape);
    let width = 4;
    let one = |o: &Row| -> Vec<Row> {
        let found: Vec<&Row> = inner.iter().filter(|r| matches(shape, o, r)).collect();
        let beside = |r: &Row| o.iter().chain(r).cloned().collect::<Row>();
        match kind {
            JoinKind::Inner => found.into_iter().map(beside).collect(),
            JoinKind::Left if found.is_empty() => vec![beside(&vec![Datum::Null; width])],
            JoinKind::Left => found.into_iter().map(beside).collect(),
            JoinKind::Semi => (!found.is_empty()).then(|| o.clone()).into_iter().collect(),
            JoinKind::Anti => found.is_empty().then(|| o.clone()).into_iter().collect(),
            JoinKind::Mark(_) => vec![beside(&vec![int(i64::from(!found.is_empty()))])],
        }
    };
    outer.iter().map(one).collect()
}

/// Rows of one outer row may come in any order among each other.
pub(crate) fn by_outer_row(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut out: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        match out.last_mut() {
            Some(last) if last[0][0] == row[0] => last.push(row),
            _ => out.push(vec![row]),
        }
    }
    out.into_iter().map(sorted).collect()
}

pub(crate) fn expected(shape: Shape, kind: JoinKind, outer: &[Row]) -> Vec<Vec<Row>> {
    model(shape, kind, outer).into_iter().filter(|rows| !rows.is_empty()).map(sorted).collect()
}

fn check_all(
    config: &ClusterConfig,
    partitions: usize,
    regions: bool,
    workers: &[usize],
    rows: i64,
    tuning: Tuning,
) {
    let outer = outer_rows(rows);
    let mut case = Case::new(config.clone(), partitions, regions, &outer);
    case.f.tuning = tuning;
    for shape in SHAPES {
        for kind in KINDS {
            let want = expected(shape, kind, &outer);
            assert!(!want.is_empty(), "{shape:?} {kind:?}");
            for &n in workers {
                case.f.workers = n;
                let side = if kind == JoinKind::Inner && n % 2 == 0 { Side::Right } else { Side::Left };
                let plan = case.join(shape, kind, side);
                let got = by_outer_row(case.f.rows(plan));
                let differs = got.iter().zip(&want).find(|(a, b)| a != b);
                assert!(differs.is_none(), "{shape:?} {kind:?} {partitions} {n}: {differs:?}");
                assert_eq!(got.len(), want.len(), "{shape:?} {kind:?} {partitions} {n}");
            }
        }
    }
}

#[test]
fn every_kind_of_join_by_every_kind_of_key() {
    check_all(&ClusterConfig::default(), 1, false, &[1, 2], 700, Tuning::default());
}

#[test]
fn regions_and_partitions_change_nothing() {
    for (partitions, workers) in [(1, &[1, 5][..]), (4, &[2]), (16, &[5])] {
        check_all(&ClusterConfig::default(), partitions, true, workers, 1500, Tuning::default());
    }
}

#[test]
fn small_batches_over_a_slow_network() {
    let simulated = SimulatedConfig {
        latency: std::time::Duration::from_micros(50),
        jitter: std::time::Duration::from_micros(50),
        ..SimulatedConfig::default()
    };
    let config =
        ClusterConfig { transport: TransportConfig::Simulated(simulated), ..ClusterConfig::default() };
    let tuning = Tuning { index_join_batch_rows: 100, ..Tuning::default() };
    check_all(&config, 4, true, &[2], 400, tuning);
}
