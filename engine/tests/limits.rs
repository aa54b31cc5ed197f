//! Statements that run too long or want too much: MAX_EXECUTION_TIME, MEMORY_QUOTA and the variables of the same meaning.

use std::time::{Duration, Instant};

use allod::{Database, Session};

/// A query of a million million rows.
const ENDLESS: &str = "count(*) from n a, n b, n c, n d where a.v + b.v + c.v + d.v > 5";

fn session() -> Session {
    let mut session = Database::new().session();
    session.run("create table n (v bigint, w bigint, index (v))").expect("the table is new");
    let values: Vec<String> = (0..1000).map(|v| format!("({v}, {v})")).collect();
    session.run(&format!("insert into n values {}", values.join(","))).expect("the rows fit");
    session
}

/// Code of the error that a statement ends with; 0 = none.
fn code(session: &mut Session, sql: &str) -> u16 {
    let outcome = session.execute(sql).and_then(|rows| rows.collect_batches());
    outcome.map_or_else(|error| error.code(), |_| 0)
}

#[test]
fn a_query_stops_when_its_time_is_over() {
    let mut session = session();
    let begin = Instant::now();
    assert_eq!(code(&mut session, &format!("select /*+ max_execution_time(50) */ {ENDLESS}")), 3024);
    session.run("set max_execution_time = 50").expect("it is a variable");
    for sql in [
        format!("select {ENDLESS}"),
        // The plan is known now.
        format!("select {ENDLESS}"),
        format!("explain analyze select {ENDLESS}"),
        "select a.v, b.v, c.v from n a, n b, n c order by a.v + b.v + c.v".to_string(),
        "select a.v * b.v * c.v as k, count(*) from n a, n b, n c group by k".to_string(),
        "select count(*) from n a where v < (select count(*) from n b, n c, n d where a.v + b.v < c.v + d.v)"
            .to_string(),
        "select /*+ inl_join(b) */ count(*) from n a join n b on a.v >= 0 and b.v = a.v, n c, n d"
            .to_string(),
        "select /*+ merge_join(a, b) */ count(*) from n a join n b on a.v = b.v, n c, n d".to_string(),
    ] {
        assert_eq!(code(&mut session, &sql), 3024, "{sql}");
    }
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    // What is quick enough is not disturbed, and a hint takes the place of the variable.
    assert_eq!(code(&mut session, "select count(*) from n"), 0);
    let more = "select /*+ max_execution_time(0) */ sum(a.v * b.v) from n a, n b where a.w + b.w > 0";
    assert_eq!(code(&mut session, more), 0);
    // The next statement has its own time.
    assert_eq!(code(&mut session, "select count(*) from n where v = 1"), 0);
}

#[test]
fn only_queries_are_limited_in_time() {
    let mut session = session();
    session.run("create table m (v bigint)").expect("the table is new");
    session.run("set max_execution_time = 1").expect("it is a variable");
    // Far more than a millisecond.
    let insert = "insert into m select /*+ max_execution_time(1) */ a.v + b.v from n a, n b where b.v < 200";
    assert_eq!(session.run(insert).expect("changes have all the time they need"), 200_000);
}

#[test]
fn a_quota_stands_in_a_hint() {
    let mut session = session();
    let many = "a.v, b.w, count(*) from n a, n b group by a.v, b.w having count(*) > 1";
    assert_eq!(code(&mut session, &format!("select /*+ memory_quota(1 MB) */ {many}")), 8175);
    assert_eq!(code(&mut session, &format!("select /*+ memory_quota(2 GB) */ {many}")), 0);
    session.run("set tidb_mem_quota_query = 100000").expect("it is a variable");
    assert_eq!(code(&mut session, &format!("select {many}")), 8175);
    assert_eq!(code(&mut session, &format!("select /*+ memory_quota(2 GB) */ {many}")), 0);
    // None at all.
    assert_eq!(code(&mut session, &format!("select /*+ memory_quota(0 MB) */ {many}")), 0);
    assert_eq!(session.warnings().len(), 1);
    // A change of rows has a quota too.
    session.run("set tidb_mem_quota_query = default").expect("it is a variable");
    session.run("create table m (v bigint, w bigint, c bigint)").expect("the table is new");
    let insert = format!("insert /*+ memory_quota(1 MB) */ into m select {many}");
    assert_eq!(code(&mut session, &insert), 8175);
    assert_eq!(code(&mut session, &format!("insert into m select {many}")), 0);
}

#[test]
fn who_waits_for_a_lock_can_be_stopped() {
    let mut holder = session();
    let mut waiter = holder.owner().session();
    for sql in ["begin", "select * from n where v = 7 for update"] {
        assert_eq!(code(&mut holder, sql), 0);
    }
    assert_eq!(code(&mut waiter, "begin"), 0);
    let wants = "select count(*) from n where v < 10 for update";
    let begin = Instant::now();
    waiter.run("set max_execution_time = 100").expect("it is a variable");
    assert_eq!(code(&mut waiter, wants), 3024);
    waiter.run("set max_execution_time = 0").expect("it is a variable");
    for sql in [wants, "update n set w = 1 where v = 7"] {
        let cancel = waiter.cancel_handle();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
        });
        assert_eq!(code(&mut waiter, sql), 1317, "{sql}");
        killer.join().expect("it does not panic");
    }
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    // It has nothing locked, and the transaction goes on.
    assert_eq!(code(&mut holder, "select * from n where v < 7 for update nowait"), 0);
    assert_eq!(code(&mut holder, "commit"), 0);
    assert_eq!(code(&mut waiter, wants), 0);
    assert_eq!(code(&mut waiter, "commit"), 0);
}
