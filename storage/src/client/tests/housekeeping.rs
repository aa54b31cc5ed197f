//! Deltas are folded beside those who write, however young they are; what was is kept for those who may read it, and no longer;
//! and what the dead have left goes by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::resolver::ask;
use super::*;
use crate::client::GarbagePolicy;
use crate::percolator::{Mutation, MutationOp, Prewrite};
use crate::rpc::{Body, Reply};

const IDS: std::ops::Range<i64> = 0..6000;

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn set_all(c: &mut Client, balance: i64) {
    let start_ts = c.timestamp().await.expect("timestamp");
    let mut t = c.begin(start_ts);
    IDS.for_each(|id| t.put(key(id), row(id, balance)));
    committed(t, c).await;
}

async fn all_at(c: &mut Client, ts: Timestamp) -> Vec<(i64, i64)> {
    rows_of(&c.scan(&ScanRequest::all(SPACE, ts)).await.expect("scans"))
}

/// Rows and versions that a reader at the moment finds at one key.
async fn held(c: &mut Client) -> usize {
    let now = c.timestamp().await.expect("timestamp");
    let one = ScanRequest { ranges: [KeyRange::point(&key(7))].into(), ..ScanRequest::all(SPACE, now) };
    c.scan(&one).await.expect("scans")[0].row_count_estimate()
}

#[test]
fn what_is_young_is_folded_and_what_was_is_kept_for_as_long_as_it_may_be_read() {
    let config = ClusterConfig {
        delta_rows_max: 5000,
        history: Duration::from_millis(1500),
        ..ClusterConfig::default()
    };
    let (cluster, mut c) = direct(config);
    let with = |balance| IDS.map(|id| (id, balance)).collect::<Vec<_>>();
    cluster.runtime().block_on(async {
        set_all(&mut c, 1).await;
        let first = c.timestamp().await.expect("timestamp");
        let begin = Instant::now();
        set_all(&mut c, 2).await;
        until("a fold", async || held(&mut c).await == 1).await;
        let past = c.scan(&ScanRequest::all(SPACE, first)).await;
        // On a slow day history has passed before that.
        if past.is_ok() || begin.elapsed() < Duration::from_millis(1000) {
            assert_eq!(rows_of(&past.expect("scans")), with(1), "one may still read what was");
        }
        let (second, pin) = c.snapshot().await.expect("timestamp");
        set_all(&mut c, 3).await;
        // Nobody writes any more, and yet it goes.
        until("to forget", async || {
            let found = c.scan(&ScanRequest::all(SPACE, first)).await;
            assert!(found.is_ok() || matches!(found, Err(Error::SnapshotTooOld { .. })), "{found:?}");
            found.is_err()
        })
        .await;
        assert!(begin.elapsed() > Duration::from_millis(1400), "it is kept as long as was promised");
        assert_eq!(all_at(&mut c, second).await, with(2), "what is pinned is kept");
        drop(pin);
        let now = c.timestamp().await.expect("timestamp");
        assert_eq!(all_at(&mut c, now).await, with(3));
    });
}

/// Each transaction moves all balances; readers of the moment and of a moment ago see one of its states, whole.
#[test]
fn readers_see_whole_states_while_folds_come_and_go() {
    let config = ClusterConfig {
        delta_rows_max: 1500,
        history: Duration::from_millis(300),
        ..ClusterConfig::default()
    };
    let (cluster, mut c) = direct(config);
    let runtime = cluster.runtime();
    runtime.block_on(set_all(&mut c, 0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = |ago_ms: u64| {
            let (cluster, done) = (&cluster, &done);
            move || {
                let mut c = cluster.client();
                let mut seen = 0;
                let mut rounds = 0;
                cluster.runtime().block_on(async {
                    while !done.load(Ordering::Relaxed) || rounds == 0 {
                        let (now, _pin) = c.snapshot().await.expect("timestamp");
                        std::thread::sleep(Duration::from_millis(ago_ms));
                        let rows = all_at(&mut c, now).await;
                        assert_eq!(rows.len(), IDS.end as usize);
                        let balance = rows[0].1;
                        assert!(rows.iter().zip(IDS).all(|(row, id)| *row == (id, balance)), "torn");
                        assert!(balance >= seen, "{balance} after {seen}");
                        let keys = [key(3), key(5999)];
                        let found = c.get(SPACE, &keys, now, &[1]).await.expect("gets");
                        assert_eq!(found.rows, 2);
                        seen = balance;
                        rounds += 1;
                    }
                });
                seen
            }
        };
        let readers = [0, 0, 40].map(|ago_ms| scope.spawn(reader(ago_ms)));
        for balance in 1..=8 {
            runtime.block_on(set_all(&mut c, balance));
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("joins") > 0);
        }
    });
}

/// Nobody asks for it, and nobody meets the lock.
#[test]
fn garbage_goes_by_itself_unless_it_is_to_stay() {
    let config = ClusterConfig {
        history: Duration::from_millis(20),
        garbage_interval: Duration::ZERO,
        ..ClusterConfig::default()
    };
    let (cluster, mut c) = direct(config);
    cluster.runtime().block_on(async {
        open_accounts(&mut c).await;
        let mut t = c.begin(c.shared.pd.timestamp());
        t.put(key(9), row(9, START));
        committed(t, &mut c).await;
        let first = c.timestamp().await.expect("timestamp");
        // Of a transaction whose coordinator is gone, and that says it lives for a day.
        let start_ts = c.shared.pd.timestamp();
        let body = Body::Prewrite(Prewrite {
            mutations: vec![Mutation { key: key(7), op: MutationOp::Put(row(7, 0)) }],
            primary: key(7),
            start_ts,
            ttl_ms: 86_400_000,
            txn_size: 1,
            min_commit_ts: Timestamp(0),
            pessimistic: None,
            async_commit: None,
        });
        ask(&mut c, &key(7), body).await;
        let left =
            async |c: &mut Client| match ask(c, &key(7), Body::ScanLocks { before: Timestamp::MAX }).await {
                Reply::Locks(locks) => locks.len(),
                other => panic!("{other:?}"),
            };
        let policy = GarbagePolicy { interval: Duration::from_millis(10), ..cluster.garbage_policy() };
        cluster.set_garbage_policy(GarbagePolicy { enabled: false, ..policy });
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!((cluster.garbage_rounds(), left(&mut c).await), (0, 1));
        let asked = c.collect_garbage().await.expect("collects");
        assert!(asked.safe_point < start_ts, "what could be read then can be read still: {asked:?}");
        assert_eq!(read_all(&mut c, first).await.len(), ACCOUNTS as usize);

        cluster.set_garbage_policy(policy);
        until("to collect", async || left(&mut c).await == 0).await;
        let balance = read_all(&mut c, Timestamp::MAX).await[7].1;
        assert_eq!(balance, START, "the dead one is rolled back");
        until("to forget", async || c.scan(&ScanRequest::all(SPACE, first)).await.is_err()).await;
        assert!(cluster.garbage_rounds() > 0);

        // Who is at work, for however long, is not dead.
        let mut t = c.begin_pessimistic(c.shared.pd.timestamp());
        c.see_newest(&mut t).await.expect("timestamp");
        c.lock_keys(&mut t, vec![key(8)], crate::client::LockWait::No).await.expect("locks");
        let rounds = cluster.garbage_rounds();
        until("more rounds", async || cluster.garbage_rounds() > rounds + 3).await;
        t.put(key(8), row(8, 1));
        committed(t, &mut c).await;
    });
}
