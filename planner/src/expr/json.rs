//! The functions of JSON, and how other types and JSON meet.
//!
//! A JSON value travels in the bytes of [`allod_storage::schema::json`]. Two functions that no SQL names do what the others
//! rely on: [`JsonFunction::ToJson`] makes a JSON value of any other, so that both sides of a comparison are JSON, and
//! [`JsonFunction::OrderKey`] makes a byte string of a JSON value whose order is that of the values. Whatever compares,
//! joins, groups or sorts does so by these keys and knows nothing of JSON:
//!
//! ```text
//! j->'$.a' = 3        eq(order_key(json_extract(j, '$.a')), order_key(to_json(3)))
//! GROUP BY j          group by order_key(j), with any_value(j) for what is shown
//! ```
//!
//! A string beside a JSON value is a JSON string; it is parsed only where a document is asked for: by CAST, by the
//! functions' document arguments, and when it is written to a column.

use allod_storage::schema::json::{Json, JsonRef, encode, order_key};
use allod_storage::schema::{Datum, SqlType};

use super::rewrite::family;
use super::types::{self, Family};
use super::{Expr, Function, Rewriter, fold};
use crate::error::Error;

/// What a function of JSON does. Document arguments are JSON values or strings that are parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsonFunction {
    /// Any value as a JSON value; strings become JSON strings.
    ToJson {
        /// Whether a number is one of TRUE and FALSE.
        boolean: bool,
    },
    /// A byte string that is ordered as the JSON value is.
    OrderKey,
    /// The text of a JSON value as other types read it: strings without quotes, TRUE and FALSE as 1 and 0.
    Plain,
    /// JSON_EXTRACT(document, path, …), `->`.
    Extract,
    /// JSON_UNQUOTE(value), and with JSON_EXTRACT `->>`.
    Unquote,
    /// JSON_QUOTE(text).
    Quote,
    /// JSON_OBJECT(key, value, …).
    Object,
    /// JSON_ARRAY(value, …).
    Array,
    /// JSON_TYPE(document).
    Type,
    /// JSON_VALID(value).
    Valid,
    /// What JSON_VALUE(document, path, NULL of a type) finds: 0 for a value of the type, or NULL; 1 for nothing; 2 for anything
    /// else.
    ValueState {
        /// Whether nothing is an error.
        empty_fails: bool,
        /// Whether anything else is one.
        error_fails: bool,
    },
    /// The value that JSON_VALUE(document, path) finds.
    ValueFound,
    /// JSON_CONTAINS(document, candidate[, path]).
    Contains,
    /// JSON_CONTAINS_PATH(document, 'one' or 'all', path, …).
    ContainsPath,
    /// JSON_OVERLAPS(document, document).
    Overlaps,
    /// JSON_SCHEMA_VALID(schema, document).
    SchemaValid,
    /// value MEMBER OF (document).
    MemberOf,
    /// JSON_KEYS(document[, path]).
    Keys,
    /// JSON_LENGTH(document[, path]).
    Length,
    /// JSON_DEPTH(document).
    Depth,
    /// JSON_SET(document, path, value, …).
    Set,
    /// JSON_INSERT(document, path, value, …).
    Insert,
    /// JSON_REPLACE(document, path, value, …).
    Replace,
    /// JSON_REMOVE(document, path, …).
    Remove,
    /// JSON_ARRAY_APPEND(document, path, value, …).
    ArrayAppend,
    /// JSON_ARRAY_INSERT(document, path, value, …).
    ArrayInsert,
    /// JSON_MERGE_PRESERVE(document, document, …), JSON_MERGE.
    MergePreserve,
    /// JSON_MERGE_PATCH(document, document, …), RFC 7396.
    MergePatch,
    /// JSON_SEARCH(document, 'one' or 'all', pattern[, escape[, path, …]]).
    Search,
    /// JSON_PRETTY(document).
    Pretty,
    /// JSON_STORAGE_SIZE(document): bytes of the form it is held in.
    StorageSize,
    /// JSON_STORAGE_FREE(document): documents are not changed in place, so nothing is ever free.
    StorageFree,
}

impl JsonFunction {
    /// Its name in EXPLAIN, in signatures and in messages.
    pub fn name(self) -> &'static str {
        match self {
            JsonFunction::ToJson { .. } => "to_json",
            JsonFunction::OrderKey => "json_order_key",
            JsonFunction::Plain => "json_plain",
            JsonFunction::Extract => "json_extract",
            JsonFunction::Unquote => "json_unquote",
            JsonFunction::Quote => "json_quote",
            JsonFunction::Object => "json_object",
            JsonFunction::Array => "json_array",
            JsonFunction::Type => "json_type",
            JsonFunction::Valid => "json_valid",
            JsonFunction::ValueState { .. } | JsonFunction::ValueFound => "json_value",
            JsonFunction::Contains => "json_contains",
            JsonFunction::ContainsPath => "json_contains_path",
            JsonFunction::Overlaps => "json_overlaps",
            JsonFunction::SchemaValid => "json_schema_valid",
            JsonFunction::MemberOf => "json_memberof",
            JsonFunction::Keys => "json_keys",
            JsonFunction::Length => "json_length",
            JsonFunction::Depth => "json_depth",
            JsonFunction::Set => "json_set",
            JsonFunction::Insert => "json_insert",
            JsonFunction::Replace => "json_replace",
            JsonFunction::Remove => "json_remove",
            JsonFunction::ArrayAppend => "json_array_append",
            JsonFunction::ArrayInsert => "json_array_insert",
            JsonFunction::MergePreserve => "json_merge_preserve",
            JsonFunction::MergePatch => "json_merge_patch",
            JsonFunction::Search => "json_search",
            JsonFunction::Pretty => "json_pretty",
            JsonFunction::StorageSize => "json_storage_size",
            JsonFunction::StorageFree => "json_storage_free",
        }
    }
}

/// The key of a JSON expression's order, as one that is not counted as a use of a function.
pub fn order_key_of(expr: Expr) -> Expr {
    let sql = SqlType::Blob(u32::MAX);
    match expr {
        Expr::Constant { value: Datum::Bytes(bytes), .. } => {
            Expr::constant(Datum::Bytes(order_key(JsonRef::new(&bytes)).into()), sql)
        }
        Expr::Constant { value, .. } => Expr::constant(value, sql),
        expr => {
            let nullable = expr.ty().nullable;
            let ty = allod_storage::schema::ColumnType { sql, nullable };
            Expr::call(Function::Json(JsonFunction::OrderKey), vec![expr], ty)
        }
    }
}

impl Rewriter {
    /// A value as a JSON value; strings are not parsed.
    pub fn to_json(&mut self, expr: Expr) -> Expr {
        let expr = match family(&expr) {
            Family::Json => return expr,
            Family::Null => return Expr::constant(Datum::Null, SqlType::Json),
            Family::Choice => self.text(expr),
            // Bytes that were written as such are no bits.
            _ if matches!((&expr, &expr.ty().sql), (Expr::Constant { .. }, SqlType::Bit(_))) => {
                self.text(expr)
            }
            _ => expr,
        };
        if let Expr::Constant { value: Datum::Null, .. } = expr {
            return Expr::constant(Datum::Null, SqlType::Json);
        }
        let (boolean, nullable) = (is_truth(&expr), expr.ty().nullable);
        self.call(Function::Json(JsonFunction::ToJson { boolean }), vec![expr], SqlType::Json, nullable)
    }

    /// A value as an element of an array or an object, where NULL becomes `null`.
    pub(super) fn json_element(&mut self, expr: Expr) -> Expr {
        let json = self.to_json(expr);
        if !json.ty().nullable {
            return json;
        }
        let null = Expr::constant(Datum::Bytes(encode(&Json::Null).into()), SqlType::Json);
        self.call(Function::IfNull, vec![json, null], SqlType::Json, false)
    }

    /// A value as the key of a member.
    pub(super) fn json_key(&mut self, expr: Expr) -> Expr {
        let text = self.text(expr);
        if family(&text) != Family::Binary {
            return text;
        }
        let length = types::text_length(&text.ty().sql);
        self.cast(text, &types::string(length))
    }

    /// The text of a JSON value as a number or a date reads it.
    pub(super) fn plain(&mut self, expr: Expr) -> Expr {
        let nullable = expr.ty().nullable;
        self.call(Function::Json(JsonFunction::Plain), vec![expr], SqlType::text(u32::MAX), nullable)
    }

    /// Two operands of a comparison of which one is JSON.
    pub(super) fn json_comparable(&mut self, a: Expr, b: Expr) -> (Expr, Expr) {
        (order_key_of(self.to_json(a)), order_key_of(self.to_json(b)))
    }
}

/// JSON_VALUE, whose arguments are those of [`crate::parse`]: the document, the path, a NULL of the type, and the word and the
/// value of the answers to an empty result and to an error.
pub(super) fn value(rw: &mut Rewriter, args: Vec<Expr>) -> Result<Expr, Error> {
    let wrong = |_| Error::ArgumentCount("json_value".into());
    let [document, path, ty, empty, for_empty, error, for_error]: [Expr; 7] =
        args.try_into().map_err(wrong)?;
    let document = match family(&document) {
        Family::Json | Family::String => document,
        Family::Null => Expr::constant(Datum::Null, SqlType::Json),
        Family::Choice => rw.text(document),
        Family::Binary => return Err(Error::JsonCharacterSet),
        _ => return Err(Error::JsonArgumentType { argument: 1, function: "json_value" }),
    };
    let path = rw.text(path);
    let sql = match ty.ty().sql.clone() {
        // RETURNING CHAR and BINARY, of any length.
        SqlType::VarChar(0, _) => SqlType::text(u32::MAX),
        SqlType::VarBinary(1) => SqlType::Blob(u32::MAX),
        sql => sql,
    };
    let ty = Expr::constant(Datum::Null, sql.clone());
    let fails = |word: &Expr| matches!(fold::constant(word), Some(Datum::String(w)) if **w == *"ERROR");
    let state = JsonFunction::ValueState { empty_fails: fails(&empty), error_fails: fails(&error) };
    let args = vec![document.clone(), path.clone(), ty];
    let state = rw.call(Function::Json(state), args, SqlType::BIGINT, true);
    let found = Function::Json(JsonFunction::ValueFound);
    let found = rw.call(found, vec![document, path], SqlType::Json, true);
    let found = match sql.is_string() || sql.is_binary() {
        true => rw.call(Function::Json(JsonFunction::Unquote), vec![found], SqlType::text(u32::MAX), true),
        false => found,
    };
    let number = |n| Expr::constant(Datum::Int(n), SqlType::BIGINT);
    let mut chosen = Vec::with_capacity(5);
    for (n, answer) in [(1, for_empty), (2, for_error)] {
        super::json_default::check(&answer, &sql)?;
        chosen.push(rw.call(Function::Eq, vec![state.clone(), number(n)], SqlType::BOOL, true));
        chosen.push(rw.explicit_cast(answer, sql.clone()));
    }
    chosen.push(rw.explicit_cast(found, sql.clone()));
    Ok(rw.call(Function::Case, chosen, sql, true))
}

/// Whether an expression is a truth value: a comparison, or TRUE or FALSE.
fn is_truth(expr: &Expr) -> bool {
    match expr {
        Expr::Constant { ty, .. } => ty.sql == SqlType::BOOL,
        other => fold::is_boolean(other),
    }
}
