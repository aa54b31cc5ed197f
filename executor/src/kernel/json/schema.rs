//! JSON_SCHEMA_VALID: whether a document is as a JSON Schema says (draft 4, and `const` and bounds as numbers of later ones).
//!
//! References go within the schema (`#/definitions/x`). What a schema says in words that there are not is passed over, as the drafts
//! want it.

use allod_storage::schema::json::JsonRef;
use regex::Regex;
use serde_json::{Map, Value};

use super::{Args, JsonFault, Result, text_of};

/// How far references and schemas within each other are followed.
const DEPTH_MAX: u32 = 100;

/// Evaluates it for a row.
pub(super) fn is_valid(args: &mut Args<'_>, row: usize) -> Result<Option<i64>> {
    let (Some(schema), Some(document)) = (args.document(0, row)?, args.document(1, row)?) else {
        return Ok(None);
    };
    let [schema, document] = [&schema, &document].map(|bytes| {
        // What was printed can be read.
        serde_json::from_str::<Value>(&text_of(JsonRef::new(bytes))).unwrap_or(Value::Null)
    });
    if !schema.is_object() {
        return Err(JsonFault::NoObject { argument: 1, function: args.function.name() }.into());
    }
    Ok(Some(i64::from(Checker { root: &schema }.fits(&schema, &document, 0)?)))
}

/// With the whole schema, which references are into.
struct Checker<'s> {
    root: &'s Value,
}

impl Checker<'_> {
    fn fits(&self, schema: &Value, value: &Value, depth: u32) -> Result<bool> {
        if depth > DEPTH_MAX {
            return Err(JsonFault::TooDeep.into());
        }
        let rules = match schema {
            Value::Bool(all) => return Ok(*all),
            Value::Object(rules) => rules,
            _ => return Ok(true),
        };
        if let Some(Value::String(place)) = rules.get("$ref") {
            let place = place.strip_prefix('#').and_then(|place| self.root.pointer(place));
            return place.map_or(Ok(true), |schema| self.fits(schema, value, depth + 1));
        }
        let of_itself = is_of_type(rules.get("type"), value)
            && rules
                .get("enum")
                .and_then(Value::as_array)
                .is_none_or(|all| all.iter().any(|one| same(one, value)))
            && rules.get("const").is_none_or(|one| same(one, value));
        let of_kind = match value {
            Value::Number(_) => number_fits(rules, value),
            Value::String(text) => text_fits(rules, text),
            Value::Array(items) => self.array_fits(rules, items, depth)?,
            Value::Object(members) => self.object_fits(rules, members, depth)?,
            Value::Null | Value::Bool(_) => true,
        };
        Ok(of_itself && of_kind && self.combined(rules, value, depth)?)
    }

    /// `allOf` and its like.
    fn combined(&self, rules: &Map<String, Value>, value: &Value, depth: u32) -> Result<bool> {
        let fitting = |name: &str| -> Result<Option<(usize, usize)>> {
            let Some(Value::Array(all)) = rules.get(name) else { return Ok(None) };
            let mut fit = 0;
            for schema in all {
                fit += usize::from(self.fits(schema, value, depth + 1)?);
            }
            Ok(Some((fit, all.len())))
        };
        let refused = match rules.get("not") {
            Some(schema) => self.fits(schema, value, depth + 1)?,
            None => false,
        };
        Ok(!refused
            && fitting("allOf")?.is_none_or(|(fit, all)| fit == all)
            && fitting("anyOf")?.is_none_or(|(fit, _)| fit > 0)
            && fitting("oneOf")?.is_none_or(|(fit, _)| fit == 1))
    }

    fn array_fits(&self, rules: &Map<String, Value>, items: &[Value], depth: u32) -> Result<bool> {
        let unique = rules.get("uniqueItems").is_some_and(|unique| *unique == Value::Bool(true));
        let repeated = || (1..items.len()).any(|at| items[..at].iter().any(|one| same(one, &items[at])));
        if !counted(rules, "minItems", "maxItems", items.len()) || unique && repeated() {
            return Ok(false);
        }
        for (at, item) in items.iter().enumerate() {
            let schema = match rules.get("items") {
                Some(Value::Array(each)) => each.get(at).or_else(|| rules.get("additionalItems")),
                all => all,
            };
            if let Some(schema) = schema
                && !self.fits(schema, item, depth + 1)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn object_fits(
        &self,
        rules: &Map<String, Value>,
        members: &Map<String, Value>,
        depth: u32,
    ) -> Result<bool> {
        let names = |rule: Option<&Value>| -> Vec<String> {
            let all = rule.and_then(Value::as_array).into_iter().flatten();
            all.filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let has = |name: &String| members.contains_key(name);
        if !counted(rules, "minProperties", "maxProperties", members.len())
            || !names(rules.get("required")).iter().all(has)
        {
            return Ok(false);
        }
        let object = |name: &str| rules.get(name).and_then(Value::as_object);
        for (name, wants) in object("dependencies").into_iter().flatten().filter(|(name, _)| has(name)) {
            let fits = match wants {
                Value::Array(_) => names(Some(wants)).iter().all(has),
                schema => self.fits(schema, &Value::Object(members.clone()), depth + 1)?,
            };
            if !fits {
                debug_assert!(has(name), "only of those that are there");
                return Ok(false);
            }
        }
        for (name, member) in members {
            let own = object("properties").and_then(|all| all.get(name));
            let patterns = object("patternProperties").into_iter().flatten();
            let patterns = patterns.filter(|(pattern, _)| matches(pattern, name)).map(|(_, schema)| schema);
            let mut schemas: Vec<&Value> = own.into_iter().chain(patterns).collect();
            if schemas.is_empty() {
                schemas.extend(rules.get("additionalProperties"));
            }
            for schema in schemas {
                if !self.fits(schema, member, depth + 1)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn is_of_type(wanted: Option<&Value>, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("string") => value.is_string(),
        Some(_) | None => true,
    };
    match wanted {
        None => true,
        Some(Value::Array(any)) => any.iter().any(is),
        Some(one) => is(one),
    }
}

/// Numbers are the same however they are written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn counted(rules: &Map<String, Value>, least: &str, most: &str, count: usize) -> bool {
    let bound = |name: &str| rules.get(name).and_then(Value::as_f64);
    let count = count as f64;
    bound(least).is_none_or(|least| count >= least) && bound(most).is_none_or(|most| count <= most)
}

fn number_fits(rules: &Map<String, Value>, value: &Value) -> bool {
    let number = value.as_f64().unwrap_or(f64::NAN);
    let bound = |name: &str| rules.get(name).and_then(Value::as_f64);
    let exclusive = |name: &str| rules.get(name) == Some(&Value::Bool(true));
    let above = bound("minimum").is_none_or(|least| match exclusive("exclusiveMinimum") {
        true => number > least,
        false => number >= least,
    });
    let below = bound("maximum").is_none_or(|most| match exclusive("exclusiveMaximum") {
        true => number < most,
        false => number <= most,
    });
    let multiple = bound("multipleOf").is_none_or(|of| {
        let times = number / of;
        (times - times.round()).abs() < 1e-9
    });
    above
        && below
        && multiple
        && bound("exclusiveMinimum").is_none_or(|least| number > least)
        && bound("exclusiveMaximum").is_none_or(|most| number < most)
}

fn text_fits(rules: &Map<String, Value>, text: &str) -> bool {
    counted(rules, "minLength", "maxLength", text.chars().count())
        && rules.get("pattern").and_then(Value::as_str).is_none_or(|pattern| matches(pattern, text))
}

/// What is no pattern is matched by nothing.
fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}
