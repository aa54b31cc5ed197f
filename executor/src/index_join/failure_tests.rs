//! Whatever goes wrong in a worker is told: no run hangs, and none is silently short.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{JoinKind, Lookup, LookupKey, Node, Side};
use allod_storage::client::{BackoffKind, BackoffTally, Client};
use allod_storage::cluster::{Cluster, ClusterConfig, SimulatedConfig, TransportConfig};
use allod_storage::error::{Error as StorageError, Exhausted};
use allod_storage::schema::{ColumnType, SqlType, Timestamp};

use super::tests::{Case, SHAPES, Shape, by_outer_row, expected, inner_table, outer_rows};
use crate::batch::Batch;
use crate::error::Result;
use crate::lookup::{Fetch, Fetched, Found, KeyMaker, Keys, Lane, Lanes, Lookups, Pace};
use crate::pipeline::testing::{batch, collect, context, pipeline};
use crate::pipeline::{Flow, Operator, Output, Stage, Worker};
use crate::plan_tests::{bigint, call, constant, drain};
use crate::{Error, Tuning};

fn simulated(config: SimulatedConfig) -> ClusterConfig {
    let latency = Duration::from_micros(50);
    let config = SimulatedConfig { latency, jitter: latency, ..config };
    ClusterConfig { transport: TransportConfig::Simulated(config), ..ClusterConfig::default() }
}

#[test]
fn an_overflow_in_a_condition_arrives_whoever_meets_it() {
    for config in [ClusterConfig::default(), simulated(SimulatedConfig::default())] {
        let outer = outer_rows(1500);
        let mut case = Case::new(config, 4, true, &outer);
        for workers in [1, 2, 5] {
            case.f.workers = workers;
            for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti] {
                let mut plan = case.join(Shape::Key, kind, Side::Left);
                let Node::IndexJoin(join) = &mut plan.node else { unreachable!() };
                let id = Expr::column(join.left.columns[0], ColumnType::not_null(SqlType::BIGINT));
                let product = Expr::call(Function::Mul, vec![id, constant(i64::MAX / 1000)], bigint());
                join.residual.push(call(Function::Gt, vec![product, constant(-1)]));
                let result = drain(&mut case.f.start(plan, vec![]));
                assert!(matches!(result, Err(Error::OutOfRange { .. })), "{kind:?} {workers}");
            }
        }
    }
}

#[test]
fn more_rows_than_memory_is_an_error() {
    for config in [ClusterConfig::default(), simulated(SimulatedConfig::default())] {
        let mut case = Case::new(config, 4, false, &outer_rows(1500));
        case.f.memory_limit_bytes = 20_000;
        for shape in [Shape::Key, Shape::Decimal] {
            let plan = case.join(shape, JoinKind::Inner, Side::Left);
            let result = drain(&mut case.f.start(plan, vec![]));
            assert!(matches!(result, Err(Error::Memory { limit: 20_000 })), "{shape:?} {result:?}");
        }
    }
}

#[test]
fn a_network_that_loses_messages_loses_no_row() {
    let lossy = SimulatedConfig {
        seed: 5,
        loss: 0.05,
        send_timeout: Duration::from_millis(5),
        busy: 0.02,
        stale: 0.02,
        ..SimulatedConfig::default()
    };
    let outer = outer_rows(300);
    let mut case = Case::new(simulated(lossy), 4, true, &outer);
    case.f.tuning = Tuning { index_join_batch_rows: 64, ..Tuning::default() };
    for shape in SHAPES {
        let plan = case.join(shape, JoinKind::Left, Side::Left);
        match drain(&mut case.f.start(plan, vec![])) {
            Ok(rows) => assert_eq!(by_outer_row(rows), expected(shape, JoinKind::Left, &outer), "{shape:?}"),
            Err(error) => assert!(matches!(error, Error::Storage(_)), "{shape:?} {error}"),
        }
    }
}

#[test]
fn a_limit_stops_the_workers_early() {
    for workers in [1, 4] {
        let config = simulated(SimulatedConfig::default());
        let mut case = Case::new(config, 4, false, &outer_rows(1500));
        case.f.workers = workers;
        case.f.tuning = Tuning { index_join_batch_rows: 32, ..Tuning::default() };
        let mut keys = |limit: Option<u64>| {
            let mut plan = case.join(Shape::Key, JoinKind::Left, Side::Left);
            let id = plan.id;
            if let Some(count) = limit {
                let columns = plan.columns.clone();
                let node = Node::Limit { input: Box::new(plan), offset: 0, count: Some(count) };
                plan = case.f.node(columns, node);
            }
            let mut execution = case.f.start(plan, vec![]);
            let rows = drain(&mut execution).unwrap().len() as u64;
            assert!(limit.is_none_or(|limit| rows == limit), "{rows}");
            let metrics = &execution.metrics()[&id];
            assert!(metrics.memory_bytes > 0);
            let run = metrics.detail.index_join.unwrap();
            (run.tasks, run.keys)
        };
        let (all_tasks, all_keys) = keys(None);
        let (tasks, few) = keys(Some(3));
        assert!(all_tasks > 30 && all_keys > 300, "{all_tasks} {all_keys}");
        assert!(tasks <= 2 * workers as u64 && few <= 64 * workers as u64, "{tasks} {few} of {all_keys}");
    }
}

#[test]
fn a_statement_that_is_cancelled_ends() {
    let slow = SimulatedConfig { latency: Duration::from_millis(20), ..SimulatedConfig::default() };
    let config = ClusterConfig { transport: TransportConfig::Simulated(slow), ..ClusterConfig::default() };
    let mut case = Case::new(config, 1, false, &outer_rows(1500));
    case.f.tuning = Tuning { index_join_batch_rows: 1, index_join_concurrency: 1, ..Tuning::default() };
    let plan = case.join(Shape::Key, JoinKind::Inner, Side::Left);
    let mut execution = case.f.start(plan, vec![]);
    let cancel = case.f.cancel.clone();
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        let result = drain(&mut execution);
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    });
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Fetches that go wrong: from the third batch of a worker on.
struct Broken {
    keys: KeyMaker,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Panics,
    Fails,
    NeverAnswers,
    /// As a client whose region stayed away for longer than it may wait.
    GivesUp,
}

impl Fetch for Broken {
    fn keys(&self) -> &KeyMaker {
        &self.keys
    }

    fn counters(&self) -> (usize, usize) {
        (1, 1)
    }

    async fn fetch(&self, keys: &Keys, lane: &mut Lane) -> Result<Found> {
        let at = keys.prefix[0].len();
        if at == 7 {
            match self.how {
                How::Panics => panic!("asked for it"),
                How::Fails => return Err(Error::SubqueryRows),
                How::GivesUp => {
                    let why = Exhausted {
                        part: "lookup",
                        region: None,
                        slept_ms: 40_000,
                        worst: BackoffKind::RegionMiss,
                        tally: BackoffTally::default(),
                        last: vec![],
                    };
                    return Err(Error::Storage(StorageError::Exhausted(Box::new(why))));
                }
                // As a client does: it looks again and again until its budget is used up.
                How::NeverAnswers => {
                    for _ in 0..50 {
                        lane.client.timestamp().await?;
                    }
                    return Err(Error::Undetermined);
                }
            }
        }
        Ok(Found { columns: vec![], rows: 0, lookups: vec![], order: None, partitions: None })
    }
}

struct BrokenOperator {
    work: Arc<Broken>,
    lookups: Lookups,
}

struct BrokenStage(Lanes<Broken>);

impl Operator for BrokenOperator {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(BrokenStage(Lanes::new(Arc::clone(&self.work), &self.lookups)))
    }
}

impl Stage for BrokenStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let mut land = |fetched: &mut Fetched, worker: &mut Worker| out.emit(worker, fetched.batch.clone());
        self.0.push(batch, worker, &mut land)
    }

    fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let mut land = |fetched: &mut Fetched, worker: &mut Worker| out.emit(worker, fetched.batch.clone());
        self.0.flush(worker, &mut land)
    }
}

#[test]
fn a_lookup_that_fails_panics_or_is_never_answered_is_told() {
    for config in [ClusterConfig::default(), simulated(SimulatedConfig::default())] {
        let client: Client = Cluster::new(config).client();
        for how in [How::Panics, How::Fails, How::NeverAnswers, How::GivesUp] {
            for workers in [1, 2, 5] {
                let column = Expr::column(ColumnId(0), ColumnType::not_null(SqlType::BIGINT));
                let prefix = vec![LookupKey { value: column, null_safe: false }];
                let lookup = Lookup { prefix, points: vec![], low: vec![], high: vec![], routing: None };
                let table = inner_table(1);
                let keys =
                    KeyMaker::new(&lookup, &[SqlType::BIGINT], &table, vec![0], &[ColumnId(0)]).unwrap();
                let pace = Pace { first_rows: 7, rows_max: 7, concurrency: 3, early: false };
                let (lookups, _) = Lookups::new(&client, Timestamp(1), pace, &context(workers), &[]);
                let operator = BrokenOperator { work: Arc::new(Broken { keys, how }), lookups };
                // One batch among many has more keys than a lookup takes, so that it ends with one that goes wrong.
                let mut batches: Vec<Batch> = (0..40).map(|i| batch(&[&[Some(i), Some(i + 1)]])).collect();
                batches[25] = batch(&[&[Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(7)]]);
                let mut p = pipeline(batches);
                let columns = p.columns.clone();
                p.push(1, Arc::new(operator), columns);
                let hook = std::panic::take_hook();
                std::panic::set_hook(Box::new(|_| {}));
                let result = collect(&p, workers);
                std::panic::set_hook(hook);
                match how {
                    How::Panics => {
                        assert!(matches!(result, Err(Error::Panic(m)) if m.contains("asked for it")))
                    }
                    How::Fails => assert!(matches!(result, Err(Error::SubqueryRows))),
                    How::NeverAnswers => assert!(matches!(result, Err(Error::Undetermined))),
                    How::GivesUp => {
                        let Err(Error::Storage(StorageError::Exhausted(why))) = result else {
                            panic!("it did not give up")
                        };
                        assert_eq!(why.mysql_code(), 9005);
                    }
                }
            }
        }
    }
}
