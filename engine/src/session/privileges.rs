//! What a session may do, but for reading and changing rows: that the planner asks where it binds the names.
//!
//! Each kind of statement says what it takes. Who may do everything gets no further than the first branch; a plan that is kept
//! was checked when it was made and is not checked again (`crate::accounts`).

use allod_planner::account::Privilege as P;
use allod_planner::bind::{Bound, CreateTable, Ddl, SetTarget, Show, TableName, Upkeep};
use allod_storage::schema::Temporary;

use super::Session;
use crate::accounts;
use crate::error::{Error, Result, code};
use crate::information_schema;

impl Session {
    /// Refuses what the session's account may not do.
    pub(super) fn check_privileges(&self, bound: &Bound) -> Result<()> {
        if !self.identity.rights.restricts() {
            return Ok(());
        }
        match bound {
            Bound::Ddl(ddl) => self.check_ddl(ddl),
            // The planner has asked for what is read, and asks for what is written.
            Bound::CreateTableAs { create, .. } => self.check_ddl(&Ddl::CreateTable((**create).clone())),
            Bound::Analyze { tables } => {
                tables.iter().try_for_each(|table| self.all_unless_own(table, &[P::Insert, P::Select]))
            }
            Bound::Upkeep { what, tables } => tables.iter().try_for_each(|kept| {
                let wanted: &[P] =
                    if *what == Upkeep::Check { &[P::Select] } else { &[P::Select, P::Insert] };
                self.all_unless_own(&kept.name, wanted)
            }),
            Bound::Use { database } => self.check_database(database),
            Bound::Check(_)
            | Bound::Checksum(_)
            | Bound::CancelJobs(_)
            | Bound::Simulate(_)
            | Bound::Binding { global: true, .. } => self.super_only(),
            Bound::Split { spaces, .. } => self.all(&spaces.table, &[P::Insert]),
            Bound::Show(show) | Bound::ShowWhere { show, .. } => self.check_show(show),
            Bound::Set(assignments) => {
                let global = assignments.iter().any(|a| matches!(a.target, SetTarget::Global(_)));
                if global && !self.identity.rights.has_dynamic("SYSTEM_VARIABLES_ADMIN") {
                    return Err(accounts::needs("SUPER or SYSTEM_VARIABLES_ADMIN"));
                }
                Ok(())
            }
            // The planner has asked, or asks of the statements that it makes, or it does so itself, or it concerns nobody else.
            Bound::Query(_)
            | Bound::LoadData(_)
            | Bound::Batch(_)
            | Bound::Explain { .. }
            | Bound::ExplainOther { .. }
            | Bound::Trace { .. }
            | Bound::Do(_)
            | Bound::Into { .. }
            | Bound::IntoFile { .. }
            | Bound::Binding { global: false, .. }
            | Bound::Transaction(_)
            | Bound::Prepare { .. }
            | Bound::Execute { .. }
            | Bound::Deallocate { .. }
            | Bound::Kill { .. }
            | Bound::SetResourceGroup(_)
            | Bound::Nothing { .. }
            | Bound::Account(_) => Ok(()),
        }
    }

    fn check_ddl(&self, ddl: &Ddl) -> Result<()> {
        match ddl {
            Ddl::CreateDatabase { name, .. } => self.on_database(name, P::Create),
            Ddl::DropDatabase { name, .. } => self.on_database(name, P::Drop),
            Ddl::AlterDatabase { name, .. } => self.on_database(name, P::Alter),
            Ddl::Policy(_) => self.places(),
            Ddl::Resource(_) => self.deals_resources(),
            Ddl::CreateTable(CreateTable { name, temporary: Some(Temporary::Local), .. }) => {
                self.on_database(&name.database, P::CreateTemporaryTables)
            }
            Ddl::CreateTableLike { name, like, temporary: Some(Temporary::Local), .. } => {
                self.on_database(&name.database, P::CreateTemporaryTables)?;
                self.all(like, &[P::Select])
            }
            Ddl::CreateTable(create) => self.all(&create.name, &[P::Create]),
            Ddl::CreateTableLike { name, like, .. } => {
                self.all(name, &[P::Create])?;
                self.all(like, &[P::Select])
            }
            Ddl::CreateView { view, how } => {
                let name = TableName { database: view.database.clone(), table: view.name.clone() };
                self.all(&name, &[P::CreateView])?;
                if *how != allod_planner::bind::ViewHow::Create {
                    self.all(&name, &[P::Drop])?;
                }
                let own = view.options.definer.as_deref().is_none_or(|d| *d == *self.identity.account_text);
                if own { Ok(()) } else { self.super_only() }
            }
            Ddl::CreateSequence { name, .. } => self.all(name, &[P::Create]),
            Ddl::AlterSequence { name, .. } => self.all(name, &[P::Alter]),
            Ddl::DropViews { views: names, .. } | Ddl::DropSequences { sequences: names, .. } => {
                names.iter().try_for_each(|name| self.all(name, &[P::Drop]))
            }
            // Whether there is such a table is asked later.
            Ddl::DropTables { temporary: Some(Temporary::Local), .. } => Ok(()),
            Ddl::DropTables { tables, .. } => {
                tables.iter().try_for_each(|table| self.all_unless_own(table, &[P::Drop]))
            }
            Ddl::Flashback { .. } | Ddl::FlashbackDatabase { .. } => self.super_only(),
            Ddl::Stats { tables, .. } => {
                tables.iter().try_for_each(|table| self.all_unless_own(table, &[P::Insert, P::Select]))
            }
            Ddl::Truncate { table } => self.all_unless_own(table, &[P::Drop]),
            Ddl::RenameTables { renames } => renames.iter().try_for_each(|(from, to)| {
                self.all(from, &[P::Alter, P::Drop])?;
                self.all(to, &[P::Create, P::Insert])
            }),
            Ddl::CreateIndex { table, .. } | Ddl::DropIndex { table, .. } => self.all(table, &[P::Index]),
            Ddl::AlterTable(change) => self.all(&change.table, &[P::Alter]),
            Ddl::AlterPartitions { table, .. } => self.all(table, &[P::Alter]),
        }
    }

    fn check_show(&self, show: &Show) -> Result<()> {
        match show {
            Show::Tables { database, .. }
            | Show::TableStatus { database, .. }
            | Show::OpenTables { database } => self.check_database(database),
            Show::CreateDatabase { name, .. } => self.check_database(name),
            Show::Columns { table, .. }
            | Show::Index { table }
            | Show::NextRowId { table }
            | Show::CreateTable { table }
            | Show::CreateSequence { sequence: table } => {
                if self.temporaries.has_local(table)
                    || self.identity.rights.sees_table(&table.database, &table.table)
                {
                    return Ok(());
                }
                Err(self.denied("SHOW", table))
            }
            Show::CreateView { view } => self.all(view, &[P::ShowView, P::Select]),
            Show::Regions(_) | Show::Simulation => self.super_only(),
            Show::Listing(listing) if listing.is_of_admin() => self.super_only(),
            Show::Databases { .. }
            | Show::Variables { .. }
            | Show::Status { .. }
            | Show::Warnings(_)
            | Show::Bindings { .. }
            | Show::Errors(_)
            | Show::Counted { .. }
            | Show::ProcessList { .. }
            | Show::Engines
            | Show::Absent(_)
            | Show::Listing(_)
            | Show::Charset { .. }
            | Show::Collation { .. }
            | Show::Account(_) => Ok(()),
        }
    }

    /// Refuses a database of which nothing concerns the account.
    pub(super) fn check_database(&self, database: &str) -> Result<()> {
        let open = database.eq_ignore_ascii_case(information_schema::DATABASE);
        if open || self.identity.rights.sees_database(database) {
            Ok(())
        } else {
            Err(self.no_database(database))
        }
    }

    fn on_database(&self, database: &str, privilege: P) -> Result<()> {
        if self.identity.rights.on_database(database).has(privilege) {
            Ok(())
        } else {
            Err(self.no_database(database))
        }
    }

    /// All of these on a table.
    fn all(&self, table: &TableName, privileges: &[P]) -> Result<()> {
        let own = self.identity.rights.on_table(&table.database, &table.table);
        match privileges.iter().find(|privilege| !own.has(**privilege)) {
            Some(privilege) => Err(self.denied(privilege.name(), table)),
            None => Ok(()),
        }
    }

    /// The same, but with its own tables a session may do everything.
    fn all_unless_own(&self, table: &TableName, privileges: &[P]) -> Result<()> {
        if self.temporaries.has_local(table) { Ok(()) } else { self.all(table, privileges) }
    }

    fn super_only(&self) -> Result<()> {
        if self.identity.rights.has(P::Super) { Ok(()) } else { Err(accounts::needs("SUPER")) }
    }

    fn deals_resources(&self) -> Result<()> {
        let rights = &self.identity.rights;
        let may = rights.has(P::Super) || rights.has_dynamic("RESOURCE_GROUP_ADMIN");
        if may { Ok(()) } else { Err(accounts::needs("SUPER or RESOURCE_GROUP_ADMIN")) }
    }

    fn places(&self) -> Result<()> {
        let may = self.identity.rights.has(P::Super) || self.identity.rights.has_dynamic("PLACEMENT_ADMIN");
        if may { Ok(()) } else { Err(accounts::needs("SUPER or PLACEMENT_ADMIN")) }
    }

    /// 1142.
    fn denied(&self, command: &str, table: &TableName) -> Error {
        let (user, table) = (self.identity.account.quoted(), &table.table);
        Error::new(code::TABLE_DENIED, format!("{command} command denied to user {user} for table '{table}'"))
    }

    /// 1044.
    fn no_database(&self, database: &str) -> Error {
        let user = self.identity.account.quoted();
        Error::new(code::ACCESS_DENIED, format!("access denied for user {user} to database '{database}'"))
    }
}
