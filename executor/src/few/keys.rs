//! Keys, in room that is used again.

use allod_planner::physical::Range;
use allod_storage::key::{append_datums, end_of_prefix};
use allod_storage::schema::SpaceId;

use super::walk::Walk;

/// The ends of a range of keys.
pub(super) struct Keys {
    pub start: Vec<u8>,
    pub end: Vec<u8>,
    /// Where to go on.
    pub next: Vec<u8>,
}

/// Few keys are longer.
const KEY_BYTES: usize = 64;

impl Keys {
    pub fn new() -> Keys {
        let room = || Vec::with_capacity(KEY_BYTES);
        Keys { start: room(), end: room(), next: Vec::new() }
    }

    /// All keys that start with `start`.
    pub fn end_behind_start(&mut self) {
        self.end.clear();
        self.end.extend_from_slice(&self.start);
        end_of_prefix(&mut self.end);
    }

    /// Behind what was read.
    pub fn go_on(&mut self) {
        std::mem::swap(&mut self.start, &mut self.next);
    }

    /// The keys in a range; `start` is that of the space.
    pub fn set(&mut self, range: &Range) {
        self.end.clear();
        self.end.extend_from_slice(&self.start);
        append_datums(&range.low, &mut self.start);
        if !range.low_inclusive {
            end_of_prefix(&mut self.start);
        }
        append_datums(&range.high, &mut self.end);
        if range.high_inclusive {
            end_of_prefix(&mut self.end);
        }
    }
}

/// Ranges of a space, one behind the other.
#[derive(Default)]
pub(super) struct InOrder {
    /// Where the last one ended.
    behind: Vec<u8>,
}

impl InOrder {
    /// The keys in the next one of so many; `None` if it begins before the last one ended: a row that is in both comes once.
    pub fn keys(
        &mut self,
        walk: &mut Walk<'_>,
        space: SpaceId,
        range: &Range,
        ranges: usize,
    ) -> Option<Keys> {
        let mut keys = walk.keys(space);
        keys.set(range);
        if ranges > 1 {
            if keys.start < self.behind {
                return None;
            }
            self.behind.clone_from(&keys.end);
        }
        Some(keys)
    }
}
