//! Heartbeats: a transaction that takes its time says that it is alive.
//!
//! Locks live for some seconds; a user may think for minutes between two statements. So as long as a transaction is there, its
//! primary's life is prolonged now and then. The transaction holds an [`Alive`]; when that is dropped, the heartbeats end, and
//! if nobody has taken the locks away by then, others may do so when their time is over.
//!
//! Over a network each transaction has a task of its own. In direct mode there is nobody to run one, so one thread serves the
//! whole cluster: it is told of transactions through a channel, keeps them in a list of its own, and wakes up every few
//! seconds. It is started by the first transaction that needs it, and ends with the cluster.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::oneshot;

use super::Client;
use super::backoff::Budget;
use super::pessimistic::TTL_MS;
use super::sender::Sent;
use crate::cluster::Shared;
use crate::key::Key;
use crate::percolator::HeartBeat;
use crate::rpc::{Body, Reply};
use crate::schema::Timestamp;

/// Between two heartbeats: half of what they give.
const BEAT_MS: u64 = TTL_MS / 2;
/// How often the thread looks which transactions are due, or gone.
const ROUND: Duration = Duration::from_secs(3);
/// A primary that is not locked (not yet, or not any more) so many times in a row is given up.
const MISSED_MAX: u32 = 10;
/// No transaction is kept alive for longer than this (TiDB's `max-txn-ttl`).
const LIFE_MS_MAX: u64 = 3_600_000;

/// As long as this is there, the transaction is alive.
pub(super) struct Alive {
    _task: Option<oneshot::Sender<()>>,
    _thread: Option<Arc<()>>,
}

/// A transaction that is to be kept alive.
struct Kept {
    start_ts: Timestamp,
    primary: Key,
    missed: u32,
}

/// One that the thread looks after.
pub(crate) struct Entrusted {
    kept: Kept,
    alive: Weak<()>,
    due_ms: u64,
}

impl Client {
    /// Keeps a transaction alive until the result is dropped.
    pub(super) fn keep_alive(&self, start_ts: Timestamp, primary: Key) -> Alive {
        let kept = Kept { start_ts, primary, missed: 0 };
        if self.shared.transport.is_immediate() {
            let alive = Arc::new(());
            let due_ms = self.shared.transport.now_ms() + BEAT_MS;
            let entrusted = Entrusted { kept, alive: Arc::downgrade(&alive), due_ms };
            let keeper = self.shared.keeper.get_or_init(|| start_keeper(&self.shared));
            // It has a receiver for as long as the cluster is there.
            let _ = keeper.send(entrusted);
            return Alive { _task: None, _thread: Some(alive) };
        }
        let (alive, gone) = oneshot::channel();
        self.shared.runtime.spawn(beat_until(self.fork(), kept, gone));
        Alive { _task: Some(alive), _thread: None }
    }

    /// One heartbeat; whether there is to be another one.
    async fn beat(&mut self, kept: &mut Kept) -> bool {
        // By the clock that judges it.
        let Ok(now) = self.timestamp().await else {
            kept.missed += 1;
            return kept.missed <= MISSED_MAX;
        };
        let age_ms = now.physical_ms().saturating_sub(kept.start_ts.physical_ms());
        if age_ms > LIFE_MS_MAX {
            return false;
        }
        let (primary, start_ts) = (kept.primary.clone(), kept.start_ts);
        let body = Body::HeartBeat(HeartBeat { primary, start_ts, ttl_ms: age_ms + TTL_MS });
        let mut backoff = self.backoff("heartbeat", Budget::PessimisticLock);
        let mut is_alive = false;
        while let Ok(mut region) = self.locate(&mut backoff, &kept.primary).await {
            match self.send(&mut backoff, &mut region, &body).await {
                Ok(Sent::Relocate) => {}
                Ok(Sent::Reply(reply)) => {
                    is_alive = matches!(reply, Reply::HeartBeat(Some(_)));
                    break;
                }
                Err(_) => break,
            }
        }
        kept.missed = if is_alive { 0 } else { kept.missed + 1 };
        kept.missed <= MISSED_MAX
    }
}

/// The task of one transaction.
async fn beat_until(mut client: Client, mut kept: Kept, mut gone: oneshot::Receiver<()>) {
    loop {
        let pause = client.shared.transport.sleep(Duration::from_millis(BEAT_MS));
        tokio::select! {
            biased;
            _ = &mut gone => return,
            () = pause => {}
        }
        if !client.beat(&mut kept).await {
            return;
        }
    }
}

/// The thread for all transactions of a cluster. It does not hold the cluster.
fn start_keeper(shared: &Arc<Shared>) -> Sender<Entrusted> {
    let (sender, receiver) = unbounded();
    let cluster = Arc::downgrade(shared);
    let thread = std::thread::Builder::new().name("allod-keeper".into());
    // Without a thread nobody is kept alive: transactions that take too long are rolled back, which they are told.
    let _ = thread.spawn(move || keep_all(&cluster, &receiver));
    sender
}

fn keep_all(cluster: &Weak<Shared>, news: &Receiver<Entrusted>) {
    let mut all: Vec<Entrusted> = Vec::new();
    loop {
        std::thread::sleep(ROUND);
        let Some(shared) = cluster.upgrade() else { return };
        all.extend(news.try_iter());
        all.retain(|entrusted| entrusted.alive.strong_count() > 0);
        let now_ms = shared.transport.now_ms();
        if all.iter().all(|entrusted| entrusted.due_ms > now_ms) {
            continue;
        }
        let runtime = shared.runtime.clone();
        let mut client = Client::new(shared);
        all.retain_mut(|entrusted| {
            if entrusted.due_ms > now_ms {
                return true;
            }
            entrusted.due_ms = now_ms + BEAT_MS;
            runtime.block_on(client.beat(&mut entrusted.kept))
        });
    }
}
