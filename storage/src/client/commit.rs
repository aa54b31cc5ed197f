//! Two phases that make a transaction's writes one.
//!
//! Mutations come in key order; the first key is the primary. If one region holds all keys, it checks and commits them in one
//! command. Otherwise every key is prewritten, the primary's region first, then the others at the same time; the commit
//! timestamp is taken; the primary is committed, and with that the transaction is; the other keys follow.
//!
//! Messages get lost after their work was done, so every step may run twice. Locks and commit records say what was done, and
//! the second run answers as the first did. Only one thing cannot be found out: whether the primary was committed when the
//! budget ends after an answer was lost. That is [`CommitOutcome::Undetermined`], never an error.

use super::backoff::{Backoff, Budget};
use super::locks::LockWaits;
use super::region_cache::CachedRegion;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::percolator::{self, Commit, Mutation, Prewrite, PrewriteOutcome, Rollback};
use crate::rpc::{Body, OnePhaseOutcome, Reply};
use crate::schema::Timestamp;

/// How long locks live, from when the transaction begins to commit.
const TTL_MS: u64 = 3000;
/// A large transaction needs longer: this much per key.
const TTL_KEYS_PER_MS: u64 = 20;
const TTL_MS_MAX: u64 = 20_000;

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum CommitOutcome {
    /// It is committed.
    Committed(Timestamp),
    /// Nothing is changed: another transaction changed a key after this one began.
    Conflict {
        /// The first such key that was met.
        key: Key,
        /// The other transaction, if known.
        conflict_start_ts: Timestamp,
        /// When it committed, if it did. Zero if this transaction took so long that it was rolled back.
        conflict_commit_ts: Timestamp,
    },
    /// Nothing is changed: a row to be inserted is there already.
    AlreadyExists {
        /// Its key.
        key: Key,
    },
    /// It may be committed or not: the answer was lost, and asking again found nobody in time.
    Undetermined,
}

/// Why a phase ended before its end.
enum Stop {
    Outcome(CommitOutcome),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

impl Stop {
    fn into_result(self) -> Result<CommitOutcome> {
        match self {
            Stop::Outcome(outcome) => Ok(outcome),
            Stop::Error(error) => Err(error),
        }
    }
}

/// Commits the mutations of a transaction, which are in key order. An error means that nothing was changed.
pub(super) async fn commit(
    client: &mut Client,
    start_ts: Timestamp,
    mutations: Vec<Mutation>,
) -> Result<CommitOutcome> {
    let Some(first) = mutations.first() else { return Ok(CommitOutcome::Committed(start_ts)) };
    // Counted from the start: however long the transaction has read, its locks have their time from now on.
    let elapsed_ms = client.shared.transport.now_ms().saturating_sub(start_ts.physical_ms());
    let ttl_ms = elapsed_ms + (TTL_MS + mutations.len() as u64 / TTL_KEYS_PER_MS).min(TTL_MS_MAX);
    let committer = Committer { primary: first.key.clone(), start_ts, ttl_ms, txn_size: mutations.len() };
    match committer.run(client, mutations).await {
        Ok(commit_ts) => Ok(CommitOutcome::Committed(commit_ts)),
        Err(stop) => stop.into_result(),
    }
}

/// Mutations within one region, as far as the client knows.
type Group = (CachedRegion, Vec<Mutation>);

/// What all steps of a commit need to know.
#[derive(Clone)]
struct Committer {
    primary: Key,
    start_ts: Timestamp,
    ttl_ms: u64,
    txn_size: usize,
}

impl Committer {
    async fn run(&self, client: &mut Client, mutations: Vec<Mutation>) -> Result<Timestamp, Stop> {
        let mut backoff = client.backoff("prewrite", Budget::Prewrite);
        let mut groups = client.split_keys(&mut backoff, mutations, |m| &m.key).await?;
        let timeouts = client.stats.timeouts;
        if groups.len() == 1
            && let Some(group) = groups.pop()
        {
            groups = match self.one_phase(client, &mut backoff, group).await? {
                OnePhase::Committed(commit_ts) => return Ok(commit_ts),
                OnePhase::Split(groups) => groups,
            };
        }
        let maybe_committed = client.stats.timeouts > timeouts;
        let committed = self.two_phases(client, &mut backoff, groups).await;
        committed.map_err(|stop| match stop {
            // Who cannot get on does not know whether the lost answer to the one phase was a yes.
            Stop::Error(_) if maybe_committed => Stop::Outcome(CommitOutcome::Undetermined),
            stop => stop,
        })
    }

    async fn two_phases(
        &self,
        client: &mut Client,
        backoff: &mut Backoff,
        groups: Vec<Group>,
    ) -> Result<Timestamp, Stop> {
        let keys: Vec<Key> = groups.iter().flat_map(|(_, ms)| ms.iter().map(|m| m.key.clone())).collect();
        let committed = match self.prewrite_all(client, backoff, groups).await {
            Ok(()) => self.commit_primary(client).await,
            Err(stop) => Err(stop),
        };
        match &committed {
            Ok(commit_ts) => self.commit_secondaries(client, keys, *commit_ts).await,
            Err(Stop::Outcome(CommitOutcome::Undetermined)) => {}
            Err(_) => self.roll_back(client, keys).await,
        }
        committed
    }

    fn prewrite(&self, mutations: Vec<Mutation>) -> Prewrite {
        let Committer { primary, start_ts, ttl_ms, txn_size } = self.clone();
        Prewrite { mutations, primary, start_ts, ttl_ms, txn_size }
    }

    /// Both phases in one command. If an answer is lost and the region is split before the command can be repeated, the two
    /// phases find on each key that it is committed, and when.
    async fn one_phase(
        &self,
        client: &mut Client,
        backoff: &mut Backoff,
        group: Group,
    ) -> Result<OnePhase, Stop> {
        let (mut region, mutations) = group;
        let mut waits = LockWaits::default();
        let timeouts = client.stats.timeouts;
        let body = Body::OnePhase(self.prewrite(mutations.clone()));
        loop {
            let sent = client.send(backoff, &mut region, &body).await;
            match sent.map_err(|e| self.unless_lost(client, timeouts, e))? {
                Sent::Reply(Reply::OnePhase(OnePhaseOutcome::Committed(commit_ts))) => {
                    return Ok(OnePhase::Committed(commit_ts));
                }
                Sent::Reply(Reply::OnePhase(OnePhaseOutcome::Refused(outcome))) => {
                    self.judge(client, backoff, outcome, &mut waits).await?;
                }
                Sent::Reply(other) => return Err(unexpected(&other).into()),
                Sent::Relocate => {
                    let split = client.split_keys(backoff, mutations.clone(), |m| &m.key).await;
                    let mut groups = split.map_err(|e| self.unless_lost(client, timeouts, e))?;
                    if groups.len() > 1 {
                        return Ok(OnePhase::Split(groups));
                    }
                    if let Some((found, _)) = groups.pop() {
                        region = found;
                    }
                }
            }
        }
    }

    /// An error after an answer was lost leaves the outcome open.
    fn unless_lost(&self, client: &Client, timeouts_before: u64, error: Error) -> Stop {
        if client.stats.timeouts > timeouts_before {
            Stop::Outcome(CommitOutcome::Undetermined)
        } else {
            Stop::Error(error)
        }
    }

    /// What a refused prewrite means: `Ok` = try again.
    async fn judge(
        &self,
        client: &mut Client,
        backoff: &mut Backoff,
        outcome: PrewriteOutcome,
        waits: &mut LockWaits,
    ) -> Result<(), Stop> {
        let nobody = Timestamp::default();
        let outcome = match outcome {
            PrewriteOutcome::Done => return Ok(()),
            PrewriteOutcome::Locked(locks) => {
                for lock in locks {
                    // Whoever holds it began later and was faster: waiting for it could only end in a conflict.
                    if lock.start_ts > self.start_ts {
                        let (key, conflict_start_ts) = (lock.key, lock.start_ts);
                        let outcome =
                            CommitOutcome::Conflict { key, conflict_start_ts, conflict_commit_ts: nobody };
                        return Err(Stop::Outcome(outcome));
                    }
                    client.resolve_for_write(backoff, &lock, waits).await?;
                }
                return Ok(());
            }
            PrewriteOutcome::WriteConflict { key, conflict_start_ts, conflict_commit_ts } => {
                CommitOutcome::Conflict { key, conflict_start_ts, conflict_commit_ts }
            }
            PrewriteOutcome::Aborted { key } => {
                CommitOutcome::Conflict { key, conflict_start_ts: nobody, conflict_commit_ts: nobody }
            }
            PrewriteOutcome::AlreadyExists { key } => CommitOutcome::AlreadyExists { key },
            PrewriteOutcome::TooOld { safe_ts } => {
                return Err(Error::SnapshotTooOld { ts: self.start_ts, safe_ts }.into());
            }
        };
        Err(Stop::Outcome(outcome))
    }

    /// The primary's region first: who meets another key's lock must find the primary's.
    async fn prewrite_all(
        &self,
        client: &mut Client,
        backoff: &mut Backoff,
        mut groups: Vec<Group>,
    ) -> Result<(), Stop> {
        if groups.is_empty() {
            return Ok(());
        }
        let rest = groups.split_off(1);
        for groups in [groups, rest] {
            let stops = client
                .fan_out(backoff, groups, async |client, backoff, group| {
                    // How it stopped is a value here, so that every branch comes to its end.
                    Ok(client.prewrite_group(backoff, self, group).await.err())
                })
                .await?;
            if let Some(stop) = stops.into_iter().flatten().next() {
                return Err(stop);
            }
        }
        Ok(())
    }

    /// Commits the primary: the moment of truth.
    async fn commit_primary(&self, client: &mut Client) -> Result<Timestamp, Stop> {
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
                        let (conflict_start_ts, conflict_commit_ts) = Default::default();
                        return Err(Stop::Outcome(CommitOutcome::Conflict {
                            key,
                            conflict_start_ts,
                            conflict_commit_ts,
                        }));
                    }
                },
                Sent::Reply(other) => return Err(unexpected(&other).into()),
                Sent::Relocate => {}
            }
        }
    }

    /// The other keys. The transaction is committed: what is not done here, whoever meets the lock will do.
    async fn commit_secondaries(&self, client: &mut Client, keys: Vec<Key>, commit_ts: Timestamp) {
        let mut backoff = client.backoff("commit secondaries", Budget::Secondaries);
        let start_ts = self.start_ts;
        let body = |keys| Body::Commit(Commit { keys, start_ts, commit_ts });
        let _ = client.for_all_keys(&mut backoff, keys, body).await;
    }

    /// Takes the locks away again. What is not done here, whoever meets the lock will do when it has expired.
    async fn roll_back(&self, client: &mut Client, keys: Vec<Key>) {
        let mut backoff = client.backoff("rollback", Budget::Secondaries);
        let start_ts = self.start_ts;
        let body = |keys| Body::Rollback(Rollback { keys, start_ts });
        let _ = client.for_all_keys(&mut backoff, keys, body).await;
    }
}

enum OnePhase {
    Committed(Timestamp),
    /// The keys are no longer in one region.
    Split(Vec<Group>),
}

impl Client {
    /// Sends a command about each key, one a region, until each was answered, whatever the answer.
    async fn for_all_keys(
        &mut self,
        backoff: &mut Backoff,
        keys: Vec<Key>,
        body: impl Fn(Vec<Key>) -> Body + Copy,
    ) -> Result<()> {
        let groups = self.split_keys(backoff, keys, |key| key).await?;
        self.fan_out(backoff, groups, async |client, backoff, group| {
            client.for_group(backoff, group, body).await
        })
        .await
        .map(drop)
    }
}

impl Client {
    async fn for_group(
        &mut self,
        backoff: &mut Backoff,
        group: (CachedRegion, Vec<Key>),
        body: impl Fn(Vec<Key>) -> Body,
    ) -> Result<()> {
        let mut groups = vec![group];
        while let Some((mut region, keys)) = groups.pop() {
            if let Sent::Relocate = self.send(backoff, &mut region, &body(keys.clone())).await? {
                groups.extend(self.split_keys(backoff, keys, |key| key).await?);
            }
        }
        Ok(())
    }

    async fn prewrite_group(
        &mut self,
        backoff: &mut Backoff,
        committer: &Committer,
        group: Group,
    ) -> Result<(), Stop> {
        let mut waits = LockWaits::default();
        let mut groups = vec![group];
        while let Some((mut region, mutations)) = groups.pop() {
            let body = Body::Prewrite(committer.prewrite(mutations.clone()));
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::Prewrite(PrewriteOutcome::Done)) => {}
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
        Ok(())
    }
}
