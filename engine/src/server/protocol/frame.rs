//! How packets lie in the stream: three bytes of length, a number that counts, and the payload; a payload of 16 MB and more
//! comes in several.
//!
//! ```text
//! 05 00 00 │ 00 │ 03 'd' 'o' ' ' '1'        a command, number 0
//! ff ff ff │ 00 │ …16,777,215 bytes…        the first part of a longer one
//! 01 00 00 │ 01 │ …1 byte…                  its last part, which is shorter (perhaps empty)
//! ```
//!
//! Reading is a pure function of the bytes that have come, so it can be tried with any bytes, cut anywhere.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes before each payload.
const HEADER: usize = 4;
/// The longest payload of one packet; one of this length is continued.
const PART_MAX: usize = 0xff_ffff;

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The numbers do not count.
    #[error("packets out of order: expected number {expected}, got {got}")]
    Order {
        /// What was next.
        expected: u8,
        /// What came.
        got: u8,
    },
    /// More than is allowed.
    #[error("a packet of more than {limit} bytes")]
    TooLong {
        /// What is allowed.
        limit: usize,
    },
}

/// Puts together what a client sends.
#[derive(Debug)]
pub struct Frames {
    /// Number of the next packet, in both directions.
    sequence: u8,
    /// Parts of a long payload that have come.
    parts: BytesMut,
    /// The longest payload in all.
    limit: usize,
}

impl Frames {
    /// With payloads of at most so many bytes.
    pub fn new(limit: usize) -> Frames {
        Frames { sequence: 0, parts: BytesMut::new(), limit }
    }

    /// Sets the longest payload that is allowed.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// A command begins: its first packet has number 0.
    pub fn restart(&mut self) {
        self.sequence = 0;
    }

    /// Takes the next payload off the bytes that have come; `None` if more must come first.
    ///
    /// # Errors
    /// If what came is not in order or too long. Nothing can be read behind it.
    pub fn take(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        loop {
            let Some(&[a, b, c, got]) = input.first_chunk::<HEADER>() else { return Ok(None) };
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            if got != self.sequence {
                return Err(FrameError::Order { expected: self.sequence, got });
            }
            // Told before it has come, so that nobody makes us wait for it.
            if self.parts.len() + length > self.limit {
                return Err(FrameError::TooLong { limit: self.limit });
            }
            if input.len() < HEADER + length {
                return Ok(None);
            }
            input.advance(HEADER);
            self.sequence = self.sequence.wrapping_add(1);
            let part = input.split_to(length);
            let more = length == PART_MAX;
            if !more && self.parts.is_empty() {
                return Ok(Some(part.freeze()));
            }
            self.parts.extend_from_slice(&part);
            if !more {
                return Ok(Some(std::mem::take(&mut self.parts).freeze()));
            }
        }
    }

    /// Bytes without which [`Frames::take`] has nothing more to say.
    pub fn wants(&self, input: &BytesMut) -> usize {
        let whole = match input.first_chunk::<HEADER>() {
            Some(&[a, b, c, _]) => HEADER + u32::from_le_bytes([a, b, c, 0]) as usize,
            None => HEADER,
        };
        // Of a packet without a payload nothing is missing: it is taken at once.
        whole.saturating_sub(input.len()).max(1)
    }

    /// Appends a packet whose payload `write` appends; in parts if it is long.
    pub fn put<T>(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER]);
        let result = write(out);
        let length = out.len() - start - HEADER;
        if length < PART_MAX {
            self.put_header(&mut out[start..], length);
            return result;
        }
        let payload = out.split_off(start + HEADER);
        out.truncate(start);
        for part in payload.chunks(PART_MAX) {
            self.put_part(out, part);
        }
        if payload.len().is_multiple_of(PART_MAX) {
            self.put_part(out, &[]);
        }
        result
    }

    fn put_part(&mut self, out: &mut Vec<u8>, part: &[u8]) {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER]);
        self.put_header(&mut out[start..], part.len());
        out.extend_from_slice(part);
    }

    fn put_header(&mut self, header: &mut [u8], length: usize) {
        let [a, b, c, ..] = (length as u32).to_le_bytes();
        header[..HEADER].copy_from_slice(&[a, b, c, self.sequence]);
        self.sequence = self.sequence.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            Frames::new(0).put(&mut out, |out| out.extend_from_slice(payload));
        }
        out
    }

    #[test]
    fn payloads_come_back_however_the_stream_is_cut() {
        let stream = packets(&[b"abc", b"", b"defg"]);
        for cut in 0..=stream.len() {
            let (mut frames, mut input) = (Frames::new(100), BytesMut::new());
            let mut found = Vec::new();
            for piece in [&stream[..cut], &stream[cut..]] {
                input.extend_from_slice(piece);
                while let Some(payload) = frames.take(&mut input).unwrap() {
                    found.push(payload);
                    frames.restart();
                }
            }
            assert_eq!(found, [&b"abc"[..], b"", b"defg"]);
        }
    }

    #[test]
    fn long_payloads_are_cut_and_joined() {
        for length in [PART_MAX - 1, PART_MAX, PART_MAX + 1, 2 * PART_MAX] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let stream = packets(&[&payload]);
            let parts = length / PART_MAX + 1;
            assert_eq!(stream.len(), length + parts * HEADER);
            let mut input = BytesMut::from(&stream[..]);
            let mut frames = Frames::new(length);
            assert_eq!(frames.take(&mut input), Ok(Some(payload.into())));
            assert_eq!((usize::from(frames.sequence), input.len()), (parts, 0));
            let refused = Frames::new(length - 1).take(&mut BytesMut::from(&stream[..]));
            assert_eq!(refused, Err(FrameError::TooLong { limit: length - 1 }));
        }
    }

    #[test]
    fn numbers_must_count() {
        let mut input = BytesMut::from(&[0, 0, 0, 3][..]);
        assert_eq!(Frames::new(10).take(&mut input), Err(FrameError::Order { expected: 0, got: 3 }));
    }

    #[test]
    fn a_long_packet_is_refused_before_it_comes() {
        let mut input = BytesMut::from(&[0xff, 0xff, 0x10, 0][..]);
        assert_eq!(Frames::new(10).take(&mut input), Err(FrameError::TooLong { limit: 10 }));
    }
}
