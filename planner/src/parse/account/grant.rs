//! GRANT and REVOKE of privileges.

use sqlparser::tokenizer::Token;

use super::super::statement::{Failure, Source};
use crate::account::{AccountChange, Granted, Level, Privilege, UserOptions};

impl Source<'_> {
    /// Behind GRANT.
    pub(super) fn grant(&mut self) -> Result<AccountChange, Failure> {
        if !self.names_a_level("TO") {
            return self.grant_roles();
        }
        let privileges = self.list(Self::granted)?;
        let level = self.level()?;
        self.expect_word("TO")?;
        let users = self.list(Self::user_spec)?;
        let options = UserOptions { require: self.requirement()?, ..UserOptions::default() };
        let grant_option = self.word("WITH");
        if grant_option {
            self.expect_word("GRANT")?;
            self.expect_word("OPTION")?;
        }
        Ok(AccountChange::Grant { privileges, level, users, options, grant_option })
    }

    /// Behind REVOKE.
    pub(super) fn revoke(&mut self) -> Result<AccountChange, Failure> {
        if self.names_a_level("FROM") {
            let privileges = self.list(Self::granted)?;
            let level = self.level()?;
            self.expect_word("FROM")?;
            return Ok(AccountChange::Revoke { privileges, level, users: self.whos()? });
        }
        if self.word("ALL") {
            self.word("PRIVILEGES");
            self.parser.expect_token(&Token::Comma)?;
            self.expect_word("GRANT")?;
            self.expect_word("OPTION")?;
            self.expect_word("FROM")?;
            return Ok(AccountChange::RevokeEverything { users: self.whos()? });
        }
        self.revoke_roles()
    }

    /// Whether ON comes before this word: what is granted are privileges, not roles.
    fn names_a_level(&self, end: &str) -> bool {
        let mut at = 0;
        loop {
            match self.parser.peek_nth_token(at).token {
                Token::Word(word) if word.quote_style.is_none() => {
                    if word.value.eq_ignore_ascii_case("ON") {
                        return true;
                    }
                    if word.value.eq_ignore_ascii_case(end) {
                        return false;
                    }
                }
                Token::EOF => return false,
                _ => {}
            }
            at += 1;
        }
    }

    fn granted(&mut self) -> Result<Granted, Failure> {
        if self.word("ALL") {
            self.word("PRIVILEGES");
            return Ok(Granted::All);
        }
        if self.word("USAGE") {
            return Ok(Granted::Usage);
        }
        // The longer of two that begin alike comes first.
        let mut known: Vec<Privilege> = Privilege::ALL.to_vec();
        known.sort_by_key(|p| std::cmp::Reverse(p.name().len()));
        let Some(privilege) = known.into_iter().find(|p| self.words(p.name())) else {
            return Ok(Granted::Dynamic(self.word_or_string("a privilege")?.to_ascii_uppercase()));
        };
        let mut columns = vec![];
        if self.parser.consume_token(&Token::LParen) {
            columns = self.list(|s| Ok(s.parser.parse_identifier()?.value))?;
            self.parser.expect_token(&Token::RParen)?;
        }
        Ok(Granted::Privilege { privilege, columns })
    }

    /// Consumes these words if they are all next.
    fn words(&mut self, words: &str) -> bool {
        let mut at = 0;
        for word in words.split(' ') {
            let next = self.parser.peek_nth_token(at).token;
            if !matches!(next, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
            {
                return false;
            }
            at += 1;
        }
        (0..at).for_each(|_| drop(self.parser.next_token()));
        true
    }

    /// From ON on.
    fn level(&mut self) -> Result<Level, Failure> {
        self.expect_word("ON")?;
        self.word("TABLE");
        for routine in ["FUNCTION", "PROCEDURE"] {
            if self.word(routine) {
                return Err(self.not_supported(&format!("privileges on a {routine}")));
            }
        }
        if self.parser.consume_token(&Token::Mul) {
            if !self.parser.consume_token(&Token::Period) {
                return Ok(Level::Database(None));
            }
            self.parser.expect_token(&Token::Mul)?;
            return Ok(Level::Global);
        }
        let first = self.parser.parse_identifier()?.value;
        if !self.parser.consume_token(&Token::Period) {
            return Ok(Level::Table(None, first));
        }
        if self.parser.consume_token(&Token::Mul) {
            return Ok(Level::Database(Some(first)));
        }
        Ok(Level::Table(Some(first), self.parser.parse_identifier()?.value))
    }
}
