//! The statements about accounts. Names are as written: the engine decides, at one moment, which of them exist.

use std::sync::Arc;

use super::{AccountName, Privilege, Who};

/// A change of accounts, or of the roles that a session plays.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountChange {
    /// CREATE USER, CREATE ROLE.
    Create {
        /// Who; all of them or none.
        users: Vec<UserSpec>,
        /// What holds for all of them.
        options: UserOptions,
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// Whether they are roles: nobody logs in as one.
        role: bool,
    },
    /// ALTER USER.
    Alter {
        /// Who.
        users: Vec<UserSpec>,
        /// What is to hold for all of them.
        options: UserOptions,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP USER, DROP ROLE.
    Drop {
        /// Who; all of them or none.
        users: Vec<Who>,
        /// IF EXISTS.
        if_exists: bool,
        /// DROP ROLE.
        role: bool,
    },
    /// RENAME USER.
    Rename(Vec<(Who, Who)>),
    /// SET PASSWORD.
    SetPassword {
        /// Whose.
        user: Who,
        /// The new one.
        password: String,
    },
    /// GRANT of privileges.
    Grant {
        /// What.
        privileges: Vec<Granted>,
        /// On what.
        level: Level,
        /// To whom, perhaps with a new password.
        users: Vec<UserSpec>,
        /// REQUIRE.
        options: UserOptions,
        /// WITH GRANT OPTION.
        grant_option: bool,
    },
    /// REVOKE of privileges.
    Revoke {
        /// What.
        privileges: Vec<Granted>,
        /// On what.
        level: Level,
        /// From whom.
        users: Vec<Who>,
    },
    /// REVOKE ALL PRIVILEGES, GRANT OPTION FROM.
    RevokeEverything {
        /// From whom.
        users: Vec<Who>,
    },
    /// GRANT of roles.
    GrantRoles {
        /// Which.
        roles: Vec<AccountName>,
        /// To whom.
        users: Vec<Who>,
        /// WITH ADMIN OPTION.
        admin: bool,
    },
    /// REVOKE of roles.
    RevokeRoles {
        /// Which.
        roles: Vec<AccountName>,
        /// From whom.
        users: Vec<Who>,
    },
    /// SET DEFAULT ROLE.
    SetDefaultRole {
        /// Which.
        roles: RoleChoice,
        /// Of whom.
        users: Vec<Who>,
    },
    /// SET ROLE.
    SetRole(RoleChoice),
    /// FLUSH PRIVILEGES: what is granted holds at once, so there is nothing to be done.
    Flush,
}

/// An account, and how it proves who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UserSpec {
    /// Who.
    pub user: Who,
    /// IDENTIFIED; `None` = nothing is said of it.
    pub identified: Option<Identified>,
}

/// IDENTIFIED [WITH plugin] [BY 'text' | AS 'hash'].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identified {
    /// The plugin; `None` = the one that it has, or the default one.
    pub plugin: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// What is kept of one, as `mysql.user` shows it.
    pub hash: Option<String>,
}

/// What CREATE USER and ALTER USER may say of accounts besides; `None` = nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserOptions {
    /// REQUIRE.
    pub require: Option<Requirement>,
    /// PASSWORD EXPIRE.
    pub expiry: Option<PasswordExpiry>,
    /// ACCOUNT LOCK, UNLOCK.
    pub locked: Option<bool>,
    /// COMMENT, ATTRIBUTE.
    pub attribute: Option<Attribute>,
    /// DEFAULT ROLE.
    pub default_role: Option<RoleChoice>,
    /// RESOURCE GROUP.
    pub resource_group: Option<Arc<str>>,
}

/// What a connection must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Requirement {
    /// Anything.
    #[default]
    None,
    /// Encrypted.
    Ssl,
    /// Encrypted, with a valid certificate of the client.
    X509,
    /// And with these.
    Specified {
        /// Who has signed the certificate.
        issuer: Option<String>,
        /// Whose it is.
        subject: Option<String>,
        /// What it is encrypted with.
        cipher: Option<String>,
    },
}

/// PASSWORD EXPIRE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordExpiry {
    /// DEFAULT: as `default_password_lifetime` says.
    #[default]
    Default,
    /// It is expired now.
    Now,
    /// Never.
    Never,
    /// So many days after it was set.
    Days(u16),
}

/// What is to be remembered of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// COMMENT.
    Comment(String),
    /// ATTRIBUTE, the text of a JSON object.
    Json(String),
}

/// A privilege of GRANT and REVOKE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// `ALL [PRIVILEGES]`.
    All,
    /// USAGE: none.
    Usage,
    /// One, perhaps on some columns only.
    Privilege {
        /// Which.
        privilege: Privilege,
        /// The columns; empty = the whole level.
        columns: Vec<String>,
    },
    /// One that has a name only, in upper case.
    Dynamic(String),
}

/// On what privileges are granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// `*.*`.
    Global,
    /// `db.*`, or `*` (`None`): of the current database.
    Database(Option<String>),
    /// `db.table`, or `table` of the current database.
    Table(Option<String>, String),
}

/// Which roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChoice {
    /// NONE.
    None,
    /// ALL, or for SET ROLE all but these.
    All {
        /// EXCEPT.
        except: Vec<AccountName>,
    },
    /// DEFAULT.
    Default,
    /// These.
    These(Vec<AccountName>),
}

/// SHOW about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownAccount {
    /// SHOW GRANTS; `None` = without FOR.
    Grants {
        /// FOR.
        user: Option<Who>,
        /// USING.
        using: Vec<AccountName>,
    },
    /// SHOW CREATE USER.
    Create(Who),
    /// SHOW PRIVILEGES.
    Privileges,
}
