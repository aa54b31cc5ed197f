//! `time_zone_name`, `global_variables`, `help_topic`: what clients look for in the database `mysql`.

use allod_planner::zone::names;

use crate::information_schema::Kind::{Number, Text};
use crate::information_schema::{Definition, number, text, variables};

/// The places that `time_zone` knows.
pub(super) const NAMES: Definition = Definition {
    name: "time_zone_name",
    columns: &[("Name", Text(64)), ("Time_zone_id", Number)],
    rows: |_, _| Ok(names().zip(1..).map(|(name, id)| vec![text(name), number(id)]).collect()),
};

pub(super) const VARIABLES: Definition = Definition {
    name: "global_variables",
    columns: variables::COLUMNS,
    rows: |_, facts| Ok(variables::rows(&facts.variables.global)),
};

/// There is no help.
pub(super) const HELP: Definition = Definition {
    name: "help_topic",
    columns: &[
        ("help_topic_id", Number),
        ("name", Text(64)),
        ("help_category_id", Number),
        ("description", Text(65535)),
        ("example", Text(65535)),
        ("url", Text(65535)),
    ],
    rows: |_, _| Ok(Vec::new()),
};
