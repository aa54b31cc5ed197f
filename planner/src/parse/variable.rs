//! User variables that a statement assigns to: `@a := x` as a part of expressions, and SELECT … INTO @a.
//!
//! `@a := x` is an operand that takes in all that follows: in MySQL's grammar `c = @a := 1 + 2` is `c = (@a := (1 + 2))`.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The name of a user variable, in lower case, if that is what the token is.
pub(super) fn user_variable(token: &Token) -> Option<String> {
    let Token::Word(word) = token else { return None };
    let name = word.value.strip_prefix('@').filter(|_| word.quote_style.is_none())?;
    (!name.starts_with('@')).then(|| name.to_lowercase())
}

/// The variables that `:=` assigns to, each once.
pub(super) fn assigned(tokens: &[TokenWithSpan]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if !tokens.iter().any(|t| t.token == Token::Assignment) {
        return names;
    }
    let mut solid = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).peekable();
    while let Some(t) = solid.next() {
        if solid.peek().is_some_and(|next| next.token == Token::Assignment)
            && let Some(name) = user_variable(&t.token)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// `@a := x`, if that is next.
pub(super) fn assignment(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    user_variable(&parser.peek_token_ref().token)?;
    if parser.peek_nth_token_ref(1).token != Token::Assignment {
        return None;
    }
    Some((|| {
        let left = Box::new(Expr::Identifier(parser.parse_identifier()?));
        parser.expect_token(&Token::Assignment)?;
        let right = Box::new(parser.parse_expr()?);
        Ok(Expr::BinaryOp { left, op: BinaryOperator::Assignment, right })
    })())
}

/// The tokens of a query without its `INTO @a, @b`, and those variables.
pub(super) fn take_into(tokens: Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, Vec<String>) {
    let solid: Vec<usize> =
        (0..tokens.len()).filter(|&at| !matches!(tokens[at].token, Token::Whitespace(_))).collect();
    let is_word = |at: usize, wanted: &str| matches!(&tokens[at].token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted));
    let mut depth = 0usize;
    for (nth, &at) in solid.iter().enumerate() {
        match tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ if depth == 0 && is_word(at, "INTO") => {
                let mut names = Vec::new();
                let mut end = nth;
                // A variable, and then one behind each comma.
                while let Some(name) = solid.get(end + 1).and_then(|&at| user_variable(&tokens[at].token)) {
                    names.push(name);
                    end += 1;
                    match solid.get(end + 1) {
                        Some(&comma) if tokens[comma].token == Token::Comma => end += 1,
                        _ => {
                            let rest = [&tokens[..at], &tokens[solid[end] + 1..]].concat();
                            return (rest, names);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    (tokens, Vec::new())
}
