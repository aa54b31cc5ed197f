//! Accounts: who may log in, and what may be done by whom.
//!
//! All accounts together are one immutable value ([`Accounts`], persistent maps), and that is a part of a version of the catalog:
//! a statement about accounts makes the next version under the catalog's lease, as DDL does, all of it or nothing. What is granted
//! holds from then on, for every session's next statement; nothing is ever out of date, and FLUSH PRIVILEGES has nothing to do.
//!
//! ```text
//! create user app identified by 'secret'      change::user     a new Account
//! grant select on shop.* to app               change::grant    the same with more in it
//! app logs in from 10.0.0.7                   host, password   which account that is, and whether it is
//! select * from shop.orders                   rights           the union of its own and of the roles that it plays
//! ```
//!
//! **Checks** are made when names are bound: the planner asks the session's [`Rights`] of tables and columns
//! (`allod_planner::bind`), the session of everything else (`session::privileges`). A plan that a session keeps was checked when
//! it was made, and goes when accounts change, for they are part of the version that it was made of; so what runs from the plan
//! cache asks nothing. Who may do everything, as `root` may, is asked nothing else than whether that is so.
//!
//! **Who is who.** USER() is who came from where, CURRENT_USER() is the account that was found for that. Sessions that a program
//! opens in its own process are `root` and may do everything, whatever is granted: whoever has the [`Database`](crate::Database)
//! has its memory. The tables of the database `mysql` show all this (`system_tables`); nobody writes to them.
//!
//! Left out: proxies, resource limits and groups, a history of passwords, counting failed logins, certificates of clients (an
//! account that requires one cannot log in), privileges on routines, and what MySQL 8 calls partial revokes. GRANT makes no
//! accounts, as in MySQL 8.

mod change;
mod host;
mod password;
mod rights;
mod show;

use std::sync::Arc;

use imbl::OrdMap;

use allod_planner::account::{AccountName, PasswordExpiry, Privilege, Privileges, Requirement};
use allod_storage::schema::json::{Json, JsonRef, encode, print_json};

use crate::error::{Error, Result, code};

pub(crate) use change::{Actor, not_granted};
pub use password::Password;
pub(crate) use password::{DEFAULT_PLUGINS, Plugin, Secret};
pub(crate) use rights::Rights;
pub(crate) use show::{create_user, grants};

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// All accounts at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    all: OrdMap<AccountName, Arc<Account>>,
}

/// An account, or a role: the two differ in that nobody can log in as a role, until somebody alters it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub name: AccountName,
    pub secret: Secret,
    /// ACCOUNT LOCK.
    pub locked: bool,
    /// Whether its password must be changed before it can log in.
    pub expired: bool,
    /// When its password expires by itself; never [`PasswordExpiry::Now`].
    pub expiry: PasswordExpiry,
    /// When its password was set, in microseconds since 1970.
    pub changed_us: i64,
    pub require: Requirement,
    /// COMMENT and ATTRIBUTE: the members of an object.
    pub attributes: Option<Vec<(Box<str>, Json)>>,
    /// RESOURCE GROUP.
    pub resource_group: Option<Arc<str>>,
    pub global: Privileges,
    /// Dynamic privileges, and whether each may be granted.
    pub dynamic: OrdMap<Arc<str>, bool>,
    /// By the database's name in lower case, which may be a pattern.
    pub databases: OrdMap<String, DatabaseGrant>,
    /// By database and table in lower case.
    pub tables: OrdMap<(String, String), TableGrant>,
    /// Roles that it may play, and whether it may grant each.
    pub roles: OrdMap<AccountName, bool>,
    /// Those that it plays from the start.
    pub default_roles: Vec<AccountName>,
}

/// What is granted on a database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DatabaseGrant {
    /// As it was written.
    pub database: Arc<str>,
    pub privileges: Privileges,
}

/// What is granted on a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableGrant {
    /// As they were written.
    pub database: Arc<str>,
    pub table: Arc<str>,
    pub privileges: Privileges,
    /// Of some columns, by name in lower case.
    pub columns: OrdMap<String, Privileges>,
    /// Who granted last, and when.
    pub grantor: Arc<str>,
    pub granted_us: i64,
}

impl TableGrant {
    /// What is granted of any column.
    pub fn of_columns(&self) -> Privileges {
        self.columns.values().fold(Privileges::NONE, |all, own| all.with(*own))
    }

    fn is_empty(&self) -> bool {
        self.privileges.is_empty() && self.columns.is_empty()
    }
}

impl Account {
    fn new(name: AccountName, secret: Secret, now_us: i64) -> Account {
        Account {
            name,
            secret,
            locked: false,
            expired: false,
            expiry: PasswordExpiry::Default,
            changed_us: now_us,
            require: Requirement::None,
            attributes: None,
            resource_group: None,
            global: Privileges::NONE,
            dynamic: OrdMap::new(),
            databases: OrdMap::new(),
            tables: OrdMap::new(),
            roles: OrdMap::new(),
            default_roles: Vec::new(),
        }
    }

    /// COMMENT and ATTRIBUTE, as text.
    pub fn attributes_text(&self) -> Option<String> {
        self.attributes.as_ref().map(|members| json_text(&Json::Object(members.clone())))
    }

    /// Whether its password is too old to log in with. `lifetime`: days, of those whose account says nothing; 0 = for ever.
    pub fn is_expired(&self, now_us: i64, lifetime: u16) -> bool {
        let days = match self.expiry {
            PasswordExpiry::Default => lifetime,
            PasswordExpiry::Days(days) => days,
            PasswordExpiry::Never | PasswordExpiry::Now => 0,
        };
        self.expired || (days > 0 && now_us - self.changed_us >= i64::from(days) * DAY_US)
    }
}

impl Accounts {
    /// `root`, who may do everything, without a password.
    pub fn initial() -> Accounts {
        let name = AccountName::new("root", "%");
        let grant = Privileges::of(Privilege::GrantOption);
        let root =
            Account { global: Privileges::GLOBAL.with(grant), ..Account::new(name, Secret::none(), 0) };
        Accounts { all: OrdMap::unit(root.name.clone(), Arc::new(root)) }
    }

    /// The account of this name.
    pub fn get(&self, name: &AccountName) -> Option<&Arc<Account>> {
        self.all.get(name)
    }

    /// All of them, in order of user and host.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.all.values()
    }

    /// The account that somebody is who comes from this address.
    pub fn of_visitor(&self, user: &str, address: &str) -> Option<&Arc<Account>> {
        let own = self.all.values().filter(|a| *a.name.user == *user || a.name.user.is_empty());
        own.filter(|a| host::fits(&a.name.host, address))
            .min_by_key(|a| (host::specificity(&a.name.host), a.name.user.is_empty()))
    }

    /// What an account may do while it plays these roles; nothing, if it is not there.
    pub fn rights(&self, name: &AccountName, roles: &[AccountName]) -> Rights {
        Rights::of(self, name, roles)
    }

    /// What views of this definer may read: of the account of this name, else of the one that who logs in as such is.
    pub fn rights_of_definer(&self, name: &AccountName) -> Rights {
        let account = self.get(name).or_else(|| self.of_visitor(&name.user, &name.host));
        // Who has no name is nobody's definer.
        let account = account.filter(|account| account.name.user == name.user);
        self.rights(account.map_or(name, |account| &account.name), &[])
    }

    fn with(&self, account: Account) -> Accounts {
        Accounts { all: self.all.update(account.name.clone(), Arc::new(account)) }
    }

    /// The same with another password of `root`.
    pub fn with_root_password(&self, password: &Password, now_us: i64) -> Accounts {
        let name = AccountName::new("root", "%");
        let root = self
            .get(&name)
            .map_or_else(|| Account::new(name, Secret::none(), now_us), |root| (**root).clone());
        self.with(Account { secret: Secret::of(password), changed_us: now_us, ..root })
    }
}

/// A document as MySQL prints it.
fn json_text(json: &Json) -> String {
    let mut out = String::new();
    print_json(JsonRef::new(&encode(json)), &mut out);
    out
}

/// An account that there is not, or must not be.
fn failed(operation: &str, who: &str) -> Error {
    Error::new(code::CANNOT_USER, format!("Operation {operation} failed for {who}"))
}

/// 1227.
pub(crate) fn needs(privileges: &str) -> Error {
    let message =
        format!("access denied; you need (at least one of) the {privileges} privilege(s) for this operation");
    Error::new(code::SPECIFIC_ACCESS_DENIED, message)
}

/// An account by a name that must be one's.
fn known<'a>(accounts: &'a Accounts, name: &AccountName, operation: &str) -> Result<&'a Arc<Account>> {
    accounts.get(name).ok_or_else(|| failed(operation, &name.to_string()))
}
