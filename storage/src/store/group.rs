//! The replicas of one region, as one state machine with one owner.
//!
//! The owner's state is the region's data and what the region knows of itself: range, epoch, leader. All of it is published
//! together, so that a read that finds its epoch right finds the data that goes with it.
//!
//! **Why a read misses no commit.** A transaction prewrites (locks are published), then takes its commit timestamp, then
//! commits. A reader whose timestamp is later than that took it after the locks were published, and loads its view later
//! still: it sees the locks, or what became of them. A one-phase commit keeps that order within one command: it prewrites,
//! publishes, takes the timestamp, commits. And an ingest announces itself in every region before it takes its timestamp.
//! A split publishes the smaller left half before anyone can hear of the right: a reader never finds the old whole after a
//! write to the new half.
//!
//! An async commit takes no timestamp after its locks, so its commit timestamp is made later than every read that may have
//! missed them. Readers leave their timestamp ([`MaxRead`]) *before* they load their view; the owner publishes the locks and
//! *then* looks at what readers left. So a reader was either seen, or sees the locks. The halves of a split and the sum of a
//! merge take over what was left after the old view is gone, for until then a reader may leave its timestamp in the old
//! place.
//!
//! **Merging** concerns two owners, and neither may wait for the other. The right region *retires*: it refuses all requests
//! from then on, as one that is not there, and sends a copy of itself to the left one, which *absorbs* it: takes over range,
//! rows, locks and memory of ingests under a later epoch than both, tells the directory, and has the right one forgotten. If
//! the left one cannot (it was split, or an ingest is under way) it tells the right one to come *back*, which is as it was.
//! So a key has at most one region that takes writes at any time; in between it has none, and clients come again. The
//! retired region's locks stay visible to compaction until the left one has published them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use imbl::OrdMap;
use tokio::sync::oneshot;

use super::max_read::MaxRead;
use super::registry::Registry;
use super::view::{GroupView, check, check_keys};
use super::waiters::{Held, Waiter, Waiters};
use crate::chunk::Chunk;
use crate::key::Key;
use crate::owner::{Owner, Published, State};
use crate::pd::{Pd, RegionInfo};
use crate::percolator::{Commit, CommitOutcome, Prewrite, PrewriteOutcome};
use crate::region::{Command, Compacted, Epoch, IngestOutcome, Outcome, RegionState};
use crate::rpc::{
    Awaited, Body, Call, OnePhaseOutcome, PrepareIngest, RegionError, Reply, Request, Response,
};
use crate::schema::{RegionId, SpaceSchema, StoreId, Timestamp};

/// A region, for everybody.
pub(super) struct Group {
    owner: Owner<Replicated>,
    id: RegionId,
    max_read: Arc<MaxRead>,
    /// Whether somebody keeps house here.
    swept: AtomicBool,
    /// The delta size at which to fold again; 0 = as configured.
    fold_at: AtomicUsize,
}

/// The right to keep house in a region, until dropped.
pub(super) struct Broom(Arc<Group>);

impl Broom {
    pub(super) fn group(&self) -> &Arc<Group> {
        &self.0
    }
}

impl Drop for Broom {
    fn drop(&mut self) {
        self.0.swept.store(false, Ordering::Release);
    }
}

impl Group {
    /// An empty region.
    pub(super) fn new(
        info: Arc<RegionInfo>,
        schema: Arc<SpaceSchema>,
        pd: Arc<Pd>,
        groups: &Arc<Registry>,
    ) -> Group {
        let state = RegionState::new(info.id, info.epoch, info.range.clone(), schema);
        Group::of(Replicated::new(state, info, pd, Arc::downgrade(groups)))
    }

    fn of(replicated: Replicated) -> Group {
        let (id, max_read) = (replicated.info.id, Arc::clone(&replicated.max_read));
        Group {
            owner: Owner::new(replicated),
            id,
            max_read,
            swept: AtomicBool::new(false),
            fold_at: AtomicUsize::new(0),
        }
    }

    pub(super) fn id(&self) -> RegionId {
        self.id
    }

    /// Someone is about to read at this timestamp: to be said before the view is loaded. MAX is the timestamp of those who
    /// want what is newest, and is no reason for anyone to commit later.
    pub(super) fn note_read(&self, ts: Timestamp) {
        if ts != Timestamp::MAX {
            self.max_read.note(ts);
        }
    }

    /// The region as it is now. For a moment, not across an `await`.
    pub(super) fn view(&self) -> arc_swap::Guard<Arc<GroupView>> {
        self.owner.peek()
    }

    /// See [`Owner::settle`].
    pub(super) fn settle(&self) {
        self.owner.settle();
    }

    /// See [`Owner::let_go`].
    pub(super) fn let_go(&self) {
        self.owner.let_go();
    }

    pub(super) fn call(&self, command: GroupCommand) -> Call<Response> {
        self.owner.call(command).map(|reply| reply.unwrap_or(Err(RegionError::RegionNotFound)))
    }

    pub(super) fn post(&self, command: GroupCommand) {
        self.owner.post(command);
    }

    /// The same, to keep.
    pub(super) fn view_to_keep(&self) -> Arc<GroupView> {
        self.owner.view()
    }

    /// `None` if somebody else has it.
    pub(super) fn take_broom(self: &Arc<Group>) -> Option<Broom> {
        (!self.swept.swap(true, Ordering::Acquire)).then(|| Broom(Arc::clone(self)))
    }

    pub(super) fn fold_at(&self, configured: usize) -> usize {
        self.fold_at.load(Ordering::Relaxed).max(configured)
    }

    pub(super) fn set_fold_at(&self, versions: usize) {
        self.fold_at.store(versions, Ordering::Relaxed);
    }
}

/// What the owner is told.
pub(super) enum GroupCommand {
    /// A client's request.
    Request(Request),
    /// Begin to fold what was committed up to this timestamp.
    BeginFold(Timestamp),
    /// A compaction is ready.
    Install(Compacted),
    /// There will be none.
    AbandonFold,
    /// Nobody asks for what ended before this.
    Forget(Timestamp),
    /// The region is too large.
    Split(Key),
    /// Another region of an ingest asks the primary's how it ended. If its life is over, it ends here and now.
    CheckIngest { ingest: Timestamp, primary: Key, now_ms: u64 },
    /// How it ended, as the primary's region said.
    FinishIngest { ingest: Timestamp, commit_ts: Option<Timestamp> },
    /// Become part of the region that ends where this one begins.
    Retire { at: Key, own: Arc<Group>, into: Arc<Group> },
    /// Take over the region to the right.
    Absorb { right: Box<RegionState>, ingested: Ingested, from: Arc<Group> },
    /// The neighbour could not take this region over.
    ComeBack,
    /// A replica moves to another store, or is counted as moved if there is none.
    MoveReplica,
    /// How is it now?
    Describe,
    /// Drop `wake`, or send to it, once the lock is not held by `holder` any more (if `expected`: once it has been).
    AwaitLock {
        to: StoreId,
        epoch: Epoch,
        key: Key,
        holder: Timestamp,
        expected: bool,
        waiter: Timestamp,
        wake: oneshot::Sender<Awaited>,
    },
}

/// How ingests ended here, for whoever asks again. Two words each, and never forgotten: another region may still wait.
type Ingested = OrdMap<Timestamp, Option<Timestamp>>;

/// The owner's state.
struct Replicated {
    state: RegionState,
    info: Arc<RegionInfo>,
    ingesting: Option<PrepareIngest>,
    ingested: Ingested,
    /// Whether it is about to be part of its neighbour: `state` is then as it was handed over.
    retired: bool,
    max_read: Arc<MaxRead>,
    /// Who waits for locks here.
    waiters: Waiters,
    pd: Arc<Pd>,
    /// Weak, for the registry holds the region.
    groups: Weak<Registry>,
    /// Regions split off, to be announced.
    born: Vec<Arc<Group>>,
    /// Regions that are part of this one now, to be forgotten.
    dead: Vec<RegionId>,
    /// What the directory must be told.
    news: Vec<Arc<RegionInfo>>,
    /// What other regions must be told.
    outbox: Vec<(Arc<Group>, GroupCommand)>,
}

impl State for Replicated {
    type Command = GroupCommand;
    type Reply = Response;
    type View = GroupView;

    const CHANGES_OFTEN: bool = true;

    fn apply(&mut self, command: GroupCommand, published: &Published<GroupView>) -> Response {
        let reply = self.obey(command, published);
        if !self.waiters.is_empty() {
            self.release();
        }
        reply
    }

    fn view(&self) -> Arc<GroupView> {
        self.view_of(&self.state)
    }

    fn announce(&mut self) {
        self.waiters.wake();
        if !self.born.is_empty()
            && let Some(groups) = self.groups.upgrade()
        {
            for part in &self.born {
                part.max_read.note(self.max_read.get());
            }
            groups.add(std::mem::take(&mut self.born));
        }
        if !self.news.is_empty() {
            self.pd.report(std::mem::take(&mut self.news));
        }
        if !self.dead.is_empty()
            && let Some(groups) = self.groups.upgrade()
        {
            groups.remove(std::mem::take(&mut self.dead));
        }
        for (group, command) in std::mem::take(&mut self.outbox) {
            group.post(command);
        }
    }
}

impl Replicated {
    fn obey(&mut self, command: GroupCommand, published: &Published<GroupView>) -> Response {
        if self.retired && !matches!(command, GroupCommand::ComeBack) {
            if let GroupCommand::Absorb { from, .. } = command {
                self.outbox.push((from, GroupCommand::ComeBack));
            }
            return Err(RegionError::RegionNotFound);
        }
        match command {
            GroupCommand::Request(request) => self.request(request, published),
            GroupCommand::BeginFold(at) => {
                self.check_quiet()?;
                // A fold is a reader: what is locked from now on commits after it.
                if let Outcome::FoldBegun(Some(at)) = self.state.apply(Command::BeginFold(at)) {
                    self.max_read.note(at);
                }
                Ok(Reply::Resolved)
            }
            GroupCommand::Install(compacted) => {
                self.state.apply(Command::Install(compacted));
                Ok(Reply::Resolved)
            }
            GroupCommand::AbandonFold => {
                self.state.apply(Command::AbandonFold);
                Ok(Reply::Resolved)
            }
            GroupCommand::Forget(safe_ts) => {
                self.state.apply(Command::Forget(safe_ts));
                Ok(Reply::Resolved)
            }
            GroupCommand::Split(at) => {
                self.check_quiet()?;
                self.split(&[at])
            }
            GroupCommand::CheckIngest { ingest, primary, now_ms } => {
                check_keys(&self.info.range, [&primary])?;
                let pending = self.ingesting.as_ref().filter(|pending| pending.ingest == ingest);
                if pending.is_some_and(|pending| now_ms < pending.until_ms) {
                    return Err(RegionError::ProposalInMergingMode);
                }
                Ok(Reply::IngestFinished(self.finish_ingest(ingest, None)))
            }
            GroupCommand::FinishIngest { ingest, commit_ts } => {
                Ok(Reply::IngestFinished(self.finish_ingest(ingest, commit_ts)))
            }
            GroupCommand::Retire { at, own, into } => {
                self.check_quiet()?;
                if self.info.range.start != at {
                    return Err(RegionError::EpochNotMatch { current: vec![Arc::clone(&self.info)] });
                }
                self.retired = true;
                let (right, ingested) = (Box::new(self.state.clone()), self.ingested.clone());
                self.outbox.push((into, GroupCommand::Absorb { right, ingested, from: own }));
                Ok(Reply::Resolved)
            }
            GroupCommand::Absorb { right, ingested, from } => {
                self.max_read.note(from.max_read.get());
                if !self.absorb(*right, ingested) {
                    self.outbox.push((from, GroupCommand::ComeBack));
                }
                Ok(Reply::Resolved)
            }
            GroupCommand::ComeBack => {
                self.retired = false;
                Ok(Reply::Resolved)
            }
            GroupCommand::MoveReplica => {
                self.move_replica();
                Ok(Reply::Resolved)
            }
            GroupCommand::AwaitLock { to, epoch, key, holder, expected, waiter, wake } => {
                check(&self.info, to, epoch)?;
                check_keys(&self.info.range, [&key])?;
                self.waiters.add(Waiter { key, holder, expected, waiter, wake });
                Ok(Reply::Awaited(Awaited::Released))
            }
            GroupCommand::Describe => Ok(Reply::Merged(Some(Arc::clone(&self.info)))),
        }
    }

    fn new(state: RegionState, info: Arc<RegionInfo>, pd: Arc<Pd>, groups: Weak<Registry>) -> Replicated {
        Replicated {
            state,
            info,
            ingesting: None,
            ingested: OrdMap::new(),
            retired: false,
            max_read: Arc::default(),
            waiters: Waiters::default(),
            pd,
            groups,
            born: Vec::new(),
            dead: Vec::new(),
            news: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// Finds those who need not wait for a lock any more.
    fn release(&mut self) {
        let locks = &self.state.view().records().locks;
        let (range, retired) = (&self.info.range, self.retired);
        self.waiters.release(|key, holder| match locks.get(key) {
            _ if retired || !range.contains(key.as_bytes()) => Held::Elsewhere,
            Some(lock) if lock.start_ts == holder => Held::ByHolder,
            Some(_) | None => Held::No,
        });
    }

    fn view_of(&self, state: &RegionState) -> Arc<GroupView> {
        Arc::new(GroupView {
            info: Arc::clone(&self.info),
            retired: self.retired,
            snapshot: state.published(),
            ingesting: self.ingesting.clone(),
        })
    }

    fn request(&mut self, request: Request, published: &Published<GroupView>) -> Response {
        check(&self.info, request.to, request.epoch)?;
        let range = &self.info.range;
        match request.body {
            Body::Scan(scan) => self.view().scan(request.to, request.epoch, &scan),
            Body::Get(get) => self.view().get(request.to, request.epoch, &get),
            Body::Lookup(lookup) => self.view().lookup(request.to, request.epoch, &lookup),
            Body::Prewrite(prewrite) => {
                check_keys(range, prewrite.mutations.iter().map(|m| &m.key))?;
                self.check_quiet()?;
                Ok(Reply::Prewrite(self.prewrite(prewrite, published)))
            }
            Body::OnePhase(prewrite) => {
                check_keys(range, prewrite.mutations.iter().map(|m| &m.key))?;
                self.check_quiet()?;
                Ok(Reply::OnePhase(self.one_phase(prewrite, published)))
            }
            Body::PessimisticLock(lock) => {
                check_keys(range, &lock.keys)?;
                self.check_quiet()?;
                match self.state.apply(Command::PessimisticLock(lock)) {
                    Outcome::PessimisticLock(outcome) => Ok(Reply::PessimisticLock(outcome)),
                    other => unreachable_outcome(&other),
                }
            }
            Body::PessimisticRollback(rollback) => {
                check_keys(range, &rollback.keys)?;
                self.state.apply(Command::PessimisticRollback(rollback));
                Ok(Reply::PessimisticRolledBack)
            }
            Body::HeartBeat(beat) => {
                check_keys(range, [&beat.primary])?;
                match self.state.apply(Command::HeartBeat(beat)) {
                    Outcome::HeartBeat(ttl_ms) => Ok(Reply::HeartBeat(ttl_ms)),
                    other => unreachable_outcome(&other),
                }
            }
            Body::Commit(commit) => {
                check_keys(range, &commit.keys)?;
                Ok(Reply::Commit(self.commit(commit)))
            }
            Body::Rollback(rollback) => {
                check_keys(range, &rollback.keys)?;
                self.state.apply(Command::Rollback(rollback));
                Ok(Reply::RolledBack)
            }
            Body::CheckTxnStatus(check) => {
                check_keys(range, [&check.primary])?;
                match self.state.apply(Command::CheckTxnStatus(check)) {
                    Outcome::TxnStatus(status) => Ok(Reply::TxnStatus(status)),
                    other => unreachable_outcome(&other),
                }
            }
            Body::CheckSecondaryLocks(check) => {
                check_keys(range, &check.keys)?;
                match self.state.apply(Command::CheckSecondaryLocks(check)) {
                    Outcome::SecondaryLocks(locks) => Ok(Reply::SecondaryLocks(locks)),
                    other => unreachable_outcome(&other),
                }
            }
            Body::ResolveLock(resolve) => {
                check_keys(range, resolve.keys.iter().flatten())?;
                self.state.apply(Command::ResolveLock(resolve));
                Ok(Reply::Resolved)
            }
            Body::PrepareIngest(prepare) => {
                check_keys(range, prepare.chunks.iter().flat_map(|c| [c.first_key(), c.last_key()]))?;
                if self.ingesting.as_ref().is_some_and(|other| other.ingest != prepare.ingest) {
                    return Err(RegionError::ProposalInMergingMode);
                }
                Ok(Reply::IngestPrepared(self.prepare_ingest(prepare)))
            }
            Body::FinishIngest { ingest, commit_ts } => {
                Ok(Reply::IngestFinished(self.finish_ingest(ingest, commit_ts)))
            }
            Body::Backfill { at, chunks } => {
                check_keys(range, chunks.iter().flat_map(|c| [c.first_key(), c.last_key()]))?;
                self.check_quiet()?;
                match self.state.apply(Command::Backfill(at, chunks)) {
                    Outcome::Backfill(outcome) => Ok(Reply::Backfilled(outcome)),
                    other => unreachable_outcome(&other),
                }
            }
            Body::Split(keys) => {
                check_keys(range, keys.iter())?;
                self.check_quiet()?;
                self.split(&keys)
            }
            Body::TransferLeader(to) => Ok(self.transfer_leader(to)),
            // Concerns two regions, or takes time: the stores see to it.
            Body::Merge | Body::AwaitLock(_) | Body::ScanLocks { .. } | Body::Compact => {
                Err(RegionError::ProposalInMergingMode)
            }
        }
    }

    /// While an ingest is prepared, nothing else may change keys or the range.
    fn check_quiet(&self) -> Result<(), RegionError> {
        match self.ingesting {
            Some(_) => Err(RegionError::ProposalInMergingMode),
            None => Ok(()),
        }
    }

    /// For an async commit, tries on a copy first, which costs a few reference counts and the keys twice, and shows the copy:
    /// see the module's essay.
    fn prewrite(&mut self, mut prewrite: Prewrite, published: &Published<GroupView>) -> PrewriteOutcome {
        if prewrite.async_commit.is_some() {
            let mut shown = self.state.clone();
            if let Outcome::Prewrite(PrewriteOutcome::Done { .. }) =
                shown.apply(Command::Prewrite(prewrite.clone()))
            {
                published.show(self.view_of(&shown));
            }
        }
        if let Some(async_commit) = &mut prewrite.async_commit {
            async_commit.max_read_ts = self.max_read.get();
        }
        match self.state.apply(Command::Prewrite(prewrite)) {
            Outcome::Prewrite(outcome) => outcome,
            other => unreachable_outcome(&other),
        }
    }

    fn commit(&mut self, commit: Commit) -> CommitOutcome {
        match self.state.apply(Command::Commit(commit)) {
            Outcome::Commit(outcome) => outcome,
            other => unreachable_outcome(&other),
        }
    }

    /// Both phases, since all keys are here. Sent twice it answers the same twice, as its two halves do.
    fn one_phase(&mut self, prewrite: Prewrite, published: &Published<GroupView>) -> OnePhaseOutcome {
        let keys: Vec<Key> = prewrite.mutations.iter().map(|m| m.key.clone()).collect();
        let start_ts = prewrite.start_ts;
        match self.prewrite(prewrite, published) {
            PrewriteOutcome::Done { .. } => {}
            refused => return OnePhaseOutcome::Refused(refused),
        }
        // Readers must see the locks before the commit timestamp exists: see the module's essay.
        published.show(self.view());
        let mut commit_ts = self.pd.timestamp();
        loop {
            match self.commit(Commit { keys: Vec::clone(&keys), start_ts, commit_ts }) {
                CommitOutcome::Done { commit_ts } => return OnePhaseOutcome::Committed(commit_ts),
                // Only a reader from the future can have asked for that; it gets what it asked for.
                CommitOutcome::CommitTsExpired { min_commit_ts } => commit_ts = min_commit_ts,
                CommitOutcome::RolledBack { key } | CommitOutcome::NotFound { key } => {
                    return OnePhaseOutcome::Refused(PrewriteOutcome::Aborted { key });
                }
            }
        }
    }

    /// Tries the ingest on a copy, which costs a few reference counts unless rows must be merged. If that works it will
    /// work again, for nothing else may change keys until then.
    fn prepare_ingest(&mut self, prepare: PrepareIngest) -> IngestOutcome {
        match self.ingested.get(&prepare.ingest) {
            Some(Some(_)) => return IngestOutcome::Done,
            Some(None) => return IngestOutcome::Abandoned,
            None => {}
        }
        if self.ingesting.is_some() {
            self.ingesting = Some(prepare);
            return IngestOutcome::Done;
        }
        let outcome = ingest(&mut self.state.clone(), &prepare.chunks, Timestamp::MAX);
        self.ingesting = (outcome == IngestOutcome::Done).then_some(prepare);
        outcome
    }

    /// Ends an ingest, unless it has ended; how it did. One that is not known here ends too, lest it be prepared later.
    fn finish_ingest(&mut self, id: Timestamp, commit_ts: Option<Timestamp>) -> Option<Timestamp> {
        if let Some(end) = self.ingested.get(&id) {
            return *end;
        }
        let pending = self.ingesting.take_if(|pending| pending.ingest == id);
        let end = commit_ts.zip(pending).and_then(|(commit_ts, pending)| {
            let done = ingest(&mut self.state, &pending.chunks, commit_ts) == IngestOutcome::Done;
            done.then_some(commit_ts)
        });
        self.ingested.insert(id, end);
        end
    }

    /// Splits at these keys, ascending. Keys at which there is nothing to split are passed over.
    fn split(&mut self, keys: &[Key]) -> Response {
        let mut parts: Vec<(RegionState, Arc<RegionInfo>)> = Vec::new();
        for key in keys {
            let id = self.pd.new_region_id();
            let last = parts.last_mut().map_or(&mut self.state, |(state, _)| state);
            let Some(right) = last.split(key, id) else { continue };
            // Scheduling takes no time here: the new region is where the placement driver wants it.
            let peers = self.pd.place();
            let leader = peers.first().copied().unwrap_or(self.info.leader);
            let info = RegionInfo { id, term: 1, leader, peers, ..RegionInfo::clone(&self.info) };
            parts.push((right, Arc::new(info)));
        }
        self.info = describe(&self.state, &self.info);
        let mut regions = vec![Arc::clone(&self.info)];
        for (state, info) in parts {
            let info = describe(&state, &info);
            regions.push(Arc::clone(&info));
            let pd = Arc::clone(&self.pd);
            let mut part = Replicated::new(state, info, pd, Weak::clone(&self.groups));
            part.ingested = self.ingested.clone();
            self.born.push(Arc::new(Group::of(part)));
        }
        self.news.extend(regions.iter().cloned());
        Ok(Reply::Split(regions))
    }

    /// Takes over the region to the right, if it is that, and nothing larger is under way here.
    fn absorb(&mut self, right: RegionState, ingested: Ingested) -> bool {
        let id = right.view().id();
        if self.check_quiet().is_err() || self.state.merge(right).is_err() {
            return false;
        }
        for (ingest, end) in ingested {
            if end.is_some() || !self.ingested.contains_key(&ingest) {
                self.ingested.insert(ingest, end);
            }
        }
        self.info = describe(&self.state, &self.info);
        self.news.push(Arc::clone(&self.info));
        self.dead.push(id);
        true
    }

    /// The last replica that does not lead goes to a store that has none.
    fn move_replica(&mut self) {
        let mut peers = self.info.peers.to_vec();
        let spare = self.pd.stores().iter().find(|store| !peers.contains(store));
        if let (Some(&spare), Some(last)) = (spare, peers.iter().rposition(|&peer| peer != self.info.leader))
        {
            peers[last] = spare;
        }
        self.state.bump_conf_ver();
        self.info =
            describe(&self.state, &RegionInfo { peers: peers.into(), ..RegionInfo::clone(&self.info) });
        self.news.push(Arc::clone(&self.info));
    }

    fn transfer_leader(&mut self, to: StoreId) -> Reply {
        if !self.info.peers.contains(&to) {
            return Reply::NoReplica;
        }
        if self.info.leader != to {
            let info = RegionInfo { leader: to, term: self.info.term + 1, ..RegionInfo::clone(&self.info) };
            self.info = Arc::new(info);
            self.news.push(Arc::clone(&self.info));
        }
        Reply::LeaderMoved(Arc::clone(&self.info))
    }
}

fn ingest(state: &mut RegionState, chunks: &[Chunk], commit_ts: Timestamp) -> IngestOutcome {
    let chunks = chunks.iter().map(|c| c.committed_at(commit_ts)).collect();
    match state.apply(Command::Ingest(chunks)) {
        Outcome::Ingest(outcome) => outcome,
        other => unreachable_outcome(&other),
    }
}

/// The info, with range and epoch as the state has them.
fn describe(state: &RegionState, info: &RegionInfo) -> Arc<RegionInfo> {
    let view = state.view();
    Arc::new(RegionInfo { range: view.range().clone(), epoch: view.epoch(), ..info.clone() })
}

fn unreachable_outcome(outcome: &Outcome) -> ! {
    unreachable!("a command's outcome is of its own kind, not {outcome:?}")
}
