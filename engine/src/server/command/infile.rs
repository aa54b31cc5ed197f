//! LOAD DATA LOCAL: the client is asked for a file, and sends it in packets; an empty one ends it.

use bytes::Bytes;

use super::answer::{Answer, Rows};
use crate::error::{Error, Result, code};
use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::desk::Pace;
use crate::server::protocol::constants::capability;
use crate::session::{Load, Session};

/// Asks for the file and loads it. What is wrong is told when all of it has come: a client that sends does not listen.
pub(super) async fn load(
    connection: &mut Connection,
    file: &str,
    load: Box<Load>,
) -> std::result::Result<Result<Answer>, Ended> {
    if !connection.can(capability::LOCAL_FILES) {
        let message = "the used command is not allowed with this MySQL version";
        return Ok(Err(Error::new(code::LOCAL_INFILE_DISABLED, message)));
    }
    connection.wire.put(|out| {
        out.push(0xfb);
        out.extend_from_slice(file.as_bytes());
    });
    connection.wire.flush().await?;
    let mut load = Ok(load);
    loop {
        let piece = connection.packet().await?;
        if piece.is_empty() {
            break;
        }
        if let Ok(open) = load {
            load = connection.run(Pace::Long, move |session| feed(session, open, &piece)).await?.0;
        }
    }
    let load = match load {
        Ok(load) => load,
        Err(error) => return Ok(Err(error)),
    };
    Ok(connection.run(Pace::Long, move |session| finish(session, load)).await?.0)
}

fn feed(session: &mut Session, mut load: Box<Load>, piece: &Bytes) -> Result<Box<Load>> {
    load.feed(session, piece)?;
    Ok(load)
}

fn finish(session: &mut Session, load: Box<Load>) -> Result<Answer> {
    let result = load.finish(session)?;
    Answer::new(session, result, Rows::Text, Pace::Long)
}
