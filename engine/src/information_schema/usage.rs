//! `builtin_function_usage`: how often statements used each function, by signature (`EQInt`), in this session and in all
//! sessions of the last minute, hour and six hours (see [`crate::usage`]). The statement that reads it is not counted yet.

use allod_storage::schema::Datum;

use super::Kind::{Number, Text};
use super::{Definition, Facts, number, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "builtin_function_usage",
    columns: &[
        ("FUNCTION", Text(64)),
        ("SESSION", Number),
        ("MINUTE", Number),
        ("HOUR", Number),
        ("SIX_HOURS", Number),
    ],
    rows,
};

fn rows(_: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let row = |(name, counts): (String, crate::usage::UsageCounts)| {
        let mut row = vec![text(name)];
        row.extend([counts.session, counts.minute, counts.hour, counts.six_hours].map(number));
        row
    };
    Ok(facts.usage.0.report(Some(facts.usage.1)).functions.into_iter().map(row).collect())
}
