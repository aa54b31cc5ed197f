//! Tables of what MySQL has and Allod has none of. They have MySQL's columns and no rows, so that tools which ask of everything
//! find that there is nothing.

use allod_storage::schema::Datum;

use super::Kind::{Number, Text};
use super::{Definition, Facts};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const COLUMN_STATISTICS: Definition = Definition {
    name: "column_statistics",
    columns: &[
        ("SCHEMA_NAME", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("COLUMN_NAME", Text(64)),
        ("HISTOGRAM", Text(65535)),
    ],
    rows: nothing,
};

pub(super) const EVENTS: Definition = Definition {
    name: "events",
    columns: &[
        ("EVENT_CATALOG", Text(512)),
        ("EVENT_SCHEMA", Text(512)),
        ("EVENT_NAME", Text(512)),
        ("DEFINER", Text(512)),
        ("TIME_ZONE", Text(512)),
        ("EVENT_BODY", Text(512)),
        ("EVENT_DEFINITION", Text(512)),
        ("EVENT_TYPE", Text(512)),
        ("EXECUTE_AT", Text(512)),
        ("INTERVAL_VALUE", Text(512)),
        ("INTERVAL_FIELD", Text(512)),
        ("SQL_MODE", Text(512)),
        ("STARTS", Text(512)),
        ("ENDS", Text(512)),
        ("STATUS", Text(512)),
        ("ON_COMPLETION", Text(512)),
        ("CREATED", Text(512)),
        ("LAST_ALTERED", Text(512)),
        ("LAST_EXECUTED", Text(512)),
        ("EVENT_COMMENT", Text(512)),
        ("ORIGINATOR", Number),
        ("CHARACTER_SET_CLIENT", Text(512)),
        ("COLLATION_CONNECTION", Text(512)),
        ("DATABASE_COLLATION", Text(512)),
    ],
    rows: nothing,
};

pub(super) const FILES: Definition = Definition {
    name: "files",
    columns: &[
        ("FILE_ID", Number),
        ("FILE_NAME", Text(512)),
        ("FILE_TYPE", Text(512)),
        ("TABLESPACE_NAME", Text(512)),
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(512)),
        ("TABLE_NAME", Text(512)),
        ("LOGFILE_GROUP_NAME", Text(512)),
        ("LOGFILE_GROUP_NUMBER", Number),
        ("ENGINE", Text(512)),
        ("FULLTEXT_KEYS", Text(512)),
        ("DELETED_ROWS", Number),
        ("UPDATE_COUNT", Number),
        ("FREE_EXTENTS", Number),
        ("TOTAL_EXTENTS", Number),
        ("EXTENT_SIZE", Number),
        ("INITIAL_SIZE", Number),
        ("MAXIMUM_SIZE", Number),
        ("AUTOEXTEND_SIZE", Number),
        ("CREATION_TIME", Text(512)),
        ("LAST_UPDATE_TIME", Text(512)),
        ("LAST_ACCESS_TIME", Text(512)),
        ("RECOVER_TIME", Number),
        ("TRANSACTION_COUNTER", Number),
        ("VERSION", Number),
        ("ROW_FORMAT", Text(512)),
        ("TABLE_ROWS", Number),
        ("AVG_ROW_LENGTH", Number),
        ("DATA_LENGTH", Number),
        ("MAX_DATA_LENGTH", Number),
        ("INDEX_LENGTH", Number),
        ("DATA_FREE", Number),
        ("CREATE_TIME", Text(512)),
        ("UPDATE_TIME", Text(512)),
        ("CHECK_TIME", Text(512)),
        ("CHECKSUM", Number),
        ("STATUS", Text(512)),
        ("EXTRA", Text(512)),
    ],
    rows: nothing,
};

pub(super) const OPTIMIZER_TRACE: Definition = Definition {
    name: "optimizer_trace",
    columns: &[
        ("QUERY", Text(512)),
        ("TRACE", Text(512)),
        ("MISSING_BYTES_BEYOND_MAX_MEM_SIZE", Number),
        ("INSUFFICIENT_PRIVILEGES", Number),
    ],
    rows: nothing,
};

pub(super) const PARAMETERS: Definition = Definition {
    name: "parameters",
    columns: &[
        ("SPECIFIC_CATALOG", Text(512)),
        ("SPECIFIC_SCHEMA", Text(512)),
        ("SPECIFIC_NAME", Text(512)),
        ("ORDINAL_POSITION", Number),
        ("PARAMETER_MODE", Text(512)),
        ("PARAMETER_NAME", Text(512)),
        ("DATA_TYPE", Text(512)),
        ("CHARACTER_MAXIMUM_LENGTH", Number),
        ("CHARACTER_OCTET_LENGTH", Number),
        ("NUMERIC_PRECISION", Number),
        ("NUMERIC_SCALE", Number),
        ("DATETIME_PRECISION", Number),
        ("CHARACTER_SET_NAME", Text(512)),
        ("COLLATION_NAME", Text(512)),
        ("DTD_IDENTIFIER", Text(512)),
        ("ROUTINE_TYPE", Text(512)),
    ],
    rows: nothing,
};

pub(super) const PLUGINS: Definition = Definition {
    name: "plugins",
    columns: &[
        ("PLUGIN_NAME", Text(512)),
        ("PLUGIN_VERSION", Text(512)),
        ("PLUGIN_STATUS", Text(512)),
        ("PLUGIN_TYPE", Text(512)),
        ("PLUGIN_TYPE_VERSION", Text(512)),
        ("PLUGIN_LIBRARY", Text(512)),
        ("PLUGIN_LIBRARY_VERSION", Text(512)),
        ("PLUGIN_AUTHOR", Text(512)),
        ("PLUGIN_DESCRIPTION", Text(512)),
        ("PLUGIN_LICENSE", Text(512)),
        ("LOAD_OPTION", Text(512)),
    ],
    rows: nothing,
};

pub(super) const PROFILING: Definition = Definition {
    name: "profiling",
    columns: &[
        ("QUERY_ID", Number),
        ("SEQ", Number),
        ("STATE", Text(512)),
        ("DURATION", Text(512)),
        ("CPU_USER", Text(512)),
        ("CPU_SYSTEM", Text(512)),
        ("CONTEXT_VOLUNTARY", Number),
        ("CONTEXT_INVOLUNTARY", Number),
        ("BLOCK_OPS_IN", Number),
        ("BLOCK_OPS_OUT", Number),
        ("MESSAGES_SENT", Number),
        ("MESSAGES_RECEIVED", Number),
        ("PAGE_FAULTS_MAJOR", Number),
        ("PAGE_FAULTS_MINOR", Number),
        ("SWAPS", Number),
        ("SOURCE_FUNCTION", Text(512)),
        ("SOURCE_FILE", Text(512)),
        ("SOURCE_LINE", Number),
    ],
    rows: nothing,
};

pub(super) const ROUTINES: Definition = Definition {
    name: "routines",
    columns: &[
        ("SPECIFIC_NAME", Text(512)),
        ("ROUTINE_CATALOG", Text(512)),
        ("ROUTINE_SCHEMA", Text(512)),
        ("ROUTINE_NAME", Text(512)),
        ("ROUTINE_TYPE", Text(512)),
        ("DATA_TYPE", Text(512)),
        ("CHARACTER_MAXIMUM_LENGTH", Number),
        ("CHARACTER_OCTET_LENGTH", Number),
        ("NUMERIC_PRECISION", Number),
        ("NUMERIC_SCALE", Number),
        ("DATETIME_PRECISION", Number),
        ("CHARACTER_SET_NAME", Text(512)),
        ("COLLATION_NAME", Text(512)),
        ("DTD_IDENTIFIER", Text(512)),
        ("ROUTINE_BODY", Text(512)),
        ("ROUTINE_DEFINITION", Text(512)),
        ("EXTERNAL_NAME", Text(512)),
        ("EXTERNAL_LANGUAGE", Text(512)),
        ("PARAMETER_STYLE", Text(512)),
        ("IS_DETERMINISTIC", Text(512)),
        ("SQL_DATA_ACCESS", Text(512)),
        ("SQL_PATH", Text(512)),
        ("SECURITY_TYPE", Text(512)),
        ("CREATED", Text(512)),
        ("LAST_ALTERED", Text(512)),
        ("SQL_MODE", Text(512)),
        ("ROUTINE_COMMENT", Text(512)),
        ("DEFINER", Text(512)),
        ("CHARACTER_SET_CLIENT", Text(512)),
        ("COLLATION_CONNECTION", Text(512)),
        ("DATABASE_COLLATION", Text(512)),
    ],
    rows: nothing,
};

pub(super) const TRIGGERS: Definition = Definition {
    name: "triggers",
    columns: &[
        ("TRIGGER_CATALOG", Text(512)),
        ("TRIGGER_SCHEMA", Text(512)),
        ("TRIGGER_NAME", Text(512)),
        ("EVENT_MANIPULATION", Text(512)),
        ("EVENT_OBJECT_CATALOG", Text(512)),
        ("EVENT_OBJECT_SCHEMA", Text(512)),
        ("EVENT_OBJECT_TABLE", Text(512)),
        ("ACTION_ORDER", Number),
        ("ACTION_CONDITION", Text(512)),
        ("ACTION_STATEMENT", Text(512)),
        ("ACTION_ORIENTATION", Text(512)),
        ("ACTION_TIMING", Text(512)),
        ("ACTION_REFERENCE_OLD_TABLE", Text(512)),
        ("ACTION_REFERENCE_NEW_TABLE", Text(512)),
        ("ACTION_REFERENCE_OLD_ROW", Text(512)),
        ("ACTION_REFERENCE_NEW_ROW", Text(512)),
        ("CREATED", Text(512)),
        ("SQL_MODE", Text(512)),
        ("DEFINER", Text(512)),
        ("CHARACTER_SET_CLIENT", Text(512)),
        ("COLLATION_CONNECTION", Text(512)),
        ("DATABASE_COLLATION", Text(512)),
    ],
    rows: nothing,
};

fn nothing(_: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    Ok(Vec::new())
}
