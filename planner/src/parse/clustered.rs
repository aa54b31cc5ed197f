//! `CLUSTERED` and `NONCLUSTERED` stand behind primary keys only.
//!
//! Behind another key they are refused (8200), and behind a column that is no key they are a syntax error, before `rewrite` takes
//! them out. Anywhere else they are names like others.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::position;
use super::statement::Failure;
use crate::bind::KeyFault;
use crate::error::Error;

/// Refuses them behind other keys and columns, in CREATE TABLE and ALTER TABLE.
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<(), Failure> {
    let solid: Vec<&TokenWithSpan> =
        tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    let of_table = solid.iter().take(4).any(|t| is(&t.token, &["TABLE"]));
    if !of_table || !solid.first().is_some_and(|first| is(&first.token, &["CREATE", "ALTER"])) {
        return Ok(());
    }
    for (at, found) in solid.iter().enumerate().skip(2) {
        if !is(&found.token, &["CLUSTERED", "NONCLUSTERED"]) {
            continue;
        }
        let before = &solid[..at];
        let key = match &before[at - 1].token {
            Token::RParen => key_of(item(before)),
            word if is(word, &["KEY"]) && !is(&before[at - 2].token, &["UNIQUE"]) => Key::Primary,
            word if is(word, &["KEY"]) => Key::No,
            // A name.
            _ => continue,
        };
        match key {
            Key::Primary => {}
            Key::Other => return Err(Failure::Ours(KeyFault::Clustered.into())),
            Key::No => {
                let message = format!("expected ',' or ')' after column definition, found {}", found.token);
                let position = position(found.span.start);
                return Err(Failure::Ours(Error::syntax(message, position)));
            }
        }
    }
    Ok(())
}

/// What an item of a definition defines.
enum Key {
    Primary,
    Other,
    No,
}

/// By its first words: `KEY …`, `ADD CONSTRAINT c UNIQUE …`.
fn key_of(item: &[&TokenWithSpan]) -> Key {
    let behind = item.iter().position(|t| is(&t.token, &["ADD"])).map_or(0, |at| at + 1);
    let item = &item[behind..];
    let constraint = item.first().is_some_and(|first| is(&first.token, &["CONSTRAINT"]));
    // A constraint may have a name.
    let first = item.iter().take(if constraint { 3 } else { 1 });
    for TokenWithSpan { token, .. } in first {
        match token {
            primary if is(primary, &["PRIMARY"]) => return Key::Primary,
            other if is(other, &["UNIQUE", "KEY", "INDEX", "FULLTEXT"]) => return Key::Other,
            _ => {}
        }
    }
    Key::No
}

/// The end of a list from behind the last comma, or from behind the parenthesis that opens the list.
fn item<'a, 'b>(tokens: &'b [&'a TokenWithSpan]) -> &'b [&'a TokenWithSpan] {
    let mut depth = 0_usize;
    for (at, t) in tokens.iter().enumerate().rev() {
        match t.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return &tokens[at + 1..],
            Token::LParen => depth -= 1,
            Token::Comma if depth == 0 => return &tokens[at + 1..],
            _ => {}
        }
    }
    tokens
}

fn is(token: &Token, words: &[&str]) -> bool {
    let Token::Word(word) = token else { return false };
    word.quote_style.is_none() && words.iter().any(|wanted| word.value.eq_ignore_ascii_case(wanted))
}
