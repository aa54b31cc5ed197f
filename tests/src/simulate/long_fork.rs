//! `long-fork`: if one reader sees x and not y, no other sees y and not x.

use std::collections::BTreeMap;

use allod_storage::client::Client;
use allod_storage::error::Result;
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, commit, get, key, put, settle};
use super::workload::{OnClient, Turn, Workload};

/// Keys that are read together. They are written at about the same time, by different processes.
const GROUP: i64 = 4;
/// The keys of a group lie in different regions.
const STRIDE: i64 = 1 << 20;

/// See the module's essay.
pub struct LongFork;

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Writes a key that nobody wrote before.
    Write(i64),
    /// Reads a group.
    Read(i64),
}

/// Which of the group's keys are there, of a read.
pub type Output = Vec<bool>;

fn id(number: i64) -> i64 {
    number % GROUP * STRIDE + number / GROUP
}

async fn write(client: &mut Client, style: Style, number: i64) -> Result<Outcome<Output>> {
    let keys = vec![key(TABLE, id(number))];
    let Some((mut transaction, _, _pin)) = begin(client, style, keys).await? else {
        return Ok(Outcome::Fail);
    };
    put(&mut transaction, TABLE, id(number), "1");
    Ok(commit(transaction, client).await.map(|()| Vec::new()))
}

async fn read(client: &mut Client, group: i64) -> Result<Output> {
    let (ts, _pin) = client.snapshot().await?;
    let ids: Vec<i64> = (0..GROUP).map(|i| id(group * GROUP + i)).collect();
    Ok(get(client, TABLE, &ids, ts).await?.iter().map(Option::is_some).collect())
}

impl Workload for LongFork {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        // Every other turn writes; those between read what is just being written.
        let number = turn.number / 2 * turn.processes as i64 + turn.process as i64;
        match turn.number % 2 {
            0 => Input::Write(number),
            _ => Input::Read((number / GROUP - turn.below(2)).max(0)),
        }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Write(_))
    }

    fn last(&self) -> Vec<Input> {
        (0..20).map(|i| Input::Read(i * 5)).collect()
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut reads: BTreeMap<i64, Vec<(&Op<Input, Output>, &Output)>> = BTreeMap::new();
        for op in history {
            if let (Input::Read(group), Outcome::Ok(seen)) = (&op.input, &op.outcome) {
                reads.entry(*group).or_default().push((op, seen));
            }
        }
        let sees_all_of = |a: &Output, b: &Output| a.iter().zip(b).all(|(a, b)| *a || !*b);
        let mut wrong = Vec::new();
        for (group, reads) in reads {
            for (i, (first, a)) in reads.iter().enumerate() {
                for (second, b) in &reads[i + 1..] {
                    let at = (first.invoked_us, second.invoked_us);
                    if !sees_all_of(a, b) && !sees_all_of(b, a) {
                        wrong.push(format!("reads of group {group} at {at:?} us see {a:?} and {b:?}"));
                    } else if first.is_before(second) && !sees_all_of(b, a)
                        || second.is_before(first) && !sees_all_of(a, b)
                    {
                        wrong.push(format!("of reads of group {group} at {at:?} us the later sees less"));
                    }
                }
            }
        }
        wrong
    }
}

impl OnClient for LongFork {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        vec![(TABLE, (1..GROUP).map(|i| key(TABLE, i * STRIDE)).collect())]
    }

    async fn perform(&self, client: &mut Client, style: Style, input: &Input) -> Outcome<Output> {
        match input {
            Input::Write(number) => settle(write(client, style, *number).await),
            Input::Read(group) => settle(read(client, *group).await.map(Outcome::Ok)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn readers_that_disagree_are_found() {
        let read = |from, to, seen: [bool; 4]| op(Input::Read(7), from, to, Outcome::Ok(seen.to_vec()));
        let (x, y, both, none) = (
            [true, false, false, false],
            [false, true, false, false],
            [true, true, false, false],
            [false; 4],
        );
        let check = |history: &[Op<Input, Output>]| LongFork.check(history);
        assert!(check(&[read(0, 5, none), read(2, 6, x), read(4, 9, both)]).is_empty());
        assert!(check(&[read(0, 5, x), read(2, 6, none)]).is_empty(), "at the same time");
        assert_eq!(check(&[read(0, 5, x), read(2, 6, y)]).len(), 1, "a fork");
        assert_eq!(check(&[read(0, 5, both), read(6, 9, x)]).len(), 1, "back in time");
        let other = op(Input::Read(8), 0, 5, Outcome::Ok(y.to_vec()));
        assert!(check(&[read(0, 5, x), other]).is_empty(), "another group");
    }
}
