//! Time zones: what clocks show at a moment, and which moment it is that they show.
//!
//! A TIMESTAMP is held as a moment: microseconds since 1970, UTC. Whoever names it sees what clocks of the session's zone show
//! then, and from there on it is a date and a time like any other ([`mod@crate::bind`]). Places are those of IANA's database, which
//! comes with the crate `chrono-tz`.

use std::fmt;

use allod_storage::schema::ZERO_DATETIME;
use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

const SECOND_US: i64 = 1_000_000;

/// No zone is further from another than this.
const FAR_US: i64 = 27 * 3600 * SECOND_US;

/// The moments that a TIMESTAMP holds: from 1970-01-01 00:00:01 to the end of what 32 bits count, or none at all.
pub fn is_timestamp(utc_us: i64) -> bool {
    utc_us == ZERO_DATETIME || (SECOND_US..(1 << 31) * SECOND_US).contains(&utc_us)
}

/// The names of the places that have zones.
pub fn names() -> impl Iterator<Item = &'static str> {
    TZ_VARIANTS.iter().map(|tz| tz.name())
}

/// A time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// So many seconds ahead of UTC.
    Fixed(i32),
    /// That of a place.
    Place(Tz),
}

impl Default for Zone {
    fn default() -> Zone {
        Zone::UTC
    }
}

/// The moments at which clocks show a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    /// As nearly always.
    One(i64),
    /// Clocks were put back: the first and the second.
    Two(i64, i64),
    /// Clocks were put forward at this moment, and never show it.
    Never(i64),
}

impl Moments {
    /// The moment that MySQL takes it for: the first, and of a time that there was not the one when clocks were put forward.
    pub fn chosen(self) -> i64 {
        match self {
            Moments::One(us) | Moments::Two(us, _) | Moments::Never(us) => us,
        }
    }
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone::Fixed(0);

    /// By its name in SQL: `+08:00`, `Europe/Berlin`. What `SYSTEM` is who asks must know.
    pub fn of_name(name: &str) -> Option<Zone> {
        match name.split_at_checked(1)? {
            ("+", digits) => offset(digits).map(Zone::Fixed),
            ("-", digits) => offset(digits).map(|seconds| Zone::Fixed(-seconds)),
            _ => Zone::of_place(name),
        }
        // From -13:59 to +14:00.
        .filter(|zone| !matches!(zone, Zone::Fixed(seconds) if !(-50_340..=50_400).contains(seconds)))
    }

    fn of_place(name: &str) -> Option<Zone> {
        let known = || TZ_VARIANTS.iter().copied().find(|tz| tz.name().eq_ignore_ascii_case(name));
        Some(match name.parse::<Tz>().ok().or_else(known)? {
            Tz::UTC | Tz::Etc__UTC | Tz::GMT | Tz::Etc__GMT => Zone::UTC,
            place => Zone::Place(place),
        })
    }

    /// Whether its clocks show UTC.
    pub fn is_utc(self) -> bool {
        self == Zone::UTC
    }

    /// What clocks show at a moment. The date 0000-00-00 is no moment, and stays.
    pub fn local(self, utc_us: i64) -> i64 {
        if utc_us == ZERO_DATETIME {
            return utc_us;
        }
        let seconds = match self {
            Zone::Fixed(seconds) => seconds,
            Zone::Place(tz) => {
                naive(utc_us).map_or(0, |naive| tz.offset_from_utc_datetime(&naive).fix().local_minus_utc())
            }
        };
        utc_us.saturating_add(i64::from(seconds) * SECOND_US)
    }

    /// When clocks show this.
    pub fn moments(self, local_us: i64) -> Moments {
        if local_us == ZERO_DATETIME {
            return Moments::One(local_us);
        }
        let at = |seconds: i32| local_us.saturating_sub(i64::from(seconds) * SECOND_US);
        let (tz, naive) = match (self, naive(local_us)) {
            (Zone::Fixed(seconds), _) => return Moments::One(at(seconds)),
            (Zone::Place(_), None) => return Moments::One(local_us),
            (Zone::Place(tz), Some(naive)) => (tz, naive),
        };
        match tz.offset_from_local_datetime(&naive) {
            MappedLocalTime::Single(offset) => Moments::One(at(offset.fix().local_minus_utc())),
            MappedLocalTime::Ambiguous(a, b) => {
                let (a, b) = (at(a.fix().local_minus_utc()), at(b.fix().local_minus_utc()));
                Moments::Two(a.min(b), a.max(b))
            }
            // Somewhere here they jump over it: the first moment at which they show more.
            MappedLocalTime::None => {
                let (mut low, mut high) = (local_us.saturating_sub(FAR_US), local_us.saturating_add(FAR_US));
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    if self.local(middle) > local_us { high = middle } else { low = middle }
                }
                Moments::Never(high)
            }
        }
    }
}

/// As SQL names it.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Fixed(0) => f.write_str("UTC"),
            Zone::Fixed(seconds) => {
                let minutes = seconds.unsigned_abs() / 60;
                let sign = if *seconds < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Zone::Place(tz) => f.write_str(tz.name()),
        }
    }
}

/// The seconds of `8:00`.
fn offset(digits: &str) -> Option<i32> {
    let (hours, minutes) = digits.split_once(':')?;
    let number = |s: &str| {
        (matches!(s.len(), 1 | 2) && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<i32>().ok())?
    };
    Some((number(hours)? * 60 + number(minutes).filter(|m| *m < 60)?) * 60)
}

fn naive(us: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(us).map(|moment| moment.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::calendar::parse_datetime;

    fn us(text: &str) -> i64 {
        parse_datetime(text).unwrap().0
    }

    #[test]
    fn zones_have_names() {
        for (name, shown) in [
            ("+08:00", Some("+08:00")),
            ("-3:30", Some("-03:30")),
            ("+14:00", Some("+14:00")),
            ("+14:01", None),
            ("-13:59", Some("-13:59")),
            ("-14:00", None),
            ("utc", Some("UTC")),
            ("europe/berlin", Some("Europe/Berlin")),
            ("+01:60", None),
            ("1:00", None),
            ("+1", None),
            ("Mars/Olympus", None),
            ("", None),
            ("ä", None),
        ] {
            assert_eq!(Zone::of_name(name).map(|zone| zone.to_string()).as_deref(), shown, "{name}");
        }
        assert_eq!(Zone::of_name("GMT"), Some(Zone::UTC));
    }

    /// Berlin's clocks go from 2 to 3 on 2022-03-27 and from 3 to 2 on 2022-10-30, both at 1:00 UTC.
    #[test]
    fn clocks_are_put_forward_and_back() {
        let berlin = Zone::of_name("Europe/Berlin").unwrap();
        let (spring, autumn) = (us("2022-03-27 01:00:00"), us("2022-10-30 01:00:00"));
        assert_eq!(berlin.local(spring - 1), us("2022-03-27 01:59:59.999999"));
        assert_eq!(berlin.local(spring), us("2022-03-27 03:00:00"));
        for gone in ["2022-03-27 02:00:00", "2022-03-27 02:30:00", "2022-03-27 02:59:59.999999"] {
            assert_eq!(berlin.moments(us(gone)), Moments::Never(spring), "{gone}");
        }
        assert_eq!(berlin.moments(us("2022-03-27 03:00:00")), Moments::One(spring));
        let twice = berlin.moments(us("2022-10-30 02:30:00"));
        assert_eq!(twice, Moments::Two(us("2022-10-30 00:30:00"), us("2022-10-30 01:30:00")));
        assert_eq!(berlin.moments(us("2022-10-30 03:00:00")), Moments::One(autumn + 3_600 * SECOND_US));
        assert_eq!(berlin.local(ZERO_DATETIME), ZERO_DATETIME);
        assert_eq!(berlin.moments(ZERO_DATETIME), Moments::One(ZERO_DATETIME));
    }
}
