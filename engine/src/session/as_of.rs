//! Times to read at.

use allod_planner::expr::calendar::parse_datetime;
use allod_planner::zone::Zone;
use allod_storage::schema::{Datum, TableDescriptor, Temporary, Timestamp};

use super::Session;
use super::statement::Planned;
use super::transaction::Options;
use crate::error::{Error, Result, code};

impl Session {
    /// The time that a statement reads at, if that is in the past. An error if it may not be, or not with this statement.
    pub(super) fn as_of(&mut self, planned: &Planned) -> Result<Option<Timestamp>> {
        let mut by_variable = self.transaction.is_some() && self.snapshot.is_some();
        let as_of = match (&self.transaction, planned.as_of) {
            (Some(_), Some(_)) => return Err(wrong("as of timestamp can't be set in transaction")),
            (Some(active), None) => active.as_of(),
            (None, as_of) if planned.uses_tables => {
                let next = self.next_options();
                if planned.dml.is_some() && !planned.written().all(|table| table.is_local()) {
                    next.check_write()?;
                }
                self.next = Options::default();
                by_variable = as_of.is_none() && self.snapshot.is_some() && next.as_of == self.snapshot;
                as_of.or(next.as_of)
            }
            (None, _) => None,
        };
        let Some(ts) = as_of else { return Ok(None) };
        let version = self.version();
        for table in planned.query.tables() {
            check_temporary(table, by_variable)?;
            let entry = version.entry(&table.database, &table.name);
            if entry.is_some_and(|entry| entry.since > ts) {
                let name = format!("{}.{}", table.database, table.name);
                return Err(wrong(&format!("table '{name}' was changed after that time")));
            }
        }
        Ok(Some(ts))
    }
}

/// Temporary tables have no past.
fn check_temporary(table: &TableDescriptor, by_variable: bool) -> Result<()> {
    let message = match table.temporary {
        Some(Temporary::Local) if by_variable => {
            "can not read local temporary table when 'tidb_snapshot' is set"
        }
        // One of all sessions was empty whenever that was.
        Some(Temporary::Global) if by_variable => return Ok(()),
        Some(_) => "can not stale read temporary table",
        None => return Ok(()),
    };
    Err(Error::new(code::UNKNOWN, message))
}

/// The timestamp of what clocks of a zone show, or of a number that is one.
pub(super) fn timestamp(time: &Datum, zone: Zone) -> Result<Timestamp> {
    match time {
        Datum::UInt(ts) => Ok(Timestamp(*ts)),
        Datum::Int(ts) => u64::try_from(*ts).map(Timestamp).map_err(|_| no_time(time)),
        Datum::DateTime(us) => of_local(*us, zone).ok_or_else(|| no_time(time)),
        Datum::Date(days) => of_local(i64::from(*days) * 86_400_000_000, zone).ok_or_else(|| no_time(time)),
        Datum::String(text) => match text.parse() {
            // A date has at most 14 digits.
            Ok(ts) if text.len() > 14 => Ok(Timestamp(ts)),
            _ => parse_datetime(text).and_then(|(us, _)| of_local(us, zone)).ok_or_else(|| no_time(time)),
        },
        _ => Err(no_time(time)),
    }
}

/// An error of AS OF TIMESTAMP.
pub(super) fn wrong(why: &str) -> Error {
    Error::new(code::AS_OF, format!("invalid as of timestamp: {why}"))
}

fn no_time(time: &Datum) -> Error {
    wrong(&format!("'{time}' is no time"))
}

/// From what clocks show, in microseconds since 1970.
fn of_local(us: i64, zone: Zone) -> Option<Timestamp> {
    let ms = zone.moments(us).chosen().div_euclid(1000);
    Some(Timestamp::from_parts(ms.try_into().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_timestamps() {
        // 2023-11-14 22:13:20.123 in UTC.
        let now_ms = 1_700_000_000_123;
        let zone = Zone::of_name("+08:00").unwrap();
        let us = (now_ms + 8 * 3_600_000) * 1000;
        let expected = Timestamp::from_parts(now_ms as u64, 0);
        assert_eq!(timestamp(&Datum::DateTime(us), zone).unwrap(), expected);
        let text = Datum::string("2023-11-15 06:13:20.123000");
        assert_eq!(timestamp(&text, zone).unwrap(), expected);
        assert_eq!(timestamp(&Datum::UInt(expected.0), zone).unwrap(), expected);
        assert_eq!(timestamp(&Datum::string(expected.0.to_string()), zone).unwrap(), expected);
        for wrong in [Datum::Null, Datum::string("yesterday"), Datum::Int(-1), Datum::string("20241301")] {
            assert_eq!(timestamp(&wrong, zone).unwrap_err().code(), 8135, "{wrong}");
        }
    }
}
