//! How often each function signature was used.
//!
//! Counted by value: the rewriter owns one while it works and returns it with the expressions. Nothing outside is written,
//! so any number of workers may rewrite expressions at once; whoever wants a total merges what came back.

use std::collections::BTreeMap;

use super::Function;
use super::types::Family;

/// Number of calls per signature: the function and the family of its first argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionUsage {
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl FunctionUsage {
    /// Counts one call.
    pub fn add(&mut self, function: &Function, family: Family) {
        *self.counts.entry((function.name(), family.suffix())).or_default() += 1;
    }

    /// Adds the counts of another part of the work.
    pub fn merge(&mut self, other: &FunctionUsage) {
        for (signature, n) in &other.counts {
            *self.counts.entry(*signature).or_default() += n;
        }
    }

    /// The counts by signature name, as TiDB writes it: `EQInt`, `PlusDecimal`.
    pub fn iter(&self) -> impl Iterator<Item = (String, u64)> {
        self.counts.iter().map(|((function, family), n)| (signature(function, family), *n))
    }
}

fn signature(function: &str, family: &str) -> String {
    match function {
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" => format!("{}{family}", function.to_ascii_uppercase()),
        _ => {
            let words = function.split('_').map(|w| w[..1].to_ascii_uppercase() + &w[1..]);
            format!("{}{family}", words.collect::<String>())
        }
    }
}
