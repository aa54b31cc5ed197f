//! CREATE TABLE … SELECT: the table is there with its rows, or not at all.
//!
//! It is made as a table of the session's own ([`crate::catalog`]), which nobody else can name, filled there by an INSERT like any
//! other, and published when its rows are committed. What fails before that leaves nothing but spaces, which are dropped. A
//! temporary table stays the session's own, and its rows are the transaction's if there is one.

use std::sync::Arc;

use allod_executor::Cancel;
use allod_planner::Parsed;
use allod_planner::bind::{Bound, CreateTable};
use allod_storage::schema::{Datum, Temporary};

use super::Session;
use super::lock::Changed;
use super::temporary::excuse;
use crate::catalog::Entry;
use crate::error::{Error, Result};
use crate::result::{ResultSet, Warning};

impl Session {
    /// Makes a table and fills it. `insert` is bound when there is a table to insert into.
    pub(super) fn create_as(
        &mut self,
        create: &CreateTable,
        insert: &Parsed,
        params: &[Datum],
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        self.plans.clear();
        let is_temporary = create.temporary == Some(Temporary::Local);
        let taken = match is_temporary {
            true => self.taken(&create.name, create.if_not_exists)?,
            false => {
                let taken = self.database.shared().catalog.taken(&create.name)?;
                taken.map(|error| excuse(create.if_not_exists, error)).transpose()?
            }
        };
        if let Some(note) = taken {
            self.row_count = 0;
            return Ok(ResultSet::done(0, 0).with_warnings(vec![note]));
        }
        let version = self.version();
        let entry = self.database.shared().catalog.create_own(create, &version, &mut self.client)?;
        drop(version);
        // A temporary table of the session may hide what is to last.
        let hidden = self.temporaries.tables.insert(entry.clone());
        let filled = self.fill(insert, params, cancel);
        if is_temporary && filled.is_ok() {
            drop(entry);
        } else {
            // What statements have counted of it is in what is there by now.
            let name = &create.name;
            let own = self.temporaries.tables.remove(&name.database, &name.table).unwrap_or(entry);
            hidden.map(|hidden| self.temporaries.tables.insert(hidden));
            let published = match &filled {
                Ok(_) => self.publish_own(&own, (create, &insert.text), cancel),
                Err(_) => Ok(()),
            };
            if filled.is_err() || published.is_err() {
                self.temporaries.retire(own);
            }
            published?;
        }
        let Changed { affected, said: (said, total), metrics: _ } = filled?;
        let told = |level| {
            move |w: &allod_planner::physical::PlanWarning| Warning {
                level,
                code: w.code,
                message: w.message.clone(),
            }
        };
        let mut warnings: Vec<Warning> = create.notes.iter().map(told("Note")).collect();
        warnings.extend(create.warnings.iter().map(told("Warning")));
        let unkept = total - said.len() as u64;
        warnings.extend(said);
        self.row_count = i64::try_from(affected.rows).unwrap_or(i64::MAX);
        if affected.last_insert_id != 0 {
            self.last_insert_id = affected.last_insert_id;
        }
        let (records, duplicates) = (affected.records, affected.duplicates);
        let noted = warnings.len() as u64 + unkept;
        let info = format!("Records: {records}  Duplicates: {duplicates}  Warnings: {noted}");
        let done = ResultSet::done(affected.rows, affected.last_insert_id).with_info(info);
        Ok(done.with_warnings(warnings).with_unkept(unkept))
    }

    fn fill(&mut self, insert: &Parsed, params: &[Datum], cancel: &Cancel) -> Result<Changed> {
        let version = self.version();
        let bound = allod_planner::bind(insert, &self.plan_context(&self.catalog(&version), params))?;
        let Bound::Query(query) = bound else {
            return Err(Error::internal("what fills a table is an INSERT"));
        };
        self.count(&Arc::new(query.usage.clone()));
        let planned = self.plan(query, &version, params)?;
        drop(version);
        self.change(&planned, cancel, false)
    }

    fn publish_own(
        &mut self,
        own: &Entry,
        statement: (&CreateTable, &Arc<str>),
        cancel: &Cancel,
    ) -> Result<()> {
        let mut waiting = self.waiting(cancel);
        self.database.shared().catalog.publish_filled(own, statement, &mut waiting)
    }
}
