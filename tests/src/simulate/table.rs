//! `table`: who comes after a table was created finds it; who comes after it was dropped does not.

use std::collections::BTreeMap;

use allod_storage::client::Client;
use allod_storage::error::{Error, Result};
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, key, put, scan, schema};
use super::workload::{OnClient, Turn, Workload};

/// A table is created, used and dropped in periods of this.
const ERA_MS: i64 = 1000;
/// It is dropped so many periods after it was created.
const LIFE: i64 = 3;
/// The first table that is created. Those before never are.
const FIRST: i64 = 10;

/// See the module's essay.
pub struct Table;

/// What a process does with a table.
#[derive(Clone, Copy, Debug, PartialEq, Hash)]
pub enum Action {
    /// Creates it. Again does no harm.
    Create,
    /// Writes a row.
    Write(i64),
    /// Reads all rows.
    Read,
    /// Drops it. Again does no harm.
    Drop,
}

/// Which table, and what.
pub type Input = (i64, Action);

/// Whether it was there.
pub type Output = bool;

fn space(table: i64) -> SpaceId {
    SpaceId(1000 + table as u64)
}

async fn act(client: &mut Client, style: Style, table: i64, action: Action) -> Result<Outcome<()>> {
    let space = space(table);
    match action {
        Action::Create => client.create_space(schema(space)).await?,
        Action::Drop => client.drop_space(space).await?,
        Action::Read => {
            let (ts, _pin) = client.snapshot().await?;
            scan(client, space, ts).await?;
        }
        Action::Write(id) => {
            let keys = vec![key(space, id)];
            let Some((mut transaction, _, _pin)) = begin(client, style, keys).await? else {
                return Ok(Outcome::Fail);
            };
            put(&mut transaction, space, id, "1");
            return match transaction.commit(client).await? {
                allod_storage::client::CommitOutcome::Committed(_) => Ok(Outcome::Ok(())),
                allod_storage::client::CommitOutcome::Conflict(_)
                | allod_storage::client::CommitOutcome::AlreadyExists { .. } => Ok(Outcome::Fail),
                allod_storage::client::CommitOutcome::Undetermined => Ok(Outcome::Unknown),
            };
        }
    }
    Ok(Outcome::Ok(()))
}

impl Workload for Table {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let era = FIRST + turn.now_ms / ERA_MS;
        match turn.process {
            // One creates and drops, always in this order.
            0 if turn.number % 2 == 0 => (era, Action::Create),
            0 => (era - LIFE, Action::Drop),
            _ => {
                let table = era - turn.below(LIFE + 2);
                let action = if turn.random.chance(50) { Action::Read } else { Action::Write(turn.unique()) };
                (table, action)
            }
        }
    }

    fn is_write(&self, input: &Input) -> bool {
        input.1 != Action::Read
    }

    fn last(&self) -> Vec<Input> {
        // The first ones are long gone.
        vec![(FIRST, Action::Read), (FIRST + 1, Action::Read)]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut definitions: BTreeMap<i64, [Vec<&Op<Input, Output>>; 2]> = BTreeMap::new();
        for op in history {
            let which = match op.input.1 {
                Action::Create => 0,
                Action::Drop => 1,
                Action::Write(_) | Action::Read => continue,
            };
            definitions.entry(op.input.0).or_default()[which].push(op);
        }
        let nobody = [Vec::new(), Vec::new()];
        let mut wrong = Vec::new();
        for op in history.iter().filter(|op| matches!(op.input.1, Action::Write(_) | Action::Read)) {
            let Outcome::Ok(was_there) = op.outcome else { continue };
            let (table, at) = (op.input.0, op.invoked_us);
            let [creates, drops] = definitions.get(&table).unwrap_or(&nobody);
            let done =
                |ops: &[&Op<Input, Output>]| ops.iter().any(|d| d.outcome.ok().is_some() && d.is_before(op));
            let begun = |ops: &[&Op<Input, Output>]| ops.iter().any(|d| !op.is_before(d));
            if !was_there && done(creates) && !begun(drops) {
                wrong.push(format!("table {table} is not there at {at} us, though it was created"));
            }
            if was_there && !begun(creates) {
                wrong.push(format!("table {table} is there at {at} us, though nobody created it"));
            }
            if was_there && done(drops) {
                wrong.push(format!("table {table} is there at {at} us, though it was dropped"));
            }
        }
        wrong
    }
}

impl OnClient for Table {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        Vec::new()
    }

    async fn perform(&self, client: &mut Client, style: Style, (table, action): &Input) -> Outcome<Output> {
        match act(client, style, *table, *action).await {
            Ok(outcome) => outcome.map(|()| true),
            Err(Error::UnknownSpace(_)) => Outcome::Ok(false),
            // Nobody knows of a definition whether it came through.
            Err(_) if matches!(action, Action::Create | Action::Drop) => Outcome::Unknown,
            Err(_) => Outcome::Fail,
        }
    }
}

/// The table that other workloads use is none of those made here.
const _: () = assert!(TABLE.0 < 1000 - 100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn tables_that_are_not_there_or_there_too_long_are_found() {
        let create = op((1, Action::Create), 0, 5, Outcome::Ok(true));
        let drop = op((1, Action::Drop), 20, 25, Outcome::Ok(true));
        let read = |from, to, there| op((1, Action::Read), from, to, Outcome::Ok(there));
        let check = |read| Table.check(&[create.clone(), drop.clone(), read]);
        for good in [
            read(1, 3, false),
            read(1, 3, true),
            read(10, 15, true),
            read(19, 22, false),
            read(30, 31, false),
        ] {
            assert!(check(good.clone()).is_empty(), "{good:?}");
        }
        assert_eq!(check(read(10, 15, false)), ["table 1 is not there at 10 us, though it was created"]);
        assert_eq!(check(read(30, 31, true)), ["table 1 is there at 30 us, though it was dropped"]);
        assert_eq!(Table.check(&[read(1, 2, true)]), ["table 1 is there at 1 us, though nobody created it"]);
        let unknown = op((1, Action::Create), 0, 5, Outcome::Unknown);
        assert!(Table.check(&[unknown, read(9, 10, false)]).is_empty());
    }
}
