//! Parquet files.

use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use allod_executor::Cancel;
use allod_planner::bind::{CreateTable, Ddl, TableName};
use allod_storage::schema::{ColumnDef, Constraints};

use super::convert::column_type;
use super::intake::Intake;
use super::load::{Mapping, Target};
use super::open;
use crate::error::{Error, Result, code};
use crate::session::Session;

/// Rows of a batch that is read at once.
const BATCH_ROWS: usize = 8192;

pub(super) fn load(session: &mut Session, table: &str, path: &Path, cancel: &Cancel) -> Result<u64> {
    let damaged = |error: &dyn std::fmt::Display| {
        Error::new(code::UNKNOWN, format!("'{}' is no readable Parquet file: {error}", path.display()))
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?).map_err(|e| damaged(&e))?;
    let schema = Arc::clone(builder.schema());
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    create_if_missing(session, table, &schema)?;
    let target = Target::open(session, table, cancel)?;
    let mapping = Mapping::by_name(&target.table, &names, session.zone())?;
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| damaged(&e))?;
    let table = Arc::clone(&target.table);
    let mut intake = Intake::new(session, &table)?;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(&e))?;
        cancel.check()?;
        if batch.num_rows() > 0 {
            intake.add(mapping.columns(&target, batch.columns(), batch.num_rows())?)?;
        }
    }
    intake.finish(session, target, cancel)
}

/// Makes a table of the file's columns, without a primary key.
fn create_if_missing(session: &mut Session, table: &str, schema: &arrow::datatypes::Schema) -> Result<()> {
    let Some(database) = session.database() else { return Ok(()) };
    if session.owner().catalog().entry(database, table).is_some() {
        return Ok(());
    }
    let columns = schema.fields().iter().map(|field| {
        let ty = column_type(field.data_type(), field.is_nullable()).ok_or_else(|| {
            let message = format!("column '{}' of the file has the type {}", field.name(), field.data_type());
            Error::new(code::NOT_SUPPORTED, message)
        })?;
        Ok(ColumnDef::new(field.name().as_str(), ty))
    });
    let create = CreateTable {
        warnings: Vec::new(),
        name: TableName { database: database.into(), table: table.into() },
        if_not_exists: true,
        columns: columns.collect::<Result<_>>()?,
        key: Vec::new(),
        indexes: Vec::new(),
        partitioning: None,
        partitions: Vec::new(),
        comment: "".into(),
        constraints: Constraints::default(),
        auto_increment: None,
        numbering: Default::default(),
        notes: Vec::new(),
        collation: Default::default(),
        options: Default::default(),
        temporary: None,
    };
    let database = session.owner().clone();
    let mut waiting = session.waiting(&Cancel::new());
    let catalog = &database.shared().catalog;
    let statement = format!("import into `{}`", create.name.table).into();
    catalog.apply(&Ddl::CreateTable(create), &statement, session.client_mut(), &mut waiting).map(drop)
}
