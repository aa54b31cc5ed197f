//! Internet addresses and UUIDs, as text and as bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use allod_planner::expr::Network;

use super::function::{Failure, Outcome, build_bytes, bytes, ints, text};
use super::string::build;
use super::value::{Bools, Column, Value};
use crate::error::Error;

/// Evaluates a function of addresses.
pub(crate) fn apply(network: Network, args: &[Value], rows: usize) -> Outcome {
    match network {
        Network::InetAton => {
            let s = text(&args[0], rows)?;
            Ok(Value::UInt(Column::from_options((0..rows).map(|row| inet_aton(s.get(row)?)))))
        }
        Network::InetNtoa => {
            let n = ints(&args[0], rows);
            Ok(build(rows, |row, out| {
                let address = Ipv4Addr::from(u32::try_from(n.get(row)?).ok()?);
                out.push_str(&address.to_string());
                Some(())
            }))
        }
        Network::Inet6Aton => {
            let s = text(&args[0], rows)?;
            Ok(build_bytes(rows, |row| {
                let s = s.get(row)?;
                let v4 = parse_v4(s).map(|address| address.octets().to_vec());
                v4.or_else(|| s.parse::<Ipv6Addr>().ok().map(|address| address.octets().to_vec()))
            }))
        }
        Network::Inet6Ntoa => {
            let b = bytes(&args[0], rows)?;
            Ok(build(rows, |row, out| {
                let b = b.get(row)?;
                if let Ok(octets) = <[u8; 4]>::try_from(b) {
                    out.push_str(&Ipv4Addr::from(octets).to_string());
                } else {
                    out.push_str(&show_v6(Ipv6Addr::from(<[u8; 16]>::try_from(b).ok()?)));
                }
                Some(())
            }))
        }
        Network::IsIpv4 => of_text(args, rows, |s| parse_v4(s).is_some()),
        Network::IsIpv6 => of_text(args, rows, |s| s.parse::<Ipv6Addr>().is_ok()),
        Network::IsIpv4Compat => of_bytes(args, rows, |b| {
            // :: and ::1 are addresses of their own.
            b[..12] == [0; 12] && b[12..] != [0; 4] && b[12..] != [0, 0, 0, 1]
        }),
        Network::IsIpv4Mapped => of_bytes(args, rows, |b| b[..10] == [0; 10] && b[10..12] == [0xff; 2]),
        Network::IsUuid => {
            let s = text(&args[0], rows)?;
            Ok(Value::Bool(s.test(rows, |s| parse_uuid(s).is_some())))
        }
        Network::UuidToBin => uuid_to_bin(args, rows),
        Network::BinToUuid => bin_to_uuid(args, rows),
    }
}

/// A test of text; NULL does not pass.
fn of_text(args: &[Value], rows: usize, test: impl Fn(&str) -> bool) -> Outcome {
    if matches!(args[0], Value::Null) {
        return Ok(Value::Bool(Bools::uniform(false, rows)));
    }
    let s = text(&args[0], rows)?;
    Ok(Value::Bool(Bools { bits: s.test(rows, test).bits, nulls: None }))
}

/// A test of 16 bytes; NULL and other lengths do not pass.
fn of_bytes(args: &[Value], rows: usize, test: impl Fn(&[u8; 16]) -> bool) -> Outcome {
    if matches!(args[0], Value::Null) {
        return Ok(Value::Bool(Bools::uniform(false, rows)));
    }
    let b = bytes(&args[0], rows)?;
    let passes = |row| b.get(row).and_then(|b| <&[u8; 16]>::try_from(b).ok()).is_some_and(&test);
    Ok(Value::Bool(Bools { bits: super::bits::of_rows(rows, passes), nulls: None }))
}

/// INET_ATON: up to four numbers of a byte each; of fewer the last is the last byte, and those between are 0.
fn inet_aton(s: &str) -> Option<u64> {
    let parts: Vec<&str> = s.split('.').collect();
    let (last, first) = parts.split_last().filter(|(last, _)| !last.is_empty() && parts.len() <= 4)?;
    let byte = |part: &str| -> Option<u64> {
        part.bytes()
            .try_fold(0, |v, b| Some(v * 10 + u64::from((b as char).to_digit(10)?)).filter(|v| *v < 256))
    };
    let mut value = 0;
    for part in first {
        value = value << 8 | byte(part)?;
    }
    // One part is the last byte, two are the first and the last, three the first two and the last.
    let missing = if first.is_empty() { 0 } else { 4 - parts.len() };
    Some(value << (8 * (missing + 1)) | byte(last)?)
}

/// Four numbers of up to three digits.
fn parse_v4(s: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = s.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// An address with `::` for its longest run of zeros, and the last four bytes as IPv4 if only they (and a mark) are there.
fn show_v6(address: Ipv6Addr) -> String {
    let s = address.segments();
    if s[..6] == [0; 6] && s[6] != 0 {
        let [.., a, b, c, d] = address.octets();
        return format!("::{a}.{b}.{c}.{d}");
    }
    address.to_string()
}

/// The bytes of a UUID: 32 hexadecimal digits, with or without dashes, and these perhaps in braces.
fn parse_uuid(s: &str) -> Option<[u8; 16]> {
    let dashed = match s.len() {
        32 => return parse_digits(s),
        38 => s.strip_prefix('{')?.strip_suffix('}')?,
        _ => s,
    };
    let parts: Vec<&str> = dashed.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|p| p.len()).collect();
    if lengths != [8, 4, 4, 4, 12] {
        return None;
    }
    parse_digits(&parts.concat())
}

fn parse_digits(digits: &str) -> Option<[u8; 16]> {
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

/// The order of bytes of UUID_TO_BIN(s, 1): what changes slowly comes first.
const SWAPPED: [usize; 16] = [6, 7, 4, 5, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15];

fn swap_flags(args: &[Value], rows: usize) -> Column<i64> {
    args.get(1).map_or(Column::one(0), |v| ints(v, rows))
}

fn uuid_to_bin(args: &[Value], rows: usize) -> Outcome {
    let (s, swap) = (text(&args[0], rows)?, swap_flags(args, rows));
    let mut wrong = None;
    let out = build_bytes(rows, |row| {
        let (s, swap) = (s.get(row)?, swap.get(row)? != 0);
        let Some(uuid) = parse_uuid(s) else {
            wrong.get_or_insert_with(|| s.to_owned());
            return None;
        };
        Some(if swap { SWAPPED.map(|at| uuid[at]) } else { uuid })
    });
    checked(out, wrong, Network::UuidToBin)
}

fn bin_to_uuid(args: &[Value], rows: usize) -> Outcome {
    let (b, swap) = (bytes(&args[0], rows)?, swap_flags(args, rows));
    let mut wrong = None;
    let out = build(rows, |row, out| {
        let (b, swap) = (b.get(row)?, swap.get(row)? != 0);
        let Ok(stored) = <[u8; 16]>::try_from(b) else {
            wrong.get_or_insert_with(|| String::from_utf8_lossy(b).into_owned());
            return None;
        };
        let mut uuid = stored;
        if swap {
            SWAPPED.iter().zip(stored).for_each(|(at, byte)| uuid[*at] = byte);
        }
        let digits = format!("{:032x}", u128::from_be_bytes(uuid));
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        out.push_str(&parts.join("-"));
        Some(())
    });
    checked(out, wrong, Network::BinToUuid)
}

/// The values, or the error of the first that was wrong.
fn checked(values: Value, wrong: Option<String>, network: Network) -> Outcome {
    match wrong {
        None => Ok(values),
        Some(value) => Err(Failure::Other(Error::WrongValueForFunction {
            ty: "string",
            value,
            function: network.name(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By MySQL's manual.
    #[test]
    fn addresses_as_numbers() {
        for (text, want) in [
            ("10.0.5.9", Some(167_773_449)),
            ("127.0.0.1", Some(2_130_706_433)),
            ("127.1", Some(2_130_706_433)),
            ("127.2.1", Some(0x7f02_0001)),
            ("127", Some(127)),
            ("255.255.255.255", Some(4_294_967_295)),
            ("127.256", None),
            ("1.2.3.4.5", None),
            ("1.", None),
            ("a.b", None),
            ("", None),
        ] {
            assert_eq!(inet_aton(text), want, "{text:?}");
        }
    }

    #[test]
    fn addresses_as_text() {
        for text in [
            "fdfe::5a55:caff:fefa:9089",
            "::10.0.5.9",
            "::ffff:10.0.5.9",
            "::1",
            "::",
            "1::",
            "1:2:3:4:5:6:7:8",
        ] {
            assert_eq!(show_v6(text.parse().unwrap()), text);
        }
        assert_eq!(parse_v4("10.0.05.9"), Some(Ipv4Addr::new(10, 0, 5, 9)));
        for text in ["10.0.5.256", "10.0.5", "10.0.5.0009", "10.0..1", "::1", "1.2.3.4.5"] {
            assert_eq!(parse_v4(text), None, "{text}");
        }
    }

    #[test]
    fn uuids_in_their_three_forms() {
        let bytes = 0x6ccd_780c_baba_1026_9564_5b8c_6560_24db_u128.to_be_bytes();
        for text in [
            "6ccd780c-baba-1026-9564-5b8c656024db",
            "6CCD780C-BABA-1026-9564-5B8C656024DB",
            "6ccd780cbaba102695645b8c656024db",
            "{6ccd780c-baba-1026-9564-5b8c656024db}",
        ] {
            assert_eq!(parse_uuid(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "6ccd780c-baba-1026-9564-5b8c6560",
            "6ccd780-cbaba-1026-9564-5b8c656024db",
            "+ccd780cbaba102695645b8c656024db",
            "{6ccd780c-baba-1026-9564-5b8c656024db",
        ] {
            assert_eq!(parse_uuid(text), None, "{text}");
        }
        // From the manual of UUID_TO_BIN.
        let swapped = 0x1026_baba_6ccd_780c_9564_5b8c_6560_24db_u128.to_be_bytes();
        assert_eq!(SWAPPED.map(|at| bytes[at]), swapped);
    }
}
