//! Predicates to key ranges.
//!
//! For each column of a key the conjuncts that compare it with constants say which values it may have: a sorted list of
//! disjoint intervals (a [`ValueSet`]). AND intersects them, OR and IN unite them. As long as the columns of the key have
//! points only, their combinations are prefixes; the first column with a wider interval ends the ranges. An OR over several
//! columns is taken branch by branch, and the ranges of its branches are united.
//!
//! ```sql
//! key (a, b, c): a in (1, 2) and b > 5 and c = 7        -- (1, 5)..[1], (2, 5)..[2]; c = 7 is left to a filter
//! key (a, b): (a = 1 and b = 2) or (a = 3 and b > 4)    -- [1 2], (3 4, 3]; so (a, b) in (…) and (a, b) > (…) work too
//! key (a): a like 'x%y'                                 -- [x, y); the LIKE is left to a filter
//! key (a(2)): a > 'abc' and a < 'b'                     -- ['ab', 'b']; both are left to a filter
//! ```
//! What would break it: a constant that the column cannot hold exactly. `int_column < 2.5` is `int_column <= 2` and
//! `int_column = 2.5` holds nowhere (see [`place`]); where rounding is not sure to be right (a string against an integer)
//! there is no range.

mod key;
mod place;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use key::{KeyColumn, KeyRanges, compare_values, disjoint, key_ranges};
pub(crate) use place::{as_column_value, subject};
pub(crate) use value::{ValueSet, column_values};
