//! Garbage: what nobody can ask for any more.
//!
//! Nobody reads below the *safe point* (`history` ago, or the earliest timestamp that somebody has pinned): the placement
//! driver says what it is. A transaction that began before it and still holds locks has no coordinator any more, for a
//! coordinator pins its start. So all locks from before the safe point are resolved, as if their time were over, however long
//! they say that they live; then each region may fold its old versions into base, and forgets how transactions ended that
//! nobody can ask about. Reads below the safe point are refused from then on ([`Error::SnapshotTooOld`]).
//!
//! Regions fold by themselves when they have many versions, and forget what they were when nobody can ask for it. This is for
//! what that does not reach: locks that nobody ever meets keep every region from forgetting anything that is younger. It is
//! done now and then unasked (`collector.rs`).

use super::backoff::{Backoff, Budget};
use super::sender::Sent;
use super::{Client, unexpected};
use crate::error::Result;
use crate::key::{Key, KeyRange};
use crate::mvcc::LockInfo;
use crate::rpc::{Body, PdReply, PdRequest, Reply};
use crate::schema::{SpaceId, Timestamp};

/// What a collection of garbage came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// What was superseded before this may be gone.
    pub safe_point: Timestamp,
    /// Locks that were resolved.
    pub locks: usize,
    /// Regions that were asked to fold.
    pub regions: usize,
}

impl Client {
    /// Resolves all locks from before the safe point, and then has all regions forget what nobody can ask for. What an error
    /// leaves undone the next collection does.
    ///
    /// # Errors
    ///
    /// [`Error::Exhausted`](crate::error::Error::Exhausted) if a region cannot be reached in time.
    pub async fn collect_garbage(&mut self) -> Result<Garbage> {
        let mut backoff = self.backoff("garbage collection", Budget::Garbage);
        let safe_point = match self.ask(&mut backoff, PdRequest::SafePoint).await? {
            PdReply::Timestamp(ts) => ts,
            other => return Err(unexpected(&other)),
        };
        let everything = KeyRange { start: Key::space_start(SpaceId(0)), end: Key::from_bytes(&[0xFF; 9]) };
        let all = self.load_regions(&mut backoff, everything).await?;
        let ranges: Vec<KeyRange> = all.iter().map(|info| info.range.clone()).collect();
        self.found(all);
        let locks = self
            .fan_out(&mut backoff, ranges.clone(), async |client, backoff, range| {
                client.resolve_before(backoff, range, safe_point).await
            })
            .await?;
        // Only now: a region that has forgotten how a transaction ended cannot tell whoever meets its lock.
        let folded = self
            .fan_out(&mut backoff, ranges, async |client, backoff, range| {
                let ends = client.at_each(backoff, range, &Body::Compact).await?;
                Ok(ends.len())
            })
            .await?;
        Ok(Garbage { safe_point, locks: locks.into_iter().sum(), regions: folded.into_iter().sum() })
    }

    /// Resolves the locks in a range that are older than a timestamp; how many there were.
    async fn resolve_before(
        &mut self,
        backoff: &mut Backoff,
        range: KeyRange,
        before: Timestamp,
    ) -> Result<usize> {
        let mut resolved = 0;
        loop {
            let replies = self.at_each(backoff, range.clone(), &Body::ScanLocks { before }).await?;
            let mut locks: Vec<LockInfo> = Vec::new();
            for reply in replies {
                match reply {
                    Reply::Locks(of_region) => locks.extend(of_region),
                    other => return Err(unexpected(&other)),
                }
            }
            if locks.is_empty() {
                return Ok(resolved);
            }
            resolved += locks.len();
            self.resolve_dead(backoff, locks).await?;
        }
    }

    /// Asks all regions of a range the same.
    async fn at_each(&mut self, backoff: &mut Backoff, range: KeyRange, body: &Body) -> Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(1);
        let mut parts = self.split_ranges(backoff, &[range].into()).await?;
        while let Some((mut region, ranges)) = parts.pop() {
            match self.send(backoff, &mut region, body).await? {
                Sent::Reply(reply) => replies.push(reply),
                Sent::Relocate => parts.extend(self.split_ranges(backoff, &ranges).await?),
            }
        }
        Ok(replies)
    }
}
