//! SIMULATE and SHOW SIMULATION: what people see who break a cluster by hand. And the workloads that are about what only
//! sessions do.

use std::collections::BTreeMap;
use std::time::Duration;

use allod::{ClusterConfig, Database, Session};
use allod_tests::database::{Fresh, rows};
use allod_tests::simulate::run::{Kind, Options, run};
use allod_tests::slt::{Engine, Value};
use allod_tests::storm::network;

fn simulation(session: &mut Session) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    };
    let all = rows(session, "show simulation").expect("shows");
    all.iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
}

fn database() -> Database {
    let config = ClusterConfig { stores: 3, transport: network(5), ..ClusterConfig::default() };
    let database = Database::builder().cluster(config).build();
    let mut session = database.session();
    session.run("create table t (id int primary key, n int)").expect("creates");
    session.run("insert into t values (1, 10), (2, 20)").expect("inserts");
    database
}

#[test]
fn a_crash_is_seen_survived_and_healed() {
    let database = database();
    let mut session = database.session();
    let before = simulation(&mut session);
    assert_eq!((before["seed"].as_str(), before["store 2"].as_str()), ("5", "up"));
    // Whichever store leads the table: each is away once.
    for store in 1..=3 {
        session.run(&format!("simulate store {store} crash")).expect("crashes");
        assert_eq!(simulation(&mut session)[&format!("store {store}")], "down");
        session.run("update t set n = n + 1 where id = 1").expect("another store leads");
        session.run(&format!("SIMULATE STORE {store} RESTART")).expect("restarts");
    }
    let sum = rows(&mut session, "select sum(n) from t").expect("reads");
    assert_eq!(sum, [[Value::Text("33".into())]]);
    let after = simulation(&mut session);
    assert_ne!(after["elections"], "0");
    assert!(after["messages"].parse::<u64>().expect("a number") > 10);
}

#[test]
fn what_is_wrong_is_shown_until_it_is_healed() {
    let database = database();
    let mut session = database.session();
    for statement in [
        "simulate seed 42",
        "simulate link 1 -> 3 latency '20ms'",
        "simulate link client -> 2 loss 0.25",
        "simulate store 2 slow '3ms'",
        "simulate store 2 busy 0.5",
        "simulate partition (1, client, pd, 2), (3)",
        "simulate pd offset '-2s'",
        "simulate region split at 3 prewrite",
        "simulate link 2 -> pd loss 0.5",
        "simulate link 1 -> 2 jitter '5ms'",
        "simulate after '3600s' store 1 crash",
        "simulate after '90m' heal",
    ] {
        session.run(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let now = simulation(&mut session);
    let expected = [
        ("seed", "42"),
        ("store 1", "up"),
        ("store 2", "up, busy 0.5, slow by 3ms"),
        ("link 1 -> 3", "latency 20ms"),
        ("link CLIENT -> 2", "loss 0.25"),
        ("partition", "PARTITION (1, CLIENT, PD, 2), (3)"),
        ("clock", "PD OFFSET '-2000ms'"),
        ("waiting for a command", "REGION SPLIT AT 3 PREWRITE"),
        ("link 2 -> PD", "loss 0.5"),
        ("link 1 -> 2", "jitter 5ms"),
    ];
    for (item, state) in expected {
        assert_eq!(now.get(item).map(String::as_str), Some(state), "{item}");
    }
    let steps = |now: &BTreeMap<String, String>| {
        let steps = now.iter().filter(|(item, _)| item.starts_with("in "));
        steps.map(|(_, fault)| fault.clone()).collect::<Vec<_>>()
    };
    assert_eq!(steps(&now), ["STORE 1 CRASH", "HEAL"], "in an hour, less what has passed since");
    session.run("simulate heal").expect("heals");
    let healed = simulation(&mut session);
    for (item, _) in &expected[3..] {
        assert!(!healed.contains_key(*item), "{item}");
    }
    assert_eq!(healed["store 2"], "up");
    assert_eq!(steps(&healed).len(), 2, "what is to come still comes");
}

#[test]
fn a_step_begins_in_its_time() {
    let database = database();
    let mut session = database.session();
    session.run("simulate after '300ms' store 3 slow '1ms'").expect("is put down");
    assert_eq!(simulation(&mut session)["store 3"], "up");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(simulation(&mut session)["store 3"], "up, slow by 1ms");
}

#[test]
fn what_cannot_be_is_an_error() {
    let database = database();
    let mut session = database.session();
    let mut error = |sql: &str| {
        let error = session.run(sql).expect_err(sql);
        (error.code(), error.message().to_string())
    };
    assert_eq!(error("simulate store 9 crash"), (1210, "There is no store 9".to_string()));
    assert_eq!(error("simulate link 1 -> 1 cut"), (1210, "No messages travel from 1 to 1".to_string()));
    assert_eq!(error("simulate after '1s' store 9 crash"), (1210, "There is no store 9".to_string()));
    let (code, message) = error("simulate store 2 explode");
    assert_eq!(code, 1064);
    assert!(message.ends_with("line 1 column 24 near \"explode\" "), "{message}");
    let refused = Fresh::new().run("simulate store 1 crash").expect_err("direct mode");
    assert!(refused.contains("not simulated"), "{refused}");
    assert!(Fresh::new().run("show simulation").expect_err("direct mode").contains("not simulated"));
}

#[test]
fn sessions_among_others_on_a_cluster_that_is_not_well_do_as_they_say() {
    const SEEDS: u64 = 3;
    for kind in [Kind::SqlCounter, Kind::SqlQueue, Kind::SqlSavepoint, Kind::SqlPast, Kind::SqlKill] {
        let mut met: BTreeMap<&str, usize> = BTreeMap::new();
        for seed in 1..=SEEDS {
            let report = run(&Options { seconds: 20, ..Options::new(seed, kind) });
            assert_eq!(report.violations, [""; 0], "{} {seed}: {report}", kind.name());
            for (name, times) in report.met {
                *met.entry(name).or_default() += times;
            }
        }
        assert!(!met.is_empty() && met.values().all(|times| *times > 10), "{}: {met:?}", kind.name());
    }
}
