//! JSON_SEARCH: the paths of strings that are LIKE a pattern.

use std::borrow::Cow;

use allod_storage::schema::json::{Json, JsonRef, View, encode};

use super::path::{Path, Step, write_steps};
use super::{Args, Result};
use crate::error::Error;
use crate::kernel::function::Failure;
use crate::kernel::like::Matcher;

/// One path as a string, several as an array, NULL if there is none.
pub(super) fn search<'a>(args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    let (document, all) = (args.document(0, row)?, args.wants_all(1, row)?);
    let escape = match args.values.len() {
        0..=3 => Some('\\'),
        _ => escape(args.text(3, row).as_deref())?,
    };
    let mut paths = Vec::new();
    for at in 4..args.values.len() {
        let Some(path) = args.path(at, row)? else { return Ok(None) };
        paths.push(path);
    }
    if paths.is_empty() {
        paths.push(Path::default().into());
    }
    let (Some(document), Some(all), Some(pattern)) = (document, all, args.text(2, row)) else {
        return Ok(None);
    };
    let matcher = Matcher::new(&pattern, escape);
    let mut found: Vec<String> = Vec::new();
    for path in &paths {
        path.seek(JsonRef::new(&document), &mut |value, steps| {
            strings(value, &mut steps.to_vec(), &mut |text, steps| {
                if (all || found.is_empty()) && matcher.matches(text) {
                    let mut place = String::new();
                    write_steps(steps, &mut place);
                    // Two paths may lead to one string.
                    if !found.contains(&place) {
                        found.push(place);
                    }
                }
            });
        });
    }
    let mut places: Vec<Json> = found.into_iter().map(Json::string).collect();
    Ok(match places.len() {
        0 => None,
        1 => places.pop().map(|place| Cow::Owned(encode(&place))),
        _ => Some(Cow::Owned(encode(&Json::Array(places)))),
    })
}

/// Calls `f` with every string of a value and its place.
fn strings<'a>(value: JsonRef<'a>, steps: &mut Vec<Step<'a>>, f: &mut dyn FnMut(&str, &[Step<'a>])) {
    match value.view() {
        View::String(text) => f(text, steps),
        View::Array(array) => {
            for (at, item) in array.iter().enumerate() {
                steps.push(Step::Cell(at));
                strings(item, steps, f);
                steps.pop();
            }
        }
        View::Object(object) => {
            for (key, member) in object.iter() {
                steps.push(Step::Key(key));
                strings(member, steps, f);
                steps.pop();
            }
        }
        _ => {}
    }
}

/// The escape character: `\` unless another one is given.
fn escape(text: Option<&str>) -> Result<Option<char>> {
    let mut chars = text.unwrap_or("").chars();
    match (chars.next(), chars.next()) {
        (None, _) => Ok(Some('\\')),
        (only, None) => Ok(only),
        _ => Err(Failure::Other(Error::WrongArguments("ESCAPE"))),
    }
}
