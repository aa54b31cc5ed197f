//! A server for tests, on a port of its own.

use std::net::SocketAddr;

use allod::Database;
use allod::server::{Options, Password, Server};

/// Serves a new database on a free port, without a password.
pub fn start() -> Server {
    start_with(Options::default())
}

/// Serves a new database on a free port.
pub fn start_with(options: Options) -> Server {
    serve(Database::new(), options)
}

/// Serves this database on a free port.
pub fn serve(database: Database, options: Options) -> Server {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Server::start(database, Options { address, ..options }).expect("there is a free port")
}

/// Options with a password.
pub fn with_password(password: &str) -> Options {
    Options { password: Password::new(password), ..Options::default() }
}
