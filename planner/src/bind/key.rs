//! Keys as they are written: `KEY k (a, b(10), (a + 1))`.
//!
//! A key is on columns. Where it is written on something else, a hidden generated column holds that, and the key is on the
//! hidden column, as in MySQL: for the value of an expression, and for the beginning of a column too. Writing rows, filling
//! indexes, unique keys, locks and statistics know nothing of it:
//!
//! ```text
//! t (a int, b text, key k (a, b(10), (a + 1)))        a, b, _V$_k_1 = the first 10 characters of b, _V$_k_2 = a + 1
//! where a + 1 = 5                                     read from _V$_k_2, as with any generated column (rules::generated)
//! where a = 1 and b > 'x'                             ranges of a and of beginnings; b > 'x' is checked again (ranges)
//! ```
//! Hidden columns stand behind the declared ones. They have names, which nobody can write; they come and go with their key,
//! and then rows are made anew. SHOW CREATE TABLE and its like ask [`TableDescriptor::key_part`] what they are to the user.
//!
//! What is not done: a beginning is not looked up by index joins, and an expression that yields TEXT is refused even where a
//! length might be given, as in MySQL.
//!
//! [`TableDescriptor::key_part`]: allod_storage::schema::TableDescriptor::key_part

use allod_storage::schema::{ColumnDef, ColumnType, Generated, GeneratedKind, SqlType};
use sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, FunctionArguments, IndexColumn, TableConstraint, Value,
};

use super::binder::Binder;
use super::ddl::TableName;
use super::expression::{not_supported, unnested};
use super::generated;
use crate::error::Error;
use crate::expr::collate::SORT_KEY;
use crate::physical::PlanWarning;

/// What is said of a FULLTEXT key, which is not made, as in TiDB; `None` of any other.
pub(super) fn of_words(constraint: &TableConstraint) -> Option<PlanWarning> {
    let message = "The used table type doesn't support FULLTEXT indexes".into();
    let is_fulltext = matches!(constraint, TableConstraint::FulltextOrSpatial(key) if key.fulltext);
    is_fulltext.then_some(PlanWarning { code: 1214, message })
}

/// InnoDB's limit, and TiDB's.
const BYTES_MAX: u64 = 3072;
/// Of a key without a name whose first part is an expression.
const EXPRESSION_NAME: &str = "expression_index";

/// What can be wrong with a key. The numbers are MySQL's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// 1167: a column that holds nothing.
    #[error("the used storage engine can't index column '{0}'")]
    Empty(String),
    /// 1071.
    #[error("specified key was too long ({0} bytes); max key length is 3072 bytes")]
    TooLong(u64),
    /// 1089.
    #[error(
        "incorrect prefix key; the used key part isn't a string, the used length is longer than the key part, or the storage engine doesn't support unique prefix keys"
    )]
    Prefix,
    /// 1391.
    #[error("key part '{0}' length cannot be 0")]
    NoLength(String),
    /// 3753.
    #[error("cannot create an expression index on a function that returns a JSON or GEOMETRY value")]
    Json,
    /// 3754.
    #[error("expression index '{0}' cannot refer to an auto-increment column")]
    AutoIncrement(String),
    /// 3756.
    #[error("the primary key cannot be an expression index")]
    Primary,
    /// 3757.
    #[error(
        "cannot create an expression index on an expression that returns a BLOB or TEXT. Please consider using CAST"
    )]
    Text,
    /// 3758.
    #[error("expression of expression index '{0}' contains a disallowed function")]
    Function(String),
    /// 3761: what it yields has no length, or no type.
    #[error("the used storage engine cannot index the expression '{0}'")]
    NotIndexable(String),
    /// 3762.
    #[error("expression index on a column is not supported. Consider using a regular index instead")]
    Column,
    /// 3800.
    #[error("expression of expression index '{0}' cannot refer to a row value")]
    Row(String),
    /// 8200.
    #[error("CLUSTERED/NONCLUSTERED keyword is only supported for primary key")]
    Clustered,
    /// 3837: the column cannot be dropped or renamed.
    #[error("column '{0}' has an expression index dependency and cannot be dropped or renamed")]
    Dependency(String),
}

/// A part of a key.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// The column with this ordinal.
    Column(usize),
    /// So many characters or bytes of it.
    Prefix(usize, u32),
    /// An expression.
    Expression(&'a ast::Expr),
}

/// The parts of a key of a table with these columns; one at least.
pub(super) fn parts<'a>(written: &'a [IndexColumn], columns: &[ColumnDef]) -> Result<Vec<Part<'a>>, Error> {
    let mut out = Vec::with_capacity(written.len());
    let mut named: Vec<usize> = Vec::new();
    for part in written {
        let (name, length) = match &part.column.expr {
            ast::Expr::Identifier(name) => (&name.value, None),
            ast::Expr::Function(f) => {
                let (name, length) =
                    with_length(f).ok_or_else(|| not_supported(&format!("the key part '{f}'")))?;
                (name, Some(length))
            }
            expr @ (ast::Expr::Nested(_) | ast::Expr::Tuple(_)) => {
                out.push(Part::Expression(unnested(expr)));
                continue;
            }
            other => return Err(not_supported(&format!("the key part '{other}'"))),
        };
        if length == Some(0) {
            return Err(KeyFault::NoLength(name.clone()).into());
        }
        let ordinal = columns.iter().position(|c| c.name.eq_ignore_ascii_case(name) && !c.hidden);
        let ordinal = ordinal.ok_or_else(|| Error::UnknownKeyColumn(name.clone()))?;
        if named.contains(&ordinal) {
            return Err(Error::DuplicateColumn(name.clone()));
        }
        named.push(ordinal);
        out.push(match length {
            Some(length) if prefix_type(&columns[ordinal].ty.sql, length)? != columns[ordinal].ty.sql => {
                Part::Prefix(ordinal, length)
            }
            Some(_) | None => Part::Column(ordinal),
        });
    }
    if out.is_empty() { Err(Error::UnknownKeyColumn(String::new())) } else { Ok(out) }
}

/// `c(10)`, which parses as a call.
fn with_length(f: &ast::Function) -> Option<(&String, u32)> {
    let ([ast::ObjectNamePart::Identifier(name)], FunctionArguments::List(list)) =
        (f.name.0.as_slice(), &f.args)
    else {
        return None;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Value(length)))] = list.args.as_slice() else {
        return None;
    };
    match &length.value {
        Value::Number(digits, _) => Some((&name.value, digits.parse().ok()?)),
        _ => None,
    }
}

/// The type of the beginning of a column; its own if that is all of it.
pub(super) fn prefix_type(column: &SqlType, length: u32) -> Result<SqlType, Error> {
    match column {
        SqlType::Char(n, _) | SqlType::VarChar(n, _) | SqlType::Binary(n) | SqlType::VarBinary(n)
            if length == *n =>
        {
            Ok(column.clone())
        }
        SqlType::Char(n, _) | SqlType::VarChar(n, _) | SqlType::Text(n, _) if length < *n => {
            Ok(SqlType::VarChar(length, column.collation()))
        }
        SqlType::Binary(n) | SqlType::VarBinary(n) | SqlType::Blob(n) if length < *n => {
            Ok(SqlType::VarBinary(length))
        }
        _ => Err(KeyFault::Prefix.into()),
    }
}

/// What a key without a name is called after.
pub(super) fn first_name<'a>(parts: &[Part], columns: &'a [ColumnDef]) -> &'a str {
    match parts.first() {
        Some(Part::Column(ordinal) | Part::Prefix(ordinal, _)) => &columns[*ordinal].name,
        Some(Part::Expression(_)) | None => EXPRESSION_NAME,
    }
}

/// A key of these columns is not too long.
pub(super) fn check_length(key: impl Iterator<Item = SqlType>) -> Result<(), Error> {
    let mut bytes = 0;
    for part in key {
        bytes += bytes_of(&part);
        if bytes > BYTES_MAX {
            return Err(KeyFault::TooLong(bytes).into());
        }
    }
    Ok(())
}

/// Bytes of a value in a key, as TiDB counts them: for a character as many as its set may need.
fn bytes_of(ty: &SqlType) -> u64 {
    use allod_storage::schema::IntWidth as W;
    match ty {
        SqlType::Int { width: W::Tiny, .. } | SqlType::Year => 1,
        SqlType::Int { width: W::Small, .. } | SqlType::Enum(_) => 2,
        SqlType::Int { width: W::Medium, .. } | SqlType::Date | SqlType::Time(_) => 3,
        SqlType::Int { width: W::Int, .. } | SqlType::Float | SqlType::Timestamp(_) => 4,
        SqlType::Char(n, of) | SqlType::VarChar(n, of) => u64::from(*n) * u64::from(of.charset().bytes_max()),
        SqlType::Binary(n) | SqlType::VarBinary(n) => u64::from(*n),
        SqlType::Bit(bits) => u64::from(*bits).div_ceil(8),
        // Nine digits are four bytes, and two of the others are one.
        SqlType::Decimal { precision, .. } => {
            let digits = u64::from(*precision);
            digits / 9 * 4 + (digits % 9).div_ceil(2)
        }
        // Those without a length are refused for that.
        _ => 8,
    }
}

/// The column that a part of a key is of: the one that it is the beginning of, or itself.
pub(super) fn base(columns: &[ColumnDef], ordinal: usize) -> usize {
    let (GeneratedKind::KeyPrefix { column, .. } | GeneratedKind::SortKey { column, .. }) =
        (match &columns[ordinal].generated {
            Some(generated) => &generated.kind,
            None => return ordinal,
        })
    else {
        return ordinal;
    };
    columns.iter().position(|c| !c.hidden && c.name == *column).unwrap_or(ordinal)
}

/// The hidden column of the beginning of a column.
pub(super) fn prefix_of(column: &ColumnDef, length: u32) -> Result<(ColumnType, Generated), Error> {
    let ty = ColumnType { sql: prefix_type(&column.ty.sql, length)?, nullable: column.ty.nullable };
    let expr = format!("`{}`({length})", column.name.replace('`', "``")).into();
    Ok((ty, Generated { expr, kind: GeneratedKind::KeyPrefix { column: column.name.clone(), length } }))
}

/// Whether the order of a column is that of its bytes, so that it can be in a key itself.
pub(super) fn is_plain(column: &ColumnDef) -> bool {
    !column.ty.sql.is_string() || column.ty.sql.collation().is_plain()
}

/// The hidden column of the sort key of a column, or of its beginning.
pub(super) fn sort_key_of(column: &ColumnDef, length: Option<u32>) -> Result<(ColumnType, Generated), Error> {
    // What is written TEXT needs a length.
    if length.is_none() && matches!(column.ty.sql, SqlType::Text(..)) {
        return Err(Error::BlobKey(column.name.to_string()));
    }
    if let Some(length) = length {
        prefix_type(&column.ty.sql, length)?;
    }
    let (name, nullable) = (&column.name, column.ty.nullable);
    if is_plain(column) {
        // The collation of the column has changed: its bytes are as good.
        return Err(Error::Internal("a sort key of a column that needs none".into()));
    }
    let ty = ColumnType { sql: SORT_KEY, nullable };
    let expr = format!("weight_string(`{}`)", name.replace('`', "``")).into();
    Ok((ty, Generated { expr, kind: GeneratedKind::SortKey { column: name.clone(), length } }))
}

/// The column that a part of a key is the sort key of, all of it; else the part itself.
pub(super) fn whole(columns: &[ColumnDef], ordinal: usize) -> usize {
    match columns[ordinal].generated.as_ref().map(|g| &g.kind) {
        Some(GeneratedKind::SortKey { length: None, .. }) => base(columns, ordinal),
        _ => ordinal,
    }
}

/// The types that count for the length of a key: what the user wrote, not what is held.
pub(super) fn counted(columns: &[ColumnDef], ordinal: usize) -> SqlType {
    match columns[ordinal].generated.as_ref().map(|g| &g.kind) {
        Some(GeneratedKind::SortKey { length: Some(length), .. }) => {
            SqlType::VarChar(*length, columns[base(columns, ordinal)].ty.sql.collation())
        }
        Some(GeneratedKind::SortKey { length: None, .. }) => columns[base(columns, ordinal)].ty.sql.clone(),
        _ => columns[ordinal].ty.sql.clone(),
    }
}

impl Binder<'_> {
    /// Ordinals of the columns that a key is on; hidden ones that it needs are put behind the others.
    pub(super) fn key_columns(
        &mut self,
        key: &str,
        parts: &[Part],
        table: &TableName,
        columns: &mut Vec<ColumnDef>,
    ) -> Result<Vec<usize>, Error> {
        let mut out = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let (ty, generated) = match part {
                Part::Column(ordinal) if is_plain(&columns[*ordinal]) => {
                    out.push(*ordinal);
                    continue;
                }
                Part::Column(ordinal) => sort_key_of(&columns[*ordinal], None)?,
                Part::Prefix(ordinal, length) if is_plain(&columns[*ordinal]) => {
                    prefix_of(&columns[*ordinal], *length)?
                }
                Part::Prefix(ordinal, length) => sort_key_of(&columns[*ordinal], Some(*length))?,
                Part::Expression(_) if key.eq_ignore_ascii_case("PRIMARY") => {
                    return Err(KeyFault::Primary.into());
                }
                Part::Expression(expr) => generated::key_expression(expr, key, table, columns)?,
            };
            let name = format!("_V$_{key}_{at}");
            if columns.iter().any(|c| c.name.eq_ignore_ascii_case(&name)) {
                return Err(Error::DuplicateColumn(name));
            }
            out.push(columns.len());
            columns.push(ColumnDef { hidden: true, generated: Some(generated), ..ColumnDef::new(name, ty) });
        }
        Ok(out)
    }
}
