//! LOAD DATA … INFILE.

use sqlparser::ast::ObjectName;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::statement::{Failure, Source, Statement};
use crate::error::Error;

/// How the fields and lines of a text are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFormat {
    /// What ends a field.
    pub fields_terminated: String,
    /// What fields may be between.
    pub enclosed: Option<u8>,
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
            escaped: Some(b'\\'),
            lines_starting: String::new(),
            lines_terminated: "\n".into(),
            ignore_lines: 0,
        }
    }
}

/// LOAD DATA as syntax.
#[derive(Clone, Debug)]
pub(crate) struct LoadDataSyntax {
    pub file: String,
    pub table: ObjectName,
    /// A column, or `None` for a variable.
    pub columns: Option<Vec<Option<String>>>,
    pub format: LoadFormat,
}

impl Source<'_> {
    /// From `LOAD` on.
    pub(super) fn load_data(&mut self) -> Result<Statement, Failure> {
        let not_supported = |what: &str| Err(Failure::Ours(Error::NotSupported(what.into())));
        self.parser.next_token();
        self.expect_word("DATA")?;
        let _ = self.word("LOW_PRIORITY") || self.word("CONCURRENT");
        if !self.word("LOCAL") {
            return not_supported("LOAD DATA of a file of the server (say LOCAL)");
        }
        self.expect_word("INFILE")?;
        let file = self.parser.parse_literal_string()?;
        if self.word("REPLACE") {
            return not_supported("LOAD DATA … REPLACE");
        }
        if self.word("IGNORE") {
            return not_supported("LOAD DATA … IGNORE");
        }
        self.expect_word("INTO")?;
        self.expect_word("TABLE")?;
        let table = self.parser.parse_object_name(false)?;
        if self.word("CHARACTER") {
            self.expect_word("SET")?;
            let set = self.parser.parse_identifier()?.value.to_ascii_lowercase();
            if !["utf8mb4", "utf8", "utf8mb3", "ascii", "binary"].contains(&set.as_str()) {
                return not_supported("LOAD DATA in this character set");
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
            let column = |name: String| (!name.starts_with('@')).then_some(name);
            columns = Some(list.into_iter().map(|name| column(name.value)).collect());
        }
        if self.parser.parse_keyword(Keyword::SET) {
            return not_supported("LOAD DATA … SET");
        }
        Ok(Statement::LoadData(Box::new(LoadDataSyntax { file, table, columns, format })))
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
