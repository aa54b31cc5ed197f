//! Where a connection's statements run.
//!
//! A connection is a task, and there are few threads for tasks. A statement that takes microseconds runs right there, on the
//! task's own thread: to hand it to another would cost more than the statement itself. One that takes long would keep that
//! thread from all other connections, so the session moves, by value, to a thread for such work and comes back with the
//! answer; meanwhile the task waits, and cancels the statement if its client goes away.
//!
//! Which it is going to be nobody knows before, but statements repeat: what was short is taken to be short again until it
//! was not, clearly or several times in a row: on a busy machine any statement may find its processor taken away once. A
//! prepared statement remembers that for itself; texts are known by their [`shape`], that is without their numbers and strings.
//! Something new is taken to be long.
//!
//! A short statement may still have to wait, for a lock, or be long this time: `id < ?` may be a row or all of them. Whoever waits
//! in storage tells the runtime (`allod_storage`'s `runtime`), which then has another thread go on with the tasks; so does, after
//! some milliseconds, what runs (`in_place`, `checkpoint`). Its own task cannot see meanwhile that the client goes away; the
//! listener, which looks after all of them once a second, does.
//!
//! A statement that is killed answers what it has come to: it may have been committed already.

use std::time::{Duration, Instant};

use allod_storage::runtime::in_place;

use super::Ended;
use super::wire::Wire;
use crate::processes::Process;
use crate::{Error, Session};

/// What still is short.
const SHORT: Duration = Duration::from_micros(500);
/// What is long without any doubt.
const LONG: Duration = Duration::from_millis(10);
/// What was not short so often in a row is long.
const STRIKES: u8 = 3;
/// Shapes that a connection remembers.
const SHAPES: usize = 64;
/// Text beyond this many bytes is no short statement.
const SHAPE_BYTES_MAX: usize = 4 << 10;

/// How long a statement is taken to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// It was short, but for the last so many times.
    Short {
        /// Less than [`STRIKES`].
        strikes: u8,
    },
    /// It was not, or is new.
    #[default]
    Long,
}

impl Pace {
    /// It was short the last time.
    pub const SHORT: Pace = Pace::Short { strikes: 0 };

    /// What a statement that was taken to be so and took so long is taken to do the next time.
    fn after(self, elapsed: Duration) -> Pace {
        match self {
            _ if elapsed <= SHORT => Pace::SHORT,
            Pace::Short { strikes } if elapsed <= LONG && strikes + 1 < STRIKES => {
                Pace::Short { strikes: strikes + 1 }
            }
            _ => Pace::Long,
        }
    }
}

/// Shapes of texts that were short.
pub(super) struct Shapes([(u64, Pace); SHAPES]);

impl Default for Shapes {
    fn default() -> Shapes {
        Shapes([(0, Pace::Long); SHAPES])
    }
}

impl Shapes {
    /// How long a statement of this shape is taken to run.
    pub fn pace(&self, shape: u64) -> Pace {
        let (known, pace) = self.0[shape as usize % SHAPES];
        // An empty place has no shape.
        if shape != 0 && known == shape { pace } else { Pace::Long }
    }

    /// Remembers how long one ran.
    pub fn note(&mut self, shape: u64, pace: Pace) {
        let place = &mut self.0[shape as usize % SHAPES];
        match pace {
            Pace::Short { .. } => *place = (shape, pace),
            Pace::Long if place.0 == shape => place.0 = 0,
            Pace::Long => {}
        }
    }
}

/// A number for a text without its numbers and strings: FNV-1a of the rest. 0 = a text that is too long to be a short one.
pub(super) fn shape(text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x100_0000_01b3;
    if text.len() > SHAPE_BYTES_MAX {
        return 0;
    }
    let mut hash = OFFSET;
    let mut quote = None;
    for &byte in text.as_bytes() {
        match quote {
            Some(q) if byte == q => quote = None,
            Some(_) => {}
            None if byte == b'\'' || byte == b'"' => quote = Some(byte),
            None if byte.is_ascii_digit() => {}
            None => hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME),
        }
    }
    hash.max(1)
}

/// A connection's session; `None` while it is elsewhere, at work.
pub(super) struct Desk {
    session: Option<Box<Session>>,
    /// Whether statements may run on the task's own thread: not where an answer of the cluster has to be waited for.
    in_place: bool,
}

impl Desk {
    /// For this session.
    pub fn new(session: Session, in_place: bool) -> Desk {
        Desk { session: Some(Box::new(session)), in_place }
    }

    /// The session, between two statements.
    ///
    /// # Errors
    /// If it was lost with a statement that panicked.
    pub fn session(&mut self) -> Result<&mut Session, Ended> {
        self.session.as_deref_mut().ok_or_else(lost)
    }

    /// Runs a piece of work, here or elsewhere, and says how long it is to be taken to run the next time.
    ///
    /// # Errors
    /// If the connection is to end: the client went away, or the session is lost.
    pub async fn run<T: Send + 'static>(
        &mut self,
        pace: Pace,
        wire: &Wire,
        process: &Process,
        work: impl FnOnce(&mut Session) -> T + Send + 'static,
    ) -> Result<(T, Pace), Ended> {
        let mut session = self.session.take().ok_or_else(lost)?;
        if matches!(pace, Pace::Short { .. }) && self.in_place {
            process.show_socket(|| wire.handle());
            let begun = Instant::now();
            let done = in_place(|| work(&mut session));
            self.session = Some(session);
            return Ok((done, pace.after(begun.elapsed())));
        }
        let mut task = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let done = work(&mut session);
            (session, done, begun.elapsed())
        });
        let mut vanished = false;
        let finished = tokio::select! {
            finished = &mut task => finished,
            () = wire.vanished() => {
                vanished = true;
                process.stop_statement();
                task.await
            }
            // A server that ends lets statements end.
            () = process.killed() => {
                process.stop_statement();
                task.await
            }
        };
        let (session, done, elapsed) = finished.map_err(|_| lost())?;
        self.session = Some(session);
        if vanished { Err(Ended::Vanished) } else { Ok((done, pace.after(elapsed))) }
    }
}

fn lost() -> Ended {
    Ended::Refused(Error::internal("the session was lost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_no_values() {
        let a = shape("select c from t1 where id = 17 and s = 'it is'");
        assert_eq!(a, shape("select c from t1 where id = 4711 and s = 'was'"));
        assert_ne!(a, shape("select c from t1 where id < 17 and s = 'it is'"));
        assert_eq!(shape(&"x".repeat(SHAPE_BYTES_MAX + 1)), 0);
    }

    #[test]
    fn what_was_short_is_remembered_until_it_was_long() {
        let (mut shapes, a) = (Shapes::default(), shape("commit"));
        assert_eq!(shapes.pace(a), Pace::Long);
        shapes.note(a, Pace::SHORT);
        assert_eq!(shapes.pace(a), Pace::SHORT);
        shapes.note(shape("a long one"), Pace::Long);
        assert_eq!(shapes.pace(a), Pace::SHORT);
        shapes.note(a, Pace::Long);
        assert_eq!(shapes.pace(a), Pace::Long);
        assert_eq!(Shapes::default().pace(0), Pace::Long);
    }

    #[test]
    fn what_was_short_may_be_held_up_once() {
        let [short, held_up, long] = [SHORT, 2 * SHORT, LONG + SHORT];
        assert_eq!(Pace::Long.after(held_up), Pace::Long);
        let mut pace = Pace::Long.after(short);
        assert_eq!(pace, Pace::SHORT);
        for strikes in 1..STRIKES {
            pace = pace.after(held_up);
            assert_eq!(pace, Pace::Short { strikes });
        }
        assert_eq!(pace.after(held_up), Pace::Long);
        assert_eq!(pace.after(short), Pace::SHORT);
        assert_eq!(Pace::SHORT.after(long), Pace::Long);
    }
}
