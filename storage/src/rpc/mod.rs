//! How the client reaches stores and the placement driver: requests as plain data, and the transport that carries them.
//!
//! A request names the store, the region and the epoch that the sender believes in; the store refuses it with a
//! `RegionError` if any of them is wrong. A transport may lose a message either way: the sender hears `Lost`, and cannot
//! know whether the work was done. That is the one seam where faults come in.

#[cfg(feature = "broken")]
mod broken;
mod call;
mod direct;
mod fate;
mod faults;
mod request;
mod servers;
mod simulated;
mod simulation;
mod trace;
mod travel;

#[cfg(feature = "broken")]
pub use broken::Broken;
#[cfg(feature = "broken")]
pub(crate) use broken::BrokenTransport;
pub(crate) use call::Call;
pub(crate) use direct::Direct;
pub use request::RegionErrorKind;
pub(crate) use request::{
    AwaitLock, Awaited, Body, GetBody, LookupBody, OnePhaseOutcome, PdReply, PdRequest, PrepareIngest, Read,
    RegionError, Reply, Request, Response, ScanBody,
};
pub(crate) use simulated::Simulated;
pub use simulated::SimulatedConfig;
pub use simulation::Simulation;
pub use trace::Incidents;
pub(crate) use travel::Travel;

use std::time::Duration;

use crate::mvcc::{Few, RowRun};
use crate::region::Epoch;
use crate::schema::{RegionId, StoreId, Timestamp};

/// A request or its answer did not arrive. The work may have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// What a store answers that has waited for as long as it may ([`Body::patience`]): look for yourself.
pub(crate) const OUT_OF_PATIENCE: Response = Ok(Reply::Awaited(Awaited::Released));

/// Carries requests.
pub(crate) trait Transport: Send + Sync {
    /// To a store.
    fn send(&self, request: Request) -> Call<Result<Response, Lost>>;

    /// To the placement driver.
    fn ask(&self, request: PdRequest) -> Call<Result<PdReply, Lost>>;

    /// Lets time pass.
    fn sleep(&self, duration: Duration) -> Call<()>;

    /// The caller's clock.
    fn now_ms(&self) -> u64;

    /// Whether every call is ready at once, so that there is nothing to win by having several under way.
    fn is_immediate(&self) -> bool;

    /// A timestamp without a message, where that is possible.
    fn timestamp_in_place(&self) -> Option<Timestamp>;

    /// A few rows without a message, where that is possible and nothing stands in the way: appended to `out`, and how many they
    /// are.
    fn few_in_place(
        &self,
        _to: (StoreId, RegionId, Epoch),
        _few: &Few<'_>,
        _out: &mut Vec<RowRun>,
        _next: &mut Vec<u8>,
    ) -> Option<usize> {
        None
    }
}
