//! The table that a benchmark prints, line by line as figures come, and the file it leaves.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{TextRow, Timing};
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
    // From 0.0: what `sum` makes of nothing is -0.0.
    let sum = timings.iter().fold(0.0, |sum, timing| sum + timing.median_ms());
    say(&format!("{:<8} {:>8} {sum:>12.1}", "total", ""));
}

/// Six digits behind the point are nanoseconds; there is no clock for more.
fn rounded(ms: f64) -> f64 {
    (ms * 1e6).round() / 1e6
}

/// What a file says of one query. Written by hand, so that people find its name first.
pub(super) fn entry(timing: &Timing, result: Option<&[TextRow]>) -> String {
    let ms: Vec<f64> = timing.ms.iter().map(|&ms| rounded(ms)).collect();
    let result = result.map_or_else(String::new, |rows| format!(r#","result":{}"#, json!(rows)));
    format!(r#"{{"name":{},"rows":{},"ms":{}{result}}}"#, json!(timing.name), timing.rows, json!(ms))
}

/// Writes the file.
pub(super) fn write(path: &Path, sf: Option<f64>, load_ms: f64, queries: &[String]) -> Result<()> {
    let (sf, load_ms, queries) = (json!(sf), json!(rounded(load_ms)), queries.join(","));
    let file = format!("{{\"sf\":{sf},\"load_ms\":{load_ms},\"queries\":[{queries}]}}\n");
    std::fs::write(path, file).map_err(|error| {
        Error::new(code::FILE_NOT_FOUND, format!("can't write file: '{}' ({error})", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_shape_that_its_readers_expect() {
        let timing = Timing { name: "q01".into(), rows: 4, ms: vec![1.234_567_89, 2.0] };
        assert_eq!(entry(&timing, None), r#"{"name":"q01","rows":4,"ms":[1.234568,2.0]}"#);
        let with_rows = entry(&timing, Some(&[vec![Some("NULL".to_string()), None]]));
        assert_eq!(with_rows, r#"{"name":"q01","rows":4,"ms":[1.234568,2.0],"result":[["NULL",null]]}"#);
        let file = tempfile::NamedTempFile::new().unwrap();
        write(file.path(), Some(0.01), 7.0, &[entry(&timing, None), with_rows]).unwrap();
        let read: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
        assert_eq!(
            (&read["sf"], &read["queries"][1]["result"][0][1]),
            (&json!(0.01), &serde_json::Value::Null)
        );
    }
}
