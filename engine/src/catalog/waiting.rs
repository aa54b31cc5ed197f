//! Waiting for the schema: for the lease, and for those who are in the way of who has it.

use std::time::Duration;

use allod_executor::Cancel;
use allod_storage::runtime::Runtime;

use crate::error::{Error, Result, code};

/// Who waits looks again after this, then after twice as long each time,
const PAUSE_FIRST: Duration = Duration::from_micros(200);
/// up to this.
const PAUSE_MAX: Duration = Duration::from_millis(10);

/// How long a statement still waits, and who may end that.
pub(crate) struct Waiting {
    cancel: Cancel,
    /// On the cluster's clock.
    left: Duration,
    runtime: Runtime,
}

impl Waiting {
    /// Of a statement that may be cancelled. `limit`: in all (`lock_wait_timeout`).
    pub fn new(cancel: &Cancel, limit: Duration, runtime: Runtime) -> Waiting {
        Waiting { cancel: cancel.clone(), left: limit, runtime }
    }

    /// What cancels it.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Error if the statement was cancelled.
    pub fn check(&self) -> Result<()> {
        Ok(self.cancel.check()?)
    }

    /// Waits until something is there.
    ///
    /// # Errors
    /// 1205 when the time is over, 1317 if it was cancelled; and those of `look`.
    pub fn until<T>(&mut self, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let found = self.within(Duration::MAX, look)?;
        found.ok_or_else(|| {
            let message = "lock wait timeout exceeded; try restarting transaction";
            Error::new(code::LOCK_WAIT_TIMEOUT, message)
        })
    }

    /// The same, but for so long at most; `None` = it was not there.
    pub fn within<T>(
        &mut self,
        limit: Duration,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let (mut waited, mut pause) = (Duration::ZERO, PAUSE_FIRST);
        loop {
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            self.check()?;
            if waited >= limit || self.left.is_zero() {
                return Ok(None);
            }
            self.runtime.pause(pause);
            waited += pause;
            self.left = self.left.saturating_sub(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
