//! Digests of statements: the same for those that differ in their values only.

use allod_planner::parse::normalized;
use sha2::{Digest, Sha256};

/// The digest of a statement: that of its normal form. Empty for what cannot be read.
pub(crate) fn of(statement: &str) -> String {
    normalized(statement).map(|text| of_normalized(&text)).unwrap_or_default()
}

/// The digest of a normal form.
fn of_normalized(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
