//! ADMIN CHECK, SPLIT TABLE, SHOW TABLE … REGIONS: which spaces of which table.

use allod_storage::schema::{Datum, KeyPart, TableDescriptor};
use sqlparser::ast;

use super::binder::Binder;
use super::ddl::TableName;
use super::temporary;
use super::view::quoted;
use crate::error::Error;
use crate::expr::{Expr, cast_constant};
use crate::parse::{SpacesSyntax, SplitSyntax};

/// Regions that a statement may ask for, for each space (as in TiDB).
const REGIONS_MAX: u64 = 1000;

/// Some of the spaces that a table lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spaces {
    /// The table.
    pub table: TableName,
    /// Positions of the partitions, ascending; `None` = all.
    pub partitions: Option<Vec<usize>>,
    /// Position of an index; `None` = the records, or for ADMIN CHECK and SHOW everything.
    pub index: Option<usize>,
}

/// Where regions are to begin, as values of the first columns of the key.
#[derive(Clone, Debug, PartialEq)]
pub enum SplitPoints {
    /// So many regions of the same size between two keys.
    Between {
        /// Where the first begins.
        low: Vec<Datum>,
        /// Where the last ends.
        high: Vec<Datum>,
        /// How many.
        regions: u64,
    },
    /// At these.
    By(Vec<Vec<Datum>>),
}

impl Binder<'_> {
    /// Spaces that a statement is about. `what`: how it is called where it is refused.
    pub(super) fn spaces(&mut self, syntax: &SpacesSyntax, what: &'static str) -> Result<Spaces, Error> {
        let (name, table) = self.table(&syntax.table)?;
        let table = table.descriptor;
        temporary::check_lasting(&table, what)?;
        let partitions = self.named_partitions(&table, &syntax.partitions)?;
        let index = match &syntax.index {
            None => None,
            Some(index) if table.clustered && index.value.eq_ignore_ascii_case("PRIMARY") => None,
            Some(index) => {
                let found = table.indexes.iter().position(|i| i.name.eq_ignore_ascii_case(&index.value));
                let unknown =
                    || Error::UnknownKey { key: index.value.clone(), table: table.name.to_string() };
                Some(found.ok_or_else(unknown)?)
            }
        };
        Ok(Spaces { table: name, partitions, index })
    }

    /// The query of the entries of an index whose handles are in these runs (the end is not): what it has of its columns, and
    /// the handle.
    pub(super) fn index_runs(
        &mut self,
        of: &SpacesSyntax,
        runs: &[(i64, i64)],
    ) -> Result<ast::Statement, Error> {
        let Spaces { table: name, index, .. } = self.spaces(of, "admin check index")?;
        let (_, table) = self.table(&of.table)?;
        let table = table.descriptor;
        let columns = index.map_or(&table.key, |index| &table.indexes[index].columns);
        let handle = match table.key.as_slice() {
            [key] if table.columns[*key].ty.sql.is_integer() => quoted(&table.columns[*key].name),
            _ => return Err(Error::NotSupported("ADMIN CHECK INDEX of handles that are no numbers".into())),
        };
        let column = |ordinal: &usize| match table.key_part(*ordinal) {
            KeyPart::Column(of) | KeyPart::SortKey(of, _) | KeyPart::Prefix(of, _) => {
                quoted(&table.columns[of].name)
            }
            KeyPart::Expression(expr) => expr.to_string(),
        };
        let columns: Vec<String> = columns.iter().map(column).collect();
        let run = |(from, to): &(i64, i64)| format!("{handle} >= {from} AND {handle} < {to}");
        let runs: Vec<String> = runs.iter().map(run).collect();
        let index = of.index.iter().map(|index| quoted(&index.value));
        let list = columns.join(", ");
        let text = format!(
            "SELECT {list}, {handle} AS extra_handle FROM {}.{} FORCE INDEX ({}) WHERE {} ORDER BY {list}, {handle}",
            quoted(&name.database),
            quoted(&name.table),
            index.collect::<String>(),
            runs.join(" OR ")
        );
        crate::parse::own_query(&text)
    }

    pub(super) fn split(
        &mut self,
        spaces: &SpacesSyntax,
        at: &SplitSyntax,
    ) -> Result<(Spaces, SplitPoints), Error> {
        let bound = self.spaces(spaces, "split table")?;
        let (_, table) = self.table(&spaces.table)?;
        let table = table.descriptor;
        let columns: Vec<usize> = match bound.index {
            None => table.key.clone(),
            Some(index) => table.indexes[index].columns.clone(),
        };
        let points = match at {
            SplitSyntax::By(rows) => {
                let all: Result<_, Error> =
                    rows.iter().map(|row| self.split_values(&table, &columns, row, "")).collect();
                SplitPoints::By(all?)
            }
            SplitSyntax::Between { low, high, regions } => {
                let refuse = |why: String| Err(Error::Split(why));
                if *regions == 0 {
                    return refuse("Split table region num should more than 0".into());
                }
                if *regions > REGIONS_MAX {
                    return refuse(format!("Split table region num exceeded the limit {REGIONS_MAX}"));
                }
                SplitPoints::Between {
                    low: self.split_values(&table, &columns, low, "lower ")?,
                    high: self.split_values(&table, &columns, high, "upper ")?,
                    regions: *regions,
                }
            }
        };
        Ok((bound, points))
    }

    /// Constants as values of the first columns of a key.
    fn split_values(
        &mut self,
        table: &TableDescriptor,
        columns: &[usize],
        values: &[ast::Expr],
        which: &str,
    ) -> Result<Vec<Datum>, Error> {
        if values.len() > columns.len() {
            let count = columns.len();
            return Err(Error::Split(format!("Split table region {which}value count should be {count}")));
        }
        let mut out = Vec::with_capacity(values.len());
        for (value, &ordinal) in values.iter().zip(columns) {
            let column = &table.columns[ordinal];
            let Expr::Constant { value, ty } = self.expr(value)? else {
                return Err(Error::BadArguments("SPLIT TABLE".into()));
            };
            let cast = cast_constant(&value, &ty.sql, &column.ty.sql);
            let cast = cast.filter(|v| v.is_null() == value.is_null());
            let wrong = || Error::Split(format!("'{value}' is no value of column '{}'", column.name));
            out.push(cast.ok_or_else(wrong)?);
        }
        Ok(out)
    }
}
