//! In which order the conjuncts of a filter are evaluated.

use crate::expr::{Expr, Function};
use crate::stats::cardinality::Profile;
use crate::stats::selectivity::selectivity;

/// Strings with at most this many distinct values travel as dictionary codes (see storage's chunks).
const DICTIONARY_MAX: f64 = 65_536.0;

/// Conjuncts in the order that is cheapest to evaluate: by what each keeps and costs. Those that assign to variables, and the like,
/// come last, in the order in which they are written.
pub(in crate::physical) fn ordered(predicates: Vec<Expr>, profile: &Profile) -> Vec<Expr> {
    let (in_turn, predicates): (Vec<_>, Vec<_>) = predicates.into_iter().partition(Expr::in_turn);
    let rank = |e: &Expr| {
        let keeps = selectivity(std::slice::from_ref(e), profile);
        (keeps - 1.0) / work(e, profile)
    };
    let mut ranked: Vec<(f64, Expr)> = predicates.into_iter().map(|e| (rank(&e), e)).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.into_iter().map(|(_, e)| e).chain(in_turn).collect()
}

/// What it costs to evaluate an expression for one row, a comparison of integers being 1.
fn work(e: &Expr, profile: &Profile) -> f64 {
    let Expr::Call { function, args, .. } = e else { return 0.0 };
    let below: f64 = args.iter().map(|a| work(a, profile)).sum();
    let coded = args.first().and_then(Expr::as_column).and_then(|id| profile.facet(id));
    let is_coded = coded.is_some_and(|f| !f.pseudo && f.distinct <= DICTIONARY_MAX);
    let of_string = args.iter().any(|a| a.ty().sql.is_string());
    let own = match function {
        Function::Like { .. } | Function::Regexp if is_coded => 1.5,
        Function::Like { .. } => 30.0,
        Function::Regexp => 100.0,
        Function::In if args.len() > 8 => 4.0,
        Function::In => 2.0,
        Function::And | Function::Or | Function::Not => 0.2,
        Function::Case | Function::If => 2.0,
        _ if of_string && is_coded => 1.2,
        _ if of_string => 8.0,
        _ => 1.0,
    };
    below + own
}
