//! The order of documents.
//!
//! Two ways to the same order: [`compare_json`] compares two, [`order_key`] makes bytes that compare as the documents do.
//!
//! A key is, for each value, a byte for its rank and then: for numbers the sign, the exponent and 64 bits of mantissa, all
//! complemented if the number is negative, so that an integer and an equal double have equal keys; for strings and bytes their
//! bytes with 0 written as `0 255` and `0 0` behind them, so that no string's key is the beginning of another's; for
//! arrays their elements, each behind a 1, and a 0 behind the last; for objects their number of members and the members.

use std::cmp::Ordering;

use super::{JsonRef, View};

/// Ranks of kinds, least first.
fn rank(view: &View<'_>) -> u8 {
    match view {
        View::Null => 0,
        View::Int(_) | View::UInt(_) | View::Double(_) => 1,
        View::String(_) => 2,
        View::Object(_) => 3,
        View::Array(_) => 4,
        View::Bool(_) => 5,
        View::Date(_) => 6,
        View::Time(_) => 7,
        View::DateTime(_) => 8,
        View::Opaque(..) => 9,
    }
}

/// Compares two documents as MySQL does.
pub fn compare_json(a: JsonRef<'_>, b: JsonRef<'_>) -> Ordering {
    let (a, b) = (a.view(), b.view());
    match (&a, &b) {
        (View::String(a), View::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (View::Bool(a), View::Bool(b)) => a.cmp(b),
        (View::Date(a), View::Date(b)) => a.cmp(b),
        (View::Time(a), View::Time(b)) | (View::DateTime(a), View::DateTime(b)) => a.cmp(b),
        (View::Opaque(ta, a), View::Opaque(tb, b)) => ta.cmp(tb).then_with(|| a.cmp(b)),
        (View::Array(a), View::Array(b)) => {
            let differing = a.iter().zip(b.iter()).map(|(a, b)| compare_json(a, b)).find(|o| o.is_ne());
            differing.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (View::Object(a), View::Object(b)) => {
            let differing = a.iter().zip(b.iter()).map(|((ka, va), (kb, vb))| {
                ka.as_bytes().cmp(kb.as_bytes()).then_with(|| compare_json(va, vb))
            });
            a.len()
                .cmp(&b.len())
                .then_with(|| differing.into_iter().find(|o| o.is_ne()).unwrap_or(Ordering::Equal))
        }
        _ => match (number(&a), number(&b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => rank(&a).cmp(&rank(&b)),
        },
    }
}

/// The bytes of a document's order.
pub fn order_key(json: JsonRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write(json, &mut out);
    out
}

fn write(json: JsonRef<'_>, out: &mut Vec<u8>) {
    let view = json.view();
    out.push(rank(&view));
    match view {
        View::Null => {}
        View::Int(_) | View::UInt(_) | View::Double(_) => {
            if let Some(number) = number(&view) {
                out.extend_from_slice(&number.key());
            }
        }
        View::String(text) => write_bytes(text.as_bytes(), out),
        View::Bool(v) => out.push(u8::from(v)),
        View::Date(days) => write_int(i64::from(days), out),
        View::Time(us) | View::DateTime(us) => write_int(us, out),
        View::Opaque(ty, bytes) => {
            out.push(ty);
            write_bytes(bytes, out);
        }
        View::Array(array) => {
            for item in array.iter() {
                out.push(1);
                write(item, out);
            }
            out.push(0);
        }
        View::Object(object) => {
            out.extend_from_slice(&(object.len() as u64).to_be_bytes());
            for (key, value) in object.iter() {
                write_bytes(key.as_bytes(), out);
                write(value, out);
            }
        }
    }
}

fn write_int(v: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(v as u64 ^ 1 << 63).to_be_bytes());
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(255);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// A number, exactly: sign x mantissa x 2^exponent, the mantissa's highest bit set unless it is 0. The order of the fields is
/// that of positive numbers; a negative number's are complemented.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    sign: u8,
    exponent: u16,
    mantissa: u64,
}

impl Number {
    const NEGATIVE: u8 = 0;
    const ZERO: u8 = 1;
    const POSITIVE: u8 = 2;
    /// Added to exponents, which are -1138 to 960.
    const BIAS: i32 = 0x4000;

    fn new(negative: bool, mantissa: u64, exponent: i32) -> Number {
        if mantissa == 0 {
            return Number { sign: Number::ZERO, exponent: 0, mantissa: 0 };
        }
        let shift = mantissa.leading_zeros();
        let (mantissa, exponent) = (mantissa << shift, (exponent - shift as i32 + Number::BIAS) as u16);
        if negative {
            Number { sign: Number::NEGATIVE, exponent: !exponent, mantissa: !mantissa }
        } else {
            Number { sign: Number::POSITIVE, exponent, mantissa }
        }
    }

    fn key(self) -> [u8; 11] {
        let mut out = [self.sign; 11];
        out[1..3].copy_from_slice(&self.exponent.to_be_bytes());
        out[3..].copy_from_slice(&self.mantissa.to_be_bytes());
        out
    }
}

fn number(view: &View<'_>) -> Option<Number> {
    Some(match view {
        View::Int(v) => Number::new(*v < 0, v.unsigned_abs(), 0),
        View::UInt(v) => Number::new(false, *v, 0),
        View::Double(v) => {
            let bits = v.to_bits();
            let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
            // Numbers too small for an exponent have no leading bit of their own.
            let (mantissa, exponent) =
                if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
            Number::new(v.is_sign_negative(), mantissa, exponent)
        }
        _ => return None,
    })
}
