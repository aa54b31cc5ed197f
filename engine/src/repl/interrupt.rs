//! Ctrl-C while a statement runs.
//!
//! The line editor reads Ctrl-C as a key, so a signal only arrives while a statement runs. One thread waits for it and
//! cancels whatever statement is published as running. A second Ctrl-C for the same statement ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use allod_executor::Cancel;
use arc_swap::ArcSwapOption;

/// Shared by the shell, which says what runs, and the thread that waits for signals. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Interrupt {
    running: Arc<ArcSwapOption<Running>>,
}

struct Running {
    cancel: Cancel,
    signals: AtomicU32,
}

/// While it lives, Ctrl-C cancels the statement.
pub(super) struct Guard<'a>(&'a Interrupt);

impl Interrupt {
    /// Starts to listen. Without it Ctrl-C ends the program, as usual.
    pub fn listen() -> std::io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        let shared = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    shared.signal();
                }
            });
        })?;
        Ok(interrupt)
    }

    /// Says what Ctrl-C is to cancel, until the guard is dropped.
    pub fn guard(&self, cancel: Cancel) -> Guard<'_> {
        self.running.store(Some(Arc::new(Running { cancel, signals: AtomicU32::new(0) })));
        Guard(self)
    }

    fn signal(&self) {
        /// What a shell reports for a program that ended by SIGINT.
        const STATUS_SIGINT: i32 = 130;
        match &*self.running.load() {
            Some(running) if running.signals.fetch_add(1, Ordering::Relaxed) == 0 => running.cancel.cancel(),
            Some(_) | None => std::process::exit(STATUS_SIGINT),
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.running.store(None);
    }
}
