//! `session_variables`, `global_variables` and `variables_info`.

use allod_storage::schema::Datum;

use super::Kind::Text;
use super::{Definition, text};
use crate::variables::{Info, SystemValues};

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

pub(super) const INFO: Definition = Definition {
    name: "variables_info",
    columns: &[
        ("VARIABLE_NAME", Text(64)),
        ("VARIABLE_SCOPE", Text(64)),
        ("DEFAULT_VALUE", Text(64)),
        ("CURRENT_VALUE", Text(64)),
        ("MIN_VALUE", Text(64)),
        ("MAX_VALUE", Text(64)),
        ("POSSIBLE_VALUES", Text(256)),
        ("IS_NOOP", Text(64)),
    ],
    rows: |_, facts| {
        let optional = |value: Option<String>| value.map_or(Datum::Null, text);
        let row = |info: Info| {
            let [low, high] = info.range.map_or([None, None], |range| range.map(Some));
            vec![
                text(info.name),
                text(info.scope),
                text(info.default),
                text(info.current),
                optional(low),
                optional(high),
                optional(info.words),
                text(if info.is_kept { "YES" } else { "NO" }),
            ]
        };
        Ok(facts.variables.session().infos().into_iter().map(row).collect())
    },
};

/// Columns of variables.
pub(crate) const COLUMNS: &[(&str, super::Kind)] =
    &[("VARIABLE_NAME", Text(64)), ("VARIABLE_VALUE", Text(1024))];

/// Variables and their values.
pub(crate) fn rows(values: &SystemValues) -> Vec<Vec<Datum>> {
    values.list(None).into_iter().map(|(name, value)| vec![text(name), text(value)]).collect()
}
