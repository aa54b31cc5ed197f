//! Bindings: whether they can be.

use std::sync::Arc;

use super::binder::Binder;
use super::{Bound, TableName, temporary};
use crate::error::Error;
use crate::parse::{BindingChange, BindingSyntax, Parsed, Shape, WhichSyntax, shape};

/// What a statement about bindings does.
#[derive(Clone, Debug, PartialEq)]
pub enum BindingStatement {
    /// Statements of this shape get the hints of that statement.
    Create {
        /// The shape ([`Shape::text`]).
        shape: Arc<str>,
        /// The statement.
        bind: Arc<Parsed>,
    },
    /// It is forgotten.
    Drop(WhichBinding),
    /// It is heeded or not.
    Enable {
        /// Which.
        which: WhichBinding,
        /// Whether it is heeded.
        enabled: bool,
    },
}

/// Which binding is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichBinding {
    /// That of a shape.
    Shape(Arc<str>),
    /// That whose `Sql_digest` this is.
    Digest(Arc<str>),
}

impl Binder<'_> {
    pub(super) fn binding(&self, syntax: &BindingSyntax) -> Result<Bound, Error> {
        let statement = match &syntax.change {
            BindingChange::Create { of, bind } => {
                let of = self.shape(of)?;
                for (database, table) in &of.tables {
                    let name = TableName { database: database.clone(), table: table.clone() };
                    match self.found_table(&name) {
                        Some(table) => temporary::check_lasting(&table.descriptor, "create binding")?,
                        None if self.found_view(&name).is_some() || self.memory_table(&name)?.is_some() => {}
                        None => {
                            let (database, table) = (database.to_string(), table.to_string());
                            return Err(Error::UnknownTable { database, table, position: None });
                        }
                    }
                }
                let by = self.shape(&bind.text)?;
                if of.text != by.text {
                    return Err(Error::BindingMismatch { of: of.text.to_string(), by: by.text.to_string() });
                }
                BindingStatement::Create { shape: of.text, bind: Arc::new(Parsed::clone(bind)) }
            }
            BindingChange::Drop(which) => BindingStatement::Drop(self.which(which)?),
            BindingChange::Enable { which, enabled } => {
                BindingStatement::Enable { which: self.which(which)?, enabled: *enabled }
            }
        };
        Ok(Bound::Binding { global: syntax.global, statement })
    }

    fn which(&self, which: &WhichSyntax) -> Result<WhichBinding, Error> {
        Ok(match which {
            WhichSyntax::Of(text) => WhichBinding::Shape(self.shape(text)?.text),
            WhichSyntax::Digest(digest) => WhichBinding::Digest(digest.as_str().into()),
        })
    }

    fn shape(&self, text: &str) -> Result<Shape, Error> {
        let none = || Error::NotSupported("bindings of this statement".into());
        shape(text, self.parsed.lexing, self.cx.database)?.ok_or_else(none)
    }
}
