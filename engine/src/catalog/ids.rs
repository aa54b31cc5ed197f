//! The numbers that a table gives to its rows: hidden row ids, AUTO_INCREMENT values, counts of AUTO_RANDOM ones.
//!
//! Numbers are fetched in blocks, as TiDB's servers do, of AUTO_ID_CACHE numbers: what a statement takes must lie within one,
//! and what is left of a block that is too short is lost. That, and where the next block begins, is what its users see:
//!
//! ```text
//! AUTO_ID_CACHE 3:  insert 2 rows: 1 2     insert 2 rows: 4 5     SHOW CREATE TABLE … AUTO_INCREMENT=7
//! ```
//!
//! As with the numbers of sequences ([`super::numbers`]) a state is an immutable value, published, and whoever takes a step
//! publishes the next one if nobody else has: no number is given twice, and nobody waits.

use allod_executor::Run;
use arc_swap::ArcSwap;

use super::steps;

/// Numbers in a block, if nothing is said.
const BLOCK: u64 = 30_000;

/// How far it is from one number to the next, and which they are: those that differ from `offset` by a multiple of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stride {
    /// `auto_increment_increment`.
    pub step: u64,
    /// `auto_increment_offset`; 1 if it is above the step, as in MySQL.
    pub offset: u64,
}

impl Stride {
    /// All numbers.
    pub const ONE: Stride = Stride { step: 1, offset: 1 };

    /// That of these variables.
    pub fn new(step: u64, offset: u64) -> Stride {
        let step = step.max(1);
        Stride { step, offset: if (1..=step).contains(&offset) { offset } else { 1 } }
    }

    /// The first number behind `given`.
    fn behind(self, given: u64) -> u128 {
        let (given, step, offset) = (u128::from(given), u128::from(self.step), u128::from(self.offset));
        if given < offset { offset } else { offset + ((given - offset) / step + 1) * step }
    }
}

/// The numbers of a table.
#[derive(Debug)]
pub(crate) struct Ids(ArcSwap<State>);

/// What is given and fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Everything up to here is given, passed or lost.
    given: u64,
    /// The end of the block.
    fetched: u64,
    /// How many numbers a block has.
    block: u64,
}

impl Ids {
    /// The first number is `first`. `block`: AUTO_ID_CACHE; `None` or 0 = nothing is said.
    pub fn new(first: u64, block: Option<u64>) -> Ids {
        let given = first.saturating_sub(1);
        Ids(ArcSwap::from_pointee(State { given, fetched: given, block: size(block) }))
    }

    /// `n` numbers that nobody has, of this stride and below `max`; `None` if there are not that many.
    pub fn take(&self, n: u64, stride: Stride, max: u64) -> Option<Run> {
        steps::take(&self.0, |state| state.take(n, stride, max))
    }

    /// Sees to it that no number up to `value` is given out from now on.
    pub fn pass(&self, value: u64) {
        let _ = steps::take(&self.0, |state| Some(((), state.pass(value)?)));
    }

    /// The next number is `next`, whatever was given.
    pub fn restart(&self, next: u64) {
        let given = next.saturating_sub(1);
        let _ = steps::take(&self.0, |state| Some(((), State { given, fetched: given, ..*state })));
    }

    /// Blocks have another size from now on; what is left of the present one is lost.
    pub fn resize(&self, block: Option<u64>) {
        let _ = steps::take(&self.0, |state| {
            Some(((), State { given: state.fetched, block: size(block), ..*state }))
        });
    }

    /// The first number that is not fetched.
    pub fn next_block(&self) -> u64 {
        self.0.load().fetched.saturating_add(1)
    }

    /// What the next number will be.
    pub fn peek(&self) -> u64 {
        self.0.load().given.saturating_add(1)
    }
}

fn size(block: Option<u64>) -> u64 {
    block.filter(|block| *block > 0).unwrap_or(BLOCK)
}

impl State {
    fn take(&self, n: u64, stride: Stride, max: u64) -> Option<(Run, State)> {
        if n == 0 {
            return Some((Run { first: self.given, step: stride.step }, *self));
        }
        let run = |given: u64| {
            let first = stride.behind(given);
            (first, first + u128::from(n - 1) * u128::from(stride.step))
        };
        let mut state = *self;
        let (mut first, mut last) = run(state.given);
        if last > u128::from(state.fetched) {
            (first, last) = run(state.fetched);
            let end = u128::from(state.fetched) + u128::from(state.block);
            state.fetched = u64::try_from(end.max(last).min(u128::from(max))).unwrap_or(max);
        }
        // The greatest number is never given, as in TiDB.
        if last >= u128::from(max) {
            return None;
        }
        state.given = u64::try_from(last).ok()?;
        Some((Run { first: u64::try_from(first).ok()?, step: stride.step }, state))
    }

    fn pass(&self, value: u64) -> Option<State> {
        if value <= self.given {
            return None;
        }
        let fetched = match value <= self.fetched {
            true => self.fetched,
            // Where the numbers go one by one there is nothing to fetch beyond it.
            false if self.block == 1 => value,
            false => value.saturating_add(self.block),
        };
        Some(State { given: value, fetched, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(ids: &Ids, n: u64, stride: Stride) -> Vec<u64> {
        let run = ids.take(n, stride, u64::MAX).unwrap();
        run.numbers().take(n as usize).collect()
    }

    #[test]
    fn each_number_is_given_once() {
        let ids = Ids::new(0, None);
        assert_eq!(taken(&ids, 3, Stride::ONE), [1, 2, 3]);
        ids.pass(10);
        ids.pass(2);
        assert_eq!(taken(&ids, 1, Stride::ONE), [11]);
        assert_eq!((ids.peek(), ids.next_block()), (12, 30_001));
    }

    /// TiDB's recorded results in its scripts `executor/autoid` and `ddl/db_integration`.
    #[test]
    fn blocks_are_as_long_as_they_are_said_to_be() {
        let ids = Ids::new(1, None);
        assert_eq!(taken(&ids, 1, Stride::ONE), [1]);
        ids.resize(Some(100));
        assert_eq!(ids.next_block(), 30_001);
        assert_eq!(taken(&ids, 1, Stride::ONE), [30_001]);
        assert_eq!(ids.next_block(), 30_101);
        let short = Ids::new(1, Some(3));
        assert_eq!(taken(&short, 2, Stride::ONE), [1, 2]);
        assert_eq!(taken(&short, 2, Stride::ONE), [4, 5]);
        assert_eq!(taken(&short, 5, Stride::ONE), [7, 8, 9, 10, 11]);
        assert_eq!(short.next_block(), 12);
    }

    /// The same script.
    #[test]
    fn strides_go_on_where_others_ended() {
        let ids = Ids::new(1, None);
        assert_eq!(taken(&ids, 3, Stride::new(2, 10)), [1, 3, 5]);
        assert_eq!(taken(&ids, 3, Stride::new(5, 10)), [6, 11, 16]);
        assert_eq!(taken(&ids, 3, Stride::new(10, 10)), [20, 30, 40]);
        assert_eq!(taken(&ids, 3, Stride::new(5, 10)), [41, 46, 51]);
    }

    #[test]
    fn what_is_beyond_the_end_is_not_given() {
        let ids = Ids::new(1, None);
        ids.pass(i64::MAX as u64);
        assert_eq!(ids.take(1, Stride::ONE, i64::MAX as u64), None);
        assert_eq!(taken(&ids, 1, Stride::ONE), [i64::MAX as u64 + 1]);
        ids.pass(u64::MAX - 1);
        assert_eq!(ids.take(1, Stride::ONE, u64::MAX), None);
        ids.pass(u64::MAX);
        assert_eq!((ids.take(1, Stride::ONE, u64::MAX), ids.peek()), (None, u64::MAX));
    }

    #[derive(Clone, Debug)]
    enum Ask {
        Take(u64, u64, u64),
        Pass(u64),
        Resize(u64),
    }

    fn ask() -> impl Strategy<Value = Ask> {
        prop_oneof![
            6 => (1..20u64, 1..8u64, 1..10u64).prop_map(|(n, step, offset)| Ask::Take(n, step, offset)),
            2 => (0..300u64).prop_map(Ask::Pass),
            1 => (1..12u64).prop_map(Ask::Resize),
        ]
    }

    proptest! {
        #[test]
        fn numbers_ascend_in_their_strides(block in 1..12u64, asked in prop::collection::vec(ask(), 1..40)) {
            let ids = Ids::new(1, Some(block));
            let mut last = 0;
            for ask in asked {
                match ask {
                    Ask::Take(n, step, offset) => {
                        let offset = if offset > step { 1 } else { offset };
                        for number in taken(&ids, n, Stride::new(step, offset)) {
                            prop_assert!(number > last && number % step == offset % step);
                            last = number;
                        }
                        prop_assert!(last < ids.next_block());
                    }
                    Ask::Pass(value) => {
                        ids.pass(value);
                        last = last.max(value);
                    }
                    Ask::Resize(block) => ids.resize(Some(block)),
                }
                prop_assert!(ids.peek() > last && ids.peek() <= ids.next_block());
            }
        }
    }
}
