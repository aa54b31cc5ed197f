//! SHOW GRANTS and SHOW CREATE USER: an account as the statements that would make it.

use std::collections::BTreeMap;

use allod_planner::account::{AccountName, PasswordExpiry, Privilege, Privileges, Requirement};

use super::{Account, Accounts};
use crate::partitioning::quoted;

/// Statements that grant what an account has while it plays these roles, in TiDB's order: global, databases, tables, columns,
/// roles, dynamic privileges.
pub(crate) fn grants(accounts: &Accounts, account: &Account, roles: &[AccountName]) -> Vec<String> {
    let rights = accounts.rights(&account.name, roles);
    let to = account.name.quoted();
    let mut out = vec![line(rights.global(), Privileges::GLOBAL, "*.*", &to)];
    let mut databases: BTreeMap<&str, (&str, Privileges)> = BTreeMap::new();
    let mut tables: BTreeMap<&(String, String), (String, Privileges)> = BTreeMap::new();
    let mut columns: BTreeMap<(&(String, String), Privilege), Vec<&str>> = BTreeMap::new();
    let mut dynamic: BTreeMap<&str, bool> = BTreeMap::new();
    for own in rights.accounts() {
        for (key, grant) in &own.databases {
            let known = databases.entry(key).or_insert((&grant.database, Privileges::NONE));
            known.1 = known.1.with(grant.privileges);
        }
        for (key, grant) in &own.tables {
            let name = || format!("{}.{}", quoted(&grant.database), quoted(&grant.table));
            let known = tables.entry(key).or_insert_with(|| (name(), Privileges::NONE));
            known.1 = known.1.with(grant.privileges);
            for (column, privileges) in &grant.columns {
                for privilege in privileges.iter() {
                    let known = columns.entry((key, privilege)).or_default();
                    if !known.contains(&&**column) {
                        known.push(column);
                    }
                }
            }
        }
        for (name, grantable) in &own.dynamic {
            *dynamic.entry(name).or_default() |= grantable;
        }
    }
    for (database, privileges) in databases.values().filter(|(_, p)| !p.is_empty()) {
        out.push(line(*privileges, Privileges::DATABASE, &format!("{}.*", quoted(database)), &to));
    }
    for (name, privileges) in tables.values().filter(|(_, p)| !p.is_empty()) {
        out.push(line(*privileges, Privileges::TABLE, name, &to));
    }
    for (key, (name, _)) in &tables {
        let own = columns.iter_mut().filter(|((of, _), _)| of == key);
        let parts = own.map(|((_, privilege), columns)| {
            columns.sort_unstable();
            format!("{}({})", privilege.name(), columns.join(", "))
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        if !parts.is_empty() {
            out.push(format!("GRANT {parts} ON {name} TO {to}"));
        }
    }
    if !account.roles.is_empty() {
        let names = account.roles.keys().map(AccountName::quoted).collect::<Vec<_>>().join(", ");
        out.push(format!("GRANT {names} TO {to}"));
    }
    for grantable in [false, true] {
        let names: Vec<&str> = dynamic.iter().filter(|(_, g)| **g == grantable).map(|(n, _)| *n).collect();
        if !names.is_empty() {
            let tail = if grantable { " WITH GRANT OPTION" } else { "" };
            out.push(format!("GRANT {} ON *.* TO {to}{tail}", names.join(",")));
        }
    }
    out
}

fn line(privileges: Privileges, all: Privileges, level: &str, to: &str) -> String {
    let grant = Privileges::of(Privilege::GrantOption);
    let plain = privileges.without(grant);
    let what = if plain.has_all(all) {
        "ALL PRIVILEGES".to_owned()
    } else if plain.is_empty() {
        "USAGE".to_owned()
    } else {
        plain.iter().map(Privilege::name).collect::<Vec<_>>().join(",")
    };
    let tail = if privileges.has_all(grant) { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {what} ON {level} TO {to}{tail}")
}

/// The statement that makes an account as it is, without what is granted to it.
pub(crate) fn create_user(account: &Account) -> String {
    let text = |s: &str| format!("'{}'", s.replace('\\', "\\\\").replace('\'', "''"));
    let require = match &account.require {
        Requirement::None => "NONE".to_owned(),
        Requirement::Ssl => "SSL".to_owned(),
        Requirement::X509 => "X509".to_owned(),
        Requirement::Specified { issuer, subject, cipher } => {
            let parts = [("CIPHER", cipher), ("ISSUER", issuer), ("SUBJECT", subject)];
            let parts = parts.iter().filter_map(|(word, s)| Some(format!("{word} {}", text(s.as_ref()?))));
            parts.collect::<Vec<_>>().join(" ")
        }
    };
    let expire = match account.expiry {
        _ if account.expired => String::new(),
        PasswordExpiry::Default | PasswordExpiry::Now => " DEFAULT".to_owned(),
        PasswordExpiry::Never => " NEVER".to_owned(),
        PasswordExpiry::Days(days) => format!(" INTERVAL {days} DAY"),
    };
    let attribute =
        account.attributes_text().map(|json| format!(" ATTRIBUTE {}", text(&json))).unwrap_or_default();
    format!(
        "CREATE USER {} IDENTIFIED WITH '{}' AS {} REQUIRE {require} PASSWORD EXPIRE{expire} ACCOUNT {} PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT{attribute}",
        account.name.quoted(),
        account.secret.plugin.name(),
        text(&account.secret.hash),
        if account.locked { "LOCK" } else { "UNLOCK" },
    )
}
