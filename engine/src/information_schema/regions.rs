//! `tikv_region_status`: the regions of all tables, with the table, index and partition that each is part of. The columns are
//! TiDB's, without its traffic figures and with the store of the leader at the end.

use allod_storage::error::Error as StorageError;
use allod_storage::pd::RegionInfo;
use allod_storage::schema::{Datum, SpaceId};

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, number, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "tikv_region_status",
    columns: &[
        ("REGION_ID", Number),
        ("START_KEY", Text(65535)),
        ("END_KEY", Text(65535)),
        ("TABLE_ID", Number),
        ("DB_NAME", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("IS_INDEX", Number),
        ("INDEX_ID", Number),
        ("INDEX_NAME", Text(64)),
        ("IS_PARTITION", Number),
        ("PARTITION_ID", Number),
        ("PARTITION_NAME", Text(64)),
        ("EPOCH_CONF_VER", Number),
        ("EPOCH_VERSION", Number),
        ("LEADER_STORE_ID", Number),
    ],
    rows,
};

fn rows(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let mut client = facts.client.fork();
    let runtime = client.runtime();
    let mut rows = Vec::new();
    for entry in entries(version) {
        let table = &entry.descriptor;
        for (at, partition) in table.partitions.iter().enumerate() {
            let (is_partition, partition_id, partition_name) = match table.partitioning {
                Some(_) => (number(1), number(partition.records.0), text(&partition.name)),
                None => (number(0), Datum::Null, Datum::Null),
            };
            let records = (partition.records, None);
            // That of a global index is shown with the first.
            let is_own = |index: &usize| !table.is_global(*index) || at == 0;
            let spaces = (0..table.indexes.len()).filter(is_own);
            let spaces = spaces.map(|index| (partition.indexes[index], Some(&table.indexes[index])));
            let spaces: Vec<(SpaceId, Option<_>)> = std::iter::once(records).chain(spaces).collect();
            for (space, index) in spaces {
                let regions = or_gone(runtime.block_on(client.regions(space)))?;
                rows.extend(regions.iter().map(|region| {
                    vec![
                        number(region.id.0),
                        text(region.range.start.to_string()),
                        text(region.range.end.to_string()),
                        number(table.id.0),
                        text(&table.database),
                        text(&table.name),
                        number(u64::from(index.is_some())),
                        index.map_or(Datum::Null, |i| number(i.id.0)),
                        index.map_or(Datum::Null, |i| text(&i.name)),
                        is_partition.clone(),
                        partition_id.clone(),
                        partition_name.clone(),
                        number(region.epoch.conf_ver),
                        number(region.epoch.version),
                        number(region.leader.0),
                    ]
                }));
            }
        }
    }
    Ok(rows)
}

/// A space that was dropped since the version was made has no regions any more.
pub(super) fn or_gone(regions: Result<Vec<RegionInfo>, StorageError>) -> Result<Vec<RegionInfo>> {
    match regions {
        Err(StorageError::UnknownSpace(_)) => Ok(Vec::new()),
        regions => Ok(regions?),
    }
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::{RegionId, StoreId, Timestamp};

    use super::*;

    #[test]
    fn only_a_space_that_is_gone_has_no_regions() {
        assert_eq!(or_gone(Err(StorageError::UnknownSpace(SpaceId(1)))).map(|r| r.len()), Ok(0));
        let too_old = StorageError::SnapshotTooOld { ts: Timestamp(1), safe_ts: Timestamp(2) };
        assert_eq!(or_gone(Err(too_old)).unwrap_err().code(), 9006);
        let elsewhere = StorageError::NoReplica { region: RegionId(1), store: StoreId(1) };
        assert_eq!(or_gone(Err(elsewhere)).unwrap_err().code(), 1105);
    }
}
