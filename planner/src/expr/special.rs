//! Functions whose types depend on more than a line of the [function table](super::table) can say.

use allod_storage::schema::{ColumnType, DECIMAL_SCALE_MAX, Datum, SqlType};

use super::rewrite::family;
use super::table::Arg;
use super::types::{self, Family};
use super::{
    Chain, Coding, Expr, Function, Rewriter, Span, TimeUnit, Volatile, Writing, calendar, collate, fold,
};
use crate::error::Error;

/// Functions whose typing is code. Sorted for the eye only.
pub(super) const SPECIAL: &[&str] = &[
    "ABS",
    "ADDDATE",
    "ADDTIME",
    "AES_DECRYPT",
    "AES_ENCRYPT",
    "BENCHMARK",
    "BIN",
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
    "GET_LOCK",
    "GREATEST",
    "IF",
    "IFNULL",
    "INSTR",
    "INTERVAL",
    "ISNULL",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "JSON_VALUE",
    "LEAST",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "LOG",
    "MAKETIME",
    "MAKE_SET",
    "MOD",
    "NOW",
    "NULLIF",
    "OCT",
    "PI",
    "RAND",
    "RANDOM_BYTES",
    "RELEASE_ALL_LOCKS",
    "RELEASE_LOCK",
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

/// What clocks show now: those of the session, or of UTC where the name says so.
fn shown(rw: &mut Rewriter, name: &str) -> i64 {
    if name.starts_with("UTC_") { rw.utc_now_us() } else { rw.now_us() }
}

pub(super) fn special(rw: &mut Rewriter, name: &str, args: Vec<Expr>) -> Result<Expr, Error> {
    let count = |range: std::ops::RangeInclusive<usize>| {
        if range.contains(&args.len()) { Ok(()) } else { Err(Error::ArgumentCount(name.into())) }
    };
    let many = 1..=usize::MAX;
    match name {
        "NOW" | "CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP" | "SYSDATE" | "UTC_TIMESTAMP" => {
            count(0..=1)?;
            let fsp = precision(name, args.first())?;
            let unit = 10i64.pow(6 - u32::from(fsp));
            let us = shown(rw, name).div_euclid(unit) * unit;
            Ok(Expr::constant(Datum::DateTime(us), SqlType::DateTime(fsp)))
        }
        "CURDATE" | "CURRENT_DATE" | "UTC_DATE" => {
            count(0..=0)?;
            let days = shown(rw, name).div_euclid(super::calendar::DAY_US) as i32;
            Ok(Expr::constant(Datum::Date(days), SqlType::Date))
        }
        "CURTIME" | "CURRENT_TIME" | "UTC_TIME" => {
            count(0..=1)?;
            let fsp = precision(name, args.first())?;
            let unit = 10i64.pow(6 - u32::from(fsp));
            let us = shown(rw, name).rem_euclid(super::calendar::DAY_US).div_euclid(unit) * unit;
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
            let same_family = family(&a) == family(&b)
                && !matches!(family(&a), Family::Choice | Family::Json | Family::String);
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
            let args = among_dates(rw, args);
            let args = rw.beside_texts(args)?;
            rw.agreeing(&args, &name.to_ascii_lowercase())?;
            let (mut values, ty) = rw.unify(args);
            let nullable = values.iter().any(|v| v.ty().nullable);
            let function = if name == "LEAST" { Function::Least } else { Function::Greatest };
            if collate::keyed_all(&mut values, &ty) {
                let keyed = rw.call(function, values, collate::SORT_KEY, nullable);
                return Ok(collate::unkeyed(keyed, ColumnType { sql: ty, nullable }));
            }
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
            let ty = super::table::of_bytes(&args, types::string(length));
            Ok(rw.call(function, args, ty, nullable))
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
            let ty = super::table::of_bytes(&cast[1..], types::string(length));
            Ok(rw.call(Function::Elt, cast, ty, true))
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
            let of = collate::mixed(args.iter().filter(|a| family(a) == Family::String));
            let args = args
                .into_iter()
                .map(|a| match (texts, integers) {
                    (true, _) => match &of {
                        Some((of, None)) if family(&a) == Family::String => {
                            collate::sort_key_of(a, of.collation)
                        }
                        _ => rw.text(a),
                    },
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
                Some(d) => rw.counted(d),
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
                    let kept = wanted.map_or(scale, |d| d.clamp(0, i64::from(DECIMAL_SCALE_MAX)) as u32);
                    let carry = u32::from(kept < scale && name == "ROUND");
                    types::decimal(whole + carry + kept, kept)
                }
                _ => widest(&x),
            };
            let function = if name == "ROUND" { Function::Round } else { Function::Truncate };
            Ok(rw.call(function, vec![x, places], ty, nullable))
        }
        // Of an integer its bits; of anything else what its text begins with.
        "BIN" | "OCT" => {
            let [x] = exactly(name, args)?;
            let (function, length, base) =
                if name == "BIN" { (Function::Bin, 64, 2) } else { (Function::Oct, 22, 8) };
            if !matches!(family(&x), Family::Int | Family::UInt | Family::Null) {
                let [ten, base] = [10, base].map(|n| Expr::constant(Datum::Int(n), SqlType::BIGINT));
                let written = rw.function("CONV", vec![x, ten, base])?;
                return written.ok_or_else(|| Error::ArgumentCount(name.into()));
            }
            let x = rw.integer(x);
            let nullable = x.ty().nullable;
            Ok(rw.call(function, vec![x], types::string(length), nullable))
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
            let fsp = time_precision(&x);
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
            let args = vec![rw.counted(hour), rw.counted(minute), second];
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
            let system = super::literal::string(&rw.system_zone.to_string());
            let args = vec![x, rw.text(from), rw.text(to), system];
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
            let moment = rw.call(Function::FromUnixTime, vec![seconds], SqlType::DateTime(6), true);
            Ok(rw.clock_of(moment))
        }
        "ADDDATE" | "SUBDATE" => {
            let [x, days] = exactly(name, args)?;
            Ok(rw.shift(x, days, TimeUnit::Day, name == "SUBDATE"))
        }
        "UNIX_TIMESTAMP" => {
            count(0..=1)?;
            let x = match args.into_iter().next() {
                Some(x) => {
                    let x = rw.argument(x, Arg::Moment);
                    rw.moment_of(x)
                }
                None => Expr::constant(
                    Datum::DateTime(rw.utc_now_us().div_euclid(1_000_000) * 1_000_000),
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
            let moment = rw.clock_of(moment);
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
        "GET_LOCK" => {
            let [lock, seconds] = exactly(name, args)?;
            let args = vec![rw.text(lock), rw.argument(seconds, Arg::Double)];
            Ok(rw.volatile(Volatile::GetLock, args, SqlType::BIGINT, false))
        }
        "RELEASE_LOCK" | "IS_FREE_LOCK" | "IS_USED_LOCK" => {
            let [lock] = exactly(name, args)?;
            let args = vec![rw.text(lock)];
            Ok(match name {
                "RELEASE_LOCK" => rw.volatile(Volatile::ReleaseLock, args, SqlType::BIGINT, false),
                "IS_FREE_LOCK" => rw.volatile(Volatile::IsFreeLock, args, SqlType::BIGINT, false),
                _ => rw.volatile(Volatile::IsUsedLock, args, SqlType::BIGINT_UNSIGNED, true),
            })
        }
        "RELEASE_ALL_LOCKS" => {
            count(0..=0)?;
            Ok(rw.volatile(Volatile::ReleaseAllLocks, args, SqlType::BIGINT, false))
        }
        "UUID" => {
            count(0..=0)?;
            Ok(rw.volatile(Volatile::Uuid, args, types::string(36), false))
        }
        "UUID_SHORT" => {
            count(0..=0)?;
            Ok(rw.volatile(Volatile::UuidShort, args, SqlType::BIGINT_UNSIGNED, false))
        }
        "JSON_VALUE" => super::json::value(rw, args),
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

/// Constants among dates, as dates.
fn among_dates(rw: &mut Rewriter, args: Vec<Expr>) -> Vec<Expr> {
    let is_date = |e: &Expr| family(e) == Family::Date;
    let dates = args.iter().any(is_date)
        && args.iter().all(|e| is_date(e) || fold::constant(e).is_some() && !family(e).is_temporal());
    match dates {
        true => args.into_iter().map(|e| if is_date(&e) { e } else { rw.cast(e, &SqlType::Date) }).collect(),
        false => args,
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
        Some(_) => Err(Error::syntax(format!("{name} takes a number of digits"), None)),
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
            _ => self.counted(number),
        }
    }
}

/// Digits of a second's fraction that a value may have.
fn time_precision(expr: &Expr) -> u8 {
    match (&expr.ty().sql, fold::constant(expr)) {
        (SqlType::DateTime(n) | SqlType::Timestamp(n) | SqlType::Time(n), _) => *n,
        (SqlType::Decimal { scale, .. }, _) => (*scale).min(6),
        (SqlType::Date | SqlType::Int { .. } | SqlType::Year, _) => 0,
        (_, Some(Datum::String(text))) => calendar::fraction_digits(text),
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
    fn every_special_function_is_defined() {
        for name in SPECIAL {
            for n in 0..4 {
                let args = vec![crate::expr::literal::string("2020-01-01"); n];
                let result = Rewriter::new(0).function(name, args);
                assert!(!matches!(result, Err(Error::Internal(_)) | Ok(None)), "{name}");
            }
        }
    }
}
