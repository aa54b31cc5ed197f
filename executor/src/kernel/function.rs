//! The table of functions: for each, its kernel, what can be made ready when it is compiled, what a row costs, and how it
//! is written in messages.
//!
//! Kernels take the values of all arguments for all rows. Those that must not see all rows (AND, OR, CASE, IF, COALESCE) are
//! in [`super::control`] and get the program instead.

use allod_planner::expr::{Expr, Function, JsonFunction};
use allod_storage::schema::{Datum, SqlType};
use arrow::array::BinaryViewBuilder;
use regex::Regex;

use super::collate;
use super::compare::{self, InSet};
use super::like::Matcher;
use super::notice::Notices;
use super::program::Node;
use super::value::{Binary, Bools, Overflow, Strings, Value};
use super::{
    arithmetic, assign, bits, cast, coding, control, digest, json, keys, list, math, network, password,
    pattern, sharding, span, string, temporal, writing,
};
use crate::error::{Error, Result};

/// What constant arguments were made into.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Nothing.
    Nothing,
    /// The pattern of LIKE.
    Like(Matcher),
    /// The pattern of REGEXP.
    Regexp(Regex),
    /// The members of IN.
    In(InSet),
}

/// Why a kernel failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Some row's result does not fit; the type as MySQL names it in the message.
    OutOfRange(&'static str),
    /// Anything else.
    Other(Error),
}

impl Failure {
    /// The error, with the expression's text if it needs one.
    pub fn resolve(self, out_of_range: impl FnOnce(&'static str) -> Error) -> Error {
        match self {
            Failure::OutOfRange(ty) => out_of_range(ty),
            Failure::Other(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Other(error)
    }
}

/// An overflow of a decimal; other types name themselves.
impl From<Overflow> for Failure {
    fn from(_: Overflow) -> Failure {
        Failure::OutOfRange("DECIMAL")
    }
}

/// Result of a kernel.
pub(crate) type Outcome = Result<Value, Failure>;

/// That a kernel met arguments of families it does not take: a bug of whoever made the expression.
pub(crate) fn unfit(function: &Function) -> Failure {
    Failure::Other(Error::Plan(format!("arguments of {} are of the wrong family", function.name())))
}

/// Makes ready what constant arguments allow.
pub(crate) fn prepare(function: &Function, args: &[Expr]) -> Result<Prepared> {
    let constant = |i: usize| match args.get(i) {
        Some(Expr::Constant { value, .. }) => Some(value),
        _ => None,
    };
    Ok(match function {
        Function::Like { escape } => match constant(1) {
            Some(Datum::String(pattern)) => Prepared::Like(Matcher::new(pattern, *escape)),
            _ => Prepared::Nothing,
        },
        Function::Regexp => match constant(1) {
            Some(Datum::String(pattern)) => Prepared::Regexp(string::regex(pattern)?),
            _ => Prepared::Nothing,
        },
        Function::Pattern(pattern) => {
            let match_type = match args.get(pattern::match_type_at(*pattern)) {
                None => Some(""),
                Some(Expr::Constant { value: Datum::String(letters), .. }) => Some(&**letters),
                _ => None,
            };
            match (constant(1), match_type) {
                (Some(Datum::String(text)), Some(letters)) => {
                    Prepared::Regexp(pattern::compile(text, letters)?)
                }
                _ => Prepared::Nothing,
            }
        }
        Function::In => {
            let members: Option<Vec<Datum>> = (1..args.len()).map(|i| constant(i).cloned()).collect();
            let set = match (args.first(), members) {
                (Some(probe), Some(members)) => InSet::new(&probe.ty().sql, &members),
                _ => None,
            };
            set.map_or(Prepared::Nothing, Prepared::In)
        }
        _ => Prepared::Nothing,
    })
}

/// Rough cost of a row, in units of an integer comparison.
pub(crate) fn cost(function: &Function, args: &[Expr]) -> u32 {
    let textual = |i: usize| args.get(i).is_some_and(|a| a.ty().sql.is_string() || a.ty().sql.is_binary());
    match function {
        Function::Like { .. }
        | Function::Regexp
        | Function::Pattern(_)
        | Function::Json(_)
        | Function::Collate(_) => 30,
        Function::Digest(_) | Function::Coding(_) => 100,
        Function::In if textual(0) => 10,
        Function::In => 2,
        Function::Div | Function::IntDiv | Function::Mod => 4,
        _ if textual(0) => 4,
        _ => 1,
    }
}

/// Evaluates a call whose arguments are known. What is lost on the way is told to `notices`.
pub(crate) fn apply<'a>(
    function: &Function,
    node: &Node,
    args: &[Value],
    types: &dyn Fn(usize) -> &'a SqlType,
    rows: usize,
    notices: &mut Notices,
) -> Outcome {
    if !function.takes_null() && args.iter().any(|a| matches!(a, Value::Null)) {
        return Ok(Value::Null);
    }
    let truth = |bits: Option<Bools>| bits.map(Value::Bool).ok_or_else(|| unfit(function));
    match function {
        Function::Eq | Function::Ne | Function::Lt | Function::Le | Function::Gt | Function::Ge => {
            let op = compare::Op::of(function).unwrap_or(compare::Op::Eq);
            truth(compare::compare(op, &args[0], &args[1], rows))
        }
        Function::NullEq => truth(compare::null_eq(&args[0], &args[1], rows)),
        Function::In => truth(is_in(node, args, rows)),
        Function::Like { escape } => string::like(node, *escape, args, rows),
        Function::Regexp => string::regexp(node, args, rows),
        Function::IsNull => Ok(Value::Bool(Bools { bits: !&args[0].valid(rows), nulls: None })),
        Function::IsTrue => Ok(Value::Bool(Bools { bits: args[0].truth(rows).bits, nulls: None })),
        Function::IsFalse => Ok(Value::Bool(Bools { bits: args[0].truth(rows).falses(), nulls: None })),
        Function::Xor => Ok(Value::Bool(control::xor(&args[0].truth(rows), &args[1].truth(rows)))),
        Function::Not => Ok(Value::Bool(control::not(&args[0].truth(rows)))),
        Function::NullIf => control::null_if(&args[0], &args[1], rows).ok_or_else(|| unfit(function)),
        Function::Greatest | Function::Least => Ok(control::extreme(function, args, &node.sql, rows)?),

        Function::Plus
        | Function::Minus
        | Function::Mul
        | Function::Negate
        | Function::BitAnd
        | Function::BitOr
        | Function::BitXor
        | Function::BitNot
        | Function::ShiftLeft
        | Function::ShiftRight
        | Function::BitCount => arithmetic::apply(function, args, &node.sql, rows),
        Function::Div | Function::IntDiv | Function::Mod => {
            let value = arithmetic::apply(function, args, &node.sql, rows)?;
            arithmetic::tell_zeros(&value, args, rows, notices)?;
            Ok(value)
        }

        Function::Cast => cast::cast(&args[0], types(0), &node.sql, rows, notices),
        Function::Assign { column, unsigned, digits, zone } => {
            let (nullable, unsigned, digits, zone) = (node.nullable, *unsigned, *digits, *zone);
            let to = assign::Target { sql: &node.sql, nullable, unsigned, digits, zone, column };
            assign::assign(&args[0], to, rows, notices)
        }

        Function::Substring
        | Function::Left
        | Function::Right
        | Function::Length
        | Function::CharLength
        | Function::Upper
        | Function::Lower
        | Function::Concat
        | Function::ConcatWs
        | Function::Trim
        | Function::TrimLeading
        | Function::TrimTrailing
        | Function::Replace
        | Function::Locate
        | Function::Lpad
        | Function::Rpad
        | Function::Reverse
        | Function::Repeat
        | Function::Space
        | Function::Ascii
        | Function::Hex
        | Function::SubstringIndex
        | Function::StrCmp
        | Function::Insert
        | Function::BitLength
        | Function::Ord
        | Function::Bin
        | Function::Oct
        | Function::Unhex
        | Function::Conv
        | Function::Crc32 => {
            let value = string::apply(function, args, &node.sql, rows)?;
            string::tell_overflow(function, &value, args, rows, notices)?;
            Ok(value)
        }

        Function::Elt
        | Function::Field
        | Function::FindInSet
        | Function::Interval
        | Function::MakeSet
        | Function::ExportSet => list::apply(function, args, rows),

        Function::Digest(digest) => digest::apply(*digest, args, rows),
        Function::Coding(coding) => coding::apply(*coding, args, rows),
        Function::Network(network) => network::apply(*network, args, rows),
        Function::Pattern(pattern) => pattern::apply(*pattern, node, args, rows),
        Function::Writing(writing) => writing::apply(*writing, args, types(0), rows),
        Function::Span(span) => span::apply(*span, args, &node.sql, rows, notices),
        Function::Sharding(sharding) => Ok(sharding::apply(*sharding, args, rows)),
        Function::Keys { what, spaces } => keys::apply(*what, spaces, args, rows),
        Function::PasswordStrength => password::strength(args, rows),

        Function::Abs
        | Function::Ceil
        | Function::Floor
        | Function::Round
        | Function::Truncate
        | Function::Sign
        | Function::Sqrt
        | Function::Pow
        | Function::Exp
        | Function::Ln
        | Function::Log10
        | Function::Log2
        | Function::Sin
        | Function::Cos
        | Function::Tan
        | Function::Asin
        | Function::Acos
        | Function::Atan
        | Function::Cot
        | Function::Degrees
        | Function::Radians => math::apply(function, args, &node.sql, rows),

        Function::Extract(_)
        | Function::DayOfWeek
        | Function::WeekDay
        | Function::DayOfYear
        | Function::WeekOfYear
        | Function::YearWeek
        | Function::DayName
        | Function::MonthName
        | Function::LastDay
        | Function::DateAdd(_)
        | Function::DateSub(_)
        | Function::DateDiff
        | Function::TimestampDiff(_)
        | Function::DateFormat
        | Function::ToDays
        | Function::ToSeconds
        | Function::FromDays
        | Function::UnixTimestamp
        | Function::FromUnixTime
        | Function::MakeDate
        | Function::TimeToSec
        | Function::SecToTime
        | Function::StrToDate => temporal::apply(function, args, &node.sql, rows, notices),
        Function::ClockOf(zone) => Ok(Value::DateTime(cast::micros(&args[0], rows).map(|us| zone.local(us)))),
        Function::MomentOf(zone) => {
            Ok(Value::DateTime(cast::micros(&args[0], rows).map(|us| zone.moments(us).chosen())))
        }

        Function::Json(function) => json::apply(*function, args, types, rows, notices),
        Function::Collate(function) => collate::apply(*function, args, rows),

        Function::And
        | Function::Or
        | Function::Case
        | Function::If
        | Function::IfNull
        | Function::Coalesce
        | Function::Volatile { .. } => {
            Err(Failure::Other(Error::Plan("control flow is not a kernel".into())))
        }
    }
}

/// IN: through the prepared set, or member by member.
fn is_in(node: &Node, args: &[Value], rows: usize) -> Option<Bools> {
    let (probe, members) = args.split_first()?;
    if let Prepared::In(set) = &node.prepared
        && let Some(found) = set.contains(probe, rows)
    {
        return Some(found);
    }
    let mut found = Bools::uniform(false, rows);
    let mut unknown = bits::of_rows(rows, |_| false);
    for member in members {
        let equal = compare::compare(compare::Op::Eq, probe, member, rows)?;
        found.bits = &found.bits | &equal.bits;
        if let Some(nulls) = &equal.nulls {
            unknown = &unknown | &!nulls.inner();
        }
    }
    let known = &found.bits | &!&unknown;
    Some(Bools::new(found.bits, Some(arrow::buffer::NullBuffer::new(known))))
}

/// A call as SQL.
pub(crate) fn render(function: &Function, args: &[String], sql: &SqlType) -> String {
    let infix = match function {
        Function::Plus => "+",
        Function::Minus => "-",
        Function::Mul => "*",
        Function::Div => "/",
        Function::IntDiv => "DIV",
        Function::Mod => "%",
        Function::BitAnd => "&",
        Function::BitOr => "|",
        Function::BitXor => "^",
        Function::ShiftLeft => "<<",
        Function::ShiftRight => ">>",
        Function::Eq => "=",
        Function::Ne => "<>",
        Function::Lt => "<",
        Function::Le => "<=",
        Function::Gt => ">",
        Function::Ge => ">=",
        Function::NullEq => "<=>",
        Function::And => "and",
        Function::Or => "or",
        Function::Xor => "xor",
        Function::Like { .. } => "like",
        Function::Regexp => "regexp",
        Function::Negate => return format!("-({})", args.join(", ")),
        Function::BitNot => return format!("~({})", args.join(", ")),
        Function::Not => return format!("not({})", args.join(", ")),
        Function::Cast => return format!("cast({} as {sql})", args.join(", ")),
        Function::Assign { .. }
        | Function::Json(JsonFunction::OrderKey | JsonFunction::Plain)
        | Function::Collate(_) => {
            return args.join(", ");
        }
        Function::Json(JsonFunction::ToJson { .. }) => return format!("cast({} as json)", args.join(", ")),
        other => return format!("{}({})", other.name(), args.join(", ")),
    };
    format!("({})", args.join(&format!(" {infix} ")))
}

/// The strings of an argument; what is no string is written as one.
pub(crate) fn text(value: &Value, rows: usize) -> Result<Strings, Failure> {
    match value {
        Value::String(v) => Ok(v.plain()),
        other => match cast::to_text(other, rows) {
            Value::String(v) => Ok(v),
            _ => Err(Failure::Other(Error::Plan("a value that has no text".into()))),
        },
    }
}

/// The bytes of an argument.
pub(crate) enum Bytes {
    Text(Strings),
    Binary(Binary),
}

impl Bytes {
    /// The bytes at a row, or None.
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            Bytes::Text(strings) => strings.get(row).map(str::as_bytes),
            Bytes::Binary(binary) if binary.nulls().is_some_and(|n| n.is_null(row)) => None,
            Bytes::Binary(binary) => Some(binary.value(row)),
        }
    }
}

/// The bytes of an argument: those of a byte string or of a text; what is neither is written as text.
pub(crate) fn bytes(value: &Value, rows: usize) -> Result<Bytes, Failure> {
    match value {
        Value::Bytes(binary) => Ok(Bytes::Binary(binary.clone())),
        other => text(other, rows).map(Bytes::Text),
    }
}

/// Byte strings, one for each row; None is NULL.
pub(crate) fn build_bytes<B: AsRef<[u8]>>(rows: usize, mut make: impl FnMut(usize) -> Option<B>) -> Value {
    let mut out = BinaryViewBuilder::with_capacity(rows);
    (0..rows).for_each(|row| out.append_option(make(row)));
    Value::Bytes(Binary::Views(out.finish()))
}

/// The integers of an argument; what is no integer is converted.
pub(crate) fn ints(value: &Value, rows: usize) -> super::value::Column<i64> {
    match value.to_int() {
        Some(v) => v,
        None => cast::to_int(value, rows),
    }
}
