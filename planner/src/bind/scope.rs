//! Names in scope: the relations of the query blocks around an expression, innermost first.

use std::sync::Arc;

use allod_storage::schema::TableDescriptor;

use super::binder::free_columns;
use super::rollup::GroupingCall;
use super::window::{BoundWindow, Spec};
use crate::column::{ColumnId, Columns};
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, Exact, Expr};
use crate::logical::{JoinKind, OutputColumn, Plan};

/// A relation of a FROM clause.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// Alias, or the table's name.
    pub alias: Arc<str>,
    /// Database of a table without an alias, so that `db.table.column` finds it.
    pub database: Option<Arc<str>>,
    pub columns: Vec<RelationColumn>,
    /// The table, for what its keys determine.
    pub table: Option<Arc<TableDescriptor>>,
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub(super) struct RelationColumn {
    pub name: Arc<str>,
    pub id: ColumnId,
    /// Found only by a qualified name: the other half of a column of USING, or the hidden row id.
    pub qualified_only: bool,
}

/// A join that an expression needs below it: a subquery.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub kind: JoinKind,
    pub plan: Plan,
    pub on: Vec<Expr>,
    pub null_aware: Vec<Expr>,
}

impl Pending {
    /// Whether the column is made by this subquery.
    pub fn makes(&self, id: ColumnId) -> bool {
        self.plan.columns().contains(&id) || matches!(self.kind, JoinKind::Mark(mark) if mark == id)
    }

    /// The columns that it uses of what it will be joined to, and of the blocks around.
    pub fn used(&self, ctes: &[Plan]) -> ColumnSet {
        let mut used = free_columns(&self.plan, ctes);
        let own = self.plan.column_set();
        let conditions = self.on.iter().chain(&self.null_aware);
        used.extend(conditions.flat_map(Expr::columns).filter(|id| !own.contains(*id)));
        used
    }

    /// Whether it uses one of these.
    pub fn needs(&self, columns: &[ColumnId], ctes: &[Plan]) -> bool {
        let used = self.used(ctes);
        columns.iter().any(|id| used.contains(*id))
    }
}

/// One query block while it is bound.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Its number, as hints count blocks (see [`super::hint`]).
    pub block: u32,
    /// Whether it is a SELECT: nothing else has aggregates.
    pub selects: bool,
    pub relations: Vec<Relation>,
    /// The clause that is being bound, for errors.
    pub clause: Clause,
    /// Names of the select list.
    pub aliases: Vec<(Arc<str>, Expr)>,
    /// All digits of those names of the select list that show fewer.
    pub digits: Vec<(Expr, Exact)>,
    /// Whether it has groups: what stands above them is made of their keys.
    pub groups: bool,
    /// Column names of GROUP BY, which HAVING prefers to aliases.
    pub group_names: Vec<Arc<str>>,
    /// Columns that HAVING may name outside of aggregates: those of the select list and of GROUP BY.
    pub shown: Vec<ColumnId>,
    /// Subqueries of the clause that is being bound.
    pub pending: Vec<Pending>,
    /// Subqueries inside the arguments of aggregates and in GROUP BY: below the aggregation.
    pub pending_below: Vec<Pending>,
    /// Aggregates seen so far.
    pub aggregates: Vec<(ColumnId, AggregateCall)>,
    /// Whether the clause is above a WITH ROLLUP, or becomes a key or an argument of one: every column may be NULL there.
    pub rolls_up: bool,
    /// Calls of GROUPING seen so far.
    pub groupings: Vec<GroupingCall>,
    /// In ON DUPLICATE KEY UPDATE: the row that does not come, for `VALUES(c)`.
    pub inserted: Option<Vec<OutputColumn>>,
    /// Whether the arguments of an aggregate are being bound.
    pub in_aggregate: bool,
    /// Window functions seen so far, and the names of the WINDOW clause.
    pub windows: Vec<BoundWindow>,
    pub windows_named: Vec<Spec>,
    /// Whether the arguments of a window function, or its window, are being bound.
    pub in_window: bool,
}

/// Clauses, as MySQL names them in errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Clause {
    #[default]
    Fields,
    From,
    On,
    Where,
    Group,
    Having,
    Order,
}

impl Clause {
    pub fn name(self) -> &'static str {
        match self {
            Clause::Fields => "field list",
            Clause::From => "from clause",
            Clause::On => "on clause",
            Clause::Where => "where clause",
            Clause::Group => "group statement",
            Clause::Having => "having clause",
            Clause::Order => "order clause",
        }
    }
}

/// What a name was found to be.
pub(super) enum Found {
    None,
    One(ColumnId),
    Ambiguous,
}

impl Scope {
    /// Whether an aggregate of this block may stand in the clause that is being bound.
    pub fn allows_aggregates(&self) -> bool {
        self.selects && matches!(self.clause, Clause::Fields | Clause::Having | Clause::Order)
    }

    /// Whether a column is one of its relations'.
    pub fn has(&self, id: ColumnId) -> bool {
        self.relations.iter().flat_map(|r| &r.columns).any(|c| c.id == id)
    }

    /// Looks for a column among the relations; `own` = for an expression of this block, not of a subquery.
    pub fn find(&self, database: Option<&str>, table: Option<&str>, column: &str, own: bool) -> Found {
        let mut found = Found::None;
        let grouped = own && self.clause == Clause::Having && !self.in_aggregate;
        for relation in self.relations.iter().filter(|r| r.is_named(database, table)) {
            for c in relation.columns.iter().filter(|c| c.name.eq_ignore_ascii_case(column)) {
                if table.is_none() && c.qualified_only || grouped && !self.shown.contains(&c.id) {
                    continue;
                }
                match found {
                    Found::One(id) if id != c.id => return Found::Ambiguous,
                    _ => found = Found::One(c.id),
                }
            }
        }
        found
    }

    /// Looks for a name of the select list.
    pub fn find_alias(&self, name: &str) -> Option<Result<&Expr, ()>> {
        let mut found: Option<&Expr> = None;
        for (_, expr) in self.aliases.iter().filter(|(alias, _)| alias.eq_ignore_ascii_case(name)) {
            // The first expression has the name before all columns.
            if !matches!(expr, Expr::Column { .. }) {
                return Some(Ok(expr));
            }
            if found.is_some_and(|f| f != expr) {
                return Some(Err(()));
            }
            found = Some(expr);
        }
        found.map(Ok)
    }
}

impl Relation {
    fn is_named(&self, database: Option<&str>, table: Option<&str>) -> bool {
        table.is_none_or(|t| self.alias.eq_ignore_ascii_case(t))
            && database
                .is_none_or(|d| self.database.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(d)))
    }

    /// Whether `t.*` or `db.t.*` means this relation.
    pub fn matches(&self, database: Option<&str>, table: &str) -> bool {
        self.is_named(database, Some(table))
    }
}

/// A column as an expression.
pub(super) fn column(columns: &Columns, id: ColumnId) -> Expr {
    Expr::column(id, columns.ty(id).clone())
}
