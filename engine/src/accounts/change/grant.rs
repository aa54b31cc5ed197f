//! GRANT and REVOKE of privileges.

use std::sync::Arc;

use imbl::OrdMap;

use allod_planner::account::{
    AccountName, DYNAMIC, Granted, Level, Privilege, Privileges, UserOptions, UserSpec, Who,
};
use allod_planner::catalog::Catalog as _;

use super::super::{Account, Accounts, DatabaseGrant, TableGrant, needs};
use super::user::{apply, secret};
use super::{Actor, Outcome};
use crate::error::{Error, Result, code};

/// On what, with the current database filled in.
enum Place<'a> {
    Global,
    Database(&'a str),
    Table(&'a str, &'a str),
}

/// What a statement names, sorted by what it is.
#[derive(Default)]
struct Named<'a> {
    /// Of the whole level.
    whole: Privileges,
    /// Of columns, by name in lower case.
    columns: OrdMap<String, Privileges>,
    dynamic: Vec<&'a str>,
    /// Whether it says ALL.
    all: bool,
}

impl Accounts {
    pub(super) fn grant(
        &self,
        privileges: &[Granted],
        level: &Level,
        users: &[UserSpec],
        options: &UserOptions,
        grant_option: bool,
        actor: &Actor<'_>,
    ) -> Outcome {
        let place = place(level, actor)?;
        let mut named = sort(privileges, &place)?;
        check_place(&named, &place, actor, true)?;
        let asked = if grant_option { Privileges::of(Privilege::GrantOption) } else { Privileges::NONE };
        check_grantor(&named, &place, actor)?;
        named.whole = named.whole.with(asked);
        if *options != UserOptions::default() || users.iter().any(|u| u.identified.is_some()) {
            actor.manages_users(Privilege::Update, &[Privilege::CreateUser])?;
        }
        let mut accounts = self.clone();
        for UserSpec { user, identified } in users {
            let name = user.in_session_of(actor.account);
            let old = accounts.get(&name).ok_or_else(|| {
                Error::new(code::CANNOT_CREATE_WITH_GRANT, "you are not allowed to create a user with GRANT")
            })?;
            let mut account = (**old).clone();
            if let Some(identified) = identified {
                actor.may_touch(old)?;
                account.secret = secret(identified, account.secret.plugin)?;
                (account.expired, account.changed_us) = (false, actor.now_us);
            }
            apply(&mut account, options, actor.version)?;
            account.gain(&named, &place, grant_option, actor);
            accounts = accounts.with(account);
        }
        Ok((accounts, vec![]))
    }

    pub(super) fn revoke(
        &self,
        privileges: &[Granted],
        level: &Level,
        users: &[Who],
        actor: &Actor<'_>,
    ) -> Outcome {
        let place = place(level, actor)?;
        let named = sort(privileges, &place)?;
        check_place(&named, &place, actor, false)?;
        check_grantor(&named, &place, actor)?;
        let mut accounts = self.clone();
        for name in users.iter().map(|user| user.in_session_of(actor.account)) {
            let mut account = (**accounts.revokee(&name)?).clone();
            account.lose(&named, &place)?;
            accounts = accounts.with(account);
        }
        Ok((accounts, vec![]))
    }

    pub(super) fn revoke_everything(&self, users: &[Who], actor: &Actor<'_>) -> Outcome {
        actor.manages_users(Privilege::Update, &[Privilege::CreateUser])?;
        let mut accounts = self.clone();
        for name in users.iter().map(|user| user.in_session_of(actor.account)) {
            actor.may_touch(accounts.revokee(&name)?)?;
            let account = Account {
                global: Privileges::NONE,
                dynamic: OrdMap::new(),
                databases: OrdMap::new(),
                tables: OrdMap::new(),
                ..(**accounts.revokee(&name)?).clone()
            };
            accounts = accounts.with(account);
        }
        Ok((accounts, vec![]))
    }

    fn revokee(&self, name: &AccountName) -> Result<&Arc<Account>> {
        // TiDB's answer, which has no number of its own.
        self.get(name).ok_or_else(|| Error::new(code::UNKNOWN, format!("unknown user: {name}")))
    }
}

impl Account {
    fn gain(&mut self, named: &Named<'_>, place: &Place<'_>, grant_option: bool, actor: &Actor<'_>) {
        for name in &named.dynamic {
            let known = self.dynamic.get(*name) == Some(&true);
            self.dynamic.insert((*name).into(), known || grant_option);
        }
        match place {
            Place::Global => {
                // GRANT OPTION of a statement that names dynamic privileges only is theirs.
                let only_dynamic = !named.dynamic.is_empty()
                    && named.whole.without(Privileges::of(Privilege::GrantOption)).is_empty();
                if !only_dynamic {
                    self.global = self.global.with(named.whole);
                }
            }
            Place::Database(database) => {
                if named.whole.is_empty() {
                    return;
                }
                let known = self.databases.get(&database.to_lowercase());
                let known = known.map_or(Privileges::NONE, |grant| grant.privileges);
                let (database, privileges) = (*database, known.with(named.whole));
                let grant = DatabaseGrant { database: database.into(), privileges };
                self.databases.insert(database.to_lowercase(), grant);
            }
            Place::Table(database, table) => {
                if named.whole.is_empty() && named.columns.is_empty() {
                    return;
                }
                let key = (database.to_lowercase(), table.to_lowercase());
                let mut grant = self.tables.get(&key).cloned().unwrap_or_else(|| TableGrant {
                    database: (*database).into(),
                    table: (*table).into(),
                    privileges: Privileges::NONE,
                    columns: OrdMap::new(),
                    grantor: "".into(),
                    granted_us: 0,
                });
                grant.privileges = grant.privileges.with(named.whole);
                for (column, privileges) in &named.columns {
                    let known = grant.columns.get(column).copied().unwrap_or_default();
                    grant.columns.insert(column.clone(), known.with(*privileges));
                }
                grant.grantor = actor.account.to_string().into();
                grant.granted_us = actor.now_us;
                self.tables.insert(key, grant);
            }
        }
    }

    fn lose(&mut self, named: &Named<'_>, place: &Place<'_>) -> Result<()> {
        for name in &named.dynamic {
            self.dynamic.remove(*name);
        }
        let none = |tail: String| {
            let AccountName { user, host } = &self.name;
            format!("there is no such grant defined for user '{user}' on host '{host}'{tail}")
        };
        match place {
            Place::Global => {
                self.global = self.global.without(named.whole);
                if named.all {
                    self.dynamic.clear();
                }
            }
            Place::Database(database) => {
                let key = database.to_lowercase();
                let Some(known) = self.databases.get(&key) else {
                    return Err(Error::new(code::NO_SUCH_GRANT, none(String::new())));
                };
                let left =
                    DatabaseGrant { privileges: known.privileges.without(named.whole), ..known.clone() };
                self.databases = match left.privileges.is_empty() {
                    true => self.databases.without(&key),
                    false => self.databases.update(key, left),
                };
            }
            Place::Table(database, table) => {
                let key = (database.to_lowercase(), table.to_lowercase());
                let Some(mut left) = self.tables.get(&key).cloned() else {
                    return Err(Error::new(code::NO_SUCH_TABLE_GRANT, none(format!(" on table '{table}'"))));
                };
                left.privileges = left.privileges.without(named.whole);
                let lost = |column: &String| {
                    // What goes for the whole table goes for its columns.
                    named.columns.get(column).copied().unwrap_or_default().with(named.whole)
                };
                let columns = left.columns.iter().map(|(c, p)| (c.clone(), p.without(lost(c))));
                left.columns = columns.filter(|(_, p)| !p.is_empty()).collect();
                self.tables = match left.is_empty() {
                    true => self.tables.without(&key),
                    false => self.tables.update(key, left),
                };
            }
        }
        Ok(())
    }
}

fn place<'a>(level: &'a Level, actor: &Actor<'a>) -> Result<Place<'a>> {
    let current = || actor.database.ok_or_else(|| Error::new(code::NO_DATABASE, "no database selected"));
    Ok(match level {
        Level::Global => Place::Global,
        Level::Database(Some(database)) => Place::Database(database),
        Level::Database(None) => Place::Database(current()?),
        Level::Table(Some(database), table) => Place::Table(database, table),
        Level::Table(None, table) => Place::Table(current()?, table),
    })
}

/// What the words mean there.
fn sort<'a>(privileges: &'a [Granted], place: &Place<'_>) -> Result<Named<'a>> {
    let mut named = Named::default();
    for granted in privileges {
        match granted {
            Granted::Usage => {}
            Granted::All => {
                named.all = true;
                named.whole = named.whole.with(match place {
                    Place::Global => Privileges::GLOBAL,
                    Place::Database(_) => Privileges::DATABASE,
                    Place::Table(..) => Privileges::TABLE,
                });
            }
            Granted::Privilege { privilege, columns } if columns.is_empty() => {
                named.whole = named.whole.with(Privileges::of(*privilege));
            }
            Granted::Privilege { privilege, columns } => {
                if !Privileges::COLUMN.has(*privilege) || !matches!(place, Place::Table(..)) {
                    return Err(Error::new(
                        code::INCORRECT_USAGE,
                        "incorrect usage of COLUMN GRANT and NON-COLUMN PRIVILEGES",
                    ));
                }
                for column in columns {
                    let known = named.columns.get(&column.to_lowercase()).copied().unwrap_or_default();
                    named.columns.insert(column.to_lowercase(), known.with(Privileges::of(*privilege)));
                }
            }
            Granted::Dynamic(name) => {
                if !DYNAMIC.contains(&name.as_str()) {
                    let message = format!("dynamic privilege '{name}' is not registered with the server.");
                    return Err(Error::new(code::DYNAMIC_PRIVILEGE_UNKNOWN, message));
                }
                if !matches!(place, Place::Global) {
                    let message = format!("illegal privilege level specified for {name}");
                    return Err(Error::new(code::ILLEGAL_PRIVILEGE_LEVEL, message));
                }
                named.dynamic.push(name);
            }
        }
    }
    Ok(named)
}

/// Refuses what cannot be granted there. `gain`: it is GRANT, and what it names must be there.
fn check_place(named: &Named<'_>, place: &Place<'_>, actor: &Actor<'_>, gain: bool) -> Result<()> {
    let grant = Privileges::of(Privilege::GrantOption);
    let (database, allowed) = match place {
        Place::Global => return Ok(()),
        Place::Database(database) => (database, Privileges::DATABASE),
        Place::Table(database, _) => (database, Privileges::TABLE),
    };
    let system = ["information_schema", "performance_schema"];
    let changes = named.whole.without(Privileges::of(Privilege::Select));
    if system.iter().any(|s| database.eq_ignore_ascii_case(s))
        && (!changes.is_empty() || !named.columns.is_empty())
    {
        return Err(denied(actor, database));
    }
    let Place::Table(_, table) = place else {
        if named.whole.without(grant).without(allowed).is_empty() {
            return Ok(());
        }
        let message = "incorrect usage of DB GRANT and GLOBAL PRIVILEGES";
        return Err(Error::new(code::INCORRECT_USAGE, message));
    };
    if !named.whole.without(grant).without(allowed).is_empty() {
        let message =
            "illegal GRANT/REVOKE command; please consult the manual to see which privileges can be used";
        return Err(Error::new(code::ILLEGAL_GRANT, message));
    }
    let descriptor = actor.version.entry(database, table).map(|entry| Arc::clone(&entry.descriptor));
    let view = actor.version.view(database, table);
    let sequence = actor.version.sequence(database, table);
    let system = crate::information_schema::descriptor(database, table).is_some();
    let there = descriptor.is_some() || view.is_some() || sequence.is_some() || system;
    if gain && !there && !named.whole.has(Privilege::Create) {
        return Err(Error::new(code::NO_SUCH_TABLE, format!("table '{database}.{table}' doesn't exist")));
    }
    let Some(descriptor) = descriptor.filter(|_| gain) else { return Ok(()) };
    match named.columns.keys().find(|column| descriptor.column(column).is_none()) {
        Some(column) => {
            let message = format!("unknown column '{column}' in '{table}'");
            Err(Error::new(code::UNKNOWN_COLUMN, message))
        }
        None => Ok(()),
    }
}

/// Refuses who may not give what the statement names, or not at all.
fn check_grantor(named: &Named<'_>, place: &Place<'_>, actor: &Actor<'_>) -> Result<()> {
    let rights = actor.rights;
    if named.dynamic.iter().any(|name| !rights.may_grant_dynamic(name)) {
        return Err(needs("GRANT OPTION"));
    }
    let grant = Privileges::of(Privilege::GrantOption);
    let has = match place {
        Place::Global => rights.global(),
        Place::Database(database) => rights.on_database(database),
        Place::Table(database, table) => rights.on_table(database, table),
    };
    let of_columns = || match place {
        Place::Table(database, table) => named
            .columns
            .iter()
            .all(|(column, wanted)| rights.on_column(database, table, Some(column)).has_all(*wanted)),
        Place::Global | Place::Database(_) => true,
    };
    let only_dynamic = named.whole.is_empty() && !named.dynamic.is_empty();
    let system = matches!(place, Place::Database(d) | Place::Table(d, _)
        if d.eq_ignore_ascii_case("information_schema"));
    if only_dynamic
        || (has.has_all(grant.with(named.whole)) && of_columns())
        || (system && !rights.restricts())
    {
        return Ok(());
    }
    let user = actor.account.quoted();
    Err(match place {
        Place::Global => Error::new(
            code::ACCESS_DENIED_USER,
            format!("access denied for user {user} (using password: YES)"),
        ),
        Place::Database(database) => denied(actor, database),
        Place::Table(_, table) => {
            let message = format!("GRANT command denied to user {user} for table '{table}'");
            Error::new(code::TABLE_DENIED, message)
        }
    })
}

fn denied(actor: &Actor<'_>, database: &str) -> Error {
    let message = format!("access denied for user {} to database '{database}'", actor.account.quoted());
    Error::new(code::ACCESS_DENIED, message)
}
