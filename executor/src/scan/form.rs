//! A scan of a plan, compiled: what is asked of the store, and what is done with what comes back.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_planner::physical::{IndexScan, Node, Plan, Range, SortKey, TableScan, ZonePredicate};
use allod_storage::client::ScanRequest;
use allod_storage::key::{KeyRange, range_of};
use allod_storage::mvcc::ZoneFilter;
use allod_storage::schema::{ColumnType, SpaceId, TableDescriptor, Timestamp};

use super::reading::Reading;
use crate::batch::{position, positions};
use crate::build::{index_partitions, kept, partitions};
use crate::error::{Error, Result};
use crate::lookup::PARTITION;
use crate::pipeline::{Bounds, RuntimeFilter};
use crate::projection::Pick;

/// A scan with the selection directly above it, if there is one.
pub(crate) struct ScanForm {
    /// Plan node of the scan.
    pub id: u32,
    /// Columns that come out in the end.
    pub columns: Vec<ColumnId>,
    /// How rows are read.
    pub reading: Arc<Reading>,
    /// If partitions are brought into one order.
    pub merge: Option<Merge>,
    /// Whether the position of the partition is the last column.
    pub with_partition: bool,
    /// Those in which there is anything to read.
    parts: Vec<Part>,
    zone: Arc<[ZoneFilter]>,
    /// By filter the ordinal of its column.
    filtered: Vec<usize>,
    descending: bool,
}

/// One partition's share.
struct Part {
    partition: usize,
    space: SpaceId,
    /// Empty = all of it.
    ranges: Arc<[KeyRange]>,
}

/// Partitions come in key order each; to bring them together the key is needed, wanted or not.
pub(crate) struct Merge {
    /// The common order.
    pub sort: Vec<SortKey>,
    /// The columns that come out of it.
    pub columns: Vec<ColumnId>,
    /// Those of them that are wanted.
    pub pick: Arc<Pick>,
}

/// What a scan of records and a scan of an index have in common.
struct ScanNode<'a> {
    ordinals: &'a [usize],
    /// Each with the position of its partition.
    spaces: Vec<(usize, SpaceId)>,
    /// Positions in the space of what it is sorted by.
    key: Vec<usize>,
    ranges: Option<&'a [Range]>,
    zone: &'a [ZonePredicate],
    keep_order: bool,
    descending: bool,
    table: &'a TableDescriptor,
}

impl ScanForm {
    /// Compiles the scan `plan`. Hash joins have filters for the columns `filtered`; `with_partition`: somebody above must know
    /// of each index entry which partition it is in.
    pub fn new(
        plan: &Plan,
        selection: Option<(&Plan, &[Expr])>,
        filtered: &[ColumnId],
        with_partition: bool,
    ) -> Result<ScanForm> {
        let node = ScanNode::of(plan)?;
        let mut wanted = selection.map_or_else(|| plan.columns.clone(), |(s, _)| kept(s, &plan.columns));
        let mut output = wanted.clone();
        let (mut columns, mut ordinals) = (plan.columns.clone(), node.ordinals.to_vec());
        let merged = node.keep_order && node.spaces.len() > 1;
        let mut sort = Vec::new();
        for (i, &ordinal) in node.key.iter().enumerate().filter(|_| merged) {
            let id = match ordinals.iter().position(|o| *o == ordinal) {
                Some(at) => columns[at],
                None => {
                    let id = ColumnId(u32::MAX - i as u32);
                    columns.push(id);
                    ordinals.push(ordinal);
                    id
                }
            };
            if !output.contains(&id) {
                output.push(id);
            }
            let ty = node.space_column_type(ordinal, plan);
            sort.push(SortKey { expr: Expr::column(id, ty), descending: node.descending });
        }
        let several = node.table.partitions.len() > 1 && matches!(plan.node, Node::IndexScan(_));
        let with_partition = with_partition && several;
        if with_partition {
            output.push(PARTITION);
            wanted.push(PARTITION);
        }
        let predicates = selection.map_or(&[][..], |(_, predicates)| predicates);
        let reading = Reading::compile(&columns, &ordinals, predicates, filtered, &output)?;
        let merge = match merged {
            true => {
                let pick = Arc::new(Pick::new(positions(&output, &wanted)?));
                Some(Merge { sort, columns: output, pick })
            }
            false => None,
        };
        let ordinal = |id: &ColumnId| Ok(node.ordinals[position(&plan.columns, *id)?]);
        let zone =
            |z: &ZonePredicate| ZoneFilter { ordinal: z.ordinal, low: z.low.clone(), high: z.high.clone() };
        Ok(ScanForm {
            id: plan.id,
            columns: wanted,
            reading: Arc::new(reading),
            merge,
            with_partition,
            zone: node.zone.iter().map(zone).collect(),
            filtered: filtered.iter().map(ordinal).collect::<Result<_>>()?,
            descending: node.descending,
            parts: node.parts(),
        })
    }

    /// What to ask the store for, with the positions of the partitions; nothing if the filters say that no row is wanted.
    pub fn requests(
        &self,
        filters: &[Arc<dyn RuntimeFilter>],
        ts: Timestamp,
    ) -> (Vec<usize>, Vec<ScanRequest>) {
        let mut more = Vec::new();
        for (&ordinal, filter) in self.filtered.iter().zip(filters) {
            match filter.bounds() {
                Bounds::Empty => return (Vec::new(), Vec::new()),
                Bounds::Between(low, high) => {
                    more.push(ZoneFilter { ordinal, low: Some(low), high: Some(high) });
                }
                Bounds::Unknown => {}
            }
        }
        let zone = match more.is_empty() {
            true => Arc::clone(&self.zone),
            false => self.zone.iter().cloned().chain(more).collect(),
        };
        let request = |part: &Part| ScanRequest {
            space: part.space,
            ranges: Arc::clone(&part.ranges),
            ts,
            zone: Arc::clone(&zone),
            descending: self.descending,
        };
        self.parts.iter().map(|part| (part.partition, request(part))).unzip()
    }
}

impl<'a> ScanNode<'a> {
    fn of(plan: &'a Plan) -> Result<ScanNode<'a>> {
        Ok(match &plan.node {
            Node::TableScan(scan @ TableScan { table, .. }) => ScanNode {
                ordinals: &scan.ordinals,
                spaces: partitions(table, scan.partitions.as_deref())
                    .into_iter()
                    .map(|p| (p, table.partitions[p].records))
                    .collect(),
                key: table.key.clone(),
                ranges: scan.ranges.fixed(),
                zone: &scan.zone,
                keep_order: scan.keep_order,
                descending: scan.descending,
                table,
            },
            Node::IndexScan(scan @ IndexScan { table, .. }) => ScanNode {
                ordinals: &scan.ordinals,
                spaces: index_partitions(scan)
                    .into_iter()
                    .map(|p| (p, table.partitions[p].indexes[scan.index]))
                    .collect(),
                // An index space is sorted by all of its columns.
                key: (0..table.index_space(scan.index, SpaceId(0)).1.len()).collect(),
                ranges: scan.ranges.fixed(),
                zone: &[],
                keep_order: scan.keep_order,
                descending: scan.descending,
                table,
            },
            _ => return Err(Error::Plan("only a scan is read as one".into())),
        })
    }

    fn parts(&self) -> Vec<Part> {
        let part = |&(partition, space): &(usize, SpaceId)| {
            let Some(ranges) = self.ranges else {
                return Some(Part { partition, space, ranges: [].into() });
            };
            let keys =
                ranges.iter().map(|r| range_of(space, &r.low, r.low_inclusive, &r.high, r.high_inclusive));
            let ranges: Arc<[KeyRange]> = keys.filter(|range| !range.is_empty()).collect();
            (!ranges.is_empty()).then_some(Part { partition, space, ranges })
        };
        self.spaces.iter().filter_map(part).collect()
    }

    /// Type of a column of the scanned space.
    fn space_column_type(&self, ordinal: usize, plan: &Plan) -> ColumnType {
        let in_table = match &plan.node {
            Node::IndexScan(scan) => self.table.index_space(scan.index, SpaceId(0)).1[ordinal],
            _ => ordinal,
        };
        self.table.columns[in_table].ty.clone()
    }
}
