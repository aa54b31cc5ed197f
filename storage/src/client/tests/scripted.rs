//! Requests that a script loses or refuses: what the client makes of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::rpc::{Body, Call, Lost, RegionError, Request, Response, Transport};

/// What happens to a request.
pub(super) enum Fate {
    Deliver,
    LoseRequest,
    LoseReply,
    Refuse(RegionError),
}

/// A transport that follows a script, and on which waiting takes no time. The script is told how many requests came before.
struct Scripted<F> {
    inner: Box<dyn Transport>,
    script: F,
    sent: AtomicU64,
}

impl<F: Fn(u64, &Request) -> Fate + Send + Sync> Transport for Scripted<F> {
    fn send(&self, request: Request) -> Call<Result<Response, Lost>> {
        match (self.script)(self.sent.fetch_add(1, Ordering::Relaxed), &request) {
            Fate::Deliver => self.inner.send(request),
            Fate::LoseRequest => Call::ready(Err(Lost)),
            Fate::LoseReply => self.inner.send(request).map(|_| Err(Lost)),
            Fate::Refuse(error) => Call::ready(Ok(Err(error))),
        }
    }

    fn ask(&self, request: PdRequest) -> Call<Result<PdReply, Lost>> {
        self.inner.ask(request)
    }

    fn sleep(&self, _: Duration) -> Call<()> {
        Call::ready(())
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn is_immediate(&self) -> bool {
        true
    }

    fn timestamp_in_place(&self) -> Option<Timestamp> {
        self.inner.timestamp_in_place()
    }
}

pub(super) fn scripted(script: impl Fn(u64, &Request) -> Fate + Send + Sync + 'static) -> (Cluster, Client) {
    let wrap =
        |inner| -> Box<dyn Transport> { Box::new(Scripted { inner, script, sent: AtomicU64::new(0) }) };
    let cluster = Cluster::new(ClusterConfig::default()).with_transport(wrap);
    let mut client = cluster.client();
    cluster.runtime().block_on(client.create_space(schema())).expect("creates");
    (cluster, client)
}

/// Each region error once, in front of a scan: what the client waits for, and whether it asks where the region is again.
#[test]
fn every_region_error_is_retried_by_the_table() {
    use BackoffKind::{RegionMiss, RegionScheduling, ServerBusy, StaleCommand};
    let nobody = || RegionError::NotLeader { leader: None };
    let stranger = || RegionError::NotLeader { leader: Some(crate::schema::StoreId(99)) };
    // The error, the wait it costs, and the requests beyond those of an undisturbed scan.
    let table: [(fn() -> RegionError, Option<BackoffKind>, u64); 8] = [
        // Sent to the next peer, which says who leads.
        (nobody, Some(RegionScheduling), 2),
        // Unknown peer: locate (one question), send again.
        (stranger, Some(RegionMiss), 2),
        (|| RegionError::EpochNotMatch { current: vec![] }, Some(RegionMiss), 2),
        (|| RegionError::RegionNotFound, Some(RegionMiss), 2),
        (|| RegionError::KeyNotInRegion, Some(RegionMiss), 2),
        (|| RegionError::StoreNotMatch, Some(RegionMiss), 2),
        (|| RegionError::ServerIsBusy, Some(ServerBusy), 1),
        (|| RegionError::StaleCommand, Some(StaleCommand), 1),
    ];
    for (error, wait, extra) in table {
        let (cluster, mut c) =
            scripted(move |n, _| if n == 0 { Fate::Refuse(error()) } else { Fate::Deliver });
        let ts = c.shared.pd.timestamp();
        let before = c.stats().rpcs;
        cluster.runtime().block_on(c.scan(&ScanRequest::all(SPACE, ts))).expect("scans");
        // Undisturbed: locate and scan.
        assert_eq!(c.stats().rpcs - before, 2 + extra, "{:?}", error());
        assert_eq!(
            c.stats().region_errors(error().kind()),
            1 + u64::from(error() == nobody()),
            "{:?}",
            error()
        );
        let waits: Vec<(BackoffKind, u64)> = c.stats().backoff.iter().map(|(k, n, _)| (k, n)).collect();
        assert_eq!(waits, wait.map(|k| (k, 1)).into_iter().collect::<Vec<_>>(), "{:?}", error());
    }
}

#[test]
fn a_new_leader_is_asked_at_once() {
    let (cluster, mut c) = direct(ClusterConfig::default());
    cluster.runtime().block_on(async {
        let now = c.timestamp().await.expect("timestamp");
        read_all(&mut c, now).await;
        let mut other = c.fork();
        let info = other.regions(SPACE).await.expect("lists").swap_remove(0);
        other.transfer_leader(info.id, info.peers[1]).await.expect("moves");
        let absent = other.transfer_leader(info.id, crate::schema::StoreId(99)).await;
        assert!(matches!(absent, Err(Error::NoReplica { .. })));
        let before = c.stats().rpcs;
        read_all(&mut c, now).await;
        assert_eq!(c.stats().rpcs - before, 2);
        assert_eq!(c.stats().region_errors(RegionErrorKind::NotLeader), 1);
        assert_eq!(c.stats().backoff, BackoffTally::default(), "no wait");
        assert_eq!(cluster.client().regions(SPACE).await.expect("lists")[0].leader, info.peers[1]);
    });
}

fn is_commit(request: &Request) -> bool {
    matches!(request.body, Body::OnePhase(_) | Body::Commit(_))
}

/// The first answer to every step is lost, and the region is split before the step can be repeated.
#[test]
fn lost_answers_are_found_out_by_asking_again() {
    for two_phases in [false, true] {
        let (cluster, mut c) = scripted(|n, _| if n % 2 == 0 { Fate::LoseReply } else { Fate::Deliver });
        cluster.runtime().block_on(async {
            if two_phases {
                c.split(&key(2)).await.expect("splits");
            }
            let mut t = c.begin(c.shared.pd.timestamp());
            t.insert(key(1), row(1, 10));
            t.insert(key(2), row(2, 20));
            let ts = committed(t, &mut c).await;
            assert_eq!(read_all(&mut c, ts).await, [(1, 10), (2, 20)]);
            assert!(read_all(&mut c, Timestamp(ts.0 - 1)).await.is_empty());
        });
    }
}

#[test]
fn a_commit_that_nobody_confirms_is_undetermined_and_one_that_never_left_is_an_error() {
    for two_phases in [false, true] {
        for done in [false, true] {
            let silent = Arc::new(AtomicBool::new(false));
            let script = {
                let silent = Arc::clone(&silent);
                move |_, request: &Request| match silent.load(Ordering::Relaxed) && is_commit(request) {
                    true if done => Fate::LoseReply,
                    true => Fate::LoseRequest,
                    false => Fate::Deliver,
                }
            };
            let (cluster, mut c) = scripted(script);
            cluster.runtime().block_on(async {
                if two_phases {
                    c.split(&key(2)).await.expect("splits");
                }
                let mut t = c.begin(c.shared.pd.timestamp());
                t.put(key(1), row(1, 10));
                t.put(key(2), row(2, 20));
                silent.store(true, Ordering::Relaxed);
                let outcome = t.commit(&mut c).await.expect("an outcome");
                assert_eq!(outcome, CommitOutcome::Undetermined);
                silent.store(false, Ordering::Relaxed);
                let now = c.timestamp().await.expect("timestamp");
                let rows = read_all(&mut c, now).await.len();
                assert_eq!(rows, if done { 2 } else { 0 }, "all or nothing");
            });
        }
    }
    // Refused for ever: nothing was done, and that is known.
    let (cluster, mut c) = scripted(|_, request| match is_commit(request) {
        true => Fate::Refuse(RegionError::StaleCommand),
        false => Fate::Deliver,
    });
    cluster.runtime().block_on(async {
        let mut t = c.begin(c.shared.pd.timestamp());
        t.put(key(1), row(1, 10));
        let Err(Error::Exhausted(exhausted)) = t.commit(&mut c).await else { panic!("not refused") };
        assert_eq!((exhausted.part, exhausted.region.is_some()), ("prewrite", true));
        let now = c.timestamp().await.expect("timestamp");
        assert!(read_all(&mut c, now).await.is_empty());
    });
}
