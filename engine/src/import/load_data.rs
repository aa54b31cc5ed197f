//! LOAD DATA: the rows of a text that comes piece by piece.
//!
//! The table is open to this writer from the first piece on; the rows are parsed a batch at a time and kept as columns, and go
//! to the table together when the text has ended. So it is all or nothing, as every bulk load here, and holds the rows in
//! memory until then.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryViewBuilder, StringViewBuilder};

use allod_planner::bind::LoadData;

use super::lines::{Field, Lines};
use super::load::{Mapping, Target, load as load_rows};
use crate::error::{Error, Result, code};
use crate::session::Session;

/// Rows that are parsed at once.
const BATCH_ROWS: usize = 8192;

/// A load that is under way.
pub(crate) struct Load {
    target: Target,
    mapping: Mapping,
    lines: Lines,
    /// For each field of a line where it goes.
    fields: Vec<Destination>,
    /// Rows before the present batch.
    rows: u64,
    batch: Vec<Vec<Field>>,
    done: Vec<Vec<ArrayRef>>,
}

/// Where a field goes.
#[derive(Clone, Copy)]
enum Destination {
    Text,
    Binary,
    /// To a variable, and so nowhere.
    Nowhere,
}

impl Load {
    /// Enters the table.
    ///
    /// # Errors
    /// If the table or one of its columns is not there, or a transaction is under way.
    pub fn begin(session: &Session, load: &LoadData) -> Result<Load> {
        if session.in_transaction() {
            let message = "this version does not yet support LOAD DATA within a transaction";
            return Err(Error::new(code::NOT_SUPPORTED, message));
        }
        let target = Target::open_in(session, &load.table.database, &load.table.table)?;
        let table = Arc::clone(&target.table);
        let all = || table.visible_columns().map(|c| Some(Arc::clone(&table.columns[c].name))).collect();
        let columns: Vec<Option<Arc<str>>> = load.columns.clone().unwrap_or_else(all);
        let names: Vec<&str> = columns.iter().flatten().map(|name| &**name).collect();
        let mapping = Mapping::by_name(&table, &names)?;
        let fields = columns.iter().map(|name| {
            let column = name.as_ref().and_then(|name| table.column(name)).map(|c| &table.columns[c].ty.sql);
            match column {
                None => Destination::Nowhere,
                Some(ty) if ty.is_binary() => Destination::Binary,
                Some(_) => Destination::Text,
            }
        });
        let fields = fields.collect();
        let lines = Lines::new(load.format.clone());
        Ok(Load { target, mapping, lines, fields, rows: 0, batch: Vec::new(), done: Vec::new() })
    }

    /// Takes the next piece of the text.
    ///
    /// # Errors
    /// If a row has too few fields or too many, or values that its columns cannot have.
    pub fn feed(&mut self, text: &[u8]) -> Result<()> {
        self.take(text, false)
    }

    /// The text has ended: its rows go to the table. Returns how many they are.
    ///
    /// # Errors
    /// As [`Load::feed`]; and 1062 if a key is there already. The table is then as it was.
    pub fn finish(mut self, session: &mut Session) -> Result<u64> {
        self.take(&[], true)?;
        self.parse_batch()?;
        if self.done.is_empty() {
            return Ok(0);
        }
        load_rows(session, self.target, self.done)
    }

    fn take(&mut self, text: &[u8], end: bool) -> Result<()> {
        let mut whole = Vec::new();
        let (width, before) = (self.fields.len(), self.rows + self.batch.len() as u64);
        self.lines.feed(text, end, |row| {
            whole.push(row);
            let number = before + whole.len() as u64;
            match whole.last().map_or(0, Vec::len) {
                n if n < width => {
                    let message = format!("row {number} doesn't contain data for all columns");
                    Err(Error::new(code::TOO_FEW_FIELDS, message))
                }
                n if n > width => {
                    let message = format!(
                        "row {number} was truncated; it contained more data than there were input columns"
                    );
                    Err(Error::new(code::TOO_MANY_FIELDS, message))
                }
                _ => Ok(()),
            }
        })?;
        for row in whole {
            self.batch.push(row);
            if self.batch.len() == BATCH_ROWS {
                self.parse_batch()?;
            }
        }
        Ok(())
    }

    fn parse_batch(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (at, destination) in self.fields.iter().enumerate() {
            let cells = batch.iter().map(|row| row[at].as_deref());
            match destination {
                Destination::Nowhere => {}
                Destination::Binary => {
                    let mut builder = BinaryViewBuilder::with_capacity(batch.len());
                    cells.for_each(|cell| builder.append_option(cell));
                    columns.push(Arc::new(builder.finish()));
                }
                Destination::Text => {
                    let mut builder = StringViewBuilder::with_capacity(batch.len());
                    for (row, cell) in cells.enumerate() {
                        let text = cell.map(str::from_utf8).transpose().map_err(|_| {
                            let message = format!(
                                "invalid utf8mb4 character string in row {}",
                                self.rows + row as u64 + 1
                            );
                            Error::new(code::INVALID_CHARACTER_STRING, message)
                        })?;
                        builder.append_option(text);
                    }
                    columns.push(Arc::new(builder.finish()));
                }
            }
        }
        self.done.push(self.mapping.columns(&self.target, &columns, batch.len())?);
        self.rows += batch.len() as u64;
        Ok(())
    }
}
