//! How a caller waits for the client's futures.
//!
//! In direct mode every future is ready at the first poll, but for one case: another thread is just applying commands to the
//! same region, and this thread's command is in that region's mailbox. So `block_on` polls in place and, if the future is
//! pending, parks the thread until the reply wakes it; there is no executor, no timer and no queue.
//!
//! A caller may be a task of a server: a worker of a tokio runtime with several. Before it waits for longer it lets that runtime
//! go on with its other tasks (`aside`), one of which may be whom it waits for. What was taken to be short and turns out to
//! be long does so on its way, at the next `checkpoint`.
//!
//! In simulated mode messages take time on tokio's clock, so a tokio runtime keeps the timers. Its worker drives them, what
//! goes on beside everything else, and requests whose sender has given up; each caller polls its own future on its own
//! thread, and many callers may wait at once. A cluster that is created inside a tokio runtime uses that one: under a paused
//! clock on one thread, everything that happens is a function of the seed. There,
//! `await` the client's futures; `block_on` would block the runtime that has to make them ready. Code that must block has
//! a [`Seat`](crate::turn::Seat) there.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::turn::wait_in_turn;

/// Waits for the client's futures. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Kind);

#[derive(Clone)]
enum Kind {
    Direct,
    /// A runtime of somebody else.
    Borrowed(tokio::runtime::Handle),
    Owned(Arc<Owned>),
}

/// Shut down without waiting, so that the last clone may be dropped anywhere, even inside another runtime.
struct Owned {
    handle: tokio::runtime::Handle,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Runtime {
    pub(crate) fn direct() -> Runtime {
        Runtime(Kind::Direct)
    }

    /// The tokio runtime that the caller is in, or a new one.
    pub(crate) fn simulated() -> Runtime {
        if let Ok(handle) = tokio::runtime::Handle::try_current() {
            return Runtime(Kind::Borrowed(handle));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("allod-timer")
            .enable_time()
            .build()
            .expect("the operating system has a thread left for the timers");
        let handle = runtime.handle().clone();
        Runtime(Kind::Owned(Arc::new(Owned { handle, runtime: Some(runtime) })))
    }

    /// Whether futures are polled in place, with no executor.
    pub fn is_direct(&self) -> bool {
        matches!(self.0, Kind::Direct)
    }

    /// Whether its clock is the operating system's for certain, and nobody else's tasks run there.
    pub(crate) fn is_our_own(&self) -> bool {
        matches!(self.0, Kind::Owned(_))
    }

    /// Waits for the future on this thread. In simulated mode not to be called from inside a tokio runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Kind::Direct => poll_in_place(future),
            Kind::Borrowed(handle) => match wait_in_turn(future) {
                Ok(output) => output,
                Err(future) => handle.block_on(future),
            },
            Kind::Owned(owned) => owned.handle.block_on(future),
        }
    }

    /// Lets a thread that shares this processor go on.
    pub(crate) fn take_turns(&self) {
        match &self.0 {
            Kind::Direct => std::thread::yield_now(),
            // There each waits for messages, and others run meanwhile.
            Kind::Borrowed(_) | Kind::Owned(_) => {}
        }
    }

    /// Lets time pass on this thread, on the cluster's clock.
    pub fn pause(&self, duration: Duration) {
        match &self.0 {
            Kind::Direct | Kind::Owned(_) => aside(|| std::thread::sleep(duration)),
            Kind::Borrowed(_) => {
                let sleep = self.enter(|| tokio::time::sleep(duration));
                self.block_on(sleep);
            }
        }
    }

    /// Runs a future beside everything else. In direct mode on this thread, now: there is no other place.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match &self.0 {
            Kind::Direct => poll_in_place(future),
            Kind::Borrowed(handle) => drop(handle.spawn(future)),
            Kind::Owned(owned) => drop(owned.handle.spawn(future)),
        }
    }

    /// Runs `f` where tokio's clock can be read and its timers made.
    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.0 {
            Kind::Direct => f(),
            Kind::Borrowed(handle) => {
                let _guard = handle.enter();
                f()
            }
            Kind::Owned(owned) => {
                let _guard = owned.handle.enter();
                f()
            }
        }
    }
}

/// The time on the clock by which this thread waits: tokio's where it is in a runtime, which a simulation pauses and turns, and
/// else the operating system's.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Lets time pass on this thread, for what has to do with no cluster. Other tasks of a tokio runtime go on meanwhile.
pub fn sleep(duration: Duration) {
    aside(|| std::thread::sleep(duration));
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How long a caller waits before it makes room for other tasks: a command that another thread is just applying is done by then.
const BRIEF: Duration = Duration::from_micros(100);

/// Does something that blocks this thread. If the thread is to serve tasks of a tokio runtime, another one does that meanwhile.
pub fn aside<T>(blocking: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(blocking),
        _ => blocking(),
    }
}

/// How long the tasks of a thread wait for something that was taken to be short.
const PATIENCE: Duration = Duration::from_millis(10);
/// How long it then waits for another thread to come for them: on a busy machine that thread may have to wait itself.
const HANDOVER: Duration = Duration::from_millis(100);

thread_local! {
    /// Since when this thread has been at something that was taken to be short, and its tasks have been waiting.
    static SHORT_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Does something that is taken to be short on a thread that serves tasks. If it is not, another thread goes on with those
/// tasks from the next [`checkpoint`] on.
pub fn in_place<T>(short: impl FnOnce() -> T) -> T {
    SHORT_SINCE.set(Some(Instant::now()));
    let done = short();
    SHORT_SINCE.set(None);
    done
}

/// To be passed now and then by whatever may take long: where cancelling is looked for. Costs a look at the clock within
/// [`in_place`], and nothing elsewhere.
pub fn checkpoint() {
    if SHORT_SINCE.get().is_some_and(|since| since.elapsed() > PATIENCE) {
        // If nobody has come, again after a while.
        let given = give_way();
        SHORT_SINCE.set((!given).then(Instant::now));
    }
}

/// Has another thread go on with the tasks that this one serves, for the rest of the present task. Whether one does.
fn give_way() -> bool {
    // A runtime takes its tasks back if nobody has come for them by the end of this: so this ends when one of them has run.
    aside(|| {
        let Ok(tasks) = tokio::runtime::Handle::try_current() else { return true };
        let (sender, receiver) = mpsc::sync_channel(1);
        tasks.spawn(async move { sender.send(()) });
        // A runtime that ends drops its tasks. Then there is nobody to make room for.
        receiver.recv_timeout(HANDOVER) != Err(mpsc::RecvTimeoutError::Timeout)
    })
}

fn poll_in_place<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // Nearly always ready at once: the first poll does without a waker of its own.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    // Polled again before the first park, so that a reply that came before this waker was known is not missed.
    if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
        return output;
    }
    std::thread::park_timeout(BRIEF);
    if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
        return output;
    }
    aside(|| {
        loop {
            std::thread::park();
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
    })
}

/// Waits for a future on this thread, but no longer than this; `None` = it took longer, and is dropped.
pub(crate) fn wait_in_place<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    let until = Instant::now() + limit;
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
        return Some(output);
    }
    aside(|| {
        loop {
            let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            std::thread::park_timeout(left);
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_parks_until_another_thread_replies() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            sender.send(7).expect("still waited for");
        });
        assert_eq!(Runtime::direct().block_on(receiver), Ok(7));
        thread.join().expect("joins");
    }

    #[test]
    fn what_turns_out_to_be_long_lets_others_go_on() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("threads");
        let (sender, receiver) = mpsc::channel();
        let long = runtime.spawn(async move {
            in_place(|| {
                // Ends only if another task runs meanwhile.
                while receiver.try_recv().is_err() {
                    checkpoint();
                }
            });
            // Nothing is in place here any more.
            checkpoint();
        });
        let other = runtime.spawn(async move { sender.send(()) });
        runtime.block_on(long).expect("does not panic");
        assert_eq!(runtime.block_on(other).expect("does not panic"), Ok(()));
    }

    #[test]
    fn simulated_serves_many_threads_at_once() {
        let runtime = Runtime::simulated();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope
                    .spawn(|| runtime.block_on(async { tokio::time::sleep(Duration::from_millis(2)).await }));
            }
        });
    }
}
