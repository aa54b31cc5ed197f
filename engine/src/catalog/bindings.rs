//! Bindings of all sessions change as the schema does.

use super::{Catalog, Waiting};
use crate::bindings::Bindings;
use crate::error::Result;

impl Catalog {
    /// Publishes what `change` makes of the bindings of the newest version.
    pub fn change_bindings(
        &self,
        waiting: &mut Waiting,
        change: impl FnOnce(&Bindings) -> Bindings,
    ) -> Result<()> {
        let mut lease = self.lease(waiting)?;
        let version = lease.version();
        lease.publish(version.with_bindings(change(version.bindings())));
        Ok(())
    }
}
