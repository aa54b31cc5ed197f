//! `db`, `tables_priv`, `columns_priv`, `global_grants`: what is granted on databases, tables, columns, and by name.

use allod_planner::account::Privilege;

use super::{members, y_n};
use crate::accounts::TableGrant;
use crate::catalog::Version;
use crate::error::Result;
use crate::information_schema::Kind::Text;
use crate::information_schema::transactions::time;
use crate::information_schema::{Definition, Facts, Rows, text};

/// Privileges on databases in the order of their columns.
const OF_DATABASES: &[Privilege] = &[
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Create,
    Privilege::Drop,
    Privilege::GrantOption,
    Privilege::References,
    Privilege::Index,
    Privilege::Alter,
    Privilege::CreateTemporaryTables,
    Privilege::LockTables,
    Privilege::CreateView,
    Privilege::ShowView,
    Privilege::CreateRoutine,
    Privilege::AlterRoutine,
    Privilege::Execute,
    Privilege::Event,
    Privilege::Trigger,
];

/// Privileges on tables in the order of their SET.
const OF_TABLES: &[(Privilege, &str)] = &[
    (Privilege::Select, "Select"),
    (Privilege::Insert, "Insert"),
    (Privilege::Update, "Update"),
    (Privilege::Delete, "Delete"),
    (Privilege::Create, "Create"),
    (Privilege::Drop, "Drop"),
    (Privilege::GrantOption, "Grant"),
    (Privilege::References, "References"),
    (Privilege::Index, "Index"),
    (Privilege::Alter, "Alter"),
    (Privilege::CreateView, "Create View"),
    (Privilege::ShowView, "Show View"),
    (Privilege::Trigger, "Trigger"),
];

/// Privileges on columns in the order of their SET.
const OF_COLUMNS: &[(Privilege, &str)] = &[
    (Privilege::Select, "Select"),
    (Privilege::Insert, "Insert"),
    (Privilege::Update, "Update"),
    (Privilege::References, "References"),
];

pub(super) const DATABASES: Definition = Definition {
    name: "db",
    columns: &[
        ("Host", Text(255)),
        ("DB", Text(64)),
        ("User", Text(32)),
        ("Select_priv", Text(1)),
        ("Insert_priv", Text(1)),
        ("Update_priv", Text(1)),
        ("Delete_priv", Text(1)),
        ("Create_priv", Text(1)),
        ("Drop_priv", Text(1)),
        ("Grant_priv", Text(1)),
        ("References_priv", Text(1)),
        ("Index_priv", Text(1)),
        ("Alter_priv", Text(1)),
        ("Create_tmp_table_priv", Text(1)),
        ("Lock_tables_priv", Text(1)),
        ("Create_view_priv", Text(1)),
        ("Show_view_priv", Text(1)),
        ("Create_routine_priv", Text(1)),
        ("Alter_routine_priv", Text(1)),
        ("Execute_priv", Text(1)),
        ("Event_priv", Text(1)),
        ("Trigger_priv", Text(1)),
    ],
    rows: databases,
};

pub(super) const TABLES: Definition = Definition {
    name: "tables_priv",
    columns: &[
        ("Host", Text(255)),
        ("DB", Text(64)),
        ("User", Text(32)),
        ("Table_name", Text(64)),
        ("Grantor", Text(288)),
        ("Timestamp", Text(26)),
        ("Table_priv", Text(128)),
        ("Column_priv", Text(64)),
    ],
    rows: tables,
};

pub(super) const COLUMNS: Definition = Definition {
    name: "columns_priv",
    columns: &[
        ("Host", Text(255)),
        ("DB", Text(64)),
        ("User", Text(32)),
        ("Table_name", Text(64)),
        ("Column_name", Text(64)),
        ("Timestamp", Text(26)),
        ("Column_priv", Text(64)),
    ],
    rows: columns,
};

pub(super) const DYNAMIC: Definition = Definition {
    name: "global_grants",
    columns: &[("USER", Text(32)), ("HOST", Text(255)), ("PRIV", Text(32)), ("WITH_GRANT_OPTION", Text(1))],
    rows: dynamic,
};

fn databases(version: &Version, _: &Facts) -> Result<Rows> {
    let mut rows = Rows::new();
    for account in version.accounts().iter() {
        for grant in account.databases.values() {
            let mut row = vec![text(&account.name.host), text(&grant.database), text(&account.name.user)];
            row.extend(OF_DATABASES.iter().map(|p| y_n(grant.privileges.has(*p))));
            rows.push(row);
        }
    }
    Ok(rows)
}

fn tables(version: &Version, _: &Facts) -> Result<Rows> {
    let mut rows = Rows::new();
    for account in version.accounts().iter() {
        rows.extend(account.tables.values().map(|grant: &TableGrant| {
            vec![
                text(&account.name.host),
                text(&grant.database),
                text(&account.name.user),
                text(&grant.table),
                text(&grant.grantor),
                time(grant.granted_us),
                members(grant.privileges, OF_TABLES),
                members(grant.of_columns(), OF_COLUMNS),
            ]
        }));
    }
    Ok(rows)
}

fn columns(version: &Version, _: &Facts) -> Result<Rows> {
    let mut rows = Rows::new();
    for account in version.accounts().iter() {
        for grant in account.tables.values() {
            rows.extend(grant.columns.iter().map(|(column, privileges)| {
                vec![
                    text(&account.name.host),
                    text(&grant.database),
                    text(&account.name.user),
                    text(&grant.table),
                    text(column),
                    time(grant.granted_us),
                    members(*privileges, OF_COLUMNS),
                ]
            }));
        }
    }
    Ok(rows)
}

fn dynamic(version: &Version, _: &Facts) -> Result<Rows> {
    let mut rows = Rows::new();
    for account in version.accounts().iter() {
        rows.extend(account.dynamic.iter().map(|(name, grantable)| {
            vec![text(&account.name.user), text(&account.name.host), text(name), y_n(*grantable)]
        }));
    }
    Ok(rows)
}
