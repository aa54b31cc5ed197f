//! Which types a column may change to: TiDB refuses some pairs (error 8200), whatever the rows hold.

use allod_storage::schema::SqlType;

use crate::error::Error;
use crate::expr::Family;

/// Refuses a change between types that TiDB does not make: texts, documents, dates and times to BIT; dates, times, numbers that
/// are not whole, documents and bits to ENUM and SET; these three and those numbers to dates, and the three to times.
pub(super) fn check(from: &SqlType, to: &SqlType) -> Result<(), Error> {
    let is_date = |ty: &SqlType| matches!(ty, SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_));
    let is_moment = |ty: &SqlType| is_date(ty) || matches!(ty, SqlType::Time(_) | SqlType::Year);
    let is_text = |ty: &SqlType| ty.is_string() || Family::of(ty) == Family::Binary && !is_bit(ty);
    let is_fractional =
        |ty: &SqlType| matches!(ty, SqlType::Decimal { .. } | SqlType::Float | SqlType::Double);
    let is_packed = |ty: &SqlType| ty.is_choice() || is_bit(ty);
    let is_json = |ty: &SqlType| *ty == SqlType::Json;
    let refused = match to {
        SqlType::Bit(_) => is_moment(from) || is_text(from) || is_json(from),
        SqlType::Enum(_) | SqlType::Set(_) => {
            is_moment(from) || is_fractional(from) || is_json(from) || is_bit(from)
        }
        SqlType::Time(_) => is_packed(from),
        to if is_date(to) => is_packed(from) || is_fractional(from),
        _ => false,
    };
    match refused {
        true => {
            let what = format!("change from original type {from} to {to} is currently unsupported yet");
            Err(Error::Unsupported(format!("modify column: [ddl:8200]Unsupported modify column: {what}")))
        }
        false => Ok(()),
    }
}

fn is_bit(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Bit(_))
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::Members;

    use super::*;

    /// Pairs from TiDB's script of column types.
    #[test]
    fn pairs_are_allowed_or_not_as_in_tidb() {
        let members = || Members::new(["a", "b"]);
        let decimal = || SqlType::Decimal { precision: 13, scale: 7 };
        for (from, to, allowed) in [
            (SqlType::char(8), SqlType::Bit(1), false),
            (SqlType::Blob(65_535), SqlType::Bit(1), false),
            (SqlType::Json, SqlType::Bit(1), false),
            (SqlType::Year, SqlType::Bit(1), false),
            (decimal(), SqlType::Bit(1), true),
            (SqlType::BIGINT, SqlType::Bit(8), true),
            (decimal(), SqlType::Enum(members()), false),
            (SqlType::Float, SqlType::Set(members()), false),
            (SqlType::Bit(5), SqlType::Enum(members()), false),
            (SqlType::Json, SqlType::Set(members()), false),
            (SqlType::char(8), SqlType::Enum(members()), true),
            (SqlType::BIGINT, SqlType::Enum(members()), true),
            (SqlType::Enum(members()), SqlType::Date, false),
            (SqlType::Enum(members()), SqlType::Time(0), false),
            (SqlType::Enum(members()), SqlType::Year, true),
            (SqlType::Double, SqlType::DateTime(0), false),
            (SqlType::Double, SqlType::Time(0), true),
            (SqlType::Bit(5), SqlType::Time(0), false),
            (SqlType::Date, SqlType::Time(0), true),
            (SqlType::Json, SqlType::Date, true),
        ] {
            assert_eq!(check(&from, &to).is_ok(), allowed, "{from} to {to}");
        }
    }
}
