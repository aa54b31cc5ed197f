//! Errors that point at their place.

use std::fmt::Write;

use allod_planner::Position;
use unicode_width::UnicodeWidthStr;

/// The line of `text` that `position` is on, with a caret below the place, and a hint beside it. Nothing if there is no such
/// line.
///
/// ```text
///   3 | SELECT nope FRO t
///     |                 ^ expected end of statement, found t
/// ```
pub(super) fn point_at(text: &str, position: Position, hint: Option<&str>) -> String {
    let Some(line) = (position.line as usize).checked_sub(1).and_then(|n| text.lines().nth(n)) else {
        return String::new();
    };
    let column = (position.column as usize).saturating_sub(1).min(line.chars().count());
    // A long line is cut to a window around the place.
    let skipped = column.saturating_sub(60);
    let shown: String =
        line.chars().skip(skipped).take(100).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before: String = shown.chars().take(column - skipped).collect();
    let number = position.line.to_string();
    let mut out = String::new();
    let gutter = " ".repeat(number.len());
    let hint = hint.map_or_else(String::new, |hint| format!(" {hint}"));
    writeln!(out, "  {number} | {shown}\n  {gutter} | {}^{hint}", " ".repeat(before.width()))
        .expect("writing to a String never fails");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: u32, column: u32) -> String {
        point_at(text, Position { line, column }, None)
    }

    #[test]
    fn the_caret_stands_below_the_place() {
        assert_eq!(at("select 1,\n  nope from t", 2, 3), "  2 |   nope from t\n    |   ^\n");
        assert_eq!(at("select '日本' x", 1, 13), "  1 | select '日本' x\n    |               ^\n");
    }

    #[test]
    fn a_hint_stands_beside_the_caret() {
        let place = Position { line: 1, column: 8 };
        assert_eq!(
            point_at("select", place, Some("found the end")),
            "  1 | select\n    |       ^ found the end\n"
        );
    }

    #[test]
    fn places_outside_the_text_do_not_panic() {
        assert_eq!(at("a", 5, 1), "");
        assert_eq!(at("a", 0, 0), "");
        assert_eq!(at("a", 1, 99), "  1 | a\n    |  ^\n");
        let long = "x".repeat(1000);
        assert!(at(&long, 1, 900).lines().next().is_some_and(|l| l.len() < 120));
    }
}
