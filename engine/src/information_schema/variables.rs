//! `session_variables` and `global_variables`.

use allod_storage::schema::Datum;

use super::Kind::Text;
use super::{Definition, text};
use crate::variables::SystemValues;

pub(super) const SESSION: Definition = Definition {
    name: "session_variables",
    columns: COLUMNS,
    rows: |_, facts| Ok(rows(facts.variables.session())),
};

pub(super) const GLOBAL: Definition = Definition {
    name: "global_variables",
    columns: COLUMNS,
    rows: |_, facts| Ok(rows(&facts.variables.global)),
};

const COLUMNS: &[(&str, super::Kind)] = &[("VARIABLE_NAME", Text(64)), ("VARIABLE_VALUE", Text(1024))];

fn rows(values: &SystemValues) -> Vec<Vec<Datum>> {
    values.list(None).into_iter().map(|(name, value)| vec![text(name), text(value)]).collect()
}
