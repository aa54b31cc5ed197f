//! Tables that are written to in another form than the plan knows: with indexes that came since, or that are being added.
//!
//! A plan says which rows change and what they become. Which entries have to follow is not its business but that of the moment at
//! which the writer entered the table, and its session tells it ([`Environment::layouts`](crate::Environment::layouts)). A
//! layout is the table's descriptor with more indexes behind those that the plan has, so positions mean the same in both; none of
//! those that came is public, for the plan does not look at them.
//!
//! **Statements that look** whether a key is free before they write (INSERT IGNORE, REPLACE, ON DUPLICATE KEY UPDATE, UPDATE IGNORE)
//! look in unique indexes that are write-only, too, as TiDB's do: what they find there is a row with that value. What they do not find
//! may be there all the same, or come before they write. They cannot fail for that, since neither before the index nor after it
//! would they: it is a conflict, after which they run again, and find it.

use std::borrow::Cow;
use std::sync::Arc;

use allod_planner::foreign::{ForeignKeys, ForeignTable};
use allod_planner::physical::{Node, Plan, Target};
use allod_storage::key::Key;
use allod_storage::percolator::Mutation;
use allod_storage::schema::{IndexState, TableDescriptor};

use super::changes;
use super::rows::Schemas;
use crate::error::{Error, Result};

/// What a change of rows is about, in the forms in which it is written to.
pub(super) enum LaidOut<'p> {
    /// INSERT.
    Rows {
        table: Arc<TableDescriptor>,
        foreign: Option<Arc<ForeignKeys>>,
        /// Whether it looks for keys that are taken.
        looks: bool,
    },
    /// UPDATE and DELETE.
    Targets {
        targets: Cow<'p, [Target]>,
        /// Whether it looks for keys that are taken.
        looks: bool,
    },
}

impl<'p> LaidOut<'p> {
    /// Of a change of rows.
    pub fn of(plan: &'p Plan, layouts: &[Arc<TableDescriptor>]) -> Result<LaidOut<'p>> {
        match &plan.node {
            Node::Insert { table, foreign, on_duplicate, .. } => {
                let foreign = foreign.as_ref().map(|keys| of_foreign(keys, layouts));
                Ok(LaidOut::Rows { table: layout(table, layouts), foreign, looks: on_duplicate.looks() })
            }
            Node::Update { targets, ignore, .. } => {
                Ok(LaidOut::Targets { targets: of_targets(targets, layouts), looks: *ignore })
            }
            Node::Delete { targets, .. } => {
                Ok(LaidOut::Targets { targets: of_targets(targets, layouts), looks: false })
            }
            _ => Err(Error::Plan("not a change of rows".into())),
        }
    }

    /// The tables that it names to be changed, each as often as it does.
    pub fn changed(&self) -> Vec<&Arc<TableDescriptor>> {
        match self {
            LaidOut::Rows { table, .. } => vec![table],
            LaidOut::Targets { targets, .. } => targets.iter().map(|target| &target.table).collect(),
        }
    }

    /// The tables whose rows it changes, and those that foreign keys make it look at.
    pub fn tables(&self) -> Vec<&Arc<TableDescriptor>> {
        let foreign = match self {
            LaidOut::Rows { foreign, .. } => foreign.as_ref(),
            LaidOut::Targets { targets, .. } => targets.first().and_then(|target| target.foreign.as_ref()),
        };
        let mut tables = self.changed();
        tables.extend(foreign.into_iter().flat_map(|foreign| foreign.descriptors()));
        tables
    }

    /// The schemas of the spaces of what it changes, of which `kept` are those that the plan knows.
    pub fn schemas(&self, kept: &[Schemas]) -> Vec<Schemas> {
        self.changed().into_iter().zip(kept).map(|(table, kept)| kept.of_layout(table)).collect()
    }

    /// The error of a key that is taken, though it was believed to be free, of what the statement changes.
    pub fn taken(&self, key: &Key, mutations: &[Mutation]) -> Error {
        let tables = self.tables();
        let looks = match self {
            LaidOut::Rows { looks, .. } | LaidOut::Targets { looks, .. } => *looks,
        };
        let unseen = |table: &&&Arc<TableDescriptor>| {
            changes::index_of(table, key)
                .is_some_and(|index| table.indexes[index].state != IndexState::Public)
        };
        match tables.iter().find(unseen).filter(|_| looks) {
            Some(table) => {
                let value = changes::describe(table, key, None).map(|(value, _)| value).unwrap_or_default();
                Error::WriteConflict { table: format!("{}.{}", table.database, table.name), key: value }
            }
            None => super::duplicate_in(&tables, key, mutations),
        }
    }
}

fn layout(table: &Arc<TableDescriptor>, layouts: &[Arc<TableDescriptor>]) -> Arc<TableDescriptor> {
    Arc::clone(layouts.iter().find(|layout| layout.id == table.id).unwrap_or(table))
}

fn of_targets<'p>(targets: &'p [Target], layouts: &[Arc<TableDescriptor>]) -> Cow<'p, [Target]> {
    if layouts.is_empty() {
        return Cow::Borrowed(targets);
    }
    let target = |target: &Target| Target {
        table: layout(&target.table, layouts),
        foreign: target.foreign.as_ref().map(|keys| of_foreign(keys, layouts)),
        ..target.clone()
    };
    Cow::Owned(targets.iter().map(target).collect())
}

fn of_foreign(keys: &Arc<ForeignKeys>, layouts: &[Arc<TableDescriptor>]) -> Arc<ForeignKeys> {
    if !keys.descriptors().any(|table| layouts.iter().any(|layout| layout.id == table.id)) {
        return Arc::clone(keys);
    }
    let table = |table: &ForeignTable| ForeignTable { table: layout(&table.table, layouts), ..table.clone() };
    Arc::new(ForeignKeys { tables: keys.tables.iter().map(table).collect(), links: keys.links.clone() })
}
