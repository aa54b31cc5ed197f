//! The session's own account, the roles that it plays, and the statements about accounts.

use std::sync::Arc;

use allod_executor::Cancel;
use allod_planner::account::{
    AccountChange, AccountName, Privilege, Privileges, RoleChoice, ShownAccount, Who,
};

use super::Session;
use crate::accounts::{self, Account, Accounts, Actor, Plugin, Rights};
use crate::catalog::Version;
use crate::error::{Error, Result, code};
use crate::result::ResultSet;

/// Who a session is, and what it may do.
pub(super) struct Identity {
    /// USER(): `name@host`, from where it is connected.
    pub user: Arc<str>,
    /// CURRENT_USER().
    pub account: AccountName,
    /// The same as text.
    pub account_text: Arc<str>,
    /// The roles that it plays.
    roles: Vec<AccountName>,
    /// CURRENT_ROLE().
    pub roles_text: Arc<str>,
    /// What it may do.
    pub rights: Rights,
    /// The accounts by which the rights are so; `None` = it may do everything, whatever is granted.
    seen: Option<Arc<Accounts>>,
}

/// CURRENT_ROLE() of who plays none.
const NO_ROLE: &str = "NONE";

impl Identity {
    /// The roles that it plays.
    pub fn roles(&self) -> &[AccountName] {
        &self.roles
    }

    /// Of whoever has the database itself.
    pub fn of_owner() -> Identity {
        let account = AccountName::new("root", "%");
        let text: Arc<str> = account.to_string().into();
        Identity {
            user: Arc::clone(&text),
            account,
            account_text: text,
            roles: vec![],
            roles_text: NO_ROLE.into(),
            rights: Rights::everything(),
            seen: None,
        }
    }

    /// Of who has logged in as an account; it plays that account's default roles.
    pub fn of_account(user: &str, account: &Account, accounts: &Arc<Accounts>) -> Identity {
        let mut identity = Identity {
            user: user.into(),
            account_text: account.name.to_string().into(),
            account: account.name.clone(),
            seen: Some(Arc::clone(accounts)),
            ..Identity::of_owner()
        };
        identity.play(account.default_roles.clone(), accounts);
        identity
    }

    /// The name of USER(), without the host.
    pub fn login_name(&self) -> &str {
        self.user.rsplit_once('@').map_or(&self.user, |(name, _)| name)
    }

    /// The same person, as just logged in.
    pub fn anew(&self, accounts: &Arc<Accounts>) -> Identity {
        match accounts.get(&self.account).filter(|_| self.seen.is_some()) {
            Some(account) => Identity::of_account(&self.user, account, accounts),
            None => {
                let mut same = Identity { user: Arc::clone(&self.user), ..Identity::of_owner() };
                (same.account, same.account_text) = (self.account.clone(), Arc::clone(&self.account_text));
                same.seen = self.seen.as_ref().map(|_| Arc::clone(accounts));
                same.play(vec![], accounts);
                same
            }
        }
    }

    fn play(&mut self, roles: Vec<AccountName>, accounts: &Accounts) {
        let texts: Vec<String> = roles.iter().map(AccountName::ticked).collect();
        self.roles_text = if texts.is_empty() { NO_ROLE.into() } else { texts.join(",").into() };
        if self.seen.is_some() {
            self.rights = accounts.rights(&self.account, &roles);
        }
        self.roles = roles;
    }

    /// Makes the rights those that are granted by now; whether they were others.
    fn refresh(&mut self, accounts: &Arc<Accounts>) -> bool {
        match &self.seen {
            Some(seen) if !Arc::ptr_eq(seen, accounts) => {}
            Some(_) | None => return false,
        }
        self.seen = Some(Arc::clone(accounts));
        // Who is not granted a role any more does not play it.
        let own = accounts.get(&self.account);
        let roles = self.roles.iter().filter(|role| own.is_some_and(|own| own.roles.contains_key(*role)));
        let roles = roles.cloned().collect();
        self.play(roles, accounts);
        true
    }
}

impl Session {
    /// Sees to it that its rights are those that are granted by now, and that no plan is kept that was checked by others.
    pub(super) fn refresh_rights(&mut self) {
        if self.identity.seen.is_none() {
            return;
        }
        let version = self.database.catalog();
        if self.identity.refresh(version.accounts()) {
            self.plans.clear();
        }
    }

    /// A statement about accounts.
    pub(super) fn change_accounts(&mut self, change: &AccountChange, cancel: &Cancel) -> Result<ResultSet> {
        match change {
            AccountChange::SetRole(choice) => {
                self.set_role(choice)?;
                return Ok(ResultSet::done(0, 0));
            }
            AccountChange::Flush => {
                if !self.identity.rights.has(Privilege::Reload) {
                    return Err(accounts::needs("RELOAD"));
                }
                return Ok(ResultSet::done(0, 0));
            }
            AccountChange::Create { options, .. } | AccountChange::Alter { options, .. }
                if options.resource_group.is_some() =>
            {
                self.check_resource_control()?;
            }
            _ => {}
        }
        let plugin = self.variables.global.default_plugin();
        let identity = &self.identity;
        let changed = |version: &Version| {
            let rights = match identity.seen {
                Some(_) => version.accounts().rights(&identity.account, &identity.roles),
                None => identity.rights.clone(),
            };
            let actor = Actor {
                account: &identity.account,
                rights: &rights,
                database: self.current.as_deref(),
                version,
                now_us: chrono::Utc::now().timestamp_micros(),
                plugin: Plugin::named(plugin.as_bytes()).unwrap_or(Plugin::Native),
            };
            version.accounts().changed(change, &actor)
        };
        let mut waiting = self.waiting(cancel);
        let notes = self.database.shared().catalog.change_accounts(&mut waiting, changed)?;
        self.refresh_rights();
        self.row_count = 0;
        Ok(ResultSet::done(0, 0).with_warnings(notes))
    }

    /// SET ROLE.
    fn set_role(&mut self, choice: &RoleChoice) -> Result<()> {
        let version = self.database.catalog();
        let accounts = version.accounts();
        let own = accounts.get(&self.identity.account);
        let granted = || own.into_iter().flat_map(|own| own.roles.keys());
        let roles: Vec<AccountName> = match choice {
            RoleChoice::None => vec![],
            RoleChoice::Default => own.map(|own| own.default_roles.clone()).unwrap_or_default(),
            RoleChoice::All { except } => granted().filter(|r| !except.contains(r)).cloned().collect(),
            RoleChoice::These(roles) => {
                if let Some(role) = roles.iter().find(|role| !granted().any(|own| own == *role)) {
                    return Err(accounts::not_granted(role, &self.identity.account));
                }
                roles.clone()
            }
        };
        self.identity.play(roles, accounts);
        // They were checked by other rights.
        self.plans.clear();
        Ok(())
    }

    /// SHOW GRANTS, SHOW CREATE USER, SHOW PRIVILEGES.
    pub(super) fn show_account(&self, shown: &ShownAccount, version: &Version) -> Result<ResultSet> {
        let accounts = version.accounts();
        let own = &self.identity.account;
        // To look at others takes what it takes to read the tables of accounts.
        let seen = |name: &AccountName| {
            let may = name == own || self.identity.rights.on_database("mysql").has(Privilege::Select);
            let user = own.quoted();
            let denied = || {
                Error::new(code::ACCESS_DENIED, format!("access denied for user {user} to database 'mysql'"))
            };
            may.then_some(()).ok_or_else(denied)
        };
        match shown {
            ShownAccount::Grants { user, using } => {
                let name = user.as_ref().unwrap_or(&Who::Current).in_session_of(own);
                seen(&name)?;
                let account = accounts.get(&name).ok_or_else(|| no_grant(&name))?;
                if let Some(role) = using.iter().find(|role| !account.roles.contains_key(*role)) {
                    return Err(accounts::not_granted(role, &name));
                }
                let roles = if user.as_ref().is_none_or(|who| *who == Who::Current) && using.is_empty() {
                    &self.identity.roles
                } else {
                    using
                };
                let title = match user {
                    None => "Grants for User".to_owned(),
                    Some(_) => format!("Grants for {name}"),
                };
                let lines = accounts::grants(accounts, account, roles);
                ResultSet::text(&[&title], lines.into_iter().map(|line| vec![Some(line)]).collect())
            }
            ShownAccount::Create(who) => {
                let name = who.in_session_of(own);
                seen(&name)?;
                let account = accounts.get(&name).ok_or_else(|| {
                    Error::new(code::CANNOT_USER, format!("Operation SHOW CREATE USER failed for {name}"))
                })?;
                let line = accounts::create_user(account);
                ResultSet::text(&[&format!("CREATE USER for {name}")], vec![vec![Some(line)]])
            }
            ShownAccount::Privileges => {
                let row = |privilege: &Privilege| {
                    let name = privilege.name();
                    vec![
                        Some(name.to_owned()),
                        Some(context(*privilege).into()),
                        Some(privilege.about().into()),
                    ]
                };
                let mut rows: Vec<_> = Privilege::ALL.iter().map(row).collect();
                rows.extend(allod_planner::account::DYNAMIC.iter().map(|name| {
                    vec![Some((*name).to_owned()), Some("Server Admin".into()), Some(String::new())]
                }));
                ResultSet::text(&["Privilege", "Context", "Comment"], rows)
            }
        }
    }
}

/// On what it can be granted, in MySQL's words.
fn context(privilege: Privilege) -> &'static str {
    if Privileges::COLUMN.has(privilege) || Privileges::TABLE.has(privilege) {
        "Tables"
    } else if Privileges::DATABASE.has(privilege) || privilege == Privilege::GrantOption {
        "Databases"
    } else {
        "Server Admin"
    }
}

/// 1141.
fn no_grant(name: &AccountName) -> Error {
    let AccountName { user, host } = name;
    let message = format!("there is no such grant defined for user '{user}' on host '{host}'");
    Error::new(code::NO_SUCH_GRANT, message)
}
