//! Lists of tables in parentheses, which the library does not know, as joins.
//!
//! ```text
//! FROM (a, b) LEFT JOIN (c, d JOIN e) ON …     FROM (a CROSS JOIN b) LEFT JOIN (c CROSS JOIN (d JOIN e)) ON …
//! ```

use std::borrow::Cow;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// What is open.
struct Open {
    /// Parentheses around tables.
    tables: bool,
    /// Where in the output the last table of the list begins.
    begin: usize,
    /// Whether that is a join, and a list it is a part of.
    joined: bool,
    listed: bool,
}

fn is(t: &TokenWithSpan, wanted: &[Keyword]) -> bool {
    matches!(&t.token, Token::Word(w) if w.quote_style.is_none() && wanted.contains(&w.keyword))
}

/// Whether what stands behind a parenthesis is a query, which may begin with another one in parentheses:
/// `((SELECT 1) UNION …)`, but not `((SELECT 1) a, b)`.
fn is_query(inside: &[&TokenWithSpan]) -> bool {
    let parens = inside.iter().take_while(|t| t.token == Token::LParen).count();
    let begins = [Keyword::SELECT, Keyword::WITH, Keyword::VALUES, Keyword::TABLE];
    if !inside.get(parens).is_some_and(|first| is(first, &begins)) {
        return false;
    }
    if parens == 0 {
        return true;
    }
    let mut depth = 0usize;
    let end = inside.iter().position(|t| {
        match t.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    let goes_on = [Keyword::UNION, Keyword::EXCEPT, Keyword::INTERSECT, Keyword::ORDER, Keyword::LIMIT];
    end.and_then(|end| inside.get(end + 1)).is_some_and(|t| t.token == Token::RParen || is(t, &goes_on))
}

/// The statement with joins in the place of such lists.
pub(super) fn joined(tokens: &[TokenWithSpan]) -> Cow<'_, [TokenWithSpan]> {
    let opens = |pair: &[&TokenWithSpan]| {
        pair[1].token == Token::LParen && is(pair[0], &[Keyword::FROM, Keyword::JOIN, Keyword::STRAIGHT_JOIN])
    };
    let solid: Vec<&TokenWithSpan> =
        tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    if !solid.windows(2).any(opens) {
        return Cow::Borrowed(tokens);
    }
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len() + 8);
    let mut open: Vec<Open> = Vec::new();
    // How many that are no blanks went before.
    let mut at = 0usize;
    for t in tokens {
        match t.token {
            Token::Whitespace(_) => {
                out.push(t.clone());
                continue;
            }
            Token::LParen => {
                let before = at.checked_sub(1).map(|before| solid[before]);
                let within = open.last().is_some_and(|open| open.tables);
                let is_place = before.is_some_and(|before| {
                    is(before, &[Keyword::FROM, Keyword::JOIN, Keyword::STRAIGHT_JOIN])
                        || within && matches!(before.token, Token::LParen | Token::Comma)
                });
                let tables = is_place && !is_query(&solid[at + 1..]);
                out.push(t.clone());
                open.push(Open { tables, begin: out.len(), joined: false, listed: false });
                at += 1;
                continue;
            }
            Token::RParen => {
                if let Some(last) = open.pop() {
                    end_table(&mut out, &last);
                }
            }
            Token::Comma if open.last().is_some_and(|open| open.tables) => {
                let word = |word: &str| TokenWithSpan { token: Token::make_keyword(word), span: t.span };
                if let Some(last) = open.last_mut() {
                    last.listed = true;
                    end_table(&mut out, last);
                    out.extend([word("CROSS"), word("JOIN")]);
                    (last.begin, last.joined) = (out.len(), false);
                }
                at += 1;
                continue;
            }
            _ => {}
        }
        if is(t, &[Keyword::JOIN, Keyword::STRAIGHT_JOIN])
            && let Some(last) = open.last_mut()
        {
            last.joined = true;
        }
        out.push(t.clone());
        at += 1;
    }
    Cow::Owned(out)
}

/// Puts a join in parentheses that is one of a list.
fn end_table(out: &mut Vec<TokenWithSpan>, open: &Open) {
    if !(open.tables && open.listed && open.joined) {
        return;
    }
    if let Some(first) = out.get(open.begin).map(|t| t.span) {
        out.insert(open.begin, TokenWithSpan { token: Token::LParen, span: first });
        let last = out.last().map_or(first, |t| t.span);
        out.push(TokenWithSpan { token: Token::RParen, span: last });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tokenize;

    #[test]
    fn lists_become_joins() {
        let text = |sql: &str| {
            let tokens = tokenize(sql).unwrap();
            let out = joined(&tokens).into_owned();
            let solid = out.iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
            solid.map(|t| t.token.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            text("select f(a, b) from (t, u) left join (v, w join x on (1, 2) in (3)) on p"),
            "select f ( a , b ) from ( t CROSS JOIN u ) left join ( v CROSS JOIN ( w join x on ( 1 , 2 ) in ( 3 ) ) ) on p"
        );
        assert_eq!(text("select 1 from (select a, b from t) s"), "select 1 from ( select a , b from t ) s");
        assert_eq!(text("select 1 from ((t, u), v)"), "select 1 from ( ( t CROSS JOIN u ) CROSS JOIN v )");
    }
}
