//! Plans with places for parameters.
//!
//! Values of parameters are constants to the planner: it folds them, looks them up in histograms, finds ranges empty. So in
//! general a prepared statement is planned anew for new values. But most statements are plain: they read or change the rows
//! of a key, of some keys, of a range of a key or an index, or insert rows. There the plan for other values is the same plan
//! with other values in it.
//!
//! A template is made of the difference between two plans. The statement must use its parameters plainly
//! (`bind::plain_conditions`), so that no value implies more than another one does. It is then planned a second time, with
//! other values (`data::others`), and wherever the two plans hold different values (keys, bounds of ranges, bounds for
//! blocks, constants) one parameter must account for both. What is filled in for the second values must be the second plan,
//! estimates apart; so every template has been right at least once before it is used.
//!
//! ```text
//! select c from t where id between ? and ?      (10, 19)    TableScan [10, 19]
//!                                               (11, 21)    TableScan [11, 21]     value 0 is ?0, value 1 is ?1
//! filled with                                   (50, 40)    an empty range: planned in full, as NULL would be
//! ```
//! A value may need what the planner does to it (`7` for a DECIMAL column to become `7.00`); a filled value goes the same way,
//! and one that cannot be held exactly is planned in full. So is a double read of many more rows than it was chosen for.
//!
//! A text with literals in it becomes such a statement with parameters ([`generalized`]), and shares its plan with other
//! texts.
//!
//! Left out: joins, subqueries, pruned scans of partitioned tables, comparisons of dates and of fractions.

mod data;
mod text;

use std::mem::discriminant;
use std::sync::Arc;

use allod_storage::schema::Datum;

use crate::bind::plain_conditions;
use crate::parse::Parsed;
use crate::physical::Query;
use crate::zone::Zone;
use data::{Way, each, estimates_away, others, settled, suits};

pub use text::{Generalized, generalized};

/// More parameters are not worth the while.
const PARAMS_MAX: usize = 512;

/// Where the parameters of a statement are in its plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The values that the plan was made with.
    params: Vec<Datum>,
    /// In the order in which [`each`] comes by.
    places: Vec<Place>,
    /// Nodes of the plan that hold values of parameters, and those that may be compiled together with them.
    rewritten: Arc<[u32]>,
}

/// A value of the plan.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    /// The how manieth value of the plan it is.
    at: usize,
    /// Which parameter it is made of.
    param: usize,
    /// How.
    way: Way,
}

impl Template {
    /// The template of a statement that was planned with these values; `None` if the plan holds for them alone. `plan` plans
    /// it with others. `zone`: that of the session, whose clocks are ahead of UTC in summer by more than in winter.
    pub fn of(
        parsed: &Parsed,
        query: &Query,
        params: &[Datum],
        zone: Zone,
        plan: impl FnOnce(&[Datum]) -> Option<Query>,
    ) -> Option<Template> {
        if params.is_empty() || params.len() > PARAMS_MAX || !query.ctes.is_empty() {
            return None;
        }
        let conditions = plain_conditions(parsed)?;
        let others = others(params)?;
        if !suits(&query.root, &conditions) {
            return None;
        }
        let (mut first, mut before) = (query.clone(), Vec::new());
        each(&mut first.root, &mut |_, value, slot| before.push((value.clone(), slot.way(value))))?;
        let (mut second, mut at) = (plan(&others)?, 0);
        let (mut places, mut rewritten) = (Vec::new(), Vec::new());
        let mut accounted = true;
        each(&mut second.root, &mut |nodes, value, _| {
            if let Some((old, way)) = before.get(at)
                && old != value
            {
                let makes = |i: &usize| {
                    (zone.is_utc() || !way.is_of_clocks())
                        && way.take(&params[*i]).as_ref() == Some(old)
                        && way.take(&others[*i]).as_ref() == Some(value)
                };
                match (0..params.len()).find(makes) {
                    Some(param) => places.push(Place { at, param, way: way.clone() }),
                    None => accounted = false,
                }
                rewritten.extend_from_slice(nodes);
            }
            at += 1;
        })?;
        let all = (0..params.len()).all(|i| places.iter().any(|place| place.param == i));
        if !accounted || !all || at != before.len() {
            return None;
        }
        rewritten.sort_unstable();
        rewritten.dedup();
        let template = Template { params: params.to_vec(), places, rewritten: rewritten.into() };
        let mut filled = template.fill(query, &others)?;
        estimates_away(&mut filled.root);
        estimates_away(&mut second.root);
        (filled == second).then_some(template)
    }

    /// The plan nodes that hold other values in a filled plan: what they were compiled to does not hold for that one.
    pub fn rewritten(&self) -> &Arc<[u32]> {
        &self.rewritten
    }

    /// The plan for other values; `None` if it may have to be another plan.
    pub fn fill(&self, query: &Query, params: &[Datum]) -> Option<Query> {
        let same_kind = |(a, b): (&Datum, &Datum)| discriminant(a) == discriminant(b);
        if params.len() != self.params.len() || !self.params.iter().zip(params).all(same_kind) {
            return None;
        }
        let mut filled = query.clone();
        let (mut at, mut places, mut fits) = (0, self.places.iter().peekable(), true);
        each(&mut filled.root, &mut |_, value, slot| {
            if let Some(place) = places.next_if(|place| place.at == at) {
                match place.way.take(&params[place.param]) {
                    Some(new) => *value = new,
                    None => fits = false,
                }
                if place.way == Way::AsItIs {
                    slot.retype(value);
                }
            }
            at += 1;
        })?;
        (fits && settled(&mut filled.root, &query.root)).then_some(filled)
    }
}

#[cfg(test)]
mod tests;
