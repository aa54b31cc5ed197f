//! Which kind of statement it is.

use std::sync::Arc;

use allod_storage::schema::{Collation, ColumnDef, Datum};
use sqlparser::ast::{self, SetExpr};

use super::ask::is_literal;
use super::binder::{Binder, Block};
use super::create_as::CreateAs;
use super::expression::not_supported;
use super::variable::Types;
use super::{
    Bound, BoundQuery, Ddl, Dml, ExplainFormat, LoadData, PlanContext, SetTarget, SetValue, SetVariable,
    Show, TableName, TraceFormat,
};
use super::{collation, cte, limits, locking, option, partition, temporary};
use crate::error::Error;
use crate::logical::{Plan, Query};
use crate::parse::{NumbersSyntax, Parsed, PrepareSource, SetItem, ShowSyntax, SpacesSyntax, Statement};
use crate::physical::PlanWarning;

/// Binds a statement, whose user variables are of these types.
pub(super) fn bind(
    statement: &Statement,
    parsed: &Parsed,
    cx: &PlanContext,
    types: &Types,
) -> Result<Bound, Error> {
    let mut binder = Binder::new(parsed, cx)?;
    binder.assigning.known.clone_from(types);
    match statement {
        Statement::Sql(sql) => sql_statement(binder, sql),
        Statement::CreateTable { table, clustered, options, partition, numbers, how } => {
            let mut define = |table: &ast::CreateTable, defined: &[Option<ColumnDef>]| {
                binder.create_table(table, defined, *clustered, options, partition.as_ref(), numbers)
            };
            match CreateAs::new(table, *how) {
                Some(create) => create.bind(parsed, cx, define),
                None => define(table, &[]),
            }
        }
        Statement::CreateView(view) => binder.create_view(view),
        Statement::CreateSequence(sequence) => binder.create_sequence(sequence),
        Statement::AlterSequence(sequence) => binder.alter_sequence(sequence),
        Statement::DropTemporary { kind, if_exists, names } => {
            Ok(Bound::Ddl(binder.drop_temporary(*kind, *if_exists, names)?))
        }
        Statement::AlterDatabase { name, said, placement } => {
            binder.alter_database(name.as_ref(), said, placement.as_deref())
        }
        Statement::Policy(change) => Ok(Bound::Ddl(Ddl::Policy(change.clone()))),
        Statement::Resource(change) => Ok(Bound::Ddl(Ddl::Resource(change.clone()))),
        Statement::SetResourceGroup(name) => Ok(Bound::SetResourceGroup(Arc::clone(name))),
        Statement::CreateDatabase { database, placement: policy } => {
            let mut bound = sql_statement(binder, database)?;
            if let Bound::Ddl(Ddl::CreateDatabase { placement, .. }) = &mut bound {
                *placement = policy.as_deref().map(Arc::from);
            }
            Ok(bound)
        }
        Statement::AlterTable { table, changes, clustered, numbers } => {
            binder.alter_numbered(table, changes, *clustered, numbers)
        }
        Statement::AlterPartitions { table, change } => binder.alter_partitions(table, change),
        Statement::Explain { analyze, format, statement } => {
            let format = explain_format(format.as_deref())?;
            let Statement::Sql(sql) = &**statement else {
                return Err(not_supported("EXPLAIN of this statement"));
            };
            binder.explained = true;
            match sql_statement(binder, sql)? {
                Bound::Query(query) => Ok(Bound::Explain { analyze: *analyze, format, query }),
                _ => Err(not_supported("EXPLAIN of this statement")),
            }
        }
        Statement::Trace { format, statement } => {
            let format = trace_format(format.as_deref())?;
            match sql_statement(binder, statement)? {
                Bound::Query(query) => Ok(Bound::Trace { format, query }),
                _ => Err(not_supported("TRACE of this statement")),
            }
        }
        Statement::Analyze { tables } => {
            let names: Result<Vec<TableName>, Error> =
                tables.iter().map(|t| Ok(binder.table(t)?.0)).collect();
            Ok(Bound::Analyze { tables: names? })
        }
        Statement::Check(all) => {
            let what = |spaces: &SpacesSyntax| match spaces.index {
                None => "admin check table",
                Some(_) => "admin check index",
            };
            let all: Result<_, Error> =
                all.iter().map(|spaces| binder.spaces(spaces, what(spaces))).collect();
            Ok(Bound::Check(all?))
        }
        Statement::CheckIndexRuns { of, runs } => {
            let query = binder.index_runs(of, runs)?;
            sql_statement(binder, &query)
        }
        Statement::Checksum(all) => {
            let all: Result<_, Error> =
                all.iter().map(|spaces| binder.spaces(spaces, "admin checksum table")).collect();
            Ok(Bound::Checksum(all?))
        }
        Statement::CancelJobs(jobs) => Ok(Bound::CancelJobs(jobs.clone())),
        Statement::ExplainOther { connection, format } => {
            Ok(Bound::ExplainOther { connection: *connection, format: explain_format(format.as_deref())? })
        }
        Statement::Split { spaces, at } => {
            let (spaces, at) = binder.split(spaces, at)?;
            Ok(Bound::Split { spaces, at })
        }
        Statement::Show(show) => binder.show(show).map(Bound::Show),
        Statement::ShowWhere { show, query } => {
            let rows = Box::new(Parsed { statement: Statement::Sql(query.clone()), ..parsed.clone() });
            Ok(Bound::ShowWhere { show: binder.show(show)?, rows })
        }
        Statement::Do(query) => match sql_statement(binder, query)? {
            Bound::Query(query) => Ok(Bound::Do(query)),
            _ => Err(not_supported("this form of DO")),
        },
        Statement::Binding(syntax) => binder.binding(syntax),
        Statement::Into { query, variables } => {
            binder.digits_taken = Some((binder.scopes.len() + 1, vec![true; variables.len()]));
            match sql_statement(binder, query)? {
                Bound::Query(query) => {
                    let visible = query.skip.as_ref().map_or(query.query.output.len(), |skip| skip.visible);
                    if visible != variables.len() {
                        return Err(Error::UnionColumnCount);
                    }
                    let variables = variables.iter().map(|name| name.as_str().into()).collect();
                    Ok(Bound::Into { query, variables })
                }
                _ => Err(not_supported("this form of INTO")),
            }
        }
        Statement::IntoFile { query, file } => match sql_statement(binder, query)? {
            Bound::Query(query) if query.skip.is_none() => Ok(Bound::IntoFile { query, file: file.clone() }),
            _ => Err(not_supported("this form of INTO OUTFILE")),
        },
        Statement::Upkeep(syntax) => binder.upkeep(syntax),
        Statement::TableChecksums { tables, quick } => {
            let query = binder.checksum(tables, *quick)?;
            sql_statement(binder, &query)
        }
        Statement::Use { database } if database.is_empty() => Err(Error::NoDatabase),
        Statement::Use { database } => {
            let database = binder.database(Some(&ast::Ident::new(database)))?;
            Ok(Bound::Use { database })
        }
        Statement::Set(items) => {
            let items = items.iter().map(|item| binder.set(item, parsed));
            Ok(Bound::Set(items.collect::<Result<Vec<SetVariable>, Error>>()?))
        }
        Statement::Transaction(syntax) => binder.transaction(syntax),
        Statement::Prepare { name, text } => {
            let text = match text {
                PrepareSource::Text(text) => text.as_str().into(),
                PrepareSource::Variable(name) => match user_variable(cx, name) {
                    Datum::String(text) => text,
                    other => other.to_string().into(),
                },
            };
            Ok(Bound::Prepare { name: name.as_str().into(), text })
        }
        Statement::LockTables(tables) => {
            for name in tables {
                if !binder.is_sequence(name)? {
                    binder.shown_table(name, None)?;
                }
            }
            Ok(without_locks("LOCK TABLES"))
        }
        Statement::UnlockTables => Ok(without_locks("UNLOCK TABLES")),
        Statement::Call(name) => {
            let TableName { database, table } = binder.table_name(name)?;
            Err(Error::UnknownProcedure(format!("{database}.{table}")))
        }
        Statement::Execute { name, using } => {
            let params = using.iter().map(|v| user_variable(cx, v)).collect();
            Ok(Bound::Execute { name: name.as_str().into(), params })
        }
        Statement::LoadData(load) => {
            let (_, table) = binder.table(load.rows.table()?)?;
            let rows = load.rows.of(&table.descriptor)?;
            let (file, format) = (load.file.as_str().into(), load.format.clone());
            Ok(Bound::LoadData(LoadData { file, local: load.local, format, rows }))
        }
        Statement::FlashbackTable { table, to } => {
            let table = binder.table_name(table)?;
            binder.writable(&table.database)?;
            let to = to.as_ref().map_or(Arc::clone(&table.table), |to| to.value.as_str().into());
            limits::table_name(&to)?;
            Ok(Bound::Ddl(Ddl::Flashback { table, to }))
        }
        Statement::FlashbackDatabase { name, to } => {
            let name: Arc<str> = name.value.as_str().into();
            let to = to.as_ref().map_or(Arc::clone(&name), |to| to.value.as_str().into());
            limits::database_name(&to)?;
            Ok(Bound::Ddl(Ddl::FlashbackDatabase { name, to }))
        }
        Statement::Stats { change, tables, partitions } => {
            let named = |table: &ast::ObjectName| {
                let (name, table) = binder.table(table)?;
                partition::check_named(&table.descriptor, partitions)?;
                Ok(name)
            };
            let tables: Result<Vec<TableName>, Error> = tables.iter().map(named).collect();
            Ok(Bound::Ddl(Ddl::Stats { change: *change, tables: tables? }))
        }
        Statement::Batch(batch) => binder.batch(batch).map(Bound::Batch),
        Statement::Kill { connection, only_statement } => {
            Ok(Bound::Kill { connection: *connection, only_statement: *only_statement })
        }
        Statement::Simulate(step) => Ok(Bound::Simulate(step.clone())),
        Statement::Account(change) => Ok(Bound::Account(change.clone())),
        Statement::Deallocate { name } => Ok(Bound::Deallocate { name: name.as_str().into() }),
    }
}

fn trace_format(format: Option<&str>) -> Result<TraceFormat, Error> {
    match format.map(str::to_ascii_lowercase).as_deref() {
        None | Some("row") => Ok(TraceFormat::Row),
        Some("log") => Ok(TraceFormat::Log),
        Some("json") => Ok(TraceFormat::Json),
        Some(_) => Err(Error::TraceFormat),
    }
}

fn explain_format(format: Option<&str>) -> Result<ExplainFormat, Error> {
    Ok(match format.map(str::to_ascii_lowercase).as_deref() {
        None | Some("row" | "traditional") => ExplainFormat::Row,
        Some("brief") => ExplainFormat::Brief,
        Some("verbose") => ExplainFormat::Verbose,
        Some("dot") => ExplainFormat::Dot,
        Some("tidb_json" | "json") => ExplainFormat::Json,
        Some("hint") => ExplainFormat::Hint,
        Some("plan_tree") => ExplainFormat::PlanTree,
        Some("plan_cache") => ExplainFormat::PlanCache,
        Some("cost_trace") => ExplainFormat::CostTrace,
        // TiDB's that Allod has nothing to say in.
        Some(other @ ("true_card_cost" | "binary" | "tree")) => {
            return Err(not_supported(&format!("EXPLAIN FORMAT = '{other}'")));
        }
        Some(other) => return Err(Error::UnknownExplainFormat(other.into())),
    })
}

/// What TiDB says unless its configuration says otherwise.
fn without_locks(statement: &str) -> Bound {
    let message = format!(
        "{statement} is not supported. To enable this experimental feature, set 'enable-table-lock' in the configuration file."
    );
    Bound::Nothing { told: PlanWarning { code: 1235, message }, is_note: false }
}

fn user_variable(cx: &PlanContext, name: &str) -> Datum {
    let held = cx.session.variables.user(&name.trim_start_matches('@').to_lowercase());
    held.map_or(Datum::Null, |(value, _)| value)
}

fn sql_statement(mut binder: Binder, statement: &ast::Statement) -> Result<Bound, Error> {
    use ast::Statement as S;
    match statement {
        // WITH … UPDATE, WITH … DELETE.
        S::Query(query) if let SetExpr::Update(change) | SetExpr::Delete(change) = &*query.body => {
            if let Some(with) = &query.with {
                binder.with(with)?;
            }
            sql_statement(binder, change)
        }
        S::Query(query) => {
            if locking::skips(&query.locks) {
                let block = binder.query_locking(query, &[])?;
                let (block, skip) = binder.skip_locked(block, &query.locks)?;
                return Ok(Bound::Query(BoundQuery { skip: Some(skip), ..finish(binder, block, None)? }));
            }
            binder.answers = true;
            let block = binder.query(query)?;
            Ok(Bound::Query(finish(binder, block, None)?))
        }
        S::Insert(insert) => {
            let (block, dml) = binder.insert(insert)?;
            Ok(Bound::Query(finish(binder, block, Some(dml))?))
        }
        S::Update(update) => {
            let (block, dml) = binder.update(update)?;
            Ok(Bound::Query(finish(binder, block, Some(dml))?))
        }
        S::Delete(delete) => {
            let (block, dml) = binder.delete(delete)?;
            Ok(Bound::Query(finish(binder, block, Some(dml))?))
        }
        S::CreateTable(table) => binder.create_table(table, &[], None, &[], None, &NumbersSyntax::default()),
        S::CreateIndex(create) => binder.create_index(create),
        S::Drop { object_type, if_exists, names, table, .. } => {
            binder.drop(*object_type, *if_exists, names, table.as_ref())
        }
        S::Truncate(truncate) => match truncate.table_names.as_slice() {
            [target] => {
                let (table, known) = binder.table(&target.name)?;
                option::check_not_cached(&known.descriptor, "Truncate Table")?;
                if !known.descriptor.is_local() {
                    binder.check_truncated(&table)?;
                }
                Ok(Bound::Ddl(Ddl::Truncate { table }))
            }
            _ => Err(not_supported("TRUNCATE of several tables")),
        },
        S::CreateDatabase { db_name, if_not_exists, default_charset, default_collation, .. } => {
            let mut said = collation::Said::default();
            default_charset.iter().try_for_each(|name| said.charset(name))?;
            default_collation.iter().try_for_each(|name| said.collation(name))?;
            let collation = said.settled()?.unwrap_or_default();
            let (name, if_not_exists) = (last_name(db_name), *if_not_exists);
            limits::database_name(&name)?;
            Ok(Bound::Ddl(Ddl::CreateDatabase { name, if_not_exists, collation, placement: None }))
        }
        S::CreateSchema { schema_name: ast::SchemaName::Simple(name), if_not_exists, .. } => {
            let (name, if_not_exists) = (last_name(name), *if_not_exists);
            limits::database_name(&name)?;
            Ok(Bound::Ddl(Ddl::CreateDatabase {
                name,
                if_not_exists,
                collation: Collation::default(),
                placement: None,
            }))
        }
        S::RenameTable(renames) => {
            let mut out = Vec::with_capacity(renames.len());
            for rename in renames {
                let (from, to) = (binder.table_name(&rename.old_name)?, binder.table_name(&rename.new_name)?);
                limits::table_name(&to.table)?;
                binder.writable(&from.database)?;
                binder.writable(&to.database)?;
                if let Some(table) = binder.found_table(&from) {
                    temporary::check_alterable(&table.descriptor, "RENAME TABLE")?;
                }
                out.push((from, to));
            }
            Ok(Bound::Ddl(Ddl::RenameTables { renames: out }))
        }
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(not_supported(&words.join(" ")))
        }
    }
}

fn last_name(name: &ast::ObjectName) -> Arc<str> {
    name.0.last().and_then(|p| p.as_ident()).map_or("", |i| i.value.as_str()).into()
}

fn finish(mut binder: Binder, block: Block, dml: Option<Dml>) -> Result<BoundQuery, Error> {
    let own = dml.as_ref().map(|dml| match dml {
        Dml::Insert { .. } => "ins_1",
        Dml::Update { .. } => "upd_1",
        Dml::Delete { .. } => "del_1",
    });
    let hints = binder.settle_hints(own);
    let blocks = binder.parsed.blocks.count();
    let (plan, ctes) = cte::settle(block.plan, std::mem::take(&mut binder.ctes), &binder.columns)?;
    let mut tables = 0;
    for plan in ctes.iter().chain([&plan]) {
        plan.walk(&mut |node| tables += usize::from(matches!(node, Plan::Scan(_))));
    }
    let as_of = binder.as_of(tables)?;
    if as_of.is_some() && dml.is_some() {
        return Err(Error::AsOf("a statement that writes reads what there is".into()));
    }
    let query = Query { plan, ctes, output: block.output };
    Ok(BoundQuery {
        query,
        columns: binder.columns,
        dml,
        usage: binder.rw.usage,
        hints,
        blocks,
        cacheable: !binder.volatile && !binder.rw.asked_now && as_of.is_none(),
        skip: None,
        as_of,
        sequences: binder.sequences,
        assigning: binder.assigning.used,
        assigned: binder.assigning.so_far.into_iter().collect(),
        uncut: binder.uncut,
        warnings: binder.warnings,
    })
}

impl Binder<'_> {
    fn show(&mut self, show: &ShowSyntax) -> Result<Show, Error> {
        Ok(match show {
            ShowSyntax::Databases { pattern } => Show::Databases { pattern: pattern.clone() },
            ShowSyntax::Tables { database, full, pattern } => Show::Tables {
                database: self.database(database.as_ref())?,
                full: *full,
                pattern: pattern.clone(),
            },
            ShowSyntax::TableStatus { database, pattern } => {
                Show::TableStatus { database: self.database(database.as_ref())?, pattern: pattern.clone() }
            }
            ShowSyntax::OpenTables { database } => {
                Show::OpenTables { database: self.database(database.as_ref())? }
            }
            ShowSyntax::Columns { table, database, full, pattern } => Show::Columns {
                table: self.shown_table(table, database.as_ref())?,
                full: *full,
                pattern: pattern.clone(),
            },
            ShowSyntax::CreateTable { table } if self.is_sequence(table)? => {
                Show::CreateSequence { sequence: self.table_name(table)? }
            }
            ShowSyntax::CreateTable { table } => Show::CreateTable { table: self.shown_table(table, None)? },
            ShowSyntax::CreateView { view } => {
                let name = self.table_name(view)?;
                // Of what a session's own table hides.
                match self.cx.catalog.lasting_view(&name.database, &name.table) {
                    Some(_) => Show::CreateView { view: name },
                    None if self.is_local(&name) => {
                        let (database, table) = (name.database.to_string(), name.table.to_string());
                        return Err(Error::UnknownTable { database, table, position: None });
                    }
                    None => {
                        let (database, name) =
                            (self.table(view)?.0.database.to_string(), name.table.to_string());
                        return Err(Error::WrongObject { database, name, wanted: "VIEW" });
                    }
                }
            }
            ShowSyntax::CreateSequence { sequence } => {
                self.sequence(sequence)?;
                Show::CreateSequence { sequence: self.table_name(sequence)? }
            }
            ShowSyntax::CreateDatabase { name, if_not_exists } => {
                Show::CreateDatabase { name: self.database(Some(name))?, if_not_exists: *if_not_exists }
            }
            ShowSyntax::Index { table, database } => {
                Show::Index { table: self.shown_table(table, database.as_ref())? }
            }
            ShowSyntax::NextRowId { table } => Show::NextRowId { table: self.table(table)?.0 },
            ShowSyntax::Variables { global, pattern } => {
                Show::Variables { global: *global, pattern: pattern.clone() }
            }
            ShowSyntax::Status { global, pattern } => {
                Show::Status { global: *global, pattern: pattern.clone() }
            }
            ShowSyntax::Warnings(shown) => Show::Warnings(*shown),
            ShowSyntax::Errors(shown) => Show::Errors(*shown),
            ShowSyntax::Counted { errors } => Show::Counted { errors: *errors },
            ShowSyntax::ProcessList { full } => Show::ProcessList { full: *full },
            ShowSyntax::Engines => Show::Engines,
            ShowSyntax::Absent { what, database } => {
                if what.is_of_database() {
                    self.database(database.as_ref())?;
                }
                Show::Absent(*what)
            }
            ShowSyntax::Charset { pattern } => Show::Charset { pattern: pattern.clone() },
            ShowSyntax::Collation { pattern } => Show::Collation { pattern: pattern.clone() },
            ShowSyntax::Listing(listing) => Show::Listing(listing.clone()),
            ShowSyntax::Simulation => Show::Simulation,
            ShowSyntax::Bindings { global, pattern } => {
                Show::Bindings { global: *global, pattern: pattern.clone() }
            }
            ShowSyntax::Regions(spaces) => Show::Regions(self.spaces(spaces, "show table regions")?),
            ShowSyntax::Account(shown) => Show::Account(shown.clone()),
        })
    }

    fn shown_table(
        &mut self,
        table: &ast::ObjectName,
        database: Option<&ast::Ident>,
    ) -> Result<TableName, Error> {
        let mut name = table.clone();
        if let Some(database) = database {
            name.0.truncate(1);
            name.0.insert(0, ast::ObjectNamePart::Identifier(database.clone()));
        }
        let full = self.table_name(&name)?;
        let is_view = self.cx.catalog.view(&full.database, &full.table).is_some();
        if is_view || self.memory_table(&full)?.is_some() {
            return Ok(full);
        }
        Ok(self.table(&name)?.0)
    }

    fn set(&mut self, item: &SetItem, parsed: &Parsed) -> Result<SetVariable, Error> {
        let name: Arc<str> = item.name.trim_start_matches('@').into();
        let target = match (item.name.starts_with('@'), item.global) {
            (true, _) => SetTarget::User(name),
            (false, true) => SetTarget::Global(name),
            (false, false) => SetTarget::Session(name),
        };
        let value = match &item.value {
            None => SetValue::Default,
            // `SET sql_mode = ANSI`: a word stands for itself.
            Some(ast::Expr::Identifier(word))
                if !word.value.starts_with('@') && !matches!(target, SetTarget::User(_)) =>
            {
                SetValue::Constant(Datum::string(word.value.as_str()))
            }
            // A literal that names its type keeps it.
            Some(e) if is_literal(e) && !matches!(e, ast::Expr::TypedString(_)) => {
                SetValue::Constant(self.in_block(|b| b.constant(e, "SET"))?)
            }
            Some(e) => {
                let statement = match (Statement::value(e)?, &target) {
                    // A variable takes all digits, as that of INTO does.
                    (Statement::Sql(query), SetTarget::User(name)) => {
                        Statement::Into { query, variables: vec![name.to_string()] }
                    }
                    (statement, _) => statement,
                };
                SetValue::Query(Box::new(Parsed { statement, ..parsed.clone() }))
            }
        };
        Ok(SetVariable { target, value })
    }
}
