//! `applicable_roles` and `enabled_roles`: the roles that the session's account may play, and those that it plays.

use allod_planner::account::AccountName;

use super::Kind::Text;
use super::{Definition, text, yes_no};

pub(super) const APPLICABLE: Definition = Definition {
    name: "applicable_roles",
    columns: &[
        ("USER", Text(97)),
        ("HOST", Text(256)),
        ("GRANTEE", Text(97)),
        ("GRANTEE_HOST", Text(256)),
        ("ROLE_NAME", Text(255)),
        ("ROLE_HOST", Text(256)),
        ("IS_GRANTABLE", Text(3)),
        ("IS_DEFAULT", Text(3)),
        ("IS_MANDATORY", Text(3)),
    ],
    rows: |version, facts| {
        let accounts = version.accounts();
        let Some(own) = accounts.get(facts.account) else { return Ok(Vec::new()) };
        let row = |(role, admin): (&AccountName, &bool)| {
            let names = [facts.account, facts.account, role];
            let names = names.into_iter().flat_map(|name| [text(&*name.user), text(&*name.host)]);
            let is_default = own.default_roles.contains(role);
            names.chain([yes_no(*admin), yes_no(is_default), yes_no(false)]).collect()
        };
        Ok(own.roles.iter().map(row).collect())
    },
};

pub(super) const ENABLED: Definition = Definition {
    name: "enabled_roles",
    columns: &[
        ("ROLE_NAME", Text(255)),
        ("ROLE_HOST", Text(255)),
        ("IS_DEFAULT", Text(3)),
        ("IS_MANDATORY", Text(3)),
    ],
    rows: |version, facts| {
        let own = version.accounts().get(facts.account);
        let row = |role: &AccountName| {
            let is_default = own.is_some_and(|own| own.default_roles.contains(role));
            vec![text(&*role.user), text(&*role.host), yes_no(is_default), yes_no(false)]
        };
        Ok(facts.roles.iter().map(row).collect())
    },
};
