//! What one worker owns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use allod_storage::client::Interrupt;
use allod_storage::runtime::{checkpoint, now};

use super::{Context, Flow};
use crate::error::{Error, Result};
use crate::kernel::Scratch;

/// A wish to stop, shared by a session and the statement that it runs, and the time at which the statement has to stop
/// anyway. Workers look at it between morsels.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    asked: Arc<AtomicBool>,
    /// Belongs to this copy: the statement's, not the session's.
    deadline: Option<Instant>,
}

impl Cancel {
    /// A wish not yet made.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Makes it another statement's: what copies of it are asked from now on does not concern this one.
    pub fn renew(&mut self) {
        self.deadline = None;
        // If there is no copy that might be asked, and nobody has asked, it is as new.
        if Arc::get_mut(&mut self.asked).is_none_or(|asked| *asked.get_mut()) {
            *self = Cancel::default();
        }
    }

    /// Asks the statement to stop. May be called from any thread.
    pub fn cancel(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// The same wish for a statement that may run for so long from now on.
    pub fn within(&self, limit: Duration) -> Cancel {
        // A time too far away to be counted is no limit.
        Cancel { asked: Arc::clone(&self.asked), deadline: now().checked_add(limit) }
    }

    /// Fails once somebody has asked or the time is over. A [`checkpoint`] of what was taken to be short.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::TimedOut`].
    pub fn check(&self) -> Result<()> {
        checkpoint();
        if self.asked.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        match self.deadline {
            Some(deadline) if now() >= deadline => Err(Error::TimedOut),
            Some(_) | None => Ok(()),
        }
    }
}

/// What a storage client asks while it waits.
impl From<&Cancel> for Interrupt {
    fn from(cancel: &Cancel) -> Interrupt {
        Interrupt::new(Arc::clone(&cancel.asked), cancel.deadline)
    }
}

/// Everything that belongs to one worker of one statement and may change while it runs.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Buffers and caches of the kernels.
    pub scratch: Scratch,
    /// The task that is being run: ascending within a pipeline, branch after branch.
    pub task: u64,
    /// Rows that a fused scan read before its selection dropped some; moved to the scan's meter after each task.
    pub scanned_rows: u64,
    cancel: Cancel,
    stop: Arc<AtomicBool>,
    mark: Option<Instant>,
}

impl Worker {
    /// A worker of a statement.
    pub fn of(context: &Context) -> Worker {
        Worker::new(context.scratch(), context.cancel.clone())
    }

    fn new(scratch: Scratch, cancel: Cancel) -> Worker {
        Worker {
            scratch,
            task: 0,
            scanned_rows: 0,
            cancel,
            stop: Arc::new(AtomicBool::new(false)),
            mark: None,
        }
    }

    /// A worker of its own, for tests of one reader, stage or sink.
    #[cfg(test)]
    pub fn alone() -> Worker {
        Worker::new(Scratch::default(), Cancel::new())
    }

    /// Error if the statement was cancelled or is out of time, Stop if another worker has ended the branch.
    pub fn check(&self) -> Result<Flow> {
        self.cancel.check()?;
        Ok(if self.stop.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue })
    }

    /// Joins a run of several workers that share `stop`.
    pub(super) fn join(&mut self, stop: &Arc<AtomicBool>) {
        self.stop = Arc::clone(stop);
    }

    /// Ends the run for all of its workers.
    pub(super) fn halt(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn start_clock(&mut self, analyze: bool) {
        self.mark = analyze.then(Instant::now);
    }

    /// The time, if somebody wants to know how long things take.
    pub fn clock(&self) -> Option<Instant> {
        self.mark.is_some().then(Instant::now)
    }

    /// Books the time since the last lap to `meter`; nothing if nobody asked for times.
    pub(super) fn lap(&mut self, meter: &mut Meter) {
        if let Some(mark) = &mut self.mark {
            let now = Instant::now();
            meter.time += now - *mark;
            *mark = now;
        }
    }
}

/// How long ago that was; nothing if nobody wanted to know.
pub(crate) fn since(started: Option<Instant>) -> Duration {
    started.map_or(Duration::ZERO, |started| started.elapsed())
}

/// What one worker measured of one operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meter {
    /// Rows that came out.
    pub rows: u64,
    /// Batches that came out.
    pub batches: u64,
    /// Time spent in it, not in what it emits into.
    pub time: Duration,
}
