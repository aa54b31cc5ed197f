//! What is said of what clocks show, said of the moments.

use allod_storage::schema::{ColumnType, Datum, SqlType};

use crate::expr::{Expr, Function};
use crate::logical::predicate::boolean_call;
use crate::zone::{Moments, Zone};

/// The same of the moments themselves, if that is the same.
pub(super) fn held(e: Expr) -> Expr {
    let Expr::Call { function, args, ty } = &e else { return e };
    let said = match (function, args.as_slice()) {
        (Function::MomentOf(zone), [shown]) => own(shown, *zone).cloned(),
        (Function::Assign { zone, .. }, [shown]) => {
            own(shown, *zone).map(|moment| stored(function, moment.clone(), ty))
        }
        (Function::IsNull, [shown]) => {
            clock_of(shown).map(|(_, moment)| boolean_call(Function::IsNull, vec![moment.clone()]))
        }
        (comparison, [shown, other]) if comparison.is_comparison() => compared(&e, function, shown, other),
        (Function::In, [shown, constants @ ..]) => listed(shown, constants, ty),
        _ => None,
    };
    said.unwrap_or(e)
}

/// The zone and the moment, if it is what clocks show.
pub(super) fn clock_of(e: &Expr) -> Option<(Zone, &Expr)> {
    match e {
        Expr::Call { function: Function::ClockOf(zone), args, .. } => Some((*zone, args.first()?)),
        Expr::Call { .. } | Expr::Column { .. } | Expr::Constant { .. } => None,
    }
}

/// The moment, if it is what clocks of this zone show.
fn own(shown: &Expr, zone: Zone) -> Option<&Expr> {
    clock_of(shown).filter(|(of, _)| *of == zone).map(|(_, moment)| moment)
}

/// A moment as a column of this type is given it.
fn stored(assign: &Function, moment: Expr, ty: &ColumnType) -> Expr {
    if moment.ty().sql == ty.sql && (ty.nullable || !moment.ty().nullable) {
        return moment;
    }
    let function = match assign.clone() {
        Function::Assign { column, unsigned, digits, .. } => {
            Function::Assign { column, unsigned, digits, zone: Zone::UTC }
        }
        other => other,
    };
    Expr::call(function, vec![moment], ty.clone())
}

/// The moment in place of a constant of this type, which says what clocks show.
fn at(us: i64, ty: &ColumnType) -> Expr {
    let sql = match &ty.sql {
        SqlType::DateTime(fsp) => SqlType::Timestamp(*fsp),
        other => other.clone(),
    };
    Expr::constant(Datum::DateTime(us), sql)
}

/// What a comparison with another moment, or with a time, says of the moment.
fn compared(e: &Expr, function: &Function, shown: &Expr, other: &Expr) -> Option<Expr> {
    let (zone, moment) = clock_of(shown)?;
    let is = |function: &Function, others: Vec<Expr>| {
        let args = std::iter::once(moment.clone()).chain(others).collect();
        Expr::call(function.clone(), args, e.ty().clone())
    };
    if let Some(second) = own(other, zone) {
        return Some(is(function, vec![second.clone()]));
    }
    let Expr::Constant { value, ty } = other else { return None };
    let at = |us| at(us, ty);
    // Whatever is shown before a time has its second moment behind it, but that is not all that there is to say.
    let roughly = |us| Some(boolean_call(Function::And, vec![is(function, vec![at(us)]), e.clone()]));
    let us = match value {
        Datum::Null => return Some(is(function, vec![other.clone()])),
        Datum::DateTime(us) => *us,
        _ => return None,
    };
    match (function, zone.moments(us)) {
        (_, Moments::One(us)) => Some(is(function, vec![at(us)])),
        (Function::Eq, Moments::Two(first, second)) => Some(is(&Function::In, vec![at(first), at(second)])),
        (Function::Lt | Function::Le, Moments::Two(_, second)) => roughly(second),
        (Function::Gt | Function::Ge, Moments::Two(first, _)) => roughly(first),
        (Function::Lt | Function::Le, Moments::Never(after)) => Some(is(&Function::Lt, vec![at(after)])),
        (Function::Gt | Function::Ge, Moments::Never(after)) => Some(is(&Function::Ge, vec![at(after)])),
        (_, Moments::Two(..) | Moments::Never(_)) => None,
    }
}

/// `shown IN (…)`: each time stands for all of its moments.
fn listed(shown: &Expr, constants: &[Expr], ty: &ColumnType) -> Option<Expr> {
    let (zone, moment) = clock_of(shown)?;
    let mut args = vec![moment.clone()];
    for constant in constants {
        let Expr::Constant { value, ty } = constant else { return None };
        let mut add = |us| args.push(at(us, ty));
        match value {
            Datum::Null => args.push(constant.clone()),
            Datum::DateTime(us) => match zone.moments(*us) {
                Moments::One(us) => add(us),
                Moments::Two(first, second) => [first, second].into_iter().for_each(add),
                Moments::Never(_) => {}
            },
            _ => return None,
        }
    }
    (args.len() > 1).then(|| Expr::call(Function::In, args, ty.clone()))
}
