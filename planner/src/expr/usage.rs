//! How often each function signature was used.
//!
//! Counted by value: the rewriter owns one while it works and returns it with the expressions. Nothing outside is written,
//! so any number of workers may rewrite expressions at once; whoever wants a total merges what came back.

use std::collections::BTreeMap;

/// Number of calls per signature name (`EQInt`, `PlusDecimal`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionUsage {
    counts: BTreeMap<String, u64>,
}

impl FunctionUsage {
    /// Counts one call.
    pub fn add(&mut self, signature: String) {
        *self.counts.entry(signature).or_default() += 1;
    }

    /// Adds the counts of another part of the work.
    pub fn merge(&mut self, other: FunctionUsage) {
        for (signature, n) in other.counts {
            *self.counts.entry(signature).or_default() += n;
        }
    }

    /// The counts in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, n)| (name.as_str(), *n))
    }
}
