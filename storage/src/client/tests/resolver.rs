//! Transactions without a coordinator: their locks are in nobody's way for longer than they live, and they end everywhere
//! alike.

use super::*;
use crate::key::KeyRange;
use crate::percolator::{AsyncCommit, Mutation, MutationOp, Prewrite, PrewriteOutcome, Rollback};
use crate::rpc::{Body, Reply};

const TTL_MS: u64 = 3000;

/// A space of 40 accounts in four regions over a quiet network.
async fn four_regions() -> (Cluster, Client) {
    four_regions_over(SimulatedConfig::default()).await
}

async fn four_regions_over(network: SimulatedConfig) -> (Cluster, Client) {
    let cluster = Cluster::new(simulated(network));
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    open_accounts(&mut client).await;
    for id in [10, 20, 30] {
        client.split(&key(id)).await.expect("splits");
    }
    (cluster, client)
}

/// The locks that are there, whoever holds them.
pub(super) async fn locks(client: &mut Client) -> usize {
    let mut left = 0;
    for info in client.regions(SPACE).await.expect("lists") {
        let now = client.shared.pd.timestamp();
        let body = Body::Scan(Arc::new(crate::rpc::ScanBody {
            ranges: [info.range.intersect(&KeyRange::of_space(SPACE)).expect("of the space")].into(),
            ts: now,
            zone: Arc::default(),
            descending: false,
            ignore: Vec::new(),
            own: Default::default(),
        }));
        left += match ask(client, &info.range.start.clone(), body).await {
            Reply::Scan(crate::rpc::Read::Locked(locks)) => locks.len(),
            Reply::Scan(_) => 0,
            other => panic!("{other:?}"),
        };
    }
    left
}

pub(super) async fn ask(client: &mut Client, at: &Key, body: Body) -> Reply {
    let mut backoff = client.backoff("test", Budget::Prewrite);
    let mut region = client.locate(&mut backoff, at).await.expect("locates");
    match client.send(&mut backoff, &mut region, &body).await.expect("sends") {
        crate::client::sender::Sent::Reply(reply) => reply,
        crate::client::sender::Sent::Relocate => panic!("nothing moves here"),
    }
}

/// How a key of a crafted transaction is locked.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    TwoPhases,
    Async,
}

/// Locks these keys, the first is the primary, as a coordinator would; whoever does it is gone then.
async fn lock(client: &mut Client, start_ts: Timestamp, keys: &[(i64, Mode)], all: &[i64]) {
    for &(id, mode) in keys {
        let secondaries: Vec<Key> = all[1..].iter().map(|&id| key(id)).collect();
        let async_commit = (mode == Mode::Async).then(|| AsyncCommit {
            secondaries: if id == all[0] { secondaries.into() } else { Arc::default() },
            max_commit_ts: Timestamp::from_parts(start_ts.physical_ms() + 1000, 0),
            max_read_ts: Timestamp(0),
        });
        let prewrite = Prewrite {
            mutations: vec![Mutation { key: key(id), op: MutationOp::Put(row(id, 7)) }],
            primary: key(all[0]),
            start_ts,
            ttl_ms: TTL_MS,
            txn_size: all.len(),
            min_commit_ts: Timestamp(0),
            pessimistic: None,
            async_commit,
        };
        let reply = ask(client, &key(id), Body::Prewrite(prewrite)).await;
        let Reply::Prewrite(PrewriteOutcome::Done { min_commit_ts }) = reply else { panic!("{reply:?}") };
        assert_eq!(min_commit_ts > Timestamp(0), mode == Mode::Async);
    }
}

async fn balance(client: &mut Client, id: i64) -> i64 {
    let ts = client.timestamp().await.expect("timestamp");
    let got = client.get(SPACE, &[key(id)], ts, &[1]).await.expect("gets");
    ints(&got.columns[0])[0]
}

/// Whoever dies, whenever: all or nothing, all if it was said so, and others get on when its time is over.
#[tokio::test(start_paused = true)]
async fn a_coordinator_may_die_at_any_moment() {
    for async_commit in [AsyncUse::Never, AsyncUse::Always] {
        let mut ends = BTreeMap::new();
        // Slow enough that the clock can tell one message from the next.
        let network = SimulatedConfig { latency: Duration::from_millis(10), ..SimulatedConfig::default() };
        for cut_ms in (0..100).step_by(3) {
            let (_cluster, mut client) = four_regions_over(network.clone()).await;
            let ts = client.timestamp().await.expect("timestamp");
            let mut t = client.begin(ts);
            t.set_commit_options(CommitOptions { async_commit, ..CommitOptions::default() });
            for id in [5, 15, 25, 35] {
                t.put(key(id), row(id, START + if id < 20 { -9 } else { 9 }));
            }
            let cut = tokio::time::timeout(Duration::from_millis(cut_ms), t.commit(&mut client)).await;
            let before = tokio::time::Instant::now();
            audit(&mut client).await;
            let met_locks = client.stats().locks_met > 0;
            let seen = balance(&mut client, 15).await;
            // Writers get on, too, in each region.
            for id in [5, 15, 25, 35] {
                let now = balance(&mut client, id).await;
                let mut t = client.begin(client.shared.pd.timestamp());
                t.put(key(id), row(id, now));
                committed(t, &mut client).await;
            }
            assert!(
                before.elapsed() < Duration::from_secs(8),
                "cut after {cut_ms} ms: {:?}",
                before.elapsed()
            );
            audit(&mut client).await;
            assert_eq!(balance(&mut client, 15).await, seen);
            assert_eq!(locks(&mut client).await, 0);
            match &cut {
                Ok(outcome) => assert!(matches!(outcome, Ok(CommitOutcome::Committed(_))), "{outcome:?}"),
                Err(_cut) => {}
            }
            assert!(cut.is_err() || seen == START - 9, "cut after {cut_ms} ms: {seen}");
            *ends.entry((cut.is_err(), seen != START, met_locks)).or_insert(0) += 1;
        }
        // Cut and rolled back, cut and committed, not cut.
        assert!(ends.keys().any(|&(cut, changed, _)| cut && !changed), "{async_commit:?}: {ends:?}");
        assert!(ends.keys().any(|&(cut, changed, _)| cut && changed), "{async_commit:?}: {ends:?}");
        assert!(ends.keys().any(|&(cut, changed, _)| !cut && changed), "{async_commit:?}: {ends:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_async_commit_with_all_locks_is_committed_when_its_time_is_over() {
    let (_cluster, mut client) = four_regions().await;
    let start_ts = client.timestamp().await.expect("timestamp");
    // Somebody reads the last key later than the transaction begins.
    let reader_ts = client.timestamp().await.expect("timestamp");
    client.get(SPACE, &[key(35)], reader_ts, &[1]).await.expect("gets");
    lock(&mut client, start_ts, &[(5, Mode::Async), (15, Mode::Async), (35, Mode::Async)], &[5, 15, 35])
        .await;
    // That reader passes its lock without asking, and others read what was there before.
    let before = client.stats().clone();
    let again = client.get(SPACE, &[key(35)], reader_ts, &[1]).await.expect("gets");
    assert_eq!(ints(&again.columns[0]), [START]);
    assert_eq!(client.stats().since(&before).locks_met, 0);
    // One who comes later waits: it cannot know yet.
    let began = tokio::time::Instant::now();
    assert_eq!(balance(&mut client, 35).await, 7);
    let waited = began.elapsed();
    assert!(waited > Duration::from_millis(TTL_MS - 100) && waited < Duration::from_secs(8), "{waited:?}");
    // All of it was finished at once.
    assert_eq!(locks(&mut client).await, 0);
    // Committed after that reader, on all keys alike.
    let commit_ts = Timestamp(reader_ts.0 + 1);
    for id in [5, 15, 35] {
        for (ts, balance) in [(reader_ts, START), (commit_ts, 7)] {
            let got = client.get(SPACE, &[key(id)], ts, &[1]).await.expect("gets");
            assert_eq!(ints(&got.columns[0]), [balance], "{id} at {ts}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_async_commit_that_lacks_a_lock_is_rolled_back_for_good() {
    let (_cluster, mut client) = four_regions().await;
    let start_ts = client.timestamp().await.expect("timestamp");
    lock(&mut client, start_ts, &[(5, Mode::Async), (15, Mode::Async)], &[5, 15, 35]).await;
    tokio::time::sleep(Duration::from_millis(TTL_MS)).await;
    assert_eq!(balance(&mut client, 15).await, START);
    assert_eq!(locks(&mut client).await, 0);
    // Its last prewrite was late: too late.
    let prewrite = Prewrite {
        mutations: vec![Mutation { key: key(35), op: MutationOp::Put(row(35, 7)) }],
        primary: key(5),
        start_ts,
        ttl_ms: TTL_MS,
        txn_size: 3,
        min_commit_ts: Timestamp(0),
        pessimistic: None,
        async_commit: None,
    };
    let late = ask(&mut client, &key(35), Body::Prewrite(prewrite)).await;
    assert!(matches!(late, Reply::Prewrite(PrewriteOutcome::Aborted { .. })), "{late:?}");
    audit(&mut client).await;
}

/// TiDB issue 24384: the primary has fallen back to two phases, the secondary that is met has not.
#[tokio::test(start_paused = true)]
async fn a_primary_that_fell_back_is_ended_by_its_own_time() {
    let (_cluster, mut client) = four_regions().await;
    let start_ts = client.timestamp().await.expect("timestamp");
    lock(&mut client, start_ts, &[(5, Mode::TwoPhases), (15, Mode::Async)], &[5, 15]).await;
    tokio::time::sleep(Duration::from_millis(TTL_MS)).await;
    let began = tokio::time::Instant::now();
    assert_eq!(balance(&mut client, 15).await, START);
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(balance(&mut client, 5).await, START);
    assert_eq!(locks(&mut client).await, 0);
}

/// TiDB issue 23540: the secondary has fallen back to two phases, the primary that is asked has not.
#[tokio::test(start_paused = true)]
async fn a_secondary_that_fell_back_makes_the_primary_decide() {
    for alive in [false, true] {
        let (_cluster, mut client) = four_regions().await;
        let start_ts = client.timestamp().await.expect("timestamp");
        lock(&mut client, start_ts, &[(5, Mode::Async), (15, Mode::TwoPhases)], &[5, 15]).await;
        if !alive {
            tokio::time::sleep(Duration::from_millis(TTL_MS)).await;
        }
        let began = tokio::time::Instant::now();
        assert_eq!(balance(&mut client, 15).await, START);
        let waited = began.elapsed();
        let expected = Duration::from_millis(if alive { TTL_MS } else { 0 });
        assert!(
            waited + Duration::from_millis(100) > expected
                && waited < expected * 2 + Duration::from_millis(100)
        );
        assert_eq!(locks(&mut client).await, 0, "alive: {alive}");
    }
}

/// TiDB issue 59494: the transaction has been rolled back, one lock of several in a region is left, and is met by a writer.
#[tokio::test(start_paused = true)]
async fn the_lock_that_was_met_is_finished_whatever_recovery_knew() {
    let (_cluster, mut client) = four_regions().await;
    let start_ts = client.timestamp().await.expect("timestamp");
    lock(&mut client, start_ts, &[(5, Mode::Async), (16, Mode::Async)], &[5, 15, 16]).await;
    let rollback = Rollback { keys: vec![key(5)], start_ts };
    ask(&mut client, &key(5), Body::Rollback(rollback)).await;
    let began = tokio::time::Instant::now();
    let mut t = client.begin(client.shared.pd.timestamp());
    t.put(key(16), row(16, START));
    committed(t, &mut client).await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(locks(&mut client).await, 0);
    audit(&mut client).await;
}

/// What is in the way of a scan is resolved in one go: many locks of many transactions.
#[tokio::test(start_paused = true)]
async fn many_dead_transactions_cost_a_scan_a_few_rounds() {
    let (_cluster, mut client) = four_regions().await;
    for id in 0..10 {
        let start_ts = client.timestamp().await.expect("timestamp");
        let all = [id, id + 10, id + 20, id + 30];
        let locked: Vec<(i64, Mode)> = all.iter().map(|&id| (id, Mode::Async)).collect();
        lock(&mut client, start_ts, &locked[..if id % 2 == 0 { 4 } else { 3 }], &all).await;
    }
    tokio::time::sleep(Duration::from_millis(TTL_MS)).await;
    let began = tokio::time::Instant::now();
    let ts = client.timestamp().await.expect("timestamp");
    let rows = read_all(&mut client, ts).await;
    let expected: Vec<i64> = (0..40).map(|id| if id % 2 == 0 { 7 } else { START }).collect();
    assert_eq!(rows.iter().map(|r| r.1).collect::<Vec<_>>(), expected);
    // Timestamp, locate, scan; then status, secondaries, finish; then the scan again; and a wait or two.
    assert!(began.elapsed() < Duration::from_millis(20), "{:?}", began.elapsed());
    assert_eq!(locks(&mut client).await, 0);
}

/// Locks that nobody meets, of the dead in every state, and of one who lives: the former go, and with them what they kept.
#[tokio::test(start_paused = true)]
async fn garbage_is_what_nobody_can_ask_for() {
    let (_cluster, mut client) = four_regions().await;
    let living_ts = client.timestamp().await.expect("timestamp");
    lock(&mut client, living_ts, &[(5, Mode::Async), (15, Mode::Async)], &[5, 15]).await;
    let half_ts = client.timestamp().await.expect("timestamp");
    lock(&mut client, half_ts, &[(25, Mode::Async)], &[25, 35]).await;
    let two_ts = client.timestamp().await.expect("timestamp");
    lock(&mut client, two_ts, &[(26, Mode::TwoPhases), (36, Mode::TwoPhases)], &[26, 36]).await;
    let mut pessimistic = client.begin_pessimistic(client.shared.pd.timestamp());
    client.see_newest(&mut pessimistic).await.expect("timestamp");
    let wait = crate::client::LockWait::No;
    client.lock_keys(&mut pessimistic, vec![key(7), key(37)], wait).await.expect("locks");
    drop(pessimistic);
    // One who still has a pin on its start keeps all that is younger.
    let pin = client.shared.pd.pin(living_ts);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let nothing = client.collect_garbage().await.expect("collects");
    assert_eq!((nothing.safe_point, nothing.locks), (living_ts, 0));
    drop(pin);
    let before = client.timestamp().await.expect("timestamp");
    let some = client.collect_garbage().await.expect("collects");
    assert!(some.safe_point > living_ts && some.safe_point < before, "{some:?}");
    assert_eq!((some.locks > 0, some.regions), (true, 4), "{some:?}");
    for info in client.regions(SPACE).await.expect("lists") {
        let reply = ask(&mut client, &info.range.start.clone(), Body::ScanLocks { before }).await;
        assert!(matches!(&reply, Reply::Locks(locks) if locks.is_empty()), "{reply:?}");
    }
    // Whoever had all of its locks is committed, the others are not.
    for (id, balance) in [(5, 7), (15, 7), (25, START), (26, START), (36, START), (7, START), (37, START)] {
        assert_eq!(self::balance(&mut client, id).await, balance, "{id}");
    }
    // Below the safe point nobody is answered where versions were folded.
    let old = client.get(SPACE, &[key(5)], living_ts, &[1]).await;
    assert!(matches!(old, Err(Error::SnapshotTooOld { .. })), "{old:?}");
}
