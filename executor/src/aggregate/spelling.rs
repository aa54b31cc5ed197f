//! What groups show of texts that are equal to others and not the same.
//!
//! A key's word is the number of a text, which stands for every text that is equal to it and shows the first of them that was met.
//! A group of several keys may have met only others: it is noted with its own text, which it then shows. Nearly always all
//! equal texts are the same; then nothing is noted, and nobody looks.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::{DataType, UInt16Type};
use hashbrown::HashMap;

use super::groups::{Assigned, Finished};
use super::merge::MoveList;
use crate::batch::decode;
use crate::key::{Encoder, Interner};

/// A text that a group shows instead of the first that is equal to it.
#[derive(Clone, Debug)]
pub(super) struct Spelled {
    /// Which of the keys.
    pub key: usize,
    /// Whose.
    pub group: u32,
    text: Arc<str>,
}

/// Notes the groups that have begun, of rows of these columns.
pub(super) fn note(encoders: &[Encoder], columns: &[ArrayRef], assigned: &Assigned, out: &mut Vec<Spelled>) {
    for (key, (encoder, column)) in encoders.iter().zip(columns).enumerate() {
        let Some(strings) = encoder.own_strings().filter(|strings| strings.is_respelled()) else { continue };
        let first = assigned.groups - assigned.new_rows.len();
        for (group, &row) in (first as u32..).zip(&assigned.new_rows) {
            let Some(text) = text_at(column, row as usize) else { continue };
            let shown = strings.get(text.as_bytes()).map(|number| strings.value(number));
            if shown.is_some_and(|shown| shown != text.as_bytes()) {
                out.push(Spelled { key, group, text: text.into() });
            }
        }
    }
}

/// Notes the groups of a worker that showed texts of its own, now that all workers' are numbered together. Its words of the key
/// are still its own numbers, of which `numbers` says what they are now.
pub(super) fn note_renumbered(
    worker: &mut Finished,
    (key, word): (usize, usize),
    own: &Interner,
    all: &Interner,
    numbers: &[i64],
) {
    if !all.is_respelled() {
        return;
    }
    let known: Vec<u32> = worker.spelled.iter().filter(|s| s.key == key).map(|s| s.group).collect();
    for group in (0..worker.groups as u32).filter(|group| !known.contains(group)) {
        let Some(number) = worker.words[word].get(group as usize) else { continue };
        let (text, now) = (own.value(number as u32), numbers.get(number as usize));
        if now.is_none_or(|now| all.value(*now as u32) == text) {
            continue;
        }
        if let Ok(text) = std::str::from_utf8(text) {
            worker.spelled.push(Spelled { key, group, text: text.into() });
        }
    }
}

/// What the groups of a partition show, into which those of workers have gone.
pub(super) fn moved(workers: &[Finished], moves: &[MoveList]) -> Vec<Spelled> {
    let mut out = Vec::new();
    for (worker, moves) in workers.iter().zip(moves).filter(|(worker, _)| !worker.spelled.is_empty()) {
        let to: HashMap<u32, u32> = moves.from.iter().copied().zip(moves.to.iter().copied()).collect();
        let here = |s: &Spelled| Some(Spelled { group: *to.get(&s.group)?, ..s.clone() });
        out.extend(worker.spelled.iter().filter_map(here));
    }
    out
}

/// The texts of a key with those in place that its groups show; row `n` is that of group `group(n)`.
pub(super) fn shown(
    column: ArrayRef,
    key: usize,
    spelled: &[Spelled],
    group: impl Fn(usize) -> u32,
) -> ArrayRef {
    let own: HashMap<u32, &str> =
        spelled.iter().filter(|s| s.key == key).map(|s| (s.group, &*s.text)).collect();
    if own.is_empty() {
        return column;
    }
    let plain = decode(&column);
    let Some(texts) = plain.as_string_view_opt() else { return column };
    let text =
        |row: usize| own.get(&group(row)).copied().or_else(|| texts.is_valid(row).then(|| texts.value(row)));
    Arc::new((0..texts.len()).map(text).collect::<StringViewArray>())
}

/// The text at a row, if it is one.
fn text_at(column: &ArrayRef, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Utf8View => Some(column.as_string_view().value(row)),
        DataType::Dictionary(_, _) => {
            let codes = column.as_dictionary_opt::<UInt16Type>()?;
            let code = usize::from(codes.keys().value(row));
            codes.values().as_string_view_opt().map(|texts| texts.value(code))
        }
        _ => None,
    }
}
