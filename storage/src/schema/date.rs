//! Days as numbers: those of the calendar, counted from 1970, and those that MySQL holds though no calendar has them.
//!
//! A date with a zero in it (`2020-00-10`, `0000-00-00`) and a day beyond the end of its month (`2020-02-31`) are *irregular*:
//! `sql_mode` says who may write them down, and nothing can be counted from them. Between 31 December and 1 January there is no
//! number left for `2020-00-10`, so irregular dates have the numbers below that of 0000-01-01, in the order of their parts.
//! `0000-00-00` is the first of all, as in MySQL; the others come before every day of the calendar, which is not MySQL's order.

/// 0000-01-01, MySQL's least day of the calendar.
pub const FIRST_DAY: i32 = -719_528;

const MONTHS: i64 = 13;
const DAYS: i64 = 32;
const YEARS: i64 = 10_000;

/// The date `0000-00-00`, which MySQL holds where there is none.
pub const ZERO_DATE: i32 = FIRST_DAY - (YEARS * MONTHS * DAYS) as i32;

/// `0000-00-00 00:00:00`: the beginning of that day, in microseconds since 1970.
pub const ZERO_DATETIME: i64 = ZERO_DATE as i64 * 86_400_000_000;

/// The number of an irregular date; none of what is in the calendar, or cannot be written with two digits for month and day.
pub fn irregular_day(year: i64, month: i64, day: i64) -> Option<i32> {
    let written = (0..YEARS).contains(&year) && (0..MONTHS).contains(&month) && (0..DAYS).contains(&day);
    let regular = month > 0 && (1..=days_in_month(year, month)).contains(&day);
    (written && !regular).then_some(ZERO_DATE + ((year * MONTHS + month) * DAYS + day) as i32)
}

/// Year, month and day of a number below [`FIRST_DAY`]. Below `0000-00-00` there is nothing: it stands for them.
pub fn irregular_parts(day: i64) -> (i64, i64, i64) {
    let place = (day - i64::from(ZERO_DATE)).clamp(0, YEARS * MONTHS * DAYS - 1);
    (place / DAYS / MONTHS, place / DAYS % MONTHS, place % DAYS)
}

/// Days of a month, 1 to 12.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month, day of a day number, counted from 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    if days < i64::from(FIRST_DAY) {
        return irregular_parts(days);
    }
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn irregular_dates_keep_their_parts_and_their_order() {
        let mut last = None;
        for (y, m, d) in
            [(0, 0, 0), (0, 0, 1), (0, 4, 0), (2020, 0, 0), (2020, 0, 31), (2020, 2, 30), (9999, 11, 31)]
        {
            let day = irregular_day(y, m, d).unwrap();
            assert_eq!(civil_from_days(i64::from(day)), (y, m, d));
            assert!(day < FIRST_DAY && last < Some(day));
            last = Some(day);
        }
        assert_eq!(irregular_day(0, 0, 0), Some(ZERO_DATE));
        for (y, m, d) in [(2020, 2, 29), (2020, 13, 1), (2020, 1, 32), (10_000, 0, 0), (-1, 0, 0)] {
            assert_eq!(irregular_day(y, m, d), None);
        }
        assert_eq!(civil_from_days(i64::MIN / 2), (0, 0, 0));
        assert_eq!(civil_from_days(i64::from(FIRST_DAY)), (0, 1, 1));
    }
}
