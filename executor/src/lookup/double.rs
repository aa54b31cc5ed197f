//! The second half of a double read: from index entries to the rows that they point to.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::{IndexLookUp, Node, Plan, Ranges, TableScan};
use arrow::array::{ArrayRef, UInt32Array};

use super::PARTITION;
use super::chain::Chain;
use super::fetch::{Access, Found};
use super::keys::{KeyMaker, Keys};
use super::lane::Lane;
use crate::batch::{Batch, NO_ROW};
use crate::build::partitions;
use crate::error::{Error, Result};

/// The table of a double read.
pub(crate) struct TableSide {
    /// Its records.
    pub access: Access,
    /// From index entries to keys.
    pub keys: KeyMaker,
    table: Arc<str>,
    index: Arc<str>,
    /// Positions of columns of the index side that come out beside those of the table.
    beside: Vec<usize>,
}

impl TableSide {
    /// Compiles the table side of `lookup`. Index entries have the columns `entries` (and [`PARTITION`], if the table has
    /// several); of them those in `output` that the table side lacks come out too. The chain is what stands above the scan.
    pub fn new(
        lookup: &IndexLookUp,
        index: Arc<str>,
        entries: &[ColumnId],
        output: &[ColumnId],
    ) -> Result<(TableSide, Chain)> {
        let mut selections = Vec::new();
        let mut plan: &Plan = &lookup.table;
        let scan: &TableScan = loop {
            match &plan.node {
                Node::TableReader { input } => plan = input,
                Node::Selection { input, predicates } => {
                    selections.push((plan, predicates));
                    plan = input;
                }
                Node::TableScan(scan) if scan.ranges == Ranges::Handles => break scan,
                _ => return Err(Error::Plan("the table side of a double read reads by handle".into())),
            }
        };
        let table = &*scan.table;
        let several = table.partitions.len() > 1;
        let mut input = entries.to_vec();
        if several && !input.contains(&PARTITION) {
            input.push(PARTITION);
        }
        let partitions = partitions(table, scan.partitions.as_deref());
        let place = (several.then_some(PARTITION), lookup.routing.as_ref());
        let keys = KeyMaker::of_handles(&lookup.handle, table, partitions, place, &input)?;
        let mut columns = plan.columns.clone();
        let beside: Vec<usize> = (0..entries.len())
            .filter(|&at| output.contains(&entries[at]) && !columns.contains(&entries[at]))
            .collect();
        columns.extend(beside.iter().map(|&at| entries[at]));
        let mut chain = Chain::new(columns);
        for (plan, predicates) in selections.into_iter().rev() {
            let mut selection = Plan { columns: plan.columns.clone(), ..Plan::clone(plan) };
            selection.columns.extend(beside.iter().map(|&at| entries[at]));
            chain.select(&selection, predicates)?;
        }
        let access = Access::of_table(plan, scan);
        let name = Arc::clone(&table.name);
        Ok((TableSide { access, keys, table: name, index, beside }, chain))
    }

    /// Whether rows come without columns of their entries.
    pub fn is_plain(&self) -> bool {
        self.beside.is_empty()
    }

    /// The rows of these keys, one each: a find for each lookup, in order.
    pub async fn rows(&self, keys: &Keys, lane: &mut Lane) -> Result<Found> {
        let at = lane.cost.len() - 1;
        let found = self.access.fetch(keys, false, at, lane).await?;
        // An entry that is of no partition has lost its row, too.
        let lost = keys.of_row.as_ref().is_some_and(|of_row| of_row.contains(&NO_ROW));
        if lost || found.lookups.len() != keys.count {
            return Err(Error::LostRows {
                table: Arc::clone(&self.table),
                index: Arc::clone(&self.index),
                entries: keys.count as u64,
                rows: found.lookups.len() as u64,
            });
        }
        Ok(found)
    }

    /// The rows that index entries point to: a find for each entry, in their order and of their lookups.
    pub async fn rows_of(&self, mut entries: Found, lane: &mut Lane) -> Result<Found> {
        entries.straighten();
        let mut columns = entries.columns;
        if let Some(partitions) = entries.partitions {
            columns.push(Arc::new(UInt32Array::from(partitions)) as ArrayRef);
        }
        let batch = Batch { columns, rows: entries.rows };
        let keys = self.keys.make(&batch, &mut lane.worker.scratch)?;
        let found = self.rows(&keys, lane).await?;
        Ok(self.beside_entries(found, &keys, &batch, entries.lookups))
    }

    /// Rows by key as rows by entry.
    pub fn beside_entries(&self, mut found: Found, keys: &Keys, entries: &Batch, lookups: Vec<u32>) -> Found {
        if keys.of_row.is_some() || found.order.is_some() {
            found.order = Some((0..entries.rows).map(|row| found.row(keys.of(row) as usize)).collect());
        }
        found.lookups = lookups;
        found.partitions = None;
        if !self.beside.is_empty() {
            found.straighten();
            found.columns.extend(self.beside.iter().map(|&at| Arc::clone(&entries.columns[at])));
        }
        found
    }
}
