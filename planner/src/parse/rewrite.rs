//! What the library does not know, said in words that it does: token by token, before it sees them.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::partition::insert_statement;

/// Token by token: takes `CLUSTERED` and `NONCLUSTERED` behind a primary key out of a CREATE TABLE, and spells out
/// `TABLE t`. The other tokens keep their places.
pub(super) fn rewrite(tokens: &[TokenWithSpan]) -> (Vec<TokenWithSpan>, Option<bool>) {
    let word = |t: &Token, wanted: &str| matches!(t, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted));
    let mut solid = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_)));
    let first = solid.next().map(|t| &t.token);
    if first.is_some_and(|t| word(t, "TABLE")) {
        return (table_statement(tokens), None);
    }
    if first.is_some_and(|t| word(t, "INSERT")) {
        return (insert_statement(tokens), None);
    }
    if !first.is_some_and(|t| word(t, "CREATE")) {
        return (tokens.to_vec(), None);
    }
    let mut clustered = None;
    let mut previous = Token::EOF;
    let mut kept = Vec::with_capacity(tokens.len());
    for t in tokens {
        let found = word(&t.token, "CLUSTERED") || word(&t.token, "NONCLUSTERED");
        if found && (previous == Token::RParen || word(&previous, "KEY")) {
            clustered = Some(word(&t.token, "CLUSTERED"));
            continue;
        }
        if !matches!(t.token, Token::Whitespace(_)) {
            previous = t.token.clone();
        }
        kept.push(t.clone());
    }
    (kept, clustered)
}

/// `TABLE t …` as `SELECT * FROM t …`.
fn table_statement(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len() + 2);
    for t in tokens {
        if out.is_empty() && !matches!(t.token, Token::Whitespace(_)) {
            let select = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
            out.extend(select.map(|token| TokenWithSpan { token, span: t.span }));
        } else {
            out.push(t.clone());
        }
    }
    out
}
