//! Transactions of sessions as others see them: what `information_schema.tidb_trx` shows.
//!
//! A session puts itself on a published list when it begins its first transaction, and takes itself off when it ends. What
//! its transaction is about it alone publishes; everybody reads. Who waits for whose lock is
//! not told here: that the stores know ([`Cluster::lock_waits`](allod_storage::cluster::Cluster::lock_waits)).
//!
//! To publish a version costs about as much as a small statement's plan where many threads may read it, so what changes with every
//! statement are plain numbers, each by itself; a version is made when a transaction begins, ends, or writes to another table. The
//! statement that runs is part of it only if nobody else knows it: the server shows what its connections do (`processes`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicUsize, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use imbl::OrdMap;

use allod_storage::schema::{TableId, Timestamp};

/// The list, by the sessions' numbers.
#[derive(Default)]
pub(crate) struct Transactions(ArcSwap<OrdMap<u64, Arc<Shown>>>);

/// What one session shows.
#[derive(Default)]
pub(crate) struct Shown {
    transaction: ArcSwapOption<Trx>,
    /// A [`Stage`].
    stage: AtomicU8,
    /// Keys that it is going to write.
    keys: AtomicUsize,
    /// About how many bytes they and their rows have.
    bytes: AtomicUsize,
    /// Since when it has been locking something, in microseconds since 1970; zero = it has not.
    locks_since_us: AtomicI64,
}

/// A transaction of a session.
#[derive(Debug, PartialEq)]
pub(crate) struct Trx {
    /// Its start timestamp.
    pub id: Timestamp,
    /// `name@host`.
    pub user: Arc<str>,
    pub database: Option<Arc<str>>,
    /// What runs or ran last, as it was sent, if the list of processes does not have it.
    pub statement: Option<Arc<str>>,
    /// Tables that it has written to.
    pub tables: Vec<TableId>,
}

/// What it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// It waits for its user.
    Idle = 0,
    /// A statement runs.
    Running = 1,
    /// It commits.
    Committing = 2,
}

/// A transaction as somebody sees it at a moment.
pub(crate) struct Seen {
    /// Number of its session.
    pub session: u64,
    pub trx: Arc<Trx>,
    pub stage: Stage,
    /// Keys that it is going to write.
    pub keys: usize,
    /// About how many bytes they and their rows have.
    pub bytes: usize,
    /// Since when it has been locking something, in microseconds since 1970, if it has.
    pub locks_since_us: Option<i64>,
}

impl Transactions {
    /// Puts a session on the list.
    pub fn enter(&self, session: u64) -> Arc<Shown> {
        let shown: Arc<Shown> = Arc::default();
        self.0.rcu(|list| list.update(session, Arc::clone(&shown)));
        shown
    }

    /// Takes it off.
    pub fn leave(&self, session: u64) {
        self.0.rcu(|list| list.without(&session));
    }

    /// The transactions that there are, in order of their sessions' numbers.
    pub fn list(&self) -> Vec<Seen> {
        let list = self.0.load_full();
        let seen = |(session, shown): (&u64, &Arc<Shown>)| {
            let stage = match shown.stage.load(Ordering::Relaxed) {
                1 => Stage::Running,
                2 => Stage::Committing,
                _ => Stage::Idle,
            };
            Some(Seen {
                session: *session,
                trx: shown.transaction.load_full()?,
                stage,
                keys: shown.keys.load(Ordering::Relaxed),
                bytes: shown.bytes.load(Ordering::Relaxed),
                locks_since_us: Some(shown.locks_since_us.load(Ordering::Relaxed)).filter(|us| *us != 0),
            })
        };
        list.iter().filter_map(seen).collect()
    }
}

impl Shown {
    /// For its owner: the transaction as it is now. Without a statement, the one that it is known to have run stays.
    pub fn show(&self, mut trx: Trx) {
        if let Some(known) = self.transaction.load().as_deref() {
            if known.id == trx.id {
                trx.statement = trx.statement.or_else(|| known.statement.clone());
            }
            if *known == trx {
                return;
            }
        }
        self.transaction.store(Some(Arc::new(trx)));
    }

    /// For its owner: what it is doing, and what it has to write.
    pub fn count(&self, stage: Stage, keys: usize, bytes: usize) {
        self.stage.store(stage as u8, Ordering::Relaxed);
        self.keys.store(keys, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// For its owner: the transaction commits.
    pub fn commits(&self) {
        self.stage.store(Stage::Committing as u8, Ordering::Relaxed);
    }

    /// For its owner: there is no transaction.
    pub fn clear(&self) {
        if self.transaction.load().is_some() {
            self.transaction.store(None);
        }
    }

    /// For its owner: it begins to lock something at this time, or is done with it (`None`).
    pub fn locks(&self, now_us: Option<i64>) {
        self.locks_since_us.store(now_us.unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_show_their_transactions_and_no_others() {
        let trx = |id: u64| Trx {
            id: Timestamp(id),
            user: "root".into(),
            database: None,
            statement: None,
            tables: Vec::new(),
        };
        let all = Transactions::default();
        let (one, two) = (all.enter(1), all.enter(2));
        assert!(all.list().is_empty());
        two.show(trx(22));
        two.count(Stage::Running, 3, 400);
        one.show(trx(11));
        one.locks(Some(7));
        one.commits();
        let seen = |s: &Seen| (s.session, s.trx.id.0, s.stage, s.keys, s.bytes, s.locks_since_us);
        let all_seen: Vec<_> = all.list().iter().map(seen).collect();
        assert_eq!(
            all_seen,
            [(1, 11, Stage::Committing, 0, 0, Some(7)), (2, 22, Stage::Running, 3, 400, None)]
        );
        // What is as it was is not published again.
        let before = all.list().remove(1).trx;
        two.show(trx(22));
        assert!(Arc::ptr_eq(&before, &all.list()[1].trx));
        one.clear();
        // There is nothing to be seen of who has none.
        one.commits();
        all.leave(2);
        assert!(all.list().is_empty());
    }
}
