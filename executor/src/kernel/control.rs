//! Logic and choice: what decides which of its arguments matter for a row.

use allod_planner::expr::Function;
use arrow::array::{Array, ArrayRef, AsArray, GenericByteViewArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{ArrowNativeType, BinaryViewType, ByteViewType, StringViewType};

use allod_storage::schema::SqlType;

use super::decimal::Decimals;
use super::program::{Frame, Node, Program};
use super::scratch::Scratch;
use super::unchecked::views_over;
use super::value::{Binary, Bools, Column, Strings, Value, Values, uniform};
use super::{bits, compare};
use crate::error::{Error, Result};

/// AND of two or more: FALSE if any is, else NULL if any is. Later arguments matter only where none was FALSE.
pub(crate) fn and(
    program: &Program,
    node: &Node,
    frame: &mut Frame<'_>,
    scratch: &mut Scratch,
) -> Result<Value> {
    let rows = frame.rows;
    let mut all = Bools::uniform(true, rows);
    for arg in &node.args {
        let open = !&all.falses();
        if !open.has_true() {
            break;
        }
        let next = program.guarded(*arg, &open, frame, scratch)?.truth(rows);
        all = and_bits(&all, &next);
    }
    Ok(Value::Bool(all))
}

/// OR of two or more: TRUE if any is, else NULL if any is. Later arguments matter only where none was TRUE.
pub(crate) fn or(
    program: &Program,
    node: &Node,
    frame: &mut Frame<'_>,
    scratch: &mut Scratch,
) -> Result<Value> {
    let rows = frame.rows;
    let mut any = Bools::uniform(false, rows);
    for arg in &node.args {
        let open = !&any.bits;
        if !open.has_true() {
            break;
        }
        let next = program.guarded(*arg, &open, frame, scratch)?.truth(rows);
        any = or_bits(&any, &next);
    }
    Ok(Value::Bool(any))
}

fn and_bits(a: &Bools, b: &Bools) -> Bools {
    let bits = &a.bits & &b.bits;
    if a.nulls.is_none() && b.nulls.is_none() {
        return Bools { bits, nulls: None };
    }
    let known = &bits | &(&a.falses() | &b.falses());
    Bools::new(bits, Some(NullBuffer::new(known)))
}

fn or_bits(a: &Bools, b: &Bools) -> Bools {
    let bits = &a.bits | &b.bits;
    if a.nulls.is_none() && b.nulls.is_none() {
        return Bools { bits, nulls: None };
    }
    let known = &bits | &(&a.falses() & &b.falses());
    Bools::new(bits, Some(NullBuffer::new(known)))
}

/// XOR: NULL if either is.
pub(crate) fn xor(a: &Bools, b: &Bools) -> Bools {
    Bools::new(&a.bits ^ &b.bits, NullBuffer::union(a.nulls.as_ref(), b.nulls.as_ref()))
}

/// NOT: NULL stays NULL.
pub(crate) fn not(a: &Bools) -> Bools {
    Bools { bits: a.falses(), nulls: a.nulls.clone() }
}

/// CASE and IF.
pub(crate) fn case(
    program: &Program,
    node: &Node,
    frame: &mut Frame<'_>,
    scratch: &mut Scratch,
) -> Result<Value> {
    let rows = frame.rows;
    let mut open = uniform(true, rows);
    let mut parts: Vec<(BooleanBuffer, Value)> = Vec::new();
    let (branches, otherwise) = node.args.as_chunks::<2>();
    for [condition, result] in branches {
        let holds = program.guarded(*condition, &open, frame, scratch)?.truth(rows);
        let chosen = &open & &holds.bits;
        if chosen.has_true() {
            let value = program.guarded(*result, &chosen, frame, scratch)?;
            open = &open & &!&chosen;
            parts.push((chosen, value));
        }
        if !open.has_true() {
            break;
        }
    }
    if open.has_true() {
        let value = match otherwise {
            [result] => program.guarded(*result, &open, frame, scratch)?,
            _ => Value::Null,
        };
        parts.push((open, value));
    }
    assemble(parts, &node.sql, rows)
}

/// COALESCE and IFNULL: later arguments matter only where all before are NULL.
pub(crate) fn coalesce(
    program: &Program,
    node: &Node,
    frame: &mut Frame<'_>,
    scratch: &mut Scratch,
) -> Result<Value> {
    let rows = frame.rows;
    let mut open = uniform(true, rows);
    let mut parts: Vec<(BooleanBuffer, Value)> = Vec::new();
    for arg in &node.args {
        if !open.has_true() {
            break;
        }
        let value = program.guarded(*arg, &open, frame, scratch)?;
        let chosen = &open & &value.valid(rows);
        if chosen.has_true() {
            open = &open & &!&chosen;
            parts.push((chosen, value));
        }
    }
    if open.has_true() {
        parts.push((open, Value::Null));
    }
    assemble(parts, &node.sql, rows)
}

/// Puts together what each part's rows chose. The parts' masks are disjoint and cover all rows.
fn assemble(mut parts: Vec<(BooleanBuffer, Value)>, sql: &SqlType, rows: usize) -> Result<Value> {
    let Some((_, last)) = parts.pop() else { return Ok(Value::Null) };
    let mut out = last.conform(sql)?;
    while let Some((mask, value)) = parts.pop() {
        out = choose(&mask, value.conform(sql)?, out, rows)?;
    }
    Ok(out)
}

/// `yes` where the mask is set, else `no`. Both are of one family and scale.
pub(crate) fn choose(mask: &BooleanBuffer, yes: Value, no: Value, rows: usize) -> Result<Value> {
    let nulls = match (&yes, &no) {
        (Value::Null, Value::Null) => return Ok(Value::Null),
        _ if yes.nulls().is_none()
            && no.nulls().is_none()
            && !matches!(yes, Value::Null)
            && !matches!(no, Value::Null) =>
        {
            None
        }
        _ => {
            let valid = &(mask & &yes.valid(rows)) | &(&!mask & &no.valid(rows));
            Some(NullBuffer::new(valid)).filter(|n| n.null_count() > 0)
        }
    };
    Ok(match (yes, no) {
        (Value::Null, one) | (one, Value::Null) => with_nulls(one, nulls, rows),
        (Value::Bool(a), Value::Bool(b)) => {
            Value::Bool(Bools::new(&(mask & &a.bits) | &(&!mask & &b.bits), nulls))
        }
        (Value::Bool(a), Value::Int(b)) => Value::Int(fixed(mask, &a.to_int(), &b, nulls)),
        (Value::Int(a), Value::Bool(b)) => Value::Int(fixed(mask, &a, &b.to_int(), nulls)),
        (Value::Int(a), Value::Int(b)) => Value::Int(fixed(mask, &a, &b, nulls)),
        (Value::UInt(a), Value::UInt(b)) => Value::UInt(fixed(mask, &a, &b, nulls)),
        (Value::Double(a), Value::Double(b)) => Value::Double(fixed(mask, &a, &b, nulls)),
        (Value::Date(a), Value::Date(b)) => Value::Date(fixed(mask, &a, &b, nulls)),
        (Value::DateTime(a), Value::DateTime(b)) => Value::DateTime(fixed(mask, &a, &b, nulls)),
        (Value::Time(a), Value::Time(b)) => Value::Time(fixed(mask, &a, &b, nulls)),
        (Value::Decimal(a), Value::Decimal(b)) => {
            let scale = a.scale();
            Value::Decimal(match (a, b) {
                (Decimals::Narrow(a), Decimals::Narrow(b)) => {
                    Decimals::narrow(fixed(mask, &a.column, &b.column, nulls), scale)
                }
                (a, b) => Decimals::wide(fixed(mask, &a.widened(), &b.widened(), nulls), scale),
            })
        }
        (yes @ Value::String(_), no @ Value::String(_)) => {
            let (a, b) = (one_or_many(yes)?, one_or_many(no)?);
            Value::String(Strings::Views(views::<StringViewType>(mask, &a, &b, nulls)))
        }
        (yes @ Value::Bytes(_), no @ Value::Bytes(_)) => {
            let (a, b) = (one_or_many(yes)?, one_or_many(no)?);
            Value::Bytes(Binary::Views(views::<BinaryViewType>(mask, &a, &b, nulls)))
        }
        _ => return Err(Error::Plan("branches of different families".into())),
    })
}

fn fixed<T: ArrowNativeType>(
    mask: &BooleanBuffer,
    a: &Column<T>,
    b: &Column<T>,
    nulls: Option<NullBuffer>,
) -> Column<T> {
    let values = match (&a.values, &b.values) {
        (Values::One(x), Values::One(y)) => bits::choose(mask, |_| *x, |_| *y),
        (Values::One(x), Values::Many(ys)) => bits::choose(mask, |_| *x, |row| ys[row]),
        (Values::Many(xs), Values::One(y)) => bits::choose(mask, |row| xs[row], |_| *y),
        (Values::Many(xs), Values::Many(ys)) => bits::choose(mask, |row| xs[row], |row| ys[row]),
    };
    Column::many(values, nulls)
}

/// A string value as an array of one row, if it is constant, or of all.
fn one_or_many(value: Value) -> Result<ArrayRef> {
    match value {
        Value::String(v) => Value::String(v.plain()).into_array(&SqlType::text(u32::MAX), 1),
        value => value.into_array(&SqlType::Blob(u32::MAX), 1),
    }
}

/// Views chosen from two arrays, each with a row for each row or one for all.
fn views<T: ByteViewType>(
    mask: &BooleanBuffer,
    a: &ArrayRef,
    b: &ArrayRef,
    nulls: Option<NullBuffer>,
) -> GenericByteViewArray<T> {
    let both = crate::batch::concat(&[a.clone(), b.clone()]);
    let both = both.as_byte_view::<T>();
    let views = both.views();
    let rows = mask.len();
    let at = |array: &ArrayRef, row: usize| if array.len() == rows { row } else { 0 };
    let chosen = bits::choose(mask, |row| views[at(a, row)], |row| views[a.len() + at(b, row)]);
    views_over(both, chosen.into(), nulls)
}

/// A value under another null buffer.
pub(crate) fn with_nulls(value: Value, nulls: Option<NullBuffer>, rows: usize) -> Value {
    fn column<T: ArrowNativeType>(column: Column<T>, nulls: Option<NullBuffer>) -> Column<T> {
        Column { values: column.values, nulls }
    }
    match value {
        Value::Null => Value::Null,
        Value::Bool(v) => Value::Bool(Bools::new(v.bits, nulls)),
        Value::Int(v) => Value::Int(column(v, nulls)),
        Value::UInt(v) => Value::UInt(column(v, nulls)),
        Value::Double(v) => Value::Double(column(v, nulls)),
        Value::Date(v) => Value::Date(column(v, nulls)),
        Value::DateTime(v) => Value::DateTime(column(v, nulls)),
        Value::Time(v) => Value::Time(column(v, nulls)),
        Value::Decimal(Decimals::Narrow(v)) => {
            Value::Decimal(Decimals::Narrow(super::decimal::Narrow { column: column(v.column, nulls), ..v }))
        }
        Value::Decimal(Decimals::Wide(v)) => Value::Decimal(Decimals::wide(column(v.column, nulls), v.scale)),
        Value::String(Strings::One(s)) => {
            let all = super::value::repeat(&s, rows);
            Value::String(Strings::Views(views_over(&all, all.views().clone(), nulls)))
        }
        Value::String(v) => match v.plain() {
            Strings::Views(v) => Value::String(Strings::Views(views_over(&v, v.views().clone(), nulls))),
            other => Value::String(other),
        },
        Value::Bytes(Binary::One(b)) => {
            let single = arrow::array::BinaryViewArray::from_iter_values([&*b]);
            Value::Bytes(Binary::Views(views_over(&single, vec![single.views()[0]; rows].into(), nulls)))
        }
        Value::Bytes(Binary::Views(v)) => {
            Value::Bytes(Binary::Views(views_over(&v, v.views().clone(), nulls)))
        }
    }
}

/// NULLIF(a, b): a, but NULL where they are equal.
pub(crate) fn null_if(a: &Value, b: &Value, rows: usize) -> Option<Value> {
    let equal = compare::compare(compare::Op::Eq, a, b, rows)?;
    let valid = &a.valid(rows) & &!&equal.bits;
    let nulls = Some(NullBuffer::new(valid)).filter(|n| n.null_count() > 0);
    Some(with_nulls(a.clone(), nulls, rows))
}

/// GREATEST and LEAST: NULL if any is.
pub(crate) fn extreme(function: &Function, args: &[Value], sql: &SqlType, rows: usize) -> Result<Value> {
    let op = if *function == Function::Greatest { compare::Op::Ge } else { compare::Op::Le };
    let mut args = args.iter();
    let Some(first) = args.next() else { return Ok(Value::Null) };
    let mut best = first.clone().conform(sql)?;
    for next in args {
        let next = next.clone().conform(sql)?;
        let Some(keep) = compare::compare(op, &best, &next, rows) else {
            return Err(Error::Plan("arguments of different families".into()));
        };
        let valid = &best.valid(rows) & &next.valid(rows);
        best = choose(&keep.bits, best, next, rows)?;
        let nulls = Some(NullBuffer::new(valid)).filter(|n| n.null_count() > 0);
        best = with_nulls(best, nulls, rows);
    }
    Ok(best)
}
