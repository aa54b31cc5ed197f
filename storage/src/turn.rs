//! Blocking code inside a simulation: threads that take turns.
//!
//! A simulation is one thread with a paused clock, and all that happens in it is a function of its seed. A session of the
//! engine blocks: a statement is a function call, which waits for the cluster somewhere deep inside. A [`Seat`] brings the
//! two together. It is a thread for the blocking code, which runs only while the simulation's thread stands still for it:
//!
//! ```text
//! simulation   run(job)  ──go──►                      ◄──waiting──   other tasks, time passes   ──go──►            ◄──done──
//! seat                           job … block_on: not ready                                             ready … end
//! ```
//!
//! When the job waits for a future that is not ready ([`Runtime::block_on`](crate::runtime::Runtime::block_on),
//! [`Runtime::pause`](crate::runtime::Runtime::pause)), the turn goes back to the simulation, and what would wake the future
//! gives it to the seat again. So there are several threads, but never two at work, and the order in which they are is the
//! order of the simulation's tasks: the same seed, the same run.
//!
//! What a job must not do is wait for another seat in any other way: through a channel, or by asleep threads. Then both stand
//! still for ever. Threads that compute (rayon's) and have nothing to do with the cluster are no harm.
//!
//! Handing over is what a simulated statement costs, so nobody spins while it waits for its turn: it sleeps until it is woken,
//! by whoever has just put something into its channel.
//!
//! **Death.** A seat that is dropped in the middle of a job ends it there, as a machine that loses its power does: what it
//! waits for never comes, and its stack is unwound. Whatever its destructors would still like to tell the cluster is not sent.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread::{JoinHandle, Thread, current, park};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use tokio::runtime::Handle;

thread_local! {
    /// Of a seat's thread; empty on all others.
    static TURN: OnceCell<Turn> = const { OnceCell::new() };
}

/// A thread for blocking code with its state, which only works while the simulation waits for it.
pub struct Seat<S> {
    jobs: Sender<Job<S>>,
    turns: Sender<Go>,
    said: Receiver<Said>,
    thread: Option<JoinHandle<()>>,
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// What the seat's thread is told when it has the turn.
struct Go {
    /// What a future that the job waits for has to wake.
    waker: Waker,
    /// Who waits until the turn comes back.
    simulation: Thread,
}

/// What the seat's thread says when it gives the turn back.
enum Said {
    Waiting,
    Done,
    /// The job panicked.
    Panicked(Box<dyn Any + Send>),
}

/// The seat's own end.
struct Turn {
    turns: Receiver<Go>,
    said: Sender<Said>,
    /// Of the turn that it has or had last.
    waker: Cell<Waker>,
    simulation: RefCell<Option<Thread>>,
    /// Whether the seat is gone: there will be no more turns.
    is_over: Cell<bool>,
}

/// What unwinds the stack of a seat that was dropped.
struct Dropped;

impl<S: Send + 'static> Seat<S> {
    /// A seat in the simulation whose runtime the caller is in. The state is made by the first job that runs.
    ///
    /// # Errors
    /// If the operating system has no thread left.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(make: impl FnOnce() -> S + Send + 'static) -> std::io::Result<Seat<S>> {
        let handle = Handle::current();
        let (jobs, to_do) = bounded(1);
        let (turns, to_take) = bounded(1);
        let (say, said) = bounded(1);
        let waker = Cell::new(Waker::noop().clone());
        let (simulation, is_over) = Default::default();
        let turn = Turn { turns: to_take, said: say, waker, simulation, is_over };
        let thread = std::thread::Builder::new()
            .name("allod-seat".into())
            .spawn(move || sit(&handle, turn, make, &to_do))?;
        Ok(Seat { jobs, turns, said, thread: Some(thread) })
    }

    /// Does something with the state. Whoever drops the future before it is ready has to drop the seat, too.
    ///
    /// # Panics
    /// If the job does; and if an earlier one did not come to its end.
    pub async fn run<T: Send + 'static>(&mut self, job: impl FnOnce(&mut S) -> T + Send + 'static) -> T {
        let (answer, answered) = bounded(1);
        let job = move |state: &mut S| {
            // It has room, and who waits for it holds the other end.
            let _ = answer.send(job(state));
        };
        self.jobs.try_send(Box::new(job)).expect("an earlier job has ended, and so the seat is free");
        poll_fn(|context| self.give_turn(context)).await;
        answered.recv().expect("a job that is done has answered")
    }

    fn give_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let go = Go { waker: context.waker().clone(), simulation: current() };
        self.turns.send(go).expect("the thread lives as long as its seat");
        self.wake();
        match receive(&self.said).expect("the thread lives as long as its seat") {
            Said::Waiting => Poll::Pending,
            Said::Done => Poll::Ready(()),
            Said::Panicked(panic) => resume_unwind(panic),
        }
    }
}

impl<S> Seat<S> {
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

/// What comes next; `None` = nothing ever will. Who sends has to wake this thread.
fn receive<T>(receiver: &Receiver<T>) -> Option<T> {
    loop {
        match receiver.try_recv() {
            Ok(value) => return Some(value),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => park(),
        }
    }
}

/// The thread has ended when this returns: nothing of it happens beside the simulation.
impl<S> Drop for Seat<S> {
    fn drop(&mut self) {
        (self.jobs, self.turns) = (bounded(0).0, bounded(0).0);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It has caught its panics.
            let _ = thread.join();
        }
    }
}

/// The life of a seat's thread.
fn sit<S>(handle: &Handle, turn: Turn, make: impl FnOnce() -> S, jobs: &Receiver<Job<S>>) {
    let _guard = handle.enter();
    TURN.with(|cell| drop(cell.set(turn)));
    let mut state = None;
    let mut make = Some(make);
    let life = AssertUnwindSafe(|| {
        while let Some(job) = receive(jobs) {
            of_this_thread(Turn::await_turn);
            if let Some(make) = make.take() {
                state = Some(make());
            }
            if let Some(state) = &mut state {
                job(state);
            }
            of_this_thread(|turn| turn.say(Said::Done));
        }
    });
    let ended = catch_unwind(life);
    of_this_thread(|turn| turn.is_over.set(true));
    if let Err(panic) = ended
        && !panic.is::<Dropped>()
    {
        of_this_thread(|turn| turn.say(Said::Panicked(panic)));
    }
    // Not while the stack is unwound: a destructor that cannot wait any more may say so only now.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
}

fn of_this_thread(what: impl FnOnce(&Turn)) {
    TURN.with(|turn| {
        if let Some(turn) = turn.get() {
            what(turn);
        }
    });
}

impl Turn {
    fn await_turn(&self) {
        match receive(&self.turns) {
            Some(Go { waker, simulation }) => {
                self.waker.set(waker);
                self.simulation.replace(Some(simulation));
            }
            None => self.end(),
        }
    }

    /// Gives the turn back. Nobody listens if the seat is gone.
    fn say(&self, what: Said) {
        let _ = self.said.try_send(what);
        if let Some(simulation) = &*self.simulation.borrow() {
            simulation.unpark();
        }
    }

    /// Not a panic that a hook tells of: this is how it is meant to end.
    fn end(&self) -> ! {
        self.is_over.set(true);
        resume_unwind(Box::new(Dropped))
    }

    fn wait<F: Future>(&self, future: F) -> F::Output {
        if self.is_over.get() {
            self.end();
        }
        let mut future = pin!(future);
        loop {
            let waker = self.waker.replace(Waker::noop().clone());
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            self.waker.set(waker);
            if let Poll::Ready(output) = polled {
                return output;
            }
            self.say(Said::Waiting);
            self.await_turn();
        }
    }
}

/// Waits for a future, if this is a seat's thread; else the future comes back.
pub(crate) fn wait_in_turn<F: Future>(future: F) -> Result<F::Output, F> {
    TURN.with(|turn| match turn.get() {
        Some(turn) => Ok(turn.wait(future)),
        None => Err(future),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::runtime::Runtime;

    fn simulate<T>(what: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(what)
    }

    #[test]
    fn seats_take_turns_on_a_clock_that_stands_still_while_they_work() {
        let run = || {
            simulate(async {
                let log = Arc::new(AtomicU64::new(0));
                let runtime = Runtime::simulated();
                let start = Instant::now();
                let seats = (1..=3u64).map(|id| {
                    let (runtime, log) = (runtime.clone(), Arc::clone(&log));
                    async move {
                        let mut seat = Seat::new(move || id).expect("a thread");
                        for _ in 0..3 {
                            let (runtime, log) = (runtime.clone(), Arc::clone(&log));
                            seat.run(move |id| {
                                // Not one step: whoever worked beside this one would be noticed.
                                let before = log.load(Ordering::Relaxed);
                                std::thread::sleep(Duration::from_millis(2));
                                log.store(before * 10 + *id, Ordering::Relaxed);
                                runtime.pause(Duration::from_millis(*id * 100));
                            })
                            .await;
                        }
                        seat.run(|id| *id).await
                    }
                });
                let ids = futures_util::future::join_all(seats).await;
                (ids, log.load(Ordering::Relaxed), start.elapsed())
            })
        };
        // At 0: all. At 100: 1. At 200: what was to be woken first is 2, then 1. At 300: 3.
        let expected = (vec![1, 2, 3], run().1, Duration::from_millis(900));
        assert_eq!(run(), expected);
        let digits = expected.1.to_string();
        assert!(digits.starts_with("1231"), "{digits}");
        assert_eq!(digits.len(), 9, "{digits}");
    }

    #[test]
    fn a_seat_that_is_dropped_in_the_middle_ends_there() {
        struct Tells(Arc<AtomicU64>, Runtime);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
                // A dead machine sends nothing.
                self.1.pause(Duration::from_millis(1));
                self.0.fetch_add(100, Ordering::Relaxed);
            }
        }
        simulate(async {
            let (count, runtime) = (Arc::new(AtomicU64::new(0)), Runtime::simulated());
            let tells = Tells(Arc::clone(&count), runtime.clone());
            let mut seat = Seat::new(move || tells).expect("a thread");
            let job = |tells: &mut Tells| {
                tells.1.pause(Duration::from_secs(5));
                tells.0.fetch_add(1000, Ordering::Relaxed);
            };
            assert!(timeout(Duration::from_secs(1), seat.run(job)).await.is_err());
            assert_eq!(count.load(Ordering::Relaxed), 0);
            drop(seat);
            assert_eq!(count.load(Ordering::Relaxed), 1, "its state is dropped, and can do nothing more");
            // One that is dropped at rest.
            let idle = Seat::new(|| 5).expect("a thread");
            drop(idle);
            sleep(Duration::from_secs(1)).await;
        });
    }

    #[test]
    fn a_panic_in_a_job_is_the_simulations() {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            simulate(async {
                let mut seat = Seat::new(|| ()).expect("a thread");
                seat.run(|()| -> () { resume_unwind(Box::new("of the job")) }).await;
            });
        }));
        let panic = caught.expect_err("it is told");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"of the job"));
    }
}
