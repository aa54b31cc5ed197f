//! User variables.

use std::sync::Arc;

use allod_storage::schema::{Datum, SqlType};
use imbl::OrdMap;

/// What they hold, and of which type that is: by name in lower case, and none that is NULL. Persistent, so that a statement
/// that assigns has a version of its own at no cost.
pub(crate) type UserValues = OrdMap<Arc<str>, (Datum, SqlType)>;
