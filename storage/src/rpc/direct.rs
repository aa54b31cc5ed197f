//! The transport of a cluster in one process: a request is a function call.

use std::sync::Arc;
use std::time::Duration;

use super::{Call, Lost, OUT_OF_PATIENCE, PdReply, PdRequest, Request, Response, Transport};
use crate::clock::Clock;
use crate::mvcc::{Few, RowRun};
use crate::region::Epoch;
use crate::runtime::{aside, wait_in_place};
use crate::schema::{RegionId, StoreId, Timestamp};
use crate::store::Stores;

/// Calls the store on the caller's thread; nothing is ever lost.
pub(crate) struct Direct {
    pub(crate) stores: Arc<Stores>,
    pub(crate) clock: Clock,
}

impl Transport for Direct {
    fn send(&self, request: Request) -> Call<Result<Response, Lost>> {
        let patience = request.body.patience();
        let call = Stores::handle(&self.stores, request);
        match patience {
            Some(patience) => Call::ready(Ok(wait_in_place(call, patience).unwrap_or(OUT_OF_PATIENCE))),
            None => call.map(Ok),
        }
    }

    fn ask(&self, request: PdRequest) -> Call<Result<PdReply, Lost>> {
        self.stores.pd_handle(request).map(Ok)
    }

    /// On the caller's thread: there is no timer, and whoever it waits for runs on a thread of its own.
    fn sleep(&self, duration: Duration) -> Call<()> {
        aside(|| std::thread::sleep(duration));
        Call::ready(())
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn is_immediate(&self) -> bool {
        true
    }

    fn timestamp_in_place(&self) -> Option<Timestamp> {
        Some(self.stores.pd().timestamp())
    }

    fn few_in_place(
        &self,
        to: (StoreId, RegionId, Epoch),
        few: &Few<'_>,
        out: &mut Vec<RowRun>,
        next: &mut Vec<u8>,
    ) -> Option<usize> {
        self.stores.few(to, few, out, next)
    }
}
