//! Adding indexes while rows are read and written.
//!
//! An index that is being added is not in the table's descriptor, by which queries are planned. It is in a *layout*: the
//! same table with one more index, for those who write rows ([`Layouts`]). Who enters a table is given the layout of that moment
//! and keeps it until he leaves, whatever his plan knew. So writers of two layouts may be in at the same time, and each must
//! leave the index so that the other may rely on it. That is what the states are for (F1's protocol, which TiDB uses):
//!
//! ```text
//! state          who writes a row              is beside                             since in between
//! -              does nothing to the index
//! delete-only    takes out the entry of the    those who do nothing: no entry is     all of those have left
//!                row that goes                 there that they could forget
//! write-only     keeps the index up            those who delete only: what is put    all of those have left: whatever a row
//!                                              in they take out                      becomes, somebody sees to its entry
//! public         the same, and queries read it
//! ```
//!
//! After each step the change waits for those who came before it ([`Predecessors`]), with the table open. When all who are in keep
//! the index up, rows are read at a timestamp, and made entries that go *below* what writers have put there since
//! (`allod_storage`: `region/backfill.rs`). No writer waits, but for the moment in which a region takes a chunk of entries in.
//!
//! **Plans that are older.** Who planned before the index was there, or in the midst of this, plans nothing anew: which rows change
//! is the same. A transaction of which the snapshot is older than the index never reads it, and keeps it up all the same. That holds
//! for as long as nothing but indexes came: a [`Layouts`] knows the descriptors that its own took the place of in this way, and
//! no other change takes it over. Who comes with a descriptor that it does not know is told that the schema has changed (8028).
//!
//! **Unique indexes.** Two rows of the snapshot with the same values are found when entries are sorted. Two rows that came
//! since meet in the index, as they would if it were public. One of each kind may miss each other: the second was written
//! when the entry of the first was not there yet. The store tells of every key where that may be so; if the first row was still
//! there when the second came, there were two rows with one value, and the index fails (1062). After its entries are there, writers
//! fail instead: what a writer believes to be free in an index that is not public is looked at when it is written (see
//! `executor/src/dml/changes.rs`), since no statement can rely on having seen it. Statements that do not fail for a taken key look
//! in the index, too (`executor/src/dml/layout.rs`): as in TiDB, INSERT IGNORE passes over a row for a value that somebody has put
//! there since, and puts one beside a row that was there before; then it is the index that fails. A pessimistic transaction
//! keeps what it has found: an entry at a key that it has locked comes after its end.
//!
//! **The machine** is not only this change's: what it reads, sorts and builds is done by half of the processors
//! ([`Crew`](super::crew::Crew)), and regions take in a few thousand entries at a time.
//!
//! **Who stays long** is in nobody's way but this change's. It waits for those who were in when it came before it takes the
//! lease, and gives those who have come meanwhile a while for each of its steps; if they take longer it leaves nothing behind, waits
//! for them without the lease, so that others may change the schema, and begins anew with more patience. A change that fails
//! leaves nothing either: writers who still have the layout write to spaces that nobody will read, and these are dropped when
//! the last of them has left.
//!
//! **Example.** t has (1, 7). INDEX (v) is delete-only; A deletes row 1 and the entry (7, 1), which is not there. Write-only:
//! B, who came in time for that, inserts (2, 8) and its entry. A leaves. The snapshot, at 100, has row 2. C moves row 2 to 9,
//! at 110: deletes (8, 2), puts (9, 2). The backfill brings (8, 2) of 100: what C has done to the key is newer, and stays.
//!
//! Left out: adding an index together with something else, and other changes of tables. Indexes leave the same way back
//! ([`super::leaving`]); columns come and go with a copy of the table ([`super::copy`]); for the rest writers leave.

use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use rayon::prelude::*;

use allod_planner::bind::bind_partition;
use allod_storage::client::{Client, Interrupt, OvertakenRow, ScanRequest};
use allod_storage::error as storage;
use allod_storage::key::KeyEncoder;
use allod_storage::schema::{IndexDescriptor, IndexState, SpaceId, SpaceSchema, TableDescriptor, Timestamp};

use super::crew::Crew;
use super::ddl::{GRACE_FIRST, create_spaces};
use super::twice::told;
use super::version::Entry;
use super::writers::{Predecessors, WriteGuard};
use super::{Lease, Waiting};
use crate::error::{Error, Result, code};
use crate::rows::{full_batch, space_columns};

/// What is said to those who write to a table, beside its descriptor.
#[derive(Debug)]
pub(crate) struct Layouts {
    /// The descriptor that this belongs to. Beside another one it says nothing.
    of: Arc<TableDescriptor>,
    /// The same with the indexes that are being added, or taken away; `None` = none are.
    adding: Option<Arc<TableDescriptor>>,
    /// What `of` has taken the place of: the same but for indexes that came.
    before: Vec<Weak<TableDescriptor>>,
}

impl Layouts {
    /// Of a table that is written to in another form, and is none that it was before.
    pub(super) fn of(table: &Arc<TableDescriptor>, written: Arc<TableDescriptor>) -> Layouts {
        Layouts { of: Arc::clone(table), adding: Some(written), before: Vec::new() }
    }
}

/// A writer who is in a table.
pub(crate) struct Entered {
    pub guard: WriteGuard,
    /// The form in which the table is written to, if it is not that of the descriptor with which the writer came.
    pub layout: Option<Arc<TableDescriptor>>,
}

impl Entry {
    fn layouts(&self) -> Option<&Layouts> {
        self.layouts.as_deref().filter(|layouts| Arc::ptr_eq(&layouts.of, &self.descriptor))
    }

    /// The table with the indexes that are being added, if some are.
    pub(super) fn adding(&self) -> Option<&Arc<TableDescriptor>> {
        self.layouts()?.adding.as_ref()
    }

    /// Whether this is the table that a descriptor is of, or was before indexes came.
    pub(super) fn is_known(&self, planned: &Arc<TableDescriptor>) -> bool {
        let is_it = |known: &Weak<TableDescriptor>| std::ptr::eq(known.as_ptr(), Arc::as_ptr(planned));
        Arc::ptr_eq(&self.descriptor, planned)
            || self.layouts().is_some_and(|layouts| layouts.before.iter().any(is_it))
    }

    /// Lets in who has planned with a descriptor; `None` if what he has planned is no more what there is.
    pub(super) fn admit(&self, guard: WriteGuard, planned: &Arc<TableDescriptor>) -> Option<Entered> {
        let adding = self.adding();
        if Arc::ptr_eq(&self.descriptor, planned) {
            return Some(Entered { guard, layout: adding.cloned() });
        }
        self.is_known(planned).then(|| {
            let now = adding.unwrap_or(&self.descriptor);
            // His statements have not looked at what came since.
            let layout = with_states(now, planned.indexes.len(), |state| match state {
                IndexState::Public => IndexState::WriteOnly,
                IndexState::WriteOnly | IndexState::DeleteOnly => state,
            });
            Entered { guard: guard.holding(Arc::clone(now)), layout: Some(Arc::new(layout)) }
        })
    }
}

/// The table with the indexes from `first` on in other states.
pub(super) fn with_states(
    table: &TableDescriptor,
    first: usize,
    state: impl Fn(IndexState) -> IndexState,
) -> TableDescriptor {
    let mut table = table.clone();
    table.indexes.iter_mut().skip(first).for_each(|index| index.state = state(index.state));
    table
}

impl Lease<'_> {
    /// Adds indexes to a table, behind those that it has. An error means that nothing has changed.
    pub(super) fn add_indexes(
        &mut self,
        entry: &Entry,
        added: Vec<IndexDescriptor>,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Result<()> {
        if self.grace.is_none() && !entry.writers.is_empty() {
            return Err(self.blocked_by(entry));
        }
        let TableDescriptor { database, name, .. } = &*entry.descriptor;
        self.adding.push((Arc::clone(database), Arc::clone(name)));
        let first = entry.descriptor.indexes.len();
        let laid_out = self.laid_out(&entry.descriptor, added);
        let schemas = (first..laid_out.indexes.len()).flat_map(|index| {
            let spaces: Vec<SpaceId> = laid_out.spaces_of_index(index).collect();
            spaces.into_iter().map(move |id| (index, id))
        });
        let schemas: Vec<SpaceSchema> =
            schemas.map(|(index, id)| laid_out.index_space(index, id).0).collect();
        create_spaces(client, schemas)?;
        match self.through_states(entry, &laid_out, client, waiting) {
            Ok(()) => {
                let descriptor = Arc::new(with_states(&laid_out, first, |_| IndexState::Public));
                self.publish_layouts(entry, descriptor, None);
                Ok(())
            }
            Err(error) => {
                self.add_no_more(&entry.descriptor);
                Err(error)
            }
        }
    }

    /// The table with more indexes, which have spaces of their own.
    fn laid_out(&self, table: &TableDescriptor, added: Vec<IndexDescriptor>) -> TableDescriptor {
        let mut table = table.clone();
        for index in added {
            table.indexes.push(index);
            let spaces = self.index_spaces(&table, table.indexes.len() - 1);
            for (partition, space) in table.partitions.iter_mut().zip(spaces) {
                partition.indexes.push(space);
            }
        }
        table
    }

    /// Until the new indexes of a table are complete.
    fn through_states(
        &mut self,
        entry: &Entry,
        laid_out: &TableDescriptor,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Result<()> {
        let first = entry.descriptor.indexes.len();
        for state in [IndexState::DeleteOnly, IndexState::WriteOnly] {
            let layout = Arc::new(with_states(laid_out, first, |_| state));
            self.publish_layouts(entry, Arc::clone(&entry.descriptor), Some(layout));
            let mut before = Predecessors::default();
            let grace = self.grace.unwrap_or(GRACE_FIRST);
            let left = || Ok(before.have_left(&entry.writers).then_some(()));
            if waiting.within(grace, left)?.is_none() {
                return Err(self.blocked_by(entry));
            }
        }
        // After everybody who is in keeps the indexes up.
        let (at, _pin) = client.runtime().block_on(client.snapshot())?;
        let crew = Crew::new()?;
        for index in first..laid_out.indexes.len() {
            for space in laid_out.spaces_of_index(index) {
                match fill(client, laid_out, index, space, at, (&crew, waiting)) {
                    // Somebody who has come since keeps a unique key locked for long.
                    Err(error) if error.code() == code::RESOLVE_LOCK_TIMEOUT => {
                        return Err(self.blocked_by(entry));
                    }
                    filled => self.handled += filled?,
                }
            }
        }
        Ok(())
    }

    /// Publishes a table with more indexes than it had, or with such as are being added.
    fn publish_layouts(
        &mut self,
        entry: &Entry,
        descriptor: Arc<TableDescriptor>,
        adding: Option<Arc<TableDescriptor>>,
    ) {
        let known = entry.layouts().map(|layouts| layouts.before.as_slice()).unwrap_or_default();
        let mut before: Vec<_> = known.iter().filter(|known| known.strong_count() > 0).cloned().collect();
        if !Arc::ptr_eq(&descriptor, &entry.descriptor) {
            before.push(Arc::downgrade(&entry.descriptor));
        }
        let layouts = Some(Arc::new(Layouts { of: Arc::clone(&descriptor), adding, before }));
        let version = self.version().with_table(Entry { descriptor, layouts, ..entry.clone() });
        self.publish(version);
    }

    /// Nothing is added to a table any more; what was begun is dropped when nobody writes to it.
    pub(super) fn add_no_more(&mut self, table: &TableDescriptor) {
        let version = self.version();
        let Some(entry) = version.entry(&table.database, &table.name) else { return };
        let Some(adding) = entry.adding() else { return };
        let begun = entry.descriptor.indexes.len()..adding.indexes.len();
        let spaces = begun.flat_map(|index| adding.spaces_of_index(index)).collect();
        self.publish_layouts(entry, Arc::clone(&entry.descriptor), None);
        self.retire(spaces);
    }
}

/// Brings the entries of the rows that there are at `at` into a space of an index: of how many.
fn fill(
    client: &mut Client,
    table: &TableDescriptor,
    index: usize,
    id: SpaceId,
    at: Timestamp,
    (crew, waiting): (&Crew, &Waiting),
) -> Result<u64> {
    let runtime = client.runtime();
    let (space, ordinals) = table.index_space(index, id);
    let mut regions = Vec::new();
    // All partitions of a global index have the same.
    for partition in table.partitions.iter().filter(|partition| partition.indexes[index] == id) {
        regions.extend(runtime.block_on(client.scan(&ScanRequest::all(partition.records, at)))?);
    }
    let form = runtime.block_on(client.backfill_form(id))?;
    let failed = |error| Error::of_ingest(error, table, &space);
    let (entries, rows) = crew.run(waiting, {
        let (names, ordinals, cancel) = (space_columns(&space), ordinals.clone(), waiting.cancel().clone());
        move || {
            let batches = regions
                .par_iter()
                .flat_map(|region| region.morsels().into_par_iter().map(move |morsel| (region, morsel)))
                .map(|(region, morsel)| {
                    cancel.check()?;
                    full_batch(&names, region.read(&morsel, &ordinals).columns)
                });
            let batches = batches.collect::<Result<Vec<RecordBatch>>>()?;
            cancel.check()?;
            let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
            Ok((form.build(batches), rows))
        }
    })?;
    client.interrupt_by(waiting.cancel().into());
    let overtaken = match entries {
        Ok(entries) => runtime.block_on(client.backfill(entries, at)),
        Err(error) => Err(error),
    };
    client.interrupt_by(Interrupt::default());
    let overtaken = match overtaken {
        Ok(overtaken) => overtaken,
        Err(error) => return Err(told(client, table, (index, &space, &ordinals), at, error)),
    };
    if overtaken.is_empty() {
        return Ok(rows);
    }
    let partition = bind_partition(table)?.map(Arc::new);
    let encoder = KeyEncoder::new(&space);
    let bind = |columns: &[_]| encoder.bind(columns).map_err(Error::internal);
    for OvertakenRow { columns, since } in overtaken {
        waiting.check()?;
        let key = bind(&columns)?.key(0);
        // Was the row still there when another one had come?
        let records = allod_executor::record_keys(table, partition.as_ref(), &ordinals, &columns)?;
        for record in records.into_iter().flatten() {
            let Some(records) = record.space() else { continue };
            let found = runtime.block_on(client.get(records, &[record], since, &ordinals))?;
            if found.rows > 0 && bind(&found.columns)?.key(0) == key {
                return Err(failed(storage::Error::DuplicateKey { space: id, key }));
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use allod_executor::Cancel;
    use allod_planner::bind::IndexSpec;
    use allod_storage::schema::IndexOptions;

    use super::*;
    use crate::{Database, Session};

    fn waiting(database: &Database) -> Waiting {
        Waiting::new(&Cancel::new(), Duration::from_secs(60), database.cluster().runtime())
    }

    /// A database with a table t of two rows, u of which is 10 and 20.
    fn two_rows() -> (Database, Session) {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id int primary key, u int, v int)").unwrap();
        session.run("insert into t values (1, 10, 0), (2, 20, 0)").unwrap();
        (database, session)
    }

    fn one(session: &mut Session, sql: &str) -> i64 {
        let row = session.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).rows().next();
        row.unwrap().unwrap().get(0).unwrap()
    }

    /// Begins to add a unique index on the column `u` of the table t, up to where all who write keep it up.
    fn write_only(lease: &mut Lease<'_>, client: &mut Client) -> (Entry, TableDescriptor) {
        let entry = lease.version().entry("test", "t").unwrap().clone();
        let spec = IndexSpec {
            name: "u".into(),
            unique: true,
            columns: vec![entry.descriptor.column("u").unwrap()],
            options: IndexOptions::default(),
        };
        let added = vec![lease.index(&spec)];
        let laid_out = lease.laid_out(&entry.descriptor, added);
        let first = entry.descriptor.indexes.len();
        let spaces: Vec<SpaceId> = laid_out.spaces_of_index(first).collect();
        create_spaces(client, spaces.iter().map(|id| laid_out.index_space(first, *id).0)).unwrap();
        lease.adding.push(("test".into(), "t".into()));
        let layout = with_states(&laid_out, first, |_| IndexState::WriteOnly);
        lease.publish_layouts(&entry, Arc::clone(&entry.descriptor), Some(Arc::new(layout)));
        (entry, laid_out)
    }

    /// What the rest of adding it comes to.
    fn complete(
        lease: &mut Lease<'_>,
        (entry, laid_out): (&Entry, &TableDescriptor),
        client: &mut Client,
        waiting: &Waiting,
    ) -> Result<()> {
        let first = entry.descriptor.indexes.len();
        let (at, _pin) = client.runtime().block_on(client.snapshot())?;
        let crew = Crew::new()?;
        for space in laid_out.spaces_of_index(first) {
            fill(client, laid_out, first, space, at, (&crew, waiting))?;
        }
        let descriptor = Arc::new(with_states(laid_out, first, |_| IndexState::Public));
        lease.publish_layouts(entry, descriptor, None);
        Ok(())
    }

    #[test]
    fn who_looks_for_taken_keys_finds_those_of_an_index_that_is_being_added() {
        for begin in ["rollback", "begin pessimistic", "begin optimistic"] {
            let (database, mut session) = two_rows();
            let catalog = &database.shared().catalog;
            let mut client = database.cluster().client();
            let waiting = waiting(&database);
            let mut lease = catalog.lease(&mut self::waiting(&database)).unwrap();
            let (entry, laid_out) = write_only(&mut lease, &mut client);
            session.run(begin).unwrap();
            for (sql, wanted) in [
                ("insert into t values (3, 30, 0)", Ok(1)),
                ("insert ignore into t values (4, 30, 0)", Ok(0)),
                ("insert ignore into t values (5, 50, 0), (6, 50, 0)", Ok(1)),
                ("replace into t values (6, 50, 0)", Ok(2)),
                ("insert into t values (7, 30, 0) on duplicate key update v = v + 1", Ok(2)),
                ("insert into t values (7, 70, 0) on duplicate key update v = v + 1", Ok(1)),
                ("insert into t values (9, 30, 0)", Err(1062)),
                ("update ignore t set u = 50 where id = 3", Ok(0)),
                ("update t set u = 50 where id = 3", Err(1062)),
                // Of the rows that were there before nothing is known yet.
                ("insert ignore into t values (8, 10, 0)", Ok(1)),
                ("delete from t where id = 8", Ok(1)),
            ] {
                let outcome = session.run(sql).map_err(|error| error.code());
                assert_eq!(outcome, wanted, "{begin}: {sql}");
            }
            session.run("commit").unwrap();
            complete(&mut lease, (&entry, &laid_out), &mut client, &waiting).unwrap();
            drop(lease);
            session.run("admin check table t").unwrap();
            assert_eq!(one(&mut session, "select count(*) from t use index (u) where u > 0"), 5);
            assert_eq!(one(&mut session, "select v from t where u = 30"), 1);
            assert_eq!(session.run("insert ignore into t values (9, 10, 0)").unwrap(), 0);
        }
    }

    #[test]
    fn who_has_found_a_key_free_may_put_a_row_there() {
        // Whether its row was there before the entry of another came, or it comes only after that.
        for (value, refused) in [(20, true), (25, false)] {
            let (database, mut session) = two_rows();
            let catalog = &database.shared().catalog;
            let mut client = database.cluster().client();
            let waiting = waiting(&database);
            let mut lease = catalog.lease(&mut self::waiting(&database)).unwrap();
            let (entry, laid_out) = write_only(&mut lease, &mut client);
            session.run("begin pessimistic").unwrap();
            assert_eq!(session.run(&format!("insert ignore into t values (3, {value}, 0)")).unwrap(), 1);
            // It is about to leave the key that the entry of its row will have.
            assert_eq!(session.run("update t set u = 11 where id = 1").unwrap(), 1);
            let outcome = std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(100));
                    session.run("commit").unwrap();
                });
                complete(&mut lease, (&entry, &laid_out), &mut client, &waiting)
            });
            drop(lease);
            match refused {
                true => assert_eq!(outcome.unwrap_err().code(), 1062),
                false => outcome.unwrap(),
            }
            session.run("admin check table t").unwrap();
            assert_eq!(one(&mut session, "select sum(u) from t"), 11 + 20 + value);
        }
    }

    #[test]
    fn who_is_killed_leaves_nothing_and_does_not_let_others_wait() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id int primary key, u int, v int)").unwrap();
        session.run("insert into t values (0, 0, 0)").unwrap();
        for bit in 0..16 {
            session.run(&format!("insert into t select id + {0}, u + {0}, 0 from t", 1 << bit)).unwrap();
        }
        let mut killed = 0;
        for at_ms in (0..40).map(|step| step * 15) {
            let cancel = session.cancel_handle();
            let (outcome, after) = std::thread::scope(|scope| {
                let kill = scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(at_ms));
                    cancel.cancel();
                    Instant::now()
                });
                let outcome = session.run("alter table t add unique index u (u), add index uv (u, v)");
                let ended = Instant::now();
                (outcome, ended.saturating_duration_since(kill.join().unwrap()))
            });
            if outcome.is_ok() {
                break;
            }
            assert_eq!(outcome.unwrap_err().code(), 1317);
            // Far more than it is to take: the machine may be busy.
            assert!(after < Duration::from_secs(2), "{after:?} after {at_ms} ms");
            killed += 1;
            assert_eq!(session.run("insert ignore into t values (-1, 0, 0)").unwrap(), 1);
            assert_eq!(session.run("delete from t where id = -1").unwrap(), 1);
        }
        assert!(killed > 0);
        let mut session = database.session();
        session.run("alter table t drop index if exists u, drop index if exists uv").unwrap();
        session.run("alter table t add unique index u (u), add index uv (u, v)").unwrap();
        session.run("admin check table t").unwrap();
    }

    #[test]
    fn rows_are_loaded_while_indexes_come() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id bigint primary key, u bigint, v bigint)").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, first: i64| {
            let path = dir.path().join(name);
            let rows: Vec<String> = (first..first + 500).map(|id| format!("{id},{id},{}", id % 7)).collect();
            std::fs::write(&path, format!("id,u,v\n{}\n", rows.join("\n"))).unwrap();
            path
        };
        let begun = Instant::now();
        let loads = 12;
        let load = |by_statement: bool| {
            let mut session = database.session();
            for round in 0..loads {
                let first = (round * 2 + i64::from(by_statement)) * 1000;
                let path = file(&format!("{first}.csv"), first);
                let loaded = match by_statement {
                    true => session.run(&format!(
                        "load data local infile '{}' into table t fields terminated by ',' ignore 1 lines",
                        path.display()
                    )),
                    false => session.load_csv("t", path),
                };
                assert_eq!(loaded.unwrap(), 500, "{first}");
            }
        };
        let added = std::thread::scope(|scope| {
            let loads = [scope.spawn(|| load(false)), scope.spawn(|| load(true))];
            let mut added = 0;
            while added == 0 || loads.iter().any(|load| !load.is_finished()) {
                session.run("alter table t add unique index u (u), add index v (v)").unwrap();
                session.run("admin check table t").unwrap();
                session.run("alter table t drop index u, drop index v").unwrap();
                added += 1;
            }
            added
        });
        // Neither keeps the other from coming to its turn.
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}, {added} added", begun.elapsed());
        session.run("alter table t add unique index u (u), add index v (v)").unwrap();
        session.run("admin check table t").unwrap();
        assert_eq!(one(&mut session, "select count(*) from t use index (v) where v >= 0"), 2 * loads * 500);
    }
}
