//! Which relations of a set of joins hints want joined first, and in which order.
//!
//! `LEADING(t1, t2)` names the first ones; `STRAIGHT_JOIN` means all of them, in the order of FROM. What is wanted is a chain:
//! the first with the second, these with the third, and so on; everything else comes after. A name that is not among the
//! relations makes LEADING inapplicable, and so does a second LEADING in the same block.

use crate::hints::{Hint, HintKind, HintTable};
use crate::logical::Plan;
use crate::physical::{PlanWarning, alias_of, is_named};

/// TiDB's code of a hint that was not followed.
const INAPPLICABLE: u16 = 1815;

/// The hints that speak of the order of joins.
#[derive(Default)]
pub(super) struct Leading {
    /// STRAIGHT_JOIN: the blocks that have it.
    straight: Vec<u32>,
    /// LEADING: its tables, and whether some set of joins followed it.
    wanted: Vec<(Vec<HintTable>, bool)>,
    warnings: Vec<PlanWarning>,
}

impl Leading {
    pub(super) fn new(hints: &[Hint]) -> Leading {
        let mut leading = Leading::default();
        let mut blocks: Vec<(u32, Vec<HintTable>)> = Vec::new();
        for hint in hints {
            match &hint.kind {
                HintKind::StraightJoin => leading.straight.push(hint.block),
                HintKind::Leading(tables) => blocks.push((hint.block, tables.clone())),
                _ => {}
            }
        }
        let repeated = |block: u32| blocks.iter().filter(|(other, _)| *other == block).count() > 1;
        if blocks.iter().any(|(block, _)| repeated(*block)) {
            leading.warn(
                "We can only use one leading hint at most, when multiple leading hints are used, all leading \
                 hints will be invalid",
            );
        }
        let both = |block: u32| !repeated(block) && leading.straight.contains(&block);
        if blocks.iter().any(|(block, _)| both(*block)) {
            leading.warn(
                "We can only use the straight_join hint, when we use the leading hint and straight_join hint at the \
                 same time, all leading hints will be invalid",
            );
        }
        leading.wanted = blocks
            .iter()
            .filter(|(block, _)| !repeated(*block) && !leading.straight.contains(block))
            .map(|(_, tables)| (tables.clone(), false))
            .collect();
        leading
    }

    /// Positions of the relations to begin with, in order; none or one if hints say nothing.
    pub(super) fn chain(&mut self, relations: &[Plan]) -> Vec<usize> {
        if self.straight.is_empty() && self.wanted.is_empty() {
            return vec![];
        }
        let names: Vec<_> = relations.iter().map(alias_of).collect();
        if names.iter().flatten().any(|named| self.straight.iter().any(|block| named.is_of(*block))) {
            return (0..relations.len()).collect();
        }
        for (tables, followed) in &mut self.wanted {
            let at = |table: &HintTable| {
                names.iter().position(|named| named.as_ref().is_some_and(|named| is_named(table, named)))
            };
            if let Some(chain) = tables.iter().map(at).collect::<Option<Vec<usize>>>() {
                *followed = true;
                return chain;
            }
        }
        vec![]
    }

    /// What could not be followed.
    pub(super) fn warnings(mut self) -> Vec<PlanWarning> {
        if self.wanted.iter().any(|(_, followed)| !followed) {
            self.warn("leading hint is inapplicable, check if the leading hint table is valid");
        }
        self.warnings
    }

    fn warn(&mut self, message: &str) {
        self.warnings.push(PlanWarning { code: INAPPLICABLE, message: message.into() });
    }
}
