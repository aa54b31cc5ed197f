//! Dealing rows to partitions, a column at a time.
//!
//! A [`Dealer`] is made once from a statement's [`PartitionFunction`] and asked batch by batch: by whoever writes rows (a row
//! that no partition takes is error 1526), by whoever loads them, and by whoever looks rows up (a key that no partition takes
//! matches nothing). It answers what `PartitionFunction::locate`, which goes value by value, would answer.
//!
//! The expression is a compiled program. What its value says is found without making datums where there is one value that
//! is an integer or a moment (every HASH, RANGE and LIST, and most of their COLUMNS forms): a remainder, a search in sorted
//! bounds, a hash table. Tuples and strings go row by row. KEY hashes the bytes that [`key_bytes`] documents.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::partition::{PartitionFunction, key, key_bytes};
use allod_storage::schema::{Datum, PartitionMethod, RangeBound, unpadded};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Int64Type, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use hashbrown::HashMap;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::kernel::{Program, Scratch};
use crate::values::datum;

/// Tells the partition of rows. Immutable: any number of workers may share one.
#[derive(Debug)]
pub struct Dealer {
    function: Arc<PartitionFunction>,
    /// One for each of the function's values.
    programs: Vec<Program>,
    route: Route,
}

/// From values to a partition, made ready.
#[derive(Debug)]
enum Route {
    /// |value mod n|.
    Hash(i64),
    /// CRC-32 mod n.
    Key,
    /// What partitions are below, ascending; MAXVALUE is beyond every integer.
    Bounds(Vec<i128>),
    /// Which partition lists an integer, which one NULL, and which takes the rest.
    Listed { values: HashMap<i128, u32>, null: Option<u32>, default: Option<u32> },
    /// Which partition lists a tuple, and which takes the rest.
    Tuples { values: HashMap<Vec<u8>, u32>, default: Option<u32> },
    /// Bounds of tuples or of anything else: as the function says.
    General,
}

impl Dealer {
    /// A dealer for batches whose columns are these ordinals of the table, in the columns' own types: all columns, or just
    /// those that the scheme names.
    ///
    /// # Errors
    /// [`Error::Plan`] if a column that the scheme needs is not among them.
    pub fn new(function: Arc<PartitionFunction>, ordinals: &[usize]) -> Result<Dealer> {
        let ids: Vec<ColumnId> = ordinals.iter().map(|&o| ColumnId(o as u32)).collect();
        let programs = function.values.iter().map(|e| Program::compile(e, &ids)).collect::<Result<_>>()?;
        let route = route(&function);
        Ok(Dealer { function, programs, route })
    }

    /// The partition of each row; `None` = no partition takes it.
    ///
    /// # Errors
    /// What evaluating the partition expression runs into, for instance [`Error::OutOfRange`].
    pub fn deal(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Vec<Option<u32>>> {
        let values =
            self.values(batch, scratch).map_err(|error| match (error, &self.function.scheme.expr) {
                // Its columns are not those of the statement.
                (Error::OutOfRange { ty, expression: _ }, Some(text)) => {
                    Error::OutOfRange { ty, expression: Arc::clone(text) }
                }
                (error, _) => error,
            })?;
        self.routed(&values, batch.rows)
    }

    /// The same for rows that are looked for: one that the expression cannot be evaluated for (it overflows) cannot have been
    /// stored, so no partition has it.
    pub fn find(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Vec<Option<u32>>> {
        match self.deal(batch, scratch) {
            Err(Error::OutOfRange { .. }) => {
                let row = |r| match self.deal(&batch.slice(r, 1), scratch) {
                    Ok(found) => Ok(found.first().copied().flatten()),
                    Err(Error::OutOfRange { .. }) => Ok(None),
                    Err(other) => Err(other),
                };
                (0..batch.rows).map(row).collect()
            }
            dealt => dealt,
        }
    }

    /// The partition of each row that is written.
    ///
    /// # Errors
    /// [`Error::NoPartition`] if there is none, [`Error::NotInPartitionSet`] if the statement's `PARTITION (…)` lacks it.
    pub fn place(&self, batch: &Batch) -> Result<Vec<usize>> {
        let mut scratch = Scratch::default();
        let mut out = Vec::with_capacity(batch.rows);
        for (row, partition) in self.deal(batch, &mut scratch)?.into_iter().enumerate() {
            let Some(partition) = partition else {
                let value = match (&self.function.scheme.expr, self.programs.as_slice()) {
                    (Some(_), [program]) => datum(&program.eval(batch, &mut scratch)?, row)?.to_string(),
                    _ => "from column_list".to_owned(),
                };
                return Err(Error::NoPartition { value });
            };
            let partition = partition as usize;
            if self.function.allowed.as_ref().is_some_and(|allowed| !allowed.contains(&partition)) {
                return Err(Error::NotInPartitionSet);
            }
            out.push(partition);
        }
        Ok(out)
    }

    fn values(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
        self.programs.iter().map(|p| p.eval(batch, scratch)).collect()
    }

    fn routed(&self, values: &[ArrayRef], rows: usize) -> Result<Vec<Option<u32>>> {
        let first = values.first().ok_or_else(|| Error::Plan("a partition function of nothing".into()))?;
        match &self.route {
            Route::Hash(n) => {
                let at = |v: Option<i128>| Some((v.unwrap_or(0) as i64 % n).unsigned_abs() as u32);
                let integers = integers(first).ok_or_else(|| {
                    Error::Plan(format!("a partition expression of type {}", first.data_type()))
                })?;
                Ok(integers.map(at).collect())
            }
            Route::Bounds(bounds) => {
                let at = |v: Option<i128>| {
                    let at = v.map_or(0, |v| bounds.partition_point(|b| *b <= v));
                    (at < bounds.len()).then_some(at as u32)
                };
                match integers(first) {
                    Some(integers) => Ok(integers.map(at).collect()),
                    None => self.general(values, rows),
                }
            }
            Route::Listed { values: listed, null, default } => {
                let at = |v: Option<i128>| match v {
                    Some(v) => listed.get(&v).copied().or(*default),
                    None => null.or(*default),
                };
                match integers(first) {
                    Some(integers) => Ok(integers.map(at).collect()),
                    None => self.general(values, rows),
                }
            }
            Route::Key => {
                let mut bytes = Vec::new();
                let at = |row: usize| {
                    bytes.clear();
                    for value in values {
                        append(value, row, &mut bytes)?;
                    }
                    Ok(key(&bytes, self.function.partitions).map(|p| p as u32))
                };
                (0..rows).map(at).collect()
            }
            Route::Tuples { values: listed, default } => {
                let mut bytes = Vec::new();
                let at = |row: usize| {
                    bytes.clear();
                    for value in values {
                        part(&mut bytes, value.is_null(row), |bytes| append(value, row, bytes))?;
                    }
                    Ok(listed.get(bytes.as_slice()).copied().or(*default))
                };
                (0..rows).map(at).collect()
            }
            Route::General => self.general(values, rows),
        }
    }

    /// Row by row, as the function says.
    fn general(&self, values: &[ArrayRef], rows: usize) -> Result<Vec<Option<u32>>> {
        let at = |row| {
            let tuple = values.iter().map(|v| datum(v, row)).collect::<Result<Vec<Datum>>>()?;
            Ok(self.function.locate(&tuple).map(|p| p as u32))
        };
        (0..rows).map(at).collect()
    }
}

fn route(function: &PartitionFunction) -> Route {
    match &function.scheme.method {
        PartitionMethod::Hash => Route::Hash(function.partitions.max(1) as i64),
        PartitionMethod::Key => Route::Key,
        PartitionMethod::Range(bounds) => {
            let bound = |b: &Vec<RangeBound>| match b.as_slice() {
                [RangeBound::Value(value)] => integer(value),
                [RangeBound::MaxValue] => Some(i128::MAX),
                _ => None,
            };
            bounds.iter().map(bound).collect::<Option<_>>().map_or(Route::General, Route::Bounds)
        }
        PartitionMethod::List { values, default } => {
            let default = default.map(|p| p as u32);
            let listed =
                || values.iter().zip(0u32..).flat_map(|(tuples, p)| tuples.iter().map(move |t| (t, p)));
            let mut null = None;
            let mut single = HashMap::new();
            let all_integers = listed().all(|(tuple, p)| match tuple.as_slice() {
                [Datum::Null] => {
                    null = null.or(Some(p));
                    true
                }
                [value] => integer(value).map(|v| single.entry(v).or_insert(p)).is_some(),
                _ => false,
            });
            if all_integers {
                return Route::Listed { values: single, null, default };
            }
            let mut tuples = HashMap::new();
            for (tuple, p) in listed() {
                let mut bytes = Vec::new();
                for value in tuple {
                    // Nothing fails here: the closure only appends.
                    let _ = part(&mut bytes, value.is_null(), |bytes| {
                        key_bytes(value, bytes);
                        Ok(())
                    });
                }
                tuples.entry(bytes).or_insert(p);
            }
            Route::Tuples { values: tuples, default }
        }
    }
}

/// Appends a part of a tuple behind its length, so that no two tuples have the same bytes; NULL is a length of its own.
fn part(out: &mut Vec<u8>, null: bool, append: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let at = out.len();
    out.extend([u8::MAX; 4]);
    if null {
        return Ok(());
    }
    append(out)?;
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Appends the canonical bytes of a value of a column.
fn append(column: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<()> {
    match column.data_type() {
        _ if column.is_null(row) => out.push(0),
        DataType::Int64 => out.extend(column.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Utf8View => out.extend(unpadded(column.as_string_view().value(row).as_bytes())),
        _ => key_bytes(&datum(column, row)?, out),
    }
    Ok(())
}

/// An integer or a moment as an integer.
fn integer(value: &Datum) -> Option<i128> {
    match value {
        Datum::Int(v) | Datum::DateTime(v) | Datum::Time(v) => Some(i128::from(*v)),
        Datum::UInt(v) => Some(i128::from(*v)),
        Datum::Date(v) => Some(i128::from(*v)),
        Datum::Null | Datum::Double(_) | Datum::Decimal { .. } | Datum::String(_) | Datum::Bytes(_) => None,
    }
}

/// The values of a column of integers or moments; `None` for a column of anything else.
fn integers(column: &ArrayRef) -> Option<Box<dyn Iterator<Item = Option<i128>> + '_>> {
    Some(match column.data_type() {
        DataType::Null => Box::new((0..column.len()).map(|_| None)),
        DataType::Int64 => Box::new(column.as_primitive::<Int64Type>().iter().map(|v| v.map(i128::from))),
        DataType::UInt64 => Box::new(column.as_primitive::<UInt64Type>().iter().map(|v| v.map(i128::from))),
        DataType::Date32 => Box::new(column.as_primitive::<Date32Type>().iter().map(|v| v.map(i128::from))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Box::new(column.as_primitive::<TimestampMicrosecondType>().iter().map(|v| v.map(i128::from)))
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            Box::new(column.as_primitive::<DurationMicrosecondType>().iter().map(|v| v.map(i128::from)))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::{Expr, Function};
    use allod_storage::schema::{ColumnType, PartitionScheme, SqlType};
    use proptest::prelude::*;

    use super::*;
    use crate::values::column;

    fn types() -> Vec<SqlType> {
        vec![
            SqlType::BIGINT,
            SqlType::BIGINT_UNSIGNED,
            SqlType::Date,
            SqlType::varchar(9),
            SqlType::Decimal { precision: 9, scale: 2 },
            SqlType::Double,
        ]
    }

    /// The nth value of a type, ascending; NULL first.
    fn value(ty: &SqlType, n: i64) -> Datum {
        match ty {
            _ if n == 0 => Datum::Null,
            SqlType::Int { unsigned: true, .. } if n > 8 => Datum::UInt(u64::MAX - 50 + n as u64),
            SqlType::Int { unsigned: true, .. } => Datum::UInt(n as u64),
            SqlType::Int { .. } if n == 1 => Datum::Int(i64::MIN),
            SqlType::Date => Datum::Date(n as i32 - 5),
            SqlType::VarChar(..) => Datum::string(format!("{n:03}")),
            SqlType::Decimal { scale, .. } => Datum::Decimal { value: i128::from(n - 5) * 10, scale: *scale },
            SqlType::Double => Datum::Double((n - 5) as f64 / 2.0),
            _ => Datum::Int(n - 5),
        }
    }

    fn scheme(kind: u8, ty: &[SqlType], picks: &[i64]) -> (PartitionScheme, usize) {
        let columns: Vec<usize> = (0..ty.len()).collect();
        let tuple = |n: i64| ty.iter().map(|t| value(t, n)).collect::<Vec<_>>();
        let mut picks = picks.to_vec();
        picks.sort_unstable();
        picks.dedup();
        let count = picks.len();
        let (method, count) = match kind {
            0 => (PartitionMethod::Key, count + 2),
            1 => {
                let mut bounds: Vec<Vec<RangeBound>> = picks
                    .iter()
                    .filter(|n| **n > 0)
                    .map(|n| tuple(*n).into_iter().map(RangeBound::Value).collect())
                    .collect();
                if picks[0] % 2 == 0 {
                    bounds.push(vec![RangeBound::MaxValue; ty.len()]);
                }
                let count = bounds.len();
                (PartitionMethod::Range(bounds), count)
            }
            _ => {
                let values: Vec<_> = picks.iter().map(|n| vec![tuple(*n), tuple(n + 20)]).collect();
                (PartitionMethod::List { values, default: (picks[0] % 3 == 0).then_some(0) }, count)
            }
        };
        (PartitionScheme { expr: None, columns, method }, count)
    }

    proptest! {
        /// What the dealer says of a batch is what the model says of each of its rows.
        #[test]
        fn dealing_agrees_with_the_model(
            kind in 0u8..3,
            chosen in prop::collection::vec(0usize..6, 1..3),
            picks in prop::collection::vec(0i64..16, 1..6),
            rows in prop::collection::vec((0i64..18, 0i64..18), 0..40),
        ) {
            let ty: Vec<SqlType> = chosen.iter().map(|c| types()[*c].clone()).collect();
            let (scheme, partitions) = scheme(kind, &ty, &picks);
            let values = (0u32..).zip(&ty);
            let values = values.map(|(i, t)| Expr::column(ColumnId(i), ColumnType::nullable(t.clone()))).collect();
            let function = Arc::new(PartitionFunction { values, scheme, partitions, allowed: None, usage: Default::default() });
            let tuples: Vec<Vec<Datum>> = rows
                .iter()
                .map(|(a, b)| ty.iter().zip([a, b]).map(|(t, n)| value(t, *n)).collect())
                .collect();
            let columns = ty.iter().enumerate().map(|(c, t)| column(tuples.iter().map(|r| &r[c]), t).unwrap());
            let batch = Batch::new(columns.collect(), rows.len());
            let ordinals: Vec<usize> = (0..ty.len()).collect();
            let dealer = Dealer::new(Arc::clone(&function), &ordinals).unwrap();
            let dealt = dealer.deal(&batch, &mut Scratch::default()).unwrap();
            for (tuple, dealt) in tuples.iter().zip(dealt) {
                prop_assert_eq!(dealt.map(|p| p as usize), function.locate(tuple), "{:?}", tuple);
            }
        }
    }

    fn hash_of(expr: Expr, partitions: usize) -> Arc<PartitionFunction> {
        let scheme = PartitionScheme::hash("", vec![0]);
        Arc::new(PartitionFunction {
            values: vec![expr],
            scheme,
            partitions,
            allowed: None,
            usage: Default::default(),
        })
    }

    #[test]
    fn hashes_are_of_the_bits_and_a_key_that_overflows_is_found_nowhere() {
        let a = || Expr::column(ColumnId(3), ColumnType::nullable(SqlType::BIGINT));
        let values = [Datum::Int(-7), Datum::Null, Datum::Int(i64::MAX), Datum::Int(5)];
        let batch = Batch::new(vec![column(values.iter(), &SqlType::BIGINT).unwrap()], 4);
        let mut scratch = Scratch::default();
        let bare = Dealer::new(hash_of(a(), 4), &[3]).unwrap();
        let dealt = bare.deal(&batch, &mut scratch).unwrap();
        assert_eq!(dealt, [Some(3), Some(0), Some(3), Some(1)]);
        let two = Expr::constant(Datum::Int(2), SqlType::BIGINT);
        let doubled = Expr::call(Function::Mul, vec![a(), two], ColumnType::nullable(SqlType::BIGINT));
        let doubled = Dealer::new(hash_of(doubled, 4), &[3]).unwrap();
        assert!(matches!(doubled.deal(&batch, &mut scratch), Err(Error::OutOfRange { .. })));
        let found = doubled.find(&batch, &mut scratch).unwrap();
        assert_eq!(found, [Some(2), Some(0), None, Some(2)]);
        assert!(Dealer::new(hash_of(a(), 4), &[2]).is_err());
    }

    #[test]
    fn a_row_that_is_written_has_a_partition_and_it_is_a_named_one() {
        let a = Expr::column(ColumnId(0), ColumnType::nullable(SqlType::BIGINT));
        let bound = |v| vec![RangeBound::Value(Datum::Int(v))];
        let method = PartitionMethod::Range(vec![bound(10), bound(20)]);
        let scheme = PartitionScheme { expr: Some("a".into()), columns: vec![0], method };
        let function = PartitionFunction {
            values: vec![a],
            scheme,
            partitions: 2,
            allowed: Some(vec![1]),
            usage: Default::default(),
        };
        let dealer = Dealer::new(Arc::new(function), &[0]).unwrap();
        let place =
            |v| dealer.place(&Batch::new(vec![column([&v].into_iter(), &SqlType::BIGINT).unwrap()], 1));
        assert_eq!(place(Datum::Int(10)).unwrap(), [1]);
        assert!(matches!(place(Datum::Null), Err(Error::NotInPartitionSet)));
        let error = place(Datum::Int(20)).unwrap_err();
        assert_eq!(error.to_string(), "Table has no partition for value 20");
    }
}
