//! Functions that look at documents.

use std::borrow::Cow;

use allod_storage::schema::json::{Json, JsonRef, View, compare_json, encode, parse_json, print_json};

use super::{Args, JsonFault, Result, built};
use crate::kernel::value::Value;

/// JSON_EXTRACT: the value that a path leads to; an array of all of them if there may be several.
pub(super) fn extract<'a>(args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    let document = args.document(0, row)?;
    let mut paths = Vec::with_capacity(args.values.len() - 1);
    for at in 1..args.values.len() {
        match args.path(at, row)? {
            Some(path) => paths.push(path),
            None => return Ok(None),
        }
    }
    let Some(document) = document else { return Ok(None) };
    if let [path] = paths.as_slice()
        && !path.is_wild()
    {
        // What is found in a column is not copied here.
        return Ok(match &document {
            Cow::Borrowed(bytes) => path.find(JsonRef::new(bytes)).map(|v| Cow::Borrowed(v.bytes())),
            Cow::Owned(bytes) => path.find(JsonRef::new(bytes)).map(|v| Cow::Owned(v.bytes().to_vec())),
        });
    }
    let mut found = Vec::new();
    for path in &paths {
        path.seek(JsonRef::new(&document), &mut |value, _| found.push(value.to_json()));
    }
    if found.is_empty() { Ok(None) } else { built(Json::Array(found)) }
}

/// JSON_UNQUOTE: a JSON string without its quotes, as is any text that begins and ends with them.
pub(super) fn unquote(args: &mut Args<'_>, row: usize, out: &mut String) -> Result<bool> {
    if args.json[0] {
        let Some(document) = args.document(0, row)? else { return Ok(false) };
        let document = JsonRef::new(&document);
        match document.view() {
            View::String(text) => out.push_str(text),
            _ => unquoted(document, out),
        }
        return Ok(true);
    }
    let Some(text) = args.text(0, row) else { return Ok(false) };
    if text.len() < 2 || !text.starts_with('"') || !text.ends_with('"') {
        out.push_str(&text);
        return Ok(true);
    }
    match parse_json(&text) {
        Ok(Json::String(text)) => out.push_str(&text),
        // What begins with a quotation mark and is a document is a string.
        Ok(_) => out.push_str(&text),
        Err(fault) => return Err(JsonFault::of_argument(fault, 1, args.function.name()).into()),
    }
    Ok(true)
}

/// The text of what is no string; dates and bytes print in quotes, which are not part of them.
fn unquoted(document: JsonRef<'_>, out: &mut String) {
    let start = out.len();
    print_json(document, out);
    if out[start..].starts_with('"') {
        out.remove(start);
        out.pop();
    }
}

/// JSON_TYPE.
pub(super) fn type_name(document: JsonRef<'_>) -> &'static str {
    match document.view() {
        View::Null => "NULL",
        View::Bool(_) => "BOOLEAN",
        View::Int(_) => "INTEGER",
        View::UInt(_) => "UNSIGNED INTEGER",
        View::Double(_) => "DOUBLE",
        View::String(_) => "STRING",
        View::Array(_) => "ARRAY",
        View::Object(_) => "OBJECT",
        View::Date(_) => "DATE",
        View::DateTime(_) => "DATETIME",
        View::Time(_) => "TIME",
        View::Opaque(16, _) => "BIT",
        View::Opaque(..) => "BLOB",
    }
}

/// JSON_VALID: whether a text is a document. JSON is one, and nothing else is.
pub(super) fn is_valid(args: &Args<'_>, row: usize) -> Option<i64> {
    let value = args.values[0];
    if value.is_null(row) {
        return None;
    }
    Some(i64::from(match value {
        Value::String(texts) => parse_json(texts.value(row)).is_ok(),
        _ => args.json[0],
    }))
}

/// JSON_CONTAINS, in the document or where the path leads in it.
pub(super) fn contains(args: &mut Args<'_>, row: usize) -> Result<Option<i64>> {
    let (Some(document), Some(candidate)) = (args.document(0, row)?, args.document(1, row)?) else {
        return Ok(None);
    };
    let mut within = JsonRef::new(&document);
    if args.values.len() > 2 {
        let Some(path) = args.plain_path(2, row)? else { return Ok(None) };
        match path.find(within) {
            Some(value) => within = value,
            None => return Ok(None),
        }
    }
    Ok(Some(i64::from(holds(within, JsonRef::new(&candidate)))))
}

/// Whether one value contains another: an array what one of its elements contains, and an array all of whose elements it
/// contains; an object one whose members its own contain; a scalar what equals it.
fn holds(document: JsonRef<'_>, candidate: JsonRef<'_>) -> bool {
    match (document.view(), candidate.view()) {
        (View::Array(items), View::Array(wanted)) => {
            wanted.iter().all(|wanted| items.iter().any(|item| holds(item, wanted)))
        }
        (View::Array(items), _) => items.iter().any(|item| holds(item, candidate)),
        (View::Object(members), View::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| members.get(key).is_some_and(|own| holds(own, wanted)))
        }
        _ => equal(document, candidate),
    }
}

fn equal(a: JsonRef<'_>, b: JsonRef<'_>) -> bool {
    compare_json(a, b).is_eq()
}

/// JSON_CONTAINS_PATH: whether one path leads to something, or all do.
pub(super) fn contains_path(args: &mut Args<'_>, row: usize) -> Result<Option<i64>> {
    let (Some(document), Some(all)) = (args.document(0, row)?, args.wants_all(1, row)?) else {
        return Ok(None);
    };
    for at in 2..args.values.len() {
        let Some(path) = args.path(at, row)? else { return Ok(None) };
        let mut found = false;
        path.seek(JsonRef::new(&document), &mut |_, _| found = true);
        if found != all {
            return Ok(Some(i64::from(found)));
        }
    }
    Ok(Some(i64::from(all)))
}

/// JSON_OVERLAPS: arrays that have an element in common, objects that have a member in common, equal scalars; what is no
/// array is, beside one, an array of it.
pub(super) fn overlaps(args: &mut Args<'_>, row: usize) -> Result<Option<i64>> {
    let (Some(a), Some(b)) = (args.document(0, row)?, args.document(1, row)?) else { return Ok(None) };
    let (a, b) = (JsonRef::new(&a), JsonRef::new(&b));
    let found = match (a.view(), b.view()) {
        (View::Array(a), View::Array(b)) => a.iter().any(|a| b.iter().any(|b| equal(a, b))),
        (View::Array(items), _) => items.iter().any(|item| equal(item, b)),
        (_, View::Array(items)) => items.iter().any(|item| equal(a, item)),
        (View::Object(a), View::Object(b)) => {
            a.iter().any(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => equal(a, b),
    };
    Ok(Some(i64::from(found)))
}

/// MEMBER OF: whether an array has the element, or what is no array is it.
pub(super) fn member_of(args: &mut Args<'_>, row: usize) -> Result<Option<i64>> {
    let (Some(value), Some(document)) = (args.document(0, row)?, args.document(1, row)?) else {
        return Ok(None);
    };
    let (value, document) = (JsonRef::new(&value), JsonRef::new(&document));
    let found = match document.view() {
        View::Array(items) => items.iter().any(|item| equal(item, value)),
        _ => equal(document, value),
    };
    Ok(Some(i64::from(found)))
}

/// JSON_KEYS: the keys of an object, NULL for what is none.
pub(super) fn keys<'a>(args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    let Some(document) = args.document(0, row)? else { return Ok(None) };
    let Some(value) = within(args, JsonRef::new(&document), row)? else { return Ok(None) };
    let View::Object(object) = value.view() else { return Ok(None) };
    let keys = object.iter().map(|(key, _)| Json::string(key)).collect();
    Ok(Some(Cow::Owned(encode(&Json::Array(keys)))))
}

/// JSON_LENGTH: the number of elements or members; of a scalar it is 1.
pub(super) fn length(args: &mut Args<'_>, row: usize) -> Result<Option<i64>> {
    let Some(document) = args.document(0, row)? else { return Ok(None) };
    let Some(value) = within(args, JsonRef::new(&document), row)? else { return Ok(None) };
    Ok(Some(match value.view() {
        View::Array(array) => array.len() as i64,
        View::Object(object) => object.len() as i64,
        _ => 1,
    }))
}

/// Where the path in the second argument leads, if there is one.
fn within<'d>(args: &mut Args<'_>, document: JsonRef<'d>, row: usize) -> Result<Option<JsonRef<'d>>> {
    if args.values.len() == 1 {
        return Ok(Some(document));
    }
    Ok(args.plain_path(1, row)?.and_then(|path| path.find(document)))
}
