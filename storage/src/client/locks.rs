//! A transaction is in the way: what became of it?
//!
//! Who meets locks asks the region of each transaction's primary key, unless it knows the answer already (`resolved`). If
//! the transaction is committed or rolled back, its locks here are finished accordingly. If it is alive, a reader asks that
//! it commit after the reader's timestamp, and then passes the lock; only if that cannot be promised does it wait. A writer
//! waits. If the transaction's time to live is over, asking rolls it back.
//!
//! **Async commit.** The primary alone cannot say whether such a transaction is committed. While its time runs, its
//! coordinator is at it, and others wait (a reader whose timestamp is before the primary's part of the commit timestamp passes).
//! When it is over, all other keys are asked, region by region at the same time, each branch with its own fork of the
//! backoffer. All locked: committed, at the greatest of their times. One missing: rolled back, and that key's region has seen
//! to it that it stays missing. One locked for two phases: the primary decides after all, and is asked again, to be judged as
//! one in two phases.
//!
//! **Pessimistic locks** block nobody but writers, and say nothing of their transaction's end. If the primary that they name
//! knows of an end, or of nothing at all (and the lock's own time is over), or names another primary, they are just taken
//! away.
//!
//! Holes that TiDB had here, each with a test in `tests/resolver.rs`:
//! * 24384: a secondary was in async commit, the primary had fallen back; the check was made with a current time of zero, so
//!   the primary never expired. Here the true time goes with every check.
//! * 23540: the primary in async commit, a secondary fallen back; the second check's answer was judged by the clock again.
//!   Here what the region answers to a forced check is final.
//! * 59494: after a transaction was found ended, only the locks that recovery had listed were finished, not the one that was
//!   met. Here the locks that were met are always finished.

use super::backoff::{Backoff, BackoffKind};
use super::commit::KeyWork;
use super::resolved::End;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::mvcc::LockInfo;
use crate::percolator::{CheckSecondaryLocks, CheckTxnStatus, SecondaryLocks, TxnStatus};
use crate::rpc::{Body, Reply};
use crate::schema::Timestamp;

/// Transactions of fewer keys have their locks finished one by one as they are met; for larger ones a region finishes all
/// that it has.
const LITE_MAX: usize = 512;
/// In direct mode a lock's owner is a thread that runs now, or is about to: yield to it so often before sleeping.
const YIELDS_MAX: usize = 64;

/// How often one operation met locks that it had to wait for. Part of that operation's state.
#[derive(Default)]
pub(super) struct LockWaits {
    yields: usize,
    sleeps: usize,
}

/// A region's part of a read: what is still to be read, what has been read, and the locks that were met.
pub(super) struct Reading<P, R> {
    /// A stack: the next in key order is on top.
    pub(super) todo: Vec<P>,
    pub(super) done: Vec<R>,
    /// If there are some, reading has stopped here.
    pub(super) locks: Vec<LockInfo>,
}

impl<P, R> Reading<P, R> {
    fn new(part: P) -> Reading<P, R> {
        Reading { todo: vec![part], done: Vec::with_capacity(1), locks: Vec::new() }
    }
}

/// What is to be done about a transaction's locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Ended(End),
    /// Nothing is known of it, and its pessimistic lock is worth nothing.
    Stale,
    /// It is alive, or was a moment ago.
    Alive {
        /// It will commit after the time at which the caller reads, if it does.
        passable: bool,
    },
}

impl Client {
    /// Reads all parts, each until it is done or meets locks; deals with all locks that were met, each transaction once,
    /// however many parts it has locked; and goes on. What was read, in the order of the parts.
    pub(super) async fn read_past_locks<P, R>(
        &mut self,
        backoff: &mut Backoff,
        ts: Timestamp,
        mut parts: Vec<P>,
        read: impl AsyncFn(&mut Client, &mut Backoff, &mut Reading<P, R>, &[Timestamp]) -> Result<()>,
    ) -> Result<Vec<R>> {
        let mut ignore = Vec::new();
        let mut waits = LockWaits::default();
        if parts.len() == 1
            && let Some(part) = parts.pop()
        {
            let mut reading = Reading::new(part);
            loop {
                read(self, backoff, &mut reading, &ignore).await?;
                if reading.locks.is_empty() {
                    return Ok(reading.done);
                }
                let locks = std::mem::take(&mut reading.locks);
                self.resolve_for_read(backoff, locks, ts, &mut ignore, &mut waits).await?;
            }
        }
        let mut readings: Vec<Reading<P, R>> = parts.into_iter().map(Reading::new).collect();
        loop {
            let ignored: &[Timestamp] = &ignore;
            readings = self
                .fan_out(backoff, readings, async |client, backoff, mut reading| {
                    if !reading.todo.is_empty() {
                        read(client, backoff, &mut reading, ignored).await?;
                    }
                    Ok(reading)
                })
                .await?;
            let locks: Vec<LockInfo> = readings.iter_mut().flat_map(|r| r.locks.drain(..)).collect();
            if locks.is_empty() {
                return Ok(readings.into_iter().flat_map(|r| r.done).collect());
            }
            self.resolve_for_read(backoff, locks, ts, &mut ignore, &mut waits).await?;
        }
    }

    /// Deals with locks that block a read at `ts`. Transactions that the reader may pass are added to `ignore`.
    async fn resolve_for_read(
        &mut self,
        backoff: &mut Backoff,
        locks: Vec<LockInfo>,
        ts: Timestamp,
        ignore: &mut Vec<Timestamp>,
        waits: &mut LockWaits,
    ) -> Result<()> {
        self.stats.locks_met += locks.len() as u64;
        let passed = self
            .fan_out(backoff, by_transaction(locks), async |client, backoff, locks| {
                let Some(first) = locks.first() else { return Ok(None) };
                let start_ts = first.start_ts;
                match client.fate(backoff, first, ts).await? {
                    Fate::Ended(End::Committed(commit_ts)) if commit_ts > ts => Ok(Some(start_ts)),
                    Fate::Alive { passable: true } => Ok(Some(start_ts)),
                    Fate::Ended(end) => client.finish_locks(backoff, &locks, end).await.map(|()| None),
                    Fate::Stale => client.drop_locks(backoff, &locks).await.map(|()| None),
                    Fate::Alive { passable: false } => Ok(Some(Timestamp::MAX)),
                }
            })
            .await?;
        let must_wait = passed.contains(&Some(Timestamp::MAX));
        ignore.extend(passed.into_iter().flatten().filter(|&start_ts| start_ts != Timestamp::MAX));
        if must_wait {
            self.wait_for_lock(backoff, BackoffKind::TxnLockFast, waits).await?;
        }
        Ok(())
    }

    /// Deals with locks that block a write. If the writer gives way: a lock that it will not wait for.
    pub(super) async fn resolve_for_write(
        &mut self,
        backoff: &mut Backoff,
        locks: Vec<LockInfo>,
        waits: &mut LockWaits,
        gives_way: bool,
    ) -> Result<Option<LockInfo>> {
        let Some(alive) = self.resolve_ended(backoff, locks).await? else { return Ok(None) };
        if gives_way && (alive.pessimistic || waits.sleeps > 0) {
            return Ok(Some(alive));
        }
        self.wait_for_lock(backoff, BackoffKind::TxnLock, waits).await?;
        Ok(None)
    }

    /// Finishes the locks of those transactions that have ended. One of the others, if there is one: it is alive.
    pub(super) async fn resolve_ended(
        &mut self,
        backoff: &mut Backoff,
        locks: Vec<LockInfo>,
    ) -> Result<Option<LockInfo>> {
        let mut alive = None;
        for locks in by_transaction(locks) {
            let Some(first) = locks.first() else { continue };
            match self.fate(backoff, first, Timestamp(0)).await? {
                Fate::Ended(end) => self.finish_locks(backoff, &locks, end).await?,
                Fate::Stale => self.drop_locks(backoff, &locks).await?,
                Fate::Alive { .. } => alive = alive.or(Some(first.clone())),
            }
        }
        Ok(alive)
    }

    /// Finishes locks of transactions that have no coordinator any more, however long they say that they live.
    pub(super) async fn resolve_dead(&mut self, backoff: &mut Backoff, locks: Vec<LockInfo>) -> Result<()> {
        for locks in by_transaction(locks) {
            let Some(first) = locks.first() else { continue };
            let fate = match self.resolved.get(first.start_ts) {
                Some(end) => Fate::Ended(end),
                None => self.ask_for_fate(backoff, first, Timestamp(0), true).await?,
            };
            match fate {
                Fate::Ended(end) => {
                    self.resolved.insert(first.start_ts, end);
                    self.finish_locks(backoff, &locks, end).await?;
                }
                // Nobody's time is longer than that.
                Fate::Stale | Fate::Alive { .. } => self.drop_locks(backoff, &locks).await?,
            }
        }
        Ok(())
    }

    async fn wait_for_lock(
        &mut self,
        backoff: &mut Backoff,
        kind: BackoffKind,
        waits: &mut LockWaits,
    ) -> Result<()> {
        if self.shared.transport.is_immediate() && waits.yields < YIELDS_MAX {
            waits.yields += 1;
            std::thread::yield_now();
            return Ok(());
        }
        waits.sleeps += 1;
        self.wait(backoff, kind, "a lock").await
    }

    /// What became of the transaction that holds a lock, for a reader at `caller_start_ts`; zero = for a writer.
    async fn fate(
        &mut self,
        backoff: &mut Backoff,
        lock: &LockInfo,
        caller_start_ts: Timestamp,
    ) -> Result<Fate> {
        if let Some(end) = self.resolved.get(lock.start_ts) {
            return Ok(Fate::Ended(end));
        }
        let fate = self.ask_for_fate(backoff, lock, caller_start_ts, false).await?;
        if let Fate::Ended(end) = fate {
            self.resolved.insert(lock.start_ts, end);
        }
        Ok(fate)
    }

    async fn ask_for_fate(
        &mut self,
        backoff: &mut Backoff,
        lock: &LockInfo,
        caller_start_ts: Timestamp,
        is_dead: bool,
    ) -> Result<Fate> {
        let mut force_sync_commit = false;
        loop {
            // Of who is known to be dead, the time is over.
            let current_ts = if is_dead { Timestamp::MAX } else { self.fresh_timestamp(backoff).await? };
            let is_over =
                |ttl_ms| lock.start_ts.physical_ms().saturating_add(ttl_ms) <= current_ts.physical_ms();
            let body = Body::CheckTxnStatus(CheckTxnStatus {
                primary: lock.primary.clone(),
                lock_ts: lock.start_ts,
                caller_start_ts,
                current_ts,
                rollback_if_not_exist: is_over(lock.ttl_ms),
                force_sync_commit,
                resolving_pessimistic: lock.pessimistic,
            });
            let mut region = self.locate(backoff, &lock.primary).await?;
            let status = match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::TxnStatus(status)) => status,
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => continue,
            };
            match status {
                TxnStatus::Committed { commit_ts } => return Ok(Fate::Ended(End::Committed(commit_ts))),
                TxnStatus::RolledBack(_) => return Ok(Fate::Ended(End::RolledBack)),
                TxnStatus::Alive { min_commit_ts_pushed, .. } => {
                    return Ok(Fate::Alive { passable: min_commit_ts_pushed });
                }
                TxnStatus::Stale => return Ok(Fate::Stale),
                TxnStatus::NotFound if lock.pessimistic => {
                    let is_stale = is_over(lock.ttl_ms);
                    return Ok(if is_stale { Fate::Stale } else { Fate::Alive { passable: false } });
                }
                TxnStatus::NotFound => {
                    const TROUBLE: &str = "a lock whose transaction is not to be found";
                    self.wait(backoff, BackoffKind::TxnNotFound, TROUBLE).await?;
                }
                TxnStatus::AsyncCommit { ttl_ms, min_commit_ts, .. } if !is_over(ttl_ms) => {
                    let reads = caller_start_ts > Timestamp(0) && caller_start_ts < Timestamp::MAX;
                    return Ok(Fate::Alive { passable: reads && caller_start_ts < min_commit_ts });
                }
                TxnStatus::AsyncCommit { min_commit_ts, secondaries, .. } => {
                    let locks = self.check_secondaries(backoff, secondaries.to_vec(), lock.start_ts).await?;
                    let end = match locks {
                        SecondaryLocks::NotAsync => {
                            force_sync_commit = true;
                            continue;
                        }
                        SecondaryLocks::Locked { min_commit_ts: others } => {
                            End::Committed(min_commit_ts.max(others))
                        }
                        SecondaryLocks::Committed { commit_ts } => End::Committed(commit_ts),
                        SecondaryLocks::RolledBack => End::RolledBack,
                    };
                    // All of it at once: nobody else shall have to find this out again.
                    let mut keys = vec![lock.primary.clone()];
                    keys.extend(secondaries.iter().cloned());
                    keys.sort_unstable();
                    self.finish_keys(backoff, keys, lock.start_ts, end).await?;
                    return Ok(Fate::Ended(end));
                }
            }
        }
    }

    /// Whether these keys of a transaction in async commit are all locked. What is not will never be.
    pub(super) async fn check_secondaries(
        &mut self,
        backoff: &mut Backoff,
        keys: Vec<Key>,
        start_ts: Timestamp,
    ) -> Result<SecondaryLocks> {
        let groups = self.split_keys(backoff, keys, |key| key).await?;
        let answers = self
            .fan_out(backoff, groups, async |client, backoff, group| {
                let mut answers = Vec::with_capacity(1);
                let mut groups = vec![group];
                while let Some((mut region, keys)) = groups.pop() {
                    let check = CheckSecondaryLocks { keys: keys.clone(), start_ts };
                    match client.send(backoff, &mut region, &Body::CheckSecondaryLocks(check)).await? {
                        Sent::Reply(Reply::SecondaryLocks(locks)) => answers.push(locks),
                        Sent::Reply(other) => return Err(unexpected(&other)),
                        // Only the keys of this branch are cut anew.
                        Sent::Relocate => groups.extend(client.split_keys(backoff, keys, |key| key).await?),
                    }
                }
                Ok(answers)
            })
            .await?;
        agree(answers.into_iter().flatten())
    }

    /// Commits or rolls back the locks that were met of one transaction.
    async fn finish_locks(&mut self, backoff: &mut Backoff, locks: &[LockInfo], end: End) -> Result<()> {
        let Some(first) = locks.first() else { return Ok(()) };
        if first.pessimistic {
            // It was not written in the end.
            return self.drop_locks(backoff, locks).await;
        }
        let keys = keys_of(locks);
        if first.txn_size < LITE_MAX {
            return self.finish_keys(backoff, keys, first.start_ts, end).await;
        }
        let work = KeyWork::ResolveRegion { start_ts: first.start_ts, commit_ts: end.commit_ts() };
        self.for_all_keys(backoff, keys, work).await
    }

    /// Takes pessimistic locks of one transaction away.
    async fn drop_locks(&mut self, backoff: &mut Backoff, locks: &[LockInfo]) -> Result<()> {
        let Some(first) = locks.first() else { return Ok(()) };
        let for_update_ts = locks.iter().map(|lock| lock.for_update_ts).max().unwrap_or_default();
        let work = KeyWork::PessimisticRollback { start_ts: first.start_ts, for_update_ts };
        self.for_all_keys(backoff, keys_of(locks), work).await
    }

    async fn finish_keys(
        &mut self,
        backoff: &mut Backoff,
        keys: Vec<Key>,
        start_ts: Timestamp,
        end: End,
    ) -> Result<()> {
        let work = KeyWork::Resolve { start_ts, commit_ts: end.commit_ts() };
        self.for_all_keys(backoff, keys, work).await
    }
}

/// The locks of each transaction, in the order in which they were met, pessimistic ones apart from others.
fn by_transaction(locks: Vec<LockInfo>) -> Vec<Vec<LockInfo>> {
    let mut groups: Vec<Vec<LockInfo>> = Vec::with_capacity(1);
    for lock in locks {
        match groups
            .iter_mut()
            .find(|group| (group[0].start_ts, group[0].pessimistic) == (lock.start_ts, lock.pessimistic))
        {
            Some(group) => group.push(lock),
            None => groups.push(vec![lock]),
        }
    }
    groups
}

/// In key order, as they are cut by region.
fn keys_of(locks: &[LockInfo]) -> Vec<Key> {
    let mut keys: Vec<Key> = locks.iter().map(|lock| lock.key.clone()).collect();
    keys.sort_unstable();
    keys
}

/// What the answers about parts of a transaction's keys say of all of them.
fn agree(answers: impl Iterator<Item = SecondaryLocks>) -> Result<SecondaryLocks> {
    use SecondaryLocks::{Committed, Locked, NotAsync, RolledBack};
    let mut so_far = Locked { min_commit_ts: Timestamp(0) };
    for answer in answers {
        so_far = match (so_far, answer) {
            (Locked { min_commit_ts: a }, Locked { min_commit_ts: b }) => Locked { min_commit_ts: a.max(b) },
            (Committed { commit_ts: a }, Committed { commit_ts: b }) if a != b => {
                return Err(Error::Internal(format!("a transaction is committed at {a} and at {b}")));
            }
            (Committed { commit_ts }, RolledBack) | (RolledBack, Committed { commit_ts }) => {
                let text = format!("a transaction is committed at {commit_ts}, and rolled back");
                return Err(Error::Internal(text));
            }
            // An end is an end; who is locked for two phases only knows that others decide.
            (end @ (Committed { .. } | RolledBack), _) | (_, end @ (Committed { .. } | RolledBack)) => end,
            (NotAsync, _) | (_, NotAsync) => NotAsync,
        };
    }
    Ok(so_far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_comes_of_many() {
        use SecondaryLocks::{Committed, Locked, NotAsync, RolledBack};
        let locked = |ts| Locked { min_commit_ts: Timestamp(ts) };
        let committed = |ts| Committed { commit_ts: Timestamp(ts) };
        let of = |answers: &[SecondaryLocks]| agree(answers.iter().copied()).ok();
        assert_eq!(of(&[]), Some(locked(0)));
        assert_eq!(of(&[locked(3), locked(9), locked(4)]), Some(locked(9)));
        assert_eq!(of(&[locked(3), committed(5), NotAsync, committed(5)]), Some(committed(5)));
        assert_eq!(of(&[NotAsync, RolledBack, locked(2)]), Some(RolledBack));
        assert_eq!(of(&[locked(2), NotAsync]), Some(NotAsync));
        assert_eq!(of(&[committed(5), committed(6)]), None);
        assert_eq!(of(&[RolledBack, locked(1), committed(6)]), None);
    }
}
