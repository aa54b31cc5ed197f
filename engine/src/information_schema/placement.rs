//! `placement_policies`, SHOW PLACEMENT and SHOW CREATE PLACEMENT POLICY: where rows are wished to be.

use allod_planner::placement::{PlacementOption as P, PlacementPolicy, PlacementShown};
use allod_storage::schema::{Datum, TableDescriptor};

use super::Kind::{Number, Text};
use super::{Definition, Facts, number, text};
use crate::catalog::Version;
use crate::error::{Error, Result, code};
use crate::like;

pub(super) const TABLE: Definition = Definition {
    name: "placement_policies",
    columns: &[
        ("POLICY_ID", Number),
        ("CATALOG_NAME", Text(512)),
        ("POLICY_NAME", Text(64)),
        ("PRIMARY_REGION", Text(1024)),
        ("REGIONS", Text(1024)),
        ("CONSTRAINTS", Text(1024)),
        ("LEADER_CONSTRAINTS", Text(1024)),
        ("FOLLOWER_CONSTRAINTS", Text(1024)),
        ("LEARNER_CONSTRAINTS", Text(1024)),
        ("SCHEDULE", Text(20)),
        ("FOLLOWERS", Number),
        ("LEARNERS", Number),
    ],
    rows,
};

/// Columns of SHOW PLACEMENT.
pub(crate) const SHOWN: &[&str] = &["Target", "Placement", "Scheduling_State"];

/// Nothing is ever on its way from one place to another.
const STATE: &str = "SCHEDULED";

fn rows(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let row = |(id, PlacementPolicy { name, settings }): (u64, &PlacementPolicy)| {
        let said = |option| text(settings.text(option));
        vec![
            number(id),
            text("def"),
            text(&**name),
            said(P::PrimaryRegion),
            said(P::Regions),
            said(P::Constraints),
            said(P::LeaderConstraints),
            said(P::FollowerConstraints),
            said(P::LearnerConstraints),
            said(P::Schedule),
            number(settings.count(P::Followers)),
            number(settings.count(P::Learners)),
        ]
    };
    Ok(version.policies().iter().map(row).collect())
}

/// CREATE PLACEMENT POLICY of the policy of this name.
pub(crate) fn definition(version: &Version, name: &str) -> Result<Vec<Datum>> {
    let policy = version
        .policies()
        .get(name)
        .ok_or_else(|| Error::new(code::UNKNOWN_POLICY, format!("unknown placement policy '{name}'")))?;
    let sql = format!("CREATE PLACEMENT POLICY `{}` {}", policy.name.replace('`', "``"), policy.settings);
    Ok(vec![text(&*policy.name), text(sql)])
}

/// What SHOW PLACEMENT shows; `current` is the database that is meant where none is named.
pub(crate) fn shown(
    version: &Version,
    asked: &PlacementShown,
    current: Option<&str>,
) -> Result<Vec<Vec<Datum>>> {
    let settings = |policy: &str| version.policies().get(policy).map(|policy| policy.settings.to_string());
    let row = |target: String, policy: Option<&str>| {
        let said = settings(policy?)?;
        Some((target.clone(), vec![text(target), text(said), text(STATE)]))
    };
    let of_database = |name: &str| {
        let policy = version.policies().of_database(name).map(|policy| &**policy);
        row(format!("DATABASE {name}"), policy)
    };
    let of_table = |table: &TableDescriptor| {
        let target = format!("TABLE {}.{}", table.database, table.name);
        row(target, table.options.placement.as_deref())
    };
    // What a partition says nothing of its table says, where that is asked for.
    let of_partitions = |table: &TableDescriptor, only: Option<&str>, all: bool| {
        let is_asked = |name: &str| only.is_none_or(|only| only.eq_ignore_ascii_case(name));
        let parts = table.partitions.iter().filter(|part| is_asked(&part.name));
        let of = |part: &allod_storage::schema::PartitionDescriptor| {
            let inherited = table.options.placement.as_deref().filter(|_| all);
            let target = format!("TABLE {}.{} PARTITION {}", table.database, table.name, part.name);
            row(target, part.placement.as_deref().or(inherited))
        };
        let dealt = table.partitioning.is_some();
        parts.filter_map(of).filter(|_| dealt).collect::<Vec<_>>()
    };
    let found: Vec<(String, Vec<Datum>)> = match asked {
        PlacementShown::All { pattern } => {
            let policies = version.policies().iter().map(|(_, policy)| {
                let target = format!("POLICY {}", policy.name);
                (target.clone(), vec![text(target), text(policy.settings.to_string()), Datum::Null])
            });
            let tables = || version.databases().flat_map(|database| version.tables(database));
            let parts = tables().flat_map(|table| {
                of_table(table).into_iter().chain(of_partitions(table, None, false)).collect::<Vec<_>>()
            });
            let all = policies.chain(version.databases().filter_map(of_database)).chain(parts);
            all.filter(|(target, _)| pattern.as_deref().is_none_or(|pattern| like::matches(pattern, target)))
                .collect()
        }
        PlacementShown::Database(name) => match version.database_name(name) {
            Some(name) => of_database(&name).into_iter().collect(),
            None => return Err(Error::new(code::UNKNOWN_DATABASE, format!("unknown database '{name}'"))),
        },
        PlacementShown::Table { database, table, partition } => {
            let database = database.as_deref().or(current).unwrap_or_default();
            let missing =
                || Error::new(code::NO_SUCH_TABLE, format!("table '{database}.{table}' doesn't exist"));
            let descriptor = &version.entry(database, table).ok_or_else(missing)?.descriptor;
            match partition {
                Some(name) => {
                    if !descriptor.partitions.iter().any(|part| part.name.eq_ignore_ascii_case(name)) {
                        let message = format!("unknown partition '{name}' in table '{table}'");
                        return Err(Error::new(code::UNKNOWN_PARTITION, message));
                    }
                    of_partitions(descriptor, Some(name), true)
                }
                None => {
                    of_table(descriptor).into_iter().chain(of_partitions(descriptor, None, true)).collect()
                }
            }
        }
    };
    Ok(found.into_iter().map(|(_, row)| row).collect())
}
