//! Rows in the order of their keys, each key once.
//!
//! Keys of up to 128 bits without NULLs are packed into words, others are made comparable bytes for a whole batch at once.
//! Input that comes sorted, as that of a scan often does, is only looked through.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, DurationMicrosecondType, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt64Type,
};
use arrow::row::{RowConverter, SortField};

use crate::batch::NO_ROW;
use crate::error::Result;

/// Different keys in ascending order.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    /// For each key a row that has it; `None` if every row of the batch has a key, each its own, in order.
    pub firsts: Option<Vec<u32>>,
    /// For each row of the batch the number of its key; [`NO_ROW`] if it has none. `None` = the row's own number.
    pub of_row: Option<Vec<u32>>,
    /// How many keys there are.
    pub count: usize,
}

const SIGN: u64 = 1 << 63;

/// Numbers the keys of the rows `among` (ascending; `None` = all `rows`). Rows of different `parts` have different keys.
pub(super) fn distinct(
    columns: &[ArrayRef],
    rows: usize,
    among: Option<&[u32]>,
    parts: Option<&[u32]>,
) -> Result<Distinct> {
    if columns.is_empty() && parts.is_none() && among.is_none() && rows > 0 {
        return Ok(Distinct { firsts: Some(vec![0]), of_row: Some(vec![0; rows]), count: 1 });
    }
    // The usual case by itself: one number, already in order.
    if let ([column], None, None) = (columns, among, parts)
        && column.data_type() == &DataType::Int64
        && column.null_count() == 0
    {
        let values = column.as_primitive::<Int64Type>().values();
        if values.windows(2).all(|w| w[0] < w[1]) {
            return Ok(Distinct { firsts: None, of_row: None, count: rows });
        }
    }
    let bits: Option<u32> = columns.iter().map(bits).sum();
    let no_nulls = columns.iter().all(|c| c.null_count() == 0);
    match bits.filter(|_| no_nulls) {
        Some(0..=64) => {
            let mut words = vec![0u64; rows];
            columns
                .iter()
                .for_each(|c| append(c, &mut words, |word, bits, value| word << (bits % 64) | value));
            Ok(number(rows, among, parts, |row| words[row as usize]))
        }
        Some(65..=128) => {
            let mut words = vec![0u128; rows];
            columns
                .iter()
                .for_each(|c| append(c, &mut words, |word, bits, value| word << bits | u128::from(value)));
            Ok(number(rows, among, parts, |row| words[row as usize]))
        }
        _ => {
            let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
            let keys = RowConverter::new(fields)?.convert_columns(columns)?;
            Ok(number(rows, among, parts, |row| keys.row(row as usize)))
        }
    }
}

/// Numbers rows by key, then part.
fn number<K: Ord + Copy>(
    rows: usize,
    among: Option<&[u32]>,
    parts: Option<&[u32]>,
    key: impl Fn(u32) -> K,
) -> Distinct {
    let part = |row: u32| parts.map_or(0, |parts| parts[row as usize]);
    let mut order: Vec<(K, u64)> = match among {
        Some(among) => {
            among.iter().map(|&row| (key(row), u64::from(part(row)) << 32 | u64::from(row))).collect()
        }
        None => (0..rows as u32).map(|row| (key(row), u64::from(part(row)) << 32 | u64::from(row))).collect(),
    };
    if !order.is_sorted() {
        order.sort_unstable();
    }
    let mut of_row = vec![NO_ROW; rows];
    let mut firsts = Vec::with_capacity(order.len());
    let mut last: Option<(K, u64)> = None;
    for (key, place) in order {
        let this = (key, place >> 32);
        if last != Some(this) {
            firsts.push(place as u32);
            last = Some(this);
        }
        of_row[place as u32 as usize] = firsts.len() as u32 - 1;
    }
    Distinct { count: firsts.len(), firsts: Some(firsts), of_row: Some(of_row) }
}

/// Bits of a value as a word; `None` if it does not go into one.
fn bits(column: &ArrayRef) -> Option<u32> {
    match column.data_type() {
        DataType::Int64
        | DataType::UInt64
        | DataType::Float64
        | DataType::Decimal64(_, _)
        | DataType::Timestamp(TimeUnit::Microsecond, None)
        | DataType::Duration(TimeUnit::Microsecond) => Some(64),
        DataType::Date32 => Some(32),
        _ => None,
    }
}

/// Puts the bits of a column below those of each word; `join` gets a word, the number of bits, and the bits.
fn append<W: Copy>(column: &ArrayRef, words: &mut [W], join: impl Fn(W, u32, u64) -> W) {
    let mut put = |bits: u32, values: &mut dyn Iterator<Item = u64>| {
        words.iter_mut().zip(values).for_each(|(word, value)| *word = join(*word, bits, value));
    };
    let signed = |v: i64| v as u64 ^ SIGN;
    match column.data_type() {
        DataType::Int64 => {
            put(64, &mut column.as_primitive::<Int64Type>().values().iter().map(|&v| signed(v)));
        }
        DataType::UInt64 => put(64, &mut column.as_primitive::<UInt64Type>().values().iter().copied()),
        DataType::Decimal64(_, _) => {
            put(64, &mut column.as_primitive::<Decimal64Type>().values().iter().map(|&v| signed(v)));
        }
        DataType::Timestamp(_, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>().values();
            put(64, &mut values.iter().map(|&v| signed(v)));
        }
        DataType::Duration(_) => {
            let values = column.as_primitive::<DurationMicrosecondType>().values();
            put(64, &mut values.iter().map(|&v| signed(v)));
        }
        DataType::Float64 => {
            let flip = |v: f64| {
                let bits = (v + 0.0).to_bits();
                if bits & SIGN != 0 { !bits } else { bits | SIGN }
            };
            put(64, &mut column.as_primitive::<Float64Type>().values().iter().map(|&v| flip(v)));
        }
        DataType::Date32 => {
            let values = column.as_primitive::<Date32Type>().values();
            put(32, &mut values.iter().map(|&v| u64::from(v as u32 ^ 1 << 31)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringViewArray};

    use super::*;

    #[test]
    fn keys_are_numbered_in_order_whatever_their_form() {
        let numbers = [7i64, -3, 7, 0, i64::MIN, 7, i64::MAX, 0];
        let ints: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
        let nullable: ArrayRef =
            Arc::new(numbers.iter().map(|&n| (n != 0).then_some(n)).collect::<Int64Array>());
        let words: ArrayRef =
            Arc::new(StringViewArray::from_iter_values(numbers.map(|n| format!("word number {n}"))));
        let parts = [0, 0, 1, 0, 0, 0, 0, 0];
        let among = [0u32, 2, 3, 5, 7];
        for columns in [
            vec![Arc::clone(&ints)],
            vec![Arc::clone(&ints), Arc::clone(&ints)],
            vec![nullable],
            vec![words, ints],
            vec![],
        ] {
            for parts in [None, Some(&parts[..])] {
                for among in [None, Some(&among[..])] {
                    let found = distinct(&columns, 8, among, parts).unwrap();
                    let of_row = found.of_row.unwrap();
                    let firsts = found.firsts.unwrap();
                    assert_eq!(firsts.len(), found.count);
                    let all: Vec<u32> = (0..8).collect();
                    let in_play = among.unwrap_or(&all);
                    for row in 0..8u32 {
                        assert_eq!(of_row[row as usize] != NO_ROW, in_play.contains(&row));
                    }
                    let key = |row: u32| {
                        let cells: Vec<_> =
                            columns.iter().map(|c| crate::values::datum(c, row as usize).unwrap()).collect();
                        (cells, parts.map_or(0, |p| p[row as usize]))
                    };
                    let compare = |a: u32, b: u32| {
                        let ((x, p), (y, q)) = (key(a), key(b));
                        let cells = x.iter().zip(&y).map(|(x, y)| x.compare(y));
                        cells.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(p.cmp(&q))
                    };
                    assert!(firsts.windows(2).all(|w| compare(w[0], w[1]).is_lt()), "{firsts:?}");
                    for &row in in_play {
                        assert!(compare(firsts[of_row[row as usize] as usize], row).is_eq());
                    }
                }
            }
        }
        let sorted: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 5]));
        let found = distinct(&[sorted], 3, None, None).unwrap();
        assert!(found.firsts.is_none() && found.of_row.is_none() && found.count == 3);
    }
}
