//! Accounts change as the schema does: a new version, made by whoever has the lease.

use super::{Catalog, Version, Waiting};
use crate::accounts::Accounts;
use crate::error::Result;
use crate::result::Warning;

impl Catalog {
    /// Publishes what `change` makes of the accounts of the newest version, and returns what it notes.
    ///
    /// # Errors
    /// Its own; then nothing is changed.
    pub fn change_accounts(
        &self,
        waiting: &mut Waiting,
        change: impl FnOnce(&Version) -> Result<(Accounts, Vec<Warning>)>,
    ) -> Result<Vec<Warning>> {
        let mut lease = self.lease(waiting)?;
        let version = lease.version();
        let (accounts, notes) = change(&version)?;
        lease.publish(version.with_accounts(accounts));
        Ok(notes)
    }
}
