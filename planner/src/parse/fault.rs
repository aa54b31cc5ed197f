//! Errors of syntax, in TiDB's words: where the token ends that is wrong, and the text from there on.
//!
//! ```text
//! … for the right syntax to use line 1 column 10 near "invalid (a int)"
//! ```
//!
//! Whoever finds the error knows its place, and what could have stood there; the text is known to who began with it
//! ([`SyntaxFault::within`]). What was expected is a hint for who wrote the statement, and no part of TiDB's message.

use std::fmt;

use sqlparser::tokenizer::{Location, Token, Tokenizer};

use super::lexing;
use super::split::Cursor;
use crate::error::{Error, Position};
use crate::sql_mode::Lexing;

/// The longest part of the text that a message quotes.
const NEAR_BYTES_MAX: usize = 2048;

/// 1064: the text is not SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxFault {
    hint: String,
    /// Whether TiDB's message says what is wrong, too.
    is_told: bool,
    position: Option<Position>,
    near: Option<Near>,
}

/// What a message tells of the place.
#[derive(Clone, Debug, PartialEq)]
struct Near {
    /// Of the last character of the token.
    last: Position,
    /// The text from the token's first character on.
    text: String,
    /// How many bytes that are, if it is cut.
    uncut_bytes: Option<usize>,
}

impl SyntaxFault {
    /// `hint`: what was expected and found. `position`: where, if known.
    pub(crate) fn new(hint: impl Into<String>, position: Option<Position>) -> SyntaxFault {
        SyntaxFault { hint: hint.into(), is_told: false, position, near: None }
    }

    /// What was expected and found.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// Where, if known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The same with the text that it is about, which begins at a place of the whole. A fault that knows its text keeps it.
    fn within(self, text: &str, start: Position) -> SyntaxFault {
        let Some(position) = self.position.filter(|_| self.near.is_none()) else { return self };
        let place = Location { line: position.line.into(), column: position.column.into() };
        let from = Cursor::new(text, start).advance_to(place);
        let rest = &text[from..];
        let cut = rest.floor_char_boundary(NEAR_BYTES_MAX);
        let uncut_bytes = (cut < rest.len()).then_some(rest.len());
        let near =
            Near { last: last_of_token(&rest[..cut], position), text: rest[..cut].into(), uncut_bytes };
        SyntaxFault { near: Some(near), ..self }
    }
}

/// The place of the last character of a text's first token, which begins at `start`; the one before if there is none.
fn last_of_token(text: &str, start: Position) -> Position {
    let tokens = Tokenizer::new(lexing::quoting(Lexing::default()), text).tokenize_with_location();
    let first = tokens.ok().and_then(|tokens| tokens.into_iter().next());
    let end = match first.filter(|first| first.token != Token::EOF) {
        Some(first) => first.span.end,
        // What is no token goes to the end.
        None => {
            let lines = text.split('\n').count() as u64;
            let last = text.rsplit('\n').next().map_or(0, |line| line.chars().count() as u64);
            Location { line: lines, column: last + 1 }
        }
    };
    let (lines, behind) = (end.line.saturating_sub(1) as u32, end.column as u32);
    let column = if lines == 0 { start.column + behind.saturating_sub(1) } else { behind };
    Position { line: start.line + lines, column: column.saturating_sub(1) }
}

impl fmt::Display for SyntaxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "You have an error in your SQL syntax; check the manual that corresponds to your TiDB version for the right syntax to use",
        )?;
        let told = if self.is_told { self.hint.as_str() } else { "" };
        match &self.near {
            None if told.is_empty() => Ok(()),
            None => write!(f, " {told}"),
            // The blank is TiDB's.
            Some(Near { last, text, uncut_bytes }) => {
                write!(f, " {last} near \"{text}\"{told} ")?;
                uncut_bytes.map_or(Ok(()), |bytes| write!(f, "(total length {bytes})"))
            }
        }
    }
}

impl Error {
    /// 1064: what was expected and found, and where, if known.
    pub(crate) fn syntax(hint: impl Into<String>, position: Option<Position>) -> Error {
        Error::Syntax(Box::new(SyntaxFault::new(hint, position)))
    }

    /// 1064 with a message that says what is wrong, as TiDB's does in few places.
    pub(crate) fn told_syntax(message: &str, position: Option<Position>) -> Error {
        Error::Syntax(Box::new(SyntaxFault { is_told: true, ..SyntaxFault::new(message, position) }))
    }

    /// The same error, told of a text that begins at a place of the whole.
    pub(crate) fn within(self, text: &str, start: Position) -> Error {
        match self {
            Error::Syntax(fault) => Error::Syntax(Box::new(fault.within(text, start))),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::parse;

    fn message(sql: &str) -> String {
        parse(sql).unwrap_err().to_string().split_once("to use").unwrap().1.into()
    }

    #[test]
    fn the_words_are_those_of_tidb() {
        // As TiDB's recorded results have them.
        assert_eq!(message("create invalid;"), " line 1 column 14 near \"invalid;\" ");
        assert_eq!(message("describe t I%;"), " line 1 column 13 near \"%;\" ");
        assert_eq!(message("select"), " line 1 column 6 near \"\" ");
        assert_eq!(message("select\n 1 from t where"), " line 2 column 15 near \"\" ");
        assert_eq!(message("select 1; selec 'ä' from t;"), " line 1 column 15 near \"selec 'ä' from t;\" ");
    }

    #[test]
    fn what_is_no_token_goes_to_the_end_and_long_texts_are_cut() {
        assert_eq!(message("select 'abc"), " line 1 column 11 near \"'abc\" ");
        let long = format!("selec {}", "x".repeat(3000));
        let message = message(&long);
        assert!(message.ends_with("x\" (total length 3006)"), "{message}");
        assert!(message.len() < 2150, "{message}");
    }
}
