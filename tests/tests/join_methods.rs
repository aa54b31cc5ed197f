//! Random joins by every method, over several layouts of the same rows: all must answer alike, in order where one is given.
//!
//! `JOIN_SEED=17 JOIN_CASES=100` runs other cases. That a hint was followed is looked up in the plan; where it could not be,
//! there must be a warning (1815), and enough queries of each kind must have followed each hint for the test to mean anything.

use std::collections::BTreeMap;
use std::time::Duration;

use allod::{ClusterConfig, Database, Session};
use allod_storage::cluster::{SimulatedConfig, TransportConfig};
use allod_tests::database::rows;
use allod_tests::joins::queries::{Kind, Query};
use allod_tests::joins::tables::table;
use allod_tests::random::Random;
use allod_tests::slt::Value;

const CASES: u64 = 8;
const QUERIES: usize = 13;

/// The hints, with the operator that each asks for.
const METHODS: [(&str, &str); 4] = [
    ("HASH_JOIN", "HashJoin"),
    ("INL_JOIN", "IndexJoin"),
    ("INL_HASH_JOIN", "IndexHashJoin"),
    ("MERGE_JOIN", "MergeJoin"),
];

/// How often a hint was followed, by its name and the kind of join.
type Followed = BTreeMap<(&'static str, Kind), u64>;

#[test]
fn all_methods_of_joining_answer_alike() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let first = number("JOIN_SEED").unwrap_or(1);
    let cases = number("JOIN_CASES").unwrap_or(CASES);
    println!("seeds {first} to {}", first + cases - 1);
    let mut followed = Followed::new();
    for seed in first..first + cases {
        case(seed, &mut followed);
    }
    println!("{followed:?}");
    if cases >= CASES {
        for kind in [Kind::Inner, Kind::Left, Kind::Exists, Kind::NotExists, Kind::In, Kind::Three] {
            for (hint, _) in METHODS {
                let times = followed.get(&(hint, kind)).copied().unwrap_or(0);
                assert!(times >= 2, "{hint} was followed {times} times in joins of the kind {kind:?}");
            }
        }
    }
}

fn case(seed: u64, followed: &mut Followed) {
    let mut random = Random::new(seed);
    let (outer_rows, inner_rows) = (*random.pick(&[5, 30, 60]), *random.pick(&[0, 10, 50, 120]));
    let (outer_parts, inner_parts) = (random.chance(30), random.chance(60));
    let mut setup = table("o", outer_rows, outer_parts, false, &mut random);
    setup.extend(table("i", inner_rows, inner_parts, true, &mut random));
    if random.chance(50) {
        setup.push("ANALYZE TABLE o, i".into());
    }
    let mut sessions: Vec<Session> = layouts(seed).iter().map(|db| filled(db, &setup)).collect();
    for _ in 0..QUERIES {
        let query = Query::random(&mut random);
        let expected = answer(&mut sessions[0], &query, None);
        for (hint, operator) in METHODS {
            *followed.entry((hint, query.kind)).or_default() +=
                u64::from(is_followed(&mut sessions[0], &query, hint, operator, seed));
            for (layout, session) in sessions.iter_mut().enumerate() {
                let got = answer(session, &query, Some(hint));
                let text = query.with(Some(hint));
                assert!(
                    got == expected,
                    "seed {seed}, layout {layout}: {text}\n{got:?}\ninstead of\n{expected:?}\n{};",
                    setup.join(";\n")
                );
            }
        }
    }
}

/// One region and one worker; many small regions; and the same over a network, with lookups of a few rows each.
fn layouts(seed: u64) -> [Database; 3] {
    let small = ClusterConfig { region_bytes_max: 400, delta_rows_max: 8, ..ClusterConfig::default() };
    let simulated = SimulatedConfig {
        seed,
        latency: Duration::from_micros(20),
        jitter: Duration::from_micros(40),
        stale: 0.01,
        ..SimulatedConfig::default()
    };
    let network = ClusterConfig { transport: TransportConfig::Simulated(simulated), ..small.clone() };
    [
        Database::builder().workers(1).build(),
        Database::builder().workers(4).cluster(small).build(),
        Database::builder().workers(2).cluster(network).build(),
    ]
}

fn filled(db: &Database, setup: &[String]) -> Session {
    let mut session = db.session();
    for sql in setup {
        session.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    session
}

fn answer(session: &mut Session, query: &Query, hint: Option<&str>) -> Result<Vec<String>, String> {
    let found = rows(session, &query.with(hint)).map_err(|e| e.to_string())?;
    let mut found: Vec<String> = found.iter().map(|row| format!("{row:?}")).collect();
    if !query.ordered {
        found.sort();
    }
    Ok(found)
}

/// Whether the plan has the operator; if not there must be a warning.
fn is_followed(session: &mut Session, query: &Query, hint: &str, operator: &str, seed: u64) -> bool {
    let text = format!("EXPLAIN FORMAT = 'brief' {}", query.with(Some(hint)));
    let plan = rows(session, &text).unwrap_or_else(|e| panic!("seed {seed}: {text}: {e}"));
    let names: Vec<String> = plan
        .iter()
        .filter_map(|row| match &row[0] {
            Value::Text(id) => Some(id.trim_start_matches(['│', '├', '└', '─', ' ']).to_string()),
            _ => None,
        })
        .collect();
    let has = names.iter().any(|name| name.starts_with(operator));
    let warnings = rows(session, "SHOW WARNINGS").expect("they can be shown");
    assert!(has || !warnings.is_empty(), "seed {seed}: {text} is not followed without a word: {names:?}");
    has
}
