//! What accounts are called.

use std::fmt;
use std::sync::Arc;

/// `'user'@'host'`: the host is a pattern that says from where this user may come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName {
    /// The user; empty = anybody.
    pub user: Arc<str>,
    /// The host, in lower case; `%` = anywhere.
    pub host: Arc<str>,
}

impl AccountName {
    /// A name; hosts compare without regard to case.
    pub fn new(user: &str, host: &str) -> AccountName {
        AccountName { user: user.into(), host: host.to_lowercase().into() }
    }

    /// Of the form that CURRENT_USER() has, `user@host`: the host is what follows the last at sign.
    pub fn of_text(text: &str) -> AccountName {
        let (user, host) = text.rsplit_once('@').unwrap_or((text, "%"));
        AccountName::new(user, host)
    }

    /// `'user'@'host'`, as statements have it.
    pub fn quoted(&self) -> String {
        let text = |s: &str| s.replace('\\', "\\\\").replace('\'', "''");
        format!("'{}'@'{}'", text(&self.user), text(&self.host))
    }

    /// `` `user`@`host` ``, as roles are shown.
    pub fn ticked(&self) -> String {
        let name = |s: &str| s.replace('`', "``");
        format!("`{}`@`{}`", name(&self.user), name(&self.host))
    }
}

/// `user@host`.
impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// An account as a statement names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// CURRENT_USER, USER(): whoever the session is.
    Current,
    /// By name.
    Named(AccountName),
}

impl Who {
    /// The account, in a session of this one.
    pub fn in_session_of(&self, current: &AccountName) -> AccountName {
        match self {
            Who::Current => current.clone(),
            Who::Named(name) => name.clone(),
        }
    }
}
