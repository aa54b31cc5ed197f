//! The table that a benchmark prints, line by line as figures come, and the file it leaves.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::Timing;
use crate::error::{Error, Result, code};

/// Prints a line. Who does not read on (`| head`) need not be written to; the figures are taken all the same.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{}", line.trim_end());
}

/// Prints the header.
pub(super) fn header(with_answer: bool) {
    let answer = if with_answer { "answer" } else { "" };
    say(&format!("{:<8} {:>8} {:>12}  {answer}", "query", "rows", "median ms"));
}

/// Prints a query's line.
pub(super) fn line(timing: &Timing, answer: Option<&str>) {
    let (name, rows, ms) = (&timing.name, timing.rows, timing.median_ms());
    say(&format!("{name:<8} {rows:>8} {ms:>12.1}  {}", answer.unwrap_or_default()));
}

/// Prints the line of a query that failed.
pub(super) fn failed(name: &str, error: &Error) {
    say(&format!("{name:<8} {:>8} {:>12}  {error}", "-", "-"));
}

/// Prints the sum of the medians.
pub(super) fn total(timings: &[Timing]) {
    let sum: f64 = timings.iter().map(Timing::median_ms).sum();
    say(&format!("{:<8} {:>8} {sum:>12.1}", "total", ""));
}

/// Three digits behind the point are microseconds; more would be noise.
fn rounded(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

/// What a file says of one query.
pub(super) fn entry(timing: &Timing, result: Option<&[Vec<String>]>) -> Value {
    let ms: Vec<f64> = timing.ms.iter().map(|&ms| rounded(ms)).collect();
    let mut entry = json!({ "name": timing.name, "rows": timing.rows, "ms": ms });
    if let Some(rows) = result {
        entry["result"] = json!(rows);
    }
    entry
}

/// Writes the file.
pub(super) fn write(path: &Path, sf: Option<f64>, load_ms: f64, queries: Vec<Value>) -> Result<()> {
    let file = json!({ "sf": sf, "load_ms": rounded(load_ms), "queries": queries });
    std::fs::write(path, format!("{file}\n")).map_err(|error| {
        Error::new(code::FILE_NOT_FOUND, format!("can't write file: '{}' ({error})", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_shape_that_its_readers_expect() {
        let timing = Timing { name: "q01".into(), rows: 4, ms: vec![1.23456, 2.0] };
        assert_eq!(entry(&timing, None), json!({"name": "q01", "rows": 4, "ms": [1.235, 2.0]}));
        let with_rows = entry(&timing, Some(&[vec!["1".to_string(), "NULL".to_string()]]));
        assert_eq!(with_rows["result"], json!([["1", "NULL"]]));
    }
}
