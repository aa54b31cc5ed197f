//! How fast the client is when every answer is a function call.
//!
//! ```text
//! cargo bench -p allod-storage --features speed -- prefixes
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark may end where it stands")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allod_storage::client::{Client, CommitOutcome, LookupBound, LookupRequest, ScanRequest};
use allod_storage::cluster::{Cluster, ClusterConfig};
use allod_storage::key::{Key, encode_datums, range_of};
use allod_storage::mvcc::RowRef;
use allod_storage::schema::{ColumnDef, ColumnType, Datum, SpaceId, SpaceSchema, SqlType, Timestamp};
use arrow::array::{ArrayRef, Date32Array, Decimal64Array, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

const ORDERS: i64 = 1_500_000;
const LINES: i64 = 4;
const BATCH: i64 = 65_536;

/// As in TPC-H: eight of every 32 numbers are used.
fn order_key(i: i64) -> i64 {
    i / 8 * 32 + i % 8 + 1
}

fn mix(i: u64) -> u64 {
    let z = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn types() -> Vec<SqlType> {
    vec![
        SqlType::BIGINT,
        SqlType::BIGINT,
        SqlType::Decimal { precision: 15, scale: 2 },
        SqlType::Date,
        SqlType::varchar(40),
    ]
}

fn schema(id: SpaceId, key: Vec<usize>) -> Arc<SpaceSchema> {
    let columns = types().into_iter().map(|sql| ColumnDef::new("c", ColumnType::not_null(sql)));
    Arc::new(SpaceSchema { id, columns: columns.collect(), key, unique_prefix: None })
}

fn batch(keys: &[(i64, i64)]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys.iter().map(|k| k.0).collect::<Int64Array>()),
        Arc::new(keys.iter().map(|k| k.1).collect::<Int64Array>()),
        Arc::new(
            Decimal64Array::from_iter_values(keys.iter().map(|k| (mix(k.0 as u64) % 100_000) as i64))
                .with_data_type(DataType::Decimal64(18, 2)),
        ),
        Arc::new(Date32Array::from_iter_values(keys.iter().map(|k| (mix(k.0 as u64) % 2500) as i32))),
        Arc::new(StringViewArray::from_iter_values(
            keys.iter().map(|k| format!("a comment on {} {}", k.0, k.1)),
        )),
    ];
    let fields: Vec<Field> = types().iter().map(|sql| Field::new("c", sql.arrow(), false)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn load(cluster: &Cluster, space: SpaceId, key: Vec<usize>, keys: impl Iterator<Item = (i64, i64)>) {
    let mut client = cluster.client();
    let keys: Vec<(i64, i64)> = keys.collect();
    let batches = keys.chunks(BATCH as usize).map(batch).collect();
    cluster.runtime().block_on(async {
        client.create_space(schema(space, key)).await.unwrap();
        client.ingest(space, batches, true).await.unwrap();
    });
}

/// Some of the order keys, ascending.
fn some_orders(n: usize, seed: u64) -> Vec<i64> {
    let mut keys: Vec<i64> =
        (0..n as u64).map(|i| order_key((mix(i + seed) % ORDERS as u64) as i64)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn ints(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn request(space: SpaceId, prefix: Vec<ArrayRef>, ordinals: &[usize], ts: Timestamp) -> LookupRequest {
    let lookups = prefix[0].len();
    LookupRequest {
        space,
        prefix,
        low: None,
        high: None,
        lookups,
        ts,
        ordinals: ordinals.into(),
        first_only: false,
    }
}

type Group<'c> = BenchmarkGroup<'c, WallTime>;

/// Times something that is made of so many parts.
fn report(group: &mut Group<'_>, name: &str, parts: usize, mut run: impl FnMut()) {
    group.throughput(Throughput::Elements(parts as u64));
    group.bench_function(name, |bencher| bencher.iter(&mut run));
}

fn look_up(cluster: &Cluster, client: &mut Client, request: &LookupRequest) -> usize {
    cluster.runtime().block_on(client.lookup(request)).unwrap().rows
}

const LINEITEM: SpaceId = SpaceId(1);
const ORDER: SpaceId = SpaceId(2);
const INDEX: SpaceId = SpaceId(3);

fn lookups(group: &mut Group<'_>, cluster: &Cluster) {
    let mut client = cluster.client();
    let ts = cluster.runtime().block_on(client.timestamp()).unwrap();
    let mut many = |name: &str, requests: Vec<LookupRequest>| {
        let n = requests.iter().map(|r| r.lookups).sum();
        report(group, name, n, || {
            black_box(requests.iter().map(|r| look_up(cluster, &mut client, r)).sum::<usize>());
        });
    };
    let prefixes = some_orders(10_000, 1);
    let few = |ordinals: &[usize]| vec![request(LINEITEM, vec![ints(prefixes.clone())], ordinals, ts)];
    many("10k prefixes of 6M rows, decimal", few(&[2]));
    many("10k prefixes of 6M rows, nothing", few(&[]));
    many("10k prefixes of 6M rows, key, decimal and date", few(&[0, 1, 2, 3]));
    many("10k prefixes of 6M rows, string", few(&[4]));
    let adjacent: Vec<i64> = (700_000..710_000).map(order_key).collect();
    many(
        "10k adjacent prefixes of 6M rows, decimal",
        vec![request(LINEITEM, vec![ints(adjacent)], &[2], ts)],
    );
    let mut exists = few(&[2]);
    exists[0].first_only = true;
    many("10k prefixes of 6M rows, decimal, first only", exists);
    let mut bounded = few(&[2]);
    bounded[0].low = Some(LookupBound { values: ints(vec![2; prefixes.len()]), inclusive: true });
    many("10k prefixes of 6M rows, decimal, line >= 2", bounded);

    let random = some_orders(120_000, 7);
    let full = |n: usize| -> Vec<LookupRequest> {
        let part = |keys: &[i64]| {
            let lines = keys.iter().map(|k| k % LINES + 1).collect();
            request(LINEITEM, vec![ints(keys.to_vec()), ints(lines)], &[2], ts)
        };
        random.chunks(n).map(part).collect()
    };
    many("120k full keys of two columns of 6M rows, decimal", full(usize::MAX));
    many("same, in 5 requests", full(25_000));
    many("same, in 118 requests", full(1024));
    let single = vec![request(ORDER, vec![ints(random.clone())], &[2], ts)];
    many("120k full keys of one column of 1.5M rows, decimal", single);
    let mut strides = Vec::new();
    for part in 0..118 {
        let keys: Vec<i64> = random.iter().copied().skip(part).step_by(118).collect();
        strides.push(request(ORDER, vec![ints(keys)], &[2], ts));
    }
    many("same, in 118 requests that span all", strides);
    let codes: Vec<i64> = (0..1000).map(|i| i * 7).collect();
    many(
        "1k prefixes of an index, 100 rows each, order key",
        vec![request(INDEX, vec![ints(codes)], &[0], ts)],
    );

    for n in [1usize, 10, 100] {
        let requests: Vec<LookupRequest> =
            (0..1000).map(|i| request(LINEITEM, vec![ints(some_orders(n, i * 1000))], &[2], ts)).collect();
        let mut next = requests.iter().cycle();
        report(group, &format!("{n} prefixes of 6M rows, decimal"), n, || {
            black_box(look_up(cluster, &mut client, next.next().unwrap()));
        });
    }
}

fn fixed_parts(group: &mut Group<'_>, cluster: &Cluster) {
    let runtime = cluster.runtime();
    let mut client = cluster.client();
    let ts = runtime.block_on(client.timestamp()).unwrap();
    let keys: Vec<Key> =
        some_orders(1000, 3).iter().map(|&k| encode_datums(ORDER, &[Datum::Int(k)])).collect();
    runtime.block_on(client.get(ORDER, &keys, ts, &[2])).unwrap();
    report(group, "fork and absorb", 1, || {
        let fork = client.fork();
        client.absorb(fork);
    });
    report(group, "fork and drop", 1, || drop(client.fork()));
    report(group, "timestamp", 1, || {
        black_box(runtime.block_on(client.timestamp()).unwrap());
    });
    report(group, "snapshot", 1, || {
        black_box(runtime.block_on(client.snapshot()).unwrap());
    });
    report(group, "fork, snapshot and absorb", 1, || {
        let mut fork = client.fork();
        black_box(runtime.block_on(fork.snapshot()).unwrap());
        client.absorb(fork);
    });
    report(group, "fork, snapshot and drop", 1, || {
        let mut fork = client.fork();
        black_box(runtime.block_on(fork.snapshot()).unwrap());
    });
    let mut next = keys.iter().cycle();
    report(group, "get of one key", 1, || {
        let key = std::slice::from_ref(next.next().unwrap());
        black_box(runtime.block_on(client.get(ORDER, key, ts, &[2])).unwrap());
    });
    let ranges: Vec<ScanRequest> = some_orders(1000, 3)
        .iter()
        .map(|&k| ScanRequest {
            ranges: [range_of(LINEITEM, &[Datum::Int(k)], true, &[Datum::Int(k)], true)].into(),
            ..ScanRequest::all(LINEITEM, ts)
        })
        .collect();
    let mut next = ranges.iter().cycle();
    report(group, "scan of one order's lines: open", 1, || {
        black_box(runtime.block_on(client.scan(next.next().unwrap())).unwrap());
    });
    report(group, "scan of one order's lines: open, morsels, read", 1, || {
        let scans = runtime.block_on(client.scan(next.next().unwrap())).unwrap();
        for scan in &scans {
            for morsel in scan.morsels() {
                black_box(scan.read(&morsel, &[2]));
            }
        }
    });
}

/// What several threads do at the same time, each with a client of its own: the time in which each has done it once.
fn sessions(
    group: &mut Group<'_>,
    cluster: &Cluster,
    name: &str,
    run: impl Fn(&Cluster, &mut Client, u64) + Sync,
) {
    for threads in [1, 2, 4, 8] {
        group.throughput(Throughput::Elements(threads));
        group.bench_function(format!("{name}, {threads} sessions"), |bencher| {
            bencher.iter_custom(|times| {
                let start = Instant::now();
                std::thread::scope(|scope| {
                    for thread in 0..threads {
                        let run = &run;
                        scope.spawn(move || {
                            let parent = cluster.client();
                            for n in 0..times {
                                let mut client = parent.fork();
                                run(cluster, &mut client, mix(n + thread * 1_000_000));
                            }
                        });
                    }
                });
                start.elapsed()
            });
        });
    }
}

fn with_delta(group: &mut Group<'_>, cluster: &Cluster) {
    let runtime = cluster.runtime();
    let mut client = cluster.client();
    for start in 0..10 {
        let ts = runtime.block_on(client.timestamp()).unwrap();
        let mut transaction = client.begin(ts);
        for key in some_orders(100, 5000 + start * 100) {
            let row = RowRef { batch: Arc::new(batch(&[(key, 2)])), row: 0 };
            transaction.put(encode_datums(LINEITEM, &[Datum::Int(key), Datum::Int(2)]), row);
        }
        let outcome = runtime.block_on(transaction.commit(&mut client)).unwrap();
        assert!(matches!(outcome, CommitOutcome::Committed(_)));
    }
    let ts = runtime.block_on(client.timestamp()).unwrap();
    for (name, seed) in [("10k prefixes, 1000 delta rows elsewhere", 1), ("1k prefixes, all in delta", 5000)]
    {
        let keys = some_orders(if seed == 1 { 10_000 } else { 1000 }, seed);
        let wanted = request(LINEITEM, vec![ints(keys)], &[2], ts);
        report(group, name, wanted.lookups, || {
            black_box(look_up(cluster, &mut client, &wanted));
        });
    }
}

fn client(criterion: &mut Criterion) {
    let cluster = Cluster::new(ClusterConfig { region_bytes_max: usize::MAX, ..ClusterConfig::default() });
    load(&cluster, ORDER, vec![0], (0..ORDERS).map(|i| (order_key(i), 1)));
    let lines = (0..ORDERS).flat_map(|i| (1..=LINES).map(move |line| (order_key(i), line)));
    load(&cluster, LINEITEM, vec![0, 1], lines);
    load(&cluster, INDEX, vec![1, 0], (0..ORDERS / 2).map(|i| (i, i % 7000)));
    let mut group = criterion.benchmark_group("client");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    fixed_parts(&mut group, &cluster);
    lookups(&mut group, &cluster);
    sessions(&mut group, &cluster, "snapshot and get", |cluster, client, n| {
        cluster.runtime().block_on(async {
            let (ts, _pin) = client.snapshot().await.unwrap();
            let key = encode_datums(ORDER, &[Datum::Int(order_key((n % ORDERS as u64) as i64))]);
            client.get(ORDER, &[key], ts, &[2]).await.unwrap();
        });
    });
    sessions(&mut group, &cluster, "snapshot and 100 lookups", |cluster, client, n| {
        cluster.runtime().block_on(async {
            let (ts, _pin) = client.snapshot().await.unwrap();
            let keys = some_orders(100, n);
            client.lookup(&request(LINEITEM, vec![ints(keys)], &[2], ts)).await.unwrap();
        });
    });
    with_delta(&mut group, &cluster);
    group.finish();
}

criterion_group!(benches, client);
criterion_main!(benches);
