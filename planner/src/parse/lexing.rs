//! What `sql_mode` says of how a text is read.
//!
//! Quotes and backslashes are the tokenizer's business, by a dialect of its own ([`quoting`]). The rest is done to the tokens
//! ([`obey`]), so that the parser, and all who keep syntax as text, know one language only:
//!
//! ```text
//! ANSI_QUOTES              "a"                       `a`
//! PIPES_AS_CONCAT          a || b                    a, an operator of ours, b: parsed as concat(a, b)
//! HIGH_NOT_PRECEDENCE      NOT a IN (b)              ! a IN (b)
//! REAL_AS_FLOAT            REAL                      FLOAT
//! ```

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::dialect::AllodDialect;
use crate::sql_mode::Lexing;

/// `||` where it puts texts together. Nobody can write this operator.
pub(super) const CONCAT: &str = "||";

static DIALECTS: [AllodDialect; 4] = [
    AllodDialect { ansi_quotes: false, backslash_escapes: true },
    AllodDialect { ansi_quotes: true, backslash_escapes: true },
    AllodDialect { ansi_quotes: false, backslash_escapes: false },
    AllodDialect { ansi_quotes: true, backslash_escapes: false },
];

/// The dialect that reads quotes and backslashes as the mode says.
pub(super) fn quoting(lexing: Lexing) -> &'static AllodDialect {
    &DIALECTS[usize::from(lexing.ansi_quotes) + 2 * usize::from(lexing.no_backslash_escapes)]
}

/// Makes the tokens what they are without the mode.
pub(super) fn obey(tokens: &mut [TokenWithSpan], lexing: Lexing) {
    if lexing == Lexing::default() {
        return;
    }
    let mut operand = true;
    for t in tokens.iter_mut().filter(|t| !matches!(t.token, Token::Whitespace(_))) {
        match &mut t.token {
            Token::Word(word) if lexing.ansi_quotes && word.quote_style == Some('"') => {
                word.quote_style = Some('`');
            }
            Token::StringConcat if lexing.pipes_as_concat => {
                t.token = Token::CustomBinaryOperator(CONCAT.into());
            }
            Token::Word(word) if lexing.high_not_precedence && operand && word.keyword == Keyword::NOT => {
                t.token = Token::ExclamationMark;
            }
            // A reserved word: no name is written like it.
            Token::Word(word) if lexing.real_as_float && word.keyword == Keyword::REAL => {
                t.token = Token::make_keyword("FLOAT");
            }
            _ => {}
        }
        operand = opens_operand(&t.token);
    }
}

/// Whether an operand begins behind a token: what NOT stands in front of is one, unless it is a part of another word's clause
/// (`IS NOT NULL`, `NOT IN`, `IF NOT EXISTS`, `a INT NOT NULL`).
fn opens_operand(token: &Token) -> bool {
    match token {
        Token::LParen
        | Token::Comma
        | Token::Eq
        | Token::DoubleEq
        | Token::Spaceship
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::Caret
        | Token::Ampersand
        | Token::Pipe
        | Token::Overlap
        | Token::StringConcat
        | Token::ShiftLeft
        | Token::ShiftRight
        | Token::ExclamationMark
        | Token::Assignment
        | Token::CustomBinaryOperator(_) => true,
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::SELECT
                | Keyword::DISTINCT
                | Keyword::ALL
                | Keyword::WHERE
                | Keyword::HAVING
                | Keyword::ON
                | Keyword::AND
                | Keyword::OR
                | Keyword::XOR
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::CASE
                | Keyword::BY
                | Keyword::BETWEEN
                | Keyword::DO
        ),
        _ => false,
    }
}
