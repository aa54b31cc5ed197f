//! Hints that speak of the session: SET_VAR, which sets variables while one statement runs, and WRITE_SLOW_LOG.
//!
//! ```sql
//! select /*+ set_var(max_execution_time = 1000) set_var(sql_mode = '') */ …
//! ```
//! What is wrong with them is worth a warning, as in TiDB, and the statement runs.

use std::collections::BTreeSet;

use allod_planner::Parsed;
use allod_planner::physical::PlanWarning;
use allod_storage::schema::Datum;

use super::Session;
use crate::error::code;
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
    /// Sets what the statement's hints say, until it is [done](Session::unset_hinted).
    pub(super) fn set_hinted(&mut self, parsed: &Parsed) -> Before {
        self.hinted = Hinted { told: vec![], noted: parsed.is_noted() };
        let asked = parsed.hinted_variables();
        if asked.is_empty() {
            return Before(None);
        }
        let before = self.variables.clone();
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
        }
        self.hinted.told.clear();
    }
}
