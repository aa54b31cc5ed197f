//! Blocking code inside a simulation: stacks that take turns.
//!
//! A simulation is one thread with a paused clock, and all that happens in it is a function of its seed. A session of the
//! engine blocks: a statement is a function call, which waits for the cluster somewhere deep inside. A [`Seat`] brings the
//! two together. It is a coroutine: a stack of its own for the blocking code, on the simulation's thread, which is switched to
//! when it is its turn and switched away from when it waits:
//!
//! ```text
//! simulation   run(job)  ──turn──►                      ◄──waiting──   other tasks, time passes   ──turn──►            ◄──done──
//! seat                             job … block_on: not ready                                               ready … end
//! ```
//!
//! When the job waits for a future that is not ready ([`Runtime::block_on`](crate::runtime::Runtime::block_on),
//! [`Runtime::pause`](crate::runtime::Runtime::pause)), the turn goes back to the simulation, and what would wake the future
//! gives it to the seat again. The order in which seats work is the order of the simulation's tasks: the same seed, the same
//! run. To switch costs some nanoseconds and no system call. (Seats were threads once: each wait of a statement woke two, and
//! two fifths of what a run with sessions cost were the kernel's.)
//!
//! What a job must not do is wait for another seat in any other way: through a channel, or asleep. Then both stand still for
//! ever. Threads that compute (rayon's) and have nothing to do with the cluster are no harm. Nor may it keep what belongs to
//! the thread (a borrow of a thread-local, a guard of tokio's) while it waits: others are on that thread meanwhile.
//!
//! A job finds its way back without being handed anything: `generator` knows which of its stacks a thread is on. That is why
//! it is this crate and not one whose coroutines are switched away from by an argument, which a statement does not carry down.
//!
//! What looks how much of the thread's stack is left before it recurses (the parser, the binder) does not know of a seat's, and
//! goes on on a stack that it makes for the while: that costs three system calls, once for each text that is parsed and each
//! statement that is bound, and nothing is wrong.
//!
//! **Death.** A seat that is dropped in the middle of a job ends it there, as a machine that loses its power does: what it
//! waits for never comes, and its stack is unwound. Whatever its destructors would still like to tell the cluster is not sent.

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crossbeam_channel::{Receiver, Sender, bounded};
use generator::{Generator, Gn, co_yield_with};

thread_local! {
    /// Of the seat that is at work on this thread.
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

/// A seat's stack, of which only what it has used takes memory: as much as a thread has.
const STACK_BYTES: usize = 2 << 20;

/// A stack for blocking code with its state, which only works while the simulation waits for it.
pub struct Seat<S> {
    jobs: Sender<Job<S>>,
    coroutine: Generator<'static, (), Said>,
    /// What is on its stack stays on this thread.
    of_one_thread: PhantomData<Rc<S>>,
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// What a seat has while it is at work.
struct Turn {
    /// What a future that the job waits for has to wake.
    waker: Waker,
    /// Whether the seat is gone: this is its last turn, to unwind its stack.
    is_over: bool,
}

/// With what a seat gives the turn back.
enum Said {
    Waiting,
    Done,
    /// The job panicked.
    Panicked(Box<dyn Any + Send>),
}

/// What unwinds the stack of a seat that was dropped.
struct Dropped;

impl<S: 'static> Seat<S> {
    /// A seat in the simulation whose thread this is. The state is made by the first job that runs.
    ///
    /// # Panics
    /// If there is no memory for a stack.
    pub fn new(make: impl FnOnce() -> S + Send + 'static) -> Seat<S> {
        let (jobs, to_do) = bounded(1);
        let mut coroutine = Gn::new_opt(STACK_BYTES / size_of::<usize>(), move || sit(make, &to_do));
        // Any address but zero says that it may be switched away from by whatever it calls.
        coroutine.set_local_data(NonNull::dangling().as_ptr());
        Seat { jobs, coroutine, of_one_thread: PhantomData }
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
        // A seat goes on until it has to wait, however much was ready by then.
        tokio::task::unconstrained(poll_fn(|context| self.give_turn(context))).await;
        answered.recv().expect("a job that is done has answered")
    }

    fn give_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.resume(Turn { waker: context.waker().clone(), is_over: false }) {
            Said::Waiting => Poll::Pending,
            Said::Done => Poll::Ready(()),
            Said::Panicked(panic) => resume_unwind(panic),
        }
    }
}

impl<S> Seat<S> {
    fn resume(&mut self, turn: Turn) -> Said {
        let before = TURN.replace(Some(turn));
        let said = self.coroutine.resume();
        TURN.set(before);
        said.expect("a seat is not used again after its job has panicked or overflowed its stack")
    }
}

/// Nothing is left on the stack when this returns.
impl<S> Drop for Seat<S> {
    fn drop(&mut self) {
        if !self.coroutine.is_done() {
            // It has caught its panics.
            let _ = self.resume(Turn { waker: Waker::noop().clone(), is_over: true });
        }
    }
}

/// The life of a seat, on its own stack.
fn sit<S>(make: impl FnOnce() -> S, jobs: &Receiver<Job<S>>) -> Said {
    let mut state = None;
    let mut make = Some(make);
    let life = AssertUnwindSafe(|| {
        // Whoever gives it a turn has put a job there, unless the turn is its last.
        while let Ok(job) = jobs.try_recv() {
            if let Some(make) = make.take() {
                state = Some(make());
            }
            if let Some(state) = &mut state {
                job(state);
            }
            // A statement takes whatever unwinds it for an error of its own, and so this may be a job that was ended.
            if is_last_turn() {
                break;
            }
            co_yield_with(Said::Done);
        }
    });
    let ended = catch_unwind(life);
    TURN.with_borrow_mut(|turn| turn.iter_mut().for_each(|turn| turn.is_over = true));
    // Not while the stack is unwound: a destructor that cannot wait any more may say so only now.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
    match ended {
        Err(panic) if !panic.is::<Dropped>() => Said::Panicked(panic),
        Ok(()) | Err(_) => Said::Done,
    }
}

/// Whether the seat that is at work here is gone.
fn is_last_turn() -> bool {
    TURN.with_borrow(|turn| turn.as_ref().is_some_and(|turn| turn.is_over))
}

/// The waker of the seat that is at work here; `None` = none is. Ends the job of one that is gone: not with a panic that a hook
/// tells of, because this is how it is meant to end.
fn waker() -> Option<Waker> {
    let turn = TURN.with_borrow(|turn| turn.as_ref().map(|turn| (!turn.is_over).then(|| turn.waker.clone())));
    turn.map(|waker| waker.unwrap_or_else(|| resume_unwind(Box::new(Dropped))))
}

/// Waits for a future, if a seat is at work here; else the future comes back.
pub(crate) fn wait_in_turn<F: Future>(future: F) -> Result<F::Output, F> {
    let Some(mut waker) = waker() else { return Err(future) };
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok(output);
        }
        co_yield_with(Said::Waiting);
        waker = self::waker().expect("a seat that goes on has the turn");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use rayon::prelude::*;
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
                        let mut seat = Seat::new(move || id);
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
            let mut seat = Seat::new(move || tells);
            let job = |tells: &mut Tells| {
                tells.1.pause(Duration::from_secs(5));
                tells.0.fetch_add(1000, Ordering::Relaxed);
            };
            assert!(timeout(Duration::from_secs(1), seat.run(job)).await.is_err());
            assert_eq!(count.load(Ordering::Relaxed), 0);
            drop(seat);
            assert_eq!(count.load(Ordering::Relaxed), 1, "its state is dropped, and can do nothing more");
            // One that is dropped at rest.
            let idle = Seat::new(|| 5);
            drop(idle);
            sleep(Duration::from_secs(1)).await;
        });
    }

    #[test]
    fn a_job_that_catches_its_end_ends_all_the_same() {
        struct Tells(Arc<AtomicU64>);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.fetch_add(if is_last_turn() { 1 } else { 100 }, Ordering::Relaxed);
            }
        }
        simulate(async {
            let (count, runtime) = (Arc::new(AtomicU64::new(0)), Runtime::simulated());
            let tells = Tells(Arc::clone(&count));
            let mut seat = Seat::new(move || tells);
            let job = move |tells: &mut Tells| {
                for _ in 0..2 {
                    let waits = || runtime.pause(Duration::from_secs(5));
                    assert!(catch_unwind(AssertUnwindSafe(waits)).is_err(), "it never comes to its end");
                    tells.0.fetch_add(10, Ordering::Relaxed);
                }
            };
            assert!(timeout(Duration::from_secs(1), seat.run(job)).await.is_err());
            drop(seat);
            assert_eq!(
                count.load(Ordering::Relaxed),
                21,
                "within its last turn, and by nobody else's unwinding"
            );
        });
    }

    #[test]
    fn a_simulation_that_panics_unwinds_its_seats() {
        let count = Arc::new(AtomicU64::new(0));
        let held = Arc::clone(&count);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            simulate(async {
                let runtime = Runtime::simulated();
                let mut seat = Seat::new(|| ());
                let job = move |(): &mut ()| {
                    let _on_the_stack = held;
                    runtime.pause(Duration::from_secs(5));
                };
                let _ = timeout(Duration::from_secs(1), seat.run(job)).await;
                resume_unwind(Box::new("of the simulation"));
            });
        }));
        let panic = caught.map(|()| "none").expect_err("it is told");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"of the simulation"));
        assert_eq!(Arc::strong_count(&count), 1, "what was on the stack is dropped");
    }

    #[test]
    fn a_job_may_call_deep_and_compute_with_other_threads() {
        fn deep(runtime: &Runtime, left: u64) -> u64 {
            let frame = std::hint::black_box([left; 128]);
            if left == 0 {
                runtime.pause(Duration::from_millis(1));
                return [1u64, 2, 3].into_par_iter().map(|n| n * 2).sum();
            }
            deep(runtime, left - 1) + std::hint::black_box(frame)[127]
        }
        const DEPTH: u64 = 300;
        simulate(async {
            let runtime = Runtime::simulated();
            let seats = (0..4).map(|_| async {
                let runtime = runtime.clone();
                Seat::new(|| ()).run(move |()| deep(&runtime, DEPTH)).await
            });
            // Hundreds of kilobytes each, and all wait at the bottom of it at the same time.
            let sums = futures_util::future::join_all(seats).await;
            assert_eq!(sums, [12 + DEPTH * (DEPTH + 1) / 2; 4]);
        });
    }

    #[test]
    fn a_panic_in_a_job_is_the_simulations() {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            simulate(async {
                let mut seat = Seat::new(|| ());
                seat.run(|()| -> () { resume_unwind(Box::new("of the job")) }).await;
            });
        }));
        let panic = caught.expect_err("it is told");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"of the job"));
    }
}
