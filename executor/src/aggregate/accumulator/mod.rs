//! Accumulators: for one aggregate, an array over group numbers.
//!
//! A worker updates its own accumulators a batch at a time: [`Accumulator::update`] dispatches once and then runs a typed
//! loop over rows. When all workers are done, the accumulators of one partition of the groups are gathered from every
//! worker by [`Accumulator::merge`], again a loop over arrays, and [`Accumulator::finish`] makes an Arrow column of them.

mod bits;
mod concat;
mod document;
mod extreme;
mod moments;
mod ordered;
mod percentile;
mod pick;
mod sum;
mod uniques;

pub(super) use bits::BitOp;
pub(super) use concat::{CutTexts, Joined};
pub(super) use moments::{Moments, Spread};
pub(super) use ordered::OrderKey;

use allod_storage::schema::SqlType;
use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::groups::Assigned;
use crate::error::{Error, Result};

/// What an accumulator computes. AVG is a sum and a count that others may share.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Rows.
    Rows,
    /// Rows where no argument is NULL.
    Present,
    /// Exact sum.
    Sum,
    /// Sum of doubles.
    SumFloat,
    /// MIN, or MAX if `greatest`.
    Extreme {
        /// MAX.
        greatest: bool,
    },
    /// The value of any row.
    Any,
    /// BIT_AND, BIT_OR, BIT_XOR.
    Bits(BitOp),
    /// What variances are made of.
    Moments,
    /// GROUP_CONCAT.
    Concat(Joined),
    /// GROUP_CONCAT with ORDER BY; the arguments behind the first are the keys.
    Ordered {
        /// How the values are put together.
        joined: Joined,
        /// The ORDER BY.
        keys: Box<[OrderKey]>,
        /// DISTINCT.
        distinct: bool,
    },
    /// APPROX_COUNT_DISTINCT.
    Uniques,
    /// JSON_ARRAYAGG, or JSON_OBJECTAGG.
    Document {
        /// JSON_OBJECTAGG.
        object: bool,
    },
    /// APPROX_PERCENTILE.
    Percentile(u8),
}

/// One aggregate's state for every group.
#[derive(Debug)]
pub(super) enum Accumulator {
    Count(Vec<i64>),
    Sum(Vec<i128>),
    SumFloat(Vec<f64>),
    Words(extreme::Words),
    Wide(extreme::Wide),
    Texts(extreme::Texts),
    Any(pick::Picked),
    Bits(BitOp, Vec<u64>),
    Moments(Vec<moments::Moments>),
    Concat(concat::Concat),
    Ordered(ordered::Ordered),
    Uniques(uniques::Uniques),
    Documents(document::Documents),
    Percentile(percentile::Percentile),
}

/// Where rows of a batch go.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// How many.
    pub count: usize,
    /// Their groups; `None` if there is one group, number 0.
    pub groups: Option<&'a [u32]>,
}

impl Rows<'_> {
    #[inline]
    fn group(self, row: usize) -> usize {
        self.groups.map_or(0, |g| g[row] as usize)
    }

    /// Calls `f` with each row that is not NULL and its group.
    #[inline]
    fn each(self, nulls: Option<&NullBuffer>, mut f: impl FnMut(usize, usize)) {
        match nulls.filter(|n| n.null_count() > 0) {
            None => (0..self.count).for_each(|row| f(row, self.group(row))),
            Some(nulls) => nulls.valid_indices().for_each(|row| f(row, self.group(row))),
        }
    }
}

/// Groups of one accumulator and where they go: `to[i]` takes in `from[i]`.
#[derive(Clone, Copy)]
pub(super) struct Moves<'a> {
    pub from: &'a [u32],
    pub to: &'a [u32],
}

impl Moves<'_> {
    #[inline]
    fn each(self, mut f: impl FnMut(usize, usize)) {
        for (&from, &to) in self.from.iter().zip(self.to) {
            f(from as usize, to as usize);
        }
    }
}

impl Accumulator {
    /// For no groups yet; `sql` is the type of the argument.
    pub fn new(kind: &Kind, sql: &SqlType) -> Accumulator {
        match kind {
            Kind::Rows | Kind::Present => Accumulator::Count(Vec::new()),
            Kind::Sum => Accumulator::Sum(Vec::new()),
            Kind::SumFloat => Accumulator::SumFloat(Vec::new()),
            Kind::Extreme { greatest } => match sql.arrow() {
                DataType::Decimal128(_, _) => Accumulator::Wide(extreme::Wide::new(*greatest)),
                DataType::Utf8View | DataType::BinaryView => {
                    Accumulator::Texts(extreme::Texts::new(*greatest, sql))
                }
                other => Accumulator::Words(extreme::Words::new(*greatest, other)),
            },
            Kind::Any => Accumulator::Any(pick::Picked::default()),
            Kind::Bits(op) => Accumulator::Bits(*op, Vec::new()),
            Kind::Moments => Accumulator::Moments(Vec::new()),
            Kind::Concat(joined) => Accumulator::Concat(concat::Concat::new(joined)),
            Kind::Ordered { joined, keys, distinct } => {
                Accumulator::Ordered(ordered::Ordered::new(joined, keys, *distinct))
            }
            Kind::Uniques => Accumulator::Uniques(uniques::Uniques::default()),
            Kind::Document { object } => Accumulator::Documents(document::Documents::new(*object)),
            Kind::Percentile(percent) => Accumulator::Percentile(percentile::Percentile::new(*percent, sql)),
        }
    }

    /// Makes room for groups up to `groups`.
    pub fn grow(&mut self, groups: usize) {
        match self {
            Accumulator::Count(counts) => counts.resize(groups, 0),
            Accumulator::Sum(sums) => sums.resize(groups, 0),
            Accumulator::SumFloat(sums) => sums.resize(groups, 0.0),
            Accumulator::Words(words) => words.grow(groups),
            Accumulator::Wide(wide) => wide.grow(groups),
            Accumulator::Texts(texts) => texts.grow(groups),
            Accumulator::Any(picked) => picked.grow(groups),
            Accumulator::Bits(op, words) => words.resize(groups, op.identity()),
            Accumulator::Moments(all) => all.resize(groups, moments::Moments::default()),
            Accumulator::Concat(concat) => concat.grow(groups),
            Accumulator::Ordered(ordered) => ordered.grow(groups),
            Accumulator::Uniques(uniques) => uniques.grow(groups),
            Accumulator::Documents(documents) => documents.grow(groups),
            Accumulator::Percentile(percentile) => percentile.grow(groups),
        }
    }

    /// Takes in a batch whose groups are `assigned`; `single` if there is but one group.
    pub fn update(
        &mut self,
        args: &[&ArrayRef],
        rows: usize,
        assigned: &Assigned,
        single: bool,
        lanes: &mut Vec<i64>,
    ) -> Result<()> {
        self.grow(assigned.groups);
        let rows = Rows { count: rows, groups: (!single).then_some(&assigned.numbers) };
        match (self, args) {
            (Accumulator::Count(counts), args) => {
                let nulls = args
                    .iter()
                    .map(|a| a.logical_nulls())
                    .fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls.as_ref()));
                sum::count(counts, nulls.as_ref(), rows, lanes);
            }
            (Accumulator::Sum(sums), [arg]) => sum::exact(sums, arg, rows, lanes)?,
            (Accumulator::SumFloat(sums), [arg]) => sum::float(sums, arg, rows)?,
            (Accumulator::Words(words), [arg]) => words.update(arg, rows)?,
            (Accumulator::Wide(wide), [arg]) => wide.update(arg, rows)?,
            (Accumulator::Texts(texts), [arg]) => texts.update(arg, rows)?,
            (Accumulator::Any(picked), [arg]) => picked.update(arg, &assigned.new_rows),
            (Accumulator::Bits(op, words), [arg]) => bits::update(*op, words, arg, rows)?,
            (Accumulator::Moments(all), [arg]) => moments::update(all, arg, rows)?,
            (Accumulator::Concat(concat), [arg, ..]) => concat.update(arg, rows)?,
            (Accumulator::Ordered(ordered), [arg, keys @ ..]) => ordered.update(arg, keys, rows)?,
            (Accumulator::Uniques(uniques), args) => uniques.update(args, rows)?,
            (Accumulator::Documents(documents), args) => documents.update(args, rows)?,
            (Accumulator::Percentile(percentile), [arg]) => percentile.update(arg, rows)?,
            (_, args) => return Err(Error::Plan(format!("an aggregate with {} arguments", args.len()))),
        }
        Ok(())
    }

    /// One accumulator of `groups` groups from those of all workers.
    pub fn merge(
        parts: &[(&Accumulator, Moves<'_>)],
        kind: &Kind,
        sql: &SqlType,
        groups: usize,
    ) -> Result<Accumulator> {
        let mut all = Accumulator::new(kind, sql);
        all.grow(groups);
        if let Accumulator::Any(picked) = &mut all {
            let parts = parts.iter().filter_map(|(part, moves)| match part {
                Accumulator::Any(part) => Some((part, *moves)),
                _ => None,
            });
            *picked = pick::Picked::merge(parts, groups);
            return Ok(all);
        }
        for (part, moves) in parts {
            all.take_in(part, *moves)?;
        }
        Ok(all)
    }

    /// Takes in groups of another.
    pub fn take_in(&mut self, part: &Accumulator, moves: Moves<'_>) -> Result<()> {
        match (self, part) {
            (Accumulator::Count(all), Accumulator::Count(part)) => {
                moves.each(|from, to| all[to] += part[from])
            }
            (Accumulator::Sum(all), Accumulator::Sum(part)) => {
                let mut exact = true;
                moves.each(|from, to| {
                    let (sum, overflow) = all[to].overflowing_add(part[from]);
                    all[to] = sum;
                    exact &= !overflow;
                });
                if !exact {
                    return Err(sum::overflow());
                }
            }
            (Accumulator::SumFloat(all), Accumulator::SumFloat(part)) => {
                moves.each(|from, to| all[to] += part[from]);
            }
            (Accumulator::Words(all), Accumulator::Words(part)) => all.take_in(part, moves),
            (Accumulator::Wide(all), Accumulator::Wide(part)) => all.take_in(part, moves),
            (Accumulator::Texts(all), Accumulator::Texts(part)) => all.take_in(part, moves),
            (Accumulator::Bits(op, all), Accumulator::Bits(_, part)) => {
                moves.each(|from, to| all[to] = op.apply(all[to], part[from]));
            }
            (Accumulator::Moments(all), Accumulator::Moments(part)) => {
                moves.each(|from, to| all[to].merge(&part[from]));
            }
            (Accumulator::Concat(all), Accumulator::Concat(part)) => all.take_in(part, moves),
            (Accumulator::Ordered(all), Accumulator::Ordered(part)) => all.take_in(part, moves),
            (Accumulator::Uniques(all), Accumulator::Uniques(part)) => all.take_in(part, moves),
            (Accumulator::Documents(all), Accumulator::Documents(part)) => all.take_in(part, moves),
            (Accumulator::Percentile(all), Accumulator::Percentile(part)) => all.take_in(part, moves),
            _ => return Err(Error::Panic("workers disagree on what an aggregate is".into())),
        }
        Ok(())
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        let bytes = match self {
            Accumulator::Count(v) => 8 * v.capacity(),
            Accumulator::Sum(v) => 16 * v.capacity(),
            Accumulator::SumFloat(v) => 8 * v.capacity(),
            Accumulator::Words(words) => words.memory_bytes(),
            Accumulator::Wide(wide) => wide.memory_bytes(),
            Accumulator::Texts(texts) => texts.memory_bytes(),
            Accumulator::Any(picked) => return picked.bytes,
            Accumulator::Bits(_, v) => 8 * v.capacity(),
            Accumulator::Moments(v) => 24 * v.capacity(),
            Accumulator::Concat(concat) => return concat.bytes,
            Accumulator::Ordered(ordered) => return ordered.bytes,
            Accumulator::Uniques(uniques) => return uniques.bytes,
            Accumulator::Documents(documents) => return documents.bytes,
            Accumulator::Percentile(percentile) => return percentile.bytes,
        };
        bytes as u64
    }

    /// The counts, of an accumulator that counts.
    pub fn counts(&self) -> Result<&[i64]> {
        match self {
            Accumulator::Count(counts) => Ok(counts),
            _ => Err(Error::Panic("a count is due".into())),
        }
    }

    /// A column of the groups' values, NULL where `present` (if given) is 0. `None` for those that need more to be finished:
    /// sums and moments. `cut`: what `group_concat_max_len` has cut something off.
    pub fn finish(&self, present: Option<&[i64]>, ty: &SqlType, cut: &mut CutTexts) -> Result<ArrayRef> {
        let nulls = present
            .map(|counts| counts.iter().map(|&n| n > 0).collect::<NullBuffer>())
            .filter(|n| n.null_count() > 0);
        match self {
            Accumulator::Count(counts) => Ok(sum::finish_count(counts)),
            Accumulator::Sum(sums) => sum::finish_exact(sums, nulls, ty),
            Accumulator::SumFloat(sums) => sum::finish_float(sums, nulls),
            Accumulator::Words(words) => words.finish(nulls),
            Accumulator::Wide(wide) => Ok(wide.finish(nulls, ty)),
            Accumulator::Texts(texts) => texts.finish(ty),
            Accumulator::Any(picked) => Ok(picked.finish(ty)),
            Accumulator::Bits(_, words) => Ok(bits::finish(words)),
            Accumulator::Moments(_) => Err(Error::Panic("moments are no column".into())),
            Accumulator::Concat(concat) => concat.finish(ty, cut),
            Accumulator::Ordered(ordered) => ordered.finish(ty, cut),
            Accumulator::Uniques(uniques) => Ok(uniques.finish()),
            Accumulator::Documents(documents) => documents.finish(),
            Accumulator::Percentile(percentile) => percentile.finish(),
        }
    }

    /// The averages, from sums and counts; `scale` is that of the sums.
    pub fn average(&self, counts: &[i64], scale: u8, ty: &SqlType) -> Result<ArrayRef> {
        match self {
            Accumulator::Sum(sums) => sum::average_exact(sums, counts, scale, ty),
            Accumulator::SumFloat(sums) => sum::average_float(sums, counts),
            _ => Err(Error::Panic("an average of what is no sum".into())),
        }
    }

    /// A variance or standard deviation.
    pub fn spread(&self, spread: Spread) -> Result<ArrayRef> {
        match self {
            Accumulator::Moments(all) => Ok(moments::finish(all, spread)),
            _ => Err(Error::Panic("a variance of what are no moments".into())),
        }
    }
}
