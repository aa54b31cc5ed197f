//! Ranges against a model: every predicate evaluated on every row of a small grid.

use std::cmp::Ordering;

use allod_storage::schema::{ColumnType, Datum, SqlType};
use proptest::prelude::*;

use super::*;
use crate::column::ColumnId;
use crate::expr::{Expr, Function};
use crate::logical::predicate::{boolean_call, conjunction, disjunction};
use crate::physical::Range;

const TENTHS: SqlType = SqlType::Decimal { precision: 6, scale: 1 };

fn bigint() -> ColumnType {
    ColumnType::nullable(SqlType::BIGINT)
}

fn column(id: u32) -> Expr {
    Expr::column(ColumnId(id), bigint())
}

/// A constant in tenths: whole ones are integers, others compare with the column as a decimal.
fn compare(function: Function, id: u32, tenths: i64) -> Expr {
    let (subject, constant) = operands(id, &[tenths]);
    boolean_call(function, [subject].into_iter().chain(constant).collect())
}

fn operands(id: u32, tenths: &[i64]) -> (Expr, Vec<Expr>) {
    if tenths.iter().all(|t| t % 10 == 0) {
        let constant = |t: &i64| Expr::constant(Datum::Int(t / 10), SqlType::BIGINT);
        return (column(id), tenths.iter().map(constant).collect());
    }
    let wide = SqlType::Decimal { precision: 20, scale: 0 };
    let constant = |t: &i64| Expr::constant(Datum::Decimal { value: i128::from(*t), scale: 1 }, TENTHS);
    let subject = Expr::call(Function::Cast, vec![column(id)], ColumnType::nullable(wide));
    (subject, tenths.iter().map(constant).collect())
}

/// Three-valued: the value of a predicate on a row of tenths, `None` = NULL.
fn holds(e: &Expr, row: &[Option<i64>]) -> Option<bool> {
    let Expr::Call { function, args, .. } = e else { unreachable!() };
    fn value(e: &Expr, row: &[Option<i64>]) -> Option<i64> {
        match e {
            Expr::Column { id, .. } => row[id.0 as usize].map(|v| v * 10),
            Expr::Constant { value: Datum::Int(v), .. } => Some(*v * 10),
            Expr::Constant { value: Datum::Decimal { value, .. }, .. } => Some(*value as i64),
            Expr::Constant { .. } => None,
            Expr::Call { args, .. } => value(&args[0], row),
        }
    }
    let value = |i: usize| value(&args[i], row);
    let both = || Some((value(0)?, value(1)?));
    match function {
        Function::And | Function::Or => {
            let decides = *function == Function::Or;
            let parts: Vec<Option<bool>> = args.iter().map(|a| holds(a, row)).collect();
            if parts.contains(&Some(decides)) {
                Some(decides)
            } else if parts.contains(&None) {
                None
            } else {
                Some(!decides)
            }
        }
        Function::Not => holds(&args[0], row).map(|b| !b),
        Function::IsNull => Some(value(0).is_none()),
        Function::NullEq => Some(value(0) == value(1)),
        Function::In => {
            let subject = value(0)?;
            let members: Vec<Option<i64>> = (1..args.len()).map(value).collect();
            if members.contains(&Some(subject)) {
                Some(true)
            } else if members.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        Function::Eq => both().map(|(a, b)| a == b),
        Function::Ne => both().map(|(a, b)| a != b),
        Function::Lt => both().map(|(a, b)| a < b),
        Function::Le => both().map(|(a, b)| a <= b),
        Function::Gt => both().map(|(a, b)| a > b),
        Function::Ge => both().map(|(a, b)| a >= b),
        _ => unreachable!(),
    }
}

fn datum(v: Option<i64>) -> Datum {
    v.map_or(Datum::Null, Datum::Int)
}

fn inside(range: &Range, row: &[Option<i64>]) -> bool {
    let compare = |bound: &[Datum]| {
        let pairs = bound.iter().zip(row);
        pairs.map(|(b, v)| datum(*v).compare(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    };
    let (low, high) = (compare(&range.low), compare(&range.high));
    (low.is_gt() || low.is_eq() && range.low_inclusive)
        && (high.is_lt() || high.is_eq() && range.high_inclusive)
}

fn predicate() -> impl Strategy<Value = Expr> {
    let tenths = prop_oneof![3 => (0i64..6).prop_map(|v| v * 10), 1 => -5i64..60];
    let leaf = (0u32..2, tenths, 0usize..12).prop_map(|(id, v, f)| match f {
        0 | 1 => compare(Function::Eq, id, v),
        2 => compare(Function::Lt, id, v),
        3 => compare(Function::Ge, id, v),
        4 => compare(Function::Le, id, v),
        5 => compare(Function::Gt, id, v),
        6 => compare(Function::Ne, id, v),
        7 => compare(Function::NullEq, id, v),
        8 => boolean_call(Function::IsNull, vec![column(id)]),
        9 => boolean_call(Function::Not, vec![boolean_call(Function::IsNull, vec![column(id)])]),
        _ => {
            let (subject, mut members) = operands(id, &[v, (v * 7) % 50]);
            if v == 30 {
                members.push(Expr::constant(Datum::Null, SqlType::BIGINT));
            }
            let e = boolean_call(Function::In, [subject].into_iter().chain(members).collect());
            if f == 10 { e } else { boolean_call(Function::Not, vec![e]) }
        }
    });
    leaf.prop_recursive(2, 8, 3, |inner| {
        (prop::collection::vec(inner, 1..3), any::<bool>())
            .prop_map(|(args, or)| if or { disjunction(args) } else { conjunction(args) })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    /// Every row that satisfies the conjuncts lies in exactly one range, and every row in a range satisfies the conjuncts
    /// that the ranges cover.
    #[test]
    fn ranges_hold_what_the_predicates_keep(conjuncts in prop::collection::vec(predicate(), 1..4)) {
        let key = [(ColumnId(0), bigint()), (ColumnId(1), bigint())].map(KeyColumn::from);
        let Some(ranges) = key_ranges(&key, &conjuncts) else { return Ok(()) };
        let values = || std::iter::once(None).chain((-1..7).map(Some));
        for row in values().flat_map(|a| values().map(move |b| [a, b])) {
            let hits = ranges.ranges.iter().filter(|r| inside(r, &row)).count();
            let wanted = conjuncts.iter().all(|e| holds(e, &row) == Some(true));
            prop_assert!(hits <= 1, "{row:?} is in {hits} of {ranges:?}");
            prop_assert!(!wanted || hits == 1, "{row:?} is lost by {ranges:?}");
            let covered = ranges.covered.iter().all(|i| holds(&conjuncts[*i], &row) == Some(true));
            prop_assert!(hits == 0 || covered, "{row:?} slipped into {ranges:?}");
            if let Some(points) = &ranges.points {
                prop_assert_eq!(points.contains(&vec![datum(row[0]), datum(row[1])]), hits == 1);
            }
        }
        for pair in ranges.ranges.windows(2) {
            prop_assert!(key::disjoint(pair.iter().rev().cloned().collect()) == pair, "{pair:?} are out of order");
        }
    }
}

#[test]
fn a_prefix_of_like_is_a_range() {
    let text = SqlType::varchar(10);
    let ranges = |pattern: &str| {
        let column = Expr::column(ColumnId(0), ColumnType::not_null(text.clone()));
        let pattern = Expr::constant(Datum::string(pattern), text.clone());
        let e = boolean_call(Function::Like { escape: Some('\\') }, vec![column, pattern]);
        let found = key_ranges(&[(ColumnId(0), ColumnType::not_null(text.clone())).into()], &[e])?;
        let shown = |bound: &[Datum]| bound.first().map_or("inf".into(), |d| d.to_string());
        let range = &found.ranges[0];
        Some((shown(&range.low), shown(&range.high), found.covered.len()))
    };
    let found = |low: &str, high: &str, covered| Some((low.to_string(), high.to_string(), covered));
    assert_eq!(ranges("ab%"), found("ab", "ac", 1));
    assert_eq!(ranges("ab%c"), found("ab", "ac", 0));
    assert_eq!(ranges("a\\%b_"), found("a%b", "a%c", 0));
    assert_eq!(ranges("a\u{10FFFF}%"), found("a\u{10FFFF}", "b", 1));
    assert_eq!(ranges("\u{D7FF}%"), found("\u{D7FF}", "\u{E000}", 1));
    assert_eq!(ranges("\u{10FFFF}%"), found("\u{10FFFF}", "inf", 1));
    assert_eq!(ranges("%b"), None);
}

#[test]
fn rows_of_values_are_ranges_over_several_columns() {
    let is = |id, v: i64| compare(Function::Eq, id, v * 10);
    let key = [(ColumnId(0), bigint()), (ColumnId(1), bigint())].map(KeyColumn::from);
    // (a, b) in ((1, 2), (3, 4))
    let pairs =
        disjunction(vec![conjunction(vec![is(0, 3), is(1, 4)]), conjunction(vec![is(0, 1), is(1, 2)])]);
    let found = key_ranges(&key, std::slice::from_ref(&pairs)).expect("points");
    let point = |a, b| vec![Datum::Int(a), Datum::Int(b)];
    assert_eq!(found.points, Some(vec![point(1, 2), point(3, 4)]));
    assert_eq!(found.covered, [0]);
    // (a, b) > (1, 2)
    let after = conjunction(vec![is(0, 1), compare(Function::Gt, 1, 20)]);
    let behind = disjunction(vec![compare(Function::Gt, 0, 10), after]);
    let found = key_ranges(&key, &[behind]).expect("one range");
    assert_eq!(found.ranges.len(), 1);
    assert_eq!((&found.ranges[0].low, found.ranges[0].low_inclusive), (&point(1, 2), false));
    assert_eq!(found.covered, [0]);
}

fn texts() -> impl Strategy<Value = String> {
    "[ab\u{e9}]{0,4}"
}

/// A predicate on a text, and what it says of one.
fn of_text() -> impl Strategy<Value = (Function, Vec<String>)> {
    let compare = prop::sample::select(vec![
        Function::Eq,
        Function::Ne,
        Function::Lt,
        Function::Le,
        Function::Gt,
        Function::Ge,
    ]);
    let list = prop::collection::vec(texts(), 1..4).prop_map(|members| (Function::In, members));
    prop_oneof![(compare, texts().prop_map(|t| vec![t])), list]
}

fn says(function: &Function, constants: &[String], text: &str) -> bool {
    let order = text.as_bytes().cmp(constants[0].as_bytes());
    match function {
        Function::Eq => order.is_eq(),
        Function::Ne => order.is_ne(),
        Function::Lt => order.is_lt(),
        Function::Le => order.is_le(),
        Function::Gt => order.is_gt(),
        Function::Ge => order.is_ge(),
        _ => constants.iter().any(|c| c == text),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    /// The beginning of every text that satisfies the predicates lies in exactly one range, and all must be checked again.
    #[test]
    fn beginnings_hold_what_the_predicates_keep(
        predicates in prop::collection::vec(of_text(), 1..3),
        all in prop::collection::vec(texts(), 1..30),
        length in 1u32..4,
    ) {
        let ty = ColumnType::nullable(SqlType::varchar(10));
        let constant = |t: &String| Expr::constant(Datum::string(t.as_str()), SqlType::varchar(10));
        let conjunct = |(function, constants): &(Function, Vec<String>)| {
            let subject = Expr::column(ColumnId(0), ty.clone());
            boolean_call(function.clone(), [subject].into_iter().chain(constants.iter().map(constant)).collect())
        };
        let conjuncts: Vec<Expr> = predicates.iter().map(conjunct).collect();
        let key = [KeyColumn { id: ColumnId(0), ty: ty.clone(), prefix: Some(length) }];
        let Some(found) = key_ranges(&key, &conjuncts) else { return Ok(()) };
        prop_assert!(found.covered.is_empty());
        for text in all.iter().filter(|t| predicates.iter().all(|(f, constants)| says(f, constants, t))) {
            let beginning = vec![Datum::string(text.chars().take(length as usize).collect::<String>())];
            let holds = |r: &&Range| {
                let low = compare_values(&beginning, &r.low);
                let high = compare_values(&beginning, &r.high);
                (low.is_gt() || low.is_eq() && r.low_inclusive) && (high.is_lt() || high.is_eq() && r.high_inclusive)
            };
            prop_assert_eq!(found.ranges.iter().filter(holds).count(), 1, "{:?} in {:?}", text, found.ranges);
            if let Some(points) = &found.points {
                prop_assert!(points.contains(&beginning));
            }
        }
    }
}
