//! What a worker keeps between batches.

/// A worker's reusable buffers and caches. Programs keep their own state in it, so a program itself stays immutable and is
/// shared by all workers.
#[derive(Debug, Default)]
pub struct Scratch {}
