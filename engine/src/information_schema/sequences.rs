//! `sequences`: the sequences of all databases.

use allod_planner::sequence::{Sequence, SequenceOptions};
use allod_storage::schema::Datum;

use super::Kind::{Number, Text};
use super::{Definition, Facts, text};
use crate::catalog::{SequenceEntry, Version};
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "sequences",
    columns: &[
        ("TABLE_CATALOG", Text(512)),
        ("SEQUENCE_SCHEMA", Text(64)),
        ("SEQUENCE_NAME", Text(64)),
        ("CACHE", Number),
        ("CACHE_VALUE", Number),
        ("CYCLE", Number),
        ("INCREMENT", Number),
        ("MAX_VALUE", Number),
        ("MIN_VALUE", Number),
        ("START", Number),
        ("COMMENT", Text(64)),
    ],
    rows,
};

fn rows(version: &Version, _facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let sequences = version.databases().flat_map(|database| version.sequences(database));
    let row = |entry: &SequenceEntry| {
        let Sequence { database, name, options, comment, .. } = &*entry.definition;
        let SequenceOptions { start, min, max, increment, cache, cycle } = *options;
        let mut row = vec![text("def"), text(database), text(name)];
        let numbers = [cache.is_some().into(), cache.unwrap_or(0), cycle.into(), increment, max, min, start];
        row.extend(numbers.map(Datum::Int));
        row.push(text(comment));
        row
    };
    Ok(sequences.map(row).collect())
}
