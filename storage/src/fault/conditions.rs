//! What is wrong at a moment: all faults taken together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CommandKind, Fault, LinkChange, Node, RegionChange, Step, StoreChange};
use crate::schema::{RegionId, StoreId};

/// Why a fault cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The cluster has no such store.
    #[error("there is no store {}", .0.0)]
    NoStore(StoreId),
    /// The two have nothing to say to each other.
    #[error("no messages travel from {0} to {1}")]
    NoLink(Node, Node),
}

/// How a link differs from what the cluster was made with. `None` = not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkState {
    /// The least time on the way.
    pub latency: Option<Duration>,
    /// How much longer it may take.
    pub jitter: Option<Duration>,
    /// The part of messages that is lost.
    pub loss: Option<f64>,
    /// The part of requests that arrives twice.
    pub duplicate: f64,
    /// The part of messages that is held back.
    pub reorder: f64,
    /// Since when nothing gets through, milliseconds of the simulation's clock.
    pub cut_ms: Option<u64>,
}

/// How a store differs from one that is well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreState {
    /// Since when it is down, milliseconds of the simulation's clock.
    pub down_ms: Option<u64>,
    /// Since when it does nothing.
    pub stalled_ms: Option<u64>,
    /// The part of requests that it is too busy for.
    pub busy: f64,
    /// How much longer it needs for each request.
    pub slow: Duration,
}

/// A region change that waits for its command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Armed {
    pub(crate) region: Option<RegionId>,
    pub(crate) change: RegionChange,
    /// Commands to come, this one included.
    pub(crate) left: u64,
    pub(crate) command: Option<CommandKind>,
}

impl Armed {
    pub(crate) fn waits_for(&self, region: RegionId, command: CommandKind) -> bool {
        self.region.is_none_or(|r| r == region) && self.command.is_none_or(|c| c == command)
    }
}

/// See the module's essay. A value; the simulation's owner publishes one version after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    seed: u64,
    stores: BTreeMap<StoreId, StoreState>,
    links: BTreeMap<(Node, Node), LinkState>,
    sides: Vec<Vec<Node>>,
    /// Since when there are sides.
    parted_ms: u64,
    clock_offset_ms: i64,
    armed: Vec<Armed>,
    /// Faults to come, with their times, soonest first.
    pending: Vec<(u64, Fault)>,
}

impl Conditions {
    /// Nothing is wrong.
    pub fn new(seed: u64, stores: &[StoreId]) -> Conditions {
        Conditions {
            seed,
            stores: stores.iter().map(|&store| (store, StoreState::default())).collect(),
            links: BTreeMap::new(),
            sides: Vec::new(),
            parted_ms: 0,
            clock_offset_ms: 0,
            armed: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// What all chance comes from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The stores and how they are.
    pub fn stores(&self) -> impl Iterator<Item = (StoreId, &StoreState)> {
        self.stores.iter().map(|(&store, state)| (store, state))
    }

    /// The links that are not as the cluster was made.
    pub fn links(&self) -> impl Iterator<Item = (Node, Node, &LinkState)> {
        self.links.iter().map(|(&(from, to), state)| (from, to, state))
    }

    /// How far ahead the placement driver's clock is.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms
    }

    /// Faults to come, as a plan that begins at this moment of the simulation's clock; soonest first.
    pub fn steps(&self, now_ms: u64) -> impl Iterator<Item = Step> {
        let step = move |(at, fault): &(u64, Fault)| Step {
            after: Duration::from_millis(at.saturating_sub(now_ms)),
            fault: fault.clone(),
        };
        self.pending.iter().map(step)
    }

    /// When the next of them comes.
    pub(crate) fn next_step_ms(&self) -> Option<u64> {
        self.pending.first().map(|(at, _)| *at)
    }

    /// Whether a region waits for a command to change at.
    pub(crate) fn is_armed(&self) -> bool {
        !self.armed.is_empty()
    }

    /// The faults that would make of a cluster that is well what this one is, in the order in which they would be told.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = vec![Fault::Seed(self.seed)];
        let mut store = |store: StoreId, change| faults.push(Fault::Store { store: Some(store), change });
        for (&id, state) in &self.stores {
            if state.down_ms.is_some() {
                store(id, StoreChange::Crash);
            }
            if state.stalled_ms.is_some() {
                store(id, StoreChange::Stall);
            }
            if state.busy > 0.0 {
                store(id, StoreChange::Busy(state.busy));
            }
            if state.slow > Duration::ZERO {
                store(id, StoreChange::Slow(state.slow));
            }
        }
        for (&(from, to), state) in &self.links {
            let part = |part: f64| (part > 0.0).then_some(part);
            let changes = [
                state.latency.map(LinkChange::Latency),
                state.jitter.map(LinkChange::Jitter),
                state.loss.map(LinkChange::Loss),
                part(state.duplicate).map(LinkChange::Duplicate),
                part(state.reorder).map(LinkChange::Reorder),
                state.cut_ms.map(|_| LinkChange::Cut),
            ];
            let link = |change| Fault::Link { from: Some(from), to: Some(to), both_ways: false, change };
            faults.extend(changes.into_iter().flatten().map(link));
        }
        if !self.sides.is_empty() {
            faults.push(Fault::Partition(self.sides.clone()));
        }
        if self.clock_offset_ms != 0 {
            faults.push(Fault::Clock { offset_ms: self.clock_offset_ms });
        }
        let region = |armed: &Armed| {
            let Armed { region, change, left, command } = armed.clone();
            Fault::Region { region, change, nth: left, command }
        };
        faults.extend(self.armed.iter().map(region));
        faults
    }

    /// Takes in a fault that begins now.
    ///
    /// # Errors
    /// If it names what there is not; nothing is changed then.
    pub fn apply(&mut self, fault: &Fault, now_ms: u64) -> Result<(), FaultError> {
        self.check(fault)?;
        match fault {
            Fault::Seed(seed) => self.seed = *seed,
            Fault::Store { store, change } => {
                let concerned = self.stores.iter_mut().filter(|(id, _)| store.is_none_or(|s| s == **id));
                concerned.for_each(|(_, state)| state.change(*change, now_ms));
            }
            Fault::Link { from, to, both_ways, change } => {
                for (from, to) in self.pairs(*from, *to, *both_ways) {
                    self.links.entry((from, to)).or_default().change(*change, now_ms);
                }
                self.links.retain(|_, state| *state != LinkState::default());
            }
            Fault::Partition(sides) => {
                if self.sides.is_empty() {
                    self.parted_ms = now_ms;
                }
                self.sides = sides.clone();
            }
            Fault::Clock { offset_ms } => self.clock_offset_ms = *offset_ms,
            Fault::Region { region, change, nth, command } => {
                let (region, change, command) = (*region, *change, *command);
                self.armed.push(Armed { region, change, left: (*nth).max(1), command });
            }
            Fault::Heal => {
                let stores: Vec<StoreId> = self.stores.keys().copied().collect();
                let pending = std::mem::take(&mut self.pending);
                *self = Conditions { pending, ..Conditions::new(self.seed, &stores) };
            }
        }
        Ok(())
    }

    fn check(&self, fault: &Fault) -> Result<(), FaultError> {
        let known = |node: Node| match node {
            Node::Store(store) if !self.stores.contains_key(&store) => Err(FaultError::NoStore(store)),
            Node::Store(_) | Node::Client | Node::Pd => Ok(()),
        };
        match fault {
            Fault::Store { store, .. } => store.map_or(Ok(()), |store| known(Node::Store(store))),
            Fault::Link { from, to, .. } => {
                [*from, *to].into_iter().flatten().try_for_each(known)?;
                match (from, to) {
                    (Some(from), Some(to)) if !is_link(*from, *to) => Err(FaultError::NoLink(*from, *to)),
                    _ => Ok(()),
                }
            }
            Fault::Partition(sides) => sides.iter().flatten().copied().try_for_each(known),
            Fault::Seed(_) | Fault::Clock { .. } | Fault::Region { .. } | Fault::Heal => Ok(()),
        }
    }

    /// The links between these ends.
    fn pairs(&self, from: Option<Node>, to: Option<Node>, both_ways: bool) -> Vec<(Node, Node)> {
        let stores = self.stores.keys().map(|&store| Node::Store(store));
        let nodes: Vec<Node> = [Node::Client, Node::Pd].into_iter().chain(stores).collect();
        let fits = |end: Option<Node>, node: Node| end.is_none_or(|end| end == node);
        let all = nodes.iter().flat_map(|&a| nodes.iter().map(move |&b| (a, b)));
        all.filter(|&(a, b)| is_link(a, b))
            .filter(|&(a, b)| fits(from, a) && fits(to, b) || both_ways && fits(from, b) && fits(to, a))
            .collect()
    }

    /// Adds faults to come. The plan begins now.
    ///
    /// # Errors
    /// If one of them names what there is not; none is added then.
    pub fn schedule(&mut self, steps: &[Step], now_ms: u64) -> Result<(), FaultError> {
        steps.iter().try_for_each(|step| self.check(&step.fault))?;
        let timed = |step: &Step| (now_ms + step.after.as_millis() as u64, step.fault.clone());
        self.pending.extend(steps.iter().map(timed));
        // Stable: what comes at the same time comes in the order of the plan.
        self.pending.sort_by_key(|(at, _)| *at);
        Ok(())
    }

    /// Takes in the faults whose time has come; how many.
    pub fn advance(&mut self, now_ms: u64) -> usize {
        let due = self.pending.partition_point(|(at, _)| *at <= now_ms);
        let due: Vec<(u64, Fault)> = self.pending.drain(..due).collect();
        for (at, fault) in &due {
            // They were checked when the plan was taken in, and the stores are the same.
            let _ = self.apply(fault, *at);
        }
        due.len()
    }

    /// Counts a command for the region changes that wait for it; those whose turn it is are no longer waiting.
    pub(crate) fn meet(&mut self, region: RegionId, command: CommandKind) -> Vec<RegionChange> {
        let mut fired = Vec::new();
        self.armed.retain_mut(|armed| {
            if !armed.waits_for(region, command) {
                return true;
            }
            armed.left -= 1;
            if armed.left == 0 {
                fired.push(armed.change);
            }
            armed.left > 0
        });
        fired
    }

    /// How the store is.
    pub fn store(&self, store: StoreId) -> Option<&StoreState> {
        self.stores.get(&store)
    }

    /// How the link differs, if it does.
    pub fn link(&self, from: Node, to: Node) -> Option<&LinkState> {
        self.links.get(&(from, to))
    }

    /// Since when nothing gets from one node to another; `None` = it does.
    pub fn deaf_since(&self, from: Node, to: Node) -> Option<u64> {
        let cut = self.link(from, to).and_then(|link| link.cut_ms);
        let side = |node| self.sides.iter().position(|side| side.contains(&node));
        let parted = match (side(from), side(to)) {
            (Some(a), Some(b)) if a != b => Some(self.parted_ms),
            _ => None,
        };
        earliest([cut, parted])
    }

    /// Since when two stores cannot work together.
    pub(super) fn apart_since(&self, a: StoreId, b: StoreId) -> Option<u64> {
        let gone = |store| self.store(store).and_then(|s| earliest([s.down_ms, s.stalled_ms]));
        let (from, to) = (Node::Store(a), Node::Store(b));
        let deaf =
            if a == b { None } else { earliest([self.deaf_since(from, to), self.deaf_since(to, from)]) };
        earliest([gone(a), gone(b), deaf])
    }

    /// Since when a store cannot reach a majority of these replicas, itself among them; `None` = it can.
    pub fn lost_majority_since(&self, store: StoreId, peers: &[StoreId]) -> Option<u64> {
        let mut lost: Vec<u64> = peers.iter().filter_map(|&peer| self.apart_since(store, peer)).collect();
        lost.sort_unstable();
        // It takes so many losses for the rest to be no majority.
        lost.get(peers.len() - majority(peers.len())).copied()
    }

    /// The replica that takes the leader's place, if it is time for that: the next one that reaches a majority.
    pub fn heir(&self, leader: StoreId, peers: &[StoreId], now_ms: u64, election_ms: u64) -> Option<StoreId> {
        let since = self.lost_majority_since(leader, peers)?;
        if now_ms < since + election_ms {
            return None;
        }
        let at = peers.iter().position(|&peer| peer == leader).map_or(0, |at| at + 1);
        let in_turn = (0..peers.len()).map(|i| peers[(at + i) % peers.len()]);
        in_turn.into_iter().find(|&peer| self.lost_majority_since(peer, peers).is_none())
    }
}

pub(super) fn majority(peers: usize) -> usize {
    peers / 2 + 1
}

fn earliest<const N: usize>(times: [Option<u64>; N]) -> Option<u64> {
    times.into_iter().flatten().min()
}

/// Everybody speaks with everybody, but clients with each other, and nobody with itself.
fn is_link(from: Node, to: Node) -> bool {
    from != to
}

impl StoreState {
    fn change(&mut self, change: StoreChange, now_ms: u64) {
        match change {
            StoreChange::Crash => {
                self.down_ms = self.down_ms.or(Some(now_ms));
                // Who is down does not stall: when it is up again, it is awake.
                self.stalled_ms = None;
            }
            StoreChange::Restart => (self.down_ms, self.stalled_ms) = (None, None),
            StoreChange::Stall => self.stalled_ms = self.stalled_ms.or(Some(now_ms)),
            StoreChange::Resume => self.stalled_ms = None,
            StoreChange::Busy(part) => self.busy = part,
            StoreChange::Slow(by) => self.slow = by,
            StoreChange::Recover => *self = StoreState::default(),
        }
    }
}

impl LinkState {
    fn change(&mut self, change: LinkChange, now_ms: u64) {
        match change {
            LinkChange::Latency(latency) => self.latency = Some(latency),
            LinkChange::Jitter(jitter) => self.jitter = Some(jitter),
            LinkChange::Loss(part) => self.loss = Some(part),
            LinkChange::Duplicate(part) => self.duplicate = part,
            LinkChange::Reorder(part) => self.reorder = part,
            LinkChange::Cut => self.cut_ms = self.cut_ms.or(Some(now_ms)),
            LinkChange::Recover => *self = LinkState::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [StoreId; 5] = [StoreId(1), StoreId(2), StoreId(3), StoreId(4), StoreId(5)];
    const PEERS: [StoreId; 3] = [StoreId(1), StoreId(2), StoreId(3)];
    const ELECTION_MS: u64 = 1000;

    fn under(faults: &[(u64, &str)]) -> Conditions {
        let mut conditions = Conditions::new(1, &ALL);
        for (at, text) in faults {
            let fault = Fault::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            conditions.apply(&fault, *at).unwrap_or_else(|e| panic!("{text}: {e}"));
        }
        conditions
    }

    fn heir(conditions: &Conditions, leader: u64, now_ms: u64) -> Option<u64> {
        conditions.heir(StoreId(leader), &PEERS, now_ms, ELECTION_MS).map(|store| store.0)
    }

    #[test]
    fn a_leader_that_is_gone_has_an_heir_after_an_election() {
        for gone in ["store 1 crash", "store 1 stall", "partition (1), (2, 3)", "link 1 <-> * cut"] {
            let now = under(&[(500, gone)]);
            assert_eq!(now.lost_majority_since(StoreId(1), &PEERS), Some(500), "{gone}");
            assert_eq!((heir(&now, 1, 1499), heir(&now, 1, 1500)), (None, Some(2)), "{gone}");
            assert_eq!(heir(&now, 2, 9999), None, "{gone}: the others are a majority");
        }
        // Replies do not get back from the followers: that is no majority, either.
        assert_eq!(heir(&under(&[(0, "link * -> 1 cut")]), 1, 2000), Some(2));
        // Stores that hold no replica do not matter.
        assert_eq!(heir(&under(&[(0, "store 4 crash"), (0, "store 5 crash")]), 1, 9999), None);
    }

    #[test]
    fn a_region_without_a_majority_has_no_leader() {
        let now = under(&[(100, "store 2 crash"), (700, "store 3 stall")]);
        assert_eq!(now.lost_majority_since(StoreId(1), &PEERS), Some(700), "one could be spared");
        assert_eq!(heir(&now, 1, 99_999), None);
        let now = under(&[(100, "store 2 crash"), (700, "store 3 stall"), (800, "store 3 resume")]);
        assert_eq!(now.lost_majority_since(StoreId(1), &PEERS), None);
        // Each alone.
        let now = under(&[(0, "partition (1), (2), (3)")]);
        assert_eq!((heir(&now, 1, 9999), heir(&now, 2, 9999)), (None, None));
    }

    #[test]
    fn sides_keep_silence_and_others_hear_all() {
        let now = under(&[(9, "partition (client, 1), (2)")]);
        let deaf = |a, b| now.deaf_since(a, b);
        let store = |id| Node::Store(StoreId(id));
        assert_eq!((deaf(Node::Client, store(2)), deaf(store(2), Node::Client)), (Some(9), Some(9)));
        assert_eq!(
            (deaf(Node::Client, store(1)), deaf(Node::Client, Node::Pd), deaf(store(3), store(2))),
            (None, None, None)
        );
        let one_way = under(&[(9, "link 2 -> client cut")]);
        assert_eq!(one_way.deaf_since(Node::Client, store(2)), None);
        assert_eq!(one_way.deaf_since(store(2), Node::Client), Some(9));
    }

    #[test]
    fn what_is_wrong_can_be_told_again_and_ends_with_heal() {
        let faults = [
            (0, "seed 7"),
            (0, "store 2 crash"),
            (0, "store 3 slow '5ms'"),
            (0, "link * -> 4 loss 0.5"),
            (0, "partition (1), (2)"),
            (0, "pd offset '3s'"),
            (0, "region 4 merge at 2 commit"),
        ];
        let mut now = under(&faults);
        let mut again = Conditions::new(1, &ALL);
        for fault in now.faults() {
            again.apply(&fault, 0).expect("it was told before");
        }
        assert_eq!(again, now);
        now.apply(&Fault::Heal, 5).expect("heals");
        assert_eq!(now, Conditions::new(7, &ALL));
    }

    #[test]
    fn steps_come_in_their_time_and_begin_then() {
        let mut now = Conditions::new(1, &ALL);
        let step = |ms, text| Step {
            after: Duration::from_millis(ms),
            fault: Fault::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")),
        };
        let plan = [step(300, "heal"), step(100, "store 1 crash"), step(100, "store 2 stall")];
        now.schedule(&plan, 1000).expect("fits");
        assert_eq!((now.advance(1099), now.next_step_ms()), (0, Some(1100)));
        assert_eq!(now.advance(1250), 2);
        assert_eq!(now.steps(1250).collect::<Vec<_>>(), [step(50, "heal")]);
        assert_eq!(now.store(StoreId(1)).and_then(|s| s.down_ms), Some(1100), "not when it was noticed");
        assert_eq!((now.advance(9999), now.steps(9999).count()), (1, 0));
        assert_eq!(now, Conditions::new(1, &ALL));
        assert_eq!(now.schedule(&[step(0, "store 9 crash")], 0), Err(FaultError::NoStore(StoreId(9))));
    }

    #[test]
    fn a_region_changes_at_its_command() {
        let mut now = under(&[(0, "region split at 3 prewrite"), (0, "region 7 merge at 1")]);
        let (five, seven) = (RegionId(5), RegionId(7));
        assert_eq!(now.meet(five, CommandKind::Prewrite), []);
        assert_eq!(now.meet(five, CommandKind::Commit), []);
        assert_eq!(now.meet(seven, CommandKind::Prewrite), [RegionChange::Merge]);
        assert_eq!(now.meet(five, CommandKind::Prewrite), [RegionChange::Split]);
        assert!(!now.is_armed());
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let mut now = Conditions::new(1, &PEERS);
        let mut refused = |text: &str| now.apply(&Fault::parse(text).expect("reads"), 0).expect_err(text);
        assert_eq!(refused("store 4 crash"), FaultError::NoStore(StoreId(4)));
        assert_eq!(refused("link 1 -> 4 cut"), FaultError::NoStore(StoreId(4)));
        assert_eq!(refused("link pd -> pd cut"), FaultError::NoLink(Node::Pd, Node::Pd));
        assert_eq!(refused("partition (1), (9)"), FaultError::NoStore(StoreId(9)));
        assert_eq!(now, Conditions::new(1, &PEERS));
    }
}
