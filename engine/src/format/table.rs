//! Boxes, as the mysql client draws them.

use std::io::{self, Write};

use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::text::push_escaped;
use super::{Header, Writer, row_texts};

/// The column widths come from this many rows; no more are held back.
const LOOK_AHEAD_ROWS: usize = 10_000;

pub(super) struct Table<'a> {
    headers: Vec<Header>,
    out: &'a mut dyn Write,
    /// Rows seen before the widths are fixed.
    held: Vec<Vec<String>>,
    /// Empty until they are fixed.
    widths: Vec<usize>,
}

impl<'a> Table<'a> {
    pub fn new(headers: Vec<Header>, out: &'a mut dyn Write) -> Table<'a> {
        Table { headers, out, held: Vec::new(), widths: Vec::new() }
    }

    /// Fixes the widths, prints the header and the rows held back.
    fn begin(&mut self) -> io::Result<()> {
        self.widths = (0..self.headers.len())
            .map(|i| {
                self.held
                    .iter()
                    .map(|row| row[i].width())
                    .max()
                    .unwrap_or(0)
                    .max(self.headers[i].name.width())
            })
            .collect();
        self.rule()?;
        let names: Vec<String> = self.headers.iter().map(|h| h.name.clone()).collect();
        self.line(&names, false)?;
        self.rule()?;
        for row in std::mem::take(&mut self.held) {
            self.line(&row, true)?;
        }
        Ok(())
    }

    fn rule(&mut self) -> io::Result<()> {
        let dashes: Vec<String> = self.widths.iter().map(|w| "-".repeat(w + 2)).collect();
        writeln!(self.out, "+{}+", dashes.join("+"))
    }

    fn line(&mut self, cells: &[String], align_numbers: bool) -> io::Result<()> {
        let mut line = String::from("|");
        for ((cell, width), header) in cells.iter().zip(&self.widths).zip(&self.headers) {
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let (before, after) = if align_numbers && header.ty.sql.is_numeric() {
                (padding.as_str(), "")
            } else {
                ("", padding.as_str())
            };
            line.extend([" ", before, cell, after, " |"]);
        }
        writeln!(self.out, "{line}")
    }
}

impl Writer for Table<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = row_texts(&self.headers, batch, row)
                .into_iter()
                .map(|cell| {
                    let mut text = String::new();
                    push_escaped(&mut text, cell.as_deref().unwrap_or("NULL"));
                    text
                })
                .collect();
            if self.widths.is_empty() {
                self.held.push(cells);
                if self.held.len() == LOOK_AHEAD_ROWS {
                    self.begin()?;
                }
            } else {
                self.line(&cells, true)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.widths.is_empty() {
            if self.held.is_empty() {
                return Ok(());
            }
            self.begin()?;
        }
        self.rule()
    }
}
