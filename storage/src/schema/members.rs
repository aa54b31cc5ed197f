//! The members of ENUM and SET columns, and the numbers that stand for them.
//!
//! A column holds numbers: for ENUM the place of the member in the definition, counted from 1, and 0 for the empty string
//! that MySQL keeps where a value was no member; for SET a mask, whose lowest bit is the first member. The definition is
//! part of the type, so whoever has the type of a value can print it: the store sorts and compares numbers and knows of
//! nothing else.

use std::sync::Arc;

use super::Collation;

/// The most members that an ENUM may have.
pub const ENUM_MEMBERS_MAX: usize = 65_535;
/// The most members that a SET may have: one for each bit.
pub const SET_MEMBERS_MAX: usize = 64;

/// The members of an ENUM or a SET in the order of the definition, without blanks at their ends, and the collation that says
/// which text is one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Members {
    texts: Arc<[Arc<str>]>,
    collation: Collation,
}

impl Members {
    /// From what was written; blanks at the end of a member are not part of it. Of the default collation.
    pub fn new<'a>(members: impl IntoIterator<Item = &'a str>) -> Members {
        let texts = members.into_iter().map(|m| Arc::from(m.trim_end_matches(' '))).collect();
        Members { texts, collation: Collation::default() }
    }

    /// The same members of another collation.
    pub fn with_collation(self, collation: Collation) -> Members {
        Members { collation, ..self }
    }

    /// Their collation.
    pub fn collation(&self) -> Collation {
        self.collation
    }

    /// The members.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|m| &**m)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is none, which no definition allows.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether one of them is empty, as what is no member is too.
    pub fn has_empty(&self) -> bool {
        self.iter().any(str::is_empty)
    }

    /// The first member that is written twice.
    pub fn repeated(&self) -> Option<&str> {
        let mut seen = std::collections::HashSet::with_capacity(self.len());
        self.iter().find(|m| !seen.insert(self.collation.sort_key(m)))
    }

    /// Characters of the longest text that an ENUM of them can have.
    pub fn enum_length(&self) -> u32 {
        self.iter().map(characters).max().unwrap_or(0)
    }

    /// Characters of the longest text that a SET of them can have: all of them and the commas between.
    pub fn set_length(&self) -> u32 {
        let commas = u32::try_from(self.len()).unwrap_or(u32::MAX).saturating_sub(1);
        self.iter().map(characters).fold(commas, u32::saturating_add)
    }

    /// The text of an ENUM's number; empty for 0 and for numbers that stand for nothing.
    pub fn enum_text(&self, number: u64) -> &str {
        usize::try_from(number).ok().and_then(|n| self.texts.get(n.checked_sub(1)?)).map_or("", |m| m)
    }

    /// Appends the text of a SET's mask: its members with commas between them.
    pub fn write_set(&self, mask: u64, out: &mut String) {
        let start = out.len();
        for (bit, member) in self.iter().enumerate().take(SET_MEMBERS_MAX) {
            if mask >> bit & 1 == 1 {
                if out.len() > start || bit > 0 && mask & ((1 << bit) - 1) != 0 {
                    out.push(',');
                }
                out.push_str(member);
            }
        }
    }

    /// The text of a SET's mask.
    pub fn set_text(&self, mask: u64) -> String {
        let mut out = String::new();
        self.write_set(mask, &mut out);
        out
    }

    /// The number of the ENUM member that is equal to this text; blanks at its end do not count.
    pub fn enum_number(&self, text: &str) -> Option<u64> {
        let text = text.trim_end_matches(' ');
        let at = match self.collation.is_plain() {
            true => self.iter().position(|m| m == text),
            false => {
                let key = self.collation.sort_key(text);
                self.iter().position(|m| self.collation.sort_key(m) == key)
            }
        };
        at.map(|at| at as u64 + 1)
    }

    /// The mask of a list of members with commas between them: `None` if one is no member. The empty text is the empty set.
    pub fn set_mask(&self, text: &str) -> Option<u64> {
        if text.is_empty() {
            return Some(0);
        }
        text.split(',').try_fold(0, |mask, member| Some(mask | 1 << (self.enum_number(member)? - 1)))
    }

    /// All bits that a mask may have.
    pub fn set_all(&self) -> u64 {
        match self.len() {
            n if n >= SET_MEMBERS_MAX => u64::MAX,
            n => (1 << n) - 1,
        }
    }
}

fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_stand_for_members() {
        let m = Members::new(["b", "a ", "", "C"]);
        assert_eq!(m.iter().collect::<Vec<_>>(), ["b", "a", "", "C"]);
        assert_eq!(m.enum_number("a  "), Some(2));
        assert_eq!(m.enum_number("c"), None);
        assert_eq!(m.enum_text(2), "a");
        assert_eq!((m.enum_text(0), m.enum_text(5), m.enum_text(u64::MAX)), ("", "", ""));
        assert_eq!(m.enum_length(), 1);
        assert_eq!(Members::new(["x", "y", "x "]).repeated(), Some("x"));
        assert_eq!(m.repeated(), None);
        let ci = m.with_collation(Collation::Utf8mb4GeneralCi);
        assert_eq!((ci.enum_number("c "), ci.enum_number("Ä"), ci.enum_text(4)), (Some(4), Some(2), "C"));
        let two = Members::new(["x", "X"]);
        assert_eq!(two.repeated(), None);
        assert_eq!(two.with_collation(Collation::Utf8mb4GeneralCi).repeated(), Some("X"));
    }

    #[test]
    fn masks_stand_for_sets() {
        let m = Members::new(["one", "two", "three"]);
        assert_eq!(m.set_mask("three,one,three"), Some(0b101));
        assert_eq!(m.set_mask(""), Some(0));
        assert_eq!((m.set_mask("four"), m.set_mask("one,")), (None, None));
        assert_eq!(m.set_text(0b111), "one,two,three");
        assert_eq!(m.set_text(0b100), "three");
        assert_eq!(m.set_text(0), "");
        assert_eq!(m.set_length(), 13);
        // An empty member still has its comma.
        assert_eq!(Members::new(["", "x"]).set_text(0b11), ",x");
    }

    proptest! {
        #[test]
        fn every_mask_survives_the_way_through_its_text(count in 1..=64usize, mask: u64) {
            let names: Vec<String> = (0..count).map(|n| format!("m{n}")).collect();
            let members = Members::new(names.iter().map(String::as_str));
            let mask = mask & members.set_all();
            prop_assert_eq!(members.set_mask(&members.set_text(mask)), Some(mask));
        }
    }
}
