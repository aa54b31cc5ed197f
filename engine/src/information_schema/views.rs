//! `views`: the views of all databases.

use std::sync::Arc;

use allod_planner::account::Privilege;
use allod_planner::catalog::View;
use allod_storage::schema::Datum;

use super::Kind::Text;
use super::{Definition, Facts, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "views",
    columns: &[
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("VIEW_DEFINITION", Text(65535)),
        ("CHECK_OPTION", Text(8)),
        ("IS_UPDATABLE", Text(3)),
        ("DEFINER", Text(288)),
        ("SECURITY_TYPE", Text(7)),
        ("CHARACTER_SET_CLIENT", Text(32)),
        ("COLLATION_CONNECTION", Text(32)),
    ],
    rows,
};

fn rows(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let shown = |view: &View| {
        !facts.rights.restricts()
            || facts.rights.on_table(&view.database, &view.name).has(Privilege::ShowView)
    };
    let views = version.databases().flat_map(|database| version.views(database));
    let row = |view: &Arc<View>| {
        let options = &view.options;
        vec![
            text("def"),
            text(&view.database),
            text(&view.name),
            text(if shown(view) { &view.query.text } else { "" }),
            text(options.check.unwrap_or("NONE")),
            text("NO"),
            text(options.definer.as_deref().unwrap_or_default()),
            text(options.security),
            text("utf8mb4"),
            text("utf8mb4_bin"),
        ]
    };
    Ok(views.map(row).collect())
}
