//! How often each function is used: by a session, and by all sessions in the last minute, hour and six hours.
//!
//! Counting goes by value and upwards (tidb.md A4). The planner returns what a statement used with its plan; the session
//! adds that to its own total and posts it, as a value, into a mailbox; one owner moves it into a *sub-window* of one minute.
//! 360 of them are kept. A window is the newest 1, 60 or 360 of them, the minute that is running included: `MINUTE` counts
//! since the minute began, `HOUR` 59 to 60 minutes.
//!
//! There is one [`Windows`], it lies in a channel of capacity one, and who takes it out is its owner until it is back. A
//! session only posts (a channel operation) into the mailbox of its lane of threads, and empties that one if it has become long
//! and nobody else is at the windows. Who wants a report takes the windows, empties all mailboxes, and adds up a copy. So a
//! report holds every statement that was planned before it was asked for, in whichever session; and, unlike upstream, where a
//! report merged into the history that it read, asking changes no count.
//!
//! A statement is counted once each time it is executed, however often it is tried, also if its plan was kept from an earlier
//! time. One that cannot be bound (an unknown column) is not counted, for its expressions never came to be.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use allod_planner::expr::FunctionUsage;
use allod_storage::lanes::Lanes;

/// Sub-windows, of a minute each, that are kept.
const MINUTES_MAX: u64 = 360;
/// Posted values above which a session empties the mailbox of its lane.
const MAILBOX_LONG: usize = 256;

/// How often a function was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageCounts {
    /// By the session that asks; 0 if no session asks.
    pub session: u64,
    /// By all sessions since the running minute began.
    pub minute: u64,
    /// By all sessions in the running minute and the 59 before.
    pub hour: u64,
    /// By all sessions in the running minute and the 359 before.
    pub six_hours: u64,
}

/// The use of functions, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageReport {
    /// By signature, as TiDB names it: `EQInt`, `PlusDecimal`. Those that were not used are not there.
    pub functions: BTreeMap<String, UsageCounts>,
}

/// The windows of a database, their owner's place, and the mailboxes.
pub(crate) struct Usage {
    began_s: u64,
    mailboxes: Lanes<Mailbox>,
    home: Sender<Windows>,
    windows: Receiver<Windows>,
}

/// What sessions on the threads of a lane have used and nobody has counted yet.
struct Mailbox {
    post: Sender<Posted>,
    posted: Receiver<Posted>,
}

impl Default for Mailbox {
    fn default() -> Mailbox {
        let (post, posted) = unbounded();
        Mailbox { post, posted }
    }
}

struct Posted {
    minute: u64,
    usage: Arc<FunctionUsage>,
}

/// Counts by minute, oldest first, at most [`MINUTES_MAX`], each not empty.
#[derive(Default)]
struct Windows(VecDeque<(u64, FunctionUsage)>);

/// Seconds since the machine was started. A clock that is looked at every few milliseconds will do, and costs a fifth.
fn machine_s() -> u64 {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::MonotonicCoarse;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    rustix::time::clock_gettime(clock).tv_sec.cast_unsigned()
}

impl Usage {
    pub fn new() -> Usage {
        let (home, windows) = bounded(1);
        // The channel has room for the one value there is.
        let _ = home.send(Windows::default());
        Usage { began_s: machine_s(), mailboxes: Lanes::default(), home, windows }
    }

    /// Minutes since the database was made. Not the time of day, which may be set back.
    fn minute(&self) -> u64 {
        (machine_s() - self.began_s) / 60
    }

    /// Counts what a statement used.
    pub fn add(&self, usage: Arc<FunctionUsage>) {
        self.add_at(self.minute(), usage);
    }

    fn add_at(&self, minute: u64, usage: Arc<FunctionUsage>) {
        if usage.is_empty() {
            return;
        }
        let mailbox = self.mailboxes.own();
        // It lives as long as `self`.
        let _ = mailbox.post.send(Posted { minute, usage });
        if mailbox.posted.len() > MAILBOX_LONG
            && let Ok(windows) = self.windows.try_recv()
        {
            self.settle(windows, [mailbox], |_| ());
        }
    }

    /// What was counted up to now, with a session's own counts.
    pub fn report(&self, session: Option<&FunctionUsage>) -> UsageReport {
        self.report_at(self.minute(), session)
    }

    fn report_at(&self, minute: u64, session: Option<&FunctionUsage>) -> UsageReport {
        // The windows are away only while somebody empties the mailbox or adds up.
        let Ok(windows) = self.windows.recv() else { return UsageReport::default() };
        let sums = self.settle(windows, self.mailboxes.all(), |windows| windows.sums(minute));
        let mut report = UsageReport::default();
        let mut add = |usage: &FunctionUsage, field: fn(&mut UsageCounts) -> &mut u64| {
            for (name, n) in usage.iter() {
                *field(report.functions.entry(name).or_default()) += n;
            }
        };
        let [last_minute, hour, six_hours] = &sums;
        add(last_minute, |c| &mut c.minute);
        add(hour, |c| &mut c.hour);
        add(six_hours, |c| &mut c.six_hours);
        if let Some(own) = session {
            add(own, |c| &mut c.session);
        }
        report
    }

    /// Empties mailboxes, does something else, and gives the windows back, even if it panics.
    fn settle<'a, T>(
        &self,
        windows: Windows,
        mailboxes: impl IntoIterator<Item = &'a Mailbox>,
        and: impl FnOnce(&Windows) -> T,
    ) -> T {
        let mut taken = Taken { windows, home: &self.home };
        for Posted { minute, usage } in mailboxes.into_iter().flat_map(|mailbox| mailbox.posted.try_iter()) {
            taken.windows.add(minute, &usage);
        }
        and(&taken.windows)
    }
}

/// The windows while they are away from home. Whoever waits for them would wait for ever if they did not come back.
struct Taken<'a> {
    windows: Windows,
    home: &'a Sender<Windows>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // The channel has room for the one value there is.
        let _ = self.home.send(std::mem::take(&mut self.windows));
    }
}

impl Windows {
    fn add(&mut self, minute: u64, usage: &FunctionUsage) {
        // Nearly always the newest; a value that lay in the mailbox over the minute's end belongs to the one before.
        let at = self.0.iter().rposition(|(m, _)| *m <= minute);
        match at {
            Some(at) if self.0[at].0 == minute => self.0[at].1.merge(usage),
            _ => self.0.insert(at.map_or(0, |at| at + 1), (minute, usage.clone())),
        }
        let newest = self.0.back().map_or(minute, |(m, _)| *m);
        while self.0.front().is_some_and(|(m, _)| newest - m >= MINUTES_MAX) {
            self.0.pop_front();
        }
    }

    /// The newest 1, 60 and 360 minutes, seen from this one.
    fn sums(&self, now: u64) -> [FunctionUsage; 3] {
        [1, 60, MINUTES_MAX].map(|minutes| {
            let mut sum = FunctionUsage::default();
            let within = self.0.iter().filter(|(m, _)| *m <= now && now - *m < minutes);
            within.for_each(|(_, usage)| sum.merge(usage));
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    fn usage_of(sql: &str) -> Arc<FunctionUsage> {
        let parsed = allod_planner::parse(sql).unwrap().pop().unwrap();
        let database = Database::new();
        let version = database.catalog();
        let cx = allod_planner::PlanContext::new(&*version, Some("test"));
        match allod_planner::bind(&parsed, &cx).unwrap() {
            allod_planner::Bound::Query(query) => query.usage.into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn minutes_roll_over_hours_and_six_hours() {
        let usage = Usage::new();
        let one = usage_of("select 1 = 1");
        let at = |minute| {
            let counts = usage.report_at(minute, None).functions.get("EQInt").copied().unwrap_or_default();
            (counts.minute, counts.hour, counts.six_hours)
        };
        assert_eq!(at(0), (0, 0, 0));
        usage.add_at(0, one.clone());
        usage.add_at(0, one.clone());
        assert_eq!(at(0), (2, 2, 2));
        // Asking changes nothing.
        assert_eq!(at(0), (2, 2, 2));
        assert_eq!(at(1), (0, 2, 2));
        usage.add_at(1, one.clone());
        assert_eq!(at(1), (1, 3, 3));
        assert_eq!(at(59), (0, 3, 3));
        assert_eq!(at(60), (0, 1, 3));
        assert_eq!(at(61), (0, 0, 3));
        assert_eq!(at(359), (0, 0, 3));
        assert_eq!(at(360), (0, 0, 1));
        assert_eq!(at(361), (0, 0, 0));
        usage.add_at(1000, one.clone());
        assert_eq!(at(1000), (1, 1, 1));
        // What comes late goes where it belongs.
        usage.add_at(999, one);
        assert_eq!(at(1000), (1, 2, 2));
    }

    #[test]
    fn the_windows_come_back_even_from_a_panic() {
        let usage = Usage::new();
        usage.add_at(0, usage_of("select 1 = 1"));
        let windows = usage.windows.try_recv().unwrap();
        let settled = std::panic::AssertUnwindSafe(|| {
            usage.settle(windows, usage.mailboxes.all(), |_| panic!("while adding up"))
        });
        assert!(std::panic::catch_unwind(settled).is_err());
        let windows = usage.windows.try_recv().expect("they are at home, or a report would wait for ever");
        usage.settle(windows, usage.mailboxes.all(), |_| ());
        assert_eq!(usage.report_at(0, None).functions["EQInt"].six_hours, 1);
    }

    #[test]
    fn counts_are_exact_under_eight_sessions() {
        const SESSIONS: u64 = 8;
        const STATEMENTS: u64 = 400;
        let database = Database::new();
        let go_on = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..SESSIONS)
                .map(|_| {
                    let database = &database;
                    scope.spawn(move || {
                        let mut session = database.session();
                        for n in 0..STATEMENTS {
                            session.run(&format!("select {n} + 1 from dual where {n} = {n}")).unwrap();
                        }
                        let own = session.function_usage().functions["EQInt"];
                        assert_eq!(own.session, STATEMENTS);
                        assert!(own.six_hours >= STATEMENTS);
                    })
                })
                .collect();
            let reader = scope.spawn(|| {
                let mut last = 0;
                while go_on.load(std::sync::atomic::Ordering::Relaxed) {
                    let report = database.function_usage();
                    let now = report.functions.get("EQInt").map_or(0, |c| c.six_hours);
                    assert!(now >= last);
                    last = now;
                    std::thread::yield_now();
                }
            });
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            go_on.store(false, std::sync::atomic::Ordering::Relaxed);
            reader.join().unwrap();
        });
        let report = database.function_usage();
        assert_eq!(report.functions["EQInt"].six_hours, SESSIONS * STATEMENTS);
        assert_eq!(report.functions["PlusInt"].six_hours, SESSIONS * STATEMENTS);
    }

    #[test]
    fn a_write_that_loses_with_a_kept_plan_counts_once() {
        const SESSIONS: usize = 3;
        const ROUNDS: u64 = 20;
        let database = Database::new();
        let mut session = database.session();
        session.run("create table n (id bigint primary key, v bigint)").unwrap();
        let rows: Vec<String> = (0..500).map(|id| format!("({id}, 0)")).collect();
        session.run(&format!("insert into n values {}", rows.join(", "))).unwrap();
        let together = std::sync::Barrier::new(SESSIONS);
        std::thread::scope(|scope| {
            for _ in 0..SESSIONS {
                scope.spawn(|| {
                    let mut session = database.session();
                    let add = session.prepare("update n set v = v + ? where v >= 0").unwrap();
                    for _ in 0..ROUNDS {
                        together.wait();
                        // All but one of them have read what another one changes meanwhile, and run again with locks.
                        session.execute_prepared(&add, crate::params![1]).unwrap();
                    }
                    assert_eq!(session.function_usage().functions["PlusInt"].session, ROUNDS);
                });
            }
        });
        let ends = session.execute("select min(v), max(v) from n").unwrap().rows().next().unwrap().unwrap();
        let sum = SESSIONS as i64 * ROUNDS as i64;
        assert_eq!((ends.get::<i64>(0).unwrap(), ends.get::<i64>(1).unwrap()), (sum, sum));
        let all = database.function_usage().functions["PlusInt"].six_hours;
        assert_eq!(all, SESSIONS as u64 * ROUNDS);
    }

    #[test]
    fn a_session_sees_what_it_did_before() {
        let mut session = Database::new().session();
        session.run("create table t (id bigint primary key, v bigint)").unwrap();
        session.run("insert into t values (1, 1)").unwrap();
        let used = |session: &mut crate::Session| {
            let sql = "select session, six_hours from information_schema.builtin_function_usage where function = 'MulInt'";
            let row = session.execute(sql).unwrap().rows().next();
            row.map_or((0, 0), |row| {
                let row = row.unwrap();
                (row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap())
            })
        };
        assert_eq!(used(&mut session), (0, 0));
        session.run("select v * 2 * 3 from t").unwrap();
        assert_eq!(used(&mut session), (2, 2));
        assert_eq!(used(&mut session), (2, 2));
        // What fails when it runs was planned all the same; what cannot be bound was not.
        assert!(session.run("select 9223372036854775807 * v * 2 from t").is_err());
        assert!(session.run("select v * nope from t").is_err());
        assert_eq!(used(&mut session), (4, 4));
    }
}
