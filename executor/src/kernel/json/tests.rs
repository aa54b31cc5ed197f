//! Paths, changes and merges against the same done with serde_json's trees.

use allod_storage::schema::json::{JsonRef, encode, parse_json};
use proptest::prelude::*;
use serde_json::{Value as Model, json};

use super::path::{Index, Leg, Path};
use super::{change, merge, text_of};

fn bytes(model: &Model) -> Vec<u8> {
    encode(&parse_json(&model.to_string()).unwrap())
}

fn model_of(document: JsonRef<'_>) -> Model {
    serde_json::from_str(&text_of(document)).unwrap()
}

/// Small documents with few keys, so that paths often lead somewhere.
fn documents() -> impl Strategy<Value = Model> {
    let leaf =
        prop_oneof![Just(json!(null)), Just(json!(true)), (0..3i64).prop_map(Model::from), Just(json!("a"))];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Model::from),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|m| Model::Object(m.into_iter().collect())),
        ]
    })
}

fn paths() -> impl Strategy<Value = Path> {
    let leg = prop_oneof![
        "[ab]".prop_map(|key| Leg::Member(key.into())),
        (0..3usize).prop_map(|at| Leg::Cell(Index::First(at))),
        (0..2usize).prop_map(|at| Leg::Cell(Index::Last(at))),
    ];
    prop::collection::vec(leg, 0..4).prop_map(|legs| Path { legs })
}

fn find<'m>(model: &'m Model, legs: &[Leg]) -> Option<&'m Model> {
    let Some((leg, rest)) = legs.split_first() else { return Some(model) };
    let next = match (model, leg) {
        (Model::Object(members), Leg::Member(key)) => members.get(&**key)?,
        (Model::Array(items), Leg::Cell(Index::First(at))) => items.get(*at)?,
        (Model::Array(items), Leg::Cell(Index::Last(back))) => items.iter().rev().nth(*back)?,
        (scalar, Leg::Cell(Index::First(0) | Index::Last(0))) => scalar,
        _ => return None,
    };
    find(next, rest)
}

/// RFC 7396, as it is written there.
fn patched(target: Model, patch: &Model) -> Model {
    let Model::Object(changes) = patch else { return patch.clone() };
    let mut target = match target {
        Model::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    for (key, value) in changes {
        if value.is_null() {
            target.remove(key);
        } else {
            let old = target.remove(key).unwrap_or(Model::Null);
            target.insert(key.clone(), patched(old, value));
        }
    }
    Model::Object(target)
}

proptest! {
    #[test]
    fn paths_lead_where_the_model_says(model in documents(), path in paths()) {
        let bytes = bytes(&model);
        let document = JsonRef::new(&bytes);
        let found = path.find(document).map(model_of);
        prop_assert_eq!(found.as_ref(), find(&model, &path.legs), "{:?}", path);
        let mut sought = Vec::new();
        path.seek(document, &mut |value, _| sought.push(model_of(value)));
        prop_assert_eq!(sought, found.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn everything_below_is_found_once(model in documents()) {
        fn count(model: &Model, key: &str) -> usize {
            match model {
                Model::Array(items) => items.iter().map(|item| count(item, key)).sum(),
                Model::Object(members) => {
                    usize::from(members.contains_key(key)) + members.values().map(|v| count(v, key)).sum::<usize>()
                }
                _ => 0,
            }
        }
        let bytes = bytes(&model);
        let mut found = 0;
        Path::parse("$**.a").unwrap().seek(JsonRef::new(&bytes), &mut |_, _| found += 1);
        prop_assert_eq!(found, count(&model, "a"));
    }

    #[test]
    fn what_is_put_is_found_and_nothing_else_changes(model in documents(), path in paths(), other in paths()) {
        let bytes = bytes(&model);
        let value = json!({"new": 1});
        let before = find(&model, &path.legs).cloned();
        for (replace, insert) in [(true, true), (true, false), (false, true)] {
            let mut tree = JsonRef::new(&bytes).to_json();
            change::put(&mut tree, &path, parse_json(&value.to_string()).unwrap(), replace, insert);
            let after = model_of(JsonRef::new(&encode(&tree)));
            match &before {
                Some(_) if replace => prop_assert_eq!(find(&after, &path.legs), Some(&value)),
                Some(_) => prop_assert_eq!(&after, &model),
                None if !insert => prop_assert_eq!(&after, &model),
                None => {
                    // A new member or element, unless there was nowhere to put it.
                    let parent = path.legs.split_last().and_then(|(_, parents)| find(&model, parents));
                    let room = matches!(
                        (parent, path.legs.last()),
                        (Some(Model::Object(_)), Some(Leg::Member(_))) | (Some(_), Some(Leg::Cell(_)))
                    );
                    prop_assert_eq!(after.to_string().contains("new"), room, "{:?}", path);
                    prop_assert_eq!(after == model, !room);
                }
            }
            // What does not share the first leg is as it was.
            if let (Some(Leg::Member(a)), Some(Leg::Member(b))) = (path.legs.first(), other.legs.first())
                && a != b
            {
                prop_assert_eq!(find(&after, &other.legs), find(&model, &other.legs));
            }
        }
    }

    #[test]
    fn patches_are_those_of_the_rfc(a in documents(), b in documents()) {
        let tree = |model: &Model| parse_json(&model.to_string()).unwrap();
        let merged = merge::patch_with(tree(&a), tree(&b));
        prop_assert_eq!(model_of(JsonRef::new(&encode(&merged))), patched(a, &b));
    }
}
