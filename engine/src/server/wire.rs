//! The socket with its two buffers: what has come and is not yet read, what is written and not yet sent.
//!
//! Buffers are small while a connection is idle, so that a thousand of them cost little: what a large packet or a large result
//! made them grow to is given back when the next command is awaited.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ProtocolVersion;
use tokio_rustls::server::TlsStream;

use super::protocol::frame::{FrameError, Frames};
use crate::processes::Cipher;

/// Bytes that are asked for at once.
const INPUT: usize = 2 << 10;
/// Capacity that an idle connection keeps.
const IDLE: usize = 8 << 10;
/// Bytes after which what is written is sent, though more is to come.
const FLUSH: usize = 64 << 10;

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The client has closed its side, between two packets.
    #[error("closed")]
    Closed,
    /// The connection is gone, or ended within a packet.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no packet.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// One connection's socket and buffers.
pub(super) struct Wire {
    socket: Socket,
    frames: Frames,
    input: BytesMut,
    output: Vec<u8>,
    /// Whether no byte is read beyond the packet that is awaited: behind it the stream may go on as TLS.
    exact: bool,
    traffic: Traffic,
}

/// Bytes of a socket, as the protocol has them, before they are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub received: u64,
    pub sent: u64,
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// While TLS is being agreed upon, and for good if it is not.
    None,
}

impl Socket {
    async fn read(&mut self, into: &mut BytesMut, at_most: usize) -> io::Result<usize> {
        let at_most = at_most as u64;
        match self {
            Socket::Plain(socket) => socket.take(at_most).read_buf(into).await,
            Socket::Tls(socket) => socket.take(at_most).read_buf(into).await,
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Socket::Plain(socket) => socket.write_all(bytes).await,
            Socket::Tls(socket) => {
                socket.write_all(bytes).await?;
                socket.flush().await
            }
            Socket::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Socket::Plain(socket) => Some(socket),
            Socket::Tls(socket) => Some(socket.get_ref().0),
            Socket::None => None,
        }
    }
}

impl Wire {
    /// Over a socket, with packets of at most so many bytes.
    pub fn new(socket: TcpStream, packet_bytes_max: usize) -> Wire {
        Wire {
            socket: Socket::Plain(socket),
            frames: Frames::new(packet_bytes_max),
            input: BytesMut::new(),
            output: Vec::new(),
            exact: true,
            traffic: Traffic::default(),
        }
    }

    /// Goes on over TLS. Nothing is lost of what the client has sent, as long as nothing was read but packets.
    ///
    /// # Errors
    /// If the client and the server do not agree; the connection is gone then.
    pub async fn encrypt(&mut self, acceptor: TlsAcceptor) -> io::Result<()> {
        match std::mem::replace(&mut self.socket, Socket::None) {
            Socket::Plain(socket) => self.socket = Socket::Tls(Box::new(acceptor.accept(socket).await?)),
            other => self.socket = other,
        }
        Ok(())
    }

    /// The socket, if nothing is encrypted.
    pub fn plain(&self) -> Option<&TcpStream> {
        match &self.socket {
            Socket::Plain(socket) => Some(socket),
            Socket::Tls(_) | Socket::None => None,
        }
    }

    /// From now on the runtime that this is called in looks after the socket. Encrypted ones stay where they are.
    ///
    /// # Errors
    /// If it cannot; the connection is gone then.
    pub fn settle(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.socket, Socket::None) {
            Socket::Plain(socket) => self.socket = Socket::Plain(TcpStream::from_std(socket.into_std()?)?),
            other => self.socket = other,
        }
        Ok(())
    }

    /// The bytes since this was asked last.
    pub fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// How it is encrypted.
    pub fn cipher(&self) -> Option<Cipher> {
        let Socket::Tls(socket) = &self.socket else { return None };
        let (_, tls) = socket.get_ref();
        let name = tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str())?;
        let protocol = match tls.protocol_version()? {
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            _ => "",
        };
        Some(Cipher { name: openssl_name(name), protocol })
    }

    /// From now on all that has come is read at once.
    pub fn read_ahead(&mut self) {
        self.exact = false;
    }

    /// Sets the longest packet that is taken.
    pub fn set_limit(&mut self, packet_bytes_max: usize) {
        self.frames.set_limit(packet_bytes_max);
    }

    /// A command comes next: its packets count from 0, and what the last one needed is given back.
    pub fn restart(&mut self) {
        self.frames.restart();
        if self.output.capacity() > IDLE {
            self.output = Vec::new();
        }
        if self.input.is_empty() && self.input.capacity() > IDLE {
            self.input = BytesMut::new();
        }
    }

    /// The next packet. Dropped before it is done, it loses nothing.
    ///
    /// # Errors
    /// If there is none; nothing can be read behind that.
    pub async fn packet(&mut self) -> Result<Bytes, ReadError> {
        loop {
            if let Some(payload) = self.frames.take(&mut self.input)? {
                return Ok(payload);
            }
            self.input.reserve(INPUT);
            let at_most = if self.exact { self.frames.wants(&self.input) } else { usize::MAX };
            let read = self.socket.read(&mut self.input, at_most).await?;
            self.traffic.received += read as u64;
            if read == 0 {
                return Err(match self.input.is_empty() {
                    true => ReadError::Closed,
                    false => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
                });
            }
        }
    }

    /// Appends a packet to what is to be sent.
    pub fn put<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.frames.put(&mut self.output, write)
    }

    /// Whether so much is written that it should be sent.
    pub fn is_full(&self) -> bool {
        self.output.len() >= FLUSH
    }

    /// Sends what is written.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.socket.write(&self.output).await?;
        }
        self.traffic.sent += self.output.len() as u64;
        self.output.clear();
        Ok(())
    }

    /// Another handle of the socket, to look at it.
    pub fn handle(&self) -> Option<std::net::TcpStream> {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd;
            self.socket.tcp()?.as_fd().try_clone_to_owned().ok().map(Into::into)
        }
        #[cfg(not(unix))]
        None
    }

    /// Waits until the client is seen to have gone. What it sends meanwhile is left for later, and then nothing is seen any
    /// more: it waits for ever.
    pub async fn vanished(&self) {
        let mut byte = [0];
        if let Some(socket) = self.socket.tcp().filter(|_| self.input.is_empty())
            && !matches!(socket.peek(&mut byte).await, Ok(1))
        {
            return;
        }
        std::future::pending().await
    }
}

/// What OpenSSL, and so MySQL, calls a cipher suite.
fn openssl_name(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-RSA-CHACHA20-POLY1305",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream as StdStream};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_socket_goes_on_in_another_runtime_and_nothing_is_lost() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let (here, there) = (runtime(), runtime());
        let mut wire = here.block_on(async { Wire::new(TcpStream::from_std(socket).unwrap(), 1 << 20) });
        // A packet of which the rest comes after the move, and one that has come whole before it.
        wire.read_ahead();
        client.write_all(b"\x01\0\0\0a\x03\0\0\0x").unwrap();
        assert_eq!(&*here.block_on(wire.packet()).unwrap(), b"a");
        wire.restart();
        let rest = async { tokio::time::timeout(Duration::from_millis(20), wire.packet()).await };
        assert!(here.block_on(rest).is_err());
        there.block_on(async { wire.settle() }).unwrap();
        drop(here);
        client.write_all(b"yz").unwrap();
        assert_eq!(&*there.block_on(wire.packet()).unwrap(), b"xyz");
        wire.put(|out| out.extend(b"ok"));
        there.block_on(wire.flush()).unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"\x02\0\0\x01ok");
    }
}
