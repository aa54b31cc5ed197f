//! Resource groups.
//!
//! ```text
//! CREATE RESOURCE GROUP [IF NOT EXISTS] g option …     ALTER RESOURCE GROUP [IF EXISTS] g option …
//! DROP RESOURCE GROUP [IF EXISTS] g                    SET RESOURCE GROUP g, SHOW CREATE RESOURCE GROUP g
//! option: RU_PER_SEC = n, PRIORITY = p, BURSTABLE [= b], QUERY_LIMIT = (…), BACKGROUND = (TASK_TYPES = 't')
//! ```

use std::sync::Arc;

use sqlparser::tokenizer::Token;

use super::position;
use super::statement::{Failure, Source, Statement};
use crate::error::Error;
use crate::resource::{
    DEFAULT_GROUP, Priority, QueryLimit, Rate, ResourceChange, ResourceSettings, Watch, read_duration,
};

impl Source<'_> {
    /// A change of groups, if it is next; else nothing is consumed.
    pub(super) fn resource_change(&mut self) -> Result<Option<Statement>, Failure> {
        let word = |s: &Self, n: usize, word: &str| matches!(&s.parser.peek_nth_token_ref(n).token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word));
        if !word(self, 1, "RESOURCE") || !word(self, 2, "GROUP") {
            return Ok(None);
        }
        let (create, alter) = (word(self, 0, "CREATE"), word(self, 0, "ALTER"));
        (0..3).for_each(|_| drop(self.parser.next_token()));
        let excused = self.word("IF");
        if excused {
            if create {
                self.expect_word("NOT")?;
            }
            self.expect_word("EXISTS")?;
        }
        let name = self.resource_group()?;
        Ok(Some(Statement::Resource(if create {
            ResourceChange::Create { name, settings: self.resource_settings()?, if_not_exists: excused }
        } else if alter {
            ResourceChange::Alter { name, settings: self.resource_settings()?, if_exists: excused }
        } else {
            ResourceChange::Drop { name, if_exists: excused }
        })))
    }

    /// The name of a group; the empty one is that of the group that there always is.
    pub(super) fn resource_group(&mut self) -> Result<Arc<str>, Failure> {
        let name = self.parser.next_token();
        match name.token {
            Token::Word(word) if word.value.is_empty() => Ok(DEFAULT_GROUP.into()),
            Token::Word(word) => Ok(word.value.as_str().into()),
            _ => Ok(self.parser.expected("a resource group", name)?),
        }
    }

    fn resource_settings(&mut self) -> Result<ResourceSettings, Failure> {
        let mut settings = ResourceSettings::default();
        let mut any = false;
        loop {
            let at = self.parser.peek_token().span.start;
            let twice = if self.word("RU_PER_SEC") {
                let _ = self.parser.consume_token(&Token::Eq);
                let rate = match self.word("UNLIMITED") {
                    true => Rate::Unlimited,
                    false => Rate::Units(self.units()?),
                };
                settings.rate.replace(rate).is_some()
            } else if self.word("PRIORITY") {
                let _ = self.parser.consume_token(&Token::Eq);
                let priority = match self.chosen(&["LOW", "MEDIUM", "HIGH"])? {
                    "LOW" => Priority::Low,
                    "HIGH" => Priority::High,
                    _ => Priority::Medium,
                };
                settings.priority.replace(priority).is_some()
            } else if self.word("BURSTABLE") {
                let said = self.parser.consume_token(&Token::Eq);
                let on = !said || matches!(self.chosen(&["TRUE", "FALSE"])?, "TRUE");
                settings.burstable.replace(on).is_some()
            } else if self.word("QUERY_LIMIT") {
                let _ = self.parser.consume_token(&Token::Eq);
                let limit = if self.word("NULL") { None } else { self.query_limit()? };
                settings.limit.replace(limit).is_some()
            } else if self.word("BACKGROUND") {
                let _ = self.parser.consume_token(&Token::Eq);
                let background = if self.word("NULL") { None } else { self.background()? };
                settings.background.replace(background).is_some()
            } else if any {
                return Ok(settings);
            } else {
                let next = self.parser.peek_token();
                return Ok(self.parser.expected("an option of a resource group", next)?);
            };
            if twice {
                return Err(Failure::Ours(Error::syntax("Dupliated options specified", position(at))));
            }
            any = true;
            let _ = self.parser.consume_token(&Token::Comma);
        }
    }

    /// A number, which may be a text.
    fn units(&mut self) -> Result<u64, Failure> {
        let next = self.parser.peek_token();
        match &next.token {
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => match text.parse() {
                Ok(units) => {
                    self.parser.next_token();
                    Ok(units)
                }
                Err(_) => Ok(self.parser.expected("a number", next)?),
            },
            _ => Ok(self.parser.parse_literal_uint()?),
        }
    }

    fn chosen(&mut self, words: &[&'static str]) -> Result<&'static str, Failure> {
        match words.iter().find(|word| self.word(word)) {
            Some(word) => Ok(word),
            None => {
                let next = self.parser.peek_token();
                Ok(self.parser.expected(&words.join(", "), next)?)
            }
        }
    }

    /// `(…)` behind QUERY_LIMIT; an empty one is none.
    fn query_limit(&mut self) -> Result<Option<QueryLimit>, Failure> {
        self.parser.expect_token(&Token::LParen)?;
        let mut limit = QueryLimit::default();
        while !self.parser.consume_token(&Token::RParen) {
            let at = self.parser.peek_token().span.start;
            let what = self.chosen(&["EXEC_ELAPSED", "PROCESSED_KEYS", "RU", "ACTION", "WATCH"])?;
            let _ = self.parser.consume_token(&Token::Eq);
            let twice = match what {
                "EXEC_ELAPSED" => limit.elapsed_ms.replace(self.duration_ms()?).is_some(),
                "PROCESSED_KEYS" => limit.keys.replace(self.parser.parse_literal_uint()?).is_some(),
                "RU" => limit.units.replace(self.parser.parse_literal_uint()?).is_some(),
                "ACTION" => {
                    let action: Arc<str> =
                        match self.chosen(&["DRYRUN", "COOLDOWN", "KILL", "SWITCH_GROUP"])? {
                            "SWITCH_GROUP" => {
                                self.parser.expect_token(&Token::LParen)?;
                                let group = self.resource_group()?;
                                self.parser.expect_token(&Token::RParen)?;
                                format!("SWITCH_GROUP({group})").into()
                            }
                            action => action.into(),
                        };
                    limit.action.replace(action).is_some()
                }
                _ => {
                    let kind = self.chosen(&["EXACT", "SIMILAR", "PLAN"])?;
                    let timed = self.word("DURATION");
                    if timed {
                        let _ = self.parser.consume_token(&Token::Eq);
                    }
                    let duration_ms = match timed && !self.word("UNLIMITED") {
                        true => Some(self.duration_ms()?),
                        false => None,
                    };
                    limit.watch.replace(Watch { kind, duration_ms }).is_some()
                }
            };
            if twice {
                let fault = Error::syntax("Dupliated runaway options specified", position(at));
                return Err(Failure::Ours(fault));
            }
            let _ = self.parser.consume_token(&Token::Comma);
        }
        Ok((limit != QueryLimit::default()).then_some(limit))
    }

    fn duration_ms(&mut self) -> Result<u64, Failure> {
        let at = self.parser.peek_token().span.start;
        let text = self.parser.parse_literal_string()?;
        read_duration(&text).map_err(|why| Failure::Ours(Error::syntax(why, position(at))))
    }

    /// `(TASK_TYPES = 't, …')`; an empty one is none.
    fn background(&mut self) -> Result<Option<Arc<str>>, Failure> {
        self.parser.expect_token(&Token::LParen)?;
        let mut tasks = None;
        while !self.parser.consume_token(&Token::RParen) {
            self.expect_word("TASK_TYPES")?;
            let _ = self.parser.consume_token(&Token::Eq);
            let text = self.parser.parse_literal_string()?.to_lowercase();
            let names: Vec<&str> = text.split(',').map(str::trim).collect();
            tasks = Some(names.join(",").into());
            let _ = self.parser.consume_token(&Token::Comma);
        }
        Ok(tasks)
    }
}
