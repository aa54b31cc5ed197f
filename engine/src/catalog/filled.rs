//! Tables that come with their rows: CREATE TABLE … SELECT.
//!
//! A session makes such a table as its own, fills it, and has it published. Until then it is in no version, so whoever makes another
//! one of that name meanwhile is first, and this one is given up.

use std::sync::Arc;

use allod_planner::bind::TableName;
use allod_planner::stats::TableStats;

use super::ddl::{database, taken};
use super::version::{Counters, Entry};
use super::{Catalog, Waiting};
use crate::error::{Error, Result};

impl Catalog {
    /// Why there can be no other table of this name, if there is one.
    ///
    /// # Errors
    /// 1049: there is no such database.
    pub fn taken(&self, name: &TableName) -> Result<Option<Error>> {
        let version = self.load();
        database(&version, name)?;
        Ok(taken(&version, name))
    }

    /// Publishes a table that a session has made and filled as its own.
    ///
    /// # Errors
    /// 1050 if there is one of its name by now, 1049 if its database is gone.
    pub fn publish_filled(&self, own: &Entry, waiting: &mut Waiting) -> Result<()> {
        let mut lease = self.lease(waiting)?;
        let version = lease.version();
        let table = &own.descriptor;
        let name = TableName { database: Arc::clone(&table.database), table: Arc::clone(&table.name) };
        database(&version, &name)?;
        if let Some(error) = taken(&version, &name) {
            return Err(error);
        }
        let counters = Counters::new(1, table.numbering);
        counters.follow(&own.counters);
        let mut stats = TableStats::pseudo();
        if counters.growth.note(own.live_rows(), 0) {
            stats.rows = counters.growth.publish();
        }
        let (stats, counters) = (Arc::new(stats), Arc::new(counters));
        lease.publish(version.with_table(Entry { stats, counters, own: false, ..own.clone() }));
        Ok(())
    }
}
