//! The function table: what a name means, what it takes, what it returns.
//!
//! Most functions are one line of [`TABLE`]. Those whose type depends on more than that are in [`special`](super::special).

use allod_storage::schema::{Datum, IntWidth, SqlType};

use super::rewrite::family;
use super::special::{SPECIAL, special};
use super::types::{self, Family};
use super::{
    Coding, Digest, Expr, Function, JsonFunction, Network, Pattern, Rewriter, Sharding, Span, TimeUnit,
    Writing,
};
use super::{fold, literal};
use crate::error::Error;

/// What an argument is cast to.
#[derive(Clone, Copy)]
pub(super) enum Arg {
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

/// Characters of the longest name of a month or a day, in any place.
const NAME_MAX: u32 = 18;

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
    json("JSON_SCHEMA_VALID", J::SchemaValid, &[Document, Document], (0, 0), Gives::Int),
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
    entry("STATEMENT_DIGEST", Function::Writing(Writing::StatementDigest), &[Text], Gives::Text(64), More),
    entry(
        "STATEMENT_DIGEST_TEXT",
        Function::Writing(Writing::StatementText),
        &[Text],
        Gives::Text(LONG),
        More,
    ),
    entry("STRCMP", Function::StrCmp, &[Text, Text], Gives::Int, OfArgs),
    optional("SUBSTR", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    optional("SUBSTRING", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    entry("SUBSTRING_INDEX", Function::SubstringIndex, &[Text, Text, Int], Gives::LikeFirst(1), OfArgs),
    entry("TAN", Function::Tan, &[Arg::Double], Gives::Double, OfArgs),
    entry("TIDB_DECODE_PLAN", Function::Writing(Writing::DecodePlan), &[Text], Gives::Text(LONG), OfArgs),
    entry(
        "TIDB_ENCODE_SQL_DIGEST",
        Function::Writing(Writing::StatementDigest),
        &[Text],
        Gives::Text(64),
        More,
    ),
    entry("TIDB_SHARD", Function::Sharding(Sharding::Shard), &[Bits], Gives::UInt, OfArgs),
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
    entry("VITESS_HASH", Function::Sharding(Sharding::Vitess), &[Bits], Gives::UInt, OfArgs),
    entry("WEEKDAY", Function::WeekDay, &[Moment], Gives::Int, OfArgs),
    entry("YEAR", Function::Extract(TimeUnit::Year), &[Moment], Gives::Int, OfArgs),
];

/// Whether there is a scalar function of this name, for an error that says so.
pub fn exists(name: &str) -> bool {
    lookup(&name.to_ascii_uppercase()).is_some() || SPECIAL.contains(&name.to_ascii_uppercase().as_str())
}

/// The functions that there are by name, in capitals.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|entry| entry.name).chain(SPECIAL.iter().copied())
}

fn lookup(upper: &str) -> Option<&'static Entry> {
    TABLE.binary_search_by(|e| e.name.cmp(upper)).ok().map(|i| &TABLE[i])
}

impl Rewriter {
    /// A call by name. `Ok(None)`: there is no such function.
    pub fn function(&mut self, name: &str, args: Vec<Expr>) -> Result<Option<Expr>, Error> {
        let upper = name.to_ascii_uppercase();
        let args = self.of_one_charset(&upper, args)?;
        let args = self.collated_args(&upper, args)?;
        let args = self.match_type(&upper, args)?;
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
        if entry.function == Function::Json(JsonFunction::Quote) && family(&args[0]).is_number() {
            return Err(Error::ArgumentType { argument: 1, function: entry.function.name() });
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
        let sql = if entry.function.keeps_bytes() { of_bytes(&cast, sql) } else { sql };
        let nullable = match entry.nulls {
            Never => false,
            More => true,
            OfArgs => cast.iter().any(|a| a.ty().nullable),
        };
        let of_time = cast.first().is_some_and(|a| family(a) == Family::Time);
        let (cast, sql) = self.in_words(&entry.function, cast, sql);
        let call = self.call(entry.function.clone(), cast, sql, nullable);
        // HOUR and its like have no sign; EXTRACT has one.
        match (&entry.function, of_time) {
            (Function::Extract(_), true) => {
                Ok(self.call(Function::Abs, vec![call], SqlType::BIGINT, nullable))
            }
            _ => Ok(call),
        }
    }

    /// What names months and days is told whose words these are, if they are not English ones, which may be longer.
    fn in_words(&self, function: &Function, mut args: Vec<Expr>, sql: SqlType) -> (Vec<Expr>, SqlType) {
        let names = matches!(function, Function::DateFormat | Function::DayName | Function::MonthName);
        match &self.place {
            Some(place) if names => {
                args.push(literal::string(place));
                let length = types::text_length(&sql).max(NAME_MAX);
                (args, types::string(length))
            }
            _ => (args, sql),
        }
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

    pub(super) fn argument(&mut self, expr: Expr, wanted: Arg) -> Expr {
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
            Arg::Int => self.counted(expr),
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

    /// A value where a count is wanted: what is beyond the signed integers is as good as the largest.
    pub(super) fn counted(&mut self, expr: Expr) -> Expr {
        let number = self.number(expr);
        let most = || Expr::constant(Datum::Int(i64::MAX), SqlType::BIGINT);
        match (family(&number), fold::constant(&number)) {
            (Family::UInt, Some(Datum::UInt(n))) if i64::try_from(*n).is_err() => most(),
            (Family::UInt, None) if matches!(number.ty().sql, SqlType::Int { width: IntWidth::Big, .. }) => {
                let nullable = number.ty().nullable;
                let most = self.cast(most(), &SqlType::BIGINT_UNSIGNED);
                let args = vec![number, most];
                let least = self.call(Function::Least, args, SqlType::BIGINT_UNSIGNED, nullable);
                self.cast(least, &SqlType::BIGINT)
            }
            _ => self.cast(number, &SqlType::BIGINT),
        }
    }

    /// A value where a signed integer is wanted.
    pub fn integer(&mut self, expr: Expr) -> Expr {
        let number = self.number(expr);
        self.cast(number, &SqlType::BIGINT)
    }
}

/// The type of a text made of these: bytes, if one of them is bytes.
pub(crate) fn of_bytes(args: &[Expr], sql: SqlType) -> SqlType {
    if sql.is_string() && args.iter().any(|a| Family::of(&a.ty().sql) == Family::Binary) {
        types::binary(types::text_length(&sql))
    } else {
        sql
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
}
