//! Accounts over the wire: who is let in, as whom, and what becomes of those who are in when accounts change.

use allod::server::{Options, Server, Tls};
use allod_tests::server::{start, start_with, with_password};
use mysql::prelude::Queryable;
use mysql::{ChangeUserOpts, Conn, OptsBuilder, SslOpts};

fn options(server: &Server, user: &str, password: &str) -> OptsBuilder {
    OptsBuilder::new()
        .ip_or_hostname(Some("127.0.0.1"))
        .tcp_port(server.address().port())
        .user(Some(user))
        .pass(Some(password))
        .prefer_socket(false)
}

fn connect(server: &Server, user: &str, password: &str) -> Result<Conn, u16> {
    Conn::new(options(server, user, password)).map_err(|e| code_of(&e))
}

fn code_of(error: &mysql::Error) -> u16 {
    match error {
        mysql::Error::MySqlError(error) => error.code,
        other => panic!("{other}"),
    }
}

fn code<T: std::fmt::Debug>(result: mysql::Result<T>) -> u16 {
    code_of(&result.expect_err("it is refused"))
}

fn text(client: &mut Conn, sql: &str) -> String {
    client.query_first(sql).expect("it is allowed").expect("a row")
}

#[test]
fn accounts_log_in_in_both_ways() {
    let server = start();
    let mut root = connect(&server, "root", "").unwrap();
    for (user, plugin) in [("n", "mysql_native_password"), ("s", "caching_sha2_password")] {
        root.query_drop(format!("create user {user} identified with {plugin} by 'secret'")).unwrap();
        let mut client = connect(&server, user, "secret").unwrap();
        assert_eq!(text(&mut client, "select user()"), format!("{user}@127.0.0.1"));
        assert_eq!(text(&mut client, "select current_user()"), format!("{user}@%"));
        assert_eq!(connect(&server, user, "wrong").unwrap_err(), 1045);
        assert_eq!(connect(&server, user, "").unwrap_err(), 1045);
        root.query_drop(format!("alter user {user} identified by 'other'")).unwrap();
        assert_eq!(connect(&server, user, "secret").unwrap_err(), 1045);
        assert!(connect(&server, user, "other").is_ok());
        // Who is in stays in.
        assert_eq!(text(&mut client, "select 'in'"), "in");
    }
    assert_eq!(connect(&server, "nobody", "").unwrap_err(), 1045);
    // Of what others keep of a password.
    root.query_drop(
        "create user h identified with mysql_native_password as '*F3A2A51A9B0F2BE2468926B4132313728C250DBF'",
    )
    .unwrap();
    assert!(connect(&server, "h", "foo").is_ok());
    assert_eq!(connect(&server, "h", "bar").unwrap_err(), 1045);
}

#[test]
fn a_hash_that_needs_the_password_itself_asks_for_it_over_tls() {
    let tls = Tls::self_made().unwrap();
    let server = start_with(Options { tls: Some(tls), ..Options::default() });
    let mut root = connect(&server, "root", "").unwrap();
    root.query_drop("create user a identified with caching_sha2_password by 'secret'").unwrap();
    let hash = text(&mut root, "select authentication_string from mysql.user where user = 'a'");
    root.query_drop(format!("create user b identified with caching_sha2_password as '{hash}'")).unwrap();
    root.query_drop("create user c identified by 'secret' require ssl").unwrap();
    root.query_drop("create user d identified by 'secret' require x509").unwrap();
    let any =
        SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true);
    let encrypted = |user: &str, password: &str| {
        Conn::new(options(&server, user, password).ssl_opts(Some(any.clone()))).map_err(|e| code_of(&e))
    };
    assert_eq!(text(&mut encrypted("b", "secret").unwrap(), "select current_user()"), "b@%");
    assert_eq!(encrypted("b", "wrong").unwrap_err(), 1045);
    assert_eq!(encrypted("b", "").unwrap_err(), 1045);
    assert!(encrypted("c", "secret").is_ok());
    assert_eq!(connect(&server, "c", "secret").unwrap_err(), 1045);
    assert_eq!(encrypted("d", "secret").unwrap_err(), 1045);
}

#[test]
fn where_somebody_comes_from_says_who_it_is() {
    let server = start();
    let mut root = connect(&server, "root", "").unwrap();
    root.query_drop("create user u@'%' identified by 'any', u@'127.0.%' identified by 'near', u@'10.%'")
        .unwrap();
    assert_eq!(connect(&server, "u", "any").unwrap_err(), 1045);
    assert_eq!(text(&mut connect(&server, "u", "near").unwrap(), "select current_user()"), "u@127.0.%");
    root.query_drop("create user u@localhost identified by 'here'").unwrap();
    assert_eq!(text(&mut connect(&server, "u", "here").unwrap(), "select current_user()"), "u@localhost");
    root.query_drop("drop user u@localhost, u@'127.0.%'").unwrap();
    assert_eq!(text(&mut connect(&server, "u", "any").unwrap(), "select current_user()"), "u@%");
    root.query_drop("drop user u").unwrap();
    assert_eq!(connect(&server, "u", "any").unwrap_err(), 1045);
    // Anybody.
    root.query_drop("create user ''@localhost").unwrap();
    let mut anybody = connect(&server, "somebody", "").unwrap();
    assert_eq!(text(&mut anybody, "select user()"), "somebody@127.0.0.1");
    assert_eq!(text(&mut anybody, "select current_user()"), "@localhost");
}

#[test]
fn locked_and_expired_accounts_and_roles_do_not_log_in() {
    let server = start();
    let mut root = connect(&server, "root", "").unwrap();
    root.query_drop("create user u identified by 'x' account lock").unwrap();
    assert_eq!(connect(&server, "u", "wrong").unwrap_err(), 1045);
    assert_eq!(connect(&server, "u", "x").unwrap_err(), 3118);
    root.query_drop("alter user u account unlock password expire").unwrap();
    assert_eq!(connect(&server, "u", "x").unwrap_err(), 1862);
    root.query_drop("set password for u = 'y'").unwrap();
    assert!(connect(&server, "u", "y").is_ok());
    root.query_drop("create role r").unwrap();
    assert_eq!(connect(&server, "r", "").unwrap_err(), 3118);
}

#[test]
fn what_is_granted_and_taken_away_counts_for_who_is_connected() {
    let server = start();
    let mut root = connect(&server, "root", "").unwrap();
    root.query_drop("create table test.t (id int primary key, v int)").unwrap();
    root.query_drop("insert into test.t values (1, 10)").unwrap();
    root.query_drop("create user u identified by 'x'").unwrap();
    let with_database = |name: &str| Conn::new(options(&server, "u", "x").db_name(Some(name)));
    assert_eq!(code(with_database("test")), 1044);
    let mut client = connect(&server, "u", "x").unwrap();
    assert_eq!(code(client.query_drop("select v from test.t where id = 1")), 1142);
    assert_eq!(code(client.prep("select v from test.t where id = ?")), 1142);
    assert_eq!(code(client.query_drop("use test")), 1044);
    root.query_drop("grant select on test.t to u").unwrap();
    assert!(with_database("test").is_ok());
    let prepared = client.prep("select v from test.t where id = ?").unwrap();
    for _ in 0..3 {
        assert_eq!(client.exec_first::<i64, _, _>(&prepared, (1,)).unwrap(), Some(10));
        assert_eq!(client.query_first::<i64, _>("select v from test.t where id = 1").unwrap(), Some(10));
    }
    root.query_drop("revoke select on test.t from u").unwrap();
    assert_eq!(code(client.exec_drop(&prepared, (1,))), 1142);
    assert_eq!(code(client.query_drop("select v from test.t where id = 1")), 1142);
    root.query_drop("grant select on test.* to u").unwrap();
    assert_eq!(client.exec_first::<i64, _, _>(&prepared, (1,)).unwrap(), Some(10));
    root.query_drop("drop user u").unwrap();
    assert_eq!(code(client.exec_drop(&prepared, (1,))), 1142);
    assert_eq!(text(&mut client, "select 'still here'"), "still here");
    assert_eq!(connect(&server, "u", "x").unwrap_err(), 1045);
}

#[test]
fn a_connection_becomes_another_account() {
    let server = start_with(with_password("secret"));
    let mut root = connect(&server, "root", "secret").unwrap();
    root.query_drop("create role r").unwrap();
    root.query_drop("create user u identified by 'x' default role r").unwrap();
    let mut client = connect(&server, "root", "secret").unwrap();
    let change = |user: &str, password: &str| {
        ChangeUserOpts::new().with_user(Some(user.into())).with_pass(Some(password.into()))
    };
    client.change_user(change("u", "x")).unwrap();
    assert_eq!(text(&mut client, "select current_user()"), "u@%");
    assert_eq!(text(&mut client, "select current_role()"), "`r`@`%`");
    assert_eq!(code(client.query_drop("select * from mysql.user")), 1142);
    client.query_drop("set role none").unwrap();
    client.reset().unwrap();
    assert_eq!(text(&mut client, "select current_user()"), "u@%");
    assert_eq!(text(&mut client, "select current_role()"), "`r`@`%`");
    let seen: Vec<mysql::Row> = client.query("show processlist").unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].get::<String, _>(1).as_deref(), Some("u"));
    let other: u64 = root.query_first("select connection_id()").unwrap().unwrap();
    assert_eq!(code(client.query_drop(format!("kill {other}"))), 1095);
    client.change_user(change("root", "secret")).unwrap();
    assert_eq!(text(&mut client, "select current_user()"), "root@%");
    assert!(client.change_user(change("u", "wrong")).is_err());
}

#[test]
fn the_password_of_root_is_that_of_the_account() {
    let server = start_with(with_password("secret"));
    let mut root = connect(&server, "root", "secret").unwrap();
    root.query_drop("set password = 'other'").unwrap();
    assert_eq!(connect(&server, "root", "secret").unwrap_err(), 1045);
    assert!(connect(&server, "root", "other").is_ok());
}
