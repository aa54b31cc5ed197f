//! How often each function signature was used.
//!
//! Counted by value: the rewriter owns one while it works and returns it with the expressions. Nothing outside is written,
//! so any number of workers may rewrite expressions at once; whoever wants a total merges what came back.

use super::Function;
use super::types::Family;

/// Number of calls per signature: the function and the family of its first argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionUsage {
    /// Sorted by signature. A statement has a handful, so one allocation and a few comparisons are all that counting costs.
    counts: Vec<((&'static str, &'static str), u64)>,
}

impl FunctionUsage {
    /// Counts one call.
    pub fn add(&mut self, function: &Function, family: Family) {
        self.add_many((function.name(), family.suffix()), 1);
    }

    fn add_many(&mut self, signature: (&'static str, &'static str), n: u64) {
        match self.counts.binary_search_by(|(s, _)| s.cmp(&signature)) {
            Ok(at) => self.counts[at].1 += n,
            Err(at) => self.counts.insert(at, (signature, n)),
        }
    }

    /// Adds the counts of another part of the work.
    pub fn merge(&mut self, other: &FunctionUsage) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
            return;
        }
        for (signature, n) in &other.counts {
            self.add_many(*signature, *n);
        }
    }

    /// Whether no function was used.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
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
