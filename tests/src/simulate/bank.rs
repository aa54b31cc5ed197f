//! `bank`, `bank-multitable`: money moves between accounts, and none is lost or made.

use allod_storage::client::Client;
use allod_storage::error::Result;
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, commit, get, key, number, put, scan, settle};
use super::workload::{OnClient, Turn, Workload};

pub(super) const ACCOUNTS: i64 = 10;
pub(super) const START: i64 = 100;
const AMOUNT_MAX: i64 = 5;

/// See the module's essay.
#[derive(Clone)]
pub struct Bank {
    /// Whether each account is in a table of its own.
    pub tables: bool,
}

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Moves money, if there is enough.
    Transfer {
        /// From whom.
        from: i64,
        /// To whom.
        to: i64,
        /// How much.
        amount: i64,
    },
    /// Reads all accounts.
    Read {
        /// By scanning, not key by key.
        scan: bool,
    },
}

/// Balances by account, of a read.
pub type Output = Vec<(i64, i64)>;

impl Bank {
    fn space(&self, account: i64) -> SpaceId {
        if self.tables { SpaceId(100 + account as u64) } else { TABLE }
    }

    async fn balances(&self, client: &mut Client, by_scan: bool) -> Result<Output> {
        let (ts, _pin) = client.snapshot().await?;
        let mut balances = Vec::new();
        if self.tables {
            for account in 0..ACCOUNTS {
                let space = self.space(account);
                let rows = match by_scan {
                    true => scan(client, space, ts).await?,
                    false => {
                        let value = get(client, space, &[account], ts).await?.swap_remove(0);
                        value.map(|value| (account, value)).into_iter().collect()
                    }
                };
                balances.extend(rows.into_iter().map(|(id, value)| (id, number(&value))));
            }
        } else if by_scan {
            let rows = scan(client, TABLE, ts).await?;
            balances.extend(rows.into_iter().map(|(id, value)| (id, number(&value))));
        } else {
            let ids: Vec<i64> = (0..ACCOUNTS).collect();
            let values = get(client, TABLE, &ids, ts).await?;
            let there = ids.into_iter().zip(values).filter_map(|(id, value)| Some((id, value?)));
            balances.extend(there.map(|(id, value)| (id, number(&value))));
        }
        Ok(balances)
    }

    async fn transfer(
        &self,
        client: &mut Client,
        style: Style,
        from: i64,
        to: i64,
        amount: i64,
    ) -> Result<Outcome<Output>> {
        let keys = vec![key(self.space(from), from), key(self.space(to), to)];
        let Some((mut transaction, ts, _pin)) = begin(client, style, keys).await? else {
            return Ok(Outcome::Fail);
        };
        let mut balances = Vec::with_capacity(2);
        if self.tables {
            for account in [from, to] {
                balances.extend(get(client, self.space(account), &[account], ts).await?);
            }
        } else {
            balances = get(client, TABLE, &[from, to], ts).await?;
        }
        let [Some(has), Some(gets)] = balances.as_slice() else {
            // The checker finds that out from the next read.
            return Ok(Outcome::Fail);
        };
        let (has, gets) = (number(has) - amount, number(gets) + amount);
        if has < 0 {
            transaction.roll_back(client).await;
            return Ok(Outcome::Fail);
        }
        put(&mut transaction, self.space(from), from, &has.to_string());
        put(&mut transaction, self.space(to), to, &gets.to_string());
        Ok(commit(transaction, client).await.map(|()| Vec::new()))
    }
}

impl Workload for Bank {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        if turn.random.chance(30) {
            return Input::Read { scan: turn.random.chance(50) };
        }
        let from = turn.below(ACCOUNTS);
        let to = (from + 1 + turn.below(ACCOUNTS - 1)) % ACCOUNTS;
        Input::Transfer { from, to, amount: 1 + turn.below(AMOUNT_MAX) }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Transfer { .. })
    }

    fn last(&self) -> Vec<Input> {
        vec![Input::Read { scan: true }, Input::Read { scan: false }]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut wrong = Vec::new();
        for op in history {
            let (Input::Read { .. }, Outcome::Ok(balances)) = (&op.input, &op.outcome) else { continue };
            let accounts: Vec<i64> = balances.iter().map(|(account, _)| *account).collect();
            let total: i64 = balances.iter().map(|(_, balance)| balance).sum();
            if accounts != (0..ACCOUNTS).collect::<Vec<_>>() {
                wrong.push(format!("a read at {} us finds the accounts {accounts:?}", op.invoked_us));
            } else if total != ACCOUNTS * START {
                wrong.push(format!(
                    "a read at {} us finds {total} instead of {}",
                    op.invoked_us,
                    ACCOUNTS * START
                ));
            } else if let Some((account, balance)) = balances.iter().find(|(_, balance)| *balance < 0) {
                wrong.push(format!("a read at {} us finds {balance} on account {account}", op.invoked_us));
            }
        }
        wrong
    }
}

impl OnClient for Bank {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        if self.tables {
            return (0..ACCOUNTS).map(|account| (self.space(account), Vec::new())).collect();
        }
        vec![(TABLE, vec![key(TABLE, 3), key(TABLE, 7)])]
    }

    fn rows(&self) -> Vec<(SpaceId, i64, String)> {
        (0..ACCOUNTS).map(|account| (self.space(account), account, START.to_string())).collect()
    }

    async fn perform(&self, client: &mut Client, style: Style, input: &Input) -> Outcome<Output> {
        match *input {
            Input::Transfer { from, to, amount } => {
                settle(self.transfer(client, style, from, to, amount).await)
            }
            Input::Read { scan } => settle(self.balances(client, scan).await.map(Outcome::Ok)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    fn check(balances: Vec<(i64, i64)>) -> Vec<String> {
        Bank { tables: false }.check(&[op(Input::Read { scan: true }, 5, 6, Outcome::Ok(balances))])
    }

    #[test]
    fn money_that_is_lost_made_or_owed_is_found() {
        let good: Vec<(i64, i64)> = (0..ACCOUNTS).map(|account| (account, START)).collect();
        assert!(check(good.clone()).is_empty());
        let changed = |account: usize, by: i64| {
            let mut balances = good.clone();
            balances[account].1 += by;
            balances
        };
        assert_eq!(check(changed(3, -1)), ["a read at 5 us finds 999 instead of 1000"]);
        assert_eq!(check(changed(3, 1)), ["a read at 5 us finds 1001 instead of 1000"]);
        let mut owed = changed(0, 101);
        owed[1].1 -= 101;
        assert_eq!(check(owed), ["a read at 5 us finds -1 on account 1"]);
        assert_eq!(check(good[1..].to_vec()).len(), 1, "an account is gone");
    }
}
