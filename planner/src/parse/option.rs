//! Options of tables and of indexes that the library does not know.
//!
//! ```text
//! COMMENT = 'text'   AUTO_INCREMENT = n   [DEFAULT] CHARACTER SET = x   [DEFAULT] COLLATE = x
//! TTL = c + INTERVAL n unit   TTL_ENABLE = 'ON' | 'OFF'   TTL_JOB_INTERVAL = '1h'
//! SHARD_ROW_ID_BITS = n   PRE_SPLIT_REGIONS = n   UNION = (t, …)   INSERT_METHOD = x
//! ENGINE, ROW_FORMAT, COMPRESSION, STATS_BUCKETS, …: nothing here
//! ```
//! In CREATE TABLE the library reads options up to the first that it does not know; what is left is read here.
//!
//! `VISIBLE`, `INVISIBLE`, `GLOBAL` and `LOCAL` behind a key arrive as `USING INVISIBLE`, which the library takes for a kind of
//! index; `UNIQUE GLOBAL` behind a column the dialect reads.

use sqlparser::ast::{self, Ident, IndexOption, IndexType};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::alter::CharsetOption;
use super::statement::{Failure, Source};

/// One option of a table.
#[derive(Clone, Debug)]
pub(crate) enum TableOption {
    Comment(String),
    AutoIncrement(u64),
    /// CHARACTER SET and COLLATE, in order.
    Charset(Vec<CharsetOption>),
    /// TTL: the column, the amount as SQL, the unit.
    Ttl {
        column: Ident,
        amount: String,
        unit: String,
    },
    TtlEnable(bool),
    TtlJobInterval(String),
    ShardRowIdBits(u64),
    PreSplitRegions(u64),
    Union,
    InsertMethod,
    /// PLACEMENT POLICY.
    Placement(String),
    /// What says nothing here.
    Nothing,
}

/// Options with one word, text or number behind them that say nothing here.
const SILENT: &[&str] = &[
    "AUTOEXTEND_SIZE",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "NODEGROUP",
    "PACK_KEYS",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "STATS_AUTO_RECALC",
    "STATS_BUCKETS",
    "STATS_COL_CHOICE",
    "STATS_COL_LIST",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "STATS_SAMPLE_RATE",
    "STATS_TOPN",
    "STORAGE",
    "TABLESPACE",
];

impl Source<'_> {
    /// Options of a table up to what is none, with commas between them or without.
    pub(super) fn table_options(&mut self) -> Result<Vec<TableOption>, Failure> {
        let mut options = Vec::new();
        while let Some(option) = self.table_option()? {
            options.push(option);
            let _ = self.parser.consume_token(&Token::Comma);
        }
        Ok(options)
    }

    /// The next option of a table, if there is one.
    pub(super) fn table_option(&mut self) -> Result<Option<TableOption>, Failure> {
        if let Some(policy) = self.placed()? {
            return Ok(Some(TableOption::Placement(policy)));
        }
        let charset = self.charset_options()?;
        if !charset.is_empty() {
            return Ok(Some(TableOption::Charset(charset)));
        }
        Ok(Some(if self.option_word("COMMENT") {
            TableOption::Comment(self.parser.parse_literal_string()?)
        } else if self.option_word("AUTO_INCREMENT") {
            TableOption::AutoIncrement(self.parser.parse_literal_uint()?)
        } else if self.option_word("TTL") {
            self.ttl()?
        } else if self.option_word("TTL_ENABLE") {
            let text = self.parser.next_token();
            match &text.token {
                Token::SingleQuotedString(s) if s.eq_ignore_ascii_case("ON") => TableOption::TtlEnable(true),
                Token::SingleQuotedString(s) if s.eq_ignore_ascii_case("OFF") => {
                    TableOption::TtlEnable(false)
                }
                _ => return Ok(self.parser.expected("'ON' or 'OFF'", text)?),
            }
        } else if self.option_word("TTL_JOB_INTERVAL") {
            let text = self.parser.next_token();
            match &text.token {
                Token::SingleQuotedString(s) if is_duration(s) => TableOption::TtlJobInterval(s.clone()),
                _ => return Ok(self.parser.expected("a duration", text)?),
            }
        } else if self.option_word("SHARD_ROW_ID_BITS") {
            TableOption::ShardRowIdBits(self.parser.parse_literal_uint()?)
        } else if self.option_word("PRE_SPLIT_REGIONS") {
            TableOption::PreSplitRegions(self.parser.parse_literal_uint()?)
        } else if self.option_word("UNION") {
            self.parser.expect_token(&Token::LParen)?;
            while !self.parser.consume_token(&Token::RParen) {
                let name = self.parser.next_token();
                if name.token == Token::EOF {
                    return Ok(self.parser.expected("')'", name)?);
                }
            }
            TableOption::Union
        } else if self.option_word("INSERT_METHOD") {
            self.parser.next_token();
            TableOption::InsertMethod
        } else if self.word("DATA") || self.word("INDEX") {
            self.expect_word("DIRECTORY")?;
            let _ = self.parser.consume_token(&Token::Eq);
            self.parser.next_token();
            TableOption::Nothing
        } else if SILENT.iter().any(|known| self.option_word(known)) {
            self.parser.next_token();
            TableOption::Nothing
        } else {
            return Ok(None);
        }))
    }

    /// The name of an option, and the `=` behind it.
    fn option_word(&mut self, word: &str) -> bool {
        let found = self.word(word);
        let _ = found && self.parser.consume_token(&Token::Eq);
        found
    }

    /// `c + INTERVAL n unit`, behind TTL.
    fn ttl(&mut self) -> Result<TableOption, Failure> {
        let column = self.parser.parse_identifier()?;
        self.parser.expect_token(&Token::Plus)?;
        self.expect_word("INTERVAL")?;
        let amount = self.parser.next_token();
        let amount = match &amount.token {
            Token::Number(number, _) => number.clone(),
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => {
                format!("_utf8mb4'{}'", text.replace('\'', "''"))
            }
            _ => return Ok(self.parser.expected("a number or a text", amount)?),
        };
        let unit = self.parser.next_token();
        match &unit.token {
            Token::Word(word) if is_unit(&word.value) => {
                Ok(TableOption::Ttl { column, amount, unit: word.value.to_ascii_uppercase() })
            }
            _ => Ok(self.parser.expected("a unit of time", unit)?),
        }
    }
}

fn is_unit(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let simple = ["MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];
    simple.contains(&&*word) || crate::expr::TimeUnit::of_name(&word).is_some()
}

/// Whether a text is a duration as TiDB writes it: numbers with their units, `1h`, `1d12h`, `1h30m`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match rest.as_bytes().get(digits) {
            Some(b'd' | b'h' | b'm' | b's') if digits > 0 => rest = &rest[digits + 1..],
            _ => return false,
        }
    }
    !text.is_empty()
}

/// Whether a word behind a key is one of its options that the library does not know.
pub(super) fn is_key_option(word: &str) -> bool {
    ["VISIBLE", "INVISIBLE", "GLOBAL", "LOCAL"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// An option of a key in the library's words.
pub(super) fn key_option(option: &TokenWithSpan) -> [TokenWithSpan; 2] {
    let using = TokenWithSpan { token: Token::make_keyword("USING"), span: option.span };
    [using, option.clone()]
}

/// What the options of a key say: whether it is invisible, whether it is global, and its comment.
pub(crate) fn key_options(options: &[IndexOption]) -> (bool, bool, &str) {
    let (mut invisible, mut global, mut comment) = (false, false, "");
    for option in options {
        match option {
            IndexOption::Using(IndexType::Custom(word)) => match word.value.to_ascii_uppercase().as_str() {
                "INVISIBLE" => invisible = true,
                "VISIBLE" => invisible = false,
                "GLOBAL" => global = true,
                "LOCAL" => global = false,
                // A kind of index that nobody has.
                _ => {}
            },
            IndexOption::Using(_) => {}
            IndexOption::Comment(text) => comment = text,
        }
    }
    (invisible, global, comment)
}

/// The comment of a column.
pub(crate) fn comment_of(def: &ast::ColumnDef) -> &str {
    def.options
        .iter()
        .rev()
        .find_map(|option| match &option.option {
            ast::ColumnOption::Comment(text) => Some(text.as_str()),
            _ => None,
        })
        .unwrap_or_default()
}
