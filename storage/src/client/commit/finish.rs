//! The second phase: the primary's commit, which decides, and what follows from the decision.

use futures_util::{StreamExt, stream};

use super::{CommitOutcome, Committer, Stop};
use crate::client::backoff::{Backoff, Budget};
use crate::client::region_cache::CachedRegion;
use crate::client::sender::Sent;
use crate::client::{CONCURRENCY, Client, unexpected};
use crate::error::Result;
use crate::key::Key;
use crate::percolator::{self, Commit, Conflict, PessimisticRollback, ResolveLock, Rollback};
use crate::rpc::{Body, Reply};
use crate::schema::Timestamp;

impl Committer {
    /// Commits the primary: the moment of truth.
    pub(super) async fn commit_primary(&self, client: &mut Client) -> Result<Timestamp, Stop> {
        let mut commit_ts = client.timestamp().await?;
        let mut backoff = client.backoff("commit", Budget::Commit);
        let timeouts = client.stats.timeouts;
        loop {
            let keys = vec![self.primary.clone()];
            let body = Body::Commit(Commit { keys, start_ts: self.start_ts, commit_ts });
            let located = client.locate(&mut backoff, &self.primary).await;
            let mut region = located.map_err(|e| self.unless_lost(client, timeouts, e))?;
            let sent = client.send(&mut backoff, &mut region, &body).await;
            match sent.map_err(|e| self.unless_lost(client, timeouts, e))? {
                Sent::Reply(Reply::Commit(outcome)) => match outcome {
                    percolator::CommitOutcome::Done { commit_ts } => return Ok(commit_ts),
                    percolator::CommitOutcome::CommitTsExpired { .. } => {
                        // A reader was promised that this commits later. It did not commit before, so nothing is unknown.
                        commit_ts = client.fresh_timestamp(&mut backoff).await?;
                    }
                    percolator::CommitOutcome::RolledBack { key }
                    | percolator::CommitOutcome::NotFound { key } => {
                        return Err(Stop::Outcome(CommitOutcome::Conflict(Conflict::at(key))));
                    }
                },
                Sent::Reply(other) => return Err(unexpected(&other).into()),
                Sent::Relocate => {}
            }
        }
    }

    /// Turns all locks into versions. The transaction is committed: what is not done here, whoever meets the lock will do.
    pub(super) async fn finish(&self, client: &mut Client, keys: Vec<Key>, commit_ts: Timestamp) {
        let work = KeyWork::Commit { start_ts: self.start_ts, commit_ts };
        client.for_all_keys_later("commit secondaries", keys, work).await;
    }

    /// Takes the locks away again. What is not done here, whoever meets the lock will do when it has expired.
    pub(super) async fn roll_back(&self, client: &mut Client, keys: Vec<Key>) {
        client.for_all_keys_later("rollback", keys, KeyWork::Rollback { start_ts: self.start_ts }).await;
    }
}

/// What is done to many keys of a transaction, one command a region, whatever the answer.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) enum KeyWork {
    Commit {
        start_ts: Timestamp,
        commit_ts: Timestamp,
    },
    Rollback {
        start_ts: Timestamp,
    },
    PessimisticRollback {
        start_ts: Timestamp,
        for_update_ts: Timestamp,
    },
    /// Finishes locks; `None` = by rolling back.
    Resolve {
        start_ts: Timestamp,
        commit_ts: Option<Timestamp>,
    },
    /// As `Resolve`, and whatever else the regions of these keys hold of the transaction.
    ResolveRegion {
        start_ts: Timestamp,
        commit_ts: Option<Timestamp>,
    },
}

impl KeyWork {
    fn body(self, keys: Vec<Key>) -> Body {
        match self {
            KeyWork::Commit { start_ts, commit_ts } => Body::Commit(Commit { keys, start_ts, commit_ts }),
            KeyWork::Rollback { start_ts } => Body::Rollback(Rollback { keys, start_ts }),
            KeyWork::PessimisticRollback { start_ts, for_update_ts } => {
                Body::PessimisticRollback(PessimisticRollback { keys, start_ts, for_update_ts })
            }
            KeyWork::Resolve { start_ts, commit_ts } => {
                Body::ResolveLock(ResolveLock { start_ts, commit_ts, keys: Some(keys) })
            }
            KeyWork::ResolveRegion { start_ts, commit_ts } => {
                Body::ResolveLock(ResolveLock { start_ts, commit_ts, keys: None })
            }
        }
    }
}

fn itself(key: &Key) -> &Key {
    key
}

impl Client {
    /// Sends a command about each key, one a region, until each was answered.
    pub(in crate::client) async fn for_all_keys(
        &mut self,
        backoff: &mut Backoff,
        keys: Vec<Key>,
        work: KeyWork,
    ) -> Result<()> {
        let groups = self.split_keys(backoff, keys, itself).await?;
        self.fan_out(backoff, groups, async |client, backoff, group| {
            client.for_group(backoff, group, work).await
        })
        .await
        .map(drop)
    }

    /// As `for_all_keys`, in the background, as well as may be. Where every call is ready at once, it is done now: there is
    /// nothing to win by doing it later.
    pub(in crate::client) async fn for_all_keys_later(
        &mut self,
        part: &'static str,
        keys: Vec<Key>,
        work: KeyWork,
    ) {
        if keys.is_empty() {
            return;
        }
        if self.shared.transport.is_immediate() {
            let mut backoff = self.backoff(part, Budget::Secondaries);
            let _ = self.for_all_keys(&mut backoff, keys, work).await;
        } else {
            let (client, piece) = (self.fork(), self.shared.background.begin());
            self.shared.runtime.spawn(async move {
                for_all_keys_beside(client, part, keys, work).await;
                // The client is gone, and what it has counted is counted.
                drop(piece);
            });
        }
    }

    async fn for_group(
        &mut self,
        backoff: &mut Backoff,
        group: (CachedRegion, Vec<Key>),
        work: KeyWork,
    ) -> Result<()> {
        let mut groups = vec![group];
        while let Some((mut region, keys)) = groups.pop() {
            if let Sent::Relocate = self.send(backoff, &mut region, &work.body(keys.clone())).await? {
                groups.extend(self.split_keys(backoff, keys, itself).await?);
            }
        }
        Ok(())
    }
}

/// The task that does it. (Not by `fan_out`: the compiler cannot see that its futures may change threads.)
async fn for_all_keys_beside(mut client: Client, part: &'static str, keys: Vec<Key>, work: KeyWork) {
    let mut backoff = client.backoff(part, Budget::Secondaries);
    // What is not done is done by whoever meets the locks.
    let Ok(groups) = client.split_keys(&mut backoff, keys, itself).await else { return };
    let mut branches = Vec::with_capacity(groups.len());
    for group in groups {
        branches.push(group_beside(client.fork(), backoff.fork(), group, work));
    }
    stream::iter(branches).buffer_unordered(CONCURRENCY).collect::<()>().await;
}

async fn group_beside(
    mut client: Client,
    mut backoff: Backoff,
    group: (CachedRegion, Vec<Key>),
    work: KeyWork,
) {
    let _ = client.for_group(&mut backoff, group, work).await;
}
