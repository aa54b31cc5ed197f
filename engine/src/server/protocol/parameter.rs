//! The values that come with COM_STMT_EXECUTE.

use std::sync::Arc;

use allod_planner::expr::calendar::TIME_MAX_US;
use allod_storage::schema::{Charset, Datum};

use super::constants::column_type as ty;
use super::payload::{Malformed, Payload};

/// The type of a parameter, as the client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParameterType {
    ty: u8,
    unsigned: bool,
}

/// Reads the types, two bytes each.
///
/// # Errors
/// If they are not there.
pub(crate) fn types(payload: &mut Payload<'_>, count: usize) -> Result<Vec<ParameterType>, Malformed> {
    (0..count).map(|_| Ok(ParameterType { ty: payload.u8()?, unsigned: payload.u8()? & 0x80 != 0 })).collect()
}

/// Reads one value.
///
/// # Errors
/// If it is not there, or of a type that there is not.
pub(crate) fn value(
    payload: &mut Payload<'_>,
    of: ParameterType,
    client: Option<Charset>,
) -> Result<Datum, Malformed> {
    // What a narrow number is as 64 bits depends on its sign.
    let number = |signed: i64, unsigned: u64| match of.unsigned {
        true => Datum::UInt(unsigned),
        false => Datum::Int(signed),
    };
    Ok(match of.ty {
        ty::NULL => Datum::Null,
        ty::TINY => payload.u8().map(|v| number(v.cast_signed().into(), v.into()))?,
        ty::SHORT | ty::YEAR => payload.u16().map(|v| number(v.cast_signed().into(), v.into()))?,
        ty::LONG | ty::INT24 => payload.u32().map(|v| number(v.cast_signed().into(), v.into()))?,
        ty::LONGLONG => payload.u64().map(|v| number(v.cast_signed(), v))?,
        // The shortest digits of the single, not those of the double that is nearest to it.
        ty::FLOAT => {
            let single = f32::from_bits(payload.u32()?);
            Datum::Double(single.to_string().parse().unwrap_or(f64::from(single)))
        }
        ty::DOUBLE => Datum::Double(f64::from_bits(payload.u64()?)),
        ty::DATE | ty::NEWDATE => date_time(payload.lenenc_bytes()?, true)?,
        ty::DATETIME | ty::TIMESTAMP => date_time(payload.lenenc_bytes()?, false)?,
        ty::TIME => time(payload.lenenc_bytes()?)?,
        ty::DECIMAL | ty::NEWDECIMAL => decimal(payload.lenenc_bytes()?),
        ty::VARCHAR | ty::VAR_STRING | ty::STRING | ty::ENUM | ty::SET | ty::JSON => {
            text(payload.lenenc_bytes()?, client)
        }
        ty::TINY_BLOB | ty::MEDIUM_BLOB | ty::LONG_BLOB | ty::BLOB | ty::BIT | ty::GEOMETRY => {
            Datum::Bytes(payload.lenenc_bytes()?.into())
        }
        _ => return Err(Malformed),
    })
}

/// A value that came in pieces, by COM_STMT_SEND_LONG_DATA.
pub(crate) fn long(bytes: Vec<u8>, of: Option<ParameterType>, client: Option<Charset>) -> Datum {
    match of.map(|of| of.ty) {
        Some(ty::VARCHAR | ty::VAR_STRING | ty::STRING) => text(&bytes, client),
        _ => Datum::Bytes(bytes.into()),
    }
}

/// Clients send bytes as strings: what is no text is bytes.
fn text(bytes: &[u8], client: Option<Charset>) -> Datum {
    if let Some(charset) = client {
        return Datum::string(charset.read(bytes));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Datum::String(text.into()),
        Err(_) => Datum::Bytes(Arc::from(bytes)),
    }
}

/// A decimal of digits, if it is one that fits; otherwise the text, for the statement to deal with.
fn decimal(bytes: &[u8]) -> Datum {
    let parsed = std::str::from_utf8(bytes).ok().and_then(|text| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits_only = fraction.bytes().all(|b| b.is_ascii_digit());
        let scale = u8::try_from(fraction.len()).ok().filter(|&s| digits_only && s <= 30)?;
        let value: i128 = format!("{whole}{fraction}").parse().ok()?;
        (value.unsigned_abs() < 10u128.pow(38)).then_some(Datum::Decimal { value, scale })
    });
    parsed.unwrap_or_else(|| text(bytes, None))
}

/// Length 0 stands for a date of zeros, which no value is: the text says so, and the statement decides.
fn date_time(bytes: &[u8], only_date: bool) -> Result<Datum, Malformed> {
    let mut rest = Payload::new(bytes);
    if rest.is_empty() {
        return Ok(Datum::string("0000-00-00"));
    }
    let (year, month, day) = (rest.u16()?, rest.u8()?, rest.u8()?);
    let (mut hour, mut minute, mut second, mut us) = (0, 0, 0, 0);
    if !rest.is_empty() {
        (hour, minute, second) = (rest.u8()?, rest.u8()?, rest.u8()?);
    }
    if !rest.is_empty() {
        us = rest.u32()?;
    }
    if !rest.is_empty() || us >= 1_000_000 {
        return Err(Malformed);
    }
    let date = chrono::NaiveDate::from_ymd_opt(year.into(), month.into(), day.into());
    let moment = date.and_then(|d| d.and_hms_micro_opt(hour.into(), minute.into(), second.into(), us));
    Ok(match moment {
        Some(moment) if only_date => {
            Datum::Date((moment.date() - chrono::NaiveDate::default()).num_days() as i32)
        }
        Some(moment) => Datum::DateTime(moment.and_utc().timestamp_micros()),
        None => Datum::string(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")),
    })
}

fn time(bytes: &[u8]) -> Result<Datum, Malformed> {
    let mut rest = Payload::new(bytes);
    if rest.is_empty() {
        return Ok(Datum::Time(0));
    }
    let negative = rest.u8()? != 0;
    let (days, hour, minute, second) = (rest.u32()?, rest.u8()?, rest.u8()?, rest.u8()?);
    let us = if rest.is_empty() { 0 } else { rest.u32()? };
    if !rest.is_empty() || us >= 1_000_000 {
        return Err(Malformed);
    }
    let seconds =
        ((i64::from(days) * 24 + i64::from(hour)) * 60 + i64::from(minute)) * 60 + i64::from(second);
    // More days than a TIME can hold are as many as it can.
    let value = (seconds.saturating_mul(1_000_000)).saturating_add(i64::from(us)).min(TIME_MAX_US);
    Ok(Datum::Time(if negative { -value } else { value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: u8, unsigned: bool, bytes: &[u8]) -> Result<Datum, Malformed> {
        let mut payload = Payload::new(bytes);
        let read = value(&mut payload, ParameterType { ty: kind, unsigned }, None);
        assert!(read.is_err() || payload.is_empty(), "all of it is read");
        read
    }

    #[test]
    fn values_of_all_types() {
        assert_eq!(read(ty::TINY, false, &[0xff]), Ok(Datum::Int(-1)));
        assert_eq!(read(ty::TINY, true, &[0xff]), Ok(Datum::UInt(255)));
        assert_eq!(read(ty::SHORT, false, &[0, 0x80]), Ok(Datum::Int(-32768)));
        assert_eq!(read(ty::LONG, true, &[0xff; 4]), Ok(Datum::UInt(u32::MAX.into())));
        assert_eq!(read(ty::LONGLONG, false, &[0xff; 8]), Ok(Datum::Int(-1)));
        assert_eq!(read(ty::FLOAT, false, &0.1f32.to_le_bytes()), Ok(Datum::Double(0.1)));
        assert_eq!(read(ty::DOUBLE, false, &0.1f64.to_le_bytes()), Ok(Datum::Double(0.1)));
        assert_eq!(read(ty::DATE, false, &[4, 0xb2, 7, 1, 2]), Ok(Datum::Date(1)));
        assert_eq!(read(ty::DATETIME, false, &[7, 0xb2, 7, 1, 1, 0, 1, 2]), Ok(Datum::DateTime(62_000_000)));
        assert_eq!(read(ty::DATETIME, false, &[0]), Ok(Datum::string("0000-00-00")));
        assert_eq!(
            read(ty::TIME, false, &[12, 1, 1, 0, 0, 0, 1, 0, 1, 0x20, 0xa1, 7, 0]),
            Ok(Datum::Time(-90_001_500_000))
        );
        assert_eq!(read(ty::NEWDECIMAL, false, b"\x05-1.50"), Ok(Datum::Decimal { value: -150, scale: 2 }));
        assert_eq!(read(ty::NEWDECIMAL, false, b"\x031e5"), Ok(Datum::string("1e5")));
        assert_eq!(read(ty::VAR_STRING, false, b"\x02hi"), Ok(Datum::string("hi")));
        assert_eq!(read(ty::VAR_STRING, false, b"\x01\xff"), Ok(Datum::Bytes([0xff].into())));
        assert_eq!(read(ty::BLOB, false, b"\x02hi"), Ok(Datum::Bytes(b"hi"[..].into())));
    }

    #[test]
    fn a_time_of_too_many_days_is_as_long_as_can_be() {
        let days = |negative: u8, days: [u8; 4]| {
            let mut bytes = vec![8, negative];
            bytes.extend(days);
            bytes.extend([0, 0, 0]);
            read(ty::TIME, false, &bytes)
        };
        assert_eq!(days(1, [34, 0, 0, 0]), Ok(Datum::Time(-34 * 24 * 3_600_000_000)));
        assert_eq!(days(0, [35, 0, 0, 0]), Ok(Datum::Time(TIME_MAX_US)));
        assert_eq!(days(1, [0xff; 4]), Ok(Datum::Time(-TIME_MAX_US)));
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_refused() {
        for (kind, bytes) in [
            (ty::LONG, &[1, 2][..]),
            (ty::VAR_STRING, &[5, b'a']),
            (ty::DATETIME, &[5, 0, 0, 1, 1, 1]),
            (ty::TIME, &[3, 0, 0, 0]),
            (77, &[0]),
        ] {
            assert_eq!(read(kind, false, bytes), Err(Malformed), "{kind}");
        }
    }
}
