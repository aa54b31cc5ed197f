//! The locks that have names (GET_LOCK): which session holds which, and how often.
//!
//! A published map: whoever takes a lock or gives it back makes the next version, and knows from the one that was replaced
//! whether the lock was his to take. A session's part ([`OfSession`]) gives back all that is left when it goes.

use std::sync::Arc;

use allod_executor::NamedLocks as Asked;
use arc_swap::ArcSwap;
use imbl::OrdMap;

/// Who holds what.
#[derive(Debug, Default)]
pub(crate) struct NamedLocks(ArcSwap<OrdMap<String, Hold>>);

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// The connection.
    session: u64,
    /// Taken so often, to be given back as often.
    times: u64,
}

/// The locks as one session asks for them.
#[derive(Debug)]
pub(crate) struct OfSession {
    pub locks: Arc<NamedLocks>,
    pub session: u64,
}

impl Asked for OfSession {
    fn take(&self, name: &str) -> bool {
        let mine = |hold: &Hold| hold.session == self.session;
        let before = self.locks.0.rcu(|all| match all.get(name) {
            Some(hold) if !mine(hold) => OrdMap::clone(all),
            hold => {
                let times = hold.map_or(0, |hold| hold.times) + 1;
                all.update(name.to_owned(), Hold { session: self.session, times })
            }
        });
        before.get(name).is_none_or(mine)
    }

    fn give_back(&self, name: &str) -> bool {
        let mine = |hold: &Hold| hold.session == self.session;
        let before = self.locks.0.rcu(|all| match all.get(name) {
            Some(hold) if mine(hold) && hold.times > 1 => {
                all.update(name.to_owned(), Hold { times: hold.times - 1, ..*hold })
            }
            Some(hold) if mine(hold) => all.without(name),
            _ => OrdMap::clone(all),
        });
        before.get(name).is_some_and(mine)
    }

    fn holder(&self, name: &str) -> Option<u64> {
        self.locks.0.load().get(name).map(|hold| hold.session)
    }

    fn give_all_back(&self) -> u64 {
        let mine = |hold: &Hold| hold.session == self.session;
        if !self.locks.0.load().values().any(mine) {
            return 0;
        }
        let others = |all: &OrdMap<String, Hold>| {
            all.iter().filter(|(_, hold)| !mine(hold)).map(|(name, hold)| (name.clone(), *hold)).collect()
        };
        let before = self.locks.0.rcu(|all| -> OrdMap<String, Hold> { others(all) });
        before.values().filter(|hold| mine(hold)).map(|hold| hold.times).sum()
    }
}

impl Drop for OfSession {
    fn drop(&mut self) {
        self.give_all_back();
    }
}

#[cfg(test)]
mod tests {
    use crate::Database;

    fn number(session: &mut crate::Session, sql: &str) -> Option<i64> {
        let row = session.execute(sql).unwrap().rows().next().unwrap().unwrap();
        row.get::<Option<i64>>(0).unwrap()
    }

    #[test]
    fn one_session_has_a_lock_until_it_gives_it_back_or_goes() {
        let database = Database::new();
        let (mut a, mut b) = (database.session(), database.session());
        assert_eq!(number(&mut a, "select get_lock('L', 0)"), Some(1));
        assert_eq!(number(&mut a, "select get_lock('l', 0)"), Some(1));
        assert_eq!(number(&mut b, "select get_lock('l', 0)"), Some(0));
        assert_eq!(number(&mut b, "select is_used_lock('l')"), Some(a.id() as i64));
        assert_eq!(number(&mut b, "select is_free_lock('l')"), Some(0));
        assert_eq!(number(&mut b, "select release_lock('l')"), Some(0));
        // Taken twice, it is given back twice.
        assert_eq!(number(&mut a, "select release_lock('l')"), Some(1));
        assert_eq!(number(&mut b, "select get_lock('l', 0)"), Some(0));
        assert_eq!(number(&mut a, "select release_lock('l')"), Some(1));
        assert_eq!(number(&mut b, "select get_lock('l', 0)"), Some(1));
        drop(b);
        assert_eq!(number(&mut a, "select is_used_lock('l')"), None);
        assert_eq!(number(&mut a, "select get_lock('x', 0) + get_lock('y', 0) + get_lock('y', 0)"), Some(3));
        assert_eq!(number(&mut a, "select release_all_locks()"), Some(3));
        for wrong in
            ["select get_lock('', 0)", "select get_lock(null, 0)", "select is_free_lock(repeat('a', 65))"]
        {
            assert_eq!(a.run(wrong).unwrap_err().code(), 3057, "{wrong}");
        }
    }

    #[test]
    fn who_waits_gets_the_lock_when_it_is_given_back() {
        let database = Database::new();
        let mut a = database.session();
        assert_eq!(number(&mut a, "select get_lock('l', -1)"), Some(1));
        let waiting = std::thread::spawn({
            let mut b = database.session();
            move || number(&mut b, "select get_lock('l', 60)")
        });
        while !waiting.is_finished() {
            // It waits for as long as the lock is held, however late it comes.
            if number(&mut a, "select release_lock('l')") == Some(1) {
                break;
            }
        }
        assert_eq!(waiting.join().unwrap(), Some(1));
    }

    #[test]
    fn threads_never_hold_one_lock_together() {
        const THREADS: usize = 4;
        const TIMES: usize = 25;
        let database = Database::new();
        let mut first = database.session();
        first.run("create table t (n int)").unwrap();
        first.run("insert into t values (0)").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut session = database.session();
                    for _ in 0..TIMES {
                        assert_eq!(number(&mut session, "select get_lock('l', -1)"), Some(1));
                        // Read and write apart: without the lock another one would come between.
                        let n = number(&mut session, "select n from t").unwrap();
                        session.run(&format!("update t set n = {}", n + 1)).unwrap();
                        assert_eq!(number(&mut session, "select release_lock('l')"), Some(1));
                    }
                });
            }
        });
        assert_eq!(number(&mut first, "select n from t"), Some((THREADS * TIMES) as i64));
    }
}
