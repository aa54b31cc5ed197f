//! Keys in hexadecimal digits: made of values, and told what they are of.

use std::fmt::Write;

use allod_planner::expr::{KeyFunction, KeySpace, KeySpaces};
use allod_storage::key::{Key, KeyEncoder, decode};
use allod_storage::schema::{Datum, ROW_ID_NAME, SpaceId};
use serde_json::{Map, Value as Json};

use super::function::{Failure, Outcome, text};
use super::string::build;
use super::value::Value;
use crate::error::Error;

/// Evaluates a function of keys.
pub(crate) fn apply(what: KeyFunction, spaces: &KeySpaces, args: &[Value], rows: usize) -> Outcome {
    match what {
        KeyFunction::Decode => {
            let keys = text(&args[0], rows)?;
            Ok(build(rows, |row, out| {
                let text = keys.get(row)?;
                match told(text, spaces) {
                    Some(told) => out.push_str(&told.to_string()),
                    None => out.push_str(text),
                }
                Some(())
            }))
        }
        KeyFunction::Encode => {
            let wrong = |why: String| Failure::Other(Error::Plan(why));
            let space = spaces.first().ok_or_else(|| wrong("a key of no space".into()))?;
            let types = space.schema.columns.iter().map(|column| &column.ty.sql);
            let arrays = args.iter().zip(types).map(|(arg, ty)| arg.clone().into_array(ty, rows));
            let arrays = arrays.collect::<Result<Vec<_>, _>>().map_err(Failure::Other)?;
            let encoder = KeyEncoder::new(&space.schema);
            let keys = encoder.bind(&arrays).map_err(|error| wrong(format!("{error:?}")))?;
            Ok(build(rows, |row, out| write!(out, "{}", keys.key(row)).ok()))
        }
    }
}

/// What a key is of; `None` if it is none.
fn told(text: &str, spaces: &KeySpaces) -> Option<Json> {
    const SPACE_DIGITS: usize = 2 * size_of::<SpaceId>();
    let bytes = text.as_bytes().chunks(2).map(|digits| {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 2)?;
        u8::from_str_radix(digits, 16).ok()
    });
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    let key = Key::from_bytes(&bytes);
    let space = spaces.get(key.space()?)?;
    let mut told = Map::new();
    if text.len() > SPACE_DIGITS {
        values(space, &decode(&space.schema, &key)?, &mut told);
    }
    if let Some(partition) = space.partition {
        told.insert("partition_id".into(), partition.into());
    }
    if let Some(index) = space.index {
        told.insert("index_id".into(), index.into());
    }
    // TiDB writes the table of a numbered row as a text.
    let is_numbered = told
        .keys()
        .any(|name| !matches!(name.as_str(), "handle" | "index_vals" | "index_id" | "partition_id"));
    told.insert(
        "table_id".into(),
        if is_numbered { space.table.to_string().into() } else { space.table.into() },
    );
    Some(Json::Object(told))
}

/// The values of a key under the names of their columns.
fn values(space: &KeySpace, values: &[Datum], told: &mut Map<String, Json>) {
    let columns = &space.schema.columns;
    if let (None, [Datum::Int(handle)], [column]) = (space.index, values, columns.as_slice()) {
        let name = if column.name.eq_ignore_ascii_case(ROW_ID_NAME) { ROW_ID_NAME } else { &column.name };
        told.insert(name.into(), (*handle).into());
        return;
    }
    let value = |value: &Datum| if value.is_null() { Json::Null } else { value.to_string().into() };
    let named = columns.iter().zip(values).map(|(column, datum)| (column.name.to_string(), value(datum)));
    let group = if space.index.is_some() { "index_vals" } else { "handle" };
    told.insert(group.into(), Json::Object(named.collect()));
}
