//! A database: a cluster, the catalog, and the settings that sessions begin with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use allod_executor::Cancel;
use allod_storage::cluster::{Cluster, ClusterConfig};
use allod_storage::schema::Datum;

use crate::accounts::{Account, Password};
use crate::catalog::{Catalog, Version};
use crate::counts::SharedCounts;
use crate::error::{Error, Result, code};
use crate::named_locks::NamedLocks;
use crate::processes::Processes;
use crate::result::Warning;
use crate::session::Session;
use crate::slow::SlowLog;
use crate::summary::Summary;
use crate::transactions::Transactions;
use crate::usage::{Usage, UsageReport};
use crate::variables::{MEMORY_QUOTA_DEFAULT, SystemValues};

/// A database in memory. Cheap to clone; gone when the last clone and the last session are.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

/// What sessions share: published versions and counters, nothing that is changed in place.
pub(crate) struct Shared {
    pub cluster: Cluster,
    pub catalog: Catalog,
    /// The most workers of a pipeline.
    pub workers: usize,
    /// Global variables.
    pub globals: ArcSwap<SystemValues>,
    /// How often functions are used.
    pub usage: Usage,
    /// Who is connected to servers.
    pub processes: Processes,
    /// The transactions of sessions.
    pub transactions: Transactions,
    /// What all sessions count.
    pub counts: SharedCounts,
    /// What statements have cost, by their shape.
    pub summary: Summary,
    /// Statements that took long.
    pub slow: SlowLog,
    /// The locks that have names.
    pub named_locks: Arc<NamedLocks>,
    began: Instant,
    next_connection: AtomicU64,
    /// Statements that sessions were asked to run.
    questions: AtomicU64,
}

/// Settings of a database that is to be made.
#[derive(Clone, Debug)]
pub struct Builder {
    workers: usize,
    memory_limit_bytes: u64,
    cluster: ClusterConfig,
}

impl Default for Builder {
    fn default() -> Builder {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        Builder { workers, memory_limit_bytes: MEMORY_QUOTA_DEFAULT, cluster: ClusterConfig::default() }
    }
}

impl Builder {
    /// The most workers that a pipeline of a query has; by default one for each core. The variable
    /// `tidb_executor_concurrency` can only lower it.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = workers.clamp(1, 256);
        self
    }

    /// Bytes that one query may use before it ends with error 8175. It is the default of the variable
    /// `tidb_mem_quota_query`.
    pub fn memory_limit_bytes(mut self, bytes: u64) -> Builder {
        self.memory_limit_bytes = bytes;
        self
    }

    /// The cluster: number of stores, size of regions, and whether requests are function calls or travel through a
    /// simulated network.
    pub fn cluster(mut self, config: ClusterConfig) -> Builder {
        self.cluster = config;
        self
    }

    /// An empty database, with the one schema `test`.
    pub fn build(self) -> Database {
        let cluster = Cluster::new(self.cluster.clone());
        self.build_on(cluster)
    }

    /// As [`Builder::build`], on a cluster that is there already and that no other database uses: two catalogs would give out
    /// the same ids.
    pub fn build_on(self, cluster: Cluster) -> Database {
        let garbage = cluster.garbage_policy();
        let globals = SystemValues::new(self.memory_limit_bytes, garbage, cluster.retry_policy());
        let shared = Shared {
            catalog: Catalog::new(cluster.clone()),
            cluster,
            workers: self.workers,
            globals: ArcSwap::from_pointee(globals),
            usage: Usage::new(),
            processes: Processes::default(),
            transactions: Transactions::default(),
            counts: SharedCounts::default(),
            summary: Summary::default(),
            slow: SlowLog::default(),
            named_locks: Arc::default(),
            began: Instant::now(),
            next_connection: AtomicU64::new(1),
            questions: AtomicU64::new(0),
        };
        Database { shared: Arc::new(shared) }
    }
}

impl Default for Database {
    fn default() -> Database {
        Database::new()
    }
}

impl Database {
    /// An empty database with default settings.
    pub fn new() -> Database {
        Database::builder().build()
    }

    /// For other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A new session, in the schema `test`. Each thread that runs statements has its own.
    pub fn session(&self) -> Session {
        Session::new(self.clone(), self.next_connection())
    }

    /// A number for a connection.
    pub(crate) fn next_connection(&self) -> u64 {
        self.shared.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// A session of the account that `user` is who comes from `host`, as if it had logged in: it may do what is granted to that
    /// account. Nobody asks for a password.
    ///
    /// # Errors
    /// 1045 if there is no such account.
    ///
    /// ```
    /// # fn main() -> allod::Result<()> {
    /// let database = allod::Database::new();
    /// database.session().run("create user reader")?;
    /// let mut reader = database.session_as("reader", "localhost")?;
    /// assert_eq!(reader.run("create table t (id int)").unwrap_err().code(), 1142);
    /// # Ok(())
    /// # }
    /// ```
    pub fn session_as(&self, user: &str, host: &str) -> Result<Session> {
        let version = self.catalog();
        let accounts = version.accounts();
        let account = accounts.of_visitor(user, host).ok_or_else(|| {
            let message = format!("access denied for user '{user}'@'{host}' (using password: NO)");
            Error::new(code::ACCESS_DENIED_USER, message)
        })?;
        let mut session = self.session();
        session.log_in(&format!("{user}@{host}"), account, accounts);
        Ok(session)
    }

    /// A session for a connection that has its number, and an account.
    pub(crate) fn session_of(&self, connection: u64, user: &str, account: &Account) -> Session {
        let mut session = Session::new(self.clone(), connection);
        session.log_in(user, account, self.catalog().accounts());
        session.set_remote();
        session
    }

    /// `default_password_lifetime`, in days; 0 = for ever.
    pub(crate) fn password_lifetime(&self) -> u16 {
        self.shared.globals.load().password_lifetime()
    }

    /// Gives `root` a password.
    ///
    /// # Errors
    /// If somebody else changes the schema for longer than is waited.
    pub(crate) fn set_root_password(&self, password: &Password) -> Result<()> {
        let now_us = chrono::Utc::now().timestamp_micros();
        let mut waiting = self.session().waiting(&Cancel::default());
        let changed =
            |version: &Version| Ok((version.accounts().with_root_password(password, now_us), vec![]));
        self.shared.catalog.change_accounts(&mut waiting, changed).map(drop)
    }

    /// `max_connections`; 0 = any number.
    pub(crate) fn max_connections(&self) -> u64 {
        self.shared.globals.load().max_connections()
    }

    /// Counts a statement.
    pub(crate) fn asked(&self) {
        self.shared.questions.fetch_add(1, Ordering::Relaxed);
    }

    /// Statements that all sessions were asked to run.
    pub(crate) fn questions(&self) -> u64 {
        self.shared.questions.load(Ordering::Relaxed)
    }

    /// Sessions that there have been.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.next_connection.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// How long it has been there.
    pub(crate) fn uptime(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// The newest version of the schema.
    pub fn catalog(&self) -> Arc<Version> {
        self.shared.catalog.load()
    }

    /// The cluster that holds the rows.
    pub fn cluster(&self) -> &Cluster {
        &self.shared.cluster
    }

    /// How often the sessions of this database used each function.
    pub fn function_usage(&self) -> UsageReport {
        self.shared.usage.report(None)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Says in which folder the files must be that statements of the server read and write (`secure_file_priv`): anywhere if it is
    /// empty, as it is unless somebody says so, and nowhere if it is `NULL`.
    pub fn confine_files(&self, folder: &str) {
        self.shared.globals.rcu(|old| Arc::new(old.with_file_folder(folder)));
    }

    /// Sets a variable for sessions to come.
    pub(crate) fn set_global(&self, name: &str, value: Option<&Datum>) -> Result<Option<Warning>> {
        // Tried on one version, so that a wrong value is told before the retrying swap.
        let (_, warning) = self.shared.globals.load().set_global(name, value)?;
        self.shared.globals.rcu(|old| {
            let set = old.set_global(name, value);
            set.map_or_else(|_| Arc::clone(old), |(values, _)| Arc::new(values))
        });
        if let Some(enabled) = self.shared.globals.load().sums_up(name) {
            self.shared.summary.enable(enabled);
        }
        if let Some(policy) = self.shared.globals.load().garbage(name) {
            self.shared.cluster.set_garbage_policy(policy);
        }
        Ok(warning)
    }
}
