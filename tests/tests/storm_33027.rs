//! TiDB issue 33027 as a storm: "concurrent map writes" when the inner workers of index joins, pruning hash partitions, each
//! rewrote the partition expression and counted the functions in it in one map of the session.
//!
//! The shape of the crash: 16 sessions run index joins into a table that is hash-partitioned eight ways by an expression, under
//! dynamic pruning, with 8 inner workers each, while one session reads the usage of functions and another partitions a copy
//! of the table anew. In Allod the expression is rewritten once per statement into plain data, and what was counted comes
//! back by value, however often regions split and move under the joins and their lookups are sent again. So the usage that was counted can be predicted: for each statement what one lone run of it counts, times
//! how often it was run. It must be met exactly.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use allod::Database;
use allod_planner::catalog::Catalog;
use allod_storage::cluster::ClusterConfig;
use allod_tests::random::Random;
use allod_tests::storm::{
    Question, Trouble, Until, answer, ask, make_trouble, network, seed, sessions, spaces,
};

const KEYS: u64 = 2000;
const SESSIONS: usize = 16;
const TIME: Duration = Duration::from_secs(5);
/// The plan cache is off: every statement is rewritten, as in the crash.
const PREPARE: [&str; 4] = [
    "set tidb_partition_prune_mode = 'dynamic'",
    "set tidb_index_lookup_join_concurrency = 8",
    "set tidb_executor_concurrency = 8",
    "set tidb_enable_non_prepared_plan_cache = off",
];

type Counts = BTreeMap<String, u64>;

fn fill(db: &Database) {
    let mut session = db.session();
    let mut run = |sql: &str| session.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    run("create table o (id int primary key, k int, w int not null)");
    run("create table p (k int not null, n int not null, v int, primary key (k, n)) \
         partition by hash (k + 1) partitions 8");
    run("create table copy (k int not null, n int not null, v int, primary key (k, n)) \
         partition by hash (k + 1) partitions 8");
    let outer = |id: u64| match id % 11 {
        0 => format!("({id}, null, {})", id % 50),
        _ => format!("({id}, {}, {})", id * 31 % (KEYS + 200), id % 50),
    };
    run(&format!("insert into o values {}", (0..KEYS).map(outer).collect::<Vec<_>>().join(", ")));
    for first in (0..KEYS).step_by(500) {
        let rows =
            (first..first + 500).flat_map(|k| (0..k % 4).map(move |n| format!("({k}, {n}, {})", k % 13 + n)));
        let rows = rows.collect::<Vec<_>>().join(", ");
        run(&format!("insert into p values {rows}"));
        run(&format!("insert into copy values {rows}"));
    }
}

fn questions(quiet: &Database, random: &mut Random) -> Vec<Question> {
    let statements = (0..40).map(|i| {
        let low = random.below(KEYS as usize) as u64;
        let high = low + 20 + random.below(200) as u64;
        let w = random.below(50);
        match i % 5 {
            0 => format!(
                "select /*+ INL_JOIN(p) */ o.id, p.n, p.v from o join p on p.k = o.k where o.id between {low} and {high}"
            ),
            1 => format!(
                "select /*+ INL_HASH_JOIN(p) */ count(*), sum(p.v) from o join p on p.k = o.k \
                 where o.id between {low} and {high} and p.v > o.w % 5"
            ),
            2 => format!(
                "select /*+ INL_JOIN(p) */ o.id, p.v from o left join p on p.k = o.k and p.n < 2 where o.w = {w}"
            ),
            3 => format!(
                "select count(*) from o where o.id between {low} and {high} \
                 and exists (select /*+ INL_JOIN(p) */ 1 from p where p.k = o.k and p.v >= 3)"
            ),
            _ => format!(
                "select count(*), min(o.id) from o where o.id between {low} and {high} \
                 and not exists (select /*+ INL_JOIN(p) */ 1 from p where p.k = o.k)"
            ),
        }
    });
    ask(quiet, statements.collect::<Vec<_>>())
}

/// What all sessions of the database have used so far.
fn used(db: &Database) -> Counts {
    db.function_usage().functions.into_iter().map(|(name, counts)| (name, counts.six_hours)).collect()
}

/// What happened between two counts.
fn between(before: &Counts, after: &Counts) -> Counts {
    let grown = after.iter().map(|(name, n)| (name.clone(), n - before.get(name).copied().unwrap_or(0)));
    grown.filter(|(_, n)| *n > 0).collect()
}

/// What a lone run of the statement counts.
fn counted(quiet: &Database, sql: &str) -> Counts {
    let mut session = quiet.session();
    for prepare in PREPARE {
        session.run(prepare).unwrap_or_else(|e| panic!("{prepare}: {e}"));
    }
    let before = used(quiet);
    answer(&mut session, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    drop(session);
    between(&before, &used(quiet))
}

fn add(sum: &mut Counts, counts: &Counts, times: u64) {
    for (name, n) in counts {
        *sum.entry(name.clone()).or_default() += n * times;
    }
}

#[test]
fn index_joins_into_partitions_are_right_and_the_functions_they_use_are_counted_exactly() {
    let seed = seed();
    let mut random = Random::new(seed);
    let quiet = Database::builder().workers(1).build();
    fill(&quiet);
    let questions = questions(&quiet, &mut random);
    let expected: Vec<Counts> = questions.iter().map(|q| counted(&quiet, &q.sql)).collect();
    assert!(
        expected.iter().all(|counts| counts.contains_key("EQInt") && counts.contains_key("PlusInt")),
        "{expected:?}"
    );
    let repartition =
        [5, 8, 3].map(|n| format!("alter table copy partition by hash (k + {n}) partitions {n}"));
    let repartition_counts: Vec<Counts> = repartition.iter().map(|sql| counted(&quiet, sql)).collect();
    let all_of_copy = "select count(*), sum(k), sum(v) from copy";
    let copy = &ask(&quiet, [all_of_copy.to_string()])[0];
    let copy_counts = counted(&quiet, all_of_copy);

    let config = ClusterConfig { transport: network(seed), ..ClusterConfig::default() };
    let db = Database::builder().workers(8).cluster(config).build();
    fill(&db);
    let mut session = db.session();
    for question in &questions {
        let plan = answer(&mut session, &format!("explain {}", question.sql)).expect("it has a plan");
        let joins = |line: &String| line.contains("IndexJoin") || line.contains("IndexHashJoin");
        assert!(plan.iter().any(joins), "{}: {plan:#?}", question.sql);
    }
    drop(session);

    let before = used(&db);
    let table = db.catalog().table("test", "p").expect("it was made").descriptor;
    let spaces = spaces(&table, KEYS, KEYS);
    let (finished, trouble) = (AtomicBool::new(false), Trouble::default());
    let (reads, repartitioned) = (AtomicU64::new(0), AtomicU64::new(0));
    let enough = |statements: u64| {
        statements >= 200
            && reads.load(Ordering::Relaxed) >= 10
            && repartitioned.load(Ordering::Relaxed) >= 3
            && trouble.each_at_least(5)
    };
    let outcome = std::thread::scope(|scope| {
        let (db, finished, trouble, spaces) = (&db, &finished, &trouble, &spaces);
        let (reads, repartitioned) = (&reads, &repartitioned);
        scope.spawn(move || {
            let mut random = Random::new(seed ^ 0x33027);
            let mut client = db.cluster().client();
            make_trouble(&mut client, spaces, &mut random, finished, Duration::from_millis(1), trouble);
        });
        let reader = scope.spawn(move || {
            let mut session = db.session();
            let mut last = Counts::new();
            while !finished.load(Ordering::Relaxed) {
                let sql = "select `function`, six_hours from information_schema.builtin_function_usage";
                let rows = answer(&mut session, sql).expect("it can be read at any time");
                let cells = rows.iter().filter_map(|row| row.split_once('|'));
                let now: Counts =
                    cells.map(|(name, n)| (name.into(), n.parse().expect("a number"))).collect();
                for (name, n) in &last {
                    assert!(now[name] >= *n, "{name} was used {n} times and now {}", now[name]);
                }
                last = now;
                reads.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let (repartition, copy) = (&repartition, &copy);
        let partitioner = scope.spawn(move || {
            let mut session = db.session();
            for prepare in PREPARE {
                session.run(prepare).unwrap_or_else(|e| panic!("{prepare}: {e}"));
            }
            while !finished.load(Ordering::Relaxed) {
                let done = repartitioned.load(Ordering::Relaxed);
                let sql = &repartition[done as usize % repartition.len()];
                session.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
                assert_eq!(answer(&mut session, &copy.sql).expect("it can be read"), copy.rows, "{sql}");
                repartitioned.fetch_add(1, Ordering::Relaxed);
            }
        });
        let until = Until { time: TIME, enough: &enough };
        let outcome = sessions(db, SESSIONS, &questions, &PREPARE, seed, &until, finished);
        for side in [reader, partitioner] {
            side.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        outcome
    });
    let (reads, repartitioned) = (reads.into_inner(), repartitioned.into_inner());
    let mut predicted = Counts::new();
    for (at, times) in &outcome.runs {
        add(&mut predicted, &expected[*at], *times);
    }
    for done in 0..repartitioned {
        add(&mut predicted, &repartition_counts[done as usize % repartition_counts.len()], 1);
        add(&mut predicted, &copy_counts, 1);
    }
    println!(
        "storm 33027: {outcome}, usage read {reads} times, copy partitioned anew {repartitioned} times, {trouble:?}"
    );
    println!("functions used: {predicted:?}");
    assert_eq!(between(&before, &used(&db)), predicted, "seed {seed}");
    assert!(outcome.statements >= 200, "seed {seed}: {outcome}");
    assert!(outcome.stats.region_errors_in_all() > 0 && trouble.each_at_least(5), "seed {seed}: {trouble:?}");
    assert!(reads >= 10 && repartitioned >= 3, "seed {seed}: {reads} {repartitioned}");
}
