//! `engines`, `character_sets` and `collations`: what cannot be changed.

use allod_storage::schema::{Charset, Collation, Datum};

use super::Kind::{Number, Text};
use super::{Definition, Facts, number, text};
use crate::catalog::Version;
use crate::error::Result;

/// The one engine, in the words in which TiDB and MySQL tell tools of theirs.
pub(crate) const ENGINE: [&str; 6] = [
    super::tables::ENGINE,
    "DEFAULT",
    "Supports transactions, row-level locking, and foreign keys",
    "YES",
    "YES",
    "YES",
];

pub(super) const ENGINES: Definition = Definition {
    name: "engines",
    columns: &[
        ("ENGINE", Text(64)),
        ("SUPPORT", Text(8)),
        ("COMMENT", Text(80)),
        ("TRANSACTIONS", Text(3)),
        ("XA", Text(3)),
        ("SAVEPOINTS", Text(3)),
    ],
    rows: |_: &Version, _: &Facts| -> Result<Vec<Vec<Datum>>> { Ok(vec![ENGINE.map(text).to_vec()]) },
};

pub(super) const CHARACTER_SETS: Definition = Definition {
    name: "character_sets",
    columns: &[
        ("CHARACTER_SET_NAME", Text(64)),
        ("DEFAULT_COLLATE_NAME", Text(64)),
        ("DESCRIPTION", Text(2048)),
        ("MAXLEN", Number),
    ],
    rows: |_: &Version, _: &Facts| -> Result<Vec<Vec<Datum>>> {
        let row = |set: Charset| {
            let (name, own) = (text(set.name()), text(set.collation().name()));
            vec![name, own, text(set.description()), number(u64::from(set.bytes_max()))]
        };
        Ok(Charset::ALL.into_iter().map(row).collect())
    },
};

pub(super) const COLLATIONS: Definition = Definition {
    name: "collations",
    columns: &[
        ("COLLATION_NAME", Text(64)),
        ("CHARACTER_SET_NAME", Text(64)),
        ("ID", Number),
        ("IS_DEFAULT", Text(3)),
        ("IS_COMPILED", Text(3)),
        ("SORTLEN", Number),
        ("PAD_ATTRIBUTE", Text(9)),
    ],
    rows: |_: &Version, _: &Facts| -> Result<Vec<Vec<Datum>>> {
        let row = |own: Collation| {
            let default = if own.is_default() { "Yes" } else { "" };
            let pad = text(if own.counts_blanks() { "NO PAD" } else { "PAD SPACE" });
            let (id, length) = (number(u64::from(own.id())), number(u64::from(own.sort_length())));
            vec![text(own.name()), text(own.charset().name()), id, text(default), text("Yes"), length, pad]
        };
        Ok(Collation::ALL.into_iter().filter(|own| !own.is_of_dumps()).map(row).collect())
    },
};

pub(super) const APPLICABILITY: Definition = Definition {
    name: "collation_character_set_applicability",
    columns: &[("COLLATION_NAME", Text(32)), ("CHARACTER_SET_NAME", Text(32))],
    rows: |_: &Version, _: &Facts| -> Result<Vec<Vec<Datum>>> {
        let row = |own: Collation| vec![text(own.name()), text(own.charset().name())];
        Ok(Collation::ALL.into_iter().filter(|own| !own.is_of_dumps()).map(row).collect())
    },
};
