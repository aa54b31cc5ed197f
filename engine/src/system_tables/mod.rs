//! The database `mysql`: accounts, as the tables that MySQL and TiDB keep them in.
//!
//! Here nothing is kept in them: each is made of the accounts of the catalog's version when a statement names it, as the tables of
//! `information_schema` are, and like those nobody writes to them (1044). Who wants to change an account says so: CREATE USER,
//! GRANT. To read them takes SELECT on the database `mysql` or on the table.
//!
//! ```sql
//! select user, host, plugin, account_locked from mysql.user order by user;
//! ```
//!
//! Left out: tables of what Allod does not have (bindings, jobs: see `information_schema`).

mod accounts;
mod grants;
mod logs;
mod roles;
mod stats;
mod tidb;
mod zones;

use allod_planner::account::{Privilege, Privileges};
use allod_storage::schema::Datum;

use crate::information_schema::{Definition, text};

/// Name of the database.
pub(crate) const DATABASE: &str = "mysql";

/// Sorted by name.
pub(crate) const TABLES: &[Definition] = &[
    grants::COLUMNS,
    grants::DATABASES,
    roles::DEFAULT,
    logs::GENERAL,
    grants::DYNAMIC,
    accounts::REQUIREMENTS,
    zones::VARIABLES,
    zones::HELP,
    roles::EDGES,
    logs::SLOW,
    stats::BUCKETS,
    stats::HISTOGRAMS,
    stats::META,
    stats::TOP_N,
    grants::TABLES,
    tidb::TABLE,
    zones::NAMES,
    accounts::USERS,
];

/// `Y` or `N`.
fn y_n(yes: bool) -> Datum {
    text(if yes { "Y" } else { "N" })
}

/// The members of a SET of privileges, in the order of its definition.
fn members(privileges: Privileges, order: &[(Privilege, &str)]) -> Datum {
    let names: Vec<&str> = order.iter().filter(|(p, _)| privileges.has(*p)).map(|(_, name)| *name).collect();
    text(names.join(","))
}
