//! One connection, from its first packet to its last.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::command::{self, Statement};
use super::desk::{Desk, Pace, Shapes};
use super::listen::Shared;
use super::login::{self, Visitor};
use super::protocol::constants::{capability, status};
use super::protocol::reply::{self, Done};
use super::rooms::Seat;
use super::wire::{ReadError, Traffic, Wire};
use super::{Ended, log};
use crate::Session;
use crate::error::Error;
use crate::processes::{Doing, Process, Who, Wish};
use crate::variables::charset::Wording;

/// How long a client may take to say who it is.
const LOGIN_TIME: Duration = Duration::from_secs(10);
/// The longest packet of a client that has not said so.
const LOGIN_PACKET_BYTES_MAX: usize = 64 << 10;

/// A connection whose client has been let in.
pub(super) struct Connection {
    pub wire: Wire,
    pub desk: Desk,
    pub process: Arc<Process>,
    /// What is published of it.
    doing: Arc<Doing>,
    /// A number for the shape of what it does.
    shape: u64,
    pub server: Arc<Shared>,
    pub capabilities: u32,
    /// Whether what both say is encrypted.
    pub encrypted: bool,
    pub shapes: Shapes,
    pub statements: BTreeMap<u32, Statement>,
    pub next_statement: u32,
}

/// On the list for as long as it lives.
struct Listed {
    server: Arc<Shared>,
    process: Arc<Process>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.server.processes().leave(self.process.id);
    }
}

/// Serves a client until it or somebody else ends the connection, and logs what was out of the ordinary.
pub(super) async fn serve(socket: TcpStream, peer: String, server: Arc<Shared>, seat: Seat) {
    let id = server.database.next_connection();
    let mut wire = Wire::new(socket, LOGIN_PACKET_BYTES_MAX);
    let host = peer.rsplit_once(':').map_or(peer.as_str(), |(host, _)| host).to_string();
    let greeted = login::greet(&mut wire, id, &server.database, server.options.tls.as_ref(), &host);
    let visitor = match tokio::time::timeout(LOGIN_TIME, greeted).await {
        Ok(Ok(visitor)) => visitor,
        Ok(Err(ended)) => return turn_away(&mut wire, id, &peer, ended).await,
        Err(_) => return log::line(format_args!("connection {id} from {peer}: did not log in in time")),
    };
    let (user, attributes) = (visitor.login.user.clone(), visitor.login.attributes.clone());
    let process = Arc::new(Process::new(id, Who { user, attributes }, peer.clone()));
    server.processes().enter(&process);
    let listed = Listed { server, process };
    match Connection::begin(wire, visitor, &listed).await {
        Ok(connection) => Guest { connection, listed, peer, seat }.go_on().await,
        Err(ended) => log_end(id, &peer, &ended),
    }
}

/// A connection with its place in the house.
struct Guest {
    connection: Connection,
    listed: Listed,
    peer: String,
    seat: Seat,
}

impl Guest {
    /// Serves here until the connection ends or goes on in another room.
    fn go_on(mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            match self.connection.commands(&mut self.seat).await {
                Some(ended) => self.leave(ended).await,
                None => {
                    let tasks = self.seat.tasks().clone();
                    tasks.spawn(async move {
                        match self.connection.wire.settle() {
                            Ok(()) => self.go_on().await,
                            Err(error) => self.leave(error.into()).await,
                        }
                    });
                }
            }
        })
    }

    async fn leave(mut self, ended: Ended) {
        self.connection.say_goodbye(&ended).await;
        let Guest { connection: Connection { wire, desk, process, .. }, listed, peer, seat } = self;
        // Once the client sees that the connection has ended, so does everybody: its locks are free, it is off the list.
        drop(desk);
        drop(listed);
        drop(seat);
        drop(wire);
        log_end(process.id, &peer, &ended);
    }
}

/// One line for what was out of the ordinary.
fn log_end(id: u64, peer: &str, ended: &Ended) {
    let why = match ended {
        Ended::Quit | Ended::Wish(Wish::None | Wish::Shutdown) => return,
        Ended::Vanished => "the client vanished while its statement ran".to_string(),
        Ended::Lost(error) => error.to_string(),
        Ended::Refused(error) => error.to_string(),
        Ended::Wish(Wish::Kill) => "killed".to_string(),
        Ended::Wish(Wish::Idle) => "idle for too long".to_string(),
    };
    log::line(format_args!("connection {id} from {peer}: {why}"));
}

/// Who was not let in is told why, if there is anything to tell.
async fn turn_away(wire: &mut Wire, id: u64, peer: &str, ended: Ended) {
    let why = match ended {
        Ended::Refused(error) => {
            login::refuse(wire, capability::PROTOCOL_41, &error).await;
            error.to_string()
        }
        Ended::Lost(error) => format!("before login: {error}"),
        Ended::Quit | Ended::Vanished | Ended::Wish(_) => "left before login".to_string(),
    };
    log::line(format_args!("connection {id} from {peer}: {why}"));
}

impl Connection {
    /// Says OK.
    async fn begin(mut wire: Wire, visitor: Visitor, listed: &Listed) -> Result<Connection, Ended> {
        let Visitor { capabilities, login, account, encrypted } = visitor;
        let (process, server) = (Arc::clone(&listed.process), Arc::clone(&listed.server));
        let session = server.session(&process, &account, login.database.as_deref());
        let session = session.and_then(|mut session| session.set_names(login.collation).map(|()| session));
        let mut session = match session {
            Ok(session) => session,
            Err(error) => {
                login::refuse(&mut wire, capabilities, &error).await;
                return Err(Ended::Refused(error));
            }
        };
        wire.set_limit(session.packet_bytes_max());
        session.set_cipher(wire.cipher());
        let in_place = server.database.cluster().runtime().is_direct();
        let mut connection = Connection {
            wire,
            desk: Desk::new(session, in_place),
            doing: process.doing(),
            shape: 0,
            process,
            server,
            capabilities,
            encrypted,
            shapes: Shapes::default(),
            statements: BTreeMap::new(),
            next_statement: 1,
        };
        connection.ok().await?;
        Ok(connection)
    }

    /// Reads a command and answers it, again and again, until the connection ends; `None` = until it is to go on in another
    /// room.
    async fn commands(&mut self, seat: &mut Seat) -> Option<Ended> {
        loop {
            if let Err(ended) = self.next_command().await {
                return Some(ended);
            }
            if seat.moves(self.wire.plain()) {
                return None;
            }
        }
    }

    async fn next_command(&mut self) -> Result<(), Ended> {
        self.idles()?;
        self.wire.restart();
        let packet = tokio::select! {
            biased;
            packet = self.wire.packet() => packet?,
            () = self.process.woken() => return Err(Ended::Wish(self.process.wish())),
        };
        // Who was killed before his command came has none any more, though both are seen at once.
        if self.process.wish() == Wish::Kill {
            return Err(Ended::Wish(Wish::Kill));
        }
        command::answer(self, packet).await?;
        self.wire.flush().await?;
        // Whoever wished for the end while it was busy is heard now.
        match self.process.wish() {
            Wish::None => Ok(()),
            wish => Err(Ended::Wish(wish)),
        }
    }

    /// Tells a client that is still there why it is let go.
    async fn say_goodbye(&mut self, ended: &Ended) {
        // Whoever has asked for nothing is told nothing: it would take that for the answer to what it asks next.
        if let Ended::Refused(error) = ended {
            login::refuse(&mut self.wire, self.capabilities, error).await;
        }
    }

    /// Whether the client can do this.
    pub fn can(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }

    /// Publishes that it waits for its client.
    fn idles(&mut self) -> Result<(), Ended> {
        let interactive = self.can(capability::INTERACTIVE);
        let Traffic { received, sent } = self.wire.take_traffic();
        let session = self.desk.session()?;
        session.count_bytes(received, sent);
        let since = ended(session, (&self.process, &self.doing), self.shape);
        let doing = Arc::new(Doing {
            command: "Sleep",
            database: session.shared_database(),
            info: None,
            since,
            cancel: None,
            idle_limit: session.idle_limit(interactive),
            plan: self.doing.plan.clone(),
        });
        self.doing = Arc::clone(&doing);
        self.process.does(doing);
        Ok(())
    }

    /// Publishes what it does; `shape` is that of the text.
    pub fn does(&mut self, command: &'static str, info: Arc<str>, shape: u64) -> Result<(), Ended> {
        let session = self.desk.session()?;
        let since = ended(session, (&self.process, &self.doing), self.shape);
        self.shape = shape;
        let doing = Arc::new(Doing {
            command,
            database: session.shared_database(),
            info: Some(info),
            since,
            cancel: Some(session.cancel_handle()),
            idle_limit: None,
            plan: OnceLock::new(),
        });
        session.is_doing(Arc::clone(&doing));
        self.doing = Arc::clone(&doing);
        self.process.does(doing);
        Ok(())
    }

    /// Status flags, between two statements.
    pub fn status(&mut self) -> Result<u16, Ended> {
        self.desk.session().map(|session| status_of(session))
    }

    /// In which sets the client talks, between two statements.
    pub fn wording(&mut self) -> Result<Wording, Ended> {
        self.desk.session().map(|session| session.wording())
    }

    /// Answers that a command is done.
    pub async fn ok(&mut self) -> Result<(), Ended> {
        let status = self.status()?;
        self.wire.put(|out| reply::ok(out, Done { status, ..Done::default() }));
        Ok(self.wire.flush().await?)
    }

    /// Answers that a command failed.
    pub fn fail(&mut self, error: &Error) {
        let capabilities = self.capabilities;
        // Where the session is lost there is nobody to ask.
        let results = self.wording().ok().and_then(|wording| wording.results);
        self.wire.put(|out| reply::error(out, capabilities, error, results));
    }

    /// Answers a result: its columns and rows, or what was done. `more` = there are further ones.
    pub async fn send(&mut self, answer: command::Answer, more: bool) -> Result<(), Ended> {
        let flags = answer.status | if more { status::MORE_RESULTS_EXISTS } else { 0 };
        command::send(self, answer, flags).await
    }

    /// Runs a piece of work with the session.
    pub async fn run<T: Send + 'static>(
        &mut self,
        pace: Pace,
        work: impl FnOnce(&mut Session) -> T + Send + 'static,
    ) -> Result<(T, Pace), Ended> {
        self.desk.run(pace, &self.wire, &self.process, work).await
    }

    /// The next packet, in the middle of a command.
    pub async fn packet(&mut self) -> Result<Bytes, Ended> {
        let packet = tokio::select! {
            biased;
            packet = self.wire.packet() => packet,
            () = self.process.killed() => return Err(Ended::Wish(self.process.wish())),
        };
        match packet {
            Ok(packet) => Ok(packet),
            Err(ReadError::Closed) => Err(Ended::Vanished),
            Err(error) => Err(error.into()),
        }
    }
}

/// What was done until now is done: it is summed up, and noted if it was slow.
fn ended(session: &mut Session, (process, doing): (&Process, &Doing), shape: u64) -> Instant {
    let now = Instant::now();
    if doing.info.is_some() {
        let elapsed = now.saturating_duration_since(doing.since);
        session.sum_up(process, doing, (shape, elapsed), now);
        if session.is_slow(elapsed) {
            session.note_slow(process, doing);
        }
    }
    now
}

/// Status flags of a session.
pub(super) fn status_of(session: &Session) -> u16 {
    reply::status_of(session.autocommit(), session.in_transaction())
}
