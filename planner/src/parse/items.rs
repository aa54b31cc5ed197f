//! The texts of a select list: MySQL heads a column without an alias with the text of its expression, as written.

use sqlparser::tokenizer::Location;

use super::Parsed;
use super::split::Cursor;

/// Words that end a select list.
const ENDS: [&str; 12] = [
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "INTO",
    "FOR",
    "WINDOW",
];
/// Words that may stand before the first item.
const MODIFIERS: [&str; 11] = [
    "DISTINCT",
    "ALL",
    "DISTINCTROW",
    "STRAIGHT_JOIN",
    "HIGH_PRIORITY",
    "SQL_SMALL_RESULT",
    "SQL_BIG_RESULT",
    "SQL_BUFFER_RESULT",
    "SQL_NO_CACHE",
    "SQL_CACHE",
    "SQL_CALC_FOUND_ROWS",
];

/// The items of the select list that begins behind `after`, the end of its SELECT.
pub(crate) fn select_item_texts(parsed: &Parsed, after: Location) -> Vec<String> {
    let from = Cursor::new(&parsed.text, parsed.start).advance_to(after);
    let text = &parsed.text[from..];
    let mut items = Vec::new();
    let mut begin = 0;
    let mut depth = 0usize;
    let mut scan = Scan { text, at: 0, escapes: !parsed.lexing.no_backslash_escapes };
    while let Some(piece) = scan.next() {
        match piece {
            Piece::Symbol('(') => depth += 1,
            Piece::Symbol(')') if depth == 0 => {
                scan.at -= 1;
                break;
            }
            Piece::Symbol(')') => depth -= 1,
            Piece::Symbol(',') if depth == 0 => {
                items.push(text[begin..scan.at - 1].trim().to_owned());
                begin = scan.at;
            }
            Piece::Word(word) if depth == 0 && ENDS.iter().any(|e| word.eq_ignore_ascii_case(e)) => {
                scan.at -= word.len();
                break;
            }
            Piece::Word(word)
                if MODIFIERS.iter().any(|m| word.eq_ignore_ascii_case(m))
                    && begin + word.len() <= scan.at =>
            {
                if items.is_empty() && text[begin..scan.at - word.len()].trim().is_empty() {
                    begin = scan.at;
                }
            }
            // A comment, a hint for instance, before an item is no part of it.
            Piece::Comment(length) if text[begin..scan.at - length].trim().is_empty() => begin = scan.at,
            Piece::Word(_) | Piece::Symbol(_) | Piece::Comment(_) | Piece::Quoted => {}
        }
    }
    items.push(text[begin..scan.at].trim().to_owned());
    items
}

enum Piece<'a> {
    Word(&'a str),
    Quoted,
    Comment(usize),
    Symbol(char),
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Whether a backslash takes the meaning from a quote.
    escapes: bool,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = &self.text[self.at..];
        let first = rest.chars().next()?;
        let (piece, length) = match first {
            '\'' | '"' | '`' => (Piece::Quoted, quoted_length(rest, first, self.escapes)),
            '#' => comment(rest, "\n"),
            '-' if rest.starts_with("-- ") => comment(rest, "\n"),
            '/' if rest.starts_with("/*") => comment(rest, "*/"),
            c if c.is_alphanumeric() || c == '_' || c == '@' || c == '$' => {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '@' || c == '$' || c == '.'));
                let length = end.unwrap_or(rest.len());
                (Piece::Word(&rest[..length]), length)
            }
            c => (Piece::Symbol(c), c.len_utf8()),
        };
        self.at += length;
        Some(piece)
    }
}

fn comment<'a>(rest: &str, end: &str) -> (Piece<'a>, usize) {
    let length = rest.find(end).map_or(rest.len(), |i| i + end.len());
    (Piece::Comment(length), length)
}

/// Length of a quoted text with its quotes; a doubled quote or a backslash does not end it.
fn quoted_length(rest: &str, quote: char, escapes: bool) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        if c == '\\' && quote != '`' && escapes {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return i + c.len_utf8();
            }
        }
    }
    rest.len()
}
