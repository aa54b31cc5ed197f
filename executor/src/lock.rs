//! What a statement wants locked.
//!
//! A statement runs on a snapshot and changes nothing that others see, so it cannot lock either: it says which keys it wants
//! locked, and its session does so when it has ended, and runs it again if one of them was changed in the meantime. A
//! `SelectLock` has all its rows before it lets any through, so a limit above it does not decide what is locked; the planner
//! puts limits below. A point read knows its keys without rows: they are locked even where there is no row, so that of two
//! sessions that look first and insert then only one can (TiDB). Under READ COMMITTED only rows are locked, as there.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::{LockStrength, LockedTable, LockingWait, RowLock};
use allod_storage::key::Key;

use crate::batch::positions;
use crate::dml::record_keys;
use crate::error::Result;
use crate::pipeline::{Materialized, Memory, Reservation};

/// Whether locking clauses lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    /// No: the statement is a transaction of its own, or optimistic and changes rows.
    Off,
    /// They lock rows that are there.
    Rows,
    /// And the keys that point reads ask for, whether or not there is a row.
    Keys,
}

/// Keys that are to be locked in one way.
#[derive(Clone, Debug)]
pub struct WantedLocks {
    /// Whom they keep out.
    pub strength: LockStrength,
    /// What to do about those that others have locked.
    pub wait: LockingWait,
    /// In any order, maybe more than once.
    pub keys: Vec<Key>,
}

/// Collects what a statement wants locked.
pub(crate) struct Collector {
    pub locking: Locking,
    wanted: Vec<WantedLocks>,
    held: Reservation,
}

impl Collector {
    pub fn new(locking: Locking, memory: &Memory) -> Collector {
        Collector { locking, wanted: Vec::new(), held: memory.reservation() }
    }

    /// The rows of tables that these rows are made of.
    pub fn rows(&mut self, lock: &RowLock, rows: &Materialized, columns: &[ColumnId]) -> Result<()> {
        for LockedTable { table, dealing, columns: telling } in &lock.tables {
            let (ordinals, ids): (Vec<usize>, Vec<ColumnId>) = telling.iter().copied().unzip();
            let at = positions(columns, &ids)?;
            for batch in &rows.batches {
                let telling: Vec<_> = at.iter().map(|&at| Arc::clone(&batch.columns[at])).collect();
                let keys = record_keys(table, dealing.as_ref(), &ordinals, &telling)?;
                self.keys(lock.strength, lock.wait, keys.into_iter().flatten())?;
            }
        }
        Ok(())
    }

    /// These keys.
    pub fn keys(
        &mut self,
        strength: LockStrength,
        wait: LockingWait,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<()> {
        let same = |known: &WantedLocks| (known.strength, known.wait) == (strength, wait);
        let at = self.wanted.iter().position(same).unwrap_or_else(|| {
            self.wanted.push(WantedLocks { strength, wait, keys: Vec::new() });
            self.wanted.len() - 1
        });
        for key in keys {
            self.held.grow((key.as_bytes().len() + size_of::<Key>()) as u64)?;
            self.wanted[at].keys.push(key);
        }
        Ok(())
    }

    /// What was wanted.
    pub fn take(&mut self) -> Vec<WantedLocks> {
        std::mem::take(&mut self.wanted)
    }
}
