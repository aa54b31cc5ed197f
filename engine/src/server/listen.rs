//! The listener: takes connections in, as many as are allowed, watches over idle ones, and ends in good order.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

use super::protocol::constants::capability;
use super::rooms::{Rooms, Seat};
use super::tls::Tls;
use super::wire::Wire;
use super::{connection, log, login};
use crate::accounts::{Account, Password};
use crate::error::{Error, Result, code};
use crate::processes::{Process, Processes, Wish};
use crate::{Database, Session};

/// How often idle connections are looked at.
const ROUND: Duration = Duration::from_secs(1);
/// How long the listener pauses when the operating system has no more sockets.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the end of the last statements is looked for.
const FAREWELL_ROUND: Duration = Duration::from_millis(10);
/// Threads for statements that take long, beyond what connections could need.
const SPARE_THREADS: usize = 64;
/// Threads for them if any number of connections is allowed.
const THREADS_MAX: usize = 4096;

/// How to listen.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address and port; port 0 = a free one.
    pub address: SocketAddr,
    /// The password that `root` is to have; `None` = it keeps the one that it has.
    pub password: Option<Password>,
    /// What connections are encrypted with that want to be; `None` = none can be.
    pub tls: Option<Tls>,
    /// Whether to listen on an address that others can reach without a password.
    pub insecure: bool,
    /// How long statements may go on when the server is to end.
    pub grace: Duration,
}

impl Default for Options {
    /// On port 4000 of the loopback, without a password.
    fn default() -> Options {
        Options {
            address: SocketAddr::from(([127, 0, 0, 1], 4000)),
            password: None,
            tls: None,
            insecure: false,
            grace: Duration::from_secs(30),
        }
    }
}

/// What all connections see: nothing that changes but by publication.
pub(super) struct Shared {
    pub database: Database,
    pub options: Options,
}

impl Shared {
    pub fn processes(&self) -> &Processes {
        &self.database.shared().processes
    }

    /// A session for a process of an account, in a database if one is named.
    pub fn session(&self, process: &Process, account: &Account, database: Option<&str>) -> Result<Session> {
        let host = process.host.rsplit_once(':').map_or(&*process.host, |(host, _)| host);
        let mut session =
            self.database.session_of(process.id, &format!("{}@{host}", process.who().user), account);
        session.leave_database();
        if let Some(name) = database {
            session.use_database(name)?;
        }
        Ok(session)
    }
}

/// A server that listens. Dropped, it lets all connections go at once.
pub struct Server {
    /// One for each room ([`Rooms`]), and that of the reception.
    runtimes: Vec<Runtime>,
    /// Where the listener is: no connection's statement keeps it from its work.
    reception: Handle,
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Dropped or set, the listener ends.
    closing: watch::Sender<bool>,
}

impl Server {
    /// Binds the address and begins to serve.
    ///
    /// # Errors
    /// If the address cannot be had, or others can reach it and there is no password.
    pub fn start(database: Database, options: Options) -> Result<Server> {
        if !options.address.ip().is_loopback() && options.password.is_none() && !options.insecure {
            let message = format!(
                "anybody who can reach {} could log in: give a password, or say that this is meant (--insecure)",
                options.address
            );
            return Err(Error::new(code::UNKNOWN, message));
        }
        let failed =
            |what: &str, error: std::io::Error| Error::new(code::UNKNOWN, format!("{what}: {error}"));
        let listener = StdListener::bind(options.address)
            .map_err(|e| failed(&format!("cannot listen on {}", options.address), e))?;
        let address = listener.local_addr().map_err(|e| failed("no address", e))?;
        listener.set_nonblocking(true).map_err(|e| failed("cannot listen", e))?;
        let blocking_threads = match database.max_connections() {
            0 => THREADS_MAX,
            n => usize::try_from(n).unwrap_or(THREADS_MAX).saturating_add(SPARE_THREADS),
        };
        // Not the flavor of one thread alone: a statement that has to wait could not make room for others there.
        let thread = |name, blocking_threads| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .max_blocking_threads(blocking_threads)
                .thread_name(name)
                .enable_all()
                .build()
                .map_err(|e| failed("cannot start threads", e))
        };
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let room = |_| thread("allod-server", blocking_threads);
        let mut runtimes: Vec<Runtime> = (0..processors).map(room).collect::<Result<_>>()?;
        let rooms = Arc::new(Rooms::new(&runtimes));
        let listener_thread = thread("allod-listener", 1)?;
        let reception = listener_thread.handle().clone();
        runtimes.push(listener_thread);
        if let Some(password) = &options.password {
            database.set_root_password(password)?;
        }
        let shared = Arc::new(Shared { database, options });
        let (closing, close) = watch::channel(false);
        let inside = reception.enter();
        let listener = TcpListener::from_std(listener).map_err(|e| failed("cannot listen", e))?;
        drop(inside);
        reception.spawn(listen(listener, rooms, Arc::clone(&shared), close.clone()));
        reception.spawn(watch_idle(Arc::clone(&shared), close));
        Ok(Server { runtimes, reception, shared, address, closing })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process is asked to end (Ctrl-C, SIGTERM), then ends in good order; asked twice, at once.
    pub fn run_until_signal(self) {
        self.reception.block_on(signal());
        log::line(format_args!("ending; a second signal ends at once"));
        self.reception.spawn(async {
            signal().await;
            std::process::exit(1);
        });
        self.stop();
    }

    /// Takes no more connections, lets idle ones go, lets statements end (for as long as [`Options::grace`]), and is gone.
    pub fn stop(self) {
        // Its receivers are the listener and the watch; if they are gone there is nobody to tell.
        let _ = self.closing.send(true);
        let until = Instant::now() + self.shared.options.grace;
        let patient = self.reception.block_on(async {
            loop {
                let list = self.shared.processes().list();
                list.values().for_each(|process| process.end(Wish::Shutdown));
                if list.is_empty() || Instant::now() >= until {
                    return list.is_empty();
                }
                tokio::time::sleep(FAREWELL_ROUND).await;
            }
        });
        if !patient {
            self.shared.processes().list().values().for_each(|process| process.stop_statement());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.runtimes.drain(..).for_each(Runtime::shutdown_background);
    }
}

async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the signal ends the process by itself.
    let _ = interrupt.await;
}

async fn listen(
    listener: TcpListener,
    rooms: Arc<Rooms>,
    shared: Arc<Shared>,
    mut close: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = close.changed() => return,
        };
        // It is looked after where its room is, no longer where the listener is.
        match accepted.and_then(|(socket, peer)| Ok((socket.into_std()?, peer))) {
            Ok((socket, peer)) => {
                // Answers are whole when they are sent: nothing is gained by waiting for more.
                let _ = socket.set_nodelay(true);
                let (open, limit) = (rooms.open(), shared.database.max_connections());
                let Some(seat) = Seat::take(&rooms) else { return };
                let (peer, shared) = (peer.to_string(), Arc::clone(&shared));
                seat.tasks().clone().spawn(async move {
                    match TcpStream::from_std(socket) {
                        Ok(socket) if limit == 0 || open < limit => {
                            connection::serve(socket, peer, shared, seat).await;
                        }
                        Ok(socket) => turn_away(socket, &peer).await,
                        Err(error) => log::line(format_args!("connection from {peer}: {error}")),
                    }
                });
            }
            Err(error) => {
                log::line(format_args!("cannot take a connection: {error}"));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn turn_away(socket: TcpStream, peer: &str) {
    let error = Error::new(code::TOO_MANY_CONNECTIONS, "too many connections");
    login::refuse(&mut Wire::new(socket, 0), capability::PROTOCOL_41, &error).await;
    log::line(format_args!("connection from {peer}: {error}"));
}

/// Lets go who has been idle for longer than `wait_timeout`, and stops statements of clients that are gone.
async fn watch_idle(shared: Arc<Shared>, mut close: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            _ = close.changed() => return,
        }
        for process in shared.processes().list().values() {
            let doing = process.doing();
            // A statement that waits where its task runs does not see its client go away.
            if doing.cancel.is_some() && doing.since.elapsed() > ROUND && process.is_deserted() {
                process.stop_statement();
            }
            if doing.idle_limit.is_some_and(|limit| doing.since.elapsed() > limit) {
                process.end(Wish::Idle);
            }
        }
    }
}
