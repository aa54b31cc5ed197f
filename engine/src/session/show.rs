//! SHOW and DESCRIBE: the catalog, the variables and the warnings as tables.

use std::fmt::Write;
use std::sync::Arc;

use allod_planner::bind::{Show, Shown, TableName};
use allod_planner::catalog::{Catalog as _, View, ViewOptions};
use allod_planner::expr::printed;
use allod_planner::zone::Zone;
use allod_storage::schema::{
    AutoRandom, Charset, CheckConstraint, Collation, ColumnDefault, Datum, Generated, GeneratedKind, KeyPart,
    ROW_ID_NAME, SqlType, TableDescriptor, TableOptions, Temporary, TimeToLive,
};

use super::{Session, absent};
use crate::accounts::Rights;
use crate::catalog::{Entry, Version};
use crate::error::{Error, Result, code};
use crate::information_schema::keys::{KeyColumn, key_columns};
use crate::information_schema::tables::{ENGINE, FORMAT_VERSION, ROW_FORMAT, Sizes, create_options, sizes};
use crate::information_schema::{self, Facts};
use crate::like::matches;
use crate::partitioning::{self, quoted};
use crate::result::{ResultSet, Warning};

type Cells = Vec<Option<String>>;

fn text(s: impl Into<String>) -> Option<String> {
    Some(s.into())
}

fn yes_no(yes: bool) -> Option<String> {
    text(if yes { "YES" } else { "NO" })
}

fn fits(pattern: &Option<String>, name: &str) -> bool {
    pattern.as_deref().is_none_or(|p| matches(p, name))
}

impl Session {
    /// Answers from the version that the statement was bound to.
    pub(super) fn show(&self, show: &Show, version: &Version) -> Result<ResultSet> {
        // What does not concern the account is not there.
        let version = &*version.seen_with(&self.identity.rights);
        match show {
            Show::Databases { pattern } => {
                let all = information_schema::DATABASES.into_iter();
                let all = all.filter(|name| self.identity.rights.sees_database(name));
                databases(all.chain(version.databases()), pattern)
            }
            Show::Tables { database, full, pattern } => tables(version, database, *full, pattern),
            Show::TableStatus { database, pattern } => {
                table_status(version, &self.catalog(version).facts, database, pattern)
            }
            Show::OpenTables { database } => {
                known_database(version, database)?;
                ResultSet::text(&["Database", "Table", "In_use", "Name_locked"], Vec::new())
            }
            Show::Columns { table, full, pattern } => {
                let table = descriptor(version, table)?;
                columns(&table, *full, pattern, (&self.identity.rights, self.zone()))
            }
            Show::CreateView { view: name } | Show::CreateTable { table: name }
                if shown_view(show, version, name).is_some() =>
            {
                let columns = ["View", "Create View", "character_set_client", "collation_connection"];
                let row = shown_view(show, version, name).map(|view| {
                    let cells = [&*view.name, &create_view(&view), "utf8mb4", "utf8mb4_bin"];
                    cells.map(text).to_vec()
                });
                ResultSet::text(&columns, row.into_iter().collect())
            }
            Show::CreateSequence { sequence: name }
                if let Some(sequence) = version.sequence(&name.database, &name.table) =>
            {
                let row = vec![text(&*sequence.name), text(sequence.to_string())];
                ResultSet::text(&["Sequence", "Create Sequence"], vec![row])
            }
            Show::CreateTable { table }
            | Show::CreateView { view: table }
            | Show::CreateSequence { sequence: table } => {
                let table = descriptor(version, table)?;
                let next = version.entry(&table.database, &table.name).map(|e| e.counters.ids.next_block());
                let row =
                    vec![text(&*table.name), text(create_table(&table, next.unwrap_or(1), self.zone()))];
                ResultSet::text(&["Table", "Create Table"], vec![row])
            }
            Show::CreateDatabase { name, if_not_exists } => {
                let own = version.collation(name);
                let collate = if own.is_default() { String::new() } else { format!("COLLATE {own} ") };
                let unless = if *if_not_exists { "/*!32312 IF NOT EXISTS*/ " } else { "" };
                let sql = format!(
                    "CREATE DATABASE {unless}`{name}` /*!40100 DEFAULT CHARACTER SET {} {collate}*/{}",
                    own.charset().name(),
                    partitioning::placed(version.policies().of_database(name).map(|policy| &**policy))
                );
                ResultSet::text(&["Database", "Create Database"], vec![vec![text(&**name), text(sql)]])
            }
            Show::Index { table } if information_schema::is_it(&table.database) => indexes(None),
            Show::Index { table } if version.view(&table.database, &table.table).is_some() => indexes(None),
            Show::Index { table } => indexes(Some(entry(version, table)?)),
            Show::Variables { global, pattern } => {
                let values = if *global { &*self.variables.global } else { self.variables.session() };
                let rows = values.list(pattern.as_deref()).into_iter();
                let rows = rows.map(|(name, value)| vec![text(name), text(value)]).collect();
                ResultSet::text(&["Variable_name", "Value"], rows)
            }
            Show::Simulation => self.show_simulation(),
            Show::Bindings { global, pattern } => self.show_bindings(*global, pattern.as_deref(), version),
            Show::Account(shown) => self.show_account(shown, version),
            Show::NextRowId { table } => next_row_id(entry(version, table)?),
            Show::Regions(spaces) => self.show_regions(spaces, version),
            Show::Status { global, pattern } => self.status(*global, pattern, version),
            Show::Warnings(shown) => warnings(self.warnings().iter(), *shown),
            Show::Errors(shown) => warnings(self.warnings().iter().filter(|w| w.level == "Error"), *shown),
            Show::Counted { errors } => {
                let (name, count) = match errors {
                    true => ("@@session.error_count", self.diagnostics().errors),
                    false => ("@@session.warning_count", self.diagnostics().total),
                };
                Ok(ResultSet::text(&[name], vec![vec![text(count.to_string())]])?.keeping_warnings())
            }
            Show::ProcessList { full } => {
                /// Characters of a statement that SHOW PROCESSLIST shows unless it is FULL.
                const INFO: usize = 100;
                let columns = ["Id", "User", "Host", "db", "Command", "Time", "State", "Info"];
                let cell = |value: Datum| match value {
                    Datum::Null => None,
                    value if *full => Some(value.to_string()),
                    value => Some(value.to_string().chars().take(INFO).collect()),
                };
                let rows = information_schema::processlist::cells(&self.catalog(version).facts);
                let rows = rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
                ResultSet::text(&columns, rows)
            }
            Show::Engines => {
                let columns = ["Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"];
                ResultSet::text(&columns, vec![information_schema::settings::ENGINE.map(text).to_vec()])
            }
            Show::Absent(what) => ResultSet::text(absent::columns(*what), Vec::new()),
            Show::Listing(listing) => self.listing(listing, version),
            Show::Charset { pattern } => {
                let columns = ["Charset", "Description", "Default collation", "Maxlen"];
                let rows = Charset::ALL.into_iter().filter(|set| fits(pattern, set.name())).map(|set| {
                    let own = set.collation().name();
                    vec![
                        text(set.name()),
                        text(set.description()),
                        text(own),
                        text(set.bytes_max().to_string()),
                    ]
                });
                ResultSet::text(&columns, rows.collect())
            }
            Show::Collation { pattern } => {
                let columns =
                    ["Collation", "Charset", "Id", "Default", "Compiled", "Sortlen", "Pad_attribute"];
                let rows = Collation::ALL
                    .into_iter()
                    .filter(|own| !own.is_of_dumps())
                    .filter(|own| fits(pattern, own.name()))
                    .map(|own| {
                        let default = if own.is_default() { "Yes" } else { "" };
                        let (id, length) = (own.id().to_string(), own.sort_length().to_string());
                        let pad = if own.counts_blanks() { "NO PAD" } else { "PAD SPACE" };
                        [own.name(), own.charset().name(), &id, default, "Yes", &length, pad]
                            .map(text)
                            .to_vec()
                    });
                ResultSet::text(&columns, rows.collect())
            }
        }
    }

    fn status(&self, global: bool, pattern: &Option<String>, version: &Version) -> Result<ResultSet> {
        let all = information_schema::status::list(&self.catalog(version).facts, global);
        let rows = all.into_iter().filter(|(name, _)| fits(pattern, name));
        ResultSet::text(&["Variable_name", "Value"], rows.map(|(n, v)| vec![text(n), text(v)]).collect())
    }
}

/// The view that SHOW CREATE shows, if it is one; SHOW CREATE VIEW also shows one that is hidden.
fn shown_view(show: &Show, version: &Version, name: &TableName) -> Option<Arc<View>> {
    match show {
        Show::CreateView { .. } => version.lasting_view(&name.database, &name.table),
        _ => version.view(&name.database, &name.table),
    }
}

fn entry<'v>(version: &'v Version, name: &TableName) -> Result<&'v Entry> {
    version.entry(&name.database, &name.table).ok_or_else(|| {
        let message = format!("table '{}.{}' doesn't exist", name.database, name.table);
        Error::new(code::NO_SUCH_TABLE, message)
    })
}

/// A table of the version or one in memory, or a view.
fn descriptor(version: &Version, name: &TableName) -> Result<Arc<TableDescriptor>> {
    if let Some(view) = version.view(&name.database, &name.table) {
        return Ok(Arc::new(information_schema::of_view(&view)));
    }
    match information_schema::descriptor(&name.database, &name.table) {
        Some(table) => Ok(Arc::new(table)),
        None => entry(version, name).map(|entry| Arc::clone(&entry.descriptor)),
    }
}

fn databases<'a>(all: impl Iterator<Item = &'a str>, pattern: &Option<String>) -> Result<ResultSet> {
    let mut names: Vec<&str> = all.filter(|name| fits(pattern, name)).collect();
    names.sort_by_cached_key(|name| name.to_lowercase());
    ResultSet::text(&[&header("Database", pattern)], names.into_iter().map(|name| vec![text(name)]).collect())
}

/// The name of a column of names, which says what they are like.
fn header(name: &str, pattern: &Option<String>) -> String {
    match pattern {
        Some(pattern) => format!("{name} ({pattern})"),
        None => name.to_owned(),
    }
}

fn known_database(version: &Version, database: &str) -> Result<()> {
    if version.has_database_named(database) || information_schema::is_it(database) {
        Ok(())
    } else {
        Err(Error::new(code::UNKNOWN_DATABASE, format!("unknown database '{database}'")))
    }
}

fn tables(version: &Version, database: &str, full: bool, pattern: &Option<String>) -> Result<ResultSet> {
    known_database(version, database)?;
    let header = header(&format!("Tables_in_{database}"), pattern);
    let mut names: Vec<(&str, &str)> = match information_schema::is_it(database) {
        true => {
            let kind = information_schema::kind(database);
            information_schema::names(database).map(|name| (name, kind)).collect()
        }
        false => version.tables(database).map(|t| (&*t.name, "BASE TABLE")).collect(),
    };
    names.extend(version.views(database).map(|view| (&*view.name, "VIEW")));
    names.extend(version.sequences(database).map(|entry| (&*entry.definition.name, "SEQUENCE")));
    names.sort_by_cached_key(|(name, _)| name.to_lowercase());
    let names = names.into_iter().filter(|(name, _)| fits(pattern, name));
    if full {
        let rows = names.map(|(name, kind)| vec![text(name), text(kind)]).collect();
        return ResultSet::text(&[&header, "Table_type"], rows);
    }
    ResultSet::text(&[&header], names.map(|(name, _)| vec![text(name)]).collect())
}

fn table_status(
    version: &Version,
    facts: &Facts,
    database: &str,
    pattern: &Option<String>,
) -> Result<ResultSet> {
    known_database(version, database)?;
    let tables = version.entries(database).filter(|entry| fits(pattern, &entry.descriptor.name));
    let columns = [
        "Name",
        "Engine",
        "Version",
        "Row_format",
        "Rows",
        "Avg_row_length",
        "Data_length",
        "Max_data_length",
        "Index_length",
        "Data_free",
        "Auto_increment",
        "Create_time",
        "Update_time",
        "Check_time",
        "Collation",
        "Checksum",
        "Create_options",
        "Comment",
    ];
    // What is not known is NULL.
    let rows = tables.map(|entry| {
        let table = &entry.descriptor;
        let auto = table.columns.iter().any(|c| c.auto_increment);
        let mut row = vec![None; columns.len()];
        row[0] = text(&*table.name);
        (row[1], row[2], row[3]) = (text(ENGINE), text(FORMAT_VERSION.to_string()), text(ROW_FORMAT));
        let Sizes { average, data, indexes } = sizes(entry, entry.live_rows());
        let sizes = [entry.live_rows(), average, data, 0, indexes, 0];
        row[4..10].clone_from_slice(&sizes.map(|n| text(n.to_string())));
        row[11] = text(facts.moment_of(entry.since).to_string());
        row[10] = auto.then(|| entry.counters.ids.peek().to_string());
        row[14] = text(table.collation.name());
        row[16] = text(create_options(table));
        row[17] = text(&*table.comment);
        row
    });
    let views = version.views(database).filter(|view| fits(pattern, &view.name)).map(|view| {
        let mut row = vec![None; columns.len()];
        (row[0], row[17]) = (text(&*view.name), text("VIEW"));
        row
    });
    ResultSet::text(&columns, rows.chain(views).collect())
}

/// The numbers that come next, in TiDB's words: those of the hidden row ids are those of an AUTO_INCREMENT column as well, unless
/// AUTO_ID_CACHE is 1.
fn next_row_id(entry: &Entry) -> Result<ResultSet> {
    let (table, counters) = (&entry.descriptor, &entry.counters);
    let numbered = table.columns.iter().find(|column| column.auto_increment).map(|column| &*column.name);
    let is_handle = table.clustered && table.key.len() == 1;
    let name = if is_handle { numbered.unwrap_or_default() } else { ROW_ID_NAME };
    let is_random = table.numbering.random.is_some();
    let apart = table.numbering.cache == Some(1);
    let mut rows = Vec::new();
    let mut row = |column: &str, next: u64, kind: &str| {
        let place = [&*table.database, &*table.name, column].map(text);
        rows.push(place.into_iter().chain([text(next.to_string()), text(kind)]).collect::<Cells>());
    };
    if !table.clustered || numbered.is_some() && !is_random {
        row(name, counters.rows().next_block(), "_TIDB_ROWID");
    }
    if numbered.is_some() && !is_random {
        row(name, if apart { counters.ids.next_block() } else { 1 }, "AUTO_INCREMENT");
    }
    if is_random {
        row(numbered.unwrap_or_default(), counters.ids.next_block(), "AUTO_RANDOM");
    }
    ResultSet::text(&["DB_NAME", "TABLE_NAME", "COLUMN_NAME", "NEXT_GLOBAL_ROW_ID", "ID_TYPE"], rows)
}

fn columns(
    table: &TableDescriptor,
    full: bool,
    pattern: &Option<String>,
    (rights, zone): (&Rights, Zone),
) -> Result<ResultSet> {
    let seen = |o: &usize| {
        let name = &table.columns[*o].name;
        fits(pattern, name) && rights.sees_column(&table.database, &table.name, name)
    };
    let rows = table.visible_columns().filter(seen).map(|ordinal| {
        let column = &table.columns[ordinal];
        let mut row: Cells = vec![text(&*column.name), text(column.type_in_sql())];
        if full {
            let has = column.ty.sql.is_string() || column.ty.sql.is_choice();
            row.push(has.then(|| column.ty.sql.collation().to_string()));
        }
        row.extend([
            yes_no(column.ty.nullable),
            text(key_of(table, ordinal)),
            column.default.as_ref().filter(|d| !d.is_null()).map(|d| default_text(d, &column.ty.sql, zone)),
            text(extra_of(table, ordinal)),
        ]);
        if full {
            row.extend([text("select,insert,update,references"), text(&*column.comment)]);
        }
        row
    });
    let rows = rows.collect();
    if full {
        let columns =
            ["Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"];
        return ResultSet::text(&columns, rows);
    }
    ResultSet::text(&["Field", "Type", "Null", "Key", "Default", "Extra"], rows)
}

/// What SHOW CREATE TABLE says of a column's character set and collation: what its table does not say, and a collation that
/// the set alone does not stand for.
fn collation_of(ty: &SqlType, table: Collation) -> String {
    if !ty.is_string() && !ty.is_choice() {
        return String::new();
    }
    let (mut said, own) = (String::new(), ty.collation());
    if own.charset() != table.charset() {
        let _ = write!(said, " CHARACTER SET {}", own.charset().name());
    }
    if own != table || !own.is_default() {
        let _ = write!(said, " COLLATE {own}");
    }
    said
}

/// What DESCRIBE says of a column under Extra.
pub(crate) fn extra_of(table: &TableDescriptor, ordinal: usize) -> String {
    let column = &table.columns[ordinal];
    match &column.generated {
        Some(Generated { kind: GeneratedKind::Stored, .. }) => "STORED GENERATED".into(),
        Some(_) => "VIRTUAL GENERATED".into(),
        None if column.auto_increment && table.numbering.random.is_none() => "auto_increment".into(),
        None => {
            let computed = matches!(column.default, Some(ColumnDefault::Now | ColumnDefault::Expr(_)));
            let on_update = format!("on update CURRENT_TIMESTAMP{}", digits(&column.ty.sql));
            let parts =
                [computed.then_some("DEFAULT_GENERATED"), column.on_update_now.then_some(&*on_update)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
    }
}

/// `PRI`, `UNI`, `MUL` or nothing.
pub(crate) fn key_of(table: &TableDescriptor, ordinal: usize) -> &'static str {
    let of = |part: &usize| match table.key_part(*part) {
        KeyPart::Column(of) | KeyPart::Prefix(of, _) | KeyPart::SortKey(of, _) => of == ordinal,
        KeyPart::Expression(_) => false,
    };
    let primary = table.indexes.iter().find(|i| &*i.name == "PRIMARY");
    let in_primary = primary.is_some_and(|i| i.columns.iter().any(of));
    if in_primary || table.clustered && table.key.contains(&ordinal) {
        return "PRI";
    }
    let leads = |i: &&allod_storage::schema::IndexDescriptor| i.columns.first().is_some_and(of);
    let whole = |i: &allod_storage::schema::IndexDescriptor| match i.columns.as_slice() {
        [part] => matches!(table.key_part(*part), KeyPart::Column(_) | KeyPart::SortKey(_, None)),
        _ => false,
    };
    match table.indexes.iter().filter(leads).map(|i| i.unique && whole(i)).max() {
        Some(true) => "UNI",
        Some(false) => "MUL",
        None => "",
    }
}

/// Rows of SHOW INDEX; a table in memory (`None`) has none.
fn indexes(entry: Option<&Entry>) -> Result<ResultSet> {
    let row = |table: &TableDescriptor, of: KeyColumn<'_>| {
        vec![
            text(&*table.name),
            text(if of.unique { "0" } else { "1" }),
            text(of.key),
            text(of.position.to_string()),
            of.column.map(str::to_owned),
            text("A"),
            text(of.distinct.to_string()),
            of.length.map(|n| n.to_string()),
            None,
            text(if of.nullable { "YES" } else { "" }),
            text("BTREE"),
            text(""),
            text(&*of.options.comment),
            yes_no(!of.options.invisible),
            of.expression.map(str::to_owned),
            yes_no(of.clustered),
            yes_no(of.options.global),
        ]
    };
    let of = |entry| key_columns(entry).map(move |column| row(&entry.descriptor, column));
    let rows = entry.into_iter().flat_map(of).collect();
    let columns = [
        "Table",
        "Non_unique",
        "Key_name",
        "Seq_in_index",
        "Column_name",
        "Collation",
        "Cardinality",
        "Sub_part",
        "Packed",
        "Null",
        "Index_type",
        "Comment",
        "Index_comment",
        "Visible",
        "Expression",
        "Clustered",
        "Global",
    ];
    ResultSet::text(&columns, rows)
}

fn warnings<'a>(list: impl Iterator<Item = &'a Warning>, shown: Shown) -> Result<ResultSet> {
    let places = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let list = list.skip(places(shown.skip)).take(shown.take.map_or(usize::MAX, places));
    let rows = list.map(|w| vec![text(w.level), text(w.code.to_string()), text(&*w.message)]);
    Ok(ResultSet::text(&["Level", "Code", "Message"], rows.collect())?.keeping_warnings())
}

/// A default as it is shown: members by name, bits as the literal that they were written as, a moment as clocks of this zone
/// show it.
pub(crate) fn default_text(default: &ColumnDefault, ty: &SqlType, zone: Zone) -> String {
    match (default, ty) {
        (ColumnDefault::Value(Datum::DateTime(us)), SqlType::Timestamp(_)) => {
            Datum::DateTime(zone.local(*us)).to_string()
        }
        (ColumnDefault::Value(Datum::UInt(bits)), SqlType::Bit(_)) => format!("b'{bits:b}'"),
        (ColumnDefault::Value(value), _) => printed(value, ty).as_ref().unwrap_or(value).to_string(),
        (ColumnDefault::Now, ty) => format!("CURRENT_TIMESTAMP{}", digits(ty)),
        (ColumnDefault::Expr(text), _) => text.to_string(),
    }
}

/// The precision behind CURRENT_TIMESTAMP for a column of this type.
fn digits(ty: &SqlType) -> String {
    match ty {
        SqlType::DateTime(fsp @ 1..) | SqlType::Timestamp(fsp @ 1..) => format!("({fsp})"),
        _ => String::new(),
    }
}

/// The statement that makes a view like this one.
fn create_view(view: &View) -> String {
    let ViewOptions { algorithm, definer, security, check } = &view.options;
    let definer = definer.as_deref().unwrap_or_default();
    let (user, host) = definer.rsplit_once('@').unwrap_or((definer, "%"));
    let columns: Vec<String> = view.columns.iter().map(|(name, _)| quoted(name)).collect();
    let mut sql = format!(
        "CREATE ALGORITHM={algorithm} DEFINER={}@{} SQL SECURITY {security} VIEW {} ({}) AS {}",
        quoted(user),
        quoted(host),
        quoted(&view.name),
        columns.join(", "),
        view.query.text
    );
    if let Some(check) = check {
        let _ = write!(sql, " WITH {check} CHECK OPTION");
    }
    sql
}

/// The statement that makes a table like this one in a session of this zone, whose next block of numbers begins with `next`.
pub(crate) fn create_table(table: &TableDescriptor, next: u64, zone: Zone) -> String {
    let part = |&ordinal: &usize| match table.key_part(ordinal) {
        KeyPart::Column(of) | KeyPart::SortKey(of, None) => quoted(&table.columns[of].name),
        KeyPart::Prefix(of, length) | KeyPart::SortKey(of, Some(length)) => {
            format!("{}({length})", quoted(&table.columns[of].name))
        }
        KeyPart::Expression(expr) => format!("({expr})"),
    };
    let list = |columns: &[usize]| columns.iter().map(part).collect::<Vec<_>>().join(",");
    let mut lines: Vec<String> = table
        .visible_columns()
        .map(|ordinal| {
            let column = &table.columns[ordinal];
            let mut line = format!("  {} {}", quoted(&column.name), column.type_in_sql());
            line += &collation_of(&column.ty.sql, table.collation);
            if let Some(Generated { expr, kind }) = &column.generated {
                let kind = if *kind == GeneratedKind::Stored { "STORED" } else { "VIRTUAL" };
                let _ = write!(line, " GENERATED ALWAYS AS ({expr}) {kind}");
            }
            if !column.ty.nullable {
                line += " NOT NULL";
            }
            match &column.default {
                _ if column.generated.is_some() => {}
                Some(ColumnDefault::Value(Datum::Null)) => line += " DEFAULT NULL",
                Some(now @ ColumnDefault::Now) => {
                    let _ = write!(line, " DEFAULT {}", default_text(now, &column.ty.sql, zone));
                }
                Some(ColumnDefault::Expr(text)) => {
                    let _ = write!(line, " DEFAULT ({text})");
                }
                Some(value) if matches!(column.ty.sql, SqlType::Bit(_)) => {
                    let _ = write!(line, " DEFAULT {}", default_text(value, &column.ty.sql, zone));
                }
                Some(value) => {
                    let text = default_text(value, &column.ty.sql, zone);
                    let text = text.replace('\\', "\\\\").replace('\'', "''");
                    let _ = write!(line, " DEFAULT '{text}'");
                }
                None if column.ty.nullable => line += " DEFAULT NULL",
                None => {}
            }
            if column.on_update_now {
                let _ = write!(line, " ON UPDATE CURRENT_TIMESTAMP{}", digits(&column.ty.sql));
            }
            match table.numbering.random {
                _ if !column.auto_increment => {}
                Some(random) => line += &random_clause(random),
                None => line += " AUTO_INCREMENT",
            }
            line + &comment_clause(" ", &column.comment)
        })
        .collect();
    if table.clustered {
        lines.push(format!("  PRIMARY KEY ({}) /*T![clustered_index] CLUSTERED */", list(&table.key)));
    }
    for index in &table.indexes {
        let columns = list(&index.columns);
        let mut line = match (&*index.name, index.unique) {
            ("PRIMARY", _) => format!("  PRIMARY KEY ({columns}) /*T![clustered_index] NONCLUSTERED */"),
            (name, true) => format!("  UNIQUE KEY {} ({columns})", quoted(name)),
            (name, false) => format!("  KEY {} ({columns})", quoted(name)),
        };
        if index.options.invisible {
            line += " /*!80000 INVISIBLE */";
        }
        line += &comment_clause(" ", &index.options.comment);
        if index.options.global {
            line += " /*T![global_index] GLOBAL */";
        }
        lines.push(line);
    }
    for key in &table.constraints.foreign_keys {
        lines.push(format!("  {}", key.clause(table)));
    }
    for CheckConstraint { name, expr, enforced } in &table.constraints.checks {
        let off = if *enforced { "" } else { " /*!80016 NOT ENFORCED */" };
        lines.push(format!("  CONSTRAINT {} CHECK (({expr})){off}", quoted(name)));
    }
    let kind = match table.temporary {
        Some(Temporary::Global) => "GLOBAL TEMPORARY ",
        Some(Temporary::Local) => "TEMPORARY ",
        None => "",
    };
    let mut sql = format!("CREATE {kind}TABLE {} (\n{}\n) ", quoted(&table.name), lines.join(",\n"));
    let charset = table.collation.charset().name();
    let _ = write!(sql, "ENGINE=InnoDB DEFAULT CHARSET={charset}");
    // Bytes have but the one.
    if table.collation.to_string() != charset {
        let _ = write!(sql, " COLLATE={}", table.collation);
    }
    sql += &numbering_options(table, next);
    let TableOptions { cached, ttl, shard_row_id_bits, pre_split_regions, placement } = &table.options;
    let numbers = [("SHARD_ROW_ID_BITS", *shard_row_id_bits), ("PRE_SPLIT_REGIONS", *pre_split_regions)];
    let numbers = numbers.into_iter().filter(|(_, n)| *n > 0 && *shard_row_id_bits > 0);
    let numbers: String = numbers.map(|(name, n)| format!("{name}={n} ")).collect();
    if !numbers.is_empty() {
        let _ = write!(sql, " /*T! {numbers}*/");
    }
    sql += &comment_clause("=", &table.comment);
    sql += &partitioning::placed(placement.as_deref());
    if *cached {
        sql += " /* CACHED ON */";
    }
    if let Some(scheme) = &table.partitioning {
        let _ = write!(sql, "\n{}", partitioning::clause(scheme, table));
    }
    if let Some(TimeToLive { column, amount, unit, enabled, job_interval }) = ttl {
        let enabled = if *enabled { "ON" } else { "OFF" };
        let _ = write!(
            sql,
            " /*T![ttl] TTL={} + INTERVAL {amount} {unit} */ /*T![ttl] TTL_ENABLE='{enabled}' */ \
             /*T![ttl] TTL_JOB_INTERVAL='{job_interval}' */",
            quoted(column)
        );
    }
    if table.temporary == Some(Temporary::Global) {
        sql += " ON COMMIT DELETE ROWS";
    }
    sql
}

/// ` COMMENT 'text'`, if there is any.
fn comment_clause(between: &str, comment: &str) -> String {
    match comment {
        "" => String::new(),
        comment => {
            format!(" COMMENT{between}'{}'", comment.replace('\\', "\\\\").replace('\'', "''"))
        }
    }
}

/// AUTO_RANDOM of a column, in a comment that only TiDB reads.
fn random_clause(AutoRandom { shard_bits, range_bits }: AutoRandom) -> String {
    let range = match range_bits {
        AutoRandom::RANGE_BITS_MAX => String::new(),
        bits => format!(", {bits}"),
    };
    format!(" /*T![auto_rand] AUTO_RANDOM({shard_bits}{range}) */")
}

/// What SHOW CREATE TABLE says of how rows are numbered.
fn numbering_options(table: &TableDescriptor, next: u64) -> String {
    let mut said = String::new();
    let is_numbered = table.columns.iter().any(|column| column.auto_increment);
    if is_numbered && next > 1 && table.numbering.random.is_none() {
        let _ = write!(said, " AUTO_INCREMENT={next}");
    }
    if let Some(cache) = table.numbering.cache {
        let _ = write!(said, " /*T![auto_id_cache] AUTO_ID_CACHE={cache} */");
    }
    if table.numbering.random.is_some() && next > 1 {
        let _ = write!(said, " /*T![auto_rand_base] AUTO_RANDOM_BASE={next} */");
    }
    said
}

#[cfg(test)]
mod tests {
    use crate::Database;

    #[test]
    fn columns_say_which_column_of_which_table_they_are() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, c int)").unwrap();
        let mut origins = |sql: &str| {
            let result = session.execute(sql).unwrap();
            let origin = |c: &crate::Column| {
                c.origin
                    .as_ref()
                    .map(|o| [&o.database, &o.alias, &o.table, &o.column].map(ToString::to_string))
            };
            result
                .columns()
                .iter()
                .map(origin)
                .map(|o| o.map_or("-".into(), |o| o.join(".")))
                .collect::<Vec<_>>()
        };
        assert_eq!(origins("select c as y, c + 1, max(id) from t x group by c"), ["test.x.t.c", "-", "-"]);
        assert_eq!(origins("select * from t where 1 = 0"), ["test.t.t.id", "test.t.t.c"]);
        assert_eq!(origins("with w as (select id as i from t) select i from w v"), ["test.v.t.id"]);
        assert_eq!(origins("select id from t where id = 1 union select 2"), ["-"]);
        assert_eq!(origins("show tables where 1"), ["-"]);
        assert_eq!(
            origins("select table_name from information_schema.tables"),
            ["information_schema.tables.tables.TABLE_NAME"]
        );
    }

    #[test]
    fn statements_are_counted_by_session_and_together() {
        let database = Database::new();
        let (mut session, mut other) = (database.session(), database.session());
        for _ in 0..3 {
            session.run("select 1").unwrap();
        }
        other.run("prepare s from 'select 1'").unwrap();
        other.run("execute s").unwrap();
        let mut asked = |sql: &str| {
            let row = session.execute(sql).unwrap().rows().next().unwrap().unwrap();
            row.get::<String>(1).unwrap().parse::<u64>().unwrap()
        };
        assert_eq!(asked("show status like 'questions'"), 4);
        assert_eq!(asked("show global status like 'questions'"), 7);
        assert_eq!(asked("show status where variable_name = 'Connections'"), 2);
    }
}
