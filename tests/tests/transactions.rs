//! Transactions under load, and against the same statements without one.
//!
//! `TXN_SEED=17 TXN_CASES=100` runs other cases of the comparison.

use std::sync::atomic::{AtomicBool, Ordering};

use allod::{ClusterConfig, Database, Session, SimulatedConfig, TransportConfig};
use allod_tests::database::rows;
use allod_tests::joins::queries::Query;
use allod_tests::joins::tables::{COLUMNS, literal, table};
use allod_tests::random::Random;
use allod_tests::slt::Value;

const CASES: u64 = 8;
const ROUNDS: usize = 4;
const QUERIES: usize = 4;
const HINTS: [Option<&str>; 5] =
    [None, Some("HASH_JOIN"), Some("INL_JOIN"), Some("INL_HASH_JOIN"), Some("MERGE_JOIN")];

/// What the statements of a transaction see of their own changes, by every way to read and to join, is what statements see
/// of changes that are committed.
#[test]
fn own_writes_are_seen_as_committed_ones_are() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let first = number("TXN_SEED").unwrap_or(1);
    let (mut done, mut tried) = (0, 0);
    for seed in first..first + number("TXN_CASES").unwrap_or(CASES) {
        let (d, t) = compare(seed);
        (done, tried) = (done + d, tried + t);
    }
    assert!(2 * done > tried, "of {tried} changes {done} changed a row");
}

/// How many changes changed a row, and how many there were.
fn compare(seed: u64) -> (usize, usize) {
    let (mut done, mut tried) = (0, 0);
    let mut random = Random::new(seed);
    let (outer, inner) = (*random.pick(&[5, 30]), *random.pick(&[0, 10, 60]));
    let (outer_parts, inner_parts) = (random.chance(30), random.chance(60));
    let mut setup = table("o", outer, outer_parts, false, &mut random);
    setup.extend(table("i", inner, inner_parts, true, &mut random));
    let databases = [Database::new(), Database::new()];
    let [mut own, mut plain] = databases.each_ref().map(Database::session);
    for sql in &setup {
        assert_eq!(outcome(&mut own, sql), outcome(&mut plain, sql), "seed {seed}: {sql}");
    }
    let begin = *random.pick(&["BEGIN OPTIMISTIC", "BEGIN PESSIMISTIC", "SET autocommit = 0"]);
    own.run(begin).expect("a transaction begins");
    let mut next_id = 1000;
    for _ in 0..ROUNDS {
        if random.chance(40) {
            // What is taken back is as if it had never been.
            own.run("SAVEPOINT s").expect("a savepoint is made");
            for _ in 0..1 + random.below(3) {
                let _ = own.run(&change(&mut random, &mut next_id));
            }
            own.run("ROLLBACK TO s").expect("the savepoint is there");
        }
        for _ in 0..1 + random.below(3) {
            let sql = change(&mut random, &mut next_id);
            let came_to = outcome(&mut own, &sql);
            assert_eq!(came_to, outcome(&mut plain, &sql), "seed {seed}: {sql}");
            tried += 1;
            done += usize::from(came_to.is_ok_and(|rows| rows > 0));
        }
        for _ in 0..QUERIES {
            let query = Query::random(&mut random);
            for hint in HINTS {
                let sql = query.with(hint);
                let [a, b] = [&mut own, &mut plain].map(|session| answer(session, &sql, query.ordered));
                assert_eq!(a, b, "seed {seed}: {sql}");
            }
        }
        for sql in lookups(&mut random) {
            let [a, b] = [&mut own, &mut plain].map(|session| answer(session, &sql, false));
            assert_eq!(a, b, "seed {seed}: {sql}");
        }
    }
    own.run("COMMIT").expect("nobody else has changed anything");
    let mut other = databases[0].session();
    for table in ["o", "i"] {
        let sql = format!("SELECT * FROM {table}");
        assert_eq!(answer(&mut other, &sql, false), answer(&mut plain, &sql, false), "seed {seed}: {table}");
    }
    (done, tried)
}

/// A change of one of the tables.
fn change(random: &mut Random, next_id: &mut usize) -> String {
    let table = *random.pick(&["i", "i", "o"]);
    let at = random.below(COLUMNS.len());
    let (column, value) = (COLUMNS[at].0, literal(at, random));
    let some = match random.below(4) {
        0 => format!("id % 4 = {}", random.below(4)),
        1 => format!("v = {}", random.below(10)),
        2 => format!("{column} = {value}"),
        _ => format!("id BETWEEN {} AND {}", random.below(30), random.below(60)),
    };
    match random.below(6) {
        0 | 1 => {
            let mut row = |random: &mut Random| {
                *next_id += 1;
                let cells: Vec<String> = (0..COLUMNS.len()).map(|at| literal(at, random)).collect();
                format!("({next_id}, {}, {})", cells.join(", "), random.below(10))
            };
            let rows: Vec<String> = (0..1 + random.below(8)).map(|_| row(random)).collect();
            format!("INSERT INTO {table} VALUES {}", rows.join(", "))
        }
        2 => {
            *next_id += 1000;
            let columns: Vec<&str> = COLUMNS.iter().map(|c| c.0).collect();
            let columns = columns.join(", ");
            format!("INSERT INTO {table} SELECT id + {next_id}, {columns}, v FROM i WHERE {some}")
        }
        3 => format!("DELETE FROM {table} WHERE {some}"),
        4 => {
            let at = random.below(COLUMNS.len());
            format!("UPDATE {table} SET {} = {}, v = v + 1 WHERE {some}", COLUMNS[at].0, literal(at, random))
        }
        _ => format!("UPDATE {table} SET v = v + 3 WHERE {some}"),
    }
}

/// Queries of one table: by key, by index, by range.
fn lookups(random: &mut Random) -> Vec<String> {
    let at = random.below(COLUMNS.len());
    let (column, value, other) = (COLUMNS[at].0, literal(at, random), literal(at, random));
    vec![
        format!("SELECT * FROM i WHERE {column} = {value}"),
        format!("SELECT id, v FROM i WHERE {column} IN ({value}, {other})"),
        format!("SELECT {column} FROM i WHERE {column} > {value}"),
        format!("SELECT {column}, COUNT(*), SUM(v) FROM i GROUP BY {column}"),
        format!("SELECT * FROM o WHERE id IN ({}, {}, 1001)", random.below(30), random.below(30)),
        "SELECT COUNT(*), MIN(id), MAX(id) FROM i".to_string(),
        "SELECT id FROM i ORDER BY id DESC LIMIT 3".to_string(),
    ]
}

/// Rows changed, or the code of the error.
fn outcome(session: &mut Session, sql: &str) -> Result<u64, u16> {
    session.run(sql).map_err(|error| error.code())
}

fn answer(session: &mut Session, sql: &str, ordered: bool) -> Result<Vec<String>, u16> {
    let rows = rows(session, sql).map_err(|error| error.code())?;
    let mut rows: Vec<String> = rows.iter().map(|row: &Vec<Value>| format!("{row:?}")).collect();
    if !ordered {
        rows.sort_unstable();
    }
    Ok(rows)
}

fn number(session: &mut Session, sql: &str) -> i64 {
    let rows = rows(session, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    match rows.first().and_then(|row| row.first()) {
        Some(Value::Int(v)) => *v as i64,
        Some(Value::Text(v)) => v.parse().unwrap_or_else(|_| panic!("{sql}: {v}")),
        other => panic!("{sql}: {other:?}"),
    }
}

/// Runs a transaction until it is committed. What may go wrong is that another one was faster, or in the way.
fn until_committed(session: &mut Session, mut work: impl FnMut(&mut Session) -> allod::Result<()>) {
    loop {
        match work(session).and_then(|()| session.run("COMMIT").map(drop)) {
            Ok(()) => return,
            Err(error) => {
                assert!([1205, 1213, 9007].contains(&error.code()), "{error}");
                session.run("ROLLBACK").expect("it rolls back");
            }
        }
    }
}

/// Money is moved by transactions of all kinds at once, and never made or lost.
#[test]
fn money_is_neither_made_nor_lost() {
    const ACCOUNTS: usize = 12;
    const TRANSFERS: usize = 60;
    const TOTAL: i64 = 100 * ACCOUNTS as i64;
    let database = Database::new();
    let mut setup = database.session();
    setup
        .run("create table account (id int primary key, owner int, balance int, key (owner, balance))")
        .unwrap();
    setup.run("create table done (worker int primary key, transfers int)").unwrap();
    for id in 0..ACCOUNTS {
        setup.run(&format!("insert into account values ({id}, {}, 100)", id % 3)).unwrap();
    }
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4u64)
            .map(|worker| {
                let database = &database;
                scope.spawn(move || {
                    let mut session = database.session();
                    let mut random = Random::new(worker);
                    session.run(&format!("insert into done values ({worker}, 0)")).unwrap();
                    for _ in 0..TRANSFERS {
                        let (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
                        let amount = random.below(20);
                        until_committed(&mut session, |s| transfer(s, worker, from, to, amount));
                    }
                })
            })
            .collect();
        let (database, ended) = (&database, &ended);
        let reader = scope.spawn(move || {
            let mut session = database.session();
            let mut looks = 0;
            while !ended.load(Ordering::Relaxed) {
                session.run("start transaction read only").unwrap();
                assert_eq!(number(&mut session, "select sum(balance) from account"), TOTAL);
                let by_owner =
                    "select sum(s) from (select owner, sum(balance) s from account group by owner) x";
                assert_eq!(number(&mut session, by_owner), TOTAL);
                session.run("commit").unwrap();
                assert_eq!(number(&mut session, "select sum(balance) from account"), TOTAL);
                looks += 1;
            }
            assert!(looks > 0);
        });
        for worker in workers {
            worker.join().unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(number(&mut setup, "select sum(balance) from account"), TOTAL);
    assert_eq!(number(&mut setup, "select count(*) from account use index (owner) where owner >= 0"), 12);
    assert_eq!(number(&mut setup, "select sum(transfers) from done"), 4 * TRANSFERS as i64);
}

fn transfer(session: &mut Session, worker: u64, from: usize, to: usize, amount: usize) -> allod::Result<()> {
    session.run(if worker.is_multiple_of(2) { "begin pessimistic" } else { "begin optimistic" })?;
    if worker < 2 {
        session.run(&format!("update account set balance = balance - {amount} where id = {from}"))?;
        session.run(&format!("update account set balance = balance + {amount} where id = {to}"))?;
    } else {
        // What was read is written back, changed.
        let read = |session: &mut Session, id| -> allod::Result<i64> {
            let sql = format!("select balance from account where id = {id} for update");
            let row = session.execute(&sql)?.rows().next().expect("the account is there")?;
            row.get(0)
        };
        let balance = read(session, from)? - amount as i64;
        session.run(&format!("update account set balance = {balance} where id = {from}"))?;
        let balance = read(session, to)? + amount as i64;
        session.run(&format!("update account set balance = {balance} where id = {to}"))?;
    }
    session.run(&format!("update done set transfers = transfers + 1 where worker = {worker}"))?;
    Ok(())
}

/// Workers take jobs from a table: each job is done once, and nobody waits for another.
#[test]
fn every_job_is_taken_once() {
    const JOBS: i64 = 80;
    let database = Database::new();
    let mut setup = database.session();
    setup.run("create table job (id int primary key, state int, key state (state))").unwrap();
    setup.run("create table result (id int auto_increment primary key, job int, worker int)").unwrap();
    for id in 0..JOBS {
        setup.run(&format!("insert into job values ({id}, 0)")).unwrap();
    }
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let database = &database;
            scope.spawn(move || {
                let mut session = database.session();
                loop {
                    let mut job = None;
                    until_committed(&mut session, |s| {
                        s.run("begin")?;
                        let next =
                            "select id from job where state = 0 order by id limit 1 for update skip locked";
                        job = match s.execute(next)?.rows().next() {
                            Some(row) => Some(row?.get::<i64>(0)?),
                            None => None,
                        };
                        if let Some(job) = job {
                            s.run(&format!("insert into result (job, worker) values ({job}, {worker})"))?;
                            s.run(&format!("update job set state = 1 where id = {job}"))?;
                        }
                        Ok(())
                    });
                    if job.is_none() {
                        return;
                    }
                }
            });
        }
    });
    assert_eq!(number(&mut setup, "select count(*) from result"), JOBS);
    assert_eq!(number(&mut setup, "select count(distinct job) from result"), JOBS);
    assert_eq!(number(&mut setup, "select count(*) from job where state = 1"), JOBS);
}

/// Each way to commit costs its own number of requests.
#[test]
fn variables_say_how_transactions_commit() {
    let transport = TransportConfig::Simulated(SimulatedConfig::default());
    let database =
        Database::builder().cluster(ClusterConfig { transport, ..ClusterConfig::default() }).build();
    database.session().run("create table t (id int primary key, v int)").unwrap();
    database.session().run("insert into t values (1, 0), (2, 0)").unwrap();
    let cluster = database.cluster();
    let mut before = cluster.stats().rpcs;
    let mut requests = |one_phase: bool, async_commit: bool, linearizable: bool| {
        let mut session = database.session();
        session
            .run(&format!(
                "set tidb_enable_1pc = {one_phase}, tidb_enable_async_commit = {async_commit}, tidb_guarantee_linearizability = {linearizable}"
            ))
            .unwrap();
        // So that it knows its way.
        let count = "select count(*) from t where v >= 0";
        rows(&mut session, count).unwrap();
        session.run("begin optimistic").unwrap();
        session.run("update t set v = v + 1").unwrap();
        session.run("commit").unwrap();
        drop(session);
        cluster.runtime().block_on(cluster.at_rest());
        let now = cluster.stats().rpcs;
        let since = now - before;
        before = now;
        since
    };
    let one = requests(true, true, true);
    assert_eq!(requests(true, false, false), one);
    // Prewrite, and beside the user commit.
    assert_eq!(requests(false, true, false), one + 1);
    // A timestamp besides.
    assert_eq!(requests(false, true, true), one + 2);
    // Prewrite, timestamp, the primary, and beside the user the other row.
    assert_eq!(requests(false, false, true), one + 3);
    assert_eq!(requests(false, false, false), one + 3);
}
