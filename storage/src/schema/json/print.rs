//! Documents as text.

use std::fmt::Write;

use super::{JsonRef, View};
use crate::schema::Datum;

/// The document in one line, as MySQL shows it: `{"a": 1, "b": [1, 2]}`.
pub fn print_json(json: JsonRef<'_>, out: &mut String) {
    match json.view() {
        View::Array(array) => {
            out.push('[');
            for (at, item) in array.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                print_json(item, out);
            }
            out.push(']');
        }
        View::Object(object) => {
            out.push('{');
            for (at, (key, value)) in object.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                quote(key, out);
                out.push_str(": ");
                print_json(value, out);
            }
            out.push('}');
        }
        scalar => print_scalar(scalar, out),
    }
}

/// The document with a line for each element and member, indented by two blanks a level: JSON_PRETTY.
pub fn print_pretty(json: JsonRef<'_>, level: usize, out: &mut String) {
    fn line(level: usize, out: &mut String) {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    }
    match json.view() {
        View::Array(array) if !array.is_empty() => {
            out.push('[');
            for (at, item) in array.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(level + 1, out);
                print_pretty(item, level + 1, out);
            }
            line(level, out);
            out.push(']');
        }
        View::Object(object) if !object.is_empty() => {
            out.push('{');
            for (at, (key, value)) in object.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(level + 1, out);
                quote(key, out);
                out.push_str(": ");
                print_pretty(value, level + 1, out);
            }
            line(level, out);
            out.push('}');
        }
        _ => print_json(json, out),
    }
}

fn print_scalar(scalar: View<'_>, out: &mut String) {
    match scalar {
        View::Bool(v) => out.push_str(if v { "true" } else { "false" }),
        View::Int(v) => display(v, out),
        View::UInt(v) => display(v, out),
        View::Double(v) => print_double(v, out),
        View::String(text) => quote(text, out),
        View::Opaque(ty, bytes) => {
            let _ = write!(out, "\"base64:type{ty}:");
            base64(bytes, out);
            out.push('"');
        }
        View::Date(days) => {
            let _ = write!(out, "\"{}\"", Datum::Date(days));
        }
        View::DateTime(us) => print_moment(Datum::DateTime(us), us, out),
        View::Time(us) => print_moment(Datum::Time(us), us, out),
        View::Null | View::Array(_) | View::Object(_) => out.push_str("null"),
    }
}

/// Writing to a string does not fail.
fn display(value: impl std::fmt::Display, out: &mut String) {
    let _ = write!(out, "{value}");
}

/// With all six digits of the fraction.
fn print_moment(datum: Datum, us: i64, out: &mut String) {
    let fraction = if us % 1_000_000 == 0 { ".000000" } else { "" };
    let _ = write!(out, "\"{datum}{fraction}\"");
}

/// The fewest digits that read back as the same double; with an exponent only if it is very large or very small.
fn print_double(v: f64, out: &mut String) {
    if v != 0.0 && !(1e-6..1e21).contains(&v.abs()) {
        let text = format!("{v:e}");
        let sign = if text.contains("e-") { "e" } else { "e+" };
        out.push_str(&text.replacen('e', sign, 1));
    } else {
        display(v, out);
    }
}

/// Appends a text in quotation marks, with what must be escaped escaped.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x0c => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[start..at]);
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
        start = at + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
}

fn base64(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let code = (word >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit <= chunk.len() { char::from(DIGITS[code]) } else { '=' });
        }
    }
}
