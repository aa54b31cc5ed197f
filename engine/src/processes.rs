//! Who is connected, and what they are doing: SHOW PROCESSLIST and KILL.
//!
//! The list is a published version: a connection puts itself on it and takes itself off by making the next one. What a
//! connection does is published by that connection alone, before and after each command; everybody reads. To kill is to leave
//! a wish at the process and to wake its owner, which ends the connection itself: nobody reaches into another's session.
//!
//! Sessions of the library are not on the list. Each sees itself.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use allod_executor::Cancel;
use allod_planner::physical::Query;
use allod_storage::slot::Slot;
use arc_swap::ArcSwap;
use imbl::OrdMap;
use tokio::sync::Notify;

/// The list.
#[derive(Default)]
pub(crate) struct Processes(ArcSwap<OrdMap<u64, Arc<Process>>>);

/// A connection as others see it.
pub(crate) struct Process {
    pub id: u64,
    who: ArcSwap<Who>,
    /// Address and port.
    pub host: String,
    doing: Slot<Doing>,
    wish: AtomicU8,
    wake: Notify,
    /// The socket, to look at while its owner is busy; set when it is first needed.
    socket: OnceLock<Option<TcpStream>>,
}

/// Who is connected.
pub(crate) struct Who {
    pub user: String,
    /// What the client told of itself: `program_name`, `_pid`.
    pub attributes: Vec<(String, String)>,
}

/// How what is said on a connection is encrypted, in OpenSSL's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cipher {
    pub name: &'static str,
    pub protocol: &'static str,
}

/// What a connection is doing.
pub(crate) struct Doing {
    /// MySQL's word for it: `Sleep`, `Query`, `Execute`.
    pub command: &'static str,
    pub database: Option<Arc<str>>,
    /// The statement.
    pub info: Option<Arc<str>>,
    pub since: Instant,
    /// How the statement is stopped.
    pub cancel: Option<Cancel>,
    /// How long the connection may be idle from now on, if it is.
    pub idle_limit: Option<Duration>,
    /// The plan of the statement, as soon as there is one; of who is idle that of the last one.
    pub plan: OnceLock<Arc<Query>>,
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wish {
    /// It is not.
    None = 0,
    /// KILL.
    Kill = 1,
    /// Nothing has come for too long.
    Idle = 2,
    /// The server ends.
    Shutdown = 3,
}

impl Processes {
    /// Puts a process on the list.
    pub fn enter(&self, process: &Arc<Process>) {
        self.0.rcu(|list| list.update(process.id, Arc::clone(process)));
    }

    /// Takes it off.
    pub fn leave(&self, id: u64) {
        self.0.rcu(|list| list.without(&id));
    }

    /// The present version.
    pub fn list(&self) -> Arc<OrdMap<u64, Arc<Process>>> {
        self.0.load_full()
    }
}

impl Process {
    /// One that has just connected.
    pub fn new(id: u64, who: Who, host: String) -> Process {
        let doing = Doing {
            command: "Connect",
            database: None,
            info: None,
            since: Instant::now(),
            cancel: None,
            idle_limit: None,
            plan: OnceLock::new(),
        };
        let doing = Slot::new(Arc::new(doing));
        let (wish, wake) = (AtomicU8::new(Wish::None as u8), Notify::new());
        let who = ArcSwap::from_pointee(who);
        Process { id, who, host, doing, wish, wake, socket: OnceLock::new() }
    }

    /// Who is connected.
    pub fn who(&self) -> Arc<Who> {
        self.who.load_full()
    }

    /// For its owner: somebody else is, from now on.
    pub fn becomes(&self, who: Who) {
        self.who.store(Arc::new(who));
    }

    /// What it is doing.
    pub fn doing(&self) -> Arc<Doing> {
        self.doing.get()
    }

    /// For its owner: says what it is doing.
    pub fn does(&self, doing: impl Into<Arc<Doing>>) {
        self.doing.set(doing.into());
    }

    /// Stops its statement.
    pub fn stop_statement(&self) {
        if let Some(cancel) = &self.doing().cancel {
            cancel.cancel();
        }
    }

    /// Asks it to end, and wakes it if it is waiting for its client. The first wish stands.
    pub fn end(&self, wish: Wish) {
        let free = Wish::None as u8;
        // Whoever is woken looks here first.
        let _ = self.wish.compare_exchange(free, wish as u8, Ordering::Release, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Why it is to end.
    pub fn wish(&self) -> Wish {
        match self.wish.load(Ordering::Acquire) {
            1 => Wish::Kill,
            2 => Wish::Idle,
            3 => Wish::Shutdown,
            _ => Wish::None,
        }
    }

    /// For its owner: waits until there is a wish.
    pub async fn woken(&self) {
        while self.wish() == Wish::None {
            self.wake.notified().await;
        }
    }

    /// For its owner: waits until there is a wish that does not wait for what is under way.
    pub async fn killed(&self) {
        self.woken().await;
        if self.wish() == Wish::Shutdown {
            std::future::pending().await
        }
    }

    /// For its owner: lets others see whether the client is still there.
    pub fn show_socket(&self, socket: impl FnOnce() -> Option<TcpStream>) {
        self.socket.get_or_init(socket);
    }

    /// Whether the client is seen to have gone. Who has sent more than it was asked for is not seen.
    pub fn is_deserted(&self) -> bool {
        let socket = self.socket.get().and_then(Option::as_ref);
        // It does not block: what a socket is set to holds for all its handles.
        socket.is_some_and(|socket| match socket.peek(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> Who {
        Who { user: String::new(), attributes: Vec::new() }
    }

    #[test]
    fn the_list_is_published_and_the_first_wish_stands() {
        let processes = Processes::default();
        let process = Arc::new(Process::new(7, nobody(), "here".into()));
        let before = processes.list();
        processes.enter(&process);
        assert_eq!((before.len(), processes.list().len()), (0, 1));
        process.end(Wish::Idle);
        process.end(Wish::Kill);
        assert_eq!(processes.list().get(&7).map(|p| p.wish()), Some(Wish::Idle));
        processes.leave(7);
        assert!(processes.list().is_empty());
    }

    #[test]
    fn a_statement_is_stopped_through_what_is_published() {
        let process = Process::new(1, nobody(), String::new());
        process.stop_statement();
        let mut session = crate::Database::new().session();
        process.does(Doing {
            command: "Query",
            database: None,
            info: None,
            since: Instant::now(),
            cancel: Some(session.cancel_handle()),
            idle_limit: None,
            plan: OnceLock::new(),
        });
        process.stop_statement();
        assert_eq!(session.run("select 1").unwrap_err().code(), 1317);
    }
}
