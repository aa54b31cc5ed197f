//! Spans of time as TiDB's variables have them, which is as Go writes them: `10m0s`, `1h30m`, `1.5s`, `250ms`.

use std::time::Duration;

const UNITS: [(&str, u64); 7] = [
    ("h", 3_600_000_000_000),
    ("ms", 1_000_000),
    ("m", 60_000_000_000),
    ("us", 1000),
    ("µs", 1000),
    ("ns", 1),
    ("s", 1_000_000_000),
];

/// The span that a text says; `None` if it says none.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut nanos = 0u64;
    if rest.is_empty() {
        return None;
    }
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let (name, unit) = UNITS.iter().find(|(name, _)| after.starts_with(name))?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut place = *unit;
        for digit in part.bytes() {
            place /= 10;
            nanos = nanos.checked_add(u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?) * place)?;
        }
        nanos = nanos.checked_add(whole.checked_mul(*unit)?)?;
        rest = &after[name.len()..];
    }
    Some(Duration::from_nanos(nanos))
}

/// The text of a span, to the millisecond.
pub(crate) fn format(span: Duration) -> String {
    let ms = span.as_millis();
    let (hours, minutes, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let seconds = match (ms / 1000, ms % 1000) {
        (0, part) if part > 0 && hours == 0 && minutes == 0 => return format!("{part}ms"),
        (whole, 0) => format!("{whole}s"),
        (whole, part) => format!("{whole}.{}s", format!("{part:03}").trim_end_matches('0')),
    };
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_as_go_does() {
        for (text, ms, written) in [
            ("10m", 600_000, "10m0s"),
            ("1h30m", 5_400_000, "1h30m0s"),
            ("90s", 90_000, "1m30s"),
            ("1.5s", 1500, "1.5s"),
            (" 250ms ", 250, "250ms"),
            ("1m.25s", 60_250, "1m0.25s"),
            ("24h0m0s", 86_400_000, "24h0m0s"),
            ("0", 0, "0s"),
            ("2000us", 2, "2ms"),
        ] {
            let span = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((span.as_millis(), format(span).as_str()), (ms, written), "{text}");
            assert_eq!(parse(written), Some(span));
        }
        for text in ["", "10", "m", ".s", "-1s", "1s2", "1x", "1.2.3s", "99999999999h", "5 s"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
