//! SELECT … FOR UPDATE and its like.
//!
//! What is locked are the rows of the tables in FROM (those that OF names, if it does) that WHERE lets through, not those of
//! subqueries and derived tables, which have locking clauses of their own, as in MySQL. So a [`Plan::Lock`] goes above WHERE
//! and below everything else, wherever the query stands: rows that are grouped, counted or made distinct are locked all the
//! same. Behind a UNION the clause is that of the last SELECT, unless there are parentheses. There are no locks that several
//! may hold: FOR SHARE locks as FOR UPDATE does, unless variables say otherwise.
//!
//! **SKIP LOCKED** is another matter, for what can be locked decides what the query returns, and how many rows a LIMIT lets
//! through: the columns that tell which rows to lock are added behind the visible ones, and whoever runs the query locks row
//! by row as they come ([`SkipLocked`]). That is had at the top of a statement only, and where a row of the result is made of
//! one row of each table.

use std::sync::Arc;

use allod_storage::schema::{Datum, TableDescriptor};
use sqlparser::ast;

use super::PartitionFunction;
use super::binder::{Binder, Block};
use super::expression::not_supported;
use super::scope::Relation;
use crate::error::Error;
use crate::logical::{LockStrength, LockedTable, LockingWait, OutputColumn, Plan, RowLock, Scan};
use crate::parse;
use crate::physical::PlanWarning;

/// MySQL's code of what there is not.
const NOT_SUPPORTED: u16 = 1235;

/// What a query with SKIP LOCKED locks as its rows come.
#[derive(Clone, Debug, PartialEq)]
pub struct SkipLocked {
    /// So many columns of the output are the query's own; behind them come those of the tables.
    pub visible: usize,
    /// The tables.
    pub tables: Vec<SkippedTable>,
    /// Rows to skip, and rows to return at most, of those that could be locked.
    pub limit: (u64, Option<u64>),
}

/// A table whose rows are locked, or skipped.
#[derive(Clone, Debug, PartialEq)]
pub struct SkippedTable {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// How its rows are dealt; `None` if it is not partitioned.
    pub partition: Option<Arc<PartitionFunction>>,
    /// What tells a row's key and partition: the ordinals of these columns of the table, and where they are in the output.
    /// NULL throughout where an outer join found no row.
    pub columns: Vec<(usize, usize)>,
}

/// Whether any of a query's own locking clauses says SKIP LOCKED.
pub(super) fn skips(clauses: &[ast::LockClause]) -> bool {
    clauses.iter().any(|c| c.nonblock == Some(ast::NonBlock::SkipLocked))
}

/// Locking clauses that say the same of their tables.
struct Clause {
    strength: LockStrength,
    wait: LockingWait,
    /// `None` = all tables.
    tables: Option<Vec<String>>,
}

impl Clause {
    fn names(&self, alias: &str) -> bool {
        self.tables.as_ref().is_none_or(|names| names.iter().any(|n| n.eq_ignore_ascii_case(alias)))
    }
}

impl Binder<'_> {
    /// Puts the locks of a SELECT above its FROM and WHERE.
    pub(super) fn lock_rows(
        &mut self,
        mut plan: Plan,
        scans: &[Scan],
        clauses: &[ast::LockClause],
    ) -> Result<Plan, Error> {
        for clause in read(clauses, &self.scope().relations)? {
            if clause.strength == LockStrength::Share && !self.shares()? {
                continue;
            }
            let of_scan = |scan: &Scan| LockedTable {
                table: Arc::clone(&scan.table),
                dealing: scan.dealing.clone(),
                columns: telling(scan).into_iter().map(|(id, ordinal)| (ordinal, id)).collect(),
            };
            scans.iter().filter(|s| clause.names(&s.alias)).try_for_each(|s| self.check_lock(&s.table))?;
            let tables: Vec<LockedTable> =
                scans.iter().filter(|scan| clause.names(&scan.alias)).map(of_scan).collect();
            if !tables.is_empty() {
                let lock = RowLock { tables, strength: clause.strength, wait: clause.wait };
                plan = Plan::Lock { input: Box::new(plan), lock };
            }
        }
        Ok(plan)
    }

    /// Whether FOR SHARE locks, as FOR UPDATE does (`tidb_enable_shared_lock_promotion`). If it does not, it is ignored where
    /// clauses without effect may be (`tidb_enable_noop_functions`), and else an error, as in TiDB.
    fn shares(&mut self) -> Result<bool, Error> {
        let variable = |name: &str| self.cx.session.variables.system(name, false);
        if variable("tidb_enable_shared_lock_promotion") != Some(Datum::Int(0)) {
            return Ok(true);
        }
        const WHAT: &str = "LOCK IN SHARE MODE without tidb_enable_shared_lock_promotion";
        match variable("tidb_enable_noop_functions") {
            Some(word) if word == Datum::string("ON") => Ok(false),
            Some(word) if word == Datum::string("WARN") => {
                let error = not_supported(WHAT);
                self.warnings.push(PlanWarning { code: NOT_SUPPORTED, message: error.to_string() });
                Ok(false)
            }
            _ => Err(not_supported(WHAT)),
        }
    }

    /// Adds to a query what its locking clauses need, which say SKIP LOCKED.
    pub(super) fn skip_locked(
        &mut self,
        block: Block,
        clauses: &[ast::LockClause],
    ) -> Result<(Block, SkipLocked), Error> {
        if clauses.iter().any(|c| c.nonblock != Some(ast::NonBlock::SkipLocked)) {
            return Err(not_supported("SKIP LOCKED beside another locking clause"));
        }
        let shares = clauses.iter().any(|clause| clause.lock_type == ast::LockType::Share);
        if shares && !self.shares()? {
            return Err(not_supported("FOR SHARE SKIP LOCKED without tidb_enable_shared_lock_promotion"));
        }
        let named: Option<Vec<&str>> =
            clauses.iter().map(|c| c.of.as_ref().and_then(|of| parse::read_of(of).1)).collect();
        let Block { mut plan, mut output } = block;
        let visible = output.len();
        let mut limit = (0, None);
        if let Plan::Limit { input, offset, count } = plan {
            limit = (offset, count);
            plan = *input;
        }
        let mut top = &mut plan;
        while let Plan::Sort { input, .. } = top {
            top = input;
        }
        let Plan::Project { input, exprs } = top else {
            return Err(not_supported("SKIP LOCKED in a query with DISTINCT, UNION or VALUES"));
        };
        let mut scans = Vec::new();
        if !rows_of(input, &mut scans) {
            return Err(not_supported("SKIP LOCKED in a query with GROUP BY or aggregates"));
        }
        for name in named.iter().flatten() {
            if !scans.iter().any(|scan| scan.alias.eq_ignore_ascii_case(name)) {
                return Err(Error::UnresolvedLock((*name).into()));
            }
        }
        let is_named = |scan: &Scan| {
            named.as_ref().is_none_or(|names| names.iter().any(|n| scan.alias.eq_ignore_ascii_case(n)))
        };
        let mut tables = Vec::new();
        for scan in scans.iter().filter(|scan| is_named(scan)) {
            let mut columns = Vec::new();
            for (id, ordinal) in telling(scan) {
                columns.push((ordinal, output.len()));
                output.push(OutputColumn { id, name: Arc::clone(&scan.table.columns[ordinal].name) });
                if !exprs.iter().any(|(known, _)| *known == id) {
                    exprs.push((id, self.column(id)));
                }
            }
            let (table, partition) = (Arc::clone(&scan.table), scan.dealing.clone());
            tables.push(SkippedTable { table, partition, columns });
        }
        Ok((Block { plan, output }, SkipLocked { visible, tables, limit }))
    }
}

/// The clauses, those that say the same as one.
fn read(clauses: &[ast::LockClause], relations: &[Relation]) -> Result<Vec<Clause>, Error> {
    let mut read: Vec<Clause> = Vec::new();
    for clause in clauses {
        let strength = match clause.lock_type {
            ast::LockType::Update => LockStrength::Update,
            ast::LockType::Share => LockStrength::Share,
        };
        let (seconds, table) = clause.of.as_ref().map_or((None, None), parse::read_of);
        let wait = match (&clause.nonblock, seconds) {
            (Some(ast::NonBlock::Nowait), _) => LockingWait::No,
            (Some(ast::NonBlock::SkipLocked), _) => {
                return Err(not_supported("SKIP LOCKED anywhere but at the end of a query"));
            }
            (None, None) => LockingWait::Wait,
            (None, Some(seconds)) => {
                let seconds = seconds.parse().map_err(|_| Error::BadArguments("FOR UPDATE WAIT".into()))?;
                LockingWait::Seconds(seconds)
            }
        };
        if let Some(name) = table
            && !relations.iter().any(|relation| relation.alias.eq_ignore_ascii_case(name))
        {
            return Err(Error::UnresolvedLock(name.into()));
        }
        let twice = match table {
            Some(name) => read.iter().any(|known| known.names(name)).then(|| name.to_owned()),
            None if read.is_empty() => None,
            None => relations.first().map(|relation| relation.alias.to_string()),
        };
        if let Some(name) = twice {
            return Err(Error::LockedTwice(name));
        }
        let same = read.iter_mut().find(|known| (known.strength, known.wait) == (strength, wait));
        match (same.and_then(|known| known.tables.as_mut()), table) {
            (Some(names), Some(table)) => names.push(table.into()),
            (_, table) => {
                read.push(Clause { strength, wait, tables: table.map(|table| vec![table.into()]) });
            }
        }
    }
    Ok(read)
}

/// The columns that tell which row of its table a row is: those of the key, and those that rows are dealt by.
fn telling(scan: &Scan) -> Vec<(crate::column::ColumnId, usize)> {
    let table = &scan.table;
    let dealt_by = table.partitioning.as_ref().map_or(&[][..], |scheme| &scheme.columns);
    let mut ordinals: Vec<usize> = table.key.clone();
    ordinals.extend(dealt_by.iter().filter(|ordinal| !table.key.contains(ordinal)));
    let id = |wanted: usize| scan.columns.iter().find(|(_, ordinal)| *ordinal == wanted).copied();
    ordinals.into_iter().filter_map(id).collect()
}

/// The scans of which one row each, or none, makes a row of the plan, which has not been rewritten so far. Whether that is
/// true of its rows: an aggregation has rows of its own.
pub(super) fn rows_of<'a>(plan: &'a Plan, scans: &mut Vec<&'a Scan>) -> bool {
    match plan {
        Plan::Scan(scan) => {
            scans.push(scan);
            true
        }
        Plan::Filter { input, .. } => rows_of(input, scans),
        Plan::Join(join) => {
            let is_row = rows_of(&join.left, scans);
            // An aggregate here is a subquery's, or a derived table's.
            if join.kind.keeps_right() {
                rows_of(&join.right, scans);
            }
            is_row
        }
        Plan::Apply { join, .. } => rows_of(&join.left, scans),
        Plan::Aggregate { .. } => false,
        // Derived tables, subqueries, and what is no table.
        Plan::Project { .. }
        | Plan::Sort { .. }
        | Plan::Window { .. }
        | Plan::Limit { .. }
        | Plan::Union { .. }
        | Plan::MaxOneRow { .. }
        | Plan::Lock { .. }
        | Plan::Values { .. }
        | Plan::CteScan { .. } => true,
    }
}
