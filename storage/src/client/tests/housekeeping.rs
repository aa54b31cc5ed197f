//! Deltas are folded beside those who write, however young they are; what was is kept for those who may read it, and no longer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;

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
