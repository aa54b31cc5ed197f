//! The 22 queries of TPC-H while the cluster does what clusters do: 200 regions on 5 stores behind a network that loses one
//! message in a hundred, regions that split and merge and leaders that move under the feet of every query. The answers are those of a
//! cluster where nothing happens.
//!
//! The network's and the troublemaker's random numbers come from a seed, which is printed; `ALLOD_SEED=7 cargo test --test
//! chaos` repeats it (as far as threads repeat).

use std::time::{SystemTime, UNIX_EPOCH};

use allod::bench::{ClusterOptions, tpch};

fn seed() -> u64 {
    let given = std::env::var("ALLOD_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_micros() as u64))
}

#[test]
fn every_answer_is_right_while_regions_split_and_leaders_move_and_messages_get_lost() {
    let seed = seed();
    println!("ALLOD_SEED={seed}");
    let network = format!("{seed},0.01,0.1").parse().expect("a seed, a part and a latency");
    let options = tpch::Options {
        sf: 0.01,
        queries: Vec::new(),
        runs: 1,
        json: None,
        check: None,
        explain: false,
        cluster: ClusterOptions {
            stores: Some(5),
            regions: Some(200),
            network: Some(network),
            chaos: true,
            workers: None,
        },
    };
    let summary = tpch::run(&options).expect("the benchmark runs");
    assert!(summary.all_right, "seed {seed}: an answer is wrong, see the table above");
    // It met what it was meant to meet.
    assert!(summary.regions >= 150, "seed {seed}: {summary:?}");
    assert!(summary.disturbances >= 20, "seed {seed}: {summary:?}");
    assert!(summary.region_errors >= 5, "seed {seed}: {summary:?}");
    assert!(summary.timeouts >= 5, "seed {seed}: {summary:?}");
}
