//! Arithmetic and bits: which type a result has is decided here.

use allod_storage::schema::{Datum, SqlType};

use super::{Rewriter, constant_as, family};
use crate::expr::types::{self, BOTH_INTEGERS, Family};
use crate::expr::{Exact, Expr, Function, exact, fold};

/// What arithmetic takes a number for: a year has no sign.
fn counted_as(expr: &Expr) -> Family {
    match expr.ty().sql {
        SqlType::Year => Family::UInt,
        _ => family(expr),
    }
}

impl Rewriter {
    /// A value where a number is wanted: strings become doubles, temporal values the number they print as.
    pub fn number(&mut self, expr: Expr) -> Expr {
        match family(&expr) {
            Family::Int | Family::UInt | Family::Decimal | Family::Double => expr,
            Family::Null => self.cast(expr, &SqlType::BIGINT),
            // Members count as strings do, though with their numbers.
            Family::String | Family::Binary | Family::Choice | Family::Json => {
                self.cast(expr, &SqlType::Double)
            }
            Family::Date | Family::DateTime | Family::Time => match types::type_digits(&expr.ty().sql) {
                (_, 0) => self.cast(expr, &SqlType::BIGINT),
                (whole, scale) => self.cast(expr, &types::decimal(whole + scale, scale)),
            },
        }
    }

    /// `a op b` for +, -, *, /, DIV, %: what shows of it.
    pub fn arithmetic(&mut self, function: Function, a: Expr, b: Expr) -> Expr {
        let exact = self.exact_arithmetic(function, a.into(), b.into());
        self.shown(exact)
    }

    /// The same with all digits.
    pub fn exact_arithmetic(&mut self, function: Function, a: Exact, b: Exact) -> Exact {
        // What shows of a result is decided by what shows of its operands.
        let (shows_a, shows_b) = (a.hides().then(|| a.digits()), b.hides().then(|| b.digits()));
        let (a, b) = (a.expr, b.expr);
        let (a, b) = match (family(&a), family(&b)) {
            // NULL does not decide the type.
            (Family::Null, f) if f.is_number() => (self.cast(a, &b.ty().sql.clone()), b),
            (f, Family::Null) if f.is_number() => {
                let b = self.cast(b, &a.ty().sql.clone());
                (a, b)
            }
            _ if function == Function::IntDiv => (self.exact_number(a), self.exact_number(b)),
            _ => (self.number(a), self.number(b)),
        };
        let divides = matches!(function, Function::Div | Function::IntDiv | Function::Mod);
        let zero_free = fold::constant(&b).is_some_and(fold::is_true);
        let nullable = a.ty().nullable || b.ty().nullable || (divides && !zero_free);
        let (fa, fb) = (counted_as(&a), counted_as(&b));
        let integers = |f: Family| matches!(f, Family::Int | Family::UInt);
        if integers(fa) && integers(fb) && function != Function::Div {
            return self.integer_arithmetic(function, a, b, nullable).into();
        }
        if function == Function::IntDiv {
            let unsigned = fa == Family::UInt || fb == Family::UInt;
            let ty = if unsigned { SqlType::BIGINT_UNSIGNED } else { SqlType::BIGINT };
            return self.call(function, vec![a, b], ty, nullable).into();
        }
        if fa == Family::Double || fb == Family::Double {
            let args = vec![self.cast(a, &SqlType::Double), self.cast(b, &SqlType::Double)];
            return self.call(function, args, SqlType::Double, nullable).into();
        }
        let (a, b) = (self.exact(a), self.exact(b));
        let (all_a, all_b) = (types::digits(&a), types::digits(&b));
        let ((wa, sa), (wb, sb)) = (shows_a.unwrap_or(all_a), shows_b.unwrap_or(all_b));
        let more = self.quotient_digits;
        let (shown, whole, all) = match function {
            Function::Plus | Function::Minus => {
                let whole = wa.max(wb) + 1;
                (types::decimal(whole + sa.max(sb), sa.max(sb)), whole, all_a.1.max(all_b.1))
            }
            Function::Mul => (types::decimal(wa + sa + wb + sb, sa + sb), wa + wb, all_a.1 + all_b.1),
            Function::Mod => {
                let ty = types::decimal((wa + sa).max(wb + sb), sa.max(sb));
                (ty, wa.max(wb), all_a.1.max(all_b.1))
            }
            _ => {
                let ty = types::decimal(wa + sa + sb + more, sa + more);
                (ty, wa + all_b.1, exact::of_quotient(all_a.1, all_b.1, more))
            }
        };
        let all = exact::hiding(&shown, whole, all, &function).unwrap_or_else(|| shown.clone());
        Exact::new(self.call(function, vec![a, b], all, nullable), &shown)
    }

    /// An operand of DIV, which divides digits: of a text as many as a BIGINT may have, and as many again behind the point.
    fn exact_number(&mut self, expr: Expr) -> Expr {
        match family(&expr) {
            Family::String | Family::Binary => self.cast(expr, &types::decimal(38, 18)),
            _ => self.number(expr),
        }
    }

    fn integer_arithmetic(&mut self, function: Function, a: Expr, b: Expr, nullable: bool) -> Expr {
        let (fa, fb) = (counted_as(&a), counted_as(&b));
        if function == Function::Minus && self.signed_difference {
            return self.call(function, vec![a, b], SqlType::BIGINT, nullable);
        }
        if fa == fb {
            let ty = if fa == Family::UInt { SqlType::BIGINT_UNSIGNED } else { SqlType::BIGINT };
            return self.call(function, vec![a, b], ty, nullable);
        }
        // One is unsigned, so the result is (for % it has the signedness of the dividend).
        let ty = if function == Function::Mod && fa == Family::Int {
            SqlType::BIGINT
        } else {
            SqlType::BIGINT_UNSIGNED
        };
        if let Some(b) = constant_as(&b, &a.ty().sql)
            && fa == Family::UInt
            && a.ty().sql != SqlType::Year
        {
            return self.call(function, vec![a, b], ty, nullable);
        }
        if let Some(a) = constant_as(&a, &b.ty().sql)
            && fb == Family::UInt
            && b.ty().sql != SqlType::Year
        {
            return self.call(function, vec![a, b], ty, nullable);
        }
        // The kernel computes in 128 bits; what is out of the result's range is an error.
        self.call(function, vec![a, b], ty, nullable)
    }

    /// `-expr`.
    pub fn negate(&mut self, expr: Expr) -> Expr {
        if let Some(Datum::UInt(v)) = fold::constant(&expr)
            && *v <= 1 << 63
        {
            return Expr::constant(Datum::Int((*v as i64).wrapping_neg()), SqlType::BIGINT);
        }
        let expr = self.number(expr);
        let nullable = expr.ty().nullable;
        match family(&expr) {
            // A constant beyond what a signed integer holds is a decimal.
            Family::UInt if fold::constant(&expr).is_some_and(|v| !v.is_null()) => {
                let exact = self.cast(expr, &BOTH_INTEGERS);
                self.call(Function::Negate, vec![exact], BOTH_INTEGERS, nullable)
            }
            Family::Int | Family::UInt => self.call(Function::Negate, vec![expr], SqlType::BIGINT, nullable),
            _ => {
                let ty = expr.ty().sql.clone();
                self.call(Function::Negate, vec![expr], ty, nullable)
            }
        }
    }

    /// `&`, `|`, `^`, `<<`, `>>`, `~`: on BIGINT UNSIGNED.
    pub fn bits(&mut self, function: Function, args: Vec<Expr>) -> Expr {
        let args: Vec<Expr> = args.into_iter().map(|a| self.bit_pattern(a)).collect();
        let nullable = args.iter().any(|a| a.ty().nullable);
        self.call(function, args, SqlType::BIGINT_UNSIGNED, nullable)
    }

    /// A value where bits are wanted: as BIGINT UNSIGNED. Members have theirs, which a double could not hold.
    pub fn bit_pattern(&mut self, expr: Expr) -> Expr {
        let number = if family(&expr) == Family::Choice { expr } else { self.number(expr) };
        if family(&number) != Family::Decimal {
            return self.cast(number, &SqlType::BIGINT_UNSIGNED);
        }
        // CAST makes 0 of one that is negative, whose bits are those of the signed integer.
        let zero = Expr::constant(Datum::Decimal { value: 0, scale: 0 }, types::decimal(1, 0));
        let nullable = number.ty().nullable;
        let below = self.call(Function::Lt, vec![number.clone(), zero], SqlType::BOOL, nullable);
        let signed = self.cast(number.clone(), &SqlType::BIGINT);
        let signed = self.cast(signed, &SqlType::BIGINT_UNSIGNED);
        let unsigned = self.cast(number, &SqlType::BIGINT_UNSIGNED);
        self.case(vec![(below, signed)], Some(unsigned))
    }
}
