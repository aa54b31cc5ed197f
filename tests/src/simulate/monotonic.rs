//! `monotonic`: counters that are only incremented never go back, and no increment is lost.

use std::collections::BTreeMap;

use allod_storage::client::Client;
use allod_storage::error::Result;
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, commit, get, key, number, put, settle};
use super::workload::{OnClient, Turn, Workload};

const COUNTERS: i64 = 6;

/// See the module's essay.
pub struct Monotonic;

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Increments two counters in one transaction; answers their new values.
    Increment(i64, i64),
    /// Reads all.
    Read,
}

/// Counters and their values.
pub type Output = Vec<(i64, i64)>;

async fn values(client: &mut Client, ids: &[i64], ts: allod_storage::schema::Timestamp) -> Result<Output> {
    let values = get(client, TABLE, ids, ts).await?;
    let value = |value: Option<String>| value.map_or(0, |value| number(&value));
    Ok(ids.iter().copied().zip(values.into_iter().map(value)).collect())
}

async fn increment(client: &mut Client, style: Style, a: i64, b: i64) -> Result<Outcome<Output>> {
    let keys = vec![key(TABLE, a), key(TABLE, b)];
    let Some((mut transaction, ts, _pin)) = begin(client, style, keys).await? else {
        return Ok(Outcome::Fail);
    };
    let mut counters = values(client, &[a, b], ts).await?;
    for (id, value) in &mut counters {
        *value += 1;
        put(&mut transaction, TABLE, *id, &value.to_string());
    }
    Ok(commit(transaction, client).await.map(|()| counters))
}

async fn read(client: &mut Client) -> Result<Output> {
    let (ts, _pin) = client.snapshot().await?;
    values(client, &(0..COUNTERS).collect::<Vec<_>>(), ts).await
}

impl Workload for Monotonic {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        if turn.random.chance(40) {
            return Input::Read;
        }
        let a = turn.below(COUNTERS);
        let b = (a + 1 + turn.below(COUNTERS - 1)) % COUNTERS;
        Input::Increment(a, b)
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Increment(..))
    }

    fn last(&self) -> Vec<Input> {
        vec![Input::Read]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut wrong = Vec::new();
        for counter in 0..COUNTERS {
            // When it was seen, from when to when, at which value, and whether it was made so.
            let mut seen: Vec<(u64, u64, i64, bool)> = Vec::new();
            let (mut done, mut begun) = (0, 0);
            for op in history {
                let increments = match op.input {
                    Input::Increment(a, b) => a == counter || b == counter,
                    Input::Read => false,
                };
                begun += i64::from(increments && op.outcome != Outcome::Fail);
                done += i64::from(increments && op.outcome.ok().is_some());
                let values = op.outcome.ok().into_iter().flatten();
                let own = values.filter(|(id, _)| *id == counter);
                seen.extend(own.map(|(_, value)| (op.invoked_us, op.completed_us, *value, increments)));
            }
            let mut made: BTreeMap<i64, usize> = BTreeMap::new();
            for (_, _, value, _) in seen.iter().filter(|seen| seen.3) {
                *made.entry(*value).or_default() += 1;
            }
            let twice = made.iter().filter(|(_, times)| **times > 1);
            wrong.extend(twice.map(|(value, _)| format!("counter {counter} became {value} twice")));
            // In order of their beginning; the greatest value of what had ended before.
            let mut ends = seen.clone();
            ends.sort_by_key(|seen| seen.1);
            seen.sort_by_key(|seen| seen.0);
            let (mut ended, mut greatest) = (ends.iter().peekable(), 0);
            for (from, _, value, increments) in &seen {
                while let Some(end) = ended.next_if(|end| end.1 < *from) {
                    greatest = greatest.max(end.2);
                }
                if *value < greatest || *increments && *value == greatest {
                    wrong.push(format!("counter {counter} is {value} at {from} us after it was {greatest}"));
                }
            }
            let last = seen.last().map_or(0, |seen| seen.2);
            if last < done || last > begun {
                wrong.push(format!("counter {counter} is {last} after {done} to {begun} increments"));
            }
        }
        wrong
    }
}

impl OnClient for Monotonic {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        vec![(TABLE, vec![key(TABLE, 2), key(TABLE, 4)])]
    }

    async fn perform(&self, client: &mut Client, style: Style, input: &Input) -> Outcome<Output> {
        match *input {
            Input::Increment(a, b) => settle(increment(client, style, a, b).await),
            Input::Read => settle(read(client).await.map(Outcome::Ok)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn counters_that_go_back_or_lose_an_increment_are_found() {
        let increment = |from, to, value, other| {
            op(Input::Increment(0, 1), from, to, Outcome::Ok(vec![(0, value), (1, other)]))
        };
        let read = |from, to, value| op(Input::Read, from, to, Outcome::Ok(vec![(0, value), (1, value)]));
        let check = |history: &[Op<Input, Output>]| Monotonic.check(history);
        assert!(check(&[increment(0, 1, 1, 1), increment(2, 3, 2, 2), read(4, 5, 2)]).is_empty());
        assert!(check(&[increment(0, 9, 1, 1), read(1, 2, 0), read(3, 4, 1), read(10, 11, 1)]).is_empty());
        let back = check(&[increment(0, 9, 1, 1), read(1, 2, 1), read(3, 4, 0), read(10, 11, 1)]);
        assert_eq!(back[0], "counter 0 is 0 at 3 us after it was 1");
        let lost = check(&[increment(0, 5, 1, 1), increment(0, 5, 1, 1), read(6, 7, 1)]);
        assert_eq!(lost[..2], ["counter 0 became 1 twice", "counter 0 is 1 after 2 to 2 increments"]);
        let unknown = op(Input::Increment(0, 1), 0, 1, Outcome::Unknown);
        assert!(check(&[unknown.clone(), read(6, 7, 1)]).is_empty());
        assert!(check(&[unknown.clone(), read(6, 7, 0)]).is_empty());
        assert_eq!(check(&[unknown, read(6, 7, 2)]).len(), 2, "made up");
    }
}
