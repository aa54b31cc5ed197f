//! Placement policies.
//!
//! ```text
//! CREATE [OR REPLACE] PLACEMENT POLICY [IF NOT EXISTS] p option …     ALTER PLACEMENT POLICY [IF EXISTS] p option …
//! DROP PLACEMENT POLICY [IF EXISTS] p                                 option: PRIMARY_REGION = 'r', FOLLOWERS = n, …
//! SHOW PLACEMENT [LIKE 'x'] [FOR { DATABASE d | TABLE t [PARTITION p] }], SHOW CREATE PLACEMENT POLICY p
//! [DEFAULT] PLACEMENT POLICY [=] p      of a database, a table or a partition
//! ```

use std::sync::Arc;

use sqlparser::tokenizer::Token;

use super::listing::Listing;
use super::statement::{Failure, Source, Statement};
use crate::placement::{
    PlacementOption, PlacementPolicy, PlacementSettings, PlacementShown, PlacementValue, PolicyChange,
};

impl Source<'_> {
    /// A change of policies, if it is next; else nothing is consumed.
    pub(super) fn policy(&mut self) -> Result<Option<Statement>, Failure> {
        let word = |s: &Self, n: usize| match s.parser.peek_nth_token(n).token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            _ => String::new(),
        };
        let verb = word(self, 0);
        let or_replace = word(self, 1) == "OR" && word(self, 2) == "REPLACE";
        let at = if or_replace { 3 } else { 1 };
        if word(self, at) != "PLACEMENT" || word(self, at + 1) != "POLICY" {
            return Ok(None);
        }
        for _ in 0..at + 2 {
            self.parser.next_token();
        }
        let excused = self.word("IF");
        if excused {
            if verb == "CREATE" {
                self.expect_word("NOT")?;
            }
            self.expect_word("EXISTS")?;
        }
        let name: Arc<str> = self.parser.parse_identifier()?.value.as_str().into();
        let change = match verb.as_str() {
            "CREATE" => {
                let policy = PlacementPolicy { name, settings: self.settings()? };
                PolicyChange::Create { policy, or_replace, if_not_exists: excused }
            }
            "ALTER" => {
                let policy = PlacementPolicy { name, settings: self.settings()? };
                PolicyChange::Alter { policy, if_exists: excused }
            }
            _ => PolicyChange::Drop { name, if_exists: excused },
        };
        Ok(Some(Statement::Policy(change)))
    }

    fn settings(&mut self) -> Result<PlacementSettings, Failure> {
        let mut settings = PlacementSettings::default();
        loop {
            let next = self.parser.peek_token();
            let option = match &next.token {
                Token::Word(word) => PlacementOption::named(&word.value),
                _ => None,
            };
            let Some(option) = option else {
                return match settings.0.is_empty() {
                    true => Ok(self.parser.expected("an option of a policy", next)?),
                    false => Ok(settings),
                };
            };
            self.parser.next_token();
            let _ = self.parser.consume_token(&Token::Eq);
            let value = match option.is_count() {
                true => PlacementValue::Count(self.parser.parse_literal_uint()?),
                false => PlacementValue::Text(self.parser.parse_literal_string()?.as_str().into()),
            };
            settings.0.insert(option, value);
            let _ = self.parser.consume_token(&Token::Comma);
        }
    }

    /// `[DEFAULT] PLACEMENT POLICY [=] p`, if it is next.
    pub(super) fn placed(&mut self) -> Result<Option<String>, Failure> {
        let word = |s: &Self, n: usize, word: &str| matches!(&s.parser.peek_nth_token_ref(n).token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word));
        let at = usize::from(word(self, 0, "DEFAULT"));
        if !word(self, at, "PLACEMENT") || !word(self, at + 1, "POLICY") {
            return Ok(None);
        }
        for _ in 0..at + 2 {
            self.parser.next_token();
        }
        let _ = self.parser.consume_token(&Token::Eq);
        let name = self.parser.next_token();
        match name.token {
            Token::Word(word) => Ok(Some(word.value)),
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => Ok(Some(text)),
            _ => Ok(self.parser.expected("a placement policy", name)?),
        }
    }

    /// Behind SHOW PLACEMENT.
    pub(super) fn placement_shown(&mut self) -> Result<Listing, Failure> {
        if self.word("LIKE") {
            let pattern = Some(self.parser.parse_literal_string()?);
            return Ok(Listing::Placement(PlacementShown::All { pattern }));
        }
        if !self.word("FOR") {
            return Ok(Listing::Placement(PlacementShown::All { pattern: None }));
        }
        if self.word("DATABASE") || self.word("SCHEMA") {
            let name = self.parser.parse_identifier()?.value;
            return Ok(Listing::Placement(PlacementShown::Database(name)));
        }
        self.expect_word("TABLE")?;
        let name = self.parser.parse_object_name(false)?;
        let mut parts: Vec<String> =
            name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone()).collect();
        let table = parts.pop().unwrap_or_default();
        let partition = match self.word("PARTITION") {
            true => Some(self.parser.parse_identifier()?.value),
            false => None,
        };
        Ok(Listing::Placement(PlacementShown::Table { database: parts.pop(), table, partition }))
    }
}
