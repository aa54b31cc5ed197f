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
    let access = AccessContext { options: &options, hints: &hints };
    warnings.extend(physical::unmatched(&access, &query, cx.database));
    let wishes = Wishes::new(&hints, &query);
    let (query, mut about_order) = rules::rewrite(query, &mut columns, &hints);
    warnings.extend(physical::unmerged(&access, &query));
    let mut plan = physical::lower(query, dml, columns, access, wishes);
    warnings.append(&mut about_order);
    warnings.append(&mut plan.warnings);
    plan.warnings = warnings;
    Ok(plan)
}
