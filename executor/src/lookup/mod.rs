//! Looking rows up by key, batch by batch: what index joins and double reads have in common.
//!
//! ```text
//! outer batch --keys--> different keys, sorted, by partition --fetch--> rows and the numbers of their lookups
//!               |                                                         | chain: selections, projections, groupings
//!               +-- for each outer row the number of its lookup           v
//!                                             join: outer row -> lookup -> its rows
//! ```
//!
//! `convert` makes values of any type values of the key's columns, exactly. `order` sorts and removes duplicates. `keys`
//! does both for a batch and deals the keys to partitions. `fetch` asks the store. An [`Inner`] is the whole inner side of
//! an index join, compiled once; it fetches in one read, or in two if an index stands before the table (`double`). A
//! [`Lane`] is what one fetch at a time needs to run: a client of its own and what it counts.
//!
//! Nothing is done row by row that the store or an Arrow kernel does for a batch, no hash table is made of rows that are
//! found (each comes with the number of its lookup), and nothing is shared that changes: a worker has its own lanes.

mod chain;
mod convert;
mod double;
mod fetch;
mod inner;
mod keys;
mod lane;
mod order;

pub(crate) use chain::Chain;
pub(crate) use double::TableSide;
pub(crate) use fetch::{Cost, Found, starts};
pub(crate) use inner::Inner;
pub(crate) use keys::{KeyMaker, Keys};
pub(crate) use lane::{Fetch, Fetched, Lane, Lanes, Lookups, Measures, Pace};

use allod_planner::column::ColumnId;

/// The position of the partition that an index entry was found in, as a column.
pub(crate) const PARTITION: ColumnId = ColumnId(u32::MAX - 100);
