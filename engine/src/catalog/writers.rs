//! Who is writing to a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, code};

/// How long DDL waits for writers to leave before it gives up.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// Counts the statements that write to a table.
///
/// A writer enters, then looks whether the table is still open; DDL closes the table, then looks whether anybody is in.
/// Both sides use the strictest memory ordering, so at least one of them sees the other.
#[derive(Debug, Default)]
pub(crate) struct Writers(AtomicU64);

impl Writers {
    /// Counts the caller in until the guard is dropped.
    pub fn enter(self: &Arc<Writers>) -> WriteGuard {
        self.0.fetch_add(1, Ordering::SeqCst);
        WriteGuard(Arc::clone(self))
    }

    /// Waits until nobody is in.
    pub fn drain(&self) -> Result<()> {
        let begin = Instant::now();
        while self.0.load(Ordering::SeqCst) > 0 {
            if begin.elapsed() > DRAIN_MAX {
                let message = "other statements are writing to the table; try again later";
                return Err(Error::new(code::UNKNOWN, message));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

/// A writer's presence.
#[derive(Debug)]
pub(crate) struct WriteGuard(Arc<Writers>);

impl Drop for WriteGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_waits_for_the_last_writer() {
        let writers = Arc::new(Writers::default());
        let guard = writers.enter();
        let waiter = std::thread::spawn({
            let writers = Arc::clone(&writers);
            move || writers.drain()
        });
        std::thread::sleep(Duration::from_millis(5));
        assert!(!waiter.is_finished());
        drop(guard);
        waiter.join().unwrap().unwrap();
    }
}
