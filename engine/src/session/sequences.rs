//! What a statement asks of sequences, and what its session remembers of that.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use imbl::OrdMap;

use allod_executor::{Error, Sequences};
use allod_planner::BoundQuery;
use allod_planner::sequence::{Sequence, SequenceId};

use crate::catalog::{SequenceEntry, Version};

/// The numbers that a session got last: published, for it is the workers of its statements that get them.
#[derive(Debug, Default)]
pub(super) struct LastNumbers {
    of_sequences: ArcSwap<OrdMap<SequenceId, i64>>,
    /// What LAST_INSERT_ID(n) has said, until the session takes it.
    insert_id: ArcSwapOption<u64>,
}

impl LastNumbers {
    fn note(&self, sequence: SequenceId, number: i64) {
        self.of_sequences.rcu(|known| known.update(sequence, number));
    }

    /// What LAST_INSERT_ID(n) has said since this was asked last.
    pub fn take_insert_id(&self) -> Option<u64> {
        // It is seldom there, and to look is cheaper than to take.
        self.insert_id.load().as_ref()?;
        self.insert_id.swap(None).map(|id| *id)
    }

    fn get(&self, sequence: SequenceId) -> Option<i64> {
        self.of_sequences.load().get(&sequence).copied()
    }
}

/// The sequences that a statement asks, in the version that it was planned with.
pub(super) fn of_query(bound: &BoundQuery, version: &Version) -> Arc<[SequenceEntry]> {
    let entry =
        |sequence: &Arc<Sequence>| version.sequence_entry(&sequence.database, &sequence.name).cloned();
    bound.sequences.iter().filter_map(entry).collect()
}

/// The sequences of a statement that runs.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub sequences: Arc<[SequenceEntry]>,
    pub last: Arc<LastNumbers>,
}

impl Asked {
    fn entry(&self, id: SequenceId) -> Result<&SequenceEntry, Error> {
        let found = self.sequences.iter().find(|entry| entry.definition.id == id);
        found.ok_or_else(|| Error::Plan("a sequence that its statement does not name".into()))
    }
}

impl Sequences for Asked {
    fn next(&self, id: SequenceId) -> Result<i64, Error> {
        let entry = self.entry(id)?;
        let Some(number) = entry.numbers.next() else {
            let (database, name) = (&entry.definition.database, &entry.definition.name);
            return Err(Error::SequenceRunOut { name: format!("{database}.{name}") });
        };
        self.last.note(id, number);
        Ok(number)
    }

    fn last(&self, id: SequenceId) -> Result<Option<i64>, Error> {
        Ok(self.last.get(id))
    }

    fn note_insert_id(&self, id: u64) {
        self.last.insert_id.store(Some(Arc::new(id)));
    }

    fn set(&self, id: SequenceId, value: i64) -> Result<Option<i64>, Error> {
        Ok(self.entry(id)?.numbers.set(value))
    }
}

#[cfg(test)]
mod tests {
    use crate::Database;

    #[test]
    fn sessions_that_insert_and_roll_back_never_get_the_same_number() {
        const SESSIONS: i64 = 4;
        const TIMES: i64 = 30;
        let database = Database::new();
        let mut first = database.session();
        first.run("create sequence s cache 5").unwrap();
        first.run("create table t (id int default nextval(s) key, who int)").unwrap();
        std::thread::scope(|scope| {
            for who in 0..SESSIONS {
                let database = &database;
                scope.spawn(move || {
                    let mut session = database.session();
                    for time in 0..TIMES {
                        session.run("begin").unwrap();
                        // A number that was given twice would be a duplicate key.
                        session.run(&format!("insert into t (who) values ({who}), ({who})")).unwrap();
                        session.run(if time % 3 == 0 { "rollback" } else { "commit" }).unwrap();
                    }
                });
            }
        });
        let mut number = |sql: &str| {
            let row = first.execute(sql).unwrap().rows().next().unwrap().unwrap();
            row.get::<i64>(0).unwrap()
        };
        assert_eq!(number("select count(*) from t"), SESSIONS * TIMES * 2 * 2 / 3);
        // All that were given, those that were rolled back too; and the next one.
        assert_eq!(number("select nextval(s)"), SESSIONS * TIMES * 2 + 1);
        assert_eq!(number("select max(id) < nextval(s) from t"), 1);
    }

    #[test]
    fn a_plan_that_is_kept_asks_anew() {
        let mut session = Database::new().session();
        session.run("create sequence s").unwrap();
        let mut next = || {
            let row = session.execute("select nextval(s) + 0").unwrap().rows().next().unwrap().unwrap();
            row.get::<i64>(0).unwrap()
        };
        assert_eq!([next(), next(), next()], [1, 2, 3]);
    }
}
