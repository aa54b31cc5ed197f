//! `sql-bank`, `sql-bank-multitable`.

use allod::{Result, Session};

use super::{begin, int, lock, value};
use crate::database::rows;
use crate::simulate::bank::{ACCOUNTS, Bank, Input, Output, START};
use crate::simulate::history::Outcome;
use crate::simulate::rows::Style;
use crate::simulate::workload::InSql;

impl Bank {
    fn table(&self, account: i64) -> String {
        if self.tables { format!("account_{account}") } else { "accounts".to_string() }
    }

    fn balance(&self, session: &mut Session, account: i64, lock: &str) -> Result<Option<i64>> {
        let table = self.table(account);
        let found = value(session, &format!("select balance from {table} where id = {account}{lock}"))?;
        Ok(found.as_ref().map(int))
    }

    fn balances_in_sql(&self, session: &mut Session, scan: bool) -> Result<Output> {
        let pairs = |rows: Vec<Vec<_>>| rows.iter().map(|row| (int(&row[0]), int(&row[1]))).collect();
        if !self.tables {
            let by_index = if scan { "" } else { " where id in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)" };
            let sql = format!("select id, balance from accounts{by_index} order by id");
            return rows(session, &sql).map(pairs);
        }
        if scan {
            let parts: Vec<String> =
                (0..ACCOUNTS).map(|account| format!("select id, balance from account_{account}")).collect();
            let sql = format!("{} order by id", parts.join(" union all "));
            return rows(session, &sql).map(pairs);
        }
        session.run("begin optimistic")?;
        let mut found = Output::new();
        for account in 0..ACCOUNTS {
            found.extend(self.balance(session, account, "")?.map(|balance| (account, balance)));
        }
        session.run("commit")?;
        Ok(found)
    }

    fn transfer_in_sql(
        &self,
        session: &mut Session,
        style: Style,
        from: i64,
        to: i64,
        amount: i64,
    ) -> Result<Outcome<Output>> {
        begin(session, style)?;
        let Some(has) = self.balance(session, from, lock(style))? else {
            // The checker finds that out from the next read.
            session.run("rollback")?;
            return Ok(Outcome::Fail);
        };
        if has < amount {
            session.run("rollback")?;
            return Ok(Outcome::Fail);
        }
        if self.tables {
            for (account, change) in [(from, -amount), (to, amount)] {
                let table = self.table(account);
                session
                    .run(&format!("update {table} set balance = balance + {change} where id = {account}"))?;
            }
        } else {
            session.run(&format!(
                "update accounts set balance = balance + if(id = {from}, -{amount}, {amount}) where id in ({from}, {to})"
            ))?;
        }
        session.run("commit")?;
        Ok(Outcome::Ok(Vec::new()))
    }
}

impl InSql for Bank {
    fn statements(&self, _run_ms: i64) -> Vec<String> {
        let columns = "(id bigint primary key, balance bigint not null)";
        let mut statements = Vec::new();
        if self.tables {
            for account in 0..ACCOUNTS {
                let table = self.table(account);
                statements.push(format!("create table {table} {columns}"));
                statements.push(format!("insert into {table} values ({account}, {START})"));
            }
        } else {
            statements.push(format!("create table accounts {columns}"));
            let rows: Vec<String> = (0..ACCOUNTS).map(|account| format!("({account}, {START})")).collect();
            statements.push(format!("insert into accounts values {}", rows.join(", ")));
        }
        statements
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        match *input {
            Input::Transfer { from, to, amount } => self.transfer_in_sql(session, style, from, to, amount),
            Input::Read { scan } => self.balances_in_sql(session, scan).map(Outcome::Ok),
        }
    }
}
