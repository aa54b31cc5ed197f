//! From a bound statement to a physical plan: the rules, then the choice of how to run what they leave.

use crate::bind::{BoundQuery, PlanContext};
use crate::error::Error;
use crate::options::Options;
use crate::physical::{AccessContext, Wishes};
use crate::{physical, rules};

/// Plans a bound statement.
pub fn optimize(bound: BoundQuery, cx: &PlanContext) -> Result<physical::Query, Error> {
    let BoundQuery { query, mut columns, dml, hints, mut warnings, .. } = bound;
    let options = Options::of(cx.session.variables);
    let wishes = Wishes::new(&hints, &query);
    warnings.extend(physical::unmatched(&hints, &query, cx.database));
    let (query, mut about_order) = rules::rewrite(query, &mut columns, &hints);
    let access = AccessContext { options: &options, hints: &hints };
    warnings.extend(physical::unmerged(&access, &query));
    let mut plan = physical::lower(query, dml, columns, access, wishes);
    warnings.append(&mut about_order);
    warnings.append(&mut plan.warnings);
    plan.warnings = warnings;
    Ok(plan)
}
