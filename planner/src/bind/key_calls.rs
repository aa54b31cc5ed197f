//! TIDB_DECODE_KEY, TIDB_ENCODE_RECORD_KEY, TIDB_ENCODE_INDEX_KEY: calls that name tables, or know all of them.

use allod_storage::schema::{Datum, TableDescriptor};
use sqlparser::ast;

use super::binder::Binder;
use super::expression::not_supported;
use crate::error::Error;
use crate::expr::{Expr, Function, KeyFunction, KeySpace, KeySpaces, types};

impl Binder<'_> {
    /// The call, if it is one of these.
    pub(super) fn key_call(&mut self, name: &str, args: &[&ast::Expr]) -> Result<Option<Expr>, Error> {
        match (name, args) {
            ("TIDB_DECODE_KEY", [key]) => {
                let key = self.expr(key)?;
                let key = self.rw.text(key);
                // It knows the tables that there are now.
                self.volatile = true;
                let tables = self.cx.catalog.all_tables();
                let spaces = KeySpaces::new(tables.iter().flat_map(|table| KeySpace::of_table(table)));
                self.key_function(KeyFunction::Decode, spaces, vec![key]).map(Some)
            }
            ("TIDB_ENCODE_RECORD_KEY", [database, table, values @ ..]) if !values.is_empty() => {
                let (table, partition) = self.named_by(database, table)?;
                let space = KeySpace::of_rows(&table, partition);
                self.encoded(name, space, values).map(Some)
            }
            ("TIDB_ENCODE_INDEX_KEY", [database, table, index, values @ ..]) if !values.is_empty() => {
                let (table, partition) = self.named_by(database, table)?;
                let index = self.constant_text(index)?;
                let unknown = || Error::UnknownKey { key: index.clone(), table: table.name.to_string() };
                let at = table.index(&index).ok_or_else(unknown)?;
                let space = KeySpace::of_index(&table, at, partition);
                self.encoded(name, space, values).map(Some)
            }
            ("TIDB_DECODE_KEY" | "TIDB_ENCODE_RECORD_KEY" | "TIDB_ENCODE_INDEX_KEY", _) => {
                Err(Error::ArgumentCount(name.to_ascii_lowercase()))
            }
            _ => Ok(None),
        }
    }

    fn encoded(&mut self, name: &str, space: KeySpace, values: &[&ast::Expr]) -> Result<Expr, Error> {
        if values.len() != space.schema.columns.len() {
            return Err(Error::ArgumentCount(name.to_ascii_lowercase()));
        }
        let mut args = Vec::with_capacity(values.len());
        for (value, column) in values.iter().zip(&space.schema.columns) {
            let value = self.expr(value)?;
            args.push(self.rw.cast(value, &column.ty.sql));
        }
        self.volatile = true;
        self.key_function(KeyFunction::Encode, KeySpaces::new([space]), args)
    }

    fn key_function(&mut self, what: KeyFunction, spaces: KeySpaces, args: Vec<Expr>) -> Result<Expr, Error> {
        /// Characters of what is told of a key.
        const LENGTH: u32 = 65535;
        let nullable = what == KeyFunction::Decode && args.iter().any(|arg| arg.ty().nullable);
        Ok(self.rw.call(Function::Keys { what, spaces }, args, types::string(LENGTH), nullable))
    }

    /// A table by two texts: `t`, or `t(p)` for a partition of it.
    fn named_by(
        &mut self,
        database: &ast::Expr,
        table: &ast::Expr,
    ) -> Result<(std::sync::Arc<TableDescriptor>, usize), Error> {
        let (database, table) = (self.constant_text(database)?, self.constant_text(table)?);
        let (table, part) = match table.strip_suffix(')').and_then(|inner| inner.split_once('(')) {
            Some((table, part)) => (table.to_owned(), Some(ast::Ident::new(part))),
            None => (table, None),
        };
        let idents = [database, table].map(|name| ast::Ident::with_quote('`', name));
        let name = ast::ObjectName(idents.into_iter().map(ast::ObjectNamePart::Identifier).collect());
        let descriptor = self.table(&name)?.1.descriptor;
        let partitions = self.named_partitions(&descriptor, part.as_slice())?;
        let first = partitions.and_then(|named| named.first().copied()).unwrap_or(0);
        Ok((descriptor, first))
    }

    fn constant_text(&mut self, e: &ast::Expr) -> Result<String, Error> {
        match self.expr(e)? {
            Expr::Constant { value: Datum::String(text), .. } => Ok(text.to_string()),
            _ => Err(not_supported("a key of a table whose name is no constant")),
        }
    }
}
