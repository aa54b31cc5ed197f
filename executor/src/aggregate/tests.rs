//! Aggregation against a model that takes one row at a time.

use std::collections::{BTreeMap, BTreeSet};

use allod_planner::expr::{AggregateCall, AggregateFunction as F, ConcatForm, Expr};
use allod_planner::physical::{Node, Plan};
use allod_storage::schema::{ColumnType, SqlType};

use super::*;
use crate::error::Error;
use crate::key::testing::{Cell, Random, Shape, rows};
use crate::pipeline::testing::context;
use crate::pipeline::{Collect, Memory, Pipeline, Runner};

fn aggregation(groups: &[(u32, ColumnType)], calls: Vec<AggregateCall>) -> Aggregation {
    let input = Plan { id: 0, rows: 0.0, cost: 0.0, columns: vec![], node: Node::Values { rows: vec![] } };
    let column = |(id, ty): &(u32, ColumnType)| (ColumnId(*id), Expr::column(ColumnId(*id), ty.clone()));
    let calls = calls.into_iter().enumerate().map(|(i, call)| (ColumnId(100 + i as u32), call)).collect();
    Aggregation { input: Box::new(input), group_by: groups.iter().map(column).collect(), aggregates: calls }
}

fn call(function: F, args: &[(u32, &ColumnType)], distinct: bool) -> AggregateCall {
    let ty = args.first().map(|(_, ty)| ty.sql.clone());
    let sql = match (function, ty) {
        (F::CountAll | F::Count, _) | (_, None) => SqlType::BIGINT,
        (F::Sum | F::Avg, Some(SqlType::Double)) => SqlType::Double,
        (F::Sum, Some(SqlType::Decimal { scale, .. })) => SqlType::Decimal { precision: 38, scale },
        (F::Sum, _) => SqlType::Decimal { precision: 38, scale: 0 },
        (F::Avg, Some(SqlType::Decimal { scale, .. })) => {
            SqlType::Decimal { precision: 38, scale: scale + 4 }
        }
        (F::Avg, _) => SqlType::Decimal { precision: 38, scale: 4 },
        (F::VarPop | F::StdDevSamp, _) => SqlType::Double,
        (F::BitAnd | F::BitOr | F::BitXor, _) => SqlType::BIGINT_UNSIGNED,
        (_, Some(ty)) => ty,
    };
    let args = args.iter().map(|(id, ty)| Expr::column(ColumnId(*id), (*ty).clone())).collect();
    AggregateCall { function, args, distinct, ty: ColumnType::nullable(sql) }
}

fn run(
    aggregation: &Aggregation,
    batches: Vec<Batch>,
    workers: usize,
    ordered: bool,
) -> Result<Vec<Vec<Cell>>> {
    let columns = columns_of(&batches);
    let form = AggregateForm::new(aggregation, &columns, ordered)?;
    run_form(form, batches, workers).map(|(rows, _)| rows)
}

fn columns_of(batches: &[Batch]) -> Vec<ColumnId> {
    (0..batches.first().map_or(16, |b| b.columns.len() as u32)).map(ColumnId).collect()
}

/// The groups, and how many of them were done early; those come first.
fn run_form(form: AggregateForm, batches: Vec<Batch>, workers: usize) -> Result<(Vec<Vec<Cell>>, u64)> {
    let columns = columns_of(&batches);
    let mut runner = Runner::new(context(workers));
    let sink = AggregateSink::new(Arc::new(form), &runner.context);
    let input = Pipeline::new(0, Arc::new(Batches::new(batches)), columns.clone());
    let source = runner.run(&input, 1, sink)?;
    let early = source.early();
    let (mut all, early) = (rows(&early.batches), early.groups);
    assert_eq!(all.len() as u64, early);
    let output = Pipeline::new(1, source, columns);
    let collect = Collect::new(&runner.context.memory);
    all.extend(rows(&runner.run(&output, 2, collect)?.batches));
    Ok((all, early))
}

/// One aggregate of the rows of a group, by its definition.
fn model(call: &AggregateCall, args: &[Vec<Cell>]) -> Cell {
    let mut present: Vec<&Vec<Cell>> = args.iter().filter(|a| !a.contains(&Cell::Null)).collect();
    if call.distinct {
        present = present.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    }
    let numbers = || present.iter().filter_map(|a| a[0].number());
    let floats = || {
        present.iter().map(|a| match &a[0] {
            Cell::Float(bits) => f64::from_bits(*bits),
            Cell::Number(n) => *n as f64,
            other => panic!("{other:?} is no number"),
        })
    };
    let float = call.ty.sql == SqlType::Double;
    let n = present.len();
    let order = |a: &Cell, b: &Cell| match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => f64::from_bits(*a).total_cmp(&f64::from_bits(*b)),
        _ => a.cmp(b),
    };
    match call.function {
        F::CountAll => Cell::Number(args.len() as i128),
        F::Count => Cell::Number(n as i128),
        F::BitAnd => Cell::Number(numbers().fold(u64::MAX, |a, b| a & b as u64).into()),
        F::BitOr => Cell::Number(numbers().fold(0, |a, b| a | b as u64).into()),
        F::BitXor => Cell::Number(numbers().fold(0, |a, b| a ^ b as u64).into()),
        _ if n == 0 => Cell::Null,
        F::Sum if float => Cell::Float(floats().sum::<f64>().to_bits()),
        F::Sum => Cell::Number(numbers().sum()),
        F::Avg if float => Cell::Float((floats().sum::<f64>() / n as f64).to_bits()),
        F::Avg => {
            let (sum, n) = (numbers().sum::<i128>() * 10_000, n as i128);
            Cell::Number((2 * sum.abs() + n) / (2 * n) * sum.signum())
        }
        F::Min => present.iter().map(|a| a[0].clone()).min_by(order).expect("there are rows"),
        F::Max => present.iter().map(|a| a[0].clone()).max_by(order).expect("there are rows"),
        F::VarPop => {
            let mean = floats().sum::<f64>() / n as f64;
            Cell::Float((floats().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64).to_bits())
        }
        other => panic!("{other:?} is not modelled"),
    }
}

fn close(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => {
            let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
            (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
        }
        _ => a == b,
    }
}

#[test]
fn every_layout_of_keys_agrees_with_the_model() {
    for seed in 0..50u64 {
        let random = &mut Random(seed);
        let width = random.below(4) as usize;
        let mut shapes: Vec<Shape> = (0..width).map(|_| Shape::random(random)).collect();
        let arguments: [(SqlType, u64); 6] = [
            (SqlType::BIGINT, 100),
            (SqlType::Decimal { precision: 12, scale: 2 }, 1000),
            (SqlType::Decimal { precision: 30, scale: 2 }, 50),
            (SqlType::Double, 300),
            (SqlType::varchar(20), 30),
            (SqlType::BIGINT_UNSIGNED, 30),
        ];
        for (sql, distinct) in arguments {
            let nullable = random.chance(50);
            shapes.push(Shape::new(ColumnType { sql, nullable }, distinct, random));
        }
        let sorted = random.chance(30);
        let batches: Vec<Batch> = (0..random.below(12))
            .map(|task| {
                let count = 1 + random.below(900) as usize;
                let nulls = *random.pick(&[0, 10, 100]);
                let columns = shapes.iter().enumerate().map(|(i, shape)| {
                    let mut numbers = shape.numbers(count, nulls, random);
                    if sorted && i == 0 && width > 0 && shape.distinct >= 1000 {
                        numbers = (0..count as u64).map(|n| Some(task * 50 + n / 20)).collect();
                    }
                    shape.column(&numbers, random)
                });
                Batch { columns: columns.collect(), rows: count }
            })
            .collect();
        let groups: Vec<(u32, ColumnType)> =
            shapes[..width].iter().enumerate().map(|(i, s)| (i as u32, s.ty.clone())).collect();
        let arg = |i: usize| ((width + i) as u32, &shapes[width + i].ty);
        let mut calls = vec![call(F::CountAll, &[], false), call(F::Count, &[arg(0), arg(4)], true)];
        for i in 0..4 {
            calls.push(call(F::Sum, &[arg(i)], false));
            calls.push(call(F::Avg, &[arg(i)], random.chance(20)));
            calls.push(call(F::Count, &[arg(i)], random.chance(20)));
        }
        for i in 0..6 {
            calls.push(call(F::Min, &[arg(i)], false));
            calls.push(call(F::Max, &[arg(i)], random.chance(50)));
            calls.push(call(F::Count, &[arg(i)], true));
        }
        for function in [F::BitAnd, F::BitOr, F::BitXor] {
            calls.push(call(function, &[arg(5)], random.chance(50)));
        }
        calls.push(call(F::Sum, &[arg(0)], true));
        calls.push(call(F::VarPop, &[arg(3)], false));
        let aggregation = aggregation(&groups, calls);

        let mut expected: BTreeMap<Vec<Cell>, Vec<Vec<Cell>>> = BTreeMap::new();
        let mut order = Vec::new();
        if width == 0 {
            expected.insert(vec![], vec![]);
        }
        for row in rows(&batches) {
            let key = row[..width].to_vec();
            if !expected.contains_key(&key) {
                order.push(key.clone());
            }
            expected.entry(key).or_default().push(row);
        }
        let ordered = random.chance(40);
        let workers = 1 + random.below(3) as usize;
        let got = run(&aggregation, batches, workers, ordered).unwrap();
        assert_eq!(got.len(), expected.len(), "seed {seed}");
        if ordered && width > 0 {
            assert!(got.iter().zip(&order).all(|(row, key)| row[..width] == key[..]), "seed {seed}: order");
        }
        for row in got {
            let members = expected.remove(&row[..width]).unwrap_or_else(|| panic!("seed {seed}: {row:?}"));
            for ((_, call), cell) in aggregation.aggregates.iter().zip(&row[width..]) {
                let at = |e: &Expr| e.columns()[0].0 as usize;
                let args: Vec<Vec<Cell>> =
                    members.iter().map(|m| call.args.iter().map(|e| m[at(e)].clone()).collect()).collect();
                let wanted = model(call, &args);
                assert!(close(cell, &wanted), "seed {seed}: {call:?} gave {cell:?}, not {wanted:?}");
            }
        }
    }
}

#[test]
fn many_groups_are_merged_by_partition() {
    let ty = ColumnType::not_null(SqlType::BIGINT);
    for (seed, stride) in [(1u64, 1u64), (2, 7_919), (3, 1 << 40)] {
        let random = &mut Random(seed);
        let mut expected: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        let batches: Vec<Batch> = (0..12)
            .map(|_| {
                let keys: Vec<i64> = (0..4096).map(|_| (random.below(30_000) * stride) as i64).collect();
                for &key in &keys {
                    let group = expected.entry(key).or_default();
                    *group = (group.0 + key, group.1 + 1);
                }
                let keys: ArrayRef = Arc::new(Int64Array::from(keys));
                Batch { columns: vec![Arc::clone(&keys), keys], rows: 4096 }
            })
            .collect();
        let calls = vec![
            call(F::Sum, &[(1, &ty)], false),
            call(F::CountAll, &[], false),
            call(F::AnyValue, &[(1, &ty)], false),
            call(F::Count, &[(1, &ty)], true),
        ];
        let mut got = run(&aggregation(&[(0, ty.clone())], calls), batches, 3, false).unwrap();
        got.sort();
        let n = |v: i64| Cell::Number(v.into());
        let expected: Vec<Vec<Cell>> = expected
            .into_iter()
            .map(|(key, (sum, count))| vec![n(key), n(sum), n(count), n(key), n(1)])
            .collect();
        assert_eq!(got, expected);
    }
}

#[test]
fn no_rows_are_one_group_without_group_columns_and_none_with() {
    let ty = ColumnType::not_null(SqlType::BIGINT);
    let calls = || {
        vec![
            call(F::CountAll, &[], false),
            call(F::Sum, &[(0, &ty)], false),
            call(F::Min, &[(0, &ty)], false),
        ]
    };
    let got = run(&aggregation(&[], calls()), vec![], 2, false).unwrap();
    assert_eq!(got, vec![vec![Cell::Number(0), Cell::Null, Cell::Null]]);
    assert!(run(&aggregation(&[(0, ty.clone())], calls()), vec![], 2, false).unwrap().is_empty());
}

/// GROUP_CONCAT of column 0, ordered by these columns.
fn concat(distinct: bool, max_bytes: u64, keys: &[(u32, bool)]) -> AggregateCall {
    let ty = ColumnType::nullable(SqlType::varchar(10));
    let descending = keys.iter().enumerate().fold(0, |bits, (at, (_, desc))| bits | u64::from(*desc) << at);
    let function = F::GroupConcat(ConcatForm { max_bytes, descending });
    let mut concat = call(function, &[(0, &ty)], distinct);
    concat.args.push(Expr::constant(allod_storage::schema::Datum::string("; "), SqlType::varchar(2)));
    concat.args.extend(keys.iter().map(|(id, _)| match id {
        0 => Expr::column(ColumnId(0), ty.clone()),
        id => Expr::column(ColumnId(*id), ColumnType::nullable(SqlType::BIGINT)),
    }));
    concat
}

fn concat_batch(rows: &[(Option<&str>, Option<i64>)]) -> Batch {
    let texts: ArrayRef = Arc::new(rows.iter().map(|r| r.0).collect::<arrow::array::StringViewArray>());
    let keys: ArrayRef = Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>());
    Batch { columns: vec![texts, keys], rows: rows.len() }
}

fn concat_result(call: AggregateCall, batches: Vec<Batch>, workers: usize) -> Option<String> {
    let got = run(&aggregation(&[], vec![call]), batches, workers, false).unwrap();
    match &got[0][0] {
        Cell::Text(text) => Some(text.clone()),
        Cell::Null => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn texts_are_joined_with_the_separator() {
    let batch = || concat_batch(&[(Some("a"), None), (None, None), (Some("b"), None), (Some("a"), None)]);
    let joined = |distinct, max| concat_result(concat(distinct, max, &[]), vec![batch()], 1);
    assert_eq!(joined(true, 100).as_deref(), Some("a; b"));
    assert_eq!(joined(false, 100).as_deref(), Some("a; b; a"));
    assert_eq!(joined(false, 4).as_deref(), Some("a; b"));
    assert_eq!(concat_result(concat(false, 9, &[]), vec![concat_batch(&[(None, None)])], 1), None);
    // Cut between two characters.
    let umlauts = concat_batch(&[(Some("äö"), None), (Some("ü"), None)]);
    assert_eq!(concat_result(concat(false, 3, &[]), vec![umlauts], 1).as_deref(), Some("ä"));
}

/// Whichever worker met them: values come in the order of their keys, NULL first, and of equal values the first.
#[test]
fn texts_are_joined_in_order() {
    let rows = [
        (Some("c"), Some(1)),
        (Some("a"), Some(2)),
        (None, Some(0)),
        (Some("b"), None),
        (Some("a"), Some(1)),
    ];
    for (distinct, keys, wanted) in [
        (false, &[(1, false), (0, false)][..], "b; a; c; a"),
        (false, &[(1, true), (0, false)], "a; a; c; b"),
        (false, &[(0, true), (1, false)], "c; b; a; a"),
        (true, &[(1, false), (0, false)], "b; a; c"),
        (true, &[(1, true), (0, true)], "a; c; b"),
    ] {
        for workers in [1, 3] {
            let batches = rows.iter().map(|row| concat_batch(&[*row])).collect();
            let got = concat_result(concat(distinct, 100, keys), batches, workers);
            assert_eq!(got.as_deref(), Some(wanted), "{distinct} {keys:?} {workers}");
        }
    }
}

#[test]
fn distinct_tuples_are_counted_nearly() {
    let (text, int) = (ColumnType::nullable(SqlType::varchar(10)), ColumnType::nullable(SqlType::BIGINT));
    let count = |args: &[(u32, &ColumnType)]| call(F::ApproxCountDistinct, args, false);
    let rows = [
        (Some("a"), Some(1)),
        (Some("a"), Some(2)),
        (None, Some(2)),
        (Some("b"), None),
        (Some("a"), Some(1)),
    ];
    let calls = vec![count(&[(0, &text)]), count(&[(1, &int)]), count(&[(0, &text), (1, &int)])];
    for workers in [1, 3] {
        let batches = rows.iter().map(|row| concat_batch(&[*row])).collect();
        let got = run(&aggregation(&[], calls.clone()), batches, workers, false).unwrap();
        assert_eq!(got, vec![vec![Cell::Number(2), Cell::Number(2), Cell::Number(2)]], "{workers}");
    }
}

#[test]
fn groups_are_charged_to_the_statement() {
    let keys: ArrayRef = Arc::new((0..8192).map(|i| i * 1_000_003).collect::<Int64Array>());
    let ty = ColumnType::not_null(SqlType::BIGINT);
    let aggregation = aggregation(&[(0, ty)], vec![call(F::CountAll, &[], false)]);
    let context = Context { memory: Memory::new(10_000), ..context(1) };
    let form = AggregateForm::new(&aggregation, &[ColumnId(0)], false).unwrap();
    let sink = AggregateSink::new(Arc::new(form), &context);
    let mut local = sink.local();
    let batch = Batch { columns: vec![keys], rows: 8192 };
    let full = sink.consume(&mut local, &mut Worker::alone(), batch);
    assert!(matches!(full, Err(Error::Memory { limit: 10_000 })));
}

/// Groups that are done are let go unless they are shown; the first and the last one of each task are kept, and charged.
#[test]
fn groups_at_the_edges_of_tasks_are_charged_to_the_statement() {
    let ty = ColumnType::not_null(SqlType::BIGINT);
    let aggregation = aggregation(&[(0, ty.clone())], vec![call(F::CountAll, &[], false)]);
    let columns = [ColumnId(0)];
    let form = AggregateForm::new(&aggregation, &columns, false).unwrap().side_by_side();
    let form = Arc::new(form);
    assert!(form.settles());
    // `tasks` tasks of `groups` groups each, of which HAVING lets none pass.
    let run = |tasks: u64, groups: i64, limit: u64| {
        let context = Context { memory: Memory::new(limit), ..context(1) };
        let count = Expr::column(ColumnId(1), ty.clone());
        let none = Expr::call(
            allod_planner::expr::Function::Lt,
            vec![count, Expr::constant(allod_storage::schema::Datum::Int(0), SqlType::BIGINT)],
            ColumnType::not_null(SqlType::BOOL),
        );
        let output = [ColumnId(0), ColumnId(1)];
        let having = Filter::new(&[none], &output, &output).unwrap();
        let sink = AggregateSink::new(Arc::clone(&form), &context).having(Arc::new(having));
        let (mut local, mut worker) = (sink.local(), Worker::alone());
        for task in 0..tasks {
            worker.task = task;
            for first in (0..groups).step_by(16) {
                let first = task as i64 * groups + first;
                let keys: ArrayRef = Arc::new((first..first + groups.min(16)).collect::<Int64Array>());
                let rows = keys.len();
                sink.consume(&mut local, &mut worker, Batch { columns: vec![keys], rows })?;
            }
        }
        let peak = context.memory.peak();
        let grouped = sink.finish(vec![local])?;
        Ok::<_, Error>((peak, grouped.early().groups))
    };
    // All but two groups of a task are gone when it is.
    let (one, early) = run(1, 16, u64::MAX).unwrap();
    assert_eq!(early, 14);
    let (many, early) = run(1, 16_000, u64::MAX).unwrap();
    assert_eq!(early, 15_998);
    assert!(many < one * 4, "{one}, {many}");
    // Two of each task are not.
    let (few_tasks, _) = run(10, 16, u64::MAX).unwrap();
    let (many_tasks, early) = run(1000, 16, u64::MAX).unwrap();
    assert_eq!(early, 14_000);
    assert!(many_tasks > few_tasks + 990 * 2 * 256, "{few_tasks}, {many_tasks}");
    assert!(matches!(run(1000, 16, few_tasks * 4), Err(Error::Memory { .. })));
}

/// Keys that come in order, cut into tasks anywhere: each group comes once, with all its rows, whoever met them.
#[test]
fn groups_that_are_done_early_are_those_of_the_model() {
    let key = ColumnType::nullable(SqlType::BIGINT);
    let value = ColumnType::nullable(SqlType::Decimal { precision: 12, scale: 2 });
    let calls = vec![
        call(F::CountAll, &[], false),
        call(F::Sum, &[(2, &value)], false),
        call(F::Avg, &[(2, &value)], false),
        call(F::Min, &[(2, &value)], false),
    ];
    let mut early_of_all = 0;
    for seed in 0..60u64 {
        let random = &mut Random(seed);
        // Groups of one key or of two, in this order or in the other one, in which packed keys do not ascend.
        let groups = *random.pick(&[&[0u32][..], &[0, 1], &[1, 0]]);
        let groups: Vec<(u32, ColumnType)> = groups.iter().map(|&id| (id, key.clone())).collect();
        let aggregation = aggregation(&groups, calls.clone());
        let run_length = *random.pick(&[1, 3, 40]);
        let (mut first, mut second) = (-20i64, 0i64);
        let batches: Vec<Batch> = (0..1 + random.below(20))
            .map(|_| {
                let most = *random.pick(&[2, 300]);
                let count = 1 + random.below(most) as usize;
                let mut keys: Vec<(Option<i64>, i64)> = Vec::with_capacity(count);
                for _ in 0..count {
                    if random.below(run_length) == 0 {
                        match random.below(3) {
                            0 => (first, second) = (first + 1 + random.below(9) as i64, 0),
                            _ => second += 1,
                        }
                    }
                    // NULL is the least key.
                    keys.push(((first > -20).then_some(first), second));
                }
                let amount = Shape::new(value.clone(), 1000, random);
                let amounts = amount.numbers(count, 10, random);
                let columns: Vec<ArrayRef> = vec![
                    Arc::new(keys.iter().map(|key| key.0).collect::<Int64Array>()),
                    Arc::new(keys.iter().map(|key| Some(key.1)).collect::<Int64Array>()),
                    amount.column(&amounts, random),
                ];
                Batch { columns, rows: count }
            })
            .collect();
        let mut expected: BTreeMap<Vec<Cell>, Vec<Vec<Cell>>> = BTreeMap::new();
        for row in rows(&batches) {
            let key = groups.iter().map(|(id, _)| row[*id as usize].clone()).collect();
            expected.entry(key).or_default().push(vec![row[2].clone()]);
        }
        let form = AggregateForm::new(&aggregation, &columns_of(&batches), false).unwrap().side_by_side();
        assert!(form.settles());
        let (got, early) = run_form(form, batches, 1 + random.below(3) as usize).unwrap();
        early_of_all += early;
        assert_eq!(got.len(), expected.len(), "seed {seed}");
        for row in got {
            let (key, cells) = row.split_at(groups.len());
            let members = expected.remove(key).unwrap_or_else(|| panic!("seed {seed}: {row:?}"));
            for ((_, call), cell) in aggregation.aggregates.iter().zip(cells) {
                let args: Vec<Vec<Cell>> = match call.args.is_empty() {
                    true => members.iter().map(|_| Vec::new()).collect(),
                    false => members.clone(),
                };
                assert!(close(&model(call, &args), cell), "seed {seed}: {:?} of {key:?}", call.function);
            }
        }
    }
    assert!(early_of_all > 1000, "{early_of_all} groups were done early");
}
