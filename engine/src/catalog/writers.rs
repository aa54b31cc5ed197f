//! Who is writing to a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allod_storage::runtime::Runtime;

use crate::error::{Error, Result, code};

/// How long DDL waits for writers to leave before it gives up.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// It looks again after this, then after twice as long each time,
const PAUSE_FIRST: Duration = Duration::from_micros(200);
/// up to this.
const PAUSE_MAX: Duration = Duration::from_millis(10);

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
    pub fn drain(&self, runtime: &Runtime) -> Result<()> {
        let (mut waited, mut pause) = (Duration::ZERO, PAUSE_FIRST);
        while self.0.load(Ordering::SeqCst) > 0 {
            if waited > DRAIN_MAX {
                let message = "other statements are writing to the table; try again later";
                return Err(Error::new(code::UNKNOWN, message));
            }
            runtime.pause(pause);
            waited += pause;
            pause = (pause * 2).min(PAUSE_MAX);
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
    use allod_storage::cluster::{Cluster, ClusterConfig};

    use super::*;

    #[test]
    fn draining_waits_for_the_last_writer() {
        let writers = Arc::new(Writers::default());
        let guard = writers.enter();
        let waiter = std::thread::spawn({
            let writers = Arc::clone(&writers);
            move || writers.drain(&Cluster::new(ClusterConfig::default()).runtime())
        });
        std::thread::sleep(Duration::from_millis(5));
        assert!(!waiter.is_finished());
        drop(guard);
        waiter.join().unwrap().unwrap();
    }
}
