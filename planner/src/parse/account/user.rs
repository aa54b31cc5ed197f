//! CREATE USER, CREATE ROLE, ALTER USER, DROP, RENAME USER, SET PASSWORD.

use sqlparser::tokenizer::Token;

use super::super::statement::{Failure, Source};
use crate::account::{
    AccountChange, Attribute, Identified, PasswordExpiry, Requirement, RoleChoice, UserOptions, UserSpec, Who,
};

impl Source<'_> {
    /// Behind CREATE USER, CREATE ROLE.
    pub(super) fn create_users(&mut self, role: bool) -> Result<AccountChange, Failure> {
        let if_not_exists = self.exists(true)?;
        if role {
            let plain = |name| UserSpec { user: Who::Named(name), identified: None };
            let users = self.names()?.into_iter().map(plain).collect();
            return Ok(AccountChange::Create { users, options: UserOptions::default(), if_not_exists, role });
        }
        let (users, options) = self.users_and_options()?;
        Ok(AccountChange::Create { users, options, if_not_exists, role })
    }

    /// Behind ALTER USER.
    pub(super) fn alter_users(&mut self) -> Result<AccountChange, Failure> {
        let if_exists = self.exists(false)?;
        let (users, options) = self.users_and_options()?;
        Ok(AccountChange::Alter { users, options, if_exists })
    }

    /// Behind DROP USER, DROP ROLE.
    pub(super) fn drop_users(&mut self, role: bool) -> Result<AccountChange, Failure> {
        let if_exists = self.exists(false)?;
        Ok(AccountChange::Drop { users: self.whos()?, if_exists, role })
    }

    /// Behind RENAME USER.
    pub(super) fn rename_users(&mut self) -> Result<AccountChange, Failure> {
        let one = |source: &mut Self| {
            let from = source.who()?;
            source.expect_word("TO")?;
            Ok((from, source.who()?))
        };
        Ok(AccountChange::Rename(self.list(one)?))
    }

    /// Behind SET PASSWORD.
    pub(super) fn set_password(&mut self) -> Result<AccountChange, Failure> {
        let user = if self.word("FOR") { self.who()? } else { Who::Current };
        self.parser.expect_token(&Token::Eq)?;
        if self.word("PASSWORD") {
            self.parser.expect_token(&Token::LParen)?;
            let password = self.string("a password")?;
            self.parser.expect_token(&Token::RParen)?;
            return Ok(AccountChange::SetPassword { user, password });
        }
        Ok(AccountChange::SetPassword { user, password: self.string("a password")? })
    }

    /// IF [NOT] EXISTS.
    fn exists(&mut self, not: bool) -> Result<bool, Failure> {
        if !self.word("IF") {
            return Ok(false);
        }
        if not {
            self.expect_word("NOT")?;
        }
        self.expect_word("EXISTS")?;
        Ok(true)
    }

    fn users_and_options(&mut self) -> Result<(Vec<UserSpec>, UserOptions), Failure> {
        let users = self.list(Self::user_spec)?;
        let mut options = UserOptions::default();
        if self.word("DEFAULT") {
            self.expect_word("ROLE")?;
            options.default_role = Some(self.role_choice(false)?);
        }
        options.require = self.requirement()?;
        loop {
            if self.word("PASSWORD") {
                self.password_option(&mut options)?;
            } else if self.word("ACCOUNT") {
                options.locked = Some(self.one_of(&["LOCK", "UNLOCK"])? == "LOCK");
            } else if self.word("COMMENT") {
                options.attribute = Some(Attribute::Comment(self.string("a comment")?));
            } else if self.word("RESOURCE") {
                self.expect_word("GROUP")?;
                options.resource_group = Some(self.resource_group()?);
            } else if self.word("ATTRIBUTE") {
                options.attribute = Some(Attribute::Json(self.string("a JSON object")?));
            } else {
                break;
            }
        }
        for what in ["WITH", "FAILED_LOGIN_ATTEMPTS", "PASSWORD_LOCK_TIME"] {
            if self.word(what) {
                return Err(self.not_supported(&format!("{what} of an account")));
            }
        }
        Ok((users, options))
    }

    /// Behind PASSWORD: EXPIRE, and of what is remembered of old passwords that it is nothing.
    fn password_option(&mut self, options: &mut UserOptions) -> Result<(), Failure> {
        if !self.word("EXPIRE") {
            let reuse = self.word("REUSE");
            let what = if reuse { "INTERVAL" } else { "HISTORY" };
            self.expect_word(what)?;
            if self.word("DEFAULT") {
                return Ok(());
            }
            return Err(self.not_supported(&format!("PASSWORD {what} of an account")));
        }
        options.expiry = Some(if self.word("NEVER") {
            PasswordExpiry::Never
        } else if self.word("DEFAULT") {
            PasswordExpiry::Default
        } else if self.word("INTERVAL") {
            let days = self.parser.parse_literal_uint()?;
            self.expect_word("DAY")?;
            match u16::try_from(days) {
                Ok(days) if days > 0 => PasswordExpiry::Days(days),
                _ => return Err(self.not_supported(&format!("passwords that expire after {days} days"))),
            }
        } else {
            PasswordExpiry::Now
        });
        Ok(())
    }

    /// An account, and how it proves who it is.
    pub(super) fn user_spec(&mut self) -> Result<UserSpec, Failure> {
        let user = self.who()?;
        if !self.word("IDENTIFIED") {
            return Ok(UserSpec { user, identified: None });
        }
        let mut identified = Identified::default();
        if self.word("WITH") {
            identified.plugin = Some(self.word_or_string("a plugin")?.to_ascii_lowercase());
            if self.word("AS") {
                identified.hash = Some(self.string("a hash")?);
            } else if self.word("BY") {
                identified.password = Some(self.string("a password")?);
            }
        } else {
            self.expect_word("BY")?;
            if user != Who::Current && self.word("PASSWORD") {
                identified.hash = Some(self.string("a hash")?);
            } else {
                identified.password = Some(self.string("a password")?);
            }
        }
        Ok(UserSpec { user, identified: Some(identified) })
    }

    /// REQUIRE, if it is there.
    pub(super) fn requirement(&mut self) -> Result<Option<Requirement>, Failure> {
        if !self.word("REQUIRE") {
            return Ok(None);
        }
        for (word, requirement) in
            [("NONE", Requirement::None), ("SSL", Requirement::Ssl), ("X509", Requirement::X509)]
        {
            if self.word(word) {
                return Ok(Some(requirement));
            }
        }
        let (mut issuer, mut subject, mut cipher) = (None, None, None);
        loop {
            let what = self.one_of(&["ISSUER", "SUBJECT", "CIPHER"])?;
            let known = match what {
                "ISSUER" => &mut issuer,
                "SUBJECT" => &mut subject,
                _ => &mut cipher,
            };
            let place = self.parser.peek_token().span.start;
            if known.replace(self.string("a string")?).is_some() {
                return Err(Failure::Ours(crate::error::Error::syntax(
                    format!("REQUIRE says {what} twice"),
                    super::super::position(place),
                )));
            }
            let and = self.word("AND");
            let more = ["ISSUER", "SUBJECT", "CIPHER"].iter().any(|word| {
                matches!(&self.parser.peek_token_ref().token,
                    Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
            });
            if !and && !more {
                return Ok(Some(Requirement::Specified { issuer, subject, cipher }));
            }
        }
    }

    /// NONE, ALL, DEFAULT or names of roles.
    pub(super) fn role_choice(&mut self, for_session: bool) -> Result<RoleChoice, Failure> {
        if self.word("NONE") {
            return Ok(RoleChoice::None);
        }
        if for_session && self.word("DEFAULT") {
            return Ok(RoleChoice::Default);
        }
        if self.word("ALL") {
            let except = if for_session && self.word("EXCEPT") { self.names()? } else { vec![] };
            return Ok(RoleChoice::All { except });
        }
        self.names().map(RoleChoice::These)
    }
}
