//! The MySQL server as the Rust client `mysql` sees it: text and binary rows, prepared statements, transactions, errors,
//! logins, KILL, limits, and the end.

use std::time::{Duration, Instant};

use allod::server::{Options, Server};
use allod_tests::raw::{FOUND_ROWS, MULTI, PLAIN, Raw, error_of};
use allod_tests::server::{serve, start, start_with, with_password};
use mysql::prelude::Queryable;
use mysql::{ChangeUserOpts, Conn, OptsBuilder, Params, Row, Value};

fn options(server: &Server) -> OptsBuilder {
    let address = server.address();
    OptsBuilder::new()
        .ip_or_hostname(Some(address.ip().to_string()))
        .tcp_port(address.port())
        .user(Some("root"))
        .db_name(Some("test"))
        .prefer_socket(false)
}

fn connect(server: &Server) -> Conn {
    Conn::new(options(server)).expect("connects")
}

/// The number of the error that a statement ends with.
fn code(result: mysql::Result<()>) -> u16 {
    match result {
        Err(mysql::Error::MySqlError(error)) => error.code,
        other => panic!("expected an error of the server, got {other:?}"),
    }
}

const TYPES: &str = "create table types (id int primary key, a tinyint, b smallint unsigned, c mediumint, d int unsigned,
    e bigint, f bigint unsigned, g float, h double, i decimal(10,3), j decimal(30,5), k char(3), l varchar(20), m text,
    n binary(2), o varbinary(9), p blob, q date, r datetime, s datetime(6), t timestamp, u time, v time(3), w year)";

fn values() -> Vec<Value> {
    vec![
        Value::Int(1),
        Value::Int(-128),
        Value::UInt(65_535),
        Value::Int(-8_388_608),
        Value::UInt(u32::MAX.into()),
        Value::Int(i64::MIN),
        Value::UInt(u64::MAX),
        Value::Float(0.1),
        Value::Double(-1.5e300),
        Value::Bytes(b"-1234567.891".to_vec()),
        Value::Bytes(b"1234567890123456789012345.67890".to_vec()),
        Value::Bytes("a\u{e9}b".into()),
        Value::Bytes("it's \u{1f600}".into()),
        Value::Bytes(vec![b'x'; 60_000]),
        Value::Bytes(vec![0, 255]),
        Value::Bytes(vec![254, 0, 1]),
        Value::Bytes((0..=255).collect()),
        Value::Date(2024, 2, 29, 0, 0, 0, 0),
        Value::Date(1999, 12, 31, 23, 59, 59, 0),
        Value::Date(2001, 2, 3, 4, 5, 6, 7),
        Value::Date(2010, 1, 1, 0, 0, 1, 0),
        Value::Time(true, 2, 3, 4, 5, 0),
        Value::Time(false, 0, 1, 2, 3, 456_000),
        Value::Int(1987),
    ]
}

/// What a value is as text.
fn text(value: &Value) -> Value {
    match value {
        Value::Int(v) => Value::Bytes(v.to_string().into()),
        Value::UInt(v) => Value::Bytes(v.to_string().into()),
        Value::Float(v) => Value::Bytes(v.to_string().into()),
        Value::Double(v) => Value::Bytes(format!("{v:e}").into()),
        Value::Date(..) | Value::Time(..) => Value::Bytes(value.as_sql(true).trim_matches('\'').into()),
        other => other.clone(),
    }
}

#[test]
fn values_of_every_type_go_in_and_come_back() {
    let server = start();
    let mut client = connect(&server);
    client.query_drop(TYPES).unwrap();
    let values = values();
    let marks = vec!["?"; values.len()].join(", ");
    let insert = client.prep(format!("insert into types values ({marks})")).unwrap();
    assert_eq!(usize::from(insert.num_params()), values.len());
    client.exec_drop(&insert, Params::Positional(values.clone())).unwrap();
    assert_eq!((client.affected_rows(), client.last_insert_id()), (1, 0));
    let mut nulls = vec![Value::NULL; values.len()];
    nulls[0] = Value::Int(2);
    client.exec_drop(&insert, Params::Positional(nulls.clone())).unwrap();

    let select = client.prep("select * from types where id = ?").unwrap();
    assert_eq!(select.columns().len(), values.len());
    let row: Row = client.exec_first(&select, (1,)).unwrap().unwrap();
    assert_eq!(row.columns_ref(), &*select.columns());
    let unsigned: Vec<Value> = row.unwrap();
    let same = |a: &Value, b: &Value| match (a, b) {
        (Value::UInt(a), Value::Int(b)) | (Value::Int(b), Value::UInt(a)) => i64::try_from(*a) == Ok(*b),
        (a, b) => a == b,
    };
    for (at, (got, put)) in unsigned.iter().zip(&values).enumerate() {
        assert!(same(got, put), "column {at}: {got:?} instead of {put:?}");
    }
    let row: Row = client.exec_first(&select, (2,)).unwrap().unwrap();
    assert_eq!(row.unwrap(), nulls);

    let row: Row = client.query_first("select * from types where id = 1").unwrap().unwrap();
    let got = row.unwrap();
    for (at, (got, put)) in got.iter().zip(&values).enumerate() {
        let want = text(put);
        let fits = match (at, got) {
            // Zeros that the column's type has behind the point, or not.
            (17, Value::Bytes(got)) => got == b"2024-02-29",
            (21, Value::Bytes(got)) => got == b"-51:04:05",
            (22, Value::Bytes(got)) => got == b"01:02:03.456",
            (18 | 20, Value::Bytes(got)) => matches!(&want, Value::Bytes(want) if want.starts_with(got)),
            _ => *got == want,
        };
        assert!(fits, "column {at}: {got:?} instead of {want:?}");
    }
}

#[test]
fn long_values_and_long_results() {
    let server = start();
    let mut client = connect(&server);
    client.query_drop("create table l (id int primary key, b longblob)").unwrap();
    // Sent in pieces, and longer than one packet.
    let long: Vec<u8> = (0..17_000_000u32).map(|i| (i % 251) as u8).collect();
    client.exec_drop("insert into l values (?, ?)", (1, &long)).unwrap();
    let (n, back): (u32, Vec<u8>) =
        client.exec_first("select length(b), b from l where id = ?", (1,)).unwrap().unwrap();
    assert_eq!(n as usize, long.len());
    assert!(back == long, "the value is another one");
    client.query_drop("create table n (v int primary key)").unwrap();
    let all: Vec<String> = (0..20_000).map(|v| format!("({v})")).collect();
    client.query_drop(format!("insert into n values {}", all.join(","))).unwrap();
    let rows: Vec<i64> = client.query("select a.v + b.v from n a, n b where b.v < 10").unwrap();
    assert_eq!(
        (rows.len(), rows.iter().sum::<i64>()),
        (200_000, 10 * (0..20_000).sum::<i64>() + 45 * 20_000)
    );
    // The rest of a result that is not wanted.
    let mut result = client.query_iter("select a.v from n a, n b where b.v < 100").unwrap();
    assert!(result.next().unwrap().is_ok());
}

#[test]
fn several_statements_and_what_they_say() {
    let server = start();
    let mut client = connect(&server);
    let text = "create table t (id int auto_increment primary key, v int);
        insert into t (v) values (1), (2), (3); select v from t order by v desc; update t set v = 2 where v < 3; select ';'";
    let mut result = client.query_iter(text).unwrap();
    let mut seen = Vec::new();
    while let Some(set) = result.iter() {
        let (affected, last, info) = (set.affected_rows(), set.last_insert_id(), set.info_str().into_owned());
        let rows: Vec<Row> = set.map(Result::unwrap).collect();
        seen.push((affected, last, info, rows.len()));
    }
    drop(result);
    let info = |s: &str| s.to_string();
    let want = [
        (0, None, info(""), 0),
        (3, Some(1), info("Records: 3  Duplicates: 0  Warnings: 0"), 0),
        (0, None, info(""), 3),
        (1, None, info("Rows matched: 2  Changed: 1  Warnings: 0"), 0),
        (0, None, info(""), 1),
    ];
    assert_eq!(seen, want);
    // The second fails: the first has been done, the third has not.
    let mut raw = Raw::login(server.address(), PLAIN | MULTI).unwrap();
    let first =
        raw.query("insert into t (v) values (9); insert into t (v) values (1, 2); delete from t").unwrap();
    assert_eq!((first[0], error_of(&raw.packet().unwrap()).unwrap().0), (0, 1136));
    assert_eq!(client.query_first("select count(*) from t").unwrap(), Some(4));
    // One that cannot be parsed: nothing is done.
    assert_eq!(code(client.query_drop("delete from t; selec")), 1064);
    assert_eq!(client.query_first("select count(*) from t").unwrap(), Some(4));
}

/// The status flags of an OK without counts.
fn flags(ok: &[u8]) -> u16 {
    assert_eq!(ok[..3], [0, 0, 0], "{ok:?}");
    u16::from_le_bytes([ok[3], ok[4]])
}

#[test]
fn flags_tell_of_transactions_and_counts_are_as_the_client_wants_them() {
    const IN_TRANS: u16 = 1;
    const AUTOCOMMIT: u16 = 2;
    const MORE: u16 = 8;
    let server = start();
    let mut raw = Raw::login(server.address(), PLAIN | MULTI | FOUND_ROWS).unwrap();
    assert_eq!(flags(&raw.query("begin").unwrap()), IN_TRANS | AUTOCOMMIT);
    assert_eq!(flags(&raw.query("rollback").unwrap()), AUTOCOMMIT);
    assert_eq!(flags(&raw.query("set autocommit = 0; set @a = 1").unwrap()), MORE);
    assert_eq!(flags(&raw.packet().unwrap()), 0);
    raw.query("create table t (id int primary key, v int)").unwrap();
    raw.query("insert into t values (1, 1), (2, 2)").unwrap();
    // Under autocommit = 0 a query begins a transaction; the EOFs say so.
    raw.query("select id from t").unwrap();
    let packets = raw.until_eof(2).unwrap();
    assert_eq!(packets.last().unwrap()[..], [0xfe, 0, 0, IN_TRANS as u8, 0]);
    let found = raw.query("update t set v = 2").unwrap();
    assert_eq!(found[..3], [0, 2, 0]);
    let mut other = Raw::login(server.address(), PLAIN).unwrap();
    assert_eq!(flags(&raw.query("commit").unwrap()), 0);
    other.query("update t set v = 1 where id = 1").unwrap();
    assert_eq!(other.query("update t set v = 2").unwrap()[..3], [0, 1, 0]);
    // Several statements are for those who have asked for it, from the beginning or later.
    assert_eq!(error_of(&other.query("select 1; select 2").unwrap()).unwrap().0, 8130);
    assert_eq!(other.command(&[27, 0, 0]).unwrap()[0], 0xfe);
    assert_eq!(other.query("set @a = 1; set @b = 2").unwrap()[0], 0);
}

#[test]
fn rows_are_fetched_from_a_cursor() {
    const CURSOR: u16 = 64;
    const LAST: u16 = 128;
    let server = start();
    let mut raw = Raw::login(server.address(), PLAIN).unwrap();
    raw.query("create table t (id int primary key)").unwrap();
    raw.query("insert into t values (1), (2), (3), (4), (5)").unwrap();
    let prepared = raw.command(b"\x16select id from t where id > ? order by id").unwrap();
    assert_eq!(prepared[..9], [0, 1, 0, 0, 0, 1, 0, 1, 0]);
    raw.until_eof(2).unwrap();
    // With a cursor, one parameter, its type a tiny integer.
    let execute = |value| [&[23, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0][..], &[value]].concat();
    assert_eq!(raw.command(&execute(1)).unwrap(), [1]);
    let columns = raw.until_eof(1).unwrap();
    assert_eq!(u16::from_le_bytes([columns[1][3], columns[1][4]]), 2 | CURSOR);
    let fetch = |raw: &mut Raw, n: u8| {
        let mut packets = vec![raw.command(&[28, 1, 0, 0, 0, n, 0, 0, 0]).unwrap()];
        if packets[0][0] != 0xfe {
            packets.extend(raw.until_eof(1).unwrap());
        }
        let last = packets.pop().unwrap();
        let ids: Vec<u8> = packets.iter().map(|row| row[2]).collect();
        (ids, u16::from_le_bytes([last[3], last[4]]))
    };
    assert_eq!(fetch(&mut raw, 2), (vec![2, 3], 2 | CURSOR));
    // Other statements go on beside it.
    assert_eq!(raw.query("delete from t where id = 5").unwrap()[..2], [0, 1]);
    assert_eq!(fetch(&mut raw, 7), (vec![4, 5], 2 | LAST));
    assert_eq!(error_of(&raw.command(&[28, 1, 0, 0, 0, 1, 0, 0, 0]).unwrap()).unwrap().0, 1421);
    // Executed anew, the old cursor is gone; reset, the new one too.
    raw.command(&execute(2)).unwrap();
    raw.until_eof(1).unwrap();
    assert_eq!(fetch(&mut raw, 1), (vec![3], 2 | CURSOR));
    assert_eq!(raw.command(&[26, 1, 0, 0, 0]).unwrap()[0], 0);
    assert_eq!(error_of(&raw.command(&[28, 1, 0, 0, 0, 1, 0, 0, 0]).unwrap()).unwrap().0, 1421);
}

#[test]
fn commands_that_only_tools_still_send() {
    const FIELD_LIST: u8 = 4;
    const STATISTICS: u8 = 9;
    const KILL: u8 = 12;
    const DEBUG: u8 = 13;
    const INIT_DB: u8 = 2;
    let server = start();
    let mut raw = Raw::login(server.address(), PLAIN).unwrap();
    raw.query("create table t (id int primary key, name varchar(10), nick varchar(10))").unwrap();
    let columns = |raw: &mut Raw, pattern: &str| {
        let mut packets =
            vec![raw.command(&[&[FIELD_LIST], &b"t\0"[..], pattern.as_bytes()].concat()).unwrap()];
        if packets[0][0] != 0xfe {
            packets.extend(raw.until_eof(1).unwrap());
        }
        packets.len() - 1
    };
    assert_eq!((columns(&mut raw, ""), columns(&mut raw, "n%"), columns(&mut raw, "x")), (3, 2, 0));
    let unknown = raw.command(&[&[FIELD_LIST], &b"nope\0"[..]].concat()).unwrap();
    assert_eq!(error_of(&unknown).unwrap().0, 1146);
    let line = String::from_utf8(raw.command(&[STATISTICS]).unwrap()).unwrap();
    assert!(line.contains("Threads: 1  Tables: 1"), "{line}");
    assert_eq!(raw.command(&[DEBUG]).unwrap()[0], 0);
    assert_eq!(error_of(&raw.command(&[&[INIT_DB], &b"nope"[..]].concat()).unwrap()).unwrap().0, 1049);
    assert_eq!(raw.command(&[&[INIT_DB], &b"information_schema"[..]].concat()).unwrap()[0], 0);
    let mut other = connect(&server);
    let id = other.connection_id().to_le_bytes();
    assert_eq!(raw.command(&[&[KILL], &id[..]].concat()).unwrap()[0], 0);
    assert!(other.query_drop("set @a = 1").is_err());
    assert_eq!(error_of(&raw.command(&[KILL, 255, 255, 255, 255]).unwrap()).unwrap().0, 1094);
}

#[test]
fn errors_are_those_of_the_shell() {
    let server = start();
    let mut raw = Raw::login(server.address(), PLAIN).unwrap();
    let mut session = allod::Database::new().session();
    for sql in [
        "selec",
        "select * from nope",
        "select nope",
        "use nope",
        "set nope = 1",
        "select 1 from (select 1, 2) x (a)",
    ] {
        let packet = raw.query(sql).unwrap();
        let want = session.execute(sql).unwrap_err();
        assert_eq!(error_of(&packet), Some((want.code(), want.message().to_string())), "{sql}");
        assert_eq!(&packet[4..9], want.sqlstate().as_bytes(), "{sql}");
    }
}

#[test]
fn a_connection_is_reset_and_changes_its_user() {
    let server = start_with(with_password("secret"));
    assert!(Conn::new(options(&server)).is_err());
    assert!(Conn::new(options(&server).pass(Some("wrong"))).is_err());
    assert!(Conn::new(options(&server).pass(Some("secret")).user(Some("nobody"))).is_err());
    assert!(Conn::new(options(&server).pass(Some("secret")).db_name(Some("nope"))).is_err());
    let mut client = Conn::new(options(&server).pass(Some("secret"))).unwrap();
    client.query_drop("create database d").unwrap();
    client.query_drop("use d").unwrap();
    client.query_drop("set @a = 1").unwrap();
    let a = |client: &mut Conn| {
        client.query_first::<(Option<i64>, Option<String>), _>("select @a, database()").unwrap().unwrap()
    };
    client.reset().unwrap();
    assert_eq!(a(&mut client), (None, Some("d".into())));
    client.query_drop("set @a = 1").unwrap();
    let change = |password: &str| {
        ChangeUserOpts::new()
            .with_user(Some("root".into()))
            .with_pass(Some(password.into()))
            .with_db_name(Some("test".into()))
    };
    client.change_user(change("secret")).unwrap();
    assert_eq!(a(&mut client), (None, Some("test".into())));
    assert!(client.change_user(change("wrong")).is_err());
}

#[test]
fn statements_and_connections_are_killed() {
    let server = start();
    let (mut one, mut two) = (connect(&server), connect(&server));
    two.query_drop("create table n (v int primary key)").unwrap();
    let all: Vec<String> = (0..2000).map(|v| format!("({v})")).collect();
    two.query_drop(format!("insert into n values {}", all.join(","))).unwrap();
    let id: u64 = one.query_first("select connection_id()").unwrap().unwrap();
    let long = "select count(*) from n a, n b, n c where a.v + b.v + c.v < 0";
    let running = std::thread::spawn(move || (code(one.query_drop(long)), one));
    let seen = |client: &mut Conn| {
        let list: Vec<Row> = client.query("show processlist").unwrap();
        list.iter().any(|row| {
            row.get::<u64, _>(0) == Some(id) && row.get::<Option<String>, _>(7) == Some(Some(long.into()))
        })
    };
    let begun = Instant::now();
    while !seen(&mut two) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not on the list");
    }
    two.query_drop(format!("kill query {id}")).unwrap();
    let (killed, mut one) = running.join().unwrap();
    assert_eq!(killed, 1317);
    // The connection is still there.
    assert_eq!(one.query_first("select 1").unwrap(), Some(1));
    let running =
        std::thread::spawn(move || one.query_drop(long).is_err() && one.query_drop("select 1").is_err());
    while !seen(&mut two) {}
    two.query_drop(format!("kill {id}")).unwrap();
    assert!(running.join().unwrap());
    assert_eq!(code(two.query_drop(format!("kill {id}"))), 1094);
    // An idle one goes, too.
    let mut three = connect(&server);
    let id = three.connection_id();
    two.query_drop(format!("kill {id}")).unwrap();
    assert!(three.query_drop("select 1").is_err());
}

#[test]
fn a_statement_that_is_long_this_time_holds_up_nobody() {
    let server = start();
    // Enough of them that some are where the long one is.
    let mut others: Vec<Conn> = (0..8).map(|_| connect(&server)).collect();
    let mut one = connect(&server);
    let id = one.connection_id();
    let times = |n: u64| format!("select benchmark({n}, md5('a'))");
    for _ in 0..20 {
        assert_eq!(one.query_first(times(1)).unwrap(), Some(0));
    }
    // For hours, if nobody ends it.
    let running = std::thread::spawn(move || code(one.query_drop(times(1 << 40))));
    let runs =
        format!("select count(*) from information_schema.processlist where id = {id} and command = 'Query'");
    let begun = Instant::now();
    while others[0].query_first(&runs).unwrap() != Some(1) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not on the list");
    }
    for other in &mut others {
        assert_eq!(other.query_first("select 1").unwrap(), Some(1));
    }
    assert_eq!(connect(&server).query_first("select 1").unwrap(), Some(1));
    others[7].query_drop(format!("kill query {id}")).unwrap();
    assert_eq!(running.join().unwrap(), 1317);
}

#[test]
fn a_client_that_vanishes_takes_its_statement_with_it() {
    let server = start();
    let mut two = connect(&server);
    two.query_drop("create table n (v int primary key)").unwrap();
    let all: Vec<String> = (0..2000).map(|v| format!("({v})")).collect();
    two.query_drop(format!("insert into n values {}", all.join(","))).unwrap();
    let mut raw = Raw::login(server.address(), PLAIN).unwrap();
    raw.restart();
    raw.send(b"\x03select count(*) from n a, n b, n c, n d where a.v + b.v + c.v < 0").unwrap();
    let others = |client: &mut Conn| client.query::<Row, _>("show processlist").unwrap().len() - 1;
    let begun = Instant::now();
    while two
        .query_first::<u64, _>("select count(*) from information_schema.processlist where command = 'Query'")
        .unwrap()
        < Some(2)
    {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not run");
    }
    drop(raw);
    while others(&mut two) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_vanishes_while_it_waits_gives_its_locks_back() {
    let server = start();
    let mut holder = connect(&server);
    holder.query_drop("create table t (id int primary key, v int)").unwrap();
    holder.query_drop("insert into t values (1, 0), (2, 0)").unwrap();
    let mut raw = Raw::login(server.address(), PLAIN).unwrap();
    // Short ones, which run where the connection's task does.
    for _ in 0..3 {
        for sql in ["begin", "update t set v = v + 1 where id = 1", "rollback"] {
            assert_eq!(raw.query(sql).unwrap()[0], 0, "{sql}");
        }
    }
    holder.query_drop("begin").unwrap();
    holder.query_drop("update t set v = 7 where id = 1").unwrap();
    raw.query("begin").unwrap();
    raw.query("update t set v = 8 where id = 2").unwrap();
    raw.restart();
    raw.send(b"\x03update t set v = v + 1 where id = 1").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    drop(raw);
    let begun = Instant::now();
    connect(&server).query_drop("update t set v = 9 where id = 2").unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "it waited for a client that was gone");
}

#[test]
fn who_is_killed_gets_one_answer_and_no_more() {
    let server = start();
    let mut other = connect(&server);
    other.query_drop("create table n (v int primary key)").unwrap();
    let all: Vec<String> = (0..2000).map(|v| format!("({v})")).collect();
    other.query_drop(format!("insert into n values {}", all.join(","))).unwrap();
    let mut raw = Raw::login(server.address(), PLAIN | MULTI).unwrap();
    raw.restart();
    raw.send(b"\x03select count(*) from n a, n b, n c where a.v + b.v + c.v < 0; delete from n").unwrap();
    let running = "select id from information_schema.processlist where command = 'Query' and info like '%delete%' and id <> connection_id()";
    let begun = Instant::now();
    let id: u64 = loop {
        if let Some(id) = other.query_first(running).unwrap() {
            break id;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not run");
    };
    other.query_drop(format!("kill {id}")).unwrap();
    assert_eq!(error_of(&raw.packet().unwrap()).unwrap().0, 1317);
    assert!(raw.until_closed().unwrap().is_empty());
    assert_eq!(other.query_first("select count(*) from n").unwrap(), Some(2000));
    // One that is idle gets nothing.
    let mut idle = Raw::login(server.address(), PLAIN).unwrap();
    let id =
        other.query_first::<u64, _>("select max(id) from information_schema.processlist").unwrap().unwrap();
    other.query_drop(format!("kill {id}")).unwrap();
    assert!(idle.until_closed().unwrap().is_empty());
}

#[test]
fn limits_of_connections_and_of_patience() {
    let database = allod::Database::new();
    database.session().run("set global max_connections = 2").unwrap();
    let server = serve(database, Options::default());
    let (mut one, two) = (connect(&server), connect(&server));
    let refused = Raw::connect(server.address()).unwrap().packet().unwrap();
    assert_eq!(error_of(&refused).unwrap().0, 1040);
    drop(two);
    let begun = Instant::now();
    let mut three = loop {
        match Conn::new(options(&server)) {
            Ok(conn) => break conn,
            Err(_) => assert!(begun.elapsed() < Duration::from_secs(30), "the place is not free"),
        }
    };
    three.query_drop("set wait_timeout = 1").unwrap();
    one.query_drop("set max_execution_time = 20").unwrap();
    one.query_drop("create table n (v int)").unwrap();
    let all: Vec<String> = (0..2000).map(|v| format!("({v})")).collect();
    one.query_drop(format!("insert into n values {}", all.join(","))).unwrap();
    assert_eq!(code(one.query_drop("select count(*) from n a, n b, n c where a.v + b.v + c.v < 0")), 3024);
    let begun = Instant::now();
    while one.query_first("select count(*) from information_schema.processlist").unwrap() == Some(2) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(three.query_drop("select 1").is_err());
}

#[test]
fn a_server_that_ends_lets_statements_end() {
    let server = start();
    let (mut idle, mut busy) = (connect(&server), connect(&server));
    busy.query_drop("create table n (v int)").unwrap();
    let all: Vec<String> = (0..1000).map(|v| format!("({v})")).collect();
    busy.query_drop(format!("insert into n values {}", all.join(","))).unwrap();
    let (sender, begun) = std::sync::mpsc::channel();
    let running = std::thread::spawn(move || {
        sender.send(()).unwrap();
        busy.query_first::<u64, _>(
            "select count(*) from n a, n b, n c where a.v + b.v + c.v >= 0 and c.v < 20",
        )
    });
    begun.recv().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let address = server.address();
    server.stop();
    assert_eq!(running.join().unwrap().unwrap(), Some(20_000_000));
    assert!(idle.query_drop("select 1").is_err());
    assert!(Raw::connect(address).and_then(|mut raw| raw.packet()).is_err());
}

#[test]
fn connections_are_encrypted_if_they_want_to_be() {
    let tls = allod::server::Tls::self_made().unwrap();
    let server = start_with(Options { tls: Some(tls), ..with_password("secret") });
    let plain = options(&server).pass(Some("secret"));
    let any = mysql::SslOpts::default()
        .with_danger_accept_invalid_certs(true)
        .with_danger_skip_domain_validation(true);
    for options in [plain.clone(), plain.clone().ssl_opts(Some(any.clone()))] {
        let mut client = Conn::new(options).unwrap();
        let text = "x".repeat(100_000);
        assert_eq!(client.exec_first("select ?", (&text,)).unwrap(), Some(text));
    }
    // Who wants to know to whom it speaks is not content.
    assert!(Conn::new(plain.ssl_opts(Some(mysql::SslOpts::default()))).is_err());
    let unencrypted = start();
    assert!(Conn::new(options(&unencrypted).ssl_opts(Some(any))).is_err());
}

#[test]
fn the_cluster_may_be_a_simulated_one() {
    use allod::{ClusterConfig, Database, SimulatedConfig, TransportConfig};
    let transport = TransportConfig::Simulated(SimulatedConfig::default());
    let cluster = ClusterConfig { transport, ..ClusterConfig::default() };
    let server = serve(Database::builder().cluster(cluster).build(), Options::default());
    let mut clients: Vec<Conn> = (0..4).map(|_| connect(&server)).collect();
    clients[0].query_drop("create table t (id int primary key, v int)").unwrap();
    clients[0].query_drop("insert into t values (1, 0)").unwrap();
    let running: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            std::thread::spawn(move || {
                for _ in 0..5 {
                    client.query_drop("begin").unwrap();
                    client.query_drop("update t set v = v + 1 where id = 1").unwrap();
                    client.query_drop("commit").unwrap();
                }
                client.query_first::<i64, _>("select v from t where id = 1").unwrap()
            })
        })
        .collect();
    let seen: Vec<Option<i64>> = running.into_iter().map(|client| client.join().unwrap()).collect();
    assert!(seen.contains(&Some(20)), "{seen:?}");
}

#[test]
fn others_can_only_reach_a_server_that_has_a_password_or_means_it() {
    let everywhere = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let start =
        |options: Options| Server::start(allod::Database::new(), Options { address: everywhere, ..options });
    let refused = start(Options::default()).err().expect("it is not safe");
    assert!(refused.message().contains("--insecure"), "{refused}");
    assert!(start(with_password("x")).is_ok());
    assert!(start(Options { insecure: true, ..Options::default() }).is_ok());
}

#[test]
fn a_session_that_waits_for_a_lock_leaves_the_thread_to_others() {
    let server = start();
    let mut holder = connect(&server);
    holder.query_drop("create table t (id int primary key, v int)").unwrap();
    holder.query_drop("insert into t values (1, 0)").unwrap();
    let update = "update t set v = v + 1 where id = 1";
    // More waiters than the server has threads for tasks; each has run the statement before, when it was short.
    let mut waiters: Vec<Conn> = (0..24).map(|_| connect(&server)).collect();
    for waiter in &mut waiters {
        waiter.query_drop(update).unwrap();
        waiter.query_drop(update).unwrap();
    }
    holder.query_drop("begin").unwrap();
    holder.query_drop(update).unwrap();
    let running: Vec<_> = waiters
        .into_iter()
        .map(|mut waiter| {
            std::thread::spawn(move || {
                waiter.query_drop("begin").unwrap();
                waiter.query_drop(update).unwrap();
                waiter.query_drop("commit").unwrap();
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    holder.query_drop("commit").unwrap();
    running.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert_eq!(holder.query_first("select v from t").unwrap(), Some(24 * 3 + 1));
}
