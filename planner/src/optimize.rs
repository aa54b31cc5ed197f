//! From a bound statement to a physical plan: the rules, then the choice of how to run what they leave.

use crate::bind::{BoundQuery, PlanContext};
use crate::error::Error;
use crate::physical;

/// Plans a bound statement.
pub fn optimize(bound: BoundQuery, cx: &PlanContext) -> Result<physical::Query, Error> {
    let _ = (bound, cx);
    Err(Error::NotSupported("planning".into()))
}
