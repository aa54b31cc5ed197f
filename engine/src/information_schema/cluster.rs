//! What the cluster is made of: `cluster_info`, `cluster_processlist`, `tikv_store_status`, `tikv_region_peers`,
//! `table_storage_stats`. One process is the SQL server, the placement driver and all stores; their addresses are those that TiDB's
//! would have by default.

use std::collections::{BTreeMap, BTreeSet};

use allod_storage::pd::RegionInfo;
use allod_storage::schema::{Datum, RegionId, SpaceId, StoreId, TableDescriptor};

use super::Kind::{Moment, Number, Text};
use super::processlist;
use super::regions::or_gone;
use super::{Definition, Facts, INSTANCE, Rows, entries, number, of_cluster, text};
use crate::catalog::Version;
use crate::error::Result;

/// The only SQL server, and where it tells how it is.
const SERVER: [&str; 2] = ["127.0.0.1:4000", INSTANCE];
/// The placement driver.
const PLACEMENT: &str = "127.0.0.1:2379";

/// The address of a store.
fn address(store: StoreId) -> String {
    format!("127.0.0.1:{}", 20159 + store.0)
}

pub(super) const INFO: Definition = Definition {
    name: "cluster_info",
    columns: &[
        ("TYPE", Text(64)),
        ("INSTANCE", Text(64)),
        ("STATUS_ADDRESS", Text(64)),
        ("VERSION", Text(64)),
        ("GIT_HASH", Text(64)),
        ("START_TIME", Moment(0)),
        ("UPTIME", Text(32)),
        ("SERVER_ID", Number),
    ],
    rows: |_, facts| {
        let uptime = facts.owner.uptime();
        let began_us = chrono::Utc::now().timestamp_micros() - uptime.as_micros() as i64;
        let began = facts.moment(began_us - began_us.rem_euclid(1_000_000));
        let row = |kind: &str, instance: &str, status: &str, id: u64| {
            vec![
                text(kind),
                text(instance),
                text(status),
                text(env!("CARGO_PKG_VERSION")),
                Datum::Null,
                began.clone(),
                text(format!("{}s", uptime.as_secs())),
                number(id),
            ]
        };
        let mut rows = vec![row("tidb", SERVER[0], SERVER[1], 1), row("pd", PLACEMENT, PLACEMENT, 0)];
        let stores = facts.cluster.pd().stores().iter();
        rows.extend(stores.map(|store| row("tikv", &address(*store), &address(*store), 0)));
        Ok(rows)
    },
};

pub(super) const PROCESSES: Definition = Definition {
    name: "cluster_processlist",
    columns: &[
        ("INSTANCE", Text(64)),
        ("ID", Number),
        ("USER", Text(16)),
        ("HOST", Text(64)),
        ("DB", Text(64)),
        ("COMMAND", Text(16)),
        ("TIME", Number),
        ("STATE", Text(64)),
        ("INFO", Text(65535)),
    ],
    rows: |_, facts| Ok(of_cluster(processlist::cells(facts), INSTANCE)),
};

pub(super) const STORES: Definition = Definition {
    name: "tikv_store_status",
    columns: &[
        ("STORE_ID", Number),
        ("ADDRESS", Text(64)),
        ("STORE_STATE", Number),
        ("STORE_STATE_NAME", Text(64)),
        ("VERSION", Text(64)),
        ("LEADER_COUNT", Number),
        ("REGION_COUNT", Number),
    ],
    rows: |version, facts| {
        let mut counts: BTreeMap<StoreId, [u64; 2]> = BTreeMap::new();
        for region in each(version, facts)?.into_values() {
            counts.entry(region.leader).or_default()[0] += 1;
            for store in region.peers.iter() {
                counts.entry(*store).or_default()[1] += 1;
            }
        }
        let row = |store: &StoreId| {
            let [leaders, regions] = counts.get(store).copied().unwrap_or_default();
            vec![
                number(store.0),
                text(address(*store)),
                number(0),
                text("Up"),
                text(env!("CARGO_PKG_VERSION")),
                number(leaders),
                number(regions),
            ]
        };
        Ok(facts.cluster.pd().stores().iter().map(row).collect())
    },
};

pub(super) const PEERS: Definition = Definition {
    name: "tikv_region_peers",
    columns: &[
        ("REGION_ID", Number),
        ("PEER_ID", Number),
        ("STORE_ID", Number),
        ("IS_LEARNER", Number),
        ("IS_LEADER", Number),
        ("STATUS", Text(10)),
        ("DOWN_SECONDS", Number),
    ],
    rows: |version, facts| {
        let peers = |region: RegionInfo| {
            // A store has one replica of a region, which is known by it.
            let peer = |store: &StoreId| {
                let leads = u64::from(*store == region.leader);
                let ids = [region.id.0, store.0, store.0, 0, leads].map(number);
                ids.into_iter().chain([text("NORMAL"), Datum::Null]).collect()
            };
            region.peers.iter().map(peer).collect::<Rows>()
        };
        Ok(each(version, facts)?.into_values().flat_map(peers).collect())
    },
};

pub(super) const STORAGE: Definition = Definition {
    name: "table_storage_stats",
    columns: &[
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("TABLE_ID", Number),
        ("PEER_COUNT", Number),
        ("REGION_COUNT", Number),
        ("TABLE_KEYS", Number),
    ],
    rows: |version, facts| {
        let mut rows = Rows::new();
        for entry in entries(version) {
            let table = &entry.descriptor;
            let regions = of_table(table, facts)?;
            let peers: u64 = regions.iter().map(|region| region.peers.len() as u64).sum();
            let keys = entry.live_rows() * (1 + table.indexes.len() as u64);
            let mut row = vec![text(&table.database), text(&table.name)];
            row.extend([table.id.0, peers, regions.len() as u64, keys].map(number));
            rows.push(row);
        }
        Ok(rows)
    },
};

/// The regions of all tables, each once.
fn each(version: &Version, facts: &Facts) -> Result<BTreeMap<RegionId, RegionInfo>> {
    let mut all = BTreeMap::new();
    for entry in entries(version) {
        all.extend(of_table(&entry.descriptor, facts)?.into_iter().map(|region| (region.id, region)));
    }
    Ok(all)
}

/// The regions of a table and its indexes.
fn of_table(table: &TableDescriptor, facts: &Facts) -> Result<Vec<RegionInfo>> {
    let mut client = facts.client.fork();
    let runtime = client.runtime();
    let parts = table.partitions.iter();
    let spaces: BTreeSet<SpaceId> =
        parts.flat_map(|part| std::iter::once(part.records).chain(part.indexes.iter().copied())).collect();
    let mut regions = Vec::new();
    for space in spaces {
        regions.extend(or_gone(runtime.block_on(client.regions(space)))?);
    }
    Ok(regions)
}
