//! What CREATE TABLE and ALTER TABLE say of how rows are numbered, in TiDB's words: taken out of the tokens before the library
//! sees them.
//!
//! ```text
//! create table t (id bigint auto_random(5, 32) primary key) auto_id_cache = 100 auto_random_base = 7
//!                           ^ where it stands says of which column it is
//! ```

use std::iter::Peekable;

use sqlparser::ast;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::Error;

/// What is said.
#[derive(Clone, Debug, Default)]
pub(crate) struct NumbersSyntax {
    /// AUTO_ID_CACHE.
    pub cache: Option<String>,
    /// AUTO_RANDOM_BASE.
    pub random_base: Option<String>,
    /// AUTO_RANDOM, wherever it stands.
    pub random: Vec<RandomSyntax>,
}

/// `AUTO_RANDOM [(shard bits [, range bits])]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RandomSyntax {
    at: Location,
    pub shard_bits: Option<u64>,
    pub range_bits: Option<u64>,
}

impl NumbersSyntax {
    /// For each of these columns what AUTO_RANDOM it has: of the last one that begins before it.
    pub fn of_columns(&self, columns: &[&ast::ColumnDef]) -> Vec<Option<RandomSyntax>> {
        let starts = columns.iter().map(|def| def.name.span.start);
        let starts: Vec<Location> = starts.collect();
        let mut out = vec![None; columns.len()];
        for random in &self.random {
            let before = starts.iter().enumerate().filter(|(_, start)| **start < random.at);
            if let Some((owner, _)) = before.max_by_key(|(_, start)| **start) {
                out[owner] = Some(*random);
            }
        }
        out
    }

    /// AUTO_ID_CACHE as a number.
    pub fn cache(&self) -> Result<Option<u64>, Error> {
        number("auto_id_cache", self.cache.as_deref())
    }

    /// AUTO_RANDOM_BASE as a number.
    pub fn random_base(&self) -> Result<Option<u64>, Error> {
        number("auto_random_base", self.random_base.as_deref())
    }

    /// Notes a table's option.
    pub(super) fn note(&mut self, option: &str, number: &str) {
        let place = match option.to_ascii_uppercase().as_str() {
            "AUTO_ID_CACHE" => &mut self.cache,
            "AUTO_RANDOM_BASE" => &mut self.random_base,
            _ => return,
        };
        *place = Some(number.to_owned());
    }

    /// Takes what stands behind AUTO_RANDOM; nothing is consumed if that is not what it should be.
    pub(super) fn take_random<'t, I>(&mut self, at: Location, rest: &mut Peekable<I>)
    where
        I: Iterator<Item = &'t TokenWithSpan> + Clone,
    {
        let mut ahead = rest.clone();
        let mut bits = [None, None];
        if ahead.next_if(|t| t.token == Token::LParen).is_some() {
            let number = |ahead: &mut Peekable<I>| match ahead.next().map(|t| &t.token) {
                Some(Token::Number(digits, _)) => digits.parse().ok(),
                _ => None,
            };
            bits[0] = number(&mut ahead);
            if ahead.next_if(|t| t.token == Token::Comma).is_some() {
                bits[1] = number(&mut ahead);
            }
            if bits[0].is_none() || ahead.next().map(|t| &t.token) != Some(&Token::RParen) {
                return;
            }
            *rest = ahead;
        }
        let [shard_bits, range_bits] = bits;
        self.random.push(RandomSyntax { at, shard_bits, range_bits });
    }
}

fn number(option: &str, text: Option<&str>) -> Result<Option<u64>, Error> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(number) => Ok(Some(number.unsigned_abs())),
        Err(_) => Err(Error::TableOptionOverflow(option.to_owned())),
    }
}
