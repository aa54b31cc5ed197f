//! COM_FIELD_LIST: the columns of a table, for clients that complete names.

use crate::error::{Error, code};
use crate::information_schema;
use crate::like;
use crate::server::Ended;
use crate::server::connection::{Connection, status_of};
use crate::server::protocol::payload::Payload;
use crate::server::protocol::{column, reply};

/// Answers with the definitions of the columns that a pattern fits.
pub(super) fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let mut payload = Payload::new(packet);
    let table = String::from_utf8_lossy(payload.until_zero()?).into_owned();
    let pattern = String::from_utf8_lossy(payload.rest()).into_owned();
    let session = connection.desk.session()?;
    let Some(database) = session.database().map(str::to_owned) else {
        connection.fail(&Error::new(code::NO_DATABASE, "no database selected"));
        return Ok(());
    };
    let version = session.version();
    let version = version.seen_with(session.rights());
    let known = version.entry(&database, &table).map(|entry| entry.descriptor.clone());
    let in_memory = || information_schema::descriptor(&database, &table);
    let (status, results) = (status_of(session), session.wording().results);
    let Some(descriptor) = known.or_else(|| in_memory().map(Into::into)) else {
        let message = format!("table '{database}.{table}' doesn't exist");
        connection.fail(&Error::new(code::NO_SUCH_TABLE, message));
        return Ok(());
    };
    for ordinal in descriptor.visible_columns() {
        let found = &descriptor.columns[ordinal];
        if pattern.is_empty() || like::matches(&pattern, &found.name) {
            connection.wire.put(|out| {
                column::of_table(
                    out,
                    [&database, &descriptor.name, &found.name],
                    (&found.ty, found.boolean),
                    results,
                )
            });
        }
    }
    let capabilities = connection.capabilities;
    connection.wire.put(|out| reply::end_of_rows(out, capabilities, status, 0));
    Ok(())
}
