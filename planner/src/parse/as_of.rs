//! `FROM t AS OF TIMESTAMP expression`, which the library does not know: taken out of the tokens before it sees them.

use sqlparser::ast;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::parser;
use super::statement::Failure;

/// The tokens without these clauses, and the time of each. START TRANSACTION and SET have such a clause of their own.
pub(super) fn take(tokens: Vec<TokenWithSpan>) -> Result<(Vec<TokenWithSpan>, Vec<ast::Expr>), Failure> {
    let mut times = Vec::new();
    let first = tokens.iter().find(|t| !matches!(t.token, Token::Whitespace(_)));
    let has_own = first.is_some_and(|t| is_word(t, "START") || is_word(t, "SET"));
    if has_own || !tokens.iter().any(|t| is_word(t, "OF")) {
        return Ok((tokens, times));
    }
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((token, behind)) = rest.split_first() {
        match clause(rest) {
            Some(after) => {
                let mut parser = parser(after.to_vec());
                times.push(parser.parse_expr()?);
                rest = &after[parser.index().min(after.len())..];
                // What was apart by the clause stays apart.
                kept.push(TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span: token.span });
            }
            None => {
                kept.push(token.clone());
                rest = behind;
            }
        }
    }
    Ok((kept, times))
}

/// What is behind `AS OF TIMESTAMP`, if that is what these tokens begin with.
fn clause(tokens: &[TokenWithSpan]) -> Option<&[TokenWithSpan]> {
    let mut rest = tokens;
    for wanted in ["AS", "OF", "TIMESTAMP"] {
        let place = rest.iter().position(|t| !matches!(t.token, Token::Whitespace(_)))?;
        // Whitespace before the first word is no part of it.
        if !is_word(&rest[place], wanted) || (wanted == "AS" && place > 0) {
            return None;
        }
        rest = &rest[place + 1..];
    }
    Some(rest)
}

fn is_word(token: &TokenWithSpan, wanted: &str) -> bool {
    matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted))
}
