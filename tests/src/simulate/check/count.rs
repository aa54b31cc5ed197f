//! Counters that are only ever added to: what a read may find.
//!
//! A read finds at least what had been acknowledged when it began, and at most what had begun when it ended; and never less than
//! a read that had ended before it began.

use std::collections::BTreeMap;

use crate::simulate::history::{Op, Outcome};

/// Something was added to a counter, or perhaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// Which counter.
    pub counter: i64,
    /// How much; more than nothing.
    pub by: i64,
    /// From then on it may be there.
    pub from_us: u64,
    /// From then on it must be there; `None` = nobody knows whether it ever is.
    pub to_us: Option<u64>,
}

impl Added {
    /// What an operation that was to add to a counter did to it; `None` = it failed.
    pub fn of<I, O>(op: &Op<I, O>, counter: i64, by: i64) -> Option<Added> {
        let to_us = match op.outcome {
            Outcome::Ok(_) => Some(op.completed_us),
            Outcome::Unknown => None,
            Outcome::Fail => return None,
        };
        Some(Added { counter, by, from_us: op.invoked_us, to_us })
    }
}

/// A counter was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which counter.
    pub counter: i64,
    /// What it was.
    pub value: i64,
    /// When the read began.
    pub from_us: u64,
    /// When it ended.
    pub to_us: u64,
}

/// Sums by time: of all that comes before a moment.
struct Sums(Vec<(u64, i64)>);

impl Sums {
    fn new(parts: impl Iterator<Item = (u64, i64)>) -> Sums {
        let mut parts: Vec<(u64, i64)> = parts.collect();
        parts.sort_unstable();
        let mut sum = 0;
        for (_, part) in &mut parts {
            sum += *part;
            *part = sum;
        }
        Sums(parts)
    }

    fn before(&self, us: u64) -> i64 {
        let place = self.0.partition_point(|(at, _)| *at < us);
        place.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

/// What in the reads should not be, in words.
pub fn check(added: &[Added], seen: &[Seen]) -> Vec<String> {
    let mut counters: BTreeMap<i64, (Vec<&Added>, Vec<&Seen>)> = BTreeMap::new();
    for added in added {
        counters.entry(added.counter).or_default().0.push(added);
    }
    for seen in seen {
        counters.entry(seen.counter).or_default().1.push(seen);
    }
    let mut wrong = Vec::new();
    for (counter, (added, mut seen)) in counters {
        let must = Sums::new(added.iter().filter_map(|added| Some((added.to_us?, added.by))));
        let may = Sums::new(added.iter().map(|added| (added.from_us, added.by)));
        let mut ends = seen.clone();
        ends.sort_by_key(|seen| seen.to_us);
        seen.sort_by_key(|seen| seen.from_us);
        let (mut ended, mut greatest) = (ends.iter().peekable(), 0);
        for Seen { value, from_us, to_us, .. } in seen {
            while let Some(end) = ended.next_if(|end| end.to_us < *from_us) {
                greatest = greatest.max(end.value);
            }
            let (least, most) = (must.before(*from_us), may.before(to_us + 1));
            if !(least..=most).contains(value) {
                wrong.push(format!(
                    "counter {counter} is {value} at {from_us} us, when it should be {least} to {most}"
                ));
            } else if *value < greatest {
                wrong.push(format!("counter {counter} is {value} at {from_us} us after it was {greatest}"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_what_was_acknowledged_to_what_had_begun() {
        let add = |by, from_us, to_us| Added { counter: 3, by, from_us, to_us };
        let added = [add(1, 0, Some(10)), add(2, 20, Some(30)), add(4, 40, None), add(8, 100, Some(110))];
        let check = |reads: &[(i64, u64, u64)]| {
            let seen: Vec<Seen> = reads
                .iter()
                .map(|&(value, from_us, to_us)| Seen { counter: 3, value, from_us, to_us })
                .collect();
            check(&added, &seen)
        };
        for good in [
            &[(0, 0, 9)][..],
            &[(1, 11, 12)],
            &[(1, 25, 26), (3, 25, 26)],
            &[(3, 31, 50), (7, 40, 41), (7, 60, 61)],
            &[(3, 60, 61), (11, 120, 121)],
            &[(15, 120, 121)],
        ] {
            assert_eq!(check(good), [""; 0], "{good:?}");
        }
        for (bad, why) in [
            (&[(0, 11, 12)][..], "counter 3 is 0 at 11 us, when it should be 1 to 1"),
            (&[(3, 11, 12)], "counter 3 is 3 at 11 us, when it should be 1 to 1"),
            (&[(7, 31, 39)], "counter 3 is 7 at 31 us, when it should be 3 to 3"),
            (&[(16, 120, 121)], "counter 3 is 16 at 120 us, when it should be 11 to 15"),
            (&[(7, 60, 61), (3, 70, 71)], "counter 3 is 3 at 70 us after it was 7"),
        ] {
            assert_eq!(check(bad), [why]);
        }
    }

    #[test]
    fn other_counters_and_what_failed_are_none_of_its_business() {
        let seen = [Seen { counter: 1, value: 0, from_us: 9, to_us: 9 }];
        assert_eq!(check(&[Added { counter: 2, by: 1, from_us: 0, to_us: Some(1) }], &seen), [""; 0]);
        let op = |outcome| Op { process: 0, invoked_us: 1, completed_us: 2, input: (), outcome };
        assert_eq!(Added::of(&op(Outcome::<()>::Fail), 1, 1), None);
        assert_eq!(Added::of(&op(Outcome::Ok(())), 1, 1).and_then(|added| added.to_us), Some(2));
        assert_eq!(Added::of(&op(Outcome::<()>::Unknown), 1, 1).and_then(|added| added.to_us), None);
    }
}
