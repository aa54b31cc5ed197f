//! Transactions that lock before they write: who waits, for whom, how long, and what becomes of the locks.

use super::*;
use crate::client::{LockOutcome, LockWait};
use crate::percolator::{Mutation, MutationOp, PessimisticRollback};
use crate::rpc::Body;

const LONG: LockWait = LockWait::For(Duration::from_secs(50));

async fn accounts(config: ClusterConfig, splits: &[i64]) -> (Cluster, Client) {
    let cluster = Cluster::new(config);
    let mut client = cluster.client();
    client.create_space(schema()).await.expect("creates");
    open_accounts(&mut client).await;
    for id in splits {
        client.split(&key(*id)).await.expect("splits");
    }
    (cluster, client)
}

pub(super) async fn quiet() -> (Cluster, Client) {
    accounts(simulated(SimulatedConfig::default()), &[10, 20, 30]).await
}

pub(super) async fn begin(client: &mut Client) -> Transaction {
    let ts = client.timestamp().await.expect("timestamp");
    client.begin_pessimistic(ts)
}

pub(super) async fn lock(
    client: &mut Client,
    t: &mut Transaction,
    ids: &[i64],
    wait: LockWait,
) -> LockOutcome {
    client.see_newest(t).await.expect("timestamp");
    client.lock_keys(t, ids.iter().map(|&id| key(id)).collect(), wait).await.expect("locks or not")
}

pub(super) fn is_locked(outcome: &LockOutcome) -> bool {
    matches!(outcome, LockOutcome::Locked { skipped, .. } if skipped.is_empty())
}

async fn balances(client: &mut Client, ids: &[i64], ts: Timestamp) -> Vec<i64> {
    let keys: Vec<Key> = ids.iter().map(|&id| key(id)).collect();
    ints(&client.get(SPACE, &keys, ts, &[1]).await.expect("gets").columns[0])
}

/// Adds to balances, with locks, whatever others do. How often the statement had to be run again.
async fn add(client: &mut Client, changes: &[(i64, i64)], options: CommitOptions) -> Option<usize> {
    let ids: Vec<i64> = changes.iter().map(|c| c.0).collect();
    'transaction: loop {
        let mut t = begin(client).await;
        t.set_commit_options(options);
        let mut again = 0;
        loop {
            match lock(client, &mut t, &ids, LONG).await {
                LockOutcome::Locked { existing, skipped } => {
                    assert_eq!((existing.len(), skipped.len()), (ids.len(), 0));
                    break;
                }
                LockOutcome::Conflict(_) => again += 1,
                LockOutcome::Deadlock(_) | LockOutcome::Aborted { .. } => {
                    t.roll_back(client).await;
                    continue 'transaction;
                }
                LockOutcome::Busy { .. } | LockOutcome::TimedOut { .. } => panic!("nobody takes so long"),
            }
        }
        let ts = t.for_update_ts();
        let now = balances(client, &ids, ts).await;
        for ((id, change), balance) in changes.iter().zip(now) {
            t.put(key(*id), row(*id, balance + change));
        }
        return match t.commit(client).await.expect("commits") {
            CommitOutcome::Committed(_) => Some(again),
            CommitOutcome::Undetermined => None,
            // Its locks were taken away while the network held it up.
            CommitOutcome::Conflict(_) => continue,
            CommitOutcome::AlreadyExists { .. } => panic!("nothing is inserted"),
        };
    }
}

#[test]
fn threads_in_direct_mode_take_turns() {
    let config = ClusterConfig { delta_rows_max: 20, history: Duration::ZERO, ..ClusterConfig::default() };
    for async_commit in [AsyncUse::WhereItHelps, AsyncUse::Always] {
        let options = CommitOptions { async_commit, ..CommitOptions::default() };
        let runtime = Cluster::new(config.clone()).runtime();
        let (cluster, client) = runtime.block_on(accounts(config.clone(), &[20]));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (runtime, mut client) = (cluster.runtime(), client.fork());
                scope.spawn(move || {
                    let mut random = Random::new(thread);
                    for _ in 0..40 {
                        let to = random.below(3) as i64 + 30;
                        // Half of them lock in the other order.
                        let changes = [(5, -1), (to, 1)];
                        runtime.block_on(add(&mut client, &changes, options)).expect("nothing is ever lost");
                    }
                });
            }
        });
        let mut client = cluster.client();
        runtime.block_on(async {
            let ts = client.timestamp().await.expect("timestamp");
            let now = balances(&mut client, &[5, 30, 31, 32], ts).await;
            assert_eq!(now[0], START - 160);
            assert_eq!(now.iter().sum::<i64>(), 4 * START);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn money_is_kept_over_a_bad_network_with_locks() {
    for seed in 0..4 {
        let network =
            SimulatedConfig { seed, loss: 0.02, busy: 0.002, stale: 0.01, ..SimulatedConfig::default() };
        let config =
            ClusterConfig { delta_rows_max: 50, history: Duration::from_millis(50), ..simulated(network) };
        let (_cluster, client) = accounts(config, &[10, 20, 30]).await;
        let writers = (0..6).map(|w| {
            let mut client = client.fork();
            async move {
                let mut random = Random::new(seed * 31 + w);
                let mut sure = 0;
                for _ in 0..12 {
                    let from = random.below(ACCOUNTS as u64) as i64;
                    let to = (from + 1 + random.below(ACCOUNTS as u64 - 1) as i64) % ACCOUNTS;
                    // In any order: there are deadlocks.
                    let changes = [(from, -3), (to, 3)];
                    sure += usize::from(add(&mut client, &changes, CommitOptions::default()).await.is_some());
                }
                sure
            }
        });
        let others = (0..2).map(|o| {
            let mut client = client.fork();
            async move {
                let mut random = Random::new(seed * 37 + o);
                for _ in 0..6 {
                    audit(&mut client).await;
                    disturb(&mut client, &mut random).await;
                }
                0
            }
        });
        let (sure, _) = futures_util::future::join(join_all(writers), join_all(others)).await;
        assert!(sure.iter().sum::<usize>() > 50, "seed {seed}: {sure:?}");
        audit(&mut client.fork()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn writers_wait_and_readers_do_not() {
    let (_cluster, mut one) = quiet().await;
    let mut two = one.fork();
    let mut t = begin(&mut one).await;
    assert!(is_locked(&lock(&mut one, &mut t, &[5, 15], LONG).await));
    // A reader sees what was there.
    let before = two.stats().clone();
    let ts = two.timestamp().await.expect("timestamp");
    assert_eq!(balances(&mut two, &[5, 15], ts).await, [START; 2]);
    assert_eq!(two.stats().since(&before).locks_met, 0);
    // One who does not wait is told at once, which key; one who skips gets the rest.
    let mut other = begin(&mut two).await;
    assert_eq!(lock(&mut two, &mut other, &[4, 15], LockWait::No).await, LockOutcome::Busy { key: key(15) });
    let some = lock(&mut two, &mut other, &[5, 6, 15, 25], LockWait::Skip).await;
    let (existing, skipped) = (vec![key(6), key(25)], vec![key(5), key(15)]);
    assert_eq!(some, LockOutcome::Locked { existing, skipped });
    // One who waits for a while waits for a while.
    let began = tokio::time::Instant::now();
    let short = LockWait::For(Duration::from_secs(2));
    let timed_out = lock(&mut two, &mut other, &[15], short).await;
    assert_eq!(timed_out, LockOutcome::TimedOut { key: key(15) });
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_millis(2300), "{waited:?}");
    // What it asked for first and did not get was given back.
    let mut third = begin(&mut one).await;
    assert!(is_locked(&lock(&mut one, &mut third, &[4], LockWait::No).await));
    assert_eq!(lock(&mut one, &mut third, &[6], LockWait::No).await, LockOutcome::Busy { key: key(6) });
    // The one who waits goes on within a moment of the commit; its statement has to look again.
    t.put(key(5), row(5, 1));
    let wait = async {
        let conflict = lock(&mut two, &mut other, &[5], LONG).await;
        (conflict, tokio::time::Instant::now())
    };
    let commit = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        committed(t, &mut one).await;
        tokio::time::Instant::now()
    };
    let ((conflict, woken), done) = futures_util::future::join(wait, commit).await;
    assert!(matches!(&conflict, LockOutcome::Conflict(conflict) if conflict.key == key(5)), "{conflict:?}");
    assert!(woken < done + Duration::from_millis(20), "{:?}", woken.duration_since(done));
    assert!(is_locked(&lock(&mut two, &mut other, &[5], LONG).await));
    let ts = other.for_update_ts();
    assert_eq!(balances(&mut two, &[5], ts).await, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_refused_at_once_and_the_others_go_on() {
    let (_cluster, client) = quiet().await;
    let mut clients = [client.fork(), client.fork(), client.fork()];
    let mut transactions = Vec::new();
    for (client, id) in clients.iter_mut().zip([5, 15, 25]) {
        let mut t = begin(client).await;
        assert!(is_locked(&lock(client, &mut t, &[id], LONG).await));
        transactions.push(t);
    }
    let began = tokio::time::Instant::now();
    let starts: Vec<Timestamp> = transactions.iter().map(Transaction::start_ts).collect();
    let waits = clients.iter_mut().zip(transactions).zip([15, 25, 5]).enumerate().map(
        |(nth, ((client, mut t), next))| async move {
            tokio::time::sleep(Duration::from_millis(300 * nth as u64)).await;
            let outcome = lock(client, &mut t, &[next], LONG).await;
            let end = tokio::time::Instant::now();
            match outcome {
                LockOutcome::Deadlock(_) => t.roll_back(client).await,
                _ => {
                    t.put(key(next), row(next, START));
                    committed(t, client).await;
                }
            }
            (outcome, end)
        },
    );
    let ends = join_all(waits).await;
    let LockOutcome::Deadlock(deadlock) = &ends[2].0 else { panic!("{:?}", ends[2].0) };
    let circle: Vec<(Timestamp, Timestamp)> = deadlock.circle.iter().map(|w| (w.waiter, w.holder)).collect();
    assert_eq!(circle, [(starts[2], starts[0]), (starts[0], starts[1]), (starts[1], starts[2])]);
    assert_eq!(deadlock.circle[0].key, key(5));
    assert!(ends[2].1.duration_since(began) < Duration::from_millis(650));
    // The second gets its key when the victim is rolled back, the first when the second is done.
    assert!(is_locked(&ends[1].0) && ends[1].1 < ends[2].1 + Duration::from_millis(30), "{:?}", ends[1].0);
    assert!(ends[0].1 < ends[1].1 + Duration::from_millis(30), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn the_living_are_waited_for_and_the_dead_are_not() {
    let (_cluster, mut one) = quiet().await;
    let mut two = one.fork();
    let mut living = begin(&mut one).await;
    assert!(is_locked(&lock(&mut one, &mut living, &[5, 35], LONG).await));
    tokio::time::sleep(Duration::from_secs(100)).await;
    let mut other = begin(&mut two).await;
    let timed_out = lock(&mut two, &mut other, &[35], LockWait::For(Duration::from_secs(30))).await;
    assert_eq!(timed_out, LockOutcome::TimedOut { key: key(35) });
    // It is dropped without a word: after twenty seconds at the most its locks are nobody's.
    drop(living);
    let began = tokio::time::Instant::now();
    assert!(is_locked(&lock(&mut two, &mut other, &[35], LONG).await));
    assert!(is_locked(&lock(&mut two, &mut other, &[5], LONG).await));
    assert!(began.elapsed() < Duration::from_secs(21), "{:?}", began.elapsed());
    // Nobody minds what is left of it, and it does not come back.
    other.put(key(5), row(5, START));
    other.put(key(35), row(35, START));
    committed(other, &mut two).await;
    audit(&mut two).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_locked_and_not_written_is_free_after_the_commit() {
    let (cluster, mut client) = quiet().await;
    for writes in [false, true] {
        let mut t = begin(&mut client).await;
        assert!(is_locked(&lock(&mut client, &mut t, &[5, 15, 25], LONG).await));
        if writes {
            t.put(key(15), row(15, START));
        }
        let commit_ts = committed(t, &mut client).await;
        cluster.at_rest().await;
        let mut next = begin(&mut client).await;
        assert!(is_locked(&lock(&mut client, &mut next, &[5, 15, 25], LockWait::No).await));
        next.roll_back(&mut client).await;
        cluster.at_rest().await;
        // An optimistic transaction that began before conflicts with what was locked by one that wrote.
        let mut before = client.begin(Timestamp(commit_ts.0 - 1));
        before.put(key(25), row(25, START));
        let outcome = before.commit(&mut client).await.expect("commits or conflicts");
        assert_eq!(matches!(outcome, CommitOutcome::Conflict(_)), writes, "{outcome:?}");
    }
}

/// A statement's rollback is on its way for long: the next statement's locks are not its business.
#[tokio::test(start_paused = true)]
async fn a_late_rollback_spares_what_was_locked_since() {
    let (_cluster, mut client) = quiet().await;
    let mut t = begin(&mut client).await;
    let early = client.see_newest(&mut t).await.expect("timestamp");
    assert!(is_locked(&lock(&mut client, &mut t, &[5, 15], LONG).await));
    let late = PessimisticRollback { keys: vec![key(5)], start_ts: t.start_ts(), for_update_ts: early };
    let mut backoff = client.backoff("test", Budget::Prewrite);
    let mut region = client.locate(&mut backoff, &key(5)).await.expect("locates");
    client.send(&mut backoff, &mut region, &Body::PessimisticRollback(late)).await.expect("sends");
    let mut other = begin(&mut client).await;
    assert_eq!(lock(&mut client, &mut other, &[5], LockWait::No).await, LockOutcome::Busy { key: key(5) });
}

/// Locks that were taken away while their holder was not heard of: it may still commit, unless somebody has used that.
#[tokio::test(start_paused = true)]
async fn a_lost_lock_matters_only_if_somebody_has_used_it() {
    for used in [false, true] {
        let (_cluster, mut client) = quiet().await;
        let mut t = begin(&mut client).await;
        assert!(is_locked(&lock(&mut client, &mut t, &[5, 15], LONG).await));
        let gone = PessimisticRollback {
            keys: vec![key(15)],
            start_ts: t.start_ts(),
            for_update_ts: t.for_update_ts(),
        };
        let mut backoff = client.backoff("test", Budget::Prewrite);
        let mut region = client.locate(&mut backoff, &key(15)).await.expect("locates");
        client.send(&mut backoff, &mut region, &Body::PessimisticRollback(gone)).await.expect("sends");
        if used {
            let mut other = begin(&mut client).await;
            other.put(key(15), row(15, START));
            committed(other, &mut client).await;
        }
        t.put(key(5), row(5, START - 1));
        t.put(key(15), row(15, START + 1));
        let outcome = t.commit(&mut client).await.expect("commits or conflicts");
        assert_eq!(matches!(outcome, CommitOutcome::Conflict(_)), used, "{outcome:?}");
        audit(&mut client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_of_those_who_wait_goes_first() {
    let (_cluster, mut one) = quiet().await;
    let mut holder = begin(&mut one).await;
    assert!(is_locked(&lock(&mut one, &mut holder, &[5], LONG).await));
    let mut clients: Vec<Client> = (0..5).map(|_| one.fork()).collect();
    let mut transactions = Vec::new();
    for client in &mut clients {
        transactions.push(begin(client).await);
    }
    // The youngest comes first.
    let waits = clients.iter_mut().zip(transactions).enumerate().map(|(nth, (client, mut t))| async move {
        tokio::time::sleep(Duration::from_millis(5 * (5 - nth as u64))).await;
        let outcome = lock(client, &mut t, &[5], LONG).await;
        let at = tokio::time::Instant::now();
        assert!(is_locked(&outcome), "{outcome:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
        t.roll_back(client).await;
        (at, nth)
    });
    let release = async {
        // Nobody is just looking after the holder.
        tokio::time::sleep(Duration::from_millis(70)).await;
        holder.roll_back(&mut one).await;
    };
    let (mut ends, ()) = futures_util::future::join(join_all(waits), release).await;
    ends.sort();
    let order: Vec<usize> = ends.iter().map(|(_, nth)| *nth).collect();
    assert_eq!(order, [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_of_one_statement_gives_way_to_who_may_take_long() {
    let (_cluster, mut one) = quiet().await;
    let mut two = one.fork();
    let mut t = begin(&mut one).await;
    assert!(is_locked(&lock(&mut one, &mut t, &[5], LONG).await));
    let write = |id: i64| vec![Mutation { key: key(id), op: MutationOp::Put(row(id, START)) }];
    let began = tokio::time::Instant::now();
    let ts = two.timestamp().await.expect("timestamp");
    let blocked = two.commit_at_once(ts, write(5)).await;
    assert!(matches!(&blocked, Err(Error::Blocked { key: at }) if *at == key(5)), "{blocked:?}");
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    let outcome = two.commit_at_once(ts, write(6)).await.expect("nobody is in the way");
    assert!(matches!(outcome, CommitOutcome::Committed(_)));
    // It has given way for good: if the network has kept a copy of the command, that comes too late.
    t.roll_back(&mut one).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let late = two.commit_at_once(ts, write(5)).await;
    assert!(matches!(&late, Ok(CommitOutcome::Conflict(conflict)) if conflict.key == key(5)), "{late:?}");
    // Of who is dead nobody is afraid.
    let mut t = begin(&mut one).await;
    assert!(is_locked(&lock(&mut one, &mut t, &[5], LONG).await));
    drop(t);
    tokio::time::sleep(Duration::from_secs(25)).await;
    let ts = two.timestamp().await.expect("timestamp");
    let outcome = two.commit_at_once(ts, write(5)).await.expect("nobody is in the way");
    assert!(matches!(outcome, CommitOutcome::Committed(_)));
    audit(&mut two).await;
}
