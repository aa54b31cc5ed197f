//! The state of binding one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allod_storage::schema::{Datum, TableDescriptor, TableId};
use sqlparser::ast::{self, Ident, ObjectName, Spanned};
use sqlparser::tokenizer::Location;

use super::access::Guarded;
use super::hint::Hinted;
use super::partition::position;
use super::scope::{Pending, Relation, Scope};
use super::variable::Assigning;
use super::{PartitionFault, PartitionFunction, PlanContext, TableName, bind_partition};
use crate::account::AccountName;
use crate::catalog::{MemoryTable, Table};
use crate::column::{ColumnId, Columns};
use crate::column_set::ColumnSet;
use crate::error::{Error, Position};
use crate::expr::{Expr, QUOTIENT_DIGITS, Rewriter, literal, printed};
use crate::hints::Hint;
use crate::logical::{Join, JoinKind, OutputColumn, Plan};
use crate::parse::{self, Edit, Parsed};
use crate::physical::PlanWarning;
use crate::sequence::Sequence;
use crate::sql_mode::SqlMode;

/// Query blocks that may be nested in each other.
const BLOCK_DEPTH_MAX: usize = 100;

/// Everything that grows while a statement is bound. It is made for the statement and consumed by it.
pub(super) struct Binder<'a> {
    pub cx: &'a PlanContext<'a>,
    pub parsed: &'a Parsed,
    pub rw: Rewriter,
    /// The session's `sql_mode`.
    pub mode: SqlMode,
    pub columns: Columns,
    /// Query blocks around the place that is being bound, outermost first.
    pub scopes: Vec<Scope>,
    /// Names of common table expressions in sight, innermost last.
    pub cte_names: Vec<CteName>,
    /// Their plans; an index is final only when the whole statement is bound ([`super::cte`]).
    pub ctes: Vec<Plan>,
    /// Hints that the syntax itself holds, and those of views.
    pub hints: Vec<Hint>,
    /// What the hint comments say, once somebody has asked.
    pub hinted: Option<Hinted>,
    /// What its user should know.
    pub warnings: Vec<PlanWarning>,
    /// Partitioned tables whose partition expressions are counted: each once.
    pub counted: Vec<TableId>,
    /// While the SELECT of an INSERT is bound: how deep its block is, and the tables of its FROM, which ON DUPLICATE KEY
    /// UPDATE may name.
    pub insert_sources: Option<(usize, Vec<Relation>)>,
    /// Who takes numbers with all of their digits from a select list: how deep its block is, and which of its items.
    pub digits_taken: Option<(usize, Vec<bool>)>,
    /// Whether the next block is that of a derived table.
    pub derives: bool,
    /// Columns of derived tables with digits that do not show, and the columns that have them all.
    pub all_digits: BTreeMap<ColumnId, ColumnId>,
    /// Whether the plan holds something of the session that the next execution may find changed.
    pub volatile: bool,
    /// The views that are being bound, outermost first.
    pub viewed: Vec<TableName>,
    /// By whose right it reads, `user@host`: within a view perhaps its definer's; `None` = the session's user's.
    pub definer: Option<Arc<str>>,
    /// Whether the statement is only explained.
    pub explained: bool,
    /// Whether the tables of an UPDATE or DELETE are being bound, of which it is not known yet which are only read.
    pub changing: bool,
    /// Columns of tables that the session sees as something else than what they hold ([`super::sight`]).
    pub held: BTreeSet<ColumnId>,
    /// Columns that are asked about when they are named.
    pub guarded: Vec<Guarded>,
    /// The view that is being defined.
    pub defined: Option<TableName>,
    /// While a view is defined, what its text is to have in another form.
    pub edits: Option<Vec<Edit>>,
    /// The sequences that are asked, each once.
    pub sequences: Vec<Arc<Sequence>>,
    /// The user variables that are assigned to.
    pub assigning: Assigning,
    /// Whether what is bound next is the query whose rows the client gets.
    pub answers: bool,
    /// SQL_CALC_FOUND_ROWS: the limit of the statement, which is not in its plan.
    pub uncut: Option<(u64, Option<u64>)>,
    /// Query blocks of the statement so far, and of those how many come before the first one of `parsed`.
    pub blocks: u32,
    pub blocks_before: u32,
}

/// The session's `sql_mode`.
fn mode_of(cx: &PlanContext) -> SqlMode {
    match cx.session.variables.system("sql_mode", false) {
        Some(Datum::String(words)) => SqlMode::of(&words),
        // Where there are no variables there is no mode either: all is as strict as can be.
        _ => SqlMode {
            strict: true,
            no_zero_date: true,
            no_zero_in_date: true,
            only_full_group_by: true,
            ..SqlMode::default()
        },
    }
}

/// The session's `div_precision_increment`.
fn quotient_digits(cx: &PlanContext) -> u32 {
    match cx.session.variables.system("div_precision_increment", false) {
        Some(Datum::Int(digits)) => u32::try_from(digits).unwrap_or(QUOTIENT_DIGITS),
        _ => QUOTIENT_DIGITS,
    }
}

/// The session's `lc_time_names`, if it is not what is meant without it.
fn place_of_names(cx: &PlanContext) -> Option<Arc<str>> {
    match cx.session.variables.system("lc_time_names", false) {
        Some(Datum::String(place)) if &*place != "en_US" => Some(place),
        _ => None,
    }
}

/// A common table expression that can be named.
#[derive(Clone, Debug)]
pub(super) struct CteName {
    pub name: Arc<str>,
    pub index: usize,
    pub columns: Vec<OutputColumn>,
}

/// A bound query block: its plan and its visible columns.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub plan: Plan,
    pub output: Vec<OutputColumn>,
}

impl<'a> Binder<'a> {
    pub fn new(parsed: &'a Parsed, cx: &'a PlanContext<'a>) -> Result<Binder<'a>, Error> {
        if parsed.param_count != cx.params.len() {
            return Err(Error::ParameterCount { expected: parsed.param_count, given: cx.params.len() });
        }
        let mode = mode_of(cx);
        Ok(Binder {
            cx,
            parsed,
            rw: Rewriter::new(cx.now_us)
                .in_zone(cx.zone, cx.system_zone)
                .in_collation(super::collation::connection(cx))
                .in_mode(mode)
                .with_quotient_digits(quotient_digits(cx))
                .in_place(place_of_names(cx)),
            mode,
            columns: Columns::default(),
            scopes: Vec::new(),
            cte_names: Vec::new(),
            ctes: Vec::new(),
            hints: Vec::new(),
            hinted: None,
            warnings: Vec::new(),
            counted: Vec::new(),
            insert_sources: None,
            digits_taken: None,
            derives: false,
            all_digits: BTreeMap::new(),
            volatile: false,
            viewed: Vec::new(),
            definer: None,
            explained: false,
            changing: false,
            held: BTreeSet::new(),
            guarded: Vec::new(),
            defined: None,
            edits: None,
            sequences: Vec::new(),
            assigning: Assigning::default(),
            answers: false,
            uncut: None,
            blocks: parsed.blocks.count(),
            blocks_before: 0,
        })
    }

    /// Runs `f` with a new innermost query block, and on a stack that is deep enough.
    pub fn in_block<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.scopes.len() >= BLOCK_DEPTH_MAX {
            return Err(Error::TooComplex(format!("more than {BLOCK_DEPTH_MAX} nested queries")));
        }
        self.scopes.push(Scope::default());
        let changing = std::mem::take(&mut self.changing);
        let out = stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || f(self));
        self.changing = changing;
        self.scopes.pop();
        out
    }

    /// The innermost query block.
    pub fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// A column as an expression of its present type.
    pub fn column(&self, id: ColumnId) -> Expr {
        super::scope::column(&self.columns, id)
    }

    /// The value of the `?` at this place.
    pub fn parameter(&self, at: Location) -> Result<Expr, Error> {
        let index = self.parsed.params.iter().position(|p| *p == at);
        let value: Option<&Datum> = index.and_then(|i| self.cx.params.get(i));
        value.cloned().map(literal::datum).ok_or(Error::Internal("a parameter without a place".into()))
    }

    /// Puts the joins that expressions asked for above a plan.
    pub fn attach(&self, mut plan: Plan, pending: Vec<Pending>) -> Plan {
        for Pending { kind, plan: right, on, null_aware } in pending {
            let correlated = correlated(&plan, &right, &self.ctes);
            let (left, right) = (Box::new(plan), Box::new(right));
            let join = Join { kind, left, right, on, null_aware, mirrored: false };
            plan = if correlated.is_empty() { Plan::Join(join) } else { Plan::Apply { join, correlated } };
        }
        plan
    }

    /// Resolves the name of a table: the database is the given or the current one.
    pub fn table_name(&self, name: &ObjectName) -> Result<TableName, Error> {
        let mut parts = name.0.iter().rev().filter_map(|p| p.as_ident());
        let table = parts.next().ok_or(Error::Internal("a table without a name".into()))?;
        let database = match (parts.next(), self.cx.database) {
            (Some(database), _) => database.value.as_str(),
            (None, Some(database)) => database,
            (None, None) => return Err(Error::NoDatabase),
        };
        if parts.next().is_some() {
            return Err(Error::syntax(format!("'{name}' is no table name"), place(name)));
        }
        Ok(TableName { database: database.into(), table: table.value.as_str().into() })
    }

    /// A table that exists.
    pub fn table(&self, name: &ObjectName) -> Result<(TableName, Table), Error> {
        let full = self.table_name(name)?;
        if self.memory_table(&full)?.is_some() {
            return Err(self.access_denied(&full.database));
        }
        match self.found_table(&full) {
            Some(table) => Ok((full, table)),
            None => Err(self.no_table(name, &full)),
        }
    }

    /// A table that is made for the statement.
    pub fn memory_table(&self, name: &TableName) -> Result<Option<MemoryTable>, Error> {
        if !self.cx.catalog.is_read_only(&name.database) {
            return Ok(None);
        }
        self.cx.catalog.memory_table(&name.database, &name.table)
    }

    fn access_denied(&self, database: &str) -> Error {
        let user = AccountName::of_text(self.cx.session.account).quoted();
        Error::AccessDenied { user, database: database.into() }
    }

    /// Refuses a change of a database that nobody may change.
    pub fn writable(&self, database: &str) -> Result<(), Error> {
        if self.cx.catalog.is_read_only(database) { Err(self.access_denied(database)) } else { Ok(()) }
    }

    /// How the rows of a table are dealt; counts the functions that this uses, once for each table of the statement.
    pub fn partition_function(
        &mut self,
        table: &TableDescriptor,
    ) -> Result<Option<PartitionFunction>, Error> {
        let function = bind_partition(table)?;
        if let Some(function) = &function
            && !self.counted.contains(&table.id)
        {
            self.counted.push(table.id);
            self.rw.usage.merge(&function.usage);
        }
        Ok(function)
    }

    /// Positions of the partitions that `PARTITION (…)` names, ascending; `None` without names.
    pub fn named_partitions(
        &self,
        table: &TableDescriptor,
        names: &[Ident],
    ) -> Result<Option<Vec<usize>>, Error> {
        if names.is_empty() {
            return Ok(None);
        }
        if table.partitioning.is_none() {
            return Err(PartitionFault::ClauseOnNonPartitioned.into());
        }
        let mut wanted: Vec<usize> =
            names.iter().map(|n| position(table, &n.value)).collect::<Result<_, Error>>()?;
        wanted.sort_unstable();
        wanted.dedup();
        Ok(Some(wanted))
    }

    /// A database that exists.
    pub fn database(&self, name: Option<&Ident>) -> Result<Arc<str>, Error> {
        let name = match (name, self.cx.database) {
            (Some(ident), _) => ident.value.as_str(),
            (None, Some(current)) => current,
            (None, None) => return Err(Error::NoDatabase),
        };
        if self.cx.catalog.has_database(name) {
            Ok(name.into())
        } else {
            Err(Error::UnknownDatabase(name.into()))
        }
    }

    /// The value of an expression that must be constant.
    pub fn constant(&mut self, expr: &ast::Expr, what: &str) -> Result<Datum, Error> {
        match self.expr(expr)? {
            // Bits that are written are bytes to whoever asks no further.
            Expr::Constant { value, ty } => Ok(printed(&value, &ty.sql).unwrap_or(value)),
            Expr::Column { .. } | Expr::Call { .. } => Err(Error::BadArguments(what.into())),
        }
    }
}

/// The columns that a plan uses and does not produce, also through the common table expressions that it reads.
pub(super) fn free_columns(plan: &Plan, ctes: &[Plan]) -> ColumnSet {
    let mut free = plan.free_columns();
    plan.walk(&mut |node| {
        // An expression reads only earlier ones.
        if let Plan::CteScan { cte, .. } = node
            && let Some((earlier, [definition, ..])) = ctes.split_at_checked(*cte)
        {
            free.union_with(&free_columns(definition, earlier));
        }
    });
    free
}

/// The columns of `left` that `right` uses.
pub(super) fn correlated(left: &Plan, right: &Plan, ctes: &[Plan]) -> Vec<ColumnId> {
    let mut used = free_columns(right, ctes);
    if used.is_empty() {
        return vec![];
    }
    let available = left.column_set();
    used = used.iter().filter(|id| available.contains(*id)).collect();
    used.iter().collect()
}

/// Where a piece of syntax begins.
pub(super) fn place(node: &impl Spanned) -> Option<Position> {
    parse::position(node.span().start)
}

/// Whether a pending join adds its right side's columns.
pub(super) fn scalar_join(plan: Plan) -> Pending {
    Pending { kind: JoinKind::Left, plan, on: Vec::new(), null_aware: Vec::new() }
}
