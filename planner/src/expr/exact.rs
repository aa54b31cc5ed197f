//! Numbers with more digits than they show.
//!
//! A quotient of DECIMALs shows four digits more than its dividend has (`div_precision_increment`). What MySQL and TiDB compute
//! with is longer: behind the point they have whole words of nine digits, and what is beyond the last word is cut off. The
//! digits that do not show live as long as somebody computes with the number, and are rounded away where it leaves the
//! expression: as a column of a result, in a comparison, as a key of groups and orders, as a text.
//!
//! ```text
//! 1/3          0.333333333, of which 0.3333 shows
//! 1/3 * 3      0.999999999, of which 1.0000 shows
//! 10/3*3 = 10  1, for what shows is compared
//! avg(a) * 3   as sum(a)/count(*) * 3
//! ```
//!
//! The type of an expression says which digits it has; nothing in a plan is longer than its type says. So whoever binds
//! expressions asks for a number in one of two ways: with what shows (`Binder::expr`), or with all digits and the type that shows
//! beside it ([`Exact`], `Binder::exact`), which is then an operand of something else. A call of an operator rounds to its own type,
//! so to show one is to give it the shorter type; anything else is cast.
//!
//! There is room for 38 digits. A value that has so many before the point that its other ones do not fit keeps as many as there is
//! room for.

use allod_storage::schema::SqlType;

use super::rewrite::family;
use super::types::{self, Family};
use super::{Expr, Function, Rewriter, convert, fold};

/// Digits of a word.
const WORD: u32 = 9;
/// The most digits of any number.
const DIGITS_MAX: u32 = 38;
/// The types of sums say much more than these digits before the point, their values hardly ever have more.
const WHOLE_MAX: u32 = 20;

/// Whether a quotient of so many digits behind the point consists of whole words, and so is cut off rather than rounded.
pub fn is_cut_off(scale: u8) -> bool {
    u32::from(scale).is_multiple_of(WORD)
}

/// A value with all digits that were computed.
#[derive(Clone, Debug)]
pub struct Exact {
    /// Its type has all digits.
    pub expr: Expr,
    /// The type that shows, if it has fewer.
    pub(super) shown: Option<SqlType>,
}

impl From<Expr> for Exact {
    fn from(expr: Expr) -> Exact {
        Exact { expr, shown: None }
    }
}

impl Exact {
    /// A value of which no more shows than `shown` has.
    pub fn new(expr: Expr, shown: &SqlType) -> Exact {
        let hides = match (&expr.ty().sql, shown) {
            (SqlType::Decimal { scale: all, .. }, SqlType::Decimal { scale, .. }) => all > scale,
            _ => false,
        };
        Exact { expr, shown: hides.then(|| shown.clone()) }
    }

    /// Whether it has digits that do not show.
    pub fn hides(&self) -> bool {
        self.shown.is_some()
    }

    /// Digits before and after the point that show.
    pub fn digits(&self) -> (u32, u32) {
        self.shown.as_ref().map_or_else(|| types::digits(&self.expr), types::type_digits)
    }
}

/// Whether a value is the number of which `shown` is what shows.
pub(crate) fn shows_as(all: &Expr, shown: &Expr) -> bool {
    if !(family(all) == Family::Decimal && family(shown) == Family::Decimal) {
        return false;
    }
    match (all, shown) {
        (_, Expr::Call { function: Function::Cast, args, .. }) if args.first() == Some(all) => true,
        (Expr::Call { function: f, args: a, .. }, Expr::Call { function: g, args: b, .. }) => {
            f == g && a == b
        }
        _ => false,
    }
}

/// The type of a value that shows as `shown`, of which `whole` digits may stand before the point and `all` behind it.
/// `None` if nothing would be hidden.
pub(super) fn hiding(shown: &SqlType, whole: u32, all: u32, function: &Function) -> Option<SqlType> {
    let SqlType::Decimal { scale, .. } = shown else { return None };
    let room = DIGITS_MAX - whole.min(WHOLE_MAX);
    let scale_all = match function {
        // Whole words, or what shows.
        Function::Div if all > room => room / WORD * WORD,
        _ => all.min(room),
    };
    let precision = (whole + scale_all).min(DIGITS_MAX);
    let longer = scale_all > u32::from(*scale);
    // Both are at most 38.
    longer.then_some(SqlType::Decimal { precision: precision as u8, scale: scale_all as u8 })
}

/// Digits behind the point of a quotient, before any is cut off: the words of both operands, and as many more as make up the
/// increment where these do not.
pub(super) fn of_quotient(dividend: u32, divisor: u32, increment: u32) -> u32 {
    let words = |digits: u32| digits.next_multiple_of(WORD);
    let spare = words(dividend) - dividend + words(divisor) - divisor;
    words(words(dividend) + words(divisor) + increment.saturating_sub(spare))
}

impl Rewriter {
    /// What shows of a value.
    pub fn shown(&mut self, exact: Exact) -> Expr {
        let Some(sql) = exact.shown else { return exact.expr };
        let rounds = |function: &Function| match function {
            Function::Plus | Function::Minus | Function::Mul | Function::Mod | Function::Negate => true,
            Function::Div => !matches!(sql, SqlType::Decimal { scale, .. } if is_cut_off(scale)),
            _ => false,
        };
        match exact.expr {
            Expr::Call { function, args, mut ty } if rounds(&function) => {
                ty.sql = sql;
                fold::call(function, args, ty)
            }
            Expr::Constant { value, .. } if let Some(value) = convert::cast_datum(&value, &sql) => {
                Expr::constant(value, sql)
            }
            other => self.cast(other, &sql),
        }
    }

    /// `-expr`.
    pub fn exact_negation(&mut self, exact: Exact) -> Exact {
        Exact { expr: self.negate(exact.expr), shown: exact.shown }
    }

    /// What `make` makes of these operands, with all digits if it is a number. It is asked twice where some do not show: what shows
    /// of the result is what comes of that which shows.
    pub fn exactly<E>(
        &mut self,
        operands: Vec<Exact>,
        mut make: impl FnMut(&mut Rewriter, Vec<Expr>) -> Result<Expr, E>,
    ) -> Result<Exact, E> {
        if !operands.iter().any(Exact::hides) {
            return make(self, operands.into_iter().map(|e| e.expr).collect()).map(Exact::from);
        }
        let usage = self.usage.clone();
        let shown = operands.iter().map(|e| self.shown(e.clone())).collect();
        let shown = make(self, shown)?;
        if !family(&shown).is_number() {
            return Ok(shown.into());
        }
        self.usage = usage;
        let all = make(self, operands.into_iter().map(|e| e.expr).collect())?;
        Ok(match (family(&all), family(&shown)) {
            (Family::Decimal, Family::Decimal) => Exact::new(all, &shown.ty().sql),
            _ => all.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_have_the_digits_of_mysql() {
        // 1/3, 1.0/3, 1/3.0, of DECIMAL(15, 2) by DECIMAL(15, 2), of five digits by none.
        let digits = [(0, 0), (1, 0), (0, 1), (2, 2), (5, 0)].map(|(a, b)| of_quotient(a, b, 4));
        assert_eq!(digits, [9, 9, 9, 18, 9]);
        assert_eq!([of_quotient(0, 0, 0), of_quotient(0, 1, 9), of_quotient(0, 0, 30)], [0, 18, 36]);
    }

    #[test]
    fn words_go_where_there_is_no_room() {
        let shown = types::decimal(30, 4);
        let hidden = |whole| hiding(&shown, whole, 18, &Function::Div).map(|ty| types::type_digits(&ty));
        assert_eq!([hidden(15), hidden(30)], [Some((15, 18)), Some((20, 18))]);
        let hidden = |function| hiding(&types::decimal(20, 20), 12, 27, &function);
        assert_eq!(hidden(Function::Div), None);
        assert_eq!(hidden(Function::Mul), Some(SqlType::Decimal { precision: 38, scale: 26 }));
    }
}
