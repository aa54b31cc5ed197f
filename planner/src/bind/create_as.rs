//! CREATE TABLE … SELECT: the columns that a query gives to a new table, and the INSERT that fills it.
//!
//! Columns that only the definition names come first, then those of the query in its order; one that both name is as the
//! definition says. A column of a table keeps its type, NULLability, default and comment; what is computed gets the type that
//! it has, and a default if it is never NULL, as in MySQL.
//!
//! ```text
//! create table u (n int, v int) select v, id + 1 as k from t      u (n int, v int, k bigint), insert into u (v, k) select …
//! ```
//! The table is made for the session alone, filled, and then shown to all (`engine/src/session/create_as.rs`).

use allod_storage::schema::{ColumnDef, ColumnDefault, ColumnType, Datum, SqlType, Temporary};
use sqlparser::ast::{self, DataType, Ident, SelectItem, SetExpr};

use super::binder::{Binder, Block};
use super::expression::not_supported;
use super::{Bound, CreateTable, Ddl, ForeignFault, PlanContext};
use crate::error::Error;
use crate::logical::Plan;
use crate::parse::{NewRows, Parsed, Statement, insert_of};

/// A new table that is filled by a query.
pub(super) struct CreateAs<'a> {
    /// As written.
    pub table: &'a ast::CreateTable,
    query: &'a ast::Query,
    /// What becomes of rows whose key is taken.
    how: NewRows,
}

impl<'a> CreateAs<'a> {
    /// `None`: the table is to be empty.
    pub fn new(table: &'a ast::CreateTable, how: NewRows) -> Option<CreateAs<'a>> {
        table.query.as_deref().map(|query| CreateAs { table, query, how })
    }

    /// Binds it. `define` defines the table that all columns are known of, some of them for good.
    pub fn bind(
        &self,
        parsed: &Parsed,
        cx: &PlanContext,
        define: impl FnOnce(&ast::CreateTable, &[Option<ColumnDef>]) -> Result<Bound, Error>,
    ) -> Result<Bound, Error> {
        let mut reader = Binder::new(parsed, cx)?;
        let block = reader.query(self.query)?;
        let selected = self.selected(&reader, &block)?;
        let names: Vec<Ident> = selected.iter().map(|column| Ident::with_quote('`', &*column.name)).collect();
        let (table, defined) = self.defined(selected);
        let Bound::Ddl(Ddl::CreateTable(create)) = define(&table, &defined)? else {
            return Err(Error::Internal("a definition of a table is one".into()));
        };
        if !create.constraints.foreign_keys.is_empty() {
            return Err(ForeignFault::WithSelect.into());
        }
        if create.temporary == Some(Temporary::Global) {
            return Err(not_supported("CREATE GLOBAL TEMPORARY TABLE … SELECT"));
        }
        if reads(&block.plan, &create) {
            return Err(not_supported("CREATE TEMPORARY TABLE … SELECT from the table that it hides"));
        }
        let insert = insert_of(&self.table.name, names, self.query, self.how)?;
        let insert = Box::new(Parsed { statement: Statement::Sql(Box::new(insert)), ..parsed.clone() });
        Ok(Bound::CreateTableAs { create: Box::new(create), insert })
    }

    /// The columns of the query as columns of a table.
    fn selected(&self, reader: &Binder, block: &Block) -> Result<Vec<ColumnDef>, Error> {
        let mut columns: Vec<ColumnDef> = Vec::with_capacity(block.output.len());
        for (at, output) in block.output.iter().enumerate() {
            if columns.iter().any(|c| c.name.eq_ignore_ascii_case(&output.name)) {
                return Err(Error::DuplicateColumn(output.name.to_string()));
            }
            let info = reader.columns.get(output.id);
            let model = info.origin.as_ref().and_then(|origin| {
                let table = reader.cx.catalog.table(&origin.database, &origin.table)?.descriptor;
                let ordinal = table.column(&origin.column)?;
                Some(table.columns[ordinal].clone())
            });
            columns.push(match model {
                Some(model) => copied(&output.name, &info.ty, model),
                None => computed(&output.name, &info.ty, self.is_short(at)),
            });
        }
        Ok(columns)
    }

    /// The table with all of its columns, and those of them that are known for good.
    fn defined(&self, mut selected: Vec<ColumnDef>) -> (ast::CreateTable, Vec<Option<ColumnDef>>) {
        let same =
            |def: &ast::ColumnDef, column: &ColumnDef| column.name.eq_ignore_ascii_case(&def.name.value);
        let own = self.table.columns.iter().filter(|def| !selected.iter().any(|column| same(def, column)));
        let (mut columns, mut defined): (Vec<_>, Vec<_>) = own.map(|def| (def.clone(), None)).unzip();
        for column in selected.drain(..) {
            let said = self.table.columns.iter().find(|def| same(def, &column)).cloned();
            let name = Ident::with_quote('`', &*column.name);
            defined.push(said.is_none().then_some(column));
            // Of a column that is known nothing else is asked.
            let known = || ast::ColumnDef { name, data_type: DataType::Int(None), options: Vec::new() };
            columns.push(said.unwrap_or_else(known));
        }
        (ast::CreateTable { columns, query: None, ..self.table.clone() }, defined)
    }

    /// Whether an item of the select list is a number that an INT holds whatever it is: of at most nine digits, as in MySQL.
    fn is_short(&self, at: usize) -> bool {
        let SetExpr::Select(select) = &*self.query.body else { return false };
        let (Some(SelectItem::UnnamedExpr(e)) | Some(SelectItem::ExprWithAlias { expr: e, .. })) =
            select.projection.get(at)
        else {
            return false;
        };
        let e = match e {
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => &**expr,
            e => e,
        };
        let plain = select
            .projection
            .iter()
            .all(|item| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }));
        plain
            && matches!(e, ast::Expr::Value(value) if matches!(&value.value, ast::Value::Number(n, _) if n.len() <= 9))
    }
}

/// A column of a table in another one: what numbers rows there is a number here.
fn copied(name: &str, ty: &ColumnType, model: ColumnDef) -> ColumnDef {
    let default = match model.auto_increment {
        true => Some(ColumnDefault::Value(zero(&model.ty.sql))),
        false if ty.nullable && !model.ty.nullable => None,
        false => model.default,
    };
    let sql = model.ty.sql;
    let ty = ColumnType { sql, nullable: ty.nullable };
    let default = default.filter(|_| model.generated.is_none());
    ColumnDef {
        name: name.into(),
        ty,
        default,
        auto_increment: false,
        hidden: false,
        generated: None,
        ..model
    }
}

/// A column that an expression has made.
fn computed(name: &str, ty: &ColumnType, short: bool) -> ColumnDef {
    let sql = match &ty.sql {
        SqlType::Null => SqlType::Binary(0),
        SqlType::Int { unsigned: false, .. } if short || ty.sql == SqlType::BOOL => SqlType::INT,
        other => other.clone(),
    };
    let default = match (&sql, ty.nullable) {
        (_, true) => None,
        (SqlType::Int { .. } | SqlType::Double | SqlType::Float, false) => Some(zero(&sql)),
        (SqlType::Char(..) | SqlType::VarChar(..), false) => Some(Datum::string("")),
        _ => None,
    };
    let ty = ColumnType { sql, nullable: ty.nullable };
    ColumnDef { default: default.map(ColumnDefault::Value), ..ColumnDef::new(name, ty) }
}

/// 0 of a type of numbers.
fn zero(ty: &SqlType) -> Datum {
    match ty {
        SqlType::Int { unsigned: true, .. } => Datum::UInt(0),
        SqlType::Double | SqlType::Float => Datum::Double(0.0),
        _ => Datum::Int(0),
    }
}

/// Whether a plan reads a table of the name of one that is to be made.
fn reads(plan: &Plan, create: &CreateTable) -> bool {
    let mut found = false;
    plan.walk(&mut |node| {
        if let Plan::Scan(scan) = node {
            found |= scan.table.name.eq_ignore_ascii_case(&create.name.table)
                && scan.table.database.eq_ignore_ascii_case(&create.name.database);
        }
    });
    found
}
