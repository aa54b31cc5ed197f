//! `sql-past`: money moves between accounts, and is counted as of times that have passed. All of it is there at each of them,
//! and at one time there is only one answer, whoever asks, how, and when.
//!
//! The times are either a transaction's own, which it and later statements read at, or multiples of a quarter of a second, which
//! come up again and again. Those of more than two seconds ago may be forgotten, and then that is the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use allod::{Result, Session, code};
use allod_storage::schema::Timestamp;

use super::{int, pause, value};
use crate::database::rows;
use crate::simulate::bank::{ACCOUNTS, Bank, Input as Transfer, START};
use crate::simulate::history::{Op, Outcome};
use crate::simulate::rows::Style;
use crate::simulate::workload::{InSql, Turn, Workload};
use crate::slt::Value;

const BANK: Bank = Bank { tables: false };
/// Times that are asked about are multiples of this.
const GRID_MS: u64 = 250;
/// They are so long ago, at most: a bit longer than the cluster remembers.
const AGE_MS_MAX: i64 = 2200;
/// So long after a transaction, at most, its time is read at again.
const LATER_MS_MAX: i64 = 1500;

/// See the module's essay.
#[derive(Clone)]
pub struct Past;

/// A way to read at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// `FROM accounts AS OF TIMESTAMP`.
    AsOf,
    /// The same, account by account.
    AsOfByKey,
    /// By the index over balances.
    AsOfByIndex,
    /// `tidb_snapshot`.
    Snapshot,
    /// `START TRANSACTION READ ONLY AS OF TIMESTAMP`.
    ReadOnly,
}

impl Way {
    const ALL: [Way; 5] = [Way::AsOf, Way::AsOfByKey, Way::AsOfByIndex, Way::Snapshot, Way::ReadOnly];
}

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Moves money.
    Transfer(Transfer),
    /// Reads in a transaction, and so much later again as of its time.
    Now {
        /// Milliseconds until then.
        ms: i64,
        /// How it reads again.
        way: Way,
    },
    /// Reads as of a time about so long ago.
    Past {
        /// Milliseconds.
        ms: i64,
        /// How.
        way: Way,
    },
    /// Reads now, at the end.
    Last,
}

/// What was read: at which time, in what way if not in a transaction of that time, and the balances by account.
pub type Output = Vec<(u64, Option<Way>, Vec<(i64, i64)>)>;

fn pairs(found: &[Vec<Value>]) -> Vec<(i64, i64)> {
    found.iter().map(|row| (int(&row[0]), int(&row[1]))).collect()
}

const ALL: &str = "select id, balance from accounts order by id";

fn read_at(session: &mut Session, ts: u64, way: Way) -> Result<Vec<(i64, i64)>> {
    match way {
        Way::AsOf => {
            let sql = format!("select id, balance from accounts as of timestamp {ts} order by id");
            rows(session, &sql).map(|found| pairs(&found))
        }
        Way::AsOfByKey => {
            let mut balances = Vec::new();
            for id in 0..ACCOUNTS {
                let sql = format!("select id, balance from accounts as of timestamp {ts} where id = {id}");
                balances.extend(pairs(&rows(session, &sql)?));
            }
            Ok(balances)
        }
        Way::AsOfByIndex => {
            let sql = format!(
                "select id, balance from accounts as of timestamp {ts} force index (by_balance) \
                 where balance >= -1000 order by id"
            );
            rows(session, &sql).map(|found| pairs(&found))
        }
        Way::Snapshot => {
            session.run(&format!("set tidb_snapshot = '{ts}'"))?;
            let found = rows(session, ALL);
            // Whatever came of it, the session lives on.
            session.run("set tidb_snapshot = ''")?;
            found.map(|found| pairs(&found))
        }
        Way::ReadOnly => {
            session.run(&format!("start transaction read only as of timestamp {ts}"))?;
            let found = rows(session, ALL)?;
            session.run("commit")?;
            Ok(pairs(&found))
        }
    }
}

impl Workload for Past {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let way = *turn.random.pick(&Way::ALL);
        match turn.below(10) {
            0..=3 => {
                let from = turn.below(ACCOUNTS);
                let to = (from + 1 + turn.below(ACCOUNTS - 1)) % ACCOUNTS;
                Input::Transfer(Transfer::Transfer { from, to, amount: 1 + turn.below(5) })
            }
            4 | 5 => Input::Now { ms: turn.below(LATER_MS_MAX), way },
            _ => Input::Past { ms: turn.below(AGE_MS_MAX), way },
        }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Transfer(_))
    }

    fn last(&self) -> Vec<Input> {
        vec![Input::Last]
    }

    fn met(&self, history: &[Op<Input, Output>]) -> Vec<(&'static str, usize)> {
        let reads = history.iter().filter_map(|op| op.outcome.ok()).flatten();
        let mut times: Vec<u64> = reads.filter(|(_, way, _)| way.is_some()).map(|(ts, ..)| *ts).collect();
        let reads = times.len();
        times.sort_unstable();
        times.dedup();
        vec![("reads of the past", reads), ("times in it", times.len())]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut answers: BTreeMap<u64, (Option<Way>, &[(i64, i64)])> = BTreeMap::new();
        let reads = history.iter().flat_map(|op| op.outcome.ok().into_iter().flatten().map(move |r| (op, r)));
        for (op, (ts, way, balances)) in reads {
            let how = way.map_or("a transaction".to_string(), |way| format!("{way:?}"));
            let tell =
                |what: String| format!("{how} of {ts}, read from {} us on, finds {what}", op.invoked_us);
            let total: i64 = balances.iter().map(|(_, balance)| balance).sum();
            if !balances.iter().map(|(id, _)| *id).eq(0..ACCOUNTS) {
                wrong.push(tell(format!("{balances:?}")));
            } else if total != ACCOUNTS * START {
                wrong.push(tell(format!("{total} instead of {}", ACCOUNTS * START)));
            }
            match answers.get(ts) {
                None => drop(answers.insert(*ts, (*way, balances))),
                Some((_, known)) if *known == balances.as_slice() => {}
                Some((other, known)) => {
                    wrong.push(tell(format!("{balances:?}, and {other:?} finds {known:?}")));
                }
            }
        }
        wrong
    }
}

impl InSql for Past {
    fn statements(&self, run_ms: i64) -> Vec<String> {
        let mut statements = BANK.statements(run_ms);
        statements.push("create index by_balance on accounts (balance)".to_string());
        statements
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        let outcome = match input {
            Input::Transfer(transfer) => {
                return Ok(BANK.act(session, style, transfer)?.map(|_| Vec::new()));
            }
            Input::Now { ms, way } => {
                session.run("begin optimistic")?;
                let ts = value(session, "select @@tidb_current_ts")?.as_ref().map_or(0, int) as u64;
                let now = pairs(&rows(session, ALL)?);
                session.run("commit")?;
                pause(session, Duration::from_millis(*ms as u64));
                read_at(session, ts, *way).map(|then| vec![(ts, None, now), (ts, Some(*way), then)])
            }
            Input::Past { ms, way } => {
                // Of the cluster's own clock, which may have been turned.
                let then =
                    session.owner().cluster().last_timestamp().physical_ms().saturating_sub(*ms as u64);
                let ts = Timestamp::from_parts(then / GRID_MS * GRID_MS, 0).0;
                read_at(session, ts, *way).map(|then| vec![(ts, Some(*way), then)])
            }
            Input::Last => {
                let now = pairs(&rows(session, ALL)?);
                return Ok(Outcome::Ok(vec![(u64::MAX, None, now)]));
            }
        };
        match outcome {
            // In the first quarter of a second there is a time at which there were no tables.
            Err(error) if error.code() == code::AS_OF => Ok(Outcome::Fail),
            outcome => outcome.map(Outcome::Ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn money_that_is_not_there_and_answers_that_change_are_found() {
        let good: Vec<(i64, i64)> = (0..ACCOUNTS).map(|account| (account, START)).collect();
        let changed = |from: usize, to: usize, by: i64| {
            let mut balances = good.clone();
            balances[from].1 -= by;
            balances[to].1 += by;
            balances
        };
        let read = |ts, way, balances: Vec<(i64, i64)>| {
            op(Input::Last, 5, 6, Outcome::Ok(vec![(ts, way, balances)]))
        };
        let by = Some(Way::AsOfByIndex);
        assert_eq!(Past.check(&[read(1, None, good.clone()), read(1, by, good.clone())]), [""; 0]);
        let later = [read(1, None, good.clone()), read(2, None, changed(0, 1, 5))];
        assert_eq!(Past.check(&later), [""; 0]);
        let told = Past.check(&[read(1, None, good.clone()), read(1, by, changed(0, 1, 5))]);
        assert!(told.len() == 1 && told[0].contains("and None finds"), "{told:?}");
        let mut less = good.clone();
        less[3].1 -= 1;
        assert_eq!(
            Past.check(&[read(7, by, less)]),
            ["AsOfByIndex of 7, read from 5 us on, finds 999 instead of 1000"]
        );
        assert_eq!(Past.check(&[read(7, None, good[1..].to_vec())]).len(), 1, "an account is gone");
    }
}
