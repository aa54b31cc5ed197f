//! Refuses text that would become a tree too deep to walk.
//!
//! The parser limits its own recursion, but it parses `1 + 1 + 1 + …` in a loop into a tree as deep as the chain is long,
//! and even dropping such a tree recurses. So chains are measured on the tokens, before there is any tree.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::Error;

/// Parentheses that may be open at once.
const PAREN_DEPTH_MAX: usize = 200;
/// Operators between two commas, clause keywords or parentheses.
const OPERATOR_CHAIN_MAX: u32 = 5_000;
/// UNIONs or joins between two parentheses; each makes the plan one level deeper.
const SET_CHAIN_MAX: u32 = 200;

#[derive(Clone, Copy, Default)]
struct Level {
    operators: u32,
    sets: u32,
}

pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<(), Error> {
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    for token in tokens {
        match &token.token {
            Token::LParen => {
                outer.push(std::mem::take(&mut level));
                if outer.len() > PAREN_DEPTH_MAX {
                    return Err(Error::TooComplex(format!("more than {PAREN_DEPTH_MAX} open parentheses")));
                }
            }
            Token::RParen => level = outer.pop().unwrap_or_default(),
            Token::Comma => level.operators = 0,
            Token::Word(w) => match w.keyword {
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN => {
                    level = Level { operators: 0, sets: level.sets + 1 };
                }
                Keyword::SELECT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::ON
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::VALUES
                | Keyword::SET => level.operators = 0,
                Keyword::AND
                | Keyword::OR
                | Keyword::XOR
                | Keyword::DIV
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::IN
                | Keyword::BETWEEN
                | Keyword::REGEXP
                | Keyword::RLIKE
                | Keyword::COLLATE => level.operators += 1,
                _ => level.operators += u32::from(w.value.eq_ignore_ascii_case("mod")),
            },
            Token::Whitespace(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_) => {}
            // Every other token is an operator or an error.
            _ => level.operators += 1,
        }
        if level.operators > OPERATOR_CHAIN_MAX {
            return Err(Error::TooComplex(format!(
                "more than {OPERATOR_CHAIN_MAX} operators in one expression"
            )));
        }
        if level.sets > SET_CHAIN_MAX {
            return Err(Error::TooComplex(format!("more than {SET_CHAIN_MAX} joins or unions in one query")));
        }
    }
    Ok(())
}
