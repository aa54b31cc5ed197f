//! The one rewriter: operators and functions over typed operands become typed expressions.
//!
//! `bind` walks the syntax of queries, defaults, DML and partition expressions, and for every operator and every call
//! comes here. This is where the module's promises are made: operands are brought to one family with explicit casts, the
//! result type is MySQL's, constants are folded. A [`Rewriter`] belongs to the statement that is being bound and writes to
//! nothing but itself; what it counted is returned with the result.

use allod_storage::schema::{Collation, ColumnDef, ColumnType, Datum, IntWidth, SqlType, ZERO_DATETIME};

use super::types::{self, BOTH_INTEGERS, Family};
use super::{
    AggregateCall, AggregateFunction, BlockMode, Expr, Function, FunctionUsage, TimeUnit, Volatile, calendar,
    collate, convert, fold, order_key_of,
};
use crate::error::Error;

/// Makes typed expressions and counts the functions they use.
#[derive(Debug, Default)]
pub struct Rewriter {
    now_us: i64,
    /// `block_encryption_mode` of the session.
    pub block_mode: BlockMode,
    /// The collation of texts that are made of something else: `collation_connection`.
    pub connection: Collation,
    /// Calls of volatile functions so far.
    volatile_calls: u32,
    /// Whether anything depends on the time of the statement.
    pub asked_now: bool,
    /// Whether what becomes of NULL where there is none is for those to say who run the statement.
    pub lenient: bool,
    /// What was used so far.
    pub usage: FunctionUsage,
}

impl Rewriter {
    /// A rewriter at a moment.
    pub fn new(now_us: i64) -> Rewriter {
        Rewriter { now_us, ..Rewriter::default() }
    }

    /// The same for a session whose texts have this collation.
    pub fn in_collation(self, connection: Collation) -> Rewriter {
        Rewriter { connection, ..self }
    }

    /// NOW() in microseconds, local.
    pub fn now_us(&mut self) -> i64 {
        self.asked_now = true;
        self.now_us
    }

    /// A call whose arguments are as the function wants them.
    pub fn call(&mut self, function: Function, args: Vec<Expr>, sql: SqlType, nullable: bool) -> Expr {
        self.usage.add(&function, args.first().map_or(Family::Null, family));
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
                let ty =
                    if numeric { SqlType::BIGINT_UNSIGNED } else { types::string(types::text_length(own)) };
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
        if expr.ty().sql == ty.sql && (ty.nullable || !expr.ty().nullable) {
            return Ok(expr);
        }
        // A member goes into another ENUM by its name; only strings are parsed as documents.
        let expr = match (family(&expr), Family::of(&ty.sql)) {
            _ if expr.ty().sql == ty.sql => expr,
            (Family::Json, Family::String | Family::Binary) => self.text(expr),
            (Family::Json, _) => self.plain(expr),
            (Family::Binary, Family::Json) => return Err(Error::JsonCharacterSet),
            (Family::String, Family::Json) => expr,
            (_, Family::Json) => {
                let json = self.to_json(expr);
                return self.assign(json, column);
            }
            _ => self.read_as(expr, &ty.sql),
        };
        if let Expr::Constant { value, .. } = &expr {
            if value.is_null() {
                match ty.nullable {
                    true => return Ok(Expr::Constant { value: Datum::Null, ty: ty.clone() }),
                    false if !self.lenient => return Err(Error::ColumnNotNull(column.name.to_string())),
                    false => {}
                }
            } else if let Some(value) = convert::cast_datum(value, &ty.sql) {
                return Ok(Expr::Constant { value, ty: ColumnType::not_null(ty.sql.clone()) });
            }
        }
        let function = Function::Assign { column: column.name.clone() };
        Ok(self.call(function, vec![expr], ty.sql.clone(), ty.nullable))
    }

    // Comparison.

    /// `a op b` for =, <>, <, <=, >, >=, <=>.
    pub fn compare(&mut self, function: Function, a: Expr, b: Expr) -> Result<Expr, Error> {
        let (a, b) = match function {
            Function::Eq | Function::Ne | Function::NullEq => self.equatable(a, b)?,
            _ => self.comparable(a, b)?,
        };
        let nullable = function != Function::NullEq && (a.ty().nullable || b.ty().nullable);
        Ok(self.call(function, vec![a, b], SqlType::BOOL, nullable))
    }

    /// Brings two operands of which it is asked whether they are equal to one family. Members are then compared by number
    /// where that is the same: with others of the same definition, and with the text of a member.
    fn equatable(&mut self, a: Expr, b: Expr) -> Result<(Expr, Expr), Error> {
        if let Some(b) = member(&a, &b) {
            return Ok((a, b));
        }
        if let Some(a) = member(&b, &a) {
            return Ok((a, b));
        }
        self.comparable(a, b)
    }

    /// Brings two operands of a comparison to one family.
    pub fn comparable(&mut self, a: Expr, b: Expr) -> Result<(Expr, Expr), Error> {
        let (fa, fb) = (family(&a), family(&b));
        if fa == Family::Json || fb == Family::Json {
            return Ok(self.json_comparable(a, b));
        }
        if fa == fb && fa == Family::String {
            return self.compared_texts(a, b);
        }
        if fa == fb && !matches!(fa, Family::Null | Family::Choice) {
            return Ok((a, b));
        }
        // Bytes that were written as such are no number to a string.
        let written = |e: &Expr| matches!(e, Expr::Constant { ty, .. } if matches!(ty.sql, SqlType::Bit(_)));
        if written(&a) && fb.is_text() {
            let a = self.text(a);
            return self.comparable(a, b);
        }
        if written(&b) && fa.is_text() {
            let b = self.text(b);
            return self.comparable(a, b);
        }
        Ok(match (fa, fb) {
            // Members have their order where they are sorted; compared, they are text, or numbers with numbers.
            (Family::Choice, _) if fb != Family::Null => {
                let a = self
                    .read_as(a, &if fb.is_number() { SqlType::BIGINT_UNSIGNED } else { types::string(0) });
                return self.comparable(a, b);
            }
            (_, Family::Choice) if fa != Family::Null => {
                let b = self
                    .read_as(b, &if fa.is_number() { SqlType::BIGINT_UNSIGNED } else { types::string(0) });
                return self.comparable(a, b);
            }
            (Family::Null, Family::Null) => (self.cast(a, &SqlType::BIGINT), self.cast(b, &SqlType::BIGINT)),
            (Family::Null, _) => {
                let ty = b.ty().sql.clone();
                (self.cast(a, &ty), b)
            }
            (_, Family::Null) => {
                let ty = a.ty().sql.clone();
                (a, self.cast(b, &ty))
            }
            _ if fa.is_number() && fb.is_number() => self.numbers(a, b),
            (Family::String, Family::Binary) => {
                let ty = SqlType::VarBinary(types::text_length(&a.ty().sql).saturating_mul(4));
                (self.cast(a, &ty), b)
            }
            (Family::Binary, Family::String) => self.comparable(b, a).map(|(b, a)| (a, b))?,
            _ if fa.is_temporal() && fb.is_temporal() => self.moments(a, b),
            _ if fa.is_temporal() => self.temporal_and_other(a, b)?,
            _ if fb.is_temporal() => self.temporal_and_other(b, a).map(|(b, a)| (a, b))?,
            // A string and a number.
            _ if fa.is_number() => self.number_and_text(a, b),
            _ => {
                let (b, a) = self.number_and_text(b, a);
                (a, b)
            }
        })
    }

    /// Numbers of different families.
    fn numbers(&mut self, a: Expr, b: Expr) -> (Expr, Expr) {
        // A constant takes the family of the other side if it can, so that a column stays bare.
        if let Some(b) = constant_as(&b, &a.ty().sql) {
            return (a, b);
        }
        if let Some(a) = constant_as(&a, &b.ty().sql) {
            return (a, b);
        }
        match (family(&a), family(&b)) {
            (Family::Double, _) | (_, Family::Double) => {
                (self.cast(a, &SqlType::Double), self.cast(b, &SqlType::Double))
            }
            (Family::Decimal, _) => {
                let b = self.exact(b);
                (a, b)
            }
            (_, Family::Decimal) => {
                let a = self.exact(a);
                (a, b)
            }
            _ => (self.cast(a, &BOTH_INTEGERS), self.cast(b, &BOTH_INTEGERS)),
        }
    }

    /// An exact number as a decimal of its own digits.
    fn exact(&mut self, expr: Expr) -> Expr {
        if family(&expr) == Family::Decimal {
            return expr;
        }
        let (whole, scale) = types::digits(&expr);
        self.cast(expr, &types::decimal(whole + scale, scale))
    }

    fn number_and_text(&mut self, number: Expr, text: Expr) -> (Expr, Expr) {
        if matches!(family(&number), Family::Int | Family::UInt)
            && let Some(Datum::String(s)) = fold::constant(&text)
            && s.parse::<i64>().is_ok()
            && let Some(text) = constant_as(&text, &number.ty().sql)
        {
            return (number, text);
        }
        (self.cast(number, &SqlType::Double), self.cast(text, &SqlType::Double))
    }

    /// Temporal values of different families: as DATETIME.
    fn moments(&mut self, a: Expr, b: Expr) -> (Expr, Expr) {
        // A constant midnight compares with dates as a date.
        let midnight = |e: &Expr| match fold::constant(e) {
            Some(Datum::DateTime(us)) if us.rem_euclid(calendar::DAY_US) == 0 => {
                Some(Expr::constant(Datum::Date(us.div_euclid(calendar::DAY_US) as i32), SqlType::Date))
            }
            _ => None,
        };
        if family(&a) == Family::Date
            && let Some(b) = midnight(&b)
        {
            return (a, b);
        }
        if family(&b) == Family::Date
            && let Some(a) = midnight(&a)
        {
            return (a, b);
        }
        let ty = SqlType::DateTime(6);
        (self.cast(a, &ty), self.cast(b, &ty))
    }

    /// A temporal value against a string or a number: a constant is read as a date or time once, here.
    fn temporal_and_other(&mut self, temporal: Expr, other: Expr) -> Result<(Expr, Expr), Error> {
        let is_time = family(&temporal) == Family::Time;
        let read = match fold::constant(&other) {
            Some(Datum::String(s)) if is_time => {
                let sql_type = "TIME";
                Some(
                    calendar::parse_time(s)
                        .map(|us| Expr::constant(Datum::Time(us), SqlType::Time(6)))
                        .ok_or(Error::IncorrectValue { sql_type, value: s.to_string() })?,
                )
            }
            Some(Datum::String(s)) => {
                let sql_type = if family(&temporal) == Family::Date { "DATE" } else { "DATETIME" };
                let none = || calendar::is_zero_date(s).then_some((ZERO_DATETIME, true));
                let moment = calendar::parse_datetime(s).or_else(none);
                Some(
                    moment
                        .map(|(us, _)| datetime(us))
                        .ok_or(Error::IncorrectValue { sql_type, value: s.to_string() })?,
                )
            }
            Some(Datum::Int(v)) if !is_time => calendar::number_to_datetime(*v).map(|(us, _)| datetime(us)),
            _ => None,
        };
        if let Some(read) = read {
            return if family(&temporal) == family(&read) {
                Ok((temporal, read))
            } else {
                Ok(self.moments(temporal, read))
            };
        }
        if family(&other).is_number() {
            return Ok((self.cast(temporal, &SqlType::Double), self.cast(other, &SqlType::Double)));
        }
        let ty = if is_time { SqlType::Time(6) } else { SqlType::DateTime(6) };
        Ok((self.cast(temporal, &ty), self.cast(other, &ty)))
    }

    /// `expr IN (list)`.
    pub fn in_list(&mut self, expr: Expr, list: Vec<Expr>) -> Result<Expr, Error> {
        let mut pairs = Vec::with_capacity(list.len());
        for item in list {
            pairs.push(self.equatable(expr.clone(), item)?);
        }
        let one_family = pairs.windows(2).all(|w| w[0].0 == w[1].0);
        match (one_family, pairs.len()) {
            (true, 2..) => {
                let nullable = pairs.iter().any(|(a, b)| a.ty().nullable || b.ty().nullable);
                let mut args = vec![pairs[0].0.clone()];
                args.extend(pairs.into_iter().map(|(_, item)| item));
                Ok(self.call(Function::In, args, SqlType::BOOL, nullable))
            }
            _ => {
                let mut equalities = Vec::with_capacity(pairs.len());
                for (a, b) in pairs {
                    let nullable = a.ty().nullable || b.ty().nullable;
                    equalities.push(self.call(Function::Eq, vec![a, b], SqlType::BOOL, nullable));
                }
                Ok(self.any_of(equalities))
            }
        }
    }

    /// `expr [NOT] BETWEEN low AND high`.
    pub fn between(&mut self, expr: Expr, low: Expr, high: Expr, negated: bool) -> Result<Expr, Error> {
        if negated {
            let below = self.compare(Function::Lt, expr.clone(), low)?;
            let above = self.compare(Function::Gt, expr, high)?;
            Ok(self.any_of(vec![below, above]))
        } else {
            let low = self.compare(Function::Ge, expr.clone(), low)?;
            let high = self.compare(Function::Le, expr, high)?;
            Ok(self.all_of(vec![low, high]))
        }
    }

    /// `text LIKE pattern`.
    pub fn like(&mut self, text: Expr, pattern: Expr, escape: Option<char>) -> Result<Expr, Error> {
        let (text, pattern) = (self.text(text), self.text(pattern));
        let (text, pattern, escape) = self.like_operands(text, pattern, escape)?;
        let nullable = text.ty().nullable || pattern.ty().nullable;
        Ok(self.call(Function::Like { escape }, vec![text, pattern], SqlType::BOOL, nullable))
    }

    /// IS NULL, IS TRUE, IS FALSE.
    pub fn is(&mut self, function: Function, expr: Expr) -> Expr {
        let expr = match function {
            Function::IsNull if family(&expr) == Family::Null => self.cast(expr, &SqlType::BIGINT),
            Function::IsNull => expr,
            _ => self.condition(expr),
        };
        self.call(function, vec![expr], SqlType::BOOL, false)
    }

    // Logic.

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

    // Arithmetic.

    /// A value where a number is wanted: strings become doubles, temporal values the number they print as.
    pub fn number(&mut self, expr: Expr) -> Expr {
        match family(&expr) {
            Family::Int | Family::UInt | Family::Decimal | Family::Double => expr,
            Family::Null => self.cast(expr, &SqlType::BIGINT),
            // Members count as strings do, though with their numbers.
            Family::String | Family::Binary | Family::Choice | Family::Json => {
                self.cast(expr, &SqlType::Double)
            }
            Family::Date | Family::DateTime | Family::Time => match types::type_digits(&expr.ty().sql) {
                (_, 0) => self.cast(expr, &SqlType::BIGINT),
                (whole, scale) => self.cast(expr, &types::decimal(whole + scale, scale)),
            },
        }
    }

    /// `a op b` for +, -, *, /, DIV, %.
    pub fn arithmetic(&mut self, function: Function, a: Expr, b: Expr) -> Expr {
        let (a, b) = match (family(&a), family(&b)) {
            // NULL does not decide the type.
            (Family::Null, f) if f.is_number() => (self.cast(a, &b.ty().sql.clone()), b),
            (f, Family::Null) if f.is_number() => {
                let b = self.cast(b, &a.ty().sql.clone());
                (a, b)
            }
            _ => (self.number(a), self.number(b)),
        };
        let divides = matches!(function, Function::Div | Function::IntDiv | Function::Mod);
        let zero_free = fold::constant(&b).is_some_and(fold::is_true);
        let nullable = a.ty().nullable || b.ty().nullable || (divides && !zero_free);
        let (fa, fb) = (family(&a), family(&b));
        let integers = |f: Family| matches!(f, Family::Int | Family::UInt);
        if fa == Family::Double || fb == Family::Double {
            let args = vec![self.cast(a, &SqlType::Double), self.cast(b, &SqlType::Double)];
            return match function {
                Function::IntDiv => self.truncated_division(args, SqlType::Double, nullable),
                function => self.call(function, args, SqlType::Double, nullable),
            };
        }
        if integers(fa) && integers(fb) && function != Function::Div {
            return self.integer_arithmetic(function, a, b, nullable);
        }
        let (a, b) = (self.exact(a), self.exact(b));
        let ((wa, sa), (wb, sb)) = (types::digits(&a), types::digits(&b));
        let ty = match function {
            Function::Plus | Function::Minus => types::decimal(wa.max(wb) + sa.max(sb) + 1, sa.max(sb)),
            Function::Mul => types::decimal(wa + sa + wb + sb, sa + sb),
            Function::Mod => types::decimal((wa + sa).max(wb + sb), sa.max(sb)),
            _ => types::decimal(wa + sa + sb + 4, sa + 4),
        };
        match function {
            Function::IntDiv => self.truncated_division(vec![a, b], ty, nullable),
            function => self.call(function, vec![a, b], ty, nullable),
        }
    }

    fn integer_arithmetic(&mut self, function: Function, a: Expr, b: Expr, nullable: bool) -> Expr {
        let (fa, fb) = (family(&a), family(&b));
        if fa == fb {
            let ty = if fa == Family::UInt { SqlType::BIGINT_UNSIGNED } else { SqlType::BIGINT };
            return self.call(function, vec![a, b], ty, nullable);
        }
        // One is unsigned, so the result is (for % it has the signedness of the dividend).
        let ty = if function == Function::Mod && fa == Family::Int {
            SqlType::BIGINT
        } else {
            SqlType::BIGINT_UNSIGNED
        };
        if let Some(b) = constant_as(&b, &a.ty().sql)
            && fa == Family::UInt
        {
            return self.call(function, vec![a, b], ty, nullable);
        }
        if let Some(a) = constant_as(&a, &b.ty().sql)
            && fb == Family::UInt
        {
            return self.call(function, vec![a, b], ty, nullable);
        }
        let args = vec![self.cast(a, &BOTH_INTEGERS), self.cast(b, &BOTH_INTEGERS)];
        let exact = match function {
            Function::IntDiv => return self.truncated_division(args, types::decimal(24, 4), nullable),
            Function::Mul => self.call(function, args, types::decimal(40, 0), nullable),
            function => self.call(function, args, types::decimal(21, 0), nullable),
        };
        self.explicit_cast(exact, ty)
    }

    /// DIV of numbers that are not integers: the quotient without its fraction.
    fn truncated_division(&mut self, args: Vec<Expr>, ty: SqlType, nullable: bool) -> Expr {
        let quotient = self.call(Function::Div, args, ty.clone(), nullable);
        let zero = Expr::constant(Datum::Int(0), SqlType::BIGINT);
        let ty = match ty {
            SqlType::Decimal { precision, scale } => types::decimal(u32::from(precision - scale), 0),
            other => other,
        };
        let whole = self.call(Function::Truncate, vec![quotient, zero], ty, nullable);
        self.explicit_cast(whole, SqlType::BIGINT)
    }

    /// `-expr`.
    pub fn negate(&mut self, expr: Expr) -> Expr {
        if let Some(Datum::UInt(v)) = fold::constant(&expr)
            && *v <= 1 << 63
        {
            return Expr::constant(Datum::Int((*v as i64).wrapping_neg()), SqlType::BIGINT);
        }
        let expr = self.number(expr);
        let nullable = expr.ty().nullable;
        match family(&expr) {
            Family::UInt => {
                let exact = self.cast(expr, &BOTH_INTEGERS);
                let negative = self.call(Function::Negate, vec![exact], BOTH_INTEGERS, nullable);
                self.explicit_cast(negative, SqlType::BIGINT)
            }
            Family::Int => self.call(Function::Negate, vec![expr], SqlType::BIGINT, nullable),
            _ => {
                let ty = expr.ty().sql.clone();
                self.call(Function::Negate, vec![expr], ty, nullable)
            }
        }
    }

    /// `&`, `|`, `^`, `<<`, `>>`, `~`: on BIGINT UNSIGNED.
    pub fn bits(&mut self, function: Function, args: Vec<Expr>) -> Expr {
        let args: Vec<Expr> = args.into_iter().map(|a| self.bit_pattern(a)).collect();
        let nullable = args.iter().any(|a| a.ty().nullable);
        self.call(function, args, SqlType::BIGINT_UNSIGNED, nullable)
    }

    /// A value where bits are wanted: as BIGINT UNSIGNED. Members have theirs, which a double could not hold.
    pub fn bit_pattern(&mut self, expr: Expr) -> Expr {
        let number = if family(&expr) == Family::Choice { expr } else { self.number(expr) };
        self.cast(number, &SqlType::BIGINT_UNSIGNED)
    }

    /// `expr + INTERVAL amount unit`, or minus.
    pub fn shift(&mut self, expr: Expr, amount: Expr, unit: TimeUnit, minus: bool) -> Expr {
        let written = family(&expr) == Family::String;
        let constant = fold::constant(&expr).is_some();
        // A text stays one: whether it has a time of day is not known before it is read.
        let expr = if written && !constant { expr } else { self.moment(expr) };
        let (amount, unit) = match self.amount(amount, unit) {
            Some(known) => known,
            None => (Expr::constant(Datum::Null, SqlType::BIGINT), unit),
        };
        let fsp = match &expr.ty().sql {
            _ if unit.has_fraction() || family(&amount) == Family::Decimal => 6,
            SqlType::DateTime(n) | SqlType::Timestamp(n) | SqlType::Time(n) => *n,
            _ => 0,
        };
        let ty = match &expr.ty().sql {
            text if text.is_string() => types::string(types::text_length(&SqlType::DateTime(6))),
            SqlType::Date if unit.is_of_days() => SqlType::Date,
            SqlType::Time(_) if !unit.is_of_days() => SqlType::Time(fsp),
            _ => SqlType::DateTime(fsp),
        };
        let function = if minus { Function::DateSub(unit) } else { Function::DateAdd(unit) };
        match self.call(function, vec![expr, amount], ty, true) {
            // What was a text shows a fraction only if there is one.
            Expr::Constant { value: Datum::DateTime(us), .. } if written => datetime(us),
            other => other,
        }
    }

    /// The amount of an interval as the function wants it: a text for a compound unit, unless it is a constant, which is read
    /// here; else a number. `None` if a constant is no amount of the unit.
    fn amount(&mut self, amount: Expr, unit: TimeUnit) -> Option<(Expr, TimeUnit)> {
        if unit.ends().is_some() {
            let text = self.text(amount);
            let Some(Datum::String(known)) = fold::constant(&text) else { return Some((text, unit)) };
            let (simple, n) = unit.read(known)?;
            // Seconds keep the result without a fraction.
            let (simple, n) = match simple {
                TimeUnit::Microsecond if !unit.has_fraction() => (TimeUnit::Second, n / 1_000_000),
                other => (other, n),
            };
            return Some((Expr::constant(Datum::Int(n), SqlType::BIGINT), simple));
        }
        let amount = match (unit, family(&amount)) {
            (_, Family::Int) => amount,
            (TimeUnit::Second, Family::Decimal) => amount,
            (TimeUnit::Second, Family::String | Family::Double) if !reads_as_integer(&amount) => {
                self.cast(amount, &types::decimal(20, 6))
            }
            _ => self.cast(amount, &SqlType::BIGINT),
        };
        Some((amount, unit))
    }

    /// EXTRACT(unit FROM expr).
    pub fn extract(&mut self, unit: TimeUnit, expr: Expr) -> Expr {
        let largest = unit.ends().map_or(unit, |(largest, _)| largest);
        let of_day =
            matches!(largest, TimeUnit::Hour | TimeUnit::Minute | TimeUnit::Second | TimeUnit::Microsecond);
        let expr = match family(&expr) {
            Family::Time => expr,
            Family::String if of_day => self.cast(expr, &SqlType::Time(6)),
            _ => self.moment(expr),
        };
        let nullable = expr.ty().nullable;
        self.call(Function::Extract(unit), vec![expr], SqlType::BIGINT, nullable)
    }

    /// A value where a date or datetime is wanted: a constant string is read as whichever it is.
    pub fn moment(&mut self, expr: Expr) -> Expr {
        match family(&expr) {
            Family::Date | Family::DateTime | Family::Time => expr,
            Family::Null => self.cast(expr, &SqlType::DateTime(0)),
            Family::String => {
                if let Some(Datum::String(s)) = fold::constant(&expr)
                    && let Some((us, has_time)) = calendar::parse_datetime(s)
                {
                    return if has_time {
                        let fsp = if us % 1_000_000 == 0 { 0 } else { 6 };
                        Expr::constant(Datum::DateTime(us), SqlType::DateTime(fsp))
                    } else {
                        Expr::constant(Datum::Date(us.div_euclid(calendar::DAY_US) as i32), SqlType::Date)
                    };
                }
                self.cast(expr, &SqlType::DateTime(6))
            }
            Family::Choice => {
                let text = self.text(expr);
                self.moment(text)
            }
            _ => self.cast(expr, &SqlType::DateTime(0)),
        }
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

    // Control flow.

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

    // Aggregates.

    /// An aggregate with its arguments cast and its type.
    pub fn aggregate(
        &mut self,
        function: AggregateFunction,
        mut args: Vec<Expr>,
        distinct: bool,
    ) -> AggregateCall {
        use AggregateFunction as A;
        let mut nullable = true;
        let sql = match function {
            A::CountAll | A::Count | A::ApproxCountDistinct => {
                nullable = false;
                args = args
                    .into_iter()
                    .map(|a| match family(&a) {
                        Family::Null => self.cast(a, &SqlType::BIGINT),
                        Family::Json if distinct => order_key_of(a),
                        Family::String if distinct || function == A::ApproxCountDistinct => {
                            collate::ordered_by(a)
                        }
                        _ => a,
                    })
                    .collect();
                SqlType::BIGINT
            }
            A::Sum | A::Avg => {
                args = args.into_iter().map(|a| self.number(a)).collect();
                let (whole, scale) = args.first().map_or((1, 0), |a| types::type_digits(&a.ty().sql));
                match args.first().map(family) {
                    Some(Family::Double) => SqlType::Double,
                    _ if function == A::Sum => types::decimal(whole + scale + 22, scale),
                    _ => types::decimal(whole + scale + 4, scale + 4),
                }
            }
            A::Min | A::Max | A::AnyValue => {
                if function != A::AnyValue {
                    args = args.into_iter().map(|a| self.ordered(a)).collect();
                }
                if function == A::AnyValue {
                    nullable = args.first().is_none_or(|a| a.ty().nullable);
                }
                args.first().map_or(types::NULL_TYPE, |a| a.ty().sql.clone())
            }
            A::ApproxPercentile { .. } => {
                // Texts have no percentiles.
                let text = args.first().is_none_or(|a| matches!(family(a), Family::String | Family::Binary));
                args = args
                    .into_iter()
                    .map(|a| match family(&a) {
                        _ if text => Expr::constant(Datum::Null, SqlType::BIGINT),
                        Family::Null => self.cast(a, &SqlType::BIGINT),
                        Family::Choice => self.number(a),
                        _ => a,
                    })
                    .collect();
                args.first().map_or(SqlType::BIGINT, |a| a.ty().sql.clone())
            }
            A::BitAnd | A::BitOr | A::BitXor => {
                nullable = false;
                args = args.into_iter().map(|a| self.bit_pattern(a)).collect();
                SqlType::BIGINT_UNSIGNED
            }
            A::StdDevPop | A::StdDevSamp | A::VarPop | A::VarSamp => {
                args = args
                    .into_iter()
                    .map(|a| {
                        let a = self.number(a);
                        self.cast(a, &SqlType::Double)
                    })
                    .collect();
                SqlType::Double
            }
            A::JsonArrayAgg => {
                args = args.into_iter().map(|a| self.json_element(a)).collect();
                SqlType::Json
            }
            A::JsonObjectAgg => {
                args = args
                    .into_iter()
                    .enumerate()
                    .map(|(at, a)| if at == 0 { self.json_key(a) } else { self.json_element(a) })
                    .collect();
                SqlType::Json
            }
            A::GroupConcat(_) => {
                let mut parts = Vec::with_capacity(args.len());
                for (at, arg) in args.into_iter().enumerate() {
                    parts.push(match (at, family(&arg)) {
                        (0 | 1, _) => self.text(arg),
                        (_, Family::Null) => self.cast(arg, &SqlType::BIGINT),
                        (_, Family::Json) => order_key_of(arg),
                        (_, Family::String) => collate::ordered_by(arg),
                        _ => arg,
                    });
                }
                args = parts;
                match args.first().map(family) {
                    Some(Family::Binary) => SqlType::Blob(u32::MAX),
                    _ => SqlType::text(u32::MAX),
                }
            }
        };
        AggregateCall { function, args, distinct, ty: ColumnType { sql, nullable } }
    }
}

/// `other` as a value of the same type as the members of `choice`, if equality of the two is equality of their numbers.
fn member(choice: &Expr, other: &Expr) -> Option<Expr> {
    let ty = &choice.ty().sql;
    let (SqlType::Enum(members) | SqlType::Set(members)) = ty else { return None };
    if other.ty().sql == *ty && !members.has_empty() {
        return Some(other.clone());
    }
    let Some(Datum::String(text)) = fold::constant(other) else { return None };
    Some(Expr::constant(Datum::UInt(ty.number_printed(text)?), ty.clone()))
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

fn reads_as_integer(expr: &Expr) -> bool {
    matches!(fold::constant(expr), Some(Datum::String(s)) if s.trim().parse::<i64>().is_ok())
}

fn datetime(us: i64) -> Expr {
    Expr::constant(Datum::DateTime(us), SqlType::DateTime(if us % 1_000_000 == 0 { 0 } else { 6 }))
}
