//! GRANT and REVOKE of roles, SET DEFAULT ROLE.

use std::collections::BTreeSet;

use allod_planner::account::{AccountName, Privilege, RoleChoice, Who};

use super::super::{Account, Accounts, needs};
use super::user::all_known;
use super::{Actor, Outcome};
use crate::error::{Error, Result, code};

impl Accounts {
    pub(super) fn grant_roles(
        &self,
        roles: &[AccountName],
        users: &[Who],
        admin: bool,
        actor: &Actor<'_>,
    ) -> Outcome {
        may_grant(roles, actor)?;
        all_known(self, roles)?;
        let mut accounts = self.clone();
        for name in users.iter().map(|user| user.in_session_of(actor.account)) {
            let account = self.named(&name)?;
            if let Some(role) = roles.iter().find(|role| accounts.plays(role, &name)) {
                let message = format!(
                    "user account {} is directly or indirectly granted to the role {}",
                    name.ticked(),
                    role.ticked()
                );
                return Err(Error::new(code::ROLE_IN_CIRCLE, message));
            }
            let mut account: Account = (**account).clone();
            for role in roles {
                let admin = admin || account.roles.get(role) == Some(&true);
                account.roles.insert(role.clone(), admin);
            }
            accounts = accounts.with(account);
        }
        Ok((accounts, vec![]))
    }

    pub(super) fn revoke_roles(&self, roles: &[AccountName], users: &[Who], actor: &Actor<'_>) -> Outcome {
        may_grant(roles, actor)?;
        all_known(self, roles)?;
        let mut accounts = self.clone();
        for name in users.iter().map(|user| user.in_session_of(actor.account)) {
            let mut account: Account = (**accounts.named(&name)?).clone();
            for role in roles {
                account = account.without_role(role).unwrap_or(account);
            }
            accounts = accounts.with(account);
        }
        Ok((accounts, vec![]))
    }

    pub(super) fn set_default_role(&self, roles: &RoleChoice, users: &[Who], actor: &Actor<'_>) -> Outcome {
        let mut accounts = self.clone();
        for name in users.iter().map(|user| user.in_session_of(actor.account)) {
            if name != *actor.account {
                actor.manages_users(Privilege::Update, &[Privilege::CreateUser])?;
            }
            accounts = accounts.with_default_role(&name, roles, false)?;
        }
        Ok((accounts, vec![]))
    }

    /// Whether a role is an account, or plays it, directly or through other roles.
    fn plays(&self, role: &AccountName, name: &AccountName) -> bool {
        let (mut next, mut known) = (vec![role], BTreeSet::new());
        while let Some(role) = next.pop() {
            if role == name {
                return true;
            }
            if known.insert(role) {
                next.extend(self.get(role).into_iter().flat_map(|account| account.roles.keys()));
            }
        }
        false
    }

    /// An account that must be there for something to be granted to it.
    pub(super) fn named(&self, name: &AccountName) -> Result<&std::sync::Arc<Account>> {
        self.get(name).ok_or_else(|| {
            let message = format!("unknown authorization ID {}", name.ticked());
            Error::new(code::UNKNOWN_AUTHORIZATION, message)
        })
    }
}

fn may_grant(roles: &[AccountName], actor: &Actor<'_>) -> Result<()> {
    match roles.iter().all(|role| actor.rights.may_grant_role(role)) {
        true => Ok(()),
        false => Err(needs("SUPER or ROLE_ADMIN")),
    }
}
