//! ALTER TABLE of partitions.

use std::sync::Arc;

use sqlparser::ast::{self, Ident};

use super::{PartitionFault, change, define, interval};
use crate::bind::binder::Binder;
use crate::bind::ddl::{Ddl, PartitionChange};
use crate::bind::{Bound, ForeignFault, TemporaryFault, key, temporary};
use crate::catalog::Table;
use crate::error::Error;
use crate::parse::PartitionChangeSyntax;

impl Binder<'_> {
    /// ALTER TABLE of partitions.
    pub fn alter_partitions(
        &mut self,
        table: &ast::ObjectName,
        change: &PartitionChangeSyntax,
    ) -> Result<Bound, Error> {
        let (name, Table { descriptor: table, .. }) = self.table(table)?;
        temporary::check_alterable(&table, "ALTER TABLE")?;
        let texts = |names: &[Ident]| names.iter().map(|n| Arc::from(n.value.as_str())).collect();
        let change = match change {
            PartitionChangeSyntax::Add { definitions, count, if_not_exists } => {
                if let Some(told) = change::already(&table, definitions).filter(|_| *if_not_exists) {
                    return Ok(Bound::Nothing { told, is_note: true });
                }
                change::added(&table, definitions, *count, self.rw.zone)?
            }
            PartitionChangeSyntax::Drop { names, if_exists } => {
                PartitionChange::Drop { names: texts(names), if_exists: *if_exists }
            }
            PartitionChangeSyntax::Truncate(names) => PartitionChange::Truncate(texts(names)),
            PartitionChangeSyntax::Coalesce(fewer) => PartitionChange::Coalesce(*fewer),
            PartitionChangeSyntax::Reorganize { names, into } => {
                change::reorganized(&table, texts(names), into, self.rw.zone)?
            }
            PartitionChangeSyntax::Exchange { partition, with, validation } => {
                let (with, other) = self.table(with)?;
                if other.descriptor.temporary.is_some() {
                    return Err(TemporaryFault::Exchanged(with.table.to_string()).into());
                }
                if other.descriptor.partitioning.is_some() {
                    return Err(PartitionFault::ExchangePartitioned(with.table.to_string()).into());
                }
                let partition = partition.value.as_str().into();
                PartitionChange::Exchange { partition, with, validation: *validation }
            }
            PartitionChangeSyntax::Interval { end, bound } => {
                interval::changed(&table, *end, bound, self.rw.zone)?
            }
            PartitionChangeSyntax::Place { partition, policy } => PartitionChange::Place {
                partition: partition.value.as_str().into(),
                placement: define::policy(policy),
            },
            PartitionChangeSyntax::Remove => PartitionChange::Remove,
            PartitionChangeSyntax::By { clause, indexes } => {
                temporary::check_definition(table.temporary, true, false)?;
                if !table.constraints.foreign_keys.is_empty() || !self.referring(&name).is_empty() {
                    return Err(ForeignFault::Partitioned.into());
                }
                let mut global: Vec<bool> = table.indexes.iter().map(|i| i.options.global).collect();
                for (index, is_global) in indexes {
                    let at = table.index(&index.value).ok_or_else(|| Error::UnknownKey {
                        key: index.value.clone(),
                        table: table.name.to_string(),
                    })?;
                    global[at] = *is_global;
                }
                let local = table.indexes.iter().zip(&global).filter(|(_, global)| !**global);
                let local = || local.clone().map(|(index, _)| index);
                let unique = local().filter(|i| i.unique && &*i.name != "PRIMARY");
                let stored = local().find(|i| &*i.name == "PRIMARY").map(|i| i.columns.as_slice());
                let keys = define::Keys {
                    table: &name,
                    columns: &table.columns,
                    primary: if table.clustered { Some(&table.key) } else { stored },
                    unique: unique.map(|i| (&*i.name, i.columns.as_slice())).collect(),
                };
                let (scheme, partitions) = define::scheme(clause, &keys, self.rw.zone)?;
                let warnings = define::warnings(clause);
                let whole =
                    |i: &[usize]| i.iter().map(|o| key::whole(&table.columns, *o)).collect::<Vec<_>>();
                let needless = table.indexes.iter().zip(&global).find(|(index, global)| {
                    **global && index.unique && define::has_all(&whole(&index.columns), &scheme.columns)
                });
                if let Some((index, _)) = needless {
                    return Err(Error::Unsupported(format!(
                        "PARTITION BY, index '{}' is unique and contains all partitioning columns, but has Global Index set",
                        index.name
                    )));
                }
                PartitionChange::Repartition { scheme, partitions, global, warnings }
            }
        };
        change::plan_partitions(&table, &change)?;
        Ok(Bound::Ddl(Ddl::AlterPartitions { table: name, change }))
    }
}
