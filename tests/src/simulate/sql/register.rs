//! `sql-register`: a key that was never written is NULL.

use allod::{Result, Session};

use super::{begin, int, lock, value};
use crate::simulate::history::Outcome;
use crate::simulate::register::{Action, ERA_MS, Input, KEYS, Output, Register};
use crate::simulate::rows::Style;
use crate::simulate::workload::InSql;

fn read(session: &mut Session, id: i64, lock: &str) -> Result<Output> {
    let found = value(session, &format!("select value from registers where id = {id}{lock}"))?;
    Ok(found.as_ref().map(int))
}

impl InSql for Register {
    fn statements(&self, run_ms: i64) -> Vec<String> {
        let ids = (run_ms / ERA_MS + 1) * KEYS;
        let rows: Vec<String> = (0..ids).map(|id| format!("({id}, null)")).collect();
        vec![
            "create table registers (id bigint primary key, value bigint)".to_string(),
            format!("insert into registers values {}", rows.join(", ")),
        ]
    }

    fn act(&self, session: &mut Session, style: Style, (id, action): &Input) -> Result<Outcome<Output>> {
        let write = |session: &mut Session, value| {
            session.run(&format!("update registers set value = {value} where id = {id}"))
        };
        match *action {
            Action::Read => read(session, *id, "").map(Outcome::Ok),
            Action::Write(value) => write(session, value).map(|_| Outcome::Ok(None)),
            Action::CompareAndSet(expected, new) => {
                begin(session, style)?;
                let found = read(session, *id, lock(style))?;
                if found != Some(expected) {
                    session.run("rollback")?;
                    return Ok(Outcome::Ok(found));
                }
                write(session, new)?;
                session.run("commit")?;
                Ok(Outcome::Ok(found))
            }
        }
    }
}
