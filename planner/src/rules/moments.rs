//! A moment is compared as it is held and not as clocks show it, so that its keys can be used.
//!
//! ```sql
//! set time_zone = 'Europe/Berlin'
//! where ts < '2024-07-01 12:00:00'    -- clock_of(ts) < '2024-07-01 12:00:00' becomes ts < '2024-07-01 10:00:00'
//! where unix_timestamp(ts) = 0        -- of the moment itself
//! ```
//! What would break it: a time that clocks show twice is equal to two moments, and one that they never show to none. Such
//! comparisons stay as they are. At all others clocks never show less later, nor more before.

use allod_storage::schema::Datum;

use super::Context;
use crate::expr::{Expr, Function};
use crate::logical::Plan;
use crate::zone::{Moments, Zone};

pub(super) fn apply(plan: Plan, _cx: &mut Context) -> Plan {
    let mut any = false;
    plan.walk(&mut |node| {
        node.visit_own_exprs(&mut |e| e.walk(&mut |part| any |= clock_of(part).is_some()));
    });
    if !any {
        return plan;
    }
    plan.transform_up(&mut |node| node.map_own_exprs(&mut |e| e.transform(&mut held)))
}

fn held(e: Expr) -> Expr {
    let Expr::Call { function, args, ty } = &e else { return e };
    let args = match (function, args.as_slice()) {
        (Function::MomentOf(zone), [shown]) => match clock_of(shown) {
            Some((own, moment)) if own == *zone => return moment.clone(),
            _ => None,
        },
        (
            Function::Eq
            | Function::Ne
            | Function::NullEq
            | Function::Lt
            | Function::Le
            | Function::Gt
            | Function::Ge
            | Function::In,
            [shown, constants @ ..],
        ) => compared(shown, constants),
        _ => None,
    };
    match args {
        Some(args) => Expr::Call { function: function.clone(), args, ty: ty.clone() },
        None => e,
    }
}

/// The moment and those of the constants that it is compared with.
fn compared(shown: &Expr, constants: &[Expr]) -> Option<Vec<Expr>> {
    let (zone, moment) = clock_of(shown)?;
    let mut args = vec![moment.clone()];
    for constant in constants {
        let Expr::Constant { value, ty } = constant else { return None };
        let value = match value {
            Datum::Null => Datum::Null,
            Datum::DateTime(us) => match zone.moments(*us) {
                Moments::One(us) => Datum::DateTime(us),
                Moments::Two(..) | Moments::Never(_) => return None,
            },
            _ => return None,
        };
        args.push(Expr::Constant { value, ty: ty.clone() });
    }
    Some(args)
}

/// The zone and the moment, if it is what clocks show.
fn clock_of(e: &Expr) -> Option<(Zone, &Expr)> {
    match e {
        Expr::Call { function: Function::ClockOf(zone), args, .. } => Some((*zone, args.first()?)),
        Expr::Call { .. } | Expr::Column { .. } | Expr::Constant { .. } => None,
    }
}
