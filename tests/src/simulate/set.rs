//! `set`: what was acknowledged stays, what failed never shows.

use std::collections::BTreeMap;

use allod_storage::client::Client;
use allod_storage::error::Result;
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, commit, key, row, scan, settle};
use super::workload::{OnClient, Turn, Workload};

/// See the module's essay.
#[derive(Clone)]
pub struct Set;

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Adds an element that nobody added before.
    Add(i64),
    /// Reads all.
    Read,
}

/// The elements, of a read.
pub type Output = Vec<i64>;

/// Elements are dealt over so many regions to begin with.
const REGIONS: i64 = 4;
const REGION_KEYS: i64 = 1 << 20;

async fn add(client: &mut Client, style: Style, element: i64) -> Result<Outcome<Output>> {
    let id = element % REGIONS * REGION_KEYS + element;
    let keys = vec![key(TABLE, id)];
    let Some((mut transaction, _, _pin)) = begin(client, style, keys).await? else {
        return Ok(Outcome::Fail);
    };
    transaction.insert(key(TABLE, id), row(id, &element.to_string()));
    Ok(commit(transaction, client).await.map(|()| Vec::new()))
}

async fn read(client: &mut Client) -> Result<Output> {
    let (ts, _pin) = client.snapshot().await?;
    let rows = scan(client, TABLE, ts).await?;
    Ok(rows.iter().map(|(_, value)| super::rows::number(value)).collect())
}

impl Workload for Set {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        if turn.random.chance(20) { Input::Read } else { Input::Add(turn.unique()) }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Add(_))
    }

    fn last(&self) -> Vec<Input> {
        vec![Input::Read]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let adds: BTreeMap<i64, &Op<Input, Output>> = history
            .iter()
            .filter_map(|op| match op.input {
                Input::Add(element) => Some((element, op)),
                Input::Read => None,
            })
            .collect();
        // Those that reads must have, as they come to: in order of their end, each a little after the one before.
        let mut acknowledged: Vec<(u64, i64)> = adds
            .iter()
            .filter(|(_, add)| add.outcome.ok().is_some())
            .map(|(element, add)| (add.completed_us, *element))
            .collect();
        acknowledged.sort_unstable();
        let mut wrong = Vec::new();
        for read in history.iter().filter(|op| op.input == Input::Read) {
            let Some(elements) = read.outcome.ok() else { continue };
            let mut found = elements.clone();
            found.sort_unstable();
            found.dedup();
            let at = read.invoked_us;
            if found.len() != elements.len() {
                wrong.push(format!("a read at {at} us finds an element twice"));
            }
            // Of those that it must have, how many it has; only who lacks one is asked which.
            let mut has = 0;
            for element in &found {
                match adds.get(element) {
                    None => wrong.push(format!("a read at {at} us finds {element}, which nobody added")),
                    Some(add) if add.outcome == Outcome::Fail => {
                        wrong.push(format!("a read at {at} us finds {element}, which had failed"));
                    }
                    Some(add) if read.is_before(add) => {
                        wrong.push(format!("a read at {at} us finds {element} before it was added"));
                    }
                    Some(add) => has += usize::from(add.outcome.ok().is_some() && add.is_before(read)),
                }
            }
            let must = &acknowledged[..acknowledged.partition_point(|(end, _)| *end < read.invoked_us)];
            if has < must.len() {
                let lost = must.iter().filter(|(_, element)| found.binary_search(element).is_err());
                wrong.extend(lost.map(|(_, element)| {
                    format!("a read at {at} us does not find {element}, which was acknowledged")
                }));
            }
        }
        wrong
    }
}

impl OnClient for Set {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        vec![(TABLE, (1..REGIONS).map(|region| key(TABLE, region * REGION_KEYS)).collect())]
    }

    async fn perform(&self, client: &mut Client, style: Style, input: &Input) -> Outcome<Output> {
        match input {
            Input::Add(element) => settle(add(client, style, *element).await),
            Input::Read => settle(read(client).await.map(Outcome::Ok)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn what_is_lost_made_up_or_too_early_is_found() {
        let add = |element, from, to, outcome| op(Input::Add(element), from, to, outcome);
        let done = || Outcome::Ok(Vec::new());
        let adds = vec![
            add(1, 0, 5, done()),
            add(2, 0, 20, done()),
            add(3, 0, 5, Outcome::Fail),
            add(4, 0, 5, Outcome::Unknown),
            add(5, 30, 40, done()),
        ];
        let check = |elements: &[i64]| {
            let mut history = adds.clone();
            history.push(op(Input::Read, 10, 15, Outcome::Ok(elements.to_vec())));
            Set.check(&history)
        };
        for good in [&[1][..], &[1, 2], &[1, 4], &[1, 2, 4]] {
            assert!(check(good).is_empty(), "{good:?}");
        }
        assert_eq!(check(&[2]), ["a read at 10 us does not find 1, which was acknowledged"]);
        assert_eq!(check(&[1, 3]), ["a read at 10 us finds 3, which had failed"]);
        assert_eq!(check(&[1, 5]), ["a read at 10 us finds 5 before it was added"]);
        assert_eq!(check(&[1, 9]), ["a read at 10 us finds 9, which nobody added"]);
        assert_eq!(check(&[1, 1]), ["a read at 10 us finds an element twice"]);
    }
}
