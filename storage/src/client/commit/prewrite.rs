//! Prewrites all keys, all regions at the same time.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{CommitOutcome, Committer, Group, Stop};
use crate::client::backoff::Backoff;
use crate::client::locks::LockWaits;
use crate::client::sender::Sent;
use crate::client::{Client, unexpected};
use crate::error::Error;
use crate::percolator::{Conflict, PrewriteOutcome};
use crate::rpc::{Body, Reply};
use crate::schema::Timestamp;

impl Committer {
    /// From when on the transaction is committed by that; zero = not by that. Who meets the lock of another key before the
    /// primary is there waits for it, or sees to it that it never will be.
    pub(super) async fn prewrite_all(
        &self,
        client: &mut Client,
        backoff: &mut Backoff,
        groups: Vec<Group>,
    ) -> Result<Timestamp, Stop> {
        let stopped = AtomicBool::new(false);
        let ends = client
            .fan_out(backoff, groups, async |client, backoff, group| {
                // Where another has failed already, there is no use in making locks.
                if stopped.load(Ordering::Relaxed) {
                    return Ok(Ok(Timestamp(0)));
                }
                // How it stopped is a value here, so that every branch comes to its end.
                let end = client.prewrite_group(backoff, self, group).await;
                stopped.fetch_or(end.is_err(), Ordering::Relaxed);
                Ok(end)
            })
            .await?;
        let times = ends.into_iter().collect::<Result<Vec<Timestamp>, Stop>>()?;
        let is_async = self.async_plan.is_some() && !times.contains(&Timestamp(0));
        Ok(times.into_iter().max().filter(|_| is_async).unwrap_or_default())
    }

    /// What a refused prewrite means: `Ok` = try again.
    pub(super) async fn judge(
        &self,
        client: &mut Client,
        backoff: &mut Backoff,
        outcome: PrewriteOutcome,
        waits: &mut LockWaits,
    ) -> Result<(), Stop> {
        let outcome = match outcome {
            PrewriteOutcome::Done { .. } => return Ok(()),
            PrewriteOutcome::Locked(locks) => {
                // Whoever holds it began later and was faster: waiting for it could only end in a conflict.
                if self.pessimistic.is_none()
                    && let Some(lock) = locks.iter().find(|lock| lock.start_ts > self.start_ts)
                {
                    let conflict = Conflict { start_ts: lock.start_ts, ..Conflict::at(lock.key.clone()) };
                    return Err(Stop::Outcome(CommitOutcome::Conflict(conflict)));
                }
                if let Some(alive) = client.resolve_for_write(backoff, locks, waits, self.gives_way).await? {
                    return Err(Error::Blocked { key: alive.key }.into());
                }
                return Ok(());
            }
            PrewriteOutcome::WriteConflict(conflict) => CommitOutcome::Conflict(conflict),
            PrewriteOutcome::Aborted { key } => CommitOutcome::Conflict(Conflict::at(key)),
            PrewriteOutcome::AlreadyExists { key } => CommitOutcome::AlreadyExists { key },
            PrewriteOutcome::TooOld { safe_ts } => {
                return Err(Error::SnapshotTooOld { ts: self.start_ts, safe_ts }.into());
            }
        };
        Err(Stop::Outcome(outcome))
    }
}

impl Client {
    /// As `prewrite_all`, for the keys of one region, in as many parts as it has been split into meanwhile.
    async fn prewrite_group(
        &mut self,
        backoff: &mut Backoff,
        committer: &Committer,
        group: Group,
    ) -> Result<Timestamp, Stop> {
        let mut waits = LockWaits::default();
        let mut times = Vec::with_capacity(1);
        let mut groups = vec![group];
        while let Some((mut region, mutations)) = groups.pop() {
            let body = Body::Prewrite(committer.prewrite(mutations.clone()));
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::Prewrite(PrewriteOutcome::Done { min_commit_ts })) => {
                    times.push(min_commit_ts);
                }
                Sent::Reply(Reply::Prewrite(outcome)) => {
                    committer.judge(self, backoff, outcome, &mut waits).await?;
                    groups.push((region, mutations));
                }
                Sent::Reply(other) => return Err(unexpected(&other).into()),
                Sent::Relocate => {
                    let split = self.split_keys(backoff, mutations, |m| &m.key).await?;
                    groups.extend(split.into_iter().rev());
                }
            }
        }
        let is_async = !times.contains(&Timestamp(0));
        Ok(times.into_iter().max().filter(|_| is_async).unwrap_or_default())
    }
}
