//! Resource groups are a part of the version, and change as the schema does. The group `default` is always there, and a group that
//! accounts are in is not dropped.

use std::sync::Arc;

use allod_planner::resource::{DEFAULT_GROUP, Rate, ResourceChange, ResourceGroup, ResourceSettings};
use imbl::OrdMap;

use super::Lease;
use super::ddl::{Notes, no_notes, unless};
use crate::error::{Error, Result, code};

/// The groups by name in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Resources(OrdMap<String, Arc<ResourceGroup>>);

impl Resources {
    /// `default` alone.
    pub fn initial() -> Resources {
        Resources(OrdMap::new()).with(ResourceGroup::initial())
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = &ResourceGroup> {
        self.0.values().map(|group| &**group)
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&ResourceGroup> {
        self.0.get(&name.to_lowercase()).map(|group| &**group)
    }

    /// The same.
    ///
    /// # Errors
    /// 8249 if there is none.
    pub fn known(&self, name: &str) -> Result<&ResourceGroup> {
        self.get(name).ok_or_else(|| unknown(name))
    }

    fn with(&self, group: ResourceGroup) -> Resources {
        Resources(self.0.update(group.name.to_lowercase(), Arc::new(group)))
    }
}

fn unknown(name: &str) -> Error {
    Error::new(code::UNKNOWN_RESOURCE_GROUP, format!("Unknown resource group '{name}'"))
}

/// Why a group cannot be as these settings say.
fn check(settings: &ResourceSettings, name: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::new(code::UNKNOWN, why));
    if let Some(fault) = settings.limit.iter().flatten().find_map(|limit| limit.fault()) {
        return wrong(fault);
    }
    if settings.background.is_some() && !name.eq_ignore_ascii_case(DEFAULT_GROUP) {
        return wrong(
            "unsupported operation. Currently, only the default resource group support change background settings",
        );
    }
    Ok(())
}

impl Lease<'_> {
    pub(super) fn change_resources(&mut self, change: &ResourceChange) -> Notes {
        let version = self.version();
        let groups = version.resources();
        let there = groups.get(change.name());
        let changed = match (change, there) {
            (ResourceChange::Create { name, if_not_exists, .. }, Some(_)) => {
                let message = format!("Resource group '{name}' already exists");
                return unless(*if_not_exists, Error::new(code::RESOURCE_GROUP_EXISTS, message));
            }
            (
                ResourceChange::Alter { name, if_exists, .. } | ResourceChange::Drop { name, if_exists },
                None,
            ) => {
                return unless(*if_exists, unknown(name));
            }
            (ResourceChange::Create { name, settings, .. }, None) => {
                check(settings, name)?;
                if settings.rate.is_none_or(|rate| rate == Rate::Units(0)) {
                    return Err(Error::new(code::UNKNOWN, "unknown resource group mode"));
                }
                let plain =
                    ResourceGroup { name: Arc::clone(name), burstable: false, ..ResourceGroup::initial() };
                groups.with(settings.applied(plain))
            }
            (ResourceChange::Alter { settings, .. }, Some(group)) => {
                check(settings, &group.name)?;
                groups.with(settings.applied(group.clone()))
            }
            (ResourceChange::Drop { name, .. }, Some(_)) => {
                if name.eq_ignore_ascii_case(DEFAULT_GROUP) {
                    return Err(Error::new(code::UNKNOWN, "can't drop reserved resource group"));
                }
                let is_in = |group: &Arc<str>| group.eq_ignore_ascii_case(name);
                let user = version.accounts().iter().find(|a| a.resource_group.as_ref().is_some_and(is_in));
                if let Some(user) = user {
                    let user = &user.name.user;
                    let message = format!("user [{user}] depends on the resource group to drop");
                    return Err(Error::new(code::UNKNOWN, message));
                }
                Resources(groups.0.without(&name.to_lowercase()))
            }
        };
        self.publish(version.with_resources(changed));
        no_notes()
    }
}
