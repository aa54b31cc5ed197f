//! Commits that are told to stop: before the decision they do, and leave nothing; after it they do not.

use std::sync::atomic::{AtomicBool, Ordering};

use super::pessimistic::{begin, is_locked, lock, quiet};
use super::resolver::locks;
use super::scripted::{Fate, scripted};
use super::*;
use crate::client::{Interrupt, LockWait};
use crate::percolator::Prewrite;
use crate::rpc::Body;

const TWO_PHASES: CommitOptions =
    CommitOptions { one_phase: false, async_commit: AsyncUse::Never, linearizable: true };
const ASYNC: CommitOptions = CommitOptions { async_commit: AsyncUse::Always, ..TWO_PHASES };
const ONE_PHASE: CommitOptions = CommitOptions { one_phase: true, ..TWO_PHASES };

fn interrupt(client: &mut Client) -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    client.interrupt_by(Interrupt::new(Arc::clone(&asked), None));
    asked
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_lock_may_be_stopped_and_leaves_nothing() {
    for (options, ids) in [(ONE_PHASE, [15, 16]), (ASYNC, [5, 15]), (TWO_PHASES, [5, 15])] {
        for pessimistic in [false, true] {
            let (_cluster, mut one) = quiet().await;
            let mut two = one.fork();
            let mut holder = begin(&mut one).await;
            assert!(is_locked(&lock(&mut one, &mut holder, &[15], LockWait::No).await));
            let ts = two.timestamp().await.expect("timestamp");
            let mut t = if pessimistic { two.begin_pessimistic(ts) } else { two.begin(ts) };
            if pessimistic {
                // Not the key that it is going to wait for: not everything that is written need be locked before.
                let other = ids.iter().copied().filter(|id| *id != 15).collect::<Vec<_>>();
                assert!(is_locked(&lock(&mut two, &mut t, &other, LockWait::No).await));
            }
            t.set_commit_options(options);
            ids.iter().for_each(|&id| t.put(key(id), row(id, 7)));
            let asked = interrupt(&mut two);
            let began = tokio::time::Instant::now();
            let (outcome, ()) = tokio::join!(t.commit(&mut two), async {
                tokio::time::sleep(Duration::from_secs(2)).await;
                asked.store(true, Ordering::Relaxed);
            });
            assert!(matches!(outcome, Err(Error::Interrupted)), "{options:?}: {outcome:?}");
            assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
            // It serves the next one, who asks for nothing.
            two.interrupt_by(Interrupt::default());
            holder.roll_back(&mut one).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(locks(&mut one).await, 0, "{options:?}");
            let now = two.timestamp().await.expect("timestamp");
            let untouched = read_all(&mut two, now).await;
            assert!(untouched.iter().all(|&(_, balance)| balance == START), "{options:?}");
        }
    }
}

/// How its messages fare once it is stopped, and what it must come to: `None` = an error that says that nothing was done.
#[test]
fn what_may_be_decided_is_found_out_and_not_given_up() {
    let is_one_phase = |body: &Body| matches!(body, Body::OnePhase(_));
    // The last one: with it the transaction is committed.
    let is_async = |body: &Body| match body {
        Body::Prewrite(Prewrite { async_commit: Some(_), mutations, .. }) => mutations[0].key == key(2),
        _ => false,
    };
    let is_primary = |body: &Body| matches!(body, Body::Commit(_));
    let lost_reply = || Fate::LoseReply;
    let lost_request = || Fate::LoseRequest;
    type Case = (CommitOptions, fn(&Body) -> bool, fn() -> Fate, Option<bool>);
    let cases: [Case; 6] = [
        (ONE_PHASE, is_one_phase, lost_reply, Some(true)),
        (ONE_PHASE, is_one_phase, lost_request, None),
        (ASYNC, is_async, lost_reply, Some(true)),
        (ASYNC, is_async, lost_request, None),
        // The decision itself is asked for until it is answered, or the budget ends.
        (TWO_PHASES, is_primary, lost_reply, Some(false)),
        (TWO_PHASES, is_primary, lost_request, Some(false)),
    ];
    for (n, (options, is_meant, fate, expected)) in cases.into_iter().enumerate() {
        let cut = Arc::new(AtomicBool::new(false));
        let script = {
            let cut = Arc::clone(&cut);
            move |_, request: &crate::rpc::Request| match cut.load(Ordering::Relaxed)
                && is_meant(&request.body)
            {
                true => fate(),
                false => Fate::Deliver,
            }
        };
        let (cluster, mut c) = scripted(script);
        cluster.runtime().block_on(async {
            if options != ONE_PHASE {
                c.split(&key(2)).await.expect("splits");
            }
            let mut t = c.begin(c.shared.pd.timestamp());
            t.set_commit_options(options);
            t.put(key(1), row(1, 10));
            t.put(key(2), row(2, 20));
            cut.store(true, Ordering::Relaxed);
            interrupt(&mut c).store(true, Ordering::Relaxed);
            let outcome = t.commit(&mut c).await;
            cut.store(false, Ordering::Relaxed);
            c.interrupt_by(Interrupt::default());
            let done = match (&outcome, expected) {
                (Ok(CommitOutcome::Committed(_)), Some(true)) => true,
                (Err(Error::Interrupted), None) => false,
                // Whoever asks finds out.
                (Ok(CommitOutcome::Undetermined), Some(false)) => n == 4,
                _ => panic!("case {n}: {outcome:?}"),
            };
            let now = c.timestamp().await.expect("timestamp");
            assert_eq!(read_all(&mut c, now).await.len(), if done { 2 } else { 0 }, "case {n}");
        });
    }
}
