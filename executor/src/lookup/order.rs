//! Rows in the order of their keys, each key once.
//!
//! Keys of numbers without NULLs are packed into words, each column in as many bits as its values in this batch differ in,
//! with the row's number below: a batch of handles is then sorted as a list of plain 64-bit words. Others are made
//! comparable bytes for a whole batch at once. Input that comes sorted, as that of a scan often does, is only looked through.

use std::ops::{BitOr, Shl, Shr};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, DurationMicrosecondType, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt64Type,
};
use arrow::row::{RowConverter, SortField};

use crate::batch::NO_ROW;
use crate::error::Result;
use crate::key::unpadded_column;

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
    let numbers: Option<Vec<Vec<u64>>> = columns.iter().map(numbers).collect();
    if let Some(mut numbers) = numbers {
        numbers.extend(parts.map(|parts| parts.iter().map(|&part| u64::from(part)).collect()));
        let fields: Vec<Field> = numbers.into_iter().map(Field::new).collect();
        let bits = fields.iter().map(|field| field.bits).sum::<u32>() + bits_of(rows as u64);
        if bits <= u64::BITS {
            return Ok(packed::<u64>(&fields, rows, among, |word| word as u32));
        } else if bits <= u128::BITS {
            return Ok(packed::<u128>(&fields, rows, among, |word| word as u32));
        }
    }
    let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
    let columns: Vec<ArrayRef> = columns.iter().map(unpadded_column).collect();
    let keys = RowConverter::new(fields)?.convert_columns(&columns)?;
    let part = |row: u32| parts.map_or(0, |parts| parts[row as usize]);
    let place = |row: u32| ((keys.row(row as usize), part(row)), row);
    let mut order: Vec<_> = match among {
        Some(among) => among.iter().map(|&row| place(row)).collect(),
        None => (0..rows as u32).map(place).collect(),
    };
    let sorted = order.is_sorted();
    if !sorted {
        order.sort_unstable();
    }
    Ok(number(order.into_iter(), rows, sorted))
}

/// Numbers of a batch as a part of a word.
struct Field {
    values: Vec<u64>,
    least: u64,
    /// What their differences from the least fit in.
    bits: u32,
}

impl Field {
    fn new(values: Vec<u64>) -> Field {
        let least = values.iter().copied().min().unwrap_or(0);
        let most = values.iter().copied().max().unwrap_or(0);
        Field { values, least, bits: bits_of(most - least) }
    }
}

fn bits_of(most: u64) -> u32 {
    u64::BITS - most.leading_zeros()
}

/// Numbers rows by words: the fields one below the other, and the row at the bottom, which `low` gets out.
fn packed<W>(fields: &[Field], rows: usize, among: Option<&[u32]>, low: impl Fn(W) -> u32) -> Distinct
where
    W: Copy + Ord + From<u64> + Shl<u32, Output = W> + Shr<u32, Output = W> + BitOr<Output = W>,
{
    let row_bits = bits_of(rows as u64);
    let mut words = vec![W::from(0); rows];
    for Field { values, least, bits } in fields {
        words
            .iter_mut()
            .zip(values)
            .for_each(|(word, value)| *word = *word << *bits | W::from(value - least));
    }
    words.iter_mut().zip(0u64..).for_each(|(word, row)| *word = *word << row_bits | W::from(row));
    if let Some(among) = among {
        words = among.iter().map(|&row| words[row as usize]).collect();
    }
    let sorted = words.is_sorted();
    if !sorted {
        words.sort_unstable();
    }
    let row_mask = ((1u64 << row_bits) - 1) as u32;
    number(words.into_iter().map(|word| (word >> row_bits, low(word) & row_mask)), rows, sorted)
}

/// Numbers the keys of rows that come in their order. `as_they_lie` says that this is also the order of the rows.
fn number<K: PartialEq>(
    order: impl ExactSizeIterator<Item = (K, u32)>,
    rows: usize,
    as_they_lie: bool,
) -> Distinct {
    let is_all = order.len() == rows;
    let mut of_row = vec![NO_ROW; rows];
    let mut firsts = Vec::with_capacity(order.len());
    let mut last: Option<K> = None;
    for (key, row) in order {
        if last.as_ref() != Some(&key) {
            firsts.push(row);
            last = Some(key);
        }
        of_row[row as usize] = firsts.len() as u32 - 1;
    }
    let count = firsts.len();
    if is_all && as_they_lie && count == rows {
        return Distinct { firsts: None, of_row: None, count };
    }
    Distinct { count, firsts: Some(firsts), of_row: Some(of_row) }
}

/// The values of a column as numbers that order as they do; `None` if they are none, or some are NULL.
fn numbers(column: &ArrayRef) -> Option<Vec<u64>> {
    let signed = |v: i64| v as u64 ^ SIGN;
    if column.null_count() > 0 {
        return None;
    }
    Some(match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().values().iter().map(|&v| signed(v)).collect(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().values().to_vec(),
        DataType::Decimal64(_, _) => {
            column.as_primitive::<Decimal64Type>().values().iter().map(|&v| signed(v)).collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            column.as_primitive::<TimestampMicrosecondType>().values().iter().map(|&v| signed(v)).collect()
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            column.as_primitive::<DurationMicrosecondType>().values().iter().map(|&v| signed(v)).collect()
        }
        DataType::Date32 => {
            let values = column.as_primitive::<Date32Type>().values();
            values.iter().map(|&v| signed(i64::from(v))).collect()
        }
        DataType::Float64 => {
            let flip = |v: f64| {
                let bits = (v + 0.0).to_bits();
                if bits & SIGN != 0 { !bits } else { bits | SIGN }
            };
            column.as_primitive::<Float64Type>().values().iter().map(|&v| flip(v)).collect()
        }
        _ => return None,
    })
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
        let small: ArrayRef = Arc::new(numbers.iter().map(|n| n % 5).collect::<Int64Array>());
        let nullable: ArrayRef =
            Arc::new(numbers.iter().map(|&n| (n != 0).then_some(n)).collect::<Int64Array>());
        let words: ArrayRef =
            Arc::new(StringViewArray::from_iter_values(numbers.map(|n| format!("word number {n}"))));
        let parts = [0, 0, 1, 0, 0, 0, 0, 0];
        let among = [0u32, 2, 3, 5, 7];
        for columns in [
            vec![Arc::clone(&ints)],
            vec![Arc::clone(&ints), Arc::clone(&ints)],
            vec![Arc::clone(&small), Arc::clone(&ints)],
            vec![Arc::clone(&small), Arc::clone(&small), small],
            vec![nullable],
            vec![words, ints],
            vec![],
        ] {
            for parts in [None, Some(&parts[..])] {
                for among in [None, Some(&among[..])] {
                    let found = distinct(&columns, 8, among, parts).unwrap();
                    let in_order = |numbers: Option<Vec<u32>>| numbers.unwrap_or((0..8).collect());
                    let (of_row, firsts) = (in_order(found.of_row), in_order(found.firsts));
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
        let (high, low): (ArrayRef, ArrayRef) =
            (Arc::new(Int64Array::from(vec![1, 1, 2])), Arc::new(Int64Array::from(vec![8, 9, -3])));
        let found = distinct(&[high, low], 3, None, Some(&[4, 4, 4])).unwrap();
        assert!(
            found.firsts.is_none() && found.of_row.is_none() && found.count == 3,
            "in order, each its own"
        );
    }
}
