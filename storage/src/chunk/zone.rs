//! Zone maps: the least and greatest value of each column in each block.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::{max, max_string_view, min, min_string_view};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use super::BLOCK_ROWS;
use crate::mvcc::ZoneFilter;
use crate::schema::{Datum, unpadded};

/// Longer strings are cut; the bound is then not a value of the block, but still a bound.
const TEXT_BYTES_MAX: usize = 32;

/// The zone maps of a chunk.
#[derive(Clone, Debug)]
pub(super) struct Zones {
    columns: Vec<Bounds>,
}

/// One column's least and greatest value by block; `None` for a block that is all NULL.
#[derive(Clone, Debug)]
enum Bounds {
    Int(Vec<Option<(i64, i64)>>),
    UInt(Vec<Option<(u64, u64)>>),
    Double(Vec<Option<(f64, f64)>>),
    Decimal(u8, Vec<Option<(i128, i128)>>),
    Date(Vec<Option<(i32, i32)>>),
    DateTime(Vec<Option<(i64, i64)>>),
    Time(Vec<Option<(i64, i64)>>),
    Text(Vec<Option<(Box<[u8]>, Box<[u8]>)>>),
    /// A type without zone maps.
    Unknown,
}

impl Zones {
    pub(super) fn of(columns: &[ArrayRef], rows: usize) -> Zones {
        Zones { columns: columns.iter().map(|column| Bounds::of(column, rows)).collect() }
    }

    /// Looks at a column again, which has changed.
    pub(super) fn set(&mut self, ordinal: usize, column: &ArrayRef, rows: usize) {
        self.columns[ordinal] = Bounds::of(column, rows);
    }

    /// Whether a block can have a row that satisfies the filter.
    pub(super) fn may_contain(&self, block: usize, filter: &ZoneFilter) -> bool {
        let Some((least, greatest)) = self.columns.get(filter.ordinal).map(|column| column.at(block)) else {
            return true;
        };
        let (Some(least), Some(greatest)) = (least, greatest) else { return true };
        if least.is_null() {
            return false;
        }
        let beyond = |bound: &Option<Datum>, is_out: fn(std::cmp::Ordering) -> bool, value: &Datum| {
            bound.as_ref().is_some_and(|b| b.family() == value.family() && is_out(value.compare(b)))
        };
        !beyond(&filter.low, std::cmp::Ordering::is_lt, &greatest)
            && !beyond(&filter.high, std::cmp::Ordering::is_gt, &least)
    }
}

impl Bounds {
    fn of(column: &ArrayRef, rows: usize) -> Bounds {
        match column.data_type() {
            DataType::Int64 => Bounds::Int(primitive::<Int64Type>(column, rows)),
            DataType::UInt64 => Bounds::UInt(primitive::<UInt64Type>(column, rows)),
            DataType::Float64 => Bounds::Double(primitive::<Float64Type>(column, rows)),
            DataType::Decimal64(_, scale) => {
                let narrow = primitive::<Decimal64Type>(column, rows);
                let wide =
                    narrow.into_iter().map(|b| b.map(|(low, high)| (i128::from(low), i128::from(high))));
                Bounds::Decimal(*scale as u8, wide.collect())
            }
            DataType::Decimal128(_, scale) => {
                Bounds::Decimal(*scale as u8, primitive::<Decimal128Type>(column, rows))
            }
            DataType::Date32 => Bounds::Date(primitive::<Date32Type>(column, rows)),
            DataType::Timestamp(..) => Bounds::DateTime(primitive::<TimestampMicrosecondType>(column, rows)),
            DataType::Duration(_) => Bounds::Time(primitive::<DurationMicrosecondType>(column, rows)),
            DataType::Utf8View => Bounds::Text(by_block(rows, |from, len| {
                let block = column.slice(from, len);
                let block = block.as_string_view();
                Some((text_floor(min_string_view(block)?), text_ceiling(max_string_view(block)?)))
            })),
            DataType::Dictionary(..) => {
                let codes = column.as_dictionary::<UInt16Type>();
                let values = codes.values().as_string_view();
                // A dictionary's values ascend, so the codes order as the values do.
                Bounds::Text(by_block(rows, |from, len| {
                    let (low, high) = least_and_greatest(&codes.keys().slice(from, len))?;
                    Some((text_floor(values.value(low.into())), text_ceiling(values.value(high.into()))))
                }))
            }
            _ => Bounds::Unknown,
        }
    }

    /// Least and greatest value of a block: `None` if not known, NULL if there is none.
    fn at(&self, block: usize) -> (Option<Datum>, Option<Datum>) {
        fn both<T: Clone>(
            bounds: &[Option<(T, T)>],
            block: usize,
            datum: impl Fn(T) -> Datum,
        ) -> (Option<Datum>, Option<Datum>) {
            match bounds.get(block) {
                Some(Some((low, high))) => (Some(datum(low.clone())), Some(datum(high.clone()))),
                Some(None) => (Some(Datum::Null), Some(Datum::Null)),
                None => (None, None),
            }
        }
        match self {
            Bounds::Int(b) => both(b, block, Datum::Int),
            Bounds::UInt(b) => both(b, block, Datum::UInt),
            Bounds::Double(b) => both(b, block, Datum::Double),
            Bounds::Decimal(scale, b) => both(b, block, |value| Datum::Decimal { value, scale: *scale }),
            Bounds::Date(b) => both(b, block, Datum::Date),
            Bounds::DateTime(b) => both(b, block, Datum::DateTime),
            Bounds::Time(b) => both(b, block, Datum::Time),
            Bounds::Text(b) => both(b, block, |text| Datum::Bytes(text.into())),
            Bounds::Unknown => (None, None),
        }
    }
}

fn by_block<T>(rows: usize, bounds: impl Fn(usize, usize) -> Option<(T, T)>) -> Vec<Option<(T, T)>> {
    (0..rows).step_by(BLOCK_ROWS).map(|from| bounds(from, BLOCK_ROWS.min(rows - from))).collect()
}

fn primitive<T: ArrowPrimitiveType>(column: &ArrayRef, rows: usize) -> Vec<Option<(T::Native, T::Native)>> {
    let array = column.as_primitive::<T>();
    by_block(rows, |from, len| least_and_greatest(&array.slice(from, len)))
}

fn least_and_greatest<T: ArrowPrimitiveType>(block: &PrimitiveArray<T>) -> Option<(T::Native, T::Native)> {
    Some((min(block)?, max(block)?))
}

/// What all texts of a block are compared as is not less than this, if the bytes of none are less than those of `text`: one that
/// only loses blanks at its end comes before others if these have a control character in the place of a blank.
fn text_floor(text: &str) -> Box<[u8]> {
    let bytes = &text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)];
    let printed = bytes.iter().position(|b| *b < b' ').unwrap_or(bytes.len());
    unpadded(&bytes[..printed]).into()
}

/// A byte that UTF-8 never uses makes a cut text greater than anything that begins like it.
fn text_ceiling(text: &str) -> Box<[u8]> {
    match text.as_bytes() {
        short if short.len() <= TEXT_BYTES_MAX => short.into(),
        long => [&long[..TEXT_BYTES_MAX], &[0xFF]].concat().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringViewArray};

    use super::*;

    fn filter(low: Option<Datum>, high: Option<Datum>) -> ZoneFilter {
        ZoneFilter { ordinal: 0, low, high }
    }

    #[test]
    fn a_block_is_skipped_only_if_no_row_can_match() {
        let values = (0..3 * BLOCK_ROWS as i64).map(|v| (v < 2 * BLOCK_ROWS as i64).then_some(v));
        let column: ArrayRef = Arc::new(Int64Array::from_iter(values));
        let zones = Zones::of(&[column], 3 * BLOCK_ROWS);
        let block = BLOCK_ROWS as i64;
        let wanted = filter(Some(Datum::Int(block)), Some(Datum::Int(block)));
        assert!(!zones.may_contain(0, &wanted));
        assert!(zones.may_contain(1, &wanted));
        assert!(!zones.may_contain(2, &filter(None, None)), "a block of NULLs satisfies nothing");
        // Numbers compare across their forms; other families say nothing.
        let low = Datum::Decimal { value: i128::from(block) * 10 - 5, scale: 1 };
        assert!(!zones.may_contain(0, &filter(Some(low), None)));
        assert!(zones.may_contain(0, &filter(Some(Datum::string("zzz")), None)));
    }

    #[test]
    fn long_texts_are_bounded_by_their_head() {
        let long = "x".repeat(TEXT_BYTES_MAX + 10);
        let column: ArrayRef = Arc::new(StringViewArray::from(vec![long.as_str()]));
        let zones = Zones::of(&[column], 1);
        let point = |s: &str| filter(Some(Datum::string(s)), Some(Datum::string(s)));
        assert!(zones.may_contain(0, &point(&long)));
        assert!(!zones.may_contain(0, &point("y")));
        assert!(!zones.may_contain(0, &point("w")));
    }

    #[test]
    fn nulls_among_codes_do_not_widen_the_bounds() {
        let texts = (0..3 * BLOCK_ROWS).map(|row| match row / BLOCK_ROWS {
            0 => (row % 2 == 0).then_some("b"),
            1 => None,
            _ => Some(if row % 2 == 0 { "a" } else { "c" }),
        });
        let pieces: [ArrayRef; 1] = [Arc::new(StringViewArray::from_iter(texts))];
        let codes = crate::chunk::dictionary::encode(&pieces, None).expect("few values");
        let zones = Zones::of(&[Arc::new(codes)], 3 * BLOCK_ROWS);
        let kept = |low: &str, high: &str| {
            let wanted = filter(Some(Datum::string(low)), Some(Datum::string(high)));
            (0..3).filter(|&block| zones.may_contain(block, &wanted)).collect::<Vec<_>>()
        };
        // A NULL's code is 0, which is that of "a".
        assert_eq!(kept("a", "a"), [2]);
        assert_eq!(kept("b", "b"), [0, 2]);
        assert_eq!(kept("d", "z"), [0; 0]);
    }
}
