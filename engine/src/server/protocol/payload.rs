//! The inside of a packet: numbers, strings with a length before them or a zero behind, read from a slice.
//!
//! Nothing that a client sends is trusted: every read says whether there is enough left, and a length that was told is
//! compared with what is there before anything is reserved for it.

use allod_storage::schema::Charset;

/// A packet that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed communication packet")]
pub struct Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// What is left of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a>(&'a [u8]);

impl<'a> Payload<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> Payload<'a> {
        Payload(bytes)
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// If there are fewer; so for all that follow.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Two bytes, little-endian as all numbers.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number whose first byte says how long it is.
    pub fn lenenc(&mut self) -> Result<u64> {
        match self.u8()? {
            short @ 0..=0xfa => Ok(short.into()),
            0xfc => self.u16().map(u64::from),
            0xfd => self.array::<3>().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            0xfe => self.u64(),
            // NULL and the sign of an error: no number.
            0xfb | 0xff => Err(Malformed),
        }
    }

    /// Bytes with their number before them.
    pub fn lenenc_bytes(&mut self) -> Result<&'a [u8]> {
        let n = self.lenenc()?;
        self.bytes(usize::try_from(n).map_err(|_| Malformed)?)
    }

    /// Bytes up to a zero, which is read too.
    pub fn until_zero(&mut self) -> Result<&'a [u8]> {
        let n = self.0.iter().position(|&b| b == 0).ok_or(Malformed)?;
        let taken = self.bytes(n)?;
        self.bytes(1)?;
        Ok(taken)
    }

    /// Bytes up to a zero or the end.
    pub fn until_zero_or_end(&mut self) -> &'a [u8] {
        self.until_zero().unwrap_or_else(|_| self.rest())
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// Appends a number whose first byte says how long it is.
pub(crate) fn put_lenenc(out: &mut Vec<u8>, n: u64) {
    match n {
        0..=0xfa => out.push(n as u8),
        0xfb..=0xffff => {
            out.push(0xfc);
            out.extend_from_slice(&(n as u16).to_le_bytes());
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend_from_slice(&(n as u32).to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&n.to_le_bytes());
        }
    }
}

/// Appends bytes with their number before them.
pub(crate) fn put_lenenc_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_lenenc(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a text in the set that the client reads, with its length before it.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str, results: Option<Charset>) {
    match results {
        None => put_lenenc_bytes(out, text.as_bytes()),
        Some(charset) => put_lenenc_bytes(out, &charset.written(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_back() {
        for n in [0, 1, 250, 251, 252, 65_535, 65_536, 0xff_ffff, 0x100_0000, u64::MAX] {
            let mut out = Vec::new();
            put_lenenc(&mut out, n);
            let mut payload = Payload::new(&out);
            assert_eq!(payload.lenenc(), Ok(n));
            assert!(payload.is_empty());
        }
    }

    #[test]
    fn what_is_not_there_cannot_be_read() {
        assert_eq!(Payload::new(&[1, 2, 3]).u32(), Err(Malformed));
        assert_eq!(
            Payload::new(&[0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 1]).lenenc_bytes(),
            Err(Malformed)
        );
        assert_eq!(Payload::new(&[0xfb]).lenenc(), Err(Malformed));
        assert_eq!(Payload::new(b"abc").until_zero(), Err(Malformed));
        assert_eq!(Payload::new(b"abc").until_zero_or_end(), b"abc");
        let mut payload = Payload::new(b"ab\0c");
        assert_eq!((payload.until_zero(), payload.rest()), (Ok(&b"ab"[..]), &b"c"[..]));
    }
}
