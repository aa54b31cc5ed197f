//! `resource_groups`: how much of the cluster somebody may use.

use allod_storage::schema::Datum;

use super::Kind::Text;
use super::{Definition, Facts, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "resource_groups",
    columns: &[
        ("NAME", Text(32)),
        ("RU_PER_SEC", Text(21)),
        ("PRIORITY", Text(6)),
        ("BURSTABLE", Text(3)),
        ("QUERY_LIMIT", Text(256)),
        ("BACKGROUND", Text(256)),
    ],
    rows,
};

fn rows(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let row = |group: &allod_planner::resource::ResourceGroup| {
        vec![
            text(&*group.name),
            text(group.rate.to_string()),
            text(group.priority.name()),
            text(if group.burstable { "YES" } else { "NO" }),
            group.limit.as_ref().map_or(Datum::Null, |limit| text(limit.listed())),
            group.background.as_ref().map_or(Datum::Null, |tasks| text(format!("TASK_TYPES='{tasks}'"))),
        ]
    };
    Ok(version.resources().iter().map(row).collect())
}
