//! `sql_mode`, as far as it says what becomes of values and how texts are read.
//!
//! A mode is a list of words. Some stand for others (`ANSI`, `TRADITIONAL`); what the session keeps is the list with all of
//! them, in MySQL's order. The words that nothing obeys here (`NO_DIR_IN_CREATE`, …) are kept and shown; of `IGNORE_SPACE` there
//! is nothing to obey, since a blank before a parenthesis never matters here.

use allod_storage::schema::irregular_parts;

/// The words, in MySQL's order.
const WORDS: &[&str] = &[
    "REAL_AS_FLOAT",
    "PIPES_AS_CONCAT",
    "ANSI_QUOTES",
    "IGNORE_SPACE",
    "NOT_USED",
    "ONLY_FULL_GROUP_BY",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_DIR_IN_CREATE",
    "POSTGRESQL",
    "ORACLE",
    "MSSQL",
    "DB2",
    "MAXDB",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "NO_FIELD_OPTIONS",
    "MYSQL323",
    "MYSQL40",
    "ANSI",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "TRADITIONAL",
    "NO_AUTO_CREATE_USER",
    "HIGH_NOT_PRECEDENCE",
    "NO_ENGINE_SUBSTITUTION",
    "PAD_CHAR_TO_FULL_LENGTH",
];

/// What a word brings besides itself.
fn brings(word: &str) -> &'static [&'static str] {
    match word {
        "ANSI" => &["REAL_AS_FLOAT", "PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE", "ONLY_FULL_GROUP_BY"],
        "TRADITIONAL" => &[
            "STRICT_TRANS_TABLES",
            "STRICT_ALL_TABLES",
            "NO_ZERO_IN_DATE",
            "NO_ZERO_DATE",
            "ERROR_FOR_DIVISION_BY_ZERO",
            "NO_AUTO_CREATE_USER",
            "NO_ENGINE_SUBSTITUTION",
        ],
        _ => &[],
    }
}

/// What a mode says of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SqlMode {
    /// What a column does not hold is an error of the statement that stores it.
    pub strict: bool,
    /// `0000-00-00` is no date.
    pub no_zero_date: bool,
    /// 0 in an AUTO_INCREMENT column stays what it is.
    pub no_auto_value_on_zero: bool,
    /// `2020-00-01` is no date.
    pub no_zero_in_date: bool,
    /// `2020-02-31` is a date.
    pub allow_invalid_dates: bool,
    /// Dividing by zero is said to somebody.
    pub error_for_division_by_zero: bool,
    /// What a group does not determine is not asked of it.
    pub only_full_group_by: bool,
    /// The difference of whole numbers is signed, whatever they are.
    pub no_unsigned_subtraction: bool,
    /// A CHAR is read with the blanks that fill it up.
    pub pad_char_to_full_length: bool,
    /// How texts are read.
    pub lexing: Lexing,
}

/// How the text of a statement is read. The same text is another statement in another mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lexing {
    /// `"a"` is a name and no text.
    pub ansi_quotes: bool,
    /// `a || b` is CONCAT(a, b) and not OR.
    pub pipes_as_concat: bool,
    /// A backslash is a character like any other.
    pub no_backslash_escapes: bool,
    /// `NOT a BETWEEN b AND c` is `(NOT a) BETWEEN b AND c`.
    pub high_not_precedence: bool,
    /// `REAL` is FLOAT and not DOUBLE.
    pub real_as_float: bool,
}

impl SqlMode {
    /// What these words say.
    pub fn of(text: &str) -> SqlMode {
        let has = |word: &str| text.split(',').any(|known| known.trim().eq_ignore_ascii_case(word));
        SqlMode {
            strict: has("STRICT_TRANS_TABLES") || has("STRICT_ALL_TABLES"),
            no_zero_date: has("NO_ZERO_DATE"),
            no_auto_value_on_zero: has("NO_AUTO_VALUE_ON_ZERO"),
            no_zero_in_date: has("NO_ZERO_IN_DATE"),
            allow_invalid_dates: has("ALLOW_INVALID_DATES"),
            error_for_division_by_zero: has("ERROR_FOR_DIVISION_BY_ZERO"),
            only_full_group_by: has("ONLY_FULL_GROUP_BY"),
            no_unsigned_subtraction: has("NO_UNSIGNED_SUBTRACTION"),
            pad_char_to_full_length: has("PAD_CHAR_TO_FULL_LENGTH"),
            lexing: Lexing {
                ansi_quotes: has("ANSI_QUOTES"),
                pipes_as_concat: has("PIPES_AS_CONCAT"),
                no_backslash_escapes: has("NO_BACKSLASH_ESCAPES"),
                high_not_precedence: has("HIGH_NOT_PRECEDENCE"),
                real_as_float: has("REAL_AS_FLOAT"),
            },
        }
    }

    /// Whether an irregular date may be written, given its number.
    pub fn allows(&self, irregular: i64) -> bool {
        match irregular_parts(irregular) {
            (0, 0, 0) => !self.no_zero_date,
            (_, 0, _) | (_, _, 0) => !self.no_zero_in_date,
            _ => self.allow_invalid_dates,
        }
    }

    /// The list with all that its words stand for, each word once, in MySQL's order.
    ///
    /// # Errors
    /// The first word that there is not.
    pub fn normal_form(text: &str) -> Result<String, String> {
        let mut wanted: Vec<&str> = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let found = WORDS.iter().find(|known| known.eq_ignore_ascii_case(word));
            let word = *found.ok_or_else(|| word.to_string())?;
            wanted.push(word);
            wanted.extend(brings(word));
        }
        let kept: Vec<&str> = WORDS.iter().copied().filter(|word| wanted.contains(word)).collect();
        Ok(kept.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_others() {
        let traditional = SqlMode::normal_form("traditional").unwrap();
        assert_eq!(
            traditional,
            "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,TRADITIONAL,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION"
        );
        let mode = SqlMode::of(&traditional);
        assert!(mode.strict && mode.no_zero_date && mode.error_for_division_by_zero);
        assert_eq!(
            SqlMode::normal_form("no_zero_date, , strict_all_tables,no_zero_date").unwrap(),
            "STRICT_ALL_TABLES,NO_ZERO_DATE"
        );
        assert_eq!(SqlMode::normal_form("ansi,nope"), Err("nope".to_string()));
        assert_eq!(SqlMode::of(""), SqlMode::default());
    }
}
