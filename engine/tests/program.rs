//! The program `allod` as a script sees it: what goes to which stream, and the exit status.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use allod::Database;

const TABLE: &str = "create table t (id bigint primary key, s varchar(20), d decimal(6,2));
insert into t values (1, 'one', 1.5), (2, null, null);";

/// Runs the program with arguments and a standard input.
fn allod(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_allod"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A program that has seen enough closes its end, which is no concern of these tests.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn results_are_tab_separated_in_a_pipe_and_as_asked_otherwise() {
    let want = [
        ("tsv", "id\ts\td\n1\tone\t1.50\n2\tNULL\tNULL\n"),
        ("csv", "id,s,d\n1,one,1.50\n2,,\n"),
        ("ndjson", "{\"id\": 1, \"s\": \"one\", \"d\": 1.50}\n{\"id\": 2, \"s\": null, \"d\": null}\n"),
        ("markdown", "| id | s | d |\n| ---: | --- | ---: |\n| 1 | one | 1.50 |\n| 2 | NULL | NULL |\n\n"),
    ];
    for (format, text) in want {
        let output = allod(&["--format", format, "-e", TABLE, "-e", "select * from t"], b"");
        assert_eq!((out(&output).as_str(), output.status.code()), (text, Some(0)), "{}", err(&output));
    }
    let output = allod(&[], format!("{TABLE}select * from t;").as_bytes());
    assert_eq!(out(&output), want[0].1);
}

#[test]
fn an_error_ends_a_script_and_points_at_its_place() {
    let output = allod(&[], b"select 1;\nselect 2,\n  nope from dual;\nselect 3;");
    assert_eq!((out(&output).as_str(), output.status.code()), ("1\n1\n", Some(1)));
    let text = err(&output);
    assert!(text.starts_with("ERROR 1054 (42S22): Unknown column 'nope' in 'field list'\n"), "{text}");
    assert!(text.contains("  3 |   nope from dual;\n    |   ^\n"), "{text}");
}

#[test]
fn arguments_that_make_no_sense_are_told() {
    for arguments in [
        &["-f", "no such file"][..],
        &["--format", "xml"],
        &["bench", "tpch", "--sf", "NaN"],
        &["bench", "tpch", "--sf", "-1"],
        &["bench", "tpch", "--sf", "0"],
        &["bench", "tpch", "--query", "23"],
        &["bench", "tpch", "--check", "no such folder"],
        &["bench", "run", "no such file"],
    ] {
        let output = allod(arguments, b"");
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {:?}", output.status);
        assert!(!output.stderr.is_empty() && !err(&output).contains("panicked"), "{}", err(&output));
    }
    // A comment looks like an option, and is none.
    assert_eq!(allod(&["-e", "-- nothing"], b"").status.code(), Some(0));
}

#[test]
fn a_megabyte_of_anything_is_one_error() {
    const BYTES: usize = 1 << 20;
    let garbage = |seed: u32, from: u8, to: u8| -> Vec<u8> {
        let mut state = seed;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            from + ((state >> 16) % u32::from(to - from)) as u8
        };
        (0..BYTES).map(step).collect()
    };
    let repeated = |text: &str| [b"select ", text.repeat(BYTES / text.len()).as_bytes()].concat();
    let inputs =
        [garbage(1, 0, 255), garbage(2, b' ', b'~'), repeated("("), repeated("1+"), repeated("not ")];
    for input in inputs {
        let output = allod(&[], &input);
        let text = err(&output);
        assert_eq!(output.status.code(), Some(1), "{}", &text[..text.len().min(200)]);
        assert!(text.len() < 2000 && !text.contains("panicked"), "{}", &text[..text.len().min(200)]);
    }
}

#[test]
fn the_figures_of_a_file_are_written_as_json() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let (script, json) = (dir.path().join("s.sql"), dir.path().join("s.json"));
    let text =
        format!("-- setup\n{TABLE}\n-- name: a first\nselect id, s from t;\n-- name: b\nselect nope;\n");
    std::fs::write(&script, text).expect("the folder is writable");
    let paths = [&script, &json].map(|path| path.to_str().expect("temporary paths are UTF-8"));
    let output = allod(&["bench", "run", paths[0], "--runs", "2", "--json", paths[1]], b"");
    assert_eq!(output.status.code(), Some(1), "a query failed");
    assert!(out(&output).contains("ERROR 1054"), "{}", out(&output));
    let text = std::fs::read_to_string(&json).expect("the figures are there");
    assert!(
        text.starts_with("{\"sf\":null,\"load_ms\":0.0,\"queries\":[{\"name\":\"a\",\"rows\":2,\"ms\":["),
        "{text}"
    );
    assert!(text.ends_with("],\"result\":[[\"1\",\"one\"],[\"2\",null]]}]}\n"), "{text}");
}

#[test]
fn a_query_that_would_take_days_ends_when_it_is_cancelled_or_dropped() {
    let database = Database::new();
    let mut session = database.session();
    session.run("create table n (v bigint)").expect("the table is new");
    let values: Vec<String> = (0..1000).map(|v| format!("({v})")).collect();
    session.run(&format!("insert into n values {}", values.join(","))).expect("the rows fit");
    for query in [
        "select count(*) from n a, n b, n c, n d where a.v + b.v + c.v + d.v > 5",
        "select a.v, b.v, c.v, d.v from n a, n b, n c, n d order by a.v + b.v + c.v + d.v limit 3",
    ] {
        let cancel = session.cancel_handle();
        let stopped = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
            Instant::now()
        });
        let code = session.execute(query).and_then(|rows| rows.collect_batches()).map_err(|e| e.code());
        let stopped = stopped.join().expect("it does not panic");
        assert_eq!(code, Err(1317), "{query}");
        assert!(stopped.elapsed() < Duration::from_secs(10), "{query}");
    }
    let mut rows = session.execute("select a.v from n a, n b").expect("it begins");
    assert!(rows.next().is_some_and(|batch| batch.is_ok()));
    drop(rows);
    assert_eq!(session.run("delete from n where v < 10").expect("the session is usable"), 10);
}

#[test]
fn a_simulated_cluster_can_be_broken_and_goes_on() {
    let script = "create table t (id int primary key, n int); insert into t values (1, 1);
        simulate store 1 crash; simulate link 2 -> 3 latency '5ms'; simulate after '60m' heal;
        update t set n = n + 1 where id = 1; select n from t; show simulation;";
    let output = allod(&["--stores", "5", "--simulate", "42,0.01,0.1", "-e", script], b"");
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    for line in
        ["n\n2\n", "seed\t42\n", "store 1\tdown\n", "store 5\tup\n", "link 2 -> 3\tlatency 5ms\n", "\tHEAL\n"]
    {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let refused = allod(&["--stores", "5", "-e", "simulate store 1 crash"], b"");
    assert!(err(&refused).contains("not simulated"), "{}", err(&refused));
    let wrong = allod(&["--simulate", "7,2"], b"");
    assert!(err(&wrong).contains("SEED,LOSS,LATENCY"), "{}", err(&wrong));
}
