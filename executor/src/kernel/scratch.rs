//! What a worker keeps between batches.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, DictionaryArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::UInt16Type;

use super::notice::{Notices, Rules};
use super::value::Value;
use super::volatile::Sequence;
use crate::error::{Error, Result};
use crate::execute::{NamedLocks, Sequences, UserVariables};
use crate::pipeline::Cancel;

/// A worker's caches. Programs keep their own state in it, so a program itself stays immutable and is shared by all workers.
#[derive(Debug, Default)]
pub struct Scratch {
    /// By program and node: what the node's expression comes to over the values of the dictionaries met so far.
    dictionaries: HashMap<(u64, usize), Vec<Entry>>,
    /// By program and node: where the numbers of a RAND with a constant seed have come to.
    sequences: HashMap<(u64, usize), Sequence>,
    /// The wish to stop, for what takes its time.
    cancel: Cancel,
    /// Who gives out the numbers of sequences; `None` where none is asked.
    asked: Option<Arc<dyn Sequences>>,
    /// Who knows of the locks that have names.
    named_locks: Option<Arc<dyn NamedLocks>>,
    /// Where the statement's user variables are; `None` where none is assigned to.
    variables: Option<Arc<dyn UserVariables>>,
    /// What kernels had to say.
    pub notices: Notices,
}

/// One expression over one dictionary.
#[derive(Debug)]
struct Entry {
    /// The dictionary's views: held, so that their address stays theirs.
    views: ScalarBuffer<u128>,
    /// Rows met with this dictionary.
    rows: usize,
    known: Known,
}

/// What is known of an expression over a dictionary.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// Not evaluated: too few rows so far for it to pay.
    NotYet,
    /// It fails for some value, perhaps one that no row has; rows must be looked at one by one.
    Fails,
    /// The result for each value of the dictionary, and for NULL behind them.
    Mapped(Value),
}

/// Dictionaries remembered per expression; a query rarely meets more than one.
const DICTIONARIES_MAX: usize = 8;

impl Scratch {
    /// Of a statement that may be asked to stop, with these rules.
    pub(crate) fn new(cancel: Cancel, rules: Rules) -> Scratch {
        Scratch { cancel, notices: Notices::new(rules), ..Scratch::default() }
    }

    /// The same for a statement that asks sequences, locks and variables.
    pub(crate) fn asking(
        self,
        asked: Option<Arc<dyn Sequences>>,
        named_locks: Option<Arc<dyn NamedLocks>>,
        variables: Option<Arc<dyn UserVariables>>,
    ) -> Scratch {
        Scratch { asked, named_locks, variables, ..self }
    }

    /// Where the statement's user variables are.
    pub(crate) fn variables(&self) -> Result<&dyn UserVariables> {
        let missing = || Error::Plan("a variable is asked for where there is none".into());
        self.variables.as_deref().ok_or_else(missing)
    }

    /// Who knows of the locks that have names.
    pub(crate) fn named_locks(&self) -> Result<&dyn NamedLocks> {
        let missing = || Error::Plan("a lock is asked for where there is none".into());
        self.named_locks.as_deref().ok_or_else(missing)
    }

    /// Who gives out the numbers of sequences.
    pub(crate) fn sequences(&self) -> Result<&dyn Sequences> {
        let missing = || Error::Plan("a sequence is asked where there is none".into());
        self.asked.as_deref().ok_or_else(missing)
    }

    /// The wish to stop.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The numbers of a RAND, begun with its seed.
    pub(crate) fn sequence(&mut self, program: u64, node: usize, seed: i64) -> &mut Sequence {
        self.sequences.entry((program, node)).or_insert_with(|| Sequence::new(seed))
    }

    /// Looks up (or begins) the entry of an expression over the dictionary of `codes`, and counts its rows. The second
    /// result is whether evaluating over the dictionary pays by now.
    pub(crate) fn dictionary(
        &mut self,
        program: u64,
        node: usize,
        codes: &DictionaryArray<UInt16Type>,
    ) -> (Known, bool) {
        let entries = self.dictionaries.entry((program, node)).or_default();
        let views = codes.values().as_string_view().views();
        let at = match entries.iter().position(|e| e.views.ptr_eq(views)) {
            Some(at) => at,
            None => {
                if entries.len() >= DICTIONARIES_MAX {
                    entries.remove(0);
                }
                entries.push(Entry { views: views.clone(), rows: 0, known: Known::NotYet });
                entries.len() - 1
            }
        };
        let entry = &mut entries[at];
        entry.rows += codes.len();
        (entry.known.clone(), entry.rows * 2 >= entry.views.len())
    }

    /// Remembers what came of evaluating over the dictionary of `codes`.
    pub(crate) fn learn(
        &mut self,
        program: u64,
        node: usize,
        codes: &DictionaryArray<UInt16Type>,
        known: Known,
    ) {
        let views = codes.values().as_string_view().views();
        let entries = self.dictionaries.entry((program, node)).or_default();
        if let Some(entry) = entries.iter_mut().find(|e| e.views.ptr_eq(views)) {
            entry.known = known;
        }
    }
}
