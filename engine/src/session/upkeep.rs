//! CHECK, OPTIMIZE and REPAIR TABLE: rows about each table, as MySQL has them.

use allod_executor::Cancel;
use allod_planner::bind::{Kept, TableName, Upkeep};

use super::Session;
use crate::catalog::Version;
use crate::error::{Result, code};
use crate::result::{ResultSet, Warning};

impl Session {
    pub(super) fn upkeep(
        &mut self,
        what: Upkeep,
        tables: &[Kept],
        version: &Version,
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let operation = match what {
            Upkeep::Analyze | Upkeep::Rebuild => return Ok(ResultSet::done(0, 0)),
            Upkeep::Check => "check",
            Upkeep::Optimize => "optimize",
            Upkeep::Repair => "repair",
        };
        let mut rows = Vec::new();
        for Kept { name, spaces } in tables {
            let name_shown = format!("{}.{}", name.database, name.table);
            let mut say = |kind: &str, text: &str| {
                rows.push([&name_shown, operation, kind, text].map(|cell| Some(cell.to_owned())).to_vec());
            };
            match (spaces, what) {
                (Err(fault), _) => {
                    say("Error", fault);
                    say("status", "Operation failed");
                }
                (Ok(spaces), Upkeep::Check) => match self.check(std::slice::from_ref(spaces), version) {
                    Ok(_) => say("status", "OK"),
                    Err(error) => {
                        say("error", error.message());
                        say("error", "Corrupt");
                    }
                },
                (Ok(_), Upkeep::Repair) => {
                    say("note", "The storage engine for the table doesn't support repair");
                }
                (Ok(_), Upkeep::Analyze | Upkeep::Optimize | Upkeep::Rebuild) => {
                    self.analyze(name, cancel)?;
                    say("note", "Table does not support optimize, doing analyze instead");
                    say("status", "OK");
                }
            }
        }
        ResultSet::text(&["Table", "Op", "Msg_type", "Msg_text"], rows)
    }

    /// ANALYZE of a table; what to say if its statistics are locked, for they stay then.
    pub(super) fn analyze(&mut self, table: &TableName, cancel: &Cancel) -> Result<Option<Warning>> {
        let version = self.version();
        if version.entry(&table.database, &table.table).is_some_and(|entry| entry.stats_locked) {
            let message = format!("skip analyze locked table: {}.{}", table.database, table.table);
            return Ok(Some(Warning { level: "Warning", code: code::UNKNOWN, message }));
        }
        drop(version);
        let mut waiting = self.waiting(cancel);
        if self.temporaries.tables.analyze(table, &mut self.client, &waiting)?.is_none() {
            self.database.shared().catalog.analyze(table, &mut self.client, &mut waiting)?;
        }
        Ok(None)
    }
}
