//! `allod bench statements`: what a small statement costs, whatever it does.
//!
//! Each line is one way of asking for almost nothing, over tables small enough to be in the processor's caches, so that
//! what is timed is the way itself: finding or making the plan, taking a snapshot, building and ending an execution. A line
//! is the median of several rounds, each of which runs the statement for a tenth of a second.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::error::Result;
use crate::params;
use crate::session::Session;

/// How long a round takes.
const ROUND: Duration = Duration::from_millis(100);
/// Rounds of which the median counts.
const ROUNDS: usize = 7;
/// Rows of the tables.
const ROWS: i64 = 10_000;

/// What is timed, and how it is done.
type Case = (&'static str, Box<dyn FnMut(&mut Session, i64) -> Result<usize>>);

/// Prints a line for each way of asking.
///
/// # Errors
/// If a statement fails.
pub fn run() -> Result<()> {
    let database = Database::new();
    let mut session = database.session();
    let setup = "create table c (id int primary key, name varchar(20), n int);
         create table o (id int primary key, c int, v int, key c (c));
         create table l (o int, line int, v int, primary key (o, line));
         create table p (id int primary key, c int, v int, key c (c)) partition by hash (id) partitions 16;";
    session.execute_all(setup, |result| result.collect_batches().map(drop))?;
    for table in ["c", "o", "p", "l"] {
        for from in (0..ROWS).step_by(1000) {
            let row = |i: i64| match table {
                "c" => format!("({i}, 'name {i}', {})", i % 25),
                // A third of the customers has no orders, as in TPC-H.
                "o" | "p" => format!("({i}, {}, {})", i / 10 * 3 % ROWS, i % 7),
                _ => format!("({}, {}, {i})", i / 4, i % 4),
            };
            let rows: Vec<String> = (from..from + 1000).map(row).collect();
            session.run(&format!("insert into {table} values {}", rows.join(",")))?;
        }
    }
    session.run("analyze table c, o, p, l")?;
    let text = |sql: &'static str| -> Box<dyn FnMut(&mut Session, i64) -> Result<usize>> {
        Box::new(move |session, _| rows_of(session.execute(sql)?))
    };
    let get = session.prepare("select name, n from c where id = ?")?;
    let range = session.prepare("select sum(v) from l where o = ?")?;
    let join = "select count(*), sum(l.v) from c join o on o.c = c.id join l on l.o = o.id where c.id =";
    let first = "select o.id, l.line, l.v from o join l on l.o = o.id where o.c > 5000 order by o.c, o.id, l.line limit 10";
    let (none, some) = (format!("{join} 1"), format!("{join} 3"));
    let cases: Vec<Case> = vec![
        ("select 1", text("select 1")),
        ("point get, prepared", {
            Box::new(move |session, i| rows_of(session.execute_prepared(&get, params![i * 37 % ROWS])?))
        }),
        ("point get, the same text", text("select name, n from c where id = 77")),
        ("point get, new texts", {
            Box::new(|session, i| {
                rows_of(session.execute(&format!("select name, n from c where id = {}", i * 37 % ROWS))?)
            })
        }),
        ("prefix of a key, prepared", {
            Box::new(move |session, i| rows_of(session.execute_prepared(&range, params![i * 37 % 2500])?))
        }),
        ("index range, no match", text("select count(*) from o where c = 1")),
        ("the same in 16 partitions", text("select count(*) from p where c = 1")),
        ("three tables, no match", Box::new(move |session, _| rows_of(session.execute(&none)?))),
        ("three tables, 10 orders", Box::new(move |session, _| rows_of(session.execute(&some)?))),
        ("order by, limit 10", text(first)),
    ];
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{:<28} {:>10} {:>6}", "statement", "ns", "rows");
    for (name, mut case) in cases {
        let (ns, rows) = median_ns(&mut session, &mut *case)?;
        let _ = writeln!(out, "{name:<28} {ns:>10.0} {rows:>6}");
    }
    Ok(())
}

fn rows_of(result: crate::ResultSet) -> Result<usize> {
    let mut rows = 0;
    for batch in result {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

fn median_ns(
    session: &mut Session,
    case: &mut dyn FnMut(&mut Session, i64) -> Result<usize>,
) -> Result<(f64, usize)> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    let (mut number, mut rows) = (0, 0);
    for _ in 0..ROUNDS {
        let (begin, first) = (Instant::now(), number);
        while begin.elapsed() < ROUND {
            for _ in 0..16 {
                rows = case(session, number)?;
                number += 1;
            }
        }
        rounds.push(begin.elapsed().as_nanos() as f64 / (number - first) as f64);
    }
    rounds.sort_by(f64::total_cmp);
    Ok((rounds[ROUNDS / 2], rows))
}
