//! Comparisons and IN.

use std::cmp::Ordering;
use std::collections::HashSet;

use allod_planner::expr::Function;
use allod_storage::schema::{Datum, SqlType, unpadded};
use arrow::array::{Array, GenericByteViewArray, StringViewArray, make_view};
use arrow::datatypes::{ArrowNativeType, ByteViewType};

use super::bits;
use super::calendar::DAY_US;
use super::decimal::{self, Decimals};
use super::value::{Binary, Bools, Column, Overflow, Strings, Value, Values, uniform, zip_test};

/// An order comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    /// The comparison that a function stands for.
    pub fn of(function: &Function) -> Option<Op> {
        Some(match function {
            Function::Eq => Op::Eq,
            Function::Ne => Op::Ne,
            Function::Lt => Op::Lt,
            Function::Le => Op::Le,
            Function::Gt => Op::Gt,
            Function::Ge => Op::Ge,
            _ => return None,
        })
    }

    /// With its sides exchanged.
    fn flip(self) -> Op {
        match self {
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            same @ (Op::Eq | Op::Ne) => same,
        }
    }

    /// Whether it holds for sides in this order.
    #[inline]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Op::Eq => order.is_eq(),
            Op::Ne => order.is_ne(),
            Op::Lt => order.is_lt(),
            Op::Le => order.is_le(),
            Op::Gt => order.is_gt(),
            Op::Ge => order.is_ge(),
        }
    }
}

/// a op b; None if the families cannot be compared.
pub(crate) fn compare(op: Op, a: &Value, b: &Value, rows: usize) -> Option<Bools> {
    let micros = |days: &Column<i32>| days.map(|d| i64::from(d) * DAY_US);
    Some(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Bools::unknown(rows),
        (Value::Bool(a), _) => return compare(op, &Value::Int(a.to_int()), b, rows),
        (_, Value::Bool(b)) => return compare(op, a, &Value::Int(b.to_int()), rows),
        (Value::Int(a), Value::Int(b)) => ordered(op, a, b, rows),
        (Value::UInt(a), Value::UInt(b)) => ordered(op, a, b, rows),
        (Value::Int(a), Value::UInt(b)) => ordered(op, &a.map(i128::from), &b.map(i128::from), rows),
        (Value::UInt(a), Value::Int(b)) => ordered(op, &a.map(i128::from), &b.map(i128::from), rows),
        (Value::Date(a), Value::Date(b)) => ordered(op, a, b, rows),
        (Value::Date(a), Value::DateTime(b)) => ordered(op, &micros(a), b, rows),
        (Value::DateTime(a), Value::Date(b)) => ordered(op, a, &micros(b), rows),
        (Value::DateTime(a), Value::DateTime(b)) | (Value::Time(a), Value::Time(b)) => {
            ordered(op, a, b, rows)
        }
        (Value::String(a), Value::String(b)) => strings(op, a, b, rows),
        (Value::Bytes(a), Value::Bytes(b)) => binaries(op, a, b, rows),
        (Value::Decimal(a), Value::Decimal(b)) => decimals(op, a, b, rows),
        _ => match (a.to_decimal(), b.to_decimal()) {
            (Some(a), Some(b)) => decimals(op, &a, &b, rows),
            _ => ordered(op, &a.to_double()?, &b.to_double()?, rows),
        },
    })
}

/// a <=> b: never NULL.
pub(crate) fn null_eq(a: &Value, b: &Value, rows: usize) -> Option<Bools> {
    let equal = compare(Op::Eq, a, b, rows)?;
    let both_null = &!&a.valid(rows) & &!&b.valid(rows);
    Some(Bools { bits: &equal.bits | &both_null, nulls: None })
}

fn ordered<T: ArrowNativeType + PartialOrd>(op: Op, a: &Column<T>, b: &Column<T>, rows: usize) -> Bools {
    match op {
        Op::Eq => zip_test(a, b, rows, |x, y| x == y),
        Op::Ne => zip_test(a, b, rows, |x, y| x != y),
        Op::Lt => zip_test(a, b, rows, |x, y| x < y),
        Op::Le => zip_test(a, b, rows, |x, y| x <= y),
        Op::Gt => zip_test(a, b, rows, |x, y| x > y),
        Op::Ge => zip_test(a, b, rows, |x, y| x >= y),
    }
}

fn decimals(op: Op, a: &Decimals, b: &Decimals, rows: usize) -> Bools {
    if a.scale() == b.scale() {
        return decimal::same_width(a, b, |a, b| ordered(op, a, b, rows), |a, b| ordered(op, a, b, rows));
    }
    if let (Decimals::Narrow(column), Some(limit)) = (a, constant(b)) {
        return with_constant(op, &column.column, column.scale, limit, b.scale(), rows);
    }
    if let (Some(limit), Decimals::Narrow(column)) = (constant(a), b) {
        return with_constant(op.flip(), &column.column, column.scale, limit, a.scale(), rows);
    }
    match Decimals::aligned(a, b) {
        Ok((a, b)) => {
            decimal::same_width(&a, &b, |a, b| ordered(op, a, b, rows), |a, b| ordered(op, a, b, rows))
        }
        Err(Overflow) => {
            let datum = |d: &Decimals, row| Datum::Decimal { value: d.value(row), scale: d.scale() };
            let bits = bits::of_rows(rows, |row| op.holds(datum(a, row).compare(&datum(b, row))));
            Bools::new(bits, arrow::buffer::NullBuffer::union(a.nulls(), b.nulls()))
        }
    }
}

fn constant(d: &Decimals) -> Option<i128> {
    match d {
        Decimals::Narrow(n) => match (&n.column.values, &n.column.nulls) {
            (Values::One(v), None) => Some(i128::from(*v)),
            _ => None,
        },
        Decimals::Wide(w) => match (&w.column.values, &w.column.nulls) {
            (Values::One(v), None) => Some(*v),
            _ => None,
        },
    }
}

/// A column against a constant of another scale, without touching the column: the constant is brought to the column's
/// scale, and where that loses digits the comparison is with what lies just below it.
fn with_constant(
    op: Op,
    column: &Column<i64>,
    scale: u8,
    limit: i128,
    limit_scale: u8,
    rows: usize,
) -> Bools {
    let everywhere = |bit: bool| Bools::new(uniform(bit, rows), column.nulls.clone());
    let (below, exact) = if limit_scale > scale {
        match decimal::power(limit_scale - scale) {
            Some(by) => (limit.div_euclid(by), limit.rem_euclid(by) == 0),
            None => (if limit < 0 { -1 } else { 0 }, limit == 0),
        }
    } else {
        match decimal::power(scale - limit_scale).and_then(|by| limit.checked_mul(by)) {
            Some(v) => (v, true),
            None => (if limit < 0 { i128::MIN } else { i128::MAX }, true),
        }
    };
    let op = match (exact, op) {
        (true, op) => op,
        (false, Op::Eq) => return everywhere(false),
        (false, Op::Ne) => return everywhere(true),
        (false, Op::Lt | Op::Le) => Op::Le,
        (false, Op::Gt | Op::Ge) => Op::Gt,
    };
    match i64::try_from(below) {
        Ok(limit) => ordered(op, column, &Column::one(limit), rows),
        // No value reaches the constant: all are below it, or all above.
        Err(_) => everywhere(op.holds(if below > 0 { Ordering::Less } else { Ordering::Greater })),
    }
}

fn strings(op: Op, a: &Strings, b: &Strings, rows: usize) -> Bools {
    match (a.plain(), b.plain()) {
        (Strings::One(a), Strings::One(b)) => Bools::uniform(op.holds(text_order(&a, &b)), rows),
        (Strings::Views(a), Strings::One(b)) => with_text(op, &a, b.as_bytes()),
        (Strings::One(a), Strings::Views(b)) => with_text(op.flip(), &b, a.as_bytes()),
        (Strings::Views(a), Strings::Views(b)) => views(op, &a, &b, true),
        // `plain` leaves no codes.
        (Strings::Codes(_), _) | (_, Strings::Codes(_)) => Bools::unknown(rows),
    }
}

fn binaries(op: Op, a: &Binary, b: &Binary, rows: usize) -> Bools {
    match (a, b) {
        (Binary::One(a), Binary::One(b)) => Bools::uniform(op.holds(a.cmp(b)), rows),
        (Binary::Views(a), Binary::One(b)) => with_bytes(op, a, b),
        (Binary::One(a), Binary::Views(b)) => with_bytes(op.flip(), b, a),
        (Binary::Views(a), Binary::Views(b)) => views(op, a, b, false),
    }
}

/// How two texts compare: blanks at their ends do not count.
pub(crate) fn text_order(a: &str, b: &str) -> Ordering {
    unpadded(a.as_bytes()).cmp(unpadded(b.as_bytes()))
}

/// Texts against one. A text that is the other one and blanks besides is longer and begins alike; views say so, and what they do
/// not rule out is looked at.
fn with_text(op: Op, a: &StringViewArray, b: &[u8]) -> Bools {
    let b = unpadded(b);
    let value = |row: usize| a.value(row).as_bytes();
    if !matches!(op, Op::Eq | Op::Ne) {
        let bits = bits::of_rows(a.len(), |row| op.holds(unpadded(value(row)).cmp(b)));
        return Bools::new(bits, a.nulls().cloned());
    }
    let mut equal = with_bytes(Op::Eq, a, b).bits;
    let (length, mut head) = (b.len() as u32, *b"    ");
    head.iter_mut().zip(b).for_each(|(head, byte)| *head = *byte);
    let head = u32::from_le_bytes(head);
    let may_be = bits::of_one(a.views(), |view| {
        let (own, begins) = (view as u32, (view >> 32) as u32);
        (own > length) & ((begins == head) | (own < HEAD))
    });
    if may_be.count_set_bits() > 0 {
        let padded = bits::of_rows(a.len(), |row| may_be.value(row) && unpadded(value(row)) == b);
        equal = &equal | &padded;
    }
    Bools::new(if op == Op::Eq { equal } else { !&equal }, a.nulls().cloned())
}

/// Views hold a string of up to twelve bytes, or its length and first four bytes: equality mostly needs no more.
const INLINE: usize = 12;
/// Those first bytes.
const HEAD: u32 = 4;

fn with_bytes<T: ByteViewType>(op: Op, a: &GenericByteViewArray<T>, b: &[u8]) -> Bools {
    let value = |row: usize| AsRef::<[u8]>::as_ref(a.value(row));
    let nulls = a.nulls().cloned();
    let want = make_view(b, 0, 0);
    let equal = match op {
        Op::Eq | Op::Ne if b.len() <= INLINE => bits::of_one(a.views(), |v| v == want),
        Op::Eq | Op::Ne => {
            let views = a.views();
            bits::of_rows(a.len(), |row| views[row] as u64 == want as u64 && value(row) == b)
        }
        _ => return Bools::new(bits::of_rows(a.len(), |row| op.holds(value(row).cmp(b))), nulls),
    };
    Bools::new(if op == Op::Eq { equal } else { !&equal }, nulls)
}

/// `padded`: blanks at the end do not count. Strings of one length are equal only if they are the same all the same, and others
/// only if they begin alike.
fn views<T: ByteViewType>(
    op: Op,
    a: &GenericByteViewArray<T>,
    b: &GenericByteViewArray<T>,
    padded: bool,
) -> Bools {
    let rows = a.len();
    fn bytes<T: ByteViewType>(array: &GenericByteViewArray<T>, row: usize) -> &[u8] {
        array.value(row).as_ref()
    }
    let bits = match op {
        Op::Eq | Op::Ne => {
            let (x, y) = (a.views(), b.views());
            bits::of_rows(rows, |row| {
                let (x, y) = (x[row], y[row]);
                let equal = if x as u32 == y as u32 {
                    x as u64 == y as u64
                        && (x == y && x as u32 as usize <= INLINE || bytes(a, row) == bytes(b, row))
                } else {
                    let short = (x as u32).min(y as u32) < HEAD;
                    padded
                        && (short || (x >> 32) as u32 == (y >> 32) as u32)
                        && unpadded(bytes(a, row)) == unpadded(bytes(b, row))
                };
                equal == (op == Op::Eq)
            })
        }
        _ if padded => {
            bits::of_rows(rows, |row| op.holds(unpadded(bytes(a, row)).cmp(unpadded(bytes(b, row)))))
        }
        _ => bits::of_rows(rows, |row| op.holds(bytes(a, row).cmp(bytes(b, row)))),
    };
    Bools::new(bits, arrow::buffer::NullBuffer::union(a.nulls(), b.nulls()))
}

/// How row `row` of two values of one family compare; None if either is NULL.
pub(crate) fn order_at(a: &Value, b: &Value, row: usize) -> Option<Ordering> {
    if a.is_null(row) || b.is_null(row) {
        return None;
    }
    Some(match (a, b) {
        (Value::String(a), Value::String(b)) => text_order(a.value(row), b.value(row)),
        (Value::Bytes(a), Value::Bytes(b)) => a.value(row).cmp(b.value(row)),
        _ => datum_at(a, row).compare(&datum_at(b, row)),
    })
}

/// One value as a datum; for the slow and general ways.
pub(crate) fn datum_at(value: &Value, row: usize) -> Datum {
    if value.is_null(row) {
        return Datum::Null;
    }
    match value {
        Value::Null => Datum::Null,
        Value::Bool(v) => Datum::Int(i64::from(v.bits.value(row))),
        Value::Int(v) => Datum::Int(v.value(row)),
        Value::UInt(v) => Datum::UInt(v.value(row)),
        Value::Double(v) => Datum::Double(v.value(row)),
        Value::Decimal(v) => Datum::Decimal { value: v.value(row), scale: v.scale() },
        Value::Date(v) => Datum::Date(v.value(row)),
        Value::DateTime(v) => Datum::DateTime(v.value(row)),
        Value::Time(v) => Datum::Time(v.value(row)),
        Value::String(v) => Datum::string(v.value(row)),
        Value::Bytes(v) => Datum::Bytes(v.value(row).into()),
    }
}

/// The constants of an IN list, made ready.
#[derive(Debug)]
pub(crate) struct InSet {
    members: Members,
    /// Whether NULL is among them: then no row is FALSE.
    null: bool,
}

/// What to look for, in the form in which the column is held.
#[derive(Debug)]
enum Members {
    /// Exact numbers, dates and times; decimals with the scale of the column.
    Words {
        list: Vec<i64>,
        set: HashSet<i64>,
    },
    /// Exact numbers of which some exceed 64 bits.
    Wide(HashSet<i128>),
    Doubles(Vec<f64>),
    Strings(HashSet<Box<[u8]>>),
}

/// Up to this many members are compared one after another, all rows at a time.
const LINEAR_MAX: usize = 8;

impl InSet {
    /// From constants of one family that a column of type `sql` is looked up in. None if a member has no exact counterpart
    /// in that type's form, so that members must be compared one by one.
    pub fn new(sql: &SqlType, members: &[Datum]) -> Option<InSet> {
        let null = members.iter().any(Datum::is_null);
        let mut wide = Vec::new();
        let mut doubles = Vec::new();
        let mut strings = HashSet::new();
        for member in members {
            match (sql, member) {
                (_, Datum::Null) => {}
                (SqlType::Int { unsigned: false, .. } | SqlType::Year, Datum::Int(v)) => {
                    wide.push(i128::from(*v))
                }
                (SqlType::Int { unsigned: false, .. } | SqlType::Year, Datum::UInt(v)) => {
                    wide.push(i128::from(*v))
                }
                (SqlType::Int { unsigned: true, .. }, Datum::Int(v)) => wide.push(i128::from(*v)),
                (
                    SqlType::Int { unsigned: true, .. }
                    | SqlType::Enum(_)
                    | SqlType::Set(_)
                    | SqlType::Bit(_),
                    Datum::UInt(v),
                ) => wide.push(i128::from(*v)),
                (SqlType::Decimal { scale, .. }, Datum::Decimal { value, scale: from }) => {
                    wide.extend(exact(*value, *from, *scale));
                }
                (SqlType::Decimal { scale, .. }, Datum::Int(v)) => {
                    wide.extend(exact(i128::from(*v), 0, *scale))
                }
                (SqlType::Float | SqlType::Double, v) => doubles.push(v.as_f64()?),
                (SqlType::Date, Datum::Date(v)) => wide.push(i128::from(*v)),
                (SqlType::DateTime(_) | SqlType::Timestamp(_), Datum::DateTime(v)) => {
                    wide.push(i128::from(*v))
                }
                (SqlType::DateTime(_) | SqlType::Timestamp(_), Datum::Date(v)) => {
                    wide.push(i128::from(*v) * i128::from(DAY_US));
                }
                (SqlType::Time(_), Datum::Time(v)) => wide.push(i128::from(*v)),
                (sql, Datum::String(s)) if sql.is_string() => {
                    strings.insert(unpadded(s.as_bytes()).into());
                }
                (sql, Datum::Bytes(b)) if sql.is_binary() => {
                    strings.insert((**b).into());
                }
                _ => return None,
            }
        }
        let members = if sql.is_string() || sql.is_binary() {
            Members::Strings(strings)
        } else if !doubles.is_empty() {
            Members::Doubles(doubles)
        } else {
            match wide.iter().map(|v| i64::try_from(*v)).collect::<Result<Vec<i64>, _>>() {
                Ok(list) => {
                    let set: HashSet<i64> = list.iter().copied().collect();
                    Members::Words { list: set.iter().copied().collect(), set }
                }
                Err(_) => Members::Wide(wide.into_iter().collect()),
            }
        };
        Some(InSet { members, null })
    }

    /// Which rows are among the members; None if the value has not the form that was expected.
    pub fn contains(&self, value: &Value, rows: usize) -> Option<Bools> {
        let found = match (value, &self.members) {
            (Value::Null, _) => return Some(Bools::unknown(rows)),
            (Value::Bool(v), members) => words(&v.to_int(), members, rows)?,
            (Value::Int(v) | Value::DateTime(v) | Value::Time(v), members) => words(v, members, rows)?,
            (Value::Date(v), members) => words(&v.map(i64::from), members, rows)?,
            (Value::UInt(v), Members::Words { list, set }) => {
                // Members beyond the signed range are held wide, so what does not convert is not among these.
                let has = |x: u64| i64::try_from(x).is_ok_and(|x| set.contains(&x));
                let few = list.len() <= LINEAR_MAX;
                v.test(rows, |x| if few { list.iter().any(|m| *m >= 0 && *m as u64 == x) } else { has(x) })
            }
            (Value::UInt(v), Members::Wide(set)) => v.test(rows, |x| set.contains(&i128::from(x))),
            (Value::Decimal(Decimals::Narrow(v)), members) => words(&v.column, members, rows)?,
            (Value::Decimal(Decimals::Wide(v)), Members::Words { set, .. }) => {
                v.column.test(rows, |x| i64::try_from(x).is_ok_and(|x| set.contains(&x)))
            }
            (Value::Decimal(Decimals::Wide(v)), Members::Wide(set)) => {
                v.column.test(rows, |x| set.contains(&x))
            }
            (Value::Double(v), Members::Doubles(list)) => v.test(rows, |x| list.contains(&x)),
            (Value::Double(v), Members::Words { list, .. }) if list.is_empty() => v.test(rows, |_| false),
            (Value::String(v), Members::Strings(set)) => match v.plain() {
                Strings::Views(views) if set.len() <= LINEAR_MAX => few_views(&views, set),
                plain => plain.test(rows, |s| set.contains(unpadded(s.as_bytes()))),
            },
            (Value::Bytes(v), Members::Strings(set)) => {
                Bools::new(bits::of_rows(rows, |row| set.contains(v.value(row))), v.nulls().cloned())
            }
            _ => return None,
        };
        if !self.null {
            return Some(found);
        }
        // Not found among members of which one is NULL: unknown.
        let valid = arrow::buffer::NullBuffer::new(found.bits.clone());
        Some(Bools::new(found.bits, Some(valid)))
    }
}

/// `v` with another scale, if nothing is lost.
fn exact(v: i128, from: u8, to: u8) -> Option<i128> {
    let rescaled = decimal::rescale(v, from, to)?;
    (decimal::rescale(rescaled, to, from) == Some(v)).then_some(rescaled)
}

fn words(column: &Column<i64>, members: &Members, rows: usize) -> Option<Bools> {
    Some(match members {
        Members::Words { list, .. } if list.len() <= LINEAR_MAX => {
            // Every row meets every member: no branch, so the loop is vectorised.
            column.test(rows, |x| list.iter().fold(false, |found, m| found | (*m == x)))
        }
        Members::Words { set, .. } => column.test(rows, |x| set.contains(&x)),
        Members::Wide(set) => column.test(rows, |x| set.contains(&i128::from(x))),
        Members::Doubles(_) | Members::Strings(_) => return None,
    })
}

fn few_views(views: &StringViewArray, set: &HashSet<Box<[u8]>>) -> Bools {
    let mut found = uniform(false, views.len());
    for member in set {
        found = &found | &with_text(Op::Eq, views, member).bits;
    }
    Bools::new(found, views.nulls().cloned())
}
