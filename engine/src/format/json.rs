//! JSON, as one array or as an object on each line.
//!
//! Numbers are JSON numbers with all their digits, decimals too; everything else is a string. Two columns of one name
//! give an object with that key twice, as in MySQL's own JSON output.

use std::io::{self, Write};

use arrow::record_batch::RecordBatch;

use super::{Header, Writer, row_texts};

pub(super) struct Json<'a> {
    headers: Vec<Header>,
    /// The names as JSON strings.
    keys: Vec<String>,
    out: &'a mut dyn Write,
    lines: bool,
    rows: u64,
}

impl<'a> Json<'a> {
    pub fn array(headers: Vec<Header>, out: &'a mut dyn Write) -> Json<'a> {
        Json::new(headers, out, false)
    }

    pub fn lines(headers: Vec<Header>, out: &'a mut dyn Write) -> Json<'a> {
        Json::new(headers, out, true)
    }

    fn new(headers: Vec<Header>, out: &'a mut dyn Write, lines: bool) -> Json<'a> {
        let keys = headers.iter().map(|h| quoted(&h.name)).collect();
        Json { headers, keys, out, lines, rows: 0 }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Writer for Json<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let before = match (self.lines, self.rows) {
                (true, _) => "",
                (false, 0) => "[\n ",
                (false, _) => ",\n ",
            };
            let mut line = format!("{before}{{");
            for (i, cell) in row_texts(&self.headers, batch, row).into_iter().enumerate() {
                let value = match cell {
                    None => "null".to_string(),
                    Some(number) if self.headers[i].ty.sql.is_numeric() => number,
                    Some(text) => quoted(&text),
                };
                line.extend([if i > 0 { ", " } else { "" }, &self.keys[i], ": ", &value]);
            }
            line.push('}');
            if self.lines {
                line.push('\n');
            }
            self.out.write_all(line.as_bytes())?;
            self.rows += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        match (self.lines, self.rows) {
            (true, _) => Ok(()),
            (false, 0) => writeln!(self.out, "[]"),
            (false, _) => writeln!(self.out, "\n]"),
        }
    }
}
