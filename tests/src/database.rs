//! Allod as the sqllogictest driver sees it.

use std::collections::BTreeMap;

use allod::format::cell_text;
use allod::{Database, ResultSet, Session};

use crate::slt::{Engine, Value};

/// A session of a database that nobody else uses, and sessions of its accounts.
pub struct Fresh {
    session: Session,
    /// By the name of the user, who is on the same machine.
    others: BTreeMap<String, Session>,
    /// Whose session runs the next statement; `None` = the one that may do everything.
    user: Option<String>,
}

impl Fresh {
    /// An empty database with default settings.
    pub fn new() -> Fresh {
        Fresh::of(&Database::new())
    }

    /// A session of the given database.
    pub fn of(database: &Database) -> Fresh {
        Fresh { session: database.session(), others: BTreeMap::new(), user: None }
    }
}

impl Default for Fresh {
    fn default() -> Fresh {
        Fresh::new()
    }
}

impl Engine for Fresh {
    fn run(&mut self, sql: &str) -> Result<Vec<Vec<Value>>, String> {
        let session = match &self.user {
            None => &mut self.session,
            Some(user) => self.others.get_mut(user).ok_or("nobody is logged in")?,
        };
        rows(session, sql).map_err(|e| e.to_string())
    }

    fn become_user(&mut self, user: Option<&str>) -> Result<(), String> {
        self.user = user.map(str::to_owned);
        if let Some(user) = user
            && !self.others.contains_key(user)
        {
            let session = self.session.owner().session_as(user, "localhost").map_err(|e| e.to_string())?;
            self.others.insert(user.to_owned(), session);
        }
        Ok(())
    }
}

/// The rows of a statement's result.
///
/// # Errors
/// The statement's.
pub fn rows(session: &mut Session, sql: &str) -> allod::Result<Vec<Vec<Value>>> {
    values(session.execute(sql)?)
}

/// The rows of a result.
///
/// # Errors
/// The statement's.
pub fn values(result: ResultSet) -> allod::Result<Vec<Vec<Value>>> {
    let types: Vec<allod::SqlType> = result.columns().iter().map(|c| c.ty.sql.clone()).collect();
    let mut rows = Vec::new();
    for batch in result {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let value = |(column, ty)| match (cell_text(column, ty, row), ty) {
                (None, _) => Value::Null,
                (Some(text), ty) if ty.is_integer() => text.parse().map_or(Value::Text(text), Value::Int),
                (Some(text), allod::SqlType::Float | allod::SqlType::Double) => {
                    text.parse().map_or(Value::Text(text), Value::Real)
                }
                (Some(text), _) => Value::Text(text),
            };
            rows.push(batch.columns().iter().zip(&types).map(value).collect());
        }
    }
    Ok(rows)
}
