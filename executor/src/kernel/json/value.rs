//! JSON_VALUE: one value of a document, as one of a type, and what it is if there is none.
//!
//! A text that is no document is an error like any other that ON ERROR answers, and then a warning. That is what MySQL does; its
//! manual says otherwise.

use std::borrow::Cow;

use allod_planner::expr::calendar;
use allod_storage::schema::SqlType;
use allod_storage::schema::json::{JsonRef, View};

use super::{Args, Failure, JsonFault, Result, text_of};
use crate::error::Error;
use crate::kernel::notice::Notices;

/// What is at the path.
enum Place<'a> {
    /// The document or the path is NULL, or so is the value.
    Null,
    Nothing,
    Several,
    One(Cow<'a, [u8]>),
    /// The text is no document.
    NoDocument(JsonFault),
}

fn place<'a>(args: &mut Args<'a>, row: usize) -> Result<Place<'a>> {
    let path = args.path(1, row)?;
    let document = match args.document(0, row) {
        Err(Failure::Other(Error::Json(fault @ JsonFault::Argument { .. }))) => {
            return Ok(Place::NoDocument(fault));
        }
        document => document?,
    };
    let (Some(document), Some(path)) = (document, path) else { return Ok(Place::Null) };
    let mut found = Place::Nothing;
    path.seek(JsonRef::new(&document), &mut |value, _| {
        found = match found {
            Place::Nothing => match value.view() {
                View::Null => Place::Null,
                _ => Place::One(Cow::Owned(value.bytes().to_vec())),
            },
            Place::Null | Place::Several | Place::One(_) | Place::NoDocument(_) => Place::Several,
        };
    });
    Ok(found)
}

/// The value at the path, if it is the only one.
pub(super) fn found<'a>(args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    Ok(match place(args, row)? {
        Place::One(value) => Some(value),
        Place::Null | Place::Nothing | Place::Several | Place::NoDocument(_) => None,
    })
}

/// What the path leads to, as a number.
pub(super) fn state(
    args: &mut Args<'_>,
    row: usize,
    ty: &SqlType,
    (empty_fails, error_fails): (bool, bool),
    notices: &mut Notices,
) -> Result<Option<i64>> {
    let function = args.function.name();
    match place(args, row)? {
        Place::Nothing if empty_fails => Err(JsonFault::Missing(function).into()),
        Place::Nothing => Ok(Some(1)),
        Place::Several if error_fails => Err(JsonFault::Several(function).into()),
        Place::One(value) if !fits(JsonRef::new(&value), ty) => match error_fails {
            true => Err(JsonFault::OutOfRange { ty: word(ty), function }.into()),
            false => Ok(Some(2)),
        },
        Place::NoDocument(fault) if error_fails => Err(fault.into()),
        Place::NoDocument(fault) => {
            notices.warn(row, Error::Json(fault));
            Ok(Some(2))
        }
        Place::Several => Ok(Some(2)),
        Place::Null | Place::One(_) => Ok(Some(0)),
    }
}

/// Whether a value is one of a type, with nothing lost but digits behind the point.
fn fits(value: JsonRef<'_>, ty: &SqlType) -> bool {
    let text = || match value.view() {
        View::String(text) => text.to_owned(),
        _ => text_of(value).trim_matches('"').to_owned(),
    };
    let scalar = !matches!(value.view(), View::Array(_) | View::Object(_));
    match ty {
        SqlType::Json | SqlType::Null => true,
        SqlType::Char(most, _) | SqlType::VarChar(most, _) => text().chars().count() <= *most as usize,
        SqlType::Binary(most) | SqlType::VarBinary(most) => text().len() <= *most as usize,
        SqlType::Text(..) | SqlType::Blob(_) => true,
        SqlType::Int { unsigned, .. } => {
            let range = if *unsigned { 0..=u64::MAX.into() } else { i64::MIN.into()..=i64::MAX.into() };
            whole(value).is_some_and(|n| range.contains(&n))
        }
        SqlType::Year => whole(value).is_some_and(|n| n == 0 || (1901..=2155).contains(&n)),
        SqlType::Float | SqlType::Double => match value.view() {
            View::String(text) => number(text),
            _ => is_number(value),
        },
        SqlType::Decimal { precision, scale } => {
            let most = 10f64.powi(i32::from(*precision) - i32::from(*scale));
            let read = match value.view() {
                View::String(text) if number(text) => text.trim().parse::<f64>().ok(),
                View::Bool(_) => Some(0.0),
                View::Int(v) => Some(v as f64),
                View::UInt(v) => Some(v as f64),
                View::Double(v) => Some(v),
                _ => None,
            };
            read.is_some_and(|v| v.abs() < most)
        }
        SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) => {
            scalar && !is_number(value) && calendar::parse_datetime(&text()).is_some()
        }
        SqlType::Time(_) => scalar && !is_number(value) && calendar::parse_time(&text()).is_some(),
        SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => scalar,
    }
}

fn is_number(value: JsonRef<'_>) -> bool {
    matches!(value.view(), View::Bool(_) | View::Int(_) | View::UInt(_) | View::Double(_))
}

/// Whether a text is a number and nothing else.
fn number(text: &str) -> bool {
    let text = text.trim();
    let letters = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    text.chars().all(letters) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The integer that a value is, or that its number is nearest to.
fn whole(value: JsonRef<'_>) -> Option<i128> {
    match value.view() {
        View::Bool(v) => Some(v.into()),
        View::Int(v) => Some(v.into()),
        View::UInt(v) => Some(v.into()),
        View::Double(v) => v.is_finite().then(|| v.round_ties_even() as i128),
        View::String(text) => text.trim().parse().ok(),
        View::Null
        | View::Opaque(..)
        | View::Date(_)
        | View::DateTime(_)
        | View::Time(_)
        | View::Array(_)
        | View::Object(_) => None,
    }
}

/// What messages call a type.
fn word(ty: &SqlType) -> &'static str {
    match ty {
        SqlType::Int { unsigned: true, .. } => "UNSIGNED",
        SqlType::Int { unsigned: false, .. } => "SIGNED",
        SqlType::Float => "FLOAT",
        SqlType::Double => "DOUBLE",
        SqlType::Decimal { .. } => "DECIMAL",
        SqlType::Date => "DATE",
        SqlType::DateTime(_) | SqlType::Timestamp(_) => "DATETIME",
        SqlType::Time(_) => "TIME",
        SqlType::Year => "YEAR",
        SqlType::Json => "JSON",
        SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => "CHAR",
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => "BINARY",
        SqlType::Null | SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => "CHAR",
    }
}
