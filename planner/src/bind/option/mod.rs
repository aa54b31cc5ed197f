//! Options of tables and of indexes: what is kept of them, and what must hold of it.
//!
//! ```text
//! CREATE TABLE t (…, KEY k (a) INVISIBLE COMMENT 'x') COMMENT = 'y' TTL = c + INTERVAL 1 DAY SHARD_ROW_ID_BITS = 4
//! k: IndexOptions { invisible, comment }      t: comment, TableOptions { ttl, shard_row_id_bits, … }
//! ```
//! The options of a table are said one after the other, and the last one counts. Those of a TTL are settled when all are known:
//! TTL_ENABLE and TTL_JOB_INTERVAL are nothing without it (error 8150).
//!
//! Left out: rows whose time has come stay where they are.

mod fault;

use std::sync::Arc;

use allod_storage::schema::{
    ColumnDef, IndexDescriptor, IndexOptions, SqlType, TableDescriptor, TableOptions, TimeToLive,
};
use sqlparser::ast::{self, CreateTableOptions, IndexOption, SqlOption};

use super::collation::Said;
use crate::error::Error;
use crate::parse::{TableOption, key_options};
use crate::placement::NO_POLICY;

pub use fault::OptionFault;

/// How often rows are looked at whose time has come, unless the statement says it.
const JOB_INTERVAL: &str = "1h";
/// TiDB's largest SHARD_ROW_ID_BITS and PRE_SPLIT_REGIONS; more is taken for as many.
const BITS_MAX: u64 = 15;

/// What the options of a table say, one after the other.
#[derive(Default)]
pub(super) struct Options {
    /// COMMENT.
    pub comment: Option<Arc<str>>,
    /// AUTO_INCREMENT.
    pub auto_increment: Option<u64>,
    /// CHARACTER SET and COLLATE.
    pub charset: Said,
    shard_row_id_bits: Option<u8>,
    pre_split_regions: Option<u8>,
    ttl: Option<(Arc<str>, Arc<str>, Arc<str>)>,
    ttl_enabled: Option<bool>,
    ttl_interval: Option<Arc<str>>,
    placement: Option<Arc<str>>,
}

impl Options {
    /// Those of CREATE TABLE: what the library has read, and what was left.
    pub fn of_new(read: &CreateTableOptions, more: &[TableOption]) -> Result<Options, Error> {
        let mut options = Options::default();
        if let CreateTableOptions::Plain(read) = read {
            options.charset = Said::of_options(read)?;
            read.iter().try_for_each(|option| options.read(option))?;
        }
        more.iter().try_for_each(|option| options.say(option))?;
        Ok(options)
    }

    /// One that the library knows. What else there is (ENGINE, …) says nothing here.
    fn read(&mut self, option: &SqlOption) -> Result<(), Error> {
        match option {
            SqlOption::Comment(text) => {
                let (ast::CommentDef::WithEq(text) | ast::CommentDef::WithoutEq(text)) = text;
                self.comment = Some(text.as_str().into());
            }
            SqlOption::KeyValue { key, value } if key.value.eq_ignore_ascii_case("AUTO_INCREMENT") => {
                self.auto_increment = value.to_string().parse().ok();
            }
            SqlOption::KeyValue { key, .. } if key.value.eq_ignore_ascii_case("INSERT_METHOD") => {
                return Err(OptionFault::InsertMethod.into());
            }
            SqlOption::NamedParenthesizedList(list) if list.key.value.eq_ignore_ascii_case("UNION") => {
                return Err(OptionFault::Union.into());
            }
            _ => {}
        }
        Ok(())
    }

    /// One more.
    pub fn say(&mut self, option: &TableOption) -> Result<(), Error> {
        let bits = |n: &u64| Some((*n).min(BITS_MAX) as u8);
        match option {
            TableOption::Comment(text) => self.comment = Some(text.as_str().into()),
            TableOption::AutoIncrement(next) => self.auto_increment = Some(*next),
            TableOption::Charset(said) => self.charset.more(said)?,
            TableOption::Ttl { column, amount, unit } => {
                let [column, amount, unit] = [&column.value, amount, unit].map(|s| Arc::from(s.as_str()));
                self.ttl = Some((column, amount, unit));
            }
            TableOption::TtlEnable(on) => self.ttl_enabled = Some(*on),
            TableOption::TtlJobInterval(text) => self.ttl_interval = Some(text.as_str().into()),
            TableOption::ShardRowIdBits(n) => self.shard_row_id_bits = bits(n),
            TableOption::PreSplitRegions(n) => self.pre_split_regions = bits(n),
            TableOption::Placement(policy) => self.placement = Some(policy.as_str().into()),
            TableOption::Union => return Err(OptionFault::Union.into()),
            TableOption::InsertMethod => return Err(OptionFault::InsertMethod.into()),
            TableOption::Nothing => {}
        }
        Ok(())
    }

    /// What is kept of them, where this was kept before. `is_new`: of a table that is to be made, which says by the policy that stands
    /// for none that it has not that of its database.
    pub fn settle(self, before: &TableOptions, is_new: bool) -> Result<TableOptions, Error> {
        let mut after = before.clone();
        after.placement = self.placement.or(after.placement);
        if !is_new {
            after.placement.take_if(|policy| policy.eq_ignore_ascii_case(NO_POLICY));
        }
        after.shard_row_id_bits = self.shard_row_id_bits.unwrap_or(before.shard_row_id_bits);
        after.pre_split_regions = self.pre_split_regions.unwrap_or(before.pre_split_regions);
        if let Some((column, amount, unit)) = self.ttl {
            let (enabled, job_interval) = match &before.ttl {
                Some(before) => (before.enabled, Arc::clone(&before.job_interval)),
                None => (true, JOB_INTERVAL.into()),
            };
            after.ttl = Some(TimeToLive { column, amount, unit, enabled, job_interval });
        }
        if let Some(on) = self.ttl_enabled {
            after.ttl.as_mut().ok_or(OptionFault::NoTtl("TTL_ENABLE"))?.enabled = on;
        }
        if let Some(interval) = self.ttl_interval {
            after.ttl.as_mut().ok_or(OptionFault::NoTtl("TTL_JOB_INTERVAL"))?.job_interval = interval;
        }
        Ok(after)
    }
}

/// The options of a key.
pub(super) fn of_key(options: &[IndexOption]) -> IndexOptions {
    let (invisible, global, comment) = key_options(options);
    IndexOptions { invisible, global, comment: comment.into() }
}

/// What must hold of the TTL of a table of these columns: the column is called there as it is here. `key`: the columns of the
/// clustered primary key; `referred`: whether a foreign key refers to the table.
pub(super) fn check_ttl(
    options: &mut TableOptions,
    columns: &[ColumnDef],
    key: &[usize],
    referred: impl FnOnce() -> bool,
) -> Result<(), Error> {
    let Some(ttl) = &mut options.ttl else { return Ok(()) };
    let named = |c: &&ColumnDef| !c.hidden && c.name.eq_ignore_ascii_case(&ttl.column);
    let Some(column) = columns.iter().find(named) else {
        let name = ttl.column.to_string();
        return Err(Error::UnknownColumn { name, clause: "TTL config", position: None });
    };
    if !matches!(column.ty.sql, SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_)) {
        return Err(OptionFault::TtlColumnType(column.name.to_string()).into());
    }
    ttl.column = Arc::clone(&column.name);
    if key.iter().any(|o| matches!(columns[*o].ty.sql, SqlType::Float | SqlType::Double)) {
        return Err(OptionFault::TtlPrimaryKey.into());
    }
    if referred() {
        return Err(OptionFault::TtlReferred.into());
    }
    Ok(())
}

/// A primary key is visible, also the UNIQUE key that stands for one: the first on whole columns that are not to be NULL.
pub(super) fn check_visible<'a>(
    has_clustered: bool,
    keys: impl Iterator<Item = (&'a str, bool, &'a [usize], &'a IndexOptions)> + Clone,
    columns: &[ColumnDef],
) -> Result<(), Error> {
    if has_clustered {
        return Ok(());
    }
    let stands_for_one = |of: &[usize]| of.iter().all(|o| !columns[*o].hidden && !columns[*o].ty.nullable);
    let declared = keys.clone().find(|(name, ..)| *name == "PRIMARY");
    let primary = declared.or_else(|| keys.clone().find(|(_, unique, of, _)| *unique && stands_for_one(of)));
    match primary {
        Some((.., options)) if options.invisible => Err(OptionFault::InvisiblePrimaryKey.into()),
        _ => Ok(()),
    }
}

/// A global index is one over partitions, and not the order of rows (error 8200).
pub(super) fn check_global(
    has_partitions: bool,
    clustered: Option<&IndexOptions>,
    mut keys: impl Iterator<Item = bool>,
) -> Result<(), Error> {
    let unsupported = |what: &str| Err(Error::Unsupported(what.into()));
    match clustered {
        Some(options) if options.global => {
            unsupported("create an index that is both a global index and a clustered index")
        }
        _ if !has_partitions && keys.any(|global| global) => {
            unsupported("create a global index on a table without partitions")
        }
        _ => Ok(()),
    }
}

/// A table that is cached stays as it is.
pub(super) fn check_not_cached(table: &TableDescriptor, what: &'static str) -> Result<(), Error> {
    match table.options.cached {
        true => Err(OptionFault::Cached(what).into()),
        false => Ok(()),
    }
}

/// An index as [`check_visible`] wants it.
pub(super) fn described(index: &IndexDescriptor) -> (&str, bool, &[usize], &IndexOptions) {
    (&index.name, index.unique, &index.columns, &index.options)
}
