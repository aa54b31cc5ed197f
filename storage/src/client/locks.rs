//! A transaction is in the way: what became of it?
//!
//! Who meets a lock asks the region of the transaction's primary key. If the transaction is committed or rolled back, its
//! locks here are finished accordingly. If it is alive, a reader asks that it commit after the reader's timestamp, and then
//! passes the lock; only if that cannot be promised does it wait. A writer waits. If the transaction's time to live is over,
//! asking rolls it back.

use super::backoff::{Backoff, BackoffKind};
use super::sender::Sent;
use super::{Client, unexpected};
use crate::error::Result;
use crate::mvcc::LockInfo;
use crate::percolator::{CheckTxnStatus, ResolveLock, TxnStatus};
use crate::rpc::{Body, Reply};
use crate::schema::Timestamp;

/// Transactions of fewer keys have their locks finished one by one as they are met; for larger ones a region finishes all
/// that it has.
const LITE_MAX: usize = 16;
/// In direct mode a lock's owner is a thread that runs now, or is about to: yield to it so often before sleeping.
const YIELDS_MAX: usize = 64;

/// How often one operation met locks that it had to wait for. Part of that operation's state.
#[derive(Default)]
pub(super) struct LockWaits {
    yields: usize,
}

impl Client {
    /// Deals with a lock that blocks a read at `ts`. Transactions that the reader may pass are added to `ignore`.
    pub(super) async fn resolve_for_read(
        &mut self,
        backoff: &mut Backoff,
        lock: &LockInfo,
        ts: Timestamp,
        ignore: &mut Vec<Timestamp>,
        waits: &mut LockWaits,
    ) -> Result<()> {
        self.stats.locks_met += 1;
        match self.transaction_status(backoff, lock, ts).await? {
            TxnStatus::Committed { commit_ts } if commit_ts > ts => ignore.push(lock.start_ts),
            TxnStatus::Committed { commit_ts } => self.finish_lock(backoff, lock, Some(commit_ts)).await?,
            TxnStatus::RolledBack(_) => self.finish_lock(backoff, lock, None).await?,
            TxnStatus::Alive { min_commit_ts_pushed: true, .. } => ignore.push(lock.start_ts),
            TxnStatus::Alive { .. } | TxnStatus::NotFound => {
                self.wait_for_lock(backoff, BackoffKind::TxnLockFast, waits).await?;
            }
        }
        Ok(())
    }

    /// Deals with a lock that blocks a write.
    pub(super) async fn resolve_for_write(
        &mut self,
        backoff: &mut Backoff,
        lock: &LockInfo,
        waits: &mut LockWaits,
    ) -> Result<()> {
        match self.transaction_status(backoff, lock, Timestamp(0)).await? {
            TxnStatus::Committed { commit_ts } => self.finish_lock(backoff, lock, Some(commit_ts)).await,
            TxnStatus::RolledBack(_) => self.finish_lock(backoff, lock, None).await,
            TxnStatus::Alive { .. } | TxnStatus::NotFound => {
                self.wait_for_lock(backoff, BackoffKind::TxnLock, waits).await
            }
        }
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
        self.wait(backoff, kind, "a lock").await
    }

    /// What became of the transaction that holds a lock. Never `NotFound` once the lock has expired: then it is rolled back.
    async fn transaction_status(
        &mut self,
        backoff: &mut Backoff,
        lock: &LockInfo,
        caller_start_ts: Timestamp,
    ) -> Result<TxnStatus> {
        loop {
            let current_ts = self.fresh_timestamp(backoff).await?;
            let expires_ms = lock.start_ts.physical_ms().saturating_add(lock.ttl_ms);
            let body = Body::CheckTxnStatus(CheckTxnStatus {
                primary: lock.primary.clone(),
                lock_ts: lock.start_ts,
                caller_start_ts,
                current_ts,
                rollback_if_not_exist: expires_ms <= current_ts.physical_ms(),
            });
            let mut region = self.locate(backoff, &lock.primary).await?;
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::TxnStatus(TxnStatus::NotFound)) => {
                    self.wait(
                        backoff,
                        BackoffKind::TxnNotFound,
                        "a lock whose transaction is not to be found",
                    )
                    .await?;
                }
                Sent::Reply(Reply::TxnStatus(status)) => return Ok(status),
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {}
            }
        }
    }

    /// Commits or rolls back a lock as its transaction was.
    async fn finish_lock(
        &mut self,
        backoff: &mut Backoff,
        lock: &LockInfo,
        commit_ts: Option<Timestamp>,
    ) -> Result<()> {
        let keys = (lock.txn_size < LITE_MAX).then(|| vec![lock.key.clone()]);
        let body = Body::ResolveLock(ResolveLock { start_ts: lock.start_ts, commit_ts, keys });
        loop {
            let mut region = self.locate(backoff, &lock.key).await?;
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::Resolved) => return Ok(()),
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {}
            }
        }
    }
}
