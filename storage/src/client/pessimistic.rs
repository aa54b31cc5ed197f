//! Locking keys before writing them.
//!
//! A pessimistic transaction locks, while a statement runs, the keys that it is going to change (or that it only reads FOR
//! UPDATE). The statement has read at the transaction's *for-update timestamp*; if somebody has changed a key since, the
//! answer is a conflict, the timestamp is taken anew, and the statement is to be run again. If somebody else holds a key, this
//! waits: at the store, which answers as soon as the lock is gone, or refuses a wait that would never end (a deadlock). Who waits
//! looks up now and then, for the holder may be dead.
//!
//! ```text
//! let mut t = client.begin_pessimistic(ts);
//! loop {
//!     client.see_newest(&mut t).await?;             what the statement reads at: t.for_update_ts()
//!     …                                             it reads, and finds the keys
//!     match client.lock_keys(&mut t, keys, LockWait::For(limit)).await? {
//!         LockOutcome::Locked { .. } => break,
//!         LockOutcome::Conflict(_) => {}        once more
//!         …                                         an error for the user
//!     }
//! }
//! t.put(…); t.commit(&mut client).await?;           or t.roll_back(&mut client).await
//! ```
//!
//! A call that does not lock what it was asked for gives back what it locked. What earlier calls locked stays until the
//! transaction ends, as does the primary that the first of them chose.

use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;

use super::backoff::{Backoff, Budget};
use super::commit::KeyWork;
use super::keep_alive::Alive;
use super::region_cache::CachedRegion;
use super::sender::Sent;
use super::{Client, Transaction, unexpected};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::mvcc::LockInfo;
use crate::percolator::{Conflict, Pessimistic, PessimisticLock, PessimisticLockOutcome};
use crate::rpc::{AwaitLock, Awaited, Body, Reply};
use crate::schema::Timestamp;
use crate::store::Deadlock;

/// How long locks live, from the moment of locking on, if nobody says that the transaction is alive.
pub(super) const TTL_MS: u64 = 20_000;
/// Who waits for a lock looks after its holder this often.
const ROUND_MS: u64 = 100;
/// How long those who waited let the first of them pass (TiKV's `wake-up-delay-duration`).
const NEXT_MS: u64 = 20;

/// What to do about keys that others have locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockWait {
    /// Wait until they are free, for this long in all.
    For(Duration),
    /// Give up at once (`NOWAIT`).
    No,
    /// Do without them (`SKIP LOCKED`).
    Skip,
}

/// What became of an attempt to lock keys. Unless they are locked, none of them is locked by it.
#[derive(Clone, Debug, PartialEq)]
pub enum LockOutcome {
    /// They are locked.
    Locked {
        /// Of those that this call locked, the keys that hold a row, in key order.
        existing: Vec<Key>,
        /// Those that are not locked, with [`LockWait::Skip`], in key order.
        skipped: Vec<Key>,
    },
    /// Somebody has changed a key since the for-update timestamp, which is a later one now: run the statement again.
    Conflict(Conflict),
    /// Somebody else holds a key, and the call was not to wait (MySQL's 3572).
    Busy {
        /// The key.
        key: Key,
    },
    /// Somebody else held a key for too long (MySQL's 1205).
    TimedOut {
        /// The key.
        key: Key,
    },
    /// To wait would have been to wait for ever (MySQL's 1213). The transaction should be rolled back.
    Deadlock(Deadlock),
    /// The transaction took so long that others have rolled it back.
    Aborted {
        /// The key that says so.
        key: Key,
    },
}

/// What a pessimistic transaction holds.
pub(super) struct Held {
    /// Named in all locks; chosen by the first call that locks.
    pub(super) primary: Option<Key>,
    pub(super) for_update_ts: Timestamp,
    /// Each with the for-update timestamp at which it was locked.
    pub(super) locked: OrdMap<Key, Timestamp>,
    /// `None` = there is no primary yet.
    alive: Option<Alive>,
}

impl Held {
    pub(super) fn new(start_ts: Timestamp) -> Held {
        Held { primary: None, for_update_ts: start_ts, locked: OrdMap::new(), alive: None }
    }

    /// Gives all of it back.
    pub(super) async fn release(self, client: &mut Client, start_ts: Timestamp) {
        let work = KeyWork::PessimisticRollback { start_ts, for_update_ts: self.for_update_ts };
        let keys = self.locked.keys().cloned().collect();
        client.for_all_keys_later("pessimistic rollback", keys, work).await;
    }

    /// What its prewrites tell.
    pub(super) fn told(&self) -> Arc<Pessimistic> {
        Arc::new(Pessimistic { for_update_ts: self.for_update_ts, locked: self.locked.clone() })
    }
}

/// What each branch of a call needs to know.
struct Wanted {
    primary: Key,
    start_ts: Timestamp,
    for_update_ts: Timestamp,
    ttl_ms: u64,
    wait: LockWait,
    /// When waiting is over.
    until_ms: u64,
}

/// How a branch ended.
enum End {
    Locked { existing: Vec<Key>, skipped: Vec<Key> },
    Stopped(LockOutcome),
}

/// Who is in the way.
enum InTheWay {
    /// Nobody any more.
    Nobody,
    /// This lock, whose transaction is alive.
    Alive(LockInfo),
}

impl Client {
    /// Starts a transaction that locks what it writes. It reads at `start_ts`, its statements that lock at
    /// [`for_update_ts`](Transaction::for_update_ts).
    pub fn begin_pessimistic(&self, start_ts: Timestamp) -> Transaction {
        let mut transaction = self.begin(start_ts);
        transaction.held = Some(Held::new(start_ts));
        transaction
    }

    /// Lets the next statement of a pessimistic transaction see all that is committed by now; that timestamp. Of another one,
    /// its own.
    pub async fn see_newest(&mut self, transaction: &mut Transaction) -> Result<Timestamp> {
        match &mut transaction.held {
            Some(held) => {
                held.for_update_ts = self.timestamp().await?;
                Ok(held.for_update_ts)
            }
            None => Ok(transaction.start_ts()),
        }
    }

    /// Locks keys for a pessimistic transaction, but those that it has locked already. In another transaction they are only
    /// marked, to conflict at the commit.
    pub async fn lock_keys(
        &mut self,
        transaction: &mut Transaction,
        mut keys: Vec<Key>,
        wait: LockWait,
    ) -> Result<LockOutcome> {
        let start_ts = transaction.start_ts();
        let Some(held) = &mut transaction.held else {
            keys.into_iter().for_each(|key| transaction.lock(key));
            return Ok(LockOutcome::Locked { existing: Vec::new(), skipped: Vec::new() });
        };
        keys.retain(|key| !held.locked.contains_key(key));
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(LockOutcome::Locked { existing: Vec::new(), skipped: Vec::new() });
        }
        let now_ms = self.shared.transport.now_ms();
        let limit = if let LockWait::For(limit) = wait { limit } else { Duration::ZERO };
        let mut wanted = Wanted {
            primary: held.primary.clone().unwrap_or_else(|| keys[0].clone()),
            start_ts,
            for_update_ts: held.for_update_ts,
            ttl_ms: self.oracle_ms().saturating_sub(start_ts.physical_ms()) + TTL_MS,
            wait,
            until_ms: now_ms.saturating_add(limit.as_millis() as u64),
        };
        let ended = match held.primary {
            None if wait == LockWait::Skip => self.lock_with_first_free(&mut wanted, &keys).await,
            Some(_) | None => self.lock_all(&wanted, &keys).await,
        };
        if let Ok(End::Locked { existing, skipped }) = ended {
            for key in keys.into_iter().filter(|key| skipped.binary_search(key).is_err()) {
                held.locked.insert(key, wanted.for_update_ts);
            }
            if held.locked.contains_key(&wanted.primary) && held.primary.is_none() {
                held.alive = Some(self.keep_alive(start_ts, wanted.primary.clone()));
                held.primary = Some(wanted.primary);
            }
            return Ok(LockOutcome::Locked { existing, skipped });
        }
        // Nothing stays locked because nobody wants to wait any longer.
        let interrupt = std::mem::take(&mut self.interrupt);
        let work = KeyWork::PessimisticRollback { start_ts, for_update_ts: wanted.for_update_ts };
        self.for_all_keys_later("pessimistic rollback", keys, work).await;
        // Later than what is being given back, which may be on its way for long.
        let later = self.timestamp().await;
        self.interrupt = interrupt;
        held.for_update_ts = later?;
        match ended? {
            End::Stopped(outcome) => Ok(outcome),
            End::Locked { .. } => Err(Error::Internal("keys are locked and were given back".into())),
        }
    }

    /// The first key that nobody holds is the primary, and then the others are locked.
    async fn lock_with_first_free(&mut self, wanted: &mut Wanted, keys: &[Key]) -> Result<End> {
        for at in 0..keys.len() {
            wanted.primary = keys[at].clone();
            match self.lock_all(wanted, &keys[at..at + 1]).await? {
                End::Locked { existing, skipped } if skipped.is_empty() => {
                    return Ok(match self.lock_all(wanted, &keys[at + 1..]).await? {
                        End::Locked { existing: e, skipped: s } => End::Locked {
                            existing: existing.into_iter().chain(e).collect(),
                            skipped: keys[..at].iter().cloned().chain(s).collect(),
                        },
                        stopped @ End::Stopped(_) => stopped,
                    });
                }
                End::Locked { .. } => {}
                stopped @ End::Stopped(_) => return Ok(stopped),
            }
        }
        Ok(End::Locked { existing: Vec::new(), skipped: keys.to_vec() })
    }

    /// The primary's region first: who meets another lock of the transaction must find it.
    async fn lock_all(&mut self, wanted: &Wanted, keys: &[Key]) -> Result<End> {
        let mut backoff = self.backoff("pessimistic lock", Budget::PessimisticLock);
        let mut groups = self.split_keys(&mut backoff, keys.to_vec(), |key| key).await?;
        let (mut existing, mut skipped) = (Vec::new(), Vec::new());
        let rest = if keys.first() == Some(&wanted.primary) { groups.split_off(1) } else { Vec::new() };
        for groups in [groups, rest] {
            let ends = self
                .fan_out(&mut backoff, groups, async |client, backoff, group| {
                    client.lock_group(backoff, wanted, group).await
                })
                .await?;
            for end in ends {
                match end {
                    End::Locked { existing: e, skipped: s } => {
                        existing.extend(e);
                        skipped.extend(s);
                    }
                    End::Stopped(outcome) => return Ok(End::Stopped(outcome)),
                }
            }
        }
        existing.sort_unstable();
        skipped.sort_unstable();
        Ok(End::Locked { existing, skipped })
    }

    /// Locks the keys of one region, in as many parts as it has been split into meanwhile.
    async fn lock_group(
        &mut self,
        backoff: &mut Backoff,
        wanted: &Wanted,
        group: (CachedRegion, Vec<Key>),
    ) -> Result<End> {
        let (mut existing, mut skipped) = (Vec::new(), Vec::new());
        let mut waited = false;
        let mut groups = vec![group];
        while let Some((mut region, mut keys)) = groups.pop() {
            if keys.is_empty() {
                continue;
            }
            self.interrupt.check()?;
            let body = Body::PessimisticLock(PessimisticLock {
                keys: keys.clone(),
                primary: wanted.primary.clone(),
                start_ts: wanted.start_ts,
                for_update_ts: wanted.for_update_ts,
                ttl_ms: wanted.ttl_ms,
            });
            let outcome = match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::PessimisticLock(outcome)) => outcome,
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {
                    groups.extend(self.split_keys(backoff, keys, |key| key).await?);
                    continue;
                }
            };
            let stop = match outcome {
                PessimisticLockOutcome::Done { existing: of_these } => {
                    existing.extend(of_these);
                    continue;
                }
                PessimisticLockOutcome::Locked(locks) => {
                    let told: Vec<Key> = locks.iter().map(|lock| lock.key.clone()).collect();
                    match (self.in_the_way(backoff, locks, wanted.wait, waited).await?, wanted.wait) {
                        (InTheWay::Nobody, _) => None,
                        (InTheWay::Alive(lock), LockWait::No) => Some(LockOutcome::Busy { key: lock.key }),
                        (InTheWay::Alive(_), LockWait::Skip) => {
                            keys.retain(|key| told.binary_search(key).is_err());
                            skipped.extend(told);
                            None
                        }
                        (InTheWay::Alive(lock), LockWait::For(_)) => {
                            waited = true;
                            self.await_lock(backoff, wanted, &mut region, lock).await?
                        }
                    }
                }
                PessimisticLockOutcome::WriteConflict(conflict) => Some(LockOutcome::Conflict(conflict)),
                PessimisticLockOutcome::Aborted { key } => Some(LockOutcome::Aborted { key }),
                PessimisticLockOutcome::TooOld { safe_ts } => {
                    return Err(Error::SnapshotTooOld { ts: wanted.start_ts, safe_ts });
                }
            };
            match stop {
                Some(outcome) => return Ok(End::Stopped(outcome)),
                None => groups.push((region, keys)),
            }
        }
        Ok(End::Locked { existing, skipped })
    }

    /// Finishes the locks of transactions that have ended, and says whether another one remains. Who is going to wait need not
    /// ask at first: most holders are alive.
    async fn in_the_way(
        &mut self,
        backoff: &mut Backoff,
        locks: Vec<LockInfo>,
        wait: LockWait,
        waited: bool,
    ) -> Result<InTheWay> {
        let now_ms = self.oracle_ms();
        let is_young = |lock: &LockInfo| lock.start_ts.physical_ms() + lock.ttl_ms > now_ms;
        let trusts = !waited && matches!(wait, LockWait::For(_)) && locks.iter().all(is_young);
        let first = locks.first().cloned();
        let alive = if trusts { first } else { self.resolve_ended(backoff, locks).await? };
        Ok(alive.map_or(InTheWay::Nobody, InTheWay::Alive))
    }

    /// Waits for a lock at the store; `None` = try again.
    async fn await_lock(
        &mut self,
        backoff: &mut Backoff,
        wanted: &Wanted,
        region: &mut CachedRegion,
        lock: LockInfo,
    ) -> Result<Option<LockOutcome>> {
        let (mut holder, mut expected) = (lock.start_ts, false);
        loop {
            let left_ms = wanted.until_ms.saturating_sub(self.shared.transport.now_ms());
            if left_ms == 0 {
                return Ok(Some(LockOutcome::TimedOut { key: lock.key }));
            }
            let body = Body::AwaitLock(AwaitLock {
                key: lock.key.clone(),
                holder,
                expected,
                waiter: wanted.start_ts,
                wait_ms: left_ms.min(if expected { NEXT_MS } else { ROUND_MS }),
            });
            return match self.send(backoff, region, &body).await? {
                Sent::Reply(Reply::Awaited(Awaited::Released)) => Ok(None),
                Sent::Reply(Reply::Awaited(Awaited::Next(next))) => {
                    (holder, expected) = (next, true);
                    continue;
                }
                Sent::Reply(Reply::Awaited(Awaited::Deadlock(deadlock))) => {
                    Ok(Some(LockOutcome::Deadlock(deadlock)))
                }
                Sent::Reply(other) => Err(unexpected(&other)),
                // The next request finds out.
                Sent::Relocate => Ok(None),
            };
        }
    }
}
