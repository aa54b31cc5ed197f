//! Tab and comma separated values.

use std::io::{self, Write};

use arrow::record_batch::RecordBatch;

use super::text::push_escaped;
use super::{Header, Writer, row_texts};

/// What separates the two formats.
enum Style {
    /// As `mysql --batch`: control characters escaped by a backslash, NULL as `NULL`.
    Tsv,
    /// RFC 4180: quotes where needed; NULL is nothing, an empty string is `""`.
    Csv,
}

pub(super) struct Delimited<'a> {
    headers: Vec<Header>,
    out: &'a mut dyn Write,
    style: Style,
    begun: bool,
}

impl<'a> Delimited<'a> {
    pub fn tsv(headers: Vec<Header>, out: &'a mut dyn Write) -> Delimited<'a> {
        Delimited { headers, out, style: Style::Tsv, begun: false }
    }

    pub fn csv(headers: Vec<Header>, out: &'a mut dyn Write) -> Delimited<'a> {
        Delimited { headers, out, style: Style::Csv, begun: false }
    }

    fn line(&mut self, cells: impl Iterator<Item = Option<String>>) -> io::Result<()> {
        let mut line = String::new();
        for (i, cell) in cells.enumerate() {
            match self.style {
                Style::Tsv => {
                    if i > 0 {
                        line.push('\t');
                    }
                    push_escaped(&mut line, cell.as_deref().unwrap_or("NULL"));
                }
                Style::Csv => {
                    if i > 0 {
                        line.push(',');
                    }
                    match cell {
                        None => {}
                        Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                            line.push('"');
                            line.push_str(&text.replace('"', "\"\""));
                            line.push('"');
                        }
                        Some(text) => line.push_str(&text),
                    }
                }
            }
        }
        line.push('\n');
        self.out.write_all(line.as_bytes())
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            let names: Vec<Option<String>> = self.headers.iter().map(|h| Some(h.name.clone())).collect();
            self.line(names.into_iter())?;
        }
        Ok(())
    }
}

impl Writer for Delimited<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.begin()?;
        for row in 0..batch.num_rows() {
            let cells = row_texts(&self.headers, batch, row);
            self.line(cells.into_iter())?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.begin()
    }
}
