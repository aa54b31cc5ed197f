//! What the server has to say, a line each, on the standard error.

use std::fmt;

/// Writes a line with the time.
pub(super) fn line(what: impl fmt::Display) {
    let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.3f");
    eprintln!("{now} {what}");
}
