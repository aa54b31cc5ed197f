//! What can go wrong in a simulated cluster, as plain data.
//!
//! A [`Fault`] is one thing that changes: a store crashes, a link gets slow, a region splits just when the third prewrite
//! arrives, the placement driver's clock jumps. What is wrong at a moment, all faults taken together, is a [`Conditions`]:
//! an immutable value that the owner of the simulation makes anew with each fault and publishes. The simulated transport
//! (`rpc/simulated.rs`) asks it about every message. Nothing else knows of faults: stores, regions and clients run the code
//! that they always run.
//!
//! Faults have one text form ([`Fault::parse`], `Display`), which script files, `SIMULATE` and `SHOW SIMULATION` share:
//!
//! ```text
//! SEED 42
//! STORE 2 CRASH                      STORE 2 RESTART
//! STORE 2 STALL                      STORE * RECOVER
//! STORE 2 BUSY 0.3                   STORE 2 SLOW '20ms'
//! LINK CLIENT -> 2 LOSS 0.1          requests are lost: the work is not done
//! LINK 2 -> CLIENT LOSS 0.1          replies are lost: the work is done
//! LINK 1 -> 3 LATENCY '20ms'         what store 1 leads is written at the pace of its other followers
//! LINK * <-> 2 CUT                   LINK * <-> 2 RECOVER
//! PARTITION (CLIENT, PD, 1, 2), (3)
//! REGION SPLIT AT 3 PREWRITE         REGION 5 MOVE LEADER AT COMMIT
//! PD OFFSET '-500ms'
//! HEAL
//! AFTER '5s' STORE 2 CRASH           a step: it begins then
//! ```
//!
//! Three drivers use it, and each reaches every kind of fault:
//!
//! | fault | seeded plan (`tests/src/simulate/nemesis.rs`) | script (`tests/fault/*.fault`) | SQL |
//! |---|---|---|---|
//! | store: crash and restart, stall, busy, slow | in turn, for up to four seconds | `at 2s store 2 crash` | `SIMULATE STORE 2 CRASH` |
//! | link: latency, jitter, loss of requests or replies, duplication, reordering, cut | all links, those of a store, or one | `at 2s link 1 -> client loss 0.3` | `SIMULATE LINK 1 -> CLIENT LOSS 0.3` |
//! | partition | in two halves, clients and placement driver on either | `at 2s partition (1, 2), (3, pd)` | `SIMULATE PARTITION (1, 2), (3, PD)` |
//! | region: split, merge, leader moves, replica moves (its epoch changes), at a command | at the next few of a kind | `at 2s region split at 3 prewrite` | `SIMULATE REGION SPLIT AT 3 PREWRITE` |
//! | clock of the placement driver | three seconds back to seven ahead | `at 2s pd offset '5s'` | `SIMULATE PD OFFSET '5s'` |
//! | all is well again; chance | at the end; the seed | `at 9s heal`, `seed 7` | `SIMULATE HEAL`, `SIMULATE SEED 7` |
//! | later | always | always | `SIMULATE AFTER '2s' …` |
//!
//! **What a store's failure means.** Consensus is simulated, not built: the replicas of a region are one state machine, which
//! no crash forgets. But its leader answers only while it can reach a majority of the replicas; once it could not for an
//! election's time, a replica that can takes its place ([`Conditions::heir`]). A region whose majority is gone has no leader.
//!
//! **What links between servers carry.** From store to store: what a write waits for. From a store to the placement driver:
//! reports of how a region has changed, which is what the directory knows of it; and back again, the timestamp of a commit in
//! one phase. What is lost there is sent again, what comes twice is known already, and what is late may be out of date.
//! Clients are one machine, so there is one link from all of them to each server.
//!
//! **When a fault begins.** A [`Step`] is a fault with a time. There is no timer for it: who sends a message first sees to the
//! steps whose time has come, so that they are in force for every message that could notice them.
//!
//! Left out: corruption of messages and of data, and stores that disagree about the past. The protocol does not claim to
//! bear them.

mod conditions;
mod kind;
mod servers;
mod text;

pub use conditions::{Conditions, FaultError, LinkState, StoreState};
pub use kind::{CommandKind, Fault, LinkChange, Node, RegionChange, Step, StoreChange};
pub(crate) use servers::{ASK_AGAIN, HELD_BACK_MAX, there_and_back};
pub use text::{TextError, duration_text, parse_duration};
