//! A client that sends what it is told to: packets that no real client would send.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long it waits for an answer: a server that does not give one fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// Flags of [`Raw::login`]: the protocol of version 4.1, and `SECURE_CONNECTION`.
pub const PLAIN: u32 = 1 << 9 | 1 << 15;
/// Several statements and several results.
pub const MULTI: u32 = 1 << 16 | 1 << 17;
/// UPDATE counts the rows that it found.
pub const FOUND_ROWS: u32 = 1 << 1;

/// A connection.
pub struct Raw {
    stream: TcpStream,
    sequence: u8,
}

impl Raw {
    /// Connects; nothing is read.
    ///
    /// # Errors
    /// If it cannot connect.
    pub fn connect(address: SocketAddr) -> io::Result<Raw> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Raw { stream, sequence: 0 })
    }

    /// Connects and logs in as root, without a password, into the database `test`.
    ///
    /// # Errors
    /// If it is not let in.
    pub fn login(address: SocketAddr, capabilities: u32) -> io::Result<Raw> {
        let mut raw = Raw::connect(address)?;
        raw.packet()?;
        raw.send(&login_packet(capabilities))?;
        match raw.packet()?.first() {
            Some(0) => Ok(raw),
            other => Err(io::Error::other(format!("not let in: {other:?}"))),
        }
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut bytes = (payload.len() as u32).to_le_bytes();
        bytes[3] = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.write_all(&[&bytes, payload].concat())
    }

    /// A command is to be sent next.
    pub fn restart(&mut self) {
        self.sequence = 0;
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next packet.
    ///
    /// # Errors
    /// If there is none.
    pub fn packet(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header)?;
        self.sequence = header[3].wrapping_add(1);
        header[3] = 0;
        let mut payload = vec![0; u32::from_le_bytes(header) as usize];
        self.stream.read_exact(&mut payload)?;
        Ok(payload)
    }

    /// Sends a command and takes the first packet of its answer.
    ///
    /// # Errors
    /// If there is none.
    pub fn command(&mut self, payload: &[u8]) -> io::Result<Vec<u8>> {
        self.restart();
        self.send(payload)?;
        self.packet()
    }

    /// COM_QUERY.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn query(&mut self, sql: &str) -> io::Result<Vec<u8>> {
        self.command(&[&[3], sql.as_bytes()].concat())
    }

    /// Packets up to the `n`th EOF, that one included.
    ///
    /// # Errors
    /// If they end before.
    pub fn until_eof(&mut self, mut n: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut packets = Vec::new();
        while n > 0 {
            let packet = self.packet()?;
            n -= usize::from(packet[0] == 0xfe && packet.len() == 5);
            packets.push(packet);
        }
        Ok(packets)
    }

    /// What comes until the server closes the connection.
    ///
    /// # Errors
    /// If it does not.
    pub fn until_closed(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            // What we had sent was not read to its end.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(bytes),
            result => result.map(|_| bytes),
        }
    }

    /// Closes the side on which it sends.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}

/// The first packet of a client that has these capabilities, root without a password.
pub fn login_packet(capabilities: u32) -> Vec<u8> {
    const CONNECT_WITH_DB: u32 = 1 << 3;
    let mut packet = (capabilities | CONNECT_WITH_DB).to_le_bytes().to_vec();
    packet.extend_from_slice(&[0, 0, 0, 1, 45]);
    packet.extend_from_slice(&[0; 23]);
    packet.extend_from_slice(b"root\0\0test\0");
    packet
}

/// Number and text of an ERR packet; `None` = it is none.
pub fn error_of(packet: &[u8]) -> Option<(u16, String)> {
    match packet {
        [0xff, a, b, b'#', _, _, _, _, _, message @ ..] => {
            Some((u16::from_le_bytes([*a, *b]), String::from_utf8_lossy(message).into_owned()))
        }
        _ => None,
    }
}
