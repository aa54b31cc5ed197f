//! OK, ERR and EOF.

use allod_storage::schema::Charset;

use super::constants::{capability, status};
use super::payload::{put_lenenc, put_lenenc_bytes};
use crate::error::Error;

/// What an OK tells of a statement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done<'a> {
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub status: u16,
    pub warnings: u16,
    pub info: &'a str,
}

/// The end of a statement that returned no rows.
pub(crate) fn ok(out: &mut Vec<u8>, done: Done<'_>) {
    put_done(out, 0, done);
}

fn put_done(out: &mut Vec<u8>, header: u8, done: Done<'_>) {
    out.push(header);
    put_lenenc(out, done.affected_rows);
    put_lenenc(out, done.last_insert_id);
    out.extend_from_slice(&done.status.to_le_bytes());
    out.extend_from_slice(&done.warnings.to_le_bytes());
    // Documented as the rest of the packet; what servers send and clients read has its length before it.
    if !done.info.is_empty() {
        put_lenenc_bytes(out, done.info.as_bytes());
    }
}

/// The end of rows: an EOF, or to a client that has done away with those an OK that begins like one.
pub(crate) fn end_of_rows(out: &mut Vec<u8>, capabilities: u32, status: u16, warnings: u16) {
    if capabilities & capability::DEPRECATE_EOF == 0 {
        eof(out, status, warnings);
    } else {
        put_done(out, 0xfe, Done { status, warnings, ..Done::default() });
    }
}

/// The end of column definitions; of rows see [`end_of_rows`].
pub(crate) fn eof(out: &mut Vec<u8>, status: u16, warnings: u16) {
    out.push(0xfe);
    out.extend_from_slice(&warnings.to_le_bytes());
    out.extend_from_slice(&status.to_le_bytes());
}

/// An error. Before the client has said that it speaks version 4.1 there is no SQLSTATE.
pub(crate) fn error(out: &mut Vec<u8>, capabilities: u32, error: &Error, results: Option<Charset>) {
    /// What MySQL sends at most, by `MYSQL_ERRMSG_SIZE`.
    const MESSAGE_BYTES_MAX: usize = 511;
    out.push(0xff);
    out.extend_from_slice(&error.code().to_le_bytes());
    if capabilities & capability::PROTOCOL_41 != 0 {
        out.push(b'#');
        out.extend_from_slice(error.sqlstate().as_bytes());
    }
    let message = error.message();
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX.min(message.len()));
    match results {
        None => out.extend_from_slice(&message.as_bytes()[..end]),
        Some(charset) => out.extend_from_slice(&charset.written(&message[..end])),
    }
}

/// The status flags of a session.
pub(crate) fn status_of(autocommit: bool, in_transaction: bool) -> u16 {
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    flag(autocommit, status::AUTOCOMMIT) | flag(in_transaction, status::IN_TRANS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_laid_out_as_documented() {
        let mut out = Vec::new();
        ok(&mut out, Done { affected_rows: 3, last_insert_id: 300, status: 2, warnings: 1, info: "hi" });
        assert_eq!(out, [0, 3, 0xfc, 44, 1, 2, 0, 1, 0, 2, b'h', b'i']);
        out.clear();
        end_of_rows(&mut out, 0, 2, 1);
        assert_eq!(out, [0xfe, 1, 0, 2, 0]);
        out.clear();
        end_of_rows(&mut out, capability::DEPRECATE_EOF, 2, 1);
        assert_eq!(out, [0xfe, 0, 0, 2, 0, 1, 0]);
        out.clear();
        error(&mut out, capability::PROTOCOL_41, &Error::new(1146, "table 't' doesn't exist"), None);
        assert_eq!(out, b"\xff\x7a\x04#42S02Table 't' doesn't exist");
        out.clear();
        error(&mut out, 0, &Error::new(1040, "x".repeat(600)), None);
        assert_eq!(out.len(), 3 + 511);
    }
}
