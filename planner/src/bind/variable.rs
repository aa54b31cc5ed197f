//! Variables: `@user`, `@@system`, and `@user := value` as a part of an expression.
//!
//! A user variable that its statement does not assign to is a constant. One that it does assign to is read when a row is
//! evaluated, and what it holds then may be another type in each row: `@total := @total + price` begins with the 0 of
//! `SET @total = 0` and goes on with decimals. So such a statement is bound again with the type that all of its assignments
//! have in common, until that is the one that it was bound with.

use std::collections::BTreeMap;
use std::sync::Arc;

use allod_storage::schema::{DECIMAL_PRECISION_MAX, Datum, SqlType};
use sqlparser::ast::{self, Ident};

use super::Bound;
use super::binder::Binder;
use crate::error::Error;
use crate::expr::types::{self, Family};
use crate::expr::{Expr, Volatile, literal, printed};
use crate::parse::Parsed;

/// How often a statement is bound again for its variables. Each time a product of decimals has more digits.
const PASSES_MAX: usize = 4;

/// Types of user variables, by name in lower case.
pub(super) type Types = BTreeMap<Arc<str>, SqlType>;

/// What is known of the variables that a statement assigns to.
#[derive(Default)]
pub(super) struct Assigning {
    /// What all assignments come to, if it was bound before.
    pub known: Types,
    /// Those that were bound so far.
    pub so_far: Types,
    /// Whether one of them is read or assigned to.
    pub used: bool,
}

/// Binds a statement, with the types that its variables come to.
pub(super) fn settled(
    parsed: &Parsed,
    bind: impl Fn(&Types) -> Result<Bound, Error>,
) -> Result<Bound, Error> {
    let mut known = Types::new();
    if parsed.assigned.is_empty() {
        return bind(&known);
    }
    for _ in 0..PASSES_MAX {
        let bound = bind(&known)?;
        let (Bound::Query(query)
        | Bound::Explain { query, .. }
        | Bound::Trace { query, .. }
        | Bound::Do(query)
        | Bound::Into { query, .. }
        | Bound::IntoFile { query, .. }) = &bound
        else {
            return Ok(bound);
        };
        let mut next = known.clone();
        query.assigned.iter().for_each(|(name, ty)| widen(&mut next, name, ty));
        if next == known {
            return Ok(bound);
        }
        known = next;
    }
    bind(&known)
}

/// Makes a variable hold values of this type as well.
fn widen(types: &mut Types, name: &Arc<str>, ty: &SqlType) {
    let ty = match types.get(name) {
        Some(known) => roomy(&types::common(&[known, ty]).unwrap_or(types::NULL_TYPE)),
        None => roomy(ty),
    };
    types.insert(Arc::clone(name), ty);
}

/// The type with room for any number of digits before the point, and for texts of any length.
fn roomy(ty: &SqlType) -> SqlType {
    match Family::of(ty) {
        Family::Int => SqlType::BIGINT,
        Family::UInt => SqlType::BIGINT_UNSIGNED,
        Family::Double => SqlType::Double,
        Family::Decimal => types::decimal(u32::from(DECIMAL_PRECISION_MAX), types::type_digits(ty).1),
        Family::String => SqlType::Text(u32::MAX, ty.collation()),
        Family::Binary => types::binary(u32::MAX),
        Family::DateTime => match ty {
            SqlType::Timestamp(fsp) => SqlType::DateTime(*fsp),
            other => other.clone(),
        },
        Family::Null | Family::Date | Family::Time | Family::Choice | Family::Json => ty.clone(),
    }
}

impl Binder<'_> {
    /// `@user`, `@@system`, `@@global.system`.
    pub(super) fn variable(&mut self, parts: &[Ident]) -> Result<Expr, Error> {
        self.volatile = true;
        let first = parts[0].value.as_str();
        let variables = self.cx.session.variables;
        let Some(system) = first.strip_prefix("@@") else {
            let name = parts.iter().map(|p| p.value.trim_start_matches('@')).collect::<Vec<_>>().join(".");
            return Ok(self.user_variable(&name.to_lowercase()));
        };
        // `validate_password.length` is one name.
        let joined = |parts: &[Ident]| parts.iter().map(|part| &*part.value).collect::<Vec<_>>().join(".");
        let (global, name) = match (system.to_ascii_lowercase().as_str(), parts.get(1..)) {
            ("global", Some(name @ [_, ..])) => (true, joined(name)),
            ("session" | "local", Some(name @ [_, ..])) => (false, joined(name)),
            _ => (false, joined(parts).trim_start_matches('@').to_owned()),
        };
        let name = name.as_str();
        let session = &self.cx.session;
        let of_session = match name.to_ascii_lowercase().as_str() {
            "last_insert_id" | "identity" => Some(Datum::UInt(session.last_insert_id)),
            "warning_count" => Some(Datum::UInt(session.warnings)),
            "error_count" => Some(Datum::UInt(session.errors)),
            // The time that it is, unless another was set; to the microsecond.
            "timestamp" if !global => Some(Datum::Double(self.rw.utc_now_us() as f64 / 1e6)),
            _ => None,
        };
        match of_session.or_else(|| variables.system(name, global)) {
            Some(value) => Ok(literal::datum(value)),
            None => Err(Error::UnknownVariable(name.into())),
        }
    }

    fn user_variable(&mut self, name: &str) -> Expr {
        let held = self.cx.session.variables.user(name);
        if !self.parsed.assigned.iter().any(|assigned| assigned == name) {
            return match held {
                Some((value, sql)) => Expr::constant(value, sql),
                None => Expr::constant(Datum::Null, types::NULL_TYPE),
            };
        }
        self.assigning.used = true;
        let held = held.map(|(_, ty)| ty);
        let sql = match (self.assigning.known.get(name), &held) {
            (Some(known), Some(held)) => types::common(&[held, known]),
            (Some(known), None) => Some(known.clone()),
            (None, held) => self.assigning.so_far.get(name).or(held.as_ref()).cloned(),
        };
        let sql = sql.map_or(types::string(u32::MAX), |sql| roomy(&sql));
        self.rw.volatile(Volatile::GetVariable, vec![literal::string(name)], sql, true)
    }

    /// `@user := value`.
    pub(super) fn assignment(&mut self, variable: &ast::Expr, value: &ast::Expr) -> Result<Expr, Error> {
        let ast::Expr::Identifier(ident) = variable else {
            return Err(Error::Internal("an assignment to what is no variable".into()));
        };
        self.volatile = true;
        let name: Arc<str> = ident.value.trim_start_matches('@').to_lowercase().into();
        let value = match self.expr(value)? {
            // Bits that are written are bytes to whoever asks no further.
            Expr::Constant { value, ty } => match printed(&value, &ty.sql) {
                Some(printed) => literal::datum(printed),
                None => Expr::Constant { value, ty },
            },
            member if member.ty().sql.is_choice() => self.rw.text(member),
            value => value,
        };
        let ty = value.ty().clone();
        self.assigning.used = true;
        widen(&mut self.assigning.so_far, &name, &ty.sql);
        let args = vec![literal::string(&name), value];
        Ok(self.rw.volatile(Volatile::SetVariable, args, ty.sql, ty.nullable))
    }
}
