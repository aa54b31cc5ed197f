//! Which partition a row belongs to, as plain data that crosses to the executor.
//!
//! A [`PartitionFunction`] says what to evaluate for a row, and its `locate` which partition the values belong to. It is bound
//! once per statement (`bind::bind_partition`). Whoever writes, loads or looks up rows evaluates it with kernels (the
//! executor's dealer), pruning with the folding evaluator.

mod locate;

use allod_storage::schema::PartitionScheme;

use crate::expr::{Expr, FunctionUsage};

pub use locate::{crc32, key, key_bytes};

/// How a table's rows are dealt: expressions over its columns, and what their values say. Plain data, made once per statement.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionFunction {
    /// What is evaluated for a row: one expression (HASH, RANGE, LIST), or the columns (KEY, RANGE COLUMNS, LIST COLUMNS). The
    /// column with ordinal `i` is `ColumnId(i)`, apart from the ids of the statement.
    pub values: Vec<Expr>,
    /// The scheme of the descriptor.
    pub scheme: PartitionScheme,
    /// Number of partitions.
    pub partitions: usize,
    /// Positions of the partitions that a row may come to, ascending (`INSERT INTO t PARTITION (p)`); `None` = all. A row that
    /// belongs elsewhere is error 1748.
    pub allowed: Option<Vec<usize>>,
    /// The functions that binding the expression used.
    pub usage: FunctionUsage,
}
