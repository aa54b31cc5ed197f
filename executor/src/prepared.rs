//! A plan that is kept to be run again, with what its operators were compiled to.
//!
//! Before an operator runs, its expressions are compiled to programs, its columns are found by position, aggregates that
//! can share an accumulator are brought together. None of that depends on rows, and for a statement that reads three of
//! them it costs as much as to read them. So each plan node has a slot: the first run that comes by puts there what it
//! made (its *form*), and later runs, at the same time too, take it from there. A form is immutable, and a slot is written
//! once; nothing is shared that changes.
//!
//! A form is made for an input with certain columns. Nearly always a node sees the same ones each time, but a pipeline that
//! turned out empty may have its columns in another order; then the form is made anew, and not kept.
//!
//! What is left out: forms of nodes below which a plan is rewritten for each run (the inner side of a correlated apply,
//! the partial scans of an index merge), and of operators whose cost per row hides what compiling them costs.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use allod_planner::column::ColumnId;
use allod_planner::physical::{Plan, Query};
use allod_storage::client::Client;
use allod_storage::schema::Timestamp;
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::error::Result;
use crate::few::{FewForm, FewRoom};

/// A plan and the forms of its operators.
#[derive(Debug)]
pub struct Prepared {
    query: Arc<Query>,
    schema: SchemaRef,
    /// By plan node; shared with the same plan for other values.
    slots: Arc<[OnceLock<Kept>]>,
    /// The nodes whose forms are made for each run.
    rewritten: Arc<[u32]>,
    /// How it runs if it is for a few rows; shared likewise.
    few: Arc<FewForm>,
}

/// A form and the columns that it was made for.
#[derive(Debug)]
struct Kept {
    input: Vec<ColumnId>,
    form: Arc<dyn Any + Send + Sync>,
}

impl Prepared {
    /// A plan that has not run.
    pub fn new(query: Arc<Query>) -> Prepared {
        let nodes = query.ctes.iter().chain([&query.root]).map(last_id).max().map_or(0, |id| id as usize + 1);
        let slots = std::iter::repeat_with(OnceLock::new).take(nodes).collect();
        Prepared { schema: schema(&query), query, slots, rewritten: [].into(), few: Arc::default() }
    }

    /// The same plan with other values in the nodes `rewritten` (see `allod_planner::template`).
    pub fn with_values(&self, query: Arc<Query>, rewritten: Arc<[u32]>) -> Prepared {
        let (slots, few) = (Arc::clone(&self.slots), Arc::clone(&self.few));
        Prepared { query, schema: self.schema(), slots, rewritten, few }
    }

    /// The plan.
    pub fn query(&self) -> &Arc<Query> {
        &self.query
    }

    /// The columns of its batches. Whatever the plan has proved, a caller gets columns that admit NULL: one schema for a
    /// statement and its variants.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// All rows, of what is committed now or was at a time, if the plan is one for a few rows and nothing is in the way; inner `None` = there are
    /// no rows. `None` = it has to be [executed](crate::execute), which may well succeed.
    pub fn few(
        &self,
        client: &mut Client,
        at: Option<Timestamp>,
        room: &mut FewRoom,
    ) -> Option<Option<RecordBatch>> {
        self.few.run(&self.query, &self.schema, client, at, room)
    }

    /// What node `plan` is compiled to over batches with the columns `input`.
    pub(crate) fn form<T: Any + Send + Sync>(
        &self,
        plan: u32,
        input: &[ColumnId],
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let slot = self.slots.get(plan as usize).filter(|_| !self.rewritten.contains(&plan));
        let Some(slot) = slot else { return make().map(Arc::new) };
        if let Some(kept) = slot.get() {
            if kept.input == input
                && let Ok(form) = Arc::clone(&kept.form).downcast()
            {
                return Ok(form);
            }
            return make().map(Arc::new);
        }
        let form = Arc::new(make()?);
        // If another run was faster its form is as good.
        let _ = slot.set(Kept { input: input.to_vec(), form: Arc::clone(&form) as Arc<_> });
        Ok(form)
    }
}

fn last_id(plan: &Plan) -> u32 {
    plan.children().into_iter().map(last_id).fold(plan.id, u32::max)
}

fn schema(query: &Query) -> SchemaRef {
    let fields = query.output_types().map(|(name, ty)| Field::new(name, ty.arrow(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
