//! What is read of each morsel: first the columns that decide which rows survive, then the others of the survivors.

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;

use crate::batch::position;
use crate::error::Result;
use crate::kernel::Predicate;
use crate::lookup::PARTITION;

/// Columns by when they are read, compiled.
pub(crate) struct Reading {
    /// Ordinals of the columns that decide.
    pub(super) early: Vec<usize>,
    /// Ordinals of the others that come out.
    pub(super) late: Vec<usize>,
    pub(super) predicate: Option<Predicate>,
    /// By filter the position of its column among the early ones.
    pub(super) filtered: Vec<usize>,
    pub(super) output: Vec<Place>,
}

/// Where an output column is found.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Early(usize),
    Late(usize),
    Partition,
}

impl Reading {
    /// Of a scan with these columns, each at its place in the scanned space: rows that satisfy the conjuncts and pass filters
    /// on the columns `filtered`. [`PARTITION`] may be the last column of the output.
    pub fn compile(
        columns: &[ColumnId],
        ordinals: &[usize],
        predicates: &[Expr],
        filtered: &[ColumnId],
        output: &[ColumnId],
    ) -> Result<Reading> {
        let mut early_columns: Vec<ColumnId> = Vec::new();
        for id in predicates.iter().flat_map(Expr::columns).chain(filtered.iter().copied()) {
            if !early_columns.contains(&id) {
                early_columns.push(id);
            }
        }
        let ordinal = |id: &ColumnId| Ok(ordinals[position(columns, *id)?]);
        let mut late_columns = Vec::new();
        let mut places = Vec::with_capacity(output.len());
        for id in output {
            places.push(match early_columns.iter().position(|e| e == id) {
                Some(early) => Place::Early(early),
                None if *id == PARTITION => Place::Partition,
                None => {
                    late_columns.push(*id);
                    Place::Late(late_columns.len() - 1)
                }
            });
        }
        let predicate =
            (!predicates.is_empty()).then(|| Predicate::compile(predicates, &early_columns)).transpose()?;
        Ok(Reading {
            early: early_columns.iter().map(ordinal).collect::<Result<_>>()?,
            late: late_columns.iter().map(ordinal).collect::<Result<_>>()?,
            predicate,
            filtered: filtered.iter().map(|id| position(&early_columns, *id)).collect::<Result<_>>()?,
            output: places,
        })
    }
}
