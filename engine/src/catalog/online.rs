//! Adding indexes while rows are read and written.
//!
//! An index that is being added is not in the table's descriptor, by which queries are planned. It is in a *layout*: the
//! same table with one more index, for those who write rows ([`Layouts`]). Who enters a table is given the layout of that moment
//! and keeps it until he leaves, whatever his plan knew. So writers of two layouts may be in at the same time, and each must
//! leave the index so that the other may rely on it. That is what the states are for (F1's protocol, which TiDB uses):
//!
//! ```text
//! state          who writes a row              is beside                             since in between
//! -              does nothing to the index
//! delete-only    takes out the entry of the    those who do nothing: no entry is     all of those have left
//!                row that goes                 there that they could forget
//! write-only     keeps the index up            those who delete only: what is put    all of those have left: whatever a row
//!                                              in they take out                      becomes, somebody sees to its entry
//! public         the same, and queries read it
//! ```
//!
//! After each step the change waits for those who came before it ([`Predecessors`]), with the table open. When all who are in keep
//! the index up, rows are read at a timestamp, and made entries that go *below* what writers have put there since
//! (`allod_storage`: `region/backfill.rs`). No writer waits, but for the moment in which a region takes a chunk of entries in.
//!
//! **Plans that are older.** Who planned before the index was there, or in the midst of this, plans nothing anew: which rows change
//! is the same. A transaction of which the snapshot is older than the index never reads it, and keeps it up all the same. That holds
//! for as long as nothing but indexes came: a [`Layouts`] knows the descriptors that its own took the place of in this way, and
//! no other change takes it over. Who comes with a descriptor that it does not know is told that the schema has changed (8028).
//!
//! **Unique indexes.** Two rows of the snapshot with the same values are found when entries are sorted. Two rows that came
//! since meet in the index, as they would if it were public. One of each kind may miss each other: the second was written
//! when the entry of the first was not there yet. The store tells of every key where that may be so; if the first row was still
//! there when the second came, there were two rows with one value, and the index fails (1062). After its entries are there, writers
//! fail instead: what a writer believes to be free in an index that is not public is looked at when it is written (see
//! `executor/src/dml/changes.rs`), since no statement can rely on having seen it.
//!
//! **Who stays long** is in nobody's way but this change's. It waits for those who were in when it came before it takes the
//! lease, and gives those who have come meanwhile a while for each of its steps; if they take longer it leaves nothing behind, waits
//! for them without the lease, so that others may change the schema, and begins anew with more patience. A change that fails
//! leaves nothing either: writers who still have the layout write to spaces that nobody will read, and these are dropped when
//! the last of them has left.
//!
//! **Example.** t has (1, 7). INDEX (v) is delete-only; A deletes row 1 and the entry (7, 1), which is not there. Write-only:
//! B, who came in time for that, inserts (2, 8) and its entry. A leaves. The snapshot, at 100, has row 2. C moves row 2 to 9,
//! at 110: deletes (8, 2), puts (9, 2). The backfill brings (8, 2) of 100: what C has done to the key is newer, and stays.
//!
//! Left out: other changes of tables, for which writers leave. Those that add indexes together with something else are among them.

use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use rayon::prelude::*;

use allod_planner::bind::bind_partition;
use allod_storage::client::{Client, Interrupt, OvertakenRow, ScanRequest};
use allod_storage::error as storage;
use allod_storage::key::KeyEncoder;
use allod_storage::schema::{IndexDescriptor, IndexState, SpaceId, SpaceSchema, TableDescriptor, Timestamp};

use super::crew::Crew;
use super::ddl::{GRACE_FIRST, create_spaces};
use super::version::Entry;
use super::writers::{Predecessors, WriteGuard};
use super::{Lease, Waiting};
use crate::error::{Error, Result};
use crate::rows::{full_batch, space_columns};

/// What is said to those who write to a table, beside its descriptor.
#[derive(Debug)]
pub(crate) struct Layouts {
    /// The descriptor that this belongs to. Beside another one it says nothing.
    of: Arc<TableDescriptor>,
    /// The same with the indexes that are being added; `None` = none are.
    adding: Option<Arc<TableDescriptor>>,
    /// What `of` has taken the place of: the same but for indexes that came.
    before: Vec<Weak<TableDescriptor>>,
}

/// A writer who is in a table.
pub(crate) struct Entered {
    pub guard: WriteGuard,
    /// The form in which the table is written to, if it is not that of the descriptor with which the writer came.
    pub layout: Option<Arc<TableDescriptor>>,
}

impl Entry {
    fn layouts(&self) -> Option<&Layouts> {
        self.layouts.as_deref().filter(|layouts| Arc::ptr_eq(&layouts.of, &self.descriptor))
    }

    /// The table with the indexes that are being added, if some are.
    pub(super) fn adding(&self) -> Option<&Arc<TableDescriptor>> {
        self.layouts()?.adding.as_ref()
    }

    /// Lets in who has planned with a descriptor; `None` if what he has planned is no more what there is.
    pub(super) fn admit(&self, guard: WriteGuard, planned: &Arc<TableDescriptor>) -> Option<Entered> {
        let adding = self.adding();
        if Arc::ptr_eq(&self.descriptor, planned) {
            return Some(Entered { guard, layout: adding.cloned() });
        }
        let is_known = |known: &Weak<TableDescriptor>| std::ptr::eq(known.as_ptr(), Arc::as_ptr(planned));
        self.layouts()?.before.iter().any(is_known).then(|| {
            let now = adding.unwrap_or(&self.descriptor);
            // His statements have not looked at what came since.
            let layout = with_states(now, planned.indexes.len(), |state| match state {
                IndexState::Public => IndexState::WriteOnly,
                IndexState::WriteOnly | IndexState::DeleteOnly => state,
            });
            Entered { guard: guard.holding(Arc::clone(now)), layout: Some(Arc::new(layout)) }
        })
    }
}

/// The table with the indexes from `first` on in other states.
fn with_states(
    table: &TableDescriptor,
    first: usize,
    state: impl Fn(IndexState) -> IndexState,
) -> TableDescriptor {
    let mut table = table.clone();
    table.indexes.iter_mut().skip(first).for_each(|index| index.state = state(index.state));
    table
}

impl Lease<'_> {
    /// Adds indexes to a table, behind those that it has. An error means that nothing has changed.
    pub(super) fn add_indexes(
        &mut self,
        entry: &Entry,
        added: Vec<IndexDescriptor>,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Result<()> {
        if self.grace.is_none() && !entry.writers.is_empty() {
            return Err(self.blocked_by(entry));
        }
        let TableDescriptor { database, name, .. } = &*entry.descriptor;
        self.adding.push((Arc::clone(database), Arc::clone(name)));
        let first = entry.descriptor.indexes.len();
        let laid_out = self.laid_out(&entry.descriptor, added);
        let schemas = (first..laid_out.indexes.len()).flat_map(|index| {
            let spaces: Vec<SpaceId> = laid_out.spaces_of_index(index).collect();
            spaces.into_iter().map(move |id| (index, id))
        });
        let schemas: Vec<SpaceSchema> =
            schemas.map(|(index, id)| laid_out.index_space(index, id).0).collect();
        create_spaces(client, schemas)?;
        match self.through_states(entry, &laid_out, client, waiting) {
            Ok(()) => {
                let descriptor = Arc::new(with_states(&laid_out, first, |_| IndexState::Public));
                self.publish_layouts(entry, descriptor, None);
                Ok(())
            }
            Err(error) => {
                self.add_no_more(&entry.descriptor);
                Err(error)
            }
        }
    }

    /// The table with more indexes, which have spaces of their own.
    fn laid_out(&self, table: &TableDescriptor, added: Vec<IndexDescriptor>) -> TableDescriptor {
        let mut table = table.clone();
        for index in added {
            table.indexes.push(index);
            let spaces = self.index_spaces(&table, table.indexes.len() - 1);
            for (partition, space) in table.partitions.iter_mut().zip(spaces) {
                partition.indexes.push(space);
            }
        }
        table
    }

    /// Until the new indexes of a table are complete.
    fn through_states(
        &mut self,
        entry: &Entry,
        laid_out: &TableDescriptor,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Result<()> {
        let first = entry.descriptor.indexes.len();
        for state in [IndexState::DeleteOnly, IndexState::WriteOnly] {
            let layout = Arc::new(with_states(laid_out, first, |_| state));
            self.publish_layouts(entry, Arc::clone(&entry.descriptor), Some(layout));
            let mut before = Predecessors::default();
            let grace = self.grace.unwrap_or(GRACE_FIRST);
            let left = || Ok(before.have_left(&entry.writers).then_some(()));
            if waiting.within(grace, left)?.is_none() {
                return Err(self.blocked_by(entry));
            }
        }
        // After everybody who is in keeps the indexes up.
        let (at, _pin) = client.runtime().block_on(client.snapshot())?;
        let crew = Crew::new()?;
        for index in first..laid_out.indexes.len() {
            for space in laid_out.spaces_of_index(index) {
                fill(client, laid_out, index, space, at, (&crew, waiting))?;
            }
        }
        Ok(())
    }

    /// Publishes a table with more indexes than it had, or with such as are being added.
    fn publish_layouts(
        &mut self,
        entry: &Entry,
        descriptor: Arc<TableDescriptor>,
        adding: Option<Arc<TableDescriptor>>,
    ) {
        let known = entry.layouts().map(|layouts| layouts.before.as_slice()).unwrap_or_default();
        let mut before: Vec<_> = known.iter().filter(|known| known.strong_count() > 0).cloned().collect();
        if !Arc::ptr_eq(&descriptor, &entry.descriptor) {
            before.push(Arc::downgrade(&entry.descriptor));
        }
        let layouts = Some(Arc::new(Layouts { of: Arc::clone(&descriptor), adding, before }));
        let version = self.version().with_table(Entry { descriptor, layouts, ..entry.clone() });
        self.publish(version);
    }

    /// Nothing is added to a table any more; what was begun is dropped when nobody writes to it.
    pub(super) fn add_no_more(&mut self, table: &TableDescriptor) {
        let version = self.version();
        let Some(entry) = version.entry(&table.database, &table.name) else { return };
        let Some(adding) = entry.adding() else { return };
        let begun = entry.descriptor.indexes.len()..adding.indexes.len();
        let spaces = begun.flat_map(|index| adding.spaces_of_index(index)).collect();
        self.publish_layouts(entry, Arc::clone(&entry.descriptor), None);
        self.retire(spaces);
    }
}

/// Brings the entries of the rows that there are at `at` into a space of an index.
fn fill(
    client: &mut Client,
    table: &TableDescriptor,
    index: usize,
    id: SpaceId,
    at: Timestamp,
    (crew, waiting): (&Crew, &Waiting),
) -> Result<()> {
    let runtime = client.runtime();
    let (space, ordinals) = table.index_space(index, id);
    let mut regions = Vec::new();
    // All partitions of a global index have the same.
    for partition in table.partitions.iter().filter(|partition| partition.indexes[index] == id) {
        regions.extend(runtime.block_on(client.scan(&ScanRequest::all(partition.records, at)))?);
    }
    let form = runtime.block_on(client.backfill_form(id))?;
    let failed = |error| Error::of_ingest(error, table, &space);
    let entries = crew.run(waiting, {
        let (names, ordinals, cancel) = (space_columns(&space), ordinals.clone(), waiting.cancel().clone());
        move || {
            let batches = regions
                .par_iter()
                .flat_map(|region| region.morsels().into_par_iter().map(move |morsel| (region, morsel)))
                .map(|(region, morsel)| {
                    cancel.check()?;
                    full_batch(&names, region.read(&morsel, &ordinals).columns)
                });
            let batches = batches.collect::<Result<Vec<RecordBatch>>>()?;
            cancel.check()?;
            Ok(form.build(batches))
        }
    })?;
    client.interrupt_by(waiting.cancel().into());
    let overtaken = runtime.block_on(client.backfill(entries.map_err(failed)?, at));
    client.interrupt_by(Interrupt::default());
    let overtaken = overtaken.map_err(failed)?;
    if overtaken.is_empty() {
        return Ok(());
    }
    let partition = bind_partition(table)?.map(Arc::new);
    let encoder = KeyEncoder::new(&space);
    let bind = |columns: &[_]| encoder.bind(columns).map_err(Error::internal);
    for OvertakenRow { columns, since } in overtaken {
        waiting.check()?;
        let key = bind(&columns)?.key(0);
        // Was the row still there when another one had come?
        let records = allod_executor::record_keys(table, partition.as_ref(), &ordinals, &columns)?;
        for record in records.into_iter().flatten() {
            let Some(records) = record.space() else { continue };
            let found = runtime.block_on(client.get(records, &[record], since, &ordinals))?;
            if found.rows > 0 && bind(&found.columns)?.key(0) == key {
                return Err(failed(storage::Error::DuplicateKey { space: id, key }));
            }
        }
    }
    Ok(())
}
