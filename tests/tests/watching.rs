//! What others see of a connection's statements: the slow log, EXPLAIN FOR CONNECTION.

use allod::server::Server;
use allod_tests::server::start;
use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder, Row};

fn connect_as(server: &Server, user: &str, database: Option<&str>) -> Conn {
    let address = server.address();
    let options = OptsBuilder::new()
        .ip_or_hostname(Some(address.ip().to_string()))
        .tcp_port(address.port())
        .user(Some(user))
        .db_name(database)
        .prefer_socket(false);
    Conn::new(options).expect("connects")
}

fn connect(server: &Server) -> Conn {
    connect_as(server, "root", Some("test"))
}

fn rows(conn: &mut Conn, sql: &str) -> Vec<Vec<String>> {
    let rows: Vec<Row> = conn.query(sql).expect("it is a query");
    let cell = |row: &Row, at: usize| row.get::<Option<String>, usize>(at).flatten().unwrap_or("NULL".into());
    rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
}

#[test]
fn what_takes_long_is_in_the_slow_log() {
    let server = start();
    let mut conn = connect(&server);
    conn.query_drop("set tidb_slow_log_threshold = 20").unwrap();
    conn.query_drop("select 'quick'").unwrap();
    conn.query_drop("select sleep(0.03), 1").unwrap();
    conn.query_drop("select sleep(0.03), 2").unwrap();
    conn.query_drop("begin").unwrap();
    let statement = conn.prep("select sleep(?)").unwrap();
    conn.exec_drop(&statement, (0.06,)).unwrap();
    assert!(conn.query_drop("select sleep(0.03), nope()").is_err());
    let sql = "select db, user, succ, prepared, txn_start_ts > 0, query_time between 0.02 and 20, query
        from information_schema.slow_query order by time";
    let seen = rows(&mut conn, sql);
    let wanted = [
        ["test", "root", "1", "0", "0", "1", "select sleep(0.03), 1"],
        ["test", "root", "1", "0", "0", "1", "select sleep(0.03), 2"],
        ["test", "root", "1", "1", "1", "1", "select sleep(?)"],
    ];
    assert_eq!(seen, wanted);
    // Those that differ in values only have one digest.
    let digests = "select count(distinct digest), min(length(digest)) from information_schema.slow_query";
    assert_eq!(rows(&mut conn, digests), [["2", "64"]]);
    assert_eq!(rows(&mut conn, "admin show slow recent 1")[0][0], "select sleep(?)");
    assert_eq!(rows(&mut conn, "admin show slow top 1")[0][0], "select sleep(?)");
    assert_eq!(rows(&mut conn, "admin show slow top all 9").len(), 3);
    assert!(rows(&mut conn, "admin show slow top internal 9").is_empty());
    conn.query_drop("set tidb_enable_slow_log = off").unwrap();
    conn.query_drop("select sleep(0.03), 3").unwrap();
    assert_eq!(rows(&mut conn, "admin show slow recent 9").len(), 3);
    // Who may not see what others do sees his own statements.
    conn.query_drop("create user guest").unwrap();
    let mut guest = connect_as(&server, "guest", None);
    assert!(rows(&mut guest, "select query from information_schema.slow_query").is_empty());
}

#[test]
fn the_plan_of_another_connections_statement_is_explained() {
    let server = start();
    let (mut conn, mut other) = (connect(&server), connect(&server));
    conn.query_drop("create table t (a int primary key, b int)").unwrap();
    conn.query_drop("insert into t values (1, 1), (2, 2), (3, 3)").unwrap();
    let id = conn.connection_id();
    let slow =
        std::thread::spawn(move || conn.query_drop("select sleep(0.4) from t where b = 2").map(|()| conn));
    std::thread::sleep(std::time::Duration::from_millis(150));
    let explain = format!("explain format = 'brief' for connection {id}");
    let wanted = rows(&mut other, "explain format = 'brief' select sleep(0.4) from t where b = 2");
    assert!(wanted.len() > 2, "{wanted:?}");
    assert_eq!(rows(&mut other, &explain), wanted);
    // When it has ended, it is the last one's.
    let mut conn = slow.join().unwrap().unwrap();
    assert_eq!(rows(&mut other, &explain), wanted);
    conn.query_drop("select * from t where a = 1").unwrap();
    let point = rows(&mut other, &explain);
    assert_eq!((point.len(), &*point[0][0]), (1, "Point_Get"));
    let unknown = other.query_drop("explain for connection 4711").unwrap_err();
    assert!(unknown.to_string().contains("1094"), "{unknown}");
    conn.query_drop("create user guest").unwrap();
    let mut guest = connect_as(&server, "guest", None);
    assert!(guest.query_drop(&explain).unwrap_err().to_string().contains("1227"));
}

#[test]
fn what_statements_cost_is_summed_up_by_their_shape() {
    let server = start();
    let (mut conn, mut other) = (connect(&server), connect(&server));
    conn.query_drop("create table t (a int primary key, b int)").unwrap();
    for at in 0..5 {
        conn.query_drop(format!("insert into t values ({at}, {at})")).unwrap();
        other.query_drop(format!("SELECT b FROM t WHERE a = {at}")).unwrap();
    }
    let statement = conn.prep("select b from t where a = ?").unwrap();
    for at in 0..3 {
        let _: Option<Row> = conn.exec_first(&statement, (at,)).unwrap();
    }
    assert!(other.query_drop("select nope from t").is_err());
    // What a connection has counted others see when it has run something a while later, or ended.
    std::thread::sleep(std::time::Duration::from_millis(150));
    conn.query_drop("do 1").unwrap();
    drop(other);
    std::thread::sleep(std::time::Duration::from_millis(150));
    let sql = "select schema_name, stmt_type, digest_text, exec_count, sum_errors, prepared, min_latency <= max_latency,
        sum_latency >= exec_count * min_latency, sample_user
        from information_schema.statements_summary where digest_text like '%`t`%' order by digest_text";
    let wanted = [
        ["test", "Insert", "insert into `t` values ( ... )", "5", "0", "0", "1", "1", "root"],
        ["test", "Select", "select `b` from `t` where `a` = ?", "8", "0", "1", "1", "1", "root"],
        ["test", "Select", "select `nope` from `t`", "1", "1", "0", "1", "1", "root"],
    ];
    assert_eq!(rows(&mut conn, sql), wanted);
    let sql = "select count_star from performance_schema.events_statements_summary_by_digest
        where digest = tidb_encode_sql_digest('select b from t where a = 77')";
    assert_eq!(rows(&mut conn, sql), [["8"]]);
    conn.query_drop("set global tidb_enable_stmt_summary = off").unwrap();
    let mut late = connect(&server);
    late.query_drop("select b from t where a = 1").unwrap();
    drop(late);
    std::thread::sleep(std::time::Duration::from_millis(150));
    // What was counted is forgotten with it.
    let sql =
        "select exec_count from information_schema.statements_summary where digest_text like 'select `b`%'";
    assert!(rows(&mut conn, sql).is_empty());
    conn.query_drop("set global tidb_enable_stmt_summary = on").unwrap();
    conn.query_drop("select b from t where a = 1").unwrap();
    assert_eq!(rows(&mut conn, sql), [["1"]]);
}

#[test]
fn bytes_and_statements_of_a_connection_are_counted() {
    let server = start();
    let (mut conn, mut other) = (connect(&server), connect(&server));
    let status = |conn: &mut Conn, scope: &str, name: &str| -> u64 {
        let row = rows(conn, &format!("show {scope} status like '{name}'")).remove(0);
        row[1].parse().expect("it is a number")
    };
    let before = status(&mut conn, "", "Bytes_sent");
    other.query_drop("select repeat('x', 10000)").unwrap();
    assert!(status(&mut conn, "", "Bytes_sent") < before + 5000);
    conn.query_drop("select repeat('x', 10000)").unwrap();
    assert!(status(&mut conn, "", "Bytes_sent") > before + 10_000);
    assert!(status(&mut conn, "global", "Bytes_sent") > before + 20_000);
    let selects = status(&mut conn, "", "Com_select");
    other.query_drop("select 1").unwrap();
    assert_eq!(status(&mut conn, "", "Com_select"), selects);
    assert!(status(&mut conn, "global", "Com_select") > selects);
    assert!(status(&mut conn, "", "Bytes_received") > 100);
    assert_eq!(rows(&mut conn, "show status like 'Ssl_cipher'"), [["Ssl_cipher", ""]]);
}
