//! Makes a transaction's writes one.
//!
//! Mutations come in key order; the first key is the primary, if the transaction has not locked another one before. There are three ways, from the quickest to the most general:
//!
//! * **One phase** (`one_phase`): one region holds all keys, and checks and commits them in one command.
//! * **Async commit**: a timestamp is taken, all keys are prewritten at the same time, and with the last of them the
//!   transaction is committed, at the time that the locks themselves say. Only where messages take time, and for few keys:
//!   the primary's lock names them all.
//! * **Two phases**: all keys are prewritten; a timestamp is taken; the primary is committed, and with that the transaction
//!   is. An async commit falls back to this when a region cannot promise a time in the near future.
//!
//! What is decided is then written into the locks (`finish`), in the background where messages take time: whoever meets a lock
//! before finds out what became of its transaction.
//!
//! **Unknown outcomes.** Messages get lost after their work was done, so every step may run twice. Locks and commit records
//! say what was done, and the second run answers as the first did. Only one thing may not be found out in time: whether the
//! step that decides was done, when the budget ends after an answer was lost. That is [`CommitOutcome::Undetermined`], never
//! an error. In an async commit every prewrite may be the one that decides, so a failure is not believed before the regions
//! have made sure that some key will never be locked (`settle`): only then are the other locks taken away.
//!
//! **Who is to stop waiting** (`interrupt`) may be told so for as long as nothing is decided: while it waits for the locks of
//! others, for regions and for stores, before the primary is committed. It then takes back what it has locked, and the error
//! says that nothing was changed. In one step that may be the one that decides it finds out first whether it has (`settle`).
//! From the decision on nothing interrupts it. How long it waits for locks is the backoffer's affair, as in TiDB: the budget of
//! a prewrite, times the weight.

mod finish;
mod one_phase;
mod prewrite;
mod settle;

use std::sync::Arc;

use super::backoff::Budget;
use super::region_cache::CachedRegion;
use super::{Client, Interrupt};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::percolator::{AsyncCommit, Conflict, Mutation, Pessimistic, Prewrite};
use crate::schema::Timestamp;

pub(super) use finish::KeyWork;
use one_phase::OnePhase;

/// How long locks live, from when the transaction begins to commit.
const TTL_MS: u64 = 3000;
/// A large transaction needs longer: this much per key.
const TTL_KEYS_PER_MS: u64 = 20;
const TTL_MS_MAX: u64 = 20_000;

/// A transaction of so many keys says that it is alive while it commits.
const LARGE: usize = 50_000;

/// An async commit has so many keys at most, and so many bytes of keys (TiDB: `tidb_async_commit_keys_limit`).
const ASYNC_KEYS_MAX: usize = 256;
const ASYNC_KEY_BYTES_MAX: usize = 4096;
/// How far ahead an async commit may lie: what might happen to the world in that time is known now (TiDB's safe window).
const SAFE_WINDOW_MS: u64 = 2000;

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum CommitOutcome {
    /// It is committed.
    Committed(Timestamp),
    /// Nothing is changed: another transaction changed a key after this one began.
    Conflict(Conflict),
    /// Nothing is changed: a row to be inserted is there already.
    AlreadyExists {
        /// Its key.
        key: Key,
    },
    /// It may be committed or not: the answer was lost, and asking again found nobody in time.
    Undetermined,
}

/// How a transaction was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// When it began.
    pub start_ts: Timestamp,
    /// When it was committed.
    pub commit_ts: Timestamp,
    /// In which way.
    pub way: CommitWay,
}

/// A way to commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitWay {
    /// In one command.
    OnePhase,
    /// As soon as all keys were prewritten.
    Async,
    /// In two phases.
    #[default]
    TwoPhases,
}

/// Which ways a transaction may take to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitOptions {
    /// In one command, if one region holds all keys.
    pub one_phase: bool,
    /// As soon as all keys are prewritten.
    pub async_commit: AsyncUse,
    /// Whether an async commit lies after everything that was committed before it began (TiDB:
    /// `tidb_guarantee_linearizability`). Otherwise it saves asking for a timestamp, and only lies after what the transaction
    /// has seen, and after all reads that did not see it. A commit in one phase, or in two, always does.
    pub linearizable: bool,
}

impl Default for CommitOptions {
    fn default() -> CommitOptions {
        CommitOptions { one_phase: true, async_commit: AsyncUse::WhereItHelps, linearizable: true }
    }
}

/// When to use async commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsyncUse {
    /// Never.
    Never,
    /// Where messages take time: without a network there is no second round trip to be saved.
    WhereItHelps,
    /// Whenever the transaction is small enough.
    Always,
}

/// Why a phase ended before its end.
enum Stop {
    Outcome(CommitOutcome),
    /// A region said no, because of a lock, or the client was interrupted, and this is why it was not asked again.
    Refused(Error),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

impl Stop {
    /// Whether a region said no, or was not asked to the end.
    fn is_refusal(&self) -> bool {
        match self {
            Stop::Outcome(CommitOutcome::Conflict(_) | CommitOutcome::AlreadyExists { .. })
            | Stop::Refused(_) => true,
            Stop::Outcome(CommitOutcome::Committed(_) | CommitOutcome::Undetermined) | Stop::Error(_) => {
                false
            }
        }
    }

    fn into_result(self) -> Result<CommitOutcome> {
        match self {
            Stop::Outcome(outcome) => Ok(outcome),
            Stop::Refused(error) | Stop::Error(error) => Err(error),
        }
    }
}

/// Commits the mutations of a transaction, which are in key order. `locked` = it has locked keys before, and this is its
/// primary, which is among the mutations. `gives_way` = it does not wait for locks that may last. An error means that nothing
/// was changed.
pub(super) async fn commit(
    client: &mut Client,
    start_ts: Timestamp,
    mutations: Vec<Mutation>,
    options: CommitOptions,
    locked: Option<(Key, Arc<Pessimistic>)>,
    gives_way: bool,
) -> Result<CommitOutcome> {
    let Some(first) = mutations.first() else { return Ok(CommitOutcome::Committed(start_ts)) };
    let (primary, pessimistic) = match locked {
        Some((primary, pessimistic)) => (primary, Some(pessimistic)),
        None => (first.key.clone(), None),
    };
    // Counted from the start: however long the transaction has read, its locks have their time from now on.
    let elapsed_ms = client.oracle_ms().saturating_sub(start_ts.physical_ms());
    let ttl_ms = elapsed_ms + (TTL_MS + mutations.len() as u64 / TTL_KEYS_PER_MS).min(TTL_MS_MAX);
    let txn_size = mutations.len();
    let committer =
        Committer { primary, start_ts, ttl_ms, txn_size, pessimistic, async_plan: None, gives_way };
    let _alive = (mutations.len() >= LARGE).then(|| client.keep_alive(start_ts, committer.primary.clone()));
    let interrupt = client.interrupt.clone();
    let mut way = CommitWay::default();
    let ended = committer.run(client, mutations, options, &mut way).await;
    client.interrupt = interrupt;
    client.take_turns();
    match ended {
        Ok(commit_ts) => {
            client.committed = Some(Committed { start_ts, commit_ts, way });
            Ok(CommitOutcome::Committed(commit_ts))
        }
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
    /// `Some` = it has locked keys before.
    pessimistic: Option<Arc<Pessimistic>>,
    /// `None` = in two phases.
    async_plan: Option<AsyncPlan>,
    /// Gives up ([`Error::Blocked`]) where somebody else holds a lock that may last, and does not wait for it: one of a
    /// pessimistic transaction, whose user may be at lunch, or one that has outlasted a wait already.
    gives_way: bool,
}

/// What an async commit needs to know besides.
#[derive(Clone)]
struct AsyncPlan {
    secondaries: Arc<[Key]>,
    /// Later than what this transaction has seen, and if it is to be linearizable than everything that was committed before it
    /// began to commit.
    min_commit_ts: Timestamp,
    max_commit_ts: Timestamp,
}

impl Committer {
    async fn run(
        mut self,
        client: &mut Client,
        mutations: Vec<Mutation>,
        options: CommitOptions,
        way: &mut CommitWay,
    ) -> Result<Timestamp, Stop> {
        let mut backoff = client.backoff("prewrite", Budget::Prewrite);
        let mut keys: Vec<Key> = mutations.iter().map(|m| m.key.clone()).collect();
        let mut groups = match client.split_keys(&mut backoff, mutations, |m| &m.key).await {
            Ok(groups) => groups,
            Err(error) => return Err(self.give_up(client, keys, error.into()).await),
        };
        let timeouts = client.stats.timeouts;
        if options.one_phase
            && groups.len() == 1
            && let Some(group) = groups.pop()
        {
            groups = match self.one_phase(client, &mut backoff, group).await {
                Ok(OnePhase::Committed(commit_ts)) => {
                    *way = CommitWay::OnePhase;
                    return Ok(commit_ts);
                }
                Ok(OnePhase::Split(groups)) => groups,
                Err(stop) => {
                    client.stand_firm();
                    let may_arrive =
                        !client.shared.transport.is_immediate() || client.stats.timeouts > timeouts;
                    let settles = stop.is_refusal() && may_arrive;
                    let end = if settles { self.settle(client, &keys, stop).await } else { Err(stop) };
                    return match end {
                        Ok(commit_ts) => Ok(commit_ts),
                        Err(stop) => Err(self.give_up(client, keys, stop).await),
                    };
                }
            };
        }
        let maybe_committed = client.stats.timeouts > timeouts;
        if maybe_committed {
            client.stand_firm();
        }
        if client.takes_async(options.async_commit, &keys) {
            self.async_plan = match self.plan_async(client, &keys, options.linearizable).await {
                Ok(plan) => Some(plan),
                Err(_) if maybe_committed => return Err(Stop::Outcome(CommitOutcome::Undetermined)),
                Err(error) => return Err(self.give_up(client, keys, error.into()).await),
            };
        }
        let prewritten = self.prewrite_all(client, &mut backoff, groups).await;
        // Half of a commit is none, and half of taking it back is none either.
        client.stand_firm();
        let committed = match prewritten {
            Ok(commit_ts) if commit_ts > Timestamp(0) => {
                *way = CommitWay::Async;
                self.finish(client, keys, commit_ts).await;
                return Ok(commit_ts);
            }
            // In two phases, from the start or because a region wanted it so.
            Ok(_) => self.commit_primary(client).await.inspect(|_| keys.retain(|key| *key != self.primary)),
            Err(stop) if self.async_plan.is_some() => self.settle(client, &keys, stop).await,
            Err(stop) => Err(stop),
        };
        match &committed {
            Ok(commit_ts) => self.finish(client, keys, *commit_ts).await,
            Err(Stop::Outcome(CommitOutcome::Undetermined)) => {}
            Err(_) => self.roll_back(client, keys).await,
        }
        committed.map_err(|stop| match stop {
            // Who cannot get on does not know whether the lost answer to the one phase was a yes.
            Stop::Refused(_) | Stop::Error(_) if maybe_committed => {
                Stop::Outcome(CommitOutcome::Undetermined)
            }
            stop => stop,
        })
    }

    /// Before anything was prewritten: what was locked earlier is given back, unless it may be committed.
    async fn give_up(&self, client: &mut Client, keys: Vec<Key>, stop: Stop) -> Stop {
        client.stand_firm();
        if self.pessimistic.is_some() && !matches!(stop, Stop::Outcome(CommitOutcome::Undetermined)) {
            self.roll_back(client, keys).await;
        }
        stop
    }

    /// An async commit of a transaction with these keys.
    async fn plan_async(&self, client: &mut Client, keys: &[Key], linearizable: bool) -> Result<AsyncPlan> {
        let for_update_ts = self.pessimistic.as_ref().map_or(Timestamp(0), |p| p.for_update_ts);
        let (min_commit_ts, now_ms) = match linearizable {
            true => client.timestamp().await.map(|ts| (ts, ts.physical_ms()))?,
            false => (Timestamp(self.start_ts.max(for_update_ts).0 + 1), client.oracle_ms()),
        };
        let max_commit_ts = Timestamp::from_parts(now_ms + SAFE_WINDOW_MS, 0);
        let secondaries = keys.iter().filter(|key| **key != self.primary).cloned().collect();
        Ok(AsyncPlan { secondaries, min_commit_ts, max_commit_ts })
    }

    fn prewrite(&self, mutations: Vec<Mutation>) -> Prewrite {
        let Committer { primary, start_ts, ttl_ms, txn_size, pessimistic, async_plan, .. } = self.clone();
        let has_primary = mutations.iter().any(|m| m.key == primary);
        let min_commit_ts = async_plan.as_ref().map_or(Timestamp(0), |plan| plan.min_commit_ts);
        let async_commit = async_plan.map(|plan| AsyncCommit {
            secondaries: if has_primary { plan.secondaries } else { Arc::default() },
            max_commit_ts: plan.max_commit_ts,
            max_read_ts: Timestamp(0),
        });
        Prewrite { mutations, primary, start_ts, ttl_ms, txn_size, min_commit_ts, pessimistic, async_commit }
    }

    /// An error after an answer was lost leaves the outcome open; who was only interrupted can find it out.
    fn unless_lost(&self, client: &Client, timeouts_before: u64, error: Error) -> Stop {
        if matches!(error, Error::Interrupted) {
            Stop::Refused(error)
        } else if client.stats.timeouts > timeouts_before {
            Stop::Outcome(CommitOutcome::Undetermined)
        } else {
            Stop::Error(error)
        }
    }
}

impl Client {
    /// From now on nothing interrupts it.
    fn stand_firm(&mut self) {
        self.interrupt = Interrupt::default();
    }

    fn takes_async(&self, wanted: AsyncUse, keys: &[Key]) -> bool {
        let wanted = match wanted {
            AsyncUse::Never => false,
            AsyncUse::WhereItHelps => !self.shared.transport.is_immediate(),
            AsyncUse::Always => true,
        };
        wanted
            && keys.len() <= ASYNC_KEYS_MAX
            && keys.iter().map(|key| key.as_bytes().len()).sum::<usize>() <= ASYNC_KEY_BYTES_MAX
    }
}
