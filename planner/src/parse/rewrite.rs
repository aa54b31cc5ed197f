//! What the library does not know, said in words that it does: token by token, before it sees them.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::change::{changing, delete_statement, update_statement};
use super::numbers::NumbersSyntax;
use super::option::{is_key_option, key_option};
use super::partition::insert_statement;
use super::type_name;

/// Options of CREATE TABLE and ALTER TABLE that say how TiDB spreads or numbers rows, with a number behind them: the
/// library does not know them.
const NUMBERED_OPTIONS: &[&str] = &["AUTO_ID_CACHE", "AUTO_RANDOM_BASE"];

/// Words that stand before the name of a column or of a table.
const BEFORE_NAMES: &[&str] = &[
    "TABLE", "COLUMN", "ADD", "DROP", "MODIFY", "CHANGE", "RENAME", "TO", "AFTER", "EXISTS", "INDEX", "LIKE",
];

/// Kinds of indexes that MySQL has.
const INDEX_KINDS: &[&str] = &["BTREE", "HASH", "RTREE"];

/// What was taken out.
#[derive(Default)]
pub(super) struct Said {
    /// `CLUSTERED` or `NONCLUSTERED` behind a primary key.
    pub clustered: Option<bool>,
    /// How rows are numbered.
    pub numbers: NumbersSyntax,
}

/// The text that `b'…'` spells.
fn text_of_bits(digits: &str) -> Option<String> {
    let chunks = digits.as_bytes().rchunks(8).rev();
    let bytes = chunks.map(|chunk| u8::from_str_radix(std::str::from_utf8(chunk).ok()?, 2).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

/// Token by token, in a CREATE or ALTER: takes CONSTRAINT without a name and `CLUSTERED` and `NONCLUSTERED` behind a primary key out, and options that say
/// nothing here; spells out the names of types ([`type_name`]); says `CHARACTER SET x` for `CHARSET x` behind a type, `USING INVISIBLE` for `INVISIBLE` behind a key, DOUBLE for `REAL (`, DECIMAL for NUMERIC, and members of a SET in single quotes. Spells out `TABLE t`. The other
/// tokens keep their places.
pub(super) fn rewrite(tokens: &[TokenWithSpan]) -> (Vec<TokenWithSpan>, Said) {
    let word = |t: &Token, wanted: &str| matches!(t, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted));
    let mut solid = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_)));
    let mut first = solid.next().map(|t| &t.token);
    if first.is_some_and(|t| ["EXPLAIN", "DESCRIBE", "DESC"].iter().any(|explain| word(t, explain))) {
        // EXPLAIN ANALYZE FORMAT = 'brief' UPDATE …
        let change = |t: &&Token| ["INSERT", "REPLACE", "UPDATE", "DELETE"].iter().any(|w| word(t, w));
        first = solid.by_ref().take(5).map(|t| &t.token).find(change).or(first);
    }
    if first.is_some_and(|t| word(t, "TABLE")) {
        return (table_statement(tokens), Said::default());
    }
    if first.is_some_and(|t| word(t, "DROP"))
        && let Some(second) = solid.clone().next()
        && word(&second.token, "TABLES")
    {
        // Another word for TABLE.
        let said = |t: &TokenWithSpan| match t.span == second.span {
            true => TokenWithSpan { token: Token::make_keyword("TABLE"), span: t.span },
            false => t.clone(),
        };
        return (tokens.iter().map(said).collect(), Said::default());
    }
    if first.is_some_and(|t| word(t, "WITH"))
        && let Some(begin) = changing(tokens)
    {
        let (change, said) = rewrite(&tokens[begin..]);
        return ([&tokens[..begin], &change].concat(), said);
    }
    if first.is_some_and(|t| word(t, "INSERT") || word(t, "REPLACE")) {
        return (insert_statement(tokens), Said::default());
    }
    if first.is_some_and(|t| word(t, "UPDATE")) {
        return (update_statement(tokens), Said::default());
    }
    if first.is_some_and(|t| word(t, "DELETE")) {
        return (delete_statement(tokens), Said::default());
    }
    if !first.is_some_and(|t| word(t, "CREATE") || word(t, "ALTER")) {
        return (tokens.to_vec(), Said::default());
    }
    let alters = first.is_some_and(|t| word(t, "ALTER"));
    let of_table = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).take(4);
    let of_table = of_table.into_iter().any(|t| word(&t.token, "TABLE"));
    let creates = of_table && first.is_some_and(|t| word(t, "CREATE"));
    let mut said = Said::default();
    let (mut depth, mut in_set, mut in_query) = (0, false, false);
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).peekable();
    while let Some(t) = rest.next() {
        if of_table
            && !in_query
            && let Some(spelled) = type_name::respelled(&kept, t, &mut rest)
        {
            kept.extend(spelled);
            continue;
        }
        let previous = kept.last().map_or(&Token::EOF, |t| &t.token);
        let next = rest.peek().map_or(&Token::EOF, |t| &t.token);
        // Of a view: names may follow anything there.
        in_query |= word(&t.token, "SELECT");
        match &t.token {
            Token::LParen => {
                in_set = word(previous, "SET") || word(previous, "ENUM");
                // `CREATE TABLE t (SELECT …)`
                let query = creates && depth == 0 && (word(next, "SELECT") || word(next, "WITH"));
                if query && !word(previous, "AS") {
                    kept.push(TokenWithSpan { token: Token::make_keyword("AS"), span: t.span });
                }
                depth += 1;
            }
            Token::RParen => {
                depth -= 1;
                in_set = false;
            }
            // To the library it begins options.
            name if creates
                && depth == 0
                && !in_query
                && word(name, "WITH")
                && !word(previous, "AS")
                && *next != Token::LParen =>
            {
                kept.push(TokenWithSpan { token: Token::make_keyword("AS"), span: t.span });
            }
            // The library takes the members of a SET in single quotes only.
            Token::DoubleQuotedString(member) if in_set => {
                let token = Token::SingleQuotedString(member.clone());
                kept.push(TokenWithSpan { token, span: t.span });
                continue;
            }
            // And no bits.
            Token::SingleQuotedByteStringLiteral(digits)
                if in_set && let Some(member) = text_of_bits(digits) =>
            {
                kept.push(TokenWithSpan { token: Token::SingleQuotedString(member), span: t.span });
                continue;
            }
            // Nor comments.
            Token::DoubleQuotedString(text)
                if word(previous, "COMMENT")
                    || *previous == Token::Eq
                        && kept.len() > 1
                        && word(&kept[kept.len() - 2].token, "COMMENT") =>
            {
                let token = Token::SingleQuotedString(text.clone());
                kept.push(TokenWithSpan { token, span: t.span });
                continue;
            }
            // A CHAR like any other.
            name if word(name, "NATIONAL")
                && ["CHAR", "CHARACTER", "VARCHAR", "VARCHARACTER"].iter().any(|kind| word(next, kind)) =>
            {
                continue;
            }
            name if word(name, "NCHAR") && matches!(previous, Token::Word(_)) => {
                kept.push(TokenWithSpan { token: Token::make_keyword("CHAR"), span: t.span });
                continue;
            }
            // The library wants a name there, which may be missing.
            name if word(name, "CONSTRAINT") && word(next, "CHECK") => continue,
            name if (word(name, "CLUSTERED") || word(name, "NONCLUSTERED"))
                && (*previous == Token::RParen || word(previous, "KEY")) =>
            {
                said.clustered = Some(word(name, "CLUSTERED"));
                continue;
            }
            // Of a key; of a table it is one of the options that are read over.
            name if word(name, "KEY_BLOCK_SIZE")
                && (depth > 0 || !of_table || alters && *previous == Token::RParen) =>
            {
                rest.next_if(|t| t.token == Token::Eq);
                rest.next();
                continue;
            }
            // There is one kind of index. The library wants a name before it.
            name if word(name, "USING")
                && !in_query
                && INDEX_KINDS.iter().any(|kind| word(next, kind))
                && rest.clone().nth(1).is_some_and(|t| t.token == Token::LParen || word(&t.token, "ON")) =>
            {
                rest.next();
                continue;
            }
            // Behind a key's columns, or behind another option of it.
            Token::Word(w)
                if w.quote_style.is_none()
                    && !in_query
                    && is_key_option(&w.value)
                    && match previous {
                        Token::RParen | Token::SingleQuotedString(_) => true,
                        before => {
                            (INDEX_KINDS.iter().any(|kind| word(before, kind))
                                || matches!(before, Token::Word(w) if is_key_option(&w.value)))
                                && kept.len() > 1
                                && word(&kept[kept.len() - 2].token, "USING")
                        }
                    } =>
            {
                kept.extend(key_option(t));
                continue;
            }
            name if depth == 0 && NUMBERED_OPTIONS.iter().any(|option| word(name, option)) => {
                let mut ahead = rest.clone();
                ahead.next_if(|t| t.token == Token::Eq);
                if let Some(Token::Number(number, _)) =
                    ahead.next_if(|t| matches!(t.token, Token::Number(..))).map(|t| &t.token)
                {
                    said.numbers.note(&name.to_string(), number);
                    // Options may have commas between them.
                    if *previous == Token::Comma {
                        kept.pop();
                    } else {
                        ahead.next_if(|t| t.token == Token::Comma);
                    }
                    rest = ahead;
                    continue;
                }
            }
            // The name of a column stands behind none of these.
            name if of_table
                && word(name, "AUTO_RANDOM")
                && matches!(previous, Token::Word(_) | Token::RParen)
                && !BEFORE_NAMES.iter().any(|before| word(previous, before)) =>
            {
                said.numbers.take_random(t.span.start, &mut rest);
                continue;
            }
            name if word(name, "CHARSET")
                && matches!(previous, Token::Word(_) | Token::RParen)
                && matches!(next, Token::Word(_) | Token::SingleQuotedString(_))
                && !word(previous, "DEFAULT") =>
            {
                for keyword in ["CHARACTER", "SET"] {
                    kept.push(TokenWithSpan { token: Token::make_keyword(keyword), span: t.span });
                }
                continue;
            }
            name if word(name, "REAL") && *next == Token::LParen => {
                kept.push(TokenWithSpan { token: Token::make_keyword("DOUBLE"), span: t.span });
                continue;
            }
            // The library does not know it with a sign.
            name if word(name, "NUMERIC") => {
                kept.push(TokenWithSpan { token: Token::make_keyword("DECIMAL"), span: t.span });
                continue;
            }
            _ => {}
        }
        kept.push(t.clone());
    }
    (kept, said)
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
