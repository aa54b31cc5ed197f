//! Rows as text: what COM_QUERY returns.

use std::io::Write;

use super::cells::{Cells, Moment, Values};
use super::payload::put_lenenc_bytes;
use crate::format::{cell_text, double_text, float_text, json_text};

/// Appends a row.
pub(crate) fn row(out: &mut Vec<u8>, columns: &[Cells<'_>], row: usize) {
    for cells in columns {
        if cells.is_null(row) {
            out.push(0xfb);
        } else {
            cell(out, &cells.values, row);
        }
    }
}

fn cell(out: &mut Vec<u8>, values: &Values<'_>, row: usize) {
    match values {
        Values::Int(values) => integer(out, values.value(row)),
        Values::UInt(values) => integer(out, values.value(row)),
        Values::Printed(values, ty) => {
            put_lenenc_bytes(out, &ty.print_number(values.value(row)).unwrap_or_default());
        }
        Values::Float(values) => put_lenenc_bytes(out, float_text(values.value(row)).as_bytes()),
        Values::Double(values) => put_lenenc_bytes(out, double_text(values.value(row)).as_bytes()),
        Values::Decimal64(values, scale) => decimal(out, values.value(row).into(), *scale),
        Values::Decimal128(values, scale) => decimal(out, values.value(row), *scale),
        Values::Text(values) => put_lenenc_bytes(out, values.value(row).as_bytes()),
        Values::Bytes(values) => put_lenenc_bytes(out, values.value(row)),
        Values::Json(values) => put_lenenc_bytes(out, json_text(values.value(row)).as_bytes()),
        Values::Date(days) => short(out, |out| date(out, Moment::of_days(days[row].into()))),
        Values::DateTime(us, fsp) => short(out, |out| {
            let moment = Moment::of_microseconds(us[row]);
            date(out, moment);
            out.push(b' ');
            clock(out, moment.hour.into(), moment.minute, moment.second);
            fraction(out, moment.microsecond, *fsp);
        }),
        Values::Time(us, fsp) => short(out, |out| time(out, us[row], *fsp)),
        Values::Year(values) => short(out, |out| digits(out, values.value(row).unsigned_abs(), 4)),
        Values::Other(array, ty) => {
            put_lenenc_bytes(out, cell_text(array, ty, row).unwrap_or_default().as_bytes());
        }
        // Told by `is_null`.
        Values::Null => out.push(0xfb),
    }
}

fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    // At most 20 digits and a sign.
    out.push(text.len() as u8);
    out.extend_from_slice(text);
}

/// Appends what `write` appends, with its length (below 251) before it.
fn short(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(0);
    write(out);
    out[start] = (out.len() - start - 1) as u8;
}

/// Appends a decimal, with its length before it.
pub(super) fn decimal(out: &mut Vec<u8>, value: i128, scale: u8) {
    short(out, |out| {
        if value < 0 {
            out.push(b'-');
        }
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(value.unsigned_abs()).as_bytes();
        let scale = usize::from(scale);
        let (whole, fraction) = text.split_at(text.len().saturating_sub(scale));
        out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
        if scale > 0 {
            out.push(b'.');
            out.extend(std::iter::repeat_n(b'0', scale - fraction.len()));
            out.extend_from_slice(fraction);
        }
    });
}

/// Appends a number with zeros before it.
fn digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for place in out[start..].iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn date(out: &mut Vec<u8>, moment: Moment) {
    digits(out, moment.year.into(), 4);
    out.push(b'-');
    digits(out, moment.month.into(), 2);
    out.push(b'-');
    digits(out, moment.day.into(), 2);
}

fn clock(out: &mut Vec<u8>, hours: u64, minute: u8, second: u8) {
    if hours < 100 {
        digits(out, hours, 2);
    } else {
        // A time may have three digits of hours.
        write!(out, "{hours}").expect("writing to a Vec never fails");
    }
    out.push(b':');
    digits(out, minute.into(), 2);
    out.push(b':');
    digits(out, second.into(), 2);
}

fn fraction(out: &mut Vec<u8>, microsecond: u32, fsp: u8) {
    let kept = usize::from(fsp.min(6));
    if kept > 0 {
        out.push(b'.');
        let start = out.len();
        digits(out, microsecond.into(), 6);
        out.truncate(start + kept);
    }
}

fn time(out: &mut Vec<u8>, us: i64, fsp: u8) {
    if us < 0 {
        out.push(b'-');
    }
    let us = us.unsigned_abs();
    let second = us / 1_000_000;
    clock(out, second / 3600, (second / 60 % 60) as u8, (second % 60) as u8);
    fraction(out, (us % 1_000_000) as u32, fsp);
}

#[cfg(test)]
mod tests {
    use crate::server::protocol::payload::Payload;
    use crate::{Database, Session};

    /// The cells of a query's one row as they go over the wire.
    fn wire(session: &mut Session, sql: &str) -> Vec<Option<String>> {
        let mut result = session.execute(sql).unwrap();
        let columns = result.columns().to_vec();
        let batch = result.next().unwrap().unwrap();
        let cells = super::Cells::of(&batch, &columns);
        let mut out = Vec::new();
        super::row(&mut out, &cells, 0);
        let mut payload = Payload::new(&out);
        let mut found = Vec::new();
        while !payload.is_empty() {
            let mut peek = payload;
            if peek.u8() == Ok(0xfb) {
                payload = peek;
                found.push(None);
            } else {
                found.push(Some(String::from_utf8_lossy(payload.lenenc_bytes().unwrap()).into_owned()));
            }
        }
        found
    }

    /// What the shell prints is written by other code.
    #[test]
    fn cells_are_what_the_shell_prints() {
        let mut session = Database::new().session();
        session
            .run("create table t (a tinyint, b bigint unsigned, c float, d double, e decimal(10,3), f decimal(30,5), g varchar(20), h blob, i date, j datetime(3), k timestamp, l time(2), m year, n char(3), o decimal(5,0))")
            .unwrap();
        session
            .run("insert into t values (-5, 18446744073709551615, 0.1, 1e20, -0.007, 123456789012345678901.5, 'it''s', x'00ff', '1999-12-31', '2024-02-29 23:59:59.123', '2001-01-01 00:00:00', '-123:04:05.67', 1987, null, -12)")
            .unwrap();
        for sql in [
            "select * from t",
            "select 1 + 1, 'x', null, 1.50, now() > 0, -0.5 from t",
            "select a is null, sum(e), max(l), min(j) from t group by a",
        ] {
            let cells = wire(&mut session, sql);
            let mut result = session.execute(sql).unwrap();
            let columns = result.columns().to_vec();
            let batch = result.next().unwrap().unwrap();
            let want: Vec<Option<String>> = batch
                .columns()
                .iter()
                .zip(&columns)
                .map(|(array, column)| crate::format::cell_text(array, &column.ty.sql, 0))
                .collect();
            assert_eq!(cells, want, "{sql}");
        }
    }
}
