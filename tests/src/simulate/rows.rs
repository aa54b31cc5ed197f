//! Rows of simulated tables: a number, which is the key, and a text.

use std::sync::Arc;
use std::time::Duration;

use allod_storage::client::{
    AsyncUse, Client, CommitOptions, CommitOutcome, LockOutcome, LockWait, ScanRequest, Transaction,
};
use allod_storage::error::{Error, Result};
use allod_storage::key::{Key, encode_datums};
use allod_storage::mvcc::RowRef;
use allod_storage::pd::Pin;
use allod_storage::schema::{ColumnDef, ColumnType, Datum, SpaceId, SpaceSchema, SqlType, Timestamp};
use arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::record_batch::RecordBatch;

use super::history::Outcome;
use crate::random::Random;

/// The table that workloads with one table use.
pub const TABLE: SpaceId = SpaceId(1);

/// The schema of every table.
pub fn schema(id: SpaceId) -> Arc<SpaceSchema> {
    let column = |name: &str, sql| ColumnDef::new(name, ColumnType { sql, nullable: false });
    let columns = vec![column("id", SqlType::BIGINT), column("value", SqlType::text(u32::MAX))];
    Arc::new(SpaceSchema { id, columns, key: vec![0], unique_prefix: None })
}

/// The key of a row.
pub fn key(space: SpaceId, id: i64) -> Key {
    encode_datums(space, &[Datum::Int(id)])
}

/// A row.
///
/// # Panics
/// Never: the columns fit.
pub fn row(id: i64, value: &str) -> RowRef {
    let fields =
        vec![Field::new("id", DataType::Int64, false), Field::new("value", DataType::Utf8View, false)];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![id])), Arc::new(StringViewArray::from(vec![value]))];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("the columns fit");
    RowRef { batch: Arc::new(batch), row: 0 }
}

/// Writes a row.
pub fn put(transaction: &mut Transaction, space: SpaceId, id: i64, value: &str) {
    transaction.put(key(space, id), row(id, value));
}

fn texts(column: &ArrayRef) -> Vec<String> {
    let column = cast(column, &DataType::Utf8View).expect("dictionary codes or texts");
    column.as_string_view().iter().map(|text| text.unwrap_or_default().to_string()).collect()
}

fn ints(column: &ArrayRef) -> Vec<i64> {
    let column = cast(column, &DataType::Int64).expect("integers");
    column.as_primitive::<Int64Type>().values().to_vec()
}

/// The values of these rows, in the order of `ids`.
///
/// # Errors
/// The client's.
pub async fn get(
    client: &mut Client,
    space: SpaceId,
    ids: &[i64],
    ts: Timestamp,
) -> Result<Vec<Option<String>>> {
    let keys: Vec<Key> = ids.iter().map(|&id| key(space, id)).collect();
    let found = client.get(space, &keys, ts, &[1]).await?;
    let mut values = vec![None; ids.len()];
    for (position, value) in found.positions.iter().zip(texts(&found.columns[0])) {
        values[*position as usize] = Some(value);
    }
    Ok(values)
}

/// All rows of a table.
///
/// # Errors
/// The client's.
pub async fn scan(client: &mut Client, space: SpaceId, ts: Timestamp) -> Result<Vec<(i64, String)>> {
    let mut rows = Vec::new();
    for part in client.scan(&ScanRequest::all(space, ts)).await? {
        for morsel in part.morsels() {
            let batch = part.read(&morsel, &[0, 1]);
            rows.extend(ints(&batch.columns[0]).into_iter().zip(texts(&batch.columns[1])));
        }
    }
    Ok(rows)
}

/// A number as it is kept in a row.
///
/// # Panics
/// If it is not a number: nobody wrote that.
pub fn number(value: &str) -> i64 {
    value.parse().unwrap_or_else(|_| panic!("a row holds {value:?}, which nobody wrote"))
}

/// How transactions go about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// They lock the keys before they read them.
    pub pessimistic: bool,
    /// How they may commit.
    pub options: CommitOptions,
}

impl Style {
    /// Any of them; so many in a hundred lock first.
    pub fn random(random: &mut Random, pessimistic: usize) -> Style {
        let async_commit = *random.pick(&[AsyncUse::Never, AsyncUse::WhereItHelps, AsyncUse::Always]);
        let options =
            CommitOptions { one_phase: random.chance(60), async_commit, ..CommitOptions::default() };
        Style { pessimistic: random.chance(pessimistic), options }
    }
}

/// How long a pessimistic transaction waits for a lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// So often it tries again when somebody was faster.
const CONFLICTS_MAX: usize = 10;

/// A transaction that may write these keys, the timestamp at which it reads them, and a pin on that. `None` = it did not get
/// its locks.
///
/// # Errors
/// The client's.
pub async fn begin(
    client: &mut Client,
    style: Style,
    keys: Vec<Key>,
) -> Result<Option<(Transaction, Timestamp, Pin)>> {
    let (ts, pin) = client.snapshot().await?;
    if !style.pessimistic {
        let mut transaction = client.begin(ts);
        transaction.set_commit_options(style.options);
        return Ok(Some((transaction, ts, pin)));
    }
    let mut transaction = client.begin_pessimistic(ts);
    transaction.set_commit_options(style.options);
    for _ in 0..CONFLICTS_MAX {
        client.see_newest(&mut transaction).await?;
        match client.lock_keys(&mut transaction, keys.clone(), LockWait::For(LOCK_WAIT)).await? {
            LockOutcome::Locked { .. } => {
                let ts = transaction.for_update_ts();
                return Ok(Some((transaction, ts, pin)));
            }
            LockOutcome::Conflict(_) => {}
            LockOutcome::Busy { .. }
            | LockOutcome::TimedOut { .. }
            | LockOutcome::Deadlock(_)
            | LockOutcome::Aborted { .. } => break,
        }
    }
    transaction.roll_back(client).await;
    Ok(None)
}

/// What became of a transaction.
pub async fn commit(transaction: Transaction, client: &mut Client) -> Outcome<()> {
    match transaction.commit(client).await {
        Ok(CommitOutcome::Committed(_)) => Outcome::Ok(()),
        Ok(CommitOutcome::Conflict(_) | CommitOutcome::AlreadyExists { .. }) | Err(_) => Outcome::Fail,
        Ok(CommitOutcome::Undetermined) => Outcome::Unknown,
    }
}

/// What became of an operation that ends at its first error; errors of reads mean that nothing was done.
pub fn settle<O>(result: Result<Outcome<O>, Error>) -> Outcome<O> {
    result.unwrap_or(Outcome::Fail)
}
