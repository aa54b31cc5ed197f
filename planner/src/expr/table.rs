//! The function table: what a name means, what it takes, what it returns.
//!
//! Most functions are one line of [`TABLE`]. Those whose type depends on more than that are in [`special`].

use allod_storage::schema::{Datum, SqlType};

use super::rewrite::family;
use super::types::{self, Family};
use super::{
    Chain, Coding, Digest, Expr, Function, JsonFunction, Network, Pattern, Rewriter, Span, TimeUnit,
    Volatile, Writing, fold,
};
use crate::error::Error;

/// What an argument is cast to.
#[derive(Clone, Copy)]
enum Arg {
    /// A string.
    Text,
    /// BIGINT.
    Int,
    /// BIGINT UNSIGNED.
    Bits,
    /// Any number.
    Number,
    /// A double.
    Double,
    /// A date or datetime.
    Moment,
    /// A time of day: a TIME or a DATETIME.
    Clock,
    /// As it is.
    Any,
    /// A JSON value, or a string that is parsed as one.
    Document,
    /// A JSON value; strings become JSON strings.
    Json,
    /// A JSON value, or a string as it is.
    JsonOrText,
}

/// The result's type.
#[derive(Clone, Copy)]
enum Gives {
    Int,
    UInt,
    Double,
    Date,
    /// A string of at most so many characters.
    Text(u32),
    /// A string as long as the first argument, times this.
    LikeFirst(u32),
    /// A string as long as all arguments together.
    Sum,
    /// A byte string as long as the first argument.
    Bytes,
    /// A byte string of at most so many bytes.
    Binary(u32),
    Json,
}

/// When the result may be NULL.
#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    /// When an argument is.
    OfArgs,
    /// For some values that are not NULL, too.
    More,
    /// Never.
    Never,
}

struct Entry {
    name: &'static str,
    function: Function,
    args: &'static [Arg],
    /// How many of `args` may be left out.
    optional: usize,
    /// How many of the last of `args` may be repeated together, any number of times.
    repeated: usize,
    result: Gives,
    nulls: Nulls,
}

const fn entry(
    name: &'static str,
    function: Function,
    args: &'static [Arg],
    result: Gives,
    nulls: Nulls,
) -> Entry {
    Entry { name, function, args, optional: 0, repeated: 0, result, nulls }
}

/// An entry whose last argument may be left out.
const fn optional(
    name: &'static str,
    function: Function,
    args: &'static [Arg],
    result: Gives,
    nulls: Nulls,
) -> Entry {
    optional_last(1, name, function, args, result, nulls)
}

/// An entry whose last arguments, so many, may be left out.
const fn optional_last(
    optional: usize,
    name: &'static str,
    function: Function,
    args: &'static [Arg],
    result: Gives,
    nulls: Nulls,
) -> Entry {
    Entry { name, function, args, optional, repeated: 0, result, nulls }
}

/// Bytes of the longest result.
const LONG: u32 = u32::MAX;

const fn digest(
    name: &'static str,
    digest: Digest,
    args: &'static [Arg],
    length: u32,
    nulls: Nulls,
) -> Entry {
    entry(name, Function::Digest(digest), args, Gives::Text(length), nulls)
}

const fn coding(name: &'static str, coding: Coding, result: Gives, nulls: Nulls) -> Entry {
    entry(name, Function::Coding(coding), &[Text], result, nulls)
}

const fn writing(name: &'static str, writing: Writing, args: &'static [Arg], result: Gives) -> Entry {
    entry(name, Function::Writing(writing), args, result, OfArgs)
}

const fn network(
    name: &'static str,
    network: Network,
    args: &'static [Arg],
    result: Gives,
    nulls: Nulls,
) -> Entry {
    entry(name, Function::Network(network), args, result, nulls)
}

/// A function of JSON: how many of its arguments may be left out, and how many are repeated.
const fn json(
    name: &'static str,
    function: JsonFunction,
    args: &'static [Arg],
    (optional, repeated): (usize, usize),
    result: Gives,
) -> Entry {
    // What is built of values is never NULL; what is found may be.
    let nulls = match function {
        J::Array | J::Object => Never,
        _ => More,
    };
    Entry { name, function: Function::Json(function), args, optional, repeated, result, nulls }
}

use Arg::{Any, Bits, Clock, Document, Int, Json, JsonOrText, Moment, Number, Text};
use JsonFunction as J;
use Nulls::{More, Never, OfArgs};

/// Sorted by name.
static TABLE: &[Entry] = &[
    entry("ACOS", Function::Acos, &[Arg::Double], Gives::Double, More),
    entry("ASCII", Function::Ascii, &[Text], Gives::Int, OfArgs),
    entry("ASIN", Function::Asin, &[Arg::Double], Gives::Double, More),
    optional("ATAN", Function::Atan, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("ATAN2", Function::Atan, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("BIN", Function::Bin, &[Int], Gives::Text(64), OfArgs),
    optional("BIN_TO_UUID", Function::Network(Network::BinToUuid), &[Text, Int], Gives::Text(36), OfArgs),
    entry("BIT_COUNT", Function::BitCount, &[Bits], Gives::Int, OfArgs),
    entry("BIT_LENGTH", Function::BitLength, &[Text], Gives::Int, OfArgs),
    entry("CHARACTER_LENGTH", Function::CharLength, &[Text], Gives::Int, OfArgs),
    entry("CHAR_LENGTH", Function::CharLength, &[Text], Gives::Int, OfArgs),
    coding("COMPRESS", Coding::Compress, Gives::Binary(LONG), OfArgs),
    entry("CONV", Function::Conv, &[Text, Int, Int], Gives::Text(65), More),
    entry("COS", Function::Cos, &[Arg::Double], Gives::Double, OfArgs),
    entry("COT", Function::Cot, &[Arg::Double], Gives::Double, OfArgs),
    entry("CRC32", Function::Crc32, &[Text], Gives::UInt, OfArgs),
    entry("DATEDIFF", Function::DateDiff, &[Moment, Moment], Gives::Int, More),
    entry("DATE_FORMAT", Function::DateFormat, &[Moment, Text], Gives::Text(255), More),
    entry("DAY", Function::Extract(TimeUnit::Day), &[Moment], Gives::Int, OfArgs),
    entry("DAYNAME", Function::DayName, &[Moment], Gives::Text(9), OfArgs),
    entry("DAYOFMONTH", Function::Extract(TimeUnit::Day), &[Moment], Gives::Int, OfArgs),
    entry("DAYOFWEEK", Function::DayOfWeek, &[Moment], Gives::Int, OfArgs),
    entry("DAYOFYEAR", Function::DayOfYear, &[Moment], Gives::Int, OfArgs),
    entry("DECODE", Function::Coding(Coding::Decode), &[Text, Text], Gives::Bytes, OfArgs),
    entry("DEGREES", Function::Degrees, &[Arg::Double], Gives::Double, OfArgs),
    entry("ENCODE", Function::Coding(Coding::Encode), &[Text, Text], Gives::Bytes, OfArgs),
    entry("EXP", Function::Exp, &[Arg::Double], Gives::Double, OfArgs),
    optional_last(
        2,
        "EXPORT_SET",
        Function::ExportSet,
        &[Bits, Text, Text, Text, Int],
        Gives::Text(LONG),
        OfArgs,
    ),
    entry("FIND_IN_SET", Function::FindInSet, &[Text, Text], Gives::Int, OfArgs),
    optional("FORMAT", Function::Writing(Writing::Format), &[Number, Int, Text], Gives::Text(80), OfArgs),
    writing("FORMAT_BYTES", Writing::FormatBytes, &[Arg::Double], Gives::Text(24)),
    writing("FORMAT_NANO_TIME", Writing::FormatNanoTime, &[Arg::Double], Gives::Text(24)),
    writing("FORMAT_PICO_TIME", Writing::FormatPicoTime, &[Arg::Double], Gives::Text(24)),
    coding("FROM_BASE64", Coding::FromBase64, Gives::Bytes, More),
    entry("FROM_DAYS", Function::FromDays, &[Int], Gives::Date, More),
    entry("HEX", Function::Hex, &[Any], Gives::LikeFirst(8), OfArgs),
    entry("HOUR", Function::Extract(TimeUnit::Hour), &[Clock], Gives::Int, OfArgs),
    network("INET6_ATON", Network::Inet6Aton, &[Text], Gives::Binary(16), More),
    network("INET6_NTOA", Network::Inet6Ntoa, &[Text], Gives::Text(39), More),
    network("INET_ATON", Network::InetAton, &[Text], Gives::UInt, More),
    network("INET_NTOA", Network::InetNtoa, &[Int], Gives::Text(15), More),
    entry("INSERT", Function::Insert, &[Text, Int, Int, Text], Gives::Sum, OfArgs),
    network("IS_IPV4", Network::IsIpv4, &[Text], Gives::Int, Never),
    network("IS_IPV4_COMPAT", Network::IsIpv4Compat, &[Text], Gives::Int, Never),
    network("IS_IPV4_MAPPED", Network::IsIpv4Mapped, &[Text], Gives::Int, Never),
    network("IS_IPV6", Network::IsIpv6, &[Text], Gives::Int, Never),
    network("IS_UUID", Network::IsUuid, &[Text], Gives::Int, OfArgs),
    json("JSON_ARRAY", J::Array, &[Json], (1, 1), Gives::Json),
    json("JSON_ARRAY_APPEND", J::ArrayAppend, &[Document, Text, Json], (0, 2), Gives::Json),
    json("JSON_ARRAY_INSERT", J::ArrayInsert, &[Document, Text, Json], (0, 2), Gives::Json),
    json("JSON_CONTAINS", J::Contains, &[Document, Document, Text], (1, 0), Gives::Int),
    json("JSON_CONTAINS_PATH", J::ContainsPath, &[Document, Text, Text], (0, 1), Gives::Int),
    json("JSON_DEPTH", J::Depth, &[Document], (0, 0), Gives::Int),
    json("JSON_EXTRACT", J::Extract, &[Document, Text], (0, 1), Gives::Json),
    json("JSON_INSERT", J::Insert, &[Document, Text, Json], (0, 2), Gives::Json),
    json("JSON_KEYS", J::Keys, &[Document, Text], (1, 0), Gives::Json),
    json("JSON_LENGTH", J::Length, &[Document, Text], (1, 0), Gives::Int),
    json("JSON_MEMBEROF", J::MemberOf, &[Json, Document], (0, 0), Gives::Int),
    json("JSON_MERGE", J::MergePreserve, &[Document, Document], (0, 1), Gives::Json),
    json("JSON_MERGE_PATCH", J::MergePatch, &[Document, Document], (0, 1), Gives::Json),
    json("JSON_MERGE_PRESERVE", J::MergePreserve, &[Document, Document], (0, 1), Gives::Json),
    json("JSON_OBJECT", J::Object, &[Text, Json], (2, 2), Gives::Json),
    json("JSON_OVERLAPS", J::Overlaps, &[Document, Document], (0, 0), Gives::Int),
    json("JSON_PRETTY", J::Pretty, &[Document], (0, 0), Gives::Text(u32::MAX)),
    json("JSON_QUOTE", J::Quote, &[Text], (0, 0), Gives::Text(u32::MAX)),
    json("JSON_REMOVE", J::Remove, &[Document, Text], (0, 1), Gives::Json),
    json("JSON_REPLACE", J::Replace, &[Document, Text, Json], (0, 2), Gives::Json),
    json("JSON_SEARCH", J::Search, &[Document, Text, Text, Text, Text], (2, 1), Gives::Json),
    json("JSON_SET", J::Set, &[Document, Text, Json], (0, 2), Gives::Json),
    json("JSON_STORAGE_FREE", J::StorageFree, &[Document], (0, 0), Gives::Int),
    json("JSON_STORAGE_SIZE", J::StorageSize, &[Document], (0, 0), Gives::Int),
    json("JSON_TYPE", J::Type, &[Document], (0, 0), Gives::Text(51)),
    json("JSON_UNQUOTE", J::Unquote, &[JsonOrText], (0, 0), Gives::Text(u32::MAX)),
    json("JSON_VALID", J::Valid, &[Any], (0, 0), Gives::Int),
    entry("LAST_DAY", Function::LastDay, &[Moment], Gives::Date, More),
    entry("LCASE", Function::Lower, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("LEFT", Function::Left, &[Text, Int], Gives::LikeFirst(1), OfArgs),
    entry("LENGTH", Function::Length, &[Text], Gives::Int, OfArgs),
    entry("LN", Function::Ln, &[Arg::Double], Gives::Double, More),
    optional("LOCATE", Function::Locate, &[Text, Text, Int], Gives::Int, OfArgs),
    entry("LOG10", Function::Log10, &[Arg::Double], Gives::Double, More),
    entry("LOG2", Function::Log2, &[Arg::Double], Gives::Double, More),
    entry("LOWER", Function::Lower, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("LPAD", Function::Lpad, &[Text, Int, Text], Gives::Text(u32::MAX), More),
    entry("LTRIM", Function::TrimLeading, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("MAKEDATE", Function::MakeDate, &[Int, Int], Gives::Date, More),
    digest("MD5", Digest::Md5, &[Text], 32, OfArgs),
    entry("MICROSECOND", Function::Extract(TimeUnit::Microsecond), &[Clock], Gives::Int, OfArgs),
    optional("MID", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    entry("MINUTE", Function::Extract(TimeUnit::Minute), &[Clock], Gives::Int, OfArgs),
    entry("MONTH", Function::Extract(TimeUnit::Month), &[Moment], Gives::Int, OfArgs),
    entry("MONTHNAME", Function::MonthName, &[Moment], Gives::Text(9), OfArgs),
    entry("OCT", Function::Oct, &[Int], Gives::Text(22), OfArgs),
    entry("OCTET_LENGTH", Function::Length, &[Text], Gives::Int, OfArgs),
    entry("ORD", Function::Ord, &[Text], Gives::Int, OfArgs),
    digest("PASSWORD", Digest::Password, &[Text], 41, OfArgs),
    entry("PERIOD_ADD", Function::Span(Span::PeriodAdd), &[Int, Int], Gives::Int, OfArgs),
    entry("PERIOD_DIFF", Function::Span(Span::PeriodDiff), &[Int, Int], Gives::Int, OfArgs),
    entry("POW", Function::Pow, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("POWER", Function::Pow, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("QUARTER", Function::Extract(TimeUnit::Quarter), &[Moment], Gives::Int, OfArgs),
    entry("QUOTE", Function::Writing(Writing::Quote), &[Text], Gives::Text(LONG), Never),
    entry("RADIANS", Function::Radians, &[Arg::Double], Gives::Double, OfArgs),
    optional_last(
        4,
        "REGEXP_INSTR",
        Function::Pattern(Pattern::Instr),
        &[Text, Text, Int, Int, Int, Text],
        Gives::Int,
        OfArgs,
    ),
    optional("REGEXP_LIKE", Function::Pattern(Pattern::Like), &[Text, Text, Text], Gives::Int, OfArgs),
    optional_last(
        3,
        "REGEXP_REPLACE",
        Function::Pattern(Pattern::Replace),
        &[Text, Text, Text, Int, Int, Text],
        Gives::Text(LONG),
        More,
    ),
    optional_last(
        3,
        "REGEXP_SUBSTR",
        Function::Pattern(Pattern::Substr),
        &[Text, Text, Int, Int, Text],
        Gives::LikeFirst(1),
        More,
    ),
    entry("REPEAT", Function::Repeat, &[Text, Int], Gives::Text(u32::MAX), More),
    entry("REPLACE", Function::Replace, &[Text, Text, Text], Gives::Text(u32::MAX), OfArgs),
    entry("REVERSE", Function::Reverse, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("RIGHT", Function::Right, &[Text, Int], Gives::LikeFirst(1), OfArgs),
    entry("RPAD", Function::Rpad, &[Text, Int, Text], Gives::Text(u32::MAX), More),
    entry("RTRIM", Function::TrimTrailing, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("SECOND", Function::Extract(TimeUnit::Second), &[Clock], Gives::Int, OfArgs),
    digest("SHA", Digest::Sha1, &[Text], 40, OfArgs),
    digest("SHA1", Digest::Sha1, &[Text], 40, OfArgs),
    digest("SHA2", Digest::Sha2, &[Text, Int], 128, More),
    entry("SIGN", Function::Sign, &[Number], Gives::Int, OfArgs),
    entry("SIN", Function::Sin, &[Arg::Double], Gives::Double, OfArgs),
    digest("SM3", Digest::Sm3, &[Text], 64, OfArgs),
    writing("SOUNDEX", Writing::Soundex, &[Text], Gives::LikeFirst(4)),
    entry("SPACE", Function::Space, &[Int], Gives::Text(u32::MAX), OfArgs),
    entry("SQRT", Function::Sqrt, &[Arg::Double], Gives::Double, More),
    entry("STRCMP", Function::StrCmp, &[Text, Text], Gives::Int, OfArgs),
    optional("SUBSTR", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    optional("SUBSTRING", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    entry("SUBSTRING_INDEX", Function::SubstringIndex, &[Text, Text, Int], Gives::LikeFirst(1), OfArgs),
    entry("TAN", Function::Tan, &[Arg::Double], Gives::Double, OfArgs),
    entry("TIME_FORMAT", Function::Span(Span::TimeFormat), &[Clock, Text], Gives::Text(255), More),
    entry("TIME_TO_SEC", Function::TimeToSec, &[Clock], Gives::Int, OfArgs),
    coding("TO_BASE64", Coding::ToBase64, Gives::LikeFirst(2), OfArgs),
    entry("TO_DAYS", Function::ToDays, &[Moment], Gives::Int, OfArgs),
    entry("TO_SECONDS", Function::ToSeconds, &[Moment], Gives::Int, OfArgs),
    entry(
        "TRANSLATE",
        Function::Writing(Writing::Translate),
        &[Text, Text, Text],
        Gives::LikeFirst(1),
        OfArgs,
    ),
    entry("TRIM", Function::Trim, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("UCASE", Function::Upper, &[Text], Gives::LikeFirst(1), OfArgs),
    coding("UNCOMPRESS", Coding::Uncompress, Gives::Binary(LONG), More),
    coding("UNCOMPRESSED_LENGTH", Coding::UncompressedLength, Gives::Int, OfArgs),
    entry("UNHEX", Function::Unhex, &[Text], Gives::Bytes, More),
    entry("UPPER", Function::Upper, &[Text], Gives::LikeFirst(1), OfArgs),
    optional("UUID_TO_BIN", Function::Network(Network::UuidToBin), &[Text, Int], Gives::Binary(16), OfArgs),
    entry("WEEKDAY", Function::WeekDay, &[Moment], Gives::Int, OfArgs),
    entry("YEAR", Function::Extract(TimeUnit::Year), &[Moment], Gives::Int, OfArgs),
];

/// Whether there is a scalar function of this name, for an error that says so.
pub fn exists(name: &str) -> bool {
    lookup(&name.to_ascii_uppercase()).is_some() || SPECIAL.contains(&name.to_ascii_uppercase().as_str())
}

fn lookup(upper: &str) -> Option<&'static Entry> {
    TABLE.binary_search_by(|e| e.name.cmp(upper)).ok().map(|i| &TABLE[i])
}

impl Rewriter {
    /// A call by name. `Ok(None)`: there is no such function.
    pub fn function(&mut self, name: &str, args: Vec<Expr>) -> Result<Option<Expr>, Error> {
        let upper = name.to_ascii_uppercase();
        match lookup(&upper) {
            Some(entry) => self.table_function(entry, args).map(Some),
            None if SPECIAL.contains(&upper.as_str()) => special(self, &upper, args).map(Some),
            None => Ok(None),
        }
    }

    fn table_function(&mut self, entry: &'static Entry, mut args: Vec<Expr>) -> Result<Expr, Error> {
        // CONV reads digits; bits are a number already, whatever base they are said to be of.
        if entry.function == Function::Conv
            && let [bits, base, _] = args.as_mut_slice()
            && matches!(bits.ty().sql, SqlType::Bit(_))
        {
            *bits = self.explicit_cast(bits.clone(), SqlType::BIGINT_UNSIGNED);
            *base = Expr::constant(Datum::Int(10), SqlType::BIGINT);
        }
        let (most, least) = (entry.args.len(), entry.args.len() - entry.optional);
        let more = args.len().saturating_sub(most);
        // Of a group that is repeated all are given, or none.
        let whole = more.is_multiple_of(entry.repeated)
            && (args.len() >= most
                || entry.repeated <= 1
                || (most - args.len()).is_multiple_of(entry.repeated));
        if args.len() < least || !whole {
            return Err(Error::ArgumentCount(entry.name.into()));
        }
        let mut cast = Vec::with_capacity(args.len());
        for (i, arg) in args.into_iter().enumerate() {
            let wanted = match i.checked_sub(most) {
                None => entry.args[i],
                Some(extra) => entry.args[most - entry.repeated + extra % entry.repeated],
            };
            cast.push(match wanted {
                Document => self.document(arg, i, entry)?,
                wanted => self.argument(arg, wanted),
            });
        }
        let first = cast.first().map_or(0, |a| types::text_length(&a.ty().sql));
        let sql = match entry.result {
            Gives::Int => SqlType::BIGINT,
            Gives::UInt => SqlType::BIGINT_UNSIGNED,
            Gives::Double => SqlType::Double,
            Gives::Date => SqlType::Date,
            Gives::Text(n) => types::string(n),
            Gives::LikeFirst(times) => types::string(first.saturating_mul(times)),
            Gives::Sum => types::string(
                cast.iter().fold(0u32, |n, a| n.saturating_add(types::text_length(&a.ty().sql))),
            ),
            Gives::Bytes => SqlType::VarBinary(first.max(1)),
            Gives::Binary(n) => types::binary(n),
            Gives::Json => SqlType::Json,
        };
        let nullable = match entry.nulls {
            Never => false,
            More => true,
            OfArgs => cast.iter().any(|a| a.ty().nullable),
        };
        Ok(self.call(entry.function.clone(), cast, sql, nullable))
    }

    /// A document: only JSON and strings can be one.
    fn document(&mut self, expr: Expr, at: usize, entry: &Entry) -> Result<Expr, Error> {
        match family(&expr) {
            Family::Json | Family::String => Ok(expr),
            Family::Null => Ok(Expr::constant(Datum::Null, SqlType::Json)),
            Family::Choice => Ok(self.text(expr)),
            Family::Binary => Err(Error::JsonCharacterSet),
            _ => Err(Error::JsonArgumentType { argument: at + 1, function: entry.function.name() }),
        }
    }

    fn argument(&mut self, expr: Expr, wanted: Arg) -> Expr {
        match wanted {
            Arg::Json | Arg::Document => self.to_json(expr),
            Arg::JsonOrText if family(&expr) == Family::Json => expr,
            Arg::JsonOrText => self.text(expr),
            Arg::Any => match family(&expr) {
                Family::Null => self.cast(expr, &SqlType::BIGINT),
                Family::Decimal | Family::Double => self.cast(expr, &SqlType::BIGINT),
                Family::Date | Family::DateTime | Family::Time | Family::Choice => self.text(expr),
                _ if matches!((&expr, &expr.ty().sql), (Expr::Constant { .. }, SqlType::Bit(_))) => {
                    self.text(expr)
                }
                _ => expr,
            },
            Arg::Text => self.text(expr),
            Arg::Int => self.integer(expr),
            Arg::Bits => self.bit_pattern(expr),
            Arg::Number => self.number(expr),
            Arg::Double => {
                let number = self.number(expr);
                self.cast(number, &SqlType::Double)
            }
            Arg::Moment => match family(&expr) {
                Family::Time => self.cast(expr, &SqlType::DateTime(6)),
                _ => self.moment(expr),
            },
            Arg::Clock => match family(&expr) {
                Family::String | Family::Choice => self.cast(expr, &SqlType::Time(6)),
                Family::Int | Family::UInt | Family::Decimal | Family::Double => {
                    self.cast(expr, &SqlType::Time(0))
                }
                _ => self.moment(expr),
            },
        }
    }

    /// A value where a signed integer is wanted.
    pub fn integer(&mut self, expr: Expr) -> Expr {
        let number = self.number(expr);
        self.cast(number, &SqlType::BIGINT)
    }
}

/// Functions whose typing is code. Sorted for the eye only.
const SPECIAL: &[&str] = &[
    "ABS",
    "ADDDATE",
    "ADDTIME",
    "AES_DECRYPT",
    "AES_ENCRYPT",
    "BENCHMARK",
    "CEIL",
    "CEILING",
    "CHAR",
    "COALESCE",
    "CONCAT",
    "CONCAT_WS",
    "CONVERT_TZ",
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURTIME",
    "DATE",
    "ELT",
    "FIELD",
    "FLOOR",
    "FROM_UNIXTIME",
    "GREATEST",
    "IF",
    "IFNULL",
    "INSTR",
    "INTERVAL",
    "ISNULL",
    "LEAST",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "LOG",
    "MAKETIME",
    "MAKE_SET",
    "MOD",
    "NOW",
    "NULLIF",
    "PI",
    "RAND",
    "RANDOM_BYTES",
    "ROUND",
    "SEC_TO_TIME",
    "SLEEP",
    "STR_TO_DATE",
    "SUBDATE",
    "SUBTIME",
    "SYSDATE",
    "TIME",
    "TIMEDIFF",
    "TIMESTAMP",
    "TIDB_PARSE_TSO",
    "TIDB_PARSE_TSO_LOGICAL",
    "TRUNCATE",
    "UNIX_TIMESTAMP",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "UUID",
    "UUID_SHORT",
    "WEEK",
    "WEEKOFYEAR",
    "WEIGHT_STRING",
    "YEARWEEK",
];

fn special(rw: &mut Rewriter, name: &str, args: Vec<Expr>) -> Result<Expr, Error> {
    let count = |range: std::ops::RangeInclusive<usize>| {
        if range.contains(&args.len()) { Ok(()) } else { Err(Error::ArgumentCount(name.into())) }
    };
    let many = 1..=usize::MAX;
    match name {
        "NOW" | "CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP" | "SYSDATE" | "UTC_TIMESTAMP" => {
            count(0..=1)?;
            let fsp = precision(name, args.first())?;
            let unit = 10i64.pow(6 - u32::from(fsp));
            Ok(Expr::constant(Datum::DateTime(rw.now_us().div_euclid(unit) * unit), SqlType::DateTime(fsp)))
        }
        "CURDATE" | "CURRENT_DATE" | "UTC_DATE" => {
            count(0..=0)?;
            let days = rw.now_us().div_euclid(super::calendar::DAY_US) as i32;
            Ok(Expr::constant(Datum::Date(days), SqlType::Date))
        }
        "CURTIME" | "CURRENT_TIME" | "UTC_TIME" => {
            count(0..=1)?;
            let fsp = precision(name, args.first())?;
            let unit = 10i64.pow(6 - u32::from(fsp));
            let us = rw.now_us().rem_euclid(super::calendar::DAY_US).div_euclid(unit) * unit;
            Ok(Expr::constant(Datum::Time(us), SqlType::Time(fsp)))
        }
        "PI" => {
            count(0..=0)?;
            Ok(Expr::constant(Datum::Double(std::f64::consts::PI), SqlType::Double))
        }
        "IF" => {
            count(3..=3)?;
            let [condition, then, otherwise] = exactly(name, args)?;
            let condition = rw.condition(condition);
            let (mut values, ty) = rw.unify(vec![then, otherwise]);
            let nullable = values.iter().any(|v| v.ty().nullable);
            values.insert(0, condition);
            Ok(rw.call(Function::If, values, ty, nullable))
        }
        "IFNULL" | "COALESCE" => {
            if name == "IFNULL" {
                count(2..=2)?
            } else {
                count(many)?
            }
            let (values, ty) = rw.unify(args);
            let nullable = values.iter().all(|v| v.ty().nullable);
            let function = if name == "IFNULL" { Function::IfNull } else { Function::Coalesce };
            Ok(rw.call(function, values, ty, nullable))
        }
        "NULLIF" => {
            count(2..=2)?;
            let [a, b] = exactly(name, args)?;
            let same_family =
                family(&a) == family(&b) && !matches!(family(&a), Family::Choice | Family::Json);
            if same_family {
                let ty = a.ty().sql.clone();
                return Ok(rw.call(Function::NullIf, vec![a, b], ty, true));
            }
            // The comparison may need casts that the result must not have.
            let equal = rw.compare(Function::Eq, a.clone(), b)?;
            let null = Expr::constant(Datum::Null, types::NULL_TYPE);
            Ok(rw.case(vec![(equal, null)], Some(a)))
        }
        "GREATEST" | "LEAST" => {
            count(2..=usize::MAX)?;
            // Documents are compared as text here, as MySQL does.
            let args =
                args.into_iter().map(|a| if family(&a) == Family::Json { rw.text(a) } else { a }).collect();
            let (values, ty) = rw.unify(args);
            let nullable = values.iter().any(|v| v.ty().nullable);
            let function = if name == "LEAST" { Function::Least } else { Function::Greatest };
            Ok(rw.call(function, values, ty, nullable))
        }
        "ISNULL" => {
            let [a] = exactly(name, args)?;
            Ok(rw.is(Function::IsNull, a))
        }
        "CONCAT" | "CONCAT_WS" => {
            count(if name == "CONCAT" { many } else { 2..=usize::MAX })?;
            let args: Vec<Expr> = args.into_iter().map(|a| rw.text(a)).collect();
            let length = args.iter().fold(0u32, |n, a| n.saturating_add(types::text_length(&a.ty().sql)));
            let nullable =
                if name == "CONCAT" { args.iter().any(|a| a.ty().nullable) } else { args[0].ty().nullable };
            let function = if name == "CONCAT" { Function::Concat } else { Function::ConcatWs };
            let separators = if name == "CONCAT_WS" { types::text_length(&args[0].ty().sql) } else { 0 };
            let length = length.saturating_add(separators.saturating_mul(args.len() as u32));
            Ok(rw.call(function, args, types::string(length), nullable))
        }
        "ELT" => {
            count(2..=usize::MAX)?;
            let mut args = args.into_iter();
            let mut cast = vec![];
            if let Some(n) = args.next() {
                cast.push(rw.integer(n));
            }
            cast.extend(args.map(|a| rw.text(a)));
            let length = cast.iter().skip(1).map(|a| types::text_length(&a.ty().sql)).max().unwrap_or(0);
            Ok(rw.call(Function::Elt, cast, types::string(length), true))
        }
        "FIELD" => {
            count(2..=usize::MAX)?;
            // Strings if all are, else numbers; integers if all are.
            let args: Vec<Expr> = args
                .into_iter()
                .map(|a| if matches!(family(&a), Family::Choice | Family::Json) { rw.text(a) } else { a })
                .collect();
            let texts = args.iter().all(|a| family(a).is_text());
            let integers = args.iter().all(|a| family(a) == Family::Int);
            let args = args
                .into_iter()
                .map(|a| match (texts, integers) {
                    (true, _) => rw.text(a),
                    (_, true) => a,
                    _ => rw.cast(a, &SqlType::Double),
                })
                .collect();
            Ok(rw.call(Function::Field, args, SqlType::BIGINT, false))
        }
        "INSTR" => {
            let [text, needle] = exactly(name, args)?;
            Ok(rw.function("LOCATE", vec![needle, text])?.unwrap_or_else(|| Expr::boolean(false)))
        }
        "ABS" => {
            let [x] = exactly(name, args)?;
            let x = rw.number(x);
            let (ty, nullable) = (widest(&x), x.ty().nullable);
            Ok(rw.call(Function::Abs, vec![x], ty, nullable))
        }
        "CEIL" | "CEILING" | "FLOOR" => {
            let [x] = exactly(name, args)?;
            let x = rw.number(x);
            let nullable = x.ty().nullable;
            let ty = match &x.ty().sql {
                SqlType::Decimal { .. } => match types::type_digits(&x.ty().sql) {
                    (whole, _) if whole < 18 => SqlType::BIGINT,
                    (whole, _) => types::decimal(whole + 1, 0),
                },
                _ => widest(&x),
            };
            let function = if name == "FLOOR" { Function::Floor } else { Function::Ceil };
            Ok(rw.call(function, vec![x], ty, nullable))
        }
        "ROUND" | "TRUNCATE" => {
            count(if name == "ROUND" { 1..=2 } else { 2..=2 })?;
            let mut args = args.into_iter();
            let x = args.next().map(|a| rw.number(a)).ok_or_else(|| Error::ArgumentCount(name.into()))?;
            let places = match args.next() {
                Some(d) => rw.integer(d),
                None => Expr::constant(Datum::Int(0), SqlType::BIGINT),
            };
            let nullable = x.ty().nullable || places.ty().nullable;
            let wanted = match fold::constant(&places) {
                Some(Datum::Int(d)) => Some(*d),
                _ => None,
            };
            let ty = match &x.ty().sql {
                SqlType::Decimal { scale, .. } => {
                    let scale = u32::from(*scale);
                    let (whole, _) = types::type_digits(&x.ty().sql);
                    let kept = wanted.map_or(scale, |d| d.clamp(0, i64::from(scale)) as u32);
                    let carry = u32::from(kept < scale && name == "ROUND");
                    types::decimal(whole + carry + kept, kept)
                }
                _ => widest(&x),
            };
            let function = if name == "ROUND" { Function::Round } else { Function::Truncate };
            Ok(rw.call(function, vec![x, places], ty, nullable))
        }
        "MOD" => {
            let [a, b] = exactly(name, args)?;
            Ok(rw.arithmetic(Function::Mod, a, b))
        }
        "LOG" => {
            count(1..=2)?;
            let two = args.len() == 2;
            let mut logs = Vec::with_capacity(2);
            for arg in args {
                let number = rw.number(arg);
                let x = rw.cast(number, &SqlType::Double);
                logs.push(rw.call(Function::Ln, vec![x], SqlType::Double, true));
            }
            if two {
                logs.reverse();
                return Ok(rw.call(Function::Div, logs, SqlType::Double, true));
            }
            Ok(logs.swap_remove(0))
        }
        "DATE" => {
            let [x] = exactly(name, args)?;
            let x = rw.moment(x);
            Ok(rw.cast(x, &SqlType::Date))
        }
        "TIME" => {
            let [x] = exactly(name, args)?;
            let fsp = match &x.ty().sql {
                SqlType::DateTime(n) | SqlType::Timestamp(n) | SqlType::Time(n) => *n,
                SqlType::Date => 0,
                _ => 6,
            };
            Ok(rw.cast(x, &SqlType::Time(fsp)))
        }
        "TIMESTAMP" => {
            count(1..=2)?;
            let mut args = args.into_iter();
            let x = args.next().ok_or_else(|| Error::ArgumentCount(name.into()))?;
            let fsp = time_precision(&x);
            let moment = rw.moment(x);
            match args.next() {
                None => Ok(rw.cast(moment, &SqlType::DateTime(fsp))),
                Some(time) => {
                    let fsp = fsp.max(time_precision(&time));
                    let args = vec![rw.cast(moment, &SqlType::DateTime(6)), rw.span(time)];
                    Ok(rw.call(Function::Span(Span::AddTime), args, SqlType::DateTime(fsp), true))
                }
            }
        }
        "ADDTIME" | "SUBTIME" => {
            let [x, by] = exactly(name, args)?;
            let fsp = time_precision(&x).max(time_precision(&by));
            let (x, by) = (rw.span(x), rw.span(by));
            let ty = match family(&x) {
                Family::DateTime => SqlType::DateTime(fsp),
                Family::Time => SqlType::Time(fsp),
                _ => types::string(types::text_length(&SqlType::DateTime(6))),
            };
            let span = if name == "ADDTIME" { Span::AddTime } else { Span::SubTime };
            Ok(rw.call(Function::Span(span), vec![x, by], ty, true))
        }
        "TIMEDIFF" => {
            let [a, b] = exactly(name, args)?;
            let fsp = time_precision(&a).max(time_precision(&b));
            let args = vec![rw.span(a), rw.span(b)];
            Ok(rw.call(Function::Span(Span::TimeDiff), args, SqlType::Time(fsp), true))
        }
        "MAKETIME" => {
            let [hour, minute, second] = exactly(name, args)?;
            let second = rw.seconds(second);
            let fsp = time_precision(&second);
            let args = vec![rw.integer(hour), rw.integer(minute), second];
            Ok(rw.call(Function::Span(Span::MakeTime), args, SqlType::Time(fsp), true))
        }
        "SEC_TO_TIME" => {
            let [seconds] = exactly(name, args)?;
            let seconds = rw.seconds(seconds);
            let (fsp, nullable) = (time_precision(&seconds), seconds.ty().nullable);
            Ok(rw.call(Function::SecToTime, vec![seconds], SqlType::Time(fsp), nullable))
        }
        "CONVERT_TZ" => {
            let [x, from, to] = exactly(name, args)?;
            let fsp = time_precision(&x);
            let x = rw.argument(x, Arg::Moment);
            let args = vec![x, rw.text(from), rw.text(to)];
            Ok(rw.call(Function::Span(Span::ConvertTz), args, SqlType::DateTime(fsp), true))
        }
        // A timestamp of TiDB: milliseconds, and 18 bits that count.
        "TIDB_PARSE_TSO" | "TIDB_PARSE_TSO_LOGICAL" => {
            let [tso] = exactly(name, args)?;
            let tso = rw.integer(tso);
            let low = Expr::constant(Datum::Int(1 << 18), SqlType::BIGINT);
            if name == "TIDB_PARSE_TSO_LOGICAL" {
                return Ok(rw.arithmetic(Function::Mod, tso, low));
            }
            let ms = rw.arithmetic(Function::IntDiv, tso, low);
            let thousand = Expr::constant(Datum::Int(1000), SqlType::BIGINT);
            let seconds = rw.arithmetic(Function::Div, ms, thousand);
            let seconds = rw.cast(seconds, &types::decimal(20, 6));
            Ok(rw.call(Function::FromUnixTime, vec![seconds], SqlType::DateTime(6), true))
        }
        "ADDDATE" | "SUBDATE" => {
            let [x, days] = exactly(name, args)?;
            Ok(rw.shift(x, days, TimeUnit::Day, name == "SUBDATE"))
        }
        "UNIX_TIMESTAMP" => {
            count(0..=1)?;
            let x = match args.into_iter().next() {
                Some(x) => rw.argument(x, Arg::Moment),
                None => Expr::constant(
                    Datum::DateTime(rw.now_us().div_euclid(1_000_000) * 1_000_000),
                    SqlType::DateTime(0),
                ),
            };
            let nullable = x.ty().nullable;
            let ty = match &x.ty().sql {
                SqlType::DateTime(n) | SqlType::Timestamp(n) if *n > 0 => {
                    types::decimal(12 + u32::from(*n), u32::from(*n))
                }
                _ => SqlType::BIGINT,
            };
            Ok(rw.call(Function::UnixTimestamp, vec![x], ty, nullable))
        }
        "FROM_UNIXTIME" => {
            count(1..=2)?;
            let mut args = args.into_iter();
            let x = args.next().map(|a| rw.number(a)).ok_or_else(|| Error::ArgumentCount(name.into()))?;
            let fsp = match &x.ty().sql {
                SqlType::Decimal { scale, .. } => (*scale).min(6),
                SqlType::Double => 6,
                _ => 0,
            };
            let moment = rw.call(Function::FromUnixTime, vec![x], SqlType::DateTime(fsp), true);
            match args.next() {
                None => Ok(moment),
                Some(format) => Ok(rw
                    .function("DATE_FORMAT", vec![moment, format])?
                    .unwrap_or_else(|| Expr::boolean(false))),
            }
        }
        "STR_TO_DATE" => {
            let [text, format] = exactly(name, args)?;
            let (text, format) = (rw.text(text), rw.text(format));
            let ty = match fold::constant(&format) {
                Some(Datum::String(f)) => format_type(f),
                _ => SqlType::DateTime(6),
            };
            Ok(rw.call(Function::StrToDate, vec![text, format], ty, true))
        }
        "WEEK" | "WEEKOFYEAR" | "YEARWEEK" => {
            count(1..=2)?;
            let mut args = args.into_iter();
            let x = args
                .next()
                .map(|a| rw.argument(a, Arg::Moment))
                .ok_or_else(|| Error::ArgumentCount(name.into()))?;
            let default = if name == "WEEKOFYEAR" { 3 } else { 0 };
            let mode = match args.next() {
                Some(mode) => rw.integer(mode),
                None => Expr::constant(Datum::Int(default), SqlType::BIGINT),
            };
            let nullable = x.ty().nullable || mode.ty().nullable;
            let function = if name == "YEARWEEK" { Function::YearWeek } else { Function::WeekOfYear };
            Ok(rw.call(function, vec![x, mode], SqlType::BIGINT, nullable))
        }
        "AES_ENCRYPT" | "AES_DECRYPT" => {
            count(2..=3)?;
            let mode = rw.block_mode;
            // The others need a vector; this one passes it over.
            if mode.chain != Chain::Ecb && args.len() == 2 {
                return Err(Error::ArgumentCount(name.to_ascii_lowercase()));
            }
            let args: Vec<Expr> = args.into_iter().map(|a| rw.text(a)).collect();
            // A text of n characters has up to 4 n bytes, and up to a block is added.
            let length = types::text_length(&args[0].ty().sql).saturating_mul(4).saturating_add(16);
            let (coding, nullable) = match name {
                "AES_ENCRYPT" => (Coding::AesEncrypt(mode), args.iter().any(|a| a.ty().nullable)),
                _ => (Coding::AesDecrypt(mode), true),
            };
            Ok(rw.call(Function::Coding(coding), args, types::binary(length), nullable))
        }
        "CHAR" => {
            count(many)?;
            let args: Vec<Expr> = args.into_iter().map(|a| rw.integer(a)).collect();
            let length = u32::try_from(args.len()).unwrap_or(u32::MAX).saturating_mul(4);
            Ok(rw.call(Function::Writing(Writing::Char), args, types::binary(length), false))
        }
        "INTERVAL" => {
            count(2..=usize::MAX)?;
            // Integers if all are, else doubles.
            let integers =
                args.iter().all(|a| matches!(family(a), Family::Int | Family::UInt | Family::Null));
            let args = if integers {
                rw.unify(args).0
            } else {
                args.into_iter().map(|a| rw.argument(a, Arg::Double)).collect()
            };
            Ok(rw.call(Function::Interval, args, SqlType::BIGINT, false))
        }
        "MAKE_SET" => {
            count(2..=usize::MAX)?;
            let mut args = args.into_iter();
            let mut cast: Vec<Expr> = args.next().map(|bits| rw.bit_pattern(bits)).into_iter().collect();
            cast.extend(args.map(|a| rw.text(a)));
            let texts = cast.iter().skip(1).map(|a| types::text_length(&a.ty().sql).saturating_add(1));
            let length = texts.fold(0, u32::saturating_add);
            let nullable = cast.first().is_some_and(|bits| bits.ty().nullable);
            Ok(rw.call(Function::MakeSet, cast, types::string(length), nullable))
        }
        "BENCHMARK" => {
            let [times, x] = exactly(name, args)?;
            let times = rw.integer(times);
            let nullable = times.ty().nullable;
            Ok(rw.volatile(Volatile::Benchmark, vec![times, x], SqlType::BIGINT, nullable))
        }
        "RAND" => {
            count(0..=1)?;
            let args = args.into_iter().map(|a| rw.integer(a)).collect();
            Ok(rw.volatile(Volatile::Rand, args, SqlType::Double, false))
        }
        "RANDOM_BYTES" => {
            let [length] = exactly(name, args)?;
            let length = rw.integer(length);
            let nullable = length.ty().nullable;
            Ok(rw.volatile(Volatile::RandomBytes, vec![length], types::binary(1024), nullable))
        }
        "SLEEP" => {
            let [seconds] = exactly(name, args)?;
            let seconds = rw.argument(seconds, Arg::Double);
            Ok(rw.volatile(Volatile::Sleep, vec![seconds], SqlType::BIGINT, false))
        }
        "UUID" => {
            count(0..=0)?;
            Ok(rw.volatile(Volatile::Uuid, args, types::string(36), false))
        }
        "UUID_SHORT" => {
            count(0..=0)?;
            Ok(rw.volatile(Volatile::UuidShort, args, SqlType::BIGINT_UNSIGNED, false))
        }
        "WEIGHT_STRING" => {
            count(1..=3)?;
            // Numbers have no weight.
            let number = args.first().is_some_and(|a| family(a).is_number());
            let mut args = args.into_iter();
            let mut cast: Vec<Expr> = args.next().map(|text| rw.text(text)).into_iter().collect();
            cast.extend(args);
            if number {
                return Ok(Expr::constant(Datum::Null, types::binary(0)));
            }
            let length = match cast.get(2).and_then(fold::constant) {
                Some(Datum::Int(n)) => u32::try_from(*n).unwrap_or(u32::MAX),
                _ => types::text_length(&cast[0].ty().sql),
            };
            let nullable = cast.iter().any(|a| a.ty().nullable);
            let ty = types::binary(length.saturating_mul(4));
            Ok(rw.call(Function::Writing(Writing::WeightString), cast, ty, nullable))
        }
        _ => Err(Error::Internal(format!("function {name} is announced but not defined").into())),
    }
}

/// The arguments as an array of the right length.
fn exactly<const N: usize>(name: &str, args: Vec<Expr>) -> Result<[Expr; N], Error> {
    args.try_into().map_err(|_| Error::ArgumentCount(name.into()))
}

/// Digits of a second's fraction: the argument of NOW(n).
fn precision(name: &str, arg: Option<&Expr>) -> Result<u8, Error> {
    match arg.map(fold::constant) {
        None => Ok(0),
        Some(Some(Datum::Int(n @ 0..=6))) => Ok(*n as u8),
        Some(Some(Datum::Int(n @ 7..=0x7fff_ffff))) => {
            Err(Error::TooBigPrecision { given: *n, function: name.to_ascii_lowercase() })
        }
        Some(_) => Err(Error::Syntax { message: format!("{name} takes a number of digits"), position: None }),
    }
}

impl Rewriter {
    /// A value where a time or a datetime is wanted; a text stays, since it may be either.
    fn span(&mut self, expr: Expr) -> Expr {
        match family(&expr) {
            Family::Time | Family::DateTime => expr,
            Family::Date => self.cast(expr, &SqlType::DateTime(0)),
            _ => self.text(expr),
        }
    }

    /// A value where seconds are wanted: an integer, or a decimal of up to six digits of a fraction.
    fn seconds(&mut self, expr: Expr) -> Expr {
        let number = self.number(expr);
        match &number.ty().sql {
            SqlType::Decimal { scale: 0..=6, .. } => number,
            SqlType::Decimal { .. } | SqlType::Double | SqlType::Float => {
                self.cast(number, &types::decimal(20, 6))
            }
            _ => self.cast(number, &SqlType::BIGINT),
        }
    }
}

/// Digits of a second's fraction that a value may have.
fn time_precision(expr: &Expr) -> u8 {
    match (&expr.ty().sql, fold::constant(expr)) {
        (SqlType::DateTime(n) | SqlType::Timestamp(n) | SqlType::Time(n), _) => *n,
        (SqlType::Decimal { scale, .. }, _) => (*scale).min(6),
        (SqlType::Date | SqlType::Int { .. } | SqlType::Year, _) => 0,
        (_, Some(Datum::String(text))) => {
            let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
            fraction.bytes().take(6).take_while(u8::is_ascii_digit).count() as u8
        }
        _ => 6,
    }
}

/// The widest type of a number's family.
fn widest(expr: &Expr) -> SqlType {
    match family(expr) {
        Family::Int => SqlType::BIGINT,
        Family::UInt => SqlType::BIGINT_UNSIGNED,
        Family::Double => SqlType::Double,
        _ => expr.ty().sql.clone(),
    }
}

/// What STR_TO_DATE gives for a format: the parts it names decide.
fn format_type(format: &str) -> SqlType {
    let mut letters = Vec::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c == '%' {
            letters.extend(chars.next());
        }
    }
    let date = letters.iter().any(|c| "abcDdejMmUuVvWwXxYy".contains(*c));
    let time = letters.iter().any(|c| "fHhIiklprSsT".contains(*c));
    let fsp = if letters.contains(&'f') { 6 } else { 0 };
    match (date, time) {
        (true, false) => SqlType::Date,
        (false, true) => SqlType::Time(fsp),
        _ => SqlType::DateTime(fsp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} before {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn every_special_function_is_defined() {
        for name in SPECIAL {
            for n in 0..4 {
                let args = vec![super::super::literal::string("2020-01-01"); n];
                let result = Rewriter::new(0).function(name, args);
                assert!(!matches!(result, Err(Error::Internal(_)) | Ok(None)), "{name}");
            }
        }
    }
}
