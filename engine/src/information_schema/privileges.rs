//! `user_privileges`, `schema_privileges`, `table_privileges`, `column_privileges`: a row for each privilege that is granted;
//! `user_attributes`: what accounts say of themselves. Who may not read the tables of accounts sees their own.

use allod_planner::account::{Privilege, Privileges};
use allod_storage::schema::Datum;

use super::Kind::Text;
use super::{Definition, Facts, Rows, text, yes_no};
use crate::accounts::Account;
use crate::catalog::Version;
use crate::error::Result;

pub(super) const USERS: Definition = Definition {
    name: "user_privileges",
    columns: &[
        ("GRANTEE", Text(292)),
        ("TABLE_CATALOG", Text(512)),
        ("PRIVILEGE_TYPE", Text(64)),
        ("IS_GRANTABLE", Text(3)),
    ],
    rows: |version, facts| {
        each(version, facts, |account, rows| {
            let who = text(account.name.quoted());
            let row = |name: &str, grantable| vec![who.clone(), text("def"), text(name), yes_no(grantable)];
            let grantable = account.global.has(Privilege::GrantOption);
            if plain(account.global).is_empty() && account.dynamic.is_empty() {
                rows.push(row("USAGE", grantable));
            }
            rows.extend(plain(account.global).iter().map(|p| row(p.name(), grantable)));
            rows.extend(account.dynamic.iter().map(|(name, grantable)| row(name, *grantable)));
        })
    },
};

pub(super) const SCHEMAS: Definition = Definition {
    name: "schema_privileges",
    columns: &[
        ("GRANTEE", Text(292)),
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("PRIVILEGE_TYPE", Text(64)),
        ("IS_GRANTABLE", Text(3)),
    ],
    rows: |version, facts| {
        each(version, facts, |account, rows| {
            for grant in account.databases.values() {
                let place = [text(account.name.quoted()), text("def"), text(&grant.database)];
                rows.extend(of(&place, grant.privileges, grant.privileges));
            }
        })
    },
};

pub(super) const TABLES: Definition = Definition {
    name: "table_privileges",
    columns: &[
        ("GRANTEE", Text(292)),
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("PRIVILEGE_TYPE", Text(64)),
        ("IS_GRANTABLE", Text(3)),
    ],
    rows: |version, facts| {
        each(version, facts, |account, rows| {
            for grant in account.tables.values().filter(|grant| !grant.privileges.is_empty()) {
                let who = text(account.name.quoted());
                let place = [who, text("def"), text(&grant.database), text(&grant.table)];
                rows.extend(of(&place, grant.privileges, grant.privileges));
            }
        })
    },
};

pub(super) const COLUMNS: Definition = Definition {
    name: "column_privileges",
    columns: &[
        ("GRANTEE", Text(292)),
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("COLUMN_NAME", Text(64)),
        ("PRIVILEGE_TYPE", Text(64)),
        ("IS_GRANTABLE", Text(3)),
    ],
    rows: |version, facts| {
        each(version, facts, |account, rows| {
            for grant in account.tables.values() {
                for (column, privileges) in &grant.columns {
                    let who = text(account.name.quoted());
                    let place = [who, text("def"), text(&grant.database), text(&grant.table), text(column)];
                    rows.extend(of(&place, *privileges, grant.privileges));
                }
            }
        })
    },
};

pub(super) const ATTRIBUTES: Definition = Definition {
    name: "user_attributes",
    columns: &[("USER", Text(32)), ("HOST", Text(255)), ("ATTRIBUTE", Text(65535))],
    rows: |version, facts| {
        each(version, facts, |account, rows| {
            let attribute = account.attributes_text().map_or(Datum::Null, text);
            rows.push(vec![text(&account.name.user), text(&account.name.host), attribute]);
        })
    },
};

/// Goes over the accounts that are to be seen.
fn each(version: &Version, facts: &Facts<'_>, add: impl Fn(&Account, &mut Rows)) -> Result<Rows> {
    let mut rows = Rows::new();
    let seen = version.accounts().iter().filter(|account| facts.sees_account(account));
    seen.for_each(|account| add(account, &mut rows));
    Ok(rows)
}

/// Without GRANT OPTION, which is shown beside each of the others.
fn plain(privileges: Privileges) -> Privileges {
    privileges.without(Privileges::of(Privilege::GrantOption))
}

/// A row for each of the privileges at a place. `beside`: among them GRANT OPTION is looked for.
fn of(place: &[Datum], privileges: Privileges, beside: Privileges) -> Rows {
    let own = plain(privileges);
    let grantable = yes_no(beside.has(Privilege::GrantOption));
    let row = |name: &str| [place, &[text(name), grantable.clone()]].concat();
    if own.is_empty() { vec![row("USAGE")] } else { own.iter().map(|p| row(p.name())).collect() }
}
