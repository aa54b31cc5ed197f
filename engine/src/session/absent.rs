//! SHOW of what MySQL has and Allod has none of: MySQL's columns, and no rows.

use allod_planner::bind::Absent;

/// The columns that SHOW has for it.
pub(super) fn columns(what: Absent) -> &'static [&'static str] {
    match what {
        Absent::Triggers => &[
            "Trigger",
            "Event",
            "Table",
            "Statement",
            "Timing",
            "Created",
            "sql_mode",
            "Definer",
            "character_set_client",
            "collation_connection",
            "Database Collation",
        ],
        Absent::Events => &[
            "Db",
            "Name",
            "Time zone",
            "Definer",
            "Type",
            "Execute At",
            "Interval Value",
            "Interval Field",
            "Starts",
            "Ends",
            "Status",
            "Originator",
            "character_set_client",
            "collation_connection",
            "Database Collation",
        ],
        Absent::Routines => &[
            "Db",
            "Name",
            "Type",
            "Definer",
            "Modified",
            "Created",
            "Security_type",
            "Comment",
            "character_set_client",
            "collation_connection",
            "Database Collation",
        ],
        Absent::Plugins => &["Name", "Status", "Type", "Library", "License", "Version"],
        Absent::Profiles => &["Query_ID", "Duration", "Query"],
        Absent::BinaryLogs => &["Log_name", "File_size", "Encrypted"],
        Absent::BinaryLogStatus => {
            &["File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set"]
        }
    }
}
