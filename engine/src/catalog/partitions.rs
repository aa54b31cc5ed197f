//! ALTER TABLE … of partitions.
//!
//! What a change comes to is decided by the planner's pure `plan_partitions`, asked again here, where nobody else can change
//! the table: which partitions stay with their spaces, which are new, and which old ones' rows are dealt again. Then it goes as
//! with an index that is made: the table is closed to writers, new partitions get spaces, the rows that move are read at a
//! snapshot, dealt, and loaded with their index entries; one new version is published, and the spaces that nobody names any
//! more are dropped. Readers go on all the while, over the spaces that they were planned for. If anything fails, the new spaces go and
//! the old version is published again: no row has been touched. Spaces go when no statement holds any
//! descriptor that names them.
//!
//! EXCHANGE PARTITION changes nothing but which table names which spaces, if both tables have a clustered primary key. Where
//! rows have hidden ids, those of the two tables would collide as soon as a row moved to another partition, so such rows are
//! loaded anew under numbers of the table they come to.
//!
//! Left out: what TiDB does with rows that are written meanwhile (it keeps both layouts up to date); here writers wait.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use rayon::prelude::*;

use allod_planner::bind::{
    PartitionChange, PartitionFault, PartitionLabel, PlannedPartition, TableName, bind_partition,
    plan_partitions,
};
use allod_planner::physical::PlanWarning;
use allod_planner::stats::TableStats;
use allod_storage::client::{Client, ScanRequest};
use allod_storage::schema::{PartitionDescriptor, SpaceId, SpaceSchema, TableDescriptor, Timestamp};

use super::ddl::{
    Notes, create_spaces, drop_spaces, entry, fill_index, global_schemas, global_spaces, no_notes,
    partition_schemas, partition_spaces, warning,
};
use super::policies::known;
use super::version::{Counters, Entry};
use super::{Lease, Waiting};
use crate::error::{Error, Result, code};
use crate::import::{deal, ingest};

/// What TiDB says after each exchange of a partition.
fn analyze_again() -> PlanWarning {
    let message = "after the exchange, please analyze related table of the exchange to update statistics";
    PlanWarning { code: code::UNKNOWN, message: message.into() }
}

/// Rows as they are read: each item all columns of the table.
type Pieces = Vec<Vec<ArrayRef>>;

impl Lease<'_> {
    /// Applies a change of a table's partitions.
    pub(super) fn alter_partitions(
        &mut self,
        table: &TableName,
        change: &PartitionChange,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Notes {
        if let PartitionChange::Exchange { partition, with, validation } = change {
            return self.exchange(table, (partition, with), *validation, client, waiting);
        }
        let version = self.version();
        let open = entry(&version, table)?;
        // Before anybody has to wait.
        let plan = plan_partitions(&open.descriptor, change)?;
        plan.partitions.iter().filter_map(|p| p.placement.as_ref()).try_for_each(|p| known(&version, p))?;
        let old = self.close_one(open, waiting)?;
        match self.redealt(&old, change, client, waiting) {
            Ok((descriptor, gone)) => {
                let stats = stats_after(&old, &descriptor, change);
                self.reopen(Entry { descriptor: Arc::new(descriptor), stats, ..old });
                self.retire(gone);
                match change {
                    PartitionChange::Repartition { warnings, .. } => {
                        Ok(warnings.iter().map(warning).collect())
                    }
                    _ => no_notes(),
                }
            }
            Err(error) => {
                self.reopen(old);
                Err(error)
            }
        }
    }

    /// The table after the change, its rows in place, and the spaces that it no longer names.
    fn redealt(
        &mut self,
        old: &Entry,
        change: &PartitionChange,
        client: &mut Client,
        waiting: &Waiting,
    ) -> Result<(TableDescriptor, Vec<SpaceId>)> {
        let table = &old.descriptor;
        let plan = plan_partitions(table, change)?;
        let mut indexes = table.indexes.clone();
        for (at, index) in indexes.iter_mut().enumerate() {
            match change {
                PartitionChange::Repartition { global, .. } => index.options.global = global[at],
                PartitionChange::Remove => index.options.global = false,
                _ => {}
            }
        }
        let fresh: Vec<usize> =
            (0..plan.partitions.len()).filter(|&i| plan.partitions[i].from.is_none()).collect();
        let label = |planned: &PlannedPartition| PartitionLabel {
            name: Arc::clone(&planned.name),
            comment: Arc::clone(&planned.comment),
            placement: planned.placement.clone(),
        };
        let labels = fresh.iter().map(|&i| label(&plan.partitions[i])).collect();
        let mut made = self.partitions(labels, &indexes).into_iter();
        let mut partitions = Vec::with_capacity(plan.partitions.len());
        for planned in &plan.partitions {
            let partition = match planned.from {
                Some(at) => table.partitions.get(at).cloned(),
                None => made.next(),
            };
            let partition = partition.ok_or_else(|| Error::internal("a partition from nowhere"))?;
            let PartitionLabel { name, comment, placement } = label(planned);
            partitions.push(PartitionDescriptor { name, comment, placement, ..partition });
        }
        let mut descriptor =
            TableDescriptor { partitioning: plan.scheme, partitions, indexes, ..(**table).clone() };
        // The entries of a global index are made anew: those of partitions that go are among the others.
        for index in (0..descriptor.indexes.len()).filter(|i| descriptor.is_global(*i)).collect::<Vec<_>>() {
            let spaces = self.index_spaces(&descriptor, index);
            for (partition, space) in descriptor.partitions.iter_mut().zip(spaces) {
                partition.indexes[index] = space;
            }
        }
        let made: Vec<&PartitionDescriptor> = fresh.iter().map(|&i| &descriptor.partitions[i]).collect();
        let schemas = made.iter().flat_map(|p| partition_schemas(&descriptor, p));
        let schemas: Vec<SpaceSchema> = schemas.chain(global_schemas(&descriptor)).collect();
        let spaces: Vec<SpaceId> = schemas.iter().map(|schema| schema.id).collect();
        create_spaces(client, schemas)?;
        let moved: Vec<&PartitionDescriptor> = plan.moved.iter().map(|&i| &table.partitions[i]).collect();
        let stays = |at: &usize| !fresh.contains(at);
        let staying = || (0..descriptor.partitions.len()).filter(stays).map(|at| &descriptor.partitions[at]);
        let filled = move_rows(client, table, &moved, &descriptor, &fresh).and_then(|()| {
            let mut global = global_spaces(&descriptor);
            global.try_for_each(|(index, _)| fill_index(client, &descriptor, index, staying(), waiting))
        });
        if let Err(error) = filled {
            drop_spaces(client, &spaces);
            return Err(error);
        }
        let kept = |p: &PartitionDescriptor| descriptor.partitions.iter().any(|q| q.records == p.records);
        let gone = table.partitions.iter().filter(|p| !kept(p)).flat_map(|p| partition_spaces(table, p));
        let gone = gone.chain(global_spaces(table).map(|(_, id)| id)).collect();
        Ok((descriptor, gone))
    }

    /// EXCHANGE PARTITION: the rows of a partition and those of a table change places.
    fn exchange(
        &mut self,
        name: &TableName,
        (partition, with): (&str, &TableName),
        validation: bool,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Notes {
        let version = self.version();
        let (one, other) = (entry(&version, name)?, entry(&version, with)?);
        let at = exchangeable(&one.descriptor, partition, &other.descriptor)?;
        let closed = self.close(&[one, other], waiting)?;
        let [one, other] = <[Entry; 2]>::try_from(closed).map_err(|_| Error::internal("not two tables"))?;
        match self.exchanged(&one, at, &other, validation, client) {
            Ok((new_one, new_other, gone)) => {
                // Both in one version: no reader sees the rows twice or not at all.
                let version = self.version().with_table(Entry { closed: false, ..new_one });
                self.publish(version.with_table(Entry { closed: false, ..new_other }));
                self.retire(gone);
                Ok(vec![warning(&analyze_again())])
            }
            Err(error) => {
                self.reopen(one);
                self.reopen(other);
                Err(error)
            }
        }
    }

    fn exchanged(
        &mut self,
        one: &Entry,
        at: usize,
        other: &Entry,
        validation: bool,
        client: &mut Client,
    ) -> Result<(Entry, Entry, Vec<SpaceId>)> {
        let (parted, plain) = (&one.descriptor, &other.descriptor);
        let outgoing = parted.partitions[at].clone();
        let incoming = plain.partitions[0].clone();
        let renumbered = !parted.clustered;
        let mut in_plain = Vec::new();
        if validation || renumbered {
            in_plain = read(client, plain, &[&incoming])?;
        }
        if validation {
            let function = bind_partition(parted)?;
            for columns in &in_plain {
                let matching = match allod_executor::deal(parted, columns, function.as_ref()) {
                    Ok(places) => places.iter().all(|&p| p == at),
                    // A row that no partition takes.
                    Err(allod_executor::Error::NoPartition { .. }) => false,
                    Err(error) => return Err(error.into()),
                };
                if !matching {
                    let message = "found a row that does not match the partition";
                    return Err(Error::new(code::ROW_DOES_NOT_MATCH, message));
                }
            }
        }
        let (mut into_parted, mut into_plain) = (incoming.clone(), outgoing.clone());
        let mut gone = Vec::new();
        if renumbered {
            let in_parted = read(client, parted, &[&outgoing])?;
            let labels = || vec![PartitionLabel::new(Arc::clone(&outgoing.name))];
            into_parted = self.partitions(labels(), &parted.indexes).remove(0);
            into_plain = self.partitions(labels(), &plain.indexes).remove(0);
            let fresh: Vec<SpaceId> =
                partition_spaces(parted, &into_parted).chain(partition_spaces(plain, &into_plain)).collect();
            let schemas: Vec<SpaceSchema> = partition_schemas(parted, &into_parted)
                .chain(partition_schemas(plain, &into_plain))
                .collect();
            create_spaces(client, schemas)?;
            let loaded = renumber(in_plain, &one.counters)
                .and_then(|rows| ingest(client, parted, &into_parted, rows))
                .and_then(|()| renumber(in_parted, &other.counters))
                .and_then(|rows| ingest(client, plain, &into_plain, rows));
            if let Err(error) = loaded {
                drop_spaces(client, &fresh);
                return Err(error);
            }
            gone.extend(partition_spaces(parted, &outgoing).chain(partition_spaces(plain, &incoming)));
        } else {
            one.counters.follow(&other.counters);
            other.counters.follow(&one.counters);
        }
        (into_parted.name, into_parted.comment) = (outgoing.name, outgoing.comment);
        (into_plain.name, into_plain.comment) = (incoming.name, incoming.comment);
        (into_parted.placement, into_plain.placement) = (outgoing.placement, incoming.placement);
        let mut descriptor = (**parted).clone();
        descriptor.partitions[at] = into_parted;
        let new_one = Entry { descriptor: Arc::new(descriptor), ..one.clone() };
        let descriptor = TableDescriptor { partitions: vec![into_plain], ..(**plain).clone() };
        // What was known of its rows is known of others now.
        let stats = Arc::new(TableStats::pseudo());
        Ok((new_one, Entry { descriptor: Arc::new(descriptor), stats, ..other.clone() }, gone))
    }
}

/// Position of the partition, if the tables may exchange it.
fn exchangeable(parted: &TableDescriptor, partition: &str, plain: &TableDescriptor) -> Result<usize> {
    if parted.partitioning.is_none() {
        return Err(fault(PartitionFault::NotPartitioned));
    }
    if plain.partitioning.is_some() {
        return Err(fault(PartitionFault::ExchangePartitioned(plain.name.to_string())));
    }
    if !plain.constraints.foreign_keys.is_empty() {
        let message =
            format!("table to exchange with partition has foreign key references: '{}'", plain.name);
        return Err(Error::new(code::EXCHANGE_FOREIGN_KEY, message));
    }
    let at = parted.partitions.iter().position(|p| p.name.eq_ignore_ascii_case(partition));
    let at = at.ok_or_else(|| {
        let message = format!("unknown partition '{partition}' in table '{}'", parted.name);
        Error::new(code::UNKNOWN_PARTITION, message)
    })?;
    if let Some(index) = (0..parted.indexes.len()).find(|i| parted.is_global(*i)) {
        let message = format!(
            "non matching attribute 'global index: {}' between partition and table",
            parted.indexes[index].name
        );
        return Err(Error::new(code::EXCHANGE_ATTRIBUTE, message));
    }
    let columns_agree = parted.columns.len() == plain.columns.len()
        && parted.columns.iter().zip(&plain.columns).all(|(a, b)| {
            a.name.eq_ignore_ascii_case(&b.name)
                && (&a.ty, a.unsigned, a.digits, a.auto_increment, a.hidden, &a.generated)
                    == (&b.ty, b.unsigned, b.digits, b.auto_increment, b.hidden, &b.generated)
        });
    // In the same order too: the spaces of the indexes change hands by position.
    let indexes_agree = parted.indexes.len() == plain.indexes.len()
        && parted.indexes.iter().zip(&plain.indexes).all(|(a, b)| {
            a.name.eq_ignore_ascii_case(&b.name) && (a.unique, &a.columns) == (b.unique, &b.columns)
        });
    let conditions = |table: &TableDescriptor| {
        table.constraints.checks.iter().map(|c| (Arc::clone(&c.expr), c.enforced)).collect::<Vec<_>>()
    };
    let keys_agree = (&parted.key, parted.clustered, conditions(parted))
        == (&plain.key, plain.clustered, conditions(plain));
    if columns_agree && indexes_agree && keys_agree {
        Ok(at)
    } else {
        Err(fault(PartitionFault::DifferentDefinitions))
    }
}

fn fault(fault: PartitionFault) -> Error {
    allod_planner::Error::from(fault).into()
}

/// All rows of some partitions.
pub(super) fn read(
    client: &mut Client,
    table: &TableDescriptor,
    partitions: &[&PartitionDescriptor],
) -> Result<Pieces> {
    let (ts, _pin) = client.runtime().block_on(client.snapshot())?;
    read_at(client, table, partitions, ts)
}

/// The same as of a time that the caller keeps pinned.
pub(super) fn read_at(
    client: &mut Client,
    table: &TableDescriptor,
    partitions: &[&PartitionDescriptor],
    ts: Timestamp,
) -> Result<Pieces> {
    let runtime = client.runtime();
    let ordinals: Vec<usize> = (0..table.columns.len()).collect();
    let mut rows = Vec::new();
    for partition in partitions {
        let regions = runtime.block_on(client.scan(&ScanRequest::all(partition.records, ts)))?;
        rows.par_extend(
            regions
                .par_iter()
                .flat_map(|region| region.morsels().into_par_iter().map(move |morsel| (region, morsel)))
                .map(|(region, morsel)| region.read(&morsel, &ordinals).columns)
                .filter(|columns| columns.first().is_some_and(|c| !c.is_empty())),
        );
    }
    Ok(rows)
}

/// Loads the rows of some partitions of a table into those partitions of its new form that are new.
fn move_rows(
    client: &mut Client,
    table: &TableDescriptor,
    from: &[&PartitionDescriptor],
    new: &TableDescriptor,
    fresh: &[usize],
) -> Result<()> {
    if from.is_empty() {
        return Ok(());
    }
    let rows = read(client, table, from)?;
    for (at, rows) in deal(new, rows)?.into_iter().enumerate() {
        if rows.is_empty() {
            continue;
        }
        if !fresh.contains(&at) {
            return Err(Error::internal("a row belongs to a partition that was not to change"));
        }
        ingest(client, new, &new.partitions[at], rows)?;
    }
    Ok(())
}

/// Rows with hidden ids (the last column) from this sequence.
fn renumber(mut rows: Pieces, counters: &Counters) -> Result<Pieces> {
    for columns in &mut rows {
        let Some(ids) = columns.last_mut() else { continue };
        let first = counters.take_rows(ids.len() as u64)? as i64;
        *ids = Arc::new(Int64Array::from_iter_values(first..first + ids.len() as i64));
    }
    Ok(rows)
}

/// Statistics after a change: dealing rows again changes none of them; partitions that went or were emptied are taken to have
/// held an even share of the rows, until the table is analysed again.
fn stats_after(old: &Entry, new: &TableDescriptor, change: &PartitionChange) -> Arc<TableStats> {
    match change {
        PartitionChange::Drop { .. } | PartitionChange::Truncate(_) if !old.stats.pseudo => {
            let before = &old.descriptor.partitions;
            let kept =
                before.iter().filter(|p| new.partitions.iter().any(|q| q.records == p.records)).count();
            let rows = old.stats.rows * kept as u64 / before.len().max(1) as u64;
            Arc::new(TableStats { rows, ..(*old.stats).clone() })
        }
        _ => Arc::clone(&old.stats),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    use allod_storage::schema::{ColumnDefault, Datum, IndexId, SpaceId, TableDescriptor, TableId};

    use crate::Database;

    /// A descriptor without the ids that a new table gets.
    fn without_ids(table: &TableDescriptor) -> TableDescriptor {
        let mut table = table.clone();
        table.id = TableId(0);
        for column in table.columns.iter_mut().filter(|c| c.ty.nullable) {
            // DEFAULT NULL is the same, written down.
            column.default.get_or_insert(ColumnDefault::Value(Datum::Null));
        }
        table.indexes.iter_mut().for_each(|i| i.id = IndexId(0));
        for partition in &mut table.partitions {
            partition.records = SpaceId(0);
            partition.indexes.iter_mut().for_each(|i| *i = SpaceId(0));
        }
        table
    }

    #[test]
    fn what_show_create_table_says_makes_the_same_table() {
        let database = Database::new();
        let mut session = database.session();
        let columns = "id int, v bigint unsigned, s varchar(20), d date, t datetime(3)";
        for partitioning in [
            "hash (id) partitions 4",
            "hash (abs(id) + 1) (partition a, partition `b``c` comment 'it''s c')",
            "hash (t.id mod 7) (partition p0 comment 'first', partition p1)",
            "key (s, id) partitions 3",
            "range (id) (partition p0 values less than (-5), partition `max` values less than maxvalue)",
            "range (year(d)) (partition p0 values less than (1999), partition p1 values less than (2005))",
            "range columns (d, s) (partition p0 values less than ('2020-01-01', 'it''s'), \
             partition p1 values less than ('2020-01-01', maxvalue), partition p2 values less than (maxvalue, maxvalue))",
            "range columns (t) (partition p0 values less than ('2020-01-01 10:00:00'))",
            "list (id) (partition p0 values in (1, null), partition p1 values in (-3, 4), partition p2 default)",
            "list columns (s) (partition p0 values in ('a\\\\b', 'c\"d'), partition p1 values in ('', null))",
            "list columns (id, s) (partition p0 values in ((1, 'a'), (2, 'b')), partition p1 values in ((3, 'a')))",
        ] {
            session.run(&format!("create table t ({columns}) partition by {partitioning}")).unwrap();
            let before = without_ids(&database.catalog().entry("test", "t").unwrap().descriptor);
            let row = session.execute("show create table t").unwrap().rows().next().unwrap().unwrap();
            let shown = row.get::<String>(1).unwrap();
            session.run("drop table t").unwrap();
            session.run(&shown).unwrap_or_else(|e| panic!("{shown}: {e}"));
            let after = without_ids(&database.catalog().entry("test", "t").unwrap().descriptor);
            assert_eq!(before, after, "{shown}");
            session.run("drop table t").unwrap();
        }
    }

    #[test]
    fn a_space_stays_while_any_descriptor_that_names_it_is_in_use() {
        let database = Database::new();
        let (mut session, mut reader) = (database.session(), database.session());
        let range =
            "partition by range (id) (partition a values less than (10), partition b values less than (20))";
        session.run(&format!("create table t (id int primary key, v int, key (v)) {range}")).unwrap();
        session.run("create table u (id int primary key, v int, key (v))").unwrap();
        session.run("insert into t values (1, 1), (11, 11)").unwrap();
        for changes in [
            // Partition a stays through the first change and goes with the second, whose descriptor nobody reads through.
            &[
                "alter table t reorganize partition b into (partition b values less than (15), partition c values less than (20))",
                "alter table t remove partitioning",
                "create database d",
            ][..],
            &[
                "alter table t truncate partition b",
                "alter table t truncate partition a",
                "create database e",
            ],
            &[
                "alter table t exchange partition a with table u",
                "truncate table u",
                "truncate table t",
                "create database f",
            ],
            &["drop index v on t", "alter table t drop partition a", "create database g"],
            &["drop table t", "create database h"],
            &["alter table t exchange partition a with table u", "drop table u", "create database i"],
            &["drop database test", "create database test", "use test", "create database j"],
        ] {
            // Planned before the changes, run after them.
            let by_rows = reader.execute("select sum(id + 0) from t").unwrap();
            let mut other = database.session();
            let by_index = other.execute("select sum(v) from t where v > 0").unwrap();
            for change in changes {
                session.run(change).unwrap_or_else(|e| panic!("{change}: {e}"));
            }
            for set in [by_rows, by_index] {
                let row = set.rows().next().unwrap().unwrap_or_else(|e| panic!("{changes:?}: {e}"));
                assert_eq!(row.get::<String>(0).unwrap(), "12", "{changes:?}");
            }
            for table in ["t", "u"] {
                session.run(&format!("drop table if exists {table}")).unwrap();
            }
            session.run(&format!("create table t (id int primary key, v int, key (v)) {range}")).unwrap();
            session.run("create table u (id int primary key, v int, key (v))").unwrap();
            session.run("insert into t values (1, 1), (11, 11)").unwrap();
        }
    }

    #[test]
    fn an_exchange_says_what_it_could_not_check() {
        let mut session = Database::new().session();
        session.run("create table t (a bigint, b bigint) partition by range (a * b) (partition p values less than (10), partition q values less than (20))").unwrap();
        session.run("create table u (a bigint, b bigint)").unwrap();
        let mut exchange = |a: i64, with: &str| {
            session.run("truncate table u").unwrap();
            session.run(&format!("insert into u values (1, 1), ({a}, 3)")).unwrap();
            let sql = format!("alter table t exchange partition p with table u {with}");
            session.run(&sql).map_or_else(|error| error.code(), |_| 0)
        };
        assert_eq!(exchange(3, ""), 0);
        assert_eq!(exchange(4, ""), 1737, "it belongs to q");
        assert_eq!(exchange(7, ""), 1737, "no partition takes it");
        assert_eq!(exchange(i64::MAX, ""), 1690, "nobody knows where it belongs");
        assert_eq!(exchange(i64::MAX, "without validation"), 0);
    }

    #[test]
    fn no_row_is_lost_or_seen_twice_while_partitions_change() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id bigint primary key, v bigint, key (v)) partition by hash (id) partitions 4").unwrap();
        let (stop, written) = (AtomicBool::new(false), AtomicI64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut session = database.session();
                for id in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    session.run(&format!("insert into t values ({id}, {id})")).unwrap();
                    written.store(id + 1, Ordering::Release);
                }
            });
            scope.spawn(|| {
                let mut session = database.session();
                while !stop.load(Ordering::Relaxed) {
                    let least = written.load(Ordering::Acquire);
                    for condition in ["v >= 0", "id + 0 >= 0"] {
                        let sql = format!("select count(*), count(distinct id) from t where {condition}");
                        // Also one that was planned before the change and runs after it.
                        let row = match session.execute(&sql).and_then(|set| set.rows().next().unwrap()) {
                            Ok(row) => row,
                            Err(error) => panic!("{sql}: {error}"),
                        };
                        let (all, distinct) = (row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap());
                        assert!(
                            all >= least && all == distinct,
                            "{all} rows, {distinct} ids, {least} written"
                        );
                    }
                }
            });
            for _ in 0..6 {
                for change in [
                    "add partition partitions 2",
                    "coalesce partition 3",
                    "partition by range (id) (partition a values less than (50), partition b values less than maxvalue)",
                    "reorganize partition b into (partition b values less than (100), partition c values less than maxvalue)",
                    "remove partitioning",
                    "partition by key (id) partitions 4",
                ] {
                    session
                        .run(&format!("alter table t {change}"))
                        .unwrap_or_else(|e| panic!("{change}: {e}"));
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        let row = session.execute("select count(*), sum(id) from t").unwrap().rows().next().unwrap().unwrap();
        let n = written.load(Ordering::Relaxed);
        assert_eq!(row.get::<i64>(0).unwrap(), n);
    }
}
