//! How index joins over partitions end when they cannot end well: over a network that loses messages the error of a worker
//! always arrives, whatever it is; nobody waits for ever, and nothing is answered that is short of rows. And where a join ends
//! well, what was lost on the way is told and does not show in the answer.

use std::time::{Duration, Instant};

use allod::{ClusterConfig, Database, Session, SimulatedConfig, TransportConfig};

const SEEDS: u64 = 4;
/// Longer than any of it takes on a slow machine, and shorter than for ever.
const PATIENCE: Duration = Duration::from_secs(60);

const SETUP: &[&str] = &[
    "set cte_max_recursion_depth = 5000",
    "create table o (a int primary key, k int, v int, key k (k)) partition by hash (a) partitions 4",
    "create table i (a int primary key, k int, v int, key k (k)) partition by hash (a) partitions 4",
    "insert into o with recursive n as (select 1 x union all select x + 1 from n where x < 1500) select x, x % 350, x from n",
    "insert into i with recursive n as (select 1 x union all select x + 1 from n where x < 1000) select x, x % 250, x * 3 from n",
    "split table i by (250), (500), (750)",
];

const HINTS: &[&str] = &["inl_join(i)", "inl_hash_join(i)", "inl_join(i) use_index(i, k)"];

fn session(seed: Option<u64>) -> Session {
    let builder = Database::builder().workers(3);
    let database = match seed {
        None => builder.build(),
        Some(seed) => {
            let simulated = SimulatedConfig {
                seed,
                latency: Duration::from_micros(100),
                jitter: Duration::from_micros(50),
                loss: 0.02,
                send_timeout: Duration::from_millis(5),
                ..SimulatedConfig::default()
            };
            let transport = TransportConfig::Simulated(simulated);
            builder.cluster(ClusterConfig { transport, ..ClusterConfig::default() }).build()
        }
    };
    let mut session = database.session();
    for sql in SETUP {
        session.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    session
}

/// The rows as text, or the code of the error.
fn end(session: &mut Session, sql: &str) -> Result<Vec<String>, u16> {
    let began = Instant::now();
    let result = session.execute(sql).and_then(|result| {
        let width = result.columns().len();
        let text = |row: allod::Result<allod::Row>| {
            row.map(|row| (0..width).map(|c| row.value(c).to_string()).collect::<Vec<_>>().join(" "))
        };
        result.rows().map(text).collect::<allod::Result<Vec<String>>>()
    });
    assert!(began.elapsed() < PATIENCE, "{sql} took {:?}", began.elapsed());
    result.map_err(|e| e.code())
}

#[test]
fn errors_arrive_and_answers_are_whole() {
    let joins = [
        ("count(*), sum(i.v), sum(o.v)", "o join i on i.a = o.k"),
        ("count(*), sum(i.v), count(i.a)", "o left join i on i.k = o.k and i.v > 300"),
        ("count(*)", "o where not exists (select 1 from i where i.a = o.a and i.v > 10)"),
        ("o.a, i.v", "o join i on i.a = o.a where o.k < 300 order by o.a limit 7"),
    ];
    let errors = [
        // Of a row of one worker, of its sum, of memory, and of time.
        (1690, "", "count(*)", "o join i on i.a = o.a where i.v + 9223372036854772808 > o.v"),
        (1690, "", "sum(i.v * 9223372036854775807)", "o join i on i.a = o.k"),
        (
            8175,
            "memory_quota(1 MB)",
            "count(distinct concat(i.v, repeat('x', 400), o.a))",
            "o join i on i.k = o.k",
        ),
        (
            3024,
            "max_execution_time(1)",
            "count(*)",
            "o join i on i.k = o.k join i j on j.k = i.k join i l on l.k = j.k",
        ),
    ];
    let mut quiet = session(None);
    for seed in 0..SEEDS {
        let mut session = session(Some(seed));
        for hint in HINTS {
            for (columns, from) in joins {
                let wanted = end(&mut quiet, &format!("select /*+ hash_join(o, i) */ {columns} from {from}"));
                let found = end(&mut session, &format!("select /*+ {hint} */ {columns} from {from}"));
                assert!(wanted.is_ok() && found == wanted, "seed {seed}, {hint}: {from}: {found:?}");
            }
            for (code, limit, columns, from) in errors {
                let found = end(&mut session, &format!("select /*+ {hint} {limit} */ {columns} from {from}"));
                assert_eq!(found, Err(code), "seed {seed}, {hint}: {columns} from {from}");
            }
        }
        let told = end(
            &mut session,
            "explain analyze select /*+ inl_join(i) */ count(*) from o join i on i.a = o.k",
        );
        assert!(told.is_ok_and(|rows| rows.iter().any(|row| row.contains("rpc_info:{Cop:{num_rpc:"))));
    }
}
