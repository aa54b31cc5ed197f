//! The function table: what a name means, what it takes, what it returns.
//!
//! Most functions are one line of [`TABLE`]. Those whose type depends on more than that are in [`special`].

use allod_storage::schema::{Datum, SqlType};

use super::rewrite::family;
use super::types::{self, Family};
use super::{Expr, Function, Rewriter, TimeUnit, fold};
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
}

/// The result's type.
#[derive(Clone, Copy)]
enum Gives {
    Int,
    UInt,
    Double,
    Date,
    Time,
    /// A string of at most so many characters.
    Text(u32),
    /// A string as long as the first argument, times this.
    LikeFirst(u32),
    /// A string as long as all arguments together.
    Sum,
    /// A byte string as long as the first argument.
    Bytes,
}

/// When the result may be NULL.
#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    /// When an argument is.
    OfArgs,
    /// For some values that are not NULL, too.
    More,
}

struct Entry {
    name: &'static str,
    function: Function,
    args: &'static [Arg],
    /// How many of `args` may be left out.
    optional: usize,
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
    Entry { name, function, args, optional: 0, result, nulls }
}

/// An entry whose last argument may be left out.
const fn optional(
    name: &'static str,
    function: Function,
    args: &'static [Arg],
    result: Gives,
    nulls: Nulls,
) -> Entry {
    Entry { name, function, args, optional: 1, result, nulls }
}

use Arg::{Any, Bits, Clock, Int, Moment, Number, Text};
use Nulls::{More, OfArgs};

/// Sorted by name.
static TABLE: &[Entry] = &[
    entry("ACOS", Function::Acos, &[Arg::Double], Gives::Double, More),
    entry("ASCII", Function::Ascii, &[Text], Gives::Int, OfArgs),
    entry("ASIN", Function::Asin, &[Arg::Double], Gives::Double, More),
    optional("ATAN", Function::Atan, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("ATAN2", Function::Atan, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("BIN", Function::Bin, &[Int], Gives::Text(64), OfArgs),
    entry("BIT_COUNT", Function::BitCount, &[Bits], Gives::Int, OfArgs),
    entry("CHARACTER_LENGTH", Function::CharLength, &[Text], Gives::Int, OfArgs),
    entry("CHAR_LENGTH", Function::CharLength, &[Text], Gives::Int, OfArgs),
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
    entry("DEGREES", Function::Degrees, &[Arg::Double], Gives::Double, OfArgs),
    entry("EXP", Function::Exp, &[Arg::Double], Gives::Double, OfArgs),
    entry("FIND_IN_SET", Function::FindInSet, &[Text, Text], Gives::Int, OfArgs),
    entry("FROM_DAYS", Function::FromDays, &[Int], Gives::Date, More),
    entry("HEX", Function::Hex, &[Any], Gives::LikeFirst(8), OfArgs),
    entry("HOUR", Function::Extract(TimeUnit::Hour), &[Clock], Gives::Int, OfArgs),
    entry("INSERT", Function::Insert, &[Text, Int, Int, Text], Gives::Sum, OfArgs),
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
    entry("MICROSECOND", Function::Extract(TimeUnit::Microsecond), &[Clock], Gives::Int, OfArgs),
    entry("MID", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    entry("MINUTE", Function::Extract(TimeUnit::Minute), &[Clock], Gives::Int, OfArgs),
    entry("MONTH", Function::Extract(TimeUnit::Month), &[Moment], Gives::Int, OfArgs),
    entry("MONTHNAME", Function::MonthName, &[Moment], Gives::Text(9), OfArgs),
    entry("OCT", Function::Oct, &[Int], Gives::Text(22), OfArgs),
    entry("OCTET_LENGTH", Function::Length, &[Text], Gives::Int, OfArgs),
    entry("ORD", Function::Ord, &[Text], Gives::Int, OfArgs),
    entry("POW", Function::Pow, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("POWER", Function::Pow, &[Arg::Double, Arg::Double], Gives::Double, OfArgs),
    entry("QUARTER", Function::Extract(TimeUnit::Quarter), &[Moment], Gives::Int, OfArgs),
    entry("RADIANS", Function::Radians, &[Arg::Double], Gives::Double, OfArgs),
    entry("REGEXP_LIKE", Function::Regexp, &[Text, Text], Gives::Int, OfArgs),
    entry("REPEAT", Function::Repeat, &[Text, Int], Gives::Text(u32::MAX), More),
    entry("REPLACE", Function::Replace, &[Text, Text, Text], Gives::Text(u32::MAX), OfArgs),
    entry("REVERSE", Function::Reverse, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("RIGHT", Function::Right, &[Text, Int], Gives::LikeFirst(1), OfArgs),
    entry("RPAD", Function::Rpad, &[Text, Int, Text], Gives::Text(u32::MAX), More),
    entry("RTRIM", Function::TrimTrailing, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("SECOND", Function::Extract(TimeUnit::Second), &[Clock], Gives::Int, OfArgs),
    entry("SEC_TO_TIME", Function::SecToTime, &[Int], Gives::Time, OfArgs),
    entry("SIGN", Function::Sign, &[Number], Gives::Int, OfArgs),
    entry("SIN", Function::Sin, &[Arg::Double], Gives::Double, OfArgs),
    entry("SPACE", Function::Space, &[Int], Gives::Text(u32::MAX), OfArgs),
    entry("SQRT", Function::Sqrt, &[Arg::Double], Gives::Double, More),
    entry("STRCMP", Function::StrCmp, &[Text, Text], Gives::Int, OfArgs),
    optional("SUBSTR", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    optional("SUBSTRING", Function::Substring, &[Text, Int, Int], Gives::LikeFirst(1), OfArgs),
    entry("SUBSTRING_INDEX", Function::SubstringIndex, &[Text, Text, Int], Gives::LikeFirst(1), OfArgs),
    entry("TAN", Function::Tan, &[Arg::Double], Gives::Double, OfArgs),
    entry("TIME_TO_SEC", Function::TimeToSec, &[Clock], Gives::Int, OfArgs),
    entry("TO_DAYS", Function::ToDays, &[Moment], Gives::Int, OfArgs),
    entry("TO_SECONDS", Function::ToSeconds, &[Moment], Gives::Int, OfArgs),
    entry("TRIM", Function::Trim, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("UCASE", Function::Upper, &[Text], Gives::LikeFirst(1), OfArgs),
    entry("UNHEX", Function::Unhex, &[Text], Gives::Bytes, More),
    entry("UPPER", Function::Upper, &[Text], Gives::LikeFirst(1), OfArgs),
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
        if args.len() < least || args.len() > most {
            return Err(Error::ArgumentCount(entry.name.into()));
        }
        let mut cast = Vec::with_capacity(args.len());
        for (i, arg) in args.into_iter().enumerate() {
            cast.push(self.argument(arg, entry.args[i.min(most - 1)]));
        }
        let first = cast.first().map_or(0, |a| types::text_length(&a.ty().sql));
        let sql = match entry.result {
            Gives::Int => SqlType::BIGINT,
            Gives::UInt => SqlType::BIGINT_UNSIGNED,
            Gives::Double => SqlType::Double,
            Gives::Date => SqlType::Date,
            Gives::Time => SqlType::Time(0),
            Gives::Text(n) => types::string(n),
            Gives::LikeFirst(times) => types::string(first.saturating_mul(times)),
            Gives::Sum => types::string(
                cast.iter().fold(0u32, |n, a| n.saturating_add(types::text_length(&a.ty().sql))),
            ),
            Gives::Bytes => SqlType::VarBinary(first.max(1)),
        };
        let nullable = entry.nulls == More || cast.iter().any(|a| a.ty().nullable);
        Ok(self.call(entry.function.clone(), cast, sql, nullable))
    }

    fn argument(&mut self, expr: Expr, wanted: Arg) -> Expr {
        match wanted {
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
    "CEIL",
    "CEILING",
    "COALESCE",
    "CONCAT",
    "CONCAT_WS",
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
    "ISNULL",
    "LEAST",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "LOG",
    "MOD",
    "NOW",
    "NULLIF",
    "PI",
    "ROUND",
    "STR_TO_DATE",
    "SUBDATE",
    "SYSDATE",
    "TIME",
    "TIMESTAMP",
    "TRUNCATE",
    "UNIX_TIMESTAMP",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "WEEK",
    "WEEKOFYEAR",
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
            let same_family = family(&a) == family(&b) && family(&a) != Family::Choice;
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
            let args: Vec<Expr> =
                args.into_iter().map(|a| if family(&a) == Family::Choice { rw.text(a) } else { a }).collect();
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
            let [x] = exactly(name, args)?;
            let x = rw.moment(x);
            Ok(rw.cast(x, &SqlType::DateTime(6)))
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
        Some(_) => Err(Error::BadArguments(name.into())),
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
