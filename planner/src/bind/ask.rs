//! Functions that ask something of the session or of the syntax: their arguments are no values, or not only their values
//! count.

use allod_storage::schema::{Collation, Datum, SqlType};
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

use super::binder::Binder;
use super::expression::{unit_argument, unnested};
use crate::error::Error;
use crate::expr::collate::{Strength, insistence};
use crate::expr::types::{self, Family};
use crate::expr::{Expr, Function, Volatile, literal};
use crate::resource::DEFAULT_GROUP;

/// The collation of what is no text.
const BINARY: &str = "binary";

impl Binder<'_> {
    /// The call, if it is one of these.
    pub(super) fn asking_function(&mut self, name: &str, args: &[&ast::Expr]) -> Result<Option<Expr>, Error> {
        let session = &self.cx.session;
        let text = |s: &str| Ok(Some(literal::string(s)));
        match (name, args) {
            ("DATE_ADD" | "ADDDATE" | "DATE_SUB" | "SUBDATE", [moment, interval]) => {
                let ast::Expr::Interval(interval) = unnested(interval) else {
                    return if name.starts_with("DATE") {
                        Err(Error::BadArguments(name.into()))
                    } else {
                        Ok(None)
                    };
                };
                let moment = self.expr(moment)?;
                self.add_interval(moment, interval, name.contains("SUB")).map(Some)
            }
            ("GROUPING", args) => self.grouping_call(args).map(Some),
            ("DEFAULT", [column]) => self.default_of(column).map(Some),
            ("VALUES", [column]) => self.inserted_value(column).map(Some),
            ("TIMESTAMPADD", [unit, amount, moment]) => {
                let (unit, amount, moment) = (unit_argument(unit)?, self.expr(amount)?, self.expr(moment)?);
                Ok(Some(self.rw.shift(moment, amount, unit, false)))
            }
            ("TIMESTAMPDIFF", [unit, from, to]) => {
                let unit = unit_argument(unit)?;
                let (from, to) = (self.expr(from)?, self.expr(to)?);
                let args = vec![self.rw.moment(from), self.rw.moment(to)];
                Ok(Some(self.rw.call(Function::TimestampDiff(unit), args, SqlType::BIGINT, true)))
            }
            ("GET_FORMAT", [kind, place]) => self.get_format(kind, place).map(Some),
            ("DATABASE" | "SCHEMA", []) => match self.cx.database {
                Some(database) => text(database),
                None => Ok(Some(Expr::constant(Datum::Null, types::string(64)))),
            },
            ("USER" | "SESSION_USER" | "SYSTEM_USER", []) => text(session.user),
            ("CURRENT_USER", []) => text(session.account),
            ("CURRENT_ROLE", []) => {
                self.volatile = true;
                text(session.roles)
            }
            ("CURRENT_RESOURCE_GROUP", []) => {
                self.volatile = true;
                match session.variables.system("resource_group", false) {
                    Some(Datum::String(group)) => text(&group),
                    _ => text(DEFAULT_GROUP),
                }
            }
            ("VERSION", []) => text(session.version),
            ("TIDB_VERSION", []) => text(session.release),
            ("TIDB_IS_DDL_OWNER", []) => Ok(Some(Expr::constant(Datum::Int(1), SqlType::BIGINT))),
            ("TIDB_CURRENT_TSO", []) => {
                self.volatile = true;
                let ts = match session.variables.system("tidb_current_ts", false) {
                    Some(Datum::UInt(ts)) => i64::try_from(ts).unwrap_or(i64::MAX),
                    _ => 0,
                };
                Ok(Some(Expr::constant(Datum::Int(ts), SqlType::BIGINT)))
            }
            ("TIDB_BOUNDED_STALENESS", [from, to]) => self.bounded_staleness(from, to).map(Some),
            // No client may read files of the server.
            ("LOAD_FILE", [file]) => {
                self.expr(file)?;
                Ok(Some(Expr::constant(Datum::Null, types::string(u32::MAX))))
            }
            ("CONNECTION_ID" | "PS_CURRENT_THREAD_ID", []) => {
                self.volatile = true;
                Ok(Some(Expr::constant(Datum::UInt(session.connection_id), SqlType::BIGINT_UNSIGNED)))
            }
            ("LAST_INSERT_ID", []) => {
                self.volatile = true;
                Ok(Some(Expr::constant(Datum::UInt(session.last_insert_id), SqlType::BIGINT_UNSIGNED)))
            }
            ("LAST_INSERT_ID", [id]) => {
                let id = self.expr(id)?;
                let id = self.rw.integer(id);
                let nullable = id.ty().nullable;
                Ok(Some(self.rw.volatile(Volatile::InsertId, vec![id], SqlType::BIGINT_UNSIGNED, nullable)))
            }
            ("FOUND_ROWS", []) => {
                self.volatile = true;
                Ok(Some(Expr::constant(Datum::UInt(session.found_rows), SqlType::BIGINT_UNSIGNED)))
            }
            ("ROW_COUNT", []) => {
                self.volatile = true;
                Ok(Some(Expr::constant(Datum::Int(session.row_count), SqlType::BIGINT)))
            }
            ("COLLATION", [x]) => {
                let (collation, _) = self.collation(x)?;
                text(&collation)
            }
            ("CHARSET", [x]) => {
                let (collation, _) = self.collation(x)?;
                text(collation.split('_').next().unwrap_or(BINARY))
            }
            ("COERCIBILITY", [x]) => {
                let (_, strength) = self.collation(x)?;
                Ok(Some(Expr::constant(Datum::Int(strength.number()), SqlType::BIGINT)))
            }
            ("NAME_CONST", [name, value]) => match const_name(name) {
                Some(_) if is_literal(value) => self.expr(value).map(Some),
                _ => Err(Error::BadArguments("NAME_CONST".into())),
            },
            ("VALIDATE_PASSWORD_STRENGTH", [password]) => self.password_strength(password).map(Some),
            (
                "CURRENT_ROLE"
                | "CURRENT_RESOURCE_GROUP"
                | "COLLATION"
                | "CHARSET"
                | "COERCIBILITY"
                | "NAME_CONST"
                | "GET_FORMAT"
                | "VALIDATE_PASSWORD_STRENGTH"
                | "TIMESTAMPADD"
                | "TIMESTAMPDIFF"
                | "DATABASE"
                | "USER"
                | "VERSION"
                | "CONNECTION_ID"
                | "PS_CURRENT_THREAD_ID"
                | "TIDB_CURRENT_TSO"
                | "TIDB_BOUNDED_STALENESS"
                | "LOAD_FILE"
                | "LAST_INSERT_ID"
                | "FOUND_ROWS"
                | "ROW_COUNT",
                _,
            ) => Err(Error::ArgumentCount(name.to_ascii_lowercase())),
            _ => match self.key_call(name, args)? {
                Some(call) => Ok(Some(call)),
                None => self.sequence_call(name, args),
            },
        }
    }

    /// The collation of an expression, and how much it insists on it. What is a constant already is asked of its syntax.
    fn collation(&mut self, e: &ast::Expr) -> Result<(String, Strength), Error> {
        let e = unnested(e);
        let bound = self.expr(e)?;
        let family = Family::of(&bound.ty().sql);
        let name = match family {
            Family::String | Family::Choice => bound.ty().sql.collation().name(),
            // Documents are of it always.
            Family::Json => Collation::default().name(),
            _ => BINARY,
        };
        let constant = matches!(bound, Expr::Constant { .. });
        let strength = match e {
            _ if family == Family::Null => return Ok((BINARY.into(), Strength::Ignorable)),
            _ if family.is_number() || family.is_temporal() => Strength::Numeric,
            ast::Expr::Identifier(ident) if ident.value.starts_with('@') => Strength::Implicit,
            ast::Expr::Function(f) if constant => match &f.args {
                FunctionArguments::List(list) if !list.args.is_empty() => {
                    let args = list.args.iter().filter_map(|arg| match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
                        _ => None,
                    });
                    self.strength_of_all(args)?
                }
                // USER(), VERSION() and their like.
                _ => Strength::System,
            },
            ast::Expr::Case { conditions, else_result, .. } if constant => {
                let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
                self.strength_of_all(results)?
            }
            ast::Expr::Cast { .. } | ast::Expr::Convert { .. } if constant => Strength::Implicit,
            _ if family == Family::Binary && !constant => Strength::Implicit,
            _ => insistence(&bound).strength,
        };
        Ok((name.into(), strength))
    }

    /// That of what is made of several: the one that insists most decides; a number that becomes text is as good as written.
    fn strength_of_all<'e>(&mut self, args: impl Iterator<Item = &'e ast::Expr>) -> Result<Strength, Error> {
        let mut least = Strength::Coercible;
        for arg in args {
            least = least.min(self.collation(arg)?.1);
        }
        Ok(least)
    }

    /// GET_FORMAT(DATE | TIME | DATETIME | TIMESTAMP, place).
    fn get_format(&mut self, kind: &ast::Expr, place: &ast::Expr) -> Result<Expr, Error> {
        let kind = match kind {
            ast::Expr::Identifier(ident) if ident.quote_style.is_none() => ident.value.to_ascii_uppercase(),
            _ => return Err(Error::BadArguments("GET_FORMAT".into())),
        };
        let formats = match kind.as_str() {
            "DATE" => ["%m.%d.%Y", "%Y-%m-%d", "%Y-%m-%d", "%d.%m.%Y", "%Y%m%d"],
            "TIME" => ["%h:%i:%s %p", "%H:%i:%s", "%H:%i:%s", "%H.%i.%s", "%H%i%s"],
            "DATETIME" | "TIMESTAMP" => [
                "%Y-%m-%d %H.%i.%s",
                "%Y-%m-%d %H:%i:%s",
                "%Y-%m-%d %H:%i:%s",
                "%Y-%m-%d %H.%i.%s",
                "%Y%m%d%H%i%s",
            ],
            _ => return Err(Error::BadArguments("GET_FORMAT".into())),
        };
        let place = self.expr(place)?;
        let place = self.rw.text(place);
        let Some(upper) = self.rw.function("UPPER", vec![place])? else {
            return Err(Error::Internal("UPPER is a function".into()));
        };
        let mut branches = Vec::with_capacity(formats.len());
        for (name, format) in ["USA", "JIS", "ISO", "EUR", "INTERNAL"].into_iter().zip(formats) {
            let is = self.rw.compare(Function::Eq, upper.clone(), literal::string(name))?;
            branches.push((is, literal::string(format)));
        }
        Ok(self.rw.case(branches, None))
    }

    /// TIDB_BOUNDED_STALENESS(from, to): the newest time between the two that can be read, and all up to now can; NULL if there is
    /// none between them.
    fn bounded_staleness(&mut self, from: &ast::Expr, to: &ast::Expr) -> Result<Expr, Error> {
        /// Digits of the result's seconds, as in TiDB.
        const DIGITS: u8 = 3;
        let ty = SqlType::DateTime(DIGITS);
        let mut bounds = Vec::with_capacity(2);
        for bound in [from, to] {
            let bound = self.expr(bound)?;
            let moment = self.rw.moment(bound);
            bounds.push(self.rw.cast(moment, &ty));
        }
        let [from, to] = [bounds[0].clone(), bounds[1].clone()];
        let now_us = self.rw.now_us().div_euclid(1000) * 1000;
        let now = Expr::constant(Datum::DateTime(now_us), ty.clone());
        let [past, late, none] = [
            self.rw.compare(Function::Lt, to.clone(), now.clone())?,
            self.rw.compare(Function::Gt, from.clone(), now.clone())?,
            self.rw.compare(Function::Gt, from.clone(), to.clone())?,
        ];
        let null = Expr::constant(Datum::Null, SqlType::DateTime(DIGITS));
        let unknown = self.rw.is(Function::IsNull, none.clone());
        let branches = vec![(unknown, null.clone()), (none, null), (past, to), (late, from)];
        let newest = self.rw.case(branches, Some(now));
        Ok(self.rw.explicit_cast(newest, ty))
    }

    /// VALIDATE_PASSWORD_STRENGTH, with the rules of the server.
    fn password_strength(&mut self, password: &ast::Expr) -> Result<Expr, Error> {
        // The rules are of the server: no session sees when they change.
        self.volatile = true;
        let password = self.expr(password)?;
        let password = self.rw.text(password);
        let variable = |name: &str| {
            let value = self.cx.session.variables.system(&format!("validate_password.{name}"), true);
            value.unwrap_or(Datum::Null)
        };
        let on = |name| match variable(name) {
            Datum::String(s) => s.eq_ignore_ascii_case("on"),
            other => other.as_f64().is_some_and(|v| v != 0.0),
        };
        if !on("enable") {
            let nullable = password.ty().nullable;
            // Without rules there is no strength; but NULL has none either.
            let null = self.rw.is(Function::IsNull, password);
            let none = (null, Expr::constant(Datum::Null, SqlType::BIGINT));
            let zero = Expr::constant(Datum::Int(0), SqlType::BIGINT);
            return Ok(if nullable { self.rw.case(vec![none], Some(zero)) } else { zero });
        }
        let mut args = vec![password];
        for name in ["length", "mixed_case_count", "number_count", "special_char_count", "dictionary"] {
            args.push(literal::datum(variable(name)));
        }
        let user = self.cx.session.user.split('@').next().unwrap_or_default();
        args.push(literal::string(if on("check_user_name") { user } else { "" }));
        let nullable = args[0].ty().nullable;
        Ok(self.rw.call(Function::PasswordStrength, args, SqlType::BIGINT, nullable))
    }
}

/// What the result's column is called, if the expression itself says so: NAME_CONST does.
pub(super) fn given_name(e: &ast::Expr) -> Option<&str> {
    let ast::Expr::Function(f) = e else { return None };
    let is = |name: &str| {
        f.name.0.last().and_then(|p| p.as_ident()).is_some_and(|i| i.value.eq_ignore_ascii_case(name))
    };
    match &f.args {
        FunctionArguments::List(list) if is("NAME_CONST") => match list.args.first()? {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(name)) => const_name(name),
            _ => None,
        },
        _ => None,
    }
}

/// The name of NAME_CONST, if it is a literal.
fn const_name(name: &ast::Expr) -> Option<&str> {
    match name {
        ast::Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) => Some(s),
            _ => None,
        },
        _ => None,
    }
}

/// A literal, perhaps with a sign.
pub(super) fn is_literal(e: &ast::Expr) -> bool {
    match e {
        ast::Expr::Value(_) | ast::Expr::TypedString(_) => true,
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus | ast::UnaryOperator::Plus, expr } => {
            matches!(**expr, ast::Expr::Value(_))
        }
        _ => false,
    }
}
