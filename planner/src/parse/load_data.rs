//! LOAD DATA … INFILE.
//!
//! What a row of the text does to the table is what an INSERT of it would do, so a load is a sequence of INSERTs of many rows
//! each, which [`LoadRows`] makes: `INSERT`, `INSERT IGNORE` (what LOCAL means too, as in MySQL and TiDB), or REPLACE. A field is a value of
//! VALUES, and a field that is not there is `DEFAULT`. An expression of SET is kept as tokens: where it names a variable that
//! the list of columns fills, or a column that SET assigns itself, the row's field stands in the INSERT. So
//!
//! ```sql
//! LOAD DATA LOCAL INFILE 'f' INTO TABLE t (a, @x) SET b = @x * 2
//! ```
//!
//! makes, of a line `1⇥7`, `INSERT IGNORE INTO t (a, b) VALUES ('1', '7' * 2)`.
//!
//! Left out: variables keep no value after the load; fields of fixed size.

use allod_storage::schema::TableDescriptor;
use sqlparser::ast::{self, Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::statement::{Failure, Source, Statement};
use super::{Parsed, parser, syntax_error, tokenize};
use crate::error::Error;

/// How the fields and lines of a text are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFormat {
    /// What ends a field.
    pub fields_terminated: String,
    /// What fields may be between.
    pub enclosed: Option<u8>,
    /// Where they are written: only texts are.
    pub optionally: bool,
    /// What takes the meaning from the next character, or gives it one.
    pub escaped: Option<u8>,
    /// What a line begins with; what comes before is left out.
    pub lines_starting: String,
    /// What ends a line.
    pub lines_terminated: String,
    /// Lines at the beginning that are left out.
    pub ignore_lines: u64,
}

impl Default for LoadFormat {
    fn default() -> LoadFormat {
        LoadFormat {
            fields_terminated: "\t".into(),
            enclosed: None,
            optionally: false,
            escaped: Some(b'\\'),
            lines_starting: String::new(),
            lines_terminated: "\n".into(),
            ignore_lines: 0,
        }
    }
}

/// A field of a line as it was read; `None` = NULL.
pub type LoadField = Option<Vec<u8>>;

/// LOAD DATA as syntax.
#[derive(Clone, Debug)]
pub(crate) struct LoadDataSyntax {
    pub file: String,
    /// Whether the client has it.
    pub local: bool,
    pub format: LoadFormat,
    pub rows: LoadRows,
}

/// What becomes of the rows of a text: the INSERT that they make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRows {
    /// Without columns and rows.
    insert: ast::Insert,
    /// For each field its column, or a variable with its at sign; `None` = all columns in order.
    columns: Option<Vec<String>>,
    assignments: Vec<Assignment>,
}

/// One assignment of SET.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment {
    column: String,
    /// Its expression.
    tokens: Vec<TokenWithSpan>,
    /// Whether it has a subquery, which only an INSERT of one row can have.
    asks: bool,
}

/// What a load into a table does with its rows, whose columns are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadInsert {
    rows: LoadRows,
    fields: Vec<FieldTarget>,
}

/// Where a field goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum FieldTarget {
    /// To a column, as the value that it is.
    Column { name: String, is_binary: bool },
    /// To where SET says.
    Variable(String),
    /// Nowhere: the column is computed.
    Nowhere,
}

impl LoadRows {
    /// The table.
    pub(crate) fn table(&self) -> Result<&ObjectName, Error> {
        match &self.insert.table {
            ast::TableObject::TableName(name) => Ok(name),
            _ => Err(Error::Internal("LOAD DATA goes to a table".into())),
        }
    }

    /// The same for a table of these columns.
    pub(crate) fn of(&self, table: &TableDescriptor) -> Result<LoadInsert, Error> {
        let all = || table.visible_columns().map(|c| table.columns[c].name.to_string()).collect();
        let columns = self.columns.clone().unwrap_or_else(all);
        let fields = columns.into_iter().map(|name| {
            if name.starts_with('@') || self.assignments.iter().any(|a| a.column.eq_ignore_ascii_case(&name))
            {
                return Ok(FieldTarget::Variable(name));
            }
            let column = table.column(&name).map(|c| &table.columns[c]).filter(|c| !c.hidden);
            match column {
                None => Err(Error::UnknownColumn { name, clause: "field list", position: None }),
                Some(column) if column.generated.is_some() => Ok(FieldTarget::Nowhere),
                Some(column) => Ok(FieldTarget::Column { name, is_binary: column.ty.sql.is_binary() }),
            }
        });
        Ok(LoadInsert { fields: fields.collect::<Result<_, Error>>()?, rows: self.clone() })
    }
}

impl LoadInsert {
    /// Number of fields that a row should have.
    pub fn width(&self) -> usize {
        self.fields.len()
    }

    /// And how many it must have: what only variables lack is NULL without a word.
    pub fn needed(&self) -> usize {
        let is_needed =
            |field: &FieldTarget| !matches!(field, FieldTarget::Variable(name) if name.starts_with('@'));
        self.fields.iter().rposition(is_needed).map_or(0, |last| last + 1)
    }

    /// Whether what cannot be stored as it is becomes something that can, with a warning; else it is an error.
    pub fn is_lenient(&self) -> bool {
        self.rows.insert.ignore
    }

    /// How many rows one statement may have, of this number.
    pub fn rows_at_once(&self, wanted: usize) -> usize {
        if self.rows.assignments.iter().any(|a| a.asks) { 1 } else { wanted }
    }

    /// The statement that inserts these rows. A row may have fewer fields than [`LoadInsert::width`]; what it has more is not read.
    ///
    /// # Errors
    /// The number of the row, from 0, if a text of it is not UTF-8.
    pub fn statement(&self, rows: &[Vec<LoadField>]) -> Result<Parsed, LoadError> {
        let mut insert = self.rows.insert.clone();
        let columns = self.fields.iter().filter_map(|field| match field {
            FieldTarget::Column { name, .. } => Some(name),
            FieldTarget::Variable(_) | FieldTarget::Nowhere => None,
        });
        let columns = columns.chain(self.rows.assignments.iter().map(|a| &a.column));
        insert.columns =
            columns.map(|name| ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))])).collect();
        let empty = Parsed::empty();
        let values: Result<Vec<_>, LoadError> =
            rows.iter().enumerate().map(|(i, row)| self.values(i, row)).collect();
        if let Some(source) = &mut insert.source
            && let ast::SetExpr::Values(all) = &mut *source.body
        {
            all.rows =
                values?.into_iter().map(|content| ast::Parens { content, ..all.rows[0].clone() }).collect();
        }
        Ok(Parsed { statement: Statement::Sql(Box::new(ast::Statement::Insert(insert))), ..empty })
    }

    fn values(&self, number: usize, row: &[LoadField]) -> Result<Vec<ast::Expr>, LoadError> {
        let mut values = Vec::with_capacity(self.fields.len() + self.rows.assignments.len());
        for (at, target) in self.fields.iter().enumerate() {
            let FieldTarget::Column { is_binary, .. } = target else { continue };
            values.push(match row.get(at) {
                None => ast::Expr::Identifier(Ident::new("DEFAULT")),
                Some(field) => ast::Expr::value(value(field, *is_binary).ok_or(LoadError::NotUtf8(number))?),
            });
        }
        for assignment in &self.rows.assignments {
            let tokens = assignment
                .tokens
                .iter()
                .map(|token| self.filled(token, row).ok_or(LoadError::NotUtf8(number)));
            let mut parser = parser(tokens.collect::<Result<_, _>>()?);
            let expr = parser.parse_expr().map_err(|e| LoadError::Other(syntax_error(e, None)))?;
            values.push(expr);
        }
        Ok(values)
    }

    /// A token, or the field that it is the name of.
    fn filled(&self, token: &TokenWithSpan, row: &[LoadField]) -> Option<TokenWithSpan> {
        let Token::Word(Word { value: name, .. }) = &token.token else { return Some(token.clone()) };
        let named = |f: &FieldTarget| matches!(f, FieldTarget::Variable(v) if v.eq_ignore_ascii_case(name));
        let Some(at) = self.fields.iter().position(named) else { return Some(token.clone()) };
        let filled = match row.get(at) {
            None | Some(None) => Token::make_keyword("NULL"),
            Some(Some(bytes)) => match str::from_utf8(bytes) {
                Ok(text) => Token::SingleQuotedString(text.into()),
                Err(_) if name.starts_with('@') => Token::HexStringLiteral(hex(bytes)),
                Err(_) => return None,
            },
        };
        Some(TokenWithSpan { token: filled, span: token.span })
    }
}

/// What keeps rows from becoming a statement.
#[derive(Debug)]
pub enum LoadError {
    /// The row of this number, from 0, has a text that is not UTF-8.
    NotUtf8(usize),
    /// Anything else.
    Other(Error),
}

/// A field as a literal; `None` if it is to be a text and is none.
fn value(field: &LoadField, is_binary: bool) -> Option<ast::Value> {
    Some(match field {
        None => ast::Value::Null,
        Some(bytes) if is_binary => ast::Value::HexStringLiteral(hex(bytes)),
        Some(bytes) => ast::Value::SingleQuotedString(str::from_utf8(bytes).ok()?.into()),
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(DIGITS[usize::from(d)])).collect()
}

impl Source<'_> {
    /// From `LOAD` on.
    pub(super) fn load_data(&mut self) -> Result<Statement, Failure> {
        let not_supported = |what: &str| Err(Failure::Ours(Error::NotSupported(what.into())));
        self.parser.next_token();
        self.expect_word("DATA")?;
        let _ = self.word("LOW_PRIORITY") || self.word("CONCURRENT");
        let local = self.word("LOCAL");
        self.expect_word("INFILE")?;
        let file = self.parser.parse_literal_string()?;
        // What LOCAL means unless it is said otherwise: the client does not stop sending at a bad row.
        let replace_into = self.word("REPLACE");
        let ignore = !replace_into && (self.word("IGNORE") || local);
        self.expect_word("INTO")?;
        self.expect_word("TABLE")?;
        let table = self.parser.parse_object_name(false)?;
        let mut partitioned = None;
        if self.word("PARTITION") {
            self.parser.expect_token(&Token::LParen)?;
            let names = self.parser.parse_comma_separated(|p| p.parse_identifier())?;
            self.parser.expect_token(&Token::RParen)?;
            partitioned = Some(names.into_iter().map(ast::Expr::Identifier).collect());
        }
        let mut format = self.text_format("LOAD DATA")?;
        if format.fields_terminated.is_empty() || format.lines_terminated.is_empty() {
            return not_supported("LOAD DATA of fields of fixed size");
        }
        if self.word("IGNORE") {
            format.ignore_lines = self.parser.parse_literal_uint()?;
            if !self.word("LINES") {
                self.expect_word("ROWS")?;
            }
        }
        let mut columns = None;
        if self.parser.consume_token(&Token::LParen) {
            let list = self.parser.parse_comma_separated(|p| p.parse_identifier())?;
            self.parser.expect_token(&Token::RParen)?;
            columns = Some(list.into_iter().map(|name| name.value).collect());
        }
        let mut assignments = Vec::new();
        if self.word("SET") {
            assignments = self.load_assignments()?;
        }
        let rows = parser(tokenize("INSERT INTO t VALUES ()").map_err(Failure::Ours)?).parse_statement()?;
        let ast::Statement::Insert(insert) = rows else {
            return Err(Failure::Ours(Error::Internal("an INSERT is one".into())));
        };
        let table = ast::TableObject::TableName(table);
        let insert = ast::Insert { table, ignore, replace_into, partitioned, ..insert };
        let rows = LoadRows { insert, columns, assignments };
        Ok(Statement::LoadData(Box::new(LoadDataSyntax { file, local, format, rows })))
    }

    /// `[CHARACTER SET x] [FIELDS …] [LINES …]` of the statement that is called so.
    pub(super) fn text_format(&mut self, what: &str) -> Result<LoadFormat, Failure> {
        if self.word("CHARACTER") {
            self.expect_word("SET")?;
            let set = self.parser.parse_identifier()?.value.to_ascii_lowercase();
            if !["utf8mb4", "utf8", "utf8mb3", "ascii", "binary"].contains(&set.as_str()) {
                return Err(Failure::Ours(Error::NotSupported(format!("{what} in this character set"))));
            }
        }
        let mut format = LoadFormat::default();
        if self.word("FIELDS") || self.word("COLUMNS") {
            self.fields(&mut format)?;
        }
        if self.word("LINES") {
            loop {
                if self.word("STARTING") {
                    self.expect_word("BY")?;
                    format.lines_starting = self.parser.parse_literal_string()?;
                } else if self.word("TERMINATED") {
                    self.expect_word("BY")?;
                    format.lines_terminated = self.parser.parse_literal_string()?;
                } else {
                    break;
                }
            }
        }
        Ok(format)
    }

    /// What stands behind SET.
    fn load_assignments(&mut self) -> Result<Vec<Assignment>, Failure> {
        let mut assignments = Vec::new();
        loop {
            let target = self.parser.parse_object_name(false)?;
            let column =
                target.0.last().and_then(|p| p.as_ident()).map(|i| i.value.clone()).unwrap_or_default();
            self.parser.expect_token(&Token::Eq)?;
            // Parsed to find where it ends, and to tell what is wrong with it.
            let begin = self.parser.get_current_index() + 1;
            self.parser.parse_expr()?;
            let end = self.parser.get_current_index();
            let tokens: Vec<_> = (begin..=end).map(|at| self.parser.token_at(at).clone()).collect();
            let asks = tokens
                .iter()
                .any(|t| matches!(&t.token, Token::Word(w) if w.value.eq_ignore_ascii_case("select")));
            assignments.push(Assignment { column, tokens, asks });
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(assignments);
            }
        }
    }

    fn fields(&mut self, format: &mut LoadFormat) -> Result<(), Failure> {
        loop {
            if self.word("TERMINATED") {
                self.expect_word("BY")?;
                format.fields_terminated = self.parser.parse_literal_string()?;
            } else if self.word("ESCAPED") {
                format.escaped = self.one_character()?;
            } else if self.word("OPTIONALLY") {
                self.expect_word("ENCLOSED")?;
                format.enclosed = self.one_character()?;
                format.optionally = true;
            } else if self.word("ENCLOSED") {
                format.enclosed = self.one_character()?;
            } else {
                return Ok(());
            }
        }
    }

    /// `BY 'x'`; none if the text is empty.
    fn one_character(&mut self) -> Result<Option<u8>, Failure> {
        self.expect_word("BY")?;
        let text = self.parser.parse_literal_string()?;
        match text.as_bytes() {
            [] => Ok(None),
            [byte] => Ok(Some(*byte)),
            _ => {
                let what = "a field separator argument of several characters";
                Err(Failure::Ours(Error::NotSupported(what.into())))
            }
        }
    }
}
