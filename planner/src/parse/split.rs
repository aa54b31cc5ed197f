//! Cuts the tokens of a text into statements.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::Position;

/// The tokens of one statement, and where it is.
pub(super) struct Piece<'a> {
    /// Tokens, comments and blanks included, without the semicolon.
    pub tokens: Vec<TokenWithSpan>,
    /// From the first to the last token that is not blank.
    pub text: &'a str,
    /// Place of `text` in the whole.
    pub start: Position,
    /// Place behind its last character.
    pub end: Position,
}

/// The statements of a text in order; empty ones are left out.
pub(super) fn statements(sql: &str, tokens: Vec<TokenWithSpan>) -> Vec<Piece<'_>> {
    let mut cursor = Cursor { text: sql, byte: 0, line: 1, column: 1 };
    let mut pieces = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    let mut bounds: Option<(Location, Location)> = None;
    let mut finish = |tokens: Vec<TokenWithSpan>, bounds: Option<(Location, Location)>| {
        if let Some((start, end)) = bounds {
            let from = cursor.advance_to(start);
            let to = cursor.advance_to(end);
            let place = |l: Location| Position { line: l.line as u32, column: l.column as u32 };
            pieces.push(Piece { tokens, text: &sql[from..to], start: place(start), end: place(end) });
        }
    };
    for token in tokens {
        match token.token {
            Token::SemiColon => finish(std::mem::take(&mut current), bounds.take()),
            Token::EOF => {}
            Token::Whitespace(_) => current.push(token),
            _ => {
                bounds = Some((bounds.map_or(token.span.start, |(start, _)| start), token.span.end));
                current.push(token);
            }
        }
    }
    finish(current, bounds);
    pieces
}

/// Turns places into byte offsets, moving forward only, so that a text is walked once.
pub(super) struct Cursor<'a> {
    text: &'a str,
    byte: usize,
    line: u64,
    column: u64,
}

impl<'a> Cursor<'a> {
    /// Starts at a place of the whole text where `text` begins.
    pub fn new(text: &'a str, start: Position) -> Cursor<'a> {
        Cursor { text, byte: 0, line: u64::from(start.line), column: u64::from(start.column) }
    }

    /// The byte offset of a place; the end of the text if it lies beyond.
    pub fn advance_to(&mut self, to: Location) -> usize {
        for ch in self.text[self.byte..].chars() {
            if (self.line, self.column) >= (to.line, to.column) {
                break;
            }
            self.byte += ch.len_utf8();
            if ch == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.byte
    }
}
