//! The chunks of a region, and what they come to.

use std::ops::Deref;
use std::sync::Arc;

use crate::chunk::Chunk;

/// Chunks in key order; immutable, and cheap to clone. Whoever writes asks how much there is, so it is added up once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Base {
    chunks: Arc<[Chunk]>,
    rows: usize,
    bytes: usize,
}

impl Base {
    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is the very same, not one like it.
    pub(crate) fn is(&self, other: &Base) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
    }
}

impl From<Arc<[Chunk]>> for Base {
    fn from(chunks: Arc<[Chunk]>) -> Base {
        let (rows, bytes) = (chunks.iter().map(Chunk::rows).sum(), chunks.iter().map(Chunk::bytes).sum());
        Base { chunks, rows, bytes }
    }
}

impl From<Vec<Chunk>> for Base {
    fn from(chunks: Vec<Chunk>) -> Base {
        Base::from(Arc::<[Chunk]>::from(chunks))
    }
}

impl FromIterator<Chunk> for Base {
    fn from_iter<T: IntoIterator<Item = Chunk>>(chunks: T) -> Base {
        Base::from(chunks.into_iter().collect::<Arc<[Chunk]>>())
    }
}

impl Deref for Base {
    type Target = [Chunk];

    fn deref(&self) -> &[Chunk] {
        &self.chunks
    }
}
