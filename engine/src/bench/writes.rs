//! `allod bench writes`: how many small transactions get done in a second, what they do to a scan that runs beside them, and
//! what one large transaction costs.
//!
//! Sessions update one row at a time by its key, each statement a transaction of its own, in direct mode. At the end the sum
//! over the table must be the number of updates that were acknowledged: a write that was lost or came twice is an error of
//! the benchmark, not a figure.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::error::{Error, Result};
use crate::params;
use crate::session::Session;

/// Rows of a statement that fills the table.
const ROWS_PER_INSERT: u64 = 5000;
/// Scans of which the median counts.
const SCANS: usize = 101;
/// Rows of another table, to be written while the first is read.
const OTHER_ROWS: u64 = 100_000;

/// What is written, and by whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rows of the table.
    pub rows: u64,
    /// Numbers of sessions that update side by side, one measurement each.
    pub sessions: Vec<usize>,
    /// How long they do.
    pub seconds: f64,
    /// Rows of the large transaction; 0 = none.
    pub large_rows: u64,
}

/// Prints a line for each measurement.
///
/// # Errors
/// If a statement fails, or the sum is not what was acknowledged.
pub fn run(options: &Options) -> Result<()> {
    let database = Database::new();
    let mut session = database.session();
    fill(&mut session, "t", options.rows)?;
    fill(&mut session, "other", OTHER_ROWS.min(options.rows))?;
    let mut out = std::io::stdout();
    // What was filled in last is folded meanwhile.
    std::thread::sleep(Duration::from_secs_f64(options.seconds.min(1.0)));
    let fresh = scans(&mut session)?;
    let _ = writeln!(
        out,
        "{:<34} {:>12} {:>10} {:>10} {:>10}",
        "updates of one row", "per second", "p50 us", "p99 us", "max us"
    );
    let span = Duration::from_secs_f64(options.seconds);
    let mut acknowledged = 0;
    for &sessions in &options.sessions {
        let stop = AtomicBool::new(false);
        let (nanos, took) = beside(&database, ("t", options.rows), sessions, &stop, || {
            std::thread::sleep(span);
            Ok(())
        })?;
        acknowledged += nanos.len() as u64;
        let name = format!("{sessions} {}", if sessions == 1 { "session" } else { "sessions" });
        let rate = nanos.len() as f64 / took.1.as_secs_f64();
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|part| quantile_us(&nanos, part));
        let _ = writeln!(out, "{name:<34} {rate:>12.0} {p50:>10.1} {p99:>10.1} {most:>10.1}");
        check_sum(&mut session, acknowledged)?;
    }
    let _ =
        writeln!(out, "\n{:<34} {:>12} {:>10} {:>10}", "scan of the table", "median ms", "max ms", "ratio");
    let mut line = |name: &str, Scans { median_ms, max_ms }: Scans| {
        let ratio = median_ms / fresh.median_ms;
        let _ = writeln!(out, "{name:<34} {median_ms:>12.2} {max_ms:>10.2} {ratio:>10.2}");
    };
    line("before any update", fresh);
    line("alone", scans(&mut session)?);
    acknowledged += session.execute("update t set v = v + 1")?.affected_rows();
    line("all rows just updated", scans(&mut session)?);
    // What it costs that somebody else needs a processor, too.
    let stop = AtomicBool::new(false);
    let other = ("other", OTHER_ROWS.min(options.rows));
    let (_, (scanned, _)) = beside(&database, other, 1, &stop, || scans(&mut session))?;
    line("beside updates of another table", scanned);
    let stop = AtomicBool::new(false);
    let (nanos, (scanned, _)) = beside(&database, ("t", options.rows), 1, &stop, || scans(&mut session))?;
    acknowledged += nanos.len() as u64;
    line("beside updates of this one", scanned);
    check_sum(&mut session, acknowledged)?;
    if options.large_rows > 0 {
        large(&mut session, options.large_rows, &mut out)?;
    }
    Ok(())
}

/// A table with rows `(id, 0, 'row <id>')`.
fn fill(session: &mut Session, table: &str, rows: u64) -> Result<()> {
    session
        .run(&format!("create table {table} (id bigint primary key, v bigint not null, name varchar(30))"))?;
    for from in (0..rows).step_by(ROWS_PER_INSERT as usize) {
        let values: Vec<String> =
            (from..rows.min(from + ROWS_PER_INSERT)).map(|i| format!("({i},0,'row {i}')")).collect();
        session.run(&format!("insert into {table} values {}", values.join(",")))?;
    }
    session.run(&format!("analyze table {table}"))?;
    Ok(())
}

/// Runs `work` while sessions update rows; then what each update took in nanoseconds, sorted, and `work`'s result with how
/// long it was.
fn beside<T>(
    database: &Database,
    (table, rows): (&str, u64),
    sessions: usize,
    stop: &AtomicBool,
    work: impl FnOnce() -> Result<T>,
) -> Result<(Vec<u64>, (T, Duration))> {
    let write = |seed: u64| -> Result<Vec<u64>> {
        let mut session = database.session();
        let update = session.prepare(&format!("update {table} set v = v + 1 where id = ?"))?;
        let mut nanos = Vec::new();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        while !stop.load(Ordering::Relaxed) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let id = ((state >> 33) % rows) as i64;
            let begin = Instant::now();
            session.execute_prepared(&update, params![id])?;
            nanos.push(begin.elapsed().as_nanos() as u64);
        }
        Ok(nanos)
    };
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..sessions.max(1) as u64)
            .map(|seed| {
                scope.spawn(move || {
                    let done = write(seed + 1);
                    if done.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    done
                })
            })
            .collect();
        let worked = work();
        let took = begin.elapsed();
        stop.store(true, Ordering::Relaxed);
        let mut nanos = Vec::new();
        for writer in writers {
            let joined = writer.join();
            nanos.extend(
                joined.unwrap_or_else(|_| Err(Error::internal("a session of the benchmark panicked")))?,
            );
        }
        nanos.sort_unstable();
        Ok((nanos, (worked?, took)))
    })
}

fn quantile_us(sorted: &[u64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).map_or(0.0, |&nanos| nanos as f64 / 1e3)
}

fn check_sum(session: &mut Session, acknowledged: u64) -> Result<()> {
    let sum = one(session, "select cast(sum(v) as signed) from t")?;
    if sum != acknowledged as i64 {
        return Err(Error::internal(format!("the sum is {sum} after {acknowledged} acknowledged updates")));
    }
    Ok(())
}

fn one(session: &mut Session, sql: &str) -> Result<i64> {
    let row = session.execute(sql)?.rows().next();
    row.ok_or_else(|| Error::internal("a result without a row"))??.get(0)
}

#[derive(Clone, Copy)]
struct Scans {
    median_ms: f64,
    max_ms: f64,
}

fn scans(session: &mut Session) -> Result<Scans> {
    let mut ms = Vec::with_capacity(SCANS);
    for _ in 0..SCANS {
        let begin = Instant::now();
        session.execute("select count(*), sum(v), max(name) from t")?.collect_batches()?;
        ms.push(super::ms(begin.elapsed()));
    }
    ms.sort_by(f64::total_cmp);
    Ok(Scans { median_ms: ms[SCANS / 2], max_ms: ms[SCANS - 1] })
}

/// Many rows in one transaction each: inserted, updated, deleted.
fn large(session: &mut Session, rows: u64, out: &mut impl Write) -> Result<()> {
    let _ = writeln!(out, "\n{:<34} {:>12} {:>10}", "one transaction", "rows", "s");
    session.run("create table digit (d bigint primary key)")?;
    session.run("insert into digit values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)")?;
    session.run("create table big (id bigint primary key, v bigint not null, name varchar(30))")?;
    let digits = rows.max(2).next_power_of_two().ilog2() / 3 + 1;
    let names: Vec<String> = (0..digits).map(|i| format!("d{i}")).collect();
    let tables: Vec<String> = names.iter().map(|name| format!("digit {name}")).collect();
    let number: Vec<String> =
        names.iter().enumerate().map(|(i, name)| format!("{name}.d * {}", 10u64.pow(i as u32))).collect();
    let (tables, number) = (tables.join(", "), number.join(" + "));
    let statements = [
        (
            "insert",
            format!("insert into big select {number}, 0, 'row' from {tables} where {number} < {rows}"),
        ),
        ("update", "update big set v = v + 1".to_owned()),
        ("delete", "delete from big where v = 1".to_owned()),
    ];
    for (name, sql) in statements {
        let begin = Instant::now();
        let affected = session.execute(&sql)?.affected_rows();
        let seconds = begin.elapsed().as_secs_f64();
        if affected != rows {
            return Err(Error::internal(format!("{name} changed {affected} of {rows} rows")));
        }
        let _ = writeln!(out, "{name:<34} {affected:>12} {seconds:>10.2}");
    }
    match one(session, "select count(*) from big")? {
        0 => Ok(()),
        left => Err(Error::internal(format!("{left} rows are left"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_acknowledged_is_lost() {
        let options = Options { rows: 300, sessions: vec![1, 3], seconds: 0.2, large_rows: 1234 };
        run(&options).unwrap();
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        assert_eq!(quantile_us(&[1000, 2000, 3000], 0.5), 2.0);
        assert_eq!(quantile_us(&[1000, 2000, 3000], 1.0), 3.0);
        assert_eq!(quantile_us(&[], 0.5), 0.0);
    }
}
