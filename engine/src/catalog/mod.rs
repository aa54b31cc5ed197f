//! The schema and the statistics, published as versions.
//!
//! A [`Version`] is immutable; every statement takes the newest one when it begins and keeps it to its end. Versions are
//! made by whoever holds the [`Lease`], of which there is one: it lies in a channel of capacity one, is taken out by who
//! wants to change the schema, and goes back when it is dropped. So DDL runs one statement at a time, without a lock
//! around anything, and a reader never waits.
//!
//! A statement that writes rows must not run while its table's spaces are changed under it: what is built from a scan
//! would miss its rows. Therefore a writer *enters* the table ([`Writers`](writers::Writers)) for as long as it runs, and
//! DDL on an existing table publishes a version in which the table is closed to writers, waits for those inside to leave,
//! works, and publishes the result. Indexes come and go while rows are written ([`online`], [`leaving`]), and where rows are made
//! anew it is closed only for the last of them ([`copy`]). Readers go on all the while.
//! If somebody is in for long, the table is not closed before they have left, and who waits for that has no lease: others' DDL
//! goes on, too (`writers`). All waiting ends with `lock_wait_timeout`, or when the statement is cancelled (`waiting`); then
//! nothing is changed.

mod accounts;
mod alter;
mod analyze;
mod bindings;
mod copy;
mod crew;
mod databases;
mod ddl;
mod dropped;
mod filled;
mod foreign;
mod growth;
mod ids;
mod jobs;
mod leaving;
mod numbers;
mod online;
mod partitions;
mod policies;
mod resources;
mod sequences;
mod steps;
mod temporary;
pub(crate) mod twice;
mod version;
mod views;
mod waiting;
mod writers;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use allod_storage::cluster::Cluster;
use allod_storage::schema::{SpaceId, TableDescriptor};

use crate::error::{Error, Result};
use crate::history::History;
use dropped::Dropped;
use writers::{Predecessors, Writers};

pub(crate) use analyze::{Analysis, StatsCollector};
pub(crate) use foreign::Referring;
pub(crate) use growth::Seen;
pub(crate) use ids::Stride;
pub(crate) use jobs::{Job, Jobs};
pub(crate) use online::Entered;
pub(crate) use temporary::{OwnTables, Retired};
pub use version::Version;
pub(crate) use version::{Counters, Entry, Given, SequenceEntry};
pub(crate) use waiting::Waiting;
pub(crate) use writers::WriteGuard;

/// Name of the database that every session begins in.
pub(crate) const DEFAULT_DATABASE: &str = "test";

/// Runs of ANALYZE that are remembered.
const ANALYSES_MAX: usize = 512;

/// The published schema, and the right to change it.
pub(crate) struct Catalog {
    published: ArcSwap<Version>,
    /// Tells the time of changes.
    cluster: Cluster,
    home: Sender<Gone>,
    lease: Receiver<Gone>,
    /// The next id of a table, an index or a space; none is given twice. Sessions take some for tables of their own.
    ids: AtomicU64,
    /// What its changes are, and were.
    pub jobs: Jobs,
    /// The ANALYZE of tables.
    pub analyses: History<Analysis>,
}

/// What goes from one holder of the lease to the next.
struct Gone {
    /// Spaces that no version names any more. They are dropped when nobody can read them, at the end of a later change at the
    /// latest.
    retired: Vec<SpaceId>,
    /// Descriptors that a newer one stands in for. A statement that was planned with one holds it, and may still read every
    /// space that it names. One space may be named by many of them: a partition that stays while others change, one that
    /// changed hands in an exchange.
    superseded: Vec<Weak<TableDescriptor>>,
    /// Tables that may come back.
    dropped: Dropped,
}

impl Catalog {
    /// With one empty database.
    pub fn new(cluster: Cluster) -> Catalog {
        let (home, lease) = bounded(1);
        // The channel has room for the one lease there is.
        let _ = home.send(Gone { retired: Vec::new(), superseded: Vec::new(), dropped: Dropped::default() });
        let published = ArcSwap::from_pointee(Version::initial());
        let (jobs, analyses) = (Jobs::default(), History::new(ANALYSES_MAX));
        Catalog { published, cluster, home, lease, ids: AtomicU64::new(1), jobs, analyses }
    }

    /// The newest version.
    pub fn load(&self) -> Arc<Version> {
        self.published.load_full()
    }

    /// That of the newest version.
    pub fn number(&self) -> u64 {
        self.published.load().number()
    }

    /// Whether a table that was planned with is still what there is; if nothing but indexes came it is. Only then does a reader of
    /// the present find in its spaces what others write. Who has a temporary table of its own has it for himself.
    pub fn is_present(&self, table: &Arc<TableDescriptor>) -> bool {
        let version = self.published.load();
        table.temporary.is_some()
            || version.entry(&table.database, &table.name).is_some_and(|entry| entry.is_known(table))
    }

    /// Waits for the right to publish.
    fn lease(&self, waiting: &mut Waiting) -> Result<Lease<'_>> {
        // Not on the channel itself: in a simulation its other end is in the hands of somebody who only gets on while the
        // cluster's clock does.
        waiting.until(|| match self.lease.try_recv() {
            Ok(gone) => Ok(Some(Lease::new(self, gone))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Error::internal("the catalog is gone")),
        })
    }

    /// Does what needs the lease; anew when those have left who were in its way.
    fn leased<T>(
        &self,
        waiting: &mut Waiting,
        mut work: impl FnMut(&mut Lease<'_>, &mut Waiting) -> Result<T>,
    ) -> Result<T> {
        let mut grace = None;
        loop {
            let mut lease = self.lease(waiting)?;
            lease.grace = grace;
            let outcome = work(&mut lease, waiting);
            let Some(writers) = lease.in_the_way.take() else { return outcome };
            // What it has closed is open again, and who else wants to change the schema may.
            drop(lease);
            let mut predecessors = Predecessors::default();
            waiting.until(|| Ok(predecessors.have_left(&writers).then_some(())))?;
            grace = Some(grace.map_or(ddl::GRACE_FIRST, |grace| grace * 2));
        }
    }

    /// The right to publish, if nobody has it.
    fn lease_if_free(&self) -> Option<Lease<'_>> {
        let gone = self.lease.try_recv().ok()?;
        Some(Lease::new(self, gone))
    }

    /// A fresh id.
    fn id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until no DDL runs.
    pub fn settled(&self, waiting: &mut Waiting) -> Result<()> {
        self.lease(waiting).map(drop)
    }

    /// Enters a table as a writer, when it is open. `None`: it is not, or not any more, the table that this descriptor is of; if
    /// nothing but indexes came it is.
    pub fn enter(&self, entry: &Entry, waiting: &mut Waiting) -> Result<Option<Entered>> {
        let table = &entry.descriptor;
        loop {
            let guard = entry.writers.enter();
            if entry.own {
                return Ok(Some(Entered { guard, layout: None }));
            }
            let now = self.load();
            let Some(now) = now.entry(&table.database, &table.name) else { return Ok(None) };
            let entered = now.admit(guard, table);
            if entered.is_none() || !now.closed {
                return Ok(entered);
            }
            // Whoever has closed it has the lease.
            drop(entered);
            self.settled(waiting)?;
        }
    }

    /// The same for who loads rows past the executor: not while indexes are being added. When they have come, the table is another
    /// one than the descriptor says, which is to be looked up again.
    pub fn enter_alone(&self, entry: &Entry, waiting: &mut Waiting) -> Result<Option<WriteGuard>> {
        match self.enter(entry, waiting)? {
            Some(Entered { guard, layout: None }) => Ok(Some(guard)),
            Some(Entered { guard, layout: Some(_) }) => {
                drop(guard);
                self.settled(waiting).map(|()| None)
            }
            None => Ok(None),
        }
    }
}

/// The right to publish versions; goes back where it came from when dropped, whatever happens.
struct Lease<'a> {
    catalog: &'a Catalog,
    gone: Option<Gone>,
    /// The tables that it has closed to writers, by database and name.
    closed: Vec<(Arc<str>, Arc<str>)>,
    /// The same for tables to which it adds indexes.
    adding: Vec<(Arc<str>, Arc<str>)>,
    /// How long those who are in a table that it closes have to leave; `None` = they need not, and it is not closed.
    grace: Option<Duration>,
    /// The writers for whom it would have had to wait: the change is to begin anew when they have left.
    in_the_way: Option<Arc<Writers>>,
    /// Rows of which the change has made something.
    handled: u64,
}

impl<'a> Lease<'a> {
    fn new(catalog: &'a Catalog, gone: Gone) -> Lease<'a> {
        Lease {
            catalog,
            gone: Some(gone),
            closed: Vec::new(),
            adding: Vec::new(),
            grace: None,
            in_the_way: None,
            handled: 0,
        }
    }

    /// A fresh id.
    fn id(&self) -> u64 {
        self.catalog.id()
    }

    /// Leaves spaces, which the newest version does not name, to be dropped as soon as nobody can read them.
    fn retire(&mut self, spaces: Vec<SpaceId>) {
        if let Some(gone) = &mut self.gone {
            gone.retired.extend(spaces);
        }
    }

    /// The retired spaces that nobody can read any more.
    fn unreadable(&mut self) -> Vec<SpaceId> {
        self.expire_dropped();
        let Some(gone) = &mut self.gone else { return Vec::new() };
        gone.superseded.retain(|descriptor| descriptor.strong_count() > 0);
        let held: Vec<Arc<TableDescriptor>> = gone.superseded.iter().filter_map(Weak::upgrade).collect();
        let readable: HashSet<SpaceId> = held.iter().flat_map(|table| ddl::spaces(table)).collect();
        gone.retired.extract_if(.., |space| !readable.contains(space)).collect()
    }

    /// The newest version; nobody else makes another while the lease is held.
    fn version(&self) -> Arc<Version> {
        self.catalog.load()
    }

    fn publish(&mut self, version: Version) {
        let before = self.version();
        // All work on what is new is done, so it is seen at this time.
        let version = version.since(&before, self.catalog.cluster.last_timestamp());
        self.catalog.published.store(Arc::new(version));
        let now = self.version();
        if let Some(Gone { superseded, .. }) = &mut self.gone {
            for old in before.all() {
                let new = now.entry(&old.descriptor.database, &old.descriptor.name);
                let is_gone = |old: &Arc<TableDescriptor>, new: Option<&Arc<TableDescriptor>>| {
                    new.is_none_or(|new| !Arc::ptr_eq(new, old))
                };
                let descriptor = is_gone(&old.descriptor, new.map(|entry| &entry.descriptor));
                let layout = old.adding().filter(|old| is_gone(old, new.and_then(Entry::adding)));
                superseded.extend(
                    descriptor.then_some(&old.descriptor).into_iter().chain(layout).map(Arc::downgrade),
                );
            }
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // A change that ended in its middle: what is published is as before, only closed.
        for (database, table) in std::mem::take(&mut self.closed) {
            if let Some(entry) = self.version().entry(&database, &table).filter(|entry| entry.closed) {
                self.reopen(entry.clone());
            }
        }
        for (database, table) in std::mem::take(&mut self.adding) {
            let descriptor =
                self.version().entry(&database, &table).map(|entry| Arc::clone(&entry.descriptor));
            descriptor.iter().for_each(|table| self.add_no_more(table));
        }
        if let Some(gone) = self.gone.take() {
            let _ = self.catalog.home.send(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::JoinHandle;

    use allod_executor::Cancel;
    use allod_storage::cluster::ClusterConfig;

    use super::*;
    use crate::Database;

    fn waiting() -> Waiting {
        let runtime = Cluster::new(ClusterConfig::default()).runtime();
        Waiting::new(&Cancel::new(), Duration::from_secs(60), runtime)
    }

    #[test]
    fn a_lease_comes_back_even_from_a_panic() {
        let catalog = Catalog::new(Cluster::new(ClusterConfig::default()));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let lease = catalog.lease(&mut waiting()).unwrap();
            lease.id();
            panic!("while holding the lease");
        }));
        assert!(panicked.is_err());
        assert_eq!(catalog.lease(&mut waiting()).unwrap().id(), 2);
    }

    #[test]
    fn a_table_is_open_again_after_a_change_that_ended_in_its_middle() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id int primary key)").unwrap();
        let catalog = &database.shared().catalog;
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut lease = catalog.lease(&mut waiting()).unwrap();
            let entry = lease.version().entry("test", "t").unwrap().clone();
            lease.close(&[&entry], &mut waiting()).unwrap();
            assert!(catalog.load().entry("test", "t").unwrap().closed);
            panic!("in the middle of a change");
        }));
        assert!(panicked.is_err());
        assert_eq!(session.run("insert into t values (1)").unwrap(), 1);
    }

    /// Begins to write to a table, on a thread of its own; how to stop that, and what it comes to.
    fn writer(database: &Database, begin: &str) -> (Cancel, JoinHandle<Result<u64, u16>>) {
        let mut session = database.session();
        session.run(begin).unwrap();
        let cancel = session.cancel_handle();
        let write = move || {
            let written = session.run("insert into t values (1)");
            session.run("rollback").unwrap();
            written.map_err(|error| error.code())
        };
        (cancel, std::thread::spawn(write))
    }

    #[test]
    fn who_comes_while_a_table_is_closed_waits_and_may_be_stopped() {
        for begin in ["begin", "rollback"] {
            let database = Database::new();
            database.session().run("create table t (id int primary key)").unwrap();
            let catalog = &database.shared().catalog;
            let mut lease = catalog.lease(&mut waiting()).unwrap();
            let entry = lease.version().entry("test", "t").unwrap().clone();
            lease.close(&[&entry], &mut waiting()).unwrap();
            let (cancel, stopped) = writer(&database, begin);
            let (_, patient) = writer(&database, begin);
            std::thread::sleep(Duration::from_millis(20));
            assert!(!stopped.is_finished() && !patient.is_finished(), "{begin}");
            cancel.cancel();
            assert_eq!(stopped.join().unwrap(), Err(1317), "{begin}");
            lease.reopen(entry);
            drop(lease);
            assert_eq!(patient.join().unwrap(), Ok(1), "{begin}");
        }
    }

    #[test]
    fn a_version_that_was_taken_stays_as_it_is() {
        let catalog = Catalog::new(Cluster::new(ClusterConfig::default()));
        let before = catalog.load();
        let mut lease = catalog.lease(&mut waiting()).unwrap();
        let version = lease.version().with_database("other", Default::default());
        lease.publish(version);
        assert!(!before.has_database_named("other"));
        assert!(catalog.load().has_database_named("OTHER"));
        assert!(catalog.load().number() > before.number());
    }
}
