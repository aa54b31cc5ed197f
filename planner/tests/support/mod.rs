//! A catalog made from CREATE TABLE statements, with statistics or without.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allod_planner::bind::{self, CreateTable, Ddl, PartitionLabel};
use allod_planner::catalog::{Catalog, Table};
use allod_planner::physical::{Plan, Query};
use allod_planner::stats::TableStats;
use allod_planner::zone::Zone;
use allod_planner::{Bound, PlanContext, explain, optimize, parse};
use allod_storage::schema::{
    ColumnDef, ColumnType, Datum, IndexDescriptor, IndexId, PartitionDescriptor, ROW_ID_NAME, SpaceId,
    SqlType, TableDescriptor, TableId,
};

/// Tables by name; there is one database, `d`.
#[derive(Default)]
pub struct Tables {
    tables: BTreeMap<String, Table>,
    next_id: u64,
    variables: Variables,
}

/// Variables of a session that differ from their defaults.
#[derive(Default)]
struct Variables(BTreeMap<String, String>);

impl bind::Variables for Variables {
    fn system(&self, name: &str, _global: bool) -> Option<Datum> {
        self.0.get(name).map(|value| Datum::string(value.as_str()))
    }

    fn user(&self, _name: &str) -> Option<(Datum, SqlType)> {
        None
    }
}

impl Catalog for Tables {
    fn table(&self, database: &str, table: &str) -> Option<Table> {
        self.tables.get(&table.to_lowercase()).filter(|_| database == "d").cloned()
    }

    fn has_database(&self, database: &str) -> bool {
        database == "d"
    }
}

impl Tables {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Runs CREATE TABLE and CREATE INDEX statements.
    pub fn create(&mut self, sql: &str) {
        for parsed in parse(sql).expect("the schema parses") {
            let cx = PlanContext::new(self, Some("d"));
            match allod_planner::bind(&parsed, &cx).expect("the schema binds") {
                Bound::Ddl(Ddl::CreateTable(table)) => self.add(table),
                other => panic!("not a CREATE TABLE: {other:?}"),
            }
        }
    }

    fn add(&mut self, table: CreateTable) {
        let mut columns = table.columns;
        let mut key = table.key;
        let clustered = !key.is_empty();
        if !clustered {
            key = vec![columns.len()];
            let ty = ColumnType::not_null(SqlType::BIGINT);
            columns.push(ColumnDef { hidden: true, ..ColumnDef::new(ROW_ID_NAME, ty) });
        }
        let indexes: Vec<IndexDescriptor> = table
            .indexes
            .into_iter()
            .map(|i| IndexDescriptor {
                id: IndexId(self.id()),
                name: i.name,
                unique: i.unique,
                columns: i.columns,
                options: Default::default(),
                state: Default::default(),
            })
            .collect();
        let names =
            if table.partitions.is_empty() { vec![PartitionLabel::new("p0")] } else { table.partitions };
        let partitions = names
            .into_iter()
            .map(|label| PartitionDescriptor {
                name: label.name,
                comment: label.comment,
                placement: None,
                records: SpaceId(self.id()),
                indexes: indexes.iter().map(|_| SpaceId(self.id())).collect(),
            })
            .collect();
        let descriptor = TableDescriptor {
            id: TableId(self.id()),
            database: "d".into(),
            name: table.name.table.clone(),
            columns,
            key,
            clustered,
            indexes,
            partitioning: table.partitioning,
            partitions,
            comment: table.comment,
            constraints: Default::default(),
            collation: table.collation,
            options: Default::default(),
            temporary: table.temporary,
            numbering: Default::default(),
        };
        let stats = Arc::new(TableStats::pseudo());
        self.tables
            .insert(table.name.table.to_lowercase(), Table { descriptor: Arc::new(descriptor), stats });
    }

    /// The descriptor of a table.
    pub fn descriptor(&self, table: &str) -> Arc<TableDescriptor> {
        Arc::clone(&self.tables[table].descriptor)
    }

    /// Gives a table statistics.
    pub fn analyse(&mut self, table: &str, stats: TableStats) {
        if let Some(table) = self.tables.get_mut(table) {
            table.stats = Arc::new(stats);
        }
    }

    /// `set name = 'value'`, for all plans that follow.
    pub fn set(&mut self, statement: &str) {
        let assignment = statement.strip_prefix("set ").and_then(|rest| rest.split_once(" = "));
        let (name, value) = assignment.unwrap_or_else(|| panic!("not a SET: {statement}"));
        self.variables.0.insert(name.to_string(), value.trim_matches('\'').to_string());
    }

    /// The plan of a query.
    pub fn plan(&self, sql: &str) -> Query {
        let mut cx = PlanContext::new(self, Some("d"));
        cx.session.variables = &self.variables;
        let parsed = parse(sql).unwrap_or_else(|e| panic!("{e}\n{sql}"));
        let bound = allod_planner::bind(&parsed[0], &cx).unwrap_or_else(|e| panic!("{e}\n{sql}"));
        let Bound::Query(query) = bound else { panic!("not a query: {sql}") };
        optimize(query, &cx).unwrap_or_else(|e| panic!("{e}\n{sql}"))
    }
}

/// EXPLAIN as text, columns aligned.
pub fn render(query: &Query) -> String {
    let rows = explain(query, true, Zone::UTC);
    let cells: Vec<[String; 5]> = rows
        .into_iter()
        .map(|r| [r.id, r.est_rows, r.task.to_string(), r.access_object, r.operator_info])
        .collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut out = String::new();
    for row in cells {
        let mut line = String::new();
        for (cell, width) in row[..4].iter().zip(&widths) {
            let padding = " ".repeat(width - cell.chars().count() + 2);
            line.push_str(cell);
            line.push_str(&padding);
        }
        line.push_str(&row[4]);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Calls `visit` on every operator of a query.
pub fn walk(query: &Query, visit: &mut impl FnMut(&Plan)) {
    fn down(plan: &Plan, visit: &mut impl FnMut(&Plan)) {
        visit(plan);
        plan.children().into_iter().for_each(|child| down(child, visit));
    }
    down(&query.root, visit);
    query.ctes.iter().for_each(|cte| down(cte, visit));
}

/// The folder of golden files.
pub fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans")
}

/// Compares a text with a file; with UPDATE=1 in the environment writes the file instead.
pub fn golden(file: &Path, actual: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(file, actual).expect("the golden file can be written");
        return;
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    if expected != actual {
        let differs = expected.lines().zip(actual.lines()).position(|(a, b)| a != b);
        let at = differs.unwrap_or(expected.lines().count().min(actual.lines().count())) + 1;
        panic!(
            "{} differs from line {at} on; UPDATE=1 accepts\n--- expected\n{expected}\n--- actual\n{actual}",
            file.display()
        );
    }
}
