//! From a bound statement to a physical plan: the rules, then the choice of how to run what they leave.

use crate::bind::{BoundQuery, PlanContext};
use crate::error::Error;
use crate::{physical, rules};

/// Plans a bound statement.
pub fn optimize(bound: BoundQuery, cx: &PlanContext) -> Result<physical::Query, Error> {
    // Everything the plan depends on was bound already; the context is here for hints and variables to come.
    let _ = cx;
    let BoundQuery { query, mut columns, dml, .. } = bound;
    let query = rules::rewrite(query, &mut columns);
    Ok(physical::lower(query, dml, columns))
}
