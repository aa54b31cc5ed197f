//! The simulation: its scripts, and its checkers against protocols that are broken on purpose.

use std::path::Path;

use allod_storage::rpc::Broken;
use allod_tests::simulate::run::{Kind, Options, run, run_in_sql};
use allod_tests::simulate::script::{Script, incident};
use allod_tests::simulate::sql::counter::Counter;
use allod_tests::simulate::sql::kill::Kill;
use allod_tests::simulate::sql::savepoint::Savepoints;

#[test]
fn every_script_runs_without_a_violation_and_meets_what_it_is_about() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fault");
    let entries = std::fs::read_dir(&folder).expect("the scripts are there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "{paths:?}");
    for path in paths {
        let name = path.display();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let script = Script::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let report = run(&script.options);
        assert_eq!(report.violations, Vec::<String>::new(), "{name}: {report}");
        assert!(report.outcomes[0] > 100, "{name}: {report}");
        assert!(!script.expected.is_empty(), "{name} expects nothing");
        for (what, times) in &script.expected {
            let met = incident(&report.incidents, what).expect("the script was read");
            assert!(met >= *times, "{name}: {what} {met} times, not {times}: {:?}", report.incidents);
        }
    }
}

/// Each way to break the protocol is noticed by the workload that is there for it, within a few seeds.
#[test]
fn broken_protocols_are_caught() {
    const SEEDS: u64 = 12;
    for how in Broken::ALL {
        let kind = match how {
            Broken::ReadsIgnoreLocks | Broken::ReadsWithoutTimestamp => Kind::BankMultitable,
            Broken::SkipsSecondary | Broken::ForgetsSecondary | Broken::ResolvesWrongly => Kind::Bank,
            Broken::IgnoresConflicts => Kind::Monotonic,
            Broken::AcknowledgesTooEarly => Kind::Set,
            Broken::SharesLocks => Kind::SqlQueue,
            Broken::ReadsOfThePast | Broken::TimestampsGoBack => Kind::Register,
        };
        let caught = caught(kind, how, SEEDS);
        assert!(caught.is_some(), "{how:?}: {} notices nothing in {SEEDS} seeds", kind.name());
    }
}

/// The first seed whose violations tell that the protocol is broken.
fn caught(kind: Kind, how: Broken, seeds: u64) -> Option<u64> {
    (1..=seeds).find(|&seed| {
        let options = Options { seconds: 30, broken: Some(how), ..Options::new(seed, kind) };
        !run(&options).violations.is_empty()
    })
}

/// Sessions notice it, too: through the engine's own retries, its plans, and what it reads by an index.
#[test]
fn broken_protocols_are_caught_by_sessions() {
    const SEEDS: u64 = 6;
    for (kind, how) in [
        (Kind::SqlBankMultitable, Broken::ReadsWithoutTimestamp),
        (Kind::SqlSet, Broken::SkipsSecondary),
        (Kind::SqlRegister, Broken::AcknowledgesTooEarly),
        (Kind::SqlAppend, Broken::IgnoresConflicts),
        (Kind::SqlCounter, Broken::AcknowledgesTooEarly),
        (Kind::SqlSavepoint, Broken::SkipsSecondary),
        (Kind::SqlPast, Broken::ReadsWithoutTimestamp),
        (Kind::SqlKill, Broken::SkipsSecondary),
    ] {
        assert!(caught(kind, how, SEEDS).is_some(), "{how:?}: {} notices nothing", kind.name());
    }
}

/// So are sessions that do not do as they are told.
#[test]
fn sessions_that_are_broken_are_caught() {
    const SEEDS: u64 = 2;
    for seed in 1..=SEEDS {
        let options = Options { seconds: 20, ..Options::new(seed, Kind::SqlSavepoint) };
        let report = run_in_sql(Counter { broken: true }, &options);
        assert!(
            !report.violations.is_empty(),
            "some statements are done twice, and nobody notices: {report}"
        );
        let report = run_in_sql(Savepoints { broken: true }, &options);
        assert!(!report.violations.is_empty(), "ROLLBACK TO keeps all, and nobody notices: {report}");
        let report = run_in_sql(Kill { broken: true }, &options);
        assert!(!report.violations.is_empty(), "what is killed is done, and nobody notices: {report}");
    }
}

/// A third of the stores is down at any time: what was acknowledged is there, and nothing else but what nobody heard of.
#[test]
fn no_write_is_lost_or_made_up_while_a_third_of_the_stores_crashes_in_turn() {
    const SEEDS: u64 = 8;
    // Through sessions a run takes longer.
    const SEEDS_IN_SQL: u64 = 2;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fault/crashes_in_turn.fault");
    let script = Script::parse(&std::fs::read_to_string(path).expect("is there")).expect("reads");
    let (mut acknowledged, mut unknown) = (0, 0);
    for (kind, seeds) in [(Kind::Set, SEEDS), (Kind::SqlSet, SEEDS_IN_SQL)] {
        for seed in 1..=seeds {
            let report = run(&Options { seed, kind, ..script.options.clone() });
            assert_eq!(report.violations, [""; 0], "{} {seed}", kind.name());
            acknowledged += report.writes;
            unknown += report.outcomes[2];
        }
    }
    println!("{acknowledged} writes acknowledged, 0 lost; {unknown} operations that nobody heard of");
    assert!(acknowledged > 1000 && unknown > 0, "{acknowledged} {unknown}");
}
