//! `keywords`: MySQL's words and those that TiDB adds, and which of them are reserved. A reserved word is a name only between
//! backquotes; here some of them are without.

use allod_planner::parse::{OTHER_WORDS, RESERVED_WORDS};

use super::Kind::{Number, Text};
use super::{Definition, number, text};

pub(super) const TABLE: Definition = Definition {
    name: "keywords",
    columns: &[("WORD", Text(128)), ("RESERVED", Number)],
    rows: |_, _| {
        let of = |words: &'static str, reserved| words.split(' ').map(move |word| (word, reserved));
        let mut words: Vec<(&str, u64)> = of(RESERVED_WORDS, 1).chain(of(OTHER_WORDS, 0)).collect();
        words.sort_unstable();
        Ok(words.into_iter().map(|(word, reserved)| vec![text(word), number(reserved)]).collect())
    },
};
