//! A space against a model: whatever is done to its regions, in any order, a reader sees what a plain list of changes says.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt16Type};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;

use super::{Command, Compacted, Compaction, Epoch, IngestOutcome, Outcome, RegionSnapshot, RegionState};
use crate::chunk::{BLOCK_ROWS, Chunk, ChunkLimit, build_base, dictionary};
use crate::key::{Key, KeyRange, RowKeys, encode_datums};
use crate::mvcc::{Lookups, OwnWrites, RegionScan, RowRef, ZoneFilter, few};
use crate::percolator::{
    CheckTxnStatus, Commit, CommitOutcome, Mutation, MutationOp, Prewrite, PrewriteOutcome, ResolveLock,
    Rollback, RollbackOutcome, RolledBackBy, TxnStatus,
};
use crate::schema::{ColumnDef, ColumnType, Datum, RegionId, SpaceId, SpaceSchema, SqlType, Timestamp};
use crate::test_rows::array_of;

const SPACE: SpaceId = SpaceId(3);
const LIMIT: ChunkLimit = ChunkLimit { rows: 2 * BLOCK_ROWS, bytes: usize::MAX };
const TTL_MS: u64 = 1_000_000;

/// `id` and `tag` are the key: either the one or (tag, id), where the tag follows from the id.
fn schema(tagged: bool) -> Arc<SpaceSchema> {
    let column = |name: &str, ty| ColumnDef::new(name, ty);
    Arc::new(SpaceSchema {
        id: SPACE,
        columns: vec![
            column("id", ColumnType::not_null(SqlType::BIGINT)),
            column("tag", ColumnType::not_null(SqlType::varchar(30))),
            column("value", ColumnType::nullable(SqlType::BIGINT)),
            column("colour", ColumnType::nullable(SqlType::varchar(50))),
        ],
        key: if tagged { vec![1, 0] } else { vec![0] },
        unique_prefix: None,
    })
}

type Row = (i64, String, Option<i64>, Option<String>);

/// The row that has this id and was written with this value.
fn row(id: i64, value: i64) -> Row {
    let tag = ["", "a tag too long for a view", "b", "c\0d"][id.rem_euclid(4) as usize].to_owned();
    let colour = ["red", "green", "a colour with quite a long name"].get(value.rem_euclid(4) as usize);
    (id, tag, (value % 5 != 0).then_some(value), colour.map(|c| c.to_string()))
}

fn datums((id, tag, value, colour): &Row) -> [Datum; 4] {
    let text = |s: &str| Datum::string(s);
    [
        Datum::Int(*id),
        text(tag),
        value.map_or(Datum::Null, Datum::Int),
        colour.as_deref().map_or(Datum::Null, text),
    ]
}

fn batch(schema: &SpaceSchema, rows: &[Row]) -> RecordBatch {
    let rows: Vec<_> = rows.iter().map(datums).collect();
    let columns = schema.columns.iter().enumerate().map(|(i, def)| {
        let values: Vec<Datum> = rows.iter().map(|row| row[i].clone()).collect();
        array_of(&def.ty.arrow(), &values)
    });
    let fields: Vec<Field> =
        schema.columns.iter().map(|d| Field::new(d.name.as_ref(), d.ty.arrow(), d.ty.nullable)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect()).unwrap()
}

fn rows_of(columns: &[ArrayRef], rows: usize) -> Vec<Row> {
    let text = |column: usize, row: usize| dictionary::str_at(&columns[column], row).map(str::to_owned);
    let int = |column: usize, row: usize| {
        let array = columns[column].as_primitive::<Int64Type>();
        array.is_valid(row).then(|| array.value(row))
    };
    assert!(columns.iter().all(|c| c.len() == rows));
    (0..rows).map(|row| (int(0, row).unwrap(), text(1, row).unwrap(), int(2, row), text(3, row))).collect()
}

fn few_rows(run: &few::RowRun) -> Vec<Row> {
    let columns: Vec<ArrayRef> =
        (0..4).map(|ordinal| run.column(ordinal).slice(run.rows.start, run.rows.len())).collect();
    rows_of(&columns, run.rows.len())
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Put(i64),
    Delete,
    /// A committed lock: no data, but a conflict.
    Lock,
}

/// What the regions ought to hold, key by key: all that ever happened, nothing cleverer.
#[derive(Default)]
struct Model {
    /// Commit, start, change.
    history: BTreeMap<Key, (i64, Vec<(u64, u64, Change)>)>,
    locks: BTreeMap<Key, (i64, u64, Change)>,
    rolled_back: Vec<(Key, u64)>,
}

impl Model {
    fn at(&self, key: &Key, ts: u64) -> Option<Row> {
        let (id, changes) = self.history.get(key)?;
        let data = changes.iter().filter(|(at, _, change)| *at <= ts && *change != Change::Lock);
        match data.max_by_key(|(at, _, _)| *at)?.2 {
            Change::Put(value) => Some(row(*id, value)),
            Change::Delete | Change::Lock => None,
        }
    }

    fn newest(&self, key: &Key) -> u64 {
        self.history.get(key).and_then(|(_, changes)| changes.iter().map(|c| c.0).max()).unwrap_or(0)
    }

    fn committed(&self, key: &Key, start: u64) -> Option<u64> {
        self.history.get(key)?.1.iter().find(|c| c.1 == start).map(|c| c.0)
    }

    fn add(&mut self, key: &Key, id: i64, change: (u64, u64, Change)) {
        self.history.entry(key.clone()).or_insert((id, Vec::new())).1.push(change);
    }

    fn finish(&mut self, key: &Key, start: u64, commit: Option<u64>) {
        if self.locks.get(key).is_some_and(|lock| lock.1 == start) {
            let (id, _, change) = self.locks.remove(key).unwrap();
            if let Some(commit) = commit {
                self.add(key, id, (commit, start, change));
            }
        }
        if commit.is_none() && !self.rolled_back.contains(&(key.clone(), start)) {
            self.rolled_back.push((key.clone(), start));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Prewrite ids with changes, beginning so many timestamps ago.
    Prewrite {
        ago: u64,
        writes: BTreeMap<i64, u8>,
    },
    /// End the nth open transaction; where it is committed.
    End {
        open: usize,
        how: u8,
    },
    Scan {
        ago: u64,
        low: i64,
        high: i64,
        zone: Option<(i64, i64)>,
        descending: bool,
    },
    Get {
        ago: u64,
        ids: Vec<i64>,
    },
    Split {
        at: i64,
    },
    Merge {
        left: usize,
    },
    /// Build a compaction of the nth region, to be installed later.
    Compact {
        region: usize,
        ago: u64,
    },
    Install,
    Ingest {
        ids: Vec<i64>,
    },
    /// Many rows in order, as a load brings them.
    Load {
        from: i64,
        rows: i64,
        step: i64,
    },
}

fn id() -> impl Strategy<Value = i64> {
    prop_oneof![3 => 0..40i64, 1 => 0..1000i64]
}

fn step() -> impl Strategy<Value = Step> {
    let ago = || prop_oneof![3 => Just(0u64), 2 => 0..20u64, 1 => 0..400u64];
    prop_oneof![
        6 => (ago(), prop::collection::btree_map(id(), 0..8u8, 1..8)).prop_map(|(ago, writes)| Step::Prewrite { ago, writes }),
        6 => (0..4usize, any::<u8>()).prop_map(|(open, how)| Step::End { open, how }),
        4 => (ago(), id(), id(), prop::option::of((0..50i64, 0..50i64)), any::<bool>())
            .prop_map(|(ago, low, high, zone, descending)| Step::Scan { ago, low, high, zone, descending }),
        3 => (ago(), prop::collection::vec(id(), 1..12)).prop_map(|(ago, ids)| Step::Get { ago, ids }),
        1 => id().prop_map(|at| Step::Split { at }),
        1 => (0..4usize).prop_map(|left| Step::Merge { left }),
        2 => (0..4usize, ago()).prop_map(|(region, ago)| Step::Compact { region, ago }),
        2 => Just(Step::Install),
        1 => prop::collection::vec(id(), 1..30).prop_map(|ids| Step::Ingest { ids }),
        1 => (0..200i64, 1..300i64, 1..4i64).prop_map(|(from, rows, step)| Step::Load { from, rows, step }),
    ]
}

struct Run {
    schema: Arc<SpaceSchema>,
    tagged: bool,
    regions: Vec<RegionState>,
    next_region: u64,
    model: Model,
    now: u64,
    /// Transactions with locks: start, keys.
    open: Vec<(u64, Vec<Key>)>,
    pending: Vec<(RegionId, Compacted)>,
    next_value: i64,
}

impl Run {
    fn new(tagged: bool) -> Run {
        let schema = schema(tagged);
        let region =
            RegionState::new(RegionId(1), Epoch::default(), KeyRange::of_space(SPACE), Arc::clone(&schema));
        Run {
            schema,
            tagged,
            regions: vec![region],
            next_region: 2,
            model: Model::default(),
            now: 1000,
            open: Vec::new(),
            pending: Vec::new(),
            next_value: 0,
        }
    }

    fn key(&self, id: i64) -> Key {
        let [id, tag, ..] = datums(&row(id, 0));
        if self.tagged { encode_datums(SPACE, &[tag, id]) } else { encode_datums(SPACE, &[id]) }
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn safe_ts(&self) -> u64 {
        self.regions.iter().map(|r| r.view().safe_ts().0).max().unwrap()
    }

    fn region_of(&mut self, key: &Key) -> usize {
        self.regions.iter().position(|r| r.view().range().contains(key.as_bytes())).unwrap()
    }

    /// The keys grouped by region.
    fn by_region(&mut self, keys: &[Key]) -> BTreeMap<usize, Vec<Key>> {
        let mut groups = BTreeMap::<usize, Vec<Key>>::new();
        for key in keys {
            groups.entry(self.region_of(key)).or_default().push(key.clone());
        }
        groups
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Prewrite { ago, writes } => self.prewrite(*ago, writes),
            Step::End { open, how } => self.end(*open, *how),
            Step::Scan { ago, low, high, zone, descending } => {
                self.scan(*ago, *low, *high, *zone, *descending)
            }
            Step::Get { ago, ids } => self.get(*ago, ids),
            Step::Split { at } => self.split(*at),
            Step::Merge { left } => self.merge(*left),
            Step::Compact { region, ago } => self.compact(*region, *ago),
            Step::Install => self.install(),
            Step::Ingest { ids } => self.ingest(ids.clone()),
            Step::Load { from, rows, step } => self.ingest((0..*rows).map(|i| from + i * step).collect()),
        }
    }

    fn prewrite(&mut self, ago: u64, writes: &BTreeMap<i64, u8>) {
        let start = (self.tick() - ago.min(900)).max(1);
        if self.open.iter().any(|(other, _)| *other == start)
            || self.model.rolled_back.iter().any(|r| r.1 == start)
        {
            return;
        }
        if self
            .model
            .history
            .values()
            .any(|(_, changes)| changes.iter().any(|c| c.0 == start || c.1 == start))
        {
            return;
        }
        let ids: BTreeMap<Key, (i64, u8)> =
            writes.iter().map(|(id, op)| (self.key(*id), (*id, *op))).collect();
        let keys: Vec<Key> = ids.keys().cloned().collect();
        let primary = keys[0].clone();
        let mut locked = Vec::new();
        for (region, keys) in self.by_region(&keys) {
            let mut mutations = Vec::new();
            let mut changes = Vec::new();
            for key in &keys {
                let (id, op) = ids[key];
                self.next_value += 1;
                let value = self.next_value;
                let row =
                    || RowRef { batch: Arc::new(batch(&self.schema, &[row(-1, 0), row(id, value)])), row: 1 };
                let (op, change) = match op {
                    0..=2 => (MutationOp::Put(row()), Change::Put(value)),
                    3..=4 => (MutationOp::Insert(row()), Change::Put(value)),
                    5..=6 => (MutationOp::Delete, Change::Delete),
                    _ => (MutationOp::Lock, Change::Lock),
                };
                mutations.push(Mutation { key: key.clone(), op });
                changes.push((key.clone(), (id, start, change)));
            }
            let expected = self.expected_prewrite(&mutations, start, self.regions[region].view().safe_ts().0);
            let prewrite = Prewrite {
                mutations,
                primary: primary.clone(),
                start_ts: Timestamp(start),
                ttl_ms: TTL_MS,
                txn_size: 1,
                min_commit_ts: Timestamp(0),
                pessimistic: None,
                async_commit: None,
            };
            for _ in 0..2 {
                // Delivered twice, it answers twice the same.
                let outcome = self.regions[region].apply(Command::Prewrite(prewrite.clone()));
                let Outcome::Prewrite(outcome) = outcome else { panic!("{outcome:?}") };
                assert_eq!(kind(&outcome), expected, "{outcome:?}");
            }
            if expected == "done" {
                self.model.locks.extend(changes);
                locked.extend(keys);
            }
        }
        if !locked.is_empty() {
            self.open.push((start, locked));
        }
    }

    fn expected_prewrite(&self, mutations: &[Mutation], start: u64, safe_ts: u64) -> &'static str {
        let mut blocked = false;
        for Mutation { key, op } in mutations {
            if self.model.locks.contains_key(key) {
                blocked = true;
            } else if start < safe_ts {
                return "too old";
            } else if self.model.newest(key) > start {
                return "conflict";
            } else if matches!(op, MutationOp::Insert(_)) && self.model.at(key, start).is_some() {
                return "exists";
            }
        }
        if blocked { "locked" } else { "done" }
    }

    fn end(&mut self, open: usize, how: u8) {
        if self.open.is_empty() {
            return;
        }
        let (start, keys) = self.open.remove(open % self.open.len());
        let commit_ts = self.tick();
        let start_ts = Timestamp(start);
        for (region, keys) in self.by_region(&keys) {
            let region = &mut self.regions[region];
            match how % 8 {
                0..=3 => {
                    let commit = Commit { keys: keys.clone(), start_ts, commit_ts: Timestamp(commit_ts) };
                    for _ in 0..2 {
                        let outcome = region.apply(Command::Commit(commit.clone()));
                        let expected = CommitOutcome::Done { commit_ts: Timestamp(commit_ts) };
                        assert!(matches!(&outcome, Outcome::Commit(o) if *o == expected), "{outcome:?}");
                    }
                    // Too late to roll back.
                    let outcome = region.apply(Command::Rollback(Rollback { keys: keys.clone(), start_ts }));
                    assert!(
                        matches!(outcome, Outcome::Rollback(RollbackOutcome::Committed { .. })),
                        "{outcome:?}"
                    );
                }
                4 => {
                    let commit_ts = Some(Timestamp(commit_ts));
                    let resolve = ResolveLock { start_ts, commit_ts, keys: (how > 99).then(|| keys.clone()) };
                    let outcome = region.apply(Command::ResolveLock(resolve));
                    assert!(matches!(outcome, Outcome::Resolved(n) if n == keys.len()), "{outcome:?}");
                }
                5 => {
                    let resolve = ResolveLock { start_ts, commit_ts: None, keys: None };
                    let outcome = region.apply(Command::ResolveLock(resolve));
                    assert!(matches!(outcome, Outcome::Resolved(n) if n == keys.len()), "{outcome:?}");
                }
                6 => {
                    for key in &keys {
                        let check = |current_ts| CheckTxnStatus {
                            primary: key.clone(),
                            lock_ts: start_ts,
                            caller_start_ts: Timestamp(0),
                            current_ts,
                            rollback_if_not_exist: true,
                            force_sync_commit: false,
                            resolving_pessimistic: false,
                        };
                        let alive = region.apply(Command::CheckTxnStatus(check(Timestamp(0))));
                        assert!(matches!(alive, Outcome::TxnStatus(TxnStatus::Alive { .. })), "{alive:?}");
                        let gone = region.apply(Command::CheckTxnStatus(check(Timestamp::MAX)));
                        let expired = TxnStatus::RolledBack(RolledBackBy::TtlExpired);
                        assert!(matches!(&gone, Outcome::TxnStatus(s) if *s == expired), "{gone:?}");
                    }
                }
                _ => {
                    for _ in 0..2 {
                        let outcome =
                            region.apply(Command::Rollback(Rollback { keys: keys.clone(), start_ts }));
                        assert!(matches!(outcome, Outcome::Rollback(RollbackOutcome::Done)), "{outcome:?}");
                    }
                    let commit = Commit { keys: keys.clone(), start_ts, commit_ts: Timestamp(commit_ts) };
                    let outcome = region.apply(Command::Commit(commit));
                    assert!(
                        matches!(outcome, Outcome::Commit(CommitOutcome::RolledBack { .. })),
                        "{outcome:?}"
                    );
                }
            }
            let commit = (how % 8 <= 4).then_some(commit_ts);
            for key in &keys {
                self.model.finish(key, start, commit);
                assert_eq!(self.model.committed(key, start), commit);
            }
        }
    }

    fn read_ts(&mut self, ago: u64) -> u64 {
        self.now.saturating_sub(ago).max(self.safe_ts())
    }

    fn scan(&mut self, ago: u64, low: i64, high: i64, zone: Option<(i64, i64)>, descending: bool) {
        let ts = self.read_ts(ago);
        let (a, b) = (self.key(low), self.key(high));
        let range = KeyRange { start: a.clone().min(b.clone()), end: a.max(b).successor() };
        let ranges = if low % 3 == 0 { Vec::new() } else { vec![range.clone()] };
        let filters: Vec<ZoneFilter> = zone
            .map(|(from, len)| {
                let bound = |v| Some(Datum::Int(v));
                ZoneFilter { ordinal: 2, low: bound(from), high: bound(from + len) }
            })
            .into_iter()
            .collect();
        let wanted = |row: &Row| match zone {
            Some((from, len)) => row.2.is_some_and(|v| (from..=from + len).contains(&v)),
            None => true,
        };
        let mut found = Vec::new();
        let mut order: Vec<&RegionState> = self.regions.iter().collect();
        if descending {
            order.reverse();
        }
        for region in order {
            let snapshot = region.snapshot();
            let blocking = snapshot.blocking_locks(&ranges, Timestamp(ts), &[]);
            let locked = self.model.locks.iter().filter(|(key, (_, start, change))| {
                (ranges.is_empty() || range.contains(key.as_bytes()))
                    && snapshot.range().contains(key.as_bytes())
                    && *change != Change::Lock
                    && *start < ts
            });
            assert!(blocking.iter().map(|lock| &lock.key).eq(locked.map(|(key, _)| key)));
            let scan = snapshot.scan(&ranges, Timestamp(ts), &filters, descending);
            let morsels = scan.morsels();
            let mut rows = 0;
            for morsel in &morsels {
                let batch = scan.read(morsel, &[0, 1, 2, 3]);
                assert!(batch.rows <= morsel.rows_max() && batch.rows <= BLOCK_ROWS);
                // Columns that are read one by one are the same.
                assert_eq!(scan.read(morsel, &[2]).columns[0].as_ref(), batch.columns[2].as_ref());
                assert!(batch.columns[0].nulls().is_none());
                rows += batch.rows;
                let whole = rows_of(&batch.columns, batch.rows);
                // In small pieces first it is the same.
                let (mut pieces, mut rest, mut size) =
                    (Vec::new(), Some(morsel.clone()), 1 + ago as usize % 5);
                while let Some(morsel) = rest {
                    let (piece, others) = scan.cut(morsel, size);
                    let part = scan.read(&piece, &[0, 1, 2, 3]);
                    assert!(part.rows <= piece.rows_max() && (others.is_none() || part.rows <= 2 * size));
                    pieces.extend(rows_of(&part.columns, part.rows));
                    (rest, size) = (others, size * 2);
                }
                assert_eq!(pieces, whole);
                found.extend(whole);
            }
            assert!(rows <= scan.row_count_estimate() || !ranges.is_empty());
            // (Of blocks that a filter skips more or less may be read.)
            if filters.is_empty() {
                check_cuts(&scan, &found[found.len() - rows..], 1 + ago as usize % 50, descending);
            }
        }
        for region in self.regions.iter().filter(|region| region.view().records().is_present(Timestamp(ts))) {
            let snapshot = region.snapshot();
            let Some(range) = range.intersect(snapshot.range()) else { continue };
            let runs = few::in_pieces(snapshot.records(), &range, Timestamp(ts), 1 + ago as usize % 5);
            let found: Vec<Row> = runs.iter().flat_map(few_rows).collect();
            let keys = self.model.history.keys().filter(|key| range.contains(key.as_bytes()));
            assert_eq!(
                found,
                keys.filter_map(|key| self.model.at(key, ts)).collect::<Vec<_>>(),
                "a few at {ts}"
            );
        }
        let in_range = |key: &Key| ranges.is_empty() || range.contains(key.as_bytes());
        let keys = self.model.history.keys().filter(|key| in_range(key));
        let mut expected: Vec<Row> = keys.filter_map(|key| self.model.at(key, ts)).collect();
        if descending {
            expected.reverse();
        }
        expected.retain(wanted);
        found.retain(wanted);
        assert_eq!(found, expected, "at {ts}");
    }

    fn get(&mut self, ago: u64, ids: &[i64]) {
        let ts = self.read_ts(ago);
        let keys: Vec<Key> = ids.iter().map(|id| self.key(*id)).collect();
        for (region, keys) in self.by_region(&keys) {
            let snapshot = self.regions[region].snapshot();
            let result = snapshot.get(&keys, Timestamp(ts), &[0, 1, 2, 3]);
            let found =
                result.positions.iter().map(|&p| p as usize).zip(rows_of(&result.columns, result.rows));
            let found: Vec<(usize, Row)> = found.collect();
            let at = |(i, key)| Some((i, self.model.at(key, ts)?));
            assert_eq!(found, keys.iter().enumerate().filter_map(at).collect::<Vec<_>>(), "at {ts}");
            self.look_up(&snapshot, keys, ts);
        }
    }

    /// The same, as lookups: keys in order, each once, of a part of the region.
    fn look_up(&self, snapshot: &RegionSnapshot, mut keys: Vec<Key>, ts: u64) {
        keys.sort();
        keys.dedup();
        let wanted = keys.iter().map(|key| crate::key::decode(&self.schema, key).unwrap());
        let wanted: Vec<Vec<Datum>> = wanted.collect();
        let column = |i: usize, ordinal: usize| {
            let values: Vec<Datum> = wanted.iter().map(|key| key[i].clone()).collect();
            array_of(&self.schema.columns[ordinal].ty.arrow(), &values)
        };
        let columns: Vec<ArrayRef> =
            self.schema.key.iter().enumerate().map(|(i, &ordinal)| column(i, ordinal)).collect();
        let lookups = Lookups {
            prefixes: RowKeys::prefixes(SPACE, &columns).unwrap(),
            low: None,
            high: None,
            ordinals: [0, 1, 2, 3].into(),
            first_only: false,
            ts: Timestamp(ts),
            own: OwnWrites::default(),
        };
        let within = match ts % 3 {
            0 => KeyRange { start: keys[0].clone(), end: keys[keys.len() / 2].successor() },
            _ => snapshot.range().clone(),
        };
        let result = snapshot.lookup(&lookups, 0..keys.len(), &within);
        let found: Vec<(u32, Row)> =
            result.positions.iter().copied().zip(rows_of(&result.columns, result.rows)).collect();
        let within = keys.iter().zip(0..).filter(|(key, _)| within.contains(key.as_bytes()));
        let expected: Vec<(u32, Row)> =
            within.filter_map(|(key, i)| Some((i, self.model.at(key, ts)?))).collect();
        assert_eq!(found, expected, "looked up at {ts}");
    }

    fn split(&mut self, at: i64) {
        let at = self.key(at);
        let index = self.region_of(&at);
        if self.regions.len() >= 4 {
            return;
        }
        let right = RegionId(self.next_region);
        let before = self.regions[index].view().epoch();
        if let Some(right) = self.regions[index].split(&at, right) {
            self.next_region += 1;
            assert_eq!(right.view().epoch().version, before.version + 1);
            assert_eq!(right.view().range().start, self.regions[index].view().range().end);
            self.regions.insert(index + 1, right);
        }
    }

    fn merge(&mut self, left: usize) {
        if self.regions.len() < 2 {
            return;
        }
        let left = left % (self.regions.len() - 1);
        let right = self.regions.remove(left + 1);
        let newest = right.view().epoch().version.max(self.regions[left].view().epoch().version);
        self.regions[left].merge(right).unwrap();
        assert_eq!(self.regions[left].view().epoch().version, newest + 1);
    }

    fn compact(&mut self, region: usize, ago: u64) {
        let oldest_lock = self.model.locks.values().map(|lock| lock.1).min().unwrap_or(u64::MAX);
        let safe_ts = Timestamp(self.now.saturating_sub(ago).min(oldest_lock - 1));
        let index = region % self.regions.len();
        let region = &mut self.regions[index];
        let Outcome::FoldBegun(begun) = region.apply(Command::BeginFold(Timestamp(self.now))) else {
            panic!("a fold begins, or does not")
        };
        let Some(at) = begun else {
            region.apply(Command::Forget(safe_ts));
            return;
        };
        let range = region.view().range().clone();
        let mut locks = self.model.locks.iter().filter(|(key, _)| range.contains(key.as_bytes()));
        assert!(at.0 <= self.now && locks.all(|(_, lock)| lock.1 >= at.0), "nothing commits before {at:?}");
        if ago % 7 == 6 {
            region.apply(Command::AbandonFold);
            return;
        }
        let compaction = Compaction::plan(region.snapshot(), safe_ts, LIMIT).expect("it has begun");
        self.pending.push((region.view().id(), compaction.build().unwrap()));
    }

    fn install(&mut self) {
        for (id, compacted) in std::mem::take(&mut self.pending) {
            if let Some(region) = self.regions.iter_mut().find(|r| r.view().id() == id) {
                let count = |region: &RegionState| {
                    let delta = &region.view().records().delta;
                    delta.values().map(|versions| versions.len()).sum::<usize>()
                };
                let before = region.view().delta_versions();
                let outcome = region.apply(Command::Install(compacted));
                let Outcome::Installed(installed) = outcome else { panic!("{outcome:?}") };
                let after = region.view().delta_versions();
                assert!(if installed { after <= before } else { after == before });
                assert_eq!(after, count(region));
            }
        }
    }

    fn ingest(&mut self, mut ids: Vec<i64>) {
        ids.sort_unstable_by_key(|id| (id % 3, *id));
        ids.dedup();
        let ts = self.tick();
        let value = |id: i64| id % 60;
        let rows: Vec<Row> = ids.iter().map(|&id| row(id, value(id))).collect();
        let batches = rows.chunks(50).map(|rows| batch(&self.schema, rows)).collect();
        let chunks = build_base(&self.schema, batches, LIMIT, Timestamp(ts)).unwrap();
        assert_eq!(chunks.iter().map(Chunk::rows).sum::<usize>(), ids.len());
        let by_key: BTreeMap<Key, i64> = ids.iter().map(|&id| (self.key(id), id)).collect();
        for region in &mut self.regions {
            let range = region.view().range().clone();
            let part = |chunk: &Chunk| {
                let (from, to) =
                    (chunk.lower_bound(range.start.as_bytes()), chunk.lower_bound(range.end.as_bytes()));
                chunk.slice(from, to)
            };
            let part: Vec<Chunk> = chunks.iter().filter_map(part).collect();
            let keys: Vec<&Key> = by_key.keys().filter(|key| range.contains(key.as_bytes())).collect();
            let locked = keys.iter().any(|&key| self.model.locks.contains_key(key));
            let exists = keys.iter().any(|key| self.model.at(key, ts).is_some());
            match region.apply(Command::Ingest(part)) {
                Outcome::Ingest(IngestOutcome::Done) => {
                    assert!(!locked && !exists);
                    for key in keys {
                        let id = by_key[key];
                        self.model.add(key, id, (ts, 0, Change::Put(value(id))));
                    }
                }
                Outcome::Ingest(IngestOutcome::Locked(_)) => assert!(locked),
                Outcome::Ingest(IngestOutcome::DuplicateKey { .. }) => assert!(exists),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn kind(outcome: &PrewriteOutcome) -> &'static str {
    match outcome {
        PrewriteOutcome::Done { .. } => "done",
        PrewriteOutcome::Locked(_) => "locked",
        PrewriteOutcome::WriteConflict(_) => "conflict",
        PrewriteOutcome::Aborted { .. } => "aborted",
        PrewriteOutcome::AlreadyExists { .. } => "exists",
        PrewriteOutcome::TooOld { .. } => "too old",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn regions_show_what_the_list_of_changes_says(tagged: bool, steps in prop::collection::vec(step(), 1..80)) {
        let mut run = Run::new(tagged);
        for step in &steps {
            run.take(step);
        }
        run.install();
        for ago in [0, 5, 50] {
            run.scan(ago, 0, 999, None, false);
        }
    }
}

/// Pasts that follow one another are made one only if they have all the rows together.
#[test]
fn what_an_ingest_brought_between_two_folds_is_in_the_past() {
    let mut run = Run::new(false);
    let fold = |run: &mut Run| {
        run.take(&Step::Prewrite { ago: 0, writes: BTreeMap::from([(0, 0)]) });
        run.take(&Step::End { open: 0, how: 0 });
        run.take(&Step::Compact { region: 0, ago: 7 });
        run.take(&Step::Install);
    };
    fold(&mut run);
    fold(&mut run);
    run.take(&Step::Ingest { ids: vec![1] });
    fold(&mut run);
    for ago in 0..7 {
        run.scan(ago, 0, 999, None, false);
    }
}

#[test]
fn a_snapshot_does_not_change() {
    let mut run = Run::new(false);
    run.take(&Step::Load { from: 0, rows: 200, step: 1 });
    let snapshot = run.regions[0].snapshot();
    let ts = Timestamp(run.now);
    let read = |snapshot: &super::RegionSnapshot| {
        let scan = snapshot.scan(&[], ts, &[], false);
        let batches = scan.morsels().iter().map(|m| scan.read(m, &[0, 1, 2, 3])).collect::<Vec<_>>();
        batches.iter().flat_map(|b| rows_of(&b.columns, b.rows)).collect::<Vec<_>>()
    };
    let before = read(&snapshot);
    assert_eq!(before.len(), 200);
    run.take(&Step::Prewrite { ago: 0, writes: (0..100).map(|id| (id, 5)).collect() });
    run.take(&Step::End { open: 0, how: 0 });
    run.take(&Step::Compact { region: 0, ago: 0 });
    run.take(&Step::Install);
    run.take(&Step::Split { at: 100 });
    assert_eq!(run.regions[0].view().row_count_estimate(), 0);
    assert_eq!(read(&snapshot), before);
}

#[test]
fn untouched_blocks_are_slices_of_base() {
    let mut run = Run::new(false);
    run.take(&Step::Load { from: 0, rows: 2 * BLOCK_ROWS as i64, step: 1 });
    run.take(&Step::Prewrite { ago: 0, writes: BTreeMap::from([(1, 0)]) });
    run.take(&Step::End { open: 0, how: 0 });
    let snapshot = run.regions[0].snapshot();
    let scan = snapshot.scan(&[], Timestamp(run.now), &[], false);
    let morsels = scan.morsels();
    let batches: Vec<_> = morsels.iter().map(|m| scan.read(m, &[2, 3])).collect();
    let shares = |a: &ArrayRef, b: &ArrayRef| {
        a.to_data().buffers()[0].data_ptr() == b.to_data().buffers()[0].data_ptr()
    };
    assert!(
        !shares(&batches[0].columns[0], &scan.read(&morsels[0], &[2]).columns[0]),
        "merged for each reader"
    );
    assert!(shares(&batches[1].columns[0], &scan.read(&morsels[1], &[2]).columns[0]));
    assert_eq!(*batches[1].columns[1].data_type(), coded());
    assert_eq!(*batches[0].columns[1].data_type(), coded(), "the dictionary has the colour");

    // Once the change is folded, all blocks are coded again, by the dictionary that was there.
    let values_of = |column: &ArrayRef| Arc::clone(column.as_dictionary::<UInt16Type>().values());
    let known = values_of(&batches[1].columns[1]);
    run.take(&Step::Compact { region: 0, ago: 0 });
    run.take(&Step::Install);
    let scan = run.regions[0].snapshot().scan(&[], Timestamp(run.now), &[], false);
    for morsel in scan.morsels() {
        assert!(Arc::ptr_eq(&values_of(&scan.read(&morsel, &[3]).columns[0]), &known));
    }
}

fn coded() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8View))
}

/// Cut at keys into ranges that are read one by one, a scan has the same rows.
fn check_cuts(scan: &RegionScan, whole: &[Row], size: usize, descending: bool) {
    let cuts = scan.cuts(std::iter::successors(Some(size), |size| Some(size * 2)));
    let all = KeyRange::of_space(SPACE);
    let (mut rows, mut rest) = (Vec::new(), all);
    let mut read = |range: &KeyRange| {
        for morsel in scan.morsels_within(range) {
            let batch = scan.read(&morsel, &[0, 1, 2, 3]);
            rows.extend(rows_of(&batch.columns, batch.rows));
        }
    };
    for cut in &cuts {
        assert!(rest.contains(cut.as_bytes()), "cuts come in the order of the scan");
        let before = match descending {
            false => KeyRange { start: std::mem::replace(&mut rest.start, cut.clone()), end: cut.clone() },
            true => KeyRange { end: std::mem::replace(&mut rest.end, cut.clone()), start: cut.clone() },
        };
        read(&before);
    }
    read(&rest);
    assert_eq!(rows, whole);
}
