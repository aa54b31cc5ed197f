//! Hints for what views are made of.
//!
//! ```sql
//! create view v as select * from t join (select b from u join w using (c)) d using (b);
//! select /*+ qb_name(x, v@sel_1 . @sel_2) merge_join(u@x) */ * from v;     -- joins u and w
//! select /*+ qb_name(x, vv . v@sel_2 . @sel_2) merge_join(u@x) */ * from vv;
//! ```
//! `QB_NAME` with a second part names a block of a view by the way to it: each step is a view (by its alias, if it has one)
//! and the block that reads it, and at the end stands the block itself. Where no block is written it is the first one of a
//! view, and the one that the hint stands in. Whoever reads a view hands the names on that begin with it, without that step,
//! together with the hints that speak of them; where nothing is left of a way but a block of its own, the view has a name
//! like any other and hints like its own. So a view that is read twice is hinted twice, and nobody looks into a view that
//! he does not bind. The words of the warnings are TiDB's.

use super::{Binder, Hinted, INAPPLICABLE};
use crate::parse::{HintBody, HintSyntax, StepSyntax, TableSyntax};
use crate::physical::PlanWarning;

/// A block of a view that has a name, and the hints that speak of it.
#[derive(Clone, Debug)]
pub(in crate::bind) struct ViewBlock {
    name: String,
    /// What is left of the way to it.
    way: Vec<StepSyntax>,
    /// The block that its hint stands in.
    stands: u32,
    hints: Vec<HintSyntax>,
    /// Whether its view was met.
    found: bool,
}

/// Takes what is said of views out of hints that are written: `(block, hint)`.
pub(super) fn taken(written: &mut Vec<(u32, HintSyntax)>, warnings: &mut Vec<PlanWarning>) -> Vec<ViewBlock> {
    let mut warn = |message: String| warnings.push(PlanWarning { code: INAPPLICABLE, message });
    let mut blocks: Vec<ViewBlock> = vec![];
    for (stands, hint) in written.iter() {
        let HintBody::ViewBlockName { name, way } = &hint.body else { continue };
        if blocks.iter().any(|b| b.name.eq_ignore_ascii_case(name)) {
            let which = "for view's query block hint, only the first one is effective";
            warn(format!("Duplicate query block name {name} {which}"));
            continue;
        }
        let (name, way) = (name.clone(), way.clone());
        blocks.push(ViewBlock { name, way, stands: *stands, hints: vec![], found: false });
    }
    if blocks.is_empty() {
        return blocks;
    }
    written.retain(|(_, hint)| {
        if matches!(hint.body, HintBody::ViewBlockName { .. }) {
            return false;
        }
        let tables = tables(&hint.body);
        let speaks_of = hint.block.as_ref().or_else(|| tables.first().and_then(|t| t.block.as_ref()));
        let Some(name) = speaks_of else { return true };
        let Some(block) = blocks.iter_mut().find(|b| b.name.eq_ignore_ascii_case(name)) else { return true };
        let same = |t: &TableSyntax| t.block.as_ref().is_some_and(|b| b.eq_ignore_ascii_case(name));
        if hint.block.is_none() && !tables.iter().all(same) {
            let message =
                "Only one query block name is allowed in a view hint, otherwise the hint will be invalid";
            warn(message.into());
        } else {
            block.hints.push(hint.clone());
        }
        false
    });
    blocks
}

/// The tables that a hint names.
fn tables(body: &HintBody) -> &[TableSyntax] {
    match body {
        HintBody::Join { tables, .. } | HintBody::Leading(tables) => tables,
        HintBody::Index { table, .. } | HintBody::IndexMerge { table, .. } => std::slice::from_ref(table),
        HintBody::NoIndexMerge
        | HintBody::StraightJoin
        | HintBody::HashAgg
        | HintBody::StreamAgg
        | HintBody::AggToCop
        | HintBody::LimitToCop
        | HintBody::MemoryQuota(_)
        | HintBody::MaxExecutionTime(_)
        | HintBody::BlockName(_)
        | HintBody::ViewBlockName { .. }
        | HintBody::ResourceGroup(_)
        | HintBody::Variable { .. } => &[],
    }
}

/// What is not found is told.
pub(super) fn unused(blocks: &[ViewBlock]) -> impl Iterator<Item = PlanWarning> + '_ {
    blocks.iter().filter(|b| !b.found).map(|ViewBlock { name, .. }| {
        let advice = format!("please check whether the table list in the qb_name hint {name} is correct");
        PlanWarning { code: INAPPLICABLE, message: format!("The qb_name hint {name} is unused, {advice}") }
    })
}

impl Binder<'_> {
    /// What is said of a view that the present block reads, for whoever binds it.
    pub(in crate::bind) fn said_of_view(&mut self, view: &str) -> Vec<ViewBlock> {
        let at = self.scope().block;
        let Hinted { names, views, .. } = self.hinted();
        let mut out = vec![];
        for block in views {
            let Some((first, rest)) = block.way.split_first() else { continue };
            let is_here = match &first.block {
                // What stands behind INSERT may speak of its SELECT.
                None => block.stands == at || block.stands == 0 && at == 1,
                Some(name) => names.iter().any(|(known, n)| known.eq_ignore_ascii_case(name) && *n == at),
            };
            if is_here && first.view.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(view)) {
                block.found = true;
                out.push(ViewBlock { way: rest.to_vec(), found: false, ..block.clone() });
            }
        }
        out
    }

    /// Takes what the reader of this view says of it.
    pub(in crate::bind) fn told_by_reader(&mut self, blocks: Vec<ViewBlock>) {
        if blocks.is_empty() {
            return;
        }
        let first = self.blocks_before + 1;
        let Hinted { names, views, written, .. } = self.hinted();
        for mut block in blocks {
            block.stands = first;
            let number = match block.way.as_slice() {
                [] => Some(first),
                [StepSyntax { view: None, block: Some(name) }] => {
                    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, n)| *n)
                }
                [..] => None,
            };
            match number {
                Some(number) => {
                    names.push((block.name, number));
                    written.extend(block.hints.into_iter().map(|hint| (number, hint)));
                }
                None => views.push(block),
            }
        }
    }
}
