//! Hints that speak of the session: SET_VAR, which sets variables while one statement runs, and WRITE_SLOW_LOG.
//!
//! ```sql
//! select /*+ set_var(max_execution_time = 1000) set_var(sql_mode = '') */ …
//! ```
//! What is wrong with them is worth a warning, as in TiDB, and the statement runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use allod_planner::Parsed;
use allod_planner::physical::PlanWarning;
use allod_storage::schema::Datum;

use super::Session;
use crate::catalog::Version;
use crate::error::{Error, Result, code};
use crate::variables::{Variables, may_be_hinted};

/// MySQL's code of a hint that another one takes the place of.
const CONFLICTING: u16 = 3126;

/// Of the statement that runs.
#[derive(Default)]
pub(super) struct Hinted {
    /// What there is to say of what it sets.
    pub told: Vec<PlanWarning>,
    /// Whether it is noted as slow, however long it takes.
    pub noted: bool,
}

/// The session's variables as they were before a statement set some.
pub(super) struct Before(Option<Variables>);

impl Session {
    /// SET RESOURCE GROUP.
    ///
    /// # Errors
    /// 8249 if there is no such group, 8250 if nobody wants groups.
    pub(super) fn set_resource_group(&mut self, name: &str, version: &Version) -> Result<()> {
        self.check_resource_control()?;
        self.variables.resource_group = Arc::clone(&version.resources().known(name)?.name);
        Ok(())
    }

    /// Refuses what is said of resource groups while `tidb_enable_resource_control` is off.
    pub(super) fn check_resource_control(&self) -> Result<()> {
        let globals = self.database.shared().globals.load_full();
        let is_off =
            globals.list(Some("tidb_enable_resource_control")).iter().any(|(_, value)| value == "OFF");
        if !is_off {
            return Ok(());
        }
        let message = "Resource control feature is disabled. Run `SET GLOBAL tidb_enable_resource_control='on'` to enable the feature";
        Err(Error::new(code::NO_RESOURCE_CONTROL, message))
    }

    /// Sets what the statement's hints say, until it is [done](Session::unset_hinted).
    pub(super) fn set_hinted(&mut self, parsed: &Parsed) -> Before {
        self.hinted = Hinted { told: vec![], noted: parsed.is_noted() };
        let asked = parsed.hinted_variables();
        let group = parsed.hinted_group();
        if asked.is_empty() && group.is_none() {
            return Before(None);
        }
        let before = self.variables.clone();
        if let Some(name) = group {
            let version = self.database.catalog();
            match self.set_resource_group(&name, &version) {
                // TiDB says nothing of a group that there is not, either.
                Err(error) if error.code() == code::UNKNOWN_RESOURCE_GROUP => {}
                Err(error) => {
                    let message = error.message().to_owned();
                    self.hinted.told.push(PlanWarning { code: error.code(), message });
                }
                Ok(()) => {}
            }
        }
        let mut seen = BTreeSet::new();
        let mut tell = |code, message| self.hinted.told.push(PlanWarning { code, message });
        for (name, value) in asked {
            let name = name.to_ascii_lowercase();
            let Some(hinted) = may_be_hinted(&name) else {
                tell(code::UNRESOLVED_HINT, format!("Unresolved name '{name}' for SET_VAR hint"));
                continue;
            };
            if !hinted {
                let message = format!("Variable '{name}' might not be affected by SET_VAR hint.");
                tell(code::NOT_HINTED, message);
            }
            if !seen.insert(name.clone()) {
                let message = format!("Hint SET_VAR({name}={value}) is ignored as conflicting/duplicated.");
                tell(CONFLICTING, message);
                continue;
            }
            match self.variables.set(&name, Some(&Datum::string(value.as_str()))) {
                Ok(warning) => warning.into_iter().for_each(|w| tell(w.code, w.message)),
                Err(error) => tell(error.code(), error.message().to_owned()),
            }
        }
        Before(Some(before))
    }

    /// The variables are as before again.
    pub(super) fn unset_hinted(&mut self, before: Before) {
        if let Some(before) = before.0 {
            self.variables.keep_values_of(&before);
            self.variables.resource_group = before.resource_group;
        }
        self.hinted.told.clear();
    }
}
