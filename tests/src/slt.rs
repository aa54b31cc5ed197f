//! A driver for sqllogictest files, SQLite's and our own.
//!
//! The format is the one described at <https://www.sqlite.org/sqllogictest/doc/trunk/about.wiki>; the crate
//! `sqllogictest` parses it. Its runner is not used, for three reasons: it treats `halt` as unconditional, so files with
//! `onlyif mssql` before a `halt` stop early and look green; it hashes only above a threshold that some of SQLite's files
//! never set; and it hides from the engine which type letters are expected, which decide how a value is printed.
//!
//! What a value looks like, by its letter: `I` is an integer (fractions are cut off), `R` a number with three decimals,
//! `T` text, where an empty string is `(empty)` and an unprintable character `@`. NULL is `NULL`.

use std::fmt;

use md5::{Digest, Md5};
use sqllogictest::{
    Condition, Connection, DefaultColumnType, QueryExpect, Record, SortMode, StatementExpect,
};

/// One cell of a result, before it is printed as a type letter asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// An integer.
    Int(i128),
    /// A number with a fraction, exact or not.
    Real(f64),
    /// Anything else, as text.
    Text(String),
}

/// What the driver drives.
pub trait Engine {
    /// Runs one statement. The error is `code` and text as a MySQL client prints them: `ERROR 1146 (42S02): …`.
    fn run(&mut self, sql: &str) -> Result<Vec<Vec<Value>>, String>;

    /// The next statements are those of this user, until another one's are: `connection name` before each. `None` is who may do
    /// everything.
    fn become_user(&mut self, user: Option<&str>) -> Result<(), String> {
        user.map_or(Ok(()), |user| Err(format!("there is no user {user}")))
    }
}

/// What became of a file's records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Records that were run.
    pub records: usize,
    /// One message for each record that failed.
    pub failures: Vec<String>,
}

/// A file that is not sqllogictest.
#[derive(Debug)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// Runs every record of `text` that applies under the label `mysql`.
pub fn run(name: &str, text: &str, engine: &mut dyn Engine) -> Result<Outcome, Malformed> {
    let mut outcome = Outcome::default();
    let records = sqllogictest::parse::<DefaultColumnType>(&without_trailing_comments(text))
        .map_err(|e| Malformed(format!("{name}: {e}")))?;
    // Of what comes next. The parser leaves the conditions of a `halt` to the statement behind it.
    let mut wanted = true;
    for record in records {
        match record {
            Record::Condition(condition) => wanted &= applies(&condition),
            Record::Halt { .. } | Record::Statement { .. } | Record::Query { .. }
                if !std::mem::replace(&mut wanted, true) => {}
            Record::Halt { .. } => break,
            Record::Statement { loc, connection, sql, expected, .. } => {
                outcome.records += 1;
                let begun = engine.become_user(user_of(&connection));
                if let Err(why) = begun.and_then(|()| statement(engine, &sql, &expected)) {
                    outcome.failures.push(format!("{name}:{}: {sql}\n    {why}", loc.line()));
                }
            }
            Record::Query { loc, connection, sql, expected, .. } => {
                outcome.records += 1;
                let begun = engine.become_user(user_of(&connection));
                if let Err(why) = begun.and_then(|()| query(engine, &sql, &expected)) {
                    outcome.failures.push(format!("{name}:{}: {sql}\n    {why}", loc.line()));
                }
            }
            _ => {}
        }
    }
    Ok(outcome)
}

/// The parser takes exactly two words on these lines; SQLite's files put a comment behind them.
fn without_trailing_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let directive = ["onlyif ", "skipif ", "halt", "hash-threshold "].iter().any(|d| line.starts_with(d));
        let kept = if directive { line.split('#').next().unwrap_or_default().trim_end() } else { line };
        out.push_str(kept);
        out.push('\n');
    }
    out
}

fn user_of(connection: &Connection) -> Option<&str> {
    match connection {
        Connection::Default => None,
        Connection::Named(user) => Some(user),
    }
}

fn applies(condition: &Condition) -> bool {
    match condition {
        Condition::OnlyIf { label } => label == "mysql",
        Condition::SkipIf { label } => label != "mysql",
    }
}

fn statement(engine: &mut dyn Engine, sql: &str, expected: &StatementExpect) -> Result<(), String> {
    match (engine.run(sql), expected) {
        (Ok(_), StatementExpect::Ok | StatementExpect::Count(_)) => Ok(()),
        (Ok(_), StatementExpect::Error(e)) => Err(format!("succeeded, expected error {e:?}")),
        (Err(got), StatementExpect::Ok | StatementExpect::Count(_)) => Err(format!("failed: {got}")),
        (Err(got), StatementExpect::Error(e)) => error(e, &got),
    }
}

fn error(expected: &sqllogictest::ExpectedError, got: &str) -> Result<(), String> {
    if expected.is_match(got, None) {
        Ok(())
    } else {
        Err(format!("failed with {got:?}, expected {expected:?}"))
    }
}

fn query(
    engine: &mut dyn Engine,
    sql: &str,
    expected: &QueryExpect<DefaultColumnType>,
) -> Result<(), String> {
    let (types, sort_mode, results) = match expected {
        QueryExpect::Results { types, sort_mode, results, .. } => (types, sort_mode, results),
        QueryExpect::Error(e) => {
            return match engine.run(sql) {
                Ok(_) => Err(format!("succeeded, expected error {e:?}")),
                Err(got) => error(e, &got),
            };
        }
    };
    let rows = engine.run(sql).map_err(|e| format!("failed: {e}"))?;
    if let Some(row) = rows.iter().find(|row| row.len() != types.len()) {
        return Err(format!("returned {} columns, expected {}", row.len(), types.len()));
    }
    let mut printed: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().zip(types).map(|(v, t)| print(v, t)).collect()).collect();
    let mut wanted: Vec<String> = results.iter().flat_map(|line| cells(line, types.len())).collect();
    let mut got: Vec<String>;
    match sort_mode {
        Some(SortMode::RowSort) => {
            printed.sort();
            got = printed.concat();
        }
        Some(SortMode::ValueSort) => {
            got = printed.concat();
            got.sort();
        }
        Some(SortMode::NoSort) | None => got = printed.concat(),
    }
    if let [line] = results.as_slice()
        && line.contains(" values hashing to ")
    {
        let mut md5 = Md5::new();
        for value in &got {
            md5.update(value.as_bytes());
            md5.update(b"\n");
        }
        let hash = md5.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>();
        got = vec![format!("{} values hashing to {hash}", got.len())];
        wanted = vec![line.clone()];
    }
    if got == wanted { Ok(()) } else { Err(format!("returned {got:?}\n    expected {wanted:?}")) }
}

/// A line of expected results is one value in SQLite's files, and may be a whole row (values apart by tabs) in ours.
fn cells(line: &str, columns: usize) -> Vec<String> {
    let cells: Vec<String> = line.split('\t').map(str::to_string).collect();
    if cells.len() == columns { cells } else { vec![line.to_string()] }
}

fn print(value: &Value, letter: &DefaultColumnType) -> String {
    match (value, letter) {
        (Value::Null, _) => "NULL".to_string(),
        (Value::Int(v), DefaultColumnType::FloatingPoint) => format!("{:.3}", *v as f64),
        (Value::Int(v), _) => v.to_string(),
        (Value::Real(v), DefaultColumnType::Integer) => (v.trunc() as i128).to_string(),
        (Value::Real(v), DefaultColumnType::FloatingPoint) => format!("{v:.3}"),
        (Value::Real(v), _) => v.to_string(),
        (Value::Text(s), DefaultColumnType::Integer) => number_prefix(s).trunc().to_string(),
        (Value::Text(s), DefaultColumnType::FloatingPoint) => format!("{:.3}", number_prefix(s)),
        (Value::Text(s), _) if s.is_empty() => "(empty)".to_string(),
        (Value::Text(s), _) => s.chars().map(|c| if (' '..='~').contains(&c) { c } else { '@' }).collect(),
    }
}

/// What C's `atof` makes of a text: the longest leading number, else 0.
fn number_prefix(s: &str) -> f64 {
    let s = s.trim_start();
    (0..=s.len()).rev().filter_map(|end| s.get(..end)).find_map(|p| p.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every statement with the same rows.
    struct Fixed(Result<Vec<Vec<Value>>, String>);

    impl Engine for Fixed {
        fn run(&mut self, _: &str) -> Result<Vec<Vec<Value>>, String> {
            self.0.clone()
        }
    }

    #[test]
    fn values_print_by_their_letter() {
        let t = |v, c| print(&v, &c);
        assert_eq!(t(Value::Real(-2.7), DefaultColumnType::Integer), "-2");
        assert_eq!(t(Value::Int(3), DefaultColumnType::FloatingPoint), "3.000");
        assert_eq!(t(Value::Text("".into()), DefaultColumnType::Text), "(empty)");
        assert_eq!(t(Value::Text("12ab".into()), DefaultColumnType::Integer), "12");
        assert_eq!(t(Value::Text("a\u{1}b".into()), DefaultColumnType::Text), "a@b");
    }

    #[test]
    fn a_wrong_answer_a_wrong_hash_and_a_missing_error_fail() {
        let rows = Ok(vec![vec![Value::Int(2)], vec![Value::Int(1)]]);
        let mut engine = Fixed(rows);
        let good = run("f", "query I rowsort\nSELECT x\n----\n1\n2\n\n", &mut engine).unwrap();
        assert_eq!((good.records, good.failures.len()), (1, 0));
        let bad = run("f", "query I nosort\nSELECT x\n----\n1\n2\n\n", &mut engine).unwrap();
        assert_eq!(bad.failures.len(), 1);
        // md5 of "1\n2\n"
        let hashed =
            "query I rowsort\nSELECT x\n----\n2 values hashing to 6ddb4095eb719e2a9f0a3f95677d24e0\n\n";
        assert_eq!(run("f", hashed, &mut engine).unwrap().failures, Vec::<String>::new());
        assert_eq!(run("f", &hashed.replace("6ddb", "6ddc"), &mut engine).unwrap().failures.len(), 1);
        assert_eq!(run("f", "statement error\nSELECT x\n\n", &mut engine).unwrap().failures.len(), 1);
    }

    #[test]
    fn halt_and_conditions_follow_the_label() {
        let mut engine = Fixed(Ok(vec![]));
        let text = "onlyif mssql # not us\nhalt\n\nskipif mysql # us\nstatement ok\nA\n\nonlyif mysql\nstatement ok\nB\n\nhalt\n\nstatement ok\nC\n\n";
        assert_eq!(run("f", text, &mut engine).unwrap().records, 1);
        let text = "onlyif mssql\nhalt\n\nonlyif oracle\nhalt\n\nstatement ok\nA\n\n";
        assert_eq!(run("f", text, &mut engine).unwrap().records, 1);
    }
}
