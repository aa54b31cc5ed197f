//! Real clients against the server: the mariadb command line, PyMySQL, SQLAlchemy, mysql2 for Node, `mysql_async`, sysbench.
//!
//! `tests/clients/install.sh` installs those that do not come with cargo; a client that is not there is left out, and the test
//! says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use allod::server::Server;
use allod_tests::server::{start, start_with, with_password};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_path_buf()
}

/// Where clients are installed.
fn installed(what: &str) -> PathBuf {
    workspace().join("target/clients").join(what)
}

fn script(name: &str) -> PathBuf {
    workspace().join("tests/clients").join(name)
}

/// What a program printed, if it can be run here; the test fails if the program does.
fn run(command: &mut Command) -> Option<String> {
    let output: Output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => {
            println!(
                "LEFT OUT: {:?} cannot be run here ({error}); see tests/clients/install.sh",
                command.get_program()
            );
            return None;
        }
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    Some(out.into_owned())
}

/// Runs a script of Python that prints "ok" at its end.
fn python(name: &str, server: &Server, needs: &str) {
    let python = installed("venv/bin/python");
    if !python.exists() {
        return println!("LEFT OUT: {name} needs {needs}; see tests/clients/install.sh");
    }
    let out = run(Command::new(python).arg(script(name)).arg(server.address().port().to_string()));
    assert_eq!(out.as_deref().map(str::trim), Some("ok"));
}

#[test]
fn pymysql() {
    python("pymysql_client.py", &start(), "PyMySQL");
}

#[test]
fn sqlalchemy() {
    python("sqlalchemy_client.py", &start(), "SQLAlchemy");
}

#[test]
fn mysql2_for_node() {
    let modules = installed("node_modules");
    if !modules.join("mysql2").exists() {
        return println!("LEFT OUT: mysql2; see tests/clients/install.sh");
    }
    let server = start();
    let mut node = Command::new("node");
    node.arg(script("mysql2_client.mjs"))
        .arg(server.address().port().to_string())
        .env("NODE_MODULES", modules);
    if let Some(out) = run(&mut node) {
        assert_eq!(out.trim(), "ok");
    }
}

fn mariadb(server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new("mariadb");
    let port = server.address().port().to_string();
    command.args(["--no-defaults", "-h", "127.0.0.1", "-u", "root", "-P", &port]).args(arguments);
    command
}

#[test]
fn the_command_line_of_mariadb() {
    let server = start_with(with_password("secret"));
    let sql = "create table t (id int primary key, s varchar(10)); insert into t values (1, 'a'), (2, null); select * from t; show tables";
    let Some(out) = run(&mut mariadb(&server, &["-psecret", "test", "-e", sql])) else { return };
    assert_eq!(out, "id\ts\n1\ta\n2\tNULL\nTables_in_test\nt\n");
    let status = run(&mut mariadb(&server, &["-psecret", "-e", "status"])).unwrap_or_default();
    assert!(status.contains("8.0.11-TiDB-") && status.contains("root@127.0.0.1"), "{status}");
    let vertical = run(&mut mariadb(&server, &["-psecret", "test", "-vvv", "-e", "update t set s = 'b'\\G"]))
        .unwrap_or_default();
    assert!(
        vertical.contains("Query OK, 2 rows affected") && vertical.contains("Rows matched: 2  Changed: 2"),
        "{vertical}"
    );
    let wrong = mariadb(&server, &["-pwrong", "-e", "select 1"]).output().unwrap();
    let error = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        error.contains("ERROR 1045 (28000): Access denied for user 'root'@'127.0.0.1' (using password: YES)"),
        "{error}"
    );
    let unknown = mariadb(&server, &["-psecret", "test", "-e", "select nope from t"]).output().unwrap();
    let error = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(error.contains("ERROR 1054 (42S22) at line 1: Unknown column 'nope' in 'field list'"), "{error}");
}

#[test]
fn mysql_async() {
    use mysql_async::prelude::Queryable;
    use mysql_async::{Conn, OptsBuilder, Pool, TxOpts};
    let server = start_with(with_password("secret"));
    let address = server.address();
    let options = OptsBuilder::default()
        .ip_or_hostname(address.ip().to_string())
        .tcp_port(address.port())
        .prefer_socket(false)
        .user(Some("root"))
        .pass(Some("secret"))
        .db_name(Some("test"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut conn = Conn::new(options.clone()).await.unwrap();
        conn.query_drop("create table t (id int primary key, s varchar(20), b blob)").await.unwrap();
        let rows = (0..100).map(|i| (i, format!("row {i}"), (i % 2 == 0).then(|| vec![0u8, 255, i as u8])));
        conn.exec_batch("insert into t values (?, ?, ?)", rows).await.unwrap();
        let got: Vec<(i32, String, Option<Vec<u8>>)> =
            conn.exec("select * from t where id between ? and ? order by id", (7, 8)).await.unwrap();
        assert_eq!(got, [(7, "row 7".into(), None), (8, "row 8".into(), Some(vec![0, 255, 8]))]);
        let mut transaction = conn.start_transaction(TxOpts::default()).await.unwrap();
        transaction.query_drop("delete from t").await.unwrap();
        assert_eq!(transaction.affected_rows(), 100);
        transaction.rollback().await.unwrap();
        conn.reset().await.unwrap();
        assert_eq!(conn.query_first("select count(*) from t").await.unwrap(), Some(100));
        conn.disconnect().await.unwrap();
        let pool = Pool::new(options);
        let tasks = (0..32).map(|i| {
            let pool = pool.clone();
            async move {
                let mut conn = pool.get_conn().await.unwrap();
                let s: Option<String> = conn.exec_first("select s from t where id = ?", (i,)).await.unwrap();
                assert_eq!(s, Some(format!("row {i}")));
            }
        });
        futures_util::future::join_all(tasks).await;
        pool.disconnect().await.unwrap();
    });
}

/// Four workloads, as short as they can be and still have all 16 threads at it.
#[test]
fn sysbench() {
    let server = start();
    let port = server.address().port().to_string();
    let sysbench = |workload: &str, what: &str, threads: &str| {
        let mut command = Command::new("sysbench");
        command
            .args([
                workload,
                "--db-driver=mysql",
                "--mysql-host=127.0.0.1",
                "--mysql-user=root",
                "--mysql-db=test",
            ])
            .args([&format!("--mysql-port={port}"), "--tables=2", "--table-size=1000", "--time=3"])
            .args([&format!("--threads={threads}"), what]);
        run(&mut command)
    };
    if sysbench("oltp_read_write", "prepare", "1").is_none() {
        return;
    }
    for workload in ["oltp_point_select", "oltp_read_only", "oltp_read_write", "oltp_update_index"] {
        let out = sysbench(workload, "run", "16").expect("it was there a moment ago");
        let count = |what: &str| {
            let line =
                out.lines().find(|line| line.trim().starts_with(what)).unwrap_or_else(|| panic!("{out}"));
            line.split_whitespace()
                .find_map(|word| word.parse::<u64>().ok())
                .unwrap_or_else(|| panic!("{out}"))
        };
        assert!(count("total:") > 100, "{workload}: {out}");
        assert_eq!(count("reconnects:"), 0, "{workload}: {out}");
    }
}
