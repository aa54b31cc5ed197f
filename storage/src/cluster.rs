//! Puts a cluster together: placement driver, stores, transport, and what its clients share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::background::Background;
use crate::client::{
    Bequeathed, Client, ClientStats, Collector, Entrusted, GarbagePolicy, RetryPolicy, SharedCache,
};
use crate::clock::Clock;
use crate::owner::Owner;
use crate::pd::Pd;
use crate::rpc::{Direct, Simulated, Simulation, Transport, Travel};
use crate::runtime::Runtime;
use crate::schema::Timestamp;
use crate::store::{Detector, Limits, LockWaits, Stores};

pub use crate::rpc::SimulatedConfig;

/// What a cluster is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterConfig {
    /// Failure domains.
    pub stores: usize,
    /// A region that is larger is split.
    pub region_bytes_max: usize,
    /// How requests travel.
    pub transport: TransportConfig,
    /// A region with more versions than this in its delta has them folded into its base.
    pub delta_rows_max: usize,
    /// Superseded versions are kept at least this long. What a pinned timestamp sees is kept for as long as the pin lives.
    pub history: Duration,
    /// How often somebody looks for locks that the dead have left, and has all regions forget what nobody can ask for. Zero =
    /// never unless asked ([`Client::collect_garbage`]); of a simulated cluster it is that always.
    pub garbage_interval: Duration,
    /// Retry budgets are TiDB's times this, unless a client says otherwise (`tidb_backoff_weight`).
    pub backoff_weight: u32,
    /// How long a client believes what it has heard of a region: this, and up to a tenth more, so that what was heard
    /// together does not expire together (TiDB: 600 s and up to 60 s). Zero = it asks before every request.
    pub region_cache_ttl: Duration,
}

/// How requests travel.
#[derive(Clone, Debug, PartialEq)]
pub enum TransportConfig {
    /// As function calls.
    Direct,
    /// As messages that take time and get lost.
    Simulated(SimulatedConfig),
}

impl Default for ClusterConfig {
    fn default() -> ClusterConfig {
        ClusterConfig {
            stores: 3,
            region_bytes_max: 256 << 20,
            transport: TransportConfig::Direct,
            delta_rows_max: 1 << 16,
            history: Duration::from_secs(5),
            garbage_interval: Duration::from_secs(60),
            backoff_weight: 2,
            region_cache_ttl: Duration::from_secs(600),
        }
    }
}

/// A cluster in this process. Cheap to clone; gone when the last clone and the last client are.
#[derive(Clone)]
pub struct Cluster(Arc<Shared>);

/// What clients share: nothing in it changes but through owners and counters.
pub(crate) struct Shared {
    pub(crate) runtime: Runtime,
    pub(crate) transport: Box<dyn Transport>,
    simulation: Option<Simulation>,
    pub(crate) cache: Owner<SharedCache>,
    pub(crate) pd: Arc<Pd>,
    detector: Arc<Detector>,
    pub(crate) bequeathed: Bequeathed,
    /// Numbers clients, so that each has its own random numbers.
    pub(crate) clients: AtomicU64,
    pub(crate) seed: u64,
    pub(crate) backoff_weight: u32,
    pub(crate) region_cache_ttl_ms: u64,
    pub(crate) region_bytes_max: usize,
    pub(crate) background: Background,
    /// The thread that keeps transactions alive, once there is one.
    pub(crate) keeper: OnceLock<Sender<Entrusted>>,
    pub(crate) collector: Collector,
}

impl Cluster {
    /// Starts an empty cluster. A simulated one uses the tokio runtime that the caller is in, if any.
    ///
    /// # Panics
    ///
    /// If a simulated one needs threads for its timers, and the operating system has none left.
    pub fn new(config: ClusterConfig) -> Cluster {
        let (runtime, clock, seed) = match &config.transport {
            TransportConfig::Direct => (Runtime::direct(), Clock::Wall, 0),
            TransportConfig::Simulated(simulated) => {
                let runtime = Runtime::simulated();
                let clock = runtime.enter(Clock::simulated);
                (runtime, clock, simulated.seed)
            }
        };
        let pd = Arc::new(Pd::new(clock.clone(), config.stores, config.history.as_millis() as u64));
        let limits = Limits {
            region_bytes_max: config.region_bytes_max.max(1),
            delta_rows_max: config.delta_rows_max.max(1),
        };
        let by_a_thread = matches!(config.transport, TransportConfig::Direct);
        let stores = Arc::new(Stores::new(Arc::clone(&pd), limits, by_a_thread));
        let detector = Arc::clone(stores.detector());
        let (transport, simulation): (Box<dyn Transport>, _) = match config.transport {
            TransportConfig::Direct => (Box::new(Direct { stores, clock }), None),
            TransportConfig::Simulated(simulated) => {
                let travel = if runtime.is_our_own() { Travel::by_courier() } else { Travel::Timers };
                let transport = runtime.enter(|| Simulated::new(stores, clock, simulated, travel));
                let simulation = Simulation::of(&transport);
                (Box::new(transport), Some(simulation))
            }
        };
        Cluster(Arc::new(Shared {
            runtime,
            transport,
            simulation,
            cache: Owner::new(SharedCache::default()),
            pd,
            detector,
            bequeathed: Bequeathed::default(),
            clients: AtomicU64::new(0),
            seed,
            backoff_weight: config.backoff_weight,
            region_cache_ttl_ms: config.region_cache_ttl.as_millis() as u64,
            region_bytes_max: limits.region_bytes_max,
            background: Background::new(),
            keeper: OnceLock::new(),
            collector: Collector::new(GarbagePolicy {
                enabled: true,
                life: config.history,
                interval: config.garbage_interval,
            }),
        }))
    }

    /// The cluster with something put in front of its transport. Nobody may have a client yet.
    #[cfg(any(test, feature = "broken"))]
    pub(crate) fn with_transport(
        self,
        wrap: impl FnOnce(Box<dyn Transport>) -> Box<dyn Transport>,
    ) -> Cluster {
        let shared = Arc::into_inner(self.0).expect("nobody else has it");
        Cluster(Arc::new(Shared { transport: wrap(shared.transport), ..shared }))
    }

    /// The cluster with its protocol broken. Nobody may have a client yet.
    ///
    /// # Panics
    /// If somebody has one.
    #[cfg(feature = "broken")]
    pub fn broken(self, how: crate::rpc::Broken) -> Cluster {
        self.with_transport(|inner| {
            let (inner, count) = (Arc::from(inner), AtomicU64::new(0));
            Box::new(crate::rpc::BrokenTransport { inner, how, count })
        })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    /// A client, for one worker.
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.0))
    }

    /// A timestamp at which everything is seen that is committed so far.
    pub fn last_timestamp(&self) -> Timestamp {
        self.0.pd.last_timestamp()
    }

    /// Waits until nothing is done in the background any more: commits have been acknowledged, and their locks are gone, too.
    /// In direct mode that is always so.
    pub async fn at_rest(&self) {
        self.0.background.silence().await;
    }

    /// What all clients counted that are dropped by now, forks included.
    pub fn stats(&self) -> ClientStats {
        self.0.bequeathed.sum()
    }

    /// Who waits for whose locks at this moment, and the last deadlocks.
    pub fn lock_waits(&self) -> Arc<LockWaits> {
        self.0.detector.view()
    }

    /// How much its clients try before they give up, unless they are told otherwise.
    pub fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy { weight: self.0.backoff_weight, ..RetryPolicy::default() }
    }

    /// How to wait for its clients' futures.
    pub fn runtime(&self) -> Runtime {
        self.0.runtime.clone()
    }

    /// Its faults, if it is simulated.
    pub fn simulation(&self) -> Option<&Simulation> {
        self.0.simulation.as_ref()
    }

    /// The placement driver.
    pub fn pd(&self) -> &Pd {
        &self.0.pd
    }
}
