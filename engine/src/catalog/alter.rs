//! ALTER TABLE … of columns, keys and options.
//!
//! What the table becomes was decided by the planner, for one version of it; if that is not the version that there is, the
//! statement begins anew. Under new names, defaults and comments rows stay where they are, and so do the entries of indexes
//! that stay; new indexes are filled from the rows, and the spaces of old ones go. If a row itself changes, all of it is made
//! anew: rows are read at a snapshot, remade as the executor would insert them, dealt to new spaces and loaded with their entries;
//! then the new version is published. Readers go on all the while, as with partitions ([`super::partitions`]); if anything
//! fails no row has been touched.
//!
//! Writers go on, too, if nothing changes but that indexes come or go ([`super::online`], [`super::leaving`]), and while rows are made anew, unless these are
//! numbered ([`super::copy`]). For the rest the table is closed to them.

use std::sync::Arc;

use allod_executor::RowIds;
use allod_planner::bind::{AlterTable, AlteredKey, Restart, bind_checks, bind_generated};
use allod_planner::expr::Expr;
use allod_planner::physical::PlanWarning;
use allod_planner::stats::TableStats;
use allod_planner::zone::Zone;
use allod_storage::client::Client;
use allod_storage::schema::{ForeignKey, IndexDescriptor, SpaceId, TableDescriptor};

use super::copy::is_followed;
use super::ddl::{
    Notes, create_spaces, drop_spaces, entry, fill_index, labels, row_id_column, schemas, spaces, warning,
};
use super::foreign;
use super::partitions::read;
use super::policies::known;
use super::version::{Counters, Entry};
use super::{Lease, Waiting};
use crate::error::{Error, Result, code};
use crate::import::{deal, ingest};
use crate::result::Warning;

/// A table after the change, the spaces that it no longer names, and what numbers its rows.
struct Altered {
    descriptor: TableDescriptor,
    gone: Vec<SpaceId>,
    counters: Arc<Counters>,
}

impl Lease<'_> {
    /// Applies a change of a table.
    pub(super) fn alter_table(
        &mut self,
        change: &AlterTable,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Notes {
        let version = self.version();
        let open = entry(&version, &change.table)?;
        if open.descriptor != change.base {
            return Err(Error::new(code::SCHEMA_CHANGED, "the table was changed; try again"));
        }
        change.options.placement.as_ref().map_or(Ok(()), |policy| known(&version, policy))?;
        if let Some(to) = &change.rename {
            // Before anything is done.
            self.renames(&[(change.table.clone(), to.clone())])?;
        }
        let fresh = fresh_keys(change);
        if let Some(added) = self.only_adds(&open.descriptor, change) {
            self.add_indexes(open, added, client, waiting)?;
            return Ok(said(change).collect());
        }
        if let Some(gone) = self.only_drops(&open.descriptor, change) {
            self.drop_indexes(open, &gone, waiting)?;
            return Ok(said(change).collect());
        }
        if let Some(rows) = change.rows.as_ref().filter(|_| fresh.is_empty())
            && let Some((old, altered)) = self.remade_online(open, (change, rows), client, waiting)?
        {
            return self.altered(old, (change, altered));
        }
        let mut closed = self.close_with_parents(open, &fresh, waiting)?;
        let old = closed.remove(0);
        let altered = match &change.rows {
            None => self.renamed(&old, change, client, waiting),
            Some(rows) => self.remade(&old, (change, rows), client, waiting),
        };
        let altered = altered.and_then(|altered| match change.holds_foreign_keys {
            true => match foreign::refers(client, &altered.descriptor, &fresh, &closed, waiting) {
                Ok(()) => Ok(altered),
                Err(error) => {
                    let (old, mut made) = (spaces(&old.descriptor), spaces(&altered.descriptor));
                    made.retain(|space| !old.contains(space));
                    drop_spaces(client, &made);
                    Err(error)
                }
            },
            false => Ok(altered),
        });
        self.reopen_parents(closed);
        match altered {
            Ok(altered) => self.altered(old, (change, altered)),
            Err(error) => {
                self.reopen(old);
                Err(error)
            }
        }
    }

    /// Opens a table as what it has become.
    fn altered(&mut self, old: Entry, (change, altered): (&AlterTable, Altered)) -> Notes {
        let Altered { descriptor, gone, counters } = altered;
        if change.numbering.cache != old.descriptor.numbering.cache {
            counters.ids.resize(change.numbering.cache);
        }
        let notes: Vec<Warning> =
            change.restarts.iter().filter_map(|restart| restarted(&counters, restart)).collect();
        let stats = stats_after(&old, change);
        let name = (Arc::clone(&descriptor.database), Arc::clone(&descriptor.name));
        self.reopen(Entry { descriptor: Arc::new(descriptor), stats, counters, ..old });
        self.follow(change, &name);
        self.retire(gone);
        if let Some(to) = &change.rename {
            self.rename(&[(change.table.clone(), to.clone())])?;
        }
        Ok(said(change).chain(notes).collect())
    }

    /// The indexes that come, if nothing else changes.
    fn only_adds(&mut self, old: &TableDescriptor, change: &AlterTable) -> Option<Vec<IndexDescriptor>> {
        if change.rows.is_some() || change.rename.is_some() || !change.restarts.is_empty() {
            return None;
        }
        let mut new = self.defined(old, change);
        let added = new.indexes.split_off(old.indexes.len().min(new.indexes.len()));
        (!added.is_empty() && new == *old).then_some(added)
    }

    /// The positions of the indexes that go, if nothing else changes.
    fn only_drops(&mut self, old: &TableDescriptor, change: &AlterTable) -> Option<Vec<usize>> {
        let is_other = change.rows.is_some() || change.rename.is_some() || !change.restarts.is_empty();
        let stays: Option<Vec<usize>> = change.indexes.iter().map(|key| key.from).collect();
        let stays = stays.filter(|stays| !is_other && stays.is_sorted())?;
        let mut new = self.defined(old, change);
        let are_same = new.indexes.iter().zip(&stays).all(|(index, &at)| *index == old.indexes[at]);
        new.indexes = old.indexes.clone();
        let gone: Vec<usize> = (0..old.indexes.len()).filter(|at| !stays.contains(at)).collect();
        (!gone.is_empty() && are_same && new == *old).then_some(gone)
    }

    /// Foreign keys of other tables call columns by their new names.
    fn follow(&mut self, change: &AlterTable, (database, table): &(Arc<str>, Arc<str>)) {
        let now = |name: &str| {
            let at = change.base.columns.iter().position(|c| &*c.name == name)?;
            let now = change.from.iter().position(|from| *from == Some(at))?;
            Some(Arc::clone(&change.columns[now].name))
        };
        let version = self.version();
        let following = version.referring_to((database, table), (database, table), now);
        if following.number() != version.number() {
            self.publish(following);
        }
    }

    /// The definition without its partitions' spaces.
    fn defined(&mut self, old: &TableDescriptor, change: &AlterTable) -> TableDescriptor {
        let (mut columns, mut key) = (change.columns.clone(), change.key.clone());
        if key.is_empty() {
            key.push(columns.len());
            columns.push(row_id_column());
        }
        let index = |lease: &mut Self, AlteredKey { spec, from }: &AlteredKey| match from {
            Some(at) => IndexDescriptor {
                name: Arc::clone(&spec.name),
                columns: spec.columns.clone(),
                options: spec.options.clone(),
                ..old.indexes[*at].clone()
            },
            None => lease.index(spec),
        };
        TableDescriptor {
            columns,
            key,
            clustered: !change.key.is_empty(),
            indexes: change.indexes.iter().map(|key| index(self, key)).collect(),
            partitioning: change.partitioning.clone(),
            comment: Arc::clone(&change.comment),
            constraints: change.constraints.clone(),
            collation: change.collation,
            options: change.options.clone(),
            numbering: change.numbering,
            ..old.clone()
        }
    }

    /// Rows stay as they are.
    fn renamed(
        &mut self,
        old: &Entry,
        change: &AlterTable,
        client: &mut Client,
        waiting: &Waiting,
    ) -> Result<Altered> {
        let before = &old.descriptor;
        let mut descriptor = self.defined(before, change);
        hold(client, (before, &descriptor), change.zone, waiting)?;
        let spaces = change.indexes.iter().enumerate().map(|(at, key)| match key.from {
            Some(old) => before.partitions.iter().map(|p| p.indexes[old]).collect(),
            None => self.index_spaces(&descriptor, at),
        });
        let spaces: Vec<Vec<SpaceId>> = spaces.collect();
        for (at, partition) in descriptor.partitions.iter_mut().enumerate() {
            partition.indexes = spaces.iter().map(|of_index| of_index[at]).collect();
        }
        let added =
            || change.indexes.iter().enumerate().filter(|(_, key)| key.from.is_none()).map(|(at, _)| at);
        let of = |at: usize| descriptor.spaces_of_index(at);
        let fresh: Vec<SpaceId> = added().flat_map(of).collect();
        let schemas = added().flat_map(|at| of(at).map(move |id| (at, id)));
        let schemas = schemas.map(|(at, id)| descriptor.index_space(at, id).0);
        create_spaces(client, schemas.collect::<Vec<_>>())?;
        if let Err(error) =
            added().try_for_each(|at| fill_index(client, &descriptor, at, &descriptor.partitions, waiting))
        {
            drop_spaces(client, &fresh);
            return Err(error);
        }
        let kept = |at: usize| change.indexes.iter().any(|key| key.from == Some(at));
        let gone = (0..before.indexes.len()).filter(|at| !kept(*at));
        let gone = gone.flat_map(|at| before.spaces_of_index(at)).collect();
        Ok(Altered { descriptor, gone, counters: Arc::clone(&old.counters) })
    }

    /// Every row is made anew while others write, up to where the table is closed; `None` if that cannot be.
    fn remade_online(
        &mut self,
        open: &Entry,
        (change, rows): (&AlterTable, &[Expr]),
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Result<Option<(Entry, Altered)>> {
        let before = &open.descriptor;
        let mut descriptor = self.defined(before, change);
        if !is_followed(before, &descriptor) {
            return Ok(None);
        }
        if self.grace.is_none() && !open.writers.is_empty() {
            return Err(self.blocked_by(open));
        }
        descriptor.partitions = self.partitions(labels(before), &descriptor.indexes);
        create_spaces(client, schemas(&descriptor))?;
        match self.copied(open, &descriptor, (rows, change.zone), &open.counters, (client, waiting)) {
            Ok(old) => {
                let (gone, counters) = (spaces(&old.descriptor), Arc::clone(&old.counters));
                Ok(Some((old, Altered { descriptor, gone, counters })))
            }
            Err(error) => {
                drop_spaces(client, &spaces(&descriptor));
                // A row has a number that means that it asks for one.
                if error.code() == code::NO_NUMBER_LEFT { Ok(None) } else { Err(error) }
            }
        }
    }

    /// Every row is made anew.
    fn remade(
        &mut self,
        old: &Entry,
        (change, rows): (&AlterTable, &[Expr]),
        client: &mut Client,
        waiting: &Waiting,
    ) -> Result<Altered> {
        let before = &old.descriptor;
        let mut descriptor = self.defined(before, change);
        descriptor.partitions = self.partitions(labels(before), &descriptor.indexes);
        let schemas = schemas(&descriptor);
        let fresh = spaces(&descriptor);
        // A column that is numbered from now on begins with 1, whatever numbers rows have had.
        let is_numbered = |table: &TableDescriptor| table.columns.iter().any(|c| c.auto_increment);
        let counters = match is_numbered(&descriptor) && !is_numbered(before) {
            true => Arc::new(Counters::new(1, descriptor.numbering)),
            false => Arc::clone(&old.counters),
        };
        create_spaces(client, schemas)?;
        if let Err(error) = move_rows(client, (before, &descriptor), (rows, change.zone), &*counters, waiting)
        {
            drop_spaces(client, &fresh);
            return Err(error);
        }
        Ok(Altered { descriptor, gone: spaces(before), counters })
    }
}

/// Lets the numbers go on where a statement says, but for those that are given; a note if that is elsewhere.
fn restarted(counters: &Counters, &Restart { option, next, force }: &Restart) -> Option<Warning> {
    let least = counters.ids.peek();
    counters.ids.restart(if force { next } else { next.max(least) });
    let message = || format!("Can't reset {option} to {next} without FORCE option, using {least} instead");
    (!force && next < least).then(|| Warning { level: "Note", code: code::UNKNOWN, message: message() })
}

/// What the planner had to say of it.
fn said(change: &AlterTable) -> impl Iterator<Item = Warning> {
    let note = |of: &PlanWarning| {
        let message = Error::new(of.code, of.message.as_str()).message().to_owned();
        Warning { level: "Note", code: of.code, message }
    };
    change.notes.iter().map(note).chain(change.warnings.iter().map(warning))
}

/// The foreign keys that the table did not have.
fn fresh_keys(change: &AlterTable) -> Vec<ForeignKey> {
    let old = &change.base.constraints.foreign_keys;
    let is_new = |key: &&ForeignKey| !old.iter().any(|known| known.name == key.name);
    change.constraints.foreign_keys.iter().filter(is_new).cloned().collect()
}

/// Holds rows that stay as they are against CHECK constraints that were not enforced.
fn hold(
    client: &mut Client,
    (old, new): (&TableDescriptor, &TableDescriptor),
    zone: Zone,
    waiting: &Waiting,
) -> Result<()> {
    let mut fresh = new.clone();
    fresh.constraints.checks.retain(|check| !old.constraints.checks.contains(check));
    let Some(checks) = bind_checks(&fresh, zone)? else { return Ok(()) };
    let partitions: Vec<_> = old.partitions.iter().collect();
    for columns in read(client, old, &partitions)? {
        waiting.check()?;
        allod_executor::check(Some(&checks), &columns)?;
    }
    Ok(())
}

/// Loads the rows of a table into the spaces of its new form.
fn move_rows(
    client: &mut Client,
    (old, new): (&TableDescriptor, &TableDescriptor),
    (rows, zone): (&[Expr], Zone),
    row_ids: &dyn RowIds,
    waiting: &Waiting,
) -> Result<()> {
    let partitions: Vec<_> = old.partitions.iter().collect();
    let (generated, checks) = (bind_generated(new)?, bind_checks(new, zone)?);
    let mut remade = Vec::new();
    // One after the other, for rows are numbered in their order.
    for columns in read(client, old, &partitions)? {
        waiting.check()?;
        let rows = allod_executor::remake(new, rows, columns, row_ids, generated.as_ref());
        let rows = rows.map_err(of_old_row)?;
        allod_executor::check(checks.as_ref(), &rows)?;
        remade.push(rows);
    }
    for (partition, rows) in new.partitions.iter().zip(deal(new, remade)?) {
        if !rows.is_empty() {
            ingest(client, new, partition, rows)?;
        }
    }
    Ok(())
}

/// A NULL that is in the way is the old row's, not one that the statement gives.
pub(super) fn of_old_row(error: allod_executor::Error) -> Error {
    match Error::from(error) {
        error if error.code() == code::COLUMN_NOT_NULL => {
            Error::new(code::INVALID_USE_OF_NULL, "invalid use of NULL value")
        }
        error => error,
    }
}

/// What is known of the columns that stay as they are; nothing if there is a new one, or another type.
fn stats_after(old: &Entry, change: &AlterTable) -> Arc<TableStats> {
    let known = &old.stats.columns;
    let kept = |(def, from): (&allod_storage::schema::ColumnDef, &Option<usize>)| {
        let at = (*from)?;
        let before = &change.base.columns[at];
        let same =
            before.ty.sql == def.ty.sql && (def.generated.is_none() || before.generated == def.generated);
        same.then(|| known.get(at).cloned())?
    };
    let kept: Option<Vec<_>> = change.columns.iter().zip(&change.from).map(kept).collect();
    match kept {
        Some(columns) if !old.stats.pseudo && change.key.is_empty() != old.descriptor.clustered => {
            // The hidden row id is the last column on both sides, or on none.
            let hidden = known.last().filter(|_| !old.descriptor.clustered).cloned();
            let columns = columns.into_iter().chain(hidden).collect();
            Arc::new(TableStats { columns, ..(*old.stats).clone() })
        }
        _ => Arc::new(TableStats::pseudo()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    use crate::Database;

    #[test]
    fn no_row_is_lost_while_columns_come_and_go() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id bigint primary key, v bigint, key (v)) partition by hash (id) partitions 3").unwrap();
        let (stop, written) = (AtomicBool::new(false), AtomicI64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut session = database.session();
                for id in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    session.run(&format!("insert into t (id, v) values ({id}, {id})")).unwrap();
                    written.store(id + 1, Ordering::Release);
                }
            });
            scope.spawn(|| {
                let mut session = database.session();
                while !stop.load(Ordering::Relaxed) {
                    let least = written.load(Ordering::Acquire);
                    for condition in ["v >= 0", "id + 0 >= 0"] {
                        let sql = format!("select count(*), sum(id) - sum(v) from t where {condition}");
                        let row = session.execute(&sql).unwrap().rows().next().unwrap().unwrap();
                        let (all, difference) =
                            (row.get::<i64>(0).unwrap(), row.get::<Option<i64>>(1).unwrap());
                        assert!(all >= least && difference.is_none_or(|d| d == 0), "{all}, {least} written");
                    }
                }
            });
            for _ in 0..5 {
                for change in [
                    "add w varchar(5) default 'x' first",
                    "modify v int unsigned after w",
                    "rename column w to x",
                    "drop key v, add key vx (v, x)",
                    "drop key vx, add key v (v), drop column x",
                    "modify v bigint",
                ] {
                    session
                        .run(&format!("alter table t {change}"))
                        .unwrap_or_else(|e| panic!("{change}: {e}"));
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        let row = session.execute("select count(*), max(v) from t").unwrap().rows().next().unwrap().unwrap();
        let n = written.load(Ordering::Relaxed);
        assert_eq!((row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap()), (n, n - 1));
    }

    #[test]
    fn a_change_that_fails_leaves_everything_as_it_was() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id int primary key, v varchar(5), key (v))").unwrap();
        session.run("insert into t values (1, 'a'), (2, 'b'), (3, 'b')").unwrap();
        session.run("create table taken (id int)").unwrap();
        let before = database.catalog().entry("test", "t").unwrap().descriptor.clone();
        for (change, code) in [
            ("modify v int", 1292),
            ("add unique (v)", 1062),
            ("add w int, modify v varchar(5) not null default null", 1067),
            ("add w date not null", 1292),
            ("add k int, add unique u (v)", 1062),
            ("add k int, rename to taken", 1050),
            ("add k int, rename to nowhere.t", 1049),
        ] {
            assert_eq!(session.run(&format!("alter table t {change}")).unwrap_err().code(), code, "{change}");
        }
        assert_eq!(database.catalog().entry("test", "t").unwrap().descriptor, before);
        let row =
            session.execute("select count(*) from t where v = 'b'").unwrap().rows().next().unwrap().unwrap();
        assert_eq!(
            (row.get::<i64>(0).unwrap(), session.run("insert into t values (4, 'c')").unwrap()),
            (2, 1)
        );
    }
}
