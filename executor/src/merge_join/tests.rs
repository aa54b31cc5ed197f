//! Every kind of merge join against nested loops, on sorted inputs, in both directions.

use std::cmp::Ordering;
use std::sync::Arc;

use allod_planner::column::{ColumnId, Columns};
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{JoinKind, MergeJoin, Node, Plan};
use allod_storage::schema::{ColumnType, SqlType};

use super::*;
use crate::key::testing::Random;
use crate::pipeline::testing::{batch, context, rows};
use crate::pipeline::{Batches, Collect, Context, Materialized, Pipeline, Runner};

type Row = Vec<Option<i64>>;

/// Columns of a side: two keys and a value.
const WIDTH: usize = 3;
const MARK: ColumnId = ColumnId(2 * WIDTH as u32);

fn column(id: usize) -> Expr {
    Expr::column(ColumnId(id as u32), ColumnType::nullable(SqlType::BIGINT))
}

fn compare(function: Function, a: usize, b: usize) -> Expr {
    Expr::call(function, vec![column(a), column(b)], ColumnType::nullable(SqlType::BOOL))
}

fn side(random: &mut Random, keys: usize, descending: bool) -> Vec<Row> {
    let most = *random.pick(&[1, 10, 300]);
    let count = random.below(most);
    let distinct = *random.pick(&[1, 4, 100]);
    let nulls = *random.pick(&[0, 20]);
    let value = |random: &mut Random| (!random.chance(nulls)).then(|| random.below(distinct) as i64 - 3);
    let mut out: Vec<Row> = (0..count).map(|_| (0..WIDTH).map(|_| value(random)).collect()).collect();
    // NULL is the least.
    out.sort_by(|a, b| match descending {
        false => a[..keys].cmp(&b[..keys]),
        true => b[..keys].cmp(&a[..keys]),
    });
    out
}

fn batches(rows: &[Row], random: &mut Random) -> Vec<Batch> {
    let mut out = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let most = *random.pick(&[1, 7, 400]);
        let (some, others) = rest.split_at((1 + random.below(most) as usize).min(rest.len()));
        let columns: Vec<Vec<Option<i64>>> =
            (0..WIDTH).map(|c| some.iter().map(|row| row[c]).collect()).collect();
        out.push(batch(&columns.iter().map(|c| &c[..]).collect::<Vec<_>>()));
        rest = others;
    }
    out
}

fn run(join: &MergeJoin, left: &[Batch], right: &[Batch], output: &[ColumnId], workers: usize) -> Vec<Row> {
    let mut columns = Columns::default();
    for _ in 0..=2 * WIDTH {
        columns.add_computed("c", ColumnType::nullable(SqlType::BIGINT));
    }
    let context = Context { columns: Arc::new(columns), ..context(workers) };
    let mut runner = Runner::new(context);
    let ids =
        |side: usize| -> Vec<ColumnId> { (0..WIDTH).map(|c| ColumnId((side * WIDTH + c) as u32)).collect() };
    let kept = Materialized::uncharged(right.to_vec());
    let right = RightSide::new(join, kept, &ids(1), &runner.context).unwrap();
    let merge = Merge::new(join, right, &ids(0), output).unwrap();
    let mut pipeline = Pipeline::new(0, Arc::new(Batches::new(left.to_vec())), ids(0));
    pipeline.push(1, Arc::new(merge), output.to_vec());
    let sink = Collect::new(&runner.context.memory);
    rows(&runner.run(&pipeline, None, sink).unwrap().batches)
}

/// By definition: for each left row the right rows in their order.
fn model(join: &MergeJoin, left: &[Row], right: &[Row]) -> Vec<Row> {
    let ordering = |l: &Row, r: &Row, e: &Expr| -> Option<Ordering> {
        let Expr::Call { args, .. } = e else { panic!("{e:?} is no comparison") };
        let value = |e: &Expr| {
            let at = e.columns()[0].0 as usize;
            if at < WIDTH { l[at] } else { r[at - WIDTH] }
        };
        Some(value(&args[0])?.cmp(&value(&args[1])?))
    };
    let keys = join.keys.len();
    let mut out = Vec::new();
    for l in left {
        let mut state = Some(false);
        let mut matches = Vec::new();
        for r in right {
            let equal = (0..keys).all(|k| l[k].is_some() && l[k] == r[k]);
            if !equal || !join.residual.iter().all(|e| ordering(l, r, e) == Some(Ordering::Less)) {
                continue;
            }
            match join.null_aware.first().map(|e| ordering(l, r, e)) {
                None | Some(Some(Ordering::Equal)) => {
                    state = Some(true);
                    matches.push(r);
                }
                Some(None) if state == Some(false) => state = None,
                Some(_) => {}
            }
        }
        let joined = |r: &[Option<i64>]| l.iter().chain(r).copied().collect::<Row>();
        match join.kind {
            JoinKind::Left if matches.is_empty() => out.push(joined(&[None; WIDTH])),
            JoinKind::Inner | JoinKind::Left => out.extend(matches.iter().map(|r| joined(r))),
            JoinKind::Semi if state == Some(true) => out.push(l.clone()),
            JoinKind::Anti if state == Some(false) => out.push(l.clone()),
            JoinKind::Semi | JoinKind::Anti => {}
            JoinKind::Mark(_) => out.push(joined(&[state.map(i64::from)])),
        }
    }
    out
}

#[test]
fn every_kind_agrees_with_nested_loops_in_order() {
    for seed in 0..1500 {
        let random = &mut Random(seed);
        let keys = 1 + random.below(2) as usize;
        let descending = random.chance(40);
        let (left, right) = (side(random, keys, descending), side(random, keys, descending));
        let kinds = [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti, JoinKind::Mark(MARK)];
        let kind = *random.pick(&kinds);
        let last = WIDTH - 1;
        let residual =
            if random.chance(40) { vec![compare(Function::Lt, last, WIDTH + last)] } else { vec![] };
        let null_aware = match kind {
            JoinKind::Anti | JoinKind::Mark(_) if random.chance(50) => {
                vec![compare(Function::Eq, last, WIDTH + last)]
            }
            _ => vec![],
        };
        let input = || {
            let node = Node::Values { rows: vec![] };
            Box::new(Plan { id: 0, rows: 0.0, cost: 0.0, columns: vec![], node })
        };
        let join = MergeJoin {
            kind,
            left: input(),
            right: input(),
            keys: (0..keys).map(|k| (column(k), column(WIDTH + k))).collect(),
            descending,
            residual,
            null_aware,
            mirrored: false,
        };
        let width = if kind.keeps_right() { 2 * WIDTH } else { WIDTH };
        let mut output: Vec<ColumnId> = (0..width as u32).map(ColumnId).collect();
        if matches!(kind, JoinKind::Mark(_)) {
            output.push(MARK);
        }
        let (left_batches, right_batches) = (batches(&left, random), batches(&right, random));
        let got = run(&join, &left_batches, &right_batches, &output, 1 + seed as usize % 3);
        assert_eq!(got, model(&join, &left, &right), "seed {seed}: {kind:?}, {keys} keys, {descending}");
    }
}

#[test]
fn more_matches_than_fit_a_run_of_pairs() {
    let ones: Vec<Row> = (0..20_000).map(|n| vec![Some(1), None, Some(n)]).collect();
    let left: Vec<Row> =
        vec![vec![Some(0), None, None], vec![Some(1), None, Some(5)], vec![Some(2), None, None]];
    let input = || {
        let node = Node::Values { rows: vec![] };
        Box::new(Plan { id: 0, rows: 0.0, cost: 0.0, columns: vec![], node })
    };
    for residual in [vec![], vec![compare(Function::Lt, 2, WIDTH + 2)]] {
        let join = MergeJoin {
            kind: JoinKind::Left,
            left: input(),
            right: input(),
            keys: vec![(column(0), column(WIDTH))],
            descending: false,
            residual,
            null_aware: vec![],
            mirrored: false,
        };
        let output: Vec<ColumnId> = (0..2 * WIDTH as u32).map(ColumnId).collect();
        let random = &mut Random(1);
        let got = run(&join, &batches(&left, random), &batches(&ones, random), &output, 2);
        assert!(got == model(&join, &left, &ones), "{} rows", got.len());
    }
}
