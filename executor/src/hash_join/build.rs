//! The build side: collected by all workers, then indexed once.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{HashJoin, JoinKind, Side};
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{Array, ArrayRef, new_empty_array};
use rayon::prelude::*;

use super::filter::{ColumnFilter, Values};
use super::index::Index;
use crate::batch::{Batch, concat};
use crate::error::{Error, Result};
use crate::key::{Encoder, Exprs, Form, Interner, Layout, MISS, Range, WordColumn, fold};
use crate::pipeline::{Context, Flow, Reservation, RuntimeFilter, Sink, Worker};

/// Build rows up to which one thread does it all.
const SERIAL_ROWS_MAX: usize = 8192;
/// Bits of a packed key: the word of all ones is no key.
const KEY_BITS_MAX: u32 = 63;

/// The equalities of a join, as seen from the side that builds.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub build: Vec<Expr>,
    pub probe: Vec<Expr>,
    pub forms: Vec<Form>,
    /// How many of them are the join's own; the rest are null-aware.
    pub plain: usize,
}

impl Keys {
    /// Of a join. Its null-aware conjuncts are keys too if each is a plain equality and the probe side is preserved: then
    /// a match is found by looking it up, and only NULLs need a second look.
    pub fn new(join: &HashJoin, build_columns: &[ColumnId]) -> Keys {
        let sided = |(left, right): (Expr, Expr)| match join.build {
            Side::Left => (left, right),
            Side::Right => (right, left),
        };
        let mut pairs: Vec<(Expr, Expr)> = join.keys.iter().cloned().map(sided).collect();
        let plain = pairs.len();
        if join.build == Side::Right {
            let equalities: Option<Vec<_>> =
                join.null_aware.iter().map(|conjunct| equality(conjunct, build_columns)).collect();
            pairs.extend(equalities.unwrap_or_default());
        }
        let forms = pairs.iter().map(|(b, p)| Form::common(&b.ty().sql, &p.ty().sql)).collect();
        let (build, probe) = pairs.into_iter().unzip();
        Keys { build, probe, forms, plain }
    }

    /// Whether null-aware conjuncts are among them.
    pub fn null_aware(&self) -> bool {
        self.plain < self.build.len()
    }
}

/// `build side = probe side`, if the conjunct is an equality between the two.
fn equality(conjunct: &Expr, build_columns: &[ColumnId]) -> Option<(Expr, Expr)> {
    let Expr::Call { function: Function::Eq, args, .. } = conjunct else { return None };
    let [a, b] = &args[..] else { return None };
    let side = |e: &Expr| {
        let ids = e.columns();
        let of_build = ids.iter().filter(|id| build_columns.contains(id)).count();
        (!ids.is_empty() && (of_build == 0 || of_build == ids.len())).then_some(of_build > 0)
    };
    match (side(a)?, side(b)?) {
        (true, false) => Some((a.clone(), b.clone())),
        (false, true) => Some((b.clone(), a.clone())),
        _ => None,
    }
}

/// A build side, compiled.
#[derive(Debug)]
pub(crate) struct BuildForm {
    pub(super) keys: Keys,
    exprs: Exprs,
    pub(super) columns: Vec<ColumnId>,
    /// Only whether there is a match matters, not which.
    exists: bool,
    /// Probe rows without a match do not matter, so filters may drop them.
    filterable: bool,
}

/// Collects the build side.
pub(crate) struct BuildSink {
    context: Context,
    form: Arc<BuildForm>,
}

/// What one worker collected.
pub(crate) struct Local {
    chunks: Vec<Chunk>,
    encoders: Vec<Encoder>,
    ranges: Vec<Range>,
    reservation: Reservation,
}

/// A batch and the words of its keys.
struct Chunk {
    task: u64,
    batch: Batch,
    words: Vec<WordColumn>,
}

/// The build side, indexed and immutable.
pub(crate) struct Built {
    pub(super) form: Arc<BuildForm>,
    pub(super) rows: usize,
    /// `None` if there are no keys.
    pub(super) index: Option<Arc<Index>>,
    pub(super) layout: Arc<Layout>,
    /// If keys are folded.
    pub(super) tuples: Option<Arc<Interner>>,
    pub(super) strings: Vec<Arc<Interner>>,
    /// Rows with NULL in a null-aware key.
    pub(super) null_rows: Vec<u32>,
    batches: Vec<Batch>,
    filters: Vec<(ColumnId, Arc<dyn RuntimeFilter>)>,
    pub(super) reservation: Reservation,
    context: Context,
}

impl BuildForm {
    /// Takes batches whose columns are `build_columns`.
    pub fn new(join: &HashJoin, build_columns: &[ColumnId]) -> Result<BuildForm> {
        let keys = Keys::new(join, build_columns);
        let probe_preserved = join.build == Side::Right;
        let exists = probe_preserved
            && matches!(join.kind, JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_))
            && join.residual.is_empty()
            && (join.null_aware.is_empty() || keys.null_aware());
        let drops = matches!(join.kind, JoinKind::Inner | JoinKind::Semi) || !probe_preserved;
        Ok(BuildForm {
            exprs: Exprs::compile(&keys.build, build_columns)?,
            keys,
            columns: build_columns.to_vec(),
            exists,
            filterable: drops && join.null_aware.is_empty(),
        })
    }
}

impl BuildSink {
    /// A sink for one run.
    pub fn new(form: Arc<BuildForm>, context: &Context) -> BuildSink {
        BuildSink { context: context.clone(), form }
    }
}

impl Sink for BuildSink {
    type Local = Local;
    type Product = Built;

    fn local(&self) -> Local {
        let width = self.form.keys.forms.iter().map(Form::width).sum();
        Local {
            chunks: Vec::new(),
            encoders: self.form.keys.forms.iter().cloned().map(Encoder::new).collect(),
            ranges: vec![Range::EMPTY; width],
            reservation: self.context.memory.reservation(),
        }
    }

    fn consume(&self, local: &mut Local, worker: &mut Worker, batch: Batch) -> Result<Flow> {
        let keys = self.form.exprs.eval(&batch, &mut worker.scratch)?;
        let mut words = Vec::with_capacity(local.ranges.len());
        for (encoder, key) in local.encoders.iter_mut().zip(&keys) {
            encoder.encode(key, &mut words)?;
        }
        for (range, words) in local.ranges.iter_mut().zip(&words) {
            *range = range.union(Range::of(words));
        }
        local.reservation.grow(batch.bytes() + 8 * (batch.rows * words.len()) as u64)?;
        local.chunks.push(Chunk { task: worker.task, batch, words });
        Ok(Flow::Continue)
    }

    fn finish(self, locals: Vec<Local>) -> Result<Built> {
        let mut reservation = self.context.memory.reservation();
        let mut chunks = Vec::new();
        let mut encoders = Vec::new();
        let mut ranges = self.local().ranges;
        for local in locals {
            reservation.merge(local.reservation);
            chunks.push(local.chunks);
            encoders.push(local.encoders);
            ranges = ranges.iter().zip(&local.ranges).map(|(a, b)| a.union(*b)).collect();
        }
        let strings = unify_strings(&self.form.keys.forms, encoders, &mut chunks, &mut ranges);
        // In the order of the tasks: a clustered table's keys are then sorted, which makes a better index.
        let mut chunks: Vec<Chunk> = chunks.into_iter().flatten().collect();
        chunks.sort_by_key(|chunk| chunk.task);
        let rows: usize = chunks.iter().map(|c| c.batch.rows).sum();
        if rows >= u32::MAX as usize {
            return Err(Error::Plan(format!("the build side of a hash join has {rows} rows")));
        }
        let null_rows = self.null_rows(&chunks);
        for range in &mut ranges {
            range.nullable = false;
        }
        let mut layout = Layout::exact(&ranges);
        let mut tuples = None;
        let mut keys = vec![0u64; rows];
        if layout.bits > KEY_BITS_MAX {
            let mut interner = Interner::default();
            for chunk in &mut chunks {
                let missing = |row: usize| chunk.words.iter().any(|w| w.get(row).is_none());
                let numbers = fold(&chunk.words, chunk.batch.rows, |tuple| i64::from(interner.intern(tuple)));
                let numbers = numbers.values.iter().enumerate();
                chunk.words = vec![numbers.map(|(row, &n)| (!missing(row)).then_some(n)).collect()];
            }
            let values = (interner.len() > 0).then_some((0, interner.len() as i64 - 1));
            layout = Layout::exact(&[Range { values, nullable: false }]);
            reservation.grow(interner.memory_bytes())?;
            tuples = Some(Arc::new(interner));
        }
        let mut rest = &mut keys[..];
        let slots = chunks.iter().map(|chunk| {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(chunk.batch.rows);
            rest = others;
            (chunk, own)
        });
        let pack = |(chunk, own): (&Chunk, &mut [u64])| {
            layout.pack_into(&chunk.words, own);
        };
        // A few rows are packed before another thread has woken up.
        match rows <= SERIAL_ROWS_MAX {
            true => slots.for_each(pack),
            false => slots.collect::<Vec<_>>().into_par_iter().for_each(pack),
        }
        let index = (!self.form.keys.forms.is_empty())
            .then(|| Arc::new(Index::build(&keys, layout.limit(), self.form.exists, self.context.workers)));
        reservation.grow(index.as_ref().map_or(0, |i| i.memory_bytes()))?;
        let layout = Arc::new(layout);
        let filters = match (&index, self.form.filterable) {
            (Some(index), true) => self.filters(&chunks, &ranges, index, &layout, tuples.is_some()),
            _ => Vec::new(),
        };
        Ok(Built {
            form: self.form,
            rows,
            index,
            layout,
            tuples,
            strings: strings.into_iter().map(Arc::new).collect(),
            null_rows,
            batches: chunks.into_iter().map(|chunk| chunk.batch).collect(),
            filters,
            reservation,
            context: self.context,
        })
    }
}

impl BuildSink {
    /// Rows with NULL in a null-aware key.
    fn null_rows(&self, chunks: &[Chunk]) -> Vec<u32> {
        if !self.form.keys.null_aware() {
            return Vec::new();
        }
        let first: usize = self.form.keys.forms[..self.form.keys.plain].iter().map(Form::width).sum();
        let mut out = Vec::new();
        let mut start = 0;
        for chunk in chunks {
            let words = &chunk.words[first..];
            if words.iter().any(|w| w.nulls.is_some()) {
                let null = |row: &usize| words.iter().any(|w| w.get(*row).is_none());
                out.extend((0..chunk.batch.rows).filter(null).map(|row| (start + row) as u32));
            }
            start += chunk.batch.rows;
        }
        out
    }

    /// Filters for the probe side's plain columns.
    fn filters(
        &self,
        chunks: &[Chunk],
        ranges: &[Range],
        index: &Arc<Index>,
        layout: &Arc<Layout>,
        folded: bool,
    ) -> Vec<(ColumnId, Arc<dyn RuntimeFilter>)> {
        let mut at = 0;
        let mut out: Vec<(ColumnId, Arc<dyn RuntimeFilter>)> = Vec::new();
        for (form, probe) in self.form.keys.forms.iter().zip(&self.form.keys.probe) {
            let word = at;
            at += form.width();
            let (Expr::Column { id, ty }, Form::Word(_)) = (probe, form) else { continue };
            let values = if ranges.len() == 1 && !folded {
                Values::Indexed(Arc::clone(index), Arc::clone(layout))
            } else {
                let words = chunks.iter().map(|chunk| &chunk.words);
                match folded {
                    // The words of folded keys are gone; their range is still known.
                    true => Values::Unknown,
                    false => Values::of(words.map(|w| &w[word]), ranges[word], self.context.workers),
                }
            };
            out.push((*id, Arc::new(ColumnFilter::new(form.clone(), ty.sql.clone(), ranges[word], values))));
        }
        out
    }
}

/// Numbers the strings of all workers anew, in the words of their chunks too.
fn unify_strings(
    forms: &[Form],
    encoders: Vec<Vec<Encoder>>,
    chunks: &mut [Vec<Chunk>],
    ranges: &mut [Range],
) -> Vec<Interner> {
    let mut own: Vec<Vec<Interner>> =
        encoders.into_iter().map(|all| all.into_iter().map(Encoder::into_strings).collect()).collect();
    let mut at = 0;
    forms
        .iter()
        .enumerate()
        .map(|(column, form)| {
            let word = at;
            at += form.width();
            let mut all = form.interner();
            if !matches!(form, Form::Text { .. }) {
                return all;
            }
            for (worker, strings) in own.iter_mut().enumerate() {
                let strings = std::mem::take(&mut strings[column]);
                if all.len() == 0 {
                    // The first one's numbers stay as they are.
                    all = strings;
                    continue;
                }
                let numbers = all.absorb(&strings);
                for chunk in &mut chunks[worker] {
                    chunk.words[word] = chunk.words[word].renumber(&numbers);
                }
            }
            ranges[word].values = (all.len() > 0).then_some((0, all.len() as i64 - 1));
            all
        })
        .collect()
}

impl Built {
    /// Filters for the plain columns of the probe side, if its rows without a match do not matter.
    pub fn filters(&self) -> Vec<(ColumnId, Arc<dyn RuntimeFilter>)> {
        self.filters.clone()
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        self.reservation.bytes()
    }

    /// Each column that is wanted as one array, in all other places nothing. Batches are let go.
    pub(super) fn columns(&mut self, wanted: &[ColumnId]) -> Vec<Option<ArrayRef>> {
        let batches = std::mem::take(&mut self.batches);
        let column = |(at, id): (usize, &ColumnId)| {
            wanted.contains(id).then(|| {
                if batches.is_empty() {
                    return new_empty_array(&self.context.columns.ty(*id).arrow());
                }
                let parts: Vec<ArrayRef> = batches.iter().map(|b| Arc::clone(&b.columns[at])).collect();
                concat(&parts)
            })
        };
        match self.rows <= SERIAL_ROWS_MAX {
            true => self.form.columns.iter().enumerate().map(column).collect(),
            false => self.form.columns.par_iter().enumerate().map(column).collect(),
        }
    }
}

/// A probe row's keys, looked up by one worker.
pub(super) struct Lookup {
    encoders: Vec<Encoder>,
    layout: Arc<Layout>,
    tuples: Option<Arc<Interner>>,
    keys: Vec<u64>,
}

impl Lookup {
    /// Of the probe side of a build.
    pub fn new(
        forms: &[Form],
        strings: &[Arc<Interner>],
        layout: &Arc<Layout>,
        tuples: &Option<Arc<Interner>>,
    ) -> Lookup {
        let encoders =
            forms.iter().zip(strings).map(|(form, s)| Encoder::shared(form.clone(), Arc::clone(s))).collect();
        Lookup { encoders, layout: Arc::clone(layout), tuples: tuples.clone(), keys: Vec::new() }
    }

    /// The packed key of each row, [`MISS`] where there can be no match.
    pub fn keys(&mut self, columns: &[ArrayRef], rows: usize) -> Result<&[u64]> {
        let mut words = Vec::with_capacity(columns.len());
        for (encoder, column) in self.encoders.iter_mut().zip(columns) {
            debug_assert_eq!(column.len(), rows, "a key for each row");
            encoder.encode(column, &mut words)?;
        }
        if let Some(tuples) = &self.tuples {
            // NULL is a word like any other in a tuple, but no build key has one.
            words = vec![fold(&words, rows, |tuple| tuples.get(tuple).map_or(-1, i64::from))];
        }
        self.layout.pack(&words, rows, &mut self.keys);
        Ok(&self.keys)
    }
}

/// The type of what a null-aware conjunct comes to.
pub(super) fn boolean() -> ColumnType {
    ColumnType::nullable(SqlType::BOOL)
}

const _: () = assert!(MISS == u64::MAX && KEY_BITS_MAX < 64);
