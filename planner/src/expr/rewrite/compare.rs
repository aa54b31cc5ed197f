//! Comparison: the two sides are brought to one family, so that a column stays bare where it can.

use allod_storage::schema::{Datum, SqlType, ZERO_DATETIME};

use super::time::datetime;
use super::{Rewriter, constant_as, family};
use crate::error::Error;
use crate::expr::collate::{self, Strength};
use crate::expr::types::{self, BOTH_INTEGERS, Family};
use crate::expr::{Expr, Function, calendar, fold};

impl Rewriter {
    /// `a op b` for =, <>, <, <=, >, >=, <=>.
    pub fn compare(&mut self, function: Function, a: Expr, b: Expr) -> Result<Expr, Error> {
        let (a, b) = match function {
            Function::Eq | Function::Ne | Function::NullEq => self.equatable(a, b)?,
            _ => self.comparable(a, b)?,
        };
        let nullable = function != Function::NullEq && (a.ty().nullable || b.ty().nullable);
        Ok(self.call(function, vec![a, b], SqlType::BOOL, nullable))
    }

    /// Brings two operands of which it is asked whether they are equal to one family. Members are then compared by number
    /// where that is the same: with others of the same definition, and with the text of a member.
    fn equatable(&mut self, a: Expr, b: Expr) -> Result<(Expr, Expr), Error> {
        if let Some(b) = member(&a, &b) {
            return Ok((a, b));
        }
        if let Some(a) = member(&b, &a) {
            return Ok((a, b));
        }
        self.comparable(a, b)
    }

    /// Brings two operands of a comparison to one family.
    pub fn comparable(&mut self, a: Expr, b: Expr) -> Result<(Expr, Expr), Error> {
        let (a, b) = (unfilled(a), unfilled(b));
        let b = beside_year(&a, b);
        let a = beside_year(&b, a);
        let (fa, fb) = (family(&a), family(&b));
        if fa == Family::Json || fb == Family::Json {
            return Ok(self.json_comparable(a, b));
        }
        if fa == fb && fa == Family::String {
            return self.compared_texts(a, b);
        }
        if fa == fb && !matches!(fa, Family::Null | Family::Choice) {
            return Ok((a, b));
        }
        // Bytes that were written as such are no number to a string.
        let written = |e: &Expr| matches!(e, Expr::Constant { ty, .. } if matches!(ty.sql, SqlType::Bit(_)));
        if written(&a) && fb == Family::String || written(&b) && fa == Family::String {
            let texts = self.beside_texts(vec![a.clone(), b.clone()])?;
            if let [a, b] = texts.as_slice()
                && family(a) == Family::String
                && family(b) == Family::String
            {
                return self.compared_texts(a.clone(), b.clone());
            }
        }
        if written(&a) && fb.is_text() {
            let a = self.text(a);
            return self.comparable(a, b);
        }
        if written(&b) && fa.is_text() {
            let b = self.text(b);
            return self.comparable(a, b);
        }
        Ok(match (fa, fb) {
            // Members have their order where they are sorted; compared, they are text, or numbers with numbers.
            (Family::Choice, _) if fb != Family::Null => {
                let a = self
                    .read_as(a, &if fb.is_number() { SqlType::BIGINT_UNSIGNED } else { types::string(0) });
                return self.comparable(a, b);
            }
            (_, Family::Choice) if fa != Family::Null => {
                let b = self
                    .read_as(b, &if fa.is_number() { SqlType::BIGINT_UNSIGNED } else { types::string(0) });
                return self.comparable(a, b);
            }
            (Family::Null, Family::Null) => (self.cast(a, &SqlType::BIGINT), self.cast(b, &SqlType::BIGINT)),
            (Family::Null, _) => {
                let ty = b.ty().sql.clone();
                (self.cast(a, &ty), b)
            }
            (_, Family::Null) => {
                let ty = a.ty().sql.clone();
                (a, self.cast(b, &ty))
            }
            _ if fa.is_number() && fb.is_number() => self.numbers(a, b),
            (Family::String, Family::Binary) => {
                let ty = SqlType::VarBinary(types::text_length(&a.ty().sql).saturating_mul(4));
                (self.cast(a, &ty), b)
            }
            (Family::Binary, Family::String) => self.comparable(b, a).map(|(b, a)| (a, b))?,
            _ if fa.is_temporal() && fb.is_temporal() => self.moments(a, b),
            _ if fa.is_temporal() => self.temporal_and_other(a, b),
            _ if fb.is_temporal() => {
                let (b, a) = self.temporal_and_other(b, a);
                (a, b)
            }
            // A string and a number.
            _ if fa.is_number() => self.number_and_text(a, b),
            _ => {
                let (b, a) = self.number_and_text(b, a);
                (a, b)
            }
        })
    }

    /// Numbers of different families.
    fn numbers(&mut self, a: Expr, b: Expr) -> (Expr, Expr) {
        // A constant takes the family of the other side if it can, so that a column stays bare.
        if let Some(b) = constant_as(&b, &a.ty().sql) {
            return (a, b);
        }
        if let Some(a) = constant_as(&a, &b.ty().sql) {
            return (a, b);
        }
        match (family(&a), family(&b)) {
            (Family::Double, _) | (_, Family::Double) => {
                (self.cast(a, &SqlType::Double), self.cast(b, &SqlType::Double))
            }
            (Family::Decimal, _) => {
                let b = self.exact(b);
                (a, b)
            }
            (_, Family::Decimal) => {
                let a = self.exact(a);
                (a, b)
            }
            _ => (self.cast(a, &BOTH_INTEGERS), self.cast(b, &BOTH_INTEGERS)),
        }
    }

    /// An exact number as a decimal of its own digits.
    pub(super) fn exact(&mut self, expr: Expr) -> Expr {
        if family(&expr) == Family::Decimal {
            return expr;
        }
        let (whole, scale) = types::digits(&expr);
        self.cast(expr, &types::decimal(whole + scale, scale))
    }

    fn number_and_text(&mut self, number: Expr, text: Expr) -> (Expr, Expr) {
        if matches!(family(&number), Family::Int | Family::UInt)
            && let Some(Datum::String(s)) = fold::constant(&text)
            && s.parse::<i64>().is_ok()
            && let Some(text) = constant_as(&text, &number.ty().sql)
        {
            return (number, text);
        }
        (self.cast(number, &SqlType::Double), self.cast(text, &SqlType::Double))
    }

    /// Temporal values of different families: as DATETIME.
    fn moments(&mut self, a: Expr, b: Expr) -> (Expr, Expr) {
        // A constant midnight compares with dates as a date.
        let midnight = |e: &Expr| match fold::constant(e) {
            Some(Datum::DateTime(us)) if us.rem_euclid(calendar::DAY_US) == 0 => {
                Some(Expr::constant(Datum::Date(us.div_euclid(calendar::DAY_US) as i32), SqlType::Date))
            }
            _ => None,
        };
        if family(&a) == Family::Date
            && let Some(b) = midnight(&b)
        {
            return (a, b);
        }
        if family(&b) == Family::Date
            && let Some(a) = midnight(&a)
        {
            return (a, b);
        }
        let ty = SqlType::DateTime(6);
        (self.cast(a, &ty), self.cast(b, &ty))
    }

    /// A temporal value against a string or a number: a constant is read as a date or time once, here. What is none is for
    /// the kernel, which says so; the comparison then is with NULL, as in TiDB.
    fn temporal_and_other(&mut self, temporal: Expr, other: Expr) -> (Expr, Expr) {
        let is_time = family(&temporal) == Family::Time;
        let read = match fold::constant(&other) {
            Some(Datum::String(s)) if is_time => {
                calendar::parse_time(s).map(|us| Expr::constant(Datum::Time(us), SqlType::Time(6)))
            }
            Some(Datum::String(s)) => {
                let none = || calendar::is_zero_date(s).then_some((ZERO_DATETIME, true));
                let moment = calendar::parse_datetime(s).or_else(none);
                moment.map(|(us, _)| datetime(us))
            }
            Some(Datum::Int(v)) if !is_time => calendar::number_to_datetime(*v).map(|(us, _)| datetime(us)),
            _ => None,
        };
        if let Some(read) = read {
            return match family(&temporal) == family(&read) {
                true => (temporal, read),
                false => self.moments(temporal, read),
            };
        }
        // A year by itself is no day of it, and before all of them.
        if other.ty().sql == SqlType::Year && !is_time {
            let places = if family(&temporal) == Family::Date { 10_000 } else { 10_000_000_000 };
            let number = self.number(temporal);
            let factor = Expr::constant(Datum::Int(places), SqlType::BIGINT);
            let year = self.arithmetic(Function::Mul, other, factor);
            return self.numbers(number, year);
        }
        if family(&other).is_number() {
            return (self.cast(temporal, &SqlType::Double), self.cast(other, &SqlType::Double));
        }
        let ty = if is_time { SqlType::Time(6) } else { SqlType::DateTime(6) };
        (self.cast(temporal, &ty), self.cast(other, &ty))
    }

    /// `expr IN (list)`.
    pub fn in_list(&mut self, expr: Expr, list: Vec<Expr>) -> Result<Expr, Error> {
        let mut pairs = Vec::with_capacity(list.len());
        let expr = self.listed_text(expr, &list)?;
        for item in list {
            pairs.push(self.equatable(expr.clone(), item)?);
        }
        let one_family = pairs.windows(2).all(|w| w[0].0 == w[1].0);
        match (one_family, pairs.len()) {
            (true, 2..) => {
                let nullable = pairs.iter().any(|(a, b)| a.ty().nullable || b.ty().nullable);
                let mut args = vec![pairs[0].0.clone()];
                args.extend(pairs.into_iter().map(|(_, item)| item));
                Ok(self.call(Function::In, args, SqlType::BOOL, nullable))
            }
            _ => {
                let mut equalities = Vec::with_capacity(pairs.len());
                for (a, b) in pairs {
                    let nullable = a.ty().nullable || b.ty().nullable;
                    equalities.push(self.call(Function::Eq, vec![a, b], SqlType::BOOL, nullable));
                }
                Ok(self.any_of(equalities))
            }
        }
    }

    /// A text that is compared with all of a list by one collation: the one that any of them has by COLLATE.
    fn listed_text(&mut self, expr: Expr, list: &[Expr]) -> Result<Expr, Error> {
        let texts = || std::iter::once(&expr).chain(list);
        if list.len() < 2 || texts().any(|e| !matches!(family(e), Family::String | Family::Null)) {
            return Ok(expr);
        }
        match collate::mixed(texts().filter(|e| family(e) == Family::String)) {
            Some((of, None)) if of.strength == Strength::Explicit => self.collate(expr, of.collation),
            _ => Ok(expr),
        }
    }

    /// `expr [NOT] BETWEEN low AND high`.
    pub fn between(&mut self, expr: Expr, low: Expr, high: Expr, negated: bool) -> Result<Expr, Error> {
        // One type for all: a text between a text and a number is a number.
        let words = |e: &Expr| family(e) == Family::String;
        let mixed = words(&expr) && (words(&low) != words(&high));
        let number = family(&low).is_number() || family(&high).is_number();
        let (expr, low, high) = match mixed && number {
            true => (self.number(expr), self.number(low), self.number(high)),
            false => (expr, low, high),
        };
        if negated {
            let below = self.compare(Function::Lt, expr.clone(), low)?;
            let above = self.compare(Function::Gt, expr, high)?;
            Ok(self.any_of(vec![below, above]))
        } else {
            let low = self.compare(Function::Ge, expr.clone(), low)?;
            let high = self.compare(Function::Le, expr, high)?;
            Ok(self.all_of(vec![low, high]))
        }
    }

    /// `text LIKE pattern`.
    pub fn like(&mut self, text: Expr, pattern: Expr, escape: Option<char>) -> Result<Expr, Error> {
        let mut texts = vec![self.text(text), self.text(pattern)];
        texts = self.beside_texts(texts)?;
        let (text, pattern) = (texts.swap_remove(0), texts.swap_remove(0));
        let (text, pattern, escape) = self.like_operands(text, pattern, escape)?;
        let nullable = text.ty().nullable || pattern.ty().nullable;
        Ok(self.call(Function::Like { escape }, vec![text, pattern], SqlType::BOOL, nullable))
    }

    /// IS NULL, IS TRUE, IS FALSE.
    pub fn is(&mut self, function: Function, expr: Expr) -> Expr {
        let expr = match function {
            Function::IsNull if family(&expr) == Family::Null => self.cast(expr, &SqlType::BIGINT),
            Function::IsNull => expr,
            _ => self.condition(expr),
        };
        self.call(function, vec![expr], SqlType::BOOL, false)
    }
}

/// A CHAR without the blanks that fill it up: they never count where it is compared.
fn unfilled(expr: Expr) -> Expr {
    match expr {
        // RPAD by itself gives a VARCHAR.
        Expr::Call { function: Function::Rpad, mut args, ty } if matches!(ty.sql, SqlType::Char(..)) => {
            args.swap_remove(0)
        }
        other => other,
    }
}

/// `other` as a value of the same type as the members of `choice`, if equality of the two is equality of their numbers.
fn member(choice: &Expr, other: &Expr) -> Option<Expr> {
    let ty = &choice.ty().sql;
    let (SqlType::Enum(members) | SqlType::Set(members)) = ty else { return None };
    if other.ty().sql == *ty && !members.has_empty() {
        return Some(other.clone());
    }
    let Some(Datum::String(text)) = fold::constant(other) else { return None };
    Some(Expr::constant(Datum::UInt(ty.number_printed(text)?), ty.clone()))
}

/// A constant of two digits beside a YEAR is the year that it would be stored as.
fn beside_year(year: &Expr, other: Expr) -> Expr {
    if year.ty().sql != SqlType::Year {
        return other;
    }
    let number = match fold::constant(&other) {
        Some(Datum::Int(v)) => Some(*v),
        Some(Datum::UInt(v)) => i64::try_from(*v).ok(),
        Some(Datum::String(text)) => text.parse().ok(),
        _ => None,
    };
    match number {
        Some(v @ 1..=69) => Expr::constant(Datum::Int(2000 + v), SqlType::BIGINT),
        Some(v @ 70..=99) => Expr::constant(Datum::Int(1900 + v), SqlType::BIGINT),
        _ => other,
    }
}
