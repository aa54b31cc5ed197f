//! What a statement comes to for each row: what it was and what it is by now.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use allod_storage::key::Key;

use super::rows::Held;

/// A row that came (`before` is `None`), went (`after` is `None`) or became another one.
#[derive(Clone)]
pub(super) struct Turned {
    pub before: Option<Held>,
    pub after: Option<Held>,
}

/// The rows of a table that a statement has changed.
#[derive(Default)]
pub(super) struct Net {
    /// Those that nobody has asked for yet.
    turned: Vec<Turned>,
    /// What is there by now, by key in the records; the place in `turned` as long as that holds it.
    present: BTreeMap<Key, (Held, Option<usize>)>,
    /// What was there and is not any more, or is another row: keys in the records.
    absent: BTreeSet<Key>,
}

impl Net {
    pub fn came(&mut self, new: &Held) {
        self.present.insert(new.key(0), (new.clone(), Some(self.turned.len())));
        self.turned.push(Turned { before: None, after: Some(new.clone()) });
    }

    pub fn went(&mut self, old: &Held) {
        let key = old.key(0);
        match self.present.remove(&key) {
            // It has come only now, or was another row before: what it was then is noted.
            Some((_, Some(at))) => self.turned[at].after = None,
            Some((_, None)) => self.turned.push(Turned { before: Some(old.clone()), after: None }),
            None => {
                self.absent.insert(key);
                self.turned.push(Turned { before: Some(old.clone()), after: None });
            }
        }
    }

    pub fn became(&mut self, old: &Held, new: &Held) {
        let key = old.key(0);
        let at = match self.present.remove(&key) {
            Some((_, Some(at))) => {
                self.turned[at].after = Some(new.clone());
                at
            }
            known => {
                if known.is_none() {
                    self.absent.insert(key);
                }
                self.turned.push(Turned { before: Some(old.clone()), after: Some(new.clone()) });
                self.turned.len() - 1
            }
        };
        self.present.insert(new.key(0), (new.clone(), Some(at)));
    }

    /// What has happened since somebody asked last.
    pub fn take_turned(&mut self) -> Vec<Turned> {
        self.present.values_mut().for_each(|(_, at)| *at = None);
        take(&mut self.turned)
    }

    /// The rows that the statement has put there.
    pub fn present(&self) -> impl Iterator<Item = &Held> {
        self.present.values().map(|(held, _)| held)
    }

    /// Whether the row with this key, as the statement's snapshot has it, is not there any more or is another one.
    pub fn is_superseded(&self, key: &Key) -> bool {
        self.absent.contains(key) || self.present.contains_key(key)
    }
}
