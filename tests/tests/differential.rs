//! Random statements on Allod and on SQLite, and on Allod laid out in several ways: all must agree.
//!
//! Each case is a seed: it makes a schema with rows, a few databases that hold it in different layouts (keys, partitions,
//! indexes, size of regions, number of workers), and statements. `DIFFERENTIAL_CASES=1000` runs more cases than the
//! default, `DIFFERENTIAL_SEED=17` begins at another seed. A failure prints the statements that show it, with as few rows
//! as it takes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use allod::{ClusterConfig, Database, Session};
use allod_tests::database::rows;
use allod_tests::differential::query::Generator;
use allod_tests::differential::schema::{Kind, Table};
use allod_tests::differential::sql::Sql;
use allod_tests::random::Random;
use allod_tests::slt::Value;

/// Rows as both sides print them.
type Answer = Result<Vec<Vec<String>>, String>;

const CASES: u64 = 24;
const STATEMENTS: usize = 12;
const LAYOUTS: u64 = 3;

#[test]
fn allod_answers_as_sqlite_does() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let first = number("DIFFERENTIAL_SEED").unwrap_or(1);
    let cases = number("DIFFERENTIAL_CASES").unwrap_or(CASES);
    println!("seeds {first} to {}", first + cases - 1);
    let failures: Vec<String> =
        (first..first + cases).flat_map(case).inspect(|failure| println!("{failure}\n")).collect();
    assert!(failures.is_empty(), "{} statements failed, see above", failures.len());
}

/// What one seed finds.
fn case(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let rows_max = *random.pick(&[4, 12, 12, 40]);
    let tables: Vec<Table> = (0..3).map(|i| Table::random(&format!("t{i}"), rows_max, &mut random)).collect();
    let mut allods: Vec<Session> = (0..LAYOUTS).map(|layout| allod(&tables, seed, layout)).collect();
    let lite = sqlite(&tables);
    let mut failures = Vec::new();
    for _ in 0..STATEMENTS {
        let query = Generator::new(&tables, &mut random).query();
        let expected = on_sqlite(&lite, &query.text, &query.kinds, query.ordered);
        for (layout, session) in allods.iter_mut().enumerate() {
            let got = on_allod(session, &query.text.allod, &query.kinds, query.ordered);
            if got != expected {
                let wrong = |tables: &[Table]| {
                    let got = on_allod(
                        &mut allod(tables, seed, layout as u64),
                        &query.text.allod,
                        &query.kinds,
                        query.ordered,
                    );
                    let expected = on_sqlite(&sqlite(tables), &query.text, &query.kinds, query.ordered);
                    (got != expected).then(|| format!("-- got      {got:?}\n-- expected {expected:?}"))
                };
                failures.push(script(seed, layout as u64, &tables, &query.text, wrong));
                break;
            }
        }
    }
    for _ in 0..2 {
        failures.extend(against_itself(seed, &tables, &mut random, &mut allods));
    }
    failures.extend(changes(seed, &tables, &mut random, &mut allods, &lite));
    failures
}

/// A predicate parts rows into those where it is true, false and NULL; and counting where it is true needs no WHERE.
fn against_itself(
    seed: u64,
    tables: &[Table],
    random: &mut Random,
    allods: &mut [Session],
) -> Option<String> {
    let f = Generator::new(tables, random).filtered();
    let (columns, from, p) = (&f.columns, &f.from, &f.predicate);
    let parted = ["({})", "NOT ({})", "({}) IS NULL"]
        .map(|part| format!("SELECT {columns} FROM {from} WHERE {}", part.replace("{}", p)))
        .join(" UNION ALL ");
    let count = [Kind::Int];
    let pairs = [
        (format!("SELECT {columns} FROM {from}"), parted, f.kinds.as_slice()),
        (
            format!("SELECT COUNT(*) FROM {from} WHERE {p}"),
            format!("SELECT COUNT(CASE WHEN {p} THEN 1 END) FROM {from}"),
            count.as_slice(),
        ),
    ];
    for (layout, session) in (0..).zip(allods) {
        for (one, other, kinds) in &pairs {
            let (a, b) = (on_allod(session, one, kinds, false), on_allod(session, other, kinds, false));
            if a != b || a.is_err() {
                let wrong = |tables: &[Table]| {
                    let mut session = allod(tables, seed, layout);
                    let a = on_allod(&mut session, one, kinds, false);
                    let b = on_allod(&mut session, other, kinds, false);
                    (a != b || a.is_err()).then(|| format!("-- one   {a:?}\n-- other {b:?}"))
                };
                let both = Sql::same(format!("{one};\n{other}"));
                return Some(script(seed, layout, tables, &both, wrong));
            }
        }
    }
    None
}

/// Changes a few rows everywhere and compares whole tables, by the table and by its indexes.
fn changes(
    seed: u64,
    tables: &[Table],
    random: &mut Random,
    allods: &mut [Session],
    lite: &rusqlite::Connection,
) -> Option<String> {
    let mut done = Vec::new();
    for _ in 0..4 {
        let (change, at) = Generator::new(tables, random).change(tables);
        done.push(change.allod.clone());
        let table = &tables[at];
        let kinds: Vec<Kind> = table.columns.iter().map(|c| c.kind).collect();
        let whole = Sql::same(format!("SELECT * FROM {}", table.name));
        // Reads that an index may serve, if there is one.
        let ranges = table.columns.iter().map(|c| {
            let low = c.kind.literal(random);
            let text = format!("SELECT id FROM {} WHERE {} >= {{}}", table.name, c.name);
            (Sql::same(text).with(&[&low]), vec![Kind::Int])
        });
        let reads: Vec<(Sql, Vec<Kind>)> = std::iter::once((whole, kinds)).chain(ranges).collect();
        if let Err(e) = lite.execute(&change.sqlite, []) {
            return Some(format!("-- seed {seed}: sqlite refuses {}: {e}", change.sqlite));
        }
        for (layout, session) in allods.iter_mut().enumerate() {
            let changed = on_allod(session, &change.allod, &[], false);
            for (read, kinds) in &reads {
                let got = changed.clone().and_then(|_| on_allod(session, &read.allod, kinds, false));
                let expected = on_sqlite(lite, read, kinds, false);
                if got != expected {
                    let context = format!("{};\n{}", done.join(";\n"), read.allod);
                    let found = format!("-- got      {got:?}\n-- expected {expected:?}");
                    return Some(script(seed, layout as u64, tables, &Sql::same(context), |_| {
                        Some(found.clone())
                    }));
                }
            }
        }
    }
    None
}

/// The failure as statements, with as few rows as it takes.
fn script(
    seed: u64,
    layout: u64,
    tables: &[Table],
    text: &Sql,
    wrong: impl Fn(&[Table]) -> Option<String>,
) -> String {
    let mut kept = tables.to_vec();
    let mut found = wrong(&kept);
    if found.is_some() {
        for at in 0..kept.len() {
            let mut piece = kept[at].rows.len().div_ceil(2);
            while piece > 0 {
                let mut start = 0;
                while start < kept[at].rows.len() {
                    let mut fewer = kept.clone();
                    let end = (start + piece).min(fewer[at].rows.len());
                    fewer[at].rows.drain(start..end);
                    match wrong(&fewer) {
                        Some(answers) => (kept, found) = (fewer, Some(answers)),
                        None => start += piece,
                    }
                }
                piece /= 2;
            }
        }
    }
    let mut lines = vec![format!("-- seed {seed}, layout {layout}")];
    lines.extend(layout_of(&kept, seed, layout).1.into_iter().map(|s| format!("{s};")));
    lines.extend(kept.iter().filter_map(Table::insert).map(|s| format!("{};", s.allod)));
    lines.push(format!("{};", text.allod));
    if text.sqlite != text.allod {
        lines.push(format!("-- in SQLite: {}", text.sqlite));
    }
    lines.push(found.unwrap_or_else(|| "-- not seen a second time".to_string()));
    lines.join("\n")
}

/// The settings of a layout and the statements that make its empty tables. Layout 0 is the plain one.
fn layout_of(tables: &[Table], seed: u64, layout: u64) -> (Database, Vec<String>) {
    if layout == 0 {
        return (Database::new(), tables.iter().map(|t| t.create().allod).collect());
    }
    let mut random = Random::new(seed.wrapping_mul(1000) + layout);
    let config = ClusterConfig {
        region_bytes_max: *random.pick(&[300, 2000, 96 << 20]),
        delta_rows_max: *random.pick(&[4, 1 << 16]),
        ..ClusterConfig::default()
    };
    let workers = *random.pick(&[1, 4]);
    let statements = tables.iter().flat_map(|t| t.laid_out(&mut random)).collect();
    (Database::builder().workers(workers).cluster(config).build(), statements)
}

fn allod(tables: &[Table], seed: u64, layout: u64) -> Session {
    let (database, statements) = layout_of(tables, seed, layout);
    let mut session = database.session();
    // In SQLite a division by zero is NULL in changes of rows, too.
    session.run("set sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'").expect("a mode that there is");
    for statement in statements.into_iter().chain(tables.iter().filter_map(Table::insert).map(|s| s.allod)) {
        session.run(&statement).unwrap_or_else(|e| panic!("seed {seed}: {statement}: {e}"));
    }
    // Statistics change plans; answers must stay.
    if layout == 2 {
        session.run("ANALYZE TABLE t0, t1, t2").expect("the tables are there");
    }
    session
}

fn sqlite(tables: &[Table]) -> rusqlite::Connection {
    let lite = rusqlite::Connection::open_in_memory().expect("memory is there");
    lite.pragma_update(None, "case_sensitive_like", true).expect("a known pragma");
    for table in tables {
        for statement in std::iter::once(table.create()).chain(table.insert()) {
            lite.execute(&statement.sqlite, []).unwrap_or_else(|e| panic!("{}: {e}", statement.sqlite));
        }
    }
    lite
}

fn on_allod(session: &mut Session, text: &str, kinds: &[Kind], ordered: bool) -> Answer {
    let run = catch_unwind(AssertUnwindSafe(|| rows(session, text)));
    let found = match run {
        Ok(found) => found.map_err(|e| e.to_string())?,
        Err(_) => return Err("panicked".to_string()),
    };
    let cell = |(value, kind): (Value, &Kind)| match (value, kind) {
        (Value::Null, _) => "NULL".to_string(),
        (Value::Int(v), Kind::Decimal) => (v * 100).to_string(),
        (Value::Int(v), _) => v.to_string(),
        (Value::Real(v), _) => format!("a double {v}"),
        (Value::Text(s), Kind::Decimal) => hundredths(&s),
        (Value::Text(s), Kind::Int | Kind::Text | Kind::Date) => s,
    };
    let print = |row: Vec<Value>| row.into_iter().zip(kinds).map(cell).collect();
    Ok(in_order(found.into_iter().map(print).collect(), ordered))
}

/// A decimal of at most two places as SQLite's side keeps it.
fn hundredths(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match format!("{whole}{fraction:0<2}").parse::<i128>() {
        Ok(value) if fraction.len() <= 2 => value.to_string(),
        _ => format!("not a decimal of two places: {text}"),
    }
}

fn on_sqlite(lite: &rusqlite::Connection, text: &Sql, kinds: &[Kind], ordered: bool) -> Answer {
    let read = || -> rusqlite::Result<Vec<Vec<String>>> {
        let mut statement = lite.prepare(&text.sqlite)?;
        let cell = |row: &rusqlite::Row<'_>, at| {
            Ok(match row.get_ref(at)? {
                rusqlite::types::ValueRef::Null => "NULL".to_string(),
                rusqlite::types::ValueRef::Integer(v) => v.to_string(),
                rusqlite::types::ValueRef::Real(v) => format!("a real {v}"),
                rusqlite::types::ValueRef::Text(s) | rusqlite::types::ValueRef::Blob(s) => {
                    String::from_utf8_lossy(s).into_owned()
                }
            })
        };
        let rows = statement.query_map([], |row| (0..kinds.len()).map(|at| cell(row, at)).collect())?;
        rows.collect()
    };
    read().map(|found| in_order(found, ordered)).map_err(|e| format!("sqlite: {e}"))
}

fn in_order(mut rows: Vec<Vec<String>>, ordered: bool) -> Vec<Vec<String>> {
    if !ordered {
        rows.sort();
    }
    rows
}
