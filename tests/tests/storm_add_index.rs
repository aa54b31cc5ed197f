//! Indexes come and go while rows are written: a storm of a few seconds for each seed.
//!
//! Writers insert, update and delete rows, move them to other keys, and hand values of the unique column `u` from row to row; some
//! statements are transactions by themselves, others belong to pessimistic or optimistic ones, which may have begun before an
//! index came. Each writer has rows of its own, and knows what they must be in the end: what was acknowledged is there, what
//! failed is not. No two rows ever have the same `u`, so a unique index on it must come into being, and must be in nobody's way.
//! The column `d` may well have duplicates: such an index comes, and then nobody gets another one in, or is refused, and then it
//! has left no trace; INSERT IGNORE and ON DUPLICATE KEY UPDATE never fail for it. All this on a plain table and on a partitioned one, where some of the indexes are global. After each
//! change ADMIN CHECK TABLE finds that entries and rows agree.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use allod::{Database, Session};
use allod_tests::random::Random;

const TABLES: [&str; 2] = ["t", "p"];
const WRITERS: i64 = 3;
/// A writer with so many rows in a table inserts no more.
const ROWS_MAX: usize = 200;
/// It begins with so many.
const ROWS_FIRST: i64 = 100;
/// Rows in each table that nobody writes to: an index takes a while.
const ROWS_STILL: i64 = 4000;
const SPAN: Duration = Duration::from_secs(3);

/// `v`, `w` and `u` by `id`.
type Rows = BTreeMap<i64, (i64, i64, i64)>;

/// What a writer may run into: a conflict, a deadlock, a lock for too long, a schema that has changed.
const REFUSALS: [u16; 4] = [9007, 1213, 1205, 8028];
const DUPLICATE: u16 = 1062;

struct Writer {
    session: Session,
    random: Random,
    number: i64,
    /// Of each table.
    rows: [Rows; 2],
    fresh: i64,
    /// Statements and transactions that came through.
    done: u64,
}

impl Writer {
    fn new(database: &Database, seed: u64, number: i64) -> Writer {
        let random = Random::new(seed.wrapping_mul(1000) + number as u64);
        let (session, rows) = (database.session(), Default::default());
        Writer { session, random, number, rows, fresh: 0, done: 0 }
    }

    /// A number that nobody had before.
    fn fresh(&mut self) -> i64 {
        self.fresh += 1;
        self.fresh * WRITERS + self.number
    }

    fn any(&mut self, rows: &Rows) -> Option<(i64, (i64, i64, i64))> {
        let at = self.random.below(rows.len().max(1));
        rows.iter().nth(at).map(|(id, row)| (*id, *row))
    }

    /// Statements, which are to be one transaction if they are several, and what they make of the rows.
    fn change(&mut self, table: &str, rows: &mut Rows) -> Vec<String> {
        let v = self.random.below(50) as i64;
        let full = rows.len() >= ROWS_MAX;
        let Some((id, (old_v, w, u))) = self.any(rows) else { return self.insert(table, rows, v) };
        match self.random.below(12) {
            0..=3 if !full => self.insert(table, rows, v),
            0..=4 => {
                rows.insert(id, (v, w, u));
                vec![format!("update {table} set v = {v} where id = {id}")]
            }
            5 => {
                let new = self.fresh();
                rows.remove(&id);
                rows.insert(new, (old_v, w, u));
                vec![format!("update {table} set id = {new} where id = {id}")]
            }
            6 => {
                let new = self.fresh();
                rows.insert(id, (old_v, w, new));
                vec![format!("update {table} set u = {new} where id = {id}")]
            }
            // Two rows change places.
            7 => {
                let Some((other, (v2, w2, u2))) = self.any(rows) else { return Vec::new() };
                if other == id {
                    return Vec::new();
                }
                rows.insert(id, (old_v, w, u2));
                rows.insert(other, (v2, w2, u));
                vec![format!(
                    "update {table} set u = case id when {id} then {u2} else {u} end where id in ({id}, {other})"
                )]
            }
            // A row goes, and another one gets what it had.
            8 => {
                let new = self.fresh();
                rows.remove(&id);
                rows.insert(new, (v, w, u));
                vec![
                    format!("delete from {table} where id = {id}"),
                    format!("insert into {table} (id, v, w, u) values ({new}, {v}, {w}, {u})"),
                ]
            }
            9 => {
                rows.insert(id, (v, w + 1, u));
                vec![format!(
                    "insert into {table} (id, v, w, u) values ({id}, 0, 0, 0) on duplicate key update v = {v}, w = w + 1"
                )]
            }
            10 => {
                let new = self.fresh();
                rows.insert(id, (v, w, new));
                vec![format!("replace into {table} (id, v, w, u) values ({id}, {v}, {w}, {new})")]
            }
            _ => {
                rows.remove(&id);
                vec![format!("delete from {table} where id = {id}")]
            }
        }
    }

    fn insert(&mut self, table: &str, rows: &mut Rows, v: i64) -> Vec<String> {
        let (id, u) = (self.fresh(), self.fresh());
        rows.insert(id, (v, v + 1, u));
        vec![format!("insert into {table} (id, v, w, u) values ({id}, {v}, {}, {u})", v + 1)]
    }

    /// Some work, by itself or in a transaction.
    fn work(&mut self) {
        let at = self.random.below(TABLES.len());
        if self.random.chance(15) {
            return self.duplicate(TABLES[at]);
        }
        if self.random.chance(20) {
            return self.unless_there(at);
        }
        let mut rows = self.rows[at].clone();
        let mut statements = self.change(TABLES[at], &mut rows);
        let alone = statements.len() == 1 && self.random.chance(60);
        if alone {
            let outcome = self.session.run(&statements[0]).map(drop);
            return self.ended(at, outcome, &statements, rows);
        }
        for _ in 0..self.random.below(3) {
            statements.extend(self.change(TABLES[at], &mut rows));
        }
        let begin = *self.random.pick(&["begin pessimistic", "begin optimistic"]);
        let pause = self.random.chance(30);
        let outcome = (|| {
            self.session.run(begin)?;
            if pause {
                std::thread::sleep(Duration::from_millis(2));
            }
            for statement in &statements {
                self.session.run(statement)?;
            }
            self.session.run("commit").map(drop)
        })();
        if outcome.is_err() {
            self.session.run("rollback").expect("a transaction can be rolled back");
        }
        if self.random.chance(90) || outcome.is_err() {
            return self.ended(at, outcome, &statements, rows);
        }
        self.ended(at, Ok(()), &statements, rows);
        // And one that comes to nothing.
        let mut never = self.rows[at].clone();
        self.session.run("begin").expect("begins");
        let statements = self.change(TABLES[at], &mut never);
        let outcome = statements.iter().try_for_each(|statement| self.session.run(statement).map(drop));
        self.session.run("rollback").expect("rolls back");
        let before = self.rows[at].clone();
        self.ended(at, outcome, &statements, before);
    }

    fn ended(&mut self, at: usize, outcome: Result<(), allod::Error>, statements: &[String], rows: Rows) {
        match outcome {
            Ok(()) => {
                self.rows[at] = rows;
                self.done += 1;
            }
            Err(error) => assert!(REFUSALS.contains(&error.code()), "{statements:?}: {error}"),
        }
    }

    /// A row with a value for `d` that others may have, unless they have it: that is no error, whatever becomes of the index.
    fn unless_there(&mut self, at: usize) {
        if self.rows[at].len() >= ROWS_MAX {
            return;
        }
        let (table, id, u, d) = (TABLES[at], self.fresh(), self.fresh(), self.random.below(40));
        let row = format!("{table} (id, v, w, u, d) values ({id}, 1, 2, {u}, {d})");
        let insert = match self.random.chance(50) {
            true => format!("insert ignore into {row}"),
            false => format!("insert into {row} on duplicate key update v = v"),
        };
        let begin = self.random.chance(50);
        let pause = self.random.chance(50);
        let outcome = (|| {
            if begin {
                self.session.run("begin pessimistic")?;
            }
            let inserted = self.session.run(&insert)?;
            if begin && pause {
                std::thread::sleep(Duration::from_millis(2));
            }
            self.session.run("commit").map(|_| inserted)
        })();
        match outcome {
            Ok(0) => {}
            Ok(_) => {
                self.rows[at].insert(id, (1, 2, u));
                self.done += 1;
            }
            Err(error) => {
                assert!(REFUSALS.contains(&error.code()), "{insert}: {error}");
                self.session.run("rollback").expect("rolls back");
            }
        }
    }

    /// A value for `d` that others may have.
    fn duplicate(&mut self, table: &str) {
        let rows = self.rows[usize::from(table != TABLES[0])].clone();
        let Some((id, _)) = self.any(&rows) else { return };
        let d = self.random.below(4);
        let begin = self.random.chance(30);
        let outcome = (|| {
            if begin {
                self.session.run("begin")?;
            }
            self.session.run(&format!("update {table} set d = {d} where id = {id}"))?;
            self.session.run("commit").map(drop)
        })();
        if let Err(error) = outcome {
            let known = error.code() == DUPLICATE || REFUSALS.contains(&error.code());
            assert!(known, "d = {d} of {table}: {error}");
            self.session.run("rollback").expect("rolls back");
        }
    }
}

/// What the session that changes the schema has seen.
#[derive(Default)]
struct Tally {
    added: u64,
    refused: u64,
}

fn count(session: &mut Session, sql: &str) -> i64 {
    let row = session.execute(sql).and_then(|set| set.rows().next().expect("a row"));
    row.and_then(|row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Runs what may lose against writers, until it does not.
fn insist(session: &mut Session, sql: &str) {
    while let Err(error) = session.run(sql) {
        assert!(REFUSALS.contains(&error.code()), "{sql}: {error}");
    }
}

fn change_schema(session: &mut Session, random: &mut Random, tally: &mut Tally) {
    let table = *random.pick(&TABLES);
    let global = if table == "p" { " global" } else { "" };
    let on_d = random.chance(35);
    let (sql, names): (String, &[&str]) = if on_d {
        insist(session, &format!("update {table} set d = null"));
        (format!("create unique index on_d on {table} (d){global}"), &["on_d"])
    } else {
        match random.below(5) {
            0 => (format!("create index on_v on {table} (v)"), &["on_v"]),
            1 => (
                format!("alter table {table} add index on_wv (w, v), add index on_v (v)"),
                &["on_wv", "on_v"],
            ),
            2 => (format!("alter table {table} add unique on_u (u){global}"), &["on_u"]),
            3 => (format!("create unique index on_uid on {table} (u, id)"), &["on_uid"]),
            _ => (
                format!("alter table {table} add index on_v (v){global}, add unique on_u (u){global}"),
                &["on_v", "on_u"],
            ),
        }
    };
    let there = |session: &mut Session, name: &str| {
        let sql = "select count(distinct index_name) from information_schema.statistics where table_schema = 'test'";
        count(session, &format!("{sql} and table_name = '{table}' and index_name = '{name}'"))
    };
    match session.run(&sql) {
        Ok(_) => tally.added += 1,
        Err(error) => {
            assert!(on_d && error.code() == DUPLICATE, "{sql}: {error}");
            assert_eq!(there(session, names[0]), 0, "{sql} was refused");
            tally.refused += 1;
            return;
        }
    }
    // By its entries and by its rows, while others go on.
    insist(session, &format!("admin check table {table}"));
    if on_d {
        let twice = format!(
            "select count(*) from (select d + 0 from {table} where d is not null group by d + 0 having count(*) > 1) x"
        );
        assert_eq!(count(session, &twice), 0, "{sql}");
    }
    std::thread::sleep(Duration::from_millis(random.below(30) as u64));
    insist(session, &format!("admin check table {table}"));
    for name in names {
        assert_eq!(there(session, name), 1);
        session
            .run(&format!("drop index {name} on {table}"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Rows `(id, id % 50, id, id, NULL)`.
fn fill(session: &mut Session, table: &str, ids: impl Iterator<Item = i64>) -> Rows {
    let ids: Vec<i64> = ids.collect();
    for ids in ids.chunks(1000) {
        let rows: Vec<String> =
            ids.iter().map(|id| format!("({id}, {}, {id}, {id}, null)", id % 50)).collect();
        session.run(&format!("insert into {table} values {}", rows.join(", "))).expect("inserts");
    }
    ids.into_iter().map(|id| (id, (id % 50, id, id))).collect()
}

fn storm(seed: u64) {
    let database = Database::new();
    let mut session = database.session();
    let columns = "id bigint primary key, v bigint, w bigint, u bigint, d bigint";
    session.run(&format!("create table t ({columns}, key first_of_all (w))")).expect("creates");
    session.run(&format!("create table p ({columns}) partition by hash (id) partitions 3")).expect("creates");
    let still = TABLES.map(|table| fill(&mut session, table, -ROWS_STILL..0));
    let first = (0..WRITERS).map(|number| {
        let ids = || (1..=ROWS_FIRST).map(move |i| i * WRITERS + number);
        TABLES.map(|table| fill(&mut session, table, ids()))
    });
    let first: Vec<[Rows; 2]> = first.collect();
    let mut tally = Tally::default();
    let stop = AtomicBool::new(false);
    let writers: Vec<Writer> = std::thread::scope(|scope| {
        let begin = |number: i64| {
            let (database, stop, rows) = (&database, &stop, first[number as usize].clone());
            scope.spawn(move || {
                let mut writer = Writer { rows, fresh: ROWS_FIRST, ..Writer::new(database, seed, number) };
                while !stop.load(Ordering::Relaxed) {
                    writer.work();
                }
                writer
            })
        };
        let threads: Vec<_> = (0..WRITERS).map(begin).collect();
        let mut random = Random::new(seed);
        let until = Instant::now() + SPAN;
        // A thread that has panicked ends the storm.
        while Instant::now() < until && threads.iter().all(|thread| !thread.is_finished()) {
            change_schema(&mut session, &mut random, &mut tally);
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("a writer")).collect()
    });
    for (at, table) in TABLES.into_iter().enumerate() {
        for sql in [format!("alter table {table} add index on_v (v)"), format!("admin check table {table}")] {
            session.run(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let wanted = writers.iter().flat_map(|writer| writer.rows[at].clone());
        let wanted: Rows = wanted.chain(still[at].clone()).collect();
        for by in ["id + 0 <> 0", "v >= -50"] {
            let sql = format!("select id, v, w, u from {table} where {by}");
            let set = session.execute(&sql).expect("reads");
            let found: Rows = set
                .rows()
                .map(|row| {
                    let row = row.expect("a row");
                    let int = |at: usize| row.get::<i64>(at).expect("a number");
                    (int(0), (int(1), int(2), int(3)))
                })
                .collect();
            assert_eq!(found, wanted, "seed {seed}: {sql}");
        }
    }
    let done: u64 = writers.iter().map(|writer| writer.done).sum();
    println!("seed {seed}: {} added, {} refused, {done} changes of rows", tally.added, tally.refused);
    assert!(tally.added > 0 && done > 0);
}

#[test]
fn entries_and_rows_agree_whatever_is_written_while_indexes_come() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let (first, seeds) = (number("ALLOD_SEED").unwrap_or(1), number("ALLOD_SEEDS").unwrap_or(2));
    for seed in first..first + seeds {
        storm(seed);
    }
}
