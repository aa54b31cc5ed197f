//! What a session does with each kind of statement.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use allod_executor::{
    Cancel, Destination, Environment, NamedLocks, Numbered, Prepared, RowIds, Run, Sequences, UserVariables,
};
use allod_planner::bind::{Bound, BoundQuery, Dml, ExplainFormat, SessionInfo, SkipLocked};
use allod_planner::column::Origin;
use allod_planner::expr::FunctionUsage;
use allod_planner::{Parsed, PlanContext, physical};
use allod_storage::schema::{ColumnType, Datum, TableDescriptor, Timestamp};
use arrow::array::RecordBatch;

use super::Session;
use super::assign::{Assigned, Cut, Found};
use super::diagnostics::{Telling, rules};
use super::lock::{Answered, Changed, Unlocked};
pub(super) use super::planned::Planned;
use super::running::{Running, Writing, enter};
use super::sequences::{self, Asked};
use super::trace::Begun;
use crate::catalog::{Entry, Given, Version, Waiting};
use crate::error::{Error, Result, code};
use crate::information_schema::{self, Facts, SessionCatalog};
use crate::result::{Column, Header, ResultSet, Warning};
use crate::variables::{RELEASE, VERSION, time_limit};

/// How often a write that lost against another is tried in all.
const ATTEMPTS_MAX: u32 = 10;
/// How many changes of the schema a statement sees under way and begins anew for, besides.
const CHANGES_MAX: u32 = 100;
/// How long the first of the pauses between them is; each next one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(1);

/// What a statement that reads rows numbers: nothing.
struct NoRowIds;

impl RowIds for NoRowIds {
    fn allocate(&self, _what: Numbered, _n: u64, _max: u64) -> Option<Run> {
        None
    }

    fn observe(&self, _what: Numbered, _value: u64) {}
}

impl Session {
    /// Runs a statement, again and again if it may well succeed the next time, and it is not part of a transaction that has
    /// seen something already. `counted`: the functions that it uses are.
    pub(super) fn statement(
        &mut self,
        parsed: &Parsed,
        params: &[Datum],
        cancel: &Cancel,
        mut counted: bool,
    ) -> Result<ResultSet> {
        if self.commits_first(parsed) {
            self.commit(cancel)?;
            self.forget_next();
            self.next_options().check_write()?;
        }
        let mut pause = PAUSE_FIRST;
        let (mut lost, mut changes) = (1, 0);
        loop {
            let alone = self.transaction.is_none();
            let follows = self.transaction.as_ref().is_some_and(|active| active.follows_the_schema());
            let outcome = self.attempt(parsed, params, cancel, &mut counted);
            if !alone {
                match outcome {
                    // It has left nothing, and finds the newer schema the next time.
                    Err(error)
                        if follows && error.code() == code::SCHEMA_CHANGED && changes < CHANGES_MAX =>
                    {
                        changes += 1;
                        continue;
                    }
                    outcome => return outcome,
                }
            }
            match outcome {
                // Whoever changed the schema is done by now: there is nothing to wait for, and somebody has got on.
                Err(error) if error.code() == code::SCHEMA_CHANGED && changes < CHANGES_MAX => {
                    changes += 1;
                    self.roll_back();
                }
                Err(error) if error.is_retryable_alone() && lost < ATTEMPTS_MAX => {
                    lost += 1;
                    self.roll_back();
                    self.client.runtime().pause(pause);
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    /// One attempt; it counts the functions that are used, if none before it has.
    fn attempt(
        &mut self,
        parsed: &Parsed,
        params: &[Datum],
        cancel: &Cancel,
        counted: &mut bool,
    ) -> Result<ResultSet> {
        let begun = Begun::of(parsed);
        let version = self.version();
        self.plans.at(version.number());
        self.refresh_rights();
        let catalog = self.catalog(&version);
        let hinted = self.bound_by_binding(parsed, &version);
        let from_binding = hinted.is_some();
        let as_bound = hinted.as_ref().unwrap_or(parsed);
        let bound = allod_planner::bind(as_bound, &self.plan_context(&catalog, params))?;
        let momentary = catalog.momentary.get();
        if !std::mem::replace(counted, true)
            && let Bound::Query(query)
            | Bound::Explain { query, .. }
            | Bound::Trace { query, .. }
            | Bound::Do(query)
            | Bound::Into { query, .. }
            | Bound::IntoFile { query, .. } = &bound
        {
            self.count(&Arc::new(query.usage.clone()));
        }
        self.check_privileges(&bound)?;
        self.plan_found = false;
        (self.variables.plan_from_cache, self.variables.plan_from_binding) = (false, from_binding);
        let done = || Ok(ResultSet::done(0, 0));
        match bound {
            Bound::Query(query) => {
                let keep = query.cacheable && !momentary && self.names_in.is_none();
                let mut planned = self.plan(query, &version, params)?;
                planned.from_binding = from_binding;
                planned.told = self.tells_of(as_bound, &planned);
                planned.command = parsed.command();
                let planned = Arc::new(planned);
                if self.make_room(&planned)? {
                    return self.attempt(parsed, params, cancel, counted);
                }
                if keep && !planned.query.tables().iter().any(|table| table.temporary.is_some()) {
                    self.keep(as_bound, params, &planned, &version);
                }
                drop(version);
                self.join_transaction(&planned)?;
                self.query(&planned, cancel)
            }
            Bound::Explain { analyze, format, query } => {
                let mut planned = self.plan(query, &version, params)?;
                if format == ExplainFormat::PlanCache {
                    planned.told = self.tells_of(as_bound, &planned);
                }
                if analyze && self.make_room(&planned)? {
                    return self.attempt(parsed, params, cancel, counted);
                }
                drop(version);
                if analyze {
                    self.join_transaction(&planned)?;
                }
                let result = self.explain(&planned, analyze, format, cancel)?;
                Ok(match format {
                    ExplainFormat::PlanCache => {
                        result.with_warnings(self.warnings_of_cache(parsed, &planned))
                    }
                    _ => result,
                })
            }
            Bound::Trace { format, query } => {
                let planned = self.plan(query, &version, params)?;
                if self.make_room(&planned)? {
                    return self.attempt(parsed, params, cancel, counted);
                }
                drop(version);
                self.join_transaction(&planned)?;
                self.trace(&planned, begun, format, cancel)
            }
            Bound::Ddl(ddl) => {
                // Spaces that it gives up can be dropped once nobody holds the descriptors that named them.
                drop(version);
                if matches!(ddl, allod_planner::bind::Ddl::Resource(_)) {
                    self.check_resource_control()?;
                }
                self.plans.clear();
                let notes = self.define(&ddl, &parsed.text, cancel)?;
                // The schema that is gone is nobody's current one.
                let catalog = self.database.catalog();
                self.current
                    .take_if(|name| !catalog.has_database_named(name) && !information_schema::is_it(name));
                self.row_count = 0;
                Ok(ResultSet::done(0, 0).with_warnings(notes))
            }
            Bound::CreateTableAs { create, insert } => {
                drop(version);
                self.create_as(&create, &insert, params, cancel)
            }
            Bound::Analyze { tables } => {
                drop(version);
                let mut told = Vec::new();
                for table in &tables {
                    told.extend(self.analyze(table, cancel)?);
                }
                Ok(ResultSet::done(0, 0).with_warnings(told))
            }
            Bound::Use { database } => {
                self.current = match information_schema::named(&database) {
                    Some(name) => Some(name.into()),
                    None => version.database_name(&database).or(Some(database)),
                };
                self.follow_database()?;
                done()
            }
            Bound::Check(all) => self.check(&all, &version),
            Bound::Checksum(all) => self.checksum(&all, &version),
            Bound::CancelJobs(jobs) => self.cancel_jobs(&jobs),
            Bound::ExplainOther { connection, format } => self.explain_other(connection, format),
            Bound::Split { spaces, at } => self.split(&spaces, &at, &version),
            Bound::Show(show) => self.show(&show, &version),
            Bound::ShowWhere { show, rows } => {
                let table = self.show(&show, &version)?.into_table()?;
                let catalog = SessionCatalog { shown: Some(table), ..self.catalog(&version) };
                let bound = allod_planner::bind(&rows, &self.plan_context(&catalog, params))?;
                let Bound::Query(query) = bound else {
                    return Err(Error::internal("what is shown is a query"));
                };
                let planned = self.plan(query, &version, params)?;
                self.query(&planned, cancel)
            }
            Bound::Do(query) => {
                let planned = self.plan(query, &version, params)?;
                drop(version);
                self.join_transaction(&planned)?;
                let mut result = self.query(&planned, cancel)?;
                result.try_for_each(|batch| batch.map(drop))?;
                self.row_count = 0;
                let (warnings, total) = (result.warnings().to_vec(), result.warning_count());
                let unkept = total - warnings.len() as u64;
                Ok(ResultSet::done(0, 0).with_warnings(warnings).with_unkept(unkept))
            }
            Bound::Set(assignments) => {
                drop(version);
                self.assign_all(&assignments, params, cancel)
            }
            Bound::Into { query, variables } => {
                let planned = self.plan(query, &version, params)?;
                drop(version);
                self.select_into(&planned, &variables, cancel)
            }
            Bound::IntoFile { query, file } => {
                let planned = self.plan(query, &version, params)?;
                drop(version);
                self.select_into_file(&planned, &file, cancel)
            }
            Bound::Upkeep { what, tables } => self.upkeep(what, &tables, &version, cancel),
            Bound::Transaction(control) => {
                drop(version);
                self.control(&control, cancel)
            }
            Bound::Prepare { name, text } => {
                let warning = self.prepare_named(&name, &text)?;
                Ok(ResultSet::done(0, 0).with_warnings(warning.into_iter().collect()))
            }
            Bound::Execute { name, params } => {
                // It may be a change of the schema.
                drop(version);
                // Who stops this one stops that one.
                self.cancel = cancel.clone();
                let result = self.execute_named(&name, &params);
                self.cancel = Cancel::default();
                result
            }
            Bound::Binding { global, statement } => {
                drop(version);
                self.change_bindings(global, &statement, cancel)
            }
            Bound::LoadData(load) => {
                drop(version);
                self.load_data(&load, cancel)
            }
            Bound::Batch(batch) => {
                drop(version);
                self.batch(&batch, cancel)
            }
            Bound::SetResourceGroup(name) => {
                self.set_resource_group(&name, &version)?;
                done()
            }
            Bound::Kill { connection, only_statement } => {
                self.kill(connection, only_statement)?;
                done()
            }
            Bound::Simulate(step) => self.simulate(step),
            Bound::Nothing { told: physical::PlanWarning { code, message }, is_note } => {
                let warning = Warning { level: if is_note { "Note" } else { "Warning" }, code, message };
                Ok(ResultSet::done(0, 0).with_warnings(vec![warning]))
            }
            Bound::Account(change) => {
                drop(version);
                self.change_accounts(&change, cancel)
            }
            Bound::Deallocate { name } => {
                self.deallocate(&name)?;
                done()
            }
        }
    }

    /// How long a statement waits for changes of the schema, or to make one.
    pub(crate) fn waiting(&self, cancel: &Cancel) -> Waiting {
        Waiting::new(cancel, self.variables.settings().schema_wait, self.client.runtime())
    }

    /// The schema as a statement of this session sees it.
    pub(super) fn catalog<'a>(&'a self, version: &'a Version) -> SessionCatalog<'a> {
        let facts = Facts {
            connection: self.id,
            owner: &self.database,
            questions: self.questions,
            counts: &self.counts,
            summary: &self.summary,
            cipher: self.cipher.as_ref(),
            processes: &self.database.shared().processes,
            transactions: &self.database.shared().transactions,
            cluster: self.database.cluster(),
            user: self.identity.login_name(),
            account: &self.identity.account,
            roles: self.identity.roles(),
            rights: &self.identity.rights,
            database: self.current.as_deref(),
            variables: &self.variables,
            slow: &self.database.shared().slow,
            catalog: &self.database.shared().catalog,
            client: &self.client,
            usage: (&self.database.shared().usage, &self.usage),
        };
        SessionCatalog { version, facts, momentary: Cell::new(false), shown: None }
    }

    pub(super) fn plan_context<'a>(
        &'a self,
        catalog: &'a SessionCatalog<'a>,
        params: &'a [Datum],
    ) -> PlanContext<'a> {
        let settings = self.variables.settings();
        PlanContext {
            catalog,
            database: self.names_in.as_deref().or(self.current.as_deref()),
            now_us: settings.now_us(),
            zone: settings.zone,
            system_zone: settings.system_zone,
            params,
            session: SessionInfo {
                connection_id: self.id,
                user: &self.identity.user,
                account: &self.identity.account_text,
                roles: &self.identity.roles_text,
                version: VERSION,
                release: RELEASE,
                last_insert_id: self.last_insert_id,
                warnings: self.diagnostics().total,
                errors: self.diagnostics().errors,
                row_count: self.row_count,
                found_rows: self.found.rows(),
                variables: &self.variables,
            },
        }
    }

    pub(super) fn plan(&self, bound: BoundQuery, version: &Version, params: &[Datum]) -> Result<Planned> {
        let dml = bound.dml.clone();
        let mut targets: Vec<(Arc<TableDescriptor>, Option<Entry>)> = Vec::new();
        for table in dml.iter().flat_map(Dml::entered) {
            if !targets.iter().any(|(known, _)| Arc::ptr_eq(known, table)) {
                let entry = version.entry(&table.database, &table.name);
                // What is to be said to writers is said when they come.
                let entry = entry.map(|entry| Entry { layouts: None, ..entry.clone() });
                targets.push((Arc::clone(table), entry));
            }
        }
        let targets = targets.into();
        let usage = Arc::new(bound.usage.clone());
        let skip = bound.skip.clone();
        let sequences = sequences::of_query(&bound, version);
        let (assigns, uncut) = (bound.assigning, bound.uncut);
        let as_of = bound.as_of.as_ref().map(|time| self.time_of(time)).transpose()?;
        let mut query = allod_planner::optimize(bound, &self.plan_context(&self.catalog(version), params))?;
        query.warnings.splice(..0, self.hinted.told.iter().cloned());
        let query = Arc::new(query);
        let prepared = Arc::new(Prepared::new(Arc::clone(&query)));
        let (mut columns, mut schema) = (columns_of(&query), prepared.schema());
        if let Some(SkipLocked { visible, .. }) = &skip {
            columns.truncate(*visible);
            schema = Arc::new(schema.project(&(0..*visible).collect::<Vec<_>>()).map_err(Error::internal)?);
        }
        let header = Header::new(columns, schema);
        let uses_tables = !query.tables().is_empty();
        let locked = query.locked_tables().into_iter().cloned().collect();
        Ok(Planned {
            query,
            prepared,
            dml,
            header,
            uses_tables,
            locked,
            skip,
            as_of,
            usage,
            sequences,
            assigns,
            uncut,
            version: version.number(),
            targets,
            from_binding: false,
            told: false,
            command: None,
        })
    }

    /// Counts the functions that a statement uses.
    pub(super) fn count(&mut self, usage: &Arc<FunctionUsage>) {
        self.usage.merge(usage);
        self.database.shared().usage.add(Arc::clone(usage));
    }

    pub(super) fn query(&mut self, planned: &Planned, cancel: &Cancel) -> Result<ResultSet> {
        if let Some(doing) = &self.doing {
            // Of several statements in one, that of the first.
            let _ = doing.plan.set(Arc::clone(&planned.query));
        }
        if let Some(result) = self.few(planned, cancel) {
            return Ok(result);
        }
        let cancel = &self.limited(planned, cancel);
        let header = planned.header.clone();
        let mut warnings = planned.warnings();
        let Some(dml) = &planned.dml else {
            self.row_count = -1;
            let limit = self.variables.settings().warnings_max;
            let result = match &planned.skip {
                None if planned.assigns || !planned.locked.is_empty() && self.locks_rows() => {
                    let Answered { batches, said: (said, total), metrics: _ } =
                        self.query_and_lock(planned, cancel, false)?;
                    let unkept = total - said.len() as u64;
                    warnings.extend(said);
                    self.found = Found::of(&batches);
                    ResultSet::ready(header, cut(planned, batches)?).with_unkept(unkept)
                }
                Some(skip) if self.locks_rows() => {
                    let batches = self.query_and_skip(planned, skip, cancel)?;
                    self.found = Found::of(&batches);
                    ResultSet::ready(header, cut(planned, batches)?)
                }
                skip => {
                    let telling = Telling::new(self.start(planned, cancel, false)?, warnings.clone(), limit);
                    let late = telling.late();
                    self.found = Found::Late(Arc::clone(&late));
                    let result = match (skip.clone(), planned.uncut) {
                        (None, None) => ResultSet::running(header, telling),
                        // What would have had to be counted as it is locked is counted here.
                        (Some(skip), None) => ResultSet::running(header, Unlocked::new(telling, skip)),
                        (None, Some(shown)) => ResultSet::running(header, Cut::new(telling, shown)),
                        (Some(skip), Some(shown)) => {
                            ResultSet::running(header, Cut::new(Unlocked::new(telling, skip), shown))
                        }
                    };
                    result.with_late(late)
                }
            };
            return Ok(result.with_warnings(warnings));
        };
        let Changed { mut affected, said: (said, total), metrics: _ } =
            self.change(planned, cancel, false)?;
        // A number that was given to a row counts more than what the statement says it is.
        if let Some(id) = self.asks_none.last.take_insert_id()
            && affected.last_insert_id == 0
        {
            (self.last_insert_id, affected.last_insert_id) = (id, id);
        }
        let unkept = total - said.len() as u64;
        warnings.extend(said);
        self.row_count = i64::try_from(affected.rows).unwrap_or(i64::MAX);
        if affected.last_insert_id != 0 {
            self.last_insert_id = affected.last_insert_id;
        }
        let noted = warnings.len() as u64 + unkept;
        let info = match dml {
            Dml::Update { .. } => {
                format!("Rows matched: {}  Changed: {}  Warnings: {noted}", affected.matched, affected.rows)
            }
            Dml::Insert { .. } if affected.records > 1 => {
                let (records, duplicates) = (affected.records, affected.duplicates);
                format!("Records: {records}  Duplicates: {duplicates}  Warnings: {noted}")
            }
            Dml::Insert { .. } | Dml::Delete { .. } => String::new(),
        };
        let done = ResultSet::done(affected.rows, affected.last_insert_id);
        let done = done.with_found_rows(affected.matched);
        Ok(done.with_info(info).with_warnings(warnings).with_unkept(unkept))
    }

    /// The wish to stop of a statement that runs from now on, however often: only what reads is limited in time, as in MySQL.
    pub(super) fn limited(&self, planned: &Planned, cancel: &Cancel) -> Cancel {
        let limit = planned.query.limits.max_execution_time_ms;
        let limit = limit.map_or(self.variables.settings().time_limit, time_limit);
        match limit.filter(|_| planned.dml.is_none()) {
            Some(limit) => cancel.within(limit),
            None => cancel.clone(),
        }
    }

    /// Begins to run a statement.
    pub(super) fn start(&mut self, planned: &Planned, cancel: &Cancel, analyze: bool) -> Result<Running> {
        let mut row_ids: Arc<dyn RowIds> = Arc::new(NoRowIds);
        let as_of = self.as_of(planned)?;
        let mut writing: Vec<Writing> = Vec::with_capacity(planned.targets.len());
        for (table, entry) in &*planned.targets {
            let mut waiting = self.waiting(cancel);
            let mut enter = || enter(&self.database, entry.as_ref(), &mut waiting);
            let (guard, (counters, layout)) = match &mut self.transaction {
                Some(active) => (None, active.enter(table, enter)?),
                None => {
                    enter().map(|(entered, counters)| (Some(entered.guard), (counters, entered.layout)))?
                }
            };
            writing.push(Writing { table: Arc::clone(table), counters, layout, guard });
        }
        self.stay_in_locked(planned, cancel)?;
        // Who inserts has one table.
        if let Some(first) = writing.first() {
            let settings = self.variables.settings();
            row_ids = Arc::new(Given {
                counters: Arc::clone(&first.counters),
                stride: settings.stride,
                may_give_random: settings.may_give_random,
                keeps_zero: settings.mode.no_auto_value_on_zero,
            });
        }
        let place = |table: &Arc<TableDescriptor>| {
            planned.targets.iter().position(|(known, _)| Arc::ptr_eq(known, table)).unwrap_or(0)
        };
        let targets = planned.dml.iter().flat_map(Dml::entered).map(place).collect();
        // After a writer is in: DDL that it waited for is before its snapshot.
        let (client, ts, pin) = match &mut self.transaction {
            Some(active) => active.reader(&mut self.client, planned.is_of_now())?,
            None => {
                let mut client = self.client.fork();
                let (ts, pin) = match as_of {
                    Some(ts) => (ts, client.begin(ts).pin()),
                    None => client.runtime().block_on(client.snapshot())?,
                };
                (client, ts, pin)
            }
        };
        if planned.uses_tables {
            let start = self.transaction.as_ref().map_or(ts, |active| active.start_ts());
            self.variables.last.read = (start, ts);
        }
        if self.is_late(planned, as_of) {
            let message = "information schema is changed during the execution of the statement";
            return Err(Error::new(code::SCHEMA_CHANGED, message));
        }
        let destination = match &self.transaction {
            Some(_) => Destination::Transaction,
            None => Destination::Commit,
        };
        let assigned = planned.assigns.then(|| Arc::new(Assigned::new(&self.variables.user)));
        let settings = self.variables.settings();
        let mut client = client;
        client.interrupt_by(cancel.into());
        let environment = Environment {
            client,
            ts,
            pin: Some(pin),
            // What a row reads of a variable is what the row before it assigned.
            workers: if planned.assigns { 1 } else { self.workers() },
            memory_limit_bytes: self.memory_quota(planned).saturating_sub(self.buffered_bytes()),
            cancel: cancel.clone(),
            row_ids,
            sequences: Some(self.asked_sequences(planned)),
            named_locks: Arc::clone(&self.named_locks) as Arc<dyn NamedLocks>,
            variables: assigned.clone().map(|assigned| assigned as Arc<dyn UserVariables>),
            destination,
            layouts: writing.iter().filter_map(|writing| writing.layout.clone()).collect(),
            rules: rules(settings.mode, planned.dml.as_ref(), values_of(planned)),
            locking: self.locking(planned),
            analyze,
            tuning: settings.tuning,
        };
        let execution = allod_executor::execute(Arc::clone(&planned.prepared), environment);
        Ok(Running { execution, writing, targets, assigned })
    }

    /// How many workers a pipeline has: more than there are processors would only be in each other's way.
    fn workers(&self) -> usize {
        let most = self.database.shared().workers;
        self.variables.settings().workers_max.map_or(most, |wanted| wanted.min(most))
    }

    /// The tables of which a statement of a transaction locks rows stay as they are until its end.
    fn stay_in_locked(&mut self, planned: &Planned, cancel: &Cancel) -> Result<()> {
        let skipped = planned.skip.iter().flat_map(|skip| skip.tables.iter().map(|skipped| &skipped.table));
        let locked = planned.locked.iter().chain(skipped).filter(|table| table.temporary.is_none());
        let mut locked = locked.peekable();
        if locked.peek().is_none() || !self.locks_rows() {
            return Ok(());
        }
        let (version, mut waiting) = (self.version(), self.waiting(cancel));
        let Some(active) = &mut self.transaction else { return Ok(()) };
        for table in locked {
            let entry = version.entry(&table.database, &table.name);
            let entry = entry.filter(|entry| Arc::ptr_eq(&entry.descriptor, table));
            active.stay(table, || enter(&self.database, entry, &mut waiting))?;
        }
        Ok(())
    }

    /// Whether a statement is going to read the present by a schema that is past.
    pub(super) fn is_late(&self, planned: &Planned, as_of: Option<Timestamp>) -> bool {
        let present = match &self.transaction {
            Some(active) => active.reads_the_present(planned.is_of_now()),
            None => as_of.is_none(),
        };
        let catalog = &self.database.shared().catalog;
        present
            && catalog.number() != planned.version
            && !planned.query.tables().into_iter().all(|table| catalog.is_present(table))
    }

    /// Who answers for the sequences that a statement asks.
    fn asked_sequences(&self, planned: &Planned) -> Arc<dyn Sequences> {
        if planned.sequences.is_empty() {
            return Arc::clone(&self.asks_none) as Arc<dyn Sequences>;
        }
        let (sequences, last) = (Arc::clone(&planned.sequences), Arc::clone(&self.asks_none.last));
        Arc::new(Asked { sequences, last })
    }

    /// After a statement has run to its end: what it wrote is the transaction's. Or, if it is one by itself, it leaves its
    /// tables, whose rows are told from now on.
    pub(super) fn leave(&mut self, running: Running) {
        self.take_assigned(&running);
        let Running { mut execution, writing, targets, assigned: _ } = running;
        let mut growth = vec![(0, 0); writing.len()];
        for (&(came, went), &at) in execution.growth().iter().zip(&targets) {
            let (inserted, deleted): &mut (u64, u64) = &mut growth[at];
            (*inserted, *deleted) = (*inserted + came, *deleted + went);
        }
        self.variables.last.committed = execution.committed().or(self.variables.last.committed);
        let (changes, relied) = execution.take_changes();
        drop(execution);
        if let Some(active) = &mut self.transaction {
            let tables = writing.iter().map(|writing| &writing.table).zip(growth);
            return active.write(tables, changes, &relied);
        }
        for (Writing { table, counters, layout: _, guard }, (inserted, deleted)) in
            writing.into_iter().zip(growth)
        {
            // DDL that has the right to publish may be waiting for this.
            drop(guard);
            if counters.growth.note(inserted, deleted) {
                self.tell_rows(&table);
            }
        }
    }

    /// Under `autocommit = 0` a statement that uses tables begins a transaction, if there is none.
    pub(super) fn join_transaction(&mut self, planned: &Planned) -> Result<()> {
        if planned.uses_tables { self.begin_unless_autocommit() } else { Ok(()) }
    }
}

/// The rows that are shown of those that were found.
fn cut(planned: &Planned, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
    match planned.uncut {
        None => Ok(batches),
        Some(shown) => Cut::new(batches.into_iter().map(Ok), shown).collect(),
    }
}

/// How many rows an INSERT … VALUES has.
fn values_of(planned: &Planned) -> Option<usize> {
    match &planned.query.root.node {
        physical::Node::Insert { source, .. } => match &source.node {
            physical::Node::Values { rows } => Some(rows.len()),
            _ => None,
        },
        _ => None,
    }
}

fn columns_of(query: &physical::Query) -> Vec<Column> {
    let column = |((name, ty), origin): ((&str, &ColumnType), Option<&Origin>)| Column {
        name: name.to_string(),
        ty: ty.clone(),
        origin: origin.cloned(),
    };
    query.output_types().zip(query.origins()).map(column).collect()
}
