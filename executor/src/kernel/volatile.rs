//! Functions that have another value each time.
//!
//! They are evaluated for the rows that are looked at and for no others: where other expressions may be computed for all
//! rows and chosen from afterwards, an expression that holds one of these may not ([`Program`]).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allod_planner::expr::Volatile;
use allod_storage::runtime;
use allod_storage::schema::Datum;

use super::function::{build_bytes, ints};
use super::named_lock;
use super::program::{Frame, Node, Program};
use super::scratch::Scratch;
use super::string::build;
use super::user_variable;
use super::value::{Column, Value};
use crate::error::{Error, Result};
use crate::pipeline::Cancel;

/// Bytes that RANDOM_BYTES gives at most.
const RANDOM_BYTES_MAX: i64 = 1024;

/// For so long SLEEP does not ask whether it should stop.
const DOZE: Duration = Duration::from_millis(10);

/// From the beginning of the Gregorian calendar, where version 1 counts from, to 1970, in its ticks of 100 ns.
const GREGORIAN_TICKS: u64 = 0x01b2_1dd2_1381_4000;

/// Evaluates a call, the node `id` of the program.
pub(crate) fn eval(
    what: Volatile,
    program: &Program,
    id: usize,
    node: &Node,
    frame: &mut Frame<'_>,
    scratch: &mut Scratch,
) -> Result<Value> {
    let rows = frame.rows;
    if what == Volatile::Benchmark {
        return benchmark(program, node, frame, scratch);
    }
    if what.is_named_lock() {
        return named_lock::eval(what, program, node, frame, scratch);
    }
    if what.is_variable() {
        return user_variable::eval(what, program, node, program.type_of(id), frame, scratch);
    }
    let arg = match node.args.first() {
        Some(arg) => Some(program.value(*arg, frame, scratch)?),
        None => None,
    };
    match (what, arg) {
        (Volatile::Rand, None) => {
            Ok(Value::Double(Column::many((0..rows).map(|_| rand::random::<f64>()).collect(), None)))
        }
        (Volatile::Rand, Some(seeds)) => Ok(Value::Double(match program.constant(node.args[0]) {
            Some(seed) => {
                let seed = if let Datum::Int(seed) = seed { *seed } else { 0 };
                let sequence = scratch.sequence(program.id(), id, seed);
                Column::many((0..rows).map(|_| sequence.next()).collect(), None)
            }
            None => {
                let seeds = ints(&seeds, rows);
                let first = |row| Sequence::new(seeds.get(row).unwrap_or(0)).next();
                Column::many((0..rows).map(first).collect(), None)
            }
        })),
        (Volatile::Uuid, _) => Ok(uuids(rows)),
        (Volatile::UuidShort, _) => {
            Ok(Value::UInt(Column::many((0..rows).map(|_| uuid_short()).collect(), None)))
        }
        (Volatile::RandomBytes, Some(lengths)) => random_bytes(&ints(&lengths, rows), rows),
        (Volatile::Sleep, Some(seconds)) => sleep(&seconds, rows, scratch.cancel()),
        (Volatile::InsertId, Some(ids)) => {
            let ids = ints(&ids, rows);
            if let Some(last) = rows.checked_sub(1) {
                scratch.sequences()?.note_insert_id(ids.get(last).unwrap_or(0) as u64);
            }
            Ok(Value::UInt(ids.map(|id| id as u64)))
        }
        (Volatile::NextValue(sequence), _) => {
            let sequences = scratch.sequences()?;
            let numbers: Result<Vec<i64>> = (0..rows).map(|_| sequences.next(sequence)).collect();
            Ok(Value::Int(Column::many(numbers?, None)))
        }
        (Volatile::LastValue(sequence), _) => {
            let last = scratch.sequences()?.last(sequence)?;
            Ok(Value::Int(Column::from_options((0..rows).map(|_| last))))
        }
        (Volatile::SetValue(sequence), Some(_)) => {
            let [_, value] = node.args[..] else {
                return Err(Error::Plan("SETVAL takes a sequence and a number".into()));
            };
            let values = ints(&program.value(value, frame, scratch)?, rows);
            let sequences = scratch.sequences()?;
            let set = |row| values.get(row).map_or(Ok(None), |value| sequences.set(sequence, value));
            let set: Result<Vec<Option<i64>>> = (0..rows).map(set).collect();
            Ok(Value::Int(Column::from_options(set?.into_iter())))
        }
        (
            Volatile::RandomBytes
            | Volatile::Sleep
            | Volatile::Benchmark
            | Volatile::InsertId
            | Volatile::SetValue(_)
            | Volatile::GetLock
            | Volatile::ReleaseLock
            | Volatile::IsFreeLock
            | Volatile::IsUsedLock
            | Volatile::ReleaseAllLocks
            | Volatile::GetVariable
            | Volatile::SetVariable,
            _,
        ) => Err(Error::Plan(format!("{} without an argument", what.name()))),
    }
}

/// MySQL's random numbers: two linear sequences that feed each other.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    first: u64,
    second: u64,
}

impl Sequence {
    const MODULUS: u64 = 0x3fff_ffff;

    /// The sequence of a seed, of which the lowest 32 bits count.
    pub fn new(seed: i64) -> Sequence {
        let seed = u64::from(seed as u32);
        let start = |factor: u64, plus: u64| (seed * factor + plus) as u32;
        Sequence::of(start(0x1_0001, 55_555_555), start(0x1000_0001, 0))
    }

    /// The sequence of two seeds.
    pub fn of(first: u32, second: u32) -> Sequence {
        let start = |seed: u32| u64::from(seed) % Sequence::MODULUS;
        Sequence { first: start(first), second: start(second) }
    }

    /// The next number, from 0 up to, not including, 1.
    pub fn next(&mut self) -> f64 {
        self.first = (self.first * 3 + self.second) % Sequence::MODULUS;
        self.second = (self.first + self.second + 33) % Sequence::MODULUS;
        self.first as f64 / Sequence::MODULUS as f64
    }
}

/// UUIDs of version 1. Their ticks go up by one from row to row; the clock sequence and the node, which has the bit of a
/// random one, are drawn for each call, so that neither threads nor processes meet.
fn uuids(rows: usize) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ticks = GREGORIAN_TICKS + (now.as_nanos() / 100) as u64;
    let (clock, node) = (rand::random::<u16>() & 0x3fff | 0x8000, rand::random::<u64>() >> 16 | 1 << 40);
    build(rows, |row, out| {
        let ticks = ticks + row as u64;
        let (low, middle, high) =
            (ticks as u32, (ticks >> 32) as u16, (ticks >> 48) as u16 & 0x0fff | 0x1000);
        out.push_str(&format!("{low:08x}-{middle:04x}-{high:04x}-{clock:04x}-{node:012x}"));
        Some(())
    })
}

/// The second at which the process began to count, and a count: MySQL's layout with server 0.
fn uuid_short() -> u64 {
    static STARTED: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    (STARTED.get_or_init(seconds) << 24) + COUNT.fetch_add(1, Ordering::Relaxed)
}

fn random_bytes(lengths: &Column<i64>, rows: usize) -> Result<Value> {
    for length in (0..rows).filter_map(|row| lengths.get(row)) {
        if !(1..=RANDOM_BYTES_MAX).contains(&length) {
            return Err(Error::OutOfRange { ty: "length", expression: "random_bytes".into() });
        }
    }
    Ok(build_bytes(rows, |row| {
        let length = lengths.get(row)?;
        Some((0..length).map(|_| rand::random::<u8>()).collect::<Vec<u8>>())
    }))
}

/// SLEEP: the time of all rows, one after the other.
fn sleep(seconds: &Value, rows: usize, cancel: &Cancel) -> Result<Value> {
    let wrong = || Error::BadArguments("sleep");
    let column = seconds.to_double();
    for row in 0..rows {
        let seconds = column.as_ref().and_then(|c| c.get(row)).filter(|s| *s >= 0.0).ok_or_else(wrong)?;
        // What is too long to be counted is for ever.
        let until =
            Duration::try_from_secs_f64(seconds).ok().and_then(|time| runtime::now().checked_add(time));
        loop {
            cancel.check()?;
            let left = until.map_or(DOZE, |until| until.saturating_duration_since(runtime::now()));
            if left.is_zero() {
                break;
            }
            runtime::sleep(left.min(DOZE));
        }
    }
    Ok(Value::Int(Column::one(0)))
}

/// BENCHMARK(n, x): x of all rows, n times.
fn benchmark(program: &Program, node: &Node, frame: &mut Frame<'_>, scratch: &mut Scratch) -> Result<Value> {
    let [times, x] = node.args[..] else {
        return Err(Error::Plan("BENCHMARK takes two arguments".into()));
    };
    let times = ints(&program.value(times, frame, scratch)?, frame.rows);
    let most = (0..frame.rows).filter_map(|row| times.get(row)).max().unwrap_or(0);
    if most < 0 {
        return Err(Error::BadArguments("benchmark"));
    }
    let rows: Vec<u32> = (0..frame.rows as u32).collect();
    for _ in 0..most {
        scratch.cancel().check()?;
        // Rows of their own, so that nothing is known of them.
        program.afresh(x, &rows, frame, scratch)?;
    }
    Ok(Value::Int(times.map(|_| 0)))
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::{Expr, Function};
    use allod_storage::schema::{ColumnType, SqlType};
    use arrow::array::{ArrayRef, AsArray};
    use arrow::datatypes::{Float64Type, Int64Type};

    use super::*;
    use crate::batch::Batch;
    use crate::kernel::Rules;

    fn call(what: Volatile, nth: u32, args: Vec<Expr>, sql: SqlType) -> Expr {
        Expr::call(Function::Volatile { what, nth }, args, ColumnType::nullable(sql))
    }

    fn int(v: i64) -> Expr {
        Expr::constant(Datum::Int(v), SqlType::BIGINT)
    }

    fn run(exprs: &[Expr], rows: usize, scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
        Program::compile_all(exprs, &[])?.eval_all(&Batch { columns: vec![], rows }, scratch)
    }

    /// TiDB's scripts and MariaDB 10.11 say the same.
    #[test]
    fn seeds_give_sequences() {
        let rand = |nth, seed| call(Volatile::Rand, nth, vec![seed], SqlType::Double);
        let null = Expr::constant(Datum::Null, SqlType::BIGINT);
        let exprs = [rand(1, int(1)), rand(2, int(3)), rand(3, null), rand(4, int(1))];
        let out = run(&exprs, 3, &mut Scratch::default()).unwrap();
        let values = |at: usize| out[at].as_primitive::<Float64Type>().values().to_vec();
        assert_eq!(values(0), [0.40540353712197724, 0.8716141803857071, 0.1418603212962489]);
        assert_eq!(values(1)[0], 0.9057697559760601);
        assert_eq!(values(2)[0], 0.15522042769493574);
        assert_eq!(values(0), values(3));
        // The sequence goes on in the next batch.
        let program = Program::compile_all(&exprs[..1], &[]).unwrap();
        let mut scratch = Scratch::default();
        let mut next = || {
            let out = program.eval(&Batch { columns: vec![], rows: 1 }, &mut scratch).unwrap();
            out.as_primitive::<Float64Type>().value(0)
        };
        assert_eq!([next(), next(), next()], [0.40540353712197724, 0.8716141803857071, 0.1418603212962489]);
    }

    #[test]
    fn values_of_rows_and_calls_differ() {
        let uuid = |nth| call(Volatile::Uuid, nth, vec![], SqlType::varchar(36));
        let rand = |nth| call(Volatile::Rand, nth, vec![], SqlType::Double);
        let out = run(&[uuid(1), uuid(2), rand(3), rand(4)], 100, &mut Scratch::default()).unwrap();
        let mut uuids: Vec<&str> =
            out[..2].iter().flat_map(|a| a.as_string_view().iter().flatten()).collect();
        for uuid in &uuids {
            let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!((parts.as_slice(), &uuid[14..15]), (&[8, 4, 4, 4, 12][..], "1"), "{uuid}");
        }
        uuids.sort_unstable();
        uuids.dedup();
        assert_eq!(uuids.len(), 200);
        let (a, b) = (out[2].as_primitive::<Float64Type>(), out[3].as_primitive::<Float64Type>());
        assert!(a.values().iter().chain(b.values()).all(|v| (0.0..1.0).contains(v)));
        assert_ne!(a, b);
    }

    #[test]
    fn sleep_can_be_stopped() {
        let sleep = |seconds| {
            let seconds = Expr::constant(seconds, SqlType::Double);
            [call(Volatile::Sleep, 1, vec![seconds], SqlType::BIGINT)]
        };
        let started = std::time::Instant::now();
        let slept = run(&sleep(Datum::Double(0.02)), 2, &mut Scratch::default()).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(40));
        assert_eq!(slept[0].as_primitive::<Int64Type>().values().to_vec(), [0, 0]);
        let cancel = Cancel::new();
        cancel.cancel();
        let stopped = run(&sleep(Datum::Double(1e300)), 1, &mut Scratch::new(cancel, Rules::default()));
        assert!(matches!(stopped, Err(Error::Cancelled)));
        for wrong in [Datum::Double(-1.0), Datum::Null] {
            let failed = run(&sleep(wrong), 1, &mut Scratch::default());
            assert!(matches!(failed, Err(Error::BadArguments("sleep"))));
        }
        // Nothing is waited for where there is no row.
        run(&sleep(Datum::Double(1e300)), 0, &mut Scratch::default()).unwrap();
    }

    /// A branch that is not taken does not sleep.
    #[test]
    fn only_rows_that_want_it_are_evaluated() {
        let column = Expr::column(allod_planner::column::ColumnId(0), ColumnType::not_null(SqlType::BIGINT));
        let forever = Expr::constant(Datum::Double(1e300), SqlType::Double);
        let sleep = call(Volatile::Sleep, 1, vec![forever], SqlType::BIGINT);
        let ty = ColumnType::nullable(SqlType::BIGINT);
        let chosen = Expr::call(Function::If, vec![column, sleep, int(7)], ty);
        let program = Program::compile(&chosen, &[allod_planner::column::ColumnId(0)]).unwrap();
        let zeros: ArrayRef = std::sync::Arc::new(arrow::array::Int64Array::from(vec![0; 100]));
        let out = program.eval(&Batch { columns: vec![zeros], rows: 100 }, &mut Scratch::default()).unwrap();
        assert_eq!(out.as_primitive::<Int64Type>().values().to_vec(), vec![7; 100]);
    }
}
