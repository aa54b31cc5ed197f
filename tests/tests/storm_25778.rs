//! TiDB crash 25778 as a storm. There, goroutines that checked the secondaries of a transaction in async commit shared one
//! backoffer and its maps. Here: transactions of 200 keys over 50 regions, whose coordinators die after the prewrite; 32
//! readers meet their locks at once, and each resolves them, checking all secondaries in parallel, while regions split, merge
//! and move, and stores answer that they are busy.
//!
//! A transaction moves money from every other of its keys to the next, so totals never change, and each transaction is seen
//! whole or not at all. Once a read that began after the locks' time to live is done, no lock is left. And what all clients have
//! counted, forks of forks included, is what the network has carried.
//!
//! Once under a paused clock on one thread, where the same seed is the same storm, and once on as many threads as readers.

use std::sync::Arc;
use std::time::Duration;

use allod_storage::client::{AsyncUse, Client, CommitOptions, CommitOutcome, ScanRequest};
use allod_storage::cluster::{Cluster, ClusterConfig, SimulatedConfig, TransportConfig};
use allod_storage::key::{Key, encode_datums};
use allod_storage::mvcc::RowRef;
use allod_storage::rpc::RegionErrorKind;
use allod_storage::schema::{ColumnDef, ColumnType, Datum, SpaceId, SpaceSchema, SqlType};
use allod_tests::random::Random;
use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::record_batch::RecordBatch;

const SPACE: SpaceId = SpaceId(7);
const REGIONS: i64 = 50;
const WRITERS: i64 = 10;
/// Of each writer in each region.
const KEYS: i64 = 4;
const WIDTH: i64 = WRITERS * KEYS;
const READERS: u64 = 32;
const START: i64 = 100;
/// Locks live for three seconds, and a little for each key.
const TTL: Duration = Duration::from_millis(3000 + 20);

fn schema() -> Arc<SpaceSchema> {
    let column = |name: &str| ColumnDef::new(name, ColumnType::not_null(SqlType::BIGINT));
    let columns = vec![column("id"), column("balance")];
    Arc::new(SpaceSchema { id: SPACE, columns, key: vec![0], unique_prefix: None })
}

fn batch(rows: &[(i64, i64)]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>()),
    ];
    let fields = ["id", "balance"].map(|name| Field::new(name, DataType::Int64, false)).to_vec();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("two columns of one length")
}

fn key(id: i64) -> Key {
    encode_datums(SPACE, &[Datum::Int(id)])
}

/// The keys of a writer, four in each region.
fn keys_of(writer: i64) -> impl Iterator<Item = i64> {
    (0..REGIONS).flat_map(move |region| (0..KEYS).map(move |k| region * WIDTH + writer * KEYS + k))
}

/// What a writer makes of one of its keys.
fn written(id: i64) -> i64 {
    START + if id % 2 == 0 { -1 } else { 1 }
}

async fn set_up(config: SimulatedConfig) -> Cluster {
    let transport = TransportConfig::Simulated(config);
    let cluster = Cluster::new(ClusterConfig { stores: 5, transport, ..ClusterConfig::default() });
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    let rows: Vec<(i64, i64)> = (0..REGIONS * WIDTH).map(|id| (id, START)).collect();
    client.ingest(SPACE, vec![batch(&rows)], true).await.expect("loads");
    for region in 1..REGIONS {
        client.split(&key(region * WIDTH)).await.expect("splits");
    }
    cluster
}

/// A coordinator that is dead after a while. Whether it lived to hear that its transaction is committed.
async fn write(mut client: Client, writer: i64, life: Duration) -> bool {
    let ts = client.timestamp().await.expect("timestamp");
    let mut t = client.begin(ts);
    t.set_commit_options(CommitOptions { async_commit: AsyncUse::Always, ..CommitOptions::default() });
    for id in keys_of(writer) {
        t.put(key(id), RowRef { batch: Arc::new(batch(&[(id, written(id))])), row: 0 });
    }
    match tokio::time::timeout(life, t.commit(&mut client)).await {
        Ok(outcome) => {
            assert!(matches!(outcome, Ok(CommitOutcome::Committed(_))), "{outcome:?}");
            true
        }
        Err(_dead) => false,
    }
}

/// A snapshot: all the money, and of each transaction all or nothing. Which transactions it saw.
async fn read(client: &mut Client) -> Vec<bool> {
    let (ts, _pin) = client.snapshot().await.expect("timestamp");
    let scans = client.scan(&ScanRequest::all(SPACE, ts)).await.expect("scans");
    let ints = |column: &ArrayRef| cast(column, &DataType::Int64).expect("is an integer");
    let mut balances = Vec::new();
    for scan in &scans {
        for morsel in scan.morsels() {
            let batch = scan.read(&morsel, &[0, 1]);
            let columns: Vec<ArrayRef> = batch.columns.iter().map(ints).collect();
            let column = |i: usize| columns[i].as_primitive::<Int64Type>().values().to_vec();
            balances.extend(column(0).into_iter().zip(column(1)));
        }
    }
    assert!(balances.iter().map(|b| b.0).eq(0..REGIONS * WIDTH), "every account, once");
    assert_eq!(balances.iter().map(|b| b.1).sum::<i64>(), REGIONS * WIDTH * START, "at {ts}");
    let saw = |writer| {
        let changed = |id: i64| balances[id as usize].1 == written(id);
        let first = keys_of(writer).next().is_some_and(changed);
        assert!(keys_of(writer).all(|id| changed(id) == first), "writer {writer} is seen in part at {ts}");
        first
    };
    (0..WRITERS).map(saw).collect()
}

/// Splits, merges and moves, once.
async fn disturb(client: &mut Client, random: &mut Random) {
    client.split(&key(random.below((REGIONS * WIDTH) as usize) as i64)).await.expect("splits");
    client.merge(&key(random.below((REGIONS * WIDTH) as usize) as i64)).await.expect("merges");
    let regions = client.regions(SPACE).await.expect("lists");
    let region = &regions[random.below(regions.len())];
    let to = region.peers[random.below(region.peers.len())];
    // It may be part of its neighbour by now.
    let _ = client.transfer_leader(region.id, to).await;
}

/// A reader: at once, when everybody is dead, and again and again, until the locks' time is over. What it saw then.
async fn reader(client: &mut Client, born: tokio::time::Instant) -> Vec<bool> {
    let mut before = read(client).await;
    loop {
        let is_over = born.elapsed() > TTL;
        let now = read(client).await;
        assert!(before.iter().zip(&now).all(|(before, now)| !before || *now), "what was seen stays");
        if is_over {
            return now;
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is to be true when all is over. How many transactions were committed, how many not.
async fn aftermath(cluster: &Cluster, lived: &[bool], ends: &[Vec<bool>], known: u64) -> (usize, usize) {
    assert!(ends.iter().all(|saw| *saw == ends[0]), "all agree on what is committed");
    assert!(lived.iter().zip(&ends[0]).all(|(lived, saw)| !lived || *saw), "who was told so is committed");
    let mut client = cluster.client();
    assert_eq!(read(&mut client).await, ends[0]);
    assert_eq!(client.stats().locks_met, 0, "every lock is gone after one resolve");
    drop(client);
    let incidents = cluster.simulation().expect("it is one").incidents();
    let stats = cluster.stats();
    assert_eq!(stats.rpcs, incidents.messages, "each request is counted once");
    assert!(stats.locks_met > known, "{stats:?}");
    assert!(stats.region_errors(RegionErrorKind::ServerIsBusy) <= incidents.refused);
    assert!(incidents.refused > 0 && stats.region_errors(RegionErrorKind::EpochNotMatch) > 0, "{stats:?}");
    let committed = ends[0].iter().filter(|saw| **saw).count();
    (committed, ends[0].len() - committed)
}

/// One storm under a paused clock: what was committed and what not, and its trace.
async fn storm(seed: u64) -> (usize, usize, u64) {
    let latency = Duration::from_millis(10);
    let config = SimulatedConfig {
        seed,
        latency,
        jitter: Duration::from_millis(5),
        busy: 0.002,
        // So that some transactions lack a lock.
        loss: 0.004,
        ..SimulatedConfig::default()
    };
    let cluster = set_up(config).await;
    let mut random = Random::new(seed);
    let client = cluster.client();
    let born = tokio::time::Instant::now();
    // The timestamp takes two ways, the prewrites one or two: most die when all of their locks are there.
    let mut lives = Vec::new();
    for writer in 0..WRITERS {
        let life = 2 * latency + Duration::from_millis(10 + random.below(30) as u64);
        lives.push(write(client.fork(), writer, life));
    }
    let lived = futures_util::future::join_all(lives).await;
    let readers = (0..READERS).map(|_| {
        let mut client = client.fork();
        async move { reader(&mut client, born).await }
    });
    let trouble = async {
        let mut client = client.fork();
        while born.elapsed() < 2 * TTL {
            disturb(&mut client, &mut random).await;
        }
    };
    let (ends, ()) = futures_util::future::join(futures_util::future::join_all(readers), trouble).await;
    drop(client);
    // Whatever was still on its way in the background.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (committed, not) = aftermath(&cluster, &lived, &ends, 100).await;
    (committed, not, cluster.simulation().expect("it is one").trace())
}

#[test]
fn readers_agree_on_what_the_dead_have_left() {
    let run = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("starts").block_on(storm(seed))
    };
    let (mut committed, mut not) = (0, 0);
    for seed in 0..3 {
        let (yes, no, trace) = run(seed);
        println!("seed {seed}: {yes} committed, {no} not, trace {trace:016x}");
        (committed, not) = (committed + yes, not + no);
        if seed == 0 {
            assert_eq!(run(seed), (yes, no, trace), "the same seed is the same storm");
        }
    }
    assert!(committed > 5 && not > 5, "{committed} committed, {not} not");
}

#[test]
fn readers_on_threads_agree_on_what_the_dead_have_left() {
    let config = SimulatedConfig {
        seed: 1,
        latency: Duration::from_millis(2),
        jitter: Duration::from_millis(1),
        busy: 0.0005,
        // A machine with other work to do is no lossy network.
        send_timeout: Duration::from_secs(20),
        ..SimulatedConfig::default()
    };
    let runtime = Cluster::new(ClusterConfig {
        transport: TransportConfig::Simulated(config.clone()),
        ..ClusterConfig::default()
    })
    .runtime();
    let cluster = runtime.block_on(set_up(config));
    let runtime = cluster.runtime();
    let born = runtime.block_on(async { tokio::time::Instant::now() });
    let client = cluster.client();
    let (lived, ends): (Vec<bool>, Vec<Vec<bool>>) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (runtime, client) = (cluster.runtime(), client.fork());
                let life = Duration::from_millis(6 + 3 * writer as u64);
                scope.spawn(move || runtime.block_on(write(client, writer, life)))
            })
            .collect();
        let lived = writers.into_iter().map(|w| w.join().expect("joins")).collect();
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let (runtime, mut client) = (cluster.runtime(), client.fork());
                scope.spawn(move || runtime.block_on(reader(&mut client, born)))
            })
            .collect();
        let trouble = scope.spawn({
            let (runtime, mut client, mut random) = (cluster.runtime(), client.fork(), Random::new(1));
            move || {
                runtime.block_on(async {
                    while born.elapsed() < TTL {
                        disturb(&mut client, &mut random).await;
                    }
                });
            }
        });
        let ends = readers.into_iter().map(|r| r.join().expect("joins")).collect();
        trouble.join().expect("joins");
        (lived, ends)
    });
    drop(client);
    runtime.block_on(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (committed, not) = aftermath(&cluster, &lived, &ends, 10).await;
        println!("{committed} committed, {not} not");
    });
}
