//! What a session does with bindings: it looks for that of each statement that it plans, makes them and shows them.

use std::sync::Arc;

use allod_executor::Cancel;
use allod_planner::Parsed;
use allod_planner::bind::{BindingStatement, Variables as _};
use allod_planner::shape;
use chrono::DateTime;

use super::Session;
use crate::bindings::{Binding, Bindings};
use crate::catalog::Version;
use crate::error::{Result, code};
use crate::like;
use crate::result::{ResultSet, Warning};

/// What SHOW BINDINGS shows.
const COLUMNS: [&str; 11] = [
    "Original_sql",
    "Bind_sql",
    "Default_db",
    "Status",
    "Create_time",
    "Update_time",
    "Charset",
    "Collation",
    "Source",
    "Sql_digest",
    "Plan_digest",
];

impl Session {
    /// The statement with the hints of its binding, if it has one: the session's own, or else that of all.
    pub(super) fn bound_by_binding(&self, parsed: &Parsed, version: &Version) -> Option<Parsed> {
        let (own, all) = (&self.bindings, version.bindings());
        if own.is_empty() && all.is_empty() || !self.variables.settings().uses_bindings {
            return None;
        }
        let database = self.names_in.as_deref().or(self.current.as_deref());
        // What cannot be read is refused when it is bound.
        let shape = shape(&parsed.text, parsed.lexing, database).ok()??;
        let binding = own.get(&shape.text).or_else(|| all.get(&shape.text))?;
        Some(parsed.hinted(&binding.bind))
    }

    /// CREATE, DROP and SET BINDING.
    pub(super) fn change_bindings(
        &mut self,
        global: bool,
        statement: &BindingStatement,
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let now_us = chrono::Local::now().naive_local().and_utc().timestamp_micros();
        let variable = |name| {
            let value = self.variables.system(name, false);
            value.map(|value| value.to_string()).unwrap_or_default().into()
        };
        let settled = |bindings: &Bindings| match statement {
            BindingStatement::Create { shape, bind } => bindings.with(Binding {
                shape: Arc::clone(shape),
                bind: Arc::clone(bind),
                database: self.current.as_deref().unwrap_or_default().to_lowercase().into(),
                enabled: true,
                created_us: now_us,
                updated_us: now_us,
                charset: ["character_set_client", "collation_connection"].map(variable),
            }),
            BindingStatement::Drop(which) => bindings.without(which),
            BindingStatement::Enable { which, enabled } => bindings.enabling(which, *enabled, now_us),
        };
        if global {
            let mut waiting = self.waiting(cancel);
            self.database.shared().catalog.change_bindings(&mut waiting, settled)?;
        } else {
            self.bindings = settled(&self.bindings);
        }
        // They were made with other hints.
        self.plans.clear();
        self.row_count = 0;
        Ok(ResultSet::done(0, 0))
    }

    /// SHOW BINDINGS.
    pub(super) fn show_bindings(
        &self,
        global: bool,
        pattern: Option<&str>,
        version: &Version,
    ) -> Result<ResultSet> {
        let bindings = if global { version.bindings() } else { &self.bindings };
        let time =
            |us| DateTime::from_timestamp_micros(us).map(|t| t.format("%Y-%m-%d %H:%M:%S%.3f").to_string());
        let shown = bindings.all().filter(|binding| pattern.is_none_or(|p| like::matches(p, &binding.shape)));
        let row = |binding: &Arc<Binding>| {
            let [charset, collation] = &binding.charset;
            let status = if binding.enabled { "enabled" } else { "disabled" };
            let text = |text: &str| Some(text.to_owned());
            vec![
                text(&binding.shape),
                text(&binding.bind.text),
                text(&binding.database),
                text(status),
                time(binding.created_us),
                time(binding.updated_us),
                text(charset),
                text(collation),
                text("manual"),
                Some(binding.digest()),
                text(""),
            ]
        };
        ResultSet::text(&COLUMNS, shown.map(row).collect())
    }
}

/// That a plan is not kept, and why: as TiDB says it.
pub(super) fn unkept(reason: &str) -> Warning {
    let message = format!("skip prepared plan-cache: {reason}");
    Warning { level: "Warning", code: code::UNKNOWN, message }
}
