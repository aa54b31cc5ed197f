//! Names of types that the library does not know, in CREATE TABLE and ALTER TABLE: said in words that it does.

use std::iter::Peekable;

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Words that stand where a column's name might, and are none.
const NO_NAMES: &[&str] = &[
    "ADD",
    "CHANGE",
    "CHECK",
    "COLUMN",
    "CONSTRAINT",
    "EXISTS",
    "FOREIGN",
    "FULLTEXT",
    "INDEX",
    "KEY",
    "MODIFY",
    "PRIMARY",
    "SPATIAL",
    "UNIQUE",
];

/// The character set that a single word behind a type stands for.
pub(super) fn charset(word: &str) -> Option<&'static str> {
    let sets = [("ASCII", "latin1"), ("BYTE", "binary"), ("UNICODE", "ucs2")];
    sets.into_iter().find(|(short, _)| word.eq_ignore_ascii_case(short)).map(|(_, set)| set)
}

/// What the library calls the type that a token names or begins to name; `rest` is then behind the name. `kept` is what stands
/// before it. `None` = it is no name of a type, or one that the library knows.
pub(super) fn respelled<'a>(
    kept: &[TokenWithSpan],
    name: &TokenWithSpan,
    rest: &mut Peekable<impl Iterator<Item = &'a TokenWithSpan>>,
) -> Option<Vec<TokenWithSpan>> {
    let Token::Word(word) = &name.token else { return None };
    if word.quote_style.is_some() {
        return None;
    }
    let mut next = |wanted: &str| rest.next_if(|t| is(&t.token, wanted)).is_some();
    let upper = word.value.to_ascii_uppercase();
    // SERIAL DEFAULT VALUE stands behind a type, all others are where one is due.
    let words: &[&str] = match upper.as_str() {
        "SERIAL" if next("DEFAULT") => {
            next("VALUE");
            &["NOT", "NULL", "AUTO_INCREMENT", "UNIQUE"]
        }
        _ if !type_is_due(kept) => return None,
        "SERIAL" => &["BIGINT", "UNSIGNED", "NOT", "NULL", "AUTO_INCREMENT", "UNIQUE"],
        "FIXED" => &["DECIMAL"],
        "INT1" => &["TINYINT"],
        "INT2" => &["SMALLINT"],
        "INT3" | "MIDDLEINT" => &["MEDIUMINT"],
        "INT4" => &["INT"],
        "INT8" => &["BIGINT"],
        "VARCHARACTER" => &["VARCHAR"],
        "LONG" if next("VARBINARY") => &["MEDIUMBLOB"],
        "LONG" => {
            if next("CHAR") || next("CHARACTER") {
                next("VARYING");
            } else if !next("VARCHAR") {
                next("VARCHARACTER");
            }
            &["MEDIUMTEXT"]
        }
        "NCHAR" if next("VARCHAR") || next("VARCHARACTER") || next("VARYING") => &["VARCHAR"],
        "DOUBLE" if next("PRECISION") => &["DOUBLE"],
        _ => return None,
    };
    let token = |word: &&str| TokenWithSpan { token: Token::make_keyword(word), span: name.span };
    Some(words.iter().map(token).collect())
}

/// Whether the name of a column stands last: behind what begins a definition.
fn type_is_due(kept: &[TokenWithSpan]) -> bool {
    let before = |n: usize| kept.len().checked_sub(n).map_or(&Token::EOF, |at| &kept[at].token);
    let Token::Word(column) = before(1) else { return false };
    if column.quote_style.is_none() && NO_NAMES.iter().any(|no| column.value.eq_ignore_ascii_case(no)) {
        return false;
    }
    match before(2) {
        Token::LParen | Token::Comma => true,
        // CHANGE COLUMN names two.
        first if is(first, "COLUMN") => !is(before(3), "CHANGE"),
        first if ["ADD", "MODIFY", "EXISTS"].iter().any(|word| is(first, word)) => true,
        Token::Word(_) if is(before(3), "COLUMN") => is(before(4), "CHANGE"),
        Token::Word(_) => is(before(3), "CHANGE"),
        _ => false,
    }
}

fn is(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(wanted))
}
