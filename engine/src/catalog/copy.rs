//! A table is made anew while rows are written.
//!
//! What a change of columns makes of a table are other spaces. The rows of a snapshot are remade and loaded into them while the
//! table is open. What was changed since is known from the versions that the store keeps of each key, as long as the snapshot is
//! pinned: those rows are taken out of the copy, and put there as they are by a newer snapshot. That is done again and again,
//! each time for what was written during the time before, which gets less. When little is left the table is closed, for as long
//! as it takes to bring the rest; then the copy takes its place.
//!
//! ```text
//! writers   ───────────────────────────────────────────────┤  wait  ├─ the new table ──
//! DDL        copies as of 10 │ changed 10..20 │ 20..22 │ closes │ 22..23 │ publishes
//! ```
//!
//! Nobody writes twice, and who writes knows of nothing. Rows that come meanwhile and cannot be remade (too long for their new
//! type, NULL where there may be none) are errors of the change, as if they had been there before.
//!
//! A row that changes has to be found in the copy: by the key that it has there, which is made of the columns of the old
//! one. Where rows are numbered as they are remade, it is not; then writers wait all the while ([`is_followed`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allod_executor::{Numbered, RowIds, Run};
use allod_planner::bind::{bind_checks, bind_generated, bind_partition};
use allod_planner::checks::RowChecks;
use allod_planner::expr::Expr;
use allod_planner::generated::GeneratedColumns;
use allod_planner::partition::PartitionFunction;
use allod_planner::zone::Zone;
use allod_storage::client::{Client, ScanRequest};
use allod_storage::key::Key;
use allod_storage::pd::Pin;
use allod_storage::percolator::Mutation;
use allod_storage::runtime::now;
use allod_storage::schema::{SpaceId, TableDescriptor, Timestamp};
use arrow::array::ArrayRef;

use super::ddl::GRACE_FIRST;
use super::partitions::read_at;
use super::version::{Counters, Entry};
use super::writers::Predecessors;
use super::{Lease, Waiting};
use crate::error::Result;
use crate::import::{deal, ingest};

/// Changed rows that are few enough to be brought while writers wait.
const FEW: usize = 2000;
/// How often what has changed is brought before, at most.
const ROUNDS_MAX: usize = 8;
/// How often the table is closed before those who are in it are waited for in another way.
const CLOSINGS: u32 = 3;
/// How long others who change the schema wait at most while writers of this table are waited for.
const PATIENCE_MAX: Duration = Duration::from_secs(5);
/// Changed rows that are looked up at once.
const LOOKED_UP: usize = 4096;
/// Keys of one commit.
const COMMITTED: usize = 8192;

/// Whether a row of the new table is found by what its old one was.
pub(super) fn is_followed(old: &TableDescriptor, new: &TableDescriptor) -> bool {
    let is_numbered = |table: &TableDescriptor| table.columns.iter().any(|c| c.auto_increment);
    (new.clustered || !old.clustered) && (is_numbered(old) || !is_numbered(new))
}

/// A table that is being copied.
pub(super) struct Copy<'a> {
    old: &'a TableDescriptor,
    new: &'a TableDescriptor,
    /// What each declared column of the new one is made of.
    rows: &'a [Expr],
    generated: Option<GeneratedColumns>,
    checks: Option<RowChecks>,
    partition: Option<Arc<PartitionFunction>>,
    numbers: Carried<'a>,
    /// The copy is what the table was then.
    at: Timestamp,
    _pin: Pin,
}

/// Numbers for rows that bring their own: hidden ids are put in the place of those given here.
struct Carried<'a>(&'a Counters);

impl RowIds for Carried<'_> {
    fn allocate(&self, what: Numbered, n: u64, max: u64) -> Option<Run> {
        match what {
            Numbered::Rows => self.0.allocate(what, n, max),
            Numbered::Increment | Numbered::Random => None,
        }
    }

    fn observe(&self, what: Numbered, value: u64) {
        self.0.observe(what, value);
    }
}

impl<'a> Copy<'a> {
    /// Copies the table as it is now into the spaces of the new one, which are empty.
    pub fn new(
        (old, new): (&'a TableDescriptor, &'a TableDescriptor),
        (rows, zone): (&'a [Expr], Zone),
        counters: &'a Counters,
        client: &mut Client,
        waiting: &Waiting,
    ) -> Result<Copy<'a>> {
        let (at, pin) = client.runtime().block_on(client.snapshot())?;
        let copy = Copy {
            old,
            new,
            rows,
            generated: bind_generated(new)?,
            checks: bind_checks(new, zone)?,
            partition: bind_partition(new)?.map(Arc::new),
            numbers: Carried(counters),
            at,
            _pin: pin,
        };
        let partitions: Vec<_> = old.partitions.iter().collect();
        let mut remade = Vec::new();
        for columns in read_at(client, old, &partitions, at)? {
            waiting.check()?;
            remade.push(copy.remade(columns)?);
        }
        for (partition, rows) in new.partitions.iter().zip(deal(new, remade)?) {
            waiting.check()?;
            if !rows.is_empty() {
                ingest(client, new, partition, rows)?;
            }
        }
        Ok(copy)
    }

    /// Old rows as they are in the new table.
    fn remade(&self, old: Vec<ArrayRef>) -> Result<Vec<ArrayRef>> {
        let id = old.last().filter(|_| !self.old.clustered && !self.new.clustered).cloned();
        let rows = allod_executor::remake(self.new, self.rows, old, &self.numbers, self.generated.as_ref());
        let mut rows = rows.map_err(super::alter::of_old_row)?;
        if let (Some(id), Some(last)) = (id, rows.last_mut()) {
            *last = id;
        }
        allod_executor::check(self.checks.as_ref(), &rows)?;
        Ok(rows)
    }

    /// Brings what was changed up to now; how many rows that were.
    pub fn follow(&mut self, client: &mut Client, waiting: &Waiting) -> Result<usize> {
        let runtime = client.runtime();
        let ordinals: Vec<usize> = (0..self.old.columns.len()).collect();
        let (now, pin, changed) = loop {
            waiting.check()?;
            let (now, pin) = runtime.block_on(client.snapshot())?;
            if let Some(changed) = self.changed(client, now)? {
                break (now, pin, changed);
            }
        };
        let (mut gone, mut came, mut count) = (Vec::new(), Vec::new(), 0);
        for (space, keys) in changed {
            for keys in keys.chunks(LOOKED_UP) {
                waiting.check()?;
                count += keys.len();
                let before = runtime.block_on(client.get(space, keys, self.at, &ordinals))?;
                if before.rows > 0 {
                    let rows = self.remade(before.columns)?;
                    self.in_copy(client, &rows, now, &mut gone)?;
                }
                let after = runtime.block_on(client.get(space, keys, now, &ordinals))?;
                if after.rows > 0 {
                    came.push(self.remade(after.columns)?);
                }
            }
        }
        // All that goes goes first: others may get its keys.
        for columns in gone {
            self.commit(client, columns, true, waiting)?;
        }
        for columns in came {
            self.commit(client, columns, false, waiting)?;
        }
        (self.at, self._pin) = (now, pin);
        Ok(count)
    }

    /// The keys that were changed since, of each space of records; `None` if that has to be asked at another time.
    fn changed(&self, client: &mut Client, now: Timestamp) -> Result<Option<Vec<(SpaceId, Vec<Key>)>>> {
        let mut changed = Vec::new();
        for partition in &self.old.partitions {
            let request = ScanRequest::all(partition.records, now);
            for region in client.runtime().block_on(client.scan(&request))? {
                let Some(keys) = region.changed_since(self.at) else { return Ok(None) };
                changed.push((partition.records, keys));
            }
        }
        Ok(Some(changed))
    }

    /// What the copy has at the keys of these rows.
    fn in_copy(
        &self,
        client: &mut Client,
        rows: &[ArrayRef],
        now: Timestamp,
        found: &mut Vec<Vec<ArrayRef>>,
    ) -> Result<()> {
        let ordinals: Vec<usize> = (0..self.new.columns.len()).collect();
        let keys = allod_executor::record_keys(self.new, self.partition.as_ref(), &ordinals, rows)?;
        let mut spaces: BTreeMap<SpaceId, Vec<Key>> = BTreeMap::new();
        for key in keys.into_iter().flatten() {
            if let Some(space) = key.space() {
                spaces.entry(space).or_default().push(key);
            }
        }
        for (space, mut keys) in spaces {
            keys.sort_unstable();
            let there = client.runtime().block_on(client.get(space, &keys, now, &ordinals))?;
            if there.rows > 0 {
                found.push(there.columns);
            }
        }
        Ok(())
    }

    /// Takes rows out of the copy, or puts rows there.
    fn commit(&self, client: &mut Client, rows: Vec<ArrayRef>, go: bool, waiting: &Waiting) -> Result<()> {
        let none: Vec<ArrayRef> = rows.iter().map(|column| column.slice(0, 0)).collect();
        let (gone, came) = if go { (&rows, &none) } else { (&none, &rows) };
        let mut changes = allod_executor::follow(self.new, self.partition.as_deref(), gone, came)?;
        let table = Arc::new(self.new.clone());
        while !changes.is_empty() {
            waiting.check()?;
            let rest = changes.split_off(changes.len().min(COMMITTED));
            let some: Vec<Mutation> = std::mem::replace(&mut changes, rest);
            let (start, _pin) = client.runtime().block_on(client.snapshot())?;
            let outcome = client.runtime().block_on(client.commit_at_once(start, some))?;
            allod_executor::committed(outcome, &[&table])?;
        }
        Ok(())
    }
}

impl Lease<'_> {
    /// Copies a table, and closes it as soon as the copy is up to date: the table as it was. An error means that it is open.
    pub(super) fn copied(
        &mut self,
        open: &Entry,
        new: &TableDescriptor,
        rows: (&[Expr], Zone),
        counters: &Counters,
        (client, waiting): (&mut Client, &mut Waiting),
    ) -> Result<Entry> {
        let begun = now();
        self.handled += open.live_rows();
        let mut copy = Copy::new((&open.descriptor, new), rows, counters, client, waiting)?;
        for _ in 0..ROUNDS_MAX {
            if copy.follow(client, waiting)? <= FEW {
                break;
            }
        }
        let mut closing = 1;
        let closed = loop {
            // Those who have come meanwhile leave while the table is open, if they do not take much longer than this has taken.
            let grace = self.grace.unwrap_or(GRACE_FIRST).max(now() - begun).min(PATIENCE_MAX);
            let mut before = Predecessors::default();
            waiting.within(grace, || Ok(before.have_left(&open.writers).then_some(())))?;
            copy.follow(client, waiting)?;
            match self.close_one(open, waiting) {
                Err(error) if self.in_the_way.is_none() || closing == CLOSINGS => return Err(error),
                // It is open again.
                Err(_) => {
                    self.in_the_way = None;
                    closing += 1;
                }
                Ok(closed) => break closed,
            }
        };
        match copy.follow(client, waiting) {
            Ok(_) => Ok(closed),
            Err(error) => {
                self.reopen(closed);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use crate::{Database, Session};

    /// `v` by `id`.
    type Model = BTreeMap<i64, i64>;

    const WRITERS: i64 = 3;
    const ROWS_STILL: i64 = 20_000;

    /// Changes rows of its own, which are those that have its number as their remainder.
    fn write(session: &mut Session, table: &str, model: &mut Model, at: i64, number: i64) {
        let id = |at: i64| at * WRITERS + number;
        let is_transaction = at % 5 == 0;
        let mut changed = model.clone();
        let mut statements = vec![format!("insert into {table} (id, v) values ({}, {at})", id(at))];
        changed.insert(id(at), at);
        if let Some((&known, &v)) = model.iter().nth((at as usize * 7) % model.len().max(1)) {
            match at % 3 {
                0 => {
                    statements.push(format!("delete from {table} where id = {known}"));
                    changed.remove(&known);
                }
                1 => {
                    statements.push(format!("update {table} set v = v + 1 where id = {known}"));
                    changed.insert(known, v + 1);
                }
                _ => {
                    let other = id(at + 1_000_000);
                    statements.push(format!("update {table} set id = {other} where id = {known}"));
                    changed.remove(&known);
                    changed.insert(other, v);
                }
            }
        }
        if !is_transaction {
            for statement in &statements {
                session.run(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
            *model = changed;
            return;
        }
        session.run(if at % 2 == 0 { "begin" } else { "begin optimistic" }).unwrap();
        let outcome = statements.iter().try_for_each(|statement| session.run(statement).map(drop));
        match outcome.and_then(|()| session.run("commit").map(drop)) {
            Ok(()) => *model = changed,
            // Its schema is past.
            Err(error) => {
                assert_eq!(error.code(), 8028, "{statements:?}: {error}");
                session.run("rollback").unwrap();
            }
        }
    }

    /// Ends the writers, whatever happens.
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_copy_has_what_was_written_meanwhile() {
        for (table, created) in [
            ("t", "create table t (id bigint primary key, v bigint, key (v))"),
            ("u", "create table u (id bigint, v bigint, key (id), unique key (v, id))"),
            (
                "p",
                "create table p (id bigint primary key, v bigint, key (v)) partition by hash (id) partitions 3",
            ),
        ] {
            let database = Database::new();
            let mut session = database.session();
            session.run(created).unwrap();
            for from in (-ROWS_STILL..0).step_by(2000) {
                let rows: Vec<String> = (from..from + 2000).map(|id| format!("({id}, {id})")).collect();
                session.run(&format!("insert into {table} (id, v) values {}", rows.join(", "))).unwrap();
            }
            let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
            let models = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..WRITERS)
                    .map(|number| {
                        let (database, stop, written) = (&database, &stop, &written);
                        scope.spawn(move || {
                            let (mut session, mut model) = (database.session(), Model::new());
                            for at in 0.. {
                                if stop.load(Ordering::Relaxed) {
                                    break;
                                }
                                write(&mut session, table, &mut model, at, number);
                                written.fetch_add(1, Ordering::Relaxed);
                            }
                            model
                        })
                    })
                    .collect();
                let (mut meanwhile, running) = (0, Stop(&stop));
                for change in [
                    "add w varchar(5) default 'x' first",
                    "modify v decimal(30) after w, add key w (w)",
                    "add g bigint as (id + 1) virtual, add key (g)",
                    "modify v bigint",
                    "drop column g",
                    "drop column w",
                ] {
                    let before = written.load(Ordering::Relaxed);
                    session
                        .run(&format!("alter table {table} {change}"))
                        .unwrap_or_else(|e| panic!("{change}: {e}"));
                    meanwhile += written.load(Ordering::Relaxed) - before;
                    session.run(&format!("admin check table {table}")).unwrap();
                }
                assert!(meanwhile > 20, "{meanwhile} changes of {table} while rows were made anew");
                drop(running);
                writers.into_iter().map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
            });
            let wanted: Model =
                models.into_iter().flatten().chain((-ROWS_STILL..0).map(|id| (id, id))).collect();
            let found = session.execute(&format!("select id, v from {table}")).unwrap();
            let found: Vec<(i64, i64)> = found
                .rows()
                .map(|row| row.unwrap())
                .map(|row| (row.get(0).unwrap(), row.get(1).unwrap()))
                .collect();
            assert_eq!(found.len(), wanted.len());
            assert_eq!(found.into_iter().collect::<Model>(), wanted);
        }
    }

    #[test]
    fn what_cannot_be_remade_is_an_error_and_leaves_the_table_open() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id int primary key, v varchar(9), key (v))").unwrap();
        session.run("insert into t values (1, 'a'), (2, 'longer')").unwrap();
        assert_eq!(
            session.run("alter table t modify v varchar(3), add w int first").unwrap_err().code(),
            1265
        );
        assert_eq!(session.run("insert into t values (3, 'c')").unwrap(), 1);
        session.run("delete from t where id = 2").unwrap();
        session.run("alter table t modify v varchar(3), add w int first").unwrap();
        session.run("admin check table t").unwrap();
        assert_eq!(session.run("insert into t values (1, 4, 'd')").unwrap(), 1);
    }
}
