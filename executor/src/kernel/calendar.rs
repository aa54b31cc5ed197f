//! The proleptic Gregorian calendar on day numbers and microseconds since 1970-01-01.
//!
//! Civil dates are computed without branches or tables: from a date to its day by eras of 400 years (Howard Hinnant,
//! "chrono-Compatible Low-Level Date Algorithms"), from a day to its date by multiplications that stand for divisions
//! (Cassio Neri and Lorenz Schneider, "Euclidean affine functions and their application to calendar algorithms").

use allod_storage::schema::{FIRST_DAY, days_in_month, irregular_parts};

/// Microseconds of a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;
/// Microseconds of a second.
pub(crate) const SECOND_US: i64 = 1_000_000;
/// 0000-01-01, MySQL's least date.
pub(crate) const DAYS_MIN: i64 = FIRST_DAY as i64;
/// 9999-12-31, MySQL's greatest date.
pub(crate) const DAYS_MAX: i64 = 2_932_896;
/// The greatest magnitude of a TIME: 838:59:59.
pub(crate) const TIME_US_MAX: i64 = ((838 * 60 + 59) * 60 + 59) * SECOND_US;
/// TO_DAYS of 1970-01-01: MySQL counts from year 0.
pub(crate) const DAYS_BEFORE_1970: i64 = 719_528;

/// A civil date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

/// Day 0 of the computational calendar, whose years begin in March, before every date of MySQL: years are counted from
/// -32800, a multiple of 400.
const SHIFT_YEARS: u32 = 32_800;
const SHIFT_DAYS: i64 = 719_468 + 146_097 * (SHIFT_YEARS as i64 / 400);

/// Century, and within it year and day times [`YEAR_STEP`], of a day number.
#[inline]
fn century_year(days: i64) -> (u32, u32, u32) {
    let quarters = ((days + SHIFT_DAYS) as u32).wrapping_mul(4).wrapping_add(3);
    let century = quarters / 146_097;
    let within = (quarters % 146_097) | 3;
    // Multiplying by 2^32 / 1461 divides by the 1461 quarter days of a year; the remainder is in the lower half.
    let product = u64::from(within) * u64::from(YEAR_STEP);
    (century, (product >> 32) as u32, product as u32)
}

/// 2^32 / 1461, rounded up.
const YEAR_STEP: u32 = 2_939_745;

/// The date of a day number.
#[inline]
pub(crate) fn civil(days: i64) -> Civil {
    if days < DAYS_MIN {
        let (year, month, day) = irregular_parts(days);
        return Civil { year, month, day };
    }
    let (century, year, rest) = century_year(days);
    let day_of_year = rest / YEAR_STEP / 4;
    let both = 2141 * day_of_year + 197_913;
    let (month, day) = (both >> 16, (both & 0xffff) / 2141);
    // January and February belong to the next year.
    let next = day_of_year >= MARCH_TO_JANUARY;
    let year = i64::from(100 * century + year + u32::from(next)) - i64::from(SHIFT_YEARS);
    Civil { year, month: i64::from(if next { month - 12 } else { month }), day: i64::from(day) + 1 }
}

/// The year of a day number, without the rest of the date.
#[inline]
pub(crate) fn year(days: i64) -> i64 {
    if days < DAYS_MIN {
        return irregular_parts(days).0;
    }
    let (century, year, rest) = century_year(days);
    let next = rest >= MARCH_TO_JANUARY * 4 * YEAR_STEP;
    i64::from(100 * century + year + u32::from(next)) - i64::from(SHIFT_YEARS)
}

/// Days from 1 March to 1 January.
const MARCH_TO_JANUARY: u32 = 306;

/// The day number of a date whose month is 1 to 12; the day may be outside the month and counts on.
#[inline]
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The day number of a date, if there is such a date in MySQL's range.
pub(crate) fn checked_days(year: i64, month: i64, day: i64) -> Option<i64> {
    let real = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day);
    real.then(|| days(year, month, day))
}

/// The day `months` later; a day that the month does not have becomes its last. None outside years 0 to 9999.
pub(crate) fn add_months(day: i64, months: i64) -> Option<i64> {
    let from = civil(day);
    let count = (from.year * 12 + from.month - 1).checked_add(months)?;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    if !(0..=9999).contains(&year) {
        return None;
    }
    Some(days(year, month, from.day.min(days_in_month(year, month))))
}

/// 0 = Monday, as WEEKDAY counts.
#[inline]
pub(crate) fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// 1 to 366.
pub(crate) fn day_of_year(day: i64) -> i64 {
    day - days(civil(day).year, 1, 1) + 1
}

/// Year and week of WEEK(date, mode): bit 0 of the mode = weeks begin on Monday, bit 1 = weeks are 1 to 53 and may belong
/// to a neighbouring year (else 0 to 53 of this one), bit 2 = week 1 is the first that begins in the year (else the first
/// with four days in it). Bit 2 is flipped when weeks begin on Sunday, as the manual's table of modes has it.
pub(crate) fn week(day: i64, mode: i64) -> (i64, i64) {
    let monday = mode & 1 != 0;
    let own_year = mode & 2 == 0;
    let first_begins = (mode & 4 != 0) == monday;
    week_of(day, monday, own_year, first_begins)
}

fn week_of(day: i64, monday: bool, own_year: bool, first_begins: bool) -> (i64, i64) {
    // The day on which week 1 of a year begins.
    let week_one = |year: i64| {
        let new_year = days(year, 1, 1);
        let offset = if monday { weekday(new_year) } else { (weekday(new_year) + 1) % 7 };
        let begin = new_year - offset;
        let in_year = 7 - offset;
        if (first_begins && offset != 0) || (!first_begins && in_year < 4) { begin + 7 } else { begin }
    };
    let year = civil(day).year;
    if day < week_one(year) {
        return if own_year { (year, 0) } else { (year - 1, (day - week_one(year - 1)) / 7 + 1) };
    }
    if !own_year && day >= week_one(year + 1) {
        return (year + 1, 1);
    }
    (year, (day - week_one(year)) / 7 + 1)
}

/// English names.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// English names, Monday first.
pub(crate) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    #[test]
    fn agrees_with_chrono_on_every_day_of_mysql() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for day in (DAYS_MIN..=DAYS_MAX).step_by(7) {
            let want = epoch + chrono::Duration::days(day);
            let got = civil(day);
            assert_eq!(
                (got.year, got.month, got.day),
                (want.year().into(), want.month().into(), want.day().into())
            );
            assert_eq!(days(got.year, got.month, got.day), day);
            assert_eq!(year(day), got.year);
            assert_eq!(weekday(day), i64::from(want.weekday().num_days_from_monday()));
            assert_eq!(day_of_year(day), i64::from(want.ordinal()));
            if got.year > 0 && got.year < 9999 {
                let iso = want.iso_week();
                assert_eq!(week(day, 3), (iso.year().into(), iso.week().into()), "{want}");
            }
        }
        assert_eq!((civil(DAYS_MIN).year, civil(DAYS_MAX).year), (0, 9999));
    }

    #[test]
    fn weeks_by_mode() {
        // From the manual: WEEK('2008-02-20') 7, mode 0 7, mode 1 8; WEEK('2008-12-31', 1) 53; WEEK('2000-01-01', 2) 52.
        let d = |y, m, d| days(y, m, d);
        assert_eq!(week(d(2008, 2, 20), 0).1, 7);
        assert_eq!(week(d(2008, 2, 20), 1).1, 8);
        assert_eq!(week(d(2008, 12, 31), 1).1, 53);
        assert_eq!(week(d(2000, 1, 1), 0).1, 0);
        assert_eq!(week(d(2000, 1, 1), 2), (1999, 52));
        assert_eq!(week(d(1987, 1, 1), 2), (1986, 52));
    }

    #[test]
    fn months_clamp_the_day() {
        assert_eq!(add_months(days(2024, 1, 31), 1), Some(days(2024, 2, 29)));
        assert_eq!(add_months(days(2023, 3, 31), -1), Some(days(2023, 2, 28)));
        assert_eq!(add_months(days(9999, 12, 1), 1), None);
        assert_eq!(checked_days(2023, 2, 29), None);
    }
}
