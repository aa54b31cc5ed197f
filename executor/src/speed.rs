//! How fast grouping and joining are, by themselves: cases for `benches/speed.rs`, which times them. They are here because
//! operators are nobody's business outside of the crate.
//!
//! ```text
//! cargo bench -p allod-executor --features speed -- "group 6M"
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark may end where it stands")]

use std::sync::Arc;

use allod_planner::column::{ColumnId, Columns};
use allod_planner::expr::{AggregateCall, AggregateFunction as F, Expr};
use allod_planner::physical::{Aggregation, HashJoin, JoinKind, Node, Plan, Side};
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{
    Array, ArrayRef, Decimal64Array, DictionaryArray, Int64Array, StringViewArray, UInt16Array,
};
use arrow::datatypes::DataType;

use crate::aggregate::{AggregateForm, AggregateSink};
use crate::batch::Batch;
use crate::hash_join::{self, BuildForm, BuildSink};
use crate::kernel::Rules;
use crate::kernel::hash::mix;
use crate::pipeline::{Batches, Cancel, Context, Flow, Memory, Pipeline, Runner, Sink, Worker};

const ROWS: usize = 6_000_000;
const BATCH: usize = 8192;

/// Counts rows and forgets them.
pub(crate) struct Count;

impl Sink for Count {
    type Local = usize;
    type Product = usize;

    fn local(&self) -> usize {
        0
    }

    fn consume(&self, local: &mut usize, _: &mut Worker, batch: Batch) -> crate::error::Result<Flow> {
        *local += batch.rows;
        Ok(Flow::Continue)
    }

    fn finish(self, locals: Vec<usize>) -> crate::error::Result<usize> {
        Ok(locals.iter().sum())
    }
}

pub(crate) fn context(workers: usize) -> Context {
    let memory = Memory::new(u64::MAX);
    Context {
        memory,
        cancel: Cancel::new(),
        workers,
        analyze: false,
        columns: Arc::default(),
        rules: Rules::default(),
        sequences: None,
        named_locks: None,
        variables: None,
    }
}

fn plan() -> Box<Plan> {
    Box::new(Plan { id: 0, rows: 0.0, cost: 0.0, columns: vec![], node: Node::Values { rows: vec![] } })
}

fn column(id: u32, sql: SqlType) -> Expr {
    Expr::column(ColumnId(id), ColumnType::not_null(sql))
}

fn batches(rows: usize, columns: &[&dyn Fn(usize, usize) -> ArrayRef]) -> Vec<Batch> {
    (0..rows)
        .step_by(BATCH)
        .map(|start| {
            let len = BATCH.min(rows - start);
            Batch { columns: columns.iter().map(|c| c(start, len)).collect(), rows: len }
        })
        .collect()
}

fn integers(value: impl Fn(u64) -> i64) -> impl Fn(usize, usize) -> ArrayRef {
    move |start, len| Arc::new((start..start + len).map(|i| value(i as u64)).collect::<Int64Array>())
}

fn decimals(value: impl Fn(u64) -> i64) -> impl Fn(usize, usize) -> ArrayRef {
    move |start, len| {
        let values = (start..start + len).map(|i| value(i as u64)).collect::<Vec<i64>>();
        Arc::new(Decimal64Array::from(values).with_data_type(DataType::Decimal64(18, 2)))
    }
}

fn codes(strings: &[&str]) -> impl Fn(usize, usize) -> ArrayRef {
    let values: ArrayRef = Arc::new(StringViewArray::from(strings.to_vec()));
    move |start, len| {
        let count = values.len() as u64;
        let keys = (start..start + len).map(|i| (mix(i as u64 + count) % count) as u16);
        Arc::new(DictionaryArray::new(UInt16Array::from_iter_values(keys), Arc::clone(&values)))
    }
}

/// Who times a case: told its name, the rows that go in, and what to run, which says how many rows come out.
pub type Timer<'a> = &'a mut dyn FnMut(&str, usize, &mut dyn FnMut() -> usize);

/// A case with one worker and with two.
pub(crate) fn report(timer: Timer<'_>, name: &str, rows: usize, mut run: impl FnMut(usize) -> usize) {
    timer(&format!("{name}, one worker"), rows, &mut || run(1));
    timer(&format!("{name}, two workers"), rows, &mut || run(2));
}

fn rows_of(batches: &[Batch]) -> usize {
    batches.iter().map(|batch| batch.rows).sum()
}

fn group(
    timer: Timer<'_>,
    name: &str,
    input: &[Batch],
    keys: &[(u32, SqlType)],
    calls: &[(F, Option<(u32, SqlType)>)],
) {
    let call = |(i, (function, arg)): (usize, &(F, Option<(u32, SqlType)>))| {
        let ty = match function {
            F::CountAll | F::Count => SqlType::BIGINT,
            F::Avg => SqlType::Decimal { precision: 38, scale: 6 },
            _ => SqlType::Decimal { precision: 38, scale: 2 },
        };
        let args = arg.iter().map(|(id, sql)| column(*id, sql.clone())).collect();
        let ty = ColumnType::nullable(ty);
        (ColumnId(100 + i as u32), AggregateCall { function: *function, args, distinct: false, ty })
    };
    let aggregation = Aggregation {
        input: plan(),
        group_by: keys.iter().map(|(id, sql)| (ColumnId(*id), column(*id, sql.clone()))).collect(),
        aggregates: calls.iter().enumerate().map(call).collect(),
    };
    let columns: Vec<ColumnId> = (0..input[0].columns.len() as u32).map(ColumnId).collect();
    report(timer, name, rows_of(input), |workers| {
        let mut runner = Runner::new(context(workers));
        let form = Arc::new(AggregateForm::new(&aggregation, &columns, false).unwrap());
        let sink = AggregateSink::new(form, &runner.context);
        let pipeline = Pipeline::new(0, Arc::new(Batches::new(input.to_vec())), columns.clone());
        let groups = runner.run(&pipeline, None, sink).unwrap();
        runner.run(&Pipeline::new(0, groups, columns.clone()), None, Count).unwrap()
    });
}

fn join(timer: Timer<'_>, name: &str, build: &[Batch], probe: &[Batch], keys: u32, kind: JoinKind) {
    let probe_width = probe[0].columns.len() as u32;
    let build_width = build[0].columns.len() as u32;
    let probe_ids: Vec<ColumnId> = (0..probe_width).map(ColumnId).collect();
    let build_ids: Vec<ColumnId> = (probe_width..probe_width + build_width).map(ColumnId).collect();
    let output: Vec<ColumnId> = if kind.keeps_right() {
        probe_ids.iter().chain(&build_ids).copied().collect()
    } else {
        probe_ids.clone()
    };
    let join = HashJoin {
        kind,
        left: plan(),
        right: plan(),
        build: Side::Right,
        keys: (0..keys)
            .map(|k| (column(k, SqlType::BIGINT), column(probe_width + k, SqlType::BIGINT)))
            .collect(),
        residual: vec![],
        null_aware: vec![],
        mirrored: false,
    };
    let mut columns = Columns::default();
    for _ in 0..probe_width + build_width {
        columns.add_computed("c", ColumnType::not_null(SqlType::BIGINT));
    }
    let columns = Arc::new(columns);
    report(timer, name, rows_of(probe), |workers| {
        let mut runner = Runner::new(Context { columns: Arc::clone(&columns), ..context(workers) });
        let form = Arc::new(BuildForm::new(&join, &build_ids).unwrap());
        let sink = BuildSink::new(form, &runner.context);
        let input = Pipeline::new(0, Arc::new(Batches::new(build.to_vec())), build_ids.clone());
        let built = runner.run(&input, None, sink).unwrap();
        let (operator, _) = hash_join::probe(&join, built, &probe_ids, &output, &runner.context).unwrap();
        let mut pipeline = Pipeline::new(0, Arc::new(Batches::new(probe.to_vec())), probe_ids.clone());
        pipeline.push(1, operator, output.clone());
        runner.run(&pipeline, None, Count).unwrap()
    });
}

/// Has all cases timed, with one worker and with two.
pub fn run(timer: Timer<'_>) {
    crate::speed_lookup::run(timer);
    let money = SqlType::Decimal { precision: 15, scale: 2 };
    let price = |i: u64| (mix(i) % 10_000_000) as i64;
    let q01 = batches(
        ROWS,
        &[
            &codes(&["A", "N", "R"]),
            &codes(&["F", "O"]),
            &decimals(price),
            &decimals(|i| (i % 50) as i64),
            &decimals(|i| (i % 11) as i64),
        ],
    );
    let text = SqlType::char(1);
    let sums: Vec<(F, Option<(u32, SqlType)>)> =
        [(F::Sum, 2), (F::Sum, 3), (F::Avg, 2), (F::Avg, 3), (F::Avg, 4), (F::Max, 2)]
            .iter()
            .map(|(f, c)| (*f, Some((*c, money.clone()))))
            .chain([(F::CountAll, None)])
            .collect();
    group(
        timer,
        "group 6M by two dictionaries, 6 groups, 7 aggregates",
        &q01,
        &[(0, text.clone()), (1, text)],
        &sums,
    );
    group(timer, "6M without groups, 7 aggregates", &q01, &[], &sums);
    drop(q01);

    let sum = [(F::Sum, Some((1, money.clone())))];
    let bigint = || SqlType::BIGINT;
    let keys: [(&str, &dyn Fn(u64) -> i64); 5] = [
        ("group 6M by 1.5M keys, clustered", &|i| (i / 4 * 4) as i64),
        ("group 6M by 1.5M keys, random, dense", &|i| (mix(i) % 1_500_000) as i64),
        ("group 6M by 1.5M keys, random, sparse", &|i| (mix(i) % 1_500_000) as i64 * 1_000_003),
        ("group 6M by 200k keys, random, dense", &|i| (mix(i) % 200_000) as i64),
        ("group 6M by 10k keys, random, sparse", &|i| (mix(i) % 10_000) as i64 * 1_000_003),
    ];
    for (name, key) in keys {
        let input = batches(ROWS, &[&integers(key), &decimals(price)]);
        group(timer, name, &input, &[(0, bigint())], &sum);
    }

    let build = |count: u64, key: &dyn Fn(u64) -> i64| {
        batches(count as usize, &[&integers(key), &integers(|i| i as i64)])
    };
    let probe = |key: &dyn Fn(u64) -> i64| batches(ROWS, &[&integers(key), &integers(|i| i as i64)]);
    let every_fourth = build(1_500_000, &|i| (i * 4) as i64);
    let clustered = probe(&|i| (i / 4 * 4) as i64);
    join(timer, "join 6M x 1.5M, both clustered", &every_fourth, &clustered, 1, JoinKind::Inner);
    let random = probe(&|i| (mix(i) % 1_500_000 * 4) as i64);
    join(timer, "join 6M x 1.5M, random probe", &every_fourth, &random, 1, JoinKind::Inner);
    join(timer, "semi join 6M x 1.5M, random probe", &every_fourth, &random, 1, JoinKind::Semi);
    let few = build(45_000, &|i| (mix(i) % 1_500_000 * 4) as i64);
    join(timer, "join 6M x 45k of a range of 6M, random probe", &few, &random, 1, JoinKind::Inner);
    drop((every_fourth, clustered, random, few));
    let sparse = build(1_500_000, &|i| (i * 1_000_003) as i64);
    let random = probe(&|i| (mix(i) % 1_500_000 * 1_000_003) as i64);
    join(timer, "join 6M x 1.5M, hashed, random probe", &sparse, &random, 1, JoinKind::Inner);
    let pairs = batches(800_000, &[&integers(|i| (i / 4) as i64), &integers(|i| (mix(i) % 10_000) as i64)]);
    let probe = batches(
        ROWS,
        &[&integers(|i| (mix(i) % 200_000) as i64), &integers(|i| (mix(mix(i) % 800_000) % 10_000) as i64)],
    );
    join(timer, "join 6M x 800k on two keys, hashed", &pairs, &probe, 2, JoinKind::Inner);
}
