//! Locking clauses as the library knows them: it takes one table after OF, no WAIT, and not MySQL's older way to say
//! FOR SHARE. They are said in words that it does know, before it sees them.
//!
//! ```text
//! LOCK IN SHARE MODE             FOR SHARE
//! FOR UPDATE OF a, b NOWAIT      FOR UPDATE OF a NOWAIT FOR UPDATE OF b NOWAIT
//! FOR UPDATE OF a WAIT 5         FOR UPDATE OF "5".a          the seconds as a name that nobody can write
//! ```

use sqlparser::ast::ObjectName;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// What no tokenizer takes for a quote.
const SECONDS: char = '\u{0}';

/// The tokens with these clauses in the library's words.
pub(super) fn spell(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !tokens.iter().any(|t| is_word(t, "SHARE") || is_word(t, "UPDATE")) {
        return tokens;
    }
    let solid: Vec<usize> =
        (0..tokens.len()).filter(|&at| !matches!(tokens[at].token, Token::Whitespace(_))).collect();
    let mut out = Vec::with_capacity(tokens.len());
    let mut copied = 0;
    let mut at = 0;
    while at < solid.len() {
        let rest = &solid[at..];
        let says = |words: &[&str]| {
            rest.len() >= words.len() && rest.iter().zip(words).all(|(&at, word)| is_word(&tokens[at], word))
        };
        let (clause, taken) = if says(&["LOCK", "IN", "SHARE", "MODE"]) {
            (vec![Token::make_keyword("FOR"), Token::make_keyword("SHARE")], 4)
        } else if says(&["FOR", "UPDATE"]) || says(&["FOR", "SHARE"]) {
            spelled(rest.iter().map(|&at| &tokens[at].token))
        } else {
            at += 1;
            continue;
        };
        out.extend_from_slice(&tokens[copied..rest[0]]);
        out.extend(clause.into_iter().map(|token| TokenWithSpan { token, span: tokens[rest[0]].span }));
        at += taken;
        copied = rest[taken - 1] + 1;
    }
    out.extend_from_slice(&tokens[copied..]);
    out
}

/// A clause that begins with these tokens, and how many of them it is.
fn spelled<'t>(tokens: impl Iterator<Item = &'t Token> + Clone) -> (Vec<Token>, usize) {
    let head: Vec<Token> = tokens.clone().take(2).cloned().collect();
    let mut rest = tokens.skip(2).peekable();
    let mut taken = 2;
    // Each name as its tokens.
    let mut names: Vec<Vec<Token>> = Vec::new();
    if rest.next_if(|t| is(t, "OF")).is_some() {
        taken += 1;
        loop {
            let mut name = Vec::new();
            while let Some(part) = rest.next_if(|t| matches!(t, Token::Word(_) | Token::Period)) {
                let is_dot = *part == Token::Period;
                // Two words are not one name.
                let goes_on = name.last().is_none_or(|last| (*last == Token::Period) != is_dot);
                name.push(part.clone());
                taken += 1;
                if !goes_on || (!is_dot && rest.peek().is_none_or(|t| **t != Token::Period)) {
                    break;
                }
            }
            names.push(name);
            if rest.next_if(|t| **t == Token::Comma).is_none() {
                break;
            }
            taken += 1;
        }
    }
    let mut tail = Vec::new();
    let mut seconds = None;
    match rest.peek() {
        Some(t) if is(t, "NOWAIT") => tail.extend(rest.next().cloned()),
        Some(t) if is(t, "SKIP") => tail.extend(rest.take(2).cloned()),
        Some(t) if is(t, "WAIT") => {
            if let Some(Token::Number(number, _)) = rest.nth(1) {
                let (value, quote_style, keyword) = (number.clone(), Some(SECONDS), Keyword::NoKeyword);
                seconds = Some(Token::Word(Word { value, quote_style, keyword }));
                taken += 2;
            }
        }
        _ => {}
    }
    taken += tail.len();
    let mut clause = Vec::new();
    let of = |name: &[Token]| {
        let parts: Vec<Token> = match (&seconds, name) {
            (Some(seconds), []) => vec![seconds.clone()],
            (Some(seconds), name) => [&[seconds.clone(), Token::Period], name].concat(),
            (None, name) => name.to_vec(),
        };
        [&[Token::make_keyword("OF")], parts.as_slice()].concat()
    };
    if names.is_empty() {
        clause.extend(head.iter().cloned());
        clause.extend(seconds.iter().flat_map(|_| of(&[])));
        clause.extend(tail.iter().cloned());
    }
    for name in &names {
        clause.extend(head.iter().cloned());
        clause.extend(of(name));
        clause.extend(tail.iter().cloned());
    }
    (clause, taken)
}

/// What stands after OF: the seconds of WAIT, and the name of a table.
pub(crate) fn read_of(of: &ObjectName) -> (Option<&str>, Option<&str>) {
    let mut parts = of.0.iter().filter_map(|part| part.as_ident()).peekable();
    let seconds = parts.next_if(|part| part.quote_style == Some(SECONDS)).map(|part| part.value.as_str());
    (seconds, parts.last().map(|part| part.value.as_str()))
}

fn is_word(token: &TokenWithSpan, wanted: &str) -> bool {
    is(&token.token, wanted)
}

fn is(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use sqlparser::ast;

    use super::super::{Statement, parse};
    use super::*;

    /// The clauses of a query, as `UPDATE|SHARE [seconds] [table] [NOWAIT|SKIP LOCKED]`.
    fn clauses(sql: &str) -> Vec<String> {
        let parsed = parse(sql).expect("it parses").remove(0);
        let Statement::Sql(statement) = parsed.statement else { panic!("not SQL: {sql}") };
        let ast::Statement::Query(query) = *statement else { panic!("not a query: {sql}") };
        let clause = |clause: &ast::LockClause| {
            let (seconds, table) = clause.of.as_ref().map_or((None, None), read_of);
            let nonblock = clause.nonblock.as_ref().map(ToString::to_string);
            let words = [
                Some(clause.lock_type.to_string()),
                seconds.map(str::to_owned),
                table.map(str::to_owned),
                nonblock,
            ];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        query.locks.iter().map(clause).collect()
    }

    #[test]
    fn clauses_are_read_as_they_are_meant() {
        assert_eq!(clauses("select 1 for update"), ["UPDATE"]);
        assert_eq!(clauses("select a from t lock in share mode"), ["SHARE"]);
        assert_eq!(clauses("select a from t Lock  In\nShare Mode"), ["SHARE"]);
        assert_eq!(clauses("select a from t for update wait 5"), ["UPDATE 5"]);
        assert_eq!(clauses("select a from t x for update of x wait 5"), ["UPDATE 5 x"]);
        assert_eq!(
            clauses("select 1 from t, u for share of t, d.`u` skip locked for update of v"),
            ["SHARE t SKIP LOCKED", "SHARE u SKIP LOCKED", "UPDATE v"]
        );
        assert_eq!(clauses("select 1 from `share` for update of `share`, `update` nowait").len(), 2);
        assert_eq!(clauses("select 'for update' from t"), [""; 0]);
        for wrong in [
            "select a from t for update of",
            "select a from t for update of x y",
            "select a from t for update of x,",
            "select a from t for update wait",
            "select a from t for update wait x",
            "select a from t for update of x..y",
            "select a from t for update skip",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
