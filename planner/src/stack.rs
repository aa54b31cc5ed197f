//! Room for what recurses as deep as a statement is nested.

/// What is left of the stack when a new one is taken: enough for whoever looks again on the way down (sqlparser at 128 KiB, the
/// binder at 256) to find it enough.
const LEFT_BYTES: usize = 512 << 10;
/// A new stack, of which only what is used takes memory.
const NEW_BYTES: usize = 4 << 20;

/// Does something on a stack that is deep enough: this one if it is. On a stack that is not the thread's own nobody can tell, and a
/// new one is taken, here once and not at each step further down.
pub(crate) fn roomy<T>(what: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(LEFT_BYTES, NEW_BYTES, what)
}
