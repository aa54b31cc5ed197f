//! Stores that fail, messages that come twice, late, or to nobody: what clients make of it.

use super::*;
use crate::fault::{Fault, Step};
use crate::rpc::Incidents;

/// A cluster of three stores and one region, which store 1 leads; rows 0 to 9.
pub(super) async fn three_stores(seed: u64) -> (Cluster, Client) {
    let config = SimulatedConfig { seed, ..SimulatedConfig::default() };
    let cluster = Cluster::new(ClusterConfig { stores: 3, ..simulated(config) });
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    for id in 0..10 {
        assert!(matches!(write(&mut client, id, 0).await, Ok(CommitOutcome::Committed(_))));
    }
    let regions = client.regions(SPACE).await.expect("lists");
    assert_eq!((regions.len(), regions[0].leader.0, regions[0].peers.len()), (1, 1, 3));
    (cluster, client)
}

pub(super) async fn inject(cluster: &Cluster, text: &str) {
    let fault = Fault::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let simulation = cluster.simulation().expect("it is simulated");
    simulation.inject(fault).await.unwrap_or_else(|e| panic!("{text}: {e}"));
}

fn incidents(cluster: &Cluster) -> Incidents {
    cluster.simulation().expect("it is simulated").incidents()
}

pub(super) async fn write(client: &mut Client, id: i64, balance: i64) -> Result<CommitOutcome> {
    let start_ts = client.timestamp().await?;
    let mut transaction = client.begin(start_ts);
    transaction.put(key(id), row(id, balance));
    transaction.commit(client).await
}

pub(super) async fn read(client: &mut Client, id: i64) -> Result<i64> {
    let ts = client.timestamp().await?;
    let found = client.get(SPACE, &[key(id)], ts, &[1]).await?;
    Ok(ints(&found.columns[0])[0])
}

pub(super) async fn leader(client: &mut Client) -> u64 {
    client.regions(SPACE).await.expect("lists")[0].leader.0
}

#[tokio::test(start_paused = true)]
async fn another_replica_leads_when_the_leader_is_gone() {
    for gone in ["store 1 crash", "store 1 stall", "partition (1), (2, 3, client, pd)"] {
        let (cluster, mut client) = three_stores(1).await;
        inject(&cluster, gone).await;
        assert_eq!(
            write(&mut client, 3, 33).await.map(|o| matches!(o, CommitOutcome::Committed(_))).ok(),
            Some(true)
        );
        assert_eq!(read(&mut client, 3).await.ok(), Some(33), "{gone}");
        assert_eq!((leader(&mut client).await, incidents(&cluster).elections), (2, 1), "{gone}");
        // The old leader comes back and follows.
        inject(&cluster, "heal").await;
        inject(&cluster, "store 2 crash").await;
        inject(&cluster, "store 3 slow '50ms'").await;
        assert_eq!(read(&mut client, 3).await.ok(), Some(33), "{gone}");
        assert_eq!(leader(&mut client).await, 3, "{gone}: the next in turn");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_majority_there_is_no_answer_and_no_leader() {
    let (cluster, mut client) = three_stores(1).await;
    inject(&cluster, "store 2 crash").await;
    assert_eq!(read(&mut client, 3).await.ok(), Some(0), "one can be spared");
    inject(&cluster, "store 3 crash").await;
    let Err(Error::Exhausted(exhausted)) = read(&mut client, 3).await else { panic!("nobody can know") };
    // Two stores are silent, and the third says that it leads no more.
    assert_eq!((exhausted.mysql_code(), exhausted.region.is_some()), (9002, true), "{exhausted}");
    assert!(exhausted.tally.times(BackoffKind::RegionScheduling) > 5, "{exhausted}");
    // A silent store may have done it.
    assert!(matches!(write(&mut client, 3, 1).await, Ok(CommitOutcome::Undetermined)));
    inject(&cluster, "store 3 restart").await;
    assert_eq!(read(&mut client, 3).await.ok(), Some(0));
    assert_eq!(incidents(&cluster).elections, 0);
}

/// What was asked while the store stalled is done when it comes to, though nobody waits for it any more.
#[tokio::test(start_paused = true)]
async fn a_request_outlives_its_sender() {
    let (cluster, mut client) = three_stores(1).await;
    let start_ts = client.timestamp().await.expect("timestamp");
    inject(&cluster, "store 1 stall").await;
    let mut transaction = client.begin(start_ts);
    transaction.put(key(3), row(3, 33));
    let commit = transaction.commit(&mut client);
    assert!(tokio::time::timeout(Duration::from_millis(100), commit).await.is_err(), "nobody answers");
    assert_eq!(incidents(&cluster).orphaned, 1);
    let mut other = cluster.client();
    let before = other.timestamp().await.expect("timestamp");
    inject(&cluster, "store 1 resume").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(read(&mut other, 3).await.ok(), Some(33));
    assert_eq!(read_all(&mut other, before).await[3], (3, 0), "and not before it was done");
}

/// Every request comes twice, half of all messages are overtaken, a third of the replies are lost, and still every
/// transfer happens once or not at all.
#[tokio::test(start_paused = true)]
async fn money_is_kept_when_messages_come_twice_and_out_of_order() {
    for seed in 0..5 {
        let cluster = Cluster::new(simulated(SimulatedConfig { seed, ..SimulatedConfig::default() }));
        let mut client = cluster.client();
        client.create_space(schema()).await.expect("creates");
        open_accounts(&mut client).await;
        for id in [10, 20, 30] {
            client.split(&key(id)).await.expect("splits");
        }
        for fault in ["link * -> * duplicate 1", "link * -> * reorder 0.5", "link * -> client loss 0.3"] {
            inject(&cluster, fault).await;
        }
        let workers = (0..4).map(|number| {
            let mut client = client.fork();
            async move {
                let mut random = Random::new(seed * 100 + number);
                for _ in 0..10 {
                    transfer(&mut client, &mut random).await;
                }
            }
        });
        join_all(workers).await;
        inject(&cluster, "heal").await;
        audit(&mut client).await;
        let met = incidents(&cluster);
        assert!(met.duplicated > 50 && met.held_back > 50 && met.unanswered > 20, "{met:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_changes_just_before_the_chosen_command() {
    let (cluster, mut client) = three_stores(1).await;
    inject(&cluster, "region split at 2 one_phase").await;
    assert!(write(&mut client, 4, 1).await.is_ok());
    assert_eq!(client.regions(SPACE).await.expect("lists").len(), 1);
    let before = client.stats().region_errors(RegionErrorKind::EpochNotMatch);
    assert!(write(&mut client, 5, 1).await.is_ok());
    let regions = client.regions(SPACE).await.expect("lists");
    assert_eq!((regions.len(), &regions[1].range.start), (2, &key(5)), "at the command's key");
    assert_eq!(client.stats().region_errors(RegionErrorKind::EpochNotMatch), before + 1);

    inject(&cluster, "region merge at get").await;
    assert_eq!(read(&mut client, 4).await.ok(), Some(1));
    assert_eq!(client.regions(SPACE).await.expect("lists").len(), 1);
    inject(&cluster, "region move leader at get").await;
    assert_eq!((read(&mut client, 4).await.ok(), leader(&mut client).await), (Some(1), 2));

    let conf_ver = |regions: Vec<crate::pd::RegionInfo>| regions[0].epoch.conf_ver;
    let old = conf_ver(client.regions(SPACE).await.expect("lists"));
    inject(&cluster, "region move replica at get").await;
    assert_eq!(read(&mut client, 4).await.ok(), Some(1));
    assert_eq!(conf_ver(client.regions(SPACE).await.expect("lists")), old + 1);
    assert_eq!(incidents(&cluster).region_changes, 4);
}

/// The lock of a dead transaction is resolved sooner when the clock jumps ahead: its time to live is the clock's.
#[tokio::test(start_paused = true)]
async fn the_clock_of_the_placement_driver_decides_when_locks_expire() {
    let mut waited = Vec::new();
    for offset in ["pd offset '0ms'", "pd offset '10s'"] {
        let (cluster, mut client) = three_stores(1).await;
        client.split(&key(5)).await.expect("splits");
        let mut dead = client.fork();
        let start_ts = dead.timestamp().await.expect("timestamp");
        let mut transaction = dead.begin(start_ts);
        transaction.put(key(3), row(3, 33));
        transaction.put(key(7), row(7, 77));
        inject(&cluster, "link client -> 2 latency '400ms'").await;
        let commit = transaction.commit(&mut dead);
        // It has locked its primary by then.
        assert!(tokio::time::timeout(Duration::from_millis(100), commit).await.is_err());
        inject(&cluster, offset).await;
        let began = tokio::time::Instant::now();
        assert!(matches!(write(&mut client, 3, 34).await, Ok(CommitOutcome::Committed(_))));
        waited.push(began.elapsed());
    }
    assert!(waited[0] > Duration::from_secs(2) && waited[1] < Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_trace_under_the_same_plan() {
    let run = |seed: u64| async move {
        let (cluster, client) = three_stores(seed).await;
        let step = |ms, text: &str| Step {
            after: Duration::from_millis(ms),
            fault: Fault::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")),
        };
        let plan = vec![
            step(0, "link * -> * loss 0.05"),
            step(20, "region split at 3 one_phase"),
            step(100, "store 2 crash"),
            step(4000, "heal"),
        ];
        let simulation = cluster.simulation().expect("it is simulated");
        simulation.schedule(plan).await.expect("fits");
        let workers = (0..3).map(|number| {
            let mut client = client.fork();
            async move {
                for i in 0..20 {
                    let _ = write(&mut client, (number * 3 + i) % 10, i).await;
                }
            }
        });
        join_all(workers).await;
        assert!(simulation.conditions().await.steps(0).next().is_none());
        (simulation.trace(), simulation.incidents())
    };
    let (first, second, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(first, second);
    assert_ne!(first.0, other.0);
    assert!(first.1.unanswered > 0 && first.1.region_changes == 1, "{:?}", first.1);
}

#[tokio::test(start_paused = true)]
async fn locks_live_by_the_clock_that_judges_them() {
    let cluster = Cluster::new(simulated(SimulatedConfig::default()));
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    open_accounts(&mut client).await;
    inject(&cluster, "pd offset '3600s'").await;
    let mut other = cluster.client();
    let ts = client.timestamp().await.expect("timestamp");
    let mut slow = client.begin_pessimistic(ts);
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.see_newest(&mut slow).await.expect("timestamp");
    let long = LockWait::For(Duration::from_secs(50));
    let locked = client.lock_keys(&mut slow, vec![key(5)], long).await.expect("locks");
    assert!(matches!(locked, LockOutcome::Locked { .. }), "{locked:?}");
    // Through two heartbeats it is waited for.
    let ts = other.timestamp().await.expect("timestamp");
    let mut waits = other.begin_pessimistic(ts);
    let wait = LockWait::For(Duration::from_secs(25));
    let timed_out = other.lock_keys(&mut waits, vec![key(5)], wait).await.expect("locks or not");
    assert_eq!(timed_out, LockOutcome::TimedOut { key: key(5) });
    slow.put(key(5), row(5, START));
    let outcome = slow.commit(&mut client).await.expect("commits");
    assert!(matches!(outcome, CommitOutcome::Committed(_)), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_space_that_was_dropped_does_not_come_back() {
    let (_cluster, mut client) = three_stores(1).await;
    client.drop_space(SPACE).await.expect("drops");
    // What a copy of the message would do that the network has kept.
    let late = client.create_space(schema()).await;
    assert!(matches!(late, Err(Error::SpaceExists(space)) if space == SPACE), "{late:?}");
    assert!(client.regions(SPACE).await.is_err());
    // Nor if it is the first of them that comes.
    let other = SpaceSchema { id: SpaceId(SPACE.0 + 1), ..SpaceSchema::clone(&schema()) };
    client.drop_space(other.id).await.expect("there is nothing to drop");
    assert!(client.create_space(Arc::new(other)).await.is_err());
}
