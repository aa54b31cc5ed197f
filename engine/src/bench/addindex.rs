//! `allod bench addindex`: how long it takes to add an index to lineitem, and what becomes of the session that updates its rows
//! meanwhile, one at a time by their keys, each statement a transaction of its own, in direct mode. Where the index has what is
//! updated, each update writes three keys in place of one from the first step on: what that costs is seen after it.
//!
//! At the end ADMIN CHECK TABLE goes over all entries, and the quantities have grown by as many as updates were acknowledged.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::load_tpch;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::import;
use crate::params;
use crate::session::Session;

/// One in so many orders has rows that are updated.
const ORDERS_PER_UPDATED: u32 = 31;
const UPDATE: &str =
    "update lineitem set l_quantity = l_quantity + 1 where l_orderkey = ? and l_linenumber = ?";

/// What is added, and for how long the writer is watched before.
#[derive(Clone, Debug)]
pub struct Options {
    /// Scale factor.
    pub sf: f64,
    /// Partitions of lineitem; `None` = it has none.
    pub partitions: Option<u16>,
    /// Each is added, measured, and dropped: its columns, as `l_partkey, l_suppkey` or `unique l_orderkey, l_linenumber`.
    pub indexes: Vec<String>,
    /// How long the writer writes before.
    pub seconds: f64,
}

/// What the writer has done so far, and how long an update took at most since somebody asked.
#[derive(Default)]
struct Meter {
    updates: AtomicU64,
    slowest_us: AtomicU64,
}

/// Prints a line for each index.
///
/// # Errors
/// If a statement fails, or rows or entries are not what they must be.
pub fn run(options: &Options) -> Result<()> {
    import::check_scale_factor(options.sf)?;
    let database = Database::new();
    load_tpch(&database, options.sf, options.partitions, &import::terminal_progress())?;
    let mut session = database.session();
    let rows = one(&mut session, "select count(*) from lineitem")?;
    let keys = keys(&mut session)?;
    let mut out = std::io::stdout();
    let _ = writeln!(
        out,
        "{:<34} {:>10} {:>8} {:>12} {:>12} {:>12} {:>8} {:>12}",
        "index of lineitem", "rows", "s", "before /s", "during /s", "after /s", "ratio", "slowest ms"
    );
    for index in &options.indexes {
        let sum = one(&mut session, "select cast(sum(l_quantity) as signed) from lineitem")?;
        let meter = Meter::default();
        let measured = beside(&database, &keys, &meter, || {
            // What comes first is slower: plans are made, deltas are folded.
            pause(options.seconds / 2.0);
            let watched = || {
                rate(&meter, || {
                    pause(options.seconds);
                    Ok(())
                })
            };
            let before = watched()?;
            let during = rate(&meter, || session.run(&added(index)).map(drop))?;
            Ok((before, during, watched()?))
        });
        let ((before, _, _), (during, seconds, slowest_ms), (after, _, _)) = measured?;
        let ratio = during / before.max(1e-9);
        let _ = writeln!(
            out,
            "{index:<34} {rows:>10} {seconds:>8.2} {before:>12.0} {during:>12.0} {after:>12.0} {ratio:>8.2} {slowest_ms:>12.1}"
        );
        session.run("admin check table lineitem")?;
        let grown = one(&mut session, "select cast(sum(l_quantity) as signed) from lineitem")? - sum;
        let acknowledged = meter.updates.load(Ordering::Relaxed);
        if grown != acknowledged as i64 {
            let message =
                format!("quantities have grown by {grown} after {acknowledged} acknowledged updates");
            return Err(Error::internal(message));
        }
        session.run("alter table lineitem drop index added")?;
    }
    Ok(())
}

fn added(index: &str) -> String {
    let (unique, columns) = match index.strip_prefix("unique ") {
        Some(columns) => ("unique ", columns),
        None => ("", index),
    };
    format!("alter table lineitem add {unique}index added ({columns})")
}

fn pause(seconds: f64) {
    std::thread::sleep(Duration::from_secs_f64(seconds));
}

/// Updates in a second while `work` goes on, how many seconds it took, and the slowest of them in milliseconds.
fn rate(meter: &Meter, work: impl FnOnce() -> Result<()>) -> Result<(f64, f64, f64)> {
    meter.slowest_us.store(0, Ordering::Relaxed);
    let (begin, updates) = (Instant::now(), meter.updates.load(Ordering::Relaxed));
    work()?;
    let seconds = begin.elapsed().as_secs_f64();
    let done = meter.updates.load(Ordering::Relaxed) - updates;
    let slowest_ms = meter.slowest_us.load(Ordering::Relaxed) as f64 / 1e3;
    Ok((done as f64 / seconds, seconds, slowest_ms))
}

/// Keys of rows that are updated, in an order in which neighbours are far from each other.
fn keys(session: &mut Session) -> Result<Vec<(i64, i64)>> {
    let sql = format!(
        "select l_orderkey, l_linenumber from lineitem where l_orderkey % {ORDERS_PER_UPDATED} = 0 \
         order by crc32(concat(l_orderkey, '-', l_linenumber))"
    );
    let rows = session.execute(&sql)?;
    rows.rows().map(|row| row.and_then(|row| Ok((row.get(0)?, row.get(1)?)))).collect()
}

/// Runs `work` while a session updates rows.
fn beside<T>(
    database: &Database,
    keys: &[(i64, i64)],
    meter: &Meter,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let stop = AtomicBool::new(false);
    let write = || -> Result<()> {
        let mut session = database.session();
        let update = session.prepare(UPDATE)?;
        for &(order, line) in keys.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let begin = Instant::now();
            session.execute_prepared(&update, params![order, line])?;
            meter.slowest_us.fetch_max(begin.elapsed().as_micros() as u64, Ordering::Relaxed);
            meter.updates.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(write);
        let worked = work();
        stop.store(true, Ordering::Relaxed);
        let written = writer.join();
        written.unwrap_or_else(|_| Err(Error::internal("the session that writes has panicked")))?;
        worked
    })
}

fn one(session: &mut Session, sql: &str) -> Result<i64> {
    let row = session.execute(sql)?.rows().next();
    row.ok_or_else(|| Error::internal("a result without a row"))??.get(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_rows_agree_afterwards() {
        for partitions in [None, Some(4)] {
            let indexes = ["l_partkey", "unique l_orderkey, l_quantity, l_linenumber"];
            let indexes = indexes.map(str::to_owned).to_vec();
            run(&Options { sf: 0.01, partitions, indexes, seconds: 0.1 }).unwrap();
        }
    }
}
