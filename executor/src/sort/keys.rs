//! Sort keys made comparable: one unsigned word per row where they fit, bytes where they do not.
//!
//! Both forms are *normalised*: comparing them as they are, unsigned and left to right, orders rows as ORDER BY asks, with
//! NULL first when ascending and last when descending. A word holds for each key one bit for NULL and then the value with
//! its order made unsigned, complemented as a whole for DESC. Two rows' keys compare whichever batch they came from.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, order_key_of};
use allod_planner::physical::SortKey;
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, DurationMicrosecondType, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt64Type,
};
use arrow::row::{RowConverter, Rows, SortField};

use crate::batch::{Batch, to_door};
use crate::error::Result;
use crate::kernel::{Program, Scratch};
use crate::key::unpadded_column;

/// How the keys of a sort are made; immutable, shared by its workers.
pub(crate) struct KeySpec {
    program: Program,
    types: Vec<ColumnType>,
    descending: Vec<bool>,
    words: bool,
}

/// Keys of the rows of one batch.
pub(crate) enum Keys {
    /// A word for each row.
    Words(Vec<u128>),
    /// Bytes for each row.
    Bytes(Arc<Rows>),
}

/// One row's key, borrowed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key<'a> {
    /// A word.
    Word(u128),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// One row's key, kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OwnedKey {
    /// A word.
    Word(u128),
    /// Bytes.
    Bytes(Box<[u8]>),
}

/// Makes keys; owned by one worker.
pub(crate) struct KeyMaker {
    spec: Arc<KeySpec>,
    converter: Option<RowConverter>,
}

impl KeySpec {
    /// Keys over batches of `input`.
    pub fn new(keys: &[SortKey], input: &[ColumnId]) -> Result<KeySpec> {
        let exprs: Vec<_> = keys.iter().map(|k| ordered(k.expr.clone())).collect();
        let types: Vec<ColumnType> = exprs.iter().map(|e| e.ty().clone()).collect();
        let bits: Option<u32> = types.iter().map(|ty| Some(1 + word_bits(&ty.arrow())?)).sum();
        Ok(KeySpec {
            program: Program::compile_all(&exprs, input)?,
            descending: keys.iter().map(|k| k.descending).collect(),
            words: bits.is_some_and(|bits| bits <= 128),
            types,
        })
    }
}

/// Documents are sorted by the keys of their order.
fn ordered(expr: Expr) -> Expr {
    if expr.ty().sql == SqlType::Json { order_key_of(expr) } else { expr }
}

impl KeyMaker {
    /// For one worker.
    pub fn new(spec: &Arc<KeySpec>) -> KeyMaker {
        KeyMaker { spec: Arc::clone(spec), converter: None }
    }

    /// Evaluates the key expressions.
    pub fn columns(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
        let columns = self.spec.program.eval_all(batch, scratch)?;
        columns.iter().zip(&self.spec.types).map(|(column, ty)| to_door(column, ty)).collect()
    }

    /// The keys of a batch's rows, from its key columns.
    pub fn keys(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Keys> {
        if self.spec.words {
            let mut words = vec![0; rows];
            for (column, &descending) in columns.iter().zip(&self.spec.descending) {
                append_column(column, descending, &mut words);
            }
            return Ok(Keys::Words(words));
        }
        let converter = match &mut self.converter {
            Some(converter) => converter,
            empty => {
                let fields = self.spec.types.iter().zip(&self.spec.descending).map(|(ty, &descending)| {
                    let options = SortOptions { descending, nulls_first: !descending };
                    SortField::new_with_options(ty.arrow(), options)
                });
                empty.insert(RowConverter::new(fields.collect())?)
            }
        };
        let columns: Vec<ArrayRef> = columns.iter().map(unpadded_column).collect();
        Ok(Keys::Bytes(Arc::new(converter.convert_columns(&columns)?)))
    }
}

impl Keys {
    /// The key of a row.
    pub fn get(&self, row: usize) -> Key<'_> {
        match self {
            Keys::Words(words) => Key::Word(words[row]),
            Keys::Bytes(rows) => Key::Bytes(rows.row(row).data()),
        }
    }

    /// The rows whose key is less than `bound`, ascending.
    pub fn below(&self, bound: &OwnedKey) -> Vec<u32> {
        match (self, bound) {
            (Keys::Words(words), OwnedKey::Word(bound)) => {
                (0..).zip(words).filter(|(_, word)| *word < bound).map(|(row, _)| row).collect()
            }
            (Keys::Bytes(rows), OwnedKey::Bytes(bound)) => {
                (0..).zip(rows.iter()).filter(|(_, key)| key.data() < &**bound).map(|(row, _)| row).collect()
            }
            (Keys::Words(_), OwnedKey::Bytes(_)) | (Keys::Bytes(_), OwnedKey::Word(_)) => {
                unreachable!("all keys of a sort are made by one spec")
            }
        }
    }

    /// Bytes they take.
    pub fn bytes(&self) -> u64 {
        match self {
            Keys::Words(words) => words.len() as u64 * 16,
            Keys::Bytes(rows) => rows.size() as u64,
        }
    }
}

impl Key<'_> {
    /// A copy to keep.
    pub fn to_owned(self) -> OwnedKey {
        match self {
            Key::Word(word) => OwnedKey::Word(word),
            Key::Bytes(bytes) => OwnedKey::Bytes(bytes.into()),
        }
    }

    /// The key cut into words: keys that agree on all pieces before one compare as that piece does. `None` behind the end.
    pub fn piece(self, piece: usize) -> Option<u128> {
        match self {
            Key::Word(word) => (piece == 0).then_some(word),
            Key::Bytes(bytes) => {
                let rest = bytes.get(piece * 16..).filter(|rest| !rest.is_empty())?;
                let mut padded = [0; 16];
                let len = rest.len().min(16);
                padded[..len].copy_from_slice(&rest[..len]);
                Some(u128::from_be_bytes(padded))
            }
        }
    }
}

/// Bits of a value in a word key; `None` if it does not go into one.
fn word_bits(form: &DataType) -> Option<u32> {
    match form {
        DataType::Int64
        | DataType::UInt64
        | DataType::Float64
        | DataType::Decimal64(_, _)
        | DataType::Timestamp(_, _)
        | DataType::Duration(_) => Some(64),
        DataType::Date32 => Some(32),
        DataType::Null => Some(0),
        _ => None,
    }
}

/// Shifts each word left and puts the column's bits below.
fn append_column(column: &ArrayRef, descending: bool, words: &mut [u128]) {
    const SIGN: u64 = 1 << 63;
    match column.data_type() {
        DataType::Int64 => {
            append(column, column.as_primitive::<Int64Type>().values(), 64, descending, words, |v| {
                *v as u64 ^ SIGN
            })
        }
        DataType::UInt64 => {
            append(column, column.as_primitive::<UInt64Type>().values(), 64, descending, words, |v| *v);
        }
        DataType::Float64 => {
            append(column, column.as_primitive::<Float64Type>().values(), 64, descending, words, |v| {
                // -0.0 sorts as 0.0; a negative number's bits run backwards.
                let bits = (*v + 0.0).to_bits();
                if bits & SIGN == 0 { bits | SIGN } else { !bits }
            });
        }
        DataType::Decimal64(_, _) => {
            append(column, column.as_primitive::<Decimal64Type>().values(), 64, descending, words, |v| {
                *v as u64 ^ SIGN
            });
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>().values();
            append(column, values, 64, descending, words, |v| *v as u64 ^ SIGN);
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            let values = column.as_primitive::<DurationMicrosecondType>().values();
            append(column, values, 64, descending, words, |v| *v as u64 ^ SIGN);
        }
        DataType::Date32 => {
            append(column, column.as_primitive::<Date32Type>().values(), 32, descending, words, |v| {
                u64::from(*v as u32 ^ 1 << 31)
            });
        }
        // Every row is NULL: one bit that is the same for all orders nothing.
        _ => words.iter_mut().for_each(|word| *word <<= 1),
    }
}

fn append<T>(
    column: &ArrayRef,
    values: &[T],
    bits: u32,
    descending: bool,
    words: &mut [u128],
    ordered: impl Fn(&T) -> u64,
) {
    let mask = (1u128 << (bits + 1)) - 1;
    let flip = if descending { mask } else { 0 };
    let present = 1u128 << bits;
    match column.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => {
            for (word, value) in words.iter_mut().zip(values) {
                *word = *word << (bits + 1) | ((present | u128::from(ordered(value))) ^ flip);
            }
        }
        Some(nulls) => {
            for (row, (word, value)) in words.iter_mut().zip(values).enumerate() {
                let key = if nulls.is_valid(row) { present | u128::from(ordered(value)) } else { 0 };
                *word = *word << (bits + 1) | (key ^ flip);
            }
        }
    }
}
