//! Other types as JSON, and JSON as other types.

use std::sync::Arc;

use allod_storage::schema::json::{Json, JsonRef, View, encode, parse_json};
use allod_storage::schema::{SqlType, bit_bytes};
use arrow::array::BinaryViewBuilder;

use super::{JsonFault, Result, text_of};
use crate::error::Error;
use crate::kernel::cast;
use crate::kernel::clock::write_date;
use crate::kernel::function::Outcome;
use crate::kernel::notice::Notices;
use crate::kernel::value::{Binary, Strings, Value};

/// Type numbers of the protocol, which opaque values tell.
mod wire {
    pub const VARCHAR: u8 = 15;
    pub const BIT: u8 = 16;
    pub const BLOB: u8 = 252;
    pub const VAR_STRING: u8 = 253;
    pub const STRING: u8 = 254;
}

/// The value at a row as JSON; None for NULL.
pub(super) fn to_json(value: &Value, ty: &SqlType, boolean: bool, row: usize) -> Option<Json> {
    if value.is_null(row) {
        return None;
    }
    Some(match value {
        Value::Null => return None,
        Value::Bool(v) => Json::Bool(v.bits.value(row)),
        Value::Int(v) if boolean => Json::Bool(v.value(row) != 0),
        Value::Int(v) => Json::Int(v.value(row)),
        Value::UInt(v) => match ty {
            SqlType::Bit(bits) => {
                Json::Opaque { ty: wire::BIT, bytes: bit_bytes(v.value(row), *bits).as_ref().into() }
            }
            _ => Json::UInt(v.value(row)),
        },
        // A single has the digits that it prints with, not those of the double that holds it.
        Value::Double(v) if *ty == SqlType::Float => {
            let v = v.value(row);
            Json::Double((v as f32).to_string().parse().unwrap_or(v))
        }
        Value::Double(v) => Json::Double(v.value(row)),
        Value::Decimal(v) => Json::Double(decimal(v.value(row), v.scale())),
        Value::Date(v) => Json::Date(v.value(row)),
        Value::DateTime(v) => Json::DateTime(v.value(row)),
        Value::Time(v) => Json::Time(v.value(row)),
        Value::String(v) => Json::string(v.value(row)),
        Value::Bytes(v) => {
            let ty = match ty {
                SqlType::Binary(_) => wire::STRING,
                SqlType::VarBinary(_) => wire::VAR_STRING,
                SqlType::Blob(_) => wire::BLOB,
                _ => wire::VARCHAR,
            };
            Json::Opaque { ty, bytes: v.value(row).into() }
        }
    })
}

/// The double nearest to a decimal: what its text reads as.
fn decimal(value: i128, scale: u8) -> f64 {
    let mut text = String::new();
    crate::kernel::number::write_decimal(value, scale, &mut text);
    text.parse().unwrap_or(0.0)
}

/// What a number or a date reads of a document: a string without its quotes, TRUE and FALSE as 1 and 0.
pub(super) fn plain(document: JsonRef<'_>, out: &mut String) {
    match document.view() {
        View::Bool(v) => out.push(if v { '1' } else { '0' }),
        View::String(text) => out.push_str(text),
        View::Date(days) => write_date(i64::from(days), out),
        View::DateTime(_) | View::Time(_) => out.push_str(text_of(document).trim_matches('"')),
        _ => out.push_str(&text_of(document)),
    }
}

/// CAST between JSON and another type, one of the two being JSON. Only strings that are to be JSON can fail.
pub(in crate::kernel) fn cast(value: &Value, to: &SqlType, rows: usize, notices: &mut Notices) -> Outcome {
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::String(texts), SqlType::Json) => {
            parsed(texts, rows, |fault, _| JsonFault::of_argument(fault, 1, "cast_as_json"))
        }
        (Value::Bytes(documents), to) if to.is_string() || to.is_binary() => {
            let text = converted(documents, rows, text_of);
            cast::cast(&text, &SqlType::text(u32::MAX), to, rows, notices)
        }
        (Value::Bytes(documents), to) => numbers(documents, to, rows, notices),
        _ => Err(Error::Plan("a conversion of what is no document".into()).into()),
    }
}

/// Stores into a JSON column: strings are parsed, JSON values are there already.
pub(in crate::kernel) fn assign(value: &Value, column: &Arc<str>, rows: usize) -> Outcome {
    match value {
        Value::String(texts) => parsed(texts, rows, |fault, _| JsonFault::of_column(fault, column)),
        json => Ok(json.clone()),
    }
}

fn parsed(
    texts: &Strings,
    rows: usize,
    fault: impl Fn(allod_storage::schema::json::JsonFault, usize) -> JsonFault,
) -> Outcome {
    let parse = |row: usize| -> Result<Vec<u8>> {
        Ok(encode(&parse_json(texts.value(row)).map_err(|found| fault(found, row))?))
    };
    if matches!(texts, Strings::One(_)) && rows > 0 {
        return Ok(Value::Bytes(Binary::One(parse(0)?.into())));
    }
    let mut out = BinaryViewBuilder::with_capacity(rows);
    for row in 0..rows {
        match texts.get(row) {
            Some(_) => out.append_value(parse(row)?),
            None => out.append_null(),
        }
    }
    Ok(Value::Bytes(Binary::Views(out.finish())))
}

/// A text for each document.
fn converted(documents: &Binary, rows: usize, text: impl Fn(JsonRef<'_>) -> String) -> Value {
    if let Binary::One(bytes) = documents {
        return Value::String(Strings::One(text(JsonRef::new(bytes)).into()));
    }
    let nulls = documents.nulls();
    let texts = (0..rows).map(|row| {
        let valid = nulls.is_none_or(|n| n.is_valid(row));
        valid.then(|| text(JsonRef::new(documents.value(row))))
    });
    Value::String(Strings::Views(texts.collect()))
}

/// Documents as numbers, dates and times: by way of their text, of which what is no number is none. A double becomes an
/// integer by rounding, while text that is a string ends at its point.
fn numbers(documents: &Binary, to: &SqlType, rows: usize, notices: &mut Notices) -> Outcome {
    let (whole, unsigned) = (to.is_integer(), matches!(to, SqlType::Int { unsigned: true, .. }));
    let text = converted(documents, rows, |document| {
        let mut out = String::new();
        match document.view() {
            View::Double(v) if whole => {
                let most = if unsigned { u64::MAX.into() } else { i64::MAX.into() };
                let nearest = (v.round_ties_even() as i128).clamp(i64::MIN.into(), most);
                out.push_str(&nearest.to_string());
            }
            View::Array(_) | View::Object(_) | View::Null => out.push('0'),
            _ => plain(document, &mut out),
        }
        out
    });
    cast::cast(&text, &SqlType::text(u32::MAX), to, rows, notices)
}
