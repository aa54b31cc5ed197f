//! A network: messages take time and get lost, as a seed says, on tokio's clock.
//!
//! Each message has a number, and its fate (how long it takes, whether it is lost) is a function of the seed and that number.
//! Under a paused clock on one thread the numbers are given out in the same order every time, so the same seed gives the
//! same run.
//!
//! A message is lost on its way there (the work is not done) or on its way back (it is). Either way the sender hears nothing
//! and gives up after the send timeout. What is left out so far: partitions, reordering beyond what jitter does, crashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Call, Lost, PdReply, PdRequest, RegionError, Request, Response, Transport};
use crate::clock::Clock;
use crate::random::Random;
use crate::schema::{StoreId, Timestamp};
use crate::store::Stores;

/// A network's properties.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedConfig {
    /// What all chance comes from.
    pub seed: u64,
    /// How long a message takes one way, at least.
    pub latency: Duration,
    /// How much longer it may take.
    pub jitter: Duration,
    /// The part of requests that is lost, and the part of replies: 0 to 1.
    pub loss: f64,
    /// How long a sender waits for an answer.
    pub send_timeout: Duration,
    /// The part of requests that a store answers with "server is busy": 0 to 1.
    pub busy: f64,
    /// The part of requests that a store answers with "stale command": 0 to 1.
    pub stale: f64,
}

/// Half a millisecond each way, and nothing lost.
impl Default for SimulatedConfig {
    fn default() -> SimulatedConfig {
        SimulatedConfig {
            seed: 1,
            latency: Duration::from_micros(500),
            jitter: Duration::from_micros(100),
            loss: 0.0,
            send_timeout: Duration::from_millis(500),
            busy: 0.0,
            stale: 0.0,
        }
    }
}

/// See the module's essay.
pub(crate) struct Simulated {
    stores: Arc<Stores>,
    clock: Clock,
    config: SimulatedConfig,
    messages: AtomicU64,
}

/// What happens to one message and its reply.
struct Fate {
    there: Duration,
    back: Duration,
    request_lost: bool,
    reply_lost: bool,
    /// The store will not do it just now.
    refused: Option<RegionError>,
}

impl Simulated {
    pub(crate) fn new(stores: Arc<Stores>, clock: Clock, config: SimulatedConfig) -> Simulated {
        Simulated { stores, clock, config, messages: AtomicU64::new(0) }
    }

    /// `None` = the placement driver, whose link counts as one more.
    fn fate(&self, to: Option<StoreId>) -> Fate {
        let config = &self.config;
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        let mut random = Random::new(config.seed ^ number.wrapping_mul(0xA076_1D64_78BD_642F));
        // Links differ: the further the store's id, the longer the way, by up to half.
        let link = to.map_or(0, |store| store.0 % 5);
        let latency = config.latency + config.latency.mul_f64(link as f64 / 8.0);
        let mut one_way = || latency + config.jitter.mul_f64(random.unit());
        let (there, back) = (one_way(), one_way());
        let mut chance = |part: f64| random.unit() < part;
        let (request_lost, reply_lost) = (chance(config.loss), chance(config.loss));
        let refused = match (chance(config.busy), chance(config.stale)) {
            (true, _) => Some(RegionError::ServerIsBusy),
            (false, true) => Some(RegionError::StaleCommand),
            (false, false) => None,
        };
        Fate { there, back, request_lost, reply_lost, refused }
    }

    /// Carries one message there and its reply back.
    fn carry<T: Send + 'static>(
        &self,
        fate: Fate,
        work: impl FnOnce() -> Call<T> + Send + 'static,
    ) -> Call<Result<T, Lost>> {
        let send_timeout = self.config.send_timeout;
        Call::waiting(async move {
            if fate.request_lost {
                tokio::time::sleep(send_timeout).await;
                return Err(Lost);
            }
            tokio::time::sleep(fate.there).await;
            let reply = work().await;
            if fate.reply_lost {
                tokio::time::sleep(send_timeout.saturating_sub(fate.there)).await;
                return Err(Lost);
            }
            tokio::time::sleep(fate.back).await;
            Ok(reply)
        })
    }
}

impl Transport for Simulated {
    fn send(&self, request: Request) -> Call<Result<Response, Lost>> {
        let fate = self.fate(Some(request.to));
        let stores = Arc::clone(&self.stores);
        let refused = fate.refused.clone();
        self.carry(fate, move || match refused {
            Some(error) => Call::ready(Err(error)),
            None => Stores::handle(&stores, request),
        })
    }

    fn ask(&self, request: PdRequest) -> Call<Result<PdReply, Lost>> {
        let stores = Arc::clone(&self.stores);
        self.carry(self.fate(None), move || stores.pd_handle(request))
    }

    fn sleep(&self, duration: Duration) -> Call<()> {
        Call::waiting(async move { tokio::time::sleep(duration).await })
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn is_immediate(&self) -> bool {
        false
    }

    fn timestamp_in_place(&self) -> Option<Timestamp> {
        None
    }
}
