//! Decimal arithmetic that picks its width batch by batch.
//!
//! MySQL declares `l_extendedprice * (1 - l_discount) * (1 + l_tax)` as DECIMAL(33, 6), which no 64-bit word holds; the
//! values of a real batch do fit. So each narrow vector carries a **bound**: a number that no value's magnitude exceeds.
//! It comes from one cheap pass over a column (an OR of all magnitudes), and from then on from arithmetic on bounds: a
//! product is within the product of the bounds, a sum within their sum. While the bound of a result stays below 10^18 it
//! is computed in 64 bits by loops that need no checks; otherwise in 128 bits. The declared precision and scale stay what
//! MySQL says; only the width of the words changes.

use allod_planner::expr::is_cut_off;
use allod_storage::schema::nearest_double;
use arrow::buffer::NullBuffer;
use arrow::datatypes::i256;

use super::value::{Column, Overflow, Values, zip_checked, zip_map, zip_option};

/// The greatest magnitude a narrow decimal may have: 18 digits.
pub(crate) const NARROW_MAX: u64 = 999_999_999_999_999_999;
/// The greatest magnitude a wide decimal may have: 38 digits.
pub(crate) const WIDE_MAX: i128 = 10i128.pow(38) - 1;

/// Decimals of one scale, in whichever width holds them.
#[derive(Clone, Debug)]
pub(crate) enum Decimals {
    /// All within 18 digits.
    Narrow(Narrow),
    /// Up to 38 digits.
    Wide(Wide),
}

/// Decimals in 64 bits.
#[derive(Clone, Debug)]
pub(crate) struct Narrow {
    pub column: Column<i64>,
    pub scale: u8,
    /// No value's magnitude is greater, NULL rows included. `None` = not looked at yet.
    pub bound: Option<u64>,
}

/// Decimals in 128 bits.
#[derive(Clone, Debug)]
pub(crate) struct Wide {
    pub column: Column<i128>,
    pub scale: u8,
}

/// 10^n, if it fits.
pub(crate) fn power(n: u8) -> Option<i128> {
    10i128.checked_pow(u32::from(n)).filter(|p| *p <= WIDE_MAX)
}

/// `v` / 10^`digits`, rounded half away from zero.
#[inline]
pub(crate) fn shrink(v: i128, digits: u8) -> i128 {
    match power(digits) {
        Some(by) => divide_round(v, by),
        None => 0,
    }
}

/// `a` / `b`, rounded half away from zero.
#[inline]
pub(crate) fn divide_round(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    // |rest| * 2 >= |b| without overflow.
    if rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs() {
        quotient + if (a < 0) == (b < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// `v` with `to` digits after the point instead of `from`; None if it needs more than 38 digits.
#[inline]
pub(crate) fn rescale(v: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        power(to - from).and_then(|by| v.checked_mul(by)).filter(|v| within(*v))
    } else {
        Some(shrink(v, from - to))
    }
}

fn within(v: i128) -> bool {
    (-WIDE_MAX..=WIDE_MAX).contains(&v)
}

/// The least number of the form 2^n - 1 that no magnitude exceeds.
fn bound_of(values: &[i64]) -> u64 {
    // v ^ (v >> 63) is v or -v - 1.
    let all = values.iter().fold(0i64, |all, v| all | (v ^ (v >> 63)));
    // One more for the -1.
    (u64::MAX >> (all as u64).leading_zeros().min(63)).saturating_add(1)
}

impl Decimals {
    /// A constant.
    pub fn one(value: i128, scale: u8) -> Decimals {
        match i64::try_from(value) {
            Ok(v) if v.unsigned_abs() <= NARROW_MAX => Decimals::narrow(Column::one(v), scale),
            _ => Decimals::wide(Column::one(value), scale),
        }
    }

    /// 64-bit values that may be anything (an integer column may exceed 18 digits).
    pub fn narrow(column: Column<i64>, scale: u8) -> Decimals {
        Decimals::Narrow(Narrow { column, scale, bound: None })
    }

    /// 128-bit values.
    pub fn wide(column: Column<i128>, scale: u8) -> Decimals {
        Decimals::Wide(Wide { column, scale })
    }

    /// Integers as decimals of scale 0.
    pub fn from_int(ints: &Column<i64>) -> Decimals {
        let narrow = Narrow { column: ints.clone(), scale: 0, bound: None }.measured();
        if narrow.bound.is_some_and(|b| b <= NARROW_MAX) {
            Decimals::Narrow(narrow)
        } else {
            Decimals::wide(ints.map(i128::from), 0)
        }
    }

    /// Digits after the point.
    pub fn scale(&self) -> u8 {
        match self {
            Decimals::Narrow(v) => v.scale,
            Decimals::Wide(v) => v.scale,
        }
    }

    /// Which rows are not NULL.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Decimals::Narrow(v) => v.column.nulls.as_ref(),
            Decimals::Wide(v) => v.column.nulls.as_ref(),
        }
    }

    /// The value at a row; meaningless if it is NULL.
    #[inline]
    pub fn value(&self, row: usize) -> i128 {
        match self {
            Decimals::Narrow(v) => i128::from(v.column.value(row)),
            Decimals::Wide(v) => v.column.value(row),
        }
    }

    /// The values at these rows.
    pub fn take(&self, rows: &[u32]) -> Decimals {
        match self {
            Decimals::Narrow(v) => {
                Decimals::Narrow(Narrow { column: v.column.take(rows), scale: v.scale, bound: v.bound })
            }
            Decimals::Wide(v) => Decimals::wide(v.column.take(rows), v.scale),
        }
    }

    /// The same with its bound known, so that whoever shares this value need not look again.
    pub fn measured(self) -> Decimals {
        match self {
            Decimals::Narrow(v) => Decimals::Narrow(v.measured()),
            wide @ Decimals::Wide(_) => wide,
        }
    }

    /// In 128 bits.
    pub fn widened(&self) -> Column<i128> {
        match self {
            Decimals::Narrow(v) => v.column.map(i128::from),
            Decimals::Wide(v) => v.column.clone(),
        }
    }

    /// As the nearest doubles.
    pub fn to_double(&self) -> Column<f64> {
        let scale = self.scale();
        match self {
            Decimals::Narrow(v) => {
                let v = v.clone().measured();
                // Where both are doubles themselves their quotient is the nearest one.
                if v.known_bound() <= 1 << f64::MANTISSA_DIGITS && scale <= 22 {
                    let unit = 10f64.powi(i32::from(scale));
                    return v.column.map(|v| v as f64 / unit);
                }
                v.column.map(|v| nearest_double(v.into(), scale))
            }
            Decimals::Wide(v) => v.column.map(|v| nearest_double(v, scale)),
        }
    }

    /// The same numbers with another scale, rounded half away from zero where digits are lost.
    pub fn rescale(self, scale: u8) -> Result<Decimals, Overflow> {
        let from = self.scale();
        if from == scale {
            return Ok(self);
        }
        match self {
            Decimals::Narrow(v) => {
                let v = v.measured();
                let (digits, up) = (from.abs_diff(scale), scale > from);
                let Some(by) = power(digits).and_then(|p| i64::try_from(p).ok()) else {
                    return Decimals::wide(v.column.map(i128::from), from).rescale(scale);
                };
                if !up {
                    let column = v.column.map(|x| divide_round_narrow(x, by));
                    return Ok(Decimals::Narrow(Narrow { column, scale, bound: v.bound }));
                }
                match v.scaled_bound(by) {
                    Some(bound) => {
                        let column = v.column.map(|x| x.wrapping_mul(by));
                        Ok(Decimals::Narrow(Narrow { column, scale, bound: Some(bound) }))
                    }
                    None => Decimals::wide(v.column.map(i128::from), from).rescale(scale),
                }
            }
            Decimals::Wide(v) if scale < from => {
                Ok(Decimals::wide(v.column.map(|x| shrink(x, from - scale)), scale))
            }
            Decimals::Wide(v) => {
                let by = power(scale - from).unwrap_or(i128::MAX);
                let column = v.column.map_checked(|x| match x.checked_mul(by) {
                    Some(r) => (r, !within(r)),
                    None => (0, true),
                })?;
                Ok(Decimals::wide(column, scale))
            }
        }
    }

    /// Both with the greater of their scales.
    pub fn aligned(a: &Decimals, b: &Decimals) -> Result<(Decimals, Decimals), Overflow> {
        let scale = a.scale().max(b.scale());
        Ok((a.clone().rescale(scale)?, b.clone().rescale(scale)?))
    }

    /// a + b.
    pub fn add(a: &Decimals, b: &Decimals, rows: usize) -> Result<Decimals, Overflow> {
        sum(a, b, rows, i64::wrapping_add, i128::overflowing_add)
    }

    /// a - b.
    pub fn sub(a: &Decimals, b: &Decimals, rows: usize) -> Result<Decimals, Overflow> {
        sum(a, b, rows, i64::wrapping_sub, i128::overflowing_sub)
    }

    /// a * b; the scale is the sum of the scales.
    pub fn mul(a: &Decimals, b: &Decimals, rows: usize) -> Result<Decimals, Overflow> {
        let scale = a.scale() + b.scale();
        match (a, b) {
            (Decimals::Narrow(a), Decimals::Narrow(b)) => {
                let (a, b) = (a.clone().measured(), b.clone().measured());
                let bound = a.known_bound().checked_mul(b.known_bound()).filter(|b| *b <= NARROW_MAX);
                if bound.is_some() {
                    let column = zip_map(&a.column, &b.column, i64::wrapping_mul);
                    return Ok(Decimals::Narrow(Narrow { column, scale, bound }));
                }
                // 2^63 * 2^63 is below 10^38.
                let column = zip_map(&a.column, &b.column, |x, y| i128::from(x) * i128::from(y));
                Ok(Decimals::wide(column, scale))
            }
            _ => {
                let column = zip_checked(&a.widened(), &b.widened(), rows, |x, y| {
                    let (r, overflowed) = x.overflowing_mul(y);
                    (r, overflowed || !within(r))
                })?;
                Ok(Decimals::wide(column, scale))
            }
        }
    }

    /// a * b with `scale` digits after the point, rounded half away from zero, also where all digits of the product do not fit.
    pub fn mul_rounded(a: &Decimals, b: &Decimals, scale: u8, rows: usize) -> Result<Decimals, Overflow> {
        let down = (a.scale() + b.scale()).checked_sub(scale).filter(|down| *down > 0).ok_or(Overflow)?;
        let column =
            zip_checked(&a.widened(), &b.widened(), rows, |x, y| match multiply_shifted(x, y, down) {
                Some(product) => (product, false),
                None => (0, true),
            })?;
        Ok(Decimals::wide(column, scale))
    }

    /// a / b with `scale` digits after the point, cut off behind whole words and else rounded half away from zero; NULL
    /// where b is 0.
    pub fn div(a: &Decimals, b: &Decimals, scale: u8, rows: usize) -> Result<Decimals, Overflow> {
        // a / b = (a' / 10^sa) / (b' / 10^sb), so the digits are a' * 10^(scale - sa + sb) / b'.
        let shift = i16::from(scale) - i16::from(a.scale()) + i16::from(b.scale());
        let up = u8::try_from(shift.max(0)).unwrap_or(0);
        let down = u8::try_from((-shift).max(0)).unwrap_or(0);
        if let (Decimals::Narrow(a), Decimals::Narrow(b)) = (a, b)
            && down == 0
            && let Some(by) = power(up).and_then(|p| i64::try_from(p).ok())
        {
            let a = a.clone().measured();
            if let Some(bound) = a.scaled_bound(by) {
                let column = match is_cut_off(scale) {
                    true => zip_option(&a.column, &b.column, rows, |x, y| (x * by).checked_div(y)),
                    false => zip_option(&a.column, &b.column, rows, |x, y| {
                        (y != 0).then(|| divide_round_narrow(x * by, y))
                    }),
                };
                return Ok(Decimals::Narrow(Narrow { column, scale, bound: Some(bound) }));
            }
        }
        let mut overflowed = false;
        let (wide_a, wide_b) = (a.widened(), b.widened());
        let quotients = (0..rows).map(|row| {
            let (x, y) = (wide_a.get(row)?, wide_b.get(row)?);
            if y == 0 {
                return None;
            }
            let quotient = match is_cut_off(scale) {
                true => whole_quotient(x, y, shift.into()),
                false => divide_shifted(x, y, up, down),
            };
            overflowed |= quotient.is_none();
            quotient
        });
        let column = Column::from_options(quotients.collect::<Vec<_>>().into_iter());
        if overflowed { Err(Overflow) } else { Ok(Decimals::wide(column, scale)) }
    }

    /// a % b, with the sign of a; NULL where b is 0.
    pub fn rem(a: &Decimals, b: &Decimals, rows: usize) -> Result<Decimals, Overflow> {
        let scale = a.scale().max(b.scale());
        Ok(match Decimals::aligned(a, b)? {
            (Decimals::Narrow(a), Decimals::Narrow(b)) => {
                Decimals::narrow(zip_option(&a.column, &b.column, rows, |x, y| x.checked_rem(y)), scale)
            }
            (a, b) => Decimals::wide(
                zip_option(&a.widened(), &b.widened(), rows, |x, y| if y == 0 { None } else { Some(x % y) }),
                scale,
            ),
        })
    }

    /// -a.
    pub fn neg(&self) -> Decimals {
        match self {
            Decimals::Narrow(v) => {
                let v = v.clone().measured();
                match v.bound {
                    Some(bound) if bound <= NARROW_MAX => Decimals::Narrow(Narrow {
                        column: v.column.map(i64::wrapping_neg),
                        scale: v.scale,
                        bound: Some(bound),
                    }),
                    _ => Decimals::wide(v.column.map(|x| -i128::from(x)), v.scale),
                }
            }
            Decimals::Wide(v) => Decimals::wide(v.column.map(i128::wrapping_neg), v.scale),
        }
    }

    /// |a|.
    pub fn abs(&self) -> Decimals {
        match self {
            Decimals::Narrow(v) => match v.clone().measured().bound {
                Some(bound) if bound <= NARROW_MAX => Decimals::Narrow(Narrow {
                    column: v.column.map(i64::wrapping_abs),
                    scale: v.scale,
                    bound: Some(bound),
                }),
                _ => Decimals::wide(v.column.map(|x| i128::from(x).abs()), v.scale),
            },
            Decimals::Wide(v) => Decimals::wide(v.column.map(i128::wrapping_abs), v.scale),
        }
    }
}

impl Narrow {
    /// With its bound known.
    pub fn measured(mut self) -> Narrow {
        if self.bound.is_none() {
            self.bound = Some(match &self.column.values {
                Values::One(v) => v.unsigned_abs(),
                Values::Many(values) => bound_of(values),
            });
        }
        self
    }

    fn known_bound(&self) -> u64 {
        self.bound.unwrap_or(u64::MAX)
    }

    /// The bound of the values times `by`, if the products still fit.
    fn scaled_bound(&self, by: i64) -> Option<u64> {
        self.known_bound().checked_mul(by.unsigned_abs()).filter(|b| *b <= NARROW_MAX)
    }
}

#[inline]
fn divide_round_narrow(a: i64, b: i64) -> i64 {
    let (quotient, rest) = (a.wrapping_div(b), a.wrapping_rem(b));
    if rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs() {
        quotient + if (a < 0) == (b < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// x * 10^up / (y * 10^down), rounded; None if the quotient does not fit 38 digits.
fn divide_shifted(x: i128, y: i128, up: u8, down: u8) -> Option<i128> {
    if let (Some(a), Some(b)) =
        (power(up).and_then(|p| x.checked_mul(p)), power(down).and_then(|p| y.checked_mul(p)))
    {
        return Some(divide_round(a, b)).filter(|q| within(*q));
    }
    // The numerator exceeds 128 bits although the quotient may not: the rare, slow way.
    let ten = |n: u8| i256::from_i128(10).checked_pow(u32::from(n));
    let a = i256::from_i128(x).checked_mul(ten(up)?)?;
    let b = i256::from_i128(y).checked_mul(ten(down)?)?;
    let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
    let magnitude = |v: i256| if v < i256::ZERO { v.wrapping_neg() } else { v };
    let away = magnitude(rest) >= magnitude(b).wrapping_sub(magnitude(rest));
    let one = i256::from_i128(if (x < 0) == (y < 0) { 1 } else { -1 });
    let rounded = if away { quotient.checked_add(one)? } else { quotient };
    rounded.to_i128().filter(|q| within(*q))
}

/// x * y / 10^`down`, rounded; None if it does not fit 38 digits.
fn multiply_shifted(x: i128, y: i128, down: u8) -> Option<i128> {
    let product = i256::from_i128(x).checked_mul(i256::from_i128(y))?;
    let unit = i256::from_i128(power(down)?);
    let (quotient, rest) = (product.checked_div(unit)?, product.checked_rem(unit)?.to_i128()?);
    let unit = unit.to_i128()?;
    let away = rest.unsigned_abs() >= unit.unsigned_abs() - rest.unsigned_abs();
    quotient.to_i128()?.checked_add(if away { rest.signum() } else { 0 }).filter(|product| within(*product))
}

/// x / y * 10^`shift` without its fraction; None if that does not fit 38 digits. `y` is not 0.
pub(crate) fn whole_quotient(x: i128, y: i128, shift: i32) -> Option<i128> {
    let power = |n: i32| u8::try_from(n).ok().and_then(power);
    if let (Some(a), Some(b)) = (
        power(shift.max(0)).and_then(|p| x.checked_mul(p)),
        power((-shift).max(0)).and_then(|p| y.checked_mul(p)),
    ) {
        return Some(a / b).filter(|q| within(*q));
    }
    if x == 0 {
        return Some(0);
    }
    let ten = i256::from_i128(10).checked_pow(shift.unsigned_abs());
    let scaled = |v: i128| ten.and_then(|ten| i256::from_i128(v).checked_mul(ten));
    // What exceeds 256 bits exceeds 38 digits by as many again: as a dividend its quotient does, as a divisor nothing is left.
    let quotient = match shift >= 0 {
        true => scaled(x)?.checked_div(i256::from_i128(y))?,
        false => scaled(y).map_or(Some(i256::ZERO), |y| i256::from_i128(x).checked_div(y))?,
    };
    quotient.to_i128().filter(|q| within(*q))
}

fn sum(
    a: &Decimals,
    b: &Decimals,
    rows: usize,
    narrow: impl Fn(i64, i64) -> i64,
    wide: impl Fn(i128, i128) -> (i128, bool),
) -> Result<Decimals, Overflow> {
    let scale = a.scale().max(b.scale());
    if let (Decimals::Narrow(x), Decimals::Narrow(y)) = (a, b) {
        let (x, y) = (x.clone().measured(), y.clone().measured());
        let factor = |from: u8| power(scale - from).and_then(|p| i64::try_from(p).ok());
        if let (Some(fx), Some(fy)) = (factor(x.scale), factor(y.scale))
            && let (Some(bx), Some(by)) = (x.scaled_bound(fx), y.scaled_bound(fy))
            && bx + by <= NARROW_MAX
        {
            // Within the bounds neither the products nor the sum can overflow.
            let column = match (fx, fy) {
                (1, 1) => zip_map(&x.column, &y.column, narrow),
                (1, _) => zip_map(&x.column, &y.column, |x, y| narrow(x, y.wrapping_mul(fy))),
                _ => zip_map(&x.column, &y.column, |x, y| narrow(x.wrapping_mul(fx), y.wrapping_mul(fy))),
            };
            return Ok(Decimals::Narrow(Narrow { column, scale, bound: Some(bx + by) }));
        }
    }
    let (a, b) = Decimals::aligned(a, b)?;
    let column = zip_checked(&a.widened(), &b.widened(), rows, |x, y| {
        let (r, overflowed) = wide(x, y);
        (r, overflowed || !within(r))
    })?;
    Ok(Decimals::wide(column, scale))
}

/// Puts decimals of two columns into one form, for whoever must choose between them row by row.
pub(crate) fn same_width<R>(
    a: &Decimals,
    b: &Decimals,
    narrow: impl FnOnce(&Column<i64>, &Column<i64>) -> R,
    wide: impl FnOnce(&Column<i128>, &Column<i128>) -> R,
) -> R {
    match (a, b) {
        (Decimals::Narrow(a), Decimals::Narrow(b)) => narrow(&a.column, &b.column),
        _ => wide(&a.widened(), &b.widened()),
    }
}

/// A wide column whose values all fit 18 digits as a narrow one.
pub(crate) fn narrowed(column: &Column<i128>, rows: usize, scale: u8) -> Option<Decimals> {
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let v = column.get(row).unwrap_or(0);
        out.push(i64::try_from(v).ok().filter(|v| v.unsigned_abs() <= NARROW_MAX)?);
    }
    Some(Decimals::narrow(Column::many(out, column.nulls.clone()), scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[i64]) -> Column<i64> {
        Column::many(values.to_vec(), None)
    }

    #[test]
    fn division_rounds_half_away_from_zero() {
        for (a, b, want) in
            [(1, 2, 1), (-1, 2, -1), (1, -2, -1), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (7, 7, 1)]
        {
            assert_eq!(divide_round(a, b), want, "{a}/{b}");
            assert_eq!(i128::from(divide_round_narrow(a as i64, b as i64)), want);
            assert_eq!(divide_shifted(a, b, 0, 0), Some(want));
        }
        // 10^37 / 3 with 10 more digits needs more than 38; 10^37 / 10^20 does not, though its numerator does.
        assert_eq!(divide_shifted(10i128.pow(37), 3, 10, 0), None);
        assert_eq!(divide_shifted(10i128.pow(37), 10i128.pow(20), 10, 0), Some(10i128.pow(27)));
        assert_eq!(divide_shifted(-(10i128.pow(37)), 2 * 10i128.pow(37), 10, 0), Some(-5_000_000_000));
    }

    #[test]
    fn bounds_hold() {
        for values in [vec![], vec![0], vec![-1], vec![5, -9], vec![i64::MIN, i64::MAX], vec![255, -256]] {
            let bound = bound_of(&values);
            assert!(values.iter().all(|v| v.unsigned_abs() <= bound), "{values:?} {bound}");
        }
        assert_eq!(bound_of(&[255]), 256);
    }

    #[test]
    fn price_discount_and_tax_stay_narrow() {
        let price = Decimals::narrow(column(&[10_494_950, 90_100]), 2);
        let discount = Decimals::narrow(column(&[4, 10]), 2);
        let tax = Decimals::narrow(column(&[8, 0]), 2);
        let one = Decimals::one(1, 0);
        let net = Decimals::mul(&price, &Decimals::sub(&one, &discount, 2).unwrap(), 2).unwrap();
        let charge = Decimals::mul(&net, &Decimals::add(&one, &tax, 2).unwrap(), 2).unwrap();
        let Decimals::Narrow(charge) = charge else { panic!("108,813,641,600 fits 18 digits") };
        assert_eq!((charge.scale, charge.column.value(0)), (6, 10_494_950 * 96 * 108));
        assert_eq!(charge.column.value(1), 90_100 * 90 * 100);
    }

    #[test]
    fn both_widths_give_the_same() {
        let a = [0i64, 1, -1, 99, -12_345, 999_999_999_999, -999_999_999_999_999_999];
        let b = [3i64, -3, 100, 7, 12_345, -999_999, 2];
        let (na, nb) = (Decimals::narrow(column(&a), 2), Decimals::narrow(column(&b), 4));
        let (wa, wb) = (Decimals::wide(na.widened(), 2), Decimals::wide(nb.widened(), 4));
        let n = a.len();
        let ops: [(&str, &dyn Fn(&Decimals, &Decimals) -> Decimals); 6] = [
            ("+", &|a, b| Decimals::add(a, b, n).unwrap()),
            ("-", &|a, b| Decimals::sub(a, b, n).unwrap()),
            ("*", &|a, b| Decimals::mul(a, b, n).unwrap()),
            ("/", &|a, b| Decimals::div(a, b, 6, n).unwrap()),
            ("/ cut off", &|a, b| Decimals::div(a, b, 9, n).unwrap()),
            ("%", &|a, b| Decimals::rem(a, b, n).unwrap()),
        ];
        for (name, op) in ops {
            let (x, y) = (op(&na, &nb), op(&wa, &wb));
            assert_eq!(x.scale(), y.scale());
            for row in 0..n {
                assert_eq!(x.widened().get(row), y.widened().get(row), "{} {name} {}", a[row], b[row]);
            }
        }
    }

    #[test]
    fn products_may_be_longer_than_what_is_kept() {
        // 12345678901234567890.123456789 * 0.333333333333333333
        let (x, y) = (12_345_678_901_234_567_890_123_456_789, 333_333_333_333_333_333);
        assert_eq!(multiply_shifted(x, y, 23), Some(41_152_263_004_115_226_259_259));
        assert_eq!(multiply_shifted(-x, y, 23), Some(-41_152_263_004_115_226_259_259));
        assert_eq!([multiply_shifted(5, 1, 1), multiply_shifted(-5, 1, 1)], [Some(1), Some(-1)]);
        assert_eq!(multiply_shifted(WIDE_MAX, 100, 1), None);
    }

    #[test]
    fn overflow_is_noticed_but_not_in_null_rows() {
        let huge = Column::many(vec![WIDE_MAX, 1], None);
        let one = Decimals::one(1, 0);
        assert!(Decimals::add(&Decimals::wide(huge.clone(), 0), &one, 2).is_err());
        let null = Column { nulls: super::super::value::nulls_from(&[false, true]), ..huge };
        assert_eq!(Decimals::add(&Decimals::wide(null, 0), &one, 2).unwrap().widened().get(1), Some(2));
        assert!(Decimals::one(WIDE_MAX, 0).rescale(1).is_err());
    }
}
