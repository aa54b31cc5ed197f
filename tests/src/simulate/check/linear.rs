//! Is there one order of these operations that explains what they answered, and in which none comes before one that had
//! ended when it began?
//!
//! Wing and Gong's search, with Lowe's memory of what was tried: take any operation that nothing still missing had to
//! precede, apply it to the state, go on; go back when the answer does not fit. An operation whose outcome is unknown may be
//! taken at any time after it began, or never. Where the search has been (the set of operations taken, and the state) is
//! kept, so that it is not searched twice.

use std::collections::HashSet;
use std::hash::Hash;

/// An operation on a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<A> {
    /// When it began.
    pub from: u64,
    /// When it ended; `None` = nobody knows whether it ever did.
    pub to: Option<u64>,
    /// What it does and answers.
    pub action: A,
}

/// Whether there is such an order. `apply` gives the state after an action, or `None` if the action cannot have answered what
/// it did.
pub fn is_linearizable<S: Clone + Eq + Hash, A>(
    start: S,
    steps: &[Step<A>],
    apply: impl Fn(&S, &A) -> Option<S>,
) -> bool {
    let mut order: Vec<&Step<A>> = steps.iter().collect();
    order.sort_by_key(|step| step.from);
    let words = order.len().div_ceil(64);
    let mut seen: HashSet<(Vec<u64>, S)> = HashSet::new();
    // Depth first: what was taken, and the state it leads to.
    let mut stack = vec![(vec![0u64; words], start)];
    while let Some((taken, state)) = stack.pop() {
        let is_taken = |i: usize| taken[i / 64] & 1 << (i % 64) != 0;
        // Whatever ends first of what is missing must not come after anything that begins later than that.
        let missing = (0..order.len()).filter(|&i| !is_taken(i));
        let Some(first_end) = missing.clone().filter_map(|i| order[i].to).min() else { return true };
        for i in missing.take_while(|&i| order[i].from <= first_end) {
            let Some(next) = apply(&state, &order[i].action) else { continue };
            let mut more = taken.clone();
            more[i / 64] |= 1 << (i % 64);
            if seen.insert((more.clone(), next.clone())) {
                stack.push((more, next));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register: `Ok` = it was read, `Err` = it was written.
    fn check(steps: &[(u64, Option<u64>, Result<i64, i64>)]) -> bool {
        let steps: Vec<Step<Result<i64, i64>>> =
            steps.iter().map(|&(from, to, action)| Step { from, to, action }).collect();
        is_linearizable(0, &steps, |state, action| match *action {
            Ok(read) => (*state == read).then_some(*state),
            Err(written) => Some(written),
        })
    }

    #[test]
    fn orders_that_respect_time_are_found_and_no_others() {
        assert!(check(&[(0, Some(1), Err(1)), (2, Some(3), Ok(1))]));
        assert!(!check(&[(0, Some(1), Err(1)), (2, Some(3), Ok(0))]), "stale");
        assert!(check(&[(0, Some(4), Err(1)), (2, Some(3), Ok(0))]), "at the same time");
        assert!(check(&[(0, Some(4), Err(1)), (2, Some(3), Ok(1))]), "at the same time, the other way");
        // Two readers during one write must agree on its moment.
        assert!(!check(&[(0, Some(9), Err(1)), (1, Some(2), Ok(1)), (3, Some(4), Ok(0))]));
        // Of unknown outcome: done late, or never.
        assert!(check(&[(0, None, Err(1)), (5, Some(6), Ok(0)), (7, Some(8), Ok(1))]));
        assert!(check(&[(0, None, Err(1)), (5, Some(6), Ok(0))]));
        assert!(!check(&[(0, None, Err(1)), (5, Some(6), Ok(1)), (7, Some(8), Ok(0))]), "undone");
        assert!(!check(&[(6, None, Err(1)), (4, Some(5), Ok(1))]), "before it began");
        assert!(!check(&[(0, Some(1), Err(1)), (2, Some(3), Err(2)), (4, Some(5), Ok(1))]), "overwritten");
    }

    /// Any small history: the search agrees with trying all orders.
    #[test]
    fn the_search_agrees_with_trying_all_orders() {
        let mut random = crate::random::Random::new(7);
        let mut linearizable = 0;
        for _ in 0..3000 {
            let steps: Vec<(u64, Option<u64>, Result<i64, i64>)> = (0..5)
                .map(|_| {
                    let from = random.below(10) as u64;
                    let to = (!random.chance(20)).then(|| from + 1 + random.below(5) as u64);
                    let value = random.below(3) as i64;
                    (from, to, if random.chance(50) { Ok(value) } else { Err(value) })
                })
                .collect();
            let found = check(&steps);
            assert_eq!(found, by_trying(&steps, 0, &mut vec![false; steps.len()]), "{steps:?}");
            linearizable += usize::from(found);
        }
        assert!((300..2700).contains(&linearizable), "{linearizable} of 3000: both kinds occur");
    }

    fn by_trying(steps: &[(u64, Option<u64>, Result<i64, i64>)], state: i64, taken: &mut Vec<bool>) -> bool {
        if (0..steps.len()).all(|i| taken[i] || steps[i].1.is_none()) {
            return true;
        }
        for i in 0..steps.len() {
            let late =
                (0..steps.len()).any(|j| !taken[j] && j != i && steps[j].1.is_some_and(|to| to < steps[i].0));
            let next = match steps[i].2 {
                Ok(read) if read != state => continue,
                Ok(_) => state,
                Err(written) => written,
            };
            if taken[i] || late {
                continue;
            }
            taken[i] = true;
            let found = by_trying(steps, next, taken);
            taken[i] = false;
            if found {
                return true;
            }
        }
        false
    }
}
