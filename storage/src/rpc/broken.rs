//! The protocol, broken on purpose: what the simulation's checkers must catch, or they catch nothing.
//!
//! Each way to break it is done to the messages, in front of the transport; the protocol itself has no line for this, and
//! without the feature `broken`, which only the tests' crate asks for, this file is not even compiled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{
    Body, Call, GetBody, Lost, OnePhaseOutcome, PdReply, PdRequest, Read, Reply, Request, Response, ScanBody,
    Transport,
};
use crate::percolator::{PessimisticLockOutcome, PrewriteOutcome};
use crate::schema::Timestamp;

/// A way to break the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Reads pass the locks that they meet.
    ReadsIgnoreLocks,
    /// Each region is read as it is when the request gets there, not at the read's timestamp.
    ReadsWithoutTimestamp,
    /// Reads see what was there a fifth of a second ago.
    ReadsOfThePast,
    /// The last key of a transaction that needs several requests is never locked, and nobody is told.
    SkipsSecondary,
    /// The primary of an async commit does not name the last of its secondaries.
    ForgetsSecondary,
    /// A conflict at commit is passed over: the write goes in as if the transaction had just begun.
    IgnoresConflicts,
    /// Every tenth commit in one phase is acknowledged and not done.
    AcknowledgesTooEarly,
    /// Who wants a lock that another has is told that it has it, too.
    SharesLocks,
    /// Locks of committed transactions are rolled back by those who meet them.
    ResolvesWrongly,
    /// Every tenth timestamp is one of half a second ago.
    TimestampsGoBack,
}

impl Broken {
    /// All of them.
    pub const ALL: [Broken; 10] = [
        Broken::ReadsIgnoreLocks,
        Broken::ReadsWithoutTimestamp,
        Broken::ReadsOfThePast,
        Broken::SkipsSecondary,
        Broken::ForgetsSecondary,
        Broken::IgnoresConflicts,
        Broken::AcknowledgesTooEarly,
        Broken::SharesLocks,
        Broken::ResolvesWrongly,
        Broken::TimestampsGoBack,
    ];
}

const EVERY: u64 = 10;

/// A transport that does it.
pub(crate) struct BrokenTransport {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) how: Broken,
    pub(crate) count: AtomicU64,
}

fn earlier(ts: Timestamp, ms: u64) -> Timestamp {
    Timestamp(ts.0.saturating_sub(ms << Timestamp::LOGICAL_BITS))
}

/// The read, with something done to its timestamp and to the transactions that it passes.
fn changed(body: &Body, change: impl FnOnce(&mut Timestamp, &mut Vec<Timestamp>)) -> Body {
    match body {
        Body::Get(get) => {
            let mut get = GetBody::clone(get);
            change(&mut get.ts, &mut get.ignore);
            Body::Get(Arc::new(get))
        }
        Body::Scan(scan) => {
            let mut scan = ScanBody::clone(scan);
            change(&mut scan.ts, &mut scan.ignore);
            Body::Scan(Arc::new(scan))
        }
        other => other.clone(),
    }
}

fn is_read(body: &Body) -> bool {
    matches!(body, Body::Get(_) | Body::Scan(_))
}

impl BrokenTransport {
    fn is_tenth(&self) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1
    }

    async fn passing_locks(inner: Arc<dyn Transport>, mut request: Request) -> Result<Response, Lost> {
        loop {
            let answer = inner.send(request.clone()).await;
            let locks = match &answer {
                Ok(Ok(Reply::Get(Read::Locked(locks)))) => locks,
                Ok(Ok(Reply::Scan(Read::Locked(locks)))) => locks,
                _ => return answer,
            };
            let passed = locks.iter().map(|lock| lock.start_ts);
            request.body = changed(&request.body, |_, ignore| ignore.extend(passed));
        }
    }

    async fn without_timestamp(inner: Arc<dyn Transport>, mut request: Request) -> Result<Response, Lost> {
        if let Ok(PdReply::Timestamp(now)) = inner.ask(PdRequest::Timestamp).await {
            request.body = changed(&request.body, |ts, _| *ts = now);
        }
        inner.send(request).await
    }

    async fn in_spite_of_conflicts(
        inner: Arc<dyn Transport>,
        mut request: Request,
    ) -> Result<Response, Lost> {
        loop {
            let answer = inner.send(request.clone()).await;
            let Ok(Ok(Reply::OnePhase(OnePhaseOutcome::Refused(PrewriteOutcome::WriteConflict(_))))) = answer
            else {
                return answer;
            };
            if let (Body::OnePhase(prewrite), Ok(PdReply::Timestamp(now))) =
                (&mut request.body, inner.ask(PdRequest::Timestamp).await)
            {
                prewrite.start_ts = now;
            }
        }
    }
}

impl Transport for BrokenTransport {
    fn send(&self, mut request: Request) -> Call<Result<Response, Lost>> {
        let inner = Arc::clone(&self.inner);
        match self.how {
            Broken::ReadsIgnoreLocks if is_read(&request.body) => {
                return Call::waiting(BrokenTransport::passing_locks(inner, request));
            }
            Broken::ReadsWithoutTimestamp if is_read(&request.body) => {
                return Call::waiting(BrokenTransport::without_timestamp(inner, request));
            }
            Broken::ReadsOfThePast => {
                request.body = changed(&request.body, |ts, _| *ts = earlier(*ts, 200));
            }
            Broken::SkipsSecondary => {
                if let Body::Prewrite(prewrite) = &mut request.body
                    && prewrite.mutations.last().is_some_and(|last| last.key != prewrite.primary)
                {
                    prewrite.mutations.pop();
                    if prewrite.mutations.is_empty() {
                        let min_commit_ts = prewrite.min_commit_ts;
                        return Call::ready(Ok(Ok(Reply::Prewrite(PrewriteOutcome::Done { min_commit_ts }))));
                    }
                }
            }
            Broken::ForgetsSecondary => {
                if let Body::Prewrite(prewrite) = &mut request.body
                    && let Some(plan) = &mut prewrite.async_commit
                    && let Some((_, others)) = plan.secondaries.split_last()
                {
                    plan.secondaries = others.into();
                }
            }
            Broken::IgnoresConflicts if matches!(request.body, Body::OnePhase(_)) => {
                return Call::waiting(BrokenTransport::in_spite_of_conflicts(inner, request));
            }
            Broken::AcknowledgesTooEarly => {
                if let Body::OnePhase(prewrite) = &request.body
                    && self.is_tenth()
                {
                    let outcome = OnePhaseOutcome::Committed(Timestamp(prewrite.start_ts.0 + 1));
                    return Call::ready(Ok(Ok(Reply::OnePhase(outcome))));
                }
            }
            Broken::SharesLocks => {
                if let Body::PessimisticLock(lock) = &request.body {
                    let existing = lock.keys.clone();
                    return inner.send(request).map(|answer| match answer {
                        Ok(Ok(Reply::PessimisticLock(PessimisticLockOutcome::Locked(_)))) => {
                            let shared = PessimisticLockOutcome::Done { existing };
                            Ok(Ok(Reply::PessimisticLock(shared)))
                        }
                        other => other,
                    });
                }
            }
            Broken::ResolvesWrongly => {
                if let Body::ResolveLock(resolve) = &mut request.body {
                    resolve.commit_ts = None;
                }
            }
            Broken::ReadsIgnoreLocks
            | Broken::ReadsWithoutTimestamp
            | Broken::IgnoresConflicts
            | Broken::TimestampsGoBack => {}
        }
        inner.send(request)
    }

    fn ask(&self, request: PdRequest) -> Call<Result<PdReply, Lost>> {
        let back = self.how == Broken::TimestampsGoBack && self.is_tenth();
        self.inner.ask(request).map(move |answer| match answer {
            Ok(PdReply::Timestamp(ts)) if back => Ok(PdReply::Timestamp(earlier(ts, 500))),
            other => other,
        })
    }

    fn sleep(&self, duration: Duration) -> Call<()> {
        self.inner.sleep(duration)
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn is_immediate(&self) -> bool {
        self.inner.is_immediate()
    }

    fn timestamp_in_place(&self) -> Option<Timestamp> {
        self.inner.timestamp_in_place()
    }
}
