//! Nested loops: every left row against a range of the rows of a table that is held in memory.
//!
//! Pairs of row positions are made a block at a time, in left order; only the columns that the conditions use are gathered
//! to decide them, and the rest only for the pairs that match.

use std::ops::Range;
use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::JoinKind;
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{Int64Type, UInt32Type};

use crate::batch::{Batch, NO_ROW, Selection, position, take, take_or_null};
use crate::error::Result;
use crate::kernel::{Predicate, Program};
use crate::pipeline::{Flow, Operator, Output, Reservation, Stage, Worker};

/// Pairs that are decided at a time.
const PAIRS_MAX: usize = 8192;

/// The right side, complete.
pub(crate) struct Inner {
    /// All rows of all sets.
    pub columns: Vec<ArrayRef>,
    /// The rows of each set.
    pub ranges: Vec<Range<u32>>,
    /// Keeps the account charged.
    pub _reservation: Reservation,
}

/// The join as an operator over left batches. If there is more than one range, the batches' last column is the number of
/// the range that a row joins with; it does not come out.
pub(crate) struct NestedLoop(Arc<Shared>);

struct Shared {
    kind: JoinKind,
    inner: Inner,
    numbered: bool,
    left_width: usize,
    condition: Condition,
}

/// What decides a pair.
struct Condition {
    /// `None` = every pair matches.
    on: Option<Predicate>,
    /// Evaluated for the pairs that match.
    null_aware: Option<Program>,
    /// Positions of the left columns they use, then of the right ones.
    left: Vec<usize>,
    right: Vec<usize>,
}

/// What is known of a left row of a semi, anti or mark join.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    False,
    Null,
    True,
}

impl NestedLoop {
    /// Compiles the conditions over both inputs. `left` are the columns of the left batches without the range number.
    pub fn new(
        kind: JoinKind,
        on: &[Expr],
        null_aware: &[Expr],
        left: &[ColumnId],
        right: &[ColumnId],
        inner: Inner,
        numbered: bool,
    ) -> Result<NestedLoop> {
        let mut used: Vec<ColumnId> = on.iter().chain(null_aware).flat_map(Expr::columns).collect();
        used.sort();
        used.dedup();
        let (from_left, from_right): (Vec<_>, Vec<_>) = used.into_iter().partition(|id| left.contains(id));
        let columns: Vec<ColumnId> = from_left.iter().chain(&from_right).copied().collect();
        let condition = Condition {
            on: (!on.is_empty()).then(|| Predicate::compile(on, &columns)).transpose()?,
            null_aware: match null_aware {
                [] => None,
                [one] => Some(Program::compile(one, &columns)?),
                several => {
                    let ty = ColumnType::nullable(SqlType::BOOL);
                    Some(Program::compile(&Expr::call(Function::And, several.to_vec(), ty), &columns)?)
                }
            },
            left: from_left.iter().map(|id| position(left, *id)).collect::<Result<_>>()?,
            right: from_right.iter().map(|id| position(right, *id)).collect::<Result<_>>()?,
        };
        Ok(NestedLoop(Arc::new(Shared { kind, inner, numbered, left_width: left.len(), condition })))
    }
}

impl Operator for NestedLoop {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(NestedLoopStage(Arc::clone(&self.0)))
    }
}

struct NestedLoopStage(Arc<Shared>);

/// Pairs of a left batch's rows and inner rows, by position.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Stage for NestedLoopStage {
    fn push(&mut self, mut batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let shared = &*self.0;
        let numbers = if shared.numbered { batch.columns.pop() } else { None };
        let range = |row: usize| match &numbers {
            Some(numbers) => {
                shared.inner.ranges[numbers.as_primitive::<UInt32Type>().value(row) as usize].clone()
            }
            None => shared.inner.ranges[0].clone(),
        };
        match shared.kind {
            JoinKind::Inner | JoinKind::Left => shared.pairs(&batch, range, worker, out),
            JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) => {
                let verdicts = shared.verdicts(&batch, range, worker)?;
                shared.emit_verdicts(batch, &verdicts, worker, out)
            }
        }
    }
}

impl Shared {
    /// Inner and left join.
    fn pairs(
        &self,
        batch: &Batch,
        range: impl Fn(usize) -> Range<u32>,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let outer = self.kind == JoinKind::Left;
        let mut matched = vec![false; batch.rows];
        // Left rows before this one have been emitted if they had no match.
        let mut settled = 0;
        let mut block = Pairs::default();
        for row in 0..=batch.rows {
            let mut rest = if row < batch.rows { range(row) } else { 0..0 };
            loop {
                let room = (PAIRS_MAX - block.left.len()) as u32;
                let part = rest.start..rest.end.min(rest.start.saturating_add(room));
                block.left.extend(part.clone().map(|_| row as u32));
                block.right.extend(part.clone());
                rest.start = part.end;
                if block.left.len() < PAIRS_MAX && row < batch.rows {
                    break;
                }
                let mut hits = self.matches(batch, std::mem::take(&mut block), worker)?;
                hits.left.iter().for_each(|&left| matched[left as usize] = true);
                if outer {
                    // This row is not finished yet, unless it is the end.
                    hits = with_unmatched(hits, &matched, &mut settled, row as u32);
                }
                if self.emit_pairs(batch, &hits, worker, out)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                worker.check()?;
                if rest.is_empty() {
                    break;
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn emit_pairs(
        &self,
        batch: &Batch,
        pairs: &Pairs,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let left = batch.columns.iter().map(|c| take(c, &pairs.left));
        let right = self.inner.columns.iter().map(|c| take_or_null(c, &pairs.right));
        out.emit(worker, Batch { columns: left.chain(right).collect(), rows: pairs.left.len() })
    }

    /// The pairs where `on` holds.
    fn matches(&self, batch: &Batch, pairs: Pairs, worker: &mut Worker) -> Result<Pairs> {
        let Some(on) = &self.condition.on else { return Ok(pairs) };
        if pairs.left.is_empty() {
            return Ok(pairs);
        }
        let selection = on.select(&self.candidates(batch, &pairs), &mut worker.scratch)?;
        Ok(match selection {
            Selection::All => pairs,
            Selection::None => Pairs::default(),
            Selection::Rows(rows) => Pairs {
                left: rows.iter().map(|&r| pairs.left[r as usize]).collect(),
                right: rows.iter().map(|&r| pairs.right[r as usize]).collect(),
            },
        })
    }

    /// The columns that the conditions use, for these pairs.
    fn candidates(&self, batch: &Batch, pairs: &Pairs) -> Batch {
        let left = self.condition.left.iter().map(|&c| take(&batch.columns[c], &pairs.left));
        let right = self.condition.right.iter().map(|&c| take(&self.inner.columns[c], &pairs.right));
        Batch { columns: left.chain(right).collect(), rows: pairs.left.len() }
    }

    /// Whether each left row has a match.
    fn verdicts(
        &self,
        batch: &Batch,
        range: impl Fn(usize) -> Range<u32>,
        worker: &mut Worker,
    ) -> Result<Vec<Verdict>> {
        let mut verdicts = vec![Verdict::False; batch.rows];
        if self.condition.on.is_none() && self.condition.null_aware.is_none() {
            for (row, verdict) in verdicts.iter_mut().enumerate() {
                if !range(row).is_empty() {
                    *verdict = Verdict::True;
                }
            }
            return Ok(verdicts);
        }
        let mut block = Pairs::default();
        for row in 0..=batch.rows {
            let mut rest = if row < batch.rows { range(row) } else { 0..0 };
            loop {
                let room = (PAIRS_MAX - block.left.len()) as u32;
                let part = rest.start..rest.end.min(rest.start.saturating_add(room));
                block.left.extend(part.clone().map(|_| row as u32));
                block.right.extend(part.clone());
                rest.start = part.end;
                if block.left.len() < PAIRS_MAX && row < batch.rows {
                    break;
                }
                self.judge(batch, std::mem::take(&mut block), &mut verdicts, worker)?;
                worker.check()?;
                // What is true stays true: the rest of the row's range need not be looked at.
                if rest.is_empty() || verdicts.get(row) == Some(&Verdict::True) {
                    break;
                }
            }
        }
        Ok(verdicts)
    }

    fn judge(
        &self,
        batch: &Batch,
        block: Pairs,
        verdicts: &mut [Verdict],
        worker: &mut Worker,
    ) -> Result<()> {
        let hits = self.matches(batch, block, worker)?;
        if hits.left.is_empty() {
            return Ok(());
        }
        let Some(null_aware) = &self.condition.null_aware else {
            hits.left.iter().for_each(|&left| verdicts[left as usize] = Verdict::True);
            return Ok(());
        };
        let values = null_aware.eval(&self.candidates(batch, &hits), &mut worker.scratch)?;
        let values = values.as_primitive::<Int64Type>();
        for (pair, &left) in hits.left.iter().enumerate() {
            let verdict = match values.is_valid(pair).then(|| values.value(pair)) {
                None => Verdict::Null,
                Some(0) => Verdict::False,
                Some(_) => Verdict::True,
            };
            let known = &mut verdicts[left as usize];
            *known = verdict.max(*known);
        }
        Ok(())
    }

    fn emit_verdicts(
        &self,
        mut batch: Batch,
        verdicts: &[Verdict],
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        debug_assert_eq!(batch.columns.len(), self.left_width);
        let wanted = match self.kind {
            JoinKind::Mark(_) => {
                let mark = verdicts.iter().map(|v| match v {
                    Verdict::Null => None,
                    known => Some(i64::from(*known == Verdict::True)),
                });
                batch.columns.push(Arc::new(mark.collect::<Int64Array>()));
                return out.emit(worker, batch);
            }
            JoinKind::Semi => Verdict::True,
            // NULL is "perhaps": NOT IN drops the row.
            JoinKind::Anti => Verdict::False,
            JoinKind::Inner | JoinKind::Left => return Ok(Flow::Continue),
        };
        let rows: Vec<u32> = (0..).zip(verdicts).filter(|(_, v)| **v == wanted).map(|(row, _)| row).collect();
        if rows.len() == batch.rows {
            return out.emit(worker, batch);
        }
        out.emit(worker, batch.take(&rows))
    }
}

/// Puts the left rows that turned out to have no match between the pairs, in left order. Rows before `finished` have seen
/// all of their range; `settled` is the first that was not looked at yet.
fn with_unmatched(hits: Pairs, matched: &[bool], settled: &mut u32, finished: u32) -> Pairs {
    let mut merged = Pairs::default();
    let mut skip_to = |to: u32, merged: &mut Pairs| {
        for row in *settled..to {
            if !matched[row as usize] {
                merged.left.push(row);
                merged.right.push(NO_ROW);
            }
        }
        *settled = to.max(*settled);
    };
    for (&left, &right) in hits.left.iter().zip(&hits.right) {
        skip_to(left, &mut merged);
        merged.left.push(left);
        merged.right.push(right);
    }
    skip_to(finished, &mut merged);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Memory;
    use crate::pipeline::testing::{batch, collect, pipeline, rows};

    type Row = Vec<Option<i64>>;

    fn column(id: u32) -> Expr {
        Expr::column(ColumnId(id), ColumnType::nullable(SqlType::BIGINT))
    }

    fn compare(function: Function, a: u32, b: u32) -> Expr {
        Expr::call(function, vec![column(a), column(b)], ColumnType::nullable(SqlType::BOOL))
    }

    fn left() -> Vec<Row> {
        (0..300).map(|i| vec![(i % 7 != 0).then_some(i % 11), Some(i)]).collect()
    }

    fn right() -> Vec<Row> {
        (0..120).map(|i| vec![(i % 13 != 0).then_some(i % 5 * 3), Some(i)]).collect()
    }

    fn to_batch(rows: &[Row]) -> Batch {
        let column = |c: usize| rows.iter().map(|r| r[c]).collect::<Vec<_>>();
        batch(&[&column(0), &column(1)])
    }

    fn run(kind: JoinKind, on: &[Expr], null_aware: &[Expr], left: &[Row], right: &[Row]) -> Vec<Row> {
        let inner = Inner {
            columns: to_batch(right).columns,
            ranges: std::iter::once(0..right.len() as u32).collect(),
            _reservation: Memory::unlimited().reservation(),
        };
        let mut p = pipeline(left.chunks(70).map(to_batch).collect());
        let columns = p.columns.clone();
        let right_columns = [ColumnId(2), ColumnId(3)];
        let join = NestedLoop::new(kind, on, null_aware, &columns, &right_columns, inner, false).unwrap();
        p.push(1, Arc::new(join), Vec::new());
        rows(&collect(&p, 2).unwrap())
    }

    /// The same row by row.
    fn model(
        kind: JoinKind,
        on: impl Fn(&Row, &Row) -> Option<bool>,
        null_aware: impl Fn(&Row, &Row) -> Option<bool>,
        left: &[Row],
        right: &[Row],
    ) -> Vec<Row> {
        let mut out = Vec::new();
        for l in left {
            let hits: Vec<&Row> = right.iter().filter(|r| on(l, r) == Some(true)).collect();
            let any_true = hits.iter().any(|r| null_aware(l, r) == Some(true));
            let any_null = hits.iter().any(|r| null_aware(l, r).is_none());
            match kind {
                JoinKind::Inner => out.extend(hits.iter().map(|r| [&l[..], &r[..]].concat())),
                JoinKind::Left if hits.is_empty() => out.push([&l[..], &[None, None]].concat()),
                JoinKind::Left => out.extend(hits.iter().map(|r| [&l[..], &r[..]].concat())),
                JoinKind::Semi if any_true => out.push(l.clone()),
                JoinKind::Anti if !any_true && !any_null => out.push(l.clone()),
                JoinKind::Semi | JoinKind::Anti => {}
                JoinKind::Mark(_) => {
                    let mark = if any_true { Some(1) } else { (!any_null).then_some(0) };
                    out.push([&l[..], &[mark]].concat());
                }
            }
        }
        out
    }

    #[test]
    fn every_kind_agrees_with_row_by_row() {
        let (l, r) = (left(), right());
        let lt = |a: Option<i64>, b: Option<i64>| Some(a? < b?);
        let eq = |a: Option<i64>, b: Option<i64>| Some(a? == b?);
        let mark = JoinKind::Mark(ColumnId(9));
        for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti, mark] {
            let on = [compare(Function::Lt, 1, 3)];
            for right in [&r[..], &r[..3], &[]] {
                let got = run(kind, &on, &[], &l, right);
                assert_eq!(got, model(kind, |a, b| lt(a[1], b[1]), |_, _| Some(true), &l, right), "{kind:?}");
            }
            let got = run(kind, &[compare(Function::Eq, 0, 2)], &[], &l, &r);
            assert_eq!(got, model(kind, |a, b| eq(a[0], b[0]), |_, _| Some(true), &l, &r), "{kind:?}");
            let got = run(kind, &[], &[], &l, &r);
            assert_eq!(got, model(kind, |_, _| Some(true), |_, _| Some(true), &l, &r), "{kind:?}");
        }
        for kind in [JoinKind::Anti, mark] {
            for right in [&r[..], &r[1..12], &[]] {
                let got =
                    run(kind, &[compare(Function::Lt, 1, 3)], &[compare(Function::Eq, 0, 2)], &l, right);
                let expected = model(kind, |a, b| lt(a[1], b[1]), |a, b| eq(a[0], b[0]), &l, right);
                assert_eq!(got, expected, "{kind:?}");
            }
        }
    }
}
