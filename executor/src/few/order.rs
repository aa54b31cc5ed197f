//! The order of tuples, by columns of theirs.

use std::cmp::Ordering;

use allod_planner::physical::SortKey;
use allod_storage::schema::{ColumnType, SqlType, unpadded};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, UInt16Type};

use super::aggregate::{is_whole, whole};
use super::compile::At;
use super::walk::{Tuple, Walk};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    pub fn of(key: &SortKey) -> Direction {
        if key.descending { Direction::Descending } else { Direction::Ascending }
    }
}

/// Whether tuples can be sorted by columns of this type: whole numbers, and texts by their bytes.
pub(super) fn is_ordered(ty: &ColumnType) -> bool {
    is_whole(&ty.arrow()) || matches!(ty.sql, SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..))
}

/// How two tuples stand to each other; NULLs are least. `None` if that cannot be said.
pub(super) fn compare(walk: &Walk<'_>, keys: &[(At, Direction)], a: &Tuple, b: &Tuple) -> Option<Ordering> {
    compare_by(keys, |at| (walk.value(a, at), walk.value(b, at)))
}

/// The same of things whose values are told.
pub(super) fn compare_by<'a>(
    keys: &[(At, Direction)],
    values_at: impl Fn(At) -> (Option<(&'a ArrayRef, usize)>, Option<(&'a ArrayRef, usize)>),
) -> Option<Ordering> {
    for &(at, direction) in keys {
        let some = |value: Option<(&'a ArrayRef, usize)>| value.filter(|(column, row)| !column.is_null(*row));
        let (a, b) = values_at(at);
        let order = match (some(a), some(b)) {
            (Some(a), Some(b)) => values(a, b)?,
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        let order = match direction {
            Direction::Ascending => order,
            Direction::Descending => order.reverse(),
        };
        if order != Ordering::Equal {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

/// Whether two tuples that are equal are the same: texts may differ in the blanks at their ends.
pub(super) fn are_same(walk: &Walk<'_>, keys: &[(At, Direction)], a: &Tuple, b: &Tuple) -> bool {
    keys.iter().all(|&(at, _)| walk.value(a, at).and_then(text) == walk.value(b, at).and_then(text))
}

fn values(a: (&ArrayRef, usize), b: (&ArrayRef, usize)) -> Option<Ordering> {
    match (text(a), text(b)) {
        (Some(a), Some(b)) => Some(unpadded(a.as_bytes()).cmp(unpadded(b.as_bytes()))),
        _ => Some(whole(a.0, a.1)?.cmp(&whole(b.0, b.1)?)),
    }
}

fn text((column, row): (&ArrayRef, usize)) -> Option<&str> {
    match column.data_type() {
        _ if column.is_null(row) => None,
        DataType::Utf8View => Some(column.as_string_view().value(row)),
        DataType::Dictionary(_, _) => {
            let codes = column.as_dictionary_opt::<UInt16Type>()?;
            let texts = codes.values().as_string_view_opt()?;
            Some(texts.value(usize::from(codes.keys().value(row))))
        }
        _ => None,
    }
}
