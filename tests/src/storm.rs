//! Storms: many sessions at once over a cluster that does not hold still, with every answer known beforehand.
//!
//! A storm has statements whose answers were computed on a quiet database (one region, one worker), sessions that run them in
//! an order of their own, and a troublemaker that splits, merges and moves regions all the while. What chance there is comes
//! from one seed, which is printed; `ALLOD_SEED=7` repeats it, as far as threads repeat.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use allod::{Database, Session};
use allod_storage::client::{Client, ClientStats};
use allod_storage::cluster::{SimulatedConfig, TransportConfig};
use allod_storage::key::encode_datums;
use allod_storage::pd::RegionInfo;
use allod_storage::schema::{Datum, SpaceId, StoreId, TableDescriptor};

use crate::random::Random;

/// A network that takes a tenth of a millisecond there and back, or a little more.
pub fn network(seed: u64) -> TransportConfig {
    let latency = Duration::from_micros(50);
    TransportConfig::Simulated(SimulatedConfig {
        seed,
        latency,
        jitter: latency,
        ..SimulatedConfig::default()
    })
}

/// The seed that `ALLOD_SEED` names, or one of the moment; printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let given = std::env::var("ALLOD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_micros() as u64));
    println!("ALLOD_SEED={seed}");
    seed
}

/// The rows of a statement as text, sorted unless the statement says in which order they come: what two runs of it must
/// agree on.
///
/// # Errors
/// The statement's own.
pub fn answer(session: &mut Session, sql: &str) -> allod::Result<Vec<String>> {
    let result = session.execute(sql)?;
    let mut rows = Vec::new();
    for row in result.rows() {
        let row = row?;
        let cells: Vec<String> = (0..row.columns().len()).map(|c| row.value(c).to_string()).collect();
        rows.push(cells.join("|"));
    }
    if !sql.contains("order by") {
        rows.sort_unstable();
    }
    Ok(rows)
}

/// A statement and what it answers.
#[derive(Clone, Debug)]
pub struct Question {
    /// The statement.
    pub sql: String,
    /// Its rows, as [`answer`] gives them.
    pub rows: Vec<String>,
}

/// The answers of a quiet database.
///
/// # Panics
/// If a statement fails there.
pub fn ask(quiet: &Database, statements: impl IntoIterator<Item = String>) -> Vec<Question> {
    let mut session = quiet.session();
    statements
        .into_iter()
        .map(|sql| {
            let rows = answer(&mut session, &sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            Question { sql, rows }
        })
        .collect()
}

/// A space that is split by keys below a number: its first column is an integer, as often one of these as another.
#[derive(Clone, Copy, Debug)]
pub struct Splittable {
    /// The space.
    pub space: SpaceId,
    /// Above the greatest value of its first column.
    pub greatest: u64,
}

/// The spaces of a table, records and indexes of every partition; whose keys begin with numbers below `records` and `indexes`.
pub fn spaces(table: &TableDescriptor, records: u64, indexes: u64) -> Vec<Splittable> {
    let of = |space: &SpaceId, greatest| Splittable { space: *space, greatest };
    let partitions = table.partitions.iter();
    let spaces = partitions.flat_map(|p| {
        std::iter::once(of(&p.records, records)).chain(p.indexes.iter().map(move |i| of(i, indexes)))
    });
    spaces.collect()
}

/// What a troublemaker has done so far.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Regions split.
    pub splits: AtomicU64,
    /// Regions merged.
    pub merges: AtomicU64,
    /// Leaders moved.
    pub moves: AtomicU64,
}

impl Trouble {
    /// Whether each kind of it was made so often.
    pub fn each_at_least(&self, times: u64) -> bool {
        [&self.splits, &self.merges, &self.moves].iter().all(|kind| kind.load(Ordering::Relaxed) >= times)
    }
}

/// Splits, merges and moves regions of the spaces until told to stop.
pub fn make_trouble(
    client: &mut Client,
    spaces: &[Splittable],
    random: &mut Random,
    stop: &AtomicBool,
    pause: Duration,
    trouble: &Trouble,
) {
    let runtime = client.runtime();
    let count = |kind: &AtomicU64, done: bool| kind.fetch_add(u64::from(done), Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        let Splittable { space, greatest } = spaces[random.below(spaces.len())];
        // What does not come about (the region has just changed) is no matter.
        let Ok(regions) = runtime.block_on(client.regions(space)) else {
            std::thread::sleep(pause);
            continue;
        };
        let region: &RegionInfo = &regions[random.below(regions.len())];
        match random.below(4) {
            // Between three and ten regions a space, so that there is always something to split and to merge.
            0 | 1 if regions.len() < 10 => {
                let key = encode_datums(space, &[Datum::Int(random.below(greatest as usize) as i64)]);
                count(&trouble.splits, runtime.block_on(client.split(&key)).is_ok());
            }
            0..=2 if regions.len() > 3 => {
                let left = &regions[random.below(regions.len() - 1)];
                count(&trouble.merges, runtime.block_on(client.merge(&left.range.start)).is_ok());
            }
            _ => {
                let to: StoreId = region.peers[random.below(region.peers.len())];
                count(&trouble.moves, runtime.block_on(client.transfer_leader(region.id, to)).is_ok());
            }
        }
        std::thread::sleep(pause);
    }
}

/// What came of a storm.
#[derive(Debug)]
pub struct Outcome {
    /// Statements run, all of them answered right.
    pub statements: u64,
    /// For how long.
    pub time: Duration,
    /// What the clients of the cluster met, from the storm's begin to its end.
    pub stats: ClientStats,
    /// How often each statement was run.
    pub runs: BTreeMap<usize, u64>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retries: u64 = self.stats.backoff.iter().map(|(_, times, _)| times).sum();
        write!(
            f,
            "{:.0} statements/s ({} in {:.1} s), {} region errors met, {retries} retries after a pause, {} entries expired",
            self.statements as f64 / self.time.as_secs_f64(),
            self.statements,
            self.time.as_secs_f64(),
            self.stats.region_errors_in_all(),
            self.stats.expired,
        )
    }
}

/// How long a storm lasts.
pub struct Until<'a> {
    /// At least so long.
    pub time: Duration,
    /// And until it has met what it was meant to meet, however slow the machine is; told how many statements were answered.
    /// A storm that has not after a minute ends anyway.
    pub enough: &'a (dyn Fn(u64) -> bool + Sync),
}

impl Until<'_> {
    fn is_over(&self, elapsed: Duration, statements: u64) -> bool {
        elapsed >= self.time && ((self.enough)(statements) || elapsed >= Duration::from_secs(60))
    }
}

/// Runs the questions on so many sessions at once; every answer must be right.
///
/// # Panics
/// If a statement fails or its answer is wrong, with the statement.
pub fn sessions(
    db: &Database,
    count: usize,
    questions: &[Question],
    prepare: &[&str],
    seed: u64,
    until: &Until<'_>,
    finished: &AtomicBool,
) -> Outcome {
    let before = db.cluster().stats();
    let done = AtomicU64::new(0);
    let began = Instant::now();
    let runs: Vec<BTreeMap<usize, u64>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .map(|number| {
                let done = &done;
                scope.spawn(move || {
                    let mut random =
                        Random::new(seed ^ (number as u64 + 1).wrapping_mul(0xA076_1D64_78BD_642F));
                    let mut session = db.session();
                    for sql in prepare {
                        session.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
                    }
                    let mut runs = BTreeMap::new();
                    while !until.is_over(began.elapsed(), done.load(Ordering::Relaxed)) {
                        let at = random.below(questions.len());
                        let question = &questions[at];
                        let rows = answer(&mut session, &question.sql)
                            .unwrap_or_else(|e| panic!("seed {seed}, {}: {e}", question.sql));
                        assert!(
                            rows == question.rows,
                            "seed {seed}: {} answers {rows:?} instead of {:?}",
                            question.sql,
                            question.rows
                        );
                        *runs.entry(at).or_default() += 1;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    runs
                })
            })
            .collect();
        let runs = workers.into_iter().map(|worker| worker.join());
        let runs = runs.collect::<Vec<_>>();
        finished.store(true, Ordering::Relaxed);
        runs.into_iter().map(|r| r.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut sum = BTreeMap::new();
    for (at, n) in runs.into_iter().flatten() {
        *sum.entry(at).or_default() += n;
    }
    let stats = db.cluster().stats().since(&before);
    Outcome { statements: done.into_inner(), time: began.elapsed(), stats, runs: sum }
}
