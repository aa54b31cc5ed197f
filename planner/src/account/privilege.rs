//! What may be allowed to an account.

/// Expands to the enum of privileges and the table of their names, in the order in which they are shown.
macro_rules! privileges {
    ($(#[doc = $doc:literal] $name:ident = $sql:literal;)*) => {
        /// A privilege that has a column in `mysql.user`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Privilege {
            $(#[doc = $doc] $name,)*
        }

        impl Privilege {
            /// All of them, in the order in which statements show them.
            pub const ALL: &'static [Privilege] = &[$(Privilege::$name,)*];

            /// As statements have it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Privilege::$name => $sql,)*
                }
            }

            /// What it allows.
            pub fn about(self) -> &'static str {
                match self {
                    $(Privilege::$name => $doc.trim_ascii(),)*
                }
            }
        }
    };
}

privileges! {
    /// To read rows.
    Select = "SELECT";
    /// To add rows.
    Insert = "INSERT";
    /// To change rows.
    Update = "UPDATE";
    /// To delete rows.
    Delete = "DELETE";
    /// To make databases and tables.
    Create = "CREATE";
    /// To drop databases, tables and views, and to empty tables.
    Drop = "DROP";
    /// To see what others are doing.
    Process = "PROCESS";
    /// To refer to tables by foreign keys.
    References = "REFERENCES";
    /// To change the definition of tables.
    Alter = "ALTER";
    /// To see all databases.
    ShowDatabases = "SHOW DATABASES";
    /// What only who runs the server should do.
    Super = "SUPER";
    /// To run stored routines.
    Execute = "EXECUTE";
    /// To make and drop indexes.
    Index = "INDEX";
    /// To make, change and drop accounts.
    CreateUser = "CREATE USER";
    /// To make tablespaces.
    CreateTablespace = "CREATE TABLESPACE";
    /// To make triggers.
    Trigger = "TRIGGER";
    /// To make views.
    CreateView = "CREATE VIEW";
    /// To see how views are made.
    ShowView = "SHOW VIEW";
    /// To make roles.
    CreateRole = "CREATE ROLE";
    /// To drop roles.
    DropRole = "DROP ROLE";
    /// To make temporary tables.
    CreateTemporaryTables = "CREATE TEMPORARY TABLES";
    /// To lock tables.
    LockTables = "LOCK TABLES";
    /// To make stored routines.
    CreateRoutine = "CREATE ROUTINE";
    /// To change stored routines.
    AlterRoutine = "ALTER ROUTINE";
    /// To make events.
    Event = "EVENT";
    /// To stop the server.
    Shutdown = "SHUTDOWN";
    /// FLUSH.
    Reload = "RELOAD";
    /// To read and write files of the server.
    File = "FILE";
    /// To change the configuration.
    Config = "CONFIG";
    /// To ask where replication is.
    ReplicationClient = "REPLICATION CLIENT";
    /// To read what is replicated.
    ReplicationSlave = "REPLICATION SLAVE";
    /// To give others what one has.
    GrantOption = "GRANT OPTION";
}

/// Privileges that have names only: they are granted globally, each with or without the right to grant it.
pub const DYNAMIC: &[&str] = &[
    "BACKUP_ADMIN",
    "CONNECTION_ADMIN",
    "DASHBOARD_CLIENT",
    "PLACEMENT_ADMIN",
    "RESOURCE_GROUP_ADMIN",
    "RESTORE_ADMIN",
    "RESTRICTED_CONNECTION_ADMIN",
    "RESTRICTED_REPLICA_WRITER_ADMIN",
    "RESTRICTED_STATUS_ADMIN",
    "RESTRICTED_TABLES_ADMIN",
    "RESTRICTED_USER_ADMIN",
    "RESTRICTED_VARIABLES_ADMIN",
    "ROLE_ADMIN",
    "SYSTEM_USER",
    "SYSTEM_VARIABLES_ADMIN",
];

/// A set of privileges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges(u64);

impl Privileges {
    /// None of them.
    pub const NONE: Privileges = Privileges(0);
    /// ALL on `*.*`: everything but GRANT OPTION.
    pub const GLOBAL: Privileges = Privileges((1 << Privilege::GrantOption as u8) - 1);
    /// ALL on a database.
    pub const DATABASE: Privileges = Privileges(
        Privileges::TABLE.0
            | Privileges::bit(Privilege::Execute)
            | Privileges::bit(Privilege::CreateTemporaryTables)
            | Privileges::bit(Privilege::LockTables)
            | Privileges::bit(Privilege::CreateRoutine)
            | Privileges::bit(Privilege::AlterRoutine)
            | Privileges::bit(Privilege::Event),
    );
    /// ALL on a table.
    pub const TABLE: Privileges = Privileges(
        Privileges::COLUMN.0
            | Privileges::bit(Privilege::Delete)
            | Privileges::bit(Privilege::Create)
            | Privileges::bit(Privilege::Drop)
            | Privileges::bit(Privilege::Alter)
            | Privileges::bit(Privilege::Index)
            | Privileges::bit(Privilege::Trigger)
            | Privileges::bit(Privilege::CreateView)
            | Privileges::bit(Privilege::ShowView),
    );
    /// ALL on a column.
    pub const COLUMN: Privileges = Privileges(
        Privileges::bit(Privilege::Select)
            | Privileges::bit(Privilege::Insert)
            | Privileges::bit(Privilege::Update)
            | Privileges::bit(Privilege::References),
    );

    const fn bit(privilege: Privilege) -> u64 {
        1 << privilege as u8
    }

    /// A set of one.
    pub const fn of(privilege: Privilege) -> Privileges {
        Privileges(Privileges::bit(privilege))
    }

    /// Whether it is among them.
    pub fn has(self, privilege: Privilege) -> bool {
        self.0 & Privileges::bit(privilege) != 0
    }

    /// Whether all of those are among them.
    pub fn has_all(self, others: Privileges) -> bool {
        self.0 & others.0 == others.0
    }

    /// Those of both.
    pub fn with(self, others: Privileges) -> Privileges {
        Privileges(self.0 | others.0)
    }

    /// Without those.
    pub fn without(self, others: Privileges) -> Privileges {
        Privileges(self.0 & !others.0)
    }

    /// Those that both have.
    pub fn within(self, others: Privileges) -> Privileges {
        Privileges(self.0 & others.0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order in which they are shown.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL.iter().copied().filter(move |p| self.has(*p))
    }
}

/// Something that a statement is about to do.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// What it takes.
    pub privilege: Privilege,
    /// The database.
    pub database: &'a str,
    /// The table.
    pub table: &'a str,
    /// The column; `None` = the table as a whole.
    pub column: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_all_of_something_is_all_of_what_is_in_it() {
        assert!(Privileges::GLOBAL.has_all(Privileges::DATABASE));
        assert!(
            Privileges::DATABASE.has_all(Privileges::TABLE) && Privileges::TABLE.has_all(Privileges::COLUMN)
        );
        assert!(!Privileges::GLOBAL.has(Privilege::GrantOption));
        assert_eq!(Privileges::GLOBAL.iter().count(), Privilege::ALL.len() - 1);
        let two = Privileges::of(Privilege::Drop).with(Privileges::of(Privilege::Select));
        let names: Vec<&str> = two.iter().map(Privilege::name).collect();
        assert_eq!(names, ["SELECT", "DROP"]);
        assert!(two.without(Privileges::of(Privilege::Drop)) == two.within(Privileges::COLUMN));
        assert!(DYNAMIC.windows(2).all(|w| w[0] < w[1]));
    }
}
