//! Scalar functions, as a closed enum. What each means is MySQL 8.0's manual unless a comment says otherwise.

use std::sync::Arc;

use allod_storage::schema::FloatDigits;

use super::families::{Coding, Digest, Network, Pattern, Sharding, Span, Volatile, Writing};
use super::{CollateFunction, JsonFunction, KeyFunction, KeySpaces, TimeUnit};
use crate::zone::Zone;

/// A scalar function or operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    // Comparison. Two arguments of one family; result 0, 1, NULL.
    /// =
    Eq,
    /// <> and !=
    Ne,
    /// <
    Lt,
    /// <=
    Le,
    /// >
    Gt,
    /// >=
    Ge,
    /// <=>: never NULL.
    NullEq,
    /// `args[0] IN (args[1..])`, three-valued.
    In,
    /// `args[0]` LIKE `args[1]`, with the escape character if there is one.
    Like {
        /// `\` unless ESCAPE says otherwise; None = ESCAPE ''.
        escape: Option<char>,
    },
    /// `args[0]` REGEXP `args[1]`.
    Regexp,
    /// x IS NULL: never NULL.
    IsNull,
    /// x IS TRUE: never NULL.
    IsTrue,
    /// x IS FALSE: never NULL.
    IsFalse,

    // Logic, three-valued. AND and OR take two or more arguments.
    /// AND
    And,
    /// OR
    Or,
    /// XOR
    Xor,
    /// NOT
    Not,

    // Arithmetic. Overflow of an integer or decimal result is error 1690.
    /// +
    Plus,
    /// - with two arguments
    Minus,
    /// *
    Mul,
    /// /: double or decimal, cut off behind whole words of nine digits and else rounded; NULL if the divisor is 0.
    Div,
    /// DIV: integer, of integers, or else of decimals and doubles in any mix; NULL if the divisor is 0.
    IntDiv,
    /// % and MOD: sign of the dividend; NULL if the divisor is 0.
    Mod,
    /// - with one argument
    Negate,
    /// &
    BitAnd,
    /// |
    BitOr,
    /// ^
    BitXor,
    /// ~
    BitNot,
    /// <<
    ShiftLeft,
    /// >>
    ShiftRight,

    // Control flow.
    /// args = condition, value, condition, value, …, and the ELSE value if their number is odd. A condition holds if it is
    /// neither 0 nor NULL; only the chosen branch is evaluated for a row.
    Case,
    /// IF(condition, then, else).
    If,
    /// IFNULL(a, b).
    IfNull,
    /// COALESCE(…).
    Coalesce,
    /// NULLIF(a, b).
    NullIf,
    /// GREATEST(…): NULL if any is NULL.
    Greatest,
    /// LEAST(…).
    Least,
    /// CAST(`args[0]` AS the result type), also every implicit conversion. Lenient: what does not convert becomes 0, the
    /// longest valid prefix, or NULL for temporal types.
    Cast,
    /// Conversion of `args[0]` to the type of the table column it is stored in, under strict mode: errors 1264, 1265, 1292,
    /// 1366, 1406 name the column and the row; NULL for a type that is not nullable is error 1048.
    Assign {
        /// The column.
        column: Arc<str>,
        /// Whether it refuses what is negative, though its type does not.
        unsigned: bool,
        /// The digits that a FLOAT or DOUBLE is rounded to.
        digits: Option<FloatDigits>,
        /// For a TIMESTAMP: of which zone's clocks the value is.
        zone: Zone,
    },

    // Strings. Positions count characters from 1.
    /// `SUBSTRING(s, position[, length])`; a negative position counts from the end.
    Substring,
    /// LEFT(s, n).
    Left,
    /// RIGHT(s, n).
    Right,
    /// LENGTH, in bytes.
    Length,
    /// CHAR_LENGTH, in characters.
    CharLength,
    /// UPPER.
    Upper,
    /// LOWER.
    Lower,
    /// CONCAT: NULL if any is NULL.
    Concat,
    /// CONCAT_WS(separator, …): skips NULLs.
    ConcatWs,
    /// TRIM(BOTH `args[1]` FROM `args[0]`); `args[1]` defaults to a blank.
    Trim,
    /// TRIM(LEADING …), LTRIM.
    TrimLeading,
    /// TRIM(TRAILING …), RTRIM.
    TrimTrailing,
    /// REPLACE(s, from, to).
    Replace,
    /// `LOCATE(needle, s[, position])`; POSITION and INSTR become this.
    Locate,
    /// LPAD(s, n, pad).
    Lpad,
    /// RPAD(s, n, pad).
    Rpad,
    /// REVERSE.
    Reverse,
    /// REPEAT(s, n).
    Repeat,
    /// SPACE(n).
    Space,
    /// ASCII(s).
    Ascii,
    /// HEX of a string or integer.
    Hex,
    /// SUBSTRING_INDEX(s, delimiter, count).
    SubstringIndex,
    /// STRCMP(a, b).
    StrCmp,
    /// INSERT(s, position, length, new).
    Insert,
    /// ELT(n, a, b, …): the nth, NULL if there is none.
    Elt,
    /// FIELD(x, a, b, …): position of the first equal to x, 0 if none (or x is NULL).
    Field,
    /// FIND_IN_SET(s, comma-separated list).
    FindInSet,
    /// INTERVAL(x, a, b, …): how many in front of the first that is greater than x; -1 if x is NULL.
    Interval,
    /// MAKE_SET(bits, a, b, …): those whose bit is set, separated by commas; NULLs are skipped.
    MakeSet,
    /// EXPORT_SET(bits, on, off[, separator[, number of bits]]).
    ExportSet,
    /// BIT_LENGTH.
    BitLength,
    /// ORD(s): code of the first character's bytes.
    Ord,
    /// BIN(n).
    Bin,
    /// OCT(n).
    Oct,
    /// UNHEX(s): NULL if s is not hexadecimal. A binary string.
    Unhex,
    /// CONV(s, from base, to base).
    Conv,

    // Numbers.
    /// ABS.
    Abs,
    /// CEIL.
    Ceil,
    /// FLOOR.
    Floor,
    /// ROUND(x, d), d constant; halves away from zero for exact numbers.
    Round,
    /// TRUNCATE(x, d), d constant.
    Truncate,
    /// SIGN.
    Sign,
    /// SQRT: NULL below 0.
    Sqrt,
    /// POW.
    Pow,
    /// EXP.
    Exp,
    /// LN.
    Ln,
    /// LOG10.
    Log10,
    /// LOG2.
    Log2,
    /// SIN.
    Sin,
    /// COS.
    Cos,
    /// TAN.
    Tan,
    /// ASIN.
    Asin,
    /// ACOS.
    Acos,
    /// ATAN of one argument, ATAN2 of two.
    Atan,
    /// COT.
    Cot,
    /// DEGREES.
    Degrees,
    /// RADIANS.
    Radians,
    /// CRC32 of a string.
    Crc32,
    /// BIT_COUNT(n).
    BitCount,

    // Dates.
    /// EXTRACT(unit FROM x), YEAR(x), MONTH(x), …
    Extract(TimeUnit),
    /// DAYOFWEEK: 1 = Sunday.
    DayOfWeek,
    /// WEEKDAY: 0 = Monday.
    WeekDay,
    /// DAYOFYEAR.
    DayOfYear,
    /// WEEK(x, mode), mode constant.
    WeekOfYear,
    /// DAYNAME.
    DayName,
    /// MONTHNAME.
    MonthName,
    /// LAST_DAY.
    LastDay,
    /// `args[0]` + INTERVAL `args[1]` unit; `args[1]` is an integer (for SECOND it may be a decimal), or a text if the unit is
    /// a compound one. The result is a DATE when `args[0]` is one and the unit is of days, a text when it is one, else a
    /// DATETIME or a TIME. Out of range is NULL.
    DateAdd(TimeUnit),
    /// `args[0]` - INTERVAL `args[1]` unit.
    DateSub(TimeUnit),
    /// DATEDIFF(a, b), days.
    DateDiff,
    /// TIMESTAMPDIFF(unit, a, b) = b - a.
    TimestampDiff(TimeUnit),
    /// DATE_FORMAT(x, format).
    DateFormat,
    /// TO_DAYS.
    ToDays,
    /// TO_SECONDS.
    ToSeconds,
    /// FROM_DAYS.
    FromDays,
    /// What clocks of a zone show at the moment `args[0]`, which a TIMESTAMP holds.
    ClockOf(Zone),
    /// The moment when clocks of a zone show `args[0]`.
    MomentOf(Zone),
    /// UNIX_TIMESTAMP(x), of a moment.
    UnixTimestamp,
    /// FROM_UNIXTIME(n).
    FromUnixTime,
    /// MAKEDATE(year, day of year).
    MakeDate,
    /// TIME_TO_SEC(time).
    TimeToSec,
    /// SEC_TO_TIME(n).
    SecToTime,
    /// STR_TO_DATE(s, format), to the result type; NULL if s does not match.
    StrToDate,
    /// YEARWEEK(x, mode), mode constant.
    YearWeek,

    // Families.
    /// MD5 and its like.
    Digest(Digest),
    /// Base 64, compression, encryption.
    Coding(Coding),
    /// Addresses and UUIDs.
    Network(Network),
    /// Regular expressions.
    Pattern(Pattern),
    /// Texts of numbers and texts.
    Writing(Writing),
    /// Spans of time.
    Span(Span),
    /// Hashes of numbers.
    Sharding(Sharding),
    /// Keys of rows and of entries of indexes.
    Keys {
        /// What is done.
        what: KeyFunction,
        /// The spaces that it knows.
        spaces: KeySpaces,
    },
    /// VALIDATE_PASSWORD_STRENGTH(text, rules …): 0 to 100. The rules are constants: the least length, upper and lower case
    /// letters, digits, other characters; the dictionary, its words separated by semicolons; the user.
    PasswordStrength,
    /// What is another value each time.
    Volatile {
        /// Which.
        what: Volatile,
        /// Which call of the statement: two calls are never the same expression.
        nth: u32,
    },
    /// Functions of JSON.
    Json(JsonFunction),
    /// What is done to texts because of their collation.
    Collate(CollateFunction),
}

impl Function {
    /// Its name in EXPLAIN and in signatures, as TiDB has it.
    pub fn name(&self) -> &'static str {
        match self {
            Function::Eq => "eq",
            Function::Ne => "ne",
            Function::Lt => "lt",
            Function::Le => "le",
            Function::Gt => "gt",
            Function::Ge => "ge",
            Function::NullEq => "nulleq",
            Function::In => "in",
            Function::Like { .. } => "like",
            Function::Regexp => "regexp",
            Function::IsNull => "isnull",
            Function::IsTrue => "istrue",
            Function::IsFalse => "isfalse",
            Function::And => "and",
            Function::Or => "or",
            Function::Xor => "xor",
            Function::Not => "not",
            Function::Plus => "plus",
            Function::Minus => "minus",
            Function::Mul => "mul",
            Function::Div => "div",
            Function::IntDiv => "intdiv",
            Function::Mod => "mod",
            Function::Negate => "unaryminus",
            Function::BitAnd => "bitand",
            Function::BitOr => "bitor",
            Function::BitXor => "bitxor",
            Function::BitNot => "bitneg",
            Function::ShiftLeft => "leftshift",
            Function::ShiftRight => "rightshift",
            Function::Case => "case",
            Function::If => "if",
            Function::IfNull => "ifnull",
            Function::Coalesce => "coalesce",
            Function::NullIf => "nullif",
            Function::Greatest => "greatest",
            Function::Least => "least",
            Function::Cast => "cast",
            Function::Assign { .. } => "assign",
            Function::Substring => "substring",
            Function::Left => "left",
            Function::Right => "right",
            Function::Length => "length",
            Function::CharLength => "char_length",
            Function::Upper => "upper",
            Function::Lower => "lower",
            Function::Concat => "concat",
            Function::ConcatWs => "concat_ws",
            Function::Trim => "trim",
            Function::TrimLeading => "ltrim",
            Function::TrimTrailing => "rtrim",
            Function::Replace => "replace",
            Function::Locate => "locate",
            Function::Lpad => "lpad",
            Function::Rpad => "rpad",
            Function::Reverse => "reverse",
            Function::Repeat => "repeat",
            Function::Space => "space",
            Function::Ascii => "ascii",
            Function::Hex => "hex",
            Function::SubstringIndex => "substring_index",
            Function::StrCmp => "strcmp",
            Function::Insert => "insert",
            Function::Elt => "elt",
            Function::Field => "field",
            Function::FindInSet => "find_in_set",
            Function::Interval => "interval",
            Function::MakeSet => "make_set",
            Function::ExportSet => "export_set",
            Function::BitLength => "bit_length",
            Function::Ord => "ord",
            Function::Bin => "bin",
            Function::Oct => "oct",
            Function::Unhex => "unhex",
            Function::Conv => "conv",
            Function::Abs => "abs",
            Function::Ceil => "ceil",
            Function::Floor => "floor",
            Function::Round => "round",
            Function::Truncate => "truncate",
            Function::Sign => "sign",
            Function::Sqrt => "sqrt",
            Function::Pow => "pow",
            Function::Exp => "exp",
            Function::Ln => "ln",
            Function::Log10 => "log10",
            Function::Log2 => "log2",
            Function::Sin => "sin",
            Function::Cos => "cos",
            Function::Tan => "tan",
            Function::Asin => "asin",
            Function::Acos => "acos",
            Function::Atan => "atan",
            Function::Cot => "cot",
            Function::Degrees => "degrees",
            Function::Radians => "radians",
            Function::Crc32 => "crc32",
            Function::BitCount => "bit_count",
            Function::Extract(_) => "extract",
            Function::DayOfWeek => "dayofweek",
            Function::WeekDay => "weekday",
            Function::DayOfYear => "dayofyear",
            Function::WeekOfYear => "week",
            Function::DayName => "dayname",
            Function::MonthName => "monthname",
            Function::LastDay => "last_day",
            Function::DateAdd(_) => "date_add",
            Function::DateSub(_) => "date_sub",
            Function::DateDiff => "datediff",
            Function::TimestampDiff(_) => "timestampdiff",
            Function::DateFormat => "date_format",
            Function::ToDays => "to_days",
            Function::ToSeconds => "to_seconds",
            Function::FromDays => "from_days",
            Function::ClockOf(_) => "clock_of",
            Function::MomentOf(_) => "moment_of",
            Function::UnixTimestamp => "unix_timestamp",
            Function::FromUnixTime => "from_unixtime",
            Function::MakeDate => "makedate",
            Function::TimeToSec => "time_to_sec",
            Function::SecToTime => "sec_to_time",
            Function::StrToDate => "str_to_date",
            Function::YearWeek => "yearweek",
            Function::Digest(digest) => digest.name(),
            Function::Coding(coding) => coding.name(),
            Function::Network(network) => network.name(),
            Function::Pattern(pattern) => pattern.name(),
            Function::Writing(writing) => writing.name(),
            Function::Span(span) => span.name(),
            Function::PasswordStrength => "validate_password_strength",
            Function::Sharding(sharding) => sharding.name(),
            Function::Keys { what: KeyFunction::Decode, .. } => "tidb_decode_key",
            Function::Keys { what: KeyFunction::Encode, spaces } => match spaces.first() {
                Some(space) if space.index.is_some() => "tidb_encode_index_key",
                Some(_) | None => "tidb_encode_record_key",
            },
            Function::Volatile { what, .. } => what.name(),
            Function::Json(function) => function.name(),
            Function::Collate(function) => function.name(),
        }
    }

    /// Whether it makes a text of its arguments' characters, and bytes of their bytes if one of them is bytes.
    pub fn keeps_bytes(&self) -> bool {
        matches!(
            self,
            Function::Substring
                | Function::Left
                | Function::Right
                | Function::Upper
                | Function::Lower
                | Function::Concat
                | Function::ConcatWs
                | Function::Trim
                | Function::TrimLeading
                | Function::TrimTrailing
                | Function::Replace
                | Function::Lpad
                | Function::Rpad
                | Function::Reverse
                | Function::Repeat
                | Function::SubstringIndex
                | Function::Insert
                | Function::Writing(Writing::Quote)
        )
    }

    /// Whether it compares two operands.
    pub fn is_comparison(&self) -> bool {
        use Function::{Eq, Ge, Gt, Le, Lt, Ne, NullEq};
        matches!(self, Eq | Ne | NullEq | Lt | Le | Gt | Ge)
    }

    /// Whether it may have a value though an argument is NULL. Control flow aside, all others are NULL then.
    pub fn takes_null(&self) -> bool {
        match self {
            Function::NullEq
            | Function::In
            | Function::IsNull
            | Function::IsTrue
            | Function::IsFalse
            | Function::And
            | Function::Or
            | Function::Case
            | Function::If
            | Function::IfNull
            | Function::Coalesce
            | Function::NullIf
            | Function::Assign { .. }
            | Function::ConcatWs
            | Function::Elt
            | Function::Field
            | Function::Interval
            | Function::MakeSet
            | Function::Json(_)
            | Function::Writing(Writing::Char | Writing::Quote) => true,
            Function::Keys { what: KeyFunction::Encode, .. } => true,
            Function::Network(network) => network.takes_null(),
            Function::Volatile { what, .. } => what.takes_null(),
            _ => false,
        }
    }
}
