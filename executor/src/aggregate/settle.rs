//! Groups that are done before the input is.
//!
//! If a table is grouped by the first columns of its key, the rows of a group lie side by side: the group is done when the
//! next one begins. Only of the first and the last group of a task there may be more rows, in the tasks before and behind it,
//! which another worker may have. So nothing is kept until the end but these *edges*; all other groups become rows while their
//! sums are still in the cache, and only those that HAVING lets pass are kept. Of the 15 million orders that q18 groups at
//! scale factor 10 these are some hundred.
//!
//! ```text
//! task 7   a a b b b c d d | task 8   d e e f …
//!          edge done  done edge       edge done …    d: merged with the groups of all workers
//! ```
//!
//! Groups that are open are held as they are where there is no order, in arrays over their numbers, so there is one way to add
//! rows to groups; they are closed some thousand at a time. A worker whose keys do not ascend after all (packed in another
//! order than the table's) closes no more, and what it has is merged with the others at the end.
//!
//! Joins are left out: what comes out of a probe has the order of its rows, too, but seldom so many groups that it matters.

use std::ops::Range;

use super::accumulator::{Accumulator, CutTexts, Moves};
use super::calls::Spec;
use super::groups::{Assigned, Finished, Groups};
use super::{AggregateForm, BATCH_ROWS};
use crate::batch::{Batch, concat};
use crate::error::Result;
use crate::kernel::Scratch;
use crate::key::WordColumn;
use crate::selection::Filter;

/// So many open groups are closed together: their keys and sums fit into the L2 cache.
const OPEN_MAX: usize = if cfg!(test) { 16 } else { 8192 };

/// What a worker has closed.
#[derive(Default)]
pub(super) struct Settled {
    /// Rows of groups that are done and passed HAVING.
    pub batches: Vec<Batch>,
    /// Groups that are done.
    pub groups: u64,
    /// What GROUP_CONCAT has cut.
    pub cut: CutTexts,
    edges: Vec<Edge>,
    /// The task that the open groups are of.
    task: Option<u64>,
    /// The first open group is the first one of its task.
    is_at_start: bool,
    bytes: u64,
}

/// A group that may go on elsewhere.
struct Edge {
    words: Vec<WordColumn>,
    accumulators: Vec<Accumulator>,
}

/// About how much an edge takes without its accumulators.
const EDGE_BYTES: u64 = 256;

/// What a worker works with.
pub(super) struct Open<'w> {
    pub groups: &'w mut Groups,
    pub accumulators: &'w mut Vec<Accumulator>,
    pub settled: &'w mut Settled,
    pub having: Option<&'w Filter>,
    pub scratch: &'w mut Scratch,
}

impl Settled {
    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        self.bytes
    }
}

impl Open<'_> {
    /// Rows of this task come next: groups of another one are closed.
    pub fn begin(&mut self, form: &AggregateForm, task: u64) -> Result<()> {
        if self.groups.is_ascending() && self.settled.task != Some(task) {
            self.close(form, false)?;
            (self.settled.task, self.settled.is_at_start) = (Some(task), true);
        }
        Ok(())
    }

    /// Rows were added.
    pub fn added(&mut self, form: &AggregateForm) -> Result<()> {
        if self.groups.is_ascending() && self.groups.len() >= OPEN_MAX {
            self.close(form, true)?;
        }
        Ok(())
    }

    /// Closes all groups, but for the last one if the task goes on.
    fn close(&mut self, form: &AggregateForm, goes_on: bool) -> Result<()> {
        let Some(last) = self.groups.len().checked_sub(1) else { return Ok(()) };
        let first = usize::from(self.settled.is_at_start);
        if self.settled.is_at_start {
            self.edge(form, 0)?;
        }
        if first < last {
            self.rows(form, first..last)?;
        }
        if goes_on {
            *self.accumulators = some(&form.calls.specs, self.accumulators, last..last + 1)?;
            self.groups.keep_last();
            self.settled.is_at_start = false;
        } else {
            if first <= last {
                self.edge(form, last)?;
            }
            *self.accumulators = form.accumulators();
            self.groups.clear();
        }
        Ok(())
    }

    fn edge(&mut self, form: &AggregateForm, at: usize) -> Result<()> {
        let accumulators = some(&form.calls.specs, self.accumulators, at..at + 1)?;
        self.settled.bytes += EDGE_BYTES + accumulators.iter().map(Accumulator::memory_bytes).sum::<u64>();
        self.settled.edges.push(Edge { words: self.groups.words_of(at..at + 1), accumulators });
        Ok(())
    }

    /// Makes rows of groups that are done.
    fn rows(&mut self, form: &AggregateForm, of: Range<usize>) -> Result<()> {
        let Settled { batches, groups, cut, bytes, .. } = &mut *self.settled;
        let count = of.len();
        let words = self.groups.words_of(of.clone());
        let mut columns = Vec::with_capacity(form.forms.len() + form.calls.specs.len());
        let mut word = 0;
        for key in &form.forms {
            columns.push(key.decode(&words[word..word + key.width()], None)?);
            word += key.width();
        }
        columns.extend(form.calls.finish(&some(&form.calls.specs, self.accumulators, of)?, cut)?);
        *groups += count as u64;
        let mut batch = Batch::new(columns, count);
        if let Some(having) = self.having {
            batch = having.apply(&batch, self.scratch)?;
        }
        if batch.rows == 0 {
            return Ok(());
        }
        *bytes += batch.bytes();
        match batches.last_mut() {
            // Few pass: they are gathered.
            Some(last) if last.rows + batch.rows <= BATCH_ROWS => {
                let both = last.columns.iter().zip(batch.columns);
                let columns = both.map(|(a, b)| concat(&[a.clone(), b])).collect();
                *last = Batch::new(columns, last.rows + batch.rows);
            }
            _ => batches.push(batch),
        }
        Ok(())
    }
}

/// The states of some of the groups.
fn some(specs: &[Spec], accumulators: &[Accumulator], of: Range<usize>) -> Result<Vec<Accumulator>> {
    let from: Vec<u32> = of.map(|group| group as u32).collect();
    let to: Vec<u32> = (0..from.len() as u32).collect();
    let moves = Moves { from: &from, to: &to };
    let all = specs.iter().zip(accumulators);
    all.map(|(spec, all)| Accumulator::merge(&[(all, moves)], &spec.kind, &spec.ty, to.len())).collect()
}

impl AggregateForm {
    /// The edges of all workers, as if one more worker had met them.
    pub(super) fn edges(&self, workers: &mut [Settled]) -> Result<(Finished, Vec<Accumulator>)> {
        let edges: Vec<Edge> =
            workers.iter_mut().flat_map(|settled| std::mem::take(&mut settled.edges)).collect();
        let mut groups = Groups::new(&self.forms);
        let (mut assigned, mut numbers) = (Assigned::default(), Vec::with_capacity(edges.len()));
        for edge in &edges {
            groups.assign_words(&edge.words, 1, &mut assigned);
            numbers.extend_from_slice(&assigned.numbers);
        }
        let mut accumulators = Vec::with_capacity(self.calls.specs.len());
        for (i, spec) in self.calls.specs.iter().enumerate() {
            let moves = numbers.iter().map(|number| Moves { from: &[0], to: std::slice::from_ref(number) });
            let parts: Vec<_> = edges.iter().map(|edge| &edge.accumulators[i]).zip(moves).collect();
            accumulators.push(Accumulator::merge(&parts, &spec.kind, &spec.ty, groups.len())?);
        }
        Ok((groups.finish(), accumulators))
    }
}
