//! From a bound statement to a physical plan: the rules, then the choice of how to run what they leave.

use crate::bind::{BoundQuery, PlanContext};
use crate::error::Error;
use crate::options::Options;
use crate::physical::AccessContext;
use crate::{physical, rules};

/// Plans a bound statement.
pub fn optimize(bound: BoundQuery, cx: &PlanContext) -> Result<physical::Query, Error> {
    let BoundQuery { query, mut columns, dml, hints, .. } = bound;
    let options = Options::of(cx.session.variables);
    let query = rules::rewrite(query, &mut columns);
    Ok(physical::lower(query, dml, columns, AccessContext { options: &options, hints: &hints }))
}
