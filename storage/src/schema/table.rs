//! Descriptors of tables, indexes, partitions, and of the spaces that hold their rows.

use std::sync::Arc;

use super::{
    Collation, ColumnType, Constraints, Datum, IndexId, IndexOptions, Numbering, SpaceId, SqlType, TableId,
    TableOptions,
};

/// The hidden column that is the key of a table without a clustered primary key. Always the last column.
pub const ROW_ID_NAME: &str = "_tidb_rowid";

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    /// As written in CREATE TABLE; names compare without regard to case.
    pub name: Arc<str>,
    /// Type and nullability.
    pub ty: ColumnType,
    /// What a column holds that an INSERT leaves out; `None` = no default (NULL if nullable, else error 1364).
    pub default: Option<ColumnDefault>,
    /// ON UPDATE CURRENT_TIMESTAMP: a row that becomes another one has the time of that here, unless it is assigned.
    pub on_update_now: bool,
    /// UNSIGNED where the type has negative values (DECIMAL, FLOAT, DOUBLE): no row has one here. It says what the column
    /// takes and nothing of what is computed with it, so it is no part of the type, as it is of an integer's.
    pub unsigned: bool,
    /// FLOAT(M, D), DOUBLE(M, D): what rows hold is rounded to these digits, and nothing else is. As with `unsigned` it says
    /// nothing of what is computed with it.
    pub digits: Option<FloatDigits>,
    /// TINYINT(1), BOOL: a number like others of its type, but shown so, for clients take it for a boolean.
    pub boolean: bool,
    /// Whether the engine numbers the rows: AUTO_INCREMENT, or AUTO_RANDOM if the table's [`Numbering`] says so.
    pub auto_increment: bool,
    /// Whether nobody sees it: the row id, and what keys on expressions and on beginnings of columns are made of.
    pub hidden: bool,
    /// How it is computed; `None` = it holds what it is given.
    pub generated: Option<Generated>,
    /// COMMENT.
    pub comment: Arc<str>,
}

impl ColumnDef {
    /// A column that is seen, that anything of its type may be in, and that an INSERT must name if it takes no NULL.
    pub fn new(name: impl Into<Arc<str>>, ty: ColumnType) -> ColumnDef {
        ColumnDef {
            name: name.into(),
            ty,
            default: None,
            on_update_now: false,
            unsigned: false,
            digits: None,
            boolean: false,
            auto_increment: false,
            hidden: false,
            generated: None,
            comment: "".into(),
        }
    }
}

/// The digits that a FLOAT or DOUBLE is declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FloatDigits {
    /// In all.
    pub precision: u8,
    /// After the point.
    pub scale: u8,
}

impl FloatDigits {
    /// The nearest number of so many digits; the greatest that there is as an error.
    pub fn round(self, value: f64) -> Result<f64, f64> {
        let unit = 10f64.powi(i32::from(self.scale));
        let scaled = value * unit;
        // So great a number has no fraction.
        let rounded = if scaled.is_finite() { scaled.round_ties_even() / unit } else { value };
        let whole = i32::from(self.precision.saturating_sub(self.scale));
        let greatest = 10f64.powi(whole) - unit.recip();
        if rounded.abs() <= greatest { Ok(rounded) } else { Err(greatest.copysign(value)) }
    }
}

/// What a column holds that an INSERT leaves out.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnDefault {
    /// A value of the column's type.
    Value(Datum),
    /// CURRENT_TIMESTAMP: the time of the statement, as exact as the column's type.
    Now,
    /// The value that an expression has when the row comes, as text: `uuid()`. The planner's rewriter turns it into a typed
    /// expression.
    Expr(Arc<str>),
}

impl ColumnDefault {
    /// Whether it is DEFAULT NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, ColumnDefault::Value(Datum::Null))
    }
}

/// How a generated column is computed from others of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The expression, over columns that are not generated or stand before this one. The planner's rewriter turns it into a
    /// typed expression.
    pub expr: Arc<str>,
    /// What its user knows it as. Rows hold the value in any case.
    pub kind: GeneratedKind,
}

/// Kinds of generated columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneratedKind {
    /// VIRTUAL.
    Virtual,
    /// STORED: ALTER TABLE may do less to it, and a primary key more.
    Stored,
    /// Hidden: a part of a key, `KEY ((a + b))`.
    KeyExpression,
    /// Hidden: a part of a key, `KEY (c(10))`.
    KeyPrefix {
        /// The column that it is the beginning of.
        column: Arc<str>,
        /// How many characters of it, or bytes of a binary column.
        length: u32,
    },
    /// Hidden: a part of a key, `KEY (c)` or `KEY (c(10))`, where the sort key of `c` is not its text.
    SortKey {
        /// The column that it is the key of.
        column: Arc<str>,
        /// How many characters of it, unless all.
        length: Option<u32>,
    },
}

/// What a column of a key is to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart<'a> {
    /// The column itself.
    Column(usize),
    /// The beginning of a column: its ordinal, and how many characters or bytes.
    Prefix(usize, u32),
    /// The sort key of a column: its ordinal, and how many characters unless all.
    SortKey(usize, Option<u32>),
    /// The value of an expression.
    Expression(&'a str),
}

impl ColumnDef {
    /// Whether it is the hidden row id.
    pub fn is_row_id(&self) -> bool {
        self.hidden && self.generated.is_none()
    }

    /// Its type as MySQL writes it: `decimal(10,2) unsigned`, `float(5,2)`, `tinyint(1)`.
    pub fn type_in_sql(&self) -> String {
        let digits = match self.digits {
            Some(FloatDigits { precision, scale }) => format!("({precision},{scale})"),
            None if self.boolean => "(1)".to_owned(),
            None => String::new(),
        };
        format!("{}{digits}{}", self.ty.sql, if self.unsigned { " unsigned" } else { "" })
    }

    /// Whether rows with that column hold what rows with this one do.
    pub fn takes_all_of(&self, old: &ColumnDef) -> bool {
        self.ty == old.ty
            && (old.unsigned || !self.unsigned)
            && (self.digits.is_none() || self.digits == old.digits)
    }

    /// A constant of the column's type as it is held here, if it is.
    pub fn held(&self, value: Datum) -> Option<Datum> {
        match (value, self.digits) {
            (value, _) if self.unsigned && value.is_negative() => None,
            (Datum::Double(v), Some(digits)) => {
                let rounded = digits.round(v).ok()?;
                let single = self.ty.sql == SqlType::Float;
                Some(Datum::Double(if single { f64::from(rounded as f32) } else { rounded }))
            }
            (value, _) => Some(value),
        }
    }

    /// What statements call it: nothing if it is hidden in a key, and so they cannot.
    pub fn name_in_sql(&self) -> Arc<str> {
        if self.hidden && self.generated.is_some() { "".into() } else { Arc::clone(&self.name) }
    }
}

/// A secondary index (the clustered primary key is `TableDescriptor::key`, not an index).
#[derive(Clone, Debug, PartialEq)]
pub struct IndexDescriptor {
    /// Id within the cluster.
    pub id: IndexId,
    /// Name within the table; `PRIMARY` for a non-clustered primary key.
    pub name: Arc<str>,
    /// Whether two rows may not agree on all columns (NULLs never agree).
    pub unique: bool,
    /// Ordinals of the indexed table columns, in index order; [`TableDescriptor::key_part`] says what they are to the user.
    pub columns: Vec<usize>,
    /// What it is declared with besides.
    pub options: IndexOptions,
    /// What those who write rows do to it. In a table as queries know it every index is public.
    pub state: IndexState,
}

/// What those who write rows do to an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexState {
    /// Queries read it, and writers keep it up.
    #[default]
    Public,
    /// Writers keep it up; entries of older rows may be missing.
    WriteOnly,
    /// Writers take out the entries of rows that go, and put none in.
    DeleteOnly,
}

impl IndexDescriptor {
    /// [`SpaceSchema::unique_prefix`] of its spaces.
    pub(crate) fn unique_prefix(&self) -> Option<usize> {
        self.unique.then_some(self.columns.len())
    }
}

/// How rows are dealt to partitions (tidb.md A5): by the value of an expression or by the values of columns, and then by one
/// of four methods. HASH and RANGE and LIST go by an expression; KEY, RANGE COLUMNS and LIST COLUMNS by columns.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionScheme {
    /// The expression as written, an integer; `None` = the values of `columns`. The planner's rewriter turns it into a typed
    /// expression.
    pub expr: Option<Arc<str>>,
    /// Ordinals of the columns: those that the expression uses, ascending; or those that are listed, in that order.
    pub columns: Vec<usize>,
    /// What the value or the values say.
    pub method: PartitionMethod,
}

/// From a value (of the expression) or a tuple of values (of the columns) to the position of a partition.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionMethod {
    /// |value mod n|; NULL counts as 0, an unsigned value as the signed one with the same bits.
    Hash,
    /// CRC-32 over the values mod n.
    Key,
    /// For each partition what its tuples are less than, ascending; NULL is the least value.
    Range(Vec<Vec<RangeBound>>),
    /// For each partition its tuples; at most one partition takes what is in none of them.
    List {
        /// Tuples, one list for each partition.
        values: Vec<Vec<Vec<Datum>>>,
        /// Position of the partition with `DEFAULT`.
        default: Option<usize>,
    },
}

/// One component of `VALUES LESS THAN (…)`.
#[derive(Clone, Debug, PartialEq)]
pub enum RangeBound {
    /// A value of the column's type, or a whole number.
    Value(Datum),
    /// Greater than every value.
    MaxValue,
}

impl PartitionScheme {
    /// `HASH (expr)`.
    pub fn hash(expr: &str, columns: Vec<usize>) -> PartitionScheme {
        PartitionScheme { expr: Some(expr.into()), columns, method: PartitionMethod::Hash }
    }
}

/// One partition and the spaces that hold its rows and index entries.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionDescriptor {
    /// `p0`, `p1`, … unless named.
    pub name: Arc<str>,
    /// The space of its records.
    pub records: SpaceId,
    /// One space for each entry of `TableDescriptor::indexes`, in that order. That of a global index is the same in every
    /// partition.
    pub indexes: Vec<SpaceId>,
    /// COMMENT.
    pub comment: Arc<str>,
    /// PLACEMENT POLICY, if it is not that of its table.
    pub placement: Option<Arc<str>>,
}

/// A table, complete: what the planner binds names to, the executor reads and writes, and the catalog persists.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDescriptor {
    /// Id within the cluster.
    pub id: TableId,
    /// Database name.
    pub database: Arc<str>,
    /// Table name.
    pub name: Arc<str>,
    /// Columns in order: those that are declared, hidden ones that keys are made of, the hidden row id if there is one.
    pub columns: Vec<ColumnDef>,
    /// Ordinals of the columns that rows are sorted by: the clustered primary key, or the hidden row id. Unique.
    pub key: Vec<usize>,
    /// Whether `key` is a declared primary key.
    pub clustered: bool,
    /// Secondary indexes.
    pub indexes: Vec<IndexDescriptor>,
    /// How rows are dealt to `partitions`; `None` = there is just one.
    pub partitioning: Option<PartitionScheme>,
    /// At least one.
    pub partitions: Vec<PartitionDescriptor>,
    /// Comment of CREATE TABLE.
    pub comment: Arc<str>,
    /// What its rows must obey besides.
    pub constraints: Constraints,
    /// That of columns that say nothing of theirs.
    pub collation: Collation,
    /// What it is declared with besides.
    pub options: TableOptions,
    /// How its rows are numbered.
    pub numbering: Numbering,
    /// `None` = it lasts, and so do its rows.
    pub temporary: Option<Temporary>,
}

/// Kinds of temporary tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporary {
    /// CREATE GLOBAL TEMPORARY TABLE: everybody knows the table, and each transaction has rows of its own in it.
    Global,
    /// CREATE TEMPORARY TABLE: one session knows it, for as long as the session lasts.
    Local,
}

impl TableDescriptor {
    /// Whether it is a session's own.
    pub fn is_local(&self) -> bool {
        self.temporary == Some(Temporary::Local)
    }

    /// Ordinal of the column with this name, without regard to case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Position in `indexes` of the index with this name, without regard to case.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.indexes.iter().position(|i| i.name.eq_ignore_ascii_case(name))
    }

    /// Ordinals of the columns that `SELECT *` shows.
    pub fn visible_columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.columns.iter().enumerate().filter(|(_, c)| !c.hidden).map(|(i, _)| i)
    }

    /// What a column of a key is to its user.
    pub fn key_part(&self, ordinal: usize) -> KeyPart<'_> {
        match self.columns[ordinal].generated.as_ref().map(|g| (&g.kind, &g.expr)) {
            Some((GeneratedKind::KeyExpression, expr)) => KeyPart::Expression(expr),
            Some((GeneratedKind::KeyPrefix { column, length }, _)) => {
                self.column(column).map_or(KeyPart::Column(ordinal), |of| KeyPart::Prefix(of, *length))
            }
            Some((GeneratedKind::SortKey { column, length }, _)) => {
                self.column(column).map_or(KeyPart::Column(ordinal), |of| KeyPart::SortKey(of, *length))
            }
            Some((GeneratedKind::Virtual | GeneratedKind::Stored, _)) | None => KeyPart::Column(ordinal),
        }
    }

    /// What the space of a partition's records looks like: every column, sorted by `key`.
    pub fn record_space(&self, id: SpaceId) -> SpaceSchema {
        SpaceSchema { id, columns: self.columns.clone(), key: self.key.clone(), unique_prefix: None }
    }

    /// Whether the entries of an index of this table are in one space for all partitions.
    pub fn is_global(&self, index: usize) -> bool {
        self.partitioning.is_some() && self.indexes[index].options.global
    }

    /// The spaces of an index, each once: one for each partition, or the one of a global index.
    pub fn spaces_of_index(&self, index: usize) -> impl Iterator<Item = SpaceId> + '_ {
        let read = if self.is_global(index) { 1 } else { self.partitions.len() };
        self.partitions.iter().take(read).map(move |p| p.indexes[index])
    }

    /// What the space of an index looks like, and for each of its columns the table column it copies: the indexed columns,
    /// then those columns of `key` that are not among them, sorted by all of these. An entry of a global index also has the
    /// columns that rows are dealt by, which say where its row is.
    pub fn index_space(&self, index: usize, id: SpaceId) -> (SpaceSchema, Vec<usize>) {
        let ordinals = self.index_ordinals(index);
        let space = SpaceSchema {
            id,
            columns: ordinals.iter().map(|&o| self.columns[o].clone()).collect(),
            key: (0..ordinals.len()).collect(),
            unique_prefix: self.indexes[index].unique_prefix(),
        };
        (space, ordinals)
    }

    /// The table columns that the entries of an index copy, in their order there.
    pub fn index_ordinals(&self, index: usize) -> Vec<usize> {
        let columns = &self.indexes[index].columns;
        let mut ordinals = columns.clone();
        ordinals.extend(self.key.iter().filter(|k| !columns.contains(k)));
        if let Some(scheme) = self.partitioning.as_ref().filter(|_| self.indexes[index].options.global) {
            let held = ordinals.clone();
            ordinals.extend(scheme.columns.iter().filter(|c| !held.contains(c)));
        }
        ordinals
    }
}

/// The layout of a space: the one thing that the store knows of the rows it keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceSchema {
    /// Id within the cluster.
    pub id: SpaceId,
    /// Columns of a row.
    pub columns: Vec<ColumnDef>,
    /// Ordinals of the key columns, in key order.
    pub key: Vec<usize>,
    /// For a unique index: the encoded key of a row is only this many of the key columns if none of them is NULL, so that
    /// two rows that agree on them collide. Otherwise the encoded key holds all key columns.
    pub unique_prefix: Option<usize>,
}
