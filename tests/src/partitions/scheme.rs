//! Random PARTITION BY clauses. Bounds and lists are values that rows of the table have, so that something is in each
//! partition and something on each bound; a row that no partition takes is refused, which is fine.

use allod::Session;

use super::column::{COLUMNS, Column};
use crate::database::rows;
use crate::random::Random;
use crate::slt::Value;

/// Expressions that HASH, RANGE and LIST may deal by, and the columns in them.
const EXPRESSIONS: [(&str, &[&str]); 40] = [
    ("a", &["a"]),
    ("a", &["a"]),
    ("b", &["b"]),
    ("u", &["u"]),
    ("u", &["u"]),
    ("a + 1", &["a"]),
    ("a + b", &["a", "b"]),
    ("a - b * 2", &["a", "b"]),
    ("3 - a", &["a"]),
    ("-b", &["b"]),
    ("b * -2", &["b"]),
    ("a DIV 3", &["a"]),
    ("a DIV -3", &["a"]),
    ("a MOD 5", &["a"]),
    ("MOD(a, 5) + b", &["a", "b"]),
    ("ABS(b)", &["b"]),
    ("FLOOR(a)", &["a"]),
    ("CEILING(u)", &["u"]),
    ("u DIV 3", &["u"]),
    ("u MOD 7", &["u"]),
    ("YEAR(d)", &["d"]),
    ("YEAR(t)", &["t"]),
    ("MONTH(d)", &["d"]),
    ("DAY(t)", &["t"]),
    ("QUARTER(d)", &["d"]),
    ("TO_DAYS(d)", &["d"]),
    ("TO_DAYS(t)", &["t"]),
    ("TO_SECONDS(t)", &["t"]),
    ("DAYOFWEEK(d)", &["d"]),
    ("WEEKDAY(t)", &["t"]),
    ("DAYOFYEAR(d)", &["d"]),
    ("YEARWEEK(d)", &["d"]),
    ("DATEDIFF(d, '2000-01-01')", &["d"]),
    ("DATEDIFF('2000-01-01', t)", &["t"]),
    ("HOUR(t)", &["t"]),
    ("HOUR(h)", &["h"]),
    ("TIME_TO_SEC(h)", &["h"]),
    ("MICROSECOND(t)", &["t"]),
    ("EXTRACT(YEAR FROM d) * 12 + EXTRACT(MONTH FROM d)", &["d"]),
    ("UNIX_TIMESTAMP(k)", &["k"]),
];

/// A PARTITION BY clause.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// The clause.
    pub clause: String,
    /// The columns that it deals by.
    pub columns: Vec<&'static Column>,
    /// The expression, if it deals by one.
    pub expression: Option<&'static str>,
    /// Whether partitions are there by number alone: HASH and KEY.
    pub by_number: bool,
}

impl Scheme {
    /// A scheme for the rows that a table holds.
    pub fn random(table: &str, session: &mut Session, random: &mut Random) -> Scheme {
        let kind = random.below(6);
        if kind < 3 {
            let (expression, columns) = *random.pick(&EXPRESSIONS);
            let columns = columns.iter().map(|name| Column::named(name)).collect();
            let clause = match kind {
                0 => format!("HASH ({expression}) PARTITIONS {}", 1 + random.below(9)),
                1 => range(expression, &found(table, expression, session), random),
                _ => list(expression, &found(table, expression, session), random),
            };
            return Scheme { clause, columns, expression: Some(expression), by_number: kind == 0 };
        }
        let usable: Vec<&Column> = COLUMNS.iter().filter(|c| kind == 3 || c.in_columns).collect();
        let mut columns: Vec<&'static Column> = Vec::new();
        for _ in 0..=random.below(3) {
            let column = *random.pick(&usable);
            if !columns.iter().any(|c| c.name == column.name) {
                columns.push(column);
            }
        }
        let names = columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
        let clause = match kind {
            3 => format!("KEY ({names}) PARTITIONS {}", 1 + random.below(9)),
            4 => range_columns(&names, &tuples(table, &columns, false, session), random),
            _ => list_columns(&names, &tuples(table, &columns, true, session), random),
        };
        Scheme { clause, columns, expression: None, by_number: kind == 3 }
    }
}

/// The values of an expression, ascending, NULL apart. Rows for which it cannot be evaluated are left out.
fn found(table: &str, expression: &str, session: &mut Session) -> Vec<String> {
    let ids = rows(session, &format!("SELECT id FROM {table}")).expect("the table is there");
    let mut values: Vec<i128> = Vec::new();
    for id in ids.into_iter().flatten() {
        let Value::Int(id) = id else { continue };
        let Ok(value) = rows(session, &format!("SELECT {expression} FROM {table} WHERE id = {id}")) else {
            continue;
        };
        values.extend(value.into_iter().flatten().filter_map(|v| match v {
            Value::Int(v) => Some(v),
            Value::Text(text) => text.parse().ok(),
            Value::Null | Value::Real(_) => None,
        }));
    }
    values.sort_unstable();
    values.dedup();
    values.iter().map(ToString::to_string).collect()
}

/// Tuples of columns in their order, written as literals; without NULLs unless they are wanted.
fn tuples(table: &str, columns: &[&Column], nulls: bool, session: &mut Session) -> Vec<Vec<String>> {
    let names = columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
    let found = rows(session, &format!("SELECT DISTINCT {names} FROM {table} ORDER BY {names}"));
    let literal = |(value, column): (&Value, &&Column)| match value {
        Value::Null => "NULL".to_string(),
        Value::Int(v) => v.to_string(),
        Value::Text(text) if column.ty.contains("INT") => text.clone(),
        Value::Text(text) => format!("'{text}'"),
        Value::Real(v) => v.to_string(),
    };
    let whole = |row: &Vec<Value>| nulls || !row.contains(&Value::Null);
    let found = found.expect("the table is there");
    found.iter().filter(|r| whole(r)).map(|r| r.iter().zip(columns).map(literal).collect()).collect()
}

/// A few of what there is, in its order.
fn some<T: Clone>(all: &[T], random: &mut Random) -> Vec<T> {
    let percent = *random.pick(&[20, 40, 70]);
    all.iter().filter(|_| random.chance(percent)).take(12).cloned().collect()
}

fn range(expression: &str, values: &[String], random: &mut Random) -> String {
    let mut bounds: Vec<String> = some(values, random).iter().map(|v| format!("({v})")).collect();
    if bounds.is_empty() || random.chance(70) {
        bounds.push("MAXVALUE".to_string());
    }
    let partition = |(i, bound): (usize, &String)| format!("PARTITION p{i} VALUES LESS THAN {bound}");
    let partitions: Vec<String> = bounds.iter().enumerate().map(partition).collect();
    format!("RANGE ({expression}) ({})", partitions.join(", "))
}

fn range_columns(names: &str, tuples: &[Vec<String>], random: &mut Random) -> String {
    let mut bounds = some(tuples, random);
    let width = names.split(", ").count();
    if bounds.is_empty() || random.chance(70) {
        bounds.push(vec!["MAXVALUE".to_string(); width]);
    }
    let partition =
        |(i, b): (usize, &Vec<String>)| format!("PARTITION p{i} VALUES LESS THAN ({})", b.join(", "));
    let partitions: Vec<String> = bounds.iter().enumerate().map(partition).collect();
    format!("RANGE COLUMNS ({names}) ({})", partitions.join(", "))
}

/// Values dealt to a few lists, some left out; sometimes DEFAULT.
fn lists(mut values: Vec<String>, random: &mut Random) -> String {
    let mut lists: Vec<Vec<String>> = vec![vec![]; 1 + random.below(5)];
    if values.is_empty() {
        values.push("NULL".to_string());
    }
    for value in values {
        let at = random.below(lists.len() + 1);
        if let Some(list) = lists.get_mut(at).filter(|l| l.len() < 20) {
            list.push(value);
        }
    }
    let mut partitions: Vec<String> =
        lists.iter().filter(|l| !l.is_empty()).map(|l| format!("VALUES IN ({})", l.join(", "))).collect();
    if partitions.is_empty() || random.chance(50) {
        partitions.push("DEFAULT".to_string());
    }
    let named: Vec<String> =
        partitions.iter().enumerate().map(|(i, p)| format!("PARTITION p{i} {p}")).collect();
    format!("({})", named.join(", "))
}

fn list(expression: &str, values: &[String], random: &mut Random) -> String {
    let mut values = values.to_vec();
    if random.chance(60) {
        values.push("NULL".to_string());
    }
    format!("LIST ({expression}) {}", lists(values, random))
}

fn list_columns(names: &str, tuples: &[Vec<String>], random: &mut Random) -> String {
    let written = |tuple: &Vec<String>| match tuple.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    };
    let mut values: Vec<String> = tuples.iter().map(written).collect();
    if values.is_empty() {
        let nulls = vec!["NULL".to_string(); names.split(", ").count()];
        values.push(written(&nulls));
    }
    format!("LIST COLUMNS ({names}) {}", lists(values, random))
}
