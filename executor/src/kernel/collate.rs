//! What is done to texts because of their collation and their set: sort keys, folded texts, keyed texts, bytes.

use allod_planner::expr::CollateFunction;

use super::function::{Failure, Outcome, build_bytes, bytes, text};
use super::string;
use super::value::Value;
use crate::error::Error;

/// Between a sort key and its text: no weight is as small, so that a key that is the beginning of another comes before it.
const END: [u8; 2] = [0, 0];
/// How many bytes hold the length of the text, behind it.
const LENGTH: usize = 4;

/// Evaluates the function.
pub(super) fn apply(function: CollateFunction, args: &[Value], rows: usize) -> Outcome {
    match function {
        CollateFunction::Collate => Ok(args[0].clone()),
        CollateFunction::SortKey(collation) => {
            let texts = text(&args[0], rows)?;
            Ok(build_bytes(rows, |row| Some(collation.sort_key(texts.get(row)?))))
        }
        CollateFunction::Fold(collation) => {
            let texts = text(&args[0], rows)?;
            Ok(string::build(rows, |row, out| {
                out.push_str(&collation.folded(texts.get(row)?));
                Some(())
            }))
        }
        CollateFunction::FoldMembers(collation) => texts(&args[0], rows, |s| collation.folded_members(s)),
        CollateFunction::FoldPattern { collation, escape } => {
            let texts = text(&args[0], rows)?;
            Ok(string::build(rows, |row, out| {
                out.push_str(&collation.folded_pattern(texts.get(row)?, escape));
                Some(())
            }))
        }
        CollateFunction::Keyed(collation) => {
            let texts = text(&args[0], rows)?;
            Ok(build_bytes(rows, |row| {
                let text = texts.get(row)?;
                let mut key = collation.sort_key(text);
                key.extend_from_slice(&END);
                key.extend_from_slice(text.as_bytes());
                // No text has as many bytes.
                key.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                Some(key)
            }))
        }
        CollateFunction::Encode(charset) => {
            let texts = text(&args[0], rows)?;
            Ok(build_bytes(rows, |row| Some(charset.encoded(texts.get(row)?))))
        }
        CollateFunction::Decode(charset) => {
            let read = bytes(&args[0], rows)?;
            Ok(string::build(rows, |row, out| {
                out.push_str(&charset.decoded(read.get(row)?)?);
                Some(())
            }))
        }
        CollateFunction::DecodeStart(charset) => {
            let read = bytes(&args[0], rows)?;
            Ok(string::build(rows, |row, out| {
                out.push_str(&charset.decoded_start(read.get(row)?).0);
                Some(())
            }))
        }
        CollateFunction::Kept(charset) => texts(&args[0], rows, |s| charset.kept(s)),
        CollateFunction::Upper(charset) => {
            texts(&args[0], rows, |s| s.chars().map(|c| charset.has_or(string::upper(c), c)).collect())
        }
        CollateFunction::Lower(charset) => {
            texts(&args[0], rows, |s| s.chars().map(|c| charset.has_or(string::lower(c), c)).collect())
        }
        CollateFunction::Code(charset) => {
            let code = |s: &str| {
                let first = s.chars().next().map(String::from).unwrap_or_default();
                charset.encoded(&first).iter().fold(0, |code, byte| code << 8 | i64::from(*byte))
            };
            Ok(Value::Int(text(&args[0], rows)?.map(rows, code)))
        }
        CollateFunction::Unkeyed => {
            let keyed = bytes(&args[0], rows)?;
            let mut damaged = false;
            let texts = string::build(rows, |row, out| {
                let text = text_of(keyed.get(row)?);
                damaged |= text.is_none();
                out.push_str(text?);
                Some(())
            });
            match damaged {
                true => Err(Failure::Other(Error::Plan("a sort key without its text".into()))),
                false => Ok(texts),
            }
        }
    }
}

/// Texts made of texts.
fn texts(arg: &Value, rows: usize, made: impl Fn(&str) -> String) -> Outcome {
    let texts = text(arg, rows)?;
    Ok(string::build(rows, |row, out| {
        out.push_str(&made(texts.get(row)?));
        Some(())
    }))
}

/// The text behind its sort key.
fn text_of(keyed: &[u8]) -> Option<&str> {
    let (rest, length) = keyed.split_last_chunk::<LENGTH>()?;
    let start = rest.len().checked_sub(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    std::str::from_utf8(&rest[start..]).ok()
}
