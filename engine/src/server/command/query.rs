//! COM_QUERY: one statement, or several if the client has said that it may send several.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::answer::{Answer, Rows};
use super::infile;
use crate::error::{Error, Result, code};
use crate::processes::Wish;
use crate::result::ResultSet;
use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::desk::{self, Pace};
use crate::server::protocol::constants::capability;
use crate::server::protocol::sql;
use crate::session::{Prepared, Session};

/// A text's statements: the first one's answer, and those that are still to run.
type Begun = Result<(Answer, VecDeque<Prepared>)>;

/// Runs the text and answers each of its statements.
pub(super) async fn answer(connection: &mut Connection, packet: Bytes) -> Result<(), Ended> {
    let client = connection.wording()?.client;
    let Some(text) = sql::text(&packet, client).map(Arc::<str>::from) else {
        connection.fail(&Error::new(code::INVALID_CHARACTER_STRING, "invalid utf8mb4 character string"));
        return Ok(());
    };
    drop(packet);
    let shape = desk::shape(&text);
    connection.does("Query", Arc::clone(&text), shape)?;
    let pace = connection.shapes.pace(shape);
    let several = connection.can(capability::MULTI_STATEMENTS);
    let (begun, taken) = connection.run(pace, move |session| begin(session, &text, several, pace)).await?;
    connection.shapes.note(shape, taken);
    let (mut next, mut left) = match begun {
        Ok((answer, left)) => (Ok(answer), left),
        Err(error) => (Err(error), VecDeque::new()),
    };
    loop {
        if let Ok(answer) = &mut next
            && let Some((file, load)) = answer.take_request()
        {
            next = infile::load(connection, &file, load).await?;
        }
        let answer = match next {
            Ok(answer) => answer,
            Err(error) => {
                connection.fail(&error);
                return Ok(());
            }
        };
        let Some(statement) = left.pop_front() else { return connection.send(answer, false).await };
        connection.send(answer, true).await?;
        // Of a text whose connection was killed the next statement does not begin.
        if matches!(connection.process.wish(), Wish::Kill) {
            return Err(Ended::Wish(Wish::Kill));
        }
        let text = statement.shared_text();
        let shape = desk::shape(&text);
        connection.does("Query", text, shape)?;
        let work = move |session: &mut Session| {
            let result = session.execute_prepared(&statement, &[])?;
            Answer::new(session, result, Rows::Text, Pace::Long)
        };
        next = connection.run(Pace::Long, work).await?.0;
    }
}

fn begin(session: &mut Session, text: &str, several: bool, pace: Pace) -> Begun {
    let (result, left) = match has_several(text) {
        false => (session.execute(text)?, VecDeque::new()),
        true => several_of(session, text, several)?,
    };
    Ok((Answer::new(session, result, Rows::Text, pace)?, left))
}

/// Whether there is a semicolon within. It may be one of a string: then the text turns out to be one statement.
fn has_several(text: &str) -> bool {
    text.trim_end().trim_end_matches(';').contains(';')
}

/// All of them are parsed before the first one runs, as in TiDB.
fn several_of(session: &mut Session, text: &str, allowed: bool) -> Result<(ResultSet, VecDeque<Prepared>)> {
    let mut statements = VecDeque::from(session.prepare_all(text)?);
    let Some(first) = statements.pop_front() else {
        return Err(Error::new(code::EMPTY_QUERY, "query was empty"));
    };
    if !allowed && !statements.is_empty() {
        let message = "client has multi-statement capability disabled";
        return Err(Error::new(code::MULTI_STATEMENTS_DISABLED, message));
    }
    Ok((session.execute_prepared(&first, &[])?, statements))
}
