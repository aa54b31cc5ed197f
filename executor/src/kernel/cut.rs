//! Texts and bytes that are to have so many characters or bytes at most.

use arrow::array::BinaryViewBuilder;

use super::cast::is_constant;
use super::function::{Failure, Outcome};
use super::notice::Notices;
use super::value::{Binary, Strings, Value};
use crate::error::Error;

/// Strings of at most so many characters, telling of each that is cut.
pub(super) fn characters(value: Value, most: u32, rows: usize, notices: &mut Notices) -> Outcome {
    let limit = most as usize;
    let Value::String(v) = &value else { return Ok(value) };
    let looked_at = if matches!(v, Strings::One(_)) { rows.min(1) } else { rows };
    let long = |row: &usize| v.get(*row).is_some_and(|s| s.len() > limit && s.chars().nth(limit).is_some());
    let mut cut = false;
    for row in (0..looked_at).filter(long) {
        let length = v.get(row).map_or(0, |s| s.chars().count());
        notices.converted(row, Error::CutTooLong { limit: most, length })?;
        cut = true;
    }
    if !cut {
        return Ok(value);
    }
    Ok(super::string::slice(&v.plain(), rows, |_, s| {
        Some(0..s.char_indices().nth(limit).map_or(s.len(), |(at, _)| at))
    }))
}

/// Tells of byte strings that are longer than so many bytes.
pub(super) fn tell_bytes(
    value: &Value,
    most: u32,
    rows: usize,
    notices: &mut Notices,
) -> Result<(), Failure> {
    let looked_at = if is_constant(value) { rows.min(1) } else { rows };
    for row in (0..looked_at).filter(|row| !value.is_null(*row)) {
        let length = match value {
            Value::String(v) => v.value(row).len(),
            Value::Bytes(v) => v.value(row).len(),
            _ => 0,
        };
        if length > most as usize {
            notices.converted(row, Error::CutTooLong { limit: most, length })?;
        }
    }
    Ok(())
}

/// The bytes of strings, at most `limit`, padded with zeros to `width`.
pub(super) fn bytes_of(value: &Value, width: Option<u32>, limit: u32, rows: usize) -> Value {
    if matches!(value, Value::Null) {
        return Value::Null;
    }
    let mut out = BinaryViewBuilder::with_capacity(rows);
    let mut padded = Vec::new();
    for row in 0..rows {
        let bytes = match value {
            Value::String(v) if !value.is_null(row) => v.value(row).as_bytes(),
            Value::Bytes(v) if !value.is_null(row) => v.value(row),
            _ => {
                out.append_null();
                continue;
            }
        };
        let bytes = &bytes[..bytes.len().min(limit as usize)];
        match width {
            Some(width) if bytes.len() < width as usize => {
                padded.clear();
                padded.extend_from_slice(bytes);
                padded.resize(width as usize, 0);
                out.append_value(&padded);
            }
            _ => out.append_value(bytes),
        }
    }
    Value::Bytes(Binary::Views(out.finish()))
}
