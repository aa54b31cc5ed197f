//! `general_log`, `slow_log`: the logs that MySQL may keep in tables, and mysqldump asks for. Nothing is written to them; statements
//! that took long are in `information_schema.slow_query`.

use crate::information_schema::Definition;
use crate::information_schema::Kind::{Moment, Number, Text};

pub(super) const GENERAL: Definition = Definition {
    name: "general_log",
    columns: &[
        ("event_time", Moment(6)),
        ("user_host", Text(16_383)),
        ("thread_id", Number),
        ("server_id", Number),
        ("command_type", Text(64)),
        ("argument", Text(16_383)),
    ],
    rows: |_, _| Ok(Vec::new()),
};

pub(super) const SLOW: Definition = Definition {
    name: "slow_log",
    columns: &[
        ("start_time", Moment(6)),
        ("user_host", Text(16_383)),
        ("query_time", Text(32)),
        ("lock_time", Text(32)),
        ("rows_sent", Number),
        ("rows_examined", Number),
        ("db", Text(512)),
        ("last_insert_id", Number),
        ("insert_id", Number),
        ("server_id", Number),
        ("sql_text", Text(16_383)),
        ("thread_id", Number),
    ],
    rows: |_, _| Ok(Vec::new()),
};
