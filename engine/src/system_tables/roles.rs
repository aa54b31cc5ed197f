//! `role_edges`: who may play which role; `default_roles`: who plays which from the start.

use super::y_n;
use crate::catalog::Version;
use crate::error::Result;
use crate::information_schema::Kind::Text;
use crate::information_schema::{Definition, Facts, Rows, text};

pub(super) const EDGES: Definition = Definition {
    name: "role_edges",
    columns: &[
        ("FROM_HOST", Text(255)),
        ("FROM_USER", Text(32)),
        ("TO_HOST", Text(255)),
        ("TO_USER", Text(32)),
        ("WITH_ADMIN_OPTION", Text(1)),
    ],
    rows: edges,
};

pub(super) const DEFAULT: Definition = Definition {
    name: "default_roles",
    columns: &[
        ("HOST", Text(255)),
        ("USER", Text(32)),
        ("DEFAULT_ROLE_HOST", Text(255)),
        ("DEFAULT_ROLE_USER", Text(32)),
    ],
    rows: defaults,
};

fn edges(version: &Version, _: &Facts) -> Result<Rows> {
    let mut rows = Rows::new();
    for account in version.accounts().iter() {
        let (host, user) = (text(&account.name.host), text(&account.name.user));
        rows.extend(account.roles.iter().map(|(role, admin)| {
            vec![text(&role.host), text(&role.user), host.clone(), user.clone(), y_n(*admin)]
        }));
    }
    Ok(rows)
}

fn defaults(version: &Version, _: &Facts) -> Result<Rows> {
    let mut rows = Rows::new();
    for account in version.accounts().iter() {
        let (host, user) = (text(&account.name.host), text(&account.name.user));
        let role = |role: &allod_planner::account::AccountName| {
            vec![host.clone(), user.clone(), text(&role.host), text(&role.user)]
        };
        rows.extend(account.default_roles.iter().map(role));
    }
    Ok(rows)
}
