//! What somebody may do: the union of what is granted to an account and to the roles that it plays, and to the roles of those.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;

use allod_planner::account::{Access, AccountName, Privilege, Privileges};

use super::{Account, Accounts, DatabaseGrant};
use crate::like;

/// Rights at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    /// The account, and the roles.
    accounts: Vec<Arc<Account>>,
    /// What is granted to any of them on `*.*`.
    global: Privileges,
}

/// The database whose tables everybody may read, each seeing what concerns them.
const OPEN: &str = "information_schema";

impl Rights {
    /// Of somebody who may do everything, whatever is granted.
    pub fn everything() -> Rights {
        let global = Privileges::GLOBAL.with(Privileges::of(Privilege::GrantOption));
        Rights { accounts: vec![], global }
    }

    pub(super) fn of(accounts: &Accounts, name: &AccountName, roles: &[AccountName]) -> Rights {
        let mut known = BTreeSet::new();
        let mut all = vec![];
        let mut next: Vec<&Arc<Account>> = Vec::new();
        if let Some(own) = accounts.get(name) {
            all.push(Arc::clone(own));
            // Roles that were taken away are played no more.
            next.extend(roles.iter().filter(|r| own.roles.contains_key(*r)).filter_map(|r| accounts.get(r)));
        }
        while let Some(role) = next.pop() {
            if known.insert(&role.name) {
                all.push(Arc::clone(role));
                next.extend(role.roles.keys().filter_map(|r| accounts.get(r)));
            }
        }
        let global = all.iter().fold(Privileges::NONE, |global, account| global.with(account.global));
        Rights { accounts: all, global }
    }

    /// Whether there is anything that may not be done.
    pub fn restricts(&self) -> bool {
        !self.global.has_all(Privileges::GLOBAL)
    }

    /// The account, and the roles that it plays.
    pub fn accounts(&self) -> &[Arc<Account>] {
        &self.accounts
    }

    /// Those on `*.*`.
    pub fn global(&self) -> Privileges {
        self.global
    }

    /// Whether this is granted on `*.*`.
    pub fn has(&self, privilege: Privilege) -> bool {
        self.global.has(privilege)
    }

    /// Whether a dynamic privilege is granted; SUPER has all of them.
    pub fn has_dynamic(&self, name: &str) -> bool {
        self.has(Privilege::Super) || self.accounts.iter().any(|a| a.dynamic.contains_key(name))
    }

    /// Whether a dynamic privilege may be granted to others.
    pub fn may_grant_dynamic(&self, name: &str) -> bool {
        let all = self.has(Privilege::Super) && self.has(Privilege::GrantOption);
        all || self.accounts.iter().any(|a| a.dynamic.get(name) == Some(&true))
    }

    /// Whether a role may be granted to others.
    pub fn may_grant_role(&self, role: &AccountName) -> bool {
        self.has_dynamic("ROLE_ADMIN") || self.accounts.iter().any(|a| a.roles.get(role) == Some(&true))
    }

    /// Those on all of a database.
    pub fn on_database(&self, database: &str) -> Privileges {
        let open = database.eq_ignore_ascii_case(OPEN);
        let own = if open { Privileges::of(Privilege::Select) } else { self.global };
        let granted = self.accounts.iter().filter_map(|a| database_grant(&a.databases, database));
        granted.fold(own, |all, grant| all.with(grant.privileges))
    }

    /// Those on all of a table.
    pub fn on_table(&self, database: &str, table: &str) -> Privileges {
        let key = (database.to_lowercase(), table.to_lowercase());
        let granted = self.accounts.iter().filter_map(|a| a.tables.get(&key));
        granted.fold(self.on_database(database), |all, grant| all.with(grant.privileges))
    }

    /// Those on a column, or on any column.
    pub fn on_column(&self, database: &str, table: &str, column: Option<&str>) -> Privileges {
        let key = (database.to_lowercase(), table.to_lowercase());
        let granted = self.accounts.iter().filter_map(|a| a.tables.get(&key)).map(|grant| match column {
            Some(column) => grant.columns.get(&column.to_lowercase()).copied().unwrap_or_default(),
            None => grant.of_columns(),
        });
        granted.fold(self.on_table(database, table), Privileges::with)
    }

    /// The planner's question.
    pub fn may(&self, access: Access<'_>, partly: bool) -> bool {
        let Access { privilege, database, table, column } = access;
        self.on_table(database, table).has(privilege)
            || ((partly || column.is_some()) && self.on_column(database, table, column).has(privilege))
    }

    /// Whether it is to be known that there is this table: something may be done with it.
    pub fn sees_table(&self, database: &str, table: &str) -> bool {
        !self.restricts() || !self.on_column(database, table, None).within(Privileges::DATABASE).is_empty()
    }

    /// The same for a column.
    pub fn sees_column(&self, database: &str, table: &str, column: &str) -> bool {
        let own = || self.on_column(database, table, Some(column)).within(Privileges::DATABASE);
        !self.restricts() || !own().is_empty()
    }

    /// Whether it is to be known that there is this database: something may be done with it, or with something in it.
    pub fn sees_database(&self, database: &str) -> bool {
        !self.restricts()
            || self.has(Privilege::ShowDatabases)
            || !self.on_database(database).within(Privileges::DATABASE).is_empty()
            || self.accounts.iter().any(|account| {
                let first = (database.to_lowercase(), String::new());
                account.tables.range(first..).next().is_some_and(|((d, _), _)| *d == database.to_lowercase())
            })
    }
}

/// What an account has on a database: by its name, or by the most specific pattern that fits it.
fn database_grant<'a>(
    granted: &'a OrdMap<String, DatabaseGrant>,
    database: &str,
) -> Option<&'a DatabaseGrant> {
    let exact = granted.get(&database.to_lowercase());
    exact.or_else(|| {
        let fitting = granted.iter().filter(|(pattern, _)| like::matches(pattern, database));
        fitting.max_by_key(|(p, _)| p.find(['%', '_']).unwrap_or(p.len())).map(|(_, grant)| grant)
    })
}
