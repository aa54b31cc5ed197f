//! Threads for building an index beside which others go on.
//!
//! Whoever reads, sorts and builds a whole table on rayon's own pool has every processor busy for as long as that takes, and a
//! session that writes rows meanwhile gets what the scheduler leaves it. So such work has a pool of its own, of half as many
//! threads as there are processors, which ends with it. And these threads come last: where all processors are busy, the
//! scheduler gives them a tenth of what it gives others, so an index takes longer, and a writer hardly does.
//! While it is built, what its snapshot reads is kept.
//!
//! The thread of the session only waits, and looks whether its statement is cancelled. If it is, what was begun is let go: it
//! comes to its end, or to where it looks itself, and nobody asks what it has come to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::Waiting;
use crate::error::{Error, Result};

/// How much nicer they are than others, in the scheduler's measure,
#[cfg(target_os = "linux")]
const NICER_BY: i32 = 10;
/// which goes to this.
#[cfg(target_os = "linux")]
const NICENESS_MAX: i32 = 19;

/// How often it is looked whether a statement is cancelled.
const LOOK: Duration = Duration::from_millis(10);

/// See the module's essay.
pub(super) struct Crew(ThreadPool);

impl Crew {
    /// Half as many threads as there are processors.
    pub fn new() -> Result<Crew> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = ThreadPoolBuilder::new().num_threads((processors / 2).max(1));
        let pool = pool.thread_name(|at| format!("allod-crew-{at}")).start_handler(|_| come_last());
        pool.build().map(Crew).map_err(Error::internal)
    }

    /// Computes something there: all parallel work within `work` is done by these threads. It must wait for nobody.
    ///
    /// # Errors
    /// Those of `work`, and 1317 as soon as the statement is cancelled.
    pub fn run<T: Send + 'static>(
        &self,
        waiting: &Waiting,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = bounded(1);
        self.0.spawn(move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            // Nobody may be there any more to hear it.
            let _ = tell
                .send(done.unwrap_or_else(|_| Err(Error::internal("a change of the schema has panicked"))));
        });
        loop {
            match told.recv_timeout(LOOK) {
                Ok(done) => return done,
                Err(RecvTimeoutError::Timeout) => waiting.check()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::internal("threads have ended early"));
                }
            }
        }
    }
}

/// Lets other threads than this one go first. If the system will not, all are alike.
fn come_last() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        let this = Some(rustix::thread::gettid());
        let _ = getpriority_process(this)
            .and_then(|niceness| setpriority_process(this, (niceness + NICER_BY).min(NICENESS_MAX)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use allod_executor::Cancel;
    use allod_storage::cluster::{Cluster, ClusterConfig};
    use rayon::prelude::*;

    use super::*;

    fn waiting(cancel: &Cancel) -> Waiting {
        let runtime = Cluster::new(ClusterConfig::default()).runtime();
        Waiting::new(cancel, Duration::from_secs(60), runtime)
    }

    #[test]
    fn work_is_done_by_no_more_than_half_of_the_processors() {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            let names = (0..1000).into_par_iter().map(|_| std::thread::current().name().map(str::to_owned));
            Ok(names.collect::<std::collections::BTreeSet<_>>())
        };
        let names = Crew::new().unwrap().run(&waiting(&Cancel::new()), work).unwrap();
        assert!(names.len() <= (processors / 2).max(1), "{names:?}");
        assert!(names.iter().flatten().all(|name| name.starts_with("allod-crew")), "{names:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn its_threads_come_last_and_others_stay_as_they_are() {
        let niceness = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
        let own = niceness();
        let theirs = Crew::new().unwrap().run(&waiting(&Cancel::new()), move || Ok(niceness())).unwrap();
        assert_eq!((theirs, niceness()), ((own + NICER_BY).min(NICENESS_MAX), own));
    }

    #[test]
    fn who_is_cancelled_does_not_wait_for_the_end() {
        let (cancel, crew) = (Cancel::new(), Crew::new().unwrap());
        let (end, ended) = mpsc::channel::<()>();
        let begun = Instant::now();
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                cancel.cancel();
            });
            crew.run(&waiting(&cancel), move || {
                let _ = ended.recv_timeout(Duration::from_secs(20));
                Ok(())
            })
        });
        assert_eq!(outcome.unwrap_err().code(), 1317);
        assert!(begun.elapsed() < Duration::from_secs(10));
        drop(end);
        // What panics is an error of the statement alone.
        let waiting = waiting(&Cancel::new());
        assert!(crew.run(&waiting, || -> Result<()> { panic!("in the crew") }).is_err());
        assert_eq!(crew.run(&waiting, || Ok(7)).unwrap(), 7);
    }
}
