//! SIMULATE, SHOW SIMULATION: faults of a simulated cluster, for people who learn and demonstrate.

use std::sync::Arc;

use allod_storage::fault::{Conditions, Fault, LinkState, Step, StoreState, duration_text};
use allod_storage::rpc::Simulation;

use super::Session;
use crate::error::{Error, Result, code};
use crate::result::ResultSet;

impl Session {
    fn simulation(&self) -> Result<&Simulation> {
        self.database.cluster().simulation().ok_or_else(|| {
            let message = "the cluster is not simulated: its messages are function calls, and nothing can happen to them";
            Error::new(code::WRONG_ARGUMENTS, message)
        })
    }

    /// Something goes wrong, or right again, now or later.
    pub(super) fn simulate(&self, step: Step) -> Result<ResultSet> {
        let simulation = self.simulation()?;
        let runtime = self.client.runtime();
        let done = match step.after.is_zero() {
            true => runtime.block_on(simulation.inject(step.fault)),
            false => runtime.block_on(simulation.schedule(vec![step])),
        };
        done.map_err(|error| Error::new(code::WRONG_ARGUMENTS, error.to_string()))?;
        Ok(ResultSet::done(0, 0))
    }

    /// What is wrong, what will be, and what happened so far.
    pub(super) fn show_simulation(&self) -> Result<ResultSet> {
        let simulation = self.simulation()?;
        let now = self.client.runtime().block_on(simulation.conditions());
        let mut rows = conditions(&now);
        let steps = now.steps(simulation.now_ms());
        rows.extend(
            steps.map(|Step { after, fault }| (format!("in {}", duration_text(after)), fault.to_string())),
        );
        rows.extend(simulation.incidents().iter().map(|(name, times)| (name.to_string(), times.to_string())));
        let cells = rows.into_iter().map(|(item, state)| vec![Some(item), Some(state)]).collect();
        ResultSet::text(&["Item", "State"], cells)
    }
}

fn conditions(now: &Arc<Conditions>) -> Vec<(String, String)> {
    let mut rows = vec![("seed".to_string(), now.seed().to_string())];
    rows.extend(now.stores().map(|(id, state)| (format!("store {}", id.0), store(state))));
    rows.extend(now.links().map(|(from, to, state)| (format!("link {from} -> {to}"), link(state))));
    // What is neither a store's nor a link's is shown as it is told.
    for fault in now.faults() {
        let item = match &fault {
            Fault::Seed(_) | Fault::Store { .. } | Fault::Link { .. } | Fault::Heal => continue,
            Fault::Partition(_) => "partition",
            Fault::Clock { .. } => "clock",
            Fault::Region { .. } => "waiting for a command",
        };
        rows.push((item.to_string(), fault.to_string()));
    }
    rows
}

fn store(state: &StoreState) -> String {
    let mut words = vec![match (state.down_ms, state.stalled_ms) {
        (Some(_), _) => "down".to_string(),
        (None, Some(_)) => "stalled".to_string(),
        (None, None) => "up".to_string(),
    }];
    if state.busy > 0.0 {
        words.push(format!("busy {}", state.busy));
    }
    if !state.slow.is_zero() {
        words.push(format!("slow by {}", duration_text(state.slow)));
    }
    words.join(", ")
}

fn link(state: &LinkState) -> String {
    let LinkState { latency, jitter, loss, duplicate, reorder, cut_ms } = state;
    let part = |name: &str, part: f64| (part > 0.0).then(|| format!("{name} {part}"));
    let words = [
        cut_ms.map(|_| "cut".to_string()),
        latency.map(|latency| format!("latency {}", duration_text(latency))),
        jitter.map(|jitter| format!("jitter {}", duration_text(jitter))),
        loss.map(|loss| format!("loss {loss}")),
        part("duplicate", *duplicate),
        part("reorder", *reorder),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
