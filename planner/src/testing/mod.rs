//! What tests of the planner need: a catalog without an engine, and plans as text.

mod render;
pub(crate) mod tpch;

use std::sync::Arc;

use allod_storage::schema::{
    ColumnDef, ColumnType, IndexDescriptor, IndexId, PartitionDescriptor, ROW_ID_NAME, SpaceId, SqlType,
    TableDescriptor, TableId,
};

use crate::bind::{Bound, BoundQuery, Ddl, PartitionLabel, PlanContext, bind};
use crate::catalog::{Catalog, Table};
use crate::error::Error;
use crate::parse::parse;
use crate::stats::TableStats;

pub(crate) use render::{expr_text, plan_text};

/// The database of every table of a [`FakeCatalog`].
pub(crate) const DATABASE: &str = "test";

/// Tables made from CREATE TABLE and CREATE INDEX, with statistics by hand.
#[derive(Default)]
pub(crate) struct FakeCatalog {
    tables: Vec<Table>,
    next_space: u64,
}

impl FakeCatalog {
    /// A catalog after these statements.
    pub fn new(ddl: &str) -> FakeCatalog {
        let mut catalog = FakeCatalog::default();
        for parsed in parse(ddl).expect("the schema parses") {
            let bound = bind(&parsed, &PlanContext::new(&catalog, Some(DATABASE))).expect("the schema binds");
            match bound {
                Bound::Ddl(Ddl::CreateTable(create)) => {
                    let mut columns = create.columns;
                    let (mut key, clustered) = (create.key.clone(), !create.key.is_empty());
                    if key.is_empty() {
                        key = vec![columns.len()];
                        let ty = ColumnType::not_null(SqlType::BIGINT);
                        let row_id = ColumnDef::new(ROW_ID_NAME, ty);
                        columns.push(ColumnDef { auto_increment: true, hidden: true, ..row_id });
                    }
                    let names = if create.partitions.is_empty() {
                        vec![PartitionLabel::new("p0")]
                    } else {
                        create.partitions
                    };
                    let descriptor = TableDescriptor {
                        id: TableId(catalog.tables.len() as u64),
                        database: create.name.database,
                        name: create.name.table,
                        columns,
                        key,
                        clustered,
                        indexes: vec![],
                        partitioning: create.partitioning,
                        partitions: names
                            .into_iter()
                            .map(|label| PartitionDescriptor {
                                name: label.name,
                                records: catalog.space(),
                                indexes: vec![],
                                comment: label.comment,
                                placement: None,
                            })
                            .collect(),
                        comment: create.comment,
                        constraints: create.constraints,
                        collation: create.collation,
                        options: Default::default(),
                        temporary: create.temporary,
                        numbering: create.numbering,
                    };
                    catalog.tables.push(Table {
                        descriptor: Arc::new(descriptor),
                        stats: Arc::new(TableStats::pseudo()),
                    });
                    for index in create.indexes {
                        catalog.add_index(catalog.tables.len() - 1, index);
                    }
                }
                Bound::Ddl(Ddl::CreateIndex { table, index, .. }) => {
                    let at = catalog.position(&table.table).expect("the table exists");
                    catalog.add_index(at, index);
                }
                other => panic!("no definition: {other:?}"),
            }
        }
        catalog
    }

    /// Gives a table statistics.
    pub fn set_stats(&mut self, table: &str, stats: TableStats) {
        let at = self.position(table).expect("the table exists");
        self.tables[at].stats = Arc::new(stats);
    }

    fn add_index(&mut self, table: usize, index: crate::bind::IndexSpec) {
        let mut descriptor = (*self.tables[table].descriptor).clone();
        for partition in &mut descriptor.partitions {
            partition.indexes.push(self.space());
        }
        let id = IndexId(descriptor.indexes.len() as u64);
        descriptor.indexes.push(IndexDescriptor {
            id,
            name: index.name,
            unique: index.unique,
            columns: index.columns,
            options: Default::default(),
            state: Default::default(),
        });
        self.tables[table].descriptor = Arc::new(descriptor);
    }

    fn space(&mut self) -> SpaceId {
        self.next_space += 1;
        SpaceId(self.next_space)
    }

    fn position(&self, table: &str) -> Option<usize> {
        self.tables.iter().position(|t| t.descriptor.name.eq_ignore_ascii_case(table))
    }
}

impl Catalog for FakeCatalog {
    fn table(&self, database: &str, table: &str) -> Option<Table> {
        self.position(table).filter(|_| self.has_database(database)).map(|i| self.tables[i].clone())
    }

    fn has_database(&self, database: &str) -> bool {
        database.eq_ignore_ascii_case(DATABASE)
    }
}

/// Binds one statement.
pub(crate) fn bind_one(catalog: &FakeCatalog, sql: &str) -> Result<Bound, Error> {
    let parsed = parse(sql)?;
    match parsed.first() {
        Some(parsed) => bind(parsed, &PlanContext::new(catalog, Some(DATABASE))),
        None => Err(Error::syntax("query was empty", None)),
    }
}

/// Binds one query.
pub(crate) fn bind_query(catalog: &FakeCatalog, sql: &str) -> Result<BoundQuery, Error> {
    match bind_one(catalog, sql)? {
        Bound::Query(query) => Ok(query),
        other => panic!("no query: {other:?}"),
    }
}
