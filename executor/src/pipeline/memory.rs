//! A statement's memory account.
//!
//! Operators that keep rows (hash tables, sorts, materialised batches) hold a [`Reservation`] beside what they keep and
//! grow it before they allocate, batch by batch. Batches in flight are not counted: there are few of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// The account, shared by all workers of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Account>);

#[derive(Debug)]
struct Account {
    used: AtomicU64,
    peak: AtomicU64,
    limit: u64,
}

impl Memory {
    /// An account with a limit in bytes.
    pub fn new(limit: u64) -> Memory {
        Memory(Arc::new(Account { used: AtomicU64::new(0), peak: AtomicU64::new(0), limit }))
    }

    /// An account that nobody exceeds.
    #[cfg(test)]
    pub fn unlimited() -> Memory {
        Memory::new(u64::MAX)
    }

    /// An empty reservation.
    pub fn reservation(&self) -> Reservation {
        Reservation { memory: self.clone(), bytes: 0 }
    }

    /// A reservation of `bytes`.
    #[cfg(test)]
    pub fn reserve(&self, bytes: u64) -> Result<Reservation> {
        let mut reservation = self.reservation();
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    /// The most that was reserved at one time.
    pub fn peak(&self) -> u64 {
        self.0.peak.load(Ordering::Relaxed)
    }
}

/// Bytes that one owner has taken from the account; given back on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    memory: Memory,
    bytes: u64,
}

impl Reservation {
    /// Takes more; the error of the statement if that exceeds the limit.
    pub fn grow(&mut self, bytes: u64) -> Result<()> {
        let account = &*self.memory.0;
        let used = account.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.bytes += bytes;
        if used > account.limit {
            return Err(Error::Memory { limit: account.limit });
        }
        account.peak.fetch_max(used, Ordering::Relaxed);
        Ok(())
    }

    /// Takes as much as needed for `bytes` in all, or gives back the rest.
    pub fn resize(&mut self, bytes: u64) -> Result<()> {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes);
        }
        self.memory.0.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }

    /// Adds another reservation of the same account to this one.
    pub fn merge(&mut self, mut other: Reservation) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back_and_the_limit_holds() {
        let memory = Memory::new(100);
        let mut a = memory.reserve(60).unwrap();
        assert!(matches!(memory.reserve(50), Err(Error::Memory { limit: 100 })));
        let b = memory.reserve(40).unwrap();
        a.merge(b);
        assert_eq!(a.bytes(), 100);
        a.resize(10).unwrap();
        memory.reserve(90).unwrap();
        assert_eq!(memory.peak(), 100);
    }
}
