//! From a bound statement to a physical plan: the rules, then the choice of how to run what they leave.

use std::sync::Arc;

use crate::bind::{BoundQuery, PlanContext};
use crate::error::Error;
use crate::logical::{Plan, Query};
use crate::options::{Options, PruneMode};
use crate::physical::{AccessContext, PlanWarning, Wishes};
use crate::{physical, rules};

/// TiDB's code of what has no code of its own.
const UNKNOWN: u16 = 1105;

/// Plans a bound statement.
pub fn optimize(bound: BoundQuery, cx: &PlanContext) -> Result<physical::Query, Error> {
    let BoundQuery { query, mut columns, dml, hints, mut warnings, blocks, .. } = bound;
    let mut options = Options::of(cx.session.variables);
    if options.prune_mode == PruneMode::Dynamic
        && !options.skip_missing_partition_stats
        && let Some(table) = partitioned_without_stats(&query)
    {
        options.prune_mode = PruneMode::Static;
        let message = format!("disable dynamic pruning due to {table} has no global stats");
        warnings.push(PlanWarning { code: UNKNOWN, message });
    }
    let access = AccessContext { options: &options, hints: &hints };
    warnings.extend(physical::unmatched(&access, &query, cx.database));
    let wishes = Wishes::new(&hints, &query);
    let (query, mut about_order) = rules::rewrite(query, &mut columns, &hints);
    warnings.extend(physical::unmerged(&access, &query));
    let mut plan = physical::lower(query, dml, columns, access, wishes);
    warnings.append(&mut about_order);
    warnings.append(&mut plan.warnings);
    plan.warnings = warnings;
    plan.blocks = blocks;
    Ok(plan)
}

/// The first partitioned table of which nothing is known.
fn partitioned_without_stats(query: &Query) -> Option<Arc<str>> {
    let mut found = None;
    for plan in query.ctes.iter().chain([&query.plan]) {
        plan.walk(&mut |node| {
            if let Plan::Scan(scan) = node
                && scan.table.partitioning.is_some()
                && scan.stats.pseudo
            {
                found.get_or_insert_with(|| Arc::clone(&scan.table.name));
            }
        });
    }
    found
}
