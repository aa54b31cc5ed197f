//! Both phases in one command, where one region holds all keys.

use super::{Committer, Group, Stop};
use crate::client::backoff::Backoff;
use crate::client::locks::LockWaits;
use crate::client::sender::Sent;
use crate::client::{Client, unexpected};
use crate::rpc::{Body, OnePhaseOutcome, Reply};
use crate::schema::Timestamp;

pub(super) enum OnePhase {
    Committed(Timestamp),
    /// The keys are no longer in one region.
    Split(Vec<Group>),
}

impl Committer {
    /// Both phases in one command. If an answer is lost and the region is split before the command can be repeated, the two
    /// phases find on each key that it is committed, and when.
    pub(super) async fn one_phase(
        &self,
        client: &mut Client,
        backoff: &mut Backoff,
        group: Group,
    ) -> Result<OnePhase, Stop> {
        let (mut region, mutations) = group;
        let mut waits = LockWaits::default();
        let timeouts = client.stats.timeouts;
        let body = Body::OnePhase(self.prewrite(mutations.clone()));
        loop {
            let sent = client.send(backoff, &mut region, &body).await;
            match sent.map_err(|e| self.unless_lost(client, timeouts, e))? {
                Sent::Reply(Reply::OnePhase(OnePhaseOutcome::Committed(commit_ts))) => {
                    return Ok(OnePhase::Committed(commit_ts));
                }
                Sent::Reply(Reply::OnePhase(OnePhaseOutcome::Refused(outcome))) => {
                    // What was sent may have been sent twice by the network: the second one finds no lock any more.
                    self.judge(client, backoff, outcome, &mut waits).await.map_err(|stop| match stop {
                        Stop::Error(error) => Stop::Refused(error),
                        stop => stop,
                    })?;
                }
                Sent::Reply(other) => return Err(unexpected(&other).into()),
                Sent::Relocate => {
                    let split = client.split_keys(backoff, mutations.clone(), |m| &m.key).await;
                    let mut groups = split.map_err(|e| self.unless_lost(client, timeouts, e))?;
                    if groups.len() > 1 {
                        return Ok(OnePhase::Split(groups));
                    }
                    if let Some((found, _)) = groups.pop() {
                        region = found;
                    }
                }
            }
        }
    }
}
