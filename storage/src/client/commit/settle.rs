//! A commit in one step that did not go through: did it, after all?
//!
//! A prewrite whose answer was lost may have been the last that was missing. And a prewrite that was refused may, sent twice
//! by the network, get through later, when what was in its way is gone. So the client does what anybody does who meets the
//! locks of a transaction without a coordinator: it asks all regions, and a key that is not locked will then never be.

use super::{CommitOutcome, Committer, Stop};
use crate::client::Client;
use crate::client::backoff::Budget;
use crate::key::Key;
use crate::percolator::{Conflict, SecondaryLocks};
use crate::schema::Timestamp;

impl Committer {
    /// When it is committed, if it is. If not, why it stopped; then it will never be.
    pub(super) async fn settle(
        &self,
        client: &mut Client,
        keys: &[Key],
        stop: Stop,
    ) -> Result<Timestamp, Stop> {
        let mut backoff = client.backoff("settle", Budget::Commit);
        if let Stop::Outcome(
            CommitOutcome::Conflict(Conflict { key, .. }) | CommitOutcome::AlreadyExists { key },
        ) = &stop
        {
            // Most likely this key alone says it.
            let refused = vec![key.clone()];
            match client.check_secondaries(&mut backoff, refused, self.start_ts).await {
                Ok(SecondaryLocks::RolledBack | SecondaryLocks::NotAsync) => return Err(stop),
                Ok(SecondaryLocks::Committed { commit_ts }) => return Ok(commit_ts),
                Ok(SecondaryLocks::Locked { .. }) => {}
                Err(_) => return Err(Stop::Outcome(CommitOutcome::Undetermined)),
            }
        }
        match client.check_secondaries(&mut backoff, keys.to_vec(), self.start_ts).await {
            Ok(SecondaryLocks::RolledBack | SecondaryLocks::NotAsync) => Err(stop),
            Ok(SecondaryLocks::Committed { commit_ts }) => Ok(commit_ts),
            Ok(SecondaryLocks::Locked { min_commit_ts }) => Ok(min_commit_ts),
            Err(_) => Err(Stop::Outcome(CommitOutcome::Undetermined)),
        }
    }
}
