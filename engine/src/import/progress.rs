//! How far a long task is, for whoever wants to see it.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Hears how far a task is. Called from several threads.
#[derive(Clone)]
pub struct Progress {
    /// `None` = nobody wants to know.
    bars: Option<ProgressStyle>,
}

/// Tells nobody.
pub fn no_progress() -> Progress {
    Progress { bars: None }
}

/// Draws bars on the standard error stream if that is a terminal, and tells nobody if it is not.
pub fn terminal_progress() -> Progress {
    if !std::io::stderr().is_terminal() {
        return no_progress();
    }
    let style = ProgressStyle::with_template("{msg:28} [{bar:40}] {percent:>3}% {elapsed}");
    Progress { bars: style.ok().map(|s| s.progress_chars("=> ")) }
}

impl Progress {
    /// A step of this many units begins.
    pub fn step(&self, what: &str, units: u64) -> Step {
        let bar = self.bars.as_ref().map(|style| {
            let bar = ProgressBar::new(units).with_style(style.clone()).with_message(what.to_string());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Step(bar)
    }
}

/// A step of a task; gone from the screen when dropped.
pub struct Step(Option<ProgressBar>);

impl Step {
    /// So many more units are done.
    pub fn advance(&self, units: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(units);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
