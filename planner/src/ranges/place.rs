//! Where a constant lies among the values that a column can hold.

use allod_storage::schema::{Datum, IntWidth, SqlType};

use crate::column::ColumnId;
use crate::expr::types::{decimal_digits, type_digits};
use crate::expr::{Expr, Function};

const DAY_US: i64 = 86_400_000_000;
/// Whole numbers up to this are doubles of their own.
const EXACT_DOUBLE: f64 = 9_007_199_254_740_992.0;

/// A constant among the values of a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// It is one of them.
    At(Datum),
    /// It lies between these two neighbours; `None` = below or above all of them.
    Between(Option<Datum>, Option<Datum>),
}

/// The column that a comparison is about: bare, or under a conversion that keeps order and tells all values apart.
pub(crate) fn subject(e: &Expr) -> Option<ColumnId> {
    match e {
        Expr::Column { id, .. } => Some(*id),
        Expr::Call { function: Function::Cast, args, ty } => match args.as_slice() {
            [Expr::Column { id, ty: from }] => keeps_order(&from.sql, &ty.sql).then_some(*id),
            _ => None,
        },
        Expr::Call { .. } | Expr::Constant { .. } => None,
    }
}

fn keeps_order(from: &SqlType, to: &SqlType) -> bool {
    match (from, to) {
        (
            SqlType::Int { .. } | SqlType::Year | SqlType::Bit(_) | SqlType::Decimal { .. },
            SqlType::Decimal { precision, scale },
        ) => {
            let (whole, fraction) = type_digits(from);
            fraction <= u32::from(*scale) && whole <= u32::from(*precision - *scale)
        }
        (
            SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_),
            SqlType::Int { unsigned: true, width: IntWidth::Big },
        ) => true,
        (SqlType::Int { width, .. }, SqlType::Double) => *width < IntWidth::Big,
        (SqlType::Year | SqlType::Float, SqlType::Double) => true,
        (SqlType::Int { width: a, unsigned: x }, SqlType::Int { width: b, unsigned: y }) => x == y && a <= b,
        (SqlType::Date, SqlType::DateTime(_) | SqlType::Timestamp(_)) => true,
        (SqlType::DateTime(a) | SqlType::Timestamp(a), SqlType::DateTime(b) | SqlType::Timestamp(b)) => {
            a <= b
        }
        _ => false,
    }
}

/// The place of a constant that is not NULL; `None` if it is of a family that the column is not compared with exactly.
pub(super) fn place(value: &Datum, sql: &SqlType) -> Option<Place> {
    match sql {
        SqlType::Int { unsigned: false, .. } | SqlType::Year => {
            let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
            whole(value, least, most, |v| Datum::Int(v as i64))
        }
        SqlType::Enum(_) | SqlType::Set(_) => match value {
            Datum::String(text) => sql.number_printed(text).map(|number| Place::At(Datum::UInt(number))),
            _ => whole(value, 0, i128::from(u64::MAX), |v| Datum::UInt(v as u64)),
        },
        SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) => {
            whole(value, 0, i128::from(u64::MAX), |v| Datum::UInt(v as u64))
        }
        SqlType::Decimal { precision, scale } => decimal(value, *precision, *scale),
        SqlType::Float | SqlType::Double => match value {
            Datum::Double(v) if !v.is_nan() => Some(Place::At(value.clone())),
            _ => None,
        },
        SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => {
            matches!(value, Datum::String(_)).then(|| Place::At(value.clone()))
        }
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => {
            matches!(value, Datum::Bytes(_)).then(|| Place::At(value.clone()))
        }
        SqlType::Date => match value {
            Datum::Date(_) => Some(Place::At(value.clone())),
            Datum::DateTime(us) => {
                let day = i32::try_from(us.div_euclid(DAY_US)).ok()?;
                Some(if us.rem_euclid(DAY_US) == 0 {
                    Place::At(Datum::Date(day))
                } else {
                    Place::Between(Some(Datum::Date(day)), Some(Datum::Date(day.checked_add(1)?)))
                })
            }
            _ => None,
        },
        SqlType::DateTime(_) | SqlType::Timestamp(_) => match value {
            Datum::DateTime(_) => Some(Place::At(value.clone())),
            Datum::Date(days) => Some(Place::At(Datum::DateTime(i64::from(*days).checked_mul(DAY_US)?))),
            _ => None,
        },
        SqlType::Time(_) => matches!(value, Datum::Time(_)).then(|| Place::At(value.clone())),
        // No key holds documents.
        SqlType::Json | SqlType::Null => None,
    }
}

/// A constant as the column would hold it; `None` if it cannot hold exactly that value.
pub(crate) fn as_column_value(value: &Datum, sql: &SqlType) -> Option<Datum> {
    match place(value, sql)? {
        Place::At(value) => Some(value),
        Place::Between(..) => None,
    }
}

fn whole(value: &Datum, least: i128, most: i128, datum: impl Fn(i128) -> Datum) -> Option<Place> {
    let (floor, exact) = match value {
        Datum::Int(v) => (i128::from(*v), true),
        Datum::UInt(v) => (i128::from(*v), true),
        Datum::Decimal { value, scale } => floor(*value, *scale, 0)?,
        Datum::Double(v) if v.abs() < EXACT_DOUBLE => (v.floor() as i128, v.fract() == 0.0),
        _ => return None,
    };
    Some(among(floor, exact, least, most, datum))
}

fn decimal(value: &Datum, precision: u8, scale: u8) -> Option<Place> {
    let (floor, exact) = match value {
        Datum::Int(v) => floor(i128::from(*v), 0, scale)?,
        Datum::UInt(v) => floor(i128::from(*v), 0, scale)?,
        Datum::Decimal { value, scale: from } => floor(*value, *from, scale)?,
        _ => return None,
    };
    let most = 10i128.checked_pow(u32::from(precision)).map_or(i128::MAX, |limit| limit - 1);
    debug_assert!(decimal_digits(most.unsigned_abs()) <= 39);
    Some(among(floor, exact, -most, most, |value| Datum::Decimal { value, scale }))
}

/// The largest multiple of 10^-to that is not above value x 10^-from, and whether it is equal.
fn floor(value: i128, from: u8, to: u8) -> Option<(i128, bool)> {
    if to >= from {
        return Some((value.checked_mul(10i128.checked_pow(u32::from(to - from))?)?, true));
    }
    let unit = 10i128.checked_pow(u32::from(from - to))?;
    Some((value.div_euclid(unit), value.rem_euclid(unit) == 0))
}

fn among(floor: i128, exact: bool, least: i128, most: i128, datum: impl Fn(i128) -> Datum) -> Place {
    if exact && (least..=most).contains(&floor) {
        return Place::At(datum(floor));
    }
    let ceiling = if exact { floor } else { floor.saturating_add(1) };
    Place::Between(
        (floor >= least).then(|| datum(floor.min(most))),
        (ceiling <= most).then(|| datum(ceiling.max(least))),
    )
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::Members;

    use super::*;

    #[test]
    fn constants_that_a_column_cannot_hold_lie_between_those_it_can() {
        let dec = |value, scale| Datum::Decimal { value, scale };
        let int = |v| Some(Datum::Int(v));
        assert_eq!(place(&dec(25, 1), &SqlType::BIGINT), Some(Place::Between(int(2), int(3))));
        assert_eq!(place(&dec(-25, 1), &SqlType::BIGINT), Some(Place::Between(int(-3), int(-2))));
        assert_eq!(place(&dec(20, 1), &SqlType::BIGINT), Some(Place::At(Datum::Int(2))));
        let huge = Datum::UInt(u64::MAX);
        assert_eq!(place(&huge, &SqlType::BIGINT), Some(Place::Between(int(i64::MAX), None)));
        let unsigned = SqlType::BIGINT_UNSIGNED;
        assert_eq!(place(&Datum::Int(-1), &unsigned), Some(Place::Between(None, Some(Datum::UInt(0)))));
        assert_eq!(place(&dec(-5, 1), &unsigned), Some(Place::Between(None, Some(Datum::UInt(0)))));
        let narrow = SqlType::Decimal { precision: 4, scale: 2 };
        assert_eq!(place(&Datum::Int(100), &narrow), Some(Place::Between(Some(dec(9999, 2)), None)));
        assert_eq!(
            place(&dec(12345, 3), &narrow),
            Some(Place::Between(Some(dec(1234, 2)), Some(dec(1235, 2))))
        );
        let noon = Datum::DateTime(DAY_US / 2);
        let days = Place::Between(Some(Datum::Date(0)), Some(Datum::Date(1)));
        assert_eq!(place(&noon, &SqlType::Date), Some(days));
        assert_eq!(place(&Datum::string("5"), &SqlType::BIGINT), None);
        let members = SqlType::Enum(Members::new(["a", "b"]));
        assert_eq!(place(&Datum::string("b"), &members), Some(Place::At(Datum::UInt(2))));
        assert_eq!(place(&Datum::string("2"), &members), None);
        assert_eq!(place(&Datum::string("b "), &members), Some(Place::At(Datum::UInt(2))));
        assert_eq!(place(&Datum::Double(f64::NAN), &SqlType::Double), None);
        let ten = SqlType::Decimal { precision: 10, scale: 2 };
        assert_eq!(as_column_value(&dec(25, 1), &ten), Some(dec(250, 2)));
    }
}
