//! Numbers are given without a lock: the state that they come from is an immutable value, published.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// Takes a step that has an outcome: publishes the state that it leads to, if the one that it began from still is the
/// present one, and begins again from the newer one otherwise. `None`: there is no step, and nothing changes.
pub(super) fn take<S, T>(state: &ArcSwap<S>, step: impl Fn(&S) -> Option<(T, S)>) -> Option<T> {
    let mut from = state.load_full();
    loop {
        let (outcome, next) = step(&from)?;
        let before = state.compare_and_swap(&from, Arc::new(next));
        if Arc::ptr_eq(&before, &from) {
            return Some(outcome);
        }
        from = Arc::clone(&before);
    }
}
