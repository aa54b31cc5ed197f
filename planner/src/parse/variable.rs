//! User variables as they are written, and those that a statement assigns to: `@a := x` as a part of expressions.
//!
//! ```text
//! @'a b'  @"a b"  @`a b`      two tokens to the library, for which an account is `'u'@'h'`
//! v<@a    v^@a                `<@` and `^@` are operators to it
//! ```
//! `@a := x` is an operand that takes in all that follows: in MySQL's grammar `c = @a := 1 + 2` is `c = (@a := (1 + 2))`.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

/// The name of a user variable, in lower case, if that is what the token is.
pub(super) fn user_variable(token: &Token) -> Option<String> {
    let Token::Word(word) = token else { return None };
    let name = word.value.strip_prefix('@').filter(|_| word.quote_style.is_none())?;
    (!name.starts_with('@')).then(|| name.to_lowercase())
}

/// Makes one token of each variable, and only operators of those before it.
pub(super) fn whole(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 0;
    while at + 1 < tokens.len() {
        let operator = match tokens[at].token {
            Token::AtSign => None,
            Token::ArrowAt => Some(Token::Lt),
            Token::CaretAt => Some(Token::Caret),
            _ => {
                at += 1;
                continue;
            }
        };
        let adjoins = |left: usize| tokens[left].span.end == tokens[left + 1].span.start;
        // Of an account: what is behind the sign is a host.
        let of_user = operator.is_none() && at > 0 && adjoins(at - 1) && is_quoted(&tokens[at - 1].token);
        if let Some(name) =
            name(&tokens[at + 1].token, operator.is_some()).filter(|_| adjoins(at) && !of_user)
        {
            let Span { start, end } = Span { end: tokens[at + 1].span.end, ..tokens[at].span };
            let mut variable = start;
            let operator = operator.map(|token| {
                variable = Location { column: start.column + 1, ..start };
                TokenWithSpan { token, span: Span { start, end: variable } }
            });
            let token = Token::make_word(&format!("@{name}"), None);
            let variable = TokenWithSpan { token, span: Span { start: variable, end } };
            tokens.splice(at..=at + 1, operator.into_iter().chain([variable]));
        }
        at += 1;
    }
}

fn is_quoted(token: &Token) -> bool {
    match token {
        Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) => true,
        Token::Word(word) => word.quote_style.is_some(),
        _ => false,
    }
}

/// The name behind an at sign: in quotes, in which it does not begin with another sign, or if `bare` without them.
fn name(token: &Token, bare: bool) -> Option<&str> {
    match token {
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => Some(text),
        Token::Word(word) if word.quote_style.is_some() => Some(&word.value),
        Token::Word(word) => return bare.then_some(word.value.as_str()),
        _ => None,
    }
    .filter(|name| !name.starts_with('@'))
    .map(String::as_str)
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
