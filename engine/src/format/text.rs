//! One cell as MySQL prints it.

use std::fmt::Write;

use allod_storage::schema::json::{JsonRef, print_json};
use allod_storage::schema::{Datum, SqlType};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt64Type,
};

/// The text of a cell; `None` = NULL. The array has the form that [`SqlType::arrow`] gives for `ty`; another form is
/// printed as Arrow prints it.
pub fn cell_text(column: &ArrayRef, ty: &SqlType, row: usize) -> Option<String> {
    if column.is_null(row) || matches!(column.data_type(), DataType::Null) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Int64 => match ty {
            SqlType::Year => format!("{:04}", column.as_primitive::<Int64Type>().value(row)),
            _ => column.as_primitive::<Int64Type>().value(row).to_string(),
        },
        DataType::UInt64 => {
            let number = column.as_primitive::<UInt64Type>().value(row);
            match ty.print_number(number) {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => number.to_string(),
            }
        }
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            if matches!(ty, SqlType::Float) { float_text(value) } else { double_text(value) }
        }
        DataType::Decimal64(_, scale) => {
            decimal_text(i128::from(column.as_primitive::<Decimal64Type>().value(row)), *scale)
        }
        DataType::Decimal128(_, scale) => {
            decimal_text(column.as_primitive::<Decimal128Type>().value(row), *scale)
        }
        DataType::Utf8View => column.as_string_view().value(row).to_string(),
        DataType::BinaryView if *ty == SqlType::Json => json_text(column.as_binary_view().value(row)),
        DataType::BinaryView => String::from_utf8_lossy(column.as_binary_view().value(row)).into_owned(),
        DataType::Date32 => Datum::Date(column.as_primitive::<Date32Type>().value(row)).to_string(),
        DataType::Timestamp(..) => {
            let value =
                Datum::DateTime(column.as_primitive::<TimestampMicrosecondType>().value(row)).to_string();
            with_fraction(value, ty)
        }
        DataType::Duration(_) => {
            let value = Datum::Time(column.as_primitive::<DurationMicrosecondType>().value(row)).to_string();
            with_fraction(value, ty)
        }
        _ => arrow::util::display::array_value_to_string(column, row).unwrap_or_default(),
    })
}

/// A document as MySQL prints it.
pub(crate) fn json_text(bytes: &[u8]) -> String {
    let mut out = String::new();
    print_json(JsonRef::new(bytes), &mut out);
    out
}

fn decimal_text(value: i128, scale: i8) -> String {
    // Scales are 0..=30 (`DECIMAL_SCALE_MAX`).
    Datum::Decimal { value, scale: scale.unsigned_abs() }.to_string()
}

/// A `Datum` prints six digits of a fraction or none; the type says how many there are to be.
fn with_fraction(mut text: String, ty: &SqlType) -> String {
    let digits = match ty {
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) | SqlType::Time(fsp) => usize::from(*fsp),
        _ => return text,
    };
    match (text.find('.'), digits) {
        (Some(point), 0) => text.truncate(point),
        (Some(point), n) => text.truncate(point + 1 + n.min(6)),
        (None, 0) => {}
        (None, n) => {
            text.push('.');
            text.extend(std::iter::repeat_n('0', n));
        }
    }
    text
}

/// The shortest digits that read back as the same double; with an exponent from 10^15 on and below 10^-15, as MySQL.
pub(crate) fn double_text(value: f64) -> String {
    scientific_outside(value, format!("{value:e}"), || value.to_string())
}

/// As [`double_text`], with the digits of a single.
pub(crate) fn float_text(value: f64) -> String {
    let single = value as f32;
    scientific_outside(value, format!("{single:e}"), || single.to_string())
}

fn scientific_outside(value: f64, scientific: String, plain: impl FnOnce() -> String) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if (-15..15).contains(&exponent) { plain() } else { scientific }
}

/// Appends `text` with the control characters that would break a line or a column escaped as the mysql client does.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                write!(out, "\\x{:02x}", u32::from(c)).expect("writing to a String never fails")
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_as_mysql_prints_them() {
        for (value, text) in [
            (1.5, "1.5"),
            (0.0, "0"),
            (-0.0, "0"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (1.25e-16, "1.25e-16"),
            (0.00001, "0.00001"),
            (1.0 / 3.0, "0.3333333333333333"),
            (-2e20, "-2e20"),
        ] {
            assert_eq!(double_text(value), text);
        }
        assert_eq!(float_text(f64::from(0.1f32)), "0.1");
    }

    #[test]
    fn fractions_follow_the_type() {
        let at = |us, ty| with_fraction(Datum::DateTime(us).to_string(), &ty);
        assert_eq!(at(1_500_000, SqlType::DateTime(0)), "1970-01-01 00:00:01");
        assert_eq!(at(1_500_000, SqlType::DateTime(3)), "1970-01-01 00:00:01.500");
        assert_eq!(at(1_000_000, SqlType::DateTime(6)), "1970-01-01 00:00:01.000000");
    }
}
