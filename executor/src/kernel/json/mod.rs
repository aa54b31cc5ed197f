//! Functions of JSON.
//!
//! Every function is a function of one row: a closure that reads its arguments through [`Args`] and gives a value or NULL.
//! What surrounds it is the same for all and is here: a call whose arguments are all constant is evaluated once; a
//! document that is text is parsed (once if it is constant), a path is parsed once if it is constant; what is made of
//! documents is checked for its depth.
//!
//! | module | functions |
//! |---|---|
//! | `path` | paths |
//! | `read` | JSON_EXTRACT and what else looks at a document |
//! | `change` | JSON_SET and what else makes a document from another one |
//! | `merge` | JSON_MERGE_PRESERVE, JSON_MERGE_PATCH |
//! | `search` | JSON_SEARCH |
//! | `value` | JSON_VALUE |
//! | `convert` | other types as JSON, JSON as other types |

mod change;
mod convert;
mod fault;
mod merge;
mod path;
mod read;
mod schema;
mod search;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::sync::Arc;

use allod_planner::expr::JsonFunction as J;
use allod_storage::schema::SqlType;
use allod_storage::schema::json::{
    Json, JsonRef, encode, order_key, parse_json, print_json, print_pretty, quote,
};
use arrow::array::{BinaryViewBuilder, StringViewBuilder};

pub(super) use convert::{assign, cast};
pub use fault::JsonFault;
use path::Path;

use super::function::{Failure, Outcome};
use super::notice::Notices;
use super::value::{Binary, Column, Strings, Value};
use crate::error::Error;

impl From<JsonFault> for Failure {
    fn from(fault: JsonFault) -> Failure {
        Failure::Other(Error::Json(fault))
    }
}

type Result<T, E = Failure> = std::result::Result<T, E>;

/// Evaluates a function of JSON.
pub(super) fn apply<'t>(
    function: J,
    values: &[Value],
    types: &dyn Fn(usize) -> &'t SqlType,
    rows: usize,
    notices: &mut Notices,
) -> Outcome {
    let mut args = Args::new(function, values, types, rows)?;
    let args = &mut args;
    match function {
        J::ToJson { boolean } => documents(args, |args, row| {
            Ok(convert::to_json(args.values[0], types(0), boolean, row).map(|json| Cow::Owned(encode(&json))))
        }),
        J::OrderKey => documents(args, |args, row| {
            Ok(args.document(0, row)?.map(|d| Cow::Owned(order_key(JsonRef::new(&d)))))
        }),
        J::Plain => texts(args, |args, row, out| {
            let Some(document) = args.document(0, row)? else { return Ok(false) };
            convert::plain(JsonRef::new(&document), out);
            Ok(true)
        }),
        J::Extract => documents(args, read::extract),
        J::Unquote => texts(args, read::unquote),
        J::Quote => texts(args, |args, row, out| {
            let Some(text) = args.text(0, row) else { return Ok(false) };
            quote(&text, out);
            Ok(true)
        }),
        J::Object => documents(args, |args, row| {
            let mut members = Vec::with_capacity(args.values.len() / 2);
            for at in (0..args.values.len()).step_by(2) {
                let key = args.text(at, row).ok_or(JsonFault::NullKey)?;
                members.push((key.into(), args.element(at + 1, row)?));
            }
            built(Json::object(members))
        }),
        J::Array => documents(args, |args, row| {
            let items: Result<Vec<Json>> = (0..args.values.len()).map(|at| args.element(at, row)).collect();
            built(Json::Array(items?))
        }),
        J::Type => texts(args, |args, row, out| {
            let Some(document) = args.document(0, row)? else { return Ok(false) };
            out.push_str(read::type_name(JsonRef::new(&document)));
            Ok(true)
        }),
        J::Valid => integers(args, |args, row| Ok(read::is_valid(args, row))),
        J::ValueState { empty_fails, error_fails } => {
            let fails = (empty_fails, error_fails);
            integers(args, |args, row| value::state(args, row, types(2), fails, notices))
        }
        J::ValueFound => documents(args, value::found),
        J::Contains => integers(args, read::contains),
        J::ContainsPath => integers(args, read::contains_path),
        J::Overlaps => integers(args, read::overlaps),
        J::SchemaValid => integers(args, schema::is_valid),
        J::MemberOf => integers(args, read::member_of),
        J::Keys => documents(args, read::keys),
        J::Length => integers(args, read::length),
        J::Depth => {
            integers(args, |args, row| Ok(args.document(0, row)?.map(|d| JsonRef::new(&d).depth() as i64)))
        }
        J::Set | J::Insert | J::Replace | J::ArrayAppend | J::ArrayInsert => {
            documents(args, |args, row| change::with_values(function, args, row))
        }
        J::Remove => documents(args, change::remove),
        J::MergePreserve => documents(args, merge::preserve),
        J::MergePatch => documents(args, merge::patch),
        J::Search => documents(args, search::search),
        J::Pretty => texts(args, |args, row, out| {
            let Some(document) = args.document(0, row)? else { return Ok(false) };
            print_pretty(JsonRef::new(&document), 0, out);
            Ok(true)
        }),
        J::StorageSize => integers(args, |args, row| Ok(args.document(0, row)?.map(|d| d.len() as i64))),
        J::StorageFree => integers(args, |args, row| Ok(args.document(0, row)?.map(|_| 0))),
    }
}

/// A document that was built, if it is not nested too deeply.
fn built<'a>(json: Json) -> Result<Option<Cow<'a, [u8]>>> {
    if json.depth() > allod_storage::schema::json::DEPTH_MAX {
        return Err(JsonFault::TooDeep.into());
    }
    Ok(Some(Cow::Owned(encode(&json))))
}

/// The arguments of a call.
struct Args<'a> {
    function: J,
    values: Vec<&'a Value>,
    /// Whether an argument is JSON; others are text.
    json: Vec<bool>,
    /// Constant text arguments that were parsed as documents, once they were asked for.
    documents: Vec<Option<Vec<u8>>>,
    /// The text of the path that was parsed last, and the path, for each argument.
    paths: Vec<Option<(Box<str>, Arc<Path>)>>,
    rows: usize,
}

impl<'a> Args<'a> {
    fn new<'t>(
        function: J,
        values: &'a [Value],
        types: &dyn Fn(usize) -> &'t SqlType,
        rows: usize,
    ) -> Result<Args<'a>> {
        let json: Vec<bool> = (0..values.len()).map(|at| *types(at) == SqlType::Json).collect();
        let count = values.len();
        Ok(Args {
            function,
            values: values.iter().collect(),
            json,
            documents: vec![None; count],
            paths: vec![None; count],
            rows,
        })
    }

    /// Whether all arguments are the same for all rows.
    fn are_constant(&self) -> bool {
        self.values.iter().all(|v| matches!(v, Value::Null) || super::cast::is_constant(v))
    }

    /// The document of an argument; text is parsed.
    fn document(&mut self, at: usize, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
        let value = self.values[at];
        if value.is_null(row) {
            return Ok(None);
        }
        match value {
            Value::Bytes(bytes) if self.json[at] => Ok(Some(Cow::Borrowed(bytes.value(row)))),
            Value::String(texts) => {
                if let Some(known) = &self.documents[at] {
                    return Ok(Some(Cow::Owned(known.clone())));
                }
                let json = parse_json(texts.value(row))
                    .map_err(|fault| JsonFault::of_argument(fault, at + 1, self.function.name()))?;
                let bytes = encode(&json);
                if matches!(texts, Strings::One(_)) && self.rows > 1 {
                    self.documents[at] = Some(bytes.clone());
                }
                Ok(Some(Cow::Owned(bytes)))
            }
            _ => Err(JsonFault::CharacterSet.into()),
        }
    }

    /// The JSON value of an argument, where NULL is `null`.
    fn element(&mut self, at: usize, row: usize) -> Result<Json> {
        Ok(self.document(at, row)?.map_or(Json::Null, |d| JsonRef::new(&d).to_json()))
    }

    /// The text of an argument.
    fn text(&self, at: usize, row: usize) -> Option<Cow<'a, str>> {
        let value = self.values[at];
        if value.is_null(row) {
            return None;
        }
        match value {
            Value::String(texts) => Some(Cow::Borrowed(texts.value(row))),
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes.value(row))),
            _ => None,
        }
    }

    /// The path that an argument is.
    fn path(&mut self, at: usize, row: usize) -> Result<Option<Arc<Path>>> {
        let Some(text) = self.text(at, row) else { return Ok(None) };
        if let Some((known, path)) = &self.paths[at]
            && **known == *text
        {
            return Ok(Some(Arc::clone(path)));
        }
        let path = Arc::new(Path::parse(&text)?);
        self.paths[at] = Some((text.into(), Arc::clone(&path)));
        Ok(Some(path))
    }

    /// A path that leads to one place.
    fn plain_path(&mut self, at: usize, row: usize) -> Result<Option<Arc<Path>>> {
        match self.path(at, row)? {
            Some(path) if path.is_wild() => Err(JsonFault::Wildcard.into()),
            path => Ok(path),
        }
    }

    /// Whether an argument is 'all', and not 'one'.
    fn wants_all(&self, at: usize, row: usize) -> Result<Option<bool>> {
        let Some(text) = self.text(at, row) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "all" => Ok(Some(true)),
            "one" => Ok(Some(false)),
            _ => Err(JsonFault::OneOrAll(self.function.name()).into()),
        }
    }
}

/// A document for each row.
fn documents<'a>(
    args: &mut Args<'a>,
    mut f: impl FnMut(&mut Args<'a>, usize) -> Result<Option<Cow<'a, [u8]>>>,
) -> Outcome {
    if args.rows > 0 && args.are_constant() {
        return Ok(f(args, 0)?.map_or(Value::Null, |bytes| Value::Bytes(Binary::One(bytes.into()))));
    }
    let mut out = BinaryViewBuilder::with_capacity(args.rows);
    for row in 0..args.rows {
        out.append_option(f(args, row)?);
    }
    Ok(Value::Bytes(Binary::Views(out.finish())))
}

/// A text for each row; `f` says whether what it wrote is one.
fn texts<'a>(
    args: &mut Args<'a>,
    mut f: impl FnMut(&mut Args<'a>, usize, &mut String) -> Result<bool>,
) -> Outcome {
    let mut line = String::new();
    if args.rows > 0 && args.are_constant() {
        let found = f(args, 0, &mut line)?;
        return Ok(if found { Value::String(Strings::One(line.into())) } else { Value::Null });
    }
    let mut out = StringViewBuilder::with_capacity(args.rows);
    for row in 0..args.rows {
        line.clear();
        let found = f(args, row, &mut line)?;
        out.append_option(found.then_some(&line));
    }
    Ok(Value::String(Strings::Views(out.finish())))
}

/// An integer for each row.
fn integers<'a>(
    args: &mut Args<'a>,
    mut f: impl FnMut(&mut Args<'a>, usize) -> Result<Option<i64>>,
) -> Outcome {
    if args.rows > 0 && args.are_constant() {
        return Ok(f(args, 0)?.map_or(Value::Null, |v| Value::Int(Column::one(v))));
    }
    let all: Result<Vec<Option<i64>>> = (0..args.rows).map(|row| f(args, row)).collect();
    Ok(Value::Int(Column::from_options(all?.into_iter())))
}

/// The text of a document.
fn text_of(document: JsonRef<'_>) -> String {
    let mut out = String::new();
    print_json(document, &mut out);
    out
}
