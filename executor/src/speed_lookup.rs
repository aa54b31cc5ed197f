//! How fast an index join is by itself: see `speed`.

#![expect(clippy::unwrap_used, reason = "a benchmark may end where it stands")]

use std::sync::Arc;

use allod_planner::column::{ColumnId, Columns};
use allod_planner::expr::Expr;
use allod_planner::physical::{
    IndexJoin, IndexJoinVariant, JoinKind, Lookup, LookupKey, Node, Plan, Ranges, Side, TableScan,
};
use allod_storage::client::Client;
use allod_storage::cluster::{Cluster, ClusterConfig};
use allod_storage::schema::{
    ColumnDef, ColumnType, PartitionDescriptor, SpaceId, SqlType, TableDescriptor, TableId, Timestamp,
};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use crate::batch::Batch;
use crate::index_join::{IndexJoinForm, IndexJoiner};
use crate::kernel::hash::mix;
use crate::lookup::Pace;
use crate::pipeline::{Batches, Pipeline, Runner};
use crate::speed::{Count, Timer, context, report};

const KEYS: i64 = 1_500_000;
const WIDTH: usize = 6;

/// `l (k BIGINT, n BIGINT, …, PRIMARY KEY (k, n))` with four rows for each k.
fn table() -> Arc<TableDescriptor> {
    let def = |c: usize| ColumnDef::new(format!("c{c}"), ColumnType::not_null(SqlType::BIGINT));
    Arc::new(TableDescriptor {
        id: TableId(1),
        database: "d".into(),
        name: "l".into(),
        columns: (0..WIDTH).map(def).collect(),
        key: vec![0, 1],
        clustered: true,
        indexes: vec![],
        partitioning: None,
        partitions: vec![PartitionDescriptor {
            name: "p0".into(),
            records: SpaceId(50),
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

fn load(table: &TableDescriptor) -> (Client, Timestamp) {
    let mut client = Cluster::new(ClusterConfig::default()).client();
    let runtime = client.runtime();
    let space = SpaceId(50);
    runtime.block_on(client.create_space(Arc::new(table.record_space(space)))).unwrap();
    let fields: Vec<_> = (0..WIDTH).map(|c| Field::new(format!("c{c}"), DataType::Int64, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = |start: i64| {
        let rows = start..(start + 100_000).min(KEYS * 4);
        let column = |c: usize| {
            let value = |row: i64| match c {
                0 => row / 4,
                1 => row % 4,
                _ => (mix(row as u64 + c as u64) % 1000) as i64,
            };
            Arc::new(rows.clone().map(value).collect::<Int64Array>()) as ArrayRef
        };
        RecordBatch::try_new(Arc::clone(&schema), (0..WIDTH).map(column).collect()).unwrap()
    };
    let batches = (0..KEYS * 4).step_by(100_000).map(batch).collect();
    runtime.block_on(client.ingest(space, batches, true)).unwrap();
    let ts = runtime.block_on(client.timestamp()).unwrap();
    (client, ts)
}

/// Has index joins by a prefix of the clustered key timed.
pub fn run(timer: Timer<'_>) {
    let table = table();
    let (client, ts) = load(&table);
    let ty = ColumnType::not_null(SqlType::BIGINT);
    let mut columns = Columns::default();
    for _ in 0..WIDTH + 2 {
        columns.add_computed("c", ty.clone());
    }
    let columns = Arc::new(columns);
    let outer_ids = vec![ColumnId(0), ColumnId(1)];
    let inner_ids: Vec<ColumnId> = (2..2 + WIDTH as u32).map(ColumnId).collect();
    let plan =
        |columns: &[ColumnId], node| Plan { id: 0, rows: 0.0, cost: 0.0, columns: columns.to_vec(), node };
    let outer_key = Expr::column(ColumnId(0), ty.clone());
    let lookup = Lookup {
        prefix: vec![LookupKey { value: outer_key.clone(), null_safe: false }],
        points: vec![],
        low: vec![],
        high: vec![],
        routing: None,
    };
    let scan = TableScan {
        table: Arc::clone(&table),
        alias: "l".into(),
        block: 1,
        ordinals: (0..WIDTH).collect(),
        partitions: None,
        ranges: Ranges::Lookup(lookup),
        zone: vec![],
        keep_order: false,
        descending: false,
        pseudo: true,
    };
    let join = IndexJoin {
        kind: JoinKind::Inner,
        left: Box::new(plan(&outer_ids, Node::Values { rows: vec![] })),
        right: Box::new(plan(&inner_ids, Node::TableScan(scan))),
        outer: Side::Left,
        variant: IndexJoinVariant::Ordered,
        keys: vec![(outer_key, Expr::column(ColumnId(2), ty))],
        residual: vec![],
        null_aware: vec![],
        mirrored: false,
    };
    let output: Vec<ColumnId> = outer_ids.iter().chain(&inner_ids).copied().collect();
    let join_plan = plan(&output, Node::Values { rows: vec![] });
    let mut time = |name: &str, keys: Vec<i64>| {
        let batches: Vec<Batch> = keys
            .chunks(4096)
            .map(|keys| {
                let key: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
                Batch::new(vec![Arc::clone(&key), key], keys.len())
            })
            .collect();
        report(timer, name, keys.len(), |workers| {
            let context = crate::pipeline::Context { columns: Arc::clone(&columns), ..context(workers) };
            let mut runner = Runner::new(context);
            let pace = Pace { first_rows: 1024, rows_max: 25_000, concurrency: 5, early: false };
            let fork = client.fork();
            let form = Arc::new(IndexJoinForm::new(&join_plan, &join, &outer_ids).unwrap());
            let (joiner, _) = IndexJoiner::new(form, &fork, ts, pace, &runner.context);
            let source = Arc::new(Batches::new(batches.clone()));
            let mut pipeline = Pipeline::new(1, source, outer_ids.clone());
            pipeline.push(0, Arc::new(joiner), output.clone());
            runner.run(&pipeline, None, Count).unwrap()
        });
    };
    time("index join of 1 row x 4", vec![777_777]);
    time("index join of 100 rows x 4", (0..100).map(|i| i * 14_999).collect());
    time("index join of 10k rows x 4, ascending", (0..10_000).map(|i| i * 149).collect());
    let random = |n: u64| (0..n).map(|i| (mix(i) % KEYS as u64) as i64).collect::<Vec<_>>();
    time("index join of 10k rows x 4, random", random(10_000));
    time("index join of 10k rows x 4, one range", (0..10_000).map(|i| 500_000 + i).collect());
    time("index join of 150k rows x 4, random", random(150_000));
}
