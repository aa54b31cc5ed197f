//! Constraints of a table beside its keys.

use std::sync::Arc;

/// What a table's rows must obey beside its keys and NOT NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// CHECK, in the order in which SHOW CREATE TABLE lists them.
    pub checks: Vec<CheckConstraint>,
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
