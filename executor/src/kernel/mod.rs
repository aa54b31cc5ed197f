//! Expression compilation and vector kernels.

/// A worker's reusable buffers.
#[derive(Debug, Default)]
pub struct Scratch {}
