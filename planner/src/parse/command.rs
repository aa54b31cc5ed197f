//! What kind of statement it is, as MySQL counts them (`Com_select`, `Com_commit`).

use sqlparser::ast::{self, ObjectType, SetExpr};

use super::Parsed;
use super::partition::PartitionChangeSyntax;
use super::show::ShowSyntax;
use super::statement::Statement;
use super::transaction::TransactionSyntax;
use crate::account::AccountChange;

macro_rules! commands {
    ($($command:ident $name:literal,)*) => {
        /// A kind of statement.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "they are MySQL's words")]
        pub enum Command { $($command,)* }

        impl Command {
            /// All of them, each at the place that its number says.
            pub const ALL: [Command; [$($name),*].len()] = [$(Command::$command),*];

            /// The name of the status variable that counts it, behind `Com_`.
            pub fn name(self) -> &'static str {
                match self { $(Command::$command => $name,)* }
            }
        }
    };
}

commands! {
    Admin "admin_commands", AlterDatabase "alter_db", AlterTable "alter_table", AlterUser "alter_user", Analyze "analyze",
    Begin "begin", Call "call_procedure", Use "change_db", Commit "commit", CreateDatabase "create_db",
    CreateIndex "create_index", CreateRole "create_role", CreateTable "create_table", CreateUser "create_user",
    CreateView "create_view", Deallocate "dealloc_sql", Delete "delete", DeleteSeveral "delete_multi", Do "do",
    DropDatabase "drop_db", DropIndex "drop_index", DropRole "drop_role", DropTable "drop_table", DropUser "drop_user",
    DropView "drop_view", Execute "execute_sql", Explain "explain_other", Flush "flush", Grant "grant",
    GrantRoles "grant_roles", Insert "insert", InsertSelect "insert_select", Kill "kill", Load "load",
    LockTables "lock_tables", Prepare "prepare_sql", Release "release_savepoint", RenameTable "rename_table",
    RenameUser "rename_user", Replace "replace", ReplaceSelect "replace_select", Revoke "revoke", RevokeAll "revoke_all",
    RevokeRoles "revoke_roles", Rollback "rollback", RollbackTo "rollback_to_savepoint", Savepoint "savepoint",
    Select "select", SetOption "set_option", SetPassword "set_password", SetRole "set_role", ShowCreateTable "show_create_table",
    ShowDatabases "show_databases", ShowFields "show_fields", ShowKeys "show_keys", ShowProcesslist "show_processlist",
    ShowStatus "show_status", ShowTableStatus "show_table_status", ShowTables "show_tables", ShowVariables "show_variables",
    ShowWarnings "show_warnings", Truncate "truncate", UnlockTables "unlock_tables", Update "update",
    UpdateSeveral "update_multi",
}

impl Parsed {
    /// What kind of statement it is; `None` = one that nobody counts.
    pub fn command(&self) -> Option<Command> {
        Some(match &self.statement {
            Statement::Sql(sql) => return of_sql(sql),
            Statement::CreateTable { .. } => Command::CreateTable,
            Statement::CreateView(_) => Command::CreateView,
            Statement::DropTemporary { .. } => Command::DropTable,
            Statement::AlterDatabase { .. } => Command::AlterDatabase,
            Statement::AlterPartitions { change: PartitionChangeSyntax::Truncate(_), .. } => {
                Command::Truncate
            }
            Statement::AlterTable { .. } | Statement::AlterPartitions { .. } => Command::AlterTable,
            Statement::Explain { .. } | Statement::ExplainOther { .. } => Command::Explain,
            Statement::Analyze { .. } => Command::Analyze,
            Statement::Check(_)
            | Statement::CheckIndexRuns { .. }
            | Statement::Checksum(_)
            | Statement::CancelJobs(_) => Command::Admin,
            Statement::Show(show) | Statement::ShowWhere { show, .. } => return of_show(show),
            Statement::Do(_) => Command::Do,
            Statement::Into { .. } | Statement::IntoFile { .. } => Command::Select,
            // Each kind of upkeep is as much as the others: somebody looks after tables.
            Statement::Upkeep(_) | Statement::TableChecksums { .. } => Command::Admin,
            Statement::Use { .. } => Command::Use,
            Statement::Set(_) => Command::SetOption,
            Statement::Transaction(transaction) => match transaction {
                TransactionSyntax::Begin { .. } => Command::Begin,
                TransactionSyntax::Commit { .. } => Command::Commit,
                TransactionSyntax::Rollback { .. } => Command::Rollback,
                TransactionSyntax::Savepoint(_) => Command::Savepoint,
                TransactionSyntax::RollbackTo(_) => Command::RollbackTo,
                TransactionSyntax::Release(_) => Command::Release,
                TransactionSyntax::Set { .. } => Command::SetOption,
            },
            Statement::Prepare { .. } => Command::Prepare,
            Statement::Execute { .. } => Command::Execute,
            Statement::Deallocate { .. } => Command::Deallocate,
            Statement::LoadData(_) => Command::Load,
            Statement::Kill { .. } => Command::Kill,
            Statement::LockTables(_) => Command::LockTables,
            Statement::UnlockTables => Command::UnlockTables,
            Statement::Call(_) => Command::Call,
            Statement::CreateDatabase { .. } => Command::CreateDatabase,
            Statement::Account(change) => return Some(of_account(change)),
            // MySQL has none of these.
            Statement::Trace { .. }
            | Statement::CreateSequence(_)
            | Statement::Policy(_)
            | Statement::Resource(_)
            | Statement::SetResourceGroup(_)
            | Statement::AlterSequence(_)
            | Statement::Split { .. }
            | Statement::Batch(_)
            | Statement::FlashbackTable { .. }
            | Statement::FlashbackDatabase { .. }
            | Statement::Stats { .. }
            | Statement::Binding(_)
            | Statement::Simulate(_) => return None,
        })
    }
}

fn of_sql(sql: &ast::Statement) -> Option<Command> {
    use ast::Statement as S;
    Some(match sql {
        S::Query(query) => match &*query.body {
            SetExpr::Update(change) | SetExpr::Delete(change) | SetExpr::Insert(change) => {
                return of_sql(change);
            }
            _ => Command::Select,
        },
        S::Insert(insert) => {
            let of_values = |source: &ast::Query| matches!(*source.body, SetExpr::Values(_));
            let of_query = insert.source.as_ref().is_some_and(|source| !of_values(source));
            match (insert.replace_into, of_query) {
                (false, false) => Command::Insert,
                (false, true) => Command::InsertSelect,
                (true, false) => Command::Replace,
                (true, true) => Command::ReplaceSelect,
            }
        }
        S::Update(update) if update.table.joins.is_empty() => Command::Update,
        S::Update(_) => Command::UpdateSeveral,
        S::Delete(delete) if delete.tables.is_empty() && delete.using.is_none() => Command::Delete,
        S::Delete(_) => Command::DeleteSeveral,
        S::CreateTable(_) => Command::CreateTable,
        S::CreateIndex(_) => Command::CreateIndex,
        S::CreateDatabase { .. } | S::CreateSchema { .. } => Command::CreateDatabase,
        S::Truncate(_) => Command::Truncate,
        S::RenameTable(_) => Command::RenameTable,
        S::Drop { object_type, .. } => match object_type {
            ObjectType::Table => Command::DropTable,
            ObjectType::View => Command::DropView,
            ObjectType::Index => Command::DropIndex,
            ObjectType::Schema | ObjectType::Database => Command::DropDatabase,
            _ => return None,
        },
        _ => return None,
    })
}

fn of_account(change: &AccountChange) -> Command {
    match change {
        AccountChange::Create { role: true, .. } => Command::CreateRole,
        AccountChange::Create { .. } => Command::CreateUser,
        AccountChange::Alter { .. } | AccountChange::SetDefaultRole { .. } => Command::AlterUser,
        AccountChange::Drop { role: true, .. } => Command::DropRole,
        AccountChange::Drop { .. } => Command::DropUser,
        AccountChange::Rename(_) => Command::RenameUser,
        AccountChange::SetPassword { .. } => Command::SetPassword,
        AccountChange::Grant { .. } => Command::Grant,
        AccountChange::Revoke { .. } => Command::Revoke,
        AccountChange::RevokeEverything { .. } => Command::RevokeAll,
        AccountChange::GrantRoles { .. } => Command::GrantRoles,
        AccountChange::RevokeRoles { .. } => Command::RevokeRoles,
        AccountChange::SetRole(_) => Command::SetRole,
        AccountChange::Flush => Command::Flush,
    }
}

fn of_show(show: &ShowSyntax) -> Option<Command> {
    Some(match show {
        ShowSyntax::Databases { .. } => Command::ShowDatabases,
        ShowSyntax::Tables { .. } => Command::ShowTables,
        ShowSyntax::TableStatus { .. } => Command::ShowTableStatus,
        ShowSyntax::Columns { .. } => Command::ShowFields,
        ShowSyntax::CreateTable { .. } => Command::ShowCreateTable,
        ShowSyntax::Index { .. } => Command::ShowKeys,
        ShowSyntax::Variables { .. } => Command::ShowVariables,
        ShowSyntax::Status { .. } => Command::ShowStatus,
        ShowSyntax::Warnings(_) => Command::ShowWarnings,
        ShowSyntax::ProcessList { .. } => Command::ShowProcesslist,
        ShowSyntax::Listing(listing) if listing.is_of_admin() => Command::Admin,
        _ => return None,
    })
}
