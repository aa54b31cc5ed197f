//! Typed expressions: closed, plain data.
//!
//! The rewriter (here, and nowhere else) makes them from syntax. What it promises, and what every rule keeps:
//!
//! - **Arguments are already cast.** Both sides of a comparison, all branches of CASE, IF, COALESCE and all members of IN
//!   belong to one family: integers of one signedness, doubles, decimals (scales may differ; kernels rescale), strings,
//!   binary strings, dates, datetimes, times. JSON is compared by byte strings of its order (see [`JsonFunction`]). Where the SQL mixes families there is an explicit [`Function::Cast`];
//!   signed against unsigned goes through DECIMAL(20, 0), which is exact, unless one side is a constant that fits both.
//!   Arithmetic with a decimal result has decimal arguments, with an integer result integers (but DIV takes numbers of any kind), with a double result doubles.
//! - **NULL is typed**: `Constant { value: Datum::Null, ty }` where `ty` is what its context wants.
//! - **Booleans are integers**: comparisons return BIGINT-family 0, 1 or NULL; a predicate holds if it is neither 0 nor NULL.
//!   Operands of AND, OR, XOR, NOT and conditions of CASE and IF are integers of any value.
//! - **A quotient has the digits that its type says**; where these are whole words it is cut off, else rounded. Digits that do
//!   not show are only in operands ([`Exact`]).
//! - **A column of bare NULLs** has type BINARY(0), as in MySQL ([`types::NULL_TYPE`]).
//! - **`ty.nullable` is a promise**: if it is false, no row yields NULL.

mod aggregate;
mod builtins;
pub mod calendar;
mod charset;
pub mod collate;
mod convert;
mod exact;
mod families;
mod fold;
mod function;
mod json;
mod json_default;
mod keys;
pub(crate) mod literal;
mod reading;
mod rewrite;
mod special;
mod table;
pub mod types;
mod unit;
mod usage;
mod window;

pub use crate::parse::normalized as statement_text;
pub use aggregate::{AggregateCall, AggregateFunction, ConcatForm};
pub use builtins::builtins;
pub use collate::CollateFunction;
pub use convert::{
    cast_constant, cast_datum, irregular_moment, number_of_bits, number_of_bytes, printed, rescale,
};
pub(crate) use exact::shows_as;
pub use exact::{Exact, is_cut_off};
pub use families::{BlockMode, Chain, Coding, Digest, Network, Pattern, Sharding, Span, Volatile, Writing};
pub(crate) use fold::is_boolean;
pub use function::Function;
pub use json::{JsonFunction, order_key_of};
pub use keys::{KeyFunction, KeySpace, KeySpaces};
pub use literal::type_of;
pub(crate) use rewrite::QUOTIENT_DIGITS;
pub use rewrite::{Rewriter, held_in};
pub(crate) use table::{exists as function_exists, of_bytes};
pub use types::Family;
pub use unit::TimeUnit;
pub use usage::FunctionUsage;
pub use window::{Bound, Frame, WindowCall, WindowFunction};

use allod_storage::schema::{ColumnType, Datum, SqlType};

use crate::column::ColumnId;

/// An expression over the columns of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A column of the input (or, below an Apply, of the outer row).
    Column {
        /// Which.
        id: ColumnId,
        /// Its type.
        ty: ColumnType,
    },
    /// A value.
    Constant {
        /// The value, of the family of `ty`.
        value: Datum,
        /// Its type.
        ty: ColumnType,
    },
    /// A function of other expressions.
    Call {
        /// Which.
        function: Function,
        /// Its arguments, cast as the module's promise says.
        args: Vec<Expr>,
        /// The type of the result.
        ty: ColumnType,
    },
}

impl Expr {
    /// A column.
    pub fn column(id: ColumnId, ty: ColumnType) -> Expr {
        Expr::Column { id, ty }
    }

    /// A constant of the given type.
    pub fn constant(value: Datum, sql: SqlType) -> Expr {
        let nullable = value.is_null();
        Expr::Constant { value, ty: ColumnType { sql, nullable } }
    }

    /// TRUE or FALSE.
    pub fn boolean(value: bool) -> Expr {
        Expr::constant(Datum::Int(i64::from(value)), SqlType::BOOL)
    }

    /// A call with the given result type.
    pub fn call(function: Function, args: Vec<Expr>, ty: ColumnType) -> Expr {
        Expr::Call { function, args, ty }
    }

    /// The type of the value.
    pub fn ty(&self) -> &ColumnType {
        match self {
            Expr::Column { ty, .. } | Expr::Constant { ty, .. } | Expr::Call { ty, .. } => ty,
        }
    }

    /// Arguments, if it is a call.
    pub fn children(&self) -> &[Expr] {
        match self {
            Expr::Column { .. } | Expr::Constant { .. } => &[],
            Expr::Call { args, .. } => args,
        }
    }

    /// Calls `visit` on this expression and everything below it, parents first.
    pub fn walk(&self, visit: &mut impl FnMut(&Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// Rebuilds the expression bottom up: children first, then `f` on the node that holds the new children.
    pub fn transform(self, f: &mut impl FnMut(Expr) -> Expr) -> Expr {
        let rebuilt = match self {
            Expr::Call { function, args, ty } => {
                Expr::Call { function, args: args.into_iter().map(|a| a.transform(f)).collect(), ty }
            }
            leaf @ (Expr::Column { .. } | Expr::Constant { .. }) => leaf,
        };
        f(rebuilt)
    }

    /// Whether a part of it has another value each time: it must not be computed twice for a row, nor for another row.
    pub fn is_volatile(&self) -> bool {
        matches!(self, Expr::Call { function: Function::Volatile { .. }, .. })
            || self.children().iter().any(Expr::is_volatile)
    }

    /// Whether a part of it asks a sequence.
    pub fn asks_sequence(&self) -> bool {
        matches!(self, Expr::Call { function: Function::Volatile { what, .. }, .. } if what.asks_sequence())
            || self.children().iter().any(Expr::asks_sequence)
    }

    /// Whether what a part of it comes to depends on what was asked before ([`Volatile::in_turn`]).
    pub fn in_turn(&self) -> bool {
        matches!(self, Expr::Call { function: Function::Volatile { what, .. }, .. } if what.in_turn())
            || self.children().iter().any(Expr::in_turn)
    }

    /// Whether a part of it assigns to a user variable: it is evaluated even if nobody wants its value.
    pub fn assigns(&self) -> bool {
        matches!(self, Expr::Call { function: Function::Volatile { what: Volatile::SetVariable, .. }, .. })
            || self.children().iter().any(Expr::assigns)
    }

    /// Every column it uses, in order of appearance, repeats included.
    pub fn columns(&self) -> Vec<ColumnId> {
        let mut out = Vec::new();
        self.walk(&mut |e| {
            if let Expr::Column { id, .. } = e {
                out.push(*id);
            }
        });
        out
    }
}
