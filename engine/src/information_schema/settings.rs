//! `engines`, `character_sets` and `collations`: what cannot be changed.

use allod_storage::schema::Datum;

use super::Kind::{Number, Text};
use super::{Definition, Facts, number, text};
use crate::catalog::Version;
use crate::error::Result;

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
    rows: |_: &Version, _: &Facts| -> Result<Vec<Vec<Datum>>> {
        let comment = "Region store: sorted columns with versions, percolator transactions";
        Ok(vec![["Allod", "DEFAULT", comment, "YES", "NO", "NO"].map(text).to_vec()])
    },
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
        Ok(vec![
            vec![text("binary"), text("binary"), text("binary"), number(1)],
            vec![text("utf8mb4"), text("utf8mb4_bin"), text("UTF-8 Unicode"), number(4)],
        ])
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
    ],
    rows: |_: &Version, _: &Facts| -> Result<Vec<Vec<Datum>>> {
        let row = |name: &str, set: &str, id| {
            vec![text(name), text(set), number(id), text("Yes"), text("Yes"), number(1)]
        };
        Ok(vec![row("binary", "binary", 63), row("utf8mb4_bin", "utf8mb4", 46)])
    },
};
