//! Allod: a distributed SQL engine that fits in one process.

pub mod format;
