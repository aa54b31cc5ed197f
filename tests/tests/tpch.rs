//! The 22 queries of TPC-H at scale factor 0.01, checked against the answers in `engine/bench/tpch/answers`, which another
//! engine computed on the same data.

use allod::bench::{ClusterOptions, tpch};

fn options() -> tpch::Options {
    tpch::Options {
        sf: 0.01,
        queries: Vec::new(),
        runs: 1,
        json: None,
        check: None,
        explain: false,
        cluster: ClusterOptions::default(),
    }
}

#[test]
fn every_answer_is_right() {
    assert!(
        tpch::run(&options()).expect("the benchmark runs").all_right,
        "an answer is wrong: see the table above"
    );
}

#[test]
fn every_answer_is_right_with_one_worker_over_many_regions() {
    let cluster =
        ClusterOptions { stores: Some(5), regions: Some(60), workers: Some(1), ..ClusterOptions::default() };
    let options = tpch::Options { cluster, ..options() };
    assert!(
        tpch::run(&options).expect("the benchmark runs").all_right,
        "an answer is wrong: see the table above"
    );
}

#[test]
fn a_wrong_answer_is_noticed() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    // The right answer of q06 at this scale factor is 1193053.2253.
    std::fs::write(dir.path().join("q06.tsv"), "revenue\n1193053.2254\n").expect("the folder is writable");
    let options = tpch::Options { queries: vec![6], check: Some(dir.path().to_path_buf()), ..options() };
    assert!(!tpch::run(&options).expect("the benchmark runs").all_right);
}
