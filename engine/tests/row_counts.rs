//! How many rows a table has, as plans and `information_schema` see it, without ANALYZE.

use allod::{Database, Session};

fn text(session: &mut Session, sql: &str) -> Vec<String> {
    let rows = session.execute(sql).expect(sql).rows();
    rows.map(|row| row.expect(sql).get::<String>(0).expect(sql)).collect()
}

/// The estimated rows of the last line of a plan.
fn estimated(session: &mut Session, sql: &str) -> f64 {
    let rows = session.execute(&format!("explain {sql}")).expect(sql).rows();
    let estimates = rows.map(|row| row.expect(sql).get::<String>("estRows").expect(sql));
    estimates.last().expect("a plan has a line").parse().expect("it is a number")
}

fn live(session: &mut Session, table: &str) -> i64 {
    let sql = format!("select table_rows from information_schema.tables where table_name = '{table}'");
    session
        .execute(&sql)
        .expect("it is there")
        .rows()
        .next()
        .expect("a row")
        .expect("a row")
        .get(0)
        .expect("n")
}

fn fill(session: &mut Session, table: &str, rows: std::ops::Range<i64>) {
    let values: Vec<String> = rows.map(|v| format!("({v}, {})", v % 100)).collect();
    session.run(&format!("insert into {table} values {}", values.join(","))).expect("the rows fit");
}

#[test]
fn plans_know_of_rows_that_came_and_went() {
    let mut session = Database::new().session();
    session.run("create table t (a int primary key, b int)").expect("the table is new");
    assert_eq!((estimated(&mut session, "select * from t"), live(&mut session, "t")), (10_000.0, 0));
    fill(&mut session, "t", 0..999);
    // Too few to be worth a version of their own, but counted.
    assert_eq!((estimated(&mut session, "select * from t"), live(&mut session, "t")), (10_000.0, 999));
    fill(&mut session, "t", 999..1000);
    assert_eq!((estimated(&mut session, "select * from t"), live(&mut session, "t")), (1000.0, 1000));
    for from in (1000..8000).step_by(1000) {
        fill(&mut session, "t", from..from + 1000);
    }
    assert!((7000.0..=8000.0).contains(&estimated(&mut session, "select * from t")));
    assert_eq!(live(&mut session, "t"), 8000);
    assert_eq!(session.run("update t set b = b + 1").expect("a change"), 8000);
    assert_eq!(session.run("delete from t where a >= 500").expect("a change"), 7500);
    assert_eq!((estimated(&mut session, "select * from t"), live(&mut session, "t")), (500.0, 500));
    // A statement that fails has changed nothing.
    assert_eq!(session.run("insert into t values (7000, 1), (1, 1)").expect_err("there is a 1").code(), 1062);
    assert_eq!(live(&mut session, "t"), 500);
    session.run("explain analyze delete from t where a < 100").expect("a change");
    assert_eq!(live(&mut session, "t"), 400);
    session.run("truncate table t").expect("it is there");
    assert_eq!((estimated(&mut session, "select * from t"), live(&mut session, "t")), (10_000.0, 0));
}

#[test]
fn histograms_stay_as_the_table_grows() {
    let mut session = Database::new().session();
    session.run("create table t (a int primary key, b int)").expect("the table is new");
    fill(&mut session, "t", 0..2000);
    session.run("analyze table t").expect("it is there");
    let tenth = |session: &mut Session| {
        let plan = session.execute("explain select * from t where b < 10").expect("a plan").rows();
        plan.map(|row| row.expect("a line").get::<String>("estRows").expect("a number"))
            .next()
            .map(|n| n.parse::<f64>().expect("a number"))
            .expect("a plan has a line")
    };
    let before = tenth(&mut session);
    assert!((150.0..250.0).contains(&before), "{before}");
    fill(&mut session, "t", 2000..6000);
    let after = tenth(&mut session);
    assert!((450.0..750.0).contains(&after), "{after}");
    assert_eq!(live(&mut session, "t"), 6000);
}

#[test]
fn a_table_that_was_filled_is_joined_by_its_index() {
    let mut session = Database::new().session();
    session.run("create table big (a int primary key, b int, key (b))").expect("the table is new");
    session.run("create table small (a int primary key, b int)").expect("the table is new");
    for from in (0..100_000).step_by(10_000) {
        fill(&mut session, "big", from..from + 10_000);
    }
    fill(&mut session, "small", 0..1000);
    session.run("delete from small where a >= 20").expect("a change");
    let join = "select count(*) from small join big on big.a = small.a where small.b < 10";
    let plan = text(&mut session, &format!("explain {join}")).join("\n");
    assert!(plan.contains("Index") && plan.contains("Join"), "{plan}");
    assert_eq!(text(&mut session, join), ["10"]);
}

#[test]
fn a_kept_plan_is_made_anew_when_its_table_has_grown() {
    let mut session = Database::new().session();
    session.run("create table t (a int primary key, b int)").expect("the table is new");
    let count = session.prepare("select count(*) from t where b >= ?").expect("it parses");
    for rows in [0i64, 3000, 6000] {
        fill(&mut session, "t", rows..rows + 3000);
        for cached in [false, true] {
            let params = allod::params![0];
            let found = session.execute_prepared(&count, params).expect("it runs").rows().next();
            assert_eq!(found.expect("a row").expect("a row").get::<i64>(0).expect("n"), rows + 3000);
            assert_eq!(session.plan_was_found(), cached);
        }
    }
}

#[test]
fn sessions_side_by_side_count_what_they_do() {
    let database = Database::new();
    database.session().run("create table t (a bigint auto_increment primary key, b int)").expect("it is new");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut session = database.session();
                for _ in 0..50 {
                    let values = vec!["(1)"; 100].join(",");
                    while let Err(error) = session.run(&format!("insert into t (b) values {values}")) {
                        assert!(error.is_retryable(), "{error}");
                    }
                }
            });
        }
    });
    let mut session = database.session();
    assert_eq!(live(&mut session, "t"), 20_000);
    let rows = estimated(&mut session, "select * from t");
    assert!((16_000.0..=20_000.0).contains(&rows), "{rows}");
}
