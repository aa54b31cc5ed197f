//! Bounds on the column of a key behind those whose values are looked up: `b.k = a.id AND b.x > 5 AND b.x <= a.v`.

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::Lookup;
use allod_storage::key::{append_datums, end_of_prefix};
use allod_storage::schema::Datum;
use arrow::datatypes::DataType;

use super::compile::At;
use super::keys::Keys;

/// Where the bounds come from, if there are any.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    low: Option<From>,
    high: Option<From>,
}

#[derive(Debug)]
enum From {
    /// The plan, where it stays.
    Plan,
    /// The tuple.
    Tuple(At),
}

impl Bounds {
    /// Those of a lookup; `ty` is that of the column. `None` = they are none that are compared as they are encoded.
    pub fn of(lookup: &Lookup, ty: Option<&DataType>, at: impl Fn(ColumnId) -> Option<At>) -> Option<Bounds> {
        let from = |bounds: &[(Expr, bool)]| match bounds {
            [] => Some(None),
            [(bound, _)] if ty.is_some_and(|ty| bound.ty().arrow() == *ty) => match bound {
                Expr::Constant { .. } => Some(Some(From::Plan)),
                Expr::Column { id, .. } => Some(Some(From::Tuple(at(*id)?))),
                Expr::Call { .. } => None,
            },
            _ => None,
        };
        Some(Bounds { low: from(&lookup.low)?, high: from(&lookup.high)? })
    }

    /// Whether a condition is one of them, and holds for whatever is found. `is_next`: that a column is the one they are on.
    pub fn say(lookup: &Lookup, condition: &Expr, is_next: impl Fn(ColumnId) -> bool) -> bool {
        let Expr::Call { function, args, .. } = condition else { return false };
        let [Expr::Column { id: a, .. }, Expr::Column { id: b, .. }] = &**args else { return false };
        let (comes_first, value) = match (is_next(*a), is_next(*b)) {
            (true, false) => (true, b),
            (false, true) => (false, a),
            (true, true) | (false, false) => return false,
        };
        let (bounds, is_within) = match (function, comes_first) {
            (Function::Gt, true) | (Function::Lt, false) => (&lookup.low, false),
            (Function::Ge, true) | (Function::Le, false) => (&lookup.low, true),
            (Function::Lt, true) | (Function::Gt, false) => (&lookup.high, false),
            (Function::Le, true) | (Function::Ge, false) => (&lookup.high, true),
            _ => return false,
        };
        let is_it = |(bound, within): &(Expr, bool)| {
            *within == is_within && matches!(bound, Expr::Column { id, .. } if id == value)
        };
        bounds.iter().any(is_it)
    }

    pub fn are_none(&self) -> bool {
        self.low.is_none() && self.high.is_none()
    }

    /// Makes of the keys that start with `keys.start` those within the bounds; whether there may be any. `None` = that cannot be
    /// said.
    pub fn cut(&self, lookup: &Lookup, value: impl Fn(At) -> Option<Datum>, keys: &mut Keys) -> Option<bool> {
        let of = |from: &Option<From>, bounds: &[(Expr, bool)]| {
            let Some(from) = from else { return Some(None) };
            let (bound, is_within) = bounds.first()?;
            let datum = match (from, bound) {
                (From::Plan, Expr::Constant { value, .. }) => value.clone(),
                (From::Tuple(at), _) => value(*at)?,
                (From::Plan, Expr::Column { .. } | Expr::Call { .. }) => return None,
            };
            Some(Some((datum, *is_within)))
        };
        let (low, high) = (of(&self.low, &lookup.low)?, of(&self.high, &lookup.high)?);
        if [&low, &high].into_iter().flatten().any(|(datum, _)| datum.is_null()) {
            return Some(false);
        }
        keys.end.clear();
        keys.end.extend_from_slice(&keys.start);
        let (high, closed) = high.map_or((None, true), |(datum, is_within)| (Some(datum), is_within));
        append_datums(high.as_slice(), &mut keys.end);
        if closed {
            end_of_prefix(&mut keys.end);
        }
        // NULL is within no bounds, and less than all that is.
        let (low, is_within) = low.unwrap_or((Datum::Null, false));
        append_datums(&[low], &mut keys.start);
        if !is_within {
            end_of_prefix(&mut keys.start);
        }
        Some(keys.start < keys.end)
    }
}
