//! The cluster that a benchmark runs on, and what is done to it meanwhile.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use allod_storage::client::Client;
use allod_storage::cluster::{ClusterConfig, SimulatedConfig, TransportConfig};
use allod_storage::key::{Key, encode_datums};
use allod_storage::pd::RegionInfo;
use allod_storage::schema::{Datum, SpaceId, StoreId};

use crate::catalog::DEFAULT_DATABASE;
use crate::database::Database;
use crate::error::Result;

/// How long the troublemaker rests between two acts.
const CHAOS_PAUSE: Duration = Duration::from_millis(5);

/// How long a sender waits for an answer: many times what one takes on that network.
const TIMEOUT_LATENCIES: u32 = 100;
const SEND_TIMEOUT_MIN: Duration = Duration::from_millis(50);
const SEND_TIMEOUT_MAX: Duration = Duration::from_millis(2000);

/// What the cluster is like.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// Number of stores; `None` = the default.
    pub stores: Option<usize>,
    /// At least so many regions, made after loading.
    pub regions: Option<usize>,
    /// A network instead of function calls.
    pub network: Option<Network>,
    /// Whether regions split and merge and leaders move while queries run.
    pub chaos: bool,
    /// Workers of a pipeline; `None` = one for each core.
    pub workers: Option<usize>,
}

/// A simulated network: `SEED,LOSS,LATENCY`, loss from 0 to 1, latency in milliseconds one way; `SEED` alone loses nothing and
/// takes half a millisecond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    seed: u64,
    loss: f64,
    latency_ms: f64,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || {
            format!("'{text}' is not SEED,LOSS,LATENCY: for example 7,0.01,0.2 (loss 0 to 1, milliseconds)")
        };
        let parts: Vec<&str> = text.split(',').collect();
        let (seed, loss, latency) = match parts[..] {
            [seed] => (seed, "0", "0.5"),
            [seed, loss] => (seed, loss, "0.5"),
            [seed, loss, latency] => (seed, loss, latency),
            _ => return Err(wrong()),
        };
        let seed = seed.trim().parse().map_err(|_| wrong())?;
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let loss = number(loss).filter(|v| (0.0..1.0).contains(v)).ok_or_else(wrong)?;
        let latency_ms = number(latency).filter(|v| (0.0..=10_000.0).contains(v)).ok_or_else(wrong)?;
        Ok(Network { seed, loss, latency_ms })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, {} % lost, {} ms", self.seed, self.loss * 100.0, self.latency_ms)
    }
}

impl ClusterOptions {
    /// An empty database on such a cluster.
    pub fn database(&self) -> Database {
        let mut config = ClusterConfig::default();
        if let Some(stores) = self.stores {
            config.stores = stores.max(1);
        }
        if let Some(network) = self.network {
            let latency = Duration::from_secs_f64(network.latency_ms / 1e3);
            config.transport = TransportConfig::Simulated(SimulatedConfig {
                seed: network.seed,
                latency,
                jitter: latency / 4,
                loss: network.loss,
                send_timeout: (latency * TIMEOUT_LATENCIES).clamp(SEND_TIMEOUT_MIN, SEND_TIMEOUT_MAX),
                ..SimulatedConfig::default()
            });
        }
        let builder = Database::builder().cluster(config);
        match self.workers {
            Some(workers) => builder.workers(workers).build(),
            None => builder.build(),
        }
    }

    /// Splits until there are as many regions as asked for, spread over the tables by their size.
    pub(super) fn split(&self, database: &Database) -> Result<()> {
        let Some(wanted) = self.regions else { return Ok(()) };
        let tables = Tables::of(database);
        let mut client = database.cluster().client();
        let runtime = client.runtime();
        let total: u64 = tables.0.iter().map(|t| t.rows).sum();
        for table in &tables.0 {
            let share = (wanted as u64 * table.rows).div_ceil(total.max(1));
            for i in 1..share {
                let key = table.key_at(i as f64 / share as f64);
                runtime.block_on(client.split(&key))?;
            }
        }
        Ok(())
    }

    /// Begins to make trouble, if asked for, until the guard is dropped.
    pub(super) fn chaos(&self, database: &Database) -> Option<Chaos> {
        self.chaos.then(|| Chaos::begin(database, self.network.map_or(1, |n| n.seed)))
    }
}

/// Number of regions that hold the tables' records.
pub(super) fn count_regions(database: &Database) -> Result<usize> {
    let mut client = database.cluster().client();
    let runtime = client.runtime();
    let mut regions = 0;
    for table in Tables::of(database).0 {
        regions += runtime.block_on(client.regions(table.space))?.len();
    }
    Ok(regions)
}

/// The spaces of records, with the range of their first key column.
struct Tables(Vec<TableSpace>);

struct TableSpace {
    space: SpaceId,
    rows: u64,
    least: i64,
    greatest: i64,
}

impl TableSpace {
    /// A key this far into the table, 0 to 1.
    fn key_at(&self, part: f64) -> Key {
        let width = (self.greatest - self.least) as f64;
        encode_datums(self.space, &[Datum::Int(self.least + (width * part) as i64)])
    }
}

impl Tables {
    fn of(database: &Database) -> Tables {
        let version = database.catalog();
        let entries =
            version.tables(DEFAULT_DATABASE).filter_map(|t| version.entry(DEFAULT_DATABASE, &t.name));
        let spaces = entries.filter_map(|entry| {
            let stats = entry.stats.columns.get(*entry.descriptor.key.first()?)?;
            let (Some(Datum::Int(least)), Some(Datum::Int(greatest))) = (&stats.min, &stats.max) else {
                return None;
            };
            let space = entry.descriptor.partitions.first()?.records;
            Some(TableSpace { space, rows: entry.stats.rows, least: *least, greatest: *greatest })
        });
        Tables(spaces.collect())
    }
}

/// Splits and merges regions and moves leaders, from a thread and a client of its own.
pub(super) struct Chaos {
    stop: Arc<AtomicBool>,
    acts: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Chaos {
    fn begin(database: &Database, seed: u64) -> Chaos {
        let (stop, acts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tables = Tables::of(database);
        let mut client = database.cluster().client();
        let thread = std::thread::spawn({
            let (stop, acts) = (Arc::clone(&stop), Arc::clone(&acts));
            move || {
                let mut random = Random(seed);
                while !stop.load(Ordering::Relaxed) {
                    if act(&mut client, &tables, &mut random).is_some() {
                        acts.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::sleep(CHAOS_PAUSE);
                }
            }
        });
        Chaos { stop, acts, thread: Some(thread) }
    }

    /// How often something was done so far.
    pub fn acts(&self) -> u64 {
        self.acts.load(Ordering::Relaxed)
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A troublemaker that panicked makes no trouble.
            let _ = thread.join();
        }
    }
}

/// A split, a merge, or a leader that moves; `None` if it did not come about, which is no matter.
fn act(client: &mut Client, tables: &Tables, random: &mut Random) -> Option<()> {
    let runtime = client.runtime();
    let table = tables.0.get(random.below(tables.0.len() as u64) as usize)?;
    let key = table.key_at(random.below(1 << 20) as f64 / f64::from(1 << 20));
    match random.below(16) {
        0 | 1 => return runtime.block_on(client.split(&key)).ok(),
        2 => return runtime.block_on(client.merge(&key)).ok().filter(|merged| *merged).map(drop),
        _ => {}
    }
    let regions: Vec<RegionInfo> = runtime.block_on(client.regions(table.space)).ok()?;
    let region = regions.get(random.below(regions.len() as u64) as usize)?;
    let to: StoreId = *region.peers.get(random.below(region.peers.len() as u64) as usize)?;
    runtime.block_on(client.transfer_leader(region.id, to)).ok()
}

/// A sequence of numbers that a seed determines (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        let mut x = self.0 | 1;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_up_to_three_numbers() {
        let network = Network::from_str("7, 0.01,0.25").unwrap();
        assert_eq!(network, Network { seed: 7, loss: 0.01, latency_ms: 0.25 });
        assert_eq!(Network::from_str("7").unwrap(), Network { seed: 7, loss: 0.0, latency_ms: 0.5 });
        assert_eq!(Network::from_str("7,0.1").unwrap(), Network { seed: 7, loss: 0.1, latency_ms: 0.5 });
        for bad in ["", "7,2,1", "7,0,1,2", "7,0.1,-1", "x,0,0", "7,NaN,1"] {
            assert!(Network::from_str(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn random_numbers_differ() {
        let mut random = Random(1);
        let numbers: std::collections::BTreeSet<u64> = (0..100).map(|_| random.below(1 << 30)).collect();
        assert!(numbers.len() > 95);
    }
}
