//! Expressions as a whole: the manual's examples in every form an argument can come in, what is stored, what is looked at how often,
//! and random expressions against the model.

mod manual;
mod random;
mod stored;

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

fn int_column(id: u32) -> Expr {
    Expr::column(ColumnId(id), ColumnType::nullable(SqlType::BIGINT))
}

fn int(v: i64) -> Expr {
    Expr::constant(Datum::Int(v), SqlType::BIGINT)
}

fn big(function: Function, args: Vec<Expr>) -> Expr {
    Expr::call(function, args, ColumnType::nullable(SqlType::BIGINT))
}
