//! What processes did, and what they heard of it.

/// How an operation ended, as its process knows it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Outcome<O> {
    /// It was done.
    Ok(O),
    /// It was not done, and never will be.
    Fail,
    /// Nobody knows: it may have been done, or be done later.
    Unknown,
}

impl<O> Outcome<O> {
    /// What came of it, if it was done.
    pub fn ok(&self) -> Option<&O> {
        match self {
            Outcome::Ok(output) => Some(output),
            Outcome::Fail | Outcome::Unknown => None,
        }
    }

    /// The outcome, with something else made of what came of it.
    pub fn map<P>(self, f: impl FnOnce(O) -> P) -> Outcome<P> {
        match self {
            Outcome::Ok(output) => Outcome::Ok(f(output)),
            Outcome::Fail => Outcome::Fail,
            Outcome::Unknown => Outcome::Unknown,
        }
    }
}

/// One operation of one process. Times are microseconds from the start of the run.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Op<I, O> {
    /// Whose.
    pub process: usize,
    /// When it began.
    pub invoked_us: u64,
    /// When it ended; of an operation whose outcome is unknown, when its process stopped waiting.
    pub completed_us: u64,
    /// What was to be done.
    pub input: I,
    /// What came of it.
    pub outcome: Outcome<O>,
}

impl<I, O> Op<I, O> {
    /// Whether this one had ended before the other began.
    pub fn is_before<J, P>(&self, other: &Op<J, P>) -> bool {
        self.completed_us < other.invoked_us
    }
}

/// An operation by process 0, for histories in tests: what, from when to when, and what came of it.
#[cfg(test)]
pub(super) fn op<I, O>(input: I, invoked_us: u64, completed_us: u64, outcome: Outcome<O>) -> Op<I, O> {
    Op { process: 0, invoked_us, completed_us, input, outcome }
}
