//! CSV files: read as texts, then parsed column by column as the table's types ask.

use std::io::{BufReader, Seek};
use std::path::Path;
use std::sync::Arc;

use allod_executor::Cancel;
use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::nullif;
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema};

use super::intake::Intake;
use super::load::{Mapping, Target};
use super::open;
use crate::error::{Error, Result, code};
use crate::session::Session;

/// Rows of a batch that is read at once.
const BATCH_ROWS: usize = 8192;

pub(super) fn load(session: &mut Session, table: &str, path: &Path, cancel: &Cancel) -> Result<u64> {
    let damaged = |error: &dyn std::fmt::Display| {
        Error::new(code::UNKNOWN, format!("'{}' is no readable CSV file: {error}", path.display()))
    };
    let target = Target::open(session, table, cancel)?;
    let mut file = BufReader::new(open(path)?);
    let (header, _) =
        Format::default().with_header(true).infer_schema(&mut file, Some(0)).map_err(|e| damaged(&e))?;
    file.rewind().map_err(|e| damaged(&e))?;
    let names: Vec<&str> = header.fields().iter().map(|f| f.name().as_str()).collect();
    let mapping = Mapping::by_name(&target.table, &names, session.zone())?;
    // An empty cell is NULL where NULL can be, and an empty string elsewhere.
    let nullable: Vec<bool> = names
        .iter()
        .map(|name| {
            let column = target.table.column(name).map(|c| &target.table.columns[c].ty);
            column.is_none_or(|ty| ty.nullable || !ty.sql.is_string())
        })
        .collect();
    let fields = names.iter().map(|name| Field::new(*name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let reader = ReaderBuilder::new(schema).with_header(true).with_batch_size(BATCH_ROWS);
    let reader = reader.build_buffered(file).map_err(|e| damaged(&e))?;
    let empty = StringArray::new_scalar("");
    let table = Arc::clone(&target.table);
    let mut intake = Intake::new(session, &table)?;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(&e))?;
        cancel.check()?;
        let columns = batch.columns().iter().zip(&nullable).map(|(array, nullable)| -> Result<ArrayRef> {
            // The reader takes empty cells for NULL by itself or not, as its version pleases.
            let texts: &StringArray = array.as_string();
            match nullable {
                true => nullif(texts, &eq(texts, &empty).map_err(Error::internal)?).map_err(Error::internal),
                false => Ok(without_nulls(texts)),
            }
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        if batch.num_rows() > 0 {
            intake.add(mapping.columns(&target, &columns, batch.num_rows())?)?;
        }
    }
    intake.finish(session, target, cancel)
}

fn without_nulls(texts: &StringArray) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts.iter().map(Option::unwrap_or_default)))
}
