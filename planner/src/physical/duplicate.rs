//! What an INSERT does with a row of which a key is taken.

use crate::column::ColumnId;
use crate::expr::Expr;

/// What becomes of a row to insert if there is one with the same key, primary or unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OnDuplicate {
    /// The statement fails (1062).
    #[default]
    Fail,
    /// INSERT IGNORE: it is left out, with a warning.
    Skip,
    /// REPLACE: every row that has one of its keys goes, and it comes.
    Replace,
    /// ON DUPLICATE KEY UPDATE: the first row that has one of its keys is changed instead.
    Update(RowUpdate),
}

/// How ON DUPLICATE KEY UPDATE changes a row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowUpdate {
    /// What its expressions call the columns of the row that is there: every column of the table, in order.
    pub old: Vec<ColumnId>,
    /// The columns that it assigns to, as ordinals, each once, and what they become: expressions over `old` and over what the
    /// INSERT's source yields, first the row to insert and then whatever else they need.
    pub new: Vec<(usize, Expr)>,
    /// INSERT IGNORE … ON DUPLICATE KEY UPDATE: a change that meets another key is not made, with a warning.
    pub ignore: bool,
}

impl OnDuplicate {
    /// INSERT IGNORE: whether rows that cannot come are left out, with a warning.
    pub fn ignores(&self) -> bool {
        match self {
            OnDuplicate::Skip => true,
            OnDuplicate::Update(update) => update.ignore,
            OnDuplicate::Fail | OnDuplicate::Replace => false,
        }
    }

    /// Whether rows that are there already are looked for, so that none of them is an error.
    pub fn looks(&self) -> bool {
        !matches!(self, OnDuplicate::Fail)
    }
}
