//! What statements of one shape have cost, all together: `information_schema.statements_summary`.
//!
//! A server's connection knows for each command when it began and when it was done (`crate::slow`), and a number for the shape of its
//! text (`crate::server::desk`). It counts for itself, by value, and gives what it has counted to the owner of the sums from time to
//! time: when it is much, or a while ago that it did. As with the use of functions (`crate::usage`) the sums lie in a channel of
//! capacity one, and who takes them out is their owner until they are back. What a connection has run within its last
//! [`PATIENCE`] may be missing in what others see, until it runs something else or ends; not in what it sees itself.
//!
//! Digests are made when somebody asks, of one statement of each shape. Left out: TiDB's windows of half an hour (here there is one,
//! since the database began), and statements of the library's sessions.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use hashbrown::HashMap;

use allod_executor::statement_digest;

/// Statements that a connection counts before it gives them away.
const OWN_MAX: u64 = 64;
/// How long it keeps them.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
/// Shapes whose sums are kept (TiDB's `tidb_stmt_summary_max_stmt_count`).
const SHAPES_MAX: usize = 3000;

/// What was counted of one shape in one database.
#[derive(Clone)]
pub(crate) struct Ran {
    /// One of the statements.
    pub sample: Arc<str>,
    pub user: String,
    pub count: u64,
    pub errors: u64,
    pub warnings: u64,
    pub from_cache: u64,
    pub prepared: bool,
    pub total: Duration,
    pub least: Duration,
    pub most: Duration,
    pub first_us: i64,
    pub last_us: i64,
}

/// A shape's number, and the database.
type Shape = (u64, Option<Arc<str>>);

/// What a connection has counted and not yet given away.
pub(crate) struct OwnSummary {
    shapes: HashMap<Shape, Ran>,
    count: u64,
    given: Instant,
}

impl Default for OwnSummary {
    fn default() -> OwnSummary {
        OwnSummary { shapes: HashMap::new(), count: 0, given: Instant::now() }
    }
}

/// The sums of a database, their owner's place, and the mailbox.
pub(crate) struct Summary {
    post: Sender<HashMap<Shape, Ran>>,
    mailbox: Receiver<HashMap<Shape, Ran>>,
    home: Sender<Sums>,
    sums: Receiver<Sums>,
    /// Whether anything is counted (`tidb_enable_stmt_summary`).
    enabled: AtomicBool,
}

#[derive(Default)]
struct Sums(HashMap<Shape, Ran>);

impl Ran {
    /// Takes in what came later.
    fn add(&mut self, later: &Ran) {
        self.count += later.count;
        self.errors += later.errors;
        self.warnings += later.warnings;
        self.from_cache += later.from_cache;
        self.prepared |= later.prepared;
        self.total += later.total;
        self.least = self.least.min(later.least);
        self.most = self.most.max(later.most);
        self.first_us = self.first_us.min(later.first_us);
        self.last_us = self.last_us.max(later.last_us);
    }
}

impl OwnSummary {
    /// Counts a statement; `ran` makes the first of a shape.
    pub fn note(
        &mut self,
        shape: u64,
        database: Option<&Arc<str>>,
        elapsed: Duration,
        (failed, warnings, from_cache): (bool, u64, bool),
        ran: impl FnOnce() -> Ran,
    ) {
        let own = self.shapes.entry((shape, database.cloned())).or_insert_with(ran);
        own.count += 1;
        own.errors += u64::from(failed);
        own.warnings += warnings;
        own.from_cache += u64::from(from_cache);
        own.total += elapsed;
        own.least = own.least.min(elapsed);
        own.most = own.most.max(elapsed);
        self.count += 1;
    }

    /// Forgets it.
    pub fn clear(&mut self) {
        self.shapes.clear();
        self.count = 0;
    }

    /// Gives away what was counted, if it is time.
    pub fn give(&mut self, now: Instant, all: &Summary) {
        if self.count >= OWN_MAX || self.count > 0 && now.saturating_duration_since(self.given) >= PATIENCE {
            self.give_all(now, all);
        }
    }

    /// Gives away what was counted.
    pub fn give_all(&mut self, now: Instant, all: &Summary) {
        if self.count > 0 {
            let now_us = chrono::Utc::now().timestamp_micros();
            self.shapes.values_mut().for_each(|ran| ran.last_us = now_us.max(ran.last_us));
            all.add(std::mem::take(&mut self.shapes));
            (self.count, self.given) = (0, now);
        }
    }
}

/// The sums of the statements of one digest in one database.
pub(crate) struct Summed {
    pub database: Option<Arc<str>>,
    pub digest: String,
    pub ran: Ran,
}

impl Default for Summary {
    fn default() -> Summary {
        let (post, mailbox) = unbounded();
        let (home, sums) = bounded(1);
        // The channel has room for the one value there is.
        let _ = home.send(Sums::default());
        Summary { post, mailbox, home, sums, enabled: AtomicBool::new(true) }
    }
}

impl Summary {
    fn add(&self, counted: HashMap<Shape, Ran>) {
        /// Posted values above which a connection empties the mailbox.
        const MAILBOX_LONG: usize = 64;
        // The mailbox lives as long as `self`.
        let _ = self.post.send(counted);
        if self.mailbox.len() > MAILBOX_LONG
            && let Ok(sums) = self.sums.try_recv()
        {
            self.settle(sums, |_| ());
        }
    }

    /// Whether statements are to be counted.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// They are from now on, or not, and then all is forgotten.
    pub fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
        if !enabled && let Ok(sums) = self.sums.recv() {
            let mut taken = Taken { sums, home: &self.home };
            self.mailbox.try_iter().for_each(drop);
            taken.sums = Sums::default();
        }
    }

    /// All sums up to now, with what the one who asks has not given away yet.
    pub fn report(&self, own: &OwnSummary) -> Vec<Summed> {
        // They are away only while somebody empties the mailbox.
        let Ok(sums) = self.sums.recv() else { return Vec::new() };
        let mut all = self.settle(sums, |sums| Sums(sums.0.clone()));
        all.add(own.shapes.clone());
        let Sums(all) = all;
        let mut by_digest: BTreeMap<(Option<Arc<str>>, String), Ran> = BTreeMap::new();
        for ((_, database), ran) in all {
            let Some(digest) = statement_digest(&ran.sample) else { continue };
            match by_digest.entry((database, digest)) {
                btree_map::Entry::Vacant(place) => drop(place.insert(ran)),
                btree_map::Entry::Occupied(mut place) => place.get_mut().add(&ran),
            }
        }
        let summed = |((database, digest), ran)| Summed { database, digest, ran };
        by_digest.into_iter().map(summed).collect()
    }

    /// Empties the mailbox, does something else, and gives the sums back, even if it panics.
    fn settle<T>(&self, sums: Sums, and: impl FnOnce(&Sums) -> T) -> T {
        let mut taken = Taken { sums, home: &self.home };
        for counted in self.mailbox.try_iter() {
            taken.sums.add(counted);
        }
        and(&taken.sums)
    }
}

/// The sums while they are away from home. Whoever waits for them would wait for ever if they did not come back.
struct Taken<'a> {
    sums: Sums,
    home: &'a Sender<Sums>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // The channel has room for the one value there is.
        let _ = self.home.send(std::mem::take(&mut self.sums));
    }
}

impl Sums {
    fn add(&mut self, counted: HashMap<Shape, Ran>) {
        for (shape, ran) in counted {
            match self.0.get_mut(&shape) {
                Some(known) => known.add(&ran),
                None => {
                    self.make_room();
                    self.0.insert(shape, ran);
                }
            }
        }
    }

    /// When there are too many shapes, half of them go: those that ran last the longest ago.
    fn make_room(&mut self) {
        if self.0.len() < SHAPES_MAX {
            return;
        }
        let mut last: Vec<i64> = self.0.values().map(|ran| ran.last_us).collect();
        last.sort_unstable();
        let from = last[last.len() / 2];
        self.0.retain(|_, ran| ran.last_us > from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(sample: &str, at_us: i64) -> Ran {
        Ran {
            sample: sample.into(),
            user: "root".into(),
            count: 0,
            errors: 0,
            warnings: 0,
            from_cache: 0,
            prepared: false,
            total: Duration::ZERO,
            least: Duration::MAX,
            most: Duration::ZERO,
            first_us: at_us,
            last_us: at_us,
        }
    }

    #[test]
    fn connections_add_up_and_shapes_of_one_digest_are_one() {
        let all = Summary::default();
        let (mut one, mut other) = (OwnSummary::default(), OwnSummary::default());
        let ms = Duration::from_millis;
        one.note(1, None, ms(5), (false, 1, true), || ran("select 1", 10));
        one.note(1, None, ms(7), (true, 0, false), || unreachable!("it is known"));
        other.note(2, None, ms(1), (false, 0, false), || ran("SELECT  22", 30));
        other.note(3, Some(&"d".into()), ms(1), (false, 0, false), || ran("select a from t", 40));
        let now = Instant::now();
        one.give(now, &all);
        assert!(all.report(&OwnSummary::default()).is_empty(), "it is not time yet");
        one.give(now + 2 * PATIENCE, &all);
        other.give_all(now, &all);
        let report = all.report(&OwnSummary::default());
        assert_eq!(report.len(), 2);
        let Ran { count, errors, warnings, from_cache, total, least, most, first_us, last_us, .. } =
            report[0].ran.clone();
        assert_eq!((count, errors, warnings, from_cache), (3, 1, 1, 1));
        assert_eq!((total, least, most, first_us), (ms(13), ms(1), ms(7), 10));
        assert!(last_us > 30, "when it was given away");
        assert_eq!(all.report(&OwnSummary::default()).len(), 2, "asking changes nothing");
    }

    #[test]
    fn there_is_room_for_so_many_shapes() {
        let mut sums = Sums::default();
        for at in 0..SHAPES_MAX as u64 + 10 {
            sums.add(HashMap::from([((at, None), ran("select 1", at as i64))]));
        }
        assert!(sums.0.len() <= SHAPES_MAX && sums.0.contains_key(&(SHAPES_MAX as u64 + 9, None)));
    }
}
