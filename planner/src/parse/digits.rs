//! What begins with a digit: a number or a name.
//!
//! The library cuts some of them in two, and takes some for what they are not:
//!
//! ```text
//! 1e, t.1e, 1e + 2    a name: there is no exponent           the library has 1, and e
//! 0x, 0x1G            names: these are no digits              the library has bytes, and G
//! 0b101               bits                                    the library has a name
//! x'4'                an error: half a byte                   the library has bytes
//! ```

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::position;
use crate::error::Error;

/// Makes the tokens of a text what they are to MySQL.
pub(super) fn read(tokens: &mut Vec<TokenWithSpan>) -> Result<(), Error> {
    let mut at = 0;
    while at < tokens.len() {
        let qualified = at > 0 && tokens[at - 1].token == Token::Period;
        if let Some(name) = name(&tokens[at..], qualified) {
            let end = tokens[at + name.tokens - 1].span.end;
            tokens[at].token = Token::make_word(&name.text, None);
            tokens[at].span.end = end;
            tokens.drain(at + 1..at + name.tokens);
        } else if let Some(digits) = bits(&tokens[at].token).filter(|_| !qualified) {
            tokens[at].token = Token::SingleQuotedByteStringLiteral(digits);
        } else if let Token::HexStringLiteral(digits) = &tokens[at].token
            && digits.len() % 2 == 1
            && !is_prefixed(&tokens[at], digits)
        {
            let message = format!("half a byte in x'{}'", digits.chars().take(80).collect::<String>());
            return Err(Error::syntax(message, position(tokens[at].span.start)));
        }
        at += 1;
    }
    Ok(())
}

/// A name, and of how many tokens it is made.
struct Name {
    text: String,
    tokens: usize,
}

fn name(tokens: &[TokenWithSpan], qualified: bool) -> Option<Name> {
    let first = tokens.first()?;
    let start = match &first.token {
        Token::Number(digits, false) if is_number(digits) => digits.clone(),
        Token::Word(word) if qualified && word.quote_style.is_none() && is_number(&word.value) => {
            word.value.clone()
        }
        Token::HexStringLiteral(digits) if is_prefixed(first, digits) => format!("0x{digits}"),
        _ => return None,
    };
    let rest =
        tokens.get(1).filter(|next| next.span.start == first.span.end).and_then(|next| match &next.token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.as_str()),
            _ => None,
        });
    match rest {
        Some(rest) => Some(Name { text: start + rest, tokens: 2 }),
        None if start == "0x" => Some(Name { text: start, tokens: 1 }),
        None => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the bytes are written `0x…`, and not `x'…'`.
fn is_prefixed(token: &TokenWithSpan, digits: &str) -> bool {
    let (start, end) = (token.span.start, token.span.end);
    start.line == end.line && end.column - start.column == digits.len() as u64 + 2
}

/// The digits of `0b101`.
fn bits(token: &Token) -> Option<String> {
    let Token::Word(word) = token else { return None };
    let digits = word.value.strip_prefix("0b").filter(|_| word.quote_style.is_none())?;
    (!digits.is_empty() && digits.bytes().all(|d| matches!(d, b'0' | b'1'))).then(|| digits.to_owned())
}
