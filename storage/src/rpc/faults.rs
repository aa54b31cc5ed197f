//! The owner of what is wrong: it takes in faults and publishes [`Conditions`].

use std::sync::Arc;

use crate::fault::{CommandKind, Conditions, Fault, FaultError, RegionChange, Step};
use crate::owner::{Published, State};
use crate::pd::Pd;
use crate::schema::RegionId;

/// The owner's state.
pub(super) struct Faults {
    pub(super) now: Conditions,
    /// Whose clock it sets.
    pub(super) pd: Arc<Pd>,
}

/// What the owner is told. Times are milliseconds of the simulation's clock.
pub(super) enum FaultCommand {
    Inject(Fault, u64),
    Schedule(Vec<Step>, u64),
    /// See to the steps whose time has come.
    Advance(u64),
    /// A command has come to a region.
    Meet(RegionId, CommandKind),
}

/// What it answers.
pub(super) enum FaultReply {
    Done,
    Refused(FaultError),
    /// How the region changes before the command.
    Changes(Vec<RegionChange>),
}

impl State for Faults {
    type Command = FaultCommand;
    type Reply = FaultReply;
    type View = Conditions;

    fn apply(&mut self, command: FaultCommand, _: &Published<Conditions>) -> FaultReply {
        let done = match command {
            FaultCommand::Inject(fault, now_ms) => self.now.apply(&fault, now_ms),
            FaultCommand::Schedule(steps, now_ms) => self.now.schedule(&steps, now_ms),
            FaultCommand::Advance(now_ms) => {
                self.now.advance(now_ms);
                Ok(())
            }
            FaultCommand::Meet(region, command) => {
                return FaultReply::Changes(self.now.meet(region, command));
            }
        };
        self.pd.set_clock_offset(self.now.clock_offset_ms());
        match done {
            Ok(()) => FaultReply::Done,
            Err(error) => FaultReply::Refused(error),
        }
    }

    fn view(&self) -> Arc<Conditions> {
        Arc::new(self.now.clone())
    }
}
