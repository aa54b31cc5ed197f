//! What a build side knows of its keys, for the scan of the probe side.

use allod_storage::schema::{Datum, SqlType};
use arrow::array::ArrayRef;
use std::sync::Arc;

use super::index::{Found, Index};
use crate::batch::take;
use crate::key::{Encoder, Form, Layout, MISS, Range, WordColumn};
use crate::pipeline::{Bounds, RuntimeFilter};

/// Bits that a bitmap over one of several key columns may always have, and how many more for each row.
const BITS_MIN: u64 = 1 << 16;
const BITS_PER_ROW: u64 = 64;

/// A filter on a plain column of one word.
#[derive(Debug)]
pub(super) struct ColumnFilter {
    form: Form,
    ty: SqlType,
    range: Range,
    values: Values,
}

/// Which values there are.
#[derive(Debug)]
pub(super) enum Values {
    /// Those of the index's only key.
    Indexed(Arc<Index>, Arc<Layout>),
    /// Those of a set of its own.
    Among(Index, Layout),
    /// Nothing but their range.
    Unknown,
}

impl Values {
    /// The values of one of several key columns, if a bitmap can hold them.
    pub fn of<'a>(words: impl Iterator<Item = &'a WordColumn>, range: Range, workers: usize) -> Values {
        let words: Vec<&WordColumn> = words.collect();
        let rows: u64 = words.iter().map(|w| w.values.len() as u64).sum();
        let layout = Layout::exact(&[Range { nullable: false, ..range }]);
        if layout.limit() > u128::from(BITS_MIN.max(rows * BITS_PER_ROW)) {
            return Values::Unknown;
        }
        let mut keys = Vec::with_capacity(rows as usize);
        let mut packed = Vec::new();
        for column in words {
            layout.pack(std::slice::from_ref(column), column.values.len(), &mut packed);
            keys.extend_from_slice(&packed);
        }
        Values::Among(Index::build(&keys, layout.limit(), true, workers), layout)
    }
}

impl ColumnFilter {
    /// For a probe column of type `ty`, whose words are made by `form`.
    pub fn new(form: Form, ty: SqlType, range: Range, values: Values) -> ColumnFilter {
        ColumnFilter { form, ty, range, values }
    }

    fn datum(&self, word: i64) -> Option<Datum> {
        Some(match &self.ty {
            // Words of great unsigned integers are negative: their order is another.
            SqlType::Int { unsigned: true, .. } | SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
                Datum::UInt(u64::try_from(word).ok()?)
            }
            SqlType::Int { .. } | SqlType::Year => Datum::Int(word),
            SqlType::Decimal { scale, .. } => Datum::Decimal { value: i128::from(word), scale: *scale },
            SqlType::Date => Datum::Date(i32::try_from(word).ok()?),
            SqlType::DateTime(_) | SqlType::Timestamp(_) => Datum::DateTime(word),
            SqlType::Time(_) => Datum::Time(word),
            _ => return None,
        })
    }
}

impl RuntimeFilter for ColumnFilter {
    fn bounds(&self) -> Bounds {
        let Some((low, high)) = self.range.values else { return Bounds::Empty };
        match (self.datum(low), self.datum(high)) {
            (Some(low), Some(high)) => Bounds::Between(low, high),
            _ => Bounds::Unknown,
        }
    }

    fn retain(&self, column: &ArrayRef, among: Option<Vec<u32>>) -> Vec<u32> {
        let subset = among.as_ref().map(|rows| take(column, rows));
        let column = subset.as_ref().unwrap_or(column);
        let all = || among.clone().unwrap_or_else(|| (0..column.len() as u32).collect());
        let mut words = Vec::new();
        // A form that the build side did not expect is left to the join, which will say so.
        if Encoder::new(self.form.clone()).encode(column, &mut words).is_err() {
            return all();
        }
        let mut keys = Vec::new();
        let mut found = Found::default();
        match &self.values {
            Values::Indexed(index, layout) => {
                layout.pack(&words, column.len(), &mut keys);
                index.find(&keys, &mut found);
            }
            Values::Among(index, layout) => {
                layout.pack(&words, column.len(), &mut keys);
                index.find(&keys, &mut found);
            }
            Values::Unknown => {
                let layout = Layout::exact(&[Range { nullable: false, ..self.range }]);
                if layout.bits > 63 {
                    return all();
                }
                layout.pack(&words, column.len(), &mut keys);
                let inside = keys.iter().enumerate().filter(|(_, key)| **key != MISS);
                found.positions.extend(inside.map(|(position, _)| position as u32));
            }
        }
        match among {
            None => found.positions,
            Some(rows) => found.positions.into_iter().map(|position| rows[position as usize]).collect(),
        }
    }
}
