//! The inner side of an index join, compiled once for all workers.

use allod_planner::column::ColumnId;
use allod_planner::physical::{IndexScan, Lookup, Node, Plan, Ranges, TableScan};
use allod_storage::schema::{ColumnType, SpaceId, SqlType, TableDescriptor};

use super::chain::Chain;
use super::double::TableSide;
use super::fetch::{Access, Found};
use super::keys::{KeyMaker, Keys};
use super::lane::Lane;
use crate::build::{index_partitions, partitions};
use crate::error::{Error, Result};
use crate::index_lookup::index_name;
use crate::pipeline::Worker;

/// How the rows of an inner side are found.
pub(crate) struct Inner {
    /// From outer rows to keys.
    pub keys: KeyMaker,
    /// The columns of the key that the lookup's prefix is equal to, if they come out as they are.
    pub prefix: Vec<Option<ColumnId>>,
    /// Plan node of the double read, if it is one.
    pub double: Option<u32>,
    read: Read,
    chain: Chain,
}

enum Read {
    /// The scan has all columns.
    Single(Access),
    /// Index entries first, those that pass the filter, then rows.
    Double { index: Access, filter: Chain, table: Box<TableSide> },
}

/// A scan as something to look up in, with what its keys are made of.
struct Scanned<'a> {
    access: Access,
    columns: Vec<ColumnId>,
    /// By key column: type, and output column if there is one.
    key: Vec<(SqlType, Option<ColumnId>)>,
    lookup: &'a Lookup,
    table: &'a TableDescriptor,
    partitions: Vec<usize>,
}

impl Inner {
    /// Compiles the inner side `plan` of a join whose outer batches have the columns `outer`.
    pub fn new(plan: &Plan, outer: &[ColumnId]) -> Result<Inner> {
        match &plan.node {
            Node::TableReader { input } | Node::IndexReader { input } => Inner::new(input, outer),
            Node::Selection { input, predicates } => {
                let mut inner = Inner::new(input, outer)?;
                inner.chain.select(plan, predicates)?;
                Ok(inner)
            }
            Node::Projection { input, exprs } => {
                let mut inner = Inner::new(input, outer)?;
                inner.chain.project(plan, exprs)?;
                Ok(inner)
            }
            Node::HashAgg(aggregation) | Node::StreamAgg(aggregation) => {
                let mut inner = Inner::new(&aggregation.input, outer)?;
                inner.chain.group(plan, aggregation)?;
                Ok(inner)
            }
            Node::IndexLookUp(lookup) => {
                let mut inner = Inner::new(&lookup.index, outer)?;
                let Read::Single(index) = inner.read else {
                    return Err(Error::Plan("a double read of a double read".into()));
                };
                if lookup.limit.is_some() {
                    return Err(Error::Plan("a limit below an index join".into()));
                }
                let index_columns = inner.chain.columns.clone();
                let (table, chain) =
                    TableSide::new(lookup, index_name(&lookup.index), &index_columns, &plan.columns)?;
                let filter = std::mem::replace(&mut inner.chain, chain);
                inner.read = Read::Double { index, filter, table: Box::new(table) };
                inner.double = Some(plan.id);
                Ok(inner)
            }
            Node::TableScan(scan) => Inner::of_scan(Scanned::of_table(plan, scan)?, outer),
            Node::IndexScan(scan) => Inner::of_scan(Scanned::of_index(plan, scan)?, outer),
            _ => Err(Error::Plan("this cannot be looked up".into())),
        }
    }

    fn of_scan(scanned: Scanned<'_>, outer: &[ColumnId]) -> Result<Inner> {
        let Scanned { access, columns, key, lookup, table, partitions } = scanned;
        let types: Vec<SqlType> = key.iter().map(|(ty, _)| ty.clone()).collect();
        let prefix =
            lookup.prefix.iter().zip(&key).map(|(part, (_, id))| id.filter(|_| !part.null_safe)).collect();
        let keys = KeyMaker::new(lookup, &types, table, partitions, outer)?;
        Ok(Inner { keys, prefix, double: None, read: Read::Single(access), chain: Chain::new(columns) })
    }

    /// The columns that come out.
    pub fn columns(&self) -> &[ColumnId] {
        &self.chain.columns
    }

    /// Whether every row that a lookup finds comes out, so that one is enough to know that there is any.
    pub fn is_bare(&self) -> bool {
        matches!(self.read, Read::Single(_)) && self.chain.is_empty()
    }

    /// The plan nodes whose rows are counted, in the order of a lane's meters.
    pub fn plans(&self) -> Vec<u32> {
        let mut plans = Vec::new();
        match &self.read {
            Read::Single(access) => plans.push(access.plan),
            Read::Double { index, filter, table } => {
                plans.push(index.plan);
                plans.extend(filter.plans());
                plans.push(table.access.plan);
            }
        }
        plans.extend(self.chain.plans());
        plans
    }

    /// Those of them that are scans.
    pub fn scans(&self) -> Vec<u32> {
        match &self.read {
            Read::Single(access) => vec![access.plan],
            Read::Double { index, table, .. } => vec![index.plan, table.access.plan],
        }
    }

    /// What the scans bring for these keys. Only selections on an index have run.
    pub async fn fetch(&self, keys: &Keys, first_only: bool, lane: &mut Lane) -> Result<Found> {
        match &self.read {
            Read::Single(access) => {
                let found = access.fetch(keys, first_only, 0, lane).await?;
                lane.meters[0].rows += found.rows as u64;
                lane.meters[0].batches += 1;
                Ok(found)
            }
            Read::Double { index, filter, table } => {
                let steps = 1 + filter.plans().count();
                let mut found = index.fetch(keys, false, 0, lane).await?;
                let Lane { meters, worker, lookups, .. } = lane;
                meters[0].rows += found.rows as u64;
                meters[0].batches += 1;
                filter.run(&mut found, worker, &mut meters[1..steps], lookups.context())?;
                let rows = table.rows_of(found, lane).await?;
                lane.meters[steps].rows += rows.rows as u64;
                lane.meters[steps].batches += 1;
                Ok(rows)
            }
        }
    }

    /// Runs what stands above the scans.
    pub fn finish(&self, found: &mut Found, worker: &mut Worker, lane: &mut Lane) -> Result<()> {
        let from = lane.meters.len() - self.chain.plans().count();
        self.chain.run(found, worker, &mut lane.meters[from..], lane.lookups.context())
    }
}

impl Access {
    /// Of a scan of records.
    pub fn of_table(plan: &Plan, scan: &TableScan) -> Access {
        Access {
            plan: plan.id,
            spaces: scan.table.partitions.iter().map(|p| p.records).collect(),
            ordinals: scan.ordinals.as_slice().into(),
            types: scan.ordinals.iter().map(|&o| scan.table.columns[o].ty.sql.clone()).collect(),
        }
    }
}

fn lookup_of(ranges: &Ranges) -> Result<&Lookup> {
    match ranges {
        Ranges::Lookup(lookup) => Ok(lookup),
        Ranges::All | Ranges::Fixed(_) | Ranges::Handles => {
            Err(Error::Plan("the inner side of an index join is looked up".into()))
        }
    }
}

impl<'a> Scanned<'a> {
    fn of_table(plan: &Plan, scan: &'a TableScan) -> Result<Scanned<'a>> {
        let table = &*scan.table;
        let key = |&ordinal: &usize| {
            let at = scan.ordinals.iter().position(|o| *o == ordinal);
            (table.columns[ordinal].ty.sql.clone(), at.map(|at| plan.columns[at]))
        };
        Ok(Scanned {
            access: Access::of_table(plan, scan),
            columns: plan.columns.clone(),
            key: table.key.iter().map(key).collect(),
            lookup: lookup_of(&scan.ranges)?,
            table,
            partitions: partitions(table, scan.partitions.as_deref()),
        })
    }

    fn of_index(plan: &Plan, scan: &'a IndexScan) -> Result<Scanned<'a>> {
        let table = &*scan.table;
        let (_, held) = table.index_space(scan.index, SpaceId(0));
        let ty = |at: usize| -> &ColumnType { &table.columns[held[at]].ty };
        let key = |at: usize| {
            let found = scan.ordinals.iter().position(|o| *o == at);
            (ty(at).sql.clone(), found.map(|found| plan.columns[found]))
        };
        Ok(Scanned {
            access: Access {
                plan: plan.id,
                spaces: table.partitions.iter().map(|p| p.indexes[scan.index]).collect(),
                ordinals: scan.ordinals.as_slice().into(),
                types: scan.ordinals.iter().map(|&at| ty(at).sql.clone()).collect(),
            },
            columns: plan.columns.clone(),
            key: (0..held.len()).map(key).collect(),
            lookup: lookup_of(&scan.ranges)?,
            table,
            partitions: index_partitions(scan),
        })
    }
}
