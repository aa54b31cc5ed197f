//! Statements about accounts: from all accounts as they are to all accounts as they are going to be, or an error and no change.

mod grant;
mod role;
mod user;

use allod_planner::account::{AccountChange, AccountName, Privilege};

use super::{Account, Accounts, Plugin, Rights, needs};
use crate::catalog::Version;
use crate::error::{Error, Result};
use crate::result::Warning;

pub(crate) use user::not_granted;

/// Who changes them, and what there is to know besides.
pub(crate) struct Actor<'a> {
    /// CURRENT_USER().
    pub account: &'a AccountName,
    pub rights: &'a Rights,
    /// The current database.
    pub database: Option<&'a str>,
    /// The schema.
    pub version: &'a Version,
    pub now_us: i64,
    /// That of accounts of which nothing is said.
    pub plugin: Plugin,
}

impl Actor<'_> {
    /// Refuses a change of somebody mightier: who manages accounts must not become `root` by giving it another password.
    fn may_touch(&self, account: &Account) -> Result<()> {
        let mighty = account.global.has(Privilege::Super) || account.dynamic.contains_key("SYSTEM_USER");
        if mighty && account.name != *self.account && !self.rights.has_dynamic("SYSTEM_USER") {
            return Err(needs("SYSTEM_USER or SUPER"));
        }
        Ok(())
    }

    /// Who may not do this to `mysql.user` itself needs one of these privileges.
    fn manages_users(&self, on_table: Privilege, allowed: &[Privilege]) -> Result<()> {
        let may = allowed.iter().any(|p| self.rights.has(*p))
            || self.rights.on_table("mysql", "user").has(on_table);
        let names: Vec<&str> = allowed.iter().map(|p| p.name()).collect();
        if may { Ok(()) } else { Err(needs(&names.join(" or "))) }
    }
}

/// What is left, and what is to be noted.
type Outcome = Result<(Accounts, Vec<Warning>)>;

/// IF [NOT] EXISTS: the error as a note.
fn note(error: &Error) -> Warning {
    Warning { level: "Note", code: error.code(), message: error.message().to_owned() }
}

impl Accounts {
    /// What they are after a statement. SET ROLE and FLUSH change nothing here.
    ///
    /// # Errors
    /// Whatever is wrong with the statement, or 1227 and its like if the actor may not do this.
    pub fn changed(&self, change: &AccountChange, actor: &Actor<'_>) -> Outcome {
        match change {
            AccountChange::Create { users, options, if_not_exists, role } => {
                self.create(users, options, *if_not_exists, *role, actor)
            }
            AccountChange::Alter { users, options, if_exists } => {
                self.alter(users, options, *if_exists, actor)
            }
            AccountChange::Drop { users, if_exists, role } => self.drop(users, *if_exists, *role, actor),
            AccountChange::Rename(renames) => self.rename(renames, actor),
            AccountChange::SetPassword { user, password } => self.set_password(user, password, actor),
            AccountChange::Grant { privileges, level, users, options, grant_option } => {
                self.grant(privileges, level, users, options, *grant_option, actor)
            }
            AccountChange::Revoke { privileges, level, users } => {
                self.revoke(privileges, level, users, actor)
            }
            AccountChange::RevokeEverything { users } => self.revoke_everything(users, actor),
            AccountChange::GrantRoles { roles, users, admin } => {
                self.grant_roles(roles, users, *admin, actor)
            }
            AccountChange::RevokeRoles { roles, users } => self.revoke_roles(roles, users, actor),
            AccountChange::SetDefaultRole { roles, users } => self.set_default_role(roles, users, actor),
            AccountChange::SetRole(_) | AccountChange::Flush => Ok((self.clone(), vec![])),
        }
    }
}
