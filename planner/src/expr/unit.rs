//! Units of EXTRACT and INTERVAL, and intervals that are written as text.
//!
//! A compound unit spans simple ones: `'1:30' MINUTE_SECOND` is a minute and 30 seconds. Its text is read as MySQL reads it:
//! numbers with anything but digits between them; if there are fewer than the unit has parts they are the last ones, so
//! `'30' MINUTE_SECOND` are seconds; a number at the place of microseconds is a fraction, so `'1.5' SECOND_MICROSECOND` is a
//! second and a half; a sign in front is for all of them.

/// Units of EXTRACT and INTERVAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are MySQL's keywords")]
pub enum TimeUnit {
    Microsecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    SecondMicrosecond,
    MinuteMicrosecond,
    MinuteSecond,
    HourMicrosecond,
    HourSecond,
    HourMinute,
    DayMicrosecond,
    DaySecond,
    DayMinute,
    DayHour,
    YearMonth,
}

/// The units that compound ones span, the largest first, and each one's length in microseconds.
const SPANNED: [(TimeUnit, i64); 5] = [
    (TimeUnit::Day, 86_400_000_000),
    (TimeUnit::Hour, 3_600_000_000),
    (TimeUnit::Minute, 60_000_000),
    (TimeUnit::Second, 1_000_000),
    (TimeUnit::Microsecond, 1),
];

impl TimeUnit {
    /// All of them.
    pub const ALL: [TimeUnit; 20] = [
        TimeUnit::Microsecond,
        TimeUnit::Second,
        TimeUnit::Minute,
        TimeUnit::Hour,
        TimeUnit::Day,
        TimeUnit::Week,
        TimeUnit::Month,
        TimeUnit::Quarter,
        TimeUnit::Year,
        TimeUnit::SecondMicrosecond,
        TimeUnit::MinuteMicrosecond,
        TimeUnit::MinuteSecond,
        TimeUnit::HourMicrosecond,
        TimeUnit::HourSecond,
        TimeUnit::HourMinute,
        TimeUnit::DayMicrosecond,
        TimeUnit::DaySecond,
        TimeUnit::DayMinute,
        TimeUnit::DayHour,
        TimeUnit::YearMonth,
    ];

    /// The keyword.
    pub fn name(self) -> &'static str {
        match self {
            TimeUnit::Microsecond => "MICROSECOND",
            TimeUnit::Second => "SECOND",
            TimeUnit::Minute => "MINUTE",
            TimeUnit::Hour => "HOUR",
            TimeUnit::Day => "DAY",
            TimeUnit::Week => "WEEK",
            TimeUnit::Month => "MONTH",
            TimeUnit::Quarter => "QUARTER",
            TimeUnit::Year => "YEAR",
            TimeUnit::SecondMicrosecond => "SECOND_MICROSECOND",
            TimeUnit::MinuteMicrosecond => "MINUTE_MICROSECOND",
            TimeUnit::MinuteSecond => "MINUTE_SECOND",
            TimeUnit::HourMicrosecond => "HOUR_MICROSECOND",
            TimeUnit::HourSecond => "HOUR_SECOND",
            TimeUnit::HourMinute => "HOUR_MINUTE",
            TimeUnit::DayMicrosecond => "DAY_MICROSECOND",
            TimeUnit::DaySecond => "DAY_SECOND",
            TimeUnit::DayMinute => "DAY_MINUTE",
            TimeUnit::DayHour => "DAY_HOUR",
            TimeUnit::YearMonth => "YEAR_MONTH",
        }
    }

    /// The unit of a keyword, in any case.
    pub fn of_name(name: &str) -> Option<TimeUnit> {
        TimeUnit::ALL.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(name))
    }

    /// The largest and the smallest unit that a compound one spans.
    pub fn ends(self) -> Option<(TimeUnit, TimeUnit)> {
        Some(match self {
            TimeUnit::SecondMicrosecond => (TimeUnit::Second, TimeUnit::Microsecond),
            TimeUnit::MinuteMicrosecond => (TimeUnit::Minute, TimeUnit::Microsecond),
            TimeUnit::MinuteSecond => (TimeUnit::Minute, TimeUnit::Second),
            TimeUnit::HourMicrosecond => (TimeUnit::Hour, TimeUnit::Microsecond),
            TimeUnit::HourSecond => (TimeUnit::Hour, TimeUnit::Second),
            TimeUnit::HourMinute => (TimeUnit::Hour, TimeUnit::Minute),
            TimeUnit::DayMicrosecond => (TimeUnit::Day, TimeUnit::Microsecond),
            TimeUnit::DaySecond => (TimeUnit::Day, TimeUnit::Second),
            TimeUnit::DayMinute => (TimeUnit::Day, TimeUnit::Minute),
            TimeUnit::DayHour => (TimeUnit::Day, TimeUnit::Hour),
            TimeUnit::YearMonth => (TimeUnit::Year, TimeUnit::Month),
            TimeUnit::Microsecond
            | TimeUnit::Second
            | TimeUnit::Minute
            | TimeUnit::Hour
            | TimeUnit::Day
            | TimeUnit::Week
            | TimeUnit::Month
            | TimeUnit::Quarter
            | TimeUnit::Year => return None,
        })
    }

    /// The simple units that it spans, the largest first; of a simple unit itself.
    pub fn spanned(self) -> Vec<TimeUnit> {
        let Some((largest, smallest)) = self.ends() else { return vec![self] };
        if self == TimeUnit::YearMonth {
            return vec![largest, smallest];
        }
        let units = SPANNED.iter().map(|(unit, _)| *unit).skip_while(|unit| *unit != largest);
        let mut out: Vec<TimeUnit> = units.take_while(|unit| *unit != smallest).collect();
        out.push(smallest);
        out
    }

    /// What EXTRACT multiplies by to make room for this part behind larger ones.
    pub fn room(self) -> i64 {
        if self == TimeUnit::Microsecond { 1_000_000 } else { 100 }
    }

    /// Whether it is made of whole days, so that a DATE stays one.
    pub fn is_of_days(self) -> bool {
        matches!(
            self,
            TimeUnit::Day
                | TimeUnit::Week
                | TimeUnit::Month
                | TimeUnit::Quarter
                | TimeUnit::Year
                | TimeUnit::YearMonth
        )
    }

    /// Whether it counts microseconds, so that the sum has a fraction of a second.
    pub fn has_fraction(self) -> bool {
        self == TimeUnit::Microsecond || matches!(self.ends(), Some((_, TimeUnit::Microsecond)))
    }

    /// An interval of a compound unit as a count of months (for YEAR_MONTH) or of microseconds. `None` if the text has more
    /// numbers than the unit has parts, or one too large.
    pub fn read(self, text: &str) -> Option<(TimeUnit, i64)> {
        let units = self.spanned();
        let text = text.trim_start();
        let negative = text.starts_with('-');
        let mut numbers = Vec::with_capacity(units.len());
        let mut digits = 0;
        let mut rest = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        while !rest.is_empty() {
            if numbers.len() == units.len() {
                return None;
            }
            digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            numbers.push(rest[..digits].parse::<i64>().ok()?);
            rest = rest[digits..].trim_start_matches(|c: char| !c.is_ascii_digit());
        }
        // The last numbers belong to the last parts.
        let parts = &units[units.len() - numbers.len()..];
        let mut total = 0i64;
        for (at, (unit, number)) in parts.iter().zip(&numbers).enumerate() {
            let length = match unit {
                TimeUnit::Year => 12,
                TimeUnit::Month => 1,
                // A fraction of a second: 5 behind the point are 500,000.
                TimeUnit::Microsecond if at + 1 == numbers.len() => {
                    10i64.pow(6u32.saturating_sub(u32::try_from(digits).ok()?))
                }
                unit => SPANNED.iter().find(|(spanned, _)| spanned == unit)?.1,
            };
            total = total.checked_add(number.checked_mul(length)?)?;
        }
        let unit = if self == TimeUnit::YearMonth { TimeUnit::Month } else { TimeUnit::Microsecond };
        Some((unit, if negative { -total } else { total }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// By MySQL's manual ("Date and Time Intervals") and checked with MariaDB 10.11.
    #[test]
    fn texts_of_compound_units() {
        let us = |unit: TimeUnit, text: &str| unit.read(text).map(|(_, n)| n);
        for (unit, text, wanted) in [
            (TimeUnit::MinuteSecond, "1:10", Some(70 * SECOND)),
            (TimeUnit::MinuteSecond, "-1:10", Some(-70 * SECOND)),
            (TimeUnit::MinuteSecond, "10", Some(10 * SECOND)),
            (TimeUnit::MinuteSecond, "", Some(0)),
            (TimeUnit::MinuteSecond, "1:2:3", None),
            (TimeUnit::DaySecond, "1 1:1:1", Some((86_400 + 3_661) * SECOND)),
            (TimeUnit::DayHour, "-1 10", Some(-34 * 3600 * SECOND)),
            (TimeUnit::DayMinute, "1.5.30", Some((86_400 + 5 * 3600 + 1800) * SECOND)),
            (TimeUnit::SecondMicrosecond, "1.999999", Some(1_999_999)),
            (TimeUnit::SecondMicrosecond, "1.5", Some(1_500_000)),
            (TimeUnit::SecondMicrosecond, "2", Some(200_000)),
            (TimeUnit::HourMicrosecond, "-2.2", Some(-2_200_000)),
            (TimeUnit::DayMicrosecond, "1 2:3:4.000005", Some((86_400 + 7384) * SECOND + 5)),
            (TimeUnit::HourMinute, "  a1b2c", Some(3720 * SECOND)),
            (TimeUnit::HourMinute, "99999999999999999999:1", None),
            (TimeUnit::HourMinute, "9223372036854775807", None),
        ] {
            assert_eq!(us(unit, text), wanted, "{text:?} {}", unit.name());
        }
        assert_eq!(TimeUnit::YearMonth.read("1-2"), Some((TimeUnit::Month, 14)));
        assert_eq!(TimeUnit::YearMonth.read("7"), Some((TimeUnit::Month, 7)));
    }

    #[test]
    fn names_and_parts() {
        for unit in TimeUnit::ALL {
            assert_eq!(TimeUnit::of_name(&unit.name().to_ascii_lowercase()), Some(unit));
            let parts: Vec<&str> = unit.name().split('_').collect();
            let spanned = unit.spanned();
            assert_eq!(spanned.first().map(|u| u.name()), parts.first().copied());
            assert_eq!(spanned.last().map(|u| u.name()), parts.last().copied());
        }
        assert_eq!(TimeUnit::DayMinute.spanned(), [TimeUnit::Day, TimeUnit::Hour, TimeUnit::Minute]);
        assert_eq!(TimeUnit::of_name("DECADE"), None);
    }
}
