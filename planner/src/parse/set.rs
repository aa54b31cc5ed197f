//! SET: assignments of variables, character sets, and what the next transaction is like.

use allod_storage::schema::{Charset, Collation};
use sqlparser::ast;
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source, Statement};
use super::transaction::{ScopeSyntax, TransactionSyntax};
use crate::error::Error;

/// One assignment of SET.
#[derive(Clone, Debug)]
pub(crate) struct SetItem {
    /// `@name` is kept with its at sign.
    pub name: String,
    pub global: bool,
    /// `None` = DEFAULT.
    pub value: Option<ast::Expr>,
}

impl Source<'_> {
    /// SET: several assignments, SET NAMES, or SET TRANSACTION.
    pub(super) fn set(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        if self.word("NAMES") {
            return self.set_names();
        }
        let is_group =
            |token: &Token| matches!(token, Token::Word(w) if w.value.eq_ignore_ascii_case("group"));
        if is_group(&self.parser.peek_nth_token_ref(1).token) && self.word("RESOURCE") {
            self.expect_word("GROUP")?;
            return Ok(Statement::SetResourceGroup(self.resource_group()?));
        }
        if self.word("CHARSET") || self.word("CHARACTER") && self.word("SET") {
            return self.set_names();
        }
        let mut items = Vec::new();
        loop {
            let mut global = self.word("GLOBAL") || self.word("PERSIST");
            let session = !global && (self.word("SESSION") || self.word("LOCAL"));
            if items.is_empty() && self.word("TRANSACTION") {
                let scope = match (global, session) {
                    (true, _) => ScopeSyntax::Global,
                    (false, true) => ScopeSyntax::Session,
                    (false, false) => ScopeSyntax::Next,
                };
                let characteristics = self.characteristics()?;
                return Ok(Statement::Transaction(TransactionSyntax::Set { scope, characteristics }));
            }
            let parts = self.parser.parse_object_name(false)?;
            let mut words: Vec<String> =
                parts.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.clone()).collect();
            // `@@global.name`; the first part of `validate_password.length` is one of its name.
            if words.len() > 1 && words[0].starts_with("@@") {
                let scope = words.remove(0);
                global |= scope.eq_ignore_ascii_case("@@global") || scope.eq_ignore_ascii_case("@@persist");
            }
            let name = words.join(".");
            let name = name.strip_prefix("@@").map(str::to_owned).unwrap_or(name);
            if !self.parser.consume_token(&Token::Eq) {
                self.parser.expect_token(&Token::Assignment)?;
            }
            let value = if self.word("DEFAULT") {
                None
            } else if self.word("ON") {
                Some(ast::Expr::value(ast::Value::SingleQuotedString("ON".into())))
            } else {
                Some(self.parser.parse_expr()?)
            };
            items.push(SetItem { name, global, value });
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(Statement::Set(items));
            }
        }
    }

    /// Behind SET NAMES: three variables, and the collation if one is said; else it goes with the set of the connection.
    fn set_names(&mut self) -> Result<Statement, Failure> {
        let item = |name: &str, value: Option<String>| SetItem {
            name: name.into(),
            global: false,
            value: value.map(|text| ast::Expr::value(ast::Value::SingleQuotedString(text))),
        };
        let set = Some(self.word_or_text("a character set")?).filter(|set| set != "default");
        let charset = match &set {
            Some(name) => {
                Some(Charset::named(name).ok_or_else(|| Failure::Ours(Error::UnknownCharset(name.clone())))?)
            }
            None => None,
        };
        let variables = ["character_set_client", "character_set_connection", "character_set_results"];
        let mut items: Vec<SetItem> = variables.iter().map(|variable| item(variable, set.clone())).collect();
        if self.word("COLLATE") {
            let name = self.word_or_text("a collation")?;
            let known = Collation::named(&name);
            let collation = known.ok_or_else(|| Failure::Ours(Error::UnknownCollation(name.clone())))?;
            if let Some(charset) = charset.filter(|charset| *charset != collation.charset()) {
                let charset = charset.name().into();
                return Err(Failure::Ours(Error::CollationCharset { collation: name, charset }));
            }
            items.push(item("collation_connection", Some(name)));
        }
        Ok(Statement::Set(items))
    }
}
