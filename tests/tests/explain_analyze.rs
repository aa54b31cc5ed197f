//! EXPLAIN ANALYZE end to end: what it shows of requests, errors and waits is what the cluster's clients counted, and a query
//! that names one key is seen to touch one partition and one region.

use std::time::Duration;

use allod::{ClusterConfig, Database, Session};
use allod_planner::catalog::Catalog;
use allod_storage::client::BackoffKind;
use allod_storage::cluster::{SimulatedConfig, TransportConfig};
use allod_storage::key::encode_datums;
use allod_storage::schema::Datum;
use allod_tests::storm::answer;

fn run(session: &mut Session, sql: &str) {
    session.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

fn lines(session: &mut Session, sql: &str) -> Vec<String> {
    let result = session.execute(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let columns = result.columns().to_vec();
    let mut lines = Vec::new();
    for batch in result {
        let batch = batch.unwrap_or_else(|e| panic!("{sql}: {e}"));
        for row in 0..batch.num_rows() {
            let cell = |at: usize| {
                allod::format::cell_text(batch.column(at), &columns[at].ty.sql, row).unwrap_or_default()
            };
            lines.push((0..columns.len()).map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    lines
}

/// The sum of the numbers behind a mark, wherever it stands.
fn sum_of(lines: &[String], mark: &str) -> u64 {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    let of_line = |line: &String| {
        line.split(mark).skip(1).map(|rest| digits(rest).parse::<u64>().expect("a number")).sum::<u64>()
    };
    lines.iter().map(of_line).sum()
}

/// How often there was a wait of this kind, as it is shown.
fn times_waited(lines: &[String], kind: BackoffKind) -> u64 {
    let mark = format!("{}: ", kind.name());
    let of_line = |line: &String| -> u64 {
        let counts = line.split(&mark).skip(1).filter_map(|rest| rest.split_once('(')?.1.split_once(' '));
        counts.map(|(count, _)| count.parse::<u64>().expect("a number")).sum()
    };
    lines.iter().map(of_line).sum()
}

#[test]
fn limits_read_no_more_than_they_show() {
    let db = Database::new();
    let mut session = db.session();
    run(
        &mut session,
        "create table t (id int primary key, k int, v int, key (k)) partition by hash (id) partitions 4",
    );
    let rows: Vec<String> = (0..4000).map(|i| format!("({i}, {}, {i})", i % 5)).collect();
    run(&mut session, &format!("insert into t values {}", rows.join(", ")));
    let rows_of = |plan: &[String], name: &str| -> u64 {
        let of = |line: &String| line.contains(name).then(|| line.split('|').nth(2)?.parse::<u64>().ok());
        plan.iter().filter_map(of).flatten().sum()
    };
    for (sql, entries_max, rows) in [
        ("select * from t use index (k) where k = 3 limit 3", 4, 3),
        ("select * from t use index (k) where k = 3 limit 500, 3", 1000, 3),
        ("select * from t use index (k) where k = 3 order by id limit 500, 3", 800, 3),
    ] {
        for mode in ["dynamic", "static"] {
            run(&mut session, &format!("set tidb_partition_prune_mode = {mode}"));
            let plan = lines(&mut session, &format!("explain analyze {sql}"));
            assert!(rows_of(&plan, "IndexRangeScan") <= entries_max, "{plan:#?}");
            // A partition by itself does not know what the others have.
            let fetched = rows_of(&plan, "TableRowIDScan");
            let all = if mode == "static" { 4 * 503 } else { rows };
            assert!((rows..=all).contains(&fetched), "{plan:#?}");
        }
    }
    run(&mut session, "set tidb_partition_prune_mode = static");
    let plan = lines(&mut session, "explain analyze select * from t limit 3");
    assert!(rows_of(&plan, "TableFullScan") < 10, "{plan:#?}");
    assert_eq!(sum_of(&plan, "cop_task: {num: "), 1, "{plan:#?}");
}

#[test]
fn one_key_of_sixteen_partitions_is_one_region_of_one_partition() {
    let db = Database::new();
    let mut session = db.session();
    run(&mut session, "create table t (id int primary key, v int) partition by hash (id) partitions 16");
    run(
        &mut session,
        "create table l (o int, n int, v int, primary key (o, n), key v (v, o)) partition by hash (o) partitions 16",
    );
    let rows: Vec<String> = (0..400).map(|i| format!("({i}, {})", i % 7)).collect();
    run(&mut session, &format!("insert into t values {}", rows.join(", ")));
    let rows: Vec<String> = (0..400).map(|i| format!("({}, {}, {})", i / 4, i % 4, i % 7)).collect();
    run(&mut session, &format!("insert into l values {}", rows.join(", ")));
    run(&mut session, "analyze table t, l");
    for (sql, partition, reader) in [
        ("select * from t where id = 21", "p5", "Point_Get"),
        ("select v from t where id in (21, 37)", "p5", "Batch_Point_Get"),
        ("select sum(v) from l where o = 35", "p3", "TableReader"),
        ("select sum(n) from l where v = 3 and o = 35", "p3", "Reader"),
        ("select /*+ inl_join(l) */ t.v, l.v from t join l on l.o = t.id where t.id = 35", "p3", "Index"),
    ] {
        let plan = lines(&mut session, &format!("explain analyze {sql}"));
        let touched: Vec<&String> = plan.iter().filter(|line| line.contains("cop_task: {")).collect();
        assert!(!touched.is_empty() && plan.iter().any(|line| line.contains(reader)), "{plan:#?}");
        for line in touched {
            assert!(line.contains("regions: 1, partitions: 1}"), "{plan:#?}");
        }
        assert!(plan.iter().any(|line| line.contains(&format!("partition:{partition}"))), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("partition:all|")), "{plan:#?}");
    }
    let all = lines(&mut session, "explain analyze select count(*) from t where v = 3");
    assert!(all.iter().any(|line| line.contains("regions: 16, partitions: 16}")), "{all:#?}");
}

#[test]
fn what_is_shown_is_what_was_counted() {
    let simulated = SimulatedConfig {
        seed: 11,
        latency: Duration::from_micros(50),
        jitter: Duration::from_micros(50),
        stale: 0.1,
        ..SimulatedConfig::default()
    };
    let config =
        ClusterConfig { transport: TransportConfig::Simulated(simulated), ..ClusterConfig::default() };
    let db = Database::builder().workers(3).cluster(config).build();
    let mut session = db.session();
    run(&mut session, "create table o (id int primary key, k int, v int, key k (k), key v (v))");
    run(
        &mut session,
        "create table p (k int, n int, v int, primary key (k, n), key v (v)) partition by hash (k) partitions 4",
    );
    let rows: Vec<String> = (0..900).map(|i| format!("({i}, {}, {})", i * 7 % 300, i % 50)).collect();
    run(&mut session, &format!("insert into o values {}", rows.join(", ")));
    let rows: Vec<String> = (0..900).map(|i| format!("({}, {}, {})", i / 3, i % 3, i % 50)).collect();
    run(&mut session, &format!("insert into p values {}", rows.join(", ")));
    run(&mut session, "set tidb_index_join_batch_size = 100");
    let tables = ["o", "p"].map(|t| db.catalog().table("test", t).expect("it was made").descriptor);
    let mut client = db.cluster().client();
    let runtime = client.runtime();
    let mut met = 0;
    for (at, sql) in [
        "select count(*) from o where v < 10",
        "select /*+ use_index(o, k) */ sum(v) from o where k between 10 and 200",
        "select /*+ inl_join(p) */ sum(p.v) from o join p on p.k = o.k",
        "select /*+ inl_hash_join(p) */ sum(p.n) from o join p on p.v = o.k",
        "select /*+ use_index_merge(o, k, v) */ count(*) from o where k = 3 or v = 7",
        "select /*+ inl_join(p) */ o.id, p.n from o left join p on p.k = o.k limit 3",
        "select * from o where id = 7",
        "select * from p where (k, n) in ((1, 1), (2, 2), (3, 0))",
        "select count(*) from o where exists (select /*+ inl_join(p) */ 1 from p where p.k = o.k and p.v > o.v)",
        "update p set n = n + 10 where k between 3 and 9",
        "delete from o where v = 9",
    ]
    .into_iter()
    .enumerate()
    {
        // What clients know of the regions is out of date.
        for table in &tables {
            for partition in &table.partitions {
                let key = [Datum::Int(at as i64 * 20 + 5), Datum::Int(1)];
                let records = encode_datums(partition.records, &key[..table.key.len()]);
                for key in [records, encode_datums(partition.indexes[0], &key[..1])] {
                    runtime.block_on(client.split(&key)).expect("nothing else is going on");
                }
            }
        }
        let before = db.cluster().stats();
        let plan = lines(&mut session, &format!("explain analyze {sql}"));
        let counted = db.cluster().stats().since(&before);
        if !sql.starts_with("select") {
            assert!(plan[0].contains("commit_txn: {") && plan[0].contains("rpc_info:{Commit:{"), "{plan:#?}");
            assert!(!plan[0].contains("time:0ns") && sum_of(&plan, "write_keys: ") > 0, "{plan:#?}");
        }
        // What is committed is written into locks in the background, beside whatever comes next.
        let writes = !sql.starts_with("select");
        let agree = |shown: u64, counted: u64| shown == counted || writes && shown < counted;
        // One request more: for the timestamp that is read at.
        assert!(agree(sum_of(&plan, "num_rpc:") + 1, counted.rpcs), "{sql}: {counted:?} {plan:#?}");
        for (error, times) in counted.region_errors_met() {
            let mark = format!("{}:", error.name().replace(' ', "_"));
            assert!(agree(sum_of(&plan, &mark), times), "{sql}: {counted:?} {plan:#?}");
            met += times;
        }
        for (kind, times, _) in counted.backoff.iter() {
            assert!(agree(times_waited(&plan, kind), times), "{sql}: {kind} {plan:#?}");
        }
        for line in plan.iter().filter(|line| line.contains("cop[tikv]") && !line.contains("|0|cop[tikv]")) {
            assert!(!line.contains("time:0ns"), "{sql}: {plan:#?}");
        }
    }
    assert!(met >= 10, "{met}");
    assert_eq!(answer(&mut session, "select count(*) from p where n >= 10").expect("it reads"), ["21"]);
}
