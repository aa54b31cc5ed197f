//! Expressions as a whole: the manual's examples in every form an argument can come in, and random expressions against the
//! model.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function, TimeUnit};
use allod_storage::schema::{ColumnType, Datum, IntWidth, Members, SqlType};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, Date32Array, Decimal64Array, Decimal128Array, DictionaryArray,
    DurationMicrosecondArray, Float64Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
    UInt16Array, UInt64Array,
};
use arrow::datatypes::{DataType, UInt16Type};
use proptest::prelude::*;

use super::value::Value;
use super::{Predicate, Program, Scratch, clock, compare, model};
use crate::batch::{Batch, Selection, to_door};
use crate::error::Error;

pub(super) const TEXT: SqlType = SqlType::varchar(255);

fn decimal(precision: u8, scale: u8) -> SqlType {
    SqlType::Decimal { precision, scale }
}

/// A datum and its type from a literal: `'text'`, `12`, `1.50` (decimal), `1e0` (double), `d'2024-01-01'`, `t'…'` (datetime),
/// `:10:11:12` (time), `NULL`.
fn literal(text: &str) -> (Datum, SqlType) {
    let quoted = |s: &str| s.trim_end_matches('\'').split_once('\'').map(|(_, s)| s.to_owned()).unwrap();
    if text == "NULL" {
        return (Datum::Null, TEXT);
    }
    if text.starts_with('\'') {
        return (Datum::string(&text[1..text.len() - 1]), TEXT);
    }
    if text.starts_with("d'") {
        let us = clock::parse_datetime(&quoted(text)).unwrap();
        return (Datum::Date((us / 86_400_000_000) as i32), SqlType::Date);
    }
    if text.starts_with("t'") {
        return (Datum::DateTime(clock::parse_datetime(&quoted(text)).unwrap()), SqlType::DateTime(6));
    }
    if let Some(time) = text.strip_prefix(':') {
        return (Datum::Time(clock::parse_time(time).unwrap()), SqlType::Time(6));
    }
    if text.contains('e') {
        return (Datum::Double(text.parse().unwrap()), SqlType::Double);
    }
    if let Some((whole, fraction)) = text.split_once('.') {
        let value = format!("{whole}{fraction}").parse().unwrap();
        let scale = fraction.len() as u8;
        return (Datum::Decimal { value, scale }, decimal(18, scale));
    }
    match text.parse() {
        Ok(v) => (Datum::Int(v), SqlType::BIGINT),
        Err(_) => (Datum::UInt(text.parse().unwrap()), SqlType::BIGINT_UNSIGNED),
    }
}

/// A column of datums of one type.
fn column(sql: &SqlType, values: &[Datum]) -> ArrayRef {
    macro_rules! fixed {
        ($array:ty, $variant:ident) => {
            Arc::new(
                values
                    .iter()
                    .map(|d| match d {
                        Datum::$variant(v) => Some(*v),
                        _ => None,
                    })
                    .collect::<$array>(),
            )
        };
    }
    match sql.arrow() {
        DataType::Int64 => fixed!(Int64Array, Int),
        DataType::UInt64 => fixed!(UInt64Array, UInt),
        DataType::Float64 => fixed!(Float64Array, Double),
        DataType::Date32 => fixed!(Date32Array, Date),
        DataType::Timestamp(_, _) => fixed!(TimestampMicrosecondArray, DateTime),
        DataType::Duration(_) => fixed!(DurationMicrosecondArray, Time),
        DataType::Decimal64(p, s) => {
            let values = values.iter().map(|d| match d {
                Datum::Decimal { value, .. } => Some(*value as i64),
                _ => None,
            });
            Arc::new(values.collect::<Decimal64Array>().with_precision_and_scale(p, s).unwrap())
        }
        DataType::Decimal128(p, s) => {
            let values = values.iter().map(|d| match d {
                Datum::Decimal { value, .. } => Some(*value),
                _ => None,
            });
            Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(p, s).unwrap())
        }
        DataType::Utf8View => Arc::new(
            values
                .iter()
                .map(|d| match d {
                    Datum::String(s) => Some(s.to_string()),
                    _ => None,
                })
                .collect::<StringViewArray>(),
        ),
        DataType::BinaryView => Arc::new(BinaryViewArray::from_iter(values.iter().map(|d| match d {
            Datum::Bytes(b) => Some(b.to_vec()),
            _ => None,
        }))),
        other => panic!("no column of {other}"),
    }
}

/// A string column as dictionary codes, with entries that no row uses.
fn coded(array: &ArrayRef) -> ArrayRef {
    let strings = array.as_string_view();
    let mut values: Vec<String> = strings.iter().flatten().map(str::to_owned).collect();
    values.extend(["unused".to_owned(), String::new(), "99999999999999999999".to_owned()]);
    values.sort();
    values.dedup();
    let codes: UInt16Array =
        strings.iter().map(|s| s.map(|s| values.iter().position(|v| v == s).unwrap() as u16)).collect();
    let values: ArrayRef = Arc::new(StringViewArray::from_iter_values(values));
    Arc::new(DictionaryArray::<UInt16Type>::new(codes, values))
}

fn datums(array: &ArrayRef) -> Vec<Datum> {
    let value = Value::from_array(array).unwrap();
    (0..array.len()).map(|row| compare::datum_at(&value, row)).collect()
}

fn shown(d: &Datum) -> String {
    match d {
        Datum::Bytes(b) => b.iter().map(|b| format!("{b:02x}")).collect(),
        other => other.to_string(),
    }
}

/// Evaluates a function of literals with the arguments as constants, as columns among NULLs, and with string columns as
/// codes; all must agree.
fn run(function: Function, args: &[&str], sql: SqlType) -> Result<String, Error> {
    let mut literals: Vec<(Datum, SqlType)> = args.iter().map(|a| literal(a)).collect();
    // A NULL is of its neighbours' family.
    if let Some((_, family)) = literals.iter().find(|(d, _)| !d.is_null()).cloned() {
        literals.iter_mut().filter(|(d, _)| d.is_null()).for_each(|(_, sql)| *sql = family.clone());
    }
    let ty = ColumnType::nullable(sql.clone());
    let constants = literals
        .iter()
        .map(|(d, sql)| Expr::Constant { value: d.clone(), ty: ColumnType::nullable(sql.clone()) });
    let by_constants = Expr::call(function.clone(), constants.collect(), ty.clone());
    let program = Program::compile(&by_constants, &[]).unwrap();
    let nothing = Batch { columns: Vec::new(), rows: 2 };
    let first = program.eval(&nothing, &mut Scratch::default()).map(|a| datums(&a)[0].clone());

    // The first argument alone as a column, then all of them.
    for count in [1, literals.len()] {
        let ids: Vec<ColumnId> = (0..literals.len()).map(|i| ColumnId(i as u32)).collect();
        let exprs = literals.iter().enumerate().map(|(i, (d, sql))| {
            let ty = ColumnType::nullable(sql.clone());
            if i < count { Expr::column(ids[i], ty) } else { Expr::Constant { value: d.clone(), ty } }
        });
        let call = Expr::call(function.clone(), exprs.collect(), ty.clone());
        let program = Program::compile(&call, &ids).unwrap();
        let plain: Vec<ArrayRef> = literals
            .iter()
            .map(|(d, sql)| column(sql, &[d.clone(), Datum::Null, d.clone(), d.clone()]))
            .collect();
        let codes: Vec<ArrayRef> = plain
            .iter()
            .map(|a| if a.data_type() == &DataType::Utf8View { coded(a) } else { a.clone() })
            .collect();
        for columns in [plain, codes] {
            let batch = Batch { columns, rows: 4 };
            let out = program.eval(&batch, &mut Scratch::default()).map(|a| datums(&a));
            match (&first, &out) {
                (Ok(want), Ok(got)) => {
                    for row in [0, 2, 3] {
                        assert!(
                            want.compare(&got[row]).is_eq() && want.is_null() == got[row].is_null(),
                            "{function:?}{args:?}: constant {want}, column {} at {row}",
                            got[row]
                        );
                    }
                }
                (Err(_), Err(_)) => {}
                (a, b) => panic!("{function:?}{args:?}: constant {a:?}, column {b:?}"),
            }
        }
    }
    first.map(|d| shown(&d))
}

pub(super) fn check(function: Function, args: &[&str], sql: SqlType, want: &str) {
    let got = run(function.clone(), args, sql);
    match got {
        Ok(got) => assert_eq!(got, want, "{function:?}{args:?}"),
        Err(error) => panic!("{function:?}{args:?}: {error}"),
    }
}

#[test]
fn comparison_and_logic() {
    let b = SqlType::BOOL;
    for (f, args, want) in [
        (Function::Eq, &["1", "0"][..], "0"),
        (Function::Eq, &["1.5", "1.50"], "1"),
        (Function::Eq, &["'a'", "'A'"], "0"),
        (Function::Ne, &["'.01'", "'0.01'"], "1"),
        (Function::Lt, &["2", "2"], "0"),
        (Function::Le, &["0.1", "2.00"], "1"),
        (Function::Gt, &["-1", "18446744073709551615"], "0"),
        (Function::Lt, &["d'2024-01-01'", "t'2024-01-01 00:00:01'"], "1"),
        (Function::Ge, &["'abcdefghijklmnop'", "'abcdefghijklmno'"], "1"),
        (Function::Eq, &["'abcdefghijklmnop'", "'abcdefghijklmnop'"], "1"),
        (Function::Eq, &["1", "NULL"], "NULL"),
        (Function::NullEq, &["NULL", "NULL"], "1"),
        (Function::NullEq, &["1", "NULL"], "0"),
        (Function::In, &["2", "0", "3", "5", "7"], "0"),
        (Function::In, &["'wefwf'", "'wee'", "'wefwf'", "'weg'"], "1"),
        (Function::In, &["2", "0", "NULL"], "NULL"),
        (Function::In, &["2", "2", "NULL"], "1"),
        (Function::In, &["NULL", "2"], "NULL"),
        (Function::In, &["1.50", "1.5", "2.25"], "1"),
        (Function::In, &["1.5", "1.55"], "0"),
        (Function::In, &["18446744073709551615", "18446744073709551615"], "1"),
        (Function::In, &["d'2024-01-01'", "d'2024-01-02'", "d'2024-01-01'"], "1"),
        (Function::IsNull, &["NULL"], "1"),
        (Function::IsNull, &["0"], "0"),
        (Function::IsTrue, &["NULL"], "0"),
        (Function::IsTrue, &["5"], "1"),
        (Function::IsFalse, &["0.00"], "1"),
        (Function::IsFalse, &["NULL"], "0"),
        (Function::Not, &["10"], "0"),
        (Function::Not, &["NULL"], "NULL"),
        (Function::And, &["1", "NULL"], "NULL"),
        (Function::And, &["0", "NULL"], "0"),
        (Function::And, &["NULL", "0"], "0"),
        (Function::And, &["1", "2", "3"], "1"),
        (Function::Or, &["0", "NULL"], "NULL"),
        (Function::Or, &["NULL", "1"], "1"),
        (Function::Xor, &["1", "1"], "0"),
        (Function::Xor, &["1", "0"], "1"),
        (Function::Xor, &["1", "NULL"], "NULL"),
        (Function::Like { escape: Some('\\') }, &["'David!'", "'David\\_'"], "0"),
        (Function::Like { escape: Some('|') }, &["'David_'", "'David|_'"], "1"),
        (Function::Like { escape: None }, &["'a\\b'", "'a\\_'"], "1"),
        (Function::Regexp, &["'Michael!'", "'.*'"], "1"),
        (Function::Regexp, &["'a'", "'^[a-d]'"], "1"),
        (Function::Regexp, &["'fofo'", "'^fo$'"], "0"),
        (Function::StrCmp, &["'text'", "'text2'"], "-1"),
        (Function::StrCmp, &["'text2'", "'text'"], "1"),
    ] {
        check(f, args, b.clone(), want);
    }
    let text = |t: &str| Expr::constant(Datum::string(t), TEXT);
    let bad = big(Function::Regexp, vec![text("a"), text("(")]);
    assert!(matches!(Program::compile(&bad, &[]), Err(Error::Regexp { .. })));
}

#[test]
fn arithmetic() {
    let (int, double) = (SqlType::BIGINT, SqlType::Double);
    let unsigned = SqlType::BIGINT_UNSIGNED;
    for (f, args, sql, want) in [
        (Function::Plus, &["3", "5"][..], int.clone(), "8"),
        (Function::Minus, &["3", "5"], int.clone(), "-2"),
        (Function::Mul, &["3", "5"], int.clone(), "15"),
        (Function::IntDiv, &["5", "2"], int.clone(), "2"),
        (Function::IntDiv, &["-5", "2"], int.clone(), "-2"),
        (Function::IntDiv, &["5", "0"], int.clone(), "NULL"),
        (Function::Mod, &["-7", "3"], int.clone(), "-1"),
        (Function::Mod, &["7", "0"], int.clone(), "NULL"),
        (Function::Mod, &["34.5", "3.0"], decimal(18, 1), "1.5"),
        (Function::Div, &["3.00", "5.00"], decimal(18, 6), "0.600000"),
        (Function::Div, &["2.00", "3.00"], decimal(18, 6), "0.666667"),
        (Function::Div, &["-2.00", "3.00"], decimal(18, 6), "-0.666667"),
        (Function::Div, &["102.00", "0.00"], decimal(18, 6), "NULL"),
        (Function::Plus, &["0.1", "0.22"], decimal(18, 2), "0.32"),
        (Function::Mul, &["1.25", "-0.5"], decimal(18, 3), "-0.625"),
        (Function::Plus, &["1e0", "5e-1"], double.clone(), "1.5"),
        (Function::Div, &["1e0", "0e0"], double.clone(), "NULL"),
        (Function::Div, &["1e0", "4e0"], double.clone(), "0.25"),
        (Function::Negate, &["5"], int.clone(), "-5"),
        (Function::Negate, &["9223372036854775808"], int.clone(), "-9223372036854775808"),
        (Function::Negate, &["1.50"], decimal(18, 2), "-1.50"),
        (Function::BitAnd, &["29", "15"], unsigned.clone(), "13"),
        (Function::BitOr, &["29", "15"], unsigned.clone(), "31"),
        (Function::BitXor, &["11", "3"], unsigned.clone(), "8"),
        (Function::BitNot, &["0"], unsigned.clone(), "18446744073709551615"),
        (Function::ShiftLeft, &["1", "2"], unsigned.clone(), "4"),
        (Function::ShiftLeft, &["1", "64"], unsigned.clone(), "0"),
        (Function::ShiftRight, &["4", "2"], unsigned.clone(), "1"),
        (Function::BitCount, &["29"], int.clone(), "4"),
        (Function::Plus, &["18446744073709551614", "1"], unsigned.clone(), "18446744073709551615"),
    ] {
        check(f, args, sql, want);
    }
    for (f, args, sql, want) in [
        (
            Function::Plus,
            &["9223372036854775807", "1"][..],
            int.clone(),
            "BIGINT value is out of range in '(9223372036854775807 + 1)'",
        ),
        (
            Function::Minus,
            &["-9223372036854775807", "2"],
            int.clone(),
            "BIGINT value is out of range in '(-9223372036854775807 - 2)'",
        ),
        (
            Function::IntDiv,
            &["-9223372036854775808", "-1"],
            int.clone(),
            "BIGINT value is out of range in '(-9223372036854775808 DIV -1)'",
        ),
        (
            Function::Plus,
            &["18446744073709551615", "18446744073709551615"],
            unsigned.clone(),
            "BIGINT UNSIGNED value is out of range in '(18446744073709551615 + 18446744073709551615)'",
        ),
        (Function::Mul, &["1e300", "1e300"], double.clone(), "DOUBLE value is out of range in '("),
        (
            Function::Negate,
            &["18446744073709551615"],
            int,
            "BIGINT value is out of range in '-(18446744073709551615)'",
        ),
        (Function::Exp, &["1e5"], double, "DOUBLE value is out of range in 'exp("),
    ] {
        let error = run(f, args, sql).expect_err("it does not fit").to_string();
        assert!(error.starts_with(want), "{error}");
    }
}

#[test]
fn numbers() {
    let (int, double) = (SqlType::BIGINT, SqlType::Double);
    for (f, args, sql, want) in [
        (Function::Abs, &["-32"][..], int.clone(), "32"),
        (Function::Abs, &["-3.20"], decimal(18, 2), "3.20"),
        (Function::Ceil, &["1.23"], int.clone(), "2"),
        (Function::Ceil, &["-1.23"], int.clone(), "-1"),
        (Function::Floor, &["1.23"], int.clone(), "1"),
        (Function::Floor, &["-1.23"], int.clone(), "-2"),
        (Function::Floor, &["-1.23e0"], double.clone(), "-2"),
        (Function::Round, &["-1.23"], decimal(18, 0), "-1"),
        (Function::Round, &["-1.58"], decimal(18, 0), "-2"),
        (Function::Round, &["1.298", "1"], decimal(18, 1), "1.3"),
        (Function::Round, &["1.298", "0"], decimal(18, 0), "1"),
        (Function::Round, &["23.298", "-1"], decimal(18, 0), "20"),
        (Function::Round, &["2.5"], decimal(18, 0), "3"),
        (Function::Round, &["25e-1"], double.clone(), "2"),
        (Function::Round, &["150", "-2"], int.clone(), "200"),
        (Function::Truncate, &["1.223", "1"], decimal(18, 1), "1.2"),
        (Function::Truncate, &["-1.999", "1"], decimal(18, 1), "-1.9"),
        (Function::Truncate, &["122", "-2"], int.clone(), "100"),
        (Function::Truncate, &["122", "-9223372036854775808"], int.clone(), "0"),
        (Function::Round, &["122", "18446744073709551615"], int.clone(), "122"),
        (Function::Sign, &["-32"], int.clone(), "-1"),
        (Function::Sign, &["0.00"], int.clone(), "0"),
        (Function::Sqrt, &["4e0"], double.clone(), "2"),
        (Function::Sqrt, &["-16e0"], double.clone(), "NULL"),
        (Function::Pow, &["2e0", "-2e0"], double.clone(), "0.25"),
        (Function::Ln, &["-2e0"], double.clone(), "NULL"),
        (Function::Log2, &["65536e0"], double.clone(), "16"),
        (Function::Log10, &["100e0"], double.clone(), "2"),
        (Function::Log10, &["0e0"], double.clone(), "NULL"),
        (Function::Degrees, &["0e0"], double.clone(), "0"),
        (Function::Atan, &["0e0", "1e0"], double, "0"),
        (Function::Crc32, &["'MySQL'"], int.clone(), "3259397556"),
        (Function::Greatest, &["2", "0"], int.clone(), "2"),
        (Function::Greatest, &["34.0", "3.0", "5.0", "767.0"], decimal(18, 1), "767.0"),
        (Function::Least, &["'B'", "'A'", "'C'"], TEXT, "A"),
        (Function::Least, &["1", "NULL"], int, "NULL"),
    ] {
        check(f, args, sql, want);
    }
}

#[test]
fn strings() {
    let int = SqlType::BIGINT;
    for (f, args, want) in [
        (Function::Substring, &["'Quadratically'", "5"][..], "ratically"),
        (Function::Substring, &["'Sakila'", "-5", "3"], "aki"),
        (Function::Substring, &["'13-345-678'", "1", "2"], "13"),
        (Function::Left, &["'foobarbar'", "5"], "fooba"),
        (Function::Right, &["'foobarbar'", "4"], "rbar"),
        (Function::Right, &["'foo'", "40"], "foo"),
        (Function::Right, &["'foo'", "0"], ""),
        (Function::Upper, &["'Hej é'"], "HEJ É"),
        (Function::Lower, &["'QUADRATICALLY'"], "quadratically"),
        (Function::Concat, &["'My'", "'S'", "'QL'"], "MySQL"),
        (Function::Concat, &["'My'", "NULL", "'QL'"], "NULL"),
        (Function::Concat, &["'a'", "1", "2.50"], "a12.50"),
        (Function::ConcatWs, &["','", "'First name'", "NULL", "'Last Name'"], "First name,Last Name"),
        (Function::Trim, &["'  bar   '"], "bar"),
        (Function::TrimLeading, &["'xxxbarxxx'", "'x'"], "barxxx"),
        (Function::Trim, &["'xxxbarxxx'", "'x'"], "bar"),
        (Function::TrimTrailing, &["'barxxyz'", "'xyz'"], "barx"),
        (Function::Replace, &["'www.mysql.com'", "'w'", "'Ww'"], "WwWwWw.mysql.com"),
        (Function::Lpad, &["'hi'", "4", "'??'"], "??hi"),
        (Function::Lpad, &["'hi'", "1", "'??'"], "h"),
        (Function::Rpad, &["'hi'", "5", "'?'"], "hi???"),
        (Function::Rpad, &["'hi'", "-1", "'?'"], "NULL"),
        (Function::Reverse, &["'abc'"], "cba"),
        (Function::Repeat, &["'MySQL'", "3"], "MySQLMySQLMySQL"),
        (Function::Repeat, &["'MySQL'", "-3"], ""),
        (Function::Space, &["6"], "      "),
        (Function::Hex, &["'abc'"], "616263"),
        (Function::Hex, &["255"], "FF"),
        (Function::SubstringIndex, &["'www.mysql.com'", "'.'", "2"], "www.mysql"),
        (Function::SubstringIndex, &["'www.mysql.com'", "'.'", "-2"], "mysql.com"),
        (Function::SubstringIndex, &["'www.mysql.com'", "'.'", "9"], "www.mysql.com"),
        (Function::Insert, &["'Quadratic'", "3", "4", "'What'"], "QuWhattic"),
        (Function::Insert, &["'Quadratic'", "-1", "4", "'What'"], "Quadratic"),
        (Function::Insert, &["'Quadratic'", "3", "100", "'What'"], "QuWhat"),
        (Function::Elt, &["1", "'Aa'", "'Bb'"], "Aa"),
        (Function::Elt, &["4", "'Aa'", "'Bb'"], "NULL"),
        (Function::Bin, &["12"], "1100"),
        (Function::Oct, &["12"], "14"),
        (Function::Conv, &["'6E'", "18", "8"], "172"),
    ] {
        check(f, args, TEXT, want);
    }
    for (f, args, want) in [
        (Function::Length, &["'é'"][..], "2"),
        (Function::CharLength, &["'é'"], "1"),
        (Function::Locate, &["'bar'", "'foobarbar'"], "4"),
        (Function::Locate, &["'xbar'", "'foobar'"], "0"),
        (Function::Locate, &["'bar'", "'foobarbar'", "5"], "7"),
        (Function::Ascii, &["'dx'"], "100"),
        (Function::Ascii, &["''"], "0"),
        (Function::Ord, &["'2'"], "50"),
        (Function::Field, &["'Bb'", "'Aa'", "'Bb'", "'Cc'"], "2"),
        (Function::Field, &["NULL", "'Aa'"], "0"),
        (Function::FindInSet, &["'b'", "'a,b,c,d'"], "2"),
        (Function::FindInSet, &["'x'", "''"], "0"),
    ] {
        check(f, args, int.clone(), want);
    }
    check(Function::Unhex, &["'4D7953514C'"], SqlType::VarBinary(10), "4d7953514c");
}

#[test]
fn dates() {
    let int = SqlType::BIGINT;
    let datetime = SqlType::DateTime(6);
    for (f, args, want) in [
        (Function::Extract(TimeUnit::Year), &["d'2019-07-02'"][..], "2019"),
        (Function::Extract(TimeUnit::Month), &["t'2019-07-02 01:02:03'"], "7"),
        (Function::Extract(TimeUnit::Quarter), &["d'2008-04-01'"], "2"),
        (Function::Extract(TimeUnit::Day), &["d'2007-02-03'"], "3"),
        (Function::Extract(TimeUnit::Hour), &[":272:59:59"], "272"),
        (Function::Extract(TimeUnit::Minute), &["t'2008-02-03 10:05:03'"], "5"),
        (Function::Extract(TimeUnit::Microsecond), &["t'2003-01-02 10:30:00.000123'"], "123"),
        (Function::DayOfWeek, &["d'2007-02-03'"], "7"),
        (Function::WeekDay, &["t'2008-02-03 22:23:00'"], "6"),
        (Function::DayOfYear, &["d'2007-02-03'"], "34"),
        (Function::WeekOfYear, &["d'2008-02-20'", "1"], "8"),
        (Function::YearWeek, &["d'1987-01-01'", "0"], "198652"),
        (Function::DateDiff, &["t'2007-12-31 23:59:59'", "d'2007-12-30'"], "1"),
        (Function::DateDiff, &["d'2010-11-30'", "d'2010-12-31'"], "-31"),
        (Function::TimestampDiff(TimeUnit::Month), &["d'2003-02-01'", "d'2003-05-01'"], "3"),
        (Function::ToDays, &["d'2007-10-07'"], "733321"),
        (Function::ToSeconds, &["d'2009-11-29'"], "63426672000"),
        (Function::ToSeconds, &["t'2009-11-29 13:43:32'"], "63426721412"),
        (Function::UnixTimestamp, &["t'1970-01-02 00:00:00'"], "86400"),
        (Function::TimeToSec, &[":22:23:00"], "80580"),
    ] {
        check(f, args, int.clone(), want);
    }
    for (f, args, sql, want) in [
        (Function::DateAdd(TimeUnit::Month), &["d'1998-01-30'", "1"][..], SqlType::Date, "1998-02-28"),
        (Function::DateSub(TimeUnit::Day), &["d'1998-12-01'", "90"], SqlType::Date, "1998-09-02"),
        (Function::DateAdd(TimeUnit::Year), &["d'1994-01-01'", "1"], SqlType::Date, "1995-01-01"),
        (Function::DateAdd(TimeUnit::Year), &["d'2024-02-29'", "1"], SqlType::Date, "2025-02-28"),
        (Function::DateAdd(TimeUnit::Day), &["d'9999-12-31'", "1"], SqlType::Date, "NULL"),
        (
            Function::DateAdd(TimeUnit::Second),
            &["t'2018-12-31 23:59:59'", "1"],
            datetime.clone(),
            "2019-01-01 00:00:00",
        ),
        (
            Function::DateSub(TimeUnit::Second),
            &["t'2025-01-01 00:00:00'", "1.5"],
            datetime.clone(),
            "2024-12-31 23:59:58.500000",
        ),
        (
            Function::DateAdd(TimeUnit::Hour),
            &["d'2024-01-01'", "25"],
            datetime.clone(),
            "2024-01-02 01:00:00",
        ),
        (Function::LastDay, &["d'2003-02-05'"], SqlType::Date, "2003-02-28"),
        (Function::FromDays, &["730669"], SqlType::Date, "2000-07-03"),
        (Function::MakeDate, &["2011", "32"], SqlType::Date, "2011-02-01"),
        (Function::MakeDate, &["2011", "0"], SqlType::Date, "NULL"),
        (Function::DayName, &["d'2007-02-03'"], TEXT, "Saturday"),
        (Function::MonthName, &["d'2008-02-03'"], TEXT, "February"),
        (Function::DateFormat, &["t'2009-10-04 22:23:00'", "'%W %M %Y'"], TEXT, "Sunday October 2009"),
        (Function::FromUnixTime, &["86400"], datetime.clone(), "1970-01-02 00:00:00"),
        (Function::SecToTime, &["2378"], SqlType::Time(0), "00:39:38"),
        (Function::StrToDate, &["'01,5,2013'", "'%d,%m,%Y'"], SqlType::Date, "2013-05-01"),
        (Function::StrToDate, &["'x'", "'%d'"], SqlType::Date, "NULL"),
    ] {
        check(f, args, sql, want);
    }
}

#[test]
fn casts() {
    let unsigned = SqlType::BIGINT_UNSIGNED;
    for (arg, sql, want) in [
        ("'12abc'", SqlType::BIGINT, "12"),
        ("'abc'", SqlType::BIGINT, "0"),
        ("'-5.9'", SqlType::BIGINT, "-5"),
        ("1.5", SqlType::BIGINT, "2"),
        ("-1.5", SqlType::BIGINT, "-2"),
        ("25e-1", SqlType::BIGINT, "2"),
        ("18446744073709551615", SqlType::BIGINT, "-1"),
        ("-1", unsigned.clone(), "18446744073709551615"),
        ("'18446744073709551615'", unsigned, "18446744073709551615"),
        ("d'2024-02-29'", SqlType::BIGINT, "20240229"),
        ("t'2024-02-29 10:11:12'", SqlType::BIGINT, "20240229101112"),
        (":-10:11:12", SqlType::BIGINT, "-101112"),
        ("'1.5e2x'", SqlType::Double, "150"),
        ("1.25", SqlType::Double, "1.25"),
        ("7", SqlType::Double, "7"),
        ("1.005", decimal(10, 2), "1.01"),
        ("-1.005", decimal(10, 2), "-1.01"),
        ("12345.6", decimal(5, 2), "999.99"),
        ("'12.345'", decimal(10, 2), "12.35"),
        ("1e-1", decimal(10, 2), "0.10"),
        ("3", decimal(30, 10), "3.0000000000"),
        ("9223372036854775807", decimal(20, 0), "9223372036854775807"),
        ("18446744073709551615", decimal(20, 0), "18446744073709551615"),
        ("12", SqlType::char(1), "1"),
        ("1.50", SqlType::char(10), "1.50"),
        ("1e20", SqlType::char(10), "1e20"),
        ("'héllo'", SqlType::char(2), "hé"),
        ("d'2024-02-29'", SqlType::char(10), "2024-02-29"),
        ("t'2024-02-29 10:11:12'", SqlType::char(26), "2024-02-29 10:11:12.000000"),
        ("'a'", SqlType::Binary(3), "610000"),
        ("'2024-02-29'", SqlType::Date, "2024-02-29"),
        ("'2024-02-30'", SqlType::Date, "NULL"),
        ("'x'", SqlType::Date, "NULL"),
        ("20240229", SqlType::Date, "2024-02-29"),
        ("t'2024-02-29 23:59:59'", SqlType::Date, "2024-02-29"),
        ("d'2024-02-29'", SqlType::DateTime(0), "2024-02-29 00:00:00"),
        ("'2024-02-29 10:11:12.5'", SqlType::DateTime(0), "2024-02-29 10:11:13"),
        ("'10:11:12'", SqlType::Time(0), "10:11:12"),
        ("101112", SqlType::Time(0), "10:11:12"),
        ("t'2024-02-29 10:11:12'", SqlType::Time(0), "10:11:12"),
        ("NULL", SqlType::BIGINT, "NULL"),
    ] {
        check(Function::Cast, &[arg], sql, want);
    }
}

fn members() -> Members {
    Members::new(["a", "b", "c"])
}

fn letters() -> SqlType {
    SqlType::Enum(members())
}

/// Numbers of members and bits print as what their type says, NULLs among them and constants too.
#[test]
fn members_and_bits_are_printed() {
    let numbers = [Datum::UInt(2), Datum::Null, Datum::UInt(0), Datum::UInt(3)];
    for (from, to, want) in [
        (letters(), SqlType::varchar(1), ["b", "NULL", "", "c"]),
        (SqlType::Set(members()), SqlType::varchar(5), ["b", "NULL", "", "a,b"]),
        (SqlType::Bit(12), SqlType::VarBinary(2), ["\0\u{2}", "NULL", "\0\0", "\0\u{3}"]),
        (letters(), SqlType::BIGINT_UNSIGNED, ["2", "NULL", "0", "3"]),
    ] {
        let array = column(&from, &numbers);
        let batch = Batch::new(vec![array], numbers.len());
        let ty = ColumnType::nullable(to.clone());
        let cast = |e| Expr::call(Function::Cast, vec![e], ty.clone());
        let id = ColumnId(0);
        let run = |e: &Expr| {
            let program = Program::compile(e, &[id]).unwrap();
            program.eval(&batch, &mut Scratch::default()).unwrap()
        };
        let of_column = datums(&run(&cast(Expr::column(id, ColumnType::nullable(from.clone())))));
        assert_eq!(of_column.iter().map(ToString::to_string).collect::<Vec<_>>(), want, "{from}");
        let of_constant = datums(&run(&cast(Expr::constant(numbers[3].clone(), from.clone()))));
        assert_eq!(of_constant[0].to_string(), want[3], "{from}");
    }
}

#[test]
fn assignments() {
    let assign = || Function::Assign { column: "c".into() };
    let int = |width, unsigned| SqlType::Int { width, unsigned };
    for (arg, sql, want) in [
        ("127", int(IntWidth::Tiny, false), "127"),
        ("255", int(IntWidth::Tiny, true), "255"),
        ("'12'", int(IntWidth::Int, false), "12"),
        ("'12.5'", int(IntWidth::Int, false), "13"),
        ("1.005", decimal(5, 2), "1.01"),
        ("'x   '", SqlType::varchar(1), "x"),
        ("'x   '", SqlType::char(3), "x"),
        ("12", SqlType::varchar(2), "12"),
        ("'2024-02-29'", SqlType::Date, "2024-02-29"),
        ("t'2024-02-29 10:00:00'", SqlType::Date, "2024-02-29"),
        ("'24'", SqlType::Year, "2024"),
        ("'0'", SqlType::Year, "2000"),
        ("'0000'", SqlType::Year, "0"),
        ("16777217e0", SqlType::Float, "16777216"),
        ("'b '", letters(), "2"),
        ("'3'", letters(), "3"),
        ("1.4", letters(), "1"),
        ("'c,a'", SqlType::Set(members()), "5"),
        ("''", SqlType::Set(members()), "0"),
        ("7", SqlType::Set(members()), "7"),
        ("5", SqlType::Bit(3), "5"),
        ("'A'", SqlType::Bit(8), "65"),
        ("-1", SqlType::Bit(64), "18446744073709551615"),
    ] {
        check(assign(), &[arg], sql, want);
    }
    for (arg, sql, want) in [
        ("128", int(IntWidth::Tiny, false), "Out of range value for column 'c' at row 1"),
        ("-1", int(IntWidth::Int, true), "Out of range value for column 'c' at row 1"),
        ("1000.00", decimal(5, 2), "Out of range value for column 'c' at row 1"),
        ("'abc'", SqlType::BIGINT, "Incorrect integer value: 'abc' for column 'c' at row 1"),
        ("'12abc'", SqlType::BIGINT, "Data truncated for column 'c' at row 1"),
        ("'abc'", decimal(5, 2), "Incorrect decimal value: 'abc' for column 'c' at row 1"),
        ("'abc'", SqlType::varchar(2), "Data too long for column 'c' at row 1"),
        ("'2024-02-30'", SqlType::Date, "Incorrect date value: '2024-02-30' for column 'c' at row 1"),
        ("'x'", SqlType::DateTime(0), "Incorrect datetime value: 'x' for column 'c' at row 1"),
        ("'d'", letters(), "Data truncated for column 'c' at row 1"),
        ("''", letters(), "Data truncated for column 'c' at row 1"),
        ("0", letters(), "Data truncated for column 'c' at row 1"),
        ("4", letters(), "Data truncated for column 'c' at row 1"),
        ("'a,d'", SqlType::Set(members()), "Data truncated for column 'c' at row 1"),
        ("8", SqlType::Set(members()), "Data truncated for column 'c' at row 1"),
        ("8", SqlType::Bit(3), "Data too long for column 'c' at row 1"),
        ("'AB'", SqlType::Bit(8), "Data too long for column 'c' at row 1"),
        ("-1", SqlType::Bit(63), "Data too long for column 'c' at row 1"),
        ("'x'", SqlType::Time(0), "Incorrect time value: 'x' for column 'c' at row 1"),
    ] {
        let error = run(assign(), &[arg], sql).expect_err("it is refused");
        assert_eq!(error.to_string(), want);
    }
    let null = Expr::constant(Datum::Null, SqlType::BIGINT);
    let call = Expr::call(assign(), vec![null], ColumnType::not_null(SqlType::BIGINT));
    let one = Batch { columns: Vec::new(), rows: 1 };
    let program = Program::compile(&call, &[]).unwrap();
    let error = program.eval(&one, &mut Scratch::default()).expect_err("NULL is refused");
    assert_eq!(error.to_string(), "Column 'c' cannot be null");
}

fn int_column(id: u32) -> Expr {
    Expr::column(ColumnId(id), ColumnType::nullable(SqlType::BIGINT))
}

fn int(v: i64) -> Expr {
    Expr::constant(Datum::Int(v), SqlType::BIGINT)
}

fn big(function: Function, args: Vec<Expr>) -> Expr {
    Expr::call(function, args, ColumnType::nullable(SqlType::BIGINT))
}

#[test]
fn what_is_not_chosen_does_not_fail() {
    // CASE WHEN a < 10 THEN a * 4611686018427387904 … fails only for rows that are asked.
    let huge = big(Function::Mul, vec![int_column(0), int(1 << 62)]);
    let small = big(Function::Lt, vec![int_column(0), int(2)]);
    let rows: Vec<i64> = (0..100).collect();
    let batch = Batch { columns: vec![Arc::new(Int64Array::from(rows))], rows: 100 };
    let eval =
        |expr: &Expr| Program::compile(expr, &[ColumnId(0)]).unwrap().eval(&batch, &mut Scratch::default());
    assert!(eval(&huge).is_err());
    let case = big(Function::Case, vec![small.clone(), huge.clone(), int_column(0)]);
    let out = datums(&eval(&case).unwrap());
    assert_eq!((&out[1], &out[2]), (&Datum::Int(1 << 62), &Datum::Int(2)));
    let both = big(Function::And, vec![small.clone(), big(Function::Gt, vec![huge.clone(), int(0)])]);
    assert_eq!(datums(&eval(&both).unwrap()).iter().filter(|d| **d == Datum::Int(1)).count(), 1);
    // A conjunct sees only the rows that earlier ones left.
    let conjuncts = [small, big(Function::Gt, vec![huge, int(0)])];
    let predicate = Predicate::compile(&conjuncts, &[ColumnId(0)]).unwrap();
    assert_eq!(predicate.select(&batch, &mut Scratch::default()).unwrap(), Selection::Rows(vec![1]));
}

#[test]
fn a_dictionary_is_looked_at_once() {
    let strings: Vec<Datum> = (0..1000)
        .map(|i| if i % 7 == 0 { Datum::Null } else { Datum::string(format!("s{}", i % 5)) })
        .collect();
    let plain = column(&TEXT, &strings);
    let codes = coded(&plain);
    let s = || Expr::column(ColumnId(0), ColumnType::nullable(TEXT));
    let text = |t: &str| Expr::constant(Datum::string(t), TEXT);
    let ty = ColumnType::nullable(TEXT);
    let exprs = [
        big(Function::Like { escape: None }, vec![s(), text("%3")]),
        big(Function::In, vec![s(), text("s1"), text("s4")]),
        Expr::call(Function::Coalesce, vec![s(), text("none")], ty.clone()),
        Expr::call(Function::Upper, vec![s()], ty.clone()),
        big(Function::IsNull, vec![s()]),
        big(Function::CharLength, vec![s()]),
        Expr::call(Function::Case, vec![big(Function::Eq, vec![s(), text("s2")]), text("two")], ty),
    ];
    let program = Program::compile_all(&exprs, &[ColumnId(0)]).unwrap();
    let mut scratch = Scratch::default();
    let want = program.eval_all(&Batch { columns: vec![plain], rows: 1000 }, &mut scratch).unwrap();
    for _ in 0..2 {
        let got =
            program.eval_all(&Batch { columns: vec![codes.clone()], rows: 1000 }, &mut scratch).unwrap();
        for (want, got) in want.iter().zip(&got) {
            assert_eq!(datums(want), datums(got));
        }
    }
    // Slices share the dictionary.
    let part = Batch { columns: vec![codes.slice(500, 9)], rows: 9 };
    let got = program.eval_all(&part, &mut scratch).unwrap();
    assert_eq!(datums(&got[0]), datums(&want[0])[500..509]);
}

#[test]
fn revenue_is_narrow_and_exact() {
    let ty = |p, s| ColumnType::not_null(decimal(p, s));
    let col = |i| Expr::column(ColumnId(i), ty(15, 2));
    let one = || Expr::constant(Datum::Decimal { value: 1, scale: 0 }, decimal(1, 0));
    let net = Expr::call(
        Function::Mul,
        vec![col(0), Expr::call(Function::Minus, vec![one(), col(1)], ty(16, 2))],
        ty(31, 4),
    );
    let charge = Expr::call(
        Function::Mul,
        vec![net, Expr::call(Function::Plus, vec![one(), col(2)], ty(16, 2))],
        ty(47, 6),
    );
    let d = |v: i128| Datum::Decimal { value: v, scale: 2 };
    let columns = vec![
        column(&decimal(15, 2), &[d(10_494_950), d(90_100)]),
        column(&decimal(15, 2), &[d(4), d(10)]),
        column(&decimal(15, 2), &[d(8), d(0)]),
    ];
    let program = Program::compile(&charge, &[ColumnId(0), ColumnId(1), ColumnId(2)]).unwrap();
    let out = program.eval(&Batch { columns, rows: 2 }, &mut Scratch::default()).unwrap();
    assert_eq!(out.data_type(), &DataType::Decimal64(18, 6));
    assert_eq!(shown(&datums(&out)[0]), "108811.641600");
    let door = to_door(&out, &ty(47, 6)).unwrap();
    assert_eq!(door.data_type(), &DataType::Decimal128(38, 6));
}

/// What the random expressions are over: three columns each of integers, decimals, doubles and strings.
const FAMILIES: [SqlType; 4] =
    [SqlType::BIGINT, SqlType::Decimal { precision: 12, scale: 2 }, SqlType::Double, TEXT];

fn datum(family: usize) -> BoxedStrategy<Datum> {
    let value = match family {
        0 => prop_oneof![4 => -5i64..6, 1 => any::<i64>()].prop_map(Datum::Int).boxed(),
        1 => prop_oneof![4 => -300i64..300, 1 => -999_999_999_999i64..1_000_000_000_000]
            .prop_map(|v| Datum::Decimal { value: i128::from(v), scale: 2 })
            .boxed(),
        2 => prop_oneof![Just(0.0), Just(1.5), Just(-2.0), -1e3..1e3].prop_map(Datum::Double).boxed(),
        _ => "[ab%]{0,3}".prop_map(Datum::string).boxed(),
    };
    prop_oneof![5 => value, 1 => Just(Datum::Null)].boxed()
}

/// An expression of a family, at most `depth` calls deep.
fn expr(family: usize, depth: u32) -> BoxedStrategy<Expr> {
    let ty = ColumnType::nullable(FAMILIES[family].clone());
    let sql = ty.sql.clone();
    let leaf = prop_oneof![
        3 => (0u32..3).prop_map({
            let ty = ty.clone();
            move |i| Expr::column(ColumnId(family as u32 * 3 + i), ty.clone())
        }),
        1 => datum(family).prop_map(move |d| Expr::Constant { value: d, ty: ColumnType::nullable(sql.clone()) }),
    ]
    .boxed();
    if depth == 0 {
        return leaf;
    }
    let same = move || expr(family, depth - 1);
    let condition = move || expr(0, depth - 1);
    let call = move |f: Function, args: Vec<Expr>, ty: &ColumnType| Expr::call(f, args, ty.clone());
    let mut options = vec![leaf];
    let chosen = ty.clone();
    options.push(
        (condition(), same(), condition(), same(), same())
            .prop_map(move |(a, b, c, d, e)| call(Function::Case, vec![a, b, c, d, e], &chosen))
            .boxed(),
    );
    let chosen = ty.clone();
    options
        .push((same(), same()).prop_map(move |(a, b)| call(Function::Coalesce, vec![a, b], &chosen)).boxed());
    let chosen = ty.clone();
    options
        .push((same(), same()).prop_map(move |(a, b)| call(Function::NullIf, vec![a, b], &chosen)).boxed());
    match family {
        0 => {
            let comparison = (0usize..4, 0usize..7).prop_flat_map(move |(family, op)| {
                let f = [
                    Function::Eq,
                    Function::Ne,
                    Function::Lt,
                    Function::Le,
                    Function::Gt,
                    Function::Ge,
                    Function::NullEq,
                ][op]
                    .clone();
                (expr(family, depth - 1), expr(family, depth - 1))
                    .prop_map(move |(a, b)| big(f.clone(), vec![a, b]))
            });
            let within = (0usize..4).prop_flat_map(move |family| {
                let sql = FAMILIES[family].clone();
                (expr(family, depth - 1), prop::collection::vec(datum(family), 1..12)).prop_map(
                    move |(probe, members)| {
                        let ty = ColumnType::nullable(sql.clone());
                        let members =
                            members.into_iter().map(|value| Expr::Constant { value, ty: ty.clone() });
                        big(Function::In, std::iter::once(probe).chain(members).collect())
                    },
                )
            });
            let like = (expr(3, depth - 1), "[ab%_]{0,4}").prop_map(|(s, p)| {
                let pattern = Expr::constant(Datum::string(p), TEXT);
                big(Function::Like { escape: Some('\\') }, vec![s, pattern])
            });
            let arithmetic = (0usize..5, condition(), condition()).prop_map(|(op, a, b)| {
                let f = [Function::Plus, Function::Minus, Function::Mul, Function::IntDiv, Function::Mod][op]
                    .clone();
                big(f, vec![a, b])
            });
            let logic =
                (0usize..3, condition(), condition(), condition()).prop_map(|(op, a, b, c)| match op {
                    0 => big(Function::And, vec![a, b, c]),
                    1 => big(Function::Or, vec![a, b, c]),
                    _ => big(Function::Xor, vec![a, b]),
                });
            let unary =
                (0usize..5, (0usize..3).prop_flat_map(move |f| expr(f, depth - 1))).prop_map(|(op, a)| {
                    big(
                        [
                            Function::Not,
                            Function::IsNull,
                            Function::IsTrue,
                            Function::IsFalse,
                            Function::IsNull,
                        ][op]
                            .clone(),
                        vec![a],
                    )
                });
            options.extend([
                comparison.boxed(),
                within.boxed(),
                like.boxed(),
                arithmetic.boxed(),
                logic.boxed(),
                unary.boxed(),
            ]);
        }
        1 => {
            let arithmetic = (0usize..5, same(), same()).prop_map(move |(op, a, b)| {
                let f = [Function::Plus, Function::Minus, Function::Mul, Function::Div, Function::Mod][op]
                    .clone();
                Expr::call(f, vec![a, b], ColumnType::nullable(FAMILIES[1].clone()))
            });
            options.push(arithmetic.boxed());
        }
        2 => {
            let arithmetic = (0usize..4, same(), same()).prop_map(move |(op, a, b)| {
                let f = [Function::Plus, Function::Minus, Function::Mul, Function::Div][op].clone();
                Expr::call(f, vec![a, b], ColumnType::nullable(SqlType::Double))
            });
            options.push(arithmetic.boxed());
        }
        _ => {}
    }
    proptest::strategy::Union::new(options).boxed()
}

fn rows() -> impl Strategy<Value = Vec<Vec<Datum>>> {
    let row = (0..12usize).map(|c| datum(c / 3)).collect::<Vec<_>>();
    prop::collection::vec(row, 1..90)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn agrees_with_the_model(e in (0usize..4).prop_flat_map(|f| expr(f, 3)), rows in rows()) {
        let ids: Vec<ColumnId> = (0..12).map(ColumnId).collect();
        let plain: Vec<ArrayRef> = (0..12)
            .map(|c| column(&FAMILIES[c / 3], &rows.iter().map(|r| r[c].clone()).collect::<Vec<_>>()))
            .collect();
        // The same in other forms: codes for strings, wide decimals.
        let other: Vec<ArrayRef> = plain
            .iter()
            .map(|a| match a.data_type() {
                DataType::Utf8View => coded(a),
                _ => crate::batch::widen(a),
            })
            .collect();
        let want: Vec<_> = rows.iter().map(|row| model::eval(&e, &|id| row[id as usize].clone())).collect();
        let fails = want.iter().any(Result::is_err);
        let program = Program::compile(&e, &ids).unwrap();
        for columns in [plain, other] {
            let batch = Batch { columns, rows: rows.len() };
            let got = program.eval(&batch, &mut Scratch::default());
            match got {
                Err(error) => prop_assert!(fails, "{error}"),
                Ok(got) => {
                    // A row that fails in the model fails here too.
                    prop_assert!(!fails);
                    for (row, (want, got)) in want.iter().zip(datums(&got)).enumerate() {
                        let want = want.clone().unwrap();
                        prop_assert!(
                            want.is_null() == got.is_null() && want.compare(&got).is_eq(),
                            "row {row} {:?}: model {want}, kernel {got}", rows[row]
                        );
                    }
                    let predicate = Predicate::compile(std::slice::from_ref(&e), &ids).unwrap();
                    let selected = match predicate.select(&batch, &mut Scratch::default()).unwrap() {
                        Selection::All => (0..rows.len() as u32).collect(),
                        Selection::None => Vec::new(),
                        Selection::Rows(picked) => picked,
                    };
                    let holds = |d: &Datum| d.as_f64().is_some_and(|v| v != 0.0);
                    if !want.iter().any(|w| matches!(w, Ok(Datum::String(_)))) {
                        let model: Vec<u32> = (0..rows.len() as u32)
                            .filter(|r| want[*r as usize].as_ref().is_ok_and(holds))
                            .collect();
                        prop_assert_eq!(selected, model);
                    }
                }
            }
        }
    }
}
