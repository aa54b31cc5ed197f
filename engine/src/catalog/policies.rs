//! Placement policies are a part of the version, and change as the schema does. Nothing names one that is not there: who gives a
//! policy to something is refused if there is none of that name, and one that is in use is not dropped.

use std::sync::Arc;

use imbl::OrdMap;

use allod_planner::placement::{NO_POLICY, PlacementPolicy, PolicyChange};
use allod_storage::schema::{TableDescriptor, Temporary};

use super::Lease;
use super::ddl::{Notes, no_notes, unless};
use super::version::Version;
use crate::error::{Error, Result, code};

/// The policies that there are, and those of databases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    /// By name in lower case, each with its number.
    all: OrdMap<String, (u64, Arc<PlacementPolicy>)>,
    /// What tables to come get, by name of the database in lower case.
    databases: OrdMap<String, Arc<str>>,
}

impl Policies {
    /// All of them by name, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &PlacementPolicy)> {
        self.all.values().map(|(id, policy)| (*id, &**policy))
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&PlacementPolicy> {
        self.all.get(&name.to_lowercase()).map(|(_, policy)| &**policy)
    }

    /// That of a database.
    pub fn of_database(&self, name: &str) -> Option<&Arc<str>> {
        self.databases.get(&name.to_lowercase())
    }

    fn with(&self, id: u64, policy: PlacementPolicy) -> Policies {
        let name = policy.name.to_lowercase();
        let id = self.all.get(&name).map_or(id, |(id, _)| *id);
        Policies { all: self.all.update(name, (id, Arc::new(policy))), ..self.clone() }
    }

    fn without(&self, name: &str) -> Policies {
        Policies { all: self.all.without(&name.to_lowercase()), ..self.clone() }
    }

    /// The same with this one for a database; the policy that stands for none is none.
    pub(super) fn with_database(&self, database: &str, policy: Option<&Arc<str>>) -> Policies {
        let name = database.to_lowercase();
        let databases = match policy.filter(|policy| !is_none(policy)) {
            Some(policy) => self.databases.update(name, Arc::clone(policy)),
            None => self.databases.without(&name),
        };
        Policies { databases, ..self.clone() }
    }
}

fn is_none(policy: &str) -> bool {
    policy.eq_ignore_ascii_case(NO_POLICY)
}

/// An error if there is no such policy.
pub(super) fn known(version: &Version, policy: &str) -> Result<()> {
    match is_none(policy) || version.policies().get(policy).is_some() {
        true => Ok(()),
        false => Err(unknown(policy)),
    }
}

fn unknown(policy: &str) -> Error {
    Error::new(code::UNKNOWN_POLICY, format!("unknown placement policy '{policy}'"))
}

/// What a new table has of policies: its own, or that of its database.
pub(super) fn settle(version: &Version, table: &mut TableDescriptor) -> Result<()> {
    let inherited = version.policies().of_database(&table.database).cloned();
    let own = table.options.placement.take();
    table.options.placement = match table.temporary {
        Some(Temporary::Local | Temporary::Global) => None,
        None => own.or(inherited),
    };
    named_by(table).try_for_each(|policy| known(version, policy))?;
    table.options.placement.take_if(|policy| is_none(policy));
    Ok(())
}

/// The policies that a table names.
pub(super) fn named_by(table: &TableDescriptor) -> impl Iterator<Item = &Arc<str>> {
    table.options.placement.iter().chain(table.partitions.iter().filter_map(|part| part.placement.as_ref()))
}

impl Lease<'_> {
    pub(super) fn change_policies(&mut self, change: &PolicyChange) -> Notes {
        let version = self.version();
        let policies = version.policies();
        let name = change.name();
        let there = policies.get(name).is_some();
        let policies = match change {
            PolicyChange::Create { or_replace: false, if_not_exists, .. } if there => {
                let message = format!("placement policy '{name}' already exists");
                return unless(*if_not_exists, Error::new(code::POLICY_EXISTS, message));
            }
            PolicyChange::Alter { if_exists, .. } | PolicyChange::Drop { if_exists, .. } if !there => {
                return unless(*if_exists, unknown(name));
            }
            PolicyChange::Create { policy, .. } | PolicyChange::Alter { policy, .. } => {
                if let Some(fault) = policy.settings.fault() {
                    return Err(Error::new(code::UNKNOWN, fault));
                }
                policies.with(self.catalog.id(), policy.clone())
            }
            PolicyChange::Drop { .. } => {
                let of_databases = version.policies().databases.values();
                let of_tables = version.all().flat_map(|entry| named_by(&entry.descriptor));
                if of_databases.chain(of_tables).any(|used| used.eq_ignore_ascii_case(name)) {
                    let message = format!("placement policy '{name}' is still in use");
                    return Err(Error::new(code::POLICY_IN_USE, message));
                }
                policies.without(name)
            }
        };
        self.publish(version.with_policies(policies));
        no_notes()
    }
}
