//! Constraints of a table beside its keys.

use std::sync::Arc;

use super::TableDescriptor;

/// What a table's rows must obey beside its keys and NOT NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// CHECK, in the order in which SHOW CREATE TABLE lists them.
    pub checks: Vec<CheckConstraint>,
    /// FOREIGN KEY, in the same order.
    pub foreign_keys: Vec<ForeignKey>,
}

impl Constraints {
    /// The CHECK constraint with this name, without regard to case.
    pub fn check(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.checks.iter().position(|check| check.name.to_lowercase() == name)
    }
}

/// CHECK: a condition that is false for no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckConstraint {
    /// Name within the table.
    pub name: Arc<str>,
    /// The condition over the columns of the table. The planner's rewriter turns it into a typed expression.
    pub expr: Arc<str>,
    /// Whether rows are held against it; else it is only kept.
    pub enforced: bool,
}

/// FOREIGN KEY: the values of some columns are those of a row of another table, or of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Name within the table.
    pub name: Arc<str>,
    /// Ordinals of the columns. They lead an index of the table in this order.
    pub columns: Vec<usize>,
    /// Database of the table that they refer to.
    pub database: Arc<str>,
    /// That table. It need not be there: then no row but those with a NULL may come.
    pub table: Arc<str>,
    /// Names of the columns there, as many.
    pub referenced: Vec<Arc<str>>,
    /// What becomes of a row when that which it refers to goes.
    pub on_delete: ReferenceAction,
    /// What becomes of a row when that which it refers to gets other values.
    pub on_update: ReferenceAction,
}

/// What becomes of a row when that which it refers to is no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferenceAction {
    /// Not said: as RESTRICT.
    #[default]
    Unsaid,
    /// RESTRICT: that is refused.
    Restrict,
    /// NO ACTION: the same.
    NoAction,
    /// CASCADE: it goes too, or gets the same values.
    Cascade,
    /// SET NULL.
    SetNull,
}

impl ReferenceAction {
    /// What the clause says; `None` = there is none.
    pub fn words(self) -> Option<&'static str> {
        match self {
            ReferenceAction::Unsaid => None,
            ReferenceAction::Restrict => Some("RESTRICT"),
            ReferenceAction::NoAction => Some("NO ACTION"),
            ReferenceAction::Cascade => Some("CASCADE"),
            ReferenceAction::SetNull => Some("SET NULL"),
        }
    }

    /// Whether the rows that refer are changed.
    pub fn changes(self) -> bool {
        matches!(self, ReferenceAction::Cascade | ReferenceAction::SetNull)
    }
}

impl ForeignKey {
    /// Whether it refers to the table with this name, without regard to case.
    pub fn refers_to(&self, database: &str, table: &str) -> bool {
        self.database.eq_ignore_ascii_case(database) && self.table.eq_ignore_ascii_case(table)
    }

    /// The clause that defines it, as a definition of `table` shows it.
    pub fn clause(&self, table: &TableDescriptor) -> String {
        let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
        let list = |names: Vec<String>| names.join(",");
        let own = self.columns.iter().map(|&o| quoted(&table.columns[o].name)).collect();
        let referenced = self.referenced.iter().map(|name| quoted(name)).collect();
        let other_database = !self.database.eq_ignore_ascii_case(&table.database);
        let database = if other_database { format!("{}.", quoted(&self.database)) } else { String::new() };
        let mut clause = format!(
            "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {database}{} ({})",
            quoted(&self.name),
            list(own),
            quoted(&self.table),
            list(referenced)
        );
        for (event, action) in [("DELETE", self.on_delete), ("UPDATE", self.on_update)] {
            if let Some(words) = action.words() {
                clause += &format!(" ON {event} {words}");
            }
        }
        clause
    }
}

impl TableDescriptor {
    /// What finds rows by the values of these columns: the records (0) if they are sorted by them first, or else index
    /// `space - 1` if it is; `None` = nothing does.
    pub fn space_led_by(&self, columns: &[usize]) -> Option<usize> {
        let leads = |key: &[usize]| key.starts_with(columns);
        if self.clustered && leads(&self.key) {
            return Some(0);
        }
        self.indexes.iter().position(|index| leads(&index.columns)).map(|at| at + 1)
    }
}
