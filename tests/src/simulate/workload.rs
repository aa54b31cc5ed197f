//! What a workload is.

use std::fmt::Debug;
use std::future::Future;

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
    type Input: Clone + Debug;
    /// What it answers.
    type Output: Clone + Debug;

    /// The tables that it needs, and the keys at which their regions are split to begin with.
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)>;

    /// What is in them when the processes begin.
    fn rows(&self) -> Vec<(SpaceId, i64, String)> {
        Vec::new()
    }

    /// What a process does next.
    fn next(&self, turn: &mut Turn<'_>) -> Self::Input;

    /// Does it, the way it is told to.
    fn perform(
        &self,
        client: &mut Client,
        style: Style,
        input: &Self::Input,
    ) -> impl Future<Output = Outcome<Self::Output>>;

    /// What is read when all is over and the cluster is well: these must succeed.
    fn last(&self) -> Vec<Self::Input>;

    /// What in the history should not be, in words.
    fn check(&self, history: &[Op<Self::Input, Self::Output>]) -> Vec<String>;
}
