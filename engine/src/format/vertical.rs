//! One line for each column, as `\G` prints.

use std::io::{self, Write};

use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::{Header, Writer, row_texts};

pub(super) struct Vertical<'a> {
    headers: Vec<Header>,
    out: &'a mut dyn Write,
    name_width: usize,
    rows: u64,
}

impl<'a> Vertical<'a> {
    pub fn new(headers: Vec<Header>, out: &'a mut dyn Write) -> Vertical<'a> {
        let name_width = headers.iter().map(|h| h.name.width()).max().unwrap_or(0);
        Vertical { headers, out, name_width, rows: 0 }
    }
}

impl Writer for Vertical<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.rows += 1;
            let stars = "*".repeat(27);
            writeln!(self.out, "{stars} {}. row {stars}", self.rows)?;
            for (header, cell) in self.headers.iter().zip(row_texts(&self.headers, batch, row)) {
                let padding = " ".repeat(self.name_width - header.name.width());
                writeln!(self.out, "{padding}{}: {}", header.name, cell.as_deref().unwrap_or("NULL"))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
