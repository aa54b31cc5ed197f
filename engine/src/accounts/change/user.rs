//! CREATE, ALTER, DROP, RENAME USER; SET PASSWORD.

use std::sync::Arc;

use allod_planner::account::{
    AccountName, Attribute, Identified, PasswordExpiry, Privilege, Requirement, RoleChoice, UserOptions,
    UserSpec, Who,
};
use allod_storage::schema::json::{Json, parse_json};

use super::super::{Account, Accounts, Plugin, Secret, failed, known, needs};
use super::{Actor, Outcome, note};
use crate::catalog::Version;
use crate::error::{Error, Result, code};

/// Characters that the name of a user may have.
const USER_MAX: usize = 32;
/// Characters that a host may have.
const HOST_MAX: usize = 255;

impl Accounts {
    pub(super) fn create(
        &self,
        users: &[UserSpec],
        options: &UserOptions,
        if_not_exists: bool,
        role: bool,
        actor: &Actor<'_>,
    ) -> Outcome {
        let allowed: &[Privilege] =
            if role { &[Privilege::CreateRole, Privilege::CreateUser] } else { &[Privilege::CreateUser] };
        actor.manages_users(Privilege::Insert, allowed)?;
        let operation = if role { "CREATE ROLE" } else { "CREATE USER" };
        let (mut accounts, mut notes) = (self.clone(), vec![]);
        for UserSpec { user, identified } in users {
            let name = user.in_session_of(actor.account);
            check_name(&name)?;
            if accounts.get(&name).is_some() {
                let error = failed(operation, &name.quoted());
                if !if_not_exists {
                    return Err(error);
                }
                notes.push(note(&error));
                continue;
            }
            let none = Secret { plugin: actor.plugin, ..Secret::none() };
            let mut account = Account::new(name, none, actor.now_us);
            if let Some(identified) = identified {
                account.secret = secret(identified, actor.plugin)?;
            }
            (account.locked, account.expired) = (role, role);
            apply(&mut account, options, actor.version)?;
            accounts = accounts.with(account);
            if let Some(roles) = &options.default_role {
                let name = user.in_session_of(actor.account);
                accounts = accounts.with_default_role(&name, roles, true)?;
            }
        }
        Ok((accounts, notes))
    }

    pub(super) fn alter(
        &self,
        users: &[UserSpec],
        options: &UserOptions,
        if_exists: bool,
        actor: &Actor<'_>,
    ) -> Outcome {
        let own = |spec: &UserSpec| spec.user.in_session_of(actor.account) == *actor.account;
        // Everybody may change their own password.
        if !users.iter().all(own) || *options != UserOptions::default() {
            actor.manages_users(Privilege::Update, &[Privilege::CreateUser])?;
        }
        let (mut accounts, mut notes) = (self.clone(), vec![]);
        for UserSpec { user, identified } in users {
            let name = user.in_session_of(actor.account);
            let old = match known(&accounts, &name, "ALTER USER") {
                Ok(old) => old,
                Err(error) if if_exists => {
                    notes.push(note(&error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            actor.may_touch(old)?;
            let mut account = (**old).clone();
            if let Some(identified) = identified {
                account.secret = secret(identified, account.secret.plugin)?;
                (account.expired, account.changed_us) = (false, actor.now_us);
            }
            apply(&mut account, options, actor.version)?;
            accounts = accounts.with(account);
            if let Some(roles) = &options.default_role {
                accounts = accounts.with_default_role(&name, roles, false)?;
            }
        }
        Ok((accounts, notes))
    }

    pub(super) fn drop(&self, users: &[Who], if_exists: bool, role: bool, actor: &Actor<'_>) -> Outcome {
        let allowed: &[Privilege] =
            if role { &[Privilege::DropRole, Privilege::CreateUser] } else { &[Privilege::CreateUser] };
        actor.manages_users(Privilege::Delete, allowed)?;
        let operation = if role { "DROP ROLE" } else { "DROP USER" };
        let (mut accounts, mut notes) = (self.clone(), vec![]);
        for user in users {
            let name = user.in_session_of(actor.account);
            match known(&accounts, &name, operation) {
                Ok(account) => {
                    actor.may_touch(account)?;
                    accounts = accounts.without(&name);
                }
                Err(error) if if_exists => notes.push(note(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok((accounts, notes))
    }

    pub(super) fn rename(&self, renames: &[(Who, Who)], actor: &Actor<'_>) -> Outcome {
        actor.manages_users(Privilege::Update, &[Privilege::CreateUser])?;
        let mut accounts = self.clone();
        for (from, to) in renames {
            let (from, to) = (from.in_session_of(actor.account), to.in_session_of(actor.account));
            check_name(&to)?;
            let error = || failed("RENAME USER", &format!("{from} TO {to}"));
            let account = accounts.get(&from).ok_or_else(error)?;
            actor.may_touch(account)?;
            if accounts.get(&to).is_some() {
                return Err(error());
            }
            let renamed = Account { name: to.clone(), ..(**account).clone() };
            // Who plays it as a role goes on to.
            let edges: Vec<Account> =
                accounts.iter().filter_map(|a| a.with_role_renamed(&from, &to)).collect();
            accounts = Accounts { all: accounts.all.without(&from) }.with(renamed);
            accounts = edges.into_iter().filter(|a| a.name != from).fold(accounts, |all, a| all.with(a));
        }
        Ok((accounts, vec![]))
    }

    pub(super) fn set_password(&self, user: &Who, password: &str, actor: &Actor<'_>) -> Outcome {
        let name = user.in_session_of(actor.account);
        if name != *actor.account && !actor.rights.has(Privilege::Super) {
            actor
                .manages_users(Privilege::Update, &[Privilege::CreateUser])
                .map_err(|_| needs("SUPER or CREATE USER"))?;
        }
        let Some(old) = self.get(&name) else {
            return Err(Error::new(code::PASSWORD_NO_MATCH, "can't find any matching row in the user table"));
        };
        actor.may_touch(old)?;
        let secret = Secret::new(old.secret.plugin, password);
        let account = Account { secret, expired: false, changed_us: actor.now_us, ..(**old).clone() };
        Ok((self.with(account), vec![]))
    }

    /// Without an account, and without it as a role of others.
    fn without(&self, name: &AccountName) -> Accounts {
        let rest = Accounts { all: self.all.without(name) };
        let players: Vec<Account> = rest.iter().filter_map(|a| a.without_role(name)).collect();
        players.into_iter().fold(rest, |all, account| all.with(account))
    }
}

impl Account {
    /// `None`: it does not have this role.
    pub(super) fn without_role(&self, role: &AccountName) -> Option<Account> {
        self.roles.contains_key(role).then(|| {
            let mut account = Account { roles: self.roles.without(role), ..self.clone() };
            account.default_roles.retain(|r| r != role);
            account
        })
    }

    fn with_role_renamed(&self, from: &AccountName, to: &AccountName) -> Option<Account> {
        let admin = *self.roles.get(from)?;
        let mut account = self.clone();
        account.roles = self.roles.without(from).update(to.clone(), admin);
        account.default_roles.iter_mut().filter(|role| *role == from).for_each(|role| *role = to.clone());
        Some(account)
    }
}

/// Refuses a name that is too long.
fn check_name(name: &AccountName) -> Result<()> {
    for (text, what, max) in [(&name.user, "user name", USER_MAX), (&name.host, "host name", HOST_MAX)] {
        if text.chars().count() > max {
            // MySQL shows so much of it.
            let shown: String = text.chars().take(70).collect();
            let message = format!("String '{shown}' is too long for {what} (should be no longer than {max})");
            return Err(Error::new(code::WRONG_STRING_LENGTH, message));
        }
    }
    Ok(())
}

/// IDENTIFIED, of an account that has this plugin if nothing is said of it.
pub(super) fn secret(identified: &Identified, plugin: Plugin) -> Result<Secret> {
    let plugin = match &identified.plugin {
        None => plugin,
        Some(name) => Plugin::named(name.as_bytes())
            .ok_or_else(|| Error::new(code::PLUGIN_NOT_LOADED, format!("Plugin '{name}' is not loaded")))?,
    };
    match (&identified.password, &identified.hash) {
        (Some(password), _) => Ok(Secret::new(plugin, password)),
        (None, Some(hash)) => Secret::of_hash(plugin, hash),
        (None, None) => Ok(Secret { plugin, ..Secret::none() }),
    }
}

/// What a statement says of an account besides.
pub(super) fn apply(account: &mut Account, options: &UserOptions, version: &Version) -> Result<()> {
    if let Some(require) = &options.require {
        check_requirement(require)?;
        account.require = require.clone();
    }
    match options.expiry {
        None => {}
        Some(PasswordExpiry::Now) => account.expired = true,
        Some(expiry) => (account.expiry, account.expired) = (expiry, false),
    }
    if let Some(locked) = options.locked {
        account.locked = locked;
    }
    if let Some(group) = &options.resource_group {
        // Who cannot log in is in no group.
        if account.locked && account.secret.hash.is_empty() {
            let message = "Cannot set resource group for a role";
            return Err(Error::new(code::RESOURCE_GROUP_OF_ROLE, message));
        }
        account.resource_group = Some(Arc::clone(&version.resources().known(group)?.name));
    }
    let new = match &options.attribute {
        None => return Ok(()),
        Some(Attribute::Comment(comment)) => vec![("comment".into(), Json::string(comment.as_str()))],
        Some(Attribute::Json(text)) => match parse_json(text) {
            Ok(Json::Object(members)) => members,
            Ok(_) => {
                return Err(Error::new(code::INVALID_JSON_TEXT, "invalid JSON text: an object was expected"));
            }
            Err(_) => {
                let message = "invalid JSON text: the attribute of an account is a JSON object";
                return Err(Error::new(code::INVALID_JSON_TEXT, message));
            }
        },
    };
    let mut members = account.attributes.take().unwrap_or_default();
    for (key, value) in new {
        members.retain(|(known, _)| *known != key);
        // As in JSON_MERGE_PATCH.
        if value != Json::Null {
            members.push((key, value));
        }
    }
    let Json::Object(members) = Json::object(members) else { return Ok(()) };
    account.attributes = Some(members);
    Ok(())
}

/// Refuses names of certificates that are none.
fn check_requirement(require: &Requirement) -> Result<()> {
    let Requirement::Specified { issuer, subject, .. } = require else { return Ok(()) };
    for name in [issuer, subject].into_iter().flatten() {
        const KEYS: [&str; 8] = ["CN", "OU", "O", "L", "ST", "C", "emailAddress", "SN"];
        let parts: Option<Vec<(&str, &str)>> =
            name.strip_prefix('/').and_then(|rest| rest.split('/').map(|p| p.split_once('=')).collect());
        let right = parts.is_some_and(|parts| parts.iter().all(|(key, _)| KEYS.contains(key)));
        if !right {
            return Err(Error::new(code::UNKNOWN, format!("invalid X509_NAME input: {name}")));
        }
    }
    Ok(())
}

/// Roles by name, each of which is there.
pub(super) fn all_known(accounts: &Accounts, roles: &[AccountName]) -> Result<()> {
    match roles.iter().find(|role| accounts.get(role).is_none()) {
        Some(role) => {
            let message = format!("unknown authorization ID {}", role.ticked());
            Err(Error::new(code::UNKNOWN_AUTHORIZATION, message))
        }
        None => Ok(()),
    }
}

impl Accounts {
    /// With other roles that an account plays from the start. `new`: the account was just made, so these are granted to it, too.
    pub(super) fn with_default_role(
        &self,
        name: &AccountName,
        choice: &RoleChoice,
        new: bool,
    ) -> Result<Accounts> {
        let account = known(self, name, "SET DEFAULT ROLE")?;
        let mut account = (**account).clone();
        account.default_roles = match choice {
            RoleChoice::None | RoleChoice::Default => vec![],
            RoleChoice::All { .. } => account.roles.keys().cloned().collect(),
            RoleChoice::These(roles) => {
                all_known(self, roles)?;
                for role in roles {
                    if new {
                        account.roles.insert(role.clone(), false);
                    } else if !account.roles.contains_key(role) {
                        return Err(not_granted(role, name));
                    }
                }
                roles.clone()
            }
        };
        Ok(self.with(account))
    }
}

/// 3530.
pub(crate) fn not_granted(role: &AccountName, name: &AccountName) -> Error {
    Error::new(code::ROLE_NOT_GRANTED, format!("{} is not granted to {name}", role.ticked()))
}
