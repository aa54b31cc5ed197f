//! Deltas are folded beside those who write, and what was too young is folded when it is old enough, though nobody writes.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_large_delta_is_folded_when_it_is_old_enough() {
    let history = Duration::from_millis(200);
    let (cluster, mut c) =
        direct(ClusterConfig { delta_rows_max: 5000, history, ..ClusterConfig::default() });
    let ids = 0..6000i64;
    cluster.runtime().block_on(async {
        for balance in 1..=2 {
            let start_ts = c.timestamp().await.expect("timestamp");
            let mut t = c.begin(start_ts);
            ids.clone().for_each(|id| t.put(key(id), row(id, balance)));
            committed(t, &mut c).await;
        }
        let begin = Instant::now();
        loop {
            let now = c.timestamp().await.expect("timestamp");
            let scans = c.scan(&ScanRequest::all(SPACE, now)).await.expect("scans");
            let expected: Vec<(i64, i64)> = ids.clone().map(|id| (id, 2)).collect();
            assert_eq!(rows_of(&scans), expected);
            // Of one key: its row in base, and whatever there is of delta.
            let one =
                ScanRequest { ranges: [KeyRange::point(&key(7))].into(), ..ScanRequest::all(SPACE, now) };
            let held = c.scan(&one).await.expect("scans")[0].row_count_estimate();
            drop(scans);
            if held == 1 {
                assert!(begin.elapsed() >= history, "what is younger may still be read as it was before");
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "{held} rows and versions are left");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}
