//! TiDB issue 5203 as a storm: "concurrent map writes" when the table workers of one index lookup all dropped expired entries
//! from one region cache, on a path that only looked like reading.
//!
//! The shape of the crash: 16 sessions run index lookups with 8 table workers each; regions split, merge and change leaders
//! under them; and the cache's time to live is one millisecond, so that entries expire all the time. In Allod expiry is a
//! predicate and each worker has its own view, so there is no map to write to at once; what this shows is that the answers are
//! right all the while, and that the storm met what it was meant to meet.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allod::Database;
use allod_planner::catalog::Catalog;
use allod_storage::cluster::ClusterConfig;
use allod_tests::random::Random;
use allod_tests::storm::{Question, Trouble, Until, ask, make_trouble, network, seed, sessions, spaces};

const ROWS: u64 = 20_000;
const VALUES: u64 = 1000;
const SESSIONS: usize = 16;
const TIME: Duration = Duration::from_secs(5);

fn fill(db: &Database) {
    let mut session = db.session();
    session
        .run("create table t (id int primary key, a int not null, b int, pad varchar(20), key ia (a))")
        .expect("the table is new");
    for first in (0..ROWS).step_by(2000) {
        // Neighbours by `a` are far apart by `id`.
        let row = |id: u64| format!("({id}, {}, {}, 'row {id}')", id * 7919 % VALUES, id % 97);
        let rows: Vec<String> = (first..first + 2000).map(row).collect();
        session.run(&format!("insert into t values {}", rows.join(", "))).expect("the rows are new");
    }
}

fn questions(quiet: &Database, random: &mut Random) -> Vec<Question> {
    let statements = (0..48).map(|i| {
        let low = random.below(VALUES as usize) as u64;
        let high = low + random.below(12) as u64;
        match i % 3 {
            0 => format!("select /*+ use_index(t, ia) */ id, a, b, pad from t where a between {low} and {high}"),
            1 => format!("select /*+ use_index(t, ia) */ sum(b), count(*), max(pad) from t where a = {low}"),
            _ => format!("select /*+ use_index(t, ia) */ a, b from t where a >= {low} and b < 50 order by a, id limit 20"),
        }
    });
    ask(quiet, statements.collect::<Vec<_>>())
}

#[test]
fn index_lookups_are_right_while_regions_change_and_every_cache_entry_expires() {
    let seed = seed();
    let mut random = Random::new(seed);
    let quiet = Database::builder().workers(1).build();
    fill(&quiet);
    let questions = questions(&quiet, &mut random);

    let config = ClusterConfig {
        stores: 5,
        region_cache_ttl: Duration::from_millis(1),
        transport: network(seed),
        ..ClusterConfig::default()
    };
    let db = Database::builder().workers(8).cluster(config).build();
    fill(&db);
    let table = db.catalog().table("test", "t").expect("it was made").descriptor;
    for question in &questions {
        let mut session = db.session();
        let plan = allod_tests::storm::answer(&mut session, &format!("explain {}", question.sql))
            .expect("it has a plan");
        assert!(plan.iter().any(|line| line.contains("IndexLookUp")), "{}: {plan:#?}", question.sql);
    }
    let (finished, trouble) = (AtomicBool::new(false), Trouble::default());
    let before = db.cluster().stats();
    let enough = |statements: u64| {
        let met = db.cluster().stats().since(&before);
        statements >= 200
            && met.region_errors_in_all() >= 20
            && met.expired >= 1000
            && trouble.each_at_least(5)
    };
    let outcome = std::thread::scope(|scope| {
        let spaces = spaces(&table, ROWS, VALUES);
        scope.spawn({
            let (db, finished, trouble) = (&db, &finished, &trouble);
            let mut random = Random::new(seed ^ 0x5203);
            move || {
                let mut client = db.cluster().client();
                make_trouble(&mut client, &spaces, &mut random, finished, Duration::from_millis(1), trouble);
            }
        });
        let prepare = ["set tidb_index_lookup_concurrency = 8", "set tidb_executor_concurrency = 8"];
        let until = Until { time: TIME, enough: &enough };
        sessions(&db, SESSIONS, &questions, &prepare, seed, &until, &finished)
    });
    println!("storm 5203: {outcome}, {trouble:?}");
    assert!(outcome.statements >= 200, "seed {seed}: {outcome}");
    assert!(outcome.stats.region_errors_in_all() >= 20, "seed {seed}: {outcome}");
    assert!(outcome.stats.expired >= 1000, "seed {seed}: {outcome}");
    assert!(trouble.each_at_least(5), "seed {seed}: {trouble:?}");
}
