//! Rows of a file on their way into a table.
//!
//! They are taken as they are read. A piece at a time is looked at, dealt to partitions and made into chunks, if its rows follow
//! those of the pieces before in the order of the table's key; what a load holds is then the table itself and one piece. Rows
//! that do not follow, and those of a table with indexes, are kept until the end, when all of them are put in order. That is
//! what a load may take too much of, so it counts for `tidb_mem_quota_query`, as what a statement holds does.

use arrow::array::ArrayRef;
use rayon::prelude::*;

use allod_executor::{Cancel, bytes_of};
use allod_storage::client::{Client, ScanRequest};
use allod_storage::schema::TableDescriptor;

use super::load::{BulkLoad, Target, deal};
use crate::catalog::{Referring, StatsCollector};
use crate::error::Result;
use crate::session::Session;

/// Bytes of a piece, about.
const PIECE_BYTES: u64 = 64 << 20;

/// Takes rows.
pub(super) struct Intake<'a> {
    table: &'a TableDescriptor,
    /// The piece that is being collected.
    piece: Vec<Vec<ArrayRef>>,
    piece_bytes: u64,
    /// One for each partition.
    loads: Vec<BulkLoad<'a>>,
    /// Of a table that was empty.
    stats: Option<StatsCollector>,
    /// If foreign keys are heeded.
    referring: Option<Referring<'a>>,
    /// Bytes that may be held.
    limit: u64,
    rows: u64,
}

impl<'a> Intake<'a> {
    /// Into a table; its target is with the caller.
    pub fn new(session: &mut Session, table: &'a TableDescriptor) -> Result<Intake<'a>> {
        let (heeds, limit) = (session.settings().heeds_foreign_keys, session.settings().memory_quota);
        let client = session.client_mut();
        let stats = is_empty(client, table)?.then(|| StatsCollector::new(table));
        let loads = table.partitions.iter().map(|partition| BulkLoad::new(client, table, partition));
        Ok(Intake {
            table,
            piece: Vec::new(),
            piece_bytes: 0,
            loads: loads.collect::<Result<_>>()?,
            stats,
            referring: if heeds { Referring::of(table) } else { None },
            limit,
            rows: 0,
        })
    }

    /// Takes rows: all columns of the table, in order, as the store holds them.
    ///
    /// # Errors
    /// 8175 if it holds too much.
    pub fn add(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        self.rows += columns.first().map_or(0, |column| column.len()) as u64;
        if let Some(referring) = &mut self.referring {
            referring.add(&columns)?;
        }
        self.piece_bytes += bytes_of(&columns);
        self.piece.push(columns);
        if self.piece_bytes >= PIECE_BYTES {
            self.take_piece()?;
        }
        let kept: u64 = self.loads.iter().map(BulkLoad::held_bytes).sum();
        let referring = self.referring.as_ref().map_or(0, Referring::bytes);
        match self.piece_bytes + kept + referring > self.limit {
            true => Err(allod_executor::Error::Memory { limit: self.limit }.into()),
            false => Ok(()),
        }
    }

    fn take_piece(&mut self) -> Result<()> {
        let piece = std::mem::take(&mut self.piece);
        self.piece_bytes = 0;
        if let Some(stats) = self.stats.take() {
            let new = || StatsCollector::new(self.table);
            let seen = piece.par_iter().fold(new, |mut stats, columns| {
                stats.add(columns);
                stats
            });
            self.stats = Some(stats.merge(seen.reduce(new, StatsCollector::merge)));
        }
        for (load, rows) in self.loads.iter_mut().zip(deal(self.table, piece)?) {
            load.add(rows)?;
        }
        Ok(())
    }

    /// Adds them to every space of the table, publishes statistics if the table was empty, else that they came, and
    /// returns their number.
    ///
    /// # Errors
    /// 1062; 1452 if one refers to what is not there.
    pub fn finish(mut self, session: &mut Session, mut target: Target, cancel: &Cancel) -> Result<u64> {
        self.take_piece()?;
        // From here on it is all there or not, and soon.
        cancel.check()?;
        let Intake { loads, stats, referring, rows, .. } = self;
        match referring {
            None => BulkLoad::finish(loads, session.client_mut())?,
            Some(referring) => {
                // What its own transaction has written is there for others then, and nobody waits for himself.
                session.commit(cancel)?;
                let mut waiting = session.waiting(cancel);
                let database = session.owner().clone();
                let (catalog, client) = (&database.shared().catalog, session.client_mut());
                let load = |client: &mut Client| BulkLoad::finish(loads, client);
                catalog.load_referring(&referring, &mut target.writing, client, &mut waiting, load)?;
            }
        }
        match stats {
            Some(stats) => target.finish(session, stats.finish())?,
            None => target.leave(session, rows),
        }
        Ok(rows)
    }
}

fn is_empty(client: &mut Client, table: &TableDescriptor) -> Result<bool> {
    let runtime = client.runtime();
    let (ts, _pin) = runtime.block_on(client.snapshot())?;
    for partition in &table.partitions {
        let regions = runtime.block_on(client.scan(&ScanRequest::all(partition.records, ts)))?;
        if regions.iter().any(|region| !region.morsels().is_empty()) {
            return Ok(false);
        }
    }
    Ok(true)
}
