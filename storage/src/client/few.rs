//! Reads of few rows on the short way (see `mvcc::few`): no request is made and nothing is waited for. Where there is no
//! answer the reader goes the long way, and all that can go wrong there is dealt with there.

use super::Client;
use super::region_cache::RegionView;
use crate::mvcc::{Few, RowRun};
use crate::schema::Timestamp;

/// A client for a statement that reads a few rows here and a few rows there, at one timestamp.
pub struct FewReader<'a> {
    client: &'a mut Client,
    ts: Timestamp,
    now_ms: u64,
}

impl Client {
    /// A reader at a timestamp that is new; `None` if this client's reads take time, or see more than what is committed.
    pub fn few(&mut self, at: Option<Timestamp>) -> Option<FewReader<'_>> {
        if !self.own.is_empty() || !self.shared.transport.is_immediate() {
            return None;
        }
        let ts = match at {
            Some(ts) => ts,
            None => self.shared.transport.timestamp_in_place()?,
        };
        self.stats.rpcs += 1;
        // The oracle's clock will do to tell the age of what is known of a region; to ask another one takes as long as a read.
        Some(FewReader { client: self, ts, now_ms: ts.physical_ms() })
    }
}

impl FewReader<'_> {
    /// Appends the first rows from key `start` up to, not including, `end`, to `out`, in key order, and says how many they are:
    /// fewer than are wanted if there are no more, else `next` becomes the key to go on from. `None` = the long way has to be gone; `out` then holds whatever it holds.
    pub fn read(
        &mut self,
        start: &[u8],
        end: &[u8],
        wanted: usize,
        out: &mut Vec<RowRun>,
        next: &mut Vec<u8>,
    ) -> Option<usize> {
        let few = Few { start, end, ts: self.ts, wanted };
        let found = self.ask(&few, out, next);
        if found.is_none() {
            // The way may have been out of date: others may know a better one by now.
            self.client.view = RegionView::clone(&self.client.shared.cache.peek());
        }
        found
    }

    fn ask(&mut self, few: &Few<'_>, out: &mut Vec<RowRun>, next: &mut Vec<u8>) -> Option<usize> {
        let Client { shared, view, stats, .. } = &mut *self.client;
        let region = view.locate(few.start, self.now_ms)?;
        stats.rpcs += 1;
        shared.transport.few_in_place((region.leader, region.info.id, region.info.epoch), few, out, next)
    }
}
