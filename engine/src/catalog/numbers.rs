//! The numbers of a sequence: which was given last, and which comes next.
//!
//! A sequence fetches numbers in blocks, as TiDB's servers do, so that what ALTER SEQUENCE, SETVAL and the end of a cycle come to
//! is what TiDB's users know: a change of the definition loses what is left of the block, SETVAL within it does not.
//!
//! ```text
//! INCREMENT BY 3 CACHE 4:   1 4 7 10 | 13 …     fetched up to 10; NEXTVAL: 1, NEXTVAL: 4
//! ALTER … INCREMENT BY 4:                       the next one behind 10 that is 1 + 4 n: 13
//! ```
//!
//! A [`State`] is an immutable value, and each step a function of it; the present one is published, and whoever takes a step
//! publishes the next one if it still is the one that the step began from. So no number is given twice, whoever asks at the same
//! time, nobody waits, and a number stays given when the transaction that asked for it does not come to anything.

use allod_planner::sequence::SequenceOptions;
use arc_swap::ArcSwap;

use super::steps;

/// The numbers of a sequence. All versions of its definition share them.
#[derive(Debug)]
pub(crate) struct Numbers(ArcSwap<State>);

impl Numbers {
    /// None is given yet.
    pub fn new(options: SequenceOptions) -> Numbers {
        Numbers(ArcSwap::from_pointee(State::new(options)))
    }

    /// A number that nobody has; `None` if there is none.
    pub fn next(&self) -> Option<i64> {
        steps::take(&self.0, State::next)
    }

    /// Sees to it that what is given out lies behind `value`; `None` if it does already.
    pub fn set(&self, value: i64) -> Option<i64> {
        steps::take(&self.0, |state| Some((value, state.set(value)?)))
    }

    /// Another definition, and where to begin again, if it does.
    pub fn alter(&self, options: SequenceOptions, restart: Option<i64>) {
        let _ = steps::take(&self.0, |state| Some((0, state.altered(options, restart))));
    }
}

/// What is given and fetched. Wider than BIGINT, so that there is something before the first number and behind the last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    options: SequenceOptions,
    /// Everything up to here is given or fetched.
    fetched: i128,
    /// Of what is fetched, what is given; the same as `fetched` if nothing is left.
    given: i128,
    /// Whether it has begun again: at the bound, not at START.
    again: bool,
}

impl State {
    fn new(options: SequenceOptions) -> State {
        let before = before(options.start, &options);
        State { options, fetched: before, given: before, again: false }
    }

    fn next(&self) -> Option<(i64, State)> {
        if let Some(next) = self.behind(self.given, self.fetched) {
            return Some((number(next), State { given: next, ..self.clone() }));
        }
        let SequenceOptions { increment, cache, .. } = self.options;
        let mut state = self.clone();
        let first = match state.behind(state.fetched, state.last()) {
            Some(first) => first,
            None if !self.options.cycle => return None,
            None => {
                state.again = true;
                state.origin()
            }
        };
        let more = i128::from(cache.unwrap_or(1) - 1) * i128::from(increment);
        let end = first + more;
        state.fetched = if increment > 0 { end.min(state.last()) } else { end.max(state.last()) };
        state.given = first;
        Some((number(first), state))
    }

    fn set(&self, value: i64) -> Option<State> {
        let value = i128::from(value);
        let is_behind = |other: i128| (value - other) * self.sign() > 0;
        if !is_behind(self.given) {
            return None;
        }
        let fetched = if is_behind(self.fetched) { value } else { self.fetched };
        Some(State { given: value, fetched, ..self.clone() })
    }

    fn altered(&self, options: SequenceOptions, restart: Option<i64>) -> State {
        match restart {
            Some(at) => {
                let before = before(at, &options);
                State { options, fetched: before, given: before, again: false }
            }
            None => State { options, given: self.fetched, ..self.clone() },
        }
    }

    fn sign(&self) -> i128 {
        i128::from(self.options.increment.signum())
    }

    /// Where it counts from.
    fn origin(&self) -> i128 {
        let SequenceOptions { start, min, max, increment, .. } = self.options;
        i128::from(match (self.again, increment > 0) {
            (false, _) => start,
            (true, true) => min,
            (true, false) => max,
        })
    }

    /// The bound that it counts to.
    fn last(&self) -> i128 {
        i128::from(if self.options.increment > 0 { self.options.max } else { self.options.min })
    }

    /// The first number behind one, up to another.
    fn behind(&self, one: i128, end: i128) -> Option<i128> {
        let (sign, step) = (self.sign(), i128::from(self.options.increment).abs());
        // As if it counted up.
        let (one, end, origin) = (one * sign, end * sign, self.origin() * sign);
        let next = if one < origin { origin } else { origin + ((one - origin) / step + 1) * step };
        (next <= end).then_some(next * sign)
    }
}

/// What lies before a number.
fn before(at: i64, options: &SequenceOptions) -> i128 {
    i128::from(at) - i128::from(options.increment.signum())
}

/// A number within the bounds of a sequence.
fn number(value: i128) -> i64 {
    i64::try_from(value).expect("a number between the bounds of a sequence is a BIGINT, as they are")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn options(increment: i64, cache: Option<i64>, cycle: bool) -> SequenceOptions {
        SequenceOptions { start: 1, min: 1, max: 100_000, increment, cache, cycle }
    }

    /// The recorded results of TiDB's script `ddl/sequence`.
    #[test]
    fn a_change_loses_what_is_left_of_the_block() {
        let numbers = Numbers::new(options(1, Some(1000), false));
        let three = |numbers: &Numbers| [(); 3].map(|()| numbers.next().unwrap());
        assert_eq!(three(&numbers), [1, 2, 3]);
        let by_two = options(2, Some(1000), false);
        numbers.alter(by_two, None);
        assert_eq!(three(&numbers), [1001, 1003, 1005]);
        numbers.alter(by_two, Some(9));
        assert_eq!(three(&numbers), [9, 11, 13]);
        numbers.alter(by_two, Some(10));
        assert_eq!(three(&numbers), [11, 13, 15]);
        numbers.alter(by_two, Some(1));
        assert_eq!(three(&numbers), [1, 3, 5]);
        let numbers = Numbers::new(options(3, Some(1000), false));
        assert_eq!(three(&numbers), [1, 4, 7]);
        numbers.alter(options(4, Some(1000), false), None);
        assert_eq!(three(&numbers), [3001, 3005, 3009]);
    }

    #[test]
    fn whoever_asks_at_the_same_time_gets_another_number() {
        const THREADS: usize = 4;
        const EACH: usize = 5_000;
        let numbers = Numbers::new(options(1, Some(7), false));
        let given: Vec<i64> = std::thread::scope(|scope| {
            let ask = || (0..EACH).map(|_| numbers.next().unwrap()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let all: HashSet<i64> = given.iter().copied().collect();
        assert_eq!((all.len(), given.len()), (THREADS * EACH, THREADS * EACH));
        assert_eq!(numbers.next(), Some((THREADS * EACH) as i64 + 1));
    }

    #[test]
    fn the_ends_of_bigint_are_reached_and_not_passed() {
        let up = SequenceOptions {
            start: i64::MAX - 2,
            min: i64::MIN + 1,
            max: i64::MAX - 1,
            increment: 1,
            cache: Some(1000),
            cycle: true,
        };
        let numbers = Numbers::new(up);
        let three = [(); 3].map(|()| numbers.next());
        assert_eq!(three, [Some(i64::MAX - 2), Some(i64::MAX - 1), Some(i64::MIN + 1)]);
        let down = SequenceOptions { start: i64::MIN + 2, increment: -1, cycle: false, ..up };
        let numbers = Numbers::new(down);
        let three = [(); 3].map(|()| numbers.next());
        assert_eq!(three, [Some(i64::MIN + 2), Some(i64::MIN + 1), None]);
        assert_eq!((numbers.set(i64::MAX), numbers.set(i64::MIN)), (None, Some(i64::MIN)));
        assert_eq!(numbers.next(), None);
    }

    #[derive(Clone, Debug)]
    enum Ask {
        Next,
        Set(i64),
        Restart(i64),
    }

    fn ask() -> impl Strategy<Value = Ask> {
        prop_oneof![
            8 => Just(Ask::Next),
            2 => (-30..30i64).prop_map(Ask::Set),
            1 => (-20..20i64).prop_map(Ask::Restart),
        ]
    }

    fn any_options() -> impl Strategy<Value = SequenceOptions> {
        (-20..20i64, 1..20i64, 0..20i64, 1..7i64, any::<bool>(), prop::option::of(1..9i64), any::<bool>())
            .prop_map(|(min, width, start, step, up, cache, cycle)| SequenceOptions {
                start: min + start % (width + 1),
                min,
                max: min + width,
                increment: if up { step } else { -step },
                cache,
                cycle,
            })
    }

    /// The same without blocks, found by counting: the last number that was given or set, and how often it began again.
    struct Model {
        options: SequenceOptions,
        last: i64,
        again: bool,
    }

    impl Model {
        fn new(options: SequenceOptions, at: i64) -> Model {
            Model { options, last: at - options.increment.signum(), again: false }
        }

        fn is_behind(&self, a: i64, b: i64) -> bool {
            if self.options.increment > 0 { a > b } else { a < b }
        }

        fn next(&mut self) -> Option<i64> {
            let SequenceOptions { start, min, max, increment, cycle, .. } = self.options;
            let again = if increment > 0 { min } else { max };
            let mut at = if self.again { again } else { start };
            while (min..=max).contains(&at) && !self.is_behind(at, self.last) {
                at += increment;
            }
            if !(min..=max).contains(&at) {
                if !cycle {
                    return None;
                }
                (at, self.again) = (again, true);
            }
            self.last = at;
            Some(at)
        }

        fn set(&mut self, value: i64) -> Option<i64> {
            self.is_behind(value, self.last).then(|| self.last = value).map(|()| value)
        }
    }

    proptest! {
        #[test]
        fn blocks_are_not_seen(options in any_options(), asked in prop::collection::vec(ask(), 1..60)) {
            let numbers = Numbers::new(options);
            let mut model = Model::new(options, options.start);
            for ask in asked {
                match ask {
                    Ask::Next => prop_assert_eq!(numbers.next(), model.next()),
                    Ask::Set(value) => prop_assert_eq!(numbers.set(value), model.set(value)),
                    Ask::Restart(at) => {
                        numbers.alter(options, Some(at));
                        model = Model::new(options, at);
                    }
                }
            }
        }

        #[test]
        fn no_number_is_given_twice_before_it_begins_again(
            first in any_options(),
            changes in prop::collection::vec((any_options(), 0..20usize), 0..5),
        ) {
            // Changes of all but the direction, which would go back over what is given.
            let sign = first.increment.signum();
            let numbers = Numbers::new(SequenceOptions { cycle: false, ..first });
            let mut last = None;
            for (change, count) in changes {
                for _ in 0..count {
                    let Some(next) = numbers.next() else { break };
                    prop_assert!(last.is_none_or(|last| (next - last) * sign > 0));
                    last = Some(next);
                }
                let increment = change.increment.abs() * sign;
                numbers.alter(SequenceOptions { cycle: false, increment, ..change }, None);
            }
        }
    }
}
