//! `register`: single keys behave as if there were one copy of each, and one thing happened at a time.

use std::collections::BTreeMap;

use allod_storage::client::Client;
use allod_storage::error::Result;
use allod_storage::key::Key;
use allod_storage::schema::{SpaceId, Timestamp};

use super::check::linear::{Step, is_linearizable};
use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, commit, get, key, number, put, settle};
use super::workload::{OnClient, Turn, Workload};

/// Keys in use at a time.
pub(super) const KEYS: i64 = 3;
/// Every so often there are new ones: the search for an order gets harder with the operations on a key.
pub(super) const ERA_MS: i64 = 4000;
const VALUES: i64 = 5;
/// The last keys of all are read again at the end.
const LAST_ERA: i64 = 1 << 20;

/// See the module's essay.
#[derive(Clone)]
pub struct Register;

/// What a process does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Hash)]
pub enum Action {
    /// Reads it.
    Read,
    /// Writes it.
    Write(i64),
    /// Writes the second if it holds the first.
    CompareAndSet(i64, i64),
}

/// Key and action.
pub type Input = (i64, Action);

/// What was read; of compare-and-set, too.
pub type Output = Option<i64>;

async fn read(client: &mut Client, id: i64, ts: Timestamp) -> Result<Output> {
    Ok(get(client, TABLE, &[id], ts).await?.swap_remove(0).map(|value| number(&value)))
}

async fn act(client: &mut Client, style: Style, id: i64, action: Action) -> Result<Outcome<Output>> {
    let (expected, value) = match action {
        Action::Read => {
            let (ts, _pin) = client.snapshot().await?;
            return Ok(Outcome::Ok(read(client, id, ts).await?));
        }
        Action::Write(value) => (None, value),
        Action::CompareAndSet(expected, value) => (Some(expected), value),
    };
    let keys = vec![key(TABLE, id)];
    let Some((mut transaction, ts, _pin)) = begin(client, style, keys).await? else {
        return Ok(Outcome::Fail);
    };
    let mut found = None;
    if expected.is_some() {
        found = read(client, id, ts).await?;
        if found != expected {
            transaction.roll_back(client).await;
            return Ok(Outcome::Ok(found));
        }
    }
    put(&mut transaction, TABLE, id, &value.to_string());
    Ok(commit(transaction, client).await.map(|()| found))
}

/// What an operation did to the value, if it can have answered what it did.
fn apply(value: &Option<i64>, (action, outcome): &(Action, Outcome<Output>)) -> Option<Option<i64>> {
    match (action, outcome) {
        (Action::Read, Outcome::Ok(read)) => (read == value).then_some(*value),
        (Action::Write(written), _) => Some(Some(*written)),
        (Action::CompareAndSet(expected, new), Outcome::Ok(found)) => {
            (found == value).then_some(if *found == Some(*expected) { Some(*new) } else { *value })
        }
        (Action::CompareAndSet(expected, new), _) => (*value == Some(*expected)).then_some(Some(*new)),
        (Action::Read, _) => Some(*value),
    }
}

impl Workload for Register {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let era = (turn.now_ms / ERA_MS).min(LAST_ERA);
        let id = era * KEYS + turn.below(KEYS);
        let action = match turn.below(10) {
            0..=3 => Action::Read,
            4..=6 => Action::Write(turn.below(VALUES)),
            _ => Action::CompareAndSet(turn.below(VALUES), turn.below(VALUES)),
        };
        (id, action)
    }

    fn is_write(&self, input: &Input) -> bool {
        input.1 != Action::Read
    }

    fn last(&self) -> Vec<Input> {
        (0..KEYS * 20).map(|id| (id, Action::Read)).collect()
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut by_key: BTreeMap<i64, Vec<&Op<Input, Output>>> = BTreeMap::new();
        for op in history {
            by_key.entry(op.input.0).or_default().push(op);
        }
        let mut wrong = Vec::new();
        for (id, ops) in by_key {
            let steps: Vec<Step<(Action, Outcome<Output>)>> = ops
                .iter()
                // What failed did nothing, and a read that nobody heard of says nothing.
                .filter(|op| op.outcome != Outcome::Fail)
                .filter(|op| op.input.1 != Action::Read || op.outcome != Outcome::Unknown)
                .map(|op| Step {
                    from: op.invoked_us,
                    to: op.outcome.ok().map(|_| op.completed_us),
                    action: (op.input.1, op.outcome.clone()),
                })
                .collect();
            if !is_linearizable(None, &steps, apply) {
                wrong.push(format!("no order of the {} operations on key {id} explains them", steps.len()));
            }
        }
        wrong
    }
}

impl OnClient for Register {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        vec![(TABLE, vec![key(TABLE, 7), key(TABLE, 20)])]
    }

    async fn perform(&self, client: &mut Client, style: Style, (id, action): &Input) -> Outcome<Output> {
        settle(act(client, style, *id, *action).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    fn check(ops: &[(Action, u64, u64, Outcome<Output>)]) -> bool {
        let history: Vec<Op<Input, Output>> = ops
            .iter()
            .map(|(action, from, to, outcome)| op((1, *action), *from, *to, outcome.clone()))
            .collect();
        Register.check(&history).is_empty()
    }

    #[test]
    fn stale_lost_and_undone_writes_are_found() {
        use Action::{CompareAndSet, Read, Write};
        let done = |found| Outcome::Ok(found);
        assert!(check(&[
            (Read, 0, 1, done(None)),
            (Write(1), 2, 3, done(None)),
            (Read, 4, 5, done(Some(1)))
        ]));
        assert!(!check(&[(Write(1), 2, 3, done(None)), (Read, 4, 5, done(None))]), "stale");
        let lost = [
            (Write(1), 0, 1, done(None)),
            (CompareAndSet(1, 2), 2, 9, done(Some(1))),
            (CompareAndSet(1, 3), 2, 9, done(Some(1))),
        ];
        assert!(!check(&lost), "only one of them can have found 1");
        assert!(check(&[lost[0].clone(), lost[1].clone(), (CompareAndSet(1, 3), 2, 9, done(Some(2)))]));
        assert!(!check(&[(Write(1), 0, 1, Outcome::Fail), (Read, 2, 3, done(Some(1)))]), "it had failed");
        assert!(check(&[(Write(1), 0, 1, Outcome::Unknown), (Read, 2, 3, done(Some(1)))]));
        assert!(check(&[(Write(1), 0, 1, Outcome::Unknown), (Read, 2, 3, done(None))]));
        assert!(check(&[
            (Write(4), 0, 1, done(None)),
            (CompareAndSet(4, 2), 2, 3, Outcome::Unknown),
            (Read, 5, 6, done(Some(2)))
        ]));
    }
}
