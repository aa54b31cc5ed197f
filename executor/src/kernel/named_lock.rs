//! Locks that have names: GET_LOCK and its family.
//!
//! Who waits for a lock asks for it again and again, as SLEEP does for its end, and stops when the statement is to stop. Row by
//! row: a row may take what the one before gave back.
//!
//! Left out: two sessions that wait for each other's locks are not found out (3058 of MySQL); one of them runs out of time.

use std::time::Duration;

use allod_planner::expr::Volatile;
use allod_storage::runtime;

use super::function::text;
use super::program::{Frame, Node, Program};
use super::scratch::Scratch;
use super::value::{Column, Value};
use crate::error::{Error, Result};
use crate::execute::NamedLocks;
use crate::pipeline::Cancel;

/// For so long nobody asks again.
const DOZE: Duration = Duration::from_millis(5);
/// Characters of a name.
const NAME_MAX: usize = 64;

/// Evaluates a call of the family.
pub(super) fn eval(
    what: Volatile,
    program: &Program,
    node: &Node,
    frame: &mut Frame<'_>,
    scratch: &mut Scratch,
) -> Result<Value> {
    let rows = frame.rows;
    let mut args = Vec::with_capacity(node.args.len());
    for arg in &node.args {
        args.push(program.value(*arg, frame, scratch)?);
    }
    let names: Vec<String> = match args.first() {
        Some(Value::Null) => (0..rows).map(|_| name_of(None)).collect::<Result<_>>()?,
        Some(names) => {
            let names = text(names, rows).map_err(|_| Error::BadArguments(what.name()))?;
            (0..rows).map(|row| name_of(names.get(row))).collect::<Result<_>>()?
        }
        None => Vec::new(),
    };
    let seconds = args.get(1).and_then(Value::to_double);
    let (locks, cancel) = (scratch.named_locks()?, scratch.cancel());
    let number = |row: usize| -> Result<Option<u64>> {
        let name = names.get(row).map_or("", String::as_str);
        Ok(match what {
            Volatile::GetLock => {
                let seconds = seconds.as_ref().and_then(|seconds| seconds.get(row));
                let seconds = seconds.ok_or(Error::BadArguments("get_lock"))?;
                Some(u64::from(wait(locks, name, seconds, cancel)?))
            }
            Volatile::ReleaseLock => Some(u64::from(locks.give_back(name))),
            Volatile::IsFreeLock => Some(u64::from(locks.holder(name).is_none())),
            Volatile::IsUsedLock => locks.holder(name),
            _ => Some(locks.give_all_back()),
        })
    };
    let numbers = (0..rows).map(number).collect::<Result<Vec<Option<u64>>>>()?;
    Ok(match what {
        Volatile::IsUsedLock => Value::UInt(Column::from_options(numbers.into_iter())),
        _ => Value::Int(Column::from_options(numbers.into_iter().map(|n| n.map(|n| n as i64)))),
    })
}

/// Names differ in more than capitals.
fn name_of(name: Option<&str>) -> Result<String> {
    match name {
        Some(name) if (1..=NAME_MAX).contains(&name.chars().count()) => Ok(name.to_lowercase()),
        other => Err(Error::WrongLockName(other.unwrap_or("NULL").to_owned())),
    }
}

/// Whether the lock was free before that many seconds had gone; a negative number is for ever.
fn wait(locks: &dyn NamedLocks, name: &str, seconds: f64, cancel: &Cancel) -> Result<bool> {
    let limit = Duration::try_from_secs_f64(seconds).ok();
    let until = limit.and_then(|limit| runtime::now().checked_add(limit));
    loop {
        cancel.check()?;
        if locks.take(name) {
            return Ok(true);
        }
        let left = until.map_or(DOZE, |until| until.saturating_duration_since(runtime::now()));
        if left.is_zero() {
            return Ok(false);
        }
        runtime::sleep(left.min(DOZE));
    }
}
