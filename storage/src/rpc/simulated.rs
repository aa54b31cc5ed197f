//! A network: messages take time, get lost, come twice or out of order, and stores fail, on tokio's clock (`Travel` says how
//! exactly).
//!
//! Each message has a number, and its fate is a function of the seed, that number, and what is wrong at the moment
//! ([`Conditions`]). Under a paused clock on one thread the numbers are given out in the same order every time, so the same
//! seed gives the same run; [`Simulation::trace`](super::Simulation::trace) is a number that says whether it did.
//!
//! A message is lost on its way there (the work is not done) or on its way back (it is). Either way the sender hears nothing
//! and gives up after the send timeout. A sender that gives up, or is dropped, does not take its request back: it goes on its
//! way, and its work may be done long after (`InFlight`).
//!
//! A store that is down refuses at once, a stalled one keeps requests until it comes to. A leader without a majority says
//! that it leads no more. Whoever hears of a region whose leader could not lead for an election's time (a replica that was
//! asked, the placement driver when it is asked) makes another its leader first: so elections need no timers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::fate::Fate;
use super::faults::{FaultCommand, FaultReply, Faults};
use super::trace::{Counters, count};
use super::travel::Travel;
use super::{
    Body, Call, Lost, OUT_OF_PATIENCE, PdReply, PdRequest, RegionError, Request, Response, Transport,
};
use crate::clock::Clock;
use crate::fault::{Conditions, FaultError, Node};
use crate::owner::Owner;
use crate::pd::RegionInfo;
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
    /// How long a region's replicas do without a leader before they elect another.
    pub election: Duration,
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
            election: Duration::from_secs(1),
        }
    }
}

/// A stalled store is looked at again after this.
const STALL_CHECK: Duration = Duration::from_millis(10);

/// See the module's essay.
pub(crate) struct Simulated(pub(super) Arc<Network>);

/// What messages meet on their way.
pub(super) struct Network {
    pub(super) stores: Arc<Stores>,
    clock: Clock,
    config: SimulatedConfig,
    pub(super) travel: Travel,
    pub(super) faults: Owner<Faults>,
    pub(super) counters: Counters,
    /// Where requests go on their way whose sender has given up.
    pub(super) handle: Handle,
}

/// Why a sender hears nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It has to find out by waiting.
    Timeout,
    /// There is nobody: it knows at once.
    Refused,
}

impl Simulated {
    /// To be called where tokio's timers can be made.
    pub(crate) fn new(
        stores: Arc<Stores>,
        clock: Clock,
        config: SimulatedConfig,
        travel: Travel,
    ) -> Simulated {
        let pd = Arc::clone(stores.pd());
        let faults = Owner::new(Faults { now: Conditions::new(config.seed, pd.stores()), pd });
        let counters = Counters::default();
        let handle = Handle::current();
        let network = Arc::new(Network { stores, clock, config, travel, faults, counters, handle });
        let courier = Arc::downgrade(&network);
        network.stores.pd().let_reports_travel(move |regions| {
            if let Some(network) = courier.upgrade() {
                Network::report(network, regions);
            }
        });
        Simulated(network)
    }
}

impl Network {
    /// Tells the owner of what is wrong.
    pub(super) async fn tell(&self, command: impl FnOnce(u64) -> FaultCommand) -> Result<(), FaultError> {
        match self.faults.call(command(self.clock.now_ms())).await {
            Ok(FaultReply::Refused(error)) => Err(error),
            // An owner that is gone has panicked, and every message tells of that.
            Ok(FaultReply::Done | FaultReply::Changes(_)) | Err(_) => Ok(()),
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// What is wrong now.
    pub(super) async fn now(&self) -> Arc<Conditions> {
        let now_ms = self.clock.now_ms();
        if self.faults.peek().next_step_ms().is_some_and(|at| at <= now_ms) {
            // Steps were checked when they were taken in.
            let _ = self.tell(FaultCommand::Advance).await;
        }
        self.faults.view()
    }

    async fn send(self: Arc<Network>, request: Request) -> Result<Response, Lost> {
        let now = self.now().await;
        let number = count(&self.counters.messages);
        let (to, region, command) = (request.to, request.region, request.body.kind());
        let fate = Fate::of(number, Node::Store(to), &self.config, &now);
        self.tally(&fate);
        if let Some(later) = fate.again {
            let copy = fate.repeated(later);
            self.handle.spawn(deliver(Arc::clone(&self), request.clone(), copy));
        }
        let answer = self.answer(deliver(Arc::clone(&self), request, fate)).await;
        let outcome = match &answer {
            Ok(Ok(reply)) => (0, Some(std::mem::discriminant(reply))),
            Ok(Err(error)) => (1 + error.kind() as u8, None),
            Err(Lost) => (u8::MAX, None),
        };
        self.counters.note((number, to.0, region.0, command, outcome, self.clock.now_ms()));
        answer
    }

    async fn ask(self: Arc<Network>, request: PdRequest) -> Result<PdReply, Lost> {
        let now = self.now().await;
        let number = count(&self.counters.messages);
        let fate = Fate::of(number, Node::Pd, &self.config, &now);
        self.tally(&fate);
        if let Some(later) = fate.again {
            let copy = fate.repeated(later);
            self.handle.spawn(deliver_to_pd(Arc::clone(&self), request.clone(), copy));
        }
        let answer = self.answer(deliver_to_pd(Arc::clone(&self), request, fate)).await;
        let timestamp = match &answer {
            Ok(PdReply::Timestamp(ts)) => ts.0,
            Ok(_) => 0,
            Err(Lost) => 1,
        };
        self.counters.note((number, timestamp, self.clock.now_ms()));
        answer
    }

    fn tally(&self, fate: &Fate) {
        let counters = &self.counters;
        for (counter, met) in [
            (&counters.messages, fate.again.is_some()),
            (&counters.duplicated, fate.again.is_some()),
            (&counters.held_back, fate.held_back),
            (&counters.refused, fate.refused.is_some()),
        ] {
            if met {
                count(counter);
            }
        }
    }

    /// Waits for what comes back, for as long as a sender does.
    async fn answer<T: Send + 'static>(
        self: &Arc<Network>,
        delivery: impl Future<Output = Result<T, Silence>> + Send + 'static,
    ) -> Result<T, Lost> {
        let until = Instant::now() + self.config.send_timeout;
        let delivery = InFlight { delivery: Some(Box::pin(delivery)), network: Arc::clone(self) };
        let silence = match timeout_at(until, delivery).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(silence)) => silence,
            Err(_) => Silence::Refused,
        };
        if silence == Silence::Timeout {
            sleep_until(until).await;
        }
        count(&self.counters.unanswered);
        Err(Lost)
    }

    /// Waits until a store is awake, if it is up.
    pub(super) async fn awake(&self, store: StoreId) -> Result<Arc<Conditions>, Silence> {
        loop {
            let now = self.now().await;
            let Some(state) = now.store(store) else { return Err(Silence::Refused) };
            if state.down_ms.is_some() {
                return Err(Silence::Refused);
            }
            if state.stalled_ms.is_none() {
                return Ok(now);
            }
            sleep(STALL_CHECK).await;
        }
    }

    /// What the store makes of a request; and how long its followers make it wait.
    async fn work(
        &self,
        request: Request,
        now: &Conditions,
        chance: &mut Random,
    ) -> Result<(Response, Duration), Silence> {
        if now.is_armed()
            && let Ok(FaultReply::Changes(changes)) =
                self.faults.call(FaultCommand::Meet(request.region, request.body.kind())).await
        {
            for change in changes {
                count(&self.counters.region_changes);
                Stores::disturb(&self.stores, request.region, change, request.body.last_key()).await;
            }
        }
        let mut delay = Duration::ZERO;
        if let Some(info) = self.stores.info(request.region) {
            self.elect(&info, now).await;
        }
        if let Some(info) = self.stores.info(request.region)
            && info.leader == request.to
        {
            if now.lost_majority_since(info.leader, &info.peers).is_some() {
                return Ok((Err(RegionError::NotLeader { leader: None }), delay));
            }
            if request.body.is_write() {
                delay = now.quorum_delay(info.leader, &info.peers, chance);
            }
        }
        if let Body::OnePhase(_) = request.body {
            self.fetch_timestamp(request.to, chance).await?;
        }
        let patience = request.body.patience();
        let call = Stores::handle(&self.stores, request);
        let response = match patience {
            Some(patience) => timeout(patience, call).await.unwrap_or(OUT_OF_PATIENCE),
            None => call.await,
        };
        Ok((response, delay))
    }

    /// Gives a region another leader, if it is time for that.
    async fn elect(&self, info: &RegionInfo, now: &Conditions) {
        let election_ms = self.config.election.as_millis() as u64;
        if let Some(heir) = now.heir(info.leader, &info.peers, self.clock.now_ms(), election_ms) {
            count(&self.counters.elections);
            Stores::elect(&self.stores, info, heir).await;
        }
    }
}

/// A request on its way to a store, the work, and the reply on its way back.
async fn deliver(network: Arc<Network>, request: Request, mut fate: Fate) -> Result<Response, Silence> {
    if fate.request_lost {
        return Err(Silence::Timeout);
    }
    network.travel.take(fate.there).await;
    let (store, node) = (request.to, Node::Store(request.to));
    if network.now().await.deaf_since(Node::Client, node).is_some() {
        return Err(Silence::Timeout);
    }
    let now = network.awake(store).await?;
    let slow = now.store(store).map_or(Duration::ZERO, |state| state.slow);
    if slow > Duration::ZERO {
        network.travel.take(slow).await;
    }
    let (answer, delay) = match fate.refused {
        Some(error) => (Err(error), Duration::ZERO),
        None => network.work(request, &now, &mut fate.chance).await?,
    };
    if delay > Duration::ZERO {
        network.travel.take(delay).await;
    }
    // It may have died of it.
    let now = network.awake(store).await?;
    if fate.reply_lost || now.deaf_since(node, Node::Client).is_some() {
        return Err(Silence::Timeout);
    }
    network.travel.take(fate.back).await;
    Ok(answer)
}

/// As [`deliver`], to the placement driver.
async fn deliver_to_pd(network: Arc<Network>, request: PdRequest, fate: Fate) -> Result<PdReply, Silence> {
    if fate.request_lost {
        return Err(Silence::Timeout);
    }
    network.travel.take(fate.there).await;
    let now = network.now().await;
    if now.deaf_since(Node::Client, Node::Pd).is_some() {
        return Err(Silence::Timeout);
    }
    if let PdRequest::Regions { range, limit } = &request {
        for known in network.stores.pd().regions(range, *limit) {
            // Those who elect know better than the directory how their region is.
            if let Some(info) = network.stores.info(known.id) {
                network.elect(&info, &now).await;
            }
        }
    }
    let reply = network.stores.pd_handle(request).await;
    if fate.reply_lost || network.now().await.deaf_since(Node::Pd, Node::Client).is_some() {
        return Err(Silence::Timeout);
    }
    network.travel.take(fate.back).await;
    Ok(reply)
}

/// A request on its way. Who waits for it may be dropped: it arrives all the same.
struct InFlight<T: Send + 'static> {
    delivery: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    network: Arc<Network>,
}

impl<T: Send + 'static> Future for InFlight<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(delivery) = &mut self.delivery else { return Poll::Pending };
        let polled = delivery.as_mut().poll(context);
        if polled.is_ready() {
            self.delivery = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for InFlight<T> {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            count(&self.network.counters.orphaned);
            self.network.handle.spawn(delivery);
        }
    }
}

impl Transport for Simulated {
    fn send(&self, request: Request) -> Call<Result<Response, Lost>> {
        Call::waiting(Arc::clone(&self.0).send(request))
    }

    fn ask(&self, request: PdRequest) -> Call<Result<PdReply, Lost>> {
        Call::waiting(Arc::clone(&self.0).ask(request))
    }

    fn sleep(&self, duration: Duration) -> Call<()> {
        Call::waiting(sleep(duration))
    }

    fn now_ms(&self) -> u64 {
        self.0.clock.now_ms()
    }

    fn is_immediate(&self) -> bool {
        false
    }

    fn timestamp_in_place(&self) -> Option<Timestamp> {
        None
    }
}
