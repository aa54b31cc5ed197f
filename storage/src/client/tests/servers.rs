//! What becomes of clients when stores and the placement driver do not hear each other.

use tokio::time::{Instant, sleep};

use super::faults::{inject, leader, read, three_stores, write};
use super::*;

/// The directory is behind for as long as no report gets through; whoever goes by it is set right by the stores.
#[tokio::test(start_paused = true)]
async fn reports_that_are_lost_are_repeated() {
    let (cluster, mut client) = three_stores(1).await;
    inject(&cluster, "link * -> pd cut").await;
    inject(&cluster, "link client -> pd recover").await;
    client.split(&key(4)).await.expect("splits");
    client.split(&key(7)).await.expect("splits");
    let known = |cluster: &Cluster| cluster.pd().regions(&KeyRange::of_space(SPACE), usize::MAX).len();
    sleep(Duration::from_secs(3)).await;
    assert_eq!(known(&cluster), 1, "nobody has told it");
    let mut other = cluster.client();
    for id in [1, 5, 9] {
        assert_eq!(read(&mut other, id).await.ok(), Some(0), "{id}");
    }
    inject(&cluster, "heal").await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(known(&cluster), 3);
    assert_eq!(client.regions(SPACE).await.expect("lists").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_takes_its_time_is_there_in_time() {
    let (cluster, mut client) = three_stores(1).await;
    inject(&cluster, "link 1 -> pd latency '2s'").await;
    inject(&cluster, "region move leader at 1 get").await;
    assert_eq!(read(&mut client, 3).await.ok(), Some(0));
    // Store 2 leads, and has told so.
    assert_eq!(leader(&mut client).await, 2);
    inject(&cluster, "link 2 -> pd latency '2s'").await;
    client.split(&key(4)).await.expect("splits");
    let known = || cluster.pd().regions(&KeyRange::of_space(SPACE), usize::MAX).len();
    sleep(Duration::from_millis(1900)).await;
    assert_eq!(known(), 1);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(known(), 2);
}

/// Regions of which the directory never heard go with their space.
#[tokio::test(start_paused = true)]
async fn a_space_is_dropped_with_regions_that_were_not_reported() {
    let (cluster, mut client) = three_stores(1).await;
    inject(&cluster, "link 1 -> pd cut").await;
    client.split(&key(4)).await.expect("splits");
    assert_eq!(read(&mut client, 9).await.ok(), Some(0), "the client knows the new region");
    client.drop_space(SPACE).await.expect("drops");
    let gone = read(&mut client, 9).await;
    assert!(matches!(gone, Err(Error::UnknownSpace(SPACE))), "{gone:?}");
    inject(&cluster, "heal").await;
    sleep(Duration::from_secs(1)).await;
    assert!(
        cluster.pd().regions(&KeyRange::of_space(SPACE), usize::MAX).is_empty(),
        "nor do late reports bring them back"
    );
}

/// A commit in one phase has its timestamp from the placement driver; the store that cannot reach it does not commit.
#[tokio::test(start_paused = true)]
async fn a_commit_in_one_phase_waits_for_its_timestamp() {
    for (fault, least, most) in [
        ("link 1 -> pd latency '30ms'", 30, 60),
        ("link pd -> 1 latency '30ms'", 30, 60),
        ("link 1 <-> pd loss 0.5", 0, 1000),
    ] {
        let (cluster, mut client) = three_stores(1).await;
        inject(&cluster, fault).await;
        let began = Instant::now();
        let outcome = write(&mut client, 3, 33).await;
        assert!(matches!(outcome, Ok(CommitOutcome::Committed(_))), "{fault}: {outcome:?}");
        let took = began.elapsed().as_millis();
        assert!((least..most).contains(&took), "{fault}: {took} ms");
        assert_eq!(read(&mut client, 3).await.ok(), Some(33), "{fault}");
    }
    let (cluster, mut client) = three_stores(1).await;
    inject(&cluster, "link pd -> 1 cut").await;
    let start_ts = client.timestamp().await.expect("the client hears it");
    let mut transaction = client.begin(start_ts);
    transaction.put(key(3), row(3, 33));
    let commit = transaction.commit(&mut client);
    assert!(tokio::time::timeout(Duration::from_secs(2), commit).await.is_err());
    assert_eq!(read(&mut client, 3).await.ok(), Some(0), "reads need no timestamp of the store's");
    inject(&cluster, "heal").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(read(&mut client, 3).await.ok(), Some(33), "the work outlives its sender");
}

/// Whoever does not want to be later than all that is committed saves a question, and is later than what it has seen.
#[tokio::test(start_paused = true)]
async fn an_async_commit_may_lie_before_what_it_has_not_seen() {
    for linearizable in [true, false] {
        let (_cluster, mut client) = three_stores(1).await;
        client.commit_by(CommitOptions { one_phase: false, async_commit: AsyncUse::Always, linearizable });
        let start_ts = client.timestamp().await.expect("timestamp");
        let mut transaction = client.begin(start_ts);
        transaction.put(key(3), row(3, 33));
        let later = client.timestamp().await.expect("timestamp");
        let before = client.stats().rpcs;
        let outcome = transaction.commit(&mut client).await;
        let Ok(CommitOutcome::Committed(commit_ts)) = outcome else { panic!("{outcome:?}") };
        let asked = client.stats().rpcs - before;
        if linearizable {
            assert!(commit_ts > later);
            assert_eq!(asked, 2, "a timestamp, and the prewrite");
        } else {
            assert!(start_ts < commit_ts && commit_ts < later);
            assert_eq!(asked, 1, "the prewrite");
        }
        // A reader that did not see it is before it, and one that does is not.
        assert_eq!(read(&mut client, 3).await.ok(), Some(33));
        let mut transaction = client.begin(client.shared.pd.timestamp());
        transaction.put(key(3), row(3, 34));
        let reader = client.timestamp().await.expect("timestamp");
        assert_eq!(rows_at(&mut client, reader).await, Some(33));
        let outcome = transaction.commit(&mut client).await;
        let Ok(CommitOutcome::Committed(commit_ts)) = outcome else { panic!("{outcome:?}") };
        assert!(commit_ts > reader);
        assert_eq!(rows_at(&mut client, reader).await, Some(33));
    }
}

/// What account 3 has at a timestamp.
async fn rows_at(client: &mut Client, ts: Timestamp) -> Option<i64> {
    let rows = read_all(client, ts).await;
    rows.into_iter().find(|&(id, _)| id == 3).map(|(_, balance)| balance)
}
