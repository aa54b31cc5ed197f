//! What a workload is.

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;

use allod::Session;
use allod_storage::client::Client;
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::history::{Op, Outcome};
use super::rows::Style;
use crate::random::Random;

/// A process's turn.
pub struct Turn<'a> {
    /// Whose.
    pub process: usize,
    /// How many processes there are.
    pub processes: usize,
    /// How many turns it has had.
    pub number: i64,
    /// Milliseconds from the start of the run.
    pub now_ms: i64,
    /// Its chance.
    pub random: &'a mut Random,
}

impl Turn<'_> {
    /// A number that no other turn of any process has.
    pub fn unique(&self) -> i64 {
        self.number * self.processes as i64 + self.process as i64
    }

    /// Whole, below `bound`.
    pub fn below(&mut self, bound: i64) -> i64 {
        self.random.below(bound as usize) as i64
    }
}

/// What processes do, and what must hold of it.
pub trait Workload {
    /// What an operation is told.
    type Input: Clone + Debug + Hash;
    /// What it answers.
    type Output: Clone + Debug + Hash;

    /// What a process does next.
    fn next(&self, turn: &mut Turn<'_>) -> Self::Input;

    /// Whether it changes anything.
    fn is_write(&self, input: &Self::Input) -> bool;

    /// What is read when all is over and the cluster is well: these must succeed.
    fn last(&self) -> Vec<Self::Input>;

    /// How often the history met what the workload is about, by name: one that meets nothing tests nothing.
    fn met(&self, _history: &[Op<Self::Input, Self::Output>]) -> Vec<(&'static str, usize)> {
        Vec::new()
    }

    /// What in the history should not be, in words.
    fn check(&self, history: &[Op<Self::Input, Self::Output>]) -> Vec<String>;
}

/// A workload whose processes speak with the storage client.
pub trait OnClient: Workload {
    /// The tables that it needs, and the keys at which their regions are split to begin with.
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)>;

    /// What is in them when the processes begin.
    fn rows(&self) -> Vec<(SpaceId, i64, String)> {
        Vec::new()
    }

    /// Does what a process is told, in this style.
    fn perform(
        &self,
        client: &mut Client,
        style: Style,
        input: &Self::Input,
    ) -> impl Future<Output = Outcome<Self::Output>>;
}

/// A workload whose processes are sessions and speak SQL. Each operation takes a copy of it to its session's stack.
pub trait InSql: Workload<Input: Send, Output: Send> + Clone + Send + 'static {
    /// What makes its tables and rows, for a run of so long.
    fn statements(&self, run_ms: i64) -> Vec<String>;

    /// Does what a process is told, in this style. The session has no transaction before, and need not be rid of it when
    /// this ends with an error.
    ///
    /// # Errors
    /// That it was not done, or that nobody knows, as the error says.
    fn act(
        &self,
        session: &mut Session,
        style: Style,
        input: &Self::Input,
    ) -> allod::Result<Outcome<Self::Output>>;
}
