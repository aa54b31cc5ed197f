//! Functions that make a document from another one: the tree is changed and its bytes are written anew.

use std::borrow::Cow;

use allod_planner::expr::JsonFunction as J;
use allod_storage::schema::json::{Json, JsonRef, sort_members};

use super::path::{Index, Leg, Path};
use super::{Args, JsonFault, Result, built};

/// JSON_SET, JSON_INSERT, JSON_REPLACE, JSON_ARRAY_APPEND, JSON_ARRAY_INSERT: pairs of a path and a value, one after the
/// other. A path that leads nowhere, even without its last leg, changes nothing.
pub(super) fn with_values<'a>(function: J, args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    let document = args.document(0, row)?;
    let mut changes = Vec::with_capacity(args.values.len() / 2);
    for at in (1..args.values.len()).step_by(2) {
        let Some(path) = args.plain_path(at, row)? else { return Ok(None) };
        if function == J::ArrayInsert {
            match path.legs.last() {
                Some(Leg::Cell(_)) => {}
                _ => return Err(JsonFault::NotACell.into()),
            }
        }
        changes.push((path, args.element(at + 1, row)?));
    }
    let Some(document) = document else { return Ok(None) };
    let mut tree = JsonRef::new(&document).to_json();
    for (path, value) in changes {
        match function {
            J::ArrayAppend => append(&mut tree, &path, value),
            J::ArrayInsert => insert_cell(&mut tree, &path, value),
            _ => put(&mut tree, &path, value, function != J::Insert, function != J::Replace),
        }
    }
    built(tree)
}

/// JSON_REMOVE.
pub(super) fn remove<'a>(args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    let document = args.document(0, row)?;
    let mut paths = Vec::with_capacity(args.values.len());
    for at in 1..args.values.len() {
        let Some(path) = args.plain_path(at, row)? else { return Ok(None) };
        if path.legs.is_empty() {
            return Err(JsonFault::Vacuous.into());
        }
        paths.push(path);
    }
    let Some(document) = document else { return Ok(None) };
    let mut tree = JsonRef::new(&document).to_json();
    for path in paths {
        let Some((last, parents)) = path.legs.split_last() else { continue };
        match (place(&mut tree, parents), last) {
            (Some(Json::Object(members)), Leg::Member(key)) => members.retain(|(own, _)| own != key),
            (Some(Json::Array(items)), Leg::Cell(index)) => {
                if let Some(at) = index.place(items.len()).filter(|at| *at < items.len()) {
                    items.remove(at);
                }
            }
            _ => {}
        }
    }
    built(tree)
}

/// Where legs lead, as [`Path::find`] has it.
fn place<'t>(tree: &'t mut Json, legs: &[Leg]) -> Option<&'t mut Json> {
    let mut so_far = tree;
    for leg in legs {
        so_far = match (so_far, leg) {
            (Json::Object(members), Leg::Member(key)) => {
                members.iter_mut().find(|(own, _)| own == key).map(|(_, value)| value)?
            }
            (Json::Array(items), Leg::Cell(index)) => {
                let at = index.place(items.len())?;
                items.get_mut(at)?
            }
            (value, Leg::Cell(index)) if index.place(1) == Some(0) => value,
            _ => return None,
        };
    }
    Some(so_far)
}

/// Puts a value where a path leads, if something is there and may be replaced, or if nothing is and it may be inserted.
pub(super) fn put(tree: &mut Json, path: &Path, value: Json, replace: bool, insert: bool) {
    if let Some(there) = place(tree, &path.legs) {
        if replace {
            *there = value;
        }
        return;
    }
    let Some((last, parents)) = path.legs.split_last().filter(|_| insert) else { return };
    match (place(tree, parents), last) {
        (Some(Json::Object(members)), Leg::Member(key)) => {
            members.push((key.clone(), value));
            sort_members(members);
        }
        // Behind the last or before the first element.
        (Some(Json::Array(items)), Leg::Cell(index)) => match index {
            Index::First(_) => items.push(value),
            Index::Last(_) => items.insert(0, value),
        },
        // What is no array becomes one.
        (Some(there), Leg::Cell(index)) => {
            let old = std::mem::replace(there, Json::Null);
            *there = Json::Array(match index {
                Index::First(_) => vec![old, value],
                Index::Last(_) => vec![value, old],
            });
        }
        _ => {}
    }
}

/// Appends to the array that a path leads to; what is no array becomes one.
fn append(tree: &mut Json, path: &Path, value: Json) {
    match place(tree, &path.legs) {
        Some(Json::Array(items)) => items.push(value),
        Some(there) => {
            let old = std::mem::replace(there, Json::Null);
            *there = Json::Array(vec![old, value]);
        }
        None => {}
    }
}

/// Inserts before a cell of an array.
fn insert_cell(tree: &mut Json, path: &Path, value: Json) {
    let Some((Leg::Cell(index), parents)) = path.legs.split_last() else { return };
    if let Some(Json::Array(items)) = place(tree, parents) {
        let at = index.place(items.len()).unwrap_or(0).min(items.len());
        items.insert(at, value);
    }
}
