//! `user`: the accounts, and what is granted to them globally; `global_priv`: what their connections must be.

use std::fmt::Write;

use allod_planner::account::{PasswordExpiry, Privilege, Requirement};
use allod_storage::schema::Datum;
use allod_storage::schema::json::quote;

use super::y_n;
use crate::accounts::Account;
use crate::catalog::Version;
use crate::error::Result;
use crate::information_schema::Kind::{Number, Text};
use crate::information_schema::transactions::time;
use crate::information_schema::{Definition, Facts, Rows, number, text};

/// Global privileges in the order of their columns, those behind `Account_locked` apart.
const BEFORE_LOCKED: &[Privilege] = &[
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Create,
    Privilege::Drop,
    Privilege::Process,
    Privilege::GrantOption,
    Privilege::References,
    Privilege::Alter,
    Privilege::ShowDatabases,
    Privilege::Super,
    Privilege::CreateTemporaryTables,
    Privilege::LockTables,
    Privilege::Execute,
    Privilege::CreateView,
    Privilege::ShowView,
    Privilege::CreateRoutine,
    Privilege::AlterRoutine,
    Privilege::Index,
    Privilege::CreateUser,
    Privilege::Event,
    Privilege::ReplicationSlave,
    Privilege::ReplicationClient,
    Privilege::Trigger,
    Privilege::CreateRole,
    Privilege::DropRole,
];
const BEHIND_LOCKED: &[Privilege] = &[
    Privilege::Shutdown,
    Privilege::Reload,
    Privilege::File,
    Privilege::Config,
    Privilege::CreateTablespace,
];

pub(super) const USERS: Definition = Definition {
    name: "user",
    columns: &[
        ("Host", Text(255)),
        ("User", Text(32)),
        ("authentication_string", Text(65535)),
        ("plugin", Text(64)),
        ("Select_priv", Text(1)),
        ("Insert_priv", Text(1)),
        ("Update_priv", Text(1)),
        ("Delete_priv", Text(1)),
        ("Create_priv", Text(1)),
        ("Drop_priv", Text(1)),
        ("Process_priv", Text(1)),
        ("Grant_priv", Text(1)),
        ("References_priv", Text(1)),
        ("Alter_priv", Text(1)),
        ("Show_db_priv", Text(1)),
        ("Super_priv", Text(1)),
        ("Create_tmp_table_priv", Text(1)),
        ("Lock_tables_priv", Text(1)),
        ("Execute_priv", Text(1)),
        ("Create_view_priv", Text(1)),
        ("Show_view_priv", Text(1)),
        ("Create_routine_priv", Text(1)),
        ("Alter_routine_priv", Text(1)),
        ("Index_priv", Text(1)),
        ("Create_user_priv", Text(1)),
        ("Event_priv", Text(1)),
        ("Repl_slave_priv", Text(1)),
        ("Repl_client_priv", Text(1)),
        ("Trigger_priv", Text(1)),
        ("Create_role_priv", Text(1)),
        ("Drop_role_priv", Text(1)),
        ("Account_locked", Text(1)),
        ("Shutdown_priv", Text(1)),
        ("Reload_priv", Text(1)),
        ("FILE_priv", Text(1)),
        ("Config_priv", Text(1)),
        ("Create_Tablespace_Priv", Text(1)),
        ("User_attributes", Text(65535)),
        ("Password_expired", Text(1)),
        ("Password_last_changed", Text(26)),
        ("Password_lifetime", Number),
    ],
    rows: users,
};

pub(super) const REQUIREMENTS: Definition = Definition {
    name: "global_priv",
    columns: &[("Host", Text(255)), ("User", Text(32)), ("Priv", Text(65535))],
    rows: requirements,
};

fn users(version: &Version, _: &Facts) -> Result<Rows> {
    Ok(version.accounts().iter().map(|account| user(account)).collect())
}

fn user(account: &Account) -> Vec<Datum> {
    let metadata = account.attributes_text().map(|json| format!("\"metadata\": {json}"));
    let group = account.resource_group.as_ref();
    let group = group.map(|group| format!("\"resource_group\": {}", serde_json::Value::from(&**group)));
    let said: Vec<String> = metadata.into_iter().chain(group).collect();
    let metadata = (!said.is_empty()).then(|| format!("{{{}}}", said.join(", ")));
    let lifetime = match account.expiry {
        PasswordExpiry::Default | PasswordExpiry::Now => Datum::Null,
        PasswordExpiry::Never => number(0),
        PasswordExpiry::Days(days) => number(days.into()),
    };
    let has = |privilege: &Privilege| y_n(account.global.has(*privilege));
    let mut row = vec![
        text(&account.name.host),
        text(&account.name.user),
        text(&account.secret.hash),
        text(account.secret.plugin.name()),
    ];
    row.extend(BEFORE_LOCKED.iter().map(has));
    row.push(y_n(account.locked));
    row.extend(BEHIND_LOCKED.iter().map(has));
    row.extend([
        text(metadata.as_deref().unwrap_or("{}")),
        y_n(account.expired),
        time(account.changed_us),
        lifetime,
    ]);
    row
}

fn requirements(version: &Version, _: &Facts) -> Result<Rows> {
    let row = |account: &Account| {
        let json = requirement_json(&account.require);
        vec![text(&account.name.host), text(&account.name.user), text(json)]
    };
    Ok(version.accounts().iter().map(|account| row(account)).collect())
}

/// As TiDB keeps it.
fn requirement_json(require: &Requirement) -> String {
    match require {
        Requirement::None => "{}".into(),
        Requirement::Ssl => r#"{"ssl_type":1}"#.into(),
        Requirement::X509 => r#"{"ssl_type":2}"#.into(),
        Requirement::Specified { issuer, subject, cipher } => {
            let mut out = String::from(r#"{"ssl_type":3"#);
            let members = [("ssl_cipher", cipher), ("x509_issuer", issuer), ("x509_subject", subject)];
            for (key, value) in members.into_iter().filter_map(|(k, v)| Some((k, v.as_ref()?))) {
                let mut quoted = String::new();
                quote(value, &mut quoted);
                // Writing to a string does not fail.
                let _ = write!(out, ",\"{key}\":{quoted}");
            }
            out.push('}');
            out
        }
    }
}
