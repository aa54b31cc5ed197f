//! One-way functions of bytes.

use std::fmt::Write;

use allod_planner::expr::{Digest, statement_text};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sm3::Sm3;

use super::function::{Outcome, bytes, ints};
use super::string::build;
use super::value::{Column, Value};

/// Evaluates a digest, in hexadecimal digits.
pub(crate) fn apply(digest: Digest, args: &[Value], rows: usize) -> Outcome {
    let data = bytes(&args[0], rows)?;
    let bits = args.get(1).map_or(Column::one(0), |v| ints(v, rows));
    Ok(build(rows, |row, out| {
        let data = data.get(row)?;
        match digest {
            Digest::Md5 => hex::<Md5>(data, out),
            Digest::Sha1 => hex::<Sha1>(data, out),
            Digest::Sm3 => hex::<Sm3>(data, out),
            Digest::Sha2 => match bits.get(row)? {
                224 => hex::<Sha224>(data, out),
                0 | 256 => hex::<Sha256>(data, out),
                384 => hex::<Sha384>(data, out),
                512 => hex::<Sha512>(data, out),
                _ => return None,
            },
            Digest::Password if data.is_empty() => {}
            Digest::Password => {
                out.push('*');
                hex::<Sha1>(&<Sha1 as sha1::Digest>::digest(data), out);
                out.make_ascii_uppercase();
            }
        }
        Some(())
    }))
}

/// That of a statement without its values, as TiDB has it; `None` for what cannot be read.
pub fn of_statement(statement: &str) -> Option<String> {
    let mut out = String::new();
    hex::<Sha256>(statement_text(statement)?.as_bytes(), &mut out);
    Some(out)
}

/// Writes a digest in hexadecimal digits.
fn hex<D: sha1::Digest>(data: &[u8], out: &mut String) {
    for byte in D::digest(data) {
        let written = write!(out, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::Function;

    use super::super::tests::{TEXT, check};
    use super::*;

    /// RFC 1321, FIPS 180-4 and GB/T 32905-2016 for `abc`; MySQL's manual for PASSWORD.
    #[test]
    fn known_digests() {
        for (digest, args, want) in [
            (Digest::Md5, &["'abc'"][..], "900150983cd24fb0d6963f7d28e17f72"),
            (Digest::Md5, &["''"], "d41d8cd98f00b204e9800998ecf8427e"),
            (Digest::Sha1, &["'abc'"], "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Digest::Sha2, &["'abc'", "224"], "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (
                Digest::Sha2,
                &["'abc'", "0"],
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Digest::Sha2,
                &["'abc'", "256"],
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Digest::Sha2,
                &["'abc'", "384"],
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Digest::Sha2,
                &["'abc'", "512"],
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (Digest::Sha2, &["'abc'", "1"], "NULL"),
            (Digest::Sha2, &["'abc'", "NULL"], "NULL"),
            (Digest::Sm3, &["'abc'"], "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
            (Digest::Password, &["'mypass'"], "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4"),
            (Digest::Password, &["''"], ""),
            (Digest::Password, &["NULL"], "NULL"),
        ] {
            check(Function::Digest(digest), args, TEXT, want);
        }
    }
}
