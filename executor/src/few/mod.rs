//! Statements that touch a few rows, without pipelines.
//!
//! Most statements of a program that serves people read one row, or three rows by way of another. What they compute takes
//! less time than to set up workers, pipelines and columns to compute it with. So a plan that is made of nothing but reading
//! by key has a second form beside its pipelines: a [`Program`], compiled once, that walks the plan row by row.
//!
//! ```text
//! SELECT SUM(v) FROM c JOIN o ON o.c = c.id WHERE c.id = 7
//!
//! Sum                       adds v of the tuple that it is handed
//! └ Join                    for each tuple: the prefix (c.id) is a range of keys of o's index
//!   ├ PointGet c            the row's place
//!   └ IndexReader o         the places of the rows
//! ```
//!
//! A tuple is not values but places, one for each table: which run of rows, and which row of it
//! ([`RowRun`](allod_storage::mvcc::RowRun)). Columns are read where they lie, and only at the end, for the rows that came out,
//! are they put together as Arrow. Tuples are pushed: an operator calls what is above it, which says when it has enough; so
//! nothing is kept between rows, and a LIMIT reads no row too many, or few.
//!
//! **It may give up at any time.** Nothing has been handed out before it is done, and reading changes nothing. So whatever is
//! not plain ends it: a lock or a region that moved ([`FewReader`](allod_storage::client::FewReader)), more than
//! [`ROWS_MAX`] rows or [`PAIRS_MAX`] pairs, a sum that overflows. The caller then runs the plan's pipelines, which know about all of that, and say
//! what has to be said. A plan that gives up again and again is not tried any more.
//!
//! Two operators keep the places of their tuples until they have all: those that sort them, and those that let equal ones pass
//! once. A row that an outer join did not find has no place. Several partitions that are scanned in one order are merged
//! ([`merge`]), a few rows of each at a time.
//!
//! What it leaves to pipelines altogether: expressions (but for columns, and comparisons of one with a number), and grouping for
//! more than to tell groups apart. They would be a second executor; what is here is what costs less than to build the first one.

mod aggregate;
mod bounds;
mod compile;
mod filter;
mod keys;
mod merge;
mod order;
mod output;
mod walk;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use allod_planner::physical::Query;
use allod_storage::client::Client;
use allod_storage::schema::Timestamp;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use compile::Program;

/// Rows that it reads at most.
const ROWS_MAX: usize = 256;
/// Pairs of tuples that it compares at most: what is read may be few, and what is made of it many. It takes no longer than
/// anybody has to wait who wants it to stop.
const PAIRS_MAX: usize = 4096;
pub use walk::FewRoom;

/// A plan that gave up so often in a row is left alone,
const MISSES_MAX: u32 = 8;
/// but for each so many-th time: what was in the way may be gone.
const AGAIN: u32 = 64;

/// The form of a plan for a few rows, if it has one, and how that has gone so far.
#[derive(Debug, Default)]
pub(crate) struct FewForm {
    program: OnceLock<Option<Program>>,
    misses: AtomicU32,
}

impl FewForm {
    /// All rows of the query, of what is committed now or was `at` a time; `None` if it has to be run the long way.
    pub fn run(
        &self,
        query: &Query,
        schema: &SchemaRef,
        client: &mut Client,
        at: Option<Timestamp>,
        room: &mut FewRoom,
    ) -> Option<Option<RecordBatch>> {
        let program = self.program.get_or_init(|| compile::compile(query)).as_ref()?;
        let misses = self.misses.load(Ordering::Relaxed);
        if misses >= MISSES_MAX && !misses.is_multiple_of(AGAIN) {
            self.misses.store(misses.wrapping_add(1), Ordering::Relaxed);
            return None;
        }
        let result = walk::walk(program, query, schema, client.few(at)?, room);
        match &result {
            None => self.misses.store(misses.wrapping_add(1), Ordering::Relaxed),
            Some(_) if misses > 0 => self.misses.store(0, Ordering::Relaxed),
            Some(_) => {}
        }
        result
    }
}
