//! Work that nobody waits for: a transaction is committed, and its other locks have still to become versions.
//!
//! Each piece is a task of the cluster's runtime, and owns its client. It ends by itself: when it is done, or when its retry
//! budget is used up, or with the runtime. It may outlive the last [`Cluster`](crate::cluster::Cluster) handle, for the work
//! is worth doing as long as anyone can look; what it does not get done is done by whoever meets the locks. Here is only
//! counted how many there are, so that one can wait for silence.

use std::sync::Arc;

use tokio::sync::watch;

/// How much of it there is.
pub(crate) struct Background(Arc<watch::Sender<usize>>);

/// A piece of it, until dropped.
pub(crate) struct Piece(Arc<watch::Sender<usize>>);

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.send_modify(|pieces| *pieces -= 1);
    }
}

impl Background {
    pub(crate) fn new() -> Background {
        Background(Arc::new(watch::Sender::new(0)))
    }

    pub(crate) fn begin(&self) -> Piece {
        self.0.send_modify(|pieces| *pieces += 1);
        Piece(Arc::clone(&self.0))
    }

    /// Waits until there is none.
    pub(crate) async fn silence(&self) {
        // The sender is here, so it cannot fail.
        let _ = self.0.subscribe().wait_for(|pieces| *pieces == 0).await;
    }
}
