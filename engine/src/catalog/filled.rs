//! Tables that come with their rows: CREATE TABLE … SELECT.
//!
//! A session makes such a table as its own, fills it, and has it published. Until then it is in no version, so whoever makes another
//! one of that name meanwhile is first, and this one is given up.

use std::sync::Arc;

use allod_planner::bind::{CreateTable, Ddl, TableName};
use allod_planner::stats::TableStats;

use super::ddl::{database, taken};
use super::version::{Counters, Entry};
use super::{Catalog, Lease, Waiting};
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

    /// Publishes a table that a session has made and filled as its own, for this statement.
    ///
    /// # Errors
    /// 1050 if there is one of its name by now, 1049 if its database is gone.
    pub fn publish_filled(
        &self,
        own: &Entry,
        (create, statement): (&CreateTable, &Arc<str>),
        waiting: &mut Waiting,
    ) -> Result<()> {
        let ddl = Ddl::CreateTable(create.clone());
        let mut job = self.jobs.enter(&ddl, statement, &self.load(), waiting.cancel());
        let outcome = self.lease(waiting).and_then(|mut lease| {
            job.begins(&lease.version());
            let outcome = lease.publish_filled(own);
            job.is_done(&lease);
            outcome
        });
        job.ends(outcome)
    }
}

impl Lease<'_> {
    fn publish_filled(&mut self, own: &Entry) -> Result<()> {
        let version = self.version();
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
        self.publish(version.with_table(Entry { stats, counters, own: false, ..own.clone() }));
        Ok(())
    }
}
