//! Every kind of join, building either side, against a model that compares every pair of rows.

use std::sync::Arc;

use allod_planner::column::{ColumnId, Columns};
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{HashJoin, JoinKind, Node, Plan, Side};
use allod_storage::schema::{ColumnType, SqlType};

use super::*;
use crate::batch::Batch;
use crate::error::Result;
use crate::key::testing::{Cell, Random, Shape, rows};
use crate::pipeline::testing::context;
use crate::pipeline::{Batches, Collect, Context, Pipeline, Runner};

/// Two inputs and what joins them. Columns are numbered left first; the mark comes last.
struct Case {
    left: Vec<Batch>,
    right: Vec<Batch>,
    shapes: [Vec<Shape>; 2],
    join: HashJoin,
    output: Vec<ColumnId>,
}

impl Case {
    fn id(&self, side: usize, column: usize) -> ColumnId {
        ColumnId((side * self.shapes[0].len() + column) as u32)
    }

    fn ids(&self, side: usize) -> Vec<ColumnId> {
        (0..self.shapes[side].len()).map(|c| self.id(side, c)).collect()
    }

    fn context(&self, workers: usize) -> Context {
        let mut columns = Columns::default();
        for shape in self.shapes.iter().flatten() {
            columns.add_computed("c", shape.ty.clone());
        }
        columns.add_computed("mark", ColumnType::nullable(SqlType::BOOL));
        Context { columns: Arc::new(columns), ..context(workers) }
    }

    fn run(&self, workers: usize) -> Result<Vec<Vec<Cell>>> {
        let mut runner = Runner::new(self.context(workers));
        let (build, probe, build_ids, probe_ids) = match self.join.build {
            Side::Left => (&self.left, &self.right, self.ids(0), self.ids(1)),
            Side::Right => (&self.right, &self.left, self.ids(1), self.ids(0)),
        };
        let form = Arc::new(BuildForm::new(&self.join, &build_ids)?);
        let sink = BuildSink::new(form, &runner.context);
        let input = Pipeline::new(0, Arc::new(Batches::new(build.clone())), build_ids);
        let built = runner.run(&input, None, sink)?;
        let mut probe = probe.clone();
        for (id, filter) in built.filters() {
            let at = probe_ids.iter().position(|have| *have == id).unwrap();
            for batch in &mut probe {
                let rows = filter.retain(&batch.columns[at], None);
                let some: Vec<u32> = rows.iter().copied().filter(|row| row % 3 == 0).collect();
                let every_third = (0..batch.rows as u32).step_by(3).collect();
                assert_eq!(filter.retain(&batch.columns[at], Some(every_third)), some);
                *batch = batch.take(&rows);
            }
        }
        probe.retain(|batch| batch.rows > 0);
        let (operator, remainder) =
            super::probe(&self.join, built, &probe_ids, &self.output, &runner.context)?;
        let mut pipeline = Pipeline::new(0, Arc::new(Batches::new(probe)), probe_ids);
        pipeline.push(1, operator, self.output.clone());
        if let Some(source) = remainder {
            pipeline.then(1, source);
        }
        let collect = Collect::new(&runner.context.memory);
        let mut out = rows(&runner.run(&pipeline, None, collect)?.batches);
        out.sort();
        Ok(out)
    }

    /// The rows that come out, by definition.
    fn model(&self) -> Vec<Vec<Cell>> {
        let (left, right) = (rows(&self.left), rows(&self.right));
        let value = |l: &[Cell], r: &[Cell], e: &Expr| {
            let at = e.columns()[0].0 as usize;
            if at < l.len() { l[at].clone() } else { r[at - l.len()].clone() }
        };
        let compare = |l: &[Cell], r: &[Cell], function: &Function, a: &Expr, b: &Expr| {
            let (a, b) = (value(l, r, a), value(l, r, b));
            (a != Cell::Null && b != Cell::Null).then_some(match function {
                Function::Eq => a == b,
                _ => a < b,
            })
        };
        let holds = |l: &[Cell], r: &[Cell], e: &Expr| match e {
            Expr::Call { function, args, .. } => compare(l, r, function, &args[0], &args[1]),
            other => panic!("{other:?} is no comparison"),
        };
        let width = self.shapes[1].len();
        let mut out = Vec::new();
        for l in &left {
            let mut state = Some(false);
            let mut matches = Vec::new();
            for r in &right {
                let equal =
                    self.join.keys.iter().all(|(a, b)| compare(l, r, &Function::Eq, a, b) == Some(true));
                if !equal || !self.join.residual.iter().all(|e| holds(l, r, e) == Some(true)) {
                    continue;
                }
                let perhaps: Vec<_> = self.join.null_aware.iter().map(|e| holds(l, r, e)).collect();
                if perhaps.contains(&Some(false)) {
                    continue;
                }
                if perhaps.contains(&None) {
                    state = state.filter(|&known| known);
                } else {
                    state = Some(true);
                    matches.push(r.clone());
                }
                if matches.len() > 1 && !self.join.kind.keeps_right() {
                    break;
                }
            }
            if !matches.is_empty() {
                state = Some(true);
            }
            let nulls = vec![Cell::Null; width];
            let mark = match state {
                None => Cell::Null,
                Some(known) => Cell::Number(known.into()),
            };
            let mut emit = |r: &[Cell], mark: &Cell| {
                let row: Vec<Cell> = l.iter().chain(r).chain([mark]).cloned().collect();
                out.push(self.output.iter().map(|id| row[id.0 as usize].clone()).collect());
            };
            match self.join.kind {
                JoinKind::Inner => matches.iter().for_each(|r| emit(r, &Cell::Null)),
                JoinKind::Left if matches.is_empty() => emit(&nulls, &Cell::Null),
                JoinKind::Left => matches.iter().for_each(|r| emit(r, &Cell::Null)),
                JoinKind::Semi if state == Some(true) => emit(&nulls, &Cell::Null),
                JoinKind::Anti if state == Some(false) => emit(&nulls, &Cell::Null),
                JoinKind::Semi | JoinKind::Anti => {}
                JoinKind::Mark(_) => emit(&nulls, &mark),
            }
        }
        out.sort();
        out
    }
}

/// Keys, then an integer and a column for null-aware conditions on either side.
fn case(seed: u64) -> Case {
    let random = &mut Random(seed);
    let width = *random.pick(&[0, 0, 1, 1, 1, 2, 2, 3]);
    let mut shapes: Vec<Shape> = (0..width).map(|_| Shape::random(random)).collect();
    shapes.push(Shape::new(ColumnType::nullable(SqlType::BIGINT), 20, random));
    let mut null_aware = Shape::random(random);
    null_aware.ty.nullable = random.chance(60);
    shapes.push(null_aware);
    let unique = random.chance(30);
    let sides: Vec<Vec<Shape>> = (0..2)
        .map(|_| {
            let mut own = shapes.clone();
            own.iter_mut().for_each(|shape| shape.ty.nullable &= random.chance(70));
            own
        })
        .collect();
    let mut next = 0;
    let mut batches = |side: usize, random: &mut Random| -> Vec<Batch> {
        let nulls = *random.pick(&[1, 10, 100]);
        (0..random.below(5))
            .map(|_| {
                let most = *random.pick(&[2, 40, 120]);
                let count = 1 + random.below(most) as usize;
                let column = |(i, shape): (usize, &Shape)| {
                    let mut numbers = shape.numbers(count, nulls, random);
                    if unique && side == 1 && i == 0 && width == 1 && shape.distinct >= 1000 {
                        numbers = (next..next + count as u64).map(|n| Some(n % shape.distinct)).collect();
                    }
                    shape.column(&numbers, random)
                };
                let columns = sides[side].iter().enumerate().map(column).collect();
                next += count as u64;
                Batch { columns, rows: count }
            })
            .collect()
    };
    let (left, right) = (batches(0, random), batches(1, random));
    let total = width + 2;
    let column = |side: usize, at: usize| {
        Expr::column(ColumnId((side * total + at) as u32), sides[side][at].ty.clone())
    };
    let compare = |function: Function, at: usize| {
        Expr::call(function, vec![column(0, at), column(1, at)], ColumnType::nullable(SqlType::BOOL))
    };
    let mark = ColumnId(2 * total as u32);
    let kinds = [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti, JoinKind::Mark(mark)];
    let kind = *random.pick(&kinds);
    let residual = if random.chance(30) { vec![compare(Function::Lt, width)] } else { vec![] };
    let null_aware = match kind {
        JoinKind::Anti | JoinKind::Mark(_) if random.chance(60) => match random.below(4) {
            0 => vec![compare(Function::Eq, width + 1), compare(Function::Eq, width)],
            1 => vec![compare(Function::Lt, width)],
            _ => vec![compare(Function::Eq, width + 1)],
        },
        _ => vec![],
    };
    let mut output: Vec<ColumnId> = (0..if kind.keeps_right() { 2 * total } else { total })
        .filter(|_| random.chance(70))
        .map(|id| ColumnId(id as u32))
        .collect();
    if matches!(kind, JoinKind::Mark(_)) {
        output.push(mark);
    }
    let input = || {
        Box::new(Plan { id: 0, rows: 0.0, cost: 0.0, columns: vec![], node: Node::Values { rows: vec![] } })
    };
    let join = HashJoin {
        kind,
        left: input(),
        right: input(),
        build: *random.pick(&[Side::Left, Side::Right]),
        keys: (0..width).map(|at| (column(0, at), column(1, at))).collect(),
        residual,
        null_aware,
        mirrored: false,
    };
    let [a, b] = [sides[0].clone(), sides[1].clone()];
    Case { left, right, shapes: [a, b], join, output }
}

#[test]
fn every_join_agrees_with_the_model() {
    for seed in 0..600 {
        let case = case(seed);
        let workers = 1 + seed as usize % 3;
        let got = case.run(workers).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let expected = case.model();
        assert!(
            got == expected,
            "seed {seed}: {:?} building {:?}, {} keys: {} rows, not {}",
            case.join.kind,
            case.join.build,
            case.join.keys.len(),
            got.len(),
            expected.len(),
        );
    }
}

#[test]
fn a_large_build_side_is_indexed_in_parts() {
    let ty = ColumnType::not_null(SqlType::BIGINT);
    for (stride, twice) in [(1i64, false), (1, true), (50, false), (1 << 40, false), (1 << 40, true)] {
        let count = 200_000i64;
        let key = |n: i64| (n * 7_919 % count) * stride;
        let batch = |range: std::ops::Range<i64>| {
            let keys: arrow::array::ArrayRef =
                Arc::new(range.clone().map(key).collect::<arrow::array::Int64Array>());
            Batch { columns: vec![keys], rows: (range.end - range.start) as usize }
        };
        let mut right: Vec<Batch> = (0..count).step_by(8000).map(|at| batch(at..at + 8000)).collect();
        if twice {
            right.extend(right.clone());
        }
        let input = || {
            Box::new(Plan {
                id: 0,
                rows: 0.0,
                cost: 0.0,
                columns: vec![],
                node: Node::Values { rows: vec![] },
            })
        };
        let column = |id| Expr::column(ColumnId(id), ty.clone());
        let shape = || vec![Shape::new(ty.clone(), 1, &mut Random(0))];
        let case = Case {
            left: vec![batch(0..1000)],
            right,
            shapes: [shape(), shape()],
            join: HashJoin {
                kind: JoinKind::Inner,
                left: input(),
                right: input(),
                build: Side::Right,
                keys: vec![(column(0), column(1))],
                residual: vec![],
                null_aware: vec![],
                mirrored: false,
            },
            output: vec![ColumnId(0), ColumnId(1)],
        };
        let mut expected: Vec<Vec<Cell>> = (0..1000)
            .flat_map(|n| {
                let key = Cell::Number(key(n).into());
                std::iter::repeat_n(vec![key.clone(), key], if twice { 2 } else { 1 })
            })
            .collect();
        expected.sort();
        assert_eq!(case.run(3).unwrap(), expected);
    }
}
