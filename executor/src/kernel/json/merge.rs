//! Documents made of several.

use std::borrow::Cow;

use allod_storage::schema::json::{Json, JsonRef, sort_members};

use super::{Args, Result, built};

/// JSON_MERGE_PRESERVE: arrays one after the other, objects member by member, anything else as an array of it.
pub(super) fn preserve<'a>(args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    let mut merged: Option<Json> = None;
    let mut null = false;
    for at in 0..args.values.len() {
        let Some(next) = args.document(at, row)? else {
            null = true;
            continue;
        };
        let next = JsonRef::new(&next).to_json();
        merged = Some(match merged {
            None => next,
            Some(so_far) => both(so_far, next),
        });
    }
    match merged {
        Some(merged) if !null => built(merged),
        _ => Ok(None),
    }
}

fn both(a: Json, b: Json) -> Json {
    match (a, b) {
        (Json::Object(mut members), Json::Object(others)) => {
            for (key, value) in others {
                match members.iter_mut().find(|(own, _)| *own == key) {
                    Some((_, own)) => {
                        let old = std::mem::replace(own, Json::Null);
                        *own = both(old, value);
                    }
                    None => members.push((key, value)),
                }
            }
            sort_members(&mut members);
            Json::Object(members)
        }
        (a, b) => {
            let mut items = as_array(a);
            items.extend(as_array(b));
            Json::Array(items)
        }
    }
}

fn as_array(json: Json) -> Vec<Json> {
    match json {
        Json::Array(items) => items,
        other => vec![other],
    }
}

/// JSON_MERGE_PATCH (RFC 7396): the members of later objects replace those of earlier ones, and `null` removes them. What is
/// no object replaces all that was before it, NULL too.
pub(super) fn patch<'a>(args: &mut Args<'a>, row: usize) -> Result<Option<Cow<'a, [u8]>>> {
    let mut patched: Option<Json> = None;
    for at in 0..args.values.len() {
        let Some(next) = args.document(at, row)? else {
            patched = None;
            continue;
        };
        patched = match (patched, JsonRef::new(&next).to_json()) {
            // The first one is no patch.
            (None, next) if at == 0 => Some(next),
            (None, Json::Object(_)) => None,
            (None, next) => Some(next),
            (Some(so_far), next) => Some(patch_with(so_far, next)),
        };
    }
    patched.map_or(Ok(None), built)
}

pub(super) fn patch_with(target: Json, patch: Json) -> Json {
    let Json::Object(changes) = patch else { return patch };
    let mut members = match target {
        Json::Object(members) => members,
        _ => Vec::new(),
    };
    for (key, value) in changes {
        let old = members.iter().position(|(own, _)| *own == key).map(|at| members.remove(at).1);
        if value != Json::Null {
            members.push((key, patch_with(old.unwrap_or(Json::Null), value)));
        }
    }
    sort_members(&mut members);
    Json::Object(members)
}
