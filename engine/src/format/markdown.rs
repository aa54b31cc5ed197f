//! A table for a README.

use std::io::{self, Write};

use arrow::record_batch::RecordBatch;

use super::{Header, Writer, row_texts};

pub(super) struct Markdown<'a> {
    headers: Vec<Header>,
    out: &'a mut dyn Write,
    begun: bool,
}

impl<'a> Markdown<'a> {
    pub fn new(headers: Vec<Header>, out: &'a mut dyn Write) -> Markdown<'a> {
        Markdown { headers, out, begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            let names: Vec<String> = self.headers.iter().map(|h| escape(&h.name)).collect();
            let marks: Vec<&str> =
                self.headers.iter().map(|h| if h.ty.sql.is_numeric() { "---:" } else { "---" }).collect();
            writeln!(self.out, "| {} |\n| {} |", names.join(" | "), marks.join(" | "))?;
        }
        Ok(())
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], "<br>")
}

impl Writer for Markdown<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.begin()?;
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = row_texts(&self.headers, batch, row)
                .into_iter()
                .map(|cell| cell.map_or_else(|| "NULL".to_string(), |text| escape(&text)))
                .collect();
            writeln!(self.out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }

    /// An empty line, without which the next table's header would be one more row of this one.
    fn finish(&mut self) -> io::Result<()> {
        self.begin()?;
        writeln!(self.out)
    }
}
