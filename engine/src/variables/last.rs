//! What a session's last statement and its last transaction were, as TiDB's variables tell it: in JSON.

use allod_storage::client::{CommitWay, Committed};
use allod_storage::schema::{Datum, Timestamp};
use serde_json::json;

/// What was last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Last {
    /// When the statement's transaction began, and as of when it read.
    pub read: (Timestamp, Timestamp),
    /// The transaction that was committed.
    pub committed: Option<Committed>,
}

impl Last {
    /// `@@tidb_last_query_info`.
    pub fn query(&self) -> Datum {
        let (start, read) = self.read;
        let info = json!({
            "txn_scope": "global",
            "start_ts": start.0,
            "for_update_ts": read.0,
            "ru_consumption": 0,
        });
        Datum::String(info.to_string().into())
    }

    /// `@@tidb_last_txn_info`; nothing before there was one.
    pub fn transaction(&self) -> Datum {
        let Some(Committed { start_ts, commit_ts, way }) = self.committed else {
            return Datum::String("".into());
        };
        let way = match way {
            CommitWay::OnePhase => "1pc",
            CommitWay::Async => "async_commit",
            CommitWay::TwoPhases => "2pc",
        };
        let info = json!({
            "txn_scope": "global",
            "start_ts": start_ts.0,
            "commit_ts": commit_ts.0,
            "txn_commit_mode": way,
            "async_commit_fallback": false,
            "one_pc_fallback": false,
            "pipelined": false,
            "flush_wait_ms": 0,
        });
        Datum::String(info.to_string().into())
    }
}
