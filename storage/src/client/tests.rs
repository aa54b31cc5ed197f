//! Whole clusters: the same data through one region and many, directly and over a bad network, with regions splitting and
//! moving under the feet of transactions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use futures_util::future::join_all;

use super::*;
use crate::cluster::{Cluster, ClusterConfig, SimulatedConfig, TransportConfig};
use crate::key::{Key, KeyRange, encode_datums, range_of};
use crate::mvcc::{RegionScan, RowRef};
use crate::rpc::RegionErrorKind;
use crate::schema::{ColumnDef, ColumnType, Datum, SpaceId, SpaceSchema, SqlType};

mod faults;
mod housekeeping;
mod lookups;
mod own;
mod pessimistic;
mod resolver;
mod scripted;
mod servers;
mod stopped;

const SPACE: SpaceId = SpaceId(7);

/// Accounts: an id, which is the key, and a balance.
fn schema() -> Arc<SpaceSchema> {
    let column = |name: &str| ColumnDef::new(name, ColumnType { sql: SqlType::BIGINT, nullable: false });
    let columns = vec![column("id"), column("balance")];
    Arc::new(SpaceSchema { id: SPACE, columns, key: vec![0], unique_prefix: None })
}

fn batch(rows: &[(i64, i64)]) -> RecordBatch {
    let field = |name| Field::new(name, DataType::Int64, false);
    let schema = Arc::new(Schema::new(vec![field("id"), field("balance")]));
    let column = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let columns =
        vec![column(rows.iter().map(|r| r.0).collect()), column(rows.iter().map(|r| r.1).collect())];
    RecordBatch::try_new(schema, columns).expect("columns fit")
}

fn row(id: i64, balance: i64) -> RowRef {
    RowRef { batch: Arc::new(batch(&[(id, balance)])), row: 0 }
}

fn key(id: i64) -> Key {
    encode_datums(SPACE, &[Datum::Int(id)])
}

fn ints(column: &ArrayRef) -> Vec<i64> {
    let column = cast(column, &DataType::Int64).expect("integers");
    column.as_primitive::<Int64Type>().values().to_vec()
}

fn rows_of(scans: &[RegionScan]) -> Vec<(i64, i64)> {
    let mut rows = Vec::new();
    for scan in scans {
        for morsel in scan.morsels() {
            let batch = scan.read(&morsel, &[0, 1]);
            rows.extend(ints(&batch.columns[0]).into_iter().zip(ints(&batch.columns[1])));
        }
    }
    rows
}

async fn read_all(client: &mut Client, ts: Timestamp) -> Vec<(i64, i64)> {
    rows_of(&client.scan(&ScanRequest::all(SPACE, ts)).await.expect("scans"))
}

async fn committed(transaction: Transaction, client: &mut Client) -> Timestamp {
    match transaction.commit(client).await.expect("commits") {
        CommitOutcome::Committed(ts) => ts,
        other => panic!("{other:?}"),
    }
}

fn direct(config: ClusterConfig) -> (Cluster, Client) {
    let cluster = Cluster::new(config);
    let mut client = cluster.client();
    cluster.runtime().block_on(client.create_space(schema())).expect("creates");
    (cluster, client)
}

fn simulated(config: SimulatedConfig) -> ClusterConfig {
    ClusterConfig { stores: 5, transport: TransportConfig::Simulated(config), ..ClusterConfig::default() }
}

#[test]
fn rows_live_through_their_versions() {
    let (cluster, mut c) = direct(ClusterConfig::default());
    cluster.runtime().block_on(async {
        let before = c.timestamp().await.expect("timestamp");
        let mut t = c.begin(before);
        t.insert(key(1), row(1, 10));
        t.insert(key(2), row(2, 20));
        let first = committed(t, &mut c).await;
        assert!(read_all(&mut c, before).await.is_empty());
        assert_eq!(read_all(&mut c, first).await, [(1, 10), (2, 20)]);

        let mut t = c.begin(c.shared.pd.timestamp());
        t.put(key(1), row(1, 11));
        t.delete(key(2));
        let second = committed(t, &mut c).await;
        assert_eq!(read_all(&mut c, first).await, [(1, 10), (2, 20)]);
        assert_eq!(read_all(&mut c, second).await, [(1, 11)]);

        let mut late = c.begin(first);
        late.put(key(1), row(1, 12));
        assert!(matches!(
            late.commit(&mut c).await.expect("answers"),
            CommitOutcome::Conflict(conflict) if conflict.key == key(1) && conflict.commit_ts == second
        ));
        let mut again = c.begin(second);
        again.insert(key(1), row(1, 13));
        assert_eq!(
            again.commit(&mut c).await.expect("answers"),
            CommitOutcome::AlreadyExists { key: key(1) }
        );
        let now = c.timestamp().await.expect("timestamp");
        assert_eq!(read_all(&mut c, now).await, [(1, 11)]);

        let got = c.get(SPACE, &[key(3), key(1), key(1), key(2)], now, &[1]).await.expect("gets");
        assert_eq!((got.positions, ints(&got.columns[0])), (vec![1, 2], vec![11, 11]));
        let none = c.get(SPACE, &[], now, &[0, 1]).await.expect("gets");
        assert_eq!((none.rows, none.columns.len()), (0, 2));

        c.drop_space(SPACE).await.expect("drops");
        c.drop_space(SPACE).await.expect("drops again");
        let mut fresh = cluster.client();
        assert!(matches!(fresh.scan(&ScanRequest::all(SPACE, now)).await, Err(Error::UnknownSpace(SPACE))));
    });
}

/// The same rows through one region and through many, over ranges, both ways, with and without changes since the load.
#[test]
fn many_regions_answer_as_one() {
    const ROWS: i64 = 40_000;
    let answers = |region_bytes_max: usize, config: ClusterConfig| {
        let (cluster, mut c) = direct(ClusterConfig { region_bytes_max, ..config });
        let mut answers = Vec::new();
        let regions = cluster.runtime().block_on(async {
            // 7919 is prime and no divisor of ROWS: all ids, out of order.
            let ids: Vec<(i64, i64)> = (0..ROWS).map(|i| (i * 7919 % ROWS * 2, i)).collect();
            let batches = ids.chunks(1000).map(batch).collect();
            let summary = c.ingest(SPACE, batches, false).await.expect("loads");
            assert_eq!(summary.rows, ROWS as usize);
            let mut t = c.begin(c.shared.pd.timestamp());
            for i in (0..ROWS * 2).step_by(501) {
                if i % 3 == 0 { t.delete(key(i)) } else { t.put(key(i), row(i, -i)) }
            }
            committed(t, &mut c).await;
            let now = c.timestamp().await.expect("timestamp");
            let range =
                |low: i64, high: i64| range_of(SPACE, &[Datum::Int(low)], true, &[Datum::Int(high)], false);
            let ranges: [Vec<KeyRange>; 3] =
                [vec![], vec![range(100, 101), range(9, 30_000), range(50_000, 50_020)], vec![range(-5, 1)]];
            for ts in [summary.commit_ts, now] {
                for ranges in &ranges {
                    for descending in [false, true] {
                        let request = ScanRequest {
                            space: SPACE,
                            ranges: ranges.as_slice().into(),
                            ts,
                            zone: [].into(),
                            descending,
                        };
                        answers.push(rows_of(&c.scan(&request).await.expect("scans")));
                    }
                }
                let keys: Vec<Key> = (0..2000).map(|i| key(i * 37 % (2 * ROWS))).collect();
                let got = c.get(SPACE, &keys, ts, &[1, 0]).await.expect("gets");
                let positions = got.positions.iter().map(|&p| i64::from(p));
                answers.push(positions.zip(ints(&got.columns[0])).collect());
                answers.push(ints(&got.columns[1]).into_iter().map(|id| (id, 0)).collect());
            }
            c.regions(SPACE).await.expect("lists").len()
        });
        (regions, answers)
    };
    let (one, expected) = answers(usize::MAX, ClusterConfig::default());
    let (many, found) = answers(20_000, ClusterConfig::default());
    let network = SimulatedConfig { latency: Duration::from_micros(20), ..SimulatedConfig::default() };
    let (far, over_network) = answers(20_000, simulated(network));
    assert_eq!(one, 1);
    assert!(many > 20 && far > 20, "{many} and {far} regions");
    assert_eq!(expected[0].len(), ROWS as usize);
    assert!(found == expected && over_network == expected);
}

#[test]
fn an_ingest_joins_what_is_there_or_changes_nothing() {
    let (cluster, mut c) = direct(ClusterConfig { region_bytes_max: 4000, ..ClusterConfig::default() });
    cluster.runtime().block_on(async {
        let rows = |ids: std::ops::Range<i64>| batch(&ids.map(|i| (i * 2, i)).collect::<Vec<_>>());
        let first = c.ingest(SPACE, vec![rows(0..1000)], true).await.expect("loads");
        let odd: Vec<(i64, i64)> = (0..1000).map(|i| (i * 2 + 1, i)).collect();
        let second = c.ingest(SPACE, vec![batch(&odd)], true).await.expect("loads between");
        assert_eq!(read_all(&mut c, first.commit_ts).await.len(), 1000);
        assert_eq!(read_all(&mut c, second.commit_ts).await.len(), 2000);
        let clash = c.ingest(SPACE, vec![batch(&[(-1, 0), (500, 0), (9000, 0)])], false).await;
        assert!(matches!(&clash, Err(Error::DuplicateKey { key: at, .. }) if *at == key(500)), "{clash:?}");
        let twice = c.ingest(SPACE, vec![batch(&[(9000, 0), (9000, 0)])], false).await;
        assert!(matches!(twice, Err(Error::DuplicateKey { .. })));
        let now = c.timestamp().await.expect("timestamp");
        assert_eq!(read_all(&mut c, now).await.len(), 2000);
        let none = c.ingest(SPACE, vec![], false).await.expect("nothing to load");
        assert_eq!(none.rows, 0);
    });
}

const ACCOUNTS: i64 = 40;
const START: i64 = 100;

/// Moves money between two accounts until a transaction commits; whether it surely did.
async fn transfer(client: &mut Client, random: &mut Random) -> Option<bool> {
    let (from, to) = (random.below(ACCOUNTS as u64) as i64, random.below(ACCOUNTS as u64) as i64);
    let amount = random.below(9) as i64;
    if from == to {
        return None;
    }
    let (ts, pin) = client.snapshot().await.expect("timestamp");
    let got = client.get(SPACE, &[key(from), key(to)], ts, &[1]).await.expect("gets");
    let balances = ints(&got.columns[0]);
    assert_eq!(balances.len(), 2, "accounts never vanish");
    let mut t = client.begin(ts);
    t.put(key(from), row(from, balances[0] - amount));
    t.put(key(to), row(to, balances[1] + amount));
    let outcome = t.commit(client).await.expect("commits or conflicts");
    drop(pin);
    match outcome {
        CommitOutcome::Committed(_) => Some(true),
        CommitOutcome::Conflict(_) => Some(false),
        CommitOutcome::Undetermined => None,
        CommitOutcome::AlreadyExists { .. } => panic!("nothing is inserted"),
    }
}

/// A snapshot has every account and all the money, and looks the same twice.
async fn audit(client: &mut Client) {
    let (ts, _pin) = client.snapshot().await.expect("timestamp");
    let rows = read_all(client, ts).await;
    assert_eq!(rows.iter().map(|r| r.0).collect::<Vec<_>>(), (0..ACCOUNTS).collect::<Vec<_>>());
    assert_eq!(rows.iter().map(|r| r.1).sum::<i64>(), ACCOUNTS * START, "at {ts}");
    let again = read_all(client, ts).await;
    assert_eq!(rows, again, "at {ts}");
    let mut request = LookupRequest {
        space: SPACE,
        prefix: vec![Arc::new(Int64Array::from_iter_values(0..ACCOUNTS))],
        low: None,
        high: None,
        lookups: ACCOUNTS as usize,
        ts,
        ordinals: [0, 1].into(),
        first_only: false,
    };
    let by_key = client.lookup(&request).await.expect("looks up");
    assert_eq!(by_key.positions, (0..ACCOUNTS as u32).collect::<Vec<_>>());
    let pairs = |found: &LookupResult| ints(&found.columns[0]).into_iter().zip(ints(&found.columns[1]));
    assert!(pairs(&by_key).eq(rows.iter().copied()), "at {ts}");
    // All keys in one lookup.
    request.prefix.clear();
    request.lookups = 1;
    let in_one = client.lookup(&request).await.expect("looks up");
    assert_eq!(pairs(&in_one).collect::<Vec<_>>(), rows, "at {ts}");
}

/// Splits somewhere, merges somewhere else now and then, and moves some leader.
async fn disturb(client: &mut Client, random: &mut Random) {
    client.split(&key(random.below(ACCOUNTS as u64) as i64)).await.expect("splits");
    if random.below(3) > 0 {
        client.merge(&key(random.below(ACCOUNTS as u64) as i64)).await.expect("merges");
    }
    let regions = client.regions(SPACE).await.expect("lists");
    let region = &regions[random.below(regions.len() as u64) as usize];
    let to = region.peers[random.below(region.peers.len() as u64) as usize];
    match client.transfer_leader(region.id, to).await {
        // Another one merged it with its neighbour meanwhile.
        Ok(()) | Err(Error::NoReplica { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn open_accounts(client: &mut Client) {
    let rows: Vec<(i64, i64)> = (0..ACCOUNTS).map(|id| (id, START)).collect();
    client.ingest(SPACE, vec![batch(&rows)], true).await.expect("loads");
}

#[test]
fn money_is_kept_by_threads_in_direct_mode() {
    // Everything small, so that compaction goes on all the time.
    let config = ClusterConfig { delta_rows_max: 20, history: Duration::ZERO, ..ClusterConfig::default() };
    let (cluster, mut client) = direct(config);
    let runtime = cluster.runtime();
    runtime.block_on(open_accounts(&mut client));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|t| {
                let (runtime, mut client) = (cluster.runtime(), client.fork());
                scope.spawn(move || {
                    let mut random = Random::new(t);
                    let mut committed = 0;
                    for _ in 0..400 {
                        committed +=
                            usize::from(runtime.block_on(transfer(&mut client, &mut random)) == Some(true));
                    }
                    committed
                })
            })
            .collect();
        for reader in 0..2 {
            let (runtime, mut client, done) = (cluster.runtime(), client.fork(), &done);
            scope.spawn(move || {
                let mut random = Random::new(100 + reader);
                while !done.load(Ordering::Relaxed) {
                    runtime.block_on(audit(&mut client));
                    if reader == 0 {
                        runtime.block_on(disturb(&mut client, &mut random));
                    }
                }
            });
        }
        let committed: usize = writers.into_iter().map(|w| w.join().expect("joins")).sum();
        done.store(true, Ordering::Relaxed);
        assert!(committed > 400, "{committed} of 1600 committed");
    });
    runtime.block_on(audit(&mut client));
}

/// One run of the bank over a bad network: how often what happened, and the balances at the end.
async fn simulate_bank(seed: u64) -> (ClientStats, usize, Vec<(i64, i64)>) {
    let network =
        SimulatedConfig { seed, loss: 0.03, busy: 0.002, stale: 0.01, ..SimulatedConfig::default() };
    let config =
        ClusterConfig { delta_rows_max: 50, history: Duration::from_millis(50), ..simulated(network) };
    let cluster = Cluster::new(config);
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    open_accounts(&mut client).await;
    let writers = (0..6).map(|w| {
        let mut client = client.fork();
        async move {
            let mut random = Random::new(seed.wrapping_mul(31) + w);
            let mut committed = 0;
            for _ in 0..25 {
                committed += usize::from(transfer(&mut client, &mut random).await == Some(true));
            }
            (client, committed)
        }
    });
    let others = (0..2).map(|o| {
        let mut client = client.fork();
        async move {
            let mut random = Random::new(seed.wrapping_mul(37) + o);
            for _ in 0..8 {
                audit(&mut client).await;
                disturb(&mut client, &mut random).await;
            }
            (client, 0)
        }
    });
    let (writers, others) = futures_util::future::join(join_all(writers), join_all(others)).await;
    let mut committed = 0;
    for (fork, n) in writers.into_iter().chain(others) {
        client.absorb(fork);
        committed += n;
    }
    audit(&mut client).await;
    let now = client.timestamp().await.expect("timestamp");
    let rows = read_all(&mut client, now).await;
    (client.stats().clone(), committed, rows)
}

#[tokio::test(start_paused = true)]
async fn money_is_kept_over_a_bad_network() {
    let mut total = ClientStats::default();
    for seed in 0..6 {
        let (stats, committed, _) = simulate_bank(seed).await;
        assert!(committed > 50, "seed {seed}: {committed} of 150 committed");
        total.merge(&stats);
    }
    // The run met what it was meant to meet.
    assert!(total.timeouts > 20, "{total:?}");
    assert!(total.locks_met > 20, "{total:?}");
    for kind in [
        RegionErrorKind::NotLeader,
        RegionErrorKind::EpochNotMatch,
        RegionErrorKind::ServerIsBusy,
        RegionErrorKind::StaleCommand,
    ] {
        assert!(total.region_errors(kind) > 0, "{kind:?} in {total:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("starts").block_on(simulate_bank(42))
    };
    assert_eq!(run(), run());
}

#[tokio::test(start_paused = true)]
async fn an_ingest_becomes_visible_at_once_in_all_regions() {
    let cluster = Cluster::new(simulated(SimulatedConfig { loss: 0.001, ..SimulatedConfig::default() }));
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    for id in (0..2000).step_by(100) {
        client.split(&key(id)).await.expect("splits");
    }
    let done = AtomicBool::new(false);
    let load = async {
        let mut client = client.fork();
        for round in 0..4 {
            let rows: Vec<(i64, i64)> = (0..500).map(|i| (i * 4 + round, round)).collect();
            client.ingest(SPACE, vec![batch(&rows)], true).await.expect("loads");
        }
        done.store(true, Ordering::Relaxed);
    };
    let read = async {
        let mut client = client.fork();
        let mut seen = BTreeMap::new();
        while !done.load(Ordering::Relaxed) {
            let ts = client.timestamp().await.expect("timestamp");
            let rows = read_all(&mut client, ts).await.len();
            assert_eq!(rows % 500, 0, "part of an ingest is visible");
            assert_eq!(read_all(&mut client, ts).await.len(), rows);
            *seen.entry(rows).or_insert(0) += 1;
        }
        seen
    };
    let ((), seen) = futures_util::future::join(load, read).await;
    assert!(seen.len() > 2, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_cluster_is_an_error_that_says_so() {
    let cluster = Cluster::new(simulated(SimulatedConfig { loss: 1.0, ..SimulatedConfig::default() }));
    let mut client = cluster.client();
    let error = client.timestamp().await.expect_err("nobody is there");
    let Error::Exhausted(exhausted) = &error else { panic!("{error}") };
    assert_eq!(exhausted.mysql_code(), 9001);
    assert!(
        error.to_string().starts_with("placement driver timeout: timestamp gave up after waiting"),
        "{error}"
    );
    assert!(client.stats().timeouts > 10);
}

/// An ingest whose client is gone, at any step: others wait until its time is up, then all of its rows are there or none.
#[tokio::test(start_paused = true)]
async fn an_abandoned_ingest_ends_everywhere_alike() {
    const ROWS: usize = 40;
    let mut ends = BTreeMap::new();
    for cut_us in (500..30_000).step_by(900) {
        let cluster = Cluster::new(simulated(SimulatedConfig::default()));
        let mut client = cluster.client();
        client.create_space(schema()).await.expect("creates");
        for id in [10, 20, 30] {
            client.split(&key(id)).await.expect("splits");
        }
        let rows: Vec<(i64, i64)> = (0..ROWS as i64).map(|id| (id, 1)).collect();
        let ingest = client.ingest(SPACE, vec![batch(&rows)], true);
        let cut = tokio::time::timeout(Duration::from_micros(cut_us), ingest).await;
        let before = tokio::time::Instant::now();
        let ts = client.timestamp().await.expect("timestamp");
        let seen = read_all(&mut client, ts).await.len();
        let waited = before.elapsed();
        assert!(seen == 0 || seen == ROWS, "cut after {cut_us} us: {seen} rows");
        assert!(waited < Duration::from_secs(25), "cut after {cut_us} us: {waited:?}");
        *ends.entry((cut.is_err(), seen, waited > Duration::from_secs(1))).or_insert(0) += 1;
        // Writers get on, too, in each region.
        for id in [5, 15, 25, 35] {
            let mut t = client.begin(client.shared.pd.timestamp());
            t.put(key(id), row(id, 2));
            committed(t, &mut client).await;
        }
        let ts = client.timestamp().await.expect("timestamp");
        assert_eq!(read_all(&mut client, ts).await.len(), seen.max(4));
    }
    // Cut early, cut while waited for and then given up, cut after the primary was committed, not cut.
    for end in [(true, 0, false), (true, 0, true), (true, ROWS, true), (false, ROWS, false)] {
        assert!(ends.contains_key(&end), "{end:?} in {ends:?}");
    }
}

/// Locks have their time from the commit on, however long the transaction had read: nobody takes it for dead at once.
#[tokio::test(start_paused = true)]
async fn a_transaction_that_read_for_long_is_given_time_to_commit() {
    let cluster = Cluster::new(simulated(SimulatedConfig::default()));
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    open_accounts(&mut client).await;
    client.split(&key(20)).await.expect("splits");
    let ts = client.timestamp().await.expect("timestamp");
    let mut t = client.begin(ts);
    tokio::time::sleep(Duration::from_secs(30)).await;
    t.put(key(1), row(1, START));
    t.put(key(30), row(30, START));
    t.set_commit_options(CommitOptions { async_commit: AsyncUse::Never, ..CommitOptions::default() });
    // Long enough to prewrite both regions, not long enough to commit: two round trips of more than a millisecond each.
    let cut = tokio::time::timeout(Duration::from_micros(2300), t.commit(&mut client)).await;
    assert!(cut.is_err());
    let before = tokio::time::Instant::now();
    let mut t = client.begin(client.shared.pd.timestamp());
    t.put(key(1), row(1, START));
    committed(t, &mut client).await;
    let waited = before.elapsed();
    assert!(waited > Duration::from_secs(2) && waited < Duration::from_secs(8), "{waited:?}");
}

/// Compaction keeps what a pinned timestamp sees, and refuses to read below what it has forgotten.
#[test]
fn reads_below_the_safe_point_are_refused_unless_they_are_pinned() {
    let config = ClusterConfig { delta_rows_max: 8, history: Duration::ZERO, ..ClusterConfig::default() };
    let (cluster, mut client) = direct(config);
    cluster.runtime().block_on(async {
        open_accounts(&mut client).await;
        let unpinned = client.timestamp().await.expect("timestamp");
        let update_all = async |client: &mut Client, balance| {
            for id in 0..ACCOUNTS {
                let mut t = client.begin(client.shared.pd.timestamp());
                t.put(key(id), row(id, balance));
                committed(t, client).await;
            }
        };
        update_all(&mut client, 1).await;
        let (pinned, pin) = client.snapshot().await.expect("timestamp");
        update_all(&mut client, 2).await;
        let refused = client.scan(&ScanRequest::all(SPACE, unpinned)).await;
        assert!(matches!(refused, Err(Error::SnapshotTooOld { .. })), "{refused:?}");
        let refused = client.get(SPACE, &[key(1)], unpinned, &[1]).await;
        assert!(matches!(refused, Err(Error::SnapshotTooOld { .. })), "{refused:?}");
        let kept: Vec<(i64, i64)> = (0..ACCOUNTS).map(|id| (id, 1)).collect();
        assert_eq!(read_all(&mut client, pinned).await, kept);
        drop(pin);
        update_all(&mut client, 3).await;
        let refused = client.scan(&ScanRequest::all(SPACE, pinned)).await;
        assert!(matches!(refused, Err(Error::SnapshotTooOld { .. })), "{refused:?}");
    });
}

/// What a client knows of regions is worth nothing after a millisecond: it asks again and again, and is right all the same.
#[tokio::test(start_paused = true)]
async fn regions_that_expire_at_once_are_asked_for_again() {
    for ttl in [Duration::ZERO, Duration::from_millis(1)] {
        let config = simulated(SimulatedConfig::default());
        let cluster = Cluster::new(ClusterConfig { region_cache_ttl: ttl, ..config });
        let mut client = cluster.client();
        client.create_space(schema()).await.expect("creates");
        open_accounts(&mut client).await;
        let before = client.stats().clone();
        let mut random = Random::new(1);
        for _ in 0..5 {
            transfer(&mut client, &mut random).await;
            disturb(&mut client, &mut random).await;
            audit(&mut client).await;
        }
        let since = client.stats().since(&before);
        assert!(since.expired > 5 && since.rpcs > since.expired, "{since:?}");
        drop(client);
        assert!(cluster.stats().expired >= since.expired);
    }
}

/// Whatever regions hold moves when they merge: base, delta, locks, and how ingests ended.
#[test]
fn merged_regions_hold_what_both_held() {
    let (cluster, mut c) = direct(ClusterConfig::default());
    cluster.runtime().block_on(async {
        open_accounts(&mut c).await;
        for id in [10, 20, 30] {
            c.split(&key(id)).await.expect("splits");
        }
        let mut stale = c.fork();
        audit(&mut stale).await;
        let before = c.timestamp().await.expect("timestamp");
        let mut t = c.begin(before);
        (5..35).step_by(5).for_each(|id| t.put(key(id), row(id, START + 1)));
        t.delete(key(39));
        committed(t, &mut c).await;
        // A lock in the third region, of a transaction that is dead: whoever meets it rolls it back.
        let start_ts = c.shared.pd.timestamp();
        let mutation =
            crate::percolator::Mutation { key: key(25), op: crate::percolator::MutationOp::Put(row(25, 0)) };
        let body = crate::rpc::Body::Prewrite(crate::percolator::Prewrite {
            mutations: vec![mutation],
            primary: key(25),
            start_ts,
            ttl_ms: 0,
            txn_size: 1,
            min_commit_ts: Timestamp(0),
            pessimistic: None,
            async_commit: None,
        });
        let mut backoff = c.backoff("test", Budget::Prewrite);
        let mut region = c.locate(&mut backoff, &key(25)).await.expect("locates");
        c.send(&mut backoff, &mut region, &body).await.expect("locks");
        let versions = |regions: &[crate::pd::RegionInfo]| -> Vec<u64> {
            regions.iter().map(|r| r.epoch.version).collect()
        };
        let four = c.regions(SPACE).await.expect("lists");
        assert!(c.merge(&key(15)).await.expect("merges"));
        let three = c.regions(SPACE).await.expect("lists");
        assert_eq!((four.len(), three.len()), (4, 3));
        assert_eq!((&three[1].range.start, &three[1].range.end), (&four[1].range.start, &four[2].range.end));
        assert_eq!(versions(&three)[1], versions(&four)[1].max(versions(&four)[2]) + 1);
        assert_eq!((three[1].id, three[1].leader), (four[1].id, four[1].leader));
        while c.merge(&key(-1)).await.expect("merges") {}
        assert!(!c.merge(&key(25)).await.expect("answers"), "nothing is to its right");
        let one = c.regions(SPACE).await.expect("lists");
        assert_eq!((one.len(), &one[0].range), (1, &KeyRange::of_space(SPACE)));
        // Neither of the two knows of what happened; both read what was there, and meet the lock.
        let now = c.timestamp().await.expect("timestamp");
        let old: Vec<(i64, i64)> = (0..ACCOUNTS).map(|id| (id, START)).collect();
        let new: Vec<(i64, i64)> = (0..ACCOUNTS - 1)
            .map(|id| (id, START + i64::from(id % 5 == 0 && (5..35).contains(&id))))
            .collect();
        assert_eq!(read_all(&mut stale, before).await, old);
        assert_eq!(read_all(&mut stale, now).await, new);
        assert_eq!(stale.stats().locks_met, 1);
        assert!(stale.stats().region_errors_in_all() > 0);
        assert_eq!(read_all(&mut c, now).await, new);
        // And it can be cut again.
        c.split(&key(12)).await.expect("splits");
        assert_eq!(read_all(&mut stale, now).await, new);
    });
}

/// While rows are loaded into a region it is not merged, from neither side.
#[tokio::test(start_paused = true)]
async fn a_merge_waits_for_an_ingest() {
    for (at, at_us) in [(5, 6000), (15, 6000)] {
        let cluster = Cluster::new(simulated(SimulatedConfig::default()));
        let mut client = cluster.client();
        client.create_space(schema()).await.expect("creates");
        for id in [10, 20] {
            client.split(&key(id)).await.expect("splits");
        }
        let load = async {
            let mut client = client.fork();
            let rows: Vec<(i64, i64)> = (10..20).map(|id| (id, 1)).collect();
            client.ingest(SPACE, vec![batch(&rows)], true).await.expect("loads")
        };
        let merge = async {
            let mut client = client.fork();
            // The ingest has told its region by now, and has not ended.
            tokio::time::sleep(Duration::from_micros(at_us)).await;
            client.merge(&key(at)).await.expect("merges");
            client.stats().region_errors(RegionErrorKind::ProposalInMergingMode)
        };
        let (_, refused) = futures_util::future::join(load, merge).await;
        assert!(refused > 0, "at {at}");
        let ts = client.timestamp().await.expect("timestamp");
        assert_eq!(read_all(&mut client, ts).await.len(), 10);
        assert_eq!(client.regions(SPACE).await.expect("lists").len(), 2);
    }
}
