//! Several sessions that run the same query at once: how many they get done in a second, all together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::error::{Error, Result};

/// How long they run.
const SPAN: Duration = Duration::from_secs(1);

/// Executions per second of `sessions` sessions, each on a thread of its own and each running the query again and again.
///
/// # Errors
/// The first of a session; the others then stop.
pub(super) fn per_second(database: &Database, sql: &str, sessions: usize) -> Result<f64> {
    let stop = AtomicBool::new(false);
    let work = || -> Result<u64> {
        let mut session = database.session();
        let mut done = 0;
        while !stop.load(Ordering::Relaxed) {
            session.execute(sql).and_then(|result| result.collect_batches())?;
            done += 1;
        }
        Ok(done)
    };
    let begin = Instant::now();
    let done: Result<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..sessions.max(1))
            .map(|_| {
                scope.spawn(|| {
                    let done = work();
                    if done.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    done
                })
            })
            .collect();
        while begin.elapsed() < SPAN && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::Relaxed);
        let joined = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::internal("a session of the benchmark panicked")))
        });
        joined.sum()
    });
    Ok(done? as f64 / begin.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_run_side_by_side_and_an_error_ends_them() {
        let database = Database::new();
        assert!(per_second(&database, "select 1", 3).unwrap() > 1.0);
        assert_eq!(per_second(&database, "select * from nope", 2).unwrap_err().code(), 1146);
    }
}
