//! One run: a cluster, its clients, what goes wrong, and what the checker says.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use allod::Database;
use allod_storage::client::{Client, CommitOutcome};
use allod_storage::cluster::{Cluster, ClusterConfig, SimulatedConfig, TransportConfig};
use allod_storage::fault::{Fault, Step};
use allod_storage::rpc::{Broken, Incidents};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, timeout};

use super::append::Append;
use super::bank::Bank;
use super::history::{Op, Outcome};
use super::long_fork::LongFork;
use super::monotonic::Monotonic;
use super::nemesis;
use super::register::Register;
use super::rows::{self, Style};
use super::sequential::Sequential;
use super::set::Set;
use super::sql::counter::Counter;
use super::sql::kill::Kill;
use super::sql::past::Past;
use super::sql::queue::Queue;
use super::sql::savepoint::Savepoints;
use super::sql::table::SqlTable;
use super::sql::{self, Sessions};
use super::table::Table;
use super::workload::{InSql, OnClient, Turn, Workload};
use crate::random::Random;

/// The workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "see the table in the module's essay")]
pub enum Kind {
    Bank,
    BankMultitable,
    Set,
    Register,
    LongFork,
    Monotonic,
    Sequential,
    Append,
    Table,
    SqlBank,
    SqlBankMultitable,
    SqlSet,
    SqlRegister,
    SqlAppend,
    SqlTable,
    SqlCounter,
    SqlQueue,
    SqlSavepoint,
    SqlPast,
    SqlKill,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 20] = [
        Kind::Bank,
        Kind::BankMultitable,
        Kind::Set,
        Kind::Register,
        Kind::LongFork,
        Kind::Monotonic,
        Kind::Sequential,
        Kind::Append,
        Kind::Table,
        Kind::SqlBank,
        Kind::SqlBankMultitable,
        Kind::SqlSet,
        Kind::SqlRegister,
        Kind::SqlAppend,
        Kind::SqlTable,
        Kind::SqlCounter,
        Kind::SqlQueue,
        Kind::SqlSavepoint,
        Kind::SqlPast,
        Kind::SqlKill,
    ];

    /// Jepsen's name; those whose processes speak SQL begin with `sql-`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bank => "bank",
            Kind::BankMultitable => "bank-multitable",
            Kind::Set => "set",
            Kind::Register => "register",
            Kind::LongFork => "long-fork",
            Kind::Monotonic => "monotonic",
            Kind::Sequential => "sequential",
            Kind::Append => "append",
            Kind::Table => "table",
            Kind::SqlBank => "sql-bank",
            Kind::SqlBankMultitable => "sql-bank-multitable",
            Kind::SqlSet => "sql-set",
            Kind::SqlRegister => "sql-register",
            Kind::SqlAppend => "sql-append",
            Kind::SqlTable => "sql-table",
            Kind::SqlCounter => "sql-counter",
            Kind::SqlQueue => "sql-queue",
            Kind::SqlSavepoint => "sql-savepoint",
            Kind::SqlPast => "sql-past",
            Kind::SqlKill => "sql-kill",
        }
    }

    /// The one with this name.
    pub fn of_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its processes speak SQL.
    pub fn is_sql(self) -> bool {
        self.name().starts_with("sql-")
    }

    /// Processes think so long between two operations, at most. A statement costs more than a request.
    fn think_ms_max(self) -> usize {
        if self.is_sql() { 200 } else { 80 }
    }

    /// The one that a seed runs.
    pub fn of_seed(seed: u64) -> Kind {
        Kind::ALL[(seed % Kind::ALL.len() as u64) as usize]
    }
}

/// What a run is made of: all of it a function of these.
#[derive(Clone, Debug)]
pub struct Options {
    /// What all chance comes from.
    pub seed: u64,
    /// Which workload.
    pub kind: Kind,
    /// For how many simulated seconds processes work.
    pub seconds: u64,
    /// What goes wrong; `None` = as the seed says.
    pub plan: Option<Vec<Step>>,
    /// How the protocol is broken, to see whether that is noticed.
    pub broken: Option<Broken>,
    /// How many stores the cluster has.
    pub stores: usize,
}

impl Options {
    /// A minute of a workload with five stores; what goes wrong is up to the seed.
    pub fn new(seed: u64, kind: Kind) -> Options {
        Options { seed, kind, seconds: 60, plan: None, broken: None, stores: 5 }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What should not be, in words; empty = all is well.
    pub violations: Vec<String>,
    /// A hash of all messages, of all operations and of what came of them.
    pub trace: u64,
    /// Operations that were done, that were surely not done, and of which nobody knows.
    pub outcomes: [usize; 3],
    /// Of those that were done, how many changed something.
    pub writes: usize,
    /// How often it met what the workload is about.
    pub met: Vec<(&'static str, usize)>,
    /// What happened on the network.
    pub incidents: Incidents,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ok, fail, unknown] = self.outcomes;
        write!(f, "trace {:016x}; {ok} done ({} of them writes)", self.trace, self.writes)?;
        write!(f, ", {fail} failed, {unknown} unknown")?;
        self.met.iter().try_for_each(|(name, times)| write!(f, ", {times} {name}"))?;
        self.incidents.iter().try_for_each(|(name, times)| write!(f, ", {times} {name}"))
    }
}

const PROCESSES: usize = 5;
/// So many transactions in a hundred lock before they read, in one run or another. The locks of those that die stay for long,
/// and little else gets done.
const PESSIMISTIC: [usize; 3] = [0, 10, 40];
/// So many operations in a hundred, their process dies before they end.
const DEATHS: usize = 3;
/// A process that dies does so within this.
const DEATH_MS_MAX: usize = 30;
/// A process waits so long for an operation.
const PATIENCE: Duration = Duration::from_secs(20);
/// Until all that was under way has come to its end: longer than locks live, and than the clock was ever ahead.
const REST: Duration = Duration::from_secs(30);
/// What is read at the end must be answered within this.
const LAST_PATIENCE: Duration = Duration::from_secs(60);

/// Runs a seed.
///
/// # Panics
/// If the operating system refuses what a timer needs, or a row holds what nobody wrote.
pub fn run(options: &Options) -> Report {
    in_simulation(async {
        match options.kind {
            Kind::Bank => on_clients(Bank { tables: false }, options).await,
            Kind::BankMultitable => on_clients(Bank { tables: true }, options).await,
            Kind::Set => on_clients(Set, options).await,
            Kind::Register => on_clients(Register, options).await,
            Kind::LongFork => on_clients(LongFork, options).await,
            Kind::Monotonic => on_clients(Monotonic, options).await,
            Kind::Sequential => on_clients(Sequential, options).await,
            Kind::Append => on_clients(Append, options).await,
            Kind::Table => on_clients(Table, options).await,
            Kind::SqlBank => in_sql(Bank { tables: false }, options).await,
            Kind::SqlBankMultitable => in_sql(Bank { tables: true }, options).await,
            Kind::SqlSet => in_sql(Set, options).await,
            Kind::SqlRegister => in_sql(Register, options).await,
            Kind::SqlAppend => in_sql(Append, options).await,
            Kind::SqlTable => in_sql(SqlTable, options).await,
            Kind::SqlCounter => in_sql(Counter { broken: false }, options).await,
            Kind::SqlQueue => in_sql(Queue::new(), options).await,
            Kind::SqlSavepoint => in_sql(Savepoints { broken: false }, options).await,
            Kind::SqlPast => in_sql(Past, options).await,
            Kind::SqlKill => in_sql(Kill { broken: false }, options).await,
        }
    })
}

/// Runs a seed of a workload that may not be as it should, in place of the one that the options name.
///
/// # Panics
/// As [`run`].
pub fn run_in_sql<W: InSql>(workload: W, options: &Options) -> Report {
    in_simulation(in_sql(workload, options))
}

fn in_simulation(run: impl Future<Output = Report>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without threads needs only memory").block_on(run)
}

type History<W> = Vec<Op<<W as Workload>::Input, <W as Workload>::Output>>;

/// How processes reach the cluster.
trait Way<W: Workload> {
    /// What each has of its own. Whoever dies in the middle of an operation loses it.
    type Connection;

    fn connect(&self) -> Self::Connection;

    async fn perform(
        &self,
        connection: &mut Self::Connection,
        style: Style,
        input: &W::Input,
    ) -> Outcome<W::Output>;

    /// What was wrong whatever the history says.
    fn complaints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// By the storage client.
struct OnClients<'a, W>(&'a Cluster, &'a W);

impl<W: OnClient> Way<W> for OnClients<'_, W> {
    type Connection = Client;

    fn connect(&self) -> Client {
        self.0.client()
    }

    async fn perform(&self, client: &mut Client, style: Style, input: &W::Input) -> Outcome<W::Output> {
        self.1.perform(client, style, input).await
    }
}

/// By sessions.
struct InSessions<'a, W>(Sessions, &'a W);

impl<W: InSql> Way<W> for InSessions<'_, W> {
    type Connection = sql::Connection;

    fn connect(&self) -> sql::Connection {
        self.0.connect()
    }

    async fn perform(
        &self,
        connection: &mut sql::Connection,
        style: Style,
        input: &W::Input,
    ) -> Outcome<W::Output> {
        self.0.perform(self.1, connection, style, input).await
    }

    fn complaints(&self) -> Vec<String> {
        self.0.complaints()
    }
}

async fn on_clients<W: OnClient>(workload: W, options: &Options) -> Report {
    let cluster = cluster(options);
    set_up(&workload, &cluster).await;
    simulate(&workload, &OnClients(&cluster, &workload), &cluster, options).await
}

async fn in_sql<W: InSql>(workload: W, options: &Options) -> Report {
    let cluster = cluster(options);
    let sessions = Sessions::new(Database::builder().workers(1).build_on(cluster.clone()));
    sessions.set_up(workload.statements(options.seconds as i64 * 1000)).await;
    simulate(&workload, &InSessions(sessions, &workload), &cluster, options).await
}

async fn simulate<W: Workload>(
    workload: &W,
    way: &impl Way<W>,
    cluster: &Cluster,
    options: &Options,
) -> Report {
    let mut random = Random::new(options.seed);
    let simulation = cluster.simulation().expect("the cluster was made simulated");
    let run_ms = options.seconds * 1000;
    let plan =
        options.plan.clone().unwrap_or_else(|| nemesis::plan(&mut random, run_ms, options.stores as u64));
    let mut violations = Vec::new();
    if let Err(error) = simulation.schedule(plan).await {
        violations.push(format!("the plan does not fit the cluster: {error}"));
    }
    let start = Instant::now();
    let processes = (0..PROCESSES).map(|process| {
        let random = Random::new(options.seed ^ (process as u64 + 1).wrapping_mul(0x2545_F491_4F6C_DD1D));
        work(workload, way, process, random, start, options)
    });
    // Each is woken for itself: to poll them all whenever one has something to do is what a run would spend its time on.
    let mut histories: Vec<History<W>> = processes.collect::<FuturesUnordered<_>>().collect().await;
    histories.sort_by_key(|history| history.first().map(|op| op.process));
    let mut history: History<W> = histories.into_iter().flatten().collect();
    if simulation.inject(Fault::Heal).await.is_err() {
        violations.push("the cluster cannot be healed".to_string());
    }
    sleep(REST).await;
    for input in workload.last() {
        let mut connection = way.connect();
        let invoked_us = start.elapsed().as_micros() as u64;
        let outcome = timeout(LAST_PATIENCE, way.perform(&mut connection, Style::default(), &input)).await;
        let outcome = outcome.unwrap_or(Outcome::Unknown);
        if outcome.ok().is_none() {
            violations.push(format!("the cluster has not recovered: {input:?} at {invoked_us} us"));
        }
        let completed_us = start.elapsed().as_micros() as u64;
        history.push(Op { process: PROCESSES, invoked_us, completed_us, input, outcome });
    }
    violations.extend(way.complaints());
    violations.extend(workload.check(&history));
    let count = |of: fn(&Outcome<W::Output>) -> bool| history.iter().filter(|op| of(&op.outcome)).count();
    let outcomes = [
        count(|o| matches!(o, Outcome::Ok(_))),
        count(|o| matches!(o, Outcome::Fail)),
        count(|o| matches!(o, Outcome::Unknown)),
    ];
    let writes =
        history.iter().filter(|op| op.outcome.ok().is_some() && workload.is_write(&op.input)).count();
    let trace = hash(simulation.trace(), &history);
    let met = workload.met(&history);
    Report { violations, trace, outcomes, writes, met, incidents: simulation.incidents() }
}

fn cluster(options: &Options) -> Cluster {
    let network = SimulatedConfig { seed: options.seed, loss: 0.002, ..SimulatedConfig::default() };
    let cluster = Cluster::new(ClusterConfig {
        stores: options.stores,
        transport: TransportConfig::Simulated(network),
        // Small, so that regions are folded all the time.
        delta_rows_max: 200,
        history: Duration::from_secs(2),
        ..ClusterConfig::default()
    });
    match options.broken {
        Some(how) => cluster.broken(how),
        None => cluster,
    }
}

/// Makes the tables and their rows, while all is well.
async fn set_up<W: OnClient>(workload: &W, cluster: &Cluster) {
    let mut client = cluster.client();
    for (space, keys) in workload.tables() {
        client.create_space(rows::schema(space)).await.expect("a cluster that is well creates tables");
        for key in keys {
            client.split(&key).await.expect("a cluster that is well splits regions");
        }
    }
    let ts = client.timestamp().await.expect("a cluster that is well has the time");
    let mut transaction = client.begin(ts);
    for (space, id, value) in workload.rows() {
        rows::put(&mut transaction, space, id, &value);
    }
    let outcome = transaction.commit(&mut client).await.expect("a cluster that is well commits");
    assert!(matches!(outcome, CommitOutcome::Committed(_)), "nobody else is there: {outcome:?}");
}

/// One process: it thinks, acts, sometimes dies and is born again, until time is over.
async fn work<W: Workload>(
    workload: &W,
    way: &impl Way<W>,
    process: usize,
    mut random: Random,
    start: Instant,
    options: &Options,
) -> History<W> {
    let mut history = Vec::new();
    let run = Duration::from_secs(options.seconds);
    let pessimistic = PESSIMISTIC[(options.seed / Kind::ALL.len() as u64 % 3) as usize];
    let mut connection = way.connect();
    let mut number = 0;
    loop {
        sleep(Duration::from_millis(random.below(options.kind.think_ms_max()) as u64)).await;
        if start.elapsed() >= run {
            return history;
        }
        let now_ms = start.elapsed().as_millis() as i64;
        let input =
            workload.next(&mut Turn { process, processes: PROCESSES, number, now_ms, random: &mut random });
        number += 1;
        let dies = random.chance(DEATHS);
        let patience = match dies {
            true => Duration::from_millis(random.below(DEATH_MS_MAX) as u64),
            false => PATIENCE,
        };
        let invoked_us = start.elapsed().as_micros() as u64;
        let style = Style::random(&mut random, pessimistic);
        let outcome = timeout(patience, way.perform(&mut connection, style, &input)).await;
        let completed_us = start.elapsed().as_micros() as u64;
        let outcome = outcome.unwrap_or_else(|_| {
            // Its locks stay, and whoever is born in its place knows nothing.
            connection = way.connect();
            Outcome::Unknown
        });
        history.push(Op { process, invoked_us, completed_us, input, outcome });
    }
}

/// Fowler, Noll and Vo's, over words of eight bytes: reads are long.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        // Multiplying moves nothing down, so what is above is folded in.
        self.0 = (self.0 ^ word ^ self.0 >> 32).wrapping_mul(0x0100_0000_01B3);
    }
}

/// Of all messages, as it is so far, and of all operations.
fn hash(trace: u64, history: &[impl Hash]) -> u64 {
    let mut fnv = Fnv(trace ^ 0xCBF2_9CE4_8422_2325);
    history.iter().for_each(|op| op.hash(&mut fnv));
    fnv.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_of_each_workload_runs_and_runs_again_the_same() {
        let mut unanswered = 0;
        for (seed, kind) in (19..).zip(Kind::ALL) {
            let options = Options { seconds: 10, ..Options::new(seed, kind) };
            let (once, again) = (run(&options), run(&options));
            assert_eq!(once.violations, Vec::<String>::new(), "{} {seed}", kind.name());
            assert_eq!(once.trace, again.trace, "{} {seed}: {once} and {again}", kind.name());
            assert!(once.outcomes[0] > 20, "{} {seed}: {once}", kind.name());
            assert!(once.incidents.region_changes > 0, "{once}");
            unanswered += once.incidents.unanswered;
        }
        // Not every plan loses messages, but some do.
        assert!(unanswered > 0, "no message was lost in any run");
    }
}
