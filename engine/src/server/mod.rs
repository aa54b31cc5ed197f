//! The MySQL server: sessions over the wire, for every client that speaks MySQL's protocol.
//!
//! ```text
//! listener ── accept ──> connection (a task, in a room)
//!                         │ wire      socket and buffers; frames: packets in and out
//!                         │ login     who it is
//!                         │ command   one command a file: what it reads, what it answers
//!                         └ desk      the session, and on which thread its statements run
//! ```
//!
//! **One session, one owner.** A connection owns its session. A statement that takes long is run elsewhere: then the session
//! *moves* there, and back (`desk`). What connections know of each other is the published list of processes
//! (`processes`); to kill one is to leave it a wish.
//!
//! **Few threads.** A connection that is idle is a task that waits for its socket: a few kilobytes, no thread. There are as
//! many threads for tasks as processors, each with connections of its own (`rooms`), and one for the listener; statements that
//! take long, or wait for locks, have threads of their own while they do.
//!
//! **Nothing that a client sends is trusted.** Every length is checked before anything is reserved for it, every packet before
//! it is believed (`protocol`, which is pure: bytes in, bytes out). Who sends what is no packet is told so where possible, and
//! let go, with one line in the log; others do not notice.
//!
//! **Rows** go from Arrow batches to bytes, the type of each column looked at once a batch (`protocol::cells`), into a buffer that is sent when it
//! is 64 KB: a result of any size costs that much, and a client that reads slowly slows down its own statement alone.
//!
//! ```no_run
//! # fn main() -> allod::Result<()> {
//! use allod::{Database, server::{Options, Server}};
//! let server = Server::start(Database::new(), Options::default())?;
//! println!("listening on {}", server.address());
//! server.run_until_signal();
//! # Ok(())
//! # }
//! ```
//!
//! Left out: the compressed protocol, change of the character set (it is always `utf8mb4`), and the X protocol.

mod command;
mod connection;
mod desk;
mod listen;
mod log;
mod login;
mod protocol;
mod rooms;
mod tls;
mod wire;

use std::io;

pub use crate::accounts::Password;
pub use listen::{Options, Server};
pub use tls::Tls;

use crate::error::Error;
use crate::processes::Wish;
use protocol::payload::Malformed;
use wire::ReadError;

/// Why a connection ends.
#[derive(Debug)]
enum Ended {
    /// The client said so, or closed its side after an answer.
    Quit,
    /// The client was gone while something was under way.
    Vanished,
    /// Reading or writing failed.
    Lost(io::Error),
    /// The client is told, and let go.
    Refused(Error),
    /// Somebody wished so.
    Wish(Wish),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Ended {
        Ended::Lost(error)
    }
}

impl From<Malformed> for Ended {
    fn from(error: Malformed) -> Ended {
        Ended::Refused(Error::new(crate::error::code::MALFORMED_PACKET, error.to_string()))
    }
}

impl From<ReadError> for Ended {
    fn from(error: ReadError) -> Ended {
        use crate::error::code;
        use protocol::frame::FrameError;
        match error {
            ReadError::Closed => Ended::Quit,
            ReadError::Io(error) => Ended::Lost(error),
            ReadError::Frame(FrameError::Order { .. }) => {
                Ended::Refused(Error::new(code::PACKETS_OUT_OF_ORDER, "got packets out of order"))
            }
            ReadError::Frame(FrameError::TooLong { .. }) => {
                let message = "got a packet bigger than 'max_allowed_packet' bytes";
                Ended::Refused(Error::new(code::PACKET_TOO_LARGE, message))
            }
        }
    }
}
