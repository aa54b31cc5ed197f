//! The one rewriter: operators and functions over typed operands become typed expressions.
//!
//! `bind` walks the syntax of queries, defaults, DML and partition expressions, and for every operator and every call
//! comes here. This is where the module's promises are made: operands are brought to one family with explicit casts, the
//! result type is MySQL's, constants are folded. A [`Rewriter`] belongs to the statement that is being bound and writes to
//! nothing but itself; what it counted is returned with the result. Here are conversions, conditions and choices; comparison,
//! arithmetic, time and aggregates have a file each.

mod aggregate;
mod arithmetic;
mod compare;
mod time;

use std::sync::Arc;

use allod_storage::schema::{Collation, ColumnDef, ColumnType, Datum, IntWidth, SqlType};

use super::types::{self, Family};
use super::{BlockMode, Expr, Function, FunctionUsage, Volatile, collate, convert, fold};
use crate::error::Error;
use crate::sql_mode::SqlMode;
use crate::zone::{Moments, Zone, is_timestamp};

/// `div_precision_increment` where nobody sets it.
pub const QUOTIENT_DIGITS: u32 = 4;

/// Makes typed expressions and counts the functions they use.
#[derive(Debug, Default)]
pub struct Rewriter {
    /// The time of the statement, UTC.
    now_us: i64,
    /// The session's time zone.
    pub zone: Zone,
    /// That of the machine.
    pub system_zone: Zone,
    /// `block_encryption_mode` of the session.
    pub block_mode: BlockMode,
    /// The collation of texts that are made of something else: `collation_connection`.
    pub connection: Collation,
    /// Calls of volatile functions so far.
    volatile_calls: u32,
    /// `div_precision_increment`: how many digits more than its dividend a quotient shows.
    quotient_digits: u32,
    /// Whether the difference of unsigned numbers is signed, by `sql_mode`.
    signed_difference: bool,
    /// `lc_time_names`, whose words months and days are called by, if that is not en_US.
    pub place: Option<Arc<str>>,
    /// Whether anything depends on the time of the statement.
    pub asked_now: bool,
    /// Whether what becomes of NULL where there is none is for those to say who run the statement.
    pub lenient: bool,
    /// What was used so far.
    pub usage: FunctionUsage,
}

impl Rewriter {
    /// A rewriter at a moment, in microseconds since 1970, UTC.
    pub fn new(now_us: i64) -> Rewriter {
        Rewriter { now_us, quotient_digits: QUOTIENT_DIGITS, ..Rewriter::default() }
    }

    /// The same for a session whose quotients show so many digits more than what is divided.
    pub fn with_quotient_digits(self, quotient_digits: u32) -> Rewriter {
        Rewriter { quotient_digits, ..self }
    }

    /// The same for a session that calls months and days by the words of a place.
    pub fn in_place(self, place: Option<Arc<str>>) -> Rewriter {
        Rewriter { place, ..self }
    }

    /// The same for a session whose texts have this collation.
    pub fn in_collation(self, connection: Collation) -> Rewriter {
        Rewriter { connection, ..self }
    }

    /// The same for a session whose clocks are in this zone.
    pub fn in_zone(self, zone: Zone, system_zone: Zone) -> Rewriter {
        Rewriter { zone, system_zone, ..self }
    }

    /// The same for a session with this `sql_mode`.
    pub fn in_mode(self, mode: SqlMode) -> Rewriter {
        Rewriter { signed_difference: mode.no_unsigned_subtraction, ..self }
    }

    /// NOW() in microseconds: what clocks of the session show.
    pub fn now_us(&mut self) -> i64 {
        let utc_us = self.utc_now_us();
        self.zone.local(utc_us)
    }

    /// UTC_TIMESTAMP() in microseconds.
    pub fn utc_now_us(&mut self) -> i64 {
        self.asked_now = true;
        self.now_us
    }

    /// A call whose arguments are as the function wants them.
    pub fn call(&mut self, function: Function, args: Vec<Expr>, sql: SqlType, nullable: bool) -> Expr {
        self.usage.add(&function, args.first().map_or(Family::Null, family));
        let (function, args) = self.in_charset(function, args, &sql);
        let sql = self.collated(&function, &args, sql);
        fold::call(function, args, ColumnType { sql, nullable })
    }

    /// A call of a volatile function, unlike any other call.
    pub fn volatile(&mut self, what: Volatile, args: Vec<Expr>, sql: SqlType, nullable: bool) -> Expr {
        self.volatile_calls += 1;
        self.call(Function::Volatile { what, nth: self.volatile_calls }, args, sql, nullable)
    }

    /// The value as another type, for an implicit conversion: nothing happens if the representation is the same.
    pub fn cast(&mut self, expr: Expr, sql: &SqlType) -> Expr {
        if let Expr::Constant { value: Datum::Null, .. } = expr {
            return Expr::constant(Datum::Null, sql.clone());
        }
        let same = match (&expr.ty().sql, sql) {
            (a, b) if a == b => true,
            (SqlType::Int { width: a, unsigned: x }, SqlType::Int { width: b, unsigned: y }) => {
                x == y && a <= b
            }
            (SqlType::Year, SqlType::Int { unsigned: false, width }) => *width > IntWidth::Tiny,
            (SqlType::Bit(_), SqlType::Int { unsigned: true, width: IntWidth::Big }) => true,
            (SqlType::Decimal { precision: a, scale: x }, SqlType::Decimal { precision: b, scale: y }) => {
                x == y && a <= b
            }
            (SqlType::Float, SqlType::Double) => true,
            (SqlType::DateTime(a) | SqlType::Timestamp(a), SqlType::DateTime(b) | SqlType::Timestamp(b)) => {
                a <= b
            }
            (SqlType::Time(a), SqlType::Time(b)) => a <= b,
            (a, b) if a.is_string() && b.is_string() => types::text_length(a) <= types::text_length(b),
            (a, b) if a.is_binary() && b.is_binary() => {
                Family::of(a) != Family::Null
                    && !matches!(b, SqlType::Binary(_))
                    && types::text_length(a) <= types::text_length(b)
            }
            _ => false,
        };
        if same { expr } else { self.explicit_cast(expr, sql.clone()) }
    }

    /// CAST(expr AS type).
    pub fn explicit_cast(&mut self, expr: Expr, sql: SqlType) -> Expr {
        if let Expr::Constant { value: Datum::Null, .. } = expr {
            return Expr::constant(Datum::Null, sql);
        }
        if sql == SqlType::Json && family(&expr) != Family::String {
            return self.to_json(expr);
        }
        if Family::of(&sql).is_number()
            && let Some(number) = self.numeric_reading(&expr)
        {
            return self.cast(number, &sql);
        }
        if family(&expr) == Family::Time && matches!(sql, SqlType::Date | SqlType::DateTime(_)) {
            return self.today_at(expr, sql);
        }
        if expr.ty().sql != sql && (expr.ty().sql.is_choice() || matches!(expr.ty().sql, SqlType::Bit(_))) {
            let read = self.read_as(expr, &sql);
            return if read.ty().sql == sql { read } else { self.converted(read, sql) };
        }
        self.converted(expr, sql)
    }

    /// A cast of what is printed as it is held.
    fn converted(&mut self, expr: Expr, sql: SqlType) -> Expr {
        let fails = Family::of(&sql).is_temporal() && !family(&expr).is_temporal();
        let nullable = expr.ty().nullable || fails;
        self.call(Function::Cast, vec![expr], sql, nullable)
    }

    /// A member or bits where a value of the type is wanted: text or bytes for what is no number, else a number. Whoever
    /// converts further need not know what the number stood for.
    fn read_as(&mut self, expr: Expr, wanted: &SqlType) -> Expr {
        let numeric = Family::of(wanted).is_number();
        match &expr.ty().sql {
            own if own == wanted => expr,
            own @ (SqlType::Enum(_) | SqlType::Set(_)) => {
                let ty = match numeric {
                    true => SqlType::BIGINT_UNSIGNED,
                    false => types::string(types::text_length(own)).with_collation(own.collation()),
                };
                self.printed(expr, ty)
            }
            own @ SqlType::Bit(_) if !numeric => {
                let ty = SqlType::VarBinary(types::text_length(own));
                self.printed(expr, ty)
            }
            _ => expr,
        }
    }

    /// The text, the bytes or the number of a value whose type says how it prints.
    fn printed(&mut self, expr: Expr, to: SqlType) -> Expr {
        if let Expr::Constant { value, ty } = &expr {
            let value = if Family::of(&to).is_number() {
                Some(value.clone())
            } else {
                convert::printed(value, &ty.sql)
            };
            if let Some(value) = value {
                return Expr::constant(value, to);
            }
        }
        let nullable = expr.ty().nullable;
        self.call(Function::Cast, vec![expr], to, nullable)
    }

    /// The value as it is stored in a column.
    pub fn assign(&mut self, expr: Expr, column: &ColumnDef) -> Result<Expr, Error> {
        let ty = &column.ty;
        let zone = match ty.sql {
            SqlType::Timestamp(_) => self.zone,
            _ => Zone::UTC,
        };
        // A moment that another column holds stays the same, though clocks may show it twice.
        let moment = match &expr {
            Expr::Call { function: Function::ClockOf(own), args, .. } if *own == zone => {
                args.first().cloned()
            }
            _ => None,
        };
        let (expr, zone) = moment.map_or((expr, zone), |moment| (moment, Zone::UTC));
        let same = expr.ty().sql == ty.sql && !column.unsigned && column.digits.is_none() && zone.is_utc();
        if same && (ty.nullable || !expr.ty().nullable) {
            return Ok(expr);
        }
        // A member goes into another ENUM by its name; only strings are parsed as documents.
        let expr = match (family(&expr), Family::of(&ty.sql)) {
            _ if expr.ty().sql == ty.sql => expr,
            (Family::Json, Family::String | Family::Binary) => self.text(expr),
            (Family::Json, _) => self.plain(expr),
            // A time is one of this day.
            (Family::Time, Family::Date) => self.today_at(expr, SqlType::Date),
            (Family::Time, Family::DateTime) => self.today_at(expr, SqlType::DateTime(0)),
            (Family::Binary, Family::Json) => return Err(Error::JsonCharacterSet),
            (Family::String, Family::Json) => expr,
            (_, Family::Json) => {
                let json = self.to_json(expr);
                return self.assign(json, column);
            }
            _ => self.read_as(expr, &ty.sql),
        };
        let expr = if ty.sql.is_binary() { super::charset::encoded(expr) } else { expr };
        if let Expr::Constant { value, .. } = &expr {
            // A note is made of what the column does not show of it.
            let unseen = convert::shows_less(value, &ty.sql);
            if value.is_null() {
                match ty.nullable {
                    true => return Ok(Expr::Constant { value: Datum::Null, ty: ty.clone() }),
                    false if !self.lenient => return Err(Error::ColumnNotNull(column.name.to_string())),
                    false => {}
                }
            } else if let Some(value) = convert::cast_datum(value, &ty.sql)
                && let Some(value) = column.held(value)
                && let Some(value) = held_in(value, &ty.sql, zone)
                && !unseen
            {
                return Ok(Expr::Constant { value, ty: ColumnType::not_null(ty.sql.clone()) });
            }
        }
        let (unsigned, digits) = (column.unsigned, column.digits);
        let function = Function::Assign { column: column.name.clone(), unsigned, digits, zone };
        Ok(self.call(function, vec![expr], ty.sql.clone(), ty.nullable))
    }

    /// The value as an integer that is 0 when it is false: what AND, NOT and conditions take.
    pub fn condition(&mut self, expr: Expr) -> Expr {
        let zero = match family(&expr) {
            Family::Int | Family::UInt => return expr,
            Family::Null => return self.cast(expr, &SqlType::BIGINT),
            Family::Choice => return self.read_as(expr, &SqlType::BIGINT_UNSIGNED),
            Family::Decimal => Expr::constant(Datum::Decimal { value: 0, scale: 0 }, types::decimal(1, 0)),
            Family::Double | Family::String | Family::Binary => {
                Expr::constant(Datum::Double(0.0), SqlType::Double)
            }
            // A fraction of a second is something, too.
            Family::Date | Family::DateTime | Family::Time => {
                let number = self.number(expr);
                return self.condition(number);
            }
            // Only the number 0 is false.
            Family::Json => {
                let nullable = expr.ty().nullable;
                let (expr, zero) = self.json_comparable(expr, Expr::constant(Datum::Int(0), SqlType::BIGINT));
                return self.call(Function::Ne, vec![expr, zero], SqlType::BOOL, nullable);
            }
        };
        let ty = zero.ty().sql.clone();
        let expr = if family(&expr) == Family::Decimal { expr } else { self.cast(expr, &ty) };
        let nullable = expr.ty().nullable;
        self.call(Function::Ne, vec![expr, zero], SqlType::BOOL, nullable)
    }

    /// AND of any number.
    pub fn all_of(&mut self, exprs: Vec<Expr>) -> Expr {
        self.logic(Function::And, exprs)
    }

    /// OR of any number.
    pub fn any_of(&mut self, exprs: Vec<Expr>) -> Expr {
        self.logic(Function::Or, exprs)
    }

    fn logic(&mut self, function: Function, exprs: Vec<Expr>) -> Expr {
        let mut args: Vec<Expr> = exprs.into_iter().map(|e| self.condition(e)).collect();
        if args.len() == 1 {
            return args.swap_remove(0);
        }
        let nullable = args.iter().any(|a| a.ty().nullable);
        self.call(function, args, SqlType::BOOL, nullable)
    }

    /// `a XOR b`.
    pub fn xor(&mut self, a: Expr, b: Expr) -> Expr {
        let (a, b) = (self.condition(a), self.condition(b));
        let nullable = a.ty().nullable || b.ty().nullable;
        self.call(Function::Xor, vec![a, b], SqlType::BOOL, nullable)
    }

    /// NOT, pushed into a comparison where there is an opposite one.
    pub fn not(&mut self, expr: Expr) -> Expr {
        let expr = self.condition(expr);
        if let Expr::Call { function, args, ty } = expr {
            let opposite = match function {
                Function::Eq => Function::Ne,
                Function::Ne => Function::Eq,
                Function::Lt => Function::Ge,
                Function::Ge => Function::Lt,
                Function::Gt => Function::Le,
                Function::Le => Function::Gt,
                function => {
                    let nullable = ty.nullable;
                    return self.call(
                        Function::Not,
                        vec![Expr::Call { function, args, ty }],
                        SqlType::BOOL,
                        nullable,
                    );
                }
            };
            return Expr::Call { function: opposite, args, ty };
        }
        let nullable = expr.ty().nullable;
        self.call(Function::Not, vec![expr], SqlType::BOOL, nullable)
    }

    /// A value where a string is wanted.
    pub fn text(&mut self, expr: Expr) -> Expr {
        match family(&expr) {
            Family::String | Family::Binary => expr,
            _ if expr.ty().sql.is_choice() || matches!(expr.ty().sql, SqlType::Bit(_)) => {
                self.read_as(expr, &types::string(0))
            }
            _ => {
                let length = match &expr {
                    Expr::Constant { value: value @ (Datum::Int(_) | Datum::UInt(_)), .. } => {
                        value.to_string().len() as u32
                    }
                    other => types::text_length(&other.ty().sql),
                };
                self.cast(expr, &types::string(length))
            }
        }
    }

    /// A value where its order among others counts: members as text, bits as a number.
    fn ordered(&mut self, expr: Expr) -> Expr {
        match &expr.ty().sql {
            SqlType::Enum(_) | SqlType::Set(_) => self.text(expr),
            SqlType::Bit(_) => self.explicit_cast(expr, SqlType::BIGINT_UNSIGNED),
            _ => expr,
        }
    }

    /// Brings values to one type, which is returned with them.
    pub fn unify(&mut self, exprs: Vec<Expr>) -> (Vec<Expr>, SqlType) {
        let mut all: Vec<&SqlType> = Vec::with_capacity(exprs.len());
        for e in &exprs {
            all.push(&e.ty().sql);
        }
        let mut ty = types::common(&all).unwrap_or(types::NULL_TYPE);
        if ty.is_string() {
            let texts = exprs.iter().filter(|e| family(e) == Family::String);
            let of = collate::mixed(texts).map_or(self.connection, |(of, _)| of.collation);
            ty = ty.with_collation(of);
        }
        // Constants count with their own digits, not with those of BIGINT.
        if let SqlType::Decimal { .. } = ty {
            let digits: Vec<(u32, u32)> =
                exprs.iter().filter(|e| family(e) != Family::Null).map(types::digits).collect();
            let whole = digits.iter().map(|d| d.0).max().unwrap_or(1);
            let scale = digits.iter().map(|d| d.1).max().unwrap_or(0);
            ty = types::decimal(whole + scale, scale);
        }
        (exprs.into_iter().map(|e| self.cast(e, &ty)).collect(), ty)
    }

    /// CASE WHEN … THEN … ELSE … END; `branches` are conditions and values.
    pub fn case(&mut self, branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
        let has_else = otherwise.is_some();
        let (conditions, mut values): (Vec<Expr>, Vec<Expr>) = branches.into_iter().unzip();
        values.extend(otherwise);
        let (values, ty) = self.unify(values);
        let nullable = !has_else || values.iter().any(|v| v.ty().nullable);
        let mut values = values.into_iter();
        let mut args = Vec::new();
        for condition in conditions {
            args.push(self.condition(condition));
            args.extend(values.next());
        }
        args.extend(values);
        self.call(Function::Case, args, ty, nullable)
    }
}

/// What a column holds of a constant that has its type already. A TIMESTAMP holds the moment when clocks show that, if there
/// is just one, and one that it can hold.
pub fn held_in(value: Datum, ty: &SqlType, zone: Zone) -> Option<Datum> {
    match (value, ty) {
        (Datum::DateTime(us), SqlType::Timestamp(_)) => match zone.moments(us) {
            Moments::One(us) if is_timestamp(us) => Some(Datum::DateTime(us)),
            Moments::One(_) | Moments::Two(..) | Moments::Never(_) => None,
        },
        (value, _) => Some(value),
    }
}

/// The family of an expression's type.
pub fn family(expr: &Expr) -> Family {
    Family::of(&expr.ty().sql)
}

/// The constant as a value of the type's family, if nothing is lost.
fn constant_as(expr: &Expr, ty: &SqlType) -> Option<Expr> {
    let value = fold::constant(expr)?;
    // Families, not widths: an INT column compares with 5000000000 as integers.
    let ty = match ty {
        SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) => SqlType::BIGINT_UNSIGNED,
        SqlType::Int { unsigned: false, .. } | SqlType::Year => SqlType::BIGINT,
        SqlType::Double | SqlType::Float => SqlType::Double,
        SqlType::Decimal { .. } => {
            let (whole, scale) = match value {
                Datum::Int(_) | Datum::UInt(_) => types::digits(expr),
                _ => return None,
            };
            types::decimal(whole + scale, scale)
        }
        _ => return None,
    };
    let cast = convert::cast_datum(value, &ty)?;
    // A decimal that was rounded to an integer is another number; a double is only ever equal by luck.
    let exact = match value {
        Datum::String(_) => true,
        Datum::Double(_) => false,
        _ => Family::of(&ty) == Family::Double || cast.compare(value).is_eq(),
    };
    exact.then(|| Expr::constant(cast, ty))
}
