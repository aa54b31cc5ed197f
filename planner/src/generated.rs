//! What a table's generated columns hold, as plain data that crosses to the executor.

use crate::expr::{Expr, FunctionUsage};

/// The generated columns of a table. Made once per statement by [`bind_generated`](crate::bind::bind_generated).
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedColumns {
    /// The ordinal of each and what it holds, converted to its type, in the order of the table: one may use those before it.
    /// The column with ordinal `i` is `ColumnId(i)`, apart from the ids of the statement.
    pub columns: Vec<(usize, Expr)>,
    /// The functions that binding the expressions used.
    pub usage: FunctionUsage,
}
