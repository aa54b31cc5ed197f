//! CHECK, OPTIMIZE, REPAIR and CHECKSUM TABLE.
//!
//! A checksum is a query, made here: the sum of each row's CRC-32, so it does not depend on the order of the rows. It is not the
//! number that MySQL has for the same rows, which is made of their bytes as they lie there.

use allod_storage::schema::{SqlType, TableDescriptor};
use sqlparser::ast::{self, ObjectName};

use super::Bound;
use super::admin::Spaces;
use super::binder::Binder;
use super::ddl::TableName;
use crate::error::Error;
use crate::parse::{Upkeep, UpkeepSyntax, own_query};
use crate::physical::PlanWarning;

/// A table that a statement is about, as far as there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: TableName,
    /// Where it lies, or why nothing can be done for it.
    pub spaces: Result<Spaces, String>,
}

impl Binder<'_> {
    pub(super) fn upkeep(&mut self, syntax: &UpkeepSyntax) -> Result<Bound, Error> {
        let mut tables = Vec::with_capacity(syntax.tables.len());
        for table in &syntax.tables {
            let name = self.table_name(table)?;
            let spaces = match self.table(table) {
                Ok((table, known)) => {
                    let partitions = self.named_partitions(&known.descriptor, &syntax.partitions)?;
                    Ok(Spaces { table, partitions, index: None })
                }
                Err(fault @ (Error::UnknownTable { .. } | Error::WrongObject { .. }))
                    if syntax.partitions.is_empty() =>
                {
                    Err(in_a_row(&fault))
                }
                Err(error) => return Err(error),
            };
            tables.push(Kept { name, spaces });
        }
        Ok(match syntax.what {
            Upkeep::Analyze => Bound::Analyze { tables: tables.into_iter().map(|kept| kept.name).collect() },
            what => Bound::Upkeep { what, tables },
        })
    }

    /// The query that CHECKSUM TABLE is.
    pub(super) fn checksum(&mut self, tables: &[ObjectName], quick: bool) -> Result<ast::Statement, Error> {
        let mut rows = Vec::with_capacity(tables.len());
        for (at, table) in tables.iter().enumerate() {
            let name = self.table_name(table)?;
            let sum = match self.table(table) {
                // There is none that is kept.
                Ok(_) if quick => "NULL".to_owned(),
                Ok((_, known)) => checksum_of(&known.descriptor),
                Err(fault @ (Error::UnknownTable { .. } | Error::WrongObject { .. })) => {
                    self.warnings.push(PlanWarning { code: NO_SUCH_TABLE, message: in_a_row(&fault) });
                    "NULL".to_owned()
                }
                Err(error) => return Err(error),
            };
            let shown = format!("{}.{}", name.database, name.table).replace('\'', "''").replace('\\', "\\\\");
            rows.push(format!(
                "SELECT {at} AS n, '{shown}' AS `Table`, CAST({sum} AS UNSIGNED) AS `Checksum`"
            ));
        }
        own_query(&format!("SELECT `Table`, `Checksum` FROM ({}) AS t ORDER BY n", rows.join(" UNION ALL ")))
    }
}

/// The number of the warning that there is no such table.
const NO_SUCH_TABLE: u16 = 1146;

/// An error as it stands in a row, beginning as MySQL's do.
fn in_a_row(fault: &Error) -> String {
    let mut text = fault.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// The checksum of a table as a subquery.
fn checksum_of(table: &TableDescriptor) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let columns = table.visible_columns().map(|ordinal| {
        let column = &table.columns[ordinal];
        let name = quoted(&column.name);
        let text = match &column.ty.sql {
            ty if ty.is_binary() && *ty != SqlType::Json => name,
            SqlType::Bit(_) => name,
            _ => format!("CAST({name} AS CHAR)"),
        };
        format!("IFNULL(HEX({text}), 'N')")
    });
    let columns: Vec<String> = columns.collect();
    let (database, name) = (quoted(&table.database), quoted(&table.name));
    format!(
        "(SELECT COALESCE(SUM(CRC32(CONCAT_WS('#', {}))), 0) % 4294967296 FROM {database}.{name})",
        columns.join(", ")
    )
}
