//! `tidb`: what TiDB keeps of itself and its clients ask it for, as far as it means something here.

use allod_planner::bind::Variables as _;
use allod_storage::schema::Datum;

use crate::catalog::Version;
use crate::error::Result;
use crate::information_schema::Kind::Text;
use crate::information_schema::{Definition, Facts, Rows, text};

pub(super) const TABLE: Definition = Definition {
    name: "tidb",
    columns: &[("VARIABLE_NAME", Text(64)), ("VARIABLE_VALUE", Text(1024)), ("COMMENT", Text(1024))],
    rows,
};

fn rows(_: &Version, facts: &Facts) -> Result<Rows> {
    let of_variable = |name: &str| match facts.variables.system(name, true) {
        Some(Datum::Null) | None => None,
        Some(value) => Some(value.to_string()),
    };
    let all = [
        ("bootstrapped", Some("True".to_owned()), "whether the system tables are there"),
        ("system_tz", of_variable("system_time_zone"), "the time zone of the server"),
        ("tikv_gc_life_time", of_variable("tidb_gc_life_time"), "how long old versions are kept"),
        ("tikv_gc_run_interval", of_variable("tidb_gc_run_interval"), "how often they are collected"),
    ];
    let row = |(name, value, comment): (&str, Option<String>, &str)| {
        Some(vec![text(name), text(value?), text(comment)])
    };
    Ok(all.into_iter().filter_map(row).collect())
}
