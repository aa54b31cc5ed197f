//! Rows as values: what prepared statements return.

use super::cells::{Cells, Moment, Values};
use super::column::Wire;
use super::payload::put_lenenc_bytes;
use super::text;
use crate::format::{cell_text, json_text};

/// The bits of NULLs in a row begin here.
const NULLS_OFFSET: usize = 2;

/// Appends a row. `wires` says what was told of each column.
pub(crate) fn row(out: &mut Vec<u8>, columns: &[Cells<'_>], wires: &[Wire], row: usize) {
    out.push(0);
    let nulls = out.len();
    out.resize(nulls + (columns.len() + NULLS_OFFSET).div_ceil(8), 0);
    for (at, (cells, wire)) in columns.iter().zip(wires).enumerate() {
        if cells.is_null(row) {
            let bit = at + NULLS_OFFSET;
            out[nulls + bit / 8] |= 1 << (bit % 8);
        } else {
            cell(out, &cells.values, *wire, row);
        }
    }
}

fn cell(out: &mut Vec<u8>, values: &Values<'_>, wire: Wire, row: usize) {
    match values {
        Values::Int(values) => integer(out, values.value(row), wire),
        Values::Year(values) => integer(out, values.value(row), wire),
        Values::UInt(values) => integer(out, values.value(row).cast_signed(), wire),
        Values::Printed(values, ty) => {
            put_lenenc_bytes(out, &ty.print_number(values.value(row)).unwrap_or_default());
        }
        Values::Float(values) => out.extend_from_slice(&(values.value(row) as f32).to_le_bytes()),
        Values::Double(values) => out.extend_from_slice(&values.value(row).to_le_bytes()),
        Values::Decimal64(values, scale) => text::decimal(out, values.value(row).into(), *scale),
        Values::Decimal128(values, scale) => text::decimal(out, values.value(row), *scale),
        Values::Text(values) => put_lenenc_bytes(out, values.value(row).as_bytes()),
        Values::Bytes(values) => put_lenenc_bytes(out, values.value(row)),
        Values::Json(values) => put_lenenc_bytes(out, json_text(values.value(row)).as_bytes()),
        Values::Date(days) => date(out, Moment::of_days(days[row].into())),
        Values::DateTime(us, _) => date(out, Moment::of_microseconds(us[row])),
        Values::Time(us, _) => time(out, us[row]),
        Values::Other(array, ty) => {
            put_lenenc_bytes(out, cell_text(array, ty, row).unwrap_or_default().as_bytes());
        }
        // Told by `is_null`.
        Values::Null => {}
    }
}

/// In as many bytes as the column's type has; values are within their type.
fn integer(out: &mut Vec<u8>, value: i64, wire: Wire) {
    out.extend_from_slice(&value.to_le_bytes()[..wire.integer_bytes()]);
}

fn date(out: &mut Vec<u8>, m: Moment) {
    let [y0, y1] = m.year.to_le_bytes();
    let parts = [y0, y1, m.month, m.day, m.hour, m.minute, m.second];
    let length: usize = match (m.hour, m.minute, m.second, m.microsecond) {
        (0, 0, 0, 0) => 4,
        (.., 0) => 7,
        _ => 11,
    };
    out.push(length as u8);
    out.extend_from_slice(&parts[..length.min(7)]);
    if length == 11 {
        out.extend_from_slice(&m.microsecond.to_le_bytes());
    }
}

fn time(out: &mut Vec<u8>, us: i64) {
    if us == 0 {
        return out.push(0);
    }
    let magnitude = us.unsigned_abs();
    let (second, microsecond) = (magnitude / 1_000_000, (magnitude % 1_000_000) as u32);
    out.push(if microsecond == 0 { 8 } else { 12 });
    out.push(u8::from(us < 0));
    out.extend_from_slice(&((second / 86_400) as u32).to_le_bytes());
    out.extend_from_slice(&[(second / 3600 % 24) as u8, (second / 60 % 60) as u8, (second % 60) as u8]);
    if microsecond != 0 {
        out.extend_from_slice(&microsecond.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[test]
    fn a_row_is_laid_out_as_documented() {
        let mut session = Database::new().session();
        session
            .run("create table t (a tinyint, b int unsigned, c bigint, d double, e decimal(6,2), f varchar(9), g date, h datetime(6), i time(3), j int, k year, l enum('x','yz'), m set('p','q'), n bit(12))")
            .unwrap();
        session
            .run("insert into t values (-1, 4000000000, -2, 1.5, -1.5, 'ab', '2024-02-29', '2024-02-29 01:02:03.000004', '-25:00:01.5', null, 2000, 'yz', 'q,p', 258)")
            .unwrap();
        let mut result = session.execute("select * from t").unwrap();
        let columns = result.columns().to_vec();
        let batch = result.next().unwrap().unwrap();
        let wires: Vec<Wire> = columns.iter().map(|c| Wire::of(&c.ty.sql)).collect();
        let mut out = Vec::new();
        row(&mut out, &Cells::of(&batch, &columns), &wires, 0);
        let mut want = vec![0, 0, 0b1000];
        want.extend_from_slice(&[0xff]);
        want.extend_from_slice(&4_000_000_000u32.to_le_bytes());
        want.extend_from_slice(&(-2i64).to_le_bytes());
        want.extend_from_slice(&1.5f64.to_le_bytes());
        want.extend_from_slice(b"\x05-1.50\x02ab");
        want.extend_from_slice(&[4, 0xe8, 7, 2, 29]);
        want.extend_from_slice(&[11, 0xe8, 7, 2, 29, 1, 2, 3, 4, 0, 0, 0]);
        want.extend_from_slice(&[12, 1, 1, 0, 0, 0, 1, 0, 1, 0x20, 0xa1, 7, 0]);
        want.extend_from_slice(&2000u16.to_le_bytes());
        want.extend_from_slice(b"\x02yz\x03p,q\x02\x01\x02");
        assert_eq!(out, want);
    }
}
