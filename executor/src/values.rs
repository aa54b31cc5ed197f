//! Datums to columns and back, for the places where there are few values: literal rows, keys, correlated values.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_storage::chunk::view_block_bytes;
use allod_storage::schema::{ColumnType, Datum, SqlType};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, Date32Builder, Decimal64Builder, Decimal128Builder,
    DurationMicrosecondBuilder, Float64Builder, Int64Builder, NullArray, StringViewBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use crate::batch::{self, Batch, to_door};
use crate::error::{Error, Result};
use crate::kernel::{Program, Scratch};

/// A column of datums, each NULL or of the family of `ty`.
pub(crate) fn column<'a>(datums: impl Iterator<Item = &'a Datum>, ty: &SqlType) -> Result<ArrayRef> {
    // Builders that are not told hold a thousand rows.
    let rows = datums.size_hint().0;
    let block = view_block_bytes(rows);
    macro_rules! build {
        ($builder:expr, $($pattern:pat $(if $guard:expr)? => $value:expr),+) => {{
            let mut builder = $builder;
            for datum in datums {
                match datum {
                    Datum::Null => builder.append_null(),
                    $($pattern $(if $guard)? => builder.append_value($value),)+
                    other => return Err(mismatch(other, ty)),
                }
            }
            Ok(Arc::new(builder.finish()) as ArrayRef)
        }};
    }
    match ty.arrow() {
        DataType::Null => Ok(Arc::new(NullArray::new(datums.count()))),
        DataType::Int64 => build!(Int64Builder::with_capacity(rows), Datum::Int(v) => *v,
            Datum::UInt(v) => i64::try_from(*v).map_err(|_| out_of_range(ty))?),
        DataType::UInt64 => build!(UInt64Builder::with_capacity(rows), Datum::UInt(v) => *v,
            Datum::Int(v) => u64::try_from(*v).map_err(|_| out_of_range(ty))?),
        DataType::Float64 => build!(Float64Builder::with_capacity(rows), Datum::Double(v) => *v),
        DataType::Decimal64(_, scale) => {
            let builder = Decimal64Builder::with_capacity(rows).with_data_type(ty.arrow());
            build!(builder, Datum::Decimal { value, scale: s } if i16::from(*s) == i16::from(scale) =>
                i64::try_from(*value).map_err(|_| out_of_range(ty))?)
        }
        DataType::Decimal128(_, scale) => {
            let builder = Decimal128Builder::with_capacity(rows).with_data_type(ty.arrow());
            build!(builder, Datum::Decimal { value, scale: s } if i16::from(*s) == i16::from(scale) => *value)
        }
        DataType::Utf8View => {
            build!(StringViewBuilder::with_capacity(rows).with_fixed_block_size(block), Datum::String(s) => s)
        }
        DataType::BinaryView => {
            build!(BinaryViewBuilder::with_capacity(rows).with_fixed_block_size(block), Datum::Bytes(b) => b, Datum::String(s) => s.as_bytes())
        }
        DataType::Date32 => build!(Date32Builder::with_capacity(rows), Datum::Date(v) => *v),
        DataType::Timestamp(_, _) => {
            build!(TimestampMicrosecondBuilder::with_capacity(rows), Datum::DateTime(v) => *v)
        }
        DataType::Duration(_) => {
            build!(DurationMicrosecondBuilder::with_capacity(rows), Datum::Time(v) => *v)
        }
        other => Err(Error::Plan(format!("no column of type {other} is made of datums"))),
    }
}

fn mismatch(datum: &Datum, ty: &SqlType) -> Error {
    Error::Plan(format!("the value {datum} in a column of type {ty}"))
}

fn out_of_range(ty: &SqlType) -> Error {
    Error::Plan(format!("a value beyond the range of type {ty}"))
}

/// The value of a row.
pub(crate) fn datum(array: &ArrayRef, row: usize) -> Result<Datum> {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return Ok(Datum::Null);
    }
    Ok(match array.data_type() {
        DataType::Int64 => Datum::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => Datum::UInt(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float64 => Datum::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal64(_, scale) => Datum::Decimal {
            value: i128::from(array.as_primitive::<Decimal64Type>().value(row)),
            scale: scale.unsigned_abs(),
        },
        DataType::Decimal128(_, scale) => Datum::Decimal {
            value: array.as_primitive::<Decimal128Type>().value(row),
            scale: scale.unsigned_abs(),
        },
        DataType::Utf8View => Datum::string(array.as_string_view().value(row)),
        DataType::BinaryView => Datum::Bytes(array.as_binary_view().value(row).into()),
        DataType::Dictionary(_, _) => {
            let codes = array.as_dictionary::<UInt16Type>();
            Datum::string(codes.values().as_string_view().value(usize::from(codes.keys().value(row))))
        }
        DataType::Date32 => Datum::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Datum::DateTime(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            Datum::Time(array.as_primitive::<DurationMicrosecondType>().value(row))
        }
        other => return Err(Error::Plan(format!("no datum is made of type {other}"))),
    })
}

/// The rows of a `Values` node.
pub(crate) fn literal_rows(rows: &[Vec<Expr>], width: usize, scratch: &mut Scratch) -> Result<Batch> {
    let mark = scratch.notices.mark();
    scratch.notices.once = true;
    let columns = if rows.len() > 1 && rows.iter().flatten().any(Expr::in_turn) {
        in_turn(rows, width, scratch)?
    } else {
        let column = |c: usize| literal_column(&rows.iter().map(|row| &row[c]).collect::<Vec<_>>(), scratch);
        (0..width).map(column).collect::<Result<_>>()?
    };
    scratch.notices.once = false;
    scratch.notices.order_since(mark);
    Ok(Batch { columns, rows: rows.len() })
}

/// Row by row, for what a row asks of a sequence comes before what the next one does.
fn in_turn(rows: &[Vec<Expr>], width: usize, scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
    let no_columns = Batch::new(Vec::new(), 1);
    let mut columns = vec![Vec::with_capacity(rows.len()); width];
    for (at, row) in rows.iter().enumerate() {
        scratch.notices.first_row = at;
        let values = Program::compile_all(row, &[])?.eval_all(&no_columns, scratch)?;
        for (column, (value, expr)) in columns.iter_mut().zip(values.iter().zip(row)) {
            column.push(to_door(value, expr.ty())?);
        }
    }
    scratch.notices.first_row = 0;
    Ok(columns.iter().map(|column| batch::concat(column)).collect())
}

/// One column of literal rows. If the rows differ in nothing but constants (as those of an INSERT do) the constants become
/// columns and the expression is evaluated once, over all rows; otherwise row by row.
fn literal_column(exprs: &[&Expr], scratch: &mut Scratch) -> Result<ArrayRef> {
    let Some(first) = exprs.first() else { return Ok(Arc::new(NullArray::new(0))) };
    if let Some((datums, ty)) = constants(exprs) {
        return column(datums.into_iter(), &ty.sql);
    }
    if exprs.len() > 1
        && let Some((expr, ids, batch)) = lift(exprs)?
    {
        return to_door(&Program::compile(&expr, &ids)?.eval(&batch, scratch)?, first.ty());
    }
    let no_columns = Batch::new(Vec::new(), 1);
    let mut values = Vec::with_capacity(exprs.len());
    for (row, expr) in exprs.iter().enumerate() {
        scratch.notices.first_row = row;
        values.push(to_door(&Program::compile(expr, &[])?.eval(&no_columns, scratch)?, expr.ty())?);
    }
    scratch.notices.first_row = 0;
    Ok(batch::concat(&values))
}

/// The values, if all are constants of one type, and the type; a bare NULL is of any.
fn constants<'e>(exprs: &[&'e Expr]) -> Option<(Vec<&'e Datum>, &'e ColumnType)> {
    let constant = |e: &'e Expr| match e {
        Expr::Constant { value, ty } => Some((value, ty)),
        Expr::Column { .. } | Expr::Call { .. } => None,
    };
    let all: Vec<(&Datum, &ColumnType)> = exprs.iter().map(|e| constant(e)).collect::<Option<_>>()?;
    let (_, ty) = *all.iter().find(|(value, _)| !value.is_null()).or(all.first())?;
    let agree = all.iter().all(|(value, t)| value.is_null() || t.arrow() == ty.arrow());
    agree.then(|| (all.into_iter().map(|(value, _)| value).collect(), ty))
}

/// One expression that stands for all, over columns of the constants in which they differ; `None` if they differ in more.
fn lift(exprs: &[&Expr]) -> Result<Option<(Expr, Vec<ColumnId>, Batch)>> {
    let mut columns = Vec::new();
    let lifted = lift_into(exprs, &mut columns)?;
    let ids = (0..columns.len() as u32).map(ColumnId).collect();
    Ok(lifted.map(|expr| (expr, ids, Batch::new(columns, exprs.len()))))
}

fn lift_into(exprs: &[&Expr], columns: &mut Vec<ArrayRef>) -> Result<Option<Expr>> {
    let Some((first, rest)) = exprs.split_first() else { return Ok(None) };
    if rest.iter().all(|e| e == first) {
        return Ok(Some((*first).clone()));
    }
    match first {
        Expr::Constant { .. } => {
            let Some((datums, ty)) = constants(exprs) else { return Ok(None) };
            let nullable = datums.iter().any(|d| d.is_null());
            columns.push(column(datums.into_iter(), &ty.sql)?);
            let ty = ColumnType { sql: ty.sql.clone(), nullable };
            Ok(Some(Expr::column(ColumnId(columns.len() as u32 - 1), ty)))
        }
        Expr::Call { function, args, ty } => {
            let same = |e: &Expr| {
                matches!(e, Expr::Call { function: f, args: a, ty: t }
                    if f == function && a.len() == args.len() && t.sql == ty.sql)
            };
            if !rest.iter().all(|e| same(e)) {
                return Ok(None);
            }
            let nullable = exprs.iter().any(|e| e.ty().nullable);
            let mut lifted = Vec::with_capacity(args.len());
            for i in 0..args.len() {
                let arguments: Vec<&Expr> = exprs.iter().map(|e| &e.children()[i]).collect();
                let Some(argument) = lift_into(&arguments, columns)? else { return Ok(None) };
                lifted.push(argument);
            }
            let ty = ColumnType { sql: ty.sql.clone(), nullable };
            Ok(Some(Expr::call(function.clone(), lifted, ty)))
        }
        Expr::Column { .. } => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_the_way_into_a_column_and_back() {
        let decimal = |precision, scale| SqlType::Decimal { precision, scale };
        let cases = [
            (SqlType::INT, Datum::Int(-3)),
            (SqlType::BIGINT_UNSIGNED, Datum::UInt(u64::MAX)),
            (SqlType::Double, Datum::Double(0.5)),
            (decimal(15, 2), Datum::Decimal { value: -125, scale: 2 }),
            (decimal(38, 4), Datum::Decimal { value: i128::from(i64::MAX) * 7, scale: 4 }),
            (SqlType::varchar(9), Datum::string("a string of more than twelve bytes")),
            (SqlType::Blob(9), Datum::Bytes([0, 255][..].into())),
            (SqlType::Date, Datum::Date(-1)),
            (SqlType::DateTime(6), Datum::DateTime(1)),
            (SqlType::Time(0), Datum::Time(-1)),
        ];
        for (ty, value) in cases {
            let array = column([&value, &Datum::Null].into_iter(), &ty).unwrap();
            assert_eq!(array.data_type(), &ty.arrow());
            assert_eq!(datum(&array, 0).unwrap(), value);
            assert_eq!(datum(&array, 1).unwrap(), Datum::Null);
            // A row that is written by itself is kept in its array for as long as its version is.
            assert!(array.get_array_memory_size() < 1000, "{}", array.get_array_memory_size());
        }
        assert!(column([&Datum::Int(1)].into_iter(), &SqlType::Date).is_err());
    }

    #[test]
    fn literal_rows_are_evaluated_together_if_only_constants_differ_and_alone_if_not() {
        use allod_planner::expr::Function;
        let int = |v: Datum| Expr::constant(v, SqlType::BIGINT);
        let plus =
            |a: Expr, b: Expr| Expr::call(Function::Plus, vec![a, b], ColumnType::nullable(SqlType::BIGINT));
        let two = || int(Datum::Int(2));
        let uniform = vec![vec![plus(int(Datum::Int(1)), two())], vec![plus(int(Datum::Null), two())]];
        let mixed = vec![
            vec![plus(int(Datum::Int(1)), two())],
            vec![int(Datum::Null)],
            vec![plus(plus(two(), two()), two())],
        ];
        for (rows, expected) in [
            (uniform, vec![Datum::Int(3), Datum::Null]),
            (mixed, vec![Datum::Int(3), Datum::Null, Datum::Int(6)]),
        ] {
            let batch = literal_rows(&rows, 1, &mut Scratch::default()).unwrap();
            let got: Vec<Datum> = (0..batch.rows).map(|r| datum(&batch.columns[0], r).unwrap()).collect();
            assert_eq!(got, expected);
        }
    }
}
