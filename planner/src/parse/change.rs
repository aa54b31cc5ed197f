//! UPDATE and DELETE in words that the library knows.
//!
//! ```text
//! UPDATE LOW_PRIORITY IGNORE a, b LEFT JOIN c ON … SET …     UPDATE OR IGNORE a CROSS JOIN (b LEFT JOIN c ON …) SET …
//! DELETE QUICK IGNORE a.*, b FROM …                          DELETE a, b FROM …
//! ```
//! A comma binds looser than JOIN, so what stands between commas is put in parentheses if it is a join. The library's DELETE
//! has no IGNORE, which is looked for in the text ([`deletes_ignoring`]).

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Parsed, tokenize_as};

/// What the library's UPDATE statement begins with; others are left as they are.
pub(super) fn update_statement(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let Some(set) = at_top(tokens, |t| is(t, Keyword::SET)).first().copied() else { return tokens.to_vec() };
    let Some(update) = tokens.iter().position(|t| is(t, Keyword::UPDATE)) else { return tokens.to_vec() };
    let mut out = tokens[..=update].to_vec();
    let mut from = update + 1;
    // Modifiers come before the tables, hints before or behind them.
    while let Some(t) = tokens[..set].get(from) {
        match &t.token {
            Token::Whitespace(_) => out.push(t.clone()),
            _ if is(t, Keyword::LOW_PRIORITY) => {}
            _ if is(t, Keyword::IGNORE) => {
                out.extend([Keyword::OR, Keyword::IGNORE].map(|word| keyword(word, t)));
            }
            _ => break,
        }
        from += 1;
    }
    let commas = at_top(&tokens[from..set], |t| t.token == Token::Comma);
    let mut begin = from;
    for end in commas.iter().map(|at| from + at).chain([set]) {
        let piece = &tokens[begin..end];
        if begin > from {
            out.extend([Keyword::CROSS, Keyword::JOIN].map(|word| keyword(word, &tokens[begin - 1])));
        }
        let is_join = |t: &TokenWithSpan| is(t, Keyword::JOIN) || is(t, Keyword::STRAIGHT_JOIN);
        match piece.first().zip(piece.last()) {
            Some((first, last)) if !commas.is_empty() && !at_top(piece, is_join).is_empty() => {
                out.push(TokenWithSpan { token: Token::LParen, span: first.span });
                out.extend_from_slice(piece);
                out.push(TokenWithSpan { token: Token::RParen, span: last.span });
            }
            _ => out.extend_from_slice(piece),
        }
        begin = end + 1;
    }
    out.extend_from_slice(&tokens[set..]);
    out
}

/// A DELETE without what it may say that means nothing: modifiers, and `.*` behind the name of a table.
pub(super) fn delete_statement(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let is_tables = |t: &TokenWithSpan| is(t, Keyword::USING) || is(t, Keyword::WHERE);
    let end = at_top(tokens, is_tables).first().copied().unwrap_or(tokens.len());
    let mut out = Vec::with_capacity(tokens.len());
    let mut named = false;
    let mut rest = tokens[..end].iter().peekable();
    while let Some(t) = rest.next() {
        if is_modifier(t) && !named {
            continue;
        }
        // From the first table on such a word is a name.
        named |= !matches!(t.token, Token::Whitespace(_)) && !is(t, Keyword::DELETE);
        if t.token == Token::Period && rest.peek().is_some_and(|next| next.token == Token::Mul) {
            rest.next();
            continue;
        }
        out.push(t.clone());
    }
    out.extend_from_slice(&tokens[end..]);
    out
}

/// Whether the DELETE that a text is says IGNORE.
pub(crate) fn deletes_ignoring(parsed: &Parsed) -> bool {
    let word = Keyword::IGNORE;
    let says = parsed.text.as_bytes().windows(6).any(|part| part.eq_ignore_ascii_case(b"ignore"));
    let tokens = if says { tokenize_as(&parsed.text, parsed.lexing).unwrap_or_default() } else { Vec::new() };
    let begin = at_top(&tokens, |t| is(t, Keyword::DELETE)).first().map_or(tokens.len(), |at| at + 1);
    let solid = tokens[begin..].iter().filter(|t| !matches!(t.token, Token::Whitespace(_)));
    solid.take_while(|t| is_modifier(t)).any(|t| is(t, word))
}

/// Where the UPDATE or DELETE begins that stands behind WITH.
pub(super) fn changing(tokens: &[TokenWithSpan]) -> Option<usize> {
    let begins = |t: &TokenWithSpan| {
        [Keyword::SELECT, Keyword::UPDATE, Keyword::DELETE].iter().any(|begin| is(t, *begin))
    };
    let begin = at_top(tokens, begins).first().copied()?;
    (!is(&tokens[begin], Keyword::SELECT)).then_some(begin)
}

/// Places of tokens outside of parentheses.
fn at_top(tokens: &[TokenWithSpan], wanted: impl Fn(&TokenWithSpan) -> bool) -> Vec<usize> {
    let mut depth = 0usize;
    let mut found = Vec::new();
    for (at, t) in tokens.iter().enumerate() {
        match t.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ if depth == 0 && wanted(t) => found.push(at),
            _ => {}
        }
    }
    found
}

/// Whether it is one of the words that may stand between DELETE and the tables.
fn is_modifier(t: &TokenWithSpan) -> bool {
    is(t, Keyword::LOW_PRIORITY) || is_word(t, "QUICK") || is(t, Keyword::IGNORE)
}

fn is(t: &TokenWithSpan, keyword: Keyword) -> bool {
    matches!(&t.token, Token::Word(w) if w.quote_style.is_none() && w.keyword == keyword)
}

fn is_word(t: &TokenWithSpan, wanted: &str) -> bool {
    matches!(&t.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted))
}

/// A word in the place of a token.
fn keyword(word: Keyword, at: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan { token: Token::make_keyword(&format!("{word:?}")), span: at.span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tokenize;

    fn text(tokens: &[TokenWithSpan]) -> String {
        let solid = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_)));
        solid.map(|t| t.token.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn changes_of_several_tables_are_said_in_other_words() {
        let update = |sql: &str| text(&update_statement(&tokenize(sql).unwrap()));
        assert_eq!(update("update t set a = 1, b = 2"), "update t set a = 1 , b = 2");
        assert_eq!(update("update a, b set x = 1, y = 2"), "update a CROSS JOIN b set x = 1 , y = 2");
        assert_eq!(
            update("update low_priority ignore a, b join (c, d) on e set f = 1"),
            "update OR IGNORE a CROSS JOIN ( b join ( c , d ) on e ) set f = 1"
        );
        assert_eq!(update("update a join b set x = 1"), "update a join b set x = 1");
        let change = |sql: &str| changing(&tokenize(sql).unwrap()).is_some();
        assert!(change("with a as (select 1 for update) update a, b set c = 1"));
        assert!(!change("with a as (select 1) select 1 for update"));
        let delete = |sql: &str| text(&delete_statement(&tokenize(sql).unwrap()));
        assert_eq!(delete("delete quick ignore from ignore where quick"), "delete from ignore where quick");
        assert_eq!(delete("delete a.*, d.b from a, b"), "delete a , d . b from a , b");
        assert_eq!(delete("delete from a.* using a where 2.*3"), "delete from a using a where 2. * 3");
    }
}
