//! `SIMULATE …`: the rest of the statement is a fault and when it begins, in storage's own language for them.

use allod_storage::fault::Step;
use sqlparser::tokenizer::Token;

use crate::error::{Error, Position};

use super::split::Cursor;
use super::statement::{Failure, Source, Statement};

impl Source<'_> {
    pub(super) fn simulate(&mut self) -> Result<Statement, Failure> {
        let word = self.parser.next_token();
        let next = self.parser.peek_token();
        let begin = if next.token == Token::EOF { word.span.end } else { next.span.start };
        let from = Cursor::new(self.text, self.start).advance_to(begin);
        while self.parser.next_token().token != Token::EOF {}
        let step = Step::parse(&self.text[from..]).map_err(|error| {
            Error::syntax(error.to_string(), Some(place(self.text, self.start, from + error.at)))
        });
        step.map(Statement::Simulate).map_err(Failure::Ours)
    }
}

/// The place of a byte of a text that starts at `start`.
fn place(text: &str, start: Position, byte: usize) -> Position {
    let before = text.get(..byte).unwrap_or(text);
    let lines = before.matches('\n').count() as u32;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) as u32;
    match lines {
        0 => Position { line: start.line, column: start.column + column },
        _ => Position { line: start.line + lines, column: column + 1 },
    }
}
