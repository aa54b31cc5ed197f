//! Results as text: what the REPL, `-e`, `-f` and pipes print.
//!
//! Every format is a [`Writer`] that takes a header and then batches as they come, so a result of any size is printed
//! without being held. Only `table` looks ahead: its column widths come from the first rows, and a later cell that is wider
//! pushes its line out rather than the whole table back into memory.
//!
//! | format | looks like |
//! |---|---|
//! | `table` | the boxes of the mysql client |
//! | `vertical` | one line for each column, as `\G` prints |
//! | `tsv` | tab separated, NULL as `NULL`, as `mysql --batch` prints |
//! | `csv` | RFC 4180, NULL as nothing |
//! | `json` | an array of objects |
//! | `ndjson` | an object on each line |
//! | `markdown` | a table for a README |

mod delimited;
mod json;
mod markdown;
mod table;
mod text;
mod vertical;

use std::io::{self, Write};

use allod_planner::column::Origin;
use allod_storage::schema::ColumnType;
use arrow::record_batch::RecordBatch;

pub use text::cell_text;
pub(crate) use text::{double_text, float_text, json_text};

/// Name and type of a result column.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// As the query names it.
    pub name: String,
    /// Its MySQL type.
    pub ty: ColumnType,
    /// The column of a table that it is, if it is one.
    pub origin: Option<Origin>,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Boxes, as the mysql client draws them.
    Table,
    /// One line for each column.
    Vertical,
    /// Tab separated values.
    Tsv,
    /// Comma separated values.
    Csv,
    /// One JSON array.
    Json,
    /// A JSON object on each line.
    Ndjson,
    /// A Markdown table.
    Markdown,
}

impl Format {
    /// A writer that prints a result with these columns to `out`.
    pub fn writer<'a>(self, headers: Vec<Header>, out: &'a mut dyn Write) -> Box<dyn Writer + 'a> {
        match self {
            Format::Table => Box::new(table::Table::new(headers, out)),
            Format::Vertical => Box::new(vertical::Vertical::new(headers, out)),
            Format::Tsv => Box::new(delimited::Delimited::tsv(headers, out)),
            Format::Csv => Box::new(delimited::Delimited::csv(headers, out)),
            Format::Json => Box::new(json::Json::array(headers, out)),
            Format::Ndjson => Box::new(json::Json::lines(headers, out)),
            Format::Markdown => Box::new(markdown::Markdown::new(headers, out)),
        }
    }
}

/// Prints one result.
pub trait Writer {
    /// Prints (or holds back) a batch that has the columns of the header.
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()>;
    /// Prints what was held back, and the end.
    fn finish(&mut self) -> io::Result<()>;
}

/// The cells of one row as text; `None` = NULL.
fn row_texts(headers: &[Header], batch: &RecordBatch, row: usize) -> Vec<Option<String>> {
    headers.iter().zip(batch.columns()).map(|(h, column)| cell_text(column, &h.ty.sql, row)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allod_storage::schema::SqlType;
    use arrow::array::{ArrayRef, Decimal64Array, Int64Array, StringViewArray};

    use super::*;

    /// Three rows with a NULL, wide characters, and everything that some format must escape.
    fn sample() -> (Vec<Header>, RecordBatch) {
        let ty = |sql| ColumnType::nullable(sql);
        let headers = vec![
            Header { name: "id".into(), ty: ty(SqlType::BIGINT), origin: None },
            Header { name: "s".into(), ty: ty(SqlType::varchar(20)), origin: None },
            Header { name: "d".into(), ty: ty(SqlType::Decimal { precision: 5, scale: 2 }), origin: None },
        ];
        let decimals =
            Decimal64Array::from(vec![Some(-5), None, Some(12345)]).with_precision_and_scale(18, 2).unwrap();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![1, 22, 333])),
            Arc::new(StringViewArray::from(vec![Some("a\t\"b\",|"), None, Some("日本\nx")])),
            Arc::new(decimals),
        ];
        let batch = RecordBatch::try_from_iter(["id", "s", "d"].into_iter().zip(columns)).unwrap();
        (headers, batch)
    }

    fn print(format: Format) -> String {
        let (headers, batch) = sample();
        let mut out = Vec::new();
        let mut writer = format.writer(headers, &mut out);
        writer.batch(&batch.slice(0, 1)).unwrap();
        writer.batch(&batch.slice(1, 2)).unwrap();
        writer.finish().unwrap();
        drop(writer);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table_aligns_by_display_width() {
        let expected = "\
+-----+----------+--------+
| id  | s        | d      |
+-----+----------+--------+
|   1 | a\\t\"b\",| |  -0.05 |
|  22 | NULL     |   NULL |
| 333 | 日本\\nx  | 123.45 |
+-----+----------+--------+
";
        assert_eq!(print(Format::Table), expected);
    }

    #[test]
    fn vertical_is_the_mysql_clients() {
        let text = print(Format::Vertical);
        assert!(
            text.starts_with(
                "*************************** 1. row ***************************\nid: 1\n s: a\t"
            ),
            "{text}"
        );
        assert!(text.contains(" s: NULL\n"));
    }

    #[test]
    fn delimited_formats_escape_what_they_must() {
        assert_eq!(
            print(Format::Tsv),
            "id\ts\td\n1\ta\\t\"b\",|\t-0.05\n22\tNULL\tNULL\n333\t日本\\nx\t123.45\n"
        );
        assert_eq!(print(Format::Csv), "id,s,d\n1,\"a\t\"\"b\"\",|\",-0.05\n22,,\n333,\"日本\nx\",123.45\n");
    }

    #[test]
    fn json_is_json() {
        let array: serde_json::Value = serde_json::from_str(&print(Format::Json)).unwrap();
        let wanted = serde_json::json!([
            {"id": 1, "s": "a\t\"b\",|", "d": -0.05}, {"id": 22, "s": null, "d": null}, {"id": 333, "s": "日本\nx", "d": 123.45}
        ]);
        assert_eq!(array, wanted);
        let lines: Vec<serde_json::Value> =
            print(Format::Ndjson).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(serde_json::Value::Array(lines), wanted);
    }

    #[test]
    fn markdown_escapes_bars_and_ends_a_table() {
        let text = print(Format::Markdown);
        assert_eq!(text.lines().nth(1), Some("| ---: | --- | ---: |"));
        assert!(text.contains("\\|"), "{text}");
        assert!(text.lines().count() == 6 && text.ends_with("|\n\n"), "{text}");
    }

    #[test]
    fn an_empty_result_still_has_a_header() {
        let (headers, _) = sample();
        for (format, expected) in [(Format::Tsv, "id\ts\td\n"), (Format::Json, "[]\n"), (Format::Ndjson, "")]
        {
            let mut out = Vec::new();
            format.writer(headers.clone(), &mut out).finish().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
