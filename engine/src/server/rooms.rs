//! Rooms: where connections are served, and which room a connection belongs in.
//!
//! There is a room for each processor: one thread that looks after the sockets of its connections and of nobody else's, so that
//! threads do not wake each other to share work. A connection is at home where its packets arrive: if the thread that answers
//! runs on the processor on which the client's side runs, or the network card's interrupt, then neither wakes the other across
//! processors. On a machine with two that is a third of all that a point query costs, the client's part included.
//!
//! Whoever comes is given the room with the fewest connections. Every [`ROUND`] commands a connection asks the kernel on which
//! processor its last packets arrived and on which its room's thread runs, which is nobody's decision but the kernel's. If those
//! differ and another room runs on the right one, it moves there: the socket is taken from one runtime to the other, between two
//! commands. A room never takes a connection from one that has fewer than itself: where all packets arrive on one processor, all
//! would end up there.
//!
//! Left out: threads that are bound to processors (statements that run on other threads would have to work around them);
//! moving encrypted connections, where the packets cost less than what is done with them; other systems than Linux, where
//! nobody moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::runtime::{Handle, Runtime};

/// After how many commands a connection looks around.
const ROUND: u32 = 512;
/// No processor's number.
const UNKNOWN: usize = usize::MAX;

/// All rooms of a server.
pub(super) struct Rooms(Vec<Room>);

struct Room {
    tasks: Handle,
    /// Connections that are open here, those that are not let in yet included.
    open: AtomicU64,
    /// The processor on which its thread was seen last.
    processor: AtomicUsize,
}

impl Room {
    fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }
}

impl Rooms {
    /// One for each runtime.
    pub fn new(runtimes: &[Runtime]) -> Rooms {
        let room = |runtime: &Runtime| Room {
            tasks: runtime.handle().clone(),
            open: AtomicU64::new(0),
            processor: AtomicUsize::new(UNKNOWN),
        };
        Rooms(runtimes.iter().map(room).collect())
    }

    /// Connections that are open in all of them.
    pub fn open(&self) -> u64 {
        self.0.iter().map(Room::open).sum()
    }
}

/// A connection's place in a room. Dropped, it is free.
pub(super) struct Seat {
    rooms: Arc<Rooms>,
    room: usize,
    /// Commands until it looks around.
    commands: u32,
}

impl Seat {
    /// In the room where the fewest are; `None` if there are no rooms.
    pub fn take(rooms: &Arc<Rooms>) -> Option<Seat> {
        let room = (0..rooms.0.len()).min_by_key(|&room| rooms.0[room].open())?;
        rooms.0[room].open.fetch_add(1, Ordering::Relaxed);
        Some(Seat { rooms: Arc::clone(rooms), room, commands: ROUND })
    }

    /// Runs the tasks of its room.
    pub fn tasks(&self) -> &Handle {
        &self.rooms.0[self.room].tasks
    }

    /// After each command, in the room: whether the connection is to go on in another one, in which it now has its seat.
    pub fn moves(&mut self, socket: Option<&TcpStream>) -> bool {
        self.commands -= 1;
        if self.commands > 0 {
            return false;
        }
        self.commands = ROUND;
        let rooms = &self.rooms.0;
        let (Some(here), Some(there)) = (processor(), socket.and_then(arrives_at)) else { return false };
        rooms[self.room].processor.store(here, Ordering::Relaxed);
        let seen: Vec<(usize, u64)> =
            rooms.iter().map(|room| (room.processor.load(Ordering::Relaxed), room.open())).collect();
        let Some(better) = better(&seen, self.room, there) else { return false };
        rooms[better].open.fetch_add(1, Ordering::Relaxed);
        rooms[self.room].open.fetch_sub(1, Ordering::Relaxed);
        self.room = better;
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.rooms.0[self.room].open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a connection in room `mine` belongs whose packets arrive at a processor, if not here. Of each room: the processor it
/// was seen on and its open connections.
fn better(rooms: &[(usize, u64)], mine: usize, arrives_at: usize) -> Option<usize> {
    let (here, many) = rooms[mine];
    if here == arrives_at {
        return None;
    }
    rooms.iter().position(|(there, open)| *there == arrives_at && *open <= many)
}

/// The processor that runs this.
fn processor() -> Option<usize> {
    #[cfg(target_os = "linux")]
    return Some(rustix::thread::sched_getcpu());
    #[cfg(not(target_os = "linux"))]
    None
}

/// The processor on which the last packets of a socket arrived.
fn arrives_at(socket: &TcpStream) -> Option<usize> {
    #[cfg(target_os = "linux")]
    return rustix::net::sockopt::socket_incoming_cpu(socket).ok().map(|processor| processor as usize);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = socket;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtimes(n: usize) -> Vec<Runtime> {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        (0..n).map(|_| runtime()).collect()
    }

    #[test]
    fn who_comes_is_given_the_emptiest_room_and_gives_its_place_back() {
        let runtimes = runtimes(2);
        let rooms = Arc::new(Rooms::new(&runtimes));
        let mut seats: Vec<Seat> = (0..5).map(|_| Seat::take(&rooms).unwrap()).collect();
        assert_eq!(seats.iter().map(|seat| seat.room).collect::<Vec<_>>(), [0, 1, 0, 1, 0]);
        seats.drain(..1);
        seats.retain(|seat| seat.room == 0);
        assert_eq!((rooms.open(), Seat::take(&rooms).unwrap().room), (2, 1));
        drop(seats);
        assert_eq!(rooms.open(), 0);
        assert!(Seat::take(&Arc::new(Rooms::new(&[]))).is_none());
    }

    #[test]
    fn a_connection_belongs_where_its_packets_arrive_unless_that_room_is_fuller() {
        assert_eq!(better(&[(0, 8), (1, 8)], 0, 0), None, "it is there");
        assert_eq!(better(&[(0, 8), (1, 8)], 0, 1), Some(1));
        assert_eq!(better(&[(0, 8), (1, 9)], 0, 1), None, "it is fuller");
        assert_eq!(better(&[(0, 8), (UNKNOWN, 8)], 0, 1), None, "nobody knows where the other is");
        assert_eq!(better(&[(0, 8), (0, 2)], 0, 1), None, "nobody is there");
        assert_eq!(better(&[(0, 8), (2, 2), (1, 9), (1, 7)], 0, 1), Some(3));
        // If all packets arrive on one processor, the rooms stay about as full as each other.
        let mut rooms = [(0, 8), (1, 8), (2, 8)];
        for _ in 0..100 {
            for mine in 0..3 {
                if let Some(there) = better(&rooms, mine, 2) {
                    (rooms[mine].1, rooms[there].1) = (rooms[mine].1 - 1, rooms[there].1 + 1);
                }
            }
        }
        assert!(rooms.iter().all(|(_, open)| (6..=10).contains(open)), "{rooms:?}");
    }
}
