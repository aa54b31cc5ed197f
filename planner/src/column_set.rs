//! Sets of columns, as bits: rules ask "is this a subset of that" all day long.

use crate::column::ColumnId;

/// A set of column ids of one statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ColumnSet {
    /// Bit `i % 64` of word `i / 64`; the last word is never zero, so that equal sets are equal vectors.
    words: Vec<u64>,
}

impl ColumnSet {
    pub(crate) fn new() -> ColumnSet {
        ColumnSet::default()
    }

    pub(crate) fn insert(&mut self, id: ColumnId) {
        let word = id.0 as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (id.0 % 64);
    }

    pub(crate) fn contains(&self, id: ColumnId) -> bool {
        self.words.get(id.0 as usize / 64).is_some_and(|word| word >> (id.0 % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_subset(&self, of: &ColumnSet) -> bool {
        self.words.iter().enumerate().all(|(i, word)| word & !of.words.get(i).copied().unwrap_or(0) == 0)
    }

    pub(crate) fn intersects(&self, other: &ColumnSet) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    pub(crate) fn union_with(&mut self, other: &ColumnSet) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    pub(crate) fn subtract(&mut self, other: &ColumnSet) {
        for (word, less) in self.words.iter_mut().zip(&other.words) {
            *word &= !less;
        }
        self.trim();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| ColumnId(i as u32 * 64 + bit))
        })
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
}

impl FromIterator<ColumnId> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = ColumnId>>(ids: I) -> ColumnSet {
        let mut set = ColumnSet::new();
        set.extend(ids);
        set
    }
}

impl Extend<ColumnId> for ColumnSet {
    fn extend<I: IntoIterator<Item = ColumnId>>(&mut self, ids: I) {
        ids.into_iter().for_each(|id| self.insert(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_are_equal_whatever_was_removed() {
        let mut a: ColumnSet = [ColumnId(3), ColumnId(200)].into_iter().collect();
        a.subtract(&[ColumnId(200)].into_iter().collect());
        let b: ColumnSet = [ColumnId(3)].into_iter().collect();
        assert_eq!(a, b);
        assert!(b.is_subset(&a) && a.intersects(&b) && a.len() == 1);
        assert!(!a.contains(ColumnId(200)));
    }
}
