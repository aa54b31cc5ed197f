//! SELECT … FOR UPDATE and its like: the query also returns the rows that it found its own rows in, for whoever runs it to
//! lock.
//!
//! What is locked are the rows of the tables in FROM (those that OF names, if it does), not those of subqueries and derived
//! tables, as in MySQL. So the columns of these tables are added behind the visible ones, and locking is a matter of what comes
//! out: rows that LIMIT leaves out are not locked. With SKIP LOCKED the limit counts rows that could be locked, and is left to
//! whoever locks them. What was left out: queries of which a row is not made of one row of each table (DISTINCT, GROUP BY,
//! UNION). FOR SHARE locks as FOR UPDATE does: there is one kind of lock.

use std::sync::Arc;

use allod_storage::schema::TableDescriptor;
use sqlparser::ast;

use super::PartitionFunction;
use super::binder::{Binder, Block};
use super::expression::not_supported;
use crate::error::Error;
use crate::logical::{OutputColumn, Plan, Scan};

/// What a query locks.
#[derive(Clone, Debug, PartialEq)]
pub struct Locking {
    /// So many columns of the output are the query's own; behind them come those of the tables.
    pub visible: usize,
    /// The tables.
    pub tables: Vec<LockedTable>,
    /// What to do about rows that others have locked.
    pub wait: LockingWait,
    /// With SKIP LOCKED: rows to skip, and rows to return at most, of those that could be locked.
    pub limit: Option<(u64, Option<u64>)>,
}

/// A table whose rows are locked.
#[derive(Clone, Debug, PartialEq)]
pub struct LockedTable {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// How its rows are dealt; `None` if it is not partitioned.
    pub partition: Option<Arc<PartitionFunction>>,
    /// Where its columns are in the output: all of them in order, hidden ones included. NULL throughout where an outer join
    /// found no row.
    pub first: usize,
}

/// What to do about rows that others have locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockingWait {
    /// Wait.
    Wait,
    /// NOWAIT: fail.
    No,
    /// SKIP LOCKED: leave them out.
    Skip,
}

impl Binder<'_> {
    /// Adds to a query what its locking clauses need.
    pub(super) fn locking(
        &mut self,
        block: Block,
        clauses: &[ast::LockClause],
    ) -> Result<(Block, Option<Locking>), Error> {
        let Some(clause) = clauses.first() else { return Ok((block, None)) };
        let wait = match clause.nonblock {
            None => LockingWait::Wait,
            Some(ast::NonBlock::Nowait) => LockingWait::No,
            Some(ast::NonBlock::SkipLocked) => LockingWait::Skip,
        };
        if clauses.iter().any(|c| c.nonblock != clause.nonblock) {
            return Err(not_supported("several locking clauses that differ"));
        }
        // `None` = all.
        let named: Option<Vec<String>> =
            clauses.iter().map(|c| Some(c.of.as_ref()?.0.last()?.as_ident()?.value.clone())).collect();
        let Block { mut plan, mut output } = block;
        let visible = output.len();
        let mut limit = None;
        if let Plan::Limit { input, offset, count } = plan {
            match wait {
                LockingWait::Skip => {
                    limit = Some((offset, count));
                    plan = *input;
                }
                LockingWait::Wait | LockingWait::No => plan = Plan::Limit { input, offset, count },
            }
        }
        let mut top = &mut plan;
        while let Plan::Limit { input, .. } | Plan::Sort { input, .. } = top {
            top = input;
        }
        let Plan::Project { input, exprs } = top else {
            return Err(not_supported("FOR UPDATE of a query with DISTINCT, UNION or VALUES"));
        };
        let mut scans = Vec::new();
        rows_of(input, &mut scans)?;
        let mut tables = Vec::new();
        for name in named.iter().flatten() {
            if !scans.iter().any(|scan| scan.alias.eq_ignore_ascii_case(name)) {
                return Err(Error::UnknownRelation(name.clone()));
            }
        }
        let is_named = |scan: &&Scan| {
            named.as_ref().is_none_or(|names| names.iter().any(|n| scan.alias.eq_ignore_ascii_case(n)))
        };
        let mut added = Vec::new();
        for scan in scans.into_iter().filter(is_named) {
            let first = output.len();
            // In the order of the table, whatever that of the scan.
            let mut columns = scan.columns.clone();
            columns.sort_unstable_by_key(|(_, ordinal)| *ordinal);
            if columns.len() != scan.table.columns.len() {
                return Err(not_supported("FOR UPDATE of this query"));
            }
            for (id, ordinal) in columns {
                output.push(OutputColumn { id, name: Arc::clone(&scan.table.columns[ordinal].name) });
                added.push(id);
            }
            let (table, partition) = (Arc::clone(&scan.table), scan.dealing.clone());
            tables.push(LockedTable { table, partition, first });
        }
        for id in added {
            if !exprs.iter().any(|(known, _)| *known == id) {
                exprs.push((id, self.column(id)));
            }
        }
        let locking = Locking { visible, tables, wait, limit };
        Ok((Block { plan, output }, Some(locking)))
    }
}

/// The scans of which one row each, or none, makes a row of the plan.
fn rows_of<'a>(plan: &'a Plan, scans: &mut Vec<&'a Scan>) -> Result<(), Error> {
    match plan {
        Plan::Scan(scan) => scans.push(scan),
        Plan::Filter { input, .. } => rows_of(input, scans)?,
        Plan::Join(join) => {
            rows_of(&join.left, scans)?;
            // An aggregate here is a subquery's, or a derived table's.
            if join.kind.keeps_right() && !matches!(*join.right, Plan::Aggregate { .. }) {
                rows_of(&join.right, scans)?;
            }
        }
        Plan::Apply { join, .. } => rows_of(&join.left, scans)?,
        Plan::Aggregate { .. } => {
            return Err(not_supported("FOR UPDATE of a query with GROUP BY or aggregates"));
        }
        // Derived tables, subqueries, and what is no table.
        Plan::Project { .. }
        | Plan::Sort { .. }
        | Plan::Limit { .. }
        | Plan::Union { .. }
        | Plan::MaxOneRow { .. }
        | Plan::Values { .. }
        | Plan::CteScan { .. } => {}
    }
    Ok(())
}
