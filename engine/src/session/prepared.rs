//! Prepared statements: parsed once, bound and planned at each execution with the values at hand.

use std::ops::ControlFlow;
use std::sync::Arc;

use allod_planner::Parsed;
use allod_planner::sql_mode::Lexing;
use allod_storage::schema::Datum;

use super::Session;
use super::bindings::unkept;
use crate::error::{Error, Result, code};
use crate::result::{ResultSet, Warning};

/// A statement that was parsed, to be run any number of times, by any session.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) parsed: Parsed,
    /// Where bare names of tables are looked up: the database that was current then; `None` = the one that is when it runs.
    database: Option<String>,
}

impl From<Parsed> for Prepared {
    fn from(parsed: Parsed) -> Prepared {
        Prepared { parsed, database: None }
    }
}

impl Prepared {
    /// Number of `?` in it.
    pub fn param_count(&self) -> usize {
        self.parsed.param_count
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.parsed.text
    }

    pub(crate) fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.parsed.text)
    }
}

impl Session {
    /// Parses a statement to run it later, perhaps often. Names are looked up when it runs, in the database that is current
    /// now.
    ///
    /// # Errors
    /// 1064 if it is not one statement, 1295 if it is about prepared statements itself.
    pub fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        let mut statements = self.parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(parsed), true) if parsed.is_of_prepared() => Err(Error::new(
                code::NOT_PREPARABLE,
                "this command is not supported in the prepared statement protocol yet",
            )),
            (Some(parsed), true) => {
                Ok(Prepared { parsed, database: self.current.as_deref().map(str::to_owned) })
            }
            (Some(_), false) => Err(Error::new(code::SYNTAX, "only one statement can be prepared")),
            (None, _) => Err(Error::new(code::EMPTY_QUERY, "query was empty")),
        }
    }

    /// Runs a prepared statement with values for its `?`.
    ///
    /// # Errors
    /// As [`Session::execute`]; and 1210 if there are more or fewer values than `?`.
    pub fn execute_prepared(&mut self, prepared: &Prepared, params: &[Datum]) -> Result<ResultSet> {
        self.asked();
        self.run_prepared(prepared, params)
    }

    fn run_prepared(&mut self, prepared: &Prepared, params: &[Datum]) -> Result<ResultSet> {
        let (expected, given) = (prepared.param_count(), params.len());
        if expected != given {
            return Err(allod_planner::Error::ParameterCount { expected, given }.into());
        }
        if prepared.database.is_some() && prepared.database.as_deref() != self.current.as_deref() {
            // Plans are kept for the database that is current.
            self.names_in.clone_from(&prepared.database);
            let result = self.execute_parsed(&prepared.parsed, params, false);
            self.names_in = None;
            return result;
        }
        let mut counted = false;
        let settings = self.variables.settings();
        if settings.keeps_prepared_plans
            && prepared.parsed.lexing == Lexing::default()
            && prepared.parsed.unkept(settings.keeps).is_none()
        {
            match self.execute_cached(&prepared.parsed.text, params, false) {
                ControlFlow::Break(result) => return result,
                ControlFlow::Continue(already) => counted = already,
            }
        }
        self.execute_parsed(&prepared.parsed, params, counted)
    }

    /// PREPARE name FROM text; says whether plans of that are not kept.
    pub(super) fn prepare_named(&mut self, name: &str, text: &str) -> Result<Option<Warning>> {
        // A statement that cannot be prepared takes the one of that name away all the same, as in MySQL.
        self.prepared.remove(&name.to_lowercase());
        let prepared = self.prepare(text)?;
        self.check_names(&prepared)?;
        let reason = prepared.parsed.unkept(self.variables.settings().keeps);
        self.prepared.insert(name.to_lowercase(), prepared);
        Ok(reason.map(unkept))
    }

    /// EXECUTE name USING ….
    pub(super) fn execute_named(&mut self, name: &str, params: &[Datum]) -> Result<ResultSet> {
        let prepared = self.prepared.get(&name.to_lowercase()).cloned();
        let prepared = prepared.ok_or_else(|| unknown(name, "EXECUTE"))?;
        self.run_prepared(&prepared, params)
    }

    /// DEALLOCATE PREPARE name.
    pub(super) fn deallocate(&mut self, name: &str) -> Result<()> {
        let removed = self.prepared.remove(&name.to_lowercase());
        removed.map(drop).ok_or_else(|| unknown(name, "DEALLOCATE PREPARE"))
    }
}

fn unknown(name: &str, to: &str) -> Error {
    let message = format!("unknown prepared statement handler ({name}) given to {to}");
    Error::new(code::UNKNOWN_STATEMENT, message)
}
