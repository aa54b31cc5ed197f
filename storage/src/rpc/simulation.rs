//! The simulated network as seen from outside: faults go in, and what happened comes out.

use std::sync::Arc;

use super::Simulated;
use super::faults::FaultCommand;
use super::simulated::Network;
use super::trace::Incidents;
use crate::fault::{Conditions, Fault, FaultError, Step};

/// A simulated cluster's faults. Cheap to clone.
#[derive(Clone)]
pub struct Simulation(Arc<Network>);

impl Simulation {
    pub(crate) fn of(transport: &Simulated) -> Simulation {
        Simulation(Arc::clone(&transport.0))
    }

    /// Something goes wrong, or right again, from now on.
    ///
    /// # Errors
    /// If it names what there is not; nothing is changed then.
    pub async fn inject(&self, fault: Fault) -> Result<(), FaultError> {
        self.0.tell(|now_ms| FaultCommand::Inject(fault, now_ms)).await
    }

    /// Things will go wrong: each step's time counts from now.
    ///
    /// # Errors
    /// If one of them names what there is not; none of them comes then.
    pub async fn schedule(&self, plan: Vec<Step>) -> Result<(), FaultError> {
        self.0.tell(|now_ms| FaultCommand::Schedule(plan, now_ms)).await
    }

    /// What is wrong now.
    pub async fn conditions(&self) -> Arc<Conditions> {
        self.0.now().await
    }

    /// The simulation's clock, milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    /// What happened so far.
    pub fn incidents(&self) -> Incidents {
        self.0.counters.incidents()
    }

    /// A hash of all messages so far: when, to whom, what, and what came of it. Two runs that have the same had the same
    /// messages in the same order.
    pub fn trace(&self) -> u64 {
        self.0.counters.trace()
    }
}
