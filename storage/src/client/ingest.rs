//! Loading in bulk: rows become sorted chunks, chunks become the base of regions.
//!
//! All rows appear at once, at one timestamp, in however many regions they lie. Each region first learns that rows will
//! come, checks that they may, and from then on keeps readers waiting who might have to see them. When all are prepared, the
//! commit timestamp is taken, so it is later than what any reader saw who did not wait. Then the regions take the rows in.
//! The slow part, sorting and building, comes before all that; rows that come in key order are built as they come
//! ([`Bulk`]), so that a large table is in memory once.
//!
//! The region of the first row, the primary, decides: once it has taken its rows in, the ingest is committed, and the other
//! regions follow. An ingest that is not heard of for a while (its client is gone) is ended by whoever is in need of one of
//! its regions, as the primary's region says.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::backoff::{Backoff, Budget};
use super::locks::LockWaits;
use super::region_cache::CachedRegion;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::chunk::{Bulk, Chunk, ChunkLimit};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::region::IngestOutcome;
use crate::rpc::{Body, PrepareIngest, Reply};
use crate::schema::{SpaceId, Timestamp};

/// How long an ingest lives after it was last heard of. Preparing one region takes much less.
const TTL_MS: u64 = 20_000;

/// What was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestSummary {
    /// Rows.
    pub rows: usize,
    /// About how many bytes they take.
    pub bytes: usize,
    /// In so many regions.
    pub regions: usize,
    /// Visible from this time on.
    pub commit_ts: Timestamp,
}

impl Client {
    /// Adds rows in bulk: full rows of the space, in any order; none may have a key that is there. `presorted` promises key
    /// order, and may be wrong: the order is looked at anyway. The batches are given away so that their memory can be
    /// returned on the way.
    pub async fn ingest(
        &mut self,
        space: SpaceId,
        batches: Vec<RecordBatch>,
        presorted: bool,
    ) -> Result<IngestSummary> {
        // Finding that rows are in order costs little beside building, and saves the same; a promise adds nothing.
        let _ = presorted;
        let mut bulk = self.bulk(space).await?;
        bulk.add(batches)?;
        self.ingest_bulk(vec![bulk]).await
    }

    /// Begins to collect rows of a space.
    pub async fn bulk(&mut self, space: SpaceId) -> Result<Bulk> {
        let mut backoff = self.backoff("ingest", Budget::Admin);
        let schema = self.schema_of(&mut backoff, space).await?;
        let default = ChunkLimit::default();
        let limit = ChunkLimit { bytes: default.bytes.min(self.shared.region_bytes_max), ..default };
        Ok(Bulk::new(schema, limit))
    }

    /// Adds what was collected, of all of these spaces or of none; each has one.
    pub async fn ingest_bulk(&mut self, bulks: Vec<Bulk>) -> Result<IngestSummary> {
        let mut backoff = self.backoff("ingest", Budget::Admin);
        let mut spaces = bulks.into_iter().map(Bulk::finish).collect::<Result<Vec<_>>>()?;
        spaces.retain(|chunks| !chunks.is_empty());
        spaces.sort_by(|a, b| a.first().map(Chunk::first_key).cmp(&b.first().map(Chunk::first_key)));
        let cuts = spaces.iter().flat_map(|chunks| self.cuts(chunks)).collect();
        let chunks = spaces.concat();
        let summary = IngestSummary {
            rows: chunks.iter().map(Chunk::rows).sum(),
            bytes: chunks.iter().map(Chunk::bytes).sum(),
            regions: 0,
            commit_ts: self.timestamp().await?,
        };
        if chunks.is_empty() {
            return Ok(summary);
        }
        self.split_at(&mut backoff, cuts).await?;

        let mut backoff = self.backoff("ingest", Budget::Admin);
        let ingest = self.timestamp().await?;
        let mut prepared = Vec::new();
        let all_prepared = self.prepare_all(&mut backoff, ingest, chunks, &mut prepared).await;
        let commit_ts = match all_prepared {
            Ok(()) => self.timestamp().await,
            Err(error) => Err(error),
        };
        let regions = prepared.len();
        let mut finish = self.backoff("ingest", Budget::Admin);
        let mut prepared = prepared.into_iter();
        let Some(primary) = prepared.next() else { return commit_ts.map(|_| summary) };
        // If nobody learns how it ended, its regions ask the primary's when its time is up.
        let end = self.finish_ingest(&mut finish, primary, ingest, commit_ts.as_ref().ok().copied()).await;
        if let (Ok(_), Err(unknown)) = (&commit_ts, &end) {
            return Err(unknown.clone());
        }
        let end = end.ok().flatten();
        for region in prepared {
            let _ = self.finish_ingest(&mut finish, region, ingest, end).await;
        }
        match end {
            Some(commit_ts) => Ok(IngestSummary { regions, commit_ts, ..summary }),
            None => Err(commit_ts.err().unwrap_or(Error::IngestAbandoned)),
        }
    }

    /// Keys at which regions should begin so that none gets too large.
    pub(super) fn cuts(&self, chunks: &[Chunk]) -> Vec<Key> {
        let mut cuts = Vec::new();
        let mut bytes = 0;
        for chunk in chunks {
            if bytes > 0 && bytes + chunk.bytes() > self.shared.region_bytes_max {
                cuts.push(chunk.first_key().clone());
                bytes = 0;
            }
            bytes += chunk.bytes();
        }
        cuts
    }

    /// Announces the chunks, region by region in key order, so the primary's first. Who was told is in `prepared`, also after
    /// an error.
    async fn prepare_all(
        &mut self,
        backoff: &mut Backoff,
        ingest: Timestamp,
        chunks: Vec<Chunk>,
        prepared: &mut Vec<CachedRegion>,
    ) -> Result<()> {
        let mut waits = LockWaits::default();
        let Some(primary) = chunks.first().map(|chunk| chunk.first_key().clone()) else { return Ok(()) };
        let until_ms = |client: &Client| client.shared.transport.now_ms() + TTL_MS;
        // The primary's region, once it is prepared, and what keeps it waiting.
        let mut decider: Option<(CachedRegion, PrepareIngest)> = None;
        // A stack: the next chunk in key order is on top.
        let mut waiting: Vec<Chunk> = chunks.into_iter().rev().collect();
        while let Some(first) = waiting.last() {
            let mut region = self.locate(backoff, &first.first_key().clone()).await?;
            let end = &region.info.range.end;
            let mut within = Vec::new();
            while let Some(chunk) = waiting.pop() {
                let cut =
                    if chunk.last_key() < end { chunk.rows() } else { chunk.lower_bound(end.as_bytes()) };
                let rest = chunk.slice(cut, chunk.rows());
                within.extend(chunk.slice(0, cut));
                if rest.is_some() {
                    waiting.extend(rest);
                    break;
                }
            }
            let chunks: Arc<[Chunk]> = within.into();
            let (primary, until_ms) = (primary.clone(), until_ms(self));
            let prepare =
                PrepareIngest { ingest, primary: primary.clone(), until_ms, chunks: Arc::clone(&chunks) };
            match self.send(backoff, &mut region, &Body::PrepareIngest(prepare.clone())).await? {
                Sent::Reply(Reply::IngestPrepared(outcome)) => match outcome {
                    IngestOutcome::Done => {
                        prepared.push(region.clone());
                        let (region, first) = decider.get_or_insert((region, prepare));
                        if until_ms > first.until_ms + TTL_MS / 4 {
                            first.until_ms = until_ms;
                            self.renew(backoff, region.clone(), first).await?;
                        }
                        continue;
                    }
                    IngestOutcome::Abandoned => return Err(Error::IngestAbandoned),
                    IngestOutcome::Locked(lock) => {
                        self.resolve_for_write(backoff, vec![lock], &mut waits, false).await?;
                    }
                    IngestOutcome::DuplicateKey { key } => {
                        let space = space_of(&key)?;
                        return Err(Error::DuplicateKey { space, key });
                    }
                    IngestOutcome::WriteConflict { key, .. } => {
                        return Err(Error::Internal(format!("key {key} was changed in the future")));
                    }
                    IngestOutcome::Failed(error) => {
                        let space = space_of(chunks.first().map_or(&primary, Chunk::first_key))?;
                        return Err(Error::of_build(space, error));
                    }
                },
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {}
            }
            waiting.extend(chunks.iter().rev().cloned());
        }
        Ok(())
    }

    /// Lets the primary's region know that the ingest lives.
    async fn renew(
        &mut self,
        backoff: &mut Backoff,
        mut region: CachedRegion,
        prepare: &PrepareIngest,
    ) -> Result<()> {
        let body = Body::PrepareIngest(prepare.clone());
        loop {
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::IngestPrepared(IngestOutcome::Done)) => return Ok(()),
                Sent::Reply(Reply::IngestPrepared(_)) => return Err(Error::IngestAbandoned),
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => region = self.locate(backoff, &prepare.primary).await?,
            }
        }
    }

    /// Tells a region that was prepared how it ends; how it did. Its range cannot have changed before.
    async fn finish_ingest(
        &mut self,
        backoff: &mut Backoff,
        mut region: CachedRegion,
        ingest: Timestamp,
        commit_ts: Option<Timestamp>,
    ) -> Result<Option<Timestamp>> {
        let start = region.info.range.start.clone();
        let body = Body::FinishIngest { ingest, commit_ts };
        loop {
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::IngestFinished(end)) => return Ok(end),
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => region = self.locate(backoff, &start).await?,
            }
        }
    }
}

/// The space of a row. A region has rows of one.
fn space_of(row: &Key) -> Result<SpaceId> {
    row.space().ok_or_else(|| Error::Internal(format!("key {row} is of no space")))
}
