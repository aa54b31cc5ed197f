//! `sql-set`: each element is a statement that is a transaction by itself, and has an index entry.

use allod::{Result, Session};

use super::{begin, int};
use crate::database::rows;
use crate::simulate::history::Outcome;
use crate::simulate::rows::Style;
use crate::simulate::set::{Input, Output, Set};
use crate::simulate::workload::InSql;

impl InSql for Set {
    fn statements(&self, _run_ms: i64) -> Vec<String> {
        let table = "create table elements (id bigint primary key, twin bigint not null, key (twin)) \
                     partition by hash (id) partitions 4";
        vec![table.to_string()]
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        match input {
            Input::Add(element) => {
                if style.pessimistic {
                    begin(session, style)?;
                }
                session.run(&format!("insert into elements values ({element}, {element})"))?;
                if style.pessimistic {
                    session.run("commit")?;
                }
                Ok(Outcome::Ok(Vec::new()))
            }
            Input::Read => {
                // By the records or by the index: both must have all.
                let by_index = if style.options.one_phase { "" } else { " where twin >= 0" };
                let found = rows(session, &format!("select twin from elements{by_index}"))?;
                Ok(Outcome::Ok(found.iter().map(|row| int(&row[0])).collect()))
            }
        }
    }
}
