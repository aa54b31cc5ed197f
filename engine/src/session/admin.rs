//! What lies below tables: ADMIN CHECK compares every index with the rows, SPLIT TABLE makes regions, SHOW TABLE … REGIONS lists
//! them.
//!
//! To compare an index with a table both are read at one timestamp, and every entry, what it is and what it should be, is
//! encoded as its key. Two sums of hashes tell in one pass over either side, in parallel and without keeping anything, whether
//! they hold the same entries as often; only if they do not are both sides kept and sorted, to name an entry that is missing or
//! too much (error 8223, as in TiDB). That two different sets have the same two sums is as likely as 2^-128.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use allod_planner::bind::{Spaces, SplitPoints, bind_partition};
use allod_storage::client::ScanRequest;
use allod_storage::key::{Key, KeyEncoder, encode_datums};
use allod_storage::mvcc::ScanBatch;
use allod_storage::pd::RegionInfo;
use allod_storage::schema::{
    Datum, PartitionDescriptor, SpaceId, SpaceSchema, SqlType, TableDescriptor, Timestamp,
};
use arrow::array::ArrayRef;
use rayon::prelude::*;

use super::Session;
use crate::catalog::Version;
use crate::error::{Error, Result, code};
use crate::result::ResultSet;

/// The least that a region of whole numbers spans, as in TiDB.
const REGION_STEP_MIN: u64 = 1000;

/// How many entries there are, and two sums of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Digest {
    entries: u64,
    sums: [u64; 2],
}

impl Digest {
    fn add(&mut self, entry: &[u8]) {
        self.entries += 1;
        for (seed, sum) in self.sums.iter_mut().enumerate() {
            let mut hasher = std::collections::hash_map::DefaultHasher::new();
            (seed, entry).hash(&mut hasher);
            *sum = sum.wrapping_add(hasher.finish());
        }
    }

    fn merge(self, other: Digest) -> Digest {
        let sums = [0, 1].map(|at: usize| self.sums[at].wrapping_add(other.sums[at]));
        Digest { entries: self.entries + other.entries, sums }
    }
}

/// What ADMIN CHECKSUM TABLE adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Checksum {
    crc: u64,
    entries: u64,
    bytes: u64,
}

impl Checksum {
    fn add(&mut self, number: u64, entry: &[u8]) {
        self.crc ^= crc64(number.to_be_bytes().iter().chain(entry));
        self.entries += 1;
        self.bytes += entry.len() as u64;
    }

    fn merge(self, other: Checksum) -> Checksum {
        Checksum {
            crc: self.crc ^ other.crc,
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// The CRC-64 of ECMA-182, reflected, as TiKV uses it.
fn crc64<'b>(bytes: impl Iterator<Item = &'b u8>) -> u64 {
    const TABLE: [u64; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut crc, mut bit) = (byte as u64, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xc96c_5795_d787_0f42 } else { crc >> 1 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    !bytes.fold(!0, |crc, byte| TABLE[(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

/// A space, whichever it is, whose rows are keys as a whole. Documents count as the bytes that they are.
fn as_key(space: &SpaceSchema) -> SpaceSchema {
    let mut space = SpaceSchema {
        id: SpaceId(0),
        key: (0..space.columns.len()).collect(),
        unique_prefix: None,
        ..space.clone()
    };
    for column in space.columns.iter_mut().filter(|column| column.ty.sql == SqlType::Json) {
        column.ty.sql = SqlType::Blob(u32::MAX);
    }
    space
}

impl Session {
    /// ADMIN CHECK TABLE and INDEX.
    pub(super) fn check(&mut self, all: &[Spaces], version: &Version) -> Result<ResultSet> {
        let runtime = self.client.runtime();
        let (ts, _pin) = runtime.block_on(self.client.snapshot())?;
        for spaces in all {
            let Some(entry) = version.entry(&spaces.table.database, &spaces.table.table) else { continue };
            let table = Arc::clone(&entry.descriptor);
            let indexes = spaces.index.map_or(0..table.indexes.len(), |index| index..index + 1);
            for index in indexes {
                // The entries of a global index are those of all partitions.
                let together = if table.is_global(index) { table.partitions.len() } else { 1 };
                for partitions in table.partitions.chunks(together) {
                    self.check_index(&table, index, partitions, ts)?;
                }
            }
            if spaces.index.is_none() && table.partitioning.is_some() {
                self.check_places(&table, ts)?;
            }
        }
        Ok(ResultSet::done(0, 0))
    }

    /// Whether each row is in the partition that its values say.
    fn check_places(&mut self, table: &TableDescriptor, ts: Timestamp) -> Result<()> {
        let function = bind_partition(table)?.map(Arc::new);
        let ordinals: Vec<usize> = (0..table.columns.len()).collect();
        for partition in &table.partitions {
            let elsewhere = |columns: &[ArrayRef]| {
                let keys = allod_executor::record_keys(table, function.as_ref(), &ordinals, columns)?;
                let mut keys = keys.into_iter().flatten();
                Ok(keys.find(|key| key.space() != Some(partition.records)))
            };
            let found = |one: Option<Key>, batch: &ScanBatch| match one {
                Some(one) => Ok(Some(one)),
                None => elsewhere(&batch.columns),
            };
            let Some(key) = self.fold(partition.records, &ordinals, ts, found, Option::or)? else { continue };
            let belongs = table.partitions.iter().find(|other| key.space() == Some(other.records));
            let values = belongs
                .and_then(|other| allod_storage::key::decode(&table.record_space(other.records), &key));
            let belongs = belongs.map_or("no partition", |other| &*other.name);
            let values = values.unwrap_or_default().iter().map(Datum::to_string).collect::<Vec<_>>();
            let message = format!(
                "data inconsistency in table: {}, partition: {}, the row with the handle {} belongs to {belongs}",
                table.name,
                partition.name,
                values.join(", ")
            );
            return Err(Error::new(code::DATA_INCONSISTENT, message));
        }
        Ok(())
    }

    /// ADMIN CHECKSUM TABLE: of all rows and all entries of indexes, whatever their order and the place where they are.
    pub(super) fn checksum(&mut self, all: &[Spaces], version: &Version) -> Result<ResultSet> {
        let runtime = self.client.runtime();
        let (ts, _pin) = runtime.block_on(self.client.snapshot())?;
        let mut rows = Vec::new();
        for spaces in all {
            let Some(entry) = version.entry(&spaces.table.database, &spaces.table.table) else { continue };
            let table = Arc::clone(&entry.descriptor);
            let mut sum = Checksum::default();
            for (partition, index, id) in self.spaces_of(spaces, version, true) {
                let space = match index {
                    None => table.record_space(table.partitions[partition].records),
                    Some(index) => table.index_space(index, id).0,
                };
                let ordinals: Vec<usize> = (0..space.columns.len()).collect();
                let entry = as_key(&space);
                // Entries of two indexes that look the same do not cancel each other out.
                let number = index.map_or(0, |index| index as u64 + 1);
                let add = |mut sum: Checksum, key: &[u8]| {
                    sum.add(number, key);
                    sum
                };
                sum = sum.merge(self.fold_keys(id, &ordinals, &entry, ts, add, Checksum::merge)?);
            }
            let place = [&*table.database, &*table.name].map(str::to_owned);
            let numbers = [sum.crc, sum.entries, sum.bytes].map(|n| n.to_string());
            rows.push(place.into_iter().chain(numbers).map(Some).collect());
        }
        let columns = ["Db_name", "Table_name", "Checksum_crc64_xor", "Total_kvs", "Total_bytes"];
        ResultSet::text(&columns, rows)
    }

    fn check_index(
        &mut self,
        table: &TableDescriptor,
        index: usize,
        partitions: &[PartitionDescriptor],
        ts: Timestamp,
    ) -> Result<()> {
        let Some(first) = partitions.first() else { return Ok(()) };
        let (space, ordinals) = table.index_space(index, first.indexes[index]);
        let own: Vec<usize> = (0..ordinals.len()).collect();
        // The whole entry, also where the key of a unique index is less.
        let whole = SpaceSchema { unique_prefix: None, ..space };
        let mut wanted = Digest::default();
        for partition in partitions {
            wanted = wanted.merge(self.digest(partition.records, &ordinals, &whole, ts)?);
        }
        let found = self.digest(whole.id, &own, &whole, ts)?;
        if wanted == found {
            return Ok(());
        }
        let mut wanted = Vec::new();
        for partition in partitions {
            wanted.extend(self.sorted(partition.records, &ordinals, &whole, ts)?);
        }
        wanted.sort_unstable();
        let found = self.sorted(whole.id, &own, &whole, ts)?;
        let name = format!("table: {}, index: {}", table.name, table.indexes[index].name);
        let shown = |entry: Option<&Key>| match entry.and_then(|key| allod_storage::key::decode(&whole, key))
        {
            Some(values) => values.iter().map(Datum::to_string).collect::<Vec<_>>().join(", "),
            None => String::new(),
        };
        let differs = wanted.iter().zip(&found).position(|(a, b)| a != b);
        let at = differs.unwrap_or(wanted.len().min(found.len()));
        let (should, is) = (wanted.get(at), found.get(at));
        // What comes first is on one side only.
        let (should, is) = match (should, is) {
            (Some(should), Some(is)) if should < is => (Some(should), None),
            (Some(_), Some(is)) => (None, Some(is)),
            one => one,
        };
        let message = format!(
            "data inconsistency in {name}, index-values:\"{}\" != record-values:\"{}\"",
            shown(is),
            shown(should)
        );
        Err(Error::new(code::DATA_INCONSISTENT, message))
    }

    /// The digest of these columns of a space's rows, as entries of another.
    fn digest(
        &mut self,
        space: SpaceId,
        ordinals: &[usize],
        entry: &SpaceSchema,
        ts: Timestamp,
    ) -> Result<Digest> {
        let add = |mut digest: Digest, key: &[u8]| {
            digest.add(key);
            digest
        };
        self.fold_keys(space, ordinals, entry, ts, add, Digest::merge)
    }

    fn sorted(
        &mut self,
        space: SpaceId,
        ordinals: &[usize],
        entry: &SpaceSchema,
        ts: Timestamp,
    ) -> Result<Vec<Key>> {
        let add = |mut keys: Vec<Key>, key: &[u8]| {
            keys.push(Key::from_bytes(key));
            keys
        };
        let merge = |mut a: Vec<Key>, b: Vec<Key>| {
            a.extend(b);
            a
        };
        let mut keys = self.fold_keys(space, ordinals, entry, ts, add, merge)?;
        keys.par_sort_unstable();
        Ok(keys)
    }

    /// Goes over all rows of a space, in parallel; `add` takes in a row as the key of an entry.
    fn fold_keys<T: Default + Send>(
        &mut self,
        space: SpaceId,
        ordinals: &[usize],
        entry: &SpaceSchema,
        ts: Timestamp,
        add: impl Fn(T, &[u8]) -> T + Sync,
        merge: impl Fn(T, T) -> T + Sync + Send,
    ) -> Result<T> {
        let encoder = KeyEncoder::new(entry);
        let take = |mut all: T, batch: &ScanBatch| {
            let keys = encoder.bind(&batch.columns).map_err(|e| Error::internal(format!("{e:?}")))?;
            let mut bytes = Vec::new();
            for row in 0..batch.rows {
                bytes.clear();
                keys.append(row, &mut bytes);
                all = add(all, &bytes);
            }
            Ok(all)
        };
        self.fold(space, ordinals, ts, take, merge)
    }

    /// Goes over all rows of a space, in parallel; `take` takes in a batch of these columns.
    fn fold<T: Default + Send>(
        &mut self,
        space: SpaceId,
        ordinals: &[usize],
        ts: Timestamp,
        take: impl Fn(T, &ScanBatch) -> Result<T> + Sync,
        merge: impl Fn(T, T) -> T + Sync + Send,
    ) -> Result<T> {
        let regions = self.client.runtime().block_on(self.client.scan(&ScanRequest::all(space, ts)))?;
        let morsels = regions
            .par_iter()
            .flat_map(|region| region.morsels().into_par_iter().map(move |morsel| (region, morsel)));
        let of_morsel = |(region, morsel): (&_, _)| {
            let region: &allod_storage::mvcc::RegionScan = region;
            take(T::default(), &region.read(&morsel, ordinals))
        };
        morsels.map(of_morsel).try_reduce(T::default, |a, b| Ok(merge(a, b)))
    }

    /// SPLIT TABLE: how many regions it made.
    pub(super) fn split(
        &mut self,
        spaces: &Spaces,
        at: &SplitPoints,
        version: &Version,
    ) -> Result<ResultSet> {
        let mut made = 0usize;
        for (_, _, space) in self.spaces_of(spaces, version, false) {
            let keys = split_keys(space, at, spaces.index.is_none())?;
            for key in &keys {
                self.client.runtime().block_on(self.client.split(key))?;
            }
            made += keys.len();
        }
        let columns = ["TOTAL_SPLIT_REGION", "SCATTER_FINISH_RATIO"];
        ResultSet::text(&columns, vec![vec![Some(made.to_string()), Some("1".into())]])
    }

    /// SHOW TABLE … REGIONS, in TiDB's columns.
    pub(super) fn show_regions(&self, spaces: &Spaces, version: &Version) -> Result<ResultSet> {
        let columns = [
            "REGION_ID",
            "START_KEY",
            "END_KEY",
            "LEADER_ID",
            "LEADER_STORE_ID",
            "PEERS",
            "SCATTERING",
            "WRITTEN_BYTES",
            "READ_BYTES",
            "APPROXIMATE_SIZE(MB)",
            "APPROXIMATE_KEYS",
            "SCHEDULING_CONSTRAINTS",
            "SCHEDULING_STATE",
        ];
        let mut client = self.client.fork();
        let runtime = client.runtime();
        let mut rows = Vec::new();
        for (_, _, space) in self.spaces_of(spaces, version, spaces.index.is_none()) {
            for RegionInfo { id, range, leader, peers, .. } in runtime.block_on(client.regions(space))? {
                let peers = peers.iter().map(|store| store.0.to_string()).collect::<Vec<_>>().join(", ");
                let cells = [
                    Some(id.0.to_string()),
                    Some(range.start.to_string()),
                    Some(range.end.to_string()),
                    Some(leader.0.to_string()),
                    Some(leader.0.to_string()),
                    Some(peers),
                    Some("0".into()),
                ];
                let unknown = std::iter::repeat_n(None, columns.len() - cells.len());
                rows.push(cells.into_iter().chain(unknown).collect());
            }
        }
        ResultSet::text(&columns, rows)
    }

    /// The spaces: partition, index, id; `with_indexes`: of the records and of every index.
    fn spaces_of(
        &self,
        spaces: &Spaces,
        version: &Version,
        with_indexes: bool,
    ) -> Vec<(usize, Option<usize>, SpaceId)> {
        let Some(entry) = version.entry(&spaces.table.database, &spaces.table.table) else { return vec![] };
        let table = &entry.descriptor;
        let wanted = spaces.partitions.clone().unwrap_or_else(|| (0..table.partitions.len()).collect());
        let mut out = Vec::new();
        let first = wanted.first().copied();
        // A global index has one space, whatever partition it is asked for.
        let is_own = |partition: usize, index: usize| !table.is_global(index) || Some(partition) == first;
        for partition in wanted {
            let place = &table.partitions[partition];
            match spaces.index {
                Some(index) if !is_own(partition, index) => {}
                Some(index) => out.push((partition, Some(index), place.indexes[index])),
                None => out.push((partition, None, place.records)),
            }
            if with_indexes {
                let indexes = place.indexes.iter().enumerate().filter(|(i, _)| is_own(partition, *i));
                out.extend(indexes.map(|(index, &space)| (partition, Some(index), space)));
            }
        }
        out
    }
}

/// The keys at which regions are to begin, ascending; of rows these are numbers, if they are numbered.
fn split_keys(space: SpaceId, at: &SplitPoints, of_rows: bool) -> Result<Vec<Key>> {
    let mut keys: Vec<Key> = match at {
        SplitPoints::By(rows) => rows.iter().map(|row| encode_datums(space, row)).collect(),
        SplitPoints::Between { low, high, regions } => match (low.as_slice(), high.as_slice()) {
            ([Datum::Int(low), ..], [Datum::Int(high), ..]) if of_rows && low != high => {
                if low > high {
                    return Err(not_ascending(&low, &high));
                }
                let step = low.abs_diff(*high) / regions;
                let too_small = step < REGION_STEP_MIN && *regions > 1;
                if too_small {
                    return Err(split_error(&format!(
                        "the region size is too small, expected at least {REGION_STEP_MIN}, but got {step}"
                    )));
                }
                let place = |n: u64| low.wrapping_add_unsigned(step * n);
                (1..*regions).map(|n| encode_datums(space, &[Datum::Int(place(n))])).collect()
            }
            (low, high) => between(&encode_datums(space, low), &encode_datums(space, high), *regions)?,
        },
    };
    keys.sort();
    keys.dedup();
    Ok(keys)
}

/// Keys that divide what lies between two others evenly, as far as the eight bytes tell in which they first differ.
fn between(low: &Key, high: &Key, regions: u64) -> Result<Vec<Key>> {
    let (from, to) = (low.as_bytes(), high.as_bytes());
    if from >= to {
        return Err(not_ascending(&low, &high));
    }
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let word = |bytes: &[u8]| {
        let rest = bytes[common..].iter().copied().chain(std::iter::repeat(0)).take(8);
        rest.fold(0u64, |word, byte| word << 8 | u64::from(byte))
    };
    let (first, last) = (word(from), word(to));
    let step = (last - first) / regions;
    let key = |n: u64| {
        let place = (first + step * n).to_be_bytes();
        Key::from_bytes(&[&from[..common], &place[..]].concat())
    };
    Ok((1..regions).map(key).collect())
}

fn not_ascending(low: &impl std::fmt::Display, high: &impl std::fmt::Display) -> Error {
    split_error(&format!("lower value {low} should less than the upper value {high}"))
}

fn split_error(why: &str) -> Error {
    Error::new(code::SPLIT_REGION, format!("Failed to split region ranges: {why}"))
}

#[cfg(test)]
mod tests {
    use allod_storage::client::ScanRequest;

    #[test]
    fn the_sum_of_the_digits() {
        // The check value of CRC-64/XZ.
        assert_eq!(super::crc64(b"123456789".iter()), 0x995d_c9bb_df19_39fa);
    }

    use crate::Database;

    #[test]
    fn an_entry_that_has_no_row_and_a_row_that_has_no_entry_are_named() {
        let database = Database::new();
        let mut session = database.session();
        session
            .run("create table t (id int primary key, v int, s varchar(9), key iv (v), unique key us (s))")
            .unwrap();
        session.run("create table other like t").unwrap();
        session.run("insert into t values (1, 10, 'a'), (2, 20, null), (3, 30, 'c')").unwrap();
        session.run("insert into other values (1, 10, 'a'), (2, 20, null), (7, 70, 'x')").unwrap();
        session.run("admin check table t, other").unwrap();
        session.run("admin check index t iv").unwrap();
        // What is in the other table's index goes into this one's, behind everybody's back.
        let version = database.catalog();
        let index =
            |name: &str, at: usize| version.entry("test", name).unwrap().descriptor.partitions[0].indexes[at];
        let mut client = session.client.fork();
        let runtime = client.runtime();
        let (ts, _pin) = runtime.block_on(client.snapshot()).unwrap();
        let regions = runtime.block_on(client.scan(&ScanRequest::all(index("other", 0), ts))).unwrap();
        let table = &version.entry("test", "t").unwrap().descriptor;
        let names = crate::rows::space_columns(&table.index_space(0, index("t", 0)).0);
        let batches = regions
            .iter()
            .flat_map(|region| region.morsels().into_iter().map(move |m| region.read(&m, &[0, 1])));
        let batches =
            batches.map(|batch| crate::rows::full_batch(&names, batch.columns).unwrap()).collect::<Vec<_>>();
        drop(regions);
        session.run("truncate table t").unwrap();
        session.run("insert into t values (1, 10, 'a'), (2, 20, null), (3, 30, 'c')").unwrap();
        let version = database.catalog();
        let space = version.entry("test", "t").unwrap().descriptor.partitions[0].indexes[0];
        // An ingest into a space that has rows is refused where keys are there already, so the table is emptied of them.
        session.run("delete from t").unwrap();
        session.run("admin check table t").unwrap();
        runtime.block_on(client.ingest(space, batches, false)).unwrap();
        let error = session.run("admin check table t").unwrap_err();
        assert_eq!(error.code(), 8223);
        assert!(
            error.message().contains("index: iv") && error.message().contains("index-values:\"10, 1\""),
            "{error}"
        );
        session.run("admin check index t us").unwrap();
        assert_eq!(session.run("admin check index t nope").unwrap_err().code(), 1176);
    }
}
