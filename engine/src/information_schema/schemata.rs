//! `schemata`: the databases.

use allod_storage::schema::Datum;

use super::Kind::Text;
use super::{Definition, Facts, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "schemata",
    columns: &[
        ("CATALOG_NAME", Text(512)),
        ("SCHEMA_NAME", Text(64)),
        ("DEFAULT_CHARACTER_SET_NAME", Text(64)),
        ("DEFAULT_COLLATION_NAME", Text(32)),
        ("SQL_PATH", Text(512)),
        ("TIDB_PLACEMENT_POLICY_NAME", Text(64)),
    ],
    rows,
};

fn rows(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let row = |name: &str| {
        let own = version.collation(name);
        let policy = version.policies().of_database(name).map_or(Datum::Null, text);
        vec![text("def"), text(name), text(own.charset().name()), text(own.name()), Datum::Null, policy]
    };
    let in_memory = super::DATABASES.into_iter().filter(|name| facts.rights.sees_database(name));
    Ok(in_memory.chain(version.databases()).map(row).collect())
}
