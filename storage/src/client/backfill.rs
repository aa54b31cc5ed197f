//! Filling a space with rows as they were at a timestamp, while others write to it: see the essay of `region/backfill.rs`.
//!
//! To sort rows and to build chunks of them is no matter of the cluster: [`BackfillForm`] does that on whatever threads its
//! caller has for it. The chunks then go to their regions piece by piece, each a command of its own: who writes to the region
//! waits for one of them, which takes a millisecond or a few. Between two of them the client may be interrupted.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};

use super::backoff::Budget;
use super::locks::LockWaits;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::chunk::{BLOCK_ROWS, Chunk, ChunkLimit, build_base};
use crate::error::{Error, Result};
use crate::mvcc::LockInfo;
use crate::region::{BackfillOutcome, LONG_AGO, Overtaken};
use crate::rpc::{Body, Reply};
use crate::schema::{SpaceId, SpaceSchema, Timestamp};

/// Rows of a piece. Pieces that lie side by side are one chunk again in the region.
const PIECE_ROWS: usize = 4 * BLOCK_ROWS;

/// A row of a backfill at whose unique key there is another row by now.
#[derive(Clone, Debug)]
pub struct OvertakenRow {
    /// The columns of the space, one row each.
    pub columns: Vec<ArrayRef>,
    /// Since when the other row has been there.
    pub since: Timestamp,
}

/// Says how rows of a space become chunks. Plain data, which any thread may have.
#[derive(Clone, Debug)]
pub struct BackfillForm {
    space: SpaceId,
    schema: Arc<SpaceSchema>,
    limit: ChunkLimit,
}

/// Rows for a backfill, in key order.
#[derive(Clone, Debug)]
pub struct Backfill {
    space: SpaceId,
    chunks: Vec<Chunk>,
}

impl BackfillForm {
    /// Full rows in any order, no two with the same key. Sorts them on the threads of the caller.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] if two of them have one, and if they are not rows of the space.
    pub fn build(&self, batches: Vec<RecordBatch>) -> Result<Backfill> {
        let chunks = build_base(&self.schema, batches, self.limit, LONG_AGO);
        Ok(Backfill {
            space: self.space,
            chunks: chunks.map_err(|error| Error::of_build(self.space, error))?,
        })
    }
}

impl Client {
    /// How rows of a space become chunks.
    pub async fn backfill_form(&mut self, space: SpaceId) -> Result<BackfillForm> {
        let mut backoff = self.backoff("backfill", Budget::Admin);
        let schema = self.schema_of(&mut backoff, space).await?;
        let default = ChunkLimit::default();
        let limit = ChunkLimit { bytes: default.bytes.min(self.shared.region_bytes_max), ..default };
        Ok(BackfillForm { space, schema, limit })
    }

    /// Adds rows of a space in bulk, as they were at a timestamp that the caller keeps pinned. What anybody wrote to their keys
    /// after that prevails; nothing else is in the space. The rows that were not added because another row is at their unique
    /// key: it is for the caller to say whether that may be. Who interrupts the client leaves some of them there.
    pub async fn backfill(
        &mut self,
        Backfill { space, chunks }: Backfill,
        at: Timestamp,
    ) -> Result<Vec<OvertakenRow>> {
        let mut backoff = self.backoff("backfill", Budget::Admin);
        let cuts = self.cuts(&chunks);
        self.split_at(&mut backoff, cuts).await?;
        let mut overtaken = Vec::new();
        // A stack: the next chunk in key order is on top.
        let mut waiting: Vec<Chunk> = chunks.into_iter().rev().collect();
        // What others have locked, and their locks.
        let (mut later, mut held): (Vec<Chunk>, Vec<LockInfo>) = Default::default();
        let (mut patience, mut rounds) = (self.backoff("backfill", Budget::Admin), LockWaits::default());
        loop {
            let Some(chunk) = waiting.pop() else {
                if later.is_empty() {
                    return Ok(overtaken);
                }
                self.interrupt.check()?;
                self.resolve_for_write(&mut patience, std::mem::take(&mut held), &mut rounds, false).await?;
                waiting.append(&mut later);
                continue;
            };
            self.interrupt.check()?;
            let mut backoff = self.backoff("backfill", Budget::Admin);
            let mut waits = LockWaits::default();
            let mut region = self.locate(&mut backoff, chunk.first_key()).await?;
            let end = region.info.range.end.as_bytes();
            let cut = if chunk.last_key().as_bytes() < end { chunk.rows() } else { chunk.lower_bound(end) };
            let cut = cut.min(PIECE_ROWS);
            waiting.extend(chunk.slice(cut, chunk.rows()));
            let Some(chunk) = chunk.slice(0, cut) else { continue };
            let body = Body::Backfill { at, chunks: Arc::new([chunk.clone()]) };
            loop {
                match self.send(&mut backoff, &mut region, &body).await? {
                    Sent::Reply(Reply::Backfilled(outcome)) => match outcome {
                        BackfillOutcome::Done { overtaken: found, left_out } => {
                            overtaken.extend(found.iter().filter_map(|found| row_of(&chunk, found)));
                            let row = |lock: &LockInfo| chunk.find(lock.key.as_bytes());
                            let rows = left_out.iter().filter_map(row);
                            later.extend(rows.filter_map(|row| chunk.slice(row, row + 1)));
                            held.extend(left_out);
                            break;
                        }
                        BackfillOutcome::Locked(locks) => {
                            self.resolve_for_write(&mut backoff, locks, &mut waits, false).await?;
                        }
                        BackfillOutcome::TooOld { safe_ts } => {
                            return Err(Error::SnapshotTooOld { ts: at, safe_ts });
                        }
                        BackfillOutcome::Failed(error) => return Err(Error::of_build(space, error)),
                    },
                    Sent::Reply(other) => return Err(unexpected(&other)),
                    // Cut anew.
                    Sent::Relocate => {
                        waiting.push(chunk);
                        break;
                    }
                }
            }
        }
    }
}

fn row_of(chunk: &Chunk, Overtaken { key, since }: &Overtaken) -> Option<OvertakenRow> {
    let row = chunk.find(key.as_bytes())?;
    Some(OvertakenRow { columns: chunk.row(row), since: *since })
}
