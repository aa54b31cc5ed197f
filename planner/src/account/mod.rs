//! Accounts as plain data: who there is, what may be allowed to them, and the statements that change either.
//!
//! The parser makes these of text, the engine keeps them and carries them out. The planner itself asks one question of them:
//! whether the session's user may do something ([`Access`], answered by [`Catalog::may`](crate::catalog::Catalog::may)), where a
//! name is bound to a table or a column.

mod name;
mod privilege;
mod statement;

pub use name::{AccountName, Who};
pub use privilege::{Access, DYNAMIC, Privilege, Privileges};
pub use statement::{
    AccountChange, Attribute, Granted, Identified, Level, PasswordExpiry, Requirement, RoleChoice,
    ShownAccount, UserOptions, UserSpec,
};
