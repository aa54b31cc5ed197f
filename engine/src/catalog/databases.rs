//! Databases come, go, and say what tables to come have.

use std::sync::Arc;

use allod_storage::schema::Collation;

use super::Lease;
use super::ddl::{Notes, no_notes, unless};
use super::policies::known;
use crate::error::{Error, code};
use crate::information_schema;

impl Lease<'_> {
    pub(super) fn create_database(
        &mut self,
        name: &str,
        if_not_exists: bool,
        (collation, placement): (Collation, Option<&Arc<str>>),
    ) -> Notes {
        let version = self.version();
        placement.map_or(Ok(()), |policy| known(&version, policy))?;
        if version.has_database_named(name) || information_schema::is_it(name) {
            let message = format!("can't create database '{name}'; database exists");
            return unless(if_not_exists, Error::new(code::DATABASE_EXISTS, message));
        }
        self.publish(version.with_database(name, collation));
        self.place_database(name, placement)
    }

    pub(super) fn place_database(&mut self, name: &str, placement: Option<&Arc<str>>) -> Notes {
        if let Some(policy) = placement {
            let version = self.version();
            known(&version, policy)?;
            let policies = version.policies().with_database(name, Some(policy));
            self.publish(version.with_policies(policies));
        }
        no_notes()
    }

    pub(super) fn drop_database(&mut self, name: &str, if_exists: bool) -> Notes {
        let version = self.version();
        if !version.has_database_named(name) {
            let message = format!("can't drop database '{name}'; database doesn't exist");
            return unless(if_exists, Error::new(code::DATABASE_NOT_FOUND_DROP, message));
        }
        let policies = version.policies().with_database(name, None);
        self.publish(version.without_database(name).with_policies(policies));
        if let Some(whole) = version.whole(name) {
            self.keep_database(whole);
        }
        no_notes()
    }
}
