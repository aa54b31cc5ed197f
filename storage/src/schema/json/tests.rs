use std::cmp::Ordering;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn parsed(text: &str) -> Vec<u8> {
    encode(&parse_json(text).unwrap())
}

fn printed(bytes: &[u8]) -> String {
    let mut out = String::new();
    print_json(JsonRef::new(bytes), &mut out);
    out
}

#[test]
fn one_form_for_one_value() {
    for (text, expected) in [
        (r#" { "bb" : 1,"a":[1 ,2 ] , "c" : null} "#, r#"{"a": [1, 2], "c": null, "bb": 1}"#),
        (r#"{"a": 1, "a": 2, "a": 3}"#, r#"{"a": 3}"#),
        ("[]", "[]"),
        ("{}", "{}"),
        (r#""a\/\u00e9\n\u001f\ud83d\ude00""#, "\"a/é\\n\\u001f😀\""),
        ("1.0", "1"),
        ("-0", "-0"),
        ("1.5e3", "1500"),
        ("18446744073709551615", "18446744073709551615"),
        ("184467440737095516160", "184467440737095500000"),
        ("1e21", "1e+21"),
        ("1.25e-7", "1.25e-7"),
        ("0.000001", "0.000001"),
        ("-9223372036854775808", "-9223372036854775808"),
    ] {
        assert_eq!(printed(&parsed(text)), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_as_mysql_says_it() {
    let deep = "[".repeat(101) + &"]".repeat(101);
    assert_eq!(parse_json(&deep), Err(JsonFault::TooDeep));
    assert!(parse_json(&deep[1..201]).is_ok());
    for (text, position, start) in [
        ("", 0, "The document is empty."),
        ("  ", 2, "The document is empty."),
        ("a", 0, "Invalid value."),
        ("nul", 3, "Invalid value."),
        ("1 2", 2, "The document root must not be followed"),
        ("01", 1, "The document root must not be followed"),
        ("[1 2]", 3, "Missing a comma or ]"),
        ("[1,]", 3, "Invalid value."),
        (r#"{"a" 1}"#, 5, "Missing a colon"),
        ("{1: 1}", 1, "Missing a name"),
        (r#"{"a": 1 "b": 2}"#, 8, "Missing a comma or }"),
        (r#"{"a": 1,}"#, 8, "Missing a name"),
        ("\"abc", 4, "Missing a closing quotation mark"),
        (r#""\x""#, 1, "Invalid escape"),
        (r#""\u12g4""#, 5, "Incorrect hex digit"),
        (r#""\ud800""#, 1, "The surrogate pair"),
        (r#""\udc00""#, 1, "The surrogate pair"),
        ("\"\n\"", 1, "Invalid encoding"),
        ("1.", 2, "Miss fraction"),
        ("1e", 2, "Miss exponent"),
        ("1e999", 0, "Number too big"),
        ("-", 1, "Invalid value."),
    ] {
        match parse_json(text) {
            Err(JsonFault::Syntax { message, position: at }) => {
                assert!(message.starts_with(start), "{text}: {message}");
                assert_eq!(at, position, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn kinds_are_ordered_as_mysql_orders_them() {
    let ascending = [
        Json::Null,
        Json::Int(i64::MIN),
        Json::Double(-1.5),
        Json::Int(-1),
        Json::Double(-5e-324),
        Json::Int(0),
        Json::Double(5e-324),
        Json::Double(0.5),
        Json::UInt(1),
        Json::Int((1 << 53) + 1),
        Json::Double(9_007_199_254_740_994.0),
        Json::Int(i64::MAX),
        Json::Double(9_223_372_036_854_775_808.0),
        Json::UInt(u64::MAX),
        Json::Double(18_446_744_073_709_551_616.0),
        Json::string(""),
        Json::string("a"),
        Json::string("a\0"),
        Json::string("a\u{1}"),
        Json::string("b"),
        Json::Object(vec![]),
        Json::object(vec![("a".into(), Json::Int(1))]),
        Json::object(vec![("a".into(), Json::Int(2))]),
        Json::object(vec![("a".into(), Json::Int(0)), ("b".into(), Json::Int(0))]),
        Json::Array(vec![]),
        Json::Array(vec![Json::Int(1)]),
        Json::Array(vec![Json::Int(1), Json::Null]),
        Json::Array(vec![Json::Int(2)]),
        Json::Bool(false),
        Json::Bool(true),
        Json::Date(1),
        Json::Time(0),
        Json::DateTime(-1),
        Json::Opaque { ty: 253, bytes: [1].into() },
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            let (a, b) = (encode(a), encode(b));
            let (a, b) = (JsonRef::new(&a), JsonRef::new(&b));
            assert_eq!(compare_json(a, b), i.cmp(&j), "{i} {j}");
            assert_eq!(order_key(a).cmp(&order_key(b)), i.cmp(&j), "{i} {j}");
        }
    }
    let equal =
        [Json::Int(3), Json::UInt(3), Json::Double(3.0)].map(|j| order_key(JsonRef::new(&encode(&j))));
    assert!(equal.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn pretty_is_mysqls() {
    let mut out = String::new();
    print_pretty(JsonRef::new(&parsed(r#"["a",1,{"key1": "value1"},{},[]]"#)), 0, &mut out);
    assert_eq!(out, "[\n  \"a\",\n  1,\n  {\n    \"key1\": \"value1\"\n  },\n  {},\n  []\n]");
}

#[test]
fn what_json_has_no_form_for_prints_as_text() {
    for (json, expected) in [
        (Json::Date(0), r#""1970-01-01""#),
        (Json::DateTime(0), r#""1970-01-01 00:00:00.000000""#),
        (Json::DateTime(1), r#""1970-01-01 00:00:00.000001""#),
        (Json::Time(-3_600_000_000), r#""-01:00:00.000000""#),
        (
            Json::Opaque { ty: 253, bytes: b"any carnal pleas".as_slice().into() },
            r#""base64:type253:YW55IGNhcm5hbCBwbGVhcw==""#,
        ),
        (Json::Opaque { ty: 16, bytes: [].into() }, r#""base64:type16:""#),
    ] {
        assert_eq!(printed(&encode(&json)), expected);
    }
}

/// JSON values of every kind that has text.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3..4i64).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3..4i64).prop_map(|v| Value::from(v as f64 / 2.0)),
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Value::from),
        "[a-c\u{0}\"\\\\é😀]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// Whether a part of a document is what the model says.
fn same(json: JsonRef<'_>, model: &Value) -> bool {
    match (json.view(), model) {
        (View::Null, Value::Null) => true,
        (View::Bool(a), Value::Bool(b)) => a == *b,
        (View::Int(a), Value::Number(b)) => b.as_i64() == Some(a),
        (View::UInt(a), Value::Number(b)) => b.as_u64() == Some(a),
        (View::Double(a), Value::Number(b)) => b.is_f64() && b.as_f64() == Some(a),
        (View::String(a), Value::String(b)) => a == b,
        (View::Array(a), Value::Array(b)) => {
            a.len() == b.len() && b.iter().enumerate().all(|(i, b)| a.get(i).is_some_and(|a| same(a, b)))
        }
        (View::Object(a), Value::Object(b)) => {
            a.len() == b.len() && b.iter().all(|(key, b)| a.get(key).is_some_and(|a| same(a, b)))
        }
        _ => false,
    }
}

/// Whether `again`, read from the text of `json`, is the same value. A double prints as the fewest digits that read back as the
/// same double, without a point if it is whole: -7.601348315187311e18 reads back as the integer -7601348315187311000, which is
/// that double's text but, beyond 2^53, not its exact value.
fn reads_back(json: JsonRef<'_>, again: JsonRef<'_>) -> bool {
    match (json.view(), again.view()) {
        (View::Double(a), View::Int(b)) => a == b as f64,
        (View::Double(a), View::UInt(b)) => a == b as f64,
        (View::Array(a), View::Array(b)) => {
            a.len() == b.len()
                && (0..a.len()).all(|i| a.get(i).zip(b.get(i)).is_some_and(|(a, b)| reads_back(a, b)))
        }
        (View::Object(a), View::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| reads_back(a, b)))
        }
        _ => compare_json(json, again) == Ordering::Equal,
    }
}

proptest! {
    #[test]
    fn documents_are_those_of_serde_json(model in values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&model) } else { serde_json::to_string(&model) }.unwrap();
        let bytes = parsed(&text);
        prop_assert!(same(JsonRef::new(&bytes), &model), "{text}");
        prop_assert_eq!(&encode(&JsonRef::new(&bytes).to_json()), &bytes);
        // What is printed is a text of the same value but for whole doubles, which read back as integers, and prints as itself.
        let line = printed(&bytes);
        let again = parsed(&line);
        prop_assert!(reads_back(JsonRef::new(&bytes), JsonRef::new(&again)), "{line}");
        prop_assert_eq!(printed(&again), line);
    }

    #[test]
    fn keys_compare_as_documents(a in values(), b in values()) {
        let (x, y) = (parsed(&a.to_string()), parsed(&b.to_string()));
        let (x, y) = (JsonRef::new(&x), JsonRef::new(&y));
        let order = compare_json(x, y);
        prop_assert_eq!(order, order_key(x).cmp(&order_key(y)));
        prop_assert_eq!(order.reverse(), compare_json(y, x));
        prop_assert_eq!(compare_json(x, x), Ordering::Equal);
        if a == b {
            prop_assert_eq!(order, Ordering::Equal);
        }
    }

    #[test]
    fn any_text_and_any_bytes_are_read_without_harm(text in "[\\[\\]{}\",:0-9a-e.\\\\ -]{0,24}", bytes: Vec<u8>) {
        prop_assert_eq!(parse_json(&text).is_ok(), serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        let garbage = JsonRef::new(&bytes);
        printed(&bytes);
        compare_json(garbage, garbage);
        garbage.to_json();
    }
}
