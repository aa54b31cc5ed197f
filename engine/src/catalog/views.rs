//! Views come and go: nothing but a new version of the schema.

use std::sync::Arc;

use allod_planner::bind::{TableName, ViewHow};
use allod_planner::catalog::{Catalog as _, View};

use super::Lease;
use super::ddl::{Notes, database, no_notes, taken, unless};
use crate::error::{Error, code};

impl Lease<'_> {
    pub(super) fn create_view(&mut self, view: &Arc<View>, how: ViewHow) -> Notes {
        let version = self.version();
        let name = TableName { database: Arc::clone(&view.database), table: Arc::clone(&view.name) };
        let database = database(&version, &name)?;
        if how != ViewHow::Create && version.sequence_entry(&name.database, &name.table).is_some() {
            return Err(no_view(&name));
        }
        match (version.view(&name.database, &name.table), version.entry(&name.database, &name.table), how) {
            (_, Some(_), ViewHow::Replace | ViewHow::Alter) => return Err(no_view(&name)),
            (None, None, ViewHow::Alter) => {
                let message = format!("table '{}.{}' doesn't exist", name.database, name.table);
                return Err(Error::new(code::NO_SUCH_TABLE, message));
            }
            (_, _, ViewHow::Create) => taken(&version, &name).map_or(Ok(()), Err)?,
            (_, None, ViewHow::Replace | ViewHow::Alter) => {}
        }
        let view = View { database, ..(**view).clone() };
        self.publish(version.with_view(Arc::new(view)));
        no_notes()
    }

    pub(super) fn drop_views(&mut self, views: &[TableName], if_exists: bool) -> Notes {
        let mut version = (*self.version()).clone();
        let mut missing = Vec::new();
        for name in views {
            if version.view(&name.database, &name.table).is_some() {
                version = version.without_view(&name.database, &name.table);
            } else if version.entry(&name.database, &name.table).is_some()
                || version.sequence_entry(&name.database, &name.table).is_some()
            {
                return Err(no_view(name));
            } else {
                missing.push(format!("{}.{}", name.database, name.table));
            }
        }
        let unknown = || Error::new(code::UNKNOWN_TABLE, format!("unknown table '{}'", missing.join(",")));
        if !missing.is_empty() && !if_exists {
            return Err(unknown());
        }
        self.publish(version);
        if missing.is_empty() { no_notes() } else { unless(true, unknown()) }
    }
}

/// There is a table or a sequence of this name.
fn no_view(name: &TableName) -> Error {
    Error::new(code::WRONG_OBJECT, format!("'{}.{}' is not VIEW", name.database, name.table))
}
