//! The harness of Allod's end-to-end tests; the tests themselves are in `tests/`, their data in `slt/` and `explain/`.

pub mod slt;
