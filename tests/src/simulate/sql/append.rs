//! `sql-append`: all lists are there from the beginning, so that they can be locked.

use allod::{Result, Session};

use super::{begin, lock, value};
use crate::simulate::append::{Append, ERA_MS, Input, LISTS, Output, Step, elements, id};
use crate::simulate::history::Outcome;
use crate::simulate::rows::Style;
use crate::simulate::workload::InSql;
use crate::slt::Value;

impl InSql for Append {
    fn statements(&self, run_ms: i64) -> Vec<String> {
        let eras = run_ms / ERA_MS + 1;
        let rows: Vec<String> = (0..eras * LISTS).map(|list| format!("({}, '')", id(list))).collect();
        vec![
            "create table lists (id bigint primary key, elements text not null)".to_string(),
            format!("insert into lists values {}", rows.join(", ")),
        ]
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        begin(session, style)?;
        let mut reads = Output::new();
        for step in input {
            match step {
                Step::Read(list) => {
                    let sql = format!("select elements from lists where id = {}{}", id(*list), lock(style));
                    reads.push(match value(session, &sql)? {
                        Some(Value::Text(text)) => elements(Some(&text)),
                        // Lists later than the run's end were never made, and lists that are lost are found out.
                        _ => Vec::new(),
                    });
                }
                Step::Append(list, element) => {
                    let id = id(*list);
                    session.run(&format!(
                        "update lists set elements = concat(elements, ',{element}') where id = {id}"
                    ))?;
                }
            }
        }
        session.run("commit")?;
        Ok(Outcome::Ok(reads))
    }
}
