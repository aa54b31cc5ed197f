//! From a batch of outer rows to the keys that they ask for.
//!
//! Expressions are evaluated over the whole batch, converted to the types of the key's columns, sorted and freed of
//! duplicates; keys are then grouped by partition. Where the next column is one of several constants each key is looked up
//! with every one of them, in a row: lookup `n` belongs to key `n / fan`. A row whose value cannot be in its column (NULL, out of range, a fraction
//! for an integer) or whose partition does not exist asks for nothing.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{Lookup, Routing};
use allod_storage::client::LookupBound;
use allod_storage::schema::{ColumnType, SqlType, TableDescriptor};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::UInt32Type;

use super::convert::{Converted, Use, convert};
use super::order::distinct;
use crate::batch::{Batch, position, take};
use crate::error::{Error, Result};
use crate::kernel::{Program, Scratch};
use crate::key::unpadded_column;
use crate::partition::Dealer;
use crate::values::column;

/// How keys are made of outer rows; immutable, shared by workers.
#[derive(Debug)]
pub(crate) struct KeyMaker {
    program: Program,
    prefix: Vec<Part>,
    /// Constants of the column behind the prefix.
    points: Option<ArrayRef>,
    low: Vec<bool>,
    high: Vec<bool>,
    /// Type of the column behind the prefix.
    bounded: Option<SqlType>,
    dealing: Dealing,
    /// The partitions that are read, by position in the table.
    partitions: Vec<usize>,
}

/// A column of the prefix.
#[derive(Debug)]
struct Part {
    ty: SqlType,
    null_safe: bool,
}

/// Which partition a row's key is looked up in.
#[derive(Debug)]
enum Dealing {
    /// All that are read.
    Every,
    /// The one that the table's partition function gives for values of these types, which follow the bounds.
    Routed(Vec<SqlType>, Arc<Dealer>),
    /// The one whose position is in this column of the batch.
    Carried(usize),
}

/// What a batch of outer rows asks for.
#[derive(Debug)]
pub(crate) struct Keys {
    /// For each row the number of its key; `NO_ROW` if it asks for nothing. `None` = the row's own number.
    pub of_row: Option<Vec<u32>>,
    /// Number of keys, all different, in ascending order.
    pub count: usize,
    /// How many lookups there are for each key, one after the other.
    pub fan: u32,
    /// Values of the leading key columns, by lookup.
    pub prefix: Vec<ArrayRef>,
    /// Lower bound of the next column.
    pub low: Option<LookupBound>,
    /// Upper bound of the next column.
    pub high: Option<LookupBound>,
    /// Partitions with the lookups that go there; `None` = all.
    pub groups: Vec<(usize, Option<Vec<u32>>)>,
}

impl Keys {
    /// The key of a row.
    #[inline]
    pub fn of(&self, row: usize) -> u32 {
        self.of_row.as_ref().map_or(row as u32, |of_row| of_row[row])
    }

    /// Number of lookups.
    pub fn lookups(&self) -> usize {
        self.count * self.fan as usize
    }

    /// Numbers of lookups as the numbers of their keys.
    pub fn to_keys(&self, lookups: &mut [u32]) {
        if self.fan > 1 {
            lookups.iter_mut().for_each(|lookup| *lookup /= self.fan);
        }
    }

    /// The same keys, each looked up with every one of these values of the next column.
    fn fanned(mut self, points: &ArrayRef) -> Keys {
        let (count, fan) = (self.count as u32, points.len() as u32);
        let key: Vec<u32> = (0..count).flat_map(|key| std::iter::repeat_n(key, fan as usize)).collect();
        let point: Vec<u32> = (0..count).flat_map(|_| 0..fan).collect();
        self.prefix = self.prefix.iter().map(|column| take(column, &key)).collect();
        self.prefix.push(take(points, &point));
        for (_, lookups) in &mut self.groups {
            *lookups = lookups
                .take()
                .map(|keys| keys.into_iter().flat_map(|key| key * fan..(key + 1) * fan).collect());
        }
        Keys { fan, ..self }
    }
}

impl KeyMaker {
    /// For the lookup of an index join: `key` are the types of the key columns of the space, `input` the columns of outer
    /// batches.
    pub fn new(
        lookup: &Lookup,
        key: &[SqlType],
        table: &TableDescriptor,
        partitions: Vec<usize>,
        input: &[ColumnId],
    ) -> Result<KeyMaker> {
        let beyond = || Error::Plan("a lookup of more columns than the key has".into());
        let mut exprs = Vec::new();
        let mut prefix = Vec::new();
        for (at, part) in lookup.prefix.iter().enumerate() {
            let ty = key.get(at).ok_or_else(beyond)?.clone();
            exprs.push(comparable(&part.value, &ty));
            prefix.push(Part { ty, null_safe: part.null_safe });
        }
        let points = match lookup.points.is_empty() {
            true => None,
            false => Some(column(lookup.points.iter(), key.get(prefix.len()).ok_or_else(beyond)?)?),
        };
        let bounded = match lookup.low.len() + lookup.high.len() {
            0 => None,
            _ => Some(key.get(prefix.len()).ok_or_else(beyond)?.clone()),
        };
        if let Some(ty) = &bounded {
            exprs.extend(lookup.low.iter().chain(&lookup.high).map(|(e, _)| comparable(e, ty)));
        }
        let mut dealing = Dealing::Every;
        if let Some(routing) = lookup.routing.as_ref().filter(|_| table.partitions.len() > 1) {
            let ty = |ordinal: usize| &table.columns[ordinal].ty.sql;
            exprs.extend(routing.values.iter().map(|(ordinal, e)| comparable(e, ty(*ordinal))));
            dealing = routed(routing, table)?;
        }
        Ok(KeyMaker {
            program: Program::compile_all(&exprs, input)?,
            prefix,
            points,
            low: lookup.low.iter().map(|(_, inclusive)| *inclusive).collect(),
            high: lookup.high.iter().map(|(_, inclusive)| *inclusive).collect(),
            bounded,
            dealing,
            partitions,
        })
    }

    /// For a double read: the columns `handle` of index entries are the table's key. `partition` is the column that carries
    /// the position of the partition that an entry is in, if there are several; `routing` says it instead where entries are of
    /// any partition.
    pub fn of_handles(
        handle: &[ColumnId],
        table: &TableDescriptor,
        partitions: Vec<usize>,
        (partition, routing): (Option<ColumnId>, Option<&Routing>),
        input: &[ColumnId],
    ) -> Result<KeyMaker> {
        let key: Vec<ColumnType> = table.key.iter().map(|&o| table.columns[o].ty.clone()).collect();
        if handle.len() != key.len() {
            return Err(Error::Plan("a handle is the whole key of its table".into()));
        }
        let mut exprs: Vec<Expr> =
            handle.iter().zip(&key).map(|(id, ty)| Expr::column(*id, ty.clone())).collect();
        let dealing = match (routing, partition) {
            (Some(routing), _) => {
                exprs.extend(routing.values.iter().map(|(_, e)| e.clone()));
                routed(routing, table)?
            }
            (None, Some(id)) => Dealing::Carried(position(input, id)?),
            (None, None) => Dealing::Every,
        };
        Ok(KeyMaker {
            program: Program::compile_all(&exprs, input)?,
            prefix: key.iter().map(|ty| Part { ty: ty.sql.clone(), null_safe: true }).collect(),
            points: None,
            low: Vec::new(),
            high: Vec::new(),
            bounded: None,
            dealing,
            partitions,
        })
    }

    /// The keys of a batch.
    pub fn make(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Keys> {
        let mut values = self.program.eval_all(batch, scratch)?.into_iter();
        let mut rows = Possible::new(batch.rows);
        let mut columns = Vec::with_capacity(self.prefix.len() + 2);
        for (part, value) in self.prefix.iter().zip(&mut values) {
            let converted = convert(&value, &part.ty, Use::Equal)?;
            rows.restrict(converted.possible);
            if !part.null_safe {
                rows.restrict(validity(&converted.values));
            }
            columns.push(converted.values);
        }
        let low = self.bound(&self.low, &mut values, &mut rows, |inclusive| Use::Low { inclusive })?;
        let high = self.bound(&self.high, &mut values, &mut rows, |inclusive| Use::High { inclusive })?;
        let width = columns.len();
        columns.extend([&low, &high].into_iter().flatten().map(|(values, _)| Arc::clone(values)));
        let parts = self.deal(batch, &mut values, &mut rows, scratch)?;
        let among = rows.among();
        let found = distinct(&columns, batch.rows, among.as_deref(), parts.as_deref())?;
        let pick = |column: ArrayRef| match &found.firsts {
            Some(firsts) => take(&column, firsts),
            None => column,
        };
        let mut columns: Vec<ArrayRef> = columns.into_iter().map(pick).collect();
        let mut bounds = columns.split_off(width).into_iter();
        let mut bound = |made: Option<(ArrayRef, bool)>| {
            made.and_then(|(_, inclusive)| Some(LookupBound { values: bounds.next()?, inclusive }))
        };
        let (low, high) = (bound(low), bound(high));
        let groups = match (&parts, &found.firsts) {
            _ if found.count == 0 => Vec::new(),
            (Some(parts), firsts) => {
                let part =
                    |lookup: u32| parts[firsts.as_ref().map_or(lookup, |f| f[lookup as usize]) as usize];
                self.group(found.count, part)
            }
            (None, _) => self.partitions.iter().map(|&p| (p, None)).collect(),
        };
        let (of_row, count) = (found.of_row, found.count);
        let keys = Keys { of_row, count, fan: 1, prefix: columns, low, high, groups };
        Ok(match &self.points {
            Some(points) => keys.fanned(points),
            None => keys,
        })
    }

    /// The tightest of several bounds.
    fn bound(
        &self,
        inclusive: &[bool],
        values: &mut impl Iterator<Item = ArrayRef>,
        rows: &mut Possible,
        side: impl Fn(bool) -> Use,
    ) -> Result<Option<(ArrayRef, bool)>> {
        let Some(ty) = &self.bounded else { return Ok(None) };
        let mut tightest: Option<(ArrayRef, bool)> = None;
        for (&inclusive, value) in inclusive.iter().zip(values) {
            let Converted { values, inclusive, possible } = convert(&value, ty, side(inclusive))?;
            rows.restrict(possible);
            rows.restrict(validity(&values));
            tightest = Some(match tightest {
                None => (values, inclusive),
                // Of text one may be inclusive and the other not. To admit both their values admits a row too many, which
                // the join's own conditions drop.
                Some((other, also)) => {
                    let (a, b) = (unpadded_column(&other), unpadded_column(&values));
                    let keep: BooleanArray = match side(true) {
                        Use::High { .. } => cmp::lt(&a, &b)?,
                        Use::Low { .. } | Use::Equal => cmp::gt(&a, &b)?,
                    };
                    (zip(&keep, &other, &values)?, inclusive || also)
                }
            });
        }
        Ok(tightest)
    }

    /// The partition of each row's key, unless all are asked.
    fn deal(
        &self,
        batch: &Batch,
        values: &mut impl Iterator<Item = ArrayRef>,
        rows: &mut Possible,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<u32>>> {
        match &self.dealing {
            Dealing::Every => Ok(None),
            Dealing::Carried(column) => {
                Ok(Some(batch.columns[*column].as_primitive::<UInt32Type>().values().to_vec()))
            }
            Dealing::Routed(types, dealer) => {
                let mut columns = Vec::with_capacity(types.len());
                for (ty, value) in types.iter().zip(values) {
                    let converted = convert(&value, ty, Use::Equal)?;
                    rows.restrict(converted.possible);
                    columns.push(converted.values);
                }
                let dealt = dealer.find(&Batch { columns, rows: batch.rows }, scratch)?;
                let wanted = |p: &u32| self.partitions.binary_search(&(*p as usize)).is_ok();
                let known = |row: usize| dealt[row].as_ref().is_some_and(wanted);
                let possible = BooleanBuffer::collect_bool(batch.rows, known);
                rows.restrict((possible.count_set_bits() < batch.rows).then_some(possible));
                Ok(Some(dealt.into_iter().map(|p| p.unwrap_or(0)).collect()))
            }
        }
    }

    /// The lookups of each partition.
    fn group(&self, count: usize, part: impl Fn(u32) -> u32) -> Vec<(usize, Option<Vec<u32>>)> {
        let last = self.partitions.last().map_or(0, |&p| p);
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); last + 1];
        for lookup in 0..count as u32 {
            groups[part(lookup) as usize].push(lookup);
        }
        let all = |lookups: Vec<u32>| if lookups.len() == count { None } else { Some(lookups) };
        groups.into_iter().enumerate().filter(|(_, l)| !l.is_empty()).map(|(p, l)| (p, all(l))).collect()
    }
}

/// By the partition function of a table.
fn routed(routing: &Routing, table: &TableDescriptor) -> Result<Dealing> {
    let ordinals: Vec<usize> = routing.values.iter().map(|(ordinal, _)| *ordinal).collect();
    let types: Vec<SqlType> = ordinals.iter().map(|&o| table.columns[o].ty.sql.clone()).collect();
    Ok(Dealing::Routed(types, Arc::new(Dealer::new(Arc::clone(&routing.function), &ordinals)?)))
}

/// Rows that ask for something.
struct Possible {
    rows: usize,
    bits: Option<BooleanBuffer>,
}

impl Possible {
    fn new(rows: usize) -> Possible {
        Possible { rows, bits: None }
    }

    fn restrict(&mut self, bits: Option<BooleanBuffer>) {
        self.bits = match (self.bits.take(), bits) {
            (Some(a), Some(b)) => Some(&a & &b),
            (a, b) => a.or(b),
        };
    }

    fn among(&self) -> Option<Vec<u32>> {
        let bits = self.bits.as_ref().filter(|b| b.count_set_bits() < self.rows)?;
        Some(bits.set_indices_u32().collect())
    }
}

/// Where a column is not NULL, if it is anywhere.
fn validity(column: &ArrayRef) -> Option<BooleanBuffer> {
    column.logical_nulls().filter(|n| n.null_count() > 0).map(|n| n.inner().clone())
}

/// The expression in a family that can be converted to `ty` without looking at text: as MySQL compares the two.
fn comparable(expr: &Expr, ty: &SqlType) -> Expr {
    let from = &expr.ty().sql;
    let textual = |ty: &SqlType| ty.is_string() || ty.is_binary();
    let to = if textual(ty) || *from == SqlType::Null {
        return expr.clone();
    } else if ty.is_numeric() && !(from.is_numeric() || matches!(from, SqlType::Bit(_))) {
        SqlType::Double
    } else if matches!(ty, SqlType::Time(_)) && !matches!(from, SqlType::Time(_)) {
        SqlType::Time(6)
    } else if matches!(ty, SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_))
        && !matches!(from, SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_))
    {
        SqlType::DateTime(6)
    } else {
        return expr.clone();
    };
    Expr::call(Function::Cast, vec![expr.clone()], ColumnType::nullable(to))
}
