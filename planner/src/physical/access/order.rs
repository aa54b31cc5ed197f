//! Whether the order of a key is the order that is asked for.
//!
//! ```sql
//! key (a, b, c), where a = 1 order by b desc      -- the key backwards: a is the same in all rows
//! key (a, b, c), where b = 2 order by a, b, c     -- the key: b need not be looked at
//! unique (a), order by a, x                       -- the key: rows that agree on a are one row
//! ```
//! What would break it: `order by a, b desc` over key (a, b): no single direction gives it.

use crate::column::ColumnId;

use super::site::{Direction, Site};

impl Site<'_> {
    /// The direction in which rows must be read, by a key of these columns, for the wanted order; `None` if no direction gives
    /// it, or none is wanted.
    pub(super) fn direction(&self, key: &[usize], unique: bool) -> Option<Direction> {
        let mut wanted = self.order.iter().peekable();
        wanted.peek()?;
        let mut descending: Option<bool> = None;
        let fixed = |ordinal: usize| self.has_one_value(ordinal);
        for &ordinal in key {
            while wanted.next_if(|(id, _)| self.ordinal_of(*id).is_some_and(&fixed)).is_some() {}
            let Some((id, direction)) = wanted.peek().copied() else { break };
            if self.id_of(ordinal) == Some(*id) {
                if *descending.get_or_insert(*direction) != *direction {
                    return None;
                }
                wanted.next();
            } else if !fixed(ordinal) {
                return None;
            }
        }
        while wanted.next_if(|(id, _)| self.ordinal_of(*id).is_some_and(&fixed)).is_some() {}
        let met = wanted.peek().is_none() || unique;
        met.then_some(Direction { keep_order: true, descending: descending.unwrap_or(false) })
    }

    /// The order that a path in this direction gives: the one that is asked for, and what the key says besides.
    pub(super) fn order_of(&self, key: &[usize], direction: Direction) -> Vec<(ColumnId, bool)> {
        if !direction.keep_order {
            return vec![];
        }
        let mut order = self.order.to_vec();
        for id in key.iter().map_while(|&o| self.id_of(o)) {
            if !order.iter().any(|(known, _)| *known == id) {
                order.push((id, direction.descending));
            }
        }
        order
    }

    /// Whether all rows agree on the columns of an order.
    pub(super) fn is_fixed(&self, order: &[(ColumnId, bool)]) -> bool {
        order.iter().all(|(id, _)| self.ordinal_of(*id).is_some_and(|ordinal| self.has_one_value(ordinal)))
    }

    fn has_one_value(&self, ordinal: usize) -> bool {
        let id = self.id_of(ordinal);
        id.is_some_and(|id| self.constant(id, &self.scan.table.columns[ordinal].ty).is_some())
    }

    fn ordinal_of(&self, id: ColumnId) -> Option<usize> {
        self.scan.columns.iter().find(|(known, _)| *known == id).map(|(_, ordinal)| *ordinal)
    }
}
