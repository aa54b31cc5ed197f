//! A wish to stop, as far as the client is concerned: something to ask while it waits.
//!
//! Waits for a lock, for a region that has moved or for a store that is busy may be long, and whoever waits may have been
//! killed or be out of time. So a client asks before each wait, and now and then within a long one, whether it still shall.
//! What must not be left half done (a commit that may be decided, giving locks back) is not interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::runtime::now;

/// Asked while a client waits. Cheap to clone; the default never stops anything.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    asked: Option<Arc<AtomicBool>>,
    deadline: Option<Instant>,
}

impl Interrupt {
    /// Stops waiting once `asked` is true, or at the deadline, which is one of [`now`]'s.
    pub fn new(asked: Arc<AtomicBool>, deadline: Option<Instant>) -> Interrupt {
        Interrupt { asked: Some(asked), deadline }
    }

    /// Whether it ever stops anything.
    pub(super) fn is_some(&self) -> bool {
        self.asked.is_some()
    }

    /// [`Error::Interrupted`] if the client shall stop.
    pub(super) fn check(&self) -> Result<()> {
        let is_asked = self.asked.as_ref().is_some_and(|asked| asked.load(Ordering::Relaxed));
        let is_over = || self.deadline.is_some_and(|deadline| now() >= deadline);
        if is_asked || is_over() { Err(Error::Interrupted) } else { Ok(()) }
    }
}
