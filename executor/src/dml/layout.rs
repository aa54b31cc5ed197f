//! Tables that are written to in another form than the plan knows: with indexes that came since, or that are being added.
//!
//! A plan says which rows change and what they become. Which entries have to follow is not its business but that of the moment at
//! which the writer entered the table, and its session tells it ([`Environment::layouts`](crate::Environment::layouts)). A
//! layout is the table's descriptor with more indexes behind those that the plan has, so positions mean the same in both; none of
//! those that came is public, for the plan does not look at them.

use std::borrow::Cow;
use std::sync::Arc;

use allod_planner::foreign::{ForeignKeys, ForeignTable};
use allod_planner::physical::{Node, Plan, Target};
use allod_storage::schema::TableDescriptor;

/// A change of rows, with its tables in the forms in which they are written to.
pub(super) fn laid_out<'p>(plan: &'p Plan, layouts: &[Arc<TableDescriptor>]) -> Cow<'p, Plan> {
    if layouts.is_empty() {
        return Cow::Borrowed(plan);
    }
    let mut plan = plan.clone();
    match &mut plan.node {
        Node::Insert { table, foreign, .. } => {
            *table = layout(table, layouts);
            *foreign = foreign.as_deref().map(|keys| of_foreign(keys, layouts));
        }
        Node::Update { targets, .. } | Node::Delete { targets, .. } => {
            let target = |target: &Target| Target {
                table: layout(&target.table, layouts),
                foreign: target.foreign.as_deref().map(|keys| of_foreign(keys, layouts)),
                ..target.clone()
            };
            *targets = targets.iter().map(target).collect();
        }
        _ => {}
    }
    Cow::Owned(plan)
}

fn layout(table: &Arc<TableDescriptor>, layouts: &[Arc<TableDescriptor>]) -> Arc<TableDescriptor> {
    Arc::clone(layouts.iter().find(|layout| layout.id == table.id).unwrap_or(table))
}

fn of_foreign(keys: &ForeignKeys, layouts: &[Arc<TableDescriptor>]) -> Arc<ForeignKeys> {
    let table = |table: &ForeignTable| ForeignTable { table: layout(&table.table, layouts), ..table.clone() };
    Arc::new(ForeignKeys { tables: keys.tables.iter().map(table).collect(), links: keys.links.clone() })
}
