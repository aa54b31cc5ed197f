//! What a session does with the plans that it keeps: it looks for one, runs it, and keeps those that it makes.
//!
//! `@@last_plan_from_cache` tells of prepared statements whatever plan was found. Of statements that come as text it tells what
//! TiDB would: there those of simple queries are kept ([`Parsed::text_is_kept`]), and a row that is found by its key is found
//! without a plan. Here their plans are kept as well ([`Session::plan_was_found`] tells of all).

use std::ops::ControlFlow;
use std::sync::Arc;

use allod_planner::bind::Bound;
use allod_planner::sql_mode::Lexing;
use allod_planner::template::{Generalized, Template};
use allod_planner::{KeptText, Parsed, physical};
use allod_storage::schema::{Datum, SqlType};

use super::Session;
use super::plan_cache::Setting;
use super::statement::Planned;
use crate::catalog::Version;
use crate::error::{Result, code};
use crate::result::{ResultSet, Warning};
use crate::transactions::Stage;

impl Session {
    /// Whether the last statement found its plan, and was not planned.
    pub fn plan_was_found(&self) -> bool {
        self.plan_found
    }

    /// Runs a statement if its plan is known. If it must go the whole way: whether the functions that it uses are counted.
    /// `is_text`: it was not prepared.
    pub(super) fn execute_cached(
        &mut self,
        text: &str,
        params: &[Datum],
        is_text: bool,
    ) -> ControlFlow<Result<ResultSet>, bool> {
        self.plans.at(self.version_number());
        // Out of a transaction the version is the newest, and its rights are those by which its plans were checked.
        if self.transaction.is_some() {
            self.refresh_rights();
        }
        let setting = Setting { database: self.current.as_deref(), variables: self.settings };
        let mut found = self.plans.get(text, setting, params);
        if found.is_none()
            && params.is_empty()
            && let Some(general) = self.plans.generalized(text)
        {
            found = self.plans.get(&general.text, setting, &general.params);
        }
        let Some(planned) = found else {
            return ControlFlow::Continue(false);
        };
        self.count(&planned.usage);
        if let Some(command) = planned.command {
            self.count_command(command);
        }
        let cancel = self.cancel.clone();
        let alone = self.transaction.is_none();
        self.show_transaction(Stage::Running, Some(text));
        let result = self.noting(|session| {
            session.join_transaction(&planned)?;
            session.query(&planned, &cancel)
        });
        self.show_transaction(Stage::Idle, None);
        match result {
            Err(error) if alone && error.is_retryable_alone() => {
                self.roll_back();
                ControlFlow::Continue(true)
            }
            result => {
                self.plan_found = true;
                self.variables.plan_from_cache = planned.told || !is_text;
                self.variables.plan_from_binding = planned.from_binding;
                drop(cancel);
                self.cancel.renew();
                ControlFlow::Break(result)
            }
        }
    }

    /// Whether TiDB would keep the plan of this text.
    pub(super) fn tells_of(&self, parsed: &Parsed, planned: &Planned) -> bool {
        let Some(KeptText { names, tables }) =
            parsed.text_is_kept(self.variables.settings().tells_of_changes)
        else {
            return false;
        };
        let read = planned.query.tables();
        let known = |name: &String| read.iter().any(|table| table.name.eq_ignore_ascii_case(name));
        let wrong = |ty: &SqlType| ty.is_choice() || matches!(ty, SqlType::Json | SqlType::Bit(_));
        let is_wrong = |name: &String| {
            let columns = read.iter().flat_map(|table| &table.columns);
            columns.into_iter().any(|column| column.name.eq_ignore_ascii_case(name) && wrong(&column.ty.sql))
        };
        !planned.from_binding
            && !is_point(&planned.query.root)
            && tables.iter().all(known)
            && !names.iter().any(is_wrong)
    }

    /// The warnings of EXPLAIN FORMAT = 'plan_cache': why TiDB would not find the plan of this text again. A point read is made
    /// without one.
    pub(super) fn warnings_of_cache(&self, parsed: &Parsed, planned: &Planned) -> Vec<Warning> {
        let mut warnings = planned.warnings();
        if !planned.told && !is_point(&planned.query.root) {
            let message = format!("skip non-prepared plan-cache: {}", parsed.why_unkept());
            warnings.push(Warning { level: "Warning", code: code::UNKNOWN, message });
        }
        warnings
    }

    /// Keeps a plan: for texts that differ in literals only or for other parameters, if that can be, else for the same.
    pub(super) fn keep(
        &mut self,
        parsed: &Parsed,
        params: &[Datum],
        planned: &Arc<Planned>,
        version: &Version,
    ) {
        // The plans are found by texts, which mean something else if they are read in another way.
        if parsed.lexing != Lexing::default() || parsed.is_planned_each_time(self.variables.settings().keeps)
        {
            return;
        }
        let database = self.current.clone();
        let setting = Setting { database: database.as_deref(), variables: self.settings };
        if !params.is_empty() {
            let wanted = self.plans.wants_template(&parsed.text);
            let template = wanted.then(|| self.template(parsed, params, planned, version)).flatten();
            return self.plans.put(&parsed.text, setting, params, planned, template);
        }
        // A statement that is only like this one has no binding until it is looked for.
        if !planned.from_binding
            && let Some(Generalized { text, params }) = self.plans.generalized(&parsed.text)
            && self.plans.wants_template(&text)
        {
            let general = allod_planner::parse(&text).ok().and_then(|mut all| all.pop());
            let general = general.filter(|general| general.param_count == params.len());
            if let Some(general) = general
                && let Some(template) = self.template(&general, &params, planned, version)
            {
                return self.plans.put(&text.into(), setting, &params, planned, Some(template));
            }
            if !self.plans.missed(&text) {
                self.plans.refuse(&text);
            }
        }
        // A change of rows with its values in the text is not likely to come again.
        if planned.dml.is_none() || self.variables.settings().tells_of_changes {
            self.plans.put(&parsed.text, setting, &[], planned, None);
        }
    }

    /// The template of a statement that was planned with these parameters, if there is one.
    fn template(
        &self,
        parsed: &Parsed,
        params: &[Datum],
        planned: &Planned,
        version: &Version,
    ) -> Option<Template> {
        let plan = |params: &[Datum]| {
            let catalog = self.catalog(version);
            let context = self.plan_context(&catalog, params);
            match allod_planner::bind(parsed, &context).ok()? {
                Bound::Query(query) if query.dml == planned.dml => {
                    allod_planner::optimize(query, &context).ok()
                }
                _ => None,
            }
        };
        Template::of(parsed, &planned.query, params, self.zone(), plan)
    }
}

/// Whether a query reads rows by their keys and does no more than show them.
fn is_point(plan: &physical::Plan) -> bool {
    match &plan.node {
        physical::Node::PointGet(_) => true,
        physical::Node::Projection { input, .. } | physical::Node::Selection { input, .. } => is_point(input),
        _ => false,
    }
}
