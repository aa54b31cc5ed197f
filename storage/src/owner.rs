//! One owner for each piece of mutable state, without a lock and without a thread of its own.
//!
//! The state of a region, of the region directory, of the shared region cache: each may be changed by one thread at a time,
//! and read by all at any time. An [`Owner`] gives both from three parts:
//!
//! * The **baton** is a channel that holds one value: the state itself. To receive it is to become the owner; nobody else can
//!   have it, for it is not there. Whoever is done sends it back.
//! * The **mailbox** is a channel of commands. Who finds the baton gone leaves the command here, and waits for the reply.
//! * The **view** is an immutable version of the state, swapped in after each batch of commands and before any of their
//!   replies goes out. Readers load it and wait for no owner.
//!
//! So a caller on an idle region applies the command on its own thread, with no hop: two uncontended channel operations. On a
//! busy region the thread that has the baton does everybody's work, one batch, one publication.
//!
//! No command is ever left behind. A caller puts its command into the mailbox and *then* looks for the baton; an owner sends
//! the baton back and *then* looks into the mailbox. If the caller finds no baton, the owner had not yet sent it back, so its
//! look into the mailbox comes later and finds the command. (Both channels order these steps sequentially consistently.)
//!
//! Two rules follow. **Replies go out after the view does**: who has a reply, and whoever hears of it, sees the change. And
//! **`apply` neither blocks nor forks**: it takes no other owner's reply except in one fixed order (region, then directories),
//! and it never enters a thread pool, whose scheduler might run on this thread a task that waits for this very owner.
//!
//! A panic inside `apply` ends the state: what it left half changed is dropped, and every present and future caller gets
//! [`Gone`] instead of waiting for ever.
//!
//! Left out: an actor thread per region (a hop and two context switches for each single-row update), and a spin lock (the
//! same exclusion, but the state would be shared, and the compiler could no longer say who owns it).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, Guard};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tokio::sync::oneshot;

use crate::calm::Calm;
use crate::rpc::Call;

/// What an owner owns.
pub(crate) trait State: Send + 'static {
    /// What it is told.
    type Command: Send + 'static;
    /// What it answers.
    type Reply: Send + 'static;
    /// What everybody may see.
    type View: Send + Sync + 'static;

    /// Whether it is changed about as often as it is looked at.
    const CHANGES_OFTEN: bool = false;

    /// Changes the state. `published` is for a command that must show an intermediate state before it goes on.
    fn apply(&mut self, command: Self::Command, published: &Published<Self::View>) -> Self::Reply;

    /// The present version.
    fn view(&self) -> Arc<Self::View>;

    /// Called after a view was published and before replies go out: the moment to tell others of a change, for none of them
    /// can now find the old version any more.
    fn announce(&mut self) {}
}

/// The place where the present view stands.
pub(crate) struct Published<V>(Place<V>);

enum Place<V> {
    /// Readers write nothing; a writer looks after all of them.
    Read(ArcSwap<V>),
    /// The same for as long as it is seldom written; else to write costs no more than to read.
    Written(Calm<V>),
}

impl<V> Published<V> {
    fn new(view: Arc<V>, changes_often: bool) -> Published<V> {
        Published(match changes_often {
            false => Place::Read(ArcSwap::new(view)),
            true => Place::Written(Calm::new(view)),
        })
    }

    /// Replaces the view by one that is replaced itself before the command is done.
    pub(crate) fn show(&self, view: Arc<V>) {
        match &self.0 {
            Place::Read(place) => place.store(view),
            Place::Written(place) => place.show(view),
        }
    }

    /// Replaces the view. What is left of older ones is to be freed by who is not the owner any more.
    fn set(&self, view: Arc<V>) -> Option<Arc<V>> {
        match &self.0 {
            Place::Read(place) => Some(place.swap(view)),
            Place::Written(place) => place.set(view),
        }
    }

    /// The present view, to keep.
    pub(crate) fn get(&self) -> Arc<V> {
        match &self.0 {
            Place::Read(place) => place.load_full(),
            Place::Written(place) => place.get(),
        }
    }

    /// The present view, for a moment.
    fn peek(&self) -> Guard<Arc<V>> {
        match &self.0 {
            Place::Read(place) => place.load(),
            Place::Written(place) => place.peek(),
        }
    }

    fn is_restless(&self) -> bool {
        match &self.0 {
            Place::Read(_) => false,
            Place::Written(place) => place.is_restless(),
        }
    }

    /// Whether older ones are held, though nobody reads them.
    fn is_behind(&self) -> bool {
        match &self.0 {
            Place::Read(_) => false,
            Place::Written(place) => place.is_behind(),
        }
    }

    fn settle(&self) -> Option<Arc<V>> {
        match &self.0 {
            Place::Read(_) => None,
            Place::Written(place) => place.settle(),
        }
    }
}

/// The state is no more: a command panicked while it was being changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

struct Envelope<S: State> {
    command: S::Command,
    /// `None` if nobody waits.
    reply: Option<oneshot::Sender<S::Reply>>,
}

/// A state, its mailbox and its published view. See the module's essay.
pub(crate) struct Owner<S: State> {
    mailbox: (Sender<Envelope<S>>, Receiver<Envelope<S>>),
    baton: (Sender<Box<S>>, Receiver<Box<S>>),
    published: Published<S::View>,
    gone: AtomicBool,
}

impl<S: State> Owner<S> {
    /// Takes the state in and publishes its first view.
    pub(crate) fn new(state: S) -> Owner<S> {
        let published = Published::new(state.view(), S::CHANGES_OFTEN);
        let baton = bounded(1);
        let owner = Owner { mailbox: unbounded(), baton, published, gone: AtomicBool::new(false) };
        owner.hand_back(Box::new(state));
        owner
    }

    /// The present view, to keep.
    pub(crate) fn view(&self) -> Arc<S::View> {
        self.published.get()
    }

    /// The present view, for a moment: cheaper than [`Owner::view`], but not to be kept across an `await`.
    pub(crate) fn peek(&self) -> Guard<Arc<S::View>> {
        self.published.peek()
    }

    /// To be called now and then by who peeks, and does not own anything else: what was changed often and is no longer is put
    /// where readers do not meet. Who does it is the owner meanwhile.
    pub(crate) fn settle(&self) {
        if self.published.is_restless() {
            self.let_go();
        }
    }

    /// To be called by who has replaced much, and does not own anything else: lets go what was superseded, unless somebody else
    /// is the owner.
    pub(crate) fn let_go(&self) {
        if self.published.is_behind()
            && let Ok(state) = self.baton.1.try_recv()
        {
            let tenure = Tenure { owner: self, state: Some(state) };
            let superseded = self.published.settle();
            tenure.end();
            self.serve_waiting();
            drop(superseded);
        }
    }

    /// Applies a command: at once on this thread if nobody else is the owner, else as soon as the owner gets to it.
    pub(crate) fn call(&self, command: S::Command) -> Call<Result<S::Reply, Gone>> {
        match self.baton.1.try_recv() {
            Ok(state) => {
                let reply = self.serve(state, Some(command));
                self.serve_waiting();
                Call::ready(reply.ok_or(Gone))
            }
            Err(_) => {
                let (sender, receiver) = oneshot::channel();
                self.post_envelope(Envelope { command, reply: Some(sender) });
                Call::waiting(async move { receiver.await.map_err(|_| Gone) })
            }
        }
    }

    /// Leaves a command whose reply nobody needs. It may be applied now or later, on any thread.
    pub(crate) fn post(&self, command: S::Command) {
        self.post_envelope(Envelope { command, reply: None });
    }

    fn post_envelope(&self, envelope: Envelope<S>) {
        // The mailbox has a receiver for as long as `self` lives.
        let _ = self.mailbox.0.send(envelope);
        self.serve_waiting();
    }

    /// Becomes the owner if there is work and nobody else is.
    fn serve_waiting(&self) {
        while !self.mailbox.1.is_empty() {
            match self.baton.1.try_recv() {
                Ok(state) => {
                    self.serve(state, None);
                }
                Err(_) if self.gone.load(Ordering::SeqCst) => self.turn_away(),
                // Somebody has the baton, and will look into the mailbox after giving it back.
                Err(_) => return,
            }
        }
    }

    /// One tenure: applies what waits, then `last`; publishes; gives the baton back; replies.
    fn serve(&self, state: Box<S>, last: Option<S::Command>) -> Option<S::Reply> {
        let mut tenure = Tenure { owner: self, state: Some(state) };
        let state = tenure.state.as_mut()?;
        let mut replies = Vec::new();
        // Bounded by what waits now, so that a tenure ends even if others never stop sending.
        for envelope in self.mailbox.1.try_iter().take(self.mailbox.1.len()) {
            let reply = state.apply(envelope.command, &self.published);
            if let Some(sender) = envelope.reply {
                replies.push((sender, reply));
            }
        }
        let reply = last.map(|command| state.apply(command, &self.published));
        let superseded = self.published.set(state.view());
        state.announce();
        tenure.end();
        for (sender, reply) in replies {
            // Who no longer waits has no use for the reply.
            let _ = sender.send(reply);
        }
        drop(superseded);
        reply
    }

    fn hand_back(&self, state: Box<S>) {
        // There is one state and room for one: never full, and never disconnected while `self` lives.
        let _ = self.baton.0.try_send(state);
    }

    /// Drops every waiting command, and with it the sender of its reply, which wakes who waits.
    fn turn_away(&self) {
        for envelope in self.mailbox.1.try_iter() {
            drop(envelope);
        }
    }
}

/// Holds the state while it is being changed. Dropped without `end`, in a panic, it ends the state.
struct Tenure<'a, S: State> {
    owner: &'a Owner<S>,
    state: Option<Box<S>>,
}

impl<S: State> Tenure<'_, S> {
    fn end(mut self) {
        if let Some(state) = self.state.take() {
            self.owner.hand_back(state);
        }
    }
}

impl<S: State> Drop for Tenure<'_, S> {
    fn drop(&mut self) {
        if self.state.is_some() {
            self.owner.gone.store(true, Ordering::SeqCst);
            self.owner.turn_away();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    /// A log of who wrote what: the view is its length and its sum.
    #[derive(Default)]
    struct Log<const OFTEN: bool>(Vec<u64>);

    impl<const OFTEN: bool> State for Log<OFTEN> {
        type Command = u64;
        type Reply = usize;
        type View = (usize, u64);

        const CHANGES_OFTEN: bool = OFTEN;

        fn apply(&mut self, command: u64, _: &Published<(usize, u64)>) -> usize {
            assert_ne!(command, u64::MAX, "told to panic");
            self.0.push(command);
            self.0.len()
        }

        fn view(&self) -> Arc<(usize, u64)> {
            Arc::new((self.0.len(), self.0.iter().sum()))
        }
    }

    #[test]
    fn every_command_is_applied_once_and_seen_by_its_caller() {
        applied_once_and_seen::<false>();
        applied_once_and_seen::<true>();
    }

    fn applied_once_and_seen<const OFTEN: bool>() {
        const THREADS: u64 = 8;
        const EACH: u64 = 2000;
        let owner = Owner::new(Log::<OFTEN>::default());
        let runtime = Runtime::direct();
        let positions: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|t| {
                    let (owner, runtime) = (&owner, &runtime);
                    scope.spawn(move || {
                        let mut positions = Vec::new();
                        for i in 0..EACH {
                            if i % 3 == 0 {
                                owner.post(1);
                            }
                            // To be the owner for something else meanwhile leaves no command behind.
                            if i % 5 == 0 {
                                owner.let_go();
                            }
                            owner.settle();
                            let position = runtime.block_on(owner.call(t * EACH + i)).expect("not gone");
                            assert!(owner.peek().0 >= position, "a reply before its view");
                            positions.push(position);
                        }
                        positions
                    })
                })
                .collect();
            threads.into_iter().flat_map(|t| t.join().expect("joins")).collect()
        });
        let mut distinct = positions.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), positions.len());
        let posted = THREADS * EACH.div_ceil(3);
        let calls = THREADS * EACH;
        assert_eq!(*owner.view(), ((calls + posted) as usize, calls * (calls - 1) / 2 + posted));
    }

    #[test]
    fn what_is_replaced_in_the_moment_after_another_is_let_go() {
        let owner = Owner::new(Log::<true>::default());
        let runtime = Runtime::direct();
        for round in 0..20 {
            assert_eq!(runtime.block_on(owner.call(1)), Ok(2 * round + 1));
            let replaced = Arc::downgrade(&owner.view());
            assert_eq!(runtime.block_on(owner.call(1)), Ok(2 * round + 2));
            owner.let_go();
            assert_eq!(replaced.strong_count(), 0);
        }
    }

    #[test]
    fn a_panic_turns_everybody_away() {
        let owner = Owner::new(Log::<false>::default());
        let runtime = Runtime::direct();
        assert_eq!(runtime.block_on(owner.call(7)), Ok(1));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(owner.call(u64::MAX))));
        assert!(panicked.is_err());
        assert_eq!(runtime.block_on(owner.call(7)), Err(Gone));
        assert_eq!(owner.view().0, 1);
    }
}
