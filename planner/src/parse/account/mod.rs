//! Statements about accounts, which the library knows in part and without hosts: `user` (CREATE, ALTER, DROP, RENAME USER, SET
//! PASSWORD), `grant` (GRANT, REVOKE), `role` (roles, and who plays them), and here what all of them have: names.
//!
//! The tokenizer takes `@` for a part of a word, so that a name has many forms:
//!
//! ```text
//! u   'u'   u@h   u@'h'   'u'@h   'u'@'h'   `u`@`h`   "u"@"h"   CURRENT_USER   CURRENT_USER()   USER()
//! ```

mod grant;
mod role;
mod user;

use sqlparser::tokenizer::Token;

use super::show::ShowSyntax;
use super::statement::{Failure, Source, Statement};
use crate::account::{AccountChange, AccountName, ShownAccount, Who};
use crate::error::Error;

impl Source<'_> {
    /// A statement about accounts, if it is one; otherwise nothing is consumed. `first`: its first word, in upper case.
    pub(super) fn account(&mut self, first: &str) -> Result<Option<Statement>, Failure> {
        let second = match self.parser.peek_nth_token(1).token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        };
        let third = match self.parser.peek_nth_token(2).token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        };
        let change = match (first, second.as_str()) {
            ("CREATE" | "ALTER" | "DROP" | "RENAME", "USER" | "ROLE") => {
                self.parser.next_token();
                self.parser.next_token();
                let role = second == "ROLE";
                match first {
                    "CREATE" => self.create_users(role)?,
                    "DROP" => self.drop_users(role)?,
                    "ALTER" if !role => self.alter_users()?,
                    "RENAME" if !role => self.rename_users()?,
                    _ => return Ok(self.parser.expected_ref("USER", self.parser.peek_token_ref())?),
                }
            }
            ("GRANT", _) => {
                self.parser.next_token();
                self.grant()?
            }
            ("REVOKE", _) => {
                self.parser.next_token();
                self.revoke()?
            }
            ("SET", "PASSWORD") => {
                self.parser.next_token();
                self.parser.next_token();
                self.set_password()?
            }
            ("SET", "ROLE") => {
                self.parser.next_token();
                self.parser.next_token();
                self.set_role()?
            }
            ("SET", "DEFAULT") if third == "ROLE" => {
                (0..3).for_each(|_| drop(self.parser.next_token()));
                self.set_default_role()?
            }
            ("FLUSH", _) => {
                self.parser.next_token();
                self.flush()?
            }
            _ => return Ok(None),
        };
        Ok(Some(Statement::Account(Box::new(change))))
    }

    /// Behind FLUSH: nothing that it could bring up to date ever is out of date here.
    fn flush(&mut self) -> Result<AccountChange, Failure> {
        let _ = self.word("NO_WRITE_TO_BINLOG") || self.word("LOCAL");
        let _ = ["BINARY", "ENGINE", "ERROR", "GENERAL", "SLOW", "RELAY"].iter().any(|log| self.word(log));
        let first = ["PRIVILEGES", "STATUS", "LOGS", "HOSTS", "CLIENT_ERRORS_SUMMARY"];
        if first.iter().any(|what| self.word(what)) {
            return Ok(AccountChange::Flush);
        }
        if self.word("TABLES") || self.word("TABLE") {
            if self.word("WITH") {
                return Err(Failure::Ours(Error::ReadLock));
            }
            if self.parser.peek_token().token != Token::EOF {
                self.parser.parse_comma_separated(|p| p.parse_object_name(false))?;
            }
            return Ok(AccountChange::Flush);
        }
        let what = self.parser.peek_token_ref().token.to_string();
        Err(self.not_supported(&format!("FLUSH {what}")))
    }

    /// Behind SHOW: what there is to be seen of accounts, if that is what it asks for. `first`: the next word, which is consumed.
    pub(super) fn show_account(&mut self, first: &str) -> Result<Option<ShowSyntax>, Failure> {
        let shown = match first {
            "GRANTS" => {
                let user = if self.word("FOR") { Some(self.who()?) } else { None };
                let using = if user.is_some() && self.word("USING") { self.names()? } else { vec![] };
                ShownAccount::Grants { user, using }
            }
            "CREATE" if self.word("USER") => ShownAccount::Create(self.who()?),
            "PRIVILEGES" => ShownAccount::Privileges,
            _ => return Ok(None),
        };
        Ok(Some(ShowSyntax::Account(shown)))
    }

    pub(super) fn not_supported(&self, what: &str) -> Failure {
        Failure::Ours(crate::error::Error::NotSupported(what.into()))
    }

    /// An account.
    pub(in crate::parse) fn who(&mut self) -> Result<Who, Failure> {
        if self.word("CURRENT_USER") {
            if self.parser.consume_token(&Token::LParen) {
                self.parser.expect_token(&Token::RParen)?;
            }
            return Ok(Who::Current);
        }
        let called = self.parser.peek_nth_token(1).token == Token::LParen;
        if called && self.word("USER") {
            self.parser.expect_token(&Token::LParen)?;
            self.parser.expect_token(&Token::RParen)?;
            return Ok(Who::Current);
        }
        self.name().map(Who::Named)
    }

    fn whos(&mut self) -> Result<Vec<Who>, Failure> {
        self.list(Self::who)
    }

    /// The name of an account or a role.
    fn name(&mut self) -> Result<AccountName, Failure> {
        let token = self.parser.next_token();
        let (user, host) = match token.token {
            Token::Word(word) if word.quote_style.is_none() => match word.value.split_once('@') {
                Some((user, host)) => (user.to_owned(), Some(host.to_owned())),
                None => (word.value, None),
            },
            Token::Word(word) => (word.value, None),
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => (text, None),
            _ => return Ok(self.parser.expected("the name of an account", token)?),
        };
        let host = match host {
            Some(host) => Some(host),
            None if self.parser.consume_token(&Token::AtSign) => Some(String::new()),
            None => {
                let host = match &self.parser.peek_token_ref().token {
                    Token::Word(word) if word.quote_style.is_none() => word.value.strip_prefix('@'),
                    _ => None,
                };
                let host = host.map(str::to_owned);
                if host.is_some() {
                    self.parser.next_token();
                }
                host
            }
        };
        Ok(match host.as_deref() {
            None => AccountName::new(&user, "%"),
            // Behind the sign, by itself.
            Some("") => AccountName::new(&user, &self.word_or_string("a host")?),
            Some(host) => AccountName::new(&user, host),
        })
    }

    fn names(&mut self) -> Result<Vec<AccountName>, Failure> {
        self.list(Self::name)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
        let mut all = vec![item(self)?];
        while self.parser.consume_token(&Token::Comma) {
            all.push(item(self)?);
        }
        Ok(all)
    }

    /// A name, perhaps as a string, as it is written.
    fn word_or_string(&mut self, what: &str) -> Result<String, Failure> {
        let token = self.parser.next_token();
        match token.token {
            Token::Word(word) => Ok(word.value),
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => Ok(text),
            _ => Ok(self.parser.expected(what, token)?),
        }
    }

    /// A string in either quotes.
    fn string(&mut self, what: &str) -> Result<String, Failure> {
        let token = self.parser.next_token();
        match token.token {
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => Ok(text),
            _ => Ok(self.parser.expected(what, token)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::account::{AccountChange, AccountName, Granted, Level, Privilege, RoleChoice, Who};
    use crate::parse::{Statement, parse};

    fn change(sql: &str) -> AccountChange {
        match parse(sql).map(|mut all| all.remove(0).statement) {
            Ok(Statement::Account(change)) => *change,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn names_have_many_forms() {
        for sql in
            ["drop user u@h", "drop user u@'h'", "drop user 'u'@h", "drop user 'u'@'h'", "drop user `u`@`H`"]
        {
            let AccountChange::Drop { users, .. } = change(sql) else { panic!("{sql}") };
            assert_eq!(users, [Who::Named(AccountName::new("u", "h"))], "{sql}");
        }
        let AccountChange::Drop { users, if_exists, role } = change("drop role if exists \"a@b\", c") else {
            panic!()
        };
        let named = |user: &str| Who::Named(AccountName::new(user, "%"));
        assert_eq!((users, if_exists, role), (vec![named("a@b"), named("c")], true, true));
        let AccountChange::SetPassword { user, .. } = change("set password for current_user() = 'x'") else {
            panic!()
        };
        assert_eq!(user, Who::Current);
    }

    #[test]
    fn privileges_and_roles_are_told_apart() {
        let AccountChange::Grant { privileges, level, grant_option, .. } =
            change("grant select (a, b), create view, backup_admin on d.t to u with grant option")
        else {
            panic!()
        };
        let select =
            Granted::Privilege { privilege: Privilege::Select, columns: vec!["a".into(), "b".into()] };
        let view = Granted::Privilege { privilege: Privilege::CreateView, columns: vec![] };
        assert_eq!(privileges, [select, view, Granted::Dynamic("BACKUP_ADMIN".into())]);
        assert_eq!((level, grant_option), (Level::Table(Some("d".into()), "t".into()), true));
        assert!(matches!(
            change("grant all on * to u"),
            AccountChange::Grant { level: Level::Database(None), .. }
        ));
        assert!(matches!(
            change("grant process on *.* to u"),
            AccountChange::Grant { level: Level::Global, .. }
        ));
        let AccountChange::GrantRoles { roles, users, admin } = change("grant 'on', r2@h to u, current_user")
        else {
            panic!()
        };
        assert_eq!((roles.len(), users.len(), admin), (2, 2, false));
        assert!(matches!(
            change("revoke all privileges, grant option from u"),
            AccountChange::RevokeEverything { .. }
        ));
        assert!(matches!(change("revoke all on *.* from u"), AccountChange::Revoke { .. }));
        assert_eq!(
            change("set role all except r"),
            AccountChange::SetRole(RoleChoice::All { except: vec![AccountName::new("r", "%")] })
        );
    }

    #[test]
    fn what_is_none_of_them_is_an_error_with_a_place() {
        for sql in [
            "grant",
            "grant select on",
            "create user",
            "create user u identified by",
            "revoke select on *.* u",
            "alter role r",
            "create user u require ssl ssl",
            "grant select on d.t.x to u",
            "set role",
        ] {
            assert!(parse(sql).is_err(), "{sql}");
        }
    }
}
