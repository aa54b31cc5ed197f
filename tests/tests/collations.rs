//! Random texts under collations of every kind, in tables with and without indexes: what operators say of equality
//! and order is what the sort keys say, whichever way the rows are read and joined.
//!
//! The model is [`Collation::sort_key`], whose own tests hold it against MariaDB.

use std::collections::BTreeSet;

use allod::{Database, Session};
use allod_storage::schema::Collation;
use allod_tests::database::rows;
use allod_tests::slt::Value;
use proptest::prelude::*;

const COLLATIONS: [Collation; 5] = [
    Collation::Utf8mb4GeneralCi,
    Collation::Utf8mb4UnicodeCi,
    Collation::Utf8mb40900AiCi,
    Collation::Utf8mb40900Bin,
    Collation::Utf8mb4Bin,
];

/// Letters in both cases, with marks and without, a ligature, blanks; NULL.
fn texts() -> impl Strategy<Value = Vec<Option<String>>> {
    let text = prop::collection::vec(
        prop::sample::select(vec!["a", "A", "á", "b", "B", "s", "ß", "Ж", "ж", " "]),
        0..4,
    );
    prop::collection::vec(prop::option::weighted(0.9, text.prop_map(|letters| letters.concat())), 1..14)
}

fn quoted(text: &Option<String>) -> String {
    text.as_ref().map_or("null".into(), |text| format!("'{text}'"))
}

fn numbers(session: &mut Session, sql: &str) -> Vec<Vec<i128>> {
    let number = |value| match value {
        Value::Int(n) => n,
        other => panic!("{sql}: {other:?} is no number"),
    };
    let rows = rows(session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| row.into_iter().map(number).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn operators_and_keys_go_by_the_sort_key(texts in texts(), probe in texts(), which in 0..COLLATIONS.len()) {
        let collation = COLLATIONS[which];
        let keys: Vec<Option<Vec<u8>>> =
            texts.iter().map(|text| text.as_ref().map(|text| collation.sort_key(text))).collect();
        let mut session = Database::new().session();
        for (table, index) in [("plain", ""), ("keyed", ", key ks (s)"), ("led", ", key led (s, id)")] {
            let create = format!("create table {table} (id int primary key, s varchar(10) collate {collation}{index})");
            session.run(&create).unwrap();
            let values = texts.iter().enumerate().map(|(id, text)| format!("({id}, {})", quoted(text)));
            let values: Vec<String> = values.collect();
            session.run(&format!("insert into {table} values {}", values.join(", "))).unwrap();
        }
        let ids = |of: &dyn Fn(&Vec<u8>) -> bool| -> Vec<Vec<i128>> {
            let fits = |key: &Option<Vec<u8>>| key.as_ref().is_some_and(of);
            keys.iter().enumerate().filter(|(_, key)| fits(key)).map(|(id, _)| vec![id as i128]).collect()
        };
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|id| (&keys[*id], *id));
        let order: Vec<Vec<i128>> = order.into_iter().map(|id| vec![id as i128]).collect();
        let different = keys.iter().flatten().collect::<BTreeSet<_>>().len() as i128;
        let least = keys.iter().flatten().min();
        for table in ["plain", "keyed", "led"] {
            for text in probe.iter().flatten() {
                let key = collation.sort_key(text);
                let mut ask = |condition: &str| {
                    numbers(&mut session, &format!("select id from {table} where s {condition} order by id"))
                };
                prop_assert_eq!(ask(&format!("= '{text}'")), ids(&|own| *own == key), "{} = {}", table, text);
                prop_assert_eq!(ask(&format!("< '{text}'")), ids(&|own| *own < key), "{} < {}", table, text);
                prop_assert_eq!(ask(&format!("in ('{text}', 'Ж')")),
                    ids(&|own| *own == key || *own == collation.sort_key("Ж")), "{} in {}", table, text);
            }
            prop_assert_eq!(numbers(&mut session, &format!("select id from {table} order by s, id")), order.clone());
            let counts = format!("select count(distinct s), (select count(*) from (select s from {table} where s is not null group by s) g) from {table}");
            prop_assert_eq!(numbers(&mut session, &counts), vec![vec![different, different]]);
            let shown = rows(&mut session, &format!("select min(s) from {table}")).unwrap();
            let shown = match &shown[0][0] {
                Value::Text(text) => Some(collation.sort_key(text)),
                _ => None,
            };
            prop_assert_eq!(shown.as_ref(), least);
        }
        let mut pairs = Vec::new();
        for (a, x) in keys.iter().enumerate() {
            pairs.extend(keys.iter().enumerate().filter(|(_, y)| x.is_some() && x == *y).map(|(b, _)| vec![a as i128, b as i128]));
        }
        for inner in ["plain", "keyed", "led"] {
            for hint in ["", "HASH_JOIN(y)", "MERGE_JOIN(y)", "INL_JOIN(y)", "INL_HASH_JOIN(y)"] {
                let join = format!("select /*+ {hint} */ x.id, y.id from plain x join {inner} y on x.s = y.s order by 1, 2");
                prop_assert_eq!(numbers(&mut session, &join), pairs.clone(), "{}", join);
            }
        }
    }

    /// A unique key takes one text of each weight.
    #[test]
    fn unique_keys_go_by_the_sort_key(texts in texts(), which in 0..COLLATIONS.len()) {
        let collation = COLLATIONS[which];
        let mut session = Database::new().session();
        session.run(&format!("create table t (s varchar(10) collate {collation} unique)")).unwrap();
        let mut taken = BTreeSet::new();
        for text in texts.iter().flatten() {
            let fits = taken.insert(collation.sort_key(text));
            prop_assert_eq!(session.run(&format!("insert into t values ('{text}')")).is_ok(), fits, "{}", text);
        }
        prop_assert_eq!(numbers(&mut session, "select count(*) from t"), vec![vec![taken.len() as i128]]);
    }
}
