//! The text of a statement from the bytes that a client sends.
//!
//! Statements are in the set of their client, and read in that first if it is another one than UTF-8. Else they are UTF-8. But clients put binary values into their strings as they are: `INSERT INTO t VALUES (_binary'…')`
//! may have any bytes between the quotes. A string with bytes that are no UTF-8 becomes the same value in hexadecimal, which
//! is a value of bytes; elsewhere such bytes are an error.

use std::borrow::Cow;
use std::fmt::Write;

use allod_storage::schema::Charset;

/// The statement as text; `None` if it has bytes outside of whole strings that are no UTF-8.
pub(crate) fn text(bytes: &[u8], client: Option<Charset>) -> Option<Cow<'_, str>> {
    if let Some(charset) = client {
        return Some(Cow::Owned(charset.read(bytes)));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let plain = end_of_plain(bytes, at);
        out.push_str(std::str::from_utf8(&bytes[at..plain]).ok()?);
        at = plain;
        let Some(&quote) = bytes.get(at) else { break };
        let end = end_of_quoted(bytes, at, quote);
        match (std::str::from_utf8(&bytes[at..end.unwrap_or(bytes.len())]), end) {
            (Ok(text), _) => out.push_str(text),
            (Err(_), Some(end)) if quote != b'`' => hexadecimal(&mut out, &bytes[at + 1..end - 1], quote),
            (Err(_), _) => return None,
        }
        at = end.unwrap_or(bytes.len());
    }
    Some(Cow::Owned(out))
}

/// Where the next quote is, outside of comments; or the end.
fn end_of_plain(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' | b'`' => return at,
            b'/' if bytes[at..].starts_with(b"/*") => {
                let body = &bytes[at + 2..];
                at = body.windows(2).position(|w| w == b"*/").map_or(bytes.len(), |n| at + n + 4);
            }
            b'#' => at = end_of_line(bytes, at),
            b'-' if bytes[at..].starts_with(b"--")
                && bytes.get(at + 2).is_none_or(u8::is_ascii_whitespace) =>
            {
                at = end_of_line(bytes, at);
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_line(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| start + n)
}

/// Behind the closing quote, if there is one.
fn end_of_quoted(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote != b'`' => at += 2,
            _ if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            _ if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn hexadecimal(out: &mut String, quoted: &[u8], quote: u8) {
    // What stands before it may be a word: `_binary'…'`.
    out.push_str(" x'");
    let mut bytes = quoted.iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'\\' => match bytes.next() {
                Some(b'0') => 0,
                Some(b'b') => 8,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'Z') => 26,
                Some(other) => other,
                None => byte,
            },
            _ if byte == quote => bytes.next().unwrap_or(byte),
            _ => byte,
        };
        write!(out, "{byte:02x}").expect("writing to a String never fails");
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_bytes_become_hexadecimal() {
        let cases: [(&[u8], Option<&str>); 8] = [
            (b"select 'a\\'b'", Some("select 'a\\'b'")),
            (b"v (_binary'\xff\\0\\'', 'caf\xc3\xa9')", Some("v (_binary x'ff0027', 'caf\u{e9}')")),
            (b"v (\"\xfe\"\"\\\\\")", Some("v ( x'fe225c')")),
            (b"select \xff", None),
            (b"select `\xff`", None),
            (b"select 1 /* '\xff */", None),
            (b"select 'it''s', -- it's\n '\xff'", Some("select 'it''s', -- it's\n  x'ff'")),
            (b"select '\xff", None),
        ];
        for (bytes, want) in cases {
            assert_eq!(text(bytes, None).as_deref(), want, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
