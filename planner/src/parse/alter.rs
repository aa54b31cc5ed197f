//! ALTER TABLE of columns, keys and options: a list of changes, each of a form that MySQL has.
//!
//! ```text
//! ADD [COLUMN] [IF NOT EXISTS] { c type … [FIRST | AFTER c] | (c type …, …) }     ADD { a key or a constraint }
//! MODIFY [COLUMN] [IF EXISTS] c type … [FIRST | AFTER c]                         CHANGE [COLUMN] old new type … [FIRST | AFTER c]
//! DROP [COLUMN] [IF EXISTS] c           DROP { INDEX | KEY } k                   DROP PRIMARY KEY
//! DROP { CHECK | CONSTRAINT | FOREIGN KEY } k                                    RENAME COLUMN c TO d
//! ALTER { CHECK | CONSTRAINT } k [NOT] ENFORCED
//! RENAME { INDEX | KEY } k TO l         RENAME [TO | AS] t                       ALTER [COLUMN] c { SET DEFAULT v | DROP DEFAULT }
//! ALTER INDEX k { VISIBLE | INVISIBLE } CACHE, NOCACHE, REMOVE TTL           COMPACT [PARTITION p, …] [TIFLASH REPLICA]
//! the options of a table: [`super::option`]   ALGORITHM, LOCK, ORDER BY, …: nothing here
//! ```

use sqlparser::ast::{self, Ident, ObjectName, TableConstraint};
use sqlparser::tokenizer::Token;

use super::option::TableOption;
use super::statement::{Failure, Source, Statement};
use crate::error::Error;

/// One of the options that say a character set or a collation, its name in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CharsetOption {
    /// CHARACTER SET, CHARSET.
    Charset(String),
    /// COLLATE.
    Collation(String),
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum AlterSyntax {
    AddColumns {
        columns: Vec<(ast::ColumnDef, Option<ColumnPlace>)>,
        if_not_exists: bool,
    },
    Add(TableConstraint),
    /// CREATE INDEX says it so.
    AddKey {
        name: std::sync::Arc<str>,
        unique: bool,
        parts: Vec<ast::IndexColumn>,
        options: Vec<ast::IndexOption>,
    },
    DropColumn {
        name: Ident,
        if_exists: bool,
    },
    DropKey {
        name: Ident,
        if_exists: bool,
    },
    DropPrimaryKey,
    /// Of a CHECK.
    DropCheck(Ident),
    DropForeignKey(Ident),
    /// Of a CHECK.
    Enforce {
        name: Ident,
        enforced: bool,
    },
    /// MODIFY and CHANGE.
    Change {
        old: Ident,
        new: ast::ColumnDef,
        place: Option<ColumnPlace>,
        if_exists: bool,
    },
    /// `None` = DROP DEFAULT.
    SetDefault {
        column: Ident,
        value: Option<ast::Expr>,
    },
    RenameColumn {
        from: Ident,
        to: Ident,
    },
    RenameKey {
        from: Ident,
        to: Ident,
    },
    /// ALTER INDEX … VISIBLE or INVISIBLE.
    Visibility {
        name: Ident,
        invisible: bool,
    },
    Rename(ObjectName),
    /// CONVERT TO CHARACTER SET and COLLATE: of the columns too.
    Convert(Vec<CharsetOption>),
    Option(TableOption),
    RemoveTtl,
    /// CACHE, NOCACHE.
    Cache(bool),
    /// COMPACT: of these partitions; empty = of the table.
    Compact(Vec<Ident>),
    /// FORCE AUTO_INCREMENT: even if it has been given.
    ForceAutoIncrement(u64),
    /// ENABLE KEYS, DISABLE KEYS.
    Keys {
        enabled: bool,
    },
    /// What says nothing here.
    Nothing,
}

impl AlterSyntax {
    /// The definitions of columns that it has, in order.
    pub fn columns(&self) -> Vec<&ast::ColumnDef> {
        match self {
            AlterSyntax::AddColumns { columns, .. } => columns.iter().map(|(def, _)| def).collect(),
            AlterSyntax::Change { new, .. } => vec![new],
            _ => vec![],
        }
    }
}

/// Where a column comes to stand.
#[derive(Clone, Debug)]
pub(crate) enum ColumnPlace {
    First,
    After(Ident),
}

impl Source<'_> {
    /// `ALTER TABLE t …`, at its first word.
    pub(super) fn alter_table(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        self.word("IGNORE");
        if !self.word("TABLE") {
            let what = self.parser.peek_token().token;
            return Err(Failure::Ours(Error::NotSupported(format!("ALTER {what}"))));
        }
        let table = self.parser.parse_object_name(false)?;
        let mut changes = Vec::new();
        while self.parser.peek_token_ref().token != Token::EOF {
            match self.word("ADD") {
                true => changes.extend(self.add()?),
                false => changes.push(self.alteration()?),
            }
            // Options may follow each other without one.
            let _ = self.parser.consume_token(&Token::Comma);
        }
        let (clustered, numbers) = (self.clustered, std::mem::take(&mut self.numbers));
        Ok(Statement::AlterTable { table, changes, clustered, numbers })
    }

    fn alteration(&mut self) -> Result<AlterSyntax, Failure> {
        if self.word("DROP") {
            return self.drop_part();
        }
        if self.word("MODIFY") {
            self.word("COLUMN");
            let if_exists = self.if_exists()?;
            let new = self.parser.parse_column_def()?;
            return Ok(AlterSyntax::Change { old: new.name.clone(), new, place: self.place()?, if_exists });
        }
        if self.word("CHANGE") {
            self.word("COLUMN");
            let if_exists = self.if_exists()?;
            let old = self.parser.parse_identifier()?;
            let new = self.parser.parse_column_def()?;
            return Ok(AlterSyntax::Change { old, new, place: self.place()?, if_exists });
        }
        if self.word("RENAME") {
            let column = self.word("COLUMN");
            if column || self.word("INDEX") || self.word("KEY") {
                let from = self.parser.parse_identifier()?;
                self.expect_word("TO")?;
                let to = self.parser.parse_identifier()?;
                return Ok(match column {
                    true => AlterSyntax::RenameColumn { from, to },
                    false => AlterSyntax::RenameKey { from, to },
                });
            }
            let _ = self.word("TO") || self.word("AS") || self.parser.consume_token(&Token::Eq);
            return Ok(AlterSyntax::Rename(self.parser.parse_object_name(false)?));
        }
        if self.word("ALTER") {
            if self.word("CHECK") || self.word("CONSTRAINT") {
                let name = self.parser.parse_identifier()?;
                let enforced = !self.word("NOT");
                self.expect_word("ENFORCED")?;
                return Ok(AlterSyntax::Enforce { name, enforced });
            }
            let index = |token: &Token| matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case("INDEX"));
            if index(&self.parser.peek_token_ref().token) {
                self.parser.next_token();
                let name = self.parser.parse_identifier()?;
                let invisible = self.word("INVISIBLE");
                if !invisible {
                    self.expect_word("VISIBLE")?;
                }
                return Ok(AlterSyntax::Visibility { name, invisible });
            }
            self.word("COLUMN");
            let column = self.parser.parse_identifier()?;
            if self.word("DROP") {
                self.expect_word("DEFAULT")?;
                return Ok(AlterSyntax::SetDefault { column, value: None });
            }
            self.expect_word("SET")?;
            self.expect_word("DEFAULT")?;
            return Ok(AlterSyntax::SetDefault { column, value: Some(self.parser.parse_expr()?) });
        }
        self.option()
    }

    /// What stands behind ADD: a key, a column, or several of both in parentheses.
    fn add(&mut self) -> Result<Vec<AlterSyntax>, Failure> {
        let column = self.word("COLUMN");
        if !column && let Some(constraint) = self.parser.parse_optional_table_constraint()? {
            return Ok(vec![AlterSyntax::Add(constraint)]);
        }
        let if_not_exists = self.word("IF");
        if if_not_exists {
            self.expect_word("NOT")?;
            self.expect_word("EXISTS")?;
        }
        let (mut columns, mut keys) = (Vec::new(), Vec::new());
        if self.parser.consume_token(&Token::LParen) {
            loop {
                match self.parser.parse_optional_table_constraint()? {
                    Some(key) => keys.push(AlterSyntax::Add(key)),
                    None => columns.push((self.parser.parse_column_def()?, None)),
                }
                if !self.parser.consume_token(&Token::Comma) {
                    break;
                }
            }
            self.parser.expect_token(&Token::RParen)?;
        } else {
            let column = self.parser.parse_column_def()?;
            columns.push((column, self.place()?));
        }
        let mut all = Vec::with_capacity(1 + keys.len());
        if !columns.is_empty() {
            all.push(AlterSyntax::AddColumns { columns, if_not_exists });
        }
        all.append(&mut keys);
        Ok(all)
    }

    fn drop_part(&mut self) -> Result<AlterSyntax, Failure> {
        if self.word("PRIMARY") {
            self.expect_word("KEY")?;
            return Ok(AlterSyntax::DropPrimaryKey);
        }
        if self.word("INDEX") || self.word("KEY") {
            let if_exists = self.if_exists()?;
            return Ok(AlterSyntax::DropKey { name: self.parser.parse_identifier()?, if_exists });
        }
        if self.word("FOREIGN") {
            self.expect_word("KEY")?;
            return Ok(AlterSyntax::DropForeignKey(self.parser.parse_identifier()?));
        }
        if self.word("CHECK") || self.word("CONSTRAINT") {
            return Ok(AlterSyntax::DropCheck(self.parser.parse_identifier()?));
        }
        self.word("COLUMN");
        let if_exists = self.if_exists()?;
        let name = self.parser.parse_identifier()?;
        let _ = self.word("RESTRICT") || self.word("CASCADE");
        Ok(AlterSyntax::DropColumn { name, if_exists })
    }

    /// An option of the table, or how the change is to be made.
    fn option(&mut self) -> Result<AlterSyntax, Failure> {
        if self.word("ORDER") {
            self.expect_word("BY")?;
            self.parser.parse_comma_separated(|p| p.parse_order_by_expr())?;
            return Ok(AlterSyntax::Nothing);
        }
        if self.word("FORCE") {
            if !self.word("AUTO_INCREMENT") {
                return Ok(AlterSyntax::Nothing);
            }
            let _ = self.parser.consume_token(&Token::Eq);
            return Ok(AlterSyntax::ForceAutoIncrement(self.parser.parse_literal_uint()?));
        }
        let enabled = self.word("ENABLE");
        if enabled || self.word("DISABLE") {
            self.expect_word("KEYS")?;
            return Ok(AlterSyntax::Keys { enabled });
        }
        if self.word("CONVERT") {
            self.expect_word("TO")?;
            return Ok(AlterSyntax::Convert(self.charset_options()?));
        }
        if self.word("REMOVE") {
            self.expect_word("TTL")?;
            return Ok(AlterSyntax::RemoveTtl);
        }
        if self.word("CACHE") {
            return Ok(AlterSyntax::Cache(true));
        }
        if self.word("NOCACHE") {
            return Ok(AlterSyntax::Cache(false));
        }
        if self.word("COMPACT") {
            let partitions = match self.word("PARTITION") {
                true => self.parser.parse_comma_separated(|p| p.parse_identifier())?,
                false => Vec::new(),
            };
            if self.word("TIFLASH") {
                self.expect_word("REPLICA")?;
            }
            return Ok(AlterSyntax::Compact(partitions));
        }
        if self.word("SET") {
            return self.columnar_replicas();
        }
        if let Some(option) = self.table_option()? {
            return Ok(AlterSyntax::Option(option));
        }
        if !self.word("ALGORITHM") && !self.word("LOCK") {
            let found = self.parser.peek_token_ref();
            return Ok(self.parser.expected_ref("a change of the table", found)?);
        }
        let _ = self.parser.consume_token(&Token::Eq);
        // A word, a text or a number.
        self.parser.next_token();
        Ok(AlterSyntax::Nothing)
    }

    /// `TIFLASH REPLICA n [LOCATION LABELS 'a', …]`, behind SET: nobody is there who could have one.
    fn columnar_replicas(&mut self) -> Result<AlterSyntax, Failure> {
        self.expect_word("TIFLASH")?;
        self.expect_word("REPLICA")?;
        let count = self.parser.parse_literal_uint()?;
        if self.word("LOCATION") {
            self.expect_word("LABELS")?;
            self.parser.parse_comma_separated(|parser| parser.parse_literal_string())?;
        }
        match count {
            0 => Ok(AlterSyntax::Nothing),
            count => Err(Failure::Ours(Error::ColumnarReplicas(count))),
        }
    }

    /// `ALTER DATABASE [name] …`, if it is that.
    pub(super) fn alter_database(&mut self) -> Result<Option<Statement>, Failure> {
        let word =
            |token: &Token, word: &str| matches!(token, Token::Word(w) if w.value.eq_ignore_ascii_case(word));
        let next = &self.parser.peek_nth_token_ref(1).token;
        if !word(next, "DATABASE") && !word(next, "SCHEMA") {
            return Ok(None);
        }
        self.parser.next_token();
        self.parser.next_token();
        let option = |token: &Token| {
            ["DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "PLACEMENT"].iter().any(|known| word(token, known))
        };
        let name = match option(&self.parser.peek_token_ref().token) {
            true => None,
            false => Some(self.parser.parse_identifier()?),
        };
        let mut placement = self.placed()?;
        let said = self.charset_options()?;
        if said.is_empty() && placement.is_none() {
            let found = self.parser.peek_token_ref();
            return Ok(self.parser.expected_ref("CHARACTER SET or COLLATE", found)?);
        }
        placement = self.placed()?.or(placement);
        Ok(Some(Statement::AlterDatabase { name, said, placement }))
    }

    /// `[DEFAULT] CHARACTER SET = x [DEFAULT] COLLATE = y …`, any number of them.
    pub(super) fn charset_options(&mut self) -> Result<Vec<CharsetOption>, Failure> {
        let mut said = Vec::new();
        loop {
            let default = self.word("DEFAULT");
            let option = if self.word("COLLATE") {
                let _ = self.parser.consume_token(&Token::Eq);
                CharsetOption::Collation(self.word_or_text("a collation")?)
            } else if self.word("CHARSET") || self.word("CHARACTER") {
                self.word("SET");
                let _ = self.parser.consume_token(&Token::Eq);
                CharsetOption::Charset(self.word_or_text("a character set")?)
            } else if default {
                let found = self.parser.peek_token_ref();
                return Ok(self.parser.expected_ref("CHARACTER SET or COLLATE", found)?);
            } else {
                return Ok(said);
            };
            said.push(option);
        }
    }

    fn if_exists(&mut self) -> Result<bool, Failure> {
        let found = self.word("IF");
        if found {
            self.expect_word("EXISTS")?;
        }
        Ok(found)
    }

    fn place(&mut self) -> Result<Option<ColumnPlace>, Failure> {
        if self.word("FIRST") {
            return Ok(Some(ColumnPlace::First));
        }
        if self.word("AFTER") {
            return Ok(Some(ColumnPlace::After(self.parser.parse_identifier()?)));
        }
        Ok(None)
    }
}
