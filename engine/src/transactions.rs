//! Transactions of sessions as others see them: what `information_schema.tidb_trx` shows.
//!
//! A session puts itself on a published list when it begins its first transaction, and takes itself off when it ends. What
//! its transaction is about it alone publishes, before and after each statement; everybody reads. Who waits for whose lock is
//! not told here: that the stores know ([`Cluster::lock_waits`](allod_storage::cluster::Cluster::lock_waits)).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use imbl::OrdMap;

use allod_storage::schema::{TableId, Timestamp};

/// The list, by the sessions' numbers.
#[derive(Default)]
pub(crate) struct Transactions(ArcSwap<OrdMap<u64, Arc<Shown>>>);

/// What one session shows.
pub(crate) struct Shown {
    transaction: ArcSwapOption<Trx>,
    /// Since when it has been locking something, in microseconds since 1970; zero = it has not.
    locks_since_us: AtomicI64,
}

/// A transaction at a moment.
#[derive(Clone)]
pub(crate) struct Trx {
    /// Its start timestamp.
    pub id: Timestamp,
    /// `name@host`.
    pub user: Arc<str>,
    pub database: Option<Arc<str>>,
    pub stage: Stage,
    /// What runs, as it was sent.
    pub statement: Option<Arc<str>>,
    /// Keys that it is going to write.
    pub keys: usize,
    /// About how many bytes they and their rows have.
    pub bytes: usize,
    /// Tables that it has written to.
    pub tables: Vec<TableId>,
}

/// What it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits for its user.
    Idle,
    /// A statement runs.
    Running,
    /// It commits.
    Committing,
}

impl Transactions {
    /// Puts a session on the list.
    pub fn enter(&self, session: u64) -> Arc<Shown> {
        let shown =
            Arc::new(Shown { transaction: ArcSwapOption::empty(), locks_since_us: AtomicI64::new(0) });
        self.0.rcu(|list| list.update(session, Arc::clone(&shown)));
        shown
    }

    /// Takes it off.
    pub fn leave(&self, session: u64) {
        self.0.rcu(|list| list.without(&session));
    }

    /// The transactions that there are, with their sessions' numbers, in order of these. And since when each has been locking
    /// something, in microseconds since 1970, if it has.
    pub fn list(&self) -> Vec<(u64, Arc<Trx>, Option<i64>)> {
        let list = self.0.load_full();
        let shown = list.iter().filter_map(|(session, shown)| {
            let since = Some(shown.locks_since_us.load(Ordering::Relaxed)).filter(|us| *us != 0);
            Some((*session, shown.transaction.load_full()?, since))
        });
        shown.collect()
    }
}

impl Shown {
    /// For its owner: the transaction as it is now.
    pub fn show(&self, trx: Trx) {
        self.transaction.store(Some(Arc::new(trx)));
    }

    /// For its owner: the transaction commits.
    pub fn commits(&self) {
        if let Some(trx) = self.transaction.load_full() {
            self.show(Trx { stage: Stage::Committing, ..Trx::clone(&trx) });
        }
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
            stage: Stage::Running,
            statement: None,
            keys: 0,
            bytes: 0,
            tables: Vec::new(),
        };
        let all = Transactions::default();
        let (one, two) = (all.enter(1), all.enter(2));
        assert!(all.list().is_empty());
        two.show(trx(22));
        one.show(trx(11));
        one.locks(Some(7));
        one.commits();
        let seen: Vec<_> =
            all.list().iter().map(|(n, trx, since)| (*n, trx.id.0, trx.stage, *since)).collect();
        assert_eq!(seen, [(1, 11, Stage::Committing, Some(7)), (2, 22, Stage::Running, None)]);
        one.clear();
        // There is nothing to be seen of who has none.
        one.commits();
        all.leave(2);
        assert!(all.list().is_empty());
    }
}
