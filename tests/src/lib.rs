//! The harness of Allod's end-to-end tests; the tests themselves are in `tests/`, their data in `slt/` and `isolation/`.

pub mod database;
pub mod differential;
pub mod isolation;
pub mod joins;
pub mod partitions;
pub mod random;
pub mod raw;
pub mod server;
pub mod simulate;
pub mod slt;
pub mod storm;
