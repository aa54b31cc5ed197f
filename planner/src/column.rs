//! Columns of a statement, by id.
//!
//! Every column that any operator of a statement produces has an id of its own, given out once by [`Columns::add`] and
//! never reused. Expressions and plan nodes name columns by id, so rules may move operators about without renumbering
//! anything; the executor turns ids into positions when it compiles a pipeline. The arena of what each id means travels
//! with the plan, immutable, for EXPLAIN and for result headers.

use std::fmt;
use std::sync::Arc;

use allod_storage::schema::ColumnType;

/// One column of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(pub u32);

impl fmt::Display for ColumnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What a column id stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnInfo {
    /// `database.table` or the alias of the relation it comes from; `None` for a computed column.
    pub qualifier: Option<Arc<str>>,
    /// Column name, alias, or the text of the expression.
    pub name: Arc<str>,
    /// Its type.
    pub ty: ColumnType,
    /// Where its values are kept, if it is a column of a table as it is.
    pub origin: Option<Origin>,
}

/// The column of a table that a column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The database.
    pub database: Arc<str>,
    /// The table.
    pub table: Arc<str>,
    /// The table as the statement calls it.
    pub alias: Arc<str>,
    /// Its name in the table.
    pub column: Arc<str>,
    /// Whether clients take it for a boolean.
    pub boolean: bool,
}

/// The arena of a statement's columns. Its owner is whoever plans the statement; afterwards it is read only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    infos: Vec<ColumnInfo>,
}

impl Columns {
    /// Gives out the next id.
    pub fn add(&mut self, info: ColumnInfo) -> ColumnId {
        let id = ColumnId(u32::try_from(self.infos.len()).expect("a statement has fewer than 2^32 columns"));
        self.infos.push(info);
        id
    }

    /// Gives out an id for a computed column.
    pub fn add_computed(&mut self, name: impl Into<Arc<str>>, ty: ColumnType) -> ColumnId {
        self.add(ColumnInfo { qualifier: None, name: name.into(), ty, origin: None })
    }

    /// What the id stands for.
    ///
    /// # Panics
    /// If the id came from another statement.
    pub fn get(&self, id: ColumnId) -> &ColumnInfo {
        &self.infos[id.0 as usize]
    }

    /// Whether it has a column of this id.
    pub fn knows(&self, id: ColumnId) -> bool {
        (id.0 as usize) < self.infos.len()
    }

    /// Records that a column may be NULL after all: it comes from the inner side of an outer join.
    ///
    /// # Panics
    /// If the id came from another statement.
    pub fn set_nullable(&mut self, id: ColumnId) {
        self.infos[id.0 as usize].ty.nullable = true;
    }

    /// Number of ids given out.
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Whether no id was given out.
    pub fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    /// Type of a column.
    pub fn ty(&self, id: ColumnId) -> &ColumnType {
        &self.get(id).ty
    }

    /// How EXPLAIN writes a column: `db.table.column`, or `Column#7` for a computed one (tidb.md B).
    pub fn explain_name(&self, id: ColumnId) -> String {
        let info = self.get(id);
        match &info.qualifier {
            Some(q) => format!("{q}.{}", info.name),
            None => format!("Column{id}"),
        }
    }
}
