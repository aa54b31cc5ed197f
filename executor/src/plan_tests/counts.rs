//! What EXPLAIN ANALYZE tells of requests, region errors and waits is what the clients counted, whoever they were.

use std::time::Duration;

use allod_planner::physical::{IndexMerge, IndexMergePart, IndexScan};
use allod_storage::client::ClientStats;
use allod_storage::cluster::{SimulatedConfig, TransportConfig};

use super::*;
use crate::Tuning;
use crate::index_join::tests::{Case, SHAPES, Shape, outer_rows};

/// A cluster that forgets, is slow, loses a message now and then and has region errors.
///
/// What a loss costs is the wait for an answer and then a backoff of up to a second, in real time. So few are lost; and the
/// wait is long enough that none is taken for lost because the machine is busy.
fn trouble(seed: u64) -> ClusterConfig {
    let simulated = SimulatedConfig {
        seed,
        latency: Duration::from_micros(50),
        jitter: Duration::from_micros(50),
        loss: 0.001,
        send_timeout: Duration::from_millis(100),
        stale: 0.05,
        ..SimulatedConfig::default()
    };
    ClusterConfig {
        transport: TransportConfig::Simulated(simulated),
        region_cache_ttl: Duration::from_millis(50),
        ..ClusterConfig::default()
    }
}

/// Runs the plan and returns what its operators tell, added up, beside what its clients counted.
fn told_and_counted(f: &mut Fixture, plan: Plan) -> (ClientStats, ClientStats) {
    // What the fixture has committed is counted before.
    f.client.runtime().block_on(f.cluster.at_rest());
    let before = f.cluster.stats();
    let mut execution = f.start(plan, vec![]);
    let outcome = drain(&mut execution);
    assert!(matches!(outcome, Ok(_) | Err(Error::Storage(_))), "{outcome:?}");
    let mut told = ClientStats::default();
    for metrics in execution.metrics().values() {
        if let Some(rpc) = &metrics.detail.rpc {
            told.merge(rpc);
        }
    }
    drop(execution);
    (told, f.cluster.stats().since(&before))
}

/// Moves the borders of regions, so that what clients believe of them is out of date.
fn split_again(case: &mut Case, at: i64) {
    let runtime = case.f.client.runtime();
    for partition in &case.inner.partitions {
        let key = allod_storage::key::encode_datums(partition.records, &[int(at), int(at)]);
        runtime.block_on(case.f.client.split(&key)).unwrap();
        let key = allod_storage::key::encode_datums(partition.indexes[1], &[int(at % 20), int(at)]);
        runtime.block_on(case.f.client.split(&key)).unwrap();
    }
}

#[test]
fn index_joins_tell_all_requests_of_all_workers() {
    let outer = outer_rows(300);
    let mut met = ClientStats::default();
    for (config, workers) in [(ClusterConfig::default(), 2), (trouble(3), 3), (trouble(4), 1)] {
        let mut case = Case::new(config, 4, true, &outer);
        case.f.workers = workers;
        case.f.tuning = Tuning { index_join_batch_rows: 40, ..Tuning::default() };
        for (at, shape) in SHAPES.into_iter().enumerate() {
            split_again(&mut case, at as i64);
            let plan = case.join(shape, JoinKind::Left, Side::Left);
            let (told, counted) = told_and_counted(&mut case.f, plan);
            assert_eq!(told, counted, "{shape:?}");
            assert!(told.rpcs > 0, "{shape:?}");
            met.merge(&told);
        }
    }
    assert!(met.region_errors_in_all() > 10 && met.expired > 10, "{met:?}");
    assert!(met.backoff.iter().count() >= 2, "{met:?}");
}

#[test]
fn requests_that_a_limit_gave_up_are_told_too() {
    let mut case = Case::new(trouble(5), 4, true, &outer_rows(1500));
    case.f.tuning = Tuning { index_join_batch_rows: 16, ..Tuning::default() };
    for shape in [Shape::Key, Shape::Decimal, Shape::Filtered] {
        for count in [1, 40, 200] {
            let join = case.join(shape, JoinKind::Left, Side::Left);
            let columns = join.columns.clone();
            let limit = Node::Limit { input: Box::new(join), offset: 0, count: Some(count) };
            let plan = case.f.node(columns, limit);
            let (told, counted) = told_and_counted(&mut case.f, plan);
            assert_eq!(told, counted, "{shape:?} {count}");
        }
    }
}

#[test]
fn double_reads_tell_each_side() {
    for (config, partitions) in [(ClusterConfig::default(), 1), (trouble(6), 4)] {
        let mut case = Case::new(config, partitions, true, &[]);
        case.f.tuning = Tuning { index_lookup_rows: 20, ..Tuning::default() };
        let range = Range { low: vec![int(3)], low_inclusive: true, high: vec![], high_inclusive: true };
        let index = case.index_scan(1, Ranges::Fixed(vec![range]));
        let (handle, index_id) = (vec![index.columns[1], index.columns[2]], index.id);
        let plan = case.double(index, handle, true);
        let Node::IndexLookUp(lookup) = &plan.node else { unreachable!() };
        let (id, table_id) = (plan.id, lookup.table.id);
        case.f.client.runtime().block_on(case.f.cluster.at_rest());
        let before = case.f.cluster.stats();
        let mut execution = case.f.start(plan, vec![]);
        let rows = drain(&mut execution).unwrap().len() as u64;
        let metrics = execution.metrics();
        drop(execution);
        let counted = case.f.cluster.stats().since(&before);
        let (index, table) = (&metrics[&index_id], &metrics[&table_id]);
        let rpc = |m: &crate::OperatorMetrics| m.detail.rpc.clone().unwrap();
        assert!(rpc(index).rpcs > 0 && rpc(table).rpcs > 0);
        assert_eq!(rpc(index).rpcs + rpc(table).rpcs, counted.rpcs);
        for side in [index, table] {
            let cop = side.detail.cop.as_ref().unwrap();
            assert_eq!((side.rows, cop.rows, cop.partitions.len()), (rows, rows, partitions));
            assert!(!cop.times.is_empty() && cop.times.iter().all(|time| *time > Duration::ZERO));
            assert!(side.time > Duration::ZERO && cop.regions.len() >= partitions);
        }
        // The double read itself has no requests; it waited for both sides.
        assert!(metrics[&id].detail.rpc.is_none() && metrics[&id].detail.cop.is_none());
        let run = metrics[&id].detail.index_lookup.unwrap();
        assert_eq!(run.wait_index, index.time);
        assert!(metrics[&id].time >= index.time && run.tasks >= 1 && run.table_total > Duration::ZERO);
    }
}

#[test]
fn scans_merges_and_points_tell_their_requests() {
    for config in [ClusterConfig::default(), trouble(7)] {
        let table = table(3);
        let mut f = Fixture::over(config, &[&table]);
        let rows: Vec<Row> = (0..200).map(|id| vec![int(id), int(id * 3), Datum::Null]).collect();
        f.insert(&table, &rows).unwrap();
        let runtime = f.client.runtime();
        for at in [50, 100, 150] {
            for partition in &table.partitions {
                let key = allod_storage::key::encode_datums(partition.records, &[int(at)]);
                runtime.block_on(f.client.split(&key)).unwrap();
            }
        }
        let scan = f.scan(&table);
        let less = call(Function::Lt, vec![f.column(scan.columns[0]), constant(120)]);
        let selected = f.select(scan.clone(), vec![less]);
        let whole = f.node(scan.columns.clone(), Node::TableReader { input: Box::new(scan) });
        let mut part = |from: i64, to: i64| {
            let columns = f.ids(&[bigint(), ColumnType::not_null(SqlType::BIGINT)]);
            let low = Range {
                low: vec![int(from)],
                low_inclusive: true,
                high: vec![int(to)],
                high_inclusive: true,
            };
            let entries = IndexScan {
                table: Arc::clone(&table),
                alias: Arc::clone(&table.name),
                block: 1,
                index: 0,
                ordinals: vec![0, 1],
                partitions: None,
                ranges: Ranges::Fixed(vec![low]),
                keep_order: false,
                descending: false,
                pseudo: true,
            };
            let handle = vec![columns[1]];
            IndexMergePart { plan: f.node(columns, Node::IndexScan(entries)), handle }
        };
        let partial = vec![part(30, 60), part(300, 330)];
        let mut by_handle = f.scan(&table);
        if let Node::TableScan(scan) = &mut by_handle.node {
            scan.ranges = Ranges::Handles;
        }
        let columns = by_handle.columns.clone();
        let merge = IndexMerge { partial, table: Box::new(by_handle), intersection: false };
        let merge = f.node(columns, Node::IndexMerge(merge));
        let columns = f.ids(&[bigint(), ColumnType::nullable(SqlType::varchar(40))]);
        let points = PointGet {
            lock: None,
            table: Arc::clone(&table),
            alias: Arc::clone(&table.name),
            block: 1,
            index: Some(0),
            ordinals: vec![0, 2],
            keys: (0..50).map(|k| vec![int(k * 3)]).collect(),
            places: None,
            dealing: None,
        };
        let points = f.node(columns, Node::PointGet(points));
        for (plan, regions) in [(selected, 12), (whole, 12), (merge, 15), (points, 6)] {
            let name = format!("{:?}", std::mem::discriminant(&plan.node));
            let id = plan.id;
            f.client.runtime().block_on(f.cluster.at_rest());
            let before = f.cluster.stats();
            let mut execution = f.start(plan.clone(), vec![]);
            drain(&mut execution).unwrap();
            let metrics = execution.metrics();
            drop(execution);
            let counted = f.cluster.stats().since(&before);
            let mut told = ClientStats::default();
            let mut seen = 0;
            for m in metrics.values() {
                m.detail.rpc.iter().for_each(|rpc| told.merge(rpc));
                if let Some(cop) = &m.detail.cop {
                    assert!(cop.times.iter().all(|time| *time > Duration::ZERO) && !cop.times.is_empty());
                    assert_eq!(cop.partitions.len(), 3, "{name}");
                    seen += cop.regions.len();
                }
            }
            assert_eq!(told, counted, "{name}");
            assert!(seen >= regions / 2 && seen <= regions, "{name} {seen}");
            assert!(metrics[&id].time > Duration::ZERO, "{name}");
        }
    }
}
