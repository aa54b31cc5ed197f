//! Character sets and collations as they are written: in definitions, in expressions, and in the session.
//!
//! A table has a default, which its columns take unless they say otherwise; of a character set alone its own default counts,
//! of a collation alone its character set. `CHARACTER SET binary` makes bytes of texts, which are other types.
//!
//! ```text
//! create table t (a varchar(9), b text charset utf8mb4, c char(3) collate utf8mb4_bin, d varchar(9) charset binary)
//!     collate utf8mb4_general_ci
//! a: utf8mb4_general_ci     b: utf8mb4_bin     c: utf8mb4_bin     d: VARBINARY(9)
//! ```

use std::sync::Arc;

use allod_storage::schema::{Charset, Collation, Datum, Members, SqlType};
use sqlparser::ast::{self, ColumnOption, SqlOption, Value};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::binder::Binder;
use super::ddl::Ddl;
use super::{Bound, PlanContext};
use crate::error::Error;
use crate::expr::{Expr, Function, literal, types};
use crate::parse::CharsetOption;

/// The collation of literals: `collation_connection`.
pub(super) fn connection(cx: &PlanContext) -> Collation {
    match cx.session.variables.system("collation_connection", false) {
        Some(Datum::String(name)) => Collation::named(&name).unwrap_or_default(),
        _ => Collation::default(),
    }
}

/// The character set of this name (error 1115).
pub(super) fn charset(name: &str) -> Result<Charset, Error> {
    let name = bare(name);
    Charset::named(&name).ok_or_else(|| Error::UnknownCharset(name.to_ascii_lowercase()))
}

/// The collation of this name (error 1273).
pub(super) fn collation(name: &str) -> Result<Collation, Error> {
    let name = bare(name);
    Collation::named(&name).ok_or(Error::UnknownCollation(name))
}

/// Without quotes.
fn bare(name: &str) -> String {
    name.trim_matches(['`', '\'', '"']).to_owned()
}

/// What was said of the character set and of the collation, if anything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    charset: Option<Charset>,
    collation: Option<Collation>,
}

impl Said {
    /// CHARACTER SET name.
    pub fn charset(&mut self, name: &str) -> Result<(), Error> {
        let set = charset(name)?;
        match self.charset.replace(set) {
            Some(other) if other != set => {
                Err(Error::ConflictingCharsets(other.name().into(), set.name().into()))
            }
            _ => Ok(()),
        }
    }

    /// COLLATE name.
    pub fn collation(&mut self, name: &str) -> Result<(), Error> {
        let collation = collation(name)?;
        match self.collation.replace(collation) {
            Some(other) if other.charset() != collation.charset() => {
                let charset = other.charset().name().into();
                Err(Error::CollationCharset { collation: collation.to_string(), charset })
            }
            _ => Ok(()),
        }
    }

    /// What it comes to; `None` if nothing was said.
    pub fn settled(self) -> Result<Option<Collation>, Error> {
        match (self.charset, self.collation) {
            (Some(charset), Some(collation)) if collation.charset() != charset => {
                Err(Error::CollationCharset {
                    collation: collation.to_string(),
                    charset: charset.name().into(),
                })
            }
            (_, Some(collation)) => Ok(Some(collation)),
            (charset, None) => Ok(charset.map(Charset::collation)),
        }
    }

    /// What options say.
    pub fn of(options: &[CharsetOption]) -> Result<Said, Error> {
        let mut said = Said::default();
        said.more(options)?;
        Ok(said)
    }

    /// What more options say.
    pub fn more(&mut self, options: &[CharsetOption]) -> Result<(), Error> {
        options.iter().try_for_each(|option| match option {
            CharsetOption::Charset(name) => self.charset(name),
            CharsetOption::Collation(name) => self.collation(name),
        })
    }

    /// What the options of a table say.
    pub fn of_options(options: &[SqlOption]) -> Result<Said, Error> {
        let mut said = Said::default();
        for option in options {
            let SqlOption::KeyValue { key, value } = option else { continue };
            let key = key.value.to_ascii_uppercase();
            match key.strip_prefix("DEFAULT ").unwrap_or(&key) {
                "CHARSET" | "CHARACTER SET" => said.charset(&value.to_string())?,
                "COLLATE" => said.collation(&value.to_string())?,
                _ => {}
            }
        }
        Ok(said)
    }
}

/// Whether what was of one collation may be of another one from now on: TiDB's rules (error 8200). No row is written anew, so
/// the new character set has to have all characters of the old one; and a key on sort keys would be one on others.
pub(super) fn may_become(from: Collation, to: Collation, in_key: Option<&str>) -> Result<(), Error> {
    let unsupported = |message: String| Err(Error::Unsupported(message));
    match (from.charset(), to.charset()) {
        _ if from == to => Ok(()),
        (Charset::Utf8, Charset::Utf8mb4)
        | (Charset::Utf8, Charset::Utf8)
        | (Charset::Utf8mb4, Charset::Utf8mb4)
        | (Charset::Latin1, Charset::Utf8mb4) => match in_key {
            Some(column)
                if from.is_plain() != to.is_plain() || !from.is_plain() && !same_weights(from, to) =>
            {
                unsupported(format!(
                    "converting collation of column '{column}' from '{from}' to '{to}' when index is defined on it."
                ))
            }
            _ => Ok(()),
        },
        (a, b) if a == b => unsupported(format!("modify collate from {from} to {to}")),
        (a, b) => unsupported(format!("modify charset from {} to {}", a.name(), b.name())),
    }
}

/// Whether two collations are the same but for their character sets.
fn same_weights(a: Collation, b: Collation) -> bool {
    let kind = |c: Collation| c.name().strip_prefix(c.charset().name());
    kind(a) == kind(b)
}

/// BINARY behind the type of a column.
fn is_binary(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.keyword == Keyword::BINARY)
}

/// The type of a column with its collation, in a table of which this is the default.
pub(super) fn of_column(def: &ast::ColumnDef, sql: SqlType, table: Collation) -> Result<SqlType, Error> {
    let mut said = Said::default();
    let mut binary = false;
    for option in &def.options {
        match &option.option {
            ColumnOption::CharacterSet(name) => said.charset(&name.to_string())?,
            ColumnOption::Collation(name) => said.collation(&name.to_string())?,
            ColumnOption::DialectSpecific(tokens) => binary |= tokens.iter().any(is_binary),
            _ => {}
        }
    }
    // What is no text takes no notice.
    if !sql.is_string() && !sql.is_choice() {
        return Ok(sql);
    }
    let collation = match said.settled()?.unwrap_or(table) {
        // The one that compares codes.
        collation if binary && said.collation.is_none() => {
            Collation::named(&format!("{}_bin", collation.charset().name())).unwrap_or(collation)
        }
        collation => collation,
    };
    Ok(match (collation, sql) {
        (Collation::Binary, sql @ (SqlType::Enum(_) | SqlType::Set(_))) => sql,
        (collation, SqlType::Enum(members)) => {
            SqlType::Enum(distinct_members(members.with_collation(collation), "ENUM", &def.name.value)?)
        }
        (collation, SqlType::Set(members)) => {
            SqlType::Set(distinct_members(members.with_collation(collation), "SET", &def.name.value)?)
        }
        (Collation::Binary, SqlType::Char(n, _)) => SqlType::Binary(n),
        (Collation::Binary, SqlType::VarChar(n, _)) => SqlType::VarBinary(n),
        (Collation::Binary, SqlType::Text(n, _)) => SqlType::Blob(n),
        (collation, sql) => sql.with_collation(collation),
    })
}

/// The members, none of which is equal to another one (error 1291).
fn distinct_members(members: Members, kind: &'static str, column: &str) -> Result<Members, Error> {
    match members.repeated() {
        Some(value) => Err(Error::DuplicatedMember { column: column.into(), value: value.into(), kind }),
        None => Ok(members),
    }
}

impl Binder<'_> {
    /// ALTER DATABASE [name] CHARACTER SET, COLLATE.
    pub(super) fn alter_database(
        &mut self,
        name: Option<&ast::Ident>,
        said: &[CharsetOption],
        placement: Option<&str>,
    ) -> Result<Bound, Error> {
        let name = self.database(name)?;
        self.writable(&name)?;
        let collation = Said::of(said)?.settled()?;
        Ok(Bound::Ddl(Ddl::AlterDatabase { name, collation, placement: placement.map(Arc::from) }))
    }

    /// `expr COLLATE name`.
    pub(super) fn collated(&mut self, expr: Expr, name: &str) -> Result<Expr, Error> {
        let collation = collation(name)?;
        let expr = self.rw.text(expr);
        if collation == Collation::Binary && expr.ty().sql.is_binary() {
            return Ok(expr);
        }
        self.rw.collate(expr, collation)
    }

    /// `_charset'text'` and `_charset x'bytes'`.
    pub(super) fn introduced(&mut self, introducer: &str, value: &ast::Expr) -> Result<Expr, Error> {
        let Some(name) = introducer.strip_prefix('_') else { return self.expr(value) };
        let set = charset(name)?;
        if set == Charset::Gbk {
            return Err(Error::UnsupportedIntroducer(set.name()));
        }
        let literal = match value {
            ast::Expr::Value(v) => &v.value,
            _ => return self.expr(value),
        };
        Ok(match literal {
            Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) => {
                literal::string_of(s, set.collation())
            }
            _ => {
                let bytes = self.expr(value)?;
                let bytes = self.rw.text(bytes);
                let length = types::text_length(&bytes.ty().sql);
                let ty = types::string(length).with_collation(set.collation());
                self.rw.explicit_cast(bytes, ty)
            }
        })
    }

    /// CONVERT(expr USING charset). A character that the set has not is a question mark; bytes that are no text of it are NULL,
    /// and those of CHAR end where they are none any more.
    pub(super) fn convert_using(&mut self, expr: Expr, name: &str) -> Result<Expr, Error> {
        let set = charset(name)?;
        let text = self.rw.text(expr);
        let length = types::text_length(&text.ty().sql);
        let of_numbers =
            matches!(text, Expr::Call { function: Function::Writing(crate::expr::Writing::Char), .. });
        Ok(match (set, text.ty().sql.is_binary()) {
            (Charset::Binary, true) => text,
            (Charset::Binary, false) => self.rw.explicit_cast(text, types::binary(length.saturating_mul(4))),
            (_, true) if of_numbers => self.rw.read_start_in(text, set),
            (_, true) => self.rw.read_in(text, set),
            (_, false) if text.ty().sql.collation() == set.collation() => text,
            (_, false) => self.rw.kept_in(text, set),
        })
    }
}
