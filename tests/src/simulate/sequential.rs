//! `sequential`: one process writes keys one after the other; who sees a later one, sees the earlier ones from then on.

use allod_storage::client::Client;
use allod_storage::error::Result;
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, commit, get, key, put, settle};
use super::workload::{OnClient, Turn, Workload};

/// Keys that one operation writes, in as many transactions.
const CHAIN: i64 = 4;
/// The keys of a chain lie in different regions.
const STRIDE: i64 = 1 << 20;

/// See the module's essay.
pub struct Sequential;

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Writes the keys of a chain, first to last, and stops at the first that fails.
    Write(i64),
    /// Reads them last to first, each at a time of its own.
    Read(i64),
}

/// Which keys were there, of a read, in the order in which they were read.
pub type Output = Vec<bool>;

fn id(chain: i64, i: i64) -> i64 {
    i * STRIDE + chain
}

async fn write(client: &mut Client, style: Style, chain: i64) -> Result<Outcome<Output>> {
    for i in 0..CHAIN {
        let keys = vec![key(TABLE, id(chain, i))];
        let Some((mut transaction, _, _pin)) = begin(client, style, keys).await? else {
            return Ok(Outcome::Unknown);
        };
        put(&mut transaction, TABLE, id(chain, i), "1");
        match commit(transaction, client).await {
            Outcome::Ok(()) => {}
            // What was written before stays: the whole is neither done nor not done.
            Outcome::Fail | Outcome::Unknown => return Ok(Outcome::Unknown),
        }
    }
    Ok(Outcome::Ok(Vec::new()))
}

async fn read(client: &mut Client, chain: i64) -> Result<Output> {
    let mut seen = Vec::new();
    for i in (0..CHAIN).rev() {
        let (ts, _pin) = client.snapshot().await?;
        seen.push(get(client, TABLE, &[id(chain, i)], ts).await?[0].is_some());
    }
    Ok(seen)
}

impl Workload for Sequential {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let processes = turn.processes as i64;
        match turn.number % 2 {
            0 => Input::Write(turn.number / 2 * processes + turn.process as i64),
            // What another process is just writing.
            _ => Input::Read((turn.number / 2 * processes + turn.below(processes)).max(0)),
        }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Write(_))
    }

    fn last(&self) -> Vec<Input> {
        (0..20).map(|i| Input::Read(i * 7)).collect()
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut wrong = Vec::new();
        for op in history {
            let (Input::Read(chain), Outcome::Ok(seen)) = (&op.input, &op.outcome) else { continue };
            if !seen.is_sorted() {
                wrong.push(format!(
                    "a read at {} us of chain {chain}, last to first, sees {seen:?}",
                    op.invoked_us
                ));
            }
            let written = history.iter().any(|write| {
                write.input == Input::Write(*chain) && write.outcome.ok().is_some() && write.is_before(op)
            });
            if written && !seen.iter().all(|there| *there) {
                wrong.push(format!(
                    "a read at {} us misses a part of chain {chain}, which was written",
                    op.invoked_us
                ));
            }
        }
        wrong
    }
}

impl OnClient for Sequential {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        vec![(TABLE, (1..CHAIN).map(|i| key(TABLE, i * STRIDE)).collect())]
    }

    async fn perform(&self, client: &mut Client, style: Style, input: &Input) -> Outcome<Output> {
        match input {
            // An error in between leaves what was written before.
            Input::Write(chain) => write(client, style, *chain).await.unwrap_or(Outcome::Unknown),
            Input::Read(chain) => settle(read(client, *chain).await.map(Outcome::Ok)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn effects_without_their_causes_are_found() {
        let read = |seen: [bool; 4]| op(Input::Read(3), 10, 20, Outcome::Ok(seen.to_vec()));
        let written = op(Input::Write(3), 0, 5, Outcome::Ok(Vec::new()));
        let check = |history: &[Op<Input, Output>]| Sequential.check(history);
        assert!(check(&[read([false, false, true, true])]).is_empty());
        assert!(check(&[written.clone(), read([true; 4])]).is_empty());
        assert_eq!(
            check(&[read([false, true, false, true])]).len(),
            1,
            "the third was written before the second"
        );
        assert_eq!(check(&[written, read([false, true, true, true])]).len(), 1, "it was all there");
    }
}
