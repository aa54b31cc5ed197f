//! SET ROLE, SET DEFAULT ROLE; GRANT and REVOKE of roles.

use super::super::statement::{Failure, Source};
use crate::account::AccountChange;

impl Source<'_> {
    /// Behind SET ROLE.
    pub(super) fn set_role(&mut self) -> Result<AccountChange, Failure> {
        self.role_choice(true).map(AccountChange::SetRole)
    }

    /// Behind SET DEFAULT ROLE.
    pub(super) fn set_default_role(&mut self) -> Result<AccountChange, Failure> {
        let roles = self.role_choice(false)?;
        self.expect_word("TO")?;
        Ok(AccountChange::SetDefaultRole { roles, users: self.whos()? })
    }

    /// Behind GRANT.
    pub(super) fn grant_roles(&mut self) -> Result<AccountChange, Failure> {
        let roles = self.names()?;
        self.expect_word("TO")?;
        let users = self.whos()?;
        let admin = self.word("WITH");
        if admin {
            self.expect_word("ADMIN")?;
            self.expect_word("OPTION")?;
        }
        Ok(AccountChange::GrantRoles { roles, users, admin })
    }

    /// Behind REVOKE.
    pub(super) fn revoke_roles(&mut self) -> Result<AccountChange, Failure> {
        let roles = self.names()?;
        self.expect_word("FROM")?;
        Ok(AccountChange::RevokeRoles { roles, users: self.whos()? })
    }
}
