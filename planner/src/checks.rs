//! What a table's CHECK constraints ask of a row, as plain data that crosses to the executor.

use std::sync::Arc;

use crate::expr::{Expr, FunctionUsage};

/// The CHECK constraints of a table that are enforced. Made once per statement by [`bind_checks`](crate::bind::bind_checks).
#[derive(Clone, Debug, PartialEq)]
pub struct RowChecks {
    /// Each one's name, and an expression that is 1 for a row that violates it and 0 for any other, in the order of the
    /// table. The column with ordinal `i` is `ColumnId(i)`, apart from the ids of the statement.
    pub checks: Vec<(Arc<str>, Expr)>,
    /// The functions that binding the expressions used.
    pub usage: FunctionUsage,
}
