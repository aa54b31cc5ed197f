//! Text to syntax.

use std::sync::Arc;

use crate::error::Error;

/// One statement of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Its own text, without the semicolon.
    pub text: Arc<str>,
    /// Number of `?` parameters.
    pub param_count: usize,
}

/// Parses a text of any number of statements separated by `;`. Positions in errors count from the start of the text.
pub fn parse(sql: &str) -> Result<Vec<Parsed>, Error> {
    let _ = sql;
    Err(Error::NotSupported("this statement".into()))
}
